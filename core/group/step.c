/* One step: recorded before it runs, run, ended, tried again.
 *
 *   PENDING → RECORDING → RUNNING → DONE | FAILED
 *                ↑           ↓
 *                └────── RESTING
 */
#include "parts.h"

#include <assert.h>
#include <string.h>

static struct group_step_ref ref_of(const struct group *g, const struct group_plan *plan)
{
    struct group_step_ref ref;

    ref.plan_slot = (int)(plan - g->plan);
    ref.plan_id = plan->id;
    ref.epoch = plan->epoch;
    ref.step = plan->step;
    ref.attempt = plan->steps[plan->step].attempt;
    return ref;
}

static void record_step(
    struct group *g, struct group_effects *fx, const struct group_plan *plan,
    enum group_record_kind kind, enum group_outcome outcome, const char *text)
{
    const struct group_step_state *step = &plan->steps[plan->step];
    struct group_record *record = effects_record(g, fx, kind, text);

    record->plan_id = plan->id;
    record->plan_kind = (int)plan->kind;
    record->epoch = plan->epoch;
    record->node = step->node;
    record->step = plan->step;
    record->attempt = step->attempt;
    record->outcome = (int)outcome;
    group_step_words(g, step->kind, step->action, record->name, sizeof record->name);
}

static int64_t deadline_of(const struct group *g, const struct group_step_state *step)
{
    const struct group_action_rules *action = group_step_action(g, step->kind, step->action);

    return action != NULL ? action->deadline_ms : g->rules.look_deadline_ms;
}

/* A step that has nothing left to do, because what it is for is reached already. */
static bool needless(const struct group *g, const struct group_plan *plan)
{
    const struct group_step_state *step = &plan->steps[plan->step];

    const struct group_step_state *before = plan->step > 0 ? step - 1 : NULL;

    if (step->kind == GROUP_STEP_FENCE ||
        (step->kind == GROUP_STEP_LOOK && before != NULL && before->kind == GROUP_STEP_FENCE)) {
        return g->node[step->node].out;
    }
    if (step->kind == GROUP_STEP_RELEASE) {
        return !g->node[step->node].out; /* then it keeps the baton */
    }
    /* A node that could not even be asked is not asked again and again. */
    return (step->kind == GROUP_STEP_STOP || step->kind == GROUP_STEP_LOOK) && before != NULL &&
           before->node == step->node && before->unasked;
}

static void begin_recording(struct group *g, struct group_effects *fx, struct group_plan *plan)
{
    struct group_step_state *step = &plan->steps[plan->step];

    step->attempt++;
    step->status = GROUP_STEP_RECORDING;
    step->unasked = false;
    step->began_ms = g->now_ms;
    if (step->kind == GROUP_STEP_GRANT && g->peers == NULL) {
        struct group_record *record = effects_record(g, fx, GROUP_REC_GRANT, plan->why);

        record->epoch = g->epoch + 1;
        record->plan_id = plan->id;
        record->plan_kind = (int)plan->kind;
        record->node = plan->taker;
        marks_sign(g, record);
    } else {
        if (step->kind == GROUP_STEP_RELEASE && plan->undoing) {
            /* Durable before it is asked for: a restart must not serve with it again. */
            effects_record(g, fx, GROUP_REC_RELEASE, plan->why)->node = step->node;
        }
        record_step(g, fx, plan, GROUP_REC_STEP_BEGIN, GROUP_UNKNOWN, "");
    }
    step->record_seq = g->seq;
}

/* The record of the grant is durable: from here on the taker holds the baton. */
static void granted(struct group *g, struct group_effects *fx, struct group_plan *plan)
{
    int from = g->holder;

    g->epoch++;
    g->token = g->own_token;
    g->holder = plan->taker;
    plan->epoch = g->epoch;
    plan->granted = true;
    node_new_role(g, plan->taker);
    g->node[plan->taker].out = false;
    g->node[plan->taker].serving = GROUP_UNSURE;
    g->node[plan->taker].serving_run = 0;
    if (from != GROUP_NOBODY && from != plan->taker) {
        node_new_role(g, from);
        if (g->node[from].out) {
            node_transit(g, fx, from, FSM_RELEASED, 0, "stopped and confirmed out", NULL);
        } else {
            node_transit(g, fx, from, FSM_LOST, 0, "it serves again, without the baton", NULL);
        }
        node_judge(g, from);
    }
}

