/* The explorer: it finds what bad policies do, writes it as a scenario that fails in the same
 * way, and finds nothing in the shipped ones. */
#include "daemon/stage.h"
#include "explore/explore.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) ((int)(sizeof(a) / sizeof(a)[0]))

/* ---- The stage ---------------------------------------------------------------------------- */

static struct policy_site two_nodes(void)
{
    return (struct policy_site){
        .group = "mail",
        .floating = "10.9.0.100/24",
        .interface = "eth0",
        .share = "/srv/mail",
        .gateway = "10.9.0.254",
        .n_nodes = 2,
        .node = {
            {"server01", "10.9.0.1", "ssh", 1},
            {"server02", "10.9.0.2", "ssh", 2},
        }};
}

/* A Baton on each, as the first one sees it. */
static struct policy_site peer_nodes(int n_nodes)
{
    struct policy_site site = two_nodes();

    site.self = site.node[0].name;
    site.n_nodes = n_nodes;
    site.node[0].transport = "local";
    site.node[1].transport = "peer";
    site.node[2] = (struct policy_node_site){"server03", "10.9.0.3", "peer", 3};
    return site;
}

static struct stage *stage;
static struct baton_error error;
static struct explore_result result;

static void open_stage(const char *file, const struct policy_site *site)
{
    static char path[512]; /* the stage keeps it */

    snprintf(path, sizeof path, SOURCE_DIR "/%s", file);
    if (stage_open_policy(
            path, SOURCE_DIR "/lua", &(struct policy_limits){0}, site, &stage, &error) !=
        BATON_OK) {
        ck_abort_msg("%s: %s", file, error.text);
    }
}

/* With two workers unless the set-up says more. */
static enum baton_err look_for(struct explore_setup setup)
{
    setup.jobs = setup.jobs == 0 ? 2 : setup.jobs;
    stage_setup(stage, &setup.run);
    explore_result_fini(&result);
    return explore(&setup, &result, &error);
}

static void explore_bad(const char *name, struct explore_setup setup)
{
    struct policy_site site = two_nodes();
    char file[256];

    snprintf(file, sizeof file, "tests/policy/bad/%s.lua", name);
    open_stage(file, &site);
    if (look_for(setup) != BATON_OK) {
        ck_abort_msg("%s: %s", name, error.text);
    }
}

static void close_stage(void)
{
    explore_result_fini(&result);
    stage_close(stage);
    stage = NULL;
}

/* Read the scenario anew and play it, as `baton simulate` does; its error says what failed. */
static void replay_for(struct policy_site site)
{
    const char *text = result.failure.scenario;
    struct run_setup setup = {.seed = 1};
    struct scenario *scenario = NULL;
    struct run *run = NULL;

    ck_assert_msg(
        scenario_read("found.lua", text, strlen(text), &site, &scenario, &error) == BATON_OK,
        "%s\n%s", error.text, text);
    stage_setup(stage, &setup);
    setup.scenario = scenario;
    ck_assert_int_eq(run_new(&setup, &run, &error), BATON_OK);
    ck_assert_msg(run_scenario(run, &error) != BATON_OK, "it does not fail:\n%s", text);
    run_free(run);
    scenario_free(scenario);
}

static void replay(void)
{
    replay_for(two_nodes());
}

/* ---- Bad policies -----------------------------------------------------------------------------
 */

