/* The configuration: what is read, and what is wrong with a bad one. */
#include "config_fixture.h"
#include "world/world.h"

#include <check.h>
#include <dirent.h>
#include <libxml/parser.h>
#include <libxml/relaxng.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- What is read ---- */

START_TEST(the_smallest_configuration_has_defaults)
{
    loads(GOOD);
    ck_assert_str_eq(config->state_directory, "/var/lib/baton");
    ck_assert_str_eq(config->control_socket, "/run/baton/control.sock");
    ck_assert_str_eq(config->hooks_directory, "/etc/baton/hooks");
    ck_assert_ptr_null(config->hooks_user);
    ck_assert_int_eq(config->hooks_deadline_ms, 10000);
    ck_assert_int_eq(config->keep_ms, 7 * INT64_C(86400000));
    ck_assert_int_eq(config->log_to, CONFIG_LOG_STDERR);
    ck_assert_int_eq(config->log_level, WORLD_INFO);
    ck_assert_int_eq(config->n_groups, 1);
    ck_assert(config->group[0].enabled);
    ck_assert_int_eq(config->group[0].line, 2);
    ck_assert_ptr_null(config->group[0].floating);
    ck_assert_str_eq(config->group[0].policy_file, in("p.lua"));
}
END_TEST

START_TEST(everything_that_can_be_said_is_read)
{
    const struct config_group *g;

    put("id", "key", 3, 0600);
    put("known", "", 0, 0644);
    put("token", "x", 1, 0400);
    loads("<baton>\n"
          "<hooks user='root' deadline='600ms'/><log level='debug' to='syslog'/>\n"
          "<state keep='36h' directory='state'/><control socket='sock'/>\n"
          "<secret name='hook' file='token'/>\n"
          "<group name='mail'>\n"
          "<node name='b' address='fd00::2' priority='20'><local/></node>\n"
          "<policy file='p.lua' memory='1M' instructions='5000'>\n"
          "  <set name='every' value='0.2'/><set name='note' value=''/></policy>\n"
          "<witness address='10.9.0.253' port='53'/><witness address='fd00::53' port='80'/>\n"
          "<node name='a' address='10.9.0.1' priority='3'>\n"
          "  <ssh user='root' port='2222' identity='id' known-hosts='known' host='a.lan'/></node>\n"
          "<gateway address='10.9.0.254'/><share path='/srv/mail'/>\n"
          "<address interface='eth0' ip='10.9.0.100/24'/>\n"
          "</group></baton>\n");
    g = &config->group[0];
    ck_assert_str_eq(config->hooks_user, "root");
    ck_assert_int_eq(config->hooks_deadline_ms, 600);
    ck_assert_int_eq(config->keep_ms, 36 * 3600 * 1000);
    ck_assert_str_eq(config->state_directory, in("state"));
    ck_assert_str_eq(config->control_socket, in("sock"));
    ck_assert_int_eq(config->log_to, CONFIG_LOG_SYSLOG);
    ck_assert_int_eq(config->log_level, WORLD_DEBUG);
    ck_assert_str_eq(config->secret[0].name, "hook");
    ck_assert_str_eq(config->secret[0].file, in("token"));
    ck_assert_str_eq(g->floating, "10.9.0.100/24");
    ck_assert_str_eq(g->interface, "eth0");
    ck_assert_str_eq(g->witness[0], "10.9.0.253:53");
    ck_assert_str_eq(g->witness[1], "[fd00::53]:80");
    ck_assert_uint_eq(g->memory_max, 1 << 20);
    ck_assert_int_eq(g->instructions_max, 5000);
    ck_assert_int_eq(g->n_params, 2);
    ck_assert_str_eq(g->param[0].value, "0.2");
    ck_assert_str_eq(g->param[1].value, "");
    ck_assert_str_eq(g->node[0].name, "a"); /* by priority, not by place */
    ck_assert_str_eq(g->node[1].name, "b");
    ck_assert_int_eq(g->node[0].transport, CONFIG_SSH);
    ck_assert_int_eq(g->node[1].transport, CONFIG_LOCAL);
    ck_assert_int_eq(g->node[0].ssh.port, 2222);
    ck_assert_str_eq(g->node[0].ssh.identity, in("id"));
    ck_assert_str_eq(g->node[0].ssh.known_hosts, in("known"));
    ck_assert_str_eq(g->node[0].ssh.host, "a.lan");
    ck_assert_ptr_null(g->node[0].ssh.config);
}
END_TEST

