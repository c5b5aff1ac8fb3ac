/* batond itself, as a process: arguments, checks, start, reload, end. Its service is a file
 * for each node on this machine; nothing listens but the control socket. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char policy[] =
    "local up = param.up\n"
    "local function step(name, ...)\n"
    "  local words = { ... }\n"
    "  return action { name = name, run = function(node)\n"
    "    return exec { command = { words[1], words[2], up .. node.name } }.ok\n"
    "  end }\n"
    "end\n"
    "return policy {\n"
    "  serving = probe.custom { every = 1, run = function(node)\n"
    "    return exec { command = { 'test', '-e', up .. node.name } }.ok\n"
    "  end },\n"
    "  transitions = { { from = 'Standby', to = 'FailingOver', when = holder_unfit_for(1) } },\n"
    "  stop = { step('remove', 'rm', '-f') }, start = { step('make', 'touch', '--') },\n"
    "}\n";

/* The same for the simulated world, which is told what each command does and asks. It adds a
 * byte to `beat` with each probe. %s: what `serving` answers with. */
static const char simulated[] =
    "local function command(verb)\n"
    "  return function(node)\n"
    "    return node:exec { command = { 'true' }, effect = 'service.' .. verb }\n"
    "  end\n"
    "end\n"
    "local function runs(node)\n"
    "  return node:exec { command = { 'test', '-e', param.up .. node.name }, timeout = 2,\n"
    "    asks = 'service.running' }\n"
    "end\n"
    "return policy {\n"
    "  probes = { up = probe.exec { command = { 'sh', '-c', 'printf x >>' .. param.beat },\n"
    "    every = 0.1, timeout = 0.09 } },\n"
    "  serving = probe.custom { every = 1, timeout = 3, run = function(node)\n"
    "    %s\n"
    "  end },\n"
    "  transitions = { { from = 'Standby', to = 'FailingOver', when = holder_unfit_for(6) } },\n"
    "  stop = { action { name = 'halt', effect = 'service.stop', run = command 'stop',\n"
    "    look = function(node)\n"
    "      local it = runs(node)\n"
    "      if it.unknown then return nil, it.detail, true end\n"
    "      return it.failed, it.detail\n"
    "    end } },\n"
    "  start = { action { name = 'go', effect = 'service.start', run = command 'start',\n"
    "    look = runs } },\n"
    "}\n";
/* The slow one keeps the explorer busy until its time is over. */
static const char honest[] = "return runs(node)",
                  slow[] = "for _ = 1, 200000 do end return runs(node)",
                  blind[] = "return false, 'it never serves'";

static char folder[64], config[100], out[1 << 16];
static int code, notify_fd;

static void put_file(const char *name, const char *text)
{
    char path[160];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
    ck_assert_int_eq(chmod(path, 0644), 0);
}

static void put_simulated(const char *serving)
{
    char text[4096];

    snprintf(text, sizeof text, simulated, serving);
    put_file("policy.lua", text);
}

static bool is_there(const char *name)
{
    char path[160];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return access(path, F_OK) == 0;
}

static void put_config(const char *second_policy)
{
    static const char group[] = "<group name=\"%s\"><policy file=\"%s\">"
                                "<set name=\"up\" value=\"%s/up-%s-\"/>"
                                "<set name=\"beat\" value=\"%s/beat\"/></policy>"
                                "<node name=\"server01\" address=\"127.0.0.1\" priority=\"1\">"
                                "<local/></node>"
                                "<node name=\"server02\" address=\"127.0.0.2\" priority=\"2\">"
                                "<ssh/></node></group>\n";
    char text[2048];
    size_t used;

    used = (size_t)snprintf(
        text, sizeof text,
        "<baton><state directory=\"state\"/><control socket=\"%s/control.sock\"/>"
        "<log to=\"stderr\" level=\"info\"/><lua directory=\"%s/lua\"/>\n",
        folder, SOURCE_DIR);
    used += (size_t)snprintf(
        text + used, sizeof text - used, group, "mail", "policy.lua", folder, "mail", folder);
    if (second_policy != NULL) {
        used += (size_t)snprintf(
            text + used, sizeof text - used, group, "web", second_policy, folder, "web", folder);
    }
    snprintf(text + used, sizeof text - used, "</baton>\n");
    put_file("baton.xml", text);
}

