/* Start-up is a reconciliation, never an assumption.
 *
 *   an interrupted handover whose baton was granted     → it goes on
 *   exactly one serves                                  → it is adopted, nothing is touched
 *   none serves, all are seen                           → the preferred fit node is started
 *   two serve, the record names one                     → that one stays, the other is evicted
 *   two serve, no record                                → hold, wait for an operator
 *   the recorded holder can't be seen, nobody serves    → it keeps the baton, Degraded
 *   somebody can't be seen, no record                   → fence, or hold
 */
#include "parts.h"

#include <assert.h>
#include <string.h>

struct census {
    int yes, no, unsure, unseen; /* unseen ones are counted as unsure too */
    int first_yes;
};

static struct census take_census(const struct group *g)
{
    struct census c = {0, 0, 0, 0, GROUP_NOBODY};
    int i;

    for (i = 0; i < g->n_nodes; i++) {
        const struct group_node *n = &g->node[i];

        if (n->serving == GROUP_YES) {
            c.yes++;
            c.first_yes = c.first_yes == GROUP_NOBODY ? i : c.first_yes;
        } else if (n->serving == GROUP_NO || n->out) {
            c.no++;
        } else {
            c.unsure++;
        }
        c.unseen += n->serving_seen_ms == 0;
    }
    return c;
}

static bool settled(const struct group *g)
{
    return g->now_ms - g->born_ms >= g->rules.settle_ms;
}

/* Was another one seen serving, and can't be seen now? Then it may still do so. */
static bool other_may_serve(const struct group *g, int node)
{
    int i;

    for (i = 0; i < g->n_nodes; i++) {
        if (i != node && g->node[i].may_serve && !g->node[i].out) {
            return true;
        }
    }
    return false;
}

/* Everybody who doesn't serve is out, and who by the record had no baton: but not who was seen
 * serving, and can't be seen now. */
static void mark_others_out(struct group *g, int holder, bool by_record)
{
    int i;

    for (i = 0; i < g->n_nodes; i++) {
        struct group_node *n = &g->node[i];

        if (i != holder && n->serving != GROUP_YES) {
            n->out = n->out || n->serving == GROUP_NO || (by_record && !n->may_serve);
        }
    }
}

void settle_adopt(struct group *g, struct group_effects *fx, int node, const char *why)
{
    struct group_node *n = &g->node[node];
    bool by_record =
        g->phase == GROUP_SETTLING && g->memory.known && g->memory.holder == node && g->epoch > 0;
    struct group_record *record;

    if (!by_record) {
        g->epoch++;
        g->token = g->own_token;
        record = effects_record(g, fx, GROUP_REC_GRANT, why);
        record->node = node;
        marks_sign(g, record);
    }
    g->holder = node;
    g->phase = GROUP_RUNNING;
    n->out = false;
    n->role_ms = 0;
    mark_others_out(g, node, by_record);
    node_judge(g, node);
    if (n->state == FSM_UNKNOWN) {
        node_transit(g, fx, node, FSM_ADOPTED, 0, why, NULL);
    } else if (n->state == FSM_STANDBY) {
        node_transit(g, fx, node, FSM_FORGOTTEN, FSM_IDLE, why, NULL);
        node_transit(g, fx, node, FSM_ADOPTED, 0, why, NULL);
    }
    effects_notice(
        fx, GROUP_NOTICE_ADOPTED, node, "%s is the holder with epoch %lld: %s", n->name,
        (long long)g->epoch, why);
    if (g->hold == GROUP_HOLD_TWO_SERVE || g->hold == GROUP_HOLD_UNCONFIRMED) {
        hold_end(g, fx, why);
    }
}

static void release_recorded(struct group *g, struct group_effects *fx)
{
    struct group_record *record;

    if (g->memory.holder != GROUP_NOBODY) {
        record = effects_record(g, fx, GROUP_REC_RELEASE, "seen stopped at start-up");
        record->node = g->memory.holder;
        g->memory.holder = GROUP_NOBODY;
    }
}

/* A node that is preferred over `node` and not judged yet may well be fit in a moment. */
static bool better_unjudged(const struct group *g, int node)
{
    int i;

    for (i = 0; i < node; i++) {
        if (g->node[i].fit == GROUP_UNSURE) {
            return g->now_ms - g->born_ms < 2 * g->rules.settle_ms;
        }
    }
    return false;
}

