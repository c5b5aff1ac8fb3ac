#include "parts.h"

#include <string.h>

/* RFC 3629: no longer than needed, no surrogates, nothing above 10FFFF. */
static int decode_utf8(const uint8_t *at, size_t left, uint32_t *c)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    int len = at[0] < 0x80 ? 1 : at[0] < 0xC2 ? 0 : at[0] < 0xE0 ? 2 : at[0] < 0xF0 ? 3 : 4, i;

    if (len == 0 || at[0] > 0xF4) {
        return CHARSET_WRONG;
    }
    *c = len == 1 ? at[0] : at[0] & (0x7Fu >> len);
    for (i = 1; i < len; i++) {
        if ((size_t)i == left) {
            return 0;
        }
        if ((at[i] & 0xC0) != 0x80) {
            return CHARSET_WRONG;
        }
        *c = *c << 6 | (at[i] & 0x3F);
    }
    if (*c < least[len] || (*c >= 0xD800 && *c < 0xE000) || *c > 0x10FFFF) {
        return CHARSET_WRONG;
    }
    return len;
}

static int decode_utf16(const uint8_t *at, size_t left, bool big, uint32_t *c)
{
    uint32_t low;

    if (left < 2) {
        return 0;
    }
    *c = (uint32_t)(big ? at[0] << 8 | at[1] : at[1] << 8 | at[0]);
    if (*c < 0xD800 || *c >= 0xE000) {
        return 2;
    }
    if (*c >= 0xDC00) {
        return CHARSET_WRONG;
    }
    if (left < 4) {
        return 0;
    }
    low = (uint32_t)(big ? at[2] << 8 | at[3] : at[3] << 8 | at[2]);
    if (low < 0xDC00 || low >= 0xE000) {
        return CHARSET_WRONG;
    }
    *c = 0x10000 + ((*c & 0x3FF) << 10 | (low & 0x3FF));
    return 4;
}

int charset_decode(const struct charset *charset, const uint8_t *at, size_t left, uint32_t *c)
{
    switch (charset->kind) {
    case CHARSET_UTF8:
        return decode_utf8(at, left, c);
    case CHARSET_UTF16LE:
    case CHARSET_UTF16BE:
        return decode_utf16(at, left, charset->kind == CHARSET_UTF16BE, c);
    case CHARSET_TABLE:
        *c = at[0] < 0x80 ? at[0] : charset->high[at[0] - 0x80];
        return *c == 0 && at[0] != 0 ? CHARSET_WRONG : 1;
    case CHARSET_ASCII:
        *c = at[0];
        return at[0] < 0x80 ? 1 : CHARSET_WRONG;
    }
    return CHARSET_WRONG;
}

static int encode_utf8(uint32_t c, uint8_t out[4])
{
    int len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4, i;

    for (i = len - 1; i > 0; i--) {
        out[i] = (uint8_t)(0x80 | (c & 0x3F));
        c >>= 6;
    }
    out[0] = (uint8_t)(len == 1 ? c : (0xF00u >> len & 0xFF) | c);
    return len;
}

static int put16(uint32_t c, bool big, uint8_t *out)
{
    out[big ? 0 : 1] = (uint8_t)(c >> 8);
    out[big ? 1 : 0] = (uint8_t)c;
    return 2;
}

static int encode_utf16(uint32_t c, bool big, uint8_t out[4])
{
    if (c < 0x10000) {
        return put16(c, big, out);
    }
    c -= 0x10000;
    return put16(0xD800 | c >> 10, big, out) + put16(0xDC00 | (c & 0x3FF), big, out + 2);
}

int charset_encode(const struct charset *charset, uint32_t c, uint8_t out[4])
{
    int i;

    switch (charset->kind) {
    case CHARSET_UTF8:
        return encode_utf8(c, out);
    case CHARSET_UTF16LE:
    case CHARSET_UTF16BE:
        return encode_utf16(c, charset->kind == CHARSET_UTF16BE, out);
    case CHARSET_TABLE:
        for (i = 0; c >= 0x80 && i < 128; i++) {
            if (charset->high[i] == c) {
                out[0] = (uint8_t)(0x80 + i);
                return 1;
            }
        }
        break;
    case CHARSET_ASCII:
        break;
    }
    out[0] = (uint8_t)c;
    return c < 0x80 ? 1 : 0;
}

bool charset_find(const char *name, struct charset *out)
{
    static const char *const same[][2] = {
        {"latin1", "iso-8859-1"},      {"latin-1", "iso-8859-1"},  {"iso8859-1", "iso-8859-1"},
        {"iso_8859-1", "iso-8859-1"},  {"cp1252", "windows-1252"}, {"cp1250", "windows-1250"},
        {"cp1251", "windows-1251"},    {"cp850", "ibm850"},        {"cp437", "ibm437"},
        {"iso-latin-1", "iso-8859-1"}, {"tis-620", "windows-874"}, {"latin2", "iso-8859-2"},
    };
    size_t i;

    for (i = 0; i < sizeof same / sizeof same[0]; i++) {
        if (strcasecmp(same[i][0], name) == 0) {
            name = same[i][1];
        }
    }
    if (strcasecmp(name, "utf-8") == 0 || strcasecmp(name, "utf8") == 0) {
        *out = (struct charset){.kind = CHARSET_UTF8, .name = "UTF-8"};
        return true;
    }
    if (strcasecmp(name, "us-ascii") == 0 || strcasecmp(name, "ascii") == 0) {
        *out = (struct charset){.kind = CHARSET_ASCII, .name = "US-ASCII"};
        return true;
    }
    for (i = 0; i < n_charset_tables; i++) {
        const struct charset_table *table = &charset_tables[i];

        if (strcasecmp(table->name, name) == 0) {
            *out = (struct charset){CHARSET_TABLE, table->high, table->name};
            return true;
        }
    }
    return false;
}

int64_t charset_lines(const struct charset *charset, const uint8_t *at, size_t len)
{
    bool wide = charset->kind == CHARSET_UTF16LE || charset->kind == CHARSET_UTF16BE;
    int64_t lines = 0;
    size_t i;

    if (!wide) {
        for (i = 0; i < len; i++) {
            lines += at[i] == '\n';
        }
        return lines;
    }
    for (i = 0; i + 1 < len; i += 2) {
        uint32_t c = 0;

        lines += charset_decode(charset, at + i, len - i, &c) == 2 && c == '\n';
    }
    return lines;
}
