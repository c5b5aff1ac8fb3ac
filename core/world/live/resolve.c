#include "world/live/resolve.h"

#include "world/live/request.h"

#include <arpa/inet.h>
#include <event2/dns.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct resolve {
    struct evdns_getaddrinfo_request *query;
    resolve_done_fn *done; /* NULL: cancelled; evdns still answers once, then this is freed */
    void *arg;
    bool starting, answered;
    char host[];
};

/* An address with a scope has no form that inet_pton knows; with AI_NUMERICHOST this asks
 * nobody. */
static bool literal_scoped(const char *host, struct sockaddr_storage *out, socklen_t *len)
{
    struct addrinfo hints = {.ai_family = AF_INET6, .ai_flags = AI_NUMERICHOST};
    struct addrinfo *found = NULL;

    if (strchr(host, '%') == NULL || getaddrinfo(host, NULL, &hints, &found) != 0) {
        return false;
    }
    *len = found->ai_addrlen;
    memcpy(out, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return true;
}

bool resolve_literal(const char *host, int port, struct sockaddr_storage *out, socklen_t *len)
{
    struct sockaddr_in *in = (struct sockaddr_in *)out;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;

    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, host, &in->sin_addr) == 1) {
        in->sin_family = AF_INET;
        in->sin_port = htons((uint16_t)port);
        *len = sizeof *in;
        return true;
    }
    if (inet_pton(AF_INET6, host, &in6->sin6_addr) == 1) {
        in6->sin6_family = AF_INET6;
        *len = sizeof *in6;
    } else if (!literal_scoped(host, out, len)) {
        return false;
    }
    in6->sin6_port = htons((uint16_t)port);
    return true;
}

static void on_answer(int result, struct evutil_addrinfo *found, void *arg)
{
    struct resolve *resolve = arg;
    resolve_done_fn *done = resolve->done;
    void *done_arg = resolve->arg;
    char why[384];

    snprintf(
        why, sizeof why, "name %.255s not resolved: %s", resolve->host,
        result != 0 ? evutil_gai_strerror(result) : "no address");
    resolve->answered = true;
    if (!resolve->starting) {
        free(resolve);
    }
    if (done == NULL) {
        if (found != NULL) {
            evutil_freeaddrinfo(found);
        }
        return;
    }
    done(done_arg, result == 0 ? found : NULL, why);
}

struct resolve *resolve_start(
    struct live *live, const char *host, int port, resolve_done_fn *done, void *arg)
{
    struct evutil_addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_protocol = IPPROTO_TCP};
    struct evdns_base *dns = live_dns(live);
    struct resolve *resolve = calloc(1, sizeof *resolve + strlen(host) + 1);
    struct evdns_getaddrinfo_request *query;
    char service[16];

    if (dns == NULL || resolve == NULL) {
        free(resolve);
        done(arg, NULL, dns == NULL ? "no resolver on this host" : "no memory for a name look-up");
        return NULL;
    }
    resolve->done = done;
    resolve->arg = arg;
    memcpy(resolve->host, host, strlen(host) + 1);
    snprintf(service, sizeof service, "%d", port);
    /* Not AI_ADDRCONFIG: libevent looks once in a process's life for a default route. */
    hints.ai_flags = EVUTIL_AI_NUMERICSERV;
    resolve->starting = true;
    query = evdns_getaddrinfo(dns, host, service, &hints, on_answer, resolve);
    resolve->starting = false;
    if (resolve->answered) {
        free(resolve);
        return NULL;
    }
    resolve->query = query;
    return resolve;
}

void resolve_cancel(struct resolve *resolve)
{
    if (resolve == NULL) {
        return;
    }
    resolve->done = NULL;
    evdns_getaddrinfo_cancel(resolve->query);
}
