/* The journal when its process is killed at any instant, and when its disk is full. */
#include "journal/journal.h"
#include "journal_bench.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KILLS 30

static struct bench bench;

static void setup(void)
{
    bench_start(&bench);
}

static void teardown(void)
{
    bench_end(&bench);
}

static const char *const nodes[] = {"server01", "server02"};

/* ---- kill -9 ---- */

/* Like a controller: recall, then hand over again and again, each handover a call of
 * begin, one of grant, and one of end with two records. Every acknowledged number goes
 * down the pipe. */
static void write_until_killed(int pipe_fd)
{
    struct group_memory m = {0};
    int64_t plan;

    bench_open(&bench);
    ck_assert_int_eq(
        journal_recall(bench.journal, "mail", nodes, 2, BENCH_WALL_MS, &m, NULL), BATON_OK);
    bench.seq = m.seq_max;
    for (plan = m.plan_id_max + 1;; plan++) {
        static const enum group_record_kind story[] = {
            GROUP_REC_PLAN_BEGIN, GROUP_REC_GRANT, GROUP_REC_NOTE, GROUP_REC_PLAN_END};
        struct group_record r[4];
        int i, at = 0;

        for (i = 0; i < 4; i++) {
            r[i] = bench_record(&bench, story[i]);
            r[i].plan_id = plan;
            r[i].plan_kind = GROUP_PLAN_FAILOVER;
            r[i].node = r[i].to = (int)(plan % 2);
            r[i].epoch = plan;
        }
        while (at < 4) {
            int count = at == 2 ? 2 : 1;

            ck_assert_int_eq(bench_write(&bench, r + at, count), BATON_OK);
            at += count;
            if (write(pipe_fd, &r[at - 1].seq, sizeof r[0].seq) != sizeof r[0].seq) {
                _exit(1);
            }
        }
    }
}

/* Let a child write, kill it after some acknowledgements and a moment more; the last
 * number that was acknowledged. */
static int64_t kill_a_writer(int acks, long moment_us)
{
    struct timespec moment = {0, moment_us * 1000};
    int64_t seq = 0;
    int fd[2], status;
    pid_t child;

    ck_assert_int_eq(pipe(fd), 0);
    child = fork();
    if (child == 0) {
        close(fd[0]);
        write_until_killed(fd[1]);
        _exit(1);
    }
    close(fd[1]);
    while (acks-- > 0) {
        ck_assert_int_eq(read(fd[0], &seq, sizeof seq), sizeof seq);
    }
    nanosleep(&moment, NULL); /* chooses the instant, waits for nothing */
    kill(child, SIGKILL);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFSIGNALED(status), "the writer ended by itself: %d", status);
    while (read(fd[0], &seq, sizeof seq) == sizeof seq) {
    }
    close(fd[0]);
    return seq;
}

/* No gap, nothing that was acknowledged is missing, and no half of a call. */
static int64_t check_rows(int64_t acked)
{
    struct baton_error error = {0};
    json_t *rows = journal_read(bench.file, &(struct journal_query){.limit = 100000}, &error);
    const char *kind = "";
    json_t *row;
    size_t i;

    ck_assert_msg(rows != NULL, "%s", error.text);
    json_array_foreach(rows, i, row)
    {
        const char *before = kind;

        kind = json_string_value(json_object_get(row, "kind"));
        ck_assert_msg(
            strcmp(before, "note") != 0 || strcmp(kind, "plan-end") == 0,
            "half a call was kept: %s after %s", kind, before);
    }
    ck_assert_str_ne(kind, "note");
    ck_assert_msg(
        (int64_t)json_array_size(rows) >= acked, "%zu records are there, %lld were acknowledged",
        json_array_size(rows), (long long)acked);
    json_decref(rows);
    return (int64_t)i;
}

static void check_memory(int64_t records)
{
    json_t *rows = journal_read(bench.file, &(struct journal_query){.limit = 1}, NULL);
    json_t *last = json_array_get(rows, 0);
    const char *kind = json_string_value(json_object_get(last, "kind"));
    int64_t plan = json_integer_value(json_object_get(last, "plan"));
    struct group_memory m = {0};

    bench_open(&bench);
    ck_assert_int_eq(
        journal_recall(bench.journal, "mail", nodes, 2, BENCH_WALL_MS, &m, NULL), BATON_OK);
    bench_close(&bench);
    ck_assert_msg(m.seq_max == records, "a gap in the numbers");
    if (last != NULL) {
        bool granted = strcmp(kind, "plan-begin") != 0;

        ck_assert_int_eq(m.plan_id_max, plan);
        if (granted) { /* … or the one of the handover before, which may never have come to it */
            ck_assert_int_eq(m.epoch, plan);
            ck_assert_int_eq(m.holder, plan % 2);
        }
        if (strcmp(kind, "plan-end") != 0) {
            ck_assert(m.open);
            ck_assert_int_eq(m.open_id, plan);
            ck_assert_int_eq(m.open_granted, granted);
        }
    }
    json_decref(rows);
}

