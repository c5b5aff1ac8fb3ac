/* Stories of a group in shadow, whose service something else moves: what it would have done
 * is told once, nothing is done, and it follows what happens. */
#include "group_story.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct story s;

static bool traced(const char *part)
{
    return strstr(s.trace, part) != NULL;
}

#define ck_traced(part) ck_assert_msg(traced(part), "no \"%s\" in\n%s", part, s.trace)

/* server01 serves, and epoch 7 is known. */
static void begin(int n_nodes)
{
    story_begin(&s, n_nodes);
    s.shadow = true;
    s.steps_in_trace = true;
    s.memory.known = true;
    s.memory.epoch = 7;
    s.memory.holder = 0;
    s.node[0].serving = true;
    story_boot(&s);
    story_pass(&s, 3000);
    ck_assert_int_eq(s.group->node[0].state, FSM_ACTIVE);
    ck_assert_int_eq(s.group->node[1].state, FSM_STANDBY);
    s.trace[0] = '\0';
}

static enum baton_err want_failover(int node)
{
    struct baton_error error;

    return story_propose(&s, node, FSM_PROMOTE, "server01 unfit for 6 s: smtp failed 3/3", &error);
}

START_TEST(a_failover_ends_at_its_first_step_and_is_told_once)
{
    begin(2);
    story_verdict(&s, 0, GROUP_NO, "smtp failed 3/3");
    ck_assert_int_eq(want_failover(1), BATON_OK);
    story_pass(&s, 1000);
    ck_assert_int_eq(want_failover(1), BATON_REFUSED);
    story_pass(&s, 60000);
    ck_assert_int_eq(want_failover(1), BATON_REFUSED);
    story_expect(
        &s, "server01 Active → Degraded: smtp failed 3/3\n"
            "  stop address on server01\n"
            "[shadowed] would have failed over from server01 to server02, epoch 8: server01 unfit "
            "for 6 s: smtp failed 3/3\n");
    ck_assert(s.node[0].serving && !s.node[1].serving);
    ck_assert_int_eq(s.group->epoch, 7);
    ck_assert_int_eq(s.group->holder, 0);
    ck_assert_int_eq(s.group->n_moves, 0);
    ck_assert_int_eq(s.group->would->kind, GROUP_PLAN_FAILOVER);
    ck_assert_str_eq(s.group->would->end, "stop: address on server01: would run it");
    ck_assert(!s.memory.open);
    story_end(&s);
}
END_TEST

START_TEST(of_several_that_could_take_over_one_is_told)
{
    begin(3);
    story_verdict(&s, 0, GROUP_NO, "smtp failed 3/3");
    ck_assert_int_eq(want_failover(1), BATON_OK);
    story_pass(&s, 1000);
    ck_assert_int_eq(want_failover(2), BATON_REFUSED);
    story_verdict(&s, 1, GROUP_NO, "smtp failed 3/3"); /* then it would be the other one */
    ck_assert_int_eq(want_failover(2), BATON_OK);
    story_pass(&s, 1000);
    ck_traced("[shadowed] would have failed over from server01 to server02, epoch 8");
    ck_traced("[shadowed] would have failed over from server01 to server03, epoch 8");
    story_end(&s);
}
END_TEST

START_TEST(a_verdict_that_went_and_came_back_is_told_again_but_not_one_that_was_unsure)
{
    begin(2);
    story_verdict(&s, 0, GROUP_NO, "smtp failed 3/3");
    ck_assert_int_eq(want_failover(1), BATON_OK);
    story_pass(&s, 1000);
    story_verdict(&s, 0, GROUP_UNSURE, "smtp is unknown");
    story_verdict(&s, 0, GROUP_NO, "smtp failed 3/3");
    ck_assert_int_eq(want_failover(1), BATON_REFUSED);
    story_verdict(&s, 0, GROUP_YES, "all well");
    story_verdict(&s, 0, GROUP_NO, "smtp failed 3/3");
    s.trace[0] = '\0';
    ck_assert_int_eq(want_failover(1), BATON_OK);
    story_pass(&s, 1000);
    ck_traced("[shadowed] would have failed over from server01 to server02, epoch 8");
    story_end(&s);
}
END_TEST

