/* A service that says who it is, and a client that asks it all the time.
 *
 *   bench_meter serve NAME PORT        each connection gets "220 NAME" and is closed
 *   bench_meter watch HOST PORT MS     a new connection each MS milliseconds; each one that was
 *                                      answered is a line: when it was begun (milliseconds of
 *                                      CLOCK_MONOTONIC) and the answer's name
 *
 * One thread, nothing waits for anything: a connection that is not answered in a second is
 * given up, and the others are not held up by it. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ASKED_MAX 1024
#define PATIENCE  1000.0 /* milliseconds */

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int fail(const char *what)
{
    fprintf(stderr, "bench_meter: %s: %s\n", what, strerror(errno));
    return 1;
}

static int serve(const char *name, int port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
    char line[128];
    int len = snprintf(line, sizeof line, "220 %s\r\n", name);

    if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        bind(listener, (struct sockaddr *)&at, sizeof at) != 0 || listen(listener, 1024) != 0) {
        return fail("can't listen");
    }
    for (;;) {
        struct sockaddr_in from;
        socklen_t from_len = sizeof from;
        int fd = accept4(listener, (struct sockaddr *)&from, &from_len, SOCK_CLOEXEC);

        if (fd >= 0) {
            (void)!write(fd, line, (size_t)len);
            close(fd);
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return fail("can't accept");
        }
    }
}

static struct pollfd asked[ASKED_MAX];
static double began[ASKED_MAX];
static int n_asked;

static void drop(int i)
{
    close(asked[i].fd);
    n_asked--;
    asked[i] = asked[n_asked];
    began[i] = began[n_asked];
}

static void ask(const struct sockaddr_in *host, double now)
{
    int fd =
        n_asked < ASKED_MAX ? socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0) : -1;

    if (fd < 0) {
        return;
    }
    if (connect(fd, (const struct sockaddr *)host, sizeof *host) != 0 && errno != EINPROGRESS) {
        close(fd);
        return;
    }
    asked[n_asked] = (struct pollfd){.fd = fd, .events = POLLIN};
    began[n_asked++] = now;
}

/* An answer, or an end without one. */
static void hear(int i)
{
    char line[128];
    ssize_t len = read(asked[i].fd, line, sizeof line - 1);

    if (len > 4) {
        line[len] = '\0';
        line[strcspn(line, "\r\n")] = '\0';
        printf("%.3f %s\n", began[i], line + 4);
        fflush(stdout);
    }
    drop(i);
}

static int watch(const char *name, int port, double every)
{
    struct sockaddr_in host = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    double next = now_ms();

    if (inet_pton(AF_INET, name, &host.sin_addr) != 1) {
        fprintf(stderr, "bench_meter: %s is no address\n", name);
        return 2;
    }
    for (;;) {
        double now = now_ms(), rest = next > now ? next - now : 0;
        struct timespec wait = {0, (long)(rest * 1e6)};
        int i;

        ppoll(asked, (nfds_t)n_asked, &wait, NULL);
        for (i = n_asked - 1; i >= 0; i--) {
            if (asked[i].revents != 0) {
                hear(i);
            } else if (now - began[i] > PATIENCE) {
                drop(i);
            }
        }
        now = now_ms();
        if (now >= next) {
            ask(&host, now);
            next += every;
            next = next < now ? now : next; /* what was missed is not made up for */
        }
    }
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "serve") == 0) {
        return serve(argv[2], atoi(argv[3]));
    }
    if (argc == 5 && strcmp(argv[1], "watch") == 0 && atof(argv[4]) >= 1) {
        return watch(argv[2], atoi(argv[3]), atof(argv[4]));
    }
    fputs("usage: bench_meter serve NAME PORT | watch HOST PORT MILLISECONDS\n", stderr);
    return 2;
}
