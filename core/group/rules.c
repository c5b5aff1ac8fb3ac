/* What a policy lays down: could a group work by it, and what a group keeps when it is given
 * another one. */
#include "base/memory.h"
#include "parts.h"

#include <string.h>

static enum baton_err check_action(
    const struct group_action_rules *action, const char *list, struct baton_error *error)
{
    if (action->attempts < 1 || action->deadline_ms <= 0 || action->retry_ms < 0) {
        return baton_fail(
            error, BATON_INVALID,
            "%s action \"%s\" needs a deadline above 0, a retry of 0 or more, and at least one "
            "attempt",
            list, action->name);
    }
    return BATON_OK;
}

enum baton_err group_check_rules(const struct group_rules *rules, struct baton_error *error)
{
    static const char *const lists[GROUP_LISTS] = {"stop", "start", "fence", "verify"};
    int list, i;

    for (i = 0; i < rules->n_probes; i++) {
        if (rules->probe[i].rise < 1 || rules->probe[i].fall < 1) {
            return baton_fail(
                error, BATON_INVALID, "probe \"%s\": rise and fall are at least 1",
                rules->probe[i].name);
        }
    }
    for (list = 0; list < GROUP_LISTS; list++) {
        for (i = 0; i < rules->list[list].count; i++) {
            if (check_action(&rules->list[list].action[i], lists[list], error) != BATON_OK) {
                return BATON_INVALID;
            }
        }
    }
    if (rules->list[GROUP_LIST_START].count == 0 || rules->list[GROUP_LIST_STOP].count == 0) {
        return baton_fail(
            error, BATON_INVALID, "the policy has no %s action: how is the service %s?",
            rules->list[GROUP_LIST_START].count == 0 ? "start" : "stop",
            rules->list[GROUP_LIST_START].count == 0 ? "started" : "stopped");
    }
    if (rules->fence_unconfirmed && rules->list[GROUP_LIST_FENCE].count == 0) {
        return baton_fail(
            error, BATON_INVALID, "unconfirmed = \"fence\" needs at least one fence action");
    }
    if (rules->max_moves < 1 || rules->max_moves > GROUP_MOVES_MAX || rules->window_ms <= 0 ||
        rules->window_ms > GROUP_WINDOW_MAX_MS || rules->settle_ms < 0 ||
        rules->look_deadline_ms <= 0 || rules->look_fall < 1) {
        return baton_fail(
            error, BATON_INVALID,
            "max_moves is 1 to %d, window above 0 and at most a day, look_deadline above 0, settle "
            "0 "
            "or more, look_fall at least 1",
            GROUP_MOVES_MAX);
    }
    return BATON_OK;
}

enum baton_err rules_make_steps(
    const struct group_rules *rules, int n_nodes, int *steps_max,
    struct group_step_state *steps[GROUP_PLANS])
{
    int i;

    *steps_max = compose_steps_max(rules, n_nodes);
    for (i = 0; i < GROUP_PLANS; i++) {
        steps[i] = memory_zeroed((size_t)*steps_max, sizeof steps[i][0]);
    }
    for (i = 0; i < GROUP_PLANS; i++) {
        if (steps[i] == NULL) {
            for (i = 0; i < GROUP_PLANS; i++) {
                memory_free(steps[i]);
                steps[i] = NULL;
            }
            return BATON_NOMEM;
        }
    }
    return BATON_OK;
}

/* Which probes rest depends on who holds the baton. */
void rules_rest_probes(struct group *g)
{
    int node, probe;

    for (node = 0; node < g->n_nodes; node++) {
        for (probe = 0; peer_is_self(g, node) && probe < g->rules.n_probes; probe++) {
            g->node[node].health[probe].resting = group_probe_rests(g, node, probe);
        }
    }
}

static void keep_health(
    const struct group *g, const struct group_rules *rules, const struct group_node *n,
    struct group_health *health)
{
    int to, from;

    for (to = 0; to < rules->n_probes; to++) {
        for (from = 0; from < g->rules.n_probes; from++) {
            if (strcmp(rules->probe[to].name, g->rules.probe[from].name) == 0) {
                health[to] = n->health[from];
            }
        }
    }
}

enum baton_err group_set_rules(
    struct group *group, const struct group_rules *rules, struct baton_error *error)
{
    struct group_health *health[GROUP_NODES_MAX] = {NULL};
    struct group_step_state *steps[GROUP_PLANS] = {NULL};
    int i, steps_max;

    if (group_check_rules(rules, error) != BATON_OK) {
        return BATON_INVALID;
    }
    if (group->plan[0].kind != GROUP_PLAN_NONE || group->plan[1].kind != GROUP_PLAN_NONE) {
        return baton_fail(
            error, BATON_REFUSED, "group %s: a %s is under way: reload when it is over",
            group->name,
            group_plan_name(
                group->plan[0].kind != GROUP_PLAN_NONE ? group->plan[0].kind
                                                       : group->plan[1].kind));
    }
    for (i = 0; i < group->n_nodes; i++) {
        health[i] = memory_zeroed((size_t)rules->n_probes + 1, sizeof health[i][0]);
        if (health[i] == NULL) {
            goto nomem;
        }
        keep_health(group, rules, &group->node[i], health[i]);
    }
    if (rules_make_steps(rules, group->n_nodes, &steps_max, steps) != BATON_OK) {
        goto nomem;
    }
    for (i = 0; i < group->n_nodes; i++) {
        memory_free(group->node[i].health);
        group->node[i].health = health[i];
        memset(group->node[i].remedy_tries, 0, sizeof group->node[i].remedy_tries);
    }
    for (i = 0; i < GROUP_PLANS; i++) {
        memory_free(group->plan[i].steps);
        group->plan[i].steps = steps[i];
    }
    group->steps_max = steps_max;
    group->rules = *rules;
    group->forced = GROUP_NOBODY; /* what had failed there was told by other probes */
    rules_rest_probes(group);
    if (group->hold == GROUP_HOLD_POLICY) {
        group->hold = GROUP_HOLD_NONE;
        group->hold_why[0] = '\0';
    }
    return BATON_OK;
nomem:
    for (i = 0; i < group->n_nodes; i++) {
        memory_free(health[i]);
    }
    return baton_fail(error, BATON_NOMEM, "group %s: no memory for the new policy", group->name);
}