START_TEST(the_node_that_is_seen_serving_is_followed_and_never_called_a_rogue)
{
    begin(2);
    story_verdict(&s, 0, GROUP_NO, "smtp failed 3/3");
    ck_assert_int_eq(want_failover(1), BATON_OK);
    story_pass(&s, 1000);
    s.trace[0] = '\0';
    s.node[0].serving = false; /* by the software that is in charge */
    s.node[1].serving = true;
    story_pass(&s, 3000);
    story_expect(
        &s, "server01 Degraded → Degraded: seen serving, and server01 is not: something else "
            "moved it\n"
            "  grant epoch 8 to server02\n"
            "server02 Standby → Unknown: seen serving, and server01 is not: something else moved "
            "it\n"
            "server02 Unknown → Active: seen serving, and server01 is not: something else moved "
            "it\n"
            "[adopted] server02 is the holder with epoch 8: seen serving, and server01 is not: "
            "something else moved it\n");
    story_verdict(&s, 0, GROUP_YES, "all well");
    story_pass(&s, 3000);
    ck_assert_int_eq(s.group->node[0].state, FSM_STANDBY);
    s.trace[0] = '\0';
    ck_assert_int_eq(
        story_propose(&s, 0, FSM_RECLAIM, "server01 preferred, fit for 600 s", NULL), BATON_OK);
    story_pass(&s, 3000);
    story_expect(
        &s, "  ask on server01\n"
            "[shadowed] would have failed back from server02 to server01, epoch 9: server01 "
            "preferred, fit for 600 s\n");
    story_end(&s);
}
END_TEST

START_TEST(a_holder_that_vanished_is_followed_to_the_node_that_serves)
{
    begin(3);
    s.node[0].up = false;
    story_pass(&s, 3000);
    ck_assert_int_eq(s.group->holder, 0);
    s.node[0].serving = false;
    s.node[2].serving = true;
    story_pass(&s, 3000);
    ck_assert_int_eq(s.group->holder, 2);
    ck_assert_int_eq(s.group->node[2].state, FSM_ACTIVE);
    ck_assert(!traced("[rogue]") && !traced("  stop"));
    story_end(&s);
}
END_TEST

START_TEST(what_happens_outside_ends_a_decision_under_way)
{
    begin(2);
    story_verdict(&s, 0, GROUP_NO, "smtp failed 3/3");
    s.step_ms = 8000; /* the look before the first step takes its time */
    ck_assert_int_eq(want_failover(1), BATON_OK);
    story_pass(&s, 100);
    s.node[0].serving = false;
    s.node[1].serving = true;
    s.trace[0] = '\0';
    story_pass(&s, 3000);
    ck_traced("[shadowed] would have failed over from server01 to server02, epoch 8");
    ck_assert_int_eq(s.group->holder, 1);
    ck_assert_str_eq(s.group->would->end, "server02 serves by now");
    story_pass(&s, 20000);
    ck_assert(!traced("[stale]"));
    story_end(&s);
}
END_TEST

START_TEST(two_that_go_on_serving_are_told_of_and_left_alone)
{
    begin(2);
    s.node[1].serving = true;
    story_pass(&s, 3000);
    story_expect(&s, "");
    story_pass(&s, 60000);
    story_expect(
        &s, "  stop address on server02\n"
            "[shadowed] would have stopped it on server02: it serves without the baton\n");
    ck_assert_int_eq(s.group->holder, 0);
    s.two_served = 0; /* something else did that */
    story_end(&s);
}
END_TEST

