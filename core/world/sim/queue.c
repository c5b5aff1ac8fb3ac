/* What is due: a heap by time, then by the order of putting. An event stays where it is in
 * its table while the heap moves only small entries; its number holds its place there, so
 * that it is found without a search. */
#include "base/memory.h"
#include "parts.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define PLACE_BITS 20
#define PLACE_MASK ((UINT64_C(1) << PLACE_BITS) - 1)

static bool before(const struct due *a, const struct due *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

static void place(struct sim_queue *queue, int i, const struct due *due)
{
    queue->heap[i] = *due;
    queue->event[due->event].heap_at = i;
}

static void rise(struct sim_queue *queue, int i, const struct due *due)
{
    while (i > 0 && before(due, &queue->heap[(i - 1) / 2])) {
        place(queue, i, &queue->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    place(queue, i, due);
}

static void sink(struct sim_queue *queue, int i, const struct due *due)
{
    for (;;) {
        int child = 2 * i + 1;

        if (child + 1 < queue->n_due && before(&queue->heap[child + 1], &queue->heap[child])) {
            child++;
        }
        if (child >= queue->n_due || !before(&queue->heap[child], due)) {
            break;
        }
        place(queue, i, &queue->heap[child]);
        i = child;
    }
    place(queue, i, due);
}

enum baton_err queue_start(struct sim *sim)
{
    sim->queue = memory_zeroed(1, sizeof *sim->queue);
    if (sim->queue == NULL) {
        return BATON_NOMEM;
    }
    sim->queue->free = -1;
    return BATON_OK;
}

void queue_drop_more(struct event *event)
{
    if (event->more != NULL) {
        if (event->kind >= EVENT_LEASE) {
            keys_ask_free(event->more->ask);
            hear_release(event->more->word);
            memory_free(event->more->talk);
        }
        memory_free(event->more->record);
        memory_free(event->more->text);
        memory_free(event->more);
        event->more = NULL;
    }
}

void queue_stop(struct sim *sim)
{
    int i;

    if (sim->queue == NULL) {
        return;
    }
    for (i = 0; i < sim->queue->n_events; i++) {
        queue_drop_more(&sim->queue->event[i]);
    }
    memory_free(sim->queue->heap);
    memory_free(sim->queue->event);
    memory_free(sim->queue);
    sim->queue = NULL;
}

static bool grow(struct sim_queue *queue)
{
    int size = queue->size == 0 ? 64 : queue->size * 2;
    struct event *event = memory_resize(queue->event, (size_t)size * sizeof queue->event[0]);
    struct due *heap;

    if (event == NULL) {
        return false;
    }
    queue->event = event;
    heap = memory_resize(queue->heap, (size_t)size * sizeof queue->heap[0]);
    if (heap == NULL) {
        return false;
    }
    queue->heap = heap;
    queue->size = size;
    return true;
}

struct event *queue_new(struct sim *sim)
{
    struct sim_queue *queue = sim->queue;
    struct event *event;
    int at = queue->free;

    if (at >= 0) {
        queue->free = queue->event[at].next;
    } else {
        if (queue->n_events == queue->size && !grow(queue)) {
            return NULL;
        }
        at = queue->n_events++;
        assert(at <= (int)PLACE_MASK);
    }
    event = &queue->event[at];
    memset(event, 0, sizeof *event);
    event->number = (++queue->made << PLACE_BITS) | (uint64_t)at;
    event->heap_at = -1;
    event->node = GROUP_NOBODY;
    event->began_ms = sim->now_ms;
    return event;
}

void queue_put(struct sim *sim, struct event *event, int64_t at_ms)
{
    struct sim_queue *queue = sim->queue;
    struct due due = {at_ms, ++queue->order, (int)(event->number & PLACE_MASK)};

    assert(event->heap_at < 0);
    event->at_ms = at_ms;
    rise(queue, queue->n_due++, &due);
}

void queue_take(struct sim *sim, struct event *event)
{
    struct sim_queue *queue = sim->queue;
    int at = event->heap_at;
    struct due last;

    if (at < 0) {
        return;
    }
    event->heap_at = -1;
    last = queue->heap[--queue->n_due];
    if (at == queue->n_due) {
        return;
    }
    if (at > 0 && before(&last, &queue->heap[(at - 1) / 2])) {
        rise(queue, at, &last);
    } else {
        sink(queue, at, &last);
    }
}

void queue_free(struct sim *sim, struct event *event)
{
    queue_take(sim, event);
    queue_drop_more(event);
    event->phase = PHASE_FREE;
    event->next = sim->queue->free;
    sim->queue->free = (int)(event->number & PLACE_MASK);
}

struct event *queue_find(struct sim *sim, uint64_t number)
{
    uint64_t at = number & PLACE_MASK;
    struct event *event;

    if (at >= (uint64_t)sim->queue->n_events) {
        return NULL;
    }
    event = &sim->queue->event[at];
    return event->number == number && event->phase != PHASE_FREE ? event : NULL;
}

struct event *queue_first(const struct sim *sim)
{
    const struct sim_queue *queue = sim->queue;

    return queue->n_due == 0 ? NULL : &queue->event[queue->heap[0].event];
}

struct event_more *queue_more(struct event *event, const char *words)
{
    event->more = memory_zeroed(1, sizeof *event->more);
    if (event->more != NULL) {
        snprintf(event->more->words, sizeof event->more->words, "%s", words);
    }
    return event->more;
}
