/* baton init, baton migrate: load the group, ask, run its steps. */
#include "setup.h"

#include "daemon/loader.h"
#include "world/live/live.h"
#include "world/shadow/shadow.h"

#include <errno.h>
#include <event2/event.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CONFIG_DEFAULT "/etc/baton/baton.xml"
#define STATUS_MS      10000 /* for batond to say whether it controls the group */

/* ---- May it act? ------------------------------------------------------------------------- */

/* Does anybody listen there? EACCES and the like are not known to be nobody. */
static bool nobody_listens(const char *socket_path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd, why;

    if (strlen(socket_path) >= sizeof address.sun_path) {
        return false;
    }
    memcpy(address.sun_path, socket_path, strlen(socket_path));
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    why = fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) != 0 ? errno : 0;
    if (fd >= 0) {
        close(fd);
    }
    return why == ENOENT || why == ECONNREFUSED || why == ENOTDIR;
}

static json_t *ask_status(const struct args *args, const char *group)
{
    struct client *client = client_open(args);
    json_t *answer = NULL;
    bool gone;

    if (client != NULL) {
        client_send(client, json_pack("{s:s,s:s}", "do", "status", "group", group));
        answer = client_next(client, STATUS_MS, &gone);
        client_close(client);
    }
    return answer;
}

enum baton_err setup_may_act(const struct setup *setup, struct baton_error *error)
{
    const char *name = setup->group->name;
    struct args args = *setup->args;
    enum baton_err err = BATON_OK;
    const json_t *group;
    json_t *answer;

    if (strcmp(args.socket, SOCKET_DEFAULT) == 0) { /* nobody named another */
        args.socket = setup->config->control_socket;
    }
    if (nobody_listens(args.socket)) {
        return BATON_OK;
    }
    answer = ask_status(&args, name);
    if (answer == NULL) {
        return baton_fail(
            error, BATON_REFUSED,
            "batond at %s does not say whether it controls %s; as long as it might, nothing is "
            "changed",
            args.socket, name);
    }
    group = json_array_get(json_object_get(answer, "groups"), 0);
    if (bool_at(answer, "ok") && group != NULL && !bool_at(group, "paused")) {
        err = baton_fail(
            error, BATON_REFUSED,
            "batond controls %s, and would move it meanwhile. Pause it first: baton pause %s", name,
            name);
    } else if (
        !bool_at(answer, "ok") &&
        strcmp(text_at(json_object_get(answer, "error"), "code"), "not-found") != 0) {
        err = baton_fail(
            error, BATON_REFUSED, "batond at %s does not say whether it controls %s: %s",
            args.socket, name, text_at(json_object_get(answer, "error"), "text"));
    }
    json_decref(answer);
    return err;
}

/* ---- Loading ----------------------------------------------------------------------------- */

static enum baton_err find_group(struct setup *setup, struct baton_error *error)
{
    const char *name = setup->args->word[0];
    int i;

    for (i = 0; i < setup->config->n_groups; i++) {
        if (strcmp(setup->config->group[i].name, name) == 0) {
            setup->group = &setup->config->group[i];
            return BATON_OK;
        }
    }
    return baton_fail(
        error, BATON_NOT_FOUND, "%s: there is no group %s", setup->config->file, name);
}

/* The folder of the records; ssh's sockets are in it too, apart from a daemon's. */
static enum baton_err own_state(struct setup *setup, struct baton_error *error)
{
    struct config *config = setup->config;
    char *directory;

    if (asprintf(&directory, "%s/setup", config->state_directory) < 0) {
        return baton_fail(error, BATON_NOMEM, "no memory for a path");
    }
    if (!setup->args->dry_run && ((mkdir(config->state_directory, 0700) != 0 && errno != EEXIST) ||
                                  (mkdir(directory, 0700) != 0 && errno != EEXIST))) {
        baton_fail(error, BATON_IO, "%s: can't be made: %s", directory, strerror(errno));
        free(directory);
        return BATON_IO;
    }
    free(config->state_directory);
    config->state_directory = directory;
    config->log_to = CONFIG_LOG_STDERR;
    config->log_level = WORLD_WARNING;
    return BATON_OK;
}

/* A dry run makes nothing where the records are. */
static enum baton_err own_folder(struct setup *setup, struct baton_error *error)
{
    char *folder;

    snprintf(setup->folder, sizeof setup->folder, "/tmp/baton-plan-XXXXXX");
    if (mkdtemp(setup->folder) == NULL) {
        setup->folder[0] = '\0';
        return baton_fail(error, BATON_IO, "/tmp: no folder can be made: %s", strerror(errno));
    }
    folder = strdup(setup->folder);
    if (folder == NULL) {
        return baton_fail(error, BATON_NOMEM, "no memory for a path");
    }
    free(setup->config->state_directory);
    setup->config->state_directory = folder;
    return BATON_OK;
}

