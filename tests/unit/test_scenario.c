/* Reading a scenario: what it says comes out as it was meant, and every mistake is told with
 * the line on which it was made. */
#include "scenario/scenario.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct policy_site site = {
    .group = "mail",
    .n_nodes = 2,
    .node = {{"server01", "10.9.0.1", "ssh", 1}, {"server02", "10.9.0.2", "local", 2}},
};

static const struct policy_site peers = {
    .group = "mail",
    .self = "server01",
    .n_nodes = 2,
    .node = {{"server01", "10.9.0.1", "local", 1}, {"server02", "10.9.0.2", "peer", 2}},
};

static struct baton_error error;

static struct scenario *read_for(const char *text, const struct policy_site *of)
{
    struct scenario *scenario = NULL;

    memset(&error, 0, sizeof error);
    scenario_read("a.lua", text, strlen(text), of, &scenario, &error);
    return scenario;
}

static struct scenario *read_text(const char *text)
{
    return read_for(text, &site);
}

static struct scenario *must_read(const char *text)
{
    struct scenario *scenario = read_text(text);

    ck_assert_msg(scenario != NULL, "%s", error.text);
    return scenario;
}

/* ---- What it says ------------------------------------------------------------------------ */

START_TEST(a_story_is_read_in_order)
{
    struct scenario *s = must_read(
        "return scenario 'lunch' {\n"
        "  set { unconfirmed = 'fence', every = 2.5, sudo = true },\n"
        "  serving { 'server02' },\n"
        "  at(60, crash 'server01', cut('client', 'server02', { one_way = true })),\n"
        "  at(step('start postfix', { on = 'server02', nth = 2, ends = true, after = 0.5 }),\n"
        "    kill_daemon { restart = 5, records = 'kept' }),\n"
        "  at(300.25, failover { to = 'server02', force = true, reason = 'drill' }),\n"
        "}\n");

    ck_assert_str_eq(s->name, "lunch");
    ck_assert_str_eq(s->file, "a.lua");
    ck_assert_int_eq(s->line, 1);
    ck_assert_int_eq(s->n_sets, 3);
    ck_assert_str_eq(s->set_name[0], "every");
    ck_assert_str_eq(s->set_value[0], "2.5");
    ck_assert_str_eq(s->set_value[1], "true");
    ck_assert_str_eq(s->set_name[2], "unconfirmed");
    ck_assert(!s->serves[0] && s->serves[1]);
    ck_assert_int_eq(s->n_events, 4);
    ck_assert_int_eq(s->event[0].line, 4);
    ck_assert_int_eq(s->event[0].at_ms, 60000);
    ck_assert_int_eq(s->event[0].deed.fault.kind, SIM_CRASH);
    ck_assert_int_eq(s->event[0].deed.fault.place, SIM_NODE);
    ck_assert_int_eq(s->event[1].deed.fault.place, SIM_CLIENT);
    ck_assert_int_eq(s->event[1].deed.fault.other, SIM_NODE + 1);
    ck_assert(s->event[1].deed.fault.one_way);
    ck_assert_int_eq(s->event[2].when, SCENARIO_STEP_ENDS);
    ck_assert_str_eq(s->event[2].step, "start postfix");
    ck_assert_int_eq(s->event[2].step_node, 1);
    ck_assert_int_eq(s->event[2].nth, 2);
    ck_assert_int_eq(s->event[2].at_ms, 500);
    ck_assert_int_eq(s->event[2].deed.kind, SCENARIO_KILL);
    ck_assert_int_eq(s->event[2].deed.restart_ms, 5000);
    ck_assert(s->event[2].deed.keep_records);
    ck_assert_int_eq(s->event[3].at_ms, 300250);
    ck_assert_int_eq(s->event[3].deed.command, GROUP_CMD_FAILOVER);
    ck_assert_int_eq(s->event[3].deed.node, 1);
    ck_assert(s->event[3].deed.force);
    ck_assert_str_eq(s->event[3].deed.reason, "drill");
    ck_assert_int_eq(s->end_ms, 300250 + SCENARIO_TAIL_MS);
    scenario_free(s);
}
END_TEST

