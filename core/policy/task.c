#include "policy/host.h"

#include "base/memory.h"

#include <assert.h>
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

/* ---- Slots -------------------------------------------------------------------------- */

/* A free slot with a coroutine on whose stack is room for `room` values; taken by
 * task_take. [-0, +0] MAY_THROW */
static struct policy_task *task_find(lua_State *L, struct policy *policy, int room)
{
    struct policy_task *task;
    int slot = 0;

    while (policy->task[slot] != NULL && policy->task[slot]->used) {
        slot++;
        assert(slot < POLICY_TASKS_MAX);
    }
    luaL_checkstack(L, 4, NULL);
    lua_rawgeti(L, LUA_REGISTRYINDEX, policy->tasks_ref);
    if (policy->task[slot] == NULL) {
        task = lua_newuserdatauv(L, sizeof *task, 1);
        memset(task, 0, sizeof *task);
        task->slot = slot;
        policy->task[slot] = task;
        lua_rawseti(L, -2, slot + 1);
    }
    task = policy->task[slot];
    if (task->co == NULL) {
        lua_rawgeti(L, -1, slot + 1);
        task->co = lua_newthread(L);
        lua_setiuservalue(L, -2, 1);
        lua_pop(L, 1);
    } else {
        limits_watch(task->co); /* counts from the start again */
    }
    lua_pop(L, 1);
    if (!lua_checkstack(task->co, room)) {
        luaL_error(L, "no room for a task");
    }
    return task;
}

static void task_take(struct policy *policy, struct policy_task *task)
{
    assert(!task->used);
    task->policy = policy;
    task->used = true;
    policy->n_tasks++;
}

static void set_ready(struct policy_task *task)
{
    if (!task->ready) {
        task->ready = true;
        DL_APPEND2(task->policy->ready, task, ready_prev, ready_next);
    }
}

/* Nothing is to happen to this task any more: no request, no timer, no branch. */
static void quiet(struct policy_task *task)
{
    struct policy *policy = task->policy;

    while (task->children != NULL) {
        task_free(task->children);
    }
    if (task->request != 0) {
        world_cancel(policy->world, task->request);
        task->request = 0;
    }
    if (task->timer != 0) {
        world_cancel(policy->world, task->timer);
        task->timer = 0;
    }
    if (task->ready) {
        task->ready = false;
        DL_DELETE2(policy->ready, task, ready_prev, ready_next);
    }
}

/* Nothing is allocated. */
void task_free(struct policy_task *task)
{
    struct policy *policy = task->policy;
    lua_State *L = policy->running != NULL ? policy->running : policy->L;

    quiet(task);
    if (task->parent != NULL) {
        DL_DELETE(task->parent->children, task);
    }
    if (lua_status(task->co) == LUA_OK) {
        lua_settop(task->co, 0);
    } else { /* it waits, or died: it is of no use to the next one */
        lua_rawgeti(L, LUA_REGISTRYINDEX, policy->tasks_ref);
        lua_rawgeti(L, -1, task->slot + 1);
        lua_pushnil(L);
        lua_setiuservalue(L, -2, 1);
        lua_pop(L, 2);
        task->co = NULL;
    }
    policy->n_tasks--;
    memset(&task->used, 0, offsetof(struct policy_task, text) - offsetof(struct policy_task, used));
    task->text[0] = task->note[0] = '\0';
}

/* ---- The turn: resume what is ready until nothing is ---------------------------------- */

static void branch_ended(struct policy_task *task)
{
    struct policy_task *parent = task->parent;

    task->ended = true;
    quiet(task);
    if (parent == NULL) {
        return;
    }
    parent->waits_for--;
    if (task->failed) {
        struct policy_task *other;

        /* The first that fails ends the others. */
        for (other = parent->children; other != NULL; other = other->next) {
            if (!other->ended) {
                other->ended = true;
                parent->waits_for--;
                quiet(other);
            }
        }
    }
    if (parent->waits_for == 0) {
        set_ready(parent);
    }
}

