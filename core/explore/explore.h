/* The explorer: what could go wrong that nobody wrote down?
 *
 * It runs a policy against faults at the points where something is decided: each fault at
 * each point, then two at a time and so on up to `faults`, then random ones by seed, and
 * checks that no two nodes ever serve, that no invariant breaks, and that the group serves
 * again within its bound once the faults have stopped.
 *
 * The shape of a run. It starts with one node serving (or none, or two: that counts as a
 * fault). Faults strike at *places*: the moments right after something was decided
 * (run_points), and the moment when all that follows has come to rest. A run is at rest when
 * no plan is under way, no probe is in doubt and each one that is made at least every
 * EXPLORE_PATIENCE_MS has been made anew; what takes longer (a failback after ten minutes, a
 * probe once a minute) is not waited for. At rest, or EXPLORE_FAULT_MAX_MS after the last
 * fault, everything that is still broken is repaired, and from there the group must serve
 * again within the bound, or be on hold for an operator for a reason that the design has.
 * The run ends when it is at rest again.
 *
 * How: level by level. A stem is a list of (place, fault); it is played once, each of its
 * places is kept as a copy of the memory (base/memory.h), and fault after fault is tried from
 * the copy. A run that comes to a state (run_digest) from which another one went on before
 * ends there. Stems and results are kept in their order, and what other stems have seen is
 * learned between two batches of them only, so the outcome does not depend on how many
 * workers there are.
 *
 * What is not tried, because no policy can do anything about it: a fence that reports success
 * and lies (what a fence reports is what confirms a node out), a command of the operator that
 * vouches for what isn't so, and faults of what only the clients see.
 *
 * Forks workers; blocks; for command lines and child processes only, never in the daemon's
 * own loop.
 */
#ifndef BATON_EXPLORE_EXPLORE_H
#define BATON_EXPLORE_EXPLORE_H

#include "base/error.h"
#include "scenario/run.h"

#include <signal.h>

#define EXPLORE_FAULTS_MAX   4
#define EXPLORE_DEPTH        64
#define EXPLORE_PATIENCE_MS  15000
#define EXPLORE_FAULT_MAX_MS 60000
#define EXPLORE_MOVES_SPARE                                                                        \
    2 /* moves beside one there and one back for each fault; a line                                \
         that loses packets counts twice */

struct explore_progress {
    int level;   /* faults at once */
    bool random; /* by seed, after all levels */
    int64_t runs, tasks_done, tasks;
    int64_t states; /* different digests seen */
    int64_t pruned;
    double runs_a_second, left_s; /* left: of this level */
};

struct explore_setup {
    struct run_setup run; /* scenario, seed and quiet are the explorer's */
    int faults;           /* so many at once; 2 by default, at most EXPLORE_FAULTS_MAX */
    int depth;            /* places in one run after which no more faults are tried; 0: default */
    int64_t seeds;        /* random runs after it */
    uint64_t first_seed;
    int jobs;                          /* 0: as many as there are cores */
    int64_t time_ms;                   /* stop after so long and say so; 0: when all is done */
    int64_t bound_ms;                  /* to serve again in; 0: computed from the policy */
    bool unpruned;                     /* play every run to its end: for tests of the pruning */
    const volatile sig_atomic_t *stop; /* not 0: end now; may be NULL */
    void (*progress)(void *arg, const struct explore_progress *progress); /* may be NULL */
    void *progress_arg;
};

enum explore_failure_kind {
    EXPLORE_TWO_SERVE = 0, /* at some instant two nodes served */
    EXPLORE_FROZEN,        /* an invariant of the group broke */
    EXPLORE_NOT_SERVED,    /* faults stopped, a fit node is there, and nobody serves in time */
    EXPLORE_RESTLESS,      /* it serves, but goes on moving though nothing happens */
    EXPLORE_LOST_DATA,     /* a fence or stop hit a node that no step of a plan names */
    EXPLORE_BROKEN,        /* the policy broke a rule or a cap, or diverged */
    EXPLORE_FAILED_MOVE,   /* a move was undone after the grant, though nothing was ever wrong
                              with the node that should take over: then none can succeed */
};

struct explore_failure {
    enum explore_failure_kind kind;
    char text[GROUP_TEXT_MAX * 2]; /* what went wrong, when, on which node */
    int faults;                    /* so many deeds it takes */
    uint64_t seed;                 /* of the random run that found it; 0: none did */
    bool replays;                  /* it was seen to: false is a fault of the explorer */
    char *scenario;                /* Lua text that shows it, as short as could be found */
};

struct explore_result {
    struct explore_progress done;
    int64_t points, took_ms, bound_ms;
    bool complete;    /* all of `faults` was tried within the time */
    bool interrupted; /* by `stop` */
    int64_t waits;    /* runs that ended with the group on hold for an operator, as it should */
    bool failed;
    struct explore_failure failure; /* the shortest one */
};

/* BATON_OK also where a failure was found (`result->failed`). Frees what `result` holds:
 * explore_result_fini. BATON_BUG where a worker died: the error says what it played. */
enum baton_err explore(
    const struct explore_setup *setup, struct explore_result *result, struct baton_error *error);
void explore_result_fini(struct explore_result *result);

const char *explore_failure_name(enum explore_failure_kind kind);

/* How long a group with these rules may take from a fault's end until it serves again:
 *
 *     notice    the slowest probe: every × (max(fall, rise) + 1) + timeout, and the looks:
 *               every × (look_fall + 1) + look_deadline
 *   + settle    twice: start-up waits so long for a preferred node
 *   + act       2 × the steps of a handover (stop, look, fence, start, verify), each with all
 *               its attempts and the pauses between them: one may come to nothing
 *   + remedy    the tries of all remedies, each with its attempts
 *   + rest      of a node whose starts failed max_moves times in a row
 *   + 30 s      the group's own pauses between two evictions and two restores
 *   + lease     2 × its ttl, among peers: until the holder's is over, and as long again where who
 *               just started may have forgotten a promise
 *
 * `peers` is NULL where there are none. */
int64_t explore_bound_ms(const struct policy_table *table, const struct run_peers *peers);

#endif
