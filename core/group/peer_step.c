/* Among peers: our own steps in the store (a grant, a release), and the plans that begin with a
 * baton that we have, or with one that we want to be rid of. */
#include "parts.h"

/* A grant or release is about to be asked for. False: it makes no sense any more. */
bool peer_asks(struct group *g, const struct group_plan *plan)
{
    struct group_peers *p = g->peers;
    const struct group_step_state *step = &plan->steps[plan->step];

    if (step->kind == GROUP_STEP_RELEASE) {
        p->given_epoch = plan->epoch; /* whether it can be asked for now or later */
    }
    if (g->epoch != plan->epoch || g->now_ms >= p->lease_ms) {
        return false;
    }
    if (step->kind == GROUP_STEP_GRANT && plan->taker == p->self) {
        if (p->holder != GROUP_NOBODY || (peer_free_ms(g) > g->now_ms && g->holder != p->self)) {
            return false;
        }
        p->tried_epoch = plan->epoch + 1;
    } else {
        if (!p->mine || !g->node[p->self].out) {
            return false;
        }
        p->given_epoch = plan->epoch;
    }
    peer_weigh(p);
    return true;
}

static void passed_on(struct group *g, struct group_effects *fx, const struct group_plan *plan)
{
    struct group_peers *p = g->peers;

    p->gone_epoch = plan->epoch;
    p->mine = false;
    p->vouched_ms = 0;
    g->holder = plan->taker;
    node_new_role(g, p->self);
    node_transit(g, fx, p->self, FSM_RELEASED, 0, "stopped, and the baton is passed on", NULL);
    node_judge(g, p->self);
}

static void taken(struct group *g, struct group_plan *plan)
{
    struct group_peers *p = g->peers;
    struct group_node *n = &g->node[p->self];

    if (plan->kind == GROUP_PLAN_RESTORE) {
        return; /* it serves already; peer_follow adopts it */
    }
    g->holder = p->self;
    p->had_epoch = p->epoch;
    plan->granted = true;
    node_new_role(g, p->self);
    n->out = false;
    n->serving = GROUP_UNSURE;
    n->serving_run = 0;
}

/* The grant is made, says the store: is it still worth anything? A word may have told of it before,
 * and of what came after. */
static bool granted(struct group *g, struct group_effects *fx, struct group_plan *plan)
{
    struct group_peers *p = g->peers;
    bool to_self = plan->taker == p->self;
    bool told = g->epoch > plan->epoch;

    if (p->void_plan == plan->id || g->epoch > plan->epoch + 1 ||
        (told && p->holder != plan->taker)) {
        return false;
    }
    p->holder = plan->taker;
    p->epoch = plan->epoch + 1;
    p->passed = !to_self;
    p->how = plan->kind;
    p->was_held = true;
    p->tried_epoch = 0;
    if (!told) {
        p->mine = to_self;
        peer_count_move(g, plan->kind, plan->by_operator);
        peer_note_grant(g, fx, plan->epoch + 1, plan->taker, plan->why)->plan_id = plan->id;
    }
    if (to_self) {
        peer_weigh(p);
        if (!peer_may_serve(g) || peer_promised(g)) {
            return false; /* it is ours, and taken up when it is proven */
        }
        taken(g, plan);
    } else {
        passed_on(g, fx, plan);
    }
    plan->epoch++;
    return true;
}

/* Nobody knows whether it was passed or released: we have it no more, and whoever has is told by
 * the store. */
static void given_up(struct group *g, struct group_effects *fx, const struct group_plan *plan)
{
    struct group_peers *p = g->peers;

    if (plan->kind == GROUP_PLAN_EVICT || plan->undoing || g->holder != p->self) {
        return;
    }
    effects_record(g, fx, GROUP_REC_RELEASE, "it may have been passed on")->node = p->self;
    g->holder = GROUP_NOBODY;
    node_new_role(g, p->self);
    node_transit(g, fx, p->self, FSM_RELEASED, 0, "the baton may have been passed on", NULL);
    node_judge(g, p->self);
}

