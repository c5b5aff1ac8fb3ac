/* The daemon: what is configured, wired together on one loop.
 *
 * Start: configuration, journal, live world; for each group its memory, its policy, its
 * controller; then the control socket. It ends on SIGTERM or SIGINT and leaves every
 * service running where it is. SIGHUP, and `reload` on the socket, load configuration
 * and policies anew; where anything is wrong with them, all goes on as it was.
 *
 * A reload takes new policies, parameters, transports and hooks. Other groups, nodes,
 * state directory, socket and log take a restart, and the reload says so.
 */
#ifndef BATON_DAEMON_DAEMON_H
#define BATON_DAEMON_DAEMON_H

#include "base/error.h"

struct daemon;

/* Load and check all that daemon_new would, start nothing. */
enum baton_err daemon_check(const char *config_file, struct baton_error *error);

enum baton_err daemon_new(const char *config_file, struct daemon **out, struct baton_error *error);

/* Run until a signal ends it. BATON_IO where the loop itself failed. */
enum baton_err daemon_run(struct daemon *daemon, struct baton_error *error);

void daemon_free(struct daemon *daemon);

#endif
