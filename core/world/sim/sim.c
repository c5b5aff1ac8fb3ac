/* Life and time. */
#include "world/sim/sim.h"
#include "base/memory.h"
#include "parts.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- The trace, for tests ------------------------------------------------------------------ */

void sim_say(struct sim *sim, const char *format, ...)
{
    char line[1200];
    va_list args;
    size_t wanted;

    if (!sim->trace_on) {
        return;
    }
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    wanted = sim->trace_len + strlen(line) + 40;
    if (wanted > sim->trace_size) {
        size_t size = wanted < 65536 ? 65536 : wanted * 2;
        char *trace = memory_resize(sim->trace, size);

        if (trace == NULL) {
            return;
        }
        sim->trace = trace;
        sim->trace_size = size;
    }
    sim->trace_len += (size_t)snprintf(
        sim->trace + sim->trace_len, sim->trace_size - sim->trace_len, "%7.2f %s\n",
        (double)sim->now_ms / 1000, line);
}

/* ---- Life ---------------------------------------------------------------------------------- */

enum baton_err sim_new(uint64_t seed, struct sim **out, struct baton_error *error)
{
    struct sim *sim = memory_zeroed(1, sizeof *sim);

    *out = NULL;
    if (sim == NULL || queue_start(sim) != BATON_OK ||
        (sim->inside = memory_zeroed(1, sizeof *sim->inside)) == NULL) {
        sim_free(sim);
        return baton_fail(error, BATON_NOMEM, "no memory for a simulated world");
    }
    door_open(sim);
    sim->random_state = seed;
    sim->inside->loss_state = ~seed;
    sim->home = GROUP_NOBODY;
    sim->ssh_port = 22;
    sim->exec_ms = 50;
    sim->probe_ms = 5;
    sim->record_ms = 2;
    sim->fence = SIM_FENCE_WORKS;
    sim->count.two_first_ms = -1;
    sim->trace_level = WORLD_INFO;
    *out = sim;
    return BATON_OK;
}

void sim_free(struct sim *sim)
{
    if (sim == NULL) {
        return;
    }
    if (sim->queue != NULL) {
        door_end_records(sim);
    }
    keys_free(sim);
    queue_stop(sim);
    memory_free(sim->inside);
    memory_free(sim->spells);
    memory_free(sim->trace);
    memory_free(sim);
}

enum baton_err sim_set_peers(struct sim *sim, const struct sim_peers *peers)
{
    int i;

    sim->peers = true;
    sim->guard_ms = peers->times.guardian_ms;
    sim->inside->setup = *peers;
    for (i = 0; i < SIM_NODES_MAX; i++) {
        sim->inside->guard[i].there = peers->guardian;
    }
    return keys_new(sim);
}

/* ---- Time --------------------------------------------------------------------------------------
 */

int64_t sim_due_ms(const struct sim *sim)
{
    const struct event *first = queue_first(sim);

    return first == NULL ? GROUP_NEVER_MS : first->at_ms;
}

bool sim_step(struct sim *sim, int64_t until_ms)
{
    struct event *first = queue_first(sim);

    if (first == NULL || first->at_ms > until_ms) {
        return false;
    }
    sim->steps++;
    if (first->at_ms > sim->now_ms) {
        sim->now_ms = first->at_ms;
        sim->stuck = 0;
    } else {
        sim->stuck++;
    }
    answer_due(sim, first);
    return true;
}

void sim_run(struct sim *sim, int64_t until_ms)
{
    while (sim_step(sim, until_ms)) {
    }
    if (until_ms > sim->now_ms) {
        sim->now_ms = until_ms;
        sim->stuck = 0;
    }
    sim_account(sim);
}
