#include "policy/host.h"

#include <lauxlib.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- Reading fields, with errors that name the line of the table ------------------------ */

int table_fail(lua_State *L, int index, const char *format, ...)
{
    struct policy *policy = host_policy(L);
    const char *file = policy->file[1];
    int line = policy->table_line > 0 ? policy->table_line : 1;
    char text[BATON_ERROR_TEXT_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    limits_birth(L, index, &file, &line);
    lua_pushfstring(L, "%s:%d: %s", file, line, text);
    return lua_error(L);
}

struct host_place table_place(lua_State *L, int index)
{
    const struct policy *policy = host_policy(L);
    struct host_place place = {.file = 1};
    const char *file = NULL;

    if (limits_birth(L, index, &file, &place.line)) {
        for (place.file = 0; file != policy->file[place.file]; place.file++) {
        }
    }
    return place;
}

static bool contains(const char *const *words, const char *word)
{
    for (int i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], word) == 0) {
            return true;
        }
    }
    return false;
}

static void join(const char *const *words, char *buffer, size_t size)
{
    size_t len = 0;

    buffer[0] = '\0';
    for (int i = 0; words[i] != NULL && len < size; i++) {
        int n = snprintf(buffer + len, size - len, "%s%s", i > 0 ? ", " : "", words[i]);

        len += n > 0 ? (size_t)n : 0;
    }
}

void table_keys(lua_State *L, int index, const char *what, const char *const *keys)
{
    const char *wrong = NULL;
    char known[700];

    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING) {
            table_fail(L, index, "%s has a value without a key; keys: write name = value", what);
        }
        if (!contains(keys, lua_tostring(L, -2)) &&
            (wrong == NULL || strcmp(lua_tostring(L, -2), wrong) < 0)) {
            wrong = lua_tostring(L, -2); /* the table keeps it alive */
        }
    }
    if (wrong != NULL) {
        join(keys, known, sizeof known);
        table_fail(L, index, "%s has no key '%s'; there are: %s", what, wrong, known);
    }
}

int64_t table_ms(lua_State *L, int index, const char *key, double otherwise, double min)
{
    double seconds = otherwise;
    int type = lua_getfield(L, index, key);

    if (type == LUA_TNUMBER) {
        seconds = lua_tonumber(L, -1);
    } else if (type != LUA_TNIL) {
        table_fail(L, index, "%s wants seconds, not a %s", key, lua_typename(L, type));
    }
    if (!(seconds >= min && seconds <= 86400.0 * 366)) {
        table_fail(L, index, "%s = %.10g: wants seconds of at least %.10g", key, seconds, min);
    }
    lua_pop(L, 1);
    return (int64_t)(seconds * 1000 + 0.5);
}

int table_int(lua_State *L, int index, const char *key, int otherwise, int min, int max)
{
    lua_Integer value = otherwise;
    int is_integer = 1, type = lua_getfield(L, index, key);

    if (type != LUA_TNIL) {
        value = type == LUA_TNUMBER ? lua_tointegerx(L, -1, &is_integer) : (is_integer = 0);
    }
    if (!is_integer || value < min || value > max) {
        table_fail(L, index, "%s wants a whole number from %d to %d", key, min, max);
    }
    lua_pop(L, 1);
    return (int)value;
}

int table_word(lua_State *L, int index, const char *key, const char *const *words, int otherwise)
{
    int found = otherwise, type = lua_getfield(L, index, key);
    char known[256];

    if (type != LUA_TNIL) {
        found = -1;
        for (int i = 0; type == LUA_TSTRING && words[i] != NULL; i++) {
            if (strcmp(words[i], lua_tostring(L, -1)) == 0) {
                found = i;
            }
        }
        if (found < 0) {
            join(words, known, sizeof known);
            table_fail(
                L, index, "%s = %s: there is no such choice; there are: %s", key,
                sandbox_tostring(L, -1), known);
        }
    }
    lua_pop(L, 1);
    return found;
}

bool table_is(lua_State *L, int index, int meta_ref)
{
    bool is;

    if (lua_type(L, index) != LUA_TTABLE || !lua_getmetatable(L, index)) {
        return false;
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, meta_ref);
    is = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return is;
}

