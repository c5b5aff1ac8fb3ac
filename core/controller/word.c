/* What the store says: watched without a pause, and told to the group, of each node what its
 * own Baton says of it first, then who has the baton. Each word is told once. */
#include "parts.h"

#include <stdio.h>
#include <string.h>

static void watched(void *arg, uint64_t request, const struct world_result *result);

void word_watch(struct controller *c)
{
    struct keeper_word *w = &c->keeper->word;
    struct world_request request = keeper_request(c, WORLD_LEASE, KEEPER_WATCH_MS);

    if (w->request != 0 || w->timer != 0 || w->waits || grant_under_way(c)) {
        return;
    }
    request.u.lease.op = WORLD_LEASE_WATCH;
    request.u.lease.seen = w->revision;
    w->began_ms = world_now_ms(c->world);
    w->request = world_start(c->world, &request, watched, c);
}

void word_again(struct controller *c)
{
    struct keeper_word *w = &c->keeper->word;

    keeper_drop(c, &w->request);
    keeper_drop(c, &w->timer);
    word_watch(c);
}

/* ---- The baton ---- */

void word_deliver(struct controller *c)
{
    struct keeper_word *w = &c->keeper->word;
    struct group_event event = controller_event(c, GROUP_EV_STORE);

    w->waits = false;
    event.u.store.epoch = w->epoch;
    event.u.store.granted_at = w->granted_at;
    event.u.store.holder = w->holder;
    event.u.store.mine = w->mine;
    event.u.store.passed = w->passed;
    event.u.store.how = w->how;
    event.u.store.why = w->why;
    if (c->group->peers != NULL) {
        controller_take(c, &event, NULL);
    }
    word_watch(c);
}

static void take_baton(struct controller *c, const struct lease_word *word)
{
    struct keeper_word *w = &c->keeper->word;
    bool same = w->told && w->revision == word->revision && w->mine == word->mine;

    w->told = true;
    w->revision = word->revision;
    w->holder = word->holder;
    w->mine = word->mine;
    w->epoch = word->epoch;
    w->granted_at = word->granted_at;
    w->how = word->how;
    w->passed = word->passed;
    snprintf(w->why, sizeof w->why, "%s", word->why);
    if (same) {
        return;
    }
    /* It was passed to us: the start steps come next, and the guardian before them. */
    if (w->mine && guard_wanted(c) && !guard_stands(c) && guard_arm(c)) {
        w->waits = true;
        return;
    }
    word_deliver(c);
}

/* ---- The others ---- */

static uint64_t add_number(uint64_t hash, uint64_t value)
{
    return (hash ^ value) * 0x100000001b3u;
}

static uint64_t add_text(uint64_t hash, const char *text)
{
    for (; *text != '\0'; text++) { /* FNV-1a */
        hash = add_number(hash, (unsigned char)*text);
    }
    return add_number(hash, 0);
}

/* So that what has not changed is not taken for seen again. */
static uint64_t digest_of(const struct group_member *m)
{
    uint64_t hash = 0xcbf29ce484222325u;
    int i;

    hash = add_number(hash, (uint64_t)m->state);
    hash = add_number(hash, (uint64_t)m->serving);
    hash = add_number(hash, (uint64_t)m->fit);
    hash = add_number(hash, (uint64_t)m->hold + (m->rests ? 1000 : 0));
    hash = add_number(hash, m->policy);
    hash = add_text(hash, m->state_why);
    hash = add_text(hash, m->fit_why);
    hash = add_text(hash, m->serving_why);
    for (i = 0; i < m->n_probes; i++) {
        hash = add_text(hash, m->probe[i].name);
        hash = add_number(hash, (uint64_t)m->probe[i].status);
        hash = add_number(hash, (uint64_t)m->probe[i].last + (m->probe[i].resting ? 1000 : 0));
        hash = add_number(hash, (uint64_t)m->probe[i].run);
    }
    return hash;
}

/* A group in shadow follows who is seen serving: their own Batons see it. */
static void tell_shadow(struct controller *c, int node, const struct group_member *member)
{
    struct group_event event = controller_event(c, GROUP_EV_LOOKED);

    event.u.looked.node = node;
    event.u.looked.serving = member != NULL ? member->serving : GROUP_UNSURE;
    event.u.looked.began_ms = event.now_ms;
    event.u.looked.detail = member != NULL ? member->serving_why : "its Baton is not heard of";
    controller_take(c, &event, NULL);
    event = controller_event(c, GROUP_EV_VERDICT);
    event.u.verdict.node = node;
    event.u.verdict.fit = member != NULL ? member->fit : GROUP_UNSURE;
    event.u.verdict.why = member != NULL ? member->fit_why : "its Baton is not heard of";
    controller_take(c, &event, NULL);
}

