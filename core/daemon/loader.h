/* Loading a policy from its file, with the modules of the Lua directory.
 *
 * The daemon, `batond --check` and `baton policy check` load through here, so that what
 * passes the check loads in the daemon. Blocks; for start, reload and checks only.
 */
#ifndef BATON_DAEMON_LOADER_H
#define BATON_DAEMON_LOADER_H

#include "config/config.h"
#include "policy/policy.h"
#include "world/world.h"

#define LOADER_FILE_MAX (1024 * 1024) /* bytes of a policy or module */

struct loader_want {
    const char *file;
    const char *lua_directory;      /* where `require` looks */
    const struct policy_site *site; /* borrowed by the policy: must outlive it */
    struct policy_limits limits;
    struct world *world;
    bool checks; /* with the checks that every policy gets, see policy_source */
};

/* Read the file and run it. A file that everybody may write, that is no regular file or
 * that is too large is refused: whoever writes a policy commands the nodes. Also checked
 * is what group_new would say to its rules. BATON_NOT_FOUND, BATON_INVALID, BATON_LIMIT,
 * BATON_IO; the error names the file, and the line where there is one. */
enum baton_err loader_policy(
    const struct loader_want *want, struct policy **out, struct baton_error *error);

/* The same from a text that was read before; the file of `want` only names it. Without
 * reading a file of its own: `source` reads the modules. */
enum baton_err loader_source(
    const struct loader_want *want, const struct policy_source *source, struct policy **out,
    struct baton_error *error);

/* What it reads with: a policy's file or a module's, checked as said above, and a module of
 * the folder that the `struct loader_want` at `arg` names. `*text` is freed with free(). */
enum baton_err loader_read(const char *file, char **text, size_t *len, struct baton_error *error);
enum baton_err loader_read_module(
    void *arg, const char *name, char **text, size_t *len, char *file, size_t file_size,
    struct baton_error *error);

/* The same as the configuration says it for one of its groups, with all checks. `site` is filled
 * in, and must outlive the policy, as `config` must. */
enum baton_err loader_group(
    const struct config *config, const struct config_group *group, struct world *world,
    struct policy_site *site, struct policy **out, struct baton_error *error);

/* A world in which nothing happens: to load a policy and only look at it. */
struct world *loader_world(void);

#endif
