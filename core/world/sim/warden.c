/* The guardian and the watchdog of each node, and the mark that it keeps. */
#include "parts.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#define GUARD_WORD_MS 1 /* for a word to it and back, on the same machine */

static struct sim_guard *guard_of(const struct sim *sim, int node)
{
    return &sim->inside->guard[node];
}

static void set_timer(
    struct sim *sim, uint64_t *timer, enum event_kind kind, int node, int64_t at_ms)
{
    struct event *event = queue_find(sim, *timer);

    if (*timer == 0 || event == NULL) {
        event = queue_new(sim);
        assert(event != NULL);
        event->kind = (uint8_t)kind;
        event->phase = PHASE_ANSWERS;
        event->seat = (int8_t)(kind == EVENT_GUARDIAN ? 1 + node : 0); /* whose clock */
        event->node = (int8_t)node;
        event->from = event->to = (int8_t)(SIM_NODE + node);
        *timer = event->number;
    }
    event->parked = false;
    event->deadline_ms = at_ms > sim->now_ms ? at_ms : sim->now_ms;
    queue_take(sim, event);
    queue_put(sim, event, event->deadline_ms);
}

static void tell(struct sim *sim, enum sim_told_kind kind, int node, bool up)
{
    if (sim->told != NULL) {
        sim->told(sim->told_arg, &(struct sim_told){.kind = kind, .node = node, .up = up});
    }
}

/* ---- The watchdog ------------------------------------------------------------------------------
 */

/* It is fed no later than so that the machine is gone when the service must be. */
static void let_dog_bite(struct sim *sim, int node)
{
    const struct lease_times *times = &sim->inside->setup.times;
    struct sim_guard *guard = guard_of(sim, node);
    int64_t fed_ms = sim->now_ms, last_ms;

    if (times->watchdog_ms == 0 || guard->dog != 0) {
        return;
    }
    if (guard->armed) {
        last_ms = door_true_ms(&sim->seat[1 + node], guard->until_ms);
        last_ms +=
            times->guardian_ms > times->watchdog_ms ? times->guardian_ms - times->watchdog_ms : 0;
        fed_ms = last_ms < fed_ms ? last_ms : fed_ms;
    }
    set_timer(sim, &guard->dog, EVENT_DOG, node, fed_ms + times->watchdog_ms);
}

static void reset(struct sim *sim, int node)
{
    model_power_off(sim, node);
    serve_count(sim, SERVE_BY_FAULT);
    tell(sim, SIM_TOLD_RESET, node, false);
}

/* ---- The guardian ------------------------------------------------------------------------------
 */

static void disarm(struct sim *sim, int node)
{
    struct sim_guard *guard = guard_of(sim, node);

    ttl_stop_timer(sim, &guard->timer);
    guard->armed = guard->firing = guard->woken = false;
}

static void stop_service(struct sim *sim, int node)
{
    struct sim_node *at = &sim->node[node];
    int i;

    sim->inside->starts[node] = false;
    for (i = 0; i < at->n_things; i++) {
        struct sim_thing *thing = &at->thing[i];

        if (model_moves(sim, thing->name)) {
            exec_replace(sim, node, thing->name, UINT64_MAX);
            if (thing->up) {
                model_set(sim, node, thing, false);
            }
        }
    }
    serve_count(sim, SERVE_BY_COMMAND);
}

/* Its time has come; or, `guard_ms` later, it is through. */
static void fire(struct sim *sim, struct event *event)
{
    int node = event->node;
    struct sim_guard *guard = guard_of(sim, node);

    if (sim->node[node].hung) {
        event->parked = true;
        return;
    }
    if (!guard->firing) {
        guard->firing = true;
        tell(sim, SIM_TOLD_GUARD, node, true);
        set_timer(sim, &guard->timer, EVENT_GUARDIAN, node, sim->now_ms + sim->guard_ms);
        return;
    }
    disarm(sim, node);
    stop_service(sim, node);
    tell(sim, SIM_TOLD_GUARD, node, false);
}

void warden_due(struct sim *sim, struct event *event)
{
    if (event->kind == EVENT_GUARDIAN) {
        fire(sim, event);
    } else {
        int node = event->node;

        ttl_stop_timer(sim, &guard_of(sim, node)->dog);
        reset(sim, node);
    }
}

bool warden_overdue(const struct sim *sim, int node)
{
    const struct sim_guard *guard = guard_of(sim, node);
    const struct event *event = guard->armed ? queue_find((struct sim *)sim, guard->timer) : NULL;

    return event != NULL && sim->node[node].hung &&
           (guard->firing || event->deadline_ms <= sim->now_ms);
}

void warden_kill(struct sim *sim, int node)
{
    struct sim_guard *guard = guard_of(sim, node);

    if (guard->there && guard->armed) {
        let_dog_bite(sim, node);
    }
    disarm(sim, node);
    guard->there = false;
    guard->killed = true;
    serve_count(sim, SERVE_BY_FAULT);
}

