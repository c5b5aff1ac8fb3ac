#include "peer_story.h"

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS    50
#define LOOK_MS    1000
#define PUBLISH_MS 200
#define ASK_DUE_MS 3000

void peer_story_say(struct peer_story *s, const char *format, ...)
{
    size_t used = strlen(s->trace);
    va_list args;

    if (used > sizeof s->trace - 1024) { /* the end is what matters */
        memmove(s->trace, s->trace + sizeof s->trace / 2, sizeof s->trace / 2);
        used = strlen(s->trace);
    }
    va_start(args, format);
    vsnprintf(s->trace + used, sizeof s->trace - used, format, args);
    va_end(args);
}

void peer_story_expect_at(struct peer_story *s, const char *file, int line, const char *expected)
{
    if (strcmp(s->trace, expected) != 0) {
        ck_abort_msg("%s:%d: the trace is\n%s\nbut should be\n%s", file, line, s->trace, expected);
    }
    s->trace[0] = '\0';
}

static struct group_action_rules action(const char *name)
{
    struct group_action_rules a = {.deadline_ms = 2000, .retry_ms = 500, .attempts = 1};

    snprintf(a.name, sizeof a.name, "%s", name);
    return a;
}

static void make_rules(struct group_rules *r)
{
    memset(r, 0, sizeof *r);
    r->n_probes = 1;
    r->probe[0] = (struct group_probe_rules){.name = "smtp", .rise = 2, .fall = 3};
    r->list[GROUP_LIST_STOP].count = 1;
    r->list[GROUP_LIST_STOP].action[0] = action("mail");
    r->list[GROUP_LIST_START].count = 1;
    r->list[GROUP_LIST_START].action[0] = action("mail");
    r->list[GROUP_LIST_VERIFY].count = 1;
    r->list[GROUP_LIST_VERIFY].action[0] = action("smtp");
    r->max_moves = 3;
    r->window_ms = 3600000;
    r->settle_ms = 3000;
    r->look_deadline_ms = 2000;
    r->look_fall = 2;
}

void peer_story_begin(struct peer_story *s, int n_nodes)
{
    int i;

    memset(s, 0, sizeof *s);
    s->n_nodes = n_nodes;
    s->now_ms = 1000;
    s->step_ms = 100;
    s->trip_ms = 50;
    s->store.holder = GROUP_NOBODY;
    make_rules(&s->rules);
    for (i = 0; i < n_nodes; i++) {
        s->node[i].down = true;
        s->node[i].verdict = GROUP_YES;
        s->node[i].verdict_why = "all well";
        group_memory_init(&s->node[i].recall);
    }
}

static bool is_awake(const struct peer_story *s, int node)
{
    return !s->node[node].down && s->node[node].stalled_ms <= s->now_ms;
}

static void watch_truth(struct peer_story *s)
{
    int i, serving = 0;

    for (i = 0; i < s->n_nodes; i++) {
        struct peer_node *n = &s->node[i];

        n->by_hand = n->by_hand && n->serving && (n->down || n->group->holder != i);
        serving += n->serving && !n->by_hand;
    }
    if (serving > 1) {
        if (s->two_served == 0) {
            peer_story_say(s, "!! two serve at %lld\n", (long long)s->now_ms);
        }
        s->two_served++;
    }
}

/* ---- the store ---- */

static void change(struct peer_story *s)
{
    s->store.revision++;
}

static void expire(struct peer_story *s)
{
    int i;

    for (i = 0; i < s->n_nodes; i++) {
        if (s->store.lease_of[i] != 0 && s->store.over_ms[i] <= s->now_ms) {
            if (s->store.lease == s->store.lease_of[i]) {
                s->store.holder = GROUP_NOBODY;
                s->store.lease = 0;
            }
            s->store.lease_of[i] = 0;
            s->store.published[i] = false;
            change(s);
        }
    }
}

static void grant(struct peer_story *s, struct peer_flight *f, int to, int64_t epoch, bool passed)
{
    s->store.epoch = epoch;
    s->store.holder = to;
    s->store.lease = s->store.lease_of[to];
    s->store.passed = passed;
    s->store.how = f->how;
    snprintf(s->store.why, sizeof s->store.why, "%s", f->why);
    change(s);
    s->store.granted_at = s->store.revision;
}

