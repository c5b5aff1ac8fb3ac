/* One request: read it, call the controller or the journal, answer. */
#include "control/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The request's keys, as far as they were given. */
struct command {
    const char *verb;
    const char *group, *to, *node, *reason, *by;
    bool force, wait, observations;
    int64_t since_ms, until_ms, after, limit;
};

struct verb {
    const char *name;
    bool acts;
    bool needs_group;
    void (*run)(struct control_client *client, const struct command *command);
};

/* ---- Reading -------------------------------------------------------------------------- */

enum kind {
    TEXT,
    FLAG,
    NUMBER
};

static const struct key {
    const char *name;
    enum kind kind;
    size_t offset;
} keys[] = {
    {"do", TEXT, offsetof(struct command, verb)},
    {"group", TEXT, offsetof(struct command, group)},
    {"to", TEXT, offsetof(struct command, to)},
    {"node", TEXT, offsetof(struct command, node)},
    {"reason", TEXT, offsetof(struct command, reason)},
    {"by", TEXT, offsetof(struct command, by)},
    {"force", FLAG, offsetof(struct command, force)},
    {"wait", FLAG, offsetof(struct command, wait)},
    {"observations", FLAG, offsetof(struct command, observations)},
    {"since_ms", NUMBER, offsetof(struct command, since_ms)},
    {"until_ms", NUMBER, offsetof(struct command, until_ms)},
    {"after", NUMBER, offsetof(struct command, after)},
    {"limit", NUMBER, offsetof(struct command, limit)},
};

static enum baton_err read_key(
    struct command *command, const char *name, json_t *value, struct baton_error *error)
{
    static const char *const kinds[] = {"a string", "true or false", "a whole number"};
    char *base = (char *)command;
    size_t i;

    for (i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const struct key *key = &keys[i];

        if (strcmp(key->name, name) != 0) {
            continue;
        }
        if (key->kind == TEXT && json_is_string(value)) {
            *(const char **)(void *)(base + key->offset) = json_string_value(value);
        } else if (key->kind == FLAG && json_is_boolean(value)) {
            *(bool *)(void *)(base + key->offset) = json_is_true(value);
        } else if (key->kind == NUMBER && json_is_integer(value)) {
            *(int64_t *)(void *)(base + key->offset) = json_integer_value(value);
        } else {
            return baton_fail(error, BATON_INVALID, "\"%s\" must be %s", name, kinds[key->kind]);
        }
        return BATON_OK;
    }
    return baton_fail(
        error, BATON_INVALID, "unknown key \"%.64s\"; see the protocol in control.h", name);
}

static enum baton_err read_command(
    json_t *request, struct command *command, struct baton_error *error)
{
    const char *name;
    json_t *value;

    memset(command, 0, sizeof *command);
    if (!json_is_object(request)) {
        return baton_fail(
            error, BATON_INVALID, "a request is a JSON object, like {\"do\":\"ping\"}");
    }
    json_object_foreach(request, name, value)
    {
        if (strcmp(name, "id") == 0) {
            continue;
        }
        if (read_key(command, name, value, error) != BATON_OK) {
            return error->code;
        }
    }
    if (command->verb == NULL) {
        return baton_fail(
            error, BATON_INVALID, "the request names nothing to do: \"do\" is missing");
    }
    return BATON_OK;
}

/* ---- Finding -------------------------------------------------------------------------- */

static struct controller *find_controller(
    struct control_client *client, const char *name, struct baton_error *error)
{
    const struct control_setup *setup = &client->control->setup;
    char known[512] = "";
    size_t used = 0;
    int i;

    for (i = 0; i < setup->n_controllers; i++) {
        const char *group = controller_group(setup->controller[i])->name;

        if (strcmp(group, name) == 0) {
            return setup->controller[i];
        }
        if (used < sizeof known) {
            used += (size_t)snprintf(
                known + used, sizeof known - used, "%s%s", i == 0 ? "" : ", ", group);
        }
    }
    baton_fail(
        error, BATON_NOT_FOUND, "no group \"%.64s\"; there is: %s", name,
        setup->n_controllers == 0 ? "none" : known);
    return NULL;
}

static enum baton_err find_node(
    const struct group *group, const char *name, int *node, struct baton_error *error)
{
    char known[512] = "";
    size_t used = 0;
    int i;

    *node = group_find_node(group, name);
    if (*node != GROUP_NOBODY) {
        return BATON_OK;
    }
    for (i = 0; i < group->n_nodes && used < sizeof known; i++) {
        used += (size_t)snprintf(
            known + used, sizeof known - used, "%s%s", i == 0 ? "" : ", ", group->node[i].name);
    }
    return baton_fail(
        error, BATON_NOT_FOUND, "group \"%s\" has no node \"%.64s\"; it has: %s", group->name, name,
        known);
}

/* ---- Looking -------------------------------------------------------------------------- */

