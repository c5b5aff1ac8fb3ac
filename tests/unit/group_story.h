/* A group and a small model of its nodes, driven in virtual time without Lua or world.
 *
 * The model answers steps and looks the way real nodes would; the test changes the model,
 * lets time pass and compares the trace: one line for each transition, step and notice.
 * The truth (do two nodes serve?) is watched at every instant.
 */
#ifndef BATON_TESTS_GROUP_STORY_H
#define BATON_TESTS_GROUP_STORY_H

#include "group/group.h"

#include <stdbool.h>

#define STORY_NODES_MAX   4
#define STORY_TRACE_MAX   65536
#define STORY_WAITING_MAX 512

struct story_node {
    bool up;      /* answers at all */
    bool serving; /* the truth */
    enum group_answer verdict;
    const char *verdict_why;
    bool stop_fails, start_fails, stop_lies, start_hangs, verify_fails;
    bool answer_lost;  /* it does what it is told, but nobody hears of it */
    int fence_outcome; /* enum group_outcome */
    bool by_hand;      /* what serves there was started by hand */
};

/* A step that runs: it takes effect at `end_ms` and its end is heard `late_ms` after. */
struct story_run {
    bool busy, done, shadowed;
    int64_t end_ms, heard_ms;
    struct group_effect effect;
    enum group_outcome outcome;
    const char *detail;
    bool rivals_seen[STORY_NODES_MAX]; /* were seen serving when it was begun */
};

/* A look: it sees what is when it begins, and its result comes later. */
struct story_look {
    bool busy;
    int64_t began_ms, due_ms;
    enum group_answer serving;
};

struct story {
    struct group *group;
    struct group_rules rules;
    struct group_effects fx;
    struct story_node node[STORY_NODES_MAX];
    int64_t now_ms;
    int64_t look_every_ms, looked_ms;
    int64_t step_ms;  /* how long a step takes */
    int64_t late_ms;  /* how much later its end is heard */
    int64_t look_ms;  /* how long a look takes */
    int64_t write_ms; /* how long the journal takes */
    bool veto;
    bool shadow; /* what would change a node is not done */
    bool marks;  /* the nodes remember the last epoch; what they say is the test's to feed */
    bool journal_full;
    struct group_record waiting[STORY_WAITING_MAX]; /* not in the journal yet, in order */
    int n_waiting;
    int64_t journal_ms;    /* the journal is written, or tried again, then */
    int64_t die_at_record; /* stop answering records after this seq: kill -9 */
    bool dead;
    struct group_memory memory; /* what the journal remembers */
    int two_served;             /* instants at which two nodes served */
    int made_two;               /* starts by the group beside one that served, not unseen by hand */
    bool steps_in_trace;
    char trace[STORY_TRACE_MAX];
    struct story_run run[GROUP_PLANS], late; /* `late`: cancelled, and heard of all the same */
    struct story_look look[STORY_NODES_MAX];
};

/* n nodes server01 … with priority 1 …; stop, start, fence, verify: two, two, one, one. */
void story_begin(struct story *s, int n_nodes);
/* (Re)start the group from s->memory. */
void story_boot(struct story *s);
void story_end(struct story *s);

/* Let time pass: looks, deadlines and steps happen in their order. */
void story_pass(struct story *s, int64_t ms);
/* The policy's words. */
void story_verdict(struct story *s, int node, enum group_answer fit, const char *why);
enum baton_err story_propose(
    struct story *s, int node, enum fsm_event on, const char *why, struct baton_error *error);
enum baton_err story_order(
    struct story *s, enum group_command command, int node, bool force, const char *reason,
    struct baton_error *error);
enum baton_err story_feed(struct story *s, struct group_event *ev, struct baton_error *error);

/* Add words to the trace. */
void story_say(struct story *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Everybody fit, server01 serving and adopted. The trace is emptied. */
void story_normal(struct story *s, int n_nodes);

/* The trace must be exactly this; prints both otherwise. Empties it. */
void story_expect_at(struct story *s, const char *file, int line, const char *expected);
#define story_expect(s, expected) story_expect_at(s, __FILE__, __LINE__, expected)

#endif
