#include "config/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int rank_of(const struct report *report, const char *file)
{
    int i;

    for (i = 0; i < report->count; i++) {
        if (report->item[i].file != NULL && strcmp(report->item[i].file, file) == 0) {
            return report->item[i].rank;
        }
    }
    return report->count;
}

void report_add(
    struct report *report, enum baton_err code, const char *file, int line, const char *format, ...)
{
    struct report_item *item;
    va_list args;
    char *text = NULL;

    report->code = report->code == BATON_OK ? code : report->code;
    if (report->count == REPORT_MAX) {
        report->more++;
        return;
    }
    va_start(args, format);
    if (vasprintf(&text, format, args) < 0) {
        text = NULL;
    }
    va_end(args);
    item = &report->item[report->count];
    item->rank = rank_of(report, file);
    item->file = strdup(file);
    item->text = text;
    item->line = line;
    item->order = report->count++;
}

/* Those of one file together, the files in the order in which they were first named. */
static int by_line(const void *a, const void *b)
{
    const struct report_item *x = a, *y = b;

    if (x->rank != y->rank) {
        return x->rank - y->rank;
    }
    return x->line != y->line ? (x->line > y->line) - (x->line < y->line) : x->order - y->order;
}

static int print_item(char *line, size_t size, const struct report_item *item)
{
    const char *file = item->file != NULL ? item->file : "?";
    const char *text = item->text != NULL ? item->text : "no memory";

    return item->line > 0 ? snprintf(line, size, "%s:%d: %s", file, item->line, text)
                          : snprintf(line, size, "%s: %s", file, text);
}

enum baton_err report_end(struct report *report, struct baton_error *error)
{
    char all[BATON_ERROR_TEXT_MAX] = "", line[BATON_ERROR_TEXT_MAX];
    size_t at = 0, room = sizeof all - 24; /* for the last line */
    int i;

    if (report->code == BATON_OK) {
        return BATON_OK;
    }
    qsort(report->item, (size_t)report->count, sizeof report->item[0], by_line);
    for (i = 0; i < report->count; i++) {
        int len = print_item(line, sizeof line, &report->item[i]);

        if (i > 0 && at + (size_t)len + 1 >= room) {
            break;
        }
        at += (size_t)snprintf(all + at, room - at, "%s%s", i > 0 ? "\n" : "", line);
        at = at < room ? at : room - 1;
    }
    if (i < report->count || report->more > 0) {
        snprintf(all + at, sizeof all - at, "\n… and %d more", report->count - i + report->more);
    }
    return baton_fail(error, report->code, "%s", all);
}

void report_fini(struct report *report)
{
    int i;

    for (i = 0; i < report->count; i++) {
        free(report->item[i].file);
        free(report->item[i].text);
    }
    memset(report, 0, sizeof *report);
}
