/* `baton preflight` and `baton cluster` as a person or a script meets them, on
 * tests/unit/preflight.lua. */
#include "journal/journal.h"

#include <check.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <jansson.h>
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
#include <time.h>
#include <unistd.h>

#define PATIENCE_S 30

static char folder[64];
static char out[1 << 18]; /* what the last run wrote */
static int code;          /* and its exit code */

/* ---- Files ------------------------------------------------------------------------------- */

static const char *path(const char *name)
{
    static char text[4][256];
    static int turn;

    turn = (turn + 1) % 4;
    snprintf(text[turn], sizeof text[turn], "%s/%s", folder, name);
    return text[turn];
}

static void put(const char *name, const char *text)
{
    FILE *file = fopen(path(name), "w");

    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
    chmod(path(name), 0600);
}

static const char *get(const char *name)
{
    static char text[65536];
    FILE *file = fopen(path(name), "r");
    size_t n = file != NULL ? fread(text, 1, sizeof text - 1, file) : 0;

    text[n] = '\0';
    if (file != NULL) {
        fclose(file);
    }
    return text;
}

static bool is_there(const char *name)
{
    return access(path(name), F_OK) == 0;
}

/* <set>s of the policy, and what else is in the configuration. */
static void configure(const char *sets)
{
    char text[2048];

    snprintf(
        text, sizeof text,
        "<baton><state directory=\"state\"/><control socket=\"sock\"/><lua directory=\"" SOURCE_DIR
        "/lua\"/><hooks directory=\"hooks\"/>\n<group name=\"mail\"><address "
        "ip=\"10.9.0.100/24\"/><share path=\"%s/share\"/>"
        "<policy file=\"" SOURCE_DIR "/tests/unit/preflight.lua\">%s</policy>\n"
        "<node name=\"server01\" address=\"127.0.0.1\" priority=\"1\"><local/></node>\n"
        "<node name=\"server02\" address=\"127.0.0.2\" priority=\"2\"><ssh port=\"1\"/></node>\n"
        "</group></baton>\n",
        folder, sets);
    put("baton.xml", text);
}

static void up(void)
{
    snprintf(folder, sizeof folder, "/tmp/baton-preflight-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(mkdir(path("share"), 0700), 0);
    ck_assert_int_eq(mkdir(path("hooks"), 0700), 0);
    setenv("TERM", "xterm", 1);
    setenv("TZ", "UTC", 1);
    unsetenv("NO_COLOR");
    unsetenv("BATON_SOCKET");
    configure("");
}

static void down(void)
{
    char line[128];

    snprintf(line, sizeof line, "rm -rf -- '%s'", folder);
    ck_assert_int_eq(system(line), 0); /* NOLINT(bugprone-command-processor,cert-env33-c) */
}

/* ---- Running ----------------------------------------------------------------------------- */

static pid_t start(const char *words, int *fd)
{
    char copy[512], *argv[32] = {(char *)"baton"}, *save = NULL, *word;
    int pipes[2], n = 1;
    pid_t pid;

    snprintf(copy, sizeof copy, "%s --config %s", words, path("baton.xml"));
    for (word = strtok_r(copy, " ", &save); word != NULL && n < 31; n++) {
        argv[n] = word;
        word = strtok_r(NULL, " ", &save);
    }
    ck_assert_int_eq(pipe2(pipes, O_CLOEXEC), 0);
    pid = fork();
    if (pid == 0) {
        dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
        dup2(pipes[1], STDOUT_FILENO);
        dup2(pipes[1], STDERR_FILENO);
        execv(BATON_PATH, argv);
        _exit(99);
    }
    close(pipes[1]);
    *fd = pipes[0];
    return pid;
}

static void collect(int fd, pid_t pid)
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
    }
    close(fd);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void run(const char *words)
{
    int fd;
    pid_t pid = start(words, &fd);

    collect(fd, pid);
}

