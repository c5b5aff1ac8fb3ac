/* What the files of core/controller know of one another; nobody else includes it.
 *
 *   controller.c  life, commands, reload, the one way of an event into the group
 *   schedule.c    probes and looks: when, and what came of them
 *   judge.c       the policy's verdicts, remedies and wishes
 *   act.c         the group's effects carried out: steps, notices
 *   marks.c       what the nodes remember of the last epoch
 *   ledger.c      records on their way to the journal, in order, none lost
 *   bell.c        hooks of notices, one after another
 *   ready.c       the checks of readiness, one after another; readiness.c what they said
 *
 * Among peers, for the one keeper:
 *
 *   keeper.c      its life, and the lease: renewed in time, and what that proves
 *   word.c        what the store says, told to the group
 *   publish.c     what this node's Baton says of it, for the others
 *   guard.c       the guardian: armed while this node may serve
 *   failsafe.c    the other nodes are asked to vouch for this one, and the other way round
 *   grant.c       steps that the store has to take
 *   wish.c        commands that are carried out elsewhere, and those from elsewhere
 */
#ifndef BATON_CONTROLLER_PARTS_H
#define BATON_CONTROLLER_PARTS_H

#include "controller/controller.h"

#define CONTROLLER_RECORDS_MAX 8192 /* on their way to the journal */
#define CONTROLLER_REWRITE_MS  2000 /* after a journal write that failed */
#define CONTROLLER_HOOKS_MAX   64   /* notices whose hooks have not run yet */
#define CONTROLLER_HOOK_MS     60000
#define CONTROLLER_PENDING_MAX 16
#define CONTROLLER_LOOK        (-1) /* "probe" number of a look */

/* One probe on one node, or the look at one node. */
struct schedule_slot {
    struct controller *controller;
    int node, probe;
    uint64_t timer, request;
    struct policy_task *task;
    int64_t due_ms, began_ms;
    bool busy, again;
    bool kept; /* LOOK: kept before, as … */
    enum group_outcome kept_outcome;
    int64_t kept_ms;
};

/* The step of a plan that runs now. */
struct act_step {
    struct controller *controller;
    struct group_step_ref ref;
    enum group_step_kind kind;
    bool busy;
    uint64_t request;
    struct policy_task *task;
};

/* What a write under way comes back to. It outlives a controller that ends first, and then
 * has none. */
struct ledger_ticket {
    struct controller *controller;
    int under_way;
};

struct ledger {
    struct ledger_ticket *ticket;
    struct group_record *record;
    int count, size, writing;
    uint64_t timer; /* of the next try after a failure */
    bool failed;
};

struct bell_ring {
    enum group_notice notice;
    int node, holder;
    int64_t epoch, wall_ms;
    enum fsm_state from, to;
    bool moved; /* from and to mean something */
    char plan[GROUP_NAME_MAX];
    char text[GROUP_TEXT_MAX];
};

struct bell {
    struct bell_ring *ring; /* the first is the one that runs */
    int count, size;
    int64_t dropped;
    uint64_t request; /* of the one that runs; 0: none */
};

/* ---- Among peers ---- */

#define KEEPER_WATCH_MS 60000 /* for one request that waits for news */
#define KEEPER_TELL_MS  60000 /* between two log lines that say the same of a store that is away */
#define KEEPER_SOON_MS  250   /* between two publications of what others act on */
#define KEEPER_HOLD_MAX 3600000 /* nobody is promised anything for longer: the longest ttl */

/* The lease: renewed each `renew_ms`. */
struct keeper_lease {
    uint64_t request, timer;
    int64_t sent_ms;   /* of the renewal under way, or the last one */
    int64_t good_ms;   /* when the last one that succeeded was sent; 0: there was none */
    int64_t silent_ms; /* unanswered since; 0: the last one was answered */
    int64_t told_ms;   /* when the log said so last */
    bool ours;         /* there is one in the store that we know of */
    int64_t answered_ms, renewals, failures; /* for controller_lease */
    char detail[256];                        /* of the last one … */
    bool failed;                             /* … and whether it failed */
};

/* The watch of the store's words. */
struct keeper_word {
    uint64_t request, timer;
    int64_t began_ms, revision; /* of the last word */
    int holder;
    bool told, mine, paused, waits; /* waits: the group is told when the guardian has answered */
    bool silent;
    bool alive[GROUP_NODES_MAX];
    uint64_t member[GROUP_NODES_MAX]; /* digest of what was told of each node last */
    int64_t epoch, granted_at;
    enum group_plan_kind how;
    bool passed;
    char why[GROUP_TEXT_MAX], paused_why[GROUP_TEXT_MAX];
    char left_out[GROUP_TEXT_MAX]; /* what could not be read of the last word, as it was told */
};

