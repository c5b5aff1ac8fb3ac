/* Among peers: what the store, our lease and the other nodes' Batons say. It is kept here and
 * acted on in peer_follow.c, so that its order does not matter.
 *
 * This node may serve until `stop_at_ms`: as long as the baton is bound to our lease and the
 * lease stands, or the others vouch for us. A baton that we wanted to give away, and do not
 * know whether the store has done it, gives no right. */
#include "base/memory.h"
#include "parts.h"

#include <string.h>

enum baton_err peer_begin(
    struct group *g, const struct group_setup *setup, struct baton_error *error)
{
    struct group_peers *p;

    if (setup->shadow || setup->self < 0 || setup->self >= setup->n_nodes ||
        setup->candidate_ms < 0 || setup->forgot_ms < 0) {
        return baton_fail(
            error, BATON_INVALID,
            setup->shadow ? "group %s: a shadow takes no baton, so it has no lease store"
                          : "group %s: this node is none of the group's, or a time is negative",
            setup->name);
    }
    p = g->peers = memory_zeroed(1, sizeof *p);
    if (p == NULL) {
        return baton_fail(error, BATON_NOMEM, "group %s: no memory", setup->name);
    }
    p->self = setup->self;
    p->candidate_ms = setup->candidate_ms;
    p->holder = GROUP_NOBODY;
    p->least_epoch = setup->memory.epoch;
    p->had_epoch = setup->memory.holder == setup->self ? setup->memory.epoch : 0;
    /* Who held it when he stopped had promised nothing since. */
    if (!setup->memory.known || setup->memory.holder != setup->self) {
        p->forgot_ms = setup->now_ms + setup->forgot_ms;
    }
    /* It was given away when we stopped, or was about to be. Nobody knows what came of it. */
    if (setup->memory.known && (setup->memory.holder != setup->self ||
                                (setup->memory.open && !setup->memory.open_granted &&
                                 setup->memory.open_taker != setup->self))) {
        p->given_epoch = setup->memory.epoch;
    }
    return BATON_OK;
}

bool peer_is_self(const struct group *g, int node)
{
    return g->peers == NULL || g->peers->self == node;
}

bool peer_may_serve(const struct group *g)
{
    return g->now_ms < g->peers->stop_at_ms;
}

void peer_weigh(struct group_peers *p)
{
    int64_t by_lease_ms = p->mine && p->epoch > p->given_epoch ? p->lease_ms : 0;

    p->failsafe = p->vouched_ms > by_lease_ms;
    p->stop_at_ms = p->failsafe ? p->vouched_ms : by_lease_ms;
}

/* ---- The store ---- */

void peer_count_move(struct group *g, enum group_plan_kind how, bool by_operator)
{
    if (how == GROUP_PLAN_FAILOVER && !by_operator) {
        hold_count_move(g);
    }
}

/* A grant that the store tells of, made by whichever Baton. */
struct group_record *peer_note_grant(
    struct group *g, struct group_effects *fx, int64_t epoch, int holder, const char *why)
{
    struct group_record *record;

    g->epoch = epoch;
    record = effects_record(g, fx, GROUP_REC_GRANT, why);
    record->node = holder >= 0 ? holder : GROUP_NOBODY;
    record->plan_kind = (int)g->peers->how;
    return record;
}

static void went_back(struct group *g, struct group_effects *fx, int64_t epoch)
{
    hold_begin(
        g, fx, GROUP_HOLD_EPOCH, GROUP_NOBODY,
        "the store is at epoch %lld, and was at %lld before: it is an old copy, or another one. "
        "When it is the right one, say so: baton resume %s",
        (long long)epoch, (long long)g->peers->least_epoch, g->name);
}

