/* The policy host: one closed Lua state for each group.
 *
 * A policy file is run once; the table that it returns is read into C (`policy_table`)
 * and checked: unknown keys, wrong types and transitions that are no edge of the machine
 * are refused with file and line. After that Lua is entered for three things only:
 *
 *  - a verdict (fit, a guard of a transition, `when` of a remedy): may not wait,
 *  - a task (a probe of its own, a look, an action): a coroutine that may wait,
 *  - the resumption of a task whose request has completed.
 *
 * All three go through one function (policy_enter in policy_run.c) which sets the
 * instruction budget, catches every error, and adds the traceback.
 *
 * The host makes no system call. Files are read by the caller (`policy_source.read`), and
 * everything a policy waits for goes through the world.
 *
 * What a policy sees is deterministic: `pairs` in sorted order, no addresses in strings,
 * no finalizers, time and random from the world only. There is no io, os, debug, load,
 * coroutine, collectgarbage. Memory is capped by the allocator, processor time by an
 * instruction budget for each entry, waiting by deadlines. A budget that is used up can't
 * be caught by pcall.
 */
#ifndef BATON_POLICY_POLICY_H
#define BATON_POLICY_POLICY_H

#include "base/error.h"
#include "group/group.h"
#include "world/world.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct policy;
struct policy_task;

#define POLICY_MEMORY_DEFAULT       ((size_t)4 << 20) /* bytes for one policy */
#define POLICY_INSTRUCTIONS_DEFAULT 1000000           /* of Lua, for one entry */
#define POLICY_TRANSITIONS_MAX      8
#define POLICY_TASKS_MAX            256 /* tasks and branches of parallel at once */
#define POLICY_WITNESSES_MAX        8
#define POLICY_CHECKS_MAX           64
#define POLICY_STEPS_MAX            48 /* of each list */

/* What the configuration says that a policy may see. All strings are borrowed and must
 * outlive the policy. */
struct policy_node_site {
    const char *name, *address;
    const char *transport; /* "local", "ssh", "winrm" (Windows), "peer": only that node's own Baton
                              acts there */
    int priority;
};

struct policy_site {
    const char *group;
    const char *self;      /* peers: the node whose Baton this is; NULL: one acts on all */
    const char *floating;  /* "10.9.0.100/24", or NULL */
    const char *interface; /* on the nodes, or NULL */
    const char *share;     /* path on the nodes, or NULL */
    const char *gateway;   /* address to ask "am I cut off?", or NULL */
    int n_witnesses;
    const char *witness[POLICY_WITNESSES_MAX]; /* "address:port" each */
    int n_nodes;
    struct policy_node_site node[GROUP_NODES_MAX]; /* in the order of the group's nodes */
    int n_params;
    const struct world_pair *param; /* <set name= value=/>: what `param` holds in Lua */
    int n_secrets;
    const char *const *secret; /* names of configured secrets */
};

struct policy_source {
    const char *file; /* as messages name it */
    const char *text;
    size_t len;
    /* Text of the module `name` ([a-z][a-z0-9_]*, checked before). `*text` is freed with
     * free(); `file` gets its name for messages. BATON_NOT_FOUND if there is none. */
    enum baton_err (*read)(
        void *arg, const char *name, char **text, size_t *len, char *file, size_t file_size,
        struct baton_error *error);
    void *read_arg;
    bool checks; /* add the checks that every policy gets (lua/preflight.lua) to its own; they are
                    no part of policy_digest, as they decide nothing */
};

struct policy_limits {
    size_t memory_max;    /* bytes; 0: default */
    int instructions_max; /* 0: default */
};

/* ---- The table, read into C ------------------------------------------------------- */

struct policy_probe {
    int64_t every_ms, timeout_ms;
    bool scripted; /* runs a Lua function; else `request` is made as it stands */
    bool floating; /* asks the floating address, not the node's */
    /* kind and fields but for the host, which the caller fills in: policy_probe_request */
    struct world_request request;
};

