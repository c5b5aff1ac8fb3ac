/* What peer_door.c and peer_visitor.c share. */
#ifndef BATON_WORLD_LIVE_PEER_PARTS_H
#define BATON_WORLD_LIVE_PEER_PARTS_H

#include "world/live/parts.h"
#include "world/live/peer.h"
#include "world/live/peer_tls.h"

#include <event2/bufferevent.h>
#include <netinet/in.h>

enum peer_stage {
    PEER_READING = 0, /* the handshake and the question */
    PEER_WAITING,     /* nobody listens for the group yet */
    PEER_ASKED,       /* somebody has the question */
    PEER_LEAVING,     /* the answer is on its way */
};

struct peer_visitor {
    struct peer_door *door;
    struct bufferevent *io;
    struct event *deadline;
    enum peer_stage stage;
    struct in6_addr from;
    char from_text[INET6_ADDRSTRLEN];
    uint64_t ticket;
    struct peer_request request;
    struct peer_visitor *prev, *next;
};

struct peer_door {
    struct live *live;
    SSL_CTX *tls; /* NULL: closed */
    struct evconnlistener *listener;
    struct event *rest;
    int n_visitors;
    struct peer_visitor *visitors; /* oldest first */
    struct peer_wait *waits;
    uint64_t last_ticket;
    int64_t complained_ms;
    char why[256]; /* it is closed */
};

void peer_door_tell_log(struct peer_door *door, enum world_level level, const char *text);

/* peer_visitor.c: one connection, from the handshake to the answer. */

/* Takes `fd` in any case. */
void peer_visitor_new(struct peer_door *door, evutil_socket_t fd, const struct sockaddr *from);
void peer_visitor_free(struct peer_visitor *visitor);
/* Its question, to one who waits for it. */
void peer_visitor_give(struct peer_visitor *visitor, struct peer_wait *wait);
void peer_visitor_answer(struct peer_visitor *visitor, int status, bool yes, const char *why);

#endif
