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
 */
#ifndef BATON_CONTROL_CONTROL_H
#define BATON_CONTROL_CONTROL_H

#include "base/error.h"
#include "controller/controller.h"
#include "journal/journal.h"

struct control;
struct event_base;

struct control_setup {
    const char *socket; /* path; its folder is made if it isn't there */
    struct event_base *base;
    struct world *world; /* for the clocks and the log */
    struct journal *journal;
    int n_controllers;
    struct controller *const *controller; /* borrowed */
    /* Load the configuration's policies anew; what SIGHUP does too. */
    enum baton_err (*reload)(void *arg, struct baton_error *error);
    void *reload_arg;
};

enum baton_err control_new(const struct control_setup *setup, struct control **out,
                           struct baton_error *error);
void control_free(struct control *control);

/* Something happened: tell those who watch. Passed on from the controllers' news. */
void control_news(struct control *control, const struct controller *controller,
                  const struct controller_news *news);

#endif
