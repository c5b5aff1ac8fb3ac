/* Prefixes in a value, a character at a time.
 *
 * A prefix is matched from a place where a path may begin to one where a component of it ends, the
 * longest where several are. Characters that might belong to one wait in a queue until that is
 * decided; then what was replaced is written, or the first of them goes out as it came and the
 * next is where a prefix might begin. */
#include "parts.h"

#include "base/memory.h"

#include <string.h>

/* ---- Where paths begin and end ----------------------------------------------------------- */

static bool is_slash(uint32_t c)
{
    return c == '/' || c == '\\';
}

static bool is_word(uint32_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           c >= 0x80 || c == '_';
}

bool prefix_may_begin(uint32_t before, uint32_t first)
{
    if (before == 0) {
        return true;
    }
    if (is_word(before) || is_slash(before) || before == '-' || before == '.') {
        return false;
    }
    /* "host:/path" and "C:/path" are other paths; "in:C:\path" is this one. */
    return !(before == ':' && is_slash(first));
}

#define CONTROL (BYTE_XML | BYTE_JSON | BYTE_END)

/* What ends a path is nothing that a name may hold, such as a blank. */
const uint8_t byte_kinds[256] = {
    [0 ... 8] = CONTROL,
    ['\t'] = BYTE_JSON | BYTE_END,
    ['\n'] = BYTE_JSON | BYTE_END,
    [11 ... 12] = CONTROL,
    ['\r'] = BYTE_JSON | BYTE_END,
    [14 ... 31] = CONTROL,
    ['"'] = BYTE_QUOTE | BYTE_JSON | BYTE_END,
    ['\''] = BYTE_QUOTE | BYTE_END,
    ['<'] = BYTE_XML | BYTE_END,
    ['&'] = BYTE_XML,
    [']'] = BYTE_XML | BYTE_END,
    ['>'] = BYTE_END,
    ['|'] = BYTE_END,
    ['?'] = BYTE_END,
    ['*'] = BYTE_END,
    [':'] = BYTE_END | BYTE_NAME,
    [';'] = BYTE_END,
    [','] = BYTE_END,
    [')'] = BYTE_END,
    ['}'] = BYTE_END,
    ['/'] = BYTE_SLASH,
    ['\\'] = BYTE_SLASH | BYTE_JSON,
    ['-'] = BYTE_NAME,
    ['.'] = BYTE_NAME,
    ['_'] = BYTE_NAME,
    ['0' ... '9'] = BYTE_NAME,
    ['A' ... 'Z'] = BYTE_NAME,
    ['a' ... 'z'] = BYTE_NAME,
    [0x80 ... 0xFF] = BYTE_HIGH,
};

static bool ends_path(uint32_t c)
{
    return c < 0x80 && (byte_kinds[c] & BYTE_END) != 0;
}

/* ---- What goes out ----------------------------------------------------------------------- */

static bool put_slash(struct rewrite *rewrite, uint32_t slash)
{
    return rewrite_put(rewrite, slash == '/' ? "/" : "\\", rewrite->prefix.kind);
}

static bool let_go(struct rewrite *rewrite)
{
    struct prefix *prefix = &rewrite->prefix;
    const struct unit *unit = &prefix->queue[prefix->head++];

    prefix->before = unit->c;
    if (ends_path(unit->c)) {
        prefix->rest = 0;
    }
    if (prefix->rest != 0 && is_slash(unit->c) && unit->c != prefix->rest) {
        return put_slash(rewrite, prefix->rest);
    }
    return rewrite_out(rewrite, unit->raw, unit->len);
}

static bool replace(struct rewrite *rewrite)
{
    struct prefix *prefix = &rewrite->prefix;
    const struct rule *rule = &rewrite->rule[prefix->best];
    bool ok = true;
    int i;

    if (rule->to == NULL) {
        for (i = 0; ok && i < prefix->best_len; i++) {
            ok = let_go(rewrite);
        }
        return ok;
    }
    prefix->head += prefix->best_len;
    prefix->before = 'x'; /* in the middle of a path */
    prefix->rest = rule->slash;
    rewrite->count.replaced++;
    return rewrite_put(rewrite, rule->to, prefix->kind);
}

/* ---- Matching ---------------------------------------------------------------------------- */

static uint32_t seen(uint32_t c)
{
    return c == '\\' ? '/' : fold(c);
}

/* Rules that the character at place `at` of them lets live. */
static uint32_t still_alive(const struct rewrite *rewrite, uint32_t alive, int at, uint32_t c)
{
    uint32_t left = 0;
    int i;

    for (i = 0; i < rewrite->n_rules; i++) {
        const struct rule *rule = &rewrite->rule[i];

        if ((alive >> i & 1) != 0 && at < rule->n && rule->from[at] == c) {
            left |= UINT32_C(1) << i;
        }
    }
    return left;
}