/* ---- Objects: probes and actions ------------------------------------------------------------- */

static int meta_of(const struct policy *policy, const char *what)
{
    return strcmp(what, "probe") == 0   ? policy->probe_meta_ref
           : strcmp(what, "check") == 0 ? policy->check_meta_ref
           : strcmp(what, "step") == 0  ? policy->step_meta_ref
                                        : policy->action_meta_ref;
}

/* core.make(what, kind, table): a copy of the table that counts as made on the same line,
 * marked as a probe of that kind, an action, a check or a step. */
static int make(lua_State *L)
{
    struct policy *policy = host_policy(L);
    const char *what = luaL_checkstring(L, 1), *kind = luaL_optstring(L, 2, "");

    if (lua_type(L, 3) != LUA_TTABLE) {
        return run_blame(
            L, "%s%s%s wants a table { … }, not a %s", what, kind[0] != '\0' ? "." : "", kind,
            luaL_typename(L, 3));
    }
    lua_settop(L, 3);
    lua_newtable(L);
    for (lua_pushnil(L); lua_next(L, 3); lua_pop(L, 1)) {
        lua_pushvalue(L, -2);
        lua_pushvalue(L, -2);
        lua_rawset(L, 4);
    }
    if (strcmp(what, "policy") == 0) {
        limits_adopt(L, 3, 4);
        return 1;
    }
    if (strcmp(what, "probe") == 0) {
        lua_pushvalue(L, 2);
        lua_setfield(L, 4, "kind");
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, meta_of(policy, what));
    lua_setmetatable(L, 4);
    limits_adopt(L, 3, 4);
    return 1;
}

/* core.is(what, value) */
static int is(lua_State *L)
{
    const struct policy *policy = host_policy(L);

    lua_pushboolean(L, table_is(L, 2, meta_of(policy, luaL_checkstring(L, 1))));
    return 1;
}

static int new_meta(lua_State *L, const char *name)
{
    lua_createtable(L, 0, 2);
    lua_pushstring(L, name);
    lua_setfield(L, -2, "__name");
    lua_pushstring(L, name);
    lua_setfield(L, -2, "__metatable");
    return luaL_ref(L, LUA_REGISTRYINDEX);
}

void table_register(lua_State *L)
{
    static const luaL_Reg functions[] = {{"make", make}, {"is", is}, {NULL, NULL}};
    struct policy *policy = host_policy(L);

    policy->probe_meta_ref = new_meta(L, "probe");
    policy->action_meta_ref = new_meta(L, "action");
    policy->check_meta_ref = new_meta(L, "check");
    policy->step_meta_ref = new_meta(L, "step");
    luaL_setfuncs(L, functions, 0);
}

/* ---- Actions -----------------------------------------------------------------------------------
 */

static void read_name(
    lua_State *L, int index, const char *otherwise, int number, struct group_action_rules *rules)
{
    int type = lua_getfield(L, index, "name");

    if (type == LUA_TNIL) {
        snprintf(rules->name, sizeof rules->name, "%s-%d", otherwise, number);
    } else if (
        type != LUA_TSTRING || lua_rawlen(L, -1) == 0 || lua_rawlen(L, -1) >= GROUP_NAME_MAX) {
        table_fail(L, index, "name wants a text of 1 to %d bytes", GROUP_NAME_MAX - 1);
    } else {
        snprintf(rules->name, sizeof rules->name, "%s", lua_tostring(L, -1));
    }
    lua_pop(L, 1);
}

static bool has_function(lua_State *L, int index, const char *key)
{
    int type = lua_getfield(L, index, key);

    if (type != LUA_TNIL && type != LUA_TFUNCTION) {
        table_fail(L, index, "%s wants a function(node), not a %s", key, lua_typename(L, type));
    }
    lua_pop(L, 1);
    return type == LUA_TFUNCTION;
}

/* The action at `index`. */
static void read_action(
    lua_State *L, int index, const char *list, int number, struct group_action_rules *rules,
    struct host_action *action)
{
    static const char *const keys[] = {
        "name", "run", "look", "effect", "deadline", "attempts", "retry", "undo", NULL,
    };
    const struct policy *policy = host_policy(L);
    int type;