/* The preferred node that is fit and was seen: one that can't be seen can't be started. */
static int best_stopped(const struct group *g)
{
    int i;

    for (i = 0; i < g->n_nodes; i++) {
        if (g->node[i].fit == GROUP_YES && g->node[i].serving == GROUP_NO) {
            return i;
        }
    }
    return GROUP_NOBODY;
}

/* Are those that were seen stopped seen so now? What was before this machine slept says
 * nothing any more, so who was not looked at for a while is looked at once more. */
static bool seen_lately(const struct group *g, struct group_effects *fx)
{
    int64_t since_ms = g->now_ms - g->rules.look_deadline_ms - GROUP_LATE_MS;
    bool lately = true;
    int i;

    for (i = 0; i < g->n_nodes; i++) {
        if (g->node[i].serving == GROUP_NO && g->node[i].role_ms < since_ms) {
            effects_look(fx, i);
            lately = false;
        }
    }
    return lately;
}

/* Nobody serves: start the preferred fit node. Where it is the recorded holder it keeps
 * nothing: the grant gives it the next epoch. */
static void start_preferred(struct group *g, struct group_effects *fx)
{
    int best = best_stopped(g);
    char why[GROUP_TEXT_MAX];

    if (best == GROUP_NOBODY || better_unjudged(g, best) || !seen_lately(g, fx)) {
        return;
    }
    effects_text(
        why, sizeof why, "nobody serves, %s is the preferred fit node", g->node[best].name);
    release_recorded(g, fx);
    g->phase = GROUP_RUNNING;
    node_follow(g, fx, best);
    if (plan_begin(g, fx, GROUP_PLAN_START, best, 0, why, NULL) != BATON_OK) {
        g->phase = GROUP_SETTLING;
    } else if (g->hold == GROUP_HOLD_TWO_SERVE || g->hold == GROUP_HOLD_UNCONFIRMED) {
        hold_end(g, fx, why);
    }
}

static void two_serve(struct group *g, struct group_effects *fx)
{
    int recorded = g->memory.holder;

    if (recorded != GROUP_NOBODY && g->node[recorded].serving == GROUP_YES) {
        settle_adopt(g, fx, recorded, "several serve; the record names this one");
        return;
    }
    hold_begin(
        g, fx, GROUP_HOLD_TWO_SERVE, GROUP_NOBODY,
        "several nodes serve and no record says which may: stop the service on all but one by "
        "hand, it is then adopted");
}

static void one_serves(struct group *g, struct group_effects *fx, int node, bool all_seen)
{
    int recorded = g->memory.holder;

    if (recorded == node) {
        settle_adopt(g, fx, node, "it serves, as recorded");
    } else if (recorded == GROUP_NOBODY) {
        if (!g->shadow && other_may_serve(g, node)) {
            if (settled(g)) {
                two_serve(g, fx);
            }
        } else if (all_seen || settled(g)) {
            settle_adopt(g, fx, node, "it alone serves");
        }
    } else if (g->node[recorded].serving == GROUP_NO || g->node[recorded].out) {
        settle_adopt(g, fx, node, "it alone serves; the recorded holder is seen stopped");
    } else if (settled(g) && g->shadow) {
        settle_adopt(g, fx, node, "it alone is seen serving; the recorded holder can't be seen");
    } else if (settled(g)) {
        hold_begin(
            g, fx, GROUP_HOLD_TWO_SERVE, recorded,
            "%s serves, but the record names %s, which can't be seen and may serve too: when %s "
            "is switched off for certain, say so with `baton confirm-out`",
            g->node[node].name, g->node[recorded].name, g->node[recorded].name);
    }
}

static void none_serves(struct group *g, struct group_effects *fx, const struct census *c)
{
    int recorded = g->memory.holder;

    if (!settled(g)) {
        return;
    }
    if (c->unsure == 0) {
        start_preferred(g, fx);
    } else if (recorded != GROUP_NOBODY) {
        settle_adopt(g, fx, recorded, "the record names it; not everybody can be seen");
    } else if (g->rules.fence_unconfirmed) {
        start_preferred(g, fx);
    } else {
        int blind = plan_not_out(g, GROUP_NOBODY);

        hold_begin(
            g, fx, GROUP_HOLD_UNCONFIRMED, blind,
            "nothing is started: whether %s serves can't be seen (%s) and there is no record; when "
            "it is switched off for certain, say so with `baton confirm-out`",
            g->node[blind].name, g->node[blind].serving_why);
    }
}

