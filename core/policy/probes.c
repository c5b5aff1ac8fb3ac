#include "policy/host.h"

#include <assert.h>
#include <ctype.h>
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMMON                                                                                     \
    "kind", "every", "timeout", "fall", "rise", "on", "via", "name", "attempts", "retry", "deadline"

/* The keys of each kind of probe, as the constructors in prelude.lua name them. */
static const struct kind {
    const char *name;
    const char *const keys[24];
} kinds[] = {
    {"tcp", {COMMON, "port", "expect", "host", NULL}},
    {"smtp", {COMMON, "port", "tls", "verify", "ca_file", "host", NULL}},
    {"imap", {COMMON, "port", "tls", "verify", "ca_file", "host", NULL}},
    {"pop3", {COMMON, "port", "tls", "verify", "ca_file", "host", NULL}},
    {"http",
     {COMMON, "path", "port", "scheme", "url", "expect", "match", "verify", "ca_file", "headers",
      "secret", "method", "host", NULL}},
    {"exec", {COMMON, "command", "where", "asks", "input", NULL}},
    {"share", {COMMON, "path", "mounted", NULL}},
    {"clock", {COMMON, "max_skew", NULL}},
    {"custom", {COMMON, "run", "pure", NULL}},
};

static const char *const *keys_of(lua_State *L, int index)
{
    const char *name;
    const char *const *keys = NULL;

    lua_getfield(L, index, "kind");
    name = lua_tostring(L, -1);
    for (size_t i = 0; name != NULL && i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            keys = kinds[i].keys;
        }
    }
    lua_pop(L, 1);
    return keys;
}

void probes_check(lua_State *L, int index)
{
    char what[GROUP_NAME_MAX];
    const char *const *keys = keys_of(L, index);

    if (keys == NULL) {
        table_fail(L, index, "no such kind of probe");
    }
    assert(keys != NULL);
    lua_getfield(L, index, "kind");
    snprintf(what, sizeof what, "probe.%s", lua_tostring(L, -1));
    lua_pop(L, 1);
    table_keys(L, index, what, keys);
}

static void check_name(lua_State *L, int index, const char *name)
{
    size_t len = strlen(name);

    if (!islower((unsigned char)name[0]) || len >= GROUP_NAME_MAX ||
        strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != len) {
        table_fail(
            L, index, "probe \"%s\": a name is a small letter, then letters, digits or _", name);
    }
    lua_pushstring(L, name);
    if (view_has_name(L)) {
        table_fail(L, index, "a probe can't be called %s: nodes have a field of that name", name);
    }
    lua_pop(L, 1);
}

/* The requests of a plain probe, one for each node. False: it is scripted. */
static bool read_requests(lua_State *L, int index, int probe)
{
    struct policy *policy = host_policy(L);
    int64_t timeout_ms = policy->table.probe[probe].timeout_ms;

    for (int node = 0; node < policy->site->n_nodes; node++) {
        struct world_request *request = &policy->request[probe * policy->site->n_nodes + node];
        enum world_kind kind;

        lua_rawgeti(L, LUA_REGISTRYINDEX, policy->function_ref[HOST_REQUEST]);
        lua_pushvalue(L, index);
        lua_rawgeti(L, LUA_REGISTRYINDEX, policy->node_ref[node]);
        lua_call(L, 2, 1);
        if (lua_isnil(L, -1)) {
            lua_pop(L, 1);
            return false;
        }
        luaL_checktype(L, -1, LUA_TTABLE);
        lua_getfield(L, -1, "kind");
        kind = request_kind(L, luaL_checkstring(L, -1));
        lua_pop(L, 1);
        request_read(L, kind, GROUP_NOBODY, request);
        request->timeout_ms = timeout_ms;
        luaL_ref(L, LUA_REGISTRYINDEX); /* it owns an array of the request */
        luaL_ref(L, LUA_REGISTRYINDEX); /* … and the strings */
    }
    return true;
}

