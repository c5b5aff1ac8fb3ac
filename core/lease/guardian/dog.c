/* The hardware watchdog: what resets the machine where the guardian can't stop the service.
 *
 * The daemon reckons that a service which is armed until U is gone, one way or the other, by
 *
 *     over = U + the longer one of the guardian's budget and the watchdog's time T
 *
 * A device that was fed at F resets the machine at F + T. So it is fed at F only while
 * F + T <= over for each group that is armed, is being stopped, or could not be stopped. A guardian
 * that is stuck or killed does not feed at all, and its last F was within that bound. A group that
 * was stopped or is disarmed binds nothing.
 *
 * Fed each third of T, and once more just before the bound, so that a stop has all of its
 * budget before the machine goes.
 */
#include "lease/guardian/parts.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/watchdog.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#define DOG_EARLY_MS 20 /* before the bound */

int64_t dog_last_ms(const struct guardian *g)
{
    int64_t last_ms = GUARDIAN_NEVER_MS;

    for (int i = 0; i < g->n_wards; i++) {
        const struct ward *ward = &g->ward[i];
        int64_t grace_ms =
            ward->setup.budget_ms > g->dog.promised_ms ? ward->setup.budget_ms : g->dog.promised_ms;
        bool binds = ward->state == GUARDIAN_ARMED || ward->state == GUARDIAN_FIRING ||
                     ward->state == GUARDIAN_FAILED;
        int64_t last_of_it_ms = ward->until_ms + grace_ms - g->dog.timeout_ms;

        if (binds && last_of_it_ms < last_ms) {
            last_ms = last_of_it_ms;
        }
    }
    return last_ms;
}

int64_t dog_due_ms(const struct guardian *g, int64_t now_ms)
{
    int64_t last_ms = dog_last_ms(g);
    int64_t next_ms = g->dog.fed_ms + g->dog.timeout_ms / 3;

    if (g->dog.fd < 0 || now_ms > last_ms) {
        return GUARDIAN_NEVER_MS;
    }
    if (last_ms - DOG_EARLY_MS < next_ms && g->dog.fed_ms < last_ms - DOG_EARLY_MS) {
        return last_ms - DOG_EARLY_MS;
    }
    return next_ms <= last_ms ? next_ms : GUARDIAN_NEVER_MS;
}

void dog_tick(struct guardian *g, int64_t now_ms)
{
    if (now_ms < dog_due_ms(g, now_ms)) {
        return;
    }
    g->dog.fed_ms = now_ms;
    if (write(g->dog.fd, "\n", 1) == 1) {
        g->dog.told = false;
    } else if (!g->dog.told) {
        g->dog.told = true;
        say(g, LOG_ALERT, "the watchdog %s can't be fed: %s", g->dog.path, strerrordesc_np(errno));
    }
}

void dog_close(struct guardian *g)
{
    if (g->dog.fd < 0) {
        return;
    }
    if (!ward_any_armed(g) && write(g->dog.fd, "V", 1) != 1) {
        say(g, LOG_ALERT, "the watchdog %s can't be told to rest: %s", g->dog.path,
            strerrordesc_np(errno));
    }
    close(g->dog.fd);
    g->dog = (struct dog){.fd = -1};
}

/* A real device; false: it does not take so short a time. Its own is whole seconds. */
static bool set_device_time(struct dog *dog)
{
    int seconds = (int)(dog->promised_ms / 1000);

    if (ioctl(dog->fd, WDIOC_SETTIMEOUT, &seconds) != 0 &&
        ioctl(dog->fd, WDIOC_GETTIMEOUT, &seconds) != 0) {
        return false;
    }
    dog->timeout_ms = (int64_t)seconds * 1000;
    return seconds > 0 && dog->timeout_ms <= dog->promised_ms;
}

static const char *dog_open(struct guardian *g, const char *path, int64_t timeout_ms)
{
    struct stat info;
    int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0) {
        return errno == EBUSY ? "another program has the watchdog (systemd's RuntimeWatchdogSec?)"
                              : "the watchdog can't be opened";
    }
    g->dog = (struct dog){.fd = fd, .promised_ms = timeout_ms, .timeout_ms = timeout_ms};
    snprintf(g->dog.path, sizeof g->dog.path, "%s", path);
    if (fstat(fd, &info) != 0 || (S_ISCHR(info.st_mode) && !set_device_time(&g->dog))) {
        if (write(fd, "V", 1) == 1) { /* opening it has set it going, and nobody reckons with it */
            errno = 0;
        }
        close(fd);
        g->dog = (struct dog){.fd = -1};
        return "the watchdog can't be set to that time; give it one that the device has";
    }
    return NULL;
}

/* Another time for the one that is open: no gap in which none is there. */
static const char *dog_change(struct guardian *g, int64_t timeout_ms)
{
    struct dog before = g->dog;
    struct stat info;

    g->dog.promised_ms = g->dog.timeout_ms = timeout_ms;
    if (fstat(g->dog.fd, &info) == 0 && (!S_ISCHR(info.st_mode) || set_device_time(&g->dog))) {
        return NULL;
    }
    g->dog = before;
    set_device_time(&g->dog);
    return "the watchdog can't be set to that time, it keeps the one that it had";
}

const char *dog_set(struct guardian *g, const char *path, int64_t timeout_ms, int64_t now_ms)
{
    const char *failed = NULL;

    if (g->dog.fd >= 0 && strcmp(path, g->dog.path) == 0) {
        return timeout_ms != g->dog.promised_ms ? dog_change(g, timeout_ms) : NULL;
    }
    if (g->dog.fd >= 0 && ward_any_armed(g)) {
        return "a group is armed: the watchdog is another one only when none is";
    }
    dog_close(g);
    if (path[0] != 0) {
        failed = dog_open(g, path, timeout_ms);
    }
    if (g->dog.fd >= 0) {
        say(g, LOG_NOTICE, "the watchdog %s is fed, it resets the machine after %" PRId64 " ms",
            path, g->dog.timeout_ms);
        dog_tick(g, now_ms);
    }
    return failed;
}
