/* The simulated world: a virtual clock and a model of nodes behind the one door.
 *
 * Nothing here happens by itself. `sim_run` takes what is due, in the order of its time
 * and then of its making, so the same story gives the same trace, byte for byte.
 *
 * A node has a number of named things that are up or down ("service", "address", …).
 * What an exec request says in `effect` ("service.start", "address.down") changes them,
 * what it says in `asks` ("service.running", "address.up") is answered from them by exit
 * code. Probes are answered by what the model says: a node that is off is silent, a
 * service that is down refuses, the floating address leads to the node that has it.
 */
#ifndef BATON_WORLD_SIM_OLD_H
#define BATON_WORLD_SIM_OLD_H

#include "base/error.h"
#include "world/world.h"

#define SIM_NODES_MAX  8
#define SIM_THINGS_MAX 4

struct sim_thing {
    char name[32];
    bool up;
    bool stuck; /* refuses to change: the action fails */
};

struct sim_node {
    const char *name, *address;
    bool on;      /* powered and on the network */
    bool cut_off; /* runs, but the controller can't reach it */
    int n_things;
    struct sim_thing thing[SIM_THINGS_MAX];
};

struct sim {
    struct world world; /* first: a struct world * is a struct sim * */
    int64_t now_ms;
    int n_nodes;
    struct sim_node node[SIM_NODES_MAX];
    const char *floating;                 /* without prefix length */
    int64_t exec_ms, probe_ms, record_ms; /* how long things take */
    bool fence_works, veto, disk_full;
    int64_t two_served_ms; /* how long two nodes served at once, in all */
    int64_t records;       /* written */
    uint64_t random_state;
    struct sim_event *events; /* a heap by time, then number */
    int n_events, size_events;
    uint64_t number;
    char *trace; /* lines of log, with virtual time */
    size_t trace_len, trace_size;
    enum world_level trace_level; /* lines below it are not kept */
};

enum baton_err sim_new(uint64_t seed, struct sim **out, struct baton_error *error);
void sim_free(struct sim *sim);

struct sim_node *sim_add_node(struct sim *sim, const char *name, const char *address);
/* The thing of that name, made (down) if the node doesn't have it yet. */
struct sim_thing *sim_thing(struct sim_node *node, const char *name);

/* Let the clock go to `until_ms`, doing what is due on the way. */
void sim_run(struct sim *sim, int64_t until_ms);

/* Add a line of the story to the trace. */
void sim_say(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
