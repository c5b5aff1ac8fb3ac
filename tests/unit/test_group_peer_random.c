/* Random stories of groups that share a leased baton: a store out of reach, answers that are late
 * or lost, daemons that stall, die and come back, nodes without power, an eager policy and an
 * operator. At no instant do two nodes serve; and when the faults are over, exactly one does
 * before long.
 *
 * Each story is made from its seed alone. A failure names it: BATON_SEED=n runs only that
 * one, BATON_STORIES=n runs so many. */
#include "peer_story.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STORIES     1500
#define ACTIONS_MAX 40
#define BOUND_MS    200000 /* to one node serving, once nothing is wrong any more */
#define STEADY_MS   10000  /* … and it stays so */

static struct peer_story s;
static uint64_t seed, state;
static int losses, lateness; /* percent of what is on its way; ms at most */
static int64_t epoch_seen[PEERS_MAX];

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

static int64_t delay(void)
{
    if (chance(losses)) {
        return -1;
    }
    return lateness > 0 && chance(30) ? below(lateness) : 0;
}

static void give_up(const char *what)
{
    int i;

    peer_story_say(
        &s, "store: epoch %lld, holder %d, lease %lld\n", (long long)s.store.epoch,
        s.store.holder + 1, (long long)s.store.lease);
    for (i = 0; i < s.n_nodes; i++) {
        const struct peer_node *n = &s.node[i];
        const struct group *g = n->group;

        peer_story_say(
            &s, "%d: down %d, serves %d, guard %lld", i + 1, n->down, n->serving,
            (long long)n->guard_ms);
        if (g != NULL) {
            peer_story_say(
                &s,
                ", %s, holder %s, hold %s, paused %d, plans %s and %s, fit %s, seen %s, "
                "mine %d, epoch %lld given %lld gone %lld, stop at %lld of %lld",
                fsm_state_name(g->node[i].state), group_node_name(g, g->holder),
                group_hold_name(g->hold), g->paused, group_plan_name(g->plan[0].kind),
                group_plan_name(g->plan[1].kind), group_answer_name(g->node[i].fit),
                group_answer_name(g->node[i].serving), g->peers->mine, (long long)g->peers->epoch,
                (long long)g->peers->given_epoch, (long long)g->peers->gone_epoch,
                (long long)g->peers->stop_at_ms, (long long)s.now_ms);
        }
        peer_story_say(&s, "\n");
    }
    ck_abort_msg(
        "%s\nrun it again with BATON_SEED=%llu test_group_peer_random\nthe story so far:\n%s", what,
        (unsigned long long)seed, s.trace);
}

static void check_now(void)
{
    int i;

    if (s.two_served > 0) {
        give_up("two nodes served at once");
    }
    for (i = 0; i < s.n_nodes; i++) {
        const struct peer_node *n = &s.node[i];

        if (n->group != NULL && n->group->hold == GROUP_HOLD_FROZEN) {
            give_up(n->group->hold_why);
        }
        if (n->recall.epoch < epoch_seen[i]) {
            give_up("the epoch in a journal went back");
        }
        epoch_seen[i] = n->recall.epoch;
    }
}

static void pass(int64_t ms)
{
    int64_t until = s.now_ms + ms;

    while (s.now_ms < until) {
        peer_story_pass(&s, 50);
        check_now();
    }
}

static void daemon_fault(int node)
{
    struct peer_node *n = &s.node[node];

    switch (below(4)) {
    case 0:
        n->stalled_ms = s.now_ms + 50 * below(500);
        peer_story_say(
            &s, "-- %lld: server%02d stands still until %lld\n", (long long)s.now_ms, node + 1,
            (long long)n->stalled_ms);
        break;
    case 1:
        peer_story_kill(&s, node);
        peer_story_say(&s, "-- %lld: server%02d: the daemon dies\n", (long long)s.now_ms, node + 1);
        break;
    case 2:
        peer_story_kill(&s, node);
        n->serving = false;
        n->guard_ms = 0;
        peer_story_say(&s, "-- %lld: server%02d has no power\n", (long long)s.now_ms, node + 1);
        break;
    default:
        peer_story_say(&s, "-- %lld: server%02d boots\n", (long long)s.now_ms, node + 1);
        peer_story_boot(&s, node);
        break;
    }
}

