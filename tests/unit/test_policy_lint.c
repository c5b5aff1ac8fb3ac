/* Lint: each warning has a policy that gets it, on its line, and the shipped policies get
 * none. */
#include "policy/lint.h"

#include "daemon/loader.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64], file[96], said[8192];
static struct policy_site site;
static struct world_pair params[4];

static void set_up(void)
{
    snprintf(folder, sizeof folder, "/tmp/baton-lint-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/test.lua", folder);
    memset(&site, 0, sizeof site);
    site.group = "mail";
    site.floating = "192.0.2.100/24";
    site.interface = "eth0";
    site.share = "/srv/mail";
    site.gateway = "192.0.2.1";
    site.n_nodes = 2;
    site.node[0] = (struct policy_node_site){"server01", "192.0.2.11", "ssh", 1};
    site.node[1] = (struct policy_node_site){"server02", "192.0.2.12", "ssh", 2};
    site.param = params;
}

static void tear_down(void)
{
    unlink(file);
    ck_assert_int_eq(rmdir(folder), 0);
}

/* "test.lua:3: text", one a line. */
static void on_found(void *arg, const char *where, int line, const char *text)
{
    const char *slash = strrchr(where, '/');
    size_t used = strlen(said);

    (void)arg;
    snprintf(
        said + used, sizeof said - used, "%s:%d: %s\n", slash == NULL ? where : slash + 1, line,
        text);
}

static int lint_file(const char *path)
{
    struct loader_want want = {
        .file = path,
        .lua_directory = SOURCE_DIR "/lua",
        .site = &site,
        .world = loader_world(),
    };
    struct baton_error error = {0};
    struct policy *policy = NULL;
    int count = -1;

    said[0] = '\0';
    ck_assert_msg(loader_policy(&want, &policy, &error) == BATON_OK, "%s", error.text);
    ck_assert_int_eq(lint_policy(policy, on_found, NULL, &count, &error), BATON_OK);
    policy_free(policy);
    return count;
}

static int lint_text(const char *text)
{
    FILE *out = fopen(file, "w");

    ck_assert_ptr_nonnull(out);
    fputs(text, out);
    fclose(out);
    ck_assert_int_eq(chmod(file, 0644), 0);
    return lint_file(file);
}

/* A policy with nothing odd about it, but for `keys`, which begin on line 9; those that they
 * name are left out of the rest. */
static const char *policy_with(const char *keys)
{
    static const struct {
        const char *key, *text;
    } usual[] = {
        {"probes", "probes = { smtp = probe.smtp {} },"},
        {"fit", "fit = function(node) return node.smtp.ok end,"},
        {"transitions",
         "transitions = { { from = 'Standby', to = 'FailingOver', when = holder_unfit_for(6) },"
         " { from = 'Standby', to = 'FailingBack', when = preferred_fit_for(60) } },"},
        {"stop", "stop = { down },"},
        {"start", "start = { up },"},
        {"verify", "verify = { probe.smtp { via = 'floating' } },"},
    };
    static char text[4096];
    char key[32];
    size_t i, used;

    used = (size_t)snprintf(
        text, sizeof text,
        "local function run(node) return node:exec { command = { 'true' } } end\n"
        "local function look(node) return node:exec { command = { 'true' } }.ok end\n"
        "local up = action { name = 'up', run = run, look = look, effect = 'address.add' }\n"
        "local down = action { name = 'down', run = run, effect = 'address.delete' }\n"
        "return policy {\n"
        "serving = look,\n"
        "settle = 5,\n"
        "look_deadline = 4,\n"
        "%s\n",
        keys);
    for (i = 0; i < sizeof usual / sizeof usual[0]; i++) {
        snprintf(key, sizeof key, "%s = ", usual[i].key);
        if (strstr(keys, key) == NULL) {
            used += (size_t)snprintf(text + used, sizeof text - used, "%s\n", usual[i].text);
        }
    }
    snprintf(text + used, sizeof text - used, "}\n");
    return text;
}