/* A rule that is complete with `at` characters, where `next` may come behind it. */
static void note_complete(struct rewrite *rewrite, uint32_t next)
{
    struct prefix *prefix = &rewrite->prefix;
    int i;

    if (next != 0 && !is_slash(next) && !ends_path(next)) {
        return;
    }
    for (i = 0; i < rewrite->n_rules; i++) {
        if ((prefix->alive >> i & 1) != 0 && rewrite->rule[i].n == prefix->at) {
            prefix->best = i;
            prefix->best_len = prefix->at;
            return; /* the first that was given, of two alike */
        }
    }
}

/* Decide as far as can be; `ended`: no more comes. */
static bool decide(struct rewrite *rewrite, bool ended)
{
    struct prefix *prefix = &rewrite->prefix;
    bool ok = true;

    while (ok && prefix->head < prefix->tail) {
        const struct unit *first = &prefix->queue[prefix->head];
        bool more;

        if (!prefix->matching) {
            prefix->alive = prefix_may_begin(prefix->before, first->c)
                                ? still_alive(rewrite, UINT32_MAX, 0, seen(first->c))
                                : 0;
            if (prefix->alive == 0) {
                ok = let_go(rewrite);
                continue;
            }
            prefix->matching = true;
            prefix->at = 1;
            prefix->best = -1;
        }
        more = prefix->head + prefix->at < prefix->tail;
        if (!more && !ended) {
            break;
        }
        note_complete(rewrite, more ? first[prefix->at].c : 0);
        prefix->alive =
            more ? still_alive(rewrite, prefix->alive, prefix->at, seen(first[prefix->at].c)) : 0;
        prefix->at++;
        if (prefix->alive == 0) {
            prefix->matching = false;
            ok = prefix->best >= 0 ? replace(rewrite) : let_go(rewrite);
        }
    }
    if (prefix->head == prefix->tail) {
        prefix->head = prefix->tail = 0;
    }
    return ok;
}

void prefix_open(struct rewrite *rewrite, enum value_kind kind)
{
    rewrite->prefix.kind = kind;
    rewrite->prefix.before = 0;
    rewrite->prefix.rest = 0;
}

bool prefix_char(struct rewrite *rewrite, uint32_t c, const uint8_t *raw, size_t len)
{
    struct prefix *prefix = &rewrite->prefix;
    struct unit *unit;

    if (prefix->tail == prefix->size) { /* what has gone out is at its begin */
        memmove(
            prefix->queue, prefix->queue + prefix->head,
            (size_t)(prefix->tail - prefix->head) * sizeof *prefix->queue);
        prefix->tail -= prefix->head;
        prefix->head = 0;
    }
    unit = &prefix->queue[prefix->tail++];
    unit->c = c;
    unit->len = (uint8_t)len;
    memcpy(unit->raw, raw, len);
    return decide(rewrite, false);
}

bool prefix_close(struct rewrite *rewrite)
{
    bool ok = decide(rewrite, true);

    rewrite->prefix.matching = false;
    return ok;
}

const uint8_t *prefix_run(
    struct rewrite *rewrite, const uint8_t *at, const uint8_t *end, uint8_t stop)
{
    struct prefix *prefix = &rewrite->prefix;
    const uint8_t *from = at;

    if (prefix->head != prefix->tail) {
        return at;
    }
    stop |= BYTE_HIGH | (prefix->rest != 0 ? BYTE_END | BYTE_SLASH : 0);
    for (; at < end && (byte_kinds[*at] & stop) == 0; at++) {
        if (prefix->interesting[*at] &&
            prefix_may_begin(at > from ? at[-1] : prefix->before, *at)) {
            break;
        }
    }
    if (at == from) {
        return at;
    }
    prefix->before = at[-1];
    return rewrite_out(rewrite, from, (size_t)(at - from)) ? at : NULL;
}

/* ---- Life -------------------------------------------------------------------------------- */

bool prefix_init(struct rewrite *rewrite)
{
    struct prefix *prefix = &rewrite->prefix;
    int longest = 0, i, c;

    for (i = 0; i < rewrite->n_rules; i++) {
        longest = rewrite->rule[i].n > longest ? rewrite->rule[i].n : longest;
        for (c = 0; c < 256; c++) {
            /* A byte from 0x80 on may be the start of anything. */
            prefix->interesting[c] |= c >= 0x80 || rewrite->rule[i].from[0] == seen((uint32_t)c);
        }
    }
    prefix->size = 2 * (longest + 2);
    prefix->queue = memory_zeroed((size_t)prefix->size, sizeof *prefix->queue);
    return prefix->queue != NULL;
}

void prefix_fini(struct rewrite *rewrite)
{
    memory_free(rewrite->prefix.queue);
}
