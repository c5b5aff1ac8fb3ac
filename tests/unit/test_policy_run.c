#include "policy_fake.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Verdicts ------------------------------------------------------------------------------ */

static const char two_probes[] = "probes = { smtp = probe.smtp { }, share = probe.share { } },\n"
                                 "fit = function(node) return node.smtp.ok and node.share.ok end";
enum {
    SHARE,
    SMTP
}; /* in the order of their names */

static struct policy_verdict fit_of(int node)
{
    struct policy_verdict verdict;

    ck_assert_msg(
        policy_fit(fake_policy, node, &verdict, &fake_error) == BATON_OK, "%s", fake_error.text);
    return verdict;
}

START_TEST(fit_names_the_probe_that_failed)
{
    struct policy_verdict verdict;

    fake_load(fake_with(two_probes));
    fake_probe(0, SMTP, GROUP_FAIL, 7, "connection refused");
    fake_probe(0, SHARE, GROUP_OK, 1, "");
    verdict = fit_of(0);
    ck_assert_int_eq(verdict.answer, GROUP_NO);
    ck_assert_str_eq(verdict.why, "smtp failed 3/3: connection refused");
    ck_assert(verdict.again_ms == GROUP_NEVER_MS);
}
END_TEST

START_TEST(unknown_is_not_failed)
{
    struct policy_verdict verdict;

    fake_load(fake_with(two_probes));
    fake_probe(0, SMTP, GROUP_UNKNOWN, 3, "no route");
    fake_probe(0, SHARE, GROUP_OK, 1, "");
    verdict = fit_of(0);
    ck_assert_int_eq(verdict.answer, GROUP_UNSURE);
    ck_assert_str_eq(verdict.why, "smtp unknown 3/3: no route");
    fake_probe(0, SMTP, GROUP_OK, 3, "");
    verdict = fit_of(0);
    ck_assert_int_eq(verdict.answer, GROUP_YES);
    ck_assert(verdict.why[0] != '\0');
}
END_TEST

START_TEST(unknown_asked_by_name_counts)
{
    fake_load(fake_with("probes = { smtp = probe.smtp { } },\n"
                        "fit = function(node) return not node.smtp.unknown and node.smtp.ok end"));
    fake_probe(0, 0, GROUP_UNKNOWN, 3, "no route");
    ck_assert_int_eq(fit_of(0).answer, GROUP_NO);
}
END_TEST

START_TEST(a_resting_probe_is_nothing_against_a_node)
{
    fake_load(fake_with(two_probes));
    fake_probe(0, SHARE, GROUP_OK, 1, "");
    fake_group->node[0].health[SMTP].resting = true;
    fake_group->node[0].health[SMTP].status = GROUP_FAIL;
    ck_assert_int_eq(fit_of(0).answer, GROUP_YES);
}
END_TEST

START_TEST(without_fit_every_probe_counts)
{
    struct policy_verdict verdict;

    fake_load(fake_with("probes = { a = probe.tcp { port = 2 }, b = probe.tcp { port = 3 } }"));
    fake_probe(1, 0, GROUP_OK, 1, "");
    ck_assert_int_eq(fit_of(1).answer, GROUP_UNSURE);
    fake_probe(1, 1, GROUP_FAIL, 3, "refused");
    verdict = fit_of(1);
    ck_assert_int_eq(verdict.answer, GROUP_NO);
    ck_assert_str_eq(verdict.why, "b failed 3/3: refused");
    fake_probe(1, 1, GROUP_OK, 3, "");
    ck_assert_int_eq(fit_of(1).answer, GROUP_YES);
}
END_TEST

START_TEST(fit_gives_its_own_reason)
{
    fake_load(fake_with("fit = function(node) return false, node.name .. ' is tired' end"));
    ck_assert_str_eq(fit_of(1).why, "server02 is tired");
}
END_TEST

