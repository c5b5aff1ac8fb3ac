/* Marks on a modelled Windows node: test_mark.c's promises, kept by PowerShell. */
#include "live_fixture.h"
#include "live_server.h"
#include "windows_fixture.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RACERS  8
#define FILE_AT "lab.server01.files['c:\\\\programdata\\\\baton\\\\marks\\\\mail@server01"

static struct fixture f;
static struct windows lab;
static struct config_group group;
static char secret_name[] = "windows", secret_file[128], ca[128];
static struct config_secret secret = {.name = secret_name, .file = secret_file};

static struct {
    bool ended;
    enum world_outcome outcome;
    struct world_mark mark;
    char detail[512];
} a;

static void up(void)
{
    struct config_node *node = &group.node[0];

    lab.keep = dup(0); /* takes the number that the lab's pipe gets: descriptors are counted */
    fixture_prepare(&f);
    close(lab.keep);
    server_certificate(f.dir, "server01.lan");
    fixture_file(&f, "password", 0600, "secret\n");
    snprintf(secret_file, sizeof secret_file, "%s/password", f.dir);
    snprintf(ca, sizeof ca, "%s/cert.pem", f.dir);
    windows_up(&lab, f.dir);
    memset(&group, 0, sizeof group);
    group.name = (char *)"mail";
    group.n_nodes = 1;
    node->name = (char *)"server01";
    node->address = (char *)"127.0.0.1";
    node->transport = CONFIG_WINRM;
    node->winrm.auth = CONFIG_BASIC;
    node->winrm.user = (char *)"baton";
    node->winrm.secret = secret_name;
    node->winrm.ca_file = ca;
    node->winrm.port = lab.port[0];
    f.config.n_secrets = 1;
    f.config.secret = &secret;
    f.config.n_groups = 1;
    f.config.group = &group;
    fixture_begin(&f);
}

