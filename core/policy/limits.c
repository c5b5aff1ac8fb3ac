#include "base/memory.h"
#include "policy/host.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#define STEP_MAX 1000 /* instructions between two calls of the hook */

static bool room_for_birth(struct policy *policy)
{
    int size = policy->size_births == 0 ? 256 : policy->size_births * 2;
    struct host_birth *more;

    if (policy->n_births < policy->size_births) {
        return true;
    }
    if (size > HOST_BIRTHS_MAX) {
        return false;
    }
    more = memory_resize(policy->births, (size_t)size * sizeof *more);
    if (more == NULL) {
        return false;
    }
    policy->births = more;
    policy->size_births = size;
    return true;
}

/* While a policy is loaded, every table is noted with the line that makes it, so that an
 * error in `{ from = "Standby", to = "Active" }` can name that line. Lua tells the
 * allocator what kind of object a new block is for. */
static void note_birth(struct policy *policy, const void *table)
{
    lua_Debug ar = {.source = ""};
    struct host_birth *birth;
    int level;

    if (!policy->loading || policy->running == NULL || !room_for_birth(policy)) {
        return;
    }
    for (level = 0; lua_getstack(policy->running, level, &ar); level++) {
        lua_getinfo(policy->running, "Sl", &ar);
        if (ar.currentline > 0) {
            break;
        }
        ar.source = "";
    }
    for (int i = 0; i < policy->n_files; i++) {
        if (ar.source[0] == '@' && strcmp(ar.source + 1, policy->file[i]) == 0) {
            birth = &policy->births[policy->n_births++];
            *birth = (struct host_birth){
                .table = table, .file = i, .line = ar.currentline, .pending = level == 0};
            return;
        }
    }
}

/* Lua gives the instruction that makes a table the line of the word before its brace; the
 * next instruction is on the line of its first field. */
static void settle_births(struct policy *policy, lua_State *L, lua_Debug *ar)
{
    for (int i = policy->n_births - 1; i >= 0 && policy->births[i].pending; i--) {
        lua_getinfo(L, "l", ar);
        policy->births[i].line = ar->currentline;
        policy->births[i].pending = false;
    }
}

static bool may_have(struct host_limits *limits, bool is_string, size_t old, size_t wanted)
{
    if (limits->memory - old + wanted > limits->memory_max ||
        limits->churn + (wanted - old) > limits->churn_max ||
        (is_string && wanted > HOST_STRING_MAX)) {
        limits->refused = true;
        return false;
    }
    return true;
}

void *limits_alloc(void *arg, void *block, size_t old_size, size_t new_size)
{
    struct policy *policy = arg;
    struct host_limits *limits = &policy->limits;
    size_t old = block != NULL ? old_size : 0;
    void *made;

    if (new_size == 0) {
        memory_free(block);
        limits->memory -= old;
        return NULL;
    }
    if (new_size > old) {
        if (!may_have(limits, block == NULL && old_size == LUA_TSTRING, old, new_size)) {
            return NULL;
        }
        limits->churn += new_size - old;
    }
    made = memory_resize(block, new_size);
    if (made == NULL) {
        limits->refused = false;
        /* Lua relies on it that a block can always be made smaller. */
        return new_size <= old ? block : NULL;
    }
    limits->memory = limits->memory - old + new_size;
    if (block == NULL && old_size == LUA_TTABLE) {
        note_birth(policy, made);
    }
    return made;
}

/* [-0, +0] MAY_THROW, always does */
static int break_off(lua_State *L)
{
    struct policy *policy = host_policy(L);
    struct host_limits *limits = &policy->limits;
    char where[HOST_FILE_MAX + 16];

    if (!limits->broken) {
        limits->broken = true;
        run_where(L, false, where, sizeof where);
        snprintf(
            limits->why, sizeof limits->why, "%s: used up its budget of %d instructions", where,
            limits->instructions_max);
    }
    lua_pushliteral(L, "budget used up");
    return lua_error(L);
}

static void count(lua_State *L, lua_Debug *ar)
{
    struct policy *policy = host_policy(L);
    struct host_limits *limits = &policy->limits;

    if (policy->loading) {
        settle_births(policy, L, ar);
    }
    limits->left -= limits->step;
    limits->instructions += limits->step;
    if (limits->left < 0 || limits->broken) {
        break_off(L);
    }
}

void limits_watch(lua_State *L)
{
    struct policy *policy = host_policy(L);
    struct host_limits *limits = &policy->limits;

    limits->step = limits->instructions_max / 8;
    if (limits->step > STEP_MAX) {
        limits->step = STEP_MAX;
    }
    if (limits->step < 1 || policy->loading) {
        limits->step = 1; /* every instruction, see settle_births */
    }
    lua_sethook(L, count, LUA_MASKCOUNT, limits->step);
}

void limits_refill(struct policy *policy)
{
    struct host_limits *limits = &policy->limits;

    limits->left = limits->instructions_max;
    limits->churn = 0;
    limits->broken = false;
    limits->refused = false;
    limits->entries++;
}

void limits_charge(lua_State *L, lua_Integer n)
{
    struct host_limits *limits = &host_policy(L)->limits;

    if (n > limits->left || limits->broken) {
        break_off(L);
    }
    if (n > 0) {
        limits->left -= n;
    }
}

void limits_rethrow(lua_State *L, int status)
{
    struct policy *policy = host_policy(L);
    struct host_limits *limits = &policy->limits;
    char where[HOST_FILE_MAX + 16];

    if (status == LUA_ERRMEM && !limits->broken) {
        limits->broken = true;
        run_where(L, false, where, sizeof where);
        snprintf(
            limits->why, sizeof limits->why, "%s: reached its memory cap of %zu bytes", where,
            limits->memory_max);
    }
    if (limits->broken) {
        lua_pushliteral(L, "limit reached");
        lua_error(L);
    }
}

static const struct host_birth *find_birth(const struct policy *policy, const void *table)
{
    /* The newest first: an address may have been used before. */
    for (int i = policy->n_births - 1; i >= 0; i--) {
        if (policy->births[i].table == table) {
            return &policy->births[i];
        }
    }
    return NULL;
}

bool limits_birth(lua_State *L, int index, const char **file, int *line)
{
    struct policy *policy = host_policy(L);
    const struct host_birth *birth = find_birth(policy, lua_topointer(L, index));

    if (birth == NULL) {
        return false;
    }
    *file = policy->file[birth->file];
    *line = birth->line;
    return true;
}

void limits_adopt(lua_State *L, int index, int copy)
{
    struct policy *policy = host_policy(L);
    const struct host_birth *birth = find_birth(policy, lua_topointer(L, index));

    if (birth != NULL) {
        struct host_birth adopted = *birth; /* making room moves it */

        adopted.table = lua_topointer(L, copy);
        if (room_for_birth(policy)) {
            policy->births[policy->n_births++] = adopted;
        }
    }
}