START_TEST(a_guard_says_when_to_ask_again)
{
    struct policy_verdict verdict;

    fake_load(fake_with("transitions = { { from = 'Standby', to = 'FailingOver',\n"
                        "when = holder_unfit_for(6) } }"));
    fake_group->holder = 0;
    fake_group->now_ms = 10000;
    fake_group->node[0].fit = GROUP_NO;
    fake_group->node[0].fit_since_ms = 6000;
    snprintf(fake_group->node[0].fit_why, GROUP_TEXT_MAX, "smtp failed");
    ck_assert_int_eq(policy_guard(fake_policy, 0, 1, &verdict, &fake_error), BATON_OK);
    ck_assert_int_eq(verdict.answer, GROUP_NO);
    ck_assert_int_eq(verdict.again_ms, 12000);
    ck_assert_msg(strstr(verdict.why, "server01 unfit for 4 s of 6 s") != NULL, "%s", verdict.why);
    fake_group->now_ms = 12000;
    ck_assert_int_eq(policy_guard(fake_policy, 0, 1, &verdict, &fake_error), BATON_OK);
    ck_assert_int_eq(verdict.answer, GROUP_YES);
}
END_TEST

START_TEST(a_remedy_is_called_for_with_its_reason)
{
    struct policy_verdict verdict;

    fake_load(fake_with("probes = { smtp = probe.smtp { } },\n"
                        "remedies = { { when = function(n) return n.smtp.failed end,\n"
                        "run = function() end } }"));
    fake_probe(0, 0, GROUP_FAIL, 3, "refused");
    ck_assert_int_eq(policy_remedy_when(fake_policy, 0, 0, &verdict, &fake_error), BATON_OK);
    ck_assert_int_eq(verdict.answer, GROUP_YES);
    ck_assert_str_eq(verdict.why, "smtp failed 3/3: refused");
}
END_TEST

START_TEST(a_broken_verdict_is_an_error_each_time)
{
    struct policy_verdict verdict;

    fake_load(fake_with("fit = function(node)\n return node.smtp.ok end"));
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(policy_fit(fake_policy, 0, &verdict, &fake_error), BATON_INVALID);
        ck_assert_msg(
            strncmp(fake_error.text, "test.lua:5: a node has no 'smtp'", 32) == 0, "%s",
            fake_error.text);
    }
}
END_TEST

START_TEST(a_verdict_may_not_wait)
{
    struct policy_verdict verdict;

    fake_load(fake_with("fit = function(node)\n sleep(1) return true end"));
    ck_assert_int_eq(policy_fit(fake_policy, 0, &verdict, &fake_error), BATON_INVALID);
    ck_assert_msg(
        strncmp(fake_error.text, "test.lua:5: sleep waits", 23) == 0, "%s", fake_error.text);
    ck_assert_int_eq(fake.started, 0);
}
END_TEST

/* ---- Tasks ----------------------------------------------------------------------------------- */

/* A start action of one function. */
static struct fake_end run_action(const char *body)
{
    char keys[2048];

    snprintf(
        keys, sizeof keys, "start = { action { name = 'go', run = function(node)\n%s\nend } }",
        body);
    fake_load(fake_with(keys));
    return fake_task(POLICY_START, 0, 0, 10000);
}

START_TEST(a_task_waits_for_the_world)
{
    struct fake_end end =
        run_action("sleep(2) local r = node:exec { command = { 'say', 5 } }\n"
                   "return r.out == '5' and r.ok and r.code == 0, 'out ' .. r.out");

    ck_assert_int_eq(end.result.outcome, GROUP_OK);
    ck_assert_str_eq(end.detail, "out 5");
    ck_assert_int_eq(end.at_ms, 1000 + 2000 + 10);
    ck_assert_int_eq(end.result.latency_us, 2010000);
    ck_assert_str_eq(fake.last_words, "say 5");
}
END_TEST