static void fault(int node)
{
    struct peer_node *n = &s.node[node];

    switch (below(7)) {
    case 0:
        n->cut = !n->cut;
        break;
    case 1:
        n->apart = !n->apart;
        break;
    case 2:
        n->cut = n->apart = true;
        break;
    case 3:
        n->start_fails = !n->start_fails;
        break;
    case 4:
        n->stop_fails = !n->stop_fails;
        break;
    case 5:
        n->verify_fails = !n->verify_fails;
        break;
    default:
        n->serving = false; /* it crashes */
        break;
    }
    peer_story_say(
        &s,
        "-- %lld: server%02d: cut %d apart %d start fails %d stop fails %d verify fails %d "
        "serves %d\n",
        (long long)s.now_ms, node + 1, n->cut, n->apart, n->start_fails, n->stop_fails,
        n->verify_fails, n->serving);
}

static void well(int node)
{
    struct peer_node *n = &s.node[node];

    n->cut = n->apart = n->start_fails = n->stop_fails = n->verify_fails = false;
    peer_story_say(&s, "-- %lld: server%02d is well\n", (long long)s.now_ms, node + 1);
}

static void put_pause(bool paused)
{
    peer_story_say(&s, "-- %lld: %s\n", (long long)s.now_ms, paused ? "paused" : "no more paused");
    peer_story_pause(&s, paused);
}

static void command(int node)
{
    int by = below(s.n_nodes);

    switch (below(5)) {
    case 0:
        put_pause(true);
        break;
    case 1:
        put_pause(false);
        break;
    case 2:
        peer_story_order(&s, by, GROUP_CMD_FAILBACK, GROUP_NOBODY, false, NULL, NULL);
        break;
    default:
        peer_story_order(&s, by, GROUP_CMD_FAILOVER, node, chance(30), "a reason", NULL);
        break;
    }
}

static void the_network(void)
{
    static const int lost[] = {0, 0, 5, 30}, late[] = {0, 0, 300, 2500, 9000};
    int i;

    losses = lost[below(4)];
    lateness = late[below(5)];
    peer_story_say(
        &s, "-- %lld: %d in 100 are lost, late by up to %d ms\n", (long long)s.now_ms, losses,
        lateness);
    if (chance(30)) {
        for (i = 0; i < s.n_nodes; i++) {
            s.node[i].cut = true;
        }
        peer_story_say(&s, "-- the store is out of reach for all\n");
    }
}

static void act(void)
{
    static const enum group_answer verdicts[] = {GROUP_YES, GROUP_YES, GROUP_NO, GROUP_UNSURE};
    int node = below(s.n_nodes);
    int what = below(100);

    if (what < 15) {
        daemon_fault(node);
    } else if (what < 32) {
        fault(node);
    } else if (what < 45) {
        well(node);
    } else if (what < 58) {
        enum group_answer verdict = verdicts[below(4)];

        peer_story_say(
            &s, "-- %lld: server%02d fit: %s\n", (long long)s.now_ms, node + 1,
            group_answer_name(verdict));
        peer_story_verdict(&s, node, verdict, "a verdict");
    } else if (what < 75) {
        peer_story_propose(
            &s, below(s.n_nodes), node, chance(50) ? FSM_PROMOTE : FSM_RECLAIM, "an eager policy",
            NULL);
    } else if (what < 86) {
        command(node);
    } else if (what < 90) {
        s.node[node].journal_full = !s.node[node].journal_full;
        peer_story_say(
            &s, "-- %lld: server%02d: journal full %d\n", (long long)s.now_ms, node + 1,
            s.node[node].journal_full);
    } else if (what < 95) {
        the_network();
    } else if (what < 97) {
        s.lose_grant = true;
    } else if (what < 99) {
        s.lose_release = true;
    } else {
        s.step_ms = 100 + 50 * below(30);
    }
}

/* ---- the end ---- */

