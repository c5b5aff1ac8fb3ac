/* Start, run and end. */
#include "daemon/facts.h"
#include "daemon/loader.h"
#include "daemon/notify.h"
#include "daemon/parts.h"
#include "daemon/trim.h"
#include "world/shadow/shadow.h"

#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const struct timeval trim_after = {1, 0};

/* ---- Configurations ------------------------------------------------------------------- */

struct daemon_config *daemon_config_use(struct daemon_config *config)
{
    config->users++;
    return config;
}

void daemon_config_drop(struct daemon_config *config)
{
    if (config == NULL || --config->users > 0) {
        return;
    }
    config_free(config->config);
    free(config);
}

/* Take `*text` and add to it. */
static enum baton_err extend(char **text, const char *more, struct baton_error *error)
{
    char *longer;

    if (asprintf(&longer, "%s%s", *text, more) < 0) {
        return baton_fail(error, BATON_NOMEM, "%s%s: no memory for the name", *text, more);
    }
    free(*text);
    *text = longer;
    return BATON_OK;
}

enum baton_err daemon_config_load(
    const struct daemon_setup *setup, struct daemon_config **out, struct baton_error *error)
{
    const char *file = setup->config_file;
    struct daemon_config *config = calloc(1, sizeof *config);
    enum baton_err err;

    if (config == NULL) {
        return baton_fail(error, BATON_NOMEM, "%s: no memory to read it", file);
    }
    err = config_load_as(file, setup->node, &config->config, error);
    if (err != BATON_OK) {
        free(config);
        return err;
    }
    config->users = 1;
    if (setup->shadow && (extend(&config->config->state_directory, "/shadow", error) != BATON_OK ||
                          extend(&config->config->control_socket, ".shadow", error) != BATON_OK)) {
        daemon_config_drop(config);
        return BATON_NOMEM;
    }
    *out = config;
    return BATON_OK;
}

/* ---- Log ------------------------------------------------------------------------------ */

void daemon_log(
    struct daemon *daemon, enum world_level level, const char *group, const char *format, ...)
{
    char text[BATON_ERROR_TEXT_MAX + 256];
    struct world_log line = {.level = level, .group = group, .event = "daemon", .text = text};
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    daemon->world->ops->log(daemon->world, &line);
}

/* ---- Events --------------------------------------------------------------------------- */

static void on_news(
    void *arg, const struct controller *controller, const struct controller_news *news)
{
    struct daemon *daemon = arg;

    if (daemon->control != NULL) {
        control_news(daemon->control, controller, news);
    }
}

/* `baton explore` knows nothing of a shadow. */
static void on_fact(void *arg, enum readiness_fact fact, struct readiness_word *word)
{
    const struct daemon_group *group = arg;
    const struct config *config = group->config->config;
    const struct policy *policy = controller_policy(group->controller);
    char state[PATH_MAX];
    size_t len;

    if (fact == READINESS_FENCE) {
        facts_fence(config->hooks_directory, policy, word);
        return;
    }
    snprintf(state, sizeof state, "%s", config->state_directory);
    len = strlen(state);
    if (group->daemon->setup.shadow && len > strlen("/shadow")) {
        state[len - strlen("/shadow")] = '\0';
    }
    facts_explored(state, config->file, policy, group->site, word);
}

static void on_end(evutil_socket_t signal, short what, void *arg)
{
    struct daemon *daemon = arg;

    (void)what;
    daemon_log(
        daemon, WORLD_INFO, NULL, "%s: ending; every service stays where it is",
        signal == SIGTERM ? "SIGTERM" : "SIGINT");
    batons_tell_end(daemon);
    notify_send("STOPPING=1");
    event_base_loopbreak(daemon->base);
}

static void on_hangup(evutil_socket_t signal, short what, void *arg)
{
    (void)signal;
    (void)what;
    daemon_reload(arg, NULL, NULL);
}

static void on_trim(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)arg;
    trim_now();
}

static void on_watchdog(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)arg;
    notify_send("WATCHDOG=1");
}

void daemon_trim_soon(struct daemon *daemon)
{
    evtimer_add(daemon->trim, &trim_after);
}

static enum baton_err add_events(struct daemon *daemon, struct baton_error *error)
{
    static const int number[DAEMON_SIGNALS] = {SIGTERM, SIGINT, SIGHUP};
    int64_t watchdog_us = notify_watchdog_us() / 2;
    struct timeval every = {watchdog_us / 1000000, watchdog_us % 1000000};
    int i;

    for (i = 0; i < DAEMON_SIGNALS; i++) {
        daemon->signal[i] =
            evsignal_new(daemon->base, number[i], i == DAEMON_HUP ? on_hangup : on_end, daemon);
        if (daemon->signal[i] == NULL || evsignal_add(daemon->signal[i], NULL) != 0) {
            return baton_fail(error, BATON_IO, "can't listen for signal %d", number[i]);
        }
    }
    daemon->trim = evtimer_new(daemon->base, on_trim, daemon);
    daemon->watchdog = event_new(daemon->base, -1, EV_PERSIST, on_watchdog, daemon);
    if (daemon->trim == NULL || daemon->watchdog == NULL) {
        return baton_fail(error, BATON_NOMEM, "no memory for the timers");
    }
    daemon_trim_soon(daemon);
    if (watchdog_us > 0) {
        event_add(daemon->watchdog, &every);
    }
    return BATON_OK;
}

