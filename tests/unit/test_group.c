/* Stories of a group: what happens, told in the words of the trace. */
#include "group_story.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct story s;

static void holder_fails(const char *why)
{
    story_verdict(&s, 0, GROUP_NO, why);
}

static bool traced(const char *part)
{
    return strstr(s.trace, part) != NULL;
}

#define ck_traced(part) ck_assert_msg(traced(part), "no \"%s\" in\n%s", part, s.trace)

/* ---- start-up ---- */

START_TEST(the_one_that_serves_is_adopted_and_nothing_is_touched)
{
    story_begin(&s, 2);
    s.steps_in_trace = true;
    s.node[1].serving = true;
    story_boot(&s);
    story_pass(&s, 3000);
    story_expect(
        &s, "  grant epoch 1 to server02\n"
            "server02 Unknown → Active: it alone serves\n"
            "[adopted] server02 is the holder with epoch 1: it alone serves\n"
            "server01 Unknown → Standby: all well\n");
    story_end(&s);
}
END_TEST

START_TEST(a_recorded_holder_that_serves_keeps_its_epoch)
{
    story_begin(&s, 2);
    s.node[0].serving = true;
    story_boot(&s);
    story_pass(&s, 3000);
    ck_assert_int_eq(s.group->epoch, 1);
    s.trace[0] = '\0';
    story_boot(&s);
    story_pass(&s, 3000);
    story_expect(
        &s, "server01 Unknown → Active: it serves, as recorded\n"
            "[adopted] server01 is the holder with epoch 1: it serves, as recorded\n"
            "server02 Unknown → Standby: all well\n");
    story_end(&s);
}
END_TEST

START_TEST(none_serves_then_the_preferred_fit_node_is_started_after_settling)
{
    story_begin(&s, 2);
    s.steps_in_trace = true;
    story_boot(&s);
    story_pass(&s, 9000);
    story_expect(&s, "");
    story_pass(&s, 3000);
    story_expect(
        &s, "server01 Unknown → Standby: all well\n"
            "server01 Standby → FailingOver: nobody serves, server01 is the preferred fit node\n"
            "[failover] start begins: nobody → server01: nobody serves, server01 is the preferred "
            "fit node\n"
            "server02 Unknown → Standby: all well\n"
            "  grant epoch 1 to server01\n"
            "  start mail on server01\n"
            "  start address on server01\n"
            "  verify smtp on server01\n"
            "server01 FailingOver → Active: start done in 300 ms\n"
            "[completed] start to server01 done in 300 ms, epoch 1\n");
    story_end(&s);
}
END_TEST

START_TEST(none_serves_and_the_preferred_is_unfit_then_the_next_is_started)
{
    story_begin(&s, 2);
    s.node[0].verdict = GROUP_NO;
    s.node[0].verdict_why = "smtp failed 3/3";
    story_boot(&s);
    story_pass(&s, 12000);
    ck_assert_int_eq(s.group->holder, 1);
    ck_assert_int_eq(s.group->node[1].state, FSM_ACTIVE);
    ck_assert_int_eq(s.group->node[0].state, FSM_DEGRADED);
    story_end(&s);
}
END_TEST

START_TEST(none_serves_and_the_preferred_is_not_judged_yet_then_it_is_waited_for)
{
    story_begin(&s, 2);
    s.node[0].verdict = GROUP_UNSURE;
    s.node[0].verdict_why = "smtp is unknown";
    story_boot(&s);
    story_pass(&s, 15000);
    ck_assert_int_eq(s.group->holder, GROUP_NOBODY);
    story_verdict(&s, 0, GROUP_YES, "all well");
    story_pass(&s, 3000);
    ck_assert_int_eq(s.group->holder, 0);
    story_end(&s);
    story_begin(&s, 2);
    s.node[0].verdict = GROUP_UNSURE; /* and stays so: it is not waited for for ever */
    s.node[0].verdict_why = "smtp is unknown";
    story_boot(&s);
    story_pass(&s, 23000);
    ck_assert_int_eq(s.group->holder, 1);
    story_end(&s);
}
END_TEST

/* The daemon's machine was suspended, and meanwhile somebody started the service by hand. */
static void sleep_while_started_by_hand(int node)
{
    s.now_ms += 60000;
    s.node[node].serving = s.node[node].by_hand = true;
}

START_TEST(what_was_seen_before_a_sleep_starts_nobody)
{
    story_begin(&s, 2);
    story_boot(&s);
    story_pass(&s, 9000);
    sleep_while_started_by_hand(1);
    story_verdict(&s, 0, GROUP_YES, "all well");
    story_pass(&s, 3000);
    ck_assert_int_eq(s.two_served, 0);
    ck_assert_int_eq(s.group->holder, 1);
    ck_traced("[adopted] server02 is the holder with epoch 1: it alone serves");
    story_end(&s);
}
END_TEST

START_TEST(an_answer_from_before_a_sleep_is_no_answer)
{
    story_begin(&s, 2);
    s.look_ms = 100;
    story_boot(&s);
    do {
        story_pass(&s, 50);
    } while (!s.look[1].busy);
    sleep_while_started_by_hand(1);
    story_pass(&s, 50);
    ck_assert(!s.look[1].busy || s.look[1].began_ms == s.now_ms); /* it was heard */
    ck_assert_int_eq(s.group->node[1].serving, GROUP_UNSURE);
    ck_assert_str_eq(s.group->node[1].serving_why, "the answer is from 60 s ago: it is stopped");
    story_pass(&s, 3000);
    ck_assert_int_eq(s.group->holder, 1);
    story_end(&s);
}
END_TEST

START_TEST(two_serve_and_the_record_names_one_then_the_other_is_stopped)
{
    story_begin(&s, 2);
    s.memory.known = true;
    s.memory.epoch = 7;
    s.memory.holder = 1;
    s.node[0].serving = s.node[1].serving = true;
    story_boot(&s);
    story_pass(&s, 4000);
    ck_traced("[adopted] server02 is the holder with epoch 7: several serve; the record names this "
              "one");
    ck_traced("[rogue] server01 serves without the baton (server02 has it): it is stopped");
    ck_assert(!s.node[0].serving && s.node[1].serving);
    ck_assert_int_eq(s.group->node[0].state, FSM_STANDBY);
    s.two_served = 0; /* they did, before Baton came */
    story_end(&s);
}
END_TEST

START_TEST(two_serve_and_no_record_then_hold_until_one_is_stopped_by_hand)
{
    story_begin(&s, 2);
    s.node[0].serving = s.node[1].serving = true;
    s.steps_in_trace = true;
    story_boot(&s);
    story_pass(&s, 30000);
    story_expect(
        &s, "[hold] several nodes serve and no record says which may: stop the service on all but "
            "one by hand, it is then adopted\n");
    s.node[0].serving = false;
    story_pass(&s, 4000);
    ck_traced("server02 Unknown → Active: it alone serves");
    ck_assert_int_eq(s.group->hold, GROUP_HOLD_NONE);
    s.two_served = 0;
    story_end(&s);
}
END_TEST

START_TEST(two_serve_and_no_record_then_one_that_is_lost_from_sight_still_counts)
{
    struct baton_error error;

    story_begin(&s, 2);
    s.node[0].serving = s.node[1].serving = true;
    story_boot(&s);
    story_pass(&s, 15000);
    ck_traced("[hold] several nodes serve and no record says which may");
    s.node[1].up = false;
    story_pass(&s, 30000);
    ck_assert_int_eq(s.group->hold, GROUP_HOLD_TWO_SERVE);
    ck_assert_int_eq(s.group->holder, GROUP_NOBODY);
    ck_assert_int_eq(
        story_order(&s, GROUP_CMD_CONFIRM_OUT, 1, false, "pulled the plug", &error), BATON_OK);
    story_pass(&s, 3000);
    ck_assert_int_eq(s.group->holder, 0);
    ck_assert_int_eq(s.group->hold, GROUP_HOLD_NONE);
    s.two_served = 0;
    story_end(&s);
}
END_TEST

START_TEST(one_serves_but_the_recorded_holder_cannot_be_seen_then_hold)
{
    struct baton_error error;

    story_begin(&s, 2);
    s.memory.known = true;
    s.memory.epoch = 3;
    s.memory.holder = 0;
    s.node[0].up = false;
    s.node[1].serving = true;
    story_boot(&s);
    story_pass(&s, 12000);
    ck_traced("[hold] server02 serves, but the record names server01, which can't be seen");
    ck_assert(s.node[1].serving);
    ck_assert_int_eq(
        story_order(&s, GROUP_CMD_CONFIRM_OUT, 0, false, "pulled the plug", &error), BATON_OK);
    story_pass(&s, 3000);
    ck_assert_int_eq(s.group->holder, 1);
    ck_assert_int_eq(s.group->epoch, 4);
    story_end(&s);
}
END_TEST

