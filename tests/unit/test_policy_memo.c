/* A verdict is asked again when something that it read has changed, when policy code ran that
 * may have changed its variables, or when it asked for what never stays; and not else. How
 * often the policy was entered tells. */
#include "policy_fake.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#define COUNT(array) (int)(sizeof(array) / sizeof((array)[0]))

static struct policy_verdict verdict;

static int64_t entries(void)
{
    return policy_usage(fake_policy).entries;
}

/* How often the policy was entered to say whether `node` is fit; `verdict` has the word. */
static int fit(int node)
{
    int64_t before = entries();

    ck_assert_msg(
        policy_fit(fake_policy, node, &verdict, &fake_error) == BATON_OK, "%s", fake_error.text);
    return (int)(entries() - before);
}

static int guard(int node)
{
    int64_t before = entries();

    ck_assert_msg(
        policy_guard(fake_policy, 0, node, &verdict, &fake_error) == BATON_OK, "%s",
        fake_error.text);
    return (int)(entries() - before);
}

static int when(int node)
{
    int64_t before = entries();

    ck_assert_msg(
        policy_remedy_when(fake_policy, 0, node, &verdict, &fake_error) == BATON_OK, "%s",
        fake_error.text);
    return (int)(entries() - before);
}

/* A policy with one guard from Standby to FailingOver. */
static void load_guard(const char *function)
{
    char keys[1024];

    snprintf(
        keys, sizeof keys,
        "probes = { smtp = probe.smtp { } },\n"
        "transitions = { { from = 'Standby', to = 'FailingOver', when = %s } }",
        function);
    fake_load(fake_with(keys));
}

START_TEST(what_reads_the_same_is_not_asked_again)
{
    fake_load(fake_with("probes = { smtp = probe.smtp { } },\n"
                        "fit = function(node) return node.smtp.ok, 'as smtp says' end"));
    fake_probe(0, 0, GROUP_OK, 2, "fine");
    ck_assert_int_eq(fit(0), 1);
    ck_assert_int_eq(fit(0), 0);
    ck_assert_int_eq(verdict.answer, GROUP_YES);
    ck_assert_str_eq(verdict.why, "as smtp says");
    fake_probe(0, 0, GROUP_OK, 3, "as fine as before");
    ck_assert_int_eq(fit(0), 0); /* it read neither run nor detail */
    fake_probe(0, 0, GROUP_FAIL, 3, "refused");
    ck_assert_int_eq(fit(0), 1);
    ck_assert_int_eq(verdict.answer, GROUP_NO);
}
END_TEST

START_TEST(each_node_is_judged_by_itself)
{
    fake_load(fake_with("probes = { smtp = probe.smtp { } },\n"
                        "fit = function(node) return node.smtp.ok, node.name end"));
    fake_probe(0, 0, GROUP_OK, 2, "");
    fake_probe(1, 0, GROUP_FAIL, 3, "");
    ck_assert_int_eq(fit(0), 1);
    ck_assert_int_eq(fit(1), 1);
    ck_assert_int_eq(fit(0), 0);
    ck_assert_str_eq(verdict.why, "server01");
    ck_assert_int_eq(fit(1), 0);
    ck_assert_str_eq(verdict.why, "server02");
    ck_assert_int_eq(verdict.answer, GROUP_NO);
}
END_TEST

/* The reason "smtp failed 3/3: refused" is the host's, of things that fit did not read. */
START_TEST(a_reason_made_of_the_probes_follows_them)
{
    fake_load(fake_with("probes = { smtp = probe.smtp { } },\n"
                        "fit = function(node) return node.smtp.ok end"));
    fake_probe(0, 0, GROUP_FAIL, 3, "refused");
    ck_assert_int_eq(fit(0), 1);
    ck_assert_str_eq(verdict.why, "smtp failed 3/3: refused");
    ck_assert_int_eq(fit(0), 0);
    fake_probe(0, 0, GROUP_FAIL, 3, "no answer");
    ck_assert_int_eq(fit(0), 1);
    ck_assert_str_eq(verdict.why, "smtp failed 3/3: no answer");
}
END_TEST

/* Every field that a policy can read: a change of what is behind it asks anew. */
static const char *const fields[] = {
    "node.smtp.ok",      "node.smtp.failed",  "node.smtp.unknown", "node.smtp.status",
    "node.smtp.latency", "node.smtp.value",   "node.smtp.detail",  "node.smtp.run",
    "node.smtp.last",    "node.smtp.resting", "node.state",        "node.state_why",
    "node.fit",          "node.fit_why",      "node.serving",      "node.serving_why",
    "node.out",          "node.holds",        "group.holder",      "group.epoch",
    "group.paused",      "#group.moves"};