static void on_signal(evutil_socket_t signal, short what, void *arg)
{
    struct setup *setup = arg;

    (void)signal;
    (void)what;
    setup->stopped = true;
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    tell_tick(arg);
}

static enum baton_err make_world(struct setup *setup, struct baton_error *error)
{
    struct live_setup live = {.config = setup->config};
    struct timeval second = {1, 0};
    enum baton_err err;

    setup->base = live.base = event_base_new();
    if (setup->base == NULL) {
        return baton_fail(error, BATON_IO, "can't make the event loop");
    }
    err = live_new(&live, &setup->live, error);
    if (err == BATON_OK && setup->args->dry_run) {
        err = shadow_new(setup->live, &setup->shadow, error);
    }
    if (err != BATON_OK) {
        return err;
    }
    setup->world =
        watch_new(setup->shadow != NULL ? setup->shadow : setup->live, tell_progress, setup);
    setup->signals[0] = evsignal_new(setup->base, SIGINT, on_signal, setup);
    setup->signals[1] = evsignal_new(setup->base, SIGTERM, on_signal, setup);
    setup->tick = event_new(setup->base, -1, EV_PERSIST, on_tick, setup);
    if (setup->world == NULL || setup->signals[0] == NULL || setup->signals[1] == NULL ||
        setup->tick == NULL || event_add(setup->signals[0], NULL) != 0 ||
        event_add(setup->signals[1], NULL) != 0 || event_add(setup->tick, &second) != 0) {
        return baton_fail(error, BATON_NOMEM, "no memory for the world");
    }
    return BATON_OK;
}

/* The policy looks at a group in which nothing is known yet. */
static enum baton_err make_group(struct setup *setup, struct baton_error *error)
{
    struct group_setup group = {
        .name = setup->group->name,
        .n_nodes = setup->group->n_nodes,
        .rules = &policy_table(setup->policy)->rules,
        .memory = {.holder = GROUP_NOBODY},
        .now_ms = world_now_ms(setup->world),
    };
    enum baton_err err;
    int i;

    for (i = 0; i < group.n_nodes; i++) {
        snprintf(group.node[i].name, sizeof group.node[i].name, "%s", setup->group->node[i].name);
        group.node[i].priority = setup->group->node[i].priority;
    }
    err = group_new(&group, &setup->state, error);
    if (err == BATON_OK) {
        policy_bind(setup->policy, setup->state);
    }
    return err;
}

static bool is_for(const struct setup *setup, const struct policy_step *step, int node)
{
    const struct config_node *nodes = setup->group->node;
    int primary = 0, i;

    for (i = 1; i < setup->group->n_nodes; i++) {
        primary = nodes[i].priority < nodes[primary].priority ? i : primary;
    }
    switch (step->on) {
    case POLICY_ON_GROUP:
        return node == 0;
    case POLICY_ON_EACH:
        return true;
    case POLICY_ON_PRIMARY:
        return node == primary;
    case POLICY_ON_STANDBYS:
        return node != primary;
    }
    return false;
}

static enum baton_err make_units(struct setup *setup, struct baton_error *error)
{
    int n_steps, i, node;
    const struct policy_step *steps = policy_steps(setup->policy, setup->which, &n_steps);

    if (n_steps == 0) {
        return baton_fail(
            error, BATON_NOT_FOUND, "%s: this policy has no steps for baton %s (%s = { … })",
            setup->group->policy_file, setup->name, setup->name);
    }
    setup->unit = calloc((size_t)n_steps * GROUP_NODES_MAX, sizeof *setup->unit);
    if (setup->unit == NULL) {
        return baton_fail(error, BATON_NOMEM, "no memory for the steps");
    }
    for (i = 0; i < n_steps; i++) {
        for (node = 0; node < setup->group->n_nodes; node++) {
            if (is_for(setup, &steps[i], node)) {
                struct setup_unit *unit = &setup->unit[setup->n_units++];

                unit->step = &steps[i];
                unit->index = POLICY_STEP_INDEX(setup->which, i);
                unit->node = node;
                unit->on = steps[i].on == POLICY_ON_GROUP ? "" : setup->group->node[node].name;
                unit->number = setup->n_units;
            }
        }
    }
    return BATON_OK;
}

static enum baton_err load(struct setup *setup, struct baton_error *error)
{
    const char *file = setup->args->config != NULL ? setup->args->config : CONFIG_DEFAULT;
    enum baton_err err = config_load(file, &setup->config, error);

