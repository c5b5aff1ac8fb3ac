/* The shipped policies, as they are, through host, controller and group in the simulated
 * world: what moves, what does not, and the reason in words. And the stubs in
 * lua/baton.d.lua against what the host really shows. */
#include "controller/controller.h"
#include "world/sim/sim.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct sim *sim;
static struct controller *controller;
static struct policy_site site;
static struct world_pair params[8];

static char *slurp(const char *file, size_t *len)
{
    FILE *f = fopen(file, "rb");
    char *text;
    long size;

    if (f == NULL) {
        return NULL;
    }
    fseek(f, 0, SEEK_END);
    size = ftell(f);
    rewind(f);
    text = malloc((size_t)size + 1);
    ck_assert_ptr_nonnull(text);
    *len = fread(text, 1, (size_t)size, f);
    text[*len] = '\0';
    fclose(f);
    return text;
}

static enum baton_err read_module(
    void *arg, const char *name, char **text, size_t *len, char *file, size_t file_size,
    struct baton_error *error)
{
    (void)arg;
    snprintf(file, file_size, "%s/lua/%s.lua", SOURCE_DIR, name);
    *text = slurp(file, len);
    return *text != NULL ? BATON_OK : baton_fail(error, BATON_NOT_FOUND, "%s: no module", file);
}

static struct policy *load_text(const char *name, const char *text, struct baton_error *error)
{
    struct policy_source source = {
        .file = name, .text = text, .len = strlen(text), .read = read_module};
    struct policy *policy = NULL;

    policy_new(&source, &site, NULL, sim_door(sim, SIM_CONTROLLER), &policy, error);
    return policy;
}

static struct policy *load(const char *name, struct baton_error *error)
{
    char file[512];
    size_t len;
    char *text;
    struct policy *policy;

    snprintf(file, sizeof file, "%s/policies/%s", SOURCE_DIR, name);
    text = slurp(file, &len);
    ck_assert_msg(text != NULL, "can't read %s", file);
    policy = load_text(name, text, error);
    free(text);
    return policy;
}

/* "service" is all services of the node. */
static void up(int node, const char *thing, bool is_up)
{
    struct sim_node *at = &sim->node[node];
    bool found = false;

    for (int i = 0; i < at->n_things; i++) {
        if (strncmp(at->thing[i].name, thing, strlen(thing)) == 0) {
            at->thing[i].up = is_up;
            found = true;
        }
    }
    if (strcmp(thing, "share") == 0) {
        at->share = is_up ? SIM_SHARE_OK : SIM_SHARE_GONE;
    } else if (!found) {
        sim_thing(at, thing)->up = is_up;
    }
    sim_changed(sim);
}

static bool is_up(int node, const char *thing)
{
    return sim_thing(&sim->node[node], thing)->up;
}

static void inject(enum sim_fault_kind kind, int node)
{
    struct sim_fault fault = {.kind = kind, .place = SIM_NODE + node};

    ck_assert_int_eq(sim_inject(sim, &fault, NULL), BATON_OK);
}

static void set_up(void)
{
    struct baton_error error;

    ck_assert_int_eq(sim_new(1, &sim, &error), BATON_OK);
    sim->trace_on = true;
    snprintf(sim->floating, sizeof sim->floating, "10.9.0.100");
    sim_add_node(sim, "server01", "10.9.0.1");
    sim_add_node(sim, "server02", "10.9.0.2");
    memset(&site, 0, sizeof site);
    site.group = "mail";
    site.floating = "10.9.0.100/24";
    site.interface = "eth0";
    site.share = "/srv/mail";
    site.n_nodes = 2;
    site.node[0] = (struct policy_node_site){"server01", "10.9.0.1", "ssh", 1};
    site.node[1] = (struct policy_node_site){"server02", "10.9.0.2", "ssh", 2};
    site.param = params;
}

static void tear_down(void)
{
    controller_free(controller);
    controller = NULL;
    ck_assert_msg(
        sim->count.two_ms == 0, "two nodes served for %lld ms\n%s", (long long)sim->count.two_ms,
        sim->trace);
    sim_free(sim);
}

