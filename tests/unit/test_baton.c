/* The command line as a person or a script meets it: text, JSON, exit codes, in a pipe
 * and on a terminal, against the real control socket over scripted controllers. */
#include "fake_daemon.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64], path[100];
static pid_t daemon_pid;

static char out[1 << 18]; /* what the last run wrote */
static int code;          /* and its exit code */

/* ---- The daemon ----------------------------------------------------------------------- */

static void serve(int ready, bool shared)
{
    struct event_base *base = event_base_new();
    struct fake *fake;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    fake = fake_new(base, path);
    if (shared) {
        fake_share(fake);
    }
    if (write(ready, "r", 1) == 1) {
        event_base_dispatch(base);
    }
    _exit(0);
}

static void start_fake(bool shared)
{
    int ready[2];
    char byte;

    ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
    daemon_pid = fork();
    ck_assert_int_ge(daemon_pid, 0);
    if (daemon_pid == 0) {
        serve(ready[1], shared);
    }
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
}

static void set_up(void)
{

    snprintf(folder, sizeof folder, "/tmp/baton-cli-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/control.sock", folder);
    setenv("BATON_SOCKET", path, 1);
    setenv("TERM", "xterm", 1);
    setenv("TZ", "UTC", 1);
    unsetenv("NO_COLOR");
    unsetenv("SUDO_USER");
    start_fake(false);
}

/* In the place of the daemon that set_up has started: one of several Batons. */
static void share(void)
{
    kill(daemon_pid, SIGKILL);
    waitpid(daemon_pid, NULL, 0);
    start_fake(true);
}

static void tear_down(void)
{
    kill(daemon_pid, SIGKILL);
    waitpid(daemon_pid, NULL, 0);
    unlink(path);
    rmdir(folder);
}

/* ---- Running -------------------------------------------------------------------------- */

static void collect(int fd, pid_t pid, const char *until, const char *then)
{
    size_t used = 0;
    int status;

    out[0] = '\0';
    while (used + 1 < sizeof out) {
        ssize_t n = read(fd, out + used, sizeof out - 1 - used);

        if (n <= 0) { /* a terminal whose other side has closed says EIO */
            break;
        }
        used += (size_t)n;
        out[used] = '\0';
        if (until != NULL && strstr(out, until) != NULL) {
            ck_assert_int_eq(write(fd, then, strlen(then)), (ssize_t)strlen(then));
            until = NULL;
        }
    }
    close(fd);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFEXITED(status), "baton died by signal %d: %s", WTERMSIG(status), out);
    code = WEXITSTATUS(status);
}

static void split(char *words, char **argv, int max)
{
    int n = 0;
    char *save = NULL, *word;

    argv[n++] = (char *)"baton";
    for (word = strtok_r(words, " ", &save); word != NULL && n + 1 < max;
         word = strtok_r(NULL, " ", &save)) {
        argv[n++] = word;
    }
    argv[n] = NULL;
}

/* Both streams go to `out`; words are split at blanks. */
static void run(const char *words)
{
    char copy[512], *argv[32];
    int fd[2];
    pid_t pid;

    snprintf(copy, sizeof copy, "%s", words);
    split(copy, argv, 32);
    ck_assert_int_eq(pipe2(fd, O_CLOEXEC), 0);
    pid = fork();
    if (pid == 0) {
        dup2(fd[1], STDOUT_FILENO);
        dup2(fd[1], STDERR_FILENO);
        execv(BATON_PATH, argv);
        _exit(99);
    }
    close(fd[1]);
    collect(fd[0], pid, NULL, NULL);
}

/* On a terminal; once `until` has been seen, `then` is typed. */
static void run_terminal(const char *words, const char *until, const char *then)
{
    struct winsize size = {.ws_row = 40, .ws_col = 120};
    char copy[512], *argv[32];
    int fd;
    pid_t pid;

    snprintf(copy, sizeof copy, "%s", words);
    split(copy, argv, 32);
    pid = forkpty(&fd, NULL, NULL, &size);
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        execv(BATON_PATH, argv);
        _exit(99);
    }
    collect(fd, pid, until, then);
}

static void says(const char *part)
{
    ck_assert_msg(strstr(out, part) != NULL, "does not say \"%s\":\n%s", part, out);
}