START_TEST(expectations_are_read_with_their_spans)
{
    struct scenario *s = must_read("return scenario 'x' {\n"
                                   "  expect.active('server02', { from = 75, to = 880 }),\n"
                                   "  expect.standby('server01', { by = 900 }),\n"
                                   "  expect.holder('nobody', { at = 0.5 }),\n"
                                   "  expect.serves 'server01',\n"
                                   "  expect.hold('any', { to = 10 }),\n"
                                   "  expect.hold 'unconfirmed',\n"
                                   "  expect.outage { at_most = 12.5 },\n"
                                   "  expect.moves { exactly = 1 },\n"
                                   "  expect.moves { at_least = 2 },\n"
                                   "  expect.never 'a fence',\n"
                                   "  expect.said('gone', { from = 5 }),\n"
                                   "}\n");
    const struct scenario_expect *e = s->expect;

    ck_assert_int_eq(s->n_expects, 11);
    ck_assert_int_eq(e[0].state, FSM_ACTIVE);
    ck_assert_int_eq(e[0].node, 1);
    ck_assert_int_eq(e[0].from_ms, 75000);
    ck_assert_int_eq(e[0].to_ms, 880000);
    ck_assert_int_eq(e[0].by_ms, -1);
    ck_assert_int_eq(e[0].line, 2);
    ck_assert_int_eq(e[1].by_ms, 900000);
    ck_assert_int_eq(e[1].from_ms, -1);
    ck_assert_int_eq(e[2].node, GROUP_NOBODY);
    ck_assert_int_eq(e[2].from_ms, 500);
    ck_assert_int_eq(e[2].to_ms, 500);
    ck_assert_int_eq(e[3].kind, SCENARIO_EXPECT_SERVES);
    ck_assert_int_eq(e[4].hold, SCENARIO_HOLD_ANY);
    ck_assert_int_eq(e[4].from_ms, 0);
    ck_assert_int_eq(e[5].hold, GROUP_HOLD_UNCONFIRMED);
    ck_assert_int_eq(e[6].at_most_ms, 12500);
    ck_assert_int_eq(e[7].least, 1);
    ck_assert_int_eq(e[7].most, 1);
    ck_assert_int_eq(e[8].least, 2);
    ck_assert_int_eq(e[8].most, -1);
    ck_assert_int_eq(e[9].never, SCENARIO_NEVER_FENCE);
    ck_assert_str_eq(e[10].text, "gone");
    ck_assert_int_eq(s->end_ms, 900000 + SCENARIO_TAIL_MS);
    ck_assert_msg(s->serves[0] && !s->serves[1], "without `serving` the preferred node serves");
    scenario_free(s);
}
END_TEST

START_TEST(a_story_can_be_made_by_loops_and_functions)
{
    struct scenario *s = must_read(
        "local function flap(from, times)\n"
        "  local list = {}\n"
        "  for i = 0, times - 1 do\n"
        "    list[#list + 1] = at(from + i * 10, crash_service('server01', 'postfix'))\n"
        "    list[#list + 1] = at(from + i * 10 + 5, recover_service 'server01')\n"
        "  end\n"
        "  return list\n"
        "end\n"
        "return scenario(('it flaps %d times'):format(3)) {\n"
        "  flap(60, 3),\n"
        "  at(100, lose_share(), lose_share 'server02', jump_clock('controller', -3600)),\n"
        "  ends(math.max(200, 150)),\n"
        "}\n");

    ck_assert_str_eq(s->name, "it flaps 3 times");
    ck_assert_int_eq(s->n_events, 9);
    ck_assert_int_eq(s->event[4].at_ms, 80000);
    ck_assert_int_eq(s->event[4].line, 4);
    ck_assert_str_eq(s->event[0].deed.fault.what, "postfix");
    ck_assert_int_eq(s->event[6].deed.fault.place, SIM_NOWHERE);
    ck_assert_int_eq(s->event[7].deed.fault.place, SIM_NODE + 1);
    ck_assert_int_eq(s->event[8].deed.fault.place, SIM_CONTROLLER);
    ck_assert_int_eq(s->event[8].deed.fault.ms, -3600000);
    ck_assert_int_eq(s->end_ms, 200000);
    scenario_free(s);
}
END_TEST

