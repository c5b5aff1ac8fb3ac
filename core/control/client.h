/* The inside of the control socket: one client, and what its requests become.
 *
 * control.c owns the socket and all clients, control_command.c turns a line into calls
 * and answers, control_wait.c follows a move for those who wait for its end,
 * control_json.c says what groups, plans and policies look like in JSON. control_peers.c has
 * what all of this is where there is a Baton on every node.
 */
#ifndef BATON_CONTROL_CLIENT_H
#define BATON_CONTROL_CLIENT_H

#include "control/control.h"
#include "controller/readiness.h"

#include <jansson.h>
#include <stdbool.h>

struct bufferevent;
struct event;
struct evconnlistener;
struct control_client;

/* A move that a client waits for. */
struct control_wait {
    const struct controller *controller; /* NULL: none */
    int64_t plan_id;
    int64_t began_ms;
    int told;           /* steps before this one have been told */
    struct event *gone; /* armed when the plan has left its slot without a last word */
    /* Made by another node's Baton: `gone` looks now and then. */
    bool passed_on, answered;
    int wanted, from; /* nodes, or GROUP_NOBODY */
    int64_t epoch;    /* when it was passed on */
    int64_t until_ms; /* and no longer */
};

/* A question to the journal, or a reload, under way. It outlives a client that hangs up: then
 * its `client` is NULL and the answer is thrown away. */
struct control_question {
    struct control_client *client;
};

struct control_client {
    struct control *control;
    struct bufferevent *stream;
    bool may_act;
    char who[64]; /* "root", "uid 1000" */
    bool watching;
    char watched[GROUP_NAME_MAX]; /* empty: all groups */
    json_t *id;                   /* of the request at hand, or NULL */
    struct control_wait wait;
    struct control_question *question;
    bool heard;  /* the peer has said all it wants to say */
    bool ending; /* read no more, close when all is sent */
    bool dropped;
    struct control_client *prev, *next;
};

struct control {
    struct control_setup setup;
    struct evconnlistener *listener;
    struct event *breath; /* accepts again after descriptors ran out */
    struct control_client *clients;
    int n_clients;
    bool made;
    unsigned long long device, inode; /* of the socket file that was made */
};

/* ---- control.c ------------------------------------------------------------------------ */

/* Send one line; takes the reference. Puts the request's "id" into it. A client with too
 * much unsent is marked to be dropped, on the loop's next turn. */
void control_send(struct control_client *client, json_t *line);
void control_send_ok(struct control_client *client, json_t *line); /* NULL: bare */
void control_send_error(struct control_client *client, const char *code, const char *text);
void control_send_failed(struct control_client *client, const struct baton_error *error);

/* The request at hand has been answered; the next line may be read. */
void control_next(struct control_client *client);

/* True while a request of this client waits for its answer. */
bool control_busy(const struct control_client *client);

/* ---- control_command.c ---------------------------------------------------------------- */

/* Carry out one line. Answers at once, or leaves the client busy. */
void control_command(struct control_client *client, const char *line, size_t len);

/* ---- control_wait.c ------------------------------------------------------------------- */

/* Follow the handover that `controller` has just begun, to its end. */
void control_wait_begin(struct control_client *client, const struct controller *controller);
/* `line`: the news as JSON, borrowed. */
void control_wait_news(
    struct control_client *client, const struct controller *controller,
    const struct controller_news *news, json_t *line);
void control_wait_end(struct control_client *client);
/* The last word. The client may ask the next thing. */
void control_wait_verdict(struct control_client *client, bool completed, const char *text);

/* ---- control_peers.c ------------------------------------------------------------------ */

/* Was a move that was accepted passed on, to be made by another node's Baton? Then it is answered:
 * {"passed_on":true,"decides":NODE|null}; or followed, if the client waits: until a node is
 * active under a new epoch, it is refused, or its time is over. `plan_before`: the id of the
 * group's plan 0 before the command; `to`: a node, NULL: any other. */
bool control_peers_move(
    struct control_client *client, const struct controller *controller, int64_t plan_before,
    const char *to, bool wait);
/* The same for a pause or a resume. */
bool control_peers_simple(
    struct control_client *client, const struct controller *controller, enum group_command what);
