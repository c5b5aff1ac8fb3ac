#include "base/memory.h"
#include "parts.h"

#include <stdio.h>
#include <string.h>

#define LOOKS_MORE 2 /* of a look, more than are needed to believe it */
#define WHY_MAX    (GROUP_NODES_MAX * POLICY_TRANSITIONS_MAX)

/* ---- What the new one decides ----------------------------------------------------------- */

static void take_decision(struct replay *r, const struct group *group)
{
    const struct group_would *would = group->would;
    struct replay_decision *d;

    /* A service that is on its way is no holder that does not serve. */
    if (would->at_ms > r->then.handover_from_ms + REPLAY_SAME_MS &&
        would->at_ms <= r->then.handover_to_ms) {
        return;
    }
    d = compare_add(r, &r->new);
    if (d == NULL) {
        return;
    }
    d->wall_ms = would->at_ms;
    d->kind = would->kind;
    d->from = would->from;
    d->taker = would->taker;
    memcpy(d->why, would->why, sizeof d->why);
    memcpy(d->other, r->then.paused[0] != '\0' ? r->then.paused : r->then.hold, sizeof d->other);
}

static void on_news(
    void *arg, const struct controller *controller, const struct controller_news *news)
{
    struct replay *r = arg;
    const struct group *group = controller_group(controller);

    if (news->kind != CONTROLLER_NOTICE) {
        return;
    }
    if (news->notice == GROUP_NOTICE_SHADOWED) {
        take_decision(r, group);
    } else if (
        news->notice == GROUP_NOTICE_HOLD && group->hold == GROUP_HOLD_POLICY &&
        r->sum.broken[0] == '\0') {
        memcpy(r->sum.broken, group->hold_why, sizeof r->sum.broken);
        r->sum.broken_ms = r->clock.now_ms;
    }
}

/* ---- A controller, and another one after a gap ------------------------------------------ */

static void remember(const struct replay *r, struct group_memory *memory)
{
    const struct group *group = controller_group(r->controller);

    memory->known = group->seq > 0;
    memory->epoch = group->epoch;
    memory->holder = group->holder;
    memory->plan_id_max = group->plan_id;
    memory->seq_max = group->seq;
    memory->paused = group->paused;
}

static void take_rhythm(struct replay *r)
{
    const struct policy_table *table = replay_table(r);
    int i;

    r->slowest_ms = table->look_every_ms;
    for (i = 0; i < table->rules.n_probes; i++) {
        if (table->probe[i].every_ms > r->slowest_ms) {
            r->slowest_ms = table->probe[i].every_ms;
        }
    }
}

static enum baton_err begin(struct replay *r, struct baton_error *error)
{
    struct controller_setup setup = {
        .name = r->setup.group,
        .n_nodes = r->setup.n_nodes,
        .memory = {.holder = GROUP_NOBODY, .open_taker = GROUP_NOBODY},
        .world = &r->clock.world,
        .shadow = true,
        .fed = true,
        .news = on_news,
        .news_arg = r,
    };
    enum baton_err err;

    memcpy(setup.node, r->setup.node, sizeof setup.node);
    if (r->controller != NULL) {
        remember(r, &setup.memory);
        controller_free(r->controller);
        r->controller = NULL;
        clock_clear(&r->clock);
    }
    memset(r->due_ms, 0, sizeof r->due_ms);
    memset(r->look, 0, sizeof r->look);
    err = r->setup.load(r->setup.load_arg, &r->clock.world, &setup.policy, error);
    if (err != BATON_OK) {
        return err;
    }
    err = controller_new(&setup, &r->controller, error);
    if (err != BATON_OK) {
        policy_free(setup.policy);
        return err;
    }
    take_rhythm(r);
    return BATON_OK;
}

