/* What `baton explore` found out last about a group: STATE/explored/GROUP.json.
 *
 * `baton preflight` and the daemon's readiness read it, to say whether the policy as it is now,
 * for the group as it is configured now, was explored. A small file; blocks.
 */
#ifndef BATON_DAEMON_EXPLORED_H
#define BATON_DAEMON_EXPLORED_H

#include "base/error.h"
#include "group/group.h"

#include <stdbool.h>
#include <stdint.h>

struct explored {
    uint64_t digest; /* rehearsal_digest of what was explored */
    int64_t wall_ms; /* when it ended */
    bool complete;   /* all that was asked for was tried */
    bool failed;
    int faults; /* at once */
    int64_t runs;
    char text[GROUP_TEXT_MAX]; /* FAILED: what was found */
};

/* Written beside it and renamed. The folder is made, but not STATE. BATON_IO */
enum baton_err explored_write(
    const char *state_directory, const char *group, const struct explored *explored,
    struct baton_error *error);

/* BATON_NOT_FOUND: there is none. BATON_IO, BATON_INVALID */
enum baton_err explored_read(
    const char *state_directory, const char *group, struct explored *explored,
    struct baton_error *error);

#endif