static void down(void)
{
    fixture_down(&f);
    ck_assert_str_eq(windows_lua(&lab, "return lab.counts 'server01'"), "0 shells, 0 commands");
    windows_down(&lab);
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

static void ask(enum world_mark_op op, int64_t epoch, uint64_t token)
{
    struct world_request request = {.kind = WORLD_MARK, .timeout_ms = 20000, .group = "mail"};

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

static void expect_file(const char *suffix, const char *text)
{
    char chunk[256];

    snprintf(chunk, sizeof chunk, "return tostring(" FILE_AT "%s'])", suffix);
    ck_assert_str_eq(windows_lua(&lab, chunk), text);
}

static void put_file(const char *suffix, const char *text)
{
    char chunk[256];

    snprintf(chunk, sizeof chunk, FILE_AT "%s'] = %s", suffix, text);
    windows_lua(&lab, chunk);
}

START_TEST(a_node_that_was_never_marked_has_epoch_0)
{
    ask(WORLD_MARK_READ, 0, 0);
    expect(WORLD_OK, 0, 0);
    ck_assert_str_eq(
        windows_lua(
            &lab, "return tostring(next(lab.server01.files) or next(lab.server01.directories))"),
        "nil");
}
END_TEST

START_TEST(a_mark_is_read_as_it_was_written)
{
    ask(WORLD_MARK_WRITE, 7, 0xfedcba9876543210);
    expect(WORLD_OK, 7, 0xfedcba9876543210);
    ask(WORLD_MARK_READ, 0, 0);
    expect(WORLD_OK, 7, 0xfedcba9876543210);
    expect_file("", "7 fedcba9876543210");
    expect_file(".new", "nil");
    ck_assert_str_eq(
        windows_lua(&lab, "return lab.server01.directories['c:\\\\programdata\\\\baton\\\\marks']"),
        "D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;OW)");
}
END_TEST

START_TEST(only_a_newer_epoch_takes_its_place)
{
    ask(WORLD_MARK_WRITE, 9, 0xb);
    ask(WORLD_MARK_WRITE, 9, 0xb);
    expect(WORLD_OK, 9, 0xb);
    ask(WORLD_MARK_WRITE, 9, 0xc);
    expect(WORLD_FAIL, 9, 0xb);
    ask(WORLD_MARK_WRITE, 7, 0xa);
    expect(WORLD_FAIL, 9, 0xb);
    ck_assert_str_eq(a.detail, "server01 was given epoch 9 by somebody else");
    ask(WORLD_MARK_WRITE, 10, 0xd); /* more digits, but more */
    expect(WORLD_OK, 10, 0xd);
    ask(WORLD_MARK_READ, 0, 0);
    expect(WORLD_OK, 10, 0xd);
}
END_TEST

START_TEST(what_is_no_mark_is_left_as_it_is_and_says_nothing)
{
    ask(WORLD_MARK_WRITE, 9, 0xb);
    put_file("", "'9 00000000'");
    ask(WORLD_MARK_WRITE, 10, 0xc);
    ck_assert_int_eq(a.outcome, WORLD_UNKNOWN);
    ck_assert_msg(strstr(a.detail, "mail@server01 holds no mark") != NULL, "%s", a.detail);
    expect_file("", "9 00000000");
    ask(WORLD_MARK_READ, 0, 0);
    ck_assert_int_eq(a.outcome, WORLD_UNKNOWN);
}
END_TEST

/* ReplaceFile failed between its two names; or the first writer died while it wrote. */
START_TEST(a_new_file_alone_counts_where_it_is_whole)
{
    ask(WORLD_MARK_WRITE, 9, 0xb);
    put_file("", "nil");
    put_file(".new", "'11 000000000000000e'");
    ask(WORLD_MARK_READ, 0, 0);
    expect(WORLD_OK, 11, 0xe);
    ask(WORLD_MARK_WRITE, 10, 0xc);
    expect(WORLD_FAIL, 11, 0xe);
    ask(WORLD_MARK_WRITE, 11, 0xe);
    expect(WORLD_OK, 11, 0xe);
    expect_file("", "11 000000000000000e");
    put_file("", "nil");
    put_file(".new", "'12 0000'");
    ask(WORLD_MARK_READ, 0, 0);
    expect(WORLD_OK, 0, 0);
    ask(WORLD_MARK_WRITE, 1, 0xa);
    expect(WORLD_OK, 1, 0xa);
}
END_TEST

START_TEST(names_are_not_pasted)
{
    char hostile[] = "C:\\it's $(exit 5) \"%PATH%\" ü☃";

    group.marks = hostile;
    ask(WORLD_MARK_WRITE, 4, 0xa);
    expect(WORLD_OK, 4, 0xa);
    ck_assert_str_eq(
        windows_lua(
            &lab, "return lab.server01.files[('C:\\\\it\\'s $(exit 5) \"%PATH%\" ü☃"
                  "\\\\mail@server01'):lower()]"),
        "4 000000000000000a");
    group.marks = NULL;
}
END_TEST

START_TEST(a_lock_that_stays_says_nothing)
{
    ask(WORLD_MARK_WRITE, 9, 0xb);
    windows_lua(
        &lab, "held = { key = 'c:\\\\programdata\\\\baton\\\\marks\\\\mail@server01.lock',"
              "access = 'write', share = 'none' }; lab.server01.open[held] = held");
    ask(WORLD_MARK_WRITE, 10, 0xc);
    ck_assert_int_eq(a.outcome, WORLD_UNKNOWN);
    ck_assert_msg(strstr(a.detail, "being used by another process") != NULL, "%s", a.detail);
    expect_file("", "9 000000000000000b");
}
END_TEST

static int won, ended;

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
    return ended == RACERS;
}

START_TEST(of_several_that_mark_one_epoch_exactly_one_wins)
{
    struct world_request request = {.kind = WORLD_MARK, .timeout_ms = 20000, .group = "mail"};

    won = ended = 0;
    request.u.mark.op = WORLD_MARK_WRITE;
    request.u.mark.node = "server01";
    request.u.mark.epoch = 3;
    for (int i = 0; i < RACERS; i++) {
        request.u.mark.token = (uint64_t)i + 1;
        world_start(f.world, &request, race_ends, NULL);
    }
    fixture_until(&f, all_ended, NULL);
    ck_assert_int_eq(won, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mark_windows");
    TCase *tcase = tcase_create("mark_windows");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tcase, up, down);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_node_that_was_never_marked_has_epoch_0);
    tcase_add_test(tcase, a_mark_is_read_as_it_was_written);
    tcase_add_test(tcase, only_a_newer_epoch_takes_its_place);
    tcase_add_test(tcase, what_is_no_mark_is_left_as_it_is_and_says_nothing);
    tcase_add_test(tcase, a_new_file_alone_counts_where_it_is_whole);
    tcase_add_test(tcase, names_are_not_pasted);
    tcase_add_test(tcase, a_lock_that_stays_says_nothing);
    tcase_add_test(tcase, of_several_that_mark_one_epoch_exactly_one_wins);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
