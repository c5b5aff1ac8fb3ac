/* <peers> in the configuration: the store, the times, the guardian, and which node this is. */
#include "config_fixture.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PEER_NODES                                                                                 \
    "<node name='server01' address='10.9.0.1' priority='1'/>\n"                                    \
    "<node name='server02' address='10.9.0.2' priority='2'/>\n"
#define STOPS    "<guardian><stop command='systemctl stop postfix'/></guardian>\n"
#define MAIL     "<group name='mail'>\n" POLICY STOPS PEER_NODES "</group>\n"
#define ENDPOINT "<endpoint url='https://10.9.0.11:2379'/>"
#define ETCD     "<etcd>" ENDPOINT "</etcd>\n"

/* On line 2 what `inside` says, the group from line 4 on. */
#define PEERS(inside)    "<baton>\n<peers>" inside "</peers>\n" MAIL "</baton>\n"
#define WITH(inside)     PEERS(ETCD inside) /* `inside` is on line 3 */
#define IN_GROUP(inside)                    /* on line 5 */                                        \
    "<baton>\n<peers>" ETCD "</peers>\n<group name='mail'>\n" inside POLICY PEER_NODES             \
    "</group>\n</baton>\n"
#define GUARDED(stop) IN_GROUP("<guardian>" stop "</guardian>\n")

static void loads_as(const char *text, const char *self)
{
    ck_assert_msg(load_as(text, self) == BATON_OK, "%s", error.text);
}

/* ---- What is read ---- */

START_TEST(a_store_is_all_that_must_be_said)
{
    const struct config_peers *p;
    struct lease_times times = lease_times_default();

    loads_as(WITH(""), "server01");
    p = config->peers;
    ck_assert_int_eq(p->n_endpoints, 1);
    ck_assert_str_eq(p->endpoint[0], "https://10.9.0.11:2379");
    ck_assert_str_eq(p->prefix, "/baton");
    ck_assert_mem_eq(&p->times, &times, sizeof times);
    ck_assert(p->guardian);
    ck_assert_str_eq(p->guardian_socket, "/var/lib/baton/guardian.sock");
    ck_assert(!p->failsafe);
    ck_assert_ptr_null(p->watchdog);
    ck_assert_ptr_null(p->user);
    ck_assert_int_eq(p->line, 2);
}
END_TEST

START_TEST(the_shipped_example_with_everything_loads)
{
    static const char *const files[] = {"ca.pem", "node.pem", "node.key", "etcd.password"};
    const struct config_peers *p;
    const struct config_command *stop;
    char text[8000];
    FILE *example = fopen(SOURCE_DIR "/core/config/example-peers.xml", "rb");
    size_t len, i;

    ck_assert_ptr_nonnull(example);
    len = fread(text, 1, sizeof text - 1, example);
    fclose(example);
    text[len] = '\0';
    for (i = 0; i < 4; i++) {
        put(files[i], "x", 1, 0600);
    }
    put("postfix-floating-ip.lua", "return policy {}\n", 17, 0644);
    loads_as(text, "server02");
    p = config->peers;
    ck_assert_str_eq(p->self, "server02");
    ck_assert_int_eq(p->n_endpoints, 3);
    ck_assert_str_eq(p->endpoint[2], "https://10.9.0.13:2379");
    ck_assert_str_eq(p->ca_file, in("ca.pem"));
    ck_assert_str_eq(p->certificate_file, in("node.pem"));
    ck_assert_str_eq(p->key_file, in("node.key"));
    ck_assert_str_eq(p->user, "baton");
    ck_assert_str_eq(p->password_secret, "etcd-password");
    ck_assert_int_eq(p->times.ttl_ms, 15000);
    ck_assert_int_eq(p->times.renew_ms, 2000);
    ck_assert_int_eq(p->times.stop_ms, 4000);
    ck_assert_int_eq(p->times.guardian_ms, 2000);
    ck_assert_int_eq(p->times.margin_ms, 1000);
    ck_assert_int_eq(p->times.watchdog_ms, 5000);
    ck_assert_str_eq(p->watchdog, "/dev/watchdog");
    ck_assert_str_eq(p->guardian_socket, "/run/baton/guardian.sock");
    ck_assert(p->failsafe);
    ck_assert_int_eq(p->failsafe_port, 7400);
    ck_assert_str_eq(p->failsafe_ca, in("ca.pem"));
    ck_assert_str_eq(p->failsafe_certificate, in("node.pem"));
    ck_assert_str_eq(p->failsafe_key, in("node.key"));
    ck_assert_int_eq(config->group[0].n_guardian, 2);
    stop = &config->group[0].guardian[0];
    ck_assert_str_eq(stop->argv[0], "systemctl");
    ck_assert_str_eq(stop->argv[1], "stop");
    ck_assert_str_eq(stop->argv[2], "postfix");
    ck_assert_ptr_null(stop->argv[3]);
    ck_assert_int_eq(stop->deadline_ms, 1000);
    ck_assert_str_eq(stop->effect, "service:postfix.stop");
    stop = &config->group[0].guardian[1];
    ck_assert_str_eq(stop->argv[3], "postfix@-.service");
    ck_assert_ptr_null(stop->argv[4]);
    ck_assert_ptr_null(stop->effect);
}
END_TEST