static void run(struct group *g, struct group_effects *fx, struct group_plan *plan)
{
    struct group_step_state *step = &plan->steps[plan->step];
    struct group_step_ref ref = ref_of(g, plan);

    step->status = GROUP_STEP_RUNNING;
    step->began_ms = g->now_ms;
    step->due_ms = g->now_ms + deadline_of(g, step);
    if (step->kind == GROUP_STEP_START) {
        g->node[step->node].out = false;
    }
    effects_run(fx, GROUP_DO_RUN, &ref, step);
}

static int attempts_of(
    const struct group *g, const struct group_step_state *step, enum group_outcome outcome)
{
    const struct group_action_rules *action = group_step_action(g, step->kind, step->action);

    if (outcome == GROUP_UNKNOWN &&
        (step->kind == GROUP_STEP_LOOK || step->kind == GROUP_STEP_STOP ||
         step->kind == GROUP_STEP_START || step->kind == GROUP_STEP_UNDO)) {
        return 1; /* who can't be asked is not asked again: that takes its full time each time */
    }
    if (step->kind == GROUP_STEP_LOOK) {
        return GROUP_LOOK_TRIES; /* who still serves may be about to stop */
    }
    return action != NULL ? action->attempts : 1;
}

static void end_attempt(
    struct group *g, struct group_effects *fx, struct group_plan *plan, enum group_outcome outcome,
    bool good, const char *detail)
{
    struct group_step_state *step = &plan->steps[plan->step];
    const struct group_action_rules *action = group_step_action(g, step->kind, step->action);

    step->ended_ms = g->now_ms;
    effects_copy(step->detail, sizeof step->detail, detail);
    record_step(g, fx, plan, GROUP_REC_STEP_END, outcome, detail);
    if (good) {
        step->status = GROUP_STEP_DONE;
        plan->step++;
    } else if (step->attempt < attempts_of(g, step, outcome)) {
        step->status = GROUP_STEP_RESTING;
        step->due_ms = g->now_ms + (action != NULL ? action->retry_ms : GROUP_LOOK_MS);
    } else {
        step->status = GROUP_STEP_FAILED;
        step->unasked = step->kind == GROUP_STEP_STOP && outcome == GROUP_UNKNOWN;
        plan_step_failed(g, fx, plan);
    }
}

/* Is this outcome what the step is for? Also keeps what it says of the node. */
static bool take_outcome(
    struct group *g, struct group_effects *fx, struct group_plan *plan, enum group_outcome outcome,
    const char *detail)
{
    struct group_step_state *step = &plan->steps[plan->step];
    struct group_node *n = &g->node[step->node];

    switch (step->kind) {
    case GROUP_STEP_STOP:
        if (outcome == GROUP_UNKNOWN) {
            node_looked(g, step->node, GROUP_UNSURE, step->began_ms, detail);
        }
        return outcome == GROUP_OK;
    case GROUP_STEP_LOOK: {
        bool wants_up = step->node == g->holder && !plan->undoing &&
                        (plan->granted || plan->kind == GROUP_PLAN_RESTORE);

        bool fresh = node_looked(
            g, step->node,
            outcome == GROUP_OK     ? GROUP_YES
            : outcome == GROUP_FAIL ? GROUP_NO
                                    : GROUP_UNSURE,
            step->began_ms, detail);
        if (wants_up) {
            return outcome == GROUP_OK;
        }
        if (!fresh) {
            return n->out; /* another look began later and is in already */
        }
        n->out = outcome == GROUP_FAIL || (n->out && outcome == GROUP_UNKNOWN);
        return n->out;
    }
    case GROUP_STEP_FENCE:
        if (outcome == GROUP_OK) {
            n->out = true;
            n->serving = GROUP_NO;
            n->role_ms = g->now_ms;
        }
        return outcome == GROUP_OK;
    case GROUP_STEP_VERIFY:
        if (outcome == GROUP_OK) {
            node_looked(g, step->node, GROUP_YES, g->now_ms, "verified");
        }
        return outcome == GROUP_OK;
    case GROUP_STEP_GRANT:
    case GROUP_STEP_RELEASE: /* among peers only */
        return peer_asked(g, fx, plan, outcome);
    default:
        return outcome == GROUP_OK;
    }
}

