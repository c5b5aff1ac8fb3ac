/* Probes and looks: each has a slot with its own beat. A beat that comes while the one
 * before still runs is left out, so nothing piles up. Among peers this node alone is looked at. */
#include "base/memory.h"
#include "parts.h"

#include <stdio.h>
#include <string.h>

static void beat(void *arg, uint64_t request, const struct world_result *result);

static int64_t every_ms(const struct schedule_slot *slot)
{
    const struct policy_table *table = policy_table(slot->controller->policy);

    return slot->probe == CONTROLLER_LOOK ? table->look_every_ms
                                          : table->probe[slot->probe].every_ms;
}

static void arm(struct schedule_slot *slot, int64_t delay_ms)
{
    struct world_request wait = {.kind = WORLD_SLEEP, .timeout_ms = delay_ms};

    slot->timer = world_start(slot->controller->world, &wait, beat, slot);
}

/* The next beat that is still to come, on the slot's own grid. */
static void arm_next(struct schedule_slot *slot)
{
    int64_t now = world_now_ms(slot->controller->world);
    int64_t every = every_ms(slot);

    slot->due_ms += every;
    if (slot->due_ms <= now) {
        slot->due_ms = now + every - (now - slot->due_ms) % every;
    }
    arm(slot, slot->due_ms - now);
}

static void tell_change(
    struct controller *c, int node, int probe, enum group_outcome before,
    const struct group_health *health)
{
    struct controller_news news = {
        .kind = CONTROLLER_STATUS, .node = node, .probe = probe, .before = before};
    char text[GROUP_TEXT_MAX * 2];

    snprintf(
        text, sizeof text, "%s %s → %s: %s", c->group->rules.probe[probe].name,
        group_outcome_name(before), group_outcome_name(health->status), health->detail);
    news.text = text;
    controller_log(c, WORLD_INFO, node, "probe", "%s", text);
    controller_tell(c, &news);
}

void controller_observed(
    struct controller *controller, const struct controller_observation *observation)
{
    struct controller *c = controller;
    struct group_event event = controller_event(c, GROUP_EV_OBSERVED);
    int node = observation->node, probe = observation->probe;
    const struct group_health *health = &c->group->node[node].health[probe];
    enum group_outcome before = health->status;

    if (group_probe_rests(c->group, node, probe)) {
        return; /* the node's role changed while it was asked */
    }
    c->world->ops->observe(
        c->world, c->group->name, c->group->node[node].name, c->group->rules.probe[probe].name,
        observation->outcome, observation->latency_us, observation->detail);
    event.u.observed.node = node;
    event.u.observed.probe = probe;
    event.u.observed.outcome = observation->outcome;
    event.u.observed.latency_us = observation->latency_us;
    event.u.observed.value = observation->value;
    event.u.observed.detail = observation->detail;
    controller_take(c, &event, NULL);
    if (health->status != before) {
        tell_change(c, node, probe, before, health);
    }
    controller_settle(c);
}

static void probe_over(
    struct schedule_slot *slot, enum group_outcome outcome, int64_t latency_us, double value,
    const char *detail)
{
    struct controller_observation observation = {slot->node, slot->probe, outcome,
                                                 latency_us, value,       detail};

    slot->busy = false;
    slot->request = 0;
    slot->task = NULL;
    controller_observed(slot->controller, &observation);
}

static void take_look(
    struct controller *c, int node, enum group_answer serving, int64_t began_ms, const char *detail)
{
    struct group_event event = controller_event(c, GROUP_EV_LOOKED);

    event.u.looked.node = node;
    event.u.looked.serving = serving;
    event.u.looked.began_ms = began_ms;
    event.u.looked.detail = detail;
    controller_feed(c, &event, NULL);
}

void controller_looked(
    struct controller *controller, int node, enum group_answer serving, const char *detail)
{
    take_look(controller, node, serving, world_now_ms(controller->world), detail);
}

/* What the same look says every second need not be kept every second. */
static void keep_look(struct schedule_slot *slot, const struct policy_result *result)
{
    struct controller *c = slot->controller;
    int64_t now = world_now_ms(c->world);

    if (slot->kept && slot->kept_outcome == result->outcome &&
        now - slot->kept_ms < CONTROLLER_SEEN_MS) {
        return;
    }
    slot->kept = true;
    slot->kept_outcome = result->outcome;
    slot->kept_ms = now;
    c->world->ops->observe(
        c->world, c->group->name, c->group->node[slot->node].name, CONTROLLER_SERVING,
        result->outcome, result->latency_us, result->detail);
}