    table_keys(L, index, "an action", keys);
    read_name(L, index, list, number, rules);
    rules->deadline_ms = table_ms(L, index, "deadline", 10, 0.01);
    rules->attempts = table_int(L, index, "attempts", 1, 1, 1000);
    rules->retry_ms = table_ms(L, index, "retry", 1, 0);
    action->place = table_place(L, index);
    action->has_run = has_function(L, index, "run");
    action->has_look = has_function(L, index, "look");
    if (!action->has_run && !action->has_look) {
        table_fail(L, index, "action %s has neither run nor look", rules->name);
    }
    type = lua_getfield(L, index, "effect");
    if (type != LUA_TNIL && type != LUA_TSTRING) {
        table_fail(
            L, index, "effect wants a text like \"service.stop\", not a %s", lua_typename(L, type));
    }
    action->effect = lua_tostring(L, -1);
    lua_pop(L, 1);
    type = lua_getfield(L, index, "undo");
    rules->has_undo = type != LUA_TNIL;
    if (rules->has_undo && !table_is(L, -1, policy->action_meta_ref)) {
        table_fail(L, index, "undo wants an action { … }, not a %s", lua_typename(L, type));
    }
    lua_pop(L, 1);
}

/* A probe in `verify` is made once for each attempt. */
static void read_verify_probe(lua_State *L, int index, int number, struct group_action_rules *rules)
{
    probes_check(L, index);
    lua_getfield(L, index, "kind");
    read_name(L, index, lua_tostring(L, -1), number, rules);
    lua_pop(L, 1);
    rules->attempts = table_int(L, index, "attempts", 5, 1, 1000);
    rules->retry_ms = table_ms(L, index, "retry", 1, 0);
    /* A little longer than the probe itself, so that its own words are heard. */
    rules->deadline_ms = table_ms(
        L, index, "deadline", (double)table_ms(L, index, "timeout", 1, 0.01) / 1000 + 0.5, 0.01);
}

static void read_list(lua_State *L, int index, enum group_list list, const char *name)
{
    struct policy *policy = host_policy(L);
    struct group_list_rules *rules = &policy->table.rules.list[list];
    int type = lua_getfield(L, index, name), at = lua_gettop(L);
    lua_Integer count;

    if (type == LUA_TNIL) {
        lua_pop(L, 1);
        return;
    }
    if (type != LUA_TTABLE || table_is(L, at, policy->action_meta_ref)) {
        table_fail(L, index, "%s wants a list { action, … }", name);
    }
    count = (lua_Integer)lua_rawlen(L, at);
    if (count > GROUP_ACTIONS_MAX) {
        table_fail(L, at, "%s has more than %d actions", name, GROUP_ACTIONS_MAX);
    }
    for (lua_pushnil(L); lua_next(L, at); lua_pop(L, 1)) {
        if (!lua_isinteger(L, -2) || lua_tointeger(L, -2) < 1 || lua_tointeger(L, -2) > count) {
            table_fail(L, at, "%s wants a list of actions without keys or gaps", name);
        }
    }
    for (int i = 0; i < count; i++) {
        int item_type = lua_rawgeti(L, at, i + 1), item = lua_gettop(L);

        if (table_is(L, item, policy->action_meta_ref)) {
            read_action(L, item, name, i + 1, &rules->action[i], &policy->list_action[list][i]);
        } else if (list == GROUP_LIST_VERIFY && table_is(L, item, policy->probe_meta_ref)) {
            read_verify_probe(L, item, i + 1, &rules->action[i]);
        } else {
            table_fail(
                L, at, "%s: item %d is a %s, no action%s", name, i + 1, lua_typename(L, item_type),
                list == GROUP_LIST_VERIFY ? " or probe" : "");
        }
        policy->list_ref[list][i] = luaL_ref(L, LUA_REGISTRYINDEX);
    }
    rules->count = (int)count;
    lua_pop(L, 1);
}

/* ---- Remedies and transitions
 * -------------------------------------------------------------------- */

/* The function in field `key`, into the registry. */
static int keep_function(lua_State *L, int index, const char *key, const char *what)
{
    int type = lua_getfield(L, index, key);

    if (type != LUA_TFUNCTION) {
        table_fail(L, index, "%s: %s wants a function, not a %s", what, key, lua_typename(L, type));
    }
    return luaL_ref(L, LUA_REGISTRYINDEX);
}

