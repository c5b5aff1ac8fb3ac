/* From step to step. Each is looked at first, and written down before and after. */
#include "setup.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MIN_MS 60000 /* a look has at least so long, however short its step is */

enum next { /* what becomes of the run after a step */
    GO_ON,
    STOP_HERE,
};

/* ---- One task ---------------------------------------------------------------------------- */

static void on_end(void *arg, const struct policy_result *result)
{
    struct setup_end *end = arg;

    end->ended = true;
    end->outcome = result->outcome;
    end->broken = result->broken;
    end->shadowed = result->shadowed;
    end->detail = strdup(result->detail);
    end->more = result->more != NULL ? strdup(result->more) : NULL;
    if (end->detail == NULL || (result->more != NULL && end->more == NULL)) {
        end->outcome = GROUP_UNKNOWN;
    }
}

static void fail_start(struct setup_end *end, const struct baton_error *error)
{
    end->ended = true;
    end->outcome = GROUP_UNKNOWN;
    end->detail = strdup(error->text);
}

void setup_task(
    struct setup *setup, struct setup_unit *unit, enum policy_entry entry, struct setup_end *end)
{
    int64_t span_ms = unit->step->deadline_ms > LOOK_MIN_MS ? unit->step->deadline_ms : LOOK_MIN_MS;
    struct baton_error error = {0};
    struct policy_task *task;

    if (entry == POLICY_STEP_RUN || entry == POLICY_STEP_UNDO) {
        span_ms = unit->step->deadline_ms;
    }
    *end = (struct setup_end){0};
    setup->now = unit;
    task = policy_run(
        setup->policy, entry, unit->index, unit->node, world_now_ms(setup->world) + span_ms, on_end,
        end, &error);
    if (task == NULL) {
        fail_start(end, &error);
    }
    while (!end->ended && !setup->stopped) {
        event_base_loop(setup->base, EVLOOP_ONCE);
    }
    if (!end->ended) {
        policy_cancel(task);
        end->stopped = true;
        end->detail = strdup("stopped");
    }
    setup->now = NULL;
}

void setup_end_fini(struct setup_end *end)
{
    free(end->detail);
    free(end->more);
    *end = (struct setup_end){0};
}

static const char *words(const struct setup_end *end)
{
    return end->detail != NULL ? end->detail : "no memory for what it said";
}

/* ---- What is written down ---------------------------------------------------------------- */

/* False: it could not be, and that is said. */
static bool put(
    struct setup *setup, struct setup_unit *unit, enum record_state state, const char *memo,
    const char *detail)
{
    struct baton_error error = {0};

    if (record_put(setup->record, unit->step->name, unit->on, state, memo, detail, &error) ==
        BATON_OK) {
        return true;
    }
    tell_end(setup, unit, "failed", error.text, NULL);
    return false;
}

static enum next failed(
    struct setup *setup, struct setup_unit *unit, enum record_state state,
    const struct setup_end *end, const char *outcome)
{
    if (put(setup, unit, state, end->more, words(end))) {
        tell_end(setup, unit, end->stopped ? "stopped" : outcome, words(end), NULL);
    }
    return STOP_HERE;
}

bool setup_remember(struct setup *setup, struct setup_unit *unit, struct baton_error *error)
{
    const char *memo = record_memo(setup->record, unit->step->name, unit->on);

    return policy_remember(
               setup->policy, unit->index, unit->node,
               memo != NULL && memo[0] != '\0' ? memo : NULL, error) == BATON_OK;
}

/* ---- What a person does ------------------------------------------------------------------ */

/* Told that it is done: is it so? Where nobody can look it is taken as told. */
static bool seen(struct setup *setup, struct setup_unit *unit, struct setup_end *end)
{
    *end = (struct setup_end){0};
    if (!unit->step->has_look) {
        end->detail = strdup("as you say");
        return true;
    }
    setup_task(setup, unit, POLICY_STEP_LOOK, end);
    return end->outcome == GROUP_OK;
}

static enum next done_by_person(
    struct setup *setup, struct setup_unit *unit, const struct setup_end *end)
{
    if (!put(setup, unit, RECORD_DONE, NULL, words(end))) {
        return STOP_HERE;
    }
    setup->done++;
    tell_end(setup, unit, "done", words(end), NULL);
    return GO_ON;
}

/* `now`: how it is, where it could be looked at; else NULL. */
static void tell_person(struct setup *setup, struct setup_unit *unit, const char *now)
{
    char detail[512];

    snprintf(
        detail, sizeof detail, "this is for you to do%s%s", now != NULL ? "; now: " : "",
        now != NULL ? now : "");
    tell_end(setup, unit, "waits", detail, unit->step->human);
}

