#include "progress.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct progress p;
static char text[512];

static void feed(const char *out, int64_t now_ms)
{
    progress_feed(&p, out, strlen(out), now_ms);
}

static const char *words(int64_t now_ms)
{
    progress_words(&p, now_ms, text, sizeof text);
    return text;
}

START_TEST(rsync_says_bytes_percent_and_files)
{
    progress_init(&p, "rsync", 0);
    ck_assert_str_eq(words(0), "0 B");
    feed("\r          32768   0%    0.00kB/s    0:00:00  \r", 100);
    ck_assert_int_eq(p.bytes, 32768);
    feed("     3000000000  25%    1.38GB/s    0:00:00 (xfr#1234, ir-chk=2/4)\r", 10000);
    ck_assert_int_eq(p.percent, 25);
    ck_assert_int_eq(p.files, 1234);
    /* 3 GB in some 10 s, 9 GB to go */
    ck_assert_str_eq(words(10000), "25 %, 3.0 GB, 1,234 files, 300 MB/s, 30 s left");
    feed("    12000000000 100%    1.38GB/s    0:00:00 (xfr#5000, to-chk=0/6000)\n", 40000);
    progress_sum(&p, 40000, text, sizeof text);
    ck_assert_str_eq(text, "12 GB in 5,000 files, 300 MB/s");
}
END_TEST

START_TEST(rsync_with_signs_between_the_thousands)
{
    progress_init(&p, "rsync", 0);
    feed("\r      1,234,567  45%   12.34MB/s    0:01:23 (xfr#12, ir-chk=1000/2000)\r", 1000);
    ck_assert_int_eq(p.bytes, 1234567);
    ck_assert_int_eq(p.percent, 45);
}
END_TEST

/* Whatever is cut where, byte by byte gives the same. */
START_TEST(pieces_of_any_size)
{
    static const char said[] =
        "\r  32768   0%    0.00kB/s    0:00:00  \r  3000000  33%    1.38GB/s  "
        "  0:00:00 (xfr#1, to-chk=2/4)\rrsync warning: 12 34%\n";
    size_t i;

    progress_init(&p, "rsync", 0);
    for (i = 0; i < sizeof said - 1; i++) {
        progress_feed(&p, said + i, 1, (int64_t)i);
    }
    ck_assert_int_eq(p.bytes, 3000000);
    ck_assert_int_eq(p.percent, 33);
    ck_assert_int_eq(p.files, 1);
}
END_TEST

START_TEST(what_is_no_progress_changes_nothing)
{
    static const char *const lines[] = {
        "sending incremental file list\n",
        "file name 100%\n",
        "99999999999999999999999 200%\n",
        "12\n",
        "%\n",
        "\n",
        "12 %\n",
        "-5 3%\n",
    };
    size_t i;

    progress_init(&p, "rsync", 0);
    for (i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        feed(lines[i], 10);
        ck_assert_msg(p.bytes == 0 && p.percent == -1 && p.files == 0, "%s", lines[i]);
    }
}
END_TEST

START_TEST(a_line_without_end_keeps_no_memory)
{
    char many[10000];
    int i;

    memset(many, '7', sizeof many);
    progress_init(&p, "rsync", 0);
    for (i = 0; i < 100; i++) {
        progress_feed(&p, many, sizeof many, i);
    }
    ck_assert_int_lt(p.used, PROGRESS_LINE_MAX);
    feed("\n", 100);
    ck_assert_int_eq(p.bytes, 0);
}
END_TEST

