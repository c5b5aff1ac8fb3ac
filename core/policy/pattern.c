#include "policy/pattern.h"

#include <assert.h>
#include <ctype.h>
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#define MEMBER_COST 32 /* instructions that a class or a range in a set counts for */

/* ---- Bytes ------------------------------------------------------------------------------- */

static void set_add(struct pattern_set *set, uint8_t byte)
{
    set->bits[byte / 32] |= (uint32_t)1 << (byte % 32);
}

bool pattern_class_has(uint8_t letter, uint8_t byte)
{
    int c = byte < 0x80 ? byte : 0; /* the machine's locale has no say */
    bool in;

    switch (tolower(letter)) {
    case 'a':
        in = isalpha(c);
        break;
    case 'c':
        in = byte < 0x80 && iscntrl(c);
        break;
    case 'd':
        in = isdigit(c);
        break;
    case 'g':
        in = isgraph(c);
        break;
    case 'l':
        in = islower(c);
        break;
    case 'p':
        in = ispunct(c);
        break;
    case 's':
        in = isspace(c);
        break;
    case 'u':
        in = isupper(c);
        break;
    case 'w':
        in = isalnum(c);
        break;
    case 'x':
        in = isxdigit(c);
        break;
    case 'z':
        in = byte == 0;
        break;
    default:
        return letter == byte;
    }
    return isupper(letter) ? !in : in;
}

/* ---- Compiling ---------------------------------------------------------------------------- */

struct parser {
    lua_State *L;
    struct pattern *pattern;
    const char *text;
    size_t len, at;
};

static bool sees(const struct parser *parser, size_t ahead, char byte)
{
    return parser->at + ahead < parser->len && parser->text[parser->at + ahead] == byte;
}

static struct pattern_item *add_item(struct parser *parser, enum pattern_kind kind)
{
    struct pattern *pattern = parser->pattern;
    struct pattern_item *item = &pattern->item[pattern->n_items++];

    assert(pattern->n_items <= pattern->items_max);
    *item = (struct pattern_item){.kind = kind};
    return item;
}

/* What is left of the text is of no interest then: no match gets beyond this item. */
static void add_wrong(struct parser *parser, const char *words)
{
    add_item(parser, ITEM_WRONG);
    snprintf(parser->pattern->wrong, sizeof parser->pattern->wrong, "%s", words);
    parser->at = parser->len;
}

/* Members of a set, between its brackets. The byte at `end` is the closing one. */
static void fill_set(struct parser *parser, struct pattern_set *set, size_t from, size_t end)
{
    const char *text = parser->text;

    for (size_t i = from; i < end; i++) {
        if (text[i] == '%') {
            limits_charge(parser->L, MEMBER_COST);
            i++;
            for (int byte = 0; byte <= UINT8_MAX; byte++) {
                if (pattern_class_has((uint8_t)text[i], (uint8_t)byte)) {
                    set_add(set, (uint8_t)byte);
                }
            }
        } else if (i + 2 < end && text[i + 1] == '-') {
            limits_charge(parser->L, MEMBER_COST);
            for (int byte = (uint8_t)text[i]; byte <= (uint8_t)text[i + 2]; byte++) {
                set_add(set, (uint8_t)byte);
            }
            i += 2;
        } else {
            set_add(set, (uint8_t)text[i]);
        }
    }
}

/* A set that begins at the parser's place. A bracket that is its first member, or comes
 * after a '%', does not end it. */
static bool parse_set(struct parser *parser, uint32_t *index)
{
    struct pattern *pattern = parser->pattern;
    bool inverse = sees(parser, 1, '^');
    size_t first = parser->at + (inverse ? 2 : 1), end;
    struct pattern_set *set;

    for (end = first; end < parser->len; end++) {
        if (parser->text[end] == ']' && end > first) {
            break;
        }
        if (parser->text[end] == '%') {
            end++;
        }
    }
    if (end >= parser->len) {
        add_wrong(parser, "malformed pattern (missing ']')");
        return false;
    }
    *index = pattern->n_sets++;
    assert(pattern->n_sets <= pattern->sets_max);
    set = &pattern->set[*index];
    *set = (struct pattern_set){{0}};
    fill_set(parser, set, first, end);
    for (int i = 0; inverse && i < 8; i++) {
        set->bits[i] = ~set->bits[i];
    }
    parser->at = end + 1;
    return true;
}

static enum pattern_repeat parse_repeat(struct parser *parser)
{
    enum pattern_repeat repeat = sees(parser, 0, '?')   ? REPEAT_MAYBE
                                 : sees(parser, 0, '*') ? REPEAT_ANY
                                 : sees(parser, 0, '+') ? REPEAT_SOME
                                 : sees(parser, 0, '-') ? REPEAT_FEW
                                                        : REPEAT_ONCE;

    parser->at += repeat != REPEAT_ONCE;
    return repeat;
}

/* One byte of the subject, perhaps repeated. */
static void parse_single(struct parser *parser)
{
    char c = parser->text[parser->at];
    struct pattern_item item = {.kind = ITEM_BYTE, .byte = (uint8_t)c};

    if (c == '[') {
        item.kind = ITEM_SET;
        if (!parse_set(parser, &item.index)) {
            return;
        }
    } else if (c == '%') {
        if (parser->at + 1 == parser->len) {
            add_wrong(parser, "malformed pattern (ends with '%')");
            return;
        }
        item.kind = ITEM_CLASS;
        item.byte = (uint8_t)parser->text[parser->at + 1];
        parser->at += 2;
    } else {
        item.kind = c == '.' ? ITEM_ANY : ITEM_BYTE;
        parser->at++;
    }
    item.repeat = parse_repeat(parser);
    *add_item(parser, item.kind) = item;
}

