#include "policy_fake.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* policy_result.more is gone when `done` has returned. */
static char more[256];
static struct fake_end end_of_task;

static void keep(void *arg, const struct policy_result *result)
{
    (void)arg;
    strncpy(more, result->more != NULL ? result->more : "(none)", sizeof more - 1);
    fake_done(&end_of_task, result);
}

static struct fake_end run(enum policy_entry entry, int index, int node)
{
    memset(&end_of_task, 0, sizeof end_of_task);
    memset(more, 0, sizeof more);
    ck_assert_ptr_nonnull(policy_run(
        fake_policy, entry, index, node, fake.now_ms + 3600000, keep, NULL, &fake_error));
    fake_idle();
    ck_assert_int_eq(end_of_task.count, 1);
    return end_of_task;
}

/* ---- What is read -------------------------------------------------------------------------- */

START_TEST(a_policy_without_has_none)
{
    int count;

    fake_load(fake_with("init = nil"));
    policy_checks(fake_policy, &count);
    ck_assert_int_eq(count, 0);
    policy_columns(fake_policy, &count);
    ck_assert_int_eq(count, 0);
    policy_steps(fake_policy, POLICY_MIGRATE, &count);
    ck_assert_int_eq(count, 0);
}
END_TEST

START_TEST(reads_checks_and_steps)
{
    const struct policy_check *check;
    const struct policy_step *step;
    int count;

    fake_load(fake_with(
        "checks = { check { name = 'clock', title = 'the clocks are in step', timeout = 5,\n"
        "    advice = 'start chronyd', run = function() return true end },\n"
        "  check { name = 'two', on = 'group', run = function() return true end } },\n"
        "cluster = { check { name = 'service', run = function() return true, 'runs' end } },\n"
        "init = { step { name = 'folder', on = 'primary', deadline = 7200, plan = function() "
        "return {} end,\n"
        "    run = function() end, look = function() end, undo = function() end },\n"
        "  step { name = 'licence', human = 'Activate the licence.' } }"));
    check = policy_checks(fake_policy, &count);
    ck_assert_int_eq(count, 2);
    ck_assert_str_eq(check[0].name, "clock");
    ck_assert_str_eq(check[0].title, "the clocks are in step");
    ck_assert_str_eq(check[0].advice, "start chronyd");
    ck_assert_int_eq(check[0].timeout_ms, 5000);
    ck_assert_int_eq(check[0].on, POLICY_ON_EACH);
    ck_assert_str_eq(check[1].title, "two");
    ck_assert_ptr_null(check[1].advice);
    ck_assert_int_eq(check[1].on, POLICY_ON_GROUP);
    policy_columns(fake_policy, &count);
    ck_assert_int_eq(count, 1);
    step = policy_steps(fake_policy, POLICY_INIT, &count);
    ck_assert_int_eq(count, 2);
    ck_assert_int_eq(step[0].on, POLICY_ON_PRIMARY);
    ck_assert_int_eq(step[0].deadline_ms, 7200000);
    ck_assert(step[0].has_look && step[0].has_plan && step[0].has_run && step[0].has_undo);
    ck_assert_str_eq(step[1].human, "Activate the licence.");
    ck_assert(!step[1].has_run);
    policy_steps(fake_policy, POLICY_MIGRATE, &count);
    ck_assert_int_eq(count, 0);
}
END_TEST

