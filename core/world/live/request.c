/* The table of requests: see request.h. */
#include "world/live/parts.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIVE_REQUESTS_MAX 65536 /* at once; more are answered "too many" */

/* The answer of a request that ended before `start` returned, with its texts behind it. */
struct live_answer {
    struct world_result result;
    char text[];
};

static const struct live_kind *kind_of(enum world_kind kind)
{
    static const struct live_kind *const kinds[] = {
        [WORLD_SLEEP] = &live_kind_sleep, [WORLD_TCP] = &live_kind_tcp,
        [WORLD_MAIL] = &live_kind_mail,   [WORLD_HTTP] = &live_kind_http,
        [WORLD_EXEC] = &live_kind_exec,   [WORLD_ADDRESS] = &live_kind_address,
        [WORLD_HOOK] = &live_kind_hook,   [WORLD_LEASE] = &live_kind_lease,
        [WORLD_PEER] = &live_kind_peer,   [WORLD_GUARD] = &live_kind_guard,
        [WORLD_MARK] = &live_kind_mark,
    };

    assert((unsigned)kind < sizeof kinds / sizeof kinds[0]);
    return kinds[kind];
}

/* Off the table, so that nobody finds it any more. */
static void request_unlist(struct live_request *request)
{
    event_del(request->deadline);
    HASH_DEL(request->live->requests, request);
}

static void request_free(struct live_request *request)
{
    request->kind->stop(request);
    free(request->answer);
    free(request);
}

static void request_finish(struct live_request *request, const struct world_result *result)
{
    struct world_result full = *result;

    if (full.latency_us == 0) {
        full.latency_us = live_now_us() - request->began_us;
    }
    full.detail = full.detail != NULL ? full.detail : "";
    full.out = full.out != NULL ? full.out : "";
    full.err = full.err != NULL ? full.err : "";
    request_unlist(request);
    request->done(request->arg, request->id, &full);
    request_free(request);
}

static char *text_keep(char *at, const char **text, size_t len)
{
    memcpy(at, *text != NULL ? *text : "", len);
    at[len] = 0;
    *text = at;
    return at + len + 1;
}

/* Keep a copy until the next turn of the loop. */
static void request_defer(struct live_request *request, const struct world_result *result)
{
    size_t detail_len = result->detail != NULL ? strlen(result->detail) : 0;
    size_t out_len = result->out != NULL ? result->out_len : 0;
    size_t err_len = result->err != NULL ? result->err_len : 0;
    struct live_answer *answer = malloc(sizeof *answer + detail_len + out_len + err_len + 3);
    char *at;

    if (answer != NULL) {
        answer->result = *result;
        at = text_keep(answer->text, &answer->result.detail, detail_len);
        at = text_keep(at, &answer->result.out, out_len);
        text_keep(at, &answer->result.err, err_len);
        if (answer->result.latency_us == 0) {
            answer->result.latency_us = live_now_us() - request->began_us;
        }
    }
    request->answer = answer;
    /* Not event_active: a chain of such answers would never let the loop look at sockets. */
    event_add(request->deadline, &(struct timeval){0, 0});
}

void live_request_end(struct live_request *request, const struct world_result *result)
{
    assert(!request->ended);
    request->ended = true;
    if (request->starting) {
        request_defer(request, result);
    } else {
        request_finish(request, result);
    }
}

void live_request_say(
    struct live_request *request, enum world_outcome outcome, int code, const char *format, ...)
{
    char text[512];
    struct world_result result = {.outcome = outcome, .code = code, .detail = text};
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    live_request_end(request, &result);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    struct live_request *request = arg;
    char text[128];
    struct world_result result = {
        .outcome = request->kind->on_deadline, .code = -1, .detail = text};
    int64_t left_us;

    (void)fd;
    (void)what;
    if (request->answer != NULL) {
        request_finish(request, &request->answer->result);
        return;
    }
    left_us = request->began_us + request->timeout_ms * 1000 - live_now_us();
    if (!request->ended && left_us > 0) { /* libevent's clock is coarse */
        event_add(request->deadline, &(struct timeval){left_us / 1000000, left_us % 1000000});
        return;
    }
    if (request->ended) {
        result.outcome = WORLD_UNKNOWN;
        result.detail = "no memory left for the answer";
    } else {
        snprintf(text, sizeof text, "no end within %.6g s", (double)request->timeout_ms / 1000);
        if (request->kind->at_deadline != NULL) {
            request->kind->at_deadline(request, &result);
        }
    }
    request->ended = true;
    request_finish(request, &result);
}

/* Kind's struct and its deadline's event in one piece of memory. */
static struct live_request *request_new(struct live *live, const struct live_kind *kind)
{
    size_t align = _Alignof(max_align_t);
    size_t size = (kind->size + align - 1) / align * align;
    struct live_request *request = calloc(1, size + event_get_struct_event_size());

    if (request == NULL) {
        fputs("batond: no memory left for a request\n", stderr);
        abort(); /* fail static: what serves goes on serving */
    }
    request->live = live;
    request->kind = kind;
    request->id = ++live->last_id;
    request->began_us = live_now_us();
    request->deadline = (struct event *)((char *)request + size);
    event_assign(request->deadline, live->base, -1, 0, on_deadline, request);
    HASH_ADD(hh, live->requests, id, sizeof request->id, request);
    return request;
}

uint64_t request_start(
    struct world *world, const struct world_request *wanted, world_done_fn *done, void *arg)
{
    struct live *live = live_of(world);
    bool full = HASH_COUNT(live->requests) >= LIVE_REQUESTS_MAX;
    struct live_request *request =
        request_new(live, full ? &live_kind_sleep : kind_of(wanted->kind));
    int64_t timeout_ms = wanted->timeout_ms > 0 ? wanted->timeout_ms : 0;
    struct timeval timeout = {timeout_ms / 1000, timeout_ms % 1000 * 1000};
    char why[384] = "";

    request->done = done;
    request->arg = arg;
    request->timeout_ms = timeout_ms;
    event_add(request->deadline, &timeout);
    request->starting = true;
    if (full) {
        live_request_say(request, WORLD_UNKNOWN, -1, "%d requests run already", LIVE_REQUESTS_MAX);
    } else if (!request->kind->start(request, wanted, why, sizeof why) && !request->ended) {
        live_request_say(request, WORLD_UNKNOWN, -1, "%s", why);
    }
    request->starting = false;
    return request->id;
}

void request_cancel(struct world *world, uint64_t id)
{
    struct live *live = live_of(world);
    struct live_request *request = NULL;

    HASH_FIND(hh, live->requests, &id, sizeof id, request);
    if (request == NULL) {
        return;
    }
    assert(!request->starting);
    request->ended = true;
    request_unlist(request);
    request_free(request);
}

/* ---- Sleep --------------------------------------------------------------------------- */

static bool sleep_start(
    struct live_request *request, const struct world_request *wanted, char *why, size_t size)
{
    (void)request;
    (void)wanted;
    (void)why;
    (void)size;
    return true;
}

static void sleep_stop(struct live_request *request)
{
    (void)request;
}

static void sleep_over(struct live_request *request, struct world_result *result)
{
    (void)request;
    result->detail = "slept";
}

const struct live_kind live_kind_sleep = {
    .name = "sleep",
    .size = sizeof(struct live_request),
    .start = sleep_start,
    .stop = sleep_stop,
    .on_deadline = WORLD_OK,
    .at_deadline = sleep_over,
};