#define WINDOWS(attributes)                                                                        \
    TOP_SECRET "<node name='w' address='10.9.0.4' priority='1'><winrm " attributes "/></node>\n"   \
               "</group></baton>"
#define TOP_SECRET                                                                                 \
    "<baton><secret name='s' file='token'/><group name='mail'>\n"                                  \
    "<share path='\\\\NAS01\\SmarterMail'/><marks directory='D:\\marks'/>\n" POLICY

START_TEST(a_windows_node_is_reached_by_winrm)
{
    struct policy_site site;
    const struct config_node *node;

    put("token", "x", 1, 0400);
    put("ca.pem", "x", 1, 0644);
    loads(WINDOWS("user='baton' password='s' auth='basic' port='15986' host='server01.lan' "
                  "ca='ca.pem'"));
    node = &config->group[0].node[0];
    ck_assert_int_eq(node->transport, CONFIG_WINRM);
    ck_assert_str_eq(node->winrm.user, "baton");
    ck_assert_str_eq(node->winrm.secret, "s");
    ck_assert_int_eq(node->winrm.auth, CONFIG_BASIC);
    ck_assert_int_eq(node->winrm.port, 15986);
    ck_assert_str_eq(node->winrm.host, "server01.lan");
    ck_assert_str_eq(node->winrm.ca_file, in("ca.pem"));
    ck_assert_str_eq(config->group[0].share, "\\\\NAS01\\SmarterMail");
    config_site(config, &config->group[0], &site);
    ck_assert_str_eq(site.node[0].transport, "winrm");
    loads(WINDOWS("user='baton@X.ORG' password='s' fingerprint='AB:"
                  "ababababababababababababababababababababababababababababababab' "));
    node = &config->group[0].node[0];
    ck_assert_int_eq(node->winrm.auth, CONFIG_NEGOTIATE);
    ck_assert_str_eq(
        node->winrm.fingerprint,
        "abababababababababababababababababababababababababababababababab");
}
END_TEST

static const struct {
    const char *xml;
    const char *says;
} bad_winrm[] = {
    {WINDOWS("password='s'"), "<winrm> needs the attribute \"user\""},
    {WINDOWS("user='a' auth='basic'"), "needs password="},
    {WINDOWS("user='a' auth='ntlm' password='s'"), "it may be: negotiate, basic"},
    {WINDOWS("user='a' auth='basic' password='s' allow-plain='yes'"), "for all to read: use https"},
    {WINDOWS("user='a' auth='basic' password='t'"), "there is no <secret name=\"t\">"},
    {WINDOWS("user='a' password='s' keytab='token'"), "needs one of password="},
    {WINDOWS("user='a'"), "needs one of password="},
    {WINDOWS("user='a' keytab='gone'"), "keytab"},
    {WINDOWS("user='a' password='s' fingerprint='abc'"), "SHA-256 of the certificate"},
    {WINDOWS("user='a' password='s' allow-plain='yes' ca='token'"), "there is no certificate"},
    {WINDOWS("user='a' password='s' port='0'"), "a number from 1 to 65535"},
    {TOP_SECRET
     "<node name='w' address='10.9.0.4' priority='1'><winrm user='a' password='s'/></node>\n"
     "<node name='x' address='10.9.0.5' priority='2'><winrm user='b' password='s'/></node>\n"
     "</group></baton>",
     "Kerberos tickets are for one account"},
};

START_TEST(a_bad_winrm_is_refused)
{
    put("token", "x", 1, 0400);
    ck_assert_int_ne(load_bytes(bad_winrm[_i].xml, strlen(bad_winrm[_i].xml)), BATON_OK);
    ck_assert_msg(strstr(error.text, bad_winrm[_i].says) != NULL, "%s", error.text);
}
END_TEST

