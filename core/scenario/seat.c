/* The Batons of a run: the one controller, or among peers one on each node. Each has its own
 * policy, its own journal, and goes down with its machine. */
#include "base/memory.h"
#include "parts.h"

#include <stdio.h>
#include <string.h>

static struct world *door(const struct run *run, int seat)
{
    return sim_door(run->sim, run->seat[seat].place);
}

/* What it runs on; GROUP_NOBODY: a machine of its own. */
static int machine(const struct run *run, int seat)
{
    return run_among_peers(run) ? run->seat[seat].node : run->sim->home;
}

const char *seat_words(const struct run *run, int seat, char *text, size_t size)
{
    if (run_among_peers(run)) {
        snprintf(text, size, "the Baton of %s", run_node_name(run, run->seat[seat].node));
    } else {
        snprintf(text, size, "the daemon");
    }
    return text;
}

int seat_at(const struct run *run, int place)
{
    int i;

    for (i = 0; i < run->n_seats; i++) {
        if (run->seat[i].place == place) {
            return i;
        }
    }
    return -1;
}

int seat_find(const struct run *run, int node)
{
    int i;

    if (run_among_peers(run) && node != GROUP_NOBODY) {
        return node;
    }
    for (i = 0; i < run->n_seats; i++) {
        if (run->seat[i].controller != NULL && !sim_hangs(run->sim, run->seat[i].place)) {
            return i;
        }
    }
    return 0;
}

bool seat_is_off(const struct run *run, int seat)
{
    int node = machine(run, seat);

    return node != GROUP_NOBODY && !run->sim->node[node].on;
}

/* ---- Life -------------------------------------------------------------------------------- */

/* Its own node is the one that it acts on, the others have a Baton each. */
static void see(struct run *run, int seat)
{
    struct policy_site *site = &run->seat[seat].site;
    int i;

    *site = run->site;
    if (!run_among_peers(run)) {
        return;
    }
    site->self = site->node[seat].name;
    for (i = 0; i < site->n_nodes; i++) {
        site->node[i].transport = i == seat ? "local" : "peer";
    }
}

enum baton_err seat_init(struct run *run, struct baton_error *error)
{
    int i;

    run->n_seats = run_among_peers(run) ? run->site.n_nodes : 1;
    run->seat = memory_zeroed((size_t)run->n_seats, sizeof run->seat[0]);
    if (run->seat == NULL) {
        run->n_seats = 0;
        return baton_fail(error, BATON_NOMEM, "%s: no memory for a run", run->scenario->file);
    }
    for (i = 0; i < run->n_seats; i++) {
        struct run_seat *seat = &run->seat[i];

        seat->run = run;
        seat->node = run_among_peers(run) ? i : GROUP_NOBODY;
        seat->place = run_among_peers(run) ? SIM_NODE + i : SIM_CONTROLLER;
        group_memory_init(&seat->recall);
        see(run, i);
    }
    return BATON_OK;
}

void seat_fini(struct run *run)
{
    int i;

    for (i = 0; i < run->n_seats; i++) {
        if (run->seat[i].controller != NULL) {
            sim_kill(run->sim, run->seat[i].place, false);
            controller_free(run->seat[i].controller);
        }
    }
    memory_free(run->seat);
}

/* A policy that does not take what the scenario sets says so of itself; the line to mend is
 * the scenario's. */
static enum baton_err not_loaded(
    const struct run *run, enum baton_err err, const struct baton_error *inner,
    struct baton_error *error)
{
    const struct scenario *scenario = run->scenario;
    char mark[GROUP_NAME_MAX * 2];
    int i;

    for (i = 0; i < scenario->n_sets; i++) {
        snprintf(mark, sizeof mark, "set name=\"%.64s\"", scenario->set_name[i]);
        if (strstr(inner->text, mark) != NULL) {
            return baton_fail(
                error, err, "%s:%d: %.900s", scenario->file, scenario->set_line[i], inner->text);
        }
    }
    return baton_fail(error, err, "%s", inner->text);
}

static void set_up(struct run *run, int index, struct controller_setup *setup)
{
    const struct run_peers *peers = run->setup.peers;
    struct run_seat *seat = &run->seat[index];
    struct world *world = door(run, index);
    int i;

    *setup = (struct controller_setup){
        .name = run->setup.group,
        .n_nodes = run->site.n_nodes,
        .world = world,
        .news = news_told,
        .news_arg = seat,
    };
    for (i = 0; i < setup->n_nodes; i++) {
        snprintf(setup->node[i].name, sizeof setup->node[i].name, "%s", run->site.node[i].name);
        setup->node[i].priority = run->site.node[i].priority;
    }
    setup->marks = peers == NULL;
    if (peers != NULL) {
        setup->peers = true;
        setup->self = seat->node;
        setup->times = peers->times;
        setup->failsafe = peers->failsafe;
        setup->guardian = peers->guardian;
    }
    group_memory_now(&seat->recall, world->ops->wall_ms(world), &setup->memory);
}

enum baton_err seat_start(struct run *run, int index, struct baton_error *error)
{
    struct run_seat *seat = &run->seat[index];
    struct run_entry entry = {
        .kind = RUN_DAEMON, .node = seat->node, .begins = true, .level = WORLD_INFO};
    struct controller_setup setup;
    struct baton_error inner = {0};
    char text[GROUP_TEXT_MAX];
    enum baton_err err;

    set_up(run, index, &setup);
    err = run->setup.load(
        run->setup.load_arg, setup.world, run->scenario, &seat->site, &setup.policy, &inner);
    if (err != BATON_OK) {
        return not_loaded(run, err, &inner, error);
    }
    if (!run->staged) {
        build_on_stage(run, setup.policy);
    }
    err = controller_new(&setup, &seat->controller, error);
    if (err != BATON_OK) {
        policy_free(setup.policy);
        return err;
    }
    seat->home_down = false;
    told_line(run, &entry, "%s starts", seat_words(run, index, text, sizeof text));
    run_look(run);
    return BATON_OK;
}

void seat_kill(struct run *run, int index, bool keep_records)
{
    struct run_seat *seat = &run->seat[index];

    if (seat->controller == NULL) {
        return;
    }
    sim_kill(run->sim, seat->place, keep_records);
    controller_free(seat->controller);
    seat->controller = NULL;
    ask_forget(run, index);
    run_look(run);
}

enum baton_err seat_follow_machines(struct run *run, struct baton_error *error)
{
    char text[GROUP_TEXT_MAX];
    int i;

    for (i = 0; i < run->n_seats; i++) {
        struct run_seat *seat = &run->seat[i];
        int node = machine(run, i);

        if (node == GROUP_NOBODY) {
            continue;
        }
        if (!run->sim->node[node].on && seat->controller != NULL) {
            seat->home_down = true;
            told_line(
                run, &(struct run_entry){.kind = RUN_DAEMON, .node = node, .level = WORLD_WARNING},
                "%s is down with %s, on which it runs", seat_words(run, i, text, sizeof text),
                run_node_name(run, node));
            seat_kill(run, i, false);
        } else if (run->sim->node[node].on && seat->home_down) {
            enum baton_err err = seat_start(run, i, error);

            if (err != BATON_OK) {
                return err;
            }
        }
    }
    return BATON_OK;
}
