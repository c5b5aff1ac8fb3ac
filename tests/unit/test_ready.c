/* Readiness all the time: when checks are made, what is believed, and what is told of it. */
#include "controller/controller.h"
#include "world/sim/sim.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVERY_MS 60000

static const char policy_lua[] =
    "local start = action { name = 'start', effect = 'service.start', run = function(node)\n"
    "  return node:exec { command = { 'start' }, effect = 'service.start' } end,\n"
    "  look = function(node) return node:exec { command = { 'is' }, asks = 'service.up' } end }\n"
    "local stop = action { name = 'stop', deadline = 60, run = function(node)\n"
    "  sleep(30) return node:exec { command = { 'stop' }, effect = 'service.stop' } end }\n"
    "local function asks(thing) return function(node)\n"
    "  return node:exec { command = { 'ask', thing }, asks = thing .. '.up' } end end\n"
    "return policy { probes = {}, start = { start }, stop = { stop }, settle = 1,\n"
    "  transitions = {},\n"
    "  checks = { check { name = 'disk', title = 'the disk is there', run = asks 'disk', advice = "
    "'plug it in' },\n"
    "    check { name = 'fan', title = 'the fan turns', run = asks 'fan' } } }\n";

static struct sim *sim;
static struct controller *controller;
static struct policy_site site;
static char story[8192];
static int facts; /* times that a fact was asked for */

static enum baton_err read_module(
    void *arg, const char *name, char **text, size_t *len, char *file, size_t file_size,
    struct baton_error *error)
{
    FILE *f;

    (void)arg;
    snprintf(file, file_size, SOURCE_DIR "/lua/%s.lua", name);
    f = fopen(file, "rb");
    if (f == NULL) {
        return baton_fail(error, BATON_NOT_FOUND, "%s: no such module", file);
    }
    *text = malloc(1 << 16);
    *len = fread(*text, 1, 1 << 16, f);
    fclose(f);
    return BATON_OK;
}

static struct policy *load(void)
{
    struct policy_source source = {
        .file = "test.lua",
        .text = policy_lua,
        .len = sizeof policy_lua - 1,
        .read = read_module,
    };
    struct policy *policy = NULL;
    struct baton_error error = {0};

    policy_new(&source, &site, NULL, sim_door(sim, SIM_CONTROLLER), &policy, &error);
    ck_assert_msg(policy != NULL, "%s", error.text);
    return policy;
}

static void on_news(void *arg, const struct controller *from, const struct controller_news *news)
{
    size_t used = strlen(story);

    (void)arg;
    if (news->kind == CONTROLLER_NOTICE &&
        (news->notice == GROUP_NOTICE_READY || news->notice == GROUP_NOTICE_UNREADY)) {
        snprintf(
            story + used, sizeof story - used, "[%s] %s: %s\n", group_notice_name(news->notice),
            news->node == GROUP_NOBODY ? "-" : group_node_name(controller_group(from), news->node),
            news->text);
    }
}

static void on_fact(void *arg, enum readiness_fact fact, struct readiness_word *word)
{
    (void)arg;
    (void)fact;
    facts++;
    word->outcome = GROUP_OK;
    snprintf(word->detail, sizeof word->detail, "fine");
}

static struct sim_thing *thing(int node, const char *name)
{
    return sim_thing(&sim->node[node], name);
}

static void set_up(void)
{
    struct baton_error error;

    ck_assert_int_eq(sim_new(1, &sim, &error), BATON_OK);
    sim_add_node(sim, "server01", "10.9.0.1");
    sim_add_node(sim, "server02", "10.9.0.2");
    sim_moves_with_baton(sim, "service");
    sim_serves_at_start(sim, 0);
    memset(&site, 0, sizeof site);
    site.group = "mail";
    site.n_nodes = 2;
    site.node[0] = (struct policy_node_site){"server01", "10.9.0.1", "ssh", 1};
    site.node[1] = (struct policy_node_site){"server02", "10.9.0.2", "ssh", 2};
    story[0] = '\0';
    facts = 0;
}

static void start(int64_t every_ms)
{
    struct controller_setup setup = {
        .name = "mail",
        .n_nodes = 2,
        .world = sim_door(sim, SIM_CONTROLLER),
        .memory = {.holder = GROUP_NOBODY},
        .ready_every_ms = every_ms,
        .drilled_ms = sim_door(sim, SIM_CONTROLLER)->ops->wall_ms(sim_door(sim, SIM_CONTROLLER)),
        .fact = on_fact,
        .news = on_news,
    };
    struct baton_error error = {BATON_OK, ""};

    snprintf(setup.node[0].name, sizeof setup.node[0].name, "server01");
    snprintf(setup.node[1].name, sizeof setup.node[1].name, "server02");
    setup.node[0].priority = 1;
    setup.node[1].priority = 2;
    setup.policy = load();
    ck_assert_msg(controller_new(&setup, &controller, &error) == BATON_OK, "%s", error.text);
}

static void tear_down(void)
{
    controller_free(controller);
    controller = NULL;
    sim_run(sim, sim->now_ms + 1000);
    sim_free(sim);
}

static void pass(int64_t ms)
{
    sim_run(sim, sim->now_ms + ms);
}

static void tells(const char *wanted)
{
    ck_assert_msg(strcmp(story, wanted) == 0, "told was:\n%sand not:\n%s", story, wanted);
    story[0] = '\0';
}

