/* A scenario: what happens to a simulated world, and what must hold.
 *
 * It is a Lua file that reads like a story; it is run once, in a closed environment with an
 * instruction budget, and what it returns is read into C. After that no Lua of it runs.
 * Every mistake is an error with file and line: an unknown word, node or expectation, a
 * time before the one above it, an end that never comes.
 *
 *     return scenario "the primary dies at lunch" {
 *       set { unconfirmed = "fence" },        -- over the configuration's <set>
 *       serving { "server01" },               -- at the start; {} for none; two are allowed
 *       at(60,  crash "server01"),
 *       at(step("start postfix", { on = "server02" }), kill_daemon { restart = 5 }),
 *       at(300, recover "server01"),
 *       expect.active("server02", { from = 75, to = 880 }),
 *       expect.outage { at_most = 12 },
 *       expect.never "two nodes serve",
 *       ends(900),
 *     }
 */
#ifndef BATON_SCENARIO_SCENARIO_H
#define BATON_SCENARIO_SCENARIO_H

#include "base/error.h"
#include "fsm/fsm.h"
#include "group/group.h"
#include "policy/policy.h"
#include "world/sim/sim.h"

#define SCENARIO_EVENTS_MAX  256
#define SCENARIO_EXPECTS_MAX 128
#define SCENARIO_SETS_MAX    32
#define SCENARIO_END_MAX_MS  (10 * 366 * 24 * 3600 * INT64_C(1000))
#define SCENARIO_TAIL_MS     60000 /* after the last thing named, without `ends` */

enum scenario_deed_kind {
    SCENARIO_FAULT = 0,
    SCENARIO_KILL,    /* kill_daemon { restart = 5, records = "kept" }: kill -9 */
    SCENARIO_START,   /* start_daemon() */
    SCENARIO_COMMAND, /* failover { to =, force =, reason = }, failback(), pause { reason = },
                         resume(), confirm_out("server01", { reason = }) */
};

struct scenario_deed {
    enum scenario_deed_kind kind;
    struct sim_fault fault; /* FAULT */
    int64_t restart_ms;     /* KILL: so long after; -1: not by itself */
    bool keep_records;      /* KILL: what was not acknowledged yet is in the journal */
    enum group_command command;
    int at;   /* KILL, START, COMMAND: among peers the node of that Baton; GROUP_NOBODY: any that
                 runs */
    int node; /* COMMAND; or GROUP_NOBODY */
    bool force;
    char reason[GROUP_TEXT_MAX];
};

enum scenario_when_kind {
    SCENARIO_AT = 0,
    SCENARIO_STEP_BEGINS, /* step("start postfix", { on = "server02", nth = 2, after = 0.5 }) */
    SCENARIO_STEP_ENDS,   /* … { ends = true } */
};

struct scenario_event {
    int line;
    enum scenario_when_kind when;
    int64_t at_ms;             /* AT; else how long after the step */
    char step[GROUP_NAME_MAX]; /* as the timeline names it: "stop postfix", "grant", "look"; or
                                  only its kind, "stop", or only its action's name */
    int step_node;             /* or GROUP_NOBODY: any */
    int nth;                   /* 1: the first */
    struct scenario_deed deed;
};

enum scenario_expect_kind {
    SCENARIO_EXPECT_STATE = 0, /* expect.active("n", {…}), expect.standby …: one a state */
    SCENARIO_EXPECT_HOLDER,    /* expect.holder("n" or "nobody", {…}) */
    SCENARIO_EXPECT_SERVES,    /* expect.serves("n" or "nobody", {…}): it and no other,
                                  in truth */
    SCENARIO_EXPECT_HOLD,      /* expect.hold("unconfirmed" …, "none" or "any", {…}) */
    SCENARIO_EXPECT_OUTAGE,    /* expect.outage { at_most = 12[, from =, to =] }: the longest */
    SCENARIO_EXPECT_MOVES,     /* expect.moves { exactly = 1 } or at_most, at_least: grants that
                                  moved the baton to another node, after start-up */
    SCENARIO_EXPECT_NEVER,     /* expect.never "two nodes serve", "nobody serves", "a move",
                                  "a failover", "a failback", "a failed move", "a fence", "a hold",
                                  "a command" */
    SCENARIO_EXPECT_SAID,      /* expect.said("text"[, {from,to,by}]): part of a timeline line; or
                                  { "one", "two" }: parts of lines, in this order */
    SCENARIO_EXPECT_NOT_SAID,  /* expect.not_said("text"[, {from,to}]) */
};

enum scenario_never {
    SCENARIO_NEVER_TWO_SERVE = 0,
    SCENARIO_NEVER_NOBODY, /* after somebody served once */
    SCENARIO_NEVER_MOVE,
    SCENARIO_NEVER_FAILOVER,
    SCENARIO_NEVER_FAILBACK,
    SCENARIO_NEVER_FAILED, /* a move that was undone after the grant */
    SCENARIO_NEVER_FENCE,
    SCENARIO_NEVER_HOLD,
    SCENARIO_NEVER_COMMAND, /* that changes something */
};
#define SCENARIO_NEVERS 9
extern const char *const scenario_never[SCENARIO_NEVERS]; /* "two nodes serve" … */

#define SCENARIO_HOLD_ANY (-1) /* any but none */

/* Spans in seconds: { from =, to = } all the time in between; { by = } at some time until
 * then; { at = } at that time; none: at the end. */
struct scenario_expect {
    int line;
    enum scenario_expect_kind kind;
    enum fsm_state state;
    int node; /* or GROUP_NOBODY */
    int hold; /* enum group_hold, or SCENARIO_HOLD_ANY */
    enum scenario_never never;
    int64_t from_ms, to_ms, by_ms; /* -1: not given; `at` is from = to */
    int64_t at_most_ms;
    int least, most;           /* MOVES; -1: no bound */
    char text[GROUP_TEXT_MAX]; /* NEVER: which; SAID: texts in order, each on a line */
};

struct scenario {
    char *file, *name;
    int line; /* of `scenario` */
    int n_sets;
    char *set_name[SCENARIO_SETS_MAX], *set_value[SCENARIO_SETS_MAX];
    int set_line[SCENARIO_SETS_MAX];
    bool serving_given;
    bool serves[GROUP_NODES_MAX]; /* at the start; without `serving` the first node */
    int n_events;
    struct scenario_event event[SCENARIO_EVENTS_MAX];
    int n_expects;
    struct scenario_expect expect[SCENARIO_EXPECTS_MAX];
    int64_t end_ms;
};

/* Read a scenario's text for the nodes of `site`. `file` is for messages. BATON_INVALID or
 * BATON_LIMIT with "file:line: what; what there is". */
enum baton_err scenario_read(
    const char *file, const char *text, size_t len, const struct policy_site *site,
    struct scenario **out, struct baton_error *error);
void scenario_free(struct scenario *scenario);

/* What a scenario file may say, for the manual and completion: names of faults come from
 * sim_fault_row; these are the others. NULL-terminated. */
const char *const *scenario_words(void);

/* A time in seconds, as short as it is exact: "60.25", and "60.25 s". Returns `text`, which
 * has room for SCENARIO_TIME_MAX bytes. */
#define SCENARIO_TIME_MAX 32
const char *scenario_number(int64_t ms, char *text);
const char *scenario_time(int64_t ms, char *text);

/* Names of the places that are no node: "controller", "client", "gateway", "share", "store". */
extern const char *const scenario_place_name[SIM_NODE];

#endif
