/* Whole stories through controller, group and a real policy, in the simulated world. */
#include "controller/controller.h"
#include "world/shadow/shadow.h"
#include "world/sim/sim.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char mail_lua[] =
    "local service = action {\n"
    "  name = 'service',\n"
    "  run  = function(node) local r = node:exec { command = { 'svc', 'start' }, effect = "
    "'service.start' }\n"
    "    if r.unknown then return nil, r.detail end return r.ok, r.detail end,\n"
    "}\n"
    "local no_service = action {\n"
    "  name = 'service',\n"
    "  run  = function(node) local r = node:exec { command = { 'svc', 'stop' }, effect = "
    "'service.stop', timeout = 2 }\n"
    "    if r.unknown then return nil, r.detail end return r.ok, r.detail end,\n"
    "}\n"
    "local address = action {\n"
    "  name = 'address',\n"
    "  run  = function(node) local r = node:exec { command = { 'ip', 'add' }, effect = "
    "'address.up' "
    "}\n"
    "    return r.ok, r.detail end,\n"
    "}\n"
    "local no_address = action {\n"
    "  name = 'address',\n"
    "  run  = function(node) local r = node:exec { command = { 'ip', 'del' }, effect = "
    "'address.down', timeout = 2 }\n"
    "    if r.unknown then return nil, r.detail end return r.ok, r.detail end,\n"
    "}\n"
    "return policy {\n"
    "  probes = {\n"
    "    smtp = probe.smtp { port = 25, every = 1, timeout = 0.5, fall = 3, rise = 2, on = "
    "'holder' "
    "},\n"
    "    ssh  = probe.tcp { port = 22, every = 1, timeout = 0.5, fall = 3, rise = 2 },\n"
    "  },\n"
    "  serving = function(node)\n"
    "    local r = node:exec { command = { 'ip', 'show' }, asks = 'address.up', timeout = 2 }\n"
    "    if r.unknown then return nil, r.detail end\n"
    "    return r.ok, r.detail\n"
    "  end,\n"
    "  fit = function(node)\n"
    "    while param.loops and node.smtp.failed do end\n"
    "    if param.grows and node.smtp.failed then local t = {} while true do t[#t + 1] = "
    "('x'):rep(1000) "
    ".. #t end end\n"
    "    return node.smtp.ok and node.ssh.ok\n"
    "  end,\n"
    "  remedies = { { when = function(node) return node.smtp.failed and node.ssh.ok and "
    "(param.restarts or 0) > 0, 'smtp failed, ssh works' end,\n"
    "    run = service, attempts = 1, within = 60 } },\n"
    "  transitions = {\n"
    "    { from = 'Standby', to = 'FailingOver', when = holder_unfit_for(2) },\n"
    "    { from = 'Standby', to = 'FailingBack', when = preferred_fit_for(30) },\n"
    "  },\n"
    "  stop  = { no_address, no_service },\n"
    "  start = { service, address },\n"
    "  fence = { hook 'fence' },\n"
    "  verify = { probe.smtp { port = 25, via = 'floating' } },\n"
    "  unconfirmed = param.unconfirmed or 'hold',\n"
    "  settle = 5,\n"
    "}\n";

static struct sim *sim;
static struct controller *controller;
static struct world *shadow; /* before the simulated world, where there is one */
static struct policy_site site;
static struct world_pair params[2];

static enum baton_err read_module(
    void *arg, const char *name, char **text, size_t *len, char *file, size_t file_size,
    struct baton_error *error)
{
    FILE *f;
    long size;

    (void)arg;
    snprintf(file, file_size, "%s/lua/%s.lua", SOURCE_DIR, name);
    f = fopen(file, "rb");
    if (f == NULL) {
        return baton_fail(error, BATON_NOT_FOUND, "%s: no such module", file);
    }
    fseek(f, 0, SEEK_END);
    size = ftell(f);
    rewind(f);
    *text = malloc((size_t)size + 1);
    *len = fread(*text, 1, (size_t)size, f);
    fclose(f);
    return BATON_OK;
}

static struct policy *load(const char *text, struct baton_error *error)
{
    struct policy_source source = {
        .file = "mail.lua", .text = text, .len = strlen(text), .read = read_module};
    struct policy *policy = NULL;

