/* The simulated world: what requests meet in it, what each fault does and what lifts it, who
 * serves, and that the same seed gives the same bytes. */
#include "base/memory.h"
#include "world/sim/sim.h"

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NODE(i)  (SIM_NODE + (i))
#define COUNT(a) ((int)(sizeof(a) / sizeof(a)[0]))

static struct sim *sim;
static char story[65536]; /* what the world told */
static size_t story_len;

/* What the last request came to. */
static struct {
    int count, code;
    enum world_outcome outcome;
    int64_t at_ms;
    char detail[128], out[128];
    int64_t seq; /* of a record … */
    char failed[128];
} end;

/* ---- The stage --------------------------------------------------------------------------------
 */

static void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void tell(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    story_len += (size_t)vsnprintf(story + story_len, sizeof story - story_len, format, args);
    va_end(args);
    ck_assert_uint_lt(story_len, sizeof story);
}

static void told(void *arg, const struct sim_told *it)
{
    char text[256];

    (void)arg;
    tell("%lld ", (long long)sim->now_ms);
    switch (it->kind) {
    case SIM_TOLD_LOG:
        tell("log %s\n", it->log->text);
        break;
    case SIM_TOLD_REQUEST:
        tell("request %d of kind %d\n", it->node, (int)it->asked->kind);
        break;
    case SIM_TOLD_ANSWER:
        tell(
            "answer %d: %s, %s\n", it->node, it->answer->detail,
            it->effect != NULL ? it->effect : "nothing");
        break;
    case SIM_TOLD_OBSERVED:
        tell("observed %d %s %d %s\n", it->node, it->probe, (int)it->outcome, it->detail);
        break;
    case SIM_TOLD_RECORD:
        tell("record %d, the first %lld\n", it->n_records, (long long)it->record->seq);
        break;
    case SIM_TOLD_FAULT:
        sim_fault_print(sim, it->fault, text, sizeof text);
        tell("fault %s\n", text);
        break;
    case SIM_TOLD_CHANGE:
        tell("change %d %s %s\n", it->node, it->thing, it->up ? "up" : "down");
        break;
    case SIM_TOLD_STORE:
    case SIM_TOLD_GUARD:
    case SIM_TOLD_RESET:
        ck_abort_msg("that is for peers");
        break;
    case SIM_TOLD_SERVED:
        tell("served %d, client %d\n", sim->count.serving, sim->count.client);
        break;
    }
}

static void make(uint64_t seed)
{
    struct baton_error error;

    story_len = 0;
    story[0] = '\0';
    ck_assert_int_eq(sim_new(seed, &sim, &error), BATON_OK);
    snprintf(sim->floating, sizeof sim->floating, "10.9.0.100");
    snprintf(sim->gateway, sizeof sim->gateway, "10.9.0.254");
    ck_assert_ptr_nonnull(sim_add_node(sim, "server01", "10.9.0.1"));
    ck_assert_ptr_nonnull(sim_add_node(sim, "server02", "10.9.0.2"));
    sim_moves_with_baton(sim, "service:postfix");
    sim_moves_with_baton(sim, "address");
    sim_serves_at_start(sim, 0);
    sim->told = told;
}

static void set_up(void)
{
    make(1);
}

static void tear_down(void)
{
    sim_free(sim);
    sim = NULL;
}

static void on_done(void *arg, uint64_t request, const struct world_result *result)
{
    (void)arg;
    (void)request;
    end.count++;
    end.code = result->code;
    end.outcome = result->outcome;
    end.at_ms = sim->now_ms;
    snprintf(end.detail, sizeof end.detail, "%s", result->detail);
    snprintf(end.out, sizeof end.out, "%s", result->out);
    ck_assert_uint_eq(result->out_len, strlen(result->out));
}

static void on_recorded(void *arg, int64_t seq, const struct baton_error *failed)
{
    (void)arg;
    end.count++;
    end.seq = seq;
    end.at_ms = sim->now_ms;
    snprintf(end.failed, sizeof end.failed, "%s", failed != NULL ? failed->text : "");
}

static uint64_t start(const struct world_request *request)
{
    return world_start(sim_door(sim, SIM_CONTROLLER), request, on_done, NULL);
}

/* Start it and let the world go on until it has ended. */
static const char *come_to(const struct world_request *request)
{
    int count = end.count;

    start(request);
    while (end.count == count) {
        ck_assert(sim_step(sim, INT64_MAX - 1));
    }
    return end.detail;
}

static struct world_request tcp_request(const char *host, int port, const char *expect)
{
    struct world_request request = {.kind = WORLD_TCP, .timeout_ms = 1000};

    request.u.tcp.host = host;
    request.u.tcp.port = port;
    request.u.tcp.expect = expect;
    return request;
}

static const char *tcp(const char *host, int port)
{
    struct world_request request = tcp_request(host, port, "220");

    return come_to(&request);
}

static struct world_request exec_request(const char *node, const char *effect, const char *asks)
{
    static const char *const argv[] = {"true", NULL};
    struct world_request request = {.kind = WORLD_EXEC, .timeout_ms = 10000};

    request.u.exec.node = node;
    request.u.exec.argv = argv;
    request.u.exec.effect = effect;
    request.u.exec.asks = asks;
    return request;
}

static const char *act(const char *node, const char *effect)
{
    struct world_request request = exec_request(node, effect, NULL);

    return come_to(&request);
}

static const char *ask(const char *node, const char *asks)
{
    struct world_request request = exec_request(node, NULL, asks);

    return come_to(&request);
}

static const char *hook(const char *event, const char *node)
{
    struct world_request request = {.kind = WORLD_HOOK, .timeout_ms = 1000};
    struct world_pair fact = {"NODE", node};

    request.u.hook.event = event;
    request.u.hook.fact = &fact;
    request.u.hook.n_facts = 1;
    return come_to(&request);
}

static void record(int64_t first, int count)
{
    struct group_record records[4] = {{.seq = first}};
    int i;

    for (i = 0; i < count; i++) {
        records[i].seq = first + i;
    }
    sim_door(sim, SIM_CONTROLLER)
        ->ops->record(
            sim_door(sim, SIM_CONTROLLER), "mail", NULL, records, count, on_recorded, NULL);
    memset(records, 255, sizeof records); /* what is needed was copied */
}

static enum baton_err try(struct sim_fault fault, struct baton_error *error)
{
    if (sim_fault_row(fault.kind)->shape != SIM_SHAPE_LINK &&
        sim_fault_row(fault.kind)->shape != SIM_SHAPE_LINK_VALUE) {
        fault.other = SIM_NOWHERE;
    }
    return sim_inject(sim, &fault, error);
}

static void inject(struct sim_fault fault)
{
    struct baton_error error = {BATON_OK, ""};

    ck_assert_msg(try(fault, &error) == BATON_OK, "%s", error.text);
}

static bool is_up(int node, const char *thing)
{
    return sim_thing(&sim->node[node], thing)->up;
}

static void ck_told(const char *expected)
{
    if (strcmp(story, expected) != 0) {
        ck_abort_msg("the world told\n%s\nbut should\n%s", story, expected);
    }
}

/* ---- Requests ------------------------------------------------------------------------------ */

START_TEST(probes_find_what_is_there)
{
    ck_assert_str_eq(tcp("10.9.0.1", 25), "answered");
    ck_assert_int_eq(end.outcome, WORLD_OK);
    ck_assert_int_eq(end.at_ms, 5);
    ck_assert_str_eq(tcp("server02", 25), "connection refused");
    ck_assert_int_eq(end.outcome, WORLD_FAIL);
    ck_assert_str_eq(tcp("10.9.0.2", 22), "answered");
    ck_assert_str_eq(tcp("10.9.0.100", 25), "answered");
    ck_assert_str_eq(tcp("192.0.2.1", 53), "answered"); /* behind the gateway */
    inject((struct sim_fault){.kind = SIM_BRING_DOWN, .place = NODE(0), .what = "address"});
    ck_assert_str_eq(tcp("10.9.0.100", 25), "no answer within 1000 ms");
    ck_assert_int_eq(end.outcome, WORLD_FAIL);
}
END_TEST

START_TEST(http_is_answered_like_its_service)
{
    struct world_request request = {.kind = WORLD_HTTP, .timeout_ms = 1000};

    request.u.http.url = "http://10.9.0.1:8080/status";
    ck_assert_str_eq(come_to(&request), "status 200");
    ck_assert_int_eq(end.code, 200);
    request.u.http.url = "https://mail.example/x";
    request.u.http.connect_to = "10.9.0.2";
    ck_assert_str_eq(come_to(&request), "connection refused");
    request.u.http.connect_to = "10.9.0.1";
    request.u.http.expect = 401;
    request.u.http.match = "who are you";
    ck_assert_str_eq(come_to(&request), "status 401");
    ck_assert_str_eq(end.out, "who are you");
    request.u.http.connect_to = NULL;
    inject((struct sim_fault){.kind = SIM_CUT, .place = SIM_CONTROLLER, .other = SIM_GATEWAY});
    ck_assert_str_eq(come_to(&request), "no answer within 1000 ms");
}
END_TEST

