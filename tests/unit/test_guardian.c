/* The guardian, as the process that it is, and the messages that it gets. Where there is no
 * sanitizer it is the one that ends at its first allocation. */
#include "lease/guardian/protocol.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef GUARDIAN_STRICT_PATH
#define GUARDIAN GUARDIAN_STRICT_PATH
#else
#define GUARDIAN GUARDIAN_PATH
#endif

#define WAIT_MAX_S 30
#define FAR_MS     100000 /* so far away that no test lives to see it */

static char dir[64], socket_path[96];
static pid_t guardian;
static uint64_t number;

/* ---- Around it ----------------------------------------------------------------------- */

static int64_t clock_ms(clockid_t id)
{
    struct timespec now;

    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t now_ms(void)
{
    return clock_ms(CLOCK_BOOTTIME);
}

static void nap(void)
{
    nanosleep(&(struct timespec){0, 5000000}, NULL);
}

/* What a wait waits for, tried again and again. */
#define UNTIL(condition)                                                                           \
    do {                                                                                           \
        int64_t give_up_ms = now_ms() + WAIT_MAX_S * 1000;                                         \
        while (!(condition)) {                                                                     \
            ck_assert_msg(now_ms() < give_up_ms, "did not come to be: %s", #condition);            \
            nap();                                                                                 \
        }                                                                                          \
    } while (0)

static const char *path_of(const char *name)
{
    static char path[2][128];
    static int turn;

    turn ^= 1;
    snprintf(path[turn], sizeof path[turn], "%s/%s", dir, name);
    return path[turn];
}

static bool has(const char *name)
{
    return access(path_of(name), F_OK) == 0;
}

static const char *text_of(const char *name)
{
    static char text[4096];
    FILE *file = fopen(path_of(name), "re");
    size_t n = file != NULL ? fread(text, 1, sizeof text - 1, file) : 0;

    if (file != NULL) {
        fclose(file);
    }
    text[n] = 0;
    return text;
}

static void put(const char *name)
{
    int fd = open(path_of(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    ck_assert_int_ge(fd, 0);
    close(fd);
}

static int dial(void)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    ck_assert_int_ge(fd, 0);
    snprintf(to.sun_path, sizeof to.sun_path, "%s", socket_path);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
        close(fd);
        return -1;
    }
    setsockopt(
        fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){WAIT_MAX_S, 0}, sizeof(struct timeval));
    return fd;
}

static int dial_up(void)
{
    int fd = -1;

    UNTIL((fd = dial()) >= 0);
    return fd;
}

static pid_t start_guardian(void)
{
    pid_t pid = fork();

    if (pid == 0) {
        execl(GUARDIAN, "baton-guardian", "--socket", socket_path, "--log", path_of("log"), NULL);
        _exit(127);
    }
    ck_assert_int_gt(pid, 0);
    close(dial_up());
    return pid;
}

static int end_of(pid_t pid)
{
    int status = 0;

    UNTIL(waitpid(pid, &status, WNOHANG) == pid);
    return status;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *at)
{
    (void)info;
    (void)kind;
    (void)at;
    return remove(path);
}

static void setup(void)
{
    const char *tmp = getenv("TMPDIR");

    snprintf(dir, sizeof dir, "%.40s/guardian-XXXXXX", tmp != NULL ? tmp : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(socket_path, sizeof socket_path, "%s/socket", dir);
    guardian = start_guardian();
}

static void teardown(void)
{
    if (guardian > 0) {
        ck_assert_msg(waitpid(guardian, NULL, WNOHANG) == 0, "the guardian died by itself");
        kill(guardian, SIGKILL);
        waitpid(guardian, NULL, 0);
    }
    /* The process that writes its log may still be at it. */
    UNTIL(nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0);
}

/* ---- Talking to it ------------------------------------------------------------------- */

static struct guardian_answer ask_with(int fd, const struct guardian_request *request)
{
    size_t size = guardian_request_size(request->head.op);
    struct guardian_answer answer;
    ssize_t n;

    ck_assert_int_eq(send(fd, request, size, MSG_NOSIGNAL), (ssize_t)size);
    n = recv(fd, &answer, sizeof answer, 0);
    ck_assert_msg(n > 0, "no answer: %s", n == 0 ? "end" : strerror(errno));
    ck_assert_ptr_null(guardian_answer_check(&answer, (size_t)n));
    ck_assert_uint_eq(answer.head.number, request->head.number);
    return answer;
}

static struct guardian_answer say_to(
    int fd, enum guardian_op op, const char *group, int64_t until_ms)
{
    struct guardian_request request;

    ck_assert(guardian_request_begin(&request, op, ++number, group));
    request.until_ms = until_ms;
    request.epoch = 7;
    return ask_with(fd, &request);
}

static int state_of(int fd, const char *group)
{
    return say_to(fd, GUARDIAN_ASK, group, 0).state;
}

/* Commands are scripts for sh, in the test's folder. */
static void tell(int fd, const char *group, int budget_ms, const char *const *scripts)
{
    struct guardian_request request;
    char script[300];

    ck_assert(guardian_request_begin(&request, GUARDIAN_SETUP, ++number, group));
    request.budget_ms = budget_ms;
    for (; *scripts != NULL; scripts++) {
        const char *argv[] = {"sh", "-c", script, NULL};

        snprintf(script, sizeof script, "cd %s; %s", dir, *scripts);
        ck_assert(guardian_request_command(&request, argv, 0));
    }
    ck_assert_int_eq(ask_with(fd, &request).word, GUARDIAN_DONE);
}

static int tell_one(int fd, const char *script)
{
    const char *const scripts[] = {script, NULL};

    tell(fd, "mail", 20000, scripts);
    return fd;
}

static struct guardian_answer set_dog(int fd, const char *path, int timeout_ms)
{
    struct guardian_request request;

    ck_assert(guardian_request_begin(&request, GUARDIAN_WATCHDOG, ++number, ""));
    snprintf(request.path, sizeof request.path, "%s", path);
    request.budget_ms = timeout_ms;
    return ask_with(fd, &request);
}

/* ---- Armed, disarmed, fired ---------------------------------------------------------- */

START_TEST(is_armed_and_disarmed_as_it_is_told)
{
    int fd = tell_one(dial_up(), "touch stopped");
    struct guardian_answer answer;
    int64_t until_ms = now_ms() + FAR_MS;

    ck_assert_uint_ne(say_to(fd, GUARDIAN_HELLO, "", 0).instance, 0);
    ck_assert_int_eq(state_of(fd, "mail"), GUARDIAN_DISARMED);
    ck_assert_int_eq(state_of(fd, "files"), GUARDIAN_NONE);
    answer = say_to(fd, GUARDIAN_ARM, "mail", until_ms);
    ck_assert_int_eq(answer.word, GUARDIAN_DONE);
    ck_assert_int_eq(answer.state, GUARDIAN_ARMED);
    answer = say_to(fd, GUARDIAN_ASK, "mail", 0);
    ck_assert_int_eq(answer.until_ms, until_ms);
    ck_assert_int_eq(answer.epoch, 7);
    ck_assert_int_eq(say_to(fd, GUARDIAN_DISARM, "mail", 0).state, GUARDIAN_DISARMED);
    ck_assert_int_eq(say_to(fd, GUARDIAN_ARM, "files", until_ms).word, GUARDIAN_REFUSED);
    close(fd);
}
END_TEST

START_TEST(a_silent_daemon_is_stopped_for_in_order)
{
    const char *const scripts[] = {
        "echo one $BATON_GROUP >>order", "echo two $BATON_EPOCH >>order", NULL};
    int fd = dial_up();
    int64_t until_ms = now_ms() + 50;
    struct guardian_answer answer;

    tell(fd, "mail", 20000, scripts);
    say_to(fd, GUARDIAN_ARM, "mail", until_ms);
    UNTIL(state_of(fd, "mail") == GUARDIAN_FIRED);
    ck_assert_str_eq(text_of("order"), "one mail\ntwo 7\n");
    answer = say_to(fd, GUARDIAN_ASK, "mail", 0);
    ck_assert_int_ge(answer.fired_ms, until_ms);
    ck_assert_int_ge(answer.over_ms, answer.fired_ms);
    UNTIL(strstr(text_of("log"), "group mail: the service is stopped") != NULL);
    close(fd);
}
END_TEST

/* A daemon that arms and then says no more. */
static pid_t start_daemon(int64_t arm_ms)
{
    int ready[2];
    char byte;
    pid_t pid;

    ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
    pid = fork();
    if (pid == 0) {
        int fd = tell_one(dial_up(), "touch stopped");

        say_to(fd, GUARDIAN_ARM, "mail", now_ms() + arm_ms);
        if (write(ready[1], "", 1) == 1) {
            pause();
        }
        _exit(0);
    }
    close(ready[1]);
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return pid;
}

START_TEST(a_killed_daemon_is_stopped_for)
{
    pid_t daemon = start_daemon(300);
    int fd;

    kill(daemon, SIGKILL);
    end_of(daemon);
    UNTIL(has("stopped"));
    fd = dial_up();
    UNTIL(state_of(fd, "mail") == GUARDIAN_FIRED); /* told to whoever comes later */
    close(fd);
}
END_TEST

START_TEST(a_frozen_daemon_is_stopped_for)
{
    pid_t daemon = start_daemon(300);

    kill(daemon, SIGSTOP);
    UNTIL(has("stopped"));
    kill(daemon, SIGKILL);
    end_of(daemon);
}
END_TEST

START_TEST(a_daemon_that_comes_back_in_time_goes_on)
{
    int64_t first_ms = now_ms() + 3000;
    pid_t daemon = start_daemon(3000);
    int fd;

    kill(daemon, SIGKILL);
    end_of(daemon);
    fd = dial_up();
    ck_assert_int_eq(state_of(fd, "mail"), GUARDIAN_ARMED);
    ck_assert_int_eq(say_to(fd, GUARDIAN_ARM, "mail", now_ms() + FAR_MS).word, GUARDIAN_DONE);
    UNTIL(now_ms() > first_ms + 100);
    ck_assert_int_eq(state_of(fd, "mail"), GUARDIAN_ARMED);
    ck_assert(!has("stopped"));
    close(fd);
}
END_TEST

START_TEST(renewals_push_the_end_away)
{
    int fd = tell_one(dial_up(), "touch stopped");

    for (int i = 0; i < 1000; i++) {
        ck_assert_int_eq(say_to(fd, GUARDIAN_ARM, "mail", now_ms() + 5000 + i).word, GUARDIAN_DONE);
    }
    ck_assert_int_eq(say_to(fd, GUARDIAN_DISARM, "mail", 0).state, GUARDIAN_DISARMED);
    ck_assert(!has("stopped"));
    close(fd);
}
END_TEST

START_TEST(armed_too_late_it_stops_at_once)
{
    int fd = tell_one(dial_up(), "touch stopped");

    ck_assert_int_eq(say_to(fd, GUARDIAN_ARM, "mail", now_ms() - 1).word, GUARDIAN_REFUSED);
    UNTIL(state_of(fd, "mail") == GUARDIAN_FIRED);
    ck_assert(has("stopped"));
    ck_assert_int_eq(say_to(fd, GUARDIAN_DISARM, "mail", 0).state, GUARDIAN_FIRED);
    ck_assert_int_eq(say_to(fd, GUARDIAN_ARM, "mail", now_ms() + FAR_MS).state, GUARDIAN_ARMED);
    close(fd);
}
END_TEST

START_TEST(while_it_stops_the_service_it_can_not_be_called_back)
{
    int fd = tell_one(dial_up(), "touch began; while ! [ -e go ]; do sleep 0.01; done");

    say_to(fd, GUARDIAN_ARM, "mail", now_ms());
    UNTIL(has("began"));
    ck_assert_int_eq(say_to(fd, GUARDIAN_ARM, "mail", now_ms() + FAR_MS).word, GUARDIAN_REFUSED);
    ck_assert_int_eq(say_to(fd, GUARDIAN_DISARM, "mail", 0).word, GUARDIAN_REFUSED);
    ck_assert_int_eq(state_of(fd, "mail"), GUARDIAN_FIRING);
    put("go");
    UNTIL(state_of(fd, "mail") == GUARDIAN_FIRED);
    close(fd);
}
END_TEST

/* ---- Commands that go wrong ------------------------------------------------------------ */

static bool is_gone(long pid)
{
    char path[64], state = 'X';
    FILE *file;

    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    file = fopen(path, "re");
    if (file == NULL) {
        return true;
    }
    if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1) {
        state = 'X';
    }
    fclose(file);
    return state == 'Z' || state == 'X';
}

START_TEST(a_command_that_hangs_is_killed_with_its_children_and_the_next_one_runs)
{
    const char *const scripts[] = {
        "sleep 1000 & echo $! >child; trap '' TERM; while :; do sleep 1000; done", "touch second",
        NULL};
    int fd = dial_up();

    tell(fd, "mail", 2000, scripts);
    say_to(fd, GUARDIAN_ARM, "mail", now_ms());
    UNTIL(state_of(fd, "mail") == GUARDIAN_FAILED);
    ck_assert(has("second"));
    UNTIL(strchr(text_of("child"), '\n') != NULL && is_gone(strtol(text_of("child"), NULL, 10)));
    say_to(fd, GUARDIAN_DISARM, "mail", 0);
    close(fd);
}
END_TEST

START_TEST(all_commands_together_end_within_the_budget)
{
    const char *const scripts[] = {"sleep 1000", "sleep 1000", "sleep 1000", "sleep 1000", NULL};
    int fd = dial_up();
    struct guardian_answer answer;

    tell(fd, "mail", 400, scripts);
    say_to(fd, GUARDIAN_ARM, "mail", now_ms());
    UNTIL((answer = say_to(fd, GUARDIAN_ASK, "mail", 0)).state == GUARDIAN_FAILED);
    /* Not by this machine's speed: four times a 100 s nap it can't have waited for. */
    ck_assert_int_lt(answer.over_ms - answer.fired_ms, 20000);
    ck_assert_int_ge(answer.over_ms - answer.fired_ms, 360);
    say_to(fd, GUARDIAN_DISARM, "mail", 0);
    close(fd);
}
END_TEST

START_TEST(a_stop_that_failed_is_tried_again_until_it_succeeds)
{
    const char *const scripts[] = {
        "echo >>tries; [ -e well ]", "/nonexistent/program 2>/dev/null; [ -e well ]", NULL};
    int fd = dial_up();

    tell(fd, "mail", 20000, scripts);
    say_to(fd, GUARDIAN_ARM, "mail", now_ms());
    UNTIL(state_of(fd, "mail") == GUARDIAN_FAILED);
    put("well");
    UNTIL(state_of(fd, "mail") == GUARDIAN_FIRED);
    ck_assert_str_eq(text_of("tries"), "\n\n");
    close(fd);
}
END_TEST

START_TEST(a_program_that_is_not_there_is_a_failure)
{
    const char *const argv[] = {"/nonexistent/program", NULL};
    struct guardian_request request;
    int fd = dial_up();

    ck_assert(guardian_request_begin(&request, GUARDIAN_SETUP, ++number, "mail"));
    request.budget_ms = 20000;
    ck_assert(guardian_request_command(&request, argv, 0));
    ck_assert_int_eq(ask_with(fd, &request).word, GUARDIAN_DONE);
    say_to(fd, GUARDIAN_ARM, "mail", now_ms());
    UNTIL(state_of(fd, "mail") == GUARDIAN_FAILED);
    UNTIL(strstr(text_of("log"), "ended with 127") != NULL);
    ck_assert_int_eq(say_to(fd, GUARDIAN_DISARM, "mail", 0).state, GUARDIAN_DISARMED);
    close(fd);
}
END_TEST

START_TEST(groups_are_stopped_side_by_side)
{
    const char *const first[] = {"touch one; while ! [ -e two ]; do sleep 0.01; done", NULL};
    const char *const second[] = {"touch two; while ! [ -e one ]; do sleep 0.01; done", NULL};
    int fd = dial_up();

    tell(fd, "mail", 25000, first);
    tell(fd, "files", 25000, second);
    say_to(fd, GUARDIAN_ARM, "mail", now_ms());
    say_to(fd, GUARDIAN_ARM, "files", now_ms());
    UNTIL(state_of(fd, "mail") == GUARDIAN_FIRED && state_of(fd, "files") == GUARDIAN_FIRED);
    close(fd);
}
END_TEST

/* ---- The hardware watchdog ------------------------------------------------------------- */

static off_t size_of(const char *name)
{
    struct stat info;

    ck_assert_int_eq(stat(path_of(name), &info), 0);
    return info.st_size;
}

static bool ends_with(const char *name, char byte)
{
    const char *text = text_of(name);
    size_t len = strlen(text);

    return len > 0 && text[len - 1] == byte;
}

/* When it was written last, by CLOCK_BOOTTIME. */
static int64_t written_ms(const char *name)
{
    int64_t offset_ms = now_ms() - clock_ms(CLOCK_REALTIME);
    struct stat info;

    ck_assert_int_eq(stat(path_of(name), &info), 0);
    return (int64_t)info.st_mtim.tv_sec * 1000 + info.st_mtim.tv_nsec / 1000000 + offset_ms;
}

START_TEST(the_watchdog_is_not_fed_beyond_the_bound_unless_the_stop_succeeds)
{
    int fd = tell_one(dial_up(), "[ -e well ]");
    const int timeout_ms = 600, budget_ms = 300;
    const char *const scripts[] = {"[ -e well ]", NULL};
    int64_t until_ms;
    off_t size;

    tell(fd, "mail", budget_ms, scripts);
    put("dog");
    ck_assert_int_eq(set_dog(fd, path_of("dog"), timeout_ms).word, GUARDIAN_DONE);
    UNTIL(size_of("dog") >= 3); /* nothing is armed */
    until_ms = now_ms() + 1500;
    say_to(fd, GUARDIAN_ARM, "mail", until_ms);
    UNTIL(state_of(fd, "mail") == GUARDIAN_FAILED);
    UNTIL(now_ms() > until_ms + 2 * timeout_ms);
    size = size_of("dog");
    /* It would be reset by until + timeout. 10 ms: what the two clocks of this test may be apart.
     */
    ck_assert_int_le(written_ms("dog"), until_ms + 10);
    ck_assert_int_gt(size, 3); /* fed while armed, though */
    put("well");
    UNTIL(state_of(fd, "mail") == GUARDIAN_FIRED);
    UNTIL(size_of("dog") >= size + 2);
    close(fd);
}
END_TEST

START_TEST(a_watchdog_shorter_than_the_budget_leaves_the_stop_its_time)
{
    const char *const scripts[] = {"while ! [ -e well ]; do sleep 0.01; done", NULL};
    int fd = dial_up();
    int64_t until_ms;
    off_t size;

    put("dog");
    tell(fd, "mail", 25000, scripts);
    ck_assert_int_eq(set_dog(fd, path_of("dog"), 300).word, GUARDIAN_DONE);
    until_ms = now_ms();
    say_to(fd, GUARDIAN_ARM, "mail", until_ms);
    size = size_of("dog");
    UNTIL(size_of("dog") > size + 1);
    ck_assert_int_gt(written_ms("dog"), until_ms);
    ck_assert_int_eq(state_of(fd, "mail"), GUARDIAN_FIRING);
    put("well");
    UNTIL(state_of(fd, "mail") == GUARDIAN_FIRED);
    close(fd);
}
END_TEST

START_TEST(the_watchdog_rests_after_an_end_in_good_order)
{
    int fd = tell_one(dial_up(), "true");

    put("dog");
    ck_assert_int_eq(set_dog(fd, path_of("dog"), 600).word, GUARDIAN_DONE);
    UNTIL(size_of("dog") > 0);
    kill(guardian, SIGTERM);
    ck_assert_int_eq(end_of(guardian), 0);
    guardian = 0;
    ck_assert(ends_with("dog", 'V'));
    ck_assert(!has("socket"));
    close(fd);
}
END_TEST

START_TEST(asked_to_end_while_armed_it_guards_on)
{
    int fd = tell_one(dial_up(), "true");

    put("dog");
    ck_assert_int_eq(set_dog(fd, path_of("dog"), 600).word, GUARDIAN_DONE);
    say_to(fd, GUARDIAN_ARM, "mail", now_ms() + FAR_MS);
    kill(guardian, SIGTERM);
    kill(guardian, SIGINT);
    kill(guardian, SIGHUP);
    kill(guardian, SIGPIPE);
    UNTIL(strstr(text_of("log"), "asked to end") != NULL);
    ck_assert_int_eq(state_of(fd, "mail"), GUARDIAN_ARMED);
    ck_assert_int_eq(waitpid(guardian, NULL, WNOHANG), 0);
    ck_assert(ends_with("dog", '\n'));
    say_to(fd, GUARDIAN_DISARM, "mail", 0);
    ck_assert_int_eq(end_of(guardian), 0);
    guardian = 0;
    ck_assert(ends_with("dog", 'V'));
    close(fd);
}
END_TEST

START_TEST(the_watchdog_is_not_taken_away_while_armed)
{
    int fd = tell_one(dial_up(), "true");
    struct guardian_answer answer;

    put("dog");
    ck_assert_int_eq(set_dog(fd, "/nonexistent/watchdog", 600).word, GUARDIAN_REFUSED);
    ck_assert_int_eq(set_dog(fd, path_of("dog"), 600).word, GUARDIAN_DONE);
    say_to(fd, GUARDIAN_ARM, "mail", now_ms() + FAR_MS);
    answer = set_dog(fd, "", 0);
    ck_assert_int_eq(answer.word, GUARDIAN_DONE);
    ck_assert_str_ne(answer.text, "");
    ck_assert(ends_with("dog", '\n'));
    say_to(fd, GUARDIAN_DISARM, "mail", 0);
    ck_assert_str_eq(set_dog(fd, "", 0).text, "");
    ck_assert(ends_with("dog", 'V'));
    close(fd);
}
END_TEST

/* ---- Who may speak, and what ------------------------------------------------------------- */

START_TEST(a_second_daemon_is_sent_away)
{
    int fd = tell_one(dial_up(), "true"), other = dial_up();
    struct guardian_answer answer;

    ck_assert_int_eq(recv(other, &answer, sizeof answer, 0), sizeof answer);
    ck_assert_int_eq(answer.word, GUARDIAN_BUSY);
    ck_assert_int_eq(recv(other, &answer, sizeof answer, 0), 0);
    close(other);
    ck_assert_int_eq(state_of(fd, "mail"), GUARDIAN_DISARMED);
    close(fd);
}
END_TEST

START_TEST(a_stranger_is_sent_away)
{
    char byte;
    int fd;

    if (geteuid() != 0) {
        return;
    }
    ck_assert_int_eq(chmod(dir, 0755), 0);
    ck_assert_int_eq(chmod(socket_path, 0777), 0);
    ck_assert_int_eq(seteuid(65534), 0);
    fd = dial_up();
    ck_assert_int_eq(seteuid(0), 0);
    ck_assert_int_eq(recv(fd, &byte, 1, 0), 0);
    close(fd);
}
END_TEST

START_TEST(groups_have_a_named_maximum_and_old_ones_make_room)
{
    const char *const none[] = {NULL};
    char name[GUARDIAN_NAME_MAX];
    struct guardian_request request;
    int fd = dial_up();

    for (int i = 0; i < GUARDIAN_GROUPS_MAX; i++) {
        snprintf(name, sizeof name, "group%d", i);
        tell(fd, name, 1000, none);
    }
    ck_assert(guardian_request_begin(&request, GUARDIAN_SETUP, ++number, "more"));
    request.budget_ms = 1000;
    ck_assert_int_eq(ask_with(fd, &request).word, GUARDIAN_REFUSED);
    say_to(fd, GUARDIAN_ARM, "group0", now_ms() + FAR_MS);
    close(fd);
    fd = dial_up();
    ck_assert_int_eq(ask_with(fd, &request).word, GUARDIAN_DONE);
    ck_assert_int_eq(state_of(fd, "group0"), GUARDIAN_ARMED);
    ck_assert_int_eq(state_of(fd, "group1"), GUARDIAN_NONE);
    close(fd);
}
END_TEST

/* Numbers that are the same in each run. */
static uint32_t dice(void)
{
    static uint64_t state = 88172645463325252ULL;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 16);
}

