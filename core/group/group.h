/* A group: one service that must run on exactly one of several nodes.
 *
 * `group_step` takes one event with the time in it, changes the group and fills a list
 * of effects. It makes no system call, reads no clock and keeps no pointer that it was
 * given. C decides here what is legal: who may hold the baton, in which order a handover
 * goes, what counts as confirmed out. When a move is wise is the policy's business; its
 * wishes come in as GROUP_EV_PROPOSE and are carried out or refused with a reason.
 *
 * The order of a handover: stop the old holder, confirm every other node out (by a
 * fresh look, or a fence that reports success), grant the baton with the next epoch,
 * start on the taker, verify through the floating address. Each step is in the journal
 * before it runs and after it ended: a step waits in GROUP_STEP_RECORDING until
 * GROUP_EV_RECORDED has acknowledged its record.
 *
 * After each step all invariants of the design are checked (group_check.c). A broken
 * one freezes the group: what runs goes on running, nothing moves any more.
 *
 * A group in shadow watches a service that something else moves. It decides as ever, but a
 * decision ends at its first step that would change anything, is told once, and nothing is
 * granted or started. Whoever is seen serving is the holder (shadow.c).
 *
 * With a lease store there is a Baton on every node (`peers`), and each has a group of its own
 * that acts on its own node only (peer.c). Who holds the baton is what the store says; a grant
 * is a transaction there, asked for by a step. Of the other nodes a group knows what their own
 * Batons publish, and takes it as it is. That another node is out follows from the store:
 * whoever does not hold the baton has stopped before he could lose it.
 *
 *   the baton is free       the best fit node takes it:       grant start… verify
 *   the holder gives it up  in one transaction, to another:   [ask] stop… look grant
 *   it was passed to us     that is a grant already:          start… verify
 *   a start failed          undone, and given up:             undo… stop… look release
 *   not proven any more     at `stop_at_ms`, whatever else:   stop… look, without the baton
 *
 * With `marks` the nodes remember the last epoch that anybody granted (marks.c). A controller that
 * finds a newer one there, or its own epoch with another token, is a second one or has an old copy
 * of its state: its group holds until an operator says that it is the right one.
 *
 * Ownership: a group owns all its memory, allocated in group_new; group_step never
 * allocates. The fields of the structs here may be read by anyone who has the group and
 * are written in core/group only.
 */
#ifndef BATON_GROUP_GROUP_H
#define BATON_GROUP_GROUP_H

#include "base/error.h"
#include "fsm/fsm.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GROUP_NODES_MAX     16
#define GROUP_PROBES_MAX    32
#define GROUP_ACTIONS_MAX   16 /* in one list of a policy */
#define GROUP_NAME_MAX      64
#define GROUP_TEXT_MAX      256
#define GROUP_MOVES_MAX     32
#define GROUP_EFFECTS_MAX   128
#define GROUP_WINDOW_MAX_MS (24 * 3600 * INT64_C(1000)) /* what a restart remembers */
#define GROUP_NOBODY        (-1)
#define GROUP_STRANGER      (-2) /* peers: the baton names a node that is not in our configuration */
#define GROUP_NEVER_MS      INT64_MAX

/* ---- What the policy and the configuration lay down ------------------------------ */

/* On which nodes a probe is made. On the others it rests: it has no outcome and no part
 * in the node's fitness. */
enum group_probe_on {
    GROUP_ON_ALL = 0,
    GROUP_ON_HOLDER, /* the node that holds the baton, or is being started with it */
    GROUP_ON_OTHERS, /* all but the holder */
};

struct group_probe_rules {
    char name[GROUP_NAME_MAX];
    int rise; /* so many ok in a row make it ok */
    int fall; /* so many fail (or unknown) in a row make it fail (or unknown) */
    enum group_probe_on on;
};

struct group_action_rules {
    char name[GROUP_NAME_MAX];
    int64_t deadline_ms; /* for one attempt */
    int64_t retry_ms;    /* pause between attempts */
    int attempts;        /* at least 1 */
    bool has_undo;       /* start actions only: undone by its own action */
};

