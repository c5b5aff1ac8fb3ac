/* What the world and the controller say, and what is made of it: counts, points for the
 * explorer, lines for people. A thing that is said twice, as the controller's log and its
 * news, is one line. Nothing is done here: whoever is told changes nothing. */
#include "base/memory.h"
#include "parts.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- Lines -------------------------------------------------------------------------------- */

static int add_line(struct run *run, const struct run_entry *entry, const char *text)
{
    struct run_entry made = *entry;

    made.at_ms = run->sim->now_ms;
    made.text = text;
    made.baton = entry->kind == RUN_OPERATOR ? entry->baton : run->speaker;
    made.name = entry->name != NULL ? entry->name : "";
    check_said(run, text);
    return timeline_add(&run->timeline, &made);
}

int told_line(struct run *run, const struct run_entry *entry, const char *format, ...)
{
    char text[BATON_ERROR_TEXT_MAX];
    va_list args;

    if (!run->texts) {
        return -1;
    }
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return add_line(run, entry, text);
}

void told_more(struct run *run, int line, enum group_outcome outcome, const char *format, ...)
{
    char text[BATON_ERROR_TEXT_MAX];
    va_list args;

    if (!run->texts) {
        return;
    }
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    check_said(run, text);
    if (line >= 0) {
        timeline_retell(&run->timeline, line, text);
        run->timeline.entry[line].outcome = outcome;
    }
}

/* ---- Points ------------------------------------------------------------------------------- */

void told_point(struct run *run, enum run_kind kind, int node, bool begins, const char *text)
{
    struct run_point *point = run->point;

    run->points++;
    point->kind = kind;
    point->node = node;
    point->begins = begins;
    point->copy[0] = '\0';
    if (text != NULL) {
        size_t len = strlen(text);

        len = len < sizeof point->copy ? len : sizeof point->copy - 1;
        memcpy(point->copy, text, len);
        point->copy[len] = '\0';
    }
}

const char *run_point(const struct run *run)
{
    struct run_point *point = run->point;
    const char *node = run_node_name(run, point->node);

    if (run->points == 0) {
        return "nothing yet";
    }
    switch (point->kind) {
    case RUN_PROBE:
        snprintf(point->words, sizeof point->words, "%s %s", node, point->copy);
        break;
    case RUN_STATE:
        snprintf(point->words, sizeof point->words, "%s is judged anew", node);
        break;
    case RUN_STEP:
        snprintf(
            point->words, sizeof point->words, "step %s on %s %s", point->copy, node,
            point->begins ? "begins" : "ends");
        break;
    case RUN_GRANT:
        snprintf(point->words, sizeof point->words, "a record is durable");
        break;
    default:
        snprintf(point->words, sizeof point->words, "%s", point->copy);
        break;
    }
    return point->words;
}

/* ---- The group and the truth, before and after an event ------------------------------------- */

void told_first(struct run *run, enum scenario_never what)
{
    if (run->first_ms[what] < 0) {
        run->first_ms[what] = run->sim->now_ms;
    }
}

static bool two(unsigned serves)
{
    return (serves & (serves - 1)) != 0;
}

static void tell_two(struct run *run, const struct moment *now)
{
    struct run_entry entry = {
        .kind = RUN_OUTAGE,
        .node = GROUP_NOBODY,
        .begins = true,
        .level = WORLD_ALERT,
        .name = "two serve"};
    char names[GROUP_TEXT_MAX] = "";
    size_t used = 0;
    int i;

    if (two(now->serves)) {
        told_first(run, SCENARIO_NEVER_TWO_SERVE);
    }
    if (!run->texts ||
        (two(now->serves) ? now->serves == run->moment.serves : !two(run->moment.serves))) {
        return;
    }
    for (i = 0; i < now->n_nodes && used < sizeof names; i++) {
        if (now->serves & 1u << i) {
            used += (size_t)snprintf(
                names + used, sizeof names - used, "%s%s", used > 0 ? " and " : "",
                run_node_name(run, i));
        }
    }
    if (two(now->serves)) {
        told_line(run, &entry, "%s serve at once", names);
    } else {
        entry.begins = false;
        entry.level = WORLD_WARNING;
        told_line(run, &entry, "two serve no longer, %s does", names[0] != '\0' ? names : "nobody");
    }
}

static void tell_outage(struct run *run, const struct moment *now)
{
    struct run_entry entry = {.kind = RUN_OUTAGE, .node = GROUP_NOBODY, .level = WORLD_WARNING};
    char text[SCENARIO_TIME_MAX];

    if (now->client && !run->served_once) {
        if (run->sim->now_ms > 0) {
            sim_account_from(run->sim); /* nobody expected service before */
            told_line(run, &entry, "the client is served");
        }
    } else if (now->client && !run->moment.client) {
        told_line(
            run, &entry, "the client is served again, after %s",
            scenario_time(run->sim->now_ms - run->outage_from_ms, text));
    } else if (!now->client && run->moment.client) {
        entry.begins = true;
        run->outage_from_ms = run->sim->now_ms;
        told_line(run, &entry, "the client is not served any more");
    }
    run->served_once |= now->client;
}

