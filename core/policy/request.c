#include "policy/host.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

/* ---- Fields of a request table ------------------------------------------------------- */

static const char *text(lua_State *L, int index, const char *key, const char *otherwise)
{
    const char *value = otherwise;
    int type = lua_getfield(L, index, key);

    if (type == LUA_TSTRING) {
        value = lua_tostring(L, -1);
        if (strlen(value) != lua_rawlen(L, -1)) {
            run_blame(L, "%s has a zero byte in it", key);
        }
    } else if (type != LUA_TNIL) {
        run_blame(L, "%s wants text, not a %s", key, lua_typename(L, type));
    }
    lua_pop(L, 1); /* the table keeps it alive */
    return value;
}

static const char *must(lua_State *L, int index, const char *key, const char *what)
{
    const char *value = text(L, index, key, NULL);

    if (value == NULL || value[0] == '\0') {
        run_blame(L, "%s wants %s = \"…\"", what, key);
    }
    return value;
}

static const char *bytes(lua_State *L, int index, const char *key, size_t *len)
{
    const char *value = NULL;
    int type = lua_getfield(L, index, key);

    *len = 0;
    if (type == LUA_TSTRING) {
        value = lua_tolstring(L, -1, len);
    } else if (type != LUA_TNIL) {
        run_blame(L, "%s wants text, not a %s", key, lua_typename(L, type));
    }
    lua_pop(L, 1);
    return value;
}

static int64_t whole(
    lua_State *L, int index, const char *key, int64_t otherwise, int64_t min, int64_t max)
{
    int64_t value = otherwise;
    int is_integer = 0, type = lua_getfield(L, index, key);

    if (type != LUA_TNIL) {
        value = type == LUA_TNUMBER ? lua_tointegerx(L, -1, &is_integer) : 0;
        if (!is_integer || value < min || value > max) {
            run_blame(
                L, "%s wants a whole number from %lld to %lld, not %s", key, (long long)min,
                (long long)max, luaL_tolstring(L, -1, NULL));
        }
    }
    lua_pop(L, 1);
    return value;
}

static bool truth(lua_State *L, int index, const char *key, bool otherwise)
{
    bool value = otherwise;
    int type = lua_getfield(L, index, key);

    if (type == LUA_TBOOLEAN) {
        value = lua_toboolean(L, -1);
    } else if (type != LUA_TNIL) {
        run_blame(L, "%s wants true or false, not a %s", key, lua_typename(L, type));
    }
    lua_pop(L, 1);
    return value;
}

static int word(lua_State *L, int index, const char *key, const char *const *words, int otherwise)
{
    const char *value = text(L, index, key, NULL);

    if (value == NULL) {
        return otherwise;
    }
    for (int i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], value) == 0) {
            return i;
        }
    }
    return run_blame(L, "%s = \"%s\": there is no such choice", key, value);
}

static int64_t timeout_ms(lua_State *L, int index, double otherwise)
{
    double seconds = otherwise;
    int type = lua_getfield(L, index, "timeout");

    if (type == LUA_TNUMBER) {
        seconds = lua_tonumber(L, -1);
    }
    if ((type != LUA_TNIL && type != LUA_TNUMBER) || !(seconds >= 0 && seconds <= 86400 * 7)) {
        run_blame(L, "timeout wants seconds from 0 to a week, not %s", luaL_tolstring(L, -1, NULL));
    }
    lua_pop(L, 1);
    /* At least one: a loop of sleeps of no time would never let the time go on. */
    return seconds < 0.001 ? 1 : (int64_t)(seconds * 1000 + 0.5);
}

/* Room for the one array that a request may need, in the place above the request table.
 * [-0, +0] MAY_THROW */
static void *keep(lua_State *L, int index, size_t size)
{
    void *memory = lua_newuserdatauv(L, size, 0);

    lua_replace(L, index + 1);
    return memory;
}

/* ---- Kinds ------------------------------------------------------------------------------ */

static void read_tcp(lua_State *L, int index, struct world_request *request)
{
    request->timeout_ms = timeout_ms(L, index, 5);
    request->u.tcp.host = must(L, index, "host", "tcp");
    request->u.tcp.port = (int)whole(L, index, "port", 0, 1, 65535);
    request->u.tcp.expect = text(L, index, "expect", NULL);
    if (request->u.tcp.port == 0) {
        run_blame(L, "tcp wants port = 1 to 65535");
    }
}

