#include "world/live/curl.h"
#include "world/live/request.h"
#include "world/live/tcp.h"

#include <event2/buffer.h>
#include <event2/event_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* libcurl's mail protocols make a session without a login where no user is given: connect,
 * TLS or STARTTLS, greeting, EHLO or CAPABILITY or CAPA. CURLOPT_CONNECT_ONLY ends there and
 * leaves the connection to us, for the last words.
 *
 * It is not left to libcurl to say QUIT: it does so while it closes a connection, and waits
 * there for the answer, on our loop, for up to two minutes where the server hangs. A
 * CONNECT_ONLY connection it just closes. */

#define MAIL_LINE_MAX  512
#define MAIL_REPLY_MAX 8192 /* of all lines that one of our commands brings */

struct words {
    const char *scheme, *scheme_tls;
    const char *ask; /* NULL: the greeting was enough */
    const char *bye;
};

static const struct words words_of[] = {
    [WORLD_SMTP] = {"smtp", "smtps", "NOOP\r\n", "QUIT\r\n"},
    [WORLD_IMAP] = {"imap", "imaps", NULL, "BATON LOGOUT\r\n"},
    [WORLD_POP3] = {"pop3", "pop3s", NULL, "QUIT\r\n"},
};

enum stage {
    STAGE_GREET,
    STAGE_ASK,
    STAGE_BYE
};

struct mail {
    struct live_request head;
    struct curl_transfer transfer;
    enum world_mail_proto proto;
    enum stage stage;
    struct event event; /* on libcurl's socket, once that is ours */
    bool listening;
    struct evbuffer *in;
    size_t read; /* bytes since the greeting */
    int n_lines; /* of the greeting */
    int code;
    int64_t latency_us;         /* up to the last answer that counts */
    char banner[MAIL_LINE_MAX]; /* the first line */
    char last[MAIL_LINE_MAX];   /* the last line */
};

static struct mail *mail_of(struct live_request *request)
{
    return (struct mail *)request;
}

/* ---- What the server says -------------------------------------------------------------- */

/* The reply code of an SMTP line (RFC 5321, 4.2), else -1. */
static int reply_code(enum world_mail_proto proto, const char *line)
{
    char *end;
    long code = proto == WORLD_SMTP ? strtol(line, &end, 10) : -1;

    return code >= 200 && code <= 599 && end == line + 3 ? (int)code : -1;
}

static void keep_line(struct mail *mail, const char *line, size_t len)
{
    len = len < MAIL_LINE_MAX ? len : MAIL_LINE_MAX - 1;
    memcpy(mail->last, line, len);
    mail->last[len] = 0;
    tcp_printable(mail->last);
    if (mail->n_lines++ == 0) {
        memcpy(mail->banner, mail->last, sizeof mail->banner);
    }
    mail->code = reply_code(mail->proto, mail->last);
}

/* CURLOPT_HEADERFUNCTION: one line each, up to the end of the greeting. */
static size_t on_greeting(char *line, size_t one, size_t len, void *arg)
{
    keep_line(arg, line, len);
    return one * len;
}

static void end_ok(struct mail *mail)
{
    char text[MAIL_LINE_MAX];
    struct world_result result = {
        .outcome = WORLD_OK,
        .code = mail->code,
        .latency_us = mail->latency_us,
        .detail = text,
    };

    snprintf(text, sizeof text, "%.300s", mail->banner);
    live_request_end(&mail->head, &result);
}

/* ---- Last words, on the connection that libcurl made ------------------------------------- */

static bool say(struct mail *mail, const char *line)
{
    size_t sent = 0;

    /* A dozen bytes into an empty socket buffer go at once or not at all. */
    return curl_easy_send(mail->transfer.easy, line, strlen(line), &sent) == CURLE_OK &&
           sent == strlen(line);
}

static void bye(struct mail *mail)
{
    mail->stage = STAGE_BYE;
    mail->latency_us = live_now_us() - mail->head.began_us;
    if (!say(mail, words_of[mail->proto].bye)) {
        end_ok(mail);
    }
}

static void on_line(struct mail *mail, const char *line, size_t len)
{
    bool more = mail->proto == WORLD_SMTP && len > 3 && line[3] == '-';

    if (mail->stage == STAGE_BYE) {
        if (!more && strncmp(line, "* ", 2) != 0) {
            end_ok(mail);
        }
        return;
    }
    keep_line(mail, line, len);
    if (more) {
        return;
    }
    if (mail->code / 100 == 2) {
        bye(mail);
    } else {
        live_request_say(
            &mail->head, WORLD_FAIL, mail->code, "NOOP answered \"%.200s\"", mail->last);
    }
}

static void on_closed(struct mail *mail)
{
    if (mail->stage == STAGE_BYE) {
        end_ok(mail);
    } else {
        live_request_say(
            &mail->head, WORLD_FAIL, mail->code, "connection closed after \"%.200s\"", mail->last);
    }
}

/* One line a call: ending the request frees it. */
static void on_socket(evutil_socket_t fd, short what, void *arg)
{
    struct mail *mail = arg;
    char data[1024], *line;
    size_t len = 0, line_len;
    CURLcode code = curl_easy_recv(mail->transfer.easy, data, sizeof data, &len);

    (void)fd;
    (void)what;
    mail->read += len;
    if ((code == CURLE_OK && len == 0) || (code != CURLE_OK && code != CURLE_AGAIN) ||
        mail->read > MAIL_REPLY_MAX || evbuffer_add(mail->in, data, len) != 0) {
        on_closed(mail);
        return;
    }
    line = evbuffer_readln(mail->in, &line_len, EVBUFFER_EOL_CRLF);
    if (line != NULL || len > 0) {
        event_active(&mail->event, EV_READ, 0); /* more may be here or within TLS */
    }
    if (line != NULL) {
        on_line(mail, line, line_len);
        free(line);
    }
}