struct group_remedy_rules {
    struct group_action_rules action;
    int attempts_max; /* within `within_ms`; then the policy may give the holder up */
    int64_t within_ms;
    bool on_any; /* also on nodes that do not hold the baton */
};

enum group_list { /* the lists of actions in a policy */
    GROUP_LIST_STOP = 0,
    GROUP_LIST_START,
    GROUP_LIST_FENCE,
    GROUP_LIST_VERIFY,
};
#define GROUP_LISTS 4

struct group_list_rules {
    int count;
    struct group_action_rules action[GROUP_ACTIONS_MAX];
};

struct group_rules {
    int n_probes;
    struct group_probe_rules probe[GROUP_PROBES_MAX];
    struct group_list_rules list[GROUP_LISTS];
    int n_remedies;
    struct group_remedy_rules remedy[GROUP_ACTIONS_MAX];
    bool fence_unconfirmed; /* unconfirmed = "fence"; else hold and wait for an operator */
    int max_moves;          /* unplanned handovers within window_ms; then hold */
    int64_t window_ms;
    int64_t settle_ms;        /* after start-up, before anything is started */
    int64_t look_deadline_ms; /* for one fresh look at whether a node serves */
    int look_fall;            /* so many looks in a row before a holder "does not serve" */
};

struct group_node_rules {
    char name[GROUP_NAME_MAX];
    int priority; /* 1 = preferred primary */
};

/* What the journal remembers of a group; zeroed with holder = GROUP_NOBODY where it
 * remembers nothing. */
struct group_memory {
    bool known;     /* there is a record at all */
    int64_t epoch;  /* the highest ever granted … */
    uint64_t token; /* … and what was drawn for that grant; 0: not known */
    int holder;     /* node index, or GROUP_NOBODY */
    bool paused;
    bool open; /* a handover was under way */
    int64_t open_id;
    int open_kind; /* enum group_plan_kind */
    int open_taker;
    bool open_granted; /* … and its baton had been granted */
    int64_t plan_id_max;
    int64_t seq_max; /* highest record number */
    int n_moves;
    int64_t moves_ago_ms[GROUP_MOVES_MAX]; /* age of each recent unplanned handover */
};

struct group_setup {
    const char *name;
    int n_nodes;
    struct group_node_rules node[GROUP_NODES_MAX];
    const struct group_rules *rules; /* copied */
    struct group_memory memory;
    int64_t now_ms;
    bool shadow;          /* takes no action: something else moves the service */
    bool marks;           /* the nodes remember the last epoch: see marks.c */
    uint64_t token;       /* marks: drawn at random, stands beside every epoch that is granted */
    bool peers;           /* a Baton on every node … */
    int self;             /* … and this one is that node's */
    int64_t candidate_ms; /* peers: how long a node leaves a free baton to each one before it */
    int64_t forgot_ms;    /* peers: for so long after the start no free baton is taken, because a
                             promise may be forgotten: one ttl with failsafe, else 0 */
};

/* ---- What a group is --------------------------------------------------------------- */

enum group_outcome {
    GROUP_UNKNOWN = 0,
    GROUP_OK,
    GROUP_FAIL
}; /* of one observation */
enum group_answer {
    GROUP_UNSURE = 0,
    GROUP_YES,
    GROUP_NO
}; /* of a verdict or look */

struct group_health {          /* one probe on one node */
    enum group_outcome status; /* after rise and fall; GROUP_UNKNOWN at first */
    enum group_outcome last;   /* the last observation */
    bool resting;              /* not asked on this node now */
    int run;                   /* length of the run of `last` */
    int64_t since_ms;          /* `status` holds since then */
    int64_t seen_ms;           /* time of the last observation; 0 before the first */
    int64_t latency_us;        /* of the last observation */
    double value;              /* what it measured, if it measures (clock offset, …) */
    char detail[GROUP_TEXT_MAX / 2];
};