/* The record says that it has no baton. It served all the same when it was seen last. */
START_TEST(who_was_seen_serving_is_not_out_by_the_record)
{
    struct baton_error error;

    story_begin(&s, 3);
    s.memory.known = true;
    s.memory.epoch = 3;
    s.memory.holder = 0;
    s.node[0].up = false;
    s.node[0].serving = s.node[1].serving = true;
    story_boot(&s);
    story_pass(&s, 3000);
    s.node[1].up = false;
    story_pass(&s, 3000);
    s.node[0].up = true;
    story_pass(&s, 3000);
    ck_assert_int_eq(s.group->holder, 0);
    ck_assert(!s.group->node[1].out);
    ck_assert(s.group->node[2].out);
    holder_fails("smtp failed 3/3: connection refused");
    ck_assert_int_eq(story_propose(&s, 2, FSM_PROMOTE, "server01 unfit for 6 s", &error), BATON_OK);
    story_pass(&s, 20000);
    ck_traced("[hold] server02 is not confirmed out");
    ck_assert(!s.node[2].serving);
    s.two_served = 0; /* that is how it was found */
    story_end(&s);
}
END_TEST

static void looked(int node, enum group_answer serving)
{
    struct group_event ev = {.kind = GROUP_EV_LOOKED, .now_ms = s.now_ms};

    ev.u.looked.node = node;
    ev.u.looked.serving = serving;
    ev.u.looked.began_ms = s.now_ms;
    ev.u.looked.detail = serving == GROUP_UNSURE ? "ssh: no answer" : "";
    ck_assert_int_eq(story_feed(&s, &ev, NULL), BATON_OK);
}

START_TEST(an_interrupted_start_does_not_go_on_beside_who_was_seen_serving)
{
    story_begin(&s, 2);
    s.memory.known = true;
    s.memory.epoch = 3;
    s.memory.holder = 0;
    s.memory.open = s.memory.open_granted = true;
    s.memory.open_kind = GROUP_PLAN_FAILOVER;
    s.memory.open_taker = 0;
    s.node[1].up = false;
    s.node[1].serving = true;
    story_boot(&s);
    looked(1, GROUP_YES);
    looked(1, GROUP_UNSURE);
    looked(0, GROUP_NO); /* the last that was waited for */
    ck_traced("interrupted by a restart; since then another node served");
    story_pass(&s, 30000);
    ck_assert(!s.node[0].serving);
    story_end(&s);
}
END_TEST

START_TEST(nobody_is_started_while_a_node_cannot_be_seen_and_nothing_is_recorded)
{
    struct baton_error error;

    story_begin(&s, 2);
    s.node[1].up = false;
    story_boot(&s);
    story_pass(&s, 15000);
    ck_traced("[hold] nothing is started: whether server02 serves can't be seen (ssh: no answer)");
    ck_assert(!s.node[0].serving);
    ck_assert_int_eq(story_order(&s, GROUP_CMD_CONFIRM_OUT, 1, false, NULL, &error), BATON_INVALID);
    ck_assert_int_eq(
        story_order(&s, GROUP_CMD_CONFIRM_OUT, 1, false, "it is in the workshop", &error),
        BATON_OK);
    story_pass(&s, 3000);
    ck_assert(s.node[0].serving);
    story_end(&s);
}
END_TEST

START_TEST(a_recorded_holder_that_cannot_be_seen_keeps_the_baton)
{
    story_begin(&s, 2);
    s.memory.known = true;
    s.memory.epoch = 3;
    s.memory.holder = 0;
    s.node[0].up = false;
    story_boot(&s);
    story_pass(&s, 12000);
    ck_traced("server01 Unknown → Degraded: the record names it; not everybody can be seen");
    ck_assert_int_eq(s.group->holder, 0);
    ck_assert_int_eq(s.group->epoch, 3);
    ck_assert(!s.node[1].serving);
    story_end(&s);
}
END_TEST

/* ---- failover ---- */

START_TEST(a_failover_stops_confirms_grants_starts_verifies_in_this_order)
{
    struct baton_error error;

    story_normal(&s, 2);
    s.steps_in_trace = true;
    holder_fails("smtp failed 3/3: connection refused");
    ck_assert_int_eq(story_propose(&s, 1, FSM_PROMOTE, "server01 unfit for 6 s", &error), BATON_OK);
    story_pass(&s, 2000);
    story_expect(
        &s, "server01 Active → Degraded: smtp failed 3/3: connection refused\n"
            "server02 Standby → FailingOver: server01 unfit for 6 s\n"
            "[failover] failover begins: server01 → server02: server01 unfit for 6 s\n"
            "  stop address on server01\n"
            "  stop mail on server01\n"
            "  look on server01\n"
            "  grant epoch 2 to server02\n"
            "server01 Degraded → Degraded: stopped and confirmed out\n"
            "  start mail on server02\n"
            "  start address on server02\n"
            "  verify smtp on server02\n"
            "server02 FailingOver → Active: failover done in 600 ms\n"
            "[completed] failover to server02 done in 600 ms, epoch 2\n");
    ck_assert(!s.node[0].serving && s.node[1].serving);
    story_end(&s);
}
END_TEST

START_TEST(a_dead_holder_is_never_assumed_dead)
{
    struct baton_error error;

    story_normal(&s, 2);
    s.node[0].up = false; /* cut off; it may well serve on */
    holder_fails("ssh failed 3/3");
    story_propose(&s, 1, FSM_PROMOTE, "server01 unfit", &error);
    story_pass(&s, 5000);
    ck_traced("[cancelled] failover to server02 cancelled: server01 is not confirmed out: ssh: no "
              "answer");
    ck_traced("when it is switched off for certain, say so: baton confirm-out mail server01");
    ck_assert(!s.node[1].serving);
    ck_assert_int_eq(s.group->holder, 0);
    ck_assert_int_eq(story_propose(&s, 1, FSM_PROMOTE, "again", &error), BATON_REFUSED);
    ck_assert(strstr(error.text, "on hold (unconfirmed)") != NULL);
    story_end(&s);
}
END_TEST

START_TEST(a_dead_holder_is_fenced_where_the_policy_says_so)
{
    struct baton_error error;

    story_normal(&s, 2);
    s.group->rules.fence_unconfirmed = true;
    s.steps_in_trace = true;
    s.node[0].up = false;
    holder_fails("ssh failed 3/3");
    story_propose(&s, 1, FSM_PROMOTE, "server01 unfit", &error);
    story_pass(&s, 5000);
    ck_traced("  stop address on server01\n"
              "  fence power on server01\n"
              "  grant epoch 2 to server02\n");
    ck_assert(s.node[1].serving);
    story_end(&s);
}
END_TEST

START_TEST(a_fence_that_fails_confirms_nothing)
{
    struct baton_error error;

    story_normal(&s, 2);
    s.group->rules.fence_unconfirmed = true;
    s.node[0].up = false;
    s.node[0].fence_outcome = GROUP_UNKNOWN;
    holder_fails("ssh failed 3/3");
    story_propose(&s, 1, FSM_PROMOTE, "server01 unfit", &error);
    story_pass(&s, 5000);
    ck_traced("no fence worked: fence: power on server01: the power switch does not answer");
    ck_assert_int_eq(s.group->hold, GROUP_HOLD_UNCONFIRMED);
    ck_assert(!s.node[1].serving);
    story_end(&s);
}
END_TEST

START_TEST(a_fence_that_says_no_counts_where_a_look_after_it_agrees)
{
    struct baton_error error;

    story_normal(&s, 2);
    s.group->rules.fence_unconfirmed = true;
    s.node[0].stop_fails = true;
    s.node[0].fence_outcome = GROUP_FAIL;
    holder_fails("smtp failed 3/3");
    story_propose(&s, 1, FSM_PROMOTE, "server01 unfit", &error);
    while (s.group->plan[0].steps[s.group->plan[0].step].kind != GROUP_STEP_FENCE) {
        story_pass(&s, 10);
    }
    s.node[0].serving = false; /* it did it all the same */
    s.steps_in_trace = true;
    story_pass(&s, 5000);
    ck_traced("  look on server01\n"
              "  grant epoch 2 to server02\n");
    ck_assert(s.node[1].serving);
    story_end(&s);
}
END_TEST

START_TEST(a_holder_that_will_not_stop_is_fenced_not_trusted)
{
    struct baton_error error;

    story_normal(&s, 2);
    s.group->rules.fence_unconfirmed = true;
    s.node[0].stop_lies = true; /* says stopped, serves on */
    holder_fails("smtp failed 3/3");
    story_propose(&s, 1, FSM_PROMOTE, "server01 unfit", &error);
    story_pass(&s, 5000);
    ck_assert(!s.node[0].serving && s.node[1].serving);
    story_end(&s);
}
END_TEST

START_TEST(the_operator_vouches_for_a_node_that_is_switched_off)
{
    struct baton_error error;

    story_normal(&s, 2);
    s.node[0].up = false;
    holder_fails("ssh failed 3/3");
    story_propose(&s, 1, FSM_PROMOTE, "server01 unfit", &error);
    story_pass(&s, 5000);
    s.node[0].serving = false; /* now it really is off */
    ck_assert_int_eq(
        story_order(&s, GROUP_CMD_CONFIRM_OUT, 0, false, "plug pulled", &error), BATON_OK);
    ck_traced("server01 Degraded → Degraded: confirm-out by root: plug pulled");
    ck_assert_int_eq(s.group->holder, GROUP_NOBODY);
    ck_assert_int_eq(story_propose(&s, 1, FSM_PROMOTE, "no holder", &error), BATON_OK);
    story_pass(&s, 3000);
    ck_assert(s.node[1].serving);
    story_end(&s);
}
END_TEST