    policy_new(
        &source, &site, NULL, shadow != NULL ? shadow : sim_door(sim, SIM_CONTROLLER), &policy,
        error);
    return policy;
}

static void set_up(void)
{
    struct baton_error error;

    ck_assert_int_eq(sim_new(1, &sim, &error), BATON_OK);
    sim->trace_on = true;
    snprintf(sim->floating, sizeof sim->floating, "10.9.0.100");
    sim_add_node(sim, "server01", "10.9.0.1");
    sim_add_node(sim, "server02", "10.9.0.2");
    sim_moves_with_baton(sim, "service");
    sim_moves_with_baton(sim, "address");
    memset(&site, 0, sizeof site);
    site.group = "mail";
    site.floating = "10.9.0.100/24";
    site.interface = "eth0";
    site.n_nodes = 2;
    site.node[0] = (struct policy_node_site){"server01", "10.9.0.1", "ssh", 1};
    site.node[1] = (struct policy_node_site){"server02", "10.9.0.2", "ssh", 2};
    site.param = params;
    site.n_params = 0;
}

static void start_with(struct group_memory memory)
{
    struct controller_setup setup = {
        .name = "mail", .n_nodes = 2, .world = sim_door(sim, SIM_CONTROLLER)};
    struct baton_error error = {BATON_OK, ""};

    snprintf(setup.node[0].name, sizeof setup.node[0].name, "server01");
    snprintf(setup.node[1].name, sizeof setup.node[1].name, "server02");
    setup.node[0].priority = 1;
    setup.node[1].priority = 2;
    setup.memory = memory;
    if (shadow != NULL) {
        setup.world = shadow;
        setup.shadow = true;
    }
    setup.policy = load(mail_lua, &error);
    ck_assert_msg(setup.policy != NULL, "%s", error.text);
    ck_assert_msg(controller_new(&setup, &controller, &error) == BATON_OK, "%s", error.text);
}

static void start(void)
{
    start_with((struct group_memory){.holder = GROUP_NOBODY});
}

static void tear_down(void)
{
    controller_free(controller);
    controller = NULL;
    shadow_free(shadow);
    shadow = NULL;
    sim_run(sim, sim->now_ms + 1000); /* what was given to the journal last is written */
    ck_assert_msg(
        sim->count.two_ms == 0, "two nodes served for %lld ms\n%s", (long long)sim->count.two_ms,
        sim->trace);
    sim_free(sim);
}

static void serving(int node)
{
    sim_serves_at_start(sim, node);
}

static void service_dies(int node)
{
    sim_thing(&sim->node[node], "service")->up = false;
    sim_changed(sim);
}

static void inject(enum sim_fault_kind kind, int place, int other)
{
    struct sim_fault fault = {.kind = kind, .place = place, .other = other};

    ck_assert_int_eq(sim_inject(sim, &fault, NULL), BATON_OK);
}

static void normal(void)
{
    set_up();
    serving(0);
    start();
    sim_run(sim, 10000);
    ck_assert_msg(controller_group(controller)->node[0].state == FSM_ACTIVE, "%s", sim->trace);
    ck_assert_int_eq(controller_group(controller)->node[1].state, FSM_STANDBY);
    sim->trace_len = 0;
    sim->trace[0] = '\0';
}

static void ck_trace(const char *expected)
{
    if (sim->trace_len == 0 || strcmp(sim->trace, expected) != 0) {
        ck_abort_msg(
            "the trace is\n%s\nbut should be\n%s", sim->trace_len == 0 ? "" : sim->trace, expected);
    }
}

static void ck_has(const char *part)
{
    ck_assert_msg(strstr(sim->trace, part) != NULL, "no \"%s\" in\n%s", part, sim->trace);
}

