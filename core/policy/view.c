#include "policy/host.h"

#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Views hold indexes only; what they show is read from policy->group at each look. The
 * names of a node are in one table: fields and probes as numbers, methods as functions. */

struct node_view {
    int node;
};

struct probe_view {
    int node, probe;
};

enum field {
    F_NAME = 1,
    F_ADDRESS,
    F_PRIORITY,
    F_TRANSPORT,
    F_STATE,
    F_STATE_WHY,
    F_STATE_FOR,
    F_FIT,
    F_FIT_WHY,
    F_FIT_FOR,
    F_HOLDS,
    F_SERVING,
    F_SERVING_WHY,
    F_OUT,
    F_INDEX,
    F_PROBES,
    F_GROUP_HOLDER,
    F_NODES,
    F_FLOATING,
    F_INTERFACE,
    F_SHARE,
    F_GATEWAY,
    F_WITNESSES,
    F_EPOCH,
    F_PAUSED,
    F_MOVES,
    F_OK,
    F_FAILED,
    F_UNKNOWN,
    F_RESTING,
    F_STATUS,
    F_LATENCY,
    F_VALUE,
    F_DETAIL,
    F_RUN,
    F_SINCE_FOR,
    F_SEEN_FOR,
    F_LAST,
};

/* What each field is for the memo; the site's own are constant. */
static const enum host_what noted_as[] = {
    [F_STATE] = READ_STATE,
    [F_STATE_WHY] = READ_STATE_WHY,
    [F_STATE_FOR] = READ_STATE_AGE,
    [F_FIT] = READ_FIT,
    [F_FIT_WHY] = READ_FIT_WHY,
    [F_FIT_FOR] = READ_FIT_AGE,
    [F_HOLDS] = READ_HOLDER,
    [F_SERVING] = READ_SERVING,
    [F_SERVING_WHY] = READ_SERVING_WHY,
    [F_OUT] = READ_OUT,
    [F_GROUP_HOLDER] = READ_HOLDER,
    [F_EPOCH] = READ_EPOCH,
    [F_PAUSED] = READ_PAUSED,
    [F_MOVES] = READ_MOVES,
    [F_OK] = READ_STATUS,
    [F_FAILED] = READ_STATUS,
    [F_UNKNOWN] = READ_STATUS,
    [F_RESTING] = READ_STATUS,
    [F_STATUS] = READ_STATUS,
    [F_LATENCY] = READ_LATENCY,
    [F_VALUE] = READ_VALUE,
    [F_DETAIL] = READ_DETAIL,
    [F_RUN] = READ_RUN,
    [F_SINCE_FOR] = READ_SINCE_AGE,
    [F_SEEN_FOR] = READ_SEEN_AGE,
    [F_LAST] = READ_LAST,
};

#define PROBE_BASE 1000 /* in the table of names: PROBE_BASE + probe */

static const struct name {
    const char *name;
    enum field field;
} node_fields[] =
    {
        {"name", F_NAME},
        {"address", F_ADDRESS},
        {"priority", F_PRIORITY},
        {"transport", F_TRANSPORT},
        {"state", F_STATE},
        {"state_why", F_STATE_WHY},
        {"state_for", F_STATE_FOR},
        {"fit", F_FIT},
        {"fit_why", F_FIT_WHY},
        {"fit_for", F_FIT_FOR},
        {"holds", F_HOLDS},
        {"serving", F_SERVING},
        {"serving_why", F_SERVING_WHY},
        {"out", F_OUT},
        {"index", F_INDEX},
        {"probes", F_PROBES},
        {NULL, 0},
},
  group_fields[] =
      {
          {"name", F_NAME},         {"holder", F_GROUP_HOLDER}, {"nodes", F_NODES},
          {"floating", F_FLOATING}, {"interface", F_INTERFACE}, {"share", F_SHARE},
          {"gateway", F_GATEWAY},   {"witnesses", F_WITNESSES}, {"epoch", F_EPOCH},
          {"paused", F_PAUSED},     {"moves", F_MOVES},         {NULL, 0},
},
  probe_fields[] = {
      {"ok", F_OK},
      {"failed", F_FAILED},
      {"unknown", F_UNKNOWN},
      {"resting", F_RESTING},
      {"status", F_STATUS},
      {"latency", F_LATENCY},
      {"value", F_VALUE},
      {"detail", F_DETAIL},
      {"run", F_RUN},
      {"since_for", F_SINCE_FOR},
      {"seen_for", F_SEEN_FOR},
      {"last", F_LAST},
      {NULL, 0},
};

