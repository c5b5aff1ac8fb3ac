/* Places, links, nodes and their things. */
#include "parts.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* ---- Places ------------------------------------------------------------------------------ */

static const char *const place_names[SIM_NODE] = {
    "controller", "client", "gateway", "share", "store",
};

int model_find_node(const struct sim *sim, const char *name)
{
    int i;

    for (i = 0; name != NULL && i < sim->n_nodes; i++) {
        if (strcmp(sim->node[i].name, name) == 0) {
            return i;
        }
    }
    return GROUP_NOBODY;
}

int sim_find_place(const struct sim *sim, const char *name)
{
    int node = model_find_node(sim, name), i;

    if (node >= 0) {
        return SIM_NODE + node;
    }
    for (i = 0; name != NULL && i < SIM_NODE; i++) {
        if (strcmp(place_names[i], name) == 0) {
            return i;
        }
    }
    return SIM_NOWHERE;
}

const char *sim_place_name(const struct sim *sim, int place)
{
    if (place >= SIM_NODE && place < SIM_NODE + sim->n_nodes) {
        return sim->node[place - SIM_NODE].name;
    }
    return place >= 0 && place < SIM_NODE ? place_names[place] : "nowhere";
}

int model_real_place(const struct sim *sim, int place)
{
    return place == SIM_CONTROLLER && sim->home != GROUP_NOBODY ? SIM_NODE + sim->home : place;
}

uint64_t model_random(uint64_t *state) /* splitmix64 */
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static bool is_cut(const struct sim_link *link)
{
    return link->cut || link->loss >= 1;
}

/* A lost packet is sent again after a second, then after two, four … (RFC 6298). */
bool model_passes(struct sim *sim, int from, int to, int64_t *delay_ms)
{
    const struct sim_link *link = &sim->link[from][to];
    int64_t again_ms = 1000;

    if (from == to) {
        return true;
    }
    if (is_cut(link)) {
        return false;
    }
    *delay_ms += link->delay_ms;
    while (link->loss > 0 && again_ms < 1000000 &&
           (double)(model_random(&sim->inside->loss_state) >> 11) * 0x1p-53 < link->loss) {
        *delay_ms += again_ms;
        again_ms *= 2;
    }
    return true;
}

bool model_open(const struct sim *sim, int a, int b)
{
    return a == b || (!is_cut(&sim->link[a][b]) && !is_cut(&sim->link[b][a]));
}

/* ---- Nodes and things -------------------------------------------------------------------- */

struct sim_node *sim_add_node(struct sim *sim, const char *name, const char *address)
{
    struct sim_node *node = &sim->node[sim->n_nodes];

    if (sim->n_nodes == SIM_NODES_MAX) {
        return NULL;
    }
    sim->n_nodes++;
    snprintf(node->name, sizeof node->name, "%s", name);
    snprintf(node->address, sizeof node->address, "%s", address);
    node->on = true;
    return node;
}

bool model_is_service(const char *thing)
{
    return strncmp(thing, "service", 7) == 0 && (thing[7] == '\0' || thing[7] == ':');
}

bool model_means(const char *name, const char *thing)
{
    return strcmp(name, thing) == 0 || (strcmp(name, "service") == 0 && model_is_service(thing));
}

bool model_is_silent(const struct sim *sim, int place)
{
    return place >= SIM_NODE &&
           (!sim->node[place - SIM_NODE].on || sim->node[place - SIM_NODE].hung);
}

static struct sim_thing *find_thing(struct sim_node *node, const char *name)
{
    int i;

    for (i = 0; i < node->n_things; i++) {
        if (strcmp(node->thing[i].name, name) == 0) {
            return &node->thing[i];
        }
    }
    return NULL;
}

struct sim_thing *sim_thing(struct sim_node *node, const char *name)
{
    struct sim_thing *thing = find_thing(node, name);

    if (thing == NULL && node->n_things < SIM_THINGS_MAX) {
        thing = &node->thing[node->n_things++];
        memset(thing, 0, sizeof *thing);
        snprintf(thing->name, sizeof thing->name, "%s", name);
    }
    return thing;
}

bool model_moves(const struct sim *sim, const char *thing)
{
    int i;

    if (sim->floating[0] != '\0' && strcmp(thing, "address") == 0) {
        return true;
    }
    for (i = 0; i < sim->inside->n_moves; i++) {
        if (model_means(sim->inside->moves[i], thing)) {
            return true;
        }
    }
    return false;
}

struct sim_thing *model_thing(struct sim *sim, int node, const char *name)
{
    struct sim_node *at = &sim->node[node];
    struct sim_thing *thing = find_thing(at, name), *nameless;

    if (thing != NULL) {
        return thing;
    }
    /* The service that had no name yet has one now. */
    nameless = model_is_service(name) ? find_thing(at, "service") : NULL;
    if (nameless != NULL) {
        snprintf(nameless->name, sizeof nameless->name, "%s", name);
        return nameless;
    }
    thing = sim_thing(at, name);
    if (thing != NULL) {
        /* Nobody changed it yet: it is as it was at the start, or after a boot. */
        thing->up = at->on && (sim->inside->starts[node] || !model_moves(sim, name));
    }
    return thing;
}

