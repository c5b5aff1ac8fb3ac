#include "world/live/tcp.h"

#include "world/live/request.h"
#include "world/live/resolve.h"

#include <errno.h>
#include <event2/event_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TCP_LINE_MAX 512 /* RFC 5321, 4.5.3.1.5 */

struct tcp {
    struct live_request head;
    struct resolve *resolve;
    struct evutil_addrinfo *found, *next; /* of a name; the next one to try */
    struct event event;
    int fd;
    bool connected;
    int said_no;  /* errno of an address that refused; outweighs those that can't be asked */
    char *expect; /* NULL: a connection is enough */
    size_t line_len;
    char line[TCP_LINE_MAX];
};

enum world_outcome tcp_outcome(int error)
{
    switch (error) {
    case ECONNREFUSED:
    case ECONNRESET:
    case ECONNABORTED:
    case ETIMEDOUT:
    case EHOSTUNREACH:
    case EHOSTDOWN:
    case EPIPE:
        return WORLD_FAIL;
    default:
        return WORLD_UNKNOWN;
    }
}

const char *tcp_sentence(int error)
{
    static char text[160];

    switch (error) {
    case ECONNREFUSED:
        return "connection refused";
    case ECONNRESET:
    case ECONNABORTED:
    case EPIPE:
        return "connection reset";
    case ETIMEDOUT:
        return "no answer, connection timed out";
    case EHOSTUNREACH:
    case EHOSTDOWN:
        return "host unreachable";
    case ENETUNREACH:
        return "this host has no route there";
    case EMFILE:
    case ENFILE:
        return "this host has no file descriptor left";
    case EADDRNOTAVAIL:
        return "this host has no local address or port left for it";
    case EPERM:
    case EACCES:
        return "this host's own firewall forbids it";
    default:
        snprintf(text, sizeof text, "this host could not ask: %s", strerror(error));
        return text;
    }
}

void tcp_printable(char *line)
{
    line[strcspn(line, "\r\n")] = 0;
    for (; *line != 0; line++) {
        if (*line < 0x20 || *line > 0x7e) {
            *line = '?';
        }
    }
}

static struct tcp *tcp_of(struct live_request *request)
{
    return (struct tcp *)request;
}

static void let_go(struct tcp *tcp)
{
    if (tcp->fd >= 0) {
        event_del(&tcp->event);
        close(tcp->fd);
        tcp->fd = -1;
    }
}

static bool banner_right(const struct tcp *tcp)
{
    return strncmp(tcp->line, tcp->expect, strlen(tcp->expect)) == 0;
}

static void judge_banner(struct tcp *tcp)
{
    bool right = banner_right(tcp);

    tcp_printable(tcp->line);
    if (right) {
        live_request_say(&tcp->head, WORLD_OK, -1, "connected, banner \"%.200s\"", tcp->line);
    } else {
        live_request_say(
            &tcp->head, WORLD_FAIL, -1, "banner \"%.200s\" instead of \"%.100s\"", tcp->line,
            tcp->expect);
    }
}

static void on_line(struct tcp *tcp)
{
    ssize_t n = recv(tcp->fd, tcp->line + tcp->line_len, sizeof tcp->line - 1 - tcp->line_len, 0);

    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n < 0) {
        live_request_say(&tcp->head, tcp_outcome(errno), -1, "%s", tcp_sentence(errno));
    } else if (n == 0 && tcp->line_len == 0) {
        live_request_say(&tcp->head, WORLD_FAIL, -1, "closed without a banner");
    } else {
        tcp->line_len += (size_t)n;
        tcp->line[tcp->line_len] = 0;
        if (n == 0 || banner_right(tcp) || strpbrk(tcp->line, "\r\n") != NULL ||
            tcp->line_len == sizeof tcp->line - 1) {
            judge_banner(tcp);
        }
    }
}

static void on_socket(evutil_socket_t fd, short what, void *arg);

static void on_connected(struct tcp *tcp)
{
    tcp->connected = true;
    if (tcp->expect == NULL) {
        live_request_say(&tcp->head, WORLD_OK, -1, "connected");
        return;
    }
    event_del(&tcp->event);
    event_assign(
        &tcp->event, live_base(tcp->head.live), tcp->fd, EV_READ | EV_PERSIST, on_socket, tcp);
    event_add(&tcp->event, NULL);
}

