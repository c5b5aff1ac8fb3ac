/* baton-guardian: stops the service of this node where its daemon can't.
 *
 *     baton-guardian --socket PATH [--log FILE] [--detach]
 *
 * Started by the daemon, with --detach, where there is none, or beforehand by the service
 * manager. The second is better: a daemon's guardian lives in the daemon's cgroup, and what
 * kills all of that ("systemctl kill", MemoryMax=, KillMode=control-group) takes the
 * guardian too.
 */
#include "lease/guardian/parts.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#define MAIN_STACK    (128 * 1024) /* touched at the start, so that it is there */
#define MAIN_PRIORITY 50           /* of SCHED_RR */

enum {
    END_GOOD,
    END_FAILED,
    END_USAGE,
    END_OTHER
};

struct options {
    const char *socket, *log;
    bool detach;
};

/* ---- Before it begins -------------------------------------------------------------------- */

static int fail(const char *what, const char *where)
{
    dprintf(2, "baton-guardian: %s %s: %s\n", what, where, strerrordesc_np(errno));
    return END_FAILED;
}

static bool read_options(int argc, char **argv, struct options *options)
{
    *options = (struct options){0};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--socket") == 0 && i + 1 < argc) {
            options->socket = argv[++i];
        } else if (strcmp(argv[i], "--log") == 0 && i + 1 < argc) {
            options->log = argv[++i];
        } else if (strcmp(argv[i], "--detach") == 0) {
            options->detach = true;
        } else {
            return false;
        }
    }
    return options->socket != NULL && options->socket[0] == '/' &&
           (options->log == NULL || options->log[0] == '/') &&
           strlen(options->socket) < sizeof((struct sockaddr_un *)NULL)->sun_path;
}

/* One guardian for a socket, however many are started. The lock goes with the process. */
static int take_lock(struct guardian *g)
{
    char path[GUARDIAN_PATH_MAX + 8];
    int fd;

    snprintf(path, sizeof path, "%s.lock", g->socket_path);
    g->lock = fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return fail("can't open", path);
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) {
            return fail("can't lock", path);
        }
        dprintf(2, "baton-guardian: another one serves %s already\n", g->socket_path);
        return END_OTHER;
    }
    return END_GOOD;
}

static int listen_on(struct guardian *g)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    snprintf(address.sun_path, sizeof address.sun_path, "%s", g->socket_path);
    g->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    unlink(g->socket_path); /* of one that is dead: the lock is ours */
    umask(0077);
    if (g->listener < 0 || bind(g->listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(g->listener, 16) != 0) {
        return fail("can't listen on", g->socket_path);
    }
    umask(0022); /* that of what it runs */
    return END_GOOD;
}

/* The two that it hears come by a descriptor; the others are no reason to leave. */
static bool set_signals(struct guardian *g)
{
    static const int ignored[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGPIPE, SIGUSR1,
                                  SIGUSR2, SIGTSTP, SIGTTIN, SIGTTOU, SIGALRM};
    sigset_t heard;

    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++) {
        signal(ignored[i], SIG_IGN);
    }
    signal(SIGCHLD, SIG_DFL);
    sigemptyset(&heard);
    sigaddset(&heard, SIGTERM);
    sigaddset(&heard, SIGCHLD);
    sigprocmask(SIG_SETMASK, &heard, NULL);
    g->signals = signalfd(-1, &heard, SFD_NONBLOCK | SFD_CLOEXEC);
    return g->signals >= 0;
}

/* Out of the daemon's session and process group; `told` gets a byte when the guardian is up, or
 * what failed is on stderr. Returns in the guardian only. */
static int detach(int *told)
{
    unsigned char byte;
    int ends[2], status = END_FAILED;
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) != 0) {
        exit(fail("can't make", "a pipe"));
    }
    pid = fork();
    if (pid < 0) {
        exit(fail("can't", "fork"));
    }
    if (pid > 0) {
        close(ends[1]);
        if (read(ends[0], &byte, 1) == 1) {
            status = byte;
        }
        _exit(status);
    }
    setsid();
    pid = fork();
    if (pid != 0) {
        _exit(pid < 0 ? fail("can't", "fork") : END_GOOD);
    }
    close(ends[0]);
    *told = ends[1];
    return chdir("/") == 0 ? END_GOOD : fail("can't go to", "/");
}

