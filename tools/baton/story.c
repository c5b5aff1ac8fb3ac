/* What there is to tell of a run. */
#include "report.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct story_text {
    struct story_text *next;
    char text[];
};

/* ---- Texts ----------------------------------------------------------------------------- */

static bool is_control(unsigned char byte)
{
    return byte < 0x20 || byte == 0x7f;
}

/* Length of the UTF-8 character at `text`, 0 where there is none that a text may have. */
static int character(const char *text)
{
    const unsigned char *byte = (const unsigned char *)text;
    int len = 4, value;

    if (byte[0] < 0x80) {
        return is_control(byte[0]) ? 0 : 1;
    }
    value = xmlGetUTF8Char(byte, &len);
    /* Control characters of the second block, and what XML has no place for. */
    return value < 0xa0 || value == 0xfffe || value == 0xffff ||
                   (value >= 0xd800 && value <= 0xdfff)
               ? 0
               : len;
}

const char *story_clean(struct story *story, const char *text)
{
    size_t from = 0, to = 0, len = strlen(text);
    struct story_text *made;

    while (from < len && character(text + from) > 0) {
        from += (size_t)character(text + from);
    }
    if (from == len) {
        return text;
    }
    made = malloc(sizeof *made + len + 1);
    if (made == NULL) {
        return NULL;
    }
    for (from = 0; from < len;) {
        int n = character(text + from);

        if (n > 0) {
            memcpy(made->text + to, text + from, (size_t)n);
            to += (size_t)n;
            from += (size_t)n;
        } else {
            made->text[to++] = isspace((unsigned char)text[from]) ? ' ' : '?';
            from++;
        }
    }
    made->text[to] = '\0';
    made->next = story->texts;
    story->texts = made;
    return made->text;
}

static bool clean_into(struct story *story, char *text, size_t size)
{
    const char *clean = story_clean(story, text);

    if (clean != NULL && clean != text) {
        snprintf(text, size, "%s", clean);
    }
    return clean != NULL;
}

const char *story_node(const struct story *story, int node)
{
    return node >= 0 && node < story->n_nodes ? story->node[node] : "";
}

const char *story_time(int64_t ms, int64_t end_ms, char *text, size_t size)
{
    long long s = ms / 1000, left = ms % 1000;
    char longest[32];
    int width;

    if (end_ms < 3600 * INT64_C(1000)) {
        snprintf(text, size, "%2lld:%02lld.%03lld", s / 60, s % 60, left);
        return text;
    }
    width = snprintf(longest, sizeof longest, "%lld", (long long)(end_ms / 3600000));
    snprintf(
        text, size, "%*lld:%02lld:%02lld.%03lld", width, s / 3600, s % 3600 / 60, s % 60, left);
    return text;
}

const char *story_span(int64_t ms, char *text, size_t size)
{
    if (ms >= 1000 && ms < 60000) {
        long long tenths = (long long)(ms + 50) / 100;

        if (tenths % 10 == 0) {
            snprintf(text, size, "%lld s", tenths / 10);
        } else {
            snprintf(text, size, "%lld.%lld s", tenths / 10, tenths % 10);
        }
        return text;
    }
    return print_age(ms, text, size);
}

const char *story_bare(const char *why)
{
    const char *at = why;

    while ((at = strchr(at, ':')) != NULL) {
        size_t digits = strspn(at + 1, "0123456789");

        if (digits > 0 && strncmp(at + 1 + digits, ": ", 2) == 0) {
            return at + digits + 3;
        }
        at++;
    }
    return why;
}

/* ---- Intervals ------------------------------------------------------------------------- */

static bool add_interval(struct story_interval **list, int *n, int64_t from_ms, int64_t to_ms)
{
    struct story_interval *more;

    if (*n > 0 && (*list)[*n - 1].to_ms == from_ms) { /* goes on */
        (*list)[*n - 1].to_ms = to_ms;
        return true;
    }
    more = realloc(*list, (size_t)(*n + 1) * sizeof **list);
    if (more == NULL) {
        return false;
    }
    *list = more;
    more[(*n)++] = (struct story_interval){from_ms, to_ms};
    return true;
}

/* From the timeline: the client is not served from "begins" until it ends. */
static bool find_outages(struct story *story)
{
    int64_t since_ms = -1;
    int i;

    for (i = 0; i < story->n_entries; i++) {
        const struct run_entry *entry = &story->entry[i];

        if (entry->kind != RUN_OUTAGE || strcmp(entry->name, "two serve") == 0) {
            continue;
        }
        if (entry->begins && since_ms < 0) {
            since_ms = entry->at_ms;
        } else if (!entry->begins && since_ms >= 0) {
            if (!add_interval(&story->outage, &story->n_outages, since_ms, entry->at_ms)) {
                return false;
            }
            since_ms = -1;
        }
    }
    return since_ms < 0 || since_ms >= story->end_ms ||
           add_interval(&story->outage, &story->n_outages, since_ms, story->end_ms);
}

struct edge {
    int64_t at_ms;
    int by;
};

static int by_time(const void *left, const void *right)
{
    const struct edge *a = left, *b = right;

    if (a->at_ms != b->at_ms) {
        return a->at_ms < b->at_ms ? -1 : 1;
    }
    return a->by - b->by; /* who ends, before who begins: no overlap of no length */
}