struct policy_transition {
    enum fsm_state from, to;
    enum fsm_event on; /* FSM_PROMOTE or FSM_RECLAIM */
    int line;
};

struct policy_table {
    struct group_rules rules; /* probe[i] here names probe[i] below */
    struct policy_probe probe[GROUP_PROBES_MAX];
    int64_t look_every_ms; /* how often `serving` is asked */
    int n_transitions;
    struct policy_transition transition[POLICY_TRANSITIONS_MAX];
};

/* Run the file and read its table. On BATON_OK `*out` is owned by the caller. On
 * BATON_INVALID or BATON_LIMIT the error starts with "file:line:". `world` is kept for
 * the tasks and must outlive the policy. */
enum baton_err policy_new(
    const struct policy_source *source, const struct policy_site *site,
    const struct policy_limits *limits, struct world *world, struct policy **out,
    struct baton_error *error);

/* Stops all tasks (their `done` is not called) and frees everything. */
void policy_free(struct policy *policy);

const struct policy_table *policy_table(const struct policy *policy);
const char *policy_file(const struct policy *policy);
int policy_line(const struct policy *policy); /* of its table in the file */

/* A hash of all text that was read to load it: the file and its modules. */
uint64_t policy_digest(const struct policy *policy);

/* The group that verdicts and tasks look at from now on; borrowed. Must be set before
 * the first verdict or task, and have the same nodes and rules. */
void policy_bind(struct policy *policy, const struct group *group);

/* ---- Verdicts --------------------------------------------------------------------- */

struct policy_verdict {
    enum group_answer answer;
    int64_t again_ms;         /* ask again at this time, nothing observed meanwhile;
                                 GROUP_NEVER_MS if only an observation can change it */
    char why[GROUP_TEXT_MAX]; /* never empty */
};

/* Is `node` fit? A "no" that rests on a probe that is unknown, while none that was read
 * has failed, is GROUP_UNSURE: unknown is not failed. Where the policy gives no reason,
 * the probes that it read make one ("smtp failed 3/3: connection refused"). Any error is
 * the policy's fault: hold the group. */
enum baton_err policy_fit(
    struct policy *policy, int node, struct policy_verdict *verdict, struct baton_error *error);

/* Does the guard of transition `index` hold for `node`? */
enum baton_err policy_guard(
    struct policy *policy, int index, int node, struct policy_verdict *verdict,
    struct baton_error *error);

/* Should remedy `index` be tried on `node`? */
enum baton_err policy_remedy_when(
    struct policy *policy, int index, int node, struct policy_verdict *verdict,
    struct baton_error *error);

/* ---- Set-up: what is asked and done outside of the machine ------------------------- */

enum policy_on {
    POLICY_ON_GROUP = 0, /* once, for no node */
    POLICY_ON_EACH,
    POLICY_ON_PRIMARY,  /* the node of the lowest priority number */
    POLICY_ON_STANDBYS, /* all others */
};

/* One thing that must be so for the group to be ready (`checks`), or one column of `baton
 * cluster` (`cluster`). Checks change nothing and decide nothing. */
struct policy_check {
    char name[GROUP_NAME_MAX];
    const char *title;  /* "the clocks are in step"; never NULL */
    const char *advice; /* what to do where it isn't so; NULL: none, or its own result says */
    enum policy_on on;  /* POLICY_ON_EACH or _GROUP */
    int64_t timeout_ms;
};

/* One step of `baton init` or `baton migrate`. */
enum policy_setup {
    POLICY_INIT = 0,
    POLICY_MIGRATE
};
#define POLICY_SETUPS 2
struct policy_step {
    char name[GROUP_NAME_MAX];
    const char *title; /* "failoverConfig.xml on the primary"; never NULL */
    const char *human; /* what a person does, in words; NULL: Baton does it */
    enum policy_on on;
    int64_t deadline_ms;
    int after; /* an earlier step that changes what this one's look sees; -1: none does */
    bool has_look, has_plan, has_run, has_undo;
};