static const struct bad {
    const char *name;
    int faults; /* so many it takes */
    enum explore_failure_kind kind;
    const char *text;  /* part of what the explorer says */
    const char *error; /* part of what the scenario's replay says */
} bads[] = {
    {"no-fencing", 1, EXPLORE_TWO_SERVE, "two nodes serve: server01 and server02",
     "two nodes serve"},
    {"start-before-stop", 1, EXPLORE_TWO_SERVE, "two nodes serve: server01 and server02",
     "two nodes serve"},
    {"no-hysteresis", 1, EXPLORE_RESTLESS, "after only 1 fault: 3 unplanned moves", "hold"},
    {"failback-too-eager", 1, EXPLORE_RESTLESS, "the baton moved 5 times for 1 fault", "moves"},
    /* C drops the steps of an older epoch, and stops who serves without the baton; but what a
     * probe does on a node it sees only when it is done. */
    {"ignores-the-epoch", 1, EXPLORE_TWO_SERVE, "two nodes serve: server01 and server02",
     "two nodes serve"},
    {"fences-the-wrong-node", 1, EXPLORE_LOST_DATA, "server02.power.off was done to server02",
     "not to be said"},
    /* C ends each attempt at its deadline, undoes the start and tries elsewhere. */
    {"waits-for-ever", 1, EXPLORE_FAILED_MOVE, "a move to server01 failed",
     "no move that is undone"},
    {"starts-the-wrong-unit", 1, EXPLORE_FAILED_MOVE, "a move to server02 failed",
     "no move that is undone"},
    {"verifies-the-wrong-node", 1, EXPLORE_FAILED_MOVE, "a move to server02 failed",
     "no move that is undone"},
    {"forgets-the-address", 1, EXPLORE_TWO_SERVE, "two nodes serve: server01 and server02",
     "two nodes serve"},
    {"believes-itself", 1, EXPLORE_NOT_SERVED, "nobody serves for", "outage"},
    {"believes-its-fence", 2, EXPLORE_TWO_SERVE, "two nodes serve: server01 and server02",
     "two nodes serve"},
    {"burns-its-budget", 1, EXPLORE_BROKEN, "burns-its-budget.lua:9: used up its budget",
     "burns-its-budget.lua:9"},
};

START_TEST(a_bad_policy_is_found_and_its_scenario_fails_likewise)
{
    const struct bad *bad = &bads[_i];

    explore_bad(bad->name, (struct explore_setup){.faults = bad->faults});
    ck_assert_msg(result.failed, "%s: nothing found", bad->name);
    ck_assert_msg(
        result.failure.kind == bad->kind, "%s: %s: %s", bad->name,
        explore_failure_name(result.failure.kind), result.failure.text);
    ck_assert_msg(
        strstr(result.failure.text, bad->text) != NULL, "%s: %s", bad->name, result.failure.text);
    ck_assert_msg(result.failure.replays, "%s:\n%s", bad->name, result.failure.scenario);
    replay();
    ck_assert_msg(
        strstr(error.text, bad->error) != NULL, "%s: %s\n%s", bad->name, error.text,
        result.failure.scenario);
    close_stage();
}
END_TEST

/* Two faults at once are tried only where one alone does no harm. */
START_TEST(what_takes_two_faults_is_not_found_with_one)
{
    explore_bad("believes-its-fence", (struct explore_setup){.faults = 1});
    ck_assert(!result.failed);
    ck_assert(result.complete);
    close_stage();
}
END_TEST

/* Treating unknown as failed would move the service when only the way to the holder is cut.
 * C does not let it: who can't be seen out is not out, so the group holds and an operator
 * decides. Nothing is found, and there are runs that wait. */
START_TEST(that_unknown_is_taken_for_failed_is_harmless_by_c)
{
    explore_bad("unknown-is-failed", (struct explore_setup){.faults = 1});
    ck_assert_msg(!result.failed, "%s", result.failure.text);
    ck_assert_int_gt(result.waits, 0);
    close_stage();
}
END_TEST

/* A move without a handover is no edge of the machine: C does not load such a policy. */
START_TEST(an_edge_that_the_machine_does_not_have_is_refused_by_c)
{
    struct policy_site site = two_nodes();

    open_stage("tests/policy/bad/no-such-edge.lua", &site);
    ck_assert_int_eq(look_for((struct explore_setup){.faults = 1}), BATON_INVALID);
    ck_assert_msg(
        strstr(error.text, "no-such-edge.lua:12:") != NULL && strstr(error.text, "Active") != NULL,
        "%s", error.text);
    close_stage();
}
END_TEST

/* ---- Shipped policies ------------------------------------------------------------------------ */

