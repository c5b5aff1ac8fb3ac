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

    return 1 + n_nodes * (stop + 1 + fence) + 1 + start + verify + start + stop + 1;
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
    add_list(g, plan, GROUP_STEP_STOP, GROUP_LIST_STOP, node);
    compose_step(g, plan, GROUP_STEP_LOOK, node, 0);
    if (fence) {
        add_list(g, plan, GROUP_STEP_FENCE, GROUP_LIST_FENCE, node);
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
    bool fence = g->rules.fence_unconfirmed && !plan_is_planned(plan->kind);
    int i;

    if (plan_is_planned(plan->kind)) {
        compose_step(g, plan, GROUP_STEP_ASK, plan->taker, 0);
    }
    if (plan->from != GROUP_NOBODY) {
        compose_stop(g, plan, plan->from, fence);
    }
    for (i = 0; i < g->n_nodes; i++) {
        if (i != plan->taker && i != plan->from && !g->node[i].out) {
            compose_stop(g, plan, i, fence);
        }
    }
    compose_step(g, plan, GROUP_STEP_GRANT, plan->taker, 0);
    compose_start(g, plan, plan->taker);
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
}
