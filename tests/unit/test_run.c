/* Whole stories: a scenario, a policy, the daemon in the simulated world, and what the
 * timeline says of it. */
#include "scenario/run.h"

#include "base/memory.h"
#include "scenario/parts.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char mail_lua[] =
    "local function command(name, effect, ...)\n"
    "  local words = { ... }\n"
    "  return action { name = name, effect = effect, run = function(node)\n"
    "    local r = node:exec { command = words, effect = effect, timeout = 2 }\n"
    "    if r.unknown then return nil, r.detail end\n"
    "    return r.ok, r.detail\n"
    "  end }\n"
    "end\n"
    "if param.colour then error('set name=\"colour\": no such setting', 0) end\n"
    "return policy {\n"
    "  probes = {\n"
    "    smtp = probe.smtp { port = 25, every = 1, timeout = 0.5, fall = 3, rise = 2, on = "
    "'holder' },\n"
    "    ssh = probe.tcp { port = 22, every = 1, timeout = 0.5, fall = 3, rise = 2 },\n"
    "    own = probe.custom { every = 1, timeout = 0.5, fall = 3, rise = 2, run = function()\n"
    "      return true, 'fine'\n"
    "    end },\n"
    "  },\n"
    "  serving = function(node)\n"
    "    local r = node:exec { command = { 'ip', 'show' }, asks = 'address.up', timeout = 2 }\n"
    "    if r.unknown then return nil, r.detail end\n"
    "    return r.ok, r.detail\n"
    "  end,\n"
    "  fit = function(node)\n"
    "    if param.breaks and node.smtp.failed then error 'broken' end\n"
    "    return node.smtp.ok and node.ssh.ok\n"
    "  end,\n"
    "  transitions = {\n"
    "    { from = 'Standby', to = 'FailingOver', when = holder_unfit_for(2) },\n"
    "    { from = 'Standby', to = 'FailingBack', when = preferred_fit_for(30) },\n"
    "  },\n"
    "  stop = { command('address', 'address.delete', 'ip', 'del', 'it\\'s an\\n  address'),\n"
    "    command('postfix', 'service:postfix.stop', 'postfix', 'stop') },\n"
    "  start = { command('postfix', 'service:postfix.start', 'postfix', 'start'),\n"
    "    command('address', 'address.add', 'ip', 'add') },\n"
    "  fence = { hook 'fence' },\n"
    "  verify = { probe.smtp { port = 25, via = 'floating' } },\n"
    "  unconfirmed = param.unconfirmed or 'hold',\n"
    "  settle = 5,\n"
    "}\n";

static struct policy_site site;
static struct world_pair params[2];
static struct scenario *scenario;
static struct run *run;
static struct baton_error error;

static enum baton_err read_module(
    void *arg, const char *name, char **text, size_t *len, char *file, size_t file_size,
    struct baton_error *failed)
{
    FILE *f;
    long size;

    (void)arg;
    snprintf(file, file_size, "%s/lua/%s.lua", SOURCE_DIR, name);
    f = fopen(file, "rb");
    if (f == NULL) {
        return baton_fail(failed, BATON_NOT_FOUND, "%s: no such module", file);
    }
    fseek(f, 0, SEEK_END);
    size = ftell(f);
    rewind(f);
    *text = malloc((size_t)size + 1);
    *len = fread(*text, 1, (size_t)size, f);
    fclose(f);
    return BATON_OK;
}

static enum baton_err load(
    void *arg, struct world *world, const struct scenario *loaded_for, struct policy_site *of,
    struct policy **out, struct baton_error *failed)
{
    struct policy_source source = {
        .file = "mail.lua", .text = mail_lua, .len = sizeof mail_lua - 1, .read = read_module};

    (void)arg;
    ck_assert_ptr_eq(loaded_for, scenario);
    return policy_new(&source, of, NULL, world, out, failed);
}

static void set_up(void)
{
    memset(&site, 0, sizeof site);
    site.group = "mail";
    site.floating = "10.9.0.100/24";
    site.interface = "eth0";
    site.n_nodes = 2;
    site.node[0] = (struct policy_node_site){"server01", "10.9.0.1", "ssh", 1};
    site.node[1] = (struct policy_node_site){"server02", "10.9.0.2", "ssh", 2};
    params[0] = (struct world_pair){"unconfirmed", "hold"};
    site.param = params;
    site.n_params = 1;
    memset(&error, 0, sizeof error);
}

