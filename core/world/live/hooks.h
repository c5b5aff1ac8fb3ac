/* Hooks: the administrator's own programs in HOOKS/EVENT.d, run in the order of their
 * names. See live_kind_hook in request.h. */
#ifndef BATON_WORLD_LIVE_HOOKS_H
#define BATON_WORLD_LIVE_HOOKS_H

#include "base/error.h"

#include <stdbool.h>
#include <sys/types.h>

#define HOOKS_MAX        64   /* programs for one event */
#define HOOKS_FACTS_MAX  32   /* facts of one event */
#define HOOKS_OUTPUT_MAX 8192 /* bytes kept of each stream of one program */

/* Who runs them. */
struct hooks_user {
    bool other; /* not the daemon's own user */
    char name[64], home[256];
    uid_t uid;
    gid_t gid;
    char problem[256]; /* not empty: why no hook can be run */
};

/* Look the user up (NULL: our own). Blocks: for start and reload only. Where the user
 * can't be had, that is said in `problem` and by BATON_INVALID. */
enum baton_err hooks_user_find(
    const char *name, struct hooks_user *user, struct baton_error *error);

/* Is a file of that name no hook but something left by an editor or a package manager? */
bool hooks_name_is_backup(const char *name);

#endif