START_TEST(every_fault_can_be_written_as_its_shape_says)
{
    static const char *const arguments[] = {
        [SIM_SHAPE_NONE] = "()",
        [SIM_SHAPE_NODE] = " 'server01'",
        [SIM_SHAPE_SERVICE] = "('server01', 'postfix')",
        [SIM_SHAPE_THING] = "('server01', 'address')",
        [SIM_SHAPE_LINK] = "('client', 'server01')",
        [SIM_SHAPE_LINK_VALUE] = "('client', 'server01', 0.5)",
        [SIM_SHAPE_SHARE] = "()",
        [SIM_SHAPE_CLOCK] = "('server01', 5)",
        [SIM_SHAPE_ACTION] = "('address.add', { on = 'server01', times = 2 })",
        [SIM_SHAPE_ACTION_TIME] = "('address.add', 5, { on = 'server01', times = 2 })",
        [SIM_SHAPE_TIME] = "(1.5)",
        [SIM_SHAPE_JOURNAL] = "()",
    };
    int i;

    for (i = 0; i < SIM_FAULTS; i++) {
        const struct sim_fault_row *row = sim_fault_row((enum sim_fault_kind)i);
        struct scenario *s;
        char text[200];

        snprintf(
            text, sizeof text, "return scenario 'x' { at(1, %s%s) }", row->name,
            arguments[row->shape]);
        s = read_for(text, sim_fault_wants_peers(row->kind) ? &peers : &site);
        ck_assert_msg(s != NULL, "%s", error.text);
        ck_assert_int_eq(s->event[0].deed.fault.kind, i);
        if (row->shape == SIM_SHAPE_ACTION || row->shape == SIM_SHAPE_ACTION_TIME) {
            ck_assert_str_eq(s->event[0].deed.fault.what, "address.add");
            ck_assert_int_eq(s->event[0].deed.fault.place, SIM_NODE);
            ck_assert_int_eq(s->event[0].deed.fault.times, 2);
        }
        scenario_free(s);
    }
}
END_TEST

START_TEST(times_are_as_short_as_they_are_exact)
{
    char text[SCENARIO_TIME_MAX];

    ck_assert_str_eq(scenario_time(60000, text), "60 s");
    ck_assert_str_eq(scenario_time(60250, text), "60.25 s");
    ck_assert_str_eq(scenario_time(1, text), "0.001 s");
    ck_assert_str_eq(scenario_number(-500, text), "-0.5");
    ck_assert_str_eq(scenario_number(0, text), "0");
}
END_TEST

/* ---- Mistakes ------------------------------------------------------------------------------ */

#define STORY(list) "return scenario 'x' {\n" list "}\n"
#define NODES       "there are: server01, server02"

