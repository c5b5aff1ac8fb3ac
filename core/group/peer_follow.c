/* Among peers: what follows from what the store, our lease and the others say. Safe to do twice.
 *
 *   no right to serve any more     we lose the baton, whatever runs is abandoned; stop… look
 *   it is ours and proven          adopted where it serves; else started
 *   given away, but still ours     given up until the store has confirmed it
 *   free, and we serve             taken up as it is
 *   free                           taken, when it is our turn
 */
#include "parts.h"

static struct group_node *self_of(const struct group *g)
{
    return &g->node[g->peers->self];
}

static bool idle(const struct group *g)
{
    return g->plan[0].kind == GROUP_PLAN_NONE && g->plan[1].kind == GROUP_PLAN_NONE;
}

/* ---- The dead man ---- */

/* It is stopped and confirmed out, and the store is being asked to pass or release it: the answer
 * says what became of it. */
static bool gives_away(const struct group *g)
{
    const struct group_plan *plan = &g->plan[0];
    const struct group_step_state *step = &plan->steps[plan->step];

    if (plan->kind == GROUP_PLAN_NONE || !self_of(g)->out) {
        return false;
    }
    if (plan->step == plan->n_steps) {
        return plan->undoing; /* it ends in a moment, and the baton is given up with it */
    }
    return step->status == GROUP_STEP_RUNNING &&
           (step->kind == GROUP_STEP_RELEASE ||
            (step->kind == GROUP_STEP_GRANT && plan->taker != g->peers->self));
}

static void abandon(struct group *g, struct group_effects *fx, const char *why)
{
    struct group_plan *plan = &g->plan[0];
    bool taking = plan_is_handover(plan->kind) && plan->taker == g->peers->self;
    bool granted = plan->granted;

    if (plan->kind == GROUP_PLAN_NONE) {
        return;
    }
    step_abandon(g, fx, plan, why);
    plan_close(g, fx, plan, GROUP_FAIL, why);
    if (taking) {
        node_transit(g, fx, g->peers->self, granted ? FSM_LOST : FSM_CANCELLED, 0, why, NULL);
    }
}

static const char *why_lost(const struct group *g)
{
    const struct group_peers *p = g->peers;

    if (p->told && p->holder != p->self && p->holder != GROUP_NOBODY) {
        return "the store names another holder";
    }
    if (p->lease_ms == 0) {
        return "the lease in the store is gone";
    }
    return p->told && p->holder == GROUP_NOBODY ? "the store has the baton free"
                                                : "the lease in the store is not proven any more";
}

static void lose(struct group *g, struct group_effects *fx)
{
    const char *why = why_lost(g);
    struct group_peers *p = g->peers;
    struct group_node *n = self_of(g);

    effects_notice(
        fx, GROUP_NOTICE_LEASE, p->self, "%s does not hold the baton any more: %s%s", n->name, why,
        n->out ? "" : "; it is stopped");
    effects_record(g, fx, GROUP_REC_RELEASE, why)->node = p->self;
    p->evict_owed = !n->out;
    g->holder = GROUP_NOBODY;
    node_new_role(g, p->self);
    abandon(g, fx, why);
    if (n->state == FSM_ACTIVE || n->state == FSM_DEGRADED) {
        node_transit(g, fx, p->self, FSM_LOST, 0, why, NULL);
    }
    node_judge(g, p->self);
}

/* Nobody holds it and it serves here: it is taken up as it is, where the store can be asked. */
static bool may_take_up(const struct group *g)
{
    const struct group_peers *p = g->peers;

    return p->told && p->holder == GROUP_NOBODY && self_of(g)->serving == GROUP_YES &&
           !p->evict_owed && g->now_ms < p->lease_ms && g->now_ms >= p->retry_ms &&
           (g->holder == p->self || peer_free_ms(g) <= g->now_ms) && g->hold != GROUP_HOLD_FROZEN &&
           g->hold != GROUP_HOLD_EPOCH && g->hold != GROUP_HOLD_JOURNAL;
}

/* It is being taken up, by one who never had a right to serve and so has not lost it: by hand, or
 * by a Baton before this one. That is for a moment only. */
