/* One message to a host, and its answer. */
#include "world/live/request.h"
#include "world/live/secret.h"
#include "world/live/winrm_parts.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <utlist.h>

#define CALL_CONNECT_MS 10000

struct winrm_call {
    struct winrm_host *host;
    struct curl_transfer transfer;
    struct curl_slist *headers;
    struct winrm_ticket_wait *ticket;
    struct event *later; /* it failed before it began */
    struct wsman_ask ask;
    char message_id[WSMAN_ID_MAX], shell[WSMAN_ID_MAX], command[WSMAN_ID_MAX];
    char *body;
    size_t body_len;
    char *answer;
    size_t len, size;
    int64_t timeout_ms;
    char why[384];
    winrm_answered_fn *done;
    void *arg;
};

/* ---- The request --------------------------------------------------------------------------- */

/* A version 4 UUID (RFC 4122, 4.4). */
static void new_message_id(char out[WSMAN_ID_MAX])
{
    unsigned char r[16] = {0};

    if (getrandom(r, sizeof r, 0) != (ssize_t)sizeof r) {
        memset(r, 7, sizeof r);
    }
    snprintf(
        out, WSMAN_ID_MAX,
        "uuid:%02X%02X%02X%02X-%02X%02X-4%01X%02X-A%01X%02X-%02X%02X%02X%02X%02X%02X", r[0], r[1],
        r[2], r[3], r[4], r[5], r[6] & 15, r[7], r[8] & 15, r[9], r[10], r[11], r[12], r[13], r[14],
        r[15]);
}

static size_t on_answer(char *data, size_t one, size_t len, void *arg)
{
    struct winrm_call *call = arg;

    if (call->len + len > WSMAN_ANSWER_MAX) {
        return CURL_WRITEFUNC_ERROR;
    }
    if (call->len + len + 1 > call->size) {
        size_t size = (call->len + len) * 2 + 4096;
        char *more = realloc(call->answer, size);

        if (more == NULL) {
            return CURL_WRITEFUNC_ERROR;
        }
        call->answer = more;
        call->size = size;
    }
    memcpy(call->answer + call->len, data, len);
    call->len += len;
    return one * len;
}

/* SSL_CTX_set_cert_verify_callback: this certificate and no other, whoever signed it. */
static int is_pinned(X509_STORE_CTX *store, void *arg)
{
    const char *wanted = arg;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int len = 0;
    char text[2 * EVP_MAX_MD_SIZE + 1] = "";
    X509 *cert = X509_STORE_CTX_get0_cert(store);

    if (cert != NULL && X509_digest(cert, EVP_sha256(), digest, &len) == 1) {
        for (unsigned int i = 0; i < len; i++) {
            snprintf(text + (size_t)2 * i, 3, "%02x", digest[i]);
        }
    }
    if (strcmp(text, wanted) != 0) {
        X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
        return 0;
    }
    return 1;
}

static CURLcode pin(CURL *easy, void *context, void *arg)
{
    (void)easy;
    SSL_CTX_set_cert_verify_callback(context, is_pinned, arg);
    return CURLE_OK;
}

static bool set_account(CURL *easy, const struct winrm_host *host, char *why, size_t why_size)
{
    char secret[SECRET_MAX + 1];
    bool good = true;

    if (host->auth == CONFIG_NEGOTIATE) {
        curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_NEGOTIATE);
        curl_easy_setopt(easy, CURLOPT_USERPWD, ":"); /* by the ticket */
        return true;
    }
    good = secret_read(live_config(host->winrm->live), host->secret, secret, why, why_size);
    if (good) {
        curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        curl_easy_setopt(easy, CURLOPT_USERNAME, host->user);
        curl_easy_setopt(easy, CURLOPT_PASSWORD, secret);
    }
    explicit_bzero(secret, sizeof secret);
    return good;
}

/* All of an easy handle but what is done with its answer. */
static bool prepare(
    CURL *easy, const struct winrm_host *host, const char *body, size_t len, int64_t timeout_ms,
    struct curl_slist **headers, char *why, size_t why_size)
{
    *headers = curl_slist_append(*headers, "Content-Type: application/soap+xml;charset=UTF-8");
    if (*headers == NULL || curl_slist_append(*headers, "Expect:") == NULL) {
        snprintf(why, why_size, "no memory");
        return false;
    }
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, *headers);
    curl_easy_setopt(easy, CURLOPT_URL, host->url);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "baton");
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)len);
    curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, body);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CALL_CONNECT_MS);
    /* Logging in costs round trips: connections are used again. */
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 0L);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 0L);
    if (host->fingerprint != NULL) {
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
        curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, pin);
        curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, host->fingerprint);
    } else {
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
        if (host->ca_file != NULL) {
            curl_easy_setopt(easy, CURLOPT_CAINFO, host->ca_file);
        }
    }
    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    return set_account(easy, host, why, why_size);
}

