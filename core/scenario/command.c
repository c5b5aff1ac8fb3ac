/* A request as it would be typed at a shell. */
#include "parts.h"

#include <stdio.h>
#include <string.h>

/* Characters of one word; the end of a longer script is cut off. What changes something is
 * worth more room than what asks. */
#define CHANGES_MAX 200
#define ASKS_MAX    80

struct line {
    char *text;
    size_t used, size, word_max;
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

/* In single quotes, white space in one piece, the end of a long script cut off. */
static void put_quoted(struct line *line, const char *word)
{
    size_t shown = 0;
    bool space = false;

    put(line, "'", 1);
    for (word += strspn(word, " \t\n"); *word != '\0'; word++) {
        if (strchr(" \t\n", *word) != NULL) {
            space = true;
            continue;
        }
        if (shown >= line->word_max && !goes_on(*word)) {
            put(line, " …", strlen(" …"));
            break;
        }
        if (space) {
            put(line, " ", 1);
            shown++;
            space = false;
        }
        if (*word == '\'') {
            put(line, "'\\''", 4);
        } else {
            put(line, word, 1);
        }
        shown++;
    }
    put(line, "'", 1);
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
    struct line line = {text, 0, size, ask_changes(request) ? CHANGES_MAX : ASKS_MAX};
    int i;

    text[0] = '\0';
    switch (request->kind) {
    case WORLD_EXEC:
        for (i = 0; request->u.exec.argv[i] != NULL; i++) {
            put_word(&line, request->u.exec.argv[i]);
        }
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
    }
    return hash;
}