static void read_remedy(lua_State *L, int index, int i)
{
    static const char *const keys[] = {"name", "when", "run", "attempts", "within", "on", NULL};
    static const char *const on[] = {"holder", "any", NULL};
    struct policy *policy = host_policy(L);
    struct group_remedy_rules *rules = &policy->table.rules.remedy[i];
    int type;

    table_keys(L, index, "a remedy", keys);
    policy->remedy_when_ref[i] = keep_function(L, index, "when", "a remedy");
    rules->attempts_max = table_int(L, index, "attempts", 2, 1, 1000);
    rules->within_ms = table_ms(L, index, "within", 60, 0.1);
    rules->on_any = table_word(L, index, "on", on, 0) == 1;
    type = lua_getfield(L, index, "run");
    if (type == LUA_TFUNCTION) { /* a bare function is an action of its own */
        lua_createtable(L, 0, 1);
        lua_insert(L, -2);
        lua_setfield(L, -2, "run");
        lua_rawgeti(L, LUA_REGISTRYINDEX, policy->action_meta_ref);
        lua_setmetatable(L, -2);
        limits_adopt(L, index, lua_gettop(L));
    } else if (!table_is(L, -1, policy->action_meta_ref)) {
        table_fail(
            L, index, "a remedy: run wants an action or a function(node), not a %s",
            lua_typename(L, type));
    }
    read_action(L, lua_gettop(L), "remedy", i + 1, &rules->action, &policy->remedy_action[i]);
    lua_getfield(L, index, "name");
    if (!lua_isnil(L, -1)) {
        read_name(L, index, "remedy", i + 1, &rules->action);
    }
    lua_pop(L, 1);
    policy->remedy_run_ref[i] = luaL_ref(L, LUA_REGISTRYINDEX);
}

static const char *state_field(lua_State *L, int index, const char *key)
{
    const char *name;

    if (lua_getfield(L, index, key) != LUA_TSTRING) {
        table_fail(L, index, "a transition wants %s = \"State\"", key);
    }
    name = lua_tostring(L, -1);
    lua_pop(L, 1);
    return name;
}

static void read_transition(lua_State *L, int index, int i)
{
    static const char *const keys[] = {"from", "to", "when", NULL};
    struct policy *policy = host_policy(L);
    struct policy_transition *transition = &policy->table.transition[i];
    const char *from, *to, *file = NULL;
    struct baton_error error;

    table_keys(L, index, "a transition", keys);
    from = state_field(L, index, "from");
    to = state_field(L, index, "to");
    if (fsm_state_parse(from, &transition->from, &error) != BATON_OK ||
        fsm_state_parse(to, &transition->to, &error) != BATON_OK ||
        fsm_policy_event(transition->from, transition->to, &transition->on, &error) != BATON_OK) {
        table_fail(L, index, "transition %s to %s: %s", from, to, error.text);
    }
    limits_birth(L, index, &file, &transition->line);
    policy->guard_ref[i] = keep_function(L, index, "when", "a transition");
}