START_TEST(relative_paths_are_made_absolute)
{
    char *before = getcwd(NULL, 0);

    put("baton.xml", TOP("<state directory='s'/>"), strlen(TOP("<state directory='s'/>")), 0644);
    ck_assert_int_eq(chdir(directory), 0);
    ck_assert_msg(config_load("baton.xml", &config, &error) == BATON_OK, "%s", error.text);
    ck_assert_int_eq(chdir(before), 0);
    free(before);
    ck_assert_str_eq(config->state_directory, in("s"));
    ck_assert_str_eq(config->group[0].policy_file, in("p.lua"));
}
END_TEST

START_TEST(a_policy_sees_its_site)
{
    struct policy_site site;

    put("token", "x", 1, 0400);
    loads("<baton><secret name='hook' file='token'/><group name='mail'>" POLICY NODES
          "<witness address='10.9.0.253' port='53'/></group></baton>");
    config_site(config, &config->group[0], &site);
    ck_assert_str_eq(site.group, "mail");
    ck_assert_int_eq(site.n_nodes, 2);
    ck_assert_str_eq(site.node[0].transport, "ssh");
    ck_assert_str_eq(site.node[1].transport, "local");
    ck_assert_str_eq(site.witness[0], "10.9.0.253:53");
    ck_assert_int_eq(site.n_secrets, 1);
    ck_assert_str_eq(site.secret[0], "hook");
}
END_TEST

START_TEST(the_shipped_example_loads)
{
    /* … from where its policy is. */
    FILE *example = fopen(SOURCE_DIR "/core/config/example.xml", "rb");
    char text[8192];
    size_t len;

    ck_assert_ptr_nonnull(example);
    len = fread(text, 1, sizeof text, example);
    fclose(example);
    put("postfix-floating-ip.lua", "return policy {}\n", 17, 0644);
    ck_assert_msg(load_bytes(text, len) == BATON_OK, "%s", error.text);
    ck_assert_int_eq(config->group[0].n_nodes, 2);
    ck_assert_str_eq(config->group[0].node[1].ssh.user, "root");
}
END_TEST

START_TEST(any_order_and_utf16_are_fine)
{
    static const char plain[] = "<?xml version='1.0' encoding='UTF-16'?>" GOOD;
    char wide[2 * sizeof plain];
    size_t i;

    loads(GROUP(NODES POLICY));
    wide[0] = (char)0xff;
    wide[1] = (char)0xfe;
    for (i = 0; i < sizeof plain - 1; i++) {
        wide[2 + 2 * i] = plain[i];
        wide[3 + 2 * i] = 0;
    }
    ck_assert_msg(load_bytes(wide, 2 * sizeof plain) == BATON_OK, "%s", error.text);
}
END_TEST

/* ---- Bad by the schema ---- */