START_TEST(a_command_is_split_at_blanks_and_args_stay_whole)
{
    char **argv;

    loads_as(
        GUARDED("<stop command='/opt/m/stop  now'><arg value='with a blank; and $more'/>"
                "<arg value=''/></stop>"),
        "server01");
    argv = config->group[0].guardian[0].argv;
    ck_assert_str_eq(argv[0], "/opt/m/stop");
    ck_assert_str_eq(argv[1], "now");
    ck_assert_str_eq(argv[2], "with a blank; and $more");
    ck_assert_str_eq(argv[3], "");
    ck_assert_ptr_null(argv[4]);
}
END_TEST

START_TEST(an_address_with_its_interface_needs_no_stop)
{
    loads_as(IN_GROUP("<address ip='10.9.0.100/24' interface='eth0'/>\n"), "server01");
    ck_assert_int_eq(config->group[0].n_guardian, 0);
}
END_TEST

START_TEST(plain_http_is_fine_on_this_machine_and_where_it_is_allowed)
{
    loads_as(PEERS("<etcd><endpoint url='http://127.0.0.1:2379'/></etcd>\n"), "server01");
    loads_as(PEERS("<etcd><endpoint url='http://[::1]:2379'/></etcd>\n"), "server01");
    loads_as(PEERS("<etcd><endpoint url='http://localhost:2379'/></etcd>\n"), "server01");
    loads_as(
        PEERS("<etcd allow-plain='yes'><endpoint url='http://10.9.0.11:2379'/></etcd>\n"),
        "server01");
}
END_TEST

/* ---- Which node is this one ---- */

START_TEST(one_file_serves_on_every_node)
{
    struct policy_site site;

    loads_as(WITH(""), "server02");
    ck_assert_str_eq(config->peers->self, "server02");
    ck_assert_int_eq(config->group[0].self, 1);
    ck_assert_int_eq(config->group[0].node[0].transport, CONFIG_PEER);
    ck_assert_int_eq(config->group[0].node[1].transport, CONFIG_LOCAL);
    config_site(config, &config->group[0], &site);
    ck_assert_str_eq(site.self, "server02");
    ck_assert_str_eq(site.node[0].transport, "peer");
    ck_assert_str_eq(site.node[1].transport, "local");

    loads_as(WITH(""), "server01");
    ck_assert_int_eq(config->group[0].self, 0);
    ck_assert_int_eq(config->group[0].node[0].transport, CONFIG_LOCAL);
    ck_assert_int_eq(config->group[0].node[1].transport, CONFIG_PEER);
}
END_TEST