static bool transact(struct peer_story *s, struct peer_flight *f)
{
    int64_t epoch = f->step.u.run.ref.epoch;
    bool has = s->store.lease != 0 && s->store.lease == f->lease && s->store.epoch == epoch;
    int to = f->step.u.run.node;

    if (f->ask == PEER_RELEASE) {
        if (has) {
            s->store.holder = GROUP_NOBODY;
            s->store.lease = 0;
            change(s);
        }
        return has;
    }
    if (to == f->node) {
        if (s->store.lease == 0 && s->store.epoch == epoch && f->lease != 0 &&
            s->store.lease_of[to] == f->lease) {
            grant(s, f, to, epoch + 1, false);
            return true;
        }
        return false;
    }
    if (has && s->store.lease_of[to] != 0) {
        grant(s, f, to, epoch + 1, true);
        return true;
    }
    return false;
}

/* The first one of a life takes up the lease that there is; one that comes late, for a lease that
 * is gone, touches nothing. */
static void renew(struct peer_story *s, struct peer_flight *f)
{
    int64_t has = s->store.lease_of[f->node];

    if (f->life != s->node[f->node].life) {
        return;
    }
    if (has != 0 && f->lease != has && f->lease != 0) {
        f->outcome = GROUP_FAIL;
        return;
    }
    f->outcome = has == 0 && f->lease != 0 ? GROUP_FAIL : GROUP_OK;
    if (has == 0) {
        s->store.lease_of[f->node] = ++s->store.last_lease;
    }
    f->new_lease = s->store.lease_of[f->node];
    s->store.over_ms[f->node] = s->now_ms + PEER_TTL_MS;
}

static void arrive(struct peer_story *s, struct peer_flight *f)
{
    f->arrived = true;
    switch (f->ask) {
    case PEER_RENEW:
        renew(s, f);
        break;
    case PEER_PUBLISH:
        if (s->store.lease_of[f->node] == f->lease) {
            s->store.member[f->node] = f->member;
            s->store.published[f->node] = true;
            change(s);
        }
        f->outcome = GROUP_OK;
        break;
    case PEER_WATCH:
        break; /* answered when there is something new */
    case PEER_GRANT:
    case PEER_RELEASE:
        f->outcome = transact(s, f) ? GROUP_OK : GROUP_FAIL;
        break;
    }
}

/* ---- on the way ---- */

static int64_t trip(const struct peer_story *s, int node)
{
    int64_t more = s->delay != NULL ? s->delay() : 0;

    return s->node[node].cut || more < 0 ? GROUP_NEVER_MS : s->now_ms + s->trip_ms + more;
}

static struct peer_flight *send(struct peer_story *s, int node, enum peer_ask ask, int64_t due_ms)
{
    int i;

    for (i = 0; i < PEER_FLIGHT_MAX; i++) {
        struct peer_flight *f = &s->flight[i];

        if (!f->busy) {
            memset(f, 0, sizeof *f);
            f->busy = true;
            f->ask = ask;
            f->node = node;
            f->life = s->node[node].life;
            f->sent_ms = s->now_ms;
            f->arrives_ms = trip(s, node);
            f->answers_ms = GROUP_NEVER_MS;
            f->due_ms = due_ms;
            f->lease = s->node[node].lease;
            return f;
        }
    }
    ck_abort_msg("too much is on its way");
    return NULL;
}

/* ---- the keeper ---- */

static int64_t stop_at(int64_t sent_ms)
{
    return sent_ms + PEER_TTL_MS - PEER_MARGIN_MS - PEER_GUARDIAN_MS - PEER_STOP_MS;
}

static void prove(struct peer_story *s, int node, int64_t sent_ms, bool failsafe)
{
    struct group_event ev = {.kind = GROUP_EV_PROVEN};
    struct peer_node *n = &s->node[node];

    ev.u.proven.stop_at_ms = sent_ms == 0 ? 0 : stop_at(sent_ms);
    ev.u.proven.failsafe = failsafe;
    n->proven_ms = sent_ms == 0 ? 0 : sent_ms > n->proven_ms ? sent_ms : n->proven_ms;
    peer_story_feed(s, node, &ev, NULL);
}

/* The guardian is armed before anything is started, and with each proof; for as long as the group
 * may serve, and the time to stop. */
