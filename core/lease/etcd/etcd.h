/* etcd as the lease store: what is asked of it and what its answers mean.
 *
 * etcd speaks gRPC, and JSON over HTTP beside it ("gRPC gateway"): each call is a POST of a
 * JSON object whose keys, values and 64-bit numbers are strings, keys and values in base64.
 * See etcd's api reference (rpc.proto, 3.4) and "Why gRPC gateway" in its documentation.
 *
 * An operation of the store (enum world_lease_op) is a short dialogue: `etcd_op_ask` gives the
 * next call, `etcd_op_hear` takes its answer, until it says ETCD_END. Whoever runs the
 * dialogue (core/world/live) sends the calls, where it likes to several servers and more than
 * once: each is made so that a second copy of it, or one that arrives late, does no harm and
 * finds out that the first was done.
 *
 * Keys, below PREFIX/GROUP/:
 *
 *   baton        who holds it, bound to the lease of the holder's Baton
 *   epoch        of the last grant; put in the same transaction as the baton, never deleted
 *   member/NAME  what the Baton of NAME publishes, bound to its lease
 *   pause        put, never deleted, so that its revision only rises
 *   wish         of an operator; its revision is its id
 *   answer       to the last wish that was carried out or refused
 *
 * Nothing is read but by linearizable reads. Pure: no I/O, no clock.
 */
#ifndef BATON_LEASE_ETCD_ETCD_H
#define BATON_LEASE_ETCD_ETCD_H

#include "lease/lease.h"
#include "world/world.h"

#define ETCD_PREFIX_MAX 128
#define ETCD_TOKEN_MAX  4096 /* a JSON web token is long */
#define ETCD_DETAIL_MAX 512
#define ETCD_TRIES_MAX  6 /* a transaction that is overtaken by another one each time */

/* ---- One answer ------------------------------------------------------------------------ */

enum etcd_meaning {
    ETCD_GOOD = 0,
    ETCD_LATER,       /* no leader, too busy, starting: ask another one, or again */
    ETCD_TOKEN,       /* the token is invalid or too old: authenticate again */
    ETCD_NO_USERS,    /* authentication is not enabled: go on without a token */
    ETCD_REFUSED,     /* wrong password, no permission, no space: asking again is no use */
    ETCD_NO_LEASE,    /* the lease that a key is to be bound to is gone */
    ETCD_LEASE_THERE, /* a lease of that number has been granted already */
    ETCD_ODD,         /* not an answer of etcd's gateway */
};

/* What an answer with this HTTP status and body means. Where it isn't ETCD_GOOD, `text` gets
 * the sentence: etcd's own words and what to do about it. */
enum etcd_meaning etcd_meaning(int status, const char *body, char *text, size_t size);

/* The gateway's path, "/v3" or "/v3beta", by the answer to GET /version. NULL with the sentence
 * where the server is older than 3.3, or none of etcd's. */
const char *etcd_gateway(const char *body, char *text, size_t size);

/* The token in the answer to /auth/authenticate. */
bool etcd_token(const char *body, char token[ETCD_TOKEN_MAX]);

/* Body for /auth/authenticate. The caller frees it with free, and wipes it before. */
char *etcd_ask_token(const char *user, const char *password);

enum etcd_stream {
    ETCD_STREAM_QUIET = 0,
    ETCD_STREAM_NEWS, /* something changed, or what changed is forgotten: read all */
    ETCD_STREAM_OVER, /* cancelled by the server; the sentence says why */
};

/* One line of the answer to /watch, which never ends by itself. */
enum etcd_stream etcd_stream(const char *line, size_t len, char *text, size_t size);

/* ---- A group ---------------------------------------------------------------------------- */

struct etcd_site {
    char prefix[ETCD_PREFIX_MAX], group[GROUP_NAME_MAX], self[GROUP_NAME_MAX];
    int n_nodes; /* in the order of the group */
    char node[GROUP_NODES_MAX][GROUP_NAME_MAX];
};

/* What a Baton remembers of its group in the store for as long as the process lives. Zeroed
 * at first. */
struct etcd_memory {
    int64_t lease; /* 0: none, or it is gone */
    bool known;    /* looked up once: the lease of an earlier run is taken up once only */
    bool gone;     /* … and nobody has been told yet */
    int64_t member_revision, seen_revision;
    int seen_keys;
};

