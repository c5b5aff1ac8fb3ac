#include "live_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define DESCRIPTORS 200

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

static void ask_argv(const char *const *argv, size_t output_max, int64_t timeout_ms)
{
    struct world_request request = {.kind = WORLD_EXEC, .timeout_ms = timeout_ms};

    request.u.exec.argv = argv;
    request.u.exec.output_max = output_max;
    fixture_ask(&f, &request, &a);
}

/* ---- What it says -------------------------------------------------------------------- */

START_TEST(output_errors_and_exit_code_come_back)
{
    fixture_sh(&f, "echo out; echo first >&2; echo 'no such mailbox' >&2; exit 3", 10000, &a);
    ck_assert_int_eq(a.outcome, WORLD_FAIL);
    ck_assert_int_eq(a.code, 3);
    ck_assert_str_eq(a.out, "out\n");
    ck_assert_str_eq(a.err, "first\nno such mailbox\n");
    ck_assert_str_eq(a.detail, "exit 3: no such mailbox");
    ck_assert(!a.cut);
    ck_assert_int_gt(a.latency_us, 0);
}
END_TEST

START_TEST(output_up_to_the_limit_is_whole)
{
    const char *argv[] = {"head", "-c", "1000", "/dev/zero", NULL};

    ask_argv(argv, 1000, 10000);
    ck_assert_uint_eq(a.out_len, 1000);
    ck_assert(!a.cut);
}
END_TEST

START_TEST(output_beyond_the_limit_is_thrown_away_and_marked)
{
    const char *argv[] = {"head", "-c", "20000000", "/dev/zero", NULL};

    ask_argv(argv, 1000, 20000);
    ck_assert_int_eq(a.outcome, WORLD_OK);
    ck_assert_uint_eq(a.out_len, 1000);
    ck_assert_uint_eq(a.err_len, 0);
    ck_assert(a.cut);
}
END_TEST

START_TEST(errors_have_the_same_limit_of_their_own)
{
    fixture_sh(&f, "head -c 3000 /dev/zero; head -c 5000 /dev/zero >&2", 10000, &a);
    ck_assert_uint_eq(a.out_len, 3000);
    ck_assert_uint_eq(a.err_len, 4096);
    ck_assert(a.cut);
}
END_TEST

START_TEST(a_limit_of_nothing_keeps_nothing)
{
    const char *argv[] = {"echo", "word", NULL};

    ask_argv(argv, 0, 10000);
    ck_assert_int_eq(a.outcome, WORLD_OK);
    ck_assert_uint_eq(a.out_len, 0);
    ck_assert(a.cut);
}
END_TEST

START_TEST(a_flood_ends_at_the_deadline_and_others_are_served_meanwhile)
{
    const char *argv[] = {"yes", NULL};
    struct world_request flood = {.kind = WORLD_EXEC, .timeout_ms = 1500};
    struct answer other = {0};

    flood.u.exec.argv = argv;
    flood.u.exec.output_max = 100;
    world_start(f.world, &flood, answer_keep, &a);
    fixture_sh(&f, "exit 0", 20000, &other);
    ck_assert_int_eq(other.outcome, WORLD_OK);
    answer_fini(&other);
    fixture_wait(&f, &a);
    ck_assert_int_eq(a.outcome, WORLD_UNKNOWN);
    ck_assert_uint_eq(a.out_len, 100);
    ck_assert(a.cut);
}
END_TEST

struct heard {
    size_t len;
    int pieces, before_it_ended;
    const struct answer *answer;
};

static void hear(void *arg, const char *out, size_t len)
{
    struct heard *heard = arg;

    (void)out;
    heard->len += len;
    heard->pieces++;
    heard->before_it_ended += heard->answer->count == 0;
}

static bool has_heard(void *arg)
{
    return ((struct heard *)arg)->len > 0;
}