static void set(const char *name, const char *value)
{
    ck_assert_int_lt(site.n_params, (int)(sizeof params / sizeof params[0]));
    params[site.n_params++] = (struct world_pair){name, value};
}

/* Start with server01 serving, and let it come to rest. */
static void start(const char *name)
{
    struct controller_setup setup = {
        .name = "mail", .n_nodes = 2, .world = sim_door(sim, SIM_CONTROLLER)};
    struct baton_error error = {BATON_OK, ""};

    snprintf(setup.node[0].name, sizeof setup.node[0].name, "server01");
    snprintf(setup.node[1].name, sizeof setup.node[1].name, "server02");
    setup.node[0].priority = 1;
    setup.node[1].priority = 2;
    setup.memory = (struct group_memory){.holder = GROUP_NOBODY};
    setup.policy = load(name, &error);
    ck_assert_msg(setup.policy != NULL, "%s", error.text);
    ck_assert_msg(controller_new(&setup, &controller, &error) == BATON_OK, "%s", error.text);
    sim_run(sim, 60000);
    ck_assert_msg(controller_group(controller)->node[0].state == FSM_ACTIVE, "%s", sim->trace);
    ck_assert_msg(controller_group(controller)->node[1].state == FSM_STANDBY, "%s", sim->trace);
    sim->trace_len = 0;
    sim->trace[0] = '\0';
}

static void start_hot(void)
{
    sim_moves_with_baton(sim, "address");
    sim_serves_at_start(sim, 0);
    up(0, "service", true);
    up(1, "service", true);
    start("postfix-floating-ip.lua");
}

static void ck_has(const char *part)
{
    ck_assert_msg(strstr(sim->trace, part) != NULL, "no \"%s\" in\n%s", part, sim->trace);
}

static void ck_has_not(const char *part)
{
    ck_assert_msg(strstr(sim->trace, part) == NULL, "\"%s\" in\n%s", part, sim->trace);
}

static void ck_holder(int node)
{
    ck_assert_msg(controller_group(controller)->holder == node, "%s", sim->trace);
}

/* Some verdict on some edge says so. */
static void ck_why(const char *part)
{
    struct controller_why why[16];
    int n = controller_why(controller, why, 16);
    bool found = false;

    for (int i = 0; i < n; i++) {
        found = found || strstr(why[i].why, part) != NULL;
    }
    ck_assert_msg(
        found, "none of %d reasons says \"%s\"; the first: %s", n, part, n > 0 ? why[0].why : "");
}

START_TEST(postfix_restarts_a_dead_service_in_place_and_nothing_moves)
{
    set_up();
    start_hot();
    up(0, "service", false);
    sim_run(sim, 120000);
    ck_has("restart in place on server01");
    ck_has_not("FailingOver");
    ck_holder(0);
    tear_down();
}
END_TEST

START_TEST(postfix_moves_when_the_restart_does_not_help_and_moves_back)
{
    set_up();
    start_hot();
    up(0, "service", false);
    inject(SIM_REFUSE_START, 0);
    sim_run(sim, 100000);
    ck_has("server02 Standby → FailingOver: server01 unfit for");
    ck_has("imap failed 3 times: connection refused");
    ck_has("server02 FailingOver → Active");
    ck_holder(1);
    inject(SIM_OBEY, 0);
    up(0, "service", true);
    sim_run(sim, 600000);
    ck_why("server01 fit for");
    sim_run(sim, 800000);
    ck_has("server01 FailingBack → Active");
    ck_holder(0);
    tear_down();
}
END_TEST

/* Looks and the uplink's probe run; fit, guards and remedies read nothing new. A guard that
 * reads an age without need would be asked with each observation. */
START_TEST(postfix_judges_nothing_anew_in_a_quiet_minute)
{
    int64_t before;

    set_up();
    start_hot();
    before = policy_usage(controller_policy(controller)).entries;
    sim_run(sim, 120000);
    ck_assert_int_gt(policy_usage(controller_policy(controller)).entries - before, 100);
    ck_assert_int_lt(policy_usage(controller_policy(controller)).entries - before, 200);
    tear_down();
}
END_TEST