/* ---- Groups --------------------------------------------------------------------------- */

/* What the journal knows. A holder that is configured no more may serve on unseen: the
 * group starts paused, until somebody has looked. */
static enum baton_err recall(
    struct daemon *daemon, const struct config_group *group, struct group_memory *memory,
    struct baton_error *error)
{
    const char *names[GROUP_NODES_MAX];
    enum baton_err err;
    int i;

    for (i = 0; i < group->n_nodes; i++) {
        names[i] = group->node[i].name;
    }
    memory->holder = GROUP_NOBODY;
    err = journal_recall(
        daemon->journal, group->name, names, group->n_nodes,
        daemon->world->ops->wall_ms(daemon->world), memory, error);
    if (err == BATON_INVALID) {
        memory->paused = true;
        daemon_log(
            daemon, WORLD_ALERT, group->name,
            "paused: %s. Make sure that it does not serve, then `baton resume %s`", error->text,
            group->name);
        return BATON_OK;
    }
    return err;
}

/* What can't be read is not known: the check says so. */
static void recall_drill(
    struct daemon *daemon, const struct config_group *group, int64_t *drilled_ms)
{
    struct baton_error error;
    char *file = NULL;

    *drilled_ms = 0;
    if (asprintf(&file, "%s/" JOURNAL_FILE, daemon->config->config->state_directory) >= 0) {
        journal_last_drill(file, group->name, drilled_ms, &error);
        free(file);
    }
}

static enum baton_err start_group(
    struct daemon *daemon, const struct config_group *group, struct baton_error *error)
{
    struct controller_setup setup = {
        .name = group->name,
        .n_nodes = group->n_nodes,
        .world = daemon->world,
        .shadow = daemon->setup.shadow,
        .ready_every_ms = group->ready_every_ms,
        .fact = on_fact,
        .news = on_news,
        .news_arg = daemon,
    };
    struct daemon_group *slot = &daemon->group[daemon->n_groups];
    enum baton_err err;
    int i;

    batons_setup(daemon->config->config, group, &setup);
    setup.fact_arg = slot;
    slot->daemon = daemon;
    slot->site = calloc(1, sizeof *slot->site);
    if (slot->site == NULL) {
        return baton_fail(error, BATON_NOMEM, "group %s: no memory", group->name);
    }
    for (i = 0; i < group->n_nodes; i++) {
        snprintf(setup.node[i].name, sizeof setup.node[i].name, "%s", group->node[i].name);
        setup.node[i].priority = group->node[i].priority;
    }
    err = recall(daemon, group, &setup.memory, error);
    recall_drill(daemon, group, &setup.drilled_ms);
    if (err == BATON_OK) {
        err = loader_group(
            daemon->config->config, group, daemon->world, slot->site, &setup.policy, error);
    }
    if (err == BATON_OK) {
        err = controller_new(&setup, &slot->controller, error);
    }
    if (err != BATON_OK) {
        policy_free(setup.policy);
        free(slot->site);
        return err;
    }
    slot->config = daemon_config_use(daemon->config);
    daemon->controller[daemon->n_groups] = slot->controller;
    daemon->n_groups++;
    return BATON_OK;
}

static enum baton_err start_groups(struct daemon *daemon, struct baton_error *error)
{
    const struct config *config = daemon->config->config;
    enum baton_err err = BATON_OK;
    int i;

    daemon->group = calloc((size_t)config->n_groups + 1, sizeof *daemon->group);
    daemon->controller = calloc((size_t)config->n_groups + 1, sizeof(struct controller *));
    if (daemon->group == NULL || daemon->controller == NULL) {
        return baton_fail(error, BATON_NOMEM, "no memory for %d groups", config->n_groups);
    }
    for (i = 0; i < config->n_groups && err == BATON_OK; i++) {
        if (!config->group[i].enabled) {
            daemon_log(
                daemon, WORLD_WARNING, config->group[i].name,
                "not watched: its failoverConfig.xml says IsEnabled = False");
            continue;
        }
        if (!config_is_ours(config, &config->group[i])) {
            daemon_log(
                daemon, WORLD_INFO, config->group[i].name, "not watched: %s is none of its nodes",
                config->peers->self);
            continue;
        }
        err = start_group(daemon, &config->group[i], error);
    }
    return err;
}

/* ---- Life ----------------------------------------------------------------------------- */

