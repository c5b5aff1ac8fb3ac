/* A request as it would be typed at a shell. */
#include "base/base64.h"
#include "parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Characters of one word; the end of a longer script is cut off. What changes something is
 * worth more room than what asks. */
#define CHANGES_MAX 200
#define ASKS_MAX    80

struct line {
    char *text;
    size_t used, size, word_max;
    bool script; /* the next word is one, for a shell */
    bool raw;    /* … and it is PowerShell, shown within braces */
};

static void put(struct line *line, const char *text, size_t len)
{
    size_t room = line->size - 1 - line->used;

    len = len > room ? room : len;
    memcpy(line->text + line->used, text, len);
    line->used += len;
    line->text[line->used] = '\0';
}

static bool is_plain(const char *word)
{
    return word[0] != '\0' &&
           strspn(
               word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=@%+,") ==
               strlen(word);
}

/* As long as a character of more than one byte goes on. */
static bool goes_on(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

/* Does the shell go on in the next line, after what is there? Then no semicolon ends it. */
static bool is_open(const struct line *line)
{
    static const char *const words[] = {" then", " do", " else", " in"};
    const char *open = line->raw ? "{;|(" : "'{;&|)(\\";
    size_t i;

    if (line->used == 0 || strchr(open, line->text[line->used - 1]) != NULL) {
        return true;
    }
    for (i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t len = strlen(words[i]);

        if (line->used >= len && memcmp(line->text + line->used - len, words[i], len) == 0) {
            return true;
        }
    }
    return false;
}

/* What is between two words of a script, in one line. */
static size_t put_space(struct line *line, const char *script)
{
    size_t len = strspn(script, " \t\n");

    if (line->script && memchr(script, '\n', len) != NULL && !is_open(line)) {
        put(line, ";", 1);
    }
    put(line, " ", 1);
    return len;
}

/* In single quotes or braces, a script in one line, its end cut off where it is long. */
static void put_quoted(struct line *line, const char *word)
{
    size_t shown = 0;

    put(line, line->raw ? "{ " : "'", line->raw ? 2 : 1);
    for (word += strspn(word, " \t\n"); *word != '\0';) {
        if (strchr(" \t\n", *word) != NULL) {
            if (word[strspn(word, " \t\n")] == '\0') {
                break;
            }
            word += put_space(line, word);
        }
        if (shown >= line->word_max && !goes_on(*word)) {
            put(line, "…", strlen("…"));
            break;
        }
        shown += !goes_on(*word);
        if (*word == '\'' && !line->raw) {
            put(line, "'\\''", 4);
        } else {
            put(line, word, 1);
        }
        word++;
    }
    put(line, line->raw ? " }" : "'", line->raw ? 2 : 1);
}

static void put_word(struct line *line, const char *word)
{
    if (line->used > 0) {
        put(line, " ", 1);
    }
    if (is_plain(word) && strlen(word) <= CHANGES_MAX) {
        put(line, word, strlen(word));
    } else {
        put_quoted(line, word);
    }
    line->script = strcmp(word, "-c") == 0;
}

/* PowerShell's -EncodedCommand is base64 of UTF-16LE: shown as the script that it is, without what
 * lua/powershell.lua puts around every one. */
static void put_encoded(struct line *line, const char *encoded)
{
    static const char head[] = "try {\n", tail[] = "\n} catch";
    size_t len = 0, at = 0;
    char *wide = base64_decode(encoded, &len), script[4 * CHANGES_MAX], *from, *end;

    for (size_t i = 0; wide != NULL && i + 1 < len && at + 4 < sizeof script; i += 2) {
        unsigned unit = (unsigned char)wide[i] | (unsigned)(unsigned char)wide[i + 1] << 8;

        if (unit < 0x80) {
            script[at++] = (char)unit;
        } else if (unit < 0x800) {
            script[at++] = (char)(0xc0 | unit >> 6);
            script[at++] = (char)(0x80 | (unit & 63));
        } else {
            script[at++] = (char)(0xe0 | unit >> 12);
            script[at++] = (char)(0x80 | (unit >> 6 & 63));
            script[at++] = (char)(0x80 | (unit & 63));
        }
    }
    script[at] = '\0';
    free(wide);
    from = strstr(script, head);
    from = from != NULL ? from + strlen(head) : script;
    end = strstr(from, tail);
    if (end != NULL) {
        *end = '\0';
    }
    line->script = line->raw = true;
    put(line, " ", 1);
    put_quoted(line, from);
    line->script = line->raw = false;
}

static void put_argv(struct line *line, const char *const *argv)
{
    for (int i = 0; argv[i] != NULL; i++) {
        if (strcmp(argv[i], "-EncodedCommand") == 0 && argv[i + 1] != NULL) {
            put_encoded(line, argv[++i]);
        } else if (strncmp(argv[0], "powershell", 10) != 0 || argv[i][0] != '-') {
            put_word(line, argv[i]);
        }
    }
}

static void print_address(struct line *line, const struct world_request *request)
{
    static const char *const ops[] = {
        [WORLD_ADDRESS_ADD] = "add",
        [WORLD_ADDRESS_DELETE] = "del",
        [WORLD_ADDRESS_PRESENT] = "show",
        [WORLD_ADDRESS_ANNOUNCE] = "announce",
    };

    put_word(line, "ip");
    put_word(line, "address");
    put_word(line, ops[request->u.address.op]);
    put_word(line, request->u.address.address);
    put_word(line, "dev");
    put_word(line, request->u.address.interface);
}

void command_print(const struct world_request *request, char *text, size_t size)
{
    struct line line = {
        .text = text, .size = size, .word_max = ask_changes(request) ? CHANGES_MAX : ASKS_MAX};
    int i;

    text[0] = '\0';
    switch (request->kind) {
    case WORLD_EXEC:
        put_argv(&line, request->u.exec.argv);
        break;
    case WORLD_ADDRESS:
        print_address(&line, request);
        break;
    case WORLD_HTTP:
        put_word(&line, "curl");
        put_word(&line, "-X");
        put_word(&line, request->u.http.method);
        put_word(&line, request->u.http.url);
        break;
    case WORLD_HOOK:
        put_word(&line, "hooks");
        put_word(&line, request->u.hook.event);
        for (i = 0; i < request->u.hook.n_facts; i++) {
            if (strcmp(request->u.hook.fact[i].name, "NODE") == 0) {
                put_word(&line, request->u.hook.fact[i].value);
            }
        }
        break;
    case WORLD_SLEEP:
    case WORLD_TCP:
    case WORLD_MAIL:
    case WORLD_LEASE:
    case WORLD_PEER:
    case WORLD_GUARD:
    case WORLD_MARK:
        break;
    }
}

static uint64_t mix_text(uint64_t hash, const char *text)
{
    for (; *text != '\0'; text++) {
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3u; /* FNV-1a */
    }
    return (hash ^ 0xff) * 0x100000001b3u;
}

/* Who is asked what: the same for the same question. */
uint64_t command_hash(const struct world_request *request, int node)
{
    uint64_t hash = (0xcbf29ce484222325u ^ (uint64_t)(unsigned)node) * 0x100000001b3u;
    int i;

    if (request->kind == WORLD_EXEC) {
        for (i = 0; request->u.exec.argv[i] != NULL; i++) {
            hash = mix_text(hash, request->u.exec.argv[i]);
        }
    } else if (request->kind == WORLD_ADDRESS) {
        hash = mix_text(hash, request->u.address.address);
    } else if (request->kind == WORLD_HTTP) {
        hash = mix_text(mix_text(hash, request->u.http.method), request->u.http.url);
    }
    return hash;
}