static void read_mail(lua_State *L, int index, struct world_request *request)
{
    static const char *const protos[] = {"smtp", "imap", "pop3", NULL};
    static const char *const tls[] = {"none", "starttls", "tls", NULL};
    static const int ports[][3] = {{25, 25, 465}, {143, 143, 993}, {110, 110, 995}};

    request->timeout_ms = timeout_ms(L, index, 5);
    request->u.mail.proto = (enum world_mail_proto)word(L, index, "proto", protos, WORLD_SMTP);
    request->u.mail.tls = (enum world_tls)word(L, index, "tls", tls, WORLD_PLAIN);
    request->u.mail.host = must(L, index, "host", "mail");
    request->u.mail.port =
        (int)whole(L, index, "port", ports[request->u.mail.proto][request->u.mail.tls], 1, 65535);
    request->u.mail.verify = truth(L, index, "verify", false);
    request->u.mail.ca_file = text(L, index, "ca_file", NULL);
}

static void read_pairs(
    lua_State *L, int index, const char *key, const struct world_pair **pairs, int *count)
{
    struct world_pair *pair;
    int n = 0, type = lua_getfield(L, index, key);

    *pairs = NULL;
    *count = 0;
    if (type == LUA_TNIL) {
        lua_pop(L, 1);
        return;
    }
    if (type != LUA_TTABLE) {
        run_blame(L, "%s wants a table of names and texts", key);
    }
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING) {
            run_blame(L, "%s wants a table of names and texts", key);
        }
        n++;
    }
    pair = keep(L, index, (size_t)(n + 1) * sizeof *pair);
    *pairs = pair;
    *count = n;
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        struct world_pair item = {.name = lua_tostring(L, -2), .value = lua_tostring(L, -1)};
        int at = (int)(pair - *pairs);

        for (; at > 0 && strcmp((*pairs)[at - 1].name, item.name) > 0; at--) {
            memcpy((void *)&(*pairs)[at], &(*pairs)[at - 1], sizeof item);
        }
        memcpy((void *)&(*pairs)[at], &item, sizeof item);
        pair++;
    }
    lua_pop(L, 1);
}

static void read_http(lua_State *L, int index, struct world_request *request)
{
    request->timeout_ms = timeout_ms(L, index, 10);
    request->u.http.method = text(L, index, "method", "GET");
    request->u.http.url = must(L, index, "url", "http");
    request->u.http.connect_to = text(L, index, "connect_to", NULL);
    request->u.http.body = bytes(L, index, "body", &request->u.http.body_len);
    request->u.http.expect = (int)whole(L, index, "expect", 0, 100, 599);
    request->u.http.match = text(L, index, "match", NULL);
    request->u.http.verify = truth(L, index, "verify", true);
    request->u.http.ca_file = text(L, index, "ca_file", NULL);
    request->u.http.secret = text(L, index, "secret", NULL);
    request->u.http.body_secret = text(L, index, "body_secret", NULL);
    request->u.http.effect = text(L, index, "effect", NULL);
    request->u.http.asks = text(L, index, "asks", NULL);
    request->u.http.body_max = (size_t)whole(L, index, "body_max", 65536, 0, 1 << 20);
    read_pairs(L, index, "headers", &request->u.http.header, &request->u.http.n_headers);
}

static void read_argv(lua_State *L, int index, struct world_request *request)
{
    const char **argv;
    bool table = lua_getfield(L, index, "command") == LUA_TTABLE;
    lua_Integer count = table ? (lua_Integer)lua_rawlen(L, -1) : 0;

    if (count < 1) {
        run_blame(L, "exec wants command = { \"program\", \"argument\", … }");
    }
    if (count > 1024) {
        run_blame(L, "exec: a command of more than 1024 words");
    }
    argv = keep(L, index, (size_t)(count + 1) * sizeof *argv);
    for (lua_Integer i = 0; i < count; i++) {
        int type = lua_rawgeti(L, -1, i + 1);

        if (type == LUA_TNUMBER) { /* its text takes its place in the table */
            lua_tostring(L, -1);
            lua_pushvalue(L, -1);
            lua_rawseti(L, -3, i + 1);
        } else if (type != LUA_TSTRING) {
            run_blame(L, "exec: word %d of the command is a %s", (int)i + 1, lua_typename(L, type));
        }
        argv[i] = lua_tostring(L, -1);
        if (strlen(argv[i]) != lua_rawlen(L, -1)) {
            run_blame(L, "exec: word %d of the command has a zero byte in it", (int)i + 1);
        }
        lua_pop(L, 1);
    }
    argv[count] = NULL;
    lua_pop(L, 1);
    request->u.exec.argv = argv;
}

/* The node that the request is for: by name, or its view. */
static const char *node_name(lua_State *L, int index)
{
    const struct policy_site *site = host_policy(L)->site;
    int type = lua_getfield(L, index, "node"), node = GROUP_NOBODY;

    if (type == LUA_TSTRING) {
        while (++node < site->n_nodes && strcmp(site->node[node].name, lua_tostring(L, -1)) != 0) {
        }
    } else if (type != LUA_TNIL) {
        node = view_node(L, -1);
    }
    if (type != LUA_TNIL && (node == GROUP_NOBODY || node == site->n_nodes)) {
        run_blame(L, "there is no node \"%s\" in this group", sandbox_tostring(L, -1));
    }
    lua_pop(L, 1);
    return node != GROUP_NOBODY ? site->node[node].name : NULL;
}