/* The shadow's own folder is in the configured one, which may not be there yet. */
static void make_parent(const char *directory)
{
    char *parent = strdup(directory);
    char *slash = parent != NULL ? strrchr(parent, '/') : NULL;

    if (slash != NULL && slash != parent) {
        *slash = '\0';
        mkdir(parent, 0700); /* where that fails, what follows does, and says why */
    }
    free(parent);
}

static enum baton_err open_world(struct daemon *daemon, struct baton_error *error)
{
    const struct config *config = daemon->config->config;
    struct journal_setup journal = {
        .directory = config->state_directory, .keep_ms = config->keep_ms};
    struct live_setup live = {.config = config};
    struct event_config *how = event_config_new();
    enum baton_err err;

    if (how != NULL) {
        /* A probe each 0.2 s wants better than the tick of the coarse clock. */
        event_config_set_flag(how, EVENT_BASE_FLAG_PRECISE_TIMER);
        daemon->base = event_base_new_with_config(how);
        event_config_free(how);
    }
    if (daemon->base == NULL) {
        return baton_fail(error, BATON_IO, "can't make the event loop");
    }
    if (daemon->setup.shadow) {
        make_parent(config->state_directory);
    }
    journal.base = live.base = daemon->base;
    err = journal_open(&journal, &daemon->journal, error);
    if (err != BATON_OK) {
        return err;
    }
    live.journal = daemon->journal;
    err = live_new(&live, &daemon->live, error);
    daemon->world = daemon->live;
    if (err == BATON_OK && daemon->setup.shadow) {
        err = shadow_new(daemon->live, &daemon->world, error);
    }
    return err;
}

enum baton_err daemon_new(
    const struct daemon_setup *setup, struct daemon **out, struct baton_error *error)
{
    struct daemon *daemon = calloc(1, sizeof *daemon);
    struct control_setup control = {.reload = daemon_reload};
    enum baton_err err;

    if (daemon == NULL) {
        return baton_fail(error, BATON_NOMEM, "no memory for the daemon");
    }
    daemon->setup = *setup;
    err = daemon_config_load(setup, &daemon->config, error);
    if (err == BATON_OK) {
        err = batons_check(daemon, error);
    }
    if (err == BATON_OK) {
        err = open_world(daemon, error);
    }
    if (err == BATON_OK) {
        err = start_groups(daemon, error);
    }
    if (err == BATON_OK) {
        err = trial_new(daemon, &daemon->trial, error);
    }
    if (err == BATON_OK) {
        err = add_events(daemon, error);
    }
    if (err == BATON_OK) {
        control.socket = daemon->config->config->control_socket;
        control.base = daemon->base;
        control.world = daemon->world;
        control.journal = daemon->journal;
        control.n_controllers = daemon->n_groups;
        control.controller = daemon->controller;
        control.reload_arg = daemon;
        err = control_new(&control, &daemon->control, error);
    }
    if (err != BATON_OK) {
        daemon_free(daemon);
        return err;
    }
    *out = daemon;
    return BATON_OK;
}

enum baton_err daemon_run(struct daemon *daemon, struct baton_error *error)
{
    if (daemon->setup.shadow) {
        daemon_log(
            daemon, WORLD_WARNING, NULL,
            "in shadow: it takes no action, and says what it would do; its state is in %s",
            daemon->config->config->state_directory);
    }
    batons_tell(daemon);
    daemon_log(
        daemon, WORLD_INFO, NULL, "ready: %d group(s) of %s, control socket %s", daemon->n_groups,
        daemon->config->config->file, daemon->config->config->control_socket);
    notify_send("READY=1");
    if (event_base_dispatch(daemon->base) != 0) {
        return baton_fail(error, BATON_IO, "the event loop failed");
    }
    return BATON_OK;
}

static void free_events(struct daemon *daemon)
{
    int i;

    for (i = 0; i < DAEMON_SIGNALS; i++) {
        if (daemon->signal[i] != NULL) {
            event_free(daemon->signal[i]);
        }
    }
    if (daemon->trim != NULL) {
        event_free(daemon->trim);
    }
    if (daemon->watchdog != NULL) {
        event_free(daemon->watchdog);
    }
}

void daemon_free(struct daemon *daemon)
{
    int i;

    if (daemon == NULL) {
        return;
    }
    control_free(daemon->control);
    daemon->control = NULL;
    trial_free(daemon->trial);
    for (i = 0; i < daemon->n_groups; i++) {
        controller_free(daemon->group[i].controller);
    }
    if (daemon->journal != NULL) {
        journal_close(daemon->journal);
    }
    if (daemon->setup.shadow && daemon->world != daemon->live) {
        shadow_free(daemon->world);
    }
    if (daemon->live != NULL) {
        live_free(daemon->live);
    }
    free_events(daemon);
    for (i = 0; i < daemon->n_groups; i++) {
        daemon_config_drop(daemon->group[i].config);
        free(daemon->group[i].site);
    }
    daemon_config_drop(daemon->config);
    if (daemon->base != NULL) {
        event_base_free(daemon->base);
    }
    free(daemon->group);
    free(daemon->controller);
    free(daemon);
}
