/* The one door from Baton to anything outside itself.
 *
 * Time, random, network, processes, addresses, hooks, lease store, guardian, journal and log
 * are reached through this table and nowhere else. Behind it are the live world (libevent, libcurl,
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
#include "lease/lease.h"

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
    WORLD_LEASE,   /* the lease store */
    WORLD_PEER,    /* the Baton of another node, asked directly */
    WORLD_GUARD,   /* this node's guardian */
    WORLD_MARK,    /* what a node remembers of the last epoch that anybody granted */
};

/* What is asked of the lease store. OK: it is so, or was done in one transaction. FAIL: the
 * store says no; what it has instead is in the detail. UNKNOWN: no answer of the store; what
 * was asked may have been done all the same. */
enum world_lease_op {
    WORLD_LEASE_RENEW = 0, /* keep this Baton's lease of the group alive, `ttl_ms` from now. The
                              first of a run takes up the lease that the baton is bound to, where
                              it names this node; or makes one. FAIL: the lease was gone, and with
                              it the baton and what was published; there is a new one now */
    WORLD_LEASE_WATCH,     /* ends OK as soon as the store has something newer than revision
                              `seen` (at once where that is 0), with `word`; UNKNOWN at the deadline,
                              which says only that nothing was new or the store is out of reach:
                              `code` is 0 where it answered, else -1 */
    WORLD_LEASE_ACQUIRE,   /* nobody has the baton and the last epoch is `epoch` - 1: take it. Every
                              earlier grant of this epoch is excluded by the transaction */
    WORLD_LEASE_PASS,      /* this one has it with `epoch` - 1 and `to` has a live lease: now `to`
                              has it, bound to its lease, with `epoch` */
    WORLD_LEASE_RELEASE,   /* this one has it with `epoch`: now nobody does. The epoch stays */
    WORLD_LEASE_PUBLISH,   /* `member`, for as long as the lease lives */
    WORLD_LEASE_PAUSE,     /* `why` not NULL: the group is paused, for all; NULL: no more */
    WORLD_LEASE_WISH,      /* put `wish`; its id is the revision that it gets, in `value` */
    WORLD_LEASE_ANSWER,    /* put `answer`, and the wish of that id is gone */
};

/* In the detail of a word, before what of it could not be read and is left out. */
#define WORLD_LEFT_OUT "left out: "

/* What is asked of the Baton of another node, over mutual TLS. */
enum world_peer_op {
    WORLD_PEER_ASK = 0, /* "do you not serve, and will you not take the baton for `hold_ms`, while
                           `holder` has it with `epoch`?" OK: so it is, and promised from when it
                           was asked. FAIL: no. UNKNOWN: no answer */
    WORLD_PEER_LISTEN,  /* ends OK when one asks, with `question` */
    WORLD_PEER_ANSWER,  /* to the question `ticket`: `yes`, and `why` */
};

enum world_guard_op {
    WORLD_GUARD_ARM = 0, /* unless it is told otherwise before, the guardian stops the service at
                            `until_ms`. OK: it has understood */
    WORLD_GUARD_DISARM,  /* this node serves no more */
    WORLD_GUARD_ASK,     /* OK: it is armed, until `value`; FAIL: it is not armed */
};

/* Asked of a node by the controller that acts on it. A mark is an epoch and the token that was
 * drawn for it, so that two controllers that grant the same epoch don't look alike. */
enum world_mark_op {
    WORLD_MARK_READ = 0, /* OK: `mark` is what is there, epoch 0 where nothing is */
    WORLD_MARK_WRITE,    /* OK: `epoch` and `token` stand there now, and what stood there was older
                            or the same. FAIL: newer, or another token; `mark` says which. Atomic
                            and durable */
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

typedef void world_heard_fn(void *arg, const char *out, size_t len);

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
            const char *secret;      /* NULL, or the name of a configured secret, sent as bearer */
            const char *body_secret; /* NULL, or the name of one that takes the place of each
                                        {{secret}} in the body, escaped as JSON text is */
            size_t body_max;         /* of the answer; more is cut and marked */
            const char *effect;      /* as of exec: the simulated world's */
            const char *asks;        /* likewise */
        } http;
        struct {
            const char *node;        /* NULL: on the controller itself */
            const char *const *argv; /* ends with NULL; never through a shell locally; for a
                                        remote shell each word is quoted */
            const char *input;
            size_t input_len;
            size_t output_max;     /* of each stream; more is read and thrown away, marked */
            const char *effect;    /* NULL, or what it changes ("service.stop"): the simulated
                                      world applies it to its model; others ignore it */
            const char *asks;      /* NULL, or what it asks ("address.up"): the simulated world
                                      answers by exit code; others ignore it */
            const char *progress;  /* NULL, or how its output tells how far it is ("rsync",
                                      "robocopy"): for whoever shows it; worlds ignore it */
            world_heard_fn *heard; /* NULL, or told of standard output as it comes, all of it,
                                      until `done` or a cancel, but not from within `start`; may
                                      not cancel. The result has it all the same, up to
                                      output_max */
            void *heard_arg;
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
        struct {
            enum world_lease_op op;
            const char *node;                  /* whose Baton asks */
            int64_t ttl_ms;                    /* RENEW */
            int64_t seen;                      /* WATCH */
            int64_t epoch;                     /* ACQUIRE, PASS, RELEASE */
            const char *to;                    /* PASS */
            enum group_plan_kind how;          /* ACQUIRE, PASS */
            const char *why;                   /* ACQUIRE, PASS, PAUSE */
            const struct group_member *member; /* PUBLISH */
            const struct lease_wish *wish;     /* WISH */
            const struct lease_answer *answer; /* ANSWER */
        } lease;
        struct {
            enum world_peer_op op;
            const char *node;       /* ASK: who is asked */
            const char *holder;     /* ASK: who asks */
            int64_t epoch, hold_ms; /* ASK */
            uint64_t ticket;        /* ANSWER */
            bool yes;               /* ANSWER */
            const char *why;        /* ANSWER */
        } peer;
        struct {
            enum world_guard_op op;
            int64_t until_ms; /* of the world's clock */
            int64_t epoch;
        } guard;
        struct {
            enum world_mark_op op;
            const char *node;
            int64_t epoch;
            uint64_t token;
        } mark;
    } u;
};

/* What it says that it changes, or asks; NULL: nothing. */
static inline const char *world_effect(const struct world_request *request)
{
    return request->kind == WORLD_EXEC   ? request->u.exec.effect
           : request->kind == WORLD_HTTP ? request->u.http.effect
                                         : NULL;
}

static inline const char *world_asks(const struct world_request *request)
{
    return request->kind == WORLD_EXEC   ? request->u.exec.asks
           : request->kind == WORLD_HTTP ? request->u.http.asks
                                         : NULL;
}

enum world_outcome {
    WORLD_UNKNOWN = 0,
    WORLD_OK,
    WORLD_FAIL
}; /* = enum group_outcome */

struct world_question { /* of another node's Baton */
    uint64_t ticket;
    const char *holder;
    int64_t epoch, hold_ms;
};

struct world_mark {
    int64_t epoch; /* 0: none */
    uint64_t token;
};

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
    int64_t value; /* LEASE WISH, GUARD ASK */
    const struct lease_word *word;         /* LEASE WATCH */
    const struct world_question *question; /* PEER LISTEN */
    struct world_mark mark;                /* MARK */
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
