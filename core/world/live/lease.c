/* The lease store: etcd. An operation is a dialogue of core/lease/etcd, carried on here. */
#include "world/live/parts.h"
#include "world/live/store.h"

#include <event2/event_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define LEASE_LOOK_MS                                                                              \
    1000 /* a watch looks by itself so often: a stream may be dead and not say so */

struct lease {
    struct live_request head;
    struct store *store;
    struct store_call *call;
    struct store_stream *stream; /* WATCH, while nothing is new */
    struct event look;           /* likewise */
    int64_t asked_us;            /* the call under way began then */
    struct etcd_op *op;
    char endpoint[300], text[ETCD_DETAIL_MAX + 320];
};

static void go_on(struct lease *lease, enum etcd_next next);

static struct lease *lease_of(struct live_request *request)
{
    return (struct lease *)request;
}

/* ---- The end -------------------------------------------------------------------------------- */

static void end(struct lease *lease)
{
    const struct etcd_op *op = lease->op;
    struct world_result result = {.outcome = op->outcome, .code = -1, .value = op->value};

    snprintf(
        lease->text, sizeof lease->text, "%s%s%s", lease->endpoint,
        lease->endpoint[0] != 0 && op->detail[0] != 0 ? ": " : "", op->detail);
    result.detail = lease->text;
    if (op->op == WORLD_LEASE_WATCH && op->outcome == WORLD_OK) {
        result.word = &op->view.word;
        result.code = 0;
    }
    live_request_end(&lease->head, &result);
}

/* ---- The dialogue ---------------------------------------------------------------------------- */

static void on_answer(void *arg, enum etcd_meaning meaning, const char *text, const char *endpoint)
{
    struct lease *lease = arg;
    enum etcd_next next;

    snprintf(lease->endpoint, sizeof lease->endpoint, "%s", endpoint);
    next = etcd_op_hear(lease->op, meaning, text);
    store_call_stop(lease->call);
    lease->call = NULL;
    go_on(lease, next);
}

static void ask(struct lease *lease)
{
    const char *path;
    char *body = etcd_op_ask(lease->op, &path);

    store_stream_stop(lease->stream);
    lease->stream = NULL;
    event_del(&lease->look);
    lease->asked_us = live_now_us();
    lease->call = store_call_start(lease->store, path, body, on_answer, lease);
    if (lease->call == NULL) {
        live_request_say(&lease->head, WORLD_UNKNOWN, -1, "no memory for a call to the store");
    }
}

/* ---- Waiting for news -------------------------------------------------------------------------
 */

static void on_look(evutil_socket_t fd, short what, void *arg)
{
    struct lease *lease = arg;

    (void)fd;
    (void)what;
    ask(lease);
}

static void on_news(void *arg, bool over, const char *text)
{
    struct lease *lease = arg;

    (void)text;
    if (over) { /* the next look finds another server, and opens another one */
        store_stream_stop(lease->stream);
        lease->stream = NULL;
        return;
    }
    etcd_op_news(lease->op);
    ask(lease);
}

static void wait_for_news(struct lease *lease)
{
    struct timeval pause = {LEASE_LOOK_MS / 1000, LEASE_LOOK_MS % 1000 * 1000};

    event_add(&lease->look, &pause);
    lease->stream = store_stream_start(lease->store, etcd_op_watch(lease->op), on_news, lease);
}

static void go_on(struct lease *lease, enum etcd_next next)
{
    switch (next) {
    case ETCD_ASK:
        ask(lease);
        break;
    case ETCD_WAIT:
        wait_for_news(lease);
        break;
    case ETCD_END:
        end(lease);
        break;
    }
}

/* ---- A request
 * ----------------------------------------------------------------------------------- */

static bool start(
    struct live_request *request, const struct world_request *wanted, char *why, size_t why_size)
{
    struct lease *lease = lease_of(request);
    struct live *live = request->live;
    struct store_group *group;
    uint64_t random = 0;

    event_assign(&lease->look, live_base(live), -1, 0, on_look, lease);
    if (live->store == NULL) {
        live->store = store_new(live, why, why_size);
    }
    lease->store = live->store;
    if (lease->store == NULL) {
        return false;
    }
    group = store_group(lease->store, wanted->group, wanted->u.lease.node, why, why_size);
    lease->op = group != NULL ? malloc(sizeof *lease->op) : NULL;
    if (group == NULL || lease->op == NULL ||
        getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random) {
        if (group != NULL) {
            snprintf(why, why_size, "no memory for a call to the store, or no random number");
        }
        return false;
    }
    go_on(lease, etcd_op_begin(lease->op, &group->site, &group->memory, wanted, random));
    return true;
}

static void at_deadline(struct live_request *request, struct world_result *result)
{
    struct lease *lease = lease_of(request);
    const char *why = lease->call != NULL ? store_call_why(lease->call) : "";

    etcd_op_late(lease->op);
    result->outcome = lease->op->outcome;
    if (lease->op->op == WORLD_LEASE_WATCH) {
        bool silent =
            lease->call != NULL && live_now_us() - lease->asked_us >= LEASE_LOOK_MS * INT64_C(1000);

        result->code = silent ? -1 : 0;
    }
    if (lease->op->detail[0] != 0) {
        snprintf(lease->text, sizeof lease->text, "%s", lease->op->detail);
    } else {
        snprintf(
            lease->text, sizeof lease->text, "no answer of the store within %.6g s%s%s",
            (double)request->timeout_ms / 1000, why[0] != 0 ? "; " : "", why);
    }
    result->detail = lease->text;
}

static void stop(struct live_request *request)
{
    struct lease *lease = lease_of(request);

    store_call_stop(lease->call);
    store_stream_stop(lease->stream);
    event_del(&lease->look);
    free(lease->op);
}

const struct live_kind live_kind_lease = {
    .name = "lease",
    .size = sizeof(struct lease),
    .start = start,
    .stop = stop,
    .on_deadline = WORLD_UNKNOWN,
    .at_deadline = at_deadline,
};