    if (err == BATON_OK) {
        err = find_group(setup, error);
    }
    if (err == BATON_OK && setup->config->peers != NULL) {
        err = baton_fail(
            error, BATON_REFUSED,
            "%s: has <peers>, where each Baton acts on its own node only. For baton %s write a "
            "configuration without <peers>, whose nodes are entered by <ssh> or <winrm>, and name "
            "it by --config",
            file, setup->name);
    }
    if (err == BATON_OK) {
        err = own_state(setup, error);
    }
    if (err == BATON_OK) {
        err = record_open(
            setup->config->state_directory, setup->group->name, setup->name, setup->args->dry_run,
            &setup->record, error);
    }
    if (err == BATON_OK && setup->args->dry_run) {
        err = own_folder(setup, error);
    }
    if (err == BATON_OK) {
        err = make_world(setup, error);
    }
    if (err == BATON_OK) {
        err = loader_group(
            setup->config, setup->group, setup->world, &setup->site, &setup->policy, error);
    }
    if (err == BATON_OK) {
        err = make_group(setup, error);
    }
    if (err == BATON_OK) {
        err = make_units(setup, error);
    }
    return err;
}

static void unload(struct setup *setup)
{
    policy_free(setup->policy);
    group_free(setup->state);
    watch_free(setup->world);
    if (setup->shadow != NULL) {
        shadow_free(setup->shadow);
    }
    live_free(setup->live);
    for (int i = 0; i < 2; i++) {
        if (setup->signals[i] != NULL) {
            event_free(setup->signals[i]);
        }
    }
    if (setup->tick != NULL) {
        event_free(setup->tick);
    }
    if (setup->base != NULL) {
        event_base_free(setup->base);
    }
    if (setup->folder[0] != '\0') {
        rmdir(setup->folder); /* the world has taken away what it had there */
    }
    record_close(setup->record);
    free(setup->unit);
    config_free(setup->config);
}

/* ---- The command ------------------------------------------------------------------------- */

static bool is_finished(const struct setup *setup)
{
    int i;

    for (i = 0; i < setup->n_units; i++) {
        switch (record_state(setup->record, setup->unit[i].step->name, setup->unit[i].on)) {
        case RECORD_DONE:
        case RECORD_ALREADY:
        case RECORD_SKIPPED:
            break;
        default:
            return false;
        }
    }
    return true;
}

static void tell_first(const struct setup *setup)
{
    const struct args *args = setup->args;
    char nodes[GROUP_NODES_MAX * (GROUP_NAME_MAX + 16)] = "";
    size_t used = 0;
    int i;

    for (i = 0; i < setup->group->n_nodes; i++) {
        used += (size_t)snprintf(
            nodes + used, sizeof nodes - used, "%s%s%s", i > 0 ? ", " : "",
            setup->group->node[i].name, i == 0 ? " (primary)" : "");
    }
    tell(
        setup, "%sbaton %s%s %s%s: %s%d steps on %s.%s", print_bold(), setup->name,
        args->undo ? " --undo" : "", setup->group->name, print_plain(),
        args->undo ? "the way back, of at most " : "", setup->n_units, nodes,
        args->dry_run ? " This is a dry run: nothing is changed." : "");
    if (!args->dry_run) {
        tell(setup, "What has been done is written to %s.", record_file(setup->record));
    }
}

/* The runner's own question, before anything is changed. */
static enum baton_err begin(struct setup *setup, struct baton_error *error)
{
    char line[64];

    if (setup->args->yes) {
        return BATON_OK;
    }
    if (!setup_can_ask(setup)) {
        return baton_fail(
            error, BATON_REFUSED,
            "there is no terminal to ask on: add --yes to begin, or --dry-run to see what would "
            "change");
    }
    if (!setup_ask(setup, "Begin? [y/N] ", line, sizeof line) ||
        (strcasecmp(line, "y") != 0 && strcasecmp(line, "yes") != 0)) {
        return baton_fail(error, BATON_REFUSED, "nothing was begun");
    }
    return BATON_OK;
}

static int run(struct setup *setup)
{
    const struct args *args = setup->args;
    struct baton_error error = {0};
    enum baton_err err = BATON_OK;

    if (args->undo && record_is_empty(setup->record)) {
        return tell_last(
            setup, BATON_DONE, "", "There is nothing to take back: %s says of no step.",
            record_file(setup->record));
    }
    tell_first(setup);
    if (args->dry_run) {
        return args->undo ? setup_undo(setup) : setup_dry_run(setup);
    }
    if (args->undo || args->again || !is_finished(setup)) {
        err = setup_may_act(setup, &error);
        if (err == BATON_OK) {
            err = begin(setup, &error);
        }
        if (err != BATON_OK) {
            return tell_last(setup, BATON_NO, baton_err_name(err), "%s", error.text);
        }
    }
    return args->undo ? setup_undo(setup) : setup_run(setup);
}

static int command(const struct args *args, enum policy_setup which, const char *name)
{
    struct setup setup = {.args = args, .which = which, .name = name};
    struct baton_error error = {0};
    int code;

    if (load(&setup, &error) != BATON_OK) {
        code = print_error(args, BATON_NO, baton_err_name(error.code), "%s", error.text);
    } else {
        code = run(&setup);
    }
    unload(&setup);
    return code;
}

int command_init(const struct args *args)
{
    return command(args, POLICY_INIT, "init");
}

int command_migrate(const struct args *args)
{
    return command(args, POLICY_MIGRATE, "migrate");
}
