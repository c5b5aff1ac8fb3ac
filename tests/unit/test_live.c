#include "live_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct fixture f;
static struct answer a;

static void up(void)
{
    fixture_up(&f);
}

static void down(void)
{
    answer_fini(&a);
    fixture_down(&f);
}

static struct world_request sleep_for(int64_t ms)
{
    return (struct world_request){.kind = WORLD_SLEEP, .timeout_ms = ms};
}

START_TEST(a_sleep_ends_ok_after_its_time)
{
    struct world_request request = sleep_for(30);

    fixture_ask(&f, &request, &a);
    ck_assert_int_eq(a.outcome, WORLD_OK);
    ck_assert_int_ge(a.latency_us, 30000);
    ck_assert_str_eq(a.detail, "slept");
}
END_TEST

START_TEST(a_sleep_of_no_time_ends_on_the_next_turn)
{
    struct world_request request = sleep_for(0);

    fixture_ask(&f, &request, &a);
    ck_assert_int_eq(a.outcome, WORLD_OK);
}
END_TEST

START_TEST(clocks_go_forward_and_random_numbers_differ)
{
    int64_t before = world_now_ms(f.world);
    uint64_t first = f.world->ops->random(f.world);

    ck_assert_int_gt(before, 0);
    ck_assert_int_ge(world_now_ms(f.world), before);
    ck_assert_int_gt(f.world->ops->wall_ms(f.world), INT64_C(1600000000000));
    ck_assert_uint_ne(first, f.world->ops->random(f.world));
}
END_TEST

START_TEST(a_program_for_an_unknown_node_is_unknown_and_answered_later)
{
    const char *argv[] = {"true", NULL};
    struct world_request request = {.kind = WORLD_EXEC, .timeout_ms = 1000};

    request.u.exec.node = "server99";
    request.u.exec.argv = argv;
    fixture_ask(&f, &request, &a);
    ck_assert_int_eq(a.outcome, WORLD_UNKNOWN);
    ck_assert_int_eq(a.code, -1);
    ck_assert_str_eq(a.detail, "the configuration has no node server99");
}
END_TEST

START_TEST(a_cancelled_request_is_never_answered)
{
    struct world_request request = sleep_for(0);
    uint64_t id = world_start(f.world, &request, answer_keep, &a);

    world_cancel(f.world, id);
    world_cancel(f.world, id);
    world_cancel(f.world, 12345);
    fixture_turn(&f);
    ck_assert_int_eq(a.count, 0);
}
END_TEST

START_TEST(an_answer_that_waits_for_its_turn_can_be_cancelled)
{
    struct world_request request = {.kind = WORLD_EXEC, .timeout_ms = 1000};
    uint64_t id = world_start(f.world, &request, answer_keep, &a);

    world_cancel(f.world, id);
    fixture_turn(&f);
    ck_assert_int_eq(a.count, 0);
}
END_TEST

struct pair {
    uint64_t id[2];
    int calls;
};

static void cancel_both(void *arg, uint64_t request, const struct world_result *result)
{
    struct pair *pair = arg;

    (void)request;
    (void)result;
    pair->calls++;
    world_cancel(f.world, pair->id[0]);
    world_cancel(f.world, pair->id[1]);
}

START_TEST(cancelling_oneself_and_another_from_within_done_is_fine)
{
    struct world_request request = sleep_for(0);
    struct pair pair = {{0, 0}, 0};

    pair.id[0] = world_start(f.world, &request, cancel_both, &pair);
    pair.id[1] = world_start(f.world, &request, cancel_both, &pair);
    fixture_turn(&f);
    ck_assert_int_eq(pair.calls, 1);
}
END_TEST

static bool is_zero(void *arg)
{
    return *(const int *)arg == 0;
}

static int left;

static void start_another(void *arg, uint64_t request, const struct world_result *result)
{
    struct world_request next = sleep_for(0);

    (void)request;
    ck_assert_int_eq(result->outcome, WORLD_OK);
    if (--left > 0) {
        world_start(f.world, &next, start_another, arg);
    }
}

START_TEST(requests_started_from_within_done_go_on)
{
    struct world_request request = sleep_for(0);

    left = 1000;
    world_start(f.world, &request, start_another, NULL);
    fixture_until(&f, is_zero, &left);
}
END_TEST

static void count_down(void *arg, uint64_t request, const struct world_result *result)
{
    (void)request;
    ck_assert_int_eq(result->outcome, WORLD_OK);
    --*(int *)arg;
}

START_TEST(thousands_of_requests_at_once_are_all_answered_once)
{
    int waiting = 20000, i;

    for (i = 0; i < 20000; i++) {
        struct world_request request = sleep_for(i % 20);

        world_start(f.world, &request, count_down, &waiting);
    }
    fixture_until(&f, is_zero, &waiting);
    fixture_turn(&f);
    ck_assert_int_eq(waiting, 0);
}
END_TEST

