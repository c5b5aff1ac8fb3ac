/* `baton init` as a person or a script meets it, on tests/unit/setup.lua. */
#include "fake_daemon.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
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
        "/lua\"/>\n<group name=\"mail\"><share path=\"%s/share\"/>"
        "<policy file=\"" SOURCE_DIR "/tests/unit/setup.lua\">%s</policy>\n"
        "<node name=\"server01\" address=\"127.0.0.1\" priority=\"1\"><local/></node>\n"
        "<node name=\"server02\" address=\"127.0.0.2\" priority=\"2\"><ssh port=\"1\"/></node>\n"
        "</group></baton>\n",
        folder, sets);
    put("baton.xml", text);
}

static void up(void)
{
    snprintf(folder, sizeof folder, "/tmp/baton-setup-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(mkdir(path("share"), 0700), 0);
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

struct talk { /* once `until` has been seen, `then` is typed; ends with NULL */
    const char *until, *then;
};

static void collect(int fd, pid_t pid, const struct talk *talk)
{
    size_t used = 0, from = 0;
    int status;

    out[0] = '\0';
    while (used + 1 < sizeof out) {
        ssize_t n = read(fd, out + used, sizeof out - 1 - used);
        const char *at;

        if (n <= 0) { /* a terminal whose other side has closed says EIO */
            break;
        }
        used += (size_t)n;
        out[used] = '\0';
        while (talk != NULL && talk->until != NULL &&
               (at = strstr(out + from, talk->until)) != NULL) {
            from = (size_t)(at - out) + strlen(talk->until);
            if (strncmp(talk->then, "touch ", 6) == 0) {
                put(talk->then + 6, "");
            } else {
                ck_assert_int_gt(write(fd, talk->then, strlen(talk->then)), 0);
            }
            talk++;
        }
    }
    close(fd);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void run(const char *words)
{
    int fd;
    pid_t pid = start(words, &fd);

    collect(fd, pid, NULL);
}

static void run_terminal(const char *words, const struct talk *talk)
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
    collect(fd, pid, talk);
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

/* The record and all of it are of no concern for what a step did. */
static void story_is(const char *wanted)
{
    const char *story = get("share/story");

    ck_assert_msg(strcmp(story, wanted) == 0, "the story is:\n%sand not:\n%s", story, wanted);
}

/* ---- Before anything is done ------------------------------------------------------------- */

START_TEST(a_dry_run_says_all_and_changes_nothing)
{
    run("init mail --dry-run");
    ends(0);
    says("baton init mail: 7 steps on server01 (primary), server02. This is a dry run");
    says("would run    1/7 the mark one\n        mail: touch ");
    says("/share/one\n        and more\n");
    says("would run    3/7 a long copy, server01\n        server01: rsync /a /b\n");
    says("waits        4/7 seen to be done: this will be for you to do\n        Make the file "
         "seen.\n"
         "        By hand.\n");
    says("Nothing was changed. To do it: baton init mail\n");
    says_not("\033");
    says_not("\r");
    ck_assert(!is_there("state"));
    story_is("");
}
END_TEST

/* Whatever a plan asks for: what acts is not made. */
START_TEST(a_plan_that_acts_does_not)
{
    configure("<set name=\"acting_plan\" value=\"yes\"/>");
    run("init mail --dry-run");
    ends(1);
    says("unknown      1/7 the mark one: would run on the controller (service.start): touch ");
    says("1 step can't be planned; nothing was changed");
}
END_TEST

START_TEST(without_a_terminal_it_wants_yes)
{
    run("init mail");
    ends(1);
    says("there is no terminal to ask on: add --yes to begin, or --dry-run");
    story_is("");
    run("init mail --undo");
    ends(0);
    says("There is nothing to take back");
}
END_TEST

START_TEST(what_is_not_there_is_said)
{
    run("init news --dry-run");
    ends(1);
    says("baton.xml: there is no group news");
    run("migrate mail --dry-run");
    ends(1);
    says("this policy has no steps for baton migrate (migrate = { … })");
}
END_TEST

/* ---- One run after another --------------------------------------------------------------- */

START_TEST(goes_on_where_it_stopped_and_then_has_nothing_to_do)
{
    struct stat status;

    put("share/go", "");
    run("init mail --yes");
    ends(1);
    says("done         1/7 the mark one: made\n");
    says("done         2/7 the mark two, server01: made\n");
    says("            server01: 100 %, 2.0 MB, 20 files");
    says("done         3/7 a long copy, server01: copied, 2.0 MB in 20 files");
    says("waits        4/7 seen to be done: this is for you to do; now: seen\n        Make the "
         "file seen.\n");
    says(
        "stopped at step 4 of 7. To go on: baton init mail; to take back what was done: baton init "
        "mail --undo");
    says_not("\033");
    says_not("\r");
    run("init mail --yes"); /* it is not there yet */
    ends(1);
    says("done before  3/7 a long copy, server01: 20");
    says("waits        4/7 seen to be done: this is for you to do; now: seen\n");
    put("share/seen", "");
    run("init mail --yes"); /* what nobody can look at is asked for once */
    ends(1);
    says("done         4/7 seen to be done: seen\n");
    says("waits        5/7 told to be done: this is for you to do\n        Think of it.\n");
    run("init mail --yes");
    ends(0);
    says("done         5/7 told to be done: as you say\n");
    says("All is done. Next: baton preflight mail");
    story_is("do one\ndo two\ndo copy\ndo bare\ndo last\n");
    run("init mail"); /* nothing to begin: it needs no yes */
    ends(0);
    says("done before  7/7 the mark last: 20");
    says("There is nothing left to do");
    story_is("do one\ndo two\ndo copy\ndo bare\ndo last\n");
    ck_assert_int_eq(stat(path("state/setup/mail-init.json"), &status), 0);
    ck_assert_uint_eq(status.st_mode & 0777, 0600);
}
END_TEST

#define ONLY_MARKS "<set name=\"without\" value=\"copy seen told\"/>"

START_TEST(what_is_so_already_is_left_and_not_undone)
{
    configure(ONLY_MARKS);
    put("share/two", "");
    run("init mail --yes");
    ends(0);
    says("already so   2/4 the mark two, server01: two\n");
    run("init mail --undo --yes");
    ends(0);
    says("stays        2/4 the mark two, server01: it was so before\n");
    ck_assert(is_there("share/two"));
    ck_assert(!is_there("share/one"));
    story_is(
        "do one\ndo bare\ndo last\nundo last with memo\nundo bare with memo\nundo one with memo\n");
    ck_assert(is_there("state/setup/mail-init.undone.json"));
    run("init mail --yes"); /* from the start again */
    ends(0);
    says("done         1/4 the mark one: made\n");
}
END_TEST

START_TEST(a_step_that_fails_ends_it_and_is_tried_again)
{
    configure(ONLY_MARKS);
    put("share/fail-two", "");
    run("init mail --yes");
    ends(1);
    says("failed       2/4 the mark two, server01: it does not want to\n");
    says("stopped at step 2 of 4");
    unlink(path("share/fail-two"));
    run("init mail --yes");
    ends(0);
    says("done before  1/4");
    says("done         2/4");
    story_is("do one\ndo two\ndo two\ndo bare\ndo last\n");
}
END_TEST

START_TEST(what_can_not_be_seen_is_not_touched)
{
    configure(ONLY_MARKS);
    put("share/blind", "");
    run("init mail --yes");
    ends(1);
    says("unknown      1/4 the mark one: nobody can look\n");
    story_is("");
}
END_TEST

START_TEST(an_undo_that_fails_goes_on_there)
{
    configure(ONLY_MARKS);
    run("init mail --yes");
    ends(0);
    put("share/fail-two", "");
    run("init mail --undo --yes");
    ends(1);
    says("undone       3/4");
    says("failed       2/4");
    says("not all is taken back. To go on: baton init mail --undo");
    ck_assert(is_there("share/one"));
    unlink(path("share/fail-two"));
    run("init mail --undo --dry-run");
    ends(0);
    says("would run    2/4 the mark two, server01: would be undone\n");
    says_not("3/4");
    run("init mail --undo --yes");
    ends(0);
    ck_assert(!is_there("share/one"));
}
END_TEST

/* It may have been done, or half done; what it said is lost. */
START_TEST(killed_in_the_middle_it_goes_on)
{
    int fd;
    pid_t pid = start("init mail --yes", &fd);

    wait_for("share/pid");
    kill(pid, SIGKILL);
    collect(fd, pid, NULL);
    ends(-SIGKILL);
    ck_assert_ptr_nonnull(strstr(get("state/setup/mail-init.json"), "\"running\""));
    put("share/go", ""); /* also ends the copy that is left over */
    put("share/seen", "");
    run("init mail --yes");
    ends(1);
    says("done before  2/7");
    says("done         3/7");
    says("waits        5/7");
    story_is("do one\ndo two\ndo copy\ndo copy\n");
}
END_TEST

START_TEST(a_signal_ends_the_step_and_its_program)
{
    int fd;
    pid_t pid = start("init mail --yes", &fd), copy;

    wait_for("share/pid");
    do {
        copy = atoi(get("share/pid"));
    } while (copy == 0);
    kill(pid, SIGINT);
    collect(fd, pid, NULL);
    ends(1);
    says("stopped      3/7 a long copy, server01: stopped");
    says("stopped at step 3 of 7. To go on: baton init mail");
    ck_assert_int_eq(kill(copy, 0), -1);
    ck_assert_int_eq(errno, ESRCH);
    run("init mail --undo --yes");
    ends(0);
    says("stays        3/7 a long copy, server01: nothing of it is taken back\n");
    story_is("do one\ndo two\ndo copy\nundo two with memo\nundo one with memo\n");
}
END_TEST

START_TEST(again_looks_at_each_anew)
{
    configure(ONLY_MARKS);
    run("init mail --yes");
    ends(0);
    unlink(path("share/two"));
    run("init mail --yes");
    says("There is nothing left to do");
    run("init mail --yes --again");
    ends(0);
    says("already so   1/4 the mark one: one\n");
    says("done         2/4 the mark two, server01: made\n");
    run("init mail --undo --yes"); /* what was ours is ours still */
    ends(0);
    ck_assert(!is_there("share/one") && !is_there("share/two"));
}
END_TEST

/* ---- Its record -------------------------------------------------------------------------- */

START_TEST(what_can_not_be_written_down_is_not_done)
{
    configure(ONLY_MARKS);
    ck_assert_int_eq(mkdir(path("state"), 0700), 0);
    ck_assert_int_eq(mkdir(path("state/setup"), 0700), 0);
    ck_assert_int_eq(mkdir(path("state/setup/mail-init.json.new"), 0700), 0);
    run("init mail --yes");
    ends(1);
    says("mail-init.json: what has been done can't be written down: Is a directory");
    story_is("");
}
END_TEST

START_TEST(a_record_that_is_no_record_is_left_alone)
{
    static const char *const wrong[] = {
        "{", "[]", "{\"group\":\"mail\",\"setup\":\"migrate\",\"steps\":[]}", ""};
    size_t i;

    configure(ONLY_MARKS);
    ck_assert_int_eq(mkdir(path("state"), 0700), 0);
    ck_assert_int_eq(mkdir(path("state/setup"), 0700), 0);
    for (i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        put("state/setup/mail-init.json", wrong[i]);
        run("init mail --yes");
        ends(1);
        says("mail-init.json");
        says("aside to begin anew");
        ck_assert_str_eq(get("state/setup/mail-init.json"), wrong[i]);
    }
    story_is("");
}
END_TEST

START_TEST(two_at_once_are_refused)
{
    int fd;
    pid_t pid = start("init mail --yes", &fd);

    wait_for("share/pid");
    run("init mail --yes");
    ends(1);
    says("another baton init or migrate runs on this machine");
    run("init mail --dry-run"); /* looking is fine */
    ends(0);
    says("done before  2/7");
    kill(pid, SIGTERM);
    collect(fd, pid, NULL);
    ends(1);
}
END_TEST

START_TEST(a_memo_that_is_no_text_is_said)
{
    configure("<set name=\"bytes\" value=\"yes\"/>");
    run("init mail --yes");
    ends(1);
    says("step bytes: what its undo needs is no UTF-8");
    run("init mail --undo --yes"); /* it has no memo then */
    ends(0);
    story_is("do bytes\nundo bytes without\n");
}
END_TEST

/* ---- JSON -------------------------------------------------------------------------------- */

START_TEST(json_is_one_object_a_line)
{
    static const char *const outcomes[] = {"done", "done", "done", "waits", NULL};
    char *line, *save = NULL;
    int n = 0;

    put("share/go", "");
    run("init mail --yes --json");
    ends(1);
    for (line = strtok_r(out, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save), n++) {
        json_t *object = json_loads(line, 0, NULL);

        ck_assert_msg(json_is_object(object), "%s", line);
        if (n < 4) {
            ck_assert_str_eq(json_string_value(json_object_get(object, "outcome")), outcomes[n]);
            ck_assert_int_eq(json_integer_value(json_object_get(object, "number")), n + 1);
        } else {
            ck_assert(json_is_false(json_object_get(object, "ok")));
            ck_assert_int_eq(json_integer_value(json_object_get(object, "done")), 3);
        }
        json_decref(object);
    }
    ck_assert_int_eq(n, 5);
}
END_TEST

START_TEST(json_has_the_plan_as_lines)
{
    char *end;
    json_t *object;

    run("init mail --dry-run --json");
    ends(0);
    end = strchr(out, '\n');
    ck_assert_ptr_nonnull(end);
    *end = '\0';
    object = json_loads(out, 0, NULL);
    ck_assert_int_eq(json_array_size(json_object_get(object, "plan")), 2);
    ck_assert_str_eq(
        json_string_value(json_array_get(json_object_get(object, "plan"), 1)), "and more");
    json_decref(object);
}
END_TEST

/* ---- On a terminal ----------------------------------------------------------------------- */

START_TEST(a_person_is_asked_and_not_believed)
{
    static const struct talk talk[] = {
        {"Begin? [y/N] ", "y\n"},
        {" %, ", "touch share/go"},
        {"Done? [y/N/skip] ", "y\n"},
        {"It is not so yet: seen", "touch share/seen"},
        {"Done? [y/N/skip] ", "y\n"},
        {"Done? [y/N/skip] ", "skip\n"},
        {NULL, NULL},
    };

    run_terminal("init", talk);
    ends(0);
    says("\033[32m✓  1/7 the mark one\033[0m: made");
    says("░");
    says("–  5/7 told to be done\033[0m: skipped");
    says("All is done.");
    story_is("do one\ndo two\ndo copy\ndo bare\ndo last\n");
}
END_TEST

START_TEST(a_person_may_say_no)
{
    static const struct talk never[] = {{"Begin? [y/N] ", "\n"}, {NULL, NULL}};
    static const struct talk later[] = {
        {"Begin? [y/N] ", "yes\n"}, {"Done? [y/N/skip] ", "\n"}, {NULL, NULL}};
    static const struct talk leaves[] = {
        {"Begin? [y/N] ", "y\n"}, {"Done? [y/N/skip] ", "\003"}, {NULL, NULL}};

    run_terminal("init", never);
    ends(1);
    says("nothing was begun");
    story_is("");
    put("share/go", "");
    run_terminal("init", later);
    ends(1);
    says("stopped at step 4 of 7");
    run_terminal("init", leaves);
    ends(1);
    says("stopped at step 4 of 7");
}
END_TEST

/* ---- Beside a daemon --------------------------------------------------------------------- */

static pid_t daemon_pid;

static void serve(int ready)
{
    struct event_base *base = event_base_new();

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    fake_new(base, path("sock"));
    if (write(ready, "r", 1) == 1) {
        event_base_dispatch(base);
    }
    _exit(0);
}

static void start_daemon(void)
{
    int ready[2];
    char byte;

    ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
    daemon_pid = fork();
    if (daemon_pid == 0) {
        serve(ready[1]);
    }
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
}

static void end_daemon(void)
{
    kill(daemon_pid, SIGKILL);
    waitpid(daemon_pid, NULL, 0);
}

static void command(const char *words)
{
    char line[256];

    snprintf(line, sizeof line, "%s --socket %s %s >/dev/null", BATON_PATH, path("sock"), words);
    ck_assert_int_eq(system(line), 0); /* NOLINT(bugprone-command-processor,cert-env33-c) */
}

START_TEST(a_daemon_that_controls_the_group_is_paused_first)
{
    configure(ONLY_MARKS);
    start_daemon();
    run("init mail --yes");
    ends(1);
    says("batond controls mail, and would move it meanwhile. Pause it first: baton pause mail");
    story_is("");
    run("init mail --dry-run");
    ends(0);
    command("pause mail");
    run("init mail --yes");
    ends(0);
    command("resume mail");
    run("init mail --undo --yes");
    ends(1);
    says("batond controls mail");
    end_daemon();
}
END_TEST

START_TEST(a_daemon_that_is_resumed_meanwhile_ends_it)
{
    int fd;
    pid_t pid;

    configure("<set name=\"without\" value=\"seen told\"/>");
    start_daemon();
    command("pause mail");
    pid = start("init mail --yes", &fd);
    wait_for("share/pid");
    command("resume mail");
    put("share/go", "");
    collect(fd, pid, NULL);
    ends(1);
    says("done         3/5 a long copy");
    says("failed       4/5 the mark bare: batond controls mail");
    story_is("do one\ndo two\ndo copy\n");
    end_daemon();
}
END_TEST

START_TEST(something_that_does_not_answer_is_not_nobody)
{
    configure(ONLY_MARKS);
    start_daemon();
    kill(daemon_pid, SIGSTOP);
    run("init mail --yes");
    ends(1);
    says("does not say whether it controls mail");
    end_daemon();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("init");
    TCase *t = tcase_create("init");
    SRunner *runner;
    int failed;

    tcase_set_timeout(t, 2 * PATIENCE_S);
    tcase_add_checked_fixture(t, up, down);
    tcase_add_test(t, a_dry_run_says_all_and_changes_nothing);
    tcase_add_test(t, a_plan_that_acts_does_not);
    tcase_add_test(t, without_a_terminal_it_wants_yes);
    tcase_add_test(t, what_is_not_there_is_said);
    tcase_add_test(t, goes_on_where_it_stopped_and_then_has_nothing_to_do);
    tcase_add_test(t, what_is_so_already_is_left_and_not_undone);
    tcase_add_test(t, a_step_that_fails_ends_it_and_is_tried_again);
    tcase_add_test(t, what_can_not_be_seen_is_not_touched);
    tcase_add_test(t, an_undo_that_fails_goes_on_there);
    tcase_add_test(t, killed_in_the_middle_it_goes_on);
    tcase_add_test(t, a_signal_ends_the_step_and_its_program);
    tcase_add_test(t, again_looks_at_each_anew);
    tcase_add_test(t, what_can_not_be_written_down_is_not_done);
    tcase_add_test(t, a_record_that_is_no_record_is_left_alone);
    tcase_add_test(t, two_at_once_are_refused);
    tcase_add_test(t, a_memo_that_is_no_text_is_said);
    tcase_add_test(t, json_is_one_object_a_line);
    tcase_add_test(t, json_has_the_plan_as_lines);
    tcase_add_test(t, a_person_is_asked_and_not_believed);
    tcase_add_test(t, a_person_may_say_no);
    tcase_add_test(t, a_daemon_that_controls_the_group_is_paused_first);
    tcase_add_test(t, a_daemon_that_is_resumed_meanwhile_ends_it);
    tcase_add_test(t, something_that_does_not_answer_is_not_nobody);
    suite_add_tcase(suite, t);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
