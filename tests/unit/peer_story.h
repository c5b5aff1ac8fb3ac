/* Several groups, one for each node, around a small model of a lease store, driven in virtual
 * time. The model has what the world has: leases that run out, answers that are late or lost, a
 * daemon that stalls or dies, a guardian that outlives it.
 *
 * What stands for a keeper here is as plain as it can be; the real one is core/controller's.
 * The truth (do two nodes serve?) is watched at every instant.
 */
#ifndef BATON_TESTS_PEER_STORY_H
#define BATON_TESTS_PEER_STORY_H

#include "group/group.h"
#include "group/memory.h"

#include <stdbool.h>

#define PEERS_MAX       3
#define PEER_TRACE_MAX  262144
#define PEER_WAIT_MAX   512
#define PEER_FLIGHT_MAX 256

/* A lease of 10 s: renewed each 2 s; 3 s to stop, 1.5 s for the guardian, 1 s margin. */
#define PEER_TTL_MS      10000
#define PEER_RENEW_MS    2000
#define PEER_STOP_MS     3000
#define PEER_GUARDIAN_MS 1500
#define PEER_MARGIN_MS   1000

enum peer_ask {
    PEER_RENEW,
    PEER_WATCH,
    PEER_PUBLISH,
    PEER_GRANT,
    PEER_RELEASE
};

struct peer_store {
    int64_t revision, epoch;
    int holder;
    int64_t lease, granted_at; /* of the baton */
    enum group_plan_kind how;
    bool passed;
    char why[GROUP_TEXT_MAX];
    int64_t lease_of[PEERS_MAX], over_ms[PEERS_MAX]; /* 0: none */
    int64_t last_lease;
    bool paused;
    bool published[PEERS_MAX];
    struct group_member member[PEERS_MAX];
};

/* One request on its way to the store, or its answer on the way back. */
struct peer_flight {
    bool busy, arrived, answered;
    enum peer_ask ask;
    int node, life; /* of which life of that daemon */
    int64_t sent_ms, arrives_ms, answers_ms, due_ms;
    int64_t lease, seen;
    struct group_member member;
    struct group_effect step; /* GRANT, RELEASE */
    enum group_plan_kind how;
    char why[GROUP_TEXT_MAX];
    enum group_outcome outcome;
    int64_t new_lease;
    struct peer_store word;
};

struct peer_run {
    bool busy, in_store;
    int64_t end_ms;
    struct group_effect effect;
};

struct peer_node {
    bool down;          /* the daemon does not run … */
    int64_t stalled_ms; /* … or stands still until then */
    int life;           /* how often it was started */
    bool serving;       /* the truth */
    bool by_hand;       /* nobody's Baton has started it, or taken it up */
    bool cut;           /* nothing gets to the store or back */
    bool apart;         /* nor to the other nodes */
    bool start_fails, stop_fails, verify_fails, veto, journal_full;
    enum group_answer verdict;
    const char *verdict_why;
    struct group *group;
    struct group_effects fx;
    struct group_recall recall; /* its journal */
    struct group_record waiting[PEER_WAIT_MAX];
    int n_waiting;
    int64_t journal_ms;
    struct peer_run run[GROUP_PLANS];
    bool wants_look;
    int64_t looked_ms;
    /* the keeper */
    int64_t lease, renewed_ms, asked_ms, proven_ms, seen;
    bool watching, renewing;
    struct peer_store word;
    bool mine_told;
    struct group_member said;
    int64_t said_ms, said_lease;
    int64_t guard_ms; /* the guardian stops it then; 0: not armed */
};

struct peer_story {
    int n_nodes;
    int64_t now_ms;
    struct group_rules rules;
    struct peer_store store;
    struct peer_node node[PEERS_MAX];
    struct peer_flight flight[PEER_FLIGHT_MAX];
    bool failsafe, guardian;
    int64_t step_ms, write_ms;
    int64_t trip_ms;               /* to the store, and back */
    int64_t (*delay)(void);        /* more of it; NULL: none. Below 0: lost */
    bool lose_grant, lose_release; /* the answer to the next one */
    int two_served;
    bool steps_in_trace;
    char trace[PEER_TRACE_MAX];
};

void peer_story_begin(struct peer_story *s, int n_nodes);
/* (Re)start one node's Baton, with what its journal remembers. */
void peer_story_boot(struct peer_story *s, int node);
void peer_story_kill(struct peer_story *s, int node);
void peer_story_end(struct peer_story *s);
void peer_story_pass(struct peer_story *s, int64_t ms);
/* All fit; server01 has taken the free baton and serves. The trace is emptied. */
void peer_story_normal(struct peer_story *s, int n_nodes);

enum baton_err peer_story_feed(
    struct peer_story *s, int node, struct group_event *ev, struct baton_error *error);
void peer_story_verdict(struct peer_story *s, int node, enum group_answer fit, const char *why);
enum baton_err peer_story_propose(
    struct peer_story *s, int by, int node, enum fsm_event on, const char *why,
    struct baton_error *error);
enum baton_err peer_story_order(
    struct peer_story *s, int by, enum group_command command, int node, bool force,
    const char *reason, struct baton_error *error);

/* For all, by the store. */
void peer_story_pause(struct peer_story *s, bool paused);

void peer_story_say(struct peer_story *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void peer_story_expect_at(struct peer_story *s, const char *file, int line, const char *expected);
#define peer_story_expect(s, expected) peer_story_expect_at(s, __FILE__, __LINE__, expected)

#endif