START_TEST(robocopy_says_files_and_the_part_of_one)
{
    progress_init(&p, "robocopy", 0);
    feed("total 4 4000\r\n", 0);
    feed("\t\t\t\t     1000\tC:\\SmarterMail\\a 100%.eml\r\n", 10);
    ck_assert_int_eq(p.files, 0);
    ck_assert_int_eq(p.percent, 0);
    feed("  0.0%  \r 50.0%  \r", 20);
    ck_assert_int_eq(p.percent, 12);
    feed("100%  \r\n\t     2000\tC:\\SmarterMail\\b\r\n", 1000);
    ck_assert_int_eq(p.files, 1);
    ck_assert_int_eq(p.bytes, 1000);
    ck_assert_str_eq(words(1000), "25 %, 1.0 kB, 1 file, 1.0 kB/s, 3 s left");
    feed("\t     1000\tC:\\SmarterMail\\c\r\n 100%\r\n", 2000);
    progress_sum(&p, 2000, text, sizeof text);
    ck_assert_str_eq(text, "4.0 kB in 3 files, 2.0 kB/s");
}
END_TEST

START_TEST(robocopy_with_threads_names_a_file_behind_its_end)
{
    progress_init(&p, "robocopy", 0);
    feed("total 2 4000\r\n100%  \t\t     1000\tC:\\SmarterMail\\5 a.eml\r\n", 500);
    ck_assert_int_eq(p.percent, 25);
    feed("100%  \t\t     3000\tC:\\SmarterMail\\b\r\n", 1000);
    ck_assert_int_eq(p.percent, 100);
    progress_sum(&p, 1000, text, sizeof text);
    ck_assert_str_eq(text, "4.0 kB in 2 files, 4.0 kB/s");
}
END_TEST

START_TEST(robocopy_that_did_not_count_has_no_percent)
{
    progress_init(&p, "robocopy", 0);
    feed("\t     2000\tC:\\b\r\n  30%\r\n", 1000);
    ck_assert_str_eq(words(1000), "600 B, 600 B/s");
    progress_init(&p, "robocopy", 0);
    feed("ERROR 5 (0x00000005) Copying File C:\\x\r\nAccess is denied.\r\n", 10);
    progress_sum(&p, 10, text, sizeof text);
    ck_assert_str_eq(text, "");
}
END_TEST

START_TEST(a_copy_that_stands_still_says_so)
{
    progress_init(&p, "rsync", 0);
    feed("\r  1000000  10%  1.00MB/s 0:00:00 (xfr#1, to-chk=2/4)\r", 1000);
    ck_assert_str_eq(words(1500), "10 %, 1.0 MB, 1 file, 1.0 MB/s, 9 s left");
    ck_assert_str_eq(words(13000), "10 %, 1.0 MB, 1 file, nothing for 12 s");
}
END_TEST

START_TEST(the_bar_keeps_to_its_columns)
{
    static const int columns[] = {200, 80, 60, 40, 10, 1, 0, -5};
    size_t i, wide;
    const char *c;

    progress_init(&p, "rsync", 0);
    feed("\r  1000000  50%  1.00MB/s 0:00:00 (xfr#1, to-chk=2/4)\r", 1000);
    for (i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        progress_bar(&p, 1000, columns[i], text, sizeof text);
        for (wide = 0, c = text; *c != '\0'; c++) {
            wide += (*c & 0xC0) != 0x80;
        }
        ck_assert_int_le((int)wide, columns[i] > 0 ? columns[i] : 0);
    }
    progress_bar(&p, 1000, 200, text, sizeof text);
    ck_assert_msg(strncmp(text, "███████████████░░░░░░░░░░░░░░░ 50 %", 35) == 0, "%s", text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("progress");
    TCase *t = tcase_create("progress");
    SRunner *runner;
    int failed;

    tcase_add_test(t, rsync_says_bytes_percent_and_files);
    tcase_add_test(t, rsync_with_signs_between_the_thousands);
    tcase_add_test(t, pieces_of_any_size);
    tcase_add_test(t, what_is_no_progress_changes_nothing);
    tcase_add_test(t, a_line_without_end_keeps_no_memory);
    tcase_add_test(t, robocopy_says_files_and_the_part_of_one);
    tcase_add_test(t, robocopy_with_threads_names_a_file_behind_its_end);
    tcase_add_test(t, robocopy_that_did_not_count_has_no_percent);
    tcase_add_test(t, a_copy_that_stands_still_says_so);
    tcase_add_test(t, the_bar_keeps_to_its_columns);
    suite_add_tcase(suite, t);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
