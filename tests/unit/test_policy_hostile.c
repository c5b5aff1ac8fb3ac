#include "policy_fake.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

/* Scripts that would run for ever, or eat all memory, or fall through every net. Each is
 * tried as the policy's file, in fit, in a task and in a branch of a task. */
static const struct {
    const char *name, *body;
    const char *words; /* in the error */
} bombs[] = {
    {"endless loop", "while true do end", "budget"},
    {"endless loop under pcall", "pcall(function() while true do end end)", "budget"},
    {"endless pcall loop", "while true do pcall(function() while true do end end) end", "budget"},
    {"endless loop in a handler", "xpcall(error, function() while true do end end)", "budget"},
    {"endless error handler",
     "xpcall(function() local x; x() end, function(e) error(e) end) "
     "while true do end",
     "budget"},
    {"endless goto", "::a:: goto a", "budget"},
    {"endless metamethod",
     "local t = setmetatable({}, { __index = function(t, k) return t[k + 1] "
     "end }) pcall(function() return t[1] end) while true do end",
     "budget"},
    {"endless tail calls", "local function f() return f() end f()", "budget"},
    {"endless iterator", "for _ in function() return 1 end do end", "budget"},
    {"endless sort", "local t = {} for i = 1, 999 do t[i] = i end while true do table.sort(t) end",
     "budget"},
    {"a move without end", "table.move({}, 1, 1 << 50, 2)", "budget"},
    {"an insert without end",
     "table.insert(setmetatable({}, { __len = function() return 1 << 50 end }), 1, 1)", "budget"},
    {"a concat without end",
     "table.concat(setmetatable({}, { __len = function() return 1 << 50 end,"
     "__index = function() return '' end }))",
     "budget"},
    {"a pattern without end", "return (('a'):rep(5000)):find(('.-'):rep(30) .. 'b')", "budget"},
    {"a pattern without end in gsub", "return (('a'):rep(5000)):gsub(('a*'):rep(30) .. 'b', '')",
     "budget"},
    {"a pattern without end in gmatch",
     "for _ in (('a'):rep(5000)):gmatch(('a-'):rep(30) .. 'b') do end", "budget"},
    {"copies without end", "local s = ('x'):rep(500000) while true do local y = s .. 'y' end", ""},
    {"memory bomb", "local t = {} while true do t[#t + 1] = ('x'):rep(4000) .. #t end",
     "memory cap"},
    {"memory bomb under pcall",
     "pcall(function() local t = {} while true do t[#t + 1] = ('x'):rep(4000) .. #t end end) "
     "while true do end",
     "memory cap"},
    {"doubling string", "local s = 'x' while true do s = s .. s end", "memory cap"},
    {"string.rep", "local t = {} for i = 1, 99 do t[i] = ('x'):rep(1000000) .. i end",
     "memory cap"},
    {"big table", "local t = {} for i = 1, 1e9 do t[i] = i end", ""},
    {"deep recursion", "local function f() return 1 + f() end f()", ""},
    {"deep recursion under pcall", "local function f() pcall(f) return 1 + f() end f()", ""},
    {"deep nested pcall", "local function f() return pcall(f) end f() while true do end", ""},
    {"deep metatables",
     "local t = {} for i = 1, 3000 do t = setmetatable({}, { __index = t }) end "
     "local _ = t.x while true do end",
     ""},
    {"gsub recursion", "local function f() return (('x'):gsub('x', f)) end f()", "overflow"},
    {"tostring recursion",
     "local t = setmetatable({}, {}) getmetatable(t).__tostring = "
     "function() return tostring(t) end tostring(t)",
     "overflow"},
    {"error object that throws",
     "error(setmetatable({}, { __tostring = function() error 'x' end }))", "no text but a table"},
    {"error object under error", "error(setmetatable({}, { __concat = error, __index = error }))",
     "no text but a table"},
    {"huge format", "return ('%99.99f'):format(1e308) .. ('%s'):rep(100000):format(1)", "no value"},
    {"huge error text", "error(('x'):rep(900000))", "xxxx"},
    {"unpack without end", "return table.unpack({}, 1, 1e7)", ""},
};

/* Clean: an error of that kind that begins with a file of the policy and a line. */
static void check_clean(int i, const char *where, const char *text)
{
    int line = 0;

    ck_assert_msg(
        (sscanf(text, "test.lua:%d:", &line) == 1 ||
         sscanf(text, "lua/prelude.lua:%d:", &line) == 1) &&
            line > 0,
        "%s %s: %s", bombs[i].name, where, text);
    ck_assert_msg(strstr(text, bombs[i].words) != NULL, "%s %s: %s", bombs[i].name, where, text);
}

START_TEST(at_load)
{
    enum baton_err err = fake_try(bombs[_i].body, strlen(bombs[_i].body), 0, 0);

    ck_assert_msg(err == BATON_LIMIT || err == BATON_INVALID, "%s: %d", bombs[_i].name, err);
    ck_assert_ptr_null(fake_policy);
    check_clean(_i, "at load", fake_error.text);
}
END_TEST