static struct readiness_sum sum(void)
{
    return readiness_sum(controller_readiness(controller));
}

/* ------------------------------------------------------------------------------------------- */

START_TEST(none_where_none_is_wanted)
{
    start(0);
    pass(120000);
    ck_assert_ptr_null(controller_readiness(controller));
    ck_assert_int_eq(facts, 0);
}
END_TEST

START_TEST(each_is_made_soon_after_the_start)
{
    start(EVERY_MS);
    pass(4900);
    ck_assert_int_eq(sum().asked, 0);
    pass(10000);
    ck_assert_int_eq(sum().count, 7);
    ck_assert_int_eq(sum().ok, 7);
    tells(""); /* that all is well at the start is no news */
}
END_TEST

START_TEST(and_then_within_the_time_that_is_set)
{
    int64_t first_ms;

    start(EVERY_MS);
    pass(15000);
    first_ms = readiness_item(controller_readiness(controller), 3)->at_ms;
    facts = 0;
    pass(EVERY_MS);
    ck_assert_int_gt(readiness_item(controller_readiness(controller), 3)->at_ms, first_ms);
    ck_assert_int_eq(facts, 2); /* once each; the drill is the controller's own */
}
END_TEST

START_TEST(what_is_not_so_at_the_start_is_told_once)
{
    thing(1, "disk")->up = false;
    thing(1, "fan")->up = false;
    start(EVERY_MS);
    pass(15000);
    tells("[unready] server02: the disk is there: no: disk.up: no; 5 of 7 are so\n");
    pass(EVERY_MS * 3);
    tells("");
}
END_TEST

START_TEST(what_changes_is_told_when_it_was_seen_twice)
{
    start(EVERY_MS);
    pass(15000);
    thing(1, "disk")->up = false;
    pass(EVERY_MS + 20000);
    tells("[unready] server02: the disk is there: no: disk.up: no; 6 of 7 are so\n");
    thing(0, "fan")->up = false;
    pass(EVERY_MS + 20000);
    tells("[unready] server01: the fan turns: no: fan.up: no; 5 of 7 are so\n");
    thing(1, "disk")->up = true;
    pass(EVERY_MS + 20000);
    tells(""); /* one is left */
    thing(0, "fan")->up = true;
    pass(EVERY_MS + 20000);
    tells("[ready] server01: ready: all 7 checks are so\n");
}
END_TEST

START_TEST(a_blink_is_not_believed)
{
    int i;

    start(EVERY_MS);
    pass(15000);
    thing(1, "disk")->up = false;
    for (i = 0; i < 1000 && sum().fail == 0; i++) {
        pass(100);
    }
    ck_assert_int_eq(sum().fail, 1);
    thing(1, "disk")->up = true;
    pass(EVERY_MS * 2);
    ck_assert_int_eq(sum().fail, 0);
    tells("");
}
END_TEST

START_TEST(a_move_has_the_nodes_for_itself_and_is_a_drill)
{
    struct baton_error error;
    int64_t at_ms;
    int i;

    start(EVERY_MS);
    pass(15000);
    ck_assert_int_eq(
        controller_command(controller, GROUP_CMD_FAILOVER, 1, false, "test", NULL, &error),
        BATON_OK);
    pass(200); /* what was being asked ends */
    at_ms = sim->now_ms;
    pass(25000);
    ck_assert_int_eq(controller_group(controller)->holder, 0);
    for (i = 0; i < 7; i++) {
        ck_assert_int_le(readiness_item(controller_readiness(controller), i)->at_ms, at_ms);
    }
    pass(20000);
    ck_assert_int_eq(controller_group(controller)->holder, 1);
    ck_assert_int_ge(readiness_item(controller_readiness(controller), 6)->at_ms, at_ms);
    ck_assert_str_eq(readiness_item(controller_readiness(controller), 6)->name, "drill");
    ck_assert_str_eq(readiness_item(controller_readiness(controller), 6)->detail, "0 h ago");
}
END_TEST

START_TEST(a_reload_begins_anew)
{
    struct baton_error error = {0};

    start(EVERY_MS);
    pass(15000);
    ck_assert_msg(controller_reload(controller, load(), &error) == BATON_OK, "%s", error.text);
    ck_assert_int_eq(sum().asked, 0);
    pass(15000);
    ck_assert_int_eq(sum().ok, 7);
    controller_ready_every(controller, 0);
    ck_assert_ptr_null(controller_readiness(controller));
    controller_ready_every(controller, EVERY_MS);
    pass(15000);
    ck_assert_int_eq(sum().ok, 7);
}
END_TEST

START_TEST(ends_in_the_middle)
{
    start(EVERY_MS);
    pass(6100);
    ck_assert_int_gt(sum().asked, 0);
    ck_assert_int_lt(sum().asked, 7);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ready");
    TCase *tcase = tcase_create("ready");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, none_where_none_is_wanted);
    tcase_add_test(tcase, each_is_made_soon_after_the_start);
    tcase_add_test(tcase, and_then_within_the_time_that_is_set);
    tcase_add_test(tcase, what_is_not_so_at_the_start_is_told_once);
    tcase_add_test(tcase, what_changes_is_told_when_it_was_seen_twice);
    tcase_add_test(tcase, a_blink_is_not_believed);
    tcase_add_test(tcase, a_move_has_the_nodes_for_itself_and_is_a_drill);
    tcase_add_test(tcase, a_reload_begins_anew);
    tcase_add_test(tcase, ends_in_the_middle);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