struct keeper_publication {
    uint64_t request, timer;
    bool made;
    int64_t made_ms, next_ms, timer_ms;
    struct group_member last; /* as it was published */
};

struct keeper_guard {
    uint64_t request;
    bool asked;        /* the guardian has said at the start what it holds */
    int64_t until_ms;  /* it is armed until then; 0: it is not */
    int64_t wanted_ms; /* … and asked to be until then */
    int64_t next_ms;   /* after a failure: not asked before */
    bool silent;
    char detail[256]; /* of the last failure; "" where there is none */
};

struct keeper_failsafe {
    uint64_t timer, ask[GROUP_NODES_MAX];
    int64_t due_ms, asked_ms;
    int open, no; /* of the asks of this round */
    bool vouched; /* the last round succeeded */
    char why[GROUP_TEXT_MAX];
    uint64_t listen; /* or the answer */
};

/* The step that the store takes now. */
struct keeper_grant {
    struct act_step *step; /* NULL: none */
    bool arming;
};

struct keeper_order { /* ours, carried out by another Baton */
    uint64_t request, timer;
    bool open;
    enum group_command command;
    int64_t id; /* of the wish; 0: not known yet */
    char by[GROUP_NAME_MAX + GROUP_NAME_MAX], reason[GROUP_TEXT_MAX];
};

struct keeper_answer { /* ours, to the wish of another Baton */
    uint64_t request;
    int64_t next_ms, handled; /* handled: the last wish that was dealt with */
    struct lease_answer open; /* id 0: none */
};

struct keeper {
    int self;
    bool guardian, failsafe;
    struct lease_times times;
    struct keeper_lease lease;
    struct keeper_word word;
    struct keeper_publication publication;
    struct keeper_guard guard;
    struct keeper_failsafe safe;
    struct keeper_grant grant;
    struct keeper_order order;
    struct keeper_answer answer;
    struct lease_answer heard; /* the last answer that the store had */
};

#define MARKS_EVERY_MS 30000 /* another controller is noticed so soon where nothing moves */
#define MARKS_MS       2000  /* for one question; what can't be asked in that time says nothing */

/* What the nodes are asked to remember. */
struct marks {
    bool on;
    uint64_t timer, request[GROUP_NODES_MAX];
    int64_t asked_epoch[GROUP_NODES_MAX]; /* by the question under way, or the last one */
    int64_t done_epoch[GROUP_NODES_MAX];  /* it was asked for this one, and did not say no; -1 */
    struct {
        bool waits; /* a step that runs once its node has answered */
        struct group_effect effect;
    } step[GROUP_PLANS];
};

#define READY_START_MS 5000 /* after the start, which is for other things */
#define READY_FIRST_MS 500  /* between two checks, until each was made once */
#define READY_LEAST_MS 200  /* … and later, however many there are */
#define READY_WAIT_MS  5000 /* while a plan runs */
#define READY_AGAIN_MS                                                                             \
    15000 /* what says otherwise than before is asked once more; sooner where all are              \
             made soon */

struct ready {
    struct readiness *checks; /* NULL: none are made */
    int64_t every_ms, drilled_ms;
    readiness_fact_fn *fact;
    void *fact_arg;
    uint64_t timer;
    int next;  /* that is asked next */
    int doubt; /* that said otherwise than before, once; -1: none */
    bool told; /* each was made once, and what they say was told */
    enum group_outcome *believed;
};

struct controller {
    struct marks marks;
    struct ready ready;
    struct group *group;
    struct keeper *keeper; /* NULL: not among peers */
    struct policy *policy;
    struct world *world;
    bool fed;
    controller_news_fn *news;
    void *news_arg;
    int n_slots;
    struct schedule_slot *slot;
    struct act_step step[GROUP_PLANS];
    struct ledger ledger;
    struct bell bell;
    bool taking;                                        /* an event happens to the group now */
    struct group_event pending[CONTROLLER_PENDING_MAX]; /* ends known at once, fed next */
    char pending_text[CONTROLLER_PENDING_MAX][GROUP_TEXT_MAX];
    int n_pending;
    bool settling;
    uint64_t wake; /* timer */
    int64_t wake_ms, again_ms;
    struct controller_why *why; /* [nodes * transitions] */
    int n_why;
};

/* controller.c: let the event happen to the group and carry out its effects; then let what
 * follows from it happen. `feed` is both. */
enum baton_err controller_take(
    struct controller *c, const struct group_event *event, struct baton_error *error);
void controller_settle(struct controller *c);
enum baton_err controller_feed(
    struct controller *c, const struct group_event *event, struct baton_error *error);
