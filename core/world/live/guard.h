/* The connection to this node's guardian (lease/guardian/protocol.h), one for all groups.
 *
 * Made when it is needed first and kept from then on. Where no guardian listens, one is
 * started, which outlives the daemon. A guardian is told all about the configuration whenever
 * one is connected to; one that is new is armed again as the last one was. Nothing blocks.
 */
#ifndef BATON_WORLD_LIVE_GUARD_H
#define BATON_WORLD_LIVE_GUARD_H

#include "lease/guardian/protocol.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct live;
struct guard_link;

/* Called once for what was sent, unless it was forgotten before. `unwatched`: "", or why the
 * configured hardware watchdog is not there. Valid during the call. */
typedef void guard_answer_fn(
    void *arg, const struct guardian_answer *answer, const char *unwatched);

/* One ARM, DISARM or ASK that waits for its answer. Lives in the caller's struct. */
struct guard_call {
    struct guard_link *link; /* NULL: not under way */
    struct guardian_request request;
    bool sent;
    guard_answer_fn *answered;
    void *arg;
    struct guard_call *prev, *next;
};

/* NULL: no memory. Doesn't connect yet. */
struct guard_link *guard_link_new(struct live *live);
/* The guardian stays as it is. NULL is fine. */
void guard_link_free(struct guard_link *link);
/* The configuration is another one: tell the guardian. */
void guard_link_tell(struct guard_link *link);

/* Sent as soon as there is a guardian, again if that one dies before it has answered. */
void guard_call(struct guard_link *link, struct guard_call *call);
/* No answer is wanted any more. One that is over is fine. */
void guard_forget(struct guard_call *call);

/* Why there is no guardian now, "" where there is one. */
const char *guard_link_why(const struct guard_link *link);

#endif
