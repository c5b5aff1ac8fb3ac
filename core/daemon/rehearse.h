/* The rehearsal of a policy: lint and a short exploration, before anybody trusts it.
 *
 * `baton policy check`, `batond --check` and with it every reload go through here, so all say
 * the same. Forks and blocks, for as long as it is given; never in the daemon's own loop.
 */
#ifndef BATON_DAEMON_REHEARSE_H
#define BATON_DAEMON_REHEARSE_H

#include "daemon/stage.h"
#include "explore/explore.h"
#include "policy/lint.h"

#define REHEARSE_TIME_MS 3000 /* for one group, where nobody says another time */

struct rehearsal_setup {
    const char *file, *lua_directory;
    const struct policy_limits *limits;
    const struct policy_site *site;
    int faults;      /* at once; 0: 1 */
    int64_t time_ms; /* 0: REHEARSE_TIME_MS */
    int jobs;        /* 0: as many as there are cores */
    lint_found_fn *found;
    void (*progress)(void *arg, const struct explore_progress *progress); /* may be NULL */
    void *arg;                                                            /* of both */
};

struct rehearsal {
    struct stage *stage;
    struct policy *policy; /* to be looked at, not to be run: see lint.h. NULL: it does not load */
    int warnings;          /* of lint, or that it can't be explored */
    int faults;
    bool explored;
    struct explore_result result; /* where it was explored */
};

/* Load, lint and explore it; all are given the same text, read once. A policy none of whose start
 * actions declares an effect can't be explored: the simulated world would not know what they
 * start. That is a warning. BATON_OK says that it was rehearsed, not that it went well; else what
 * loader_policy or explore say. `rehearsal_fini` in any case. */
enum baton_err rehearse(
    const struct rehearsal_setup *setup, struct rehearsal *out, struct baton_error *error);
void rehearsal_fini(struct rehearsal *rehearsal);

/* BATON_OK where nothing was found. Else BATON_INVALID: "file:line: " and what went wrong. */
enum baton_err rehearsal_verdict(const struct rehearsal *rehearsal, struct baton_error *error);

/* What was tried, in a sentence: "412 runs in 2.1 s: every single fault …". */
void rehearsal_say(const struct rehearsal *rehearsal, char *text, size_t size);

/* A number for a policy and the site it was loaded for: equal where both were the same. */
uint64_t rehearsal_digest(const struct policy *policy, const struct policy_site *site);

#endif