static void run_terminal(const char *words)
{
    struct winsize size = {.ws_row = 40, .ws_col = 120};
    char config[128];
    int fd;
    pid_t pid;

    snprintf(config, sizeof config, "%s", path("baton.xml"));
    pid = forkpty(&fd, NULL, NULL, &size);
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        execl(BATON_PATH, "baton", words, "mail", "--config", config, NULL);
        _exit(99);
    }
    collect(fd, pid);
}

static void says(const char *part)
{
    ck_assert_msg(strstr(out, part) != NULL, "does not say \"%s\":\n%s", part, out);
}

static void says_not(const char *part)
{
    ck_assert_msg(strstr(out, part) == NULL, "says \"%s\":\n%s", part, out);
}

static void ends(int wanted)
{
    ck_assert_msg(code == wanted, "ended with %d, not %d:\n%s", code, wanted, out);
}

static void wait_for(const char *name)
{
    const struct timespec pause = {0, 10000000};
    int i;

    for (i = 0; i < PATIENCE_S * 100 && !is_there(name); i++) {
        nanosleep(&pause, NULL);
    }
    ck_assert_msg(is_there(name), "%s does not come", name);
}

/* ---- What no node can say ---------------------------------------------------------------- */

/* The policy of these tests does not survive it; where nobody is to know, the record is changed. */
static void explore(bool well)
{
    char line[768];

    snprintf(
        line, sizeof line,
        "cd '%s' && '%s' explore --seeds 1 --faults 1 baton.xml >/dev/null 2>&1; [ $? = 1 ] && "
        "sed -i 's/\"failed\": true/\"failed\": %s/' state/explored/mail.json",
        folder, BATON_PATH, well ? "false" : "true");
    ck_assert_int_eq(system(line), 0); /* NOLINT(bugprone-command-processor,cert-env33-c) */
}

static void on_recorded(void *arg, int64_t seq, const struct baton_error *failed)
{
    (void)seq;
    ck_assert_ptr_null(failed);
    *(bool *)arg = true;
}

/* A failback that ended well so long ago, in the journal. */
static void drill(int64_t age_ms)
{
    struct event_base *base = event_base_new();
    struct journal_setup setup = {.directory = path("state"), .base = base, .keep_ms = 86400000};
    struct group_node nodes[2] = {{.name = "server01"}, {.name = "server02"}};
    struct group group = {.name = "mail", .n_nodes = 2, .node = nodes};
    struct group_record record = {
        .seq = 1,
        .kind = GROUP_REC_PLAN_END,
        .plan_id = 1,
        .plan_kind = GROUP_PLAN_FAILBACK,
        .node = 0,
        .step = -1,
        .attempt = -1,
        .outcome = GROUP_OK,
    };
    struct baton_error error = {0};
    struct journal *journal;
    struct timespec now;
    bool done = false;

    clock_gettime(CLOCK_REALTIME, &now);
    ck_assert_msg(journal_open(&setup, &journal, &error) == BATON_OK, "%s", error.text);
    journal_record(
        journal, "mail", &group, &record, 1, 1, (int64_t)now.tv_sec * 1000 - age_ms, on_recorded,
        &done);
    journal_close(journal);
    ck_assert(done);
    event_base_free(base);
}

static void make_facts(void)
{
    ck_assert_int_eq(mkdir(path("state"), 0700), 0);
    explore(true);
    drill(5 * 3600000);
}

/* ---- Text -------------------------------------------------------------------------------- */

START_TEST(all_is_so)
{
    make_facts();
    run("preflight mail");
    ends(0);
    says("mail  15 of 15 are so\n\ngroup  server01  server02  \n"
         " ok                        there are two servers or more: 2 servers: server01, server02\n"
         " ok                        the clients have an address that no server has for its own: "
         "10.9.0.100, and 2 of the servers\n"
         "         ok        ok      the thing is there: it is\n"
         " ok                        all is well: it is\n"
         "         ok        ok      it is reached, by this policy's own word: it is\n"
         "         ok        ok      clock: it is\n"
         "         ok        ok      share: it is\n"
         " ok                        share-same: it is\n"
         " ok                        it is decided what happens to a server that is out of reach: "
         "hold: nothing moves by itself until you have seen to it (baton confirm-out)\n"
         " ok                        the policy was explored as it is now: on 20");
    says(" ok                        a planned move was tried not long ago: 5 h ago\n");
    says_not("do this");
    says_not("\033");
}
END_TEST

