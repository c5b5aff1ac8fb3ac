/* The peers' door, open and closed: see peer.h. */
#include "world/live/peer_parts.h"

#include <errno.h>
#include <event2/listener.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#define DOOR_REST_MS 500 /* after no descriptor was left for a visitor */

void peer_door_tell_log(struct peer_door *door, enum world_level level, const char *text)
{
    struct world *world = live_world(door->live);

    world->ops->log(world, &(struct world_log){.level = level, .event = "peer", .text = text});
}

/* ---- Open and closed --------------------------------------------------------------------- */

static void on_rested(evutil_socket_t fd, short what, void *arg)
{
    struct peer_door *door = arg;

    (void)fd;
    (void)what;
    if (door->listener != NULL) {
        evconnlistener_enable(door->listener);
    }
}

static void on_visitor(
    struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from, int len, void *arg)
{
    (void)listener;
    (void)len;
    peer_visitor_new(arg, fd, from);
}

/* No descriptor is left, most likely: libevent would come back here at once, for ever. */
static void on_no_visitor(struct evconnlistener *listener, void *arg)
{
    struct peer_door *door = arg;

    evconnlistener_disable(listener);
    event_add(door->rest, &(struct timeval){0, DOOR_REST_MS * 1000});
}

static void door_close(struct peer_door *door)
{
    while (door->visitors != NULL) {
        peer_visitor_free(door->visitors);
    }
    if (door->listener != NULL) {
        evconnlistener_free(door->listener);
        door->listener = NULL;
    }
    SSL_CTX_free(door->tls);
    door->tls = NULL;
}

/* A kernel may be without IPv6. */
static int make_socket(bool *is_six)
{
    const int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
    int fd = socket(AF_INET6, type, 0);

    *is_six = fd >= 0;
    if (fd >= 0) {
        return fd;
    }
    return socket(AF_INET, type, 0);
}

static int listen_on(int port)
{
    struct sockaddr_in6 six = {
        .sin6_family = AF_INET6, .sin6_addr = in6addr_any, .sin6_port = htons((uint16_t)port)};
    struct sockaddr_in four = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_ANY),
        .sin_port = htons((uint16_t)port)};
    int on = 1, off = 0;
    bool is_six, bound;
    int fd = make_socket(&is_six);

    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (is_six) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    }
    bound = is_six ? bind(fd, (struct sockaddr *)&six, sizeof six) == 0
                   : bind(fd, (struct sockaddr *)&four, sizeof four) == 0;
    if (!bound || listen(fd, PEER_VISITORS_MAX) != 0) {
        int error = errno;

        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

static bool door_open(struct peer_door *door, char *why, size_t size)
{
    const struct config_peers *peers = live_config(door->live)->peers;
    int fd;

    if (peers == NULL || !peers->failsafe) {
        snprintf(why, size, "no failsafe is configured");
        return false;
    }
    door->tls = peer_tls_new(peers, why, size);
    if (door->tls == NULL) {
        return false;
    }
    fd = listen_on(peers->failsafe_port);
    if (fd < 0) {
        snprintf(why, size, "can't listen on port %d: %s", peers->failsafe_port, strerror(errno));
        return false;
    }
    door->listener = evconnlistener_new(
        live_base(door->live), on_visitor, door, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0,
        fd);
    if (door->listener == NULL) {
        close(fd);
        snprintf(why, size, "no memory for a listener");
        return false;
    }
    evconnlistener_set_error_cb(door->listener, on_no_visitor);
    return true;
}

static void door_try(struct peer_door *door)
{
    char why[sizeof door->why] = "";

    if (door->listener != NULL) {
        return;
    }
    if (!door_open(door, why, sizeof why)) {
        door_close(door);
        if (strcmp(why, door->why) != 0) {
            peer_door_tell_log(door, WORLD_ALERT, why);
        }
    }
    memcpy(door->why, why, sizeof why);
}

/* ---- For others -------------------------------------------------------------------------- */

struct peer_door *peer_door_new(struct live *live)
{
    struct peer_door *door = calloc(1, sizeof *door);

    if (door == NULL) {
        return NULL;
    }
    door->live = live;
    door->complained_ms = INT64_MIN / 2;
    door->rest = event_new(live_base(live), -1, 0, on_rested, door);
    if (door->rest == NULL) {
        free(door);
        return NULL;
    }
    return door;
}

void peer_door_free(struct peer_door *door)
{
    if (door == NULL) {
        return;
    }
    while (door->waits != NULL) {
        peer_door_leave(door->waits);
    }
    door_close(door);
    event_free(door->rest);
    free(door);
}

void peer_door_reload(struct peer_door *door)
{
    const struct config_peers *peers = live_config(door->live)->peers;

    door_close(door);
    if (peers != NULL && peers->failsafe) {
        door_try(door);
    }
}

void peer_door_wait(struct peer_door *door, struct peer_wait *wait)
{
    struct peer_visitor *visitor;

    door_try(door);
    wait->door = door;
    DL_APPEND(door->waits, wait);
    DL_FOREACH(door->visitors, visitor)
    {
        if (visitor->stage == PEER_WAITING && strcmp(visitor->request.group, wait->group) == 0) {
            peer_visitor_give(visitor, wait);
            return;
        }
    }
}

void peer_door_leave(struct peer_wait *wait)
{
    if (wait->door != NULL) {
        DL_DELETE(wait->door->waits, wait);
        wait->door = NULL;
    }
}

bool peer_door_answer(struct peer_door *door, uint64_t ticket, bool yes, const char *why)
{
    struct peer_visitor *visitor;

    DL_FOREACH(door->visitors, visitor)
    {
        if (visitor->stage == PEER_ASKED && visitor->ticket == ticket) {
            peer_visitor_answer(visitor, 200, yes, why);
            return true;
        }
    }
    return false;
}

const char *peer_door_why(const struct peer_door *door)
{
    return door->why;
}
