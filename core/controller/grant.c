/* Steps that the store has to take: a grant to this node or to another one, a release.
 *
 * While one is under way no word is asked for: one that was read before it and heard after it
 * would say the opposite. Where a guardian is to be armed it is armed before the store is asked,
 * so that a baton is never held by a node that could not be stopped. */
#include "parts.h"

#include <stdio.h>

bool grant_under_way(const struct controller *c)
{
    return c->keeper != NULL && c->keeper->grant.step != NULL;
}

static void end(struct controller *c, enum group_outcome outcome, bool shadowed, const char *detail)
{
    struct act_step *step = c->keeper->grant.step;

    c->keeper->grant = (struct keeper_grant){NULL, false};
    c->keeper->word.revision = 0; /* what it was told last is not what it knows now */
    act_end(step, outcome, shadowed, detail);
    word_watch(c);
}

static void answered(void *arg, uint64_t request, const struct world_result *result)
{
    (void)request;
    end(arg, (enum group_outcome)result->outcome, result->shadowed, result->detail);
}

static void ask(struct controller *c)
{
    struct keeper *k = c->keeper;
    struct act_step *step = k->grant.step;
    const struct group_plan *plan = &c->group->plan[step->ref.plan_slot];
    struct world_request request = keeper_request(c, WORLD_LEASE, k->times.renew_ms);
    bool release = step->kind == GROUP_STEP_RELEASE;

    request.acts = true;
    request.u.lease.op = release                  ? WORLD_LEASE_RELEASE
                         : plan->taker == k->self ? WORLD_LEASE_ACQUIRE
                                                  : WORLD_LEASE_PASS;
    request.u.lease.epoch = step->ref.epoch + (release ? 0 : 1);
    request.u.lease.to = group_node_name(c->group, plan->taker);
    request.u.lease.how = plan->kind;
    request.u.lease.why = plan->why;
    step->request = world_start(c->world, &request, answered, c);
}

void grant_run(struct controller *c, struct act_step *step, const struct group_effect *effect)
{
    struct keeper *k = c->keeper;
    const struct group_plan *plan = &c->group->plan[step->ref.plan_slot];

    (void)effect;
    k->grant.step = step;
    word_again(c);
    if (step->kind == GROUP_STEP_GRANT && plan->taker == k->self && guard_wanted(c) &&
        !guard_stands_for_service(c)) {
        k->grant.arming = true;
        if (!guard_arm(c)) {
            k->grant = (struct keeper_grant){NULL, false};
            step->busy = false;
            act_fail_soon(
                c, &step->ref, GROUP_FAIL, "the store was not asked: the lease is not proven");
            word_watch(c);
        }
        return;
    }
    ask(c);
}

void grant_armed(struct controller *c, const char *failed)
{
    struct keeper_grant *grant = &c->keeper->grant;
    char text[GROUP_TEXT_MAX];

    if (!grant->arming) {
        return;
    }
    grant->arming = false;
    if (failed != NULL) {
        snprintf(
            text, sizeof text, "the store was not asked: the guardian is not armed (%.200s)",
            failed);
        end(c, GROUP_FAIL, false, text);
        return;
    }
    ask(c);
}

void grant_cancelled(struct controller *c, const struct act_step *step)
{
    if (grant_under_way(c) && c->keeper->grant.step == step) {
        c->keeper->grant = (struct keeper_grant){NULL, false};
        c->keeper->word.revision = 0;
        word_watch(c);
    }
}