START_TEST(postfix_tuned_down_moves_within_a_second_and_mends_the_old_holder)
{
    set_up();
    set("every", "0.2");
    set("fall", "2");
    set("timeout", "0.3");
    set("restarts", "0");
    start_hot();
    up(0, "service", false);
    sim_run(sim, 61000);
    ck_has("server02 FailingOver → Active");
    sim_run(sim, 70000);
    ck_has("restart in place on server01");
    ck_assert_msg(is_up(0, "service:postfix"), "%s", sim->trace);
    ck_assert_int_eq(controller_group(controller)->node[0].state, FSM_STANDBY);
    tear_down();
}
END_TEST

START_TEST(postfix_stays_when_the_share_fails_everywhere)
{
    set_up();
    start_hot();
    up(0, "share", false);
    up(1, "share", false);
    sim_run(sim, 200000);
    ck_has("share failed on all nodes: there is no better place");
    ck_has_not("FailingOver");
    ck_holder(0);
    tear_down();
}
END_TEST

START_TEST(postfix_moves_when_the_share_fails_on_the_holder_alone)
{
    set_up();
    start_hot();
    up(0, "share", false);
    sim_run(sim, 200000);
    ck_has("server02 Standby → FailingOver: server01 unfit for");
    ck_holder(1);
    tear_down();
}
END_TEST

START_TEST(postfix_holds_when_a_dead_primary_can_not_be_seen_out)
{
    set_up();
    start_hot();
    inject(SIM_CRASH, 0);
    sim_run(sim, 300000);
    ck_has("server01 is not confirmed out");
    ck_has_not("restart in place");
    ck_holder(0);
    tear_down();
}
END_TEST

START_TEST(postfix_fences_a_dead_primary_where_it_is_told_to)
{
    set_up();
    set("unconfirmed", "fence");
    sim->fence = SIM_FENCE_WORKS;
    start_hot();
    inject(SIM_CRASH, 0);
    sim_run(sim, 200000);
    ck_has("hook fence on server01");
    ck_has("server02 FailingOver → Active");
    ck_holder(1);
    tear_down();
}
END_TEST

START_TEST(postfix_cold_stops_and_starts_the_service_with_the_move)
{
    set_up();
    set("standby", "cold");
    sim_moves_with_baton(sim, "service:postfix");
    sim_moves_with_baton(sim, "service:dovecot");
    sim_moves_with_baton(sim, "address");
    sim_serves_at_start(sim, 0);
    start("postfix-floating-ip.lua");
    up(0, "share", false);
    sim_run(sim, 200000);
    ck_has("stop dovecot on server01");
    ck_has("start postfix on server02");
    ck_has("server02 FailingOver → Active");
    ck_assert(!is_up(0, "service:postfix") && !is_up(0, "service:dovecot"));
    ck_assert(is_up(1, "service:postfix") && is_up(1, "service:dovecot"));
    ck_holder(1);
    tear_down();
}
END_TEST

START_TEST(generic_moves_a_unit_with_its_address)
{
    set_up();
    set("unit", "postgresql.service");
    set("port", "5432");
    set("restarts", "0");
    sim_moves_with_baton(sim, "service:postgresql.service");
    sim_moves_with_baton(sim, "address");
    sim_serves_at_start(sim, 0);
    start("generic-service.lua");
    up(0, "service", false);
    sim_run(sim, 100000);
    ck_has("stop postgresql.service on server01");
    ck_has("start postgresql.service on server02");
    ck_has("server02 FailingOver → Active");
    ck_holder(1);
    tear_down();
}
END_TEST

/* Each of these stands in the trace, and in this order. */
static void ck_order(const char *const *parts)
{
    const char *at = sim->trace;

    for (; *parts != NULL; parts++) {
        const char *found = strstr(at, *parts);

        ck_assert_msg(found != NULL, "no \"%s\" in its place in\n%s", *parts, sim->trace);
        at = found + strlen(*parts);
    }
}

