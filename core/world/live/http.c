#include "world/live/curl.h"
#include "world/live/request.h"
#include "world/live/secret.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HTTP_BODY_DEFAULT ((size_t)65536)
#define HTTP_BODY_STEP    ((size_t)4096)

struct http {
    struct live_request head;
    struct curl_transfer transfer;
    struct curl_slist *headers;
    int expect;
    char *match;
    size_t body_max, len, size;
    char *body; /* len bytes and a 0; NULL: none yet */
    bool cut;
    char *sent; /* a body with a secret in it, sent_len bytes; NULL: none */
    size_t sent_len;
};

static struct http *http_of(struct live_request *request)
{
    return (struct http *)request;
}

/* ---- The answer ------------------------------------------------------------------------- */

static bool body_grow(struct http *http, size_t wanted)
{
    size_t size = http->size > 0 ? http->size : HTTP_BODY_STEP;
    char *body;

    while (size < wanted + 1) {
        size *= 2;
    }
    if (size <= http->size) {
        return true;
    }
    body = realloc(http->body, size);
    if (body == NULL) {
        return false;
    }
    http->body = body;
    http->size = size;
    return true;
}

/* CURLOPT_WRITEFUNCTION. What is too much ends the transfer: it might never end by itself. */
static size_t on_body(char *data, size_t one, size_t len, void *arg)
{
    struct http *http = arg;
    size_t room = http->body_max - http->len;
    size_t taken = len < room ? len : room;

    if (!body_grow(http, http->len + taken)) {
        return CURL_WRITEFUNC_ERROR;
    }
    memcpy(http->body + http->len, data, taken);
    http->len += taken;
    http->body[http->len] = 0;
    http->cut = taken < len;
    return http->cut ? CURL_WRITEFUNC_ERROR : one * len;
}

static bool has_match(const struct http *http)
{
    return http->match == NULL ||
           (http->body != NULL &&
            memmem(http->body, http->len, http->match, strlen(http->match)) != NULL);
}

static enum world_outcome judge(const struct http *http, int status, char *text, size_t size)
{
    bool wanted = http->expect != 0 ? status == http->expect : status < 400;

    if (!wanted && http->expect != 0) {
        snprintf(text, size, "HTTP status %d instead of %d", status, http->expect);
    } else if (!wanted) {
        snprintf(text, size, "HTTP status %d", status);
    } else if (!has_match(http)) {
        snprintf(
            text, size, "HTTP status %d, but \"%.100s\" is not in %s", status, http->match,
            http->cut ? "the first part of the body" : "the body");
    } else {
        snprintf(text, size, "HTTP status %d", status);
        return WORLD_OK;
    }
    return WORLD_FAIL;
}

static void on_done(struct curl_transfer *transfer, CURLcode code)
{
    struct http *http = (struct http *)((char *)transfer - offsetof(struct http, transfer));
    char text[320];
    struct world_result result = {
        .code = -1, .detail = text, .out = http->body, .out_len = http->len, .cut = http->cut};
    long status = 0;

    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status > 0) {
        result.code = (int)status;
    }
    if (code == CURLE_OK || (code == CURLE_WRITE_ERROR && http->cut)) {
        result.outcome = judge(http, (int)status, text, sizeof text);
    } else {
        result.outcome = curl_transfer_judge(transfer, code, text, sizeof text);
    }
    live_request_end(&http->head, &result);
}

/* ---- The question ----------------------------------------------------------------------- */

static bool set_method(CURL *easy, const struct world_request *wanted)
{
    const char *method = wanted->u.http.method != NULL ? wanted->u.http.method : "GET";
    bool body = wanted->u.http.body != NULL;

    if (strspn(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") != strlen(method) || method[0] == 0) {
        return false;
    }
    if (body || strcmp(method, "POST") == 0) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)(body ? wanted->u.http.body_len : 0));
        curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, body ? wanted->u.http.body : "");
    } else if (strcmp(method, "HEAD") == 0) {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
        return true;
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
    return true;
}

static bool add_header(struct http *http, const char *line)
{
    struct curl_slist *more = curl_slist_append(http->headers, line);

    if (more == NULL) {
        return false;
    }
    http->headers = more;
    return true;
}

/* A header's text goes on the wire as it stands: a line break would make another one. */
static bool set_headers(struct http *http, const struct world_request *wanted)
{
    char line[2048];

    for (int i = 0; i < wanted->u.http.n_headers; i++) {
        const char *name = wanted->u.http.header[i].name;
        const char *value = wanted->u.http.header[i].value;
        int len = value[0] != 0 ? snprintf(line, sizeof line, "%s: %s", name, value)
                                : snprintf(line, sizeof line, "%s;", name);

        if (name[0] == 0 || strpbrk(name, ":; \t\r\n") != NULL || strpbrk(value, "\r\n") != NULL ||
            len >= (int)sizeof line || !add_header(http, line)) {
            return false;
        }
    }
    /* No waiting for "100 Continue". */
    if (!add_header(http, "Expect:")) {
        return false;
    }
    curl_easy_setopt(http->transfer.easy, CURLOPT_HTTPHEADER, http->headers);
    return true;
}