static struct world_request http_request(const char *url, const char *effect, const char *asks)
{
    struct world_request request = {.kind = WORLD_HTTP, .timeout_ms = 1000};

    request.u.http.url = url;
    request.u.http.effect = effect;
    request.u.http.asks = asks;
    return request;
}

static const char *http_act(const char *url, const char *effect)
{
    struct world_request request = http_request(url, effect, NULL);

    return come_to(&request);
}

static const char *http_ask(const char *url, const char *asks)
{
    struct world_request request = http_request(url, NULL, asks);

    return come_to(&request);
}

START_TEST(http_asks_and_changes_what_it_says)
{
    struct world_request request = http_request("http://10.9.0.1/", NULL, "licence.valid");

    ck_assert_str_eq(come_to(&request), "status 200");
    ck_assert_str_eq(end.out, "yes");
    inject((struct sim_fault){.kind = SIM_BRING_DOWN, .place = NODE(0), .what = "licence"});
    ck_assert_str_eq(come_to(&request), "licence.valid: no");
    ck_assert_int_eq(end.outcome, WORLD_FAIL);
    ck_assert_int_eq(end.code, 200);
    ck_assert_str_eq(end.out, "no");
    request.u.http.url = "http://10.9.0.2/"; /* nobody is there to ask */
    ck_assert_str_eq(come_to(&request), "connection refused");
    ck_assert_int_eq(end.code, -1);
    ck_assert_str_eq(http_act("http://10.9.0.1/", "service:postfix.stop"), "status 200");
    ck_assert(!is_up(0, "service:postfix"));
    ck_assert_str_eq(http_act("http://10.9.0.1/", "service:postfix.start"), "connection refused");
    ck_assert(!is_up(0, "service:postfix"));
    inject((struct sim_fault){.kind = SIM_CUT, .place = SIM_CONTROLLER, .other = SIM_GATEWAY});
    ck_assert_str_eq(
        http_act("https://cloud.example/", "server01.power.off"), "no answer within 1000 ms");
    ck_assert(sim->node[0].on);
}
END_TEST

START_TEST(a_cloud_switches_nodes_off_by_http)
{
    static const char url[] = "https://cloud.example/servers/1";
    struct world_request request = http_request(url, NULL, "server01.power.off");

    request.u.http.match = "STOPPED";
    ck_assert_str_eq(come_to(&request), "server01.power.off: no");
    ck_assert_int_eq(end.at_ms, 5); /* it is an answer: nothing to wait for */
    ck_assert_str_eq(http_act(url, "server01.power.off"), "status 200");
    ck_assert(!sim->node[0].on);
    ck_assert_str_eq(come_to(&request), "status 200");
    ck_assert_str_eq(end.out, "STOPPED");
    ck_assert_str_eq(http_ask(url, "server01.power.on"), "server01.power.on: no");
    ck_assert_str_eq(http_act(url, "server01.power.on"), "status 200");
    ck_assert(sim->node[0].on);
    inject((struct sim_fault){
        .kind = SIM_ACTION_FAILS, .what = "server01.power.off", .place = SIM_NOWHERE});
    ck_assert_str_eq(http_act(url, "server01.power.off"), "server01.power.off fails");
    ck_assert_int_eq(end.code, 500);
    ck_assert(sim->node[0].on);
}
END_TEST

/* Past its time nobody waits any more; it is done all the same. */
START_TEST(an_http_request_that_comes_late_is_done)
{
    inject((struct sim_fault){
        .kind = SIM_ACTION_SLOW, .what = "server01.power.off", .place = SIM_NOWHERE, .ms = 3000});
    ck_assert_str_eq(
        http_act("https://cloud.example/", "server01.power.off"), "no end within 1000 ms");
    ck_assert_int_eq(end.at_ms, 1000);
    ck_assert(sim->node[0].on);
    while (sim_step(sim, 3100)) {
    }
    ck_assert(!sim->node[0].on);
}
END_TEST

START_TEST(a_node_tells_another_what_to_do_where_it_reaches_it)
{
    ck_assert_str_eq(ask("server02", "server01.address.up"), "done");
    ck_assert_str_eq(act("server02", "server01.address.delete"), "done");
    ck_assert(!is_up(0, "address"));
    ck_assert_str_eq(ask("server02", "server01.address.up"), "server01.address.up: no");
    ck_assert_int_eq(end.code, 3);
    ck_assert_str_eq(ask("server02", "server01.address.gone"), "done");
    ck_assert_str_eq(act("server02", "server01.address.add"), "done");
    ck_assert(is_up(0, "address"));
    inject((struct sim_fault){.kind = SIM_CUT, .place = NODE(0), .other = NODE(1)});
    ck_assert_str_eq(act("server02", "server01.address.delete"), "server01.address.delete fails");
    ck_assert_int_eq(end.outcome, WORLD_FAIL);
    ck_assert_str_eq(ask("server02", "server01.address.gone"), "server01.address.gone fails");
    ck_assert(is_up(0, "address"));
    ck_assert_str_eq(act("server02", "server02.address.add"), "done");
    ck_assert(is_up(1, "address"));
    inject((struct sim_fault){.kind = SIM_MEND, .place = NODE(0), .other = NODE(1)});
    ck_assert_str_eq(ask("server02", "server01.address.up"), "done");
    inject((struct sim_fault){.kind = SIM_HANG, .place = NODE(0)});
    ck_assert_str_eq(act("server02", "server01.address.delete"), "server01.address.delete fails");
}
END_TEST

START_TEST(commands_change_things_and_ask_for_them)
{
    ck_assert_str_eq(act("server02", "service:postfix.start"), "done");
    ck_assert_int_eq(end.at_ms, 50);
    ck_assert(is_up(1, "service:postfix"));
    ck_assert_str_eq(ask("server02", "service:postfix.running"), "done");
    ck_assert_int_eq(end.code, 0);
    ck_assert_str_eq(ask("server02", "service:postfix.stopped"), "service:postfix.stopped: no");
    ck_assert_int_eq(end.code, 3);
    ck_assert_int_eq(end.outcome, WORLD_FAIL);
    act("server02", "service.stop"); /* all of them */
    ck_assert(!is_up(1, "service:postfix"));
    ck_assert_str_eq(ask("server02", "service.running"), "service.running: no");
    ck_assert_str_eq(ask("server02", "nlb.up"), "done"); /* nothing that moves: up everywhere */
    ck_assert_str_eq(act("server02", "nlb.remove"), "done");
    ck_assert_str_eq(ask("server02", "nlb.gone"), "done");
    ck_assert_str_eq(act(NULL, "dns.update"), "done");
    ck_assert_str_eq(ask(NULL, "gateway.up"), "done");
}
END_TEST

/* A fault knows no service's name; the first one that is named is the one it struck. */
START_TEST(a_service_is_named_when_it_is_asked_for)
{
    inject((struct sim_fault){.kind = SIM_BRING_UP, .place = NODE(1), .what = "service:postfix"});
    sim->node[1].n_things = 0;
    inject((struct sim_fault){.kind = SIM_CRASH_SERVICE, .place = NODE(1)});
    ck_assert_str_eq(tcp("server02", 25), "connection refused");
    ck_assert_str_eq(act("server02", "service:dovecot.restart"), "done");
    ck_assert_str_eq(tcp("server02", 25), "answered");
    ck_assert_int_eq(sim->node[1].n_things, 1);
}
END_TEST

START_TEST(addresses_of_a_local_node)
{
    struct world_request request = {.kind = WORLD_ADDRESS, .timeout_ms = 1000};

    request.u.address.node = "server02";
    request.u.address.interface = "eth0";
    request.u.address.address = "10.9.0.100/24";
    request.u.address.op = WORLD_ADDRESS_PRESENT;
    ck_assert_str_eq(come_to(&request), "10.9.0.100 is not on eth0");
    ck_assert_int_eq(end.outcome, WORLD_FAIL);
    ck_assert_int_eq(end.code, -1);
    request.u.address.op = WORLD_ADDRESS_ANNOUNCE;
    ck_assert_str_eq(come_to(&request), "10.9.0.100 is not on eth0");
    request.u.address.op = WORLD_ADDRESS_ADD;
    ck_assert_str_eq(come_to(&request), "10.9.0.100 added to eth0");
    ck_assert(is_up(1, "address"));
    request.u.address.op = WORLD_ADDRESS_PRESENT;
    ck_assert_str_eq(come_to(&request), "10.9.0.100 is on eth0");
    ck_assert_int_eq(end.outcome, WORLD_OK);
    request.u.address.op = WORLD_ADDRESS_DELETE;
    ck_assert_str_eq(come_to(&request), "10.9.0.100 removed from eth0");
    ck_assert(!is_up(1, "address"));
}
END_TEST

START_TEST(the_floating_address_leads_to_who_took_it_last)
{
    act("server02", "address.add"); /* its service does not run */
    ck_assert_str_eq(tcp("10.9.0.100", 25), "connection refused");
    act("server01", "address.add"); /* it is there, and announced again */
    ck_assert_str_eq(tcp("10.9.0.100", 25), "answered");
}
END_TEST