START_TEST(a_dead_holder_that_cannot_be_confirmed_out_is_told_without_a_hold)
{
    begin(2);
    s.node[0].up = false;
    story_verdict(&s, 0, GROUP_NO, "smtp: no answer");
    story_pass(&s, 3000);
    s.trace[0] = '\0';
    ck_assert_int_eq(want_failover(1), BATON_OK);
    story_pass(&s, 30000);
    ck_traced("[shadowed] would have failed over from server01 to server02, epoch 8");
    ck_assert_msg(!traced("[hold]") && !traced("[cancelled]"), "%s", s.trace);
    ck_assert_str_eq(s.group->would->end, "server01 is not confirmed out: ssh: no answer");
    ck_assert_int_eq(s.group->hold, GROUP_HOLD_NONE);
    story_end(&s);
}
END_TEST

START_TEST(a_fence_is_only_told_of)
{
    begin(2);
    story_end(&s);
    story_begin(&s, 2);
    s.rules.fence_unconfirmed = true;
    s.shadow = s.steps_in_trace = true;
    s.node[0].serving = true;
    story_boot(&s);
    story_pass(&s, 3000);
    s.node[0].up = false;
    story_verdict(&s, 0, GROUP_NO, "smtp: no answer");
    story_pass(&s, 3000);
    ck_assert_int_eq(want_failover(1), BATON_OK);
    story_pass(&s, 30000);
    ck_assert_str_eq(s.group->would->end, "fence: power on server01: would run it");
    ck_assert_int_eq(s.group->holder, 0);
    ck_assert(s.node[0].serving);
    story_end(&s);
}
END_TEST

START_TEST(where_nothing_must_be_stopped_the_grant_is_left_out)
{
    begin(2);
    s.node[0].serving = false;
    story_verdict(&s, 0, GROUP_NO, "smtp failed 3/3");
    story_pass(&s, 3000);
    s.trace[0] = '\0';
    ck_assert_int_eq(want_failover(1), BATON_OK);
    story_pass(&s, 3000);
    ck_assert(!traced("grant") && !traced("start"));
    ck_assert_str_eq(s.group->would->end, "nothing had to be stopped; the grant is left out");
    ck_assert_int_eq(s.group->epoch, 7);
    story_end(&s);
}
END_TEST

START_TEST(a_holder_that_does_not_serve_is_told_of_once_until_it_served_again)
{
    begin(2);
    s.node[0].serving = false;
    story_pass(&s, 700000);
    ck_traced("[shadowed] would have started it again on server01: it holds the baton but does "
              "not serve");
    s.trace[0] = '\0';
    story_pass(&s, 700000);
    story_expect(&s, "");
    s.node[0].serving = true;
    story_pass(&s, 5000);
    s.node[0].serving = false;
    story_pass(&s, 20000);
    ck_traced("[shadowed] would have started it again on server01");
    ck_assert(!s.node[0].serving);
    story_end(&s);
}
END_TEST

START_TEST(a_remedy_is_told_of_once)
{
    struct group_event ev = {.kind = GROUP_EV_REMEDY};

    begin(2);
    story_verdict(&s, 0, GROUP_NO, "smtp failed 3/3");
    s.trace[0] = '\0';
    ev.u.remedy.node = 0;
    ev.u.remedy.remedy = 0;
    ev.u.remedy.why = "smtp failed";
    ck_assert_int_eq(story_feed(&s, &ev, NULL), BATON_OK);
    story_pass(&s, 1000);
    ck_assert_int_eq(story_feed(&s, &ev, NULL), BATON_REFUSED);
    story_expect(
        &s, "  remedy restart on server01\n"
            "[shadowed] would have tried restart on server01: smtp failed\n");
    ck_assert_int_eq(want_failover(1), BATON_OK); /* a different decision */
    story_end(&s);
}
END_TEST