static void arm(struct peer_story *s, int node)
{
    struct peer_node *n = &s->node[node];
    int64_t guard_ms = n->group->peers->stop_at_ms + PEER_STOP_MS;

    if (s->guardian && guard_ms > n->guard_ms && guard_ms > s->now_ms) {
        n->guard_ms = guard_ms;
    }
}

static void obey(struct peer_story *s, int node)
{
    struct peer_node *n = &s->node[node];

    if (n->word.paused != n->group->paused) {
        peer_story_order(
            s, node, n->word.paused ? GROUP_CMD_PAUSE : GROUP_CMD_RESUME, GROUP_NOBODY, false, NULL,
            NULL);
    }
}

static void tell_word(struct peer_story *s, int node)
{
    struct peer_node *n = &s->node[node];
    const struct peer_store *w = &n->word;
    struct group_event ev = {.kind = GROUP_EV_STORE};
    int i;

    n->mine_told = w->lease != 0 && w->lease == n->lease;
    for (i = 0; i < s->n_nodes; i++) {
        struct group_event member = {.kind = GROUP_EV_MEMBER};

        member.u.member.node = i;
        member.u.member.member = w->published[i] ? &w->member[i] : NULL;
        peer_story_feed(s, node, &member, NULL);
    }
    ev.u.store.epoch = w->epoch;
    ev.u.store.granted_at = w->granted_at;
    ev.u.store.holder = w->holder;
    ev.u.store.mine = n->mine_told;
    ev.u.store.passed = w->passed;
    ev.u.store.how = w->how;
    ev.u.store.why = w->why;
    obey(s, node);
    peer_story_feed(s, node, &ev, NULL);
}

static void renewed(struct peer_story *s, const struct peer_flight *f)
{
    struct peer_node *n = &s->node[f->node];

    n->renewing = false;
    if (f->outcome == GROUP_UNKNOWN || f->lease != n->lease) {
        return;
    }
    if (f->outcome == GROUP_FAIL) {
        n->lease = 0;
        n->proven_ms = 0;
        prove(s, f->node, 0, false);
    }
    n->lease = f->new_lease;
    prove(s, f->node, f->sent_ms, false);
    if (n->seen > 0 && n->mine_told != (n->word.lease != 0 && n->word.lease == n->lease)) {
        tell_word(s, f->node);
    }
}

static void step_answered(struct peer_story *s, const struct peer_flight *f)
{
    struct peer_node *n = &s->node[f->node];
    struct peer_run *run = &n->run[f->step.u.run.ref.plan_slot];
    struct group_event ev = {.kind = GROUP_EV_STEP_ENDED};

    if (!run->busy ||
        memcmp(&run->effect.u.run.ref, &f->step.u.run.ref, sizeof run->effect.u.run.ref) != 0) {
        return;
    }
    run->busy = false;
    ev.u.step_ended.ref = f->step.u.run.ref;
    ev.u.step_ended.outcome = f->outcome;
    ev.u.step_ended.detail = f->outcome == GROUP_OK     ? "done"
                             : f->outcome == GROUP_FAIL ? "the store says no"
                                                        : "no answer of the store";
    peer_story_feed(s, f->node, &ev, NULL);
}

static void answered(struct peer_story *s, struct peer_flight *f)
{
    struct peer_node *n = &s->node[f->node];

    switch (f->ask) {
    case PEER_RENEW:
        renewed(s, f);
        break;
    case PEER_PUBLISH:
        break;
    case PEER_WATCH:
        n->watching = false;
        if (f->outcome == GROUP_OK && f->word.revision > n->seen) {
            n->seen = f->word.revision;
            n->word = f->word;
            tell_word(s, f->node);
        }
        break;
    case PEER_GRANT:
    case PEER_RELEASE:
        step_answered(s, f);
        break;
    }
}

static void lose_once(struct peer_story *s, struct peer_flight *f)
{
    if (f->ask == PEER_GRANT && s->lose_grant) {
        s->lose_grant = false;
        f->answers_ms = GROUP_NEVER_MS;
    } else if (f->ask == PEER_RELEASE && s->lose_release) {
        s->lose_release = false;
        f->answers_ms = GROUP_NEVER_MS;
    }
}

