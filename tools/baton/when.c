#include "baton.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

int64_t when_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool parse_ago(const char *text, int64_t now_ms, int64_t *wall_ms)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"s", 1000}, {"m", 60000}, {"min", 60000}, {"h", 3600000}, {"d", 86400000}};
    char *unit;
    long long count = strtoll(text, &unit, 10);
    size_t i;

    if (unit == text || count < 0 || count > 1000000) {
        return false;
    }
    for (i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(unit, units[i].unit) == 0) {
            *wall_ms = now_ms - count * units[i].ms;
            return true;
        }
    }
    return false;
}

static bool parse_date(const char *text, int64_t *wall_ms)
{
    static const char *const forms[] = {
        "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%d"};
    size_t i;

    for (i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct tm local = {.tm_isdst = -1}, utc = {0};
        const char *rest = strptime(text, forms[i], &local);
        const char *zone;

        if (rest == NULL) {
            continue;
        }
        if (*rest == '.') { /* fractions of a second are not asked for */
            rest += 1 + strspn(rest + 1, "0123456789");
        }
        if (*rest == '\0') {
            *wall_ms = (int64_t)mktime(&local) * 1000;
            return true;
        }
        zone = strptime(rest, "%z", &utc);
        if (zone != NULL && *zone == '\0') {
            *wall_ms = ((int64_t)timegm(&local) - utc.tm_gmtoff) * 1000;
            return true;
        }
    }
    return false;
}

bool when_parse(const char *text, int64_t now_ms, int64_t *wall_ms)
{
    return parse_ago(text, now_ms, wall_ms) || parse_date(text, wall_ms);
}
