#include "policy/lint.h"

#include "base/memory.h"
#include "policy/host.h"

#include <assert.h>
#include <lauxlib.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINT_MOVE_MS 30000 /* one unplanned move after another can't well come sooner */
#define LINT_DAY_MS  (24 * 3600 * INT64_C(1000))

struct lint {
    struct policy *policy;
    lint_found_fn *found;
    void *arg;
    int count;
    uint32_t read;     /* probes that some verdict read */
    uint32_t read_fit; /* … that `fit` read */
    bool broke;        /* a verdict broke a rule, and that has been said */
    struct group *group;
    struct group_effects *fx;
};

static void find_at(struct lint *lint, struct host_place place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void find_at(struct lint *lint, struct host_place place, const char *format, ...)
{
    char text[BATON_ERROR_TEXT_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    lint->count++;
    lint->found(lint->arg, lint->policy->file[place.file], place.line, text);
}

static struct host_place table_of(const struct lint *lint)
{
    return (struct host_place){1, lint->policy->table_line};
}

/* The thing's own line, or that of the policy's table. */
static struct host_place place_or_table(const struct lint *lint, struct host_place place)
{
    return place.line > 0 ? place : table_of(lint);
}

/* "0.2", "3600"; the same in every locale. */
static const char *seconds(int64_t ms, char text[32])
{
    int len = snprintf(text, 32, "%lld.%03d", (long long)(ms / 1000), (int)(ms % 1000));

    while (text[len - 1] == '0') {
        text[--len] = '\0';
    }
    if (text[len - 1] == '.') {
        text[len - 1] = '\0';
    }
    return text;
}

/* ---- Figures ------------------------------------------------------------------------- */

static void look_at_probe(struct lint *lint, int i)
{
    const struct policy_probe *probe = &lint->policy->table.probe[i];
    const struct group_probe_rules *rules = &lint->policy->table.rules.probe[i];
    struct host_place place = place_or_table(lint, lint->policy->probe_place[i]);
    char timeout[32], every[32], fall[32];

    /* A script's time is its own business: it may ask several things, one after the other. */
    if (!probe->scripted && probe->timeout_ms >= probe->every_ms) {
        find_at(
            lint, place,
            "probe %s: timeout = %s is not below every = %s: while no answer comes it is asked "
            "less often than it says, and fall = %d takes %s s; give it a shorter timeout",
            rules->name, seconds(probe->timeout_ms, timeout), seconds(probe->every_ms, every),
            rules->fall, seconds(probe->timeout_ms * rules->fall, fall));
    }
    if (rules->fall == 1 && (lint->read_fit >> i & 1) != 0) {
        find_at(
            lint, place,
            "probe %s: with fall = 1 a single lost answer makes a node unfit; take 2 or more",
            rules->name);
    }
    if ((lint->read >> i & 1) == 0) {
        find_at(
            lint, place,
            "probe %s: neither fit nor a guard or remedy ever reads it; name it there, or leave "
            "it out",
            rules->name);
    }
}

/* What stands before the last dot of an effect: what it moves. */
static size_t thing_len(const char *effect)
{
    const char *dot = strrchr(effect, '.');

    return dot == NULL ? strlen(effect) : (size_t)(dot - effect);
}

static bool is_stopped(const struct lint *lint, const char *effect)
{
    int i;

    for (i = 0; i < lint->policy->table.rules.list[GROUP_LIST_STOP].count; i++) {
        const char *other = policy_effect(lint->policy, POLICY_STOP, i);

        if (other != NULL && thing_len(other) == thing_len(effect) &&
            strncmp(other, effect, thing_len(effect)) == 0) {
            return true;
        }
    }
    return false;
}

static void look_at_action(struct lint *lint, enum group_list list, int i)
{
    const struct group_action_rules *rules = &lint->policy->table.rules.list[list].action[i];
    const struct host_action *action = &lint->policy->list_action[list][i];
    struct host_place place = place_or_table(lint, action->place);
    bool start = list == GROUP_LIST_START;
    const char *effect = action->effect;

    if (start && !action->has_look) {
        find_at(
            lint, place,
            "start action %s: without a look nobody sees whether it worked, and it is run again "
            "where it was done already; give it look = function(node) … end",
            rules->name);
    }
    if (action->has_run && effect == NULL) {
        find_at(
            lint, place,
            "%s action %s: it declares no effect, so the simulator does not know what it moves; "
            "give it one, such as effect = \"service.%s\"",
            start ? "start" : "stop", rules->name, start ? "start" : "stop");
    }
    if (start && effect != NULL && !rules->has_undo && !is_stopped(lint, effect)) {
        find_at(
            lint, place,
            "start action %s: no stop action has an effect on \"%.*s\", and it has no undo: a "
            "node keeps what it started; let stop take it down",
            rules->name, (int)thing_len(effect), effect);
    }
}

static void look_at_remedy(struct lint *lint, int i)
{
    const struct group_remedy_rules *rules = &lint->policy->table.rules.remedy[i];
    struct host_place place = place_or_table(lint, lint->policy->remedy_action[i].place);
    char each[32], within[32];

    if (rules->within_ms < rules->action.deadline_ms * rules->attempts_max) {
        find_at(
            lint, place,
            "remedy %s: %d attempts of up to %s s do not fit into within = %s, so it may be tried "
            "for ever and the holder is never given up; take a longer within",
            rules->action.name, rules->attempts_max, seconds(rules->action.deadline_ms, each),
            seconds(rules->within_ms, within));
    }
}

/* A floating address that no move takes along: the clients never follow. Where an action
 * does not say what it moves, it may be this. */
static void look_at_address(struct lint *lint)
{
    static const char address[] = "address";
    int i, count = lint->policy->table.rules.list[GROUP_LIST_START].count;

    for (i = 0; i < count; i++) {
        const char *effect = policy_effect(lint->policy, POLICY_START, i);

        if (effect == NULL || (thing_len(effect) == strlen(address) &&
                               strncmp(effect, address, strlen(address)) == 0)) {
            return;
        }
    }
    if (lint->policy->site->floating != NULL) {
        find_at(
            lint, table_of(lint),
            "the group has a floating address, and no start action has an effect on \"address\": "
            "let one take it, as floating_ip.add() does, or configure none");
    }
}

static void look_at_rules(struct lint *lint)
{
    const struct group_rules *rules = &lint->policy->table.rules;
    const struct group_list_rules *start = &rules->list[GROUP_LIST_START];
    bool all_look = true;
    char window[32];
    int i;

    for (i = 0; i < start->count; i++) {
        all_look = all_look && lint->policy->list_action[GROUP_LIST_START][i].has_look;
    }
    /* Where each start action ends with a look, that is a verdict too. */
    if (rules->list[GROUP_LIST_VERIFY].count == 0 && !all_look) {
        find_at(
            lint, table_of(lint),
            "there is no verify: a move counts as done though nobody looked whether clients are "
            "served; give it verify = { probe.… { via = \"floating\" } }");
    }
    if (rules->window_ms < rules->max_moves * (int64_t)LINT_MOVE_MS) {
        find_at(
            lint, table_of(lint),
            "max_moves = %d in window = %s: a service that goes to and fro does not move so often "
            "in so short a time, so the limit never ends it; window = 3600 is usual",
            rules->max_moves, seconds(rules->window_ms, window));
    }
    if (rules->look_fall == 1) {
        find_at(
            lint, table_of(lint),
            "look_fall = 1: a single look that goes wrong makes the holder unfit; take 2 or more");
    }
}

/* ---- Verdicts, on a stage of their own ------------------------------------------------- */

static void take(struct lint *lint, const struct group_event *event)
{
    struct group_event recorded = {.kind = GROUP_EV_RECORDED};
    struct baton_error error;

    lint->fx->count = 0;
    group_step(lint->group, event, lint->fx, &error);
    if (lint->group->recorded_seq < lint->group->seq) {
        recorded.now_ms = lint->group->now_ms;
        recorded.u.recorded.seq = lint->group->seq;
        lint->fx->count = 0;
        group_step(lint->group, &recorded, lint->fx, &error);
    }
}

/* One observation is enough here. */
static void observe(struct lint *lint, int probe, enum group_outcome outcome)
{
    int node;

    for (node = 0; node < lint->group->n_nodes; node++) {
        struct group_event event = {.kind = GROUP_EV_OBSERVED, .now_ms = lint->group->now_ms};

        event.u.observed.node = node;
        event.u.observed.probe = probe;
        event.u.observed.outcome = outcome;
        event.u.observed.detail = "";
        if (!group_probe_rests(lint->group, node, probe)) {
            take(lint, &event);
        }
    }
}

/* A verdict broke a rule; the host's words begin with "file:line: ". */
static void verdict_broke(struct lint *lint, const struct baton_error *error)
{
    struct host_place place = table_of(lint);
    const char *file = lint->policy->file[1], *text = error->text;
    size_t len = strlen(file);
    char *end;

    if (lint->broke) {
        return;
    }
    lint->broke = true;
    if (strncmp(text, file, len) == 0 && text[len] == ':') {
        place.line = (int)strtol(text + len + 1, &end, 10);
        text = end + strspn(end, ": ");
    }
    find_at(
        lint, place, "a verdict breaks, and the group would hold: %.*s", (int)strcspn(text, "\n"),
        text);
}

/* What fit says of each node, and whether it reads what nobody has read yet. */
static void judge(struct lint *lint)
{
    struct policy_verdict verdict;
    struct baton_error error;
    int node;

    lint->policy->touched = 0;
    for (node = 0; node < lint->group->n_nodes; node++) {
        struct group_event event = {.kind = GROUP_EV_VERDICT, .now_ms = lint->group->now_ms};

        if (policy_fit(lint->policy, node, &verdict, &error) != BATON_OK) {
            verdict_broke(lint, &error);
            continue;
        }
        event.u.verdict.node = node;
        event.u.verdict.fit = verdict.answer;
        event.u.verdict.why = verdict.why;
        take(lint, &event);
    }
    lint->read_fit |= lint->policy->fit_ref == LUA_NOREF ? ~(uint32_t)0 : lint->policy->touched;
    lint->read |= lint->read_fit;
}

static void ask_the_others(struct lint *lint)
{
    const struct policy_table *table = &lint->policy->table;
    struct policy_verdict verdict;
    struct baton_error error;
    int node, i;

    lint->policy->touched = 0;
    for (node = 0; node < lint->group->n_nodes; node++) {
        for (i = 0; i < table->n_transitions; i++) {
            if (policy_guard(lint->policy, i, node, &verdict, &error) != BATON_OK) {
                verdict_broke(lint, &error);
            }
        }
        for (i = 0; i < table->rules.n_remedies; i++) {
            if (policy_remedy_when(lint->policy, i, node, &verdict, &error) != BATON_OK) {
                verdict_broke(lint, &error);
            }
        }
    }
    lint->read |= lint->policy->touched;
}

/* A group that has just settled with this holder, all that is probed ok. */
static enum baton_err set_stage(struct lint *lint, int holder, struct baton_error *error)
{
    const struct policy_site *site = lint->policy->site;
    struct group_rules rules = lint->policy->table.rules;
    struct group_setup setup = {
        .name = site->group,
        .n_nodes = site->n_nodes,
        .rules = &rules,
        .memory = {.known = holder != GROUP_NOBODY, .holder = holder, .epoch = 1},
        .now_ms = LINT_DAY_MS,
    };
    enum baton_err err;
    int i;

    for (i = 0; i < rules.n_probes; i++) {
        rules.probe[i].rise = rules.probe[i].fall = 1;
    }
    rules.settle_ms = LINT_DAY_MS; /* nothing is started here */
    for (i = 0; i < site->n_nodes; i++) {
        snprintf(setup.node[i].name, sizeof setup.node[i].name, "%s", site->node[i].name);
        setup.node[i].priority = site->node[i].priority;
    }
    err = group_new(&setup, &lint->group, error);
    if (err != BATON_OK) {
        return err;
    }
    policy_bind(lint->policy, lint->group);
    for (i = 0; i < site->n_nodes; i++) {
        struct group_event event = {.kind = GROUP_EV_LOOKED, .now_ms = setup.now_ms};

        event.u.looked.node = i;
        event.u.looked.serving = i == holder ? GROUP_YES : GROUP_NO;
        event.u.looked.began_ms = setup.now_ms;
        event.u.looked.detail = "";
        take(lint, &event);
    }
    for (i = 0; i < rules.n_probes; i++) {
        observe(lint, i, GROUP_OK);
    }
    judge(lint);
    return BATON_OK;
}

static void clear_stage(struct lint *lint)
{
    lint->policy->group = NULL;
    group_free(lint->group);
    lint->group = NULL;
}

static bool all_read(const struct lint *lint)
{
    int n = lint->policy->table.rules.n_probes;
    uint32_t all = n == 32 ? ~(uint32_t)0 : ((uint32_t)1 << n) - 1;

    return (lint->read & all) == all;
}

static void look_around(struct lint *lint)
{
    judge(lint);
    ask_the_others(lint);
}

/* All probes are `most`, then each in turn is `one` among them. */
static void play(struct lint *lint, enum group_outcome most, enum group_outcome one)
{
    int n = lint->policy->table.rules.n_probes, i;

    for (i = 0; i < n; i++) {
        observe(lint, i, most);
    }
    look_around(lint);
    for (i = 0; i < n; i++) {
        observe(lint, i, one);
        look_around(lint);
        observe(lint, i, most);
    }
}

/* With this holder: is a probe read only when another has failed, or much later? */
static enum baton_err play_all(struct lint *lint, int holder, struct baton_error *error)
{
    struct group_event tick = {.kind = GROUP_EV_TICK};
    enum baton_err err = set_stage(lint, holder, error);

    if (err == BATON_OK) {
        play(lint, GROUP_OK, GROUP_FAIL);
        play(lint, GROUP_FAIL, GROUP_OK);
        play(lint, GROUP_UNKNOWN, GROUP_OK);
        tick.now_ms = lint->group->now_ms + LINT_DAY_MS / 2;
        take(lint, &tick);
        play(lint, GROUP_FAIL, GROUP_OK);
        play(lint, GROUP_OK, GROUP_FAIL);
        tick.now_ms += LINT_DAY_MS / 4;
        take(lint, &tick);
        look_around(lint);
    }
    clear_stage(lint);
    return err;
}

/* The last node holds the baton, all is well and the first one has been fit for no time:
 * what do the guards want? */
static enum baton_err look_at_guards(struct lint *lint, struct baton_error *error)
{
    const struct policy_table *table = &lint->policy->table;
    int last = lint->policy->site->n_nodes - 1, i;
    enum baton_err err = last == 0 ? BATON_OK : set_stage(lint, last, error);
    struct policy_verdict verdict;

    for (i = 0; last > 0 && err == BATON_OK && i < table->n_transitions; i++) {
        struct host_place place = {1, table->transition[i].line};
        bool back = table->transition[i].on == FSM_RECLAIM;

        if (lint->group->node[0].state != FSM_STANDBY ||
            lint->group->node[last].state != FSM_ACTIVE ||
            policy_guard(lint->policy, i, 0, &verdict, NULL) != BATON_OK ||
            verdict.answer != GROUP_YES) {
            continue;
        }
        if (!back) {
            find_at(
                lint, place_or_table(lint, place),
                "this failover is wanted (\"%.100s\") although the holder serves and is fit; wait "
                "for it to be unfit, such as when = holder_unfit_for(6)",
                verdict.why);
        } else if (lint->group->node[0].priority < lint->group->node[last].priority) {
            find_at(
                lint, place_or_table(lint, place),
                "this failback is wanted (\"%.100s\") as soon as the node is fit again: one that "
                "comes and goes takes the service with it; let it wait, such as when = "
                "preferred_fit_for(600)",
                verdict.why);
        }
    }
    clear_stage(lint);
    return err;
}

/* ---- The call ------------------------------------------------------------------------ */

static enum baton_err ask_verdicts(struct lint *lint, struct baton_error *error)
{
    int last = lint->policy->site->n_nodes - 1;
    enum baton_err err = play_all(lint, 0, error);

    if (err == BATON_OK && !all_read(lint)) {
        err = play_all(lint, last, error);
    }
    if (err == BATON_OK && !all_read(lint)) {
        err = play_all(lint, GROUP_NOBODY, error);
    }
    return err;
}

enum baton_err lint_policy(
    struct policy *policy, lint_found_fn *found, void *arg, int *count, struct baton_error *error)
{
    struct lint lint = {.policy = policy, .found = found, .arg = arg};
    const struct group_rules *rules = &policy->table.rules;
    enum baton_err err;
    int i;

    assert(policy->group == NULL);
    *count = 0;
    lint.fx = memory_zeroed(1, sizeof *lint.fx);
    if (lint.fx == NULL) {
        return baton_fail(error, BATON_NOMEM, "%s: no memory to look at it", policy->file[1]);
    }
    err = ask_verdicts(&lint, error);
    if (err == BATON_OK) {
        look_at_rules(&lint);
        look_at_address(&lint);
        for (i = 0; i < rules->n_probes; i++) {
            look_at_probe(&lint, i);
        }
        err = look_at_guards(&lint, error);
    }
    for (i = 0; err == BATON_OK && i < rules->n_remedies; i++) {
        look_at_remedy(&lint, i);
    }
    for (i = 0; err == BATON_OK && i < rules->list[GROUP_LIST_STOP].count; i++) {
        look_at_action(&lint, GROUP_LIST_STOP, i);
    }
    for (i = 0; err == BATON_OK && i < rules->list[GROUP_LIST_START].count; i++) {
        look_at_action(&lint, GROUP_LIST_START, i);
    }
    memory_free(lint.fx);
    *count = lint.count;
    return err;
}
