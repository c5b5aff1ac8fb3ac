/* The daemon: what is configured, wired together on one loop.
 *
 * Start: configuration, journal, live world; for each group its memory, its policy, its
 * controller; then the control socket. It ends on SIGTERM or SIGINT and leaves every
 * service running where it is. SIGHUP, and `reload` on the socket, have configuration and
 * policies checked in a child process (check.h), and load them anew where nothing is wrong;
 * else all goes on as it was. The loop goes on meanwhile.
 *
 * In shadow it looks as ever and changes nothing, so that it can run beside whatever moves
 * the service now. It has a state directory and a control socket of its own, "shadow" in
 * the configured directory and the configured path with ".shadow" behind it: a daemon that
 * does act may run on the same configuration.
 *
 * Among peers each group has a controller that acts on this node only. The world starts the
 * guardian, or finds the one that is there; it outlives the daemon, armed as it is. So an end
 * leaves the service running, but nobody renews the lease: a daemon that is not back before the
 * guardian's time finds the service stopped, and the baton free or with another node. There is
 * no shadow among peers: it would see one node, and take no baton to decide anything with.
 *
 * A reload takes new policies, parameters, transports and hooks. Other groups, nodes,
 * state directory, socket, log, and all of <peers> but a group's <guardian> take a restart, and
 * the reload says so.
 */
#ifndef BATON_DAEMON_DAEMON_H
#define BATON_DAEMON_DAEMON_H

#include "base/error.h"

#include <stdbool.h>

struct daemon;

struct daemon_setup { /* borrowed until daemon_free */
    const char *config_file;
    const char *node; /* among peers: which one this is; NULL: see config_load_as */
    bool shadow;
};

enum baton_err daemon_new(
    const struct daemon_setup *setup, struct daemon **out, struct baton_error *error);

/* Run until a signal ends it. BATON_IO where the loop itself failed. */
enum baton_err daemon_run(struct daemon *daemon, struct baton_error *error);

void daemon_free(struct daemon *daemon);

#endif
