/* The calls of group.h: set-up, one step, questions. */
#include "base/memory.h"
#include "parts.h"

#include <assert.h>
#include <string.h>

/* ---- Set-up ---- */

static enum baton_err check_action(
    const struct group_action_rules *action, const char *list, struct baton_error *error)
{
    if (action->attempts < 1 || action->deadline_ms <= 0 || action->retry_ms < 0) {
        return baton_fail(
            error, BATON_INVALID,
            "%s action \"%s\" needs a deadline above 0, a retry of 0 or more, and at least one "
            "attempt",
            list, action->name);
    }
    return BATON_OK;
}

enum baton_err group_check_rules(const struct group_rules *rules, struct baton_error *error)
{
    static const char *const lists[GROUP_LISTS] = {"stop", "start", "fence", "verify"};
    int list, i;

    for (i = 0; i < rules->n_probes; i++) {
        if (rules->probe[i].rise < 1 || rules->probe[i].fall < 1) {
            return baton_fail(
                error, BATON_INVALID, "probe \"%s\": rise and fall are at least 1",
                rules->probe[i].name);
        }
    }
    for (list = 0; list < GROUP_LISTS; list++) {
        for (i = 0; i < rules->list[list].count; i++) {
            if (check_action(&rules->list[list].action[i], lists[list], error) != BATON_OK) {
                return BATON_INVALID;
            }
        }
    }
    if (rules->list[GROUP_LIST_START].count == 0 || rules->list[GROUP_LIST_STOP].count == 0) {
        return baton_fail(
            error, BATON_INVALID, "the policy has no %s action: how is the service %s?",
            rules->list[GROUP_LIST_START].count == 0 ? "start" : "stop",
            rules->list[GROUP_LIST_START].count == 0 ? "started" : "stopped");
    }
    if (rules->fence_unconfirmed && rules->list[GROUP_LIST_FENCE].count == 0) {
        return baton_fail(
            error, BATON_INVALID, "unconfirmed = \"fence\" needs at least one fence action");
    }
    if (rules->max_moves < 1 || rules->max_moves > GROUP_MOVES_MAX || rules->window_ms <= 0 ||
        rules->window_ms > GROUP_WINDOW_MAX_MS || rules->settle_ms < 0 ||
        rules->look_deadline_ms <= 0 || rules->look_fall < 1) {
        return baton_fail(
            error, BATON_INVALID,
            "max_moves is 1 to %d, window above 0 and at most a day, look_deadline above 0, settle "
            "0 "
            "or more, look_fall at least 1",
            GROUP_MOVES_MAX);
    }
    return BATON_OK;
}

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

static enum baton_err make_steps(
    const struct group_rules *rules, int n_nodes, int *steps_max,
    struct group_step_state *steps[GROUP_PLANS])
{
    int i;

