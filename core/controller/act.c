/* The group's effects, carried out: records, steps, looks, notices. */
#include "parts.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

void act_end(struct act_step *step, enum group_outcome outcome, bool shadowed, const char *detail)
{
    struct controller *c = step->controller;
    struct group_event event = controller_event(c, GROUP_EV_STEP_ENDED);

    step->busy = false;
    step->task = NULL;
    step->request = 0;
    event.u.step_ended.ref = step->ref;
    event.u.step_ended.outcome = outcome;
    event.u.step_ended.shadowed = shadowed;
    event.u.step_ended.detail = detail;
    controller_feed(c, &event, NULL);
}

static void task_over(void *arg, const struct policy_result *result)
{
    struct act_step *step = arg;
    struct controller *c = step->controller;

    if (result->broken) {
        controller_log(c, WORLD_ALERT, GROUP_NOBODY, "policy", "%s", result->detail);
    }
    act_end(step, result->outcome, result->shadowed, result->detail);
}

static void request_over(void *arg, uint64_t request, const struct world_result *result)
{
    (void)request;
    act_end(arg, (enum group_outcome)result->outcome, result->shadowed, result->detail);
}

/* Hooks that may say no to a planned move. */
static void ask_hooks(struct act_step *step, int64_t timeout_ms)
{
    struct controller *c = step->controller;
    const struct group_plan *plan = &c->group->plan[step->ref.plan_slot];
    struct world_request request = {.kind = WORLD_HOOK, .timeout_ms = timeout_ms};
    struct world_pair fact[BELL_FACTS];
    struct bell_ring ring = {.node = plan->taker, .holder = c->group->holder};
    char epoch[24];

    ring.epoch = c->group->epoch;
    snprintf(ring.plan, sizeof ring.plan, "%s", group_plan_name(plan->kind));
    snprintf(ring.text, sizeof ring.text, "%s", plan->why);
    request.group = c->group->name;
    request.u.hook.event = "before-move";
    request.u.hook.wall_ms = c->world->ops->wall_ms(c->world);
    request.u.hook.fact = fact;
    request.u.hook.n_facts = bell_facts(c, &ring, "before-move", fact, epoch, sizeof epoch);
    step->request = world_start(c->world, &request, request_over, step);
}

static enum policy_entry entry_of(enum group_step_kind kind)
{
    switch (kind) {
    case GROUP_STEP_STOP:
        return POLICY_STOP;
    case GROUP_STEP_START:
        return POLICY_START;
    case GROUP_STEP_FENCE:
        return POLICY_FENCE;
    case GROUP_STEP_VERIFY:
        return POLICY_VERIFY;
    case GROUP_STEP_UNDO:
        return POLICY_UNDO;
    case GROUP_STEP_REMEDY:
        return POLICY_REMEDY;
    case GROUP_STEP_LOOK:
        return POLICY_SERVING;
    case GROUP_STEP_ASK:
    case GROUP_STEP_GRANT:
    case GROUP_STEP_RELEASE:
        break;
    }
    assert(!"a step of this kind is not the policy's");
    return POLICY_SERVING;
}

static void tell_step(struct controller *c, const struct group_effect *effect)
{
    const struct group_step_ref *ref = &effect->u.run.ref;
    int node = effect->u.run.node;
    char text[GROUP_TEXT_MAX * 2], words[GROUP_TEXT_MAX];

    snprintf(
        text, sizeof text, "%s on %s",
        group_step_words(c->group, effect->u.run.kind, effect->u.run.action, words, sizeof words),
        group_node_name(c->group, node));
    controller_log(c, WORLD_INFO, node, "step", "%s", text);
    controller_tell(
        c, &(struct controller_news){
               .kind = CONTROLLER_STEP,
               .node = node,
               .plan_slot = ref->plan_slot,
               .step = ref->step,
               .effect = effect,
               .text = text});
}

void act_fail_soon(
    struct controller *c, const struct group_step_ref *ref, enum group_outcome outcome,
    const char *detail)
{
    struct group_event *event = &c->pending[c->n_pending];

    assert(c->n_pending < CONTROLLER_PENDING_MAX);
    *event = controller_event(c, GROUP_EV_STEP_ENDED);
    event->u.step_ended.ref = *ref;
    event->u.step_ended.outcome = outcome;
    event->u.step_ended.detail = c->pending_text[c->n_pending];
    snprintf(c->pending_text[c->n_pending], GROUP_TEXT_MAX, "%.*s", GROUP_TEXT_MAX - 1, detail);
    c->n_pending++;
}

static void run(struct controller *c, const struct group_effect *effect)
{
    struct act_step *step = &c->step[effect->u.run.ref.plan_slot];

    assert(!step->busy);
    step->ref = effect->u.run.ref;
    step->kind = effect->u.run.kind;
    step->busy = true;
    tell_step(c, effect);
    if (!marks_hold(c, effect)) {
        act_run(c, effect);
    }
}

void act_run(struct controller *c, const struct group_effect *effect)
{
    const struct group_step_ref *ref = &effect->u.run.ref;
    struct act_step *step = &c->step[ref->plan_slot];
    bool look = effect->u.run.kind == GROUP_STEP_LOOK;
    struct baton_error error;

    if (step->kind == GROUP_STEP_ASK) {
        ask_hooks(step, effect->u.run.deadline_ms - world_now_ms(c->world));
        return;
    }
    if (step->kind == GROUP_STEP_GRANT || step->kind == GROUP_STEP_RELEASE) {
        grant_run(c, step, effect);
        return;
    }
    if (step->kind == GROUP_STEP_START && !guard_stands(c)) {
        step->busy = false;
        act_fail_soon(
            c, ref, GROUP_FAIL,
            "the guardian is not armed, and nothing is started without it: is baton-guardian "
            "there?");
        return;
    }
    step->task = policy_run(
        c->policy, entry_of(step->kind), look ? 0 : effect->u.run.action, effect->u.run.node,
        effect->u.run.deadline_ms, task_over, step, &error);
    if (step->task == NULL) {
        step->busy = false;
        act_fail_soon(c, ref, GROUP_FAIL, error.text);
    }
}