static void says_not(const char *part)
{
    ck_assert_msg(strstr(out, part) == NULL, "says \"%s\":\n%s", part, out);
}

static json_t *as_json(void)
{
    json_error_t error;
    json_t *json = json_loads(out, 0, &error);

    ck_assert_msg(json != NULL, "no JSON (%s):\n%s", error.text, out);
    return json;
}

/* ---- Looking -------------------------------------------------------------------------- */

START_TEST(status_says_who_holds_it_and_why_it_stays)
{
    run("status mail");
    ck_assert_int_eq(code, 0);
    says("mail  held by server01, Active for 1 min, epoch 7");
    says("* server01");
    says("Standby");
    says("server02 -> FailingOver: the holder server01 is fit");
    says_not("\033");
    says_not("HOLD");
}
END_TEST

START_TEST(status_of_a_hold_says_what_to_do)
{
    run("status empty");
    says("held by nobody");
    says("HOLD for 1 min 30 s  server01 can't be confirmed out");
    says("baton confirm-out empty server01 --reason");
}
END_TEST

START_TEST(status_among_peers_says_how_the_lease_stands)
{
    share();
    run("status mail");
    ck_assert_int_eq(code, 0);
    says("this is server02; the Baton of server01 decides");
    says("renewed 1.1 s ago at https://10.9.0.11:2379, 1204 times and 2 failed");
    says("guardian  armed, stops it in 8.9 s unless told otherwise");
    says("BATON");
    says("alive, on hold (moves)");
    says_not("failsafe");
    run("why mail");
    says("the Baton of server01 decides");
    run("status empty");
    says_not("BATON");
    says_not("lease");
}
END_TEST

START_TEST(what_is_passed_on_says_to_whom)
{
    share();
    run("failover mail --to server02");
    ck_assert_int_eq(code, 0);
    says("the move of mail is passed on to the Baton of server01; follow it with: baton status "
         "mail");
    run("pause mail");
    says("the pause of mail is passed on to the Baton of server01; see: baton status mail");
    says_not("paused:");
}
END_TEST

START_TEST(status_is_coloured_on_a_terminal_only)
{
    run_terminal("status mail", NULL, NULL);
    ck_assert_int_eq(code, 0);
    says("\033[32mActive");
    setenv("NO_COLOR", "1", 1);
    run_terminal("status mail", NULL, NULL);
    says("Active");
    says_not("\033[32m");
}
END_TEST

START_TEST(status_as_json_keeps_its_names)
{
    json_t *json;

    run("status --json");
    json = as_json();
    ck_assert_str_eq(
        json_string_value(
            json_object_get(json_array_get(json_object_get(json, "groups"), 0), "holder")),
        "server01");
    json_decref(json);
}
END_TEST

START_TEST(why_gives_the_guards_reason)
{
    run("why mail");
    ck_assert_int_eq(code, 0);
    says("server02 -> FailingOver: the holder server01 is fit");
}
END_TEST

START_TEST(history_prints_rows_and_reads_times)
{
    run("history mail --since 2h");
    ck_assert_int_eq(code, 0);
    says("2025-11-24T21:59:00.120Z");
    says("server01");
    says("start-up: adopted");
    run("history --since yesterday");
    ck_assert_int_eq(code, 2);
    says("30m, 2h, 3d");
    run("history --limit 0");
    ck_assert_int_eq(code, 2);
}
END_TEST

START_TEST(watch_on_a_terminal_leaves_on_q)
{
    run_terminal("status mail --watch", "held by", "q");
    ck_assert_int_eq(code, 0);
    says("\033[?1049h");
    says("\033[?1049l");
}
END_TEST

/* ---- Moving --------------------------------------------------------------------------- */

START_TEST(a_move_shows_its_steps_in_plain_words_in_a_pipe)
{
    run("failover mail --to server02 --wait");
    ck_assert_int_eq(code, 0);
    says("move of mail from server01 to server02\n");
    says("running 1/3 stop: smtpd on server01\n");
    says("done    1/3 stop: smtpd on server01, 120 ms\n");
    says("done    2/3 grant on server02");
    says("done    3/3 start: smtpd on server02, 120 ms\n");
    says("server02 holds mail now, epoch 8");
    says_not("\033");
    says_not("✓");
}
END_TEST