    *steps_max = compose_steps_max(rules, n_nodes);
    for (i = 0; i < GROUP_PLANS; i++) {
        steps[i] = memory_zeroed((size_t)*steps_max, sizeof steps[i][0]);
    }
    for (i = 0; i < GROUP_PLANS; i++) {
        if (steps[i] == NULL) {
            for (i = 0; i < GROUP_PLANS; i++) {
                memory_free(steps[i]);
                steps[i] = NULL;
            }
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
    g->epoch = g->checked_epoch = memory->epoch;
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

/* Which probes rest depends on who holds the baton. */
static void rest_probes(struct group *g)
{
    int node, probe;

    for (node = 0; node < g->n_nodes; node++) {
        for (probe = 0; probe < g->rules.n_probes; probe++) {
            g->node[node].health[probe].resting = group_probe_rests(g, node, probe);
        }
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
    if (g->shadow && shadow_begin(g) != BATON_OK) {
        goto nomem;
    }
    if (make_nodes(g, setup) != BATON_OK ||
        make_steps(&g->rules, g->n_nodes, &g->steps_max, steps) != BATON_OK) {
        goto nomem;
    }
    for (i = 0; i < GROUP_PLANS; i++) {
        g->plan[i].steps = steps[i];
    }
    recall(g, &setup->memory);
    rest_probes(g);
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
    memory_free(group);
}

/* ---- Other rules ---- */

static void keep_health(
    const struct group *g, const struct group_rules *rules, const struct group_node *n,
    struct group_health *health)
{
    int to, from;

    for (to = 0; to < rules->n_probes; to++) {
        for (from = 0; from < g->rules.n_probes; from++) {
            if (strcmp(rules->probe[to].name, g->rules.probe[from].name) == 0) {
                health[to] = n->health[from];
            }
        }
    }
}

enum baton_err group_set_rules(
    struct group *group, const struct group_rules *rules, struct baton_error *error)
{
    struct group_health *health[GROUP_NODES_MAX] = {NULL};
    struct group_step_state *steps[GROUP_PLANS] = {NULL};
    int i, steps_max;

    if (group_check_rules(rules, error) != BATON_OK) {
        return BATON_INVALID;
    }
    if (group->plan[0].kind != GROUP_PLAN_NONE || group->plan[1].kind != GROUP_PLAN_NONE) {
        return baton_fail(
            error, BATON_REFUSED, "group %s: a %s is under way: reload when it is over",
            group->name,
            group_plan_name(
                group->plan[0].kind != GROUP_PLAN_NONE ? group->plan[0].kind
                                                       : group->plan[1].kind));
    }
    for (i = 0; i < group->n_nodes; i++) {
        health[i] = memory_zeroed((size_t)rules->n_probes + 1, sizeof health[i][0]);
        if (health[i] == NULL) {
            goto nomem;
        }
        keep_health(group, rules, &group->node[i], health[i]);
    }
    if (make_steps(rules, group->n_nodes, &steps_max, steps) != BATON_OK) {
        goto nomem;
    }
    for (i = 0; i < group->n_nodes; i++) {
        memory_free(group->node[i].health);
        group->node[i].health = health[i];
        memset(group->node[i].remedy_tries, 0, sizeof group->node[i].remedy_tries);
    }
    for (i = 0; i < GROUP_PLANS; i++) {
        memory_free(group->plan[i].steps);
        group->plan[i].steps = steps[i];
    }
    group->steps_max = steps_max;
    group->rules = *rules;
    group->forced = GROUP_NOBODY; /* what had failed there was told by other probes */
    rest_probes(group);
    if (group->hold == GROUP_HOLD_POLICY) {
        group->hold = GROUP_HOLD_NONE;
        group->hold_why[0] = '\0';
    }
    return BATON_OK;
nomem:
    for (i = 0; i < group->n_nodes; i++) {
        memory_free(health[i]);
    }
    return baton_fail(error, BATON_NOMEM, "group %s: no memory for the new policy", group->name);
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

static enum baton_err take(
    struct group *g, const struct group_event *ev, struct group_effects *fx,
    struct baton_error *error)
{
    switch (ev->kind) {
    case GROUP_EV_TICK:
        break;
    case GROUP_EV_OBSERVED:
        node_observed(g, ev);
        break;
    case GROUP_EV_LOOKED:
        node_looked(
            g, ev->u.looked.node, ev->u.looked.serving, ev->u.looked.began_ms, ev->u.looked.detail);
        break;
    case GROUP_EV_VERDICT:
        take_verdict(g, ev);
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
    case GROUP_EV_STORE:
    case GROUP_EV_PROVEN:
    case GROUP_EV_MEMBER:
    case GROUP_EV_PROMISE:
        return baton_fail(error, BATON_REFUSED, "not among peers");
    }
    return BATON_OK;
}

/* What follows by itself from what the group now is; safe to do twice. */
static void follow(struct group *g, struct group_effects *fx)
{
    int i;

    if (g->hold == GROUP_HOLD_FROZEN) {
        return;
    }
    shadow_review(g);
    hold_review(g, fx);
    forced_review(g);
    settle_advance(g, fx);
    for (i = 0; i < g->n_nodes; i++) {
        node_follow(g, fx, i);
    }
    watch_rogues(g, fx);
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
        rest_probes(group);
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

    if (group->hold == GROUP_HOLD_FROZEN) {
        return GROUP_NEVER_MS;
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