START_TEST(a_node_that_is_seen_serving_cannot_be_vouched_out)
{
    struct baton_error error;

    story_normal(&s, 2);
    ck_assert_int_eq(
        story_order(&s, GROUP_CMD_CONFIRM_OUT, 0, false, "I think it's off", &error),
        BATON_REFUSED);
    ck_assert_str_eq(error.text, "server01 is seen serving: it is not out (it serves)");
    story_end(&s);
}
END_TEST

START_TEST(the_hold_ends_when_the_holder_can_be_seen_again)
{
    struct baton_error error;

    story_normal(&s, 2);
    s.node[0].up = false;
    holder_fails("ssh failed 3/3");
    story_propose(&s, 1, FSM_PROMOTE, "server01 unfit", &error);
    story_pass(&s, 5000);
    ck_assert_int_eq(s.group->hold, GROUP_HOLD_UNCONFIRMED);
    s.node[0].up = true;
    story_pass(&s, 3000);
    ck_assert_int_eq(s.group->hold, GROUP_HOLD_NONE);
    ck_assert_int_eq(story_propose(&s, 1, FSM_PROMOTE, "server01 unfit", &error), BATON_OK);
    story_pass(&s, 3000);
    ck_assert_int_eq(s.group->holder, 1);
    story_end(&s);
}
END_TEST

START_TEST(a_holder_that_comes_back_serving_is_asked_afresh)
{
    struct group_health *smtp;
    struct baton_error error;

    story_normal(&s, 2);
    smtp = &s.group->node[0].health[0];
    smtp->status = smtp->last = GROUP_FAIL;
    s.node[0].up = false;
    holder_fails("smtp failed 3/3: no answer");
    story_propose(&s, 1, FSM_PROMOTE, "server01 unfit", &error);
    story_pass(&s, 5000);
    ck_assert_int_eq(s.group->hold, GROUP_HOLD_UNCONFIRMED);
    ck_assert_int_eq(smtp->status, GROUP_FAIL);
    s.node[0].up = true; /* the link is mended: it had served all the time */
    story_pass(&s, 3000);
    ck_assert_int_eq(s.group->hold, GROUP_HOLD_NONE);
    ck_assert_int_eq(smtp->status, GROUP_UNKNOWN);
    story_end(&s);
}
END_TEST

START_TEST(a_start_that_fails_is_undone_and_the_baton_is_free)
{
    struct baton_error error;

    story_normal(&s, 2);
    s.steps_in_trace = true;
    s.node[1].start_fails = true;
    holder_fails("smtp failed 3/3");
    story_propose(&s, 1, FSM_PROMOTE, "server01 unfit", &error);
    story_pass(&s, 6000);
    ck_traced(
        "  start mail on server02\n"
        "  start mail on server02\n"
        "  undo mail on server02\n"
        "  stop address on server02\n"
        "  stop mail on server02\n"
        "  look on server02\n"
        "server02 FailingOver → Degraded: start: mail on server02: it would not start\n"
        "[failed] failover to server02 failed and is undone: start: mail on server02: it would "
        "not start\n");
    ck_assert_int_eq(s.group->holder, GROUP_NOBODY);
    story_end(&s);
}
END_TEST

static int times(const char *part)
{
    const char *at = s.trace;
    int n = 0;

    while ((at = strstr(at, part)) != NULL) {
        at += strlen(part);
        n++;
    }
    return n;
}

START_TEST(a_node_whose_start_failed_rests_and_is_tried_again_by_itself)
{
    struct baton_error error = {0};

    story_normal(&s, 2);
    s.node[1].start_fails = true;
    holder_fails("smtp failed 3/3");
    story_propose(&s, 1, FSM_PROMOTE, "server01 unfit", &error);
    story_pass(&s, 6000);
    story_verdict(&s, 1, GROUP_YES, "all well");
    ck_assert_int_eq(s.group->holder, GROUP_NOBODY);
    ck_assert_int_eq(group_may(s.group, 1, FSM_PROMOTE, &error), BATON_REFUSED);
    ck_assert_msg(
        strstr(error.text, "server02 rests for ") != NULL &&
            strstr(error.text, "1 move to it in a row failed when it should start") != NULL,
        "%s", error.text);
    ck_assert_int_le(group_wake_ms(s.group), s.group->node[1].start_rest_ms);
    s.node[1].start_fails = false;
    story_pass(&s, 15000);
    ck_assert_int_eq(group_may(s.group, 1, FSM_PROMOTE, &error), BATON_OK);
    story_propose(&s, 1, FSM_PROMOTE, "nobody holds the baton", &error);
    story_pass(&s, 6000);
    ck_assert_int_eq(s.group->holder, 1);
    ck_assert_int_eq(s.group->node[1].start_fails, 0);
    ck_assert_int_eq(group_start_rest_ms(1), 15000);
    ck_assert_int_eq(group_start_rest_ms(3), 60000);
    ck_assert_int_eq(group_start_rest_ms(32), 300000);
    story_end(&s);
}
END_TEST

START_TEST(a_taker_that_cannot_be_asked_is_not_asked_to_start_again)
{
    struct baton_error error;

    story_normal(&s, 2);
    s.steps_in_trace = true;
    holder_fails("smtp failed 3/3");
    story_propose(&s, 1, FSM_PROMOTE, "server01 unfit", &error);
    while (s.memory.epoch < 2) {
        story_pass(&s, 50);
    }
    s.node[1].up = false;
    story_pass(&s, 6000);
    ck_assert_int_eq(times("  start mail on server02\n"), 1);
    ck_assert_int_eq(times("  undo mail on server02\n"), 1);
    ck_traced("server02 FailingOver → Degraded: start: mail on server02");
    story_end(&s);
}
END_TEST

START_TEST(an_undo_that_cannot_be_confirmed_keeps_the_baton)
{
    struct baton_error error;

    story_normal(&s, 2);
    s.node[1].verify_fails = true;
    s.node[1].stop_lies = true;
    holder_fails("smtp failed 3/3");
    story_propose(&s, 1, FSM_PROMOTE, "server01 unfit", &error);
    story_pass(&s, 6000);
    ck_traced("server02 FailingOver → Degraded: verify: smtp on server02: no banner");
    ck_traced("can't be confirmed out: it keeps the baton");
    ck_assert_int_eq(s.group->holder, 1);
    ck_assert_int_eq(s.group->epoch, 2);
    story_verdict(&s, 0, GROUP_YES, "well again");
    ck_assert(!s.node[0].serving);
    story_end(&s);
}
END_TEST

START_TEST(a_step_that_never_ends_is_ended_by_its_deadline)
{
    struct baton_error error;

    story_normal(&s, 2);
    s.node[1].start_hangs = true;
    holder_fails("smtp failed 3/3");
    story_propose(&s, 1, FSM_PROMOTE, "server01 unfit", &error);
    story_pass(&s, 30000);
    ck_traced("start: mail on server02: no end within 10000 ms");
    ck_assert_int_eq(s.group->holder, GROUP_NOBODY);
    story_end(&s);
}
END_TEST

START_TEST(a_late_end_of_a_step_is_dropped)
{
    struct baton_error error;
    struct group_event late = {.kind = GROUP_EV_STEP_ENDED};

    story_normal(&s, 2);
    holder_fails("smtp failed 3/3");
    story_propose(&s, 1, FSM_PROMOTE, "server01 unfit", &error);
    story_pass(&s, 50);
    late.u.step_ended.ref = s.run[0].effect.u.run.ref;
    late.u.step_ended.outcome = GROUP_OK;
    late.u.step_ended.detail = "at last";
    story_pass(&s, 3000);
    s.trace[0] = '\0';
    story_feed(&s, &late, NULL);
    story_expect(
        &s,
        "[stale] a late end of step 0, attempt 1 of handover 1 (epoch 1) was dropped: at last\n");
    story_end(&s);
}
END_TEST

START_TEST(a_healthy_holder_is_not_failed_over_from)
{
    struct baton_error error;

    story_normal(&s, 2);
    ck_assert_int_eq(
        story_propose(&s, 1, FSM_PROMOTE, "a policy that always wants", &error), BATON_REFUSED);
    ck_assert_str_eq(error.text, "server01 is Active and fit: there is nothing to fail over from");
    story_expect(&s, "");
    story_end(&s);
}
END_TEST

