/* The lease store: its keys and leases, and what a request does to them. As etcd does it: a change
 * is one transaction at one revision, and what was done may be asked for again. */
#include "base/memory.h"
#include "parts.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- Life ---------------------------------------------------------------------------------- */

enum baton_err keys_new(struct sim *sim)
{
    sim->store = memory_zeroed(1, sizeof *sim->store);
    if (sim->store == NULL) {
        return BATON_NOMEM;
    }
    sim->store->now.revision = sim->store->before.revision = 1;
    sim->store->now.holder = sim->store->before.holder = GROUP_NOBODY;
    return BATON_OK;
}

void keys_free(struct sim *sim)
{
    struct sim_store *store = sim->store;
    int i;

    if (store == NULL) {
        return;
    }
    for (i = 0; i < SIM_NODES_MAX; i++) {
        memory_free(store->member[i]);
    }
    hear_release(store->word);
    memory_free(store->lease);
    memory_free(store->lease_before);
    memory_free(store);
    sim->store = NULL;
}

void keys_ask_free(struct store_ask *ask)
{
    if (ask != NULL) {
        memory_free(ask->member);
        memory_free(ask);
    }
}

int sim_holder(const struct sim *sim, int64_t *epoch)
{
    const struct sim_store *store = sim->store;

    if (epoch != NULL) {
        *epoch = store != NULL ? store->now.epoch : 0;
    }
    return store != NULL ? store->now.holder : GROUP_NOBODY;
}

void keys_forget(struct sim *sim, const struct sim_seat *seat)
{
    if (sim->store != NULL) {
        memset(&sim->store->seat[seat - sim->seat], 0, sizeof sim->store->seat[0]);
    }
}

/* ---- Changes --------------------------------------------------------------------------------- */

int64_t keys_changed(struct sim *sim)
{
    struct sim_store *store = sim->store;

    hear_release(store->word);
    store->word = NULL;
    return ++store->now.revision;
}

void keys_tell_baton(struct sim *sim)
{
    if (sim->told != NULL) {
        sim->told(
            sim->told_arg,
            &(struct sim_told){.kind = SIM_TOLD_STORE, .node = sim->store->now.holder});
    }
}

/* What there was before a grant is kept for who wants to go back to it. */
static void keep_copy(struct sim_store *store)
{
    store->before = store->now;
    store->n_before = store->n_leases;
    store->lease_before =
        memory_resize(store->lease_before, (size_t)(store->n_leases + 1) * sizeof store->lease[0]);
    assert(store->lease_before != NULL);
    if (store->n_leases > 0) {
        memcpy(store->lease_before, store->lease, (size_t)store->n_leases * sizeof store->lease[0]);
    }
}

static void grant(struct sim *sim, const struct store_ask *ask, int to, int64_t lease, bool passed)
{
    struct store_keys *now = &sim->store->now;

    keep_copy(sim->store);
    now->granted_at = keys_changed(sim);
    now->epoch = ask->epoch;
    now->holder = to;
    now->holder_lease = lease;
    now->how = ask->how;
    now->passed = passed;
    snprintf(now->why, sizeof now->why, "%s", ask->why);
    keys_tell_baton(sim);
}

void keys_free_baton(struct sim *sim)
{
    struct store_keys *now = &sim->store->now;

    now->holder = GROUP_NOBODY;
    now->holder_lease = now->granted_at = 0;
    now->passed = false;
    now->why[0] = '\0';
    keys_tell_baton(sim);
}

void keys_drop_member(struct sim_store *store, int node)
{
    memory_free(store->member[node]);
    store->member[node] = NULL;
    store->member_lease[node] = 0;
}

/* ---- What is asked -----------------------------------------------------------------------------
 */

static void refuse_with_holder(struct sim *sim, struct event *event, const char *what)
{
    const struct store_keys *now = &sim->store->now;

    if (now->holder == GROUP_NOBODY) {
        answer_says(
            event, END_SAID_NO, "%s: nobody has the baton, the last epoch is %" PRId64, what,
            now->epoch);
    } else {
        answer_says(
            event, END_SAID_NO, "%s: %s has the baton with epoch %" PRId64 "%s", what,
            sim->node[now->holder].name, now->epoch,
            now->holder == event->seat - 1 && now->holder_lease != event->more->ask->lease
                ? ", under another lease"
                : "");
    }
}

/* The first of a run goes on with the lease that an earlier one has left. */
static void renew(struct sim *sim, struct event *event, struct store_ask *ask)
{
    struct sim_store *store = sim->store;
    uint64_t number = event->number; /* a new timer may move the event */
    int self = event->seat - 1;
    struct store_lease *lease;
    bool heard = event->u.done != NULL; /* else its Baton is another one by now */

    if (!ask->known) {
        ask->lease = store->now.holder == self ? store->now.holder_lease : 0;
        ask->lease = ask->lease != 0 ? ask->lease : store->member_lease[self];
    }
    lease = ttl_find(store, ask->lease);
    if (lease != NULL) {
        lease->ttl_ms = ask->ttl_ms;
        ttl_keep_alive(sim, lease);
    } else {
        lease = ttl_new(sim, self, ask->ttl_ms);
        event = queue_find(sim, number);
        store->seat[event->seat].gone = store->seat[event->seat].gone || (heard && ask->known);
    }
    if (heard) {
        store->seat[event->seat].lease = lease->id;
        store->seat[event->seat].known = true;
    }
    if (heard && store->seat[event->seat].gone) {
        answer_says(event, END_SAID_NO, "the lease was gone; there is a new one");
    } else {
        answer_says(event, END_SAID, "renewed");
    }
}

