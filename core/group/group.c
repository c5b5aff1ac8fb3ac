/* The calls of group.h: set-up, one step, questions. */
#include "base/memory.h"
#include "parts.h"

#include <assert.h>
#include <string.h>

/* ---- Set-up ---- */

static enum baton_err check_setup(const struct group_setup *setup, struct baton_error *error)
{
    int i, j;

    if (setup->n_nodes < 1 || setup->n_nodes > GROUP_NODES_MAX) {
        return baton_fail(
            error, BATON_INVALID, "group %s: 1 to %d nodes, not %d", setup->name, GROUP_NODES_MAX,
            setup->n_nodes);
    }
    for (i = 0; i < setup->n_nodes; i++) {
        for (j = 0; j < i; j++) {
            if (strcmp(setup->node[i].name, setup->node[j].name) == 0) {
                return baton_fail(
                    error, BATON_INVALID, "group %s: two nodes are named %s", setup->name,
                    setup->node[i].name);
            }
        }
        if (i > 0 && setup->node[i].priority < setup->node[i - 1].priority) {
            return baton_fail(
                error, BATON_INVALID, "group %s: nodes must come in order of priority",
                setup->name);
        }
    }
    return group_check_rules(setup->rules, error);
}

static enum baton_err make_nodes(struct group *g, const struct group_setup *setup)
{
    int i;

    g->node = memory_zeroed((size_t)setup->n_nodes, sizeof g->node[0]);
    if (g->node == NULL) {
        return BATON_NOMEM;
    }
    g->n_nodes = setup->n_nodes;
    for (i = 0; i < g->n_nodes; i++) {
        struct group_node *n = &g->node[i];

        effects_copy(n->name, sizeof n->name, setup->node[i].name);
        n->priority = setup->node[i].priority;
        n->state_since_ms = n->fit_since_ms = setup->now_ms;
        effects_text(n->fit_why, sizeof n->fit_why, "not judged yet");
        effects_text(n->verdict_why, sizeof n->verdict_why, "not judged yet");
        n->health = memory_zeroed((size_t)g->rules.n_probes + 1, sizeof n->health[0]);
        if (n->health == NULL) {
            return BATON_NOMEM;
        }
    }
    return BATON_OK;
}

static void recall(struct group *g, const struct group_memory *memory)
{
    int i;

    g->memory = *memory;
    g->memory.holder = memory->known ? memory->holder : GROUP_NOBODY;
    g->epoch = g->checked_epoch = g->marked_epoch = memory->epoch;
    g->token = memory->token;
    g->paused = memory->paused;
    effects_text(
        g->paused_why, sizeof g->paused_why, "%s", memory->paused ? "before the restart" : "");
    g->plan_id = memory->plan_id_max;
    g->seq = g->recorded_seq = memory->seq_max;
    /* What a shadow would have done moved nothing. */
    for (i = memory->n_moves - 1; i >= 0 && g->n_moves < GROUP_MOVES_MAX && !g->shadow; i--) {
        g->move_ms[g->n_moves++] = g->now_ms - memory->moves_ago_ms[i];
    }
}

enum baton_err group_new(
    const struct group_setup *setup, struct group **out, struct baton_error *error)
{
    struct group_step_state *steps[GROUP_PLANS] = {NULL};
    struct group *g;
    int i;

    *out = NULL;
    if (check_setup(setup, error) != BATON_OK) {
        return BATON_INVALID;
    }
    g = memory_zeroed(1, sizeof *g);
    if (g == NULL) {
        goto nomem;
    }
    effects_copy(g->name, sizeof g->name, setup->name);
    g->rules = *setup->rules;
    g->now_ms = g->born_ms = setup->now_ms;
    g->holder = g->hold_node = g->forced = GROUP_NOBODY;
    g->shadow = setup->shadow;
    g->marks = setup->marks && !setup->shadow && !setup->peers;
    g->own_token = setup->token;
    if (g->shadow && shadow_begin(g) != BATON_OK) {
        goto nomem;
    }
    if (make_nodes(g, setup) != BATON_OK ||
        rules_make_steps(&g->rules, g->n_nodes, &g->steps_max, steps) != BATON_OK) {
        goto nomem;
    }
    for (i = 0; i < GROUP_PLANS; i++) {
        g->plan[i].steps = steps[i];
    }
    recall(g, &setup->memory);
    if (setup->peers) {
        enum baton_err err = peer_begin(g, setup, error);

        if (err != BATON_OK) {
            group_free(g);
            return err;
        }
    }
    rules_rest_probes(g);
    *out = g;
    return BATON_OK;
nomem:
    group_free(g);
    return baton_fail(error, BATON_NOMEM, "group %s: no memory", setup->name);
}

