/* One call: to one server, then to more of them, until one has a good answer. */
#include "world/live/store_parts.h"

#include "world/live/secret.h"

#include <event2/event_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum stage {
    STAGE_REST = 0, /* not asked in this round */
    STAGE_VERSION,
    STAGE_TOKEN,
    STAGE_CALL,
    STAGE_FAILED, /* in this round */
};

struct attempt {
    struct store_transfer transfer; /* first */
    struct store_call *call;
    enum stage stage;
    bool had_token; /* a fresh one was taken for this attempt */
    unsigned turn;  /* when it was asked, among the others */
};

struct store_call {
    struct store *store;
    const char *path;
    char *body;
    store_done_fn *done;
    void *arg;
    int next; /* who is asked next, counted from the good one */
    int first;
    unsigned turns;
    struct event timer;
    char why[ETCD_DETAIL_MAX];
    struct attempt attempt[STORE_ENDPOINTS_MAX];
};

static void advance(struct attempt *attempt);
static void ask_next(struct store_call *call);

static int endpoint_of(const struct attempt *attempt)
{
    return (int)(attempt - attempt->call->attempt);
}

static void wait(struct store_call *call, int64_t ms)
{
    struct timeval pause = {ms / 1000, ms % 1000 * 1000};

    event_add(&call->timer, &pause);
}

/* ---- How one ends ------------------------------------------------------------------------- */

static void end(struct attempt *attempt, enum etcd_meaning meaning, const char *text)
{
    struct store_call *call = attempt->call;

    call->store->good = endpoint_of(attempt);
    call->done(call->arg, meaning, text, call->store->endpoint[endpoint_of(attempt)].url);
}

/* Nobody left in this round: a moment later there is another one. */
static bool all_failed(const struct store_call *call)
{
    for (int i = 0; i < call->store->n_endpoints; i++) {
        if (call->attempt[i].stage != STAGE_FAILED) {
            return false;
        }
    }
    return true;
}

static void fail(struct attempt *attempt, const char *why)
{
    struct store_call *call = attempt->call;
    struct store *store = call->store;

    snprintf(
        call->why, sizeof call->why, "%s: %.400s", store->endpoint[endpoint_of(attempt)].url, why);
    store_transfer_fini(&attempt->transfer);
    attempt->stage = STAGE_FAILED;
    if (all_failed(call)) {
        for (int i = 0; i < store->n_endpoints; i++) {
            call->attempt[i].stage = STAGE_REST;
            call->attempt[i].had_token = false;
        }
        call->next = 0;
        call->first = (call->first + 1) % store->n_endpoints;
        wait(call, STORE_AGAIN_MS);
    } else {
        ask_next(call);
    }
}

/* ---- The stages ---------------------------------------------------------------------------- */

static void hear_version(struct attempt *attempt, const char *body)
{
    struct store_endpoint *endpoint = &attempt->call->store->endpoint[endpoint_of(attempt)];
    char why[ETCD_DETAIL_MAX];

    endpoint->gateway = etcd_gateway(body, why, sizeof why);
    if (endpoint->gateway == NULL) {
        fail(attempt, why);
        return;
    }
    advance(attempt);
}

static void hear_token(
    struct attempt *attempt, enum etcd_meaning meaning, const char *body, const char *why)
{
    struct store *store = attempt->call->store;
    char text[ETCD_DETAIL_MAX];

    if (meaning == ETCD_NO_USERS) {
        store->no_users = true;
    } else if (meaning != ETCD_GOOD) {
        snprintf(text, sizeof text, "not let in: %.400s", why);
        fail(attempt, text);
        return;
    } else if (!etcd_token(body, store->token)) {
        fail(attempt, "it gave no token that can be used");
        return;
    }
    advance(attempt);
}

static void hear_call(
    struct attempt *attempt, enum etcd_meaning meaning, const char *body, const char *why)
{
    struct store *store = attempt->call->store;

    switch (meaning) {
    case ETCD_GOOD:
    case ETCD_NO_LEASE:
    case ETCD_LEASE_THERE:
        end(attempt, meaning, body);
        break;
    case ETCD_TOKEN:
        if (live_config(store->live)->peers->user != NULL && !attempt->had_token) {
            attempt->had_token = true;
            store->no_users = false;
            explicit_bzero(store->token, sizeof store->token);
            advance(attempt);
            return;
        }
        fail(attempt, why);
        break;
    default:
        fail(attempt, why);
        break;
    }
}