enum baton_err replay_new(
    const struct replay_setup *setup, struct replay **out, struct baton_error *error)
{
    struct replay *r = memory_zeroed(1, sizeof *r);
    enum baton_err err;

    *out = NULL;
    if (r == NULL) {
        return baton_fail(error, BATON_NOMEM, "no memory to replay");
    }
    r->setup = *setup;
    clock_begin(&r->clock);
    err = begin(r, error);
    if (err != BATON_OK) {
        replay_free(r);
        return err;
    }
    *out = r;
    return BATON_OK;
}

void replay_free(struct replay *replay)
{
    if (replay == NULL) {
        return;
    }
    controller_free(replay->controller);
    clock_clear(&replay->clock);
    memory_free(replay->old.decision);
    memory_free(replay->new.decision);
    memory_free(replay->row);
    memory_free(replay);
}

const struct policy_table *replay_table(const struct replay *replay)
{
    return policy_table(controller_policy(replay->controller));
}

/* ---- Time ------------------------------------------------------------------------------- */

static void feed_look(struct replay *r, int node)
{
    struct replay_look *look = &r->look[node];
    const struct group_node *n = &controller_group(r->controller)->node[node];
    const struct policy_table *table = replay_table(r);

    look->next_ms = GROUP_NEVER_MS;
    controller_looked(r->controller, node, look->serving, look->detail);
    if (n->serving_run < table->rules.look_fall + LOOKS_MORE) {
        look->next_ms = r->clock.now_ms + table->look_every_ms;
    }
}

static int next_look(const struct replay *r, int64_t *at_ms)
{
    int i, next = GROUP_NOBODY;

    *at_ms = GROUP_NEVER_MS;
    for (i = 0; i < r->setup.n_nodes; i++) {
        if (r->look[i].known && r->look[i].next_ms < *at_ms) {
            *at_ms = r->look[i].next_ms;
            next = i;
        }
    }
    return next;
}

static void advance(struct replay *r, int64_t to_ms)
{
    int64_t look_ms;
    int node;

    while (node = next_look(r, &look_ms), look_ms <= to_ms || clock_due_ms(&r->clock) <= to_ms) {
        if (clock_due_ms(&r->clock) <= look_ms) {
            clock_take(&r->clock);
        } else {
            r->clock.now_ms = look_ms > r->clock.now_ms ? look_ms : r->clock.now_ms;
            feed_look(r, node);
        }
    }
    r->clock.now_ms = to_ms > r->clock.now_ms ? to_ms : r->clock.now_ms;
}

/* Let time go on to what comes now; begin anew where nothing was recorded for too long. */
static enum baton_err come_to(struct replay *r, int64_t wall_ms, struct baton_error *error)
{
    int64_t gap_ms = 3 * r->slowest_ms > REPLAY_GAP_MS ? 3 * r->slowest_ms : REPLAY_GAP_MS;
    enum baton_err err;

    if (r->seen_ms == 0) { /* the clock begins with the history */
        r->clock.now_ms = wall_ms;
        r->seen_ms = wall_ms;
        return begin(r, error);
    }
    if (wall_ms - r->seen_ms <= gap_ms) {
        advance(r, wall_ms);
        return BATON_OK;
    }
    advance(r, r->seen_ms + r->slowest_ms);
    r->clock.now_ms = wall_ms;
    r->seen_ms = wall_ms;
    r->sum.gaps++;
    err = begin(r, error);
    return err;
}

/* ---- In ----------------------------------------------------------------------------------- */

static int find_probe(const struct replay *r, const char *name)
{
    const struct group_rules *rules = &replay_table(r)->rules;
    int i;

    for (i = 0; i < rules->n_probes; i++) {
        if (strcmp(rules->probe[i].name, name) == 0) {
            return i;
        }
    }
    return GROUP_NOBODY;
}

static void take_look(struct replay *r, const struct replay_observation *o)
{
    struct replay_look *look = &r->look[o->node];

    look->known = true;
    look->serving = o->outcome == GROUP_OK     ? GROUP_YES
                    : o->outcome == GROUP_FAIL ? GROUP_NO
                                               : GROUP_UNSURE;
    look->recorded_ms = r->clock.now_ms;
    snprintf(look->detail, sizeof look->detail, "%s", o->detail);
    r->sum.observations++;
    feed_look(r, o->node);
}

