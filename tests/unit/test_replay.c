/* baton replay on histories that are written here: what is the same, what differs first and
 * when, and what is said where nothing can be replayed. */
#include "journal_bench.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* The history begins at BENCH_WALL_MS, 2026-11-24 12:00:00.250. */
static struct bench bench;
static char out[1 << 16], policy_file[600];
static int code;

static void put_policy(const char *text)
{
    FILE *file;

    snprintf(policy_file, sizeof policy_file, "%s/new.lua", bench.directory);
    file = fopen(policy_file, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
    ck_assert_int_eq(chmod(policy_file, 0644), 0);
}

#define POLICY(probes, more)                                                                       \
    "return policy {\n"                                                                            \
    "  probes = { " probes " },\n"                                                                 \
    "  serving = probe.custom { every = 1, run = function(node)\n"                                 \
    "    return node:exec { command = { 'true' } }.ok end },\n" more                               \
    "  transitions = { { from = 'Standby', to = 'FailingOver',\n"                                  \
    "    when = holder_unfit_for(param.patience or 6) } },\n"                                      \
    "  stop = { action { name = 'stop it', run = function(node)\n"                                 \
    "    return node:exec { command = { 'stop' } }.ok end } },\n"                                  \
    "  start = { action { name = 'start it', run = function(node)\n"                               \
    "    return node:exec { command = { 'start' } }.ok end } },\n"                                 \
    "  settle = 5,\n"                                                                              \
    "}\n"
#define SMTP "smtp = probe.smtp { every = 1, fall = 3, rise = 2 }"

static void set_up(void)
{
    bench_start(&bench);
    put_policy(POLICY(SMTP, ""));
    bench_open(&bench);
    setenv("TZ", "UTC", 1);
    setenv("LC_ALL", "C", 1);
}

static void tear_down(void)
{
    bench_end(&bench);
}

/* ---- Writing a history ------------------------------------------------------------------- */

static void observe(int node, const char *probe, enum group_outcome outcome, const char *detail)
{
    journal_observe(
        bench.journal, bench.group.name, bench.node[node].name, probe, outcome, 2000, detail, 1,
        bench.wall_ms);
}

static void at(int second)
{
    bench.wall_ms = BENCH_WALL_MS + (int64_t)second * 1000;
}

/* Each second both nodes' smtp, each minute who serves. server01's smtp fails from `fails`
 * until `well`. */
static void seconds(int from, int to, int holder, int fails, int well)
{
    int second, node;

    for (second = from; second < to; second++) {
        at(second);
        for (node = 0; node < 2; node++) {
            bool bad = node == 0 && second >= fails && second < well;

            if (second == from || second % 60 == 0) {
                observe(
                    node, "serving", node == holder ? GROUP_OK : GROUP_FAIL,
                    node == holder ? "it runs" : "it is stopped");
            }
            observe(node, "smtp", bad ? GROUP_FAIL : GROUP_OK, bad ? "refused" : "220 hello");
        }
    }
}

static void record(
    enum group_record_kind kind, enum group_plan_kind plan, int from, int taker, const char *text)
{
    struct group_record r = bench_record(&bench, kind);

    r.plan_id = plan == GROUP_PLAN_NONE ? 0 : 1;
    r.plan_kind = (int)plan;
    r.node = taker;
    if (kind == GROUP_REC_PLAN_BEGIN) {
        r.from = from;
        r.to = taker;
    }
    snprintf(r.text, sizeof r.text, "%s", text);
    ck_assert_int_eq(bench_write(&bench, &r, 1), BATON_OK);
}

static void failover(int second, int from, int taker, const char *why)
{
    at(second);
    record(GROUP_REC_PLAN_BEGIN, GROUP_PLAN_FAILOVER, from, taker, why);
    at(second + 1);
    record(GROUP_REC_PLAN_END, GROUP_PLAN_FAILOVER, from, taker, "failover done");
}

/* server01 fails at 100 s; 6 s after it is unfit, at 102 s, the service is moved. */
static void lunch(void)
{
    seconds(0, 109, 0, 100, 300);
    failover(108, 0, 1, "server01 unfit for 6 s: smtp failed 3/3: refused");
    seconds(110, 300, 1, 100, 300);
}

/* ---- Running ------------------------------------------------------------------------------- */

static void run(char *const argv[])
{
    int fd[2], status;
    size_t used = 0;
    ssize_t n;
    pid_t pid;

    ck_assert_int_eq(pipe(fd), 0);
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        dup2(fd[1], STDOUT_FILENO);
        dup2(fd[1], STDERR_FILENO);
        close(fd[0]);
        execv(BATON_PATH, argv);
        _exit(99);
    }
    close(fd[1]);
    while ((n = read(fd[0], out + used, sizeof out - 1 - used)) > 0) {
        used += (size_t)n;
    }
    out[used] = '\0';
    close(fd[0]);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFEXITED(status), "baton died by signal %d: %s", WTERMSIG(status), out);
    code = WEXITSTATUS(status);
}

