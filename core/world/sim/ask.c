/* A request is made: where it goes, and what it finds there. */
#include "base/memory.h"
#include "parts.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Probes -------------------------------------------------------------------------------- */

/* The place that a host is at; a floating address that no node has is nowhere. */
static int find_host(const struct sim *sim, const char *host, size_t len)
{
    int i;

    for (i = 0; i < sim->n_nodes; i++) {
        const struct sim_node *node = &sim->node[i];

        if ((strncmp(node->address, host, len) == 0 && node->address[len] == '\0') ||
            (strncmp(node->name, host, len) == 0 && node->name[len] == '\0')) {
            return SIM_NODE + i;
        }
    }
    if (sim->floating[0] != '\0' && strncmp(sim->floating, host, len) == 0 &&
        sim->floating[len] == '\0') {
        i = serve_floating(sim);
        return i == GROUP_NOBODY ? SIM_NOWHERE : SIM_NODE + i;
    }
    return SIM_GATEWAY;
}

/* What answers at this port of the node. `patient`: who listens for nothing more than the
 * connection, and gets that from a service that hangs too. */
static enum event_end listens(const struct sim *sim, int place, int port, bool patient)
{
    const struct sim_node *node = &sim->node[place - SIM_NODE];
    enum event_end end = END_ANSWERED;
    int i;

    if (port == sim->ssh_port) {
        return END_ANSWERED;
    }
    for (i = 0; i < node->n_things; i++) {
        if (!model_is_service(node->thing[i].name)) {
            continue;
        }
        if (!node->thing[i].up) {
            return END_REFUSED;
        }
        if (node->thing[i].hung && !patient) {
            end = END_SILENT;
        }
    }
    return end;
}

static void start_probe(
    struct sim *sim, struct event *event, const char *host, size_t len, int port, bool patient)
{
    int64_t delay_ms = sim->probe_ms;
    int place = find_host(sim, host, len);

    event->kind = EVENT_PROBE;
    event->from = (int8_t)door_place(door_of(sim, event));
    event->to = (int8_t)(place == SIM_NOWHERE ? event->from : place);
    event->node = (int8_t)(place >= SIM_NODE ? place - SIM_NODE : GROUP_NOBODY);
    if (place == SIM_NOWHERE || model_is_silent(sim, place) ||
        !model_passes(sim, event->from, place, &delay_ms)) {
        answer_at_deadline(sim, event, END_SILENT);
        return;
    }
    event->end = (uint8_t)(place >= SIM_NODE ? listens(sim, place, port, patient) : END_ANSWERED);
    if (event->end != END_ANSWERED) {
        event->effect = event->asks = false;
    } else if (event->effect && sim->n_spells > 0) {
        delay_ms += exec_spells(sim, event);
    }
    if (event->end == END_SILENT) {
        answer_at_deadline(sim, event, END_SILENT);
    } else {
        answer_set_out(sim, event, sim->now_ms + delay_ms);
    }
}

static char *copy(const char *text)
{
    size_t size = strlen(text) + 1;
    char *made = memory_zeroed(1, size);

    return made == NULL ? NULL : memcpy(made, text, size);
}

/* Where a URL leads to: its host, without the brackets of IPv6, and its port. */
static const char *host_of(const char *url, size_t *len, int *port)
{
    const char *host = strstr(url, "://"), *end;

    *port = strncmp(url, "https", 5) == 0 ? 443 : 80;
    host = host != NULL ? host + 3 : url;
    if (*host == '[') {
        host++;
        *len = strcspn(host, "]");
    } else {
        *len = strcspn(host, ":/?");
    }
    end = host + *len + (host[*len] == ']');
    if (*end == ':') {
        *port = (int)strtol(end + 1, NULL, 10);
    }
    return host;
}

