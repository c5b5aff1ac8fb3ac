/* One run of a group in the simulated world, and the timeline of what happened.
 *
 * The same controller, group and policy host as in the daemon; only the world behind the
 * door is another one. `run_scenario` does all there is to do for `baton simulate`; the
 * explorer drives a run itself, event by event.
 */
#ifndef BATON_SCENARIO_RUN_H
#define BATON_SCENARIO_RUN_H

#include "base/error.h"
#include "controller/controller.h"
#include "scenario/scenario.h"
#include "world/sim/sim.h"

#define RUN_STUCK_MAX 20000 /* events without the clock moving: a policy that diverges */

enum run_kind { /* of a line in the timeline; the names are in run_kind_name, for JSON */
    RUN_FAULT = 0,
    RUN_OPERATOR, /* a command, and whether it was refused */
    RUN_DAEMON,   /* started, killed */
    RUN_PROBE,    /* a status changed */
    RUN_STATE,    /* a node's transition */
    RUN_NOTICE,   /* any other notice of the group: failover begins, hold, rogue … */
    RUN_STEP,     /* began, or ended */
    RUN_GRANT,
    RUN_COMMAND,  /* a command that changes something, as it would be typed; its effect */
    RUN_QUESTION, /* a command that asks, where its answer is not what it was before */
    RUN_HOOK,
    RUN_CHANGE,   /* something on a node came up or went down, in truth */
    RUN_OUTAGE,   /* the client is not served any more, or again; two serve */
    RUN_LOG,      /* policy's log(), warnings */
    RUN_GUARDIAN, /* among peers: a node's guardian begins to stop the service, or has done it */
};
const char *run_kind_name(enum run_kind kind);

struct run_entry {
    int64_t at_ms;
    enum run_kind kind;
    int node;                /* or GROUP_NOBODY */
    int baton;               /* among peers: the node whose Baton says so; else GROUP_NOBODY */
    enum fsm_state from, to; /* STATE */
    int64_t epoch;           /* GRANT, STEP */
    int plan_slot;           /* STEP */
    bool begins; /* STEP, OUTAGE, GUARDIAN; FAULT: is one, doesn't lift one; CHANGE: up */
    enum group_outcome outcome; /* STEP that ended, PROBE, COMMAND */
    enum world_level level;     /* how bad it is */
    const char *name;           /* STEP, PROBE, FAULT, HOOK, NOTICE: its name; COMMAND: the
                                   effect; QUESTION: what is asked; CHANGE: the thing; LOG:
                                   the event; OUTAGE: "two serve" where that is it; "" else */
    const char *text;           /* for people: a whole sentence, nodes named; never NULL */
};

/* A span of one lane, for drawing: node i was in `state` from … to …; the baton was held. */
struct run_span {
    int64_t from_ms, to_ms;
    int node;
    enum fsm_state state;
    bool holds;
    bool serves; /* in truth */
};

/* A Baton on every node, the baton in a lease store. */
struct run_peers {
    struct lease_times times;
    bool guardian, failsafe;
};

struct run_setup {
    const char *group;
    const struct policy_site *site; /* outlives the run; whose `self` it has is no matter */
    const struct run_peers *peers;  /* NULL: one controller. Outlives the run */
    /* Load the policy for `world`. `site` is the one above with what the scenario sets over
     * it, and among peers as that Baton's node sees it; it outlives the policy. Called for
     * each Baton, and again when one starts again. */
    enum baton_err (*load)(
        void *arg, struct world *world, const struct scenario *scenario, struct policy_site *site,
        struct policy **out, struct baton_error *error);
    void *load_arg;
    const struct scenario *scenario;
    uint64_t seed;
    bool quiet;     /* keep no timeline: only states, holder and counts (the explorer) */
    bool questions; /* every question in the timeline, not only those with a new answer */
};

struct run;

/* The world and the daemon at time 0, nothing has happened yet. */
enum baton_err run_new(const struct run_setup *setup, struct run **out, struct baton_error *error);
void run_free(struct run *run);

/* One event of the world or of the scenario, whichever is due next. False where nothing is
 * due until `until_ms`; the clock is then there. BATON_LIMIT where the policy diverges. */
enum baton_err run_step(struct run *run, int64_t until_ms, bool *more, struct baton_error *error);
/* Something happens now: a fault, a kill, a command. A command that is refused is
 * BATON_OK; the timeline has it. */
enum baton_err run_do(struct run *run, const struct scenario_deed *deed, struct baton_error *error);

/* To the scenario's end, and look at what it expects. BATON_OK where all holds. On
 * BATON_REFUSED the error is the first expectation that does not hold: "file:line: expected
 * server02 Active from 75 s to 880 s: it was Standby at 75 s". "Two nodes serve" that began
 * by no hand, a broken invariant (the group is frozen) and a policy that broke a rule fail
 * every run. Other errors: it could not be run. */
enum baton_err run_scenario(struct run *run, struct baton_error *error);

/* How often a decision was made or begun so far (a status or a verdict changed, a plan or
 * step began or ended, a record became durable): the explorer's points. */
int64_t run_points(const struct run *run);
/* What the last of them was: "server01 smtp ok → fail", "step stop postfix begins". */
const char *run_point(const struct run *run);

int64_t run_now_ms(const struct run *run);
struct sim *run_sim(const struct run *run);
/* The Batons: 1, or among peers one for each node, in the order of the nodes. */
int run_seats(const struct run *run);
/* NULL while it is down. */
struct controller *run_controller_at(const struct run *run, int seat);
/* Of the first that runs; NULL: none does. */
struct controller *run_controller(const struct run *run);
/* Who holds the baton, by the controller or by the lease store; and its last epoch, which may be
 * NULL. */
int run_holder(const struct run *run, int64_t *epoch);
const struct run_setup *run_setup(const struct run *run);

/* The timeline, in order. */
int run_entries(const struct run *run, const struct run_entry **entry);
int run_spans(const struct run *run, const struct run_span **span);
/* Each expectation with whether it held, after run_scenario. `why` is "" where it did. */
struct run_verdict {
    const struct scenario_expect *expect; /* NULL: what must hold in every run; a step that
                                             was waited for */
    int line;                             /* of the scenario */
    bool held;
    char text[GROUP_TEXT_MAX]; /* the expectation in words */
    char why[GROUP_TEXT_MAX];
};
int run_verdicts(const struct run *run, const struct run_verdict **verdict);

struct run_figures {
    int64_t probes, requests, events, outage_ms, outage_longest_ms, two_ms;
    int moves, grants;
};
struct run_figures run_figures(struct run *run);

/* A hash of all that decides how it goes on: the model, the group relative to now, what is
 * under way. Two runs with the same digest go on alike, where the policy keeps no state of
 * its own. */
uint64_t run_digest(const struct run *run);

#endif
