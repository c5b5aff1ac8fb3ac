/* What the scenario lets happen: faults, kills and commands, at a time or at a step. */
#include "parts.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* ---- When ------------------------------------------------------------------------------- */

static int first_pending(const struct run *run)
{
    int first = -1, i;

    for (i = 0; i < run->n_pending; i++) {
        if (first < 0 || run->pending[i].at_ms < run->pending[first].at_ms) {
            first = i;
        }
    }
    return first;
}

int64_t happen_due_ms(const struct run *run)
{
    int pending = first_pending(run);
    int64_t due_ms = GROUP_NEVER_MS;

    if (run->next_at < run->n_at) {
        due_ms = run->scenario->event[run->order[run->next_at]].at_ms;
    }
    if (pending >= 0 && run->pending[pending].at_ms < due_ms) {
        due_ms = run->pending[pending].at_ms;
    }
    return due_ms;
}

static void happen_later(struct run *run, int64_t at_ms, int event)
{
    if (run->n_pending == RUN_PENDING_MAX) {
        baton_fail(
            &run->failed, BATON_LIMIT, "%s:%d: more than %d things wait for their time",
            run->scenario->file,
            event >= 0 ? run->scenario->event[event].line : run->scenario->line, RUN_PENDING_MAX);
        return;
    }
    run->pending[run->n_pending++] = (struct run_pending){at_ms, event};
}

/* "start postfix" and "start: postfix" are the same. */
static bool same_words(const char *said, const char *name)
{
    while (*said == *name || *said == ':' || *name == ':') {
        said += *said == ':';
        name += *name == ':';
        if (*said != *name || *said == '\0') {
            break;
        }
        said++;
        name++;
    }
    return *said == '\0' && *name == '\0';
}

/* A step's name as the timeline has it, or shorter: its kind alone ("start"), or its action
 * alone ("hook fence"). */
static bool names(const char *said, const char *name)
{
    size_t kind = strcspn(name, ": ");
    const char *action = name[kind] == ':' ? name + kind + 2 : name;

    return same_words(said, name) || (strncmp(said, name, kind) == 0 && said[kind] == '\0') ||
           strcmp(said, action) == 0;
}

void happen_step(struct run *run, const char *name, int node, bool begins)
{
    enum scenario_when_kind when = begins ? SCENARIO_STEP_BEGINS : SCENARIO_STEP_ENDS;
    int i;

    for (i = 0; run->n_steps > 0 && i < run->scenario->n_events; i++) {
        const struct scenario_event *event = &run->scenario->event[i];

        if (event->when == when && names(event->step, name) &&
            (event->step_node == GROUP_NOBODY || event->step_node == node) &&
            ++run->seen[i] == event->nth) {
            happen_later(run, run->sim->now_ms + event->at_ms, i);
        }
    }
}

/* The time after a kill is over; where the machine is off, it is started with that. */
static enum baton_err start_again(struct run *run, int seat, struct baton_error *error)
{
    if (run->seat[seat].controller != NULL) {
        return BATON_OK;
    }
    if (seat_is_off(run, seat)) {
        run->seat[seat].home_down = true;
        return BATON_OK;
    }
    return seat_start(run, seat, error);
}

enum baton_err happen_next(struct run *run, struct baton_error *error)
{
    int pending = first_pending(run);
    struct baton_error inner = {0};
    int event;
    enum baton_err err;

    if (pending >= 0 && run->pending[pending].at_ms == happen_due_ms(run)) {
        event = run->pending[pending].event;
        run->n_pending--;
        memmove(
            &run->pending[pending], &run->pending[pending + 1],
            (size_t)(run->n_pending - pending) * sizeof run->pending[0]);
    } else {
        event = run->order[run->next_at++];
    }
    if (event < 0) {
        return start_again(run, -1 - event, error);
    }
    err = run_do(run, &run->scenario->event[event].deed, &inner);
    if (err != BATON_OK) {
        return baton_fail(
            error, err, "%s:%d: %.900s", run->scenario->file, run->scenario->event[event].line,
            inner.text);
    }
    return BATON_OK;
}

/* ---- What -------------------------------------------------------------------------------- */

static enum baton_err do_fault(
    struct run *run, const struct sim_fault *fault, struct baton_error *error)
{
    enum baton_err err = sim_inject(run->sim, fault, error);

