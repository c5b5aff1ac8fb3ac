/* Who serves, and for how long nobody or too many did. */
#include "parts.h"

#include <string.h>

/* All that it takes is up there; it serves, or does so again when it goes on. */
static bool has_all(const struct sim *sim, int node)
{
    const struct sim_node *at = &sim->node[node];
    bool services = false, address = false, others = false, other_up = false;
    int i;

    if (!at->on) {
        return false;
    }
    for (i = 0; i < at->n_things; i++) {
        const struct sim_thing *thing = &at->thing[i];

        if (model_is_service(thing->name)) {
            if (!thing->up) {
                return false;
            }
            services = true;
        } else if (strcmp(thing->name, "address") == 0) {
            address = thing->up;
        }
        if (!model_is_service(thing->name) && model_moves(sim, thing->name)) {
            others = true;
            other_up = other_up || thing->up;
        }
    }
    if (sim->floating[0] != '\0') {
        return address;
    }
    return others ? other_up : services || address;
}

bool sim_serves(const struct sim *sim, int node)
{
    return !sim->node[node].hung && has_all(sim, node);
}

int serve_floating(const struct sim *sim)
{
    int64_t last_ms = -1;
    int found = GROUP_NOBODY, i, j;

    for (i = 0; i < sim->n_nodes; i++) {
        const struct sim_node *node = &sim->node[i];

        for (j = 0; node->on && j < node->n_things; j++) {
            const struct sim_thing *thing = &node->thing[j];

            if (thing->up && thing->taken_ms > last_ms && strcmp(thing->name, "address") == 0) {
                last_ms = thing->taken_ms;
                found = i;
            }
        }
    }
    return found;
}

static bool answers_client(const struct sim *sim, int node)
{
    const struct sim_node *at = &sim->node[node];
    int i;

    for (i = 0; i < at->n_things; i++) {
        if (model_is_service(at->thing[i].name) && at->thing[i].hung) {
            return false;
        }
    }
    return sim_serves(sim, node) && model_open(sim, SIM_CLIENT, SIM_NODE + node);
}

static bool client_served(const struct sim *sim)
{
    int i;

    if (sim->floating[0] != '\0') {
        i = serve_floating(sim);
        return i != GROUP_NOBODY && answers_client(sim, i);
    }
    for (i = 0; i < sim->n_nodes; i++) {
        if (answers_client(sim, i)) {
            return true;
        }
    }
    return false;
}

void sim_account(struct sim *sim)
{
    int64_t passed_ms = sim->now_ms - sim->count.since_ms;
    int64_t unserved_ms = sim->now_ms - sim->count.unserved_ms;
    int i;

    sim->count.since_ms = sim->now_ms;
    for (i = 0; i < sim->n_nodes; i++) {
        if (sim->inside->sight[i] && !door_at(sim, i)->killed) {
            sim->inside->sight_ms[i] += passed_ms;
        }
    }
    if (sim->count.serving > 1) {
        sim->count.two_ms += passed_ms;
        sim->count.two_woken_ms += sim->inside->two_woken ? passed_ms : 0;
        sim->count.two_blamed_ms += sim->inside->two_blamed ? passed_ms : 0;
    }
    if (!sim->count.client) {
        sim->count.outage_ms += passed_ms;
        if (unserved_ms > sim->count.outage_longest_ms) {
            sim->count.outage_longest_ms = unserved_ms;
        }
    }
}

void sim_account_from(struct sim *sim)
{
    sim_account(sim);
    sim->count.outage_ms = sim->count.outage_longest_ms = 0;
    sim->count.unserved_ms = sim->now_ms;
}

/* ---- Who is to blame ------------------------------------------------------------------------ */

/* Among peers one that is down can't see what is done on its node, and nobody else does. */
static bool is_away(const struct sim *sim, const struct sim_seat *seat)
{
    return door_waits(seat) || (sim->peers && seat->killed);
}

int64_t serve_outside_ms(const struct sim *sim, int node)
{
    const struct sim_inside *inside = sim->inside;
    int64_t ago_ms = -1;

    if (inside->cause[node] == SERVE_BY_HAND) {
        ago_ms = (is_away(sim, door_at(sim, node)) ? door_at(sim, node)->away_ms : sim->now_ms) -
                 inside->cause_ms[node];
        ago_ms = ago_ms > 0 ? ago_ms : 0;
    } else if (inside->cause[node] == SERVE_BY_START && inside->several) {
        ago_ms = inside->sight_ms[node];
    }
    return ago_ms <= SIM_HAND_MS ? ago_ms : -1;
}

