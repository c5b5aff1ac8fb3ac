#include "fake_daemon.h"

#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct controller {
    struct fake *fake;
    struct group *group;
    struct event *turn;
    int at;
    bool break_it;
};

struct fake {
    struct world world;
    struct world_ops ops;
    struct control *control;
    struct event_base *base;
    struct controller mail, empty;
    struct controller *list[2];
    char last[512];
    int reloads;
    bool refuse_reload, hold_reload, hold_journal;
    int64_t later_ms;
    control_reloaded_fn *reloaded; /* what waits for it */
    void *reloaded_arg;
    journal_rows_fn *asked;
    void *asked_arg;
};

static struct fake *the_fake; /* the journal has no way to say whose it is */

/* ---- World ---------------------------------------------------------------------------- */

#define NOW_MS  INT64_C(5000000)
#define WALL_MS INT64_C(1764021600000) /* 2025-11-24T22:00:00Z */

static int64_t fake_now(struct world *world)
{
    (void)world;
    return NOW_MS + the_fake->later_ms;
}

static int64_t fake_wall(struct world *world)
{
    (void)world;
    return WALL_MS;
}

static void fake_log(struct world *world, const struct world_log *line)
{
    (void)world;
    (void)line;
}

/* ---- Controller, policy, journal ------------------------------------------------------ */

const struct group *controller_group(const struct controller *controller)
{
    return controller->group;
}

const struct policy *controller_policy(const struct controller *controller)
{
    (void)controller;
    return NULL;
}

struct policy_usage policy_usage(const struct policy *policy)
{
    struct policy_usage usage = {.memory = 100000, .memory_max = 4 << 20, .entries = 12};

    (void)policy;
    return usage;
}

const char *policy_file(const struct policy *policy)
{
    (void)policy;
    return "mail.lua";
}

const struct readiness *controller_readiness(const struct controller *controller)
{
    (void)controller;
    return NULL;
}

int controller_why(const struct controller *controller, struct controller_why *why, int max)
{
    if (controller->group->n_nodes < 2 || max < 1) {
        return 0;
    }
    memset(why, 0, sizeof *why);
    why->node = 1;
    why->from = FSM_STANDBY;
    why->to = FSM_FAILING_OVER;
    why->answer = GROUP_NO;
    why->again_ms = GROUP_NEVER_MS;
    snprintf(why->why, sizeof why->why, "the holder server01 is fit");
    return 1;
}

void controller_lease(const struct controller *controller, struct controller_lease *out)
{
    memset(out, 0, sizeof *out);
    if (controller->group->peers != NULL) {
        out->sent_ms = NOW_MS - 1100;
        out->renewals = 1204;
        out->failures = 2;
        out->guard_ms = NOW_MS + 8900;
        snprintf(out->store, sizeof out->store, "https://10.9.0.11:2379");
    }
}

static void tell(struct controller *c, const struct controller_news *news)
{
    control_news(c->fake->control, c, news);
}

static void tell_step(struct controller *c, enum group_step_status status, const char *text)
{
    struct group_plan *plan = &c->group->plan[0];
    struct group_step_state *step = &plan->steps[plan->step];

    step->status = status;
    if (status == GROUP_STEP_RUNNING) {
        step->began_ms = NOW_MS - 120;
        step->attempt++;
    } else {
        step->ended_ms = NOW_MS;
    }
    tell(
        c, &(struct controller_news){
               .kind = CONTROLLER_STEP, .node = step->node, .step = plan->step, .text = text});
}

static void finish(struct controller *c)
{
    struct group_plan *plan = &c->group->plan[0];
    enum group_notice notice = GROUP_NOTICE_COMPLETED;
    const char *text = "failover to server02 done in 240 ms, epoch 8";

    plan->kind = GROUP_PLAN_NONE;
    if (c->break_it) {
        notice = GROUP_NOTICE_CANCELLED;
        text = "failover to server02 cancelled: stop smtpd on server01 failed";
    } else {
        c->group->holder = 1;
        c->group->epoch = 8;
    }
    tell(
        c, &(struct controller_news){
               .kind = CONTROLLER_NOTICE, .notice = notice, .node = 1, .text = text});
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
    static const struct timeval soon = {0, 1000};
    struct controller *c = arg;
    struct group_plan *plan = &c->group->plan[0];

    (void)fd;
    (void)what;
    if (c->at % 2 == 0) {
        tell_step(c, GROUP_STEP_RUNNING, "begins");
    } else if (c->break_it) {
        tell_step(c, GROUP_STEP_FAILED, "smtpd on server01: fail: exit code 1");
        finish(c);
        return;
    } else {
        tell_step(c, GROUP_STEP_DONE, "ok");
        if (plan->step == 2) {
            finish(c);
            return;
        }
        plan->steps[1].status = GROUP_STEP_DONE; /* the grant has no news of its own */
        plan->step = 2;
    }
    c->at++;
    evtimer_add(c->turn, &soon);
}