static void heal(void)
{
    int i;

    peer_story_say(&s, "-- all faults are over at %lld\n", (long long)s.now_ms);
    losses = lateness = 0;
    s.step_ms = 100;
    s.write_ms = 0;
    s.lose_grant = s.lose_release = false;
    for (i = 0; i < s.n_nodes; i++) {
        well(i);
        s.node[i].journal_full = false;
        s.node[i].stalled_ms = 0;
        if (s.node[i].down) {
            peer_story_boot(&s, i);
        }
        peer_story_verdict(&s, i, GROUP_YES, "all well");
    }
}

static void operate(void)
{
    int i;

    if (s.store.paused) {
        put_pause(false);
    }
    for (i = 0; i < s.n_nodes; i++) {
        const struct group *g = s.node[i].group;

        if (g->hold == GROUP_HOLD_MOVES) {
            peer_story_order(&s, i, GROUP_CMD_RESUME, GROUP_NOBODY, false, NULL, NULL);
        }
    }
}

/* Each node's policy gives up a holder that is not fit. */
static void sane_policy(int by)
{
    const struct group *g = s.node[by].group;
    int i;

    if (g->holder != by || g->node[by].fit != GROUP_NO) {
        return;
    }
    for (i = 0; i < g->n_nodes; i++) {
        if (i != by && g->node[i].state == FSM_STANDBY && g->node[i].fit == GROUP_YES) {
            peer_story_propose(&s, by, i, FSM_PROMOTE, "the holder is not fit", NULL);
            return;
        }
    }
}

static bool all_is_well(void)
{
    int i, serving = 0, holder = s.store.holder;

    for (i = 0; i < s.n_nodes; i++) {
        const struct group *g = s.node[i].group;

        serving += s.node[i].serving;
        if (g->holder != holder || g->paused || g->hold != GROUP_HOLD_NONE ||
            g->plan[0].kind != GROUP_PLAN_NONE || g->plan[1].kind != GROUP_PLAN_NONE) {
            return false;
        }
    }
    return serving == 1 && holder >= 0 && s.node[holder].serving &&
           s.node[holder].group->node[holder].state == FSM_ACTIVE;
}

static void must_recover(void)
{
    int64_t until = s.now_ms + BOUND_MS;
    int64_t well_since = GROUP_NEVER_MS;
    int i;

    while (s.now_ms < until) {
        pass(500);
        if (!all_is_well()) {
            well_since = GROUP_NEVER_MS;
        } else if (well_since == GROUP_NEVER_MS) {
            well_since = s.now_ms;
        } else if (s.now_ms - well_since >= STEADY_MS) {
            return;
        }
        operate();
        for (i = 0; i < s.n_nodes; i++) {
            sane_policy(i);
        }
    }
    give_up("nothing is wrong any more, and still not exactly one node serves");
}

static void tell(uint64_t number)
{
    int i, n_actions;

    seed = state = number;
    losses = lateness = 0;
    memset(epoch_seen, 0, sizeof epoch_seen);
    peer_story_begin(&s, 2 + below(2));
    s.steps_in_trace = true;
    s.delay = delay;
    s.failsafe = chance(50);
    s.guardian = true;
    s.write_ms = chance(30) ? 100 : 0;
    s.rules.list[GROUP_LIST_VERIFY].count = below(2);
    i = below(s.n_nodes + 1);
    if (i < s.n_nodes) {
        s.node[i].serving = s.node[i].by_hand = true;
    }
    for (i = 0; i < s.n_nodes; i++) {
        peer_story_boot(&s, i);
    }
    if (chance(80)) {
        pass(8000);
    }
    n_actions = 1 + below(ACTIONS_MAX);
    for (i = 0; i < n_actions; i++) {
        act();
        check_now();
        pass(chance(30) ? 0 : chance(70) ? 50 * below(40) : 50 * below(400));
    }
    heal();
    must_recover();
    for (i = 0; i < s.n_nodes; i++) {
        peer_story_kill(&s, i);
    }
}

START_TEST(whatever_happens_never_two_serve_and_the_service_returns)
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
    Suite *suite = suite_create("group, among peers, at random");
    SRunner *runner = srunner_create(suite);
    TCase *tc = tcase_create("stories");
    int failed;

    tcase_set_timeout(tc, 0);
    tcase_add_test(tc, whatever_happens_never_two_serve_and_the_service_returns);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
