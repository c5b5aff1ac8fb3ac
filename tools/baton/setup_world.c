/* The live world, where copies are listened to: exec requests that say by `progress` how their
 * output tells how far they are get an ear. All else goes through as it is. */
#include "setup.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct watched { /* one copy */
    struct watch *watch;
    uint64_t id;
    char *node;
    struct progress progress;
    world_done_fn *done;
    void *arg;
    struct watched *prev, *next;
};

struct watch {
    struct world world; /* first: a struct world * is a struct watch * */
    struct world *behind;
    watch_fn *told;
    void *arg;
    struct watched *list;
};

static struct watch *watch_of(struct world *world)
{
    return (struct watch *)world;
}

static void watched_free(struct watched *watched)
{
    DL_DELETE(watched->watch->list, watched);
    free(watched->node);
    free(watched);
}

static void on_heard(void *arg, const char *out, size_t len)
{
    struct watched *watched = arg;
    struct watch *watch = watched->watch;

    progress_feed(&watched->progress, out, len, tell_now_ms());
    watch->told(watch->arg, watched->node, &watched->progress);
}

static void on_done(void *arg, uint64_t request, const struct world_result *result)
{
    struct watched *watched = arg, ended = *watched;

    ended.watch->told(ended.watch->arg, watched->node, NULL);
    watched_free(watched);
    ended.done(ended.arg, request, result);
}

static uint64_t start(
    struct world *world, const struct world_request *request, world_done_fn *done, void *arg)
{
    struct watch *watch = watch_of(world);
    struct world_request copy = *request;
    struct watched *watched;

    if (request->kind != WORLD_EXEC || request->u.exec.progress == NULL ||
        request->u.exec.heard != NULL) {
        return world_start(watch->behind, request, done, arg);
    }
    watched = calloc(1, sizeof *watched);
    if (watched == NULL ||
        (watched->node = strdup(request->u.exec.node != NULL ? request->u.exec.node : "")) ==
            NULL) {
        free(watched);
        return world_start(watch->behind, request, done, arg); /* it copies all the same */
    }
    watched->watch = watch;
    watched->done = done;
    watched->arg = arg;
    progress_init(&watched->progress, request->u.exec.progress, tell_now_ms());
    DL_APPEND(watch->list, watched);
    copy.u.exec.heard = on_heard;
    copy.u.exec.heard_arg = watched;
    watched->id = world_start(watch->behind, &copy, on_done, watched);
    watch->told(watch->arg, watched->node, &watched->progress);
    return watched->id;
}

static void cancel(struct world *world, uint64_t request)
{
    struct watch *watch = watch_of(world);
    struct watched *watched;

    world_cancel(watch->behind, request);
    DL_SEARCH_SCALAR(watch->list, watched, id, request);
    if (watched != NULL) {
        watch->told(watch->arg, watched->node, NULL);
        watched_free(watched);
    }
}

/* ---- What goes through ------------------------------------------------------------------- */

static int64_t now_ms(struct world *world)
{
    return world_now_ms(watch_of(world)->behind);
}

static int64_t wall_ms(struct world *world)
{
    struct world *behind = watch_of(world)->behind;

    return behind->ops->wall_ms(behind);
}

static uint64_t random_number(struct world *world)
{
    struct world *behind = watch_of(world)->behind;

    return behind->ops->random(behind);
}

static void record(
    struct world *world, const char *group, const struct group *names,
    const struct group_record *records, int count, world_recorded_fn *done, void *arg)
{
    struct world *behind = watch_of(world)->behind;

    behind->ops->record(behind, group, names, records, count, done, arg);
}

static void observe(
    struct world *world, const char *group, const char *node, const char *probe,
    enum group_outcome outcome, int64_t latency_us, const char *detail)
{
    struct world *behind = watch_of(world)->behind;

    behind->ops->observe(behind, group, node, probe, outcome, latency_us, detail);
}

static void log_line(struct world *world, const struct world_log *line)
{
    struct world *behind = watch_of(world)->behind;

    behind->ops->log(behind, line);
}

/* ---- Birth and death --------------------------------------------------------------------- */

struct world *watch_new(struct world *behind, watch_fn *told, void *arg)
{
    static const struct world_ops ops = {
        .now_ms = now_ms,
        .wall_ms = wall_ms,
        .random = random_number,
        .start = start,
        .cancel = cancel,
        .record = record,
        .observe = observe,
        .log = log_line,
    };
    struct watch *watch = calloc(1, sizeof *watch);

    if (watch == NULL) {
        return NULL;
    }
    watch->world.ops = &ops;
    watch->behind = behind;
    watch->told = told;
    watch->arg = arg;
    return &watch->world;
}

void watch_free(struct world *world)
{
    struct watch *watch = world != NULL ? watch_of(world) : NULL;

    if (watch == NULL) {
        return;
    }
    while (watch->list != NULL) {
        struct watched *watched = watch->list;

        world_cancel(watch->behind, watched->id);
        watched_free(watched);
    }
    free(watch);
}