struct group_node {
    char name[GROUP_NAME_MAX];
    int priority;
    enum fsm_state state;
    int64_t state_since_ms;
    char state_why[GROUP_TEXT_MAX];
    enum group_answer verdict; /* the policy's last word; GROUP_UNSURE rests on an unknown */
    char verdict_why[GROUP_TEXT_MAX];
    enum group_answer fit; /* the verdict; but a holder that does not serve is not fit */
    int64_t fit_since_ms;
    char fit_why[GROUP_TEXT_MAX];
    enum group_answer serving; /* last look, not debounced */
    int serving_run;
    int64_t serving_seen_ms, serving_since_ms; /* looked at last; said the same since then */
    char serving_why[GROUP_TEXT_MAX / 2];
    bool out;                    /* confirmed out, and nobody started anything there since */
    bool may_serve;              /* it was seen serving, and not stopped since */
    int64_t role_ms;             /* looks that began before this moment say nothing any more: its
                                  * role changed then, or the last look began */
    bool rogue_told;             /* said once that it serves without the baton */
    bool restore_owed;           /* a cancelled handover stopped it: start it again */
    int restore_tries;           /* since it was last seen serving */
    int64_t retry_after_ms;      /* no other restore or eviction of it before */
    int start_fails;             /* moves to it in a row that failed after the grant */
    int64_t start_rest_ms;       /* … and no policy moves there before */
    struct group_health *health; /* [rules.n_probes] */
    int remedy_tries[GROUP_ACTIONS_MAX];
    int64_t remedy_first_ms[GROUP_ACTIONS_MAX];
    unsigned would_plans, would_remedies;       /* shadow: told of it, and all is as it was then */
    enum group_answer would_fit, would_serving; /* … the last of each that was sure */
};

enum group_plan_kind {
    GROUP_PLAN_NONE = 0,
    GROUP_PLAN_FAILOVER, /* the holder failed, or there is none */
    GROUP_PLAN_FAILBACK, /* from a healthy holder to a preferred node */
    GROUP_PLAN_MOVE,     /* an operator moves it from a healthy holder to any fit node */
    GROUP_PLAN_RESTORE,  /* the holder does not serve: start it again where it is */
    GROUP_PLAN_REMEDY,   /* one remedy on one node */
    GROUP_PLAN_EVICT,    /* stop a node that serves without the baton */
    GROUP_PLAN_START,    /* start-up: nobody serves, the preferred fit node does from now on */
};

enum group_step_kind {
    GROUP_STEP_ASK = 0, /* hooks that may veto a planned move */
    GROUP_STEP_STOP,
    GROUP_STEP_LOOK, /* does it serve? GROUP_NO confirms it out */
    GROUP_STEP_FENCE,
    GROUP_STEP_GRANT,
    GROUP_STEP_START,
    GROUP_STEP_VERIFY,
    GROUP_STEP_UNDO,
    GROUP_STEP_REMEDY,
    GROUP_STEP_RELEASE, /* peers: give the baton back to the store */
};

enum group_step_status {
    GROUP_STEP_PENDING = 0,
    GROUP_STEP_RECORDING, /* waits until the journal has it */
    GROUP_STEP_RUNNING,
    GROUP_STEP_RESTING, /* between two attempts */
    GROUP_STEP_DONE,
    GROUP_STEP_FAILED,
    GROUP_STEP_SKIPPED,
};

struct group_step_state {
    enum group_step_kind kind;
    enum group_step_status status;
    int node;
    int action; /* index in its list; for REMEDY in rules.remedy */
    int attempt;
    bool unasked;       /* the node could not even be asked to stop */
    int64_t record_seq; /* its begin record */
    int64_t began_ms, ended_ms, due_ms;
    char detail[GROUP_TEXT_MAX];
};

