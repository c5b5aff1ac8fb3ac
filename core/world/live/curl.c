#include "world/live/curl.h"

#include "world/live/request.h"
#include "world/live/resolve.h"
#include "world/live/tcp.h"

#include <assert.h>
#include <errno.h>
#include <event2/event_struct.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CURL_IDLE_MAX      32   /* easy handles kept for the next transfer */
#define CURL_BUFFER_SIZE   4096 /* of each handle; answers to probes are short */
#define CURL_ADDRESSES_MAX 8    /* of a name that are tried */
#define CURL_CA_CACHE_S    300  /* until a CA file is read again; some hold 150 CAs */

struct live_curl {
    struct event_base *base;
    CURLM *multi;
    struct event timer;
    int n_idle;
    CURL *idle[CURL_IDLE_MAX];
};

/* ---- The multi handle on the loop ------------------------------------------------------- */

static void hand_out_done(struct live_curl *curl)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(curl->multi, &left)) != NULL) {
        struct curl_transfer *transfer = NULL;
        CURLcode code = message->data.result;

        assert(message->msg == CURLMSG_DONE);
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
        transfer->done(transfer, code); /* may free the transfer, may start others */
    }
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct live_curl *curl = arg;
    int running;

    (void)fd;
    (void)what;
    curl_multi_socket_action(curl->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    hand_out_done(curl);
}

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
    struct live_curl *curl = arg;
    int mask = ((what & EV_READ) != 0 ? CURL_CSELECT_IN : 0) |
               ((what & EV_WRITE) != 0 ? CURL_CSELECT_OUT : 0);
    int running;

    curl_multi_socket_action(curl->multi, fd, mask, &running);
    hand_out_done(curl);
}

/* CURLMOPT_TIMERFUNCTION */
static int want_timer(CURLM *multi, long timeout_ms, void *arg)
{
    struct live_curl *curl = arg;
    struct timeval timeout = {timeout_ms / 1000, timeout_ms % 1000 * 1000};

    (void)multi;
    if (timeout_ms < 0) {
        event_del(&curl->timer);
    } else {
        event_add(&curl->timer, &timeout);
    }
    return 0;
}

/* CURLMOPT_SOCKETFUNCTION */
static int want_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
    struct live_curl *curl = arg;
    struct event *event = socket_arg;
    short mask = EV_PERSIST;

    (void)easy;
    if (event != NULL) {
        event_free(event);
    }
    mask |= what == CURL_POLL_IN || what == CURL_POLL_INOUT ? EV_READ : 0;
    mask |= what == CURL_POLL_OUT || what == CURL_POLL_INOUT ? EV_WRITE : 0;
    event = what != CURL_POLL_REMOVE ? event_new(curl->base, fd, mask, on_socket, curl) : NULL;
    curl_multi_assign(curl->multi, fd, event);
    return what != CURL_POLL_REMOVE && (event == NULL || event_add(event, NULL) != 0) ? -1 : 0;
}

enum baton_err live_curl_new(
    struct event_base *base, struct live_curl **out, struct baton_error *error)
{
    struct live_curl *curl = calloc(1, sizeof *curl);

    if (curl == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(curl);
        return baton_fail(error, BATON_NOMEM, "no memory for libcurl");
    }
    curl->base = base;
    curl->multi = curl_multi_init();
    if (curl->multi == NULL) {
        curl_global_cleanup();
        free(curl);
        return baton_fail(error, BATON_NOMEM, "no memory for libcurl");
    }
    event_assign(&curl->timer, base, -1, 0, on_timer, curl);
    curl_multi_setopt(curl->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
    curl_multi_setopt(curl->multi, CURLMOPT_SOCKETDATA, curl);
    curl_multi_setopt(curl->multi, CURLMOPT_TIMERFUNCTION, want_timer);
    curl_multi_setopt(curl->multi, CURLMOPT_TIMERDATA, curl);
    *out = curl;
    return BATON_OK;
}

void live_curl_free(struct live_curl *curl)
{
    if (curl == NULL) {
        return;
    }
    while (curl->n_idle > 0) {
        curl_easy_cleanup(curl->idle[--curl->n_idle]);
    }
    curl_multi_cleanup(curl->multi);
    event_del(&curl->timer);
    curl_global_cleanup();
    free(curl);
}

/* ---- One transfer ------------------------------------------------------------------------ */

static CURL *easy_get(struct live_curl *curl)
{
    return curl->n_idle > 0 ? curl->idle[--curl->n_idle] : curl_easy_init();
}

static void easy_put(struct live_curl *curl, CURL *easy)
{
    if (curl->n_idle < CURL_IDLE_MAX) {
        curl_easy_reset(easy); /* headers, secrets and all */
        curl->idle[curl->n_idle++] = easy;
    } else {
        curl_easy_cleanup(easy);
    }
}

/* CURLOPT_OPENSOCKETFUNCTION */
static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct curl_transfer *transfer = arg;
    int type = address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK;
    curl_socket_t fd = socket(address->family, type, address->protocol);