static const struct mistake {
    const char *text, *message;
} mistakes[] = {
    {STORY("at(60, crash 'server03'),\n"), "a.lua:2: there is no node 'server03'; " NODES},
    {STORY("at(5, failover { to = 'x' })\n"), "a.lua:2: there is no node 'x'; " NODES},
    {STORY("serving { 'server09' }\n"), "a.lua:2: there is no node 'server09'; " NODES},
    {STORY("at(5, cut('controller', 'nowhere'))\n"),
     "a.lua:2: there is no place 'nowhere'; there are: controller, client, gateway, share, store, "
     "server01, server02"},
    {STORY("at(5, jump_clock('client', 5))\n"),
     "a.lua:2: there is no node 'client'; there are: controller, server01, server02"},
    {STORY("expect.activ 'server01',\n"),
     "a.lua:2: there is no expectation 'activ'; there are: active, degraded, failing_back, "
     "failing_over, standby, hold, holder, moves, never, not_said, outage, said, serves"},
    {STORY("expect.never 'two node serve',\n"),
     "a.lua:2: there is no expect.never 'two node serve'; there are: two nodes serve, nobody "
     "serves, a move, a failover, a failback, a failed move, a fence, a hold, a command"},
    {STORY("expect.hold 'nope'\n"),
     "a.lua:2: there is no hold 'nope'; there are: none, two-serve, unconfirmed, moves, policy, "
     "journal, frozen, epoch, any"},
    {STORY("at(60, crash 'server01'),\nat(30, recover 'server01'),\n"),
     "a.lua:3: at(30) lies in the past: the line above is at 60 s"},
    {STORY("at(-5, crash 'server01')\n"),
     "a.lua:2: at(-5) lies in the past: a scenario begins at 0 s"},
    {STORY("at(0/0, crash 'server01')\n"), NULL}, /* how it is written differs */
    {STORY("expect.active('server01', { by = -1 })\n"),
     "a.lua:2: by(-1) lies in the past: a scenario begins at 0 s"},
    {STORY("at(1e12, crash 'server01')\n"),
     "a.lua:2: at(1e+12) never comes: a scenario ends within 3660 days"},
    {STORY("ends(math.huge)\n"),
     "a.lua:2: ends(inf) never comes: a scenario ends within 3660 days"},
    {STORY("at(50, crash 'server01'),\nends(20)\n"),
     "a.lua:3: ends(20) lies before at(50) of line 2"},
    {STORY("expect.active('server01', { by = 60 }),\nends(20)\n"),
     "a.lua:2: 60 s lies after the end of the scenario at 20 s"},
    {STORY("expect.active('server01', { from = 50, to = 20 })\n"),
     "a.lua:2: to = 20 lies before from = 50"},
    {STORY("expect.active('server01', { from = 50, by = 60 })\n"),
     "a.lua:2: a span is { from =, to = }, { by = } or { at = }, not two of them"},
    {STORY("expect.active('server01', { untill = 5 })\n"),
     "a.lua:2: this expectation has no 'untill'; it has: at, by, from, to"},
    {STORY("expect.moves { exactly = 1, at_most = 2 }\n"),
     "a.lua:2: expect.moves: exactly stands alone"},
    {STORY("expect.moves {}\n"), "a.lua:2: expect.moves { exactly = N } says how many"},
    {STORY("expect.outage {}\n"),
     "a.lua:2: expect.outage { at_most = SECONDS } says how long at most"},
    {STORY("expect.said {}\n"),
     "a.lua:2: expect.said { \"one\", \"two\" } says what in which order"},
    {STORY("expect.said { 'one', 2 }\n"),
     "a.lua:2: expect.said: text 2 of the list is no line of text"},
    {STORY("expect.said { 'one\\ntwo' }\n"),
     "a.lua:2: expect.said: text 1 of the list is no line of text"},
    {STORY("expect.said { ('x'):rep(200), ('x'):rep(55) }\n"),
     "a.lua:2: expect.said: these texts are longer than 256 bytes"},
    {STORY("at(5, kill_daemon { restart = 5, record = 'kept' })\n"),
     "a.lua:2: kill_daemon has no 'record'; it has: restart, records"},
    {STORY("at(5, kill_daemon { records = 'burnt' })\n"),
     "a.lua:2: there is no fate of records 'burnt'; there are: kept, lost"},
    {STORY("at(5, cut('client', 'server01', { oneway = true }))\n"),
     "a.lua:2: cut has no 'oneway'; it has: one_way"},
    {STORY("at(5, cut('client', 'client'))\n"), "a.lua:2: cut: a link has two ends"},
    {STORY("at(5, cut('server02', 'controller'))\n"),
     "a.lua:2: cut: the controller runs on that node, no link is between them"},
    {STORY("at(5, lossy('client', 'server01', 3))\n"), "a.lua:2: lossy: 3 is not within 0 and 1"},
    {STORY("at(5, action_fails 'addressadd')\n"),
     "a.lua:2: action_fails: 'addressadd' is no effect; one is THING.VERB: \"address.add\""},
    {STORY("at(5, crash('server01', 3))\n"), "a.lua:2: crash takes exactly 1 argument, not 2"},
    {STORY("at(5, veto(1))\n"), "a.lua:2: veto takes no argument: write veto()"},
    {STORY("at(5, crash(5))\n"), "a.lua:2: crash: a node is a text, not a number"},
    {STORY("at(5, 'crash')\n"),
     "a.lua:2: at(…): its argument 2 is no fault and no command but a string"},
    {STORY("at(5)\n"), "a.lua:2: at(…) takes a time or a step, and what happens then"},
    {STORY("at('noon', crash 'server01')\n"), "a.lua:2: at takes a time in seconds, not a string"},
    {STORY("crash 'server01'\n"), "a.lua:2: this happens at no time: put it into at(TIME, …)"},
    {STORY("step 'start postfix'\n"),
     "a.lua:2: nothing happens at this step: put it into at(step(…), …)"},
    {STORY("ends(5),\nends(6)\n"), "a.lua:3: ends(…) stands here a second time"},
    {STORY("serving {},\nserving {}\n"), "a.lua:3: serving { … } stands here a second time"},
    {STORY("set { a = {} }\n"), "a.lua:2: set: a is a text, a number or a truth, not a table"},
    {STORY("foo = 3\n"), "a.lua:1: the list of a scenario has no names: 'foo' belongs into set"},
    {STORY("at(5, crash 'server01'), 'and so on'\n"),
     "a.lua:2: what comes after this line is no part of a scenario but a string"},
    {STORY("at(50 crash 'server01')\n"), "a.lua:2: ')' expected near 'crash'"},
    {STORY("error('my own')\n"), "a.lua:2: my own"},
    {STORY("format('%p', 'x')\n"), NULL},
    {STORY("('%p'):format('x')\n"), "a.lua:2: format has no %p here"},
    {"\nreturn 5\n",
     "a.lua:2: a scenario's file ends with `return scenario \"NAME\" { … }`, this one returns a "
     "number"},
    {"scenario 'x' {}\n",
     "a.lua:1: a scenario's file ends with `return scenario \"NAME\" { … }`, this one returns "
     "nothing"},
    {"return scenario 'x'\n",
     "a.lua:1: a scenario's file ends with `return scenario \"NAME\" { … }`, this one returns a "
     "name without its list"},
    {"local a = scenario 'x'\nreturn scenario 'y' {}\n",
     "a.lua:2: a file has one scenario: the other is on line 1"},
    {"return scenario {}\n", "a.lua:1: scenario: its name is a text, not a table"},
    {"\x1bLua", NULL},
    {"local x = 0\nwhile true do\n  x = x + 1\nend\n",
     "a.lua:3: this does not end: a scenario has 5000000 instructions"},
    {"local x = 'a'\nwhile true do x = x .. x end\n", "a.lua:2: takes more than 32 MiB of memory"},
    {"local x = {}\nlocal y = ('x'):rep(1e9)\n", "a.lua:2: takes more than 32 MiB of memory"},
};
#define MISTAKES (int)(sizeof mistakes / sizeof mistakes[0])

