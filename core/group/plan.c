/* A plan: an ordered list of steps, and what follows from how it ends.
 *
 *   handover   [ask] (stop… look (fence look)…)* grant start… verify…|look
 *   and where it fails after the grant: undo… stop… look, on the taker
 *   restore    start… verify…|look, on the holder
 *   remedy     one remedy
 *   evict      stop… look (fence look)…, on a node that serves without the baton
 *
 * Before the grant a plan can end without a trace on the taker; after it, it goes forward
 * or is undone, never left between.
 */
#include "parts.h"

#include <assert.h>
#include <string.h>

bool plan_is_handover(enum group_plan_kind kind)
{
    return kind == GROUP_PLAN_FAILOVER || kind == GROUP_PLAN_FAILBACK || kind == GROUP_PLAN_MOVE ||
           kind == GROUP_PLAN_START;
}

bool plan_is_planned(enum group_plan_kind kind)
{
    return kind == GROUP_PLAN_FAILBACK || kind == GROUP_PLAN_MOVE;
}

/* The first node but `taker` that is not confirmed out. Among peers the others are by the store. */
int plan_not_out(const struct group *g, int taker)
{
    int i;

    for (i = 0; i < g->n_nodes; i++) {
        if (i != taker && !g->node[i].out && peer_is_self(g, i)) {
            return i;
        }
    }
    return GROUP_NOBODY;
}

/* Who forbids that `node` is started. A grant needs all others confirmed out, still as the
 * start begins. The holder that is started again where it is (`plan` NULL or a restore) has
 * its right already: only one that was last seen serving stands against it. */
int plan_rival(const struct group *g, const struct group_plan *plan, int node)
{
    int i;

    if ((plan != NULL && plan_is_handover(plan->kind)) || g->peers != NULL) {
        return plan_not_out(g, node);
    }
    for (i = 0; i < g->n_nodes; i++) {
        if (i != node && g->node[i].may_serve && !g->node[i].out) {
            return i;
        }
    }
    return GROUP_NOBODY;
}

static void count_move(struct group *g, const struct group_plan *plan)
{
    if (plan->kind == GROUP_PLAN_FAILOVER && !g->shadow && g->peers == NULL) {
        hold_count_move(g); /* among peers a grant counts, whoever made it */
    }
}

/* Take the taker through its edge of the machine. In shadow it is only asked whether there
 * is one: nothing will come of it. */
static enum baton_err enter(
    struct group *g, struct group_effects *fx, enum group_plan_kind kind, int node, const char *why,
    struct baton_error *error)
{
    enum fsm_event event = kind == GROUP_PLAN_FAILBACK ? FSM_RECLAIM : FSM_PROMOTE;
    const struct group_node *n = &g->node[node];
    unsigned facts = FSM_IDLE | FSM_HOLDER_GONE;
    const struct fsm_row *row;

    if (!peer_is_self(g, node)) {
        return BATON_OK; /* its own Baton takes it there */
    }
    /* The policy's wishes have been refused by then; an operator's needed --force. */
    facts |= n->fit != GROUP_YES || n->state != FSM_STANDBY ? FSM_FORCED : 0;
    return g->shadow ? fsm_step(n->state, event, node_facts(g, node) | facts, &row, error)
                     : node_transit(g, fx, node, event, facts, why, error);
}

/* Begin a plan. A handover takes the taker through its edge of the machine first; where
 * the machine refuses, nothing has begun. `action` is the remedy's, else 0. */
enum baton_err plan_begin(
    struct group *g, struct group_effects *fx, enum group_plan_kind kind, int node, int action,
    const char *why, struct baton_error *error)
{
    struct group_plan *plan = &g->plan[kind == GROUP_PLAN_EVICT ? 1 : 0];
    enum baton_err err;

    assert(plan->kind == GROUP_PLAN_NONE);
    if (shadow_told(g, kind, node, action)) {
        return baton_fail(error, BATON_REFUSED, "in shadow nothing is done, and this was told");
    }
    if (plan_is_handover(kind)) {
        err = enter(g, fx, kind, node, why, error);
        if (err != BATON_OK) {
            return err;
        }
    }
    plan = compose_open(g, kind, node, ++g->plan_id, why);
    if (kind == GROUP_PLAN_EVICT) {
        compose_stop(g, plan, node, g->rules.fence_unconfirmed);
    } else if (kind == GROUP_PLAN_REMEDY) {
        compose_step(g, plan, GROUP_STEP_REMEDY, node, action);
    } else if (kind == GROUP_PLAN_RESTORE) {
        compose_start(g, plan, node);
    } else {
        compose_handover(g, plan);
    }
    count_move(g, plan);
    compose_record(g, fx, plan);
    compose_announce(g, fx, plan);
    return BATON_OK;
}

