/* Telling systemd how the daemon is: sd_notify(3)'s protocol, one datagram each.
 *
 * Where NOTIFY_SOCKET is not set, all of this does nothing.
 */
#ifndef BATON_DAEMON_NOTIFY_H
#define BATON_DAEMON_NOTIFY_H

#include <stdint.h>

/* `state` as sd_notify(3) names it: "READY=1", "STOPPING=1", "WATCHDOG=1" … Never blocks;
 * what can't be sent is lost. */
void notify_send(const char *state);

/* "RELOADING=1" with the monotonic time that systemd wants to see with it. */
void notify_reloading(void);

/* Microseconds between two signs of life that systemd waits for, 0 for none. */
int64_t notify_watchdog_us(void);

#endif
