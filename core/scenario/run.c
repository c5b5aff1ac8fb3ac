/* Life of a run: the world, the daemon in it, and the scenario's clock beside the world's.
 *
 * What the world does at a moment comes before what the scenario lets happen then; so a
 * deed that is done between two steps of a run falls on the same place when it is written
 * down with its time and read again. */
#include "base/memory.h"
#include "parts.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *run_kind_name(enum run_kind kind)
{
    static const char *const names[] = {
        [RUN_FAULT] = "fault",       [RUN_OPERATOR] = "operator", [RUN_DAEMON] = "daemon",
        [RUN_PROBE] = "probe",       [RUN_STATE] = "state",       [RUN_NOTICE] = "notice",
        [RUN_STEP] = "step",         [RUN_GRANT] = "grant",       [RUN_COMMAND] = "command",
        [RUN_QUESTION] = "question", [RUN_HOOK] = "hook",         [RUN_CHANGE] = "change",
        [RUN_OUTAGE] = "outage",     [RUN_LOG] = "log",           [RUN_GUARDIAN] = "guardian",
    };

    return (unsigned)kind < sizeof names / sizeof names[0] ? names[kind] : "?";
}

const char *run_node_name(const struct run *run, int node)
{
    return node >= 0 && node < run->site.n_nodes ? run->site.node[node].name : "nobody";
}

/* ---- What is so now --------------------------------------------------------------------- */

static void take_groups(const struct run *run, struct moment *now)
{
    bool peers = run_among_peers(run);
    int i, node;

    now->up = 0;
    now->hold = GROUP_HOLD_NONE;
    for (i = 0; i < run->n_seats; i++) {
        const struct run_seat *seat = &run->seat[i];
        const struct group *g =
            seat->controller != NULL ? controller_group(seat->controller) : NULL;

        now->up |= g != NULL ? 1u << i : 0;
        if (g != NULL && g->hold != GROUP_HOLD_NONE &&
            (now->hold == GROUP_HOLD_NONE || seat->node == now->holder)) {
            now->hold = g->hold;
            now->hold_seat = i;
        }
        for (node = peers ? i : 0; node < (peers ? i + 1 : now->n_nodes); node++) {
            now->state[node] = g != NULL ? g->node[node].state : FSM_UNKNOWN;
            now->fit[node] = g != NULL ? g->node[node].fit : GROUP_UNSURE;
        }
    }
}

static void take_moment(struct run *run, struct moment *now)
{
    const struct controller *controller = run->seat[0].controller;
    int i;

    *now = run->moment;
    if (run->served_stale) {
        run->served_stale = false;
        now->serves = 0;
        for (i = 0; i < now->n_nodes; i++) {
            now->serves |= sim_serves(run->sim, i) ? 1u << i : 0;
        }
        now->client = run->sim->count.client;
    }
    if (run_among_peers(run)) {
        now->holder = sim_holder(run->sim, &now->epoch);
    } else if (controller != NULL) {
        now->holder = controller_group(controller)->holder;
        now->epoch = controller_group(controller)->epoch;
    } else {
        now->holder = GROUP_NOBODY;
    }
    take_groups(run, now);
}

static bool same_moment(const struct moment *a, const struct moment *b)
{
    int i;

    if (a->up != b->up || a->holder != b->holder || a->epoch != b->epoch || a->hold != b->hold ||
        a->serves != b->serves || a->client != b->client) {
        return false;
    }
    for (i = 0; i < a->n_nodes; i++) {
        if (a->state[i] != b->state[i] || a->fit[i] != b->fit[i]) {
            return false;
        }
    }
    return true;
}

void run_look(struct run *run)
{
    struct moment now;

    take_moment(run, &now);
    if (same_moment(&now, &run->moment)) {
        return;
    }
    check_span(run, run->moment_ms, run->sim->now_ms, false);
    told_moment(run, &now);
    run->moment = now;
    run->moment_ms = run->sim->now_ms;
    timeline_span(&run->timeline, run->sim->now_ms, &now, false);
}

