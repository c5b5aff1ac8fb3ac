/* Encoding and format, by how a file begins. */
#include "parts.h"

#include <stdio.h>
#include <string.h>

/* The value of encoding="…" in an XML declaration. */
static bool named_encoding(const char *declaration, char *name, size_t size)
{
    const char *at = strstr(declaration, "encoding");
    size_t len;

    if (at == NULL) {
        return false;
    }
    at += strlen("encoding");
    at += strspn(at, " \t\r\n");
    if (*at != '=') {
        return false;
    }
    at += 1 + strspn(at + 1, " \t\r\n");
    len = *at == '"' || *at == '\'' ? strcspn(at + 1, "\"'") : 0;
    snprintf(name, size, "%.*s", (int)(len < size ? len : size - 1), at + 1);
    return len > 0;
}

static bool read_declaration(struct rewrite *rewrite, const char *text)
{
    char name[64];
    struct charset found;

    rewrite->xml.declared = true;
    if (!named_encoding(text, name, sizeof name)) {
        return true;
    }
    if (strncasecmp(name, "utf-16", 6) == 0 || strcasecmp(name, "ucs-2") == 0) {
        return rewrite_fail(
            rewrite, "it says that it is %s, and it is not: save it again in the encoding it names",
            name);
    }
    if (!charset_find(name, &found)) {
        return rewrite_fail(
            rewrite, "its encoding, %s, can't be kept byte for byte: save it as UTF-8", name);
    }
    rewrite->charset = found;
    return true;
}

/* By a byte order mark. Its length; 0: there is none. */
static size_t read_mark(struct rewrite *rewrite)
{
    const uint8_t *head = rewrite->head;

    if (rewrite->n_head >= 3 && memcmp(head, "\xEF\xBB\xBF", 3) == 0) {
        return 3;
    }
    if (rewrite->n_head >= 2 && memcmp(head, "\xFF\xFE", 2) == 0) {
        rewrite->charset = (struct charset){.kind = CHARSET_UTF16LE, .name = "UTF-16"};
        return 2;
    }
    if (rewrite->n_head >= 2 && memcmp(head, "\xFE\xFF", 2) == 0) {
        rewrite->charset = (struct charset){.kind = CHARSET_UTF16BE, .name = "UTF-16"};
        return 2;
    }
    return 0;
}

/* The head as text of ASCII, for what is sought in it. `*blanks`: those that it begins with. */
static void head_text(const struct rewrite *rewrite, size_t mark, char *text, size_t *blanks)
{
    size_t at = mark, n = 0;
    uint32_t c;
    int len;

    while (at < rewrite->n_head &&
           (len = charset_decode(&rewrite->charset, rewrite->head + at, rewrite->n_head - at, &c)) >
               0) {
        text[n++] = (char)(c > 0 && c < 0x80 ? c : 'x');
        at += (size_t)len;
    }
    text[n] = '\0';
    *blanks = strspn(text, " \t\r\n");
}

bool head_decide(struct rewrite *rewrite, bool ended, bool *more)
{
    bool full = ended || rewrite->n_head == HEAD_MAX, declared;
    char text[HEAD_MAX + 1] = "";
    size_t mark, blanks;

    *more = false;
    rewrite->charset = (struct charset){.kind = CHARSET_UTF8, .name = "UTF-8"};
    if (rewrite->n_head < 4 && !full) {
        *more = true;
        return false;
    }
    mark = read_mark(rewrite);
    if (mark == 0 && rewrite->n_head >= 2 && (rewrite->head[0] == 0 || rewrite->head[1] == 0)) {
        return rewrite_fail(rewrite, "it looks like UTF-16 without a byte order mark");
    }
    head_text(rewrite, mark, text, &blanks);
    declared = rewrite->format != REWRITE_JSON && strncmp(text, "<?xml", 5) == 0 &&
               strchr(" \t\r\n", text[5]) != NULL;
    if (!full && strncmp(text, "<?xml ", strlen(text) < 5 ? strlen(text) : 5) == 0 &&
        strlen(text) < 6) {
        *more = true; /* perhaps a declaration */
        return false;
    }
    if (!full && (text[blanks] == '\0' || (declared && strstr(text, "?>") == NULL))) {
        *more = true;
        return false;
    }
    if (rewrite->format == REWRITE_AUTO) {
        rewrite->format = text[blanks] == '<' ? REWRITE_XML : REWRITE_JSON;
    }
    if (text[blanks] == '\0' && ended) {
        return rewrite_fail(rewrite, "it is empty");
    }
    rewrite->decided = true;
    rewrite->xml.declared = declared;
    return mark > 0 || !declared || read_declaration(rewrite, text);
}