/* What an action returns or raises, and how it ends. */
static const struct {
    const char *body;
    enum group_outcome outcome;
    bool broken;
    const char *detail;
} ends[] = {
    {"", GROUP_OK, false, "done"},
    {"return true", GROUP_OK, false, "done"},
    {"return false, 'no'", GROUP_FAIL, false, "no"},
    {"return false", GROUP_FAIL, false, "it failed without saying why"},
    {"return nil, 'no'", GROUP_UNKNOWN, false, "no"},
    {"return exec { command = { 'fail' } }", GROUP_FAIL, false, "exit code 1"},
    {"error('no', 0)", GROUP_FAIL, false, "no"},
    {"error 'no'", GROUP_FAIL, false, "test.lua:5: no"},
    {"assert(false, 'no')", GROUP_FAIL, false, "test.lua:5: no"},
    {"return node.x.y", GROUP_FAIL, true, "test.lua:5: a node has no 'x'"},
    {"local x; x.y = 1", GROUP_FAIL, true, "test.lua:5: attempt to index a nil"},
    {"return 5", GROUP_FAIL, true, "an answer is true, false, nil or a result"},
    {"sleep 'x'", GROUP_FAIL, true, "test.lua:5: timeout wants seconds"},
    {"exec { }", GROUP_FAIL, true, "test.lua:5: exec wants command"},
    {"exec { command = { 'ok' }, node = 'server09' }", GROUP_FAIL, true, "no node \"server09\""},
    {"exec { command = { 'a\\0b' } }", GROUP_FAIL, true, "zero byte"},
    {"parallel(5)", GROUP_FAIL, true, "test.lua:5: parallel wants functions"},
    {"deadline(0, sleep)", GROUP_FAIL, true, "test.lua:5: deadline wants seconds"},
    {"parallel(function() error 'no' end, function() sleep(5) end)", GROUP_FAIL, false,
     "test.lua:5: no"},
    {"parallel(function() local x; x() end)", GROUP_FAIL, true, "test.lua:5: attempt to call"},
    {"return not pcall(parallel, function() error 'no' end)", GROUP_OK, false, "done"},
    {"return not pcall(function() sleep(1) error 'no' end)", GROUP_OK, false, "done"},
    {"local a, b = parallel(function() sleep(2) return 1 end, function() return 2 end)\n"
     "return a == 1 and b == 2",
     GROUP_OK, false, "done"},
    {"local t = now() parallel(function() sleep(2) end, function() sleep(3) end)\n"
     "return now() - t == 3",
     GROUP_OK, false, "done"},
    {"local r, why = deadline(1, function() exec { command = { 'hang' } } end)\n"
     "return r == nil and why == 'no end within 1 s'",
     GROUP_OK, false, "done"},
    {"local a, b = deadline(1, function(x, y) sleep(0.1) return y, x end, 1, 2)\n"
     "return a == 2 and b == 1",
     GROUP_OK, false, "done"},
    {"local a = deadline(1, function() return parallel(function() return deadline(2,\n"
     "function() sleep(0.5) return 7 end) end) end) return a == 7",
     GROUP_OK, false, "done"},
    {"local n = 0 retry { attempts = 3, pause = 1, run = function() n = n + 1\n"
     "return n == 3 end } return n == 3 and now() == 3",
     GROUP_OK, false, "done"},
    {"retry { attempts = 2, pause = 1, run = function() error('no', 0) end }", GROUP_FAIL, false,
     "no"},
    {"retry { attempts = 9, run = function() local x; x.y = 1 end }", GROUP_FAIL, true,
     "attempt to index"},
    {"table.sort({ 2, 1 }, function() sleep(1) end)", GROUP_FAIL, true, "sleep waits"},
    {"log('hello')", GROUP_OK, false, "done"},
    {"return tcp { host = 'h', port = 1 }", GROUP_FAIL, false, "connection refused"},
};

START_TEST(an_action_ends)
{
    struct fake_end end = run_action(ends[_i].body);

    ck_assert_msg(
        end.result.outcome == ends[_i].outcome, "%s: outcome %d: %s", ends[_i].body,
        end.result.outcome, end.detail);
    if (ends[_i].broken) { /* with the traceback after it */
        ck_assert_msg(
            strstr(end.detail, ends[_i].detail) != NULL, "%s: %s", ends[_i].body, end.detail);
        ck_assert_msg(strstr(end.detail, "\n  ") != NULL, "%s: %s", ends[_i].body, end.detail);
    } else {
        ck_assert_str_eq(end.detail, ends[_i].detail);
    }
    ck_assert_msg(end.result.broken == ends[_i].broken, "%s: %s", ends[_i].body, end.detail);
    ck_assert_int_eq(fake_running(), 0);
}
END_TEST