/* ---- Life ------------------------------------------------------------------------------------ */

static enum baton_err prepare(struct run *run, struct baton_error *error)
{
    const struct scenario *scenario = run->scenario;
    int i;

    run->texts = !run->setup.quiet;
    for (i = 0; i < scenario->n_expects; i++) {
        run->texts |= scenario->expect[i].kind == SCENARIO_EXPECT_SAID ||
                      scenario->expect[i].kind == SCENARIO_EXPECT_NOT_SAID;
    }
    timeline_init(&run->timeline, !run->setup.quiet);
    for (i = 0; i < SCENARIO_NEVERS; i++) {
        run->first_ms[i] = -1;
    }
    run->outage_from_ms = run->effect_ms = -1;
    run->last_holder = run->moment.holder = run->speaker = GROUP_NOBODY;
    run->frozen_ms = run->broken_ms = run->fallen_ms = -1;
    run->state_line = -1;
    run->point = memory_zeroed(1, sizeof *run->point);
    run->order = memory_zeroed((size_t)scenario->n_events + 1, sizeof run->order[0]);
    run->seen = memory_zeroed((size_t)scenario->n_events + 1, sizeof run->seen[0]);
    run->asking = run->texts ? memory_zeroed(1, sizeof *run->asking) : NULL;
    run->watch = memory_zeroed((size_t)scenario->n_expects + 1, sizeof run->watch[0]);
    if (run->point == NULL || run->watch == NULL || run->order == NULL || run->seen == NULL ||
        (run->texts && run->asking == NULL)) {
        return baton_fail(error, BATON_NOMEM, "%s: no memory for a run", scenario->file);
    }
    check_init(run);
    return build_world(run, error);
}

static enum baton_err begin(struct run *run, struct baton_error *error)
{
    enum baton_err err = seat_init(run, error);
    int i;

    run->moment.n_nodes = run->site.n_nodes;
    run->served_stale = true;
    for (i = 0; i < run->n_seats && err == BATON_OK; i++) {
        err = seat_start(run, i, error);
    }
    return err;
}

enum baton_err run_new(const struct run_setup *setup, struct run **out, struct baton_error *error)
{
    struct run *run = memory_zeroed(1, sizeof *run);
    enum baton_err err;

    *out = NULL;
    if (run == NULL) {
        return baton_fail(error, BATON_NOMEM, "%s: no memory for a run", setup->scenario->file);
    }
    run->setup = *setup;
    run->scenario = setup->scenario;
    err = prepare(run, error);
    if (err == BATON_OK) {
        err = begin(run, error);
    }
    if (err != BATON_OK) {
        run_free(run);
        return err;
    }
    timeline_span(&run->timeline, run->sim->now_ms, &run->moment, false);
    *out = run;
    return BATON_OK;
}

void run_free(struct run *run)
{
    if (run == NULL) {
        return;
    }
    if (run->sim != NULL) {
        run->sim->told = NULL;
    }
    seat_fini(run);
    ask_forget(run, -1);
    sim_free(run->sim);
    timeline_free(&run->timeline);
    memory_free(run->param);
    memory_free(run->watch);
    memory_free(run->verdict);
    memory_free(run->point);
    memory_free(run->order);
    memory_free(run->seen);
    memory_free(run->asking);
    memory_free(run);
}

/* ---- Time -------------------------------------------------------------------------------------
 */

/* The clock stands still and events go on: which line of the policy is to blame? */
static enum baton_err diverges(struct run *run, struct baton_error *error)
{
    const struct controller *controller = run_controller(run);
    const struct policy *policy = controller != NULL ? controller_policy(controller) : NULL;
    const struct group_plan *plan = policy != NULL ? &controller_group(controller)->plan[0] : NULL;
    char text[SCENARIO_TIME_MAX];
    const char *file = run->scenario->file;
    int line = run->scenario->line, i;

