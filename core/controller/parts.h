/* What the files of core/controller know of one another; nobody else includes it.
 *
 *   controller.c  life, commands, reload, the one way of an event into the group
 *   schedule.c    probes and looks: when, and what came of them
 *   judge.c       the policy's verdicts, remedies and wishes
 *   act.c         the group's effects carried out: steps, notices
 *   ledger.c      records on their way to the journal, in order, none lost
 *   bell.c        hooks of notices, one after another
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

struct controller {
    struct group *group;
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

#endif