START_TEST(output_is_heard_as_it_comes_and_none_of_the_errors)
{
    static const char script[] =
        "echo one; echo no >&2; until [ -e \"$0/go\" ]; do sleep 0.01; done; echo two";
    const char *argv[] = {"sh", "-c", script, f.dir, NULL};
    struct world_request request = {.kind = WORLD_EXEC, .timeout_ms = 20000};
    struct heard heard = {.answer = &a};

    request.u.exec.argv = argv;
    request.u.exec.output_max = 100;
    request.u.exec.heard = hear;
    request.u.exec.heard_arg = &heard;
    world_start(f.world, &request, answer_keep, &a);
    fixture_until(&f, has_heard, &heard);
    ck_assert_int_eq(a.count, 0);
    fixture_file(&f, "go", 0600, "");
    fixture_wait(&f, &a);
    ck_assert_int_eq(a.outcome, WORLD_OK);
    ck_assert_str_eq(a.out, "one\ntwo\n");
    ck_assert_uint_eq(heard.len, 8);
    ck_assert_int_eq(heard.pieces, heard.before_it_ended);
}
END_TEST

START_TEST(all_is_heard_also_what_is_not_kept)
{
    const char *argv[] = {"head", "-c", "20000000", "/dev/zero", NULL};
    struct world_request request = {.kind = WORLD_EXEC, .timeout_ms = 20000};
    struct heard heard = {.answer = &a};

    request.u.exec.argv = argv;
    request.u.exec.output_max = 10;
    request.u.exec.heard = hear;
    request.u.exec.heard_arg = &heard;
    fixture_ask(&f, &request, &a);
    ck_assert_int_eq(a.outcome, WORLD_OK);
    ck_assert_uint_eq(a.out_len, 10);
    ck_assert_uint_eq(heard.len, 20000000);
}
END_TEST

/* ---- What it is told ----------------------------------------------------------------- */

START_TEST(a_megabyte_of_input_goes_in_and_comes_out_again)
{
    const char *argv[] = {"cat", NULL};
    struct world_request request = {.kind = WORLD_EXEC, .timeout_ms = 20000};
    size_t len = 1 << 20, i;
    char *input = malloc(len);

    ck_assert_ptr_nonnull(input);
    for (i = 0; i < len; i++) {
        input[i] = (char)(i * 31);
    }
    request.u.exec.argv = argv;
    request.u.exec.output_max = len;
    request.u.exec.input = input;
    request.u.exec.input_len = len;
    fixture_ask(&f, &request, &a);
    ck_assert_int_eq(a.outcome, WORLD_OK);
    ck_assert_uint_eq(a.out_len, len);
    ck_assert(memcmp(a.out, input, len) == 0);
    ck_assert(!a.cut);
    free(input);
}
END_TEST

START_TEST(a_program_that_reads_no_input_does_no_harm)
{
    const char *argv[] = {"true", NULL};
    struct world_request request = {.kind = WORLD_EXEC, .timeout_ms = 20000};
    size_t len = 1 << 20;
    char *input = calloc(1, len);

    ck_assert_ptr_nonnull(input);
    request.u.exec.argv = argv;
    request.u.exec.input = input;
    request.u.exec.input_len = len;
    fixture_ask(&f, &request, &a);
    ck_assert_int_eq(a.outcome, WORLD_OK);
    free(input);
}
END_TEST

START_TEST(words_go_to_the_program_as_they_are)
{
    const char *argv[] = {"printf", "%s|", "a b", "$(reboot)", "'\"", "*", "", ";\n", NULL};

    ask_argv(argv, 1000, 10000);
    ck_assert_str_eq(a.out, "a b|$(reboot)|'\"|*||;\n|");
}
END_TEST

/* ---- What it inherits ---------------------------------------------------------------- */

START_TEST(no_descriptor_leaks_into_a_child)
{
    const char *argv[] = {"ls", "/proc/self/fd", NULL};
    int fd = open("/dev/null", O_RDONLY); /* without O_CLOEXEC, as a library would */
    int high = fcntl(fd, F_DUPFD, 300);

    ck_assert_int_eq(high, 300);
    ask_argv(argv, 1000, 10000);
    ck_assert_str_eq(a.out, "0\n1\n2\n3\n"); /* 3 is the folder that ls reads */
    close(high);
    close(fd);
}
END_TEST

