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

#define STORY_TRACE_MAX 65536

struct story_node {
    bool up;      /* answers at all */
    bool serving; /* the truth */
    enum group_answer verdict;
    const char *verdict_why;
    bool stop_fails, start_fails, stop_lies, start_hangs, verify_fails;
    int fence_outcome; /* enum group_outcome */
};

struct story {
    struct group *group;
    struct group_rules rules;
    struct group_effects fx;
    struct story_node node[4];
    int64_t now_ms;
    int64_t look_every_ms, looked_ms;
    int64_t step_ms; /* how long a step takes */
    bool veto;
    bool journal_full;
    int64_t journal_seq;   /* durable */
    int64_t die_at_record; /* stop answering records after this seq: kill -9 */
    bool dead;
    int64_t last_grant; /* what a journal would remember */
    struct group_memory memory;
    int two_served; /* instants at which two nodes served */
    bool steps_in_trace;
    char trace[STORY_TRACE_MAX];
    struct {
        bool busy;
        int64_t end_ms;
        struct group_effect effect;
    } run[GROUP_PLANS];
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

/* Everybody fit, server01 serving and adopted. The trace is emptied. */
void story_normal(struct story *s, int n_nodes);

/* The trace must be exactly this; prints both otherwise. Empties it. */
void story_expect_at(struct story *s, const char *file, int line, const char *expected);
#define story_expect(s, expected) story_expect_at(s, __FILE__, __LINE__, expected)

#endif
