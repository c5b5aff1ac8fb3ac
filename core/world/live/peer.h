/* The door at which the Batons of other nodes ask (failsafe): HTTPS with certificates on both
 * sides, one question a connection.
 *
 *     POST /v1/peer/GROUP    {"holder": "server01", "epoch": 5, "hold_ms": 10000}
 *     200                    {"yes": true, "why": "…"}
 *
 * Who asks must have a certificate of the configured CA that is made out to `holder` (as DNS name
 * or IP address, or as CN where it has neither), and that must be another node of the group:
 * 403. A group that is not ours: 404. What can't be understood: 400, 411, 413. Nobody listens for
 * the group, or answers, in time: 503.
 *
 * Bounded: connections, those of one address, bytes, and the time of each stage. TLS 1.2 or
 * later; no session is kept. The files are read when the door is opened and at each reload.
 */
#ifndef BATON_WORLD_LIVE_PEER_H
#define BATON_WORLD_LIVE_PEER_H

#include "world/world.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PEER_BYTES_MAX     4096 /* of a request, head and body; of an answer's body */
#define PEER_VISITORS_MAX  32
#define PEER_SAME_MAX      8 /* of them from one address */
#define PEER_READ_MS       3000
#define PEER_UNLISTENED_MS 2000
#define PEER_UNANSWERED_MS 5000
#define PEER_GOODBYE_MS    1000
#define PEER_HOLD_MAX_MS   3600000

struct live;
struct peer_door;

/* `question` is valid during the call. May be called from within peer_door_wait. */
typedef void peer_asked_fn(void *arg, const struct world_question *question);

struct peer_wait {          /* one LISTEN, in the struct of its request */
    struct peer_door *door; /* NULL: does not wait */
    char group[GROUP_NAME_MAX];
    peer_asked_fn *asked;
    void *arg;
    struct peer_wait *prev, *next;
};

/* NULL: no memory. It is opened when somebody waits for a question first. */
struct peer_door *peer_door_new(struct live *live);
/* Closes it, forgets who waits. NULL is fine. */
void peer_door_free(struct peer_door *door);
/* The configuration is another one: whoever is in is sent away, and it is opened anew. */
void peer_door_reload(struct peer_door *door);

/* Wait for a question to wait->group; the oldest one that nobody has had yet is given at
 * once. Where the door can't be opened, it is tried again at each call. */
void peer_door_wait(struct peer_door *door, struct peer_wait *wait);
void peer_door_leave(struct peer_wait *wait); /* one that does not wait is fine */

/* False: who asked has gone. */
bool peer_door_answer(struct peer_door *door, uint64_t ticket, bool yes, const char *why);

/* Why it is closed, "" where it is open. */
const char *peer_door_why(const struct peer_door *door);

/* peer_parse.c: the request, as it has come so far. */

struct peer_request {
    char group[GROUP_NAME_MAX], holder[GROUP_NAME_MAX];
    int64_t epoch, hold_ms;
};

/* 200: it is whole, and in `out`; 0: more is to come; else the status that refuses it. */
int peer_parse(const char *text, size_t len, struct peer_request *out);

#endif