/* ---- The answer ------------------------------------------------------------------------------ */

static void finish(
    struct winrm_call *call, const struct wsman_answer *answer, enum world_outcome outcome,
    const char *why)
{
    winrm_answered_fn *done = call->done;
    void *arg = call->arg;
    char text[512];

    snprintf(text, sizeof text, "%s", why);
    winrm_call_stop(call); /* but for what `answer` has */
    done(arg, answer, outcome, text);
}

static void say_status(const struct winrm_call *call, long status, char *text, size_t size)
{
    const struct winrm_host *host = call->host;

    if (status == 401 && host->auth == CONFIG_BASIC) {
        snprintf(
            text, size,
            "the account %.64s is refused: check user and password, and that Basic is allowed "
            "there (winrm set winrm/config/service/auth)",
            host->user);
    } else if (status == 401) {
        snprintf(
            text, size,
            "the Kerberos ticket of %.64s is refused: check the clocks, and that the node has the "
            "name %.100s (setspn -L)",
            host->user, host->realm_name);
    } else if (status == 404) {
        snprintf(text, size, "there is no /wsman: is WinRM what answers on port %d?", host->port);
    } else {
        snprintf(text, size, "HTTP status %ld", status);
    }
}

static void on_done(struct curl_transfer *transfer, CURLcode code)
{
    struct winrm_call *call =
        (struct winrm_call *)((char *)transfer - offsetof(struct winrm_call, transfer));
    struct wsman_answer answer = {0};
    struct baton_error error;
    long status = 0;
    char text[384] = "";

    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    if (code == CURLE_WRITE_ERROR) {
        finish(call, NULL, WORLD_UNKNOWN, "an answer that is too long");
    } else if (code != CURLE_OK) {
        curl_transfer_judge(transfer, code, text, sizeof text);
        finish(call, NULL, WORLD_UNKNOWN, text);
    } else if (status != 200 && status != 500) {
        say_status(call, status, text, sizeof text);
        if (status == 401 && call->host->auth == CONFIG_NEGOTIATE) {
            winrm_ticket_refused(call->host);
        }
        finish(call, NULL, WORLD_UNKNOWN, text);
    } else if (
        wsman_read(
            &call->ask, call->answer != NULL ? call->answer : "", call->len, &answer, &error) !=
        BATON_OK) {
        wsman_answer_fini(&answer);
        finish(call, NULL, WORLD_UNKNOWN, error.text);
    } else {
        finish(call, &answer, WORLD_OK, "");
        wsman_answer_fini(&answer);
    }
}

/* ---- Start and stop ----------------------------------------------------------------------------
 */

static void on_later(evutil_socket_t fd, short what, void *arg)
{
    struct winrm_call *call = arg;

    (void)fd;
    (void)what;
    finish(call, NULL, WORLD_UNKNOWN, call->why);
}

static void go(struct winrm_call *call)
{
    const struct winrm_host *host = call->host;
    struct curl_transfer *transfer = &call->transfer;

    if (curl_transfer_init(transfer, host->winrm->live, on_done, call->why, sizeof call->why) &&
        prepare(
            transfer->easy, host, call->body, call->body_len, call->timeout_ms, &call->headers,
            call->why, sizeof call->why)) {
        curl_easy_setopt(transfer->easy, CURLOPT_WRITEFUNCTION, on_answer);
        curl_easy_setopt(transfer->easy, CURLOPT_WRITEDATA, call);
        if (curl_transfer_run(
                transfer, host->address, host->port, true, call->why, sizeof call->why)) {
            return;
        }
    }
    event_add(call->later, &(struct timeval){0, 0});
}

static void on_ticket(void *arg, const char *why)
{
    struct winrm_call *call = arg;

    call->ticket = NULL;
    if (why == NULL) {
        go(call);
    } else {
        snprintf(call->why, sizeof call->why, "%s", why);
        event_add(call->later, &(struct timeval){0, 0});
    }
}

static bool keep(struct winrm_call *call, const struct wsman_ask *ask)
{
    struct baton_error error;

    call->ask = *ask;
    new_message_id(call->message_id);
    call->ask.message_id = call->message_id;
    call->ask.to = call->host->url;
    if (ask->shell != NULL) {
        snprintf(call->shell, sizeof call->shell, "%s", ask->shell);
        call->ask.shell = call->shell;
    }
    if (ask->command != NULL) {
        snprintf(call->command, sizeof call->command, "%s", ask->command);
        call->ask.command = call->command;
    }
    return wsman_envelope(&call->ask, &call->body, &call->body_len, &error) == BATON_OK;
}