/* `baton replay FOLDER --policy NEW`, and more words. */
static void replay(const char *words)
{
    char *argv[24] = {
        (char *)"baton", (char *)"replay", bench.directory, (char *)"--policy", policy_file};
    char copy[1024], *save = NULL, *word;
    int n = 5;

    bench_close(&bench);
    snprintf(copy, sizeof copy, "%s", words);
    for (word = strtok_r(copy, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save)) {
        argv[n++] = word;
    }
    argv[n] = NULL;
    run(argv);
}

static void says(const char *part)
{
    ck_assert_msg(strstr(out, part) != NULL, "does not say \"%s\":\n%s", part, out);
}

static void says_not(const char *part)
{
    ck_assert_msg(strstr(out, part) == NULL, "says \"%s\":\n%s", part, out);
}

/* ---- Differences ----------------------------------------------------------------------------- */

START_TEST(the_same_policy_decides_the_same)
{
    lunch();
    replay("");
    ck_assert_msg(code == 0, "%s", out);
    says("2026-11-24 12:01:48.250  failover server01 -> server02  failover server01 -> server02");
    says("decisions: old 1, new 1, the same 1");
    says_not("ifference");
    says("nodes are taken from the history, the first by name preferred (server01)");
}
END_TEST

START_TEST(a_more_patient_policy_differs_and_says_why)
{
    lunch();
    replay("--set patience=30");
    ck_assert_int_eq(code, 1);
    says("2026-11-24 12:01:48.250  failover server01 -> server02  -    <- first difference");
    says("First difference, 2026-11-24 12:01:48.250\n"
         "  old  2026-11-24 12:01:48.250  failover server01 -> server02: server01 unfit for 6 s: "
         "smtp failed 3/3: refused\n"
         "  new  2026-11-24 12:01:48.250  nothing yet: server01 unfit for 6 s of 30 s: smtp failed "
         "3/3: refused\n");
    says("decisions: old 1, new 0, the same 0");
}
END_TEST

START_TEST(a_less_patient_policy_decides_earlier)
{
    lunch();
    replay("--set patience=1");
    ck_assert_int_eq(code, 1);
    says("failover server01 -> server02, 5 s earlier");
    says("new  2026-11-24 12:01:43.250  failover server01 -> server02: server01 unfit for 1 s");
    says("decisions: old 1, new 1, the same 0");
}
END_TEST

START_TEST(what_the_old_one_never_did_is_told_with_what_held_it_back)
{
    seconds(0, 50, 0, 100, 300);
    record(GROUP_REC_HOLD, GROUP_PLAN_NONE, 0, 1, "server02 is not confirmed out");
    seconds(50, 200, 0, 100, 300);
    replay("");
    ck_assert_int_eq(code, 1);
    says("-    failover server01 -> server02  <- first difference");
    says("old  nothing then: the group was on hold: server02 is not confirmed out");
    says("new  2026-11-24 12:01:48.250  failover server01 -> server02: server01 unfit for 6 s");
}
END_TEST

START_TEST(a_pause_holds_the_new_one_too)
{
    seconds(0, 50, 0, 100, 300);
    record(GROUP_REC_PAUSE, GROUP_PLAN_NONE, 0, GROUP_NOBODY, "pause by root: work");
    seconds(50, 200, 0, 100, 300);
    replay("");
    ck_assert_msg(code == 0, "%s", out);
    says("decisions: old 0, new 0");
}
END_TEST

