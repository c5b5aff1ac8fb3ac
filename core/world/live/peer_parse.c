/* The one request that the peers' door understands (RFC 9112, and no more of it than this). */
#include "world/live/peer.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define PARSE_LINE "POST /v1/peer/"

/* "POST /v1/peer/GROUP HTTP/1.1" */
static int parse_line(const char *line, size_t len, struct peer_request *out)
{
    static const char end[] = " HTTP/1.1";
    const size_t before = sizeof PARSE_LINE - 1, behind = sizeof end - 1;
    size_t name;

    if (len < before + behind || memcmp(line + len - behind, end, behind) != 0) {
        return 400;
    }
    if (memcmp(line, PARSE_LINE, before) != 0) {
        return 404;
    }
    name = len - before - behind;
    if (name == 0 || name >= sizeof out->group || memchr(line + before, 0, name) != NULL) {
        return 404;
    }
    memcpy(out->group, line + before, name);
    out->group[name] = 0;
    return 200;
}

static bool is_header(const char *line, size_t len, const char *name)
{
    size_t name_len = strlen(name);

    return len > name_len && strncasecmp(line, name, name_len) == 0 && line[name_len] == ':';
}

/* The length of the body, -1: not to be understood. */
static long parse_length(const char *text, size_t len)
{
    long value = 0;

    while (len > 0 && (*text == ' ' || *text == '\t')) {
        text++;
        len--;
    }
    while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t')) {
        len--;
    }
    if (len == 0 || len > 9) {
        return -1;
    }
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return -1;
        }
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

/* All lines before the empty one. */
static int parse_head(const char *head, size_t len, struct peer_request *out, long *body)
{
    const char *line = head, *end = head + len;
    int status = 0;

    *body = -1;
    while (line < end) {
        const char *stop = memmem(line, (size_t)(end - line), "\r\n", 2);
        size_t line_len = (size_t)(stop - line);

        if (status == 0) {
            status = parse_line(line, line_len, out);
            if (status != 200) {
                return status;
            }
        } else if (is_header(line, line_len, "Transfer-Encoding")) {
            return 400;
        } else if (is_header(line, line_len, "Content-Length")) {
            const size_t name_len = sizeof "Content-Length:" - 1;

            if (*body >= 0) {
                return 400; /* twice: whom to believe? */
            }
            *body = parse_length(line + name_len, line_len - name_len);
            if (*body < 0) {
                return 400;
            }
        }
        line = stop + 2;
    }
    return *body < 0 ? 411 : 200;
}

static int parse_body(const char *text, size_t len, struct peer_request *out)
{
    json_t *body = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    const char *holder = json_string_value(json_object_get(body, "holder"));
    const json_t *epoch = json_object_get(body, "epoch"), *hold = json_object_get(body, "hold_ms");
    int status = 400;

    if (holder != NULL && strlen(holder) < sizeof out->holder && json_is_integer(epoch) &&
        json_is_integer(hold)) {
        snprintf(out->holder, sizeof out->holder, "%s", holder);
        out->epoch = json_integer_value(epoch);
        out->hold_ms = json_integer_value(hold);
        if (out->epoch >= 0 && out->hold_ms > 0 && out->hold_ms <= PEER_HOLD_MAX_MS) {
            status = 200;
        }
    }
    json_decref(body);
    return status;
}

int peer_parse(const char *text, size_t len, struct peer_request *out)
{
    const char *end = len > 0 ? memmem(text, len, "\r\n\r\n", 4) : NULL;
    size_t head;
    long body;
    int status;

    if (end == NULL) {
        return len >= PEER_BYTES_MAX ? 413 : 0;
    }
    head = (size_t)(end - text) + 4;
    status = parse_head(text, head - 2, out, &body);
    if (status != 200) {
        return status;
    }
    if (body > PEER_BYTES_MAX - (long)head) {
        return 413;
    }
    if (len - head < (size_t)body) {
        return 0;
    }
    return parse_body(text + head, (size_t)body, out);
}
