#include "live_fixture.h"
#include "sshd_fixture.h"

#include "world/live/ssh.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct fixture f;
static struct answer a;
static struct sshd sshd;
static struct config_group group;
static char identity[128], known_hosts[128];

static void up(void)
{
    struct config_node *node = &group.node[0];

    fixture_prepare(&f);
    sshd_keys(&sshd, f.dir);
    sshd_begin(&sshd, "host");
    snprintf(identity, sizeof identity, "%s/client", f.dir);
    snprintf(known_hosts, sizeof known_hosts, "%s/known_hosts", f.dir);
    group = (struct config_group){.n_nodes = 1};
    group.name = strdup("mail");
    node->name = strdup("server01");
    node->address = strdup("127.0.0.1");
    node->transport = CONFIG_SSH;
    node->ssh.port = sshd.port;
    node->ssh.identity = identity;
    node->ssh.known_hosts = known_hosts;
    node->ssh.config = strdup("/dev/null");
    node->ssh.user = strdup("root");
    f.config.n_groups = 1;
    f.config.group = &group;
    fixture_begin(&f);
}

static void down(void)
{
    struct config_node *node = &group.node[0];

    answer_fini(&a);
    sshd_kill(&sshd);
    fixture_down(&f);
    free(group.name);
    free(node->name);
    free(node->address);
    free(node->ssh.config);
    free(node->ssh.user);
}

static struct world_request remote(const char *const *argv, int64_t timeout_ms)
{
    struct world_request request = {.kind = WORLD_EXEC, .timeout_ms = timeout_ms};

    request.u.exec.node = "server01";
    request.u.exec.argv = argv;
    request.u.exec.output_max = 4096;
    return request;
}

static void ask(const char *script, int64_t timeout_ms)
{
    const char *argv[] = {"sh", "-c", script, NULL};
    struct world_request request = remote(argv, timeout_ms);

    fixture_ask(&f, &request, &a);
}

static bool has_socket(void *arg)
{
    return fixture_has(&f, arg);
}

/* The master is there as soon as its socket is. */
static void ask_until_master(char *socket)
{
    ask("exit 0", 20000);
    ck_assert_msg(a.outcome == WORLD_OK, "%s / %s", a.detail, a.err);
    fixture_until(&f, has_socket, socket);
}

/* Process number of the connection's server, which sshd's child is a child of. */
static long connection(void)
{
    ask("echo $PPID; ps -o ppid= -p $PPID", 20000);
    ck_assert_msg(a.outcome == WORLD_OK, "%s / %s", a.detail, a.err);
    return strtol(strchr(a.out, '\n'), NULL, 10);
}

START_TEST(output_errors_and_exit_code_come_back)
{
    ask("echo out; echo 'no such mailbox' >&2; exit 3", 20000);
    ck_assert_int_eq(a.outcome, WORLD_FAIL);
    ck_assert_int_eq(a.code, 3);
    ck_assert_str_eq(a.out, "out\n");
    ck_assert_str_eq(a.err, "no such mailbox\n");
    ck_assert_str_eq(a.detail, "exit 3: no such mailbox");
}
END_TEST

START_TEST(hostile_words_arrive_as_they_are)
{
    const char *argv[] = {
        "printf",
        "%s|",
        "a b",
        "$(touch /tmp/x)`id`",
        "'; exit 9; '",
        "\"\\",
        "*",
        "",
        "-n",
        "~",
        "a\nb",
        "!!",
        "\xc3\xbc \x80",
        "&",
        NULL};
    struct world_request request = remote(argv, 20000);

    fixture_ask(&f, &request, &a);
    ck_assert_int_eq(a.outcome, WORLD_OK);
    ck_assert_str_eq(
        a.out, "a b|$(touch /tmp/x)`id`|'; exit 9; '|\"\\|*||-n|~|a\nb|!!|\xc3\xbc \x80|&|");
}
END_TEST

