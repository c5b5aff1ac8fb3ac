/* What the files of core/group know of one another; nobody else includes it.
 *
 *   group.c   the calls of group.h: set-up, one step, questions
 *   rules.c   what a policy lays down
 *   node.c    one node: its transitions, verdicts, looks, probes' health
 *   settle.c  start-up: from what is seen and recorded to a holder
 *   watch.c   after start-up: rogues are evicted, a holder that doesn't serve is restored
 *   plan.c    a handover as a list of steps, what follows on each end
 *   compose.c which steps these are
 *   step.c    one step: recorded, run, ended, tried again
 *   hold.c    why no move is made, and until when
 *   may.c     what stands against a move or a remedy, in words
 *   order.c   wishes of the policy and commands of the operator: carried out or refused
 *   forced.c  what an operator chose by force stays there
 *   shadow.c  what a group does that may do nothing: tells, once, and follows
 *   peer.c    among peers: what the store, our lease and the others say
 *   peer_follow.c what follows: the dead man, the free baton, a baton that is ours
 *   peer_step.c   grants and releases in the store
 *   peer_may.c    whose Baton decides
 *   marks.c   what the nodes remember of the last epoch
 *   check.c   the invariants
 *   effects.c filling the list of effects
 */
#ifndef BATON_GROUP_PARTS_H
#define BATON_GROUP_PARTS_H

#include "group/group.h"

#define GROUP_REST_MS           60000  /* after a planned move that came to nothing */
#define GROUP_START_REST_MS     15000  /* after a start that failed; twice as long each time … */
#define GROUP_START_REST_MAX_MS 300000 /* … up to this */
#define GROUP_RESTORE_TRIES     2      /* then it is left to the policy to give the holder up */
#define GROUP_RESTORE_MS        10000  /* between two of them */
#define GROUP_RESTORE_LATER_MS  300000 /* … where the policy did not */
#define GROUP_LEAVE_MS          30000  /* a holder that is seen stopped is left to the policy */
#define GROUP_LATE_MS           500    /* after a deadline, until a step is ended from here */
#define GROUP_LOOK_TRIES        3      /* of a look that still sees it serve, after a stop */
#define GROUP_LOOK_MS           300    /* between them */
#define GROUP_REFUSED_MS        10000  /* the store said no, and nothing new came since */
#define GROUP_UNANSWERED_MS     2000   /* … or did not answer */

/* effects.c */
struct group_record *effects_record(
    struct group *g, struct group_effects *fx, enum group_record_kind kind, const char *text);
