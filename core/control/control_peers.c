/* A Baton on every node: how the lease stands, in JSON; and following a move that another node's
 * Baton makes, of which only the group's state tells. */
#include "control/client.h"

#include <event2/event.h>
#include <string.h>

static const struct timeval look_every = {0, 200000};

#define PATIENCE_MS 60000 /* for the store, and for the Batons to hear of it */

/* ---- JSON ------------------------------------------------------------------------------- */

static json_t *node_or_null(const struct group *group, int node)
{
    return node >= 0 ? control_json_text(group_node_name(group, node)) : json_null();
}

/* How long until then; null where it is over, or never was. */
static json_t *left(int64_t now_ms, int64_t then_ms)
{
    return then_ms > now_ms ? json_integer((json_int_t)(then_ms - now_ms)) : json_null();
}

static json_t *ago(int64_t now_ms, int64_t then_ms)
{
    return then_ms > 0 && then_ms <= now_ms ? json_integer((json_int_t)(now_ms - then_ms))
                                            : json_null();
}

static json_t *text_or_null(const char *text)
{
    return text[0] != '\0' ? control_json_text(text) : json_null();
}

static json_t *alive_json(const struct group *group)
{
    json_t *alive = json_array();
    int i;

    for (i = 0; i < group->n_nodes; i++) {
        if (control_peers_alive(group, i)) {
            json_array_append_new(alive, control_json_text(group->node[i].name));
        }
    }
    return alive;
}

bool control_peers_alive(const struct group *group, int node)
{
    return group->peers == NULL || group->peers->self == node || group->peers->alive[node];
}

static json_t *lease_json(
    const struct group_peers *p, const struct controller_lease *lease, int64_t now_ms)
{
    return json_pack(
        "{s:o,s:I,s:I,s:o,s:o,s:o}", "proven_for_ms", left(now_ms, p->stop_at_ms), "renewals",
        (json_int_t)lease->renewals, "failures", (json_int_t)lease->failures, "renewed_ago_ms",
        ago(now_ms, lease->sent_ms), "store", text_or_null(lease->store), "error",
        text_or_null(lease->store_error));
}

static json_t *guardian_json(const struct controller_lease *lease, int64_t now_ms)
{
    return json_pack(
        "{s:b,s:o,s:o}", "armed", lease->guard_ms > now_ms, "stops_in_ms",
        left(now_ms, lease->guard_ms), "error", text_or_null(lease->guard_error));
}

static json_t *failsafe_json(
    const struct group_peers *p, const struct controller_lease *lease, int64_t now_ms)
{
    return json_pack(
        "{s:b,s:b,s:o,s:o}", "serves", p->failsafe, "asks", lease->asks_peers, "vouched_ago_ms",
        ago(now_ms, lease->vouched_ms), "error", text_or_null(lease->peers_error));
}

json_t *control_json_peers(const struct controller *controller, struct world *world)
{
    const struct group *group = controller_group(controller);
    const struct group_peers *p = group->peers;
    int64_t now_ms = world_now_ms(world);
    struct controller_lease lease;

    if (p == NULL) {
        return json_null();
    }
    controller_lease(controller, &lease);
    return json_pack(
        "{s:o,s:o,s:b,s:b,s:b,s:o,s:o,s:o,s:o,s:o}", "self", node_or_null(group, p->self),
        "decides", node_or_null(group, p->holder), "told", p->told, "mine", p->mine, "stranger",
        p->holder == GROUP_STRANGER, "alive", alive_json(group), "promised_for_ms",
        left(now_ms, p->promised_ms), "lease", lease_json(p, &lease, now_ms), "guardian",
        guardian_json(&lease, now_ms), "failsafe", failsafe_json(p, &lease, now_ms));
}

/* ---- Whose Baton does it ------------------------------------------------------------------ */

static json_t *passed_json(const struct group *group)
{
    return json_pack(
        "{s:b,s:o}", "passed_on", 1, "decides", node_or_null(group, group->peers->holder));
}

