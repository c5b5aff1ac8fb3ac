/* Wishes of the policy and commands of the operator: carried out, or refused with a
 * reason. */
#include "parts.h"

/* ---- The policy's wishes ---- */

/* It was refused only because enough was moved: then nothing is, until there is room again. */
void order_hold_moves(struct group *g, struct group_effects *fx, int node, const char *why)
{
    int64_t frees_ms;

    if (g->hold == GROUP_HOLD_NONE && !g->paused && g->phase == GROUP_RUNNING && !forced_stays(g) &&
        g->plan[0].kind == GROUP_PLAN_NONE && g->plan[1].kind == GROUP_PLAN_NONE &&
        node != g->holder && g->node[node].fit == GROUP_YES &&
        (g->holder == GROUP_NOBODY || g->node[g->holder].state != FSM_ACTIVE) &&
        (g->peers == NULL || (g->peers->was_held && peer_decides(g, node, NULL) == BATON_OK)) &&
        hold_moves_within(g, &frees_ms) >= g->rules.max_moves) {
        hold_begin(g, fx, GROUP_HOLD_MOVES, GROUP_NOBODY, "%s", why);
    }
}

enum baton_err order_propose(
    struct group *g, struct group_effects *fx, const struct group_event *ev,
    struct baton_error *error)
{
    int node = ev->u.propose.node;
    bool promote = ev->u.propose.on == FSM_PROMOTE;
    struct baton_error refused;
    enum baton_err err = group_may(g, node, ev->u.propose.on, &refused);

    if (err != BATON_OK) {
        if (promote) {
            order_hold_moves(g, fx, node, refused.text);
        }
        return baton_fail(error, err, "%s", refused.text);
    }
    return plan_begin(
        g, fx, promote ? GROUP_PLAN_FAILOVER : GROUP_PLAN_FAILBACK, node, 0, ev->u.propose.why,
        error);
}

enum baton_err order_remedy(
    struct group *g, struct group_effects *fx, const struct group_event *ev,
    struct baton_error *error)
{
    struct group_node *n = &g->node[ev->u.remedy.node];
    int remedy = ev->u.remedy.remedy;
    enum baton_err err = group_may_remedy(g, ev->u.remedy.node, remedy, error);

    if (err != BATON_OK) {
        return err;
    }
    if (n->remedy_tries[remedy] == 0 ||
        g->now_ms - n->remedy_first_ms[remedy] >= g->rules.remedy[remedy].within_ms) {
        n->remedy_tries[remedy] = 0;
        n->remedy_first_ms[remedy] = g->now_ms;
    }
    n->remedy_tries[remedy]++;
    return plan_begin(g, fx, GROUP_PLAN_REMEDY, ev->u.remedy.node, remedy, ev->u.remedy.why, error);
}

/* ---- The operator's commands ---- */

static enum baton_err move_to(
    struct group *g, struct group_effects *fx, int node, bool force, const char *why,
    struct baton_error *error)
{
    const struct group_node *n;
    const struct group_node *holder = g->holder == GROUP_NOBODY ? NULL : &g->node[g->holder];
    enum group_plan_kind kind = GROUP_PLAN_FAILOVER;

    if (node == g->holder) {
        return baton_fail(
            error, BATON_REFUSED, "%s holds the baton already", group_node_name(g, node));
    }
    n = &g->node[node];
    if ((n->fit != GROUP_YES || n->state != FSM_STANDBY) && !force) {
        return baton_fail(
            error, BATON_REFUSED, "%s is %s: %s. --force moves there all the same, with a --reason",
            n->name,
            n->fit == GROUP_NO       ? "not fit"
            : n->fit == GROUP_UNSURE ? "not known to be fit"
                                     : "not seen standing by",
            n->fit == GROUP_YES ? n->serving_why : n->fit_why);
    }
    if (holder != NULL && holder->serving == GROUP_YES && holder->state == FSM_ACTIVE) {
        kind = n->priority < holder->priority && n->state == FSM_STANDBY ? GROUP_PLAN_FAILBACK
                                                                         : GROUP_PLAN_MOVE;
    }
    if (kind == GROUP_PLAN_FAILOVER &&
        g->peers != NULL) { /* so that no node counts it as unplanned */
        kind = holder != NULL ? GROUP_PLAN_MOVE : GROUP_PLAN_START;
    }
    if (plan_begin(g, fx, kind, node, 0, why, error) != BATON_OK) {
        return error != NULL ? error->code : BATON_REFUSED;
    }
    g->plan[0].by_operator = true;
    forced_take(g, node);
    if (kind == GROUP_PLAN_FAILOVER) {
        g->n_moves--; /* an operator's move is none of the policy's */
    }
    return BATON_OK;
}

