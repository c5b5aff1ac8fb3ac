/* baton cluster: the servers, as the document's page "Failover Servers" shows them. What the policy
 * has columns for is asked of the nodes; who has which role says batond, where it runs. */
#include "ground.h"

#include <libsmartcols.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define STATUS_MS 5000

struct cell {
    struct cluster *cluster;
    struct policy_task *task;
    enum group_outcome outcome;
    char *text;
};

struct cluster {
    const struct args *args;
    struct ground ground;
    json_t *status; /* of batond; NULL: it does not run, or does not say */
    int n_cells, done;
    struct cell *cell;
};

/* ---- What batond says -------------------------------------------------------------------- */

/* Quietly: that nobody listens is nothing to complain of here. */
static bool listens(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    bool ok;
    int fd;

    if (strlen(path) >= sizeof address.sun_path) {
        return false;
    }
    memcpy(address.sun_path, path, strlen(path));
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ok = fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

static json_t *ask_status(const struct args *asked, const struct config *config)
{
    struct args args = *asked;
    struct client *client;
    json_t *answer;
    bool gone;

    if (strcmp(args.socket, SOCKET_DEFAULT) == 0) { /* nobody named another */
        args.socket = config->control_socket;
    }
    client = listens(args.socket) ? client_open(&args) : NULL;
    if (client == NULL) {
        return NULL;
    }
    client_send(client, json_pack("{s:s}", "do", "status"));
    answer = client_next(client, STATUS_MS, &gone);
    client_close(client);
    return answer;
}

static const json_t *named(const json_t *list, const char *name)
{
    const json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        if (strcmp(text_at(item, "name"), name) == 0) {
            return item;
        }
    }
    return NULL;
}

/* ---- What the nodes say ------------------------------------------------------------------ */

static void on_cell(void *arg, const struct policy_result *result)
{
    struct cell *cell = arg;

    cell->task = NULL;
    cell->outcome = result->broken ? GROUP_UNKNOWN : result->outcome;
    cell->text = strdup(result->detail);
    cell->cluster->done++;
}

static void ask_cell(
    struct cluster *cluster, const struct ground_group *group, int column, int node,
    const struct policy_check *check)
{
    struct cell *cell = &cluster->cell[cluster->n_cells++];
    struct baton_error error;

    cell->cluster = cluster;
    cell->outcome = GROUP_UNKNOWN;
    if (group->self != GROUP_NOBODY && group->self != node) {
        cell->text = strdup("only its own Baton knows");
        cluster->done++;
        return;
    }
    cell->task = policy_run(
        group->policy, POLICY_COLUMN, column, node,
        world_now_ms(cluster->ground.world) + check->timeout_ms, on_cell, cell, &error);
    if (cell->task == NULL) {
        cell->text = strdup(error.text);
        cluster->done++;
    }
}

/* Cells come group by group, node by node, column by column. */
static enum baton_err ask(struct cluster *cluster, struct baton_error *error)
{
    const struct ground *ground = &cluster->ground;
    size_t room = 1;
    int i, node, column, count;

    for (i = 0; i < ground->n_groups; i++) {
        policy_columns(ground->group[i].policy, &count);
        room += (size_t)count * (size_t)ground->group[i].config->n_nodes;
    }
    cluster->cell = calloc(room, sizeof *cluster->cell);
    if (cluster->cell == NULL) {
        return baton_fail(error, BATON_NOMEM, "no memory for the table");
    }
    for (i = 0; i < ground->n_groups; i++) {
        const struct ground_group *group = &ground->group[i];
        const struct policy_check *checks = policy_columns(group->policy, &count);

        for (node = 0; node < group->config->n_nodes; node++) {
            for (column = 0; column < count; column++) {
                ask_cell(cluster, group, column, node, &checks[column]);
            }
        }
    }
    return BATON_OK;
}

/* ---- As JSON ----------------------------------------------------------------------------- */

/* Of a node that batond tells of: its state; else what the configuration makes of it. */
static json_t *role_of(const json_t *node, int index)
{
    if (node == NULL) {
        return json_string(index == 0 ? "primary" : "standby");
    }
    if (bool_at(node, "holder")) {
        return json_sprintf("%s, holds the baton", text_at(node, "state"));
    }
    return json_string(text_at(node, "state"));
}

static json_t *server_json(
    const struct cluster *cluster, const struct ground_group *group, const json_t *told, int index,
    int *next)
{
    static const char *const outcomes[] = {
        [GROUP_UNKNOWN] = "unknown", [GROUP_OK] = "ok", [GROUP_FAIL] = "fail"};
    const struct config_node *node = &group->config->node[index];
    int column, count;
    const struct policy_check *checks = policy_columns(group->policy, &count);
    json_t *columns = json_array(), *server;

    for (column = 0; column < count; column++) {
        const struct cell *cell = &cluster->cell[(*next)++];
        json_t *text = json_string(cell->text != NULL ? cell->text : "");

        json_array_append_new(
            columns, json_pack(
                         "{s:s,s:s,s:o,s:s}", "name", checks[column].name, "title",
                         checks[column].title, "value", text != NULL ? text : json_string("?"),
                         "outcome", outcomes[cell->outcome]));
    }
    server = json_pack(
        "{s:s,s:s,s:i,s:o,s:o}", "name", node->name, "address", node->address, "priority",
        node->priority, "role", role_of(named(json_object_get(told, "nodes"), node->name), index),
        "columns", columns);
    return server;
}

