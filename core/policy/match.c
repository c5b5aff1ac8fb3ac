#include "policy/pattern.h"

#include <lauxlib.h>
#include <string.h>

/* The argument that says where to begin, as a place from 0; beyond the end: false. */
static bool read_start(lua_State *L, int index, size_t len, size_t *start)
{
    lua_Integer init = luaL_optinteger(L, index, 1), end = (lua_Integer)len;

    if (init > 0) {
        *start = (size_t)init - 1;
    } else {
        *start = init == 0 || init < -end ? 0 : (size_t)(end + init);
    }
    return *start <= len;
}

static bool is_plain(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] != '\0' && strchr("^$*+?.([%-", text[i]) != NULL) {
            return false;
        }
    }
    return true;
}

/* Both texts at their places; nil if the second is not in the first. */
static int find_plain(lua_State *L, size_t start)
{
    size_t len, wanted_len;
    const char *subject = lua_tolstring(L, 1, &len), *wanted = lua_tolstring(L, 2, &wanted_len);
    const char *found;

    /* A text made for it slows memmem down to some ten nanoseconds for each byte. */
    limits_charge(L, (lua_Integer)(len - start + wanted_len) / 4);
    found = memmem(subject + start, len - start, wanted, wanted_len);
    if (found == NULL) {
        luaL_pushfail(L);
        return 1;
    }
    lua_pushinteger(L, found - subject + 1);
    lua_pushinteger(L, found - subject + (lua_Integer)wanted_len);
    return 2;
}

/* string.find if `with_place`, else string.match */
static int search_once(lua_State *L, bool with_place)
{
    struct search search = {0};
    size_t pattern_len, start;
    const char *pattern;

    search.subject = luaL_checklstring(L, 1, &search.len);
    pattern = luaL_checklstring(L, 2, &pattern_len);
    if (!read_start(L, 3, search.len, &start)) {
        luaL_pushfail(L);
        return 1;
    }
    if (with_place && (lua_toboolean(L, 4) || is_plain(pattern, pattern_len))) {
        return find_plain(L, start);
    }
    search.pattern = pattern_push(L, pattern, pattern_len, true);
    if (!search_find(L, &search, start, SEARCH_NOWHERE)) {
        luaL_pushfail(L);
        return 1;
    }
    if (!with_place) {
        return search_push_captures(L, &search);
    }
    lua_pushinteger(L, (lua_Integer)search.from + 1);
    lua_pushinteger(L, (lua_Integer)search.to);
    return search.pattern->n_captures > 0 ? 2 + search_push_captures(L, &search) : 2;
}

static int find(lua_State *L)
{
    return search_once(L, true);
}

static int match(lua_State *L)
{
    return search_once(L, false);
}

/* upvalues: subject, compiled pattern, where to go on, where the last match ended (-1) */
static int next_match(lua_State *L)
{
    lua_Integer last = lua_tointeger(L, lua_upvalueindex(4));
    struct search search = {.pattern = lua_touserdata(L, lua_upvalueindex(2))};

    search.subject = lua_tolstring(L, lua_upvalueindex(1), &search.len);
    if (!search_find(
            L, &search, (size_t)lua_tointeger(L, lua_upvalueindex(3)),
            last >= 0 ? (size_t)last : SEARCH_NOWHERE)) {
        return 0;
    }
    lua_pushinteger(L, (lua_Integer)search.to);
    lua_copy(L, -1, lua_upvalueindex(3));
    lua_replace(L, lua_upvalueindex(4));
    return search_push_captures(L, &search);
}

static int gmatch(lua_State *L)
{
    size_t len, pattern_len, start;
    const char *pattern;

    luaL_checklstring(L, 1, &len);
    pattern = luaL_checklstring(L, 2, &pattern_len);
    if (!read_start(L, 3, len, &start)) {
        start = len + 1;
    }
    lua_pushvalue(L, 1);
    pattern_push(L, pattern, pattern_len, false);
    lua_pushinteger(L, (lua_Integer)start);
    lua_pushinteger(L, -1);
    lua_pushcclosure(L, next_match, 4);
    return 1;
}