/* A handover that a restart interrupted after its grant goes on with its start steps:
 * they are safe to run twice. */
void plan_resume(struct group *g, struct group_effects *fx)
{
    int taker = g->memory.holder;
    enum group_plan_kind kind = (enum group_plan_kind)g->memory.open_kind;
    struct group_plan *plan;

    g->holder = taker;
    g->node[taker].out = false;
    node_transit(
        g, fx, taker, FSM_RESUMED, kind == GROUP_PLAN_FAILBACK ? FSM_PLANNED_BACK : 0,
        "interrupted by a restart after the grant: it goes on", NULL);
    plan = compose_open(
        g, kind, taker, g->memory.open_id, "interrupted by a restart after the grant: it goes on");
    plan->from = GROUP_NOBODY;
    plan->granted = true;
    compose_start(g, plan, taker);
    effects_record(g, fx, GROUP_REC_NOTE, plan->why)->plan_id = plan->id;
    compose_announce(g, fx, plan);
}

void plan_close(
    struct group *g, struct group_effects *fx, struct group_plan *plan, enum group_outcome outcome,
    const char *why)
{
    struct group_record *record = effects_record(g, fx, GROUP_REC_PLAN_END, why);

    record->plan_id = plan->id;
    record->plan_kind = (int)plan->kind;
    record->node = plan->taker;
    record->outcome = (int)outcome;
    effects_copy(record->name, sizeof record->name, group_plan_name(plan->kind));
    plan->kind = GROUP_PLAN_NONE;
}

static void completed(struct group *g, struct group_effects *fx, struct group_plan *plan)
{
    enum group_plan_kind kind = plan->kind;
    int taker = plan->taker;
    bool taken_up = kind == GROUP_PLAN_RESTORE && plan->steps[0].kind == GROUP_STEP_GRANT;
    char why[GROUP_TEXT_MAX];

    effects_text(
        why, sizeof why, "%s done in %lld ms", group_plan_name(kind),
        (long long)(g->now_ms - plan->began_ms));
    plan_close(g, fx, plan, GROUP_OK, why);
    if (!peer_is_self(g, taker)) {
        effects_notice(
            fx, GROUP_NOTICE_LEASE, taker,
            "the baton is passed to %s, epoch %lld: its own Baton "
            "starts it there",
            group_node_name(g, taker), (long long)g->epoch);
        return;
    }
    if (plan_is_handover(kind) || taken_up) {
        node_forget_starting(g, taker);
    }
    if (plan_is_handover(kind)) {
        node_transit(g, fx, taker, FSM_COMPLETED, FSM_VERIFIED, why, NULL);
        g->node[taker].start_fails = 0;
        effects_notice(
            fx, GROUP_NOTICE_COMPLETED, taker, "%s to %s done in %lld ms, epoch %lld",
            group_plan_name(kind), group_node_name(g, taker),
            (long long)(g->now_ms - plan->began_ms), (long long)g->epoch);
    } else if (!taken_up) {
        effects_notice(
            fx, kind == GROUP_PLAN_EVICT ? GROUP_NOTICE_ROGUE : GROUP_NOTICE_REMEDY, taker,
            "%s: %s", group_node_name(g, taker), why);
    }
    effects_look(fx, taker);
}

/* Did this plan stop the holder that still is the holder? */
static bool stopped_holder(const struct group *g, const struct group_plan *plan)
{
    int i;

    for (i = 0; i < plan->n_steps; i++) {
        if (plan->steps[i].kind == GROUP_STEP_STOP && plan->steps[i].node == g->holder &&
            plan->steps[i].attempt > 0) {
            return true;
        }
    }
    return false;
}

/* The handover ends before the grant. */
void plan_cancelled(
    struct group *g, struct group_effects *fx, struct group_plan *plan, const char *why)
{
    enum group_plan_kind kind = plan->kind;
    int taker = plan->taker;