struct group_event controller_event(struct controller *c, enum group_event_kind kind);
void controller_tell(struct controller *c, const struct controller_news *news);
void controller_log(
    struct controller *c, enum world_level level, int node, const char *event, const char *format,
    ...) __attribute__((format(printf, 5, 6)));

/* schedule.c */
enum baton_err schedule_start(struct controller *c);
void schedule_stop(struct controller *c);
void schedule_look_now(struct controller *c, int node);

/* judge.c; judge_start makes room for the policy's verdicts, again after a reload */
enum baton_err judge_start(struct controller *c);
void judge(struct controller *c);

/* act.c */
void act_effects(struct controller *c, const struct group_effects *effects);
void act_stop(struct controller *c);
void act_end(struct act_step *step, enum group_outcome outcome, bool shadowed, const char *detail);
/* A step that can't begin: it ends as soon as the group is ready to hear of it. */
void act_fail_soon(
    struct controller *c, const struct group_step_ref *ref, enum group_outcome outcome,
    const char *detail);

void act_run(struct controller *c, const struct group_effect *effect);

/* marks.c */
void marks_begin(struct controller *c);
void marks_review(struct controller *c);
/* True: the step waits until its node was asked whether another controller grants too. */
bool marks_hold(struct controller *c, const struct group_effect *effect);
void marks_forget(struct controller *c, int plan_slot); /* the step is cancelled */
void marks_stop(struct controller *c);

/* ready.c; ready_start after the policy was bound, also after a reload */
void ready_setup(struct controller *c, const struct controller_setup *setup);
enum baton_err ready_start(struct controller *c);
void ready_stop(struct controller *c);
void ready_recorded(struct controller *c, const struct group_record *record);

/* ledger.c */
enum baton_err ledger_start(struct controller *c);
void ledger_add(struct controller *c, const struct group_record *record);
void ledger_write(struct controller *c);
void ledger_stop(struct controller *c);

/* bell.c */
void bell_add(struct controller *c, const struct bell_ring *ring);
void bell_stop(struct controller *c);
int bell_facts(
    struct controller *c, const struct bell_ring *ring, const char *event, struct world_pair *fact,
    char *epoch, size_t epoch_size);
#define BELL_FACTS 10

/* keeper.c; `review` follows up what the group is now, after everything that happened */
enum baton_err keeper_start(struct controller *c, const struct controller_setup *setup);
void keeper_begin(struct controller *c); /* the guardian has said what it holds */
void keeper_review(struct controller *c);
void keeper_stop(struct controller *c);
struct world_request keeper_request(
    const struct controller *c, enum world_kind kind, int64_t timeout_ms);
uint64_t keeper_sleep(struct controller *c, int64_t until_ms, world_done_fn *done);
void keeper_drop(struct controller *c, uint64_t *request);
void keeper_proven(struct controller *c, int64_t stop_at_ms, bool failsafe, const char *why);
bool keeper_shadow(const struct controller *c);
/* "05:31:07 UTC", of a moment of the world's clock. Returns `text`. */
const char *keeper_clock(const struct controller *c, int64_t at_ms, char text[16]);

/* word.c */
void word_watch(struct controller *c);
void word_again(struct controller *c); /* whatever is under way may be older than what we know */
void word_deliver(struct controller *c);
void word_pause(struct controller *c);
void word_stop(struct controller *c);

/* publish.c */
void publish_review(struct controller *c);
void publish_afresh(struct controller *c);
void publish_stop(struct controller *c);

/* guard.c */
void guard_ask(struct controller *c);
void guard_review(struct controller *c);
bool guard_wanted(const struct controller *c); /* there is a guardian to be armed */
bool guard_stands(const struct controller *c);
/* … and what serves here, or may, is stopped by it in time. */
bool guard_stands_for_service(const struct controller *c); /* it is armed, where it has to be */
bool guard_arm(struct controller *c); /* false: there is no proof to arm it with */
void guard_stop(struct controller *c);

/* failsafe.c */
void failsafe_review(struct controller *c);
void failsafe_listen(struct controller *c);
void failsafe_stop(struct controller *c);

/* grant.c */
void grant_run(struct controller *c, struct act_step *step, const struct group_effect *effect);
void grant_armed(struct controller *c, const char *failed);
bool grant_under_way(const struct controller *c);
void grant_cancelled(struct controller *c, const struct act_step *step);

/* wish.c */
enum baton_err wish_command(
    struct controller *c, const struct group_event *event, struct baton_error *error);
void wish_heard(struct controller *c, const struct lease_word *word, bool first);
void wish_review(struct controller *c);
void wish_stop(struct controller *c);

#endif
