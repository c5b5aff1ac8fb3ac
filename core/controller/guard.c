/* This node's guardian: armed with each proof while this node may serve, disarmed when it is
 * confirmed out. It runs on where we do not, so it is asked first what it still holds: that is
 * all the proof there is before the store has answered.
 *
 * What runs already is left running where the guardian is silent; but nothing is started. */
#include "parts.h"

#include <stdio.h>

static void answered(void *arg, uint64_t request, const struct world_result *result);

static void send(struct controller *c, enum world_guard_op op, int64_t until_ms)
{
    struct keeper *k = c->keeper;
    struct world_request request = keeper_request(c, WORLD_GUARD, k->times.renew_ms);

    request.u.guard.op = op;
    request.u.guard.until_ms = until_ms;
    request.u.guard.epoch = c->group->epoch;
    k->guard.wanted_ms = until_ms;
    k->guard.request = world_start(c->world, &request, answered, c);
}

/* ---- At the start ---- */

static void asked(void *arg, uint64_t request, const struct world_result *result)
{
    struct controller *c = arg;
    struct keeper *k = c->keeper;
    char at[16];

    (void)request;
    k->guard.request = 0;
    k->guard.asked = true;
    if (result->outcome == WORLD_OK) {
        k->guard.until_ms = result->value;
        controller_log(
            c, WORLD_INFO, k->self, "guardian", "it was armed before this start, until %s",
            keeper_clock(c, result->value, at));
        keeper_proven(
            c, lease_stop_at_ms(&k->times, lease_guard_sent_ms(&k->times, result->value)), true,
            "the guardian was armed before this start");
    } else {
        if (result->outcome == WORLD_UNKNOWN) {
            controller_log(c, WORLD_ALERT, k->self, "guardian", "no answer: %s", result->detail);
            k->guard.silent = true;
        }
        keeper_proven(c, 0, false, "this Baton has just started");
    }
    keeper_begin(c);
}

static void none(void *arg, uint64_t request, const struct world_result *result)
{
    struct controller *c = arg;

    (void)request;
    (void)result;
    c->keeper->guard.request = 0;
    keeper_proven(c, 0, false, "this Baton has just started");
    keeper_begin(c);
}

void guard_ask(struct controller *c)
{
    struct keeper *k = c->keeper;
    struct world_request request = keeper_request(c, WORLD_GUARD, k->times.renew_ms);

    request.u.guard.op = WORLD_GUARD_ASK;
    k->guard.request = k->guardian ? world_start(c->world, &request, asked, c)
                                   : keeper_sleep(c, world_now_ms(c->world), none);
}

/* ---- Armed, disarmed ---- */

/* This node serves, or may at any moment. */
static bool is_needed(const struct controller *c)
{
    const struct keeper *k = c->keeper;
    const struct group_node *n = &c->group->node[k->self];

    return c->group->holder == k->self || c->group->peers->mine || k->word.mine ||
           k->grant.arming || (grant_under_way(c) && !n->out) || n->may_serve ||
           n->serving == GROUP_YES;
}

bool guard_wanted(const struct controller *c)
{
    return c->keeper->guardian;
}

bool guard_stands(const struct controller *c)
{
    return c->keeper == NULL || !c->keeper->guardian ||
           c->keeper->guard.until_ms > world_now_ms(c->world);
}

bool guard_stands_for_service(const struct controller *c)
{
    return guard_stands(c) && !c->group->node[c->keeper->self].out;
}

/* The best proof there is; 0: none. A lease that the baton is not bound to proves nothing for
 * what serves already: only where nothing does may the guardian wait for that as long. */
static int64_t proof_ms(const struct controller *c)
{
    const struct keeper *k = c->keeper;
    const struct group_peers *p = c->group->peers;
    int64_t until_ms = p->stop_at_ms;

    if (!guard_stands_for_service(c) && p->lease_ms > until_ms) {
        until_ms = p->lease_ms;
    }

    return until_ms > world_now_ms(c->world)
               ? lease_guard_at_ms(&k->times, lease_sent_ms(&k->times, until_ms))
               : 0;
}

bool guard_arm(struct controller *c)
{
    struct keeper *k = c->keeper;
    int64_t until_ms = proof_ms(c);

    if (until_ms == 0) {
        return false;
    }
    if (k->guard.request == 0) {
        send(c, WORLD_GUARD_ARM, until_ms);
    }
    return true;
}

static void failed(struct controller *c, const char *detail)
{
    struct keeper *k = c->keeper;
    bool stands = guard_stands(c);
    char at[16];

    k->guard.next_ms = world_now_ms(c->world) + k->times.renew_ms;
    snprintf(k->guard.detail, sizeof k->guard.detail, "%s", detail);
    if (k->guard.silent) {
        return;
    }
    k->guard.silent = true;
    controller_log(
        c, WORLD_ALERT, k->self, "guardian", "no answer: %s; %s%s%s", detail,
        stands ? "it stops the service at " : "nothing is started here without it",
        stands ? keeper_clock(c, k->guard.until_ms, at) : "",
        stands ? " unless it answers before" : "");
}

static void answered(void *arg, uint64_t request, const struct world_result *result)
{
    struct controller *c = arg;
    struct keeper *k = c->keeper;
    bool ok = result->outcome == WORLD_OK;

    (void)request;
    k->guard.request = 0;
    if (ok) {
        k->guard.until_ms = k->guard.wanted_ms;
        k->guard.next_ms = 0;
        if (k->guard.silent) {
            controller_log(c, WORLD_INFO, k->self, "guardian", "it answers again");
        }
        k->guard.silent = false;
        k->guard.detail[0] = '\0';
    } else {
        failed(c, result->detail);
    }
    if (k->guard.wanted_ms == 0 && (k->grant.arming || k->word.waits) && guard_arm(c)) {
        return; /* it was only just disarmed */
    }
    grant_armed(c, ok && guard_stands(c) ? NULL : ok ? "the proof has run out" : result->detail);
    if (k->word.waits) {
        word_deliver(c);
    }
    controller_settle(c);
}

void guard_review(struct controller *c)
{
    struct keeper *k = c->keeper;
    const struct group_node *n = &c->group->node[k->self];

    if (!k->guardian || !k->guard.asked || k->guard.request != 0 ||
        world_now_ms(c->world) < k->guard.next_ms) {
        return;
    }
    if (is_needed(c)) {
        int64_t until_ms = proof_ms(c);

        if (until_ms > k->guard.until_ms) {
            send(c, WORLD_GUARD_ARM, until_ms);
        }
    } else if (k->guard.until_ms != 0 && n->out && !grant_under_way(c)) {
        send(c, WORLD_GUARD_DISARM, 0);
    }
}

void guard_stop(struct controller *c)
{
    keeper_drop(c, &c->keeper->guard.request);
}