static void set_up(void)
{
    static const struct timeval patience = {20, 0}; /* with a daemon that has died */
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    snprintf(folder, sizeof folder, "/tmp/baton-daemon-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(config, sizeof config, "%s/baton.xml", folder);
    put_file("policy.lua", policy);
    put_config(NULL);
    notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s/notify", folder);
    ck_assert_int_eq(setsockopt(notify_fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    ck_assert_int_eq(bind(notify_fd, (struct sockaddr *)&address, sizeof address), 0);
    setenv("NOTIFY_SOCKET", address.sun_path, 1);
    setenv("LC_ALL", "C", 1);
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void)status;
    (void)kind;
    (void)where;
    return remove(path);
}

static void tear_down(void)
{
    close(notify_fd);
    ck_assert_int_eq(nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* ---- Running -------------------------------------------------------------------------- */

static pid_t start(int *from, char *const argv[])
{
    int fd[2];
    pid_t pid;

    ck_assert_int_eq(pipe2(fd, O_CLOEXEC), 0);
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(fd[1], STDOUT_FILENO);
        dup2(fd[1], STDERR_FILENO);
        execv(BATOND_PATH, argv);
        _exit(99);
    }
    close(fd[1]);
    *from = fd[0];
    return pid;
}

static pid_t start_daemon(int *from)
{
    char *const argv[] = {(char *)"batond", (char *)"--config", config, NULL};

    return start(from, argv);
}

/* Read what is left and the exit code. */
static void finish(pid_t pid, int from)
{
    size_t used = 0;
    ssize_t n;
    int status;

    while ((n = read(from, out + used, sizeof out - 1 - used)) > 0) {
        used += (size_t)n;
    }
    out[used] = '\0';
    close(from);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFEXITED(status), "batond died by signal %d: %s", WTERMSIG(status), out);
    code = WEXITSTATUS(status);
}

static void run(char *const argv[])
{
    int from;
    pid_t pid = start(&from, argv);

    finish(pid, from);
}

static void check_config(void)
{
    run((char *[]){(char *)"batond", (char *)"--config", config, (char *)"--check", NULL});
}

static void says(const char *part)
{
    ck_assert_msg(strstr(out, part) != NULL, "does not say \"%s\":\n%s", part, out);
}

/* The daemon says so itself. */
static void wait_for_state(const char *state)
{
    char text[256];
    ssize_t n;

    do {
        n = recv(notify_fd, text, sizeof text - 1, 0);
        ck_assert_msg(n > 0, "batond does not say %s", state);
        text[n] = '\0';
    } while (strncmp(text, state, strlen(state)) != 0);
}

/* ---- A reload's child ----------------------------------------------------------------- */

static int64_t size_of(const char *name)
{
    struct stat status;
    char path[160];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return stat(path, &status) == 0 ? (int64_t)status.st_size : -1;
}

static void pause_a_little(void)
{
    static const struct timespec little = {0, 2000000};

    nanosleep(&little, NULL);
}

/* Is this the check that a daemon runs, past the shell that starts it? */
static bool is_check(pid_t pid)
{
    char path[64], words[4096];
    ssize_t n, i;
    int fd;

    snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    n = read(fd, words, sizeof words - 1);
    close(fd);
    words[n > 0 ? n : 0] = '\0';
    for (i = 0; i < n; i += (ssize_t)strlen(words + i) + 1) {
        if (strcmp(words + i, "--for-reload") == 0) {
            return strcmp(words, "/bin/sh") != 0;
        }
    }
    return false;
}

/* A child of this process that is a check, or (`any`) whatever it is; -1: there is none. */
static pid_t child_of(pid_t parent, bool any)
{
    char path[64], text[256], *at, *end;
    ssize_t n;
    int fd;

    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)parent, (int)parent);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    if (fd >= 0) {
        close(fd);
    }
    text[n > 0 ? n : 0] = '\0';
    for (at = text;; at = end) {
        pid_t pid = (pid_t)strtol(at, &end, 10);

        if (end == at) {
            return -1;
        }
        if (any || is_check(pid)) {
            return pid;
        }
    }
}

