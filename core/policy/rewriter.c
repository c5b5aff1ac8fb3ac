/* What scripts see of core/rewrite: rewriter, failover_settings, failover_config. */
#include "policy/host.h"

#include "base/memory.h"
#include "rewrite/rewrite.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#define REWRITER       "rewriter"
#define RULES_MAX      16
#define BYTES_A_CHARGE 16 /* one instruction for so many */

struct rewriter {
    struct rewrite *rewrite; /* NULL: it is finished */
    char *out;               /* of the call */
    size_t len, size;
};

/* ---- The object -------------------------------------------------------------------------- */

static bool keep(void *arg, const char *bytes, size_t len)
{
    struct rewriter *rewriter = arg;

    if (rewriter->len + len > rewriter->size) {
        size_t size = rewriter->len + len + 65536;
        char *out = memory_resize(rewriter->out, size);

        if (out == NULL) {
            return false;
        }
        rewriter->out = out;
        rewriter->size = size;
    }
    memcpy(rewriter->out + rewriter->len, bytes, len);
    rewriter->len += len;
    return true;
}

static void end(struct rewriter *rewriter)
{
    rewrite_free(rewriter->rewrite);
    memory_free(rewriter->out);
    *rewriter = (struct rewriter){0};
}

static int collect(lua_State *L)
{
    end(lua_touserdata(L, 1));
    return 0;
}

static int say_wrong(lua_State *L, const struct baton_error *error)
{
    lua_pushnil(L);
    lua_pushstring(L, error->text);
    return 2;
}

/* Only what `make` made has this metatable. */
static struct rewriter *check_rewriter(lua_State *L)
{
    struct rewriter *rewriter = luaL_testudata(L, 1, REWRITER);

    if (rewriter == NULL) {
        run_blame(L, "feed and finish are called with a colon, as in r:feed(bytes)");
    }
    return rewriter;
}

static int feed(lua_State *L)
{
    struct rewriter *rewriter = check_rewriter(L);
    struct baton_error error = {0};
    size_t len;
    const char *bytes = luaL_checklstring(L, 2, &len);

    limits_charge(L, (lua_Integer)(len / BYTES_A_CHARGE));
    if (rewriter->rewrite == NULL) {
        return run_blame(L, "this rewriter is finished");
    }
    rewriter->len = 0;
    if (rewrite_feed(rewriter->rewrite, bytes, len, &error) != BATON_OK) {
        end(rewriter);
        return say_wrong(L, &error);
    }
    lua_pushlstring(L, rewriter->out != NULL ? rewriter->out : "", rewriter->len);
    return 1;
}

static void push_count(lua_State *L, const struct rewrite_count *count)
{
    lua_createtable(L, 0, 5);
    lua_pushinteger(L, count->replaced);
    lua_setfield(L, -2, "replaced");
    lua_pushinteger(L, count->bytes_in);
    lua_setfield(L, -2, "bytes_in");
    lua_pushinteger(L, count->bytes_out);
    lua_setfield(L, -2, "bytes_out");
    lua_pushstring(L, count->sha256_in);
    lua_setfield(L, -2, "sha256_in");
    lua_pushstring(L, count->sha256_out);
    lua_setfield(L, -2, "sha256_out");
}

static int finish(lua_State *L)
{
    struct rewriter *rewriter = check_rewriter(L);
    struct baton_error error = {0};
    struct rewrite_count count;

    if (rewriter->rewrite == NULL) {
        return run_blame(L, "this rewriter is finished");
    }
    rewriter->len = 0;
    if (rewrite_end(rewriter->rewrite, &count, &error) != BATON_OK) {
        end(rewriter);
        return say_wrong(L, &error);
    }
    lua_pushlstring(L, rewriter->out != NULL ? rewriter->out : "", rewriter->len);
    end(rewriter);
    push_count(L, &count);
    return 2;
}

/* ---- Its making --------------------------------------------------------------------------- */

static const char *path_field(lua_State *L, int index, const char *key)
{
    const char *text;

    if (lua_getfield(L, index, key) != LUA_TSTRING) {
        run_blame(L, "a rule of rewriter wants %s = \"…\"", key);
    }
    text = lua_tostring(L, -1);
    if (strlen(text) != lua_rawlen(L, -1)) {
        run_blame(L, "a rule of rewriter has a zero byte in %s", key);
    }
    lua_pop(L, 1); /* the table keeps it alive */
    return text;
}