void group_free(struct group *group)
{
    int i;

    if (group == NULL) {
        return;
    }
    for (i = 0; i < group->n_nodes; i++) {
        memory_free(group->node[i].health);
    }
    for (i = 0; i < GROUP_PLANS; i++) {
        memory_free(group->plan[i].steps);
    }
    memory_free(group->node);
    memory_free(group->would);
    memory_free(group->peers);
    memory_free(group);
}

/* ---- One step ---- */

/* A grant is not taken back: its record waits with the others and is durable some time. */
static void unrecorded(struct group *g, struct group_effects *fx, const char *why)
{
    struct group_plan *plan = &g->plan[0];

    hold_begin(
        g, fx, GROUP_HOLD_JOURNAL, GROUP_NOBODY,
        "the journal can't be written, so nothing is moved: %s", why);
    if (plan_is_handover(plan->kind) && !plan->granted && plan->step == 0 &&
        plan->steps[0].kind != GROUP_STEP_GRANT && plan->steps[0].status == GROUP_STEP_RECORDING &&
        plan->steps[0].attempt == 1) {
        plan_cancelled(g, fx, plan, "the journal can't be written; nothing was touched");
    }
}

static void recorded(struct group *g, struct group_effects *fx, int64_t seq)
{
    g->recorded_seq = seq > g->recorded_seq ? seq : g->recorded_seq;
    if (g->hold == GROUP_HOLD_JOURNAL) {
        hold_end(g, fx, "the journal can be written again");
    }
}

static void take_verdict(struct group *g, const struct group_event *ev)
{
    struct group_node *n = &g->node[ev->u.verdict.node];

    n->verdict = ev->u.verdict.fit;
    effects_copy(n->verdict_why, sizeof n->verdict_why, ev->u.verdict.why);
    node_judge(g, ev->u.verdict.node);
}

/* For people: nothing is decided by it. */
static void note_readiness(struct group *g, struct group_effects *fx, const struct group_event *ev)
{
    struct group_record *record = effects_record(g, fx, GROUP_REC_NOTE, ev->u.readiness.why);

    record->node = ev->u.readiness.node;
    effects_text(record->name, sizeof record->name, "readiness");
    effects_notice(
        fx, ev->u.readiness.ready ? GROUP_NOTICE_READY : GROUP_NOTICE_UNREADY, ev->u.readiness.node,
        "%s", ev->u.readiness.why);
}

static enum baton_err take(
    struct group *g, const struct group_event *ev, struct group_effects *fx,
    struct baton_error *error)
{
    switch (ev->kind) {
    case GROUP_EV_TICK:
        break;
    case GROUP_EV_OBSERVED:
        if (peer_is_self(g, ev->u.observed.node)) { /* of the others their own Batons tell */
            node_observed(g, ev);
        }
        break;
    case GROUP_EV_LOOKED:
        if (peer_is_self(g, ev->u.looked.node)) {
            node_looked(
                g, ev->u.looked.node, ev->u.looked.serving, ev->u.looked.began_ms,
                ev->u.looked.detail);
        }
        break;
    case GROUP_EV_VERDICT:
        if (peer_is_self(g, ev->u.verdict.node)) {
            take_verdict(g, ev);
        }
        break;
    case GROUP_EV_PROPOSE:
        return order_propose(g, fx, ev, error);
    case GROUP_EV_REMEDY:
        return order_remedy(g, fx, ev, error);
    case GROUP_EV_RECORDED:
        recorded(g, fx, ev->u.recorded.seq);
        break;
    case GROUP_EV_UNRECORDED:
        unrecorded(g, fx, ev->u.recorded.why);
        break;
    case GROUP_EV_STEP_ENDED:
        step_ended(g, fx, ev);
        break;
    case GROUP_EV_POLICY_BROKEN:
        hold_begin(g, fx, GROUP_HOLD_POLICY, GROUP_NOBODY, "%s", ev->u.policy_broken.why);
        break;
    case GROUP_EV_OPERATOR:
        return order_operator(g, fx, ev, error);
    case GROUP_EV_MARKED:
        marks_take(g, fx, ev);
        break;
    case GROUP_EV_READINESS:
        note_readiness(g, fx, ev);
        break;
    case GROUP_EV_STORE:
    case GROUP_EV_PROVEN:
    case GROUP_EV_MEMBER:
    case GROUP_EV_PROMISE:
        if (g->peers == NULL) {
            return baton_fail(error, BATON_REFUSED, "there is no lease store");
        }
        return peer_take(g, ev, fx, error);
    }
    return BATON_OK;
}

