/* Child processes on the loop.
 *
 * A child is a session and process group of its own, in directory /, with the environment
 * given, three pipes and no other descriptor. It is started by posix_spawn, which shares
 * the memory of the daemon until exec and copies nothing. What it says is kept up to a
 * limit; the rest is read and thrown away. A child ends by `done`, once, or by
 * child_stop, after which `done` isn't called. Reaping is done here, by pidfd.
 *
 * SIGPIPE must be ignored in this process (live_new does that).
 */
#ifndef BATON_WORLD_LIVE_CHILD_H
#define BATON_WORLD_LIVE_CHILD_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct children;
struct child;

struct child_result {
    int code;        /* exit code; -1: a signal, or somebody else reaped it */
    int signal;      /* that killed it, or 0 */
    bool termed;     /* term_ms had passed: it was asked to end */
    bool cut;        /* some output was thrown away */
    const char *out; /* never NULL, ends with 0 */
    size_t out_len;
    const char *err;
    size_t err_len;
};

typedef void child_done_fn(void *arg, const struct child_result *result);
typedef void child_heard_fn(void *arg, const char *out, size_t len);

struct child_setup {
    const char *const *argv; /* argv[0]: a path, or a name looked for in CHILD_PATH */
    const char *const *env;  /* ends with NULL; NULL: child_environment's */
    const char *input;
    size_t input_len;
    size_t output_max; /* of each of output and errors */
    size_t errors_min; /* … but keep at least so much of the errors */
    int64_t term_ms;   /* the group gets SIGTERM then; 0: never */
    bool sweep;        /* when it has ended, kill what it left in its process group */
    child_done_fn *done;
    void *arg;
    child_heard_fn *heard; /* NULL, or told of standard output as it comes, all of it; may not stop
                              the child */
    void *heard_arg;
};

#define CHILD_PATH               "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define CHILD_CODE_NOT_RUN(code) ((code) == 126 || (code) == 127) /* what sh says */

struct children *children_new(struct event_base *base);

/* Kills all groups, waits for the children for at most `patience_ms`. `done` isn't called. */
void children_free(struct children *children, int patience_ms);

/* Copies everything but argv[0]'s file. NULL with a sentence in `why` if it can't be run.
 * `done` is never called from within. */
struct child *child_start(
    struct children *children, const struct child_setup *setup, char *why, size_t why_size);

/* SIGKILL to the group, no `done`; reaped in the background. The child is gone for the
 * caller. NULL is fine. */
void child_stop(struct child *child);

/* What it has said so far. */
void child_peek(const struct child *child, struct child_result *result);

/* The environment of a child by default: PATH, HOME, LANG and, where set, TZ. */
const char *const *child_environment(void);

/* "exit 3: last line of its errors", "killed by signal 9 (Killed)". */
void child_say(const struct child_result *result, char *text, size_t size);

/* The last line of `text` that isn't empty, without control characters. "" if none. */
void child_last_line(const char *text, size_t len, char *line, size_t size);

#endif