static void acquire(struct sim *sim, struct event *event, struct store_ask *ask)
{
    const struct store_keys *now = &sim->store->now;

    if (ttl_find(sim->store, ask->lease) == NULL) {
        answer_says(event, END_SAID_NO, "the lease of this Baton is gone");
    } else if (now->holder == GROUP_NOBODY && now->epoch == ask->epoch - 1) {
        grant(sim, ask, event->seat - 1, ask->lease, false);
        answer_says(event, END_SAID, "taken with epoch %" PRId64, ask->epoch);
    } else if (now->holder_lease == ask->lease && now->epoch == ask->epoch) {
        answer_says(event, END_SAID, "taken with epoch %" PRId64 " already", ask->epoch);
    } else {
        refuse_with_holder(sim, event, "not taken");
    }
}

static void pass(struct sim *sim, struct event *event, struct store_ask *ask)
{
    struct sim_store *store = sim->store;
    bool ours = store->now.holder_lease == ask->lease && store->now.epoch == ask->epoch - 1;
    int to = ask->to;

    if (ours && to >= 0 && store->member_lease[to] != 0) {
        grant(sim, ask, to, store->member_lease[to], true);
        answer_says(
            event, END_SAID, "passed to %s with epoch %" PRId64, sim->node[to].name, ask->epoch);
    } else if (
        to >= 0 && store->now.holder == to && store->now.passed && store->now.epoch == ask->epoch) {
        answer_says(
            event, END_SAID, "passed to %s with epoch %" PRId64 " already", sim->node[to].name,
            ask->epoch);
    } else if (ours) {
        answer_says(
            event, END_SAID_NO, "not passed: the Baton of %s has no live lease; does it run there?",
            to >= 0 ? sim->node[to].name : "that node");
    } else {
        refuse_with_holder(sim, event, "not passed");
    }
}

static void release(struct sim *sim, struct event *event, struct store_ask *ask)
{
    const struct store_keys *now = &sim->store->now;

    if (now->holder_lease == ask->lease && now->epoch == ask->epoch) {
        keys_changed(sim);
        keys_free_baton(sim);
        answer_says(event, END_SAID, "released with epoch %" PRId64, ask->epoch);
    } else if (now->holder == GROUP_NOBODY && now->epoch == ask->epoch) {
        answer_says(event, END_SAID, "nobody has it any more, epoch %" PRId64, ask->epoch);
    } else {
        refuse_with_holder(sim, event, "not released");
    }
}

static void publish(struct sim *sim, struct event *event, struct store_ask *ask)
{
    struct sim_store *store = sim->store;
    int self = event->seat - 1;

    if (ttl_find(store, ask->lease) == NULL) {
        answer_says(event, END_SAID_NO, "the lease of this Baton is gone");
        return;
    }
    keys_drop_member(store, self);
    store->member[self] = ask->member;
    store->member_lease[self] = ask->lease;
    ask->member = NULL;
    answer_says(event, END_SAID, "published at revision %" PRId64, keys_changed(sim));
}

static void pause_or_resume(struct sim *sim, struct event *event, struct store_ask *ask)
{
    struct store_keys *now = &sim->store->now;

    keys_changed(sim);
    now->paused = ask->pauses;
    snprintf(now->paused_why, sizeof now->paused_why, "%s", ask->why);
    answer_says(event, END_SAID, ask->pauses ? "paused" : "not paused any more");
}

static void wish(struct sim *sim, struct event *event, struct store_ask *ask)
{
    struct store_keys *now = &sim->store->now;

    now->wish = ask->wish;
    now->wish.id = event->value = keys_changed(sim);
    answer_says(event, END_SAID, "wish %" PRId64, now->wish.id);
}

static void answer_wish(struct sim *sim, struct event *event, struct store_ask *ask)
{
    struct store_keys *now = &sim->store->now;

    if (now->answer.id == ask->answer.id) {
        answer_says(event, END_SAID, "answered wish %" PRId64 " already", ask->answer.id);
        return;
    }
    if (now->answer.id > ask->answer.id) {
        answer_says(
            event, END_SAID_NO, "wish %" PRId64 " is past: %" PRId64 " is answered already",
            ask->answer.id, now->answer.id);
        return;
    }
    keys_changed(sim);
    now->answer = ask->answer;
    if (now->wish.id == ask->answer.id) {
        memset(&now->wish, 0, sizeof now->wish);
    }
    answer_says(event, END_SAID, "answered wish %" PRId64, ask->answer.id);
}

