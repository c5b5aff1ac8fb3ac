#include "error.h"

#include <stdio.h>

enum baton_err baton_vfail(
    struct baton_error *error, enum baton_err code, const char *format, va_list args)
{
    if (error != NULL) {
        error->code = code;
        vsnprintf(error->text, sizeof error->text, format, args);
    }
    return code;
}

#undef baton_fail /* what clang's analyzer is told instead of this */
enum baton_err baton_fail(struct baton_error *error, enum baton_err code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    baton_vfail(error, code, format, args);
    va_end(args);
    return code;
}

const char *baton_err_name(enum baton_err code)
{
    static const char *const names[] = {
        [BATON_OK] = "ok",           [BATON_REFUSED] = "refused",
        [BATON_INVALID] = "invalid", [BATON_NOT_FOUND] = "not-found",
        [BATON_NOMEM] = "no-memory", [BATON_IO] = "io",
        [BATON_TIMEOUT] = "timeout", [BATON_LIMIT] = "limit",
        [BATON_BUG] = "bug",
    };

    if ((unsigned)code >= sizeof names / sizeof names[0]) {
        return "unnamed";
    }
    return names[code];
}