static const struct {
    const char *keys, *words;
} wrong[] = {
    {"checks = 5", "checks wants a list { check { … }, … }"},
    {"checks = { { name = 'x' } }", "item 1 is a table: make it with check { … }"},
    {"checks = { a = check { name = 'x', run = print } }", "there is no \"print\" here"},
    {"checks = { check { name = 'x' } }", "check x has no run"},
    {"checks = { check { run = function() end } }", "a check wants a name"},
    {"checks = { check { name = 'x', run = function() end, fix = 1 } }", "has no key 'fix'"},
    {"checks = { check { name = 'x', run = function() end, on = 'primary' } }", "there are: group"},
    {"checks = { check { name = 'x', run = function() end }, check { name = 'x', run = "
     "function() end } }",
     "there are two of the name x"},
    {"cluster = { step { name = 'x', human = 'y' } }", "make it with check { … }"},
    {"init = { step { name = 'x' } }", "step x has neither run nor human"},
    {"init = { step { name = 'x', run = function() end } }", "step x has no plan"},
    {"init = { step { name = 'x', human = 'y', run = function() end } }",
     "what a person does has no run or undo"},
    {"init = { step { name = 'x', human = 'y', after = 'x' } }", "there is no earlier step x"},
    {"migrate = { step { name = 'x', run = 'rsync', plan = function() end } }",
     "run wants a function, not a string"},
};

START_TEST(what_is_wrong_is_refused_with_its_line)
{
    const char *text = fake_with(wrong[_i].keys);

    ck_assert_int_eq(fake_try(text, strlen(text), 0, 0), BATON_INVALID);
    ck_assert_msg(strstr(fake_error.text, wrong[_i].words) != NULL, "%s", fake_error.text);
    ck_assert_msg(strncmp(fake_error.text, "test.lua:", 9) == 0, "%s", fake_error.text);
}
END_TEST

/* ---- What is run ----------------------------------------------------------------------------- */

START_TEST(a_check_answers_with_its_advice)
{
    struct fake_end end;

    fake_load(
        fake_with("checks = { check { name = 'a', advice = 'look there', run = function(node)\n"
                  "    return node:exec { command = { 'fail' } } end },\n"
                  "  check { name = 'b', on = 'group', run = function(node)\n"
                  "    return node == nil, 'no node', 'do this' end } }"));
    end = run(POLICY_CHECK, 0, 1);
    ck_assert_int_eq(end.result.outcome, GROUP_FAIL);
    ck_assert_str_eq(end.detail, "exit code 1");
    ck_assert_str_eq(more, "look there");
    ck_assert(!fake.last.acts);
    end = run(POLICY_CHECK, 1, 0);
    ck_assert_int_eq(end.result.outcome, GROUP_OK);
    ck_assert_str_eq(more, "do this");
}
END_TEST

START_TEST(a_check_that_can_not_see_is_unknown)
{
    fake_load(fake_with("checks = { check { name = 'a', run = function()\n"
                        "    return nil, 'nobody answers' end } }"));
    ck_assert_int_eq(run(POLICY_CHECK, 0, 0).result.outcome, GROUP_UNKNOWN);
    ck_assert_str_eq(end_of_task.detail, "nobody answers");
}
END_TEST

START_TEST(a_plan_is_a_list_of_lines)
{
    fake_load(fake_with("migrate = { step { name = 'a', on = 'each', run = function() end,\n"
                        "  plan = function(node) return { node.name .. ': one', 'two' } end } }"));
    ck_assert_int_eq(
        run(POLICY_STEP_PLAN, POLICY_STEP_INDEX(POLICY_MIGRATE, 0), 1).result.outcome, GROUP_OK);
    ck_assert_str_eq(more, "server02: one\ntwo");
}
END_TEST

static const char undone[] =
    "init = { step { name = 'skip', human = 'x' },\n"
    "  step { name = 'a', on = 'each', plan = function() return {} end,\n"
    "    run = function(node) node:exec { command = { 'say', 'x' } } return true, 'done so', "
    "'old value' end,\n"
    "    undo = function(node, memo) return memo == 'of ' .. node.name, tostring(memo) end },\n"
    "  step { name = 'b', plan = function() return {} end, run = function() end,\n"
    "    undo = function(node, memo) return node == nil and memo == 'mine', tostring(memo) end } }";

