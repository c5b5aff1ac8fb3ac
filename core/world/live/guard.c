/* Requests to this node's guardian: see guard.h for the connection. */
#include "world/live/guard.h"

#include "world/live/parts.h"

#include <inttypes.h>
#include <stdio.h>

struct guard {
    struct live_request head;
    enum world_guard_op op;
    struct guard_call call;
};

static struct guard *guard_of(struct live_request *request)
{
    return (struct guard *)request;
}

static void say_state(const struct guardian_answer *answer, char *text, size_t size)
{
    int64_t ago_ms = live_now_us() / 1000 - answer->fired_ms;

    switch (answer->state) {
    case GUARDIAN_ARMED:
        snprintf(text, size, "armed, epoch %" PRId64, answer->epoch);
        break;
    case GUARDIAN_FIRING:
        snprintf(text, size, "the guardian is stopping the service, epoch %" PRId64, answer->epoch);
        break;
    case GUARDIAN_FIRED:
        snprintf(
            text, size, "the guardian stopped the service %.1f s ago, epoch %" PRId64,
            (double)ago_ms / 1000, answer->epoch);
        break;
    case GUARDIAN_FAILED:
        snprintf(
            text, size,
            "the guardian could not stop the service %.1f s ago, epoch %" PRId64
            ", and goes on trying",
            (double)ago_ms / 1000, answer->epoch);
        break;
    default:
        snprintf(text, size, "not armed");
        break;
    }
}

static void on_answer(void *arg, const struct guardian_answer *answer, const char *unwatched)
{
    struct guard *guard = arg;
    char text[320];
    struct world_result result = {.outcome = WORLD_FAIL, .code = -1, .detail = text};

    say_state(answer, text, sizeof text);
    if (answer->word != GUARDIAN_DONE) {
        snprintf(text, sizeof text, "the guardian says: %s", answer->text);
    } else if (guard->op == WORLD_GUARD_ASK) {
        result.outcome = answer->state == GUARDIAN_ARMED ? WORLD_OK : WORLD_FAIL;
        result.value = answer->state == GUARDIAN_ARMED ? answer->until_ms : 0;
    } else if (guard->op == WORLD_GUARD_ARM && unwatched[0] != 0) {
        snprintf(text, sizeof text, "armed, but without the hardware watchdog: %s", unwatched);
    } else {
        result.outcome = WORLD_OK;
    }
    live_request_end(&guard->head, &result);
}

static bool start(
    struct live_request *request, const struct world_request *wanted, char *why, size_t why_size)
{
    static const enum guardian_op ops[] = {
        [WORLD_GUARD_ARM] = GUARDIAN_ARM,
        [WORLD_GUARD_DISARM] = GUARDIAN_DISARM,
        [WORLD_GUARD_ASK] = GUARDIAN_ASK,
    };
    struct guard *guard = guard_of(request);
    struct live *live = request->live;
    const struct config *config = live_config(live);

    if (config->peers == NULL || !config->peers->guardian || wanted->group == NULL) {
        snprintf(why, why_size, "no guardian is configured");
        return false;
    }
    if (live->guard == NULL) {
        live->guard = guard_link_new(live);
    }
    if (live->guard == NULL) {
        snprintf(why, why_size, "no memory for the guardian's connection");
        return false;
    }
    guard->op = wanted->u.guard.op;
    if (!guardian_request_begin(&guard->call.request, ops[guard->op], 0, wanted->group)) {
        snprintf(why, why_size, "the group's name is too long for the guardian");
        return false;
    }
    guard->call.request.until_ms = wanted->u.guard.until_ms;
    guard->call.request.epoch = wanted->u.guard.epoch;
    guard->call.answered = on_answer;
    guard->call.arg = guard;
    guard_call(live->guard, &guard->call);
    return true;
}

static void at_deadline(struct live_request *request, struct world_result *result)
{
    const char *why = guard_link_why(request->live->guard);

    if (why[0] != 0) {
        result->detail = why;
    }
}

static void stop(struct live_request *request)
{
    guard_forget(&guard_of(request)->call);
}

const struct live_kind live_kind_guard = {
    .name = "guard",
    .size = sizeof(struct guard),
    .start = start,
    .stop = stop,
    .on_deadline = WORLD_UNKNOWN,
    .at_deadline = at_deadline,
};