struct group_plan {
    enum group_plan_kind kind; /* GROUP_PLAN_NONE: this slot is free */
    int64_t id;
    int64_t epoch;   /* under which its steps run; the next one after the grant */
    int from, taker; /* GROUP_NOBODY where there is none */
    bool granted, undoing;
    bool by_operator;
    int step, n_steps; /* current, count */
    int64_t began_ms;
    char why[GROUP_TEXT_MAX];
    struct group_step_state *steps; /* [group.steps_max] */
};

enum group_hold { /* why the group makes no move; an operator's resume clears any */
    GROUP_HOLD_NONE = 0,
    GROUP_HOLD_TWO_SERVE,   /* start-up: two serve and no record says who may */
    GROUP_HOLD_UNCONFIRMED, /* a node can't be confirmed out */
    GROUP_HOLD_MOVES,       /* too many moves in the window */
    GROUP_HOLD_POLICY,      /* the policy broke a rule or a cap */
    GROUP_HOLD_JOURNAL,     /* the journal can't be written */
    GROUP_HOLD_FROZEN,      /* a broken invariant: a bug */
    GROUP_HOLD_EPOCH,       /* a higher epoch than ours was seen, or the store's went back: another
                               controller grants, or this one's state is an old copy */
};

enum group_phase {
    GROUP_SETTLING = 0,
    GROUP_RUNNING
};

#define GROUP_PLANS 2 /* 0: handover, restore, remedy; 1: evict */

/* What a group in shadow would have done last. */
struct group_would {
    enum group_plan_kind kind; /* GROUP_PLAN_NONE: nothing yet */
    int from, taker;           /* GROUP_NOBODY where there is none */
    int64_t at_ms;             /* when it was decided */
    char why[GROUP_TEXT_MAX];
    char text[GROUP_TEXT_MAX]; /* "would have failed over from server01 to server02, …" */
    char end[GROUP_TEXT_MAX];  /* the step at which it ended, and what that would have run */
    int holder;                /* when anything was told last */
};

/* What a group among peers knows of its baton in the lease store. */
struct group_peers {
    int self;
    int64_t candidate_ms;
    bool told;          /* the store has said something since the start */
    int holder;         /* what it said last: a node, GROUP_NOBODY or GROUP_STRANGER */
    bool mine;          /* bound to our own lease */
    int64_t epoch;      /* of the last grant that it told of */
    int64_t granted_at; /* the store's revision of that grant */
    bool passed;        /* … which was made by the holder before */
    enum group_plan_kind how;
    char why[GROUP_TEXT_MAX];
    int64_t word_ms; /* when it said so */
    int64_t free_since_ms;
    bool was_held;          /* somebody held it since our start */
    int64_t stop_at_ms;     /* from then on we must not serve; 0: not proven at all */
    bool failsafe;          /* proven by the other nodes, not by the store */
    int64_t lease_ms;       /* our lease in the store stands until then; 0: it is gone */
    int64_t vouched_ms;     /* … or the others, or the guardian, vouch for us until then */
    bool proof_told;        /* something of this was said since the start */
    int64_t promised_ms;    /* the baton is not taken before: promised to the holder … */
    int64_t promised_epoch; /* … who had it with this epoch */
    int64_t forgot_ms;      /* nor before: a promise may be forgotten */
    int64_t least_epoch;    /* the store's epoch was this already: it does not go back */
    int64_t gone_epoch;     /* our batons up to this one are over for certain */
    int64_t given_epoch;    /* … up to this one we wanted to give away: never start with it */
    int64_t had_epoch;      /* what it was granted for is done: with this one we have served */
    int64_t tried_epoch;    /* we asked for this one and do not know what came of it */
    int64_t void_plan;      /* the lease went while this plan's grant was asked for */
    int64_t retry_ms;       /* the store is not asked for anything before … */
    bool refused;           /* … because it, or the guardian, said no; else it said nothing */
    bool evict_owed;        /* lost while it served or was being started */
    bool alive[GROUP_NODES_MAX]; /* it publishes */
    bool rests[GROUP_NODES_MAX]; /* starts there failed a moment ago */
    int hold[GROUP_NODES_MAX];   /* enum group_hold of its Baton */
};

