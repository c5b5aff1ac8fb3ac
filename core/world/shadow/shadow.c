#include "world/shadow/shadow.h"

#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* A request that was not made. Its number is that of the pause behind, after which it is
 * answered: `done` is never called from within `start`. */
struct unmade {
    struct shadow *shadow;
    uint64_t id;
    world_done_fn *done;
    void *arg;
    char text[SHADOW_TEXT_MAX];
    struct unmade *prev, *next;
};

struct shadow {
    struct world world; /* first: a struct world * is a struct shadow * */
    struct world *behind;
    struct unmade *unmade;
};

static struct shadow *shadow_of(struct world *world)
{
    return (struct shadow *)world;
}

/* ---- What is stopped, and its words ------------------------------------------------------ */

bool shadow_stops(const struct world_request *request)
{
    switch (request->kind) {
    case WORLD_SLEEP:
    case WORLD_TCP:
    case WORLD_MAIL:
        return false;
    case WORLD_HTTP: {
        const char *method = request->u.http.method == NULL ? "GET" : request->u.http.method;
        bool sends = strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0;

        return request->u.http.effect != NULL ||
               ((request->acts || sends) && request->u.http.asks == NULL);
    }
    case WORLD_EXEC:
        return request->u.exec.effect != NULL || (request->acts && request->u.exec.asks == NULL);
    case WORLD_ADDRESS:
        return request->u.address.op != WORLD_ADDRESS_PRESENT;
    case WORLD_LEASE: /* it watches, and publishes nothing */
        return request->u.lease.op != WORLD_LEASE_WATCH;
    case WORLD_PEER:
        return true;
    case WORLD_GUARD:
        return request->u.guard.op != WORLD_GUARD_ASK;
    case WORLD_MARK:
        return request->u.mark.op != WORLD_MARK_READ;
    case WORLD_HOOK:
        break;
    }
    return true;
}

static size_t append(char *text, size_t size, size_t used, const char *word)
{
    int n = used < size ? snprintf(text + used, size - used, "%s", word) : 0;

    return used + (n > 0 ? (size_t)n : 0);
}

/* Scripts of several lines are one line here. */
static void say_command(const struct world_request *request, char *text, size_t size)
{
    const char *const *argv = request->u.exec.argv;
    size_t used = append(text, size, 0, "would run on ");
    char *c;

    used = append(
        text, size, used, request->u.exec.node == NULL ? "the controller" : request->u.exec.node);
    if (request->u.exec.effect != NULL) {
        used = append(text, size, used, " (");
        used = append(text, size, used, request->u.exec.effect);
        used = append(text, size, used, ")");
    }
    used = append(text, size, used, ":");
    for (; *argv != NULL && used < size; argv++) {
        bool quote = **argv == '\0' || strpbrk(*argv, " \t\n\"'$;&|<>()") != NULL;

        used = append(text, size, used, quote ? " '" : " ");
        used = append(text, size, used, *argv);
        used = append(text, size, used, quote ? "'" : "");
    }
    while ((c = strpbrk(text, "\n\t")) != NULL) {
        *c = ' ';
    }
}

static void say_lease(const struct world_request *request, char *text, size_t size)
{
    const char *node = request->u.lease.node;
    long long epoch = (long long)request->u.lease.epoch;

    switch (request->u.lease.op) {
    case WORLD_LEASE_RENEW:
        snprintf(text, size, "would renew the lease of %s in the store", node);
        break;
    case WORLD_LEASE_WATCH:
        snprintf(text, size, "would watch the store");
        break;
    case WORLD_LEASE_ACQUIRE:
        snprintf(text, size, "would take the baton for %s in the store, epoch %lld", node, epoch);
        break;
    case WORLD_LEASE_PASS:
        snprintf(
            text, size, "would pass the baton from %s to %s in the store, epoch %lld", node,
            request->u.lease.to, epoch);
        break;
    case WORLD_LEASE_RELEASE:
        snprintf(text, size, "would give the baton of %s back to the store", node);
        break;
    case WORLD_LEASE_PUBLISH:
        snprintf(text, size, "would publish the state of %s in the store", node);
        break;
    case WORLD_LEASE_PAUSE:
        snprintf(
            text, size, "would %s the group in the store, for all nodes",
            request->u.lease.why != NULL ? "pause" : "resume");
        break;
    case WORLD_LEASE_WISH:
        snprintf(
            text, size, "would ask the other Batons for a %s",
            group_command_name(request->u.lease.wish->command));
        break;
    case WORLD_LEASE_ANSWER:
        snprintf(text, size, "would answer the wish of another Baton");
        break;
    }
}

