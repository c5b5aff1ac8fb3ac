#include "world/live/live.h"

#include "world/live/announce.h"
#include "world/live/child.h"
#include "world/live/hooks.h"
#include "world/live/log.h"
#include "world/live/request.h"
#include "world/live/ssh.h"

#include <assert.h>
#include <event2/dns.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>
#include <utlist.h>

#define LIVE_REQUESTS_MAX 65536 /* at once; more are answered "too many" */
#define LIVE_PATIENCE_MS  2000  /* for children to be reaped, for the log to be written */

/* The answer of a request that ended before `start` returned, with its texts behind it. */
struct live_answer {
    struct world_result result;
    char text[];
};

/* An acknowledgement of records where there is no journal. */
struct live_ack {
    world_recorded_fn *done;
    void *arg;
    int64_t seq;
    struct live_ack *prev, *next;
};

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
    struct announcer *announcer;
    struct log *log;
    struct hooks_user hooks_user;
    struct live_ack *acks;
    struct event *ack_turn;
};

static struct live *live_of(struct world *world)
{
    return (struct live *)world;
}

static const struct live_kind *kind_of(enum world_kind kind)
{
    static const struct live_kind *const kinds[] = {
        [WORLD_SLEEP] = &live_kind_sleep, [WORLD_TCP] = &live_kind_tcp,
        [WORLD_MAIL] = &live_kind_mail,   [WORLD_HTTP] = &live_kind_http,
        [WORLD_EXEC] = &live_kind_exec,   [WORLD_ADDRESS] = &live_kind_address,
        [WORLD_HOOK] = &live_kind_hook,
    };

    assert((unsigned)kind < sizeof kinds / sizeof kinds[0]);
    return kinds[kind];
}

/* ---- Clocks, random ------------------------------------------------------------------ */

