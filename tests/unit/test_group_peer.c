/* Stories of groups that share a leased baton, one for each node: what happens, told in the words
 * of their traces. "1: …" is said by the Baton of server01. */
#include "peer_story.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct peer_story s;

static struct group *group_of(int node)
{
    return s.node[node].group;
}

static bool traced(const char *part)
{
    return strstr(s.trace, part) != NULL;
}

#define ck_traced(part) ck_assert_msg(traced(part), "no \"%s\" in\n%s", part, s.trace)
#define ck_serves(who)  ck_assert_msg(s.node[who].serving, "it does not serve:\n%s", s.trace)

/* ---- who takes it ---- */

START_TEST(the_best_node_takes_the_free_baton_and_starts)
{
    peer_story_begin(&s, 2);
    s.steps_in_trace = true;
    peer_story_boot(&s, 0);
    peer_story_boot(&s, 1);
    peer_story_pass(&s, 6000);
    peer_story_expect(
        &s,
        "1: server01 Unknown → Standby: all well\n"
        "2: server02 Unknown → Standby: all well\n"
        "1: server01 Standby → FailingOver: nobody holds the baton, server01 is the best fit node\n"
        "1: [failover] start begins: nobody → server01: nobody holds the baton, server01 is the "
        "best fit node\n"
        "1:   grant on server01\n"
        "1:   start: mail on server01\n"
        "1:   verify: smtp on server01\n"
        "1: server01 FailingOver → Active: start done in 300 ms\n"
        "1: [completed] start to server01 done in 300 ms, epoch 1\n");
    peer_story_end(&s);
}
END_TEST

START_TEST(the_holder_loses_power_and_the_other_takes_over_when_the_lease_is_out)
{
    peer_story_normal(&s, 2);
    s.steps_in_trace = true;
    peer_story_kill(&s, 0);
    s.node[0].serving = false;
    peer_story_pass(&s, 15000);
    peer_story_expect(
        &s,
        "2: server02 Standby → FailingOver: nobody holds the baton, server02 is the best fit node\n"
        "2: [failover] failover begins: nobody → server02: nobody holds the baton, server02 is the "
        "best fit node\n"
        "2:   grant on server02\n"
        "2:   start: mail on server02\n"
        "2:   verify: smtp on server02\n"
        "2: server02 FailingOver → Active: failover done in 300 ms\n"
        "2: [completed] failover to server02 done in 300 ms, epoch 2\n");
    ck_assert_int_eq(group_of(1)->n_moves, 1);
    peer_story_end(&s);
}
END_TEST

START_TEST(a_better_node_that_does_not_take_it_has_its_time_and_no_more)
{
    peer_story_normal(&s, 3);
    s.node[1].start_fails = true;
    peer_story_kill(&s, 0);
    s.node[0].serving = false;
    peer_story_pass(&s, 7000);
    s.node[1].stalled_ms = s.now_ms + 12000; /* its lease lives on for a while */
    peer_story_pass(&s, 3200);
    ck_assert_int_eq(group_of(2)->peers->holder, GROUP_NOBODY);
    peer_story_pass(&s, 4000);
    ck_serves(2);
    peer_story_end(&s);
}
END_TEST

START_TEST(whoever_serves_before_the_first_baton_came_is_taken_up_as_it_is)
{
    peer_story_begin(&s, 2);
    s.steps_in_trace = true;
    s.node[1].serving = s.node[1].by_hand = true;
    peer_story_boot(&s, 0);
    peer_story_boot(&s, 1);
    peer_story_pass(&s, 6000);
    peer_story_expect(
        &s,
        "1: server01 Unknown → Standby: all well\n"
        "2:   grant on server02\n"
        "2: server02 Unknown → Active: it serves, and the store names it\n"
        "2: [adopted] server02 is the holder with epoch 1: it serves, and the store names it\n");
    peer_story_end(&s);
}
END_TEST

START_TEST(a_daemon_that_comes_back_finds_its_service_untouched)
{
    peer_story_normal(&s, 2);
    s.steps_in_trace = true;
    peer_story_boot(&s, 0);
    peer_story_pass(&s, 4000);
    peer_story_expect(
        &s,
        "1: server01 Unknown → Active: it serves, and the store names it\n"
        "1: [adopted] server01 is the holder with epoch 1: it serves, and the store names it\n");
    ck_assert_int_eq(s.store.epoch, 1);
    peer_story_end(&s);
}
END_TEST

