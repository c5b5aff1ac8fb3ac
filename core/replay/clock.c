/* The world of a replay. Pauses end and records are written, in virtual time; nothing else can
 * be asked: what is observed comes from the history, past this world. A step that asks for
 * anything at all is answered "shadowed": whether it would look first is not recorded. */
#include "parts.h"

#include "base/memory.h"
#include "world/shadow/shadow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define ANSWER_MS 1

struct clock_due {
    int64_t at_ms;
    uint64_t id;
    world_done_fn *done; /* a request's, or … */
    world_recorded_fn *recorded;
    void *arg;
    int64_t seq;
    bool slept, shadowed;
    char text[SHADOW_TEXT_MAX];
    struct clock_due *prev, *next;
};

static struct clock *clock_of(struct world *world)
{
    return (struct clock *)world;
}

static int by_time(const struct clock_due *a, const struct clock_due *b)
{
    return a->at_ms > b->at_ms ? 1 : -1; /* one that is due with another comes after it */
}

static struct clock_due *add(struct clock *clock, int64_t at_ms)
{
    struct clock_due *due = memory_zeroed(1, sizeof *due);

    if (due == NULL) {
        abort(); /* a request must end, and this one could not */
    }
    due->at_ms = at_ms;
    due->id = ++clock->last_id;
    DL_INSERT_INORDER(clock->due, due, by_time);
    return due;
}

static void take_out(struct clock *clock, struct clock_due *due)
{
    DL_DELETE(clock->due, due);
    memory_free(due);
}

static uint64_t start(
    struct world *world, const struct world_request *request, world_done_fn *done, void *arg)
{
    struct clock *clock = clock_of(world);
    bool sleep = request->kind == WORLD_SLEEP;
    struct clock_due *due = add(clock, clock->now_ms + (sleep ? request->timeout_ms : ANSWER_MS));

    due->done = done;
    due->arg = arg;
    due->slept = sleep;
    due->shadowed = !sleep && (request->acts || shadow_stops(request));
    if (due->shadowed) {
        shadow_say(request, due->text, sizeof due->text);
    } else if (!sleep) {
        snprintf(due->text, sizeof due->text, "not recorded");
    }
    return due->id;
}

static void cancel(struct world *world, uint64_t request)
{
    struct clock *clock = clock_of(world);
    struct clock_due *due;

    DL_SEARCH_SCALAR(clock->due, due, id, request);
    if (due != NULL) {
        take_out(clock, due);
    }
}

static void record(
    struct world *world, const char *group, const struct group *names,
    const struct group_record *records, int count, world_recorded_fn *done, void *arg)
{
    struct clock *clock = clock_of(world);
    struct clock_due *due = add(clock, clock->now_ms);

    (void)group;
    (void)names;
    due->recorded = done;
    due->arg = arg;
    due->seq = count > 0 ? records[count - 1].seq : 0;
}

static int64_t now_ms(struct world *world)
{
    return clock_of(world)->now_ms;
}

static uint64_t random_number(struct world *world)
{
    struct clock *clock = clock_of(world);

    clock->random = clock->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return clock->random;
}

static void observe(
    struct world *world, const char *group, const char *node, const char *probe,
    enum group_outcome outcome, int64_t latency_us, const char *detail)
{
    (void)world;
    (void)group;
    (void)node;
    (void)probe;
    (void)outcome;
    (void)latency_us;
    (void)detail;
}

static void log_line(struct world *world, const struct world_log *line)
{
    (void)world;
    (void)line;
}

void clock_begin(struct clock *clock)
{
    static const struct world_ops ops = {
        .now_ms = now_ms,
        .wall_ms = now_ms,
        .random = random_number,
        .start = start,
        .cancel = cancel,
        .record = record,
        .observe = observe,
        .log = log_line,
    };

    clock->world.ops = &ops;
    clock->random = 1;
}

int64_t clock_due_ms(const struct clock *clock)
{
    return clock->due == NULL ? GROUP_NEVER_MS : clock->due->at_ms;
}

void clock_take(struct clock *clock)
{
    struct clock_due due = *clock->due;

    take_out(clock, clock->due);
    clock->now_ms = due.at_ms > clock->now_ms ? due.at_ms : clock->now_ms;
    if (due.recorded != NULL) {
        due.recorded(due.arg, due.seq, NULL);
    } else {
        struct world_result result = {
            .outcome = due.slept ? WORLD_OK : WORLD_UNKNOWN,
            .code = -1,
            .detail = due.text,
            .out = "",
            .err = "",
            .shadowed = due.shadowed,
        };

        due.done(due.arg, due.id, &result);
    }
}

void clock_clear(struct clock *clock)
{
    while (clock->due != NULL) {
        struct clock_due due = *clock->due;

        take_out(clock, clock->due);
        if (due.recorded != NULL) {
            due.recorded(due.arg, due.seq, NULL);
        }
    }
}