static const struct {
    const char *xml;
    int line;
    const char *says;
} bad[] = {
    {TOP("<statr/>\n"), 2,
     "unknown element <statr> in <baton>; allowed there: <state>, <control>, <log>, <lua>, "
     "<hooks>, <secret>, <peers>, <group>"},
    {TOP("<log colour='red'/>\n"), 2,
     "unknown attribute \"colour\" of <log>; it may have: to, level"},
    {TOP("<log to='printer'/>\n"), 2,
     "to=\"printer\" isn't known; it may be: stderr, syslog, journald"},
    {TOP("<log/>\n<log/>\n"), 3, "<log> is there twice in <baton>"},
    {TOP("<control/>\n"), 2, "<control> needs the attribute \"socket\""},
    {TOP("hello\n"), 2, "there is text in <baton>, \"hello\""},
    {"<baton/>\n", 1, "<baton> needs a <group>"},
    {"<group/>\n", 1, "the outermost element is <group>, not <baton>"},
    {"<baton xmlns='urn:x'/>\n", 1, "of a namespace"},
    {GROUP(NODES), 2, "<group> needs a <policy>"},
    {GROUP(POLICY), 2, "<group> needs a <node>"},
    {GROUP(POLICY NODES "<node name='x' address='10.9.0.3' priority='3'/>\n"), 6,
     "needs one way to reach it, <ssh/>, <winrm/> or <local/>, and has none"},
    {GROUP(POLICY NODES "<node name='x' address='10.9.0.3' priority='3'><ssh/><local/></node>\n"),
     6, "more than one"},
    {GROUP(POLICY "<node name='x' address='10.9.0.3' priority='3'><local user='a'/></node>\n"), 4,
     "unknown attribute \"user\" of <local>; it may have: nothing"},
    /* Bad values. */
    {TOP("<state keep='7 days'/>\n"), 2, "keep=\"7 days\" must be a number with ms, s, m, h or d"},
    {TOP("<state keep='0s'/>\n"), 2, "keep=\"0s\""},
    {TOP("<state keep='99999999999999999999d'/>\n"), 2, "must be a number with"},
    {TOP("<state directory=''/>\n"), 2, "<state>: directory is empty"},
    {TOP("<hooks user='no one'/>\n"), 2, "must be a user name"},
    {TOP("<hooks user='nosuchuser-7'/>\n"), 0, "no user \"nosuchuser-7\""},
    {TOP("<hooks directory='gone'/>\n"), 2, "gone: No such file"},
    {TOP("<lua directory='p.lua'/>\n"), 2, "is no folder"},
    {"<baton><group name='-x'>\n" POLICY NODES "</group></baton>", 1,
     "name=\"-x\" must be letters"},
    {GROUP(POLICY NODES "<address ip='10.9.0.300/24'/>\n"), 6,
     "ip=\"10.9.0.300/24\" must be an address with its prefix length"},
    {GROUP(POLICY NODES "<address ip='10.9.0.100'/>\n"), 6, "with its prefix length"},
    {GROUP(POLICY NODES "<address ip='10.9.0.100/33'/>\n"), 6, "with its prefix length"},
    {GROUP(POLICY NODES "<address interface='eth0'/>\n"), 2, "has an interface but no ip"},
    {GROUP(POLICY NODES "<address ip='10.9.0.1/24'/>\n"), 4, "as its own"},
    {GROUP(POLICY NODES "<address ip='10.9.0.9/24' interface='way-too-long-name'/>\n"), 6,
     "name of a network interface"},
    {GROUP(POLICY NODES "<gateway address='gw'/>\n"), 6, "must be an IPv4 or IPv6 address"},
    {GROUP(POLICY NODES "<gateway address='0.0.0.0'/>\n"), 6, "must be an IPv4 or IPv6 address"},
    {GROUP(POLICY NODES "<witness address='10.9.0.7' port='0'/>\n"), 6, "a number from 1 to 65535"},
    {GROUP(POLICY NODES "<witness address='10.9.0.7' port='65536'/>\n"), 6, "port=\"65536\""},
    {GROUP(POLICY NODES "<share path='mail'/>\n"), 6, "must be an absolute path"},
    {GROUP("<policy file='p.lua' memory='12'/>\n" NODES), 3, "memory=\"12\" must be from 256K"},
    {GROUP("<policy file='p.lua' memory='4MB'/>\n" NODES), 3, "memory=\"4MB\" must be a number"},
    {GROUP("<policy file='p.lua' instructions='7'/>\n" NODES), 3, "a number from 1000"},
    {GROUP("<policy file='q.lua'/>\n" NODES), 3, "q.lua, and none is shipped as"},
    {GROUP("<policy file='.'/>\n" NODES), 3, "is no regular file"},
    {GROUP("<policy file='p.lua'><set name='a b' value=''/></policy>\n" NODES), 3,
     "must be letters"},
    {GROUP(
         "<policy file='p.lua'><set name='a' value=''/>\n<set name='a' value=''/></policy>" NODES),
     4, "\"a\" is set twice"},
    {GROUP(POLICY "<node name='x' address='10.9.0.3' priority='first'><local/></node>\n"), 4,
     "priority=\"first\" must be a number"},
    {GROUP(POLICY "<node name='x' address='x.lan' priority='1'><local/></node>\n"), 4,
     "must be an IPv4 or IPv6 address"},
    {GROUP(POLICY "<node name='x' address='10.9.0.3' priority='1'>\n"
                  "<ssh user='-oProxyCommand=x'/></node>\n"),
     5, "must be a user name"},
    {GROUP(POLICY "<node name='x' address='10.9.0.3' priority='1'>\n"
                  "<ssh host='-oProxyCommand=x'/></node>\n"),
     5, "must be a host name"},
    {GROUP(POLICY "<node name='x' address='10.9.0.3' priority='1'>\n"
                  "<ssh identity='gone'/></node>\n"),
     5, "<ssh>: identity"},
    /* Together. */
    {GROUP(POLICY NODES "<node name='server01' address='10.9.0.3' priority='3'><ssh/></node>\n"), 6,
     "two nodes are named \"server01\""},
    {GROUP(POLICY NODES "<node name='c' address='10.9.0.2' priority='3'><ssh/></node>\n"), 6,
     "two nodes have the address 10.9.0.2"},
    {GROUP(POLICY NODES "<node name='c' address='10.9.0.3' priority='2'><ssh/></node>\n"), 6,
     "two nodes have priority 2"},
    {GROUP(POLICY NODES "<node name='c' address='10.9.0.3' priority='3'><local/></node>\n"), 6,
     "two nodes are <local/>"},
    {TOP("<group name='mail'>" POLICY NODES "</group>\n"), 6, "two groups are named \"mail\""},
    {TOP("<group name='web'>\n" POLICY
         "<node name='server01' address='10.9.0.7' priority='1'><ssh/></node>\n</group>\n"),
     8, "node \"server01\" is another server in group \"web\" (line 4)"},
    {TOP("<secret name='a' file='gone'/>\n"), 2, "secret>: file"},
    /* Not even XML. */
    {"<baton>\n<group name='mail'>\n" POLICY, 4, "not well-formed XML"},
    {"<baton>\n<group name='mail>\n</baton>", 3, "not well-formed XML"},
    {"<baton>\n<group name='\xff\xfe'/></baton>", 2, "save the file as UTF-8"},
    {"<?xml version='1.0' encoding='klingon'?>\n<baton/>", 1, "save the file as UTF-8"},
    {"hello", 1, "not well-formed XML"},
    {"<baton>&amp;&nothing;</baton>", 1, "write & as &amp;"},
};