struct group {
    char name[GROUP_NAME_MAX];
    struct group_rules rules;
    int n_nodes;
    struct group_node *node; /* [n_nodes], in order of priority, then of configuration */
    enum group_phase phase;
    int64_t now_ms, born_ms;
    int holder;    /* node index, or GROUP_NOBODY */
    int64_t epoch; /* of the last grant; 0 before the first */
    bool paused;
    char paused_why[GROUP_TEXT_MAX];
    enum group_hold hold;
    char hold_why[GROUP_TEXT_MAX];
    int64_t hold_since_ms;
    int hold_node;                  /* UNCONFIRMED: the one that can't be confirmed out */
    enum group_answer hold_serving; /* … and what was seen of it then */
    int forced;                     /* put there by force although not fit; or GROUP_NOBODY */
    uint32_t forced_failed;         /* … the probes that had failed there then, a bit each */
    int64_t rest_until_ms;          /* no failback before: the last planned move came to nothing */
    struct group_plan plan[GROUP_PLANS];
    int steps_max;
    int64_t plan_id, seq, recorded_seq;
    int n_moves;
    int64_t move_ms[GROUP_MOVES_MAX]; /* times of recent unplanned handovers */
    struct group_memory memory;
    int64_t checked_epoch; /* what the check of the invariants saw last */
    bool shadow;
    struct group_would *would; /* in shadow only */
    struct group_peers *peers; /* NULL: one controller acts on all nodes */
    bool marks;
    uint64_t token, own_token;    /* of the last grant, 0: not known; of ours */
    int64_t marked_epoch;         /* the highest that a node is known to remember */
    bool marked[GROUP_NODES_MAX]; /* the node was asked since the start */
};

/* ---- Among peers -------------------------------------------------------------------- */

/* What the keeper of the lease tells a group, and what the group makes of it:
 *
 *   STORE     is told once for every word of the store, in the order of its revisions, read so
 *             that it is not older than the last answer of the store; and again where only `mine`
 *             changed, as when a lease is taken up. A word from before a step of our own ended is
 *             known by its epoch and passed over.
 *   PROVEN    with `failsafe` false speaks of our lease, which gives a right to serve only together
 *             with a baton that is bound to it. 0 says that the lease is gone, and with it the
 *             baton: that one is not ours any more, whatever a late word says. What the others have
 *             vouched for (`failsafe`) stands until its own end, or until the store names another
 *             holder. The first PROVEN before the first STORE is what the guardian still holds.
 *   GRANT     to this node is made as WORLD_LEASE_ACQUIRE, to another one as WORLD_LEASE_PASS, each
 *             with the epoch of the plan + 1; RELEASE with the epoch of the plan. FAIL means that
 *             it was not done and will not be; whoever does not know that says UNKNOWN.
 *
 * A node whose Baton asked to pass or release the baton and got no answer starts nothing with that
 * epoch any more, even if the store goes on naming it: the transaction may still arrive. It
 * gives the baton up until the store has confirmed it. */

struct group_member_probe {
    char name[GROUP_NAME_MAX];
    enum group_outcome status, last;
    bool resting;
    int run;
    int64_t latency_us;
    double value;
    char detail[GROUP_TEXT_MAX / 2];
};

/* What the Baton of a node says of it, published by each for the others. */
struct group_member {
    int node; /* index in the group */
    enum fsm_state state;
    enum group_answer serving, fit;
    char state_why[GROUP_TEXT_MAX], fit_why[GROUP_TEXT_MAX], serving_why[GROUP_TEXT_MAX / 2];
    bool rests;      /* starts there failed a moment ago: others go first */
    int hold;        /* enum group_hold of its Baton */
    uint64_t policy; /* digest: all Batons should run the same */
    int n_probes;
    struct group_member_probe probe[GROUP_PROBES_MAX];
};

/* ---- In: events ---------------------------------------------------------------------- */