START_TEST(what_is_not_so_has_its_advice)
{
    make_facts();
    put("share/no-own-server02", "");
    put("share/blind-whole", "");
    run("preflight mail");
    ends(1);
    says("mail  13 of 15 are so, 1 is not, 1 can't be found out\n");
    says("         ok        NO      the thing is there\n"
         "                           server02: it says \"no\" & <no>\n"
         "                           do this: put it there\n"
         "  ?                        all is well\n"
         "                           nobody can see it\n"
         "                           do this: open your eyes\n");
}
END_TEST

START_TEST(advice_for_two_is_given_once)
{
    put("share/no-own-server01", "");
    put("share/no-own-server02", "");
    run("preflight mail");
    says("         NO        NO      the thing is there\n"
         "                           server01: it says \"no\" & <no>\n"
         "                           do this: put it there\n"
         "                           server02: it says \"no\" & <no>\n"
         " ok                        all is well");
}
END_TEST

START_TEST(a_terminal_gets_signs_and_progress)
{
    put("share/no-whole", "");
    run_terminal("preflight");
    ends(1);
    says("\r\033[K\033[33m▸\033[0m 1 of 15  ");
    says("\r\033[K\033[33m▸\033[0m 15 of 15  ");
    says("\033[32m ✓ \033[0m");
    says("\033[31m ✗ \033[0m");
}
END_TEST

/* What is unknown because the node is not reached needs no words of its own. */
START_TEST(a_node_that_is_not_reached_says_so_once)
{
    put("share/no-reached-server02", "");
    put("share/blind-own-server02", "");
    put("share/blind-whole", "");
    run("preflight mail");
    ends(1);
    says("         ok         ?      the thing is there\n"
         "  ?                        all is well\n"
         "                           nobody can see it\n"
         "                           do this: open your eyes\n"
         "         ok        NO      it is reached, by this policy's own word\n"
         "                           server02: it says \"no\" & <no>\n");
}
END_TEST

/* ---- Facts ------------------------------------------------------------------------------- */

START_TEST(without_facts_it_is_unknown)
{
    run("preflight mail");
    ends(1);
    says("  ?                        the policy was explored as it is now\n"
         "                           it never was, as far as is known here\n"
         "                           do this: baton explore ");
    says("  ?                        a planned move was tried not long ago\n"
         "                           no planned move is in the journal\n"
         "                           do this: at a quiet hour: baton failover mail --wait, then "
         "baton "
         "failback mail --wait\n");
}
END_TEST

START_TEST(another_group_than_was_explored)
{
    make_facts();
    configure("<set name=\"other\" value=\"1\"/>");
    run("preflight mail");
    ends(1);
    says(" NO                        the policy was explored as it is now\n"
         "                           policy or group have changed since they were explored on ");
}
END_TEST

START_TEST(what_was_explored_and_failed)
{
    ck_assert_int_eq(mkdir(path("state"), 0700), 0);
    explore(false);
    run("preflight mail");
    ends(1);
    says(" NO                        the policy was explored as it is now\n"
         "                           explored on 20");
    says(", and it failed: not-served: nobody serves for ");
}
END_TEST

START_TEST(a_fence_without_a_program)
{
    configure("<set name=\"unconfirmed\" value=\"fence\"/>");
    run("preflight mail");
    says(" NO                        it is decided what happens to a server that is out of reach\n"
         "                           fence: but there is no program in ");
    says("do this: put a program that switches the server off into ");
    ck_assert_int_eq(mkdir(path("hooks/fence.d"), 0700), 0);
    put("hooks/fence.d/10-off", "");
    chmod(path("hooks/fence.d/10-off"), 0755);
    run("preflight mail");
    says(" ok                        it is decided what happens to a server that is out of reach: "
         "fence, then it moves: hook fence\n");
}
END_TEST

