/* Marks: what a node remembers of the last epoch, by its shell. */
#include "live_fixture.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static struct fixture f;
static struct config_group group;
static char directory[96];

static struct {
    bool ended;
    enum world_outcome outcome;
    struct world_mark mark;
    char detail[512];
} a;

static void up(void)
{
    fixture_prepare(&f);
    snprintf(directory, sizeof directory, "%s/marks", f.dir);
    memset(&group, 0, sizeof group);
    group.name = (char *)"mail";
    group.marks = directory;
    group.n_nodes = 1;
    group.node[0].name = (char *)"server01";
    group.node[0].address = (char *)"127.0.0.1";
    group.node[0].transport = CONFIG_LOCAL;
    f.config.n_groups = 1;
    f.config.group = &group;
    fixture_begin(&f);
}

static void down(void)
{
    fixture_down(&f);
}

static void keep(void *arg, uint64_t request, const struct world_result *result)
{
    (void)arg;
    (void)request;
    a.ended = true;
    a.outcome = result->outcome;
    a.mark = result->mark;
    snprintf(a.detail, sizeof a.detail, "%s", result->detail);
}

static bool has_ended(void *arg)
{
    (void)arg;
    return a.ended;
}

static void ask(enum world_mark_op op, const char *name, int64_t epoch, uint64_t token)
{
    struct world_request request = {.kind = WORLD_MARK, .timeout_ms = 10000, .group = name};

    memset(&a, 0, sizeof a);
    request.u.mark.op = op;
    request.u.mark.node = "server01";
    request.u.mark.epoch = epoch;
    request.u.mark.token = token;
    world_start(f.world, &request, keep, NULL);
    fixture_until(&f, has_ended, NULL);
}

static void expect(enum world_outcome outcome, int64_t epoch, uint64_t token)
{
    ck_assert_msg(
        a.outcome == outcome && a.mark.epoch == epoch && a.mark.token == token,
        "outcome %d, epoch %" PRId64 ", token %" PRIx64 ": %s", (int)a.outcome, a.mark.epoch,
        a.mark.token, a.detail);
}

START_TEST(a_node_that_was_never_marked_has_epoch_0)
{
    ask(WORLD_MARK_READ, "mail", 0, 0);
    expect(WORLD_OK, 0, 0);
    ck_assert(!fixture_has(&f, "marks")); /* reading leaves nothing behind */
}
END_TEST

START_TEST(a_mark_is_read_as_it_was_written)
{
    ask(WORLD_MARK_WRITE, "mail", 7, 0xfedcba9876543210);
    expect(WORLD_OK, 7, 0xfedcba9876543210);
    ask(WORLD_MARK_READ, "mail", 0, 0);
    expect(WORLD_OK, 7, 0xfedcba9876543210);
    ck_assert_str_eq(fixture_text(&f, "marks/mail@server01"), "7 fedcba9876543210\n");
}
END_TEST

START_TEST(the_same_again_is_fine_and_a_newer_epoch_takes_its_place)
{
    ask(WORLD_MARK_WRITE, "mail", 7, 0xa);
    ask(WORLD_MARK_WRITE, "mail", 7, 0xa);
    expect(WORLD_OK, 7, 0xa);
    ask(WORLD_MARK_WRITE, "mail", 9, 0xb);
    expect(WORLD_OK, 9, 0xb);
}
END_TEST

START_TEST(an_older_epoch_is_refused_and_told_what_is_there)
{
    ask(WORLD_MARK_WRITE, "mail", 9, 0xb);
    ask(WORLD_MARK_WRITE, "mail", 7, 0xa);
    expect(WORLD_FAIL, 9, 0xb);
    ck_assert_str_eq(a.detail, "server01 was given epoch 9 by somebody else");
    ask(WORLD_MARK_READ, "mail", 0, 0);
    expect(WORLD_OK, 9, 0xb);
}
END_TEST

START_TEST(the_same_epoch_with_another_token_is_refused)
{
    ask(WORLD_MARK_WRITE, "mail", 9, 0xb);
    ask(WORLD_MARK_WRITE, "mail", 9, 0xc);
    expect(WORLD_FAIL, 9, 0xb);
}
END_TEST

START_TEST(what_is_no_mark_is_left_as_it_is_and_says_nothing)
{
    char path[128];

    ask(WORLD_MARK_WRITE, "mail", 9, 0xb);
    snprintf(path, sizeof path, "%s/mail@server01", directory);
    fixture_file(&f, "marks/mail@server01", 0600, "x7 a\n");
    ask(WORLD_MARK_WRITE, "mail", 10, 0xc);
    ck_assert_int_eq(a.outcome, WORLD_UNKNOWN);
    ck_assert_ptr_nonnull(strstr(a.detail, "does not begin with a number"));
    ck_assert_str_eq(fixture_text(&f, "marks/mail@server01"), "x7 a\n");
    fixture_file(&f, "marks/mail@server01", 0600, "");
    ask(WORLD_MARK_WRITE, "mail", 10, 0xc);
    ck_assert_int_eq(a.outcome, WORLD_UNKNOWN);
}
END_TEST

START_TEST(a_directory_that_can_t_be_made_says_nothing)
{
    fixture_file(&f, "marks", 0600, "in the way");
    ask(WORLD_MARK_WRITE, "mail", 1, 0xa);
    ck_assert_int_eq(a.outcome, WORLD_UNKNOWN);
    ask(WORLD_MARK_WRITE, "other", 1, 0xa);
    ck_assert_int_eq(a.outcome, WORLD_UNKNOWN);
    ck_assert_str_eq(a.detail, "group other keeps no marks");
}
END_TEST

static int64_t won;
static int ended;

static void race_ends(void *arg, uint64_t request, const struct world_result *result)
{
    (void)arg;
    (void)request;
    ended++;
    won += result->outcome == WORLD_OK;
}

static bool all_ended(void *arg)
{
    (void)arg;
    return ended == 8;
}

START_TEST(of_several_that_mark_one_epoch_exactly_one_wins)
{
    struct world_request request = {.kind = WORLD_MARK, .timeout_ms = 20000, .group = "mail"};
    int i;

    won = ended = 0;
    request.u.mark.op = WORLD_MARK_WRITE;
    request.u.mark.node = "server01";
    request.u.mark.epoch = 3;
    for (i = 0; i < 8; i++) {
        request.u.mark.token = (uint64_t)i + 1;
        world_start(f.world, &request, race_ends, NULL);
    }
    fixture_until(&f, all_ended, NULL);
    ck_assert_int_eq(won, 1);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("mark");
    TCase *t = tcase_create("mark");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(t, up, down);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, a_node_that_was_never_marked_has_epoch_0);
    tcase_add_test(t, a_mark_is_read_as_it_was_written);
    tcase_add_test(t, the_same_again_is_fine_and_a_newer_epoch_takes_its_place);
    tcase_add_test(t, an_older_epoch_is_refused_and_told_what_is_there);
    tcase_add_test(t, the_same_epoch_with_another_token_is_refused);
    tcase_add_test(t, what_is_no_mark_is_left_as_it_is_and_says_nothing);
    tcase_add_test(t, a_directory_that_can_t_be_made_says_nothing);
    tcase_add_test(t, of_several_that_mark_one_epoch_exactly_one_wins);
    suite_add_tcase(s, t);
    runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
