/* A scenario's run as a story, and the ways in which `baton simulate` tells it.
 *
 * story.c takes from a run what there is to tell; each report_*.c tells it in one format and
 * knows nothing of runs. Times are virtual, in ms from the daemon's start. Nothing here reads
 * a clock, so the same seed gives the same bytes. A report that is collected over several
 * scenarios (JSON, JUnit, HTML) is opened, added to, and ended.
 */
#ifndef BATON_TOOLS_BATON_REPORT_H
#define BATON_TOOLS_BATON_REPORT_H

#include "baton.h"

#include "scenario/run.h"

#include <libxml/xmlwriter.h>

struct story_interval {
    int64_t from_ms, to_ms;
};

struct story {
    const char *file, *name; /* of the scenario */
    const char *group;
    int64_t seed, end_ms;
    bool peers; /* a Baton on every node */
    int n_nodes;
    const char *node[GROUP_NODES_MAX];
    int n_entries, n_spans, n_verdicts, n_outages, n_doubles;
    struct run_entry *entry; /* its texts are valid UTF-8 without control characters */
    const struct run_span *span;
    struct run_verdict *verdict;
    struct story_interval *outage;  /* the client was not served */
    struct story_interval *doubles; /* two nodes served */
    struct run_figures figures;
    int held; /* so many verdicts did */
    bool passed;
    bool stopped;                   /* it could not be run to its end */
    char why[BATON_ERROR_TEXT_MAX]; /* not passed: the first reason, with file and line */
    struct story_text *texts;       /* that were made for it */
};

/* Tell what `run` did; `result` and `error` are those of run_scenario. Borrows from the run and
 * from `file`. BATON_NOMEM where it can't; then there is nothing to end. */
enum baton_err story_take(
    struct story *story, struct run *run, enum baton_err result, const struct baton_error *error);
void story_fini(struct story *story);

/* Text that any format can hold: what is no UTF-8, and control characters, become "?". Made
 * for the story where it has to be changed; NULL where there is no memory. */
const char *story_clean(struct story *story, const char *text);

/* "1:05.250", or with hours where `end_ms` has some: as long as the longest. */
const char *story_time(int64_t ms, int64_t end_ms, char *text, size_t size);
/* "850 ms", "12.4 s", "3 min 20 s": of a duration, to be read. */
const char *story_span(int64_t ms, char *text, size_t size);
/* The node's name; "" for GROUP_NOBODY. */
const char *story_node(const struct story *story, int node);
/* Is the client not served then? */
bool story_is_down(const struct story *story, int64_t at_ms);
/* Where a line of the timeline belongs, for its column: a node, "controller" or ""; among peers
 * the node whose Baton says so. */
const char *story_where(const struct story *story, const struct run_entry *entry);
/* The line without that in front of it, where it is a command. */
const char *story_words(const struct story *story, const struct run_entry *entry);
/* "why", without the "file:line: " that it begins with. */
const char *story_bare(const char *why);

/* ---- Text ------------------------------------------------------------------------------ */

void report_text_timeline(const struct story *story);
/* "passed" or "FAILED", what it is called, and in a line or two how it went. */
void report_text_verdict(const struct story *story, bool every);
void report_text_summary(int passed, int total);

/* ---- JSON ------------------------------------------------------------------------------ */

json_t *report_json_open(void);
bool report_json_add(json_t *document, const struct story *story);
void report_json_print(json_t *document);

/* ---- JUnit XML ------------------------------------------------------------------------- */

struct report_junit;
struct report_junit *report_junit_open(void);
bool report_junit_add(struct report_junit *junit, const struct story *story);
/* The document, of that length; valid until it is freed. NULL: no memory. */
const char *report_junit_end(struct report_junit *junit, size_t *len);
void report_junit_free(struct report_junit *junit);

/* ---- One page of HTML ------------------------------------------------------------------ */

struct report_html;
/* `alone`: it will be one scenario, whose timeline is open. */
struct report_html *report_html_open(bool alone);
bool report_html_add(struct report_html *html, const struct story *story);
const char *report_html_end(struct report_html *html, size_t *len);
void report_html_free(struct report_html *html);

/* The drawing alone: <div class="drawing"> with its SVG. False where there is no memory. */
bool report_draw(xmlTextWriter *out, const struct story *story);
/* A small one for the index: who serves, and outage. */
void report_draw_strip(xmlTextWriter *out, const struct story *story);

/* ---- tag.c: writing elements ----------------------------------------------------------- */

void tag_open(xmlTextWriter *out, const char *element);
void tag_close(xmlTextWriter *out); /* always with an end tag, as HTML wants it */
void tag_set(xmlTextWriter *out, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void tag_text(xmlTextWriter *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* <element class="name">text</element> */
void tag_leaf(xmlTextWriter *out, const char *element, const char *name, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* A page up to its body: it asks for nothing from anywhere, and forbids that anything in it does.
 * The html element is left open. */
void tag_page(xmlTextWriter *out, const char *generator, const char *title, const char *style);

/* ---- axis.c: where a time stands in the drawing ---------------------------------------- */

#define AXIS_PIECES_MAX 129
#define AXIS_SKIP       64.0 /* width of a stretch that is left out */

struct axis_piece {
    int64_t from_ms, to_ms;
    double x, width;
    bool skipped; /* nothing happens in it: drawn short, whatever it lasts */
};

struct axis {
    int n;
    struct axis_piece piece[AXIS_PIECES_MAX];
    double width;
    double px_per_ms; /* in all pieces that are not skipped */
    int64_t tick_ms;
};

/* Lay out 0 … end_ms around these times, at which something happens; sorts them. */
void axis_lay(struct axis *axis, int64_t *times, int n, int64_t end_ms);
double axis_x(const struct axis *axis, int64_t ms);
/* As a label: "1:05", "0:02.5", "3:05:00". */
const char *axis_label(const struct axis *axis, int64_t ms, char *text, size_t size);

#endif
