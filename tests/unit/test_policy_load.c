#include "policy_fake.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Loading the text fails, and the error has these words; or NULL ends the list. */
struct refusal {
    const char *text, *place, *words;
};

START_TEST(reads_the_table)
{
    const struct policy_table *table;
    struct world_request request;

    fake_load("local stop = action { name = 'halt', run = function() end, deadline = 3,\n"
              "  attempts = 2, retry = 0.5 }\n"
              "return policy {\n"
              "  probes = { web = probe.http { path = '/x', port = 81, every = 5 },\n"
              "    smtp = probe.smtp { timeout = 0.5, fall = 2, rise = 1, on = 'holder' },\n"
              "    far = probe.tcp { port = 99, via = 'floating' },\n"
              "    own = probe.custom { run = function() return true end } },\n"
              "  serving = probe.exec { command = { 'ok' }, every = 4, timeout = 2 },\n"
              "  remedies = { { when = function() end, run = stop, attempts = 4, within = 9,\n"
              "    on = 'any' } },\n"
              "  transitions = {\n"
              "    { from = 'Standby', to = 'FailingOver', when = holder_unfit_for(1) },\n"
              "    { from = 'Standby', to = 'FailingBack', when = preferred_fit_for(2) } },\n"
              "  stop = { stop }, start = { action { run = function() end, undo = stop } },\n"
              "  verify = { probe.imap { via = 'floating', timeout = 2 } },\n"
              "  unconfirmed = 'fence', fence = { stop }, settle = 0, max_moves = 2, window = 60, "
              "look_fall = 1 }");
    table = policy_table(fake_policy);
    ck_assert_int_eq(table->rules.n_probes, 4);
    ck_assert_str_eq(table->rules.probe[0].name, "far");
    ck_assert_str_eq(table->rules.probe[1].name, "own");
    ck_assert(table->probe[1].scripted);
    ck_assert_str_eq(table->rules.probe[2].name, "smtp");
    ck_assert_int_eq(table->rules.probe[2].fall, 2);
    ck_assert_int_eq(table->rules.probe[2].on, GROUP_ON_HOLDER);
    ck_assert_int_eq(table->probe[2].timeout_ms, 500);
    ck_assert(!table->probe[2].scripted);
    request = policy_probe_request(fake_policy, 0, 1);
    ck_assert_str_eq(request.u.tcp.host, "10.9.0.100");
    request = policy_probe_request(fake_policy, 2, 1);
    ck_assert_int_eq(request.u.mail.port, 25);
    ck_assert_int_eq(request.timeout_ms, 500);
    ck_assert_str_eq(request.u.mail.host, "fd00::12");
    request = policy_probe_request(fake_policy, 3, 1);
    ck_assert_str_eq(request.u.http.url, "http://[fd00::12]:81/x");
    ck_assert_int_eq(table->look_every_ms, 4000);
    ck_assert_int_eq(table->rules.look_deadline_ms, 2000);
    ck_assert_str_eq(table->rules.list[GROUP_LIST_STOP].action[0].name, "halt");
    ck_assert_int_eq(table->rules.list[GROUP_LIST_STOP].action[0].deadline_ms, 3000);
    ck_assert_int_eq(table->rules.list[GROUP_LIST_STOP].action[0].retry_ms, 500);
    ck_assert_str_eq(table->rules.list[GROUP_LIST_START].action[0].name, "start-1");
    ck_assert(table->rules.list[GROUP_LIST_START].action[0].has_undo);
    ck_assert_int_eq(table->rules.list[GROUP_LIST_VERIFY].action[0].deadline_ms, 2500);
    ck_assert_int_eq(table->rules.remedy[0].attempts_max, 4);
    ck_assert(table->rules.remedy[0].on_any);
    ck_assert(table->rules.fence_unconfirmed);
    ck_assert_int_eq(table->n_transitions, 2);
    ck_assert_int_eq(table->transition[0].on, FSM_PROMOTE);
    ck_assert_int_eq(table->transition[1].on, FSM_RECLAIM);
    ck_assert_int_eq(table->transition[1].line, 13);
}
END_TEST