static void parse_balance(struct parser *parser)
{
    struct pattern_item *item;

    if (parser->at + 3 >= parser->len) {
        add_wrong(parser, "malformed pattern (missing arguments to '%b')");
        return;
    }
    item = add_item(parser, ITEM_BALANCE);
    item->byte = (uint8_t)parser->text[parser->at + 2];
    item->closer = (uint8_t)parser->text[parser->at + 3];
    parser->at += 4;
}

static void parse_frontier(struct parser *parser)
{
    uint32_t index;

    parser->at += 2;
    if (!sees(parser, 0, '[')) {
        add_wrong(parser, "missing '[' after '%f' in pattern");
    } else if (parse_set(parser, &index)) {
        add_item(parser, ITEM_FRONTIER)->index = index;
    }
}

/* The same text again that a finished capture took. A position is no text. */
static void parse_again(struct parser *parser)
{
    const struct pattern *pattern = parser->pattern;
    int number = parser->text[parser->at + 1] - '0';
    char words[48];

    if (number < 1 || number > pattern->n_captures ||
        pattern->capture[number - 1].kind == CAPTURE_OPEN) {
        snprintf(words, sizeof words, "invalid capture index %%%d", number);
        add_wrong(parser, words);
    } else if (pattern->capture[number - 1].kind == CAPTURE_POSITION) {
        add_item(parser, ITEM_NEVER);
        parser->at += 2;
    } else {
        add_item(parser, ITEM_AGAIN)->index = (uint32_t)number - 1;
        parser->at += 2;
    }
}

static void parse_open(struct parser *parser)
{
    struct pattern *pattern = parser->pattern;
    bool position = sees(parser, 1, ')');

    if (pattern->n_captures == PATTERN_CAPTURES_MAX) {
        add_wrong(parser, "too many captures");
        return;
    }
    add_item(parser, position ? ITEM_POSITION : ITEM_OPEN)->index = (uint32_t)pattern->n_captures;
    pattern->capture[pattern->n_captures++] =
        (struct pattern_capture){.kind = position ? CAPTURE_POSITION : CAPTURE_OPEN};
    parser->at += position ? 2 : 1;
}

static void parse_close(struct parser *parser)
{
    struct pattern *pattern = parser->pattern;

    for (int i = pattern->n_captures - 1; i >= 0; i--) {
        if (pattern->capture[i].kind == CAPTURE_OPEN) {
            pattern->capture[i].kind = CAPTURE_SPAN;
            add_item(parser, ITEM_CLOSE)->index = (uint32_t)i;
            parser->at++;
            return;
        }
    }
    add_wrong(parser, "invalid pattern capture");
}

static void parse_item(struct parser *parser)
{
    char c = parser->text[parser->at];
    char next = '\0';

    if (parser->at + 1 < parser->len) {
        next = parser->text[parser->at + 1];
    }
    if (c == '(') {
        parse_open(parser);
    } else if (c == ')') {
        parse_close(parser);
    } else if (c == '$' && parser->at + 1 == parser->len) {
        add_item(parser, ITEM_LAST);
        parser->at++;
    } else if (c == '%' && next == 'b') {
        parse_balance(parser);
    } else if (c == '%' && next == 'f') {
        parse_frontier(parser);
    } else if (c == '%' && next >= '0' && next <= '9') {
        parse_again(parser);
    } else {
        parse_single(parser);
    }
}

/* Room for what `text` can need at most. [-0, +1] MAY_THROW */
static struct pattern *make_room(lua_State *L, const char *text, size_t len)
{
    size_t sets = 0, choices = 0;
    struct pattern *pattern;

    for (size_t i = 0; i < len; i++) {
        sets += text[i] == '[';
        choices += text[i] == '*' || text[i] == '+' || text[i] == '-' || text[i] == '?';
    }
    pattern = lua_newuserdatauv(
        L,
        sizeof *pattern + choices * sizeof *pattern->choice + sets * sizeof *pattern->set +
            (len + 1) * sizeof *pattern->item,
        0);
    memset(pattern, 0, sizeof *pattern);
    pattern->choice = (struct pattern_choice *)(pattern + 1);
    pattern->set = (struct pattern_set *)(pattern->choice + choices);
    pattern->item = (struct pattern_item *)(pattern->set + sets);
    pattern->choices_max = (uint32_t)choices;
    pattern->sets_max = (uint32_t)sets;
    pattern->items_max = (uint32_t)len + 1;
    return pattern;
}

struct pattern *pattern_push(lua_State *L, const char *text, size_t len, bool anchors)
{
    struct parser parser = {.L = L, .text = text, .len = len};

    if (len > HOST_STRING_MAX) {
        luaL_error(L, "pattern too long");
    }
    limits_charge(L, (lua_Integer)len / 2 + 1);
    parser.pattern = make_room(L, text, len);
    if (anchors && len > 0 && text[0] == '^') {
        parser.pattern->anchored = true;
        parser.at = 1;
    }
    while (parser.at < len) {
        parse_item(&parser);
    }
    if (parser.pattern->wrong[0] == '\0') {
        add_item(&parser, ITEM_DONE);
    }
    return parser.pattern;
}
