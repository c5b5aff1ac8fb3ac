/* One page for all scenarios: drawn, and in words. It asks for nothing from anywhere: no
 * script, no font, no image, and a policy in it that forbids them. */
#include "report.h"

#include <stdlib.h>
#include <string.h>

#define ROWS_MAX 20000 /* of one timeline; the page says so where there are more */

/* A file of its own, for editors. */
__asm__(".section .rodata\n"
        "report_html_style:\n"
        ".incbin \"" BATON_REPORT_CSS "\"\n"
        ".byte 0\n"
        ".previous\n");
extern const char report_html_style[];

struct report_html {
    xmlBuffer *index, *body, *all;
    xmlTextWriter *rows, *out; /* into index and body */
    bool alone;
    int stories, passed;
    char title[256]; /* of the first */
};

static void raw(xmlTextWriter *out, const char *text)
{
    xmlTextWriterWriteRaw(out, (const xmlChar *)text);
}

struct report_html *report_html_open(bool alone)
{
    struct report_html *html = calloc(1, sizeof *html);

    if (html == NULL) {
        return NULL;
    }
    html->alone = alone;
    html->index = xmlBufferCreate();
    html->body = xmlBufferCreate();
    html->all = xmlBufferCreate();
    html->rows = html->index != NULL ? xmlNewTextWriterMemory(html->index, 0) : NULL;
    html->out = html->body != NULL ? xmlNewTextWriterMemory(html->body, 0) : NULL;
    if (html->rows == NULL || html->out == NULL || html->all == NULL) {
        report_html_free(html);
        return NULL;
    }
    return html;
}

void report_html_free(struct report_html *html)
{
    if (html == NULL) {
        return;
    }
    if (html->rows != NULL) {
        xmlFreeTextWriter(html->rows);
    }
    if (html->out != NULL) {
        xmlFreeTextWriter(html->out);
    }
    xmlBufferFree(html->index);
    xmlBufferFree(html->body);
    xmlBufferFree(html->all);
    free(html);
}

/* ---- Above the drawing ----------------------------------------------------------------- */

static void write_word(xmlTextWriter *out, bool good, const char *yes, const char *no)
{
    tag_leaf(out, "span", "word", "%s", good ? yes : no);
}

static void write_figure(xmlTextWriter *out, const char *what, const char *value)
{
    tag_open(out, "div");
    tag_leaf(out, "dt", NULL, "%s", what);
    tag_leaf(out, "dd", NULL, "%s", value);
    tag_close(out);
}

static const char *longest_outage(const struct story *story, char *text, size_t size)
{
    int64_t ms = story->figures.outage_longest_ms;

    return ms > 0 ? story_span(ms, text, size) : "none";
}

static void write_figures(xmlTextWriter *out, const struct story *story)
{
    char text[64];

    tag_open(out, "dl");
    tag_set(out, "class", "figures");
    write_figure(out, "longest outage", longest_outage(story, text, sizeof text));
    if (story->figures.two_ms > 0) {
        write_figure(out, "two served", story_span(story->figures.two_ms, text, sizeof text));
    }
    snprintf(text, sizeof text, "%d", story->figures.moves);
    write_figure(out, story->figures.moves == 1 ? "move" : "moves", text);
    snprintf(text, sizeof text, "%lld", (long long)story->figures.probes);
    write_figure(out, "probes", text);
    write_figure(out, "of virtual time", story_span(story->end_ms, text, sizeof text));
    tag_close(out);
}

static void write_head(xmlTextWriter *out, const struct story *story, bool alone)
{
    int i;

    tag_leaf(out, alone ? "h1" : "h2", NULL, "%s", story->name);
    tag_open(out, "p");
    tag_set(out, "class", "about");
    write_word(out, story->passed, "✓ passed", "✕ failed");
    tag_text(out, " %s, group %s of ", story->file, story->group);
    for (i = 0; i < story->n_nodes; i++) {
        tag_text(
            out, "%s%s",
            i == 0                   ? ""
            : i + 1 < story->n_nodes ? ", "
                                     : " and ",
            story->node[i]);
    }
    tag_text(out, ", seed %lld", (long long)story->seed);
    tag_close(out);
    if (!story->passed) {
        tag_leaf(out, "p", "why", "%s", story->why);
    }
    write_figures(out, story);
}

