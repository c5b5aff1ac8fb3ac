/* What the nodes remember of the last epoch that anybody granted.
 *
 * With the journal alone one controller can't know of another: two with copies of one state (a
 * backup restored on another machine) both believe that they hold the only one. So every grant
 * is also written on the nodes, with a token that was drawn at random for this controller's life.
 * A node that knows of a newer epoch, or of the same one with another token, says no, and the group
 * holds: whatever it was doing is left as it is, because the other one may be doing it rightly.
 *
 * This finds a second controller; it can't prevent one whose nodes can't be asked.
 */
#include "parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void marks_sign(const struct group *g, struct group_record *record)
{
    if (g->marks) {
        snprintf(record->name, sizeof record->name, "%016llx", (unsigned long long)g->own_token);
    }
}

uint64_t group_token(const char *name)
{
    return strlen(name) == 16 && strspn(name, "0123456789abcdef") == 16 ? strtoull(name, NULL, 16)
                                                                        : 0;
}

/* At start-up nothing is decided before each node was asked, or could not be. */
bool marks_pending(const struct group *g)
{
    int i;

    for (i = 0; g->marks && i < g->n_nodes; i++) {
        if (!g->marked[i] && g->now_ms - g->born_ms < g->rules.settle_ms) {
            return true;
        }
    }
    return false;
}

/* Nothing that runs is undone: it may be another controller's by now. */
static void abandon(struct group *g, struct group_effects *fx, struct group_plan *plan)
{
    static const char why[] = "another controller grants too: it is left as it is";
    int taker = plan->taker;
    bool taking = plan_is_handover(plan->kind), granted = plan->granted;

    if (plan->kind == GROUP_PLAN_NONE) {
        return;
    }
    step_abandon(g, fx, plan, why);
    plan_close(g, fx, plan, GROUP_FAIL, why);
    if (taking && granted) {
        effects_record(g, fx, GROUP_REC_RELEASE, why)->node = taker;
        g->holder = GROUP_NOBODY;
        node_new_role(g, taker);
    }
    if (taking) {
        node_transit(g, fx, taker, granted ? FSM_LOST : FSM_CANCELLED, 0, why, NULL);
    }
}

void marks_take(struct group *g, struct group_effects *fx, const struct group_event *ev)
{
    int node = ev->u.marked.node, i;
    int64_t epoch = ev->u.marked.epoch;

    g->marked[node] = true;
    /* An answer to a question of before our last grant may know of that one. */
    if (ev->u.marked.outcome != GROUP_FAIL ||
        (ev->u.marked.asked_epoch < g->epoch && epoch <= g->epoch)) {
        return;
    }
    g->marked_epoch = epoch > g->marked_epoch ? epoch : g->marked_epoch;
    for (i = 0; i < GROUP_PLANS; i++) {
        abandon(g, fx, &g->plan[i]);
    }
    hold_begin(
        g, fx, GROUP_HOLD_EPOCH, node,
        "%s was given epoch %lld by another controller, and this one is at %lld: there is a second "
        "one, or this one's state is an old copy. Stop the wrong one; if that is the other, say "
        "so: "
        "baton resume %s",
        g->node[node].name, (long long)epoch, (long long)g->epoch, g->name);
}

/* The operator says that this controller is the right one: its next grant is the newest. */
void marks_believe(struct group *g, struct group_effects *fx)
{
    char text[GROUP_TEXT_MAX];

    effects_text(
        text, sizeof text,
        "an operator says that this controller is the right one; epoch %lld is taken as the last",
        (long long)g->marked_epoch);
    effects_record(g, fx, GROUP_REC_NOTE, text);
    g->epoch = g->checked_epoch = g->marked_epoch > g->epoch ? g->marked_epoch : g->epoch;
    g->token = 0; /* that was not ours */
    settle_again(g, fx, text);
    g->memory.known = false; /* whoever serves is adopted, with an epoch of its own */
    g->memory.holder = GROUP_NOBODY;
}
