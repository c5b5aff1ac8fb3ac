/* Failsafe: the store does not answer, and the holder asks all other nodes to vouch for it, that
 * they do not serve and leave the baton alone. One no, or one that is silent, and the lease goes
 * on running out. And the other way round: what another holder asks us, the group answers. */
#include "parts.h"

#include <stdio.h>

/* ---- We ask ---- */

static void drop_round(struct controller *c)
{
    struct keeper_failsafe *s = &c->keeper->safe;
    int i;

    for (i = 0; i < c->group->n_nodes; i++) {
        keeper_drop(c, &s->ask[i]);
    }
    s->open = 0;
}

static void round_over(struct controller *c)
{
    struct keeper *k = c->keeper;
    struct keeper_failsafe *s = &k->safe;
    int64_t stop_at_ms = lease_stop_at_ms(&k->times, s->asked_ms);
    char at[16];

    if (s->no > 0) {
        controller_log(
            c, WORLD_WARNING, k->self, "failsafe", "not all other nodes vouch for this one: %s",
            s->why);
        s->vouched = false;
        return;
    }
    if (!s->vouched) {
        controller_log(
            c, WORLD_WARNING, k->self, "failsafe",
            "all other nodes vouch for this one: serving until %s, and on while they do",
            keeper_clock(c, stop_at_ms, at));
    }
    s->vouched = true;
    keeper_proven(c, stop_at_ms, true, "all other nodes vouch for this one");
}

static void vouched(void *arg, uint64_t request, const struct world_result *result)
{
    struct controller *c = arg;
    struct keeper_failsafe *s = &c->keeper->safe;
    int i;

    for (i = 0; i < c->group->n_nodes && s->ask[i] != request; i++) {
    }
    s->ask[i] = 0;
    if (result->outcome != WORLD_OK) {
        s->no++;
        snprintf(s->why, sizeof s->why, "%s: %.180s", group_node_name(c->group, i), result->detail);
    }
    if (--s->open == 0) {
        round_over(c);
    }
}

static void ask_all(struct controller *c)
{
    struct keeper *k = c->keeper;
    struct keeper_failsafe *s = &k->safe;
    struct world_request request = keeper_request(c, WORLD_PEER, k->times.renew_ms);
    int i;

    drop_round(c);
    s->asked_ms = world_now_ms(c->world);
    s->no = 0;
    request.u.peer.op = WORLD_PEER_ASK;
    request.u.peer.holder = group_node_name(c->group, k->self);
    request.u.peer.epoch = c->group->epoch;
    request.u.peer.hold_ms = k->times.ttl_ms;
    for (i = 0; i < c->group->n_nodes; i++) {
        if (i != k->self) {
            request.u.peer.node = group_node_name(c->group, i);
            s->open++;
            s->ask[i] = world_start(c->world, &request, vouched, c);
        }
    }
    if (s->open == 0) {
        round_over(c);
    }
}

/* Nobody asks while the store proves it. Half of the time is left for the others. */
static int64_t when_to_ask(const struct controller *c)
{
    const struct keeper *k = c->keeper;
    const struct group_peers *p = c->group->peers;
    int64_t sent_ms = lease_sent_ms(&k->times, p->stop_at_ms);

    if (!k->failsafe || c->group->holder != k->self || world_now_ms(c->world) >= p->stop_at_ms) {
        return GROUP_NEVER_MS;
    }
    if (p->failsafe || k->safe.asked_ms >= sent_ms) {
        return k->safe.asked_ms + k->times.renew_ms;
    }
    return sent_ms + (p->stop_at_ms - sent_ms) / 2;
}

static void due(void *arg, uint64_t request, const struct world_result *result)
{
    struct controller *c = arg;

    (void)request;
    (void)result;
    c->keeper->safe.timer = 0;
    ask_all(c);
    failsafe_review(c);
}

void failsafe_review(struct controller *c)
{
    struct keeper_failsafe *s = &c->keeper->safe;
    int64_t at_ms = when_to_ask(c);

    if (s->timer != 0 && s->due_ms == at_ms) {
        return;
    }
    keeper_drop(c, &s->timer);
    s->due_ms = at_ms;
    if (at_ms != GROUP_NEVER_MS) {
        s->timer = keeper_sleep(c, at_ms, due);
    }
    if (!c->group->peers->failsafe && s->vouched) {
        s->vouched = false;
    }
}

/* ---- We are asked ---- */

static void heard(void *arg, uint64_t request, const struct world_result *result);

void failsafe_listen(struct controller *c)
{
    struct world_request request = keeper_request(c, WORLD_PEER, KEEPER_WATCH_MS);

    request.u.peer.op = WORLD_PEER_LISTEN;
    c->keeper->safe.listen = world_start(c->world, &request, heard, c);
}

static void listen_again(void *arg, uint64_t request, const struct world_result *result)
{
    (void)request;
    (void)result;
    failsafe_listen(arg);
}

static enum baton_err promise(
    struct controller *c, const struct world_question *question, struct baton_error *error)
{
    struct group_event event = controller_event(c, GROUP_EV_PROMISE);

    event.u.promise.holder = group_find_node(c->group, question->holder);
    event.u.promise.epoch = question->epoch;
    event.u.promise.until_ms = event.now_ms + lease_hold_ms(question->hold_ms);
    if (event.u.promise.holder == GROUP_NOBODY || event.u.promise.holder == c->keeper->self) {
        return baton_fail(
            error, BATON_REFUSED, "%s is none of the other nodes in the configuration here",
            question->holder);
    }
    if (question->hold_ms <= 0 || question->hold_ms > KEEPER_HOLD_MAX) {
        return baton_fail(
            error, BATON_REFUSED, "a promise for %lld ms is none that is made here",
            (long long)question->hold_ms);
    }
    return controller_feed(c, &event, error);
}

static void heard(void *arg, uint64_t request, const struct world_result *result)
{
    struct controller *c = arg;
    struct keeper *k = c->keeper;
    const struct world_question *question = result->question;
    struct world_request answer = keeper_request(c, WORLD_PEER, k->times.renew_ms);
    struct baton_error error = {BATON_OK, "it does not serve here, and nobody takes the baton"};

    (void)request;
    k->safe.listen = 0;
    if (result->outcome != WORLD_OK || question == NULL) {
        k->safe.listen = keeper_sleep(c, world_now_ms(c->world) + k->times.renew_ms, listen_again);
        return;
    }
    answer.u.peer.op = WORLD_PEER_ANSWER;
    answer.u.peer.ticket = question->ticket;
    answer.u.peer.yes = promise(c, question, &error) == BATON_OK;
    answer.u.peer.why = error.text;
    controller_log(
        c, WORLD_WARNING, k->self, "failsafe",
        "%s can't reach the store and asks whether this node leaves it the baton: %s%s%s",
        question->holder, answer.u.peer.yes ? "yes" : "no", answer.u.peer.yes ? "" : ", ",
        answer.u.peer.yes ? "" : error.text);
    k->safe.listen = world_start(c->world, &answer, listen_again, c);
}

void failsafe_stop(struct controller *c)
{
    drop_round(c);
    keeper_drop(c, &c->keeper->safe.timer);
    keeper_drop(c, &c->keeper->safe.listen);
}