START_TEST(a_run_says_what_its_undo_gets)
{
    int step = POLICY_STEP_INDEX(POLICY_INIT, 1);

    fake_load(fake_with(undone));
    ck_assert_int_eq(run(POLICY_STEP_RUN, step, 0).result.outcome, GROUP_OK);
    ck_assert_str_eq(end_of_task.detail, "done so");
    ck_assert_str_eq(more, "old value");
    ck_assert(fake.last.acts);
    ck_assert_int_eq(run(POLICY_STEP_UNDO, step, 0).result.outcome, GROUP_FAIL);
    ck_assert_str_eq(end_of_task.detail, "nil");
    policy_remember(fake_policy, step, 0, "of server01", &fake_error);
    policy_remember(fake_policy, step, 1, "of server02", &fake_error);
    ck_assert_int_eq(run(POLICY_STEP_UNDO, step, 0).result.outcome, GROUP_OK);
    ck_assert_int_eq(run(POLICY_STEP_UNDO, step, 1).result.outcome, GROUP_OK);
    step = POLICY_STEP_INDEX(POLICY_INIT, 2);
    ck_assert_int_eq(run(POLICY_STEP_RUN, step, 0).result.outcome, GROUP_OK);
    policy_remember(fake_policy, step, 0, "mine", &fake_error);
    ck_assert_int_eq(run(POLICY_STEP_UNDO, step, 0).result.outcome, GROUP_OK);
}
END_TEST

START_TEST(a_copy_says_how_its_progress_is_read)
{
    int step = POLICY_STEP_INDEX(POLICY_MIGRATE, 0);

    fake_load(fake_with(
        "migrate = { step { name = 'a', plan = function() return {} end, run = function()\n"
        "  local result = exec { command = { 'ok' }, progress = 'robocopy' }\n"
        "  return result.ok, 'copied' end },\n"
        "  step { name = 'b', plan = function() return {} end, run = function()\n"
        "  return exec { command = { 'ok' }, progress = 'cp' } end } }"));
    ck_assert_int_eq(run(POLICY_STEP_RUN, step, 0).result.outcome, GROUP_OK);
    ck_assert_str_eq(fake.last.u.exec.progress, "robocopy");
    ck_assert_int_eq(run(POLICY_STEP_RUN, step + 1, 0).result.outcome, GROUP_FAIL);
    ck_assert(end_of_task.result.broken);
    ck_assert_msg(
        strstr(end_of_task.detail, "progress = \"cp\": there is no such choice") != NULL, "%s",
        end_of_task.detail);
}
END_TEST

START_TEST(a_shadow_makes_no_step)
{
    fake_load(fake_with("init = { step { name = 'a', plan = function() return {} end,\n"
                        "  run = function() return exec { command = { 'move' } } end } }"));
    run(POLICY_STEP_RUN, POLICY_STEP_INDEX(POLICY_INIT, 0), 0);
    ck_assert(end_of_task.result.shadowed);
    ck_assert_str_eq(end_of_task.detail, "would run move");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("policy: set-up");
    TCase *reads = tcase_create("reads"), *runs = tcase_create("runs");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(reads, fake_start, fake_stop);
    tcase_add_checked_fixture(runs, fake_start, fake_stop);
    tcase_add_test(reads, a_policy_without_has_none);
    tcase_add_test(reads, reads_checks_and_steps);
    tcase_add_loop_test(
        reads, what_is_wrong_is_refused_with_its_line, 0, (int)(sizeof wrong / sizeof wrong[0]));
    tcase_add_test(runs, a_check_answers_with_its_advice);
    tcase_add_test(runs, a_check_that_can_not_see_is_unknown);
    tcase_add_test(runs, a_plan_is_a_list_of_lines);
    tcase_add_test(runs, a_run_says_what_its_undo_gets);
    tcase_add_test(runs, a_copy_says_how_its_progress_is_read);
    tcase_add_test(runs, a_shadow_makes_no_step);
    suite_add_tcase(suite, reads);
    suite_add_tcase(suite, runs);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