START_TEST(an_unfit_or_unknown_node_is_not_promoted)
{
    struct baton_error error;

    story_normal(&s, 2);
    holder_fails("smtp failed 3/3");
    story_verdict(&s, 1, GROUP_UNSURE, "clock unknown");
    ck_assert_int_eq(story_propose(&s, 1, FSM_PROMOTE, "x", &error), BATON_REFUSED);
    ck_assert_str_eq(error.text, "server02 is not known to be fit: clock unknown");
    story_verdict(&s, 1, GROUP_NO, "share failed 3/3");
    ck_assert_int_eq(story_propose(&s, 1, FSM_PROMOTE, "x", &error), BATON_REFUSED);
    ck_assert_str_eq(error.text, "server02 is not fit: share failed 3/3");
    story_end(&s);
}
END_TEST

START_TEST(too_many_moves_are_held_until_the_window_frees_or_an_operator_resumes)
{
    struct baton_error error;
    int i;

    story_normal(&s, 2);
    for (i = 0; i < 3; i++) {
        int from = s.group->holder;

        story_verdict(&s, from, GROUP_NO, "smtp failed 3/3");
        ck_assert_int_eq(story_propose(&s, 1 - from, FSM_PROMOTE, "unfit", &error), BATON_OK);
        story_pass(&s, 5000);
        story_verdict(&s, from, GROUP_YES, "well");
        story_pass(&s, 5000);
    }
    story_verdict(&s, s.group->holder, GROUP_NO, "smtp failed 3/3");
    s.trace[0] = '\0';
    ck_assert_int_eq(
        story_propose(&s, 1 - s.group->holder, FSM_PROMOTE, "unfit", &error), BATON_REFUSED);
    ck_traced("[hold] 3 unplanned moves within 3600 s are enough");
    ck_assert_int_eq(s.group->hold, GROUP_HOLD_MOVES);
    story_pass(&s, 3600000);
    ck_assert_int_eq(s.group->hold, GROUP_HOLD_NONE);
    ck_assert_int_eq(
        story_propose(&s, 1 - s.group->holder, FSM_PROMOTE, "unfit", &error), BATON_OK);
    story_end(&s);
}
END_TEST

/* ---- failback and operator's moves ---- */

static void on_server02(void)
{
    struct baton_error error;

    story_normal(&s, 2);
    holder_fails("smtp failed 3/3");
    story_propose(&s, 1, FSM_PROMOTE, "server01 unfit", &error);
    story_pass(&s, 3000);
    ck_assert_int_eq(s.group->holder, 1);
    story_verdict(&s, 0, GROUP_YES, "well again");
    story_pass(&s, 3000);
    ck_assert_int_eq(s.group->node[0].state, FSM_STANDBY);
    s.trace[0] = '\0';
}

START_TEST(a_failback_asks_the_hooks_and_moves_in_order)
{
    struct baton_error error;

    on_server02();
    s.steps_in_trace = true;
    ck_assert_int_eq(story_propose(&s, 0, FSM_RECLAIM, "server01 fit for 600 s", &error), BATON_OK);
    story_pass(&s, 3000);
    story_expect(
        &s, "server01 Standby → FailingBack: server01 fit for 600 s\n"
            "[failback] failback begins: server02 → server01: server01 fit for 600 s\n"
            "  ask on server01\n"
            "  stop address on server02\n"
            "  stop mail on server02\n"
            "  look on server02\n"
            "  grant epoch 3 to server01\n"
            "server02 Active → Standby: stopped and confirmed out\n"
            "  start mail on server01\n"
            "  start address on server01\n"
            "  verify smtp on server01\n"
            "server01 FailingBack → Active: failback done in 700 ms\n"
            "[completed] failback to server01 done in 700 ms, epoch 3\n");
    story_end(&s);
}
END_TEST

START_TEST(a_hook_vetoes_a_failback_before_anything_is_touched)
{
    struct baton_error error;

    on_server02();
    s.veto = true;
    story_propose(&s, 0, FSM_RECLAIM, "server01 fit for 600 s", &error);
    story_pass(&s, 1000);
    ck_traced("[cancelled] failback to server01 cancelled: vetoed by a before-move hook: backup is "
              "running");
    ck_assert(s.node[1].serving);
    ck_assert_int_eq(s.group->node[1].state, FSM_ACTIVE);
    ck_assert_int_eq(story_propose(&s, 0, FSM_RECLAIM, "again", &error), BATON_REFUSED);
    ck_assert(strstr(error.text, "the last planned move came to nothing") != NULL);
    s.veto = false;
    story_pass(&s, 60000);
    ck_assert_int_eq(story_propose(&s, 0, FSM_RECLAIM, "again", &error), BATON_OK);
    story_end(&s);
}
END_TEST

START_TEST(a_failback_whose_holder_will_not_stop_is_cancelled_and_the_holder_serves_on)
{
    struct baton_error error;

    on_server02();
    s.node[1].stop_lies = true;
    story_propose(&s, 0, FSM_RECLAIM, "server01 fit", &error);
    story_pass(&s, 5000);
    ck_traced("failback to server01 cancelled: server02 is not confirmed out: it serves");
    ck_assert(!s.node[0].serving && s.node[1].serving);
    ck_assert_int_eq(s.group->node[1].state, FSM_ACTIVE);
    story_end(&s);
}
END_TEST

START_TEST(a_holder_that_a_cancelled_failback_stopped_is_started_again)
{
    struct baton_error error;

    story_normal(&s, 3);
    /* server03 can't be seen and is not known to be out: a grant is impossible */
    holder_fails("smtp failed 3/3");
    story_propose(&s, 1, FSM_PROMOTE, "server01 unfit", &error);
    story_pass(&s, 3000);
    story_verdict(&s, 0, GROUP_YES, "well again");
    story_pass(&s, 3000);
    s.group->node[2].out = false;
    s.node[2].up = false;
    s.trace[0] = '\0';
    story_propose(&s, 0, FSM_RECLAIM, "server01 fit", &error);
    story_pass(&s, 6000);
    ck_traced("failback to server01 cancelled: server03 is not confirmed out");
    ck_traced("[remedy] restore begins: here → server02: it holds the baton but does not serve");
    ck_assert(s.node[1].serving);
    ck_assert_int_eq(s.group->holder, 1);
    ck_assert_int_eq(s.group->epoch, 2);
    story_end(&s);
}
END_TEST

START_TEST(a_less_preferred_node_takes_nothing_back)
{
    struct baton_error error;

    story_normal(&s, 2);
    ck_assert_int_eq(story_propose(&s, 1, FSM_RECLAIM, "too eager", &error), BATON_REFUSED);
    ck_assert(strstr(error.text, "it is preferred over the holder") != NULL);
    story_end(&s);
}
END_TEST

START_TEST(an_operator_moves_a_healthy_service_and_back)
{
    struct baton_error error;

    story_normal(&s, 2);
    ck_assert_int_eq(
        story_order(&s, GROUP_CMD_FAILOVER, GROUP_NOBODY, false, "maintenance", &error), BATON_OK);
    story_pass(&s, 3000);
    ck_traced("server02 Standby → FailingOver: failover by root: maintenance");
    ck_traced("server01 Active → Standby: stopped and confirmed out");
    ck_assert_int_eq(s.group->holder, 1);
    ck_assert_int_eq(s.group->n_moves, 0);
    ck_assert_int_eq(
        story_order(&s, GROUP_CMD_FAILBACK, GROUP_NOBODY, false, NULL, &error), BATON_OK);
    story_pass(&s, 3000);
    ck_traced("server01 Standby → FailingBack: failback by root");
    ck_assert_int_eq(s.group->holder, 0);
    ck_assert_int_eq(
        story_order(&s, GROUP_CMD_FAILBACK, GROUP_NOBODY, false, NULL, &error), BATON_REFUSED);
    ck_assert_str_eq(error.text, "server01 is the preferred fit node and holds the baton already");
    story_end(&s);
}
END_TEST

START_TEST(an_operator_forces_a_move_to_an_unfit_node_only_with_a_reason)
{
    struct baton_error error;

    story_normal(&s, 2);
    story_verdict(&s, 1, GROUP_NO, "share failed 3/3");
    ck_assert_int_eq(story_order(&s, GROUP_CMD_FAILOVER, 1, false, "x", &error), BATON_REFUSED);
    ck_assert_str_eq(
        error.text, "server02 is not fit: share failed 3/3. --force moves there all the same, with "
                    "a --reason");
    ck_assert_int_eq(story_order(&s, GROUP_CMD_FAILOVER, 1, true, NULL, &error), BATON_INVALID);
    ck_assert_int_eq(
        story_order(&s, GROUP_CMD_FAILOVER, 1, true, "the share check is wrong", &error), BATON_OK);
    story_pass(&s, 3000);
    ck_traced("server02 Degraded → FailingOver: failover by root: the share check is wrong");
    ck_assert_int_eq(s.group->holder, 1);
    story_end(&s);
}
END_TEST

