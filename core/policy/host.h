/* What the files of the policy host share. Nobody outside core/policy includes this
 * but the tests of its parts.
 *
 *   policy.c   life of a policy, its modules, loading
 *   limits.c   memory cap, instruction budget, where tables were made
 *   sandbox.c  the closed environment; strings.c its string library
 *   match.c    find, match, gmatch, gsub; pattern.h what they share with pattern.c, which
 *              compiles Lua's patterns, and search.c, which looks for matches
 *   rewriter.c core/rewrite for scripts; bytes.c base64 for them
 *   run.c      the one function that enters Lua, and the words for what went wrong there
 *   task.c     coroutines that wait: tasks; wait.c what they call: requests, parallel, deadline
 *   request.c  a Lua table read as a request to the world, a result made a Lua table
 *   table.c    the policy's table read into C; probes.c its probes
 *   setup.c    its checks, columns and steps
 *   lint.c     what is odd about it
 *   view.c     group and nodes as Lua sees them
 *   verdict.c  fit, guards, remedies' when
 *   memo.c     what a verdict read, so that it is not asked again while nothing of it changed
 *
 * Functions marked MAY_THROW may leave by longjmp. They are called from inside run_enter
 * or run_protected only, and hold no C resource when they call Lua. Stack effects are
 * written as in the Lua manual: [-popped, +pushed].
 */
#ifndef BATON_POLICY_HOST_H
#define BATON_POLICY_HOST_H

#include "policy/policy.h"

#include <lua.h>

#define MAY_THROW

#define HOST_FILES_MAX  48                /* the policy's file and its modules */
#define HOST_FILE_MAX   256               /* bytes of a file's name in messages */
#define HOST_BIRTHS_MAX 8192              /* tables whose place of birth is kept while loading */
#define HOST_STRING_MAX ((size_t)1 << 20) /* bytes of one string */
#define HOST_READS_MAX  64                /* fields that a verdict may read and be kept */
#define HOST_TASK_COST  200 /* instructions that starting or resuming a coroutine counts for */

struct host_birth { /* a table made while loading */
    const void *table;
    int file, line;
    bool pending; /* the line is not sure before the next instruction */
};

struct host_place { /* where something was made */
    int file, line; /* line 0: that is not known */
};

struct host_action { /* what the group's rules do not say of an action */
    struct host_place place;
    const char *effect; /* that it declares, or NULL; the action's table keeps it alive */
    bool has_run, has_look;
};

struct host_limits {
    size_t memory, memory_max;
    size_t churn, churn_max; /* bytes given out in this entry, freed ones included */
    int64_t left;            /* instructions of this entry */
    int step;                /* instructions between two calls of the hook */
    int instructions_max;
    int64_t entries, instructions;
    bool refused;                   /* the cap, not the machine, said no last */
    bool broken;                    /* a limit was reached in this entry: nothing may catch it */
    char why[BATON_ERROR_TEXT_MAX]; /* … where and which */
};

/* One coroutine that may wait. A root is what policy_run returned; the others are
 * branches of parallel and deadline, and belong to their parent. Its memory is Lua's and
 * stays for the next task, with its coroutine if that ended well. */
struct policy_task {
    int slot;
    lua_State *co; /* the user value of the task; NULL: the next one makes it */
    /* all below is zero while the slot is free */
    bool used, ready, started, ended, failed, timed_out, shadowed;
    bool pure;       /* changes nothing that outlives it, says the policy */
    bool deliberate; /* failed by error() or assert(), not by a broken rule */
    struct policy *policy;
    struct policy_task *parent; /* NULL: a root */
    struct policy_task *children;
    struct policy_task *prev, *next;             /* among the parent's children */
    struct policy_task *ready_prev, *ready_next; /* among those to be resumed */
    int nargs;                                   /* to be passed at the first resume */
    int nresults;                                /* on co's stack when ended */
    int waits_for;                               /* children that have not ended */
    uint64_t request, timer;                     /* in the world; 0: none */
    const struct world_result *result;           /* of the request, during the resume only */
    int64_t began_ms, span_ms;                   /* of its deadline */
    /* roots only */
    enum policy_entry entry;
    int node;
    policy_done_fn *done;
    void *arg;
    /* texts: the first byte says it all */
    char text[BATON_ERROR_TEXT_MAX]; /* why it failed */
    char note[GROUP_TEXT_MAX];       /* what it is waiting for, in words */
};

