#include "world/live/live.h"

#include "world/live/announce.h"
#include "world/live/guard.h"
#include "world/live/parts.h"
#include "world/live/peer.h"
#include "world/live/store.h"
#include "world/live/winrm.h"

#include <event2/dns.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>
#include <utlist.h>

#define LIVE_PATIENCE_MS 2000 /* for children to be reaped, for the log to be written */

/* An acknowledgement of records where there is no journal. */
struct live_ack {
    world_recorded_fn *done;
    void *arg;
    int64_t seq;
    struct live_ack *prev, *next;
};

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

struct winrm *live_winrm(struct live *live)
{
    if (live->winrm == NULL) {
        live->winrm = winrm_new(live);
    }
    return live->winrm;
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
    .start = request_start,
    .cancel = request_cancel,
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
        request_cancel(world, request->id);
    }
    DL_FOREACH_SAFE(live->acks, ack, ack_next)
    {
        DL_DELETE(live->acks, ack);
        free(ack);
    }
    if (live->ack_turn != NULL) {
        event_free(live->ack_turn);
    }
    guard_link_free(live->guard);
    peer_door_free(live->door);
    store_free(live->store);
    winrm_free(live->winrm, LIVE_PATIENCE_MS);
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
    winrm_forget(live->winrm);
    if (live->guard != NULL && config->peers != NULL) {
        guard_link_tell(live->guard);
    }
    if (live->door != NULL) {
        peer_door_reload(live->door);
    }
    if (hooks_user_find(config->hooks_user, &live->hooks_user, &error) != BATON_OK) {
        log_line(
            world,
            &(struct world_log){.level = WORLD_ALERT, .event = "config", .text = error.text});
    }
}