/* The policy asks a probe on its own beat; what was asked between two of them it would not
 * have seen. A beat is a little early where the one before was late. */
static bool is_due(int64_t *due_ms, int64_t began_ms, int64_t every_ms)
{
    if (began_ms < *due_ms - every_ms / 8) {
        return false;
    }
    *due_ms = (began_ms - *due_ms >= every_ms ? began_ms : *due_ms) + every_ms;
    return true;
}

static void take_probe(struct replay *r, const struct replay_observation *o)
{
    int probe = find_probe(r, o->probe);
    int64_t began_ms = r->clock.now_ms - o->latency_us / 1000;

    if (probe == GROUP_NOBODY) {
        r->sum.strange++;
        return;
    }
    if (!is_due(&r->due_ms[o->node][probe], began_ms, replay_table(r)->probe[probe].every_ms)) {
        r->sum.left_out++;
        return;
    }
    r->sum.observations++;
    controller_observed(
        r->controller, &(struct controller_observation){
                           .node = o->node,
                           .probe = probe,
                           .outcome = o->outcome,
                           .latency_us = o->latency_us,
                           .detail = o->detail,
                       });
}

enum baton_err replay_observed(
    struct replay *replay, const struct replay_observation *observation, struct baton_error *error)
{
    enum baton_err err = come_to(replay, observation->wall_ms, error);

    if (err != BATON_OK) {
        return err;
    }
    if (observation->wall_ms > replay->seen_ms) {
        replay->seen_ms = observation->wall_ms;
    }
    if (strcmp(observation->probe, CONTROLLER_SERVING) == 0) {
        take_look(replay, observation);
    } else {
        take_probe(replay, observation);
    }
    return BATON_OK;
}

/* What did the new one say, at this moment, to what the old one decided? */
static void ask_new(const struct replay *r, struct replay_decision *d)
{
    struct controller_why why[WHY_MAX];
    enum fsm_state to = d->kind == GROUP_PLAN_FAILBACK ? FSM_FAILING_BACK : FSM_FAILING_OVER;
    int i, n = controller_why(r->controller, why, WHY_MAX);

    for (i = 0; i < n && i < WHY_MAX; i++) {
        if (why[i].node == d->taker && why[i].to == to) {
            snprintf(
                d->other, sizeof d->other, "%s%s%s", why[i].why,
                why[i].legal[0] != '\0' ? "; " : "", why[i].legal);
            return;
        }
    }
}

static enum group_plan_kind kind_of(const char *name)
{
    int kind;

    for (kind = GROUP_PLAN_FAILOVER; kind <= GROUP_PLAN_START; kind++) {
        if (strcmp(group_plan_name((enum group_plan_kind)kind), name) == 0) {
            return (enum group_plan_kind)kind;
        }
    }
    return GROUP_PLAN_NONE;
}

static bool moves(enum group_plan_kind kind)
{
    return kind == GROUP_PLAN_FAILOVER || kind == GROUP_PLAN_FAILBACK || kind == GROUP_PLAN_MOVE ||
           kind == GROUP_PLAN_START;
}

/* As the group words it: "failover by root via socket: …". */
static bool is_command(const char *text)
{
    static const enum group_command commands[] = {GROUP_CMD_FAILOVER, GROUP_CMD_FAILBACK};
    char begin[GROUP_NAME_MAX];
    size_t i;

    for (i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        snprintf(begin, sizeof begin, "%s by ", group_command_name(commands[i]));
        if (strncmp(text, begin, strlen(begin)) == 0) {
            return true;
        }
    }
    return false;
}

