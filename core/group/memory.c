/* The fold that says what records mean. Its twin in SQL is core/journal/recall.c; a test
 * tells both the same records and compares. */
#include "group/memory.h"
#include "parts.h"

#include <string.h>

void group_memory_init(struct group_recall *recall)
{
    memset(recall, 0, sizeof *recall);
    recall->holder = GROUP_NOBODY;
}

/* Handovers only: a restore, remedy or eviction that was cut off leaves nothing between and
 * is decided anew from what is seen. */
static void begin(struct group_recall *recall, const struct group_record *record, int64_t wall_ms)
{
    if (record->plan_kind == (int)GROUP_PLAN_FAILOVER) {
        if (recall->n_moves == GROUP_MOVES_MAX) {
            memmove(
                recall->move_wall_ms, recall->move_wall_ms + 1,
                (GROUP_MOVES_MAX - 1) * sizeof recall->move_wall_ms[0]);
            recall->n_moves--;
        }
        recall->move_wall_ms[recall->n_moves++] = wall_ms;
    }
    if (!plan_is_handover((enum group_plan_kind)record->plan_kind)) {
        return;
    }
    if (recall->n_open == GROUP_OPEN_MAX) {
        memmove(recall->open, recall->open + 1, (GROUP_OPEN_MAX - 1) * sizeof recall->open[0]);
        recall->n_open--;
    }
    recall->open[recall->n_open++] =
        (struct group_recall_plan){record->plan_id, record->plan_kind, record->node, false};
}

static void end(struct group_recall *recall, int64_t plan_id)
{
    int i, kept = 0;

    for (i = 0; i < recall->n_open; i++) {
        if (recall->open[i].id != plan_id) {
            recall->open[kept++] = recall->open[i];
        }
    }
    recall->n_open = kept;
}

static void grant(struct group_recall *recall, const struct group_record *record)
{
    int i;

    recall->holder = record->node;
    recall->token = record->epoch >= recall->epoch ? group_token(record->name) : recall->token;
    recall->epoch = record->epoch > recall->epoch ? record->epoch : recall->epoch;
    for (i = 0; i < recall->n_open; i++) {
        if (recall->open[i].id == record->plan_id) {
            recall->open[i].granted = true;
        }
    }
}

void group_memory_take(
    struct group_recall *recall, const struct group_record *record, int64_t wall_ms)
{
    if (record->seq <= recall->seq_max) {
        return;
    }
    recall->seq_max = record->seq;
    if (record->plan_id > recall->plan_id_max) {
        recall->plan_id_max = record->plan_id;
    }
    switch (record->kind) {
    case GROUP_REC_PLAN_BEGIN:
        begin(recall, record, wall_ms);
        break;
    case GROUP_REC_PLAN_END:
        end(recall, record->plan_id);
        break;
    case GROUP_REC_GRANT:
        grant(recall, record);
        break;
    case GROUP_REC_RELEASE:
        recall->holder = GROUP_NOBODY;
        break;
    case GROUP_REC_PAUSE:
    case GROUP_REC_RESUME:
        recall->paused = record->kind == GROUP_REC_PAUSE;
        break;
    case GROUP_REC_TRANSITION:
    case GROUP_REC_STEP_BEGIN:
    case GROUP_REC_STEP_END:
    case GROUP_REC_HOLD:
    case GROUP_REC_NOTE:
        break;
    }
}

void group_memory_now(
    const struct group_recall *recall, int64_t wall_ms, struct group_memory *memory)
{
    const struct group_recall_plan *open =
        recall->n_open > 0 ? &recall->open[recall->n_open - 1] : NULL;
    int i;

    memset(memory, 0, sizeof *memory);
    memory->known = recall->seq_max > 0;
    memory->seq_max = recall->seq_max;
    memory->plan_id_max = recall->plan_id_max;
    memory->epoch = recall->epoch;
    memory->token = recall->token;
    memory->holder = recall->holder;
    memory->paused = recall->paused;
    memory->open_taker = GROUP_NOBODY;
    if (open != NULL) {
        memory->open = true;
        memory->open_id = open->id;
        memory->open_kind = open->kind;
        memory->open_taker = open->taker;
        memory->open_granted = open->granted;
    }
    /* Newest first. A move from the future (the clock was set back) counts as one of now. */
    for (i = recall->n_moves - 1; i >= 0; i--) {
        int64_t ago_ms = wall_ms - recall->move_wall_ms[i];

        if (ago_ms < GROUP_WINDOW_MAX_MS) {
            memory->moves_ago_ms[memory->n_moves++] = ago_ms > 0 ? ago_ms : 0;
        }
    }
}