static bool is_being_taken_up(const struct group *g)
{
    const struct group_plan *plan = &g->plan[0];

    return may_take_up(g) ||
           (plan->kind == GROUP_PLAN_RESTORE && plan->steps[0].kind == GROUP_STEP_GRANT &&
            g->now_ms - plan->began_ms <= g->rules.look_deadline_ms);
}

/* The way in: who held it when this Baton stopped, and who serves where there was none before,
 * goes on until the store has had its say. */
static bool is_coming_in(const struct group *g)
{
    const struct group_peers *p = g->peers;
    bool may_be_ours = !g->memory.known || g->memory.holder == p->self;

    if (g->now_ms - g->born_ms >= g->rules.settle_ms) {
        return false;
    }
    if (!p->told) {
        return may_be_ours || !p->proof_told;
    }
    if (p->holder == GROUP_NOBODY) {
        return may_be_ours && p->lease_ms == 0; /* and is taken up as soon as we have a lease */
    }
    return p->holder == p->self && !p->mine && p->epoch > p->gone_epoch;
}

/* Paused, and the holder is stopped: somebody has the service in hand. */
static bool is_in_hand(const struct group *g)
{
    const struct group_peers *p = g->peers;

    return g->paused && p->told && p->holder >= 0 && p->holder != p->self && p->alive[p->holder] &&
           g->node[p->holder].serving == GROUP_NO && g->node[p->holder].state == FSM_DEGRADED &&
           !p->evict_owed;
}

static bool serves_without_right(const struct group *g)
{
    const struct group_node *n = self_of(g);

    if (peer_may_serve(g) || g->peers->evict_owed) {
        return !peer_may_serve(g) && !n->out;
    }
    return n->serving == GROUP_YES && !is_coming_in(g) &&
           (g->peers->vouched_ms > 0 || !is_being_taken_up(g));
}

static void evict(struct group *g, struct group_effects *fx)
{
    struct group_node *n = self_of(g);
    struct group_peers *p = g->peers;

    if (!serves_without_right(g) || g->plan[1].kind != GROUP_PLAN_NONE) {
        return;
    }
    if (is_in_hand(g)) {
        if (!n->rogue_told) {
            effects_notice(
                fx, GROUP_NOTICE_ROGUE, p->self,
                "%s serves without the baton; the group is paused, so it is left alone until "
                "another node serves too",
                n->name);
        }
        n->rogue_told = true;
        return;
    }
    if (g->now_ms < n->retry_after_ms) {
        return;
    }
    if (!p->evict_owed && !n->rogue_told) {
        effects_notice(
            fx, GROUP_NOTICE_ROGUE, p->self,
            "%s serves without the baton (%s has it): it is stopped", n->name,
            group_node_name(g, p->holder));
        n->rogue_told = true;
    }
    abandon(g, fx, "it serves without the baton");
    n->retry_after_ms = g->now_ms + GROUP_RESTORE_MS;
    plan_begin(
        g, fx, GROUP_PLAN_EVICT, p->self, 0,
        p->evict_owed ? "it does not hold the baton any more" : "it serves without the baton",
        NULL);
}

/* ---- It is ours ---- */

static void adopt(struct group *g, struct group_effects *fx, const char *why)
{
    struct group_peers *p = g->peers;
    struct group_node *n = self_of(g);

    g->holder = p->self;
    p->had_epoch = p->epoch;
    p->evict_owed = false;
    n->out = false;
    node_judge(g, p->self);
    if (n->state == FSM_STANDBY) {
        node_transit(g, fx, p->self, FSM_FORGOTTEN, FSM_IDLE, why, NULL);
    }
    if (n->state == FSM_UNKNOWN) {
        node_transit(g, fx, p->self, FSM_ADOPTED, 0, why, NULL);
    }
    effects_notice(
        fx, GROUP_NOTICE_ADOPTED, p->self, "%s is the holder with epoch %lld: %s", n->name,
        (long long)g->epoch, why);
}

/* Steps that could not be recorded, or that a bug forbids, are not begun. */
static bool may_begin(const struct group *g)
{
    return !g->paused && g->hold != GROUP_HOLD_FROZEN && g->hold != GROUP_HOLD_POLICY &&
           g->hold != GROUP_HOLD_JOURNAL && g->hold != GROUP_HOLD_EPOCH;
}