/* What it is to change or asks for it says to whoever answers, as a command does to its node. */
static void start_http(struct sim *sim, struct event *event, const struct world_request *request)
{
    const char *asks = request->u.http.asks, *effect = request->u.http.effect, *host;
    int port, status = request->u.http.expect > 0 ? request->u.http.expect : 200;
    uint64_t number = event->number; /* one that is late goes on without who asked */
    size_t len;

    host = host_of(request->u.http.url, &len, &port);
    if (request->u.http.connect_to != NULL) {
        host = request->u.http.connect_to;
        len = strlen(host);
    }
    if (asks != NULL || effect != NULL || request->u.http.match != NULL) {
        queue_more(event, asks != NULL ? asks : effect != NULL ? effect : "");
        assert(event->more != NULL);
        event->asks = asks != NULL;
        event->effect = asks == NULL && effect != NULL;
        event->more->text = request->u.http.match != NULL ? copy(request->u.http.match) : NULL;
    }
    event->code = (int16_t)status;
    start_probe(sim, event, host, len, port, false);
    event = queue_find(sim, number);
    if (event->end == END_ANSWERED) {
        event->end = END_STATUS;
    } else {
        event->code = -1;
    }
}

/* ---- Commands, addresses, hooks -------------------------------------------------------------- */

static void start_on_node(struct sim *sim, struct event *event, const char *node)
{
    int64_t way_ms = 0, work_ms = sim->exec_ms, most_ms = event->deadline_ms - event->began_ms;
    const struct sim_seat *seat = door_of(sim, event);

    event->from = (int8_t)door_place(seat);
    event->node = (int8_t)model_find_node(sim, node);
    event->to = (int8_t)(event->node == GROUP_NOBODY ? event->from : SIM_NODE + event->node);
    if (seat->place != SIM_CONTROLLER && event->to != event->from) {
        event->effect = false;
        answer_no(sim, event, END_NOT_OURS);
        return;
    }
    if (model_is_silent(sim, event->to) || !model_passes(sim, event->from, event->to, &way_ms) ||
        way_ms > most_ms) {
        event->effect = false;
        answer_at_deadline(sim, event, END_SILENT);
        return;
    }
    if (event->effect && sim->n_spells > 0) {
        work_ms += exec_spells(sim, event);
    }
    /* The live world gives each command to timeout(1), which ends it on the node, but counts
     * from its start there. */
    event->effect = event->effect && work_ms <= most_ms;
    answer_set_out(sim, event, sim->now_ms + way_ms + work_ms);
}

static void start_exec(struct sim *sim, struct event *event, const struct world_request *request)
{
    const char *effect = request->u.exec.effect, *asks = request->u.exec.asks;

    event->kind = EVENT_EXEC;
    if (asks != NULL || effect != NULL) {
        queue_more(event, asks != NULL ? asks : effect);
        assert(event->more != NULL);
        event->asks = asks != NULL;
        event->effect = asks == NULL;
    }
    start_on_node(sim, event, request->u.exec.node);
}

static void start_address(struct sim *sim, struct event *event, const struct world_request *request)
{
    static const char *const effect[] = {"address.add", "address.delete", "", ""};
    const char *address = request->u.address.address, *interface = request->u.address.interface;
    size_t len = strlen(address) + strlen(interface) + 2;

    event->kind = EVENT_ADDRESS;
    event->op = (uint8_t)request->u.address.op;
    event->effect = effect[event->op][0] != '\0';
    queue_more(event, effect[event->op]);
    assert(event->more != NULL);
    event->more->text = memory_zeroed(1, len);
    if (event->more->text != NULL) {
        snprintf(event->more->text, len, "%.*s %s", (int)strcspn(address, "/"), address, interface);
    }
    start_on_node(sim, event, request->u.address.node);
}

