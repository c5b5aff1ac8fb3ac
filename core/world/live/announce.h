/* Tell the neighbours of an interface that an address lives here now.
 *
 * IPv4: ARP announcements (RFC 5227, 2.3). IPv6: unsolicited neighbour advertisements with
 * the override flag (RFC 4861, 7.2.6). Both are repeated a few times with growing gaps, in
 * the background: a frame may be lost, a switch may still be learning. Before each one
 * the address is looked at: one that has gone is not announced any more.
 */
#ifndef BATON_WORLD_LIVE_ANNOUNCE_H
#define BATON_WORLD_LIVE_ANNOUNCE_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

struct announcer; /* all announcements that still have to be repeated */

/* NULL: no memory. */
struct announcer *announcer_new(struct event_base *base);
void announcer_free(struct announcer *announcer);

/* Send the first one now and the others later. `address` is an IPv4 or IPv6 one of ours on
 * interface `index`. One that is being announced there already begins anew. False, with
 * the sentence in `why`, where the first could not be sent; it is tried again all the same,
 * unless the address is not ours. */
bool announce(
    struct announcer *announcer, int index, const struct sockaddr_storage *address, char *why,
    size_t why_size);

/* Not again: the address is to leave this host. */
void announce_stop(struct announcer *announcer, int index, const struct sockaddr_storage *address);

#endif
