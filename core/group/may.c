/* May it be moved, or a remedy be tried? What stands against it, in words. Changes nothing. */
#include "parts.h"

/* The best node to move to: fit, not holding, in order of preference. */
int may_best(const struct group *g, int except)
{
    int i;

    for (i = 0; i < g->n_nodes; i++) {
        if (i != except && g->node[i].fit == GROUP_YES &&
            (peer_is_self(g, i) || g->peers->alive[i])) {
            return i;
        }
    }
    return GROUP_NOBODY;
}

enum baton_err may_move(const struct group *g, bool by_operator, struct baton_error *error)
{
    const struct group_plan *plan = &g->plan[0];

    if (g->paused) {
        return baton_fail(error, BATON_REFUSED, "the group is paused: %s", g->paused_why);
    }
    if (g->hold == GROUP_HOLD_FROZEN || g->hold == GROUP_HOLD_POLICY ||
        g->hold == GROUP_HOLD_JOURNAL || g->hold == GROUP_HOLD_TWO_SERVE ||
        g->hold == GROUP_HOLD_EPOCH || (g->hold != GROUP_HOLD_NONE && !by_operator)) {
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
    moves = hold_moves_within(g, &frees_ms);
    if (moves >= g->rules.max_moves && (g->peers == NULL || g->peers->was_held)) {
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

    err = group->peers != NULL ? peer_decides(group, node, error) : BATON_OK;
    if (err == BATON_OK) {
        err = may_move(group, false, error);
    }
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
    if (err == BATON_OK && group->peers != NULL) {
        err = peer_may(group, node, error);
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
    if (!peer_is_self(group, node)) {
        return baton_fail(error, BATON_REFUSED, "%s is looked after by its own Baton", n->name);
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
