/* batond --shadow as a process, beside a batond that acts: what something else does with the
 * service is followed, what it would do is said, and nothing is touched. */
#include <check.h>
#include <errno.h>
#include <ftw.h>
#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* A node serves while its file up-… is there, and is fit while ok-… is. */
static const char policy[] =
    "local there = function(what, node)\n"
    "  return exec { command = { 'test', '-e', param.folder .. what .. node.name } }.ok\n"
    "end\n"
    "local function step(name, ...)\n"
    "  local words = { ... }\n"
    "  return action { name = name, run = function(node)\n"
    "    return exec { command = { words[1], words[2], param.folder .. 'up-' .. node.name } }.ok\n"
    "  end }\n"
    "end\n"
    "return policy {\n"
    "  probes = { ok = probe.custom { every = 0.2, fall = 2, rise = 2, run = function(node)\n"
    "    return there('ok-', node) end } },\n"
    "  fit = function(node) return node.ok.ok end,\n"
    "  serving = probe.custom { every = 0.2, run = function(node) return there('up-', node) end "
    "},\n"
    "  transitions = { { from = 'Standby', to = 'FailingOver', when = holder_unfit_for(0.5) } },\n"
    "  stop = { step('remove', 'rm', '-f') }, start = { step('make', 'touch', '--') },\n"
    "  settle = 1,\n"
    "}\n";

static char folder[64], out[1 << 18];
static int code;
static pid_t shadow;

static void path_of(char *path, size_t size, const char *name)
{
    ck_assert_int_lt(snprintf(path, size, "%s/%s", folder, name), (int)size);
}

static void put_file(const char *name, const char *text)
{
    char path[160];
    FILE *file;

    path_of(path, sizeof path, name);
    file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
    ck_assert_int_eq(chmod(path, 0644), 0);
}

static void take_file(const char *name)
{
    char path[160];

    path_of(path, sizeof path, name);
    ck_assert_int_eq(unlink(path), 0);
}

static bool is_there(const char *name)
{
    char path[160];

    path_of(path, sizeof path, name);
    return access(path, F_OK) == 0;
}

static void put_config(void)
{
    char text[2048];

    snprintf(
        text, sizeof text,
        "<baton><state directory=\"state\"/><control socket=\"%s/control.sock\"/>"
        "<log to=\"stderr\" level=\"warning\"/><lua directory=\"%s/lua\"/>"
        "<group name=\"mail\"><policy file=\"policy.lua\">"
        "<set name=\"folder\" value=\"%s/\"/></policy>"
        "<node name=\"server01\" address=\"127.0.0.1\" priority=\"1\"><local/></node>"
        "<node name=\"server02\" address=\"127.0.0.2\" priority=\"2\"><ssh/></node>"
        "</group></baton>\n",
        folder, SOURCE_DIR, folder);
    put_file("baton.xml", text);
}

static pid_t start(bool in_shadow)
{
    char config[160], log[160];
    char *argv[] = {
        (char *)"batond", (char *)"--config", config, in_shadow ? (char *)"--shadow" : NULL, NULL};
    pid_t pid;

    path_of(config, sizeof config, "baton.xml");
    path_of(log, sizeof log, in_shadow ? "shadow.log" : "real.log");
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (freopen(log, "w", stderr) != NULL) {
            execv(BATOND_PATH, argv);
        }
        _exit(99);
    }
    return pid;
}

static void stop(pid_t pid)
{
    int status;

    kill(pid, SIGTERM);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "batond ended with %d", status);
}

