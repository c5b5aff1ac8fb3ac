/* JUnit XML, as Jenkins, GitLab and others read it: a suite for each scenario, a case for
 * each expectation. Times are virtual seconds, so that the same seed gives the same bytes. */
#include "report.h"

#include <stdlib.h>
#include <string.h>

struct report_junit {
    xmlBuffer *body, *all;
    xmlTextWriter *out;
    int tests, failures, errors;
    int64_t ms;
};

struct report_junit *report_junit_open(void)
{
    struct report_junit *junit = calloc(1, sizeof *junit);

    if (junit == NULL) {
        return NULL;
    }
    junit->body = xmlBufferCreate();
    junit->all = xmlBufferCreate();
    junit->out = junit->body != NULL ? xmlNewTextWriterMemory(junit->body, 0) : NULL;
    if (junit->out == NULL || junit->all == NULL) {
        report_junit_free(junit);
        return NULL;
    }
    xmlTextWriterSetIndent(junit->out, 1);
    xmlTextWriterSetIndentString(junit->out, (const xmlChar *)"  ");
    return junit;
}

void report_junit_free(struct report_junit *junit)
{
    if (junit == NULL) {
        return;
    }
    if (junit->out != NULL) {
        xmlFreeTextWriter(junit->out);
    }
    xmlBufferFree(junit->body);
    xmlBufferFree(junit->all);
    free(junit);
}

static void set_seconds(xmlTextWriter *out, int64_t ms)
{
    tag_set(out, "time", "%lld.%03lld", (long long)(ms / 1000), (long long)(ms % 1000));
}

/* "tests/scenario/lunch.lua" is "tests.scenario.lunch": what consumers make folders of. */
static void class_name(const char *file, char *name, size_t size)
{
    size_t len;
    char *at;

    while (strncmp(file, "./", 2) == 0 || strncmp(file, "../", 3) == 0 || file[0] == '/') {
        file += strcspn(file, "/") + 1;
    }
    snprintf(name, size, "%s", file);
    len = strlen(name);
    if (len > 4 && strcmp(name + len - 4, ".lua") == 0) {
        name[len - 4] = '\0';
    }
    for (at = name; *at != '\0'; at++) {
        if (*at == '/') {
            *at = '.';
        }
    }
}

static void open_case(
    xmlTextWriter *out, const struct story *story, const char *name, const char *class, int line)
{
    tag_open(out, "testcase");
    tag_set(out, "name", "%s", name);
    tag_set(out, "classname", "%s", class);
    tag_set(out, "file", "%s", story->file);
    if (line > 0) {
        tag_set(out, "line", "%d", line);
    }
    set_seconds(out, story->end_ms);
}

static void write_case(
    xmlTextWriter *out, const struct story *story, const struct run_verdict *verdict,
    const char *class)
{
    int line = verdict->expect != NULL ? verdict->expect->line : 0;

    open_case(out, story, verdict->text, class, line);
    if (!verdict->held) {
        tag_open(out, "failure");
        tag_set(out, "message", "%s", verdict->why);
        tag_set(out, "type", "%s", verdict->expect != NULL ? "expectation" : "invariant");
        if (line > 0) {
            tag_text(out, "%s:%d: expected %s: %s", story->file, line, verdict->text, verdict->why);
        } else {
            tag_text(out, "%s: expected %s: %s", story->file, verdict->text, verdict->why);
        }
        xmlTextWriterEndElement(out);
    }
    xmlTextWriterEndElement(out);
}

/* What the story has to say beside its verdicts: it could not be run, or has none. */
static void write_whole(xmlTextWriter *out, const struct story *story, const char *class)
{
    open_case(out, story, "runs to its end", class, 0);
    if (!story->passed) {
        tag_open(out, story->stopped ? "error" : "failure");
        tag_set(out, "message", "%s", story_bare(story->why));
        tag_set(out, "type", "%s", story->stopped ? "error" : "scenario");
        tag_text(out, "%s", story->why);
        xmlTextWriterEndElement(out);
    }
    xmlTextWriterEndElement(out);
}

bool report_junit_add(struct report_junit *junit, const struct story *story)
{
    xmlTextWriter *out = junit->out;
    int broken = story->n_verdicts - story->held, i;
    /* A failure that no verdict tells is a case of its own, and so is a story without any. */
    bool whole = story->stopped || story->n_verdicts == 0 || (!story->passed && broken == 0);
    int failures = broken + (whole && !story->passed && !story->stopped), tests;
    char class[512];

    class_name(story->file, class, sizeof class);
    tests = story->n_verdicts + whole;
    tag_open(out, "testsuite");
    tag_set(out, "name", "%s", story->name);
    tag_set(out, "file", "%s", story->file);
    tag_set(out, "tests", "%d", tests);
    tag_set(out, "failures", "%d", failures);
    tag_set(out, "errors", "%d", story->stopped);
    tag_set(out, "skipped", "0");
    set_seconds(out, story->end_ms);
    for (i = 0; i < story->n_verdicts; i++) {
        write_case(out, story, &story->verdict[i], class);
    }
    if (whole) {
        write_whole(out, story, class);
    }
    junit->tests += tests;
    junit->failures += failures;
    junit->errors += story->stopped;
    junit->ms += story->end_ms;
    return xmlTextWriterEndElement(out) >= 0;
}

const char *report_junit_end(struct report_junit *junit, size_t *len)
{
    xmlTextWriter *out = xmlNewTextWriterMemory(junit->all, 0);
    bool ok = out != NULL && xmlTextWriterFlush(junit->out) >= 0;

    if (ok) {
        xmlTextWriterStartDocument(out, NULL, "UTF-8", NULL);
        tag_open(out, "testsuites");
        tag_set(out, "name", "baton simulate");
        tag_set(out, "tests", "%d", junit->tests);
        tag_set(out, "failures", "%d", junit->failures);
        tag_set(out, "errors", "%d", junit->errors);
        set_seconds(out, junit->ms);
        xmlTextWriterWriteRaw(out, (const xmlChar *)"\n");
        xmlTextWriterWriteRaw(out, xmlBufferContent(junit->body));
        ok = xmlTextWriterEndDocument(out) >= 0 && xmlTextWriterFlush(out) >= 0;
    }
    if (out != NULL) {
        xmlFreeTextWriter(out);
    }
    *len = (size_t)xmlBufferLength(junit->all);
    return ok ? (const char *)xmlBufferContent(junit->all) : NULL;
}
