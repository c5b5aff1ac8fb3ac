/* etcd over HTTP: which server is asked, with what token, and how long for.
 *
 * A call goes to the server that answered last. One that says nothing for STORE_HEDGE_MS is
 * not waited for: the same call goes to the next server too, and the first good answer counts
 * (core/lease/etcd makes every call so that a second copy does no harm). One that refuses or
 * has no leader is followed by the next at once. Where all have failed, or all say nothing,
 * they are asked again, one after another. So a call never fails because one server of three does;
 * it ends when there is an answer, or when whoever made it stops it.
 *
 * Connections are kept open between calls. The gateway's path is asked of each server once.
 */
#ifndef BATON_WORLD_LIVE_STORE_H
#define BATON_WORLD_LIVE_STORE_H

#include "config/config.h"
#include "lease/etcd/etcd.h"
#include "world/live/curl.h"

#define STORE_ENDPOINTS_MAX 8
#define STORE_HEDGE_MS      250
#define STORE_AGAIN_MS      100
#define STORE_BODY_MAX      (4u << 20) /* of an answer */

struct live;
struct store;
struct store_call;
struct store_stream;

/* What is remembered of a group in the store, by the operations of one process. */
struct store_group {
    struct etcd_site site;
    struct etcd_memory memory;
    struct store_group *next;
};

/* NULL: no memory, or the configuration has no store; the sentence says which. */
struct store *store_new(struct live *live, char *why, size_t why_size);
/* All calls and streams have been stopped before. NULL is fine. */
void store_free(struct store *store);

/* NULL with the sentence: no such group, no memory. Owned by the store. */
struct store_group *store_group(
    struct store *store, const char *group, const char *self, char *why, size_t why_size);

/* `text`: the body where `meaning` is ETCD_GOOD, ETCD_NO_LEASE or ETCD_LEASE_THERE, else a
 * sentence that names the server. `endpoint`: who answered. May stop the call. */
typedef void store_done_fn(
    void *arg, enum etcd_meaning meaning, const char *text, const char *endpoint);

/* Takes `body` (freed by free). `path` is below the gateway's, and constant. NULL: no memory, and
 * the body is freed. `done` is never called from within. */
struct store_call *store_call_start(
    struct store *store, const char *path, char *body, store_done_fn *done, void *arg);
void store_call_stop(struct store_call *call); /* NULL is fine */
/* What went wrong with it last, naming the server; "" where nothing did yet. */
const char *store_call_why(const struct store_call *call);

/* A watch on the server that answered last. `news` is called from the loop when the store has
 * something, or the stream has ended (`over`, with the sentence): then it is stopped by the
 * caller. */
typedef void store_news_fn(void *arg, bool over, const char *text);
struct store_stream *store_stream_start(
    struct store *store, char *body, store_news_fn *news, void *arg);
void store_stream_stop(struct store_stream *stream); /* NULL is fine */

#endif
