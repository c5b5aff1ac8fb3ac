/* The steps of a plan, in their order. */
#include "parts.h"

#include <assert.h>
#include <string.h>

int compose_steps_max(const struct group_rules *rules, int n_nodes)
{
    int stop = rules->list[GROUP_LIST_STOP].count;
    int start = rules->list[GROUP_LIST_START].count;
    int fence = rules->list[GROUP_LIST_FENCE].count;
    int verify = rules->list[GROUP_LIST_VERIFY].count + 1;

    return 1 + n_nodes * (stop + 1 + 2 * fence) + 1 + start + verify + start + stop + 1 + 1;
}

void compose_step(
    const struct group *g, struct group_plan *plan, enum group_step_kind kind, int node, int action)
{
    struct group_step_state *step;

    assert(plan->n_steps < g->steps_max);
    step = &plan->steps[plan->n_steps++];
    memset(step, 0, sizeof *step);
    step->kind = kind;
    step->node = node;
    step->action = action;
}

static void add_list(
    const struct group *g, struct group_plan *plan, enum group_step_kind kind, enum group_list list,
    int node)
{
    int i;

    for (i = 0; i < g->rules.list[list].count; i++) {
        compose_step(g, plan, kind, node, i);
    }
}

void compose_stop(const struct group *g, struct group_plan *plan, int node, bool fence)
{
    int i;

    add_list(g, plan, GROUP_STEP_STOP, GROUP_LIST_STOP, node);
    compose_step(g, plan, GROUP_STEP_LOOK, node, 0);
    /* A level counts if it reports success, or if a look after it agrees. */
    for (i = 0; fence && i < g->rules.list[GROUP_LIST_FENCE].count; i++) {
        compose_step(g, plan, GROUP_STEP_FENCE, node, i);
        compose_step(g, plan, GROUP_STEP_LOOK, node, 0);
    }
}

void compose_start(const struct group *g, struct group_plan *plan, int node)
{
    add_list(g, plan, GROUP_STEP_START, GROUP_LIST_START, node);
    if (g->rules.list[GROUP_LIST_VERIFY].count > 0) {
        add_list(g, plan, GROUP_STEP_VERIFY, GROUP_LIST_VERIFY, node);
    } else {
        compose_step(g, plan, GROUP_STEP_LOOK, node, 0);
    }
}

void compose_handover(const struct group *g, struct group_plan *plan)
{
    bool fence = g->peers == NULL && g->rules.fence_unconfirmed && !plan_is_planned(plan->kind);
    int i;

    if (plan_is_planned(plan->kind) &&
        (g->peers == NULL || g->node[plan->from].state == FSM_ACTIVE)) {
        compose_step(g, plan, GROUP_STEP_ASK, plan->taker, 0);
    }
    if (plan->from != GROUP_NOBODY) {
        compose_stop(g, plan, plan->from, fence);
    }
    for (i = 0; i < g->n_nodes; i++) {
        if (i != plan->taker && i != plan->from && !g->node[i].out && peer_is_self(g, i)) {
            compose_stop(g, plan, i, fence);
        }
    }
    compose_step(g, plan, GROUP_STEP_GRANT, plan->taker, 0);
    if (peer_is_self(g, plan->taker)) {
        compose_start(g, plan, plan->taker);
    }
}

void compose_undo(struct group *g, struct group_plan *plan)
{
    int i, last = plan->step;

    plan->undoing = true;
    plan->n_steps = plan->step + 1; /* what was still to come is dropped */
    for (i = last; i >= 0; i--) {
        const struct group_step_state *step = &plan->steps[i];

        if (step->kind == GROUP_STEP_START && step->attempt > 0 &&
            g->rules.list[GROUP_LIST_START].action[step->action].has_undo) {
            compose_step(g, plan, GROUP_STEP_UNDO, plan->taker, step->action);
        }
    }
    compose_stop(g, plan, plan->taker, false);
    if (g->peers != NULL) {
        compose_step(g, plan, GROUP_STEP_RELEASE, plan->taker, 0);
    }
}

struct group_plan *compose_open(
    struct group *g, enum group_plan_kind kind, int node, int64_t id, const char *why)
{
    struct group_plan *plan = &g->plan[kind == GROUP_PLAN_EVICT ? 1 : 0];
    struct group_step_state *steps = plan->steps;

    memset(plan, 0, sizeof *plan);
    plan->steps = steps;
    plan->kind = kind;
    plan->id = id;
    plan->epoch = g->epoch;
    plan->from = plan_is_handover(kind) ? g->holder : GROUP_NOBODY;
    plan->taker = node;
    plan->began_ms = g->now_ms;
    effects_copy(plan->why, sizeof plan->why, why);
    return plan;
}

void compose_record(struct group *g, struct group_effects *fx, const struct group_plan *plan)
{
    struct group_record *record = effects_record(g, fx, GROUP_REC_PLAN_BEGIN, plan->why);

    record->plan_id = plan->id;
    record->plan_kind = (int)plan->kind;
    record->node = plan->taker;
    record->from = plan->from;
    record->to = plan->taker;
    effects_copy(record->name, sizeof record->name, group_plan_name(plan->kind));
}

void compose_announce(
    const struct group *g, struct group_effects *fx, const struct group_plan *plan)
{
    enum group_notice notice = GROUP_NOTICE_FAILOVER;

    if (plan->kind == GROUP_PLAN_EVICT || g->shadow) {
        return; /* the rogue was announced; a shadow tells at the end what would have been */
    }
    if (plan->kind == GROUP_PLAN_REMEDY || plan->kind == GROUP_PLAN_RESTORE) {
        notice = GROUP_NOTICE_REMEDY;
    } else if (plan_is_planned(plan->kind)) {
        notice = GROUP_NOTICE_FAILBACK;
    }
    effects_notice(
        fx, notice, plan->taker, "%s begins: %s → %s: %s", group_plan_name(plan->kind),
        plan_is_handover(plan->kind) ? group_node_name(g, plan->from) : "here",
        group_node_name(g, plan->taker), plan->why);
}