/* From the truth in the spans: so long two nodes or more served. */
static bool find_doubles(struct story *story)
{
    struct edge *edge = calloc((size_t)story->n_spans * 2 + 1, sizeof *edge);
    int64_t since_ms = 0;
    int i, n = 0, serving = 0;
    bool ok = edge != NULL;

    for (i = 0; ok && i < story->n_spans; i++) {
        const struct run_span *span = &story->span[i];

        if (span->serves && span->to_ms > span->from_ms) {
            edge[n++] = (struct edge){span->from_ms, 1};
            edge[n++] = (struct edge){span->to_ms, -1};
        }
    }
    if (ok) {
        qsort(edge, (size_t)n, sizeof *edge, by_time);
    }
    for (i = 0; ok && i < n; i++) {
        serving += edge[i].by;
        if (serving == 2 && edge[i].by > 0) {
            since_ms = edge[i].at_ms;
        } else if (serving == 1 && edge[i].by < 0) {
            ok = add_interval(&story->doubles, &story->n_doubles, since_ms, edge[i].at_ms);
        }
    }
    free(edge);
    return ok;
}

/* ---- The story ------------------------------------------------------------------------- */

static bool take_timeline(struct story *story, struct run *run)
{
    const struct run_entry *entry;
    const struct run_verdict *verdict;
    int i;

    story->n_entries = run_entries(run, &entry);
    story->n_spans = run_spans(run, &story->span);
    story->n_verdicts = run_verdicts(run, &verdict);
    story->entry = calloc((size_t)story->n_entries + 1, sizeof *story->entry);
    story->verdict = calloc((size_t)story->n_verdicts + 1, sizeof *story->verdict);
    if (story->entry == NULL || story->verdict == NULL) {
        return false;
    }
    for (i = 0; i < story->n_entries; i++) {
        struct run_entry *own = &story->entry[i];

        *own = entry[i];
        own->name = story_clean(story, own->name != NULL ? own->name : "");
        own->text = story_clean(story, own->text);
        if (own->name == NULL || own->text == NULL) {
            return false;
        }
    }
    for (i = 0; i < story->n_verdicts; i++) {
        struct run_verdict *own = &story->verdict[i];

        *own = verdict[i];
        story->held += own->held;
        if (!clean_into(story, own->text, sizeof own->text) ||
            !clean_into(story, own->why, sizeof own->why)) {
            return false;
        }
    }
    return find_outages(story) && find_doubles(story);
}

enum baton_err story_take(
    struct story *story, struct run *run, enum baton_err result, const struct baton_error *error)
{
    const struct run_setup *setup = run_setup(run);
    const struct policy_site *site = setup->site;
    bool ok;
    int i;

    memset(story, 0, sizeof *story);
    story->group = site->group;
    story->seed = (int64_t)setup->seed;
    story->end_ms = run_now_ms(run);
    story->peers = run_setup(run)->peers != NULL;
    story->figures = run_figures(run);
    story->passed = result == BATON_OK;
    story->stopped = result != BATON_OK && result != BATON_REFUSED;
    story->n_nodes = site->n_nodes;
    for (i = 0; i < site->n_nodes; i++) {
        story->node[i] = site->node[i].name;
    }
    snprintf(story->why, sizeof story->why, "%s", story->passed ? "" : error->text);
    story->file = story_clean(story, setup->scenario->file);
    story->name = story_clean(story, setup->scenario->name);
    ok = story->file != NULL && story->name != NULL &&
         clean_into(story, story->why, sizeof story->why) && take_timeline(story, run);
    if (!ok) {
        story_fini(story);
        return BATON_NOMEM;
    }
    return BATON_OK;
}

void story_fini(struct story *story)
{
    struct story_text *text, *next;

    for (text = story->texts; text != NULL; text = next) {
        next = text->next;
        free(text);
    }
    free(story->entry);
    free(story->verdict);
    free(story->outage);
    free(story->doubles);
    memset(story, 0, sizeof *story);
}

bool story_is_down(const struct story *story, int64_t at_ms)
{
    int i;

    for (i = 0; i < story->n_outages; i++) {
        if (at_ms >= story->outage[i].from_ms && at_ms < story->outage[i].to_ms) {
            return true;
        }
    }
    return false;
}

static bool is_command(const struct run_entry *entry)
{
    return entry->kind == RUN_COMMAND || entry->kind == RUN_QUESTION || entry->kind == RUN_HOOK;
}

const char *story_where(const struct story *story, const struct run_entry *entry)
{
    if (entry->baton != GROUP_NOBODY) {
        return story_node(story, entry->baton); /* whoever speaks; the words name the others */
    }
    return is_command(entry) && entry->node == GROUP_NOBODY ? "controller"
                                                            : story_node(story, entry->node);
}

const char *story_words(const struct story *story, const struct run_entry *entry)
{
    const char *where = story_where(story, entry);
    size_t len = strlen(where);

    return is_command(entry) && strncmp(entry->text, where, len) == 0 &&
                   strncmp(entry->text + len, ": ", 2) == 0
               ? entry->text + len + 2
               : entry->text;
}
