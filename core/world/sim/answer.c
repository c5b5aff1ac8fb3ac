/* What a request meets on its way, and what its answer says. */
#include "base/memory.h"
#include "parts.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORLD_OUT_MAX 64

/* ---- The end of it ----------------------------------------------------------------------- */

static enum world_outcome outcome_of(const struct event *event)
{
    switch ((enum event_end)event->end) {
    case END_DONE:
    case END_ANSWERED:
    case END_STATUS:
    case END_CLOCK:
    case END_THERE:
    case END_SAID:
        return WORLD_OK;
    case END_UNASKED:
        return WORLD_UNKNOWN;
    case END_SILENT:
    case END_LATE:
        return event->kind == EVENT_PROBE ? WORLD_FAIL : WORLD_UNKNOWN;
    default:
        return WORLD_FAIL;
    }
}

static const char *address_verb(const struct event *event)
{
    static const char *const verb[] = {"added to", "removed from", "is on", "announced on"};

    return verb[event->op];
}

static void print_address(const struct event *event, char *text, size_t size)
{
    const char *both = event->more != NULL ? event->more->text : NULL;
    const char *where = both != NULL ? both : "";
    const char *space = strchr(where, ' ');
    int len = space != NULL ? (int)(space - where) : (int)strlen(where);

    snprintf(
        text, size, "%.*s %s%s", len, where,
        event->end == END_NOT_THERE ? "is not on" : address_verb(event),
        space != NULL ? space : "");
}

/* The sentence; into `text` where it is not a constant. */
static const char *detail_of(
    const struct sim *sim, const struct event *event, char *text, size_t size)
{
    const char *words = event->more != NULL ? event->more->words : "";
    char thing[SIM_NAME_MAX] = "";
    long long waited_ms = event->deadline_ms - event->began_ms;

    switch ((enum event_end)event->end) {
    case END_DONE:
        if (event->kind == EVENT_ADDRESS) {
            print_address(event, text, size);
            return text;
        }
        return event->kind == EVENT_SLEEP ? "slept" : "done";
    case END_ANSWERED:
        return "answered";
    case END_CLOCK:
        return "done";
    case END_REFUSED:
        return "connection refused";
    case END_VETO:
        return "10-backup: a backup is running";
    case END_SAID:
    case END_SAID_NO:
    case END_UNASKED:
        return event->more != NULL && event->more->text != NULL ? event->more->text : "";
    case END_NOT_OURS:
        return "only that node's own Baton acts there";
    case END_UNFENCED:
        return "10-power: no answer";
    case END_STATUS:
        snprintf(text, size, "status %d", event->code);
        break;
    case END_SILENT:
        if (event->kind == EVENT_PROBE || event->kind == EVENT_PEER ||
            event->node == GROUP_NOBODY) {
            snprintf(text, size, "no answer within %lld ms", waited_ms);
        } else {
            snprintf(text, size, "ssh: no answer from %s", sim->node[event->node].name);
        }
        break;
    case END_LATE:
        snprintf(text, size, "no end within %lld ms", waited_ms);
        break;
    case END_NO:
        snprintf(text, size, "%s: no", words);
        break;
    case END_REFUSES:
        exec_split(words, thing);
        snprintf(text, size, "%s refuses", thing);
        break;
    case END_FAILS:
        snprintf(text, size, "%s fails", words);
        break;
    case END_THERE:
    case END_NOT_THERE:
        print_address(event, text, size);
        break;
    }
    return text;
}

static void tell_answer(
    struct sim *sim, const struct event *event, const struct world_result *result)
{
    struct sim_told told = {
        .kind = SIM_TOLD_ANSWER, .place = door_of(sim, event)->place, .node = event->node};

    told.request = event->number;
    told.answer = result;
    if (event->applied) {
        told.effect = event->more != NULL ? event->more->words : "power.off";
    }
    sim->told(sim->told_arg, &told);
}