START_TEST(what_is_wrong_is_said_with_its_line)
{
    refused(bad[_i].xml, bad[_i].line, bad[_i].says);
}
END_TEST

START_TEST(all_errors_are_collected_in_the_order_of_the_lines)
{
    const char *first, *second, *third;

    ck_assert_int_eq(
        load(GROUP("<policy file='p.lua' memory='x'/>\n"
                   "<node name='a' address='nowhere' priority='1'><local/></node>\n"
                   "<frob/>\n")),
        BATON_INVALID);
    first = strstr(error.text, ":3: <policy>: memory");
    second = strstr(error.text, "\n");
    third = strstr(error.text, ":5: unknown element <frob>");
    ck_assert_msg(first && second && third, "%s", error.text);
    ck_assert_ptr_nonnull(strstr(second, ":4: <node>: address"));
    ck_assert(first < second && second < third);
}
END_TEST

START_TEST(more_errors_than_fit_are_counted)
{
    char xml[4000];
    FILE *out = fmemopen(xml, sizeof xml, "w");
    int i;

    fputs("<baton>\n", out);
    for (i = 0; i < 30; i++) {
        fputs("<nothing-of-the-kind/>\n", out);
    }
    fputs("<group name='mail'>" POLICY NODES "</group></baton>", out);
    fclose(out);
    ck_assert_int_eq(load(xml), BATON_INVALID);
    says("baton.xml:2: unknown element");
    says("\n… and 2");
    ck_assert_uint_lt(strlen(error.text), BATON_ERROR_TEXT_MAX);
}
END_TEST

/* ---- Files ---- */

START_TEST(files_that_are_no_configuration_are_named)
{
    char *big = malloc((1 << 20) + 10);

    ck_assert_int_eq(config_load(in("gone.xml"), &config, &error), BATON_NOT_FOUND);
    says("gone.xml: can't be opened");
    ck_assert_int_eq(config_load(directory, &config, &error), BATON_INVALID);
    says("is a directory");
    ck_assert_int_eq(load(""), BATON_INVALID);
    says("is empty");
    ck_assert_int_eq(mkfifo(in("pipe"), 0600), 0);
    ck_assert_int_eq(config_load(in("pipe"), &config, &error), BATON_INVALID);
    says("no regular file");
    memset(big, ' ', (1 << 20) + 10);
    ck_assert_int_eq(load_bytes(big, (1 << 20) + 10), BATON_LIMIT);
    says("larger than 1 MiB");
    free(big);
    put("baton.xml", GOOD, strlen(GOOD), 0666);
    ck_assert_int_eq(config_load(in("baton.xml"), &config, &error), BATON_INVALID);
    says("written by everybody");
}
END_TEST

