/* The live world: libevent's loop, libcurl on it, processes, netlink, journal, log.
 *
 * See world.h for what every world keeps. Callbacks here cast, look at the timeout
 * first, make a result and hand it on; they decide nothing.
 */
#ifndef BATON_WORLD_LIVE_LIVE_H
#define BATON_WORLD_LIVE_LIVE_H

#include "base/error.h"
#include "config/config.h"
#include "journal/journal.h"
#include "world/world.h"

struct event_base;

struct live_setup {
    struct event_base *base;
    struct journal *journal;     /* may be NULL (tests): records are acknowledged unwritten */
    const struct config *config; /* transports of the nodes, hooks, secrets, log; borrowed */
};

enum baton_err live_new(
    const struct live_setup *setup, struct world **out, struct baton_error *error);

/* Cancels all requests, kills and reaps all children, flushes the log. */
void live_free(struct world *world);

/* Another configuration from now on (reload); running requests end as they began. */
void live_set_config(struct world *world, const struct config *config);

#endif