struct place { /* of a URL */
    bool tls;
    char host[256]; /* IPv6 without brackets */
    int port;
};

static bool part(CURLU *url, CURLUPart what, unsigned flags, char *out, size_t size)
{
    char *text = NULL;
    bool fits;

    if (curl_url_get(url, what, &text, flags) != CURLUE_OK) {
        return false;
    }
    fits = snprintf(out, size, "%s", text) < (int)size;
    curl_free(text);
    return fits;
}

static bool place_of(const char *text, struct place *out)
{
    CURLU *url = curl_url();
    char scheme[16] = "", host[256] = "", port[8] = "";
    bool good = url != NULL &&
                curl_url_set(url, CURLUPART_URL, text, CURLU_DISALLOW_USER) == CURLUE_OK &&
                part(url, CURLUPART_SCHEME, 0, scheme, sizeof scheme) &&
                part(url, CURLUPART_HOST, 0, host, sizeof host) &&
                part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT, port, sizeof port);
    size_t len = strlen(host);

    curl_url_cleanup(url);
    if (!good || (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)) {
        return false;
    }
    out->tls = strcmp(scheme, "https") == 0;
    out->port = (int)strtol(port, NULL, 10);
    if (host[0] == '[' && host[len - 1] == ']') {
        host[len - 1] = 0;
        snprintf(out->host, sizeof out->host, "%s", host + 1);
    } else {
        snprintf(out->host, sizeof out->host, "%s", host);
    }
    return true;
}

static bool is_loopback(const char *host)
{
    struct in_addr address;

    return strcmp(host, "::1") == 0 ||
           (inet_pton(AF_INET, host, &address) == 1 && ntohl(address.s_addr) >> 24 == 127);
}