static void cancel(struct controller *c, struct act_step *step)
{
    if (step->busy && step->task != NULL) {
        policy_cancel(step->task);
    }
    if (step->busy && step->request != 0) {
        world_cancel(c->world, step->request);
    }
    grant_cancelled(c, step);
    marks_forget(c, (int)(step - c->step));
    step->busy = false;
    step->task = NULL;
    step->request = 0;
}

static enum world_level level_of(enum group_notice notice)
{
    switch (notice) {
    case GROUP_NOTICE_HOLD:
    case GROUP_NOTICE_FAILED:
    case GROUP_NOTICE_ROGUE:
        return WORLD_ALERT;
    case GROUP_NOTICE_FAILOVER:
    case GROUP_NOTICE_CANCELLED:
    case GROUP_NOTICE_STALE:
    case GROUP_NOTICE_LEASE:
    case GROUP_NOTICE_UNREADY:
    case GROUP_NOTICE_SHADOWED:
        return WORLD_WARNING;
    default:
        return WORLD_INFO;
    }
}

static void notice(struct controller *c, const struct group_effect *effect)
{
    const struct group_plan *plan = &c->group->plan[0];
    struct bell_ring ring = {.notice = effect->u.notice.notice, .node = effect->u.notice.node};
    char text[GROUP_TEXT_MAX * 2];

    ring.moved = ring.notice == GROUP_NOTICE_TRANSITION;
    ring.from = effect->u.notice.from;
    ring.to = effect->u.notice.to;
    ring.holder = c->group->holder;
    ring.epoch = c->group->epoch;
    ring.wall_ms = c->world->ops->wall_ms(c->world);
    snprintf(
        ring.plan, sizeof ring.plan, "%s",
        plan->kind == GROUP_PLAN_NONE ? "" : group_plan_name(plan->kind));
    snprintf(ring.text, sizeof ring.text, "%s", effect->u.notice.text);
    if (ring.moved) {
        snprintf(
            text, sizeof text, "%s %s → %s: %s", group_node_name(c->group, ring.node),
            fsm_state_name(ring.from), fsm_state_name(ring.to), ring.text);
    } else {
        snprintf(text, sizeof text, "%s", ring.text);
    }
    controller_log(c, level_of(ring.notice), ring.node, group_notice_name(ring.notice), "%s", text);
    controller_tell(
        c, &(struct controller_news){
               .kind = CONTROLLER_NOTICE,
               .notice = ring.notice,
               .node = ring.node,
               .effect = effect,
               .text = text});
    if (!c->group->shadow) {
        bell_add(c, &ring);
    }
}

/* A look answers a question; "fail" would be the wrong word for "it does not serve". */
static const char *end_word(const struct group_record *record)
{
    static const char *const looked[] = {"can't say", "it serves", "it does not serve"};

    return strcmp(record->name, group_step_name(GROUP_STEP_LOOK)) == 0
               ? looked[record->outcome]
               : group_outcome_name((enum group_outcome)record->outcome);
}

/* A step's end is news too, and stands only in its record. */
static void tell_end(struct controller *c, const struct group_effect *effect)
{
    const struct group_record *record = &effect->u.record;
    struct controller_news news = {
        .kind = CONTROLLER_STEP,
        .node = record->node,
        .plan_slot = record->plan_kind == (int)GROUP_PLAN_EVICT ? 1 : 0,
        .step = record->step,
        .effect = effect};
    bool fine = record->outcome == (int)GROUP_OK ||
                strcmp(record->name, group_step_name(GROUP_STEP_LOOK)) == 0;
    char text[GROUP_TEXT_MAX * 2];

    snprintf(
        text, sizeof text, "%s on %s: %s%s%s", record->name,
        group_node_name(c->group, record->node), end_word(record),
        record->text[0] != '\0' ? ": " : "", record->text);
    news.text = text;
    controller_log(c, fine ? WORLD_INFO : WORLD_WARNING, record->node, "step", "%s", text);
    controller_tell(c, &news);
}

void act_effects(struct controller *c, const struct group_effects *effects)
{
    int i;

    for (i = 0; i < effects->count; i++) {
        const struct group_effect *effect = &effects->effect[i];

        switch (effect->kind) {
        case GROUP_DO_RECORD:
            ledger_add(c, &effect->u.record);
            ready_recorded(c, &effect->u.record);
            if (effect->u.record.kind == GROUP_REC_STEP_END) {
                tell_end(c, effect);
            } else if (effect->u.record.kind == GROUP_REC_GRANT) {
                controller_log(
                    c, WORLD_INFO, effect->u.record.node, "grant", "epoch %lld to %s",
                    (long long)effect->u.record.epoch,
                    group_node_name(c->group, effect->u.record.node));
            }
            break;
        case GROUP_DO_RUN:
            run(c, effect);
            break;
        case GROUP_DO_CANCEL:
            cancel(c, &c->step[effect->u.run.ref.plan_slot]);
            break;
        case GROUP_DO_NOTICE:
            notice(c, effect);
            break;
        case GROUP_DO_LOOK:
            schedule_look_now(c, effect->u.look.node);
            break;
        }
    }
    ledger_write(c);
}

void act_stop(struct controller *c)
{
    int i;

    for (i = 0; i < GROUP_PLANS; i++) {
        cancel(c, &c->step[i]);
    }
}