enum host_what { /* something a verdict can read; READ_STATUS and those after it are a probe's */
    READ_CONSTANT = 0, /* the same as long as the policy lives */
    READ_NOW,
    READ_HOLDER,
    READ_EPOCH,
    READ_PAUSED,
    READ_MOVES,
    READ_STATE,
    READ_STATE_WHY,
    READ_STATE_AGE,
    READ_FIT,
    READ_FIT_WHY,
    READ_FIT_AGE,
    READ_SERVING,
    READ_SERVING_WHY,
    READ_OUT,
    READ_STATUS, /* and whether it rests */
    READ_LATENCY,
    READ_VALUE,
    READ_DETAIL,
    READ_RUN,
    READ_SINCE_AGE,
    READ_SEEN_AGE,
    READ_LAST,
};

struct host_read { /* what was read, and what it was worth: itself, or a hash of its text */
    uint8_t what, node, probe;
    uint64_t value;
};

struct host_notes { /* of the verdict that runs now */
    bool open;      /* one runs */
    bool lasting;   /* it may be kept */
    int count;
    struct host_read read[HOST_READS_MAX];
};

struct host_memo { /* one verdict on one node */
    bool kept;
    uint64_t age; /* policy->memo_age when it was made */
    int count, size;
    struct host_read *read;
    struct policy_verdict verdict;
};

enum host_verdict {
    HOST_FIT_VERDICT = 0,
    HOST_GUARD_VERDICT,
    HOST_WHEN_VERDICT,
};

enum host_function {  /* what prelude.lua gives the host, kept in the registry */
    HOST_REQUEST = 0, /* (probe, node) → request table, or nil: scripted */
    HOST_PROBE,       /* (probe, node) → true|false|nil, detail, value */
    HOST_SERVING,     /* (function or probe, node) → the same */
    HOST_VERIFY,      /* (probe or action, node) → the same */
    HOST_ACT,         /* (action, node) → true|false|nil, detail */
    HOST_UNDO,        /* the same */
    HOST_CHECK,       /* (check, node) → true|false|nil, detail, advice */
    HOST_STEP_LOOK,   /* (step, node) → true|false|nil, detail */
    HOST_STEP_PLAN,   /* (step, node) → true, detail, lines */
    HOST_STEP_RUN,    /* (step, node) → true|false|nil, detail, memo */
    HOST_STEP_UNDO,   /* (step, node) → true|false|nil, detail */
    HOST_GENERIC,     /* (table of the policy) → the checks that every policy gets */
};
#define HOST_FUNCTIONS 12

struct host_checks {
    int count;
    struct policy_check check[POLICY_CHECKS_MAX];
    int ref[POLICY_CHECKS_MAX];
};

struct host_steps {
    int count;
    struct policy_step step[POLICY_STEPS_MAX];
    int ref[POLICY_STEPS_MAX];
};

struct host_setup {
    struct host_checks checks, columns;
    struct host_steps steps[POLICY_SETUPS];
    int memos_ref; /* what steps said for their undo */
};

struct policy {
    lua_State *L;
    struct world *world;
    const struct group *group;
    const struct policy_site *site;
    char floating[GROUP_NAME_MAX]; /* without the prefix length */
    struct host_limits limits;
    struct policy_table table;
    int table_line;  /* where the policy's table is made */
    uint64_t digest; /* of all text that was read */

    /* while loading only */
    const struct policy_source *source;
    bool loading; /* tables are noted with the line that makes them */
    bool generic; /* what is read now decides nothing, and does not count for the digest */
    struct host_birth *births;
    int n_births, size_births;
    int blame_line; /* of the table that is being read; 0: none */

