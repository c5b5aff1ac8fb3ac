/* What a scenario's file sees: the words, and as much of Lua's own libraries as tells a story.
 * There is nothing in it that could make two runs differ (no pairs, no random, no addresses)
 * and nothing that could catch the end of a budget (no pcall). */
#include "words.h"

#include <lualib.h>
#include <string.h>

/* string.format, but for what would print an address. */
static int format(lua_State *L)
{
    const char *text = luaL_checkstring(L, 1);
    int i;

    for (i = 2; i <= lua_gettop(L); i++) {
        if (!lua_isstring(L, i) && !lua_isboolean(L, i)) {
            return luaL_error(L, "format takes texts, numbers and truths");
        }
    }
    for (; *text != '\0'; text++) {
        if (*text == '%') {
            text += 1 + strspn(text + 1, "-+ #0123456789.");
            if (*text == 'p') {
                return luaL_error(L, "format has no %%p here");
            }
            if (*text == '\0') {
                break;
            }
        }
    }
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, 1);
    return 1;
}

static int to_string(lua_State *L)
{
    luaL_checkany(L, 1);
    if (!lua_isstring(L, 1) && !lua_isboolean(L, 1) && !lua_isnil(L, 1)) {
        lua_pushstring(L, luaL_typename(L, 1));
        return 1;
    }
    luaL_tolstring(L, 1, NULL);
    return 1;
}

/* [-0, +1] A copy of the library on the top with these names only, instead of it. */
static void keep(lua_State *L, const char *const *names)
{
    int i;

    lua_newtable(L);
    for (i = 0; names[i] != NULL; i++) {
        lua_getfield(L, -2, names[i]);
        lua_setfield(L, -2, names[i]);
    }
    lua_remove(L, -2);
}

/* Nothing of C's own loops that the count of instructions doesn't see. */
static void open_libraries(lua_State *L, int environment)
{
    static const char *const base[] = {"error", "ipairs", "select", "tonumber", "type", NULL};
    static const char *const math[] = {"abs", "ceil", "floor",     "fmod", "huge", "max",
                                       "min", "pi",   "tointeger", "type", NULL};
    static const char *const string[] = {"byte",    "char", "len",   "lower", "rep",
                                         "reverse", "sub",  "upper", NULL};
    static const char *const table[] = {"concat", "insert", "remove", "sort", "unpack", NULL};
    int i;

    luaL_requiref(L, LUA_GNAME, luaopen_base, 0);
    for (i = 0; base[i] != NULL; i++) {
        lua_getfield(L, -1, base[i]);
        lua_setfield(L, environment, base[i]);
    }
    lua_pop(L, 1);
    lua_pushcfunction(L, to_string);
    lua_setfield(L, environment, "tostring");
    luaL_requiref(L, LUA_MATHLIBNAME, luaopen_math, 0);
    keep(L, math);
    lua_setfield(L, environment, "math");
    luaL_requiref(L, LUA_TABLIBNAME, luaopen_table, 0);
    keep(L, table);
    lua_setfield(L, environment, "table");
    luaL_requiref(L, LUA_STRLIBNAME, luaopen_string, 0);
    lua_getfield(L, -1, "format");
    lua_insert(L, -2);
    keep(L, string);
    lua_insert(L, -2);
    lua_pushcclosure(L, format, 1);
    lua_setfield(L, -2, "format");
    lua_pushliteral(L, ""); /* texts find their methods there too */
    lua_getmetatable(L, -1);
    lua_pushvalue(L, -3);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 2);
    lua_setfield(L, environment, "string");
}

/* An unknown word: most are a fault misspelt. */
static int no_word(lua_State *L)
{
    const char *name = luaL_tolstring(L, 2, NULL);
    const char *const *words = scenario_words();
    luaL_Buffer list;
    int i;

    luaL_buffinit(L, &list);
    for (i = 0; i < SIM_FAULTS; i++) {
        luaL_addstring(&list, i > 0 ? ", " : "");
        luaL_addstring(&list, sim_fault_row((enum sim_fault_kind)i)->name);
    }
    luaL_addstring(&list, "; other words: ");
    for (i = 0; words[i] != NULL; i++) {
        luaL_addstring(&list, i > 0 ? ", " : "");
        luaL_addstring(&list, words[i]);
    }
    luaL_pushresult(&list);
    return words_unknown(L, "fault", name, lua_tostring(L, -1));
}

void environment_open(lua_State *L)
{
    lua_newtable(L);
    open_libraries(L, lua_gettop(L));
    words_open(L);
    deed_open(L);
    expect_open(L);
    lua_newtable(L);
    lua_pushcfunction(L, no_word);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
}
