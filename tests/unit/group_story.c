#include "group_story.h"

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JOURNAL_AGAIN_MS 2000

void story_say(struct story *s, const char *format, ...)
{
    size_t used = strlen(s->trace);
    va_list args;

    va_start(args, format);
    vsnprintf(s->trace + used, sizeof s->trace - used, format, args);
    va_end(args);
}

static struct group_action_rules action(const char *name, int attempts)
{
    struct group_action_rules a = {.deadline_ms = 10000, .retry_ms = 1000, .attempts = attempts};

    snprintf(a.name, sizeof a.name, "%s", name);
    return a;
}

static void make_rules(struct group_rules *r)
{
    memset(r, 0, sizeof *r);
    r->n_probes = 2;
    r->probe[0] = (struct group_probe_rules){.name = "smtp", .rise = 2, .fall = 3};
    r->probe[1] =
        (struct group_probe_rules){.name = "queue", .rise = 1, .fall = 1, .on = GROUP_ON_HOLDER};
    r->list[GROUP_LIST_STOP].count = 2;
    r->list[GROUP_LIST_STOP].action[0] = action("address", 1);
    r->list[GROUP_LIST_STOP].action[1] = action("mail", 1);
    r->list[GROUP_LIST_START].count = 2;
    r->list[GROUP_LIST_START].action[0] = action("mail", 2);
    r->list[GROUP_LIST_START].action[1] = action("address", 1);
    r->list[GROUP_LIST_START].action[0].has_undo = true;
    r->list[GROUP_LIST_VERIFY].count = 1;
    r->list[GROUP_LIST_VERIFY].action[0] = action("smtp", 1);
    r->list[GROUP_LIST_FENCE].count = 1;
    r->list[GROUP_LIST_FENCE].action[0] = action("power", 1);
    r->n_remedies = 1;
    r->remedy[0] = (struct group_remedy_rules){
        .action = action("restart", 1), .attempts_max = 2, .within_ms = 60000};
    r->max_moves = 3;
    r->window_ms = 3600000;
    r->settle_ms = 10000;
    r->look_deadline_ms = 5000;
    r->look_fall = 3;
}

void story_begin(struct story *s, int n_nodes)
{
    int i;

    memset(s, 0, sizeof *s);
    s->memory.holder = GROUP_NOBODY;
    s->memory.open_taker = GROUP_NOBODY;
    s->now_ms = 1000;
    s->look_every_ms = 2000;
    s->step_ms = 100;
    make_rules(&s->rules);
    for (i = 0; i < n_nodes; i++) {
        s->node[i] = (struct story_node){
            .up = true, .verdict = GROUP_YES, .verdict_why = "all well", .fence_outcome = GROUP_OK};
    }
    s->memory.n_moves = n_nodes; /* only until story_boot */
}

void story_boot(struct story *s)
{
    struct group_setup setup = {.name = "mail", .rules = &s->rules, .now_ms = s->now_ms};
    struct baton_error error;
    int i, n_nodes = s->group != NULL ? s->group->n_nodes : s->memory.n_moves;

    s->memory.n_moves = 0;
    group_free(s->group);
    memset(s->run, 0, sizeof s->run);
    memset(&s->late, 0, sizeof s->late);
    memset(s->look, 0, sizeof s->look);
    s->n_waiting = 0;
    s->dead = false;
    s->die_at_record = 0;
    setup.n_nodes = n_nodes;
    for (i = 0; i < n_nodes; i++) {
        snprintf(setup.node[i].name, sizeof setup.node[i].name, "server%02d", i + 1);
        setup.node[i].priority = i + 1;
    }
    setup.memory = s->memory;
    setup.shadow = s->shadow;
    setup.marks = s->marks;
    setup.token = 0xabc;
    ck_assert_msg(group_new(&setup, &s->group, &error) == BATON_OK, "%s", error.text);
    s->looked_ms = s->now_ms;
    for (i = 0; i < n_nodes; i++) {
        story_verdict(s, i, s->node[i].verdict, s->node[i].verdict_why);
    }
}

void story_end(struct story *s)
{
    ck_assert_msg(s->two_served == 0, "two nodes served at %d instants", s->two_served);
    group_free(s->group);
    s->group = NULL;
}

static void watch_truth(struct story *s)
{
    int i, serving = 0;

    for (i = 0; i < s->group->n_nodes; i++) {
        serving += s->node[i].serving;
    }
    s->two_served += serving > 1;
}

