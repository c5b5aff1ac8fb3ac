/* One running request of the live world, and what each kind of request must bring.
 *
 * live.c owns all requests: it allocates them, numbers them, keeps them in a table,
 * arms one deadline for each and sees to it that `done` is called once, never from
 * within start or cancel. A kind (tcp.c, curl.c, exec.c, address.c, hooks.c) only starts
 * its own work, ends it with live_request_end, and can stop it at any moment.
 */
#ifndef BATON_WORLD_LIVE_REQUEST_H
#define BATON_WORLD_LIVE_REQUEST_H

#include "config/config.h"
#include "world/live/live.h"
#include "world/world.h"

#include <event2/event.h>
#include <uthash.h>

struct live;
struct live_request;

struct live_kind {
    const char *name;
    size_t size; /* of the kind's own struct, whose first member is struct live_request */
    /* Begin. The request is zeroed but for its head. Copies what it keeps of `wanted`.
     * Returns false with a sentence in `why` where it can't begin: it then ends with
     * WORLD_UNKNOWN (live.c sees to it, on the next turn of the loop), after `stop`. May
     * call live_request_end itself: that is deferred to the next turn of the loop too. */
    bool (*start)(
        struct live_request *request, const struct world_request *wanted, char *why,
        size_t why_size);
    /* Let go of everything: events, sockets, easy handles, children (killed by process
     * group; reaping goes on in the background). Called exactly once, after the end, the
     * deadline or a cancel, also after a failed start. Must not call live_request_end. */
    void (*stop)(struct live_request *request);
    enum world_outcome on_deadline; /* silence of a service is FAIL, of a script UNKNOWN */
    /* May be NULL. At the deadline, before `stop`: what there is so far (text, output). The
     * outcome is set already; the sentence is "no end within …" and may be replaced. */
    void (*at_deadline)(struct live_request *request, struct world_result *result);
};

struct live_request {
    struct live *live;
    const struct live_kind *kind;
    uint64_t id;
    int64_t timeout_ms;
    int64_t began_us; /* CLOCK_BOOTTIME */
    world_done_fn *done;
    void *arg;
    struct event *deadline;
    struct live_answer *answer; /* of a request that ended within its start; else NULL */
    bool starting, ended;
    UT_hash_handle hh;
};

/* The work is over. Copies nothing: `done` is called from here (or deferred with a copy,
 * if called within start). latency_us is filled in where it is 0; NULL strings become "".
 * The request is gone when this returns (but for within start): touch it no more. */
void live_request_end(struct live_request *request, const struct world_result *result);

/* Short form: outcome and sentence only. */
void live_request_say(
    struct live_request *request, enum world_outcome outcome, int code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

struct event_base *live_base(struct live *live);
const struct config *live_config(struct live *live);
/* The node of that name in any group of the configuration, NULL if there is none. */
const struct config_node *live_node(struct live *live, const char *name);
struct live_curl *live_curl(struct live *live);    /* the shared multi handle (curl.c) */
struct evdns_base *live_dns(struct live *live);    /* for names in tcp.c */
struct children *live_children(struct live *live); /* child.c */
struct ssh *live_ssh(struct live *live);           /* ssh.c */
struct winrm *live_winrm(struct live *live);       /* winrm.c; made when first needed */
struct announcer *live_announcer(struct live *live);
const struct hooks_user *live_hooks_user(struct live *live); /* hooks.c */
struct world *live_world(struct live *live);                 /* to log */
int64_t live_now_us(void);                                   /* CLOCK_BOOTTIME */

extern const struct live_kind live_kind_sleep;   /* live.c */
extern const struct live_kind live_kind_tcp;     /* tcp.c */
extern const struct live_kind live_kind_mail;    /* mail.c, on curl.c */
extern const struct live_kind live_kind_http;    /* http.c, on curl.c */
extern const struct live_kind live_kind_exec;    /* exec.c, with ssh.c, on child.c */
extern const struct live_kind live_kind_address; /* address.c, with announce.c */
extern const struct live_kind live_kind_hook;    /* hooks.c, on child.c */
extern const struct live_kind live_kind_lease;   /* lease.c, on core/lease/etcd and curl.c */
extern const struct live_kind live_kind_peer;    /* peer.c, on curl.c and a listener */
extern const struct live_kind live_kind_guard;   /* guard.c, on core/lease/guardian's socket */
extern const struct live_kind live_kind_mark;    /* mark.c, with ssh.c, on child.c */

/* curl.c: libcurl's multi interface on the loop. */
enum baton_err live_curl_new(
    struct event_base *base, struct live_curl **out, struct baton_error *error);
void live_curl_free(struct live_curl *curl);

#endif
