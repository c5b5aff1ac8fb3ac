/* What the Batons of the nodes ask each other: whether one serves, and will not for a while. */
#include "base/memory.h"
#include "parts.h"

#include <assert.h>
#include <stdio.h>

/* The oldest question that has come to this Baton goes to whoever listens there. */
static void bring_together(struct sim *sim, const struct sim_seat *seat)
{
    struct event *question = NULL, *listens = NULL;
    int i;

    for (i = 0; i < sim->queue->n_events; i++) {
        struct event *event = &sim->queue->event[i];

        if (event->phase != PHASE_WAITS || event->kind != EVENT_PEER || event->held) {
            continue;
        }
        if (event->op == WORLD_PEER_LISTEN && door_of(sim, event) == seat) {
            listens = event;
        } else if (
            event->op == WORLD_PEER_ASK && event->to == seat->place && !event->more->talk->asked &&
            (question == NULL || event->number < question->number)) {
            question = event;
        }
    }
    if (question == NULL || listens == NULL) {
        return;
    }
    question->more->talk->asked = true;
    *listens->more->talk = *question->more->talk;
    listens->more->talk->ticket = question->number;
    answer_says(listens, END_SAID, "%s asks", question->more->talk->holder);
    queue_take(sim, listens);
    answer_no(sim, listens, END_SAID);
}

static void start_ask(struct sim *sim, struct event *event, const struct world_request *request)
{
    int64_t way_ms = sim->probe_ms;

    event->node = (int8_t)model_find_node(sim, request->u.peer.node);
    snprintf(
        event->more->talk->holder, sizeof event->more->talk->holder, "%s", request->u.peer.holder);
    event->more->talk->epoch = request->u.peer.epoch;
    event->more->talk->hold_ms = request->u.peer.hold_ms;
    if (event->node == GROUP_NOBODY) {
        answer_says(event, END_UNASKED, "there is no node of that name");
        answer_no(sim, event, END_UNASKED);
        return;
    }
    event->to = (int8_t)(SIM_NODE + event->node);
    if (model_is_silent(sim, event->to) || !model_passes(sim, event->from, event->to, &way_ms)) {
        answer_at_deadline(sim, event, END_SILENT);
    } else {
        answer_set_out(sim, event, sim->now_ms + way_ms);
    }
}

/* Whoever asked hears it when it has come back to his node. */
static void start_answer(struct sim *sim, struct event *event, const struct world_request *request)
{
    struct event *question = queue_find(sim, request->u.peer.ticket);
    int64_t way_ms = 0;

    if (question == NULL || question->kind != EVENT_PEER || question->op != WORLD_PEER_ASK ||
        question->phase != PHASE_WAITS || question->to != event->from ||
        !question->more->talk->asked) {
        answer_says(event, END_SAID_NO, "nobody waits for that answer any more");
        answer_no(sim, event, END_SAID_NO);
        return;
    }
    answer_says(event, END_SAID, "answered");
    answer_no(sim, event, END_SAID);
    if (!model_passes(sim, question->to, question->from, &way_ms) ||
        sim->now_ms + way_ms > question->deadline_ms) {
        return; /* it waits on, for nothing */
    }
    answer_says(
        question, request->u.peer.yes ? END_SAID : END_SAID_NO, "%s",
        request->u.peer.why != NULL ? request->u.peer.why
        : request->u.peer.yes       ? "yes"
                                    : "no");
    question->phase = PHASE_ANSWERS;
    question->held = false;
    queue_take(sim, question);
    queue_put(sim, question, sim->now_ms + way_ms);
}

void vouch_start(struct sim *sim, struct event *event, const struct world_request *request)
{
    event->kind = EVENT_PEER;
    event->op = (uint8_t)request->u.peer.op;
    event->from = event->to = (int8_t)door_place(door_of(sim, event));
    queue_more(event, "");
    assert(event->more != NULL);
    event->more->talk = memory_zeroed(1, sizeof *event->more->talk);
    assert(event->more->talk != NULL);
    if (event->seat == 0 || !sim->inside->setup.failsafe) {
        answer_says(event, END_UNASKED, "the Batons don't ask each other");
        answer_no(sim, event, END_UNASKED);
        return;
    }
    switch (request->u.peer.op) {
    case WORLD_PEER_ASK:
        start_ask(sim, event, request);
        break;
    case WORLD_PEER_LISTEN:
        event->phase = PHASE_WAITS;
        queue_put(sim, event, event->deadline_ms);
        bring_together(sim, door_of(sim, event));
        break;
    case WORLD_PEER_ANSWER:
        start_answer(sim, event, request);
        break;
    }
}

/* A question has come to the node. */
void vouch_work(struct sim *sim, struct event *event)
{
    const struct sim_seat *seat = &sim->seat[1 + event->node];

    if (seat->killed) {
        answer_says(event, END_UNASKED, "connection refused");
        answer_back(sim, event);
        return;
    }
    event->phase = PHASE_WAITS;
    queue_put(sim, event, event->deadline_ms);
    bring_together(sim, seat);
}

void vouch_late(struct sim *sim, struct event *event)
{
    if (event->op == WORLD_PEER_ASK) {
        answer_at_deadline(sim, event, END_SILENT);
    } else {
        answer_says(event, END_UNASKED, "nobody asked");
        answer_no(sim, event, END_UNASKED);
    }
}

void vouch_result(
    const struct event *event, struct world_result *result, struct world_question *question)
{
    const struct peer_talk *talk = event->more != NULL ? event->more->talk : NULL;

    if (talk != NULL && event->op == WORLD_PEER_LISTEN && event->end == END_SAID) {
        *question = (struct world_question){talk->ticket, talk->holder, talk->epoch, talk->hold_ms};
        result->question = question;
    }
}

void vouch_forget(struct sim *sim, const struct sim_seat *seat)
{
    int i;

    for (i = 0; i < sim->queue->n_events; i++) {
        struct event *event = &sim->queue->event[i];

        if (event->phase == PHASE_WAITS && event->kind == EVENT_PEER &&
            event->op == WORLD_PEER_ASK && event->to == seat->place) {
            event->more->talk->asked = true; /* nobody else hears of it */
        }
    }
}
