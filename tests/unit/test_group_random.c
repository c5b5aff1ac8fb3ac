/* Random stories of a group: faults, lies, hands, kills, an eager policy and an operator, in
 * virtual time. At every instant the group must be sound; and when the faults are over,
 * exactly one node serves before long.
 *
 * Each story is made from its seed alone. A failure names it: BATON_SEED=n runs only that
 * one, BATON_STORIES=n runs so many. */
#include "group_story.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STORIES     3000
#define ACTIONS_MAX 40
#define BOUND_MS    200000 /* to one node serving, once nothing is wrong any more */
#define STEADY_MS   10000  /* … and it stays so */

static struct story s;
static uint64_t seed, state;
static int64_t epoch_seen;

/* splitmix64 */
static uint64_t roll(void)
{
    uint64_t z = state += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static int below(int n)
{
    return (int)(roll() % (uint64_t)n);
}

static bool chance(int percent)
{
    return below(100) < percent;
}

static void give_up(const char *what)
{
    const struct group *g = s.group;
    int i;

    story_say(
        &s, "holder %s, hold %s, paused %d, plans %s and %s\n", group_node_name(g, g->holder),
        group_hold_name(g->hold), g->paused, group_plan_name(g->plan[0].kind),
        group_plan_name(g->plan[1].kind));
    for (i = 0; i < g->n_nodes; i++) {
        const struct group_node *n = &g->node[i];

        story_say(
            &s, "%s %s: serves %d, seen %s %d times, fit %s, out %d\n", n->name,
            fsm_state_name(n->state), s.node[i].serving, group_answer_name(n->serving),
            n->serving_run, group_answer_name(n->fit), n->out);
    }
    ck_abort_msg(
        "%s\nrun it again with BATON_SEED=%llu test_group_random\nthe story so far:\n%s", what,
        (unsigned long long)seed, s.trace);
}

static void check_now(void)
{
    const struct group *g = s.group;
    int i, taking = 0;

    for (i = 0; i < g->n_nodes; i++) {
        taking += g->node[i].state == FSM_FAILING_OVER || g->node[i].state == FSM_FAILING_BACK;
    }
    if (taking > 1) {
        give_up("two nodes take over at once");
    }
    if (g->hold == GROUP_HOLD_FROZEN) {
        give_up(g->hold_why);
    }
    if (s.made_two > 0) {
        give_up("the group made a second node serve");
    }
    if (s.memory.epoch < epoch_seen) {
        give_up("the epoch went back");
    }
    epoch_seen = s.memory.epoch;
}

static void pass(int64_t ms)
{
    int64_t until = s.now_ms + ms;

    while (s.now_ms < until && !s.dead) {
        story_pass(&s, 50);
        check_now();
    }
}

/* What was under way as the daemon was killed took effect, or did not. */
static void boot(void)
{
    int slot;

    for (slot = 0; slot < GROUP_PLANS; slot++) {
        const struct story_run *run = &s.run[slot];
        struct story_node *n = &s.node[run->effect.u.run.node];

        if (run->busy && !run->done && n->up && chance(50) &&
            run->effect.u.run.kind == GROUP_STEP_STOP && !n->stop_fails && !n->stop_lies) {
            n->serving = false;
        }
    }
    s.now_ms += 50 + 50 * below(200);
    story_say(&s, "-- boots at %lld\n", (long long)s.now_ms);
    story_boot(&s);
    s.looked_ms = s.now_ms - s.look_every_ms;
    check_now();
}

static void node_fault(int node)
{
    struct story_node *n = &s.node[node];

    switch (below(9)) {
    case 0:
        n->up = false; /* it may well serve on */
        break;
    case 1:
        n->up = n->serving = n->by_hand = false; /* no power */
        break;
    case 2:
        n->stop_fails = !n->stop_fails;
        break;
    case 3:
        n->stop_lies = !n->stop_lies;
        break;
    case 4:
        n->start_fails = !n->start_fails;
        break;
    case 5:
        n->start_hangs = !n->start_hangs;
        break;
    case 6:
        n->verify_fails = !n->verify_fails;
        break;
    case 7:
        n->answer_lost = !n->answer_lost;
        break;
    default:
        n->fence_outcome = below(3);
        break;
    }
    story_say(
        &s,
        "-- server%02d: up %d serving %d stop fails %d lies %d start fails %d hangs %d verify "
        "fails %d lost %d fence %d\n",
        node + 1, n->up, n->serving, n->stop_fails, n->stop_lies, n->start_fails, n->start_hangs,
        n->verify_fails, n->answer_lost, n->fence_outcome);
}

static void well(int node)
{
    struct story_node *n = &s.node[node];

    n->stop_fails = n->stop_lies = n->start_fails = n->start_hangs = n->verify_fails = false;
    n->answer_lost = false;
    n->up = true;
    story_say(&s, "-- server%02d is well\n", node + 1);
}

/* Somebody starts or stops the service on a node by hand. */
static void by_hand(int node)
{
    struct story_node *n = &s.node[node];

    n->by_hand = !n->serving;
    n->serving = !n->serving;
    story_say(&s, "-- server%02d is %s by hand\n", node + 1, n->serving ? "started" : "stopped");
}

static void wish(int node)
{
    enum fsm_event on = chance(60) ? FSM_PROMOTE : FSM_RECLAIM;

    story_propose(&s, node, on, "an eager policy", NULL);
}

static void command(int node)
{
    enum group_command what = (enum group_command)below(5);
    bool force = chance(20);

    if (what == GROUP_CMD_CONFIRM_OUT && (s.node[node].serving || s.node[node].up)) {
        return; /* nobody vouches for what isn't so */
    }
    if (what == GROUP_CMD_PAUSE && chance(60)) {
        what = GROUP_CMD_RESUME;
    }
    story_say(&s, "-- %s server%02d\n", group_command_name(what), node + 1);
    story_order(&s, what, chance(70) ? node : GROUP_NOBODY, force, "a reason", NULL);
}

static void pace(void)
{
    static const int64_t looks[] = {0, 0, 100, 700, 2500}, writes[] = {0, 0, 50, 400};
    static const int64_t late[] = {0, 0, 200, 11000}, steps[] = {50, 100, 100, 2000};

    s.look_ms = looks[below(5)];
    s.write_ms = writes[below(4)];
    s.late_ms = late[below(4)];
    s.step_ms = steps[below(4)];
}

static void remedy(int node)
{
    struct group_event ev = {.kind = GROUP_EV_REMEDY};

    ev.u.remedy.node = node;
    ev.u.remedy.why = "an eager policy";
    story_feed(&s, &ev, NULL);
}

static void reload(void)
{
    s.rules.max_moves = 1 + below(3);
    if (group_set_rules(s.group, &s.rules, NULL) == BATON_OK) {
        story_say(&s, "-- other rules: %d moves\n", s.rules.max_moves);
    }
}

static void act(void)
{
    static const enum group_answer verdicts[] = {GROUP_YES, GROUP_YES, GROUP_NO, GROUP_UNSURE};
    int node = below(s.group->n_nodes);
    int what = below(100);

    if (what < 16) {
        node_fault(node);
    } else if (what < 27) {
        well(node);
    } else if (what < 34) {
        by_hand(node);
    } else if (what < 50) {
        story_verdict(&s, node, verdicts[below(4)], "a verdict");
    } else if (what < 68) {
        wish(node);
    } else if (what < 80) {
        command(node);
    } else if (what < 85) {
        s.journal_full = !s.journal_full;
        story_say(&s, "-- journal %s\n", s.journal_full ? "full" : "free");
    } else if (what < 90) {
        s.die_at_record = s.group->seq + 1 + below(12);
    } else if (what < 94) {
        pace();
    } else if (what < 96) {
        remedy(node);
    } else if (what < 98) {
        reload();
    } else {
        s.veto = !s.veto;
    }
}

/* ---- the end ---- */

/* Nothing is wrong any more, and somebody looks after what only a human can decide. */
static void heal(void)
{
    int i;

    story_say(&s, "-- all faults are over at %lld\n", (long long)s.now_ms);
    s.journal_full = s.veto = false;
    s.die_at_record = 0;
    s.look_ms = s.write_ms = s.late_ms = 0;
    s.step_ms = 100;
    for (i = 0; i < s.group->n_nodes; i++) {
        well(i);
        s.node[i].fence_outcome = GROUP_OK;
        story_verdict(&s, i, GROUP_YES, "all well");
    }
    if (s.dead) {
        boot();
    }
}

static void operate(void)
{
    bool first = true;
    int i;

    if (s.group->paused || s.group->hold == GROUP_HOLD_MOVES) {
        story_order(&s, GROUP_CMD_RESUME, GROUP_NOBODY, false, NULL, NULL);
    }
    for (i = 0; i < s.group->n_nodes && s.group->hold == GROUP_HOLD_TWO_SERVE; i++) {
        s.node[i].serving = s.node[i].serving && first;
        first = first && !s.node[i].serving;
    }
}

static void sane_policy(void)
{
    const struct group *g = s.group;
    int i;

    if (g->holder != GROUP_NOBODY && g->node[g->holder].fit != GROUP_NO) {
        return;
    }
    for (i = 0; i < g->n_nodes; i++) {
        if (g->node[i].state == FSM_STANDBY && g->node[i].fit == GROUP_YES) {
            story_propose(&s, i, FSM_PROMOTE, "the holder is not fit", NULL);
            return;
        }
    }
}

static bool all_is_well(void)
{
    const struct group *g = s.group;
    int i, serving = 0;

    for (i = 0; i < g->n_nodes; i++) {
        serving += s.node[i].serving;
    }
    return serving == 1 && g->holder != GROUP_NOBODY && s.node[g->holder].serving &&
           g->node[g->holder].state == FSM_ACTIVE && g->hold == GROUP_HOLD_NONE && !g->paused &&
           g->plan[0].kind == GROUP_PLAN_NONE && g->plan[1].kind == GROUP_PLAN_NONE;
}

static void must_recover(void)
{
    int64_t until = s.now_ms + BOUND_MS;
    int64_t well_since = GROUP_NEVER_MS;

    while (s.now_ms < until) {
        int i;

        pass(500);
        for (i = 0; i < s.group->n_nodes; i++) {
            s.node[i].up = true; /* what was fenced is switched on again */
        }
        if (!all_is_well()) {
            well_since = GROUP_NEVER_MS;
        } else if (well_since == GROUP_NEVER_MS) {
            well_since = s.now_ms;
        } else if (s.now_ms - well_since >= STEADY_MS) {
            return;
        }
        operate();
        sane_policy();
    }
    give_up("nothing is wrong any more, and still not exactly one node serves");
}

static void tell(uint64_t number)
{
    int i, n_nodes, n_actions;

    seed = state = number;
    epoch_seen = 0;
    n_nodes = 2 + below(2);
    story_begin(&s, n_nodes);
    s.steps_in_trace = true;
    s.rules.fence_unconfirmed = chance(50);
    s.rules.list[GROUP_LIST_VERIFY].count = below(2);
    pace();
    i = below(n_nodes + 1);
    if (i < n_nodes) {
        s.node[i].serving = s.node[i].by_hand = true;
    }
    story_boot(&s);
    if (chance(80)) {
        pass(15000);
    }
    n_actions = 1 + below(ACTIONS_MAX);
    for (i = 0; i < n_actions; i++) {
        act();
        check_now();
        pass(chance(30) ? 0 : chance(70) ? 50 * below(40) : 50 * below(400));
        if (s.dead) {
            boot();
        }
    }
    heal();
    must_recover();
    group_free(s.group);
    s.group = NULL;
}

START_TEST(whatever_happens_one_node_serves_and_never_two)
{
    const char *only = getenv("BATON_SEED"), *count = getenv("BATON_STORIES");
    uint64_t number, last = count != NULL ? strtoull(count, NULL, 10) : STORIES;

    if (only != NULL) {
        tell(strtoull(only, NULL, 10));
        return;
    }
    for (number = 1; number <= last; number++) {
        tell(number);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("group, at random");
    SRunner *runner = srunner_create(suite);
    TCase *tc = tcase_create("stories");
    int failed;

    tcase_set_timeout(tc, 0);
    tcase_add_test(tc, whatever_happens_one_node_serves_and_never_two);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
