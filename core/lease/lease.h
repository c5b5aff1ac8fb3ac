/* The baton as a leased key: what a lease store says, and the times of a lease.
 *
 * With a lease store there is a Baton on every node, and each acts on its own node only. The
 * store holds one key for each group, the baton: it names the holder and the epoch, and is
 * bound to the lease of that holder's Baton. Whoever lets his lease run out has lost it.
 *
 * The holder stops by itself before anybody else can start. All its times count from the
 * moment before it sent the last renewal that succeeded, on a clock that runs during
 * suspend (CLOCK_BOOTTIME):
 *
 *     sent                                                        sent + ttl
 *      |---------- serves ----------|- stop -|- guardian -|- margin -|
 *                                   |        |            from here on nothing may serve
 *                                   |        lease_guard_at_ms: the guardian stops it, hard
 *                                   lease_stop_at_ms: the daemon begins to stop
 *
 * The store counts from when it received the renewal, which is later, so its end is later
 * still. The margin covers how much the two clocks may differ in rate within a ttl, and a
 * late scheduler. Two renewals must fit in before the stop, so that one may be lost.
 *
 * Pure: no I/O, no clock. The store itself is behind the one door (world/world.h).
 */
#ifndef BATON_LEASE_LEASE_H
#define BATON_LEASE_LEASE_H

#include "base/error.h"
#include "group/group.h"

/* ---- Times --------------------------------------------------------------------------- */

#define LEASE_DRIFT_PPM 500 /* two clocks' rates differ by no more; part of the least margin */

struct lease_times {
    int64_t ttl_ms;      /* of the lease in the store; whole seconds, 2 s to 1 h */
    int64_t renew_ms;    /* between two renewals */
    int64_t stop_ms;     /* the daemon's time to stop the service */
    int64_t guardian_ms; /* the guardian's, after that */
    int64_t watchdog_ms; /* a hardware watchdog resets the machine so long after it was fed last;
                            0: there is none */
    int64_t margin_ms;
};

/* ttl 10 s, renew 2 s, stop 3 s, guardian 1.5 s, margin 1 s. */
struct lease_times lease_times_default(void);

/* Does the ttl hold two renewals, the stop, the guardian's part and the margin? The guardian's
 * part is the longer one of guardian_ms and watchdog_ms. BATON_INVALID with the sum in words:
 * "2 × 2 s renew + 3 s stop + … = 10.5 s, more than the ttl of 10 s". */
enum baton_err lease_check_times(const struct lease_times *times, struct baton_error *error);

/* For a lease whose last good renewal was sent at `sent_ms`. */
int64_t lease_stop_at_ms(const struct lease_times *times, int64_t sent_ms);
int64_t lease_guard_at_ms(const struct lease_times *times, int64_t sent_ms);
int64_t lease_over_at_ms(const struct lease_times *times, int64_t sent_ms);
/* The other way round: when was the renewal sent that lets a node serve until `stop_at_ms`, or
 * the guardian wait until `guard_at_ms`? */
int64_t lease_sent_ms(const struct lease_times *times, int64_t stop_at_ms);
int64_t lease_guard_sent_ms(const struct lease_times *times, int64_t guard_at_ms);

/* How long by our own clock is what another one calls `hold_ms`, at least? A promise lasts so
 * long. */
int64_t lease_hold_ms(int64_t hold_ms);

/* ---- What the store says --------------------------------------------------------------- */

/* A wish of an operator, made on any node, carried out by the one that can. */
struct lease_wish {
    int64_t id; /* 0: there is none. Rises; the store's revision at which it was put */
    enum group_command command; /* FAILOVER or FAILBACK */
    int node;                   /* or GROUP_NOBODY */
    bool force;
    char by[GROUP_NAME_MAX], reason[GROUP_TEXT_MAX];
};

/* What came of a wish. */
struct lease_answer {
    int64_t id; /* of the wish; 0: none yet */
    bool refused;
    char text[GROUP_TEXT_MAX];
};

/* All that the store says of a group, read at one revision. */
struct lease_word {
    int64_t revision;
    int64_t epoch;            /* of the last grant; 0: there was none */
    int holder;               /* node, GROUP_NOBODY or GROUP_STRANGER */
    bool mine;                /* the baton is bound to the lease of the Baton that asks */
    int64_t granted_at;       /* revision of the baton key: another one is another grant */
    enum group_plan_kind how; /* of the last grant: FAILOVER, FAILBACK, MOVE, START; RESTORE
                                 where it was taken up on a node that served already */
    bool passed;              /* … by the former holder, in one transaction */
    char why[GROUP_TEXT_MAX];
    bool paused;
    char paused_why[GROUP_TEXT_MAX];
    struct lease_wish wish;
    struct lease_answer answer;
    int n_members; /* whose leases are alive */
    struct group_member member[GROUP_NODES_MAX];
};

#endif