START_TEST(input_goes_in_and_comes_out_again)
{
    const char *argv[] = {"cat", NULL};
    struct world_request request = remote(argv, 20000);
    char input[3000];

    memset(input, 'x', sizeof input);
    request.u.exec.input = input;
    request.u.exec.input_len = sizeof input;
    fixture_ask(&f, &request, &a);
    ck_assert_uint_eq(a.out_len, sizeof input);
}
END_TEST

START_TEST(a_program_that_the_node_does_not_have_is_unknown)
{
    const char *argv[] = {"no-such-program", NULL};
    struct world_request request = remote(argv, 20000);

    fixture_ask(&f, &request, &a);
    ck_assert_int_eq(a.outcome, WORLD_UNKNOWN);
    ck_assert_int_eq(a.code, 127);
}
END_TEST

START_TEST(death_by_a_signal_is_unknown)
{
    ask("kill -KILL $$", 20000);
    ck_assert_int_eq(a.outcome, WORLD_UNKNOWN);
}
END_TEST

static bool is_zero(void *arg)
{
    return *(const int *)arg == 0;
}

static void count_down(void *arg, uint64_t request, const struct world_result *result)
{
    (void)request;
    ck_assert_msg(result->outcome == WORLD_OK, "%s / %s", result->detail, result->err);
    ck_assert_str_eq(result->err, "");
    --*(int *)arg;
}

START_TEST(more_commands_at_once_than_a_connection_allows_all_succeed)
{
    const char *argv[] = {"sleep", "0.5", NULL};
    struct world_request request = remote(argv, 30000);
    int waiting = 20, i;

    ask_until_master((char *)"ssh-1");
    for (i = 0; i < 20; i++) {
        world_start(f.world, &request, count_down, &waiting);
    }
    fixture_until(&f, is_zero, &waiting);
}
END_TEST

START_TEST(what_ssh_says_is_understood_even_where_no_output_is_kept)
{
    const char *argv[] = {"true", NULL};
    struct world_request request = remote(argv, 20000);

    sshd_kill(&sshd);
    sshd_begin(&sshd, "host-other");
    request.u.exec.output_max = 0;
    fixture_ask(&f, &request, &a);
    ck_assert_ptr_nonnull(strstr(a.detail, "host key of server01 has changed"));
}
END_TEST

START_TEST(commands_share_one_connection)
{
    long first;

    ask_until_master((char *)"ssh-1");
    first = connection();
    ck_assert_int_eq(connection(), first);
    ck_assert_int_eq(connection(), first);
}
END_TEST

START_TEST(the_master_ends_with_the_world)
{
    ask_until_master((char *)"ssh-1");
    live_free(f.world);
    f.world = NULL;
    ck_assert(!fixture_has(&f, "ssh-1")); /* fixture_down sees that no process is left */
}
END_TEST

START_TEST(a_changed_host_key_is_said_and_says_what_to_do)
{
    char wanted[512];

    sshd_kill(&sshd);
    sshd_begin(&sshd, "host-other");
    ask("exit 0", 20000);
    ck_assert_int_eq(a.outcome, WORLD_UNKNOWN);
    ck_assert_int_eq(a.code, 255);
    snprintf(
        wanted, sizeof wanted,
        "host key of server01 has changed: it was reinstalled, or somebody is in between; when "
        "you know which, fix known_hosts %s (ssh-keygen -R [127.0.0.1]:%d -f %s)",
        known_hosts, sshd.port, known_hosts);
    ck_assert_str_eq(a.detail, wanted);
}
END_TEST

START_TEST(an_unknown_host_key_is_refused)
{
    fixture_file(&f, "known_hosts", 0600, "");
    ask("touch /tmp/never", 20000);
    ck_assert_int_eq(a.outcome, WORLD_UNKNOWN);
    ck_assert_ptr_nonnull(strstr(a.detail, "host key of server01 is not known; check it and add"));
}
END_TEST