enum group_event_kind {
    GROUP_EV_TICK = 0,   /* time has come that group_wake_ms named */
    GROUP_EV_OBSERVED,   /* a probe ended */
    GROUP_EV_LOOKED,     /* somebody looked whether a node serves */
    GROUP_EV_VERDICT,    /* the policy's word on a node's fitness */
    GROUP_EV_PROPOSE,    /* the policy wishes a transition */
    GROUP_EV_REMEDY,     /* the policy wishes a remedy */
    GROUP_EV_RECORDED,   /* the journal has all records up to seq */
    GROUP_EV_UNRECORDED, /* the journal could not be written */
    GROUP_EV_STEP_ENDED,
    GROUP_EV_POLICY_BROKEN, /* the policy can't be trusted: hold */
    GROUP_EV_OPERATOR,
    GROUP_EV_MARKED,    /* what a node remembers of the last epoch that anybody granted */
    GROUP_EV_READINESS, /* what must be so for the group to be ready is not, or is again: noted */
    /* among peers */
    GROUP_EV_STORE,   /* what the lease store says */
    GROUP_EV_PROVEN,  /* our lease was renewed, or the others vouch for us; or it is gone */
    GROUP_EV_MEMBER,  /* what a node's own Baton says of it, or that it says nothing any more */
    GROUP_EV_PROMISE, /* the holder asks us not to take the baton for a while. BATON_OK is the
                         promise; BATON_REFUSED where we serve, hold it or are about to take it */
};

enum group_command {
    GROUP_CMD_FAILOVER = 0, /* to `node` (or GROUP_NOBODY: the best fit one) */
    GROUP_CMD_FAILBACK,     /* to the preferred fit node */
    GROUP_CMD_PAUSE,
    GROUP_CMD_RESUME,      /* ends a pause and clears a hold */
    GROUP_CMD_CONFIRM_OUT, /* the operator vouches that `node` is switched off */
};

/* Which attempt of which step. A completion that names another plan, step, attempt or
 * epoch than the current one is stale: it is dropped and noticed, never believed. */
struct group_step_ref {
    int plan_slot;
    int64_t plan_id;
    int64_t epoch;
    int step;
    int attempt;
};

struct group_event {
    enum group_event_kind kind;
    int64_t now_ms;
    union {
        struct {
            int node, probe;
            enum group_outcome outcome;
            int64_t latency_us;
            double value;
            const char *detail;
        } observed;
        struct {
            int node;
            enum group_answer serving;
            int64_t began_ms; /* when the look began */
            const char *detail;
        } looked;
        struct {
            int node;
            enum group_answer fit;
            const char *why;
        } verdict;
        struct {
            int node;
            enum fsm_event on; /* FSM_PROMOTE or FSM_RECLAIM */
            const char *why;
        } propose;
        struct {
            int node, remedy;
            const char *why;
        } remedy;
        struct {
            int64_t seq;
            const char *why; /* UNRECORDED: what failed */
        } recorded;
        struct {
            struct group_step_ref ref;
            enum group_outcome outcome; /* UNKNOWN: could not be found out */
            bool shadowed;              /* it was not made: `detail` says what it would have run */
            const char *detail;
        } step_ended;
        struct {
            const char *why;
        } policy_broken;
        struct {
            enum group_command command;
            int node;   /* or GROUP_NOBODY */
            bool force; /* move to a node that is not fit */
            const char *by, *reason;
        } operator;
        struct {
            int node;
            enum group_outcome outcome; /* FAIL: it knows of a newer grant, or of another one */
            int64_t asked_epoch;        /* it was asked to remember this one; 0: only asked */
            int64_t epoch;              /* OK, FAIL: it remembers this one */
        } marked;
        struct {
            bool ready;
            int node; /* or GROUP_NOBODY */
            const char *why;
        } readiness;
        struct {
            int64_t epoch, granted_at; /* as in struct lease_word */
            int holder;
            bool mine, passed;
            enum group_plan_kind how;
            const char *why;
        } store;
        struct {
            int64_t stop_at_ms; /* 0: the lease is gone, or was never there */
            bool failsafe;
            const char *why;
        } proven;
        struct {
            int node;
            const struct group_member *member; /* NULL: its lease has run out */
        } member;
        struct {
            int64_t until_ms, epoch;
            int holder;
        } promise;
    } u;
};

