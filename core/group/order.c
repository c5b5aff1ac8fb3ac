/* Wishes of the policy and commands of the operator: carried out, or refused with a
 * reason. Holds: why the group makes no move, and when that ends by itself. */
#include "parts.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- Holds ---- */

/* A hold that only a person or other rules may end is not replaced by one that ends by
 * itself, and a full journal hides the lesser ones: they come again if they must. */
static int rank_of(enum group_hold hold)
{
    switch (hold) {
    case GROUP_HOLD_FROZEN:
        return 3;
    case GROUP_HOLD_POLICY:
        return 2;
    case GROUP_HOLD_JOURNAL:
        return 1;
    default:
        return 0;
    }
}

void order_hold(
    struct group *g, struct group_effects *fx, enum group_hold hold, int node, const char *format,
    ...)
{
    struct group_record *record;
    char why[GROUP_TEXT_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    if (rank_of(hold) < rank_of(g->hold) || (g->hold == hold && strcmp(g->hold_why, why) == 0)) {
        return;
    }
    g->hold = hold;
    g->hold_since_ms = g->now_ms;
    g->hold_node = node;
    g->hold_serving = node != GROUP_NOBODY ? g->node[node].serving : GROUP_UNSURE;
    effects_copy(g->hold_why, sizeof g->hold_why, why);
    record = effects_record(g, fx, GROUP_REC_HOLD, why);
    record->node = node;
    effects_copy(record->name, sizeof record->name, group_hold_name(hold));
    effects_notice(fx, GROUP_NOTICE_HOLD, node, "%s", why);
}

void order_release_hold(struct group *g, struct group_effects *fx, const char *why)
{
    char text[GROUP_TEXT_MAX];

    if (g->hold == GROUP_HOLD_NONE) {
        return;
    }
    effects_text(text, sizeof text, "hold \"%s\" ends: %.180s", group_hold_name(g->hold), why);
    g->hold = GROUP_HOLD_NONE;
    g->hold_why[0] = '\0';
    g->hold_node = GROUP_NOBODY;
    effects_record(g, fx, GROUP_REC_NOTE, text);
    effects_notice(fx, GROUP_NOTICE_RESUMED, GROUP_NOBODY, "%s", text);
}

int order_moves_within(const struct group *g, int64_t *frees_ms)
{
    int i, count = 0;

    *frees_ms = GROUP_NEVER_MS;
    for (i = 0; i < g->n_moves; i++) {
        if (g->now_ms - g->move_ms[i] < g->rules.window_ms) {
            if (count == 0) {
                *frees_ms = g->move_ms[i] + g->rules.window_ms;
            }
            count++;
        }
    }
    return count;
}

/* Holds that end by themselves, because what they wait for has come. */
void order_review_hold(struct group *g, struct group_effects *fx)
{
    int64_t frees_ms;

    if (g->hold == GROUP_HOLD_MOVES && order_moves_within(g, &frees_ms) < g->rules.max_moves) {
        order_release_hold(g, fx, "the window has room for a move again");
    } else if (g->hold == GROUP_HOLD_UNCONFIRMED && g->hold_node != GROUP_NOBODY) {
        const struct group_node *n = &g->node[g->hold_node];

        if (n->out || (g->hold_node == g->holder && n->fit == GROUP_YES)) {
            order_release_hold(g, fx, n->out ? "it is confirmed out" : "the holder is fit again");
        } else if (
            n->serving != GROUP_UNSURE &&
            (n->serving != g->hold_serving ||
             (n->serving == GROUP_NO && n->serving_seen_ms > g->hold_since_ms))) {
            if (n->serving == GROUP_YES) {
                node_forget_failures(g, g->hold_node); /* it serves: they said only "no answer" */
            }
            order_release_hold(g, fx, "it can be seen again");
        }
    }
}

/* ---- May it? ---- */

/* The best node to move to: fit, not holding, in order of preference. */
static int best(const struct group *g, int except)
{
    int i;

    for (i = 0; i < g->n_nodes; i++) {
        if (i != except && g->node[i].fit == GROUP_YES) {
            return i;
        }
    }
    return GROUP_NOBODY;
}

static enum baton_err may_move(const struct group *g, bool by_operator, struct baton_error *error)
{
    const struct group_plan *plan = &g->plan[0];

    if (g->paused) {
        return baton_fail(error, BATON_REFUSED, "the group is paused: %s", g->paused_why);
    }
    if (g->hold == GROUP_HOLD_FROZEN || g->hold == GROUP_HOLD_POLICY ||
        g->hold == GROUP_HOLD_JOURNAL || g->hold == GROUP_HOLD_TWO_SERVE ||
        (g->hold != GROUP_HOLD_NONE && !by_operator)) {
        return baton_fail(
            error, BATON_REFUSED, "the group is on hold (%s): %s", group_hold_name(g->hold),
            g->hold_why);
    }
    if (g->phase == GROUP_SETTLING) {
        return baton_fail(
            error, BATON_REFUSED, "start-up is not over: who serves is not known yet");
    }
    if (plan->kind != GROUP_PLAN_NONE) {
        return baton_fail(
            error, BATON_REFUSED, "a %s of %s is under way", group_plan_name(plan->kind),
            group_node_name(g, plan->taker));
    }
    if (g->plan[1].kind != GROUP_PLAN_NONE) {
        return baton_fail(
            error, BATON_REFUSED, "%s is being stopped because it serves without the baton",
            group_node_name(g, g->plan[1].taker));
    }
    return BATON_OK;
}

int64_t group_start_rest_ms(int fails)
{
    int64_t ms = GROUP_START_REST_MS;

    while (fails > 1 && ms < GROUP_START_REST_MAX_MS) {
        ms *= 2;
        fails--;
    }
    return ms < GROUP_START_REST_MAX_MS ? ms : GROUP_START_REST_MAX_MS;
}

static enum baton_err may_start(const struct group *g, int node, struct baton_error *error)
{
    const struct group_node *n = &g->node[node];

    if (n->start_fails > 0 && g->now_ms < n->start_rest_ms) {
        return baton_fail(
            error, BATON_REFUSED,
            "%s rests for %lld s more: %d %s to it in a row failed when it should start", n->name,
            (long long)((n->start_rest_ms - g->now_ms + 999) / 1000), n->start_fails,
            n->start_fails == 1 ? "move" : "moves");
    }
    return BATON_OK;
}

static enum baton_err may_promote(const struct group *g, int node, struct baton_error *error)
{
    int64_t frees_ms;
    int moves;

    if (g->holder != GROUP_NOBODY && g->node[g->holder].state == FSM_ACTIVE) {
        return baton_fail(
            error, BATON_REFUSED, "%s is Active and fit: there is nothing to fail over from",
            g->node[g->holder].name);
    }
    if (forced_stays(g)) {
        return baton_fail(
            error, BATON_REFUSED,
            "%s was chosen by force and serves: it stays until it is fit, something else fails "
            "there, or an operator moves it",
            g->node[g->holder].name);
    }
    moves = order_moves_within(g, &frees_ms);
    if (moves >= g->rules.max_moves) {
        return baton_fail(
            error, BATON_REFUSED,
            "%d unplanned moves within %lld s are enough (the next is free in %lld s); "
            "`baton resume %s` allows more at once",
            moves, (long long)(g->rules.window_ms / 1000),
            (long long)((frees_ms - g->now_ms) / 1000), g->name);
    }
    return may_start(g, node, error);
}

static enum baton_err may_reclaim(const struct group *g, int node, struct baton_error *error)
{
    if (g->holder == GROUP_NOBODY) {
        return baton_fail(
            error, BATON_REFUSED, "nobody holds the baton: there is nothing to take back");
    }
    if (g->now_ms < g->rest_until_ms) {
        return baton_fail(
            error, BATON_REFUSED,
            "the last planned move came to nothing: the next not before %lld s",
            (long long)((g->rest_until_ms - g->now_ms + 999) / 1000));
    }
    return may_start(g, node, error);
}

enum baton_err group_may(
    const struct group *group, int node, enum fsm_event event, struct baton_error *error)
{
    const struct group_node *n = &group->node[node];
    const struct fsm_row *row;
    struct baton_error refused;
    enum baton_err err;

    err = may_move(group, false, error);
    if (err == BATON_OK && node == group->holder) {
        err = baton_fail(error, BATON_REFUSED, "%s holds the baton already", n->name);
    }
    if (err == BATON_OK && n->fit != GROUP_YES) {
        err = baton_fail(
            error, BATON_REFUSED, "%s is %s: %s", n->name,
            n->fit == GROUP_NO ? "not fit" : "not known to be fit", n->fit_why);
    }
    if (err == BATON_OK) {
        err = event == FSM_PROMOTE ? may_promote(group, node, error)
                                   : may_reclaim(group, node, error);
    }
    if (err != BATON_OK) {
        return err;
    }
    err = fsm_step(
        n->state, event,
        node_facts(group, node) | FSM_IDLE | (event == FSM_PROMOTE ? FSM_HOLDER_GONE : 0u), &row,
        &refused);
    if (err != BATON_OK) {
        return baton_fail(error, err, "%s: %s", n->name, refused.text);
    }
    if (shadow_told(
            group, event == FSM_PROMOTE ? GROUP_PLAN_FAILOVER : GROUP_PLAN_FAILBACK, node, 0)) {
        return baton_fail(error, BATON_REFUSED, "in shadow nothing is moved, and this was told");
    }
    return BATON_OK;
}

enum baton_err group_may_remedy(
    const struct group *group, int node, int remedy, struct baton_error *error)
{
    const struct group_remedy_rules *rules = &group->rules.remedy[remedy];
    const struct group_node *n = &group->node[node];
    enum baton_err err = may_move(group, true, error);

    if (err != BATON_OK) {
        return err;
    }
    if (node != group->holder && !rules->on_any) {
        return baton_fail(error, BATON_REFUSED, "%s does not hold the baton", n->name);
    }
    if (n->remedy_tries[remedy] >= rules->attempts_max &&
        group->now_ms - n->remedy_first_ms[remedy] < rules->within_ms) {
        return baton_fail(
            error, BATON_REFUSED, "%s was tried %d times on %s within %lld s", rules->action.name,
            n->remedy_tries[remedy], n->name, (long long)(rules->within_ms / 1000));
    }
    if (shadow_told(group, GROUP_PLAN_REMEDY, node, remedy)) {
        return baton_fail(error, BATON_REFUSED, "in shadow nothing is tried, and this was told");
    }
    return BATON_OK;
}

/* ---- The policy's wishes ---- */

enum baton_err order_propose(
    struct group *g, struct group_effects *fx, const struct group_event *ev,
    struct baton_error *error)
{
    int node = ev->u.propose.node;
    bool promote = ev->u.propose.on == FSM_PROMOTE;
    struct baton_error refused;
    enum baton_err err = group_may(g, node, ev->u.propose.on, &refused);
    int64_t frees_ms;

    if (err != BATON_OK) {
        if (promote && g->hold == GROUP_HOLD_NONE && !g->paused && g->phase == GROUP_RUNNING &&
            !forced_stays(g) && g->plan[0].kind == GROUP_PLAN_NONE &&
            g->plan[1].kind == GROUP_PLAN_NONE && node != g->holder &&
            g->node[node].fit == GROUP_YES &&
            (g->holder == GROUP_NOBODY || g->node[g->holder].state != FSM_ACTIVE) &&
            order_moves_within(g, &frees_ms) >= g->rules.max_moves) {
            order_hold(g, fx, GROUP_HOLD_MOVES, GROUP_NOBODY, "%s", refused.text);
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
        node = best(g, back ? GROUP_NOBODY : g->holder);
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
    if (was_paused && (g->plan[0].kind != GROUP_PLAN_NONE || g->plan[1].kind != GROUP_PLAN_NONE)) {
        return baton_fail(
            error, BATON_REFUSED, "what was under way when the group was paused is not over yet");
    }
    if (was_paused) {
        g->paused = false;
        g->paused_why[0] = '\0';
        effects_record(g, fx, GROUP_REC_RESUME, why);
        effects_notice(fx, GROUP_NOTICE_RESUMED, GROUP_NOBODY, "%s", why);
        settle_again(g, fx, "resumed after a pause: looked at afresh");
    }
    g->n_moves = g->hold == GROUP_HOLD_MOVES ? 0 : g->n_moves;
    g->rest_until_ms = g->now_ms;
    for (i = 0; i < g->n_nodes; i++) {
        g->node[i].start_fails = 0;
    }
    order_release_hold(g, fx, why);
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
        effects_record(g, fx, GROUP_REC_RELEASE, why)->node = node;
        g->holder = GROUP_NOBODY;
        node_transit(g, fx, node, FSM_LOST, 0, why, NULL);
        node_judge(g, node);
    } else if (g->memory.holder == node && g->phase == GROUP_SETTLING) {
        effects_record(g, fx, GROUP_REC_RELEASE, why)->node = node;
        g->memory.holder = GROUP_NOBODY;
    }
    if (g->hold == GROUP_HOLD_UNCONFIRMED || g->hold == GROUP_HOLD_TWO_SERVE) {
        order_release_hold(g, fx, why);
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