    if (g->shadow) {
        shadow_end(g, fx, plan, "%s", why);
        return;
    }
    if (g->holder != GROUP_NOBODY && stopped_holder(g, plan)) {
        g->node[g->holder].restore_owed = true;
        g->node[g->holder].restore_tries = 0;
        g->node[g->holder].out = false;
        effects_look(fx, g->holder);
    }
    plan_close(g, fx, plan, GROUP_FAIL, why);
    if (peer_is_self(g, taker)) {
        node_transit(g, fx, taker, FSM_CANCELLED, 0, why, NULL);
    }
    effects_notice(
        fx, GROUP_NOTICE_CANCELLED, taker, "%s to %s cancelled: %s", group_plan_name(kind),
        group_node_name(g, taker), why);
    if (plan_is_planned(kind)) {
        g->rest_until_ms = g->now_ms + GROUP_REST_MS;
    }
}

/* The handover ends after the grant; its undoing is over, as far as it went. */
static void failed(struct group *g, struct group_effects *fx, struct group_plan *plan)
{
    enum group_plan_kind kind = plan->kind;
    int taker = plan->taker;
    char why[GROUP_TEXT_MAX];

    effects_copy(why, sizeof why, plan->why); /* what failed; see plan_step_failed */
    if (g->node[taker].out) {
        if (g->peers == NULL) {
            struct group_record *record = effects_record(g, fx, GROUP_REC_RELEASE, why);

            record->node = taker;
            record->plan_id = plan->id;
        }
        g->holder = GROUP_NOBODY;
        node_new_role(g, taker);
    }
    plan_close(g, fx, plan, GROUP_FAIL, why);
    node_transit(g, fx, taker, FSM_FAILED, 0, why, NULL);
    g->node[taker].start_fails++;
    g->node[taker].start_rest_ms = g->now_ms + group_start_rest_ms(g->node[taker].start_fails);
    if (plan_is_planned(kind)) {
        g->rest_until_ms = g->now_ms + GROUP_REST_MS;
    }
    effects_notice(
        fx, GROUP_NOTICE_FAILED, taker, "%s to %s failed and is undone%s: %s",
        group_plan_name(kind), group_node_name(g, taker),
        g->holder == taker ? ", but can't be confirmed out: it keeps the baton" : "", why);
}

static bool last_fence_of(const struct group_plan *plan)
{
    int i;

    for (i = plan->step + 1; i < plan->n_steps; i++) {
        if (plan->steps[i].kind == GROUP_STEP_FENCE &&
            plan->steps[i].node == plan->steps[plan->step].node) {
            return false;
        }
    }
    return true;
}

/* The current step has failed for good. What now? */
void plan_step_failed(struct group *g, struct group_effects *fx, struct group_plan *plan)
{
    const struct group_step_state *step = &plan->steps[plan->step];
    char why[GROUP_TEXT_MAX], words[GROUP_TEXT_MAX];

    effects_text(
        why, sizeof why, "%s on %s: %s",
        group_step_words(g, step->kind, step->action, words, sizeof words),
        group_node_name(g, step->node), step->detail);
    if (g->shadow && !shadow_goes_on(plan)) {
        shadow_end(g, fx, plan, "%s", why);
        return;
    }
    switch (step->kind) {
    case GROUP_STEP_ASK:
        effects_text(why, sizeof why, "vetoed by a before-move hook: %s", step->detail);
        plan_cancelled(g, fx, plan, why);
        return;
    case GROUP_STEP_GRANT:
        if (!plan_is_handover(plan->kind)) { /* it serves, and is taken up again in a moment */
            plan_close(g, fx, plan, GROUP_FAIL, why);
            return;
        }
        plan_cancelled(g, fx, plan, why);
        return;
    case GROUP_STEP_START:
    case GROUP_STEP_VERIFY:
        if (!plan->granted) { /* a restore: the holder stays what it is */
            effects_notice(fx, GROUP_NOTICE_REMEDY, plan->taker, "restore failed: %s", why);
            plan_close(g, fx, plan, GROUP_FAIL, why);
            return;
        }
        effects_copy(plan->why, sizeof plan->why, why);
        compose_undo(g, plan);
        break;
    case GROUP_STEP_REMEDY:
        effects_notice(fx, GROUP_NOTICE_REMEDY, plan->taker, "remedy failed: %s", why);
        plan_close(g, fx, plan, GROUP_FAIL, why);
        return;
    case GROUP_STEP_LOOK:
        if (plan->kind == GROUP_PLAN_RESTORE) {
            effects_notice(fx, GROUP_NOTICE_REMEDY, plan->taker, "restore failed: %s", why);
            plan_close(g, fx, plan, GROUP_FAIL, why);
            return;
        }
        if (plan->undoing || !plan_is_handover(plan->kind) || step->node != plan->taker) {
            break; /* not confirmed out: a fence follows, or the grant is refused */
        }
        effects_copy(plan->why, sizeof plan->why, why);
        compose_undo(g, plan);
        break;
    case GROUP_STEP_FENCE:
        if (last_fence_of(plan) && !g->shadow) {
            effects_notice(fx, GROUP_NOTICE_HOLD, step->node, "no fence worked: %s", why);
        }
        break;
    case GROUP_STEP_STOP:
    case GROUP_STEP_UNDO:
    case GROUP_STEP_RELEASE:
        break; /* the look after it decides */
    }
    plan->step++;
}