static void resume(struct policy_task *task)
{
    struct policy *policy = task->policy;
    struct run_failure failure = {.code = BATON_OK};
    struct policy_task *child;
    int nargs = task->started ? 0 : task->nargs;
    enum run_end end;

    task->started = true;
    task->deliberate = false;
    policy->memo_age += !task->pure;
    policy->current = task;
    end = run_enter(policy, task->co, nargs, &task->nresults, &failure);
    policy->current = NULL;
    if (end == RUN_WAITS) {
        assert(task->request != 0 || task->waits_for > 0);
        for (child = task->children; child != NULL; child = child->next) {
            if (!child->started) {
                set_ready(child);
            }
        }
        return;
    }
    if (end == RUN_FAILED) {
        task->failed = true;
        task->deliberate = failure.deliberate;
        snprintf(task->text, sizeof task->text, "%s", failure.text);
        if (policy->limits.broken) { /* the whole task ends of it: keep the traceback */
            snprintf(policy->limits.why, sizeof policy->limits.why, "%s", failure.text);
        }
    }
    branch_ended(task);
}

struct policy_task *task_root(struct policy_task *task)
{
    while (task->parent != NULL) {
        task = task->parent;
    }
    return task;
}

/* Ends with the root ended, or with everything waiting. Returns the root. */
static struct policy_task *turn(struct policy_task *task)
{
    struct policy_task *root = task_root(task);
    struct policy *policy = task->policy;

    while (policy->ready != NULL && !policy->limits.broken) {
        struct policy_task *next = policy->ready;

        next->ready = false;
        DL_DELETE2(policy->ready, next, ready_prev, ready_next);
        resume(next);
    }
    if (policy->limits.broken && !root->ended) {
        root->failed = true;
        root->deliberate = false;
        snprintf(root->text, sizeof root->text, "%s", policy->limits.why);
        branch_ended(root);
    }
    return root;
}

/* ---- Ends ------------------------------------------------------------------------------ */

static bool is_action(enum policy_entry entry)
{
    switch (entry) {
    case POLICY_STOP:
    case POLICY_START:
    case POLICY_FENCE:
    case POLICY_REMEDY:
    case POLICY_UNDO:
        return true;
    case POLICY_PROBE:
    case POLICY_SERVING:
    case POLICY_VERIFY:
    case POLICY_CHECK:
    case POLICY_COLUMN:
    case POLICY_STEP_LOOK:
    case POLICY_STEP_PLAN:
        break;
    case POLICY_STEP_RUN:
    case POLICY_STEP_UNDO:
        return true;
    }
    return false;
}

/* A copy: the task is gone before it is told. */
static void read_more(const char *text, struct policy_result *result)
{
    size_t size = strlen(text) + 1;
    char *more = memory_zeroed(1, size);

    if (more != NULL) {
        memcpy(more, text, size);
        result->more = more;
    } else {
        result->outcome = GROUP_UNKNOWN; /* what is lost must not seem to be nothing */
    }
}

static void read_results(struct policy_task *root, struct policy_result *result)
{
    lua_State *co = root->co;
    int first = lua_gettop(co) - root->nresults + 1;
    int type = root->nresults > 0 ? lua_type(co, first) : LUA_TNIL;

    if (type == LUA_TBOOLEAN) {
        result->outcome = lua_toboolean(co, first) ? GROUP_OK : GROUP_FAIL;
    } else {
        result->outcome = GROUP_UNKNOWN;
    }
    if (root->nresults > 1 && lua_type(co, first + 1) == LUA_TSTRING) {
        snprintf(root->text, sizeof root->text, "%s", lua_tostring(co, first + 1));
    }
    if (root->nresults > 2 && lua_type(co, first + 2) == LUA_TNUMBER) {
        result->value = lua_tonumber(co, first + 2);
    } else if (root->nresults > 2 && lua_type(co, first + 2) == LUA_TSTRING) {
        read_more(lua_tostring(co, first + 2), result);
    }
    if (root->text[0] == '\0') {
        static const char *const words[] = {"can't say", "yes", "no"};

        snprintf(
            root->text, sizeof root->text, "%s",
            is_action(root->entry) && result->outcome == GROUP_OK ? "done"
                                                                  : words[result->outcome]);
    }
}