/* Half of them sound but for some bytes, half of them noise. */
static size_t make_noise(struct guardian_request *request)
{
    const char *const argv[] = {"sh", "-c", "true", NULL};
    unsigned char *bytes = (unsigned char *)request;
    size_t size;

    ck_assert(guardian_request_begin(
        request, (enum guardian_op)(1 + dice() % 6), dice(), dice() % 2 != 0 ? "noise" : ""));
    request->budget_ms = 1000;
    ck_assert(guardian_request_command(request, argv, 0));
    size = guardian_request_size(request->head.op);
    if (dice() % 2 != 0) {
        for (uint32_t i = 0; i < 1 + dice() % 8; i++) {
            bytes[dice() % size] = (unsigned char)dice();
        }
    } else {
        size = dice() % sizeof *request;
        for (size_t i = 0; i < size; i++) {
            bytes[i] = (unsigned char)dice();
        }
        if (dice() % 2 != 0 && size >= sizeof request->head) {
            request->head.magic = GUARDIAN_MAGIC;
        }
    }
    return size;
}

START_TEST(noise_is_judged_without_reading_beyond_it)
{
    int good = 0;

    for (int i = 0; i < 200000; i++) {
        static struct guardian_request request;
        size_t size = make_noise(&request);
        void *copy = malloc(size > 0 ? size : 1); /* exactly, for the sanitizer */

        ck_assert_ptr_nonnull(copy);
        memcpy(copy, &request, size);
        good += guardian_request_check(copy, size) == NULL;
        guardian_answer_check(copy, size);
        free(copy);
    }
    ck_assert_int_gt(good, 100);
    ck_assert_int_lt(good, 199000);
}
END_TEST