START_TEST(what_the_command_line_says_comes_before_the_file)
{
    static const char said[] =
        "<baton>\n<peers self='server01'>" ETCD "</peers>\n" MAIL "</baton>\n";

    loads_as(said, NULL);
    ck_assert_str_eq(config->peers->self, "server01");
    loads_as(said, "server02");
    ck_assert_str_eq(config->peers->self, "server02");
}
END_TEST

START_TEST(without_a_word_it_is_the_node_named_like_the_machine)
{
    char name[256] = "", xml[2000];

    ck_assert_int_eq(gethostname(name, sizeof name - 1), 0);
    name[strcspn(name, ".")] = '\0';
    snprintf(
        xml, sizeof xml,
        "<baton><peers>" ETCD "</peers><group name='mail'>" POLICY STOPS PEER_NODES
        "<node name='%s' address='10.9.0.3' priority='3'/></group></baton>",
        name);
    loads_as(xml, NULL);
    ck_assert_str_eq(config->peers->self, name);
    ck_assert_int_eq(config->group[0].self, 2);
}
END_TEST

START_TEST(who_is_none_of_the_nodes_is_told_how_to_say_which)
{
    ck_assert_int_eq(load_as(WITH(""), "server09"), BATON_INVALID);
    says("baton.xml:2: <peers>: which node is this one? --node server09 is none of them (server01, "
         "server02): say self=\"NODE\" here, or batond --node NODE");
    ck_assert_int_eq(
        load_as("<baton>\n<peers self='x'>" ETCD "</peers>\n" MAIL "</baton>\n", NULL),
        BATON_INVALID);
    says("self= x is none of them");
    ck_assert_int_eq(load_as(GOOD, "server01"), BATON_INVALID);
    says("there is no <peers>");
}
END_TEST

START_TEST(it_can_be_looked_at_anywhere)
{
    struct policy_site site;

    loads(WITH(""));
    ck_assert_ptr_null(config->peers->self);
    ck_assert_int_eq(config->group[0].self, GROUP_NOBODY);
    ck_assert_int_eq(config->group[0].node[0].transport, CONFIG_PEER);
    config_site(config, &config->group[0], &site);
    ck_assert_str_eq(site.self, "server01");
    loads(GOOD);
    config_site(config, &config->group[0], &site);
    ck_assert_ptr_null(site.self);
}
END_TEST

START_TEST(a_group_of_other_nodes_is_none_of_our_business)
{
    loads_as(
        "<baton><peers>" ETCD "</peers>" MAIL "<group name='web'>" POLICY STOPS
        "<node name='server03' address='10.9.0.3' priority='1'/></group></baton>",
        "server03");
    ck_assert_int_eq(config->group[0].self, GROUP_NOBODY);
    ck_assert_int_eq(config->group[1].self, 0);
}
END_TEST

/* ---- What is wrong ---- */