START_TEST(a_mistake_is_told_with_its_line)
{
    struct scenario *s = read_text(mistakes[_i].text);

    ck_assert_msg(s == NULL, "this was read:\n%s", mistakes[_i].text);
    if (mistakes[_i].message != NULL) {
        ck_assert_str_eq(error.text, mistakes[_i].message);
    } else {
        ck_assert_msg(strncmp(error.text, "a.lua:", 6) == 0, "%s", error.text);
    }
    ck_assert(error.code == BATON_INVALID || error.code == BATON_LIMIT);
}
END_TEST

/* ---- Among peers ----------------------------------------------------------------------------- */

START_TEST(among_peers_a_baton_is_named_by_its_node)
{
    struct scenario *s = read_for(
        "return scenario 'x' {\n"
        "  at(10, kill_daemon('server02', { restart = 5, records = 'kept' })),\n"
        "  at(20, kill_daemon 'server01', start_daemon 'server01'),\n"
        "  at(30, failover { to = 'server02', at = 'server01' }, failback()),\n"
        "  at(40, pause { reason = 'work', at = 'server02' }),\n"
        "  at(50, cut('server01', 'server02'), cut('server01', 'store')),\n"
        "}\n",
        &peers);

    ck_assert_msg(s != NULL, "%s", error.text);
    ck_assert_int_eq(s->event[0].deed.at, 1);
    ck_assert_int_eq(s->event[0].deed.restart_ms, 5000);
    ck_assert(s->event[0].deed.keep_records);
    ck_assert_int_eq(s->event[1].deed.at, 0);
    ck_assert_int_eq(s->event[1].deed.restart_ms, -1);
    ck_assert_int_eq(s->event[2].deed.at, 0);
    ck_assert_int_eq(s->event[3].deed.at, 0);
    ck_assert_int_eq(s->event[3].deed.node, 1);
    ck_assert_int_eq(s->event[4].deed.at, GROUP_NOBODY);
    ck_assert_int_eq(s->event[5].deed.at, 1);
    scenario_free(s);
}
END_TEST

static const struct mistake peer_mistakes[] = {
    {STORY("at(1, kill_daemon { restart = 5 }),\n"),
     "a.lua:2: kill_daemon: there is a Baton on every node: kill_daemon \"NODE\" says whose"},
    {STORY("at(1, start_daemon()),\n"),
     "a.lua:2: start_daemon: there is a Baton on every node: start_daemon \"NODE\" says whose"},
    {STORY("at(1, cut('controller', 'server01')),\n"),
     "a.lua:2: there is no place 'controller'; there are: client, gateway, share, store, server01, "
     "server02"},
    {STORY("at(1, hang 'controller'),\n"),
     "a.lua:2: there is no node 'controller'; there are: server01, server02"},
};

START_TEST(among_peers_there_is_no_controller)
{
    ck_assert_ptr_null(read_for(peer_mistakes[_i].text, &peers));
    ck_assert_str_eq(error.text, peer_mistakes[_i].message);
}
END_TEST