START_TEST(a_drill_of_long_ago)
{
    ck_assert_int_eq(mkdir(path("state"), 0700), 0);
    drill(91 * (int64_t)86400000);
    run("preflight mail");
    says(" NO                        a planned move was tried not long ago\n"
         "                           91 days ago\n");
}
END_TEST

/* ---- Trouble ----------------------------------------------------------------------------- */

START_TEST(a_check_that_is_wrong_is_unknown)
{
    configure("<set name=\"broken\" value=\"true\"/>");
    run("preflight mail");
    ends(1);
    says("          ?         ?      wrong\n");
    says("preflight.lua:");
    says("do this: correct the check: this is a mistake in its script\n");
}
END_TEST

START_TEST(what_can_not_be_used_is_2)
{
    run("preflight other");
    ends(2);
    says("there is no group other");
    put("baton.xml", "<baton>");
    run("preflight mail");
    ends(2);
    run("preflight a b");
    ends(2);
}
END_TEST

START_TEST(an_interrupt_ends_it)
{
    int fd;
    pid_t pid;

    put("share/slow-own-server01", "");
    pid = start("preflight mail", &fd);
    wait_for("share/began");
    kill(pid, SIGINT);
    collect(fd, pid);
    ends(1);
    says("stopped after ");
}
END_TEST

/* A Baton on every node: each looks at its own. */
START_TEST(among_peers_only_this_node)
{
    char text[2048];

    snprintf(
        text, sizeof text,
        "<baton><state directory=\"state\"/><control socket=\"sock\"/>"
        "<lua directory=\"" SOURCE_DIR "/lua\"/><hooks directory=\"hooks\"/>\n"
        "<peers self=\"server02\"><etcd><endpoint url=\"http://127.0.0.1:2379\"/></etcd></peers>\n"
        "<group name=\"mail\"><address ip=\"10.9.0.100/24\" interface=\"lo\"/>"
        "<share path=\"%s/share\"/><policy file=\"" SOURCE_DIR "/tests/unit/preflight.lua\"/>\n"
        "<guardian><stop command=\"true\"/></guardian>"
        "<node name=\"server01\" address=\"127.0.0.1\" priority=\"1\"/>\n"
        "<node name=\"server02\" address=\"127.0.0.2\" priority=\"2\"/></group></baton>\n",
        folder);
    put("baton.xml", text);
    make_facts();
    run("preflight mail");
    ends(0);
    says("mail  11 of 11 are so\n\ngroup  server02  \n");
    says(" ok              the policy was explored as it is now: on 20");
    run("cluster mail");
    ends(0);
    says("server01  127.0.0.1  1         primary  only its own Baton knows");
    says("server02  127.0.0.2  2         standby  server02 has one");
}
END_TEST

/* ---- For machines ------------------------------------------------------------------------ */

START_TEST(json_is_the_contract)
{
    json_t *result, *checks, *check;

    make_facts();
    put("share/no-own-server02", "");
    run("preflight --json");
    ends(1);
    result = json_loads(out, 0, NULL);
    ck_assert_ptr_nonnull(result);
    check = json_array_get(json_object_get(result, "groups"), 0);
    ck_assert_str_eq(json_string_value(json_object_get(check, "group")), "mail");
    ck_assert(json_is_false(json_object_get(check, "ok")));
    ck_assert(json_is_string(json_object_get(check, "at")));
    checks = json_object_get(check, "checks");
    ck_assert_int_eq(json_array_size(checks), 15);
    check = json_array_get(checks, 3);
    ck_assert_str_eq(json_string_value(json_object_get(check, "name")), "own");
    ck_assert_str_eq(json_string_value(json_object_get(check, "title")), "the thing is there");
    ck_assert_str_eq(json_string_value(json_object_get(check, "node")), "server02");
    ck_assert_str_eq(json_string_value(json_object_get(check, "outcome")), "fail");
    ck_assert_str_eq(json_string_value(json_object_get(check, "detail")), "it says \"no\" & <no>");
    ck_assert_str_eq(json_string_value(json_object_get(check, "advice")), "put it there");
    check = json_array_get(checks, 0);
    ck_assert(json_is_null(json_object_get(check, "node")));
    ck_assert(json_is_null(json_object_get(check, "advice")));
    json_decref(result);
}
END_TEST