/* ---- What is found -------------------------------------------------------------------- */

static const struct {
    const char *keys, *place, *words;
} odd[] = {
    {"start = { action { name = 'go', run = run, effect = 'address.add' } },",
     "test.lua:9: ", "start action go: without a look"},
    {"start = { action { name = 'go', run = run, look = look } },",
     "test.lua:9: ", "start action go: it declares no effect"},
    {"stop = { down,\naction { name = 'off', run = run } },",
     "test.lua:10: ", "stop action off: it declares no effect"},
    {"start = { up, action { name = 'go', run = run, look = look, effect = 'service.start' } },",
     "test.lua:9: ", "start action go: no stop action has an effect on \"service\""},
    {"start = { action { name = 'go', run = run, look = look, effect = 'service.start' } },\n"
     "stop = { action { run = run, effect = 'service.stop' } },",
     "test.lua:6: ", "the group has a floating address, and no start action has an effect on"},
    {"verify = nil, start = { action { name = 'go', run = run, effect = 'address.add' } },",
     "test.lua:6: ", "there is no verify"},
    {"\nprobes = { smtp = probe.smtp { every = 0.2, timeout = 0.2 } },",
     "test.lua:10: ", "probe smtp: timeout = 0.2 is not below every = 0.2"},
    {"probes = { smtp = probe.smtp { fall = 1 } },", "test.lua:9: ", "probe smtp: with fall = 1"},
    {"probes = { smtp = probe.smtp {},\n imap = probe.imap {} },",
     "test.lua:10: ", "probe imap: neither fit nor a guard or remedy ever reads it"},
    {"window = 20, max_moves = 2,", "test.lua:6: ", "max_moves = 2 in window = 20"},
    {"look_fall = 1,", "test.lua:6: ", "look_fall = 1"},
    {"transitions = {\n{ from = 'Standby', to = 'FailingBack', when = preferred_fit_for(0) } },",
     "test.lua:10: ", "this failback is wanted (\"server01 preferred, fit for 0 s\") as soon as"},
    {"transitions = { { from = 'Standby', to = 'FailingOver',\nwhen = function() return true end } "
     "},",
     "test.lua:9: ", "this failover is wanted (\"the guard holds\") although the holder serves"},
    {"remedies = {\n{ when = function(node) return node.smtp.failed end, run = up,\n"
     "attempts = 3, within = 20 } },",
     "test.lua:3: ", "remedy up: 3 attempts of up to 10 s do not fit into within = 20"},
    {"fit = function(node)\nreturn node.smtp.ok and node.nonsense end,",
     "test.lua:10: ", "a verdict breaks, and the group would hold: "},
};

START_TEST(what_is_odd_is_found_on_its_line)
{
    int count = lint_text(policy_with(odd[_i].keys));

    ck_assert_msg(
        strncmp(said, odd[_i].place, strlen(odd[_i].place)) == 0, "not on %s\n%s", odd[_i].place,
        said);
    ck_assert_msg(strstr(said, odd[_i].words) != NULL, "not \"%s\":\n%s", odd[_i].words, said);
    ck_assert_int_ge(count, 1);
}
END_TEST

/* ---- What is not ---------------------------------------------------------------------- */