START_TEST(probes_that_fail_while_a_service_is_started_say_nothing_of_it)
{
    struct baton_error error;
    struct group_event ev;
    struct group_health *queue;

    story_normal(&s, 2);
    s.step_ms = 400;
    queue = &s.group->node[1].health[1];
    story_order(&s, GROUP_CMD_FAILOVER, GROUP_NOBODY, false, "maintenance", &error);
    for (int i = 0; i < 100 && s.group->holder != 1; i++) {
        story_pass(&s, 100);
    }
    ck_assert_int_eq(s.group->node[1].state, FSM_FAILING_OVER);
    ev = (struct group_event){.kind = GROUP_EV_OBSERVED, .now_ms = s.now_ms};
    ev.u.observed.node = 1;
    ev.u.observed.probe = 1;
    ev.u.observed.outcome = GROUP_FAIL;
    ev.u.observed.detail = "connection refused";
    ck_assert_int_eq(story_feed(&s, &ev, &error), BATON_OK);
    ck_assert_int_eq(queue->status, GROUP_FAIL);
    story_verdict(&s, 1, GROUP_NO, "queue failed 1/1");
    story_pass(&s, 5000);
    ck_assert_int_eq(s.group->node[1].state, FSM_ACTIVE);
    ck_assert_int_eq(queue->status, GROUP_UNKNOWN);
    ck_assert_int_eq(s.group->node[1].verdict, GROUP_UNSURE);
    story_verdict(&s, 1, GROUP_NO, "queue failed 1/1"); /* after it is another matter */
    ck_traced("server02 Active → Degraded: queue failed 1/1");
    story_end(&s);
}
END_TEST

START_TEST(what_was_chosen_by_force_stays_until_more_fails_there)
{
    struct baton_error error;
    struct group_health *smtp;

    story_normal(&s, 2);
    story_verdict(&s, 1, GROUP_NO, "share failed 3/3");
    story_order(&s, GROUP_CMD_FAILOVER, 1, true, "the share check is wrong", &error);
    story_pass(&s, 3000);
    ck_assert_int_eq(s.group->node[1].state, FSM_DEGRADED);
    ck_assert_int_eq(
        story_propose(&s, 0, FSM_PROMOTE, "server02 unfit for 120 s", &error), BATON_REFUSED);
    ck_assert_str_eq(
        error.text, "server02 was chosen by force and serves: it stays until it is fit, something "
                    "else fails there, or an operator moves it");
    smtp = &s.group->node[1].health[0];
    smtp->status = smtp->last = GROUP_FAIL; /* this had not failed then */
    ck_assert_int_eq(story_propose(&s, 0, FSM_PROMOTE, "smtp failed", &error), BATON_OK);
    story_pass(&s, 3000);
    ck_assert_int_eq(s.group->holder, 0);
    ck_assert_int_eq(s.group->forced, GROUP_NOBODY);
    story_end(&s);
}
END_TEST

START_TEST(what_was_chosen_by_force_is_like_any_other_once_it_is_fit)
{
    struct baton_error error;

    story_normal(&s, 2);
    story_verdict(&s, 1, GROUP_NO, "share failed 3/3");
    story_order(&s, GROUP_CMD_FAILOVER, 1, true, "the share check is wrong", &error);
    story_pass(&s, 3000);
    story_verdict(&s, 1, GROUP_YES, "well");
    story_verdict(&s, 1, GROUP_NO, "share failed 3/3");
    ck_assert_int_eq(story_propose(&s, 0, FSM_PROMOTE, "unfit again", &error), BATON_OK);
    story_end(&s);
}
END_TEST

START_TEST(a_fit_node_that_is_not_seen_standing_by_takes_force_too)
{
    struct baton_error error;

    story_begin(&s, 2);
    s.node[0].serving = true;
    s.node[1].up = false; /* its probes are fine, but ssh is down from the start */
    story_boot(&s);
    story_pass(&s, 12000);
    ck_assert_int_eq(s.group->node[1].state, FSM_UNKNOWN);
    ck_assert_int_eq(story_order(&s, GROUP_CMD_FAILOVER, 1, false, NULL, &error), BATON_REFUSED);
    ck_assert_str_eq(
        error.text, "server02 is not seen standing by: ssh: no answer. --force moves there all the "
                    "same, with a --reason");
    ck_assert_int_eq(story_order(&s, GROUP_CMD_FAILOVER, 1, true, "I know", &error), BATON_OK);
    ck_traced("server02 Unknown → FailingOver: failover by root: I know");
    story_end(&s);
}
END_TEST

/* ---- pause ---- */

START_TEST(a_paused_group_observes_and_makes_no_move)
{
    struct baton_error error;

    story_normal(&s, 2);
    ck_assert_int_eq(
        story_order(&s, GROUP_CMD_PAUSE, GROUP_NOBODY, false, "patch day", &error), BATON_OK);
    holder_fails("smtp failed 3/3");
    ck_traced("server01 Active → Degraded: smtp failed 3/3");
    ck_assert_int_eq(story_propose(&s, 1, FSM_PROMOTE, "unfit", &error), BATON_REFUSED);
    ck_assert_str_eq(error.text, "the group is paused: pause by root: patch day");
    ck_assert_int_eq(story_order(&s, GROUP_CMD_FAILOVER, 1, false, NULL, &error), BATON_REFUSED);
    s.node[0].serving = false; /* by hand */
    story_pass(&s, 20000);
    ck_assert(!s.node[0].serving && !s.node[1].serving);
    story_end(&s);
}
END_TEST

START_TEST(after_a_pause_the_group_is_looked_at_afresh)
{
    struct baton_error error;

    story_normal(&s, 2);
    story_order(&s, GROUP_CMD_PAUSE, GROUP_NOBODY, false, "by hand", &error);
    s.node[0].serving = false;
    s.node[1].serving = true; /* moved by hand */
    story_pass(&s, 10000);
    ck_assert_msg(s.node[1].serving, "what the operator started was stopped");
    s.trace[0] = '\0';
    story_order(&s, GROUP_CMD_RESUME, GROUP_NOBODY, false, NULL, &error);
    story_pass(&s, 5000);
    ck_traced("server02 Unknown → Active: it alone serves; the recorded holder is seen stopped");
    ck_assert_int_eq(s.group->holder, 1);
    ck_assert_int_eq(s.group->epoch, 2);
    story_end(&s);
}
END_TEST

START_TEST(a_pause_survives_a_restart)
{
    struct baton_error error;

    story_normal(&s, 2);
    story_order(&s, GROUP_CMD_PAUSE, GROUP_NOBODY, false, "patch day", &error);
    s.node[0].serving = false;
    story_boot(&s);
    story_pass(&s, 30000);
    ck_assert(s.group->paused);
    ck_assert(!s.node[0].serving && !s.node[1].serving);
    story_end(&s);
}
END_TEST

/* ---- rogues and a holder that does not serve ---- */

START_TEST(a_rogue_is_stopped_at_once_whatever_the_policy_says)
{
    story_normal(&s, 2);
    s.node[1].serving = true; /* somebody started it by hand */
    s.steps_in_trace = true;
    story_pass(&s, 4000);
    story_expect(
        &s, "[rogue] server02 serves without the baton (server01 has it): it is stopped\n"
            "  stop address on server02\n"
            "  stop mail on server02\n"
            "  look on server02\n"
            "[rogue] server02: evict done in 300 ms\n");
    ck_assert(s.node[0].serving && !s.node[1].serving);
    s.two_served = 0; /* until Baton saw it */
    story_end(&s);
}
END_TEST

START_TEST(in_a_pause_a_rogue_is_stopped_only_where_the_holder_serves_too)
{
    struct baton_error error;

    story_normal(&s, 2);
    story_order(&s, GROUP_CMD_PAUSE, GROUP_NOBODY, false, "by hand", &error);
    s.node[1].serving = true; /* a mistake: server01 still serves */
    story_pass(&s, 4000);
    ck_assert(s.node[0].serving && !s.node[1].serving);
    s.two_served = 0;
    story_end(&s);
}
END_TEST

START_TEST(a_rogue_that_cannot_be_stopped_is_an_alert_and_a_hold)
{
    story_normal(&s, 2);
    s.node[1].serving = s.node[1].stop_lies = true;
    story_pass(&s, 6000);
    ck_traced("[hold] server02 serves without the baton and can't be stopped: switch it off");
    s.two_served = 0;
    story_end(&s);
}
END_TEST

START_TEST(a_holder_that_does_not_serve_is_started_again_where_it_is)
{
    story_normal(&s, 2);
    s.steps_in_trace = true;
    s.node[0].serving = false; /* somebody removed the address */
    story_pass(&s, 7000);
    story_expect(
        &s, "server01 Active → Degraded: it holds the baton but does not serve: it is stopped\n"
            "[remedy] restore begins: here → server01: it holds the baton but does not serve\n"
            "  start mail on server01\n"
            "  start address on server01\n"
            "  verify smtp on server01\n"
            "[remedy] server01: restore done in 300 ms\n"
            "server01 Degraded → Active: all well\n");
    story_end(&s);
}
END_TEST

START_TEST(a_holder_that_was_restored_is_fit_at_once_and_not_failed_over_from)
{
    struct baton_error error;

    story_normal(&s, 2);
    s.node[0].serving = false; /* somebody removed the address */
    while (s.group->plan[0].kind != GROUP_PLAN_RESTORE) {
        story_pass(&s, 50);
    }
    while (s.group->plan[0].kind == GROUP_PLAN_RESTORE) {
        story_pass(&s, 50);
    }
    ck_assert_int_eq(s.group->node[0].state, FSM_ACTIVE);
    ck_assert_int_eq(story_propose(&s, 1, FSM_PROMOTE, "unfit for 0 s", &error), BATON_REFUSED);
    story_end(&s);
}
END_TEST