static void tear_down(void)
{
    run_free(run);
    run = NULL;
    scenario_free(scenario);
    scenario = NULL;
}

static void begin(const char *list, bool quiet)
{
    struct run_setup setup = {
        .group = "mail", .site = &site, .load = load, .seed = 1, .quiet = quiet};
    char text[4000];

    tear_down();
    snprintf(text, sizeof text, "return scenario 'a story' {\n%s\n}\n", list);
    ck_assert_msg(
        scenario_read("a.lua", text, strlen(text), &site, &scenario, &error) == BATON_OK, "%s",
        error.text);
    setup.scenario = scenario;
    ck_assert_msg(run_new(&setup, &run, &error) == BATON_OK, "%s", error.text);
}

static enum baton_err play(const char *list)
{
    begin(list, false);
    return run_scenario(run, &error);
}

static void must_hold(const char *list)
{
    ck_assert_msg(play(list) == BATON_OK, "%s", error.text);
}

/* The timeline from … until … seconds, without what only asks. */
static const char *story(double from, double to)
{
    static char text[20000];
    const struct run_entry *entry;
    int n = run_entries(run, &entry), i;
    size_t used = 0;

    text[0] = '\0';
    for (i = 0; i < n && used < sizeof text; i++) {
        if (entry[i].kind != RUN_QUESTION && entry[i].level > WORLD_DEBUG &&
            entry[i].at_ms >= (int64_t)(from * 1000) && entry[i].at_ms <= (int64_t)(to * 1000)) {
            used += (size_t)snprintf(
                text + used, sizeof text - used, "%.3f %s: %s%s%s\n", (double)entry[i].at_ms / 1000,
                run_kind_name(entry[i].kind), entry[i].text,
                entry[i].kind == RUN_COMMAND ? " -> " : "",
                entry[i].kind == RUN_COMMAND ? entry[i].name : "");
        }
    }
    return text;
}

/* ---- Stories --------------------------------------------------------------------------------- */

START_TEST(the_primary_dies_and_the_standby_takes_over)
{
    must_hold(
        "set { unconfirmed = 'fence' },\n"
        "at(60, crash 'server01'),\n"
        "expect.active('server02', { from = 70, to = 120 }),\n"
        "expect.degraded('server01', { from = 63, to = 120 }),\n"
        "expect.holder('server02', { by = 70 }),\n"
        "expect.serves 'server02',\n"
        "expect.moves { exactly = 1 },\n"
        "expect.outage { at_most = 8 },\n"
        "expect.never 'a hold',\n"
        "expect.said 'failover to server02 done',\n"
        "expect.said { 'server01 crashes', 'the client', 'failover begins', 'server01', 'hook "
        "fence', 'granted', 'start: postfix on server02', 'failover to server02 done' },\n"
        "expect.not_said 'failback',");
    ck_assert_str_eq(
        story(60, 120),
        "60.000 fault: server01 crashes\n"
        "60.000 outage: the client is not served any more\n"
        "62.500 probe: server01 smtp ok → fail: no answer within 500 ms\n"
        "62.500 state: server01 Active → Degraded: smtp failed 3/3: no answer within 500 ms\n"
        "62.500 probe: server01 ssh ok → fail: no answer within 500 ms\n"
        "64.500 state: server02 Standby → FailingOver\n"
        "64.500 notice: failover begins: server01 → server02: server01 unfit for 2 s: smtp failed "
        "3/3: no answer within 500 ms\n"
        "64.502 step: stop: address on server01 begins\n"
        "64.502 command: server01: ip del 'it'\\''s an address': ssh: no answer from server01 -> "
        "address.delete\n"
        "66.502 step: stop: address on server01: unknown: ssh: no answer from server01\n"
        "66.504 step: fence: hook fence on server01 begins\n"
        "66.504 hook: controller: hooks fence server01\n"
        "66.554 step: fence: hook fence on server01: ok: done\n"
        "66.556 grant: server02 is granted the baton, epoch 2\n"
        "66.556 state: server01 Degraded → Degraded: stopped and confirmed out\n"
        "66.558 step: start: postfix on server02 begins\n"
        "66.606 command: server02: postfix start -> service:postfix.start\n"
        "66.656 step: start: postfix on server02: ok: done\n"
        "66.658 step: start: address on server02 begins\n"
        "66.658 command: server02: ip add -> address.add\n"
        "66.708 step: start: address on server02: ok: done\n"
        "66.708 outage: the client is served again, after 6.708 s\n"
        "66.710 step: verify: smtp-1 on server02 begins\n"
        "66.715 step: verify: smtp-1 on server02: ok: answered\n"
        "66.715 state: server02 FailingOver → Active\n"
        "66.715 notice: failover to server02 done in 2215 ms, epoch 2\n"
        "68.005 probe: server02 smtp unknown → ok: answered\n");
}
END_TEST

