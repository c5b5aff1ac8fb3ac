/* The control socket: the local administrator's way in.
 *
 * A UNIX stream socket; each request is one JSON object on one line, each answer one or
 * more such lines. It turns requests into calls on controllers and journal and turns
 * what they say into JSON. It decides nothing: a command that is refused is refused by
 * the group, with the group's words.
 *
 * Who may do what comes from the peer's credentials (SO_PEERCRED): root and the
 * daemon's own user may act, others may only look. Lines, connections and unsent output
 * are bounded; a client that doesn't read is dropped.
 *
 * The protocol
 * ------------
 * A request names what it wants in "do"; "id", if given, comes back in each line that
 * belongs to the request. Requests of one connection are answered in their order.
 *
 *   {"do":"ping"}
 *   {"do":"status"[,"group":G]}
 *   {"do":"watch"[,"group":G]}           events from now on, until the client closes
 *   {"do":"why","group":G}
 *   {"do":"history"[,"group":G][,"since_ms":W][,"until_ms":W][,"after":ID][,"limit":N]
 *                 [,"observations":true]}   W: wall time in ms since 1970; N up to 5000
 *   {"do":"failover","group":G[,"to":NODE][,"force":true,"reason":TEXT][,"wait":true]}
 *   {"do":"failback","group":G[,"wait":true]}
 *   {"do":"pause","group":G[,"reason":TEXT]}
 *   {"do":"resume","group":G}
 *   {"do":"confirm-out","group":G,"node":NODE,"reason":TEXT}
 *   {"do":"reload"}
 *
 * The last six act. They may say "by":NAME, who it is that uses root's account.
 * An unknown key is an error, so that a mistyped one is not silently ignored.
 *
 * The answer is {"ok":true,…} or {"ok":false,"error":{"code":C,"text":T}}, where C is a
 * word of baton_err_name or "forbidden". What a "status" answers is described in
 * client.h, beside the functions that make it.
 *
 * A "reload" is answered when the new configuration has been checked, some seconds later:
 * {"ok":true[,"warnings":[TEXT,…]]} once it is taken. One that comes while another one is
 * checked waits for a check of its own.
 *
 * Among peers a move that another node's Baton has to make is passed on, and so are a pause and a
 * resume: {"ok":true,"passed_on":true,"decides":NODE|null}. What came of it comes as
 *   {"event":"answer","group","refused":bool,"text","time"}
 * to those who watch; with "wait":true to the client too, after
 *   {"event":"passed-on","group","passed_on":true,"decides":NODE|null}
 * and the verdict is as below, but without "plan": once a node is active under a new epoch, or
 * where it was refused, or after all the time that the policy gives its steps and a minute.
 *
 * A move with "wait":true first answers with lines
 *   {"event":"plan","group","plan","kind","from","taker","steps","time"}
 *   {"event":"step","group","plan","kind","step","steps","what","node","action","status",
 *    "attempt","attempts","took_ms","text","time"}       began, tried again, ended
 *   {"event":"notice","group","node","notice","text","time"}
 * as things happen, and then with the verdict: {"ok":true,"plan","holder","epoch",
 * "took_ms","text"} once the handover is completed, {"ok":false,…} once it has ended any
 * other way. "watch" sends the last two of these, and
 *   {"event":"status","group","node","text","time"}      a probe or a verdict changed.
 */
#ifndef BATON_CONTROL_CONTROL_H
#define BATON_CONTROL_CONTROL_H

#include "base/error.h"
#include "controller/controller.h"
#include "journal/journal.h"

#define CONTROL_LINE_MAX    (64 * 1024)   /* bytes of one request, its newline included */
#define CONTROL_CLIENTS_MAX 64            /* connections at once */
#define CONTROL_UNSENT_MAX  (1024 * 1024) /* more than this, and more to say: dropped */
#define CONTROL_ROWS_MAX    5000          /* of history in one answer */

struct control;
struct event_base;

/* A reload has ended. `failed`: why nothing was taken; NULL: it was. `warnings`: what is odd
 * about what was taken, one line each, or "". Both are valid during the call. */
typedef void control_reloaded_fn(void *arg, const struct baton_error *failed, const char *warnings);

struct control_setup {
    const char *socket; /* path, copied; its folder is made if it isn't there */
    struct event_base *base;
    struct world *world; /* for the clocks and the log */
    struct journal *journal;
    int n_controllers;
    struct controller *const *controller; /* borrowed, the array too */
    /* Load the configuration's policies anew; what SIGHUP does too. `done` is called once,
     * later or from within, also where the daemon ends before. */
    void (*reload)(void *arg, control_reloaded_fn *done, void *done_arg);
    void *reload_arg;
};

/* Listen. A socket file that nobody answers on is replaced; BATON_REFUSED where another
 * daemon answers on it or where the path is no socket, BATON_IO where it can't be made.
 * The file gets mode 0660: who is in its group may look. */
enum baton_err control_new(
    const struct control_setup *setup, struct control **out, struct baton_error *error);

/* Close all connections and remove the socket file, if it is still the one that was
 * made. Answers of the journal that are still due are thrown away when they come. */
void control_free(struct control *control);

/* Something happened: tell those who watch. Passed on from the controllers' news. */
void control_news(
    struct control *control, const struct controller *controller,
    const struct controller_news *news);

#endif