START_TEST(the_deadline_ends_a_task_and_its_requests)
{
    struct fake_end end =
        run_action("parallel(function() exec { command = { 'hang' }, timeout = 900 } end,\n"
                   "function() deadline(800, function() sleep(700) end) end)");

    ck_assert_int_eq(end.result.outcome, GROUP_FAIL);
    ck_assert_str_eq(end.detail, "no end within 10 s");
    ck_assert(!end.result.broken);
    ck_assert_int_eq(end.at_ms, 11000);
    ck_assert_int_eq(fake.cancelled, 3); /* the command, the deadline and the sleep */
}
END_TEST

/* A shadow world lets through what only looks: it must know who asks. */
START_TEST(what_an_action_asks_for_is_marked)
{
    static const struct {
        enum policy_entry entry;
        bool acts;
    } rows[] = {
        {POLICY_STOP, true},    {POLICY_START, true},    {POLICY_FENCE, true},
        {POLICY_UNDO, true},    {POLICY_REMEDY, true},   {POLICY_PROBE, false},
        {POLICY_VERIFY, false}, {POLICY_SERVING, false},
    };
    size_t i;

    fake_load(
        "local function ask() return exec { command = { 'ok' } }.ok end\n"
        "local deep = action { run = function() parallel(function() deadline(5, ask) end) end,\n"
        "undo = action { run = ask } }\n"
        "return policy { stop = { deep }, start = { deep }, fence = { deep },\n"
        "probes = { p = probe.custom { run = ask } }, verify = { probe.custom { run = ask } }, "
        "serving = ask,\n"
        "remedies = { { when = function() return true end, run = ask } } }");
    for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fake.last.acts = !rows[i].acts;
        fake_task(rows[i].entry, 0, 0, 10000);
        ck_assert_int_eq(fake.last.kind, WORLD_EXEC);
        ck_assert_msg(fake.last.acts == rows[i].acts, "entry %d", rows[i].entry);
        ck_assert_str_eq(fake.last_words, "ok");
    }
}
END_TEST

static const char *const shadows[] = {
    "exec { command = { 'move' } } error 'went on'",
    "pcall(exec, { command = { 'move' } }) error 'went on'",
    "retry { attempts = 9, run = function() return exec { command = { 'move' } } end }",
    "deadline(5, function() exec { command = { 'move' } } end) return true",
    ("parallel(function() exec { command = { 'hang' }, timeout = 900 } end,\n"
     "function() exec { command = { 'move' } } end) return true"),
};

START_TEST(what_a_shadow_does_not_make_ends_the_task)
{
    struct fake_end end = run_action(shadows[_i]);

    ck_assert(end.result.shadowed);
    ck_assert(!end.result.broken);
    ck_assert_int_eq(end.result.outcome, GROUP_UNKNOWN);
    ck_assert_str_eq(end.detail, "would run move");
    ck_assert_int_eq(end.at_ms, 1010);
    ck_assert_int_eq(fake_running(), 0);
}
END_TEST

START_TEST(an_action_that_is_already_so_is_not_run)
{
    struct fake_end end;

    fake_load(fake_with("start = { action { run = function() error 'ran' end,\n"
                        "look = function(node) return node:exec { command = { 'ok' } } end } }"));
    end = fake_task(POLICY_START, 0, 0, 10000);
    ck_assert_int_eq(end.result.outcome, GROUP_OK);
    ck_assert_str_eq(end.detail, "already so");
}
END_TEST

START_TEST(an_action_waits_until_a_look_sees_it)
{
    struct fake_end end;

    fake_load(fake_with("start = { action { run = function() end,\n"
                        "look = function() return now() >= 3, 'coming' end } }"));
    end = fake_task(POLICY_START, 0, 0, 10000);
    ck_assert_int_eq(end.result.outcome, GROUP_OK);
    ck_assert_int_ge(end.at_ms, 3000);
    ck_assert_int_le(end.at_ms, 3200);
}
END_TEST

START_TEST(what_an_action_waited_for_is_said)
{
    struct fake_end end;

    fake_load(fake_with("start = { action { run = function() end,\n"
                        "look = function() return false, 'port 25 is shut' end } }"));
    end = fake_task(POLICY_START, 0, 0, 2000);
    ck_assert_int_eq(end.result.outcome, GROUP_FAIL);
    ck_assert_str_eq(end.detail, "no end within 2 s: waits: port 25 is shut");
}
END_TEST

