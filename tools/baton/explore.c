/* baton explore: look for faults that a policy does not survive. */
#include "baton.h"

#include "daemon/explored.h"
#include "daemon/loader.h"
#include "daemon/rehearse.h"
#include "daemon/stage.h"
#include "explore/explore.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_INTERRUPTED 130 /* as a shell says it of SIGINT */

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
    (void)number;
    stop = 1;
}

/* ---- While it goes on --------------------------------------------------------------------- */

static void show_progress(void *arg, const struct explore_progress *progress)
{
    char left[64] = "", level[64];

    (void)arg;
    if (progress->level > 0) {
        snprintf(
            level, sizeof level, "%d fault%s at once", progress->level,
            progress->level == 1 ? "" : "s");
    } else {
        snprintf(level, sizeof level, "%s", progress->random ? "at random" : "without a fault");
    }
    if (progress->left_s > 0) {
        char age[48];

        snprintf(
            left, sizeof left, ", %s left",
            print_age((int64_t)(progress->left_s * 1000), age, sizeof age));
    }
    fprintf(
        stderr, "\r\033[K%s: %lld of %lld, %lld runs (%.0f a second), %lld states%s", level,
        (long long)progress->tasks_done, (long long)progress->tasks, (long long)progress->runs,
        progress->runs_a_second, (long long)progress->states, left);
    fflush(stderr);
}

/* ---- What came of it ----------------------------------------------------------------------- */

/* Where the file could not be written, `out` is NULL and the scenario stands here: it may have
 * taken days to find. */
static void print_failure(const struct explore_failure *failure, const char *out)
{
    printf("%s: %s\n", explore_failure_name(failure->kind), failure->text);
    if (out == NULL) {
        printf("\n%s", failure->scenario);
        return;
    }
    printf(
        "%s %s: baton simulate CONFIG %s\n", out,
        failure->replays ? "shows it" : "should show it, but did not", out);
}

static void print_result(
    const struct args *args, const struct explore_result *result, const char *out)
{
    const struct explore_progress *done = &result->done;
    char age[64];
    json_t *object;

    if (args->json) {
        object = json_pack(
            "{s:b,s:b,s:b,s:I,s:I,s:I,s:I,s:I,s:I}", "ok", !result->failed, "complete",
            result->complete, "interrupted", result->interrupted, "runs", (json_int_t)done->runs,
            "states", (json_int_t)done->states, "pruned", (json_int_t)done->pruned, "decisions",
            (json_int_t)result->points, "waits", (json_int_t)result->waits, "bound_ms",
            (json_int_t)result->bound_ms);
        if (result->failed) {
            json_object_set_new(
                object, "failure",
                json_pack(
                    "{s:s,s:s,s:i,s:I,s:s?,s:b,s:s}", "kind",
                    explore_failure_name(result->failure.kind), "text", result->failure.text,
                    "faults", result->failure.faults, "seed", (json_int_t)result->failure.seed,
                    "scenario", out, "replays", result->failure.replays, "story",
                    result->failure.scenario));
        }
        print_json(object);
        json_decref(object);
        return;
    }
    printf(
        "%lld runs, %lld of them pruned; %lld states, %lld decisions; %lld wait for an operator\n",
        (long long)done->runs, (long long)done->pruned, (long long)done->states,
        (long long)result->points, (long long)result->waits);
    printf(
        "to serve again within %s of the last repair\n",
        print_age(result->bound_ms, age, sizeof age));
    if (result->failed) {
        print_failure(&result->failure, out);
    } else {
        printf(
            "%s\n", result->interrupted ? "interrupted; nothing found so far"
                    : result->complete  ? "nothing found"
                                        : "out of time; nothing found so far");
    }
}

/* Not on standard output, which is the same for the same seed. */
static void print_speed(const struct explore_result *result)
{
    char age[64];

    fprintf(
        stderr, "%stook %s, %.0f runs a second\n", isatty(STDERR_FILENO) ? "\r\033[K" : "",
        print_age(result->took_ms, age, sizeof age),
        (double)result->done.runs * 1000 / (double)(result->took_ms > 0 ? result->took_ms : 1));
}

/* ---- What is remembered, for `baton preflight` ----------------------------------------------- */

/* Where the state directory is there and may be written. */
static void remember(
    const struct args *args, struct stage *stage, const struct explore_result *result)
{
    const char *state = stage->config->state_directory;
    struct explored explored = {
        .wall_ms = when_now(),
        .complete = result->complete,
        .failed = result->failed,
        .faults = (int)args->faults,
        .runs = result->done.runs,
    };
    struct run_setup run = {0};
    struct baton_error error = {0};
    struct policy *policy = NULL;

    if (result->interrupted || args->lua != NULL || access(state, W_OK) != 0) {
        return;
    }
    stage_setup(stage, &run);
    if (run.load(run.load_arg, loader_world(), NULL, &stage->site, &policy, &error) == BATON_OK) {
        explored.digest = rehearsal_digest(policy, &stage->site);
        if (result->failed) {
            snprintf(
                explored.text, sizeof explored.text, "%s: %.200s",
                explore_failure_name(result->failure.kind), result->failure.text);
        }
        explored_write(state, stage->site.group, &explored, &error);
    }
    policy_free(policy);
    if (error.text[0] != '\0') {
        fprintf(stderr, "baton: not remembered for baton preflight: %s\n", error.text);
    }
}

static int finish(const struct args *args, const struct explore_result *result)
{
    const char *out = args->out != NULL ? args->out : "failure.lua";

    print_speed(result);
    if (result->failed &&
        !save_file(out, result->failure.scenario, strlen(result->failure.scenario))) {
        fprintf(stderr, "baton: %s: can't be written: %s\n", out, strerror(errno));
        out = NULL;
    }
    print_result(args, result, out);
    if (result->interrupted) {
        return EXIT_INTERRUPTED;
    }
    return result->failed ? BATON_NO : BATON_DONE;
}

int command_explore(const struct args *args)
{
    struct sigaction action = {.sa_handler = on_signal};
    struct explore_setup setup = {
        .faults = (int)args->faults,
        .depth = (int)args->depth,
        .seeds = args->seeds,
        .first_seed = (uint64_t)args->seed,
        .jobs = (int)args->jobs,
        .time_ms = args->time_s * 1000,
        .stop = &stop,
    };
    struct explore_result result;
    struct baton_error error = {0};
    struct stage *stage = NULL;
    int code;

    if (stage_open(args->word[0], args->group, args->lua, &stage, &error) != BATON_OK) {
        return print_error(args, BATON_NO, baton_err_name(error.code), "%s", error.text);
    }
    stage_setup(stage, &setup.run);
    if (isatty(STDERR_FILENO)) {
        setup.progress = show_progress;
    }
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    if (explore(&setup, &result, &error) != BATON_OK) {
        code = print_error(args, BATON_NO, baton_err_name(error.code), "%s", error.text);
    } else {
        remember(args, stage, &result);
        code = finish(args, &result);
    }
    explore_result_fini(&result);
    stage_close(stage);
    return code;
}
