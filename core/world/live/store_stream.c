/* A watch that stays open: its answer comes line by line and never ends by itself. */
#include "world/live/store_parts.h"

#include <event2/event_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct store_stream {
    struct store_transfer transfer; /* first */
    store_news_fn *news;
    void *arg;
    struct event turn; /* what a line says is told from the loop, not from within libcurl */
    bool over;
    char why[ETCD_DETAIL_MAX];
};

static void tell_soon(struct store_stream *stream)
{
    event_active(&stream->turn, EV_TIMEOUT, 0);
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
    struct store_stream *stream = arg;

    (void)fd;
    (void)what;
    stream->news(stream->arg, stream->over, stream->why);
}

static void take_line(struct store_stream *stream, const char *line, size_t len)
{
    switch (etcd_stream(line, len, stream->why, sizeof stream->why)) {
    case ETCD_STREAM_QUIET:
        return;
    case ETCD_STREAM_NEWS:
        break;
    case ETCD_STREAM_OVER:
        stream->over = true;
        break;
    }
    tell_soon(stream);
}

/* CURLOPT_WRITEFUNCTION */
static size_t on_data(char *data, size_t one, size_t len, void *arg)
{
    struct store_stream *stream = arg;
    struct store_transfer *t = &stream->transfer;
    char *line, *end;

    if (store_transfer_keep(data, one, len, t) != one * len) {
        return CURL_WRITEFUNC_ERROR;
    }
    line = t->body;
    while ((end = memchr(line, '\n', t->len - (size_t)(line - t->body))) != NULL) {
        take_line(stream, line, (size_t)(end - line));
        line = end + 1;
    }
    t->len -= (size_t)(line - t->body);
    memmove(t->body, line, t->len);
    return one * len;
}

static void on_done(struct curl_transfer *transfer, CURLcode code)
{
    struct store_stream *stream = (struct store_stream *)transfer;

    if (code != CURLE_OK) {
        curl_transfer_judge(transfer, code, stream->why, sizeof stream->why);
    } else if (stream->why[0] == 0) {
        snprintf(stream->why, sizeof stream->why, "the store has ended the watch");
    }
    stream->over = true;
    tell_soon(stream);
}

struct store_stream *store_stream_start(
    struct store *store, char *body, store_news_fn *news, void *arg)
{
    struct store_stream *stream = body != NULL ? calloc(1, sizeof *stream) : NULL;
    const char *gateway = store->endpoint[store->good].gateway;
    char path[32];

    if (stream == NULL) {
        free(body);
        return NULL;
    }
    stream->news = news;
    stream->arg = arg;
    event_assign(&stream->turn, live_base(store->live), -1, 0, on_turn, stream);
    snprintf(path, sizeof path, "%s/watch", gateway != NULL ? gateway : "/v3");
    if (!store_transfer_run(
            store, &stream->transfer, store->good, path, body, on_done, on_data, stream,
            stream->why, sizeof stream->why)) {
        stream->over = true;
        tell_soon(stream);
    }
    free(body);
    return stream;
}

void store_stream_stop(struct store_stream *stream)
{
    if (stream == NULL) {
        return;
    }
    store_transfer_fini(&stream->transfer);
    event_del(&stream->turn);
    free(stream);
}