/* All are borrowed from the policy; the order is that of its lists. */
const struct policy_check *policy_checks(const struct policy *policy, int *count);
const struct policy_check *policy_columns(const struct policy *policy, int *count);
const struct policy_step *policy_steps(
    const struct policy *policy, enum policy_setup setup, int *count);
/* `index` of POLICY_STEP_LOOK to POLICY_STEP_UNDO. */
#define POLICY_STEP_INDEX(setup, step) ((int)(setup)*POLICY_STEPS_MAX + (step))
/* What the step's `run` said on that node (policy_result.more), for its `undo` and for another run.
 * Copied. NULL: nothing. BATON_NOMEM */
enum baton_err policy_remember(
    struct policy *policy, int step_index, int node, const char *memo, struct baton_error *error);

/* ---- Tasks ------------------------------------------------------------------------ */

enum policy_entry {
    POLICY_PROBE = 0, /* index: probe; scripted probes only */
    POLICY_SERVING,   /* index: 0. Does the node serve? outcome OK: yes, FAIL: no */
    POLICY_STOP,      /* index: action in the list */
    POLICY_START,
    POLICY_FENCE,
    POLICY_VERIFY,
    POLICY_REMEDY,
    POLICY_UNDO,      /* index: of the start action that is undone */
    POLICY_CHECK,     /* node: any where it is POLICY_ON_GROUP; OK: so it is */
    POLICY_COLUMN,    /* likewise; `detail` is what stands in the cell */
    POLICY_STEP_LOOK, /* index: POLICY_STEP_INDEX. OK: it is done already */
    POLICY_STEP_PLAN, /* `more`: what would change, one thing a line */
    POLICY_STEP_RUN,  /* `more`: what its undo needs */
    POLICY_STEP_UNDO,
};

struct policy_result {
    enum group_outcome outcome; /* UNKNOWN: it could not be found out */
    bool broken;   /* the script broke a rule, not the world: hold the group. `detail` has
                      file, line and traceback */
    bool shadowed; /* it ended (GROUP_UNKNOWN) at a request that a shadow world did not make;
                      `detail` says which */
    int64_t latency_us;
    double value;
    const char *detail; /* never NULL; valid during the call */
    const char *more;   /* CHECK: what to do; STEP_PLAN, STEP_RUN: see there; else NULL */
};

typedef void policy_done_fn(void *arg, const struct policy_result *result);

/* Start a task for `node`. It ends by `done`, once, never from within policy_run, at
 * the latest at `deadline_ms` (absolute) with GROUP_UNKNOWN for probes and looks and
 * GROUP_FAIL for actions ("no end within 10 s"). NULL with an error where it can't be
 * started (too many tasks, no memory). */
struct policy_task *policy_run(
    struct policy *policy, enum policy_entry entry, int index, int node, int64_t deadline_ms,
    policy_done_fn *done, void *arg, struct baton_error *error);

/* Stop a task: its requests are cancelled, `done` is not called. */
void policy_cancel(struct policy_task *task);

/* The request of a probe that is not scripted, for one node: the probe's template with
 * host and group filled in. Strings are borrowed from policy and site. */
struct world_request policy_probe_request(const struct policy *policy, int probe, int node);

/* What an action declares that it changes ("service:postfix.start"), NULL where it doesn't
 * say. `entry` is one of POLICY_STOP to POLICY_REMEDY; borrowed from the policy. */
const char *policy_effect(const struct policy *policy, enum policy_entry entry, int index);

/* Figures for `baton status` and metrics. */
struct policy_usage {
    size_t memory, memory_max;     /* bytes now, cap */
    int64_t entries, instructions; /* since the start; instructions in whole hook counts */
    int tasks;
};
struct policy_usage policy_usage(const struct policy *policy);

#endif
