#include "live_fixture.h"
#include "live_server.h"
#include "windows_fixture.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEADLINE_MS 20000

static struct fixture f;
static struct answer a;
static struct windows lab;
static struct config_group group;
static char user[] = "baton", secret_name[] = "windows", address[] = "127.0.0.1", mail[] = "mail";
static char right_name[] = "server01.lan", wrong_name[] = "server09.lan";
static struct config_secret secret = {.name = secret_name};
static char file_of_secret[128], ca[128], fingerprint[65];

static void add_node(const char *name, int port)
{
    struct config_node *node = &group.node[group.n_nodes++];

    node->name = (char *)(uintptr_t)name;
    node->address = address;
    node->transport = CONFIG_WINRM;
    node->winrm.auth = CONFIG_BASIC;
    node->winrm.user = user;
    node->winrm.secret = secret_name;
    node->winrm.ca_file = ca;
    node->winrm.port = port;
}

static void up(void)
{
    lab.keep = dup(0); /* takes the number that the lab's pipe gets: descriptors are counted */
    fixture_prepare(&f);
    close(lab.keep);
    server_certificate(f.dir, "server01.lan");
    fixture_file(&f, "password", 0600, "pa \"ss\n");
    snprintf(file_of_secret, sizeof file_of_secret, "%s/password", f.dir);
    snprintf(ca, sizeof ca, "%s/cert.pem", f.dir);
    windows_fingerprint(f.dir, fingerprint);
    windows_up(&lab, f.dir);
    secret.file = file_of_secret;
    group = (struct config_group){.name = mail};
    add_node("server01", lab.port[0]);
    add_node("server02", lab.port[1]);
    f.config.n_secrets = 1;
    f.config.secret = &secret;
    f.config.n_groups = 1;
    f.config.group = &group;
    fixture_begin(&f);
}

static void down(void)
{
    answer_fini(&a);
    fixture_down(&f);
    /* All that was opened there is closed: not by a deadline, but by us. */
    ck_assert_str_eq(windows_lua(&lab, "return lab.counts 'server01'"), "0 shells, 0 commands");
    windows_down(&lab);
}

/* For what leaves a shell to the host's own idle time. */
static void down_at_once(void)
{
    answer_fini(&a);
    fixture_down(&f);
    windows_down(&lab);
}

static struct world_request remote(const char *const *argv, int64_t timeout_ms)
{
    struct world_request request = {.kind = WORLD_EXEC, .timeout_ms = timeout_ms, .group = "mail"};

    request.u.exec.node = "server01";
    request.u.exec.argv = argv;
    request.u.exec.output_max = 65536;
    return request;
}

#define ASK(...)                                                                                   \
    do {                                                                                           \
        const char *argv_[] = {__VA_ARGS__, NULL};                                                 \
        struct world_request request_ = remote(argv_, DEADLINE_MS);                                \
                                                                                                   \
        fixture_ask(&f, &request_, &a);                                                            \
    } while (0)

static const char *lua(const char *chunk)
{
    return windows_lua(&lab, chunk);
}

static bool has_counts(void *arg)
{
    return strcmp(lua("return lab.counts 'server01'"), arg) == 0;
}

static void until_counts(const char *counts)
{
    fixture_until(&f, has_counts, (void *)(uintptr_t)counts);
}

/* ---- What comes back ------------------------------------------------------------------------ */

START_TEST(output_errors_and_exit_code_come_back)
{
    ASK("hostname");
    ck_assert_msg(a.outcome == WORLD_OK, "%s", a.detail);
    ck_assert_str_eq(a.out, "server01\r\n");
    ck_assert_str_eq(a.detail, "exit 0");
    ASK("fail", "7");
    ck_assert_int_eq(a.outcome, WORLD_FAIL);
    ck_assert_int_eq(a.code, 7);
    ck_assert_str_eq(a.err, "it went wrong\r\n");
    ck_assert_str_eq(a.out, "");
    ck_assert_str_eq(a.detail, "exit 7: it went wrong");
    ASK("nosuch.exe");
    ck_assert_int_eq(a.outcome, WORLD_FAIL);
    ck_assert_int_eq(a.code, 1);
}
END_TEST