void effects_notice(
    struct group_effects *fx, enum group_notice notice, int node, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void effects_transition(
    struct group_effects *fx, int node, const struct fsm_row *row, enum fsm_state from,
    const char *text);
void effects_run(
    struct group_effects *fx, enum group_effect_kind kind, const struct group_step_ref *ref,
    const struct group_step_state *step);
void effects_look(struct group_effects *fx, int node);
void effects_copy(char *to, size_t size, const char *text); /* cut where it is too long */
void effects_text(char *to, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* node.c */
enum baton_err node_transit(
    struct group *g, struct group_effects *fx, int node, enum fsm_event event, unsigned more_facts,
    const char *why, struct baton_error *error);
unsigned node_facts(const struct group *g, int node);
void node_new_role(struct group *g, int node);
void node_forget_failures(struct group *g, int node);
void node_forget_starting(struct group *g, int node);
void node_observed(struct group *g, const struct group_event *ev);
bool node_looked(
    struct group *g, int node, enum group_answer serving, int64_t began_ms, const char *detail);
void node_judge(struct group *g, int node);
bool node_about_to_fail(const struct group *g, int node);
void node_follow(struct group *g, struct group_effects *fx, int node);
bool node_in_plan(const struct group *g, int node);

/* forced.c */
void forced_take(struct group *g, int node);
bool forced_stays(const struct group *g);
void forced_review(struct group *g);

/* settle.c */
void settle_advance(struct group *g, struct group_effects *fx);
void settle_again(struct group *g, struct group_effects *fx, const char *why);
void settle_adopt(struct group *g, struct group_effects *fx, int node, const char *why);
int64_t settle_wake_ms(const struct group *g);

/* watch.c */
void watch_rogues(struct group *g, struct group_effects *fx);
void watch_holder(struct group *g, struct group_effects *fx);
int64_t watch_wake_ms(const struct group *g);

/* rules.c */
enum baton_err rules_make_steps(
    const struct group_rules *rules, int n_nodes, int *steps_max,
    struct group_step_state *steps[GROUP_PLANS]);
void rules_rest_probes(struct group *g);

/* compose.c */
int compose_steps_max(const struct group_rules *rules, int n_nodes);
void compose_step(
    const struct group *g, struct group_plan *plan, enum group_step_kind kind, int node,
    int action);
void compose_stop(const struct group *g, struct group_plan *plan, int node, bool fence);
void compose_start(const struct group *g, struct group_plan *plan, int node);
void compose_handover(const struct group *g, struct group_plan *plan);
void compose_undo(struct group *g, struct group_plan *plan);
struct group_plan *compose_open(
    struct group *g, enum group_plan_kind kind, int node, int64_t id, const char *why);
void compose_record(struct group *g, struct group_effects *fx, const struct group_plan *plan);
void compose_announce(
    const struct group *g, struct group_effects *fx, const struct group_plan *plan);

/* plan.c */
enum baton_err plan_begin(
    struct group *g, struct group_effects *fx, enum group_plan_kind kind, int node, int action,
    const char *why, struct baton_error *error);
void plan_resume(struct group *g, struct group_effects *fx);
void plan_advance(struct group *g, struct group_effects *fx, struct group_plan *plan);
void plan_cancelled(
    struct group *g, struct group_effects *fx, struct group_plan *plan, const char *why);
void plan_step_failed(struct group *g, struct group_effects *fx, struct group_plan *plan);
void plan_close(
    struct group *g, struct group_effects *fx, struct group_plan *plan, enum group_outcome outcome,
    const char *why);
bool plan_is_handover(enum group_plan_kind kind);
bool plan_is_planned(enum group_plan_kind kind);
int plan_not_out(const struct group *g, int taker);
int plan_rival(const struct group *g, const struct group_plan *plan, int node);

/* step.c */
bool step_advance(struct group *g, struct group_effects *fx, struct group_plan *plan);
void step_ended(struct group *g, struct group_effects *fx, const struct group_event *ev);
void step_abandon(
    struct group *g, struct group_effects *fx, struct group_plan *plan, const char *detail);
int64_t step_wake_ms(const struct group_plan *plan);

/* hold.c */
void hold_begin(
    struct group *g, struct group_effects *fx, enum group_hold hold, int node, const char *format,
    ...) __attribute__((format(printf, 5, 6)));
void hold_end(struct group *g, struct group_effects *fx, const char *why);
void hold_review(struct group *g, struct group_effects *fx);
void hold_count_move(struct group *g); /* an unplanned one, now */
int hold_moves_within(const struct group *g, int64_t *frees_ms);

/* may.c */
int may_best(const struct group *g, int except);
enum baton_err may_move(const struct group *g, bool by_operator, struct baton_error *error);

/* order.c */
void order_hold_moves(struct group *g, struct group_effects *fx, int node, const char *why);
enum baton_err order_propose(
    struct group *g, struct group_effects *fx, const struct group_event *ev,
    struct baton_error *error);
enum baton_err order_remedy(
    struct group *g, struct group_effects *fx, const struct group_event *ev,
    struct baton_error *error);
enum baton_err order_operator(
    struct group *g, struct group_effects *fx, const struct group_event *ev,
    struct baton_error *error);

/* shadow.c */
enum baton_err shadow_begin(struct group *g);
void shadow_review(struct group *g);
bool shadow_told(const struct group *g, enum group_plan_kind kind, int node, int action);
void shadow_end(
    struct group *g, struct group_effects *fx, struct group_plan *plan, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
bool shadow_goes_on(const struct group_plan *plan);
void shadow_follow(struct group *g, struct group_effects *fx);
void shadow_forget(struct group *g);

/* peer.c */
enum baton_err peer_begin(
    struct group *g, const struct group_setup *setup, struct baton_error *error);
enum baton_err peer_take(
    struct group *g, const struct group_event *ev, struct group_effects *fx,
    struct baton_error *error);
bool peer_is_self(const struct group *g, int node); /* true where there are no peers */
bool peer_may_serve(const struct group *g);
bool peer_promised(const struct group *g);
int64_t peer_free_ms(const struct group *g);
void peer_weigh(struct group_peers *p);
void peer_count_move(struct group *g, enum group_plan_kind how, bool by_operator);
struct group_record *peer_note_grant(
    struct group *g, struct group_effects *fx, int64_t epoch, int holder, const char *why);
void peer_believe_epoch(struct group *g, struct group_effects *fx);

/* peer_step.c */
bool peer_asks(struct group *g, const struct group_plan *plan);
bool peer_asked(
    struct group *g, struct group_effects *fx, struct group_plan *plan, enum group_outcome outcome);
void peer_begin_granted(
    struct group *g, struct group_effects *fx, enum group_plan_kind kind, const char *why);
void peer_begin_take_up(struct group *g, struct group_effects *fx, const char *why);
void peer_begin_release(struct group *g, struct group_effects *fx, const char *why);

/* peer_follow.c */
void peer_follow(struct group *g, struct group_effects *fx);
int64_t peer_turn_ms(const struct group *g);
int64_t peer_wake_ms(const struct group *g);

/* peer_may.c */
enum baton_err peer_decides(const struct group *g, int node, struct baton_error *error);
enum baton_err peer_can_move(const struct group *g, int node, struct baton_error *error);
enum baton_err peer_may(const struct group *g, int node, struct baton_error *error);

/* marks.c */
void marks_take(struct group *g, struct group_effects *fx, const struct group_event *ev);
void marks_sign(const struct group *g, struct group_record *record);
bool marks_pending(const struct group *g);
void marks_believe(struct group *g, struct group_effects *fx);

/* check.c */
void check_invariants(struct group *g, struct group_effects *fx, int first);

#endif