START_TEST(a_wrong_key_is_unknown_and_asks_nobody)
{
    strcat(identity, "-other");
    ask("exit 0", 20000);
    ck_assert_int_eq(a.outcome, WORLD_UNKNOWN);
    ck_assert_ptr_nonnull(strstr(a.detail, "server01 refused the login: "));
    ck_assert_ptr_nonnull(strstr(a.detail, identity));
}
END_TEST

START_TEST(a_node_without_sshd_is_unknown)
{
    sshd_kill(&sshd);
    ask("exit 0", 20000);
    ck_assert_int_eq(a.outcome, WORLD_UNKNOWN);
    ck_assert_ptr_nonnull(strstr(a.detail, "ssh to server01 failed: "));
    ck_assert_ptr_nonnull(strstr(a.detail, "Connection refused"));
}
END_TEST

static bool is_running(void *arg)
{
    (void)arg;
    return fixture_has(&f, "running");
}

static void begin_long(const char *rest, int64_t timeout_ms)
{
    static char script[512];
    static const char *argv[] = {"sh", "-c", script, NULL};
    struct world_request request;

    snprintf(
        script, sizeof script, "echo $$ >%s/new; mv %s/new %s/running; %s", f.dir, f.dir, f.dir,
        rest);
    request = remote(argv, timeout_ms);
    world_start(f.world, &request, answer_keep, &a);
    fixture_until(&f, is_running, NULL);
}

START_TEST(sshd_killed_in_mid_command_is_unknown_and_the_next_call_works)
{
    struct answer next = {0};
    const char *argv[] = {"true", NULL};
    struct world_request request = remote(argv, 20000);

    ask_until_master((char *)"ssh-1");
    a.count = 0;
    begin_long("sleep 600", 600000);
    sshd_kill(&sshd);
    fixture_wait(&f, &a);
    ck_assert_int_eq(a.outcome, WORLD_UNKNOWN);
    ck_assert_int_eq(a.code, 255);
    sshd_begin(&sshd, "host");
    fixture_ask(&f, &request, &next);
    ck_assert_msg(next.outcome == WORLD_OK, "%s / %s", next.detail, next.err);
    answer_fini(&next);
}
END_TEST

static bool is_gone(void *arg)
{
    return process_is_gone(*(const long *)arg);
}

START_TEST(a_command_without_end_is_ended_on_the_node_too)
{
    long pid;

    ask_until_master((char *)"ssh-1");
    a.count = 0;
    begin_long("sleep 600", 6000);
    pid = strtol(fixture_text(&f, "running"), NULL, 10);
    ck_assert(!process_is_gone(pid));
    fixture_wait(&f, &a);
    ck_assert_int_eq(a.outcome, WORLD_UNKNOWN);
    ck_assert_ptr_nonnull(strstr(a.detail, "no end within 6 s"));
    fixture_until(&f, is_gone, &pid);
}
END_TEST

START_TEST(a_stuck_connection_does_not_hang_later_calls)
{
    struct sshd other = sshd;
    struct answer next = {0};
    const char *argv[] = {"true", NULL};
    struct world_request request = remote(argv, 20000);

    ask_until_master((char *)"ssh-1");
    sshd_freeze(&sshd);
    ask("exit 0", 2000);
    ck_assert_int_eq(a.outcome, WORLD_UNKNOWN);
    /* The node answers again, by another sshd; the old connection stays as it is. */
    ck_assert(!fixture_has(&f, "ssh-1"));
    other.pid = 0;
    other.port = 0;
    sshd_begin(&other, "host");
    group.node[0].ssh.port = other.port;
    fixture_ask(&f, &request, &next);
    ck_assert_msg(next.outcome == WORLD_OK, "%s / %s", next.detail, next.err);
    answer_fini(&next);
    sshd_thaw(&sshd);
    sshd_kill(&other);
}
END_TEST