static void say_peer(const struct world_request *request, char *text, size_t size)
{
    switch (request->u.peer.op) {
    case WORLD_PEER_ASK:
        snprintf(
            text, size, "would ask the Baton of %s to leave %s the baton for %g s",
            request->u.peer.node, request->u.peer.holder, (double)request->u.peer.hold_ms / 1000);
        break;
    case WORLD_PEER_LISTEN:
        snprintf(text, size, "would listen to the other Batons");
        break;
    case WORLD_PEER_ANSWER:
        snprintf(text, size, "would say %s to another Baton", request->u.peer.yes ? "yes" : "no");
        break;
    }
}

static void say_guard(const struct world_request *request, char *text, size_t size)
{
    static const char *const ops[] = {
        [WORLD_GUARD_ARM] = "arm",
        [WORLD_GUARD_DISARM] = "disarm",
        [WORLD_GUARD_ASK] = "ask",
    };

    snprintf(text, size, "would %s the guardian", ops[request->u.guard.op]);
}

void shadow_say(const struct world_request *request, char *text, size_t size)
{
    static const char *const ops[] = {
        [WORLD_ADDRESS_ADD] = "add",
        [WORLD_ADDRESS_DELETE] = "remove",
        [WORLD_ADDRESS_PRESENT] = "look for",
        [WORLD_ADDRESS_ANNOUNCE] = "announce",
    };

    switch (request->kind) {
    case WORLD_EXEC:
        say_command(request, text, size);
        break;
    case WORLD_HTTP:
        snprintf(
            text, size, "would send %s %s",
            request->u.http.method == NULL ? "GET" : request->u.http.method, request->u.http.url);
        break;
    case WORLD_ADDRESS:
        snprintf(
            text, size, "would %s %s on %s of %s", ops[request->u.address.op],
            request->u.address.address, request->u.address.interface, request->u.address.node);
        break;
    case WORLD_HOOK:
        snprintf(text, size, "would run the %s hooks", request->u.hook.event);
        break;
    case WORLD_LEASE:
        say_lease(request, text, size);
        break;
    case WORLD_PEER:
        say_peer(request, text, size);
        break;
    case WORLD_GUARD:
        say_guard(request, text, size);
        break;
    case WORLD_MARK:
        snprintf(
            text, size, "would mark %s with epoch %lld", request->u.mark.node,
            (long long)request->u.mark.epoch);
        break;
    default:
        snprintf(text, size, "would do what a shadow does not know");
    }
}

/* ---- Requests ------------------------------------------------------------------------------ */

static void answer(void *arg, uint64_t request, const struct world_result *result)
{
    struct unmade *unmade = arg;
    struct unmade ended = *unmade;
    struct world_result shadowed = {
        .outcome = WORLD_UNKNOWN, .code = -1, .out = "", .err = "", .shadowed = true};

    (void)result;
    DL_DELETE(unmade->shadow->unmade, unmade);
    memory_free(unmade);
    shadowed.detail = ended.text;
    ended.done(ended.arg, request, &shadowed);
}