START_TEST(words_arrive_as_they_are)
{
    ASK("args", "a b", "C:\\Program Files (x86)\\S\\", "\\\\NAS01\\Mail", "a&b|c", "", "ü☃", "^x");
    ck_assert_msg(a.outcome == WORLD_OK, "%s", a.detail);
    ck_assert_str_eq(
        a.out, "a b\nC:\\Program Files (x86)\\S\\\n\\\\NAS01\\Mail\na&b|c\n\nü☃\n^x\n");
}
END_TEST

START_TEST(what_cmd_would_change_is_not_sent)
{
    ASK("args", "%PATH%");
    ck_assert_int_eq(a.outcome, WORLD_UNKNOWN);
    ck_assert_msg(strstr(a.detail, "server01: word 2") != NULL, "%s", a.detail);
    ck_assert_str_eq(lua("return #lab.log"), "0");
}
END_TEST

START_TEST(standard_input_arrives_whole)
{
    const char *argv[] = {"cat", NULL};
    struct world_request request = remote(argv, DEADLINE_MS);
    size_t len = 200000;
    char *input = malloc(len);

    for (size_t i = 0; i < len; i++) {
        input[i] = (char)(i * 7 + i / 251);
    }
    request.u.exec.input = input;
    request.u.exec.input_len = len;
    request.u.exec.output_max = len;
    fixture_ask(&f, &request, &a);
    ck_assert_msg(a.outcome == WORLD_OK, "%s", a.detail);
    ck_assert_uint_eq(a.out_len, len);
    ck_assert_mem_eq(a.out, input, len);
    free(input);
}
END_TEST

START_TEST(a_flood_is_cut)
{
    ASK("flood", "300");
    ck_assert_int_eq(a.outcome, WORLD_OK);
    ck_assert_uint_eq(a.out_len, 65536);
    ck_assert(a.cut);
}
END_TEST

static char heard[256];

static void hear(void *arg, const char *out, size_t len)
{
    size_t used = strlen(heard);

    (void)arg;
    snprintf(heard + used, sizeof heard - used, "[%.*s]", (int)len, out);
}

START_TEST(output_is_heard_as_it_comes)
{
    const char *argv[] = {"drip", "3", "0.05", NULL};
    struct world_request request = remote(argv, DEADLINE_MS);

    heard[0] = '\0';
    request.u.exec.heard = hear;
    fixture_ask(&f, &request, &a);
    ck_assert_str_eq(a.out, "drop 1\ndrop 2\ndrop 3\n");
    ck_assert_str_eq(heard, "[drop 1\n][drop 2\n][drop 3\n]");
}
END_TEST

START_TEST(tiny_pieces_are_put_together)
{
    lua("lab.server01.faults.tiny = true");
    ASK("echo", "hello", "there");
    ck_assert_str_eq(a.out, "hello there\r\n");
}
END_TEST

/* ---- Shells -------------------------------------------------------------------------------------
 */

START_TEST(a_shell_is_used_again)
{
    for (int i = 0; i < 5; i++) {
        ASK("hostname");
        ck_assert_int_eq(a.outcome, WORLD_OK);
        until_counts("1 shells, 0 commands");
    }
}
END_TEST

START_TEST(commands_run_side_by_side_in_shells_of_their_own)
{
    struct answer answers[10] = {{0}};

    for (int i = 0; i < 10; i++) {
        const char *argv[] = {"sleep", "0.05", NULL};
        struct world_request request = remote(argv, DEADLINE_MS);

        world_start(f.world, &request, answer_keep, &answers[i]);
    }
    for (int i = 0; i < 10; i++) {
        fixture_wait(&f, &answers[i]);
        ck_assert_msg(answers[i].outcome == WORLD_OK, "%s", answers[i].detail);
        answer_fini(&answers[i]);
    }
    until_counts("4 shells, 0 commands");
}
END_TEST

START_TEST(a_shell_that_was_forgotten_is_made_anew)
{
    ASK("hostname");
    until_counts("1 shells, 0 commands");
    lua("lab.server01.faults.forgets_shells = { true, times = 1 }");
    ASK("hostname");
    ck_assert_msg(a.outcome == WORLD_OK, "%s", a.detail);
    ck_assert_str_eq(lua("return #lab.log"), "2");
}
END_TEST