START_TEST(undo_runs_the_undo_of_a_start_action)
{
    fake_load(
        fake_with("start = { action { run = function() end, undo = action {\n"
                  "run = function(node) return node:exec { command = { 'undo' } } end } } }"));
    ck_assert_int_eq(fake_task(POLICY_UNDO, 0, 1, 5000).result.outcome, GROUP_OK);
    ck_assert_str_eq(fake.last_words, "undo");
}
END_TEST

START_TEST(a_scripted_probe_measures)
{
    struct fake_end end;

    fake_load(fake_with("probes = { a = probe.custom { run = function(node)\n"
                        "sleep(0.1) return true, 'fine', 2.5 end } }"));
    end = fake_task(POLICY_PROBE, 0, 1, 1000);
    ck_assert_int_eq(end.result.outcome, GROUP_OK);
    ck_assert_str_eq(end.detail, "fine");
    ck_assert(end.result.value == 2.5);
}
END_TEST

START_TEST(a_probe_that_does_not_end_is_unknown)
{
    struct fake_end end;

    fake_load(fake_with("probes = { a = probe.custom { run = function() sleep(50) end } }"));
    end = fake_task(POLICY_PROBE, 0, 1, 1000);
    ck_assert_int_eq(end.result.outcome, GROUP_UNKNOWN);
    ck_assert_str_eq(end.detail, "no end within 1 s");
}
END_TEST

START_TEST(the_look_answers)
{
    fake_load("local a = action { run = function() end }\n"
              "return policy { start = { a }, stop = { a },\n"
              "serving = probe.tcp { port = 1 } }");
    ck_assert_int_eq(fake_task(POLICY_SERVING, 0, 0, 1000).result.outcome, GROUP_FAIL);
}
END_TEST

START_TEST(without_serving_the_looks_of_start_answer)
{
    fake_load("local a = action { look = function(n) return n.name == 'server01' end }\n"
              "local b = action { look = function(n) return n.name == 'server01' end }\n"
              "return policy { start = { a, b }, stop = { a } }");
    ck_assert_int_eq(fake_task(POLICY_SERVING, 0, 0, 1000).result.outcome, GROUP_OK);
    ck_assert_int_eq(fake_task(POLICY_SERVING, 0, 1, 1000).result.outcome, GROUP_FAIL);
}
END_TEST

START_TEST(verify_asks_the_floating_address)
{
    struct fake_end end;

    fake_load(fake_with("verify = { probe.tcp { port = 1, via = 'floating' },\n"
                        "probe.smtp { via = 'floating' }, hook 'check' }"));
    end = fake_task(POLICY_VERIFY, 0, 0, 1000);
    ck_assert_int_eq(end.result.outcome, GROUP_FAIL);
    ck_assert_str_eq(end.detail, "connection refused");
    ck_assert_int_eq(fake_task(POLICY_VERIFY, 1, 0, 1000).result.outcome, GROUP_OK);
    ck_assert_int_eq(fake_task(POLICY_VERIFY, 2, 0, 1000).result.outcome, GROUP_OK);
    ck_assert_int_eq(fake.last.kind, WORLD_HOOK);
}
END_TEST

START_TEST(a_cancelled_task_says_nothing_more)
{
    struct fake_end end = {0};
    struct policy_task *task;

    fake_load(fake_with("start = { action { run = function() parallel(function() sleep(5) end,\n"
                        "function() exec { command = { 'hang' } } end) end } }"));
    task = policy_run(
        fake_policy, POLICY_START, 0, 0, fake.now_ms + 9000, fake_done, &end, &fake_error);
    ck_assert_int_eq(fake_running(), 3);
    policy_cancel(task);
    ck_assert_int_eq(fake_running(), 0);
    fake_until(20000);
    ck_assert_int_eq(end.count, 0);
    ck_assert_int_eq(policy_usage(fake_policy).tasks, 0);
}
END_TEST

START_TEST(a_task_that_ended_at_once_can_be_cancelled)
{
    struct fake_end end = {0};
    struct policy_task *task;

    fake_load(fake_with(""));
    task = policy_run(
        fake_policy, POLICY_START, 0, 0, fake.now_ms + 9000, fake_done, &end, &fake_error);
    policy_cancel(task);
    fake_idle();
    ck_assert_int_eq(end.count, 0);
}
END_TEST

