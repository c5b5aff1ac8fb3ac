/* What each fault does to the model. */
#include "base/memory.h"
#include "parts.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* ---- Nodes --------------------------------------------------------------------------------------
 */

/* Of the Batons that are there. */
static void hang_seats(struct sim *sim, int place, bool hung)
{
    int i;

    for (i = 0; i <= sim->n_nodes; i++) {
        struct sim_seat *seat = &sim->seat[i];

        if (door_place(seat) == place && (i > 0) == sim->peers && seat->hung != hung) {
            door_hang(seat, hung, seat->stopped);
        }
    }
}

static void strike_node(struct sim *sim, const struct sim_fault *fault)
{
    int node = fault->place - SIM_NODE;

    if (fault->place == SIM_CONTROLLER && sim->home != GROUP_NOBODY) {
        node = sim->home;
    } else if (fault->place == SIM_CONTROLLER) {
        hang_seats(sim, SIM_CONTROLLER, fault->kind == SIM_HANG);
        return;
    }
    if (fault->kind == SIM_CRASH) {
        model_power_off(sim, node);
    } else if (fault->kind == SIM_HANG) {
        if (sim->node[node].on && !sim->node[node].hung) {
            warden_node_hangs(sim, node);
        }
        sim->node[node].hung = sim->node[node].on;
        hang_seats(sim, SIM_NODE + node, sim->node[node].on);
    } else if (!sim->node[node].on) {
        model_boot(sim, node);
    } else if (sim->node[node].hung) {
        warden_node_goes_on(sim, node);
        sim->node[node].hung = false;
        answer_unpark(sim, node);
        hang_seats(sim, SIM_NODE + node, false);
    }
}

/* ---- Things -------------------------------------------------------------------------------------
 */

static void strike_thing(
    struct sim *sim, int node, struct sim_thing *thing, enum sim_fault_kind kind)
{
    bool was_up = thing->up, crashed = thing->crashed;

    switch (kind) {
    case SIM_CRASH_SERVICE:
        model_set(sim, node, thing, false);
        thing->crashed = was_up || crashed;
        break;
    case SIM_HANG_SERVICE:
        thing->hung = thing->up;
        break;
    case SIM_RECOVER_SERVICE:
        thing->hung = false;
        if (crashed && sim->node[node].on) {
            model_set(sim, node, thing, true);
        }
        break;
    case SIM_REFUSE_STOP:
        thing->keeps_up = true;
        break;
    case SIM_REFUSE_START:
        thing->keeps_down = true;
        break;
    case SIM_OBEY:
        thing->keeps_up = thing->keeps_down = false;
        break;
    default:
        model_set(sim, node, thing, kind == SIM_BRING_UP);
    }
}

static void strike_things(struct sim *sim, const struct sim_fault *fault)
{
    int at = fault->place - SIM_NODE, i;
    struct sim_node *node = &sim->node[at];
    char name[SIM_NAME_MAX];
    bool found = false;

    fault_thing(sim, fault, name);
    for (i = 0; i < node->n_things; i++) {
        if (model_means(name, node->thing[i].name)) {
            found = true;
            strike_thing(sim, at, &node->thing[i], fault->kind);
        }
    }
    if (!found) {
        strike_thing(sim, at, model_thing(sim, at, name), fault->kind);
    }
}

/* ---- Links, share, clocks
 * ------------------------------------------------------------------------- */

static void strike_one_way(struct sim *sim, const struct sim_fault *fault, int from, int to)
{
    struct sim_link *link = &sim->link[from][to];

    if (fault->kind == SIM_CUT) {
        link->cut = true;
    } else if (fault->kind == SIM_LOSSY) {
        link->loss = fault->value;
    } else if (fault->kind == SIM_SLOW) {
        link->delay_ms = fault->ms;
    } else {
        *link = (struct sim_link){.cut = false};
    }
}

static void strike_link(struct sim *sim, const struct sim_fault *fault)
{
    int from = model_real_place(sim, fault->place), to = model_real_place(sim, fault->other);

    strike_one_way(sim, fault, from, to);
    if (!fault->one_way) {
        strike_one_way(sim, fault, to, from);
    }
}

static void strike_share(struct sim *sim, const struct sim_fault *fault)
{
    enum sim_share share = fault->kind == SIM_LOSE_SHARE        ? SIM_SHARE_GONE
                           : fault->kind == SIM_READ_ONLY_SHARE ? SIM_SHARE_READ_ONLY
                                                                : SIM_SHARE_OK;
    int i;

    for (i = 0; i < sim->n_nodes; i++) {
        if (fault->place == SIM_NOWHERE || fault->place == SIM_NODE + i) {
            sim->node[i].share = share;
        }
    }
}