struct winrm_call *winrm_call(
    struct winrm_host *host, const struct wsman_ask *ask, int64_t timeout_ms,
    winrm_answered_fn *done, void *arg)
{
    struct winrm_call *call = calloc(1, sizeof *call);

    if (call == NULL) {
        return NULL;
    }
    call->host = host;
    call->timeout_ms = timeout_ms > 0 ? timeout_ms : 1;
    call->done = done;
    call->arg = arg;
    host->calls++;
    call->later = event_new(live_base(host->winrm->live), -1, 0, on_later, call);
    if (call->later == NULL || !keep(call, ask)) {
        winrm_call_stop(call);
        return NULL;
    }
    if (host->auth != CONFIG_NEGOTIATE || winrm_ticket_ready(host)) {
        go(call);
        return call;
    }
    call->ticket = winrm_ticket_want(host, on_ticket, call);
    if (call->ticket == NULL) {
        snprintf(call->why, sizeof call->why, "no memory for a Kerberos ticket");
        event_add(call->later, &(struct timeval){0, 0});
    }
    return call;
}

void winrm_call_stop(struct winrm_call *call)
{
    struct winrm_host *host = call != NULL ? call->host : NULL;

    if (call == NULL) {
        return;
    }
    if (call->ticket != NULL) {
        winrm_ticket_want_no_more(host, call->ticket);
    }
    if (call->later != NULL) {
        event_free(call->later);
    }
    curl_transfer_fini(&call->transfer);
    curl_slist_free_all(call->headers);
    free(call->body);
    free(call->answer);
    free(call);
    host->calls--;
}

/* ---- The end
 * -------------------------------------------------------------------------------------- */

static size_t to_nowhere(char *data, size_t one, size_t len, void *arg)
{
    (void)data;
    (void)arg;
    return one * len;
}

static CURL *farewell_to(
    CURLM *multi, const struct winrm_shell *shell, int patience_ms, struct curl_slist **kept)
{
    const struct winrm_host *host = shell->host;
    struct wsman_ask ask = {
        .action = WSMAN_DELETE, .to = host->url, .timeout_ms = patience_ms, .shell = shell->id};
    CURL *easy = curl_easy_init();
    bool six = strchr(host->address, ':') != NULL;
    char id[WSMAN_ID_MAX], why[256], to[320], *body = NULL;
    struct baton_error error;
    size_t len = 0;

    new_message_id(id);
    ask.message_id = id;
    snprintf(
        to, sizeof to, "::%s%.256s%s:%d", six ? "[" : "", host->address, six ? "]" : "",
        host->port);
    kept[0] = curl_slist_append(NULL, to);
    if (easy == NULL || kept[0] == NULL || wsman_envelope(&ask, &body, &len, &error) != BATON_OK ||
        !prepare(easy, host, body, len, patience_ms, &kept[1], why, sizeof why)) {
        curl_easy_cleanup(easy);
        free(body);
        return NULL;
    }
    free(body);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_CONNECT_TO, kept[0]);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, to_nowhere);
    curl_multi_add_handle(multi, easy);
    return easy;
}

void winrm_farewell(struct winrm *winrm, int patience_ms)
{
    CURL *easy[64];
    struct curl_slist *kept[64][2] = {{NULL}};
    CURLM *multi = curl_multi_init();
    int64_t end_us = live_now_us() + (int64_t)patience_ms * 1000;
    struct winrm_host *host;
    struct winrm_shell *shell;
    int count = 0, running = 1;

    DL_FOREACH(winrm->hosts, host)
    {
        DL_FOREACH(host->shells, shell)
        {
            if (multi != NULL && shell->id[0] != '\0' && count < 64) {
                easy[count] = farewell_to(multi, shell, patience_ms, kept[count]);
                count++;
            }
        }
    }
    while (count > 0 && running > 0 && live_now_us() < end_us &&
           curl_multi_perform(multi, &running) == CURLM_OK) {
        curl_multi_poll(multi, NULL, 0, 50, NULL);
    }
    for (int i = 0; i < count; i++) {
        if (easy[i] != NULL) {
            curl_multi_remove_handle(multi, easy[i]);
            curl_easy_cleanup(easy[i]);
        }
        curl_slist_free_all(kept[i][0]);
        curl_slist_free_all(kept[i][1]);
    }
    curl_multi_cleanup(multi);
}