static const struct {
    const char *xml;
    int line;
    const char *says;
} bad[] = {
    {PEERS(""), 2, "<peers> needs a <etcd>: add it"},
    {PEERS("<etcd/>\n"), 2, "<etcd> needs a <endpoint>: add it"},
    {WITH("<etcd>" ENDPOINT "</etcd>"), 3, "<etcd> is there twice"},
    {"<baton>\n<peers>" ETCD "</peers>\n<peers>" ETCD "</peers>\n" MAIL "</baton>\n", 4,
     "<peers> is there twice in <baton>"},
    /* Endpoints. */
    {PEERS("<etcd><endpoint url='10.9.0.11:2379'/></etcd>\n"), 2,
     "url=\"10.9.0.11:2379\" must be https://HOST:PORT"},
    {PEERS("<etcd><endpoint url='https://10.9.0.11'/></etcd>\n"), 2, "must be https://HOST:PORT"},
    {PEERS("<etcd><endpoint url='https://u:p@10.9.0.11:2379'/></etcd>\n"), 2, "must be https://"},
    {PEERS("<etcd><endpoint url='https://10.9.0.11:2379/v3'/></etcd>\n"), 2, "must be https://"},
    {PEERS("<etcd><endpoint url='ftp://10.9.0.11:2379'/></etcd>\n"), 2, "must be https://"},
    {PEERS("<etcd>" ENDPOINT ENDPOINT "</etcd>\n"), 2, "is there twice: keep one"},
    {PEERS("<etcd prefix='baton'>" ENDPOINT "</etcd>\n"), 2, "must be a path like /baton"},
    {PEERS("<etcd prefix='/baton/'>" ENDPOINT "</etcd>\n"), 2, "must be a path like /baton"},
    /* Who could listen, or pretend. */
    {PEERS("<etcd><endpoint url='http://10.9.0.11:2379'/></etcd>\n"), 2,
     "anybody can read and change who holds the baton: use https, or say allow-plain=\"yes\""},
    {PEERS("<etcd><endpoint url='http://127.0.0.1.evil.org:2379'/></etcd>\n"), 2, "use https"},
    {"<baton>\n<secret name='pw' file='p.lua'/>\n<peers>\n"
     "<etcd user='baton' password='pw' allow-plain='yes'>"
     "<endpoint url='http://127.0.0.1:2379'/></etcd></peers>\n" MAIL "</baton>\n",
     4, "the password would go to http://127.0.0.1:2379 for all to read: use https"},
    {PEERS("<etcd user='baton' password='pw'>" ENDPOINT "</etcd>\n"), 2,
     "there is no <secret name=\"pw\">"},
    {PEERS("<etcd user='baton'>" ENDPOINT "</etcd>\n"), 2,
     "<etcd> has a user but no password: name both, or none"},
    {PEERS("<etcd certificate='p.lua'>" ENDPOINT "</etcd>\n"), 2,
     "<etcd> has a certificate but no key"},
    {PEERS("<etcd ca='gone.pem'>" ENDPOINT "</etcd>\n"), 2, "gone.pem: No such file"},
    {PEERS("<etcd allow-plain='maybe'>" ENDPOINT "</etcd>\n"), 2,
     "isn't known; it may be: yes, no"},
    {WITH("<failsafe/>"), 3, "<failsafe> needs the attribute \"certificate\": add it"},
    {WITH("<failsafe ca='p.lua' certificate='p.lua' key='p.lua'/>"), 3,
     "can be read by others than its owner: chmod 600 it"},
    /* Times that don't fit. */
    {WITH("<lease ttl='10s' stop='4s'/>"), 3,
     "<lease>: 2 × 2 s renew + 4 s stop + 1.5 s guardian + 1 s margin = 10.5 s, more than the ttl "
     "of 10 s: make the ttl longer or the others shorter"},
    {WITH("<lease ttl='10500ms'/>"), 3, "whole number of seconds"},
    {WITH("<lease margin='1ms'/>"), 3, "a margin of 1 ms is too small"},
    {WITH("<lease ttl='ten'/>"), 3, "ttl=\"ten\" must be a number with"},
    {WITH("<guardian watchdog='/dev/watchdog' watchdog-timeout='60s'/>"), 2,
     "60 s watchdog + 1 s margin = 68 s"},
    /* The guardian. */
    {WITH("<guardian watchdog='/dev/watchdog'/>"), 3,
     "after how long does /dev/watchdog reset the machine? Add watchdog-timeout"},
    {WITH("<guardian watchdog-timeout='2s'/>"), 3, "but no watchdog: name its device"},
    {WITH("<guardian watchdog='/dev/watchdog' watchdog-timeout='1500ms'/>"), 3,
     "a watchdog counts whole seconds"},
    {WITH("<guardian enabled='no' watchdog='/dev/watchdog' watchdog-timeout='2s'/>"), 3,
     "it is what feeds the watchdog"},
    {IN_GROUP(""), 4,
     "group \"mail\": how does the guardian stop it? Add <guardian><stop command="},
    {IN_GROUP("<address ip='10.9.0.100/24'/>\n"), 4, "how does the guardian stop it?"},
    {GUARDED(""), 5, "<guardian> needs a <stop>: add it"},
    {GUARDED("<stop/>"), 5, "<stop> needs the attribute \"command\""},
    {GUARDED("<stop command='systemctl stop postfix; rm x'/>"), 5, "There is no shell"},
    {GUARDED("<stop command='sh -c \"x\"'/>"), 5, "There is no shell"},
    {GUARDED("<stop command='x' deadline='1s'/><stop command='x' deadline='1s'/>"), 4,
     "the deadlines of its <stop>s make 2 s, more than the 1.5 s"},
    {"<baton>\n<group name='mail'>\n" POLICY STOPS NODES "</group></baton>", 4,
     "it guards a lease, and there is none without <peers>"},
    /* The nodes. */
    {"<baton>\n<peers>" ETCD "</peers>\n<group name='mail'>\n" POLICY STOPS NODES
     "</group></baton>\n",
     7, "node> \"server01\": with <peers> its own Baton acts there, and no other: remove <ssh/>"},
};