/* The step was not made, because this is a shadow: here the decision ends. */
static void shadowed(
    struct group *g, struct group_effects *fx, struct group_plan *plan, const char *detail)
{
    struct group_step_state *step = &plan->steps[plan->step];
    char words[GROUP_TEXT_MAX];

    step->ended_ms = g->now_ms;
    step->status = GROUP_STEP_SKIPPED;
    effects_copy(step->detail, sizeof step->detail, detail);
    record_step(g, fx, plan, GROUP_REC_STEP_END, GROUP_UNKNOWN, detail);
    shadow_end(
        g, fx, plan, "%s on %s: %s",
        group_step_words(g, step->kind, step->action, words, sizeof words),
        group_node_name(g, step->node), detail);
}

void step_ended(struct group *g, struct group_effects *fx, const struct group_event *ev)
{
    const struct group_step_ref *ref = &ev->u.step_ended.ref;
    struct group_plan *plan = &g->plan[ref->plan_slot];
    bool good;

    if (plan->kind == GROUP_PLAN_NONE || plan->id != ref->plan_id || plan->step != ref->step ||
        plan->epoch != ref->epoch || plan->steps[plan->step].attempt != ref->attempt ||
        plan->steps[plan->step].status != GROUP_STEP_RUNNING) {
        effects_notice(
            fx, GROUP_NOTICE_STALE, GROUP_NOBODY,
            "a late end of step %d, attempt %d of handover %lld (epoch %lld) was dropped: %s",
            ref->step, ref->attempt, (long long)ref->plan_id, (long long)ref->epoch,
            ev->u.step_ended.detail);
        return;
    }
    if (g->shadow && ev->u.step_ended.shadowed) {
        shadowed(g, fx, plan, ev->u.step_ended.detail);
        return;
    }
    good = take_outcome(g, fx, plan, ev->u.step_ended.outcome, ev->u.step_ended.detail);
    if (!good && ev->u.step_ended.outcome == GROUP_OK &&
        plan->steps[plan->step].kind == GROUP_STEP_GRANT) {
        end_attempt(
            g, fx, plan, GROUP_UNKNOWN, false, "it came too late, or the lease is not proven now");
        return;
    }
    end_attempt(g, fx, plan, ev->u.step_ended.outcome, good, ev->u.step_ended.detail);
}

/* What happens outside has decided: the step that runs is stopped, whatever it would say. */
void step_abandon(
    struct group *g, struct group_effects *fx, struct group_plan *plan, const char *detail)
{
    struct group_step_state *step = &plan->steps[plan->step];
    struct group_step_ref ref = ref_of(g, plan);

    if (step->status == GROUP_STEP_RUNNING) {
        effects_run(fx, GROUP_DO_CANCEL, &ref, step);
    }
    if (step->attempt > 0 && step->status != GROUP_STEP_RESTING) {
        record_step(g, fx, plan, GROUP_REC_STEP_END, GROUP_UNKNOWN, detail);
    }
    step->status = GROUP_STEP_SKIPPED;
}

static void overdue(struct group *g, struct group_effects *fx, struct group_plan *plan)
{
    struct group_step_state *step = &plan->steps[plan->step];
    struct group_step_ref ref = ref_of(g, plan);
    char detail[GROUP_TEXT_MAX];

    effects_run(fx, GROUP_DO_CANCEL, &ref, step);
    effects_text(detail, sizeof detail, "no end within %lld ms", (long long)deadline_of(g, step));
    if (step->kind == GROUP_STEP_GRANT || step->kind == GROUP_STEP_RELEASE) {
        peer_asked(g, fx, plan, GROUP_UNKNOWN);
    }
    end_attempt(g, fx, plan, GROUP_UNKNOWN, false, detail);
}