static void take_store(struct group *g, struct group_effects *fx, const struct group_event *ev)
{
    struct group_peers *p = g->peers;
    int64_t epoch = ev->u.store.epoch;
    bool mine = ev->u.store.mine && ev->u.store.holder == p->self;

    if (epoch >= p->least_epoch && epoch < g->epoch) {
        return; /* from before a grant that we made ourselves */
    }
    if (mine && epoch <= p->gone_epoch) {
        return; /* from before we gave it up, or our lease went */
    }
    if (epoch < p->least_epoch) {
        went_back(g, fx, epoch);
    } else if (g->hold == GROUP_HOLD_EPOCH) {
        hold_end(g, fx, "the store is at the epoch that was known, or after it");
    }
    if (ev->u.store.holder == GROUP_NOBODY && (!p->told || p->holder != GROUP_NOBODY)) {
        p->free_since_ms = g->now_ms;
    }
    if (!p->refused || p->holder != ev->u.store.holder || p->mine != mine || p->epoch != epoch) {
        p->retry_ms = 0; /* what was refused may be taken now; what came of it is known */
    }
    p->holder = ev->u.store.holder;
    p->mine = mine;
    p->epoch = epoch;
    p->granted_at = ev->u.store.granted_at;
    p->word_ms = g->now_ms;
    p->passed = ev->u.store.passed;
    p->how = ev->u.store.how;
    effects_copy(p->why, sizeof p->why, ev->u.store.why != NULL ? ev->u.store.why : "");
    p->was_held = p->was_held || p->holder != GROUP_NOBODY || (p->told && epoch > g->epoch);
    if (epoch > g->epoch) {
        peer_count_move(g, p->told ? p->how : GROUP_PLAN_NONE, false);
        peer_note_grant(g, fx, epoch, p->holder, p->why);
    }
    p->least_epoch = epoch > p->least_epoch ? epoch : p->least_epoch;
    p->tried_epoch = epoch >= p->tried_epoch ? 0 : p->tried_epoch;
    if (p->holder != GROUP_NOBODY && p->holder != p->self) {
        p->vouched_ms = 0;
    }
    if (epoch == 0 && !p->told && !g->memory.known) {
        p->forgot_ms = 0; /* nobody ever held it: there was nobody to promise it to */
    }
    p->told = true;
}

/* The operator says that the store's epoch is right. */
void peer_believe_epoch(struct group *g, struct group_effects *fx)
{
    struct group_peers *p = g->peers;
    char text[GROUP_TEXT_MAX];

    effects_text(
        text, sizeof text, "the store's epoch %lld is taken as it is; %lld was known",
        (long long)p->epoch, (long long)p->least_epoch);
    effects_record(g, fx, GROUP_REC_NOTE, text);
    p->least_epoch = g->epoch = g->checked_epoch = p->epoch;
    p->gone_epoch = p->given_epoch = p->tried_epoch = 0;
}

/* ---- The lease ---- */

/* Our lease is gone, and what was bound to it. A grant that is being asked for was, too. */
static void lease_gone(struct group *g)
{
    struct group_peers *p = g->peers;
    struct group_plan *plan = &g->plan[0];

    p->lease_ms = 0;
    if (p->mine) {
        p->gone_epoch = p->epoch > p->gone_epoch ? p->epoch : p->gone_epoch;
        p->mine = false;
    }
    if (plan->kind != GROUP_PLAN_NONE && plan->taker == p->self && plan->step < plan->n_steps &&
        plan->steps[plan->step].kind == GROUP_STEP_GRANT &&
        plan->steps[plan->step].status == GROUP_STEP_RUNNING) {
        p->void_plan = plan->id;
    }
}

static void take_proven(struct group *g, struct group_effects *fx, const struct group_event *ev)
{
    struct group_peers *p = g->peers;
    int64_t until_ms = ev->u.proven.stop_at_ms;
    bool before = p->failsafe, served = g->holder == p->self && peer_may_serve(g);

    if (ev->u.proven.failsafe || (!p->proof_told && !p->told)) {
        p->vouched_ms = until_ms > p->vouched_ms ? until_ms : p->vouched_ms;
    }
    if (!ev->u.proven.failsafe && until_ms == 0) {
        lease_gone(g);
    } else if (!ev->u.proven.failsafe) {
        p->lease_ms = until_ms > p->lease_ms ? until_ms : p->lease_ms;
    }
    p->proof_told = true;
    peer_weigh(p);
    if (served && peer_may_serve(g) && before != p->failsafe) {
        effects_notice(
            fx, GROUP_NOTICE_LEASE, p->self, "%s%s%s",
            p->failsafe ? "the store is out of reach, and all other nodes vouch for this one"
                        : "the lease in the store is proven again",
            ev->u.proven.why != NULL ? ": " : "", ev->u.proven.why != NULL ? ev->u.proven.why : "");
    }
}

/* ---- The others ---- */

static void mirror_probes(struct group *g, struct group_node *n, const struct group_member *member)
{
    int i, j;

    for (i = 0; i < g->rules.n_probes; i++) {
        struct group_health *h = &n->health[i];
        const struct group_member_probe *from = NULL;

        for (j = 0; member != NULL && j < member->n_probes; j++) {
            if (strcmp(member->probe[j].name, g->rules.probe[i].name) == 0) {
                from = &member->probe[j];
            }
        }
        if (from == NULL) {
            memset(h, 0, sizeof *h);
            h->since_ms = g->now_ms;
            continue;
        }
        if (h->status != from->status) {
            h->since_ms = g->now_ms;
        }
        h->status = from->status;
        h->last = from->last;
        h->resting = from->resting;
        h->run = from->run;
        h->seen_ms = from->run > 0 ? g->now_ms : 0;
        h->latency_us = from->latency_us;
        h->value = from->value;
        effects_copy(h->detail, sizeof h->detail, from->detail);
    }
}

