/* The closed Lua state in which a scenario's file is run: its limits, its errors, and what
 * the words are made with. */
#include "base/memory.h"
#include "words.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define HOOK_STEP 1000 /* instructions between two looks at the budget */

static const char item_key = 0; /* its address names the items' metatable */

/* ---- Limits ---------------------------------------------------------------------------- */

struct reading *words_reading(lua_State *L)
{
    void *arg = NULL;

    lua_getallocf(L, &arg);
    return arg;
}

static int current_line(lua_State *L)
{
    lua_Debug ar;
    int level;

    for (level = 0; lua_getstack(L, level, &ar); level++) {
        lua_getinfo(L, "l", &ar);
        if (ar.currentline > 0) {
            return ar.currentline;
        }
    }
    return 0;
}

static void *allocate(void *arg, void *block, size_t old_size, size_t new_size)
{
    struct reading *reading = arg;
    size_t old = block != NULL ? old_size : 0;
    void *made;

    if (new_size == 0) {
        memory_free(block);
        reading->memory -= old;
        return NULL;
    }
    if (new_size > old && reading->memory - old + new_size > WORDS_MEMORY_MAX) {
        reading->memory_line = reading->L != NULL ? current_line(reading->L) : 0;
        return NULL;
    }
    made = memory_resize(block, new_size);
    if (made == NULL) {
        reading->no_memory = true;
        /* Lua relies on it that a block can always be made smaller. */
        return new_size <= old ? block : NULL;
    }
    reading->memory = reading->memory - old + new_size;
    return made;
}

static void count(lua_State *L, lua_Debug *ar)
{
    struct reading *reading = words_reading(L);

    lua_getinfo(L, "l", ar);
    reading->instructions += HOOK_STEP;
    if (reading->instructions > WORDS_INSTRUCTIONS_MAX) {
        words_blame(
            L, ar->currentline, "this does not end: a scenario has %d instructions",
            WORDS_INSTRUCTIONS_MAX);
    }
}

/* ---- Errors ------------------------------------------------------------------------------ */

int words_blame(lua_State *L, int line, const char *format, ...)
{
    char text[BATON_ERROR_TEXT_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    lua_pushfstring(L, "%s:%d: %s", WORDS_SELF, line, text);
    return lua_error(L);
}

int words_unknown(lua_State *L, const char *what, const char *name, const char *there_are)
{
    return luaL_error(L, "there is no %s '%s'; there are: %s", what, name, there_are);
}

static int last_line(const char *text, size_t len)
{
    int line = 1;
    size_t i;

    for (i = 0; i + 1 < len; i++) {
        line += text[i] == '\n';
    }
    return line;
}

/* What Lua has to say, with the file's own name in front. */
static enum baton_err failed(
    struct reading *reading, int status, int end_line, struct baton_error *error)
{
    const char *text = lua_tostring(reading->L, -1);

    if (reading->no_memory) {
        return baton_fail(error, BATON_NOMEM, "%s: no memory to read it", reading->file);
    }
    if (status == LUA_ERRMEM) {
        return baton_fail(
            error, BATON_LIMIT, "%s:%d: takes more than %zu MiB of memory", reading->file,
            reading->memory_line, WORDS_MEMORY_MAX >> 20);
    }
    if (text == NULL) {
        text = "is broken";
    }
    if (strncmp(text, WORDS_SELF ":", 2) == 0) {
        return baton_fail(
            error, reading->instructions > WORDS_INSTRUCTIONS_MAX ? BATON_LIMIT : BATON_INVALID,
            "%s%s", reading->file, text + 1);
    }
    return baton_fail(error, BATON_INVALID, "%s:%d: %s", reading->file, end_line, text);
}

/* ---- Items -------------------------------------------------------------------------------- */

void *words_make(lua_State *L, enum words_item_kind kind, size_t size, int user_values)
{
    struct words_item *item = lua_newuserdatauv(L, size, user_values);

    memset(item, 0, size);
    item->kind = kind;
    item->line = current_line(L);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &item_key);
    lua_setmetatable(L, -2);
    return item;
}