/* What a journal would remember, had the daemon died now. */
static void remember(struct story *s, const struct group_record *r)
{
    struct group_memory *m = &s->memory;

    m->known = true;
    m->seq_max = r->seq;
    switch (r->kind) {
    case GROUP_REC_GRANT:
        ck_assert_msg(
            r->epoch > m->epoch, "epoch %lld after %lld", (long long)r->epoch, (long long)m->epoch);
        m->epoch = r->epoch;
        m->holder = r->node;
        m->open_granted = m->open && r->plan_id == m->open_id;
        break;
    case GROUP_REC_RELEASE:
        m->holder = GROUP_NOBODY;
        break;
    case GROUP_REC_PLAN_BEGIN:
        m->plan_id_max = r->plan_id;
        if (r->plan_kind == GROUP_PLAN_FAILOVER || r->plan_kind == GROUP_PLAN_FAILBACK ||
            r->plan_kind == GROUP_PLAN_MOVE || r->plan_kind == GROUP_PLAN_START) {
            m->open = true;
            m->open_granted = false;
            m->open_id = r->plan_id;
            m->open_kind = r->plan_kind;
            m->open_taker = r->node;
        }
        break;
    case GROUP_REC_PLAN_END:
        if (m->open && r->plan_id == m->open_id) {
            m->open = false;
        }
        break;
    case GROUP_REC_PAUSE:
        m->paused = true;
        break;
    case GROUP_REC_RESUME:
        m->paused = false;
        break;
    default:
        break;
    }
}

static void trace_effect(struct story *s, const struct group_effect *e)
{
    const struct group *g = s->group;

    if (e->kind == GROUP_DO_NOTICE && e->u.notice.notice == GROUP_NOTICE_TRANSITION) {
        story_say(
            s, "%s %s → %s: %s\n", group_node_name(g, e->u.notice.node),
            fsm_state_name(e->u.notice.from), fsm_state_name(e->u.notice.to), e->u.notice.text);
    } else if (e->kind == GROUP_DO_NOTICE) {
        story_say(s, "[%s] %s\n", group_notice_name(e->u.notice.notice), e->u.notice.text);
    } else if (e->kind == GROUP_DO_RUN && s->steps_in_trace) {
        const struct group_action_rules *a = group_step_action(g, e->u.run.kind, e->u.run.action);

        story_say(
            s, "  %s%s%s on %s\n", group_step_name(e->u.run.kind), a != NULL ? " " : "",
            a != NULL ? a->name : "", group_node_name(g, e->u.run.node));
    } else if (
        e->kind == GROUP_DO_RECORD && s->steps_in_trace && e->u.record.kind == GROUP_REC_GRANT) {
        story_say(
            s, "  grant epoch %lld to %s\n", (long long)e->u.record.epoch,
            group_node_name(g, e->u.record.node));
    }
}

/* The journal writes what waits for it, or says that it can't. */
static void write_journal(struct story *s)
{
    struct group_event ev = {.kind = s->journal_full ? GROUP_EV_UNRECORDED : GROUP_EV_RECORDED};
    int i;

    ev.u.recorded.why = "no space left on device";
    for (i = 0; i < s->n_waiting && !s->journal_full; i++) {
        if (s->die_at_record != 0 && s->waiting[i].seq > s->die_at_record) {
            s->dead = true;
            return;
        }
        remember(s, &s->waiting[i]);
        ev.u.recorded.seq = s->waiting[i].seq;
    }
    s->journal_ms = s->now_ms + JOURNAL_AGAIN_MS;
    if (!s->journal_full) {
        s->n_waiting = 0;
    }
    story_feed(s, &ev, NULL);
}

static void begin_step(struct story *s, const struct group_effect *e)
{
    struct story_run *run = &s->run[e->u.run.ref.plan_slot];
    int i;

    ck_assert_msg(!run->busy, "two steps of one plan run at once");
    memset(run, 0, sizeof *run);
    run->busy = true;
    run->effect = *e;
    run->end_ms = s->now_ms + s->step_ms;
    run->heard_ms = run->end_ms + s->late_ms;
    for (i = 0; i < s->group->n_nodes; i++) {
        run->rivals_seen[i] = s->group->node[i].serving == GROUP_YES;
    }
}

static void cancel_step(struct story *s, struct story_run *run)
{
    if (run->busy && run->done) {
        s->late = *run;
        s->late.heard_ms = s->now_ms + 1000;
    }
    run->busy = false;
}

static void take_effects(struct story *s)
{
    static struct group_effects fx; /* feeding the answer refills s->fx */
    bool wrote = false;
    int i;

    fx.count = s->fx.count;
    memcpy(fx.effect, s->fx.effect, (size_t)fx.count * sizeof fx.effect[0]);
    s->fx.count = 0;
    for (i = 0; i < fx.count; i++) {
        const struct group_effect *e = &fx.effect[i];

        trace_effect(s, e);
        if (e->kind == GROUP_DO_RECORD) {
            ck_assert_int_lt(s->n_waiting, STORY_WAITING_MAX);
            if (s->n_waiting == 0) {
                s->journal_ms = s->now_ms + s->write_ms;
            }
            s->waiting[s->n_waiting++] = e->u.record;
            wrote = true;
        } else if (e->kind == GROUP_DO_RUN) {
            begin_step(s, e);
        } else if (e->kind == GROUP_DO_CANCEL) {
            cancel_step(s, &s->run[e->u.run.ref.plan_slot]);
        }
    }
    if (wrote && s->write_ms == 0) {
        write_journal(s);
    }
}