static void begin(struct controller *c)
{
    static const struct timeval soon = {0, 1000};
    struct group_plan *plan = &c->group->plan[0];

    plan->kind = GROUP_PLAN_MOVE;
    plan->id = 41;
    plan->from = 0;
    plan->taker = 1;
    plan->began_ms = NOW_MS;
    plan->step = 0;
    plan->n_steps = 3;
    memset(plan->steps, 0, 3 * sizeof *plan->steps);
    plan->steps[0].kind = GROUP_STEP_STOP;
    plan->steps[1].kind = GROUP_STEP_GRANT;
    plan->steps[1].node = 1;
    plan->steps[2].kind = GROUP_STEP_START;
    plan->steps[2].node = 1;
    c->at = 0;
    evtimer_add(c->turn, &soon);
}

enum baton_err controller_command(
    struct controller *controller, enum group_command command, int node, bool force, const char *by,
    const char *reason, struct baton_error *error)
{
    snprintf(
        controller->fake->last, sizeof controller->fake->last, "%s %s %s%s by %s: %s",
        group_command_name(command), controller->group->name,
        group_node_name(controller->group, node), force ? " force" : "", by,
        reason == NULL ? "-" : reason);
    if (controller->group->peers != NULL) {
        return BATON_OK; /* passed on */
    }
    if (command == GROUP_CMD_FAILOVER && node == 0) {
        return baton_fail(error, BATON_REFUSED, "server01 holds the baton already");
    }
    if (command == GROUP_CMD_PAUSE || command == GROUP_CMD_RESUME) {
        controller->group->paused = command == GROUP_CMD_PAUSE;
    }
    if (command == GROUP_CMD_FAILOVER || command == GROUP_CMD_FAILBACK) {
        controller->break_it = reason != NULL && strcmp(reason, "break") == 0;
        begin(controller);
    }
    return BATON_OK;
}

static void answer(journal_rows_fn *done, void *arg)
{
    json_t *rows = json_pack(
        "[{s:i,s:s,s:s,s:s,s:i,s:s,s:s}]", "id", 1, "time", "2025-11-24T21:59:00.120Z", "group",
        "mail", "kind", "grant", "epoch", 7, "node", "server01", "text", "start-up: adopted");

    done(arg, rows, NULL);
}

void journal_history(
    struct journal *journal, const struct journal_query *query, journal_rows_fn *done, void *arg)
{
    (void)journal;
    (void)query;
    if (the_fake->hold_journal) {
        the_fake->asked = done;
        the_fake->asked_arg = arg;
        return;
    }
    answer(done, arg);
}

static void end_reload(struct fake *fake)
{
    control_reloaded_fn *done = fake->reloaded;
    struct baton_error error = {0};

    fake->reloaded = NULL;
    if (fake->refuse_reload) {
        baton_fail(&error, BATON_INVALID, "mail.lua:3: unknown key \"prob\"");
    }
    done(
        fake->reloaded_arg, fake->refuse_reload ? &error : NULL,
        fake->reloads == 2 ? "mail.lua:4: warning: fall = 1\nmail.lua:9: warning: odd\n" : "");
}

static void on_reload(void *arg, control_reloaded_fn *done, void *done_arg)
{
    struct fake *fake = arg;

    fake->reloads++;
    fake->reloaded = done;
    fake->reloaded_arg = done_arg;
    if (!fake->hold_reload) {
        end_reload(fake);
    }
}

/* ---- Making --------------------------------------------------------------------------- */

static struct group *make_group(const char *name, bool shared)
{
    struct group_rules rules = {
        .n_probes = 1,
        .probe = {{.name = "smtp", .rise = 2, .fall = 3}},
        .max_moves = 3,
        .window_ms = 3600000,
        .look_deadline_ms = 1000,
        .look_fall = 2,
    };
    struct group_setup setup = {
        .name = name,
        .n_nodes = 2,
        .node = {{.name = "server01", .priority = 1}, {.name = "server02", .priority = 2}},
        .rules = &rules,
        .memory = {.holder = GROUP_NOBODY},
        .now_ms = NOW_MS - 60000,
        .peers = shared,
        .self = shared ? 1 : 0,
    };
    struct baton_error error = {0};
    struct group *group = NULL;
    int i;

    for (i = 0; i < GROUP_LISTS; i++) {
        rules.list[i].count = 1;
        snprintf(rules.list[i].action[0].name, GROUP_NAME_MAX, "smtpd");
        rules.list[i].action[0].deadline_ms = 1000;
        rules.list[i].action[0].attempts = 2;
    }
    if (group_new(&setup, &group, &error) != BATON_OK) {
        fprintf(stderr, "fake daemon: %s\n", error.text);
        abort();
    }
    return group;
}