START_TEST(a_paused_group_takes_nothing)
{
    peer_story_normal(&s, 2);
    peer_story_pause(&s, true);
    peer_story_pass(&s, 500);
    s.trace[0] = '\0';
    peer_story_kill(&s, 0);
    s.node[0].serving = false;
    peer_story_pass(&s, 30000);
    peer_story_expect(&s, "");
    peer_story_pause(&s, false);
    peer_story_pass(&s, 2000);
    ck_serves(1);
    peer_story_end(&s);
}
END_TEST

START_TEST(nobody_takes_a_baton_that_a_stranger_holds)
{
    struct baton_error error;

    peer_story_normal(&s, 2);
    peer_story_kill(&s, 0);
    s.node[0].serving = false;
    s.store.lease = 99;
    s.store.holder = GROUP_STRANGER;
    s.store.epoch = 2;
    s.store.revision++;
    peer_story_pass(&s, 30000);
    ck_assert(!s.node[1].serving);
    ck_assert_int_eq(
        peer_story_propose(&s, 1, 1, FSM_PROMOTE, "nobody serves", &error), BATON_REFUSED);
    ck_assert_str_eq(
        error.text, "the baton is held by a node that is not in this configuration: its own Baton "
                    "decides");
    peer_story_end(&s);
}
END_TEST

/* ---- handing it over ---- */

static void to_server02(void)
{
    peer_story_normal(&s, 2);
    ck_assert_int_eq(
        peer_story_order(&s, 0, GROUP_CMD_FAILOVER, 1, false, "an exercise", NULL), BATON_OK);
    peer_story_pass(&s, 3000);
    ck_serves(1);
    ck_assert_int_eq(group_of(0)->node[0].state, FSM_STANDBY);
    ck_assert_int_eq(group_of(0)->n_moves + group_of(1)->n_moves, 0); /* it was wished */
    s.trace[0] = '\0';
}

START_TEST(the_holder_hands_it_to_the_preferred_node_and_that_one_starts)
{
    to_server02();
    s.steps_in_trace = true;
    ck_assert_int_eq(
        peer_story_propose(&s, 1, 0, FSM_RECLAIM, "server01 is well again", NULL), BATON_OK);
    peer_story_pass(&s, 3000);
    peer_story_expect(
        &s, "2: [failback] failback begins: server02 → server01: server01 is well again\n"
            "2:   ask on server01\n"
            "2:   stop: mail on server02\n"
            "2:   look on server02\n"
            "2:   grant on server01\n"
            "2: server02 Active → Standby: stopped, and the baton is passed on\n"
            "2: [lease] the baton is passed to server01, epoch 3: its own Baton starts it there\n"
            "1: server01 Standby → FailingBack: server01 is well again\n"
            "1: [failback] failback begins: nobody → server01: server01 is well again\n"
            "1:   start: mail on server01\n"
            "1:   verify: smtp on server01\n"
            "1: server01 FailingBack → Active: failback done in 200 ms\n"
            "1: [completed] failback to server01 done in 200 ms, epoch 3\n");
    ck_assert_int_eq(s.store.epoch, 3);
    peer_story_end(&s);
}
END_TEST

START_TEST(a_move_that_is_another_batons_is_refused_with_its_name)
{
    struct baton_error error;

    to_server02();
    ck_assert_int_eq(
        peer_story_propose(&s, 0, 0, FSM_RECLAIM, "well again", &error), BATON_REFUSED);
    ck_assert_str_eq(error.text, "server02 holds the baton: its own Baton decides");
    ck_assert_int_eq(
        peer_story_order(&s, 0, GROUP_CMD_FAILBACK, GROUP_NOBODY, false, NULL, &error),
        BATON_REFUSED);
    ck_assert_str_eq(error.text, "server02 holds the baton: its own Baton decides");
    ck_assert_int_eq(group_may_remedy(group_of(0), 1, 0, &error), BATON_REFUSED);
    ck_assert_str_eq(error.text, "server02 is looked after by its own Baton");
    peer_story_end(&s);
}
END_TEST

