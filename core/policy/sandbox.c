#include "policy/host.h"

#include <lauxlib.h>
#include <lualib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Errors ------------------------------------------------------------------------ */

static int raise_error(lua_State *L)
{
    int level = (int)luaL_optinteger(L, 2, 1);

    lua_settop(L, 1);
    if (lua_type(L, 1) == LUA_TSTRING && level > 0) {
        luaL_where(L, level);
        lua_pushvalue(L, 1);
        lua_concat(L, 2);
    }
    return lua_error(L);
}

static int raise_unless(lua_State *L)
{
    if (lua_toboolean(L, 1)) {
        return lua_gettop(L);
    }
    luaL_checkany(L, 1);
    lua_remove(L, 1);
    lua_pushliteral(L, "assertion failed!");
    lua_settop(L, 1);
    if (lua_type(L, 1) == LUA_TSTRING) {
        luaL_where(L, 1);
        lua_insert(L, 1);
        lua_concat(L, 2);
    }
    return lua_error(L);
}

bool sandbox_deliberate(lua_State *L, int level)
{
    lua_Debug ar;
    lua_CFunction function;

    if (!lua_getstack(L, level, &ar) || !lua_checkstack(L, 1)) {
        return false;
    }
    lua_getinfo(L, "f", &ar);
    function = lua_tocfunction(L, -1);
    lua_pop(L, 1);
    return function == raise_error || function == raise_unless ||
           (function != NULL && wait_passes_on(L, function));
}

/* As in Lua's own library, but what is thrown for a limit goes on through. */
static int end_pcall(lua_State *L, int status, lua_KContext extra)
{
    limits_rethrow(L, status);
    if (status != LUA_OK && status != LUA_YIELD) {
        lua_pushboolean(L, 0);
        lua_pushvalue(L, -2);
        return 2;
    }
    return lua_gettop(L) - (int)extra;
}

static int protected_call(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_pushboolean(L, 1);
    lua_insert(L, 1);
    return end_pcall(L, lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, end_pcall), 0);
}

/* The message handler; upvalue: the policy's. Lua calls it while the count hook that has
 * thrown still keeps all hooks off, so a script must not run then: it could not be stopped. */
static int handle(lua_State *L)
{
    if (!host_policy(L)->limits.broken) {
        lua_pushvalue(L, lua_upvalueindex(1));
        lua_insert(L, 1);
        lua_call(L, lua_gettop(L) - 1, 1);
    }
    return 1;
}

static int protected_call_with(lua_State *L)
{
    int n = lua_gettop(L);

    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_pushvalue(L, 2);
    lua_pushcclosure(L, handle, 1);
    lua_replace(L, 2);
    lua_pushboolean(L, 1);
    lua_pushvalue(L, 1);
    lua_rotate(L, 3, 2);
    return end_pcall(L, lua_pcallk(L, n - 2, LUA_MULTRET, 2, 2, end_pcall), 2);
}

/* core.deliberate(): called in a message handler, was it error() or assert()? */
static int deliberate(lua_State *L)
{
    lua_pushboolean(L, sandbox_deliberate(L, 3)); /* below this, the handler and handle() */
    return 1;
}

/* ---- Order ---------------------------------------------------------------------------- */

struct key {
    enum {
        KEY_NUMBER,
        KEY_TEXT,
        KEY_TRUTH,
        KEY_NODE
    } kind;
    lua_Integer integer;
    lua_Number number;
    bool is_integer;
    const char *text; /* of a string that the table keeps alive */
    size_t len;
};

/* MAY_THROW where keys of that kind have no order */
static struct key read_key(lua_State *L, int index)
{
    struct key key = {.kind = KEY_NUMBER};

    switch (lua_type(L, index)) {
    case LUA_TNUMBER:
        key.is_integer = lua_isinteger(L, index);
        key.integer = lua_tointeger(L, index);
        key.number = lua_tonumber(L, index);
        break;
    case LUA_TSTRING:
        key.kind = KEY_TEXT;
        key.text = lua_tolstring(L, index, &key.len);
        break;
    case LUA_TBOOLEAN:
        key.kind = KEY_TRUTH;
        key.integer = lua_toboolean(L, index);
        break;
    default:
        key.kind = KEY_NODE;
        key.integer = view_node(L, index);
        if (key.integer == GROUP_NOBODY) {
            run_blame(L, "keys that are a %s have no order", luaL_typename(L, index));
        }
    }
    return key;
}