START_TEST(the_service_dies_and_the_standby_takes_over)
{
    normal();
    service_dies(0);
    sim_run(sim, 20000);
    ck_trace("  13.01 probe: smtp ok → fail: connection refused\n"
             "  13.01 transition: server01 Active → Degraded: smtp failed 3/3: connection refused\n"
             "  15.01 transition: server02 Standby → FailingOver: server01 unfit for 2 s: smtp "
             "failed 3/3: connection refused\n"
             "  15.01 failover: failover begins: server01 → server02: server01 unfit for 2 s: smtp "
             "failed 3/3: connection refused\n"
             "  15.01 step: stop: address on server01\n"
             "  15.06 step: stop: address on server01: ok: done\n"
             "  15.06 step: stop: service on server01\n"
             "  15.11 step: stop: service on server01: ok: done\n"
             "  15.11 step: look on server01\n"
             "  15.16 step: look on server01: it does not serve: address.up: no\n"
             "  15.16 grant: epoch 2 to server02\n"
             "  15.16 transition: server01 Degraded → Degraded: stopped and confirmed out\n"
             "  15.16 step: start: service on server02\n"
             "  15.21 step: start: service on server02: ok: done\n"
             "  15.22 step: start: address on server02\n"
             "  15.27 step: start: address on server02: ok: done\n"
             "  15.27 step: verify: smtp-1 on server02\n"
             "  15.27 step: verify: smtp-1 on server02: ok: answered\n"
             "  15.27 transition: server02 FailingOver → Active: failover done in 269 ms\n"
             "  15.27 completed: failover to server02 done in 269 ms, epoch 2\n"
             "  15.27 transition: server01 Degraded → Standby: all that was asked is ok\n"
             "  17.00 probe: smtp unknown → ok: answered\n");
    tear_down();
}
END_TEST

START_TEST(a_dead_primary_is_fenced_and_failed_back_to_when_it_is_well_again)
{
    set_up();
    params[0] = (struct world_pair){"unconfirmed", "fence"};
    site.n_params = 1;
    serving(0);
    start();
    sim_run(sim, 10000);
    inject(SIM_CRASH, SIM_NODE, SIM_NOWHERE);
    sim_run(sim, 40000);
    ck_has("fence");
    ck_assert_int_eq(controller_group(controller)->holder, 1);
    inject(SIM_RECOVER, SIM_NODE, SIM_NOWHERE); /* boots with nothing running */
    sim_run(sim, 120000);
    ck_has("server01 FailingBack → Active");
    ck_assert_int_eq(controller_group(controller)->holder, 0);
    ck_assert_int_eq(controller_group(controller)->epoch, 3);
    tear_down();
}
END_TEST

START_TEST(a_cut_off_primary_is_never_assumed_dead)
{
    normal();
    inject(SIM_CUT, SIM_CONTROLLER, SIM_NODE); /* it serves on, unseen */
    sim_run(sim, 120000);
    ck_has("server01 is not confirmed out");
    ck_assert_int_eq(controller_group(controller)->holder, 0);
    ck_assert_int_eq(controller_group(controller)->hold, GROUP_HOLD_UNCONFIRMED);
    inject(SIM_MEND, SIM_CONTROLLER, SIM_NODE);
    sim_run(sim, 180000);
    ck_assert_int_eq(controller_group(controller)->hold, GROUP_HOLD_NONE);
    ck_assert_int_eq(controller_group(controller)->node[0].state, FSM_ACTIVE);
    tear_down();
}
END_TEST

START_TEST(a_remedy_is_tried_before_the_holder_is_given_up)
{
    set_up();
    params[0] = (struct world_pair){"restarts", "1"};
    site.n_params = 1;
    serving(0);
    start();
    sim_run(sim, 10000);
    service_dies(0);
    sim_run(sim, 20000);
    ck_has("remedy begins: here → server01: smtp failed, ssh works");
    ck_assert_int_eq(controller_group(controller)->holder, 0);
    ck_assert_int_eq(controller_group(controller)->node[0].state, FSM_ACTIVE);
    ck_assert(sim_thing(&sim->node[0], "service")->up);
    tear_down();
}
END_TEST

START_TEST(a_full_disk_touches_nothing_and_loses_no_record)
{
    normal();
    sim->seat[0].disk_full = true;
    service_dies(0);
    sim_run(sim, 40000);
    ck_has("the journal can't be written, so nothing is moved");
    ck_assert(sim_thing(&sim->node[0], "address")->up);
    sim->seat[0].disk_full = false;
    sim_run(sim, 60000);
    ck_assert_int_eq(controller_group(controller)->holder, 1);
    ck_assert_int_eq(sim->seat[0].records, controller_group(controller)->seq);
    tear_down();
}
END_TEST

