#include "world/live/child.h"

#include "world/live/spawn.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <utlist.h>

#define CHILD_READ_MAX  65536 /* bytes read of one stream in one turn of the loop */
#define CHILD_DRAIN_MAX 32    /* reads of a stream after the end; then it is left */
#define CHILD_POLL_MS   50    /* where no pidfd can be had */

struct stream {          /* what a child says */
    struct event *event; /* NULL: closed */
    int fd;
    char *text;
    size_t len, size, max;
};

struct child {
    struct children *all;
    pid_t pid;
    int pidfd;
    struct event *exited, *term, *feed;
    int feed_fd;
    char *input;
    size_t input_len, fed;
    struct stream out, err;
    bool cut, sweep, termed, stopped;
    child_done_fn *done;
    void *arg;
    child_heard_fn *heard;
    void *heard_arg;
    struct child *prev, *next;
};

struct children {
    struct event_base *base;
    struct child *list;
};

/* ---- What it says -------------------------------------------------------------------- */

static void stream_close(struct stream *stream)
{
    if (stream->event != NULL) {
        event_free(stream->event);
        stream->event = NULL;
        close(stream->fd);
    }
    stream->fd = -1;
}

static void stream_keep(struct child *child, struct stream *stream, const char *text, size_t len)
{
    size_t room = stream->max - stream->len;
    size_t keep = len < room ? len : room;

    if (stream->len + keep + 1 > stream->size) {
        size_t size = stream->size == 0 ? 256 : stream->size;
        char *grown;

        while (size < stream->len + keep + 1) {
            size *= 2;
        }
        grown = realloc(stream->text, size);
        if (grown == NULL) {
            child->cut = true;
            return;
        }
        stream->text = grown;
        stream->size = size;
    }
    memcpy(stream->text + stream->len, text, keep);
    stream->len += keep;
    stream->text[stream->len] = 0;
    child->cut = child->cut || keep < len;
}

/* False: nothing there now, or no more to come. */
static bool stream_read(struct child *child, struct stream *stream)
{
    static char buffer[CHILD_READ_MAX];
    ssize_t got = read(stream->fd, buffer, sizeof buffer);

    if (got > 0) {
        stream_keep(child, stream, buffer, (size_t)got);
        if (stream == &child->out && child->heard != NULL) {
            child->heard(child->heard_arg, buffer, (size_t)got);
        }
        return true;
    }
    if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        stream_close(stream);
    }
    return false;
}

static void on_output(evutil_socket_t fd, short what, void *arg)
{
    struct child *child = arg;

    (void)what;
    stream_read(child, fd == child->out.fd ? &child->out : &child->err);
}

/* What it said before it ended is in the pipe by now. Somebody else may hold the pipe open
 * (a service that was started): that is not waited for. */
static void stream_drain(struct child *child, struct stream *stream)
{
    int i;

    for (i = 0; i < CHILD_DRAIN_MAX && stream->event != NULL && stream_read(child, stream); i++) {
    }
    stream_close(stream);
}

/* ---- What it is told ----------------------------------------------------------------- */

static void feed_close(struct child *child)
{
    if (child->feed != NULL) {
        event_free(child->feed);
        child->feed = NULL;
    }
    if (child->feed_fd >= 0) {
        close(child->feed_fd);
        child->feed_fd = -1;
    }
    free(child->input);
    child->input = NULL;
}

static void on_feed(evutil_socket_t fd, short what, void *arg)
{
    struct child *child = arg;
    ssize_t put = write(fd, child->input + child->fed, child->input_len - child->fed);

    (void)what;
    if (put > 0) {
        child->fed += (size_t)put;
    }
    if (child->fed == child->input_len || (put < 0 && errno != EAGAIN && errno != EINTR)) {
        feed_close(child);
    }
}

/* ---- Its end ------------------------------------------------------------------------- */

static void child_close(struct child *child)
{
    feed_close(child);
    stream_close(&child->out);
    stream_close(&child->err);
    if (child->term != NULL) {
        event_free(child->term);
        child->term = NULL;
    }
}

