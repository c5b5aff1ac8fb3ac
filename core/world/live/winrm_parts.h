/* What the files of the winrm transport share; nobody else includes it.
 *
 *   winrm.c         hosts, and the life of it all
 *   winrm_call.c    one message and its answer
 *   winrm_shell.c   the shells of a host: made, handed out, tidied up
 *   winrm_run.c     one command, from its line to its exit code
 *   winrm_ticket.c  Kerberos tickets, got beforehand by kinit and kvno
 */
#ifndef BATON_WORLD_LIVE_WINRM_PARTS_H
#define BATON_WORLD_LIVE_WINRM_PARTS_H

#include "world/live/curl.h"
#include "world/live/winrm.h"
#include "wsman/wsman.h"

#include <event2/event.h>

struct winrm_ticket;

struct winrm {
    struct live *live;
    struct winrm_host *hosts;    /* those of an older configuration too, while they are used */
    struct winrm_ticket *ticket; /* NULL: not needed so far */
};

struct winrm_host {
    struct winrm *winrm;
    char *name, *address, *url; /* the URL has the node's name in its certificate */
    char *realm_name;           /* … and this is that name */
    char *user, *secret, *keytab, *ca_file, *fingerprint;
    enum config_winrm_auth auth;
    int port;
    int64_t ticket_ms; /* when its Kerberos ticket was got; 0: never */
    bool old;          /* of a configuration that is gone */
    int calls, runs;   /* under way */
    struct winrm_shell *shells;
    struct winrm_run *waiting; /* for a shell, in order */
    struct winrm_host *prev, *next;
};

/* The node's host, as it is configured now; made when needed. NULL: no memory. */
struct winrm_host *winrm_host_of(struct winrm *winrm, const struct config_node *node);

/* ---- winrm_call.c ------------------------------------------------------------------------- */

struct winrm_call;

/* `answer` NULL: there is none, and `why` says why. */
typedef void winrm_answered_fn(
    void *arg, const struct wsman_answer *answer, enum world_outcome outcome, const char *why);

/* `ask` needs no `to` and no `message_id`. `done` is never called from within. NULL: no
 * memory. */
struct winrm_call *winrm_call(
    struct winrm_host *host, const struct wsman_ask *ask, int64_t timeout_ms,
    winrm_answered_fn *done, void *arg);
/* Let it go, without `done`. NULL is fine. */
void winrm_call_stop(struct winrm_call *call);

/* Delete these shells with no loop to run on: for the end. */
void winrm_farewell(struct winrm *winrm, int patience_ms);

/* ---- winrm_shell.c -------------------------------------------------------------------------- */

enum winrm_shell_state {
    WINRM_SHELL_CREATING = 0,
    WINRM_SHELL_FREE,
    WINRM_SHELL_BUSY,     /* a run has it */
    WINRM_SHELL_CLEARING, /* its last command is signalled: it is free in a moment */
    WINRM_SHELL_ENDING    /* the same, and then it is deleted */
};

struct winrm_shell {
    struct winrm_host *host;
    enum winrm_shell_state state;
    bool condemned; /* deleted after the signal */
    char id[WSMAN_ID_MAX];
    struct winrm_call *call;
    struct event *idle;
    struct winrm_shell *prev, *next;
};

/* The run gets a shell by winrm_run_begin, or hears by winrm_run_fail why not. Never from within.
 */
void winrm_shell_want(struct winrm_run *run);
void winrm_shell_want_no_more(struct winrm_run *run);
/* The run is through with it. `command`: its id, to be signalled; "": there is none. `good`: the
 * shell can be used again. */
void winrm_shell_done(struct winrm_shell *shell, const char *command, bool good);
/* It is not there any more. */
void winrm_shell_lost(struct winrm_shell *shell);
void winrm_shell_free(struct winrm_shell *shell);
/* Those that are free go at once, the others when they are. */
void winrm_shell_condemn(struct winrm_host *host);

/* ---- winrm_run.c ------------------------------------------------------------------------------
 */

struct winrm_run {
    struct winrm_host *host;
    struct winrm_shell *shell; /* NULL: waits for one, or is through */
    struct winrm_call *call;
    struct event *later; /* what ended within the start is told from the loop */
    char command[WSMAN_ID_MAX];
    char *line, *input;
    size_t input_len, sent, output_max;
    int64_t began_us, timeout_ms;
    bool waits, again; /* again: a shell was gone once */
    bool ended, cut;
    enum world_outcome outcome;
    int code;
    char detail[512];
    struct wsman_stream out, err;
    world_heard_fn *heard;
    void *heard_arg;
    winrm_ended_fn *done;
    void *arg;
    struct winrm_run *prev, *next; /* among the waiting */
};

void winrm_run_begin(struct winrm_run *run, struct winrm_shell *shell);
void winrm_run_fail(struct winrm_run *run, enum world_outcome outcome, const char *why);

/* ---- winrm_ticket.c -----------------------------------------------------------------------------
 */

/* There is a ticket for the host (NULL), or why there is none. */
typedef void winrm_ticket_fn(void *arg, const char *why);

struct winrm_ticket_wait;

/* There is one, and it is fresh. */
bool winrm_ticket_ready(const struct winrm_host *host);
/* Get one; `done` is called from the loop. NULL: no memory. */
struct winrm_ticket_wait *winrm_ticket_want(
    struct winrm_host *host, winrm_ticket_fn *done, void *arg);
void winrm_ticket_want_no_more(struct winrm_host *host, struct winrm_ticket_wait *wait);
/* The host did not take it: the next call gets a new one. */
void winrm_ticket_refused(struct winrm_host *host);
/* It is the host's that is being got: the host must stay. */
bool winrm_ticket_busy(const struct winrm_host *host);
/* What to do about what kinit (kvno: `by_host`) says. NULL: it is not known here. */
const char *winrm_ticket_words(bool by_host, const char *said);
void winrm_ticket_free(struct winrm_ticket *ticket);

#endif