void control_peers_news(
    struct control_client *client, const struct controller_news *news, json_t *line);
/* Does the node's own Baton say something? Without peers: true. */
bool control_peers_alive(const struct group *group, int node);

/* null without peers, else
 * {"self","decides":NODE|null,"told":bool,"mine":bool,"stranger":bool,"alive":[NODE,…],
 * "promised_for_ms":N|null,
 * "lease":{"proven_for_ms":N|null,"renewals","failures","renewed_ago_ms":N|null,
 *          "store":TEXT|null,"error":TEXT|null},
 * "guardian":{"armed":bool,"stops_in_ms":N|null,"error":TEXT|null},
 * "failsafe":{"serves":bool,"asks":bool,"vouched_ago_ms":N|null,"error":TEXT|null}}.
 * `self`: whose Baton answers. `decides`: whose Baton moves it; null: it is free, each Baton
 * decides for its own node. `stranger`: it is held by a node that is not configured. `told`: the
 * store has said something since the start. */
json_t *control_json_peers(const struct controller *controller, struct world *world);

/* ---- control_readiness.c ---------------------------------------------------------------- */

/* The checks, and what they said: {"ok":bool,"at":TIME|null,"checks":[{"name","title",
 * "node":NODE|null,"outcome":"ok|fail|unknown","detail","advice":TEXT|null,"since":TIME|null,
 * ["for_ms"]}]}.
 * "ok": each of them was asked, and is ok. "at": when one was asked last. "since": since when its
 * outcome is what it is; null: it was not asked yet. `baton preflight --json` has it too. */
json_t *control_json_readiness(
    const struct readiness *readiness, const struct group *group, struct world *world);

/* ---- control_json.c ------------------------------------------------------------------- */

/* Each returns a new reference, or NULL where memory ran out. Times are RFC 3339 in UTC;
 * keys that end in _ms are durations in milliseconds. Text that is no UTF-8 gets
 * question marks. These names are stable.
 *
 * A group: {"name","phase":"settling|running","holder":NODE|null,"epoch","shadow":bool,
 * ["would":null|{"kind","from","taker","time","for_ms","why","text","ended"}],"paused":bool,
 * ["paused_why"],"hold":null|{"name","why",["node"],"since","for_ms"},
 * "moves":{"count","max","window_ms"},"peers":null|{…},"nodes":[…],"plans":[…],"policy":{…},
 * "readiness":null|{…},"why":[…]}. "peers": see control_json_peers; "readiness":
 * control_json_readiness, null where no checks are made.
 * A node: {"name","priority","state","since","for_ms","state_why","holder":bool,
 * "fit":"yes|no|unsure","fit_for_ms","fit_why","serving":"yes|no|unsure","serving_why",
 * ["serving_age_ms"],"out":bool,["alive":bool],["own_hold"],"probes":[…]}. Among peers: does
 * its own Baton say something, and the hold that this one is in, if any. What stands of it is
 * then what it said last.
 * A probe: {"name","status":"ok|fail|unknown","last","run","resting":bool,["for_ms"],
 * ["age_ms"],"latency_us","value","detail"}.
 * A plan that runs: {"id","kind","from":NODE|null,"taker":NODE|null,"epoch",
 * "granted":bool,"undoing":bool,"by_operator":bool,"for_ms","why","step","steps":[…]}.
 * A step: {"what","status","node","action","attempt","attempts",["took_ms"],["due_in_ms"],
 * "detail"}.
 * A policy: {"file","memory","memory_max","entries","instructions","tasks"}.
 * A why: {"node","from","to","wants":"yes|no|unsure","reason",["again_in_ms"],["illegal"]}. */
json_t *control_json_group(const struct controller *controller, struct world *world);
json_t *control_json_why(const struct controller *controller);
json_t *control_json_plan_event(
    const struct controller *controller, struct world *world, const struct group_plan *plan);
json_t *control_json_news(
    const struct controller *controller, struct world *world, const struct controller_news *news);
json_t *control_json_text(const char *text);
json_t *control_json_lines(const char *text); /* an array, a string for each line */
/* RFC 3339 in UTC with milliseconds. */
json_t *control_json_time(int64_t wall_ms);

#endif
