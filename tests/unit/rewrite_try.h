/* One text through the rewriter, in pieces of one size. */
#ifndef REWRITE_TRY_H
#define REWRITE_TRY_H

#include "rewrite/rewrite.h"

struct tried {
    enum baton_err err;
    char *out; /* malloc'd */
    size_t len;
    struct rewrite_count count;
    struct baton_error error;
};

/* Rules as "from", "to", …, ending with NULL; `piece` 0: all at once. */
struct tried rewrite_try(
    const char *text, size_t len, const char *const *rules, enum rewrite_format format,
    size_t piece);

#endif