static const char *const fine[] = {
    "",
    /* read by what comes after another one has failed */
    "probes = { smtp = probe.smtp {}, imap = probe.imap {}, pop = probe.pop3 {} },\n"
    "fit = function(node) return node.smtp.ok and node.imap.ok and node.pop.ok end,",
    /* read by a guard only, and only while the holder is unfit */
    "probes = { smtp = probe.smtp {}, lan = probe.tcp { port = 1, fall = 1 } },\n"
    "transitions = { { from = 'Standby', to = 'FailingOver', when = function(node, group)\n"
    "  local holder = group.holder\n"
    "  return holder ~= nil and holder.fit==false and not node.lan.failed end } },",
    /* read by a remedy, and not by its status */
    "probes = { smtp = probe.smtp {}, disk = probe.custom { run = look } },\n"
    "remedies = { { when = function(node) return node.disk.value > 9 end, run = up } },",
    /* without fit all probes count */
    "fit = nil, probes = { smtp = probe.smtp {}, imap = probe.imap {} },",
    /* a script's own time */
    "probes = { smtp = probe.custom { run = look, every = 1, timeout = 5 } },",
    /* each start action looks, so a move is seen to have worked */
    "verify = {},",
    /* an undo takes it down again */
    "start = { up, action { name = 'go', run = run, look = look, effect = 'service.start',\n"
    "  undo = action { run = run, effect = 'service.stop' } } },",
    /* it only waits until something is so */
    "start = { up, action { name = 'wait', look = look } },",
};

START_TEST(what_is_in_order_is_left_alone)
{
    int count = lint_text(policy_with(fine[_i]));

    ck_assert_msg(count == 0, "%s\n%s", fine[_i], said);
}
END_TEST

static const struct {
    const char *policy;
    struct world_pair param[3];
    int n_params;
    bool bare; /* no floating address, share or gateway */
} shipped[] = {
    {"postfix-floating-ip.lua", {{NULL, NULL}}, 0, false},
    {"postfix-floating-ip.lua", {{"standby", "cold"}}, 1, false},
    {"postfix-floating-ip.lua", {{"restarts", "0"}, {"failback", "false"}}, 2, false},
    {"postfix-floating-ip.lua", {{"unconfirmed", "fence"}, {"sudo", "true"}}, 2, false},
    {"generic-service.lua", {{"unit", "db.service"}, {"port", "5432"}}, 2, false},
    {"generic-service.lua", {{"unit", "db.service"}}, 1, false},
    {"generic-service.lua", {{"init", "db"}, {"port", "5432"}}, 2, true},
    {"generic-service.lua",
     {{"start_command", "a"}, {"stop_command", "b"}, {"status_command", "c"}},
     3,
     true},
};

START_TEST(shipped_policies_get_no_warning)
{
    char path[256];
    int i;

    snprintf(path, sizeof path, "%s/policies/%s", SOURCE_DIR, shipped[_i].policy);
    for (i = 0; i < shipped[_i].n_params; i++) {
        params[i] = shipped[_i].param[i];
    }
    site.n_params = i;
    if (shipped[_i].bare) {
        site.floating = site.interface = site.share = site.gateway = NULL;
    }
    ck_assert_msg(lint_file(path) == 0, "%s:\n%s", shipped[_i].policy, said);
}
END_TEST

START_TEST(the_same_policy_gets_the_same_words)
{
    char first[sizeof said];
    const char *text = policy_with("window = 20, look_fall = 1,\n"
                                   "probes = { a = probe.smtp {}, b = probe.smtp {}, smtp = "
                                   "probe.smtp { fall = 1 } },");

    ck_assert_int_eq(lint_text(text), 5);
    snprintf(first, sizeof first, "%s", said);
    ck_assert_int_eq(lint_text(text), 5);
    ck_assert_str_eq(first, said);
}
END_TEST

START_TEST(one_node_is_no_reason_to_stumble)
{
    site.n_nodes = 1;
    ck_assert_msg(lint_text(policy_with("")) == 0, "%s", said);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("policy: lint");
    TCase *tcase = tcase_create("lint");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(
        tcase, what_is_odd_is_found_on_its_line, 0, (int)(sizeof odd / sizeof odd[0]));
    tcase_add_loop_test(
        tcase, what_is_in_order_is_left_alone, 0, (int)(sizeof fine / sizeof fine[0]));
    tcase_add_loop_test(
        tcase, shipped_policies_get_no_warning, 0, (int)(sizeof shipped / sizeof shipped[0]));
    tcase_add_test(tcase, the_same_policy_gets_the_same_words);
    tcase_add_test(tcase, one_node_is_no_reason_to_stumble);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