static void moved_to(struct run *run, int node)
{
    if (run->last_holder != GROUP_NOBODY && run->last_holder != node) {
        run->figures.moves++;
        told_first(run, SCENARIO_NEVER_MOVE);
        check_moved(run);
    }
    run->last_holder = node;
}

/* Among peers the store's word is what counts, not what each Baton makes of it. */
static void tell_store(struct run *run, const struct moment *now)
{
    struct run_entry entry = {
        .kind = RUN_GRANT, .node = now->holder, .level = WORLD_INFO, .epoch = now->epoch};

    if (now->holder == run->moment.holder && now->epoch == run->moment.epoch) {
        return;
    }
    told_point(run, RUN_GRANT, now->holder, false, NULL);
    if (now->epoch > run->moment.epoch) {
        run->figures.grants++;
    }
    if (now->epoch < run->moment.epoch && run->fallen_ms < 0 &&
        run->effect_ms != run->sim->now_ms) {
        run->fallen_ms = run->sim->now_ms;
    }
    if (now->holder == GROUP_NOBODY) {
        told_line(run, &entry, "nobody holds the baton any more, by the store");
        return;
    }
    moved_to(run, now->holder);
    told_line(
        run, &entry, "%s is granted the baton by the store, epoch %" PRId64,
        run_node_name(run, now->holder), now->epoch);
}

void told_moment(struct run *run, const struct moment *now)
{
    int i;

    for (i = 0; i < now->n_nodes; i++) {
        if (now->fit[i] != run->moment.fit[i]) {
            told_point(run, RUN_STATE, i, false, NULL);
        }
    }
    if (now->hold != run->moment.hold && now->hold != GROUP_HOLD_NONE) {
        told_first(run, SCENARIO_NEVER_HOLD);
    }
    if (now->serves == 0 && run->served_once) {
        told_first(run, SCENARIO_NEVER_NOBODY);
    }
    if (now->hold != GROUP_HOLD_NONE && now->hold != run->moment.hold) {
        const char *why = controller_group(run->seat[now->hold_seat].controller)->hold_why;

        if (now->hold == GROUP_HOLD_FROZEN && run->frozen_ms < 0) {
            run->frozen_ms = run->sim->now_ms;
            snprintf(run->frozen, sizeof run->frozen, "%s", why);
        } else if (now->hold == GROUP_HOLD_POLICY && run->broken_ms < 0) {
            run->broken_ms = run->sim->now_ms;
            snprintf(run->broken, sizeof run->broken, "%s", why);
        }
    }
    if (run_among_peers(run)) {
        tell_store(run, now);
    }
    tell_two(run, now);
    tell_outage(run, now);
}

/* ---- Records ------------------------------------------------------------------------------------
 */

static void granted(struct run *run, const struct group_record *record)
{
    struct run_entry entry = {
        .kind = RUN_GRANT, .node = record->node, .level = WORLD_INFO, .epoch = record->epoch};

    run->figures.grants++;
    moved_to(run, record->node);
    told_line(
        run, &entry, "%s is granted the baton, epoch %" PRId64, run_node_name(run, record->node),
        record->epoch);
    if (record->plan_id != 0) {
        happen_step(run, group_step_name(GROUP_STEP_GRANT), record->node, false);
    }
}

/* Among peers each Baton writes down what it learns of the others too; the store's word is told
 * instead. */
static void recorded(struct run *run, const struct sim_told *told)
{
    struct run_seat *seat = &run->seat[seat_at(run, told->place)];
    struct world *world = sim_door(run->sim, told->place);
    int64_t wall_ms = world->ops->wall_ms(world);
    int i;

    told_point(run, RUN_GRANT, GROUP_NOBODY, false, NULL);
    for (i = 0; i < told->n_records; i++) {
        const struct group_record *record = &told->record[i];

        group_memory_take(&seat->recall, record, wall_ms);
        if (run_among_peers(run)) {
            continue;
        }
        if (record->kind == GROUP_REC_GRANT) {
            granted(run, record);
        } else if (record->kind == GROUP_REC_RELEASE) {
            told_line(
                run,
                &(struct run_entry){
                    .kind = RUN_GRANT,
                    .node = GROUP_NOBODY,
                    .level = WORLD_INFO,
                    .epoch = record->epoch},
                "nobody holds the baton");
        }
    }
}

/* ---- The log
 * ------------------------------------------------------------------------------------- */

/* What comes as news too, or as a record, is told there. */
static bool comes_twice(const struct world_log *log)
{
    int i;

    if (strcmp(log->event, "step") == 0 || strcmp(log->event, "grant") == 0 ||
        (strcmp(log->event, "probe") == 0 && log->level == WORLD_INFO)) {
        return true;
    }
    for (i = 0; i < GROUP_NOTICES; i++) {
        if (strcmp(log->event, group_notice_name((enum group_notice)i)) == 0) {
            return true;
        }
    }
    return false;
}

