#include "live_server.h"

#include "world/live/request.h"

#include <arpa/inet.h>
#include <check.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/dns.h>
#include <event2/dns_struct.h>
#include <event2/listener.h>
#include <net/if.h>
#include <openssl/ssl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

struct connection {
    struct server *server;
    struct bufferevent *io;
    enum server_then then;
    bool tls;
    struct connection *prev, *next;
};

static void connection_free(struct connection *connection)
{
    connection->server->n_closed++;
    DL_DELETE(connection->server->connections, connection);
    bufferevent_free(connection->io);
    free(connection);
}

static void on_read(struct bufferevent *io, void *arg);
static void on_written(struct bufferevent *io, void *arg);

static void on_event(struct bufferevent *io, short what, void *arg)
{
    (void)io;
    if ((what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) != 0) {
        connection_free(arg);
    }
}

static void begin_tls(struct connection *connection)
{
    struct server *server = connection->server;

    connection->then = SERVER_GO_ON;
    connection->tls = true;
    connection->io = bufferevent_openssl_filter_new(
        server->base, connection->io, SSL_new(server->tls), BUFFEREVENT_SSL_ACCEPTING,
        BEV_OPT_CLOSE_ON_FREE);
    ck_assert_ptr_nonnull(connection->io);
    bufferevent_setcb(connection->io, on_read, on_written, on_event, connection);
    bufferevent_enable(connection->io, EV_READ | EV_WRITE);
}

static void on_written(struct bufferevent *io, void *arg)
{
    struct connection *connection = arg;

    (void)io;
    if (connection->then == SERVER_CLOSE) {
        connection_free(connection);
    } else if (connection->then == SERVER_TLS) {
        begin_tls(connection);
    }
}

static void say(struct connection *connection, const char *text, enum server_then then)
{
    connection->then = then;
    if (text != NULL && text[0] != 0) {
        bufferevent_write(connection->io, text, strlen(text));
    } else if (then == SERVER_CLOSE) {
        connection_free(connection);
    }
}

static void on_read(struct bufferevent *io, void *arg)
{
    struct connection *connection = arg;
    struct server *server = connection->server;
    char *line = evbuffer_readln(bufferevent_get_input(io), NULL, EVBUFFER_EOL_CRLF);
    size_t used = strlen(server->heard);
    const struct server_line *each;

    if (line == NULL) {
        return;
    }
    snprintf(
        server->heard + used, sizeof server->heard - used, "%s%s\n", connection->tls ? "tls:" : "",
        line);
    for (each = server->script->line; each->heard != NULL; each++) {
        const char *tag = strchr(line, ' ');
        bool imap = each->heard[0] == ' ' && tag != NULL;

        if (strncmp(imap ? tag : line, each->heard, strlen(each->heard)) == 0) {
            char text[512];
            const char *mark = strstr(each->say, "TAG");

            if (mark != NULL) {
                *strchr(line, ' ') = 0;
                snprintf(
                    text, sizeof text, "%.*s%s%s", (int)(mark - each->say), each->say, line,
                    mark + 3);
            } else {
                snprintf(text, sizeof text, "%s", each->say);
            }
            say(connection, text, each->then);
            break;
        }
    }
    free(line);
}

static void on_accept(
    struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from, int len, void *arg)
{
    struct server *server = arg;
    struct connection *connection = calloc(1, sizeof *connection);

    (void)listener;
    (void)from;
    (void)len;
    ck_assert_ptr_nonnull(connection);
    server->n_connections++;
    connection->server = server;
    connection->io = bufferevent_socket_new(server->base, fd, BEV_OPT_CLOSE_ON_FREE);
    DL_APPEND(server->connections, connection);
    bufferevent_setcb(connection->io, on_read, on_written, on_event, connection);
    bufferevent_enable(connection->io, EV_READ | EV_WRITE);
    if (server->script->tls) {
        begin_tls(connection);
    }
    say(connection, server->script->banner, server->script->then);
}

