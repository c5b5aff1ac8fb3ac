/* Pieces in, characters to the format, bytes out. */
#include "parts.h"

#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Errors ------------------------------------------------------------------------------ */

bool rewrite_fail(struct rewrite *rewrite, const char *format, ...)
{
    char text[BATON_ERROR_TEXT_MAX - 64];
    int64_t line = rewrite->line;
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (rewrite->piece != NULL) {
        line += charset_lines(
            &rewrite->charset, rewrite->piece, (size_t)(rewrite->now - rewrite->piece));
    }
    rewrite->failed =
        baton_fail(rewrite->error, BATON_INVALID, "line %lld: %s", (long long)line, text);
    return false;
}

const char *rewrite_name(uint32_t c, char text[16])
{
    snprintf(text, 16, c > 0x20 && c < 0x7F ? "'%c'" : "U+%04X", (unsigned)c);
    return text;
}

/* ---- Out --------------------------------------------------------------------------------- */

static bool flush(struct rewrite *rewrite)
{
    size_t len = rewrite->n_out;

    rewrite->n_out = 0;
    if (len == 0) {
        return true;
    }
    sha256_add(rewrite->sha_out, rewrite->out, len);
    rewrite->count.bytes_out += (int64_t)len;
    if (!rewrite->sink(rewrite->arg, (const char *)rewrite->out, len)) {
        rewrite->failed =
            baton_fail(rewrite->error, BATON_IO, "what is rewritten can't be put away");
        return false;
    }
    return true;
}

bool rewrite_out(struct rewrite *rewrite, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        size_t room = OUT_MAX - rewrite->n_out, some = len < room ? len : room;

        memcpy(rewrite->out + rewrite->n_out, bytes, some);
        rewrite->n_out += some;
        bytes += some;
        len -= some;
        if (rewrite->n_out == OUT_MAX && !flush(rewrite)) {
            return false;
        }
    }
    return true;
}

uint32_t rewrite_utf8(const char **at)
{
    static const struct charset utf8 = {.kind = CHARSET_UTF8};
    uint32_t c = 0;
    int len = charset_decode(&utf8, (const uint8_t *)*at, 4, &c);

    *at += len > 0 ? len : 1;
    return c;
}

static bool put_char(struct rewrite *rewrite, uint32_t c)
{
    uint8_t bytes[4];
    int len = charset_encode(&rewrite->charset, c, bytes);
    char name[16];

    if (len == 0) {
        return rewrite_fail(
            rewrite, "%s of what is to be put in is not in the file's encoding, %s",
            rewrite_name(c, name), rewrite->charset.name);
    }
    return rewrite_out(rewrite, bytes, (size_t)len);
}

static bool put_word(struct rewrite *rewrite, const char *word)
{
    bool ok = true;

    for (; ok && *word != '\0'; word++) {
        ok = put_char(rewrite, (uint8_t)*word);
    }
    return ok;
}

bool rewrite_put(struct rewrite *rewrite, const char *text, enum value_kind kind)
{
    bool ok = true;

    if (kind == VALUE_CDATA && strstr(text, "]]>") != NULL) {
        return rewrite_fail(rewrite, "what is to be put in has \"]]>\", and CDATA ends there");
    }
    while (ok && *text != '\0') {
        uint32_t c = rewrite_utf8(&text);

        if (kind == VALUE_JSON && (c == '\\' || c == '"')) {
            ok = put_char(rewrite, '\\') && put_char(rewrite, c);
        } else if (kind == VALUE_XML && strchr("&<>\"'", (int)(c < 0x80 ? c : 'x')) != NULL) {
            ok = put_word(
                rewrite, c == '&'   ? "&amp;"
                         : c == '<' ? "&lt;"
                         : c == '>' ? "&gt;"
                         : c == '"' ? "&quot;"
                                    : "&apos;");
        } else {
            ok = put_char(rewrite, c);
        }
    }
    return ok;
}

/* ---- In ---------------------------------------------------------------------------------- */

static bool give(struct rewrite *rewrite, uint32_t c, const uint8_t *raw, size_t len)
{
    return rewrite->format == REWRITE_XML ? xml_char(rewrite, c, raw, len)
                                          : json_char(rewrite, c, raw, len);
}

static bool is_wide(const struct rewrite *rewrite)
{
    return rewrite->charset.kind == CHARSET_UTF16LE || rewrite->charset.kind == CHARSET_UTF16BE;
}

static bool wrong_bytes(struct rewrite *rewrite, const uint8_t *at)
{
    return rewrite_fail(
        rewrite, "the byte %02X is not in the file's encoding, %s", *at, rewrite->charset.name);
}

/* What was left of the last piece, and as much of this one as completes its character. */
static bool use_carry(struct rewrite *rewrite, const uint8_t **at, const uint8_t *end)
{
    while (rewrite->n_carry > 0 && *at < end) {
        uint32_t c = 0;
        int len;

        rewrite->carry[rewrite->n_carry++] = *(*at)++;
        len = charset_decode(&rewrite->charset, rewrite->carry, rewrite->n_carry, &c);
        if (len == CHARSET_WRONG) {
            return wrong_bytes(rewrite, rewrite->carry);
        }
        if (len > 0) {
            rewrite->n_carry = 0;
            rewrite->line += c == '\n'; /* the piece counts its own only */
            if (!give(rewrite, c, rewrite->carry, (size_t)len)) {
                return false;
            }
        }
    }
    return true;
}

