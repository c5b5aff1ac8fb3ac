/* The list of what is wrong with a configuration: all of it, each with its place. */
#ifndef BATON_CONFIG_REPORT_H
#define BATON_CONFIG_REPORT_H

#include "base/error.h"

#define REPORT_MAX 20 /* more are counted, not kept */

struct report_item {
    char *file, *text;
    int line, order, rank; /* see report_end */
};

struct report {
    struct report_item item[REPORT_MAX];
    int count, more;
    enum baton_err code; /* of the first one */
};

/* "file:line: text"; a line of 0 is left out. The text says what, and what to do. */
void report_add(
    struct report *report, enum baton_err code, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* All of them in the order of the lines, as many as an error can hold. BATON_OK if none. */
enum baton_err report_end(struct report *report, struct baton_error *error);

/* Free the items; report_end has been called or not. */
void report_fini(struct report *report);

#endif