/* Begin with one address. Returns 0, or errno where that failed at once. */
static int dial(struct tcp *tcp, const struct sockaddr *address, socklen_t len)
{
    /* A probe leaves no TIME-WAIT behind: at some thousands a second that would use up our
     * ports. */
    struct linger hard = {.l_onoff = 1, .l_linger = 0};

    tcp->fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (tcp->fd < 0) {
        return errno;
    }
    setsockopt(tcp->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    event_assign(&tcp->event, live_base(tcp->head.live), tcp->fd, EV_WRITE, on_socket, tcp);
    if (connect(tcp->fd, address, len) != 0 && errno != EINPROGRESS) {
        int error = errno;

        let_go(tcp);
        return error;
    }
    event_add(&tcp->event, NULL);
    return 0;
}

/* The next address that can be tried, else the end with what one of them said. */
static void dial_next(struct tcp *tcp, int error)
{
    let_go(tcp);
    for (;;) {
        struct evutil_addrinfo *at = tcp->next;

        if (tcp_outcome(error) == WORLD_FAIL) {
            tcp->said_no = error;
        }
        if (at == NULL) {
            break;
        }
        tcp->next = at->ai_next;
        error = dial(tcp, at->ai_addr, (socklen_t)at->ai_addrlen);
        if (error == 0) {
            return;
        }
    }
    error = tcp->said_no != 0 ? tcp->said_no : error;
    live_request_say(&tcp->head, tcp_outcome(error), -1, "%s", tcp_sentence(error));
}

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
    struct tcp *tcp = arg;
    int error = 0;
    socklen_t len = sizeof error;

    (void)what;
    if (tcp->connected) {
        on_line(tcp);
    } else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0) {
        dial_next(tcp, error);
    } else {
        on_connected(tcp);
    }
}

static void on_resolved(void *arg, struct evutil_addrinfo *found, const char *why)
{
    struct tcp *tcp = arg;

    tcp->resolve = NULL;
    if (found == NULL) {
        live_request_say(&tcp->head, WORLD_UNKNOWN, -1, "%s", why);
        return;
    }
    tcp->found = tcp->next = found;
    dial_next(tcp, EADDRNOTAVAIL);
}

static bool start(
    struct live_request *request, const struct world_request *wanted, char *why, size_t why_size)
{
    struct tcp *tcp = tcp_of(request);
    const char *host = wanted->u.tcp.host;
    struct sockaddr_storage address;
    socklen_t len = 0;
    int error;

    tcp->fd = -1;
    if (wanted->u.tcp.expect != NULL && wanted->u.tcp.expect[0] != 0) {
        tcp->expect = strdup(wanted->u.tcp.expect);
        if (tcp->expect == NULL) {
            snprintf(why, why_size, "no memory for a tcp request");
            return false;
        }
    }
    if (host == NULL || wanted->u.tcp.port <= 0 || wanted->u.tcp.port > 65535) {
        snprintf(why, why_size, "no host, or port %d is none", wanted->u.tcp.port);
        return false;
    }
    if (!resolve_literal(host, wanted->u.tcp.port, &address, &len)) {
        tcp->resolve = resolve_start(request->live, host, wanted->u.tcp.port, on_resolved, tcp);
        return true;
    }
    error = dial(tcp, (const struct sockaddr *)&address, len);
    if (error != 0) {
        live_request_say(request, tcp_outcome(error), -1, "%s", tcp_sentence(error));
    }
    return true;
}

static void at_deadline(struct live_request *request, struct world_result *result)
{
    static char text[128];
    struct tcp *tcp = tcp_of(request);
    double seconds = (double)request->timeout_ms / 1000;

    if (tcp->fd < 0) {
        result->outcome = WORLD_UNKNOWN;
        snprintf(text, sizeof text, "name not resolved within %.6g s", seconds);
    } else if (!tcp->connected) {
        snprintf(text, sizeof text, "no answer within %.6g s", seconds);
    } else if (tcp->line_len > 0) {
        tcp_printable(tcp->line);
        snprintf(text, sizeof text, "only \"%.60s\" of a banner within %.6g s", tcp->line, seconds);
    } else {
        snprintf(text, sizeof text, "connected, but no banner within %.6g s", seconds);
    }
    result->detail = text;
}

static void stop(struct live_request *request)
{
    struct tcp *tcp = tcp_of(request);

    resolve_cancel(tcp->resolve);
    let_go(tcp);
    if (tcp->found != NULL) {
        evutil_freeaddrinfo(tcp->found);
    }
    free(tcp->expect);
}

const struct live_kind live_kind_tcp = {
    .name = "tcp",
    .size = sizeof(struct tcp),
    .start = start,
    .stop = stop,
    .on_deadline = WORLD_FAIL,
    .at_deadline = at_deadline,
};
