/* Checks over nodes: what is asked, when, and what they said. */
#include "controller/readiness.h"
#include "policy_fake.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct readiness *readiness;
static char story[4096]; /* "name@node outcome" of each answer */
static enum group_outcome fact_outcome;

static void tell(void *arg, const struct readiness_item *item, const struct readiness_item *before)
{
    size_t used = strlen(story);

    (void)arg;
    ck_assert(!item->busy);
    ck_assert(before->busy);
    snprintf(
        story + used, sizeof story - used, "%s%s@%d %s", used > 0 ? ", " : "", item->name,
        item->node == GROUP_NOBODY ? 0 : item->node + 1, group_outcome_name(item->outcome));
}

static void say(void *arg, enum readiness_fact fact, struct readiness_word *word)
{
    (void)arg;
    (void)fact;
    word->outcome = fact_outcome;
    snprintf(word->detail, sizeof word->detail, "said");
    snprintf(word->advice, sizeof word->advice, "do it");
}

static void make(const char *keys, int self, bool facts)
{
    struct readiness_setup setup = {
        .world = &fake.world, .n_nodes = 2, .self = self, .told = tell, .fact = facts ? say : NULL};

    fake_load(fake_with(keys));
    setup.policy = fake_policy;
    story[0] = '\0';
    ck_assert_int_eq(readiness_new(&setup, &readiness, &fake_error), BATON_OK);
}

static void stop(void)
{
    readiness_free(readiness);
    readiness = NULL;
    fake_stop();
}

static const struct readiness_item *find(const char *name, int node)
{
    int i;

    for (i = 0; i < readiness_count(readiness); i++) {
        const struct readiness_item *item = readiness_item(readiness, i);

        if (strcmp(item->name, name) == 0 && item->node == node) {
            return item;
        }
    }
    ck_abort_msg("there is no %s on %d", name, node);
    return NULL;
}

#define CHECKS                                                                                     \
    "checks = { check { name = 'a', title = 'all is well', advice = 'make it so',\n"               \
    "    run = function(n) return n:exec { command = { n.name == 'server01' and 'ok' or 'fail' } " \
    "} end },\n"                                                                                   \
    "  check { name = 'b', on = 'group', run = function() sleep(1) return nil, 'dark\\n\tnight' "  \
    "end } }"

START_TEST(each_node_and_the_group_are_asked)
{
    struct readiness_sum sum;
    const struct readiness_item *item;

    make(CHECKS, GROUP_NOBODY, false);
    ck_assert_int_eq(readiness_count(readiness), 3);
    sum = readiness_sum(readiness);
    ck_assert(sum.count == 3 && sum.asked == 0 && sum.ok == 0 && sum.first == -1);
    readiness_ask_all(readiness, 4);
    ck_assert_str_eq(story, ""); /* never from within */
    fake_idle();
    ck_assert_str_eq(story, "a@1 ok, a@2 fail, b@0 unknown");
    item = find("a", 1);
    ck_assert_str_eq(item->title, "all is well");
    ck_assert_str_eq(item->advice, "make it so");
    ck_assert_str_eq(find("a", 0)->advice, "");
    ck_assert_str_eq(find("b", GROUP_NOBODY)->detail, "dark  night");
    sum = readiness_sum(readiness);
    ck_assert(sum.asked == 3 && sum.ok == 1 && sum.fail == 1 && sum.unknown == 1);
    ck_assert_int_eq(sum.first, 1);
}
END_TEST

START_TEST(no_more_than_so_many_at_once)
{
    make(
        "checks = { check { name = 'a', run = function() sleep(1) return true end },\n"
        " check { name = 'b', run = function() sleep(1) return true end },\n"
        " check { name = 'c', run = function() sleep(1) return true end } }",
        GROUP_NOBODY, false);
    readiness_ask_all(readiness, 2);
    fake_until(fake.now_ms + 1500);
    ck_assert_str_eq(story, "a@1 ok, a@2 ok, b@1 ok, b@2 ok");
    fake_idle();
    ck_assert_str_eq(story, "a@1 ok, a@2 ok, b@1 ok, b@2 ok, c@1 ok, c@2 ok");
}
END_TEST

START_TEST(since_is_when_it_became_so)
{
    int64_t first_ms;

    make(
        "checks = { check { name = 'a', on = 'group', run = function() return true end } }",
        GROUP_NOBODY, false);
    readiness_ask(readiness, 0);
    fake_idle();
    first_ms = find("a", GROUP_NOBODY)->since_ms;
    fake_until(fake.now_ms + 5000);
    readiness_ask(readiness, 0);
    fake_idle();
    ck_assert_int_eq(find("a", GROUP_NOBODY)->since_ms, first_ms);
    ck_assert_int_gt(find("a", GROUP_NOBODY)->at_ms, first_ms);
    ck_assert_str_eq(story, "a@0 ok, a@0 ok");
}
END_TEST

START_TEST(among_peers_only_itself)
{
    make(CHECKS, 1, false);
    ck_assert_int_eq(readiness_count(readiness), 2);
    readiness_ask_all(readiness, 4);
    fake_idle();
    ck_assert_str_eq(story, "a@2 fail, b@0 unknown");
}
END_TEST

