/* The invariants of the design, checked after every step over what the group is and what
 * it is about to do. None of them can break unless this program has a bug; then the group
 * is frozen: what runs goes on running, nothing is started, stopped or moved any more. */
#include "parts.h"

#include <stddef.h>

struct verdict {
    int number;
    const char *text;
};

static bool is_taking(enum fsm_state state)
{
    return state == FSM_FAILING_OVER || state == FSM_FAILING_BACK;
}

/* 1: at most one node holds the baton; 4: at most one handover runs. */
static struct verdict check_nodes(const struct group *g)
{
    bool handover = plan_is_handover(g->plan[0].kind);
    int i, taking = 0;

    for (i = 0; i < g->n_nodes; i++) {
        if (!peer_is_self(g, i)) {
            continue; /* what it says of itself may be late */
        }
        if (g->node[i].state == FSM_ACTIVE && g->holder != i) {
            return (struct verdict){1, "a node is Active without the baton"};
        }
        if (g->node[i].state == FSM_STANDBY && g->holder == i) {
            return (struct verdict){1, "a node is Standby with the baton"};
        }
        if (is_taking(g->node[i].state)) {
            taking++;
            if (!handover || g->plan[0].taker != i) {
                return (struct verdict){4, "a node takes over and no handover to it runs"};
            }
        }
    }
    if (taking > 1) {
        return (struct verdict){4, "two nodes take over at once"};
    }
    if (g->plan[1].kind != GROUP_PLAN_NONE && g->plan[1].kind != GROUP_PLAN_EVICT) {
        return (struct verdict){4, "a second handover runs"};
    }
    return (struct verdict){0, NULL};
}

/* 2, 5 and 8: what is about to run may run and is recorded. */
static struct verdict check_run(const struct group *g, const struct group_effect *effect)
{
    const struct group_plan *plan = &g->plan[effect->u.run.ref.plan_slot];

    if (effect->u.run.kind == GROUP_STEP_START &&
        (g->holder != effect->u.run.node || effect->u.run.ref.epoch != g->epoch)) {
        return (struct verdict){2, "a start step runs on a node without the current epoch"};
    }
    if (g->peers != NULL && effect->u.run.kind == GROUP_STEP_START && !peer_may_serve(g)) {
        return (struct verdict){8, "a start step runs without a proven lease"};
    }
    if (g->peers != NULL && effect->u.run.kind != GROUP_STEP_GRANT &&
        effect->u.run.kind != GROUP_STEP_ASK && effect->u.run.node != g->peers->self) {
        return (struct verdict){8, "a step runs on a node that has a Baton of its own"};
    }
    if (plan->kind != GROUP_PLAN_NONE && plan->id == effect->u.run.ref.plan_id &&
        !(g->peers != NULL && plan->kind == GROUP_PLAN_EVICT &&
          effect->u.run.kind != GROUP_STEP_RELEASE) &&
        plan->steps[effect->u.run.ref.step].record_seq > g->recorded_seq) {
        return (struct verdict){5, "a step runs before its record is durable"};
    }
    return (struct verdict){0, NULL};
}

/* 3, 6 and 7: what is about to be recorded is allowed. */
static struct verdict check_record(const struct group *g, const struct group_record *record)
{
    int64_t frees_ms;

    if (record->kind == GROUP_REC_GRANT) {
        if (g->shadow && record->plan_id != 0) {
            return (struct verdict){2, "a group in shadow grants the baton"};
        }
        if (record->epoch <= g->checked_epoch) {
            return (struct verdict){3, "an epoch is granted that does not rise"};
        }
        if (plan_is_handover(g->plan[0].kind) &&
            (g->peers == NULL || record->plan_id == g->plan[0].id) &&
            plan_not_out(g, record->node) != GROUP_NOBODY) {
            return (struct verdict){1, "the baton is granted while another node is not out"};
        }
    }
    if (record->kind == GROUP_REC_PLAN_BEGIN &&
        plan_is_handover((enum group_plan_kind)record->plan_kind)) {
        if (g->peers != NULL && g->plan[0].granted) {
            return (struct verdict){0, NULL}; /* moved by then, by whichever Baton */
        }
        if (g->paused) {
            return (struct verdict){6, "a paused group moves"};
        }
        /* A restart may remember, and a reload may leave, more moves than the limit: that is no
         * reason to refuse what does not count, nor what an operator wants. */
        if (record->plan_kind == (int)GROUP_PLAN_FAILOVER && !g->plan[0].by_operator &&
            hold_moves_within(g, &frees_ms) > g->rules.max_moves) {
            return (struct verdict){7, "more moves than the limit allows"};
        }
    }
    return (struct verdict){0, NULL};
}

static struct verdict check(const struct group *g, const struct group_effects *fx, int first)
{
    struct verdict broken = check_nodes(g);
    int i;

    if (broken.number == 0 && g->epoch < g->checked_epoch - 1) {
        broken = (struct verdict){3, "the epoch went back"};
    }
    for (i = first; i < fx->count && broken.number == 0; i++) {
        if (fx->effect[i].kind == GROUP_DO_RUN) {
            broken = check_run(g, &fx->effect[i]);
        } else if (fx->effect[i].kind == GROUP_DO_RECORD) {
            broken = check_record(g, &fx->effect[i].u.record);
        }
    }
    return broken;
}

static void remember_epochs(struct group *g, const struct group_effects *fx, int first)
{
    int i;

    for (i = first; i < fx->count; i++) {
        if (fx->effect[i].kind == GROUP_DO_RECORD &&
            fx->effect[i].u.record.kind == GROUP_REC_GRANT) {
            g->checked_epoch = fx->effect[i].u.record.epoch;
        }
    }
}

/* Nothing of what a broken step wanted to do is done, but what it recorded is kept: it is
 * the evidence. */
static void drop_runs(struct group_effects *fx, int first)
{
    int i, kept = first;

    for (i = first; i < fx->count; i++) {
        if (fx->effect[i].kind != GROUP_DO_RUN) {
            if (kept != i) {
                fx->effect[kept] = fx->effect[i];
            }
            kept++;
        }
    }
    fx->count = kept;
}

void check_invariants(struct group *g, struct group_effects *fx, int first)
{
    struct verdict broken = check(g, fx, first);

    remember_epochs(g, fx, first);
    if (broken.number != 0) {
        drop_runs(fx, first);
        hold_begin(
            g, fx, GROUP_HOLD_FROZEN, GROUP_NOBODY,
            "invariant %d is broken: %s. This is a bug in Baton: the service is left as it is, "
            "please report the history",
            broken.number, broken.text);
    }
}