/* ---- Legend ---------------------------------------------------------------------------- */

static void open_sign(xmlTextWriter *out, const char *name)
{
    tag_open(out, "li");
    tag_open(out, "svg");
    tag_set(out, "width", "22");
    tag_set(out, "height", "14");
    tag_set(out, "aria-hidden", "true");
    tag_open(out, "g");
    tag_set(out, "class", "%s", name);
}

static void close_sign(xmlTextWriter *out, const char *words)
{
    tag_close(out);
    tag_close(out);
    tag_text(out, "%s", words);
    tag_close(out);
}

static void write_sign(
    xmlTextWriter *out, const char *name, const char *letter, int height, const char *words)
{
    open_sign(out, name);
    tag_open(out, "rect");
    tag_set(out, "width", "22");
    tag_set(out, "height", "%d", height);
    tag_set(out, "y", "%d", (14 - height) / 2);
    tag_close(out);
    if (letter != NULL) {
        tag_open(out, "text");
        tag_set(out, "class", "middle");
        tag_set(out, "x", "11");
        tag_set(out, "y", "11");
        tag_text(out, "%s", letter);
        tag_close(out);
    }
    close_sign(out, words);
}

static void write_legend(xmlTextWriter *out, const struct story *story)
{
    static const struct {
        const char *name, *letter, *words;
    } states[FSM_STATES] = {
        {"state unknown", "?", "not seen yet"},
        {"state standby", "S", "Standby"},
        {"state active", "A", "Active"},
        {"state degraded", "D", "Degraded"},
        {"state failing-over", "O", "FailingOver"},
        {"state failing-back", "B", "FailingBack"},
    };
    bool seen[FSM_STATES] = {false};
    int i;

    for (i = 0; i < story->n_spans; i++) {
        seen[(unsigned)story->span[i].state < FSM_STATES ? story->span[i].state : 0] = true;
    }
    tag_open(out, "ul");
    tag_set(out, "class", "legend");
    for (i = 0; i < FSM_STATES; i++) {
        if (seen[i]) {
            write_sign(out, states[i].name, states[i].letter, 14, states[i].words);
        }
    }
    write_sign(out, "baton", NULL, 4, "holds the baton");
    write_sign(out, "truth", NULL, 10, "serves in truth");
    write_sign(out, "probe fail", NULL, 5, "✕ probe failed");
    write_sign(out, "probe unsure", NULL, 5, "? probe unknown");
    write_sign(out, "step", NULL, 8, "step");
    write_sign(out, "down", NULL, 14, "outage");
    if (story->n_doubles > 0) {
        write_sign(out, "both", NULL, 14, "two serve");
    }
    write_sign(out, "skip", NULL, 14, "nothing happens: left out");
    tag_close(out);
}

/* ---- Tables ---------------------------------------------------------------------------- */

static void write_headings(xmlTextWriter *out, const char *const *heading)
{
    tag_open(out, "thead");
    tag_open(out, "tr");
    for (; *heading != NULL; heading++) {
        bool number = **heading == '#'; /* to the right */

        tag_leaf(out, "th", number ? "number" : NULL, "%s", *heading + number);
    }
    tag_close(out);
    tag_close(out);
}

