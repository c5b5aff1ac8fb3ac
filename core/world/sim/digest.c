/* A hash of all that decides how the world goes on. Times count from now. */
#include "parts.h"

#include <string.h>

uint64_t digest_mix(uint64_t hash, uint64_t value)
{
    hash ^= value;
    hash *= 0xff51afd7ed558ccdu;
    hash ^= hash >> 32;
    hash *= 0xc4ceb9fe1a85ec53u;
    return hash ^ (hash >> 29);
}

uint64_t digest_mix_text(uint64_t hash, const char *text)
{
    for (; *text != '\0'; text++) {
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
    }
    return digest_mix(hash, 1);
}

uint64_t digest_mix_double(uint64_t hash, double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    return digest_mix(hash, bits);
}

static uint64_t mix_clock(uint64_t hash, const struct sim *sim, int node, double drift_ppm)
{
    int64_t ahead_ms = model_wall_ms(sim, node) - SIM_WALL_MS - sim->now_ms;

    return digest_mix_double(digest_mix(hash, (uint64_t)ahead_ms), drift_ppm);
}

/* What will be said of an overlap is decided by it. */
static uint64_t mix_cause(uint64_t hash, const struct sim *sim, int node)
{
    const struct sim_inside *inside = sim->inside;
    int64_t ago_ms = serve_outside_ms(sim, node);
    int i;

    hash = digest_mix(
        hash, ago_ms >= 0 ? (uint64_t)ago_ms << 2 | 2 : inside->cause[node] == SERVE_BY_COMMAND);
    for (i = 0; i < node; i++) {
        if (inside->blamed[node][i] && inside->had_all[node] && inside->had_all[i]) {
            hash = digest_mix(
                hash, ((uint64_t)i + 1) | (uint64_t)(inside->blamed[node][i] == BLAME_UNLESS_WOKEN)
                                              << 8);
        }
    }
    return hash;
}

/* Things by their names, in whatever order they were named first. */
static uint64_t mix_node(uint64_t hash, const struct sim *sim, int at)
{
    const struct sim_node *node = &sim->node[at];
    uint64_t things = 0;
    int i;

    hash = digest_mix(hash, (uint64_t)(node->on | node->hung << 1) | (uint64_t)node->share << 2);
    hash = mix_clock(hash, sim, at, node->drift_ppm);
    hash = mix_cause(hash, sim, at);
    for (i = 0; i < node->n_things; i++) {
        const struct sim_thing *thing = &node->thing[i];

        things += digest_mix(
            digest_mix_text(2, thing->name),
            (uint64_t)(thing->up | thing->hung << 1 | thing->crashed << 2 | thing->keeps_up << 3 | thing->keeps_down << 4));
    }
    return digest_mix(hash, things);
}

static uint64_t mix_links(uint64_t hash, const struct sim *sim, bool *lossy)
{
    int from, to;

    for (from = 0; from < SIM_NODE + sim->n_nodes; from++) {
        for (to = 0; to < SIM_NODE + sim->n_nodes; to++) {
            const struct sim_link *link = &sim->link[from][to];

            if (link->cut || link->loss > 0 || link->delay_ms != 0) {
                hash = digest_mix(hash, (uint64_t)(from * SIM_PLACES + to) << 1 | link->cut);
                hash = digest_mix(digest_mix_double(hash, link->loss), (uint64_t)link->delay_ms);
                *lossy = *lossy || (link->loss > 0 && link->loss < 1);
            }
        }
    }
    return hash;
}

static uint64_t mix_spells(uint64_t hash, const struct sim *sim)
{
    int i;

    for (i = 0; i < sim->n_spells; i++) {
        const struct sim_spell *spell = &sim->spells[i];

        hash = digest_mix(digest_mix_text(hash, spell->effect), (uint64_t)spell->kind);
        hash = digest_mix(hash, (uint64_t)(spell->node + 1) << 32 | (uint64_t)spell->times);
        hash = digest_mix(hash, (uint64_t)spell->ms);
    }
    return hash;
}

static uint64_t hash_event(const struct sim *sim, const struct event *event)
{
    uint64_t hash = digest_mix(
        3, event->kind | (uint64_t)event->phase << 8 | (uint64_t)event->op << 16 |
               (uint64_t)event->spell << 24);

    hash = digest_mix(hash, (uint64_t)(event->at_ms - sim->now_ms));
    hash = digest_mix(hash, (uint64_t)event->seat << 48 | (uint64_t)(event->late_ms));
    hash = digest_mix(
        hash, (uint64_t)(event->node + 1) | (uint64_t)(event->to + 1) << 8 |
                  (uint64_t)event->effect << 16 | (uint64_t)event->held << 17 |
                  (uint64_t)event->parked << 18 | (uint64_t)event->lost << 19 |
                  (uint64_t)event->applied << 20 | (uint64_t)(event->u.done != NULL) << 21);
    if (event->kind != EVENT_SLEEP && event->kind != EVENT_RECORD) {
        hash = digest_mix(hash, (uint64_t)(event->deadline_ms - sim->now_ms));
    }
    if (event->phase == PHASE_ANSWERS || event->kind == EVENT_PROBE) {
        hash = digest_mix(hash, (uint64_t)event->end << 16 | (uint16_t)event->code);
    }
    if (event->kind >= EVENT_LEASE) {
        hash = summary_mix_event(hash, sim, event);
    }
    return event->more != NULL ? digest_mix_text(hash, event->more->words) : hash;
}

/* Whom the floating address leads to is decided by who took it last. */
uint64_t sim_digest(const struct sim *sim)
{
    const struct sim_seat *controller = &sim->seat[0];
    uint64_t hash = 4, events = 0;
    bool lossy = false;
    int i;

    for (i = 0; i < sim->n_nodes; i++) {
        hash = mix_node(hash, sim, i);
    }
    hash = mix_links(hash, sim, &lossy);
    hash = mix_spells(hash, sim);
    hash = mix_clock(hash, sim, GROUP_NOBODY, sim->drift_ppm);
    hash = digest_mix(
        hash, (uint64_t)(serve_floating(sim) + 1) | (uint64_t)controller->hung << 8 |
                  (uint64_t)controller->disk_full << 9 | (uint64_t)sim->veto << 10 |
                  (uint64_t)controller->killed << 11 | (uint64_t)sim->fence << 16);
    hash = summary_mix(hash, sim);
    if (lossy) {
        hash = digest_mix(hash, sim->inside->loss_state);
    }
    for (i = 0; i < sim->queue->n_events; i++) {
        if (sim->queue->event[i].phase != PHASE_FREE) {
            events += hash_event(sim, &sim->queue->event[i]);
        }
    }
    return digest_mix(hash, events);
}