START_TEST(killed_at_any_instant_it_has_all_that_was_acknowledged)
{
    const char *given = getenv("BATON_SEED");
    unsigned seed =
        (unsigned)(given != NULL ? strtoul(given, NULL, 10) : (unsigned long)time(NULL));
    int64_t acked = 0, records = 0;
    int i;

    printf("kills: BATON_SEED=%u\n", seed);
    srandom(seed);
    for (i = 0; i < KILLS; i++) {
        int64_t now = kill_a_writer(i == 0 ? 0 : (int)(random() % 12), random() % 6000);

        acked = now > acked ? now : acked;
        if (access(bench.file, F_OK) != 0) {
            ck_assert_int_eq(acked, 0); /* killed before it was made */
            continue;
        }
        records = check_rows(acked);
        check_memory(records);
    }
    ck_assert_int_gt(records, KILLS);
}
END_TEST

/* ---- A full disk ---- */

/* A file system of 1 MiB over the bench's directory that only this process sees. */
static bool mount_small(void)
{
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", bench.directory, "tmpfs", 0, "size=1m,mode=0700") != 0) {
        printf("SKIPPED: a full disk needs root and a mount namespace: %s\n", strerror(errno));
        return false;
    }
    return true;
}

static void fill_disk(const char *file)
{
    static char block[4096];
    int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    while (write(fd, block, sizeof block) > 0) {
    }
    ck_assert_int_eq(errno, ENOSPC);
    close(fd);
}

/* Write until the disk has no room; how many were acknowledged. */
static int64_t write_until_full(void)
{
    int64_t acked = 0;
    int i;

    for (i = 0; i < 2000; i++) {
        struct group_record r = bench_record(&bench, GROUP_REC_NOTE);

        snprintf(r.text, sizeof r.text, "%0200d", i);
        if (bench_write(&bench, &r, 1) != BATON_OK) {
            bench.seq--; /* it is written again later */
            return acked;
        }
        acked = r.seq;
    }
    ck_abort_msg("2000 records fitted on a full disk");
    return acked;
}

START_TEST(on_a_full_disk_it_says_so_and_goes_on_when_there_is_room)
{
    struct group_record r;
    struct group_memory m = {0};
    char ballast[600];
    int64_t acked;

    if (!mount_small()) {
        return;
    }
    snprintf(ballast, sizeof ballast, "%s/ballast", bench.directory);
    bench_open(&bench);
    fill_disk(ballast);
    acked = write_until_full();
    ck_assert_int_eq(bench.failed.code, BATON_IO);
    ck_assert_msg(
        strstr(bench.failed.text, bench.file) != NULL &&
            strstr(bench.failed.text, "no space left") != NULL &&
            strstr(bench.failed.text, "free some") != NULL,
        "%s", bench.failed.text);
    journal_observe(bench.journal, "mail", "server01", "smtp", GROUP_OK, 1, "", 1, BENCH_WALL_MS);
    r = bench_record(&bench, GROUP_REC_GRANT);
    r.epoch = 9;
    r.node = 1;
    ck_assert_int_eq(bench_write(&bench, &r, 1), BATON_IO);
    ck_assert_int_eq(unlink(ballast), 0);
    ck_assert_msg(bench_write(&bench, &r, 1) == BATON_OK, "%s", bench.failed.text);
    ck_assert_int_eq(r.seq, acked + 1);
    bench_reopen(&bench);
    ck_assert_int_eq(
        journal_recall(bench.journal, "mail", nodes, 2, BENCH_WALL_MS, &m, NULL), BATON_OK);
    ck_assert_int_eq(m.seq_max, acked + 1);
    ck_assert_int_eq(m.epoch, 9);
    ck_assert_uint_eq(
        json_array_size(bench_history(&bench, &(struct journal_query){.limit = 5000})),
        (size_t)acked + 1);
    json_decref(bench.rows);
    bench_close(&bench);
    umount(bench.directory);
}
END_TEST

START_TEST(on_a_full_disk_a_new_journal_is_refused_and_nothing_is_left)
{
    struct journal_setup full = {bench.directory, bench.base, 1000};
    struct baton_error error = {0};
    char ballast[600];

    if (!mount_small()) {
        return;
    }
    snprintf(ballast, sizeof ballast, "%s/ballast", bench.directory);
    fill_disk(ballast);
    ck_assert_int_eq(journal_open(&full, &bench.journal, &error), BATON_IO);
    ck_assert_msg(strstr(error.text, "no space left") != NULL, "%s", error.text);
    ck_assert_int_eq(access(bench.file, F_OK), -1);
    ck_assert_int_eq(unlink(ballast), 0);
    bench_open(&bench);
    bench_close(&bench);
    umount(bench.directory);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("journal, crashes");
    TCase *tc = tcase_create("journal");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, killed_at_any_instant_it_has_all_that_was_acknowledged);
    tcase_add_test(tc, on_a_full_disk_it_says_so_and_goes_on_when_there_is_room);
    tcase_add_test(tc, on_a_full_disk_a_new_journal_is_refused_and_nothing_is_left);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