START_TEST(noise_does_not_disturb_the_guardian)
{
    int fd = tell_one(dial_up(), "touch stopped");

    say_to(fd, GUARDIAN_ARM, "mail", now_ms() + FAR_MS);
    close(fd);
    for (int i = 0; i < 1000; i++) {
        struct guardian_request request;
        size_t size = make_noise(&request);

        if (strcmp(request.group, "mail") == 0) {
            continue;
        }
        fd = dial_up();
        send(fd, &request, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        shutdown(fd, SHUT_WR);
        close(fd);
    }
    fd = dial_up();
    ck_assert_int_eq(state_of(fd, "mail"), GUARDIAN_ARMED);
    ck_assert(!has("stopped"));
    close(fd);
}
END_TEST

START_TEST(another_version_is_told_so)
{
    struct guardian_request request;
    struct guardian_answer answer;
    int fd = dial_up();

    ck_assert(guardian_request_begin(&request, GUARDIAN_HELLO, ++number, ""));
    request.head.version = GUARDIAN_VERSION + 1;
    answer = ask_with(fd, &request);
    ck_assert_int_eq(answer.word, GUARDIAN_STRANGE);
    ck_assert_ptr_nonnull(strstr(answer.text, "another version"));
    ck_assert_int_eq(recv(fd, &answer, sizeof answer, 0), 0);
    close(fd);
}
END_TEST

START_TEST(what_does_not_fit_into_a_message_is_refused)
{
    static char big[GUARDIAN_TEXT_MAX + 1];
    const char *argv[] = {big, NULL}, *many[GUARDIAN_WORDS_MAX + 2] = {NULL};
    struct guardian_request request;
    unsigned char bytes[16];
    int family, prefix;

    memset(big, 'x', sizeof big - 2);
    ck_assert(guardian_request_begin(&request, GUARDIAN_SETUP, 1, "mail"));
    request.budget_ms = 1;
    ck_assert(guardian_request_command(&request, argv, 0)); /* fills it exactly */
    ck_assert_ptr_null(guardian_request_check(&request, sizeof request));
    big[sizeof big - 2] = 'x';
    ck_assert(!guardian_request_command(&request, argv, 0));
    for (int i = 0; i <= GUARDIAN_WORDS_MAX; i++) {
        many[i] = "x";
    }
    ck_assert(!guardian_request_command(&request, many, 0));
    ck_assert(!guardian_request_command(&request, many + GUARDIAN_WORDS_MAX + 1, 0));
    ck_assert(!guardian_request_begin(&request, GUARDIAN_SETUP, 1, big));
    ck_assert(guardian_request_begin(&request, GUARDIAN_ARM, 1, "mail"));
    request.until_ms = INT64_MAX;
    ck_assert_ptr_nonnull(guardian_request_check(&request, guardian_request_size(GUARDIAN_ARM)));
    request.until_ms = 1;
    ck_assert_ptr_null(guardian_request_check(&request, guardian_request_size(GUARDIAN_ARM)));
    ck_assert(guardian_address_parse("10.9.0.100/24", &family, bytes, &prefix));
    ck_assert_int_eq(prefix, 24);
    ck_assert(guardian_address_parse("fd00::9/64", &family, bytes, &prefix));
    ck_assert_int_eq(family, AF_INET6);
    ck_assert(!guardian_address_parse("10.9.0.100", &family, bytes, &prefix));
    ck_assert(!guardian_address_parse("10.9.0.100/33", &family, bytes, &prefix));
    ck_assert(!guardian_address_parse("10.9.0.100/", &family, bytes, &prefix));
    ck_assert(!guardian_address_parse("10.9.0/24", &family, bytes, &prefix));
}
END_TEST

/* ---- The process ------------------------------------------------------------------------- */

START_TEST(it_is_locked_first_in_line_and_what_it_runs_is_not)
{
    char path[64], line[128];
    long locked = -1;
    FILE *file;
    int fd;

    if (geteuid() != 0) {
        return;
    }
    /* Its last preparation; a container may forbid it. */
    UNTIL(sched_getscheduler(guardian) != SCHED_OTHER || strstr(text_of("log"), "normal") != NULL);
    snprintf(path, sizeof path, "/proc/%d/status", (int)guardian);
    file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "VmLck:", 6) == 0) {
            locked = strtol(line + 6, NULL, 10);
        }
    }
    fclose(file);