/* ---- Out: effects -------------------------------------------------------------------- */

enum group_record_kind { /* what the journal keeps for ever */
    GROUP_REC_TRANSITION = 0,
    GROUP_REC_PLAN_BEGIN,
    GROUP_REC_STEP_BEGIN,
    GROUP_REC_STEP_END,
    GROUP_REC_GRANT,   /* node holds the baton with this epoch */
    GROUP_REC_RELEASE, /* nobody holds it */
    GROUP_REC_PLAN_END,
    GROUP_REC_PAUSE,
    GROUP_REC_RESUME,
    GROUP_REC_HOLD,
    GROUP_REC_NOTE, /* anything else worth knowing at 3 a.m. */
};

struct group_record {
    int64_t seq; /* rises by one in each group */
    enum group_record_kind kind;
    int64_t epoch;
    int64_t plan_id;           /* 0: none */
    int plan_kind;             /* enum group_plan_kind */
    int node;                  /* or GROUP_NOBODY */
    int step, attempt;         /* -1: none */
    int from, to;              /* TRANSITION: states; PLAN_BEGIN: nodes */
    int row;                   /* TRANSITION: the row of the machine */
    int outcome;               /* STEP_END, PLAN_END: enum group_outcome */
    char name[GROUP_NAME_MAX]; /* of the step's action, of the hold … */
    char text[GROUP_TEXT_MAX]; /* why */
};

/* Things an administrator would want to be told. Each is the name of a folder of hooks
 * (`hooks/EVENT.d`) too. */
enum group_notice {
    GROUP_NOTICE_TRANSITION = 0, /* "transition" */
    GROUP_NOTICE_FAILOVER,       /* "failover": begins */
    GROUP_NOTICE_FAILBACK,       /* "failback": begins; also an operator's move */
    GROUP_NOTICE_COMPLETED,      /* "completed": a handover is done and verified */
    GROUP_NOTICE_CANCELLED,      /* "cancelled": ended before the grant */
    GROUP_NOTICE_FAILED,         /* "failed": undone after the grant */
    GROUP_NOTICE_ROGUE,          /* "rogue": a node serves without the baton */
    GROUP_NOTICE_REMEDY,         /* "remedy": a remedy was tried */
    GROUP_NOTICE_HOLD,           /* "hold": no move until somebody decides */
    GROUP_NOTICE_PAUSED,         /* "paused" */
    GROUP_NOTICE_RESUMED,        /* "resumed" */
    GROUP_NOTICE_ADOPTED,        /* "adopted": start-up found the holder */
    GROUP_NOTICE_STALE,          /* "stale": a late completion was dropped */
    GROUP_NOTICE_LEASE,          /* "lease": not proven any more, failsafe, proven again */
    GROUP_NOTICE_UNREADY,        /* "unready": something that a move would need is not so */
    GROUP_NOTICE_READY,          /* "ready": all of it is so again */
    GROUP_NOTICE_SHADOWED,       /* "shadowed": what it would have done. In shadow no hook runs */
};
#define GROUP_NOTICES 16 /* that have hooks */

enum group_effect_kind {
    GROUP_DO_RECORD = 0, /* write it; answer RECORDED or UNRECORDED */
    GROUP_DO_RUN,        /* run this attempt of this step; answer STEP_ENDED */
    GROUP_DO_CANCEL,     /* its deadline passed: stop it; no answer wanted */
    GROUP_DO_NOTICE,     /* log it and run its hooks */
    GROUP_DO_LOOK,       /* look now whether the node serves; answer LOOKED */
};