    (void)purpose;
    transfer->socket_error = fd == CURL_SOCKET_BAD ? errno : 0;
    return fd; /* libcurl's from now on */
}

bool curl_transfer_init(
    struct curl_transfer *transfer, struct live *live, curl_done_fn *done, char *why,
    size_t why_size)
{
    CURL *easy = transfer->easy = easy_get(live_curl(live));

    if (easy == NULL) {
        snprintf(why, why_size, "no memory for libcurl");
        return false;
    }
    transfer->live = live;
    transfer->done = done;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https,smtp,smtps,imap,imaps,pop3,pop3s");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* not even http_proxy */
    curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)CURL_BUFFER_SIZE);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    return true;
}

void curl_transfer_trust(struct curl_transfer *transfer, bool verify, const char *ca_file)
{
    curl_easy_setopt(transfer->easy, CURLOPT_SSL_VERIFYPEER, verify ? 1L : 0L);
    curl_easy_setopt(transfer->easy, CURLOPT_SSL_VERIFYHOST, verify ? 2L : 0L);
    if (ca_file != NULL) {
        curl_easy_setopt(transfer->easy, CURLOPT_CAINFO, ca_file);
    }
    /* With a directory too, libcurl would read all of the CAs anew for each transfer. */
    curl_easy_setopt(transfer->easy, CURLOPT_CAPATH, NULL);
    curl_easy_setopt(transfer->easy, CURLOPT_CA_CACHE_TIMEOUT, (long)CURL_CA_CACHE_S);
}

static bool add(struct curl_transfer *transfer)
{
    transfer->added =
        curl_multi_add_handle(live_curl(transfer->live)->multi, transfer->easy) == CURLM_OK;
    return transfer->added;
}

