/* Checks, columns of `baton cluster` and the steps of init and migrate: read, and run as tasks. */
#include "policy/host.h"

#include "base/memory.h"

#include <assert.h>
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

/* ---- Fields ------------------------------------------------------------------------------ */

/* A text that the table keeps alive; NULL: it is not there. */
static const char *text_field(lua_State *L, int index, const char *key)
{
    int type = lua_getfield(L, index, key);
    const char *text = type == LUA_TSTRING ? lua_tostring(L, -1) : NULL;

    if (type != LUA_TNIL && (type != LUA_TSTRING || text[0] == '\0')) {
        table_fail(L, index, "%s wants a text, not %s", key, sandbox_tostring(L, -1));
    }
    lua_pop(L, 1);
    return text;
}

static void read_name(lua_State *L, int index, const char *what, char name[GROUP_NAME_MAX])
{
    const char *text = text_field(L, index, "name");

    if (text == NULL || strlen(text) >= GROUP_NAME_MAX) {
        table_fail(L, index, "%s wants a name of 1 to %d bytes", what, GROUP_NAME_MAX - 1);
    } else {
        snprintf(name, GROUP_NAME_MAX, "%s", text);
    }
}

static bool has(lua_State *L, int index, const char *key)
{
    int type = lua_getfield(L, index, key);

    if (type != LUA_TNIL && type != LUA_TFUNCTION) {
        table_fail(L, index, "%s wants a function, not a %s", key, lua_typename(L, type));
    }
    lua_pop(L, 1);
    return type == LUA_TFUNCTION;
}

/* ---- One check, one step ------------------------------------------------------------------- */

static void read_check(lua_State *L, int index, struct policy_check *check)
{
    static const char *const keys[] = {"name", "title", "run", "advice", "on", "timeout", NULL};
    static const char *const on[] = {"group", "each", NULL};
    const char *title = text_field(L, index, "title");

    table_keys(L, index, "a check", keys);
    read_name(L, index, "a check", check->name);
    check->title = title;
    if (title == NULL) {
        lua_getfield(L, index, "name");
        check->title = lua_tostring(L, -1);
        lua_pop(L, 1);
    }
    check->advice = text_field(L, index, "advice");
    check->on = (enum policy_on)table_word(L, index, "on", on, POLICY_ON_EACH);
    check->timeout_ms = table_ms(L, index, "timeout", 30, 0.01);
    if (!has(L, index, "run")) {
        table_fail(L, index, "check %s has no run", check->name);
    }
}

static void read_step(lua_State *L, int index, struct policy_step *step)
{
    static const char *const keys[] = {
        "name", "title", "on", "look", "plan", "run", "undo", "human", "deadline", "after", NULL,
    };
    static const char *const on[] = {"group", "each", "primary", "standbys", NULL};
    const char *title = text_field(L, index, "title");

    table_keys(L, index, "a step", keys);
    read_name(L, index, "a step", step->name);
    step->title = title;
    if (title == NULL) {
        lua_getfield(L, index, "name");
        step->title = lua_tostring(L, -1);
        lua_pop(L, 1);
    }
    step->human = text_field(L, index, "human");
    step->on = (enum policy_on)table_word(L, index, "on", on, POLICY_ON_GROUP);
    step->deadline_ms = table_ms(L, index, "deadline", 60, 0.01);
    step->has_look = has(L, index, "look");
    step->has_plan = has(L, index, "plan");
    step->has_run = has(L, index, "run");
    step->has_undo = has(L, index, "undo");
    if (step->human != NULL && (step->has_run || step->has_undo)) {
        table_fail(L, index, "step %s: what a person does has no run or undo", step->name);
    } else if (step->human == NULL && !step->has_run) {
        table_fail(L, index, "step %s has neither run nor human", step->name);
    } else if (step->has_run && !step->has_plan) {
        table_fail(
            L, index, "step %s has no plan: a dry run could not say what would change", step->name);
    }
}

/* ---- Lists --------------------------------------------------------------------------------- */

/* The list on the top, of field `key`: how many, each of them an object of that kind. */
static int check_list(
    lua_State *L, int index, const char *key, const char *kind, int meta_ref, int max)
{
    int at = lua_gettop(L), count;

    if (lua_isnil(L, at)) {
        return 0;
    }
    if (!lua_istable(L, at) || table_is(L, at, meta_ref)) {
        table_fail(L, index, "%s wants a list { %s { … }, … }", key, kind);
    }
    count = (int)lua_rawlen(L, at);
    if (count > max) {
        table_fail(L, at, "%s has more than %d items", key, max);
    }
    for (lua_pushnil(L); lua_next(L, at); lua_pop(L, 1)) {
        if (!lua_isinteger(L, -2) || lua_tointeger(L, -2) < 1 || lua_tointeger(L, -2) > count) {
            table_fail(L, at, "%s wants a list without keys or gaps", key);
        }
        if (!table_is(L, lua_gettop(L), meta_ref)) {
            table_fail(
                L, at, "%s: item %d is a %s: make it with %s { … }", key, (int)lua_tointeger(L, -2),
                luaL_typename(L, -1), kind);
        }
    }
    return count;
}