START_TEST(says_what_actions_change_and_tells_texts_apart)
{
    static const char keys[] = "start = { action { run = function() end, effect = 'a.up' } },\n"
                               "stop = { action { run = function() end } }";
    uint64_t digest;

    fake_load(fake_with(keys));
    ck_assert_str_eq(policy_effect(fake_policy, POLICY_START, 0), "a.up");
    ck_assert_ptr_null(policy_effect(fake_policy, POLICY_STOP, 0));
    ck_assert_int_eq(policy_line(fake_policy), 2);
    digest = policy_digest(fake_policy);
    fake_stop();
    fake_start();
    fake_load(fake_with(keys));
    ck_assert(policy_digest(fake_policy) == digest);
    fake_stop();
    fake_start();
    fake_load(fake_with("start = { action { run = function() end, effect = 'a.go' } }"));
    ck_assert(policy_digest(fake_policy) != digest);
}
END_TEST

static const struct refusal refusals[] = {
    {"return policy {", "test.lua:1:", "expected"},
    {"x = = 1", "test.lua:1:", "unexpected symbol"},
    {"return 5", "test.lua:1:", "must return policy"},
    {"\nreturn policy { fit = 1, strat = {} }", "test.lua:2:", "no key 'strat'; there are: probes"},
    {"local x\nreturn x.y", "test.lua:2:", "attempt to index a nil value"},
    {"error 'no luck'", "test.lua:1:", "no luck"},
    {"error({})", "test.lua:1:", "no text but a table"},
    {"error()", "test.lua:1:", "no text but a nil"},
    {"error(setmetatable({}, { __tostring = function() error 'x' end }))", "test.lua:1:", "table"},
    {"\nexec { command = { 'id' } }", "test.lua:2:", "not in the policy file itself"},
    {"\nreturn holder_unfit_fr(6)", "test.lua:2:", "there is no \"holder_unfit_fr\""},
    {"require 'nowhere'", "test.lua:1:", "there is no lua/nowhere.lua"},
    {"require '../x'", "test.lua:1:", "no name of a module"},
    {"require 'again'", "lua/again.lua:1:", "requires itself"},
    {"return group.holder", "test.lua:1:", "nothing has been observed yet"},
    {"group.name = 'x'", "test.lua:1:", "read-only"},
    {"\nsecret 'other'", "test.lua:2:", "no secret \"other\""},
    {"\nreturn probe.ftp {}", "test.lua:2:", "no probe.ftp; there are: clock"},
    {"\nlocal x = probe.tcp(5)", "test.lua:2:", "probe.tcp wants a table"},
    {"return setmetatable({}, { __gc = function() end })", "test.lua:1:", "__gc"},
    {"return setmetatable({}, { __mode = 'k' })", "test.lua:1:", "__mode"},
    {"return ('%p'):format({})", "test.lua:1:", "%p"},
    {"return ('x'):rep(1 << 40)", "test.lua:1:", "longer than"},
};

START_TEST(refuses_a_file)
{
    const struct refusal *r = &refusals[_i];

    ck_assert_int_eq(fake_try(r->text, strlen(r->text), 0, 0), BATON_INVALID);
    ck_assert_msg(
        strncmp(fake_error.text, r->place, strlen(r->place)) == 0, "%s: %s", r->text,
        fake_error.text);
    ck_assert_msg(strstr(fake_error.text, r->words) != NULL, "%s: %s", r->text, fake_error.text);
}
END_TEST

