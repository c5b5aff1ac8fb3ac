/* Asking the Baton of another node, and being asked: see peer.h for the door. */
#include "world/live/peer.h"

#include "world/live/curl.h"
#include "world/live/parts.h"

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct peer {
    struct live_request head;
    enum world_peer_op op;
    /* ASK */
    struct curl_transfer transfer;
    struct curl_slist *headers;
    char node[GROUP_NAME_MAX];
    size_t len;
    char body[PEER_BYTES_MAX];
    /* LISTEN */
    struct peer_wait wait;
    struct world_question question;
    char holder[GROUP_NAME_MAX];
};

static struct peer *peer_of(struct live_request *request)
{
    return (struct peer *)request;
}

/* ---- Asking ------------------------------------------------------------------------------ */

/* CURLOPT_WRITEFUNCTION */
static size_t on_body(char *data, size_t one, size_t len, void *arg)
{
    struct peer *peer = arg;

    if (len > sizeof peer->body - peer->len) {
        return CURL_WRITEFUNC_ERROR;
    }
    memcpy(peer->body + peer->len, data, len);
    peer->len += len;
    return one * len;
}

/* Only what says "yes" in so many words is a yes, and only "no" is a no. */
static void take_answer(struct peer *peer, int status)
{
    json_t *body = json_loadb(peer->body, peer->len, JSON_REJECT_DUPLICATES, NULL);
    const json_t *yes = json_object_get(body, "yes");
    const char *said = json_string_value(json_object_get(body, "why"));
    enum world_outcome outcome = WORLD_UNKNOWN;
    char why[GROUP_TEXT_MAX];

    snprintf(why, sizeof why, "%s", said != NULL ? said : "no reason given");
    if (status == 200 && json_is_boolean(yes)) {
        outcome = json_is_true(yes) ? WORLD_OK : WORLD_FAIL;
    }
    json_decref(body);
    if (outcome == WORLD_UNKNOWN) {
        live_request_say(
            &peer->head, outcome, status, "%s: HTTP status %d: %s", peer->node, status, why);
    } else {
        live_request_say(
            &peer->head, outcome, status, "%s says %s: %s", peer->node,
            outcome == WORLD_OK ? "yes" : "no", why);
    }
}

static void on_done(struct curl_transfer *transfer, CURLcode code)
{
    struct peer *peer = (struct peer *)((char *)transfer - offsetof(struct peer, transfer));
    char text[320];
    long status = 0;

    if (code == CURLE_OK) {
        curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
        take_answer(peer, (int)status);
        return;
    }
    curl_transfer_judge(transfer, code, text, sizeof text);
    live_request_say(&peer->head, WORLD_UNKNOWN, -1, "%s: %s", peer->node, text);
}

static bool set_body(struct peer *peer, const struct world_request *wanted)
{
    json_t *body = json_pack(
        "{s:s, s:I, s:I}", "holder", wanted->u.peer.holder, "epoch",
        (json_int_t)wanted->u.peer.epoch, "hold_ms", (json_int_t)wanted->u.peer.hold_ms);
    char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;

    json_decref(body);
    if (text == NULL) {
        return false;
    }
    curl_easy_setopt(peer->transfer.easy, CURLOPT_POSTFIELDSIZE, (long)strlen(text));
    curl_easy_setopt(peer->transfer.easy, CURLOPT_COPYPOSTFIELDS, text);
    free(text);
    peer->headers = curl_slist_append(NULL, "Content-Type: application/json");
    curl_easy_setopt(peer->transfer.easy, CURLOPT_HTTPHEADER, peer->headers);
    return peer->headers != NULL;
}