/* Pushes the list in field `key` of the table at `index`. */
static int open_list(
    lua_State *L, int index, const char *key, const char *kind, int meta_ref, int max)
{
    lua_getfield(L, index, key);
    return check_list(L, index, key, kind, meta_ref, max);
}

static bool has_check(const struct host_checks *checks, const char *name)
{
    for (int i = 0; i < checks->count; i++) {
        if (strcmp(checks->check[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* The `count` checks of the list on the top, after those that are there. Pops it. */
static void take_checks(
    lua_State *L, const char *key, int count, struct host_checks *checks, bool generic)
{
    int at = lua_gettop(L);

    for (int i = 0; i < count; i++) {
        struct policy_check check = {.title = NULL};

        lua_rawgeti(L, at, i + 1);
        read_check(L, lua_gettop(L), &check);
        if (has_check(checks, check.name)) {
            if (!generic) {
                table_fail(L, at + 1, "%s: there are two of the name %s", key, check.name);
            }
            lua_pop(L, 1);
            continue; /* the policy has its own */
        }
        if (checks->count == POLICY_CHECKS_MAX) {
            table_fail(L, at + 1, "%s has more than %d items", key, POLICY_CHECKS_MAX);
        }
        checks->check[checks->count] = check;
        checks->ref[checks->count] = luaL_ref(L, LUA_REGISTRYINDEX);
        checks->count++;
    }
    lua_settop(L, at - 1);
}

static void read_checks(lua_State *L, int index, const char *key, struct host_checks *checks)
{
    int meta_ref = host_policy(L)->check_meta_ref;
    int count = open_list(L, index, key, "check", meta_ref, POLICY_CHECKS_MAX);

    take_checks(L, key, count, checks, false);
}

/* Those from `own` on come before those up to it. */
static void put_first(struct host_checks *checks, int own)
{
    int moved;

    for (moved = 0; own + moved < checks->count; moved++) {
        struct policy_check check = checks->check[own + moved];
        int ref = checks->ref[own + moved];

        memmove(
            &checks->check[moved + 1], &checks->check[moved],
            (size_t)own * sizeof checks->check[0]);
        memmove(&checks->ref[moved + 1], &checks->ref[moved], (size_t)own * sizeof checks->ref[0]);
        checks->check[moved] = check;
        checks->ref[moved] = ref;
    }
}

/* What every policy gets, before its own, but where it has a check of that name itself. */
static void read_generic(lua_State *L, int index, struct host_checks *checks)
{
    struct policy *policy = host_policy(L);
    int count, own = checks->count;

    policy->generic = true;
    lua_rawgeti(L, LUA_REGISTRYINDEX, policy->function_ref[HOST_GENERIC]);
    lua_pushvalue(L, index);
    lua_call(L, 1, 1);
    policy->generic = false;
    count = check_list(L, index, "checks", "check", policy->check_meta_ref, POLICY_CHECKS_MAX);
    take_checks(L, "checks", count, checks, true);
    put_first(checks, own);
}

/* Where in the list the step is that it comes after. */
static void read_after(
    lua_State *L, int index, const struct host_steps *before, struct policy_step *step)
{
    const char *name = text_field(L, index, "after");

    step->after = name != NULL ? before->count - 1 : -1;
    while (step->after >= 0 && strcmp(before->step[step->after].name, name) != 0) {
        step->after--;
    }
    if (name != NULL && step->after < 0) {
        table_fail(L, index, "step %s: there is no earlier step %s", step->name, name);
    }
}

static void read_steps(lua_State *L, int index, const char *key, struct host_steps *steps)
{
    struct policy *policy = host_policy(L);
    int count = open_list(L, index, key, "step", policy->step_meta_ref, POLICY_STEPS_MAX);
    int at = lua_gettop(L);

    for (int i = 0; i < count; i++) {
        lua_rawgeti(L, at, i + 1);
        read_step(L, lua_gettop(L), &steps->step[i]);
        read_after(L, lua_gettop(L), steps, &steps->step[i]);
        for (int other = 0; other < i; other++) {
            if (strcmp(steps->step[other].name, steps->step[i].name) == 0) {
                table_fail(L, at + 1, "%s: there are two of the name %s", key, steps->step[i].name);
            }
        }
        steps->ref[i] = luaL_ref(L, LUA_REGISTRYINDEX);
        steps->count = i + 1;
    }
    lua_settop(L, at - 1);
}

static bool has_any(lua_State *L, int index)
{
    static const char *const keys[] = {"checks", "cluster", "init", "migrate"};
    bool any = false;

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        any = lua_getfield(L, index, keys[i]) != LUA_TNIL || any;
        lua_pop(L, 1);
    }
    return any;
}

void setup_read(lua_State *L, int index)
{
    struct policy *policy = host_policy(L);

    if (!policy->source->checks && !has_any(L, index)) {
        return;
    }
    policy->setup = memory_zeroed(1, sizeof *policy->setup);
    if (policy->setup == NULL) {
        luaL_error(L, "no memory");
        return; /* which it does not: said for who does not know luaL_error */
    }
    read_checks(L, index, "checks", &policy->setup->checks);
    if (policy->source->checks) {
        read_generic(L, index, &policy->setup->checks);
    }
    read_checks(L, index, "cluster", &policy->setup->columns);
    read_steps(L, index, "init", &policy->setup->steps[POLICY_INIT]);
    read_steps(L, index, "migrate", &policy->setup->steps[POLICY_MIGRATE]);
    lua_newtable(L);
    policy->setup->memos_ref = luaL_ref(L, LUA_REGISTRYINDEX);
}

/* ---- What is there --------------------------------------------------------------------------- */

const struct policy_check *policy_checks(const struct policy *policy, int *count)
{
    *count = policy->setup != NULL ? policy->setup->checks.count : 0;
    return policy->setup != NULL ? policy->setup->checks.check : NULL;
}

const struct policy_check *policy_columns(const struct policy *policy, int *count)
{
    *count = policy->setup != NULL ? policy->setup->columns.count : 0;
    return policy->setup != NULL ? policy->setup->columns.check : NULL;
}

const struct policy_step *policy_steps(
    const struct policy *policy, enum policy_setup setup, int *count)
{
    *count = policy->setup != NULL ? policy->setup->steps[setup].count : 0;
    return policy->setup != NULL ? policy->setup->steps[setup].step : NULL;
}

/* ---- Tasks ------------------------------------------------------------------------------------
 */

int setup_item(
    const struct policy *policy, enum policy_entry entry, int index, enum host_function *function)
{
    static const enum host_function functions[] = {
        [POLICY_CHECK] = HOST_CHECK,         [POLICY_COLUMN] = HOST_CHECK,
        [POLICY_STEP_LOOK] = HOST_STEP_LOOK, [POLICY_STEP_PLAN] = HOST_STEP_PLAN,
        [POLICY_STEP_RUN] = HOST_STEP_RUN,   [POLICY_STEP_UNDO] = HOST_STEP_UNDO,
    };
    const struct host_checks *checks;
    const struct host_steps *steps;

    assert(policy->setup != NULL);
    *function = functions[entry];
    if (entry == POLICY_CHECK || entry == POLICY_COLUMN) {
        checks = entry == POLICY_CHECK ? &policy->setup->checks : &policy->setup->columns;
        assert(index >= 0 && index < checks->count);
        return checks->ref[index];
    }
    steps = &policy->setup->steps[index / POLICY_STEPS_MAX];
    assert(index >= 0 && index % POLICY_STEPS_MAX < steps->count);
    return steps->ref[index % POLICY_STEPS_MAX];
}

struct memo { /* what policy_remember hands to Lua */
    int step_ref, node;
    const char *text;
};

/* memos[step][node] = text. [-0, +0] MAY_THROW */
static int remember(lua_State *L)
{
    const struct memo *memo = lua_touserdata(L, 1);

    lua_rawgeti(L, LUA_REGISTRYINDEX, host_policy(L)->setup->memos_ref);
    lua_rawgeti(L, LUA_REGISTRYINDEX, memo->step_ref);
    lua_pushvalue(L, -1);
    if (lua_rawget(L, -3) == LUA_TNIL) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_pushvalue(L, -2);
        lua_pushvalue(L, -2);
        lua_rawset(L, -5);
    }
    lua_pushstring(L, memo->text);
    lua_rawseti(L, -2, memo->node + 1);
    return 0;
}

enum baton_err policy_remember(
    struct policy *policy, int step_index, int node, const char *memo, struct baton_error *error)
{
    enum host_function function;
    struct memo what = {.node = node, .text = memo};

    what.step_ref = setup_item(policy, POLICY_STEP_UNDO, step_index, &function);
    return run_protected(policy, remember, &what, error);
}

/* core.memo(step, node or nil): what its run said there; without a node what it said for none,
 * which is kept for the first one. */
static int memo(lua_State *L)
{
    int node = lua_isnoneornil(L, 2) ? 0 : view_node(L, 2);

    lua_settop(L, 2);
    lua_rawgeti(L, LUA_REGISTRYINDEX, host_policy(L)->setup->memos_ref);
    lua_pushvalue(L, 1);
    if (lua_rawget(L, -2) == LUA_TTABLE) {
        lua_rawgeti(L, -1, node + 1);
    }
    return 1;
}

void setup_register(lua_State *L)
{
    static const luaL_Reg functions[] = {{"memo", memo}, {NULL, NULL}};

    luaL_setfuncs(L, functions, 0);
}