START_TEST(a_move_shows_signs_on_a_terminal)
{
    run_terminal("failover mail --to server02 --wait", NULL, NULL);
    ck_assert_int_eq(code, 0);
    says("✓");
    says("3/3 start: smtpd on server02, 120 ms");
}
END_TEST

START_TEST(a_move_that_fails_ends_with_1_and_the_reason)
{
    run("failover mail --reason break --wait");
    ck_assert_int_eq(code, 1);
    says("failed  1/3 stop: smtpd on server01, 120 ms: smtpd on server01: fail: exit code 1");
    says("refused: failover to server02 cancelled");
}
END_TEST

START_TEST(a_move_as_json_is_one_line_an_event)
{
    char *line, *save = NULL;
    int lines = 0;

    run("failover mail --to server02 --wait --json");
    ck_assert_int_eq(code, 0);
    for (line = strtok_r(out, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
        json_t *json = json_loads(line, 0, NULL);

        ck_assert_msg(json != NULL, "no JSON: %s", line);
        json_decref(json);
        lines++;
    }
    ck_assert_int_eq(lines, 8);
}
END_TEST

START_TEST(refusals_and_unknown_names_end_with_1)
{
    run("failover mail --to server01");
    ck_assert_int_eq(code, 1);
    says("server01 holds the baton already");
    run("pause nothing");
    ck_assert_int_eq(code, 1);
    says("there is: mail, empty");
    run("pause nothing --json");
    ck_assert_int_eq(code, 1);
    says("{\"ok\":false,\"error\":{\"code\":\"not-found\"");
}
END_TEST

START_TEST(the_short_commands_say_what_they_did)
{
    run("pause mail --reason x");
    ck_assert_int_eq(code, 0);
    says("mail: paused");
    run("resume mail");
    says("mail: resumed");
    run("confirm-out mail server02 --reason unplugged");
    ck_assert_int_eq(code, 0);
    run("reload");
    ck_assert_int_eq(code, 0);
    says("reloaded");
    run("reload");
    ck_assert_int_eq(code, 0);
    says("mail.lua:9: warning: odd\nreloaded");
}
END_TEST

/* ---- Usage ---------------------------------------------------------------------------- */

START_TEST(misuse_ends_with_2_and_shows_the_usage)
{
    run("");
    ck_assert_int_eq(code, 2);
    run("dance");
    ck_assert_int_eq(code, 2);
    says("no command \"dance\"");
    run("failover");
    ck_assert_int_eq(code, 2);
    says("usage: baton failover GROUP");
    run("status --force");
    ck_assert_int_eq(code, 2);
    says("--force is no option of baton status");
    run("failover mail --force");
    ck_assert_int_eq(code, 2);
    says("name the risk with --reason");
    run("confirm-out mail server01");
    ck_assert_int_eq(code, 2);
    run("fsm --format png");
    ck_assert_int_eq(code, 2);
    says("text, dot and svg");
}
END_TEST

START_TEST(every_command_has_help_with_an_example)
{
    static const char *const commands[] = {"status",      "why",    "failover",    "failback",
                                           "pause",       "resume", "history",     "fsm",
                                           "confirm-out", "reload", "policy check"};
    size_t i;

    for (i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        char words[64], example[64];

        snprintf(words, sizeof words, "%s --help", commands[i]);
        snprintf(example, sizeof example, "  baton %s", commands[i]);
        run(words);
        ck_assert_int_eq(code, 0);
        says("xample");
        says(example);
    }
}
END_TEST

START_TEST(no_daemon_ends_with_3_and_says_what_to_do)
{
    run("status --socket /nonexistent/control.sock");
    ck_assert_int_eq(code, 3);
    says("can't reach batond at /nonexistent/control.sock");
    says("systemctl status batond");
    run("status --socket /nonexistent/control.sock --json");
    ck_assert_int_eq(code, 3);
    says("\"code\":\"unreachable\"");
}
END_TEST

START_TEST(the_machine_is_printed_without_a_daemon)
{
    json_t *json;

    run("fsm --socket /nonexistent");
    ck_assert_int_eq(code, 0);
    says("FailingOver");
    run("fsm --format dot");
    says("digraph baton");
    run("fsm --json");
    json = as_json();
    ck_assert_uint_gt(json_array_size(json), 10);
    json_decref(json);
}
END_TEST

START_TEST(svg_without_graphviz_says_what_to_install)
{
    const char *now = getenv("PATH");
    char *before = strdup(now != NULL ? now : "");

    setenv("PATH", "/nonexistent", 1);
    run("fsm --format svg");
    setenv("PATH", before, 1);
    free(before);
    ck_assert_int_eq(code, 1);
    says("apt install graphviz");
}
END_TEST

START_TEST(a_bad_policy_is_refused_with_file_and_line)
{
    char file[128], words[256];
    FILE *policy;

    snprintf(file, sizeof file, "%s/bad.lua", folder);
    policy = fopen(file, "w");
    fputs("return policy {\n  probes = }\n", policy);
    fclose(policy);
    chmod(file, 0644);
    snprintf(words, sizeof words, "policy check %s", file);
    run(words);
    ck_assert_int_eq(code, 1);
    says("bad.lua:2:");
    chmod(file, 0666);
    run(words);
    ck_assert_int_eq(code, 1);
    says("chmod o-w");
    unlink(file);
    run(words);
    ck_assert_int_eq(code, 1);
    says("No such file");
}
END_TEST

START_TEST(a_policy_is_checked_with_its_settings)
{
    run("policy check " SOURCE_DIR "/policies/generic-service.lua --set unit=db.service --set "
        "port=5432");
    ck_assert_int_eq(code, 0);
    says("start db.service");
    run("policy check " SOURCE_DIR "/policies/generic-service.lua --set unit");
    ck_assert_int_eq(code, 2);
    says("--set takes NAME=VALUE");
    run("--json policy check " SOURCE_DIR "/policies/generic-service.lua --set colour=red");
    ck_assert_int_eq(code, 1);
    says("this policy has no such setting");
}
END_TEST

/* It never says that a node serves. */
START_TEST(a_policy_that_fails_when_explored_is_refused_with_a_scenario)
{
    char file[128], scenario[128], words[512];
    json_t *json, *found;
    FILE *policy;

    snprintf(file, sizeof file, "%s/blind.lua", folder);
    snprintf(scenario, sizeof scenario, "%s/blind-found.lua", folder);
    policy = fopen(file, "w");
    fputs(
        "local function act(verb) return action { name = verb, effect = 'service.' .. verb,\n"
        "  run = function(node)\n"
        "    return node:exec { command = { 'true' }, effect = 'service.' .. verb } end } end\n"
        "return policy {\n"
        "  serving = function() return false end,\n"
        "  transitions = { { from = 'Standby', to = 'FailingOver', when = holder_unfit_for(6) } "
        "},\n"
        "  stop = { act 'stop' }, start = { act 'start' },\n"
        "}\n",
        policy);
    fclose(policy);
    chmod(file, 0644);
    snprintf(words, sizeof words, "policy check %s --json --out %s", file, scenario);
    run(words);
    ck_assert_int_eq(code, 1);
    json = as_json();
    found = json_object_get(json_object_get(json, "exploration"), "found");
    ck_assert(json_is_false(json_object_get(json, "ok")));
    ck_assert_ptr_nonnull(strstr(
        json_string_value(json_object_get(json_object_get(json, "error"), "text")),
        "blind.lua:5: exploration: "));
    ck_assert(json_is_string(json_object_get(found, "scenario")));
    ck_assert_int_eq(access(scenario, R_OK), 0);
    json_decref(json);
    snprintf(words, sizeof words, "policy check %s", file);
    run(words);
    ck_assert_int_eq(code, 1);
    says("loads, but fails when it is explored");
    says("written by --out FILE");
    unlink(file);
    unlink(scenario);
}
END_TEST

/* A policy whose one start action is odd in ways that lint sees. */
static void put_odd_policy(char *file, size_t size)
{
    FILE *policy;

    snprintf(file, size, "%s/odd.lua", folder);
    policy = fopen(file, "w");
    fputs(
        "local function run(node) return node:exec { command = { 'true' } } end\n"
        "return policy {\n"
        "  serving = function(node) return node:exec { command = { 'true' } }.ok end,\n"
        "  transitions = { { from = 'Standby', to = 'FailingOver', when = holder_unfit_for(6) } "
        "},\n"
        "  stop = { action { name = 'halt', run = run, effect = 'service.stop' } },\n"
        "  start = { action { name = 'go', run = run } },\n"
        "}\n",
        policy);
    fclose(policy);
    chmod(file, 0644);
}

START_TEST(what_is_odd_about_a_policy_is_a_warning_and_with_strict_an_error)
{
    char file[128], words[256];
    json_t *json, *warnings;

    put_odd_policy(file, sizeof file);
    snprintf(words, sizeof words, "policy check %s", file);
    run(words);
    ck_assert_int_eq(code, 0);
    says("odd.lua: good, with 4 warnings");
    says("odd.lua:6: warning: start action go: without a look");
    says("not explored");
    snprintf(words, sizeof words, "policy check %s --strict", file);
    run(words);
    ck_assert_int_eq(code, 1);
    says("4 warnings, and --strict is given");
    snprintf(words, sizeof words, "policy check %s --strict --json", file);
    run(words);
    ck_assert_int_eq(code, 1);
    json = as_json();
    warnings = json_object_get(json, "warnings");
    ck_assert(json_is_false(json_object_get(json, "ok")));
    ck_assert_uint_eq(json_array_size(warnings), 4);
    ck_assert_int_eq(json_integer_value(json_object_get(json_array_get(warnings, 1), "line")), 6);
    ck_assert(json_is_null(json_object_get(json, "exploration")));
    json_decref(json);
    unlink(file);
}
END_TEST

START_TEST(a_policy_is_explored_for_as_long_as_is_said)
{
    json_t *json, *exploration;

    run("policy check " SOURCE_DIR "/policies/postfix-floating-ip.lua --time 1 --json");
    ck_assert_int_eq(code, 0);
    json = as_json();
    exploration = json_object_get(json, "exploration");
    ck_assert_int_gt(json_integer_value(json_object_get(exploration, "runs")), 0);
    ck_assert_int_eq(json_integer_value(json_object_get(exploration, "faults")), 1);
    ck_assert(json_is_boolean(json_object_get(exploration, "complete")));
    ck_assert(json_is_null(json_object_get(exploration, "found")));
    ck_assert_uint_eq(json_array_size(json_object_get(json, "warnings")), 0);
    json_decref(json);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("baton");
    TCase *tcase = tcase_create("command line");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, status_says_who_holds_it_and_why_it_stays);
    tcase_add_test(tcase, status_of_a_hold_says_what_to_do);
    tcase_add_test(tcase, status_among_peers_says_how_the_lease_stands);
    tcase_add_test(tcase, what_is_passed_on_says_to_whom);
    tcase_add_test(tcase, status_is_coloured_on_a_terminal_only);
    tcase_add_test(tcase, status_as_json_keeps_its_names);
    tcase_add_test(tcase, why_gives_the_guards_reason);
    tcase_add_test(tcase, history_prints_rows_and_reads_times);
    tcase_add_test(tcase, watch_on_a_terminal_leaves_on_q);
    tcase_add_test(tcase, a_move_shows_its_steps_in_plain_words_in_a_pipe);
    tcase_add_test(tcase, a_move_shows_signs_on_a_terminal);
    tcase_add_test(tcase, a_move_that_fails_ends_with_1_and_the_reason);
    tcase_add_test(tcase, a_move_as_json_is_one_line_an_event);
    tcase_add_test(tcase, refusals_and_unknown_names_end_with_1);
    tcase_add_test(tcase, the_short_commands_say_what_they_did);
    tcase_add_test(tcase, misuse_ends_with_2_and_shows_the_usage);
    tcase_add_test(tcase, every_command_has_help_with_an_example);
    tcase_add_test(tcase, no_daemon_ends_with_3_and_says_what_to_do);
    tcase_add_test(tcase, the_machine_is_printed_without_a_daemon);
    tcase_add_test(tcase, svg_without_graphviz_says_what_to_install);
    tcase_add_test(tcase, a_bad_policy_is_refused_with_file_and_line);
    tcase_add_test(tcase, a_policy_is_checked_with_its_settings);
    tcase_add_test(tcase, what_is_odd_about_a_policy_is_a_warning_and_with_strict_an_error);
    tcase_add_test(tcase, a_policy_that_fails_when_explored_is_refused_with_a_scenario);
    tcase_add_test(tcase, a_policy_is_explored_for_as_long_as_is_said);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