static void on_greeted(struct mail *mail)
{
    curl_socket_t fd = CURL_SOCKET_BAD;
    const struct words *words = &words_of[mail->proto];

    mail->in = evbuffer_new();
    curl_easy_getinfo(mail->transfer.easy, CURLINFO_ACTIVESOCKET, &fd);
    if (mail->in == NULL || fd == CURL_SOCKET_BAD) {
        live_request_say(&mail->head, WORLD_FAIL, mail->code, "closed after the greeting");
        return;
    }
    event_assign(
        &mail->event, live_base(mail->head.live), fd, EV_READ | EV_PERSIST, on_socket, mail);
    event_add(&mail->event, NULL);
    mail->listening = true;
    if (words->ask == NULL) {
        bye(mail);
    } else if (say(mail, words->ask)) {
        mail->stage = STAGE_ASK;
    } else {
        on_closed(mail);
    }
}

/* ---- The greeting, by libcurl ------------------------------------------------------------ */

static void end_failed(struct mail *mail, CURLcode code)
{
    char why[320], text[MAIL_LINE_MAX];
    enum world_outcome outcome = curl_transfer_judge(&mail->transfer, code, why, sizeof why);

    if (mail->n_lines == 0 || outcome == WORLD_UNKNOWN) {
        snprintf(text, sizeof text, "%s", why);
    } else if (mail->n_lines == 1 && code == CURLE_WEIRD_SERVER_REPLY) {
        snprintf(text, sizeof text, "banner \"%.200s\"", mail->last);
    } else {
        snprintf(text, sizeof text, "%.200s; last heard \"%.200s\"", why, mail->last);
    }
    live_request_say(&mail->head, outcome, mail->code, "%s", text);
}

static void on_done(struct curl_transfer *transfer, CURLcode code)
{
    struct mail *mail = (struct mail *)((char *)transfer - offsetof(struct mail, transfer));

    if (code == CURLE_OK) {
        on_greeted(mail);
    } else {
        end_failed(mail, code);
    }
}

static bool start(
    struct live_request *request, const struct world_request *wanted, char *why, size_t why_size)
{
    struct mail *mail = mail_of(request);
    const struct words *words = &words_of[wanted->u.mail.proto];
    const char *host = wanted->u.mail.host;
    int port = wanted->u.mail.port;
    bool six = host != NULL && strchr(host, ':') != NULL;
    char url[320];
    CURL *easy;

    mail->proto = wanted->u.mail.proto;
    mail->code = -1;
    if (host == NULL || strlen(host) > 255 || strpbrk(host, "/@?# \r\n") != NULL || port <= 0 ||
        port > 65535) {
        snprintf(why, why_size, "no host, or port %d is none", port);
        return false;
    }
    if (!curl_transfer_init(&mail->transfer, request->live, on_done, why, why_size)) {
        return false;
    }
    easy = mail->transfer.easy;
    snprintf(
        url, sizeof url, "%s://%s%s%s:%d/",
        wanted->u.mail.tls == WORLD_TLS ? words->scheme_tls : words->scheme, six ? "[" : "", host,
        six ? "]" : "", port);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 0L); /* would close it after the greeting */
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_greeting);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, mail);
    curl_easy_setopt(
        easy, CURLOPT_USE_SSL,
        (long)(wanted->u.mail.tls == WORLD_STARTTLS ? CURLUSESSL_ALL : CURLUSESSL_NONE));
    curl_transfer_trust(&mail->transfer, wanted->u.mail.verify, wanted->u.mail.ca_file);
    return curl_transfer_run(&mail->transfer, host, port, false, why, why_size);
}

static void at_deadline(struct live_request *request, struct world_result *result)
{
    static char text[320];
    struct mail *mail = mail_of(request);
    double seconds = (double)request->timeout_ms / 1000;
    curl_off_t connected_us = 0;

    curl_easy_getinfo(mail->transfer.easy, CURLINFO_CONNECT_TIME_T, &connected_us);
    result->code = mail->code;
    result->detail = text;
    if (mail->stage == STAGE_BYE) { /* it has answered all that was asked */
        result->outcome = WORLD_OK;
        result->latency_us = mail->latency_us;
        snprintf(text, sizeof text, "%.200s (did not answer to the end)", mail->banner);
    } else if (curl_transfer_resolving(&mail->transfer)) {
        result->outcome = WORLD_UNKNOWN;
        snprintf(text, sizeof text, "name not resolved within %.6g s", seconds);
    } else if (mail->n_lines > 0) {
        snprintf(
            text, sizeof text, "no more answer within %.6g s; last heard \"%.200s\"", seconds,
            mail->last);
    } else if (connected_us > 0) {
        snprintf(text, sizeof text, "connected, but no banner within %.6g s", seconds);
    } else {
        snprintf(text, sizeof text, "no answer within %.6g s", seconds);
    }
}

static void stop(struct live_request *request)
{
    struct mail *mail = mail_of(request);

    if (mail->listening) {
        event_del(&mail->event);
    }
    curl_transfer_fini(&mail->transfer);
    if (mail->in != NULL) {
        evbuffer_free(mail->in);
    }
}

const struct live_kind live_kind_mail = {
    .name = "mail",
    .size = sizeof(struct mail),
    .start = start,
    .stop = stop,
    .on_deadline = WORLD_FAIL,
    .at_deadline = at_deadline,
};
