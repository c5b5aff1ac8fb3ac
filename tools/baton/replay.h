/* What the files of `baton replay` know of one another: replay.c reads the history and feeds
 * it, replay_print.c says what came of it. */
#ifndef BATON_TOOLS_REPLAY_H
#define BATON_TOOLS_REPLAY_H

#include "baton.h"
#include "config/config.h"
#include "daemon/loader.h"
#include "replay/replay.h"

struct replaying {
    const struct args *args;
    char file[4096];
    json_t *outline;       /* {GROUP: {NODE: {PROBE: {"count","first_ms","last_ms"}}}} */
    const char *group;     /* borrows from the outline */
    struct config *config; /* NULL: nodes are taken from the history */
    struct policy_site site;
    struct world_pair pair[ARGS_SETS_MAX * 2];
    char lua[4096];
    struct loader_want want;
    struct replay *replay;
    int64_t since_ms, until_ms; /* as asked; 0: no bound */
    int64_t first_ms, last_ms;  /* of what was observed; 0: nothing */
    int64_t rows, rows_all;
    int percent; /* as told last */
    bool progress;
    bool looked;                 /* who serves is recorded */
    bool seen[GROUP_PROBES_MAX]; /* the policy's probe is recorded */
    json_t *strangers, *unasked; /* sets of names: nodes and probes that are recorded only */
    struct baton_error error;
};

/* Print it all, as text or JSON. True where both decided the same. */
bool replay_print(const struct replaying *r);

#endif