START_TEST(a_veto_keeps_it_where_it_is)
{
    to_server02();
    s.node[1].veto = true;
    peer_story_propose(&s, 1, 0, FSM_RECLAIM, "server01 is well again", NULL);
    peer_story_pass(&s, 3000);
    ck_traced("2: [cancelled] failback to server01 cancelled: vetoed by a before-move hook");
    ck_serves(1);
    ck_assert_int_eq(s.store.epoch, 2);
    peer_story_end(&s);
}
END_TEST

START_TEST(it_was_passed_and_the_answer_is_lost)
{
    to_server02();
    s.steps_in_trace = true;
    s.lose_grant = true;
    peer_story_propose(&s, 1, 0, FSM_RECLAIM, "server01 is well again", NULL);
    peer_story_pass(&s, 5000);
    peer_story_expect(
        &s, "2: [failback] failback begins: server02 → server01: server01 is well again\n"
            "2:   ask on server01\n"
            "2:   stop: mail on server02\n"
            "2:   look on server02\n"
            "2:   grant on server01\n"
            "1: server01 Standby → FailingBack: server01 is well again\n"
            "1: [failback] failback begins: nobody → server01: server01 is well again\n"
            "1:   start: mail on server01\n"
            "1:   verify: smtp on server01\n"
            "1: server01 FailingBack → Active: failback done in 200 ms\n"
            "1: [completed] failback to server01 done in 200 ms, epoch 3\n"
            "2: server02 Active → Standby: the baton may have been passed on\n"
            "2: [cancelled] failback to server01 cancelled: grant on server01: no answer of the "
            "store\n");
    ck_serves(0);
    peer_story_end(&s);
}
END_TEST

/* The request stays on its way, and the store still names the one who asked. */
static void lose_the_pass_itself(void)
{
    to_server02();
    s.steps_in_trace = true;
    peer_story_propose(&s, 1, 0, FSM_RECLAIM, "server01 is well again", NULL);
    while (!s.node[1].run[0].busy || !s.node[1].run[0].in_store) {
        peer_story_pass(&s, 50);
    }
    s.trace[0] = '\0';
}

START_TEST(nobody_knows_whether_it_was_passed_then_it_is_not_served_with_any_more)
{
    int i;

    lose_the_pass_itself();
    for (i = 0; i < PEER_FLIGHT_MAX; i++) {
        if (s.flight[i].busy && s.flight[i].ask == PEER_GRANT) {
            s.flight[i].arrives_ms = s.now_ms + 2300; /* after it was given up */
        }
    }
    peer_story_pass(&s, 8000);
    peer_story_expect(
        &s,
        "2: server02 Active → Standby: the baton may have been passed on\n"
        "2: [cancelled] failback to server01 cancelled: grant on server01: no answer of the store\n"
        "2:   release on server02\n"
        "1: server01 Standby → FailingOver: nobody holds the baton, server01 is the best fit node\n"
        "1: [failover] failover begins: nobody → server01: nobody holds the baton, server01 is the "
        "best fit node\n"
        "1:   grant on server01\n"
        "1:   start: mail on server01\n"
        "1:   verify: smtp on server01\n"
        "1: server01 FailingOver → Active: failover done in 300 ms\n"
        "1: [completed] failover to server01 done in 300 ms, epoch 3\n");
    ck_assert_int_eq(s.node[0].serving + s.node[1].serving, 1);
    peer_story_end(&s);
}
END_TEST