static int order[1024], n_order;

static void on_order(void *arg, uint64_t request, const struct world_result *result)
{
    (void)request;
    (void)result;
    order[n_order++] = (int)(intptr_t)arg;
}

static uint64_t sleep_for(int64_t ms, int arg)
{
    struct world_request wait = {.kind = WORLD_SLEEP, .timeout_ms = ms};

    return world_start(sim_door(sim, SIM_CONTROLLER), &wait, on_order, (void *)(intptr_t)arg);
}

START_TEST(what_is_due_comes_by_time_and_then_by_number)
{
    uint64_t number[1000];
    int due[1000], i;
    unsigned random = 7;

    n_order = 0;
    for (i = 0; i < 1000; i++) {
        random = random * 1103515245 + 12345;
        due[i] = (int)(random >> 16) % 100;
        number[i] = sleep_for(due[i], i);
        ck_assert(number[i] != 0);
    }
    for (i = 999; i >= 0; i -= 3) {
        world_cancel(sim_door(sim, SIM_CONTROLLER), number[i]);
        world_cancel(sim_door(sim, SIM_CONTROLLER), number[i]); /* not running any more is fine */
    }
    sim_run(sim, 1000);
    ck_assert_int_eq(n_order, 666);
    for (i = 0; i < n_order; i++) {
        ck_assert_int_ne(order[i] % 3, 0);
        ck_assert(
            i == 0 || due[order[i - 1]] < due[order[i]] ||
            (due[order[i - 1]] == due[order[i]] && order[i - 1] < order[i]));
    }
    ck_assert(sim_due_ms(sim) == GROUP_NEVER_MS);
    ck_assert_int_eq(sim->now_ms, 1000);
}
END_TEST

/* The last one made takes the place of one that is cancelled, and belongs higher up there. */
START_TEST(a_cancel_keeps_the_rest_in_order)
{
    static const int due[] = {1, 50, 10, 60, 55, 11, 12, 70, 65, 56, 57, 13};
    uint64_t number[COUNT(due)];
    int i;

    n_order = 0;
    for (i = 0; i < COUNT(due); i++) {
        number[i] = sleep_for(due[i], due[i]);
    }
    world_cancel(sim_door(sim, SIM_CONTROLLER), number[7]);
    sim_run(sim, 1000);
    ck_assert_int_eq(n_order, COUNT(due) - 1);
    for (i = 1; i < n_order; i++) {
        ck_assert_int_lt(order[i - 1], order[i]);
    }
}
END_TEST

START_TEST(a_number_that_has_ended_means_nobody_else)
{
    uint64_t old = sleep_for(10, 1), later;

    n_order = 0;
    sim_run(sim, 20);
    later = sleep_for(10, 2);
    ck_assert(later != old);
    world_cancel(sim_door(sim, SIM_CONTROLLER), old);
    sim_run(sim, 40);
    ck_assert_int_eq(n_order, 2);
    ck_assert_int_eq(order[1], 2);
}
END_TEST

START_TEST(a_command_that_nobody_waits_for_is_done_all_the_same)
{
    struct world_request request = exec_request("server02", "address.add", NULL);
    int count = end.count;

    world_cancel(sim_door(sim, SIM_CONTROLLER), start(&request));
    sim_run(sim, 1000);
    ck_assert(is_up(1, "address"));
    request.u.exec.effect = "address.remove";
    inject((struct sim_fault){
        .kind = SIM_ACTION_SLOW, .what = "address.remove", .place = SIM_NOWHERE, .ms = 20000});
    start(&request);
    sim_run(sim, 11001);
    ck_assert_str_eq(end.detail, "no end within 10000 ms");
    ck_assert_int_eq(end.outcome, WORLD_UNKNOWN);
    ck_assert_int_eq(end.count, count + 1);
    ck_assert(is_up(1, "address"));
    sim_run(sim, 22000);
    ck_assert(is_up(1, "address")); /* it was ended on the node, too */
}
END_TEST

START_TEST(a_command_that_comes_late_is_done_when_nobody_waits_any_more)
{
    struct sim_fault slow = {
        .kind = SIM_SLOW, .place = SIM_CONTROLLER, .other = NODE(1), .ms = 9980, .one_way = true};

    inject(slow);
    ck_assert_str_eq(act("server02", "address.add"), "no end within 10000 ms");
    ck_assert_int_eq(end.at_ms, 10000);
    ck_assert(!is_up(1, "address"));
    sim_run(sim, 10030);
    ck_assert(is_up(1, "address"));
    slow.ms = 10001; /* its connection is gone before it is there */
    inject(slow);
    ck_assert_str_eq(act("server02", "address.delete"), "ssh: no answer from server02");
    sim_run(sim, 60000);
    ck_assert(is_up(1, "address"));
}
END_TEST

START_TEST(a_later_command_takes_the_place_of_one_under_way)
{
    struct world_request request = exec_request("server02", "service:postfix.start", NULL);

    inject((struct sim_fault){
        .kind = SIM_ACTION_SLOW, .what = "service.start", .place = NODE(1), .ms = 8000});
    start(&request);
    sim_run(sim, 4000);
    ck_assert_str_eq(act("server02", "service:postfix.stop"), "done");
    sim_run(sim, 60000);
    ck_assert(!is_up(1, "service:postfix"));
    start(&request);
    act("server02", "address.add"); /* that is another thing */
    sim_run(sim, 90000);
    ck_assert(is_up(1, "service:postfix"));
}
END_TEST

/* ---- Each fault, and what lifts it ------------------------------------------------------------
 */

/* "tcp server01 25", "act server01 service.stop", "ask …", "hook fence server02", "record" */
static const char *answer(const char *question)
{
    char verb[16] = "", a[64] = "", b[64] = "";

    sscanf(question, "%15s %63s %63s", verb, a, b);
    if (strcmp(verb, "tcp") == 0) {
        return tcp(a, atoi(b));
    } else if (strcmp(verb, "connect") == 0) {
        struct world_request request = tcp_request(a, atoi(b), NULL);

        return come_to(&request);
    } else if (strcmp(verb, "act") == 0) {
        return act(a, b);
    } else if (strcmp(verb, "ask") == 0) {
        return ask(strcmp(a, "controller") == 0 ? NULL : a, b);
    } else if (strcmp(verb, "hook") == 0) {
        return hook(a, b);
    } else if (strcmp(verb, "wall") == 0) {
        static char text[32];
        long long wall_s, ahead_ms;
        int wall_ms;

        ask("server01", "clock");
        if (strcmp(a, "server01") == 0) {
            ck_assert_int_eq(sscanf(end.out, "%lld.%3d", &wall_s, &wall_ms), 2);
            ahead_ms = wall_s * 1000 + wall_ms;
        } else {
            ahead_ms = sim_door(sim, SIM_CONTROLLER)->ops->wall_ms(sim_door(sim, SIM_CONTROLLER));
        }
        ahead_ms -= 1767225600000 + sim->now_ms;
        snprintf(text, sizeof text, "%+lld ms", ahead_ms);
        return text;
    }
    ck_assert_str_eq(verb, "record");
    record(1, 2);
    sim_run(sim, sim->now_ms + 10);
    return end.failed[0] != '\0' ? end.failed : "written";
}

