/* The doors: a struct world's calls; each one's clock, hanging and being killed. */
#include "base/memory.h"
#include "parts.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static struct sim_seat *seat_of(struct world *world)
{
    return (struct sim_seat *)world;
}

static int node_of(const struct sim_seat *seat)
{
    return seat->place == SIM_CONTROLLER ? GROUP_NOBODY : seat->place - SIM_NODE;
}

int door_place(const struct sim_seat *seat)
{
    return model_real_place(seat->sim, seat->place);
}

/* ---- Its clock ----------------------------------------------------------------------------- */

static int64_t now_ms(struct world *world)
{
    const struct sim_seat *seat = seat_of(world);

    return seat->place == SIM_CONTROLLER
               ? seat->sim->now_ms
               : model_clock_ms(seat->sim, node_of(seat), seat->sim->now_ms);
}

/* Rounding apart, the inverse of model_clock_ms: the first moment at which it shows that. */
static int64_t node_true_ms(const struct sim *sim, int node, int64_t its_ms)
{
    const struct sim_node *at = &sim->node[node];
    int64_t then_ms = at->clock_at_ms + at->clock_ms - at->jumped_ms, true_ms;

    true_ms =
        at->clock_at_ms + (int64_t)ceil((double)(its_ms - then_ms) / (1 + at->drift_ppm / 1e6));
    while (model_clock_ms(sim, node, true_ms) < its_ms) {
        true_ms++;
    }
    while (model_clock_ms(sim, node, true_ms - 1) >= its_ms) {
        true_ms--;
    }
    return true_ms;
}

int64_t door_true_ms(const struct sim_seat *seat, int64_t its_ms)
{
    return seat->place == SIM_CONTROLLER ? its_ms : node_true_ms(seat->sim, node_of(seat), its_ms);
}

static bool ends_at_deadline(const struct event *event)
{
    return event->phase != PHASE_WORKS && event->heap_at >= 0 && event->kind != EVENT_RECORD &&
           event->at_ms == event->deadline_ms;
}

void door_clock_changed(struct sim *sim, int node, const struct sim_node *before)
{
    struct sim_node after = sim->node[node];
    int i;

    for (i = 0; sim->peers && i < sim->queue->n_events; i++) {
        struct event *event = &sim->queue->event[i];
        int64_t its_ms;
        bool ends;

        if (event->phase == PHASE_FREE || event->seat != 1 + node ||
            event->deadline_ms <= sim->now_ms) {
            continue;
        }
        sim->node[node] = *before;
        its_ms = model_clock_ms(sim, node, event->deadline_ms);
        sim->node[node] = after;
        ends = ends_at_deadline(event);
        event->deadline_ms = node_true_ms(sim, node, its_ms);
        if (ends) {
            queue_take(sim, event);
            queue_put(
                sim, event, event->deadline_ms > sim->now_ms ? event->deadline_ms : sim->now_ms);
        }
    }
}

static int64_t wall_ms(struct world *world)
{
    return model_wall_ms(seat_of(world)->sim, node_of(seat_of(world)));
}

static uint64_t random_number(struct world *world)
{
    return model_random(&seat_of(world)->sim->random_state);
}

/* ---- What it asks for ------------------------------------------------------------------------ */

/* A new daemon has taken the seat. */
static void begin(struct sim_seat *seat)
{
    sim_account(seat->sim);
    if (seat->place != SIM_CONTROLLER && !door_waits(seat)) {
        serve_wakes(seat->sim, seat);
    }
    seat->killed = false;
}

static uint64_t start(
    struct world *world, const struct world_request *request, world_done_fn *done, void *arg)
{
    struct sim_seat *seat = seat_of(world);

    if (seat->killed) {
        begin(seat);
    }
    return ask_start(seat, request, done, arg);
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
    struct sim *sim = seat_of(world)->sim;
    struct event *event = queue_find(sim, request);

    if (event != NULL && event->kind != EVENT_RECORD) {
        let_go(sim, event);
    }
}

/* ---- What it writes down ------------------------------------------------------------------- */