static void take_over(struct group *g, struct group_effects *fx)
{
    struct group_peers *p = g->peers;
    struct group_node *n = self_of(g);

    if (g->holder == p->self || !p->mine || p->epoch <= p->given_epoch ||
        g->now_ms >= p->lease_ms || !idle(g)) {
        return;
    }
    if (n->serving == GROUP_YES) {
        adopt(g, fx, "it serves, and the store names it");
    } else if (
        n->serving_seen_ms == 0 && !p->passed && g->now_ms - g->born_ms < g->rules.settle_ms) {
        return; /* whether it serves is seen in a moment */
    } else if (peer_promised(g)) {
        return;
    } else if (p->passed ? g->hold == GROUP_HOLD_FROZEN : !may_begin(g)) {
        adopt(g, fx, "the store names it");
    } else {
        bool again = p->epoch <= p->had_epoch;

        peer_begin_granted(
            g, fx, again ? GROUP_PLAN_START : p->how,
            again ? "it is stopped, and the store still names this node" : p->why);
    }
}

/* ---- It is not, or should not be ---- */

static void give_back(struct group *g, struct group_effects *fx)
{
    struct group_peers *p = g->peers;

    if (p->mine && p->epoch <= p->given_epoch && p->epoch == g->epoch && g->holder != p->self &&
        idle(g) && self_of(g)->out && g->now_ms < p->lease_ms && g->now_ms >= p->retry_ms) {
        peer_begin_release(g, fx, "it was to be given away, and the store still names this node");
    }
}

static void take_up(struct group *g, struct group_effects *fx)
{
    struct group_peers *p = g->peers;

    if (may_take_up(g) && idle(g) && !p->mine) {
        peer_begin_take_up(
            g, fx,
            g->holder == p->self ? "the lease was gone and the baton is free: it serves on"
                                 : "nobody holds the baton and it serves here");
    }
}

static void take_free(struct group *g, struct group_effects *fx)
{
    struct group_peers *p = g->peers;
    struct group_node *n = self_of(g);
    enum group_plan_kind kind = p->was_held ? GROUP_PLAN_FAILOVER : GROUP_PLAN_START;
    struct baton_error refused;
    char why[GROUP_TEXT_MAX];

    if (!p->told || p->holder != GROUP_NOBODY || g->holder != GROUP_NOBODY || !idle(g) ||
        n->serving != GROUP_NO || peer_turn_ms(g) > g->now_ms) {
        return;
    }
    if (group_may(g, p->self, FSM_PROMOTE, &refused) != BATON_OK) {
        order_hold_moves(g, fx, p->self, refused.text);
        return;
    }
    effects_text(why, sizeof why, "nobody holds the baton, %s is the best fit node", n->name);
    plan_begin(g, fx, kind, p->self, 0, why, NULL);
}

/* ---- The others ---- */

/* That is its own Baton's business: here it is only said, once, where it goes on. */
static void tell_rogues(struct group *g, struct group_effects *fx)
{
    const struct group_peers *p = g->peers;
    int i;

    for (i = 0; i < g->n_nodes; i++) {
        struct group_node *n = &g->node[i];
        bool rogue = p->told && i != p->self && i != p->holder && n->serving == GROUP_YES &&
                     p->alive[i] && g->now_ms - n->serving_since_ms >= GROUP_RESTORE_MS &&
                     g->now_ms - p->word_ms >= GROUP_RESTORE_MS;

        if (rogue && !n->rogue_told) {
            effects_notice(
                fx, GROUP_NOTICE_ROGUE, i,
                "%s serves without the baton (%s has it): its own Baton should have stopped it",
                n->name, group_node_name(g, p->holder));
        }
        if (i != p->self) {
            n->rogue_told = rogue || (n->rogue_told && n->serving == GROUP_YES);
        }
    }
}

/* ---- All of it ---- */

/* A handover that a restart interrupted: the store knows how far it came. */
static void interrupted(struct group *g, struct group_effects *fx)
{
    struct group_record *record;

    if (!g->memory.open) {
        return;
    }
    g->memory.open = false;
    record = effects_record(
        g, fx, GROUP_REC_PLAN_END, "interrupted by a restart; the store says how far it came");
    record->plan_id = g->memory.open_id;
    record->plan_kind = g->memory.open_kind;
    record->outcome = GROUP_FAIL;
}