static void old_decided(struct replay *r, const struct replay_record *record)
{
    enum group_plan_kind kind = kind_of(record->plan_kind);
    struct replay_decision *d;

    if (kind == GROUP_PLAN_NONE || kind == GROUP_PLAN_EVICT || record->node == GROUP_NOBODY) {
        return; /* a rogue is stopped whatever the policy says */
    }
    d = compare_add(r, &r->old);
    if (d == NULL) {
        return;
    }
    d->wall_ms = record->wall_ms;
    d->kind = kind;
    d->from = record->from;
    d->taker = record->node;
    d->by_operator = kind == GROUP_PLAN_MOVE || is_command(record->text);
    snprintf(d->why, sizeof d->why, "%s", record->text);
    if (moves(kind)) {
        ask_new(r, d);
    }
}

static void command(struct replay *r, enum group_command what, const char *text)
{
    struct baton_error error; /* it is so already */

    controller_command(r->controller, what, GROUP_NOBODY, false, "the history", text, &error);
}

/* What was the old one kept from, what was under way? */
static void follow_record(struct replay *r, const struct replay_record *record)
{
    const char *kind = record->kind;
    bool move = moves(kind_of(record->plan_kind));
    int i;

    if (strcmp(kind, group_record_name(GROUP_REC_PAUSE)) == 0) {
        snprintf(r->then.paused, sizeof r->then.paused, "the group was paused: %s", record->text);
        command(r, GROUP_CMD_PAUSE, record->text);
    } else if (strcmp(kind, group_record_name(GROUP_REC_RESUME)) == 0) {
        r->then.paused[0] = '\0';
        command(r, GROUP_CMD_RESUME, record->text);
        for (i = 0; i < r->setup.n_nodes; i++) {
            r->look[i].next_ms = r->clock.now_ms; /* it looks afresh */
        }
    } else if (strcmp(kind, group_record_name(GROUP_REC_HOLD)) == 0) {
        snprintf(r->then.hold, sizeof r->then.hold, "the group was on hold: %s", record->text);
    } else if (
        strcmp(kind, group_record_name(GROUP_REC_NOTE)) == 0 &&
        strncmp(record->text, "hold ", strlen("hold ")) == 0) {
        r->then.hold[0] = '\0';
    } else if (strcmp(kind, group_record_name(GROUP_REC_PLAN_BEGIN)) == 0 && move) {
        r->then.handover_from_ms = record->wall_ms;
        r->then.handover_to_ms = GROUP_NEVER_MS;
    } else if (strcmp(kind, group_record_name(GROUP_REC_PLAN_END)) == 0 && move) {
        /* Until the next look the old holder still is the holder here. */
        r->then.handover_to_ms = record->wall_ms + replay_table(r)->look_every_ms;
    }
}

enum baton_err replay_recorded(
    struct replay *replay, const struct replay_record *record, struct baton_error *error)
{
    enum baton_err err = BATON_OK;

    if (replay->seen_ms == 0) {
        return BATON_OK; /* before anything was observed there is nothing to decide from */
    }
    /* The decision of this moment, first: both may follow from the same observation. */
    if (record->wall_ms - replay->seen_ms <= replay->slowest_ms) {
        advance(replay, record->wall_ms);
    }
    if (strcmp(record->kind, group_record_name(GROUP_REC_PLAN_BEGIN)) == 0) {
        old_decided(replay, record);
    }
    follow_record(replay, record);
    if (replay->nomem) {
        err = baton_fail(error, BATON_NOMEM, "no memory for the decisions");
    }
    return err;
}

enum baton_err replay_end(struct replay *replay, struct baton_error *error)
{
    if (replay->seen_ms != 0) {
        advance(replay, replay->seen_ms + replay->slowest_ms);
    }
    return compare_all(replay, error);
}

/* ---- Out ---------------------------------------------------------------------------------- */

int replay_rows(const struct replay *replay, const struct replay_row **rows)
{
    *rows = replay->row;
    return replay->n_rows;
}

struct replay_sum replay_sum(const struct replay *replay)
{
    return replay->sum;
}