static void warn_of_policy(struct controller *c, int node, const struct group_member *member)
{
    if (member->policy != policy_digest(c->policy)) {
        controller_log(
            c, WORLD_WARNING, node, "policy",
            "%s runs another policy, or another version of it, than this node: all of a group "
            "should run the same",
            group_node_name(c->group, node));
    }
}

static void tell_member(struct controller *c, int node, const struct group_member *member)
{
    struct group_event event = controller_event(c, GROUP_EV_MEMBER);
    struct keeper_word *w = &c->keeper->word;
    uint64_t digest = member != NULL ? digest_of(member) : 0;

    if (w->told && w->alive[node] == (member != NULL) && w->member[node] == digest) {
        return;
    }
    if (member != NULL && !w->alive[node]) {
        warn_of_policy(c, node, member);
    }
    w->alive[node] = member != NULL;
    w->member[node] = digest;
    if (keeper_shadow(c)) {
        tell_shadow(c, node, member);
        return;
    }
    event.u.member.node = node;
    event.u.member.member = member;
    controller_take(c, &event, NULL);
}

static void take_members(struct controller *c, const struct lease_word *word)
{
    int node, i;

    for (node = 0; node < c->group->n_nodes; node++) {
        const struct group_member *member = NULL;

        for (i = 0; i < word->n_members; i++) {
            if (word->member[i].node == node) {
                member = &word->member[i];
            }
        }
        if (node != c->keeper->self) {
            tell_member(c, node, member);
        }
    }
}

/* ---- The pause ---- */

void word_pause(struct controller *c)
{
    const struct keeper_word *w = &c->keeper->word;
    const struct keeper_order *order = &c->keeper->order;
    struct group_event event = controller_event(c, GROUP_EV_OPERATOR);
    bool own = order->open && order->command == GROUP_CMD_RESUME;

    if (!w->told || w->paused == c->group->paused) {
        return;
    }
    event.u.operator.node = GROUP_NOBODY;
    event.u.operator.command = w->paused ? GROUP_CMD_PAUSE : GROUP_CMD_RESUME;
    event.u.operator.by = w->paused ? w->paused_why
    : own                           ? order->by
                                    : "an operator, for all nodes";
    event.u.operator.reason = own && order->reason[0] != '\0' ? order->reason : NULL;
    controller_feed(c, &event, NULL);
}

/* ---- The watch ---- */

static void take(struct controller *c, const struct lease_word *word)
{
    struct keeper_word *w = &c->keeper->word;
    bool first = !w->told;

    if (w->silent) {
        controller_log(c, WORLD_INFO, c->keeper->self, "store", "it is heard again");
    }
    w->silent = false;
    take_members(c, word);
    w->paused = word->paused;
    snprintf(w->paused_why, sizeof w->paused_why, "%s", word->paused_why);
    take_baton(c, word);
    if (!keeper_shadow(c)) {
        wish_heard(c, word, first);
    }
    controller_settle(c);
    word_watch(c);
}

static void rested(void *arg, uint64_t request, const struct world_result *result)
{
    struct controller *c = arg;

    (void)request;
    (void)result;
    c->keeper->word.timer = 0;
    word_watch(c);
}

/* Another version's keys, or somebody's hand in them. */
static void tell_left_out(struct controller *c, const char *detail)
{
    struct keeper_word *w = &c->keeper->word;
    const char *part = strstr(detail, WORLD_LEFT_OUT);
    const char *text = part != NULL ? part + strlen(WORLD_LEFT_OUT) : "";

    if (strcmp(text, w->left_out) != 0 && text[0] != '\0') {
        controller_log(c, WORLD_WARNING, c->keeper->self, "store", "can't be read: %s", text);
    }
    snprintf(w->left_out, sizeof w->left_out, "%s", text);
}

static void watched(void *arg, uint64_t request, const struct world_result *result)
{
    struct controller *c = arg;
    struct keeper_word *w = &c->keeper->word;
    bool silent = result->outcome != WORLD_OK && result->code != 0;

    (void)request;
    w->request = 0;
    if (result->outcome == WORLD_OK && result->word != NULL) {
        tell_left_out(c, result->detail);
        take(c, result->word);
        return;
    }
    if (silent && !w->silent) {
        w->silent = true;
        controller_log(
            c, WORLD_WARNING, c->keeper->self, "store", "not heard any more: %s", result->detail);
    }
    if (silent || world_now_ms(c->world) == w->began_ms) {
        w->timer = keeper_sleep(c, world_now_ms(c->world) + c->keeper->times.renew_ms, rested);
    } else {
        word_watch(c);
    }
}

void word_stop(struct controller *c)
{
    keeper_drop(c, &c->keeper->word.request);
    keeper_drop(c, &c->keeper->word.timer);
}
