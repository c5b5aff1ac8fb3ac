/* What scripts see of base/base64: to_base64 and from_base64. */
#include "base/base64.h"
#include "policy/host.h"

#include <lauxlib.h>
#include <stdint.h>

#define BYTES_A_CHARGE 16 /* one instruction for so many */

/* (bytes) → text [-0, +1] MAY_THROW */
static int to_base64(lua_State *L)
{
    size_t len;
    const char *bytes = luaL_checklstring(L, 1, &len);
    luaL_Buffer buffer;

    limits_charge(L, (lua_Integer)(len / BYTES_A_CHARGE));
    luaL_checkstack(L, 4, NULL);
    base64_encode_into(luaL_buffinitsize(L, &buffer, BASE64_SIZE(len)), bytes, len);
    luaL_pushresultsize(&buffer, BASE64_SIZE(len));
    return 1;
}

/* (text) → bytes, or nil and why [-0, +1 or +2] MAY_THROW */
static int from_base64(lua_State *L)
{
    size_t len, n;
    const char *text = luaL_checklstring(L, 1, &len);
    luaL_Buffer buffer;

    limits_charge(L, (lua_Integer)(len / BYTES_A_CHARGE));
    luaL_checkstack(L, 4, NULL);
    n = base64_decode_into(luaL_buffinitsize(L, &buffer, len / 4 * 3), text, len);
    if (n == SIZE_MAX) {
        lua_pushnil(L);
        lua_pushliteral(L, "it is no base64");
        return 2;
    }
    luaL_pushresultsize(&buffer, n);
    return 1;
}

void bytes_register(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"to_base64", to_base64}, {"from_base64", from_base64}, {NULL, NULL}};

    luaL_setfuncs(L, functions, 0);
}