static void set_up(void)
{
    snprintf(folder, sizeof folder, "/tmp/baton-shadow-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    put_file("policy.lua", policy);
    put_config();
    put_file("up-server01", "");
    put_file("ok-server01", "");
    put_file("ok-server02", "");
    setenv("LC_ALL", "C", 1);
    unsetenv("NOTIFY_SOCKET");
    shadow = start(true);
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
    stop(shadow);
    ck_assert_int_eq(nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* `baton WORDS --socket SOCKET`; what it says goes to `out`. */
static void baton(const char *socket, const char *words)
{
    char path[160], copy[200], *argv[16] = {(char *)"baton"}, *save = NULL, *word;
    int fd[2], n = 1, status;
    size_t used = 0;
    ssize_t got;
    pid_t pid;

    path_of(path, sizeof path, socket);
    snprintf(copy, sizeof copy, "%s", words);
    for (word = strtok_r(copy, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save)) {
        argv[n++] = word;
    }
    argv[n++] = (char *)"--socket";
    argv[n++] = path;
    argv[n] = NULL;
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
    while ((got = read(fd[0], out + used, sizeof out - 1 - used)) > 0) {
        used += (size_t)got;
    }
    out[used] = '\0';
    close(fd[0]);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    code = WEXITSTATUS(status);
}

static void says(const char *part)
{
    ck_assert_msg(strstr(out, part) != NULL, "does not say \"%s\":\n%s", part, out);
}

/* Ask again and again; the test's own time limit ends it where it never says so. */
static void wait_until_status_says(const char *socket, const char *part)
{
    do {
        baton(socket, "status");
    } while (strstr(out, part) == NULL);
}

#define SHADOW_SOCKET "control.sock.shadow"

START_TEST(it_says_what_it_would_do_and_touches_nothing)
{
    wait_until_status_says(SHADOW_SOCKET, "held by server01, Active");
    wait_until_status_says(SHADOW_SOCKET, "Standby");
    says("SHADOW  takes no action; nothing yet that it would have done");
    take_file("ok-server01");
    wait_until_status_says(
        SHADOW_SOCKET, "ago it would have failed over from server01 to server02, epoch 2: "
                       "server01 unfit for ");
    says("ended at: stop: remove on server01: would run on the controller: rm -f ");
    ck_assert(is_there("up-server01") && !is_there("up-server02"));
    baton(SHADOW_SOCKET, "why mail");
    says("SHADOW  takes no action");
    says("not allowed now: in shadow nothing is moved, and this was told");
    baton(SHADOW_SOCKET, "history mail");
    says("would have failed over from server01 to server02, epoch 2");
    says("would run on the controller: rm -f ");
    ck_assert_ptr_eq(strstr(out, "epoch 2\n"), NULL); /* no grant */
}
END_TEST

START_TEST(the_status_as_json_says_so)
{
    json_t *json, *group;
    const char *kind, *from, *taker;

    wait_until_status_says(SHADOW_SOCKET, "Standby");
    take_file("ok-server01");
    wait_until_status_says(SHADOW_SOCKET, "would have failed over");
    baton(SHADOW_SOCKET, "status --json");
    json = json_loads(out, 0, NULL);
    ck_assert_ptr_nonnull(json);
    group = json_array_get(json_object_get(json, "groups"), 0);
    ck_assert(json_is_true(json_object_get(group, "shadow")));
    ck_assert_int_eq(
        json_unpack(
            json_object_get(group, "would"), "{s:s,s:s,s:s}", "kind", &kind, "from", &from, "taker",
            &taker),
        0);
    ck_assert_str_eq(kind, "failover");
    ck_assert_str_eq(from, "server01");
    ck_assert_str_eq(taker, "server02");
    json_decref(json);
}
END_TEST

START_TEST(it_follows_what_moves_the_service)
{
    wait_until_status_says(SHADOW_SOCKET, "held by server01, Active");
    wait_until_status_says(SHADOW_SOCKET, "Standby");
    take_file("up-server01");
    put_file("up-server02", "");
    wait_until_status_says(SHADOW_SOCKET, "held by server02, Active");
    ck_assert(!is_there("up-server01") && is_there("up-server02"));
    baton(SHADOW_SOCKET, "history mail");
    says("something else moved it");
    ck_assert_ptr_eq(strstr(out, "rogue"), NULL);
}
END_TEST

START_TEST(an_operators_move_is_refused_in_words)
{
    wait_until_status_says(SHADOW_SOCKET, "Standby");
    baton(SHADOW_SOCKET, "failover mail --to server02");
    ck_assert_int_eq(code, 1);
    says("runs in shadow and takes no action: move mail with what moves it now");
    baton(SHADOW_SOCKET, "pause mail");
    ck_assert_int_eq(code, 0);
}
END_TEST

START_TEST(a_reload_leaves_it_a_shadow)
{
    wait_until_status_says(SHADOW_SOCKET, "Standby");
    baton(SHADOW_SOCKET, "reload");
    ck_assert_msg(code == 0, "%s", out);
    take_file("ok-server01");
    wait_until_status_says(SHADOW_SOCKET, "would have failed over");
    ck_assert(is_there("up-server01") && !is_there("up-server02"));
}
END_TEST

START_TEST(one_that_acts_may_run_on_the_same_configuration)
{
    pid_t real;

    wait_until_status_says(SHADOW_SOCKET, "Standby");
    real = start(false);
    wait_until_status_says("control.sock", "held by server01, Active");
    wait_until_status_says("control.sock", "Standby");
    ck_assert_ptr_eq(strstr(out, "SHADOW"), NULL);
    take_file("ok-server01");
    wait_until_status_says("control.sock", "held by server02, Active");
    wait_until_status_says(SHADOW_SOCKET, "held by server02, Active");
    ck_assert(!is_there("up-server01") && is_there("up-server02"));
    ck_assert(is_there("state/journal.db") && is_there("state/shadow/journal.db"));
    stop(real);
    ck_assert(is_there(SHADOW_SOCKET) && !is_there("control.sock"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("daemon in shadow");
    TCase *tcase = tcase_create("process");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, it_says_what_it_would_do_and_touches_nothing);
    tcase_add_test(tcase, the_status_as_json_says_so);
    tcase_add_test(tcase, it_follows_what_moves_the_service);
    tcase_add_test(tcase, an_operators_move_is_refused_in_words);
    tcase_add_test(tcase, a_reload_leaves_it_a_shadow);
    tcase_add_test(tcase, one_that_acts_may_run_on_the_same_configuration);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