void serve_wakes(struct sim *sim, const struct sim_seat *seat)
{
    struct sim_inside *inside = sim->inside;
    int i;

    for (i = 0; i < sim->n_nodes; i++) {
        if (door_at(sim, i) != seat) {
            continue;
        }
        if (inside->cause_ms[i] < seat->away_ms) {
            inside->cause_ms[i] += sim->now_ms - seat->away_ms;
        } else {
            inside->cause_ms[i] = sim->now_ms;
        }
    }
}

/* `late` has all that it takes by now, by this, and `early` had it before: is that a command's
 * doing? Not where a hand, or the start, had just brought up the other one: whoever gives
 * commands had no time to see that. */
static bool is_blamed(const struct sim *sim, enum serve_cause late, int early)
{
    switch (late) {
    case SERVE_BY_COMMAND:
        return serve_outside_ms(sim, early) < 0;
    case SERVE_BY_FAULT: /* something that was left comes back */
        return sim->inside->cause[early] == SERVE_BY_COMMAND;
    case SERVE_BY_START:
    case SERVE_BY_HAND:
        break;
    }
    return false;
}

/* It goes on, or will, after its guardian was due. */
static bool woken(const struct sim *sim, int node)
{
    return warden_overdue(sim, node) || sim->inside->guard[node].woken;
}

/* A service that comes up on a node that has just woken up, by itself or by a command that was
 * under way, is no more to be stopped in time than one that was up all along. */
static uint8_t blame(const struct sim *sim, enum serve_cause cause, int late, int early)
{
    if (!sim->inside->had_all[early] || !is_blamed(sim, cause, early)) {
        return BLAME_NONE;
    }
    if (woken(sim, late) || (cause == SERVE_BY_COMMAND && woken(sim, early))) {
        return BLAME_UNLESS_WOKEN;
    }
    return BLAME_ALWAYS;
}

/* By what does each node have all that it takes, and may it beside each other one? That is
 * settled here for as long as both have it: what one comes to by another command is new. */
static void keep_causes(struct sim *sim, enum serve_cause cause)
{
    struct sim_inside *inside = sim->inside;
    int i, j;

    for (i = 0; i < sim->n_nodes; i++) {
        bool has = has_all(sim, i);

        if (has && !inside->had_all[i]) {
            for (j = 0; j < sim->n_nodes; j++) {
                inside->blamed[i][j] = inside->blamed[j][i] = blame(sim, cause, i, j);
            }
            inside->cause[i] = cause;
            inside->cause_ms[i] = sim->now_ms;
        }
        inside->had_all[i] = has;
    }
}

/* Of those that serve now. */
static void keep_blame(struct sim *sim)
{
    struct sim_inside *inside = sim->inside;
    int i, j;

    inside->two_blamed = inside->two_woken = false;
    for (i = 0; i < sim->n_nodes; i++) {
        for (j = 0; j < i; j++) {
            if (inside->blamed[i][j] == BLAME_NONE || !sim_serves(sim, i) || !sim_serves(sim, j)) {
                continue;
            }
            if (inside->blamed[i][j] == BLAME_UNLESS_WOKEN &&
                (inside->guard[i].woken || inside->guard[j].woken)) {
                inside->two_woken = true;
            } else {
                inside->two_blamed = true;
            }
        }
    }
}

static void keep_sight(struct sim *sim)
{
    int i;

    for (i = 0; i < sim->n_nodes; i++) {
        const struct sim_seat *seat = door_at(sim, i);

        sim->inside->sight[i] = !door_waits(seat) && !model_is_silent(sim, SIM_NODE + i) &&
                                model_open(sim, door_place(seat), SIM_NODE + i);
    }
}

void serve_count(struct sim *sim, enum serve_cause cause)
{
    struct sim_inside *inside = sim->inside;
    bool client = client_served(sim), changed;
    int serving = 0, i;

    sim_account(sim);
    keep_causes(sim, cause);
    changed = client != sim->count.client;
    for (i = 0; i < sim->n_nodes; i++) {
        bool serves = sim_serves(sim, i);

        serving += serves;
        changed = changed || serves != inside->serving_known[i];
        inside->serving_known[i] = serves;
    }
    if (serving > 1) {
        keep_blame(sim);
    } else {
        inside->two_blamed = inside->two_woken = false;
    }
    if (inside->two_blamed && sim->count.two_first_ms < 0) {
        sim->count.two_first_ms = sim->now_ms;
    }
    keep_sight(sim);
    if (!client && sim->count.client) {
        sim->count.unserved_ms = sim->now_ms;
    }
    sim->count.serving = serving;
    sim->count.client = client;
    if (changed && sim->told != NULL) {
        sim->told(sim->told_arg, &(struct sim_told){.kind = SIM_TOLD_SERVED, .node = GROUP_NOBODY});
    }
}

void sim_changed(struct sim *sim)
{
    serve_count(sim, SERVE_BY_START);
}