/* Keys of a policy; they begin on line 4. */
static const struct refusal bad_keys[] = {
    {"transitions = {\n{ from = 'Standby', to = 'Active', when = function() end } }",
     "test.lua:5:", "FailingOver"},
    {"transitions = { {\n from = 'Sleeping', to = 'Active', when = function() end } }",
     "test.lua:5:", "Standby"},
    {"transitions = {\n\n{ from = 'Standby', to = 'FailingOver', if_ = 1 } }",
     "test.lua:6:", "no key 'if_'; there are: from, to, when"},
    {"transitions = { { from = 'Standby', to = 'FailingOver' } }",
     "test.lua:4:", "when wants a function"},
    {"\nprobes = { smtp = probe.smtp { prot = 25 } }",
     "test.lua:5:", "probe.smtp has no key 'prot'"},
    {"probes = {\n a = probe.tcp { port = 70000 } }", "test.lua:5:", "port wants a whole number"},
    {"probes = {\n a = probe.tcp { } }", "test.lua:5:", "tcp wants port"},
    {"probes = {\n a = probe.tcp { port = 1, every = 'x' } }",
     "test.lua:5:", "every wants seconds"},
    {"probes = {\n a = probe.tcp { port = 1, every = 0 } }", "test.lua:5:", "at least"},
    {"probes = {\n a = probe.tcp { port = 1, every = 0/0 } }", "test.lua:5:", "at least"},
    {"probes = {\n a = probe.tcp { port = 1, fall = 1.5 } }", "test.lua:5:", "whole number"},
    {"probes = {\n a = probe.tcp { port = 1, on = 'moon' } }",
     "test.lua:5:", "there are: all, holder, others"},
    {"probes = {\n state = probe.tcp { port = 1 } }", "test.lua:5:", "field of that name"},
    {"probes = {\n exec = probe.tcp { port = 1 } }", "test.lua:5:", "field of that name"},
    {"probes = { ['A b'] = probe.tcp { port = 1 } }", "test.lua:4:", "small letter"},
    {"probes = { a = {} }", "test.lua:4:", "make it with probe"},
    {"probes = { probe.tcp { port = 1 } }", "test.lua:4:", "wants a name"},
    {"start = { }", "test.lua:2:", "at least one action"},
    {"start = { function() end }", "test.lua:4:", "item 1 is a function, no action"},
    {"start = {\naction { rn = 1 } }", "test.lua:5:", "an action has no key 'rn'"},
    {"start = {\naction { name = 'x' } }", "test.lua:5:", "neither run nor look"},
    {"start = {\naction { run = 5 } }", "test.lua:5:", "run wants a function"},
    {"start = {\naction { run = function() end, undo = 1 } }",
     "test.lua:5:", "undo wants an action"},
    {"remedies = { { when = 1 } }", "test.lua:4:", "when wants a function"},
    {"remedies = {\n{ when = function() end } }", "test.lua:5:", "run wants an action"},
    {"remedies = 5", "test.lua:2:", "remedies wants a list"},
    {"fit = true", "test.lua:2:", "fit wants a function"},
    {"unconfirmed = 'assume'", "test.lua:2:", "there are: hold, fence"},
    {"max_moves = 0", "test.lua:2:", "max_moves wants a whole number from 1"},
    {"window = 172800", "test.lua:", "window above 0 and at most a day"},
    {"verify = { 5 }", "test.lua:4:", "no action or probe"},
    {"verify = {\nprobe.smtp { x = 1 } }", "test.lua:5:", "probe.smtp has no key 'x'"},
};

START_TEST(refuses_a_key)
{
    const struct refusal *r = &bad_keys[_i];
    const char *text = fake_with(r->text);

    ck_assert_int_eq(fake_try(text, strlen(text), 0, 0), BATON_INVALID);
    ck_assert_msg(
        strncmp(fake_error.text, r->place, strlen(r->place)) == 0, "%s: %s", r->text,
        fake_error.text);
    ck_assert_msg(strstr(fake_error.text, r->words) != NULL, "%s: %s", r->text, fake_error.text);
}
END_TEST

START_TEST(refuses_bytecode)
{
    static const char bytecode[] = "\x1bLua\x54\x00\x19\x93\r\n\x1a\n";

    ck_assert_int_eq(fake_try(bytecode, sizeof bytecode - 1, 0, 0), BATON_INVALID);
    ck_assert_msg(strncmp(fake_error.text, "test.lua:1:", 11) == 0, "%s", fake_error.text);
    ck_assert_ptr_nonnull(strstr(fake_error.text, "binary"));
}
END_TEST

START_TEST(a_missing_look_is_named)
{
    const char *text = "local a = action { run = function() end }\n"
                       "return policy { start = { a }, stop = { a } }";

    ck_assert_int_eq(fake_try(text, strlen(text), 0, 0), BATON_INVALID);
    ck_assert_msg(strstr(fake_error.text, "serving is missing") != NULL, "%s", fake_error.text);
}
END_TEST

START_TEST(the_error_has_a_traceback)
{
    const char *text = "local function inner() local x; return x.y end\n"
                       "local function outer() inner() return 1 end\n"
                       "outer()\n";

    ck_assert_int_eq(fake_try(text, strlen(text), 0, 0), BATON_INVALID);
    ck_assert_msg(
        strstr(fake_error.text, "\n  test.lua:1: in upvalue 'inner'") != NULL, "%s",
        fake_error.text);
    ck_assert_ptr_nonnull(strstr(fake_error.text, "\n  test.lua:2: in local 'outer'"));
    ck_assert_ptr_nonnull(strstr(fake_error.text, "\n  test.lua:3"));
}
END_TEST

