#include "world/live/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define LOG_STACK_BYTES 131072

struct entry {
    int priority;
    char *text;
};

struct log {
    enum config_log_to to;
    enum world_level level;
    int fd;
    pthread_t writer;
    pthread_mutex_t lock;
    pthread_cond_t some;
    struct entry queue[LOG_QUEUE_LINES]; /* a ring */
    int first, count;
    long dropped, dropped_unsaid;
    bool closing;
    bool given_up; /* nobody waits for the writer: it frees the log */
};

/* ---- One line ------------------------------------------------------------------------ */

static const char *level_name(enum world_level level)
{
    static const char *const names[] = {
        [WORLD_DEBUG] = "debug",
        [WORLD_INFO] = "info",
        [WORLD_WARNING] = "warning",
        [WORLD_ALERT] = "alert",
    };

    return (unsigned)level < sizeof names / sizeof names[0] ? names[level] : "info";
}

static int level_priority(enum world_level level)
{
    static const int priorities[] = {
        [WORLD_DEBUG] = LOG_DEBUG,
        [WORLD_INFO] = LOG_INFO,
        [WORLD_WARNING] = LOG_WARNING,
        [WORLD_ALERT] = LOG_ALERT,
    };

    return (unsigned)level < sizeof priorities / sizeof priorities[0] ? priorities[level]
                                                                      : LOG_INFO;
}

struct text {
    char *at;
    size_t len, size;
};

static void put(struct text *text, const char *piece, size_t len)
{
    size_t room = text->size - 1 - text->len;

    len = len < room ? len : room;
    memcpy(text->at + text->len, piece, len);
    text->len += len;
    text->at[text->len] = 0;
}

static void put_string(struct text *text, const char *piece)
{
    put(text, piece, strlen(piece));
}

static void put_quoted(struct text *text, const char *value)
{
    const unsigned char *c;
    char escaped[8];

    put_string(text, "\"");
    for (c = (const unsigned char *)value; *c != 0; c++) {
        if (*c == '"' || *c == '\\') {
            snprintf(escaped, sizeof escaped, "\\%c", *c);
        } else if (*c == '\n') {
            snprintf(escaped, sizeof escaped, "\\n");
        } else if (*c == '\t') {
            snprintf(escaped, sizeof escaped, "\\t");
        } else if (*c < ' ' || *c == 0x7f) {
            snprintf(escaped, sizeof escaped, "\\x%02x", *c);
        } else {
            snprintf(escaped, sizeof escaped, "%c", *c);
        }
        put_string(text, escaped);
    }
    put_string(text, "\"");
}

static void put_pair(struct text *text, const char *name, const char *value, bool always_quote)
{
    const char *plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:/@+";

    if (value == NULL || value[0] == 0) {
        return;
    }
    if (text->len > 0 && text->at[text->len - 1] != '>') {
        put_string(text, " ");
    }
    put_string(text, name);
    put_string(text, "=");
    if (always_quote || value[strspn(value, plain)] != 0) {
        put_quoted(text, value);
    } else {
        put_string(text, value);
    }
}

static void put_time(struct text *text, int64_t wall_ms)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;
    char when[64], full[80];

    gmtime_r(&seconds, &tm);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(full, sizeof full, "%s.%03dZ", when, (int)(wall_ms % 1000));
    put_pair(text, "time", full, false);
}

size_t log_format(
    enum config_log_to to, int64_t wall_ms, const struct world_log *line, char *text, size_t size)
{
    static const char mark[] = "…\"";
    struct text all = {.at = text, .size = size};
    char priority[16];

    text[0] = 0;
    if (to == CONFIG_LOG_JOURNALD) {
        snprintf(priority, sizeof priority, "<%d>", level_priority(line->level));
        put_string(&all, priority);
    } else if (to == CONFIG_LOG_STDERR) {
        put_time(&all, wall_ms);
    }
    put_pair(&all, "level", level_name(line->level), false);
    put_pair(&all, "group", line->group, false);
    put_pair(&all, "node", line->node, false);
    put_pair(&all, "event", line->event, false);
    put_pair(&all, "text", line->text, true);
    if (all.len == size - 1 && size > sizeof mark) {
        memcpy(text + size - sizeof mark, mark, sizeof mark);
    }
    return all.len;
}

/* ---- The writer ---------------------------------------------------------------------- */

static void write_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t put_now = write(fd, text, len);

        if (put_now > 0) {
            text += put_now;
            len -= (size_t)put_now;
        } else if (put_now < 0 && errno == EAGAIN) {
            struct pollfd wait = {.fd = fd, .events = POLLOUT};

            poll(&wait, 1, -1);
        } else if (put_now >= 0 || errno != EINTR) {
            return; /* nobody reads any more; there is nowhere to say so */
        }
    }
}

static void write_entry(const struct log *log, int priority, char *text)
{
    if (log->to == CONFIG_LOG_SYSLOG) {
        syslog(priority, "%s", text);
    } else {
        size_t len = strlen(text);

        text[len] = '\n'; /* in place of its 0: one write, so that lines never mix */
        write_all(log->fd, text, len + 1);
    }
}

