/* What the store says of all that it has, and who waits for that. */
#include "base/memory.h"
#include "parts.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

void hear_release(struct store_word *word)
{
    if (word != NULL && --word->refs == 0) {
        memory_free(word);
    }
}

/* One for all who hear of the same revision. */
static struct store_word *take_word(struct sim *sim)
{
    struct sim_store *store = sim->store;
    const struct store_keys *now = &store->now;
    struct lease_word *word;
    int i;

    if (store->word == NULL) {
        store->word = memory_zeroed(1, sizeof *store->word);
        assert(store->word != NULL);
        store->word->refs = 1;
        store->word->holder_lease = now->holder_lease;
        word = &store->word->word;
        word->revision = now->revision;
        word->epoch = now->epoch;
        word->holder = now->holder;
        word->granted_at = now->granted_at;
        word->how = now->how;
        word->passed = now->passed;
        snprintf(word->why, sizeof word->why, "%s", now->why);
        word->paused = now->paused;
        snprintf(word->paused_why, sizeof word->paused_why, "%s", now->paused_why);
        word->wish = now->wish;
        word->answer = now->answer;
        for (i = 0; i < sim->n_nodes; i++) {
            if (store->member[i] != NULL) {
                word->member[word->n_members++] = *store->member[i];
            }
        }
    }
    store->word->refs++;
    return store->word;
}

static bool is_mine(const struct sim *sim, const struct event *event)
{
    const struct store_word *word = event->more->word;
    int64_t lease = sim->store->seat[event->seat].lease;

    /* Before the first renewal of a run: the lease that it will take up. */
    return word->holder_lease != 0 &&
           (sim->store->seat[event->seat].known ? word->holder_lease == lease
                                                : word->word.holder == event->seat - 1);
}

bool hear_tell(struct sim *sim, struct event *event)
{
    int64_t way_ms = event->late_ms;

    if (sim->store->lost || event->held || event->more->ask->seen == sim->store->now.revision ||
        !model_open(sim, event->from, SIM_STORE) ||
        !model_passes(sim, SIM_STORE, event->from, &way_ms) ||
        sim->now_ms + way_ms > event->deadline_ms) {
        return false;
    }
    event->more->word = take_word(sim);
    event->code = 0;
    answer_says(event, END_SAID, "revision %" PRId64, sim->store->now.revision);
    event->phase = PHASE_ANSWERS;
    queue_take(sim, event);
    queue_put(sim, event, sim->now_ms + way_ms);
    return true;
}

void hear_spread(struct sim *sim)
{
    int i;

    for (i = 0; sim->store != NULL && i < sim->queue->n_events; i++) {
        struct event *event = &sim->queue->event[i];

        if (event->phase == PHASE_WAITS && event->kind == EVENT_LEASE) {
            hear_tell(sim, event);
        }
    }
}

void hear_result(struct sim *sim, const struct event *event, struct world_result *result)
{
    struct sim_store *store = sim->store;

    if (event->op == WORLD_LEASE_RENEW && event->end == END_SAID_NO) {
        store->seat[event->seat].gone = false; /* and now it is told */
    } else if (event->op == WORLD_LEASE_WISH && event->end == END_SAID) {
        result->value = event->value;
    } else if (event->more != NULL && event->more->word != NULL) {
        event->more->word->word.mine = is_mine(sim, event);
        result->word = &event->more->word->word;
    }
}