START_TEST(a_slow_command_does_not_end_others_on_its_connection)
{
    struct answer slow = {0};
    const char *argv[] = {"sleep", "600", NULL};
    struct world_request request = remote(argv, 1500);

    ask_until_master((char *)"ssh-1");
    a.count = 0;
    begin_long("sleep 4; echo done", 30000);
    fixture_ask(&f, &request, &slow);
    ck_assert_int_eq(slow.outcome, WORLD_UNKNOWN);
    answer_fini(&slow);
    fixture_wait(&f, &a);
    ck_assert_msg(a.outcome == WORLD_OK, "%s / %s", a.detail, a.err);
    ck_assert_str_eq(a.out, "done\n");
}
END_TEST

START_TEST(a_reload_takes_another_connection)
{
    long first;

    ask_until_master((char *)"ssh-1");
    first = connection();
    live_set_config(f.world, &f.config);
    ck_assert_int_ne(connection(), first);
    fixture_until(&f, has_socket, (char *)"ssh-2");
    ck_assert(!fixture_has(&f, "ssh-1"));
}
END_TEST

START_TEST(quoting_keeps_every_word_whole)
{
    const char *argv[] = {"it's", "", "a b", NULL};
    const char *none[] = {NULL};
    char *line = ssh_quote(argv);

    ck_assert_str_eq(line, "'it'\\''s' '' 'a b'");
    free(line);
    line = ssh_quote(none);
    ck_assert_str_eq(line, "");
    free(line);
}
END_TEST

START_TEST(a_state_folder_with_a_long_name_is_no_place_for_sockets)
{
    struct event_base *base = event_base_new();
    struct children *children = children_new(base);
    char directory[128];
    struct ssh *ssh;

    memset(directory, 'a', sizeof directory);
    directory[0] = '/';
    directory[sizeof directory - 1] = 0;
    ssh = ssh_new(children, directory);
    ck_assert_ptr_nonnull(ssh);
    ssh_free(ssh);
    children_free(children, 0);
    event_base_free(base);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("ssh");
    TCase *words = tcase_create("words"), *c;
    const char *missing = sshd_missing();

    tcase_add_test(words, quoting_keeps_every_word_whole);
    tcase_add_test(words, a_state_folder_with_a_long_name_is_no_place_for_sockets);
    suite_add_tcase(s, words);
    if (missing != NULL) {
        printf("skipped: tests with a real sshd: %s\n", missing);
        return s;
    }
    c = tcase_create("sshd");
    tcase_add_checked_fixture(c, up, down);
    tcase_set_timeout(c, 90);
    tcase_add_test(c, output_errors_and_exit_code_come_back);
    tcase_add_test(c, hostile_words_arrive_as_they_are);
    tcase_add_test(c, input_goes_in_and_comes_out_again);
    tcase_add_test(c, a_program_that_the_node_does_not_have_is_unknown);
    tcase_add_test(c, death_by_a_signal_is_unknown);
    tcase_add_test(c, more_commands_at_once_than_a_connection_allows_all_succeed);
    tcase_add_test(c, what_ssh_says_is_understood_even_where_no_output_is_kept);
    tcase_add_test(c, commands_share_one_connection);
    tcase_add_test(c, the_master_ends_with_the_world);
    tcase_add_test(c, a_changed_host_key_is_said_and_says_what_to_do);
    tcase_add_test(c, an_unknown_host_key_is_refused);
    tcase_add_test(c, a_wrong_key_is_unknown_and_asks_nobody);
    tcase_add_test(c, a_node_without_sshd_is_unknown);
    tcase_add_test(c, sshd_killed_in_mid_command_is_unknown_and_the_next_call_works);
    tcase_add_test(c, a_command_without_end_is_ended_on_the_node_too);
    tcase_add_test(c, a_stuck_connection_does_not_hang_later_calls);
    tcase_add_test(c, a_slow_command_does_not_end_others_on_its_connection);
    tcase_add_test(c, a_reload_takes_another_connection);
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