static const struct group *bound_group(lua_State *L)
{
    const struct policy *policy = host_policy(L);

    if (policy->group == NULL) {
        run_blame(L, "while the policy is loaded nothing has been observed yet");
    }
    return policy->group;
}

/* [-0, +1] */
static void push_answer(lua_State *L, enum group_answer answer)
{
    if (answer == GROUP_UNSURE) {
        lua_pushnil(L);
    } else {
        lua_pushboolean(L, answer == GROUP_YES);
    }
}

/* [-0, +1] */
static void push_age(lua_State *L, const struct group *group, int64_t since_ms)
{
    lua_pushnumber(L, (lua_Number)(group->now_ms - since_ms) / 1000);
}

static void append(char *text, size_t size, const char *word)
{
    size_t len = strlen(text);

    snprintf(text + len, size - len, "%s%s", len > 0 ? ", " : "", word);
}

/* MAY_THROW, always does */
static int unknown_field(lua_State *L, const char *what, const char *key, const struct name *fields)
{
    const struct group_rules *rules = &host_policy(L)->table.rules;
    char text[700];

    text[0] = '\0';
    for (int i = 0; fields == node_fields && i < rules->n_probes; i++) {
        append(text, sizeof text, rules->probe[i].name);
    }
    for (int i = 0; fields[i].name != NULL; i++) {
        append(text, sizeof text, fields[i].name);
    }
    return run_blame(L, "%s has no '%s'; there are: %s", what, key, text);
}

/* ---- Probes ------------------------------------------------------------------------- */

static const char *status_word(const struct group_health *health)
{
    static const char *const words[] = {"unknown", "ok", "failed"};

    return health->resting ? "resting" : words[health->status];
}

/* Is the probe's status `outcome`? Noted for the verdict. */
static int push_status(
    lua_State *L, const struct probe_view *view, const struct group_health *health,
    enum group_outcome outcome)
{
    struct policy *policy = host_policy(L);
    uint32_t bit = (uint32_t)1 << view->probe;

    if (outcome == GROUP_UNKNOWN) {
        policy->asked[view->node] |= bit;
    } else {
        policy->read[view->node] |= bit;
    }
    lua_pushboolean(L, health->resting ? outcome == GROUP_OK : health->status == outcome);
    return 1;
}

static int push_probe_field(
    lua_State *L, const struct probe_view *view, const struct group *group, enum field field)
{
    const struct group_health *health = &group->node[view->node].health[view->probe];
    static const char *const outcomes[] = {"unknown", "ok", "failed"};

    host_policy(L)->touched |= (uint32_t)1 << view->probe;
    memo_note(host_policy(L), noted_as[field], view->node, view->probe);
    switch (field) {
    case F_OK:
        return push_status(L, view, health, GROUP_OK);
    case F_FAILED:
        return push_status(L, view, health, GROUP_FAIL);
    case F_UNKNOWN:
        return push_status(L, view, health, GROUP_UNKNOWN);
    case F_STATUS:
        host_policy(L)->asked[view->node] |= (uint32_t)1 << view->probe;
        lua_pushstring(L, status_word(health));
        return 1;
    case F_RESTING:
        lua_pushboolean(L, health->resting);
        return 1;
    case F_LATENCY:
        lua_pushnumber(L, (lua_Number)health->latency_us / 1e6);
        return 1;
    case F_VALUE:
        lua_pushnumber(L, health->value);
        return 1;
    case F_DETAIL:
        lua_pushstring(L, health->detail);
        return 1;
    case F_RUN:
        lua_pushinteger(L, health->run);
        return 1;
    case F_SINCE_FOR:
        push_age(L, group, health->since_ms);
        return 1;
    case F_SEEN_FOR:
        if (health->seen_ms == 0) {
            lua_pushnumber(L, HUGE_VAL);
        } else {
            push_age(L, group, health->seen_ms);
        }
        return 1;
    case F_LAST:
        lua_pushstring(L, outcomes[health->last]);
        return 1;
    default:
        return 0;
    }
}