static enum baton_err command_move(
    struct group *g, struct group_effects *fx, const struct group_event *ev, const char *why,
    struct baton_error *error)
{
    bool back = ev->u.operator.command == GROUP_CMD_FAILBACK;
    int node = ev->u.operator.node;
    enum baton_err err = may_move(g, true, error);

    if (err == BATON_OK && g->peers != NULL) {
        if (node == GROUP_NOBODY && g->peers->holder == GROUP_NOBODY) {
            node = may_best(g, g->holder);
        }
        err = peer_decides(g, node, error);
    }
    if (g->shadow) {
        return baton_fail(
            error, BATON_REFUSED,
            "this batond runs in shadow and takes no action: move %s with what moves it now",
            g->name);
    }
    if (err != BATON_OK) {
        return err;
    }
    if (back && g->holder == GROUP_NOBODY) {
        return baton_fail(
            error, BATON_REFUSED, "nobody holds the baton: `baton failover %s` starts it", g->name);
    }
    if (node == GROUP_NOBODY) {
        node = may_best(g, back ? GROUP_NOBODY : g->holder);
    }
    if (node == GROUP_NOBODY) {
        return baton_fail(error, BATON_REFUSED, "no node is fit to take over");
    }
    if (back && node == g->holder) {
        return baton_fail(
            error, BATON_REFUSED, "%s is the preferred fit node and holds the baton already",
            g->node[node].name);
    }
    if (back && g->node[node].priority > g->node[g->holder].priority) {
        return baton_fail(
            error, BATON_REFUSED,
            "%s is not preferred over %s: `baton failover %s --to %s` moves it", g->node[node].name,
            g->node[g->holder].name, g->name, g->node[node].name);
    }
    if (g->peers != NULL && node != g->holder && peer_can_move(g, node, error) != BATON_OK) {
        return BATON_REFUSED;
    }
    return move_to(g, fx, node, ev->u.operator.force, why, error);
}

static enum baton_err command_pause(
    struct group *g, struct group_effects *fx, const char *why, struct baton_error *error)
{
    if (g->paused) {
        return baton_fail(error, BATON_REFUSED, "the group is paused already: %s", g->paused_why);
    }
    g->paused = true;
    effects_copy(g->paused_why, sizeof g->paused_why, why);
    effects_record(g, fx, GROUP_REC_PAUSE, why);
    effects_notice(fx, GROUP_NOTICE_PAUSED, GROUP_NOBODY, "%s", why);
    return BATON_OK;
}

static enum baton_err command_resume(
    struct group *g, struct group_effects *fx, const char *why, struct baton_error *error)
{
    bool was_paused = g->paused;
    int i;

    if (!was_paused && g->hold == GROUP_HOLD_NONE) {
        return baton_fail(error, BATON_REFUSED, "the group is neither paused nor on hold");
    }
    if (g->hold == GROUP_HOLD_JOURNAL) {
        return baton_fail(error, BATON_REFUSED, "the journal can't be written: %s", g->hold_why);
    }
    if (was_paused && g->peers == NULL &&
        (g->plan[0].kind != GROUP_PLAN_NONE || g->plan[1].kind != GROUP_PLAN_NONE)) {
        return baton_fail(
            error, BATON_REFUSED, "what was under way when the group was paused is not over yet");
    }
    if (was_paused) {
        g->paused = false;
        g->paused_why[0] = '\0';
        effects_record(g, fx, GROUP_REC_RESUME, why);
        effects_notice(fx, GROUP_NOTICE_RESUMED, GROUP_NOBODY, "%s", why);
        if (g->peers == NULL) {
            settle_again(g, fx, "resumed after a pause: looked at afresh");
        } else {
            effects_look(fx, g->peers->self);
        }
    }
    if (g->hold == GROUP_HOLD_EPOCH && g->peers != NULL) {
        peer_believe_epoch(g, fx);
    } else if (g->hold == GROUP_HOLD_EPOCH) {
        marks_believe(g, fx);
    }
    g->n_moves = g->hold == GROUP_HOLD_MOVES ? 0 : g->n_moves;
    g->rest_until_ms = g->now_ms;
    for (i = 0; i < g->n_nodes; i++) {
        g->node[i].start_fails = 0;
    }
    hold_end(g, fx, why);
    return BATON_OK;
}

