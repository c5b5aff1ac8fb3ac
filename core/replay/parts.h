/* What the files of core/replay know of one another; nobody else includes it.
 *
 *   replay.c   feeding a controller in shadow with a history
 *   clock.c    its world: a virtual clock, and nothing that could be asked
 *   compare.c  decisions side by side
 */
#ifndef BATON_REPLAY_PARTS_H
#define BATON_REPLAY_PARTS_H

#include "replay/replay.h"

struct clock_due;

struct clock {
    struct world world; /* first: a struct world * is a struct clock * */
    int64_t now_ms;
    uint64_t last_id, random;
    struct clock_due *due; /* in order */
};

/* The last look at a node that is recorded. */
struct replay_look {
    bool known;
    enum group_answer serving;
    int64_t recorded_ms, next_ms;
    char detail[GROUP_TEXT_MAX / 2];
};

struct replay_list {
    struct replay_decision *decision;
    int count, size;
};

struct replay {
    struct clock clock;
    struct replay_setup setup;
    struct controller *controller;
    int64_t due_ms[GROUP_NODES_MAX][GROUP_PROBES_MAX]; /* the policy asks again */
    struct replay_look look[GROUP_NODES_MAX];
    int64_t slowest_ms; /* between two beats of the policy's slowest probe */
    int64_t seen_ms;    /* of the last observation; 0: none yet */
    struct {            /* what the history says of the old one, now */
        char paused[GROUP_TEXT_MAX], hold[GROUP_TEXT_MAX];
        int64_t handover_from_ms, handover_to_ms; /* the last one; without an end, GROUP_NEVER_MS */
    } then;
    struct replay_list old, new;
    struct replay_row *row;
    int n_rows;
    bool nomem;
    struct replay_sum sum;
};

/* clock.c */
void clock_begin(struct clock *clock);
int64_t clock_due_ms(const struct clock *clock);
void clock_take(struct clock *clock);  /* what is due next */
void clock_clear(struct clock *clock); /* answers records, forgets the rest */

/* compare.c */
struct replay_decision *compare_add(struct replay *r, struct replay_list *list);
enum baton_err compare_all(struct replay *r, struct baton_error *error);

#endif
