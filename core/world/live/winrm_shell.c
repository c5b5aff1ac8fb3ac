/* The shells of a host: made when a run wants one, handed out, tidied up. */
#include "world/live/request.h"
#include "world/live/winrm_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

static void remove_shell(struct winrm_shell *shell);

/* Those that will be free in a moment. */
static int count_coming(const struct winrm_host *host)
{
    const struct winrm_shell *shell;
    int count = 0;

    DL_FOREACH(host->shells, shell)
    {
        count += shell->state == WINRM_SHELL_CREATING || shell->state == WINRM_SHELL_CLEARING;
    }
    return count;
}

/* ---- Made ---------------------------------------------------------------------------------- */

static void serve_waiting(struct winrm_host *host);
static void delete_shell(struct winrm_shell *shell);

static void hand_out(struct winrm_shell *shell)
{
    struct winrm_run *run = shell->host->waiting;

    event_del(shell->idle);
    DL_DELETE(shell->host->waiting, run);
    run->waits = false;
    shell->state = WINRM_SHELL_BUSY;
    winrm_run_begin(run, shell);
}

/* One of an older configuration still serves those who wait for it. */
static void set_free(struct winrm_shell *shell)
{
    struct timeval idle = {WINRM_IDLE_MS / 1000, 0};

    shell->state = WINRM_SHELL_FREE;
    event_add(shell->idle, &idle);
    serve_waiting(shell->host);
    if (shell->state == WINRM_SHELL_FREE && shell->host->old) {
        delete_shell(shell);
    }
}

/* What keeps a shell from being made keeps all who wait; but where only too many are open, they
 * wait for ours. */
static void tell_waiting(struct winrm_host *host, enum world_outcome outcome, const char *why)
{
    struct winrm_run *run;

    while ((run = host->waiting) != NULL) {
        DL_DELETE(host->waiting, run);
        run->waits = false;
        winrm_run_fail(run, outcome, why);
    }
}

static void on_created(
    void *arg, const struct wsman_answer *answer, enum world_outcome outcome, const char *why)
{
    struct winrm_shell *shell = arg;
    struct winrm_host *host = shell->host;

    shell->call = NULL;
    if (answer != NULL && !answer->faulty) {
        snprintf(shell->id, sizeof shell->id, "%s", answer->shell);
        set_free(shell);
        return;
    }
    remove_shell(shell);
    if (answer != NULL && answer->fault == WSMAN_FAULT_FULL && host->shells != NULL) {
        return;
    }
    tell_waiting(
        host, answer != NULL ? WORLD_UNKNOWN : outcome, answer != NULL ? answer->why : why);
}

static void on_idle(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    delete_shell(arg);
}

static void create(struct winrm_host *host)
{
    struct winrm_shell *shell = calloc(1, sizeof *shell);
    struct wsman_ask ask = {
        .action = WSMAN_CREATE, .timeout_ms = WINRM_RECEIVE_MS, .idle_ms = WINRM_LOST_MS};

    if (shell == NULL) {
        return;
    }
    shell->host = host;
    shell->idle = event_new(live_base(host->winrm->live), -1, 0, on_idle, shell);
    DL_APPEND(host->shells, shell);
    shell->call =
        shell->idle != NULL ? winrm_call(host, &ask, WINRM_RECEIVE_MS, on_created, shell) : NULL;
    if (shell->call == NULL) {
        remove_shell(shell);
    }
}

static void serve_waiting(struct winrm_host *host)
{
    struct winrm_shell *shell, *next;
    const struct winrm_run *run;
    int waiting = 0, all = 0;

    DL_FOREACH_SAFE(host->shells, shell, next)
    {
        if (shell->state == WINRM_SHELL_FREE && host->waiting != NULL) {
            hand_out(shell);
        }
    }
    DL_FOREACH(host->waiting, run)
    {
        waiting++;
    }
    DL_FOREACH(host->shells, shell)
    {
        all++;
    }
    for (waiting -= count_coming(host); waiting > 0 && all < WINRM_SHELLS_MAX; waiting--, all++) {
        create(host);
    }
}

void winrm_shell_want(struct winrm_run *run)
{
    struct winrm_host *host = run->host;

    run->waits = true;
    DL_APPEND(host->waiting, run);
    serve_waiting(host);
    if (run->waits && host->shells == NULL) { /* not even the first one: no memory */
        tell_waiting(host, WORLD_UNKNOWN, "no memory for a shell");
    }
}

void winrm_shell_want_no_more(struct winrm_run *run)
{
    if (run->waits) {
        run->waits = false;
        DL_DELETE(run->host->waiting, run);
    }
}

/* ---- Tidied up --------------------------------------------------------------------------------
 */

static void on_deleted(
    void *arg, const struct wsman_answer *answer, enum world_outcome outcome, const char *why)
{
    struct winrm_shell *shell = arg;
    struct winrm_host *host = shell->host;

    (void)answer; /* a host that is down forgets it by itself, after WINRM_LOST_MS */
    (void)outcome;
    (void)why;
    shell->call = NULL;
    remove_shell(shell);
    serve_waiting(host);
}

static void delete_shell(struct winrm_shell *shell)
{
    struct wsman_ask ask = {
        .action = WSMAN_DELETE, .timeout_ms = WINRM_TIDY_MS, .shell = shell->id};

    shell->state = WINRM_SHELL_ENDING;
    event_del(shell->idle);
    shell->call = winrm_call(shell->host, &ask, WINRM_TIDY_MS, on_deleted, shell);
    if (shell->call == NULL) {
        remove_shell(shell);
    }
}

static void on_signalled(
    void *arg, const struct wsman_answer *answer, enum world_outcome outcome, const char *why)
{
    struct winrm_shell *shell = arg;

    (void)outcome;
    (void)why;
    shell->call = NULL;
    if (answer == NULL || answer->faulty || shell->condemned) {
        delete_shell(shell);
    } else {
        set_free(shell);
    }
}

void winrm_shell_done(struct winrm_shell *shell, const char *command, bool good)
{
    struct wsman_ask ask = {
        .action = WSMAN_SIGNAL,
        .timeout_ms = WINRM_TIDY_MS,
        .shell = shell->id,
        .command = command,
    };

    shell->condemned = shell->condemned || !good;
    shell->state = shell->condemned ? WINRM_SHELL_ENDING : WINRM_SHELL_CLEARING;
    if (command[0] != '\0') {
        shell->call = winrm_call(shell->host, &ask, WINRM_TIDY_MS, on_signalled, shell);
    }
    if (shell->call == NULL) {
        delete_shell(shell); /* what runs in it ends with it */
    }
}

void winrm_shell_lost(struct winrm_shell *shell)
{
    struct winrm_host *host = shell->host;

    remove_shell(shell);
    serve_waiting(host);
}

void winrm_shell_condemn(struct winrm_host *host)
{
    struct winrm_shell *shell, *next;

    DL_FOREACH_SAFE(host->shells, shell, next)
    {
        shell->condemned = true;
        if (shell->state == WINRM_SHELL_FREE) {
            delete_shell(shell);
        }
    }
}

static void remove_shell(struct winrm_shell *shell)
{
    DL_DELETE(shell->host->shells, shell);
    winrm_shell_free(shell);
}

void winrm_shell_free(struct winrm_shell *shell)
{
    winrm_call_stop(shell->call);
    if (shell->idle != NULL) {
        event_free(shell->idle);
    }
    free(shell);
}