START_TEST(every_cut_off_file_is_refused)
{
    size_t len;

    for (len = 0; len < strlen(GOOD) - 1; len++) {
        ck_assert_msg(load_bytes(GOOD, len) != BATON_OK, "loaded with %zu bytes", len);
    }
    ck_assert_int_eq(load_bytes(GOOD, len), BATON_OK);
}
END_TEST

START_TEST(secrets_that_others_can_read_are_refused)
{
    static const char xml[] = TOP("<secret name='hook' file='token'/>\n");

    put("token", "x", 1, 0600);
    loads(xml);
    put("token", "x", 1, 0640);
    refused(xml, 2, "can be read by others than its owner: chmod 600");
    put("token", "x", 1, 0602);
    refused(xml, 2, "can be written by everybody");
    put("token", "x", 1, 0620);
    refused(xml, 2, "can be written by its group");
    if (geteuid() == 0) {
        put("token", "x", 1, 0600);
        ck_assert_int_eq(chown(in("token"), 12345, 0), 0);
        refused(xml, 2, "belongs to neither root nor");
    }
    ck_assert_ptr_null(strstr(error.text, "x\n"));
}
END_TEST

START_TEST(keys_that_others_can_read_are_refused)
{
    static const char xml[] =
        GROUP(POLICY "<node name='x' address='10.9.0.3' priority='1'><ssh identity='id' "
                     "known-hosts='known'/></node>\n");

    put("id", "x", 1, 0600);
    put("known", "x", 1, 0644);
    loads(xml);
    put("id", "x", 1, 0644);
    refused(xml, 4, "identity");
    put("id", "x", 1, 0600);
    put("known", "x", 1, 0664);
    refused(xml, 4, "known-hosts");
}
END_TEST

/* ---- Entities ---- */

START_TEST(a_doctype_is_refused_before_it_can_do_anything)
{
    char xml[1000];

    put("outside", "SEEN-IT", 7, 0644);
    snprintf(
        xml, sizeof xml,
        "<?xml version='1.0'?>\n<!DOCTYPE baton [<!ENTITY x SYSTEM 'file://%s'>]>\n"
        "<baton><state directory='d'/>&x;</baton>",
        in("outside"));
    refused(xml, 2, "a DOCTYPE isn't allowed");
    ck_assert_ptr_null(strstr(error.text, "SEEN-IT"));
    snprintf(xml, sizeof xml, "<!DOCTYPE baton SYSTEM 'http://127.0.0.1:9/x.dtd'>\n" GOOD);
    refused(xml, 1, "a DOCTYPE isn't allowed");
    refused(
        "<!DOCTYPE baton [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;'>\n"
        "<!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;'><!ENTITY d '&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;'>\n"
        "<!ENTITY e '&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;'><!ENTITY f "
        "'&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;'>]>\n"
        "<baton><state directory='&f;'/></baton>",
        1, "a DOCTYPE isn't allowed");
}
END_TEST

static int opened;

static xmlParserInputPtr on_external(const char *url, const char *id, xmlParserCtxtPtr parser)
{
    (void)url;
    (void)id;
    (void)parser;
    opened++;
    return NULL;
}

START_TEST(no_other_file_is_ever_asked_for)
{
    xmlExternalEntityLoader before = xmlGetExternalEntityLoader();

    xmlSetExternalEntityLoader(on_external);
    load("<!DOCTYPE baton [<!ENTITY % x SYSTEM 'file:///etc/passwd'> %x;]>\n" GOOD);
    load("<!DOCTYPE baton SYSTEM 'file:///etc/passwd'>\n" GOOD);
    loads("<?xml-stylesheet href='file:///etc/passwd'?>" GOOD);
    refused(
        GROUP(POLICY NODES "<xi:include xmlns:xi='http://www.w3.org/2001/XInclude' "
                           "href='file:///etc/passwd' parse='text'/>\n"),
        6, "unknown element <include>");
    xmlSetExternalEntityLoader(before);
    ck_assert_int_eq(opened, 0);
}
END_TEST

/* ---- SmarterMail ---- */

#define FAILOVER GROUP(POLICY NODES "<smartermail failover-config='failoverConfig.xml'/>\n")

