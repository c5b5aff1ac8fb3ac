/* A group put on stage: from which files, and that they are read once. */
#include "daemon/stage.h"

#include <check.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char config[] =
    "<baton>\n"
    "  <group name=\"mail\">\n"
    "    <address ip=\"10.9.0.100/24\" interface=\"eth0\"/>\n"
    "    <policy file=\"mail.lua\"><set name=\"port\" value=\"25\"/></policy>\n"
    "    <node name=\"server01\" address=\"10.9.0.1\" priority=\"1\"><ssh/></node>\n"
    "    <node name=\"server02\" address=\"10.9.0.2\" priority=\"2\"><ssh/></node>\n"
    "  </group>\n"
    "  <group name=\"web\">\n"
    "    <policy file=\"mail.lua\"/>\n"
    "    <node name=\"server01\" address=\"10.9.0.1\" priority=\"1\"><ssh/></node>\n"
    "    <node name=\"server02\" address=\"10.9.0.2\" priority=\"2\"><ssh/></node>\n"
    "  </group>\n"
    "</baton>\n";
static const char policy[] =
    "local helper = require 'helper'\n"
    "log('port ' .. tostring(param.port))\n"
    "return policy {\n"
    "  probes = { smtp = probe.tcp { port = param.port or 80, every = 1 } },\n"
    "  fit = function(node) return node.smtp.ok end,\n"
    "  serving = function(node) return node:exec { command = { 'status' }, asks = 'service.up' "
    "}.ok "
    "end,\n"
    "  stop = { helper('stop', 'service.stop') }, start = { helper('start', 'service.start') },\n"
    "}\n";
static const char helper[] =
    "return function(name, effect)\n"
    "  return action { name = name, effect = effect, run = function(node)\n"
    "    return node:exec { command = { name }, effect = effect }.ok\n"
    "  end }\n"
    "end\n";

static char folder[64], file[128];
static struct stage *stage;
static struct baton_error error;

static void write_file(const char *name, const char *text)
{
    char path[160];
    FILE *out;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    out = fopen(path, "w");
    ck_assert_ptr_nonnull(out);
    fputs(text, out);
    fclose(out);
    ck_assert_int_eq(chmod(path, 0644), 0);
}

static void for_each_file(const char *pattern, int (*what)(const char *path))
{
    char path[256];
    glob_t found;
    size_t i;

    snprintf(path, sizeof path, "%s/%s", folder, pattern);
    if (glob(path, 0, NULL, &found) == 0) {
        for (i = 0; i < found.gl_pathc; i++) {
            what(found.gl_pathv[i]);
        }
        globfree(&found);
    }
}

/* The shipped modules too: the host itself loads some of them. */
static void set_up(void)
{
    char path[256];
    glob_t found;
    size_t i;

    snprintf(folder, sizeof folder, "/tmp/baton-stage-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/baton.xml", folder);
    write_file("baton.xml", config);
    write_file("mail.lua", policy);
    write_file("helper.lua", helper);
    ck_assert_int_eq(glob(SOURCE_DIR "/lua/*.lua", 0, NULL, &found), 0);
    for (i = 0; i < found.gl_pathc; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, strrchr(found.gl_pathv[i], '/') + 1);
        ck_assert_int_eq(symlink(found.gl_pathv[i], path), 0);
    }
    globfree(&found);
}

static void tear_down(void)
{
    stage_close(stage);
    stage = NULL;
    for_each_file("*", unlink);
    rmdir(folder);
}

/* What the policy logged when it was loaded for this scenario. */
static void play(const char *list, char *said, size_t size)
{
    struct run_setup setup = {.seed = 1};
    struct scenario *scenario = NULL;
    struct run *run = NULL;
    const struct run_entry *entry;
    char text[400];
    int n, i;

    said[0] = '\0';
    snprintf(text, sizeof text, "return scenario 'x' { %s }", list);
    ck_assert_msg(
        scenario_read("a.lua", text, strlen(text), &stage->site, &scenario, &error) == BATON_OK,
        "%s", error.text);
    stage_setup(stage, &setup);
    setup.scenario = scenario;
    ck_assert_msg(run_new(&setup, &run, &error) == BATON_OK, "%s", error.text);
    ck_assert_msg(run_scenario(run, &error) == BATON_OK, "%s", error.text);
    n = run_entries(run, &entry);
    for (i = 0; i < n; i++) {
        if (entry[i].kind == RUN_LOG) {
            snprintf(said, size, "%s", entry[i].text);
        }
    }
    run_free(run);
    scenario_free(scenario);
}

START_TEST(a_group_of_a_configuration_is_run)
{
    char said[100];

    ck_assert_msg(stage_open(file, NULL, folder, &stage, &error) == BATON_OK, "%s", error.text);
    ck_assert_str_eq(stage->site.group, "mail");
    ck_assert_str_eq(stage->group->name, "mail");
    play("expect.serves('server01', { from = 1 }), ends(20)", said, sizeof said);
    ck_assert_str_eq(said, "policy: port 25");
    play("set { port = 26 }, ends(20)", said, sizeof said);
    ck_assert_str_eq(said, "policy: port 26");
    play("ends(20)", said, sizeof said);
    ck_assert_str_eq(said, "policy: port 25");
}
END_TEST

START_TEST(files_are_read_once)
{
    char said[100];

    ck_assert_msg(stage_open(file, "web", folder, &stage, &error) == BATON_OK, "%s", error.text);
    ck_assert_str_eq(stage->site.group, "web");
    write_file("mail.lua", "return 5");
    play("ends(20)", said, sizeof said);
    for_each_file("*", unlink);
    play("at(5, kill_daemon { restart = 5 }), ends(20)", said, sizeof said);
    ck_assert_str_eq(said, "policy: port nil");
}
END_TEST

START_TEST(what_is_not_there_is_named)
{
    char path[160];

    ck_assert_int_eq(stage_open(file, "mial", folder, &stage, &error), BATON_NOT_FOUND);
    ck_assert_ptr_null(stage);
    ck_assert_ptr_nonnull(
        strstr(error.text, "/baton.xml: there is no group mial; there are: mail, web"));
    snprintf(path, sizeof path, "%s/none.xml", folder);
    ck_assert_int_ne(stage_open(path, NULL, folder, &stage, &error), BATON_OK);
    ck_assert_ptr_null(stage);
}
END_TEST

START_TEST(one_policy_file_for_a_site_of_ones_own)
{
    const struct policy_limits limits = {0};
    const struct policy_site site = {
        .group = "own",
        .n_nodes = 2,
        .node = {{"a", "192.0.2.1", "ssh", 1}, {"b", "192.0.2.2", "ssh", 2}},
    };
    char path[160], said[100];

    snprintf(path, sizeof path, "%s/mail.lua", folder);
    ck_assert_int_eq(stage_open_policy(path, folder, &limits, &site, &stage, &error), BATON_OK);
    play("at(20, crash 'a'), expect.serves('a', { to = 20 }), ends(29)", said, sizeof said);
    ck_assert_str_eq(said, "policy: port nil");
    stage_close(stage);
    snprintf(path, sizeof path, "%s/none.lua", folder);
    ck_assert_int_eq(
        stage_open_policy(path, folder, &limits, &site, &stage, &error), BATON_NOT_FOUND);
    ck_assert_ptr_null(stage);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stage");
    TCase *tc = tcase_create("stage");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, a_group_of_a_configuration_is_run);
    tcase_add_test(tc, files_are_read_once);
    tcase_add_test(tc, what_is_not_there_is_named);
    tcase_add_test(tc, one_policy_file_for_a_site_of_ones_own);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
