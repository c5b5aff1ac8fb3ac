/* Commands among peers: a pause is put into the store, for all; a move is made by the Baton that
 * holds the baton, and where that is another one, the wish is put into the store and the answer
 * waited for. A wish that nobody takes up is withdrawn, so that it is not done an hour later. */
#include "parts.h"

#include <stdio.h>
#include <string.h>

/* ---- Ours, carried out elsewhere ---- */

static void tell(struct controller *c, bool refused, const char *text)
{
    struct keeper_order *order = &c->keeper->order;
    struct controller_news news = {
        .kind = CONTROLLER_ANSWER, .node = GROUP_NOBODY, .refused = refused, .text = text};

    keeper_drop(c, &order->timer);
    order->open = false;
    controller_log(
        c, refused ? WORLD_WARNING : WORLD_INFO, GROUP_NOBODY, "command", "%s by %s%s: %s",
        group_command_name(order->command), order->by, refused ? " was refused" : "", text);
    controller_tell(c, &news);
}

static void pause_put(void *arg, uint64_t request, const struct world_result *result)
{
    struct controller *c = arg;
    struct keeper_order *order = &c->keeper->order;
    char text[GROUP_TEXT_MAX];

    (void)request;
    order->request = 0;
    if (result->outcome == WORLD_OK) {
        tell(
            c, false,
            order->command == GROUP_CMD_PAUSE ? "the group is paused on all nodes"
                                              : "the group is resumed on all nodes");
        return;
    }
    snprintf(
        text, sizeof text, "the store %s: %.160s",
        result->outcome == WORLD_FAIL ? "says no" : "does not answer, so see what came of it",
        result->detail);
    tell(c, true, text);
}

static bool is_answered(struct controller *c)
{
    const struct lease_answer *heard = &c->keeper->heard;
    struct keeper_order *order = &c->keeper->order;

    if (!order->open || order->id == 0 || heard->id != order->id) {
        return false;
    }
    tell(c, heard->refused, heard->text);
    return true;
}

static void not_taken_up(void *arg, uint64_t request, const struct world_result *result)
{
    struct controller *c = arg;
    struct keeper *k = c->keeper;
    char text[GROUP_TEXT_MAX];

    (void)request;
    (void)result;
    k->order.timer = 0;
    snprintf(
        text, sizeof text, "no Baton has taken it up within %lld s; it is withdrawn",
        (long long)(k->times.ttl_ms / 1000));
    if (k->answer.open.id == 0) {
        k->answer.open.id = k->answer.handled = k->order.id;
        k->answer.open.refused = true;
        snprintf(k->answer.open.text, sizeof k->answer.open.text, "%s", text);
        k->answer.next_ms = 0;
    }
    tell(c, true, text);
    wish_review(c);
}

static void wish_put(void *arg, uint64_t request, const struct world_result *result)
{
    struct controller *c = arg;
    struct keeper *k = c->keeper;
    char text[GROUP_TEXT_MAX];

    (void)request;
    k->order.request = 0;
    if (result->outcome != WORLD_OK) {
        snprintf(
            text, sizeof text, "the store %s: %.160s",
            result->outcome == WORLD_FAIL ? "says no" : "does not answer, so see what came of it",
            result->detail);
        tell(c, true, text);
        return;
    }
    k->order.id = result->value;
    if (!is_answered(c)) {
        k->order.timer = keeper_sleep(c, world_now_ms(c->world) + k->times.ttl_ms, not_taken_up);
    }
}

static void open_order(struct controller *c, const struct group_event *event)
{
    struct keeper_order *order = &c->keeper->order;

    order->open = true;
    order->id = 0;
    order->command = event->u.operator.command;
    snprintf(
        order->by, sizeof order->by, "%.*s on %s", GROUP_NAME_MAX - 1, event->u.operator.by,
        group_node_name(c->group, c->keeper->self));
    snprintf(
        order->reason, sizeof order->reason, "%s",
        event->u.operator.reason != NULL ? event->u.operator.reason : "");
}

static void put_pause(struct controller *c)
{
    struct keeper_order *order = &c->keeper->order;
    struct world_request request = keeper_request(c, WORLD_LEASE, c->keeper->times.renew_ms);
    char why[GROUP_TEXT_MAX];

    snprintf(
        why, sizeof why, "%s%s%.100s", order->by, order->reason[0] != '\0' ? ": " : "",
        order->reason);
    request.acts = true;
    request.u.lease.op = WORLD_LEASE_PAUSE;
    request.u.lease.why = order->command == GROUP_CMD_PAUSE ? why : NULL;
    order->request = world_start(c->world, &request, pause_put, c);
}

static void put_wish(struct controller *c, const struct group_event *event)
{
    struct keeper_order *order = &c->keeper->order;
    struct world_request request = keeper_request(c, WORLD_LEASE, c->keeper->times.renew_ms);
    struct lease_wish wish = {.command = order->command};

    wish.node = event->u.operator.node;
    wish.force = event->u.operator.force;
    snprintf(wish.by, sizeof wish.by, "%.*s", GROUP_NAME_MAX - 1, order->by);
    snprintf(wish.reason, sizeof wish.reason, "%s", order->reason);
    request.acts = true;
    request.u.lease.op = WORLD_LEASE_WISH;
    request.u.lease.wish = &wish;
    order->request = world_start(c->world, &request, wish_put, c);
}

