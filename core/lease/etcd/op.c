/* An operation, call by call.
 *
 * Why a renewal is proven by a read: a lease is renewed by the server that leads, without asking
 * the others. One that was stopped for a while (or whose network was) goes on as if it still
 * led, until it hears of the new leader; what it renews then, nobody else knows of. So a
 * renewal is followed by a linearizable read, for which a majority must agree who leads. Where
 * the answers to both have the same raft term, whoever answered the renewal was leading, or
 * asked the one that was. Where not, the lease is renewed once more.
 */
#include "parts.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum etcd_next end(struct etcd_op *op, enum world_outcome outcome, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static enum etcd_next end(struct etcd_op *op, enum world_outcome outcome, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(op->detail, sizeof op->detail, format, args);
    va_end(args);
    op->outcome = outcome;
    return ETCD_END;
}

static enum etcd_next go(struct etcd_op *op, enum etcd_stage stage)
{
    op->stage = stage;
    return ETCD_ASK;
}

/* Another transaction came between the read and ours: once more. */
static enum etcd_next again(struct etcd_op *op, enum etcd_stage stage)
{
    if (++op->tries >= ETCD_TRIES_MAX) {
        return end(op, WORLD_UNKNOWN, "overtaken by other transactions %d times", ETCD_TRIES_MAX);
    }
    return go(op, stage);
}

const char *etcd_op_name(enum world_lease_op op)
{
    static const char *const names[] = {
        [WORLD_LEASE_RENEW] = "renew",     [WORLD_LEASE_WATCH] = "watch",
        [WORLD_LEASE_ACQUIRE] = "acquire", [WORLD_LEASE_PASS] = "pass",
        [WORLD_LEASE_RELEASE] = "release", [WORLD_LEASE_PUBLISH] = "publish",
        [WORLD_LEASE_PAUSE] = "pause",     [WORLD_LEASE_WISH] = "wish",
        [WORLD_LEASE_ANSWER] = "answer",
    };

    return (unsigned)op < sizeof names / sizeof names[0] ? names[op] : "?";
}

/* ---- What the store has ------------------------------------------------------------------ */

static bool baton_is_free(const struct etcd_view *view)
{
    return view->word.holder == GROUP_NOBODY;
}

static bool baton_is_ours(const struct etcd_op *op)
{
    return op->lease != 0 && op->view.baton_lease == op->lease;
}

/* "b has the baton with epoch 8", ends the operation. */
static enum etcd_next end_with_holder(
    struct etcd_op *op, enum world_outcome outcome, const char *what)
{
    const struct etcd_view *view = &op->view;

    if (baton_is_free(view)) {
        return end(
            op, outcome, "%s: nobody has the baton, the last epoch is %" PRId64, what,
            view->word.epoch);
    }
    return end(
        op, outcome, "%s: %s has the baton with epoch %" PRId64 "%s", what,
        view->holder[0] != 0 ? view->holder : "somebody unknown", view->word.epoch,
        strcmp(view->holder, op->site->self) == 0 && !baton_is_ours(op) ? ", under another lease"
                                                                        : "");
}

static enum etcd_next end_without_lease(struct etcd_op *op, const char *whose)
{
    return end(op, WORLD_FAIL, "the lease of %s is gone", whose);
}

/* ---- Renew --------------------------------------------------------------------------------- */

static enum etcd_next renew_begin(struct etcd_op *op)
{
    if (!op->memory->known) {
        return go(op, ETCD_STAGE_ALL);
    }
    return go(op, op->lease != 0 ? ETCD_STAGE_KEEP : ETCD_STAGE_GRANT);
}

/* The first of a run: is there a lease of an earlier one? */
static enum etcd_next renew_found(struct etcd_op *op)
{
    const struct etcd_view *view = &op->view;
    int self = -1;

