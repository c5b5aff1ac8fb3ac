#include "base/memory.h"
#include "policy/host.h"

#include <assert.h>
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Primitives of site, time and log ---------------------------------------------------- */

static int now(lua_State *L)
{
    memo_never(host_policy(L));
    lua_pushnumber(L, (lua_Number)world_now_ms(host_policy(L)->world) / 1000);
    return 1;
}

static int wall(lua_State *L)
{
    struct world *world = host_policy(L)->world;

    memo_never(host_policy(L));
    lua_pushnumber(L, (lua_Number)world->ops->wall_ms(world) / 1000);
    return 1;
}

/* random() in [0, 1), random(n) in 1…n, random(m, n) in m…n, as math.random. */
static int random_number(lua_State *L)
{
    struct world *world = host_policy(L)->world;
    uint64_t bits = world->ops->random(world), span;
    lua_Integer low = 1, high;

    memo_never(host_policy(L));
    switch (lua_gettop(L)) {
    case 0:
        lua_pushnumber(L, (lua_Number)(bits >> 11) / 9007199254740992.0); /* 2^53 */
        return 1;
    case 1:
        high = luaL_checkinteger(L, 1);
        break;
    default:
        low = luaL_checkinteger(L, 1);
        high = luaL_checkinteger(L, 2);
    }
    luaL_argcheck(L, low <= high, lua_gettop(L), "interval is empty");
    span = (uint64_t)high - (uint64_t)low + 1;
    bits = (uint64_t)low + (span != 0 ? bits % span : bits);
    lua_pushinteger(L, (lua_Integer)bits);
    return 1;
}

/* log(level, text) */
static int write_log(lua_State *L)
{
    static const char *const levels[] = {"debug", "info", "warning", "alert", NULL};
    struct policy *policy = host_policy(L);
    struct world_log line = {.group = policy->site->group, .event = "policy"};

    line.level = (enum world_level)luaL_checkoption(L, 1, "info", levels);
    line.text = luaL_checkstring(L, 2);
    if (policy->current != NULL) {
        line.node = policy->site->node[policy->current->node].name;
    }
    limits_charge(L, HOST_TASK_COST);
    memo_never(policy);
    policy->world->ops->log(policy->world, &line);
    return 0;
}

static int secret_exists(lua_State *L)
{
    const struct policy_site *site = host_policy(L)->site;
    const char *name = luaL_checkstring(L, 1);
    bool exists = false;

    for (int i = 0; i < site->n_secrets; i++) {
        exists = exists || strcmp(site->secret[i], name) == 0;
    }
    lua_pushboolean(L, exists);
    return 1;
}

static void set_text(lua_State *L, const char *key, const char *value)
{
    lua_pushstring(L, value);
    lua_setfield(L, -2, key);
}

/* core.site; the rest of the site is in the views of group and nodes. */
static void push_site(lua_State *L)
{
    const struct policy *policy = host_policy(L);
    const struct policy_site *site = policy->site;

    lua_newtable(L);
    set_text(L, "group", site->group);
    set_text(L, "floating", site->floating);
    set_text(L, "floating_host", policy->floating[0] != '\0' ? policy->floating : NULL);
    set_text(L, "interface", site->interface);
    set_text(L, "share", site->share);
    set_text(L, "gateway", site->gateway);
    lua_createtable(L, 0, site->n_params);
    for (int i = 0; i < site->n_params; i++) {
        set_text(L, site->param[i].name, site->param[i].value);
    }
    lua_setfield(L, -2, "params");
    lua_createtable(L, site->n_nodes, 0);
    for (int i = 0; i < site->n_nodes; i++) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, policy->node_ref[i]);
        lua_rawseti(L, -2, i + 1);
    }
    lua_setfield(L, -2, "nodes");
}

void policy_register(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"now", now},
        {"wall", wall},
        {"random", random_number},
        {"log", write_log},
        {"secret_exists", secret_exists},
        {NULL, NULL},
    };

    luaL_setfuncs(L, functions, 0);
    push_site(L);
    lua_setfield(L, -2, "site");
}

/* ---- Modules ----------------------------------------------------------------------------------
 */

static void digest(struct policy *policy, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) { /* FNV-1a */
        policy->digest = (policy->digest ^ (unsigned char)text[i]) * 0x100000001b3u;
    }
    policy->digest = (policy->digest ^ len) * 0x100000001b3u;
}