static void fly_one(struct peer_story *s, struct peer_flight *f)
{
    if (!f->arrived && f->arrives_ms <= s->now_ms) {
        arrive(s, f);
        f->answers_ms = f->ask == PEER_WATCH ? GROUP_NEVER_MS : trip(s, f->node);
        lose_once(s, f);
    }
    if (f->ask == PEER_WATCH && f->arrived && f->word.revision == 0 &&
        s->store.revision > f->seen) {
        f->word = s->store;
        f->answers_ms = trip(s, f->node);
        f->outcome = GROUP_OK;
    }
    if (f->life != s->node[f->node].life || f->answered) { /* nobody waits for it any more */
        if (f->arrived || f->arrives_ms == GROUP_NEVER_MS) {
            f->busy = false;
        }
        return;
    }
    if (!is_awake(s, f->node)) {
        return;
    }
    if (f->answers_ms <= s->now_ms) {
        f->busy = false;
        answered(s, f);
    } else if (f->due_ms <= s->now_ms) {
        struct peer_flight unknown = *f;

        f->answered = true; /* it may still arrive */
        unknown.outcome = GROUP_UNKNOWN;
        answered(s, &unknown);
    }
}

static void fly(struct peer_story *s)
{
    int i;

    for (i = 0; i < PEER_FLIGHT_MAX; i++) {
        if (s->flight[i].busy) {
            fly_one(s, &s->flight[i]);
        }
    }
}

static void describe(const struct peer_story *s, int node, struct group_member *m)
{
    const struct group_node *n = &s->node[node].group->node[node];

    memset(m, 0, sizeof *m);
    m->node = node;
    m->state = n->state;
    m->serving = n->serving;
    m->fit = n->fit;
    snprintf(m->fit_why, sizeof m->fit_why, "%s", n->fit_why);
    m->rests = n->start_fails > 0 && s->now_ms < n->start_rest_ms;
    m->hold = (int)s->node[node].group->hold;
}

static bool all_promise(struct peer_story *s, int node)
{
    struct group *g = s->node[node].group;
    int i;

    for (i = 0; i < s->n_nodes; i++) {
        struct group_event ev = {.kind = GROUP_EV_PROMISE};

        if (i == node) {
            continue;
        }
        ev.u.promise.until_ms = s->now_ms + PEER_TTL_MS;
        ev.u.promise.epoch = g->epoch;
        ev.u.promise.holder = node;
        if (s->node[node].apart || s->node[i].apart || !is_awake(s, i) ||
            peer_story_feed(s, i, &ev, NULL) != BATON_OK) {
            return false;
        }
    }
    return true;
}

static void failsafe(struct peer_story *s, int node)
{
    struct peer_node *n = &s->node[node];

    if (!s->failsafe || n->group->holder != node || n->proven_ms == 0 ||
        s->now_ms - n->renewed_ms < PEER_RENEW_MS / 2 ||
        s->now_ms - n->proven_ms < (stop_at(0)) / 2 || s->now_ms - n->asked_ms < PEER_RENEW_MS) {
        return;
    }
    n->asked_ms = s->now_ms;
    if (all_promise(s, node)) {
        prove(s, node, s->now_ms, true);
    }
}

static void keep(struct peer_story *s, int node)
{
    struct peer_node *n = &s->node[node];
    struct group_member m;

    if (!n->renewing && s->now_ms - n->renewed_ms >= PEER_RENEW_MS) {
        n->renewing = true;
        n->renewed_ms = s->now_ms;
        send(s, node, PEER_RENEW, s->now_ms + PEER_RENEW_MS);
    }
    if (!n->watching) {
        n->watching = true;
        send(s, node, PEER_WATCH, s->now_ms + ASK_DUE_MS)->seen = n->seen;
    }
    describe(s, node, &m);
    if (n->lease != 0 && s->now_ms - n->said_ms >= PUBLISH_MS &&
        (n->said_lease != n->lease || memcmp(&m, &n->said, sizeof m) != 0)) {
        n->said = m;
        n->said_lease = n->lease;
        n->said_ms = s->now_ms;
        send(s, node, PEER_PUBLISH, s->now_ms + ASK_DUE_MS)->member = m;
    }
    failsafe(s, node);
    if (n->group->holder == node) {
        arm(s, node);
    } else if (n->group->node[node].out) {
        n->guard_ms = 0;
    }
}