static void result_for_peers(
    struct sim *sim, const struct event *event, struct world_result *result,
    struct world_question *question)
{
    if (event->kind == EVENT_LEASE) {
        hear_result(sim, event, result);
    } else if (event->kind == EVENT_PEER) {
        vouch_result(event, result, question);
    } else if (event->kind == EVENT_MARK && event->more != NULL) {
        result->mark = event->more->mark;
    } else if (event->kind == EVENT_GUARD) {
        result->value = event->value;
    }
}

/* Of an HTTP answer. What was asked is said in words, where the question wants no others. */
static const char *body_of(const struct event *event)
{
    if (event->end == END_STATUS && event->more != NULL && event->more->text != NULL) {
        return event->more->text;
    }
    return !event->asks ? "" : event->end == END_STATUS ? "yes" : event->end == END_NO ? "no" : "";
}

/* The event is over; whoever waits for it hears what came of it. */
static void finish(struct sim *sim, struct event *ending)
{
    struct event event = *ending;
    struct world_result result = {.out = "", .err = ""};
    struct world_question question;
    char text[GROUP_TEXT_MAX], out[WORLD_OUT_MAX];

    ending->more = NULL;
    queue_free(sim, ending);
    if (event.u.done != NULL) {
        result.outcome = outcome_of(&event);
        result.code = event.code;
        result.detail = detail_of(sim, &event, text, sizeof text);
        result.latency_us = (sim->now_ms - event.began_ms) * 1000;
        if (event.end == END_CLOCK) {
            result.out = out;
            result.out_len = (size_t)snprintf(
                out, sizeof out, "%lld.%03d000000\n", (long long)(event.value / 1000),
                (int)(event.value % 1000));
        } else if (event.kind >= EVENT_LEASE) {
            result_for_peers(sim, &event, &result, &question);
        } else if (event.kind == EVENT_PROBE) {
            result.out = body_of(&event);
            result.out_len = strlen(result.out);
        }
        if (sim->told != NULL && event.kind != EVENT_SLEEP && !ask_is_patient(&event)) {
            tell_answer(sim, &event, &result);
        }
        event.u.done(event.arg, event.number, &result);
    }
    queue_drop_more(&event);
}

void answer_says(struct event *event, enum event_end end, const char *format, ...)
{
    va_list args;

    event->end = (uint8_t)end;
    assert(event->more != NULL);
    if (event->more->text == NULL) {
        event->more->text = memory_zeroed(1, GROUP_TEXT_MAX);
    }
    if (event->more->text != NULL) {
        va_start(args, format);
        vsnprintf(event->more->text, GROUP_TEXT_MAX, format, args);
        va_end(args);
    }
}

/* ---- On its way --------------------------------------------------------------------------- */

void answer_no(struct sim *sim, struct event *event, enum event_end end)
{
    event->end = (uint8_t)end;
    event->phase = PHASE_ANSWERS;
    queue_put(sim, event, sim->now_ms);
}

void answer_at_deadline(struct sim *sim, struct event *event, enum event_end end)
{
    if (event->u.done == NULL) {
        queue_free(sim, event);
        return;
    }
    event->end = (uint8_t)end;
    if (end == END_SILENT) {
        event->code = event->kind == EVENT_EXEC ? 255 : -1; /* ssh's own */
    } else if (end == END_LATE) {
        event->code = -1;
    }
    event->phase = PHASE_ANSWERS;
    queue_put(sim, event, event->deadline_ms > sim->now_ms ? event->deadline_ms : sim->now_ms);
}

/* What it does to its node goes on without whoever asked for it. */
static void split_off(struct sim *sim, struct event **event, int64_t at_ms, bool parked)
{
    uint64_t number = (*event)->number;
    struct event *rest = queue_new(sim), *old = queue_find(sim, number);
    uint64_t its;

    assert(rest != NULL);
    its = rest->number;
    *rest = *old;
    rest->number = its;
    rest->heap_at = -1;
    rest->u.done = NULL;
    rest->parked = parked;
    rest->phase = PHASE_WORKS;
    old->effect = false;
    old->more = queue_more(old, rest->more->words);
    if (!parked) {
        queue_put(sim, rest, at_ms);
    }
    *event = old;
}

