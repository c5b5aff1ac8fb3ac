/* Requests to the guardian, from a live world that starts one. */
#include "lease/guardian/protocol.h"
#include "live_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define FAR_MS 100000

static struct fixture f;
static struct config_peers peers;
static struct config_group group;
static struct config_command command;
static char script[160], socket_path[96];
static char sh[] = "sh", option[] = "-c", name[] = "mail", nowhere[] = "/nonexistent/watchdog";
static char *argv[] = {sh, option, script, NULL};

static int64_t now_ms(void)
{
    return world_now_ms(f.world);
}

static void setup(void)
{
    ck_assert_int_eq(setenv("BATON_GUARDIAN", GUARDIAN_PATH, 1), 0);
    fixture_prepare(&f);
    f.config.log_level = WORLD_ALERT + 1;
    snprintf(script, sizeof script, "touch %s/stopped", f.dir);
    snprintf(socket_path, sizeof socket_path, "%s/guardian.sock", f.dir);
    command.argv = argv;
    group = (struct config_group){.name = name, .n_guardian = 1, .guardian = &command};
    peers = (struct config_peers){.guardian = true, .times = lease_times_default()};
    f.config.peers = &peers;
    f.config.n_groups = 1;
    f.config.group = &group;
    fixture_begin(&f);
}

/* Of the guardian that listens; 0: none. */
static pid_t guardian_pid(void)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    struct ucred who = {0};
    socklen_t len = sizeof who;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    snprintf(to.sun_path, sizeof to.sun_path, "%s", socket_path);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0) {
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len);
    }
    close(fd);
    return who.pid;
}

static bool are_gone(void *arg)
{
    const long *pids = arg;

    return process_is_gone(pids[0]) && (pids[1] == 0 || process_is_gone(pids[1]));
}

static void kill_guardian(void)
{
    long pids[2] = {guardian_pid(), 0}; /* … and of what writes its log, into the folder */
    char path[96];
    FILE *file;

    if (pids[0] <= 0) {
        return;
    }
    snprintf(path, sizeof path, "/proc/%ld/task/%ld/children", pids[0], pids[0]);
    file = fopen(path, "re");
    if (file != NULL) {
        if (fscanf(file, "%ld", &pids[1]) != 1) {
            pids[1] = 0;
        }
        fclose(file);
    }
    kill((pid_t)pids[0], SIGKILL);
    fixture_until(&f, are_gone, pids);
}

static void teardown(void)
{
    struct world *world = f.world;

    f.world = NULL; /* or it would start another guardian */
    live_free(world);
    kill_guardian();
    fixture_down(&f);
}

static struct answer ask(enum world_guard_op op, int64_t until_ms)
{
    struct world_request request = {.kind = WORLD_GUARD, .timeout_ms = 20000, .group = "mail"};
    static struct answer answer;

    request.u.guard.op = op;
    request.u.guard.until_ms = until_ms;
    request.u.guard.epoch = 3;
    fixture_ask(&f, &request, &answer);
    answer_fini(&answer);
    return answer;
}

static bool has_stopped(void *arg)
{
    (void)arg;
    return fixture_has(&f, "stopped");
}

START_TEST(a_guardian_is_started_where_there_is_none)
{
    struct answer answer = ask(WORLD_GUARD_ASK, 0);

    ck_assert_msg(answer.outcome == WORLD_FAIL, "%s", answer.detail);
    ck_assert_str_eq(answer.detail, "not armed");
    answer = ask(WORLD_GUARD_ARM, now_ms() + FAR_MS);
    ck_assert_msg(answer.outcome == WORLD_OK, "%s", answer.detail);
    answer = ask(WORLD_GUARD_ASK, 0);
    ck_assert_int_eq(answer.outcome, WORLD_OK);
    ck_assert_str_eq(answer.detail, "armed, epoch 3");
    ck_assert_int_eq(ask(WORLD_GUARD_DISARM, 0).outcome, WORLD_OK);
    ck_assert_int_eq(ask(WORLD_GUARD_ASK, 0).outcome, WORLD_FAIL);
    ck_assert(!fixture_has(&f, "stopped"));
}
END_TEST

START_TEST(it_does_what_the_configuration_says)
{
    struct answer answer;

    ask(WORLD_GUARD_ASK, 0); /* it is there */
    ck_assert_int_eq(ask(WORLD_GUARD_ARM, now_ms() + 2000).outcome, WORLD_OK);
    fixture_until(&f, has_stopped, NULL);
    do {
        answer = ask(WORLD_GUARD_ASK, 0);
        ck_assert_int_eq(answer.outcome, WORLD_FAIL);
    } while (strstr(answer.detail, "is stopping") != NULL);
    ck_assert_ptr_nonnull(strstr(answer.detail, "stopped the service"));
}
END_TEST

START_TEST(a_restarted_daemon_finds_it_armed)
{
    int64_t until_ms = now_ms() + FAR_MS;
    pid_t before;

    ck_assert_int_eq(ask(WORLD_GUARD_ARM, until_ms).outcome, WORLD_OK);
    before = guardian_pid();
    live_free(f.world);
    event_base_free(f.base);
    fixture_begin(&f);
    ck_assert_int_eq(ask(WORLD_GUARD_ASK, 0).outcome, WORLD_OK);
    ck_assert_int_eq(guardian_pid(), before);
}
END_TEST

