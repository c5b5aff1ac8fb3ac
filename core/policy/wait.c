/* What a script that waits calls: requests, branches, deadlines. */
#include "policy/host.h"

#include <assert.h>
#include <lauxlib.h>
#include <stdio.h>

/* The task that this call belongs to. MAY_THROW */
static struct policy_task *waiting_task(lua_State *L, const char *what)
{
    struct policy *policy = host_policy(L);

    if (policy->current == NULL) {
        run_blame(
            L, "%s waits: that is possible in actions, probes and looks, not in %s", what,
            policy->source != NULL ? "the policy file itself" : "fit, when or a guard");
    }
    if (!lua_isyieldable(L)) {
        run_blame(L, "%s waits: not possible inside a metamethod, sort or gsub", what);
    }
    return policy->current;
}

/* [-0, +1] MAY_THROW */
static int wait_end(lua_State *L, int status, lua_KContext context)
{
    struct policy_task *task = host_policy(L)->current;
    const struct world_result *result = task->result;

    (void)status;
    (void)context;
    assert(result != NULL);
    task->result = NULL;
    request_push_result(L, result);
    return 1;
}

/* core.wait(kind, request, node?) → result. MAY_THROW, yields */
static int wait_for(lua_State *L)
{
    enum world_kind kind = request_kind(L, luaL_checkstring(L, 1));
    struct policy_task *task = waiting_task(L, lua_tostring(L, 1));
    int node = lua_gettop(L) >= 3 ? view_node(L, 3) : GROUP_NOBODY;
    struct world_request request;

    lua_settop(L, 2);
    limits_charge(L, HOST_TASK_COST);
    request_read(L, kind, node, &request);
    task_ask(task, &request);
    return lua_yieldk(L, 0, 0, wait_end);
}

static void check_room(lua_State *L, const struct policy *policy, int wanted)
{
    if (policy->n_tasks + wanted > POLICY_TASKS_MAX) {
        run_blame(L, "more than %d tasks and branches at once", POLICY_TASKS_MAX);
    }
}

/* Raise what a branch died of. MAY_THROW */
static void pass_on_failure(lua_State *L, struct policy_task *task)
{
    struct policy_task *child;

    for (child = task->children; child != NULL; child = child->next) {
        if (child->failed) {
            task->deliberate = child->deliberate;
            lua_pushstring(L, child->text);
            while (task->children != NULL) {
                task_free(task->children);
            }
            lua_error(L);
        }
    }
}

/* [-0, +number of branches] MAY_THROW */
static int parallel_end(lua_State *L, int status, lua_KContext context)
{
    struct policy_task *task = host_policy(L)->current;
    int count = 0;

    (void)status;
    (void)context;
    pass_on_failure(L, task);
    while (task->children != NULL) {
        struct policy_task *child = task->children;

        luaL_checkstack(L, 4, NULL);
        if (child->nresults > 0) {
            lua_settop(child->co, lua_gettop(child->co) - child->nresults + 1);
            lua_xmove(child->co, L, 1);
        } else {
            lua_pushnil(L);
        }
        task_free(child);
        count++;
    }
    return count;
}

/* parallel(f, …) → the first result of each. MAY_THROW, yields */
static int parallel(lua_State *L)
{
    struct policy *policy = host_policy(L);
    struct policy_task *task = waiting_task(L, "parallel");
    int count = lua_gettop(L);

    if (count == 0) {
        return 0;
    }
    for (int i = 1; i <= count; i++) {
        if (lua_type(L, i) != LUA_TFUNCTION) {
            run_blame(L, "parallel wants functions, argument %d is a %s", i, luaL_typename(L, i));
        }
    }
    check_room(L, policy, count);
    for (int i = 1; i <= count; i++) {
        lua_pushvalue(L, i);
        task_branch(L, task, 0);
    }
    return lua_yieldk(L, 0, 0, parallel_end);
}

/* [-0, +results] MAY_THROW */
static int deadline_end(lua_State *L, int status, lua_KContext context)
{
    struct policy_task *task = host_policy(L)->current;
    struct policy_task *child = task->children;
    int count;

    (void)status;
    (void)context;
    if (child->timed_out) {
        lua_pushnil(L);
        lua_pushstring(L, child->text);
        task_free(child);
        return 2;
    }
    pass_on_failure(L, task);
    count = child->nresults;
    luaL_checkstack(L, count + 4, NULL);
    lua_xmove(child->co, L, count);
    task_free(child);
    return count;
}

/* deadline(seconds, f, …) → what f returns, or nil and why. MAY_THROW, yields */
static int deadline(lua_State *L)
{
    struct policy *policy = host_policy(L);
    struct policy_task *task = waiting_task(L, "deadline"), *child;
    lua_Number seconds = lua_tonumber(L, 1);

    if (!(seconds > 0 && seconds <= 86400 * 7)) {
        run_blame(L, "deadline wants seconds above 0 and a function");
    }
    if (lua_type(L, 2) != LUA_TFUNCTION) {
        run_blame(L, "deadline wants a function, not a %s", luaL_typename(L, 2));
    }
    check_room(L, policy, 1);
    child = task_branch(L, task, lua_gettop(L) - 2);
    task_limit(child, (int64_t)(seconds * 1000 + 0.5));
    return lua_yieldk(L, 0, 0, deadline_end);
}

/* note(text): what the task waits for, in words; part of "no end within …". */
static int note(lua_State *L)
{
    struct policy_task *task = host_policy(L)->current;
    const char *text = luaL_checkstring(L, 1);

    if (task != NULL) {
        snprintf(task_root(task)->note, sizeof task->note, "%s", text);
    }
    return 0;
}

bool wait_passes_on(lua_State *L, lua_CFunction function)
{
    const struct policy_task *task = host_policy(L)->current;

    return (function == parallel || function == deadline) && task != NULL && task->deliberate;
}

void wait_register(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"wait", wait_for}, {"parallel", parallel}, {"deadline", deadline},
        {"note", note},     {NULL, NULL},
    };

    luaL_setfuncs(L, functions, 0);
}
