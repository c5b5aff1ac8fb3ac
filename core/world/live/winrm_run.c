/* One command on a host: its line, its input, its output, its exit code. */
#include "world/live/child.h"
#include "world/live/request.h"
#include "world/live/winrm_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void receive(struct winrm_run *run);

static int64_t left_ms(const struct winrm_run *run)
{
    int64_t left = run->timeout_ms - (live_now_us() - run->began_us) / 1000;

    return left > 1 ? left : 1;
}

/* ---- The end -------------------------------------------------------------------------------- */

static void tell(struct winrm_run *run)
{
    struct winrm_ended ended;

    winrm_peek(run, &ended);
    run->done(run->arg, &ended);
}

static void on_later(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    tell(arg);
}

/* `good`: the shell is fine. Told from the loop: what is here may be called by who started it. */
static void end_run(
    struct winrm_run *run, enum world_outcome outcome, int code, const char *detail, bool good)
{
    struct winrm_shell *shell = run->shell;

    run->ended = true;
    run->outcome = outcome;
    run->code = code;
    snprintf(run->detail, sizeof run->detail, "%s", detail);
    run->shell = NULL;
    if (shell != NULL) {
        winrm_shell_done(shell, run->command, good);
    }
    event_add(run->later, &(struct timeval){0, 0});
}

void winrm_run_fail(struct winrm_run *run, enum world_outcome outcome, const char *why)
{
    char text[512];

    snprintf(text, sizeof text, "winrm: %s: %.440s", run->host->name, why);
    end_run(run, outcome, -1, text, false);
}

/* A message got no answer, or a fault: the command may run on there or not. */
static void failed(
    struct winrm_run *run, enum wsman_action action, const struct wsman_answer *answer,
    const char *why)
{
    char text[480];

    snprintf(
        text, sizeof text, "%s: %.400s", wsman_action_name(action),
        answer != NULL ? answer->why : why);
    if (answer != NULL && answer->fault == WSMAN_FAULT_GONE) {
        winrm_shell_lost(run->shell);
        run->shell = NULL;
    }
    winrm_run_fail(run, WORLD_UNKNOWN, text);
}

/* ---- Output ------------------------------------------------------------------------------------
 */

static void keep(struct winrm_run *run, struct wsman_stream *to, const struct wsman_stream *from)
{
    size_t room = run->output_max - to->len, len = from->len < room ? from->len : room;
    char *more = from->len > 0 ? realloc(to->text, to->len + len + 1) : NULL;

    run->cut = run->cut || len < from->len || (from->len > 0 && more == NULL);
    if (more != NULL) {
        memcpy(more + to->len, from->text, len);
        to->text = more;
        to->len += len;
        to->text[to->len] = '\0';
    }
}

/* The last line of its errors that says something. */
static void last_line(const struct wsman_stream *err, char *line, size_t size)
{
    child_last_line(err->text != NULL ? err->text : "", err->len, line, size);
}

static void ended(struct winrm_run *run, const struct wsman_answer *answer)
{
    char text[512], line[256];

    if (!answer->has_exit) {
        end_run(run, WORLD_UNKNOWN, -1, "it ended and the host says no exit code", true);
        return;
    }
    last_line(&run->err, line, sizeof line);
    snprintf(
        text, sizeof text, "exit %lld%s%s", (long long)answer->exit_code,
        line[0] != '\0' ? ": " : "", line);
    end_run(
        run, answer->exit_code == 0 ? WORLD_OK : WORLD_FAIL, (int)answer->exit_code, text, true);
}

static void on_received(
    void *arg, const struct wsman_answer *answer, enum world_outcome outcome, const char *why)
{
    struct winrm_run *run = arg;

    (void)outcome;
    run->call = NULL;
    if (answer == NULL || (answer->faulty && answer->fault != WSMAN_FAULT_AGAIN)) {
        failed(run, WSMAN_RECEIVE, answer, why);
        return;
    }
    keep(run, &run->out, &answer->out);
    keep(run, &run->err, &answer->err);
    if (answer->out.len > 0 && run->heard != NULL) {
        run->heard(run->heard_arg, answer->out.text, answer->out.len);
    }
    if (answer->done) {
        ended(run, answer);
    } else {
        receive(run);
    }
}

/* ---- The way there ------------------------------------------------------------------------------
 */

static void call(
    struct winrm_run *run, struct wsman_ask *ask, int64_t timeout_ms, winrm_answered_fn *done)
{
    ask->shell = run->shell->id;
    ask->timeout_ms = timeout_ms;
    run->call = winrm_call(run->host, ask, timeout_ms + WINRM_TIDY_MS, done, run);
    if (run->call == NULL) {
        winrm_run_fail(run, WORLD_UNKNOWN, "no memory for a message");
    }
}

