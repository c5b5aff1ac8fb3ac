/* The shadow world: another world, seen through glass.
 *
 * Time, random, sleep, log, journal, observations and all requests that only look go
 * through to the world behind. What could change something is not made: it completes with
 * WORLD_UNKNOWN, `shadowed` set, and a detail that says what would have been run. So a
 * daemon can run beside whatever moves the service now and say what it would do.
 *
 * Not made are: an exec with an `effect`, and one that acts and does not say that it only
 * asks; any http request that acts, or whose method is not GET or HEAD; an address request
 * other than "is it there?"; every hook; whatever is asked of the lease store but to watch it,
 * of the guardian but what it holds, and of other Batons at all; and any kind that is not known
 * here.
 */
#ifndef BATON_WORLD_SHADOW_SHADOW_H
#define BATON_WORLD_SHADOW_SHADOW_H

#include "base/error.h"
#include "world/world.h"

#include <stdbool.h>
#include <stddef.h>

#define SHADOW_TEXT_MAX 512

/* `behind` is borrowed and must outlive the shadow. BATON_NOMEM. */
enum baton_err shadow_new(struct world *behind, struct world **out, struct baton_error *error);

/* Requests that are still under way are let go; those that were passed on are the world's
 * behind. NULL is fine. */
void shadow_free(struct world *world);

/* Could this request change anything? */
bool shadow_stops(const struct world_request *request);

/* "would run on server01 (address.add): ip address add …": the request in words. */
void shadow_say(const struct world_request *request, char *text, size_t size);

#endif