static void start_hook(struct sim *sim, struct event *event, const struct world_request *request)
{
    int i;

    event->kind = EVENT_HOOK;
    event->from = event->to = (int8_t)door_place(door_of(sim, event));
    if (strcmp(request->u.hook.event, "before-move") == 0) {
        event->op = HOOK_VETO;
    } else if (strcmp(request->u.hook.event, "fence") == 0) {
        event->op = HOOK_FENCE;
        event->effect = true;
    }
    for (i = 0; i < request->u.hook.n_facts; i++) {
        if (strcmp(request->u.hook.fact[i].name, "NODE") == 0) {
            event->node = (int8_t)model_find_node(sim, request->u.hook.fact[i].value);
        }
    }
    answer_set_out(sim, event, sim->now_ms + sim->exec_ms);
}

static void start_mark(struct sim *sim, struct event *event, const struct world_request *request)
{
    bool writes = request->u.mark.op == WORLD_MARK_WRITE;

    event->kind = EVENT_MARK;
    event->op = (uint8_t)request->u.mark.op;
    event->effect = writes;
    queue_more(event, writes ? "mark.write" : "");
    assert(event->more != NULL);
    if (writes) {
        event->more->mark.epoch = request->u.mark.epoch;
        event->more->mark.token = request->u.mark.token;
    }
    if (model_find_node(sim, request->u.mark.node) == GROUP_NOBODY) {
        event->effect = false;
        answer_says(event, END_UNASKED, "there is no node of that name");
        answer_no(sim, event, END_UNASKED);
        return;
    }
    start_on_node(sim, event, request->u.mark.node);
}

bool ask_is_patient(const struct event *event)
{
    return (event->kind == EVENT_LEASE && event->op == WORLD_LEASE_WATCH) ||
           (event->kind == EVENT_PEER && event->op == WORLD_PEER_LISTEN);
}

static void tell_request(
    struct sim *sim, const struct event *event, const struct world_request *request)
{
    struct sim_told told = {
        .kind = SIM_TOLD_REQUEST, .place = door_of(sim, event)->place, .node = event->node};

    told.request = event->number;
    told.asked = request;
    sim->told(sim->told_arg, &told);
}

uint64_t ask_start(
    struct sim_seat *seat, const struct world_request *request, world_done_fn *done, void *arg)
{
    struct sim *sim = seat->sim;
    struct event *event = queue_new(sim);
    uint64_t number;

    assert(event != NULL);
    number = event->number;
    event->u.done = done;
    event->arg = arg;
    event->seat = (int8_t)(seat - sim->seat);
    event->deadline_ms = door_true_ms(seat, world_now_ms(&seat->world) + request->timeout_ms);
    event->code = -1;
    switch (request->kind) {
    case WORLD_SLEEP:
        event->kind = EVENT_SLEEP;
        event->phase = PHASE_ANSWERS;
        queue_put(sim, event, event->deadline_ms);
        return number;
    case WORLD_TCP:
        start_probe(
            sim, event, request->u.tcp.host, strlen(request->u.tcp.host), request->u.tcp.port,
            request->u.tcp.expect == NULL);
        break;
    case WORLD_MAIL:
        start_probe(
            sim, event, request->u.mail.host, strlen(request->u.mail.host), request->u.mail.port,
            false);
        break;
    case WORLD_HTTP:
        start_http(sim, event, request);
        break;
    case WORLD_EXEC:
        start_exec(sim, event, request);
        break;
    case WORLD_ADDRESS:
        start_address(sim, event, request);
        break;
    case WORLD_HOOK:
        start_hook(sim, event, request);
        break;
    case WORLD_LEASE:
        keys_start(sim, event, request);
        break;
    case WORLD_PEER:
        vouch_start(sim, event, request);
        break;
    case WORLD_GUARD:
        warden_start(sim, event, request);
        break;
    case WORLD_MARK:
        start_mark(sim, event, request);
        break;
    }
    if (sim->told != NULL && !ask_is_patient(queue_find(sim, number))) {
        tell_request(sim, queue_find(sim, number), request);
    }
    return number;
}
