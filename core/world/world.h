/* The one door from Baton to anything outside itself.
 *
 * Time, random, network, processes, addresses, hooks, journal and log are reached
 * through this table and nowhere else. Behind it are the live world (libevent, libcurl,
 * netlink, processes), the simulated one (virtual clock, modelled nodes), and the shadow one
 * (live, but what would change anything is not made). Whoever holds a `struct world *` does
 * not know which it is.
 *
 * A request is started and completes later. Rules that every world keeps:
 *
 *  - `start` copies what it needs from the request before it returns.
 *  - `done` is never called from within `start` or `cancel`. It is called exactly once
 *    for each started request that was not cancelled, and never after a cancel.
 *  - A request always ends: at the latest `timeout_ms` after its start it completes
 *    with WORLD_UNKNOWN or WORLD_FAIL (see below) and everything it used is gone: socket
 *    closed, process group killed and reaped.
 *  - What a completion carries (text, output) is valid during the call of `done` only.
 *  - Nothing blocks, name look-ups included.
 *
 * Unknown is not failed. WORLD_FAIL means: it was asked, and the answer is no — refused,
 * silent until the deadline, wrong banner, exit code not 0. WORLD_UNKNOWN means: it
 * could not be asked — no route of our own, no descriptor left, name not resolved, ssh
 * itself failed (exit 255), a script that did not end in time.
 */
#ifndef BATON_WORLD_WORLD_H
#define BATON_WORLD_WORLD_H

#include "base/error.h"
#include "group/group.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct world;

enum world_kind {
    WORLD_SLEEP = 0, /* ends WORLD_OK after timeout_ms */
    WORLD_TCP,       /* connect; optionally expect the start of what the server says */
    WORLD_MAIL,      /* smtp, imap, pop3: banner, greeting (EHLO, CAPABILITY, CAPA), end */
    WORLD_HTTP,
    WORLD_EXEC,    /* a program, on the controller or on a node through its transport */
    WORLD_ADDRESS, /* a floating address on a node whose transport is local */
    WORLD_HOOK,    /* all programs in hooks/EVENT.d, in order of their names */
};

enum world_mail_proto {
    WORLD_SMTP = 0,
    WORLD_IMAP,
    WORLD_POP3
};
enum world_tls {
    WORLD_PLAIN = 0,
    WORLD_STARTTLS,
    WORLD_TLS
};
enum world_address_op {
    WORLD_ADDRESS_ADD = 0, /* add (an address that is there already is fine) and announce */
    WORLD_ADDRESS_DELETE,  /* gone already is fine */
    WORLD_ADDRESS_PRESENT, /* WORLD_OK: there; WORLD_FAIL: not there */
    WORLD_ADDRESS_ANNOUNCE,
};

struct world_pair {
    const char *name, *value;
};

struct world_request {
    enum world_kind kind;
    int64_t timeout_ms;
    const char *group; /* for logs; may be NULL */
    bool acts;         /* made by what is there to change something: a step or a remedy, not a
                          probe, a look or a verification. The shadow world asks; others ignore it */
    union {
        struct {
            const char *host; /* address or name */
            int port;
            const char *expect; /* NULL, or what the first line must start with */
        } tcp;
        struct {
            enum world_mail_proto proto;
            enum world_tls tls;
            const char *host;
            int port;
            bool verify;         /* check the certificate */
            const char *ca_file; /* NULL: the system's */
        } mail;
        struct {
            const char *method, *url;
            const char *connect_to; /* NULL, or the host to connect to instead of the URL's */
            const char *body;
            size_t body_len;
            const struct world_pair *header;
            int n_headers;
            int expect;        /* status wanted; 0: any below 400 */
            const char *match; /* NULL, or a string that the body must contain */
            bool verify;
            const char *ca_file;
            const char *secret; /* NULL, or the name of a configured secret, sent as bearer */
            size_t body_max;    /* of the answer; more is cut and marked */
        } http;
        struct {
            const char *node;        /* NULL: on the controller itself */
            const char *const *argv; /* ends with NULL; never through a shell locally; for a
                                        remote shell each word is quoted */
            const char *input;
            size_t input_len;
            size_t output_max;  /* of each stream; more is read and thrown away, marked */
            const char *effect; /* NULL, or what it changes ("service.stop"): the simulated
                                   world applies it to its model; others ignore it */
            const char *asks;   /* NULL, or what it asks ("address.up"): the simulated world
                                   answers by exit code; others ignore it */
        } exec;
        struct {
            enum world_address_op op;
            const char *node, *interface, *address; /* "10.0.0.9/24" or "fd00::9/64" */
        } address;
        struct {
            const char *event;
            int64_t wall_ms;               /* when it happened; the fact TIME, RFC 3339 in UTC */
            const struct world_pair *fact; /* BATON_* variables without the prefix */
            int n_facts;
            const char *json; /* on standard input */
        } hook;               /* WORLD_FAIL: one said no (exit not 0); UNKNOWN: none could say */
    } u;
};