static void start_windows(void)
{
    set_up();
    site.interface = NULL;
    site.share = "\\\\NAS01\\SmarterMail";
    site.node[0].transport = site.node[1].transport = "winrm";
    sim->ssh_port = 5986;
    sim_moves_with_baton(sim, "address");
    sim_moves_with_baton(sim, "service:MailService");
    sim_moves_with_baton(sim, "service:pool-SmarterMail");
    sim_serves_at_start(sim, 0);
}

START_TEST(smartermail_moves_in_the_order_of_the_documents_scripts)
{
    static const char *const order[] = {"step: stop the NLB node on server01",
                                        "step: stop the application pool SmarterMail on server01",
                                        "step: stop MailService on server01",
                                        "step: start the NLB node on server02",
                                        "step: start MailService on server02",
                                        "step: start the application pool SmarterMail on server02",
                                        "server02 FailingOver → Active",
                                        NULL};

    start_windows();
    set("restarts", "0");
    set("failback", "false");
    start("smartermail-nlb.lua");
    up(0, "share", false);
    sim_run(sim, 400000);
    ck_order(order);
    ck_assert(!is_up(0, "service:MailService") && !is_up(0, "service:pool-SmarterMail"));
    ck_assert(is_up(1, "service:MailService") && is_up(1, "service:pool-SmarterMail"));
    ck_holder(1);
    tear_down();
}
END_TEST

START_TEST(smartermail_starts_only_the_pool_where_only_that_was_stopped)
{
    start_windows();
    set("web_port", "0");
    start("smartermail-nlb.lua");
    up(0, "service:pool-SmarterMail", false);
    sim_run(sim, 300000);
    ck_has("restart in place on server01");
    ck_assert(is_up(0, "service:pool-SmarterMail"));
    ck_holder(0);
    tear_down();
}
END_TEST

START_TEST(smartermail_on_linux_moves_its_unit_with_the_address)
{
    set_up();
    set("restarts", "0");
    sim_moves_with_baton(sim, "service:smartermail.service");
    sim_moves_with_baton(sim, "address");
    sim_serves_at_start(sim, 0);
    start("smartermail-linux.lua");
    up(0, "service", false);
    sim_run(sim, 200000);
    ck_has("stop smartermail.service on server01");
    ck_has("start smartermail.service on server02");
    ck_has("server02 FailingOver → Active");
    ck_holder(1);
    tear_down();
}
END_TEST

START_TEST(smartermail_with_an_api_and_no_such_secret_is_refused)
{
    struct baton_error error = {BATON_OK, ""};

    set_up();
    set("api_url", "https://mail.example.org");
    set("api_user", "admin");
    set("api_secret", "admin");
    ck_assert_ptr_null(load("smartermail-linux.lua", &error));
    ck_assert_msg(strstr(error.text, "no secret \"admin\"") != NULL, "%s", error.text);
    sim_free(sim);
}
END_TEST

/* A part of a path would be found in the middle of any text, and a copy would look for it in a
 * folder that nobody named. */
static const struct {
    const char *policy, *name, *value;
    bool fine;
} paths[] = {
    {"smartermail-linux.lua", "mail_folder", "/srv/mail, and \"more\" $(x)", true},
    {"smartermail-linux.lua", "mail_folder", "srv/mail", false},
    {"smartermail-linux.lua", "mail_folder", "-rf", false},
    {"smartermail-linux.lua", "mail_folder", "/srv/a\nb", false},
    {"smartermail-linux.lua", "service_folder", "host:/etc", false},
    {"smartermail-linux.lua", "old_paths", "/old/one, C:\\SmarterMail ,\\\\NAS\\x", true},
    {"smartermail-linux.lua", "old_paths", "/old/one, Inc", false},
    {"smartermail-nlb.lua", "mail_folder", "E:", true},
    {"smartermail-nlb.lua", "mail_folder", "D:\\Mail, Inc", true},
    {"smartermail-nlb.lua", "mail_folder", "D:Mail", false},
    {"smartermail-nlb.lua", "failover_file", "failoverConfig.xml", false},
};