START_TEST(a_step_that_is_waited_for_kills_the_daemon_and_it_goes_on_after)
{
    must_hold("set { unconfirmed = 'fence' },\n"
              "at(60, crash 'server01'),\n"
              "at(step('start address', { on = 'server02' }), kill_daemon { restart = 5 }),\n"
              "expect.active('server02', { by = 90 }),\n"
              "expect.moves { exactly = 1 },\n"
              "expect.said 'interrupted by a restart after the grant: it goes on',");
    ck_assert_ptr_nonnull(strstr(story(60, 90), " step: start: address on server02 begins\n"));
    ck_assert_ptr_nonnull(
        strstr(story(60, 90), " daemon: the daemon is killed, and starts again after 5 s\n"));
}
END_TEST

START_TEST(a_step_is_called_by_its_kind_or_its_action_too)
{
    must_hold("at(20, failover { to = 'server02' }),\n"
              "at(step 'start', pause { reason = 'kind' }),\n"
              "at(step('address', { nth = 2, ends = true }), pause { reason = 'action' }),\n"
              "ends(40)");
    ck_assert_ptr_nonnull(strstr(
        story(20, 40),
        "start: postfix on server02 begins\n20.212 operator: operator: pause (kind)\n"));
    ck_assert_ptr_nonnull(strstr(story(20, 40), "start: address on server02: ok: done\n"));
    ck_assert_ptr_nonnull(strstr(story(20, 40), " operator: operator: pause (action)"));
}
END_TEST

/* Between the record and its word that it is durable: the grant is in the journal or not. */
START_TEST(what_the_journal_did_not_get_never_was)
{
    must_hold("set { unconfirmed = 'fence' },\n"
              "at(60, crash 'server01'),\n"
              "at(step 'grant', kill_daemon { restart = 5, records = 'lost' }),\n"
              "expect.said 'interrupted by a restart before the grant: undone',\n"
              "ends(100)");
    must_hold("set { unconfirmed = 'fence' },\n"
              "at(60, crash 'server01'),\n"
              "at(step 'grant', kill_daemon { restart = 5, records = 'kept' }),\n"
              "expect.said 'interrupted by a restart after the grant: it goes on',\n"
              "ends(100)");
}
END_TEST

START_TEST(the_same_seed_tells_the_same_story)
{
    static const char list[] =
        "at(30, lossy('controller', 'server01', 0.4)),\n"
        "at(90, hang 'server01'),\n"
        "at(120, recover 'server01', fence_fails(), failback(), confirm_out 'server01'),\n"
        "ends(300)";
    uint64_t digest;
    int64_t points;
    char *first;

    play(list);
    first = strdup(story(0, 300));
    digest = run_digest(run);
    points = run_points(run);
    play("at(10, crash 'server02')");
    play(list);
    ck_assert_str_eq(story(0, 300), first);
    ck_assert_uint_eq(run_digest(run), digest);
    begin(list, true);
    run_scenario(run, &error);
    ck_assert_msg(run_digest(run) == digest, "a quiet run goes another way");
    ck_assert_int_eq(run_points(run), points);
    free(first);
}
END_TEST

START_TEST(a_controller_on_a_node_goes_down_with_it)
{
    site.node[1].transport = "local";
    must_hold("at(30, crash 'server02'),\n"
              "at(60, recover 'server02'),\n"
              "at(90, kill_daemon { restart = 20 }, crash 'server02'),\n"
              "at(100, start_daemon()),\n"
              "at(130, recover 'server02'),\n"
              "expect.serves('server01', { from = 0 }),\n"
              "expect.active('server01', { from = 70, to = 90 }),\n"
              "expect.active('server01', { from = 140 }),\n"
              "expect.moves { exactly = 0 },\n"
              "expect.said(\"the daemon can't start: server02 is off\"),\n"
              "ends(160)");
    ck_assert_str_eq(
        story(30, 60.01), "30.000 fault: server02 crashes\n"
                          "30.000 daemon: the daemon is down with server02, on which it runs\n"
                          "60.000 fault: server02 boots\n"
                          "60.000 daemon: the daemon starts\n");
    ck_assert_str_eq(story(100, 129), "100.000 daemon: the daemon can't start: server02 is off\n");
}
END_TEST