static enum next ask_person(struct setup *setup, struct setup_unit *unit, const char *now)
{
    struct setup_end end;
    char line[64];

    tell_person(setup, unit, now);
    for (;;) {
        if (!setup_ask(setup, "        Done? [y/N/skip] ", line, sizeof line) ||
            (strcasecmp(line, "y") != 0 && strcasecmp(line, "yes") != 0 &&
             strcasecmp(line, "skip") != 0)) {
            return STOP_HERE;
        }
        unit->began_ms = tell_now_ms();
        if (strcasecmp(line, "skip") == 0) {
            if (!put(setup, unit, RECORD_SKIPPED, NULL, "skipped by hand")) {
                return STOP_HERE;
            }
            tell_end(setup, unit, "skipped", "", NULL);
            return GO_ON;
        }
        if (seen(setup, unit, &end)) {
            enum next next = done_by_person(setup, unit, &end);

            setup_end_fini(&end);
            return next;
        }
        tell(setup, "        It is not so yet: %s", words(&end));
        setup_end_fini(&end);
        if (setup->stopped) {
            return STOP_HERE;
        }
    }
}

/* What can be seen is looked at first; what can't is taken as done when the run is started again
 * after it stopped here, where there is nobody to ask. */
static enum next human(struct setup *setup, struct setup_unit *unit, enum record_state before)
{
    struct setup_end end = {0};
    enum next next = STOP_HERE;
    bool waited = before == RECORD_WAITS && !setup_can_ask(setup);

    if ((unit->step->has_look || waited) && seen(setup, unit, &end)) {
        next = done_by_person(setup, unit, &end);
    } else if (setup->stopped || !put(setup, unit, RECORD_WAITS, NULL, "")) {
        next = STOP_HERE;
    } else if (setup_can_ask(setup)) {
        next = ask_person(setup, unit, unit->step->has_look ? end.detail : NULL);
    } else {
        tell_person(setup, unit, unit->step->has_look ? end.detail : NULL);
    }
    setup_end_fini(&end);
    return next;
}

/* ---- What Baton does --------------------------------------------------------------------- */

/* Done already? An earlier run that was stopped may have done it. */
static bool looks_done(
    struct setup *setup, struct setup_unit *unit, enum record_state before, struct setup_end *end)
{
    bool ours = before == RECORD_RUNNING || before == RECORD_FAILED;

    if (end->outcome != GROUP_OK ||
        !put(setup, unit, ours ? RECORD_DONE : RECORD_ALREADY, NULL, words(end))) {
        return false;
    }
    setup->already++;
    tell_end(setup, unit, "already", words(end), NULL);
    return true;
}

static enum next act(struct setup *setup, struct setup_unit *unit)
{
    struct baton_error error = {0};
    struct setup_end end;
    enum next next = STOP_HERE;

    if (setup_may_act(setup, &error) != BATON_OK) {
        tell_end(setup, unit, "failed", error.text, NULL);
        return STOP_HERE;
    }
    if (!put(setup, unit, RECORD_RUNNING, NULL, "")) {
        return STOP_HERE;
    }
    if (!setup_remember(setup, unit, &error)) {
        tell_end(setup, unit, "failed", error.text, NULL);
        return STOP_HERE;
    }
    setup_task(setup, unit, POLICY_STEP_RUN, &end);
    if (end.stopped) {
        next = failed(setup, unit, RECORD_RUNNING, &end, "stopped");
    } else if (end.outcome != GROUP_OK) {
        next = failed(setup, unit, RECORD_FAILED, &end, "failed");
    } else if (put(setup, unit, RECORD_DONE, end.more != NULL ? end.more : "", words(&end))) {
        setup->done++;
        tell_end(setup, unit, "done", words(&end), NULL);
        next = GO_ON;
    }
    setup_end_fini(&end);
    return next;
}

static enum next automatic(struct setup *setup, struct setup_unit *unit, enum record_state before)
{
    struct setup_end end = {0};
    enum next next = GO_ON;

    tell_begin(setup, unit);
    if (!unit->step->has_look) {
        return act(setup, unit);
    }
    setup_task(setup, unit, POLICY_STEP_LOOK, &end);
    if (end.stopped) {
        tell_end(setup, unit, "stopped", "before it began", NULL);
        next = STOP_HERE;
    } else if (end.outcome == GROUP_OK) {
        next = looks_done(setup, unit, before, &end) ? GO_ON : STOP_HERE;
    } else if (end.outcome == GROUP_UNKNOWN) { /* nothing is done to what can't be seen */
        tell_end(setup, unit, "unknown", words(&end), NULL);
        next = STOP_HERE;
    } else {
        next = act(setup, unit);
    }
    setup_end_fini(&end);
    return next;
}

