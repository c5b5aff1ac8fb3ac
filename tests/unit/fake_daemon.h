/* A daemon that is all control socket: the real one, over scripted controllers.
 *
 * It stands in for controller, policy and journal. Two groups, "mail" (server01 holds
 * it, epoch 7) and "empty" (on hold). A failover of "mail" to server02 goes through its
 * steps in a few turns of the loop; one to "server01" is refused; one with the reason
 * "break" ends as cancelled. A pause and a resume are done. Shared, "mail" has a Baton on every
 * node, and this one is server02's. The journal has three rows. The second reload has warnings.
 */
#ifndef BATON_TESTS_FAKE_DAEMON_H
#define BATON_TESTS_FAKE_DAEMON_H

#include "control/control.h"

#include <event2/event.h>

struct fake;

/* Listen on `socket`. Fails the test where that can't be. */
struct fake *fake_new(struct event_base *base, const char *socket);
void fake_free(struct fake *fake);
struct control *fake_control(struct fake *fake);
/* Something happened that a watcher would see. */
void fake_tell(struct fake *fake, const char *text);
/* What the last command was: "failover mail server02 force by root via socket: reason". */
const char *fake_last(const struct fake *fake);
int fake_reloads(const struct fake *fake);
void fake_refuse_reload(struct fake *fake);
/* "mail" is one of several Batons' from now on: moves are passed on. */
void fake_share(struct fake *fake);
/* What came of one; and what the other Batons say then. */
void fake_answer_wish(struct fake *fake, bool refused, const char *text);
void fake_moved(struct fake *fake, int holder, int64_t epoch, enum fsm_state state);
void fake_wait_ms(struct fake *fake, int64_t ms); /* time passes */
/* Leave a reload pending until fake_end_reload. */
void fake_hold_reload(struct fake *fake);
void fake_end_reload(struct fake *fake);
/* Leave the answers of the journal pending until fake_answer. */
void fake_hold_journal(struct fake *fake);
void fake_answer(struct fake *fake);

#endif