/* Each is true in the environment of a policy. */
/* One literal each, however long. */
/* clang-format off */
static const char *const truths[] = {
    "not pcall(function() return os end)",
    "not pcall(function() return io end)",
    "not pcall(function() return debug end)",
    "not pcall(function() return load end)",
    "not pcall(function() return dofile end)",
    "not pcall(function() return loadfile end)",
    "not pcall(function() return coroutine end)",
    "not pcall(function() return collectgarbage end)",
    "not pcall(function() return package end)",
    "not pcall(function() return rawset end)",
    "string.dump == nil and math.randomseed == nil",
    "getmetatable('') == nil and getmetatable(group) == nil",
    "tostring({}) == 'table' and not pcall(function() return print end)",
    "tostring(tostring) == 'function'",
    "('%s %s'):format({}, tostring) == 'table function'",
    "tostring(group.nodes[1]) == 'server01' and tostring(group) == 'mail'",
    "group.nodes[1] == group.nodes[1] and group.nodes[1] ~= group.nodes[2]",
    "(function() local s = '' for k in pairs { b = 1, a = 1, [2] = 1, [1] = 1, [1.5] = 1, [true] = 1 } do s = s .. tostring(k) .. ' ' end return s end)() == '1 1.5 2 a b true '",
    "(function() local n = 0 for k, v in pairs { a = 1, b = 2 } do n = n + v end return n end)() == 3",
    "(function() local t = { a = 1, b = 2, c = 3 } local n = 0 for k in pairs(t) do n = n + 1 t[k] = nil t.c = nil end return n end)() == 2",
    "next({}) == nil and next { z = 1, y = 2 } == 'y' and next({ z = 1, y = 2 }, 'y') == 'z'",
    "(function() local n = '' for k in pairs { [group.nodes[2]] = 1, [group.nodes[1]] = 2 } do n = n .. k.name end return n end)() == 'server01server02'",
    "not pcall(function() for _ in pairs { [{}] = 1 } do end end)",
    "param.tries == 5 and param.verbose == true and param.unit == 'postfix' and param.no == nil",
    "select(2, pcall(error, 'x', 0)) == 'x' and select('#', pcall(error)) == 2",
    "select(2, pcall(error, 'x')) == 'x'",
    "select(2, xpcall(function() error('a', 0) end, function(e) return e .. 'b' end)) == 'ab'",
    "select(2, pcall(assert, false, 'm')) == 'm' or true",
    "math.random(3, 3) == 3 and random() >= 0 and random() < 1",
    "now() == 1 and wall() > 1700000000",
    "secret 'token' == 'token'",
    "require 'guards' == require 'guards'",
    "('x'):rep(3, '-') == 'x-x-x' and ('ab'):rep(0) == ''",
    "table.concat({ 1, 2, 3 }, ',') == '1,2,3' and #table.pack(table.unpack { 1, 2 }) == 2",
    "('a1b22'):gsub('%d+', '#') == 'a#b#'",
    "group.nodes[2].address == 'fd00::12' and group.floating == '10.9.0.100/24'",
    "not pcall(function() return group.nodes[1].nosuch end)",
    "setmetatable({}, { __index = { a = 1 } }).a == 1",
};
/* clang-format on */

START_TEST(the_environment_is_closed)
{
    char text[1024];

    snprintf(text, sizeof text, "if not (%s) then error('not true', 0) end", truths[_i]);
    strncat(text, "\nreturn 5", sizeof text - strlen(text) - 1);
    ck_assert_int_eq(fake_try(text, strlen(text), 0, 0), BATON_INVALID);
    ck_assert_msg(
        strstr(fake_error.text, "must return policy") != NULL, "%s: %s", truths[_i],
        fake_error.text);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

int main(void)
{
    Suite *suite = suite_create("policy: loading");
    TCase *loading = tcase_create("loading");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(loading, fake_start, fake_stop);
    tcase_add_test(loading, reads_the_table);
    tcase_add_test(loading, says_what_actions_change_and_tells_texts_apart);
    tcase_add_loop_test(loading, refuses_a_file, 0, COUNT(refusals));
    tcase_add_loop_test(loading, refuses_a_key, 0, COUNT(bad_keys));
    tcase_add_test(loading, refuses_bytecode);
    tcase_add_test(loading, a_missing_look_is_named);
    tcase_add_test(loading, the_error_has_a_traceback);
    tcase_add_loop_test(loading, the_environment_is_closed, 0, COUNT(truths));
    suite_add_tcase(suite, loading);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
