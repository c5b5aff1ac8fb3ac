/* baton explore as a person or a script meets it: exit codes, the scenario's file, which is
 * written whole or not at all and shows to `baton simulate` what it says, the same bytes for
 * any number of workers, and an end when it is interrupted. */
#include <check.h>
#include <fcntl.h>
#include <glob.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64];
static char out[65536], said[65536]; /* what the last command wrote to its two streams */

static void read_file(const char *name, char *text, size_t size)
{
    FILE *file = fopen(name, "r");
    size_t n = 0;

    if (file != NULL) {
        n = fread(text, 1, size - 1, file);
        fclose(file);
    }
    text[n] = '\0';
}

static void write_config(const char *policy)
{
    FILE *file = fopen("baton.xml", "w");

    ck_assert_ptr_nonnull(file);
    fprintf(
        file,
        "<baton><lua directory=\"" SOURCE_DIR "/lua\"/><group name=\"mail\">\n"
        "  <address ip=\"10.9.0.100/24\" interface=\"eth0\"/>\n"
        "  <policy file=\"" SOURCE_DIR "/%s\"/>\n"
        "  <node name=\"server01\" address=\"10.9.0.1\" priority=\"1\"><ssh/></node>\n"
        "  <node name=\"server02\" address=\"10.9.0.2\" priority=\"2\"><ssh/></node>\n"
        "</group></baton>\n",
        policy);
    ck_assert_int_eq(fclose(file), 0);
}