enum world_outcome {
    WORLD_UNKNOWN = 0,
    WORLD_OK,
    WORLD_FAIL
}; /* = enum group_outcome */

struct world_result {
    enum world_outcome outcome;
    int64_t latency_us;
    int code;           /* exit code, HTTP status or mail reply code; -1: none */
    const char *detail; /* one sentence, never NULL: "connection refused" */
    const char *out;    /* standard output or body; never NULL */
    size_t out_len;
    const char *err; /* standard error; never NULL */
    size_t err_len;
    bool cut;      /* some of out or err was thrown away */
    bool shadowed; /* it was not made (WORLD_UNKNOWN): `detail` says what would have been */
};

typedef void world_done_fn(void *arg, uint64_t request, const struct world_result *result);
typedef void world_recorded_fn(void *arg, int64_t seq, const struct baton_error *failed);

enum world_level {
    WORLD_DEBUG = 0,
    WORLD_INFO,
    WORLD_WARNING,
    WORLD_ALERT
};

struct world_log {
    enum world_level level;
    const char *group, *node; /* NULL: none */
    const char *event;        /* one word: "transition", "step", "hold" … */
    const char *text;
};

struct world_ops {
    /* Milliseconds of a monotonic clock that runs during suspend. */
    int64_t (*now_ms)(struct world *world);
    /* Milliseconds since 1970, UTC; for people only. */
    int64_t (*wall_ms)(struct world *world);
    uint64_t (*random)(struct world *world);
    /* Returns the request's number, never 0: a request that can't be started completes
     * with WORLD_UNKNOWN and the reason, like any other. */
    uint64_t (*start)(
        struct world *world, const struct world_request *request, world_done_fn *done, void *arg);
    /* A number that is not running any more is fine. */
    void (*cancel)(struct world *world, uint64_t request);
    /* Write records durably, in order, all or none; `done` gets the last one's seq and
     * NULL, or the error. Calls for one group complete in the order they were made. */
    void (*record)(
        struct world *world, const char *group, const struct group *names,
        const struct group_record *records, int count, world_recorded_fn *done, void *arg);
    /* Keep one observation; batched, no answer. */
    void (*observe)(
        struct world *world, const char *group, const char *node, const char *probe,
        enum group_outcome outcome, int64_t latency_us, const char *detail);
    void (*log)(struct world *world, const struct world_log *line);
};

struct world {
    const struct world_ops *ops;
};

static inline int64_t world_now_ms(struct world *world)
{
    return world->ops->now_ms(world);
}

static inline uint64_t world_start(
    struct world *world, const struct world_request *request, world_done_fn *done, void *arg)
{
    return world->ops->start(world, request, done, arg);
}

static inline void world_cancel(struct world *world, uint64_t request)
{
    world->ops->cancel(world, request);
}

#endif
