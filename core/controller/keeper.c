/* The keeper: the part of a controller among peers that talks to the lease store, to the other
 * Batons and to the guardian. It asks and tells; what follows is the group's decision.
 *
 * Here: its life, and the lease. A renewal proves the lease from the moment before it was sent,
 * and waits no longer than until the next one is due. In shadow the store is only watched. */
#include "base/memory.h"
#include "parts.h"

#include <stdio.h>
#include <string.h>

static void renew(struct controller *c);

/* ---- What its parts share ---- */

struct world_request keeper_request(
    const struct controller *c, enum world_kind kind, int64_t timeout_ms)
{
    struct world_request request = {.kind = kind, .timeout_ms = timeout_ms};

    request.group = c->group->name;
    if (kind == WORLD_LEASE) {
        request.u.lease.node = group_node_name(c->group, c->keeper->self);
    }
    return request;
}

uint64_t keeper_sleep(struct controller *c, int64_t until_ms, world_done_fn *done)
{
    int64_t now = world_now_ms(c->world);
    struct world_request wait = keeper_request(c, WORLD_SLEEP, until_ms > now ? until_ms - now : 1);

    return world_start(c->world, &wait, done, c);
}

void keeper_drop(struct controller *c, uint64_t *request)
{
    if (*request != 0) {
        world_cancel(c->world, *request);
        *request = 0;
    }
}

bool keeper_shadow(const struct controller *c)
{
    return c->group->shadow;
}

const char *keeper_clock(const struct controller *c, int64_t at_ms, char text[16])
{
    int64_t wall = c->world->ops->wall_ms(c->world) + at_ms - world_now_ms(c->world);
    int64_t s = wall / 1000 % 86400;

    snprintf(text, 16, "%02d:%02d:%02d UTC", (int)(s / 3600), (int)(s / 60 % 60), (int)(s % 60));
    return text;
}

void keeper_proven(struct controller *c, int64_t stop_at_ms, bool failsafe, const char *why)
{
    struct group_event event = controller_event(c, GROUP_EV_PROVEN);

    event.u.proven.stop_at_ms = stop_at_ms;
    event.u.proven.failsafe = failsafe;
    event.u.proven.why = why;
    controller_feed(c, &event, NULL);
}

/* ---- The lease ---- */

static void answered(struct controller *c)
{
    struct keeper_lease *lease = &c->keeper->lease;

    if (lease->told_ms != 0) {
        controller_log(
            c, WORLD_INFO, c->keeper->self, "lease", "renewed again, after %.1f s",
            (double)(world_now_ms(c->world) - lease->silent_ms) / 1000);
    }
    lease->silent_ms = lease->told_ms = 0;
}

static void renewed_in_time(struct controller *c)
{
    struct keeper *k = c->keeper;
    bool first = !k->lease.ours;

    answered(c);
    k->lease.ours = true;
    k->lease.good_ms = k->lease.sent_ms;
    if (first && k->word.told && !k->word.mine && k->word.holder == k->self) {
        k->word.revision = 0; /* the baton may be bound to the lease that was taken up */
        word_again(c);
    }
    keeper_proven(c, lease_stop_at_ms(&k->times, k->lease.sent_ms), false, "the lease was renewed");
}

static void was_gone(struct controller *c, const char *detail)
{
    struct keeper *k = c->keeper;

    answered(c);
    controller_log(
        c, WORLD_WARNING, k->self, "lease",
        "the lease was gone, and with it the baton where this node had it (store: %s); there is a "
        "new lease",
        detail);
    k->lease.ours = true;
    k->lease.good_ms = 0;
    publish_afresh(c);
    word_again(c);
    keeper_proven(c, 0, false, detail);
}

static void unanswered(struct controller *c, const char *detail)
{
    struct keeper *k = c->keeper;
    const struct group_peers *peers = c->group->peers;
    int64_t now = world_now_ms(c->world);
    bool holds = c->group->holder == k->self && now < peers->stop_at_ms;
    char at[16];

    if (k->lease.silent_ms == 0) {
        k->lease.silent_ms = k->lease.good_ms != 0 ? k->lease.good_ms : k->lease.sent_ms;
    }
    if (!holds && k->lease.told_ms != 0 && now - k->lease.told_ms < KEEPER_TELL_MS) {
        return;
    }
    k->lease.told_ms = now;
    controller_log(
        c, WORLD_WARNING, k->self, "lease", "not renewed for %.1f s (store: %s)%s%s%s",
        (double)(now - k->lease.silent_ms) / 1000, detail, holds ? "; serving until " : "",
        holds ? keeper_clock(c, peers->stop_at_ms, at) : "", holds ? " at the latest" : "");
    failsafe_review(c);
}