    int n_files;                /* 0: prelude, 1: the policy's own file */
    char *file[HOST_FILES_MAX]; /* [HOST_FILE_MAX] each */

    /* in Lua's registry */
    int tasks_ref, names_ref, modules_ref, base_ref;
    int function_ref[HOST_FUNCTIONS];
    int node_ref[GROUP_NODES_MAX], group_ref;
    int probe_meta_ref, action_meta_ref, check_meta_ref, step_meta_ref, view_meta_ref;
    int fit_ref, serving_ref; /* LUA_NOREF: the policy has none */
    int probe_ref[GROUP_PROBES_MAX];
    int guard_ref[POLICY_TRANSITIONS_MAX];
    int list_ref[GROUP_LISTS][GROUP_ACTIONS_MAX];
    struct host_place probe_place[GROUP_PROBES_MAX];
    struct host_action list_action[GROUP_LISTS][GROUP_ACTIONS_MAX];
    struct host_action remedy_action[GROUP_ACTIONS_MAX];
    int remedy_when_ref[GROUP_ACTIONS_MAX], remedy_run_ref[GROUP_ACTIONS_MAX];

    struct world_request *request; /* [GROUP_PROBES_MAX * nodes]: of plain probes */
    struct host_setup *setup;      /* NULL: the policy has no checks and no steps */

    /* which probes a verdict has read: bit = probe */
    uint32_t read[GROUP_NODES_MAX], asked[GROUP_NODES_MAX];
    uint32_t touched; /* of which any field was read, on any node; lint.c empties it */

    struct host_notes notes;
    struct host_memo *memo; /* [(1 + transitions + remedies) * nodes], see memo_of */
    uint64_t memo_age;      /* rises when policy code ran that may have changed its variables */
    uint32_t pure_probes;   /* bit: probe whose code changes nothing that outlives it */
    bool pure_serving;

    lua_State *verdict_co; /* used again and again */
    int verdict_ref;
    lua_State *running;          /* the coroutine that runs now */
    struct policy_task *current; /* its task; NULL while loading and in verdicts */
    struct policy_task *ready;
    int n_tasks;
    struct policy_task *task[POLICY_TASKS_MAX]; /* NULL: not needed so far */
};

static inline struct policy *host_policy(lua_State *L)
{
    return *(struct policy **)lua_getextraspace(L);
}

/* ---- limits.c ---------------------------------------------------------------------- */

void *limits_alloc(void *policy, void *block, size_t old_size, size_t new_size);
/* Count instructions on this thread and on those made from it; call it again when the
 * loading is over. */
void limits_watch(lua_State *L);
/* A new entry: the whole budget again. */
void limits_refill(struct policy *policy);
/* A C function is about to do work that is worth `n` instructions. [-0, +0] MAY_THROW */
void limits_charge(lua_State *L, lua_Integer n);
/* After something was caught: throw again if a limit was reached. [-0, +0] MAY_THROW */
void limits_rethrow(lua_State *L, int status);
/* Where the table at `index` was made; false if that is not known. */
bool limits_birth(lua_State *L, int index, const char **file, int *line);
/* The table at `copy` counts as made where the one at `index` was. */
void limits_adopt(lua_State *L, int index, int copy);

/* ---- run.c -------------------------------------------------------------------------- */

enum run_end {
    RUN_DONE = 0,
    RUN_WAITS,
    RUN_FAILED
};

struct run_failure {
    enum baton_err code;             /* BATON_INVALID, BATON_LIMIT or BATON_NOMEM */
    bool deliberate;                 /* error() or assert() of the policy */
    char text[BATON_ERROR_TEXT_MAX]; /* "file:line: …" and the traceback */
};

/* The only way into Lua: start or resume `co` with `nargs` values on its top.
 * [-(nargs, +1 for the function), +nresults] on co. Never throws. */
