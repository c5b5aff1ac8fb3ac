#include "world/sim/old.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sim_event {
    int64_t at_ms;
    uint64_t number;
    world_done_fn *done;         /* a request's end … */
    world_recorded_fn *recorded; /* … or a record's */
    void *arg;
    enum world_outcome outcome;
    int code;
    int64_t began_ms, seq;
    bool full;
    char detail[96];
    char effect[48]; /* applied when it ends */
    int node;
};

static bool before(const struct sim_event *a, const struct sim_event *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->number < b->number;
}

static void sift_down(struct sim *sim, int i)
{
    for (;;) {
        int least = i, left = 2 * i + 1, right = left + 1;
        struct sim_event swap;

        if (left < sim->n_events && before(&sim->events[left], &sim->events[least])) {
            least = left;
        }
        if (right < sim->n_events && before(&sim->events[right], &sim->events[least])) {
            least = right;
        }
        if (least == i) {
            return;
        }
        swap = sim->events[i];
        sim->events[i] = sim->events[least];
        sim->events[least] = swap;
        i = least;
    }
}

static uint64_t push(struct sim *sim, struct sim_event *event)
{
    int i;

    if (sim->n_events == sim->size_events) {
        sim->size_events = sim->size_events == 0 ? 64 : sim->size_events * 2;
        sim->events = realloc(sim->events, (size_t)sim->size_events * sizeof sim->events[0]);
        assert(sim->events != NULL);
    }
    event->number = ++sim->number;
    event->began_ms = sim->now_ms;
    i = sim->n_events++;
    sim->events[i] = *event;
    while (i > 0 && before(&sim->events[i], &sim->events[(i - 1) / 2])) {
        struct sim_event swap = sim->events[i];

        sim->events[i] = sim->events[(i - 1) / 2];
        sim->events[(i - 1) / 2] = swap;
        i = (i - 1) / 2;
    }
    return event->number;
}

static struct sim_event pop(struct sim *sim)
{
    struct sim_event first = sim->events[0];

    sim->events[0] = sim->events[--sim->n_events];
    sift_down(sim, 0);
    return first;
}

/* ---- The model ---- */

struct sim_node *sim_add_node(struct sim *sim, const char *name, const char *address)
{
    struct sim_node *node = &sim->node[sim->n_nodes++];

    assert(sim->n_nodes <= SIM_NODES_MAX);
    node->name = name;
    node->address = address;
    node->on = true;
    return node;
}

struct sim_thing *sim_thing(struct sim_node *node, const char *name)
{
    struct sim_thing *thing;
    int i;

    for (i = 0; i < node->n_things; i++) {
        if (strcmp(node->thing[i].name, name) == 0) {
            return &node->thing[i];
        }
    }
    assert(node->n_things < SIM_THINGS_MAX);
    thing = &node->thing[node->n_things++];
    snprintf(thing->name, sizeof thing->name, "%s", name);
    return thing;
}

static bool serves(struct sim_node *node)
{
    return node->on && sim_thing(node, "address")->up && sim_thing(node, "service")->up;
}

static int find_node(const struct sim *sim, const char *name)
{
    int i;

    for (i = 0; i < sim->n_nodes; i++) {
        if (name != NULL && strcmp(sim->node[i].name, name) == 0) {
            return i;
        }
    }
    return -1;
}

/* "service.start" → the thing and what becomes of it. */
static struct sim_thing *parse(struct sim_node *node, const char *words, const char **verb)
{
    const char *dot = strchr(words, '.');
    char noun[32];

    if (dot == NULL) {
        return NULL;
    }
    snprintf(noun, sizeof noun, "%.*s", (int)(dot - words), words);
    *verb = dot + 1;
    return sim_thing(node, noun);
}

static bool reachable(const struct sim_node *node)
{
    return node->on && !node->cut_off;
}