/* A bearer token opens the door to whoever reads it: never in clear over a network. */
static bool set_secret(
    struct http *http, const char *name, const struct place *place, const char *to, char *why,
    size_t why_size)
{
    char secret[SECRET_MAX + 1];
    bool good;

    if (!place->tls && !is_loopback(to)) {
        snprintf(why, why_size, "secret %.64s is sent over https only", name);
        return false;
    }
    good = secret_read(live_config(http->head.live), name, secret, why, why_size);
    if (good) {
        curl_easy_setopt(http->transfer.easy, CURLOPT_XOAUTH2_BEARER, secret);
        curl_easy_setopt(http->transfer.easy, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
    }
    explicit_bzero(secret, sizeof secret);
    return good;
}

#define HOLE "{{secret}}"

/* A byte as it stands within quotes in JSON (RFC 8259, 7). Returns how many it takes. */
static size_t put_escaped(char *out, unsigned char c)
{
    static const char digits[] = "0123456789abcdef";

    if (c == '"' || c == '\\') {
        out[0] = '\\';
        out[1] = (char)c;
        return 2;
    }
    if (c >= 32) {
        out[0] = (char)c;
        return 1;
    }
    out[0] = '\\';
    out[1] = 'u';
    out[2] = out[3] = '0';
    out[4] = digits[c >> 4];
    out[5] = digits[c & 15];
    return 6;
}

/* The body with the secret in each hole, to be wiped when it is sent. False: no hole, or no
 * memory. */
static bool fill(struct http *http, const char *body, size_t len, const char *secret)
{
    const char *end = body + len, *hole = body;
    size_t holes = 0;

    while ((hole = memmem(hole, (size_t)(end - hole), HOLE, strlen(HOLE))) != NULL) {
        hole += strlen(HOLE);
        holes++;
    }
    http->sent = holes > 0 ? malloc(len + holes * strlen(secret) * 6) : NULL;
    if (http->sent == NULL) {
        return false;
    }
    while ((hole = memmem(body, (size_t)(end - body), HOLE, strlen(HOLE))) != NULL) {
        memcpy(http->sent + http->sent_len, body, (size_t)(hole - body));
        http->sent_len += (size_t)(hole - body);
        for (const char *at = secret; *at != '\0'; at++) {
            http->sent_len += put_escaped(http->sent + http->sent_len, (unsigned char)*at);
        }
        body = hole + strlen(HOLE);
    }
    memcpy(http->sent + http->sent_len, body, (size_t)(end - body));
    http->sent_len += (size_t)(end - body);
    return true;
}

/* A password in the body, under the same rule as a bearer token. */
static bool set_body_secret(
    struct http *http, const struct world_request *wanted, const struct place *place,
    const char *to, char *why, size_t why_size)
{
    const char *name = wanted->u.http.body_secret, *body = wanted->u.http.body;
    char secret[SECRET_MAX + 1];
    bool good;

    if (!place->tls && !is_loopback(to)) {
        snprintf(why, why_size, "secret %.64s is sent over https only", name);
        return false;
    }
    good = secret_read(live_config(http->head.live), name, secret, why, why_size);
    if (good &&
        !fill(http, body != NULL ? body : "", body != NULL ? wanted->u.http.body_len : 0, secret)) {
        snprintf(why, why_size, "secret %.64s: the body has no " HOLE ", or no memory", name);
        good = false;
    }
    explicit_bzero(secret, sizeof secret);
    if (good) { /* not copied: there is one place to wipe */
        curl_easy_setopt(http->transfer.easy, CURLOPT_POSTFIELDSIZE, (long)http->sent_len);
        curl_easy_setopt(http->transfer.easy, CURLOPT_POSTFIELDS, http->sent);
    }
    return good;
}

static bool keep_wanted(struct http *http, const struct world_request *wanted)
{
    const char *match = wanted->u.http.match;

    http->expect = wanted->u.http.expect;
    http->body_max = wanted->u.http.body_max != 0 ? wanted->u.http.body_max : HTTP_BODY_DEFAULT;
    if (match != NULL && match[0] != 0) {
        http->match = strdup(match);
        return http->match != NULL;
    }
    return true;
}

static bool start(
    struct live_request *request, const struct world_request *wanted, char *why, size_t why_size)
{
    struct http *http = http_of(request);
    const char *instead = wanted->u.http.connect_to;
    struct place place;
    const char *to;

    if (wanted->u.http.url == NULL || !place_of(wanted->u.http.url, &place)) {
        snprintf(why, why_size, "no http or https URL, or one with a user in it");
        return false;
    }
    to = instead != NULL ? instead : place.host;
    if (!curl_transfer_init(&http->transfer, request->live, on_done, why, why_size)) {
        return false;
    }
    if (!keep_wanted(http, wanted) || !set_method(http->transfer.easy, wanted) ||
        !set_headers(http, wanted)) {
        snprintf(why, why_size, "a method or header that can't be sent, or no memory");
        return false;
    }
    curl_easy_setopt(http->transfer.easy, CURLOPT_URL, wanted->u.http.url);
    curl_easy_setopt(http->transfer.easy, CURLOPT_USERAGENT, "baton");
    curl_easy_setopt(http->transfer.easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(http->transfer.easy, CURLOPT_WRITEDATA, http);
    curl_transfer_trust(&http->transfer, wanted->u.http.verify, wanted->u.http.ca_file);
    if (wanted->u.http.secret != NULL &&
        !set_secret(http, wanted->u.http.secret, &place, to, why, why_size)) {
        return false;
    }
    if (wanted->u.http.body_secret != NULL &&
        !set_body_secret(http, wanted, &place, to, why, why_size)) {
        return false;
    }
    return curl_transfer_run(&http->transfer, to, place.port, instead != NULL, why, why_size);
}

static void at_deadline(struct live_request *request, struct world_result *result)
{
    static char text[128];
    struct http *http = http_of(request);
    double seconds = (double)request->timeout_ms / 1000;
    curl_off_t connected_us = 0;

    curl_easy_getinfo(http->transfer.easy, CURLINFO_CONNECT_TIME_T, &connected_us);
    if (curl_transfer_resolving(&http->transfer)) {
        result->outcome = WORLD_UNKNOWN;
        snprintf(text, sizeof text, "name not resolved within %.6g s", seconds);
    } else if (connected_us == 0) {
        snprintf(text, sizeof text, "no answer within %.6g s", seconds);
    } else {
        snprintf(text, sizeof text, "connected, but no whole answer within %.6g s", seconds);
    }
    result->detail = text;
    result->out = http->body;
    result->out_len = http->len;
}

static void stop(struct live_request *request)
{
    struct http *http = http_of(request);

    curl_transfer_fini(&http->transfer);
    if (http->sent != NULL) {
        explicit_bzero(http->sent, http->sent_len);
        free(http->sent);
    }
    curl_slist_free_all(http->headers);
    free(http->match);
    free(http->body);
}

const struct live_kind live_kind_http = {
    .name = "http",
    .size = sizeof(struct http),
    .start = start,
    .stop = stop,
    .on_deadline = WORLD_FAIL,
    .at_deadline = at_deadline,
};
