#include "policy/host.h"

#include <lauxlib.h>
#include <lualib.h>
#include <string.h>

/* upvalue: the function of Lua's own library; it works through the whole text in C. */
static int counted(lua_State *L)
{
    int n = lua_gettop(L);

    limits_charge(L, (lua_Integer)(lua_type(L, 1) == LUA_TSTRING ? lua_rawlen(L, 1) / 16 : 0));
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, n, LUA_MULTRET);
    return lua_gettop(L);
}

static int rep(lua_State *L)
{
    size_t len, separator_len;
    const char *text = luaL_checklstring(L, 1, &len);
    lua_Integer n = luaL_checkinteger(L, 2);
    const char *separator = luaL_optlstring(L, 3, "", &separator_len);
    luaL_Buffer buffer;

    if (n <= 0) {
        lua_pushliteral(L, "");
        return 1;
    }
    if (len + separator_len > 0 && (size_t)n > HOST_STRING_MAX / (len + separator_len)) {
        return run_blame(
            L, "string.rep: the result would be longer than %zu bytes", HOST_STRING_MAX);
    }
    limits_charge(L, n / 16);
    luaL_buffinit(L, &buffer);
    for (; len + separator_len > 0 && n > 0; n--) {
        luaL_addlstring(&buffer, text, len);
        if (n > 1) {
            luaL_addlstring(&buffer, separator, separator_len);
        }
    }
    luaL_pushresult(&buffer);
    return 1;
}

/* upvalue: string.format. Tables and functions come as words, not as addresses. */
static int format(lua_State *L)
{
    const char *p = luaL_checkstring(L, 1);
    int n = lua_gettop(L);

    while ((p = strchr(p, '%')) != NULL) {
        p += 1 + strspn(p + 1, "-+ #0123456789.");
        if (*p == 'p') {
            return run_blame(L, "string.format: %%p is not there in policies");
        }
        if (*p != '\0') {
            p++;
        }
    }
    luaL_checkstack(L, 4, NULL);
    for (int i = 2; i <= n; i++) {
        int type = lua_type(L, i);

        if (type != LUA_TSTRING && type != LUA_TNUMBER && type != LUA_TBOOLEAN &&
            type != LUA_TNIL) {
            sandbox_tostring(L, i);
            lua_replace(L, i);
        }
    }
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, n, 1);
    return 1;
}

void strings_open(lua_State *L)
{
    static const char *const names[] = {
        "upper", "lower", "reverse", "byte", NULL,
    };

    luaL_requiref(L, LUA_STRLIBNAME, luaopen_string, 1);
    lua_pushnil(L);
    lua_setfield(L, -2, "dump");
    for (int i = 0; names[i] != NULL; i++) {
        lua_getfield(L, -1, names[i]);
        lua_pushcclosure(L, counted, 1);
        lua_setfield(L, -2, names[i]);
    }
    match_open(L);
    lua_pushcfunction(L, rep);
    lua_setfield(L, -2, "rep");
    lua_getfield(L, -1, "format");
    lua_pushcclosure(L, format, 1);
    lua_setfield(L, -2, "format");
    lua_pop(L, 1);
}