START_TEST(a_restarted_daemon_logs_what_was_done_for_it)
{
    char path[96];

    ask(WORLD_GUARD_ARM, now_ms() - 1);
    fixture_until(&f, has_stopped, NULL);
    live_free(f.world);
    event_base_free(f.base);
    snprintf(path, sizeof path, "%s/errors", f.dir);
    ck_assert_ptr_nonnull(freopen(path, "we", stderr));
    f.config.log_level = WORLD_ALERT;
    fixture_begin(&f);
    while (strstr(ask(WORLD_GUARD_ASK, 0).detail, "is stopping") != NULL) {
    }
    live_free(f.world);
    event_base_free(f.base);
    ck_assert_msg(
        strstr(fixture_text(&f, "errors"), "the guardian stopped the service") != NULL, "%s",
        fixture_text(&f, "errors"));
    fixture_begin(&f);
}
END_TEST

START_TEST(a_guardian_that_dies_is_replaced_and_armed_again)
{
    struct answer answer;
    pid_t before;

    ck_assert_int_eq(ask(WORLD_GUARD_ARM, now_ms() + FAR_MS).outcome, WORLD_OK);
    before = guardian_pid();
    kill_guardian();
    answer = ask(WORLD_GUARD_ASK, 0);
    ck_assert_msg(answer.outcome == WORLD_OK, "%s", answer.detail);
    ck_assert_int_ne(guardian_pid(), before);
    ck_assert_int_eq(ask(WORLD_GUARD_DISARM, 0).outcome, WORLD_OK);
    kill_guardian();
    ck_assert_int_eq(ask(WORLD_GUARD_ASK, 0).outcome, WORLD_FAIL);
}
END_TEST

START_TEST(a_frozen_guardian_is_no_answer)
{
    struct world_request request = {.kind = WORLD_GUARD, .timeout_ms = 100, .group = "mail"};
    struct answer answer = {0};
    pid_t pid;

    ask(WORLD_GUARD_ASK, 0);
    pid = guardian_pid();
    kill(pid, SIGSTOP);
    request.u.guard.op = WORLD_GUARD_ARM;
    request.u.guard.until_ms = now_ms() + FAR_MS;
    for (int i = 0; i < 3; i++) {
        fixture_ask(&f, &request, &answer);
        ck_assert_int_eq(answer.outcome, WORLD_UNKNOWN);
    }
    answer_fini(&answer);
    kill(pid, SIGCONT);
    ck_assert_int_eq(ask(WORLD_GUARD_ARM, now_ms() + FAR_MS).outcome, WORLD_OK);
}
END_TEST

START_TEST(armed_too_late_is_a_no)
{
    struct answer answer = ask(WORLD_GUARD_ARM, now_ms() - 1);

    ck_assert_int_eq(answer.outcome, WORLD_FAIL);
    ck_assert_ptr_nonnull(strstr(answer.detail, "too late"));
    fixture_until(&f, has_stopped, NULL);
}
END_TEST

START_TEST(a_watchdog_that_is_not_there_is_a_no)
{
    struct answer answer;

    peers.watchdog = nowhere;
    peers.times.watchdog_ms = 2000;
    answer = ask(WORLD_GUARD_ARM, now_ms() + FAR_MS);
    ck_assert_int_eq(answer.outcome, WORLD_FAIL);
    ck_assert_ptr_nonnull(strstr(answer.detail, "watchdog can't be opened"));
    ck_assert_int_eq(ask(WORLD_GUARD_ASK, 0).outcome, WORLD_OK); /* armed all the same */
    ask(WORLD_GUARD_DISARM, 0);
    peers.watchdog = NULL;
    live_set_config(f.world, &f.config);
    ck_assert_int_eq(ask(WORLD_GUARD_ARM, now_ms() + FAR_MS).outcome, WORLD_OK);
}
END_TEST

START_TEST(without_a_guardian_in_the_configuration_there_is_none)
{
    struct answer answer;

    peers.guardian = false;
    answer = ask(WORLD_GUARD_ASK, 0);
    ck_assert_int_eq(answer.outcome, WORLD_UNKNOWN);
    ck_assert_str_eq(answer.detail, "no guardian is configured");
}
END_TEST

START_TEST(a_program_that_does_not_start_is_named)
{
    struct world_request request = {.kind = WORLD_GUARD, .timeout_ms = 2000, .group = "mail"};
    struct answer answer = {0};

    ck_assert_int_eq(setenv("BATON_GUARDIAN", "/bin/false", 1), 0);
    request.u.guard.op = WORLD_GUARD_ASK;
    fixture_ask(&f, &request, &answer);
    ck_assert_int_eq(answer.outcome, WORLD_UNKNOWN);
    ck_assert_ptr_nonnull(strstr(answer.detail, "no guardian could be started: exit 1"));
    answer_fini(&answer);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("guard");
    TCase *tests = tcase_create("guard");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_guardian_is_started_where_there_is_none);
    tcase_add_test(tests, it_does_what_the_configuration_says);
    tcase_add_test(tests, a_restarted_daemon_finds_it_armed);
    tcase_add_test(tests, a_restarted_daemon_logs_what_was_done_for_it);
    tcase_add_test(tests, a_guardian_that_dies_is_replaced_and_armed_again);
    tcase_add_test(tests, a_frozen_guardian_is_no_answer);
    tcase_add_test(tests, armed_too_late_is_a_no);
    tcase_add_test(tests, a_watchdog_that_is_not_there_is_a_no);
    tcase_add_test(tests, without_a_guardian_in_the_configuration_there_is_none);
    tcase_add_test(tests, a_program_that_does_not_start_is_named);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