static void listen_on(
    struct server *server, struct event_base *base, const struct server_script *script,
    const struct sockaddr *address, socklen_t len)
{
    struct sockaddr_in6 bound = {0}; /* its port is where that of an IPv4 address is */
    socklen_t bound_len = sizeof bound;

    server->base = base;
    server->script = script;
    server->listener = evconnlistener_new_bind(
        base, on_accept, server, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 16, address,
        (int)len);
    ck_assert_ptr_nonnull(server->listener);
    getsockname(evconnlistener_get_fd(server->listener), (struct sockaddr *)&bound, &bound_len);
    server->port = ntohs(bound.sin6_port);
    if (server->certificate != NULL) {
        server->tls = SSL_CTX_new(TLS_server_method());
        ck_assert_int_eq(
            SSL_CTX_use_certificate_file(server->tls, server->certificate, SSL_FILETYPE_PEM), 1);
        ck_assert_int_eq(
            SSL_CTX_use_PrivateKey_file(server->tls, server->key, SSL_FILETYPE_PEM), 1);
    }
}

void server_up(struct server *server, struct event_base *base, const struct server_script *script)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    listen_on(server, base, script, (struct sockaddr *)&address, sizeof address);
}

void server_up_six(
    struct server *server, struct event_base *base, const struct server_script *script)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};

    listen_on(server, base, script, (struct sockaddr *)&address, sizeof address);
}

void server_down(struct server *server)
{
    struct connection *each, *next;

    DL_FOREACH_SAFE(server->connections, each, next)
    {
        connection_free(each);
    }
    if (server->listener != NULL) {
        evconnlistener_free(server->listener);
    }
    SSL_CTX_free(server->tls);
    memset(server, 0, sizeof *server);
}

void server_certificate(const char *dir, const char *name)
{
    char command[512];

    snprintf(
        command, sizeof command,
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
        "-subj /CN=%s -addext subjectAltName=DNS:%s,IP:127.0.0.1 -keyout %s/key.pem "
        "-out %s/cert.pem 2>/dev/null",
        name, name, dir, dir);
    ck_assert_int_eq(system(command), 0); /* NOLINT(bugprone-command-processor,cert-env33-c) */
}

int port_closed(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    getsockname(fd, (struct sockaddr *)&address, &len);
    close(fd);
    return ntohs(address.sin_port);
}

static void on_question(struct evdns_server_request *request, void *arg)
{
    const char *name = request->nquestions > 0 ? request->questions[0]->name : "";
    struct in_addr address[2];
    struct in6_addr six;
    bool many = strcasecmp(name, "many.test") == 0;
    bool four = request->nquestions > 0 && request->questions[0]->type == EVDNS_TYPE_A;
    const char *dot = strrchr(name, '.');

    (void)arg;
    if (strcasecmp(name, "silent.test") == 0) {
        evdns_server_request_drop(request);
        return;
    }
    if (dot == NULL || strcasecmp(dot, ".test") != 0 || strcasecmp(name, "none.test") == 0) {
        evdns_server_request_respond(request, DNS_ERR_NOTEXIST);
        return;
    }
    inet_pton(AF_INET, many ? "127.0.0.9" : "127.0.0.1", &address[0]);
    inet_pton(AF_INET, "127.0.0.1", &address[1]);
    if (!four && strcasecmp(name, "refused.test") == 0) {
        inet_pton(AF_INET6, "2001:db8::1", &six);
        evdns_server_request_add_aaaa_reply(request, name, 1, &six, 5);
    }
    if (four) {
        evdns_server_request_add_a_reply(request, name, many ? 2 : 1, address, 5);
    }
    evdns_server_request_respond(request, 0);
}

struct evdns_server_port *dns_up(struct event_base *base, struct world *world)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct evdns_base *dns = live_dns((struct live *)world);
    char text[32];

    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    getsockname(fd, (struct sockaddr *)&address, &len);
    snprintf(text, sizeof text, "127.0.0.1:%d", ntohs(address.sin_port));
    evdns_base_clear_nameservers_and_suspend(dns);
    evdns_base_search_clear(dns);
    ck_assert_int_eq(evdns_base_nameserver_ip_add(dns, text), 0);
    evdns_base_resume(dns);
    return evdns_add_server_port_with_base(base, fd, 0, on_question, NULL);
}

bool netns_enter(bool lo_up)
{
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    const char *no_fork = getenv("CK_FORK");
    int fd;

    if (geteuid() != 0 || (no_fork != NULL && strcmp(no_fork, "no") == 0)) {
        printf("skipped: needs root and a process of its own\n");
        return false;
    }
    ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
    if (lo_up) {
        fd = socket(AF_INET, SOCK_DGRAM, 0);
        ck_assert_int_eq(ioctl(fd, SIOCSIFFLAGS, &request), 0);
        close(fd);
    }
    return true;
}