/* Report and let go. Nothing of the policy may be touched after it: `done` may free it. */
static void finish(struct policy_task *root)
{
    struct policy *policy = root->policy;
    struct policy_result result = {.outcome = GROUP_UNKNOWN};
    policy_done_fn *done = root->done;
    void *arg = root->arg;
    char text[BATON_ERROR_TEXT_MAX];

    if (root->shadowed) {
        result.shadowed = true;
    } else if (root->failed || root->timed_out) {
        result.outcome = is_action(root->entry) ? GROUP_FAIL : GROUP_UNKNOWN;
        result.broken = root->failed && !root->deliberate;
    } else {
        read_results(root, &result);
    }
    result.latency_us = (world_now_ms(policy->world) - root->began_ms) * 1000;
    memcpy(text, root->text, strlen(root->text) + 1);
    result.detail = text;
    task_free(root);
    done(arg, &result);
    memory_free((void *)result.more);
}

static void on_deferred(void *arg, uint64_t request, const struct world_result *result)
{
    struct policy_task *root = arg;

    (void)result;
    if (root->used && root->timer == request) {
        root->timer = 0;
        finish(root);
    }
}

/* The deadline of a root or of a branch of deadline() has passed. */
static void on_timer(void *arg, uint64_t request, const struct world_result *result)
{
    struct policy_task *task = arg, *root;
    char note[GROUP_TEXT_MAX];

    (void)result;
    if (!task->used || task->timer != request || task->ended) {
        return;
    }
    task->timer = 0;
    task->timed_out = true;
    memcpy(note, task->note, sizeof note);
    snprintf(
        task->text, sizeof task->text, "no end within %.10g s%s%s", (double)task->span_ms / 1000,
        note[0] != '\0' ? ": " : "", note);
    limits_refill(task->policy);
    branch_ended(task);
    root = turn(task);
    if (root->ended) {
        finish(root);
    }
}

/* What would have been done was not: no script may make anything of that. All of the task
 * ends here, other branches too. */
static void end_shadowed(struct policy_task *root, const char *detail)
{
    root->shadowed = true;
    snprintf(root->text, sizeof root->text, "%s", detail);
    branch_ended(root);
    finish(root);
}

static void on_request(void *arg, uint64_t request, const struct world_result *result)
{
    struct policy_task *task = arg, *root;

    if (!task->used || task->request != request) {
        return;
    }
    task->request = 0;
    if (result->shadowed) {
        end_shadowed(task_root(task), result->detail);
        return;
    }
    task->result = result;
    limits_refill(task->policy);
    set_ready(task);
    root = turn(task);
    if (root->ended) {
        finish(root);
    }
}

static void start_timer(struct policy_task *task, int64_t span_ms, world_done_fn *done)
{
    struct policy *policy = task->policy;
    struct world_request request = {.kind = WORLD_SLEEP, .timeout_ms = span_ms};

    request.group = policy->site->group;
    task->timer = world_start(policy->world, &request, done, task);
}

/* ---- For the primitives in wait.c -------------------------------------------------------- */

struct policy_task *task_branch(lua_State *L, struct policy_task *parent, int nargs)
{
    struct policy *policy = parent->policy;
    struct policy_task *task;

    limits_charge(L, HOST_TASK_COST);
    task = task_find(L, policy, nargs + 2);
    lua_xmove(L, task->co, nargs + 1);
    task_take(policy, task);
    task->nargs = nargs;
    task->parent = parent;
    task->node = parent->node;
    task->pure = parent->pure;
    task->began_ms = world_now_ms(policy->world);
    DL_APPEND(parent->children, task);
    parent->waits_for++;
    return task;
}

void task_limit(struct policy_task *task, int64_t span_ms)
{
    task->span_ms = span_ms;
    start_timer(task, span_ms, on_timer);
}

void task_ask(struct policy_task *task, struct world_request *request)
{
    assert(task->request == 0);
    request->acts = is_action(task_root(task)->entry); /* a shadow world lets only looks through */
    task->request = world_start(task->policy->world, request, on_request, task);
}

/* ---- The calls -------------------------------------------------------------------------- */