static void write_verdicts(xmlTextWriter *out, const struct story *story)
{
    static const char *const headings[] = {"verdict", "expected", "#line", NULL};
    int i;

    if (story->n_verdicts == 0) {
        return;
    }
    tag_leaf(out, "h3", NULL, "What it expects");
    tag_open(out, "div");
    tag_set(out, "class", "scroll");
    tag_open(out, "table");
    tag_set(out, "class", "verdicts");
    write_headings(out, headings);
    tag_open(out, "tbody");
    for (i = 0; i < story->n_verdicts; i++) {
        const struct run_verdict *verdict = &story->verdict[i];

        tag_open(out, "tr");
        tag_set(out, "class", verdict->held ? "held" : "broke");
        tag_open(out, "td");
        write_word(out, verdict->held, "✓ held", "✕ broke");
        tag_close(out);
        tag_leaf(
            out, "td", "what", "%s%s%s", verdict->text, verdict->why[0] != '\0' ? ": " : "",
            verdict->why);
        if (verdict->expect != NULL) {
            tag_leaf(out, "td", "number", "%d", verdict->expect->line);
        } else {
            tag_leaf(out, "td", "number", "always");
        }
        tag_close(out);
    }
    tag_close(out);
    tag_close(out);
    tag_close(out);
}

static void write_entry(
    xmlTextWriter *out, const struct story *story, const struct run_entry *entry)
{
    const char *kind = run_kind_name(entry->kind);
    char time[48];

    tag_open(out, "tr");
    tag_set(out, "class", "%s%s", kind, story_is_down(story, entry->at_ms) ? " down" : "");
    story_time(entry->at_ms, story->end_ms, time, sizeof time);
    tag_leaf(out, "td", "number", "%s", time + strspn(time, " "));
    tag_leaf(out, "td", NULL, "%s", story_where(story, entry));
    tag_leaf(out, "td", "kind", "%s", kind);
    tag_open(out, "td");
    tag_set(out, "class", "what");
    tag_text(
        out, "%s%s", entry->kind == RUN_COMMAND || entry->kind == RUN_QUESTION ? "$ " : "",
        story_words(story, entry));
    if (entry->kind == RUN_COMMAND && entry->name[0] != '\0') {
        tag_leaf(out, "span", "effect", "  %s", entry->name);
    }
    tag_close(out);
    tag_close(out);
}

static void write_timeline(xmlTextWriter *out, const struct story *story, bool open)
{
    static const char *const headings[] = {"#time", "node", "what", "", NULL};
    int rows = story->n_entries < ROWS_MAX ? story->n_entries : ROWS_MAX, i;

    tag_open(out, "details");
    if (open) {
        tag_set(out, "open", "open");
    }
    tag_leaf(out, "summary", NULL, "The timeline, %d lines", story->n_entries);
    tag_open(out, "div");
    tag_set(out, "class", "scroll");
    tag_open(out, "table");
    tag_set(out, "class", "timeline");
    write_headings(out, headings);
    tag_open(out, "tbody");
    for (i = 0; i < rows; i++) {
        write_entry(out, story, &story->entry[i]);
    }
    tag_close(out);
    tag_close(out);
    tag_close(out);
    if (rows < story->n_entries) {
        tag_leaf(
            out, "p", "about", "and %d more lines, which baton simulate --json has",
            story->n_entries - rows);
    }
    tag_close(out);
}

/* ---- One story, and its line in the index ---------------------------------------------- */

static void write_row(struct report_html *html, const struct story *story)
{
    xmlTextWriter *out = html->rows;
    char text[64];

    tag_open(out, "tr");
    tag_set(out, "class", story->passed ? "passed" : "failed");
    tag_open(out, "td");
    write_word(out, story->passed, "✓ passed", "✕ failed");
    tag_close(out);
    tag_open(out, "td");
    tag_set(out, "class", "what");
    tag_open(out, "a");
    tag_set(out, "href", "#story-%d", html->stories);
    tag_text(out, "%s", story->name);
    tag_close(out);
    tag_close(out);
    tag_open(out, "td");
    report_draw_strip(out, story);
    tag_close(out);
    tag_leaf(out, "td", "number", "%s", longest_outage(story, text, sizeof text));
    tag_leaf(out, "td", "number", "%d", story->figures.moves);
    tag_leaf(out, "td", "number", "%s", story_span(story->end_ms, text, sizeof text));
    tag_close(out);
}

