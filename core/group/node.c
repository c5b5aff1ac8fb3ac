/* One node: its transitions, what is seen of it, what is thought of it. */
#include "parts.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

bool node_in_plan(const struct group *g, int node)
{
    const struct group_plan *plan = &g->plan[0];

    if (plan->kind != GROUP_PLAN_NONE && (plan->from == node || plan->taker == node)) {
        return true;
    }
    plan = &g->plan[1];
    return plan->kind != GROUP_PLAN_NONE && plan->taker == node;
}

/* What C itself can vouch for. Facts that depend on the occasion (IDLE, HOLDER_GONE,
 * FORCED, …) are the caller's. */
unsigned node_facts(const struct group *g, int node)
{
    const struct group_node *n = &g->node[node];
    unsigned facts = 0;

    facts |= g->holder == node ? FSM_HOLDS : 0;
    facts |= n->out ? FSM_OUT : 0;
    facts |= n->serving == GROUP_YES ? FSM_VERIFIED : 0;
    if (g->holder != GROUP_NOBODY && g->holder != node) {
        facts |= n->priority < g->node[g->holder].priority ? FSM_PREFERRED : 0;
        facts |= g->node[g->holder].serving != GROUP_UNSURE ? FSM_REACHABLE : 0;
    }
    return facts;
}

/* The only place where a node's state changes. */
enum baton_err node_transit(
    struct group *g, struct group_effects *fx, int node, enum fsm_event event, unsigned more_facts,
    const char *why, struct baton_error *error)
{
    struct group_node *n = &g->node[node];
    enum fsm_state from = n->state;
    const struct fsm_row *row = NULL;
    struct group_record *record;
    struct baton_error refused;
    enum baton_err err;

    err = fsm_step(from, event, node_facts(g, node) | more_facts, &row, &refused);
    if (err != BATON_OK) {
        return baton_fail(error, err, "%s: %s", n->name, refused.text);
    }
    n->state = row->to;
    n->state_since_ms = g->now_ms;
    effects_copy(n->state_why, sizeof n->state_why, why);
    record = effects_record(g, fx, GROUP_REC_TRANSITION, why);
    record->node = node;
    record->from = (int)from;
    record->to = (int)row->to;
    record->row = row->id;
    effects_copy(record->name, sizeof record->name, fsm_event_name(event));
    effects_transition(fx, node, row, from, why);
    return BATON_OK;
}

bool group_probe_rests(const struct group *group, int node, int probe)
{
    bool holds = group->holder == node;

    switch (group->rules.probe[probe].on) {
    case GROUP_ON_ALL:
        return false;
    case GROUP_ON_HOLDER:
        return !holds;
    case GROUP_ON_OTHERS:
        return holds;
    }
    return false;
}

/* The node's part changes: looks that began before say nothing any more, and probes that
 * depend on who holds the baton begin anew. */
void node_new_role(struct group *g, int node)
{
    struct group_node *n = &g->node[node];
    int i;

    n->role_ms = g->now_ms;
    n->restore_tries = 0;
    n->restore_owed = false;
    n->retry_after_ms = 0;
    for (i = 0; i < g->rules.n_probes; i++) {
        if (g->rules.probe[i].on != GROUP_ON_ALL) {
            memset(&n->health[i], 0, sizeof n->health[i]);
            n->health[i].since_ms = g->now_ms;
        }
    }
}

static bool ask_anew(struct group *g, int node, int probe)
{
    struct group_health *health = &g->node[node].health[probe];

    if (health->status != GROUP_FAIL && health->last != GROUP_FAIL) {
        return false;
    }
    memset(health, 0, sizeof *health);
    health->since_ms = g->now_ms;
    health->resting = group_probe_rests(g, node, probe);
    return true;
}

/* What has failed is asked anew: until it has failed often enough again it is not known. */
void node_forget_failures(struct group *g, int node)
{
    int i;

    for (i = 0; i < g->rules.n_probes; i++) {
        ask_anew(g, node, i);
    }
}

/* The start is over. Probes of what the holder serves have been made since the grant: those that
 * failed said no more than "not started yet", and so did a verdict that rests on them. */
void node_forget_starting(struct group *g, int node)
{
    struct group_node *n = &g->node[node];
    bool any = false;
    int i;

    for (i = 0; i < g->rules.n_probes; i++) {
        if (g->rules.probe[i].on == GROUP_ON_HOLDER) {
            any |= ask_anew(g, node, i);
        }
    }
    if (any && n->verdict == GROUP_NO) {
        n->verdict = GROUP_UNSURE;
        effects_copy(n->verdict_why, sizeof n->verdict_why, "just started");
        node_judge(g, node);
    }
}

void node_observed(struct group *g, const struct group_event *ev)
{
    const struct group_probe_rules *rules = &g->rules.probe[ev->u.observed.probe];
    struct group_health *h = &g->node[ev->u.observed.node].health[ev->u.observed.probe];
    int needed;

    h->run = h->seen_ms > 0 && h->last == ev->u.observed.outcome ? h->run + 1 : 1;
    h->last = ev->u.observed.outcome;
    h->seen_ms = g->now_ms;
    h->latency_us = ev->u.observed.latency_us;
    h->value = ev->u.observed.value;
    effects_copy(h->detail, sizeof h->detail, ev->u.observed.detail);
    needed = h->last == GROUP_OK ? rules->rise : rules->fall;
    if (h->run >= needed && h->status != h->last) {
        h->status = h->last;
        h->since_ms = g->now_ms;
    }
}