START_TEST(the_holder_that_was_is_followed_and_nothing_is_said_twice)
{
    lunch();
    seconds(300, 400, 1, 0, 0);
    seconds(400, 460, 0, 0, 0); /* moved by a hand */
    seconds(460, 600, 0, 500, 600);
    failover(508, 0, 1, "server01 unfit for 6 s: smtp failed 3/3: refused");
    replay("");
    ck_assert_int_eq(code, 0);
    says("decisions: old 2, new 2, the same 2");
}
END_TEST

START_TEST(a_start_with_nobody_serving_is_compared_too)
{
    seconds(0, 5, -1, 1000, 1000);
    at(5);
    record(
        GROUP_REC_PLAN_BEGIN, GROUP_PLAN_START, GROUP_NOBODY, 0,
        "nobody serves, server01 is the preferred fit node");
    record(GROUP_REC_PLAN_END, GROUP_PLAN_START, GROUP_NOBODY, 0, "start done");
    seconds(6, 100, 0, 1000, 1000);
    replay("");
    ck_assert_msg(code == 0, "%s", out);
    says("12:00:05.250  start on server01  start on server01");
    says("decisions: old 1, new 1, the same 1");
}
END_TEST

START_TEST(an_operators_command_is_shown_and_not_compared)
{
    seconds(0, 100, 0, 300, 300);
    at(100);
    record(GROUP_REC_PLAN_BEGIN, GROUP_PLAN_MOVE, 0, 1, "failover by root via socket: update");
    at(104);
    record(GROUP_REC_PLAN_END, GROUP_PLAN_MOVE, 0, 1, "move done");
    seconds(105, 200, 1, 300, 300);
    replay("");
    ck_assert_msg(code == 0, "%s", out);
    says("move server01 -> server02  -    an operator's command");
    says("decisions: old 0, new 0, the same 0");
}
END_TEST

START_TEST(a_handover_on_its_way_is_no_reason_to_start_anything)
{
    int second;

    seconds(0, 100, 0, 300, 300);
    at(100);
    record(GROUP_REC_PLAN_BEGIN, GROUP_PLAN_MOVE, 0, 1, "failover by root via socket");
    for (second = 100; second < 130; second++) { /* it takes long to stop and to start */
        at(second);
        observe(0, "serving", GROUP_FAIL, "stopped");
        observe(1, "serving", GROUP_FAIL, "stopped");
        observe(0, "smtp", GROUP_OK, "");
        observe(1, "smtp", GROUP_OK, "");
    }
    record(GROUP_REC_PLAN_END, GROUP_PLAN_MOVE, 0, 1, "move done");
    seconds(130, 200, 1, 300, 300);
    replay("");
    ck_assert_msg(code == 0, "%s", out);
    says("old 0, new 0");
}
END_TEST

/* ---- What the history can't tell ---------------------------------------------------------------
 */

START_TEST(probes_without_a_recording_are_named)
{
    put_policy(POLICY(
        SMTP ", web = probe.http { every = 5 }",
        "  fit = function(node) return node.smtp.ok and not node.web.failed end,\n"));
    lunch();
    observe(0, "imap", GROUP_OK, "");
    replay("");
    says("note: web is not recorded: to the new policy it is unknown");
    says("note: imap is recorded, and not asked by the new policy");
}
END_TEST

START_TEST(a_slower_policy_sees_less)
{
    put_policy(POLICY("smtp = probe.smtp { every = 5, fall = 3, rise = 2 }", ""));
    lunch();
    replay("");
    ck_assert_int_eq(code, 1);
    says("nothing yet: server01 holds the baton and is fit");
    says("observations came sooner than the new policy would ask: left out");
}
END_TEST

START_TEST(a_quicker_policy_is_told_that_it_would_see_more)
{
    put_policy(POLICY("smtp = probe.smtp { every = 0.2, fall = 3, rise = 2 }", ""));
    lunch();
    replay("");
    says("note: smtp is recorded every 1 s, and asked every 200 ms by the new policy");
}
END_TEST

START_TEST(after_a_gap_it_is_looked_at_afresh)
{
    seconds(0, 101, 0, 98, 101); /* the last that was seen: failed 3/3 */
    seconds(1000, 1100, 0, 2000, 2000);
    replay("");
    ck_assert_msg(code == 0, "%s", out);
    says("nothing was recorded for minutes, 1 time: looked at afresh after it");
}
END_TEST