START_TEST(commands_stand_in_the_timeline_with_what_became_of_them)
{
    play("at(30, failback()),\n"
         "at(40, failover { to = 'server02', reason = 'drill' }),\n"
         "at(50, kill_daemon(), pause { reason = 'too late' }, kill_daemon()),");
    ck_assert_str_eq(
        story(30, 30), "30.000 operator: operator: failback: refused: server01 is the preferred "
                       "fit node and holds "
                       "the baton already\n");
    ck_assert_msg(
        strncmp(
            story(40, 40),
            "40.000 operator: operator: failover to server02 (drill)\n40.000 state: ",
            strlen("40.000 operator: operator: failover to server02 (drill)\n40.000 state: ")) == 0,
        "%s", story(40, 40));
    ck_assert_str_eq(
        story(50, 50), "50.000 daemon: the daemon is killed\n"
                       "50.000 operator: operator: pause (too late): refused: the daemon is down\n"
                       "50.000 daemon: the daemon is down already\n");
}
END_TEST

START_TEST(a_command_says_what_it_did_not_do)
{
    play("at(30, action_lies 'address.delete', failover()),");
    ck_assert_msg(
        strstr(
            story(30, 31), "command: server01: ip del 'it'\\''s an address': done, but nothing was "
                           "done -> address.delete\n") != NULL,
        "%s", story(30, 31));
}
END_TEST

static void types(const char *const *argv, const char *effect, const char *expected)
{
    struct world_request request = {.kind = WORLD_EXEC, .u.exec = {.argv = argv, .effect = effect}};
    char text[RUN_STRIP_MAX];

    command_print(&request, text, sizeof text);
    ck_assert_str_eq(text, expected);
}

START_TEST(a_command_stands_as_it_would_be_typed)
{
    static const char text[] =
        "if a\nthen\n  b 'c' &&\n d\nfi\ncase $1 in\n*) e ;;\nesac\nexit 0\n";
    const char *const script[] = {"sh", "-c", text, "sh", "x y", "", NULL};
    char many[600] = "";
    const char *const argv[] = {"echo", many, NULL};
    char expected[700] = "echo '";
    int i;

    types(
        script, NULL,
        "sh -c 'if a; then b '\\''c'\\'' && d; fi; case $1 in *) e ;; esac; exit 0' sh 'x y' ''");
    for (i = 0; i < 250; i++) {
        strcat(many, "ä");
        strcat(expected, i < 80 ? "ä" : "");
    }
    strcat(expected, "…'");
    types(argv, NULL, expected);
}
END_TEST

/* ---- What does not hold ------------------------------------------------------------------------
 */