static const struct shipped {
    const char *file;
    struct world_pair set[3];
    int n_sets;
} shippeds[] = {
    {"policies/postfix-floating-ip.lua", {{0}}, 0},
    {"policies/postfix-floating-ip.lua", {{"standby", "cold"}}, 1},
    {"policies/postfix-floating-ip.lua", {{"unconfirmed", "fence"}}, 1},
    {"policies/postfix-floating-ip.lua", {{"failback_after", "5"}, {"restarts", "0"}}, 2},
    {"policies/generic-service.lua", {{"unit", "licensed.service"}, {"port", "7000"}}, 2},
    {"policies/generic-service.lua", {{"unit", "a.service"}, {"unconfirmed", "fence"}}, 2},
    {"policies/smartermail-linux.lua", {{0}}, 0},
    {"policies/smartermail-linux.lua", {{"unconfirmed", "fence"}, {"restarts", "0"}}, 2},
    {"policies/smartermail-nlb.lua", {{0}}, 0},
    {"policies/smartermail-nlb.lua", {{"unconfirmed", "fence"}, {"order", "service-first"}}, 2},
};

static void explore_shipped(const struct shipped *shipped, struct explore_setup setup)
{
    struct policy_site site = two_nodes();

    site.param = shipped->set;
    site.n_params = shipped->n_sets;
    if (strstr(shipped->file, "nlb") != NULL) {
        site.interface = NULL;
        site.share = "\\\\NAS01\\SmarterMail";
        site.node[0].transport = site.node[1].transport = "winrm";
    }
    open_stage(shipped->file, &site);
    if (look_for(setup) != BATON_OK) {
        ck_abort_msg("%s: %s", shipped->file, error.text);
    }
    ck_assert_msg(
        !result.failed, "%s: %s\n%s", shipped->file, result.failure.text, result.failure.scenario);
    ck_assert(result.complete);
    stage_close(stage);
}

START_TEST(nothing_is_found_in_a_shipped_policy)
{
    bool longer = getenv("BATON_TEST_LONG") != NULL;

    explore_shipped(
        &shippeds[_i], (struct explore_setup){
                           .faults = longer ? 2 : 1, .seeds = longer ? 2000 : 20, .first_seed = 1});
    ck_assert_int_gt(result.done.runs, 200);
    ck_assert_int_gt(result.waits, 0);
    explore_result_fini(&result);
}
END_TEST

/* ---- Among peers -------------------------------------------------------------------------------
 */

static const struct {
    int n_nodes;
    bool failsafe;
    struct shipped shipped;
} peer_groups[] = {
    {2, false, {"policies/postfix-floating-ip.lua", {{0}}, 0}},
    {2, false, {"policies/postfix-floating-ip.lua", {{"standby", "cold"}}, 1}},
    {2, true, {"policies/postfix-floating-ip.lua", {{"unconfirmed", "fence"}}, 1}},
    {3, false, {"policies/postfix-floating-ip.lua", {{0}}, 0}},
    {3, true, {"policies/postfix-floating-ip.lua", {{"unconfirmed", "fence"}}, 1}},
    {2, true, {"policies/generic-service.lua", {{"unit", "a.service"}, {"port", "7000"}}, 2}},
    {2, false, {"policies/generic-service.lua", {{"unit", "a.service"}}, 1}},
};

static void open_peers(int i, struct policy_site *site, bool guardian)
{
    *site = peer_nodes(peer_groups[i].n_nodes);
    site->param = peer_groups[i].shipped.set;
    site->n_params = peer_groups[i].shipped.n_sets;
    open_stage(peer_groups[i].shipped.file, site);
    stage->peers = (struct run_peers){
        .times = lease_times_default(), .guardian = guardian, .failsafe = peer_groups[i].failsafe};
}

START_TEST(nothing_is_found_in_a_shipped_policy_among_peers)
{
    bool longer = getenv("BATON_TEST_LONG") != NULL;
    struct policy_site site;

    open_peers(_i, &site, true);
    if (look_for((struct explore_setup){
            .faults = longer && site.n_nodes == 2 ? 2 : 1,
            .seeds = longer ? 2000 : 20,
            .first_seed = 1}) != BATON_OK) {
        ck_abort_msg("%s", error.text);
    }
    ck_assert_msg(!result.failed, "%s\n%s", result.failure.text, result.failure.scenario);
    ck_assert(result.complete);
    ck_assert_int_gt(result.done.runs, 400);
    close_stage();
}
END_TEST

