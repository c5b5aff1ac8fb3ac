#include "rewrite_try.h"

#include <stdlib.h>
#include <string.h>

static bool take(void *arg, const char *bytes, size_t len)
{
    struct tried *tried = arg;
    char *longer = realloc(tried->out, tried->len + len + 1);

    if (longer == NULL) {
        return false;
    }
    tried->out = longer;
    memcpy(tried->out + tried->len, bytes, len);
    tried->len += len;
    tried->out[tried->len] = '\0';
    return true;
}

struct tried rewrite_try(
    const char *text, size_t len, const char *const *rules, enum rewrite_format format,
    size_t piece)
{
    struct rewrite_rule rule[32];
    struct tried tried = {.out = calloc(1, 1)};
    struct rewrite *rewrite = NULL;
    size_t at, some;
    int n = 0;

    for (; rules[2 * n] != NULL; n++) {
        rule[n] = (struct rewrite_rule){rules[2 * n], rules[2 * n + 1]};
    }
    tried.err = rewrite_new(rule, n, format, take, &tried, &rewrite, &tried.error);
    for (at = 0; at < len && tried.err == BATON_OK; at += some) {
        char *copy;

        some = piece > 0 && piece < len - at ? piece : len - at;
        copy = malloc(some); /* so that a sanitizer sees what is read beyond it */
        memcpy(copy, text + at, some);
        tried.err = rewrite_feed(rewrite, copy, some, &tried.error);
        free(copy);
    }
    if (tried.err == BATON_OK) {
        tried.err = rewrite_end(rewrite, &tried.count, &tried.error);
    }
    rewrite_free(rewrite);
    return tried;
}