/* Room for the name of one more file. */
static bool add_file(struct policy *policy)
{
    char *name = memory_zeroed(1, HOST_FILE_MAX);

    if (name == NULL) {
        return false;
    }
    policy->file[policy->n_files++] = name;
    return true;
}

/* Read and compile module `name`. [-0, +1] MAY_THROW */
static void load_module(lua_State *L, const char *name, int slot)
{
    struct policy *policy = host_policy(L);
    const struct policy_source *source = policy->source;
    char chunk[HOST_FILE_MAX + 1] = "@";
    struct baton_error error = {0};
    char *text = NULL;
    size_t len = 0;
    int status;

    if (source->read(
            source->read_arg, name, &text, &len, policy->file[slot], HOST_FILE_MAX, &error) !=
        BATON_OK) {
        run_blame(L, "module \"%s\": %s", name, error.text);
    }
    if (!policy->generic) {
        digest(policy, text, len);
    }
    snprintf(chunk + 1, sizeof chunk - 1, "%s", policy->file[slot]);
    status = luaL_loadbufferx(L, text, len, chunk, "t"); /* protected: comes back */
    free(text);
    if (status != LUA_OK) {
        limits_rethrow(L, status);
        lua_error(L);
    }
}

static int require(lua_State *L)
{
    struct policy *policy = host_policy(L);
    const char *name = luaL_checkstring(L, 1);
    size_t len = strlen(name);

    if (len == 0 || len >= GROUP_NAME_MAX || name[0] < 'a' || name[0] > 'z' ||
        strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != len) {
        return run_blame(L, "require: \"%s\" is no name of a module", name);
    }
    lua_settop(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, policy->modules_ref);
    switch (lua_getfield(L, 2, name)) {
    case LUA_TNIL:
        break;
    case LUA_TLIGHTUSERDATA:
        return run_blame(L, "require: module \"%s\" requires itself", name);
    default:
        return 1;
    }
    if (policy->source == NULL) {
        return run_blame(L, "require \"%s\": only while the policy is loaded", name);
    }
    if (policy->n_files == HOST_FILES_MAX) {
        return run_blame(L, "require \"%s\": more than %d modules", name, HOST_FILES_MAX - 2);
    }
    lua_pushlightuserdata(L, policy);
    lua_setfield(L, 2, name);
    if (!add_file(policy)) {
        return run_blame(L, "require \"%s\": no memory", name);
    }
    load_module(L, name, policy->n_files - 1);
    lua_pushvalue(L, 1);
    lua_call(L, 1, 1);
    if (lua_isnil(L, -1)) {
        lua_pushboolean(L, 1);
    }
    lua_pushvalue(L, -1);
    lua_setfield(L, 2, name);
    return 1;
}

/* ---- Loading
 * ------------------------------------------------------------------------------------- */

static int no_such_global(lua_State *L)
{
    return run_blame(L, "there is no \"%s\" here", luaL_tolstring(L, 2, NULL));
}

static void run_prelude(lua_State *L)
{
    static const char *const names[HOST_FUNCTIONS] = {
        [HOST_REQUEST] = "request",
        [HOST_PROBE] = "probe",
        [HOST_SERVING] = "serving",
        [HOST_VERIFY] = "verify",
        [HOST_ACT] = "act",
        [HOST_UNDO] = "undo",
        [HOST_CHECK] = "check",
        [HOST_STEP_LOOK] = "step_look",
        [HOST_STEP_PLAN] = "step_plan",
        [HOST_STEP_RUN] = "step_run",
        [HOST_STEP_UNDO] = "step_undo",
        [HOST_GENERIC] = "generic",
    };
    struct policy *policy = host_policy(L);

    load_module(L, "prelude", 0);
    lua_newtable(L);
    wait_register(L);
    view_register(L);
    table_register(L);
    setup_register(L);
    rewriter_register(L);
    bytes_register(L);
    sandbox_register(L);
    policy_register(L);
    lua_call(L, 1, 1);
    luaL_checktype(L, -1, LUA_TTABLE);
    for (int i = 0; i < HOST_FUNCTIONS; i++) {
        if (lua_getfield(L, -1, names[i]) != LUA_TFUNCTION) {
            luaL_error(L, "prelude gives no function \"%s\"", names[i]);
        }
        policy->function_ref[i] = luaL_ref(L, LUA_REGISTRYINDEX);
    }
    lua_pop(L, 1);
}