    for (int i = 0; i < op->site->n_nodes; i++) {
        self = strcmp(op->site->node[i], op->site->self) == 0 ? i : self;
    }
    if (strcmp(view->holder, op->site->self) == 0) {
        op->lease = view->baton_lease;
    }
    if (op->lease == 0 && self >= 0) {
        op->lease = view->member_lease[self];
    }
    return go(op, op->lease != 0 ? ETCD_STAGE_KEEP : ETCD_STAGE_GRANT);
}

static enum etcd_next renew_kept(struct etcd_op *op, const char *body)
{
    int64_t ttl_s = 0;
    char why[GROUP_TEXT_MAX];

    if (!answer_kept(body, &ttl_s, &op->term, why, sizeof why)) {
        return end(op, WORLD_UNKNOWN, "%s", why);
    }
    if (ttl_s <= 0) {
        op->memory->lease = op->lease = 0;
        op->memory->known = op->memory->gone = true;
        op->memory->member_revision = 0;
        return go(op, ETCD_STAGE_GRANT);
    }
    /* Made for a shorter time than we would count on. */
    op->rebind = ttl_s * 1000 < op->ttl_ms;
    return go(op, op->rebind ? ETCD_STAGE_GRANT : ETCD_STAGE_PROOF);
}

static enum etcd_next renew_proven(struct etcd_op *op)
{
    if (op->view.term != op->term) {
        return again(op, ETCD_STAGE_KEEP);
    }
    op->memory->lease = op->lease;
    op->memory->known = true;
    return end(op, WORLD_OK, "lease %" PRIx64 " renewed", (uint64_t)op->lease);
}

static enum etcd_next renew_granted(struct etcd_op *op)
{
    struct etcd_memory *memory = op->memory;
    bool gone = memory->gone;

    if (op->rebind && op->stage == ETCD_STAGE_GRANT) {
        return go(op, ETCD_STAGE_BATON);
    }
    if (op->rebind && op->stage == ETCD_STAGE_BATON) {
        return go(op, ETCD_STAGE_MEMBER);
    }
    op->lease = (int64_t)op->random;
    memory->lease = op->lease;
    memory->known = true;
    memory->gone = false;
    memory->member_revision = 0;
    return gone ? end(op, WORLD_FAIL, "the lease was gone; there is a new one, %" PRIx64,
                      (uint64_t)op->lease)
                : end(op, WORLD_OK, "lease %" PRIx64 " made", (uint64_t)op->lease);
}

static enum etcd_next renew_heard(struct etcd_op *op, const char *body)
{
    switch (op->stage) {
    case ETCD_STAGE_ALL:
        return renew_found(op);
    case ETCD_STAGE_KEEP:
        return renew_kept(op, body);
    case ETCD_STAGE_PROOF:
        return renew_proven(op);
    default:
        return renew_granted(op);
    }
}

/* ---- Watch --------------------------------------------------------------------------------- */

/* A key that was deleted has no revision any more: their number tells. */
static bool is_new(const struct etcd_op *op)
{
    const struct etcd_memory *memory = op->memory;

    return op->view.newest > op->seen || op->view.word.revision < op->seen ||
           memory->seen_revision != op->seen || memory->seen_keys != op->view.n_keys;
}

static enum etcd_next watch_heard(struct etcd_op *op)
{
    struct lease_word *word = &op->view.word;
    struct etcd_memory *memory = op->memory;

    if (op->stage == ETCD_STAGE_CHECK) {
        return is_new(op) ? go(op, ETCD_STAGE_ALL) : ETCD_WAIT;
    }
    memory->seen_revision = word->revision;
    memory->seen_keys = op->view.n_keys;
    /* Before the first renewal of a run: the lease that it will take up. */
    word->mine = memory->known
                     ? memory->lease != 0 && op->view.baton_lease == memory->lease
                     : op->view.baton_lease != 0 && strcmp(op->view.holder, op->site->self) == 0;
    return end(
        op, WORLD_OK, "revision %" PRId64 "%s%s", word->revision,
        op->view.skipped[0] != 0 ? "; " WORLD_LEFT_OUT : "", op->view.skipped);
}