static int compare_keys(const void *left, const void *right)
{
    const struct key *a = left, *b = right;
    int order;

    if (a->kind != b->kind) {
        return a->kind < b->kind ? -1 : 1;
    }
    if (a->kind == KEY_TEXT) {
        size_t len = a->len < b->len ? a->len : b->len;

        order = memcmp(a->text, b->text, len);
        return order != 0 ? order : (a->len > b->len) - (a->len < b->len);
    }
    if (a->kind != KEY_NUMBER || (a->is_integer && b->is_integer)) {
        return (a->integer > b->integer) - (a->integer < b->integer);
    }
    return (a->number > b->number) - (a->number < b->number);
}

/* [-0, +1] */
static void push_key(lua_State *L, const struct key *key)
{
    switch (key->kind) {
    case KEY_NUMBER:
        if (key->is_integer) {
            lua_pushinteger(L, key->integer);
        } else {
            lua_pushnumber(L, key->number);
        }
        break;
    case KEY_TEXT:
        lua_pushlstring(L, key->text, key->len);
        break;
    case KEY_TRUTH:
        lua_pushboolean(L, (int)key->integer);
        break;
    case KEY_NODE:
        lua_rawgeti(L, LUA_REGISTRYINDEX, host_policy(L)->node_ref[key->integer]);
        break;
    }
}

/* upvalues: table, sorted keys, index of the last one */
static int next_pair(lua_State *L)
{
    lua_Integer i = lua_tointeger(L, lua_upvalueindex(3));

    for (;;) {
        i++;
        if (lua_rawgeti(L, lua_upvalueindex(2), i) == LUA_TNIL) {
            return 1;
        }
        lua_pushvalue(L, -1);
        if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL) {
            lua_pushinteger(L, i);
            lua_replace(L, lua_upvalueindex(3));
            return 2;
        }
        lua_pop(L, 2); /* taken out meanwhile */
    }
}

static int pairs(lua_State *L)
{
    lua_Integer count = 0, i = 0;
    struct key *keys;

    if (luaL_getmetafield(L, 1, "__pairs") != LUA_TNIL) {
        lua_pushvalue(L, 1);
        lua_call(L, 1, 3);
        return 3;
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1)) {
        count++;
    }
    limits_charge(L, count);
    keys = lua_newuserdatauv(L, (size_t)(count + 1) * sizeof *keys, 0);
    for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1)) {
        keys[i++] = read_key(L, -2);
    }
    qsort(keys, (size_t)count, sizeof *keys, compare_keys);
    lua_pushvalue(L, 1);
    lua_createtable(L, (int)count, 0);
    for (i = 0; i < count; i++) {
        push_key(L, &keys[i]);
        lua_rawseti(L, -2, i + 1);
    }
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, next_pair, 3);
    return 1;
}

/* The smallest key above the given one; the same order as pairs. */
static int next(lua_State *L)
{
    struct key last, best;
    bool found = false, first;

    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 2);
    first = lua_isnil(L, 2);
    memset(&last, 0, sizeof last);
    memset(&best, 0, sizeof best);
    if (!first) {
        last = read_key(L, 2);
    }
    for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1)) {
        struct key key = read_key(L, -2);

        limits_charge(L, 1);
        if ((first || compare_keys(&key, &last) > 0) && (!found || compare_keys(&key, &best) < 0)) {
            best = key;
            found = true;
        }
    }
    if (!found) {
        lua_pushnil(L);
        return 1;
    }
    push_key(L, &best);
    lua_pushvalue(L, -1);
    lua_rawget(L, 1);
    return 2;
}

/* ---- Values ------------------------------------------------------------------------------ */

const char *sandbox_tostring(lua_State *L, int index)
{
    int type = lua_type(L, index);

    index = lua_absindex(L, index);
    if (type == LUA_TFUNCTION || type == LUA_TTHREAD || type == LUA_TLIGHTUSERDATA) {
        return lua_pushstring(L, lua_typename(L, type));
    }
    if (type == LUA_TTABLE || type == LUA_TUSERDATA) {
        if (luaL_getmetafield(L, index, "__tostring") != LUA_TNIL) {
            lua_pop(L, 1);
            return luaL_tolstring(L, index, NULL);
        }
        if (luaL_getmetafield(L, index, "__name") == LUA_TSTRING) {
            return lua_tostring(L, -1);
        }
        lua_settop(L, lua_gettop(L) - (luaL_getmetafield(L, index, "__name") != LUA_TNIL ? 2 : 0));
        return lua_pushstring(L, lua_typename(L, type));
    }
    return luaL_tolstring(L, index, NULL);
}

