/* The guardian's loop: one daemon, its clock, its children. */
#include "lease/guardian/parts.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define LOOP_MESSAGES_MAX 64 /* in one turn: a daemon gone mad must not keep the clock waiting */

enum {
    WAIT_TIMER,
    WAIT_SIGNALS,
    WAIT_DAEMON,
    WAIT_LISTENER,
    WAITS
};

int64_t guardian_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- The daemon ------------------------------------------------------------------------- */

static void drop_daemon(struct guardian *g)
{
    if (g->daemon >= 0) {
        close(g->daemon);
        g->daemon = -1;
    }
}

static void say_fired(const struct ward *ward, char *text, size_t size)
{
    bool stopped = ward->state == GUARDIAN_FIRED;

    snprintf(
        text, size,
        "group %s: the daemon was silent, and the guardian %s the service (epoch %" PRId64 ")",
        ward->setup.group, stopped ? "stopped" : "could not stop", ward->epoch);
}

static void answer(
    struct guardian *g, int fd, const struct guardian_head *head, enum guardian_word word,
    const char *group, const char *text)
{
    const struct ward *ward = group != NULL ? ward_find(g, group) : NULL;
    struct guardian_answer message;

    memset(&message, 0, sizeof message);
    message.head = (struct guardian_head){
        GUARDIAN_MAGIC, GUARDIAN_VERSION, head != NULL ? head->op : 0,
        head != NULL ? head->number : 0};
    message.word = (int32_t)word;
    message.instance = g->instance;
    if (ward != NULL) {
        message.state = (int32_t)ward->state;
        message.until_ms = ward->until_ms;
        message.epoch = ward->epoch;
        message.fired_ms = ward->fired_ms;
        message.over_ms = ward->over_ms;
    }
    if (text != NULL) {
        snprintf(message.text, sizeof message.text, "%s", text);
    } else if (ward != NULL && (ward->state == GUARDIAN_FIRED || ward->state == GUARDIAN_FAILED)) {
        say_fired(ward, message.text, sizeof message.text);
    }
    if (send(fd, &message, sizeof message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && fd == g->daemon) {
        drop_daemon(g); /* it has not read its answers; it may come again */
    }
}

static void carry_out(struct guardian *g, const struct guardian_request *request, int64_t now_ms)
{
    const char *failed = NULL, *group = request->group[0] != 0 ? request->group : NULL;
    bool done;

    switch (request->head.op) {
    case GUARDIAN_WATCHDOG:
        failed = dog_set(g, request->path, request->budget_ms, now_ms);
        break;
    case GUARDIAN_SETUP:
        failed = ward_setup(g, request);
        break;
    case GUARDIAN_ARM:
        failed = ward_arm(g, request, now_ms);
        break;
    case GUARDIAN_DISARM:
        failed = ward_disarm(g, request);
        break;
    default: /* HELLO, ASK: the answer has it all */
        break;
    }
    done = failed == NULL || (request->head.op == GUARDIAN_WATCHDOG && g->dog.fd >= 0);
    answer(g, g->daemon, &request->head, done ? GUARDIAN_DONE : GUARDIAN_REFUSED, group, failed);
}

/* False: nothing more to read now. */
static bool hear_one(struct guardian *g)
{
    struct guardian_request request;
    const char *wrong;
    ssize_t n = recv(g->daemon, &request, sizeof request, MSG_DONTWAIT | MSG_TRUNC);

    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR) {
            drop_daemon(g);
        }
        return false;
    }
    if (n == 0) {
        drop_daemon(g); /* what is armed stays armed */
        return false;
    }
    wrong = (size_t)n > sizeof request ? "a message that is too long"
                                       : guardian_request_check(&request, (size_t)n);
    if (wrong != NULL) {
        bool has_head = n >= (ssize_t)sizeof request.head && request.head.magic == GUARDIAN_MAGIC;

        say(g, LOG_WARNING, "the daemon sent %s; its connection is closed", wrong);
        answer(g, g->daemon, has_head ? &request.head : NULL, GUARDIAN_STRANGE, NULL, wrong);
        drop_daemon(g);
        return false;
    }
    carry_out(g, &request, guardian_now_ms());
    return g->daemon >= 0;
}