/* ---- Grants -----------------------------------------------------------------------------------
 */

static enum etcd_next acquire_heard(struct etcd_op *op, enum etcd_meaning meaning)
{
    if (meaning == ETCD_NO_LEASE) {
        return end_without_lease(op, "this Baton");
    }
    if (op->view.done) {
        return end(op, WORLD_OK, "taken with epoch %" PRId64, op->epoch);
    }
    if (baton_is_ours(op) && op->view.word.epoch == op->epoch) {
        return end(op, WORLD_OK, "taken with epoch %" PRId64 " already", op->epoch);
    }
    return end_with_holder(op, WORLD_FAIL, "not taken");
}

/* Whether it was passed, can be, or can't. What isn't ours any more may have been passed by an
 * earlier copy of this, and may have moved on since: then nobody can tell. */
static enum etcd_next pass_judge(struct etcd_op *op)
{
    const struct etcd_view *view = &op->view;
    const char *to = op->site->node[op->to];

    if (strcmp(view->holder, to) == 0 && view->word.passed && view->word.epoch == op->epoch) {
        return end(op, WORLD_OK, "passed to %s with epoch %" PRId64 " already", to, op->epoch);
    }
    if (!baton_is_ours(op) || view->word.epoch != op->epoch - 1) {
        return end_with_holder(
            op, view->word.epoch >= op->epoch ? WORLD_UNKNOWN : WORLD_FAIL, "not passed");
    }
    op->to_lease = view->member_lease[op->to];
    if (op->to_lease == 0) {
        return end(
            op, WORLD_FAIL, "not passed: the Baton of %s has no live lease; does it run there?",
            to);
    }
    return again(op, ETCD_STAGE_CHANGE);
}

static enum etcd_next pass_heard(struct etcd_op *op, enum etcd_meaning meaning)
{
    if (meaning == ETCD_NO_LEASE) {
        return end_without_lease(op, op->site->node[op->to]);
    }
    if (op->view.done) {
        return end(
            op, WORLD_OK, "passed to %s with epoch %" PRId64, op->site->node[op->to], op->epoch);
    }
    return pass_judge(op);
}

static enum etcd_next release_heard(struct etcd_op *op)
{
    if (op->view.done) {
        return end(op, WORLD_OK, "released with epoch %" PRId64, op->epoch);
    }
    if (baton_is_free(&op->view) && op->view.word.epoch == op->epoch) {
        return end(op, WORLD_OK, "nobody has it any more, epoch %" PRId64, op->epoch);
    }
    return end_with_holder(op, WORLD_FAIL, "not released");
}

/* ---- Member, pause, wish, answer ------------------------------------------------------------- */

static enum etcd_next publish_heard(struct etcd_op *op, enum etcd_meaning meaning)
{
    const struct etcd_site *site = op->site;

    if (meaning == ETCD_NO_LEASE) {
        return end_without_lease(op, "this Baton");
    }
    if (op->view.done) {
        op->memory->member_revision = op->view.word.revision;
        return end(op, WORLD_OK, "published at revision %" PRId64, op->view.word.revision);
    }
    op->memory->member_revision = 0;
    for (int i = 0; i < site->n_nodes; i++) {
        if (strcmp(site->node[i], site->self) == 0) {
            op->memory->member_revision = op->view.member_revision[i];
        }
    }
    return again(op, ETCD_STAGE_CHANGE);
}

static enum etcd_next pause_heard(struct etcd_op *op)
{
    const struct lease_word *word = &op->view.word;

    if (!op->view.done &&
        (word->paused != op->paused || (op->paused && strcmp(word->paused_why, op->why) != 0))) {
        return again(op, ETCD_STAGE_CHANGE);
    }
    return end(op, WORLD_OK, op->paused ? "paused" : "not paused any more");
}

static enum etcd_next wish_heard(struct etcd_op *op)
{
    const struct etcd_view *view = &op->view;

