/* When a run is over: each expectation in words, whether it held, and what was instead. */
#include "base/memory.h"
#include "parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ALWAYS 4 /* what must hold in every run */

static const char *const never_words[SCENARIO_NEVERS] = {
    [SCENARIO_NEVER_TWO_SERVE] = "no moment at which two nodes serve",
    [SCENARIO_NEVER_NOBODY] = "no moment at which nobody serves",
    [SCENARIO_NEVER_MOVE] = "no move",
    [SCENARIO_NEVER_FAILOVER] = "no failover",
    [SCENARIO_NEVER_FAILBACK] = "no failback",
    [SCENARIO_NEVER_FAILED] = "no move that is undone",
    [SCENARIO_NEVER_FENCE] = "no fence",
    [SCENARIO_NEVER_HOLD] = "no hold",
    [SCENARIO_NEVER_COMMAND] = "no command that changes anything",
};

static void say(char *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* After what is there already. */
static void say(char *text, const char *format, ...)
{
    size_t used = strlen(text);
    va_list args;

    va_start(args, format);
    vsnprintf(text + used, GROUP_TEXT_MAX - used, format, args);
    va_end(args);
}

/* ---- What was expected ------------------------------------------------------------------- */

static void say_span(char *text, const struct scenario_expect *expect)
{
    char time[2][SCENARIO_TIME_MAX];

    if (expect->by_ms >= 0) {
        say(text, " by %s", scenario_time(expect->by_ms, time[0]));
    } else if (expect->from_ms < 0) {
        say(text, " at the end");
    } else if (expect->from_ms == expect->to_ms) {
        say(text, " at %s", scenario_time(expect->from_ms, time[0]));
    } else if (expect->to_ms < 0) {
        say(text, " from %s to the end", scenario_time(expect->from_ms, time[0]));
    } else {
        say(text, " from %s to %s", scenario_time(expect->from_ms, time[0]),
            scenario_time(expect->to_ms, time[1]));
    }
}

static const char *hold_word(int hold)
{
    return hold == SCENARIO_HOLD_ANY ? "any" : group_hold_name((enum group_hold)hold);
}

static void say_moves(char *text, const struct scenario_expect *expect)
{
    if (expect->least == expect->most) {
        say(text, "exactly %d move%s", expect->most, expect->most == 1 ? "" : "s");
    } else if (expect->most < 0) {
        say(text, "at least %d move%s", expect->least, expect->least == 1 ? "" : "s");
    } else if (expect->least < 0) {
        say(text, "at most %d move%s", expect->most, expect->most == 1 ? "" : "s");
    } else {
        say(text, "%d to %d moves", expect->least, expect->most);
    }
}

/* What stands without a span means the whole run where something is said, not its end. */
static void say_said_span(char *text, const struct scenario_expect *expect)
{
    if (expect->from_ms >= 0 || expect->by_ms >= 0) {
        say_span(text, expect);
    }
}

static void say_texts(char *text, const char *texts)
{
    while (*texts != '\0') {
        size_t len = strcspn(texts, "\n");

        say(text, "\"%.*s\"%s", (int)len, texts, texts[len] == '\n' ? ", then " : "");
        texts += len + (texts[len] == '\n');
    }
}

static void say_expected(const struct run *run, const struct scenario_expect *expect, char *text)
{
    char time[SCENARIO_TIME_MAX];

    text[0] = '\0';
    switch (expect->kind) {
    case SCENARIO_EXPECT_STATE:
        say(text, "%s %s", run_node_name(run, expect->node), fsm_state_name(expect->state));
        say_span(text, expect);
        break;
    case SCENARIO_EXPECT_HOLDER:
        say(text, "%s to hold the baton", run_node_name(run, expect->node));
        say_span(text, expect);
        break;
    case SCENARIO_EXPECT_SERVES:
        say(text, "%s to serve", run_node_name(run, expect->node));
        say_span(text, expect);
        break;
    case SCENARIO_EXPECT_HOLD:
        if (expect->hold == GROUP_HOLD_NONE) {
            say(text, "no hold");
        } else {
            say(text, "hold: %s", hold_word(expect->hold));
        }
        say_span(text, expect);
        break;
    case SCENARIO_EXPECT_OUTAGE:
        say(text, "no outage longer than %s", scenario_time(expect->at_most_ms, time));
        say_said_span(text, expect);
        break;
    case SCENARIO_EXPECT_MOVES:
        say_moves(text, expect);
        break;
    case SCENARIO_EXPECT_NEVER:
        say(text, "%s", never_words[expect->never]);
        break;
    case SCENARIO_EXPECT_SAID:
        say_texts(text, expect->text);
        say(text, " to be said");
        say_said_span(text, expect);
        break;
    case SCENARIO_EXPECT_NOT_SAID:
        say(text, "\"%s\" not to be said", expect->text);
        say_said_span(text, expect);
        break;
    }
}

/* ---- What was -------------------------------------------------------------------------------- */

static void say_serving(const struct run *run, unsigned serves, char *text)
{
    const char *between = "";
    int i;

    for (i = 0; i < run->site.n_nodes; i++) {
        if (serves & 1u << i) {
            say(text, "%s%s", between, run_node_name(run, i));
            between = " and ";
        }
    }
    if (serves == 0) {
        say(text, "nobody");
    }
}

/* Among peers the store says who holds the baton, and each node's own Baton its state. */
static bool was_down(const struct run *run, const struct scenario_expect *expect)
{
    unsigned up = run->watch[expect - run->scenario->expect].was.up;

    switch (expect->kind) {
    case SCENARIO_EXPECT_SERVES:
        return false;
    case SCENARIO_EXPECT_HOLDER:
        return up == 0 && !run_among_peers(run);
    case SCENARIO_EXPECT_STATE:
        return run_among_peers(run) ? !(up & 1u << expect->node) : up == 0;
    default:
        return up == 0;
    }
}

static void say_was(const struct run *run, const struct scenario_expect *expect, char *why)
{
    const struct watch *watch = &run->watch[expect - run->scenario->expect];
    char time[SCENARIO_TIME_MAX];

    if (was_down(run, expect)) {
        bool own = run_among_peers(run) && expect->kind == SCENARIO_EXPECT_STATE;

        say(why, "%s was down at %s", own ? "its Baton" : "the daemon",
            scenario_time(watch->at_ms, time));
        return;
    }
    switch (expect->kind) {
    case SCENARIO_EXPECT_STATE:
        say(why, "it was %s", fsm_state_name(watch->was.state[expect->node]));
        break;
    case SCENARIO_EXPECT_HOLDER:
        say(why, "%s held it", run_node_name(run, watch->was.holder));
        break;
    case SCENARIO_EXPECT_SERVES:
        say_serving(run, watch->was.serves, why);
        say(why, " served");
        break;
    default:
        say(why, watch->was.hold == GROUP_HOLD_NONE ? "no hold" : "hold: %s",
            group_hold_name(watch->was.hold));
        break;
    }
    say(why, " at %s", scenario_time(watch->at_ms, time));
}

static bool span_held(const struct run *run, const struct scenario_expect *expect, char *why)
{
    const struct watch *watch = &run->watch[expect - run->scenario->expect];
    bool held = expect->by_ms >= 0 ? watch->met : !watch->broken;

    if (!held) {
        say_was(run, expect, why);
    }
    return held;
}

static bool outage_held(const struct run *run, const struct scenario_expect *expect, char *why)
{
    const struct watch *watch = &run->watch[expect - run->scenario->expect];
    char time[3][SCENARIO_TIME_MAX];

    if (!run->served_once && expect->from_ms < 0) {
        say(why, "the client was never served");
        return run->scenario->end_ms <= expect->at_most_ms;
    }
    if (watch->longest_ms <= expect->at_most_ms) {
        return true;
    }
    say(why, "it was %s, from %s to %s", scenario_time(watch->longest_ms, time[0]),
        scenario_time(watch->longest_from, time[1]),
        scenario_time(watch->longest_from + watch->longest_ms, time[2]));
    return false;
}

static bool moves_held(const struct run *run, const struct scenario_expect *expect, char *why)
{
    const struct watch *watch = &run->watch[expect - run->scenario->expect];
    char time[SCENARIO_TIME_MAX];

    if ((expect->least < 0 || watch->moves >= expect->least) &&
        (expect->most < 0 || watch->moves <= expect->most)) {
        return true;
    }
    if (watch->moves == 0) {
        say(why, "there was none");
    } else {
        say(why, "there %s %d, the last at %s", watch->moves == 1 ? "was" : "were", watch->moves,
            scenario_time(watch->at_ms, time));
    }
    return false;
}

static bool held(const struct run *run, const struct scenario_expect *expect, char *why)
{
    const struct watch *watch = &run->watch[expect - run->scenario->expect];
    char time[SCENARIO_TIME_MAX];

    switch (expect->kind) {
    case SCENARIO_EXPECT_STATE:
    case SCENARIO_EXPECT_HOLDER:
    case SCENARIO_EXPECT_SERVES:
    case SCENARIO_EXPECT_HOLD:
        return span_held(run, expect, why);
    case SCENARIO_EXPECT_OUTAGE:
        return outage_held(run, expect, why);
    case SCENARIO_EXPECT_MOVES:
        return moves_held(run, expect, why);
    case SCENARIO_EXPECT_NEVER:
        if (run->first_ms[expect->never] >= 0) {
            say(why, "there was one at %s", scenario_time(run->first_ms[expect->never], time));
        }
        return run->first_ms[expect->never] < 0;
    case SCENARIO_EXPECT_SAID:
        if (!watch->met && watch->said > 0) {
            say(why, "\"%.*s\" was not", (int)strcspn(expect->text + watch->said, "\n"),
                expect->text + watch->said);
        } else if (!watch->met) {
            say(why, "it was not");
        }
        return watch->met;
    case SCENARIO_EXPECT_NOT_SAID:
        if (watch->met) {
            say(why, "it was, at %s", scenario_time(watch->at_ms, time));
        }
        return !watch->met;
    }
    return false;
}

/* ---- All ------------------------------------------------------------------------------------ */

static void say_two(const struct run *run, struct run_verdict *verdict)
{
    char time[2][SCENARIO_TIME_MAX];

    say(verdict->text, "two nodes never to serve at once");
    verdict->held = run->sim->count.two_blamed_ms == 0;
    if (!verdict->held) {
        say(verdict->why, "they did for %s, first at %s",
            scenario_time(run->sim->count.two_blamed_ms, time[0]),
            scenario_time(run->sim->count.two_first_ms, time[1]));
    }
}

static void say_broken(
    struct run_verdict *verdict, const char *text, int64_t at_ms, const char *why)
{
    char time[SCENARIO_TIME_MAX];

    say(verdict->text, "%s", text);
    verdict->held = at_ms < 0;
    if (!verdict->held) {
        say(verdict->why, "at %s: %s", scenario_time(at_ms, time), why);
    }
}

static void make_all(struct run *run)
{
    const struct scenario *scenario = run->scenario;
    struct run_verdict *verdict = run->verdict;
    int i;

    for (i = 0; i < scenario->n_expects; i++, verdict++) {
        verdict->expect = &scenario->expect[i];
        verdict->line = scenario->expect[i].line;
        say_expected(run, verdict->expect, verdict->text);
        verdict->held = held(run, verdict->expect, verdict->why);
    }
    for (i = 0; i < scenario->n_events; i++) {
        const struct scenario_event *event = &scenario->event[i];

        if (event->when == SCENARIO_AT || run->seen[i] >= event->nth) {
            continue;
        }
        verdict->line = event->line;
        say(verdict->text, "step %s to %s", event->step,
            event->when == SCENARIO_STEP_BEGINS ? "begin" : "end");
        say(verdict->why, "step %s never %s", event->step,
            event->when == SCENARIO_STEP_BEGINS ? "began" : "ended");
        if (run->seen[i] > 0) {
            say(verdict->why, " %d times, only %d", event->nth, run->seen[i]);
        }
        verdict++;
    }
    for (i = 0; i < ALWAYS; i++) {
        verdict[i].line = scenario->line;
    }
    say_two(run, &verdict[0]);
    say_broken(&verdict[1], "no invariant to be broken", run->frozen_ms, run->frozen);
    say_broken(&verdict[2], "the policy to keep its rules", run->broken_ms, run->broken);
    if (run_among_peers(run)) {
        say_broken(
            &verdict[3], "the store's epoch to rise", run->fallen_ms,
            "it fell, and the store was not restored");
    }
    run->n_verdicts = (int)(verdict - run->verdict) + ALWAYS - !run_among_peers(run);
}

enum baton_err verdict_make(struct run *run, struct baton_error *error)
{
    const struct scenario *scenario = run->scenario;
    int i;

    sim_account(run->sim);
    run->verdict = memory_zeroed(
        (size_t)scenario->n_expects + (size_t)scenario->n_events + ALWAYS, sizeof run->verdict[0]);
    if (run->verdict == NULL) {
        return baton_fail(error, BATON_NOMEM, "%s: no memory for a run", scenario->file);
    }
    make_all(run);
    for (i = 0; i < run->n_verdicts; i++) {
        const struct run_verdict *verdict = &run->verdict[i];
        bool step = verdict->expect == NULL && strncmp(verdict->why, "step ", 5) == 0;

        if (!verdict->held && step) {
            return baton_fail(
                error, BATON_REFUSED, "%s:%d: %s", scenario->file, verdict->line, verdict->why);
        }
        if (!verdict->held) {
            return baton_fail(
                error, BATON_REFUSED, "%s:%d: expected %s: %s", scenario->file, verdict->line,
                verdict->text, verdict->why);
        }
    }
    return BATON_OK;
}