bool probes_pure(lua_State *L, int index)
{
    bool pure, scripted;
    const char *kind;
    int type;

    lua_getfield(L, index, "kind");
    kind = lua_tostring(L, -1);
    type = lua_getfield(L, index, "pure");
    if (type != LUA_TNIL && type != LUA_TBOOLEAN) {
        table_fail(L, index, "pure wants true or false, not a %s", lua_typename(L, type));
    }
    pure = lua_toboolean(L, -1);
    scripted = lua_getfield(L, index, "command") == LUA_TFUNCTION || strcmp(kind, "custom") == 0;
    lua_pop(L, 3);
    return pure || !scripted;
}

static void read_probe(lua_State *L, int index, const char *name, int probe)
{
    static const char *const on[] = {"all", "holder", "others", NULL};
    static const char *const via[] = {"node", "floating", NULL};
    struct policy *policy = host_policy(L);
    struct policy_probe *into = &policy->table.probe[probe];
    struct group_probe_rules *rules = &policy->table.rules.probe[probe];
    const char *file = NULL;

    probes_check(L, index);
    snprintf(rules->name, sizeof rules->name, "%s", name);
    rules->fall = table_int(L, index, "fall", 3, 1, 1000);
    rules->rise = table_int(L, index, "rise", 2, 1, 1000);
    rules->on = (enum group_probe_on)table_word(L, index, "on", on, GROUP_ON_ALL);
    into->every_ms = table_ms(L, index, "every", 2, 0.02);
    into->timeout_ms = table_ms(L, index, "timeout", 1, 0.01);
    into->floating = table_word(L, index, "via", via, 0) == 1;
    if (into->floating && policy->site->floating == NULL) {
        table_fail(
            L, index, "probe %s: via = \"floating\", but the configuration has no floating address",
            name);
    }
    policy->probe_place[probe] = table_place(L, index);
    limits_birth(L, index, &file, &policy->blame_line);
    into->scripted = !read_requests(L, index, probe);
    policy->blame_line = 0;
    policy->pure_probes |= (uint32_t)probes_pure(L, index) << probe;
    if (!into->scripted) {
        into->request = policy->request[probe * policy->site->n_nodes];
    }
    lua_pushstring(L, name);
    view_add_probe(L, probe);
    lua_pop(L, 1);
    lua_pushvalue(L, index);
    policy->probe_ref[probe] = luaL_ref(L, LUA_REGISTRYINDEX);
    policy->table.rules.n_probes = probe + 1;
}

static int compare_names(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

void probes_read(lua_State *L, int index)
{
    struct policy *policy = host_policy(L);
    int type = lua_getfield(L, index, "probes"), at = lua_gettop(L), count = 0;
    const char *names[GROUP_PROBES_MAX];

    if (type == LUA_TNIL) {
        lua_pop(L, 1);
        return;
    }
    if (type != LUA_TTABLE) {
        table_fail(L, index, "probes wants a table { name = probe.tcp { … }, … }");
    }
    for (lua_pushnil(L); lua_next(L, at); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING) {
            table_fail(L, at, "each probe wants a name: name = probe.tcp { … }");
        }
        if (count == GROUP_PROBES_MAX) {
            table_fail(L, at, "more than %d probes", GROUP_PROBES_MAX);
        }
        if (!table_is(L, -1, policy->probe_meta_ref)) {
            table_fail(
                L, at, "probe %s is a %s: make it with probe.tcp { … } and the like",
                lua_tostring(L, -2), luaL_typename(L, -1));
        }
        names[count++] = lua_tostring(L, -2); /* the table keeps it alive */
    }
    qsort(names, (size_t)count, sizeof names[0], compare_names);
    for (int i = 0; i < count; i++) {
        lua_getfield(L, at, names[i]);
        check_name(L, lua_gettop(L), names[i]);
        read_probe(L, lua_gettop(L), names[i], i);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}