static const struct fault_case {
    struct sim_fault fault;
    const char *question, *with, *after;
} fault_cases[] = {
    {{.kind = SIM_CRASH, .place = NODE(0)},
     "tcp server01 22",
     "no answer within 1000 ms",
     "answered"},
    {{.kind = SIM_CRASH, .place = NODE(0)},
     "ask server01 service.running",
     "ssh: no answer from server01",
     "service.running: no"},
    {{.kind = SIM_HANG, .place = NODE(0)},
     "tcp server01 22",
     "no answer within 1000 ms",
     "answered"},
    {{.kind = SIM_HANG, .place = NODE(0)},
     "ask server01 service.running",
     "ssh: no answer from server01",
     "done"},
    {{.kind = SIM_CRASH_SERVICE, .place = NODE(0)},
     "tcp server01 25",
     "connection refused",
     "answered"},
    {{.kind = SIM_CRASH_SERVICE, .place = NODE(0), .what = "postfix"},
     "connect server01 25",
     "connection refused",
     "answered"},
    {{.kind = SIM_HANG_SERVICE, .place = NODE(0)},
     "tcp server01 25",
     "no answer within 1000 ms",
     "answered"},
    {{.kind = SIM_HANG_SERVICE, .place = NODE(0)}, "connect server01 25", "answered", "answered"},
    {{.kind = SIM_REFUSE_STOP, .place = NODE(0), .what = "postfix"},
     "act server01 service:postfix.stop",
     "service:postfix refuses",
     "done"},
    {{.kind = SIM_REFUSE_START, .place = NODE(1)},
     "act server02 service:postfix.start",
     "service:postfix refuses",
     "done"},
    {{.kind = SIM_BRING_UP, .place = NODE(1), .what = "service"},
     "tcp server02 25",
     "answered",
     NULL},
    {{.kind = SIM_BRING_DOWN, .place = NODE(0), .what = "address"},
     "ask server01 address.up",
     "address.up: no",
     NULL},
    {{.kind = SIM_CUT, .place = SIM_CONTROLLER, .other = NODE(0)},
     "tcp server01 22",
     "no answer within 1000 ms",
     "answered"},
    {{.kind = SIM_CUT, .place = SIM_GATEWAY, .other = SIM_CONTROLLER},
     "ask controller gateway.up",
     "gateway.up: no",
     "done"},
    {{.kind = SIM_CUT, .place = NODE(0), .other = SIM_SHARE},
     "ask server01 share.ok",
     "share.ok: no",
     "done"},
    {{.kind = SIM_LOSSY, .place = SIM_CONTROLLER, .other = NODE(0), .value = 1},
     "tcp server01 22",
     "no answer within 1000 ms",
     "answered"},
    {{.kind = SIM_SLOW, .place = SIM_CONTROLLER, .other = NODE(0), .ms = 600},
     "tcp server01 22",
     "no end within 1000 ms",
     "answered"},
    {{.kind = SIM_LOSE_SHARE, .place = NODE(0)}, "ask server01 share.ok", "share.ok: no", "done"},
    {{.kind = SIM_LOSE_SHARE, .place = NODE(0)}, "ask server02 share.ok", "done", "done"},
    {{.kind = SIM_LOSE_SHARE, .place = SIM_NOWHERE},
     "ask server02 share.ok",
     "share.ok: no",
     "done"},
    {{.kind = SIM_READ_ONLY_SHARE, .place = SIM_NOWHERE},
     "ask server01 share.ok",
     "share.ok: no",
     "done"},
    {{.kind = SIM_JUMP_CLOCK, .place = NODE(0), .ms = -3600500},
     "wall server01",
     "-3600500 ms",
     NULL},
    {{.kind = SIM_JUMP_CLOCK, .place = NODE(0), .ms = 1000}, "wall controller", "+0 ms", NULL},
    {{.kind = SIM_JUMP_CLOCK, .place = SIM_CONTROLLER, .ms = 2000},
     "wall controller",
     "+2000 ms",
     NULL},
    {{.kind = SIM_DRIFT_CLOCK, .place = NODE(0), .value = 100000}, /* 50 ms pass */
     "wall server01",
     "+5 ms",
     NULL},
    {{.kind = SIM_ACTION_FAILS, .place = SIM_NOWHERE, .what = "service.stop"},
     "act server01 service:postfix.stop",
     "service:postfix.stop fails",
     "done"},
    {{.kind = SIM_ACTION_FAILS, .place = NODE(1), .what = "service.stop"},
     "act server01 service:postfix.stop",
     "done",
     "done"},
    {{.kind = SIM_ACTION_SLOW, .place = SIM_NOWHERE, .what = "address.delete", .ms = 11000},
     "act server01 address.delete",
     "no end within 10000 ms",
     "done"},
    {{.kind = SIM_ACTION_LIES, .place = SIM_NOWHERE, .what = "address.add"},
     "act server02 address.add",
     "done",
     "done"},
    {{.kind = SIM_ACTION_DENIES, .place = SIM_NOWHERE, .what = "address.add"},
     "act server02 address.add",
     "address.add fails",
     "done"},
    {{.kind = SIM_FENCE_FAILS}, "hook fence server01", "10-power: no answer", "done"},
    {{.kind = SIM_FENCE_LIES}, "hook fence server01", "done", "done"},
    {{.kind = SIM_VETO}, "hook before-move server01", "10-backup: a backup is running", "done"},
    {{.kind = SIM_VETO}, "hook completed server01", "done", "done"},
    {{.kind = SIM_FILL_DISK}, "record", "the journal: no space left on device", "written"},
};

START_TEST(a_fault_does_what_it_says_until_it_is_lifted)
{
    const struct fault_case *it = &fault_cases[_i];
    const struct sim_fault_row *row = sim_fault_row(it->fault.kind);
    struct sim_fault lift = it->fault;

    inject(it->fault);
    ck_assert_str_eq(answer(it->question), it->with);
    lift.kind = row->lifted_by;
    if (it->after == NULL) {
        ck_assert_int_eq(row->lifted_by, row->kind); /* it is over at once */
        return;
    }
    ck_assert(sim_fault_row(row->lifted_by)->lifts);
    inject(lift);
    ck_assert_str_eq(answer(it->question), it->after);
}
END_TEST

START_TEST(every_fault_has_a_case)
{
    bool seen[SIM_FAULTS] = {false};
    int i;

    for (i = 0; i < COUNT(fault_cases); i++) {
        seen[fault_cases[i].fault.kind] = true;
        seen[sim_fault_row(fault_cases[i].fault.kind)->lifted_by] = true;
    }
    seen[SIM_POSTPONE] = true; /* below */
    for (i = 0; i < SIM_FAULTS; i++) {
        if (sim_fault_wants_peers((enum sim_fault_kind)i)) {
            continue; /* test_sim_peers */
        }
        ck_assert_msg(seen[i], "no case for %s", sim_fault_row((enum sim_fault_kind)i)->name);
        ck_assert_uint_gt(strlen(sim_fault_row((enum sim_fault_kind)i)->about), 10);
    }
}
END_TEST

START_TEST(a_lie_does_nothing_and_a_denial_does)
{
    inject((struct sim_fault){
        .kind = SIM_ACTION_LIES, .place = NODE(1), .what = "address.add", .times = 1});
    act("server02", "address.add");
    ck_assert(!is_up(1, "address"));
    act("server02", "address.add"); /* once only */
    ck_assert(is_up(1, "address"));
    inject((struct sim_fault){
        .kind = SIM_ACTION_DENIES, .place = SIM_NOWHERE, .what = "address.delete"});
    act("server02", "address.delete");
    ck_assert_int_eq(end.outcome, WORLD_FAIL);
    ck_assert(!is_up(1, "address"));
    inject((struct sim_fault){.kind = SIM_FENCE_LIES});
    hook("fence", "server01");
    ck_assert(sim->node[0].on);
    inject((struct sim_fault){.kind = SIM_FENCE_FAILS});
    hook("fence", "server01");
    ck_assert_int_eq(end.outcome, WORLD_FAIL);
    ck_assert(sim->node[0].on);
    inject((struct sim_fault){.kind = SIM_FENCE_WORKS});
    hook("fence", "server01");
    ck_assert(!sim->node[0].on);
    ck_assert(!is_up(0, "address"));
}
END_TEST

START_TEST(a_node_boots_without_what_moves_and_with_all_else)
{
    ask("server01", "nlb.up");
    inject((struct sim_fault){.kind = SIM_CRASH, .place = NODE(0)});
    ck_assert(!is_up(0, "nlb"));
    inject((struct sim_fault){.kind = SIM_RECOVER, .place = NODE(0)});
    ck_assert(is_up(0, "nlb"));
    ck_assert(!is_up(0, "address"));
    ck_assert(!is_up(0, "service:postfix"));
}
END_TEST

/* What was stopped meanwhile stays down. */
START_TEST(a_service_that_was_stopped_does_not_recover)
{
    inject((struct sim_fault){.kind = SIM_CRASH_SERVICE, .place = NODE(0)});
    act("server01", "service:postfix.stop");
    inject((struct sim_fault){.kind = SIM_RECOVER_SERVICE, .place = NODE(0)});
    ck_assert(!is_up(0, "service:postfix"));
}
END_TEST

START_TEST(an_answer_is_postponed_but_not_what_it_is_about)
{
    struct world_request request = exec_request("server02", "address.add", NULL);
    struct sim_fault late = {.kind = SIM_POSTPONE, .ms = 1500};
    struct baton_error error;

    ck_assert_int_eq(try(late, &error), BATON_INVALID);
    start(&request);
    inject(late);
    sim_run(sim, 60);
    ck_assert(is_up(1, "address"));
    sim_run(sim, 5000);
    ck_assert_int_eq(end.at_ms, 1550);
    start(&request);
    late.ms = 60000;
    inject(late);
    sim_run(sim, 100000);
    ck_assert_int_eq(end.at_ms, 15000);
    ck_assert_str_eq(end.detail, "no end within 10000 ms");
}
END_TEST

/* ---- Links ------------------------------------------------------------------------------------
 */

START_TEST(what_is_cut_one_way_goes_the_other)
{
    struct sim_fault cut = {
        .kind = SIM_CUT, .place = SIM_CONTROLLER, .other = NODE(1), .one_way = true};

    inject(cut);
    ck_assert_str_eq(act("server02", "address.add"), "ssh: no answer from server02");
    ck_assert_int_eq(end.outcome, WORLD_UNKNOWN);
    ck_assert_int_eq(end.at_ms, 10000);
    ck_assert(!is_up(1, "address"));
    inject((struct sim_fault){.kind = SIM_MEND, .place = SIM_CONTROLLER, .other = NODE(1)});
    cut.place = NODE(1);
    cut.other = SIM_CONTROLLER;
    inject(cut);
    ck_assert_str_eq(act("server02", "address.add"), "ssh: no answer from server02");
    ck_assert_int_eq(end.at_ms, 20000);
    ck_assert(is_up(1, "address")); /* it was done, but who asked does not know */
}
END_TEST

