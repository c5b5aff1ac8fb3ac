/* What the nodes remember of the last epoch, and what a group makes of it. */
#include "group_story.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct story s;

static void marked(int node, enum group_outcome outcome, int64_t asked_epoch, int64_t epoch)
{
    struct group_event ev = {.kind = GROUP_EV_MARKED};

    ev.u.marked.node = node;
    ev.u.marked.outcome = outcome;
    ev.u.marked.asked_epoch = asked_epoch;
    ev.u.marked.epoch = epoch;
    story_feed(&s, &ev, NULL);
}

/* server01 serves with epoch 1, and both nodes remember that. */
static void normal(void)
{
    story_begin(&s, 2);
    s.marks = true;
    s.node[0].serving = true;
    story_boot(&s);
    marked(0, GROUP_OK, 0, 0);
    marked(1, GROUP_OK, 0, 0);
    story_pass(&s, 10000);
    ck_assert_int_eq(s.group->node[0].state, FSM_ACTIVE);
    s.trace[0] = '\0';
}

static const char hold[] =
    "[hold] server02 was given epoch 9 by another controller, and this one is at 1: there is a "
    "second one, or this one's state is an old copy. Stop the wrong one; if that is the other, say "
    "so: baton resume mail\n";

START_TEST(nothing_is_decided_before_each_node_was_asked_or_the_time_to_settle_is_over)
{
    story_begin(&s, 2);
    s.marks = true;
    s.node[0].serving = true;
    story_boot(&s);
    marked(0, GROUP_OK, 0, 0);
    story_pass(&s, s.rules.settle_ms - 100);
    ck_assert_int_eq(s.group->phase, GROUP_SETTLING);
    story_pass(&s, 3000);
    ck_assert_int_eq(s.group->node[0].state, FSM_ACTIVE);
    story_end(&s);
}
END_TEST

START_TEST(a_node_that_knows_of_a_newer_epoch_holds_the_group_and_nothing_is_touched)
{
    normal();
    marked(1, GROUP_FAIL, 1, 9);
    story_expect(&s, hold);
    s.node[0].verdict = GROUP_NO;
    s.node[0].verdict_why = "smtp failed 3/3";
    story_verdict(&s, 0, GROUP_NO, "smtp failed 3/3");
    ck_assert_int_eq(story_propose(&s, 1, FSM_PROMOTE, "server01 is not fit", NULL), BATON_REFUSED);
    s.node[1].serving = s.node[1].by_hand = true; /* the other controller starts it there */
    s.node[0].serving = false;
    story_pass(&s, 60000);
    ck_assert(s.node[1].serving);
    story_end(&s);
}
END_TEST

START_TEST(a_start_that_is_under_way_is_left_as_it_is)
{
    normal();
    s.node[0].verdict = GROUP_NO;
    story_verdict(&s, 0, GROUP_NO, "smtp failed 3/3");
    ck_assert_int_eq(story_propose(&s, 1, FSM_PROMOTE, "server01 is not fit", NULL), BATON_OK);
    while (s.group->epoch < 2) {
        story_pass(&s, 10);
    }
    s.steps_in_trace = true;
    s.trace[0] = '\0';
    marked(1, GROUP_FAIL, 2, 2); /* the same epoch, and another token */
    story_pass(&s, 20000);
    ck_assert_ptr_null(strstr(s.trace, "undo"));
    ck_assert_ptr_null(strstr(s.trace, "  start"));
    ck_assert_ptr_null(strstr(s.trace, "  stop"));
    ck_assert_int_eq(s.group->hold, GROUP_HOLD_EPOCH);
    ck_assert_int_eq(s.group->holder, GROUP_NOBODY);
    ck_assert_int_eq(s.group->node[1].state, FSM_STANDBY);
    story_end(&s);
}
END_TEST

START_TEST(an_answer_from_before_our_own_grant_is_no_reason)
{
    normal();
    ck_assert_int_eq(story_order(&s, GROUP_CMD_FAILOVER, 1, false, "an exercise", NULL), BATON_OK);
    story_pass(&s, 10000);
    ck_assert_int_eq(s.group->epoch, 2);
    marked(0, GROUP_FAIL, 1, 2); /* asked with 1, and 2 had been written meanwhile: ours */
    ck_assert_int_eq(s.group->hold, GROUP_HOLD_NONE);
    story_end(&s);
}
END_TEST

START_TEST(an_operator_who_says_that_it_is_the_right_one_makes_its_next_grant_the_newest)
{
    normal();
    marked(1, GROUP_FAIL, 1, 9);
    ck_assert_int_eq(
        story_order(&s, GROUP_CMD_RESUME, GROUP_NOBODY, false, "the other is off", NULL), BATON_OK);
    ck_assert_int_eq(s.group->hold, GROUP_HOLD_NONE);
    story_pass(&s, 10000);
    ck_assert_int_eq(s.group->node[0].state, FSM_ACTIVE);
    ck_assert_int_eq(s.group->epoch, 10);
    ck_assert_uint_eq(s.group->token, 0xabc);
    story_end(&s);
}
END_TEST

START_TEST(a_node_that_cannot_be_asked_is_no_reason)
{
    normal();
    marked(1, GROUP_UNKNOWN, 1, 0);
    ck_assert_int_eq(s.group->hold, GROUP_HOLD_NONE);
    ck_assert_str_eq(s.trace, "");
    story_end(&s);
}
END_TEST

START_TEST(the_token_of_a_grant_is_read_again_as_it_was_written)
{
    ck_assert_uint_eq(group_token("0123456789abcdef"), 0x0123456789abcdef);
    ck_assert_uint_eq(group_token(""), 0);
    ck_assert_uint_eq(group_token("0123456789abcdeg"), 0);
    ck_assert_uint_eq(group_token("0123456789abcdef0"), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("group, marks");
    SRunner *runner = srunner_create(suite);
    TCase *tc = tcase_create("stories");
    int failed;

    suite_add_tcase(suite, tc);
    tcase_add_test(tc, nothing_is_decided_before_each_node_was_asked_or_the_time_to_settle_is_over);
    tcase_add_test(tc, a_node_that_knows_of_a_newer_epoch_holds_the_group_and_nothing_is_touched);
    tcase_add_test(tc, a_start_that_is_under_way_is_left_as_it_is);
    tcase_add_test(tc, an_answer_from_before_our_own_grant_is_no_reason);
    tcase_add_test(
        tc, an_operator_who_says_that_it_is_the_right_one_makes_its_next_grant_the_newest);
    tcase_add_test(tc, a_node_that_cannot_be_asked_is_no_reason);
    tcase_add_test(tc, the_token_of_a_grant_is_read_again_as_it_was_written);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