/* upvalue: table of names */
static int probe_index(lua_State *L)
{
    const struct probe_view *view = lua_touserdata(L, 1);
    const struct group *group = bound_group(L);

    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNUMBER) {
        return unknown_field(L, "a probe", luaL_tolstring(L, 2, NULL), probe_fields);
    }
    return push_probe_field(L, view, group, (enum field)lua_tointeger(L, -1));
}

/* ---- Nodes ---------------------------------------------------------------------------- */

/* Fields that the configuration says; false if it is none of them. */
static bool push_node_site(lua_State *L, int node, enum field field)
{
    const struct policy *policy = host_policy(L);
    const struct policy_node_site *site = &policy->site->node[node];

    switch (field) {
    case F_NAME:
        lua_pushstring(L, site->name);
        return true;
    case F_ADDRESS:
        lua_pushstring(L, site->address);
        return true;
    case F_PRIORITY:
        lua_pushinteger(L, site->priority);
        return true;
    case F_TRANSPORT:
        lua_pushstring(L, site->transport);
        return true;
    case F_INDEX:
        lua_pushinteger(L, node + 1);
        return true;
    case F_PROBES:
        lua_createtable(L, policy->table.rules.n_probes, 0);
        for (int i = 0; i < policy->table.rules.n_probes; i++) {
            lua_pushstring(L, policy->table.rules.probe[i].name);
            lua_rawseti(L, -2, i + 1);
        }
        return true;
    default:
        return false;
    }
}

static int push_node_field(lua_State *L, int index, enum field field)
{
    const struct group *group;
    const struct group_node *node;

    if (push_node_site(L, index, field)) {
        return 1;
    }
    group = bound_group(L);
    node = &group->node[index];
    memo_note(host_policy(L), noted_as[field], noted_as[field] == READ_HOLDER ? 0 : index, 0);
    switch (field) {
    case F_STATE:
        lua_pushstring(L, fsm_state_name(node->state));
        return 1;
    case F_STATE_WHY:
        lua_pushstring(L, node->state_why);
        return 1;
    case F_STATE_FOR:
        push_age(L, group, node->state_since_ms);
        return 1;
    case F_FIT:
        push_answer(L, node->fit);
        return 1;
    case F_FIT_WHY:
        lua_pushstring(L, node->fit_why);
        return 1;
    case F_FIT_FOR:
        push_age(L, group, node->fit_since_ms);
        return 1;
    case F_HOLDS:
        lua_pushboolean(L, group->holder == index);
        return 1;
    case F_SERVING:
        push_answer(L, node->serving);
        return 1;
    case F_SERVING_WHY:
        lua_pushstring(L, node->serving_why);
        return 1;
    case F_OUT:
        lua_pushboolean(L, node->out);
        return 1;
    default:
        return 0;
    }
}

/* upvalue: table of names */
static int node_index(lua_State *L)
{
    const struct node_view *view = lua_touserdata(L, 1);
    lua_Integer code;

    lua_pushvalue(L, 2);
    switch (lua_rawget(L, lua_upvalueindex(1))) {
    case LUA_TNUMBER:
        break;
    case LUA_TFUNCTION:
        return 1;
    default:
        return unknown_field(L, "a node", luaL_tolstring(L, 2, NULL), node_fields);
    }
    code = lua_tointeger(L, -1);
    if (code < PROBE_BASE) {
        return push_node_field(L, view->node, (enum field)code);
    }
    lua_getiuservalue(L, 1, 1);
    lua_rawgeti(L, -1, code - PROBE_BASE + 1);
    return 1;
}