/* ---- one node ---- */

static void write_journal(struct peer_story *s, int node)
{
    struct peer_node *n = &s->node[node];
    struct group_event ev = {.kind = n->journal_full ? GROUP_EV_UNRECORDED : GROUP_EV_RECORDED};
    int i;

    ev.u.recorded.why = "no space left on device";
    for (i = 0; i < n->n_waiting && !n->journal_full; i++) {
        group_memory_take(&n->recall, &n->waiting[i], s->now_ms);
        ev.u.recorded.seq = n->waiting[i].seq;
    }
    n->journal_ms = s->now_ms + 2000;
    if (!n->journal_full) {
        n->n_waiting = 0;
    }
    peer_story_feed(s, node, &ev, NULL);
}

static void begin_step(struct peer_story *s, int node, const struct group_effect *e)
{
    struct peer_run *run = &s->node[node].run[e->u.run.ref.plan_slot];
    bool grants = e->u.run.kind == GROUP_STEP_GRANT;

    ck_assert_msg(!run->busy, "two steps of one plan run at once");
    ck_assert(e->u.run.node == node || grants || e->u.run.kind == GROUP_STEP_ASK);
    memset(run, 0, sizeof *run);
    run->busy = true;
    run->effect = *e;
    run->end_ms = s->now_ms + s->step_ms;
    if (e->u.run.kind == GROUP_STEP_START) {
        arm(s, node);
    }
    if (grants || e->u.run.kind == GROUP_STEP_RELEASE) {
        const struct group_plan *plan = &s->node[node].group->plan[e->u.run.ref.plan_slot];
        struct peer_flight *f =
            send(s, node, grants ? PEER_GRANT : PEER_RELEASE, e->u.run.deadline_ms);

        run->in_store = true;
        f->step = *e;
        f->how = plan->kind;
        memcpy(f->why, plan->why, sizeof f->why);
    }
}

static void trace_effect(struct peer_story *s, int node, const struct group_effect *e)
{
    const struct group *g = s->node[node].group;

    if (e->kind == GROUP_DO_NOTICE && e->u.notice.notice == GROUP_NOTICE_TRANSITION) {
        peer_story_say(
            s, "%d: %s %s → %s: %s\n", node + 1, group_node_name(g, e->u.notice.node),
            fsm_state_name(e->u.notice.from), fsm_state_name(e->u.notice.to), e->u.notice.text);
    } else if (e->kind == GROUP_DO_NOTICE) {
        peer_story_say(
            s, "%d: [%s] %s\n", node + 1, group_notice_name(e->u.notice.notice), e->u.notice.text);
    } else if (e->kind == GROUP_DO_RUN && s->steps_in_trace) {
        char words[GROUP_TEXT_MAX];

        peer_story_say(
            s, "%d:   %s on %s\n", node + 1,
            group_step_words(g, e->u.run.kind, e->u.run.action, words, sizeof words),
            group_node_name(g, e->u.run.node));
    }
}

static void take_effects(struct peer_story *s, int node)
{
    static struct group_effects fx; /* feeding the answer refills the node's */
    struct peer_node *n = &s->node[node];
    bool wrote = false;
    int i;

    fx.count = n->fx.count;
    memcpy(fx.effect, n->fx.effect, (size_t)fx.count * sizeof fx.effect[0]);
    n->fx.count = 0;
    for (i = 0; i < fx.count; i++) {
        const struct group_effect *e = &fx.effect[i];

        trace_effect(s, node, e);
        if (e->kind == GROUP_DO_RECORD) {
            ck_assert_int_lt(n->n_waiting, PEER_WAIT_MAX);
            if (n->n_waiting == 0) {
                n->journal_ms = s->now_ms + s->write_ms;
            }
            n->waiting[n->n_waiting++] = e->u.record;
            wrote = true;
        } else if (e->kind == GROUP_DO_RUN) {
            begin_step(s, node, e);
        } else if (e->kind == GROUP_DO_CANCEL) {
            n->run[e->u.run.ref.plan_slot].busy = false;
        } else if (e->kind == GROUP_DO_LOOK) {
            ck_assert_int_eq(e->u.look.node, node);
            n->wants_look = true;
        }
    }
    if (wrote && s->write_ms == 0 && !n->journal_full) {
        write_journal(s, node);
    }
}