static void hear_daemon(struct guardian *g)
{
    for (int i = 0; i < LOOP_MESSAGES_MAX && g->daemon >= 0 && hear_one(g); i++) {
    }
}

static void let_in(struct guardian *g)
{
    struct ucred who = {.uid = (uid_t)-1};
    struct sockaddr_un from;
    socklen_t len = sizeof who, from_len = sizeof from;
    int fd =
        accept4(g->listener, (struct sockaddr *)&from, &from_len, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0) {
        return;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) != 0 ||
        (who.uid != 0 && who.uid != geteuid())) {
        say(g, LOG_WARNING, "a stranger (uid %u) was sent away", (unsigned)who.uid);
        close(fd);
    } else if (g->daemon >= 0) {
        answer(g, fd, NULL, GUARDIAN_BUSY, NULL, "another daemon is connected to this guardian");
        close(fd);
    } else {
        g->daemon = fd;
        g->connection++;
    }
}

/* ---- Signals and children --------------------------------------------------------------- */

static void reap(struct guardian *g)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == g->logger) {
            say_died(g);
        }
        ward_reaped(g, pid, status, guardian_now_ms());
    }
}

/* Asked to end while something is armed, it goes on until that has been disarmed or stopped:
 * at a shutdown the daemon ends as well, so the lease runs out and the service is stopped. */
static void hear_signals(struct guardian *g)
{
    struct signalfd_siginfo info;

    while (read(g->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGTERM && !g->leaving) {
            g->leaving = true;
            if (ward_any_armed(g)) {
                say(g, LOG_NOTICE, "asked to end, and will when nothing is armed any more");
            }
        }
    }
    reap(g);
}

/* ---- The loop --------------------------------------------------------------------------- */

static void set_timer(const struct guardian *g)
{
    int64_t due_ms = dog_due_ms(g, guardian_now_ms());
    struct itimerspec when = {0};

    for (int i = 0; i < g->n_wards; i++) {
        int64_t each_ms = ward_due_ms(&g->ward[i]);

        due_ms = each_ms < due_ms ? each_ms : due_ms;
    }
    if (due_ms != GUARDIAN_NEVER_MS) {
        due_ms = due_ms < 1 ? 1 : due_ms; /* 0 would switch it off */
        when.it_value.tv_sec = due_ms / 1000;
        when.it_value.tv_nsec = due_ms % 1000 * 1000000;
    }
    timerfd_settime(g->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static void tick(struct guardian *g)
{
    uint64_t turns;

    if (read(g->timer, &turns, sizeof turns) < 0) {
        turns = 0; /* woken by something else; the clock is looked at all the same */
    }
    for (int i = 0; i < g->n_wards; i++) {
        ward_tick(g, &g->ward[i], guardian_now_ms());
    }
    dog_tick(g, guardian_now_ms());
}

void guardian_loop(struct guardian *g)
{
    while (!g->leaving || ward_any_armed(g)) {
        struct pollfd wait[WAITS] = {
            [WAIT_TIMER] = {.fd = g->timer, .events = POLLIN},
            [WAIT_SIGNALS] = {.fd = g->signals, .events = POLLIN},
            [WAIT_DAEMON] = {.fd = g->daemon, .events = POLLIN},
            [WAIT_LISTENER] = {.fd = g->listener, .events = POLLIN},
        };

        set_timer(g);
        if (poll(wait, WAITS, -1) < 0 && errno != EINTR) {
            say(g, LOG_ALERT, "poll: %s", strerrordesc_np(errno));
        }
        if (wait[WAIT_SIGNALS].revents != 0) {
            hear_signals(g);
        }
        if (wait[WAIT_DAEMON].revents != 0 || wait[WAIT_LISTENER].revents != 0) {
            hear_daemon(g);
        }
        if (wait[WAIT_LISTENER].revents != 0) { /* it may be the one that just went */
            let_in(g);
        }
        tick(g);
    }
    drop_daemon(g);
}