START_TEST(facts_are_asked_of_the_owner)
{
    make("checks = {}", GROUP_NOBODY, true);
    fact_outcome = GROUP_FAIL;
    readiness_ask_all(readiness, 1);
    fake_idle();
    ck_assert_str_eq(story, "fence@0 fail, explored@0 fail, drill@0 fail");
    ck_assert_str_eq(find("drill", GROUP_NOBODY)->advice, "do it");
    fact_outcome = GROUP_OK;
    readiness_ask(readiness, 2);
    fake_idle();
    ck_assert_str_eq(find("drill", GROUP_NOBODY)->advice, "");
}
END_TEST

START_TEST(one_that_does_not_end_is_unknown)
{
    make(
        "checks = { check { name = 'a', on = 'group', timeout = 3, run = function()\n"
        "  return exec { command = { 'hang' }, timeout = 100 } end } }",
        GROUP_NOBODY, false);
    readiness_ask(readiness, 0);
    readiness_ask(readiness, 0); /* while it is asked: nothing */
    fake_until(fake.now_ms + 2900);
    ck_assert_str_eq(story, "");
    fake_until(fake.now_ms + 200);
    ck_assert_str_eq(story, "a@0 unknown");
    ck_assert_str_eq(find("a", GROUP_NOBODY)->detail, "no end within 3 s");
}
END_TEST

START_TEST(one_that_breaks_a_rule_is_unknown)
{
    make(
        "checks = { check { name = 'a', on = 'group', run = function() return 5 end } }",
        GROUP_NOBODY, false);
    readiness_ask(readiness, 0);
    fake_idle();
    ck_assert_str_eq(story, "a@0 unknown");
    ck_assert_str_eq(
        find("a", GROUP_NOBODY)->advice, "correct the check: this is a mistake in its script");
}
END_TEST

START_TEST(ends_while_it_is_asked)
{
    make(CHECKS, GROUP_NOBODY, true);
    readiness_ask_all(readiness, 4);
    readiness_free(readiness);
    readiness = NULL;
    fake_idle();
    ck_assert_str_eq(story, "");
}
END_TEST

START_TEST(a_drill_grows_old)
{
    const int64_t now_ms = INT64_C(1800000000000), day_ms = 86400000;
    struct readiness_word word = {0};

    readiness_drill("mail", 0, now_ms, &word);
    ck_assert_int_eq(word.outcome, GROUP_UNKNOWN);
    readiness_drill("mail", now_ms - 90 * day_ms, now_ms, &word);
    ck_assert_int_eq(word.outcome, GROUP_OK);
    ck_assert_str_eq(word.detail, "90 days ago");
    readiness_drill("mail", now_ms - 90 * day_ms - 1, now_ms, &word);
    ck_assert_int_eq(word.outcome, GROUP_FAIL);
    readiness_drill("mail", now_ms + day_ms, now_ms, &word); /* the clock was set back */
    ck_assert_int_eq(word.outcome, GROUP_OK);
    ck_assert_str_eq(word.detail, "0 h ago");
}
END_TEST

/* ---- Those of every policy ---------------------------------------------------------------- */

START_TEST(every_policy_has_them)
{
    fake_checks = true;
    make(
        "checks = { check { name = 'servers', title = 'mine', on = 'group', run = function() "
        "return "
        "true end } }",
        GROUP_NOBODY, false);
    ck_assert_str_eq(find("servers", GROUP_NOBODY)->title, "mine");
    find("reached", 0);
    find("reached", 1);
    find("clock", 1);
    find("share", 1);
    find("share-same", GROUP_NOBODY);
    find("addresses", GROUP_NOBODY);
}
END_TEST

START_TEST(they_do_not_count_for_the_digest)
{
    uint64_t digest;

    fake_load(fake_with("settle = 1"));
    digest = policy_digest(fake_policy);
    fake_stop();
    fake_start();
    fake_checks = true;
    make("settle = 1", GROUP_NOBODY, false);
    ck_assert(policy_digest(fake_policy) == digest);
}
END_TEST

START_TEST(they_answer)
{
    fake_checks = true;
    make("settle = 1", GROUP_NOBODY, false);
    readiness_ask_all(readiness, 8);
    fake_idle();
    ck_assert_str_eq(find("servers", GROUP_NOBODY)->detail, "2 servers: server01, server02");
    ck_assert_str_eq(find("addresses", GROUP_NOBODY)->detail, "10.9.0.100, and 2 of the servers");
    ck_assert_int_eq(find("reached", 1)->outcome, GROUP_OK);
    ck_assert_int_eq(find("share-same", GROUP_NOBODY)->outcome, GROUP_OK);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("readiness");
    TCase *asks = tcase_create("asks"), *generic = tcase_create("every policy's");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(asks, fake_start, stop);
    tcase_add_checked_fixture(generic, fake_start, stop);
    tcase_add_test(asks, each_node_and_the_group_are_asked);
    tcase_add_test(asks, no_more_than_so_many_at_once);
    tcase_add_test(asks, since_is_when_it_became_so);
    tcase_add_test(asks, among_peers_only_itself);
    tcase_add_test(asks, facts_are_asked_of_the_owner);
    tcase_add_test(asks, one_that_does_not_end_is_unknown);
    tcase_add_test(asks, one_that_breaks_a_rule_is_unknown);
    tcase_add_test(asks, ends_while_it_is_asked);
    tcase_add_test(asks, a_drill_grows_old);
    tcase_add_test(generic, every_policy_has_them);
    tcase_add_test(generic, they_do_not_count_for_the_digest);
    tcase_add_test(generic, they_answer);
    suite_add_tcase(suite, asks);
    suite_add_tcase(suite, generic);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
