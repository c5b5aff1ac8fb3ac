/* rewriter, failover_settings and failover_config, as scripts see them. */
#include "policy_fake.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char head[] =
    "init = { step { name = 'a', plan = function() return {} end, run = function()\n";

/* Run a chunk as a step, in a policy of its own: what it returns. */
static struct fake_end run(const char *chunk)
{
    char text[4096];

    fake_stop();
    fake_start();
    snprintf(text, sizeof text, "%s%s\nend } }", head, chunk);
    fake_load(fake_with(text));
    return fake_task(POLICY_STEP_RUN, POLICY_STEP_INDEX(POLICY_INIT, 0), 0, 3600000);
}

static void says(const char *chunk, const char *wanted)
{
    struct fake_end end = run(chunk);

    ck_assert_msg(strcmp(end.detail, wanted) == 0, "%s", end.detail);
    ck_assert_int_eq(end.result.outcome, GROUP_OK);
}

static void breaks(const char *chunk, const char *wanted)
{
    struct fake_end end = run(chunk);

    ck_assert_msg(strstr(end.detail, wanted) != NULL, "%s", end.detail);
    ck_assert(end.result.broken);
}

START_TEST(pieces_go_through_a_rewriter)
{
    says(
        "local r = rewriter { rules = { { from = 'C:\\\\Mail', to = '/srv/mail' } } }\n"
        "local out = r:feed '<d>C:\\\\Ma' .. r:feed 'il\\\\a</' .. r:feed 'd>'\n"
        "local rest, counts = r:finish()\n"
        "return true, ('%s %d %d %d %s'):format(out .. rest, counts.replaced, counts.bytes_in, "
        "counts.bytes_out, counts.sha256_out:sub(1, 6))",
        "<d>/srv/mail/a</d> 1 16 18 8a2b8a");
}
END_TEST

START_TEST(what_is_wrong_comes_with_its_line)
{
    says(
        "local r = rewriter { rules = {}, format = 'json' }\n"
        "local out, why = r:feed '[\\n}    '\n"
        "return out == nil, why",
        "line 2: '}' where a value is wanted");
    says(
        "local r = rewriter { rules = {} }\n"
        "r:feed '<d>' local out, why = r:finish()\n"
        "return out == nil, why",
        "line 1: it ends in the middle");
}
END_TEST

/* More bytes than a policy may have memory, entry by entry. */
START_TEST(a_long_file_takes_no_memory)
{
    says(
        "local r = rewriter { rules = { { from = 'C:\\\\Mail', to = '/srv/mail' } } }\n"
        "local piece = ('<p>C:\\\\Mail\\\\x</p>\\n'):rep(12000)\n"
        "local bytes = #r:feed '<d>'\n"
        "for i = 1, 50 do bytes = bytes + #assert(r:feed(piece)) sleep(0.01) end\n"
        "assert(r:feed '</d>')\n"
        "local rest, counts = r:finish()\n"
        "return true, tostring(counts.replaced)",
        "600000");
}
END_TEST

START_TEST(misuse_breaks_a_rule)
{
    breaks("return rewriter { rules = 5 }", "rewriter wants rules = {");
    breaks("return rewriter { rules = { { from = 'x' } } }", "a rule of rewriter wants to = ");
    breaks("return rewriter { rules = { { from = '', to = 'x' } } }", "a path to rewrite is empty");
    breaks("return rewriter { rules = {}, format = 'ini' }", "there are: auto, xml, json");
    breaks(
        "local r = rewriter { rules = {} } r:feed '[]' r:finish() return r:feed 'x'",
        "this rewriter is finished");
    breaks("local r = rewriter { rules = {} } return r.feed('x')", "called with a colon");
    breaks("local r = rewriter { rules = {} } return getmetatable(r).__gc(r)", "");
}
END_TEST

START_TEST(bytes_go_as_base64)
{
    says(
        "return true, to_base64 '' .. '|' .. to_base64 'a' .. '|' .. to_base64 'ab' .. '|' .. "
        "to_base64 'a\\255\\0c'",
        "|YQ==|YWI=|Yf8AYw==");
    says(
        "local all = {} for i = 0, 255 do all[i + 1] = string.char(i) end\n"
        "all = table.concat(all):rep(1000)\n"
        "for cut = 0, 3 do local some = all:sub(1, -1 - cut)\n"
        "    if from_base64(to_base64(some)) ~= some then return false, cut end\n"
        "end return true, #from_base64(to_base64(all))",
        "256000");
    says("local b, why = from_base64 'YQ=' return b == nil, why", "it is no base64");
    says("local b, why = from_base64 'Y Q=' return b == nil, why", "it is no base64");
    says("local b, why = from_base64 'a\\0==' return b == nil, why", "it is no base64");
    says("return true, #from_base64 ''", "0");
    says("local b, why = from_base64 '====' return b == nil, why", "it is no base64");
    breaks("return from_base64 {}", "string expected");
    breaks("local s = ('x'):rep(300000) for i = 1, 1000 do to_base64(s) end", "used up its budget");
}
END_TEST

START_TEST(failover_settings_are_read_and_put)
{
    says(
        "local s = failover_settings '<c><IsEnabled>False</IsEnabled><FailoverIPAddress>1"
        "</FailoverIPAddress></c>'\n"
        "return s.IsEnabled == false and s.SharedSystemFilesPath == nil, s.FailoverIPAddress",
        "1");
    says(
        "return true, (failover_config('<c><IsEnabled>False</IsEnabled></c>', { IsEnabled = true, "
        "SharedSystemFilesPath = '\\\\\\\\NAS01' }))",
        "<c><IsEnabled>True</IsEnabled>  <SharedSystemFilesPath>\\\\NAS01</SharedSystemFilesPath>\n"
        "</c>");
    says(
        "local s, why = failover_settings '<c>' return s == nil, why",
        "line 1: it ends in the middle");
    says(
        "local s, why = failover_config('<c><IsEnabled/><IsEnabled/></c>', {}) return s == nil, "
        "why",
        "line 1: <IsEnabled> is there twice, also in line 1");
    breaks("return failover_config('', { IsEnabled = 1 })", "IsEnabled wants true or false");
    breaks("return failover_config('', { FailoverIPAddress = {} })", "wants a text");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("policy: rewriter");
    TCase *t = tcase_create("rewriter");
    SRunner *runner;
    int failed;

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, fake_start, fake_stop);
    tcase_add_test(t, pieces_go_through_a_rewriter);
    tcase_add_test(t, what_is_wrong_comes_with_its_line);
    tcase_add_test(t, a_long_file_takes_no_memory);
    tcase_add_test(t, misuse_breaks_a_rule);
    tcase_add_test(t, bytes_go_as_base64);
    tcase_add_test(t, failover_settings_are_read_and_put);
    suite_add_tcase(suite, t);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