START_TEST(in_fit)
{
    struct policy_verdict verdict;
    char keys[1024];

    snprintf(
        keys, sizeof keys,
        "fit = function(node) if node.name == 'server02' then return true end\n"
        "%s end",
        bombs[_i].body);
    fake_load(fake_with(keys));
    for (int i = 0; i < 2; i++) {
        enum baton_err err = policy_fit(fake_policy, 0, &verdict, &fake_error);

        ck_assert_msg(err == BATON_LIMIT || err == BATON_INVALID, "%s: %d", bombs[_i].name, err);
        check_clean(_i, i == 0 ? "in fit" : "in fit again", fake_error.text);
        /* The host is as good as new. */
        ck_assert_msg(
            policy_fit(fake_policy, 1, &verdict, &fake_error) == BATON_OK, "%s", fake_error.text);
        ck_assert_int_eq(verdict.answer, GROUP_YES);
    }
}
END_TEST

START_TEST(in_a_task)
{
    struct fake_end end;
    char keys[1024];

    snprintf(
        keys, sizeof keys,
        "start = { action { run = function(node)\n"
        "if node.name == 'server02' then return true end sleep(1)\n%s end } }",
        bombs[_i].body);
    fake_load(fake_with(keys));
    end = fake_task(POLICY_START, 0, 0, 10000);
    ck_assert_int_eq(end.result.outcome, GROUP_FAIL);
    if (strncmp(bombs[_i].body, "error(", 6) != 0) { /* error() is no broken rule */
        ck_assert_msg(end.result.broken, "%s: %s", bombs[_i].name, end.detail);
        check_clean(_i, "in a task", end.detail);
    }
    ck_assert_int_eq(fake_task(POLICY_START, 0, 1, 10000).result.outcome, GROUP_OK);
}
END_TEST

START_TEST(in_a_branch)
{
    struct fake_end end;
    char keys[1024];

    snprintf(
        keys, sizeof keys,
        "start = { action { run = function(node)\n"
        "if node.name == 'server02' then return true end\n"
        "pcall(parallel, function() sleep(1) end, function() deadline(5, function()\n"
        "%s end) end) while true do pcall(sleep, 1) end end } }",
        bombs[_i].body);
    fake_load(fake_with(keys));
    end = fake_task(POLICY_START, 0, 0, 10000);
    ck_assert_int_eq(end.result.outcome, GROUP_FAIL);
    ck_assert_int_eq(fake_running(), 0);
    if (strcmp(bombs[_i].words, "budget") == 0 || strcmp(bombs[_i].words, "memory cap") == 0) {
        ck_assert_msg(end.result.broken, "%s: %s", bombs[_i].name, end.detail);
        check_clean(_i, "in a branch", end.detail);
    }
    ck_assert_int_eq(fake_task(POLICY_START, 0, 1, 10000).result.outcome, GROUP_OK);
}
END_TEST

/* ---- Other ways to be a nuisance ---------------------------------------------------------------
 */

START_TEST(an_endless_module)
{
    const char *text = "require 'endless'";

    ck_assert_int_eq(fake_try(text, strlen(text), 0, 200000), BATON_LIMIT);
    ck_assert_msg(strncmp(fake_error.text, "lua/endless.lua:2:", 18) == 0, "%s", fake_error.text);
}
END_TEST

START_TEST(branches_without_end)
{
    struct fake_end end;

    fake_load(
        fake_with("start = { action { run = function(node)\n"
                  "while true do parallel(function() end, function() end) end end },\n"
                  "action { run = function() local function f() parallel(f, f) end f() end } }"));
    end = fake_task(POLICY_START, 0, 0, 10000);
    ck_assert(end.result.broken);
    ck_assert_msg(strstr(end.detail, "test.lua:5: used up its budget") != NULL, "%s", end.detail);
    end = fake_task(POLICY_START, 1, 0, 10000);
    ck_assert(end.result.broken);
    ck_assert_msg(strstr(end.detail, "256 tasks and branches") != NULL, "%s", end.detail);
}
END_TEST

START_TEST(sleeps_of_no_time)
{
    struct fake_end end;

    fake_load(fake_with("start = { action { run = function() while true do sleep(0) end end } }"));
    end = fake_task(POLICY_START, 0, 0, 10000);
    ck_assert_str_eq(end.detail, "no end within 10 s");
    ck_assert_int_eq(end.at_ms, 11000);
}
END_TEST

START_TEST(more_tasks_than_there_may_be)
{
    struct fake_end end = {0};

    fake_load(fake_with("start = { action { run = function() sleep(5) end } }"));
    for (int i = 0; i < POLICY_TASKS_MAX; i++) {
        ck_assert_ptr_nonnull(policy_run(
            fake_policy, POLICY_START, 0, 0, fake.now_ms + 9000, fake_done, &end, &fake_error));
    }
    ck_assert_ptr_null(policy_run(
        fake_policy, POLICY_START, 0, 0, fake.now_ms + 9000, fake_done, &end, &fake_error));
    ck_assert_int_eq(fake_error.code, BATON_LIMIT);
    fake_idle();
    ck_assert_int_eq(end.count, POLICY_TASKS_MAX);
}
END_TEST

