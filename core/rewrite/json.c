/* JSON, RFC 8259, a character at a time: what is well-formed goes on, its strings are values. */
#include "parts.h"

#include <string.h>

enum state {
    WANT_VALUE = 0,
    WANT_VALUE_OR_END, /* after '[' */
    WANT_KEY_OR_END,   /* after '{' */
    WANT_KEY,
    WANT_COLON,
    WANT_COMMA, /* or an end */
    IN_STRING,
    IN_ESCAPE,
    IN_CODE, /* after \u */
    IN_LITERAL,
    NUMBER_SIGN,
    NUMBER_ZERO,
    NUMBER_WHOLE,
    NUMBER_DOT,
    NUMBER_PART,
    NUMBER_E,
    NUMBER_E_SIGN,
    NUMBER_E_PART,
};

static bool is_blank(uint32_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_digit(uint32_t c)
{
    return c >= '0' && c <= '9';
}

static bool unexpected(struct rewrite *rewrite, uint32_t c, const char *wanted)
{
    char name[16];

    return rewrite_fail(rewrite, "%s where %s is wanted", rewrite_name(c, name), wanted);
}

/* ---- Values ------------------------------------------------------------------------------ */

static bool open_level(struct rewrite *rewrite, bool object)
{
    struct json *json = &rewrite->json;

    if (json->depth == DEPTH_MAX) {
        return rewrite_fail(rewrite, "more than %d levels of arrays and objects", DEPTH_MAX);
    }
    json->object[json->depth++] = object;
    json->state = object ? WANT_KEY_OR_END : WANT_VALUE_OR_END;
    return true;
}

static bool close_level(struct rewrite *rewrite, uint32_t c)
{
    struct json *json = &rewrite->json;

    if (json->depth == 0 || json->object[json->depth - 1] != (c == '}')) {
        return unexpected(rewrite, c, "something else");
    }
    json->depth--;
    json->state = WANT_COMMA;
    return true;
}

static bool begin_value(struct rewrite *rewrite, uint32_t c)
{
    static const char *const literals[] = {"true", "false", "null"};
    struct json *json = &rewrite->json;
    size_t i;

    if (c == '{' || c == '[') {
        return open_level(rewrite, c == '{');
    }
    if (c == '"') {
        json->key = false;
        json->state = IN_STRING;
        return true;
    }
    if (c == '-' || is_digit(c)) {
        json->state = c == '-' ? NUMBER_SIGN : c == '0' ? NUMBER_ZERO : NUMBER_WHOLE;
        return true;
    }
    for (i = 0; i < sizeof literals / sizeof literals[0]; i++) {
        if (c == (uint32_t)literals[i][0]) {
            json->literal = literals[i] + 1;
            json->state = IN_LITERAL;
            return true;
        }
    }
    return unexpected(rewrite, c, "a value");
}

static bool between(struct rewrite *rewrite, uint32_t c)
{
    struct json *json = &rewrite->json;

    switch (json->state) {
    case WANT_VALUE:
        return begin_value(rewrite, c);
    case WANT_VALUE_OR_END:
        return c == ']' ? close_level(rewrite, c) : begin_value(rewrite, c);
    case WANT_KEY_OR_END:
    case WANT_KEY:
        if (c == '}' && json->state == WANT_KEY_OR_END) {
            return close_level(rewrite, c);
        }
        json->key = true;
        json->state = IN_STRING;
        return c == '"' || unexpected(rewrite, c, "a name in quotes");
    case WANT_COLON:
        json->state = WANT_VALUE;
        return c == ':' || unexpected(rewrite, c, "a colon");
    default:
        break;
    }
    if (json->depth == 0) {
        return unexpected(rewrite, c, "the end");
    }
    if (c == ',') {
        json->state = json->object[json->depth - 1] ? WANT_KEY : WANT_VALUE;
        return true;
    }
    return c == ']' || c == '}' ? close_level(rewrite, c)
                                : unexpected(rewrite, c, "a comma or an end");
}

/* ---- Numbers ----------------------------------------------------------------------------- */

/* The state after one more character of a number; -1: it is none of it. */
static int next_of_number(int state, uint32_t c)
{
    bool e = c == 'e' || c == 'E';

    switch (state) {
    case NUMBER_SIGN:
        return c == '0' ? NUMBER_ZERO : is_digit(c) ? NUMBER_WHOLE : -1;
    case NUMBER_WHOLE:
    case NUMBER_ZERO:
        if (is_digit(c) && state == NUMBER_WHOLE) {
            return NUMBER_WHOLE;
        }
        return c == '.' ? NUMBER_DOT : e ? NUMBER_E : -1;
    case NUMBER_DOT:
        return is_digit(c) ? NUMBER_PART : -1;
    case NUMBER_PART:
        return is_digit(c) ? NUMBER_PART : e ? NUMBER_E : -1;
    case NUMBER_E:
        return c == '+' || c == '-' ? NUMBER_E_SIGN : is_digit(c) ? NUMBER_E_PART : -1;
    default:
        return is_digit(c) ? NUMBER_E_PART : -1;
    }
}

static bool is_whole_number(int state)
{
    return state == NUMBER_ZERO || state == NUMBER_WHOLE || state == NUMBER_PART ||
           state == NUMBER_E_PART;
}

static bool in_number(struct rewrite *rewrite, uint32_t c)
{
    int next = next_of_number(rewrite->json.state, c);

    if (next >= 0) {
        rewrite->json.state = next;
        return true;
    }
    if (!is_whole_number(rewrite->json.state)) {
        return unexpected(rewrite, c, "a digit");
    }
    rewrite->json.state = WANT_COMMA;
    return is_blank(c) || between(rewrite, c);
}

/* ---- Strings ----------------------------------------------------------------------------- */

static bool hold(struct rewrite *rewrite, const uint8_t *raw, size_t len)
{
    struct unit *held = &rewrite->json.held;

    memcpy(held->raw + held->len, raw, len);
    held->len = (uint8_t)(held->len + len);
    return true;
}

static bool escaped(struct rewrite *rewrite, uint32_t c)
{
    rewrite->json.state = IN_STRING;
    return prefix_char(rewrite, c, rewrite->json.held.raw, rewrite->json.held.len);
}

static bool in_escape(struct rewrite *rewrite, uint32_t c)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *at = c < 0x80 && c > 0 ? strchr(from, (int)c) : NULL;

    if (c == 'u') {
        rewrite->json.state = IN_CODE;
        rewrite->json.digits = 0;
        rewrite->json.code = 0;
        return true;
    }
    return at != NULL ? escaped(rewrite, (uint32_t)to[at - from])
                      : unexpected(rewrite, c, "an escape such as \\n");
}