static int to_string(lua_State *L)
{
    luaL_checkany(L, 1);
    sandbox_tostring(L, 1);
    return 1;
}

static int get_metatable(lua_State *L)
{
    if (lua_type(L, 1) != LUA_TTABLE || !lua_getmetatable(L, 1)) {
        return 0;
    }
    luaL_getmetafield(L, 1, "__metatable");
    return 1;
}

static int set_metatable(lua_State *L)
{
    static const char *const refused[] = {"__gc", "__mode", "__close", NULL};

    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_argexpected(L, lua_isnil(L, 2) || lua_istable(L, 2), 2, "nil or table");
    if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL) {
        return luaL_error(L, "cannot change a protected metatable");
    }
    lua_settop(L, 2);
    for (int i = 0; refused[i] != NULL && lua_istable(L, 2); i++) {
        lua_pushstring(L, refused[i]);
        if (lua_rawget(L, 2) != LUA_TNIL) {
            return run_blame(L, "%s is not there in policies", refused[i]);
        }
        lua_pop(L, 1);
    }
    lua_setmetatable(L, 1);
    return 1;
}

/* ---- Lists: work that counts ------------------------------------------------------------- */

/* upvalue: the function of Lua's own library. It loops in C over as many elements as the
 * table (or the given range) has, so it counts for that many instructions. */
static int counted(lua_State *L)
{
    lua_Integer work = 0;
    int n = lua_gettop(L);

    if (lua_type(L, 1) == LUA_TTABLE) {
        work = luaL_len(L, 1);
    }
    for (int i = 2; i <= n; i++) {
        lua_Integer bound = lua_isinteger(L, i) ? lua_tointeger(L, i) : 0;

        if (bound > work) {
            work = bound;
        } else if (bound < -work) {
            work = bound == LUA_MININTEGER ? LUA_MAXINTEGER : -bound;
        }
    }
    limits_charge(L, work);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, n, LUA_MULTRET);
    return lua_gettop(L);
}

static void open_table(lua_State *L)
{
    static const char *const names[] = {"concat", "insert", "move", "remove",
                                        "sort",   "unpack", NULL};

    luaL_requiref(L, LUA_TABLIBNAME, luaopen_table, 1);
    for (int i = 0; names[i] != NULL; i++) {
        lua_getfield(L, -1, names[i]);
        lua_pushcclosure(L, counted, 1);
        lua_setfield(L, -2, names[i]);
    }
    lua_pop(L, 1);
}

static void drop(lua_State *L, int index, const char *const *names)
{
    index = lua_absindex(L, index);
    for (int i = 0; names[i] != NULL; i++) {
        lua_pushnil(L);
        lua_setfield(L, index, names[i]);
    }
}

void sandbox_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"error", raise_error},
        {"assert", raise_unless},
        {"pcall", protected_call},
        {"xpcall", protected_call_with},
        {"pairs", pairs},
        {"next", next},
        {"tostring", to_string},
        {"getmetatable", get_metatable},
        {"setmetatable", set_metatable},
        {NULL, NULL},
    };
    static const char *const base[] = {
        "collectgarbage", "dofile", "load", "loadfile", "print",
        "rawget",         "rawset", "warn", "_VERSION", NULL,
    };
    static const char *const math[] = {"random", "randomseed", NULL};

    luaL_requiref(L, LUA_GNAME, luaopen_base, 1);
    drop(L, -1, base);
    luaL_setfuncs(L, functions, 0);
    lua_pop(L, 1);
    luaL_requiref(L, LUA_MATHLIBNAME, luaopen_math, 1);
    drop(L, -1, math);
    lua_pop(L, 1);
    luaL_requiref(L, LUA_UTF8LIBNAME, luaopen_utf8, 1);
    lua_pop(L, 1);
    open_table(L);
    strings_open(L);
    lua_pushnil(L);
    lua_setfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
}

/* core.raise(value): a broken rule, which error() would make a failure that was meant. */
static int raise(lua_State *L)
{
    lua_settop(L, 1);
    return lua_error(L);
}

void sandbox_register(lua_State *L)
{
    lua_pushcfunction(L, deliberate);
    lua_setfield(L, -2, "deliberate");
    lua_pushcfunction(L, raise);
    lua_setfield(L, -2, "raise");
}