/* All steps of an eviction are over: is it out? */
static void evicted(struct group *g, struct group_effects *fx, struct group_plan *plan)
{
    int node = plan->taker;

    if (plan->steps[0].kind == GROUP_STEP_RELEASE) {
        plan_close(g, fx, plan, GROUP_OK, plan->why);
        return;
    }
    if (g->node[node].out) {
        completed(g, fx, plan);
        return;
    }
    if (g->shadow) {
        shadow_end(g, fx, plan, "it can't be stopped or confirmed out");
        return;
    }
    plan_close(g, fx, plan, GROUP_FAIL, "it can't be stopped or confirmed out");
    hold_begin(
        g, fx, GROUP_HOLD_UNCONFIRMED, node,
        "%s serves without the baton and can't be stopped: switch it off", g->node[node].name);
}

static void ended(struct group *g, struct group_effects *fx, struct group_plan *plan)
{
    if (plan->kind == GROUP_PLAN_EVICT) {
        evicted(g, fx, plan);
    } else if (plan->undoing) {
        failed(g, fx, plan);
    } else {
        completed(g, fx, plan);
    }
}

/* The grant needs every other node confirmed out. */
static bool grant_refused(struct group *g, struct group_effects *fx, struct group_plan *plan)
{
    const struct group_step_state *step = &plan->steps[plan->step];
    int blind = plan_not_out(g, plan->taker);
    bool planned = plan_is_planned(plan->kind);
    char why[GROUP_TEXT_MAX];

    if (plan->kind == GROUP_PLAN_RESTORE || step->kind != GROUP_STEP_GRANT ||
        step->status != GROUP_STEP_PENDING || (blind == GROUP_NOBODY && !g->shadow)) {
        return false;
    }
    if (blind == GROUP_NOBODY) {
        shadow_end(g, fx, plan, "nothing had to be stopped; the grant is left out");
        return true;
    }
    effects_text(
        why, sizeof why, "%s is not confirmed out: %s", g->node[blind].name,
        g->node[blind].serving_why[0] != '\0' ? g->node[blind].serving_why : "it was not seen");
    plan_cancelled(g, fx, plan, why);
    if (!planned && g->peers != NULL) {
        hold_begin(
            g, fx, GROUP_HOLD_UNCONFIRMED, blind,
            "%s; it keeps the baton, because nobody else may start", why);
    } else if (!planned && !g->shadow) {
        hold_begin(
            g, fx, GROUP_HOLD_UNCONFIRMED, blind,
            "%s; when it is switched off for certain, say so: baton confirm-out %s %s", why,
            g->name, g->node[blind].name);
    }
    return true;
}

/* Go on as far as it goes without waiting. */
void plan_advance(struct group *g, struct group_effects *fx, struct group_plan *plan)
{
    while (plan->kind != GROUP_PLAN_NONE) {
        if (plan->step == plan->n_steps) {
            ended(g, fx, plan);
            return;
        }
        if (grant_refused(g, fx, plan) || !step_advance(g, fx, plan)) {
            return;
        }
    }
}