START_TEST(a_failed_start_is_undone_and_released_and_the_next_one_takes_it)
{
    peer_story_normal(&s, 2);
    s.steps_in_trace = true;
    s.node[1].start_fails = true;
    peer_story_order(&s, 0, GROUP_CMD_FAILOVER, 1, false, "an exercise", NULL);
    peer_story_pass(&s, 4000);
    peer_story_expect(
        &s,
        "1: [failback] move begins: server01 → server02: failover by root: an exercise\n"
        "1:   ask on server02\n"
        "1:   stop: mail on server01\n"
        "1:   look on server01\n"
        "1:   grant on server02\n"
        "1: server01 Active → Standby: stopped, and the baton is passed on\n"
        "1: [lease] the baton is passed to server02, epoch 2: its own Baton starts it there\n"
        "2: server02 Standby → FailingOver: failover by root: an exercise\n"
        "2: [failback] move begins: nobody → server02: failover by root: an exercise\n"
        "2:   start: mail on server02\n"
        "2:   stop: mail on server02\n"
        "2:   look on server02\n"
        "2:   release on server02\n"
        "2: server02 FailingOver → Degraded: start: mail on server02: it failed\n"
        "2: [failed] move to server02 failed and is undone: start: mail on server02: it failed\n"
        "1: server01 Standby → FailingOver: nobody holds the baton, server01 is the best fit node\n"
        "1: [failover] failover begins: nobody → server01: nobody holds the baton, server01 is the "
        "best fit node\n"
        "1:   grant on server01\n"
        "1:   start: mail on server01\n"
        "2: server02 Degraded → Standby: all well\n"
        "1:   verify: smtp on server01\n"
        "1: server01 FailingOver → Active: failover done in 300 ms\n"
        "1: [completed] failover to server01 done in 300 ms, epoch 3\n");
    ck_serves(0);
    peer_story_end(&s);
}
END_TEST

START_TEST(a_node_that_cannot_be_stopped_keeps_the_baton)
{
    to_server02();
    s.node[1].stop_fails = true;
    peer_story_verdict(&s, 1, GROUP_NO, "disk full");
    peer_story_propose(&s, 1, 0, FSM_PROMOTE, "server02 is not fit", NULL);
    peer_story_pass(&s, 6000);
    peer_story_expect(
        &s, "2: server02 Active → Degraded: disk full\n"
            "2: [failover] failover begins: server02 → server01: server02 is not fit\n"
            "2: [cancelled] failover to server01 cancelled: server02 is not confirmed out: done\n"
            "2: [hold] server02 is not confirmed out: done; it keeps the baton, because nobody "
            "else may start\n");
    ck_assert_int_eq(s.store.holder, 1);
    peer_story_end(&s);
}
END_TEST

/* ---- the dead man ---- */

START_TEST(a_holder_that_is_cut_off_stops_before_the_other_starts)
{
    peer_story_normal(&s, 2);
    s.steps_in_trace = true;
    s.node[0].cut = true;
    peer_story_pass(&s, 15000);
    peer_story_expect(
        &s,
        "1: [lease] server01 does not hold the baton any more: the lease in the store is not "
        "proven any more; it is stopped\n"
        "1: server01 Active → Degraded: the lease in the store is not proven any more\n"
        "1:   stop: mail on server01\n"
        "1:   look on server01\n"
        "1: server01 Degraded → Standby: all well\n"
        "1: [rogue] server01: evict done in 200 ms\n"
        "2: server02 Standby → FailingOver: nobody holds the baton, server02 is the best fit node\n"
        "2: [failover] failover begins: nobody → server02: nobody holds the baton, server02 is the "
        "best fit node\n"
        "2:   grant on server02\n"
        "2:   start: mail on server02\n"
        "2:   verify: smtp on server02\n"
        "2: server02 FailingOver → Active: failover done in 300 ms\n"
        "2: [completed] failover to server02 done in 300 ms, epoch 2\n");
    peer_story_end(&s);
}
END_TEST

START_TEST(it_stops_in_time_although_the_journal_is_full)
{
    peer_story_normal(&s, 2);
    s.node[0].cut = s.node[0].journal_full = true;
    peer_story_pass(&s, 6000);
    ck_assert(!s.node[0].serving);
    peer_story_end(&s);
}
END_TEST

START_TEST(a_holder_that_is_cut_off_for_a_moment_takes_up_where_it_was)
{
    peer_story_normal(&s, 2);
    s.node[0].cut = true;
    peer_story_pass(&s, 5500);
    ck_assert(!s.node[0].serving);
    s.node[0].cut = false;
    peer_story_pass(&s, 4000);
    ck_serves(0);
    ck_assert_int_eq(s.store.epoch, 1);
    ck_traced("1: [failover] start begins: nobody → server01: it is stopped, and the store still "
              "names this node");
    peer_story_end(&s);
}
END_TEST