/* The check that a reload has begun, stopped where it is; `exploring`: not before it has read
 * all, and has a worker. */
static pid_t catch_check(pid_t daemon, bool exploring)
{
    int tries;

    for (tries = 0; tries < 5000; tries++) {
        pid_t pid = child_of(daemon, false);

        if (pid > 0 && (!exploring || child_of(pid, true) > 0)) {
            ck_assert_int_eq(kill(-pid, SIGSTOP), 0);
            return pid;
        }
        pause_a_little();
    }
    ck_abort_msg("no check was seen to run");
    return -1;
}

/* Wait until nobody of this process group is left. `ours`: its parent is dead, so its leader
 * became ours; it must have been killed, not have come to its own end. */
static void wait_until_gone(pid_t group, bool ours)
{
    bool killed = false;
    int tries, status;

    for (tries = 0; tries < 5000; tries++) {
        pid_t pid;

        while ((pid = waitpid(-group, &status, WNOHANG)) > 0) {
            killed = killed || (pid == group && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        }
        if (kill(-group, 0) != 0 && errno == ESRCH) {
            ck_assert_msg(killed || !ours, "the check went on after its daemon's death");
            return;
        }
        pause_a_little();
    }
    ck_abort_msg("the check outlives the daemon");
}

static void beats_on(void)
{
    int64_t before = size_of("beat");
    int tries;

    for (tries = 0; tries < 5000 && size_of("beat") < before + 3; tries++) {
        pause_a_little();
    }
    ck_assert_int_ge(size_of("beat"), before + 3);
}

/* ---- Tests ---------------------------------------------------------------------------- */

START_TEST(wrong_arguments_end_with_2)
{
    run((char *[]){(char *)"batond", NULL});
    ck_assert_int_eq(code, 2);
    says("--config FILE");
    run((char *[]){(char *)"batond", (char *)"--dance", NULL});
    ck_assert_int_eq(code, 2);
    run((char *[]){(char *)"batond", (char *)"--config", config, (char *)"more", NULL});
    ck_assert_int_eq(code, 2);
    run((char *[]){(char *)"batond", (char *)"--help", NULL});
    ck_assert_int_eq(code, 0);
    says("SIGHUP");
}
END_TEST

START_TEST(the_check_starts_nothing)
{
    check_config();
    ck_assert_msg(code == 0, "%s", out);
    ck_assert(!is_there("state"));
    ck_assert(!is_there("control.sock"));
}
END_TEST

START_TEST(the_check_finds_what_is_wrong_with_each_policy)
{
    put_file("policy.lua", "return policy {\n  probes = }\n");
    put_file("web.lua", "return policy {\n\n  strat = 1 }\n");
    put_config("web.lua");
    check_config();
    ck_assert_int_eq(code, 1);
    says("policy.lua:2:");
    says("web.lua:3:");
}
END_TEST

START_TEST(a_configuration_that_is_missing_or_malformed_ends_with_1)
{
    put_file("baton.xml", "<baton>\n<grup/></baton>\n");
    check_config();
    ck_assert_int_eq(code, 1);
    says("baton.xml:2:");
    unlink(config);
    check_config();
    ck_assert_int_eq(code, 1);
    says("baton.xml");
}
END_TEST

START_TEST(one_bad_policy_keeps_the_daemon_from_starting)
{
    int from;
    pid_t pid;

    put_file("web.lua", "return 5\n");
    put_config("web.lua");
    pid = start_daemon(&from);
    finish(pid, from);
    ck_assert_int_eq(code, 1);
    says("web.lua:1:");
    ck_assert(!is_there("control.sock"));
}
END_TEST

START_TEST(it_starts_tells_systemd_and_ends_without_touching_the_service)
{
    int from;
    pid_t pid;

    put_file("up-mail-server01", "");
    pid = start_daemon(&from);
    wait_for_state("READY=1");
    ck_assert(is_there("control.sock"));
    kill(pid, SIGTERM);
    wait_for_state("STOPPING=1");
    finish(pid, from);
    ck_assert_msg(code == 0, "%s", out);
    says("SIGTERM: ending; every service stays where it is");
    ck_assert(!is_there("control.sock"));
    ck_assert(is_there("up-mail-server01"));
    ck_assert(!is_there("up-mail-server02"));
}
END_TEST

START_TEST(a_reload_with_an_error_changes_nothing_and_says_so)
{
    int from;
    pid_t pid = start_daemon(&from);

    wait_for_state("READY=1");
    put_file("policy.lua", "return policy {\n  probes = }\n");
    kill(pid, SIGHUP);
    wait_for_state("RELOADING=1");
    wait_for_state("READY=1");
    put_file("policy.lua", policy);
    kill(pid, SIGHUP);
    wait_for_state("RELOADING=1");
    wait_for_state("READY=1");
    put_file("other.lua", policy);
    put_config("other.lua");
    kill(pid, SIGHUP);
    wait_for_state("RELOADING=1");
    wait_for_state("READY=1");
    kill(pid, SIGINT);
    finish(pid, from);
    ck_assert_msg(code == 0, "%s", out);
    says("not reloaded, all goes on as it was");
    says("policy.lua:2:");
    says("event=daemon text=\"reloaded ");
    says("group web is new; that takes a restart");
}
END_TEST

START_TEST(the_check_explores)
{
    put_simulated(honest);
    check_config();
    ck_assert_msg(code == 0, "%s", out);
    says("mail: ");
    says(" runs in ");
    put_simulated(blind);
    check_config();
    ck_assert_int_eq(code, 1);
    says("policy.lua:11: exploration: ");
    says("--group mail --out FILE)");
}
END_TEST

START_TEST(a_reload_whose_policy_fails_when_explored_keeps_the_old_one)
{
    int from;
    pid_t pid = start_daemon(&from);

    wait_for_state("READY=1");
    put_simulated(blind);
    kill(pid, SIGHUP);
    wait_for_state("RELOADING=1");
    wait_for_state("READY=1");
    ck_assert_int_eq(size_of("beat"), -1); /* that one was never run */
    put_simulated(honest);
    kill(pid, SIGHUP);
    wait_for_state("RELOADING=1");
    wait_for_state("READY=1");
    beats_on();
    kill(pid, SIGTERM);
    finish(pid, from);
    ck_assert_msg(code == 0, "%s", out);
    says("not reloaded, all goes on as it was");
    says("policy.lua:11: exploration: ");
    says("event=daemon text=\"reloaded ");
}
END_TEST

START_TEST(the_loop_goes_on_while_a_reload_is_checked_and_one_more_waits)
{
    int from;
    pid_t pid, check;

    put_simulated(slow);
    pid = start_daemon(&from);
    wait_for_state("READY=1");
    beats_on();
    kill(pid, SIGHUP);
    check = catch_check(pid, true);
    beats_on();
    put_file("policy.lua", "return policy {\n  probes = }\n"); /* it has read the other one … */
    kill(pid, SIGHUP);
    beats_on();
    kill(-check, SIGCONT);
    wait_for_state("RELOADING=1");
    wait_for_state("READY=1");
    wait_for_state("RELOADING=1"); /* … and what came after is not forgotten */
    wait_for_state("READY=1");
    beats_on();
    kill(pid, SIGTERM);
    finish(pid, from);
    ck_assert_msg(code == 0, "%s", out);
    says("policy.lua:2:");
}
END_TEST

START_TEST(a_policy_that_changes_while_it_is_checked_is_not_taken)
{
    int from;
    pid_t pid, check;

    put_simulated(slow);
    pid = start_daemon(&from);
    wait_for_state("READY=1");
    kill(pid, SIGHUP);
    check = catch_check(pid, true);
    put_file("policy.lua", policy);
    kill(-check, SIGCONT);
    wait_for_state("RELOADING=1");
    wait_for_state("READY=1");
    kill(pid, SIGTERM);
    finish(pid, from);
    ck_assert_msg(code == 0, "%s", out);
    says("has changed while it was checked; reload again");
}
END_TEST

static void die_without_a_word(pid_t pid, int from)
{
    kill(pid, SIGKILL);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    close(from);
}

START_TEST(a_check_never_outlives_its_daemon)
{
    int from;
    pid_t pid, check;

    ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    put_simulated(slow);
    pid = start_daemon(&from);
    wait_for_state("READY=1");
    kill(pid, SIGHUP);
    check = catch_check(pid, true);
    kill(pid, SIGTERM);
    finish(pid, from);
    ck_assert_msg(code == 0, "%s", out);
    wait_until_gone(check, false);

    pid = start_daemon(&from);
    wait_for_state("READY=1");
    kill(pid, SIGHUP);
    check = catch_check(pid, true);
    die_without_a_word(pid, from);
    kill(-check, SIGCONT);
    wait_until_gone(check, true);

    pid = start_daemon(&from);
    wait_for_state("READY=1");
    kill(pid, SIGHUP);
    check = catch_check(pid, false); /* it may not know yet whose it is */
    die_without_a_word(pid, from);
    kill(-check, SIGCONT);
    wait_until_gone(check, true);
}
END_TEST

START_TEST(a_second_daemon_on_the_same_state_is_refused)
{
    int from, second_from;
    pid_t pid = start_daemon(&from), second;

    wait_for_state("READY=1");
    second = start_daemon(&second_from);
    finish(second, second_from);
    ck_assert_int_eq(code, 1);
    ck_assert(is_there("control.sock"));
    kill(pid, SIGTERM);
    finish(pid, from);
    ck_assert_int_eq(code, 0);
}
END_TEST

/* ---- A Baton on every node ---- */

/* There is no store at that address: what a daemon makes of that is none of these tests. */
static void put_peers(const char *ttl)
{
    static const char group[] = "<group name=\"%s\"><policy file=\"policy.lua\">"
                                "<set name=\"up\" value=\"%s/up-%s-\"/></policy>"
                                "<node name=\"%s\" address=\"127.0.0.1\" priority=\"1\"/>"
                                "<node name=\"server02\" address=\"127.0.0.2\" priority=\"2\"/>"
                                "</group>\n";
    char text[2048];
    size_t used;

    used = (size_t)snprintf(
        text, sizeof text,
        "<baton><state directory=\"state\"/><control socket=\"%s/control.sock\"/>"
        "<log to=\"stderr\" level=\"info\"/><lua directory=\"%s/lua\"/>\n"
        "<peers><etcd><endpoint url=\"http://127.0.0.1:1\"/></etcd>"
        "<lease ttl=\"%s\"/><guardian enabled=\"no\"/></peers>\n",
        folder, SOURCE_DIR, ttl);
    used += (size_t)snprintf(
        text + used, sizeof text - used, group, "mail", folder, "mail", "server01");
    used +=
        (size_t)snprintf(text + used, sizeof text - used, group, "web", folder, "web", "server03");
    snprintf(text + used, sizeof text - used, "</baton>\n");
    put_file("baton.xml", text);
}

START_TEST(which_node_it_is_can_be_said_and_is_checked)
{
    put_peers("10s");
    check_config();
    ck_assert_int_eq(code, 1);
    says("baton.xml:2: <peers>: which node is this one?");
    run((char *[]){
        (char *)"batond", (char *)"--config", config, (char *)"--check", (char *)"--node",
        (char *)"server03", NULL});
    ck_assert_msg(code == 0, "%s", out);
    run((char *[]){
        (char *)"batond", (char *)"--config", config, (char *)"--node", (char *)"server09", NULL});
    ck_assert_int_eq(code, 1);
    says("--node server09 is none of them (server01, server02, server03)");
    ck_assert(!is_there("control.sock"));
}
END_TEST

START_TEST(a_lease_that_is_too_short_does_not_start)
{
    put_peers("7s");
    run((char *[]){
        (char *)"batond", (char *)"--config", config, (char *)"--node", (char *)"server01", NULL});
    ck_assert_int_eq(code, 1);
    says("baton.xml:2: <lease>: 2 × 2 s renew + 3 s stop + 1.5 s guardian + 1 s margin = 9.5 s");
}
END_TEST

START_TEST(there_is_no_shadow_among_peers)
{
    put_peers("10s");
    run((char *[]){
        (char *)"batond", (char *)"--config", config, (char *)"--shadow", (char *)"--node",
        (char *)"server01", NULL});
    ck_assert_int_eq(code, 1);
    says("baton.xml:2: with <peers> there is no shadow");
}
END_TEST

START_TEST(a_reload_takes_no_other_lease)
{
    char *const argv[] = {(char *)"batond", (char *)"--config", config,
                          (char *)"--node", (char *)"server01", NULL};
    int from;
    pid_t pid;

    put_peers("10s");
    pid = start(&from, argv);
    wait_for_state("READY=1");
    put_peers("20s");
    kill(pid, SIGHUP);
    wait_for_state("RELOADING=1");
    wait_for_state("READY=1");
    put_peers("10s");
    kill(pid, SIGHUP);
    wait_for_state("RELOADING=1");
    wait_for_state("READY=1");
    kill(pid, SIGTERM);
    finish(pid, from);
    ck_assert_msg(code == 0, "%s", out);
    says("this is server01, one of several Batons");
    says("there is no guardian");
    says("not watched: server01 is none of its nodes");
    says("not reloaded, all goes on as it was");
    says("baton.xml:2: <peers> is another one");
    says("event=daemon text=\"reloaded ");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("daemon");
    TCase *tcase = tcase_create("process");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, wrong_arguments_end_with_2);
    tcase_add_test(tcase, the_check_starts_nothing);
    tcase_add_test(tcase, the_check_finds_what_is_wrong_with_each_policy);
    tcase_add_test(tcase, a_configuration_that_is_missing_or_malformed_ends_with_1);
    tcase_add_test(tcase, one_bad_policy_keeps_the_daemon_from_starting);
    tcase_add_test(tcase, it_starts_tells_systemd_and_ends_without_touching_the_service);
    tcase_add_test(tcase, a_reload_with_an_error_changes_nothing_and_says_so);
    tcase_add_test(tcase, the_check_explores);
    tcase_add_test(tcase, a_reload_whose_policy_fails_when_explored_keeps_the_old_one);
    tcase_add_test(tcase, the_loop_goes_on_while_a_reload_is_checked_and_one_more_waits);
    tcase_add_test(tcase, a_policy_that_changes_while_it_is_checked_is_not_taken);
    tcase_add_test(tcase, a_check_never_outlives_its_daemon);
    tcase_add_test(tcase, a_second_daemon_on_the_same_state_is_refused);
    tcase_add_test(tcase, which_node_it_is_can_be_said_and_is_checked);
    tcase_add_test(tcase, a_lease_that_is_too_short_does_not_start);
    tcase_add_test(tcase, there_is_no_shadow_among_peers);
    tcase_add_test(tcase, a_reload_takes_no_other_lease);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
