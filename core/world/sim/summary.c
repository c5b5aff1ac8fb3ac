/* The part of the digest that there is among peers only. Numbers of leases, revisions and tokens
 * rise or are drawn; what counts is which of them are the same. */
#include "parts.h"

static uint64_t mix_member(uint64_t hash, const struct group_member *member)
{
    int i;

    hash = digest_mix(
        hash, (uint64_t)member->state | (uint64_t)member->serving << 8 |
                  (uint64_t)member->fit << 16 | (uint64_t)member->rests << 24 |
                  (uint64_t)member->hold << 32);
    hash = digest_mix(digest_mix_text(hash, member->fit_why), member->policy);
    for (i = 0; i < member->n_probes; i++) {
        const struct group_member_probe *probe = &member->probe[i];

        hash = digest_mix(
            hash, (uint64_t)probe->status | (uint64_t)probe->last << 8 |
                      (uint64_t)probe->resting << 16 | (uint64_t)(unsigned)probe->run << 32);
        hash = digest_mix_double(hash, probe->value);
    }
    return hash;
}

/* Whose it is, and what hangs on it. */
static uint64_t mix_lease(uint64_t hash, const struct sim *sim, int64_t id)
{
    const struct sim_store *store = sim->store;
    uint64_t bits = id != 0;
    int i;

    for (i = 0; id != 0 && i < store->n_leases; i++) {
        bits |= store->lease[i].id == id ? (uint64_t)(store->lease[i].node + 1) << 8 : 0;
    }
    bits |= (uint64_t)(store->now.holder_lease == id) << 1;
    for (i = 0; id != 0 && i < sim->n_nodes; i++) {
        bits |= (uint64_t)(store->member_lease[i] == id) << (16 + i);
        bits |= (uint64_t)(store->seat[1 + i].lease == id) << (32 + i);
    }
    return digest_mix(hash, bits);
}

static uint64_t mix_keys(uint64_t hash, const struct store_keys *keys)
{
    hash = digest_mix(
        hash, (uint64_t)(keys->holder + 1) | (uint64_t)keys->how << 8 |
                  (uint64_t)keys->passed << 16 | (uint64_t)keys->paused << 17 |
                  (uint64_t)(keys->wish.id != 0) << 18 |
                  (uint64_t)(keys->answer.id > keys->wish.id) << 19 |
                  (uint64_t)keys->answer.refused << 20 | (uint64_t)keys->wish.command << 24 |
                  (uint64_t)(keys->wish.node + 1) << 32 | (uint64_t)keys->wish.force << 40);
    return digest_mix(hash, (uint64_t)keys->epoch);
}

static uint64_t mix_store(uint64_t hash, const struct sim *sim)
{
    const struct sim_store *store = sim->store;
    uint64_t leases = 0;
    int i;

    hash = digest_mix(mix_keys(mix_keys(hash, &store->now), &store->before), store->lost);
    hash =
        mix_lease(mix_lease(hash, sim, store->now.holder_lease), sim, store->before.holder_lease);
    for (i = 0; i < sim->n_nodes; i++) {
        hash = mix_lease(hash, sim, store->seat[1 + i].lease);
        hash = digest_mix(hash, store->seat[1 + i].known | (uint64_t)store->seat[1 + i].gone << 1);
        if (store->member[i] != NULL) {
            hash = digest_mix(mix_member(hash, store->member[i]), (uint64_t)i);
        }
    }
    for (i = 0; store->lost && i < store->n_leases; i++) { /* else an event says when it ends */
        if (store->lease[i].id != 0) {
            leases += digest_mix(
                mix_lease(5, sim, store->lease[i].id),
                (uint64_t)(store->lease[i].until_ms - sim->now_ms));
        }
    }
    return digest_mix(hash, leases);
}

static uint64_t mix_mark(uint64_t hash, const struct sim *sim, const struct world_mark *mark)
{
    int i = 0;

    while (i < sim->n_nodes &&
           (sim->node[i].mark.epoch != mark->epoch || sim->node[i].mark.token != mark->token)) {
        i++;
    }
    return mark->epoch == 0 ? hash : digest_mix(hash, (uint64_t)mark->epoch << 8 | (uint64_t)i);
}

uint64_t summary_mix(uint64_t hash, const struct sim *sim)
{
    int i;

    for (i = 0; i < sim->n_nodes; i++) {
        hash = mix_mark(hash, sim, &sim->node[i].mark);
    }
    for (i = 0; sim->peers && i < sim->n_nodes; i++) {
        const struct sim_seat *seat = &sim->seat[1 + i];
        const struct sim_guard *guard = &sim->inside->guard[i];

        hash = digest_mix(
            hash, seat->hung | (uint64_t)seat->stopped << 1 | (uint64_t)seat->killed << 2 |
                      (uint64_t)seat->disk_full << 3 | (uint64_t)guard->there << 4 |
                      (uint64_t)guard->armed << 5 | (uint64_t)guard->firing << 6 |
                      (uint64_t)guard->woken << 7 | (uint64_t)guard->killed << 8);
    }
    return sim->store != NULL ? mix_store(hash, sim) : hash;
}

uint64_t summary_mix_event(uint64_t hash, const struct sim *sim, const struct event *event)
{
    const struct event_more *more = event->more;

    if (event->kind == EVENT_EXPIRE) {
        return mix_lease(hash, sim, event->value);
    }
    if (event->kind == EVENT_GUARD) {
        hash = digest_mix(
            hash, (uint64_t)(event->value - model_clock_ms(sim, event->seat - 1, sim->now_ms)));
    }
    if (more == NULL) {
        return hash;
    }
    hash = mix_mark(hash, sim, &more->mark);
    if (more->ask != NULL) {
        hash = mix_lease(hash, sim, more->ask->lease);
        hash = digest_mix(
            hash, (uint64_t)(more->ask->seen == sim->store->now.revision) | more->ask->pauses << 1 |
                      (uint64_t)more->ask->known << 2 | (uint64_t)(more->ask->to + 1) << 8 |
                      (uint64_t)more->ask->how << 16 | (uint64_t)more->ask->epoch << 24);
        if (more->ask->member != NULL) {
            hash = mix_member(hash, more->ask->member);
        }
    }
    if (more->word != NULL) {
        hash = digest_mix(
            hash, (uint64_t)(more->word->word.revision == sim->store->now.revision) |
                      (uint64_t)(more->word->word.holder + 2) << 8 |
                      (uint64_t)more->word->word.epoch << 16);
    }
    if (more->talk != NULL) {
        hash = digest_mix_text(hash, more->talk->holder);
        hash = digest_mix(hash, (uint64_t)more->talk->epoch << 1 | more->talk->asked);
        hash = digest_mix(hash, (uint64_t)more->talk->hold_ms);
    }
    return hash;
}