#ifdef GUARDIAN_STRICT_PATH /* a sanitizer makes mlockall do nothing */
    ck_assert_int_gt(locked, 100);
#else
    ck_assert_int_ge(locked, 0);
#endif
    if (strstr(text_of("log"), "normal") == NULL) {
        ck_assert_int_eq(sched_getscheduler(guardian) & ~SCHED_RESET_ON_FORK, SCHED_RR);
    }
    fd = tell_one(
        dial_up(), "cat /proc/self/oom_score_adj >score; ulimit -l >lock; "
                   "cut -d' ' -f41 /proc/self/stat >policy; umask >mask; touch done");
    say_to(fd, GUARDIAN_ARM, "mail", now_ms());
    UNTIL(has("done"));
    ck_assert_str_eq(text_of("score"), "0\n");
    ck_assert_str_eq(text_of("policy"), "0\n");
    ck_assert_str_eq(text_of("mask"), "0022\n");
    close(fd);
}
END_TEST

START_TEST(the_process_that_writes_its_log_is_replaced)
{
    int fd = tell_one(dial_up(), "true");
    long logger = 0;
    char path[64];
    FILE *file;

    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)guardian, (int)guardian);
    file = fopen(path, "re");
    if (file == NULL) {
        return; /* a kernel that does not tell */
    }
    ck_assert_int_eq(fscanf(file, "%ld", &logger), 1);
    fclose(file);
    kill((pid_t)logger, SIGKILL);
    UNTIL(is_gone(logger));
    do {
        say_to(fd, GUARDIAN_ARM, "mail", now_ms());
        UNTIL(state_of(fd, "mail") == GUARDIAN_FIRED);
        for (int i = 0; i < 20; i++) {
            nap();
        }
    } while (strstr(text_of("log"), "the service is stopped") == NULL);
    close(fd);
}
END_TEST

