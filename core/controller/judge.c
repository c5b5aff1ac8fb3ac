/* The policy's part: is each node fit, should a remedy be tried, is it time to move?
 * Asked after everything that happened; what it wishes goes to the group, which may
 * refuse. The reasons are kept for `baton why`.
 *
 * Among peers it judges this node alone; what the others are fit for their own Batons say. */
#include "base/memory.h"
#include "parts.h"

#include <stdio.h>

#include <string.h>

enum baton_err judge_start(struct controller *c)
{
    int count = c->group->n_nodes * policy_table(c->policy)->n_transitions;

    c->n_why = 0;
    memory_free(c->why);
    c->why = memory_zeroed((size_t)count + 1, sizeof c->why[0]);
    return c->why != NULL ? BATON_OK : BATON_NOMEM;
}

static void broken(struct controller *c, int node, const struct baton_error *error)
{
    struct group_event event = controller_event(c, GROUP_EV_POLICY_BROKEN);

    event.u.policy_broken.why = error->text;
    controller_log(c, WORLD_ALERT, node, "policy", "%s", error->text);
    controller_feed(c, &event, NULL);
}

static bool is_judged_elsewhere(const struct controller *c, int node)
{
    return c->keeper != NULL && c->keeper->self != node;
}

static void ask_again(struct controller *c, const struct policy_verdict *verdict)
{
    c->again_ms = verdict->again_ms < c->again_ms ? verdict->again_ms : c->again_ms;
}

static bool judge_fitness(struct controller *c)
{
    struct baton_error error;
    int node;

    for (node = 0; node < c->group->n_nodes; node++) {
        const struct group_node *n = &c->group->node[node];
        struct policy_verdict verdict;

        if (is_judged_elsewhere(c, node)) {
            continue;
        }
        if (policy_fit(c->policy, node, &verdict, &error) != BATON_OK) {
            broken(c, node, &error);
            return false;
        }
        ask_again(c, &verdict);
        if (verdict.answer != n->verdict || strcmp(verdict.why, n->verdict_why) != 0) {
            struct group_event event = controller_event(c, GROUP_EV_VERDICT);

            event.u.verdict.node = node;
            event.u.verdict.fit = verdict.answer;
            event.u.verdict.why = verdict.why;
            controller_feed(c, &event, NULL);
        }
    }
    return true;
}

/* True where a remedy has begun or the policy is broken: nothing more to ask now. */
static bool judge_remedies(struct controller *c)
{
    struct baton_error error;
    int node, remedy;

    for (node = 0; node < c->group->n_nodes; node++) {
        for (remedy = 0; remedy < c->group->rules.n_remedies; remedy++) {
            struct policy_verdict verdict;
            struct group_event event;

            if (is_judged_elsewhere(c, node) ||
                group_may_remedy(c->group, node, remedy, NULL) != BATON_OK) {
                continue;
            }
            if (policy_remedy_when(c->policy, remedy, node, &verdict, &error) != BATON_OK) {
                broken(c, node, &error);
                return true;
            }
            ask_again(c, &verdict);
            if (verdict.answer != GROUP_YES) {
                continue;
            }
            event = controller_event(c, GROUP_EV_REMEDY);
            event.u.remedy.node = node;
            event.u.remedy.remedy = remedy;
            event.u.remedy.why = verdict.why;
            if (controller_feed(c, &event, NULL) == BATON_OK) {
                return true;
            }
        }
    }
    return false;
}

static bool wish(
    struct controller *c, int node, enum fsm_event on, const struct policy_verdict *verdict,
    struct controller_why *why)
{
    struct group_event event = controller_event(c, GROUP_EV_PROPOSE);
    struct baton_error error = {BATON_OK, ""};

    event.u.propose.node = node;
    event.u.propose.on = on;
    event.u.propose.why = verdict->why;
    if (controller_feed(c, &event, &error) == BATON_OK) {
        return true;
    }
    snprintf(why->legal, sizeof why->legal, "%.*s", (int)sizeof why->legal - 1, error.text);
    return false;
}

static void judge_transitions(struct controller *c)
{
    const struct policy_table *table = policy_table(c->policy);
    struct baton_error error;
    int node, t;

    c->n_why = 0;
    for (node = 0; node < c->group->n_nodes; node++) {
        for (t = 0; t < table->n_transitions; t++) {
            struct controller_why *why = &c->why[c->n_why];
            struct policy_verdict verdict;

            if (node == c->group->holder) {
                continue;
            }
            if (policy_guard(c->policy, t, node, &verdict, &error) != BATON_OK) {
                broken(c, node, &error);
                return;
            }
            ask_again(c, &verdict);
            c->n_why++;
            why->node = node;
            why->from = table->transition[t].from;
            why->to = table->transition[t].to;
            why->answer = verdict.answer;
            why->again_ms = verdict.again_ms;
            why->legal[0] = '\0';
            memcpy(why->why, verdict.why, sizeof why->why);
            if (verdict.answer == GROUP_YES &&
                wish(c, node, table->transition[t].on, &verdict, why)) {
                return;
            }
        }
    }
}

void judge(struct controller *c)
{
    c->again_ms = GROUP_NEVER_MS;
    if (c->group->hold == GROUP_HOLD_POLICY || c->group->hold == GROUP_HOLD_FROZEN) {
        return;
    }
    if (judge_fitness(c) && !judge_remedies(c)) {
        judge_transitions(c);
    }
}