START_TEST(a_change_of_any_field_is_noticed)
{
    const char *field = fields[_i];
    char function[128];
    struct group_health *health;
    struct group_node *node;

    snprintf(function, sizeof function, "function(node, group) return %s == nil end", field);
    load_guard(function);
    guard(1);
    ck_assert_msg(guard(1) == 0, "%s: asked again for nothing", field);
    node = &fake_group->node[1];
    health = &node->health[0];
    health->status = health->last = GROUP_OK;
    health->latency_us = 7;
    health->value = 0.5;
    health->run = 2;
    snprintf(health->detail, sizeof health->detail, "fine");
    node->state = FSM_STANDBY;
    snprintf(node->state_why, sizeof node->state_why, "fit");
    node->fit = node->serving = GROUP_YES;
    snprintf(node->fit_why, sizeof node->fit_why, "fit");
    snprintf(node->serving_why, sizeof node->serving_why, "seen");
    node->out = true;
    fake_group->holder = 1;
    fake_group->epoch = 3;
    fake_group->paused = true;
    fake_group->n_moves = 1;
    ck_assert_msg(guard(1) == 1, "%s: its change was not noticed", field);
}
END_TEST

static const char *const ages[] = {
    "node.fit_for", "node.state_for", "node.smtp.since_for", "node.smtp.seen_for"};

START_TEST(an_age_is_kept_as_long_as_the_clock_stands)
{
    char function[128];

    snprintf(function, sizeof function, "function(node) return %s > 5 end", ages[_i]);
    load_guard(function);
    fake_group->node[0].health[0].seen_ms = 1;
    ck_assert_int_eq(guard(0), 1);
    ck_assert_int_eq(verdict.answer, GROUP_NO);
    ck_assert_int_eq(guard(0), 0);
    fake_group->now_ms += 10000;
    ck_assert_int_eq(guard(0), 1);
    ck_assert_int_eq(verdict.answer, GROUP_YES);
}
END_TEST

START_TEST(when_to_ask_again_is_counted_from_now)
{
    load_guard("function() return false, 'later', 5 end");
    ck_assert_int_eq(guard(0), 1);
    ck_assert_int_eq(verdict.again_ms, fake_group->now_ms + 5000);
    fake_group->now_ms += 1000;
    ck_assert_int_eq(guard(0), 1);
    ck_assert_int_eq(verdict.again_ms, fake_group->now_ms + 5000);
}
END_TEST

static const char *const never[] = {"now()", "wall()", "random()", "log('x')"};

START_TEST(who_asks_for_time_or_chance_or_logs_is_asked_each_time)
{
    char function[128];

    snprintf(function, sizeof function, "function() return %s == 0, 'so' end", never[_i]);
    load_guard(function);
    ck_assert_int_eq(guard(0), 1);
    ck_assert_int_eq(guard(0), 1);
}
END_TEST

/* A probe of the policy's own leaves something behind for fit. */
#define LEAVES(pure)                                                                               \
    "local nothing = action { run = function() end }\n"                                            \
    "local tired = false\n"                                                                        \
    "return policy {\n"                                                                            \
    "  serving = function() return true end, stop = { nothing }, start = { nothing },\n"           \
    "  probes = { mood = probe.custom { " pure "run = function()\n"                                \
    "    sleep(1) tired = true return true end } },\n"                                             \
    "  fit = function() return not tired, 'mood' end }\n"

START_TEST(what_a_task_leaves_behind_is_seen)
{
    fake_load(LEAVES(""));
    fit(0);
    ck_assert_int_eq(verdict.answer, GROUP_YES);
    fake_task(POLICY_PROBE, 0, 1, 5000);
    fit(0);
    ck_assert_int_eq(verdict.answer, GROUP_NO);
}
END_TEST

START_TEST(a_task_under_way_counts_too)
{
    struct fake_end end = {0};
    struct policy_task *task;

    fake_load(LEAVES(""));
    fit(0);
    task = policy_run(
        fake_policy, POLICY_PROBE, 0, 1, fake.now_ms + 5000, fake_done, &end, &fake_error);
    ck_assert_ptr_nonnull(task);
    ck_assert_int_eq(fit(0), 1);
    ck_assert_int_eq(fit(0), 0);
    fake_idle();
    ck_assert_int_eq(fit(0), 1);
    ck_assert_int_eq(verdict.answer, GROUP_NO);
}
END_TEST

