/* What live.c and request.c share. */
#ifndef BATON_WORLD_LIVE_PARTS_H
#define BATON_WORLD_LIVE_PARTS_H

#include "world/live/child.h"
#include "world/live/hooks.h"
#include "world/live/log.h"
#include "world/live/request.h"
#include "world/live/ssh.h"

struct live_ack;
struct guard_link;
struct peer_door;
struct store;
struct winrm;

struct live {
    struct world world; /* first: a struct world * is a struct live * */
    struct event_base *base;
    struct journal *journal;
    const struct config *config;
    struct live_request *requests;
    uint64_t last_id;
    struct live_curl *curl;
    struct evdns_base *dns;
    struct children *children;
    struct ssh *ssh;
    struct winrm *winrm; /* NULL: not needed yet */
    struct announcer *announcer;
    struct log *log;
    struct hooks_user hooks_user;
    struct guard_link *guard; /* NULL: not needed yet */
    struct peer_door *door;   /* likewise */
    struct store *store;      /* likewise */
    struct live_ack *acks;
    struct event *ack_turn;
};

static inline struct live *live_of(struct world *world)
{
    return (struct live *)world;
}

/* request.c: world_ops.start and .cancel. */
uint64_t request_start(
    struct world *world, const struct world_request *wanted, world_done_fn *done, void *arg);
void request_cancel(struct world *world, uint64_t id);

#endif
