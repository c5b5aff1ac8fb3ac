/* Groups, plans, policies and news as JSON. The names are described in client.h. */
#include "control/client.h"

#include <string.h>
#include <time.h>

json_t *control_json_text(const char *text)
{
    char plain[BATON_ERROR_TEXT_MAX];
    json_t *string = json_string(text);
    size_t i;

    if (string != NULL) {
        return string;
    }
    /* What a server says in its banner need not be UTF-8. */
    for (i = 0; i + 1 < sizeof plain && text[i] != '\0'; i++) {
        plain[i] = text[i];
        if ((unsigned char)plain[i] >= 0x80) {
            plain[i] = '?';
        }
    }
    plain[i] = '\0';
    return json_string(plain);
}

json_t *control_json_lines(const char *text)
{
    json_t *lines = json_array();

    while (*text != '\0') {
        size_t len = strcspn(text, "\n");
        char line[BATON_ERROR_TEXT_MAX];

        snprintf(line, sizeof line, "%.*s", (int)len, text);
        json_array_append_new(lines, control_json_text(line));
        text += len + (text[len] == '\n');
    }
    return lines;
}

json_t *control_json_time(int64_t wall_ms)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    char text[32];
    struct tm utc;
    size_t n;

    if (gmtime_r(&seconds, &utc) == NULL) {
        return json_null();
    }
    n = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    return json_sprintf("%.*s.%03dZ", (int)n, text, (int)(wall_ms % 1000));
}

static int set(json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value);
}

static void set_text(json_t *object, const char *key, const char *text)
{
    set(object, key, control_json_text(text));
}

static void set_int(json_t *object, const char *key, int64_t value)
{
    set(object, key, json_integer((json_int_t)value));
}

static void set_bool(json_t *object, const char *key, bool value)
{
    set(object, key, json_boolean(value));
}

static void set_node(json_t *object, const char *key, const struct group *group, int node)
{
    if (node < 0) {
        set(object, key, json_null());
    } else {
        set_text(object, key, group_node_name(group, node));
    }
}

/* The clocks of one answer, so that all of it speaks of the same moment. */
struct moment {
    int64_t now_ms, wall_ms;
};

static struct moment moment_now(struct world *world)
{
    struct moment moment = {world->ops->now_ms(world), world->ops->wall_ms(world)};

    return moment;
}

static int64_t ago_ms(const struct moment *moment, int64_t then_ms)
{
    return then_ms < moment->now_ms ? moment->now_ms - then_ms : 0;
}

static json_t *probe_json(
    const struct moment *moment, const struct group_probe_rules *rules,
    const struct group_health *health)
{
    json_t *probe = json_object();

    set_text(probe, "name", rules->name);
    set_text(probe, "status", group_outcome_name(health->status));
    set_text(probe, "last", group_outcome_name(health->last));
    set_int(probe, "run", health->run);
    set_bool(probe, "resting", health->resting);
    if (health->seen_ms != 0) {
        set_int(probe, "for_ms", ago_ms(moment, health->since_ms));
        set_int(probe, "age_ms", ago_ms(moment, health->seen_ms));
    }
    set_int(probe, "latency_us", health->latency_us);
    set(probe, "value", json_real(health->value));
    set_text(probe, "detail", health->detail);
    return probe;
}

static json_t *node_json(const struct moment *moment, const struct group *group, int index)
{
    const struct group_node *node = &group->node[index];
    json_t *object = json_object(), *probes = json_array();
    int i;

    set_text(object, "name", node->name);
    set_int(object, "priority", node->priority);
    set_text(object, "state", fsm_state_name(node->state));
    set(object, "since", control_json_time(moment->wall_ms - ago_ms(moment, node->state_since_ms)));
    set_int(object, "for_ms", ago_ms(moment, node->state_since_ms));
    set_text(object, "state_why", node->state_why);
    set_bool(object, "holder", group->holder == index);
    set_text(object, "fit", group_answer_name(node->fit));
    set_int(object, "fit_for_ms", ago_ms(moment, node->fit_since_ms));
    set_text(object, "fit_why", node->fit_why);
    set_text(object, "serving", group_answer_name(node->serving));
    set_text(object, "serving_why", node->serving_why);
    if (node->serving_seen_ms != 0) {
        set_int(object, "serving_age_ms", ago_ms(moment, node->serving_seen_ms));
    }
    set_bool(object, "out", node->out);
    if (group->peers != NULL) {
        set_bool(object, "alive", control_peers_alive(group, index));
        if (group->peers->hold[index] != GROUP_HOLD_NONE) {
            set_text(
                object, "own_hold", group_hold_name((enum group_hold)group->peers->hold[index]));
        }
    }
    for (i = 0; i < group->rules.n_probes; i++) {
        json_array_append_new(probes, probe_json(moment, &group->rules.probe[i], &node->health[i]));
    }
    set(object, "probes", probes);
    return object;
}

static int step_attempts(const struct group *group, const struct group_step_state *step)
{
    const struct group_action_rules *rules = group_step_action(group, step->kind, step->action);

    return rules == NULL ? 1 : rules->attempts;
}

