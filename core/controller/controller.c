/* Life of a controller, commands, reload, and the one way of an event into the group. */
#include "base/memory.h"
#include "parts.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void arm_wake(struct controller *c);

struct group_event controller_event(struct controller *c, enum group_event_kind kind)
{
    struct group_event event;

    memset(&event, 0, sizeof event);
    event.kind = kind;
    event.now_ms = world_now_ms(c->world);
    return event;
}

void controller_tell(struct controller *c, const struct controller_news *news)
{
    if (c->news != NULL) {
        c->news(c->news_arg, c, news);
    }
}

void controller_log(
    struct controller *c, enum world_level level, int node, const char *event, const char *format,
    ...)
{
    char text[BATON_ERROR_TEXT_MAX];
    struct world_log line = {.level = level, .event = event, .text = text};
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    line.group = c->group->name;
    line.node = node == GROUP_NOBODY ? NULL : group_node_name(c->group, node);
    c->world->ops->log(c->world, &line);
}

/* The one way of an event into the group; its effects are carried out. */
enum baton_err controller_take(
    struct controller *c, const struct group_event *event, struct baton_error *error)
{
    struct group_effects effects;
    enum baton_err err;

    assert(!c->taking); /* nothing that an effect sets going may end at once */
    c->taking = true;
    effects.count = 0;
    err = group_step(c->group, event, &effects, error);
    act_effects(c, &effects);
    c->taking = false;
    return err;
}

/* What follows at once from what was taken: steps that could not begin, the policy's
 * judgement, and when to wake up next. Safe to call twice. */
void controller_settle(struct controller *c)
{
    if (c->settling) {
        return;
    }
    c->settling = true;
    do {
        while (c->n_pending > 0) {
            struct group_event next = c->pending[--c->n_pending];

            controller_take(c, &next, NULL);
        }
        judge(c);
        keeper_review(c);
        marks_review(c);
    } while (c->n_pending > 0);
    c->settling = false;
    arm_wake(c);
}

enum baton_err controller_feed(
    struct controller *c, const struct group_event *event, struct baton_error *error)
{
    enum baton_err err = controller_take(c, event, error);

    controller_settle(c);
    return err;
}

static void woken(void *arg, uint64_t request, const struct world_result *result)
{
    struct controller *c = arg;
    struct group_event event = controller_event(c, GROUP_EV_TICK);

    (void)request;
    (void)result;
    c->wake = 0;
    c->wake_ms = GROUP_NEVER_MS;
    controller_feed(c, &event, NULL);
}

static void arm_wake(struct controller *c)
{
    int64_t now = world_now_ms(c->world);
    int64_t at = group_wake_ms(c->group);
    struct world_request wait = {.kind = WORLD_SLEEP};

    at = c->again_ms < at ? c->again_ms : at;
    if (at == c->wake_ms && c->wake != 0) {
        return;
    }
    if (c->wake != 0) {
        world_cancel(c->world, c->wake);
        c->wake = 0;
    }
    c->wake_ms = at;
    if (at != GROUP_NEVER_MS) {
        wait.timeout_ms = at > now ? at - now : 1;
        c->wake = world_start(c->world, &wait, woken, c);
    }
}

/* ---- Life ---- */

