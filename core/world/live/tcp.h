/* What a failed connection says about the other side, and about us. */
#ifndef BATON_WORLD_LIVE_TCP_H
#define BATON_WORLD_LIVE_TCP_H

#include "world/world.h"

/* WORLD_FAIL where the other side or the way to it said no; WORLD_UNKNOWN where we could not
 * ask: no route, descriptor, port or memory of our own. */
enum world_outcome tcp_outcome(int error);

/* "connection refused"; never NULL, valid until the next call. */
const char *tcp_sentence(int error);

/* What a stranger said goes into logs, JSON and terminals: all that is not printable ASCII
 * becomes '?', the line ends at its first line break. */
void tcp_printable(char *line);

#endif
