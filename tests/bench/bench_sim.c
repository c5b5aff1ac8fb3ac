/* Figures of the simulator, for tools/bench: each is a line "NAME VALUE". What is measured is
 * the processor's time of this process, so what else the machine does is nothing to it.
 *
 *   bench_sim CONFIG day         a day of probes each second
 *   bench_sim CONFIG year DAYS   memory over so many days, probes once a minute
 *   bench_sim CONFIG runs N      two minutes in which nothing happens, N times
 *   bench_sim CONFIG failure N   the holder dies, N times
 */
#include "base/memory.h"
#include "daemon/stage.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DAY_MS    (24 * 3600 * INT64_C(1000))
#define REGION    ((size_t)64 << 20)
#define CRASH_MS  30000
#define SERVES_MS 300000 /* at the latest */

static struct stage *stage;
static struct scenario scenario; /* large */

static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void die(const char *what, const struct baton_error *error)
{
    fprintf(stderr, "bench_sim: %s: %s\n", what, error->text);
    exit(1);
}

static void set(const char *name, const char *value)
{
    scenario.set_name[scenario.n_sets] = strdup(name);
    scenario.set_value[scenario.n_sets] = strdup(value);
    scenario.n_sets++;
}

static void make_scenario(int64_t end_ms)
{
    scenario.file = strdup("bench");
    scenario.name = strdup("a bench");
    scenario.serves[0] = true;
    scenario.end_ms = end_ms;
}

static struct run *begin(void)
{
    struct run_setup setup = {.scenario = &scenario, .seed = 1, .quiet = true};
    struct baton_error error;
    struct run *run;

    stage_setup(stage, &setup);
    if (run_new(&setup, &run, &error) != BATON_OK) {
        die("run_new", &error);
    }
    return run;
}

static void play(struct run *run, int64_t until_ms)
{
    struct baton_error error;
    bool more = true;

    while (more) {
        if (run_step(run, until_ms, &more, &error) != BATON_OK) {
            die("run_step", &error);
        }
    }
}

static long resident_kib(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    long pages = 0;

    if (file == NULL || fscanf(file, "%*d %ld", &pages) != 1) {
        pages = 0;
    }
    if (file != NULL) {
        fclose(file);
    }
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void day(void)
{
    struct run_figures figures;
    struct run *run;
    double began;

    make_scenario(DAY_MS);
    set("every", "1");
    run = begin();
    began = now_s();
    play(run, DAY_MS);
    printf("day_seconds %.3f\n", now_s() - began);
    figures = run_figures(run);
    printf("day_probes %" PRId64 "\n", figures.probes);
    printf("day_requests %" PRId64 "\n", figures.requests);
    printf("day_events %" PRId64 "\n", figures.events);
    run_free(run);
}

static void year(int days)
{
    struct run_figures figures;
    struct run *run;

    make_scenario(days * DAY_MS);
    set("every", "60");
    set("share_every", "60");
    run = begin();
    play(run, DAY_MS);
    printf("year_first_day_kib %ld\n", resident_kib());
    play(run, days * DAY_MS);
    printf("year_last_day_kib %ld\n", resident_kib());
    figures = run_figures(run);
    printf("year_probes %" PRId64 "\n", figures.probes);
    run_free(run);
}

/* As `baton simulate` does it, and as the explorer does: loaded once, then again and again
 * from a copy of the memory. */
static void runs(int count)
{
    char *region = aligned_alloc(4096, REGION), *copy;
    size_t used;
    double began;
    struct run *run;
    int i;

    make_scenario(120000);
    began = now_s();
    for (i = 0; i < count; i++) {
        run = begin();
        play(run, 120000);
        run_free(run);
    }
    printf("runs_loaded_a_second %.0f\n", count / (now_s() - began));
    if (region == NULL) {
        return;
    }
    memory_use(region, REGION);
    run = begin();
    used = memory_used(region);
    copy = malloc(used);
    memcpy(copy, region, used);
    began = now_s();
    for (i = 0; i < count; i++) {
        memcpy(region, copy, used);
        play(run, 120000);
    }
    printf("runs_copied_a_second %.0f\n", count / (now_s() - began));
    printf("runs_kib %zu\n", used / 1024);
    printf("runs_events %" PRId64 "\n", run_figures(run).events);
    printf(
        "runs_entries %" PRId64 "\n", policy_usage(controller_policy(run_controller(run))).entries);
    run_free(run);
    memory_use(NULL, 0);
    free(copy);
    free(region);
}

static void failure(int count)
{
    double spent = 0;
    int64_t took_ms = 0;
    int i;

    make_scenario(SERVES_MS);
    set("unconfirmed", "fence");
    for (i = 0; i < count; i++) {
        struct scenario_deed crash = {
            .kind = SCENARIO_FAULT, .fault = {.kind = SIM_CRASH, .place = SIM_NODE}};
        struct run *run = begin();
        struct baton_error error;
        bool more = true;
        double began;

        play(run, CRASH_MS);
        began = now_s();
        if (run_do(run, &crash, &error) != BATON_OK) {
            die("run_do", &error);
        }
        while (more && controller_group(run_controller(run))->node[1].state != FSM_ACTIVE) {
            if (run_step(run, SERVES_MS, &more, &error) != BATON_OK) {
                die("run_step", &error);
            }
        }
        spent += now_s() - began;
        took_ms = run_now_ms(run) - CRASH_MS;
        if (!more) {
            fprintf(stderr, "bench_sim: the other server never took over\n");
            exit(1);
        }
        run_free(run);
    }
    printf("failure_us %.0f\n", spent / count * 1e6);
    printf("failure_simulated_ms %" PRId64 "\n", took_ms);
}

int main(int argc, char **argv)
{
    const char *what = argc > 2 ? argv[2] : "";
    int count = argc > 3 ? atoi(argv[3]) : 1;
    struct baton_error error;

    if (argc < 3 || count < 1) {
        fprintf(stderr, "usage: bench_sim CONFIG day|year|runs|failure [N]\n");
        return 2;
    }
    if (stage_open(argv[1], NULL, NULL, &stage, &error) != BATON_OK) {
        die("stage_open", &error);
    }
    if (strcmp(what, "day") == 0) {
        day();
    } else if (strcmp(what, "year") == 0) {
        year(count);
    } else if (strcmp(what, "runs") == 0) {
        runs(count);
    } else if (strcmp(what, "failure") == 0) {
        failure(count);
    } else {
        fprintf(stderr, "bench_sim: no bench is called %s\n", what);
        return 2;
    }
    return 0;
}
