/* What might go wrong where every node has a Baton: the lease store and the ways to it, the ways
 * between the nodes, each Baton and its guardian, and clocks that run as fast and as slow as the
 * margin of a lease allows. */
#include "parts.h"

/* Half of it each, so that two clocks that run apart are still within it. */
#define DRIFT (LEASE_DRIFT_PPM / 2.0)

static const struct menu_portion portions[] = {
    {SIM_CRASH, 0},
    {SIM_HANG, 0},
    {SIM_HANG_BATON, 0},
    {SIM_KILL_GUARDIAN, 0},
    {SIM_CRASH_SERVICE, 0},
    {SIM_HANG_SERVICE, 0},
    {SIM_BRING_DOWN, 0},
    {SIM_BRING_UP, 0},
    {SIM_LOSE_STORE, 0},
    {SIM_RESTORE_STORE_LATE, 0},
    {SIM_ROLL_BACK_STORE, 0},
    {SIM_CUT, 0},
    {SIM_REFUSE_STOP, 0},
    {SIM_REFUSE_START, 0},
    {SIM_ACTION_FAILS, 0},
    {SIM_ACTION_LIES, 0},
    {SIM_ACTION_DENIES, 0},
    {SIM_ACTION_SLOW, 6},
    {SIM_ACTION_SLOW, 20},
    {SIM_FENCE_FAILS, 0},
    {SIM_LOSSY, 0.3},
    {SIM_SLOW, 0.8},
    {SIM_LOSE_SHARE, 0},
    {SIM_READ_ONLY_SHARE, 0},
    {SIM_JUMP_CLOCK, -3600},
    {SIM_DRIFT_CLOCK, DRIFT},
    {SIM_DRIFT_CLOCK, -DRIFT},
    {SIM_VETO, 0},
    {SIM_FILL_DISK, 0},
    {SIM_POSTPONE, 1.5},
    {SIM_POSTPONE, 12},
};

const struct menu_portion *menu_peer_portions(int *n)
{
    *n = (int)(sizeof portions / sizeof portions[0]);
    return portions;
}

/* Between each node and the store, and between each two nodes, which ask one another where the
 * store is silent. */
void menu_add_peer_links(
    struct menu *menu, const struct sim *sim, const struct policy_site *site,
    const struct menu_portion *portion)
{
    bool ways = portion->kind == SIM_CUT;
    int i, j;

    for (i = 0; i < sim->n_nodes; i++) {
        menu_add_link(menu, portion, SIM_NODE + i, SIM_STORE, false);
        if (!ways) {
            continue;
        }
        menu_add_link(menu, portion, SIM_NODE + i, SIM_STORE, true);
        menu_add_link(menu, portion, SIM_STORE, SIM_NODE + i, true);
        for (j = 0; j < sim->n_nodes; j++) {
            if (i < j) {
                menu_add_link(menu, portion, SIM_NODE + i, SIM_NODE + j, false);
            }
            if (i != j) {
                menu_add_link(menu, portion, SIM_NODE + i, SIM_NODE + j, true);
            }
        }
        if (site->share != NULL) {
            menu_add_link(menu, portion, SIM_NODE + i, SIM_SHARE, false);
        }
        if (site->gateway != NULL || site->n_witnesses > 0) {
            menu_add_link(menu, portion, SIM_NODE + i, SIM_GATEWAY, false);
        }
    }
}

/* Its Baton does not hang, and did not so long that its lease is over. */
static bool works(const struct run *run, int node)
{
    struct sim *sim = run_sim(run);
    const struct controller *controller = run_controller_at(run, node);
    const struct group_peers *peers =
        controller != NULL ? controller_group(controller)->peers : NULL;

    return peers != NULL && !sim_hangs(sim, SIM_NODE + node) &&
           world_now_ms(sim_door(sim, SIM_NODE + node)) < peers->stop_at_ms;
}

/* All that run have heard of the last grant: a copy of the store is older than a moment. */
static bool all_heard(const struct run *run)
{
    int64_t epoch;
    int i;

    run_holder(run, &epoch);
    for (i = 0; i < run_seats(run); i++) {
        const struct controller *controller = run_controller_at(run, i);

        if (controller != NULL && controller_group(controller)->epoch != epoch) {
            return false;
        }
    }
    return true;
}

/* A service that no Baton has ever taken over has no guardian. */
static bool is_nobodys(const struct run *run, int node)
{
    int64_t epoch;

    run_holder(run, &epoch);
    return epoch == 0 && sim_serves(run_sim(run), node);
}

bool menu_peers_sensible(const struct run *run, const struct scenario_deed *deed)
{
    const struct sim *sim = run_sim(run);
    enum sim_fault_kind kind = deed->fault.kind;
    bool fault = deed->kind == SCENARIO_FAULT;
    int node = deed->kind == SCENARIO_KILL ? deed->at
               : fault                     ? deed->fault.place - SIM_NODE
                                           : GROUP_NOBODY;

    if (fault && kind == SIM_ROLL_BACK_STORE) {
        return all_heard(run);
    }
    if (node < 0) {
        return true;
    }
    if (fault && kind == SIM_KILL_GUARDIAN) {
        return works(run, node);
    }
    if (!fault || kind == SIM_HANG || kind == SIM_HANG_BATON) {
        return !sim_guardian_is_dead(sim, node) && !is_nobodys(run, node);
    }
    return true;
}