/* ---- All of them ------------------------------------------------------------------------- */

/* With --again as if nobody knew: what is seen to be so is left, and what was ours stays ours. */
static enum record_state state_before(const struct setup *setup, const struct setup_unit *unit)
{
    enum record_state state = record_state(setup->record, unit->step->name, unit->on);

    if (!setup->args->again) {
        return state;
    }
    return state == RECORD_DONE || state == RECORD_RUNNING || state == RECORD_FAILED
               ? RECORD_RUNNING
               : RECORD_NONE;
}

int setup_run(struct setup *setup)
{
    enum next next = GO_ON;
    int i;

    for (i = 0; i < setup->n_units && next == GO_ON; i++) {
        struct setup_unit *unit = &setup->unit[i];
        enum record_state before = state_before(setup, unit);

        unit->began_ms = tell_now_ms();
        unit->copied[0] = '\0';
        if (before == RECORD_DONE || before == RECORD_ALREADY || before == RECORD_SKIPPED) {
            setup->already++;
            tell_end(
                setup, unit, before == RECORD_SKIPPED ? "skipped" : "before",
                record_time(setup->record, unit->step->name, unit->on), NULL);
        } else if (unit->step->human != NULL) {
            next = human(setup, unit, before);
        } else {
            next = automatic(setup, unit, before);
        }
    }
    if (next != GO_ON) {
        return tell_last(
            setup, BATON_NO, setup->stopped ? "stopped" : "refused",
            "stopped at step %d of %d. To go on: baton %s %s; to take back what was done: "
            "baton %s %s --undo",
            i, setup->n_units, setup->name, setup->group->name, setup->name, setup->group->name);
    }
    return tell_last(
        setup, BATON_DONE, "", "%s. Next: baton preflight %s, then batond may watch the group.",
        setup->done == 0 ? "There is nothing left to do" : "All is done", setup->group->name);
}

/* ---- What would be done ------------------------------------------------------------------ */

/* Would one run before it that changes what its look sees? */
static bool is_outdated(const struct setup *setup, const struct setup_unit *unit)
{
    const struct setup_unit *other;

    for (other = setup->unit; other < unit; other++) {
        if (unit->step->after >= 0 && other->planned &&
            POLICY_STEP_INDEX(setup->which, unit->step->after) == other->index) {
            return true;
        }
    }
    return false;
}

static bool plan(struct setup *setup, struct setup_unit *unit)
{
    struct setup_end end = {0};
    bool ok = true;

    if (unit->step->has_look && !is_outdated(setup, unit)) {
        setup_task(setup, unit, POLICY_STEP_LOOK, &end);
        if (end.outcome == GROUP_OK) {
            setup->already++;
            tell_end(setup, unit, "already", words(&end), NULL);
            goto out;
        }
        setup_end_fini(&end);
    }
    unit->planned = true;
    if (unit->step->human != NULL) {
        tell_end(setup, unit, "waits", "this will be for you to do", unit->step->human);
        goto out;
    }
    setup_task(setup, unit, POLICY_STEP_PLAN, &end);
    ok = end.outcome == GROUP_OK && !end.shadowed;
    tell_end(setup, unit, ok ? "plan" : "unknown", ok ? "" : words(&end), end.more);
out:
    setup_end_fini(&end);
    return ok;
}

int setup_dry_run(struct setup *setup)
{
    int failures = 0, i;

    for (i = 0; i < setup->n_units && !setup->stopped; i++) {
        struct setup_unit *unit = &setup->unit[i];
        enum record_state before = state_before(setup, unit);

        unit->began_ms = tell_now_ms();
        if (before == RECORD_DONE || before == RECORD_ALREADY || before == RECORD_SKIPPED) {
            setup->already++;
            tell_end(
                setup, unit, before == RECORD_SKIPPED ? "skipped" : "before",
                record_time(setup->record, unit->step->name, unit->on), NULL);
        } else {
            tell_begin(setup, unit);
            failures += !plan(setup, unit);
        }
    }
    if (setup->stopped) {
        return tell_last(setup, BATON_NO, "stopped", "stopped; nothing was changed");
    }
    if (failures > 0) {
        return tell_last(
            setup, BATON_NO, "unknown", "%d step%s can't be planned; nothing was changed", failures,
            failures == 1 ? "" : "s");
    }
    return tell_last(
        setup, BATON_DONE, "", "Nothing was changed. To do it: baton %s %s", setup->name,
        setup->group->name);
}