/* A Baton that hangs stops nothing: that takes a guardian. */
START_TEST(without_guardians_two_serve)
{
    struct policy_site site;

    open_peers(0, &site, false);
    ck_assert_int_eq(look_for((struct explore_setup){.faults = 1}), BATON_OK);
    ck_assert(result.failed);
    ck_assert_int_eq(result.failure.kind, EXPLORE_TWO_SERVE);
    ck_assert_msg(strstr(result.failure.scenario, "hang") != NULL, "%s", result.failure.scenario);
    ck_assert(result.failure.replays);
    replay_for(peer_nodes(2));
    ck_assert_msg(strstr(error.text, "two nodes serve") != NULL, "%s", error.text);
    close_stage();
}
END_TEST

/* ---- How it looks ------------------------------------------------------------------------------
 */

START_TEST(pruning_hides_nothing)
{
    static const struct bad *const some[] = {&bads[0], &bads[3], &bads[7], &bads[10], &bads[11]};
    struct explore_failure pruned;
    int i;

    for (i = 0; i < COUNT(some); i++) {
        explore_bad(some[i]->name, (struct explore_setup){.faults = some[i]->faults});
        ck_assert(result.failed);
        pruned = result.failure;
        result.failure.scenario = NULL;
        stage_close(stage);
        explore_bad(
            some[i]->name, (struct explore_setup){.faults = some[i]->faults, .unpruned = true});
        ck_assert_int_eq(result.done.pruned, 0);
        ck_assert_int_eq(result.failure.kind, pruned.kind);
        ck_assert_str_eq(result.failure.text, pruned.text);
        ck_assert_str_eq(result.failure.scenario, pruned.scenario);
        free(pruned.scenario);
        close_stage();
    }
    explore_shipped(&shippeds[0], (struct explore_setup){.faults = 1, .unpruned = true});
    ck_assert_int_eq(result.done.pruned, 0);
    explore_result_fini(&result);
}
END_TEST

/* All that is printed, but for the time. */
static void print(char *text, size_t size)
{
    snprintf(
        text, size, "%lld %lld %lld %lld %lld %d\n%s\n%s", (long long)result.done.runs,
        (long long)result.done.states, (long long)result.done.pruned, (long long)result.points,
        (long long)result.waits, result.failure.faults, result.failure.text,
        result.failure.scenario != NULL ? result.failure.scenario : "");
}

START_TEST(the_number_of_workers_changes_nothing)
{
    static char one[8192], three[8192];
    struct explore_setup setup = {.faults = 2, .seeds = 40, .first_seed = 1, .jobs = 1};

    explore_bad("believes-its-fence", setup);
    print(one, sizeof one);
    setup.jobs = 3;
    ck_assert_int_eq(look_for(setup), BATON_OK);
    print(three, sizeof three);
    ck_assert_str_eq(one, three);
    close_stage();

    setup = (struct explore_setup){.faults = 1, .seeds = 40, .first_seed = 5, .jobs = 1};
    explore_shipped(&shippeds[0], setup);
    print(one, sizeof one);
    setup.jobs = 3;
    explore_shipped(&shippeds[0], setup);
    print(three, sizeof three);
    ck_assert_str_eq(one, three);
    explore_result_fini(&result);
}
END_TEST

START_TEST(a_random_failure_is_found_again_by_its_seed_alone)
{
    struct explore_setup setup = {.seeds = 200, .first_seed = 1};
    struct explore_failure first;

    explore_bad("ignores-the-epoch", setup);
    ck_assert(result.failed);
    ck_assert(result.failure.replays);
    first = result.failure;
    result.failure.scenario = NULL;
    ck_assert_int_gt(first.seed, 0);
    setup.seeds = 1;
    setup.first_seed = first.seed;
    ck_assert_int_eq(look_for(setup), BATON_OK);
    ck_assert_str_eq(result.failure.text, first.text);
    ck_assert_str_eq(result.failure.scenario, first.scenario);
    replay();
    free(first.scenario);
    close_stage();
}
END_TEST