    if (view->done || (view->word.wish.id != 0 && view->wish_nonce == op->random)) {
        op->value = view->done ? view->word.revision : view->wish_revision;
        return end(op, WORLD_OK, "wish %" PRId64, op->value);
    }
    if (op->stage == ETCD_STAGE_ALL) {
        op->answer_revision = view->answer_revision;
    } else if (view->answer_revision != op->answer_revision) {
        return end(
            op, WORLD_UNKNOWN,
            "a wish was answered meanwhile, which may have been this one: \"%.200s\"; see what "
            "came of it before wishing again",
            view->word.answer.text);
    }
    return again(op, ETCD_STAGE_CHANGE);
}

static enum etcd_next answer_heard(struct etcd_op *op)
{
    const struct lease_answer *there = &op->view.word.answer;

    if (op->view.done || there->id == op->answer.id) {
        return end(op, WORLD_OK, "answered wish %" PRId64, op->answer.id);
    }
    if (there->id > op->answer.id) {
        return end(
            op, WORLD_FAIL, "wish %" PRId64 " is past: %" PRId64 " is answered already",
            op->answer.id, there->id);
    }
    return again(op, ETCD_STAGE_LATE);
}

/* ---- The dialogue -------------------------------------------------------------------------------
 */

static bool needs_lease(enum world_lease_op op)
{
    return op == WORLD_LEASE_ACQUIRE || op == WORLD_LEASE_PASS || op == WORLD_LEASE_RELEASE ||
           op == WORLD_LEASE_PUBLISH;
}

static void copy_request(struct etcd_op *op, const struct world_request *request)
{
    op->op = request->u.lease.op;
    op->ttl_ms = request->u.lease.ttl_ms;
    op->seen = request->u.lease.seen;
    op->epoch = request->u.lease.epoch;
    op->how = request->u.lease.how;
    op->paused = request->u.lease.why != NULL;
    snprintf(op->why, sizeof op->why, "%s", op->paused ? request->u.lease.why : "");
    if (request->u.lease.member != NULL) {
        op->member = *request->u.lease.member;
    }
    if (request->u.lease.wish != NULL) {
        op->wish = *request->u.lease.wish;
    }
    if (request->u.lease.answer != NULL) {
        op->answer = *request->u.lease.answer;
    }
    for (int i = 0; request->u.lease.to != NULL && i < op->site->n_nodes; i++) {
        op->to = strcmp(op->site->node[i], request->u.lease.to) == 0 ? i : op->to;
    }
}

enum etcd_next etcd_op_begin(
    struct etcd_op *op, const struct etcd_site *site, struct etcd_memory *memory,
    const struct world_request *request, uint64_t random)
{
    memset(op, 0, sizeof *op);
    op->site = site;
    op->memory = memory;
    op->lease = memory->lease;
    op->random = (random & INT64_MAX) | 1; /* a lease's number is positive */
    op->to = GROUP_NOBODY;
    copy_request(op, request);
    if (needs_lease(op->op) && op->lease == 0) {
        return end(op, WORLD_UNKNOWN, "this Baton has no lease in the store yet");
    }
    switch (op->op) {
    case WORLD_LEASE_RENEW:
        return renew_begin(op);
    case WORLD_LEASE_WATCH:
        return go(op, op->seen > 0 ? ETCD_STAGE_CHECK : ETCD_STAGE_ALL);
    case WORLD_LEASE_PASS:
        if (op->to == GROUP_NOBODY) {
            return end(op, WORLD_UNKNOWN, "no such node to pass it to");
        }
        return go(op, ETCD_STAGE_ALL);
    case WORLD_LEASE_PAUSE:
    case WORLD_LEASE_WISH:
        return go(op, ETCD_STAGE_ALL);
    default:
        return go(op, ETCD_STAGE_CHANGE);
    }
}