static int unknowns;

static void count_outcomes(void *arg, uint64_t request, const struct world_result *result)
{
    (void)request;
    unknowns += result->outcome == WORLD_UNKNOWN;
    --*(int *)arg;
}

START_TEST(more_requests_than_the_bound_are_answered_unknown)
{
    int waiting = 70000, i;

    unknowns = 0;
    for (i = 0; i < 70000; i++) {
        struct world_request request = sleep_for(500);

        world_start(f.world, &request, count_outcomes, &waiting);
    }
    fixture_until(&f, is_zero, &waiting);
    ck_assert_int_eq(unknowns, 70000 - 65536);
}
END_TEST

static int64_t last_seq;
static int acks;

static void recorded(void *arg, int64_t seq, const struct baton_error *failed)
{
    (void)arg;
    ck_assert_ptr_null(failed);
    ck_assert_int_eq(seq, last_seq + 2);
    last_seq = seq;
    acks++;
}

START_TEST(without_a_journal_records_are_acknowledged_in_order_and_later)
{
    struct group_record records[2] = {{.seq = 1}, {.seq = 2}};
    int i;

    last_seq = acks = 0;
    for (i = 0; i < 5; i++) {
        f.world->ops->record(f.world, "mail", NULL, records, 2, recorded, NULL);
        records[0].seq += 2;
        records[1].seq += 2;
    }
    ck_assert_int_eq(acks, 0);
    fixture_turn(&f);
    ck_assert_int_eq(acks, 5);
    ck_assert_int_eq(last_seq, 10);
    f.world->ops->observe(f.world, "mail", "server01", "smtp", GROUP_OK, 1, "fine");
    f.world->ops->record(f.world, "mail", NULL, records, 2, recorded, NULL);
    /* … and the one that waits is let go by live_free. */
}
END_TEST

START_TEST(another_configuration_counts_from_now_on)
{
    struct config_node *node;
    struct config_group group = {.name = (char[]){"mail"}, .n_nodes = 1};
    struct config other = f.config;
    const char *argv[] = {"echo", "here", NULL};
    struct world_request request = {.kind = WORLD_EXEC, .timeout_ms = 10000};

    node = &group.node[0];
    node->name = (char[]){"server01"};
    node->address = (char[]){"127.0.0.1"};
    node->transport = CONFIG_LOCAL;
    other.n_groups = 1;
    other.group = &group;
    request.u.exec.node = "server01";
    request.u.exec.argv = argv;
    request.u.exec.output_max = 100;
    live_set_config(f.world, &other);
    fixture_ask(&f, &request, &a);
    ck_assert_int_eq(a.outcome, WORLD_OK);
    ck_assert_str_eq(a.out, "here\n");
    live_set_config(f.world, &f.config);
    fixture_ask(&f, &request, &a);
    ck_assert_int_eq(a.outcome, WORLD_UNKNOWN);
}
END_TEST

START_TEST(a_world_that_is_freed_stops_what_runs)
{
    const char *argv[] = {"sleep", "600", NULL};
    struct world_request request = {.kind = WORLD_EXEC, .timeout_ms = 600000};
    struct world_request nap = sleep_for(60000);
    int i;

    request.u.exec.argv = argv;
    for (i = 0; i < 20; i++) {
        world_start(f.world, &request, answer_keep, &a);
        world_start(f.world, &nap, answer_keep, &a);
    }
    live_free(f.world);
    f.world = NULL;
    ck_assert_int_eq(a.count, 0); /* fixture_down sees that no child is left */
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("live");
    TCase *c = tcase_create("requests");

    tcase_add_checked_fixture(c, up, down);
    tcase_set_timeout(c, 60);
    tcase_add_test(c, a_sleep_ends_ok_after_its_time);
    tcase_add_test(c, a_sleep_of_no_time_ends_on_the_next_turn);
    tcase_add_test(c, clocks_go_forward_and_random_numbers_differ);
    tcase_add_test(c, a_program_for_an_unknown_node_is_unknown_and_answered_later);
    tcase_add_test(c, a_cancelled_request_is_never_answered);
    tcase_add_test(c, an_answer_that_waits_for_its_turn_can_be_cancelled);
    tcase_add_test(c, cancelling_oneself_and_another_from_within_done_is_fine);
    tcase_add_test(c, requests_started_from_within_done_go_on);
    tcase_add_test(c, thousands_of_requests_at_once_are_all_answered_once);
    tcase_add_test(c, more_requests_than_the_bound_are_answered_unknown);
    tcase_add_test(c, without_a_journal_records_are_acknowledged_in_order_and_later);
    tcase_add_test(c, another_configuration_counts_from_now_on);
    tcase_add_test(c, a_world_that_is_freed_stops_what_runs);
    suite_add_tcase(s, c);
    return s;
}

int main(void)
{
    SRunner *runner = srunner_create(suite());
    int failed;

    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