/* Its address is connected to, its name is what the certificate must have. */
static bool ask(
    struct peer *peer, const struct world_request *wanted, const struct config_peers *peers,
    char *why, size_t why_size)
{
    const struct config_node *node = live_node(peer->head.live, wanted->u.peer.node);
    char url[256];
    CURL *easy;

    if (node == NULL) {
        snprintf(why, why_size, "no node %.64s", wanted->u.peer.node);
        return false;
    }
    if (!curl_transfer_init(&peer->transfer, peer->head.live, on_done, why, why_size)) {
        return false;
    }
    easy = peer->transfer.easy;
    if (!set_body(peer, wanted)) {
        snprintf(why, why_size, "no memory for the question");
        return false;
    }
    snprintf(peer->node, sizeof peer->node, "%s", node->name);
    snprintf(
        url, sizeof url, "https://%.64s:%d/v1/peer/%.64s", node->name, peers->failsafe_port,
        wanted->group);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "baton");
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, peer);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_SSLCERT, peers->failsafe_certificate);
    curl_easy_setopt(easy, CURLOPT_SSLKEY, peers->failsafe_key);
    curl_transfer_trust(&peer->transfer, true, peers->failsafe_ca);
    return curl_transfer_run(
        &peer->transfer, node->address, peers->failsafe_port, true, why, why_size);
}

/* ---- Being asked ------------------------------------------------------------------------- */

static void on_asked(void *arg, const struct world_question *question)
{
    struct peer *peer = arg;
    struct world_result result = {.outcome = WORLD_OK, .code = -1, .detail = "asked"};

    peer->question = *question; /* it outlives the call where this is within start */
    snprintf(peer->holder, sizeof peer->holder, "%s", question->holder);
    peer->question.holder = peer->holder;
    result.question = &peer->question;
    live_request_end(&peer->head, &result);
}

static void be_asked(struct peer *peer, const struct world_request *wanted)
{
    snprintf(peer->wait.group, sizeof peer->wait.group, "%s", wanted->group);
    peer->wait.asked = on_asked;
    peer->wait.arg = peer;
    peer_door_wait(peer->head.live->door, &peer->wait);
}

static void answer(struct peer *peer, const struct world_request *wanted)
{
    const char *why = wanted->u.peer.why != NULL ? wanted->u.peer.why : "";

    if (peer_door_answer(peer->head.live->door, wanted->u.peer.ticket, wanted->u.peer.yes, why)) {
        live_request_say(&peer->head, WORLD_OK, -1, "answered");
    } else {
        live_request_say(&peer->head, WORLD_FAIL, -1, "who asked has gone");
    }
}

/* ---- The kind ---------------------------------------------------------------------------- */

static bool start(
    struct live_request *request, const struct world_request *wanted, char *why, size_t why_size)
{
    struct peer *peer = peer_of(request);
    struct live *live = request->live;
    const struct config_peers *peers = live_config(live)->peers;

    if (peers == NULL || !peers->failsafe || wanted->group == NULL) {
        snprintf(why, why_size, "no failsafe is configured");
        return false;
    }
    peer->op = wanted->u.peer.op;
    if (peer->op == WORLD_PEER_ASK) {
        return ask(peer, wanted, peers, why, why_size);
    }
    if (live->door == NULL) {
        live->door = peer_door_new(live);
    }
    if (live->door == NULL) {
        snprintf(why, why_size, "no memory for the peers' door");
        return false;
    }
    if (peer->op == WORLD_PEER_LISTEN) {
        be_asked(peer, wanted);
    } else {
        answer(peer, wanted);
    }
    return true;
}

static void at_deadline(struct live_request *request, struct world_result *result)
{
    struct peer *peer = peer_of(request);

    if (peer->op == WORLD_PEER_LISTEN && peer_door_why(request->live->door)[0] != 0) {
        result->detail = peer_door_why(request->live->door);
    }
}

static void stop(struct live_request *request)
{
    struct peer *peer = peer_of(request);

    if (peer->op == WORLD_PEER_ASK) {
        curl_transfer_fini(&peer->transfer);
        curl_slist_free_all(peer->headers);
    }
    peer_door_leave(&peer->wait);
}

const struct live_kind live_kind_peer = {
    .name = "peer",
    .size = sizeof(struct peer),
    .start = start,
    .stop = stop,
    .on_deadline = WORLD_UNKNOWN,
    .at_deadline = at_deadline,
};
