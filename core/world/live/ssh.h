/* OpenSSH's client as a transport: its argument list, its masters, its errors.
 *
 * For each node one master connection (ssh -M -N) is kept as a child of its own, so that
 * a command costs one round trip and no login. It is a short cut, never a must: while
 * there is none, a command connects by itself, and when that succeeds a master is started. A master
 * whose user ran into a deadline gets no new users, another takes its place, and it is killed when
 * its last user has gone: a stuck master can't hang later calls, a slow command can't end others.
 */
#ifndef BATON_WORLD_LIVE_SSH_H
#define BATON_WORLD_LIVE_SSH_H

#include "config/config.h"
#include "world/live/child.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ssh;
struct ssh_call;

#define SSH_WORDS_MAX   64
#define SSH_MASTERS_MAX 64
#define SSH_FAILED      255  /* exit code by which ssh says that it failed itself */
#define SSH_AGAIN_MS    5000 /* a master that ended is started again after that */
#define SSH_PATIENCE_MS 1000 /* a call that is stopped earlier says nothing of its master */
#define SSH_CONNECT_S   10   /* at most, to connect */

/* Sockets of masters are in `directory`, or in one of our own under /tmp where its path
 * is too long for a socket (sun_path). NULL if there is no memory. */
struct ssh *ssh_new(struct children *children, const char *directory);
/* Ends all masters. */
void ssh_free(struct ssh *ssh);
/* No new users for any master: the configuration has changed. */
void ssh_forget(struct ssh *ssh);

/* A command on `node`: the words in `argv` quoted for its shell, which runs them by
 * `timeout`, where it has one: TERM at `term_ms`, KILL at `timeout_ms`, so that nothing is
 * left running there when the request has ended. NULL if there is no memory. */
struct ssh_call *ssh_call_new(
    struct ssh *ssh, const struct config_node *node, const char *const *argv, int64_t term_ms,
    int64_t timeout_ms);
/* `ended`: ssh came back with something else than SSH_FAILED; false: it was stopped, or
 * failed. NULL is fine. */
void ssh_call_free(struct ssh_call *call, bool ended);
const char *const *ssh_call_argv(const struct ssh_call *call);
const char *const *ssh_call_env(void);

/* What ssh's own failure means, in a sentence that names the node and what to do. */
void ssh_call_explain(
    const struct ssh_call *call, const char *err, size_t err_len, char *text, size_t size);

/* argv as one line for a shell: each word in single quotes. malloc'd; NULL: no memory. */
char *ssh_quote(const char *const *argv);

#endif
