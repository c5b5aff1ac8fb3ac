/* What a scenario expects, watched while the run goes on: nothing is kept of the past but
 * what each expectation needs. What is so at a moment is so until the next one; what lasted
 * no time was not. */
#include "parts.h"

#include <string.h>

void check_init(struct run *run)
{
    int i;

    for (i = 0; i < run->scenario->n_expects; i++) {
        run->watch[i].gap_ms = run->watch[i].at_ms = -1;
    }
}

static bool is_so(const struct scenario_expect *expect, const struct moment *moment)
{
    switch (expect->kind) {
    case SCENARIO_EXPECT_STATE:
        return moment->state[expect->node] == expect->state;
    case SCENARIO_EXPECT_HOLDER:
        return moment->holder == expect->node;
    case SCENARIO_EXPECT_SERVES:
        return moment->serves == (expect->node == GROUP_NOBODY ? 0 : 1u << expect->node);
    case SCENARIO_EXPECT_HOLD:
        return expect->hold == SCENARIO_HOLD_ANY ? moment->hold != GROUP_HOLD_NONE
                                                 : (int)moment->hold == expect->hold;
    default:
        return true;
    }
}

static void bounds(
    const struct run *run, const struct scenario_expect *expect, int64_t *from_ms, int64_t *to_ms)
{
    int64_t end_ms = run->scenario->end_ms;

    *to_ms = expect->to_ms >= 0 ? expect->to_ms : end_ms;
    *from_ms = expect->from_ms >= 0 ? expect->from_ms : end_ms;
}

struct stretch {
    int64_t from_ms, to_ms;
    bool last; /* its end counts too */
};

static bool overlaps(const struct stretch *s, int64_t from_ms, int64_t to_ms)
{
    bool reaches = from_ms < s->to_ms || (s->last && from_ms == s->to_ms);

    return reaches && (from_ms == to_ms ? s->from_ms <= to_ms : s->from_ms < to_ms);
}

static void watch_span(struct run *run, int i, const struct stretch *s)
{
    const struct scenario_expect *expect = &run->scenario->expect[i];
    struct watch *watch = &run->watch[i];
    bool so = is_so(expect, &run->moment);
    int64_t from_ms, to_ms;

    if (expect->by_ms >= 0) {
        if (s->from_ms <= expect->by_ms && !watch->met) {
            watch->met = so;
            watch->was = run->moment;
            watch->at_ms = so ? s->from_ms : expect->by_ms;
        }
        return;
    }
    bounds(run, expect, &from_ms, &to_ms);
    if (!so && !watch->broken && overlaps(s, from_ms, to_ms)) {
        watch->broken = true;
        watch->at_ms = s->from_ms > from_ms ? s->from_ms : from_ms;
        watch->was = run->moment;
    }
}

/* The longest time without service. Before the client was served once nobody expects it,
 * unless the expectation says from when on. */
static void watch_outage(struct run *run, int i, const struct stretch *s)
{
    const struct scenario_expect *expect = &run->scenario->expect[i];
    struct watch *watch = &run->watch[i];
    int64_t from_ms = expect->from_ms > s->from_ms ? expect->from_ms : s->from_ms;
    int64_t to_ms = expect->to_ms >= 0 && expect->to_ms < s->to_ms ? expect->to_ms : s->to_ms;

    if (from_ms >= to_ms) {
        return;
    }
    if (run->moment.client || (!run->served_once && expect->from_ms < 0)) {
        watch->gap_ms = -1;
        return;
    }
    watch->gap_ms = watch->gap_ms < 0 ? from_ms : watch->gap_ms;
    if (to_ms - watch->gap_ms > watch->longest_ms) {
        watch->longest_ms = to_ms - watch->gap_ms;
        watch->longest_from = watch->gap_ms;
    }
}

void check_span(struct run *run, int64_t from_ms, int64_t to_ms, bool last)
{
    struct stretch s = {from_ms, to_ms, last};
    int i;

    if (from_ms == to_ms && !last) {
        return;
    }
    for (i = 0; i < run->scenario->n_expects; i++) {
        switch (run->scenario->expect[i].kind) {
        case SCENARIO_EXPECT_STATE:
        case SCENARIO_EXPECT_HOLDER:
        case SCENARIO_EXPECT_SERVES:
        case SCENARIO_EXPECT_HOLD:
            watch_span(run, i, &s);
            break;
        case SCENARIO_EXPECT_OUTAGE:
            watch_outage(run, i, &s);
            break;
        case SCENARIO_EXPECT_MOVES:
        case SCENARIO_EXPECT_NEVER:
        case SCENARIO_EXPECT_SAID:
        case SCENARIO_EXPECT_NOT_SAID:
            break; /* counted where it happens */
        }
    }
}

/* Whole lines of `wanted` that were said already are left out; each next one is looked for behind
 * the one before. True: all of them are there. */
static bool says(struct watch *watch, const char *wanted, const char *text)
{
    while (wanted[watch->said] != '\0') {
        const char *one = wanted + watch->said;
        size_t len = strcspn(one, "\n");
        const char *found = memmem(text, strlen(text), one, len);

        if (found == NULL) {
            return false;
        }
        text = found + len;
        watch->said += len + (one[len] == '\n');
    }
    return true;
}

void check_said(struct run *run, const char *text)
{
    int64_t now_ms = run->sim->now_ms;
    int i;

    for (i = 0; i < run->scenario->n_expects; i++) {
        const struct scenario_expect *expect = &run->scenario->expect[i];
        struct watch *watch = &run->watch[i];

        if ((expect->kind != SCENARIO_EXPECT_SAID && expect->kind != SCENARIO_EXPECT_NOT_SAID) ||
            watch->met || now_ms < expect->from_ms ||
            (expect->to_ms >= 0 && now_ms > expect->to_ms) ||
            (expect->by_ms >= 0 && now_ms > expect->by_ms)) {
            continue;
        }
        if (says(watch, expect->text, text)) {
            watch->met = true;
            watch->at_ms = now_ms;
        }
    }
}

void check_moved(struct run *run)
{
    int i;

    for (i = 0; i < run->scenario->n_expects; i++) {
        if (run->scenario->expect[i].kind == SCENARIO_EXPECT_MOVES) {
            run->watch[i].moves++;
            run->watch[i].at_ms = run->sim->now_ms;
        }
    }
}