START_TEST(a_start_that_is_under_way_when_the_lease_ends_is_broken_off)
{
    peer_story_normal(&s, 2);
    s.steps_in_trace = true;
    s.step_ms = 1900;
    s.rules.list[GROUP_LIST_START].action[0].deadline_ms = 20000;
    peer_story_kill(&s, 0);
    s.node[0].serving = false;
    while (!s.node[1].run[0].busy || s.node[1].run[0].effect.u.run.kind != GROUP_STEP_START) {
        peer_story_pass(&s, 50);
    }
    s.node[1].run[0].end_ms = s.now_ms + 9000;
    s.node[1].cut = true;
    s.trace[0] = '\0';
    peer_story_pass(&s, 9000);
    peer_story_expect(
        &s, "2:   stop: mail on server02\n"
            "2: [lease] server02 does not hold the baton any more: the lease in the store is not "
            "proven any more; it is stopped\n"
            "2: server02 FailingOver → Degraded: the lease in the store is not proven any more\n"
            "2: server02 Degraded → Degraded: the lease in the store is not proven any more\n"
            "2: server02 Degraded → Standby: all well\n"
            "2:   stop: mail on server02\n"
            "2:   look on server02\n"
            "2:   look on server02\n");
    peer_story_end(&s);
}
END_TEST

START_TEST(a_daemon_that_stands_still_is_stopped_by_its_guardian)
{
    peer_story_normal(&s, 2);
    s.guardian = true;
    peer_story_pass(&s, 3000);
    s.node[0].stalled_ms = s.now_ms + 20000;
    peer_story_pass(&s, 16000);
    ck_serves(1);
    peer_story_pass(&s, 8000);
    ck_assert_int_eq(group_of(0)->node[0].state, FSM_STANDBY);
    peer_story_end(&s);
}
END_TEST

/* ---- failsafe ---- */

START_TEST(all_others_vouch_while_the_store_is_away_and_the_service_goes_on)
{
    peer_story_begin(&s, 2);
    s.failsafe = true;
    peer_story_boot(&s, 0);
    peer_story_boot(&s, 1);
    peer_story_pass(&s, 6000);
    s.trace[0] = '\0';
    s.steps_in_trace = true;
    s.node[0].cut = s.node[1].cut = true;
    peer_story_pass(&s, 60000);
    s.node[0].cut = s.node[1].cut = false;
    peer_story_pass(&s, 8000);
    peer_story_expect(
        &s, "1: [lease] the store is out of reach, and all other nodes vouch for this one\n"
            "1:   grant on server01\n");
    ck_serves(0);
    ck_assert_int_eq(s.store.epoch, 2);
    peer_story_end(&s);
}
END_TEST

START_TEST(one_who_says_nothing_is_enough_to_stop)
{
    peer_story_begin(&s, 3);
    s.failsafe = true;
    peer_story_boot(&s, 0);
    peer_story_boot(&s, 1);
    peer_story_boot(&s, 2);
    peer_story_pass(&s, 6000);
    s.node[0].cut = s.node[2].apart = true;
    peer_story_pass(&s, 20000);
    ck_assert(!s.node[0].serving);
    ck_serves(2); /* server02 has given its promise for a while, and keeps it */
    peer_story_end(&s);
}
END_TEST

static enum baton_err ask(int node, int64_t epoch, struct baton_error *error)
{
    struct group_event ev = {.kind = GROUP_EV_PROMISE};

    ev.u.promise.until_ms = s.now_ms + 10000;
    ev.u.promise.epoch = epoch;
    ev.u.promise.holder = 0;
    return peer_story_feed(&s, node, &ev, error);
}

START_TEST(who_lost_it_and_was_stopped_vouches_for_the_next_one)
{
    struct baton_error error;

    peer_story_normal(&s, 2);
    s.node[0].cut = true;
    peer_story_pass(&s, 20000);
    ck_serves(1);
    s.node[0].cut = false;
    peer_story_pass(&s, 5000);
    {
        struct group_event ev = {.kind = GROUP_EV_PROMISE};

        ev.u.promise.until_ms = s.now_ms + 10000;
        ev.u.promise.epoch = 2;
        ev.u.promise.holder = 1;
        ck_assert_msg(peer_story_feed(&s, 0, &ev, &error) == BATON_OK, "%s", error.text);
    }
    peer_story_end(&s);
}
END_TEST