/* All keys of a group at one revision. */
struct etcd_view {
    int64_t term; /* of the server that answered, after it had asked the others */
    bool done;    /* of a transaction: its comparisons held. Then there are no keys */
    int n_keys;
    int64_t newest; /* highest revision of a key */
    int64_t baton_lease, wish_revision, answer_revision, pause_revision;
    uint64_t wish_nonce;
    char holder[GROUP_NAME_MAX]; /* the name in the baton */
    int64_t member_lease[GROUP_NODES_MAX], member_revision[GROUP_NODES_MAX];
    struct lease_word word;           /* all but `mine` */
    char skipped[GROUP_TEXT_MAX + 1]; /* what could not be read, and why; "" */
};

/* Read the answer to a range or a transaction over the group's keys; without `values` only their
 * number, revisions and leases. False, with the sentence, where it isn't one. Something in a key
 * that can't be read never breaks the rest: a member is left out, a wish or answer is none, a baton
 * has a stranger for its holder (nobody takes it then), a pause pauses. */
bool etcd_view_read(
    const struct etcd_site *site, const char *body, bool values, struct etcd_view *view, char *why,
    size_t size);

/* ---- An operation ------------------------------------------------------------------------ */

enum etcd_next {
    ETCD_ASK = 0, /* there is another call */
    ETCD_WAIT,    /* WATCH: nothing new; ask again in a while, or as soon as the stream has news */
    ETCD_END,
};

enum etcd_stage {
    ETCD_STAGE_ALL = 0, /* all keys */
    ETCD_STAGE_CHECK,   /* WATCH: all keys, without their values */
    ETCD_STAGE_KEEP,    /* RENEW: keep the lease alive */
    ETCD_STAGE_PROOF,   /* … by the server that leads, see op.c */
    ETCD_STAGE_GRANT,
    ETCD_STAGE_BATON,  /* RENEW: bind the baton to the new lease; … */
    ETCD_STAGE_MEMBER, /* … and the member */
    ETCD_STAGE_CHANGE, /* the transaction */
    ETCD_STAGE_LATE,   /* ANSWER to a wish that isn't there any more */
};

struct etcd_op {
    enum world_lease_op op;
    enum etcd_stage stage;
    const struct etcd_site *site; /* the caller's, as long as the operation */
    struct etcd_memory *memory;   /* likewise */
    int tries;
    int64_t ttl_ms, seen, epoch, lease, to_lease, term, answer_revision;
    uint64_t random;
    int to;
    enum group_plan_kind how;
    bool paused, rebind;
    char why[GROUP_TEXT_MAX];
    struct group_member member;
    struct lease_wish wish;
    struct lease_answer answer;
    struct etcd_view view;
    /* at the end: */
    enum world_outcome outcome;
    int64_t value;
    char detail[ETCD_DETAIL_MAX];
};

/* Begin what `request` (kind WORLD_LEASE) asks for, and copy of it what is needed; `random` is a
 * fresh number. ETCD_END where it can't be asked. An op is large; it needs no clean-up. */
enum etcd_next etcd_op_begin(
    struct etcd_op *op, const struct etcd_site *site, struct etcd_memory *memory,
    const struct world_request *request, uint64_t random);

/* The next call: its path below the gateway's ("/kv/txn") and its body, to be freed with free.
 * NULL: no memory. */
char *etcd_op_ask(const struct etcd_op *op, const char **path);

/* Its answer: ETCD_GOOD, ETCD_NO_LEASE or ETCD_LEASE_THERE with the body. What it means is in
 * `outcome`, `value`, `detail` and `view.word` when this says ETCD_END. */
enum etcd_next etcd_op_hear(struct etcd_op *op, enum etcd_meaning meaning, const char *body);

/* WATCH: the stream has news. The next call reads all, whatever was asked before. */
void etcd_op_news(struct etcd_op *op);

/* Time is up before the end: what is known all the same. `outcome` and, where there is
 * something to say, `detail` are set. */
void etcd_op_late(struct etcd_op *op);

/* Body for /watch: all keys of the group from the revision after `seen`. */
char *etcd_op_watch(const struct etcd_op *op);

/* "acquire", "renew" … */
const char *etcd_op_name(enum world_lease_op op);

#endif