/* The keys that a step has in a status and in news alike. */
static void step_fill(
    json_t *object, const struct moment *moment, const struct group *group,
    const struct group_step_state *step)
{
    const struct group_action_rules *rules = group_step_action(group, step->kind, step->action);

    set_text(object, "what", group_step_name(step->kind));
    set_text(object, "status", group_step_status_name(step->status));
    set_node(object, "node", group, step->node);
    set_text(object, "action", rules == NULL ? "" : rules->name);
    set_int(object, "attempt", step->attempt);
    set_int(object, "attempts", step_attempts(group, step));
    if (step->status >= GROUP_STEP_DONE && step->ended_ms >= step->began_ms) {
        set_int(object, "took_ms", step->ended_ms - step->began_ms);
    } else if (step->status == GROUP_STEP_RUNNING) {
        set_int(object, "took_ms", ago_ms(moment, step->began_ms));
    }
}

static json_t *step_json(
    const struct moment *moment, const struct group *group, const struct group_step_state *step)
{
    json_t *object = json_object();

    step_fill(object, moment, group, step);
    if ((step->status == GROUP_STEP_RUNNING || step->status == GROUP_STEP_RESTING) &&
        step->due_ms > moment->now_ms && step->due_ms != GROUP_NEVER_MS) {
        set_int(object, "due_in_ms", step->due_ms - moment->now_ms);
    }
    set_text(object, "detail", step->detail);
    return object;
}

static json_t *plan_json(
    const struct moment *moment, const struct group *group, const struct group_plan *plan)
{
    json_t *object = json_object(), *steps = json_array();
    int i;

    set_int(object, "id", plan->id);
    set_text(object, "kind", group_plan_name(plan->kind));
    set_node(object, "from", group, plan->from);
    set_node(object, "taker", group, plan->taker);
    set_int(object, "epoch", plan->epoch);
    set_bool(object, "granted", plan->granted);
    set_bool(object, "undoing", plan->undoing);
    set_bool(object, "by_operator", plan->by_operator);
    set_int(object, "for_ms", ago_ms(moment, plan->began_ms));
    set_text(object, "why", plan->why);
    set_int(object, "step", plan->step);
    for (i = 0; i < plan->n_steps; i++) {
        json_array_append_new(steps, step_json(moment, group, &plan->steps[i]));
    }
    set(object, "steps", steps);
    return object;
}

static json_t *hold_json(const struct moment *moment, const struct group *group)
{
    json_t *hold;

    if (group->hold == GROUP_HOLD_NONE) {
        return json_null();
    }
    hold = json_object();
    set_text(hold, "name", group_hold_name(group->hold));
    set_text(hold, "why", group->hold_why);
    if (group->hold == GROUP_HOLD_UNCONFIRMED) {
        set_node(hold, "node", group, group->hold_node);
    }
    set(hold, "since", control_json_time(moment->wall_ms - ago_ms(moment, group->hold_since_ms)));
    set_int(hold, "for_ms", ago_ms(moment, group->hold_since_ms));
    return hold;
}

/* What a shadow would have done last. */
static json_t *would_json(const struct moment *moment, const struct group *group)
{
    const struct group_would *would = group->would;
    json_t *object;

    if (would->kind == GROUP_PLAN_NONE) {
        return json_null();
    }
    object = json_object();
    set_text(object, "kind", group_plan_name(would->kind));
    set_node(object, "from", group, would->from);
    set_node(object, "taker", group, would->taker);
    set(object, "time", control_json_time(moment->wall_ms - ago_ms(moment, would->at_ms)));
    set_int(object, "for_ms", ago_ms(moment, would->at_ms));
    set_text(object, "why", would->why);
    set_text(object, "text", would->text);
    set_text(object, "ended", would->end);
    return object;
}

static json_t *moves_json(const struct moment *moment, const struct group *group)
{
    json_t *moves = json_object();
    int i, count = 0;

    for (i = 0; i < group->n_moves; i++) {
        count += ago_ms(moment, group->move_ms[i]) < group->rules.window_ms;
    }
    set_int(moves, "count", count);
    set_int(moves, "max", group->rules.max_moves);
    set_int(moves, "window_ms", group->rules.window_ms);
    return moves;
}

static json_t *policy_json(const struct policy *policy)
{
    struct policy_usage usage = policy_usage(policy);
    json_t *object = json_object();

    set_text(object, "file", policy_file(policy));
    set_int(object, "memory", (int64_t)usage.memory);
    set_int(object, "memory_max", (int64_t)usage.memory_max);
    set_int(object, "entries", usage.entries);
    set_int(object, "instructions", usage.instructions);
    set_int(object, "tasks", usage.tasks);
    return object;
}

#define WHY_MAX (GROUP_NODES_MAX * POLICY_TRANSITIONS_MAX)