START_TEST(a_promise_keeps_a_free_baton_untaken)
{
    struct baton_error error;

    peer_story_normal(&s, 2);
    peer_story_kill(&s, 0);
    s.node[0].serving = false;
    peer_story_pass(&s, 5000);
    ck_assert_int_eq(ask(1, 1, &error), BATON_OK);
    peer_story_pass(&s, 9500);
    ck_assert_int_eq(group_may(group_of(1), 1, FSM_PROMOTE, &error), BATON_REFUSED);
    ck_assert_str_eq(
        error.text, "server02 leaves the baton to whoever holds it, or may hold it, for 1 s more");
    peer_story_pass(&s, 3000);
    ck_serves(1);
    ck_assert_int_eq(ask(1, 1, &error), BATON_REFUSED);
    ck_assert_str_eq(error.text, "server02 holds the baton itself");
    peer_story_end(&s);
}
END_TEST

START_TEST(no_promise_while_a_grant_may_still_come_of_what_was_asked)
{
    struct baton_error error;

    peer_story_normal(&s, 2);
    peer_story_kill(&s, 0);
    s.node[0].serving = false;
    while (!s.node[1].run[0].busy) {
        peer_story_pass(&s, 50);
    }
    ck_assert_int_eq(ask(1, 1, &error), BATON_REFUSED);
    ck_assert_str_eq(error.text, "server02 is about to take the baton");
    s.node[1].cut = true; /* it is on its way already, and no answer comes back */
    peer_story_pass(&s, 2600);
    ck_assert_int_eq(group_of(1)->plan[0].kind, GROUP_PLAN_NONE);
    ck_assert_int_eq(ask(1, 1, &error), BATON_REFUSED);
    ck_assert_str_eq(
        error.text, "server02 asked the store for the baton, and does not know what came of it");
    ck_assert_int_eq(ask(1, 2, &error), BATON_OK); /* somebody else has that one */
    peer_story_end(&s);
}
END_TEST

START_TEST(a_newer_grant_is_no_matter_for_a_promise)
{
    struct baton_error error;

    to_server02();
    ck_assert_int_eq(ask(0, 1, &error), BATON_REFUSED);
    ck_assert_str_eq(error.text, "the baton was granted to server02 with epoch 2");
    peer_story_end(&s);
}
END_TEST

/* ---- words that come late, or from elsewhere ---- */

static void word(int node, int64_t epoch, int holder, bool mine)
{
    struct group_event ev = {.kind = GROUP_EV_STORE};

    ev.u.store.epoch = epoch;
    ev.u.store.holder = holder;
    ev.u.store.mine = mine;
    ev.u.store.how = GROUP_PLAN_FAILOVER;
    ev.u.store.why = "a word";
    peer_story_feed(&s, node, &ev, NULL);
}

static void proven(int node, int64_t until_ms)
{
    struct group_event ev = {.kind = GROUP_EV_PROVEN};

    ev.u.proven.stop_at_ms = until_ms;
    peer_story_feed(&s, node, &ev, NULL);
}

START_TEST(a_word_from_before_its_own_grant_changes_nothing)
{
    peer_story_normal(&s, 2);
    s.node[0].group->peers->least_epoch = 0; /* the words of epoch 1 are still on their way */
    word(0, 0, GROUP_NOBODY, false);
    peer_story_expect(&s, "");
    ck_assert_int_eq(group_of(0)->holder, 0);
    peer_story_end(&s);
}
END_TEST

START_TEST(a_baton_whose_lease_is_gone_is_not_ours_again_by_a_late_word)
{
    peer_story_normal(&s, 2);
    proven(0, 0);
    ck_assert_int_eq(group_of(0)->holder, GROUP_NOBODY);
    proven(0, s.now_ms + 4000); /* of a new lease */
    word(0, 1, 0, true);
    ck_assert_int_eq(group_of(0)->holder, GROUP_NOBODY);
    ck_assert(!group_of(0)->peers->mine);
    peer_story_end(&s);
}
END_TEST

