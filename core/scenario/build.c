/* The world of a run, as the configuration, the scenario and the policy say it. */
#include "base/memory.h"
#include "parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A port that the configuration sets by that name; 0: none. */
static int port_of(const struct run *run, const char *name)
{
    int i;

    for (i = 0; i < run->site.n_params; i++) {
        if (strcmp(run->site.param[i].name, name) == 0) {
            long port = strtol(run->site.param[i].value, NULL, 10);

            return port > 0 && port < 65536 ? (int)port : 0;
        }
    }
    return 0;
}

/* What the scenario sets, over what the configuration sets. */
static enum baton_err set_params(struct run *run, struct baton_error *error)
{
    const struct scenario *scenario = run->scenario;
    int n = run->setup.site->n_params, i, at;

    run->site = *run->setup.site;
    if (scenario->n_sets == 0) {
        return BATON_OK;
    }
    run->param = memory_zeroed((size_t)n + (size_t)scenario->n_sets, sizeof run->param[0]);
    if (run->param == NULL) {
        return baton_fail(error, BATON_NOMEM, "%s: no memory for a run", scenario->file);
    }
    for (i = 0; i < n; i++) {
        run->param[i] = run->setup.site->param[i];
    }
    for (i = 0; i < scenario->n_sets; i++) {
        for (at = 0; at < n && strcmp(run->param[at].name, scenario->set_name[i]) != 0; at++) {
        }
        run->param[at] = (struct world_pair){scenario->set_name[i], scenario->set_value[i]};
        n = at == n ? n + 1 : n;
    }
    run->site.param = run->param;
    run->site.n_params = n;
    return BATON_OK;
}

#define WINRM_PORT 5986

static enum baton_err make_world(struct run *run, struct baton_error *error)
{
    const struct policy_site *site = &run->site;
    bool windows = site->n_nodes > 0 && site->node[0].transport != NULL &&
                   strcmp(site->node[0].transport, "winrm") == 0;
    int node_port = port_of(run, windows ? "winrm_port" : "ssh_port");
    struct sim *sim;
    enum baton_err err = sim_new(run->setup.seed, &run->sim, error);
    int i;

    if (err != BATON_OK) {
        return err;
    }
    sim = run->sim;
    for (i = 0; i < site->n_nodes; i++) {
        if (sim_add_node(sim, site->node[i].name, site->node[i].address) == NULL) {
            return baton_fail(error, BATON_LIMIT, "more than %d nodes", SIM_NODES_MAX);
        }
        if (!run_among_peers(run) && site->node[i].transport != NULL &&
            strcmp(site->node[i].transport, "local") == 0) {
            sim->home = i;
        }
    }
    if (site->floating != NULL) {
        snprintf(
            sim->floating, sizeof sim->floating, "%.*s", (int)strcspn(site->floating, "/"),
            site->floating);
    }
    if (site->gateway != NULL) {
        snprintf(sim->gateway, sizeof sim->gateway, "%s", site->gateway);
    }
    if (node_port > 0 || windows) {
        sim->ssh_port = node_port > 0 ? node_port : WINRM_PORT;
    }
    sim->told = told_world;
    sim->told_arg = run;
    if (run_among_peers(run)) {
        const struct run_peers *peers = run->setup.peers;

        return sim_set_peers(
            sim, &(struct sim_peers){
                     .times = peers->times,
                     .guardian = peers->guardian,
                     .failsafe = peers->failsafe,
                 });
    }
    return BATON_OK;
}

/* The `at`s by time; those of one time stay as they stand. */
static void sort_events(struct run *run)
{
    const struct scenario *scenario = run->scenario;
    int i, at;

    for (i = 0; i < scenario->n_events; i++) {
        if (scenario->event[i].when != SCENARIO_AT) {
            run->n_steps++;
            continue;
        }
        for (at = run->n_at;
             at > 0 && scenario->event[run->order[at - 1]].at_ms > scenario->event[i].at_ms; at--) {
            run->order[at] = run->order[at - 1];
        }
        run->order[at] = i;
        run->n_at++;
    }
}

enum baton_err build_world(struct run *run, struct baton_error *error)
{
    enum baton_err err = set_params(run, error);

    sort_events(run);
    return err == BATON_OK ? make_world(run, error) : err;
}

/* Things that the policy's start brings up. False: it declares none. */
static bool move_declared(struct run *run, const struct policy *policy, bool *address)
{
    const struct group_list_rules *start = &policy_table(policy)->rules.list[GROUP_LIST_START];
    bool declared = false;
    int i;

    for (i = 0; i < start->count; i++) {
        const char *effect = policy_effect(policy, POLICY_START, i);
        const char *dot = effect != NULL ? strrchr(effect, '.') : NULL;
        char thing[SIM_NAME_MAX];

        if (dot != NULL && dot > effect) {
            snprintf(thing, sizeof thing, "%.*s", (int)(dot - effect), effect);
            sim_moves_with_baton(run->sim, thing);
            *address |= strcmp(thing, "address") == 0;
            declared = true;
        }
    }
    return declared;
}

/* Before the first request: what goes where the baton goes, and who has it. Where the policy
 * declares nothing, what every group has; a floating address that it leaves alone is up on
 * every node, as all is that it does not move. */
void build_on_stage(struct run *run, const struct policy *policy)
{
    bool floats = run->site.floating != NULL, address = false;
    int i;

    if (!move_declared(run, policy, &address)) {
        sim_moves_with_baton(run->sim, "service");
        if (floats) {
            sim_moves_with_baton(run->sim, "address");
        }
    } else if (floats && !address) {
        for (i = 0; i < run->site.n_nodes; i++) {
            sim_thing(&run->sim->node[i], "address")->up = true;
        }
        sim_changed(run->sim);
    }
    for (i = 0; i < run->site.n_nodes; i++) {
        if (run->scenario->serves[i]) {
            sim_serves_at_start(run->sim, i);
        }
    }
    run->staged = true;
}