static void record(
    struct world *world, const char *group, const struct group *names,
    const struct group_record *records, int count, world_recorded_fn *done, void *arg)
{
    struct sim_seat *seat = seat_of(world);
    struct sim *sim = seat->sim;
    struct event *event = queue_new(sim);

    (void)group;
    (void)names;
    assert(count > 0);
    assert(event != NULL);
    event->kind = EVENT_RECORD;
    event->phase = PHASE_ANSWERS;
    event->seat = (int8_t)(seat - sim->seat);
    event->u.recorded = done;
    event->arg = arg;
    event->lost = seat->killed;
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
    struct sim *sim = seat_of(world)->sim;
    struct sim_told told = {.kind = SIM_TOLD_OBSERVED, .place = seat_of(world)->place};

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
    const struct sim_seat *seat = seat_of(world);
    struct sim *sim = seat->sim;
    struct sim_told told = {.kind = SIM_TOLD_LOG, .place = seat->place, .log = line};

    if (line->level >= sim->trace_level) {
        sim_say(
            sim, "%s%s%s: %s", sim->peers ? sim_place_name(sim, seat->place) : "",
            sim->peers ? " " : "", line->event, line->text);
    }
    if (sim->told != NULL) {
        told.node = model_find_node(sim, line->node);
        sim->told(sim->told_arg, &told);
    }
}

static const struct world_ops door_ops = {
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

void door_open(struct sim *sim)
{
    int i;

    for (i = 0; i <= SIM_NODES_MAX; i++) {
        sim->seat[i].world.ops = &door_ops;
        sim->seat[i].sim = sim;
        sim->seat[i].place = i == 0 ? SIM_CONTROLLER : SIM_NODE + i - 1;
    }
}

static struct sim_seat *find_seat(const struct sim *sim, int place)
{
    int at = place == SIM_CONTROLLER ? 0 : 1 + place - SIM_NODE;

    assert(at >= 0);
    assert(at == 0 || (sim->peers && at <= sim->n_nodes));
    return &((struct sim *)sim)->seat[at];
}

struct world *sim_door(struct sim *sim, int place)
{
    return &find_seat(sim, place)->world;
}

bool sim_hangs(const struct sim *sim, int place)
{
    const struct sim_seat *seat = find_seat(sim, place);

    return door_waits(seat) ||
           (door_place(seat) >= SIM_NODE && sim->node[door_place(seat) - SIM_NODE].hung);
}

void door_hang(struct sim_seat *seat, bool hung, bool stopped)
{
    bool waited = door_waits(seat), away = waited || (seat->killed && seat->sim->peers);

    if (waited && !hung && !stopped) {
        if (!seat->sim->peers || !seat->killed) {
            serve_wakes(seat->sim, seat);
        }
        seat->hung = seat->stopped = false;
        answer_resume(seat->sim, seat);
        return;
    }
    seat->hung = hung;
    seat->stopped = stopped;
    if (!away && door_waits(seat)) {
        seat->away_ms = seat->sim->now_ms;
    }
}

void door_end_records(struct sim *sim)
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

static void kill_record(struct sim_seat *seat, struct event *event, bool keep)
{
    struct sim *sim = seat->sim;
    struct sim_told told = {.kind = SIM_TOLD_RECORD, .place = seat->place, .node = GROUP_NOBODY};

    if (event->lost || event->applied) {
        return;
    }
    event->lost = !keep || seat->disk_full;
    event->applied = !event->lost;
    event->held = false;
    if (event->applied) {
        seat->records += event->more->n_records;
        told.record = event->more->record;
        told.n_records = event->more->n_records;
        if (sim->told != NULL) {
            sim->told(sim->told_arg, &told);
        }
    }
    queue_take(sim, event);
    queue_put(sim, event, sim->now_ms);
}

/* The first of those that were made after that. */
static struct event *next_made(struct sim_seat *seat, uint64_t number)
{
    struct sim *sim = seat->sim;
    struct event *next = NULL;
    int i;

    for (i = 0; i < sim->queue->n_events; i++) {
        struct event *event = &sim->queue->event[i];

        if (event->phase != PHASE_FREE && door_of(sim, event) == seat && !queue_is_nobodys(event) &&
            event->number > number && (next == NULL || event->number < next->number)) {
            next = event;
        }
    }
    return next;
}

void sim_kill(struct sim *sim, int place, bool keep_records)
{
    struct sim_seat *seat = find_seat(sim, place);
    struct event *event;
    uint64_t number = 0;

    sim_account(sim);
    if (sim->peers && !seat->killed && !door_waits(seat)) {
        seat->away_ms = sim->now_ms;
    }
    seat->killed = true;
    seat->stopped = false; /* the next one is not */
    keys_forget(sim, seat);
    vouch_forget(sim, seat);
    while ((event = next_made(seat, number)) != NULL) {
        number = event->number;
        if (event->kind == EVENT_RECORD) {
            kill_record(seat, event, keep_records);
        } else if (event->phase == PHASE_WORKS && event->effect && !event->held) {
            event->u.done = NULL; /* a hook's program outlives the daemon that started it */
        } else {
            queue_free(sim, event);
        }
    }
}