/* Only written down. */
static void write_down(struct shadow *shadow, const struct world_request *request, const char *text)
{
    struct world_log line = {
        .level = request->kind == WORLD_HOOK ? WORLD_DEBUG : WORLD_INFO,
        .group = request->group,
        .event = "shadow",
        .text = text,
    };

    if (request->kind == WORLD_EXEC) {
        line.node = request->u.exec.node;
    } else if (request->kind == WORLD_ADDRESS) {
        line.node = request->u.address.node;
    }
    shadow->behind->ops->log(shadow->behind, &line);
}

static uint64_t start(
    struct world *world, const struct world_request *request, world_done_fn *done, void *arg)
{
    struct shadow *shadow = shadow_of(world);
    struct world_request pause = {.kind = WORLD_SLEEP, .timeout_ms = 1, .group = request->group};
    struct unmade *unmade;

    if (!shadow_stops(request)) {
        return world_start(shadow->behind, request, done, arg);
    }
    unmade = memory_zeroed(1, sizeof *unmade);
    if (unmade == NULL) {
        abort(); /* there is no true answer without it */
    }
    unmade->shadow = shadow;
    unmade->done = done;
    unmade->arg = arg;
    shadow_say(request, unmade->text, sizeof unmade->text);
    write_down(shadow, request, unmade->text);
    DL_APPEND(shadow->unmade, unmade);
    unmade->id = world_start(shadow->behind, &pause, answer, unmade);
    return unmade->id;
}

static void cancel(struct world *world, uint64_t request)
{
    struct shadow *shadow = shadow_of(world);
    struct unmade *unmade;

    world_cancel(shadow->behind, request);
    DL_SEARCH_SCALAR(shadow->unmade, unmade, id, request);
    if (unmade != NULL) {
        DL_DELETE(shadow->unmade, unmade);
        memory_free(unmade);
    }
}

/* ---- What goes through ------------------------------------------------------------------------
 */

static int64_t now_ms(struct world *world)
{
    return world_now_ms(shadow_of(world)->behind);
}

static int64_t wall_ms(struct world *world)
{
    struct world *behind = shadow_of(world)->behind;

    return behind->ops->wall_ms(behind);
}

static uint64_t random_number(struct world *world)
{
    struct world *behind = shadow_of(world)->behind;

    return behind->ops->random(behind);
}

static void record(
    struct world *world, const char *group, const struct group *names,
    const struct group_record *records, int count, world_recorded_fn *done, void *arg)
{
    struct world *behind = shadow_of(world)->behind;

    behind->ops->record(behind, group, names, records, count, done, arg);
}

static void observe(
    struct world *world, const char *group, const char *node, const char *probe,
    enum group_outcome outcome, int64_t latency_us, const char *detail)
{
    struct world *behind = shadow_of(world)->behind;

    behind->ops->observe(behind, group, node, probe, outcome, latency_us, detail);
}

static void log_line(struct world *world, const struct world_log *line)
{
    struct world *behind = shadow_of(world)->behind;

    behind->ops->log(behind, line);
}

/* ---- Birth and death ------------------------------------------------------------------------- */

static const struct world_ops shadow_ops = {
    .now_ms = now_ms,
    .wall_ms = wall_ms,
    .random = random_number,
    .start = start,
    .cancel = cancel,
    .record = record,
    .observe = observe,
    .log = log_line,
};

enum baton_err shadow_new(struct world *behind, struct world **out, struct baton_error *error)
{
    struct shadow *shadow = memory_zeroed(1, sizeof *shadow);

    if (shadow == NULL) {
        return baton_fail(error, BATON_NOMEM, "no memory for the shadow world");
    }
    shadow->world.ops = &shadow_ops;
    shadow->behind = behind;
    *out = &shadow->world;
    return BATON_OK;
}

void shadow_free(struct world *world)
{
    struct shadow *shadow = world != NULL ? shadow_of(world) : NULL;

    if (shadow == NULL) {
        return;
    }
    while (shadow->unmade != NULL) {
        struct unmade *unmade = shadow->unmade;

        DL_DELETE(shadow->unmade, unmade);
        world_cancel(shadow->behind, unmade->id);
        memory_free(unmade);
    }
    memory_free(shadow);
}
