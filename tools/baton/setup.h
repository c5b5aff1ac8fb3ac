/* `baton init` and `baton migrate`: the steps of a policy, run by a person, without a daemon.
 *
 * setup.c loads, asks and says what comes next; setup_run.c goes from step to step; what has been
 * done is in a record (setup_record.c), so that a run that was stopped goes on where it was and
 * --undo knows what to take back; setup_world.c lets long copies show how far they are;
 * setup_tell.c has the words, setup_undo.c the way back.
 *
 * What a step does is the policy's, and reached through the world as ever. A dry run goes through
 * a shadow world: whatever a plan asks for, nothing that acts is made.
 */
#ifndef BATON_TOOLS_SETUP_H
#define BATON_TOOLS_SETUP_H

#include "baton.h"
#include "progress.h"

#include "config/config.h"
#include "policy/policy.h"
#include "world/world.h"

struct event;
struct event_base;

/* ---- setup_record.c: what has been done ------------------------------------------------- */

enum record_state {
    RECORD_NONE = 0,
    RECORD_RUNNING, /* it was begun: whether it ended nobody knows */
    RECORD_DONE,
    RECORD_ALREADY, /* it was so before: nothing of ours to take back */
    RECORD_FAILED,
    RECORD_WAITS, /* for a person */
    RECORD_SKIPPED,
    RECORD_UNDONE,
};

/* One file, STATE/setup/GROUP-init.json, that is written anew and synced before and after each
 * step. Nobody but its owner may read it. */
struct record;

/* Reads what is there, and keeps others out while it is open (also those of other groups: they
 * might share nodes), but where it is `only_look`ed at: then nothing is made, and nothing may be
 * put. BATON_REFUSED: another one runs. BATON_INVALID: it can't be understood. */
enum baton_err record_open(
    const char *directory, const char *group, const char *setup, bool only_look,
    struct record **out, struct baton_error *error);
void record_close(struct record *record);
const char *record_file(const struct record *record);

enum record_state record_state(const struct record *record, const char *step, const char *node);
/* What its `run` said for its undo; NULL: nothing. Valid until the next record_put. */
const char *record_memo(const struct record *record, const char *step, const char *node);
/* When it was written, RFC 3339; "" where it was not. */
const char *record_time(const struct record *record, const char *step, const char *node);
/* Write it down, durably. `memo` NULL: what was there stays. */
enum baton_err record_put(
    struct record *record, const char *step, const char *node, enum record_state state,
    const char *memo, const char *detail, struct baton_error *error);

/* Was there any step? Are all that were begun undone again? */
bool record_is_empty(const struct record *record);
/* The steps in the order in which they were begun. */
int record_count(const struct record *record);
void record_at(const struct record *record, int index, const char **step, const char **node);
/* Put the file aside, as GROUP-init.WORD.json: the next run begins anew. */
enum baton_err record_retire(struct record *record, const char *word, struct baton_error *error);

/* ---- setup_world.c: the live world, listened to ------------------------------------------ */

/* A copy is under way, has come on, or has ended (`progress` NULL). */
typedef void watch_fn(void *arg, const char *node, const struct progress *progress);

/* `behind` is borrowed. NULL: no memory. */
struct world *watch_new(struct world *behind, watch_fn *told, void *arg);
void watch_free(struct world *world);

/* ---- the run ------------------------------------------------------------------------------ */

struct setup_unit { /* one step on one node */
    const struct policy_step *step;
    int index;        /* POLICY_STEP_INDEX */
    int node;         /* the first, where the step is for the group */
    const char *on;   /* the node's name; "" for the group */
    int number;       /* from 1 */
    int64_t began_ms; /* of the monotonic clock */
    char copied[128]; /* what a copy came to */
    bool planned;     /* a dry run found that it would run */
};

struct setup_end {       /* of a task; texts are malloc'd */
    bool ended, stopped; /* stopped: by the person, before it ended */
    enum group_outcome outcome;
    bool broken, shadowed;
    char *detail, *more;
};

struct setup {
    const struct args *args;
    enum policy_setup which;
    const char *name; /* "init", "migrate" */
    struct config *config;
    const struct config_group *group;
    struct policy_site site;
    struct policy *policy;
    struct group *state; /* the policy wants one to look at */
    struct event_base *base;
    struct event *signals[2];
    struct world *live, *shadow, *world;
    struct record *record;
    char folder[64]; /* of a dry run, for what ssh and Kerberos keep; "": none */
    int n_units;
    struct setup_unit *unit;
    struct event *tick;
    struct setup_unit *now; /* the one that is under way */
    bool stopped;           /* by a signal */
    int done, already;      /* in this run */
    /* setup_tell.c */
    const struct progress *shown; /* of the copy that is under way; NULL: none is */
    const char *shown_node;
    int told_percent;
    int64_t drawn_ms;
};

/* setup.c: may it act: does no daemon control the group, or is it paused? */
enum baton_err setup_may_act(const struct setup *setup, struct baton_error *error);

/* Let the step have what its run said on that node, if it did. False: BATON_NOMEM. */
bool setup_remember(struct setup *setup, struct setup_unit *unit, struct baton_error *error);

/* setup_run.c. Exit codes. */
int setup_run(struct setup *setup);
int setup_dry_run(struct setup *setup);
/* Run one task to its end. `end` is the caller's, for setup_end_fini. */
void setup_task(
    struct setup *setup, struct setup_unit *unit, enum policy_entry entry, struct setup_end *end);
void setup_end_fini(struct setup_end *end);

/* setup_undo.c. */
int setup_undo(struct setup *setup);

/* setup_ask.c: a line that a person types, without its end, in `line`. False: none, or stopped. */
bool setup_ask(struct setup *setup, const char *question, char *line, size_t size);
bool setup_can_ask(const struct setup *setup);

/* ---- setup_tell.c: words, or one JSON object a line ------------------------------------- */

int64_t tell_now_ms(void);
/* JSON of a text of any bytes: what is no UTF-8 becomes "?". */
json_t *tell_text(const char *text);
/* What is about to run: on a terminal only, where its end takes the line's place. */
void tell_begin(struct setup *setup, const struct setup_unit *unit);
/* `outcome`: "done", "already", "before" (done in an earlier run), "failed", "unknown", "waits",
 * "skipped", "undone", "stays", "plan", "stopped". `more`: lines to stand below it; NULL: none. */
void tell_end(
    struct setup *setup, const struct setup_unit *unit, const char *outcome, const char *detail,
    const char *more);
void tell_progress(void *arg, const char *node, const struct progress *progress);
void tell_tick(struct setup *setup); /* each second: also of a copy that stands still */
/* A sentence of the run itself; with --json nothing. */
void tell(const struct setup *setup, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The last line: with --json an object. Returns `code`. */
int tell_last(struct setup *setup, int code, const char *word, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