/* ---- gsub ---------------------------------------------------------------------------------- */

#define REPLACEMENT 3 /* its index */

static void add(lua_State *L, luaL_Buffer *buffer, const char *text, size_t len)
{
    limits_charge(L, (lua_Integer)len / 16);
    luaL_addlstring(buffer, text, len);
}

/* The replacement is a text in which %0 to %9 and %% mean something. [-0, +0, buffer] */
static void add_text(lua_State *L, luaL_Buffer *buffer, const struct search *search)
{
    size_t len, done = 0;
    const char *text = lua_tolstring(L, REPLACEMENT, &len);

    for (const char *mark; (mark = memchr(text + done, '%', len - done)) != NULL;) {
        size_t at = (size_t)(mark - text);
        char what = mark[1]; /* the zero behind the text, if nothing else */

        limits_charge(L, 1);
        add(L, buffer, text + done, at - done);
        if (what == '%') {
            luaL_addchar(buffer, '%');
        } else if (what == '0') {
            add(L, buffer, search->subject + search->from, search->to - search->from);
        } else if (what >= '1' && what <= '9') {
            if (what - '1' >= search->pattern->n_captures && what != '1') {
                luaL_error(L, "invalid capture index %%%c in replacement string", what);
            }
            search_push_capture(L, search, what - '1');
            limits_charge(L, (lua_Integer)lua_rawlen(L, -1) / 16);
            luaL_addvalue(buffer);
        } else {
            luaL_error(L, "invalid use of '%%' in replacement string");
        }
        done = at + 2;
    }
    add(L, buffer, text + done, len - done);
}

/* What the table or function says about the match; false: keep it as it is.
 * [-0, +0, buffer] */
static void add_answer(lua_State *L, luaL_Buffer *buffer, const struct search *search)
{
    if (lua_type(L, REPLACEMENT) == LUA_TTABLE) {
        search_push_capture(L, search, 0);
        lua_gettable(L, REPLACEMENT);
    } else {
        lua_pushvalue(L, REPLACEMENT);
        lua_call(L, search_push_captures(L, search), 1);
    }
    if (!lua_toboolean(L, -1)) {
        lua_pop(L, 1);
        add(L, buffer, search->subject + search->from, search->to - search->from);
    } else if (lua_isstring(L, -1)) {
        limits_charge(L, (lua_Integer)lua_rawlen(L, -1) / 16);
        luaL_addvalue(buffer);
    } else {
        luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
    }
}

static int gsub(lua_State *L)
{
    struct search search = {0};
    size_t pattern_len, done = 0;
    const char *pattern;
    lua_Integer n = 0, max;
    int type = lua_type(L, REPLACEMENT);
    luaL_Buffer buffer;

    search.subject = luaL_checklstring(L, 1, &search.len);
    pattern = luaL_checklstring(L, 2, &pattern_len);
    luaL_argexpected(
        L,
        type == LUA_TSTRING || type == LUA_TNUMBER || type == LUA_TTABLE || type == LUA_TFUNCTION,
        REPLACEMENT, "string/function/table");
    max = luaL_optinteger(L, 4, (lua_Integer)search.len + 1);
    search.pattern = pattern_push(L, pattern, pattern_len, true);
    luaL_buffinit(L, &buffer);
    while (n < max && search_find(L, &search, done, n > 0 ? search.to : SEARCH_NOWHERE)) {
        add(L, &buffer, search.subject + done, search.from - done);
        if (type == LUA_TTABLE || type == LUA_TFUNCTION) {
            add_answer(L, &buffer, &search);
        } else {
            add_text(L, &buffer, &search);
        }
        n++;
        done = search.to;
        if (search.pattern->anchored) {
            break;
        }
    }
    add(L, &buffer, search.subject + done, search.len - done);
    luaL_pushresult(&buffer);
    lua_pushinteger(L, n);
    return 2;
}

void match_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"find", find}, {"match", match}, {"gmatch", gmatch}, {"gsub", gsub}, {NULL, NULL},
    };

    luaL_setfuncs(L, functions, 0);
}