static int read_rules(lua_State *L, struct rewrite_rule rules[RULES_MAX])
{
    int count;

    if (lua_getfield(L, 1, "rules") != LUA_TTABLE) {
        run_blame(L, "rewriter wants rules = { { from = \"…\", to = \"…\" }, … }");
    }
    count = (int)lua_rawlen(L, -1);
    if (count > RULES_MAX) {
        run_blame(L, "rewriter takes at most %d rules", RULES_MAX);
    }
    for (int i = 0; i < count; i++) {
        if (lua_rawgeti(L, -1, i + 1) != LUA_TTABLE) {
            run_blame(L, "rewriter wants rules = { { from = \"…\", to = \"…\" }, … }");
        }
        rules[i].from = path_field(L, lua_gettop(L), "from");
        rules[i].to = path_field(L, lua_gettop(L), "to");
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return count;
}

static int make(lua_State *L)
{
    static const char *const formats[] = {"auto", "xml", "json", NULL};
    struct rewrite_rule rules[RULES_MAX];
    struct baton_error error = {0};
    struct rewriter *rewriter;
    int format, count;

    lua_settop(L, 1);
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checkstack(L, 6, NULL);
    format = table_word(L, 1, "format", formats, REWRITE_AUTO);
    count = read_rules(L, rules);
    rewriter = lua_newuserdatauv(L, sizeof *rewriter, 0);
    *rewriter = (struct rewriter){0};
    luaL_setmetatable(L, REWRITER);
    if (rewrite_new(
            rules, count, (enum rewrite_format)format, keep, rewriter, &rewriter->rewrite,
            &error) != BATON_OK) {
        return run_blame(L, "rewriter: %s", error.text);
    }
    return 1;
}

/* ---- failoverConfig.xml -------------------------------------------------------------------- */

static void push_settings(lua_State *L, const struct failover_settings *settings)
{
    lua_createtable(L, 0, 3);
    lua_pushstring(L, settings->shared_system_files_path);
    lua_setfield(L, -2, "SharedSystemFilesPath");
    lua_pushstring(L, settings->failover_ip_address);
    lua_setfield(L, -2, "FailoverIPAddress");
    if (settings->is_enabled >= 0) {
        lua_pushboolean(L, settings->is_enabled);
        lua_setfield(L, -2, "IsEnabled");
    }
}

struct found { /* for push_found, which may throw */
    struct failover_settings settings;
    char *text;
    size_t len;
};

static int push_found(lua_State *L)
{
    const struct found *found = lua_touserdata(L, 1);

    if (found->text != NULL) {
        lua_pushlstring(L, found->text, found->len);
    } else {
        push_settings(L, &found->settings);
    }
    return 1;
}

/* Push it, free it, then throw what was thrown. */
static int give_found(lua_State *L, struct found *found)
{
    int status;

    lua_pushcfunction(L, push_found);
    lua_pushlightuserdata(L, found);
    status = lua_pcall(L, 1, 1, 0);
    free(found->text);
    failover_config_fini(&found->settings);
    return status == LUA_OK ? 1 : lua_error(L);
}

static int settings_of(lua_State *L)
{
    struct found found = {.text = NULL};
    struct baton_error error = {0};
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);

    limits_charge(L, (lua_Integer)(len / BYTES_A_CHARGE));
    luaL_checkstack(L, 6, NULL);
    if (failover_config_read(text, len, &found.settings, &error) != BATON_OK) {
        return say_wrong(L, &error);
    }
    return give_found(L, &found);
}

static char *setting(lua_State *L, const char *key)
{
    int type = lua_getfield(L, 2, key);
    char *text = type == LUA_TSTRING ? (char *)lua_tostring(L, -1) : NULL;

    if (type != LUA_TNIL && (type != LUA_TSTRING || strlen(text) != lua_rawlen(L, -1))) {
        run_blame(L, "%s wants a text, not %s", key, sandbox_tostring(L, -1));
    }
    lua_pop(L, 1);
    return text;
}

static int config_with(lua_State *L)
{
    struct failover_settings wanted = {.is_enabled = -1};
    struct found found = {.settings = {.is_enabled = -1}};
    struct baton_error error = {0};
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    int type;

    luaL_checktype(L, 2, LUA_TTABLE);
    luaL_checkstack(L, 6, NULL);
    limits_charge(L, (lua_Integer)(len / BYTES_A_CHARGE));
    wanted.shared_system_files_path = setting(L, "SharedSystemFilesPath");
    wanted.failover_ip_address = setting(L, "FailoverIPAddress");
    type = lua_getfield(L, 2, "IsEnabled");
    if (type != LUA_TNIL && type != LUA_TBOOLEAN) {
        run_blame(L, "IsEnabled wants true or false, not %s", sandbox_tostring(L, -1));
    }
    wanted.is_enabled = type == LUA_TBOOLEAN ? lua_toboolean(L, -1) : -1;
    lua_pop(L, 1);
    if (failover_config_edit(text, len, &wanted, &found.text, &found.len, &error) != BATON_OK) {
        return say_wrong(L, &error);
    }
    return give_found(L, &found);
}

void rewriter_register(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"rewriter", make},
        {"failover_settings", settings_of},
        {"failover_config", config_with},
        {NULL, NULL},
    };
    static const luaL_Reg methods[] = {{"feed", feed}, {"finish", finish}, {NULL, NULL}};

    luaL_setfuncs(L, functions, 0);
    luaL_newmetatable(L, REWRITER);
    lua_createtable(L, 0, 2);
    luaL_setfuncs(L, methods, 0);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, collect);
    lua_setfield(L, -2, "__gc");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}