START_TEST(a_controller_that_ends_in_mid_write_loses_no_record)
{
    int64_t seq;

    normal();
    service_dies(0);
    sim->record_ms = 500;
    sim_run(sim, 15200); /* the failover has begun, its records are under way */
    seq = controller_group(controller)->seq;
    ck_assert_int_lt(controller_group(controller)->recorded_seq, seq);
    controller_free(controller);
    controller = NULL;
    sim_run(sim, 20000);
    ck_assert_int_eq(sim->seat[0].records, seq);
    tear_down();
}
END_TEST

/* The policy goes wild in the very moment when it would be needed. */
static void goes_wild(const char *how, const char *what)
{
    struct baton_error error;
    struct policy *good;

    set_up();
    params[0] = (struct world_pair){how, "true"};
    site.n_params = 1;
    serving(0);
    start();
    sim_run(sim, 10000);
    service_dies(0);
    sim_run(sim, 30000);
    ck_has("hold: ");
    ck_has("mail.lua:");
    ck_has(what);
    ck_assert_int_eq(controller_group(controller)->hold, GROUP_HOLD_POLICY);
    ck_assert_int_eq(controller_group(controller)->holder, 0);
    ck_assert_msg(sim_thing(&sim->node[0], "address")->up, "the node was touched\n%s", sim->trace);
    site.n_params = 0;
    good = load(mail_lua, &error);
    ck_assert_msg(good != NULL, "%s", error.text);
    ck_assert_int_eq(controller_reload(controller, good, &error), BATON_OK);
    sim_run(sim, 60000);
    ck_assert_int_eq(controller_group(controller)->holder, 1);
    tear_down();
}

START_TEST(a_policy_that_loops_for_ever_holds_its_group_until_a_better_one_comes)
{
    goes_wild("loops", "instructions");
}
END_TEST

START_TEST(a_policy_that_eats_memory_holds_its_group_until_a_better_one_comes)
{
    goes_wild("grows", "memory");
}
END_TEST

START_TEST(a_hook_vetoes_a_planned_move)
{
    struct baton_error error;

    normal();
    sim->veto = true;
    ck_assert_int_eq(
        controller_command(controller, GROUP_CMD_FAILOVER, 1, false, "root", "patch day", &error),
        BATON_OK);
    sim_run(sim, 12000);
    ck_has("vetoed by a before-move hook: 10-backup: a backup is running");
    ck_assert_int_eq(controller_group(controller)->holder, 0);
    tear_down();
}
END_TEST

START_TEST(why_says_what_blocks_a_move_and_when_it_would_clear)
{
    struct controller_why why[16];
    int n, i;
    bool told = false;

    normal();
    n = controller_why(controller, why, 16);
    ck_assert_int_eq(n, 2); /* server02, over and back */
    for (i = 0; i < n; i++) {
        told = told || (why[i].node == 1 && why[i].to == FSM_FAILING_OVER &&
                        why[i].answer == GROUP_NO && strlen(why[i].why) > 5);
    }
    ck_assert(told);
    tear_down();
}
END_TEST

START_TEST(a_policy_is_reloaded_without_losing_state)
{
    struct baton_error error;
    struct policy *policy;

    normal();
    policy = load(mail_lua, &error);
    ck_assert(policy != NULL);
    ck_assert_int_eq(controller_reload(controller, policy, &error), BATON_OK);
    ck_assert_int_eq(controller_group(controller)->node[0].state, FSM_ACTIVE);
    ck_assert_int_eq(controller_group(controller)->epoch, 1);
    sim_run(sim, 20000);
    ck_assert_int_eq(controller_group(controller)->node[0].state, FSM_ACTIVE);
    ck_assert_msg(sim->trace_len == 0, "%s", sim->trace);
    tear_down();
}
END_TEST

/* What comes through a shadow, and what looks say that is kept. */
static struct {
    int acting, looks;
} heard;

static void listen(void *arg, const struct sim_told *told)
{
    (void)arg;
    if (told->kind == SIM_TOLD_REQUEST && shadow_stops(told->asked)) {
        heard.acting++;
    } else if (told->kind == SIM_TOLD_OBSERVED && strcmp(told->probe, CONTROLLER_SERVING) == 0) {
        heard.looks++;
    }
}

