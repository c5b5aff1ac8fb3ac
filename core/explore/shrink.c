/* A story that fails, made shorter and rounder as long as it fails in the same way. */
#include "parts.h"

#include <stdlib.h>
#include <string.h>

#define TRIES_MAX 600

struct shrinking {
    struct player *player;
    struct story *story; /* the best so far */
    struct verdict *verdict;
    struct story trial, played;
    int tries;
};

/* Where it counts what comes after the repairs, they are made again by the rule: without them
 * anything fails. */
static void forget_repairs(struct story *story)
{
    while (story->repaired_ms >= 0 && story->n > 0 && story->step[story->n - 1].repair &&
           story->step[story->n - 1].at_ms >= story->repaired_ms) {
        story->n--;
    }
    story->repaired_ms = -1;
}

/* Does the trial fail like the best one? Then it is the best one. */
static bool better(struct shrinking *s)
{
    struct verdict verdict;

    if (s->tries++ >= TRIES_MAX) {
        return false;
    }
    s->played = s->trial;
    if (s->verdict->kind == EXPLORE_NOT_SERVED || s->verdict->kind == EXPLORE_RESTLESS) {
        forget_repairs(&s->played);
    }
    player_play(s->player, &s->played, &verdict);
    if (verdict.end != PLAY_FAILED || verdict.kind != s->verdict->kind) {
        return false;
    }
    *s->story = s->played; /* what was left out or added while it was played counts */
    *s->verdict = verdict;
    return true;
}

/* What comes after the failure has no part in it. */
static void cut_tail(struct story *story)
{
    while (story->n > 0 && story->step[story->n - 1].at_ms > story->end_ms) {
        story->n--;
    }
    if (story->repaired_ms > story->end_ms) {
        story->repaired_ms = -1;
    }
}

static bool leave_out(struct shrinking *s)
{
    bool any = false;
    int i;

    for (i = s->story->n - 1; i >= 0; i--) {
        if (i >= s->story->n) {
            continue;
        }
        s->trial = *s->story;
        story_remove(&s->trial, i);
        any = better(s) || any;
    }
    if (s->story->start != STORY_ONE) {
        s->trial = *s->story;
        s->trial.start = STORY_ONE;
        any = better(s) || any;
    }
    return any;
}

/* The story with its step `index` at another time, and the repairs in their place. */
static bool move_to(struct shrinking *s, int index, int64_t at_ms)
{
    struct story *trial = &s->trial;
    int64_t least = index > 0 ? s->story->step[index - 1].at_ms : 0;
    int64_t most = index + 1 < s->story->n ? s->story->step[index + 1].at_ms : INT64_MAX;

    if (at_ms < least || at_ms > most || at_ms == s->story->step[index].at_ms) {
        return false;
    }
    *trial = *s->story;
    trial->step[index].at_ms = at_ms;
    if (trial->repaired_ms >= 0 && trial->repaired_ms < at_ms) {
        trial->repaired_ms = at_ms;
    }
    return better(s);
}

static void round_times(struct shrinking *s)
{
    static const int64_t grains[] = {10000, 5000, 1000, 500, 100};
    size_t g;
    int i;

    for (i = 0; i < s->story->n; i++) {
        for (g = 0; g < sizeof grains / sizeof grains[0]; g++) {
            int64_t at = s->story->step[i].at_ms, grain = grains[g];

            if (at % grain == 0 || move_to(s, i, at / grain * grain) ||
                move_to(s, i, (at / grain + 1) * grain)) {
                break;
            }
        }
    }
}

/* All of it so much earlier. */
static void begin_earlier(struct shrinking *s)
{
    int64_t by = s->story->n > 0 ? s->story->step[0].at_ms / 1000 * 1000 : 0;
    int i;

    for (; by >= 1000; by = by / 2000 * 1000) {
        s->trial = *s->story;
        if (by > s->trial.step[0].at_ms) {
            continue;
        }
        for (i = 0; i < s->trial.n; i++) {
            s->trial.step[i].at_ms -= by;
        }
        s->trial.repaired_ms -= s->trial.repaired_ms >= 0 ? by : 0;
        if (better(s)) {
            return;
        }
    }
}

void shrink(struct player *player, struct story *story, struct verdict *verdict)
{
    struct shrinking *s = calloc(1, sizeof *s);
    struct seen *own = player->own;
    const struct seen *seen = player->seen;

    if (s == NULL) {
        return;
    }
    player->own = NULL; /* every try goes to its end */
    player->seen = NULL;
    s->player = player;
    s->story = story;
    s->verdict = verdict;
    cut_tail(story);
    s->trial = *story;
    if (better(s)) { /* as it was found; now with the repairs in it */
        while (leave_out(s) && s->tries < TRIES_MAX) {
            cut_tail(story);
        }
        begin_earlier(s);
        round_times(s);
        cut_tail(story);
    }
    player->own = own;
    player->seen = seen;
    free(s);
}