START_TEST(a_slow_link_is_slow_both_ways_or_one)
{
    struct sim_fault slow = {.kind = SIM_SLOW, .place = NODE(0), .other = SIM_CONTROLLER};

    slow.ms = 300;
    inject(slow);
    ck_assert_str_eq(tcp("server01", 25), "answered");
    ck_assert_int_eq(end.at_ms, 605);
    inject((struct sim_fault){.kind = SIM_MEND, .place = SIM_CONTROLLER, .other = NODE(0)});
    slow.one_way = true;
    inject(slow);
    tcp("server01", 25);
    ck_assert_int_eq(end.at_ms, 605 + 305);
}
END_TEST

/* How long each of forty commands takes over a lossy link. */
static void losses(uint64_t seed, int took_s[40])
{
    int i;

    make(seed);
    inject((struct sim_fault){
        .kind = SIM_LOSSY,
        .place = SIM_CONTROLLER,
        .other = NODE(0),
        .value = 0.3,
        .one_way = true});
    for (i = 0; i < 40; i++) {
        int64_t began_ms = sim->now_ms;

        ask("server01", "address.up");
        took_s[i] = (int)((end.at_ms - began_ms) / 1000);
    }
    tear_down();
}

START_TEST(packets_are_lost_by_the_seed)
{
    int first[40], again[40], other[40], lost = 0, waits[10] = {0}, i;

    tear_down();
    losses(5, first);
    losses(5, again);
    losses(6, other);
    ck_assert_mem_eq(first, again, sizeof first);
    ck_assert_mem_ne(first, other, sizeof first);
    for (i = 0; i < 40; i++) {
        lost += first[i] > 0;
        waits[first[i] < 9 ? first[i] : 9]++;
    }
    ck_assert_int_gt(waits[1], 0); /* sent again after 1 s, then after 2 more */
    ck_assert_int_eq(waits[2], 0);
    ck_assert_int_gt(waits[3], 0);
    ck_assert_int_gt(lost, 4); /* of 40, at 0.3 each */
    ck_assert_int_lt(lost, 24);
    set_up();
}
END_TEST

START_TEST(the_clocks_of_controller_and_nodes_are_their_own)
{
    ck_assert(
        sim_door(sim, SIM_CONTROLLER)->ops->wall_ms(sim_door(sim, SIM_CONTROLLER)) ==
        1767225600000);
    inject((struct sim_fault){.kind = SIM_JUMP_CLOCK, .place = NODE(1), .ms = 1000});
    inject((struct sim_fault){.kind = SIM_JUMP_CLOCK, .place = NODE(1), .ms = 500});
    inject((struct sim_fault){.kind = SIM_DRIFT_CLOCK, .place = SIM_CONTROLLER, .value = -1000});
    sim_run(sim, 100000);
    ck_assert(
        sim_door(sim, SIM_CONTROLLER)->ops->wall_ms(sim_door(sim, SIM_CONTROLLER)) ==
        1767225600000 + 100000 - 100);
    ask("server02", "clock");
    ck_assert_str_eq(end.out, "1767225701.550000000\n");
    inject((struct sim_fault){.kind = SIM_DRIFT_CLOCK, .place = SIM_CONTROLLER, .value = 0});
    sim_run(sim, 200000);
    ck_assert(
        sim_door(sim, SIM_CONTROLLER)->ops->wall_ms(sim_door(sim, SIM_CONTROLLER)) ==
        1767225600000 + 200000 - 100);
    ck_assert_int_eq(
        world_now_ms(sim_door(sim, SIM_CONTROLLER)),
        200000); /* what steps are timed by never jumps */
}
END_TEST

/* ---- Who serves ----------------------------------------------------------------------------- */

START_TEST(an_overlap_by_a_hand_is_not_blamed)
{
    inject((struct sim_fault){.kind = SIM_BRING_UP, .place = NODE(1), .what = "service"});
    sim_run(sim, 1000);
    inject((struct sim_fault){.kind = SIM_BRING_UP, .place = NODE(1), .what = "address"});
    ck_assert_int_eq(sim->count.serving, 2);
    sim_run(sim, 3000);
    act("server01", "address.delete");
    sim_run(sim, 9000);
    ck_assert_int_eq(sim->count.two_ms, 2050);
    ck_assert_int_eq(sim->count.two_blamed_ms, 0);
    ck_assert_int_eq(sim->count.two_first_ms, -1);
}
END_TEST

START_TEST(an_overlap_at_the_start_is_not_blamed)
{
    sim_serves_at_start(sim, 1);
    ck_assert_int_eq(sim->count.serving, 2);
    sim_run(sim, 3000);
    act("server01", "address.delete");
    ck_assert_int_eq(sim->count.two_ms, 3050);
    ck_assert_int_eq(sim->count.two_blamed_ms, 0);
}
END_TEST

/* One of them was out of sight all the time; the other one was only put back. */
START_TEST(an_overlap_at_the_start_that_comes_again_is_not_blamed)
{
    sim_serves_at_start(sim, 1);
    sim_run(sim, 3000);
    act("server02", "address.delete");
    act("server02", "address.add");
    ck_assert_int_eq(sim->count.serving, 2);
    sim_run(sim, 9000);
    ck_assert_int_gt(sim->count.two_ms, 5000);
    ck_assert_int_eq(sim->count.two_blamed_ms, 0);
}
END_TEST

START_TEST(an_overlap_at_the_start_is_no_excuse_for_ever)
{
    sim_serves_at_start(sim, 1);
    sim_run(sim, 90000);
    act("server02", "address.delete");
    act("server02", "address.add");
    ck_assert_int_eq(sim->count.serving, 2);
    sim_run(sim, 99000);
    ck_assert_int_gt(sim->count.two_blamed_ms, 0); /* server01 was there to be seen */
}
END_TEST

START_TEST(an_overlap_with_who_serves_from_the_start_out_of_sight_is_not_blamed)
{
    sim_serves_at_start(sim, 1);
    inject((struct sim_fault){.kind = SIM_CUT, .place = SIM_CONTROLLER, .other = NODE(0)});
    sim_run(sim, 90000);
    act("server02", "address.delete");
    act("server02", "address.add");
    ck_assert_int_eq(sim->count.serving, 2);
    sim_run(sim, 99000);
    ck_assert_int_eq(sim->count.two_blamed_ms, 0);
}
END_TEST

START_TEST(a_third_that_a_command_brings_up_is_blamed_though_a_hand_brought_up_the_second)
{
    sim_add_node(sim, "server03", "10.9.0.3");
    sim_serves_at_start(sim, 0);
    inject((struct sim_fault){.kind = SIM_BRING_UP, .place = NODE(1), .what = "service"});
    inject((struct sim_fault){.kind = SIM_BRING_UP, .place = NODE(1), .what = "address"});
    ck_assert_int_eq(sim->count.serving, 2);
    sim_run(sim, 1000);
    ck_assert_int_eq(sim->count.two_blamed_ms, 0);
    act("server03", "service:postfix.start");
    act("server03", "address.add");
    ck_assert_int_eq(sim->count.serving, 3);
    act("server01", "address.delete");
    ck_assert_int_gt(sim->count.two_blamed_ms, 0);
    sim_run(sim, 5000);
    ck_assert_int_lt(sim->count.two_blamed_ms, sim->count.two_ms - 3000); /* beside the hand's */
}
END_TEST

START_TEST(an_overlap_by_a_command_is_blamed)
{
    act("server02", "service:postfix.start");
    act("server02", "address.add");
    ck_assert(sim_serves(sim, 0) && sim_serves(sim, 1));
    sim_run(sim, 1100);
    ck_assert_int_eq(sim->count.two_ms, 1000);
    ck_assert_int_eq(sim->count.two_blamed_ms, 1000);
    ck_assert_int_eq(sim->count.two_first_ms, 100);
}
END_TEST

/* It has all that it had, and another one has it too by now. */
START_TEST(an_overlap_with_a_node_that_wakes_up_is_blamed)
{
    inject((struct sim_fault){.kind = SIM_HANG, .place = NODE(0)});
    act("server02", "service:postfix.start");
    act("server02", "address.add");
    ck_assert_int_eq(sim->count.serving, 1);
    inject((struct sim_fault){.kind = SIM_RECOVER, .place = NODE(0)});
    ck_assert_int_eq(sim->count.serving, 2);
    sim_run(sim, 600);
    ck_assert_int_eq(sim->count.two_blamed_ms, 500);
}
END_TEST

/* It was seen stopped, so it was out. An address that nobody took away is another matter. */
START_TEST(an_overlap_with_a_crashed_service_that_comes_up_again_is_not_blamed)
{
    sim->floating[0] = '\0';
    inject((struct sim_fault){.kind = SIM_CRASH_SERVICE, .place = NODE(0), .what = "service"});
    act("server02", "service:postfix.start");
    act("server02", "address.add");
    inject((struct sim_fault){.kind = SIM_RECOVER_SERVICE, .place = NODE(0), .what = "service"});
    ck_assert_int_eq(sim->count.serving, 2);
    sim_run(sim, 1000);
    ck_assert_int_eq(sim->count.two_blamed_ms, 0);
}
END_TEST

