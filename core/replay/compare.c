/* Old decisions and new ones, side by side in the order of time. */
#include "base/memory.h"
#include "parts.h"

#include <stdlib.h>
#include <string.h>

/* NULL where there is no memory; that is kept in mind. */
struct replay_decision *compare_add(struct replay *r, struct replay_list *list)
{
    struct replay_decision *more;

    if (list->count == list->size) {
        int size = list->size == 0 ? 16 : list->size * 2;

        more = memory_resize(list->decision, (size_t)size * sizeof *more);
        if (more == NULL) {
            r->nomem = true;
            return NULL;
        }
        list->decision = more;
        list->size = size;
    }
    more = &list->decision[list->count];
    memset(more, 0, sizeof *more);
    more->order = list->count++ + (list == &r->new ? INT64_MAX / 2 : 0);
    return more;
}

static bool like(const struct replay_decision *a, const struct replay_decision *b)
{
    enum group_plan_kind kind[2] = {a->kind, b->kind};
    int i;

    for (i = 0; i < 2; i++) { /* a start is a failover from nobody */
        kind[i] = kind[i] == GROUP_PLAN_START ? GROUP_PLAN_FAILOVER : kind[i];
    }
    return kind[0] == kind[1] && a->taker == b->taker;
}

static int64_t apart_ms(const struct replay_decision *a, const struct replay_decision *b)
{
    int64_t ms = a->wall_ms - b->wall_ms;

    return ms < 0 ? -ms : ms;
}

static bool is_taken(const struct replay *r, const struct replay_decision *decision)
{
    int i;

    for (i = 0; i < r->n_rows; i++) {
        if (r->row[i].new == decision) {
            return true;
        }
    }
    return false;
}

/* The new decision that is the same, or the same at another time. */
static const struct replay_decision *find_match(
    const struct replay *r, const struct replay_decision *old)
{
    const struct replay_decision *best = NULL;
    int i;

    for (i = 0; i < r->new.count && !old->by_operator; i++) {
        const struct replay_decision *new = &r->new.decision[i];

        if (like(old, new) && apart_ms(old, new) <= REPLAY_PAIR_MS &&
            (best == NULL || apart_ms(old, new) < apart_ms(old, best)) && !is_taken(r, new)) {
            best = new;
        }
    }
    return best;
}

static int64_t time_of(const struct replay_row *row)
{
    if (row->old == NULL || (row->new != NULL && row->new->wall_ms < row->old->wall_ms)) {
        return row->new->wall_ms;
    }
    return row->old->wall_ms;
}

/* Made at one moment: as they were decided, the old ones first. */
static int64_t order_of(const struct replay_row *row)
{
    return row->old != NULL ? row->old->order : row->new->order;
}

static int by_time(const void *a, const void *b)
{
    int64_t at_a = time_of(a), at_b = time_of(b);

    if (at_a != at_b) {
        return at_a < at_b ? -1 : 1;
    }
    return order_of(a) < order_of(b) ? -1 : 1;
}

enum baton_err compare_all(struct replay *r, struct baton_error *error)
{
    size_t most = (size_t)r->old.count + (size_t)r->new.count + 1;
    int i;

    memory_free(r->row);
    r->n_rows = 0;
    r->row = r->nomem ? NULL : memory_zeroed(most, sizeof r->row[0]);
    if (r->row == NULL) {
        return baton_fail(error, BATON_NOMEM, "no memory for the decisions");
    }
    for (i = 0; i < r->old.count; i++) {
        struct replay_row *row = &r->row[r->n_rows];
        const struct replay_decision *old = &r->old.decision[i];

        row->old = old;
        row->new = find_match(r, old);
        row->same =
            old->by_operator || (row->new != NULL &&apart_ms(old, row->new) <= REPLAY_SAME_MS);
        r->n_rows++;
        r->sum.old += !old->by_operator;
        r->sum.same += row->same && !old->by_operator;
    }
    for (i = 0; i < r->new.count; i++) {
        if (!is_taken(r, &r->new.decision[i])) {
            r->row[r->n_rows++] = (struct replay_row){.new = &r->new.decision[i]};
        }
    }
    r->sum.new = r->new.count;
    qsort(r->row, (size_t)r->n_rows, sizeof r->row[0], by_time);
    return BATON_OK;
}