static bool use_chars(struct rewrite *rewrite, const uint8_t *at, const uint8_t *end)
{
    bool wide = is_wide(rewrite), is_xml = rewrite->format == REWRITE_XML;
    int64_t base = rewrite->offset;

    rewrite->piece = at;
    while (at < end) {
        uint32_t c = 0;
        int len;

        if (!wide) {
            rewrite->now = at;
            at = is_xml ? xml_run(rewrite, at, end) : json_run(rewrite, at, end);
            if (at == NULL) {
                return false;
            }
            if (at == end) {
                break;
            }
        }
        rewrite->now = at;
        rewrite->offset = base + (at - rewrite->piece);
        len = charset_decode(&rewrite->charset, at, (size_t)(end - at), &c);
        if (len == CHARSET_WRONG) {
            return wrong_bytes(rewrite, at);
        }
        if (len == 0) {
            rewrite->n_carry = (size_t)(end - at);
            memcpy(rewrite->carry, at, rewrite->n_carry);
            break;
        }
        if (!give(rewrite, c, at, (size_t)len)) {
            return false;
        }
        at += len;
    }
    return true;
}

static bool use(struct rewrite *rewrite, const uint8_t *bytes, size_t len)
{
    const uint8_t *at = bytes, *end = bytes + len;
    bool ok = use_carry(rewrite, &at, end);
    int64_t base = rewrite->count.bytes_in;

    rewrite->offset = base + (at - bytes);
    ok = ok && use_chars(rewrite, at, end);
    if (rewrite->piece != NULL) {
        rewrite->line += charset_lines(&rewrite->charset, at, (size_t)(end - at));
    }
    rewrite->piece = NULL;
    rewrite->count.bytes_in = base + (int64_t)len;
    return ok;
}

/* ---- The begin --------------------------------------------------------------------------- */