enum baton_err peer_story_feed(
    struct peer_story *s, int node, struct group_event *ev, struct baton_error *error)
{
    enum baton_err err;

    ev->now_ms = s->now_ms;
    err = group_step(s->node[node].group, ev, &s->node[node].fx, error);
    take_effects(s, node);
    return err;
}

static enum group_outcome do_step(struct peer_node *n, const struct group_effect *e)
{
    switch (e->u.run.kind) {
    case GROUP_STEP_ASK:
        return n->veto ? GROUP_FAIL : GROUP_OK;
    case GROUP_STEP_STOP:
    case GROUP_STEP_UNDO:
        n->serving = n->stop_fails && n->serving;
        return n->stop_fails ? GROUP_FAIL : GROUP_OK;
    case GROUP_STEP_LOOK:
        return n->serving ? GROUP_OK : GROUP_FAIL;
    case GROUP_STEP_START:
        n->serving = n->serving || !n->start_fails;
        return n->start_fails ? GROUP_FAIL : GROUP_OK;
    case GROUP_STEP_VERIFY:
        return n->verify_fails || !n->serving ? GROUP_FAIL : GROUP_OK;
    default:
        return GROUP_OK;
    }
}

/* A program goes on while its daemon stands still; its end is heard later. */
static void end_steps(struct peer_story *s, int node)
{
    struct peer_node *n = &s->node[node];
    int slot;

    for (slot = 0; slot < GROUP_PLANS; slot++) {
        struct peer_run *run = &n->run[slot];
        struct group_event ev = {.kind = GROUP_EV_STEP_ENDED};

        if (!run->busy || run->in_store || run->end_ms > s->now_ms) {
            continue;
        }
        if (run->end_ms != 0) {
            run->end_ms = 0;
            ev.u.step_ended.outcome = do_step(n, &run->effect);
            run->effect.u.run.deadline_ms = (int64_t)ev.u.step_ended.outcome;
        }
        if (is_awake(s, node)) {
            run->busy = false;
            ev.u.step_ended.ref = run->effect.u.run.ref;
            ev.u.step_ended.outcome = (enum group_outcome)run->effect.u.run.deadline_ms;
            ev.u.step_ended.detail = ev.u.step_ended.outcome == GROUP_OK ? "done" : "it failed";
            peer_story_feed(s, node, &ev, NULL);
        }
    }
}

static void look(struct peer_story *s, int node)
{
    struct peer_node *n = &s->node[node];
    struct group_event ev = {.kind = GROUP_EV_LOOKED};

    if (!n->wants_look && s->now_ms - n->looked_ms < LOOK_MS) {
        return;
    }
    n->wants_look = false;
    n->looked_ms = s->now_ms;
    ev.u.looked.node = node;
    ev.u.looked.serving = n->serving ? GROUP_YES : GROUP_NO;
    ev.u.looked.began_ms = s->now_ms;
    ev.u.looked.detail = n->serving ? "it serves" : "it is stopped";
    peer_story_feed(s, node, &ev, NULL);
}

static void live(struct peer_story *s, int node)
{
    struct peer_node *n = &s->node[node];

    if (n->guard_ms != 0 && n->guard_ms <= s->now_ms) {
        n->serving = false;
    }
    if (n->down) {
        return;
    }
    end_steps(s, node);
    if (!is_awake(s, node)) {
        return;
    }
    if (group_wake_ms(n->group) <= s->now_ms) {
        struct group_event ev = {.kind = GROUP_EV_TICK};

        peer_story_feed(s, node, &ev, NULL);
    }
    look(s, node);
    if (n->n_waiting > 0 && n->journal_ms <= s->now_ms) {
        write_journal(s, node);
    }
    keep(s, node);
}

void peer_story_pass(struct peer_story *s, int64_t ms)
{
    int64_t until = s->now_ms + ms;
    int i;

    while (s->now_ms < until) {
        s->now_ms += TICK_MS;
        expire(s);
        fly(s);
        for (i = 0; i < s->n_nodes; i++) {
            live(s, i);
            watch_truth(s);
        }
    }
}

/* ---- begin and end ---- */