START_TEST(smartermail_wants_whole_paths)
{
    struct baton_error error = {BATON_OK, ""};
    struct policy *policy;

    set_up();
    set(paths[_i].name, paths[_i].value);
    policy = load(paths[_i].policy, &error);
    if (paths[_i].fine) {
        ck_assert_msg(policy != NULL, "%s: %s", paths[_i].value, error.text);
        policy_free(policy);
    } else {
        ck_assert_msg(policy == NULL, "%s is taken", paths[_i].value);
        ck_assert_msg(strstr(error.text, paths[_i].name) != NULL, "%s", error.text);
        ck_assert_msg(strstr(error.text, "a whole path") != NULL, "%s", error.text);
    }
    sim_free(sim);
}
END_TEST

START_TEST(generic_without_a_service_is_refused_with_file_and_line)
{
    struct baton_error error = {BATON_OK, ""};

    set_up();
    ck_assert_ptr_null(load("generic-service.lua", &error));
    ck_assert_msg(strncmp(error.text, "generic-service.lua:", 20) == 0, "%s", error.text);
    ck_assert_msg(strstr(error.text, "start_command") != NULL, "%s", error.text);
    sim_free(sim);
}
END_TEST

/* ---- The stubs ------------------------------------------------------------------------------ */

/* Every global of a policy, in order, one log line each. */
static const char globals_lua[] =
    "local standard = { _G = 1, _VERSION = 1, arg = 1 }\n"
    "for _, name in ipairs { 'assert', 'error', 'getmetatable', 'ipairs', 'next', 'pairs', "
    "'pcall',\n"
    "  'rawequal', 'rawlen', 'require', 'select', 'setmetatable', 'tonumber', 'tostring', 'type',\n"
    "  'xpcall', 'math', 'string', 'table', 'utf8' } do standard[name] = 1 end\n"
    "for name, value in pairs(_G) do if not standard[name] then log(name) end end\n"
    "for name in pairs(probe) do log('probe.' .. name) end\n";

/* A definition in the stubs: "function NAME(" or "NAME = {}" at the start of a line. */
static bool stub_has(const char *stubs, const char *name)
{
    char function[96], table[96];

    snprintf(function, sizeof function, "\nfunction %s(", name);
    snprintf(table, sizeof table, "\n%s = {}\n", name);
    return strstr(stubs, function) != NULL || strstr(stubs, table) != NULL;
}

/* Is the name one of the lines of the log? */
static bool logged(const char *name)
{
    const char *line = sim->trace;
    size_t len = strlen(name);

    while (line != NULL && *line != '\0') {
        const char *end = strchr(line, '\n');

        if (end != NULL && (size_t)(end - line) > len && end[-(ptrdiff_t)len - 1] == ' ' &&
            strncmp(end - len, name, len) == 0) {
            return true;
        }
        line = end != NULL ? end + 1 : NULL;
    }
    return false;
}

