/* A story for people: on a terminal, or in a log. */
#include "report.h"

#include <string.h>

static const char *colour_of(const struct run_entry *entry)
{
    switch (entry->kind) {
    case RUN_FAULT:
    case RUN_OPERATOR:
        return print_bold();
    case RUN_STATE:
        return print_colour(fsm_state_name(entry->to));
    case RUN_GRANT:
        return print_colour("running");
    case RUN_OUTAGE:
        return print_colour(entry->begins ? "fail" : "ok");
    case RUN_PROBE:
        return print_colour(group_outcome_name(entry->outcome));
    case RUN_STEP:
        return entry->begins ? "" : print_colour(group_outcome_name(entry->outcome));
    case RUN_QUESTION:
    case RUN_HOOK:
    case RUN_CHANGE:
        return print_dim();
    default:
        return entry->level >= WORLD_WARNING ? print_colour("fail") : "";
    }
}

static void print_entry(const struct story *story, const struct run_entry *entry, int width)
{
    bool command = entry->kind == RUN_COMMAND || entry->kind == RUN_QUESTION;
    const char *colour = colour_of(entry);
    char time[48];

    printf(
        "%s %s%s%s ", story_time(entry->at_ms, story->end_ms, time, sizeof time),
        print_colour("fail"), story_is_down(story, entry->at_ms) ? "|" : " ", print_plain());
    printf(
        "%-*s  %s%-8s%s  ", width, story_where(story, entry), print_dim(),
        run_kind_name(entry->kind), print_plain());
    printf(
        "%s%s%s%s", colour, command ? "$ " : "", story_words(story, entry),
        colour[0] != '\0' ? print_plain() : "");
    if (entry->kind == RUN_COMMAND && entry->name[0] != '\0') {
        printf("  %s(%s)%s", print_dim(), entry->name, print_plain());
    }
    putchar('\n');
}

static int names_width(const struct story *story)
{
    int width = 0, i;

    for (i = 0; i < story->n_nodes; i++) {
        width = (int)strlen(story->node[i]) > width ? (int)strlen(story->node[i]) : width;
    }
    return width;
}

/* "server01  Active until 1:06.2, Degraded until 5:10.0, Standby". */
static void print_states(const struct story *story, int node, int width)
{
    const struct run_span *last = NULL;
    char time[48];
    int i;

    printf("  %-*s  ", width, story_node(story, node));
    for (i = 0; i < story->n_spans; i++) {
        const struct run_span *span = &story->span[i];

        if (span->node != node || (last != NULL && last->state == span->state)) {
            continue;
        }
        if (last != NULL) {
            story_time(span->from_ms, story->end_ms, time, sizeof time);
            printf(" until %s, ", time + strspn(time, " "));
        }
        printf(
            "%s%s%s", print_colour(fsm_state_name(span->state)),
            span->state == FSM_UNKNOWN ? "not seen" : fsm_state_name(span->state), print_plain());
        last = span;
    }
    putchar('\n');
}

void report_text_timeline(const struct story *story)
{
    int width = names_width(story), i;

    printf("%s%s%s  %s\n\n", print_bold(), story->name, print_plain(), story->file);
    for (i = 0; i < story->n_entries; i++) {
        print_entry(story, &story->entry[i], width);
    }
    putchar('\n');
    for (i = 0; i < story->n_nodes; i++) {
        print_states(story, i, width);
    }
    putchar('\n');
}

static void print_expectation(const struct run_verdict *verdict)
{
    printf(
        "  %s%s%s  %s", print_colour(verdict->held ? "ok" : "fail"),
        verdict->held ? "held " : "broke", print_plain(), verdict->text);
    if (verdict->expect != NULL) {
        printf(" %s(line %d)%s", print_dim(), verdict->expect->line, print_plain());
    }
    printf("%s%s\n", verdict->why[0] != '\0' ? ": " : "", verdict->why);
}

static void print_figures(const struct story *story)
{
    const struct run_figures *figures = &story->figures;
    char outage[48], two[48], end[48];

    printf("  %s", print_dim());
    if (figures->outage_longest_ms > 0) {
        printf("longest outage %s", story_span(figures->outage_longest_ms, outage, sizeof outage));
    } else {
        printf("no outage");
    }
    if (figures->two_ms > 0) {
        printf(", two served for %s", story_span(figures->two_ms, two, sizeof two));
    }
    printf(
        ", %d move%s, %lld probes, %s of virtual time%s\n", figures->moves,
        figures->moves == 1 ? "" : "s", (long long)figures->probes,
        story_span(story->end_ms, end, sizeof end), print_plain());
}

void report_text_verdict(const struct story *story, bool every)
{
    int i;

    printf(
        "%s%s%s  %s  (%s)\n", print_colour(story->passed ? "ok" : "fail"),
        story->passed ? "passed" : "FAILED", print_plain(), story->name, story->file);
    for (i = 0; i < story->n_verdicts; i++) {
        if (every || !story->verdict[i].held) {
            print_expectation(&story->verdict[i]);
        }
    }
    if (!story->passed && story->held == story->n_verdicts) {
        printf("  %s\n", story->why); /* what no verdict says */
    }
    if (every) {
        print_figures(story);
    }
}

void report_text_summary(int passed, int total)
{
    printf("%d of %d scenarios passed\n", passed, total);
}