struct words_item *words_item(lua_State *L, int index)
{
    struct words_item *item = lua_touserdata(L, index);
    bool same;

    if (item == NULL || !lua_getmetatable(L, index)) {
        return NULL;
    }
    lua_rawgetp(L, LUA_REGISTRYINDEX, &item_key);
    same = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return same ? item : NULL;
}

/* ---- Arguments ----------------------------------------------------------------------------- */

void words_count(lua_State *L, const char *word, int least, int most)
{
    int n = lua_gettop(L);

    if (n >= least && n <= most) {
        lua_settop(L, most);
    } else if (most == 0) {
        luaL_error(L, "%s takes no argument: write %s()", word, word);
    } else {
        luaL_error(
            L, "%s takes %s %d argument%s, not %d", word,
            least == most ? "exactly"
            : n > most    ? "at most"
                          : "at least",
            n > most ? most : least, (n > most ? most : least) == 1 ? "" : "s", n);
    }
}

const char *words_text(lua_State *L, int index, const char *word, const char *what, size_t max)
{
    const char *text;
    size_t len;

    if (lua_type(L, index) != LUA_TSTRING) {
        luaL_error(L, "%s: %s is a text, not a %s", word, what, luaL_typename(L, index));
    }
    text = lua_tolstring(L, index, &len);
    if (len == 0 || len >= max || strlen(text) != len) {
        luaL_error(L, "%s: %s has 1 to %d characters, not %d", word, what, (int)max - 1, (int)len);
    }
    return text;
}

double words_number(lua_State *L, int index, const char *word, double least, double most)
{
    double number;
    char text[BATON_ERROR_TEXT_MAX];

    if (lua_type(L, index) != LUA_TNUMBER) {
        luaL_error(L, "%s takes a number here, not a %s", word, luaL_typename(L, index));
    }
    number = lua_tonumber(L, index);
    if (!(number >= least && number <= most)) {
        snprintf(
            text, sizeof text, "%.64s: %.10g is not within %.10g and %.10g", word, number, least,
            most);
        luaL_error(L, "%s", text);
    }
    return number;
}

/* A time, in milliseconds; the past and what lies beyond the last end are refused. */
int64_t words_seconds(lua_State *L, int index, const char *word)
{
    double number;
    char text[SCENARIO_TIME_MAX];

    if (lua_type(L, index) != LUA_TNUMBER) {
        luaL_error(L, "%s takes a time in seconds, not a %s", word, luaL_typename(L, index));
    }
    number = lua_tonumber(L, index);
    snprintf(text, sizeof text, "%.10g", number);
    if (!(number >= 0)) {
        luaL_error(L, "%s(%s) lies in the past: a scenario begins at 0 s", word, text);
    }
    if (!(number <= (double)SCENARIO_END_MAX_MS / 1000)) {
        luaL_error(
            L, "%s(%s) never comes: a scenario ends within %d days", word, text,
            (int)(SCENARIO_END_MAX_MS / (24 * 3600 * INT64_C(1000))));
    }
    return (int64_t)floor(number * 1000 + 0.5);
}

int words_node(lua_State *L, int index, const char *word)
{
    const struct policy_site *site = words_reading(L)->site;
    const char *name = words_text(L, index, word, "a node", GROUP_NAME_MAX);
    luaL_Buffer there_are;
    int i;

    for (i = 0; i < site->n_nodes; i++) {
        if (strcmp(site->node[i].name, name) == 0) {
            return i;
        }
    }
    luaL_buffinit(L, &there_are);
    for (i = 0; i < site->n_nodes; i++) {
        luaL_addstring(&there_are, i > 0 ? ", " : "");
        luaL_addstring(&there_are, site->node[i].name);
    }
    luaL_pushresult(&there_are);
    return words_unknown(L, "node", name, lua_tostring(L, -1));
}

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names != NULL; names++) {
        if (strcmp(*names, name) == 0) {
            return true;
        }
    }
    return false;
}