static void dress_mail(struct group *group)
{
    group->phase = GROUP_RUNNING;
    group->holder = 0;
    group->epoch = 7;
    group->node[0].state = FSM_ACTIVE;
    group->node[1].state = FSM_STANDBY;
    group->node[0].fit = group->node[1].fit = GROUP_YES;
    group->node[0].serving = GROUP_YES;
    group->node[1].serving = GROUP_NO;
    snprintf(group->node[0].fit_why, GROUP_TEXT_MAX, "smtp ok");
    snprintf(group->node[1].fit_why, GROUP_TEXT_MAX, "smtp ok");
    group->node[0].health[0].status = GROUP_OK;
    group->node[0].health[0].seen_ms = NOW_MS - 400;
    /* A banner that is no UTF-8 must not break the answer. */
    snprintf(group->node[0].health[0].detail, GROUP_TEXT_MAX / 2, "220 \xff\xfe mail");
}

static void dress_empty(struct group *group)
{
    group->phase = GROUP_RUNNING;
    group->hold = GROUP_HOLD_UNCONFIRMED;
    group->hold_node = 0;
    group->hold_since_ms = NOW_MS - 90000;
    snprintf(group->hold_why, GROUP_TEXT_MAX, "server01 can't be confirmed out: ssh: no route");
    group->node[0].state = FSM_DEGRADED;
    group->node[1].state = FSM_STANDBY;
    group->node[0].fit = GROUP_UNSURE;
    group->node[1].fit = GROUP_YES;
}

struct fake *fake_new(struct event_base *base, const char *socket)
{
    struct fake *fake = calloc(1, sizeof *fake);
    struct control_setup setup = {.socket = socket, .base = base, .reload = on_reload};
    struct baton_error error = {0};

    the_fake = fake;
    fake->ops.now_ms = fake_now;
    fake->ops.wall_ms = fake_wall;
    fake->ops.log = fake_log;
    fake->world.ops = &fake->ops;
    fake->base = base;
    fake->mail = (struct controller){.fake = fake, .group = make_group("mail", false)};
    fake->empty = (struct controller){.fake = fake, .group = make_group("empty", false)};
    fake->mail.turn = evtimer_new(base, on_turn, &fake->mail);
    dress_mail(fake->mail.group);
    dress_empty(fake->empty.group);
    fake->list[0] = &fake->mail;
    fake->list[1] = &fake->empty;
    setup.world = &fake->world;
    setup.n_controllers = 2;
    setup.controller = fake->list;
    setup.reload_arg = fake;
    if (control_new(&setup, &fake->control, &error) != BATON_OK) {
        fprintf(stderr, "fake daemon: %s\n", error.text);
        abort();
    }
    return fake;
}

void fake_free(struct fake *fake)
{
    control_free(fake->control);
    if (fake->asked != NULL) { /* as journal_close does: what is due is still answered */
        fake_answer(fake);
    }
    if (fake->reloaded != NULL) { /* as the daemon does at its end */
        end_reload(fake);
    }
    event_free(fake->mail.turn);
    group_free(fake->mail.group);
    group_free(fake->empty.group);
    free(fake);
}

struct control *fake_control(struct fake *fake)
{
    return fake->control;
}

void fake_tell(struct fake *fake, const char *text)
{
    tell(
        &fake->mail, &(struct controller_news){.kind = CONTROLLER_STATUS, .node = 0, .text = text});
}

const char *fake_last(const struct fake *fake)
{
    return fake->last;
}

int fake_reloads(const struct fake *fake)
{
    return fake->reloads;
}

void fake_refuse_reload(struct fake *fake)
{
    fake->refuse_reload = true;
}

void fake_share(struct fake *fake)
{
    struct group *group = make_group("mail", true);

    dress_mail(group);
    group->peers->told = true;
    group->peers->holder = 0;
    group->peers->alive[0] = true;
    group->peers->hold[0] = GROUP_HOLD_MOVES;
    group->peers->stop_at_ms = NOW_MS + 5900;
    group_free(fake->mail.group);
    fake->mail.group = group;
}

void fake_answer_wish(struct fake *fake, bool refused, const char *text)
{
    tell(
        &fake->mail,
        &(struct controller_news){
            .kind = CONTROLLER_ANSWER, .node = GROUP_NOBODY, .refused = refused, .text = text});
}

void fake_moved(struct fake *fake, int holder, int64_t epoch, enum fsm_state state)
{
    struct group *group = fake->mail.group;

    group->holder = group->peers->holder = holder;
    group->epoch = epoch;
    group->node[holder].state = state;
    group->node[1 - holder].state = FSM_STANDBY;
}

void fake_wait_ms(struct fake *fake, int64_t ms)
{
    fake->later_ms += ms;
}

void fake_hold_reload(struct fake *fake)
{
    fake->hold_reload = true;
}

void fake_end_reload(struct fake *fake)
{
    end_reload(fake);
}

void fake_hold_journal(struct fake *fake)
{
    fake->hold_journal = true;
}

void fake_answer(struct fake *fake)
{
    journal_rows_fn *asked = fake->asked;

    fake->asked = NULL;
    answer(asked, fake->asked_arg);
}