START_TEST(one_controller_takes_all_commands)
{
    ck_assert_ptr_null(read_text(STORY("at(1, failback { at = 'server01' }),\n")));
    ck_assert_str_eq(
        error.text, "a.lua:2: at: one controller takes all commands, not one on each node");
}
END_TEST

START_TEST(an_unknown_word_lists_all_faults_and_words)
{
    const char *const *words = scenario_words();
    int i;

    ck_assert_ptr_null(read_text(STORY("at(60, crashh 'server01'),\n")));
    ck_assert_ptr_eq(
        strstr(error.text, "a.lua:2: there is no fault 'crashh'; there are: crash, "), error.text);
    for (i = 0; i < SIM_FAULTS; i++) {
        const char *name = sim_fault_row((enum sim_fault_kind)i)->name;

        ck_assert_msg(strstr(error.text, name) != NULL, "%s is not in: %s", name, error.text);
    }
    for (i = 0; words[i] != NULL; i++) {
        ck_assert_msg(strstr(error.text, words[i]) != NULL, "no %s in: %s", words[i], error.text);
    }
}
END_TEST

/* Every word that is said to be there is, and the environment has nothing else. */
START_TEST(nothing_in_it_reaches_outside)
{
    static const char *const gone[] = {
        "os",     "io",    "debug", "require", "load",         "dofile",      "loadfile",
        "pcall",  "print", "pairs", "next",    "setmetatable", "coroutine",   "collectgarbage",
        "rawset", "_G",    "utf8",  "package", "math.random",  "string.dump", "string.find",
    };
    const char *const *words = scenario_words();
    char text[200];
    size_t i;

    for (i = 0; i < sizeof gone / sizeof gone[0]; i++) {
        struct scenario *s;

        snprintf(
            text, sizeof text, "local x = %s\nif x then error('there', 0) end\nx = x + 1", gone[i]);
        s = read_text(text);
        ck_assert_ptr_null(s);
        ck_assert_msg(
            strstr(error.text, ": there") == NULL || strstr(error.text, "there is no fault"),
            "%s: %s", gone[i], error.text);
    }
    for (i = 0; words[i] != NULL; i++) {
        snprintf(text, sizeof text, "error(type(%s), 0)", words[i]);
        ck_assert_ptr_null(read_text(text));
        ck_assert_str_eq(
            error.text, strcmp(words[i], "expect") == 0 ? "a.lua:1: table" : "a.lua:1: function");
    }
}
END_TEST

START_TEST(too_much_is_refused)
{
    ck_assert_ptr_null(read_text("local list = {}\n"
                                 "for i = 1, 300 do list[i] = at(i, crash 'server01') end\n"
                                 "return scenario 'x' { list }\n"));
    ck_assert_str_eq(error.text, "a.lua:2: a scenario has at most 256 deeds");
    ck_assert_ptr_null(read_text("local list = {}\n"
                                 "for i = 1, 300 do list[i] = expect.serves 'server01' end\n"
                                 "return scenario 'x' { list }\n"));
    ck_assert_str_eq(error.text, "a.lua:2: a scenario has at most 128 expectations");
    ck_assert_ptr_null(read_text("local list = {}\n"
                                 "list[1] = list\n"
                                 "return scenario 'x' { list }\n"));
    ck_assert_str_eq(error.text, "a.lua:3: lists stand in lists more than 16 deep");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("scenario");
    TCase *tc = tcase_create("scenario");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_test(tc, a_story_is_read_in_order);
    tcase_add_test(tc, expectations_are_read_with_their_spans);
    tcase_add_test(tc, a_story_can_be_made_by_loops_and_functions);
    tcase_add_test(tc, every_fault_can_be_written_as_its_shape_says);
    tcase_add_test(tc, times_are_as_short_as_they_are_exact);
    tcase_add_loop_test(tc, a_mistake_is_told_with_its_line, 0, MISTAKES);
    tcase_add_test(tc, among_peers_a_baton_is_named_by_its_node);
    tcase_add_loop_test(
        tc, among_peers_there_is_no_controller, 0,
        (int)(sizeof peer_mistakes / sizeof peer_mistakes[0]));
    tcase_add_test(tc, one_controller_takes_all_commands);
    tcase_add_test(tc, an_unknown_word_lists_all_faults_and_words);
    tcase_add_test(tc, nothing_in_it_reaches_outside);
    tcase_add_test(tc, too_much_is_refused);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