/* The whole load, as the one function of a coroutine. MAY_THROW */
static int load(lua_State *L)
{
    struct policy *policy = host_policy(L);
    char chunk[HOST_FILE_MAX + 1];
    int status;

    lua_newtable(L);
    policy->modules_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_pushcfunction(L, require);
    lua_setglobal(L, "require");
    run_prelude(L);
    lua_pushglobaltable(L);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, no_such_global);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
    lua_pop(L, 1);

    snprintf(chunk, sizeof chunk, "@%s", policy->file[1]);
    status = luaL_loadbufferx(L, policy->source->text, policy->source->len, chunk, "t");
    if (status != LUA_OK) {
        limits_rethrow(L, status);
        return lua_error(L);
    }
    lua_call(L, 0, 1);
    table_read(L);
    return 0;
}

/* [-0, +0] MAY_THROW */
static int set_up(lua_State *L)
{
    struct policy *policy = lua_touserdata(L, 1);
    lua_State *co;

    sandbox_open(L);
    lua_createtable(L, POLICY_TASKS_MAX + 1, 0);
    for (int i = 1; i <= POLICY_TASKS_MAX + 1; i++) {
        lua_pushboolean(L, 0);
        lua_rawseti(L, -2, i);
    }
    policy->tasks_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    co = lua_newthread(L);
    lua_pushcfunction(co, load);
    policy->verdict_co = co; /* for the time of loading */
    lua_rawgeti(L, LUA_REGISTRYINDEX, policy->tasks_ref);
    lua_insert(L, -2);
    lua_rawseti(L, -2, POLICY_TASKS_MAX + 1);
    return 0;
}

static void set_floating(struct policy *policy)
{
    const char *floating = policy->site->floating;

    if (floating != NULL) {
        snprintf(
            policy->floating, sizeof policy->floating, "%.*s", (int)strcspn(floating, "/"),
            floating);
    }
}

static void set_limits(struct policy *policy, const struct policy_limits *limits)
{
    size_t memory_max = limits != NULL ? limits->memory_max : 0;
    int instructions_max = limits != NULL ? limits->instructions_max : 0;

    policy->limits.memory_max = memory_max > 0 ? memory_max : POLICY_MEMORY_DEFAULT;
    policy->limits.instructions_max =
        instructions_max > 0 ? instructions_max : POLICY_INSTRUCTIONS_DEFAULT;
    policy->limits.churn_max = policy->limits.memory_max * 16;
}

/* Every error of a script is caught before it gets here. */
static int panic(lua_State *L)
{
    (void)L;
    assert(!"an error left Lua unprotected");
    return 0;
}

static enum baton_err start(struct policy *policy, struct baton_error *error)
{
    struct run_failure failure = {.code = BATON_OK};
    int nresults;
    enum baton_err err;

    limits_refill(policy);
    policy->loading = true;
    policy->L = lua_newstate(limits_alloc, policy);
    if (policy->L == NULL) {
        return policy->limits.refused
                   ? baton_fail(
                         error, BATON_LIMIT, "%s:1: reached its memory cap of %zu bytes",
                         policy->file[1], policy->limits.memory_max)
                   : baton_fail(error, BATON_NOMEM, "%s:1: no memory", policy->file[1]);
    }
    lua_atpanic(policy->L, panic);
    *(struct policy **)lua_getextraspace(policy->L) = policy;
    limits_watch(policy->L);
    err = run_protected(policy, set_up, policy, error);
    if (err != BATON_OK) {
        return err;
    }
    if (run_enter(policy, policy->verdict_co, 0, &nresults, &failure) != RUN_DONE) {
        return baton_fail(error, failure.code, "%s", failure.text);
    }
    policy->loading = false;
    limits_watch(policy->L);
    verdict_drop(policy); /* it was made to load, and is watched at every instruction */
    lua_gc(policy->L, LUA_GCCOLLECT, 0); /* what loading left behind */
    return BATON_OK;
}

enum baton_err policy_new(
    const struct policy_source *source, const struct policy_site *site,
    const struct policy_limits *limits, struct world *world, struct policy **out,
    struct baton_error *error)
{
    struct policy *policy = memory_zeroed(1, sizeof *policy);
    struct baton_error wrong;
    enum baton_err err;