/* Somebody may have started another node since it was confirmed out. */
static bool start_refused(struct group *g, struct group_effects *fx, struct group_plan *plan)
{
    struct group_step_state *step = &plan->steps[plan->step];
    int rival = plan_rival(g, plan, step->node);
    char detail[GROUP_TEXT_MAX];

    if (step->kind != GROUP_STEP_START || rival == GROUP_NOBODY) {
        return false;
    }
    effects_text(
        detail, sizeof detail, "not begun: %s is not confirmed out any more (%s)",
        g->node[rival].name, g->node[rival].serving_why);
    effects_copy(step->detail, sizeof step->detail, detail);
    record_step(g, fx, plan, GROUP_REC_STEP_END, GROUP_FAIL, detail);
    step->status = GROUP_STEP_FAILED;
    plan_step_failed(g, fx, plan);
    return true;
}

/* Among peers: what has become impossible since it was recorded. */
static bool outdated(struct group *g, struct group_effects *fx, struct group_plan *plan)
{
    struct group_step_state *step = &plan->steps[plan->step];
    bool asks = step->kind == GROUP_STEP_GRANT || step->kind == GROUP_STEP_RELEASE;

    if (g->peers == NULL || (asks && peer_asks(g, plan)) ||
        (!asks &&
         (step->kind != GROUP_STEP_START || (g->holder == step->node && peer_may_serve(g))))) {
        return false;
    }
    effects_copy(
        step->detail, sizeof step->detail,
        asks ? "not asked for: the baton or the lease is not what it was"
             : "not begun: the lease is not proven");
    record_step(g, fx, plan, GROUP_REC_STEP_END, GROUP_FAIL, step->detail);
    step->status = GROUP_STEP_FAILED;
    plan_step_failed(g, fx, plan);
    return true;
}

/* Who has to stop does not wait for the disk. */
static bool is_urgent(const struct group *g, const struct group_plan *plan)
{
    return g->peers != NULL && plan->kind == GROUP_PLAN_EVICT &&
           plan->steps[plan->step].kind != GROUP_STEP_RELEASE;
}

/* Let the current step go on. False where it has to wait. */
bool step_advance(struct group *g, struct group_effects *fx, struct group_plan *plan)
{
    struct group_step_state *step = &plan->steps[plan->step];

    switch (step->status) {
    case GROUP_STEP_PENDING:
        if (needless(g, plan)) {
            step->status = GROUP_STEP_SKIPPED;
            step->unasked = step->kind == GROUP_STEP_STOP;
            plan->step++;
            return true;
        }
        begin_recording(g, fx, plan);
        return is_urgent(g, plan);
    case GROUP_STEP_RESTING:
        if (g->now_ms < step->due_ms) {
            return false;
        }
        begin_recording(g, fx, plan);
        return is_urgent(g, plan);
    case GROUP_STEP_RECORDING:
        if (g->recorded_seq < step->record_seq && !is_urgent(g, plan)) {
            return false;
        }
        if (outdated(g, fx, plan)) {
            return true;
        }
        if (step->kind == GROUP_STEP_GRANT && g->peers == NULL) {
            granted(g, fx, plan);
            step->status = GROUP_STEP_DONE;
            plan->step++;
            return true;
        }
        if (start_refused(g, fx, plan)) {
            return true;
        }
        run(g, fx, plan);
        return false;
    case GROUP_STEP_RUNNING:
        if (g->now_ms < step->due_ms + GROUP_LATE_MS) {
            return false;
        }
        overdue(g, fx, plan);
        return true;
    case GROUP_STEP_DONE:
    case GROUP_STEP_FAILED:
    case GROUP_STEP_SKIPPED:
        break;
    }
    assert(!"a step that is over is not the current one");
    return false;
}

int64_t step_wake_ms(const struct group_plan *plan)
{
    const struct group_step_state *step;

    if (plan->kind == GROUP_PLAN_NONE || plan->step == plan->n_steps) {
        return GROUP_NEVER_MS;
    }
    step = &plan->steps[plan->step];
    if (step->status == GROUP_STEP_RESTING) {
        return step->due_ms;
    }
    return step->status == GROUP_STEP_RUNNING ? step->due_ms + GROUP_LATE_MS : GROUP_NEVER_MS;
}