START_TEST(what_is_wrong_is_said_with_its_line)
{
    refused(bad[_i].xml, bad[_i].line, bad[_i].says);
}
END_TEST

START_TEST(a_command_must_fit_what_the_guardian_takes)
{
    char xml[4000], many[1500] = "x";
    int i;

    for (i = 0; i < 40; i++) {
        strcat(many, " w");
    }
    snprintf(
        xml, sizeof xml,
        "<baton>\n<peers>" ETCD "</peers>\n<group name='mail'>\n<guardian><stop command='%s'/>"
        "</guardian>" POLICY PEER_NODES "</group></baton>",
        many);
    refused(xml, 5, "a command has at most 32 words and 512 bytes, this one has 41 and 82");
}
END_TEST

START_TEST(keys_that_others_can_read_are_refused)
{
    put("cert.pem", "x", 1, 0644);
    put("open.key", "x", 1, 0640);
    refused(
        PEERS("<etcd certificate='cert.pem' key='open.key'>" ENDPOINT "</etcd>\n"), 2,
        "open.key can be read by others than its owner: chmod 600 it");
    put("closed.key", "x", 1, 0600);
    loads(PEERS("<etcd certificate='cert.pem' key='closed.key'>" ENDPOINT "</etcd>\n"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config_peers");
    TCase *tc = tcase_create("peers");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, config_setup, config_teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_store_is_all_that_must_be_said);
    tcase_add_test(tc, the_shipped_example_with_everything_loads);
    tcase_add_test(tc, a_command_is_split_at_blanks_and_args_stay_whole);
    tcase_add_test(tc, an_address_with_its_interface_needs_no_stop);
    tcase_add_test(tc, plain_http_is_fine_on_this_machine_and_where_it_is_allowed);
    tcase_add_test(tc, one_file_serves_on_every_node);
    tcase_add_test(tc, what_the_command_line_says_comes_before_the_file);
    tcase_add_test(tc, without_a_word_it_is_the_node_named_like_the_machine);
    tcase_add_test(tc, who_is_none_of_the_nodes_is_told_how_to_say_which);
    tcase_add_test(tc, it_can_be_looked_at_anywhere);
    tcase_add_test(tc, a_group_of_other_nodes_is_none_of_our_business);
    tcase_add_loop_test(
        tc, what_is_wrong_is_said_with_its_line, 0, (int)(sizeof bad / sizeof bad[0]));
    tcase_add_test(tc, a_command_must_fit_what_the_guardian_takes);
    tcase_add_test(tc, keys_that_others_can_read_are_refused);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