static enum baton_err command_confirm_out(
    struct group *g, struct group_effects *fx, int node, const char *why, struct baton_error *error)
{
    struct group_node *n;
    struct group_record *record;

    if (node == GROUP_NOBODY) {
        return baton_fail(error, BATON_INVALID, "confirm-out needs a node");
    }
    n = &g->node[node];
    if (!peer_is_self(g, node)) {
        return baton_fail(
            error, BATON_REFUSED,
            "with a lease store nobody has to be confirmed out: who does not hold the baton has "
            "stopped before he could lose it");
    }
    if (n->serving == GROUP_YES) {
        return baton_fail(
            error, BATON_REFUSED, "%s is seen serving: it is not out (%s)", n->name,
            n->serving_why);
    }
    if (node_in_plan(g, node)) {
        return baton_fail(error, BATON_REFUSED, "a plan has %s in hand: wait for its end", n->name);
    }
    n->out = true;
    node_new_role(g, node);
    record = effects_record(g, fx, GROUP_REC_NOTE, why);
    record->node = node;
    effects_text(record->name, sizeof record->name, "confirm-out");
    if (g->holder == node) {
        if (g->peers != NULL) {
            g->peers->given_epoch = g->peers->epoch;
        }
        effects_record(g, fx, GROUP_REC_RELEASE, why)->node = node;
        g->holder = GROUP_NOBODY;
        node_transit(g, fx, node, FSM_LOST, 0, why, NULL);
        node_judge(g, node);
    } else if (g->memory.holder == node && g->phase == GROUP_SETTLING) {
        effects_record(g, fx, GROUP_REC_RELEASE, why)->node = node;
        g->memory.holder = GROUP_NOBODY;
    }
    if (g->hold == GROUP_HOLD_UNCONFIRMED || g->hold == GROUP_HOLD_TWO_SERVE) {
        hold_end(g, fx, why);
    }
    return BATON_OK;
}

enum baton_err order_operator(
    struct group *g, struct group_effects *fx, const struct group_event *ev,
    struct baton_error *error)
{
    const char *reason = ev->u.operator.reason;
    char why[GROUP_TEXT_MAX];

    effects_text(
        why, sizeof why, "%s by %s%s%s", group_command_name(ev->u.operator.command),
        ev->u.operator.by, reason != NULL ? ": " : "", reason != NULL ? reason : "");
    if (reason == NULL &&
        (ev->u.operator.force || ev->u.operator.command == GROUP_CMD_CONFIRM_OUT)) {
        return baton_fail(
            error, BATON_INVALID,
            "this takes a risk: say with --reason why you accept it (it goes into the history)");
    }
    if (g->hold == GROUP_HOLD_FROZEN && ev->u.operator.command != GROUP_CMD_RESUME) {
        return baton_fail(
            error, BATON_REFUSED, "the group is frozen (%s): look first, then `baton resume %s`",
            g->hold_why, g->name);
    }
    switch (ev->u.operator.command) {
    case GROUP_CMD_FAILOVER:
    case GROUP_CMD_FAILBACK:
        return command_move(g, fx, ev, why, error);
    case GROUP_CMD_PAUSE:
        return command_pause(g, fx, why, error);
    case GROUP_CMD_RESUME:
        return command_resume(g, fx, why, error);
    case GROUP_CMD_CONFIRM_OUT:
        return command_confirm_out(g, fx, ev->u.operator.node, why, error);
    }
    return baton_fail(error, BATON_INVALID, "no such command");
}