START_TEST(a_policy_that_breaks_on_the_way_is_told)
{
    put_policy(POLICY(SMTP, "  fit = function(node) return node.smtp.ok or error 'oh' end,\n"));
    lunch();
    replay("");
    ck_assert_int_eq(code, 1);
    says("the new policy broke a rule at 2026-11-24 12:0");
    says("new.lua:5: oh");
}
END_TEST

START_TEST(a_span_of_time_is_chosen)
{
    lunch();
    replay("--until 2026-11-24T12:01:30Z");
    ck_assert_int_eq(code, 0);
    says("2026-11-24 12:00:00.250 to 2026-11-24 12:01:29.250");
    says("decisions: old 0, new 0");
    replay("--since 2026-11-24T12:01:00Z --until 2026-11-24T12:03:00Z");
    ck_assert_int_eq(code, 0);
    says("decisions: old 1, new 1, the same 1");
}
END_TEST

START_TEST(as_json_it_keeps_its_names)
{
    json_t *json, *row;
    int same, first, old, new, both;

    lunch();
    replay("--set patience=30 --json");
    ck_assert_int_eq(code, 1);
    json = json_loads(out, 0, NULL);
    ck_assert_msg(json != NULL, "%s", out);
    ck_assert_int_eq(
        json_unpack(
            json, "{s:b,s:i,s:i,s:i,s:i}", "same", &same, "first", &first, "old", &old, "new", &new,
            "both", &both),
        0);
    ck_assert(!same && first == 0 && old == 1 && new == 0 && both == 0);
    row = json_array_get(json_object_get(json, "rows"), 0);
    ck_assert(json_is_null(json_object_get(row, "new")));
    row = json_object_get(row, "old");
    ck_assert_str_eq(json_string_value(json_object_get(row, "time")), "2026-11-24T12:01:48.250Z");
    ck_assert_str_eq(json_string_value(json_object_get(row, "taker")), "server02");
    ck_assert_str_eq(
        json_string_value(json_object_get(row, "other")),
        "server01 unfit for 6 s of 30 s: smtp failed 3/3: refused");
    json_decref(json);
}
END_TEST

START_TEST(a_configuration_says_who_is_preferred)
{
    char file[600], text[1200], words[700];
    FILE *config;

    snprintf(file, sizeof file, "%s/baton.xml", bench.directory);
    snprintf(
        text, sizeof text,
        "<baton><lua directory=\"%s/lua\"/><group name=\"mail\"><policy file=\"%s\">"
        "<set name=\"patience\" value=\"30\"/></policy>"
        "<node name=\"server01\" address=\"10.0.0.1\" priority=\"1\"><ssh/></node>"
        "<node name=\"server02\" address=\"10.0.0.2\" priority=\"2\"><ssh/></node>"
        "</group></baton>\n",
        SOURCE_DIR, policy_file);
    config = fopen(file, "w");
    ck_assert_ptr_nonnull(config);
    fputs(text, config);
    fclose(config);
    ck_assert_int_eq(chmod(file, 0644), 0);
    lunch();
    snprintf(words, sizeof words, "--config %s", file);
    replay(words);
    ck_assert_int_eq(code, 1); /* its parameters count */
    says("unfit for 6 s of 30 s");
    says_not("taken from the history");
    snprintf(words, sizeof words, "--config %s --set patience=6", file);
    replay(words);
    ck_assert_int_eq(code, 0);
    replay("--config /nowhere.xml");
    ck_assert_int_eq(code, 2);
    says("/nowhere.xml");
}
END_TEST

/* ---- What can't be replayed
 * ------------------------------------------------------------------------ */

START_TEST(an_empty_history_is_an_error)
{
    replay("");
    ck_assert_int_eq(code, 2);
    says("nothing is recorded in it yet");
}
END_TEST

START_TEST(a_history_without_observations_is_an_error)
{
    record(GROUP_REC_NOTE, GROUP_PLAN_NONE, 0, GROUP_NOBODY, "so");
    replay("");
    ck_assert_int_eq(code, 2);
    says("no observation of group mail is kept");
}
END_TEST