static const struct {
    const char *list, *message;
} failures[] = {
    {"at(60, crash 'server01'),\nexpect.active('server01', { from = 10, to = 80 }),",
     "a.lua:3: expected server01 Active from 10 s to 80 s: it was Degraded at 62.5 s"},
    {"at(30, kill_daemon { restart = 5 }),\nexpect.active('server01', { from = 10, to = 80 }),",
     "a.lua:3: expected server01 Active from 10 s to 80 s: the daemon was down at 30 s"},
    {"expect.active('server02', { by = 20 }),",
     "a.lua:2: expected server02 Active by 20 s: it was Standby at 20 s"},
    {"expect.standby('server01', { at = 20 }),",
     "a.lua:2: expected server01 Standby at 20 s: it was Active at 20 s"},
    {"expect.degraded 'server01',\nends(33)",
     "a.lua:2: expected server01 Degraded at the end: it was Active at 33 s"},
    {"expect.holder('nobody', { at = 20 }),",
     "a.lua:2: expected nobody to hold the baton at 20 s: server01 held it at 20 s"},
    {"expect.serves('server02', { by = 20 }),",
     "a.lua:2: expected server02 to serve by 20 s: server01 served at 20 s"},
    {"at(20, bring_down('server01', 'address')),\nexpect.serves('server01', { from = 5, to = 30 "
     "}),",
     "a.lua:3: expected server01 to serve from 5 s to 30 s: nobody served at 20 s"},
    {"at(20, bring_up('server02', 'address'), bring_up('server02', 'service:postfix')),\n"
     "expect.serves('server01', { from = 5, to = 30 }),",
     "a.lua:3: expected server01 to serve from 5 s to 30 s: server01 and server02 served at 20 s"},
    {"expect.hold('unconfirmed', { by = 20 }),",
     "a.lua:2: expected hold: unconfirmed by 20 s: no hold at 20 s"},
    {"at(30, cut('client', 'server01')),\nat(50, mend('client', 'server01')),\n"
     "expect.outage { at_most = 12 },",
     "a.lua:4: expected no outage longer than 12 s: it was 20 s, from 30 s to 50 s"},
    {"at(30, cut('client', 'server01')),\nat(50, mend('client', 'server01')),\n"
     "expect.outage { at_most = 12, from = 10, to = 45 },",
     "a.lua:4: expected no outage longer than 12 s from 10 s to 45 s: it was 15 s, from 30 s to "
     "45 s"},
    {"serving {},\nat(0, cut('client', 'server01'), cut('client', 'server02')),\n"
     "expect.outage { at_most = 12 },",
     "a.lua:4: expected no outage longer than 12 s: the client was never served"},
    {"expect.moves { exactly = 1 },", "a.lua:2: expected exactly 1 move: there was none"},
    {"at(20, failover()),\nexpect.moves { at_most = 0 },\nends(40)",
     "a.lua:3: expected at most 0 moves: there was 1, the last at 20.21 s"},
    {"at(20, failover()),\nexpect.never 'a move',",
     "a.lua:3: expected no move: there was one at 20.21 s"},
    {"at(20, failover()),\nexpect.never 'a failback',",
     "a.lua:3: expected no failback: there was one at 20 s"},
    {"at(20, failover()),\nexpect.never 'a command',",
     "a.lua:3: expected no command that changes anything: there was one at 20.054 s"},
    {"at(20, crash 'server01'),\nexpect.never 'a hold',",
     "a.lua:3: expected no hold: there was one at 26.502 s"},
    {"at(20, crash 'server01'),\nexpect.never 'nobody serves',",
     "a.lua:3: expected no moment at which nobody serves: there was one at 20 s"},
    {"at(20, bring_up('server02', 'address'), bring_up('server02', 'service:postfix')),\n"
     "expect.never 'two nodes serve',",
     "a.lua:3: expected no moment at which two nodes serve: there was one at 20 s"},
    {"expect.said('nothing of the kind', { by = 20 }),",
     "a.lua:2: expected \"nothing of the kind\" to be said by 20 s: it was not"},
    {"at(20, failover()),\nexpect.said({ 'the daemon starts', 'failover', 'the daemon starts' }),",
     "a.lua:3: expected \"the daemon starts\", then \"failover\", then \"the daemon starts\" to be "
     "said: \"the daemon starts\" was not"},
    {"at(20, failover()),\nexpect.said({ 'Standby', 'nothing' }, { from = 19, to = 40 }),",
     "a.lua:3: expected \"Standby\", then \"nothing\" to be said from 19 s to 40 s: \"nothing\" "
     "was not"},
    {"expect.not_said 'the daemon starts',",
     "a.lua:2: expected \"the daemon starts\" not to be said: it was, at 0 s"},
    {"at(step 'start postfx', crash 'server01'),\nends(30)",
     "a.lua:2: step start postfx never began"},
    {"at(step('stop postfix', { ends = true, nth = 2 }), crash 'server01'),\nat(20, "
     "failover()),\nends(40)",
     "a.lua:2: step stop postfix never ended 2 times, only 1"},
};
#define FAILURES (int)(sizeof failures / sizeof failures[0])

START_TEST(what_does_not_hold_is_said_in_words)
{
    ck_assert_int_eq(play(failures[_i].list), BATON_REFUSED);
    ck_assert_str_eq(error.text, failures[_i].message);
}
END_TEST

START_TEST(two_that_serve_fail_every_run_unless_a_hand_did_it)
{
    must_hold("at(20, bring_up('server02', 'address'), bring_up('server02', 'service:postfix')),");
    ck_assert_int_gt(run_figures(run).two_ms, 0);
    must_hold("serving { 'server01', 'server02' }, ends(30)");
    ck_assert_int_eq(
        play("set { unconfirmed = 'fence' },\n"
             "at(20, fence_lies(), cut('controller', 'server01')),"),
        BATON_REFUSED);
    ck_assert_msg(
        strncmp(
            error.text, "a.lua:1: expected two nodes never to serve at once: they did for ",
            strlen("a.lua:1: expected two nodes never to serve at once: they did for ")) == 0,
        "%s", error.text);
}
END_TEST

