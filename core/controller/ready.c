/* The checks of readiness, one after another all the time: is all so that a move would need? They
 * are told to the group for its records and hooks; nothing is decided by them.
 *
 * One that says otherwise than before is asked once more before that is believed: a network
 * blinks. While a plan runs nothing is asked, so that the nodes have it for themselves. */
#include "base/memory.h"
#include "parts.h"

#include <stdio.h>
#include <string.h>

static void beat(void *arg, uint64_t request, const struct world_result *result);

void ready_setup(struct controller *c, const struct controller_setup *setup)
{
    c->ready.every_ms = setup->fed ? 0 : setup->ready_every_ms;
    c->ready.drilled_ms = setup->drilled_ms;
    c->ready.fact = setup->fact;
    c->ready.fact_arg = setup->fact_arg;
}

const struct readiness *controller_readiness(const struct controller *controller)
{
    return controller->ready.checks;
}

static void arm(struct controller *c, int64_t delay_ms)
{
    struct world_request wait = {.kind = WORLD_SLEEP, .timeout_ms = delay_ms};

    if (c->ready.timer != 0) {
        world_cancel(c->world, c->ready.timer);
    }
    c->ready.timer = world_start(c->world, &wait, beat, c);
}

/* ---- What is told ------------------------------------------------------------------------ */

static int count_believed(const struct controller *c, int count)
{
    int i, ok = 0;

    for (i = 0; i < count; i++) {
        ok += c->ready.believed[i] == GROUP_OK;
    }
    return ok;
}

static void tell(struct controller *c, bool ready, int node, const char *why)
{
    struct group_event event = controller_event(c, GROUP_EV_READINESS);

    event.u.readiness.ready = ready;
    event.u.readiness.node = node;
    event.u.readiness.why = why;
    controller_feed(c, &event, NULL);
}

static void tell_item(struct controller *c, const struct readiness_item *item, int ok, int count)
{
    char why[GROUP_TEXT_MAX * 2];

    if (item->outcome == GROUP_OK && ok == count) {
        snprintf(why, sizeof why, "ready: all %d checks are so", count);
        tell(c, true, item->node, why);
    } else if (item->outcome == GROUP_OK) {
        controller_log(
            c, WORLD_INFO, item->node, "readiness", "%s again: %s; %d of %d are so", item->title,
            item->detail, ok, count);
    } else {
        snprintf(
            why, sizeof why, "%s: %s: %.120s; %d of %d are so", item->title,
            item->outcome == GROUP_FAIL ? "no" : "not known", item->detail, ok, count);
        tell(c, false, item->node, why);
    }
}

/* Each was made once since the start: the first word. */
static void tell_first(struct controller *c, int count)
{
    struct readiness_sum sum = readiness_sum(c->ready.checks);

    c->ready.told = true;
    if (sum.first < 0) {
        controller_log(
            c, WORLD_INFO, GROUP_NOBODY, "readiness", "ready: all %d checks are so", count);
        return;
    }
    tell_item(c, readiness_item(c->ready.checks, sum.first), sum.ok, count);
}

/* ---- An answer --------------------------------------------------------------------------- */

static int index_of(const struct readiness *checks, const struct readiness_item *item)
{
    int i;

    for (i = 0; i < readiness_count(checks); i++) {
        if (readiness_item(checks, i) == item) {
            break;
        }
    }
    return i;
}

static void on_told(
    void *arg, const struct readiness_item *item, const struct readiness_item *before)
{
    struct controller *c = arg;
    struct ready *ready = &c->ready;
    int count = readiness_count(ready->checks), index = index_of(ready->checks, item);

    if (!before->asked) {
        ready->believed[index] = item->outcome;
        if (readiness_sum(ready->checks).asked == count) {
            tell_first(c, count);
        }
    } else if (ready->believed[index] == item->outcome) {
        ready->doubt = ready->doubt == index ? -1 : ready->doubt;
    } else if (ready->doubt != index) {
        ready->doubt = index;
        arm(c, ready->every_ms / 4 < READY_AGAIN_MS ? ready->every_ms / 4 : READY_AGAIN_MS);
    } else {
        ready->doubt = -1;
        ready->believed[index] = item->outcome;
        if (ready->told) {
            tell_item(c, item, count_believed(c, count), count);
        }
    }
}

