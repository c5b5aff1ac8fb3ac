/* Following one handover to its end, for a client that waits for it. */
#include "control/client.h"

#include <event2/event.h>
#include <string.h>

/* A plan that has left its slot has its last word (a notice) in the same turn of the
 * loop; if none comes within this time, the group's holder says how it ended. */
static const struct timeval last_word = {0, 200000};

static const struct group_plan *find_plan(const struct control_wait *wait)
{
    const struct group *group = controller_group(wait->controller);
    int i;

    for (i = 0; i < GROUP_PLANS; i++) {
        if (group->plan[i].kind != GROUP_PLAN_NONE && group->plan[i].id == wait->plan_id) {
            return &group->plan[i];
        }
    }
    return NULL;
}

void control_wait_end(struct control_client *client)
{
    if (client->wait.gone != NULL) {
        event_free(client->wait.gone);
    }
    memset(&client->wait, 0, sizeof client->wait);
}

void control_wait_verdict(struct control_client *client, bool completed, const char *text)
{
    const struct control_wait *wait = &client->wait;
    const struct group *group = controller_group(wait->controller);
    struct world *world = client->control->setup.world;
    json_t *line = json_object();

    json_object_set_new(line, "ok", json_boolean(completed));
    if (!wait->passed_on) {
        json_object_set_new(line, "plan", json_integer((json_int_t)wait->plan_id));
    }
    json_object_set_new(
        line, "holder",
        group->holder < 0 ? json_null() : control_json_text(group_node_name(group, group->holder)));
    json_object_set_new(line, "epoch", json_integer((json_int_t)group->epoch));
    json_object_set_new(
        line, "took_ms", json_integer((json_int_t)(world_now_ms(world) - wait->began_ms)));
    if (completed) {
        json_object_set_new(line, "text", control_json_text(text));
    } else {
        json_object_set_new(
            line, "error",
            json_pack(
                "{s:s,s:o}", "code", baton_err_name(BATON_REFUSED), "text",
                control_json_text(text)));
    }
    control_wait_end(client);
    control_send(client, line);
    control_next(client);
}

static void on_gone(evutil_socket_t fd, short what, void *arg)
{
    struct control_client *client = arg;
    const struct group *group = controller_group(client->wait.controller);
    bool serves = group->holder != GROUP_NOBODY && group->node[group->holder].state == FSM_ACTIVE;

    (void)fd;
    (void)what;
    control_wait_verdict(
        client, serves,
        serves ? "the handover has ended; the holder is active"
               : "the handover has ended without an active holder; see `baton status`");
}

void control_wait_begin(struct control_client *client, const struct controller *controller)
{
    struct control_wait *wait = &client->wait;
    const struct group *group = controller_group(controller);
    const struct group_plan *plan = &group->plan[0];

    wait->controller = controller;
    wait->plan_id = plan->id;
    wait->began_ms = world_now_ms(client->control->setup.world);
    wait->gone = evtimer_new(client->control->setup.base, on_gone, client);
    if (wait->gone == NULL) {
        control_wait_end(client);
        control_send_error(
            client, baton_err_name(BATON_NOMEM),
            "the move has begun, but there is no memory to follow it; see `baton status`");
        return;
    }
    if (plan->kind == GROUP_PLAN_NONE) {
        evtimer_add(wait->gone, &last_word);
        return;
    }
    control_send(client, control_json_plan_event(controller, client->control->setup.world, plan));
}

/* A grant, and a step that was not needed, end without news of their own. */
static void tell_silent_steps(
    struct control_client *client, const struct controller_news *news,
    const struct group_plan *plan)
{
    struct control_wait *wait = &client->wait;

    for (; wait->told < news->step && wait->told < plan->n_steps; wait->told++) {
        struct controller_news silent = *news;

        silent.step = wait->told;
        silent.text = plan->steps[wait->told].detail;
        if (plan->steps[wait->told].status >= GROUP_STEP_DONE) {
            control_send(
                client, control_json_news(wait->controller, client->control->setup.world, &silent));
        }
    }
    wait->told = news->step + 1;
}

static bool is_last_word(const struct controller_news *news)
{
    return news->kind == CONTROLLER_NOTICE &&
           (news->notice == GROUP_NOTICE_COMPLETED || news->notice == GROUP_NOTICE_CANCELLED ||
            news->notice == GROUP_NOTICE_FAILED);
}

void control_wait_news(
    struct control_client *client, const struct controller *controller,
    const struct controller_news *news, json_t *line)
{
    struct control_wait *wait = &client->wait;
    const struct group *group;

    if (wait->controller != controller) {
        return;
    }
    if (wait->passed_on) {
        control_peers_news(client, news, line);
        return;
    }
    group = controller_group(controller);
    if (news->kind == CONTROLLER_STEP && group->plan[news->plan_slot].id == wait->plan_id) {
        tell_silent_steps(client, news, &group->plan[news->plan_slot]);
        control_send(client, json_copy(line));
    } else if (news->kind == CONTROLLER_NOTICE) {
        control_send(client, json_copy(line));
    }
    if (is_last_word(news)) {
        control_wait_verdict(client, news->notice == GROUP_NOTICE_COMPLETED, news->text);
    } else if (find_plan(wait) == NULL && !evtimer_pending(wait->gone, NULL)) {
        evtimer_add(wait->gone, &last_word);
    }
}