static int node_name(lua_State *L)
{
    const struct node_view *view = lua_touserdata(L, 1);

    lua_pushstring(L, host_policy(L)->site->node[view->node].name);
    return 1;
}

int view_node(lua_State *L, int index)
{
    const struct policy *policy = host_policy(L);

    if (lua_type(L, index) != LUA_TUSERDATA) {
        return GROUP_NOBODY;
    }
    index = lua_absindex(L, index);
    for (int i = 0; i < policy->site->n_nodes; i++) {
        bool same;

        lua_rawgeti(L, LUA_REGISTRYINDEX, policy->node_ref[i]);
        same = lua_rawequal(L, -1, index);
        lua_pop(L, 1);
        if (same) {
            return i;
        }
    }
    return GROUP_NOBODY;
}

/* ---- The group ---------------------------------------------------------------------------- */

/* Fields that the configuration says; false if it is none of them. */
static bool push_group_site(lua_State *L, enum field field)
{
    const struct policy *policy = host_policy(L);
    const struct policy_site *site = policy->site;

    switch (field) {
    case F_NAME:
        lua_pushstring(L, site->group);
        return true;
    case F_FLOATING:
        lua_pushstring(L, site->floating);
        return true;
    case F_INTERFACE:
        lua_pushstring(L, site->interface);
        return true;
    case F_SHARE:
        lua_pushstring(L, site->share);
        return true;
    case F_GATEWAY:
        lua_pushstring(L, site->gateway);
        return true;
    case F_NODES:
        lua_createtable(L, site->n_nodes, 0);
        for (int i = 0; i < site->n_nodes; i++) {
            lua_rawgeti(L, LUA_REGISTRYINDEX, policy->node_ref[i]);
            lua_rawseti(L, -2, i + 1);
        }
        return true;
    case F_WITNESSES:
        lua_createtable(L, site->n_witnesses, 0);
        for (int i = 0; i < site->n_witnesses; i++) {
            lua_pushstring(L, site->witness[i]);
            lua_rawseti(L, -2, i + 1);
        }
        return true;
    default:
        return false;
    }
}

/* upvalue: table of names */
static int group_index(lua_State *L)
{
    struct policy *policy = host_policy(L);
    const struct group *group;
    enum field field;

    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNUMBER) {
        return unknown_field(L, "the group", luaL_tolstring(L, 2, NULL), group_fields);
    }
    field = (enum field)lua_tointeger(L, -1);
    if (push_group_site(L, field)) {
        return 1;
    }
    group = bound_group(L);
    memo_note(policy, noted_as[field], 0, 0);
    switch (field) {
    case F_GROUP_HOLDER:
        if (group->holder == GROUP_NOBODY) {
            lua_pushnil(L);
        } else {
            lua_rawgeti(L, LUA_REGISTRYINDEX, policy->node_ref[group->holder]);
        }
        return 1;
    case F_EPOCH:
        lua_pushinteger(L, group->epoch);
        return 1;
    case F_PAUSED:
        lua_pushboolean(L, group->paused);
        return 1;
    case F_MOVES: /* how long ago each recent unplanned handover was */
        lua_createtable(L, group->n_moves, 0);
        for (int i = 0; i < group->n_moves; i++) {
            push_age(L, group, group->move_ms[i]);
            lua_rawseti(L, -2, i + 1);
        }
        return 1;
    default:
        return 0;
    }
}

static int group_name(lua_State *L)
{
    lua_pushstring(L, host_policy(L)->site->group);
    return 1;
}

/* ---- Set-up -------------------------------------------------------------------------------- */