/* A handover that a restart interrupted. Before the grant it never was: it is closed,
 * and what it stopped is seen as any other state. After the grant it goes on. */
static bool interrupted(struct group *g, struct group_effects *fx, const struct census *c)
{
    bool resume = false;
    struct group_record *record;

    if (!g->memory.open) {
        return false;
    }
    if (g->memory.open_granted && g->memory.holder != GROUP_NOBODY && !g->paused) {
        if (c->unseen > 0 && !settled(g)) {
            return true; /* while nobody looked, another one may have been started */
        }
        resume = !g->shadow && !other_may_serve(g, g->memory.holder);
    }
    g->memory.open = false;
    if (resume) {
        mark_others_out(g, g->memory.holder, true);
        g->phase = GROUP_RUNNING;
        plan_resume(g, fx);
        return true;
    }
    record = effects_record(
        g, fx, GROUP_REC_PLAN_END,
        !g->memory.open_granted ? "interrupted by a restart before the grant: undone"
        : g->paused             ? "interrupted by a restart while paused"
                                : "interrupted by a restart; since then another node served");
    record->plan_id = g->memory.open_id;
    record->plan_kind = g->memory.open_kind;
    record->outcome = GROUP_FAIL;
    effects_notice(fx, GROUP_NOTICE_CANCELLED, g->memory.open_taker, "%s", record->text);
    return false;
}

static void settle_paused(struct group *g, struct group_effects *fx, const struct census *c)
{
    if (c->yes == 1 && c->unsure == 0) {
        settle_adopt(g, fx, c->first_yes, "it alone serves");
    } else if (g->memory.holder != GROUP_NOBODY && settled(g)) {
        settle_adopt(g, fx, g->memory.holder, "the record names it; the group is paused");
    }
}

void settle_advance(struct group *g, struct group_effects *fx)
{
    struct census c = take_census(g);

    if (g->phase != GROUP_SETTLING || g->hold == GROUP_HOLD_FROZEN || g->hold == GROUP_HOLD_EPOCH ||
        marks_pending(g) || interrupted(g, fx, &c)) {
        return;
    }
    if (g->paused) {
        settle_paused(g, fx, &c);
    } else if (c.yes == 1) {
        one_serves(g, fx, c.first_yes, c.unseen == 0);
    } else if (c.yes > 1 && (c.unseen == 0 || settled(g))) {
        two_serve(g, fx);
    } else if (c.yes == 0) {
        none_serves(g, fx, &c);
    }
}

/* The operator had the group in hand: look at it as at start-up. */
void settle_again(struct group *g, struct group_effects *fx, const char *why)
{
    int i;

    for (i = 0; i < g->n_nodes; i++) {
        struct group_node *n = &g->node[i];

        if (n->state != FSM_UNKNOWN) {
            node_transit(g, fx, i, FSM_FORGOTTEN, FSM_IDLE, why, NULL);
        }
        n->serving = GROUP_UNSURE;
        n->serving_run = 0;
        n->serving_seen_ms = 0;
        n->role_ms = g->now_ms;
        n->out = n->may_serve = false;
        n->restore_tries = 0;
        n->retry_after_ms = 0;
        effects_look(fx, i);
    }
    if (g->phase == GROUP_RUNNING) { /* else the record is still all that is known */
        g->memory.known = g->holder != GROUP_NOBODY;
        g->memory.holder = g->holder;
    }
    shadow_forget(g);
    g->memory.open = false;
    g->holder = GROUP_NOBODY;
    g->phase = GROUP_SETTLING;
    g->born_ms = g->now_ms;
}

int64_t settle_wake_ms(const struct group *g)
{
    int64_t at = g->born_ms + g->rules.settle_ms;

    at = at > g->now_ms ? at : at + g->rules.settle_ms; /* see better_unjudged */
    return g->phase == GROUP_SETTLING && at > g->now_ms ? at : GROUP_NEVER_MS;
}