static void on_done(struct curl_transfer *transfer, CURLcode code)
{
    struct attempt *attempt = (struct attempt *)transfer;
    struct store_transfer *ended = &attempt->transfer;
    char why[ETCD_DETAIL_MAX] = "", *body;
    enum etcd_meaning meaning;
    long status = 0;

    if (code != CURLE_OK) {
        curl_transfer_judge(transfer, code, why, sizeof why);
        fail(attempt, why);
        return;
    }
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    body = ended->body != NULL ? ended->body : strdup("");
    ended->body = NULL;
    store_transfer_fini(ended);
    if (body == NULL) {
        fail(attempt, "no memory for its answer");
        return;
    }
    if (attempt->stage == STAGE_VERSION) {
        hear_version(attempt, body);
        free(body);
        return;
    }
    meaning = etcd_meaning((int)status, body, why, sizeof why);
    if (attempt->stage == STAGE_TOKEN) {
        hear_token(attempt, meaning, body, why);
        explicit_bzero(body, strlen(body));
    } else {
        hear_call(attempt, meaning, body, why); /* may free the call */
    }
    free(body);
}

static char *ask_for_token(struct store *store, char *why, size_t why_size)
{
    const struct config *config = live_config(store->live);
    char password[SECRET_MAX + 1] = "";
    char *body = NULL;

    if (config->peers->password_secret == NULL ||
        secret_read(config, config->peers->password_secret, password, why, why_size)) {
        body = etcd_ask_token(config->peers->user, password);
    }
    explicit_bzero(password, sizeof password);
    return body;
}

static void send_to(struct attempt *attempt, const char *path, const char *post)
{
    struct store *store = attempt->call->store;
    const char *gateway = store->endpoint[endpoint_of(attempt)].gateway;
    char full[96], why[ETCD_DETAIL_MAX];

    snprintf(full, sizeof full, "%s%s", post != NULL ? gateway : "", path);
    if (!store_transfer_run(
            store, &attempt->transfer, endpoint_of(attempt), full, post, on_done,
            store_transfer_keep, &attempt->transfer, why, sizeof why)) {
        fail(attempt, why);
    }
}

/* What this server has to be asked next. */
static void advance(struct attempt *attempt)
{
    struct store *store = attempt->call->store;
    char why[ETCD_DETAIL_MAX] = "no memory", *body;

    store_transfer_fini(&attempt->transfer);
    if (store->endpoint[endpoint_of(attempt)].gateway == NULL) {
        attempt->stage = STAGE_VERSION;
        send_to(attempt, "/version", NULL);
    } else if (store->token[0] == 0 && !store->no_users) {
        attempt->stage = STAGE_TOKEN;
        body = ask_for_token(store, why, sizeof why);
        if (body == NULL) {
            fail(attempt, why);
            return;
        }
        send_to(attempt, "/auth/authenticate", body);
        explicit_bzero(body, strlen(body));
        free(body);
    } else {
        attempt->stage = STAGE_CALL;
        send_to(attempt, attempt->call->path, attempt->call->body);
    }
}

/* ---- Who is asked -------------------------------------------------------------------------- */

/* All were asked and say nothing. Two of them may have passed the call on to a leader that is not
 * there any more, and know a better one by now: who was asked first is asked anew. */
static void ask_anew(struct store_call *call)
{
    struct attempt *oldest = NULL;

    for (int i = 0; i < call->store->n_endpoints; i++) {
        struct attempt *attempt = &call->attempt[i];

        if (attempt->stage != STAGE_REST && (oldest == NULL || attempt->turn < oldest->turn)) {
            oldest = attempt;
        }
    }
    if (oldest != NULL) {
        wait(call, STORE_HEDGE_MS);
        oldest->turn = ++call->turns;
        advance(oldest);
    }
}

static void ask_next(struct store_call *call)
{
    int n = call->store->n_endpoints;

    while (call->next < n) {
        struct attempt *attempt = &call->attempt[(call->first + call->next++) % n];

        if (attempt->stage == STAGE_REST) {
            wait(call, STORE_HEDGE_MS);
            attempt->turn = ++call->turns;
            advance(attempt);
            return;
        }
    }
}

/* Whoever was asked says nothing, or a round is over. */
static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct store_call *call = arg;

    (void)fd;
    (void)what;
    if (call->next < call->store->n_endpoints) {
        ask_next(call);
    } else {
        ask_anew(call);
    }
}

struct store_call *store_call_start(
    struct store *store, const char *path, char *body, store_done_fn *done, void *arg)
{
    struct store_call *call = body != NULL ? calloc(1, sizeof *call) : NULL;

    if (call == NULL) {
        free(body);
        return NULL;
    }
    call->store = store;
    call->path = path;
    call->body = body;
    call->done = done;
    call->arg = arg;
    call->first = store->good;
    for (int i = 0; i < store->n_endpoints; i++) {
        call->attempt[i].call = call;
    }
    event_assign(&call->timer, live_base(store->live), -1, 0, on_timer, call);
    wait(call, 0);
    return call;
}

void store_call_stop(struct store_call *call)
{
    if (call == NULL) {
        return;
    }
    for (int i = 0; i < call->store->n_endpoints; i++) {
        store_transfer_fini(&call->attempt[i].transfer);
    }
    event_del(&call->timer);
    free(call->body);
    free(call);
}

const char *store_call_why(const struct store_call *call)
{
    return call->why;
}