static bool grant_ended(
    struct group *g, struct group_effects *fx, struct group_plan *plan, enum group_outcome outcome)
{
    struct group_peers *p = g->peers;
    bool to_self = plan->taker == p->self;

    if (outcome == GROUP_OK) {
        return granted(g, fx, plan);
    }
    if (p->void_plan == plan->id) {
        outcome = GROUP_UNKNOWN;
    }
    p->refused = outcome == GROUP_FAIL;
    p->retry_ms = g->now_ms + (p->refused ? GROUP_REFUSED_MS : GROUP_UNANSWERED_MS);
    if (outcome == GROUP_FAIL && !to_self) {
        p->given_epoch = plan->epoch - 1;
    } else if (outcome != GROUP_FAIL && !to_self) {
        given_up(g, fx, plan);
    }
    return false;
}

static bool release_ended(
    struct group *g, const struct group_plan *plan, enum group_outcome outcome)
{
    struct group_peers *p = g->peers;

    p->refused = false;
    p->retry_ms = g->now_ms + (outcome == GROUP_UNKNOWN ? GROUP_UNANSWERED_MS : 0);
    if (outcome == GROUP_UNKNOWN) {
        return false;
    }
    p->gone_epoch = plan->epoch > p->gone_epoch ? plan->epoch : p->gone_epoch;
    if (p->mine && p->epoch <= p->gone_epoch) {
        p->mine = false;
        if (outcome == GROUP_OK) {
            p->holder = GROUP_NOBODY;
            p->free_since_ms = g->now_ms;
        }
    }
    return outcome == GROUP_OK;
}

/* A grant or release has ended. True where it is done and still counts. */
bool peer_asked(
    struct group *g, struct group_effects *fx, struct group_plan *plan, enum group_outcome outcome)
{
    bool good = plan->steps[plan->step].kind == GROUP_STEP_GRANT ? grant_ended(g, fx, plan, outcome)
                                                                 : release_ended(g, plan, outcome);

    peer_weigh(g->peers);
    return good;
}

/* Among peers: the store says that the baton is ours, and this node does not serve yet. */
void peer_begin_granted(
    struct group *g, struct group_effects *fx, enum group_plan_kind kind, const char *why)
{
    int node = g->peers->self;
    struct group_node *n = &g->node[node];
    bool back = kind == GROUP_PLAN_FAILBACK && n->state == FSM_STANDBY;
    struct group_plan *plan;

    if (!plan_is_handover(kind)) {
        kind = GROUP_PLAN_START;
    }
    if (kind == GROUP_PLAN_MOVE && n->fit != GROUP_YES) {
        forced_take(g, node); /* only an operator does that */
    }
    node_transit(
        g, fx, node, back ? FSM_RECLAIM : FSM_PROMOTE,
        FSM_IDLE | FSM_HOLDER_GONE | FSM_PREFERRED | FSM_REACHABLE |
            (n->state != FSM_STANDBY ? FSM_FORCED : 0u),
        why, NULL);
    plan = compose_open(g, kind, node, ++g->plan_id, why);
    plan->from = GROUP_NOBODY;
    plan->granted = true;
    g->holder = node;
    g->peers->had_epoch = g->peers->epoch;
    node_new_role(g, node);
    n->out = false;
    compose_start(g, plan, node);
    compose_record(g, fx, plan);
    compose_announce(g, fx, plan);
}

/* Among peers: the baton is free and this node serves. */
void peer_begin_take_up(struct group *g, struct group_effects *fx, const char *why)
{
    struct group_plan *plan =
        compose_open(g, GROUP_PLAN_RESTORE, g->peers->self, ++g->plan_id, why);

    compose_step(g, plan, GROUP_STEP_GRANT, plan->taker, 0);
    compose_record(g, fx, plan);
}

/* Among peers: it is stopped here, and the store still names this node. */
void peer_begin_release(struct group *g, struct group_effects *fx, const char *why)
{
    struct group_plan *plan = compose_open(g, GROUP_PLAN_EVICT, g->peers->self, ++g->plan_id, why);

    compose_step(g, plan, GROUP_STEP_RELEASE, plan->taker, 0);
    compose_record(g, fx, plan);
}