static void due(void *arg, uint64_t request, const struct world_result *result)
{
    struct controller *c = arg;

    (void)request;
    (void)result;
    c->keeper->lease.timer = 0;
    renew(c);
}

static void count(struct controller *c, const struct world_result *result)
{
    struct keeper_lease *lease = &c->keeper->lease;

    lease->failed = result->outcome != WORLD_OK;
    lease->renewals += !lease->failed;
    lease->failures += lease->failed;
    if (result->outcome != WORLD_UNKNOWN) {
        lease->answered_ms = world_now_ms(c->world);
    }
    snprintf(lease->detail, sizeof lease->detail, "%s", result->detail);
}

static void renewed(void *arg, uint64_t request, const struct world_result *result)
{
    struct controller *c = arg;
    struct keeper_lease *lease = &c->keeper->lease;

    (void)request;
    lease->request = 0;
    count(c, result);
    lease->timer = keeper_sleep(c, lease->sent_ms + c->keeper->times.renew_ms, due);
    switch (result->outcome) {
    case WORLD_OK:
        renewed_in_time(c);
        break;
    case WORLD_FAIL:
        was_gone(c, result->detail);
        break;
    case WORLD_UNKNOWN:
        unanswered(c, result->detail);
        break;
    }
}

static void renew(struct controller *c)
{
    struct keeper *k = c->keeper;
    struct world_request request = keeper_request(c, WORLD_LEASE, k->times.renew_ms);

    request.u.lease.op = WORLD_LEASE_RENEW;
    request.u.lease.ttl_ms = k->times.ttl_ms;
    k->lease.sent_ms = world_now_ms(c->world);
    k->lease.request = world_start(c->world, &request, renewed, c);
}

/* ---- Life ---- */

void keeper_begin(struct controller *c)
{
    renew(c);
    word_watch(c);
    if (c->keeper->failsafe) {
        failsafe_listen(c);
    }
}

enum baton_err keeper_start(struct controller *c, const struct controller_setup *setup)
{
    struct keeper *k = c->keeper = memory_zeroed(1, sizeof *k);

    if (k == NULL) {
        return BATON_NOMEM;
    }
    k->self = setup->self;
    k->times = setup->times;
    k->guardian = setup->guardian && !setup->shadow;
    k->failsafe = setup->failsafe && !setup->shadow;
    k->word.holder = GROUP_NOBODY;
    if (setup->shadow) {
        word_watch(c);
    } else {
        guard_ask(c);
    }
    return BATON_OK;
}

void keeper_review(struct controller *c)
{
    if (c->keeper == NULL) {
        return;
    }
    word_pause(c);
    if (keeper_shadow(c)) {
        return;
    }
    guard_review(c);
    failsafe_review(c);
    publish_review(c);
    wish_review(c);
}

void keeper_stop(struct controller *c)
{
    struct keeper *k = c->keeper;

    if (k == NULL) {
        return;
    }
    keeper_drop(c, &k->lease.request);
    keeper_drop(c, &k->lease.timer);
    word_stop(c);
    publish_stop(c);
    guard_stop(c);
    failsafe_stop(c);
    wish_stop(c);
    memory_free(k);
    c->keeper = NULL;
}

/* ---- Questions ---- */

/* The detail of a renewal begins with the endpoint that answered, "https://…: …". */
static void say_endpoint(const char *detail, char *out, size_t size)
{
    const char *end = strstr(detail, ": ");
    size_t len = end != NULL ? (size_t)(end - detail) : strlen(detail);

    snprintf(out, size, "%.*s", (int)(len < size ? len : size - 1), detail);
}

void controller_lease(const struct controller *controller, struct controller_lease *out)
{
    const struct keeper *k = controller->keeper;

    memset(out, 0, sizeof *out);
    if (k == NULL) {
        return;
    }
    out->sent_ms = k->lease.good_ms;
    out->answered_ms = k->lease.answered_ms;
    out->renewals = k->lease.renewals;
    out->failures = k->lease.failures;
    if (k->lease.failed) {
        snprintf(out->store_error, sizeof out->store_error, "%s", k->lease.detail);
    } else {
        say_endpoint(k->lease.detail, out->store, sizeof out->store);
    }
    out->asks_peers = k->safe.open > 0 || controller->group->peers->failsafe;
    out->vouched_ms = k->safe.vouched ? k->safe.asked_ms : 0;
    snprintf(out->peers_error, sizeof out->peers_error, "%s", k->safe.no > 0 ? k->safe.why : "");
    out->guard_ms = k->guard.until_ms;
    snprintf(out->guard_error, sizeof out->guard_error, "%s", k->guard.detail);
}