START_TEST(a_daemon_started_without_stdin_and_stdout_can_run_programs)
{
    const char *argv[] = {"cat", NULL};
    struct world_request request = {.kind = WORLD_EXEC, .timeout_ms = 10000};
    int in = dup(0), out = dup(1);

    request.u.exec.argv = argv;
    request.u.exec.output_max = 100;
    request.u.exec.input = "word";
    request.u.exec.input_len = 4;
    close(0);
    close(1);
    fixture_ask(&f, &request, &a);
    dup2(in, 0);
    dup2(out, 1);
    close(in);
    close(out);
    ck_assert_int_eq(a.outcome, WORLD_OK);
    ck_assert_str_eq(a.out, "word");
}
END_TEST

START_TEST(the_environment_is_clean)
{
    const char *argv[] = {"env", NULL};

    setenv("LD_PRELOAD_SECRET", "x", 1);
    setenv("HOME", "/root", 1);
    unsetenv("TZ");
    ask_argv(argv, 1000, 10000);
    ck_assert_str_eq(
        a.out, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
               "LANG=C.UTF-8\nHOME=/root\n");
}
END_TEST

START_TEST(signals_are_neither_blocked_nor_ignored_in_a_child)
{
    const char *argv[] = {"sed", "-n", "s/Sig\\(Blk\\|Ign\\):/0x/p", "/proc/self/status", NULL};
    unsigned long long blocked, ignored;
    char *next;
    sigset_t usr1;

    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    sigprocmask(SIG_BLOCK, &usr1, NULL);
    ask_argv(argv, 1000, 10000);
    sigprocmask(SIG_UNBLOCK, &usr1, NULL);
    ck_assert_int_eq(strncmp(a.out, "0x\t", 3), 0);
    blocked = strtoull(a.out + 3, &next, 16);
    ck_assert_int_eq(strncmp(next, "\n0x\t", 4), 0);
    ignored = strtoull(next + 4, NULL, 16);
    ck_assert_uint_eq(blocked, 0);
    ck_assert_uint_eq(ignored & 0x7fffffff, 0); /* 32 and 33 are libc's own */
}
END_TEST

START_TEST(a_child_is_a_session_of_its_own_in_the_root_folder)
{
    fixture_sh(&f, "pwd; test $$ = $(ps -o sid= -p $$)", 10000, &a);
    ck_assert_str_eq(a.out, "/\n");
    ck_assert_int_eq(a.code, 0);
}
END_TEST

/* ---- How it ends --------------------------------------------------------------------- */

START_TEST(a_program_that_is_not_there_is_unknown)
{
    const char *argv[] = {"/usr/bin/no-such-program", NULL};
    const char *elsewhere[] = {"/no/such/program", NULL};

    ask_argv(argv, 100, 10000);
    ck_assert_int_eq(a.outcome, WORLD_UNKNOWN);
    ck_assert_str_eq(a.detail, "can't run /usr/bin/no-such-program: No such file or directory");
    ask_argv(elsewhere, 1000, 10000);
    ck_assert_int_eq(a.outcome, WORLD_UNKNOWN);
    ck_assert_int_eq(a.code, 127);
}
END_TEST

START_TEST(a_program_outside_the_system_is_run_with_its_words)
{
    char path[128];
    const char *argv[] = {path, "a b", "'$x'", NULL};

    fixture_file(&f, "my check", 0755, "#!/bin/sh\nprintf '%s|' \"$0\" \"$@\"\nexit 4\n");
    snprintf(path, sizeof path, "%s/my check", f.dir);
    ask_argv(argv, 1000, 10000);
    ck_assert_int_eq(a.code, 4);
    ck_assert_int_eq(strncmp(a.out, f.dir, strlen(f.dir)), 0);
    ck_assert_str_eq(a.out + strlen(f.dir), "/my check|a b|'$x'|");
}
END_TEST

START_TEST(death_by_a_signal_is_unknown)
{
    fixture_sh(&f, "kill -SEGV $$", 10000, &a);
    ck_assert_int_eq(a.outcome, WORLD_UNKNOWN);
    ck_assert_int_eq(a.code, -1);
    ck_assert_str_eq(a.detail, "killed by signal 11 (Segmentation fault)");
}
END_TEST

START_TEST(an_end_that_somebody_else_saw_is_unknown)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before; /* the kernel reaps */

    sigaction(SIGCHLD, &ignore, &before);
    fixture_sh(&f, "exit 1", 10000, &a);
    sigaction(SIGCHLD, &before, NULL);
    ck_assert_int_eq(a.outcome, WORLD_UNKNOWN);
    ck_assert_str_eq(a.detail, "its end was not seen");
}
END_TEST