START_TEST(a_history_that_does_not_say_who_served_is_an_error)
{
    observe(0, "smtp", GROUP_OK, "");
    replay("");
    ck_assert_int_eq(code, 2);
    says("who served is not recorded");
}
END_TEST

START_TEST(a_wrong_file_is_an_error)
{
    char *argv[] = {(char *)"baton",    (char *)"replay", policy_file,
                    (char *)"--policy", policy_file,      NULL};

    run(argv);
    ck_assert_int_eq(code, 2);
    says("new.lua");
    argv[2] = (char *)"/nowhere/journal.db";
    run(argv);
    ck_assert_int_eq(code, 2);
    says("/nowhere/journal.db");
    argv[3] = NULL;
    run(argv);
    ck_assert_int_eq(code, 2);
    says("--policy FILE");
}
END_TEST

START_TEST(an_unknown_group_and_a_choice_of_several_are_errors)
{
    seconds(0, 10, 0, 100, 100);
    snprintf(bench.group.name, sizeof bench.group.name, "web");
    seconds(0, 10, 0, 100, 100);
    replay("--group wab");
    ck_assert_int_eq(code, 2);
    says("nothing is recorded of group wab; there is: mail, web");
    replay("");
    ck_assert_int_eq(code, 2);
    says("has several groups; say which with --group: mail, web");
    replay("--group web");
    ck_assert_msg(code == 0, "%s", out);
}
END_TEST

START_TEST(a_broken_policy_is_an_error_with_file_and_line)
{
    put_policy("return policy {\n  probes = }\n");
    lunch();
    replay("");
    ck_assert_int_eq(code, 2);
    says("new.lua:2:");
    replay("--since yesterday");
    ck_assert_int_eq(code, 2);
    says("--since yesterday: say how long ago");
    replay("--json");
    ck_assert_int_eq(code, 2);
    says("\"ok\":false");
}
END_TEST

START_TEST(a_time_in_which_nothing_was_observed_is_an_error)
{
    lunch();
    replay("--since 2027-01-01T00:00:00Z");
    ck_assert_int_eq(code, 2);
    says("nothing was observed of group mail in this time");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("replay");
    TCase *tcase = tcase_create("replay");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, the_same_policy_decides_the_same);
    tcase_add_test(tcase, a_more_patient_policy_differs_and_says_why);
    tcase_add_test(tcase, a_less_patient_policy_decides_earlier);
    tcase_add_test(tcase, what_the_old_one_never_did_is_told_with_what_held_it_back);
    tcase_add_test(tcase, a_pause_holds_the_new_one_too);
    tcase_add_test(tcase, the_holder_that_was_is_followed_and_nothing_is_said_twice);
    tcase_add_test(tcase, a_start_with_nobody_serving_is_compared_too);
    tcase_add_test(tcase, an_operators_command_is_shown_and_not_compared);
    tcase_add_test(tcase, a_handover_on_its_way_is_no_reason_to_start_anything);
    tcase_add_test(tcase, probes_without_a_recording_are_named);
    tcase_add_test(tcase, a_slower_policy_sees_less);
    tcase_add_test(tcase, a_quicker_policy_is_told_that_it_would_see_more);
    tcase_add_test(tcase, after_a_gap_it_is_looked_at_afresh);
    tcase_add_test(tcase, a_policy_that_breaks_on_the_way_is_told);
    tcase_add_test(tcase, a_span_of_time_is_chosen);
    tcase_add_test(tcase, as_json_it_keeps_its_names);
    tcase_add_test(tcase, a_configuration_says_who_is_preferred);
    tcase_add_test(tcase, an_empty_history_is_an_error);
    tcase_add_test(tcase, a_history_without_observations_is_an_error);
    tcase_add_test(tcase, a_history_that_does_not_say_who_served_is_an_error);
    tcase_add_test(tcase, a_wrong_file_is_an_error);
    tcase_add_test(tcase, an_unknown_group_and_a_choice_of_several_are_errors);
    tcase_add_test(tcase, a_broken_policy_is_an_error_with_file_and_line);
    tcase_add_test(tcase, a_time_in_which_nothing_was_observed_is_an_error);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
