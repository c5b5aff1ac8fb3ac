/* The door: a struct world's calls; life, time, being killed. */
#include "world/sim/sim.h"
#include "base/memory.h"
#include "parts.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static struct sim *sim_of(struct world *world)
{
    return (struct sim *)world;
}

/* ---- The trace, for tests ------------------------------------------------------------------ */

void sim_say(struct sim *sim, const char *format, ...)
{
    char line[1200];
    va_list args;
    size_t wanted;

    if (!sim->trace_on) {
        return;
    }
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    wanted = sim->trace_len + strlen(line) + 40;
    if (wanted > sim->trace_size) {
        size_t size = wanted < 65536 ? 65536 : wanted * 2;
        char *trace = memory_resize(sim->trace, size);

        if (trace == NULL) {
            return;
        }
        sim->trace = trace;
        sim->trace_size = size;
    }
    sim->trace_len += (size_t)snprintf(
        sim->trace + sim->trace_len, sim->trace_size - sim->trace_len, "%7.2f %s\n",
        (double)sim->now_ms / 1000, line);
}

/* ---- A struct world's calls ------------------------------------------------------------------ */

static int64_t now_ms(struct world *world)
{
    return sim_of(world)->now_ms;
}

static int64_t wall_ms(struct world *world)
{
    return model_wall_ms(sim_of(world), GROUP_NOBODY);
}

static uint64_t random_number(struct world *world)
{
    return model_random(&sim_of(world)->random_state);
}

static uint64_t start(
    struct world *world, const struct world_request *request, world_done_fn *done, void *arg)
{
    struct sim *sim = sim_of(world);

    if (sim->inside->killed) { /* a new daemon */
        sim_account(sim);
        sim->inside->killed = false;
    }
    return ask_start(sim, request, done, arg);
}

/* What a node was told to do it does all the same; a process on the controller's own machine
 * is killed. */
static void let_go(struct sim *sim, struct event *event)
{
    if (event->phase == PHASE_WORKS && event->effect && event->from != event->to) {
        event->u.done = NULL;
    } else {
        queue_free(sim, event);
    }
}

static void cancel(struct world *world, uint64_t request)
{
    struct event *event = queue_find(sim_of(world), request);

    if (event != NULL && event->kind != EVENT_RECORD) {
        let_go(sim_of(world), event);
    }
}

static void record(
    struct world *world, const char *group, const struct group *names,
    const struct group_record *records, int count, world_recorded_fn *done, void *arg)
{
    struct sim *sim = sim_of(world);
    struct event *event = queue_new(sim);

    (void)group;
    (void)names;
    assert(count > 0);
    assert(event != NULL);
    event->kind = EVENT_RECORD;
    event->phase = PHASE_ANSWERS;
    event->u.recorded = done;
    event->arg = arg;
    event->lost = sim->inside->killed;
    queue_more(event, "");
    assert(event->more != NULL);
    event->more->n_records = count;
    event->more->seq = records[count - 1].seq;
    if (sim->told != NULL && !event->lost) {
        event->more->record = memory_zeroed((size_t)count, sizeof records[0]);
        assert(event->more->record != NULL);
        memcpy(event->more->record, records, (size_t)count * sizeof records[0]);
    }
    queue_put(sim, event, sim->now_ms + (event->lost ? 0 : sim->record_ms));
}

static void observe(
    struct world *world, const char *group, const char *node, const char *probe,
    enum group_outcome outcome, int64_t latency_us, const char *detail)
{
    struct sim *sim = sim_of(world);
    struct sim_told told = {.kind = SIM_TOLD_OBSERVED};

    (void)group;
    (void)latency_us;
    if (sim->told == NULL) {
        return;
    }
    told.node = model_find_node(sim, node);
    told.probe = probe;
    told.outcome = outcome;
    told.detail = detail;
    sim->told(sim->told_arg, &told);
}

static void log_line(struct world *world, const struct world_log *line)
{
    struct sim *sim = sim_of(world);
    struct sim_told told = {.kind = SIM_TOLD_LOG, .log = line};

    if (line->level >= sim->trace_level) {
        sim_say(sim, "%s: %s", line->event, line->text);
    }
    if (sim->told != NULL) {
        told.node = model_find_node(sim, line->node);
        sim->told(sim->told_arg, &told);
    }
}

static const struct world_ops sim_ops = {
    .now_ms = now_ms,
    .wall_ms = wall_ms,
    .random = random_number,
    .start = start,
    .cancel = cancel,
    .record = record,
    .observe = observe,
    .log = log_line,
};