START_TEST(a_shell_that_vanishes_under_a_command_is_said)
{
    const char *argv[] = {"drip", "2", "0.1", NULL};
    struct world_request request = remote(argv, DEADLINE_MS);
    struct answer answer = {0};

    world_start(f.world, &request, answer_keep, &answer);
    until_counts("1 shells, 1 commands");
    lua("lab.server01.faults.forgets_shells = { true, times = 1 }");
    fixture_wait(&f, &answer);
    ck_assert_int_eq(answer.outcome, WORLD_UNKNOWN);
    ck_assert_msg(strstr(answer.detail, "server01: Receive: ") != NULL, "%s", answer.detail);
    answer_fini(&answer);
    ASK("hostname");
    ck_assert_int_eq(a.outcome, WORLD_OK);
}
END_TEST

START_TEST(a_command_that_does_not_end_is_ended_there)
{
    const char *argv[] = {"sleep", "600", NULL};
    struct world_request request = remote(argv, 400);

    fixture_ask(&f, &request, &a);
    ck_assert_int_eq(a.outcome, WORLD_UNKNOWN);
    ck_assert_msg(strstr(a.detail, "no end within 0.4 s") != NULL, "%s", a.detail);
    until_counts("0 shells, 0 commands");
}
END_TEST

START_TEST(a_cancelled_command_is_ended_there)
{
    const char *argv[] = {"sleep", "600", NULL};
    struct world_request request = remote(argv, DEADLINE_MS);
    struct answer answer = {0};
    uint64_t id = world_start(f.world, &request, answer_keep, &answer);

    until_counts("1 shells, 1 commands");
    world_cancel(f.world, id);
    until_counts("0 shells, 0 commands");
    ck_assert_int_eq(answer.count, 0);
}
END_TEST

START_TEST(a_request_cancelled_at_once_leaves_nothing)
{
    const char *argv[] = {"hostname", NULL};
    struct world_request request = remote(argv, DEADLINE_MS);
    struct answer answer = {0};

    world_cancel(f.world, world_start(f.world, &request, answer_keep, &answer));
    ASK("hostname");
    ck_assert_int_eq(a.outcome, WORLD_OK);
    ck_assert_str_eq(lua("return #lab.log"), "1");
}
END_TEST

START_TEST(a_reload_closes_shells)
{
    ASK("hostname");
    until_counts("1 shells, 0 commands");
    live_set_config(f.world, &f.config);
    until_counts("0 shells, 0 commands");
    ASK("hostname");
    ck_assert_int_eq(a.outcome, WORLD_OK);
}
END_TEST

/* ---- What goes wrong
 * ------------------------------------------------------------------------------ */

static const struct {
    const char *fault, *says;
} wrong[] = {
    {"denied = true", "server01: the account baton is refused"},
    {"status = 503", "HTTP status 503"},
    {"status = 404", "is WinRM what answers on port"},
    {"fault = 2147942405", "Remote Management Users"},
    {"fault = 2150859173", "raise MaxShellsPerUser"},
    {"garbage = true", "no XML, or cut off"},
    {"relates = true", "relates to another message"},
    {"down = true", "connection broken"},
};

START_TEST(what_goes_wrong_is_said)
{
    char chunk[128];

    snprintf(chunk, sizeof chunk, "lab.server01.faults = { %s }", wrong[_i].fault);
    lua(chunk);
    ASK("hostname");
    ck_assert_int_eq(a.outcome, WORLD_UNKNOWN);
    ck_assert_msg(strstr(a.detail, wrong[_i].says) != NULL, "%s", a.detail);
    lua("lab.server01.faults = {}");
    ASK("hostname");
    ck_assert_msg(a.outcome == WORLD_OK, "%s", a.detail);
}
END_TEST

START_TEST(a_host_that_dies_under_a_command_is_said)
{
    const char *argv[] = {"drip", "2", "0.1", NULL};
    struct world_request request = remote(argv, DEADLINE_MS);
    struct answer answer = {0};

    world_start(f.world, &request, answer_keep, &answer);
    until_counts("1 shells, 1 commands");
    lua("lab.server01.faults.down = true");
    fixture_wait(&f, &answer);
    ck_assert_int_eq(answer.outcome, WORLD_UNKNOWN);
    ck_assert_msg(strstr(answer.detail, "connection broken") != NULL, "%s", answer.detail);
    answer_fini(&answer);
}
END_TEST