START_TEST(a_grant_to_a_lease_that_went_meanwhile_is_not_believed)
{
    struct group_event ev = {.kind = GROUP_EV_STEP_ENDED};

    peer_story_normal(&s, 2);
    peer_story_kill(&s, 0);
    s.node[0].serving = false;
    while (!s.node[1].run[0].busy) {
        peer_story_pass(&s, 50);
    }
    ev.u.step_ended.ref = s.node[1].run[0].effect.u.run.ref;
    ev.u.step_ended.outcome = GROUP_OK;
    ev.u.step_ended.detail = "done";
    proven(1, 0);
    proven(1, s.now_ms + 4000);
    s.node[1].run[0].busy = false;
    peer_story_feed(&s, 1, &ev, NULL);
    ck_assert_int_eq(group_of(1)->holder, GROUP_NOBODY);
    ck_assert(!group_of(1)->peers->mine);
    peer_story_end(&s);
}
END_TEST

START_TEST(the_store_told_of_the_grant_and_of_its_end_before_the_answer_came)
{
    struct group_event ev = {.kind = GROUP_EV_STEP_ENDED};

    peer_story_normal(&s, 2);
    peer_story_kill(&s, 0);
    s.node[0].serving = false;
    while (!s.node[1].run[0].busy) {
        peer_story_pass(&s, 50);
    }
    ev.u.step_ended.ref = s.node[1].run[0].effect.u.run.ref;
    ev.u.step_ended.outcome = GROUP_OK;
    ev.u.step_ended.detail = "done";
    word(1, 2, GROUP_NOBODY, false);
    s.node[1].run[0].busy = false;
    peer_story_feed(&s, 1, &ev, NULL);
    ck_assert_int_eq(group_of(1)->holder, GROUP_NOBODY);
    ck_assert(!group_of(1)->peers->mine);
    peer_story_end(&s);
}
END_TEST

START_TEST(the_word_that_it_is_ours_comes_before_the_answer)
{
    peer_story_normal(&s, 2);
    s.steps_in_trace = true;
    peer_story_kill(&s, 0);
    s.node[0].serving = false;
    while (!s.node[1].run[0].busy) {
        peer_story_pass(&s, 50);
    }
    word(1, 2, 1, true);
    ck_assert_int_eq(group_of(1)->holder, GROUP_NOBODY); /* nothing before the guardian is armed */
    peer_story_pass(&s, 2000);
    ck_serves(1);
    ck_assert_int_eq(group_of(1)->epoch, 2);
    ck_assert_int_eq(group_of(1)->n_moves, 1);
    peer_story_end(&s);
}
END_TEST

START_TEST(a_store_that_went_back_holds_the_group_until_somebody_says_it_is_right)
{
    to_server02();
    s.store.epoch = 1;
    s.store.lease = 0;
    s.store.holder = GROUP_NOBODY;
    s.store.revision++;
    peer_story_pass(&s, 20000);
    ck_assert(!s.node[0].serving && !s.node[1].serving);
    ck_assert_int_eq(group_of(0)->hold, GROUP_HOLD_EPOCH);
    ck_traced("1: [hold] the store is at epoch 1, and was at 2 before: it is an old copy, or "
              "another one. When it is the right one, say so: baton resume mail");
    peer_story_order(&s, 0, GROUP_CMD_RESUME, GROUP_NOBODY, false, NULL, NULL);
    peer_story_order(&s, 1, GROUP_CMD_RESUME, GROUP_NOBODY, false, NULL, NULL);
    peer_story_pass(&s, 6000);
    ck_serves(0);
    ck_assert_int_eq(s.store.epoch, 2);
    peer_story_end(&s);
}
END_TEST

START_TEST(too_many_moves_by_whichever_baton_hold_the_group)
{
    int i;

    peer_story_normal(&s, 2);
    for (i = 0; i < 3; i++) {
        int holder = s.store.holder;

        peer_story_kill(&s, holder);
        s.node[holder].serving = false;
        peer_story_pass(&s, 15000);
        ck_serves(1 - holder);
        peer_story_boot(&s, holder);
        peer_story_pass(&s, 6000);
    }
    s.trace[0] = '\0';
    peer_story_kill(&s, 1);
    s.node[1].serving = false;
    group_of(0)->n_moves = 3; /* it was restarted, and its own journal knows of fewer */
    group_of(0)->move_ms[0] = group_of(0)->move_ms[1] = group_of(0)->move_ms[2] = s.now_ms;
    peer_story_pass(&s, 20000);
    ck_assert_int_eq(group_of(0)->hold, GROUP_HOLD_MOVES);
    ck_traced("1: [hold] 3 unplanned moves within 3600 s are enough");
    peer_story_end(&s);
}
END_TEST