/* It will be done at `at_ms`, or be too late then. */
void answer_set_out(struct sim *sim, struct event *event, int64_t at_ms)
{
    if (at_ms <= event->deadline_ms) {
        event->phase = PHASE_WORKS;
        queue_put(sim, event, at_ms);
        return;
    }
    event->phase = PHASE_WORKS; /* it is under way: from here on it can be found */
    /* On the controller's own machine it is killed at its deadline. */
    if (event->effect && event->from != event->to &&
        (event->kind == EVENT_EXEC || event->kind == EVENT_LEASE || event->kind == EVENT_PROBE)) {
        split_off(sim, &event, at_ms, false);
    }
    event->effect = false;
    answer_at_deadline(sim, event, END_LATE);
}

void answer_back(struct sim *sim, struct event *event)
{
    int64_t delay_ms = event->late_ms;

    if (event->u.done == NULL) {
        queue_free(sim, event);
    } else if (!model_passes(sim, event->to, event->from, &delay_ms)) {
        answer_at_deadline(sim, event, END_SILENT);
    } else if (delay_ms == 0 && door_waits(door_of(sim, event))) {
        event->phase = PHASE_ANSWERS;
        event->held = true;
    } else if (delay_ms == 0) {
        finish(sim, event);
    } else if (sim->now_ms + delay_ms > event->deadline_ms) {
        answer_at_deadline(sim, event, END_LATE);
    } else {
        event->phase = PHASE_ANSWERS;
        queue_put(sim, event, sim->now_ms + delay_ms);
    }
}

static void work_for_peers(struct sim *sim, struct event *event)
{
    if (event->kind == EVENT_LEASE) {
        keys_work(sim, event);
    } else if (event->kind == EVENT_PEER) {
        vouch_work(sim, event);
    } else if (event->kind == EVENT_GUARD) {
        warden_work(sim, event);
    } else {
        warden_mark_work(sim, event);
        answer_back(sim, event);
    }
}

static void time_is_up(struct sim *sim, struct event *event)
{
    if (event->kind == EVENT_LEASE) {
        keys_late(sim, event);
    } else {
        vouch_late(sim, event);
    }
}

static void nobodys_due(struct sim *sim, struct event *event)
{
    if (event->kind == EVENT_EXPIRE) {
        ttl_expire(sim, event);
    } else {
        warden_due(sim, event);
    }
}

static void work(struct sim *sim, struct event *event)
{
    bool hung = event->to >= SIM_NODE && sim->node[event->to - SIM_NODE].hung;

    if (model_is_silent(sim, event->to)) {
        if (hung && event->effect && event->u.done == NULL) {
            event->parked = true;
            return;
        }
        if (hung && event->effect) {
            split_off(sim, &event, 0, true);
        }
        event->effect = false;
        answer_at_deadline(sim, event, END_SILENT);
        return;
    }
    if (event->kind >= EVENT_LEASE) {
        work_for_peers(sim, event);
        return;
    }
    if (event->kind != EVENT_PROBE || event->effect || event->asks) {
        exec_work(sim, event);
        /* It may have switched itself off, and a ping has no answer where there is none. */
        if (model_is_silent(sim, event->to)) {
            answer_at_deadline(sim, event, END_SILENT);
            return;
        }
        if (event->end == END_NO && event->node == GROUP_NOBODY && event->kind != EVENT_PROBE) {
            answer_at_deadline(sim, event, END_NO);
            return;
        }
    }
    answer_back(sim, event);
}

