/* Why the group makes no move, and when that ends by itself. */
#include "parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A hold that only a person or other rules may end is not replaced by one that ends by
 * itself, and a full journal hides the lesser ones: they come again if they must. */
static int rank_of(enum group_hold hold)
{
    switch (hold) {
    case GROUP_HOLD_FROZEN:
        return 3;
    case GROUP_HOLD_POLICY:
        return 2;
    case GROUP_HOLD_JOURNAL:
        return 1;
    default:
        return 0;
    }
}

void hold_begin(
    struct group *g, struct group_effects *fx, enum group_hold hold, int node, const char *format,
    ...)
{
    struct group_record *record;
    char why[GROUP_TEXT_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    if (rank_of(hold) < rank_of(g->hold) || (g->hold == hold && strcmp(g->hold_why, why) == 0)) {
        return;
    }
    g->hold = hold;
    g->hold_since_ms = g->now_ms;
    g->hold_node = node;
    g->hold_serving = node != GROUP_NOBODY ? g->node[node].serving : GROUP_UNSURE;
    effects_copy(g->hold_why, sizeof g->hold_why, why);
    record = effects_record(g, fx, GROUP_REC_HOLD, why);
    record->node = node;
    effects_copy(record->name, sizeof record->name, group_hold_name(hold));
    effects_notice(fx, GROUP_NOTICE_HOLD, node, "%s", why);
}

void hold_end(struct group *g, struct group_effects *fx, const char *why)
{
    char text[GROUP_TEXT_MAX];

    if (g->hold == GROUP_HOLD_NONE) {
        return;
    }
    effects_text(text, sizeof text, "hold \"%s\" ends: %.180s", group_hold_name(g->hold), why);
    g->hold = GROUP_HOLD_NONE;
    g->hold_why[0] = '\0';
    g->hold_node = GROUP_NOBODY;
    effects_record(g, fx, GROUP_REC_NOTE, text);
    effects_notice(fx, GROUP_NOTICE_RESUMED, GROUP_NOBODY, "%s", text);
}

void hold_count_move(struct group *g)
{
    if (g->n_moves == GROUP_MOVES_MAX) {
        memmove(g->move_ms, g->move_ms + 1, sizeof g->move_ms[0] * (GROUP_MOVES_MAX - 1));
        g->n_moves--;
    }
    g->move_ms[g->n_moves++] = g->now_ms;
}

int hold_moves_within(const struct group *g, int64_t *frees_ms)
{
    int i, count = 0;

    *frees_ms = GROUP_NEVER_MS;
    for (i = 0; i < g->n_moves; i++) {
        if (g->now_ms - g->move_ms[i] < g->rules.window_ms) {
            if (count == 0) {
                *frees_ms = g->move_ms[i] + g->rules.window_ms;
            }
            count++;
        }
    }
    return count;
}

/* Holds that end by themselves, because what they wait for has come. */
void hold_review(struct group *g, struct group_effects *fx)
{
    int64_t frees_ms;

    if (g->hold == GROUP_HOLD_MOVES && hold_moves_within(g, &frees_ms) < g->rules.max_moves) {
        hold_end(g, fx, "the window has room for a move again");
    } else if (g->hold == GROUP_HOLD_UNCONFIRMED && g->hold_node != GROUP_NOBODY) {
        const struct group_node *n = &g->node[g->hold_node];

        if (n->out || (g->hold_node == g->holder && n->fit == GROUP_YES)) {
            hold_end(g, fx, n->out ? "it is confirmed out" : "the holder is fit again");
        } else if (
            n->serving != GROUP_UNSURE &&
            (n->serving != g->hold_serving ||
             (n->serving == GROUP_NO && n->serving_seen_ms > g->hold_since_ms))) {
            if (n->serving == GROUP_YES) {
                node_forget_failures(g, g->hold_node); /* it serves: they said only "no answer" */
            }
            hold_end(g, fx, "it can be seen again");
        }
    }
}