START_TEST(another_node_that_serves_unasked_is_told_of_once_and_left_to_its_baton)
{
    peer_story_normal(&s, 2);
    s.node[1].stop_fails = true;
    s.node[1].serving = s.node[1].by_hand = true;
    peer_story_pass(&s, 40000);
    s.node[1].serving = false;
    ck_traced("1: [rogue] server02 serves without the baton (server01 has it): its own Baton "
              "should have stopped it");
    ck_traced("2: [rogue] server02 serves without the baton (server01 has it): it is stopped");
    ck_serves(0);
    peer_story_end(&s);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("group, among peers");
    SRunner *runner = srunner_create(suite);
    TCase *tc = tcase_create("stories");
    int failed;

    tcase_add_test(tc, the_best_node_takes_the_free_baton_and_starts);
    tcase_add_test(tc, the_holder_loses_power_and_the_other_takes_over_when_the_lease_is_out);
    tcase_add_test(tc, a_better_node_that_does_not_take_it_has_its_time_and_no_more);
    tcase_add_test(tc, whoever_serves_before_the_first_baton_came_is_taken_up_as_it_is);
    tcase_add_test(tc, a_daemon_that_comes_back_finds_its_service_untouched);
    tcase_add_test(tc, a_paused_group_takes_nothing);
    tcase_add_test(tc, nobody_takes_a_baton_that_a_stranger_holds);
    tcase_add_test(tc, the_holder_hands_it_to_the_preferred_node_and_that_one_starts);
    tcase_add_test(tc, a_move_that_is_another_batons_is_refused_with_its_name);
    tcase_add_test(tc, a_veto_keeps_it_where_it_is);
    tcase_add_test(tc, it_was_passed_and_the_answer_is_lost);
    tcase_add_test(tc, nobody_knows_whether_it_was_passed_then_it_is_not_served_with_any_more);
    tcase_add_test(tc, a_failed_start_is_undone_and_released_and_the_next_one_takes_it);
    tcase_add_test(tc, a_node_that_cannot_be_stopped_keeps_the_baton);
    tcase_add_test(tc, a_holder_that_is_cut_off_stops_before_the_other_starts);
    tcase_add_test(tc, it_stops_in_time_although_the_journal_is_full);
    tcase_add_test(tc, a_holder_that_is_cut_off_for_a_moment_takes_up_where_it_was);
    tcase_add_test(tc, a_start_that_is_under_way_when_the_lease_ends_is_broken_off);
    tcase_add_test(tc, a_daemon_that_stands_still_is_stopped_by_its_guardian);
    tcase_add_test(tc, all_others_vouch_while_the_store_is_away_and_the_service_goes_on);
    tcase_add_test(tc, one_who_says_nothing_is_enough_to_stop);
    tcase_add_test(tc, who_lost_it_and_was_stopped_vouches_for_the_next_one);
    tcase_add_test(tc, a_promise_keeps_a_free_baton_untaken);
    tcase_add_test(tc, no_promise_while_a_grant_may_still_come_of_what_was_asked);
    tcase_add_test(tc, a_newer_grant_is_no_matter_for_a_promise);
    tcase_add_test(tc, a_word_from_before_its_own_grant_changes_nothing);
    tcase_add_test(tc, a_baton_whose_lease_is_gone_is_not_ours_again_by_a_late_word);
    tcase_add_test(tc, a_grant_to_a_lease_that_went_meanwhile_is_not_believed);
    tcase_add_test(tc, the_store_told_of_the_grant_and_of_its_end_before_the_answer_came);
    tcase_add_test(tc, the_word_that_it_is_ours_comes_before_the_answer);
    tcase_add_test(tc, a_store_that_went_back_holds_the_group_until_somebody_says_it_is_right);
    tcase_add_test(tc, too_many_moves_by_whichever_baton_hold_the_group);
    tcase_add_test(tc, another_node_that_serves_unasked_is_told_of_once_and_left_to_its_baton);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