START_TEST(a_restore_that_fails_twice_leaves_it_to_the_policy)
{
    struct baton_error error;

    story_normal(&s, 2);
    s.node[0].serving = false;
    s.node[0].start_fails = true;
    story_pass(&s, 60000);
    ck_assert_int_eq(s.group->node[0].restore_tries, 2);
    ck_assert_int_eq(story_propose(&s, 1, FSM_PROMOTE, "server01 unfit", &error), BATON_OK);
    story_pass(&s, 3000);
    ck_assert_int_eq(s.group->holder, 1);
    story_end(&s);
}
END_TEST

START_TEST(a_remedy_is_tried_so_often_and_no_more)
{
    struct group_event ev = {.kind = GROUP_EV_REMEDY};
    struct baton_error error;
    int i;

    story_normal(&s, 2);
    holder_fails("smtp failed 3/3");
    for (i = 0; i < 2; i++) {
        ev.u.remedy.node = ev.u.remedy.remedy = 0;
        ev.u.remedy.why = "smtp failed";
        ck_assert_int_eq(story_feed(&s, &ev, &error), BATON_OK);
        ck_assert_int_eq(story_propose(&s, 1, FSM_PROMOTE, "unfit", &error), BATON_REFUSED);
        ck_assert_str_eq(error.text, "a remedy of server01 is under way");
        story_pass(&s, 1000);
    }
    ck_assert_int_eq(story_feed(&s, &ev, &error), BATON_REFUSED);
    ck_assert_str_eq(error.text, "restart was tried 2 times on server01 within 60 s");
    ck_assert_int_eq(story_propose(&s, 1, FSM_PROMOTE, "unfit", &error), BATON_OK);
    story_end(&s);
}
END_TEST

/* ---- probes ---- */

static void observe(enum group_outcome outcome)
{
    struct group_event ev = {.kind = GROUP_EV_OBSERVED};

    ev.u.observed.outcome = outcome;
    ev.u.observed.detail = "x";
    story_feed(&s, &ev, NULL);
}

START_TEST(rise_and_fall_count_runs_and_unknown_is_not_failed)
{
    const struct group_health *smtp;

    story_normal(&s, 2);
    smtp = &s.group->node[0].health[0];
    ck_assert_int_eq(smtp->status, GROUP_UNKNOWN);
    observe(GROUP_OK);
    ck_assert_int_eq(smtp->status, GROUP_UNKNOWN);
    observe(GROUP_OK);
    ck_assert_int_eq(smtp->status, GROUP_OK);
    observe(GROUP_FAIL);
    observe(GROUP_FAIL);
    observe(GROUP_UNKNOWN); /* breaks the run */
    observe(GROUP_FAIL);
    observe(GROUP_FAIL);
    ck_assert_int_eq(smtp->status, GROUP_OK);
    observe(GROUP_FAIL);
    ck_assert_int_eq(smtp->status, GROUP_FAIL);
    observe(GROUP_UNKNOWN);
    observe(GROUP_UNKNOWN);
    ck_assert_int_eq(smtp->status, GROUP_FAIL);
    observe(GROUP_UNKNOWN);
    ck_assert_int_eq(smtp->status, GROUP_UNKNOWN);
    story_end(&s);
}
END_TEST

START_TEST(a_holder_whose_probe_is_about_to_fail_is_left_to_the_policy)
{
    story_normal(&s, 2);
    observe(GROUP_OK);
    observe(GROUP_OK);
    s.node[0].serving = false;
    observe(GROUP_FAIL);
    story_pass(&s, 9000);
    story_expect(&s, ""); /* not yet: whether that counts is known when the next ones are in */
    observe(GROUP_FAIL);
    observe(GROUP_FAIL);
    story_expect(&s, "");
    holder_fails("smtp failed 3/3");
    story_pass(&s, 2000);
    story_expect(&s, "server01 Active → Degraded: smtp failed 3/3\n");
    story_end(&s);
    story_normal(&s, 2);
    observe(GROUP_OK);
    observe(GROUP_OK);
    s.node[0].serving = false;
    observe(GROUP_FAIL);
    story_pass(&s, 9000);
    observe(GROUP_OK); /* it was nothing */
    story_pass(&s, 3000);
    ck_traced("[remedy] restore begins: here → server01: it holds the baton but does not serve");
    story_end(&s);
}
END_TEST

START_TEST(a_holder_is_not_left_to_the_policy_for_ever)
{
    story_normal(&s, 2);
    observe(GROUP_OK);
    observe(GROUP_OK);
    s.node[0].serving = false;
    observe(GROUP_FAIL); /* and is made no more for an hour */
    story_pass(&s, 28000);
    story_expect(&s, "");
    story_pass(&s, 10000);
    ck_traced("[remedy] restore begins: here → server01: it holds the baton but does not serve");
    ck_assert(s.node[0].serving);
    story_end(&s);
}
END_TEST

START_TEST(a_probe_of_the_holder_rests_on_the_others_and_begins_anew)
{
    struct baton_error error;

    story_normal(&s, 2);
    ck_assert(!s.group->node[0].health[1].resting && s.group->node[1].health[1].resting);
    s.group->node[0].health[1].status = GROUP_FAIL;
    holder_fails("queue failed 1/1");
    story_propose(&s, 1, FSM_PROMOTE, "unfit", &error);
    story_pass(&s, 3000);
    ck_assert(s.group->node[0].health[1].resting && !s.group->node[1].health[1].resting);
    ck_assert_int_eq(s.group->node[0].health[1].status, GROUP_UNKNOWN);
    story_end(&s);
}
END_TEST

/* ---- journal, restarts, invariants ---- */

START_TEST(a_full_disk_under_the_journal_moves_nothing_and_is_over_when_there_is_room)
{
    struct baton_error error;

    story_normal(&s, 2);
    s.steps_in_trace = true;
    s.journal_full = true;
    holder_fails("smtp failed 3/3");
    ck_traced("[hold] the journal can't be written, so nothing is moved: no space left on device");
    ck_assert_int_eq(story_propose(&s, 1, FSM_PROMOTE, "unfit", &error), BATON_REFUSED);
    story_pass(&s, 5000);
    ck_assert_msg(!traced("  stop"), "a step ran without a record:\n%s", s.trace);
    ck_assert(s.node[0].serving);
    s.journal_full = false;
    story_verdict(&s, 1, GROUP_NO, "for a record");
    story_verdict(&s, 1, GROUP_YES, "well");
    story_pass(&s, 3000);
    ck_assert_int_eq(s.group->hold, GROUP_HOLD_NONE);
    ck_assert_int_eq(story_propose(&s, 1, FSM_PROMOTE, "unfit", &error), BATON_OK);
    story_end(&s);
}
END_TEST

START_TEST(a_disk_that_fills_as_a_failover_begins_cancels_it_untouched)
{
    struct baton_error error;

    story_normal(&s, 2);
    holder_fails("smtp failed 3/3");
    s.journal_full = true;
    ck_assert_int_eq(story_propose(&s, 1, FSM_PROMOTE, "unfit", &error), BATON_OK);
    ck_traced("failover to server02 cancelled: the journal can't be written; nothing was touched");
    ck_assert(s.node[0].serving);
    ck_assert_int_eq(s.group->node[1].state, FSM_STANDBY);
    story_end(&s);
}
END_TEST

/* Policy of these stories: promote server02 while server01 is unfit, or nobody holds. */
static void insist(int rounds)
{
    int i;

    for (i = 0; i < rounds; i++) {
        story_pass(&s, 500);
        if (s.group->node[1].state == FSM_STANDBY && s.group->holder != 1) {
            story_propose(&s, 1, FSM_PROMOTE, "unfit", NULL);
        }
    }
}

START_TEST(a_daemon_killed_at_any_record_of_a_failover_ends_with_one_node_serving)
{
    int64_t kill_at;
    bool killed = true;

    for (kill_at = 1; killed; kill_at++) {
        int64_t epoch, base;

        story_normal(&s, 2);
        base = s.group->seq;
        s.die_at_record = base + kill_at;
        holder_fails("smtp failed 3/3");
        story_propose(&s, 1, FSM_PROMOTE, "unfit", NULL);
        story_pass(&s, 10000);
        killed = s.dead;
        epoch = s.memory.epoch;
        if (killed) {
            story_boot(&s);
        }
        insist(60);
        ck_assert_msg(
            s.node[1].serving && !s.node[0].serving && s.group->holder == 1 &&
                s.group->node[1].state == FSM_ACTIVE,
            "killed at record %lld: server01 %d, server02 %d, holder %d\n%s", (long long)kill_at,
            s.node[0].serving, s.node[1].serving, s.group->holder, s.trace);
        ck_assert_int_ge(s.group->epoch, epoch);
        story_end(&s);
    }
    ck_assert_int_gt(kill_at, 15);
}
END_TEST

