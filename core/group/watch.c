/* After start-up: whoever serves without the baton is evicted, and a holder that does not
 * serve is started again where it is. */
#include "parts.h"

static bool serves_unasked(const struct group *g, int node)
{
    const struct group_plan *plan = &g->plan[0];

    if (node == g->holder || g->node[node].serving != GROUP_YES) {
        return false;
    }
    /* Between being stopped and being confirmed out it is the plan's business. */
    if (plan_is_handover(plan->kind) && !plan->granted && !g->node[node].out) {
        int i;

        if (node == plan->taker) {
            return false; /* it is given the baton in a moment, or seen again after */
        }

        for (i = 0; i < plan->n_steps; i++) {
            if (plan->steps[i].node == node && plan->steps[i].kind == GROUP_STEP_LOOK) {
                return false;
            }
        }
    }
    return true;
}

/* No holder, nothing under way, all others out: taking it as found touches nothing. */
static bool may_adopt(const struct group *g, int node)
{
    return g->holder == GROUP_NOBODY && g->plan[0].kind == GROUP_PLAN_NONE &&
           g->plan[1].kind == GROUP_PLAN_NONE && plan_not_out(g, node) == GROUP_NOBODY;
}

static void rogue(struct group *g, struct group_effects *fx, int node)
{
    struct group_node *n = &g->node[node];
    bool first = !n->rogue_told;

    n->rogue_told = true;
    if (g->paused && (g->holder == GROUP_NOBODY || g->node[g->holder].serving != GROUP_YES)) {
        if (first) {
            effects_notice(
                fx, GROUP_NOTICE_ROGUE, node,
                "%s serves without the baton; the group is paused, so it is left alone until "
                "another node serves too",
                n->name);
        }
        return;
    }
    if (first) {
        effects_notice(
            fx, GROUP_NOTICE_ROGUE, node, "%s serves without the baton (%s has it): it is stopped",
            n->name, group_node_name(g, g->holder));
    }
    if (g->plan[1].kind == GROUP_PLAN_NONE && g->now_ms >= n->retry_after_ms) {
        n->retry_after_ms = g->now_ms + GROUP_RESTORE_MS;
        plan_begin(g, fx, GROUP_PLAN_EVICT, node, 0, "it serves without the baton", NULL);
    }
}

void watch_rogues(struct group *g, struct group_effects *fx)
{
    int i;

    if (g->phase != GROUP_RUNNING || g->hold == GROUP_HOLD_FROZEN || g->hold == GROUP_HOLD_EPOCH) {
        return;
    }
    if (g->shadow) {
        shadow_follow(g, fx);
        return;
    }
    for (i = 0; i < g->n_nodes; i++) {
        if (!serves_unasked(g, i)) {
            continue;
        }
        if (!g->paused && may_adopt(g, i)) {
            settle_adopt(g, fx, i, "nobody holds the baton and it alone serves");
        } else {
            rogue(g, fx, i);
        }
    }
}

static bool wants_restore(const struct group *g)
{
    const struct group_node *n;

    if (g->phase != GROUP_RUNNING || g->holder == GROUP_NOBODY || g->paused ||
        !peer_is_self(g, g->holder) || g->hold == GROUP_HOLD_EPOCH ||
        g->plan[0].kind != GROUP_PLAN_NONE || g->plan[1].kind != GROUP_PLAN_NONE ||
        g->hold == GROUP_HOLD_FROZEN || g->hold == GROUP_HOLD_POLICY ||
        g->hold == GROUP_HOLD_JOURNAL || g->hold == GROUP_HOLD_EPOCH) {
        return false;
    }
    n = &g->node[g->holder];
    if (n->serving != GROUP_NO) {
        return false;
    }
    return n->restore_owed || (n->serving_run >= g->rules.look_fall && n->verdict != GROUP_NO &&
                               !node_about_to_fail(g, g->holder));
}

void watch_holder(struct group *g, struct group_effects *fx)
{
    struct group_node *n;
    int blind;

    if (!wants_restore(g) || g->now_ms < g->node[g->holder].retry_after_ms) {
        return;
    }
    n = &g->node[g->holder];
    blind = plan_rival(g, NULL, g->holder);
    if (g->shadow && (blind != GROUP_NOBODY || shadow_told(g, GROUP_PLAN_RESTORE, g->holder, 0))) {
        return; /* the rival is about to be seen, and followed */
    }
    if (blind != GROUP_NOBODY) {
        hold_begin(
            g, fx, GROUP_HOLD_UNCONFIRMED, blind,
            "%s does not serve and is not started: %s is not confirmed out; when it is switched "
            "off for certain, say so: baton confirm-out %s %s",
            n->name, g->node[blind].name, g->name, g->node[blind].name);
        return;
    }
    n->restore_owed = false;
    n->restore_tries++;
    n->retry_after_ms =
        g->now_ms +
        (n->restore_tries < GROUP_RESTORE_TRIES ? GROUP_RESTORE_MS : GROUP_RESTORE_LATER_MS);
    plan_begin(
        g, fx, GROUP_PLAN_RESTORE, g->holder, 0, "it holds the baton but does not serve", NULL);
}

int64_t watch_wake_ms(const struct group *g)
{
    int64_t at;

    if (!wants_restore(g)) {
        return GROUP_NEVER_MS;
    }
    at = g->node[g->holder].retry_after_ms;
    return at > g->now_ms ? at : GROUP_NEVER_MS;
}