START_TEST(a_policy_with_running_tasks_is_freed)
{
    struct fake_end end = {0};

    fake_load(fake_with("start = { action { run = function() parallel(function() sleep(5) end,\n"
                        "function() deadline(3, sleep, 2) end) end } }"));
    for (int i = 0; i < 20; i++) {
        policy_run(
            fake_policy, POLICY_START, 0, 0, fake.now_ms + 9000, fake_done, &end, &fake_error);
    }
    ck_assert_int_gt(fake_running(), 40);
    policy_free(fake_policy);
    fake_policy = NULL;
    ck_assert_int_eq(fake_running(), 0);
    fake_until(20000);
    ck_assert_int_eq(end.count, 0);
}
END_TEST

/* Every cap from nothing up to what it takes: a clean refusal each time. */
START_TEST(any_memory_cap_is_survived)
{
    const char *text = fake_with("probes = { a = probe.smtp { }, b = probe.share { } }");
    enum baton_err err = BATON_LIMIT;
    int refused = 0;

    for (size_t cap = 500; err != BATON_OK; cap += cap < 40000 ? 97 : 1009) {
        ck_assert_uint_lt(cap, 1 << 20);
        err = fake_try(text, strlen(text), cap, 0);
        if (err != BATON_OK) {
            ck_assert_int_eq(err, BATON_LIMIT);
            ck_assert_msg(strstr(fake_error.text, "memory cap") != NULL, "%s", fake_error.text);
            ck_assert_msg(strstr(fake_error.text, ".lua:") != NULL, "%s", fake_error.text);
            refused++;
        }
    }
    ck_assert_int_gt(refused, 100);
}
END_TEST

START_TEST(any_instruction_budget_is_survived)
{
    const char *text = fake_with("probes = { a = probe.smtp { }, b = probe.share { } }");
    enum baton_err err = BATON_LIMIT;

    for (int budget = 1; err != BATON_OK; budget += 37) {
        ck_assert_int_lt(budget, 100000);
        err = fake_try(text, strlen(text), 0, budget);
        if (err != BATON_OK) {
            ck_assert_int_eq(err, BATON_LIMIT);
            ck_assert_msg(strstr(fake_error.text, "budget") != NULL, "%s", fake_error.text);
        }
    }
}
END_TEST

/* A task under a memory cap that leaves ever less room ends, one way or the other. */
START_TEST(tasks_under_a_tight_cap)
{
    const char *text = fake_with("start = { action { run = function(node) local t = {}\n"
                                 "for i = 1, 200 do t[i] = parallel(function() sleep(0.01)\n"
                                 "return ('x'):rep(i * 10) end) end end } }");
    struct group *group = NULL;

    fake_load(text);
    group = fake_group;
    policy_free(fake_policy);
    fake_policy = NULL;
    for (size_t cap = 120000; cap < 500000; cap += 9973) {
        struct fake_end end = {0};

        if (fake_try(text, strlen(text), cap, 0) != BATON_OK) {
            continue;
        }
        policy_bind(fake_policy, group);
        if (policy_run(
                fake_policy, POLICY_START, 0, 0, fake.now_ms + 60000, fake_done, &end,
                &fake_error) != NULL) {
            fake_idle();
            ck_assert_int_eq(end.count, 1);
            ck_assert(end.result.outcome == GROUP_OK || end.result.broken);
        }
        ck_assert_int_eq(policy_usage(fake_policy).tasks, 0);
        policy_free(fake_policy);
        fake_policy = NULL;
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("policy: hostile scripts");
    TCase *hostile = tcase_create("hostile");
    SRunner *runner;
    int failed;

    tcase_set_timeout(hostile, 60);
    tcase_add_checked_fixture(hostile, fake_start, fake_stop);
    tcase_add_loop_test(hostile, at_load, 0, COUNT(bombs));
    tcase_add_loop_test(hostile, in_fit, 0, COUNT(bombs));
    tcase_add_loop_test(hostile, in_a_task, 0, COUNT(bombs));
    tcase_add_loop_test(hostile, in_a_branch, 0, COUNT(bombs));
    tcase_add_test(hostile, an_endless_module);
    tcase_add_test(hostile, branches_without_end);
    tcase_add_test(hostile, sleeps_of_no_time);
    tcase_add_test(hostile, more_tasks_than_there_may_be);
    tcase_add_test(hostile, a_policy_with_running_tasks_is_freed);
    tcase_add_test(hostile, any_memory_cap_is_survived);
    tcase_add_test(hostile, any_instruction_budget_is_survived);
    tcase_add_test(hostile, tasks_under_a_tight_cap);
    suite_add_tcase(suite, hostile);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
