/* The machine: the states of a node and the only edges between them.
 *
 * It is one table of data (fsm.c). The daemon steps through it; `baton fsm`, the
 * diagram in README and the tests are made from it. It knows nothing of probes, time or
 * other nodes: what it needs to know of them comes in as facts, one bit each.
 *
 * Pure: no I/O, no allocation, no clock, no state of its own.
 */
#ifndef BATON_FSM_FSM_H
#define BATON_FSM_FSM_H

#include "base/error.h"

#include <stddef.h>

/* Where a node is. UNKNOWN is not a state of the machine but the way in: a node is
 * UNKNOWN from the daemon's start until it is first seen. */
enum fsm_state {
    FSM_UNKNOWN = 0,
    FSM_STANDBY,      /* fit, not serving, ready to take over */
    FSM_ACTIVE,       /* holds the baton, serving, verified */
    FSM_DEGRADED,     /* not fit; with the baton: impaired, still the one allowed to serve */
    FSM_FAILING_OVER, /* taking the baton because the holder failed */
    FSM_FAILING_BACK, /* taking the baton from a healthy holder, planned */
};
#define FSM_STATES 6

enum fsm_event {
    FSM_FIT = 0,   /* the policy finds the node fit */
    FSM_UNFIT,     /* the policy finds the node unfit */
    FSM_ADOPTED,   /* start-up: it serves alone, or the record names it */
    FSM_RESUMED,   /* start-up: an interrupted handover to it goes on */
    FSM_PROMOTE,   /* take over from a failed holder */
    FSM_RECLAIM,   /* take back from a healthy holder */
    FSM_COMPLETED, /* the handover's steps are done and verified */
    FSM_CANCELLED, /* the handover ended before the grant */
    FSM_FAILED,    /* the handover ended after the grant; its start steps are undone */
    FSM_RECOVERED, /* a degraded holder is fit again and serves */
    FSM_RELEASED,  /* gave the baton up: its stop is confirmed */
    FSM_LOST,      /* the baton was taken from it: lease lost, or fenced */
    FSM_FORGOTTEN, /* an operator had the group in hand: it is looked at afresh */
};
#define FSM_EVENTS 13

/* What is true now, as far as C can check it. */
enum fsm_fact {
    FSM_HOLDS = 1 << 0,        /* this node holds the baton */
    FSM_IDLE = 1 << 1,         /* no other handover runs in the group */
    FSM_HOLDER_GONE = 1 << 2,  /* no holder, or the holder has been given up */
    FSM_PREFERRED = 1 << 3,    /* preferred over the holder */
    FSM_REACHABLE = 1 << 4,    /* the holder is reachable and can be stopped in order */
    FSM_OUT = 1 << 5,          /* this node is confirmed out: it does not serve */
    FSM_VERIFIED = 1 << 6,     /* it is seen to serve */
    FSM_FORCED = 1 << 7,       /* an operator insists and has named the risk */
    FSM_PLANNED_BACK = 1 << 8, /* the handover at hand is a failback */
};

struct fsm_row {
    int id;            /* stable: journal, tests and manual name rows by it */
    unsigned from;     /* set of states, FSM_BIT(state) each */
    enum fsm_event on; /* what happens */
    unsigned needs;    /* facts that must be true */
    unsigned bars;     /* facts that must be false */
    enum fsm_state to; /* where it leads; may be the same state */
    const char *why;   /* one sentence, logged with each transition */
};

#define FSM_FACTS      9

#define FSM_BIT(state) (1u << (unsigned)(state))

/* Take the edge that `event` opens from `state` under `facts`.
 *
 * On BATON_OK `*taken` is the row that was used; its `to` is the new state. On
 * BATON_REFUSED nothing changed and the error names both states (or the edges that
 * exist) and the facts that are missing. Never any other result. */
enum baton_err fsm_step(
    enum fsm_state state, enum fsm_event event, unsigned facts, const struct fsm_row **taken,
    struct baton_error *error);

/* True where some row leads from `from` to `to`. */
int fsm_edge_exists(enum fsm_state from, enum fsm_state to);

/* The event whose rows lead from `from` to `to` by a policy's choice (PROMOTE or
 * RECLAIM). BATON_REFUSED where a policy can't ask for that edge; the error lists the
 * edges that it can ask for. */
enum baton_err fsm_policy_event(
    enum fsm_state from, enum fsm_state to, enum fsm_event *event, struct baton_error *error);

/* The table itself. */
const struct fsm_row *fsm_rows(size_t *count);

/* Names as the design writes them ("FailingOver") and events ("promote"). Never NULL. */
const char *fsm_state_name(enum fsm_state state);
const char *fsm_event_name(enum fsm_event event);
const char *fsm_fact_name(enum fsm_fact fact);

/* The state of that name; BATON_NOT_FOUND with the names that exist otherwise. */
enum baton_err fsm_state_parse(const char *name, enum fsm_state *state, struct baton_error *error);

/* Write the table as text for people, or as a graph for Graphviz. The text goes to
 * `buffer` as snprintf does: it returns the length needed, writes at most `size`. */
size_t fsm_print_text(char *buffer, size_t size);
size_t fsm_print_dot(char *buffer, size_t size);

#endif