static void child_free(struct child *child)
{
    child_close(child);
    if (child->exited != NULL) {
        event_free(child->exited);
    }
    if (child->pidfd >= 0) {
        close(child->pidfd);
    }
    free(child->out.text);
    free(child->err.text);
    DL_DELETE(child->all->list, child);
    free(child);
}

void child_peek(const struct child *child, struct child_result *result)
{
    *result = (struct child_result){
        .code = -1,
        .termed = child->termed,
        .cut = child->cut,
        .out = child->out.text != NULL ? child->out.text : "",
        .out_len = child->out.len,
        .err = child->err.text != NULL ? child->err.text : "",
        .err_len = child->err.len,
    };
}

/* Has it ended? If so it is reaped, and its group swept first: as long as it is a zombie
 * nobody else can have its number. */
static bool child_reap(struct child *child, siginfo_t *info)
{
    memset(info, 0, sizeof *info);
    if (waitid(P_PID, (id_t)child->pid, info, WEXITED | WNOHANG | WNOWAIT) == 0) {
        if (info->si_pid == 0) {
            return false;
        }
        if (child->sweep || child->stopped) {
            kill(-child->pid, SIGKILL);
        }
        waitid(P_PID, (id_t)child->pid, info, WEXITED | WNOHANG);
    }
    return true; /* also where somebody else has reaped it: it is gone */
}

static void on_exited(evutil_socket_t fd, short what, void *arg)
{
    struct child *child = arg;
    struct child_result result;
    siginfo_t info;

    (void)fd;
    (void)what;
    if (!child_reap(child, &info)) {
        return;
    }
    if (child->done != NULL) {
        event_del(child->exited);
        stream_drain(child, &child->out);
        stream_drain(child, &child->err);
        child_peek(child, &result);
        if (info.si_code == CLD_EXITED) {
            result.code = info.si_status;
        } else if (info.si_pid != 0) {
            result.signal = info.si_status;
        }
        child->done(child->arg, &result);
    }
    child_free(child);
}

static void on_term(evutil_socket_t fd, short what, void *arg)
{
    struct child *child = arg;

    (void)fd;
    (void)what;
    child->termed = true;
    kill(-child->pid, SIGTERM);
}

void child_stop(struct child *child)
{
    if (child == NULL) {
        return;
    }
    assert(!child->stopped);
    child->stopped = true;
    child->done = NULL;
    kill(-child->pid, SIGKILL);
    child_close(child);
}

/* ---- Its start ----------------------------------------------------------------------- */

static bool watch_stream(struct child *child, struct stream *stream, int *fd)
{
    stream->event = event_new(child->all->base, *fd, EV_READ | EV_PERSIST, on_output, child);
    if (stream->event == NULL) {
        return false;
    }
    stream->fd = *fd;
    *fd = -1;
    return event_add(stream->event, NULL) == 0;
}

static bool watch_input(struct child *child, const struct child_setup *setup, int *fd)
{
    if (setup->input_len == 0) {
        return true;
    }
    child->input = malloc(setup->input_len);
    child->feed = event_new(child->all->base, *fd, EV_WRITE | EV_PERSIST, on_feed, child);
    if (child->input == NULL || child->feed == NULL) {
        return false;
    }
    memcpy(child->input, setup->input, setup->input_len);
    child->input_len = setup->input_len;
    child->feed_fd = *fd;
    *fd = -1;
    return event_add(child->feed, NULL) == 0;
}

static bool watch_end(struct child *child, int64_t term_ms)
{
    struct event_base *base = child->all->base;
    struct timeval poll = {0, CHILD_POLL_MS * 1000L};
    struct timeval term = {term_ms / 1000, term_ms % 1000 * 1000};

    child->pidfd = pidfd_open(child->pid, 0);
    child->exited = event_new(
        base, child->pidfd, child->pidfd >= 0 ? EV_READ | EV_PERSIST : EV_PERSIST, on_exited,
        child);
    if (child->exited == NULL || event_add(child->exited, child->pidfd >= 0 ? NULL : &poll) != 0) {
        return false;
    }
    if (term_ms > 0) {
        child->term = event_new(base, -1, 0, on_term, child);
        return child->term != NULL && event_add(child->term, &term) == 0;
    }
    return true;
}