json_t *control_json_why(const struct controller *controller)
{
    static struct controller_why list[WHY_MAX]; /* one thread; too large for a stack */
    const struct group *group = controller_group(controller);
    json_t *array = json_array();
    int i, n = controller_why(controller, list, WHY_MAX);

    for (i = 0; i < n && i < WHY_MAX; i++) {
        const struct controller_why *why = &list[i];
        json_t *object = json_object();

        set_node(object, "node", group, why->node);
        set_text(object, "from", fsm_state_name(why->from));
        set_text(object, "to", fsm_state_name(why->to));
        set_text(object, "wants", group_answer_name(why->answer));
        set_text(object, "reason", why->why);
        if (why->again_ms != GROUP_NEVER_MS) {
            set_int(
                object, "again_in_ms",
                why->again_ms > group->now_ms ? why->again_ms - group->now_ms : 0);
        }
        if (why->legal[0] != '\0') {
            set_text(object, "illegal", why->legal);
        }
        json_array_append_new(array, object);
    }
    return array;
}

json_t *control_json_group(const struct controller *controller, struct world *world)
{
    const struct group *group = controller_group(controller);
    struct moment moment = moment_now(world);
    json_t *object = json_object(), *nodes = json_array(), *plans = json_array();
    int i;

    set_text(object, "name", group->name);
    set_text(object, "phase", group->phase == GROUP_SETTLING ? "settling" : "running");
    set_node(object, "holder", group, group->holder);
    set_int(object, "epoch", group->epoch);
    set_bool(object, "shadow", group->shadow);
    if (group->shadow) {
        set(object, "would", would_json(&moment, group));
    }
    set_bool(object, "paused", group->paused);
    if (group->paused) {
        set_text(object, "paused_why", group->paused_why);
    }
    set(object, "hold", hold_json(&moment, group));
    set(object, "moves", moves_json(&moment, group));
    set(object, "peers", control_json_peers(controller, world));
    for (i = 0; i < group->n_nodes; i++) {
        json_array_append_new(nodes, node_json(&moment, group, i));
    }
    set(object, "nodes", nodes);
    for (i = 0; i < GROUP_PLANS; i++) {
        if (group->plan[i].kind != GROUP_PLAN_NONE) {
            json_array_append_new(plans, plan_json(&moment, group, &group->plan[i]));
        }
    }
    set(object, "plans", plans);
    set(object, "policy", policy_json(controller_policy(controller)));
    set(object, "readiness",
        controller_readiness(controller) != NULL
            ? control_json_readiness(controller_readiness(controller), group, world)
            : json_null());
    set(object, "why", control_json_why(controller));
    return object;
}

static json_t *event_json(
    const char *event, const struct controller *controller, const struct moment *moment)
{
    json_t *object = json_object();

    set_text(object, "event", event);
    set_text(object, "group", controller_group(controller)->name);
    set(object, "time", control_json_time(moment->wall_ms));
    return object;
}

json_t *control_json_plan_event(
    const struct controller *controller, struct world *world, const struct group_plan *plan)
{
    const struct group *group = controller_group(controller);
    struct moment moment = moment_now(world);
    json_t *object = event_json("plan", controller, &moment);

    set_int(object, "plan", plan->id);
    set_text(object, "kind", group_plan_name(plan->kind));
    set_node(object, "from", group, plan->from);
    set_node(object, "taker", group, plan->taker);
    set_int(object, "steps", plan->n_steps);
    return object;
}

static void step_news_fill(
    json_t *object, const struct moment *moment, const struct group *group,
    const struct controller_news *news)
{
    const struct group_plan *plan;

    if (news->plan_slot < 0 || news->plan_slot >= GROUP_PLANS) {
        return;
    }
    plan = &group->plan[news->plan_slot];
    set_int(object, "plan", plan->id);
    if (plan->kind != GROUP_PLAN_NONE) { /* its last step's end is told after it is over */
        set_text(object, "kind", group_plan_name(plan->kind));
    }
    set_int(object, "step", news->step);
    set_int(object, "steps", plan->n_steps);
    if (news->step >= 0 && news->step < plan->n_steps) {
        step_fill(object, moment, group, &plan->steps[news->step]);
    }
}

json_t *control_json_news(
    const struct controller *controller, struct world *world, const struct controller_news *news)
{
    static const char *const names[] = {
        [CONTROLLER_NOTICE] = "notice",
        [CONTROLLER_STEP] = "step",
        [CONTROLLER_STATUS] = "status",
        [CONTROLLER_ANSWER] = "answer",
    };
    const struct group *group = controller_group(controller);
    struct moment moment = moment_now(world);
    json_t *object = event_json(names[news->kind], controller, &moment);

    if (news->kind == CONTROLLER_STEP) {
        step_news_fill(object, &moment, group, news);
    } else {
        set_node(object, "node", group, news->node);
    }
    if (news->kind == CONTROLLER_NOTICE) {
        set_text(object, "notice", group_notice_name(news->notice));
    }
    if (news->kind == CONTROLLER_ANSWER) {
        set_bool(object, "refused", news->refused);
    }
    set_text(object, "text", news->text == NULL ? "" : news->text);
    return object;
}
