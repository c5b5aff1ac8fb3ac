/* Every grant is remembered by the nodes, and asked for: at the start, with each new epoch, every
 * half minute; and before the first thing that is started or evicted, so that what another
 * controller has done a moment ago is not undone. What they say goes to the group. */
#include "parts.h"

#include <string.h>

static void ask(struct controller *c, int node);

static void release_steps(struct controller *c, int node)
{
    int i;

    for (i = 0; i < GROUP_PLANS; i++) {
        if (c->marks.step[i].waits && c->marks.step[i].effect.u.run.node == node) {
            c->marks.step[i].waits = false;
            act_run(c, &c->marks.step[i].effect);
        }
    }
}

static void answered(void *arg, uint64_t request, const struct world_result *result)
{
    struct controller *c = arg;
    struct marks *m = &c->marks;
    struct group_event event = controller_event(c, GROUP_EV_MARKED);
    int node = 0;

    while (m->request[node] != request) {
        node++;
    }
    m->request[node] = 0;
    event.u.marked.node = node;
    event.u.marked.asked_epoch = m->asked_epoch[node];
    event.u.marked.epoch = result->mark.epoch;
    event.u.marked.outcome = (enum group_outcome)result->outcome;
    if (result->outcome == WORLD_OK && result->mark.epoch > m->asked_epoch[node]) {
        event.u.marked.outcome = GROUP_FAIL; /* it was only read, and somebody has granted that */
    }
    if (event.u.marked.outcome == GROUP_UNKNOWN) {
        controller_log(c, WORLD_DEBUG, node, "mark", "%s", result->detail);
    }
    if (event.u.marked.outcome != GROUP_FAIL) {
        m->done_epoch[node] = m->asked_epoch[node];
    }
    controller_take(c, &event, NULL);
    if (m->done_epoch[node] == c->group->epoch) {
        release_steps(c, node);
    } else if (c->group->hold != GROUP_HOLD_EPOCH) {
        ask(c, node); /* the epoch has risen since */
    }
    controller_settle(c);
}

static void ask(struct controller *c, int node)
{
    struct marks *m = &c->marks;
    struct world_request request = {.kind = WORLD_MARK, .timeout_ms = MARKS_MS};

    if (m->request[node] != 0) {
        return; /* and then once more, where that was for an older epoch */
    }
    request.group = c->group->name;
    /* Before the first grant of ours there is nothing to be remembered. */
    request.u.mark.op = c->group->token != 0 ? WORLD_MARK_WRITE : WORLD_MARK_READ;
    request.u.mark.node = group_node_name(c->group, node);
    request.u.mark.epoch = c->group->epoch;
    request.u.mark.token = c->group->token;
    m->asked_epoch[node] = c->group->epoch;
    m->request[node] = world_start(c->world, &request, answered, c);
}

static void due(void *arg, uint64_t request, const struct world_result *result);

static void ask_all(struct controller *c)
{
    struct world_request wait = {.kind = WORLD_SLEEP, .timeout_ms = MARKS_EVERY_MS};
    int i;

    for (i = 0; i < c->group->n_nodes; i++) {
        ask(c, i);
    }
    c->marks.timer = world_start(c->world, &wait, due, c);
}

static void due(void *arg, uint64_t request, const struct world_result *result)
{
    (void)request;
    (void)result;
    ask_all(arg);
}

void marks_begin(struct controller *c)
{
    int i;

    for (i = 0; i < GROUP_NODES_MAX; i++) {
        c->marks.done_epoch[i] = -1;
    }
    c->marks.on = c->group->marks;
    if (c->marks.on) {
        ask_all(c);
    }
}

void marks_review(struct controller *c)
{
    int i;

    for (i = 0; c->marks.on && i < c->group->n_nodes; i++) {
        if (c->marks.asked_epoch[i] != c->group->epoch) {
            ask(c, i);
        }
    }
}

/* A start with a new epoch; the first step of what is done unasked: a restore, an eviction. */
bool marks_hold(struct controller *c, const struct group_effect *effect)
{
    const struct group_plan *plan = &c->group->plan[effect->u.run.ref.plan_slot];
    int node = effect->u.run.node;
    bool unasked = effect->u.run.ref.step == 0 && effect->u.run.ref.attempt == 1 &&
                   (plan->kind == GROUP_PLAN_EVICT || plan->kind == GROUP_PLAN_RESTORE);

    if (!c->marks.on || (!unasked && (effect->u.run.kind != GROUP_STEP_START ||
                                      c->marks.done_epoch[node] == c->group->epoch))) {
        return false;
    }
    c->marks.done_epoch[node] = -1;
    c->marks.step[effect->u.run.ref.plan_slot].waits = true;
    c->marks.step[effect->u.run.ref.plan_slot].effect = *effect;
    ask(c, node);
    return true;
}

void marks_forget(struct controller *c, int plan_slot)
{
    c->marks.step[plan_slot].waits = false;
}

void marks_stop(struct controller *c)
{
    int i;

    if (!c->marks.on) {
        return;
    }
    world_cancel(c->world, c->marks.timer);
    for (i = 0; i < c->group->n_nodes; i++) {
        if (c->marks.request[i] != 0) {
            world_cancel(c->world, c->marks.request[i]);
        }
    }
}
