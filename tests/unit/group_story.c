#include "group_story.h"

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void say(struct story *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct story *s, const char *format, ...)
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
    s->dead = false;
    s->die_at_record = 0;
    setup.n_nodes = n_nodes;
    for (i = 0; i < n_nodes; i++) {
        snprintf(setup.node[i].name, sizeof setup.node[i].name, "server%02d", i + 1);
        setup.node[i].priority = i + 1;
    }
    setup.memory = s->memory;
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
        say(s, "%s %s → %s: %s\n", group_node_name(g, e->u.notice.node),
            fsm_state_name(e->u.notice.from), fsm_state_name(e->u.notice.to), e->u.notice.text);
    } else if (e->kind == GROUP_DO_NOTICE) {
        say(s, "[%s] %s\n", group_notice_name(e->u.notice.notice), e->u.notice.text);
    } else if (e->kind == GROUP_DO_RUN && s->steps_in_trace) {
        const struct group_action_rules *a = group_step_action(g, e->u.run.kind, e->u.run.action);

        say(s, "  %s%s%s on %s\n", group_step_name(e->u.run.kind), a != NULL ? " " : "",
            a != NULL ? a->name : "", group_node_name(g, e->u.run.node));
    } else if (
        e->kind == GROUP_DO_RECORD && s->steps_in_trace && e->u.record.kind == GROUP_REC_GRANT) {
        say(s, "  grant epoch %lld to %s\n", (long long)e->u.record.epoch,
            group_node_name(g, e->u.record.node));
    }
}

static void look(struct story *s, int node);

static void take_effects(struct story *s)
{
    static struct group_effects fx; /* feeding the answer refills s->fx */
    int64_t seq = 0;
    int i;

    fx = s->fx;
    s->fx.count = 0;
    for (i = 0; i < fx.count; i++) {
        const struct group_effect *e = &fx.effect[i];

        if (s->dead) {
            return;
        }
        trace_effect(s, e);
        if (e->kind == GROUP_DO_RECORD) {
            if (s->die_at_record != 0 && e->u.record.seq > s->die_at_record) {
                s->dead = true;
                return;
            }
            if (!s->journal_full) {
                remember(s, &e->u.record);
            }
            seq = e->u.record.seq;
        } else if (e->kind == GROUP_DO_RUN) {
            int slot = e->u.run.ref.plan_slot;

            ck_assert_msg(!s->run[slot].busy, "two steps of one plan run at once");
            s->run[slot].busy = true;
            s->run[slot].effect = *e;
            s->run[slot].end_ms = s->now_ms + s->step_ms;
        } else if (e->kind == GROUP_DO_CANCEL) {
            s->run[e->u.run.ref.plan_slot].busy = false;
        }
    }
    if (seq != 0) {
        struct group_event ev = {.kind = s->journal_full ? GROUP_EV_UNRECORDED : GROUP_EV_RECORDED};

        ev.u.recorded.seq = seq;
        ev.u.recorded.why = "no space left on device";
        story_feed(s, &ev, NULL);
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

static enum group_outcome do_step(
    struct story *s, const struct group_effect *e, const char **detail)
{
    struct story_node *n = &s->node[e->u.run.node];
    bool last_start = e->u.run.action == s->rules.list[GROUP_LIST_START].count - 1;

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
        if (n->start_fails) {
            *detail = "it would not start";
            return GROUP_FAIL;
        }
        n->serving = n->serving || last_start;
        watch_truth(s);
        return GROUP_OK;
    case GROUP_STEP_VERIFY:
        *detail = n->verify_fails ? "no banner" : "220 mail";
        return n->verify_fails ? GROUP_FAIL : GROUP_OK;
    default:
        return GROUP_OK;
    }
}

static void look(struct story *s, int node)
{
    struct group_event ev = {.kind = GROUP_EV_LOOKED};
    const struct story_node *n = &s->node[node];

    ev.u.looked.node = node;
    ev.u.looked.began_ms = s->now_ms;
    ev.u.looked.serving = !n->up ? GROUP_UNSURE : n->serving ? GROUP_YES : GROUP_NO;
    ev.u.looked.detail = !n->up ? "ssh: no answer" : n->serving ? "it serves" : "it is stopped";
    story_feed(s, &ev, NULL);
}

static void end_steps(struct story *s)
{
    int slot;

    for (slot = 0; slot < GROUP_PLANS; slot++) {
        struct group_event ev = {.kind = GROUP_EV_STEP_ENDED};
        const char *detail;
        enum group_outcome outcome;

        if (!s->run[slot].busy || s->run[slot].end_ms > s->now_ms ||
            (s->run[slot].effect.u.run.kind == GROUP_STEP_START &&
             s->node[s->run[slot].effect.u.run.node].start_hangs)) {
            continue;
        }
        s->run[slot].busy = false;
        outcome = do_step(s, &s->run[slot].effect, &detail);
        ev.u.step_ended.ref = s->run[slot].effect.u.run.ref;
        ev.u.step_ended.outcome = outcome;
        ev.u.step_ended.detail = detail;
        story_feed(s, &ev, NULL);
    }
}

void story_pass(struct story *s, int64_t ms)
{
    int64_t until = s->now_ms + ms;
    int i;

    while (s->now_ms < until && !s->dead) {
        s->now_ms += 50; /* every instant that matters here is a multiple of it */
        end_steps(s);
        if (s->now_ms - s->looked_ms >= s->look_every_ms) {
            s->looked_ms = s->now_ms;
            for (i = 0; i < s->group->n_nodes; i++) {
                look(s, i);
            }
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