    assert(site->n_nodes > 0);
    assert(site->n_nodes <= GROUP_NODES_MAX);
    *out = NULL;
    if (policy != NULL) {
        policy->request =
            memory_zeroed(GROUP_PROBES_MAX * (size_t)site->n_nodes, sizeof policy->request[0]);
    }
    if (policy == NULL || policy->request == NULL || !add_file(policy) || !add_file(policy)) {
        policy_free(policy);
        return baton_fail(error, BATON_NOMEM, "%s:1: no memory", source->file);
    }
    policy->source = source;
    policy->site = site;
    policy->world = world;
    policy->fit_ref = policy->serving_ref = LUA_NOREF;
    snprintf(policy->file[1], HOST_FILE_MAX, "%s", source->file);
    policy->digest = 0xcbf29ce484222325u;
    digest(policy, source->text, source->len);
    set_floating(policy);
    set_limits(policy, limits);
    err = start(policy, error);
    if (err == BATON_OK && group_check_rules(&policy->table.rules, &wrong) != BATON_OK) {
        err = baton_fail(error, wrong.code, "%s: %s", source->file, wrong.text);
    }
    if (err == BATON_OK && memo_start(policy) != BATON_OK) {
        err = baton_fail(error, BATON_NOMEM, "%s:1: no memory", source->file);
    }
    policy->source = NULL;
    memory_free(policy->births);
    policy->births = NULL;
    policy->n_births = policy->size_births = 0;
    policy->loading = false;
    if (err != BATON_OK) {
        policy_free(policy);
        return err;
    }
    *out = policy;
    return BATON_OK;
}

void policy_free(struct policy *policy)
{
    if (policy == NULL) {
        return;
    }
    assert(policy->running == NULL);
    for (int i = 0; i < POLICY_TASKS_MAX; i++) {
        struct policy_task *task = policy->task[i];

        if (task != NULL && task->used && task->parent == NULL) {
            task_free(task);
        }
    }
    assert(policy->n_tasks == 0);
    if (policy->L != NULL) {
        lua_close(policy->L);
    }
    memo_stop(policy);
    for (int i = 0; i < policy->n_files; i++) {
        memory_free(policy->file[i]);
    }
    memory_free(policy->request);
    memory_free(policy->setup);
    memory_free(policy);
}

const struct policy_table *policy_table(const struct policy *policy)
{
    return &policy->table;
}

const char *policy_file(const struct policy *policy)
{
    return policy->file[1];
}

int policy_line(const struct policy *policy)
{
    return policy->table_line;
}

uint64_t policy_digest(const struct policy *policy)
{
    return policy->digest;
}

const char *policy_effect(const struct policy *policy, enum policy_entry entry, int index)
{
    static const enum group_list lists[] = {
        [POLICY_STOP] = GROUP_LIST_STOP,
        [POLICY_START] = GROUP_LIST_START,
        [POLICY_FENCE] = GROUP_LIST_FENCE,
        [POLICY_VERIFY] = GROUP_LIST_VERIFY,
    };

    assert(entry >= POLICY_STOP && entry <= POLICY_REMEDY);
    assert(index >= 0 && index < GROUP_ACTIONS_MAX);
    return entry == POLICY_REMEDY ? policy->remedy_action[index].effect
                                  : policy->list_action[lists[entry]][index].effect;
}

void policy_bind(struct policy *policy, const struct group *group)
{
    assert(group->n_nodes == policy->site->n_nodes);
    policy->group = group;
    policy->memo_age++;
}

struct world_request policy_probe_request(const struct policy *policy, int probe, int node)
{
    assert(probe >= 0 && probe < policy->table.rules.n_probes);
    assert(node >= 0 && node < policy->site->n_nodes);
    assert(!policy->table.probe[probe].scripted);
    return policy->request[probe * policy->site->n_nodes + node];
}

struct policy_usage policy_usage(const struct policy *policy)
{
    return (struct policy_usage){
        .memory = policy->limits.memory,
        .memory_max = policy->limits.memory_max,
        .entries = policy->limits.entries,
        .instructions = policy->limits.instructions,
        .tasks = policy->n_tasks,
    };
}