START_TEST(a_program_is_asked_to_end_before_its_deadline)
{
    fixture_sh(
        &f, "trap 'echo tidied; exit 0' TERM; echo began; while :; do sleep 0.05; done", 6000, &a);
    ck_assert_int_eq(a.outcome, WORLD_UNKNOWN);
    ck_assert_str_eq(a.out, "began\ntidied\n");
    ck_assert_str_eq(a.detail, "no end within 6 s: asked to end, it did");
}
END_TEST

static bool all_gone(void *arg)
{
    char *at = arg, *next;
    long pid;
    int n = 0;

    for (; (pid = strtol(at, &next, 10)) > 0; at = next, n++) {
        if (!process_is_gone(pid)) {
            return false;
        }
    }
    ck_assert_int_eq(n, 3);
    return true;
}

START_TEST(the_deadline_kills_the_whole_group)
{
    fixture_sh(
        &f,
        "trap '' TERM; (trap '' TERM; sleep 600 & echo $!; while :; do sleep 1; done) & echo $!; "
        "echo $$; while :; do sleep 1; done",
        3000, &a);
    ck_assert_int_eq(a.outcome, WORLD_UNKNOWN);
    ck_assert_str_eq(a.detail, "no end within 3 s");
    fixture_until(&f, all_gone, a.out);
}
END_TEST

static bool has_pids(void *arg)
{
    (void)arg;
    return strlen(fixture_text(&f, "pids")) > 0 && strchr(fixture_text(&f, "pids"), '.') != NULL;
}

START_TEST(a_cancel_kills_the_whole_group)
{
    char script[256], pids[128];
    const char *argv[] = {"/bin/sh", "-c", script, NULL};
    struct world_request request = {.kind = WORLD_EXEC, .timeout_ms = 600000};
    uint64_t id;

    snprintf(
        script, sizeof script,
        "trap '' TERM HUP; sleep 600 & a=$!; sleep 601 & echo $$ $a $! . >%s/pids; wait", f.dir);
    request.u.exec.argv = argv;
    id = world_start(f.world, &request, answer_keep, &a);
    fixture_until(&f, has_pids, NULL);
    snprintf(pids, sizeof pids, "%s", fixture_text(&f, "pids"));
    world_cancel(f.world, id);
    fixture_until(&f, all_gone, pids);
    ck_assert_int_eq(a.count, 0);
}
END_TEST

START_TEST(a_service_that_was_started_lives_on_and_is_not_waited_for)
{
    long pid;

    fixture_sh(&f, "sleep 600 & echo $!", 600000, &a);
    ck_assert_int_eq(a.outcome, WORLD_OK);
    pid = strtol(a.out, NULL, 10);
    ck_assert_int_gt(pid, 1);
    ck_assert(!process_is_gone(pid));
    kill((pid_t)pid, SIGKILL);
}
END_TEST

static bool is_zero(void *arg)
{
    return *(const int *)arg == 0;
}

static void count_down(void *arg, uint64_t request, const struct world_result *result)
{
    (void)request;
    ck_assert_msg(result->outcome == WORLD_OK, "%s", result->detail);
    ck_assert_str_eq(result->out, "x\n");
    --*(int *)arg;
}

START_TEST(a_hundred_at_once_all_end_and_none_is_a_zombie)
{
    const char *argv[] = {"echo", "x", NULL};
    struct world_request request = {.kind = WORLD_EXEC, .timeout_ms = 30000};
    int waiting = 100, i;
    siginfo_t info;

    request.u.exec.argv = argv;
    request.u.exec.output_max = 10;
    for (i = 0; i < 100; i++) {
        world_start(f.world, &request, count_down, &waiting);
    }
    fixture_until(&f, is_zero, &waiting);
    ck_assert_int_ne(waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT), 0);
}
END_TEST