/* All that the steps of a move may take by the policy's own deadlines. */
static int64_t patience_ms(const struct group *group)
{
    int64_t sum_ms = PATIENCE_MS + 2 * group->rules.look_deadline_ms;
    int list, i;

    for (list = 0; list < GROUP_LISTS; list++) {
        for (i = 0; i < group->rules.list[list].count; i++) {
            const struct group_action_rules *rules = &group->rules.list[list].action[i];

            sum_ms += rules->attempts * (rules->deadline_ms + rules->retry_ms);
        }
    }
    return sum_ms;
}

/* Is it where it should be, or for good where it should not? A start under another epoch than at
 * the beginning was a grant after it. */
static bool settled(const struct control_wait *wait, bool *completed)
{
    const struct group *group = controller_group(wait->controller);
    int holder = group->holder;

    if (holder < 0 || group->epoch <= wait->epoch || group->node[holder].state != FSM_ACTIVE) {
        return false;
    }
    *completed = wait->wanted >= 0 ? holder == wait->wanted : holder != wait->from;
    return true;
}

static void look(struct control_client *client)
{
    struct control_wait *wait = &client->wait;
    const struct group *group = controller_group(wait->controller);
    bool completed;
    char text[256];

    if (settled(wait, &completed)) {
        snprintf(
            text, sizeof text, completed ? "%s holds it and is active" : "%s holds it instead",
            group_node_name(group, group->holder));
        control_wait_verdict(client, completed, text);
    } else if (world_now_ms(client->control->setup.world) >= wait->until_ms) {
        control_wait_verdict(
            client, false,
            wait->answered ? "it was begun, but no node has become active with it in the time that "
                             "its steps may take; see `baton status`"
                           : "no Baton has answered; see `baton status`");
    }
}

static void on_look(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    look(arg);
}

static void wait_begin(
    struct control_client *client, const struct controller *controller, int wanted)
{
    struct control_wait *wait = &client->wait;
    const struct group *group = controller_group(controller);
    json_t *line = passed_json(group);

    wait->controller = controller;
    wait->passed_on = true;
    wait->wanted = wanted;
    wait->from = group->holder;
    wait->epoch = group->epoch;
    wait->began_ms = world_now_ms(client->control->setup.world);
    wait->until_ms = wait->began_ms + patience_ms(group);
    wait->gone = event_new(client->control->setup.base, -1, EV_PERSIST, on_look, client);
    if (line == NULL || wait->gone == NULL || event_add(wait->gone, &look_every) != 0) {
        json_decref(line);
        control_wait_end(client);
        control_send_error(
            client, baton_err_name(BATON_NOMEM),
            "it is passed on, but there is no memory to follow it; see `baton status`");
        return;
    }
    json_object_set_new(line, "event", json_string("passed-on"));
    json_object_set_new(line, "group", control_json_text(group->name));
    control_send(client, line);
}

bool control_peers_move(
    struct control_client *client, const struct controller *controller, int64_t plan_before,
    const char *to, bool wait)
{
    const struct group *group = controller_group(controller);

    if (group->peers == NULL || group->plan[0].id != plan_before) {
        return false;
    }
    if (wait) {
        wait_begin(client, controller, to != NULL ? group_find_node(group, to) : GROUP_NOBODY);
    } else {
        control_send_ok(client, passed_json(group));
    }
    return true;
}

/* A pause is a key in the store: all follow it, this Baton too. */
bool control_peers_simple(
    struct control_client *client, const struct controller *controller, enum group_command what)
{
    const struct group *group = controller_group(controller);

    if (group->peers == NULL || (what != GROUP_CMD_PAUSE && what != GROUP_CMD_RESUME) ||
        (what == GROUP_CMD_PAUSE) == group->paused) {
        return false;
    }
    control_send_ok(client, passed_json(group));
    return true;
}

void control_peers_news(
    struct control_client *client, const struct controller_news *news, json_t *line)
{
    struct control_wait *wait = &client->wait;

    if (news->kind == CONTROLLER_ANSWER && news->refused) {
        control_wait_verdict(client, false, news->text == NULL ? "refused" : news->text);
        return;
    }
    wait->answered = wait->answered || news->kind == CONTROLLER_ANSWER;
    if (news->kind != CONTROLLER_STATUS) {
        control_send(client, json_copy(line));
    }
    look(client);
}