static void receive(struct winrm_run *run)
{
    struct wsman_ask ask = {.action = WSMAN_RECEIVE, .command = run->command};
    int64_t left = left_ms(run);

    call(run, &ask, left < WINRM_RECEIVE_MS ? left : WINRM_RECEIVE_MS, on_received);
}

static void send_input(struct winrm_run *run);

static void on_sent(
    void *arg, const struct wsman_answer *answer, enum world_outcome outcome, const char *why)
{
    struct winrm_run *run = arg;

    (void)outcome;
    run->call = NULL;
    if (answer == NULL) {
        failed(run, WSMAN_SEND, answer, why);
    } else if (answer->faulty) {
        receive(run); /* it does not read to the end; what it has to say counts */
    } else if (run->sent < run->input_len) {
        send_input(run);
    } else {
        receive(run);
    }
}

static void send_input(struct winrm_run *run)
{
    size_t left = run->input_len - run->sent;
    struct wsman_ask ask = {.action = WSMAN_SEND, .command = run->command};

    ask.input = run->input + run->sent;
    ask.input_len = left < WSMAN_INPUT_MAX ? left : WSMAN_INPUT_MAX;
    ask.end = ask.input_len == left;
    run->sent += ask.input_len;
    call(run, &ask, left_ms(run), on_sent);
}

static void on_command(
    void *arg, const struct wsman_answer *answer, enum world_outcome outcome, const char *why)
{
    struct winrm_run *run = arg;

    (void)outcome;
    run->call = NULL;
    if (answer != NULL && answer->faulty && answer->fault == WSMAN_FAULT_GONE && !run->again) {
        struct winrm_shell *gone = run->shell;

        run->again = true; /* it has not been run: the host has forgotten the shell meanwhile */
        run->shell = NULL;
        winrm_shell_want(run);
        winrm_shell_lost(gone);
    } else if (answer == NULL || answer->faulty) {
        failed(run, WSMAN_COMMAND, answer, why);
    } else {
        snprintf(run->command, sizeof run->command, "%s", answer->command);
        if (run->input != NULL) {
            send_input(run);
        } else {
            receive(run);
        }
    }
}

void winrm_run_begin(struct winrm_run *run, struct winrm_shell *shell)
{
    struct wsman_ask ask = {.action = WSMAN_COMMAND, .line = run->line};

    run->shell = shell;
    ask.console = run->input == NULL;
    call(run, &ask, left_ms(run), on_command);
}

/* ---- Start and stop
 * ------------------------------------------------------------------------------- */

static bool keep_setup(struct winrm_run *run, const struct winrm_setup *setup)
{
    if (setup->input != NULL && setup->input_len > 0) {
        run->input = malloc(setup->input_len);
        if (run->input == NULL) {
            return false;
        }
        memcpy(run->input, setup->input, setup->input_len);
        run->input_len = setup->input_len;
    }
    run->output_max = setup->output_max;
    run->timeout_ms = setup->timeout_ms;
    run->heard = setup->heard;
    run->heard_arg = setup->heard_arg;
    run->done = setup->done;
    run->arg = setup->arg;
    run->began_us = live_now_us();
    return true;
}

struct winrm_run *winrm_start(
    struct winrm *winrm, const struct config_node *node, const struct winrm_setup *setup, char *why,
    size_t why_size)
{
    struct winrm_host *host = winrm_host_of(winrm, node);
    struct winrm_run *run = host != NULL ? calloc(1, sizeof *run) : NULL;
    struct baton_error error = {.text = "no memory"};

    if (run != NULL) {
        run->host = host;
        host->runs++;
        run->later = event_new(live_base(host->winrm->live), -1, 0, on_later, run);
    }
    if (run == NULL || run->later == NULL || !keep_setup(run, setup) ||
        wsman_line(setup->argv, &run->line, &error) != BATON_OK) {
        snprintf(why, why_size, "winrm: %s: %.320s", node->name, error.text);
        winrm_stop(run);
        return NULL;
    }
    winrm_shell_want(run);
    return run;
}

void winrm_stop(struct winrm_run *run)
{
    if (run == NULL) {
        return;
    }
    winrm_shell_want_no_more(run);
    winrm_call_stop(run->call);
    if (run->shell != NULL) {
        winrm_shell_done(run->shell, run->command, false);
    }
    if (run->later != NULL) {
        event_free(run->later);
    }
    free(run->line);
    if (run->input != NULL) {
        explicit_bzero(run->input, run->input_len);
    }
    free(run->input);
    free(run->out.text);
    free(run->err.text);
    run->host->runs--;
    free(run);
}

void winrm_peek(const struct winrm_run *run, struct winrm_ended *ended)
{
    *ended = (struct winrm_ended){
        .outcome = run->outcome,
        .code = run->code,
        .detail = run->detail,
        .out = run->out.text != NULL ? run->out.text : "",
        .out_len = run->out.len,
        .err = run->err.text != NULL ? run->err.text : "",
        .err_len = run->err.len,
        .cut = run->cut,
    };
}