START_TEST(nobody_serves_at_the_start_then_the_start_is_told_and_who_serves_is_followed)
{
    story_begin(&s, 2);
    s.shadow = s.steps_in_trace = true;
    story_boot(&s);
    story_pass(&s, 30000);
    ck_traced("[shadowed] would have started it on server01, epoch 1: nobody serves, server01 is "
              "the preferred fit node");
    ck_assert(!s.node[0].serving && !s.node[1].serving);
    ck_assert_int_eq(
        story_propose(&s, 0, FSM_PROMOTE, "nobody holds the baton", NULL), BATON_REFUSED);
    s.trace[0] = '\0';
    s.node[1].serving = true;
    story_pass(&s, 3000);
    ck_traced("[adopted] server02 is the holder with epoch 1: seen serving");
    story_end(&s);
}
END_TEST

START_TEST(a_restart_follows_who_serves_though_the_record_names_one_that_cannot_be_seen)
{
    begin(2);
    s.node[0].up = s.node[0].serving = false;
    s.node[1].serving = true;
    story_boot(&s);
    story_pass(&s, 15000);
    ck_assert_int_eq(s.group->holder, 1);
    ck_assert_int_eq(s.group->hold, GROUP_HOLD_NONE);
    story_end(&s);
}
END_TEST

START_TEST(what_a_real_one_left_half_done_is_not_gone_on_with)
{
    story_begin(&s, 2);
    s.shadow = s.steps_in_trace = true;
    s.memory.known = s.memory.open = s.memory.open_granted = true;
    s.memory.epoch = 3;
    s.memory.holder = s.memory.open_taker = 1;
    s.memory.open_id = s.memory.plan_id_max = 5;
    s.memory.open_kind = GROUP_PLAN_FAILOVER;
    story_boot(&s);
    story_pass(&s, 60000);
    ck_assert(!s.node[0].serving && !s.node[1].serving);
    ck_assert(!traced("  start") || traced("[shadowed]"));
    ck_assert(!traced("FailingOver"));
    story_end(&s);
}
END_TEST

START_TEST(an_operators_move_is_refused_but_a_pause_is_not)
{
    struct baton_error error;

    begin(2);
    ck_assert_int_eq(story_order(&s, GROUP_CMD_FAILOVER, 1, true, "now", &error), BATON_REFUSED);
    ck_assert_ptr_nonnull(strstr(error.text, "runs in shadow and takes no action"));
    ck_assert_int_eq(
        story_order(&s, GROUP_CMD_FAILBACK, GROUP_NOBODY, false, NULL, &error), BATON_REFUSED);
    ck_assert_int_eq(
        story_order(&s, GROUP_CMD_PAUSE, GROUP_NOBODY, false, "work", &error), BATON_OK);
    story_verdict(&s, 0, GROUP_NO, "smtp failed 3/3");
    ck_assert_int_eq(want_failover(1), BATON_REFUSED);
    story_end(&s);
}
END_TEST

START_TEST(what_it_would_have_done_is_no_move_that_counts)
{
    int i;

    begin(2);
    for (i = 0; i < 10; i++) {
        story_verdict(&s, 0, GROUP_NO, "smtp failed 3/3");
        ck_assert_int_eq(want_failover(1), BATON_OK);
        story_pass(&s, 1000);
        story_verdict(&s, 0, GROUP_YES, "all well");
    }
    ck_assert_int_eq(s.group->hold, GROUP_HOLD_NONE);
    s.memory.n_moves = 3;
    story_boot(&s);
    ck_assert_int_eq(s.group->n_moves, 0);
    story_end(&s);
}
END_TEST

static uint64_t state;

static unsigned chance(unsigned n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)(state % n);
}