void peer_story_boot(struct peer_story *s, int node)
{
    struct peer_node *n = &s->node[node];
    struct group_setup setup = {.name = "mail", .rules = &s->rules, .now_ms = s->now_ms};
    struct group_event ev = {.kind = GROUP_EV_PROVEN};
    struct baton_error error;
    int i;

    peer_story_kill(s, node);
    n->down = false;
    n->life++;
    setup.n_nodes = s->n_nodes;
    for (i = 0; i < s->n_nodes; i++) {
        snprintf(setup.node[i].name, sizeof setup.node[i].name, "server%02d", i + 1);
        setup.node[i].priority = i + 1;
    }
    setup.peers = true;
    setup.self = node;
    setup.candidate_ms = 2000;
    setup.forgot_ms = s->failsafe ? PEER_TTL_MS : 0;
    group_memory_now(&n->recall, s->now_ms, &setup.memory);
    ck_assert_msg(group_new(&setup, &n->group, &error) == BATON_OK, "%s", error.text);
    ev.u.proven.stop_at_ms = n->guard_ms != 0 ? n->guard_ms - PEER_STOP_MS : 0;
    ev.u.proven.why = "the guardian";
    peer_story_feed(s, node, &ev, NULL);
    peer_story_verdict(s, node, n->verdict, n->verdict_why);
}

void peer_story_kill(struct peer_story *s, int node)
{
    struct peer_node *n = &s->node[node];

    group_free(n->group);
    n->group = NULL;
    n->down = true;
    n->life++;
    n->stalled_ms = 0;
    n->n_waiting = 0;
    n->lease = n->renewed_ms = n->proven_ms = n->asked_ms = n->seen = n->said_lease = 0;
    n->watching = n->renewing = n->mine_told = n->wants_look = false;
    n->looked_ms = 0;
    memset(n->run, 0, sizeof n->run);
    n->fx.count = 0;
}

void peer_story_end(struct peer_story *s)
{
    int i;

    ck_assert_msg(
        s->two_served == 0, "two nodes served at %d instants\n%s", s->two_served, s->trace);
    for (i = 0; i < s->n_nodes; i++) {
        peer_story_kill(s, i);
    }
}

void peer_story_verdict(struct peer_story *s, int node, enum group_answer fit, const char *why)
{
    struct group_event ev = {.kind = GROUP_EV_VERDICT};

    s->node[node].verdict = fit;
    s->node[node].verdict_why = why;
    if (!is_awake(s, node)) {
        return;
    }
    ev.u.verdict.node = node;
    ev.u.verdict.fit = fit;
    ev.u.verdict.why = why;
    peer_story_feed(s, node, &ev, NULL);
}

enum baton_err peer_story_propose(
    struct peer_story *s, int by, int node, enum fsm_event on, const char *why,
    struct baton_error *error)
{
    struct group_event ev = {.kind = GROUP_EV_PROPOSE};

    ev.u.propose.node = node;
    ev.u.propose.on = on;
    ev.u.propose.why = why;
    return is_awake(s, by) ? peer_story_feed(s, by, &ev, error) : BATON_IO;
}

enum baton_err peer_story_order(
    struct peer_story *s, int by, enum group_command command, int node, bool force,
    const char *reason, struct baton_error *error)
{
    struct group_event ev = {.kind = GROUP_EV_OPERATOR};

    ev.u.operator.command = command;
    ev.u.operator.node = node;
    ev.u.operator.force = force;
    ev.u.operator.by = "root";
    ev.u.operator.reason = reason;
    return is_awake(s, by) ? peer_story_feed(s, by, &ev, error) : BATON_IO;
}

void peer_story_pause(struct peer_story *s, bool paused)
{
    s->store.paused = paused;
    change(s);
}

void peer_story_normal(struct peer_story *s, int n_nodes)
{
    int i;

    peer_story_begin(s, n_nodes);
    for (i = 0; i < n_nodes; i++) {
        peer_story_boot(s, i);
    }
    peer_story_pass(s, 6000);
    for (i = 0; i < n_nodes; i++) {
        ck_assert_msg(s->node[i].group->holder == 0, "%s", s->trace);
        ck_assert_msg(
            s->node[i].group->node[0].state == FSM_ACTIVE, "as server%02d sees it\n%s", i + 1,
            s->trace);
    }
    ck_assert(s->node[0].serving);
    s->trace[0] = '\0';
}