START_TEST(a_policy_that_breaks_a_rule_fails_every_run)
{
    ck_assert_int_eq(play("set { breaks = true },\nat(20, crash 'server01'),"), BATON_REFUSED);
    ck_assert_msg(
        strncmp(
            error.text, "a.lua:1: expected the policy to keep its rules: at 22.5 s: mail.lua:24: ",
            strlen("a.lua:1: expected the policy to keep its rules: at 22.5 s: mail.lua:24: ")) ==
            0,
        "%s", error.text);
}
END_TEST

/* No policy that is known gets that far: the shortest sleep is a millisecond. */
START_TEST(a_policy_that_diverges_is_named)
{
    enum baton_err err = BATON_OK;
    bool more = true;

    begin("ends(30)", true);
    while (err == BATON_OK && more) {
        run_sim(run)->stuck = RUN_STUCK_MAX;
        err = run_step(run, 30000, &more, &error);
    }
    ck_assert_int_eq(err, BATON_LIMIT);
    ck_assert_msg(
        strncmp(error.text, "mail.lua:1", 10) == 0 &&
            strstr(
                error.text, ": this diverges: at 0 s more than 20000 things happen and the time "
                            "doesn't go on; the last that changed anything: nothing yet") != NULL,
        "%s", error.text);
}
END_TEST

START_TEST(a_value_that_the_policy_refuses_is_told_with_the_scenarios_line)
{
    struct run_setup setup = {.group = "mail", .site = &site, .load = load};
    static const char text[] = "return scenario 'x' {\n  set { colour = 'blue' },\n}\n";

    ck_assert_int_eq(
        scenario_read("a.lua", text, strlen(text), &site, &scenario, &error), BATON_OK);
    setup.scenario = scenario;
    ck_assert_int_ne(run_new(&setup, &run, &error), BATON_OK);
    ck_assert_msg(
        strncmp(error.text, "a.lua:2: ", 9) == 0 && strstr(error.text, "no such setting") != NULL,
        "%s", error.text);
}
END_TEST

START_TEST(verdicts_stand_in_the_order_of_the_file)
{
    const struct run_verdict *verdict;
    int n;

    play("expect.active('server02', { by = 20 }),\nexpect.active('server01', { by = 20 }),");
    n = run_verdicts(run, &verdict);
    ck_assert_int_eq(n, 5);
    ck_assert(!verdict[0].held && verdict[1].held && verdict[2].held);
    ck_assert_str_eq(verdict[0].text, "server02 Active by 20 s");
    ck_assert_str_eq(verdict[0].why, "it was Standby at 20 s");
    ck_assert_int_eq(verdict[1].line, 3);
    ck_assert_str_eq(verdict[1].why, "");
    ck_assert_ptr_null(verdict[2].expect);
    ck_assert_str_eq(verdict[2].text, "two nodes never to serve at once");
}
END_TEST

/* ---- For the explorer -------------------------------------------------------------------------
 */

START_TEST(a_run_is_driven_event_by_event)
{
    struct scenario_deed kill = {.kind = SCENARIO_KILL, .restart_ms = 1000};
    struct scenario_deed crash = {
        .kind = SCENARIO_FAULT, .fault = {.kind = SIM_CRASH, .place = SIM_NODE, .other = -1}};
    struct scenario_deed nonsense = {
        .kind = SCENARIO_FAULT, .fault = {.kind = SIM_CRASH, .place = SIM_SHARE, .other = -1}};
    bool more = true;

    begin("ends(1)", true);
    while (more) {
        ck_assert_int_eq(run_step(run, 20000, &more, &error), BATON_OK);
    }
    ck_assert_int_eq(run_now_ms(run), 20000);
    ck_assert_int_gt(run_points(run), 0);
    ck_assert_int_eq(controller_group(run_controller(run))->holder, 0);
    ck_assert_int_eq(run_do(run, &kill, &error), BATON_OK);
    ck_assert_ptr_null(run_controller(run));
    do {
        ck_assert_int_eq(run_step(run, 30000, &more, &error), BATON_OK);
    } while (more);
    ck_assert_ptr_nonnull(run_controller(run));
    ck_assert_int_eq(run_do(run, &crash, &error), BATON_OK);
    while (strcmp(run_point(run), "step stop: address on server01 begins") != 0) {
        ck_assert_int_eq(run_step(run, 60000, &more, &error), BATON_OK);
        ck_assert_msg(more, "%s", run_point(run));
    }
    ck_assert_int_eq(run_do(run, &nonsense, &error), BATON_INVALID);
}
END_TEST