static int64_t wall_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void write_dropped(const struct log *log, long dropped)
{
    char sentence[100], text[300];
    struct world_log line = {.level = WORLD_WARNING, .event = "log", .text = sentence};

    snprintf(
        sentence, sizeof sentence,
        "%ld lines dropped: the log could not be written fast "
        "enough",
        dropped);
    log_format(log->to, wall_now_ms(), &line, text, sizeof text - 1);
    write_entry(log, level_priority(line.level), text);
}

static void log_destroy(struct log *log)
{
    int i;

    for (i = 0; i < log->count; i++) {
        free(log->queue[(log->first + i) % LOG_QUEUE_LINES].text);
    }
    pthread_cond_destroy(&log->some);
    pthread_mutex_destroy(&log->lock);
    free(log);
}

static void *writer(void *arg)
{
    struct log *log = arg;
    struct entry entry;
    bool given_up;
    long dropped;

    pthread_mutex_lock(&log->lock);
    for (;;) {
        while (log->count == 0 && !log->closing) {
            pthread_cond_wait(&log->some, &log->lock);
        }
        if (log->given_up || (log->count == 0 && log->dropped_unsaid == 0)) {
            break;
        }
        entry = (struct entry){0, NULL};
        if (log->count > 0) {
            entry = log->queue[log->first];
            log->first = (log->first + 1) % LOG_QUEUE_LINES;
            log->count--;
        }
        /* Said where the gap is: behind the lines that were in the queue before it. */
        dropped = log->count == 0 ? log->dropped_unsaid : 0;
        log->dropped_unsaid -= dropped;
        pthread_mutex_unlock(&log->lock);
        if (entry.text != NULL) {
            write_entry(log, entry.priority, entry.text);
            free(entry.text);
        }
        if (dropped > 0) {
            write_dropped(log, dropped);
        }
        pthread_mutex_lock(&log->lock);
    }
    given_up = log->given_up;
    pthread_mutex_unlock(&log->lock);
    if (given_up) {
        log_destroy(log);
    }
    return NULL;
}

/* ---- The loop's side ----------------------------------------------------------------- */

enum baton_err log_new(
    enum config_log_to to, enum world_level level, int fd, struct log **out,
    struct baton_error *error)
{
    struct log *log = calloc(1, sizeof *log);
    pthread_attr_t attributes;
    sigset_t all, before;
    int failed;

    if (log == NULL) {
        return baton_fail(error, BATON_NOMEM, "no memory for the log");
    }
    log->to = to;
    log->level = level;
    log->fd = fd;
    pthread_mutex_init(&log->lock, NULL);
    pthread_cond_init(&log->some, NULL);
    if (to == CONFIG_LOG_SYSLOG) {
        openlog("batond", LOG_PID, LOG_DAEMON);
    }
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, LOG_STACK_BYTES);
    sigfillset(&all); /* signals are for the loop */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(&log->writer, &attributes, writer, log);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (failed != 0) {
        log_destroy(log);
        return baton_fail(error, BATON_IO, "no thread for the log: %s", strerror(failed));
    }
    *out = log;
    return BATON_OK;
}

void log_write(struct log *log, const struct world_log *line)
{
    char text[LOG_LINE_MAX], *copy;
    size_t len;

    if (line->level < log->level) {
        return;
    }
    len = log_format(log->to, wall_now_ms(), line, text, sizeof text);
    copy = malloc(len + 1);
    if (copy != NULL) {
        memcpy(copy, text, len + 1);
    }
    pthread_mutex_lock(&log->lock);
    /* While a gap has not been told, what follows belongs to it. */
    if (copy == NULL || log->count == LOG_QUEUE_LINES || log->dropped_unsaid > 0) {
        log->dropped++;
        log->dropped_unsaid++;
        free(copy);
    } else {
        log->queue[(log->first + log->count) % LOG_QUEUE_LINES] =
            (struct entry){level_priority(line->level), copy};
        log->count++;
    }
    pthread_cond_signal(&log->some);
    pthread_mutex_unlock(&log->lock);
}

void log_set_level(struct log *log, enum world_level level)
{
    log->level = level;
}

long log_dropped(struct log *log)
{
    long dropped;

    pthread_mutex_lock(&log->lock);
    dropped = log->dropped;
    pthread_mutex_unlock(&log->lock);
    return dropped;
}

void log_free(struct log *log, int patience_ms)
{
    struct timespec until;

    if (log == NULL) {
        return;
    }
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += patience_ms / 1000;
    until.tv_nsec += (long)(patience_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&log->lock);
    log->closing = true;
    pthread_cond_signal(&log->some);
    pthread_mutex_unlock(&log->lock);
    if (pthread_clockjoin_np(log->writer, NULL, CLOCK_MONOTONIC, &until) == 0) {
        log_destroy(log);
        return;
    }
    pthread_mutex_lock(&log->lock);
    log->given_up = true;
    pthread_detach(log->writer);
    pthread_mutex_unlock(&log->lock);
}
