/* For LD_PRELOAD: CLOCK_REALTIME is off by what a file says, in nanoseconds as text, like the
 * clock of a machine that somebody has set wrong. BATON_STEP_CLOCK names the file; without it, or
 * while it isn't there, the time is right. The other clocks are left alone. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <fcntl.h>

static int64_t offset_ns(void)
{
    const char *path = getenv("BATON_STEP_CLOCK");
    char text[32] = "";
    int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    return n > 0 ? strtoll(text, NULL, 10) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
    int result = (int)syscall(SYS_clock_gettime, clock, t);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        int64_t ns = (int64_t)t->tv_sec * 1000000000 + t->tv_nsec + offset_ns();
        t->tv_sec = ns / 1000000000;
        t->tv_nsec = ns % 1000000000;
    }
    return result;
}

time_t time(time_t *out)
{
    struct timespec t;
    time_t seconds = clock_gettime(CLOCK_REALTIME, &t) == 0 ? t.tv_sec : (time_t)-1;
    if (out != NULL)
        *out = seconds;
    return seconds;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
    struct timespec t;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &t) != 0)
        return -1;
    tv->tv_sec = t.tv_sec;
    tv->tv_usec = t.tv_nsec / 1000;
    return 0;
}
