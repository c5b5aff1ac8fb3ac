/* The controller's news: steps, notices, probes whose status changed. */
#include "parts.h"

#include <stdio.h>
#include <string.h>

static void news_status(
    struct run *run, const struct controller *controller, const struct controller_news *news)
{
    const struct group *g = controller_group(controller);
    struct run_entry entry = {.kind = RUN_PROBE, .node = news->node, .level = WORLD_INFO};

    if (run->speaker != GROUP_NOBODY && run->speaker != news->node) {
        return; /* its own Baton has said it */
    }
    told_point(run, RUN_PROBE, news->node, false, news->text);
    entry.outcome = g->node[news->node].health[news->probe].status;
    entry.name = g->rules.probe[news->probe].name;
    told_line(run, &entry, "%s %s", run_node_name(run, news->node), news->text);
}

static void news_step_begins(
    struct run *run, const struct controller *controller, const struct controller_news *news)
{
    const struct group_plan *plan = &controller_group(controller)->plan[news->plan_slot];
    struct run_entry entry = {.kind = RUN_STEP, .node = news->node, .begins = true};
    int attempt = news->effect->u.run.ref.attempt;
    size_t tail = strlen(" on ") + strlen(run_node_name(run, news->node));
    size_t len = strlen(news->text);
    char name[GROUP_TEXT_MAX];

    snprintf(name, sizeof name, "%.*s", (int)(len > tail ? len - tail : len), news->text);
    told_point(run, RUN_STEP, news->node, true, name);
    happen_step(run, name, news->node, true);
    if (news->effect->u.run.kind == GROUP_STEP_FENCE) {
        told_first(run, SCENARIO_NEVER_FENCE);
    }
    entry.level = WORLD_INFO;
    entry.epoch = plan->epoch;
    entry.plan_slot = news->plan_slot;
    entry.name = name;
    if (attempt > 1) {
        told_line(run, &entry, "%s begins, attempt %d", news->text, attempt);
    } else {
        told_line(run, &entry, "%s begins", news->text);
    }
}

static void news_step_ends(struct run *run, const struct controller_news *news)
{
    const struct group_record *record = &news->effect->u.record;
    struct run_entry entry = {.kind = RUN_STEP, .node = news->node, .level = run->level};

    told_point(run, RUN_STEP, news->node, false, record->name);
    happen_step(run, record->name, news->node, false);
    entry.epoch = record->epoch;
    entry.plan_slot = news->plan_slot;
    entry.outcome = (enum group_outcome)record->outcome;
    entry.name = record->name;
    told_line(run, &entry, "%s", news->text);
}

/* A node's state changes, and the notice that comes with it gives the same reason: once is
 * enough. */
static void say_once(struct run *run, const struct controller_news *news)
{
    struct run_entry *state;

    if (run->state_line < 0) {
        return;
    }
    state = &run->timeline.entry[run->state_line];
    if (state->at_ms == run->sim->now_ms && state->node == news->node &&
        (news->notice == GROUP_NOTICE_COMPLETED || strstr(news->text, run->state_why) != NULL)) {
        char text[GROUP_TEXT_MAX];

        snprintf(
            text, sizeof text, "%s %s → %s", run_node_name(run, state->node),
            fsm_state_name(state->from), fsm_state_name(state->to));
        timeline_retell(&run->timeline, run->state_line, text);
    }
    run->state_line = -1;
}

static void news_transition(struct run *run, const struct controller_news *news)
{
    struct run_entry entry = {.kind = RUN_STATE, .node = news->node, .level = run->level};

    entry.from = news->effect->u.notice.from;
    entry.to = news->effect->u.notice.to;
    run->state_line = told_line(run, &entry, "%s", news->text);
    snprintf(run->state_why, sizeof run->state_why, "%s", news->effect->u.notice.text);
}

static void news_notice(struct run *run, const struct controller_news *news)
{
    struct run_entry entry = {.kind = RUN_NOTICE, .node = news->node, .level = run->level};

    if (news->notice == GROUP_NOTICE_TRANSITION) {
        news_transition(run, news);
        return;
    }
    if (news->notice == GROUP_NOTICE_FAILOVER) {
        told_first(run, SCENARIO_NEVER_FAILOVER);
    } else if (news->notice == GROUP_NOTICE_FAILBACK) {
        told_first(run, SCENARIO_NEVER_FAILBACK);
    } else if (news->notice == GROUP_NOTICE_FAILED) {
        told_first(run, SCENARIO_NEVER_FAILED);
    }
    told_point(run, RUN_NOTICE, news->node, true, news->text);
    say_once(run, news);
    entry.name = group_notice_name(news->notice);
    told_line(run, &entry, "%s", news->text);
}

/* What came of a wish that another node's Baton carried out. */
static void news_answer(struct run *run, const struct controller_news *news)
{
    struct run_entry entry = {
        .kind = RUN_OPERATOR,
        .node = news->node,
        .baton = run->speaker,
        .level = news->refused ? WORLD_WARNING : WORLD_INFO,
        .outcome = news->refused ? GROUP_FAIL : GROUP_OK};

    told_line(
        run, &entry, "answer to the operator: %s%s", news->refused ? "refused: " : "", news->text);
}

void news_told(void *arg, const struct controller *controller, const struct controller_news *news)
{
    const struct run_seat *seat = arg;
    struct run *run = seat->run;

    run->speaker = seat->node;
    switch (news->kind) {
    case CONTROLLER_STATUS:
        news_status(run, controller, news);
        break;
    case CONTROLLER_STEP:
        if (news->effect->kind == GROUP_DO_RUN) {
            news_step_begins(run, controller, news);
        } else {
            news_step_ends(run, news);
        }
        break;
    case CONTROLLER_NOTICE:
        news_notice(run, news);
        break;
    case CONTROLLER_ANSWER:
        news_answer(run, news);
        break;
    }
    run->speaker = GROUP_NOBODY;
}