static void take_member(struct group *g, const struct group_event *ev)
{
    static const struct group_member silent = {
        .state_why = "its Baton is not heard of",
        .fit_why = "its Baton is not heard of",
        .serving_why = "its Baton is not heard of"};
    const struct group_member *m = ev->u.member.member;
    int node = ev->u.member.node;
    struct group_node *n = &g->node[node];
    struct group_peers *p = g->peers;

    if (node == p->self) {
        return;
    }
    mirror_probes(g, n, m);
    p->alive[node] = m != NULL;
    p->rests[node] = m != NULL && m->rests;
    p->hold[node] = m != NULL ? m->hold : GROUP_HOLD_NONE;
    m = m != NULL ? m : &silent;
    if (n->state != m->state) {
        n->state = m->state;
        n->state_since_ms = g->now_ms;
    }
    if (n->fit != m->fit) {
        n->fit = n->verdict = m->fit;
        n->fit_since_ms = g->now_ms;
    }
    n->serving_run = n->serving == m->serving ? n->serving_run + 1 : 1;
    if (n->serving != m->serving) {
        n->serving = m->serving;
        n->serving_since_ms = g->now_ms;
    }
    n->serving_seen_ms = m != &silent ? g->now_ms : 0;
    n->out = m->serving == GROUP_NO;
    effects_copy(n->state_why, sizeof n->state_why, m->state_why);
    effects_copy(n->fit_why, sizeof n->fit_why, m->fit_why);
    effects_copy(n->verdict_why, sizeof n->verdict_why, m->fit_why);
    effects_copy(n->serving_why, sizeof n->serving_why, m->serving_why);
}

/* ---- A promise ---- */

/* The holder is cut off from the store and asks us not to take the baton. What might still come
 * of a grant that we asked for must be older than his. */
static enum baton_err take_promise(
    struct group *g, const struct group_event *ev, struct baton_error *error)
{
    struct group_peers *p = g->peers;
    const struct group_node *n = &g->node[p->self];
    int64_t epoch = ev->u.promise.epoch;

    if (g->holder == p->self || p->mine) {
        return baton_fail(error, BATON_REFUSED, "%s holds the baton itself", n->name);
    }
    if (n->serving == GROUP_YES || n->may_serve || !n->out) {
        return baton_fail(
            error, BATON_REFUSED, "%s %s", n->name,
            n->serving == GROUP_YES ? "serves" : "is not seen stopped");
    }
    if (g->plan[0].kind != GROUP_PLAN_NONE && g->plan[0].taker == p->self &&
        g->plan[0].kind != GROUP_PLAN_REMEDY) {
        return baton_fail(error, BATON_REFUSED, "%s is about to take the baton", n->name);
    }
    if (p->tried_epoch > epoch) {
        return baton_fail(
            error, BATON_REFUSED,
            "%s asked the store for the baton, and does not know what came of it", n->name);
    }
    if (g->epoch > epoch || (p->told && p->holder != GROUP_NOBODY && p->epoch == epoch &&
                             p->holder != ev->u.promise.holder)) {
        return baton_fail(
            error, BATON_REFUSED, "the baton was granted to %s with epoch %lld",
            p->holder >= 0 ? group_node_name(g, p->holder) : "another node", (long long)g->epoch);
    }
    if (g->recorded_seq < g->seq) {
        return baton_fail(error, BATON_REFUSED, "the journal of %s lags behind", n->name);
    }
    if (ev->u.promise.until_ms > p->promised_ms) {
        p->promised_ms = ev->u.promise.until_ms;
    }
    p->promised_epoch = epoch > p->promised_epoch ? epoch : p->promised_epoch;
    return BATON_OK;
}

bool peer_promised(const struct group *g)
{
    const struct group_peers *p = g->peers;

    /* Who was promised it has passed it on himself. */
    if (p->mine && p->passed && p->epoch > p->promised_epoch && p->promised_epoch > 0) {
        return false;
    }
    return g->now_ms < p->promised_ms;
}

/* No free baton is taken before. */
int64_t peer_free_ms(const struct group *g)
{
    const struct group_peers *p = g->peers;

    return p->forgot_ms > p->promised_ms ? p->forgot_ms : p->promised_ms;
}

enum baton_err peer_take(
    struct group *g, const struct group_event *ev, struct group_effects *fx,
    struct baton_error *error)
{
    enum baton_err err = BATON_OK;

    switch (ev->kind) {
    case GROUP_EV_STORE:
        take_store(g, fx, ev);
        break;
    case GROUP_EV_PROVEN:
        take_proven(g, fx, ev);
        break;
    case GROUP_EV_MEMBER:
        take_member(g, ev);
        break;
    case GROUP_EV_PROMISE:
        err = take_promise(g, ev, error);
        break;
    default:
        break;
    }
    peer_weigh(g->peers);
    return err;
}
