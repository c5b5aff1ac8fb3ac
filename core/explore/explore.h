/* The explorer: what could go wrong that nobody wrote down?
 *
 * It runs a policy against faults at the points where something is decided: each fault at
 * each point, then two at a time and so on up to `faults`, then random ones by seed, and
 * checks that no two nodes ever serve, that no invariant breaks, and that the group serves
 * again within its bound once the faults have stopped.
 *
 * How: level by level. A task is a list of (point, fault); its run is played to its last
 * fault and from there to its end, and every new point on the way is a place for the next
 * level's faults. Points of the same digest are tried once. A worker plays a prefix once,
 * copies its memory (base/memory.h), and tries fault after fault from the copy. Tasks and
 * results are kept in the order of the tasks, so the outcome does not depend on how many
 * workers there are.
 *
 * Forks workers; blocks; for command lines and child processes only, never in the daemon's
 * own loop.
 */
#ifndef BATON_EXPLORE_EXPLORE_H
#define BATON_EXPLORE_EXPLORE_H

#include "base/error.h"
#include "scenario/run.h"

#define EXPLORE_FAULTS_MAX 4

struct explore_progress {
    int level; /* faults at once; 0: random */
    int64_t runs, tasks_done, tasks;
    int64_t states; /* different digests seen */
    int64_t pruned;
    double runs_a_second, left_s; /* left: of this level */
};

struct explore_setup {
    struct run_setup run; /* scenario, seed and quiet are the explorer's */
    int faults;           /* so many at once; 2 by default, at most EXPLORE_FAULTS_MAX */
    int depth;            /* points in one run after which no more faults are tried; 0: 64 */
    int64_t seeds;        /* random runs after it */
    uint64_t first_seed;
    int jobs;         /* 0: as many as there are cores */
    int64_t time_ms;  /* stop after so long and say so; 0: when all is done */
    int64_t bound_ms; /* to serve again in; 0: computed from the policy */
    void (*progress)(void *arg, const struct explore_progress *progress); /* may be NULL */
    void *progress_arg;
};

enum explore_failure_kind {
    EXPLORE_TWO_SERVE = 0, /* at some instant two nodes served */
    EXPLORE_FROZEN,        /* an invariant of the group broke */
    EXPLORE_NOT_SERVED,    /* faults stopped, a fit node is there, and nobody serves in time */
    EXPLORE_RESTLESS,      /* it serves, but goes on moving though nothing happens */
    EXPLORE_LOST_DATA,     /* a fence or stop hit a node that is neither the holder nor rogue */
    EXPLORE_BROKEN,        /* the policy broke a rule or a cap, or diverged */
};

struct explore_failure {
    enum explore_failure_kind kind;
    char text[GROUP_TEXT_MAX * 2]; /* what went wrong, when, on which node */
    char *scenario;                /* Lua text that shows it, as short as could be found */
};

struct explore_result {
    struct explore_progress done;
    int64_t points, took_ms, bound_ms;
    bool complete; /* all of `faults` was tried within the time */
    int64_t waits; /* runs that ended with the group on hold for an operator, as it should */
    bool failed;
    struct explore_failure failure; /* the shortest one */
};

/* BATON_OK also where a failure was found (`result->failed`). Frees what `result` holds:
 * explore_result_fini. */
enum baton_err explore(
    const struct explore_setup *setup, struct explore_result *result, struct baton_error *error);
void explore_result_fini(struct explore_result *result);

const char *explore_failure_name(enum explore_failure_kind kind);

/* How long a group with these rules may take from a fault's end until it serves again. */
int64_t explore_bound_ms(const struct policy_table *table);

#endif