static int run_detached(void)
{
    pid_t pid = fork();

    if (pid == 0) {
        execl(GUARDIAN, "baton-guardian", "--detach", "--socket", socket_path, NULL);
        _exit(127);
    }
    return WEXITSTATUS(end_of(pid));
}

START_TEST(detached_it_outlives_who_started_it_and_there_is_one_only)
{
    struct ucred who;
    socklen_t len = sizeof who;
    int fd;

    kill(guardian, SIGKILL);
    end_of(guardian);
    guardian = 0;
    UNTIL(run_detached() == 0);
    ck_assert_int_eq(run_detached(), 3);
    fd = dial_up();
    ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len), 0);
    ck_assert_int_ne(getsid(who.pid), getsid(0));
    ck_assert_int_ne(getpgid(who.pid), getpgid(0));
    kill(who.pid, SIGTERM);
    UNTIL(!has("socket"));
    close(fd);
}
END_TEST

static void sh(const char *command)
{
    ck_assert_int_eq(system(command), 0); /* NOLINT(bugprone-command-processor,cert-env33-c) */
}

/* Its end is gone with the test's process. */
START_TEST(the_address_goes_last_whatever_the_commands_said)
{
    const char *const argv[] = {"false", NULL};
    struct guardian_request request;
    int fd;

    if (geteuid() != 0 || unshare(CLONE_NEWNET) != 0) {
        printf("not root: no network namespace, skipped\n");
        return;
    }
    kill(guardian, SIGKILL);
    end_of(guardian);
    guardian = start_guardian(); /* in there */
    sh("ip link add gd0 type veth peer name gd1 && ip link set gd0 up && ip addr add 10.9.8.1/24 "
       "dev gd0 && "
       "ip addr add 10.9.8.100/24 dev gd0 && ip addr add 10.9.8.100/32 dev gd0 && "
       "ip addr add fd09::100/64 dev gd0 nodad");
    fd = dial_up();
    ck_assert(guardian_request_begin(&request, GUARDIAN_SETUP, ++number, "mail"));
    request.budget_ms = 20000;
    snprintf(request.path, sizeof request.path, "10.9.8.100/24");
    snprintf(request.interface, sizeof request.interface, "gd0");
    ck_assert(guardian_request_command(&request, argv, 0));
    ck_assert_int_eq(ask_with(fd, &request).word, GUARDIAN_DONE);
    snprintf(request.group, sizeof request.group, "six");
    snprintf(request.path, sizeof request.path, "fd09::100/128");
    ck_assert_int_eq(ask_with(fd, &request).word, GUARDIAN_DONE);
    snprintf(request.group, sizeof request.group, "nothing");
    snprintf(request.path, sizeof request.path, "10.9.8.77/24");
    request.n_commands = 0;
    ck_assert_int_eq(ask_with(fd, &request).word, GUARDIAN_DONE);
    say_to(fd, GUARDIAN_ARM, "mail", now_ms());
    say_to(fd, GUARDIAN_ARM, "six", now_ms());
    say_to(fd, GUARDIAN_ARM, "nothing", now_ms());
    UNTIL(state_of(fd, "mail") == GUARDIAN_FAILED && state_of(fd, "six") == GUARDIAN_FAILED);
    UNTIL(state_of(fd, "nothing") == GUARDIAN_FIRED);
    sh("! ip -o addr show dev gd0 | grep -q '10.9.8.100\\|fd09::100'");
    sh("ip -o addr show dev gd0 | grep -q 10.9.8.1/24");
    close(fd);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("guardian");
    TCase *live = tcase_create("process"), *words = tcase_create("messages");
    SRunner *runner;
    int failed;

    tcase_set_timeout(live, 90);
    tcase_add_checked_fixture(live, setup, teardown);
    tcase_add_test(live, is_armed_and_disarmed_as_it_is_told);
    tcase_add_test(live, a_silent_daemon_is_stopped_for_in_order);
    tcase_add_test(live, a_killed_daemon_is_stopped_for);
    tcase_add_test(live, a_frozen_daemon_is_stopped_for);
    tcase_add_test(live, a_daemon_that_comes_back_in_time_goes_on);
    tcase_add_test(live, renewals_push_the_end_away);
    tcase_add_test(live, armed_too_late_it_stops_at_once);
    tcase_add_test(live, while_it_stops_the_service_it_can_not_be_called_back);
    tcase_add_test(live, a_command_that_hangs_is_killed_with_its_children_and_the_next_one_runs);
    tcase_add_test(live, all_commands_together_end_within_the_budget);
    tcase_add_test(live, a_stop_that_failed_is_tried_again_until_it_succeeds);
    tcase_add_test(live, a_program_that_is_not_there_is_a_failure);
    tcase_add_test(live, groups_are_stopped_side_by_side);
    tcase_add_test(live, the_watchdog_is_not_fed_beyond_the_bound_unless_the_stop_succeeds);
    tcase_add_test(live, a_watchdog_shorter_than_the_budget_leaves_the_stop_its_time);
    tcase_add_test(live, the_watchdog_rests_after_an_end_in_good_order);
    tcase_add_test(live, asked_to_end_while_armed_it_guards_on);
    tcase_add_test(live, the_watchdog_is_not_taken_away_while_armed);
    tcase_add_test(live, a_second_daemon_is_sent_away);
    tcase_add_test(live, a_stranger_is_sent_away);
    tcase_add_test(live, groups_have_a_named_maximum_and_old_ones_make_room);
    tcase_add_test(live, noise_does_not_disturb_the_guardian);
    tcase_add_test(live, another_version_is_told_so);
    tcase_add_test(live, it_is_locked_first_in_line_and_what_it_runs_is_not);
    tcase_add_test(live, the_process_that_writes_its_log_is_replaced);
    tcase_add_test(live, detached_it_outlives_who_started_it_and_there_is_one_only);
    tcase_add_test(live, the_address_goes_last_whatever_the_commands_said);
    tcase_add_test(words, noise_is_judged_without_reading_beyond_it);
    tcase_add_test(words, what_does_not_fit_into_a_message_is_refused);
    tcase_set_timeout(words, 60);
    suite_add_tcase(suite, live);
    suite_add_tcase(suite, words);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