void sim_moves_with_baton(struct sim *sim, const char *thing)
{
    struct sim_inside *inside = sim->inside;
    int i;

    if (!model_moves(sim, thing) && inside->n_moves < SIM_MOVES_MAX) {
        snprintf(inside->moves[inside->n_moves++], SIM_NAME_MAX, "%s", thing);
    }
    for (i = 0; i < sim->n_nodes; i++) {
        struct sim_thing *made = sim_thing(&sim->node[i], thing);

        if (made != NULL) {
            made->up = inside->starts[i];
        }
    }
    serve_count(sim, SERVE_BY_START);
}

void sim_serves_at_start(struct sim *sim, int node)
{
    struct sim_node *at;
    int i;

    assert(node >= 0);
    assert(node < sim->n_nodes);
    at = &sim->node[node];
    sim->inside->starts[node] = true;
    for (i = 0; i < sim->n_nodes; i++) {
        sim->inside->several = sim->inside->several || (i != node && sim->inside->starts[i]);
    }
    for (i = 0; i < at->n_things; i++) {
        at->thing[i].up = at->thing[i].up || model_moves(sim, at->thing[i].name);
    }
    serve_count(sim, SERVE_BY_START);
}

static void tell_change(struct sim *sim, int node, const struct sim_thing *thing)
{
    struct sim_told told = {.kind = SIM_TOLD_CHANGE, .node = node};

    if (sim->told != NULL) {
        told.thing = thing->name;
        told.up = thing->up;
        sim->told(sim->told_arg, &told);
    }
}

void model_set(struct sim *sim, int node, struct sim_thing *thing, bool up)
{
    bool changed = thing->up != up;

    thing->up = up;
    thing->hung = thing->crashed = false;
    if (up) {
        thing->taken_ms = sim->now_ms;
    }
    if (changed) {
        tell_change(sim, node, thing);
    }
}

/* What runs on it, or waits to run there, is gone. */
static void lose_commands(struct sim *sim, int node)
{
    int i;

    for (i = 0; i < sim->queue->n_events; i++) {
        struct event *event = &sim->queue->event[i];

        if (event->phase != PHASE_FREE && event->parked && event->node == node) {
            queue_free(sim, event);
        }
    }
}

void model_power_off(struct sim *sim, int node)
{
    struct sim_node *at = &sim->node[node];
    int i;

    at->on = at->hung = false;
    sim->inside->starts[node] = false;
    for (i = 0; i < at->n_things; i++) {
        model_set(sim, node, &at->thing[i], false);
    }
    lose_commands(sim, node);
    warden_node_off(sim, node);
    for (i = 0; i <= sim->n_nodes; i++) {
        struct sim_seat *seat = &sim->seat[i];

        if (door_place(seat) == SIM_NODE + node) { /* dead, which is another thing */
            seat->hung = seat->stopped = false;
        }
    }
}

void model_boot(struct sim *sim, int node)
{
    struct sim_node *at = &sim->node[node];
    int i;

    at->on = true;
    at->hung = false;
    warden_node_boots(sim, node);
    for (i = 0; i < at->n_things; i++) {
        struct sim_thing *thing = &at->thing[i];

        model_set(sim, node, thing, !model_moves(sim, thing->name) && !thing->keeps_down);
    }
}

bool model_share_ok(const struct sim *sim, int node)
{
    const struct sim_node *at = &sim->node[node];
    int i;

    for (i = 0; i < at->n_things; i++) {
        if (strcmp(at->thing[i].name, "share") == 0 && !at->thing[i].up) {
            return false;
        }
    }
    return at->share == SIM_SHARE_OK && model_open(sim, SIM_NODE + node, SIM_SHARE);
}

int64_t model_clock_ms(const struct sim *sim, int node, int64_t true_ms)
{
    const struct sim_node *at = &sim->node[node];

    return true_ms + at->clock_ms - at->jumped_ms +
           (int64_t)((double)(true_ms - at->clock_at_ms) * at->drift_ppm / 1e6);
}

int64_t model_wall_ms(const struct sim *sim, int node)
{
    int64_t ahead_ms = sim->clock_ms, at_ms = sim->clock_at_ms;
    double drift_ppm = sim->drift_ppm;

    node = node == GROUP_NOBODY ? sim->home : node;
    if (node != GROUP_NOBODY) {
        ahead_ms = sim->node[node].clock_ms;
        at_ms = sim->node[node].clock_at_ms;
        drift_ppm = sim->node[node].drift_ppm;
    }
    return SIM_WALL_MS + sim->now_ms + ahead_ms +
           (int64_t)((double)(sim->now_ms - at_ms) * drift_ppm / 1e6);
}