    if (policy != NULL) {
        const struct policy_table *table = policy_table(policy);
        enum fsm_event on = plan->kind == GROUP_PLAN_FAILBACK ? FSM_RECLAIM : FSM_PROMOTE;

        file = policy_file(policy);
        line = policy_line(policy);
        for (i = 0; plan->kind != GROUP_PLAN_NONE && i < table->n_transitions; i++) {
            line = table->transition[i].on == on ? table->transition[i].line : line;
        }
    }
    return baton_fail(
        error, BATON_LIMIT,
        "%s:%d: this diverges: at %s more than %d things happen and the time doesn't go on; the "
        "last that changed anything: %s",
        file, line, scenario_time(run->sim->now_ms, text), RUN_STUCK_MAX, run_point(run));
}

enum baton_err run_step(struct run *run, int64_t until_ms, bool *more, struct baton_error *error)
{
    int64_t world_ms = sim_due_ms(run->sim);
    int64_t deed_ms = happen_due_ms(run);
    enum baton_err err = BATON_OK;

    if (world_ms > until_ms && deed_ms > until_ms) {
        sim_run(run->sim, until_ms);
        *more = false;
        return BATON_OK;
    }
    *more = true;
    if (world_ms <= deed_ms) {
        sim_step(run->sim, world_ms);
        if (run->sim->stuck > RUN_STUCK_MAX) {
            return diverges(run, error);
        }
        run_look(run);
        /* A watchdog or a fence has no deed of its own. */
        err = run_among_peers(run) ? seat_follow_machines(run, error) : BATON_OK;
    } else {
        if (deed_ms > run->sim->now_ms) {
            sim_run(run->sim, deed_ms);
        }
        err = happen_next(run, error);
    }
    if (run->failed.code != BATON_OK) {
        return baton_fail(error, run->failed.code, "%s", run->failed.text);
    }
    if (run->timeline.no_memory) {
        return baton_fail(
            error, BATON_NOMEM, "%s: no memory for the timeline", run->scenario->file);
    }
    return err;
}

enum baton_err run_scenario(struct run *run, struct baton_error *error)
{
    bool more = true;

    while (more) {
        enum baton_err err = run_step(run, run->scenario->end_ms, &more, error);

        if (err != BATON_OK) {
            return err;
        }
    }
    run_look(run);
    check_span(run, run->moment_ms, run->sim->now_ms, true);
    timeline_span(&run->timeline, run->sim->now_ms, &run->moment, true);
    return verdict_make(run, error);
}

/* ---- Questions ----------------------------------------------------------------------------------
 */

int64_t run_points(const struct run *run)
{
    return run->points;
}

int64_t run_now_ms(const struct run *run)
{
    return run->sim->now_ms;
}

struct sim *run_sim(const struct run *run)
{
    return run->sim;
}

int run_seats(const struct run *run)
{
    return run->n_seats;
}

struct controller *run_controller_at(const struct run *run, int seat)
{
    return run->seat[seat].controller;
}

struct controller *run_controller(const struct run *run)
{
    int i;

    for (i = 0; i < run->n_seats; i++) {
        if (run->seat[i].controller != NULL) {
            return run->seat[i].controller;
        }
    }
    return NULL;
}

int run_holder(const struct run *run, int64_t *epoch)
{
    if (epoch != NULL) {
        *epoch = run->moment.epoch;
    }
    return run->moment.holder;
}

const struct run_setup *run_setup(const struct run *run)
{
    return &run->setup;
}

int run_entries(const struct run *run, const struct run_entry **entry)
{
    *entry = run->timeline.entry;
    return run->timeline.n_entries;
}

int run_spans(const struct run *run, const struct run_span **span)
{
    *span = run->timeline.span;
    return run->timeline.n_spans;
}

int run_verdicts(const struct run *run, const struct run_verdict **verdict)
{
    *verdict = run->verdict;
    return run->n_verdicts;
}

struct run_figures run_figures(struct run *run)
{
    struct run_figures figures = run->figures;

    sim_account(run->sim);
    figures.events = run->sim->steps;
    figures.outage_ms = run->sim->count.outage_ms;
    figures.outage_longest_ms = run->sim->count.outage_longest_ms;
    figures.two_ms = run->sim->count.two_ms;
    return figures;
}
