/* In shadow: something else moves the service, and this group only says what it would do.
 *
 * It decides as any other: the policy's wishes, remedies, rogues and a holder that does not
 * serve become plans, whose steps are run as far as they only look. The first one that
 * would change anything is answered "shadowed", and there the plan ends; a grant is left out
 * in the same way. What would have been is told once, and again only when what is seen has
 * changed: another holder, or a verdict that went and came back.
 *
 * As nothing that it decides happens, it must follow what does: the node that is seen
 * serving, when the holder is not, is the holder from then on. */
#include "base/memory.h"
#include "parts.h"

#include <stdarg.h>
#include <stdio.h>

#define BOTH_RUN_MIN 2 /* looks in a row that see two nodes serve: they are not made at once */

enum baton_err shadow_begin(struct group *g)
{
    g->would = memory_zeroed(1, sizeof *g->would);
    if (g->would == NULL) {
        return BATON_NOMEM;
    }
    g->would->holder = g->would->from = g->would->taker = GROUP_NOBODY;
    return BATON_OK;
}

/* A start is a failover from nobody, told again under the other name by the policy. */
static unsigned bit_of(enum group_plan_kind kind)
{
    return 1u << (unsigned)(kind == GROUP_PLAN_START ? GROUP_PLAN_FAILOVER : kind);
}

void shadow_forget(struct group *g)
{
    int i;

    for (i = 0; i < g->n_nodes; i++) {
        g->node[i].would_plans = g->node[i].would_remedies = 0;
    }
}

/* Is what was told still as it was then? Unknown in between changes nothing. */
void shadow_review(struct group *g)
{
    bool changed;
    int i;

    if (!g->shadow) {
        return;
    }
    changed = g->would->holder != g->holder;
    for (i = 0; i < g->n_nodes; i++) {
        struct group_node *n = &g->node[i];

        if (n->fit != GROUP_UNSURE && n->fit != n->would_fit) {
            n->would_fit = n->fit;
            changed = true;
        }
        if (n->serving != GROUP_UNSURE && n->serving != n->would_serving) {
            n->would_serving = n->serving;
            n->would_plans &= ~(bit_of(GROUP_PLAN_EVICT) | bit_of(GROUP_PLAN_RESTORE));
        }
    }
    if (changed) {
        g->would->holder = g->holder;
        shadow_forget(g);
    }
}

/* A handover that was told is not told again for the next node that could take: had it been
 * carried out, nobody would ask. */
bool shadow_told(const struct group *g, enum group_plan_kind kind, int node, int action)
{
    const struct group_node *n = &g->node[node];
    unsigned plans = 0;
    int i;

    if (!g->shadow) {
        return false;
    }
    if (kind == GROUP_PLAN_REMEDY) {
        return (n->would_remedies & (1u << (unsigned)action)) != 0;
    }
    for (i = 0; i < g->n_nodes && plan_is_handover(kind); i++) {
        plans |= g->node[i].would_plans;
    }
    return ((n->would_plans | plans) & bit_of(kind)) != 0;
}

static void mark_told(struct group *g, const struct group_plan *plan)
{
    struct group_node *n = &g->node[plan->taker];

    if (plan->kind == GROUP_PLAN_REMEDY) {
        n->would_remedies |= 1u << (unsigned)plan->steps[0].action;
    } else {
        n->would_plans |= bit_of(plan->kind);
    }
}

static void put_into_words(const struct group *g, const struct group_plan *plan, char *to)
{
    const char *taker = group_node_name(g, plan->taker);
    char what[GROUP_TEXT_MAX];

    switch (plan->kind) {
    case GROUP_PLAN_REMEDY:
        effects_text(
            what, sizeof what, "tried %s on %s", g->rules.remedy[plan->steps[0].action].action.name,
            taker);
        break;
    case GROUP_PLAN_RESTORE:
        effects_text(what, sizeof what, "started it again on %s", taker);
        break;
    case GROUP_PLAN_EVICT:
        effects_text(what, sizeof what, "stopped it on %s", taker);
        break;
    default:
        if (plan->from == GROUP_NOBODY) {
            effects_text(
                what, sizeof what, "started it on %s, epoch %lld", taker, (long long)g->epoch + 1);
        } else {
            effects_text(
                what, sizeof what, "failed %s from %s to %s, epoch %lld",
                plan->kind == GROUP_PLAN_FAILBACK ? "back" : "over", group_node_name(g, plan->from),
                taker, (long long)g->epoch + 1);
        }
    }
    effects_text(to, GROUP_TEXT_MAX, "would have %s: %s", what, plan->why);
}

