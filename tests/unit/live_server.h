/* A scripted line server on loopback, on the loop of the test. */
#ifndef LIVE_SERVER_H
#define LIVE_SERVER_H

#include <event2/event.h>
#include <stdbool.h>

enum server_then {
    SERVER_GO_ON = 0,
    SERVER_CLOSE, /* after what is said */
    SERVER_TLS,   /* begin TLS after what is said */
};

struct server_line {
    const char *heard; /* the start of a line; with a space first: of what follows a tag */
    const char *say;   /* "TAG" in it is the tag of the line */
    enum server_then then;
};

struct server_script {
    const char *banner; /* NULL: silence */
    enum server_then then;
    bool tls;                   /* from the first byte */
    struct server_line line[8]; /* first match; none: silence */
};

struct server {
    int port;
    int n_connections, n_closed; /* by the other side, or after SERVER_CLOSE */
    char heard[1024];            /* all lines, each with \n; lines within TLS begin with "tls:" */
    struct event_base *base;
    const struct server_script *script;
    const char *certificate, *key; /* files; NULL: no TLS */
    struct evconnlistener *listener;
    struct connection *connections;
    struct ssl_ctx_st *tls;
};

/* On 127.0.0.1, or ::1; fails the test where it can't. */
void server_up(struct server *server, struct event_base *base, const struct server_script *script);
void server_up_six(
    struct server *server, struct event_base *base, const struct server_script *script);
void server_down(struct server *server);

/* A key and a self-signed certificate for `name` and 127.0.0.1 in DIR/key.pem, DIR/cert.pem. */
void server_certificate(const char *dir, const char *name);

/* A free port of 127.0.0.1 that nobody listens on. */
int port_closed(void);

/* A DNS server: NAME.test is 127.0.0.1, "many.test" 127.0.0.9 (closed) and 127.0.0.1,
 * "refused.test" also 2001:db8::1, "silent.test" gets no answer, all else does not exist. The world
 * is told to ask it. */
struct world;
struct evdns_server_port *dns_up(struct event_base *base, struct world *world);

/* Be alone in a new network namespace with its lo up or down. False, with a line on stdout:
 * not root, so the test is skipped. Lasts for the test's own process. */
bool netns_enter(bool lo_up);

#endif
