/* Tell the neighbours of an interface that an address lives here now.
 *
 * IPv4: ARP announcements (RFC 5227, 2.3). IPv6: unsolicited neighbour advertisements with
 * the override flag (RFC 4861, 7.2.6). Both are repeated with growing gaps, in the
 * background, because one frame may be lost and a switch may still be learning.
 */
#ifndef BATON_WORLD_LIVE_ANNOUNCE_H
#define BATON_WORLD_LIVE_ANNOUNCE_H

#endif