START_TEST(in_shadow_all_is_said_and_nothing_done)
{
    struct baton_error error;

    memset(&heard, 0, sizeof heard);
    set_up();
    sim->told = listen;
    ck_assert_int_eq(shadow_new(sim_door(sim, SIM_CONTROLLER), &shadow, &error), BATON_OK);
    serving(0);
    start();
    sim_run(sim, 10000);
    ck_assert_int_eq(controller_group(controller)->node[1].state, FSM_STANDBY);
    service_dies(0);
    sim_run(sim, 60000);
    ck_has("would have failed over from server01 to server02, epoch 2: server01 unfit for 2 s");
    ck_has("would run on server01 (address.down): ip del");
    ck_assert_int_eq(heard.acting, 0);
    ck_assert(sim_thing(&sim->node[0], "address")->up);
    ck_assert(!sim_thing(&sim->node[1], "address")->up);
    sim_thing(&sim->node[0], "address")->up = false; /* by what is in charge */
    sim_thing(&sim->node[1], "address")->up = sim_thing(&sim->node[1], "service")->up = true;
    sim_changed(sim);
    sim_run(sim, 70000);
    ck_assert_int_eq(controller_group(controller)->holder, 1);
    ck_assert_int_eq(controller_group(controller)->node[1].state, FSM_ACTIVE);
    ck_assert_int_eq(heard.acting, 0);
    tear_down();
}
END_TEST

START_TEST(what_looks_see_is_kept_when_it_changes_and_once_a_minute)
{
    memset(&heard, 0, sizeof heard);
    set_up();
    sim->told = listen;
    serving(0);
    start();
    sim_run(sim, 59000);
    ck_assert_int_eq(heard.looks, 2); /* of two nodes, once */
    sim_run(sim, 299000);
    ck_assert_int_eq(heard.looks, 10);
    inject(SIM_CRASH, SIM_NODE + 1, SIM_NOWHERE);
    sim_run(sim, 310000);
    ck_assert_int_eq(heard.looks, 10 + 1 + 1); /* server02 can't say; and server01's minute */
    tear_down();
}
END_TEST

START_TEST(the_same_story_gives_the_same_trace)
{
    char *first;

    normal();
    inject(SIM_CRASH, SIM_NODE, SIM_NOWHERE);
    sim_run(sim, 60000);
    first = strdup(sim->trace);
    tear_down();
    normal();
    inject(SIM_CRASH, SIM_NODE, SIM_NOWHERE);
    sim_run(sim, 60000);
    ck_assert_str_eq(sim->trace, first);
    free(first);
    tear_down();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("controller");
    SRunner *runner = srunner_create(suite);
    TCase *tc = tcase_create("stories");
    int failed;

    tcase_set_timeout(tc, 60);
    suite_add_tcase(suite, tc);
    tcase_add_test(tc, the_service_dies_and_the_standby_takes_over);
    tcase_add_test(tc, a_dead_primary_is_fenced_and_failed_back_to_when_it_is_well_again);
    tcase_add_test(tc, a_cut_off_primary_is_never_assumed_dead);
    tcase_add_test(tc, in_shadow_all_is_said_and_nothing_done);
    tcase_add_test(tc, what_looks_see_is_kept_when_it_changes_and_once_a_minute);
    tcase_add_test(tc, a_remedy_is_tried_before_the_holder_is_given_up);
    tcase_add_test(tc, a_full_disk_touches_nothing_and_loses_no_record);
    tcase_add_test(tc, a_controller_that_ends_in_mid_write_loses_no_record);
    tcase_add_test(tc, a_policy_that_loops_for_ever_holds_its_group_until_a_better_one_comes);
    tcase_add_test(tc, a_policy_that_eats_memory_holds_its_group_until_a_better_one_comes);
    tcase_add_test(tc, a_hook_vetoes_a_planned_move);
    tcase_add_test(tc, why_says_what_blocks_a_move_and_when_it_would_clear);
    tcase_add_test(tc, a_policy_is_reloaded_without_losing_state);
    tcase_add_test(tc, the_same_story_gives_the_same_trace);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