/* ---- Life ---------------------------------------------------------------------------------- */

enum baton_err sim_new(uint64_t seed, struct sim **out, struct baton_error *error)
{
    struct sim *sim = memory_zeroed(1, sizeof *sim);

    *out = NULL;
    if (sim == NULL || queue_start(sim) != BATON_OK ||
        (sim->inside = memory_zeroed(1, sizeof *sim->inside)) == NULL) {
        sim_free(sim);
        return baton_fail(error, BATON_NOMEM, "no memory for a simulated world");
    }
    sim->world.ops = &sim_ops;
    sim->random_state = seed;
    sim->inside->loss_state = ~seed;
    sim->home = GROUP_NOBODY;
    sim->ssh_port = 22;
    sim->exec_ms = 50;
    sim->probe_ms = 5;
    sim->record_ms = 2;
    sim->fence = SIM_FENCE_WORKS;
    sim->count.two_first_ms = -1;
    sim->trace_level = WORLD_INFO;
    *out = sim;
    return BATON_OK;
}

/* Whoever waits for a record frees what it holds when it hears that nothing comes of it. */
static void end_records(struct sim *sim)
{
    int i;

    for (i = 0; i < sim->queue->n_events; i++) {
        struct event *event = &sim->queue->event[i];

        if (event->phase != PHASE_FREE && event->kind == EVENT_RECORD) {
            event->lost = !event->applied;
            queue_take(sim, event);
            answer_written(sim, event);
        }
    }
}

void sim_free(struct sim *sim)
{
    if (sim == NULL) {
        return;
    }
    if (sim->queue != NULL) {
        end_records(sim);
    }
    queue_stop(sim);
    memory_free(sim->inside);
    memory_free(sim->spells);
    memory_free(sim->trace);
    memory_free(sim);
}

static void kill_record(struct sim *sim, struct event *event, bool keep)
{
    struct sim_told told = {.kind = SIM_TOLD_RECORD, .node = GROUP_NOBODY};

    if (event->lost || event->applied) {
        return;
    }
    event->lost = !keep || sim->disk_full;
    event->applied = !event->lost;
    event->held = false;
    if (event->applied) {
        sim->records += event->more->n_records;
        told.record = event->more->record;
        told.n_records = event->more->n_records;
        if (sim->told != NULL) {
            sim->told(sim->told_arg, &told);
        }
    }
    queue_take(sim, event);
    queue_put(sim, event, sim->now_ms);
}

enum baton_err sim_set_peers(struct sim *sim, const struct sim_peers *peers)
{
    (void)sim;
    (void)peers;
    return BATON_OK;
}

struct world *sim_door(struct sim *sim, int place)
{
    (void)place;
    return &sim->world;
}

void sim_kill(struct sim *sim, int place, bool keep_records)
{
    uint64_t number = 0;
    int i;

    (void)place;
    sim_account(sim);
    sim->inside->killed = true;
    for (;;) { /* in the order of their making */
        struct event *next = NULL;

        for (i = 0; i < sim->queue->n_events; i++) {
            struct event *event = &sim->queue->event[i];

            if (event->phase != PHASE_FREE && event->number > number &&
                (next == NULL || event->number < next->number)) {
                next = event;
            }
        }
        if (next == NULL) {
            return;
        }
        number = next->number;
        if (next->kind == EVENT_RECORD) {
            kill_record(sim, next, keep_records);
        } else if (next->phase == PHASE_WORKS && next->effect && !next->held) {
            next->u.done = NULL; /* a hook's program outlives the daemon that started it */
        } else {
            queue_free(sim, next);
        }
    }
}

/* ---- Time --------------------------------------------------------------------------------------
 */

int64_t sim_due_ms(const struct sim *sim)
{
    const struct event *first = queue_first(sim);

    return first == NULL ? GROUP_NEVER_MS : first->at_ms;
}

bool sim_step(struct sim *sim, int64_t until_ms)
{
    struct event *first = queue_first(sim);

    if (first == NULL || first->at_ms > until_ms) {
        return false;
    }
    sim->steps++;
    if (first->at_ms > sim->now_ms) {
        sim->now_ms = first->at_ms;
        sim->stuck = 0;
    } else {
        sim->stuck++;
    }
    answer_due(sim, first);
    return true;
}

void sim_run(struct sim *sim, int64_t until_ms)
{
    while (sim_step(sim, until_ms)) {
    }
    if (until_ms > sim->now_ms) {
        sim->now_ms = until_ms;
        sim->stuck = 0;
    }
    sim_account(sim);
}
