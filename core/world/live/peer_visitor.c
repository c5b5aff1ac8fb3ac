/* One visitor at the peers' door: see peer.h. */
#include "world/live/peer_parts.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#define VISITOR_COMPLAIN_MS 10000 /* between two lines in the log on who was sent away */

/* ---- Words ------------------------------------------------------------------------------- */

/* Strangers must not be able to fill the log. */
static void tell_sent_away(struct peer_visitor *visitor, const char *why)
{
    struct peer_door *door = visitor->door;
    int64_t now_ms = live_now_us() / 1000;
    char text[384];

    if (now_ms - door->complained_ms >= VISITOR_COMPLAIN_MS) {
        door->complained_ms = now_ms;
        snprintf(text, sizeof text, "sent %s away: %s", visitor->from_text, why);
        peer_door_tell_log(door, WORLD_WARNING, text);
    }
}

static const char *status_text(int status)
{
    switch (status) {
    case 200:
        return "OK";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 411:
        return "Length Required";
    case 413:
        return "Content Too Large";
    case 503:
        return "Service Unavailable";
    default:
        return "Bad Request";
    }
}

/* ---- Visitors ---------------------------------------------------------------------------- */

void peer_visitor_free(struct peer_visitor *visitor)
{
    struct peer_door *door = visitor->door;

    DL_DELETE(door->visitors, visitor);
    door->n_visitors--;
    event_free(visitor->deadline);
    bufferevent_free(visitor->io);
    free(visitor);
}

static void visitor_stage(struct peer_visitor *visitor, enum peer_stage stage, int timeout_ms)
{
    visitor->stage = stage;
    event_add(visitor->deadline, &(struct timeval){timeout_ms / 1000, timeout_ms % 1000 * 1000});
}

void peer_visitor_answer(struct peer_visitor *visitor, int status, bool yes, const char *why)
{
    json_t *body = json_pack("{s:b, s:s}", "yes", yes, "why", why);
    char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;

    json_decref(body);
    if (text == NULL) { /* what is said was not UTF-8, or there is no memory */
        text = strdup(yes ? "{\"yes\":true}" : "{\"yes\":false}");
    }
    if (text == NULL) {
        peer_visitor_free(visitor);
        return;
    }
    bufferevent_disable(visitor->io, EV_READ);
    evbuffer_add_printf(
        bufferevent_get_output(visitor->io),
        "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
        "Connection: close\r\n\r\n%s",
        status, status_text(status), strlen(text), text);
    free(text);
    visitor_stage(visitor, PEER_LEAVING, PEER_GOODBYE_MS);
}

static void refuse(struct peer_visitor *visitor, int status, const char *why)
{
    tell_sent_away(visitor, why);
    peer_visitor_answer(visitor, status, false, why);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    struct peer_visitor *visitor = arg;

    (void)fd;
    (void)what;
    if (visitor->stage == PEER_WAITING || visitor->stage == PEER_ASKED) {
        peer_visitor_answer(visitor, 503, false, "no answer in time");
        return;
    }
    if (visitor->stage == PEER_READING) {
        tell_sent_away(visitor, "it was too slow");
    }
    peer_visitor_free(visitor);
}

void peer_visitor_give(struct peer_visitor *visitor, struct peer_wait *wait)
{
    struct world_question question = {
        .ticket = visitor->ticket,
        .holder = visitor->request.holder,
        .epoch = visitor->request.epoch,
        .hold_ms = visitor->request.hold_ms,
    };

    visitor_stage(visitor, PEER_ASKED, PEER_UNANSWERED_MS);
    peer_door_leave(wait);
    wait->asked(wait->arg, &question);
}

/* 200: the group is ours, and the one who asks is the other node of it that it says. */
static int judge(struct peer_visitor *visitor, const char **why)
{
    const struct config *config = live_config(visitor->door->live);
    const struct peer_request *request = &visitor->request;
    const struct config_group *group = NULL;

    for (int i = 0; i < config->n_groups; i++) {
        if (strcmp(config->group[i].name, request->group) == 0) {
            group = &config->group[i];
        }
    }
    if (group == NULL) {
        *why = "no such group here";
        return 404;
    }
    *why = "the certificate is not that of the holder it speaks for";
    if (!peer_tls_is(bufferevent_openssl_get_ssl(visitor->io), request->holder)) {
        return 403;
    }
    *why = "the holder is not another node of the group";
    for (int i = 0; i < group->n_nodes; i++) {
        if (strcmp(group->node[i].name, request->holder) == 0 &&
            strcmp(request->holder, config->peers->self) != 0) {
            return 200;
        }
    }
    return 403;
}

