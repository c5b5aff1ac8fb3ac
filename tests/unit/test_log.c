#include "world/live/log.h"

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char text[LOG_LINE_MAX];

START_TEST(a_line_names_time_level_group_node_event_and_text)
{
    struct world_log line = {
        .level = WORLD_INFO,
        .group = "mail",
        .node = "server01",
        .event = "step",
        .text = "stop smtp: done",
    };

    log_format(CONFIG_LOG_STDERR, INT64_C(1700000000007), &line, text, sizeof text);
    ck_assert_str_eq(
        text, "time=2023-11-14T22:13:20.007Z level=info group=mail node=server01 event=step "
              "text=\"stop smtp: done\"");
}
END_TEST

START_TEST(journald_gets_a_priority_and_syslog_a_plain_line)
{
    struct world_log line = {.level = WORLD_WARNING, .event = "hold", .text = "x"};

    log_format(CONFIG_LOG_JOURNALD, 1, &line, text, sizeof text);
    ck_assert_str_eq(text, "<4>level=warning event=hold text=\"x\"");
    line.level = WORLD_ALERT;
    log_format(CONFIG_LOG_JOURNALD, 1, &line, text, sizeof text);
    ck_assert_str_eq(text, "<1>level=alert event=hold text=\"x\"");
    log_format(CONFIG_LOG_SYSLOG, 1, &line, text, sizeof text);
    ck_assert_str_eq(text, "level=alert event=hold text=\"x\"");
}
END_TEST

START_TEST(what_a_server_says_can_not_forge_a_line)
{
    struct world_log line = {
        .level = WORLD_INFO,
        .node = "a b\"c",
        .event = "probe",
        .text = "ok\nlevel=alert \"q\" \\ \x1b[2J\ttab ü",
    };

    log_format(CONFIG_LOG_SYSLOG, 1, &line, text, sizeof text);
    ck_assert_str_eq(
        text, "level=info node=\"a b\\\"c\" event=probe "
              "text=\"ok\\nlevel=alert \\\"q\\\" \\\\ \\x1b[2J\\ttab ü\"");
}
END_TEST

START_TEST(a_long_line_is_cut_and_marked)
{
    char longer[3 * LOG_LINE_MAX];
    struct world_log line = {.level = WORLD_INFO, .event = "x", .text = longer};
    size_t len;

    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = 0;
    len = log_format(CONFIG_LOG_STDERR, 1, &line, text, sizeof text);
    ck_assert_uint_eq(len, strlen(text));
    ck_assert_uint_eq(len, sizeof text - 1);
    ck_assert_str_eq(text + len - strlen("a…\""), "a…\"");
}
END_TEST

static int ends[2];

static struct log *open_log(enum world_level level)
{
    struct log *log = NULL;
    struct baton_error error;

    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    ck_assert_int_eq(log_new(CONFIG_LOG_STDERR, level, ends[1], &log, &error), BATON_OK);
    return log;
}

static void say(struct log *log, enum world_level level, int number)
{
    char sentence[300];
    struct world_log line = {.level = level, .event = "test", .text = sentence};

    snprintf(sentence, sizeof sentence, "line %d %0200d", number, 0);
    log_write(log, &line);
}

/* Everything in the pipe, once its other end is closed; counts lines. */
static int read_lines(char *last, size_t size, long *dropped)
{
    FILE *file = fdopen(ends[0], "r");
    char line[LOG_LINE_MAX + 1];
    const char *at;
    int n = 0, number;

    ck_assert_ptr_nonnull(file);
    *dropped = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        if ((at = strstr(line, "text=\"line ")) != NULL) {
            number = (int)strtol(at + 11, NULL, 10);
            ck_assert_int_ge(number, n); /* in order */
            n++;
        } else if ((at = strstr(line, "lines dropped")) != NULL) {
            while (at > line && at[-1] != '"') {
                at--;
            }
            *dropped += strtol(at, NULL, 10);
        }
        snprintf(last, size, "%s", line);
    }
    fclose(file);
    return n;
}