START_TEST(an_interrupted_failover_goes_on_after_its_grant)
{
    story_normal(&s, 2);
    s.steps_in_trace = true;
    holder_fails("smtp failed 3/3");
    story_propose(&s, 1, FSM_PROMOTE, "unfit", NULL);
    while (s.memory.epoch < 2) {
        story_pass(&s, 50);
    }
    s.trace[0] = '\0';
    story_boot(&s);
    story_pass(&s, 4000);
    ck_traced(
        "server02 Unknown → FailingOver: interrupted by a restart after the grant: it goes on");
    ck_traced("  start mail on server02\n"
              "  start address on server02\n"
              "  verify smtp on server02\n"
              "server02 FailingOver → Active");
    ck_assert_int_eq(s.group->epoch, 2);
    story_end(&s);
}
END_TEST

START_TEST(a_broken_invariant_freezes_the_group_and_moves_nothing)
{
    struct baton_error error;

    story_normal(&s, 2);
    s.group->node[1].state = FSM_ACTIVE; /* a bug */
    story_pass(&s, 2000);
    ck_traced("[hold] invariant 1 is broken: a node is Active without the baton");
    holder_fails("smtp failed 3/3");
    ck_assert_int_eq(story_propose(&s, 1, FSM_PROMOTE, "unfit", &error), BATON_REFUSED);
    ck_assert(strstr(error.text, "on hold (frozen)") != NULL);
    ck_assert_int_eq(story_order(&s, GROUP_CMD_FAILOVER, 1, false, "x", &error), BATON_REFUSED);
    ck_assert(s.node[0].serving && !s.node[1].serving);
    story_end(&s);
}
END_TEST

START_TEST(a_frozen_group_stays_frozen_when_the_journal_fails_and_recovers)
{
    struct group_event failed = {.kind = GROUP_EV_UNRECORDED};
    struct group_event written = {.kind = GROUP_EV_RECORDED};

    story_normal(&s, 2);
    s.group->node[1].state = FSM_ACTIVE; /* a bug */
    story_pass(&s, 2000);
    s.group->node[1].state = FSM_STANDBY; /* what broke it is no more to be seen */
    failed.u.recorded.why = "no space left on device";
    written.u.recorded.seq = s.group->seq;
    story_feed(&s, &failed, NULL);
    story_feed(&s, &written, NULL);
    ck_assert_int_eq(s.group->hold, GROUP_HOLD_FROZEN);
    story_end(&s);
}
END_TEST

START_TEST(a_grant_whose_record_waits_for_the_disk_is_given_once_and_goes_on)
{
    story_begin(&s, 2);
    s.journal_full = true;
    story_boot(&s);
    story_pass(&s, 20000);
    ck_assert(!s.node[0].serving);
    s.journal_full = false;
    story_pass(&s, 5000);
    ck_assert_int_eq(s.group->hold, GROUP_HOLD_NONE);
    ck_assert_int_eq(s.group->epoch, 1);
    ck_assert(s.node[0].serving);
    story_end(&s);
}
END_TEST

static bool only_one_serves(void)
{
    return s.made_two == 0 && s.node[0].serving != s.node[1].serving;
}

START_TEST(a_node_started_by_hand_while_the_grant_is_written_is_not_joined)
{
    story_normal(&s, 2);
    holder_fails("smtp failed 3/3");
    s.write_ms = 5000;
    story_propose(&s, 1, FSM_PROMOTE, "unfit", NULL);
    while (s.group->plan[0].steps[s.group->plan[0].step].kind != GROUP_STEP_GRANT) {
        story_pass(&s, 50);
    }
    s.node[0].serving = s.node[0].by_hand = s.node[0].stop_fails = true;
    story_pass(&s, 3000);
    s.write_ms = 0;
    story_pass(&s, 40000);
    ck_assert_msg(only_one_serves(), "%s", s.trace);
    ck_assert_int_ne(s.group->hold, GROUP_HOLD_FROZEN);
    story_end(&s);
}
END_TEST

START_TEST(an_interrupted_handover_does_not_join_one_that_was_started_meanwhile)
{
    story_normal(&s, 2);
    holder_fails("smtp failed 3/3");
    story_propose(&s, 1, FSM_PROMOTE, "unfit", NULL);
    while (s.memory.epoch < 2) {
        story_pass(&s, 50);
    }
    s.node[0].serving = s.node[0].by_hand = true; /* it started with its machine */
    story_boot(&s);
    story_pass(&s, 20000);
    ck_assert_msg(only_one_serves(), "%s", s.trace);
    ck_assert_int_eq(s.two_served, 0);
    ck_assert_int_eq(s.group->epoch, 3);
    story_end(&s);
}
END_TEST

START_TEST(a_stray_that_is_adopted_takes_the_next_epoch)
{
    struct baton_error error;

    story_normal(&s, 2);
    story_boot(&s); /* so that the record names server01 */
    story_pass(&s, 3000);
    story_verdict(&s, 1, GROUP_NO, "share failed 3/3");
    s.node[0].up = s.node[0].serving = false;
    story_pass(&s, 3000);
    story_order(&s, GROUP_CMD_CONFIRM_OUT, 0, false, "plug pulled", &error);
    s.node[0].up = s.node[0].serving = true;
    story_pass(&s, 3000);
    ck_assert_int_eq(s.group->holder, 0);
    ck_assert_int_eq(s.group->epoch, 2);
    ck_assert_int_eq(s.memory.holder, 0);
    story_end(&s);
}
END_TEST

START_TEST(more_moves_than_the_limit_do_not_freeze_what_an_operator_wants)
{
    struct baton_error error;
    int i;

    story_normal(&s, 2);
    for (i = 0; i < 5; i++) { /* as a restart may remember */
        s.group->move_ms[s.group->n_moves++] = s.now_ms;
    }
    ck_assert_int_eq(story_order(&s, GROUP_CMD_FAILOVER, 1, false, NULL, &error), BATON_OK);
    story_pass(&s, 3000);
    ck_assert_int_eq(s.group->hold, GROUP_HOLD_NONE);
    ck_assert_int_eq(s.group->holder, 1);
    story_end(&s);
}
END_TEST

START_TEST(a_resume_during_start_up_keeps_the_record)
{
    struct baton_error error;

    story_begin(&s, 2);
    s.memory.known = s.memory.paused = true;
    s.memory.epoch = 3;
    s.memory.holder = 0;
    s.node[0].up = false;
    story_boot(&s);
    story_pass(&s, 1000);
    story_order(&s, GROUP_CMD_RESUME, GROUP_NOBODY, false, NULL, &error);
    story_pass(&s, 15000);
    ck_assert_int_eq(s.group->holder, 0);
    ck_assert_int_eq(s.group->epoch, 3);
    story_end(&s);
}
END_TEST

START_TEST(a_grant_with_a_node_that_is_not_out_is_caught)
{
    struct baton_error error;

    story_normal(&s, 2);
    holder_fails("smtp failed 3/3");
    story_propose(&s, 1, FSM_PROMOTE, "unfit", &error);
    s.group->checked_epoch = 5; /* as if a higher epoch had been granted before */
    story_pass(&s, 3000);
    ck_traced("invariant 3 is broken");
    ck_assert(!s.node[1].serving);
    story_end(&s);
}
END_TEST

START_TEST(a_broken_policy_holds_the_group_until_other_rules_come)
{
    struct group_event ev = {.kind = GROUP_EV_POLICY_BROKEN};
    struct baton_error error;

    story_normal(&s, 2);
    ev.u.policy_broken.why = "mail.lua:7: 1000000 instructions are used up";
    story_feed(&s, &ev, NULL);
    ck_traced("[hold] mail.lua:7: 1000000 instructions are used up");
    ck_assert_int_eq(story_order(&s, GROUP_CMD_FAILOVER, 1, false, NULL, &error), BATON_REFUSED);
    ck_assert_int_eq(group_set_rules(s.group, &s.rules, &error), BATON_OK);
    ck_assert_int_eq(story_order(&s, GROUP_CMD_FAILOVER, 1, false, NULL, &error), BATON_OK);
    story_pass(&s, 50);
    ck_assert_int_eq(group_set_rules(s.group, &s.rules, &error), BATON_REFUSED);
    ck_assert_str_eq(error.text, "group mail: a move is under way: reload when it is over");
    story_pass(&s, 3000);
    ck_assert_int_eq(s.group->holder, 1);
    story_end(&s);
}
END_TEST