START_TEST(an_overlap_with_what_a_hand_has_just_begun_is_not_blamed)
{
    act("server01", "address.delete");
    inject((struct sim_fault){.kind = SIM_BRING_UP, .place = NODE(1), .what = "service"});
    inject((struct sim_fault){.kind = SIM_BRING_UP, .place = NODE(1), .what = "address"});
    sim_run(sim, 5000);
    act("server01", "address.add"); /* decided before anybody could see the other */
    ck_assert_int_eq(sim->count.serving, 2);
    sim_run(sim, 7000);
    ck_assert_int_eq(sim->count.two_blamed_ms, 0);
    act("server01", "address.delete");
    sim_run(sim, 90000);
    act("server01", "address.add");
    ck_assert_int_eq(sim->count.serving, 2);
    sim_run(sim, 91000);
    ck_assert_int_gt(sim->count.two_blamed_ms, 0); /* there was time enough by now */
}
END_TEST

/* A controller that hangs sees nothing: what a hand does meanwhile it can only see afterwards. */
START_TEST(an_overlap_with_what_a_hand_did_while_the_controller_hung_is_not_blamed)
{
    act("server01", "address.delete");
    inject((struct sim_fault){.kind = SIM_BRING_UP, .place = NODE(1), .what = "service"});
    inject((struct sim_fault){.kind = SIM_HANG, .place = SIM_CONTROLLER});
    sim_run(sim, 1000);
    inject((struct sim_fault){.kind = SIM_BRING_UP, .place = NODE(1), .what = "address"});
    sim_run(sim, 200000);
    inject((struct sim_fault){.kind = SIM_RECOVER, .place = SIM_CONTROLLER});
    act("server01", "address.add");
    ck_assert_int_eq(sim->count.serving, 2);
    sim_run(sim, 201000);
    ck_assert_int_eq(sim->count.two_blamed_ms, 0);
    act("server01", "address.delete");
    sim_run(sim, 290000);
    act("server01", "address.add");
    sim_run(sim, 291000);
    ck_assert_int_gt(sim->count.two_blamed_ms, 0); /* awake for long enough by now */
}
END_TEST

/* Begun before the node hung, done when it goes on, though nobody counts on it any more. */
START_TEST(a_command_is_ended_by_a_node_that_wakes_up)
{
    struct world_request request = exec_request("server02", "address.add", NULL);

    start(&request);
    sim_run(sim, 20);
    inject((struct sim_fault){.kind = SIM_HANG, .place = NODE(1)});
    sim_run(sim, 20000);
    ck_assert_str_eq(end.detail, "ssh: no answer from server02");
    ck_assert(!is_up(1, "address"));
    inject((struct sim_fault){.kind = SIM_RECOVER, .place = NODE(1)});
    sim_run(sim, 20001);
    ck_assert(is_up(1, "address"));
    act("server02", "address.delete");
    start(&request);
    sim_run(sim, sim->now_ms + 20);
    inject((struct sim_fault){.kind = SIM_HANG, .place = NODE(1)});
    sim_run(sim, sim->now_ms + 20000);
    inject((struct sim_fault){.kind = SIM_CRASH, .place = NODE(1)});
    inject((struct sim_fault){.kind = SIM_RECOVER, .place = NODE(1)});
    sim_run(sim, sim->now_ms + 1000);
    inject((struct sim_fault){.kind = SIM_HANG, .place = NODE(1)});
    inject((struct sim_fault){.kind = SIM_RECOVER, .place = NODE(1)});
    sim_run(sim, sim->now_ms + 1000);
    ck_assert(!is_up(1, "address")); /* a crash forgets it */
}
END_TEST

START_TEST(the_client_is_served_or_counts_how_long_it_is_not)
{
    ck_assert(sim->count.client);
    sim_run(sim, 1000);
    inject((struct sim_fault){.kind = SIM_HANG_SERVICE, .place = NODE(0)});
    ck_assert_int_eq(sim->count.serving, 1); /* it may wake up */
    ck_assert(!sim->count.client);
    sim_run(sim, 3000);
    ck_assert_int_eq(sim->count.outage_ms, 2000);
    inject((struct sim_fault){.kind = SIM_RECOVER_SERVICE, .place = NODE(0)});
    sim_run(sim, 4000);
    inject((struct sim_fault){
        .kind = SIM_CUT, .place = SIM_CLIENT, .other = NODE(0), .one_way = true});
    sim_run(sim, 4500);
    inject((struct sim_fault){.kind = SIM_MEND, .place = SIM_CLIENT, .other = NODE(0)});
    sim_run(sim, 9000);
    ck_assert_int_eq(sim->count.outage_ms, 2500);
    ck_assert_int_eq(sim->count.outage_longest_ms, 2000);
    inject((struct sim_fault){.kind = SIM_CRASH, .place = NODE(0)});
    sim_run(sim, 10000);
    sim_account_from(sim);
    sim_run(sim, 10700);
    ck_assert_int_eq(sim->count.outage_ms, 700);
    ck_assert_int_eq(sim->count.outage_longest_ms, 700);
}
END_TEST

/* ---- The daemon --------------------------------------------------------------------------------
 */

START_TEST(records_are_told_when_they_are_durable)
{
    record(7, 3);
    ck_assert_str_eq(story, "");
    sim_run(sim, 10);
    ck_told("2 record 3, the first 7\n");
    ck_assert_int_eq(end.seq, 9);
    ck_assert_str_eq(end.failed, "");
    ck_assert_int_eq(sim->seat[0].records, 3);
}
END_TEST

START_TEST(a_daemon_that_hangs_is_answered_when_it_goes_on)
{
    struct world_request request = exec_request("server02", "address.add", NULL);
    struct world_request wait = {.kind = WORLD_SLEEP, .timeout_ms = 100};
    int count = end.count;

    start(&request);
    start(&wait);
    record(1, 1);
    inject((struct sim_fault){.kind = SIM_HANG, .place = SIM_CONTROLLER});
    sim_run(sim, 60000);
    ck_assert_int_eq(end.count, count);
    ck_assert(is_up(1, "address"));
    ck_assert_int_eq(sim->seat[0].records, 0);
    story_len = 0;
    inject((struct sim_fault){.kind = SIM_RECOVER, .place = SIM_CONTROLLER});
    sim_run(sim, 60001);
    ck_assert_int_eq(end.count, count + 3);
    ck_told("60000 fault recover \"controller\"\n"
            "60000 record 1, the first 1\n"
            "60000 answer 1: done, address.add\n");
}
END_TEST

START_TEST(a_daemon_that_is_killed_is_not_answered)
{
    struct world_request request = exec_request("server02", "address.add", NULL);
    struct world_request wait = {.kind = WORLD_SLEEP, .timeout_ms = 100};
    int count = end.count;

    start(&request);
    start(&wait);
    record(1, 2);
    sim_kill(sim, SIM_CONTROLLER, false);
    record(3, 1); /* the last words of a controller that is freed */
    sim_run(sim, 0);
    ck_assert_int_eq(end.count, count + 2);
    ck_assert_str_eq(end.failed, "the journal: the daemon was killed");
    sim_run(sim, 1000);
    ck_assert_int_eq(end.count, count + 2);
    ck_assert_int_eq(sim->seat[0].records, 0);
    ck_assert(is_up(1, "address"));
    start(&wait); /* the new one */
    record(1, 1);
    sim_run(sim, 1002);
    ck_assert_int_eq(sim->seat[0].records, 1);
}
END_TEST

START_TEST(records_under_way_are_kept_where_it_is_said)
{
    record(1, 2);
    sim_kill(sim, SIM_CONTROLLER, true);
    ck_told("0 record 2, the first 1\n");
    sim_run(sim, 100);
    ck_assert_str_eq(end.failed, "");
    ck_told("0 record 2, the first 1\n");
    ck_assert_int_eq(sim->seat[0].records, 2);
}
END_TEST

START_TEST(who_waits_for_a_record_hears_that_the_world_ended)
{
    record(1, 1);
    tear_down();
    ck_assert_str_eq(end.failed, "the journal: the daemon was killed");
    set_up();
}
END_TEST

START_TEST(a_controller_lives_on_its_node)
{
    struct baton_error error;
    struct sim_fault cut = {.kind = SIM_CUT, .place = SIM_CONTROLLER, .other = NODE(0)};

    sim->home = 0;
    ck_assert_int_eq(try(cut, &error), BATON_INVALID);
    ck_assert_str_eq(
        error.text, "cut: the controller runs on server01, there is no link between them");
    cut.other = NODE(1);
    inject(cut);
    ck_assert(sim->link[NODE(0)][NODE(1)].cut);
    ck_assert_str_eq(tcp("server02", 22), "no answer within 1000 ms");
    ck_assert_str_eq(tcp("server01", 25), "answered");
    inject((struct sim_fault){.kind = SIM_HANG, .place = NODE(0)});
    ck_assert(sim->seat[0].hung);
    inject((struct sim_fault){.kind = SIM_RECOVER, .place = SIM_CONTROLLER});
    ck_assert(!sim->seat[0].hung && !sim->node[0].hung);
}
END_TEST