static void run_ping(struct control_client *client, const struct command *command)
{
    struct world *world = client->control->setup.world;

    (void)command;
    control_send_ok(
        client, json_pack(
                    "{s:s,s:o,s:b}", "version", BATON_VERSION, "time",
                    control_json_time(world->ops->wall_ms(world)), "may_act", client->may_act));
}

static void run_status(struct control_client *client, const struct command *command)
{
    const struct control_setup *setup = &client->control->setup;
    struct controller *only = NULL;
    struct baton_error error;
    json_t *groups;
    int i;

    if (command->group != NULL) {
        only = find_controller(client, command->group, &error);
        if (only == NULL) {
            control_send_failed(client, &error);
            return;
        }
    }
    groups = json_array();
    for (i = 0; i < setup->n_controllers; i++) {
        if (only == NULL || only == setup->controller[i]) {
            json_array_append_new(groups, control_json_group(setup->controller[i], setup->world));
        }
    }
    control_send_ok(
        client, json_pack(
                    "{s:s,s:o,s:o}", "version", BATON_VERSION, "time",
                    control_json_time(setup->world->ops->wall_ms(setup->world)), "groups", groups));
}

static void run_watch(struct control_client *client, const struct command *command)
{
    struct baton_error error;

    if (command->group != NULL && find_controller(client, command->group, &error) == NULL) {
        control_send_failed(client, &error);
        return;
    }
    client->watching = true;
    snprintf(
        client->watched, sizeof client->watched, "%s",
        command->group == NULL ? "" : command->group);
    control_send_ok(client, NULL);
}

static void run_why(struct control_client *client, const struct command *command)
{
    struct baton_error error;
    struct controller *controller = find_controller(client, command->group, &error);

    if (controller == NULL) {
        control_send_failed(client, &error);
        return;
    }
    control_send_ok(
        client,
        json_pack("{s:o}", "group", control_json_group(controller, client->control->setup.world)));
}

/* False where there is no memory, and that has been said. */
static bool begin_question(struct control_client *client)
{
    client->question = calloc(1, sizeof *client->question);
    if (client->question == NULL) {
        control_send_error(client, baton_err_name(BATON_NOMEM), "no memory for the question");
        return false;
    }
    client->question->client = client;
    return true;
}

/* Who asked, NULL where they have gone. */
static struct control_client *end_question(struct control_question *question)
{
    struct control_client *client = question->client;

    free(question);
    if (client != NULL) {
        client->question = NULL;
    }
    return client;
}

static void on_rows(void *arg, json_t *rows, const struct baton_error *failed)
{
    struct control_client *client = end_question(arg);

    if (client == NULL) {
        json_decref(rows);
        return;
    }
    if (failed != NULL) {
        control_send_failed(client, failed);
        json_decref(rows);
    } else {
        control_send_ok(client, json_pack("{s:o}", "rows", rows));
    }
    control_next(client);
}

static void run_history(struct control_client *client, const struct command *command)
{
    struct journal_query query = {
        .group = command->group,
        .since_ms = command->since_ms,
        .until_ms = command->until_ms,
        .after_id = command->after,
        .limit = command->limit > 0 && command->limit < CONTROL_ROWS_MAX ? (int)command->limit : 0,
        .observations = command->observations,
    };
    struct baton_error error;

    if (command->limit >= CONTROL_ROWS_MAX) {
        query.limit = CONTROL_ROWS_MAX;
    }
    if (command->group != NULL && find_controller(client, command->group, &error) == NULL) {
        control_send_failed(client, &error);
        return;
    }
    if (begin_question(client)) {
        journal_history(client->control->setup.journal, &query, on_rows, client->question);
    }
}

/* ---- Acting --------------------------------------------------------------------------- */

/* Give the command to the group. NULL where it was refused, and that has been said. */
static struct controller *give(
    struct control_client *client, const struct command *command, enum group_command what,
    const char *node_name)
{
    struct baton_error error = {0};
    struct controller *controller = find_controller(client, command->group, &error);
    int node = GROUP_NOBODY;
    char by[160];

    if (controller == NULL) {
        goto refused;
    }
    if (node_name != NULL &&
        find_node(controller_group(controller), node_name, &node, &error) != BATON_OK) {
        goto refused;
    }
    if (command->by != NULL && command->by[0] != '\0') {
        snprintf(by, sizeof by, "%.64s (%s) via socket", command->by, client->who);
    } else {
        snprintf(by, sizeof by, "%s via socket", client->who);
    }
    if (controller_command(controller, what, node, command->force, by, command->reason, &error) !=
        BATON_OK) {
        goto refused;
    }
    return controller;
refused:
    control_send_failed(client, &error);
    return NULL;
}

static void run_move(
    struct control_client *client, const struct command *command, enum group_command what)
{
    struct baton_error ignored;
    struct controller *controller = find_controller(client, command->group, &ignored);
    int64_t before = controller != NULL ? controller_group(controller)->plan[0].id : 0;
    const struct group_plan *plan;

