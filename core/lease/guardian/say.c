/* The guardian's log: a process that may wait for a disk, so that the guardian need not. */
#include "lease/guardian/parts.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define SAY_LINE_MAX 512
#define SAY_AGAIN_MS 1000 /* between two starts of the process that writes */

/* ---- The process that writes ------------------------------------------------------------ */

/* "2026-11-25T05:00:00.123Z" without gmtime, which reads the time zone and allocates. Days to
 * a date of the Gregorian calendar, years that begin in March. */
static void say_time(char *text, size_t size)
{
    struct timespec now;
    int64_t days, era, day, year, month;
    int second;

    clock_gettime(CLOCK_REALTIME, &now);
    days = now.tv_sec / 86400 + 719468;
    second = (int)(now.tv_sec % 86400);
    era = days / 146097;
    day = days % 146097;
    year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    day -= 365 * year + year / 4 - year / 100;
    month = (5 * day + 2) / 153;
    day -= (153 * month + 2) / 5;
    month = month < 10 ? month + 3 : month - 9;
    year += era * 400 + (month <= 2);
    snprintf(
        text, size, "%04" PRId64 "-%02" PRId64 "-%02" PRId64 "T%02d:%02d:%02d.%03dZ", year, month,
        day + 1, second / 3600, second / 60 % 60, second % 60, (int)(now.tv_nsec / 1000000));
}

/* Opened anew for each line: it may have been moved away, and lines are rare. */
static void write_file(const char *path, pid_t pid, const char *text)
{
    char line[SAY_LINE_MAX + 128], when[40];
    int fd = path != NULL ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640) : 2, len;

    if (fd < 0) {
        return;
    }
    say_time(when, sizeof when);
    len = snprintf(line, sizeof line, "%s baton-guardian[%d]: %s\n", when, (int)pid, text);
    if (write(fd, line, (size_t)len) != len) {
        errno = 0; /* there is nobody left to tell */
    }
    if (path != NULL) {
        close(fd);
    }
}

static void write_syslog(pid_t pid, int priority, const char *text)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
    char line[SAY_LINE_MAX + 64];
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), len;

    if (fd < 0) {
        return;
    }
    len = snprintf(
        line, sizeof line, "<%d>baton-guardian[%d]: %s", LOG_DAEMON | priority, (int)pid, text);
    sendto(fd, line, (size_t)len, MSG_NOSIGNAL, (struct sockaddr *)&to, sizeof to);
    close(fd);
}

static void write_lines(int from, const char *path, pid_t pid)
{
    char packet[SAY_LINE_MAX + 2];
    ssize_t n;

    for (;;) {
        n = recv(from, packet, sizeof packet - 1, 0);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 1) { /* the guardian has ended */
            _exit(0);
        }
        packet[n] = 0;
        write_file(path, pid, packet + 1);
        write_syslog(pid, packet[0] - '0', packet + 1);
    }
}

bool say_start(struct guardian *g)
{
    pid_t guardian = getpid();
    int pair[2];

    g->logger_ms = guardian_now_ms();
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        return false;
    }
    g->logger = fork();
    if (g->logger < 0) {
        g->logger = 0;
        close(pair[0]);
        close(pair[1]);
        return false;
    }
    if (g->logger == 0) {
        sigset_t all;

        sigfillset(&all); /* it ends when the guardian has ended, and has been told all */
        sigprocmask(SIG_SETMASK, &all, NULL);
        dup2(pair[1], 3);
        close_range(4, ~0U, 0);
        write_lines(3, g->log_path, guardian);
    }
    close(pair[1]);
    g->log = pair[0];
    return true;
}

void say_died(struct guardian *g)
{
    close(g->log);
    g->log = -1;
    g->logger = 0;
}

/* ---- The guardian's side ---------------------------------------------------------------- */

void say(struct guardian *g, int priority, const char *format, ...)
{
    char packet[SAY_LINE_MAX + 1];
    va_list args;
    size_t len;

    packet[0] = (char)('0' + priority);
    va_start(args, format);
    vsnprintf(packet + 1, sizeof packet - 1, format, args);
    va_end(args);
    len = strlen(packet);
    for (size_t i = 1; i < len; i++) { /* the name of a group can't forge a line */
        if ((unsigned char)packet[i] < ' ' || packet[i] == 127) {
            packet[i] = '?';
        }
    }
    if (g->logger == 0 && guardian_now_ms() - g->logger_ms >= SAY_AGAIN_MS) {
        say_start(g);
    }
    send(g->log, packet, len, MSG_DONTWAIT | MSG_NOSIGNAL);
}