static int64_t clock_us(clockid_t id)
{
    struct timespec now;

    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t live_now_us(void)
{
    return clock_us(CLOCK_BOOTTIME);
}

static int64_t now_ms(struct world *world)
{
    (void)world;
    return live_now_us() / 1000;
}

static int64_t wall_ms(struct world *world)
{
    (void)world;
    return clock_us(CLOCK_REALTIME) / 1000;
}

static uint64_t random_number(struct world *world)
{
    uint64_t number = 0;

    (void)world;
    if (getrandom(&number, sizeof number, GRND_NONBLOCK) != (ssize_t)sizeof number) {
        number = (uint64_t)live_now_us() * UINT64_C(0x9e3779b97f4a7c15);
    }
    return number;
}

/* ---- Requests ------------------------------------------------------------------------ */

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

    (void)fd;
    (void)what;
    if (request->answer != NULL) {
        request_finish(request, &request->answer->result);
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

static uint64_t start(
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

static void cancel(struct world *world, uint64_t id)
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

/* ---- Journal and log ----------------------------------------------------------------- */

static void on_ack(evutil_socket_t fd, short what, void *arg)
{
    struct live *live = arg;
    struct live_ack *due = live->acks, *ack, *next;

    (void)fd;
    (void)what;
    live->acks = NULL;
    DL_FOREACH_SAFE(due, ack, next)
    {
        ack->done(ack->arg, ack->seq, NULL);
        free(ack);
    }
}

/* Without a journal (tests, shadow runs without a state) records count as written. */
static void acknowledge(struct live *live, int64_t seq, world_recorded_fn *done, void *arg)
{
    struct live_ack *ack = calloc(1, sizeof *ack);

    if (ack == NULL) {
        abort();
    }
    ack->done = done;
    ack->arg = arg;
    ack->seq = seq;
    DL_APPEND(live->acks, ack);
    event_add(live->ack_turn, &(struct timeval){0, 0});
}

static void record(
    struct world *world, const char *group, const struct group *names,
    const struct group_record *records, int count, world_recorded_fn *done, void *arg)
{
    struct live *live = live_of(world);

    if (live->journal == NULL) {
        acknowledge(live, count > 0 ? records[count - 1].seq : 0, done, arg);
        return;
    }
    journal_record(
        live->journal, group, names, records, count, now_ms(world), wall_ms(world), done, arg);
}

static void observe(
    struct world *world, const char *group, const char *node, const char *probe,
    enum group_outcome outcome, int64_t latency_us, const char *detail)
{
    struct live *live = live_of(world);

    if (live->journal != NULL) {
        journal_observe(
            live->journal, group, node, probe, outcome, latency_us, detail, now_ms(world),
            wall_ms(world));
    }
}

static void log_line(struct world *world, const struct world_log *line)
{
    log_write(live_of(world)->log, line);
}

/* ---- What the kinds ask for ---------------------------------------------------------- */

struct event_base *live_base(struct live *live)
{
    return live->base;
}

const struct config *live_config(struct live *live)
{
    return live->config;
}

struct live_curl *live_curl(struct live *live)
{
    return live->curl;
}

struct children *live_children(struct live *live)
{
    return live->children;
}

struct ssh *live_ssh(struct live *live)
{
    return live->ssh;
}

struct announcer *live_announcer(struct live *live)
{
    return live->announcer;
}

const struct hooks_user *live_hooks_user(struct live *live)
{
    return &live->hooks_user;
}

struct world *live_world(struct live *live)
{
    return &live->world;
}

/* Made when first needed: most configurations hold addresses only. NULL: no resolver. */
struct evdns_base *live_dns(struct live *live)
{
    if (live->dns == NULL) {
        live->dns = evdns_base_new(
            live->base, EVDNS_BASE_INITIALIZE_NAMESERVERS | EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    }
    if (live->dns == NULL) {
        live->dns = evdns_base_new(live->base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
        if (live->dns != NULL) {
            evdns_base_load_hosts(live->dns, "/etc/hosts");
        }
    }
    return live->dns;
}

const struct config_node *live_node(struct live *live, const char *name)
{
    int g, n;

    for (g = 0; live->config != NULL && g < live->config->n_groups; g++) {
        const struct config_group *group = &live->config->group[g];

        for (n = 0; n < group->n_nodes; n++) {
            if (strcmp(group->node[n].name, name) == 0) {
                return &group->node[n];
            }
        }
    }
    return NULL;
}

/* ---- Birth and death ----------------------------------------------------------------- */

static const struct world_ops live_ops = {
    .now_ms = now_ms,
    .wall_ms = wall_ms,
    .random = random_number,
    .start = start,
    .cancel = cancel,
    .record = record,
    .observe = observe,
    .log = log_line,
};

enum baton_err live_new(
    const struct live_setup *setup, struct world **out, struct baton_error *error)
{
    struct live *live = calloc(1, sizeof *live);
    const struct config *config = setup->config;
    enum baton_err err;

    if (live == NULL) {
        return baton_fail(error, BATON_NOMEM, "no memory for the live world");
    }
    live->world.ops = &live_ops;
    live->base = setup->base;
    live->journal = setup->journal;
    live->config = config;
    signal(SIGPIPE, SIG_IGN); /* a reader that has gone is an error of write, not our end */
    err = log_new(
        config->log_to, (enum world_level)config->log_level, STDERR_FILENO, &live->log, error);
    if (err != BATON_OK) {
        goto out;
    }
    err = hooks_user_find(config->hooks_user, &live->hooks_user, error);
    if (err != BATON_OK) {
        goto out;
    }
    err = live_curl_new(live->base, &live->curl, error);
    if (err != BATON_OK) {
        goto out;
    }
    live->ack_turn = event_new(live->base, -1, 0, on_ack, live);
    live->children = children_new(live->base);
    live->announcer = announcer_new(live->base);
    if (live->ack_turn == NULL || live->children == NULL || live->announcer == NULL) {
        err = baton_fail(error, BATON_NOMEM, "no memory for the live world");
        goto out;
    }
    live->ssh = ssh_new(live->children, config->state_directory);
    if (live->ssh == NULL) {
        err = baton_fail(error, BATON_NOMEM, "no memory for ssh");
        goto out;
    }
    *out = &live->world;
    return BATON_OK;
out:
    live_free(&live->world);
    return err;
}

void live_free(struct world *world)
{
    struct live *live = world != NULL ? live_of(world) : NULL;
    struct live_request *request, *next;
    struct live_ack *ack, *ack_next;

    if (live == NULL) {
        return;
    }
    HASH_ITER(hh, live->requests, request, next)
    {
        cancel(world, request->id);
    }
    DL_FOREACH_SAFE(live->acks, ack, ack_next)
    {
        DL_DELETE(live->acks, ack);
        free(ack);
    }
    if (live->ack_turn != NULL) {
        event_free(live->ack_turn);
    }
    ssh_free(live->ssh);
    children_free(live->children, LIVE_PATIENCE_MS);
    announcer_free(live->announcer);
    live_curl_free(live->curl);
    if (live->dns != NULL) {
        evdns_base_free(live->dns, 0);
    }
    log_free(live->log, LIVE_PATIENCE_MS);
    free(live);
}

void live_set_config(struct world *world, const struct config *config)
{
    struct live *live = live_of(world);
    struct baton_error error;

    live->config = config;
    log_set_level(live->log, (enum world_level)config->log_level);
    ssh_forget(live->ssh);
    if (hooks_user_find(config->hooks_user, &live->hooks_user, &error) != BATON_OK) {
        log_line(
            world,
            &(struct world_log){.level = WORLD_ALERT, .event = "config", .text = error.text});
    }
}