enum baton_err controller_new(
    const struct controller_setup *setup, struct controller **out, struct baton_error *error)
{
    struct controller *c = memory_zeroed(1, sizeof *c);
    struct group_setup group = {.name = setup->name, .n_nodes = setup->n_nodes};
    enum baton_err err = BATON_NOMEM;
    int i;

    *out = NULL;
    if (c == NULL) {
        return baton_fail(error, BATON_NOMEM, "group %s: no memory", setup->name);
    }
    c->world = setup->world;
    c->fed = setup->fed;
    c->news = setup->news;
    c->news_arg = setup->news_arg;
    c->wake_ms = c->again_ms = GROUP_NEVER_MS;
    for (i = 0; i < GROUP_PLANS; i++) {
        c->step[i].controller = c;
    }
    memcpy(group.node, setup->node, sizeof group.node);
    group.rules = &policy_table(setup->policy)->rules;
    group.memory = setup->memory;
    group.shadow = setup->shadow;
    group.marks = setup->marks && !setup->fed;
    group.token = group.marks ? c->world->ops->random(c->world) : 0;
    if (setup->peers && !setup->shadow) { /* a shadow takes no baton, and follows who serves */
        group.peers = true;
        group.self = setup->self;
        group.candidate_ms = setup->times.renew_ms;
        group.forgot_ms = setup->failsafe ? lease_hold_ms(setup->times.ttl_ms) : 0;
    }
    group.now_ms = world_now_ms(c->world);
    if (ledger_start(c) != BATON_OK) {
        baton_fail(error, BATON_NOMEM, "group %s: no memory", setup->name);
        goto fail;
    }
    err = group_new(&group, &c->group, error);
    if (err != BATON_OK) {
        goto fail;
    }
    c->policy = setup->policy;
    policy_bind(c->policy, c->group);
    err = setup->peers ? keeper_start(c, setup) : BATON_OK;
    if (err == BATON_OK) {
        err = judge_start(c);
    }
    if (err == BATON_OK) {
        err = schedule_start(c);
    }
    ready_setup(c, setup);
    if (err == BATON_OK) {
        err = ready_start(c);
    }
    if (err != BATON_OK) {
        baton_fail(error, err, "group %s: no memory for the schedule", setup->name);
        c->policy = NULL; /* still the caller's */
        goto fail;
    }
    marks_begin(c);
    arm_wake(c);
    *out = c;
    return BATON_OK;
fail:
    keeper_stop(c);
    schedule_stop(c);
    group_free(c->group);
    memory_free(c->ledger.ticket);
    memory_free(c->why);
    memory_free(c);
    return err;
}

void controller_free(struct controller *controller)
{
    if (controller == NULL) {
        return;
    }
    act_stop(controller);
    marks_stop(controller);
    keeper_stop(controller);
    schedule_stop(controller);
    ready_stop(controller);
    bell_stop(controller);
    ledger_stop(controller);
    if (controller->wake != 0) {
        world_cancel(controller->world, controller->wake);
    }
    policy_free(controller->policy);
    group_free(controller->group);
    memory_free(controller->why);
    memory_free(controller);
}

/* ---- Commands ---- */

enum baton_err controller_command(
    struct controller *controller, enum group_command command, int node, bool force, const char *by,
    const char *reason, struct baton_error *error)
{
    struct group_event event = controller_event(controller, GROUP_EV_OPERATOR);

    event.u.operator.command = command;
    event.u.operator.node = node;
    event.u.operator.force = force;
    event.u.operator.by = by;
    event.u.operator.reason = reason;
    return controller->keeper != NULL ? wish_command(controller, &event, error)
                                      : controller_feed(controller, &event, error);
}

enum baton_err controller_reload(
    struct controller *controller, struct policy *policy, struct baton_error *error)
{
    struct controller *c = controller;
    struct group_event event;
    enum baton_err err = group_set_rules(c->group, &policy_table(policy)->rules, error);

    if (err != BATON_OK) {
        return err;
    }
    schedule_stop(c);
    ready_stop(c);
    policy_free(c->policy);
    c->policy = policy;
    policy_bind(policy, c->group);
    err = judge_start(c);
    if (err == BATON_OK) {
        err = schedule_start(c);
    }
    if (err == BATON_OK) {
        err = ready_start(c);
    }
    if (err != BATON_OK) {
        /* The group goes on with its old knowledge and observes nothing: hold it. */
        event = controller_event(c, GROUP_EV_POLICY_BROKEN);
        event.u.policy_broken.why = "no memory for the schedule of the reloaded policy";
        controller_feed(c, &event, NULL);
        return baton_fail(error, err, "group %s: no memory for the schedule", c->group->name);
    }
    event = controller_event(c, GROUP_EV_TICK);
    controller_feed(c, &event, NULL);
    return BATON_OK;
}

/* ---- Questions ---- */

const struct group *controller_group(const struct controller *controller)
{
    return controller->group;
}

const struct policy *controller_policy(const struct controller *controller)
{
    return controller->policy;
}

int controller_why(const struct controller *controller, struct controller_why *why, int max)
{
    int i;

    for (i = 0; i < controller->n_why && i < max; i++) {
        why[i] = controller->why[i];
    }
    return controller->n_why;
}