START_TEST(a_page_for_people)
{
    char line[256];
    const char *page;

    put("share/no-own-server02", "");
    snprintf(line, sizeof line, "preflight mail --html %s", path("page.html"));
    run(line);
    ends(1);
    page = get("page.html");
    ck_assert_ptr_nonnull(strstr(page, "<title>Preflight of mail: not ready</title>"));
    ck_assert_ptr_nonnull(strstr(page, "it says &quot;no&quot; &amp; &lt;no&gt;"));
    ck_assert_ptr_nonnull(strstr(page, "<b>Do this</b>put it there"));
    ck_assert_ptr_nonnull(strstr(page, "</html>"));
    ck_assert_ptr_null(strstr(page, "http:"));
    snprintf(line, sizeof line, "preflight mail --html %s", path("no/page.html"));
    run(line);
    ends(1);
    says("can't be written");
}
END_TEST

/* ---- baton cluster ----------------------------------------------------------------------- */

START_TEST(the_servers)
{
    run("cluster mail");
    ends(0);
    says("mail  10.9.0.100/24  (batond was not asked: the roles are those of the configuration)\n"
         "SERVER    ADDRESS    PRIORITY  ROLE     THING             LUCK\n"
         "server01  127.0.0.1  1         primary  server01 has one  none\n"
         "server02  127.0.0.2  2         standby  server02 has one  can't say\n");
}
END_TEST

START_TEST(the_servers_as_json)
{
    json_t *result, *servers, *column;

    run("cluster --json");
    ends(0);
    result = json_loads(out, 0, NULL);
    servers = json_object_get(json_array_get(json_object_get(result, "groups"), 0), "servers");
    ck_assert_int_eq(json_array_size(servers), 2);
    ck_assert_str_eq(
        json_string_value(json_object_get(json_array_get(servers, 1), "address")), "127.0.0.2");
    column = json_array_get(json_object_get(json_array_get(servers, 1), "columns"), 1);
    ck_assert_str_eq(json_string_value(json_object_get(column, "name")), "luck");
    ck_assert_str_eq(json_string_value(json_object_get(column, "value")), "can't say");
    ck_assert_str_eq(json_string_value(json_object_get(column, "outcome")), "unknown");
    json_decref(result);
    run("cluster other");
    ends(2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("baton preflight");
    TCase *text = tcase_create("text"), *facts = tcase_create("facts"),
          *trouble = tcase_create("trouble"), *machines = tcase_create("machines");
    TCase *cases[] = {text, facts, trouble, machines};
    SRunner *runner;
    size_t i;
    int failed;

    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        tcase_add_checked_fixture(cases[i], up, down);
        tcase_set_timeout(cases[i], 120);
        suite_add_tcase(suite, cases[i]);
    }
    tcase_add_test(text, all_is_so);
    tcase_add_test(text, what_is_not_so_has_its_advice);
    tcase_add_test(text, advice_for_two_is_given_once);
    tcase_add_test(text, a_terminal_gets_signs_and_progress);
    tcase_add_test(text, a_node_that_is_not_reached_says_so_once);
    tcase_add_test(facts, without_facts_it_is_unknown);
    tcase_add_test(facts, another_group_than_was_explored);
    tcase_add_test(facts, what_was_explored_and_failed);
    tcase_add_test(facts, a_fence_without_a_program);
    tcase_add_test(facts, a_drill_of_long_ago);
    tcase_add_test(trouble, a_check_that_is_wrong_is_unknown);
    tcase_add_test(trouble, what_can_not_be_used_is_2);
    tcase_add_test(trouble, an_interrupt_ends_it);
    tcase_add_test(trouble, among_peers_only_this_node);
    tcase_add_test(machines, the_servers);
    tcase_add_test(machines, the_servers_as_json);
    tcase_add_test(machines, json_is_the_contract);
    tcase_add_test(machines, a_page_for_people);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
