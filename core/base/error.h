/* The one error type.
 *
 * A function that can fail returns `enum baton_err` and, where it can say more, fills
 * the `struct baton_error` that its caller gave it (which may be NULL). The sentence
 * says what went wrong, where (file and line, node and step) and what to do about it.
 * Whoever handles an error logs it, once; nobody logs and passes on.
 */
#ifndef BATON_BASE_ERROR_H
#define BATON_BASE_ERROR_H

#include <stdarg.h>

enum baton_err {
    BATON_OK = 0,
    BATON_REFUSED,   /* legal to ask, not to be done now */
    BATON_INVALID,   /* the input is wrong: configuration, policy, request */
    BATON_NOT_FOUND, /* no such group, node, file */
    BATON_NOMEM,
    BATON_IO,      /* the world outside failed: disk, network, child */
    BATON_TIMEOUT, /* a deadline passed */
    BATON_LIMIT,   /* a bound was reached: memory cap, instruction budget, queue */
    BATON_BUG,     /* an invariant is broken */
};

#define BATON_ERROR_TEXT_MAX 1024

struct baton_error {
    enum baton_err code;
    char text[BATON_ERROR_TEXT_MAX]; /* always terminated; empty when nothing failed */
};

/* Fill `error` (may be NULL) and return `code`, so that a failing function can end in
 * `return baton_fail(error, BATON_INVALID, "%s:%d: …", file, line)`. A text that is too
 * long is cut, never overrun. */
enum baton_err baton_fail(struct baton_error *error, enum baton_err code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* clang's analyzer sees one file at a time; this tells it that a failure is never BATON_OK. */
#ifdef __clang_analyzer__
#define baton_fail(error, code, ...) ((void)(baton_fail)(error, code, __VA_ARGS__), (code))
#endif

/* The same with a `va_list`. */
enum baton_err baton_vfail(
    struct baton_error *error, enum baton_err code, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

/* One word for logs and JSON: "refused", "invalid", … Never NULL. */
const char *baton_err_name(enum baton_err code);

#endif