START_TEST(a_setup_that_cannot_work_is_refused)
{
    struct group_setup setup = {.name = "mail", .n_nodes = 2};
    struct group_rules rules;
    struct baton_error error;
    struct group *g;

    story_begin(&s, 2);
    rules = s.rules;
    setup.rules = &rules;
    setup.memory.holder = GROUP_NOBODY;
    snprintf(setup.node[0].name, sizeof setup.node[0].name, "server01");
    snprintf(setup.node[1].name, sizeof setup.node[1].name, "server01");
    ck_assert_int_eq(group_new(&setup, &g, &error), BATON_INVALID);
    ck_assert_str_eq(error.text, "group mail: two nodes are named server01");
    snprintf(setup.node[1].name, sizeof setup.node[1].name, "server02");
    rules.list[GROUP_LIST_START].count = 0;
    ck_assert_int_eq(group_new(&setup, &g, &error), BATON_INVALID);
    ck_assert_str_eq(error.text, "the policy has no start action: how is the service started?");
    rules = s.rules;
    rules.fence_unconfirmed = true;
    rules.list[GROUP_LIST_FENCE].count = 0;
    ck_assert_int_eq(group_new(&setup, &g, &error), BATON_INVALID);
    rules = s.rules;
    rules.max_moves = 0;
    ck_assert_int_eq(group_new(&setup, &g, &error), BATON_INVALID);
    rules = s.rules;
    rules.window_ms = 2 * GROUP_WINDOW_MAX_MS;
    ck_assert_int_eq(group_new(&setup, &g, &error), BATON_INVALID);
    ck_assert(strstr(error.text, "at most a day") != NULL);
    rules = s.rules;
    setup.n_nodes = 0;
    ck_assert_int_eq(group_new(&setup, &g, &error), BATON_INVALID);
}
END_TEST

static TCase *tests(Suite *suite, const char *name)
{
    TCase *tc = tcase_create(name);

    tcase_set_timeout(tc, 60);
    suite_add_tcase(suite, tc);
    return tc;
}

int main(void)
{
    Suite *suite = suite_create("group");
    SRunner *runner = srunner_create(suite);
    TCase *tc = tests(suite, "start-up");
    int failed;

    tcase_add_test(tc, the_one_that_serves_is_adopted_and_nothing_is_touched);
    tcase_add_test(tc, a_recorded_holder_that_serves_keeps_its_epoch);
    tcase_add_test(tc, none_serves_then_the_preferred_fit_node_is_started_after_settling);
    tcase_add_test(tc, none_serves_and_the_preferred_is_unfit_then_the_next_is_started);
    tcase_add_test(tc, none_serves_and_the_preferred_is_not_judged_yet_then_it_is_waited_for);
    tcase_add_test(tc, what_was_seen_before_a_sleep_starts_nobody);
    tcase_add_test(tc, an_answer_from_before_a_sleep_is_no_answer);
    tcase_add_test(tc, two_serve_and_the_record_names_one_then_the_other_is_stopped);
    tcase_add_test(tc, two_serve_and_no_record_then_hold_until_one_is_stopped_by_hand);
    tcase_add_test(tc, two_serve_and_no_record_then_one_that_is_lost_from_sight_still_counts);
    tcase_add_test(tc, one_serves_but_the_recorded_holder_cannot_be_seen_then_hold);
    tcase_add_test(tc, who_was_seen_serving_is_not_out_by_the_record);
    tcase_add_test(tc, an_interrupted_start_does_not_go_on_beside_who_was_seen_serving);
    tcase_add_test(tc, nobody_is_started_while_a_node_cannot_be_seen_and_nothing_is_recorded);
    tcase_add_test(tc, a_recorded_holder_that_cannot_be_seen_keeps_the_baton);
    tc = tests(suite, "failover");
    tcase_add_test(tc, a_failover_stops_confirms_grants_starts_verifies_in_this_order);
    tcase_add_test(tc, a_dead_holder_is_never_assumed_dead);
    tcase_add_test(tc, a_dead_holder_is_fenced_where_the_policy_says_so);
    tcase_add_test(tc, a_fence_that_fails_confirms_nothing);
    tcase_add_test(tc, a_fence_that_says_no_counts_where_a_look_after_it_agrees);
    tcase_add_test(tc, a_holder_that_will_not_stop_is_fenced_not_trusted);
    tcase_add_test(tc, the_operator_vouches_for_a_node_that_is_switched_off);
    tcase_add_test(tc, a_node_that_is_seen_serving_cannot_be_vouched_out);
    tcase_add_test(tc, the_hold_ends_when_the_holder_can_be_seen_again);
    tcase_add_test(tc, a_holder_that_comes_back_serving_is_asked_afresh);
    tcase_add_test(tc, a_start_that_fails_is_undone_and_the_baton_is_free);
    tcase_add_test(tc, a_node_whose_start_failed_rests_and_is_tried_again_by_itself);
    tcase_add_test(tc, a_taker_that_cannot_be_asked_is_not_asked_to_start_again);
    tcase_add_test(tc, an_undo_that_cannot_be_confirmed_keeps_the_baton);
    tcase_add_test(tc, a_step_that_never_ends_is_ended_by_its_deadline);
    tcase_add_test(tc, a_late_end_of_a_step_is_dropped);
    tcase_add_test(tc, a_healthy_holder_is_not_failed_over_from);
    tcase_add_test(tc, an_unfit_or_unknown_node_is_not_promoted);
    tcase_add_test(tc, too_many_moves_are_held_until_the_window_frees_or_an_operator_resumes);
    tc = tests(suite, "failback and moves");
    tcase_add_test(tc, a_failback_asks_the_hooks_and_moves_in_order);
    tcase_add_test(tc, a_hook_vetoes_a_failback_before_anything_is_touched);
    tcase_add_test(tc, a_failback_whose_holder_will_not_stop_is_cancelled_and_the_holder_serves_on);
    tcase_add_test(tc, a_holder_that_a_cancelled_failback_stopped_is_started_again);
    tcase_add_test(tc, a_less_preferred_node_takes_nothing_back);
    tcase_add_test(tc, an_operator_moves_a_healthy_service_and_back);
    tcase_add_test(tc, an_operator_forces_a_move_to_an_unfit_node_only_with_a_reason);
    tcase_add_test(tc, what_was_chosen_by_force_stays_until_more_fails_there);
    tcase_add_test(tc, probes_that_fail_while_a_service_is_started_say_nothing_of_it);
    tcase_add_test(tc, what_was_chosen_by_force_is_like_any_other_once_it_is_fit);
    tcase_add_test(tc, a_fit_node_that_is_not_seen_standing_by_takes_force_too);
    tc = tests(suite, "pause");
    tcase_add_test(tc, a_paused_group_observes_and_makes_no_move);
    tcase_add_test(tc, after_a_pause_the_group_is_looked_at_afresh);
    tcase_add_test(tc, a_pause_survives_a_restart);
    tc = tests(suite, "watch");
    tcase_add_test(tc, a_rogue_is_stopped_at_once_whatever_the_policy_says);
    tcase_add_test(tc, in_a_pause_a_rogue_is_stopped_only_where_the_holder_serves_too);
    tcase_add_test(tc, a_rogue_that_cannot_be_stopped_is_an_alert_and_a_hold);
    tcase_add_test(tc, a_holder_that_does_not_serve_is_started_again_where_it_is);
    tcase_add_test(tc, a_holder_that_was_restored_is_fit_at_once_and_not_failed_over_from);
    tcase_add_test(tc, a_restore_that_fails_twice_leaves_it_to_the_policy);
    tcase_add_test(tc, a_remedy_is_tried_so_often_and_no_more);
    tcase_add_test(tc, rise_and_fall_count_runs_and_unknown_is_not_failed);
    tcase_add_test(tc, a_holder_whose_probe_is_about_to_fail_is_left_to_the_policy);
    tcase_add_test(tc, a_holder_is_not_left_to_the_policy_for_ever);
    tcase_add_test(tc, a_probe_of_the_holder_rests_on_the_others_and_begins_anew);
    tc = tests(suite, "journal and invariants");
    tcase_add_test(tc, a_full_disk_under_the_journal_moves_nothing_and_is_over_when_there_is_room);
    tcase_add_test(tc, a_disk_that_fills_as_a_failover_begins_cancels_it_untouched);
    tcase_add_test(tc, a_daemon_killed_at_any_record_of_a_failover_ends_with_one_node_serving);
    tcase_add_test(tc, an_interrupted_failover_goes_on_after_its_grant);
    tcase_add_test(tc, a_broken_invariant_freezes_the_group_and_moves_nothing);
    tcase_add_test(tc, a_frozen_group_stays_frozen_when_the_journal_fails_and_recovers);
    tcase_add_test(tc, a_grant_whose_record_waits_for_the_disk_is_given_once_and_goes_on);
    tcase_add_test(tc, a_node_started_by_hand_while_the_grant_is_written_is_not_joined);
    tcase_add_test(tc, an_interrupted_handover_does_not_join_one_that_was_started_meanwhile);
    tcase_add_test(tc, a_stray_that_is_adopted_takes_the_next_epoch);
    tcase_add_test(tc, more_moves_than_the_limit_do_not_freeze_what_an_operator_wants);
    tcase_add_test(tc, a_resume_during_start_up_keeps_the_record);
    tcase_add_test(tc, a_grant_with_a_node_that_is_not_out_is_caught);
    tcase_add_test(tc, a_broken_policy_holds_the_group_until_other_rules_come);
    tcase_add_test(tc, a_setup_that_cannot_work_is_refused);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