static void free_policy(void *arg, const struct policy_result *result)
{
    (void)result;
    *(int *)arg += 1;
    policy_free(fake_policy);
    fake_policy = NULL;
}

START_TEST(done_may_free_the_policy)
{
    int count = 0;

    fake_load(fake_with("start = { action { run = function() sleep(1) end } }"));
    for (int i = 0; i < 3; i++) {
        ck_assert_ptr_nonnull(policy_run(
            fake_policy, POLICY_START, 0, i % 2, fake.now_ms + 9000, free_policy, &count,
            &fake_error));
    }
    fake_idle();
    ck_assert_int_eq(count, 1);
    ck_assert_int_eq(fake_running(), 0);
}
END_TEST

START_TEST(tasks_run_side_by_side)
{
    struct fake_end ends_of[50] = {0};

    fake_load(fake_with("start = { action { run = function(node) for i = 1, 5 do sleep(1) end\n"
                        "return true, node.name end } }"));
    for (int i = 0; i < 50; i++) {
        policy_run(
            fake_policy, POLICY_START, 0, i % 2, fake.now_ms + 9000, fake_done, &ends_of[i],
            &fake_error);
    }
    fake_idle();
    for (int i = 0; i < 50; i++) {
        ck_assert_int_eq(ends_of[i].count, 1);
        ck_assert_str_eq(ends_of[i].detail, i % 2 == 0 ? "server01" : "server02");
        ck_assert_int_eq(ends_of[i].at_ms, 6000);
    }
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

int main(void)
{
    Suite *suite = suite_create("policy: running");
    TCase *verdicts = tcase_create("verdicts"), *tasks = tcase_create("tasks");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(verdicts, fake_start, fake_stop);
    tcase_add_checked_fixture(tasks, fake_start, fake_stop);
    tcase_add_test(verdicts, fit_names_the_probe_that_failed);
    tcase_add_test(verdicts, unknown_is_not_failed);
    tcase_add_test(verdicts, unknown_asked_by_name_counts);
    tcase_add_test(verdicts, a_resting_probe_is_nothing_against_a_node);
    tcase_add_test(verdicts, without_fit_every_probe_counts);
    tcase_add_test(verdicts, fit_gives_its_own_reason);
    tcase_add_test(verdicts, a_guard_says_when_to_ask_again);
    tcase_add_test(verdicts, a_remedy_is_called_for_with_its_reason);
    tcase_add_test(verdicts, a_broken_verdict_is_an_error_each_time);
    tcase_add_test(verdicts, a_verdict_may_not_wait);
    tcase_add_test(tasks, a_task_waits_for_the_world);
    tcase_add_loop_test(tasks, an_action_ends, 0, COUNT(ends));
    tcase_add_test(tasks, the_deadline_ends_a_task_and_its_requests);
    tcase_add_test(tasks, what_an_action_asks_for_is_marked);
    tcase_add_loop_test(tasks, what_a_shadow_does_not_make_ends_the_task, 0, COUNT(shadows));
    tcase_add_test(tasks, an_action_that_is_already_so_is_not_run);
    tcase_add_test(tasks, an_action_waits_until_a_look_sees_it);
    tcase_add_test(tasks, what_an_action_waited_for_is_said);
    tcase_add_test(tasks, undo_runs_the_undo_of_a_start_action);
    tcase_add_test(tasks, a_scripted_probe_measures);
    tcase_add_test(tasks, a_probe_that_does_not_end_is_unknown);
    tcase_add_test(tasks, the_look_answers);
    tcase_add_test(tasks, without_serving_the_looks_of_start_answer);
    tcase_add_test(tasks, verify_asks_the_floating_address);
    tcase_add_test(tasks, a_cancelled_task_says_nothing_more);
    tcase_add_test(tasks, a_task_that_ended_at_once_can_be_cancelled);
    tcase_add_test(tasks, done_may_free_the_policy);
    tcase_add_test(tasks, tasks_run_side_by_side);
    suite_add_tcase(suite, verdicts);
    suite_add_tcase(suite, tasks);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
