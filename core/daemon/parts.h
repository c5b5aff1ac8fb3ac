/* The inside of the daemon: daemon.c starts and ends it, batons.c has what it is among peers,
 * trial.c has new policies checked before reload.c takes them. */
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
    struct daemon *daemon;
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
    struct world *live;
    struct world *world; /* the live one, or the shadow before it */
    struct daemon_setup setup;
    int n_groups;
    struct daemon_group *group;
    struct controller **controller; /* the same, as control wants them */
    struct control *control;
    struct event *signal[DAEMON_SIGNALS];
    struct event *trim, *watchdog;
    struct trial *trial;
};

/* `use` returns its argument. `drop` frees at the last user; NULL is fine. */
struct daemon_config *daemon_config_use(struct daemon_config *config);
void daemon_config_drop(struct daemon_config *config);
enum baton_err daemon_config_load(
    const struct daemon_setup *setup, struct daemon_config **out, struct baton_error *error);

void daemon_log(
    struct daemon *daemon, enum world_level level, const char *group, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Give start-up memory back, some seconds from now. */
void daemon_trim_soon(struct daemon *daemon);

/* ---- batons.c --------------------------------------------------------------------------- */

/* Can the daemon be what it is set up to be, where there are <peers>? */
enum baton_err batons_check(const struct daemon *daemon, struct baton_error *error);
/* For a group of the configuration, also without <peers>. */
void batons_setup(
    const struct config *config, const struct config_group *group, struct controller_setup *setup);
/* Say which node this is; and at the end what becomes of a service that is held on a lease: it
 * stays, but not for ever. */
void batons_tell(struct daemon *daemon);
void batons_tell_end(struct daemon *daemon);
/* Do two configurations share the baton in the same way? NULL: not at all. */
bool batons_same(const struct config_peers *a, const struct config_peers *b);

/* ---- trial.c ---------------------------------------------------------------------------- */

struct trial; /* of new policies, in a child process */

/* `*out` is the caller's also where it fails. */
enum baton_err trial_new(struct daemon *daemon, struct trial **out, struct baton_error *error);
/* The child is gone then; who waits is told so. NULL is fine. */
void trial_free(struct trial *trial);

/* Check the configuration in a child, take it if all is well, log how it went. `arg` is the
 * daemon; `done` may be NULL, see control.h. */
void daemon_reload(void *arg, control_reloaded_fn *done, void *done_arg);

/* ---- reload.c --------------------------------------------------------------------------- */

/* BATON_REFUSED while a handover or the like is under way. */
enum baton_err reload_may(const struct daemon *daemon, struct baton_error *error);
/* Load all anew and take it: all or nothing, but for memory. `digest`: of what was checked;
 * where the files are others now nothing is taken. */
enum baton_err reload_take(struct daemon *daemon, uint64_t digest, struct baton_error *error);

#endif