static void read_exec(lua_State *L, int index, struct world_request *request)
{
    static const char *const tools[] = {"rsync", "robocopy", NULL};
    int tool = word(L, index, "progress", tools, -1);

    request->timeout_ms = timeout_ms(L, index, 10);
    request->u.exec.node = node_name(L, index);
    read_argv(L, index, request);
    request->u.exec.input = bytes(L, index, "input", &request->u.exec.input_len);
    request->u.exec.output_max = (size_t)whole(L, index, "output_max", 65536, 0, 1 << 20);
    request->u.exec.effect = text(L, index, "effect", NULL);
    request->u.exec.asks = text(L, index, "asks", NULL);
    request->u.exec.progress = tool >= 0 ? tools[tool] : NULL;
}

static void read_address(lua_State *L, int index, struct world_request *request)
{
    static const char *const ops[] = {"add", "delete", "present", "announce", NULL};
    const struct policy_site *site = host_policy(L)->site;

    request->timeout_ms = timeout_ms(L, index, 5);
    request->u.address.op = (enum world_address_op)word(L, index, "op", ops, WORLD_ADDRESS_PRESENT);
    request->u.address.node = node_name(L, index);
    request->u.address.interface = text(L, index, "interface", site->interface);
    request->u.address.address = text(L, index, "address", site->floating);
    if (request->u.address.node == NULL) {
        run_blame(L, "address wants a node");
    }
    if (request->u.address.interface == NULL || request->u.address.address == NULL) {
        run_blame(
            L, "address wants %s = \"…\"",
            request->u.address.interface == NULL ? "interface" : "address");
    }
}

static void read_hook(lua_State *L, int index, struct world_request *request)
{
    request->timeout_ms = timeout_ms(L, index, 10);
    request->u.hook.event = must(L, index, "event", "hook");
    request->u.hook.wall_ms = host_policy(L)->world->ops->wall_ms(host_policy(L)->world);
    read_pairs(L, index, "facts", &request->u.hook.fact, &request->u.hook.n_facts);
    request->u.hook.json = text(L, index, "json", NULL);
}

static const char *const kinds[] = {"sleep", "tcp",     "mail", "http",
                                    "exec",  "address", "hook", NULL};

enum world_kind request_kind(lua_State *L, const char *name)
{
    int kind = 0;

    while (kinds[kind] != NULL && strcmp(kinds[kind], name) != 0) {
        kind++;
    }
    if (kinds[kind] == NULL) {
        run_blame(L, "kind = \"%s\": there is no such choice", name);
    }
    return (enum world_kind)kind;
}

void request_read(lua_State *L, enum world_kind kind, int node, struct world_request *request)
{
    static void (*const readers[])(lua_State *, int, struct world_request *) = {
        NULL, read_tcp, read_mail, read_http, read_exec, read_address, read_hook,
    };
    int index = lua_gettop(L);

    if (lua_type(L, index) != LUA_TTABLE) {
        run_blame(L, "%s wants a table { … }, not a %s", kinds[kind], luaL_typename(L, index));
    }
    luaL_checkstack(L, 8, NULL);
    lua_pushnil(L); /* see keep */
    memset(request, 0, sizeof *request);
    request->group = host_policy(L)->site->group;
    request->kind = kind;
    if (kind == WORLD_SLEEP) {
        request->timeout_ms = timeout_ms(L, index, 0);
    } else {
        readers[kind](L, index, request);
    }
    if (kind == WORLD_EXEC && node != GROUP_NOBODY) {
        request->u.exec.node = host_policy(L)->site->node[node].name;
    }
}

/* ---- Results --------------------------------------------------------------------------------- */

void request_push_result(lua_State *L, const struct world_result *result)
{
    luaL_checkstack(L, 3, NULL);
    lua_createtable(L, 0, 9);
    lua_pushboolean(L, result->outcome == WORLD_OK);
    lua_setfield(L, -2, "ok");
    lua_pushboolean(L, result->outcome == WORLD_FAIL);
    lua_setfield(L, -2, "failed");
    lua_pushboolean(L, result->outcome == WORLD_UNKNOWN);
    lua_setfield(L, -2, "unknown");
    lua_pushinteger(L, result->code);
    lua_setfield(L, -2, "code");
    lua_pushnumber(L, (lua_Number)result->latency_us / 1e6);
    lua_setfield(L, -2, "latency");
    lua_pushstring(L, result->detail);
    lua_setfield(L, -2, "detail");
    lua_pushlstring(L, result->out, result->out_len);
    lua_setfield(L, -2, "out");
    lua_pushlstring(L, result->err, result->err_len);
    lua_setfield(L, -2, "err");
    lua_pushboolean(L, result->cut);
    lua_setfield(L, -2, "cut");
}