static uint64_t digest_at(int64_t at_ms)
{
    bool more = true;

    while (more) {
        ck_assert_int_eq(run_step(run, at_ms, &more, &error), BATON_OK);
    }
    return run_digest(run);
}

static void let(enum scenario_deed_kind kind, enum sim_fault_kind fault)
{
    struct scenario_deed deed = {
        .kind = kind,
        .node = GROUP_NOBODY,
        .restart_ms = 5000,
        .fault = {.kind = fault, .place = SIM_CONTROLLER, .other = SIM_NODE + 1},
    };

    ck_assert_msg(run_do(run, &deed, &error) == BATON_OK, "%s", error.text);
}

START_TEST(the_digest_is_of_what_matters_from_now_on)
{
    uint64_t quiet, cut, down;

    begin("", true);
    quiet = digest_at(200050);
    ck_assert_msg(quiet == digest_at(260050), "an hour like any other");
    digest_at(320000);
    let(SCENARIO_FAULT, SIM_CUT);
    cut = digest_at(320050);
    ck_assert(cut != quiet);
    ck_assert(digest_at(321050) != cut);
    digest_at(324000);
    let(SCENARIO_FAULT, SIM_MEND);
    ck_assert_msg(digest_at(560050) == quiet, "a fault that is over and forgotten");
    let(SCENARIO_COMMAND, SIM_MEND); /* failover */
    ck_assert_msg(digest_at(590050) != quiet, "another one holds the baton");
    digest_at(620000);
    let(SCENARIO_KILL, SIM_MEND);
    ck_assert_ptr_null(run_controller(run));
    down = digest_at(620100);
    ck_assert_msg(digest_at(622100) != down, "it starts again sooner");
}
END_TEST

START_TEST(memory_stays_as_it_is_where_nothing_is_kept)
{
    size_t size = (size_t)64 << 20;
    void *region = aligned_alloc(4096, size);
    size_t used;

    memory_use(region, size);
    begin(
        "at(3600, crash 'server02'),\nat(3700, recover 'server02'),\nends(90000),\n"
        "expect.not_said 'no such thing'",
        true);
    digest_at(7200000);
    used = memory_used(region);
    digest_at(86400000);
    ck_assert_msg(
        memory_used(region) == used, "%zu bytes more after a day", memory_used(region) - used);
    tear_down();
    memory_use(NULL, 0);
    free(region);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("run");
    TCase *tc = tcase_create("run");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, the_primary_dies_and_the_standby_takes_over);
    tcase_add_test(tc, a_step_that_is_waited_for_kills_the_daemon_and_it_goes_on_after);
    tcase_add_test(tc, a_step_is_called_by_its_kind_or_its_action_too);
    tcase_add_test(tc, what_the_journal_did_not_get_never_was);
    tcase_add_test(tc, the_same_seed_tells_the_same_story);
    tcase_add_test(tc, a_controller_on_a_node_goes_down_with_it);
    tcase_add_test(tc, commands_stand_in_the_timeline_with_what_became_of_them);
    tcase_add_test(tc, a_command_says_what_it_did_not_do);
    tcase_add_test(tc, a_command_stands_as_it_would_be_typed);
    tcase_add_loop_test(tc, what_does_not_hold_is_said_in_words, 0, FAILURES);
    tcase_add_test(tc, two_that_serve_fail_every_run_unless_a_hand_did_it);
    tcase_add_test(tc, a_policy_that_breaks_a_rule_fails_every_run);
    tcase_add_test(tc, a_policy_that_diverges_is_named);
    tcase_add_test(tc, a_value_that_the_policy_refuses_is_told_with_the_scenarios_line);
    tcase_add_test(tc, verdicts_stand_in_the_order_of_the_file);
    tcase_add_test(tc, a_run_is_driven_event_by_event);
    tcase_add_test(tc, the_digest_is_of_what_matters_from_now_on);
    tcase_add_test(tc, memory_stays_as_it_is_where_nothing_is_kept);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