/* Whose Baton makes a move: the holder's; with no holder that of the node that is wished, or of
 * the first one that is fit. */
static int mover(const struct controller *c, int wished)
{
    const struct keeper *k = c->keeper;
    const struct group *g = c->group;
    int i;

    if (k->word.holder != GROUP_NOBODY || wished != GROUP_NOBODY) {
        return k->word.holder != GROUP_NOBODY ? k->word.holder : wished;
    }
    for (i = 0; i < g->n_nodes; i++) {
        if (g->node[i].fit == GROUP_YES && (i == k->self || k->word.alive[i])) {
            return i;
        }
    }
    return k->self;
}

enum baton_err wish_command(
    struct controller *c, const struct group_event *event, struct baton_error *error)
{
    struct keeper *k = c->keeper;
    enum group_command command = event->u.operator.command;
    bool pauses = command == GROUP_CMD_PAUSE || (command == GROUP_CMD_RESUME && k->word.paused);
    bool moves = command == GROUP_CMD_FAILOVER || command == GROUP_CMD_FAILBACK;
    int node = moves ? mover(c, event->u.operator.node) : k->self;

    if (keeper_shadow(c) || !k->word.told || (!pauses && (node == k->self || node < 0)) ||
        (command == GROUP_CMD_PAUSE && c->group->paused)) {
        return controller_feed(c, event, error);
    }
    if (k->order.open) {
        return baton_fail(
            error, BATON_REFUSED, "a %s by %s is on its way: wait for what comes of it",
            group_command_name(k->order.command), k->order.by);
    }
    if (moves && !k->word.alive[node]) {
        return baton_fail(
            error, BATON_REFUSED,
            "the Baton of %s would have to do it, and is not heard of: see whether batond runs "
            "there",
            group_node_name(c->group, node));
    }
    if (moves && event->u.operator.force && event->u.operator.reason == NULL) {
        return controller_feed(c, event, error); /* refused, with what is missing */
    }
    open_order(c, event);
    if (pauses) {
        put_pause(c);
    } else {
        put_wish(c, event);
    }
    return BATON_OK;
}

/* ---- From elsewhere ---- */

static void carry_out(struct controller *c, const struct lease_wish *wish, bool late)
{
    struct keeper_answer *answer = &c->keeper->answer;
    struct group_event event = controller_event(c, GROUP_EV_OPERATOR);
    struct baton_error error = {BATON_OK, ""};
    enum baton_err err;

    event.u.operator.command = wish->command;
    event.u.operator.node = wish->node;
    event.u.operator.force = wish->force;
    event.u.operator.by = wish->by;
    event.u.operator.reason = wish->reason[0] != '\0' ? wish->reason : NULL;
    err = late ? baton_fail(
                     &error, BATON_REFUSED,
                     "it was made before the Baton of %s started: ask again if it still holds",
                     group_node_name(c->group, c->keeper->self))
               : controller_take(c, &event, &error);
    answer->handled = answer->open.id = wish->id;
    answer->open.refused = err != BATON_OK;
    answer->next_ms = 0;
    snprintf(
        answer->open.text, sizeof answer->open.text, "%.*s", GROUP_TEXT_MAX - 1,
        err != BATON_OK ? error.text : "it is being carried out");
}

void wish_heard(struct controller *c, const struct lease_word *word, bool first)
{
    struct keeper *k = c->keeper;
    const struct lease_wish *wish = &word->wish;
    bool moves = wish->command == GROUP_CMD_FAILOVER || wish->command == GROUP_CMD_FAILBACK;

    k->heard = word->answer;
    is_answered(c);
    if (wish->id != k->answer.open.id) {
        k->answer.open.id = 0; /* it is gone */
    }
    if (wish->id == 0 || wish->id == k->answer.handled || !moves ||
        wish->node >= c->group->n_nodes || mover(c, wish->node) != k->self) {
        return;
    }
    controller_log(
        c, WORLD_INFO, k->self, "command", "%s is wished by %s%s%s",
        group_command_name(wish->command), wish->by, wish->reason[0] != '\0' ? ": " : "",
        wish->reason);
    carry_out(c, wish, first);
}

static void answer_put(void *arg, uint64_t request, const struct world_result *result)
{
    struct controller *c = arg;
    struct keeper_answer *answer = &c->keeper->answer;

    (void)request;
    answer->request = 0;
    if (result->outcome == WORLD_UNKNOWN) {
        answer->next_ms = world_now_ms(c->world) + c->keeper->times.renew_ms;
    } else {
        answer->open.id = 0;
    }
}

void wish_review(struct controller *c)
{
    struct keeper_answer *answer = &c->keeper->answer;
    struct world_request request = keeper_request(c, WORLD_LEASE, c->keeper->times.renew_ms);

    if (answer->open.id == 0 || answer->request != 0 || world_now_ms(c->world) < answer->next_ms) {
        return;
    }
    request.acts = true;
    request.u.lease.op = WORLD_LEASE_ANSWER;
    request.u.lease.answer = &answer->open;
    answer->request = world_start(c->world, &request, answer_put, c);
}

void wish_stop(struct controller *c)
{
    keeper_drop(c, &c->keeper->order.request);
    keeper_drop(c, &c->keeper->order.timer);
    keeper_drop(c, &c->keeper->answer.request);
}