static void put_failover(const char *text)
{
    put("failoverConfig.xml", text, strlen(text), 0644);
}

START_TEST(smartermail_gives_address_share_and_switch)
{
    put_failover(
        "<?xml version='1.0'?><Any xmlns='urn:any'><Deep>\n"
        "<SharedSystemFilesPath> \\\\NAS01\\SmarterMail\\Service </SharedSystemFilesPath>\n"
        "<!-- kept --><FailoverIPAddress>10.9.0.100</FailoverIPAddress></Deep>\n"
        "<IsEnabled>False</IsEnabled></Any>");
    loads(FAILOVER);
    ck_assert_str_eq(config->group[0].floating, "10.9.0.100/32");
    ck_assert_str_eq(config->group[0].share, "\\\\NAS01\\SmarterMail\\Service");
    ck_assert(!config->group[0].enabled);
}
END_TEST

START_TEST(what_the_group_says_itself_must_agree_with_smartermail)
{
    static const char same[] = GROUP(
        "<smartermail failover-config='failoverConfig.xml'/>\n"
        "<address ip='10.9.0.100/24' interface='eth0'/>\n<share path='/srv'/>\n" POLICY NODES);
    static const char other[] = GROUP("<smartermail failover-config='failoverConfig.xml'/>\n"
                                      "<address ip='10.9.0.101/24'/>\n" POLICY NODES);

    put_failover("<f><FailoverIPAddress>10.9.0.100</FailoverIPAddress><IsEnabled>True</IsEnabled>"
                 "<SharedSystemFilesPath>\\\\N\\S</SharedSystemFilesPath></f>");
    loads(same);
    ck_assert_str_eq(config->group[0].floating, "10.9.0.100/24");
    ck_assert_str_eq(config->group[0].share, "/srv");
    ck_assert(config->group[0].enabled);
    refused(other, 3, "<address> says 10.9.0.101/24, but FailoverIPAddress in");
    says("says 10.9.0.100: make them equal");
}
END_TEST

START_TEST(a_bad_failover_config_is_named_with_its_line)
{
    put_failover("<f>\n<IsEnabled>True</IsEnabled>\n<IsEnabled>False</IsEnabled></f>");
    refused(FAILOVER, 0, "failoverConfig.xml:3: <IsEnabled> is there twice (first in line 2)");
    put_failover("<f>\n<IsEnabled>maybe</IsEnabled></f>");
    refused(FAILOVER, 0, "failoverConfig.xml:2: IsEnabled \"maybe\" must be True or False");
    put_failover("<f>\n<FailoverIPAddress>mail</FailoverIPAddress></f>");
    refused(FAILOVER, 0, "failoverConfig.xml:2: FailoverIPAddress \"mail\" must be an IPv4");
    put_failover("<f/>");
    refused(FAILOVER, 0, "is it SmarterMail's failoverConfig.xml?");
    put_failover("<f>");
    refused(FAILOVER, 0, "failoverConfig.xml:1: not well-formed");
    unlink(in("failoverConfig.xml"));
    refused(FAILOVER, 0, "failoverConfig.xml: can't be opened");
}
END_TEST

START_TEST(a_failover_config_can_be_read_by_itself)
{
    struct config_failover f;

    put_failover("<f><FailoverIPAddress/><SharedSystemFilesPath>/x</SharedSystemFilesPath></f>");
    ck_assert_int_eq(config_read_failover(in("failoverConfig.xml"), &f, &error), BATON_OK);
    ck_assert_str_eq(f.shared_system_files_path, "/x");
    ck_assert_ptr_null(f.failover_ip_address);
    ck_assert(f.is_enabled);
    free(f.shared_system_files_path);
    ck_assert_int_eq(config_read_failover(in("gone"), &f, &error), BATON_NOT_FOUND);
}
END_TEST

/* ---- The schema ---- */

START_TEST(the_schema_in_the_program_is_the_shipped_one)
{
    FILE *shipped = fopen(SOURCE_DIR "/core/config/baton.rng", "rb");
    char text[20000];
    size_t len, read_len;
    const char *schema = config_schema(&len);

    ck_assert_ptr_nonnull(shipped);
    read_len = fread(text, 1, sizeof text, shipped);
    fclose(shipped);
    ck_assert_uint_eq(len, read_len);
    ck_assert_mem_eq(schema, text, len);
}
END_TEST