    if (err == BATON_OK) {
        err = seat_follow_machines(run, error);
    }
    return err;
}

static void do_kill(struct run *run, const struct scenario_deed *deed)
{
    int seat = seat_find(run, deed->at);
    struct run_entry entry = {
        .kind = RUN_DAEMON, .node = run->seat[seat].node, .level = WORLD_WARNING};
    char text[SCENARIO_TIME_MAX], who[GROUP_TEXT_MAX];

    seat_words(run, seat, who, sizeof who);
    if (run->seat[seat].controller == NULL) {
        told_line(run, &entry, "%s is down already", who);
        return;
    }
    if (deed->restart_ms >= 0) {
        told_line(
            run, &entry, "%s is killed, and starts again after %s", who,
            scenario_time(deed->restart_ms, text));
        happen_later(run, run->sim->now_ms + deed->restart_ms, -1 - seat);
    } else {
        told_line(run, &entry, "%s is killed", who);
    }
    seat_kill(run, seat, deed->keep_records);
}

static enum baton_err do_start(
    struct run *run, const struct scenario_deed *deed, struct baton_error *error)
{
    int seat = seat_find(run, deed->at);
    struct run_entry entry = {
        .kind = RUN_DAEMON, .node = run->seat[seat].node, .level = WORLD_WARNING};
    char who[GROUP_TEXT_MAX];

    seat_words(run, seat, who, sizeof who);
    if (run->seat[seat].controller != NULL) {
        told_line(run, &entry, "%s runs already", who);
        return BATON_OK;
    }
    if (seat_is_off(run, seat)) {
        told_line(
            run, &entry, "%s can't start: %s is off", who,
            run_node_name(run, run_among_peers(run) ? run->seat[seat].node : run->sim->home));
        return BATON_OK;
    }
    return seat_start(run, seat, error);
}

static void print_command(
    const struct run *run, const struct scenario_deed *deed, char *text, size_t size)
{
    bool on = deed->command == GROUP_CMD_CONFIRM_OUT;

    snprintf(
        text, size, "operator: %s%s%s%s%s%s%s", group_command_name(deed->command),
        deed->node == GROUP_NOBODY ? ""
        : on                       ? " "
                                   : " to ",
        deed->node == GROUP_NOBODY ? "" : run_node_name(run, deed->node),
        deed->force ? ", forced" : "", deed->reason[0] != '\0' ? " (" : "", deed->reason,
        deed->reason[0] != '\0' ? ")" : "");
}

/* Its line comes before what follows from it; whether it was refused is known after. */
static void do_command(struct run *run, const struct scenario_deed *deed)
{
    struct run_entry entry = {
        .kind = RUN_OPERATOR, .node = deed->node, .level = WORLD_INFO, .outcome = GROUP_OK};
    struct baton_error refused = {0};
    char text[GROUP_TEXT_MAX * 2], who[GROUP_TEXT_MAX];
    int seat = seat_find(run, deed->at), line;

    print_command(run, deed, text, sizeof text);
    seat_words(run, seat, who, sizeof who);
    entry.baton = run->seat[seat].node;
    line = told_line(run, &entry, "%s", text);
    if (run->seat[seat].controller == NULL) {
        baton_fail(&refused, BATON_IO, "%s is down", who);
    } else if (sim_hangs(run->sim, run->seat[seat].place)) {
        baton_fail(&refused, BATON_IO, "%s does not answer", who);
    } else {
        controller_command(
            run->seat[seat].controller, deed->command, deed->node, deed->force, "operator",
            deed->reason[0] != '\0' ? deed->reason : NULL, &refused);
    }
    if (refused.code != BATON_OK) {
        told_more(run, line, GROUP_FAIL, "%s: refused: %.600s", text, refused.text);
    }
}

enum baton_err run_do(struct run *run, const struct scenario_deed *deed, struct baton_error *error)
{
    enum baton_err err = BATON_OK;

    switch (deed->kind) {
    case SCENARIO_FAULT:
        err = do_fault(run, &deed->fault, error);
        break;
    case SCENARIO_KILL:
        do_kill(run, deed);
        break;
    case SCENARIO_START:
        err = do_start(run, deed, error);
        break;
    case SCENARIO_COMMAND:
        do_command(run, deed);
        break;
    }
    run_look(run);
    return err;
}