static bool write_story(struct report_html *html, const struct story *story)
{
    xmlTextWriter *out = html->out;
    bool ok;

    tag_open(out, "section");
    tag_set(out, "class", "story %s", story->passed ? "passed" : "failed");
    tag_set(out, "id", "story-%d", html->stories);
    write_head(out, story, html->alone);
    ok = report_draw(out, story);
    write_legend(out, story);
    write_verdicts(out, story);
    write_timeline(out, story, html->alone || !story->passed);
    tag_close(out);
    return ok;
}

bool report_html_add(struct report_html *html, const struct story *story)
{
    bool ok;

    html->stories++;
    html->passed += story->passed;
    if (html->stories == 1) {
        snprintf(html->title, sizeof html->title, "%.200s", story->name);
    }
    write_row(html, story);
    ok = write_story(html, story);
    return xmlTextWriterFlush(html->out) >= 0 && xmlTextWriterFlush(html->rows) >= 0 && ok;
}

/* ---- The page -------------------------------------------------------------------------- */

static void write_top(xmlTextWriter *out, const struct report_html *html)
{
    char title[sizeof html->title + 64];

    if (html->alone) {
        snprintf(title, sizeof title, "%s", html->title);
    } else {
        snprintf(title, sizeof title, "%d of %d scenarios passed", html->passed, html->stories);
    }
    tag_page(out, "baton simulate", title, report_html_style);
    tag_open(out, "body");
    /* What the drawings fill with. */
    raw(out, "<svg class=\"defs\" aria-hidden=\"true\"><defs>"
             "<pattern id=\"skip\" width=\"7\" height=\"7\" patternUnits=\"userSpaceOnUse\" "
             "patternTransform=\"rotate(45)\"><line class=\"stroke-skip\" y2=\"7\"/></pattern>"
             "<pattern id=\"both\" width=\"9\" height=\"9\" patternUnits=\"userSpaceOnUse\" "
             "patternTransform=\"rotate(-45)\"><line class=\"stroke-both\" y2=\"9\"/></pattern>"
             "</defs></svg>\n");
}

static void write_index(xmlTextWriter *out, const struct report_html *html)
{
    static const char *const headings[] = {"verdict", "scenario",      "who serves", "#outage",
                                           "#moves",  "#virtual time", NULL};

    tag_open(out, "header");
    tag_leaf(out, "h1", NULL, "%d of %d scenarios passed", html->passed, html->stories);
    tag_open(out, "div");
    tag_set(out, "class", "scroll");
    tag_open(out, "table");
    tag_set(out, "class", "index");
    write_headings(out, headings);
    tag_open(out, "tbody");
    raw(out, (const char *)xmlBufferContent(html->index));
    tag_close(out);
    tag_close(out);
    tag_close(out);
    tag_close(out);
}

const char *report_html_end(struct report_html *html, size_t *len)
{
    xmlTextWriter *out = xmlNewTextWriterMemory(html->all, 0);
    bool ok = out != NULL;

    if (ok) {
        write_top(out, html);
        if (!html->alone) {
            write_index(out, html);
        }
        tag_open(out, "main");
        tag_set(out, "class", html->alone ? "alone" : "several");
        raw(out, (const char *)xmlBufferContent(html->body));
        tag_close(out);
        raw(out, "\n");
        ok = xmlTextWriterEndDocument(out) >= 0 && xmlTextWriterFlush(out) >= 0;
    }
    if (out != NULL) {
        xmlFreeTextWriter(out);
    }
    *len = (size_t)xmlBufferLength(html->all);
    return ok ? (const char *)xmlBufferContent(html->all) : NULL;
}