/* ---- The same again ------------------------------------------------------------------------ */

static void play(uint64_t seed)
{
    struct world_log line = {.level = WORLD_INFO, .event = "x", .text = "a word"};
    int i;

    make(seed);
    inject((struct sim_fault){
        .kind = SIM_LOSSY, .place = SIM_CONTROLLER, .other = NODE(0), .value = 0.4});
    for (i = 0; i < 20; i++) {
        struct world_request stop = exec_request("server01", "service:postfix.restart", NULL);
        struct world_request probe = tcp_request("10.9.0.100", 25, "220");

        start(&stop);
        start(&probe);
        sim_run(sim, sim->now_ms + 300);
    }
    sim_door(sim, SIM_CONTROLLER)->ops->log(sim_door(sim, SIM_CONTROLLER), &line);
    sim_door(sim, SIM_CONTROLLER)
        ->ops->observe(
            sim_door(sim, SIM_CONTROLLER), "mail", "server02", "ssh", GROUP_OK, 3, "well");
    record(1, 1);
    sim_run(sim, 60000);
}

START_TEST(the_same_seed_tells_the_same_story)
{
    char *first;

    tear_down();
    play(3);
    first = strdup(story);
    tear_down();
    play(3);
    ck_assert_str_eq(story, first);
    tear_down();
    play(4);
    ck_assert_str_ne(story, first);
    ck_assert_ptr_nonnull(strstr(story, "observed 1 ssh 1 well\n"));
    ck_assert_ptr_nonnull(strstr(story, "log a word\n"));
    free(first);
}
END_TEST

/* All of it is in the region: taken back, it goes the same way once more. */
START_TEST(a_world_in_a_region_can_be_taken_back)
{
    size_t size = 1 << 20, used;
    void *region = aligned_alloc(16, size), *copy = malloc(size);
    uint64_t digest;

    tear_down();
    memory_use(region, size);
    play(9);
    used = memory_used(region);
    memcpy(copy, region, used);
    inject((struct sim_fault){.kind = SIM_CRASH, .place = NODE(0)});
    ask("server02", "nlb.up");
    digest = sim_digest(sim);
    memcpy(region, copy, used);
    ck_assert(sim_digest(sim) != digest);
    inject((struct sim_fault){.kind = SIM_CRASH, .place = NODE(0)});
    ask("server02", "nlb.up");
    ck_assert(sim_digest(sim) == digest);
    sim_free(sim);
    memory_use(NULL, 0);
    free(region);
    free(copy);
    set_up();
}
END_TEST

static uint64_t digest_at(int64_t at_ms, struct sim_fault *fault)
{
    struct world_request request = exec_request("server02", "address.add", NULL);
    uint64_t digest;

    make(1);
    sim_run(sim, at_ms);
    if (fault != NULL) {
        inject(*fault);
    }
    start(&request);
    sim_run(sim, at_ms + 30);
    digest = sim_digest(sim);
    tear_down();
    return digest;
}

START_TEST(worlds_that_differ_in_time_only_have_one_digest)
{
    struct sim_fault veto = {.kind = SIM_VETO};
    struct sim_fault slow = {.kind = SIM_SLOW, .place = SIM_CONTROLLER, .other = NODE(1)};
    struct sim_fault hang = {.kind = SIM_HANG_SERVICE, .place = NODE(0)};
    struct sim_fault spell = {
        .kind = SIM_ACTION_FAILS, .place = SIM_NOWHERE, .what = "service.stop"};
    struct sim_fault jump = {.kind = SIM_JUMP_CLOCK, .place = NODE(0), .ms = 5};
    struct sim_fault cut = {.kind = SIM_CUT, .place = SIM_CLIENT, .other = NODE(1)};
    struct sim_fault *faults[] = {&veto, &slow, &hang, &spell, &jump, &cut};
    uint64_t plain;
    int i;

    tear_down();
    slow.ms = 7;
    plain = digest_at(0, NULL);
    ck_assert(digest_at(123456, NULL) == plain);
    for (i = 0; i < COUNT(faults); i++) {
        ck_assert(digest_at(0, faults[i]) != plain);
        ck_assert(digest_at(0, faults[i]) == digest_at(777, faults[i]));
    }
    set_up();
    plain = sim_digest(sim);
    inject(veto);
    inject((struct sim_fault){.kind = SIM_NO_VETO});
    inject(slow);
    inject((struct sim_fault){.kind = SIM_MEND, .place = NODE(1), .other = SIM_CONTROLLER});
    ck_assert(sim_digest(sim) == plain); /* what is lifted leaves no trace */
    act("server01", "address.delete");
    act("server01", "address.add");
    ck_assert(sim_digest(sim) != plain); /* by a command now: an overlap would be blamed */
}
END_TEST

/* ---- In writing -------------------------------------------------------------------------------
 */

static const struct text_case {
    struct sim_fault fault;
    const char *written, *said;
} texts[] = {
    {{.kind = SIM_CRASH, .place = NODE(0)}, "crash \"server01\"", "server01 crashes"},
    {{.kind = SIM_HANG, .place = SIM_CONTROLLER}, "hang \"controller\"", "the controller hangs"},
    {{.kind = SIM_RECOVER, .place = NODE(0)}, "recover \"server01\"", "server01 goes on"},
    {{.kind = SIM_CRASH_SERVICE, .place = NODE(0), .what = "service:postfix"},
     "crash_service(\"server01\", \"postfix\")",
     "postfix on server01 crashes"},
    {{.kind = SIM_HANG_SERVICE, .place = NODE(1)},
     "hang_service \"server02\"",
     "the services on server02 hang"},
    {{.kind = SIM_RECOVER_SERVICE, .place = NODE(1), .what = "postfix"},
     "recover_service(\"server02\", \"postfix\")",
     "postfix on server02 is well again"},
    {{.kind = SIM_REFUSE_STOP, .place = NODE(0)},
     "refuse_stop \"server01\"",
     "the services on server01 refuse to stop"},
    {{.kind = SIM_REFUSE_START, .place = NODE(0), .what = "postfix"},
     "refuse_start(\"server01\", \"postfix\")",
     "postfix on server01 refuses to start"},
    {{.kind = SIM_OBEY, .place = NODE(0)},
     "obey \"server01\"",
     "the services on server01 can be stopped and started again"},
    {{.kind = SIM_BRING_UP, .place = NODE(1), .what = "address"},
     "bring_up(\"server02\", \"address\")",
     "somebody brings address up on server02"},
    {{.kind = SIM_BRING_DOWN, .place = NODE(1), .what = "service:postfix"},
     "bring_down(\"server02\", \"service:postfix\")",
     "somebody takes service:postfix down on server02"},
    {{.kind = SIM_CUT, .place = SIM_CONTROLLER, .other = NODE(0), .one_way = true},
     "cut(\"controller\", \"server01\", { one_way = true })",
     "the link from controller to server01 is cut"},
    {{.kind = SIM_LOSSY, .place = SIM_CLIENT, .other = NODE(0), .value = 0.35},
     "lossy(\"client\", \"server01\", 0.35)",
     "the link between client and server01 loses 35 % of its packets"},
    {{.kind = SIM_SLOW, .place = NODE(0), .other = SIM_SHARE, .ms = 1500, .one_way = true},
     "slow(\"server01\", \"share\", 1.5, { one_way = true })",
     "the link from server01 to share is slower by 1.5 s"},
    {{.kind = SIM_MEND, .place = SIM_STORE, .other = NODE(1)},
     "mend(\"store\", \"server02\")",
     "the link between store and server02 is mended"},
    {{.kind = SIM_LOSE_SHARE, .place = SIM_NOWHERE},
     "lose_share()",
     "the share is gone everywhere"},
    {{.kind = SIM_READ_ONLY_SHARE, .place = NODE(0)},
     "read_only_share \"server01\"",
     "the share can only be read on server01"},
    {{.kind = SIM_RESTORE_SHARE, .place = NODE(0)},
     "restore_share \"server01\"",
     "the share is there again on server01"},
    {{.kind = SIM_JUMP_CLOCK, .place = NODE(0), .ms = -3600250},
     "jump_clock(\"server01\", -3600.25)",
     "the clock of server01 jumps by -3600.25 s"},
    {{.kind = SIM_DRIFT_CLOCK, .place = SIM_CONTROLLER, .value = 200},
     "drift_clock(\"controller\", 200)",
     "the clock of controller drifts by 200 ppm"},
    {{.kind = SIM_ACTION_FAILS, .place = NODE(1), .what = "address.add", .times = 3},
     "action_fails(\"address.add\", { on = \"server02\", times = 3 })",
     "address.add fails on server02, 3 times"},
    {{.kind = SIM_ACTION_SLOW, .place = SIM_NOWHERE, .what = "service.start", .ms = 20000},
     "action_slow(\"service.start\", 20)",
     "service.start takes 20 s longer"},
    {{.kind = SIM_ACTION_LIES, .place = SIM_NOWHERE, .what = "a\"b\\.c", .times = 1},
     "action_lies(\"a\\\"b\\\\.c\", { times = 1 })",
     "a\"b\\.c does nothing and reports success, 1 time"},
    {{.kind = SIM_ACTION_DENIES, .place = NODE(0), .what = "x.y"},
     "action_denies(\"x.y\", { on = \"server01\" })",
     "x.y reports failure though it works on server01"},
    {{.kind = SIM_ACTION_WORKS, .place = SIM_NOWHERE, .what = "x.y"},
     "action_works(\"x.y\")",
     "x.y works again"},
    {{.kind = SIM_FENCE_FAILS}, "fence_fails()", "fencing fails"},
    {{.kind = SIM_FENCE_LIES}, "fence_lies()", "fencing reports success and does nothing"},
    {{.kind = SIM_FENCE_WORKS}, "fence_works()", "fencing works"},
    {{.kind = SIM_VETO}, "veto()", "a hook says no to planned moves"},
    {{.kind = SIM_NO_VETO}, "no_veto()", "no hook says no any more"},
    {{.kind = SIM_FILL_DISK}, "fill_disk()", "the journal's disk is full"},
    {{.kind = SIM_FREE_DISK}, "free_disk()", "the journal's disk has room again"},
    {{.kind = SIM_POSTPONE, .ms = 1},
     "postpone(0.001)",
     "the answer that is due next comes 0.001 s later"},
};