static void say_fact(void *arg, enum readiness_fact fact, struct readiness_word *word)
{
    struct controller *c = arg;

    if (fact == READINESS_DRILL) {
        readiness_drill(
            c->group->name, c->ready.drilled_ms, c->world->ops->wall_ms(c->world), word);
    } else if (c->ready.fact != NULL) {
        c->ready.fact(c->ready.fact_arg, fact, word);
    }
}

/* ---- Asking ------------------------------------------------------------------------------ */

static bool is_busy(const struct controller *c)
{
    int i;

    for (i = 0; i < GROUP_PLANS; i++) {
        if (c->group->plan[i].kind != GROUP_PLAN_NONE) {
            return true;
        }
    }
    return c->group->phase == GROUP_SETTLING;
}

static int64_t pause_ms(const struct controller *c)
{
    int64_t pause = c->ready.every_ms / readiness_count(c->ready.checks);

    if (!c->ready.told) {
        return pause < READY_FIRST_MS ? pause : READY_FIRST_MS;
    }
    return pause > READY_LEAST_MS ? pause : READY_LEAST_MS;
}

static void beat(void *arg, uint64_t request, const struct world_result *result)
{
    struct controller *c = arg;
    struct ready *ready = &c->ready;

    (void)request;
    (void)result;
    ready->timer = 0;
    if (is_busy(c)) {
        arm(c, READY_WAIT_MS);
        return;
    }
    arm(c, pause_ms(c));
    if (ready->doubt >= 0) {
        readiness_ask(ready->checks, ready->doubt);
        return;
    }
    readiness_ask(ready->checks, ready->next);
    ready->next = (ready->next + 1) % readiness_count(ready->checks);
}

/* A drill has just ended well: no need to wait for its turn. */
void ready_recorded(struct controller *c, const struct group_record *record)
{
    int i;

    if (record->kind == GROUP_REC_PLAN_END && record->outcome == (int)GROUP_OK &&
        (record->plan_kind == (int)GROUP_PLAN_FAILBACK ||
         record->plan_kind == (int)GROUP_PLAN_MOVE)) {
        c->ready.drilled_ms = c->world->ops->wall_ms(c->world);
        for (i = 0; c->ready.checks != NULL && i < readiness_count(c->ready.checks); i++) {
            if (strcmp(readiness_item(c->ready.checks, i)->name, "drill") == 0) {
                c->ready.next = i;
            }
        }
    }
}

/* ---- Life -------------------------------------------------------------------------------- */

enum baton_err ready_start(struct controller *c)
{
    struct readiness_setup setup = {
        .policy = c->policy,
        .world = c->world,
        .n_nodes = c->group->n_nodes,
        .self = c->keeper != NULL ? c->keeper->self : GROUP_NOBODY,
        .fact = say_fact,
        .told = on_told,
        .arg = c,
    };
    enum baton_err err;

    if (c->ready.every_ms == 0) {
        return BATON_OK;
    }
    err = readiness_new(&setup, &c->ready.checks, NULL);
    if (err != BATON_OK) {
        return err;
    }
    c->ready.believed =
        memory_zeroed((size_t)readiness_count(c->ready.checks), sizeof c->ready.believed[0]);
    if (c->ready.believed == NULL) {
        ready_stop(c);
        return BATON_NOMEM;
    }
    c->ready.next = 0;
    c->ready.doubt = -1;
    c->ready.told = false;
    arm(c, READY_START_MS < c->ready.every_ms ? READY_START_MS : c->ready.every_ms);
    return BATON_OK;
}

void ready_stop(struct controller *c)
{
    if (c->ready.timer != 0) {
        world_cancel(c->world, c->ready.timer);
        c->ready.timer = 0;
    }
    readiness_free(c->ready.checks);
    memory_free(c->ready.believed);
    c->ready.checks = NULL;
    c->ready.believed = NULL;
}

void controller_ready_every(struct controller *controller, int64_t ready_every_ms)
{
    if (controller->ready.every_ms == ready_every_ms || controller->fed) {
        return;
    }
    ready_stop(controller);
    controller->ready.every_ms = ready_every_ms;
    if (ready_start(controller) != BATON_OK) {
        controller_log(
            controller, WORLD_ALERT, GROUP_NOBODY, "readiness", "no memory: nothing is checked");
    }
}