/* What follows by itself from what the group now is; safe to do twice. */
static void follow(struct group *g, struct group_effects *fx)
{
    int i;

    if (g->hold == GROUP_HOLD_FROZEN) {
        if (g->peers != NULL) { /* who may not serve any more is stopped all the same */
            peer_follow(g, fx);
            plan_advance(g, fx, &g->plan[1]);
        }
        return;
    }
    shadow_review(g);
    hold_review(g, fx);
    forced_review(g);
    if (g->peers != NULL) {
        peer_follow(g, fx);
    } else {
        settle_advance(g, fx);
    }
    for (i = 0; i < g->n_nodes; i++) {
        node_follow(g, fx, i);
    }
    if (g->peers == NULL) {
        watch_rogues(g, fx);
    }
    watch_holder(g, fx);
    for (i = 0; i < GROUP_PLANS; i++) {
        plan_advance(g, fx, &g->plan[i]);
    }
    for (i = 0; i < g->n_nodes; i++) {
        node_follow(g, fx, i); /* a plan that ended frees its nodes */
    }
}

enum baton_err group_step(
    struct group *group, const struct group_event *event, struct group_effects *effects,
    struct baton_error *error)
{
    int first = effects->count;
    int holder = group->holder;
    enum baton_err err;

    if (event->now_ms > group->now_ms) {
        group->now_ms = event->now_ms;
    }
    err = take(group, event, effects, error);
    follow(group, effects);
    if (group->holder != holder) {
        rules_rest_probes(group);
    }
    check_invariants(group, effects, first);
    return err;
}

/* ---- Questions ---- */

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t group_wake_ms(const struct group *group)
{
    int64_t at = settle_wake_ms(group);
    int64_t frees_ms;
    int i;

    if (group->hold == GROUP_HOLD_FROZEN && group->peers == NULL) {
        return GROUP_NEVER_MS;
    }
    if (group->peers != NULL) {
        at = peer_wake_ms(group);
    }
    for (i = 0; i < GROUP_PLANS; i++) {
        at = earlier(at, step_wake_ms(&group->plan[i]));
    }
    for (i = 0; i < group->n_nodes; i++) {
        const struct group_node *n = &group->node[i];

        if (n->start_fails > 0 && n->start_rest_ms > group->now_ms) {
            at = earlier(at, n->start_rest_ms);
        }
    }
    if (group->hold == GROUP_HOLD_MOVES) {
        hold_moves_within(group, &frees_ms);
        at = earlier(at, frees_ms);
    }
    return earlier(at, watch_wake_ms(group));
}

const struct group_action_rules *group_step_action(
    const struct group *group, enum group_step_kind kind, int action)
{
    switch (kind) {
    case GROUP_STEP_STOP:
        return &group->rules.list[GROUP_LIST_STOP].action[action];
    case GROUP_STEP_START:
    case GROUP_STEP_UNDO:
        return &group->rules.list[GROUP_LIST_START].action[action];
    case GROUP_STEP_FENCE:
        return &group->rules.list[GROUP_LIST_FENCE].action[action];
    case GROUP_STEP_VERIFY:
        return &group->rules.list[GROUP_LIST_VERIFY].action[action];
    case GROUP_STEP_REMEDY:
        return &group->rules.remedy[action].action;
    case GROUP_STEP_ASK:
    case GROUP_STEP_LOOK:
    case GROUP_STEP_GRANT:
    case GROUP_STEP_RELEASE:
        break;
    }
    return NULL;
}

int group_find_node(const struct group *group, const char *name)
{
    int i;

    for (i = 0; i < group->n_nodes; i++) {
        if (strcmp(group->node[i].name, name) == 0) {
            return i;
        }
    }
    return GROUP_NOBODY;
}