/* Use up all descriptors but `spare`. */
static int take_descriptors(int *fds, int spare)
{
    struct rlimit limit;
    int n = 0;

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = DESCRIPTORS;
    setrlimit(RLIMIT_NOFILE, &limit);
    while (n < DESCRIPTORS && (fds[n] = fcntl(2, F_DUPFD_CLOEXEC, 0)) >= 0) {
        n++;
    }
    ck_assert_int_lt(n, DESCRIPTORS);
    for (; spare > 0; spare--) {
        close(fds[--n]);
    }
    return n;
}

static void give_descriptors_back(const int *fds, int n)
{
    while (n > 0) {
        close(fds[--n]);
    }
}

START_TEST(without_a_descriptor_left_it_is_unknown_and_works_again_later)
{
    int fds[DESCRIPTORS], n, spare;

    for (spare = 0; spare < 5; spare++) {
        n = take_descriptors(fds, spare);
        fixture_sh(&f, "exit 0", 10000, &a);
        give_descriptors_back(fds, n);
        ck_assert_int_eq(a.outcome, WORLD_UNKNOWN);
        ck_assert_msg(strstr(a.detail, "Too many open files") != NULL, "%d: %s", spare, a.detail);
    }
    fixture_sh(&f, "exit 0", 10000, &a);
    ck_assert_int_eq(a.outcome, WORLD_OK);
}
END_TEST

START_TEST(without_a_pidfd_the_end_is_still_seen)
{
    const char *argv[] = {"echo", "seen", NULL};
    struct world_request request = {.kind = WORLD_EXEC, .timeout_ms = 10000};
    int fds[DESCRIPTORS], n;

    request.u.exec.argv = argv;
    request.u.exec.output_max = 10;
    n = take_descriptors(fds, 5); /* two pipes and /dev/null, but not one more */
    world_start(f.world, &request, answer_keep, &a);
    give_descriptors_back(fds, n);
    fixture_wait(&f, &a);
    ck_assert_int_eq(a.outcome, WORLD_OK);
    ck_assert_str_eq(a.out, "seen\n");
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("child");
    TCase *c = tcase_create("programs");

    tcase_add_checked_fixture(c, up, down);
    tcase_set_timeout(c, 60);
    tcase_add_test(c, output_errors_and_exit_code_come_back);
    tcase_add_test(c, output_up_to_the_limit_is_whole);
    tcase_add_test(c, output_beyond_the_limit_is_thrown_away_and_marked);
    tcase_add_test(c, errors_have_the_same_limit_of_their_own);
    tcase_add_test(c, a_limit_of_nothing_keeps_nothing);
    tcase_add_test(c, a_flood_ends_at_the_deadline_and_others_are_served_meanwhile);
    tcase_add_test(c, output_is_heard_as_it_comes_and_none_of_the_errors);
    tcase_add_test(c, all_is_heard_also_what_is_not_kept);
    tcase_add_test(c, a_megabyte_of_input_goes_in_and_comes_out_again);
    tcase_add_test(c, a_program_that_reads_no_input_does_no_harm);
    tcase_add_test(c, words_go_to_the_program_as_they_are);
    tcase_add_test(c, no_descriptor_leaks_into_a_child);
    tcase_add_test(c, a_daemon_started_without_stdin_and_stdout_can_run_programs);
    tcase_add_test(c, the_environment_is_clean);
    tcase_add_test(c, signals_are_neither_blocked_nor_ignored_in_a_child);
    tcase_add_test(c, a_child_is_a_session_of_its_own_in_the_root_folder);
    tcase_add_test(c, a_program_that_is_not_there_is_unknown);
    tcase_add_test(c, a_program_outside_the_system_is_run_with_its_words);
    tcase_add_test(c, death_by_a_signal_is_unknown);
    tcase_add_test(c, an_end_that_somebody_else_saw_is_unknown);
    tcase_add_test(c, a_program_is_asked_to_end_before_its_deadline);
    tcase_add_test(c, the_deadline_kills_the_whole_group);
    tcase_add_test(c, a_cancel_kills_the_whole_group);
    tcase_add_test(c, a_service_that_was_started_lives_on_and_is_not_waited_for);
    tcase_add_test(c, a_hundred_at_once_all_end_and_none_is_a_zombie);
    tcase_add_test(c, without_a_descriptor_left_it_is_unknown_and_works_again_later);
    tcase_add_test(c, without_a_pidfd_the_end_is_still_seen);
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