static void look_over(struct schedule_slot *slot, const struct policy_result *result)
{
    struct controller *c = slot->controller;
    bool again = slot->again;

    slot->busy = slot->again = false;
    slot->task = NULL;
    keep_look(slot, result);
    take_look(
        c, slot->node,
        result->outcome == GROUP_OK     ? GROUP_YES
        : result->outcome == GROUP_FAIL ? GROUP_NO
                                        : GROUP_UNSURE,
        slot->began_ms, result->detail);
    if (again) {
        schedule_look_now(c, slot->node);
    }
}

static void task_over(void *arg, const struct policy_result *result)
{
    struct schedule_slot *slot = arg;
    struct controller *c = slot->controller;

    if (result->broken) {
        struct group_event event = controller_event(c, GROUP_EV_POLICY_BROKEN);

        event.u.policy_broken.why = result->detail;
        controller_log(c, WORLD_ALERT, slot->node, "policy", "%s", result->detail);
        controller_feed(c, &event, NULL);
    }
    if (slot->probe == CONTROLLER_LOOK) {
        look_over(slot, result);
    } else {
        probe_over(slot, result->outcome, result->latency_us, result->value, result->detail);
    }
}

static void request_over(void *arg, uint64_t request, const struct world_result *result)
{
    (void)request;
    probe_over(arg, (enum group_outcome)result->outcome, result->latency_us, 0, result->detail);
}

static void ask(struct schedule_slot *slot)
{
    struct controller *c = slot->controller;
    const struct policy_table *table = policy_table(c->policy);
    bool look = slot->probe == CONTROLLER_LOOK;
    int64_t timeout_ms =
        look ? table->rules.look_deadline_ms : table->probe[slot->probe].timeout_ms;
    struct baton_error error;

    slot->busy = true;
    slot->began_ms = world_now_ms(c->world);
    if (!look && !table->probe[slot->probe].scripted) {
        struct world_request request = policy_probe_request(c->policy, slot->probe, slot->node);

        request.timeout_ms = timeout_ms;
        slot->request = world_start(c->world, &request, request_over, slot);
        return;
    }
    slot->task = policy_run(
        c->policy, look ? POLICY_SERVING : POLICY_PROBE, look ? 0 : slot->probe, slot->node,
        slot->began_ms + timeout_ms, task_over, slot, &error);
    if (slot->task == NULL) {
        slot->busy = false;
        controller_log(c, WORLD_WARNING, slot->node, "probe", "%s", error.text);
    }
}

static void beat(void *arg, uint64_t request, const struct world_result *result)
{
    struct schedule_slot *slot = arg;
    struct controller *c = slot->controller;

    (void)request;
    (void)result;
    arm_next(slot);
    if (!slot->busy &&
        (slot->probe == CONTROLLER_LOOK || !group_probe_rests(c->group, slot->node, slot->probe))) {
        ask(slot);
    }
}

void schedule_look_now(struct controller *c, int node)
{
    int i;

    for (i = 0; i < c->n_slots; i++) {
        struct schedule_slot *slot = &c->slot[i];

        if (slot->probe != CONTROLLER_LOOK || slot->node != node) {
            continue;
        }
        if (slot->busy) {
            slot->again = true; /* what it sees may be older than what is asked now */
        } else {
            ask(slot);
        }
    }
}

enum baton_err schedule_start(struct controller *c)
{
    int n_probes = c->group->rules.n_probes;
    int first = c->keeper != NULL ? c->keeper->self : 0;
    int end = c->keeper != NULL ? first + 1 : c->group->n_nodes;
    int node, probe, i = 0;

    if (c->fed) {
        return BATON_OK;
    }
    c->n_slots = (end - first) * (n_probes + 1);
    c->slot = memory_zeroed((size_t)c->n_slots, sizeof c->slot[0]);
    if (c->slot == NULL) {
        c->n_slots = 0;
        return BATON_NOMEM;
    }
    for (node = first; node < end; node++) {
        for (probe = CONTROLLER_LOOK; probe < n_probes; probe++) {
            struct schedule_slot *slot = &c->slot[i++];

            slot->controller = c;
            slot->node = node;
            slot->probe = probe;
            slot->due_ms = world_now_ms(c->world);
            arm(slot, 0);
        }
    }
    return BATON_OK;
}

void schedule_stop(struct controller *c)
{
    int i;

    for (i = 0; i < c->n_slots; i++) {
        struct schedule_slot *slot = &c->slot[i];

        world_cancel(c->world, slot->timer);
        if (slot->request != 0) {
            world_cancel(c->world, slot->request);
        }
        if (slot->task != NULL) {
            policy_cancel(slot->task);
        }
    }
    memory_free(c->slot);
    c->slot = NULL;
    c->n_slots = 0;
}