static void logged(struct run *run, const struct sim_told *told)
{
    const struct world_log *log = told->log;
    struct run_entry entry = {.kind = RUN_LOG, .node = told->node, .level = log->level};

    run->level = log->level; /* its news come next */
    /* The grant of an adoption is no step: nothing is under way then. */
    if (run->n_steps > 0 && strcmp(log->event, "grant") == 0 && !run_among_peers(run) &&
        run->seat[0].controller != NULL &&
        controller_group(run->seat[0].controller)->plan[0].kind != GROUP_PLAN_NONE) {
        happen_step(run, group_step_name(GROUP_STEP_GRANT), told->node, true);
    }
    if (run->texts && !comes_twice(log)) {
        entry.name = log->event;
        told_line(
            run, &entry, "%s%s%s: %s", log->event, log->node != NULL ? " on " : "",
            log->node != NULL ? log->node : "", log->text);
    }
}

/* ---- The world
 * -------------------------------------------------------------------------------------- */

static void changed(struct run *run, const struct sim_told *told)
{
    struct run_entry entry = {
        .kind = RUN_CHANGE, .node = told->node, .name = told->thing, .begins = told->up};

    if (!run->texts) {
        return;
    }
    /* Where a command or a fault did it, that has a line already. */
    entry.level = run->effect_ms == run->sim->now_ms || ask_changing(run, told->node, told->thing)
                      ? WORLD_DEBUG
                      : WORLD_INFO;
    told_line(
        run, &entry, "%s on %s is %s", told->thing, run_node_name(run, told->node),
        told->up ? "up" : "down");
}

static void happened(struct run *run, const struct sim_told *told)
{
    struct run_entry entry = {.kind = RUN_FAULT, .node = told->node, .level = WORLD_WARNING};
    char text[GROUP_TEXT_MAX];

    run->effect_ms = run->sim->now_ms;
    if (run->texts) {
        entry.name = sim_fault_row(told->fault->kind)->name;
        entry.begins = !sim_fault_row(told->fault->kind)->lifts;
        sim_fault_say(run->sim, told->fault, text, sizeof text);
        told_line(run, &entry, "%s", text);
    }
}

/* The guardian is no Baton, but what it does decides. */
static void guarded(struct run *run, const struct sim_told *told)
{
    struct run_entry entry = {
        .kind = RUN_GUARDIAN, .node = told->node, .begins = told->up, .level = WORLD_WARNING};

    run->effect_ms = run->sim->now_ms;
    told_point(
        run, RUN_GUARDIAN, told->node, told->up,
        told->up ? "a guardian stops the service" : "a guardian is through");
    told_line(
        run, &entry, "the guardian of %s %s", run_node_name(run, told->node),
        told->up ? "stops the service: the lease is not renewed" : "has stopped the service");
}

/* Whose Baton does or hears this; what happens in the world is said by none. */
static int speaker_of(const struct run *run, const struct sim_told *told)
{
    return run_among_peers(run) && told->place >= SIM_NODE ? told->place - SIM_NODE : GROUP_NOBODY;
}

void told_world(void *arg, const struct sim_told *told)
{
    struct run *run = arg;

    run->speaker = speaker_of(run, told);
    switch (told->kind) {
    case SIM_TOLD_LOG:
        logged(run, told);
        break;
    case SIM_TOLD_REQUEST:
        run->figures.requests++;
        if (ask_changes(told->asked)) {
            told_first(run, SCENARIO_NEVER_COMMAND);
        }
        if (run->texts) {
            ask_begins(run, told);
        }
        break;
    case SIM_TOLD_ANSWER:
        run->effect_ms = told->effect != NULL ? run->sim->now_ms : run->effect_ms;
        if (run->texts) {
            ask_ends(run, told);
        }
        break;
    case SIM_TOLD_OBSERVED:
        run->figures.probes++;
        break;
    case SIM_TOLD_RECORD:
        recorded(run, told);
        break;
    case SIM_TOLD_FAULT:
        happened(run, told);
        break;
    case SIM_TOLD_CHANGE:
        changed(run, told);
        break;
    case SIM_TOLD_SERVED:
        run->served_stale = true;
        break;
    case SIM_TOLD_STORE: /* looked at after each event */
        break;
    case SIM_TOLD_GUARD:
        guarded(run, told);
        break;
    case SIM_TOLD_RESET:
        told_point(run, RUN_FAULT, told->node, true, "the watchdog resets a node");
        told_line(
            run,
            &(struct run_entry){.kind = RUN_GUARDIAN, .node = told->node, .level = WORLD_ALERT},
            "the watchdog switches %s off", run_node_name(run, told->node));
        break;
    }
    run->speaker = GROUP_NOBODY;
}