/* The plan is not carried out. `format` says where it ended. */
void shadow_end(
    struct group *g, struct group_effects *fx, struct group_plan *plan, const char *format, ...)
{
    struct group_would *would = g->would;
    va_list args;

    would->kind = plan->kind;
    would->from = plan->from;
    would->taker = plan->taker;
    would->at_ms = plan->began_ms;
    effects_copy(would->why, sizeof would->why, plan->why);
    va_start(args, format);
    vsnprintf(would->end, sizeof would->end, format, args);
    va_end(args);
    put_into_words(g, plan, would->text);
    mark_told(g, plan);
    plan_close(g, fx, plan, GROUP_UNKNOWN, would->text);
    effects_notice(fx, GROUP_NOTICE_SHADOWED, would->taker, "%s", would->text);
}

/* Its current step has failed: is what follows still worth looking at? */
bool shadow_goes_on(const struct group_plan *plan)
{
    enum group_step_kind kind = plan->steps[plan->step].kind;

    return kind == GROUP_STEP_STOP || kind == GROUP_STEP_FENCE ||
           (kind == GROUP_STEP_LOOK && plan->kind != GROUP_PLAN_RESTORE);
}

/* Both were seen serving again and again: a real one would stop the one that has no baton. */
static void both_serve(struct group *g, struct group_effects *fx)
{
    int run = g->rules.look_fall > BOTH_RUN_MIN ? g->rules.look_fall : BOTH_RUN_MIN;
    int i;

    for (i = 0; i < g->n_nodes; i++) {
        const struct group_node *n = &g->node[i];

        if (i != g->holder && n->serving == GROUP_YES && n->serving_run >= run && !g->paused &&
            g->plan[1].kind == GROUP_PLAN_NONE) {
            plan_begin(g, fx, GROUP_PLAN_EVICT, i, 0, "it serves without the baton", NULL);
        }
    }
}

static void give_up(struct group *g, struct group_effects *fx, int node, const char *why)
{
    struct group_node *n = &g->node[node];

    node_new_role(g, node);
    n->out = n->serving == GROUP_NO;
    g->holder = GROUP_NOBODY;
    node_transit(g, fx, node, n->out ? FSM_RELEASED : FSM_LOST, 0, why, NULL);
    node_judge(g, node);
}

static void take_as_holder(struct group *g, struct group_effects *fx, int node)
{
    char why[GROUP_TEXT_MAX], now[GROUP_TEXT_MAX];
    int i;

    effects_text(now, sizeof now, "%s serves by now", g->node[node].name);
    effects_text(
        why, sizeof why, "seen serving%s%s%s", g->holder == GROUP_NOBODY ? "" : ", and ",
        g->holder == GROUP_NOBODY ? "" : g->node[g->holder].name,
        g->holder == GROUP_NOBODY ? "" : " is not: something else moved it");
    for (i = 0; i < GROUP_PLANS; i++) {
        if (g->plan[i].kind != GROUP_PLAN_NONE) {
            step_abandon(g, fx, &g->plan[i], now);
            shadow_end(g, fx, &g->plan[i], "%s", now);
        }
    }
    if (g->holder != GROUP_NOBODY) {
        give_up(g, fx, g->holder, why);
    }
    node_new_role(g, node);
    settle_adopt(g, fx, node, why);
}

void shadow_follow(struct group *g, struct group_effects *fx)
{
    int i, count = 0, seen = GROUP_NOBODY;

    for (i = 0; i < g->n_nodes; i++) {
        if (i != g->holder && g->node[i].serving == GROUP_YES) {
            seen = i;
            count++;
        }
    }
    if (g->holder != GROUP_NOBODY && g->node[g->holder].serving == GROUP_YES) {
        both_serve(g, fx);
    } else if (count == 1) {
        take_as_holder(g, fx, seen);
    }
}