static bool in_code(struct rewrite *rewrite, uint32_t c)
{
    struct json *json = &rewrite->json;
    uint32_t letter = c | 0x20;

    if (!is_digit(c) && !(letter >= 'a' && letter <= 'f')) {
        return unexpected(rewrite, c, "four hexadecimal digits");
    }
    json->code = json->code << 4 | (is_digit(c) ? c - '0' : letter - 'a' + 10);
    /* No character of a path is 0, which here stands for the end. */
    return ++json->digits < 4 || escaped(rewrite, json->code == 0 ? 1 : json->code);
}

static bool in_string(struct rewrite *rewrite, uint32_t c, const uint8_t *raw, size_t len)
{
    struct json *json = &rewrite->json;

    if (c == '"') {
        json->state = json->key ? WANT_COLON : WANT_COMMA;
        return prefix_close(rewrite) && rewrite_out(rewrite, raw, len);
    }
    if (c == '\\') {
        json->state = IN_ESCAPE;
        json->held.len = 0;
        return hold(rewrite, raw, len);
    }
    if (c < 0x20) {
        return rewrite_fail(rewrite, "a string that does not end on its line");
    }
    return prefix_char(rewrite, c, raw, len);
}

/* ---- All of it --------------------------------------------------------------------------- */

static bool in_literal(struct rewrite *rewrite, uint32_t c)
{
    struct json *json = &rewrite->json;

    if (c != (uint32_t)*json->literal) {
        return unexpected(rewrite, c, "true, false or null");
    }
    json->state = *++json->literal == '\0' ? WANT_COMMA : IN_LITERAL;
    return true;
}

bool json_char(struct rewrite *rewrite, uint32_t c, const uint8_t *raw, size_t len)
{
    int state = rewrite->json.state;
    bool ok;

    if (state == IN_STRING) {
        return in_string(rewrite, c, raw, len);
    }
    if (state == IN_ESCAPE || state == IN_CODE) {
        hold(rewrite, raw, len);
        return state == IN_ESCAPE ? in_escape(rewrite, c) : in_code(rewrite, c);
    }
    if (state == IN_LITERAL) {
        ok = in_literal(rewrite, c);
    } else if (state >= NUMBER_SIGN) {
        ok = in_number(rewrite, c);
    } else {
        ok = is_blank(c) || between(rewrite, c);
    }
    if (ok && rewrite->json.state == IN_STRING) {
        prefix_open(rewrite, VALUE_JSON);
    }
    return ok && rewrite_out(rewrite, raw, len);
}

const uint8_t *json_run(struct rewrite *rewrite, const uint8_t *at, const uint8_t *end)
{
    return rewrite->json.state == IN_STRING ? prefix_run(rewrite, at, end, BYTE_JSON) : at;
}

bool json_end(struct rewrite *rewrite)
{
    struct json *json = &rewrite->json;

    if (json->depth == 0 && (json->state == WANT_COMMA || is_whole_number(json->state))) {
        return true;
    }
    return rewrite_fail(rewrite, "it ends in the middle");
}