/* `bytes` after the head that was kept. */
static bool begin(struct rewrite *rewrite, const uint8_t **bytes, size_t *len, bool ended)
{
    size_t room = HEAD_MAX - rewrite->n_head, some = *len < room ? *len : room, mark;
    uint8_t head[HEAD_MAX];
    bool more;

    memcpy(rewrite->head + rewrite->n_head, *bytes, some);
    rewrite->n_head += some;
    *bytes += some;
    *len -= some;
    if (!head_decide(rewrite, ended, &more)) {
        return more;
    }
    mark = is_wide(rewrite) ? 2 : memcmp(rewrite->head, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    memcpy(head, rewrite->head, rewrite->n_head);
    rewrite->count.bytes_in = (int64_t)mark;
    return rewrite_out(rewrite, head, mark) && use(rewrite, head + mark, rewrite->n_head - mark);
}

/* ---- The calls --------------------------------------------------------------------------- */

enum baton_err rewrite_feed(
    struct rewrite *rewrite, const char *bytes, size_t len, struct baton_error *error)
{
    const uint8_t *at = (const uint8_t *)bytes;
    bool ok = true;

    rewrite->error = error;
    if (rewrite->failed != BATON_OK) {
        return baton_fail(error, rewrite->failed, "it was given up before");
    }
    sha256_add(rewrite->sha_in, bytes, len);
    if (!rewrite->decided) {
        ok = begin(rewrite, &at, &len, false);
    }
    if (ok && len > 0) {
        ok = use(rewrite, at, len);
    }
    return ok ? BATON_OK : rewrite->failed;
}

enum baton_err rewrite_end(
    struct rewrite *rewrite, struct rewrite_count *count, struct baton_error *error)
{
    const uint8_t *nothing = (const uint8_t *)"";
    size_t len = 0;
    bool ok = true;

    rewrite->error = error;
    if (rewrite->failed != BATON_OK) {
        return baton_fail(error, rewrite->failed, "it was given up before");
    }
    if (!rewrite->decided) {
        ok = begin(rewrite, &nothing, &len, true);
    }
    if (ok && rewrite->n_carry > 0) {
        ok = rewrite_fail(rewrite, "it ends in the middle of a character");
    }
    ok = ok && (rewrite->format == REWRITE_XML ? xml_end(rewrite) : json_end(rewrite)) &&
         flush(rewrite);
    if (!ok) {
        return rewrite->failed;
    }
    sha256_end(rewrite->sha_in, rewrite->count.sha256_in);
    sha256_end(rewrite->sha_out, rewrite->count.sha256_out);
    rewrite->failed = BATON_INVALID; /* nothing more may come */
    *count = rewrite->count;
    return BATON_OK;
}

/* ---- Life -------------------------------------------------------------------------------- */

static bool is_utf8(const char *text)
{
    static const struct charset utf8 = {.kind = CHARSET_UTF8};
    size_t left = strlen(text);
    uint32_t c;
    int len;

    for (; left > 0; text += len, left -= (size_t)len) {
        len = charset_decode(&utf8, (const uint8_t *)text, left, &c);
        if (len <= 0 || c < 0x20) {
            return false;
        }
    }
    return true;
}

/* Without slashes at its end. */
static size_t stem(const char *text)
{
    size_t len = strlen(text);

    while (len > 0 && (text[len - 1] == '/' || text[len - 1] == '\\')) {
        len--;
    }
    return len;
}

static void take_path(struct rule *rule, const char *path)
{
    const char *at = path, *end = path + stem(path);

    while (at < end) {
        uint32_t c = rewrite_utf8(&at);

        rule->from[rule->n++] = c == '\\' ? '/' : fold(c);
    }
}

/* "/srv" that becomes "/srv/mail" is not to become "/srv/mail/mail" when it is done again: what is
 * so already stays. So does all where both are one path. */
static void take_same(struct rewrite *rewrite, struct rule *rule, const char *to)
{
    struct rule *same = &rewrite->rule[rewrite->n_rules];
    bool begins;

    take_path(same, to);
    begins = same->n >= rule->n &&
             memcmp(same->from, rule->from, (size_t)rule->n * sizeof rule->from[0]) == 0;
    if (begins && same->n == rule->n) {
        memory_free(rule->to);
        rule->to = NULL;
        same->n = 0;
    } else if (begins && same->from[rule->n] == '/') {
        rewrite->n_rules++;
    } else {
        same->n = 0;
    }
}

static enum baton_err take_rule(
    struct rewrite *rewrite, const struct rewrite_rule *from, struct baton_error *error)
{
    struct rule *rule = &rewrite->rule[rewrite->n_rules];
    bool forward, back;

    if (from->from == NULL || from->to == NULL || !is_utf8(from->from) || !is_utf8(from->to)) {
        return baton_fail(error, BATON_INVALID, "a path to rewrite is no text of UTF-8");
    }
    if (stem(from->from) == 0 || stem(from->to) == 0) {
        return baton_fail(
            error, BATON_INVALID, "a path to rewrite is empty: \"%.200s\" to \"%.200s\"",
            from->from, from->to);
    }
    if (strlen(from->from) >= RULE_CHARS_MAX || strlen(from->to) >= RULE_CHARS_MAX) {
        return baton_fail(error, BATON_LIMIT, "a path to rewrite is too long");
    }
    take_path(rule, from->from);
    rule->to = memory_zeroed(1, strlen(from->to) + 1);
    if (rule->to == NULL) {
        return baton_fail(error, BATON_NOMEM, "no memory for rewriting");
    }
    memcpy(rule->to, from->to, stem(from->to));
    forward = strchr(from->to, '/') != NULL;
    back = strchr(from->to, '\\') != NULL;
    rule->slash = forward == back ? 0 : forward ? '/' : '\\';
    rewrite->n_rules++;
    take_same(rewrite, rule, from->to);
    return BATON_OK;
}

enum baton_err rewrite_new(
    const struct rewrite_rule *rules, int n_rules, enum rewrite_format format,
    rewrite_sink_fn *sink, void *arg, struct rewrite **out, struct baton_error *error)
{
    struct rewrite *rewrite;
    enum baton_err err = BATON_OK;
    int i;

    if (n_rules < 0 || n_rules > RULES_MAX) {
        return baton_fail(error, BATON_LIMIT, "more than %d paths to rewrite", RULES_MAX);
    }
    rewrite = memory_zeroed(1, sizeof *rewrite);
    if (rewrite == NULL) {
        return baton_fail(error, BATON_NOMEM, "no memory for rewriting");
    }
    rewrite->rule = memory_zeroed(2 * (size_t)n_rules + 1, sizeof *rewrite->rule);
    rewrite->format = format;
    rewrite->sink = sink;
    rewrite->arg = arg;
    rewrite->line = 1;
    rewrite->sha_in = sha256_new();
    rewrite->sha_out = sha256_new();
    for (i = 0; i < n_rules && rewrite->rule != NULL && err == BATON_OK; i++) {
        err = take_rule(rewrite, &rules[i], error);
    }
    if (err == BATON_OK && (rewrite->rule == NULL || rewrite->sha_in == NULL ||
                            rewrite->sha_out == NULL || !prefix_init(rewrite))) {
        err = baton_fail(error, BATON_NOMEM, "no memory for rewriting");
    }
    if (err != BATON_OK) {
        rewrite_free(rewrite);
        return err;
    }
    *out = rewrite;
    return BATON_OK;
}

void rewrite_free(struct rewrite *rewrite)
{
    int i;

    if (rewrite == NULL) {
        return;
    }
    for (i = 0; rewrite->rule != NULL && i < rewrite->n_rules; i++) {
        memory_free(rewrite->rule[i].to);
    }
    memory_free(rewrite->rule);
    sha256_free(rewrite->sha_in);
    sha256_free(rewrite->sha_out);
    prefix_fini(rewrite);
    memory_free(rewrite);
}
