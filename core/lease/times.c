/* The times of a lease, and whether they fit. */
#include "lease/lease.h"

#include <inttypes.h>

struct lease_times lease_times_default(void)
{
    return (struct lease_times){
        .ttl_ms = 10000, .renew_ms = 2000, .stop_ms = 3000, .guardian_ms = 1500, .margin_ms = 1000};
}

static int64_t guardian_part_ms(const struct lease_times *times)
{
    return times->guardian_ms > times->watchdog_ms ? times->guardian_ms : times->watchdog_ms;
}

static int64_t margin_least_ms(const struct lease_times *times)
{
    return (times->ttl_ms * LEASE_DRIFT_PPM + 999999) / 1000000 + 100;
}

enum baton_err lease_check_times(const struct lease_times *times, struct baton_error *error)
{
    int64_t last_ms = guardian_part_ms(times);
    int64_t sum_ms = 2 * times->renew_ms + times->stop_ms + last_ms + times->margin_ms;

    if (times->ttl_ms < 2000 || times->ttl_ms > 3600000 || times->ttl_ms % 1000 != 0) {
        return baton_fail(
            error, BATON_INVALID, "the ttl of a lease is a whole number of seconds, 2 to 3600");
    }
    if (times->renew_ms < 10 || times->stop_ms < 1 || times->guardian_ms < 1 ||
        times->watchdog_ms < 0) {
        return baton_fail(
            error, BATON_INVALID, "renew is at least 10 ms; stop and guardian are above 0");
    }
    if (times->margin_ms < margin_least_ms(times)) {
        return baton_fail(
            error, BATON_INVALID,
            "a margin of %" PRId64 " ms is too small: with a ttl of %" PRId64
            " ms and clocks that differ by %d millionths it is at least %" PRId64 " ms",
            times->margin_ms, times->ttl_ms, LEASE_DRIFT_PPM, margin_least_ms(times));
    }
    if (sum_ms > times->ttl_ms) {
        return baton_fail(
            error, BATON_INVALID,
            "2 × %g s renew + %g s stop + %g s %s + %g s margin = %g s, more than the ttl of %g s: "
            "make the ttl longer or the others shorter",
            (double)times->renew_ms / 1000, (double)times->stop_ms / 1000, (double)last_ms / 1000,
            last_ms > times->guardian_ms ? "watchdog" : "guardian", (double)times->margin_ms / 1000,
            (double)sum_ms / 1000, (double)times->ttl_ms / 1000);
    }
    return BATON_OK;
}

int64_t lease_stop_at_ms(const struct lease_times *times, int64_t sent_ms)
{
    return lease_guard_at_ms(times, sent_ms) - times->stop_ms;
}

int64_t lease_guard_at_ms(const struct lease_times *times, int64_t sent_ms)
{
    return lease_over_at_ms(times, sent_ms) - guardian_part_ms(times);
}

int64_t lease_over_at_ms(const struct lease_times *times, int64_t sent_ms)
{
    return sent_ms + times->ttl_ms - times->margin_ms;
}

int64_t lease_sent_ms(const struct lease_times *times, int64_t stop_at_ms)
{
    return stop_at_ms - lease_stop_at_ms(times, 0);
}

int64_t lease_guard_sent_ms(const struct lease_times *times, int64_t guard_at_ms)
{
    return guard_at_ms - lease_guard_at_ms(times, 0);
}

int64_t lease_hold_ms(int64_t hold_ms)
{
    return hold_ms + (hold_ms * LEASE_DRIFT_PPM + 999999) / 1000000;
}