static void set_up(void)
{
    snprintf(folder, sizeof folder, "/tmp/baton-explore-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chdir(folder), 0);
    write_config("tests/policy/bad/ignores-the-epoch.lua");
}

static void tear_down(void)
{
    glob_t found;
    size_t i;

    ck_assert_int_eq(glob("*", 0, NULL, &found), 0);
    for (i = 0; i < found.gl_pathc; i++) {
        ck_assert_int_eq(remove(found.gl_pathv[i]), 0);
    }
    globfree(&found);
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_eq(rmdir(folder), 0);
}

static pid_t begin(const char *arguments)
{
    pid_t pid = fork();

    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        char command[512];

        snprintf(command, sizeof command, "exec " BATON_PATH " %s >out 2>said", arguments);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    return pid;
}

static int end(pid_t pid)
{
    int status = 0;

    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    read_file("out", out, sizeof out);
    read_file("said", said, sizeof said);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int baton(const char *arguments)
{
    return end(begin(arguments));
}

START_TEST(what_it_finds_is_a_file_that_simulate_replays)
{
    static char text[65536];

    ck_assert_int_eq(baton("explore baton.xml --faults 1"), 1);
    ck_assert_ptr_nonnull(strstr(out, "two-serve: two nodes serve: server01 and server02"));
    ck_assert_ptr_nonnull(strstr(out, "failure.lua shows it: baton simulate CONFIG failure.lua"));
    read_file("failure.lua", text, sizeof text);
    ck_assert_ptr_nonnull(strstr(text, "-- Found by `baton explore`: two nodes serve"));
    ck_assert_int_eq(baton("simulate baton.xml failure.lua"), 1);
    ck_assert_msg(strstr(said, "failure.lua:") != NULL, "%s", said);
    ck_assert_msg(strstr(said, "two nodes serve") != NULL, "%s", said);
}
END_TEST

START_TEST(nothing_found_is_exit_0_and_no_file)
{
    write_config("policies/postfix-floating-ip.lua");
    ck_assert_int_eq(baton("explore baton.xml --faults 1 --seeds 4"), 0);
    ck_assert_ptr_nonnull(strstr(out, "\nnothing found\n"));
    ck_assert_int_ne(access("failure.lua", F_OK), 0);
}
END_TEST

START_TEST(the_output_is_the_same_for_any_number_of_workers)
{
    static char first[65536];

    write_config("policies/postfix-floating-ip.lua");
    ck_assert_int_eq(baton("explore baton.xml --faults 1 --seeds 20 --json --jobs 1"), 0);
    memcpy(first, out, sizeof first);
    ck_assert_ptr_nonnull(strstr(first, "\"complete\": true"));
    ck_assert_int_eq(baton("explore baton.xml --faults 1 --seeds 20 --json --jobs 3"), 0);
    ck_assert_str_eq(out, first);
}
END_TEST

START_TEST(a_file_that_cannot_be_written_is_said_and_nothing_is_left_of_it)
{
    glob_t left;

    ck_assert_int_eq(mkdir("taken", 0755), 0);
    ck_assert_int_eq(baton("explore baton.xml --faults 1 --out taken"), 1);
    ck_assert_msg(strstr(said, "taken: ") != NULL, "%s", said);
    ck_assert_int_eq(glob("taken.*", 0, NULL, &left), GLOB_NOMATCH);
    ck_assert_int_eq(baton("explore baton.xml --faults 1 --out no/such/folder.lua"), 1);
    ck_assert_msg(strstr(said, "no/such/folder.lua: ") != NULL, "%s", said);
    /* What was found is not lost with it. */
    ck_assert_ptr_nonnull(strstr(out, "two-serve: two nodes serve: server01 and server02"));
    ck_assert_ptr_nonnull(strstr(out, "expect.never \"two nodes serve\""));
    ck_assert_ptr_null(strstr(out, "shows it"));
}
END_TEST

/* A device or pipe is written to; root must not replace /dev/null by a file. */
START_TEST(what_is_no_plain_file_is_not_replaced)
{
    struct stat status;
    int fd;
    char text[16] = "";

    ck_assert_int_eq(mkfifo("pipe", 0600), 0);
    fd = open("pipe", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(baton("explore baton.xml --faults 1 --out pipe"), 1);
    ck_assert_int_eq(lstat("pipe", &status), 0);
    ck_assert(S_ISFIFO(status.st_mode));
    ck_assert_int_eq(read(fd, text, 8), 8);
    ck_assert_str_eq(text, "-- Found");
    close(fd);
}
END_TEST

START_TEST(what_is_wrong_with_the_arguments_is_exit_2)
{
    ck_assert_int_eq(baton("explore"), 2);
    ck_assert_int_eq(baton("explore baton.xml --faults 5"), 2);
    ck_assert_int_eq(baton("explore baton.xml --seeds many"), 2);
    ck_assert_int_eq(baton("explore none.xml"), 1);
    ck_assert_int_eq(baton("explore baton.xml --group web"), 1);
    ck_assert_msg(strstr(said, "mail") != NULL, "%s", said); /* the groups there are */
}
END_TEST

START_TEST(a_policy_that_does_not_load_is_said_with_its_line)
{
    write_config("tests/policy/bad/no-such-edge.lua");
    ck_assert_int_eq(baton("explore baton.xml"), 1);
    ck_assert_msg(strstr(said, "no-such-edge.lua:12:") != NULL, "%s", said);
}
END_TEST

/* Long enough that it is still under way, whatever else this machine does. */
START_TEST(an_interrupt_ends_it_and_its_workers)
{
    pid_t pid;
    char byte;
    int alive[2];

    write_config("policies/postfix-floating-ip.lua");
    ck_assert_int_eq(pipe(alive), 0); /* all of them have it open, until they end */
    pid = begin("explore baton.xml --faults 4 --jobs 2");
    close(alive[1]);
    while (access("out", F_OK) != 0) {
        sched_yield();
    }
    /* Before the handler is there it ends by the signal itself, and so does the test. */
    ck_assert_int_eq(kill(pid, 0), 0);
    for (;;) {
        char path[64], list[256] = "";

        snprintf(path, sizeof path, "/proc/%d/task/%d/children", pid, pid);
        read_file(path, list, sizeof list);
        if (strchr(list, ' ') != NULL) {
            break; /* it has children: the handler is there */
        }
        sched_yield();
    }
    ck_assert_int_eq(kill(pid, SIGINT), 0);
    ck_assert_int_eq(end(pid), 130);
    ck_assert_msg(strstr(out, "interrupted; nothing found so far") != NULL, "%s%s", out, said);
    ck_assert_int_eq(read(alive[0], &byte, 1), 0);
    close(alive[0]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("explore, the command");
    TCase *tc = tcase_create("command");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, what_it_finds_is_a_file_that_simulate_replays);
    tcase_add_test(tc, nothing_found_is_exit_0_and_no_file);
    tcase_add_test(tc, the_output_is_the_same_for_any_number_of_workers);
    tcase_add_test(tc, a_file_that_cannot_be_written_is_said_and_nothing_is_left_of_it);
    tcase_add_test(tc, what_is_no_plain_file_is_not_replaced);
    tcase_add_test(tc, what_is_wrong_with_the_arguments_is_exit_2);
    tcase_add_test(tc, a_policy_that_does_not_load_is_said_with_its_line);
    tcase_add_test(tc, an_interrupt_ends_it_and_its_workers);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
