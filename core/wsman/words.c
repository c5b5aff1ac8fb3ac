/* The words of a command, for cmd.exe and for PowerShell. */
#include "wsman/wsman.h"

#include "base/base64.h"

#include <stdlib.h>
#include <string.h>

/* Within quotes cmd.exe leaves these alone, outside it doesn't. */
static const char quoted[] = " \t&|<>()^!,;=@'`~+";

static bool has_hazard(const char *word)
{
    for (; *word != '\0'; word++) {
        if (*word == '"' || *word == '%' || (unsigned char)*word < 32) {
            return true;
        }
    }
    return false;
}

/* A backslash before the closing quote would take its meaning away. */
static size_t put_word(char *to, const char *word)
{
    size_t len = strlen(word), at = 0, i = len;
    bool quote = len == 0 || strpbrk(word, quoted) != NULL;

    if (quote) {
        to[at++] = '"';
    }
    memcpy(to + at, word, len);
    at += len;
    for (; quote && i > 0 && word[i - 1] == '\\'; i--) {
        to[at++] = '\\';
    }
    if (quote) {
        to[at++] = '"';
    }
    return at;
}

enum baton_err wsman_line(const char *const *argv, char **out, struct baton_error *error)
{
    size_t size = 1, at = 0;
    char *line;

    *out = NULL;
    for (int i = 0; argv[i] != NULL; i++) {
        if (has_hazard(argv[i])) {
            return baton_fail(
                error, BATON_INVALID,
                "word %d of the command has a \", %% or control character in it, which cmd.exe "
                "would change: send it as a PowerShell script, or on standard input",
                i + 1);
        }
        size += 2 * strlen(argv[i]) + 3;
    }
    line = malloc(size);
    if (line == NULL) {
        return baton_fail(error, BATON_NOMEM, "no memory for a command line");
    }
    for (int i = 0; argv[i] != NULL; i++) {
        if (i > 0) {
            line[at++] = ' ';
        }
        at += put_word(line + at, argv[i]);
    }
    line[at] = '\0';
    if (at > WSMAN_LINE_MAX) {
        free(line);
        return baton_fail(
            error, BATON_LIMIT,
            "a command line of %zu bytes, and Windows takes %d: send the script on standard input",
            at, WSMAN_LINE_MAX);
    }
    *out = line;
    return BATON_OK;
}

char *wsman_encoded(const char *script)
{
    size_t len = strlen(script);
    char *wide = malloc(2 * len + 1), *text;

    if (wide == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < len; i++) {
        wide[2 * i] = script[i];
        wide[2 * i + 1] = '\0';
    }
    text = base64_encode(wide, 2 * len);
    free(wide);
    return text;
}