START_TEST(every_fault_is_written_and_said)
{
    const struct text_case *it = &texts[_i];
    char text[200], small[9];

    ck_assert_int_eq(COUNT(texts), SIM_HANG_BATON); /* the others: test_sim_peers */
    ck_assert_int_eq(it->fault.kind, _i);
    sim_fault_print(sim, &it->fault, text, sizeof text);
    ck_assert_str_eq(text, it->written);
    sim_fault_say(sim, &it->fault, text, sizeof text);
    ck_assert_str_eq(text, it->said);
    sim_fault_print(sim, &it->fault, small, sizeof small);
    ck_assert_int_eq(strncmp(small, it->written, 8), 0);
    ck_assert_uint_le(strlen(small), 8);
}
END_TEST

static const struct {
    struct sim_fault fault;
    const char *why;
} impossible[] = {
    {{.kind = SIM_CRASH, .place = SIM_CLIENT},
     "crash wants a node, not client; there are: server01, server02"},
    {{.kind = SIM_HANG, .place = NODE(5)},
     "hang wants a node, not nowhere; there are: server01, server02, controller"},
    {{.kind = SIM_CUT, .place = NODE(0), .other = NODE(0)},
     "cut: there is no link from server01 to itself"},
    {{.kind = SIM_CUT, .place = NODE(0), .other = SIM_NOWHERE},
     "cut wants two places; there are: controller, client, gateway, share, store, server01, "
     "server02"},
    {{.kind = SIM_LOSSY, .place = NODE(0), .other = NODE(1), .value = 1.5},
     "lossy wants a number from 0 to 1"},
    {{.kind = SIM_POSTPONE, .ms = -1}, "postpone wants a number from 0 to 3600"},
    {{.kind = SIM_ACTION_FAILS, .place = SIM_NOWHERE, .what = "start"},
     "action_fails wants an effect like \"service.start\", not \"start\""},
    {{.kind = SIM_CRASH_SERVICE, .place = NODE(0), .what = "postfx"},
     "server01 has no service postfx; there are: postfix"},
};

START_TEST(what_can_not_be_is_refused_with_what_there_is)
{
    struct baton_error error = {BATON_OK, ""};
    uint64_t digest = sim_digest(sim);

    ck_assert_int_eq(try(impossible[_i].fault, &error), BATON_INVALID);
    ck_assert_str_eq(error.text, impossible[_i].why);
    ck_assert(sim_digest(sim) == digest);
    ck_assert_str_eq(story, "");
}
END_TEST

START_TEST(nothing_is_brought_up_on_a_node_that_is_off)
{
    struct sim_fault hand = {.kind = SIM_BRING_UP, .place = NODE(1), .what = "address"};
    struct baton_error error;

    inject((struct sim_fault){.kind = SIM_CRASH, .place = NODE(1)});
    ck_assert_int_eq(try(hand, &error), BATON_INVALID);
    ck_assert_str_eq(error.text, "nothing can be brought up on server02: it is off");
}
END_TEST

START_TEST(places_have_names)
{
    int i;

    for (i = 0; i < SIM_NODE + 2; i++) {
        ck_assert_int_eq(sim_find_place(sim, sim_place_name(sim, i)), i);
    }
    ck_assert_int_eq(sim_find_place(sim, "server03"), SIM_NOWHERE);
    ck_assert_int_eq(sim_find_place(sim, NULL), SIM_NOWHERE);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("sim");
    TCase *t = tcase_create("world");

    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, probes_find_what_is_there);
    tcase_add_test(t, http_is_answered_like_its_service);
    tcase_add_test(t, http_asks_and_changes_what_it_says);
    tcase_add_test(t, a_cloud_switches_nodes_off_by_http);
    tcase_add_test(t, an_http_request_that_comes_late_is_done);
    tcase_add_test(t, a_node_tells_another_what_to_do_where_it_reaches_it);
    tcase_add_test(t, commands_change_things_and_ask_for_them);
    tcase_add_test(t, a_service_is_named_when_it_is_asked_for);
    tcase_add_test(t, addresses_of_a_local_node);
    tcase_add_test(t, the_floating_address_leads_to_who_took_it_last);
    tcase_add_test(t, what_is_due_comes_by_time_and_then_by_number);
    tcase_add_test(t, a_cancel_keeps_the_rest_in_order);
    tcase_add_test(t, a_number_that_has_ended_means_nobody_else);
    tcase_add_test(t, a_command_that_nobody_waits_for_is_done_all_the_same);
    tcase_add_test(t, a_command_that_comes_late_is_done_when_nobody_waits_any_more);
    tcase_add_test(t, a_later_command_takes_the_place_of_one_under_way);
    tcase_add_loop_test(t, a_fault_does_what_it_says_until_it_is_lifted, 0, COUNT(fault_cases));
    tcase_add_test(t, every_fault_has_a_case);
    tcase_add_test(t, a_lie_does_nothing_and_a_denial_does);
    tcase_add_test(t, a_node_boots_without_what_moves_and_with_all_else);
    tcase_add_test(t, a_service_that_was_stopped_does_not_recover);
    tcase_add_test(t, an_answer_is_postponed_but_not_what_it_is_about);
    tcase_add_test(t, what_is_cut_one_way_goes_the_other);
    tcase_add_test(t, a_slow_link_is_slow_both_ways_or_one);
    tcase_add_test(t, packets_are_lost_by_the_seed);
    tcase_add_test(t, the_clocks_of_controller_and_nodes_are_their_own);
    tcase_add_test(t, an_overlap_by_a_hand_is_not_blamed);
    tcase_add_test(t, an_overlap_at_the_start_is_not_blamed);
    tcase_add_test(t, an_overlap_at_the_start_that_comes_again_is_not_blamed);
    tcase_add_test(t, an_overlap_at_the_start_is_no_excuse_for_ever);
    tcase_add_test(t, an_overlap_with_who_serves_from_the_start_out_of_sight_is_not_blamed);
    tcase_add_test(
        t, a_third_that_a_command_brings_up_is_blamed_though_a_hand_brought_up_the_second);
    tcase_add_test(t, an_overlap_by_a_command_is_blamed);
    tcase_add_test(t, an_overlap_with_what_a_hand_has_just_begun_is_not_blamed);
    tcase_add_test(t, an_overlap_with_what_a_hand_did_while_the_controller_hung_is_not_blamed);
    tcase_add_test(t, an_overlap_with_a_node_that_wakes_up_is_blamed);
    tcase_add_test(t, an_overlap_with_a_crashed_service_that_comes_up_again_is_not_blamed);
    tcase_add_test(t, a_command_is_ended_by_a_node_that_wakes_up);
    tcase_add_test(t, the_client_is_served_or_counts_how_long_it_is_not);
    tcase_add_test(t, records_are_told_when_they_are_durable);
    tcase_add_test(t, a_daemon_that_hangs_is_answered_when_it_goes_on);
    tcase_add_test(t, a_daemon_that_is_killed_is_not_answered);
    tcase_add_test(t, records_under_way_are_kept_where_it_is_said);
    tcase_add_test(t, who_waits_for_a_record_hears_that_the_world_ended);
    tcase_add_test(t, a_controller_lives_on_its_node);
    tcase_add_test(t, the_same_seed_tells_the_same_story);
    tcase_add_test(t, a_world_in_a_region_can_be_taken_back);
    tcase_add_test(t, worlds_that_differ_in_time_only_have_one_digest);
    tcase_add_loop_test(t, every_fault_is_written_and_said, 0, COUNT(texts));
    tcase_add_loop_test(t, what_can_not_be_is_refused_with_what_there_is, 0, COUNT(impossible));
    tcase_add_test(t, nothing_is_brought_up_on_a_node_that_is_off);
    tcase_add_test(t, places_have_names);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    SRunner *runner = srunner_create(suite());
    int failed;

    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