/* Whatever happens and whatever is wished: no node is touched, no invariant broken. */
START_TEST(random_stories_touch_nothing)
{
    int round, i;

    for (round = 0; round < 300; round++) {
        state = (uint64_t)round * UINT64_C(0x9e3779b97f4a7c15) + 1;
        story_begin(&s, 2 + (int)chance(3));
        s.shadow = true;
        s.rules.fence_unconfirmed = chance(2) == 0;
        s.node[0].serving = chance(4) > 0;
        s.look_ms = chance(3) * 150;
        story_boot(&s);
        for (i = 0; i < 60; i++) {
            struct story_node before[STORY_NODES_MAX];
            int node = (int)chance((unsigned)s.group->n_nodes), n;
            struct group_event ev = {.kind = GROUP_EV_REMEDY};

            switch (chance(7)) {
            case 0:
                s.node[node].serving = !s.node[node].serving;
                break;
            case 1:
                s.node[node].up = !s.node[node].up;
                break;
            case 2:
                story_verdict(&s, node, (enum group_answer)chance(3), "so it is");
                break;
            case 3:
                story_propose(&s, node, FSM_PROMOTE, "wished", NULL);
                break;
            case 4:
                story_propose(&s, node, FSM_RECLAIM, "wished", NULL);
                break;
            case 5:
                ev.u.remedy.node = node;
                ev.u.remedy.why = "wished";
                story_feed(&s, &ev, NULL);
                break;
            default:
                story_order(
                    &s, (enum group_command)chance(5), node, chance(2) == 0, "because", NULL);
            }
            memcpy(before, s.node, sizeof before);
            story_pass(&s, 50 * (int64_t)chance(100));
            for (n = 0; n < s.group->n_nodes; n++) {
                ck_assert_msg(
                    before[n].serving == s.node[n].serving && before[n].up == s.node[n].up,
                    "round %d touched server%02d:\n%s", round, n + 1, s.trace);
                ck_assert(s.group->node[n].state != FSM_FAILING_OVER);
                ck_assert(s.group->node[n].state != FSM_FAILING_BACK);
            }
            ck_assert_msg(
                s.group->hold != GROUP_HOLD_FROZEN, "round %d: %s", round, s.group->hold_why);
            if (strlen(s.trace) > STORY_TRACE_MAX / 2) {
                s.trace[0] = '\0';
            }
        }
        s.two_served = 0; /* the story did that */
        story_end(&s);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("group_shadow");
    TCase *tcase = tcase_create("shadow");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_failover_ends_at_its_first_step_and_is_told_once);
    tcase_add_test(tcase, of_several_that_could_take_over_one_is_told);
    tcase_add_test(
        tcase, a_verdict_that_went_and_came_back_is_told_again_but_not_one_that_was_unsure);
    tcase_add_test(tcase, the_node_that_is_seen_serving_is_followed_and_never_called_a_rogue);
    tcase_add_test(tcase, a_holder_that_vanished_is_followed_to_the_node_that_serves);
    tcase_add_test(tcase, what_happens_outside_ends_a_decision_under_way);
    tcase_add_test(tcase, two_that_go_on_serving_are_told_of_and_left_alone);
    tcase_add_test(tcase, a_dead_holder_that_cannot_be_confirmed_out_is_told_without_a_hold);
    tcase_add_test(tcase, a_fence_is_only_told_of);
    tcase_add_test(tcase, where_nothing_must_be_stopped_the_grant_is_left_out);
    tcase_add_test(tcase, a_holder_that_does_not_serve_is_told_of_once_until_it_served_again);
    tcase_add_test(tcase, a_remedy_is_told_of_once);
    tcase_add_test(
        tcase, nobody_serves_at_the_start_then_the_start_is_told_and_who_serves_is_followed);
    tcase_add_test(
        tcase, a_restart_follows_who_serves_though_the_record_names_one_that_cannot_be_seen);
    tcase_add_test(tcase, what_a_real_one_left_half_done_is_not_gone_on_with);
    tcase_add_test(tcase, an_operators_move_is_refused_but_a_pause_is_not);
    tcase_add_test(tcase, what_it_would_have_done_is_no_move_that_counts);
    tcase_add_test(tcase, random_stories_touch_nothing);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