/* Connecting a datagram socket sends nothing, it only looks for a route. */
static bool has_route(const struct evutil_addrinfo *address)
{
    int fd = socket(address->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool found;

    if (fd < 0) {
        return true;
    }
    found = connect(fd, address->ai_addr, (socklen_t)address->ai_addrlen) == 0;
    close(fd);
    return found;
}

/* "+name:port:address,[address],…" for CURLOPT_RESOLVE; the + lets it grow old. libcurl
 * reports the error of the last address only: those without a route are left out, so that
 * they don't hide that another one refused. */
static struct curl_slist *addresses_for_curl(
    const char *host, int port, const struct evutil_addrinfo *found, bool all)
{
    char text[1024], number[INET6_ADDRSTRLEN + 20];
    int len = snprintf(text, sizeof text, "+%.256s:%d:", host, port), n = 0;

    for (; found != NULL && n < CURL_ADDRESSES_MAX; found = found->ai_next) {
        bool six = found->ai_family == AF_INET6;

        if (getnameinfo(
                found->ai_addr, (socklen_t)found->ai_addrlen, number, sizeof number, NULL, 0,
                NI_NUMERICHOST) != 0 ||
            (!all && !has_route(found))) {
            continue;
        }
        len += snprintf(
            text + len, sizeof text - (size_t)len, "%s%s%s%s", n > 0 ? "," : "", six ? "[" : "",
            number, six ? "]" : "");
        assert(len < (int)sizeof text);
        n++;
    }
    return n > 0 ? curl_slist_append(NULL, text) : NULL;
}

static void on_resolved(void *arg, struct evutil_addrinfo *found, const char *why)
{
    struct curl_transfer *transfer = arg;

    transfer->resolve = NULL;
    if (found != NULL) {
        transfer->addresses = addresses_for_curl(transfer->host, transfer->port, found, false);
        if (transfer->addresses == NULL) {
            transfer->addresses = addresses_for_curl(transfer->host, transfer->port, found, true);
        }
        curl_easy_setopt(transfer->easy, CURLOPT_RESOLVE, transfer->addresses);
        evutil_freeaddrinfo(found);
    } else {
        snprintf(transfer->error, sizeof transfer->error, "%s", why);
    }
    if (found == NULL || transfer->addresses == NULL) {
        transfer->done(transfer, CURLE_COULDNT_RESOLVE_HOST);
    } else if (!add(transfer)) {
        transfer->done(transfer, CURLE_OUT_OF_MEMORY);
    }
}

bool curl_transfer_run(
    struct curl_transfer *transfer, const char *host, int port, bool instead, char *why,
    size_t why_size)
{
    struct sockaddr_storage address;
    socklen_t len;
    bool literal = resolve_literal(host, port, &address, &len);
    bool six = literal && address.ss_family == AF_INET6;
    char text[320];

    if (instead) {
        snprintf(text, sizeof text, "::%s%.256s%s:%d", six ? "[" : "", host, six ? "]" : "", port);
        transfer->connect_to = curl_slist_append(NULL, text);
        curl_easy_setopt(transfer->easy, CURLOPT_CONNECT_TO, transfer->connect_to);
    }
    if (!literal) {
        transfer->port = port;
        transfer->host = strdup(host);
        if (transfer->host == NULL || strlen(host) > 255) {
            snprintf(why, why_size, "no memory, or a name of more than 255 characters");
            return false;
        }
        transfer->resolve = resolve_start(transfer->live, host, port, on_resolved, transfer);
        return true;
    }
    if (!add(transfer)) {
        snprintf(why, why_size, "libcurl takes no more transfers");
        return false;
    }
    return true;
}

void curl_transfer_fini(struct curl_transfer *transfer)
{
    resolve_cancel(transfer->resolve);
    if (transfer->easy != NULL) {
        struct live_curl *curl = live_curl(transfer->live);

        if (transfer->added) {
            curl_multi_remove_handle(curl->multi, transfer->easy);
        }
        easy_put(curl, transfer->easy);
    }
    curl_slist_free_all(transfer->addresses);
    curl_slist_free_all(transfer->connect_to);
    free(transfer->host);
}

bool curl_transfer_resolving(const struct curl_transfer *transfer)
{
    return transfer->resolve != NULL;
}

/* libcurl's own words where it has some. */
static const char *words(const struct curl_transfer *transfer, CURLcode code)
{
    return transfer->error[0] != 0 ? transfer->error : curl_easy_strerror(code);
}

static enum world_outcome judge(
    struct curl_transfer *transfer, CURLcode code, char *text, size_t size)
{
    long error = 0;

    switch (code) {
    case CURLE_COULDNT_CONNECT:
        curl_easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &error);
        error = transfer->socket_error != 0 ? transfer->socket_error : error;
        snprintf(text, size, "%s", tcp_sentence((int)error));
        return tcp_outcome((int)error);
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
        snprintf(text, size, "connection broken: %.200s", words(transfer, code));
        return WORLD_FAIL;
    case CURLE_PEER_FAILED_VERIFICATION:
        snprintf(text, size, "certificate refused: %.200s", words(transfer, code));
        return WORLD_FAIL;
    case CURLE_SSL_CONNECT_ERROR:
        snprintf(text, size, "no TLS: %.200s", words(transfer, code));
        return WORLD_FAIL;
    case CURLE_USE_SSL_FAILED:
        snprintf(text, size, "no STARTTLS: %.200s", words(transfer, code));
        return WORLD_FAIL;
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_REMOTE_ACCESS_DENIED:
    case CURLE_LOGIN_DENIED:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_HTTP2:
        snprintf(text, size, "%.250s", words(transfer, code));
        return WORLD_FAIL;
    default: /* name not resolved, CA file not readable, no memory: ours */
        snprintf(text, size, "%.250s", words(transfer, code));
        return WORLD_UNKNOWN;
    }
}

enum world_outcome curl_transfer_judge(
    struct curl_transfer *transfer, CURLcode code, char *text, size_t size)
{
    enum world_outcome outcome = judge(transfer, code, text, size);

    tcp_printable(text);
    return outcome;
}