static void answer(
    struct sim_event *event, enum world_outcome outcome, int code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void answer(
    struct sim_event *event, enum world_outcome outcome, int code, const char *format, ...)
{
    va_list args;

    event->outcome = outcome;
    event->code = code;
    va_start(args, format);
    vsnprintf(event->detail, sizeof event->detail, format, args);
    va_end(args);
}

static void answer_probe(
    struct sim *sim, const struct world_request *request, struct sim_event *event, const char *host,
    int port)
{
    struct sim_node *node = NULL;
    int i;

    for (i = 0; i < sim->n_nodes; i++) {
        bool there = strcmp(host, sim->node[i].address) == 0 ||
                     (sim->floating != NULL && strcmp(host, sim->floating) == 0 &&
                      sim_thing(&sim->node[i], "address")->up && sim->node[i].on);

        node = there ? &sim->node[i] : node;
    }
    event->at_ms = sim->now_ms + sim->probe_ms;
    if (node == NULL || !reachable(node)) {
        event->at_ms = sim->now_ms + request->timeout_ms;
        answer(event, WORLD_FAIL, -1, "no answer within %lld ms", (long long)request->timeout_ms);
    } else if (port == 22 || sim_thing(node, "service")->up) {
        answer(event, WORLD_OK, 0, "answered");
    } else {
        answer(event, WORLD_FAIL, -1, "connection refused");
    }
}

static void answer_exec(
    struct sim *sim, const struct world_request *request, struct sim_event *event)
{
    const char *verb = "";
    struct sim_thing *thing = NULL;

    event->node = find_node(sim, request->u.exec.node);
    event->at_ms = sim->now_ms + sim->exec_ms;
    if (event->node < 0) {
        answer(event, WORLD_OK, 0, "done");
        return;
    }
    if (!reachable(&sim->node[event->node])) {
        event->at_ms = sim->now_ms + request->timeout_ms;
        answer(event, WORLD_UNKNOWN, 255, "ssh: no answer from %s", request->u.exec.node);
        return;
    }
    answer(event, WORLD_OK, 0, "done");
    if (request->u.exec.asks != NULL) {
        thing = parse(&sim->node[event->node], request->u.exec.asks, &verb);
        if (thing != NULL && !thing->up) {
            answer(event, WORLD_FAIL, 3, "%s: no", request->u.exec.asks); /* LSB: not running */
        }
    } else if (request->u.exec.effect != NULL) {
        thing = parse(&sim->node[event->node], request->u.exec.effect, &verb);
        if (thing != NULL && thing->stuck) {
            answer(event, WORLD_FAIL, 1, "%s refuses", thing->name);
            return;
        }
        snprintf(event->effect, sizeof event->effect, "%s", request->u.exec.effect);
    }
}

static void answer_hook(
    struct sim *sim, const struct world_request *request, struct sim_event *event)
{
    int i;

    event->at_ms = sim->now_ms + sim->exec_ms;
    answer(event, WORLD_OK, 0, "done");
    if (strcmp(request->u.hook.event, "before-move") == 0 && sim->veto) {
        answer(event, WORLD_FAIL, 1, "10-backup: a backup is running");
    } else if (strcmp(request->u.hook.event, "fence") == 0) {
        if (!sim->fence_works) {
            answer(event, WORLD_FAIL, 1, "10-power: no answer");
            return;
        }
        for (i = 0; i < request->u.hook.n_facts; i++) {
            if (strcmp(request->u.hook.fact[i].name, "NODE") == 0) {
                event->node = find_node(sim, request->u.hook.fact[i].value);
                snprintf(event->effect, sizeof event->effect, "power.off");
            }
        }
    }
}

static bool is_down(const char *verb)
{
    static const char *const down[] = {"stop", "down", "delete"};
    size_t i;

    for (i = 0; i < sizeof down / sizeof down[0]; i++) {
        if (strcmp(verb, down[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void apply(struct sim *sim, const struct sim_event *event)
{
    struct sim_node *node;
    struct sim_thing *thing;
    const char *verb;
    int i;

    if (event->effect[0] == '\0' || event->node < 0) {
        return;
    }
    node = &sim->node[event->node];
    if (strcmp(event->effect, "power.off") == 0) {
        node->on = false;
        for (i = 0; i < node->n_things; i++) {
            node->thing[i].up = false;
        }
        return;
    }
    thing = parse(node, event->effect, &verb);
    if (thing != NULL && reachable(node)) {
        thing->up = !is_down(verb);
    }
}

/* ---- The door ---- */

static struct sim *sim_of(struct world *world)
{
    return (struct sim *)world;
}

static int64_t sim_now_ms(struct world *world)
{
    return sim_of(world)->now_ms;
}

static int64_t sim_wall_ms(struct world *world)
{
    return 1767225600000 + sim_of(world)->now_ms; /* 2026-01-01T00:00:00Z */
}

static uint64_t sim_random(struct world *world) /* splitmix64 */
{
    uint64_t z = (sim_of(world)->random_state += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint64_t sim_start(
    struct world *world, const struct world_request *request, world_done_fn *done, void *arg)
{
    struct sim *sim = sim_of(world);
    struct sim_event event = {.done = done, .arg = arg, .node = -1};

    switch (request->kind) {
    case WORLD_SLEEP:
        event.at_ms = sim->now_ms + request->timeout_ms;
        answer(&event, WORLD_OK, 0, "slept");
        break;
    case WORLD_TCP:
        answer_probe(sim, request, &event, request->u.tcp.host, request->u.tcp.port);
        break;
    case WORLD_MAIL:
        answer_probe(sim, request, &event, request->u.mail.host, request->u.mail.port);
        break;
    case WORLD_EXEC:
        answer_exec(sim, request, &event);
        break;
    case WORLD_HOOK:
        answer_hook(sim, request, &event);
        break;
    case WORLD_HTTP:
    case WORLD_ADDRESS:
        event.at_ms = sim->now_ms + sim->probe_ms;
        answer(&event, WORLD_UNKNOWN, -1, "not modelled");
        break;
    }
    if (event.at_ms - sim->now_ms > request->timeout_ms && request->kind != WORLD_SLEEP) {
        event.at_ms = sim->now_ms + request->timeout_ms;
        answer(
            &event, request->kind == WORLD_EXEC ? WORLD_UNKNOWN : WORLD_FAIL, -1,
            "no end within %lld ms", (long long)request->timeout_ms);
    }
    return push(sim, &event);
}

static void sim_cancel(struct world *world, uint64_t request)
{
    struct sim *sim = sim_of(world);
    int i;

    for (i = 0; i < sim->n_events; i++) {
        if (sim->events[i].number == request) {
            sim->events[i].done = NULL; /* it still comes up, and says nothing */
        }
    }
}

static void sim_record(
    struct world *world, const char *group, const struct group *names,
    const struct group_record *records, int count, world_recorded_fn *done, void *arg)
{
    struct sim *sim = sim_of(world);
    struct sim_event event = {.recorded = done, .arg = arg, .node = -1};

    (void)group;
    (void)names;
    event.at_ms = sim->now_ms + sim->record_ms;
    event.seq = records[count - 1].seq;
    event.full = sim->disk_full;
    sim->records += sim->disk_full ? 0 : count;
    push(sim, &event);
}

static void sim_observe(
    struct world *world, const char *group, const char *node, const char *probe,
    enum group_outcome outcome, int64_t latency_us, const char *detail)
{
    (void)world;
    (void)group;
    (void)node;
    (void)probe;
    (void)outcome;
    (void)latency_us;
    (void)detail;
}

void sim_say(struct sim *sim, const char *format, ...)
{
    char line[1200];
    va_list args;
    size_t len;

    va_start(args, format);
    vsnprintf(line, sizeof line - 1, format, args);
    va_end(args);
    len = strlen(line);
    if (sim->trace_len + len + 32 > sim->trace_size) {
        sim->trace_size = sim->trace_size == 0 ? 65536 : sim->trace_size * 2;
        sim->trace = realloc(sim->trace, sim->trace_size);
        assert(sim->trace != NULL);
    }
    sim->trace_len += (size_t)snprintf(
        sim->trace + sim->trace_len, sim->trace_size - sim->trace_len, "%7.2f %s\n",
        (double)sim->now_ms / 1000, line);
}

static void sim_log(struct world *world, const struct world_log *line)
{
    struct sim *sim = sim_of(world);

    if (line->level >= sim->trace_level) {
        sim_say(sim, "%s: %s", line->event, line->text);
    }
}

static const struct world_ops sim_ops = {
    .now_ms = sim_now_ms,
    .wall_ms = sim_wall_ms,
    .random = sim_random,
    .start = sim_start,
    .cancel = sim_cancel,
    .record = sim_record,
    .observe = sim_observe,
    .log = sim_log,
};

enum baton_err sim_new(uint64_t seed, struct sim **out, struct baton_error *error)
{
    struct sim *sim = calloc(1, sizeof *sim);

    *out = sim;
    if (sim == NULL) {
        return baton_fail(error, BATON_NOMEM, "no memory for a simulated world");
    }
    sim->world.ops = &sim_ops;
    sim->random_state = seed;
    sim->exec_ms = 50;
    sim->probe_ms = 5;
    sim->record_ms = 2;
    sim->fence_works = true;
    sim->trace_level = WORLD_INFO;
    return BATON_OK;
}

void sim_free(struct sim *sim)
{
    if (sim == NULL) {
        return;
    }
    free(sim->events);
    free(sim->trace);
    free(sim);
}

/* ---- Time ---- */

static void advance(struct sim *sim, int64_t to_ms)
{
    int i, serving = 0;

    for (i = 0; i < sim->n_nodes; i++) {
        serving += serves(&sim->node[i]);
    }
    sim->two_served_ms += serving > 1 ? to_ms - sim->now_ms : 0;
    sim->now_ms = to_ms;
}

static void finish(struct sim *sim, const struct sim_event *event)
{
    struct world_result result = {.out = "", .err = ""};
    struct baton_error full = {BATON_IO, "the journal: no space left on device"};

    if (event->recorded != NULL) {
        event->recorded(event->arg, event->seq, event->full ? &full : NULL);
        return;
    }
    apply(sim, event);
    if (event->done == NULL) {
        return;
    }
    result.outcome = event->outcome;
    result.code = event->code;
    result.detail = event->detail;
    result.latency_us = (sim->now_ms - event->began_ms) * 1000;
    event->done(event->arg, event->number, &result);
}

void sim_run(struct sim *sim, int64_t until_ms)
{
    while (sim->n_events > 0 && sim->events[0].at_ms <= until_ms) {
        struct sim_event event = pop(sim);

        advance(sim, event.at_ms > sim->now_ms ? event.at_ms : sim->now_ms);
        finish(sim, &event);
    }
    advance(sim, until_ms);
}