    controller = give(client, command, what, command->to);
    if (controller == NULL) {
        return;
    }
    if (control_peers_move(client, controller, before, command->to, command->wait)) {
        return;
    }
    plan = &controller_group(controller)->plan[0];
    if (command->wait) {
        control_wait_begin(client, controller);
        return;
    }
    control_send_ok(
        client, json_pack(
                    "{s:I,s:s}", "plan", (json_int_t)(plan->kind == GROUP_PLAN_NONE ? 0 : plan->id),
                    "kind", group_plan_name(plan->kind)));
}

static void run_failover(struct control_client *client, const struct command *command)
{
    if (command->force && (command->reason == NULL || command->reason[0] == '\0')) {
        control_send_error(
            client, baton_err_name(BATON_INVALID),
            "a forced failover needs a reason: name the risk that you accept");
        return;
    }
    run_move(client, command, GROUP_CMD_FAILOVER);
}

static void run_failback(struct control_client *client, const struct command *command)
{
    run_move(client, command, GROUP_CMD_FAILBACK);
}

static void run_simple(
    struct control_client *client, const struct command *command, enum group_command what,
    const char *node)
{
    const struct controller *controller = give(client, command, what, node);

    if (controller != NULL && !control_peers_simple(client, controller, what)) {
        control_send_ok(client, NULL);
    }
}

static void run_pause(struct control_client *client, const struct command *command)
{
    run_simple(client, command, GROUP_CMD_PAUSE, NULL);
}

static void run_resume(struct control_client *client, const struct command *command)
{
    run_simple(client, command, GROUP_CMD_RESUME, NULL);
}

static void run_confirm_out(struct control_client *client, const struct command *command)
{
    if (command->node == NULL || command->reason == NULL || command->reason[0] == '\0') {
        control_send_error(
            client, baton_err_name(BATON_INVALID),
            "confirm-out needs \"node\" and \"reason\": say how you know that it is off");
        return;
    }
    run_simple(client, command, GROUP_CMD_CONFIRM_OUT, command->node);
}

static void on_reloaded(void *arg, const struct baton_error *failed, const char *warnings)
{
    struct control_client *client = end_question(arg);

    if (client == NULL) {
        return;
    }
    if (failed != NULL) {
        control_send_failed(client, failed);
    } else if (warnings[0] != '\0') {
        control_send_ok(client, json_pack("{s:o}", "warnings", control_json_lines(warnings)));
    } else {
        control_send_ok(client, NULL);
    }
    control_next(client);
}

static void run_reload(struct control_client *client, const struct command *command)
{
    const struct control_setup *setup = &client->control->setup;

    (void)command;
    if (begin_question(client)) {
        setup->reload(setup->reload_arg, on_reloaded, client->question);
    }
}

/* ---- Choosing ------------------------------------------------------------------------- */

static const struct verb verbs[] = {
    {"ping", false, false, run_ping},       {"status", false, false, run_status},
    {"watch", false, false, run_watch},     {"why", false, true, run_why},
    {"history", false, false, run_history}, {"failover", true, true, run_failover},
    {"failback", true, true, run_failback}, {"pause", true, true, run_pause},
    {"resume", true, true, run_resume},     {"confirm-out", true, true, run_confirm_out},
    {"reload", true, false, run_reload},
};

static const struct verb *find_verb(const char *name, struct baton_error *error)
{
    char known[256] = "";
    size_t i, used = 0;

    for (i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(verbs[i].name, name) == 0) {
            return &verbs[i];
        }
        if (used < sizeof known) {
            used += (size_t)snprintf(
                known + used, sizeof known - used, "%s%s", i == 0 ? "" : ", ", verbs[i].name);
        }
    }
    baton_fail(error, BATON_INVALID, "can't do \"%.64s\"; there is: %s", name, known);
    return NULL;
}

static void run(struct control_client *client, json_t *request)
{
    struct baton_error error = {0};
    struct command command;
    const struct verb *verb;

    if (read_command(request, &command, &error) != BATON_OK) {
        control_send_failed(client, &error);
        return;
    }
    verb = find_verb(command.verb, &error);
    if (verb == NULL) {
        control_send_failed(client, &error);
        return;
    }
    if (verb->acts && !client->may_act) {
        control_send_error(
            client, "forbidden",
            "only root and the daemon's own user may act; use sudo. Others may look");
        return;
    }
    if (verb->needs_group && command.group == NULL) {
        baton_fail(&error, BATON_INVALID, "\"%s\" needs a \"group\"", verb->name);
        control_send_failed(client, &error);
        return;
    }
    verb->run(client, &command);
}

void control_command(struct control_client *client, const char *line, size_t len)
{
    json_error_t where;
    json_t *request = json_loadb(line, len, JSON_REJECT_DUPLICATES, &where);

    json_decref(client->id);
    client->id = NULL;
    if (request == NULL) {
        struct baton_error error;

        baton_fail(&error, BATON_INVALID, "this is no JSON: %s", where.text);
        control_send_failed(client, &error);
        return;
    }
    client->id = json_incref(json_object_get(request, "id"));
    run(client, request);
    json_decref(request);
}
