/* The inside of the daemon: daemon.c starts and ends it, reload.c changes its policies. */
#ifndef BATON_DAEMON_PARTS_H
#define BATON_DAEMON_PARTS_H

#include "config/config.h"
#include "control/control.h"
#include "controller/controller.h"
#include "daemon/daemon.h"
#include "journal/journal.h"
#include "world/live/live.h"

#include <event2/event.h>

/* A configuration, as long as the world or a group's policy borrows from it. */
struct daemon_config {
    struct config *config;
    int users;
};

struct daemon_group {
    struct controller *controller;
    struct daemon_config *config; /* that its policy borrows from */
    struct policy_site *site;     /* the same */
};

enum {
    DAEMON_TERM = 0,
    DAEMON_INT,
    DAEMON_HUP,
    DAEMON_SIGNALS
};

struct daemon {
    struct event_base *base;
    struct daemon_config *config; /* that the world borrows from */
    struct journal *journal;
    struct world *world;
    int n_groups;
    struct daemon_group *group;
    struct controller **controller; /* the same, as control wants them */
    struct control *control;
    struct event *signal[DAEMON_SIGNALS];
    struct event *trim, *watchdog;
};

/* `use` returns its argument. `drop` frees at the last user; NULL is fine. */
struct daemon_config *daemon_config_use(struct daemon_config *config);
void daemon_config_drop(struct daemon_config *config);
enum baton_err daemon_config_load(
    const char *file, struct daemon_config **out, struct baton_error *error);

void daemon_log(
    struct daemon *daemon, enum world_level level, const char *group, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Give start-up memory back, some seconds from now. */
void daemon_trim_soon(struct daemon *daemon);

/* All or nothing, but for memory. Logs how it went. `arg` is the daemon. */
enum baton_err daemon_reload(void *arg, struct baton_error *error);

#endif