static void ignore(void *arg, xmlErrorPtr found)
{
    (void)arg;
    (void)found;
}

static bool is_valid(xmlRelaxNGValidCtxtPtr valid, const char *xml)
{
    xmlDocPtr doc = xmlReadMemory(xml, (int)strlen(xml), NULL, NULL, XML_PARSE_NONET);
    int wrong = xmlRelaxNGValidateDoc(valid, doc);

    xmlFreeDoc(doc);
    return wrong == 0;
}

/* What the walk and the checks refuse as a matter of form, the schema must refuse too, or
 * an editor would call it valid. */
START_TEST(the_schema_agrees_about_the_form)
{
    static const char *const form[] = {
        TOP("<statr/>"),
        TOP("<log colour='red'/>"),
        TOP("<log to='printer'/>"),
        TOP("<log/><log/>"),
        TOP("<control/>"),
        "<baton/>",
        GROUP(NODES),
        GROUP(POLICY),
        TOP("<state keep='7 days'/>"),
        GROUP("<policy file='p.lua' memory='4MB'/>" NODES),
        GROUP(POLICY NODES "<witness address='10.9.0.7' port='65536'/>"),
        GROUP(POLICY "<node name='x' address='10.9.0.3' priority='1'>"
                     "<local/><ssh/></node>")};
    size_t len, i;
    const char *text = config_schema(&len);
    xmlRelaxNGParserCtxtPtr parser = xmlRelaxNGNewMemParserCtxt(text, (int)len);
    xmlRelaxNGPtr schema = xmlRelaxNGParse(parser);
    xmlRelaxNGValidCtxtPtr valid = xmlRelaxNGNewValidCtxt(schema);

    xmlRelaxNGSetValidStructuredErrors(valid, ignore, NULL);
    for (i = 0; i < sizeof form / sizeof form[0]; i++) {
        ck_assert_msg(!is_valid(valid, form[i]), "the schema allows %s", form[i]);
    }
    ck_assert(is_valid(valid, GOOD));
    xmlRelaxNGFreeValidCtxt(valid);
    xmlRelaxNGFree(schema);
    xmlRelaxNGFreeParserCtxt(parser);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config");
    TCase *tc = tcase_create("config");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, config_setup, config_teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, the_smallest_configuration_has_defaults);
    tcase_add_test(tc, everything_that_can_be_said_is_read);
    tcase_add_test(tc, relative_paths_are_made_absolute);
    tcase_add_test(tc, a_windows_node_is_reached_by_winrm);
    tcase_add_loop_test(
        tc, a_bad_winrm_is_refused, 0, (int)(sizeof bad_winrm / sizeof bad_winrm[0]));
    tcase_add_test(tc, a_policy_sees_its_site);
    tcase_add_test(tc, the_shipped_example_loads);
    tcase_add_test(tc, any_order_and_utf16_are_fine);
    tcase_add_loop_test(
        tc, what_is_wrong_is_said_with_its_line, 0, (int)(sizeof bad / sizeof bad[0]));
    tcase_add_test(tc, all_errors_are_collected_in_the_order_of_the_lines);
    tcase_add_test(tc, more_errors_than_fit_are_counted);
    tcase_add_test(tc, files_that_are_no_configuration_are_named);
    tcase_add_test(tc, every_cut_off_file_is_refused);
    tcase_add_test(tc, secrets_that_others_can_read_are_refused);
    tcase_add_test(tc, keys_that_others_can_read_are_refused);
    tcase_add_test(tc, a_doctype_is_refused_before_it_can_do_anything);
    tcase_add_test(tc, no_other_file_is_ever_asked_for);
    tcase_add_test(tc, smartermail_gives_address_share_and_switch);
    tcase_add_test(tc, what_the_group_says_itself_must_agree_with_smartermail);
    tcase_add_test(tc, a_bad_failover_config_is_named_with_its_line);
    tcase_add_test(tc, a_failover_config_can_be_read_by_itself);
    tcase_add_test(tc, the_schema_in_the_program_is_the_shipped_one);
    tcase_add_test(tc, the_schema_agrees_about_the_form);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