START_TEST(lines_come_out_whole_and_in_order)
{
    struct log *log = open_log(WORLD_INFO);
    char last[LOG_LINE_MAX + 1];
    long dropped;
    int i;

    for (i = 0; i < 100; i++) {
        say(log, WORLD_INFO, i);
    }
    log_free(log, 10000);
    close(ends[1]);
    ck_assert_int_eq(read_lines(last, sizeof last, &dropped), 100);
    ck_assert_int_eq(dropped, 0);
}
END_TEST

START_TEST(lines_below_the_level_are_not_written)
{
    struct log *log = open_log(WORLD_WARNING);
    char last[LOG_LINE_MAX + 1];
    long dropped;

    say(log, WORLD_DEBUG, 0);
    say(log, WORLD_INFO, 0);
    say(log, WORLD_WARNING, 0);
    log_set_level(log, WORLD_DEBUG);
    say(log, WORLD_DEBUG, 1);
    log_free(log, 10000);
    close(ends[1]);
    ck_assert_int_eq(read_lines(last, sizeof last, &dropped), 2);
}
END_TEST

START_TEST(a_stuck_reader_blocks_nobody_and_what_was_dropped_is_said)
{
    struct log *log = open_log(WORLD_INFO);
    char last[LOG_LINE_MAX + 1];
    long dropped, told;
    int i, n, spare;

    for (i = 0; i < 5000; i++) { /* would hang here if it blocked */
        say(log, WORLD_INFO, i);
    }
    dropped = log_dropped(log);
    ck_assert_int_gt(dropped, 0);
    ck_assert_int_le(5000 - dropped, LOG_QUEUE_LINES + 600); /* and what fits the pipe */
    spare = dup(ends[0]);
    ck_assert_int_eq(fcntl(ends[1], F_SETPIPE_SZ, 1 << 20), 1 << 20); /* it reads again */
    log_free(log, 10000);
    close(ends[1]);
    close(spare);
    n = read_lines(last, sizeof last, &told);
    ck_assert_int_eq(n, 5000 - dropped);
    ck_assert_int_eq(told, dropped);
    ck_assert_ptr_nonnull(strstr(last, "lines dropped"));
}
END_TEST

START_TEST(a_log_that_can_not_be_written_does_not_hold_up_the_end)
{
    struct log *log = open_log(WORLD_INFO);
    int i;

    for (i = 0; i < 1200; i++) {
        say(log, WORLD_INFO, i);
    }
    log_free(log, 50); /* would hang here if it waited; its memory goes when the writer does */
    close(ends[0]);    /* wakes the writer with EPIPE */
    close(ends[1]);
}
END_TEST

START_TEST(a_reader_that_has_gone_does_no_harm)
{
    struct log *log = open_log(WORLD_INFO);

    close(ends[0]);
    say(log, WORLD_INFO, 1);
    say(log, WORLD_INFO, 2);
    log_free(log, 10000);
    close(ends[1]);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("log");
    TCase *c = tcase_create("lines");

    tcase_set_timeout(c, 60);
    tcase_add_test(c, a_line_names_time_level_group_node_event_and_text);
    tcase_add_test(c, journald_gets_a_priority_and_syslog_a_plain_line);
    tcase_add_test(c, what_a_server_says_can_not_forge_a_line);
    tcase_add_test(c, a_long_line_is_cut_and_marked);
    tcase_add_test(c, lines_come_out_whole_and_in_order);
    tcase_add_test(c, lines_below_the_level_are_not_written);
    tcase_add_test(c, a_stuck_reader_blocks_nobody_and_what_was_dropped_is_said);
    tcase_add_test(c, a_log_that_can_not_be_written_does_not_hold_up_the_end);
    tcase_add_test(c, a_reader_that_has_gone_does_no_harm);
    suite_add_tcase(s, c);
    return s;
}

int main(void)
{
    SRunner *runner;
    int failed;

    signal(SIGPIPE, SIG_IGN); /* as live_new does */
    runner = srunner_create(suite());
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