struct start { /* what a new root calls */
    struct policy *policy;
    enum host_function function;
    int item_ref, node;
    struct policy_task *task;
};

/* [-0, +0] MAY_THROW */
static int make_root(lua_State *L)
{
    struct start *start = lua_touserdata(L, 1);
    struct policy *policy = start->policy;
    struct policy_task *task = task_find(L, policy, 4);

    lua_rawgeti(task->co, LUA_REGISTRYINDEX, policy->function_ref[start->function]);
    lua_rawgeti(task->co, LUA_REGISTRYINDEX, start->item_ref);
    lua_rawgeti(task->co, LUA_REGISTRYINDEX, policy->node_ref[start->node]);
    task_take(policy, task);
    start->task = task;
    start->task->nargs = 2;
    return 0;
}

static int entry_item(
    const struct policy *policy, enum policy_entry entry, int index, enum host_function *function)
{
    static const struct {
        enum host_function function;
        int list;
    } rows[] = {
        [POLICY_STOP] = {HOST_ACT, GROUP_LIST_STOP},
        [POLICY_START] = {HOST_ACT, GROUP_LIST_START},
        [POLICY_FENCE] = {HOST_ACT, GROUP_LIST_FENCE},
        [POLICY_VERIFY] = {HOST_VERIFY, GROUP_LIST_VERIFY},
        [POLICY_UNDO] = {HOST_UNDO, GROUP_LIST_START},
    };

    switch (entry) {
    case POLICY_PROBE:
        *function = HOST_PROBE;
        assert(index >= 0 && index < policy->table.rules.n_probes);
        return policy->probe_ref[index];
    case POLICY_SERVING:
        *function = HOST_SERVING;
        return policy->serving_ref;
    case POLICY_REMEDY:
        *function = HOST_ACT;
        assert(index >= 0 && index < policy->table.rules.n_remedies);
        return policy->remedy_run_ref[index];
    case POLICY_STOP:
    case POLICY_START:
    case POLICY_FENCE:
    case POLICY_VERIFY:
    case POLICY_UNDO:
        break;
    default: /* set-up: setup.c */
        return setup_item(policy, entry, index, function);
    }
    *function = rows[entry].function;
    assert(index >= 0 && index < policy->table.rules.list[rows[entry].list].count);
    return policy->list_ref[rows[entry].list][index];
}

static bool is_pure(const struct policy *policy, enum policy_entry entry, int index)
{
    switch (entry) {
    case POLICY_PROBE:
        return policy->pure_probes >> index & 1;
    case POLICY_SERVING:
        return policy->pure_serving;
    default:
        return false;
    }
}

struct policy_task *policy_run(
    struct policy *policy, enum policy_entry entry, int index, int node, int64_t deadline_ms,
    policy_done_fn *done, void *arg, struct baton_error *error)
{
    struct start start = {.policy = policy, .node = node};
    struct policy_task *task;
    int64_t now_ms = world_now_ms(policy->world);

    assert(policy->group != NULL);
    assert(node >= 0 && node < policy->site->n_nodes);
    start.item_ref = entry_item(policy, entry, index, &start.function);
    if (policy->n_tasks == POLICY_TASKS_MAX) {
        baton_fail(
            error, BATON_LIMIT, "%s: more than %d tasks and branches at once", policy->file[1],
            POLICY_TASKS_MAX);
        return NULL;
    }
    limits_refill(policy);
    if (run_protected(policy, make_root, &start, error) != BATON_OK) {
        return NULL;
    }
    task = start.task;
    task->entry = entry;
    task->pure = is_pure(policy, entry, index);
    task->node = node;
    task->done = done;
    task->arg = arg;
    task->began_ms = now_ms;
    task->span_ms = deadline_ms > now_ms ? deadline_ms - now_ms : 0;
    start_timer(task, task->span_ms, on_timer);
    set_ready(task);
    turn(task);
    if (task->ended) {
        start_timer(task, 0, on_deferred);
    }
    return task;
}

void policy_cancel(struct policy_task *task)
{
    assert(task->used);
    assert(task->parent == NULL);
    task_free(task);
}