static void on_question(struct peer_visitor *visitor)
{
    struct peer_door *door = visitor->door;
    struct peer_wait *wait;
    const char *why;
    int status = judge(visitor, &why);

    if (status != 200) {
        refuse(visitor, status, why);
        return;
    }
    bufferevent_disable(visitor->io, EV_READ); /* it has said all that it may */
    visitor->ticket = ++door->last_ticket;
    visitor_stage(visitor, PEER_WAITING, PEER_UNLISTENED_MS);
    DL_FOREACH(door->waits, wait)
    {
        if (strcmp(wait->group, visitor->request.group) == 0) {
            peer_visitor_give(visitor, wait);
            return;
        }
    }
}

static void on_read(struct bufferevent *io, void *arg)
{
    struct peer_visitor *visitor = arg;
    struct evbuffer *input = bufferevent_get_input(io);
    size_t len = evbuffer_get_length(input);
    const char *text = (const char *)evbuffer_pullup(input, -1);
    int status = visitor->stage == PEER_READING ? peer_parse(text, len, &visitor->request) : 0;

    if (status == 200) {
        on_question(visitor);
    } else if (status != 0) {
        refuse(visitor, status, "not a question that is understood here");
    }
}

static void on_written(struct bufferevent *io, void *arg)
{
    struct peer_visitor *visitor = arg;

    if (visitor->stage == PEER_LEAVING) {
        SSL_shutdown(bufferevent_openssl_get_ssl(io));
        peer_visitor_free(visitor);
    }
}

static void on_event(struct bufferevent *io, short what, void *arg)
{
    struct peer_visitor *visitor = arg;
    char text[256];

    if ((what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) == 0) {
        return; /* shaken hands */
    }
    if ((what & BEV_EVENT_ERROR) != 0 && visitor->stage == PEER_READING) {
        unsigned long error = bufferevent_get_openssl_error(io);

        peer_tls_say(error, text, sizeof text);
        if (error != 0) {
            tell_sent_away(visitor, text);
        }
    }
    peer_visitor_free(visitor);
}

/* IPv4 ones as ::ffff:1.2.3.4. */
static void address_of(const struct sockaddr *from, struct peer_visitor *visitor)
{
    if (from->sa_family == AF_INET6) {
        visitor->from = ((const struct sockaddr_in6 *)(const void *)from)->sin6_addr;
    } else {
        visitor->from.s6_addr[10] = visitor->from.s6_addr[11] = 0xff;
        memcpy(
            &visitor->from.s6_addr[12], &((const struct sockaddr_in *)(const void *)from)->sin_addr,
            4);
    }
    inet_ntop(AF_INET6, &visitor->from, visitor->from_text, sizeof visitor->from_text);
}

static bool is_crowded(const struct peer_door *door, const struct peer_visitor *visitor)
{
    const struct peer_visitor *each;
    int same = 0;

    DL_FOREACH(door->visitors, each)
    {
        same += memcmp(&each->from, &visitor->from, sizeof each->from) == 0;
    }
    return door->n_visitors >= PEER_VISITORS_MAX || same >= PEER_SAME_MAX;
}

static bool visitor_begin(struct peer_visitor *visitor, evutil_socket_t fd)
{
    struct peer_door *door = visitor->door;
    SSL *ssl = SSL_new(door->tls);

    if (ssl == NULL) {
        return false;
    }
    visitor->io = bufferevent_openssl_socket_new(
        live_base(door->live), fd, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
    if (visitor->io == NULL) {
        SSL_free(ssl);
        return false;
    }
    visitor->deadline = event_new(live_base(door->live), -1, 0, on_deadline, visitor);
    if (visitor->deadline == NULL) {
        return false;
    }
    bufferevent_openssl_set_allow_dirty_shutdown(visitor->io, 1);
    bufferevent_setwatermark(visitor->io, EV_READ, 0, PEER_BYTES_MAX);
    bufferevent_setcb(visitor->io, on_read, on_written, on_event, visitor);
    return bufferevent_enable(visitor->io, EV_READ | EV_WRITE) == 0;
}

void peer_visitor_new(struct peer_door *door, evutil_socket_t fd, const struct sockaddr *from)
{
    struct peer_visitor *visitor = calloc(1, sizeof *visitor);

    if (visitor == NULL) {
        close(fd);
        return;
    }
    visitor->door = door;
    address_of(from, visitor);
    if (is_crowded(door, visitor)) {
        tell_sent_away(visitor, "too many are connected already");
        close(fd);
        free(visitor);
        return;
    }
    if (!visitor_begin(visitor, fd)) {
        if (visitor->io != NULL) {
            bufferevent_free(visitor->io);
        } else {
            close(fd);
        }
        free(visitor);
        return;
    }
    DL_APPEND(door->visitors, visitor);
    door->n_visitors++;
    visitor_stage(visitor, PEER_READING, PEER_READ_MS);
}