bool sim_guardian_is_dead(const struct sim *sim, int node)
{
    return sim->peers && guard_of(sim, node)->killed;
}

void warden_node_hangs(struct sim *sim, int node)
{
    let_dog_bite(sim, node);
}

void warden_node_goes_on(struct sim *sim, int node)
{
    struct sim_guard *guard = guard_of(sim, node);

    guard->woken = guard->woken || warden_overdue(sim, node);
    if (guard->there) {
        ttl_stop_timer(sim, &guard->dog);
    }
}

void warden_node_off(struct sim *sim, int node)
{
    struct sim_guard *guard = guard_of(sim, node);

    ttl_stop_timer(sim, &guard->dog);
    disarm(sim, node);
    guard->there = false;
}

void warden_node_boots(struct sim *sim, int node)
{
    guard_of(sim, node)->there = sim->inside->setup.guardian;
    guard_of(sim, node)->killed = false;
}

/* ---- What its Baton says to it
 * ------------------------------------------------------------------- */

void warden_start(struct sim *sim, struct event *event, const struct world_request *request)
{
    event->kind = EVENT_GUARD;
    event->op = (uint8_t)request->u.guard.op;
    event->from = event->to = (int8_t)door_place(door_of(sim, event));
    queue_more(event, "");
    assert(event->more != NULL);
    if (event->seat == 0 || !sim->inside->setup.guardian) {
        answer_says(event, END_UNASKED, "there is no guardian");
        answer_no(sim, event, END_UNASKED);
        return;
    }
    event->node = (int8_t)(event->seat - 1);
    event->value = request->u.guard.until_ms;
    event->more->seq = request->u.guard.epoch;
    event->effect = request->u.guard.op != WORLD_GUARD_ASK;
    answer_set_out(sim, event, sim->now_ms + GUARD_WORD_MS);
}

static void arm(struct sim *sim, uint64_t number, int node, int64_t until_ms, int64_t epoch)
{
    struct sim_guard *guard = guard_of(sim, node);
    int64_t true_ms = door_true_ms(&sim->seat[1 + node], until_ms);

    guard->armed = true;
    guard->killed = false;
    guard->until_ms = until_ms;
    guard->epoch = epoch;
    set_timer(sim, &guard->timer, EVENT_GUARDIAN, node, true_ms);
    if (true_ms <= sim->now_ms) {
        answer_says(queue_find(sim, number), END_SAID_NO, "too late: it stops the service now");
    } else {
        answer_says(queue_find(sim, number), END_SAID, "armed");
    }
}

void warden_work(struct sim *sim, struct event *event)
{
    int node = event->node;
    struct sim_guard *guard = guard_of(sim, node);
    enum world_guard_op op = (enum world_guard_op)event->op;
    uint64_t number = event->number;

    event->effect = false;
    if (!guard->there) { /* its Baton starts another one, that knows nothing */
        guard->there = true;
        ttl_stop_timer(sim, &guard->dog);
    }
    if (op == WORLD_GUARD_ASK) {
        event->value = guard->until_ms;
        answer_says(
            event, guard->armed ? END_SAID : END_SAID_NO, guard->armed ? "armed" : "not armed");
    } else if (guard->firing) {
        answer_says(event, END_SAID_NO, "too late: it is stopping the service");
    } else if (op == WORLD_GUARD_ARM) {
        arm(sim, number, node, event->value, event->more->seq);
    } else {
        disarm(sim, node);
        answer_says(event, END_SAID, "disarmed");
    }
    answer_back(sim, queue_find(sim, number));
}

/* ---- The mark of a grant --------------------------------------------------------------------- */

void warden_mark_work(struct sim *sim, struct event *event)
{
    struct world_mark *there = &sim->node[event->node].mark, *wanted = &event->more->mark;
    bool writes = event->op == WORLD_MARK_WRITE, fails, older;

    older = there->epoch < wanted->epoch ||
            (there->epoch == wanted->epoch && there->token == wanted->token);
    fails = event->spell == SIM_ACTION_FAILS || event->spell == SIM_ACTION_DENIES;
    event->effect = false;
    event->code = -1;
    if (writes && older && event->spell != SIM_ACTION_FAILS && event->spell != SIM_ACTION_LIES) {
        *there = *wanted;
    }
    if (fails) {
        answer_says(event, END_UNASKED, "mark.write fails");
        return;
    }
    if (writes && event->spell == SIM_ACTION_LIES) {
        answer_says(event, END_SAID, "epoch %" PRId64, wanted->epoch);
        return;
    }
    *wanted = *there;
    answer_says(
        event, !writes || older ? END_SAID : END_SAID_NO, "epoch %" PRId64 "%s", there->epoch,
        writes && !older ? " stands there" : "");
}