static int read_rows(
    lua_State *L, int index, const char *name, int max, void (*read)(lua_State *, int, int))
{
    int type = lua_getfield(L, index, name), at = lua_gettop(L), count;

    if (type == LUA_TNIL) {
        lua_pop(L, 1);
        return 0;
    }
    if (type != LUA_TTABLE) {
        table_fail(L, index, "%s wants a list { { … }, … }", name);
    }
    count = (int)lua_rawlen(L, at);
    if (count > max) {
        table_fail(L, at, "%s has more than %d rows", name, max);
    }
    for (lua_pushnil(L); lua_next(L, at); lua_pop(L, 1)) {
        if (!lua_isinteger(L, -2) || lua_type(L, -1) != LUA_TTABLE) {
            table_fail(L, at, "%s wants a list { { … }, … }", name);
        }
    }
    for (int i = 0; i < count; i++) {
        lua_rawgeti(L, at, i + 1);
        read(L, lua_gettop(L), i);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return count;
}

/* ---- The whole
 * --------------------------------------------------------------------------------------- */

static void read_scalars(lua_State *L, int index)
{
    static const char *const unconfirmed[] = {"hold", "fence", NULL};
    struct group_rules *rules = &host_policy(L)->table.rules;

    rules->fence_unconfirmed = table_word(L, index, "unconfirmed", unconfirmed, 0) == 1;
    rules->max_moves = table_int(L, index, "max_moves", 3, 1, GROUP_MOVES_MAX);
    rules->window_ms = table_ms(L, index, "window", 3600, 1);
    rules->settle_ms = table_ms(L, index, "settle", 10, 0);
    rules->look_fall = table_int(L, index, "look_fall", 3, 1, 100);
}

/* How it is seen whether a node serves: a function, a probe, or the looks of the start
 * actions. */
static void read_serving(lua_State *L, int index)
{
    struct policy *policy = host_policy(L);
    struct policy_table *table = &policy->table;
    int type = lua_getfield(L, index, "serving"), at = lua_gettop(L);
    double timeout = 5;

    table->look_every_ms = 2000;
    if (table_is(L, at, policy->probe_meta_ref)) {
        table->look_every_ms = table_ms(L, at, "every", 2, 0.02);
        timeout = (double)table_ms(L, at, "timeout", 5, 0.01) / 1000;
        policy->pure_serving = probes_pure(L, at);
    } else if (type == LUA_TNIL) {
        bool looks = false;

        lua_pop(L, 1);
        lua_getfield(L, index, "start");
        for (int i = 0; i < table->rules.list[GROUP_LIST_START].count; i++) {
            lua_rawgeti(L, at, i + 1);
            looks = lua_getfield(L, -1, "look") != LUA_TNIL || looks;
            lua_pop(L, 2);
        }
        if (!looks) {
            table_fail(
                L, index,
                "serving is missing: a function(node) or probe that says whether a node serves "
                "(or give a start action a look)");
        }
    } else if (type != LUA_TFUNCTION) {
        table_fail(
            L, index, "serving wants a function(node) or a probe, not a %s", lua_typename(L, type));
    }
    table->rules.look_deadline_ms = table_ms(L, index, "look_deadline", timeout, 0.01);
    policy->serving_ref = luaL_ref(L, LUA_REGISTRYINDEX);
}

void table_read(lua_State *L)
{
    static const char *const keys[] = {
        "probes",    "serving", "fit",    "remedies",      "transitions",
        "stop",      "start",   "fence",  "verify",        "unconfirmed",
        "max_moves", "window",  "settle", "look_deadline", "look_fall",
        "checks",    "cluster", "init",   "migrate",       NULL,
    };
    struct policy *policy = host_policy(L);
    int index = lua_gettop(L);
    const char *file = policy->file[1];

    luaL_checkstack(L, 32, NULL);
    if (lua_type(L, index) != LUA_TTABLE) {
        table_fail(
            L, index, "the file must return policy { … }, not a %s", luaL_typename(L, index));
    }
    policy->table_line = 1;
    limits_birth(L, index, &file, &policy->table_line);
    table_keys(L, index, "policy", keys);
    read_scalars(L, index);
    probes_read(L, index);
    read_list(L, index, GROUP_LIST_STOP, "stop");
    read_list(L, index, GROUP_LIST_START, "start");
    read_list(L, index, GROUP_LIST_FENCE, "fence");
    read_list(L, index, GROUP_LIST_VERIFY, "verify");
    if (policy->table.rules.list[GROUP_LIST_START].count == 0 ||
        policy->table.rules.list[GROUP_LIST_STOP].count == 0) {
        table_fail(L, index, "start and stop each want at least one action");
    }
    read_serving(L, index);
    if (lua_getfield(L, index, "fit") == LUA_TNIL) {
        lua_pop(L, 1);
    } else {
        lua_pop(L, 1);
        policy->fit_ref = keep_function(L, index, "fit", "policy");
    }
    policy->table.rules.n_remedies =
        read_rows(L, index, "remedies", GROUP_ACTIONS_MAX, read_remedy);
    policy->table.n_transitions =
        read_rows(L, index, "transitions", POLICY_TRANSITIONS_MAX, read_transition);
    setup_read(L, index);
}