/* [-0, +1] "a, b, c" */
static const char *push_list(lua_State *L, const char *const *names)
{
    luaL_Buffer list;
    int i;

    luaL_buffinit(L, &list);
    for (i = 0; names[i] != NULL; i++) {
        luaL_addstring(&list, i > 0 ? ", " : "");
        luaL_addstring(&list, names[i]);
    }
    luaL_pushresult(&list);
    return lua_tostring(L, -1);
}

bool words_options(lua_State *L, int index, const char *word, const char *const *keys)
{
    const char *strange = NULL;

    if (lua_isnoneornil(L, index)) {
        return false;
    }
    if (!lua_istable(L, index)) {
        luaL_error(L, "%s: { … } belongs here, not a %s", word, luaL_typename(L, index));
    }
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        const char *key;

        if (lua_type(L, -2) != LUA_TSTRING) {
            luaL_error(L, "%s: %s = … belongs here", word, keys[0]);
        }
        key = lua_tostring(L, -2);
        /* The first by name, for tables have no order. */
        if (!is_one_of(key, keys) && (strange == NULL || strcmp(key, strange) < 0)) {
            strange = key;
        }
    }
    if (strange != NULL) {
        luaL_error(L, "%s has no '%s'; it has: %s", word, strange, push_list(L, keys));
    }
    return true;
}

bool words_option(lua_State *L, int index, const char *key)
{
    if (!lua_istable(L, index)) {
        return false;
    }
    lua_pushstring(L, key);
    if (lua_rawget(L, index) == LUA_TNIL) {
        lua_pop(L, 1);
        return false;
    }
    return true;
}

/* ---- Reading -------------------------------------------------------------------------------- */

struct text {
    const char *text;
    size_t len;
};

/* Arguments: the text. Everything that may throw happens in here. */
static int read_it(lua_State *L)
{
    const struct text *source = lua_touserdata(L, 1);
    struct reading *reading = words_reading(L);
    struct words_item *item;

    lua_settop(L, 0);
    if (luaL_loadbufferx(L, source->text, source->len, "=" WORDS_SELF, "t") != LUA_OK) {
        return lua_error(L);
    }
    lua_newtable(L); /* the items' metatable */
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &item_key);
    environment_open(L);
    lua_setupvalue(L, -2, 1); /* _ENV */
    lua_sethook(L, count, LUA_MASKCOUNT, HOOK_STEP);
    lua_call(L, 0, 1);
    lua_sethook(L, NULL, 0, 0);
    item = words_item(L, -1);
    if (item == NULL || item->kind != ITEM_SCENARIO || !reading->filled) {
        return words_blame(
            L, last_line(source->text, source->len),
            "a scenario's file ends with `return scenario \"NAME\" { … }`, this one returns %s%s",
            reading->scenario != NULL && !reading->filled ? "a name without its list"
            : lua_isnil(L, -1)                            ? "nothing"
                                                          : "a ",
            (reading->scenario != NULL && !reading->filled) || lua_isnil(L, -1)
                ? ""
                : luaL_typename(L, -1));
    }
    return 0;
}

enum baton_err scenario_read(
    const char *file, const char *text, size_t len, const struct policy_site *site,
    struct scenario **out, struct baton_error *error)
{
    struct reading reading = {.file = file, .site = site};
    struct text source = {text, len};
    enum baton_err err = BATON_OK;
    int status;

    *out = NULL;
    reading.L = lua_newstate(allocate, &reading);
    if (reading.L == NULL) {
        return baton_fail(error, BATON_NOMEM, "%s: no memory to read it", file);
    }
    lua_pushcfunction(reading.L, read_it);
    lua_pushlightuserdata(reading.L, &source);
    status = lua_pcall(reading.L, 1, 0, 0);
    if (status != LUA_OK) {
        err = failed(&reading, status, last_line(text, len), error);
    }
    lua_close(reading.L);
    if (err != BATON_OK) {
        scenario_free(reading.scenario);
        return err;
    }
    *out = reading.scenario;
    return BATON_OK;
}