enum run_end run_enter(
    struct policy *policy, lua_State *co, int nargs, int *nresults, struct run_failure *failure);

/* Call a C function on the main state, protected, with `arg` as light userdata. For
 * what allocates but runs no script. [-0, +0] */
enum baton_err run_protected(
    struct policy *policy, lua_CFunction function, void *arg, struct baton_error *error);

/* "file:line" of the innermost Lua function on L; outside of prelude.lua if `outside`. */
void run_where(lua_State *L, bool outside, char *buffer, size_t size);

/* luaL_error with the place of the innermost script outside of prelude.lua. MAY_THROW */
int run_blame(lua_State *L, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- sandbox.c, strings.c ------------------------------------------------------------- */

/* The closed global environment. [-0, +0] MAY_THROW */
void sandbox_open(lua_State *L);
void strings_open(lua_State *L);
/* find, match, gmatch and gsub into the table on the top. [-0, +0] MAY_THROW */
void match_open(lua_State *L);
/* core.deliberate into the table on the top. [-0, +0] MAY_THROW */
void sandbox_register(lua_State *L);
/* tostring without addresses. [-0, +1] MAY_THROW */
const char *sandbox_tostring(lua_State *L, int index);
/* Was the error that is being thrown, or of which L died, raised by error() or assert() in
 * the function at `level`? Else a rule of Lua or of the host was broken. */
bool sandbox_deliberate(lua_State *L, int level);

/* ---- policy.c ------------------------------------------------------------------------- */

/* Primitives of site, time and log into the table on the top. [-0, +0] MAY_THROW */
void policy_register(lua_State *L);

/* ---- task.c, wait.c --------------------------------------------------------------------- */

void task_free(struct policy_task *task);
struct policy_task *task_root(struct policy_task *task);
/* A branch of `parent` that will call the function below the `nargs` values on the top.
 * [-(nargs + 1), +0] MAY_THROW */
struct policy_task *task_branch(lua_State *L, struct policy_task *parent, int nargs);
/* It ends after so long, whatever it does. */
void task_limit(struct policy_task *task, int64_t span_ms);
/* Start a request; the task is resumed with its result. */
void task_ask(struct policy_task *task, struct world_request *request);

/* core.wait, parallel, deadline, note into the table on the top. [-0, +0] MAY_THROW */
void wait_register(lua_State *L);
/* Does `function` pass on what a branch raised by error() or assert()? */
bool wait_passes_on(lua_State *L, lua_CFunction function);

/* ---- request.c ------------------------------------------------------------------------ */

/* Read the request table on the top; `node` is for whom, or GROUP_NOBODY: as the table says.
 * Strings are borrowed from the table, arrays from what is pushed. [-0, +1] MAY_THROW */
void request_read(lua_State *L, enum world_kind kind, int node, struct world_request *request);
enum world_kind request_kind(lua_State *L, const char *name); /* MAY_THROW */
/* [-0, +1] MAY_THROW */
void request_push_result(lua_State *L, const struct world_result *result);

/* ---- table.c, probes.c ------------------------------------------------------------------ */

/* core.make into the table on the top. [-0, +0] MAY_THROW */
void table_register(lua_State *L);
/* Where the table at `index` was made. [-0, +0] */
struct host_place table_place(lua_State *L, int index);
/* Read what the policy's file returned, on the top. [-0, +0] MAY_THROW */
void table_read(lua_State *L);
void probes_read(lua_State *L, int index);
/* Refuse keys that this kind of probe does not have. [-0, +0] MAY_THROW */
void probes_check(lua_State *L, int index);
/* Does the probe at `index` change nothing that outlives it? [-0, +0] MAY_THROW */
bool probes_pure(lua_State *L, int index);

/* Raise "file:line: …" with the place where the table at `index` was made. MAY_THROW */
int table_fail(lua_State *L, int index, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Refuse keys of the table at `index` that are not in `keys` (ends with NULL). MAY_THROW */
void table_keys(lua_State *L, int index, const char *what, const char *const *keys);
/* Fields of the table at `index`. [-0, +0] MAY_THROW */
int64_t table_ms(lua_State *L, int index, const char *key, double otherwise, double min);
int table_int(lua_State *L, int index, const char *key, int otherwise, int min, int max);
/* Index of the word in `words` (ends with NULL). */
int table_word(lua_State *L, int index, const char *key, const char *const *words, int otherwise);
/* Is the value at `index` an object that core.make made with this metatable? */
bool table_is(lua_State *L, int index, int meta_ref);

/* ---- rewriter.c --------------------------------------------------------------------------- */

/* core.rewriter, failover_settings and failover_config into the table on the top. [-0, +0]
 * MAY_THROW */
void rewriter_register(lua_State *L);

/* ---- bytes.c ------------------------------------------------------------------------------ */

/* to_base64 and from_base64 into the table on the top. [-0, +0] MAY_THROW */
void bytes_register(lua_State *L);

/* ---- setup.c ------------------------------------------------------------------------------ */

/* core.memo into the table on the top. [-0, +0] MAY_THROW */
void setup_register(lua_State *L);
/* Read checks, cluster, init and migrate of the policy's table at `index`. [-0, +0] MAY_THROW */
void setup_read(lua_State *L, int index);
/* What an entry of POLICY_CHECK to POLICY_STEP_UNDO runs: its object in the registry, and the
 * function that is called with it. */
int setup_item(
    const struct policy *policy, enum policy_entry entry, int index, enum host_function *function);

/* ---- verdict.c ------------------------------------------------------------------------ */

/* Let go of the verdicts' coroutine and all that its stack holds; the next verdict makes
 * another. Its slot is in the array part of its table, so nothing is allocated. [-0, +0] */
void verdict_drop(struct policy *policy);

/* ---- memo.c ----------------------------------------------------------------------------
 *
 * A verdict is a function of what it reads. While it runs, each read of the group is noted
 * with its value; as long as all of them have these values it is not asked again: its word
 * is the same. It is asked again all the same when policy code other than a verdict ran
 * meanwhile, unless that code is pure (`pure = true` of a probe): it may have changed a
 * variable of the policy. A verdict that asked for the time of day, for a random number, that
 * wrote a log line, or that read more than HOST_READS_MAX fields is never kept. Ages
 * (fit_for …) are kept for as long as the clock stands.
 *
 * So verdicts may read what tasks leave behind, but leave nothing for one another: one that
 * counts its own calls counts too few.
 */

/* Room for the memos of a policy that is loaded. BATON_NOMEM */
enum baton_err memo_start(struct policy *policy);
void memo_stop(struct policy *policy);
struct host_memo *memo_of(struct policy *policy, enum host_verdict verdict, int index, int node);
/* Is the kept verdict still the word? */
bool memo_recall(
    const struct policy *policy, const struct host_memo *memo, struct policy_verdict *verdict);
/* From now on what is read is noted, until memo_keep: with the verdict, or NULL where it came
 * to none. */
void memo_begin(struct policy *policy);
void memo_keep(struct policy *policy, struct host_memo *memo, const struct policy_verdict *verdict);
/* Where a verdict runs: it reads this (node, probe: 0 where they mean nothing) … */
void memo_note(struct policy *policy, enum host_what what, int node, int probe);
/* … and this one is not to be kept. */
void memo_never(struct policy *policy);

/* ---- view.c --------------------------------------------------------------------------- */

/* Make the views of group and nodes; core.group, core.nodes, core.method into the table
 * on the top. [-0, +0] MAY_THROW */
void view_register(lua_State *L);
/* Give all nodes a view of probe `probe`, whose name is on the top. [-0, +0] MAY_THROW */
void view_add_probe(lua_State *L, int probe);
/* Is the name on the top a field or method of nodes? [-0, +0] */
bool view_has_name(lua_State *L);
/* Index of the node whose view is at `index`, GROUP_NOBODY if it is something else. */
int view_node(lua_State *L, int index);

#endif