static void strike_clock(struct sim *sim, const struct sim_fault *fault)
{
    int place = model_real_place(sim, fault->place);
    int node = place == SIM_CONTROLLER ? GROUP_NOBODY : place - SIM_NODE;
    int64_t ahead_ms = model_wall_ms(sim, node) - SIM_WALL_MS - sim->now_ms;
    double ppm = node == GROUP_NOBODY ? sim->drift_ppm : sim->node[node].drift_ppm;
    struct sim_node before;

    if (fault->kind == SIM_JUMP_CLOCK) {
        ahead_ms += fault->ms;
    } else {
        ppm = fault->value;
    }
    if (node == GROUP_NOBODY) {
        sim->clock_ms = ahead_ms;
        sim->clock_at_ms = sim->now_ms;
        sim->drift_ppm = ppm;
    } else {
        before = sim->node[node];
        sim->node[node].clock_ms = ahead_ms;
        sim->node[node].clock_at_ms = sim->now_ms;
        sim->node[node].drift_ppm = ppm;
        sim->node[node].jumped_ms += fault->kind == SIM_JUMP_CLOCK ? fault->ms : 0;
        door_clock_changed(sim, node, &before);
    }
}

/* ---- Actions
 * ---------------------------------------------------------------------------------------- */

static void lift_spells(struct sim *sim, const struct sim_fault *fault)
{
    int node = fault->place == SIM_NOWHERE ? GROUP_NOBODY : fault->place - SIM_NODE;
    int i, kept = 0;

    for (i = 0; i < sim->n_spells; i++) {
        const struct sim_spell *spell = &sim->spells[i];

        if (strcmp(spell->effect, fault->what) != 0 ||
            (node != GROUP_NOBODY && spell->node != node)) {
            sim->spells[kept++] = *spell;
        }
    }
    sim->n_spells = kept;
}

static void strike_action(struct sim *sim, const struct sim_fault *fault)
{
    struct sim_spell *spell;

    if (fault->kind == SIM_ACTION_WORKS) {
        lift_spells(sim, fault);
        return;
    }
    spell = memory_resize(sim->spells, (size_t)(sim->n_spells + 1) * sizeof *spell);
    assert(spell != NULL);
    sim->spells = spell;
    spell += sim->n_spells++;
    memset(spell, 0, sizeof *spell);
    spell->kind = fault->kind;
    spell->node = fault->place == SIM_NOWHERE ? GROUP_NOBODY : fault->place - SIM_NODE;
    spell->times = fault->times;
    spell->ms = fault->ms;
    snprintf(spell->effect, sizeof spell->effect, "%s", fault->what);
}

/* ---- All
 * ---------------------------------------------------------------------------------------------- */

static void strike_journal(struct sim *sim, const struct sim_fault *fault)
{
    int i;

    for (i = 0; i <= sim->n_nodes; i++) {
        if (fault->place < SIM_NODE || fault->place == sim->seat[i].place) {
            sim->seat[i].disk_full = fault->kind == SIM_FILL_DISK;
        }
    }
}

static void strike_baton(struct sim *sim, const struct sim_fault *fault)
{
    int node = fault->place - SIM_NODE;
    struct sim_seat *seat = &sim->seat[1 + node];

    if (fault->kind == SIM_KILL_GUARDIAN) {
        warden_kill(sim, node);
    } else if (fault->kind == SIM_FORGET_MARK) {
        memset(&sim->node[node].mark, 0, sizeof sim->node[node].mark);
    } else if (
        sim->node[node].on && !seat->killed && seat->stopped != (fault->kind == SIM_HANG_BATON)) {
        door_hang(seat, seat->hung, fault->kind == SIM_HANG_BATON);
    }
}

static void strike_flag(struct sim *sim, enum sim_fault_kind kind)
{
    switch (kind) {
    case SIM_FENCE_FAILS:
    case SIM_FENCE_LIES:
    case SIM_FENCE_WORKS:
        sim->fence = kind;
        break;
    case SIM_VETO:
    case SIM_NO_VETO:
        sim->veto = kind == SIM_VETO;
        break;
    default:
        ttl_strike(sim, kind);
    }
}

void strike_fault(struct sim *sim, const struct sim_fault *fault)
{
    if (fault->kind == SIM_HANG_BATON || fault->kind == SIM_RECOVER_BATON ||
        fault->kind == SIM_KILL_GUARDIAN || fault->kind == SIM_FORGET_MARK) {
        strike_baton(sim, fault);
        return;
    }
    switch (sim_fault_row(fault->kind)->shape) {
    case SIM_SHAPE_NODE:
        strike_node(sim, fault);
        break;
    case SIM_SHAPE_SERVICE:
    case SIM_SHAPE_THING:
        strike_things(sim, fault);
        break;
    case SIM_SHAPE_LINK:
    case SIM_SHAPE_LINK_VALUE:
        strike_link(sim, fault);
        hear_spread(sim);
        break;
    case SIM_SHAPE_SHARE:
        strike_share(sim, fault);
        break;
    case SIM_SHAPE_CLOCK:
        strike_clock(sim, fault);
        break;
    case SIM_SHAPE_ACTION:
    case SIM_SHAPE_ACTION_TIME:
        strike_action(sim, fault);
        break;
    case SIM_SHAPE_NONE:
        strike_flag(sim, fault->kind);
        break;
    case SIM_SHAPE_JOURNAL:
        strike_journal(sim, fault);
        break;
    case SIM_SHAPE_TIME:
        answer_postpone(sim, answer_next(sim), fault->ms);
        break;
    }
}