struct group_effect {
    enum group_effect_kind kind;
    union {
        struct group_record record;
        struct {
            struct group_step_ref ref;
            enum group_step_kind kind;
            int node, action;
            int64_t deadline_ms; /* absolute */
        } run;                   /* also CANCEL */
        struct {
            enum group_notice notice;
            int node; /* or GROUP_NOBODY */
            int row;  /* TRANSITION: the row; else 0 */
            enum fsm_state from, to;
            char text[GROUP_TEXT_MAX];
        } notice;
        struct {
            int node;
        } look;
    } u;
};

struct group_effects {
    int count;
    struct group_effect effect[GROUP_EFFECTS_MAX];
};

/* ---- The calls ----------------------------------------------------------------------- */

/* A group in GROUP_SETTLING with all nodes FSM_UNKNOWN. BATON_INVALID where the set-up
 * can't work (no node, two nodes of one name, no start action …), BATON_NOMEM. */
enum baton_err group_new(
    const struct group_setup *setup, struct group **out, struct baton_error *error);
void group_free(struct group *group);

/* Could a group work by these rules? BATON_INVALID says what is missing or out of range.
 * group_new asks this too; who only checks a policy asks it without a group. */
enum baton_err group_check_rules(const struct group_rules *rules, struct baton_error *error);

/* Let `event` happen. Effects are appended to `*effects` (the caller empties it).
 * BATON_OK, or BATON_REFUSED with the reason where a proposal or a command can't be
 * carried out now: then the group is unchanged but for the time, and there may still be
 * effects of the time that passed. */
enum baton_err group_step(
    struct group *group, const struct group_event *event, struct group_effects *effects,
    struct baton_error *error);

/* When group_step wants a TICK, GROUP_NEVER_MS if never. */
int64_t group_wake_ms(const struct group *group);

/* Other rules (a reloaded policy) for the same nodes. BATON_REFUSED while a plan runs,
 * BATON_NOMEM; health of probes that keep their name is kept. */
enum baton_err group_set_rules(
    struct group *group, const struct group_rules *rules, struct baton_error *error);

/* Would `node` be taken as `event` asks, right now? BATON_OK or BATON_REFUSED with what
 * blocks it. Changes nothing. */
enum baton_err group_may(
    const struct group *group, int node, enum fsm_event event, struct baton_error *error);

/* May `remedy` be tried on `node` now? As group_may; the error says how many tries are
 * left and when. */
enum baton_err group_may_remedy(
    const struct group *group, int node, int remedy, struct baton_error *error);

/* How long a policy can't move to a node after so many moves to it failed in a row: a start
 * that fails for half a minute must not use up `max_moves` in seconds. */
int64_t group_start_rest_ms(int fails);

/* Does a probe rest on a node now (see enum group_probe_on)? */
bool group_probe_rests(const struct group *group, int node, int probe);

/* The action behind a step, NULL for steps without one (ask, look, grant). */
const struct group_action_rules *group_step_action(
    const struct group *group, enum group_step_kind kind, int action);

/* Index of a node by name, GROUP_NOBODY if there is none. */
int group_find_node(const struct group *group, const char *name);

/* The token in a grant's record (its name), 0 where there is none. */
uint64_t group_token(const char *name);

/* Names for logs, JSON and hooks. Never NULL. */
const char *group_node_name(const struct group *group, int node); /* "nobody" */
const char *group_plan_name(enum group_plan_kind kind);
const char *group_step_name(enum group_step_kind kind);
/* What a step does, in words: "stop postfix", "start: add the floating address", "look". Its
 * action's name is not given twice where it says the kind itself. Returns `text`. */
const char *group_step_words(
    const struct group *group, enum group_step_kind kind, int action, char *text, size_t size);
const char *group_step_status_name(enum group_step_status status);
const char *group_outcome_name(enum group_outcome outcome);
const char *group_answer_name(enum group_answer answer);
const char *group_hold_name(enum group_hold hold);
const char *group_notice_name(enum group_notice notice);
const char *group_record_name(enum group_record_kind kind);
const char *group_command_name(enum group_command command);

#endif