/* ---- There and back -------------------------------------------------------------------------- */

static bool needs_lease(enum world_lease_op op)
{
    return op == WORLD_LEASE_ACQUIRE || op == WORLD_LEASE_PASS || op == WORLD_LEASE_RELEASE ||
           op == WORLD_LEASE_PUBLISH;
}

static struct store_ask *copy_ask(struct sim *sim, const struct world_request *request)
{
    struct store_ask *ask = memory_zeroed(1, sizeof *ask);

    assert(ask != NULL);
    ask->ttl_ms = request->u.lease.ttl_ms;
    ask->seen = request->u.lease.seen;
    ask->epoch = request->u.lease.epoch;
    ask->to = model_find_node(sim, request->u.lease.to);
    ask->how = request->u.lease.how;
    ask->pauses = request->u.lease.why != NULL;
    snprintf(ask->why, sizeof ask->why, "%s", ask->pauses ? request->u.lease.why : "");
    if (request->u.lease.op == WORLD_LEASE_PUBLISH) {
        ask->member = memory_zeroed(1, sizeof *ask->member);
        assert(ask->member != NULL);
        *ask->member = *request->u.lease.member;
    }
    if (request->u.lease.op == WORLD_LEASE_WISH) {
        ask->wish = *request->u.lease.wish;
    }
    if (request->u.lease.op == WORLD_LEASE_ANSWER) {
        ask->answer = *request->u.lease.answer;
    }
    return ask;
}

void keys_start(struct sim *sim, struct event *event, const struct world_request *request)
{
    const struct sim_store *store = sim->store;
    int64_t way_ms = sim->probe_ms;

    event->kind = EVENT_LEASE;
    event->op = (uint8_t)request->u.lease.op;
    event->from = (int8_t)door_place(door_of(sim, event));
    event->to = SIM_STORE;
    queue_more(event, "");
    assert(event->more != NULL);
    if (store == NULL || event->seat == 0) {
        answer_says(event, END_UNASKED, "there is no lease store");
        answer_no(sim, event, END_UNASKED);
        return;
    }
    event->more->ask = copy_ask(sim, request);
    event->more->ask->lease = store->seat[event->seat].lease;
    event->more->ask->known = store->seat[event->seat].known;
    event->effect = event->op != WORLD_LEASE_WATCH;
    if (needs_lease(request->u.lease.op) && event->more->ask->lease == 0) {
        event->effect = false;
        answer_says(event, END_UNASKED, "this Baton has no lease in the store yet");
        answer_no(sim, event, END_UNASKED);
    } else if (model_passes(sim, event->from, SIM_STORE, &way_ms)) {
        answer_set_out(sim, event, sim->now_ms + way_ms);
    } else if (event->op == WORLD_LEASE_WATCH) {
        event->phase = PHASE_WAITS; /* asked again and again, until its time is up */
        queue_put(sim, event, event->deadline_ms);
    } else {
        event->effect = false;
        answer_at_deadline(sim, event, END_SILENT);
    }
}

/* One that has travelled for too long is done all the same: nobody waits for it any more. */
static void answer(struct sim *sim, struct event *event)
{
    event->effect = false;
    if (event->u.done != NULL && sim->now_ms > event->deadline_ms) {
        answer_at_deadline(sim, event, END_LATE);
    } else {
        answer_back(sim, event);
    }
}

void keys_work(struct sim *sim, struct event *event)
{
    static void (*const does[])(struct sim *, struct event *, struct store_ask *) = {
        [WORLD_LEASE_RENEW] = renew,     [WORLD_LEASE_ACQUIRE] = acquire,
        [WORLD_LEASE_PASS] = pass,       [WORLD_LEASE_RELEASE] = release,
        [WORLD_LEASE_PUBLISH] = publish, [WORLD_LEASE_PAUSE] = pause_or_resume,
        [WORLD_LEASE_WISH] = wish,       [WORLD_LEASE_ANSWER] = answer_wish,
    };
    int64_t revision = sim->store->now.revision;
    uint64_t number = event->number;

    if (event->op == WORLD_LEASE_WATCH) {
        event->phase = PHASE_WAITS;
        queue_put(sim, event, event->deadline_ms > sim->now_ms ? event->deadline_ms : sim->now_ms);
        hear_tell(sim, event);
        return;
    }
    if (sim->store->lost) {
        event->effect = false;
        answer_at_deadline(sim, event, END_SILENT);
        return;
    }
    does[event->op](sim, event, event->more->ask);
    answer(sim, queue_find(sim, number));
    if (sim->store->now.revision != revision) {
        hear_spread(sim);
    }
}

void keys_late(struct sim *sim, struct event *event)
{
    bool answers = !sim->store->lost && model_open(sim, event->from, SIM_STORE);

    if (!answers) {
        answer_at_deadline(sim, event, END_SILENT);
        return;
    }
    event->code = 0;
    answer_says(event, END_UNASKED, "nothing new");
    answer_no(sim, event, END_UNASKED);
}
