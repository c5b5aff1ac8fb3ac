/* What would be slow in Lua: base64, and the sums of Get-FileHash. */
#include "lab.h"

#include <lauxlib.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

/* (bytes) → base64 [-0, +1] */
int bytes_to_base64(lua_State *L)
{
    size_t len;
    const char *bytes = luaL_checklstring(L, 1, &len);
    luaL_Buffer buffer;
    char *out = luaL_buffinitsize(L, &buffer, len / 3 * 4 + 5);

    luaL_pushresultsize(
        &buffer,
        (size_t)EVP_EncodeBlock((unsigned char *)out, (const unsigned char *)bytes, (int)len));
    return 1;
}

/* (base64, perhaps with white space) → bytes, or nil [-0, +1] */
int bytes_from_base64(lua_State *L)
{
    size_t len, i, used = 0, padding = 0;
    const char *text = luaL_checklstring(L, 1, &len);
    unsigned char *clean = lua_newuserdatauv(L, len + 1, 0);
    luaL_Buffer buffer;
    unsigned char *out;
    int n;

    for (i = 0; i < len; i++) {
        if (strchr(" \t\r\n", text[i]) == NULL) {
            clean[used++] = (unsigned char)text[i];
            padding += text[i] == '=';
        }
    }
    out = (unsigned char *)luaL_buffinitsize(L, &buffer, used / 4 * 3 + 4);
    n = EVP_DecodeBlock(out, clean, (int)used);
    if (n < 0 || padding > 2) {
        lua_pushnil(L);
        return 1;
    }
    luaL_pushresultsize(&buffer, (size_t)n - padding);
    return 1;
}

/* (bytes) → SHA-256 in upper-case hex, as PowerShell writes it [-0, +1] */
int bytes_sha256(lua_State *L)
{
    size_t len;
    const char *bytes = luaL_checklstring(L, 1, &len);
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned int n = 0, i;
    luaL_Buffer buffer;

    if (EVP_Digest(bytes, len, sum, &n, EVP_sha256(), NULL) != 1) {
        return luaL_error(L, "no sum could be made");
    }
    luaL_buffinit(L, &buffer);
    for (i = 0; i < n; i++) {
        static const char digits[] = "0123456789ABCDEF";

        luaL_addchar(&buffer, digits[sum[i] >> 4]);
        luaL_addchar(&buffer, digits[sum[i] & 15]);
    }
    luaL_pushresult(&buffer);
    return 1;
}