static int read_only(lua_State *L)
{
    return run_blame(L, "%s is read-only", lua_type(L, 1) == LUA_TUSERDATA ? "a view" : "this");
}

/* [-0, +1] MAY_THROW */
static void push_names(lua_State *L, const struct name *fields)
{
    lua_newtable(L);
    for (int i = 0; fields[i].name != NULL; i++) {
        lua_pushinteger(L, fields[i].field);
        lua_setfield(L, -2, fields[i].name);
    }
}

/* A metatable whose __index looks into the table of names on the top. [-1, +1] MAY_THROW */
static void push_meta(lua_State *L, const char *name, lua_CFunction index, lua_CFunction to_string)
{
    lua_createtable(L, 0, 4);
    lua_insert(L, -2);
    lua_pushcclosure(L, index, 1);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, read_only);
    lua_setfield(L, -2, "__newindex");
    if (to_string != NULL) {
        lua_pushcfunction(L, to_string);
        lua_setfield(L, -2, "__tostring");
    }
    lua_pushstring(L, name);
    lua_setfield(L, -2, "__name");
}

/* core.method(name, function): what nodes can do */
static int add_method(lua_State *L)
{
    luaL_checkstring(L, 1);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_rawgeti(L, LUA_REGISTRYINDEX, host_policy(L)->names_ref);
    lua_pushvalue(L, 1);
    lua_pushvalue(L, 2);
    lua_rawset(L, -3);
    return 0;
}

void view_register(lua_State *L)
{
    struct policy *policy = host_policy(L);

    luaL_checkstack(L, 8, NULL);
    push_names(L, node_fields);
    lua_pushvalue(L, -1);
    policy->names_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    push_meta(L, "node", node_index, node_name);
    for (int i = 0; i < policy->site->n_nodes; i++) {
        struct node_view *view = lua_newuserdatauv(L, sizeof *view, 1);

        view->node = i;
        lua_newtable(L);
        lua_setiuservalue(L, -2, 1);
        lua_pushvalue(L, -2);
        lua_setmetatable(L, -2);
        policy->node_ref[i] = luaL_ref(L, LUA_REGISTRYINDEX);
    }
    lua_pop(L, 1);
    lua_newuserdatauv(L, 0, 0);
    push_names(L, group_fields);
    push_meta(L, "group", group_index, group_name);
    lua_setmetatable(L, -2);
    lua_pushvalue(L, -1);
    policy->group_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_setfield(L, -2, "group");
    push_names(L, probe_fields);
    push_meta(L, "probe", probe_index, NULL);
    policy->view_meta_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_pushcfunction(L, add_method);
    lua_setfield(L, -2, "method");
}

void view_add_probe(lua_State *L, int probe)
{
    struct policy *policy = host_policy(L);
    int name = lua_gettop(L);

    luaL_checkstack(L, 6, NULL);
    for (int i = 0; i < policy->site->n_nodes; i++) {
        struct probe_view *view;

        lua_rawgeti(L, LUA_REGISTRYINDEX, policy->node_ref[i]);
        lua_getiuservalue(L, -1, 1);
        view = lua_newuserdatauv(L, sizeof *view, 0);
        *view = (struct probe_view){.node = i, .probe = probe};
        lua_rawgeti(L, LUA_REGISTRYINDEX, policy->view_meta_ref);
        lua_setmetatable(L, -2);
        lua_rawseti(L, -2, probe + 1);
        lua_settop(L, name);
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, policy->names_ref);
    lua_pushvalue(L, name);
    lua_pushinteger(L, PROBE_BASE + probe);
    lua_rawset(L, -3);
    lua_settop(L, name);
}

bool view_has_name(lua_State *L)
{
    bool has;

    lua_rawgeti(L, LUA_REGISTRYINDEX, host_policy(L)->names_ref);
    lua_pushvalue(L, -2);
    has = lua_rawget(L, -2) != LUA_TNIL;
    lua_pop(L, 2);
    return has;
}