void answer_due(struct sim *sim, struct event *event)
{
    const struct sim_seat *seat = door_of(sim, event);
    /* What runs on its machine hangs with that, but not with the Baton alone. */
    bool held =
        event->phase == PHASE_ANSWERS ? door_waits(seat) : seat->hung && event->from == event->to;

    queue_take(sim, event);
    if (queue_is_nobodys(event)) {
        nobodys_due(sim, event);
    } else if (held && (event->u.done != NULL || event->kind == EVENT_RECORD)) {
        event->held = true;
    } else if (event->kind == EVENT_RECORD) {
        answer_written(sim, event);
    } else if (event->phase == PHASE_WORKS) {
        work(sim, event);
    } else if (event->phase == PHASE_WAITS) {
        time_is_up(sim, event);
    } else {
        finish(sim, event);
    }
}

/* ---- Records -------------------------------------------------------------------------------- */

void answer_written(struct sim *sim, struct event *event)
{
    struct event over = *event;
    struct baton_error error = {BATON_IO, ""};
    struct sim_seat *seat = door_of(sim, event);
    struct sim_told told = {.kind = SIM_TOLD_RECORD, .place = seat->place, .node = GROUP_NOBODY};

    event->more = NULL;
    queue_free(sim, event);
    if (over.lost) {
        snprintf(error.text, sizeof error.text, "the journal: the daemon was killed");
    } else if (!over.applied && seat->disk_full) {
        snprintf(error.text, sizeof error.text, "the journal: no space left on device");
    } else if (!over.applied) {
        seat->records += over.more->n_records;
        told.record = over.more->record;
        told.n_records = over.more->n_records;
        if (sim->told != NULL) {
            sim->told(sim->told_arg, &told);
        }
    }
    over.u.recorded(over.arg, over.more->seq, error.text[0] != '\0' ? &error : NULL);
    memory_free(over.more->record);
    memory_free(over.more);
}

/* ---- Later ----------------------------------------------------------------------------------- */

/* In the order in which they were due. */
static struct event *first_waiting(struct sim *sim, const struct sim_seat *seat, int node)
{
    struct event *first = NULL;
    int i;

    for (i = 0; i < sim->queue->n_events; i++) {
        struct event *event = &sim->queue->event[i];
        bool waits =
            event->phase != PHASE_FREE && (seat != NULL ? event->held && door_of(sim, event) == seat
                                                        : event->parked && event->node == node);

        if (waits && (first == NULL || event->at_ms < first->at_ms ||
                      (event->at_ms == first->at_ms && event->number < first->number))) {
            first = event;
        }
    }
    return first;
}

static void go_on(struct sim *sim, const struct sim_seat *seat, int node)
{
    struct event *event;

    while ((event = first_waiting(sim, seat, node)) != NULL) {
        event->held = event->parked = false;
        queue_put(sim, event, sim->now_ms);
    }
}

void answer_resume(struct sim *sim, const struct sim_seat *seat)
{
    go_on(sim, seat, GROUP_NOBODY);
}

void answer_unpark(struct sim *sim, int node)
{
    go_on(sim, NULL, node);
}

struct event *answer_next(struct sim *sim)
{
    struct sim_queue *queue = sim->queue;
    const struct due *earliest = NULL;
    int i;

    for (i = 0; i < queue->n_due; i++) {
        const struct due *due = &queue->heap[i];
        const struct event *event = &queue->event[due->event];

        if (event->kind == EVENT_SLEEP || event->kind == EVENT_RECORD || event->u.done == NULL ||
            event->phase == PHASE_WAITS) {
            continue;
        }
        if (earliest == NULL || due->at_ms < earliest->at_ms ||
            (due->at_ms == earliest->at_ms && due->order < earliest->order)) {
            earliest = due;
        }
    }
    return earliest == NULL ? NULL : &queue->event[earliest->event];
}

void answer_postpone(struct sim *sim, struct event *event, int64_t ms)
{
    if (event->phase == PHASE_WORKS) {
        event->late_ms += ms;
        return;
    }
    queue_take(sim, event);
    if (event->at_ms + ms <= event->deadline_ms) {
        queue_put(sim, event, event->at_ms + ms);
    } else {
        answer_at_deadline(sim, event, event->end == END_SILENT ? END_SILENT : END_LATE);
    }
}