/* ---- What keeps it going when nothing else does -------------------------------------------- */

static void touch_stack(void)
{
    volatile char stack[MAIN_STACK];

    for (size_t i = 0; i < sizeof stack; i += 1024) {
        stack[i] = 1;
    }
}

static void harden(struct guardian *g)
{
    struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
    struct sched_param priority = {.sched_priority = MAIN_PRIORITY};
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

    if (fd < 0 || write(fd, "-1000", 5) != 5) {
        say(g, LOG_WARNING, "may be killed for want of memory: oom_score_adj: %s",
            strerrordesc_np(errno));
    }
    if (fd >= 0) {
        close(fd);
    }
    setrlimit(RLIMIT_MEMLOCK, &all);
    touch_stack();
    if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0) {
        say(g, LOG_WARNING, "its memory is not locked, and may be swapped out: %s",
            strerrordesc_np(errno));
    }
    if (sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &priority) != 0) {
        say(g, LOG_WARNING, "runs at normal priority, and may be late on a busy machine: %s",
            strerrordesc_np(errno));
    }
}

static void warn_of_cgroup(struct guardian *g)
{
    char text[1024];
    int fd = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;

    if (fd >= 0) {
        close(fd);
    }
    text[n > 0 ? n : 0] = 0;
    if (strstr(text, "batond") != NULL) {
        say(g, LOG_WARNING,
            "lives in the daemon's cgroup, and what kills all of that kills it too; give it a unit "
            "of its own, baton-guardian(8) has one");
    }
}

/* ---- Life ---------------------------------------------------------------------------------- */

__attribute__((weak)) void guardian_started(void)
{
}

static void forget_stdio(struct guardian *g)
{
    for (int fd = 0; fd <= 2; fd++) {
        dup2(g->null, fd);
    }
}

static int prepare(struct guardian *g, const struct options *options)
{
    int rc = take_lock(g);

    if (rc != END_GOOD) {
        return rc;
    }
    g->null = open("/dev/null", O_RDWR | O_CLOEXEC);
    g->timer = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    while (g->instance == 0) {
        if (getrandom(&g->instance, sizeof g->instance, GRND_NONBLOCK) < 0) {
            g->instance = (uint64_t)guardian_now_ms() << 20 | (uint64_t)getpid();
        }
    }
    if (g->null < 3 || g->timer < 0 || !set_signals(g)) {
        return fail("can't make", "descriptors");
    }
    rc = listen_on(g);
    if (rc == END_GOOD && options->detach) {
        forget_stdio(g); /* whoever reads its output waits for its end */
    }
    if (rc == END_GOOD && !say_start(g)) {
        rc = fail("can't start", "the process that writes the log");
    }
    return rc;
}

int main(int argc, char **argv)
{
    static struct guardian guardian = {.listener = -1, .daemon = -1, .log = -1, .dog = {.fd = -1}};
    struct guardian *g = &guardian;
    struct options options;
    int told = -1, rc = END_GOOD;

    if (!read_options(argc, argv, &options) || options.socket == NULL) {
        dprintf(
            2, "usage: baton-guardian --socket PATH [--log FILE] [--detach]\n"
               "Paths are absolute; that of the socket has less than 108 bytes.\n");
        return END_USAGE;
    }
    g->socket_path = options.socket;
    g->log_path = options.log;
    if (options.detach) {
        rc = detach(&told);
    }
    rc = rc == END_GOOD ? prepare(g, &options) : rc;
    if (rc == END_GOOD) {
        harden(g);
        warn_of_cgroup(g);
    }
    if (told >= 0) {
        unsigned char byte = (unsigned char)rc;

        rc = write(told, &byte, 1) == 1 ? rc : END_FAILED;
        close(told);
    }
    if (rc != END_GOOD) {
        return rc;
    }
    guardian_started();
    guardian_loop(g);
    dog_close(g);
    unlink(options.socket);
    return END_GOOD;
}