static char *ask_change(const struct etcd_op *op)
{
    switch (op->op) {
    case WORLD_LEASE_ACQUIRE:
        return ask_acquire(op);
    case WORLD_LEASE_PASS:
        return ask_pass(op);
    case WORLD_LEASE_RELEASE:
        return ask_release(op);
    case WORLD_LEASE_PUBLISH:
        return ask_publish(op);
    case WORLD_LEASE_PAUSE:
        return ask_pause(op);
    case WORLD_LEASE_WISH:
        return ask_wish(op);
    default:
        return ask_answer(op, true);
    }
}

char *etcd_op_ask(const struct etcd_op *op, const char **path)
{
    *path = "/kv/range";
    switch (op->stage) {
    case ETCD_STAGE_ALL:
        return ask_all(op->site, false);
    case ETCD_STAGE_CHECK:
        return ask_all(op->site, true);
    case ETCD_STAGE_PROOF:
        return ask_proof(op->site);
    case ETCD_STAGE_KEEP:
        *path = "/lease/keepalive";
        return ask_keep(op->lease);
    case ETCD_STAGE_GRANT:
        *path = "/lease/grant";
        return ask_grant((int64_t)op->random, op->ttl_ms);
    default:
        break;
    }
    *path = "/kv/txn";
    switch (op->stage) {
    case ETCD_STAGE_BATON:
    case ETCD_STAGE_MEMBER:
        return ask_rebind(op, op->stage == ETCD_STAGE_BATON);
    case ETCD_STAGE_LATE:
        return ask_answer(op, false);
    default:
        return ask_change(op);
    }
}

static enum etcd_next heard(struct etcd_op *op, enum etcd_meaning meaning, const char *body)
{
    switch (op->op) {
    case WORLD_LEASE_RENEW:
        return renew_heard(op, body);
    case WORLD_LEASE_WATCH:
        return watch_heard(op);
    case WORLD_LEASE_ACQUIRE:
        return acquire_heard(op, meaning);
    case WORLD_LEASE_PASS:
        return pass_heard(op, meaning);
    case WORLD_LEASE_RELEASE:
        return release_heard(op);
    case WORLD_LEASE_PUBLISH:
        return publish_heard(op, meaning);
    case WORLD_LEASE_PAUSE:
        return pause_heard(op);
    case WORLD_LEASE_WISH:
        return wish_heard(op);
    default:
        return answer_heard(op);
    }
}

enum etcd_next etcd_op_hear(struct etcd_op *op, enum etcd_meaning meaning, const char *body)
{
    bool is_view = op->stage != ETCD_STAGE_KEEP && op->stage != ETCD_STAGE_GRANT;
    bool values = op->stage != ETCD_STAGE_CHECK && op->stage != ETCD_STAGE_PROOF;
    char why[GROUP_TEXT_MAX];

    assert(meaning == ETCD_GOOD || meaning == ETCD_NO_LEASE || meaning == ETCD_LEASE_THERE);
    if (meaning == ETCD_GOOD && is_view &&
        !etcd_view_read(op->site, body, values, &op->view, why, sizeof why)) {
        return end(op, WORLD_UNKNOWN, "%s", why);
    }
    if (meaning == ETCD_LEASE_THERE && op->stage != ETCD_STAGE_GRANT) {
        return end(op, WORLD_UNKNOWN, "etcd speaks of a lease that nobody asked for");
    }
    return heard(op, meaning, body);
}

void etcd_op_news(struct etcd_op *op)
{
    assert(op->op == WORLD_LEASE_WATCH);
    op->stage = ETCD_STAGE_ALL;
}

void etcd_op_late(struct etcd_op *op)
{
    op->outcome = WORLD_UNKNOWN;
    op->detail[0] = 0;
    if (op->op == WORLD_LEASE_RENEW && op->memory->gone) {
        op->memory->gone = false;
        end(op, WORLD_FAIL, "the lease is gone, and a new one could not be made yet");
    }
}

char *etcd_op_watch(const struct etcd_op *op)
{
    return ask_watch(op->site, op->seen + 1);
}