enum baton_err story_feed(struct story *s, struct group_event *ev, struct baton_error *error)
{
    enum baton_err err;

    if (s->dead) {
        return BATON_IO;
    }
    ev->now_ms = s->now_ms;
    err = group_step(s->group, ev, &s->fx, error);
    take_effects(s);
    return err;
}

void story_verdict(struct story *s, int node, enum group_answer fit, const char *why)
{
    struct group_event ev = {.kind = GROUP_EV_VERDICT};

    s->node[node].verdict = fit;
    s->node[node].verdict_why = why;
    ev.u.verdict.node = node;
    ev.u.verdict.fit = fit;
    ev.u.verdict.why = why;
    story_feed(s, &ev, NULL);
}

enum baton_err story_propose(
    struct story *s, int node, enum fsm_event on, const char *why, struct baton_error *error)
{
    struct group_event ev = {.kind = GROUP_EV_PROPOSE};

    ev.u.propose.node = node;
    ev.u.propose.on = on;
    ev.u.propose.why = why;
    return story_feed(s, &ev, error);
}

enum baton_err story_order(
    struct story *s, enum group_command command, int node, bool force, const char *reason,
    struct baton_error *error)
{
    struct group_event ev = {.kind = GROUP_EV_OPERATOR};

    ev.u.operator.command = command;
    ev.u.operator.node = node;
    ev.u.operator.force = force;
    ev.u.operator.by = "root";
    ev.u.operator.reason = reason;
    return story_feed(s, &ev, error);
}

/* The group makes a node serve: does another one serve too? What was started by hand and
 * not seen yet is nobody's fault. */
static void watch_start(struct story *s, const struct story_run *run)
{
    int i, node = run->effect.u.run.node;

    for (i = 0; i < s->group->n_nodes; i++) {
        if (i != node && s->node[i].serving && (!s->node[i].by_hand || run->rivals_seen[i])) {
            story_say(
                s, "!! %s is started while %s serves\n", group_node_name(s->group, node),
                group_node_name(s->group, i));
            s->made_two++;
        }
    }
}

static enum group_outcome do_start(struct story *s, struct story_run *run, const char **detail)
{
    struct story_node *n = &s->node[run->effect.u.run.node];

    if (n->start_fails) {
        *detail = "it would not start";
        return GROUP_FAIL;
    }
    if (run->effect.u.run.action == s->rules.list[GROUP_LIST_START].count - 1) {
        watch_start(s, run);
        n->by_hand = n->serving && n->by_hand;
        n->serving = true;
    }
    watch_truth(s);
    return GROUP_OK;
}

/* A step that would change the node ends here; what it would do is not done. */
static bool do_shadowed(const struct story *s, struct story_run *run)
{
    const struct story_node *n = &s->node[run->effect.u.run.node];

    switch (run->effect.u.run.kind) {
    case GROUP_STEP_LOOK:
    case GROUP_STEP_VERIFY:
        return false;
    case GROUP_STEP_STOP:
        run->shadowed = s->shadow && n->up && n->serving;
        break;
    case GROUP_STEP_START:
    case GROUP_STEP_REMEDY:
        run->shadowed = s->shadow && n->up;
        break;
    default:
        run->shadowed = s->shadow;
    }
    return run->shadowed;
}

static enum group_outcome do_step(struct story *s, struct story_run *run, const char **detail)
{
    const struct group_effect *e = &run->effect;
    struct story_node *n = &s->node[e->u.run.node];

    if (do_shadowed(s, run)) {
        *detail = "would run it";
        return GROUP_UNKNOWN;
    }
    *detail = "done";
    if (e->u.run.kind == GROUP_STEP_ASK) {
        *detail = s->veto ? "backup is running" : "nobody objects";
        return s->veto ? GROUP_FAIL : GROUP_OK;
    }
    if (e->u.run.kind == GROUP_STEP_FENCE) {
        if (n->fence_outcome == GROUP_OK) {
            n->serving = n->up = false;
        }
        *detail =
            n->fence_outcome == GROUP_OK ? "power is off" : "the power switch does not answer";
        return (enum group_outcome)n->fence_outcome;
    }
    if (!n->up) {
        *detail = "ssh: no answer";
        return GROUP_UNKNOWN;
    }
    switch (e->u.run.kind) {
    case GROUP_STEP_STOP:
    case GROUP_STEP_UNDO:
        if (n->stop_fails) {
            *detail = "it would not stop";
            return GROUP_FAIL;
        }
        n->serving = n->stop_lies && n->serving;
        return GROUP_OK;
    case GROUP_STEP_LOOK:
        *detail = n->serving ? "it serves" : "it is stopped";
        return n->serving ? GROUP_OK : GROUP_FAIL;
    case GROUP_STEP_START:
        return do_start(s, run, detail);
    case GROUP_STEP_VERIFY:
        *detail = n->verify_fails ? "no banner" : "220 mail";
        return n->verify_fails ? GROUP_FAIL : GROUP_OK;
    default:
        return GROUP_OK;
    }
}

