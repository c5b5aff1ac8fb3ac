/* The controller of one group: the straight way from an observation to an action.
 *
 *     world completion → observation → group_step → verdicts and guards of the policy
 *                      → proposal → group_step → effects → world, policy tasks
 *
 * It owns the schedule of probes and looks, and carries out the group's effects. It
 * decides nothing: what is legal is the group's, what is wise the policy's. It knows no
 * libevent and no socket, so the daemon and the simulator run the same controller.
 *
 * What it sees it gives the world to keep: each observation of a probe, and under the name
 * CONTROLLER_SERVING what a look says, when that changes and once a minute. So a replay can
 * feed another controller with it.
 */
#ifndef BATON_CONTROLLER_CONTROLLER_H
#define BATON_CONTROLLER_CONTROLLER_H

#include "base/error.h"
#include "controller/readiness.h"
#include "group/group.h"
#include "policy/policy.h"
#include "world/world.h"

#define CONTROLLER_SERVING "serving" /* no probe has this name: nodes have a field of it */
#define CONTROLLER_SEEN_MS 60000     /* a look that says the same is kept so often */

struct controller;

/* Something happened that a watching person would want to see. */
enum controller_news_kind {
    CONTROLLER_NOTICE = 0, /* a notice of the group */
    CONTROLLER_STEP,       /* a step began, ended or is tried again */
    CONTROLLER_STATUS,     /* a probe's status or a verdict changed */
    CONTROLLER_ANSWER,     /* peers: what came of a wish that was passed on */
};

struct controller_news {
    enum controller_news_kind kind;
    enum group_notice notice;          /* NOTICE */
    int node;                          /* or GROUP_NOBODY */
    int plan_slot, step;               /* STEP */
    const struct group_effect *effect; /* NOTICE, STEP: what the group wanted done: the notice,
                                          the run that begins, the record of the end */
    int probe;                         /* STATUS … */
    enum group_outcome before;         /* … and what it was */
    bool refused;                      /* ANSWER */
    const char *text;
};

typedef void controller_news_fn(
    void *arg, const struct controller *controller, const struct controller_news *news);

struct controller_setup {
    const char *name;
    int n_nodes;
    struct group_node_rules node[GROUP_NODES_MAX];
    struct group_memory memory; /* from the journal */
    struct policy *policy;      /* owned by the controller on success */
    struct world *world;        /* borrowed */
    bool shadow;                /* the group's, see group.h; the world must be a shadow too */
    bool fed;                   /* makes no probe and no look: all is told it */
    bool marks;                 /* the nodes are to remember the last epoch (group/marks.c) */
    bool peers;                 /* a Baton on every node … */
    int self;                   /* … and this one is that node's: it looks at no other */
    struct lease_times times;   /* peers */
    bool failsafe;              /* peers: ask the others where the store is out of reach */
    bool guardian;              /* peers: there is one, and it is to be armed */
    int64_t ready_every_ms;     /* all checks of readiness are made within that; 0: none is */
    int64_t drilled_ms;         /* wall time of the last planned move that ended well; 0: none */
    readiness_fact_fn *fact;    /* what no node can say, but the drill; may be NULL */
    void *fact_arg;
    controller_news_fn *news; /* may be NULL */
    void *news_arg;
};

/* Make the group and start observing. */
enum baton_err controller_new(
    const struct controller_setup *setup, struct controller **out, struct baton_error *error);

/* Cancels everything that runs; the service is not touched. */
void controller_free(struct controller *controller);

/* An operator's command. `node` may be GROUP_NOBODY. `by` says who ("root via socket"),
 * `reason` may be NULL where the command needs none. BATON_REFUSED says why not.
 *
 * Among peers a move that another node's Baton has to make, a pause and a resume are passed on by
 * the store. BATON_OK says then that it is on its way; what came of it is news (ANSWER). */
enum baton_err controller_command(
    struct controller *controller, enum group_command command, int node, bool force, const char *by,
    const char *reason, struct baton_error *error);

/* Another policy for the same nodes; the group's state stays. On BATON_OK the old policy
 * is freed and the new one owned; else the old one goes on and the new one is still the
 * caller's. BATON_REFUSED while a handover runs. */
enum baton_err controller_reload(
    struct controller *controller, struct policy *policy, struct baton_error *error);

/* For one that is fed: what was observed, now. A probe that rests on the node is left out. */
struct controller_observation {
    int node, probe;
    enum group_outcome outcome;
    int64_t latency_us;
    double value;
    const char *detail;
};
void controller_observed(
    struct controller *controller, const struct controller_observation *observation);
/* … and whether a node was seen serving. */
void controller_looked(
    struct controller *controller, int node, enum group_answer serving, const char *detail);

const struct group *controller_group(const struct controller *controller);
const struct policy *controller_policy(const struct controller *controller);

/* Among peers: how the lease stands, for people; all zero without peers. Times are of the
 * world's clock, 0: never, or none. What the store says of the baton is in the group. */
struct controller_lease {
    int64_t sent_ms;       /* the last renewal that succeeded was sent then */
    int64_t answered_ms;   /* the store answered last, whatever it was */
    int64_t renewals;      /* that succeeded since the start … */
    int64_t failures;      /* … and that did not */
    char store[128];       /* what answered the last one: its endpoint, as the detail says it */
    char store_error[256]; /* why the last one failed; "" where it succeeded */
    bool asks_peers;       /* failsafe: it asks the others now */
    int64_t vouched_ms;    /* … and when it asked them the last time that all said yes */
    char peers_error[256]; /* why not all did; "" where they did */
    int64_t guard_ms;      /* the guardian is armed until then; 0: it is not */
    char guard_error[256]; /* why there is none that listens; "" where there is */
};
void controller_lease(const struct controller *controller, struct controller_lease *out);

/* What a move would need: the checks of the policy, made one after another all the time, but not
 * while a plan runs. NULL: none are made. */
const struct readiness *controller_readiness(const struct controller *controller);
/* As of the set-up, from now on. */
void controller_ready_every(struct controller *controller, int64_t ready_every_ms);

/* Why does the group not move now? One verdict for each transition and node, as they
 * were at the last evaluation. Returns how many there are; fills at most `max`. */
struct controller_why {
    int node;
    enum fsm_state from, to;
    enum group_answer answer; /* the guard's */
    int64_t again_ms;
    char why[GROUP_TEXT_MAX];   /* the guard's reason */
    char legal[GROUP_TEXT_MAX]; /* empty, or what C has against it */
};
int controller_why(const struct controller *controller, struct controller_why *why, int max);

#endif