START_TEST(nobody_listens)
{
    group.node[0].winrm.port = port_closed();
    live_set_config(f.world, &f.config);
    ASK("hostname");
    ck_assert_int_eq(a.outcome, WORLD_UNKNOWN);
    ck_assert_msg(strstr(a.detail, "connection refused") != NULL, "%s", a.detail);
}
END_TEST

/* ---- Whom to trust
 * ---------------------------------------------------------------------------------- */

static void trust(char *ca_file, char *print, char *host)
{
    group.node[0].winrm.ca_file = ca_file;
    group.node[0].winrm.fingerprint = print;
    group.node[0].winrm.host = host;
    live_set_config(f.world, &f.config);
}

START_TEST(a_certificate_is_checked)
{
    static char other[] = "00000000000000000000000000000000000000000000000000000000000000ff";

    trust(NULL, NULL, NULL);
    ASK("hostname");
    ck_assert_msg(strstr(a.detail, "certificate refused") != NULL, "%s", a.detail);
    trust(ca, NULL, right_name);
    ASK("hostname");
    ck_assert_msg(a.outcome == WORLD_OK, "%s", a.detail);
    trust(ca, NULL, wrong_name);
    ASK("hostname");
    ck_assert_int_eq(a.outcome, WORLD_UNKNOWN);
    ck_assert_msg(strstr(a.detail, "server09.lan") != NULL, "%s", a.detail);
    trust(NULL, fingerprint, wrong_name);
    ASK("hostname");
    ck_assert_msg(a.outcome == WORLD_OK, "%s", a.detail);
    trust(NULL, other, NULL);
    ASK("hostname");
    ck_assert_int_eq(a.outcome, WORLD_UNKNOWN);
    ck_assert_msg(
        strstr(a.detail, "certificate refused") != NULL || strstr(a.detail, "no TLS") != NULL, "%s",
        a.detail);
}
END_TEST

START_TEST(a_wrong_password_is_said)
{
    fixture_file(&f, "password", 0600, "other\n");
    ASK("hostname");
    ck_assert_int_eq(a.outcome, WORLD_UNKNOWN);
    ck_assert_msg(strstr(a.detail, "check user and password") != NULL, "%s", a.detail);
    ck_assert_ptr_null(strstr(a.detail, "other"));
    fixture_file(&f, "password", 0644, "other\n");
    ASK("hostname");
    ck_assert_msg(strstr(a.detail, "chmod 600") != NULL, "%s", a.detail);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("winrm");
    TCase *tcase = tcase_create("winrm"), *dead = tcase_create("host down");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tcase, up, down);
    tcase_add_checked_fixture(dead, up, down_at_once);
    tcase_set_timeout(tcase, 60);
    tcase_set_timeout(dead, 60);
    tcase_add_test(tcase, output_errors_and_exit_code_come_back);
    tcase_add_test(tcase, words_arrive_as_they_are);
    tcase_add_test(tcase, what_cmd_would_change_is_not_sent);
    tcase_add_test(tcase, standard_input_arrives_whole);
    tcase_add_test(tcase, a_flood_is_cut);
    tcase_add_test(tcase, output_is_heard_as_it_comes);
    tcase_add_test(tcase, tiny_pieces_are_put_together);
    tcase_add_test(tcase, a_shell_is_used_again);
    tcase_add_test(tcase, commands_run_side_by_side_in_shells_of_their_own);
    tcase_add_test(tcase, a_shell_that_was_forgotten_is_made_anew);
    tcase_add_test(tcase, a_shell_that_vanishes_under_a_command_is_said);
    tcase_add_test(tcase, a_command_that_does_not_end_is_ended_there);
    tcase_add_test(tcase, a_cancelled_command_is_ended_there);
    tcase_add_test(tcase, a_request_cancelled_at_once_leaves_nothing);
    tcase_add_test(tcase, a_reload_closes_shells);
    tcase_add_loop_test(dead, what_goes_wrong_is_said, 0, (int)(sizeof wrong / sizeof wrong[0]));
    tcase_add_test(dead, a_host_that_dies_under_a_command_is_said);
    tcase_add_test(tcase, nobody_listens);
    tcase_add_test(tcase, a_certificate_is_checked);
    tcase_add_test(tcase, a_wrong_password_is_said);
    suite_add_tcase(suite, tcase);
    suite_add_tcase(suite, dead);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