START_TEST(the_stubs_name_every_global_that_a_policy_sees_and_no_other)
{
    struct baton_error error = {BATON_OK, ""};
    char *stubs, *trace, *line, *rest;
    size_t len;
    int functions = 0;

    set_up();
    stubs = slurp(SOURCE_DIR "/lua/baton.d.lua", &len);
    ck_assert_ptr_nonnull(stubs);
    sim->trace_level = WORLD_DEBUG;
    ck_assert_ptr_null(load_text("globals.lua", globals_lua, &error)); /* returns no policy */
    ck_assert_msg(logged("probe.tcp"), "the log is\n%s\n%s", sim->trace, error.text);

    trace = strdup(sim->trace);
    for (line = strtok_r(trace, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        const char *name = strrchr(line, ' ');

        ck_assert_ptr_nonnull(name);
        ck_assert_msg(stub_has(stubs, name + 1), "lua/baton.d.lua does not describe %s", name + 1);
    }
    free(trace);

    for (const char *at = stubs; (at = strstr(at, "\nfunction ")) != NULL; at++) {
        char name[64];

        ck_assert_int_eq(sscanf(at, "\nfunction %63[a-z0-9_.A-Z:]", name), 1);
        if (strchr(name, ':') == NULL) {
            ck_assert_msg(logged(name), "a policy does not see %s, which the stubs describe", name);
            functions++;
        }
    }
    ck_assert_int_gt(functions, 20);
    free(stubs);
    sim_free(sim);
}
END_TEST

/* Fields of one class in the stubs against the names that the host lists in its error. */
static void ck_class(const char *stubs, const char *class, const char *known)
{
    char head[64], name[64], quoted[70];
    const char *at, *end;
    char list[1100];
    int fields = 0;

    snprintf(head, sizeof head, "---@class %s\n", class);
    at = strstr(stubs, head);
    ck_assert_msg(at != NULL, "no class %s in the stubs", class);
    end = strstr(at, "\n\n");
    ck_assert_ptr_nonnull(end);
    known = strstr(known, "there are: ");
    ck_assert_ptr_nonnull(known);
    snprintf(list, sizeof list, ", %s", known + strlen("there are: "));
    *strchrnul(list, '\n') = '\0';
    strcat(list, ",");
    while ((at = strstr(at, "---@field ")) != NULL && at < end) {
        at += strlen("---@field ");
        if (sscanf(at, "%63[a-z_]", name) != 1) {
            continue; /* [string]: the probes */
        }
        snprintf(quoted, sizeof quoted, ", %s,", name);
        ck_assert_msg(strstr(list, quoted) != NULL, "%s has no %s: %s", class, name, list);
        fields++;
    }
    for (const char *comma = list; (comma = strchr(comma, ',')) != NULL; comma++) {
        fields -= comma[1] != '\0';
    }
    ck_assert_msg(
        fields == 0, "class %s in the stubs lacks %d of the fields: %s", class, -fields, list);
}

START_TEST(the_stubs_name_every_field_of_group_and_node)
{
    struct baton_error error = {BATON_OK, ""};
    size_t len;
    char *stubs = slurp(SOURCE_DIR "/lua/baton.d.lua", &len);

    set_up();
    ck_assert_ptr_nonnull(stubs);
    ck_assert_ptr_null(load_text("x.lua", "return group.nodes[1].nosuch", &error));
    ck_class(stubs, "Node", error.text);
    ck_assert_ptr_null(load_text("x.lua", "return group.nosuch", &error));
    ck_class(stubs, "Group", error.text);
    free(stubs);
    sim_free(sim);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("policies");
    TCase *t = tcase_create("policies");

    tcase_add_test(t, postfix_restarts_a_dead_service_in_place_and_nothing_moves);
    tcase_add_test(t, postfix_moves_when_the_restart_does_not_help_and_moves_back);
    tcase_add_test(t, postfix_judges_nothing_anew_in_a_quiet_minute);
    tcase_add_test(t, postfix_tuned_down_moves_within_a_second_and_mends_the_old_holder);
    tcase_add_test(t, postfix_stays_when_the_share_fails_everywhere);
    tcase_add_test(t, postfix_moves_when_the_share_fails_on_the_holder_alone);
    tcase_add_test(t, postfix_holds_when_a_dead_primary_can_not_be_seen_out);
    tcase_add_test(t, postfix_fences_a_dead_primary_where_it_is_told_to);
    tcase_add_test(t, postfix_cold_stops_and_starts_the_service_with_the_move);
    tcase_add_test(t, generic_moves_a_unit_with_its_address);
    tcase_add_test(t, generic_without_a_service_is_refused_with_file_and_line);
    tcase_add_test(t, smartermail_moves_in_the_order_of_the_documents_scripts);
    tcase_add_test(t, smartermail_starts_only_the_pool_where_only_that_was_stopped);
    tcase_add_test(t, smartermail_on_linux_moves_its_unit_with_the_address);
    tcase_add_test(t, smartermail_with_an_api_and_no_such_secret_is_refused);
    tcase_add_loop_test(t, smartermail_wants_whole_paths, 0, (int)(sizeof paths / sizeof paths[0]));
    tcase_add_test(t, the_stubs_name_every_global_that_a_policy_sees_and_no_other);
    tcase_add_test(t, the_stubs_name_every_field_of_group_and_node);
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