struct child *child_start(
    struct children *children, const struct child_setup *setup, char *why, size_t why_size)
{
    struct child *child = calloc(1, sizeof *child);
    struct spawn_pipes pipes;
    int failed, words;

    for (words = 0; setup->argv[words] != NULL; words++) {
    }
    if (child == NULL || words == 0 || words > SPAWN_WORDS_MAX) {
        snprintf(
            why, why_size,
            child == NULL ? "no memory for a process"
            : words == 0  ? "no program named"
                          : "too many words in a command");
        free(child);
        return NULL;
    }
    *child = (struct child){.all = children, .pidfd = -1, .feed_fd = -1};
    child->out.fd = child->err.fd = -1;
    child->out.max = setup->output_max;
    child->err.max = setup->output_max > setup->errors_min ? setup->output_max : setup->errors_min;
    child->sweep = setup->sweep;
    if (!spawn_pipes_make(&pipes, setup->input_len > 0)) {
        snprintf(why, why_size, "no pipe for %s: %s", setup->argv[0], strerror(errno));
        spawn_pipes_close(&pipes);
        free(child);
        return NULL;
    }
    failed = spawn_program(setup, &pipes, &child->pid);
    if (failed != 0) {
        snprintf(why, why_size, "can't run %s: %s", setup->argv[0], strerror(failed));
        spawn_pipes_close(&pipes);
        free(child);
        return NULL;
    }
    DL_APPEND(children->list, child);
    if (!watch_end(child, setup->term_ms) || !watch_stream(child, &child->out, &pipes.out[0]) ||
        !watch_stream(child, &child->err, &pipes.err[0]) ||
        !watch_input(child, setup, &pipes.in[1])) {
        snprintf(why, why_size, "no memory for %s", setup->argv[0]);
        child_stop(child);
        spawn_pipes_close(&pipes);
        return NULL;
    }
    spawn_pipes_close(&pipes);
    child->done = setup->done;
    child->arg = setup->arg;
    child->heard = setup->heard;
    child->heard_arg = setup->heard_arg;
    return child;
}

/* ---- All of them --------------------------------------------------------------------- */

struct children *children_new(struct event_base *base)
{
    struct children *children = calloc(1, sizeof *children);

    if (children != NULL) {
        children->base = base;
    }
    return children;
}

void children_free(struct children *children, int patience_ms)
{
    const struct timespec pause = {0, 5000000};
    struct child *child, *next;
    siginfo_t info;
    int waited_ms;

    if (children == NULL) {
        return;
    }
    DL_FOREACH(children->list, child)
    {
        if (!child->stopped) {
            child_stop(child);
        }
    }
    for (waited_ms = 0; children->list != NULL; waited_ms += 5) {
        DL_FOREACH_SAFE(children->list, child, next)
        {
            if (child_reap(child, &info) || waited_ms >= patience_ms) {
                child_free(child);
            }
        }
        if (children->list != NULL) {
            nanosleep(&pause, NULL);
        }
    }
    free(children);
}

/* ---- Words about it ------------------------------------------------------------------ */

void child_last_line(const char *text, size_t len, char *line, size_t size)
{
    size_t end = len, begin, n = 0;

    while (end > 0 && (unsigned char)text[end - 1] <= ' ') {
        end--;
    }
    for (begin = end; begin > 0 && text[begin - 1] != '\n' && text[begin - 1] != '\r'; begin--) {
    }
    for (; begin < end && n + 1 < size; begin++) {
        line[n++] = (char)((unsigned char)text[begin] < ' ' ? ' ' : text[begin]);
    }
    line[n] = 0;
}

void child_say(const struct child_result *result, char *text, size_t size)
{
    char line[160];

    child_last_line(result->err, result->err_len, line, sizeof line);
    if (result->signal != 0) {
        snprintf(text, size, "killed by signal %d (%s)", result->signal, strsignal(result->signal));
    } else if (result->code < 0) {
        snprintf(text, size, "its end was not seen");
    } else if (line[0] != 0) {
        snprintf(text, size, "exit %d: %s", result->code, line);
    } else {
        snprintf(text, size, "exit %d", result->code);
    }
}