/* A "no" that was said before this machine slept: what was started since then it can't know. */
static bool is_old_news(const struct group *g, enum group_answer serving, int64_t began_ms)
{
    return serving == GROUP_NO && g->now_ms - began_ms > g->rules.look_deadline_ms + GROUP_LATE_MS;
}

/* False where it says nothing any more: the node's role changed since it began, a look that
 * began later is in already, or it is old news. */
bool node_looked(
    struct group *g, int node, enum group_answer serving, int64_t began_ms, const char *detail)
{
    struct group_node *n = &g->node[node];

    if (began_ms < n->role_ms) {
        return false;
    }
    if (is_old_news(g, serving, began_ms)) {
        char words[GROUP_TEXT_MAX];

        effects_text(
            words, sizeof words, "the answer is from %lld s ago: %s",
            (long long)((g->now_ms - began_ms) / 1000), detail);
        node_looked(g, node, GROUP_UNSURE, began_ms, words);
        return false;
    }
    if (serving != GROUP_UNSURE) {
        n->role_ms = began_ms;
    }
    n->serving_run = n->serving_seen_ms > 0 && n->serving == serving ? n->serving_run + 1 : 1;
    n->serving_since_ms = n->serving_run == 1 ? g->now_ms : n->serving_since_ms;
    n->serving = serving;
    n->serving_seen_ms = g->now_ms;
    effects_copy(n->serving_why, sizeof n->serving_why, detail);
    if (serving == GROUP_YES) {
        n->restore_tries = 0;
        n->restore_owed = false;
        n->out = false;
        n->may_serve = true;
    } else if (serving == GROUP_NO && g->holder != node && !node_in_plan(g, node)) {
        n->out = true; /* a fresh look saw it stopped, and nobody starts it */
    }
    if (serving != GROUP_YES) {
        n->rogue_told = false;
    }
    if (serving == GROUP_NO) {
        n->may_serve = false;
    }
    node_judge(g, node);
    return true;
}

/* A probe of it has failed, and not often enough yet to count, or only now. What that means
 * is the policy's business in a moment: it restarts in place or moves, as it was told to. A
 * probe that is made once an hour says nothing in a moment, so it has so long and no longer. */
bool node_about_to_fail(const struct group *g, int node)
{
    int i;

    if (g->now_ms - g->node[node].serving_since_ms >= GROUP_LEAVE_MS) {
        return false;
    }
    for (i = 0; i < g->rules.n_probes; i++) {
        const struct group_health *health = &g->node[node].health[i];

        if (!health->resting && health->last == GROUP_FAIL &&
            (health->status != GROUP_FAIL || health->since_ms == g->now_ms)) {
            return true;
        }
    }
    return false;
}

/* The policy judges probes; that a holder must serve is C's own rule. */
void node_judge(struct group *g, int node)
{
    struct group_node *n = &g->node[node];
    enum group_answer fit = n->verdict;
    char why[GROUP_TEXT_MAX];

    effects_copy(why, sizeof why, n->verdict_why);
    if (g->holder == node && g->phase == GROUP_RUNNING && n->serving == GROUP_NO &&
        n->serving_run >= g->rules.look_fall && fit != GROUP_NO && !node_about_to_fail(g, node)) {
        fit = GROUP_NO;
        effects_text(why, sizeof why, "it holds the baton but does not serve: %s", n->serving_why);
    }
    if (fit != n->fit) {
        n->fit = fit;
        n->fit_since_ms = g->now_ms;
    }
    effects_copy(n->fit_why, sizeof n->fit_why, why);
}

static void follow_holder(struct group *g, struct group_effects *fx, int node)
{
    struct group_node *n = &g->node[node];

    if (n->state == FSM_ACTIVE && n->fit == GROUP_NO) {
        node_transit(g, fx, node, FSM_UNFIT, 0, n->fit_why, NULL);
    } else if (n->state == FSM_DEGRADED && n->fit == GROUP_YES && n->serving == GROUP_YES) {
        node_transit(g, fx, node, FSM_RECOVERED, 0, n->fit_why, NULL);
    }
}

static void follow_other(struct group *g, struct group_effects *fx, int node)
{
    struct group_node *n = &g->node[node];

    switch (n->state) {
    case FSM_UNKNOWN:
    case FSM_DEGRADED:
        if (n->fit == GROUP_YES && n->serving == GROUP_NO) {
            node_transit(g, fx, node, FSM_FIT, 0, n->fit_why, NULL);
        } else if (n->fit == GROUP_NO && n->state == FSM_UNKNOWN) {
            node_transit(g, fx, node, FSM_UNFIT, 0, n->fit_why, NULL);
        }
        break;
    case FSM_STANDBY:
        if (n->fit == GROUP_NO) {
            node_transit(g, fx, node, FSM_UNFIT, 0, n->fit_why, NULL);
        }
        break;
    case FSM_ACTIVE:
    case FSM_FAILING_OVER:
    case FSM_FAILING_BACK:
        break;
    }
}

/* Let the state follow the verdict, where no plan has the node in hand. */
void node_follow(struct group *g, struct group_effects *fx, int node)
{
    const struct group_plan *plan = &g->plan[0];

    if (!peer_is_self(g, node)) {
        return;
    }
    if ((plan_is_handover(plan->kind) || plan->kind == GROUP_PLAN_RESTORE) &&
        (plan->from == node || plan->taker == node)) {
        return;
    }
    if (g->holder == node) {
        follow_holder(g, fx, node);
    } else if (g->phase == GROUP_RUNNING) {
        follow_other(g, fx, node);
    }
}
