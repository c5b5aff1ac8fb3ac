/* What a group's records say of it, taken one after the other: who holds the baton, what was
 * under way. The same as the journal recalls after a restart (core/journal/recall.c), for
 * worlds whose journal is a list in memory.
 *
 * Pure; the struct is the caller's and owns nothing.
 */
#ifndef BATON_GROUP_MEMORY_H
#define BATON_GROUP_MEMORY_H

#include "group/group.h"

#define GROUP_OPEN_MAX 8 /* handovers begun and not ended; more than one is a rarity */

struct group_recall_plan {
    int64_t id;
    int kind, taker; /* enum group_plan_kind; node */
    bool granted;
};

struct group_recall {
    int64_t seq_max, plan_id_max, epoch;
    uint64_t token;
    int holder;
    bool paused;
    int n_open; /* the newest is the last; where there are too many the oldest is forgotten */
    struct group_recall_plan open[GROUP_OPEN_MAX];
    int n_moves; /* the newest is the last */
    int64_t move_wall_ms[GROUP_MOVES_MAX];
};

/* Nothing is remembered. */
void group_memory_init(struct group_recall *recall);

/* One record that is durable, written at `wall_ms` (ms since 1970, UTC). Records come in the
 * order of their numbers; one that was taken already is passed over. */
void group_memory_take(
    struct group_recall *recall, const struct group_record *record, int64_t wall_ms);

/* What a controller that starts at `wall_ms` remembers. */
void group_memory_now(
    const struct group_recall *recall, int64_t wall_ms, struct group_memory *memory);

#endif
