/* Replay: what would another policy have decided from what was observed?
 *
 * The shadow idea on recorded data. A controller in shadow is fed, in virtual time, with the
 * observations of a history; what it would have done is put beside what the history says was
 * done. As nothing of that happens, it follows the recorded holder.
 *
 * The clock is the history's wall time; it stands still where that goes back. An observation
 * is taken when it was recorded, and left out where the policy would not have asked again
 * yet. A look is recorded when its answer changes and once a minute, and is repeated here
 * until it has been seen often enough. Where nothing was recorded for some minutes, the
 * daemon did not run: the controller begins anew, as that did.
 *
 * What it can't know: what the other policy's actions would have changed, what its own
 * probes would have measured beside ok, fail and unknown, and why the old one did not move.
 */
#ifndef BATON_REPLAY_REPLAY_H
#define BATON_REPLAY_REPLAY_H

#include "base/error.h"
#include "controller/controller.h"

#define REPLAY_GAP_MS  180000 /* nothing recorded for so long, and three times the slowest probe */
#define REPLAY_SAME_MS 500    /* decisions no further apart are the same */
#define REPLAY_PAIR_MS 600000 /* … and up to here the same at another time */

struct replay;

/* Load the policy; called at the start and after each gap. `world` outlives the policy. */
typedef enum baton_err replay_load_fn(
    void *arg, struct world *world, struct policy **out, struct baton_error *error);

struct replay_setup {
    const char *group; /* borrowed */
    int n_nodes;
    struct group_node_rules node[GROUP_NODES_MAX]; /* in order of priority */
    replay_load_fn *load;
    void *load_arg;
};

enum baton_err replay_new(
    const struct replay_setup *setup, struct replay **out, struct baton_error *error);
void replay_free(struct replay *replay);

/* The policy's table, valid until the next call that feeds. */
const struct policy_table *replay_table(const struct replay *replay);

/* ---- In, in the order of the history --------------------------------------------------- */

struct replay_observation {
    int64_t wall_ms;
    int node;
    const char *probe; /* CONTROLLER_SERVING: a look */
    enum group_outcome outcome;
    int64_t latency_us;
    const char *detail;
};
enum baton_err replay_observed(
    struct replay *replay, const struct replay_observation *observation, struct baton_error *error);

struct replay_record {
    int64_t wall_ms;
    const char *kind, *plan_kind; /* group_record_name, group_plan_name; never NULL */
    int node, from;               /* or GROUP_NOBODY; PLAN_BEGIN: taker, and from whom */
    const char *text;
};
enum baton_err replay_recorded(
    struct replay *replay, const struct replay_record *record, struct baton_error *error);

/* That was all: what is due soon after still happens. BATON_NOMEM. */
enum baton_err replay_end(struct replay *replay, struct baton_error *error);

/* ---- Out -------------------------------------------------------------------------------- */

struct replay_decision {
    int64_t wall_ms;
    enum group_plan_kind kind;
    int from, taker; /* GROUP_NOBODY where there is none */
    bool by_operator;
    int64_t order; /* among those of one moment */
    char why[GROUP_TEXT_MAX];
    /* Of an old one: what the new policy said to it at that moment. Of a new one: what held
     * the old one back, as far as it is recorded. May be empty. */
    char other[GROUP_TEXT_MAX];
};

struct replay_row {
    const struct replay_decision *old, *new; /* one may be NULL */
    bool same;                               /* also what is no policy's decision */
};

/* After replay_end; in the order of time. Valid until replay_free. */
int replay_rows(const struct replay *replay, const struct replay_row **rows);

struct replay_sum {
    int64_t observations; /* fed */
    int64_t left_out;     /* came sooner than the policy asks */
    int64_t strange;      /* of probes that it does not have */
    int gaps;
    int old, new, same;          /* decisions */
    char broken[GROUP_TEXT_MAX]; /* the policy broke a rule, and held from then on; or "" */
    int64_t broken_ms;
};
struct replay_sum replay_sum(const struct replay *replay);

#endif