/* Who holds it, where it is not us: as the store says. */
static void follow_word(struct group *g, struct group_effects *fx)
{
    struct group_peers *p = g->peers;
    int other = p->told && p->holder >= 0 && p->holder != p->self ? p->holder : GROUP_NOBODY;

    if (g->holder != p->self && g->holder != other) {
        g->holder = other;
    }
    if (p->told && g->memory.holder == p->self && (g->holder == p->self || p->holder != p->self)) {
        if (g->holder != p->self && g->epoch == g->memory.epoch) {
            effects_record(g, fx, GROUP_REC_RELEASE, "the store does not name it")->node = p->self;
        }
        g->memory.holder = GROUP_NOBODY;
    }
    if (g->phase == GROUP_SETTLING && p->told &&
        (self_of(g)->serving_seen_ms > 0 || g->now_ms - g->born_ms >= g->rules.settle_ms)) {
        g->phase = GROUP_RUNNING;
        node_judge(g, p->self);
    }
}

void peer_follow(struct group *g, struct group_effects *fx)
{
    struct group_peers *p = g->peers;

    interrupted(g, fx);
    if (g->holder == p->self && !peer_may_serve(g) && !gives_away(g)) {
        lose(g, fx);
    }
    follow_word(g, fx);
    evict(g, fx);
    p->evict_owed = p->evict_owed && !self_of(g)->out;
    if (g->hold == GROUP_HOLD_FROZEN) {
        return;
    }
    take_over(g, fx);
    give_back(g, fx);
    take_up(g, fx);
    node_follow(g, fx, p->self);
    take_free(g, fx);
    tell_rogues(g, fx);
}

/* ---- Questions ---- */

static bool is_candidate(const struct group *g, int node)
{
    const struct group_peers *p = g->peers;
    int hold = p->hold[node];

    if (!p->alive[node] || p->rests[node] || hold == GROUP_HOLD_FROZEN ||
        hold == GROUP_HOLD_POLICY || hold == GROUP_HOLD_JOURNAL || hold == GROUP_HOLD_EPOCH) {
        return false;
    }
    return g->node[node].fit == GROUP_YES || (g->node[node].fit == GROUP_UNSURE &&
                                              !p->was_held); /* not judged yet, at a cold start */
}

/* When this node may take the free baton, as far as the others go: each better one has its time. */
int64_t peer_turn_ms(const struct group *g)
{
    const struct group_peers *p = g->peers;
    int64_t at = p->free_since_ms > peer_free_ms(g) ? p->free_since_ms : peer_free_ms(g);
    int i;

    if (!p->was_held) { /* a cold start: all come up at once, the best not always first */
        int64_t ready_ms = g->born_ms + g->rules.settle_ms;

        ready_ms =
            g->node[p->self].fit_since_ms > ready_ms ? g->node[p->self].fit_since_ms : ready_ms;
        at = at > ready_ms ? at : ready_ms;
    }
    for (i = 0; i < p->self; i++) {
        at += is_candidate(g, i) ? p->candidate_ms : 0;
    }
    return at;
}

static int64_t sooner(const struct group *g, int64_t at, int64_t than)
{
    return than > g->now_ms && than < at ? than : at;
}

int64_t peer_wake_ms(const struct group *g)
{
    const struct group_peers *p = g->peers;
    const struct group_node *n = self_of(g);
    int64_t at = GROUP_NEVER_MS;

    at = sooner(g, at, g->born_ms + g->rules.settle_ms);
    at = sooner(g, at, p->retry_ms);
    at = sooner(g, at, p->promised_ms);
    at = sooner(g, at, p->forgot_ms);
    at = sooner(g, at, n->retry_after_ms);
    if (g->holder == p->self || n->serving == GROUP_YES || n->may_serve) {
        at = sooner(g, at, p->stop_at_ms);
        at = sooner(g, at, p->lease_ms);
    }
    if (p->told && p->holder == GROUP_NOBODY) {
        at = sooner(g, at, peer_turn_ms(g));
    }
    return at;
}