static json_t *result_of(const struct cluster *cluster)
{
    json_t *groups = json_array();
    int i, node, next = 0;

    for (i = 0; i < cluster->ground.n_groups; i++) {
        const struct ground_group *group = &cluster->ground.group[i];
        const json_t *told = named(json_object_get(cluster->status, "groups"), group->config->name);
        json_t *servers = json_array();

        for (node = 0; node < group->config->n_nodes; node++) {
            json_array_append_new(servers, server_json(cluster, group, told, node, &next));
        }
        json_array_append_new(
            groups, json_pack(
                        "{s:s,s:s?,s:b,s:o}", "group", group->config->name, "floating",
                        group->config->floating, "batond", told != NULL, "servers", servers));
    }
    return json_pack("{s:b,s:o}", "ok", 1, "groups", groups);
}

/* ---- As a table -------------------------------------------------------------------------- */

static void set_cell(struct libscols_line *line, size_t column, const char *text)
{
    struct libscols_cell *cell = scols_line_get_cell(line, column);
    const char *colour = print_colour(text);

    scols_line_set_data(line, column, text);
    if (cell != NULL && colour[0] != '\0') {
        scols_cell_set_color(cell, colour);
    }
}

static void add_line(struct libscols_table *table, const json_t *server)
{
    struct libscols_line *line = scols_table_new_line(table, NULL);
    const json_t *column;
    char priority[32];
    size_t i;

    if (line == NULL) {
        return;
    }
    snprintf(priority, sizeof priority, "%lld", (long long)int_at(server, "priority"));
    set_cell(line, 0, text_at(server, "name"));
    set_cell(line, 1, text_at(server, "address"));
    set_cell(line, 2, priority);
    set_cell(line, 3, text_at(server, "role"));
    json_array_foreach(json_object_get(server, "columns"), i, column)
    {
        set_cell(line, i + 4, text_at(column, "value"));
    }
}

static void print_group(const json_t *group)
{
    static const char *const heads[] = {"SERVER", "ADDRESS", "PRIORITY", "ROLE"};
    const json_t *servers = json_object_get(group, "servers"), *server, *column;
    struct libscols_table *table = scols_new_table();
    size_t i;

    if (table == NULL) {
        return;
    }
    for (i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        scols_table_new_column(table, heads[i], 0.1, 0);
    }
    json_array_foreach(json_object_get(json_array_get(servers, 0), "columns"), i, column)
    {
        scols_table_new_column(table, text_at(column, "title"), 0.1, SCOLS_FL_TRUNC);
    }
    scols_table_set_column_separator(table, "  ");
    scols_table_enable_colors(table, print_fancy());
    json_array_foreach(servers, i, server)
    {
        add_line(table, server);
    }
    printf("%s%s%s", print_bold(), text_at(group, "group"), print_plain());
    if (text_at(group, "floating")[0] != '\0') {
        printf("  %s", text_at(group, "floating"));
    }
    if (!bool_at(group, "batond")) {
        printf("  (batond was not asked: the roles are those of the configuration)");
    }
    putchar('\n');
    scols_print_table(table);
    scols_unref_table(table);
}

static void print_result(const struct args *args, const json_t *result)
{
    const json_t *group;
    size_t i;

    if (args->json) {
        print_json(result);
        return;
    }
    json_array_foreach(json_object_get(result, "groups"), i, group)
    {
        if (i > 0) {
            putchar('\n');
        }
        print_group(group);
    }
}

/* ---- The command ------------------------------------------------------------------------- */

static void end(struct cluster *cluster)
{
    int i;

    for (i = 0; i < cluster->n_cells; i++) {
        if (cluster->cell[i].task != NULL) {
            policy_cancel(cluster->cell[i].task);
        }
        free(cluster->cell[i].text);
    }
    free(cluster->cell);
    json_decref(cluster->status);
    ground_close(&cluster->ground);
}

int command_cluster(const struct args *args)
{
    struct cluster cluster = {.args = args};
    struct baton_error error = {0};
    const char *name = args->n_words > 0 ? args->word[0] : NULL;
    enum baton_err err = ground_open(&cluster.ground, args->config, name, &error);
    int code = BATON_DONE;

    if (err == BATON_OK) {
        err = ask(&cluster, &error);
    }
    if (err != BATON_OK) {
        code = print_error(args, BATON_USAGE, baton_err_name(error.code), "%s", error.text);
        end(&cluster);
        return code;
    }
    cluster.status = ask_status(args, cluster.ground.config);
    while (cluster.done < cluster.n_cells && !cluster.ground.stopped) {
        ground_turn(&cluster.ground);
    }
    if (cluster.ground.stopped) {
        code = print_error(args, BATON_NO, "stopped", "stopped before all had answered");
    } else {
        json_t *result = result_of(&cluster);

        print_result(args, result);
        json_decref(result);
    }
    end(&cluster);
    return code;
}