/* It said that it leaves nothing, so nobody looks. */
START_TEST(what_is_pure_makes_nobody_ask_again)
{
    fake_load(LEAVES("pure = true, "));
    fit(0);
    fake_task(POLICY_PROBE, 0, 1, 5000);
    ck_assert_int_eq(fit(0), 0);
    ck_assert_int_eq(verdict.answer, GROUP_YES);
}
END_TEST

START_TEST(pure_is_true_or_false)
{
    const char *text =
        fake_with("probes = { a = probe.custom { run = function() end, pure = 'yes' } }");
    ck_assert_int_eq(fake_try(text, strlen(text), 0, 0), BATON_INVALID);
    ck_assert_msg(
        strstr(fake_error.text, "pure wants true or false, not a string") != NULL, "%s",
        fake_error.text);
}
END_TEST

START_TEST(a_remedy_is_remembered_like_the_others)
{
    fake_load(fake_with("probes = { smtp = probe.smtp { } },\n"
                        "remedies = { { run = nothing, when = function(node)\n"
                        "  return node.smtp.failed end } }"));
    fake_probe(0, 0, GROUP_FAIL, 3, "refused");
    ck_assert_int_eq(when(0), 1);
    ck_assert_int_eq(when(0), 0);
    ck_assert_int_eq(verdict.answer, GROUP_YES);
    fake_probe(0, 0, GROUP_OK, 3, "");
    ck_assert_int_eq(when(0), 1);
    ck_assert_int_eq(verdict.answer, GROUP_NO);
}
END_TEST

START_TEST(a_verdict_that_broke_is_asked_again)
{
    load_guard("function(node) return node.smtp.nosuch end");
    for (int i = 0; i < 2; i++) {
        int64_t before = entries();

        ck_assert_int_eq(policy_guard(fake_policy, 0, 0, &verdict, &fake_error), BATON_INVALID);
        ck_assert_int_eq(entries() - before, 1);
    }
}
END_TEST

START_TEST(who_reads_more_than_can_be_noted_is_asked_each_time)
{
    char keys[4096] = "probes = { ";
    size_t len = strlen(keys);

    for (int i = 0; i < 20; i++) {
        len += (size_t)snprintf(
            keys + len, sizeof keys - len, "p%d = probe.tcp { port = %d }, ", i, i + 2);
    }
    snprintf(
        keys + len, sizeof keys - len,
        "}, fit = function(node) for i = 0, 19 do local p = node['p' .. i]\n"
        "if p.ok and p.last and p.run and p.detail and p.value then end end return true end");
    fake_load(fake_with(keys));
    for (int i = 0; i < 20; i++) {
        fake_probe(0, i, GROUP_OK, 3, "");
    }
    ck_assert_int_eq(fit(0), 1);
    ck_assert_int_eq(fit(0), 1);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("policy memo");
    TCase *t = tcase_create("memo");

    tcase_add_checked_fixture(t, fake_start, fake_stop);
    tcase_add_test(t, what_reads_the_same_is_not_asked_again);
    tcase_add_test(t, each_node_is_judged_by_itself);
    tcase_add_test(t, a_reason_made_of_the_probes_follows_them);
    tcase_add_loop_test(t, a_change_of_any_field_is_noticed, 0, COUNT(fields));
    tcase_add_loop_test(t, an_age_is_kept_as_long_as_the_clock_stands, 0, COUNT(ages));
    tcase_add_test(t, when_to_ask_again_is_counted_from_now);
    tcase_add_loop_test(t, who_asks_for_time_or_chance_or_logs_is_asked_each_time, 0, COUNT(never));
    tcase_add_test(t, what_a_task_leaves_behind_is_seen);
    tcase_add_test(t, a_task_under_way_counts_too);
    tcase_add_test(t, what_is_pure_makes_nobody_ask_again);
    tcase_add_test(t, pure_is_true_or_false);
    tcase_add_test(t, a_remedy_is_remembered_like_the_others);
    tcase_add_test(t, a_verdict_that_broke_is_asked_again);
    tcase_add_test(t, who_reads_more_than_can_be_noted_is_asked_each_time);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    SRunner *runner = srunner_create(suite());
    int failed;

    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
