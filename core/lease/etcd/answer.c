/* What an answer of the gateway means. */
#include "parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* gRPC's numbers of errors (google.rpc.Code). */
enum {
    CODE_CANCELLED = 1,
    CODE_UNKNOWN = 2,
    CODE_INVALID = 3,
    CODE_DEADLINE = 4,
    CODE_NOT_FOUND = 5,
    CODE_DENIED = 7,
    CODE_EXHAUSTED = 8,
    CODE_PRECONDITION = 9,
    CODE_ABORTED = 10,
    CODE_INTERNAL = 13,
    CODE_UNAVAILABLE = 14,
    CODE_UNAUTHENTICATED = 16,
};

struct known {
    const char *part; /* of etcd's sentence (etcdserver/api/v3rpc/rpctypes/error.go) */
    enum etcd_meaning meaning;
    const char *hint; /* what to do; "" */
};

static const struct known known[] = {
    {"requested lease not found", ETCD_NO_LEASE, ""},
    {"lease already exists", ETCD_LEASE_THERE, ""},
    {"authentication is not enabled", ETCD_NO_USERS, ""},
    {"invalid auth token", ETCD_TOKEN, ""},
    {"revision of auth store is old", ETCD_TOKEN, ""},
    {"revision in header is old", ETCD_TOKEN, ""},
    {"user name is empty", ETCD_TOKEN,
     ": the store asks who we are; name a user and a password in <peers>"},
    {"invalid user ID or password", ETCD_REFUSED,
     ": the user or the password in <peers> is not the store's"},
    {"permission denied", ETCD_REFUSED,
     ": give the user a role that may read and write all keys below the prefix"},
    {"database space exceeded", ETCD_REFUSED,
     ": compact and defragment the store, then disarm its alarm (etcdctl alarm disarm)"},
    {"corrupt cluster", ETCD_REFUSED, ": the store has raised an alarm; see etcdctl alarm list"},
};

int64_t answer_number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    if (json_is_string(value)) {
        return strtoll(json_string_value(value), NULL, 10);
    }
    return json_is_integer(value) ? (int64_t)json_integer_value(value) : 0;
}

static enum etcd_meaning by_code(int status, int64_t code)
{
    switch (code) {
    case CODE_UNAUTHENTICATED:
        return ETCD_TOKEN;
    case CODE_DENIED:
    case CODE_INVALID:
    case CODE_NOT_FOUND:
    case CODE_PRECONDITION:
        return ETCD_REFUSED;
    case CODE_CANCELLED:
    case CODE_UNKNOWN:
    case CODE_DEADLINE:
    case CODE_EXHAUSTED:
    case CODE_ABORTED:
    case CODE_INTERNAL:
    case CODE_UNAVAILABLE:
        return ETCD_LATER;
    default:
        return status == 401 ? ETCD_TOKEN : status >= 500 ? ETCD_LATER : ETCD_ODD;
    }
}

/* The sentence and the code of an error: {"error":"…","code":9}, of a stream
 * {"error":{"message":"…","grpc_code":9}}, from 3.6 on {"message":"…","code":9}. */
static const char *error_of(const json_t *answer, int64_t *code)
{
    const json_t *error = json_object_get(answer, "error");
    const json_t *from = json_is_object(error) ? error : answer;
    const json_t *message = json_object_get(from, "message");

    *code = answer_number(from, json_is_object(error) ? "grpc_code" : "code");
    if (*code == 0) {
        *code = answer_number(from, "code");
    }
    if (json_is_string(message)) {
        return json_string_value(message);
    }
    return json_is_string(error) ? json_string_value(error) : NULL;
}

static enum etcd_meaning meaning_of(int status, const json_t *answer, char *text, size_t size)
{
    int64_t code = 0;
    const char *said = error_of(answer, &code);

    if (said == NULL) {
        snprintf(
            text, size, "HTTP status %d, and not in etcd's words: is this the client URL of etcd?",
            status);
        return status >= 500 ? ETCD_LATER : ETCD_ODD;
    }
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strstr(said, known[i].part) != NULL) {
            snprintf(text, size, "%.250s%s", said, known[i].hint);
            return known[i].meaning;
        }
    }
    snprintf(text, size, "%.250s", said);
    return by_code(status, code);
}

enum etcd_meaning etcd_meaning(int status, const char *body, char *text, size_t size)
{
    json_error_t error;
    json_t *answer = json_loads(body, JSON_DISABLE_EOF_CHECK, &error);
    enum etcd_meaning meaning = ETCD_GOOD;

    if (status != 200 || answer == NULL || json_object_get(answer, "error") != NULL) {
        meaning = meaning_of(status, answer, text, size);
    }
    json_decref(answer);
    return meaning;
}

const char *etcd_gateway(const char *body, char *text, size_t size)
{
    json_error_t error;
    json_t *answer = json_loads(body, 0, &error);
    const char *version = json_string_value(json_object_get(answer, "etcdserver"));
    const char *path = NULL;
    int major = 0, minor = 0;

    if (version == NULL || sscanf(version, "%d.%d", &major, &minor) != 2) {
        snprintf(text, size, "it does not say which etcd it is: is this the client URL of etcd?");
    } else if (major < 3 || (major == 3 && minor < 3)) {
        snprintf(text, size, "etcd %.32s is too old: 3.4 or newer is wanted", version);
    } else {
        path = major == 3 && minor == 3 ? "/v3beta" : "/v3";
    }
    json_decref(answer);
    return path;
}

bool etcd_token(const char *body, char token[ETCD_TOKEN_MAX])
{
    json_error_t error;
    json_t *answer = json_loads(body, 0, &error);
    const char *text = json_string_value(json_object_get(answer, "token"));
    bool good = text != NULL && text[0] != 0 && strlen(text) < ETCD_TOKEN_MAX &&
                strpbrk(text, "\r\n") == NULL;

    if (good) {
        snprintf(token, ETCD_TOKEN_MAX, "%s", text);
    }
    json_decref(answer);
    return good;
}

enum etcd_stream etcd_stream(const char *line, size_t len, char *text, size_t size)
{
    json_error_t error;
    json_t *answer = json_loadb(line, len, 0, &error);
    const json_t *result = json_object_get(answer, "result");
    enum etcd_stream says = ETCD_STREAM_QUIET;

    if (result == NULL) {
        meaning_of(200, answer, text, size);
        says = ETCD_STREAM_OVER;
    } else if (
        answer_number(result, "compact_revision") != 0 ||
        json_array_size(json_object_get(result, "events")) > 0) {
        says = ETCD_STREAM_NEWS;
    } else if (json_is_true(json_object_get(result, "canceled"))) {
        const char *why = json_string_value(json_object_get(result, "cancel_reason"));

        snprintf(text, size, "the watch was cancelled: %.200s", why != NULL ? why : "no reason");
        says = ETCD_STREAM_OVER;
    }
    json_decref(answer);
    return says;
}

bool answer_kept(const char *body, int64_t *ttl_s, int64_t *term, char *why, size_t size)
{
    json_error_t error;
    json_t *answer = json_loads(body, JSON_DISABLE_EOF_CHECK, &error);
    const json_t *result = json_object_get(answer, "result");
    bool good = json_is_object(json_object_get(result, "header"));

    if (good) {
        *ttl_s = answer_number(result, "TTL");
        *term = answer_number(json_object_get(result, "header"), "raft_term");
    } else {
        snprintf(why, size, "an answer to a renewal that can't be read");
    }
    json_decref(answer);
    return good;
}