static void end_look(struct story *s, int node)
{
    struct group_event ev = {.kind = GROUP_EV_LOOKED};
    struct story_look *look = &s->look[node];

    look->busy = false;
    ev.u.looked.node = node;
    ev.u.looked.began_ms = look->began_ms;
    ev.u.looked.serving = look->serving;
    ev.u.looked.detail = look->serving == GROUP_UNSURE ? "ssh: no answer"
                         : look->serving == GROUP_YES  ? "it serves"
                                                       : "it is stopped";
    story_feed(s, &ev, NULL);
}

static void begin_look(struct story *s, int node)
{
    const struct story_node *n = &s->node[node];
    struct story_look *look = &s->look[node];

    if (look->busy) {
        return;
    }
    look->busy = true;
    look->began_ms = s->now_ms;
    look->due_ms = s->now_ms + s->look_ms;
    look->serving = !n->up ? GROUP_UNSURE : n->serving ? GROUP_YES : GROUP_NO;
}

static void tell_end(struct story *s, const struct story_run *run)
{
    struct group_event ev = {.kind = GROUP_EV_STEP_ENDED};

    ev.u.step_ended.ref = run->effect.u.run.ref;
    ev.u.step_ended.outcome = run->outcome;
    ev.u.step_ended.shadowed = run->shadowed;
    ev.u.step_ended.detail = run->detail;
    story_feed(s, &ev, NULL);
}

static void end_steps(struct story *s)
{
    int slot;

    for (slot = 0; slot < GROUP_PLANS; slot++) {
        struct story_run *run = &s->run[slot];
        struct story_node *n = &s->node[run->effect.u.run.node];

        if (!run->busy || run->end_ms > s->now_ms ||
            (run->effect.u.run.kind == GROUP_STEP_START && n->start_hangs)) {
            continue;
        }
        if (!run->done) {
            run->done = true;
            run->outcome = do_step(s, run, &run->detail);
            if (n->answer_lost && run->effect.u.run.kind != GROUP_STEP_ASK) {
                run->outcome = GROUP_UNKNOWN;
                run->detail = "ssh: the connection broke";
            }
        }
        if (run->heard_ms <= s->now_ms) {
            struct story_run heard = *run;

            run->busy = false;
            tell_end(s, &heard);
        }
    }
    if (s->late.busy && s->late.heard_ms <= s->now_ms) {
        s->late.busy = false;
        tell_end(s, &s->late);
    }
}

static void look_around(struct story *s)
{
    int i;

    if (s->now_ms - s->looked_ms >= s->look_every_ms) {
        s->looked_ms = s->now_ms;
        for (i = 0; i < s->group->n_nodes; i++) {
            begin_look(s, i);
        }
    }
    for (i = 0; i < s->group->n_nodes; i++) {
        if (s->look[i].busy && s->look[i].due_ms <= s->now_ms) {
            end_look(s, i);
        }
    }
}

void story_pass(struct story *s, int64_t ms)
{
    int64_t until = s->now_ms + ms;

    while (s->now_ms < until && !s->dead) {
        s->now_ms += 50; /* every instant that matters here is a multiple of it */
        end_steps(s);
        look_around(s);
        if (!s->dead && s->n_waiting > 0 && s->journal_ms <= s->now_ms) {
            write_journal(s);
        }
        if (!s->dead && group_wake_ms(s->group) <= s->now_ms) {
            struct group_event ev = {.kind = GROUP_EV_TICK};

            story_feed(s, &ev, NULL);
        }
        watch_truth(s);
    }
}

void story_normal(struct story *s, int n_nodes)
{
    story_begin(s, n_nodes);
    s->node[0].serving = true;
    story_boot(s);
    story_pass(s, 3000);
    ck_assert_int_eq(s->group->holder, 0);
    ck_assert_int_eq(s->group->node[0].state, FSM_ACTIVE);
    ck_assert_int_eq(s->group->node[1].state, FSM_STANDBY);
    s->trace[0] = '\0';
}

void story_expect_at(struct story *s, const char *file, int line, const char *expected)
{
    if (strcmp(s->trace, expected) != 0) {
        ck_abort_msg("%s:%d: the trace is\n%s\nbut should be\n%s", file, line, s->trace, expected);
    }
    s->trace[0] = '\0';
}
