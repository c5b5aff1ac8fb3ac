#include "ground.h"

#include "daemon/loader.h"
#include "world/live/live.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TICK_US 200000

/* ---- The world --------------------------------------------------------------------------- */

static void on_signal(evutil_socket_t signal, short what, void *arg)
{
    struct ground *ground = arg;

    (void)signal;
    (void)what;
    ground->stopped = true;
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)arg;
}

/* What ssh and Kerberos keep is in a folder of this run. */
static enum baton_err own_folder(struct ground *ground, struct baton_error *error)
{
    snprintf(ground->folder, sizeof ground->folder, "/tmp/baton-look-XXXXXX");
    if (mkdtemp(ground->folder) == NULL) {
        ground->folder[0] = '\0';
        return baton_fail(error, BATON_IO, "/tmp: no folder can be made: %s", strerror(errno));
    }
    ground->state = ground->config->state_directory;
    ground->config->state_directory = strdup(ground->folder);
    if (ground->config->state_directory == NULL) {
        return baton_fail(error, BATON_NOMEM, "no memory for a path");
    }
    ground->config->log_to = CONFIG_LOG_STDERR;
    ground->config->log_level = WORLD_ALERT;
    return BATON_OK;
}

static enum baton_err make_world(struct ground *ground, struct baton_error *error)
{
    struct live_setup live = {.config = ground->config};
    struct timeval tick = {0, TICK_US};
    enum baton_err err;

    ground->base = live.base = event_base_new();
    if (ground->base == NULL) {
        return baton_fail(error, BATON_IO, "can't make the event loop");
    }
    err = live_new(&live, &ground->world, error);
    if (err != BATON_OK) {
        return err;
    }
    ground->signals[0] = evsignal_new(ground->base, SIGINT, on_signal, ground);
    ground->signals[1] = evsignal_new(ground->base, SIGTERM, on_signal, ground);
    ground->tick = event_new(ground->base, -1, EV_PERSIST, on_tick, ground);
    if (ground->signals[0] == NULL || ground->signals[1] == NULL || ground->tick == NULL ||
        event_add(ground->signals[0], NULL) != 0 || event_add(ground->signals[1], NULL) != 0 ||
        event_add(ground->tick, &tick) != 0) {
        return baton_fail(error, BATON_NOMEM, "no memory for the world");
    }
    return BATON_OK;
}

void ground_turn(struct ground *ground)
{
    event_base_loop(ground->base, EVLOOP_ONCE);
}

/* ---- Groups ------------------------------------------------------------------------------ */

/* The policy looks at a group in which nothing is known yet. */
static enum baton_err make_state(
    struct ground *ground, struct ground_group *group, struct baton_error *error)
{
    struct group_setup setup = {
        .name = group->config->name,
        .n_nodes = group->config->n_nodes,
        .rules = &policy_table(group->policy)->rules,
        .memory = {.holder = GROUP_NOBODY},
        .now_ms = world_now_ms(ground->world),
    };
    enum baton_err err;
    int i;

    for (i = 0; i < setup.n_nodes; i++) {
        snprintf(setup.node[i].name, sizeof setup.node[i].name, "%s", group->config->node[i].name);
        setup.node[i].priority = group->config->node[i].priority;
    }
    err = group_new(&setup, &group->state, error);
    if (err == BATON_OK) {
        policy_bind(group->policy, group->state);
    }
    return err;
}

static enum baton_err add_group(
    struct ground *ground, const struct config_group *config, struct baton_error *error)
{
    struct ground_group *group = &ground->group[ground->n_groups++];
    enum baton_err err;

    group->config = config;
    group->self = ground->config->peers != NULL ? config->self : GROUP_NOBODY;
    err = loader_group(ground->config, config, ground->world, &group->site, &group->policy, error);
    return err == BATON_OK ? make_state(ground, group, error) : err;
}

static enum baton_err add_groups(struct ground *ground, const char *name, struct baton_error *error)
{
    const struct config *config = ground->config;
    enum baton_err err = BATON_OK;
    int i;

    ground->group = calloc((size_t)config->n_groups + 1, sizeof *ground->group);
    if (ground->group == NULL) {
        return baton_fail(error, BATON_NOMEM, "no memory for %d groups", config->n_groups);
    }
    for (i = 0; i < config->n_groups && err == BATON_OK; i++) {
        const struct config_group *group = &config->group[i];

        if (name != NULL ? strcmp(group->name, name) == 0 : config_is_ours(config, group)) {
            err = add_group(ground, group, error);
        }
    }
    if (err == BATON_OK && ground->n_groups == 0) {
        return name != NULL
                   ? baton_fail(
                         error, BATON_NOT_FOUND, "%s: there is no group %s", config->file, name)
                   : baton_fail(
                         error, BATON_NOT_FOUND, "%s: no group of it is enabled here",
                         config->file);
    }
    return err;
}

/* ---- Life -------------------------------------------------------------------------------- */

static enum baton_err read_config(
    struct ground *ground, const char *file, struct baton_error *error)
{
    enum baton_err err = config_load(file, &ground->config, error);

    if (err == BATON_OK && ground->config->peers != NULL) { /* then it is to be one of the nodes */
        config_free(ground->config);
        ground->config = NULL;
        err = config_load_as(file, NULL, &ground->config, error);
    }
    return err;
}

enum baton_err ground_open(
    struct ground *ground, const char *file, const char *name, struct baton_error *error)
{
    enum baton_err err;

    memset(ground, 0, sizeof *ground);
    err = read_config(ground, file != NULL ? file : GROUND_CONFIG, error);
    if (err == BATON_OK) {
        err = own_folder(ground, error);
    }
    if (err == BATON_OK) {
        err = make_world(ground, error);
    }
    if (err == BATON_OK) {
        err = add_groups(ground, name, error);
    }
    return err;
}

void ground_close(struct ground *ground)
{
    int i;

    for (i = 0; i < ground->n_groups; i++) {
        policy_free(ground->group[i].policy);
        group_free(ground->group[i].state);
    }
    live_free(ground->world);
    for (i = 0; i < 2; i++) {
        if (ground->signals[i] != NULL) {
            event_free(ground->signals[i]);
        }
    }
    if (ground->tick != NULL) {
        event_free(ground->tick);
    }
    if (ground->base != NULL) {
        event_base_free(ground->base);
    }
    if (ground->folder[0] != '\0') {
        rmdir(ground->folder);
    }
    config_free(ground->config);
    free(ground->group);
    free(ground->state);
}