START_TEST(it_ends_when_it_is_told_to)
{
    static volatile sig_atomic_t stop = 1;

    explore_bad("believes-its-fence", (struct explore_setup){.faults = 2, .stop = &stop});
    ck_assert(result.interrupted);
    ck_assert(!result.complete);
    ck_assert(!result.failed);
    ck_assert_int_eq(
        look_for((struct explore_setup){.faults = 4, .seeds = 1000000, .time_ms = 1}), BATON_OK);
    ck_assert(!result.complete);
    ck_assert(!result.interrupted);
    close_stage();
}
END_TEST

START_TEST(the_bound_comes_from_the_rules)
{
    struct policy_table *table = calloc(1, sizeof *table);
    int64_t least;

    ck_assert_ptr_nonnull(table);
    table->rules.n_probes = 1;
    table->rules.probe[0].fall = 3;
    table->rules.probe[0].rise = 2;
    table->probe[0].every_ms = 2000;
    table->probe[0].timeout_ms = 1000;
    table->look_every_ms = 2000;
    table->rules.look_fall = 3;
    table->rules.look_deadline_ms = 5000;
    table->rules.settle_ms = 10000;
    least = 9000 + 8000 + 5000 + 2 * 10000 + 2 * 15000 + 30000 + group_start_rest_ms(0);
    ck_assert_int_eq(explore_bound_ms(table, NULL), least);
    table->rules.list[GROUP_LIST_START].count = 1;
    table->rules.list[GROUP_LIST_START].action[0] =
        (struct group_action_rules){.deadline_ms = 10000, .attempts = 2, .retry_ms = 1000};
    ck_assert_int_eq(explore_bound_ms(table, NULL), least + 2 * 21000);
    table->rules.n_remedies = 1;
    table->rules.remedy[0] = (struct group_remedy_rules){
        .attempts_max = 3, .action = {.deadline_ms = 15000, .attempts = 1}};
    ck_assert_int_eq(explore_bound_ms(table, NULL), least + 2 * 21000 + 45000);
    ck_assert_int_eq(
        explore_bound_ms(table, &(struct run_peers){.times = lease_times_default()}),
        least + 2 * 21000 + 45000 + 2 * 10000);
    free(table);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("explore");
    TCase *bad = tcase_create("bad policies"), *good = tcase_create("shipped policies");
    TCase *how = tcase_create("how it looks"), *peers = tcase_create("among peers");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_set_timeout(bad, 120);
    tcase_add_loop_test(bad, a_bad_policy_is_found_and_its_scenario_fails_likewise, 0, COUNT(bads));
    tcase_add_test(bad, what_takes_two_faults_is_not_found_with_one);
    tcase_add_test(bad, that_unknown_is_taken_for_failed_is_harmless_by_c);
    tcase_add_test(bad, an_edge_that_the_machine_does_not_have_is_refused_by_c);
    suite_add_tcase(suite, bad);
    tcase_set_timeout(good, 1800);
    tcase_add_loop_test(good, nothing_is_found_in_a_shipped_policy, 0, COUNT(shippeds));
    suite_add_tcase(suite, good);
    tcase_set_timeout(peers, 1800);
    tcase_add_loop_test(
        peers, nothing_is_found_in_a_shipped_policy_among_peers, 0, COUNT(peer_groups));
    tcase_add_test(peers, without_guardians_two_serve);
    suite_add_tcase(suite, peers);
    tcase_set_timeout(how, 300);
    tcase_add_test(how, pruning_hides_nothing);
    tcase_add_test(how, the_number_of_workers_changes_nothing);
    tcase_add_test(how, a_random_failure_is_found_again_by_its_seed_alone);
    tcase_add_test(how, it_ends_when_it_is_told_to);
    tcase_add_test(how, the_bound_comes_from_the_rules);
    suite_add_tcase(suite, how);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
