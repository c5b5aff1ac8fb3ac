#include "live_fixture.h"
#include "live_server.h"

#include <event2/dns.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static struct fixture f;
static struct answer a;
static struct server server;
static char certificate[96], key[96];

#define EHLO     "250-mail.test\r\n250-PIPELINING\r\n250 8BITMIME\r\n"
#define EHLO_TLS "250-mail.test\r\n250-STARTTLS\r\n250 8BITMIME\r\n"

static const struct server_script smtp = {
    .banner = "220 mail.test ESMTP\r\n",
    .line =
        {{"EHLO ", EHLO_TLS, SERVER_GO_ON},
         {"STARTTLS", "220 go ahead\r\n", SERVER_TLS},
         {"NOOP", "250-fine\r\n250 fine\r\n", SERVER_GO_ON},
         {"QUIT", "221 bye\r\n", SERVER_CLOSE}},
};
static const struct server_script smtp_tls = {
    .banner = "220 mail.test ESMTP\r\n",
    .tls = true,
    .line =
        {{"EHLO ", EHLO, SERVER_GO_ON},
         {"NOOP", "250 fine\r\n", SERVER_GO_ON},
         {"QUIT", "221 bye\r\n", SERVER_CLOSE}},
};
static const struct server_script no_starttls = {
    .banner = "220 mail.test ESMTP\r\n", .line = {{"EHLO ", EHLO, SERVER_GO_ON}}};
static const struct server_script closing = {
    .banner = "421 mail.test closing\r\n", .then = SERVER_CLOSE};
static const struct server_script refusing = {.banner = "554 not you\r\n", .then = SERVER_GO_ON};
static const struct server_script not_mail = {.banner = "SSH-2.0-OpenSSH_9.2\r\n"};
static const struct server_script mute = {.banner = NULL};
static const struct server_script deaf = {.banner = "220 mail.test ESMTP\r\n"};
static const struct server_script ehlo_refused = {
    .banner = "220 mail.test ESMTP\r\n",
    .line = {{"EHLO ", "550 no\r\n", SERVER_GO_ON}, {"HELO ", "550 go away\r\n", SERVER_GO_ON}},
};
static const struct server_script noop_refused = {
    .banner = "220 mail.test ESMTP\r\n",
    .line = {{"EHLO ", EHLO, SERVER_GO_ON}, {"NOOP", "421 4.3.2 shutting down\r\n", SERVER_CLOSE}},
};
static const struct server_script noop_hung_up = {
    .banner = "220 mail.test ESMTP\r\n",
    .line = {{"EHLO ", EHLO, SERVER_GO_ON}, {"NOOP", "", SERVER_CLOSE}},
};
static const struct server_script quit_unheard = {
    .banner = "220 mail.test ESMTP\r\n",
    .line = {{"EHLO ", EHLO, SERVER_GO_ON}, {"NOOP", "250 fine\r\n", SERVER_GO_ON}},
};
static const struct server_script imap = {
    .banner = "* OK [CAPABILITY IMAP4rev1 LOGINDISABLED] ready\r\n",
    .line =
        {{" CAPABILITY", "* CAPABILITY IMAP4rev1 STARTTLS\r\nTAG OK done\r\n", SERVER_GO_ON},
         {" STARTTLS", "TAG OK go ahead\r\n", SERVER_TLS},
         {" LOGOUT", "* BYE\r\nTAG OK out\r\n", SERVER_CLOSE}},
};
static const struct server_script imap_bye = {.banner = "* BYE too many\r\n", .then = SERVER_CLOSE};
static const struct server_script pop3 = {
    .banner = "+OK ready <1.2@mail.test>\r\n",
    .line =
        {{"CAPA", "+OK\r\nUSER\r\nSTLS\r\n.\r\n", SERVER_GO_ON},
         {"STLS", "+OK go ahead\r\n", SERVER_TLS},
         {"QUIT", "+OK bye\r\n", SERVER_CLOSE}},
};
static const struct server_script pop3_err = {.banner = "-ERR locked\r\n", .then = SERVER_CLOSE};

static void up(void)
{
    fixture_up(&f);
    server_certificate(f.dir, "mail.test");
    snprintf(certificate, sizeof certificate, "%s/cert.pem", f.dir);
    snprintf(key, sizeof key, "%s/key.pem", f.dir);
    server.certificate = certificate;
    server.key = key;
}

static void down(void)
{
    server_down(&server);
    answer_fini(&a);
    fixture_turn(&f);
    fixture_down(&f);
}

static struct world_request question(enum world_mail_proto proto, enum world_tls tls)
{
    struct world_request request = {.kind = WORLD_MAIL, .timeout_ms = 10000};

    request.u.mail.proto = proto;
    request.u.mail.tls = tls;
    request.u.mail.host = "127.0.0.1";
    request.u.mail.port = server.port;
    return request;
}

static void ask(
    const struct server_script *script, enum world_mail_proto proto, enum world_tls tls,
    int64_t timeout_ms)
{
    struct world_request request;

    server_up(&server, f.base, script);
    request = question(proto, tls);
    request.timeout_ms = timeout_ms;
    fixture_ask(&f, &request, &a);
}

static void says(enum world_outcome outcome, int code, const char *detail)
{
    ck_assert_str_eq(a.detail, detail);
    ck_assert_int_eq(a.outcome, outcome);
    ck_assert_int_eq(a.code, code);
}

static void says_some(enum world_outcome outcome, const char *part)
{
    ck_assert_msg(strstr(a.detail, part) != NULL, "\"%s\" is not in: %s", part, a.detail);
    ck_assert_msg(a.outcome == outcome, "outcome %d: %s", a.outcome, a.detail);
}

/* What the server heard, without the words that depend on this host. */
static void heard(const char *commands)
{
    char text[512] = "", copy[sizeof server.heard], *line, *save = NULL;

    snprintf(copy, sizeof copy, "%s", server.heard);
    for (line = strtok_r(copy, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
        char *ehlo = strstr(line, "EHLO ");

        if (ehlo != NULL) {
            ehlo[4] = 0;
        }
        strncat(text, line, sizeof text - strlen(text) - 2);
        strcat(text, "|");
    }
    ck_assert_str_eq(text, commands);
}

START_TEST(an_smtp_server_is_greeted_and_left_politely)
{
    ask(&smtp, WORLD_SMTP, WORLD_PLAIN, 10000);
    says(WORLD_OK, 250, "220 mail.test ESMTP");
    heard("EHLO|NOOP|QUIT|");
    ck_assert_int_eq(server.n_closed, 1);
}
END_TEST

START_TEST(smtp_goes_on_within_tls_after_starttls)
{
    ask(&smtp, WORLD_SMTP, WORLD_STARTTLS, 10000);
    says(WORLD_OK, 250, "220 mail.test ESMTP");
    heard("EHLO|STARTTLS|tls:EHLO|tls:NOOP|tls:QUIT|");
}
END_TEST

START_TEST(smtp_within_tls_from_the_start)
{
    ask(&smtp_tls, WORLD_SMTP, WORLD_TLS, 10000);
    says(WORLD_OK, 250, "220 mail.test ESMTP");
    heard("tls:EHLO|tls:NOOP|tls:QUIT|");
}
END_TEST

START_TEST(a_server_without_starttls_has_failed)
{
    ask(&no_starttls, WORLD_SMTP, WORLD_STARTTLS, 10000);
    says_some(WORLD_FAIL, "no STARTTLS");
}
END_TEST

START_TEST(a_certificate_is_checked_where_that_is_asked_for)
{
    struct evdns_server_port *dns = dns_up(f.base, f.world);
    struct world_request request;

    server_up(&server, f.base, &smtp_tls);
    request = question(WORLD_SMTP, WORLD_TLS);
    request.u.mail.verify = true;
    request.u.mail.host = "mail.test";
    fixture_ask(&f, &request, &a);
    says_some(WORLD_FAIL, "certificate refused: ");
    request.u.mail.ca_file = certificate;
    fixture_ask(&f, &request, &a);
    says(WORLD_OK, 250, "220 mail.test ESMTP");
    request.u.mail.host = "other.test";
    fixture_ask(&f, &request, &a);
    says_some(WORLD_FAIL, "certificate refused: ");
    request.u.mail.ca_file = "/nonexistent.pem";
    fixture_ask(&f, &request, &a);
    says_some(WORLD_UNKNOWN, "/nonexistent.pem");
    evdns_close_server_port(dns);
}
END_TEST

START_TEST(tls_with_a_server_that_speaks_none_has_failed)
{
    ask(&smtp, WORLD_SMTP, WORLD_TLS, 10000);
    says_some(WORLD_FAIL, "no TLS: ");
}
END_TEST

START_TEST(a_banner_that_refuses_has_failed_and_is_quoted)
{
    ask(&closing, WORLD_SMTP, WORLD_PLAIN, 10000);
    says(WORLD_FAIL, 421, "banner \"421 mail.test closing\"");
    server_down(&server);
    ask(&refusing, WORLD_SMTP, WORLD_PLAIN, 10000);
    says(WORLD_FAIL, 554, "banner \"554 not you\"");
}
END_TEST

START_TEST(a_server_of_another_protocol_has_failed)
{
    ask(&not_mail, WORLD_SMTP, WORLD_PLAIN, 200);
    ck_assert_int_eq(a.outcome, WORLD_FAIL);
    server_down(&server);
    ask(&not_mail, WORLD_IMAP, WORLD_PLAIN, 200);
    ck_assert_int_eq(a.outcome, WORLD_FAIL);
    server_down(&server);
    ask(&not_mail, WORLD_POP3, WORLD_PLAIN, 200);
    ck_assert_int_eq(a.outcome, WORLD_FAIL);
}
END_TEST

START_TEST(silence_has_failed_and_says_where)
{
    ask(&mute, WORLD_SMTP, WORLD_PLAIN, 1000);
    says(WORLD_FAIL, -1, "connected, but no banner within 1 s");
    server_down(&server);
    ask(&deaf, WORLD_SMTP, WORLD_PLAIN, 1000);
    says(WORLD_FAIL, 220, "no more answer within 1 s; last heard \"220 mail.test ESMTP\"");
}
END_TEST

START_TEST(a_closed_port_has_failed)
{
    struct world_request request = question(WORLD_SMTP, WORLD_PLAIN);

    request.u.mail.port = port_closed();
    fixture_ask(&f, &request, &a);
    says(WORLD_FAIL, -1, "connection refused");
}
END_TEST

START_TEST(no_route_of_our_own_is_unknown)
{
    struct world_request request = question(WORLD_SMTP, WORLD_PLAIN);

    if (!netns_enter(false)) {
        return;
    }
    request.u.mail.host = "192.0.2.1";
    request.u.mail.port = 25;
    fixture_ask(&f, &request, &a);
    says(WORLD_UNKNOWN, -1, "this host has no route there");
}
END_TEST

START_TEST(no_descriptor_left_is_unknown)
{
    struct world_request request = question(WORLD_SMTP, WORLD_PLAIN);
    struct rlimit before, none;

    request.u.mail.port = port_closed();
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 0;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    fixture_ask(&f, &request, &a);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    says(WORLD_UNKNOWN, -1, "this host has no file descriptor left");
}
END_TEST

START_TEST(a_refused_greeting_has_failed)
{
    ask(&ehlo_refused, WORLD_SMTP, WORLD_PLAIN, 10000);
    says_some(WORLD_FAIL, "last heard \"550 go away\"");
    ck_assert_int_eq(a.code, 550);
}
END_TEST

START_TEST(a_server_that_shuts_down_after_the_greeting_has_failed)
{
    ask(&noop_refused, WORLD_SMTP, WORLD_PLAIN, 10000);
    says(WORLD_FAIL, 421, "NOOP answered \"421 4.3.2 shutting down\"");
    server_down(&server);
    ask(&noop_hung_up, WORLD_SMTP, WORLD_PLAIN, 10000);
    says_some(WORLD_FAIL, "connection closed after \"250 8BITMIME\"");
}
END_TEST

static void tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    ++*(int *)arg;
}

/* libcurl's own way to say QUIT would hold the loop up here. */
START_TEST(a_server_that_never_answers_quit_is_ok_and_does_not_hold_the_loop_up)
{
    struct event *clock;
    int ticks = 0;

    clock = event_new(f.base, -1, EV_PERSIST, tick, &ticks);
    event_add(clock, &(struct timeval){0, 5000});
    ask(&quit_unheard, WORLD_SMTP, WORLD_PLAIN, 1500);
    event_free(clock);
    says(WORLD_OK, 250, "220 mail.test ESMTP (did not answer to the end)");
    ck_assert_int_lt(a.latency_us, 1500000); /* up to the answer to NOOP */
    ck_assert_int_gt(ticks, 10);
    heard("EHLO|NOOP|QUIT|");
}
END_TEST

START_TEST(an_imap_server_is_greeted_without_a_login)
{
    ask(&imap, WORLD_IMAP, WORLD_PLAIN, 10000);
    says(WORLD_OK, -1, "* OK [CAPABILITY IMAP4rev1 LOGINDISABLED] ready");
    heard("A001 CAPABILITY|BATON LOGOUT|");
    server_down(&server);
    server.certificate = certificate;
    server.key = key;
    ask(&imap, WORLD_IMAP, WORLD_STARTTLS, 10000);
    says(WORLD_OK, -1, "* OK [CAPABILITY IMAP4rev1 LOGINDISABLED] ready");
    ck_assert_ptr_nonnull(strstr(server.heard, "tls:BATON LOGOUT"));
    server_down(&server);
    ask(&imap_bye, WORLD_IMAP, WORLD_PLAIN, 10000);
    says(WORLD_FAIL, -1, "banner \"* BYE too many\"");
}
END_TEST

START_TEST(a_pop3_server_is_greeted_without_a_login)
{
    ask(&pop3, WORLD_POP3, WORLD_PLAIN, 10000);
    says(WORLD_OK, -1, "+OK ready <1.2@mail.test>");
    heard("CAPA|QUIT|");
    server_down(&server);
    server.certificate = certificate;
    server.key = key;
    ask(&pop3, WORLD_POP3, WORLD_STARTTLS, 10000);
    says(WORLD_OK, -1, "+OK ready <1.2@mail.test>");
    heard("CAPA|STLS|tls:CAPA|tls:QUIT|");
    server_down(&server);
    ask(&pop3_err, WORLD_POP3, WORLD_PLAIN, 10000);
    says(WORLD_FAIL, -1, "banner \"-ERR locked\"");
}
END_TEST

START_TEST(names_are_resolved_and_those_that_are_not_are_unknown)
{
    struct evdns_server_port *dns = dns_up(f.base, f.world);
    struct world_request request;

    server_up(&server, f.base, &smtp);
    request = question(WORLD_SMTP, WORLD_PLAIN);
    request.u.mail.host = "many.test"; /* its first address is closed */
    fixture_ask(&f, &request, &a);
    says(WORLD_OK, 250, "220 mail.test ESMTP");
    request.u.mail.host = "none.test";
    fixture_ask(&f, &request, &a);
    says_some(WORLD_UNKNOWN, "name none.test not resolved: ");
    request.u.mail.host = "silent.test";
    request.timeout_ms = 100;
    fixture_ask(&f, &request, &a);
    says(WORLD_UNKNOWN, -1, "name not resolved within 0.1 s");
    request.u.mail.host = "mail.test/EHLO";
    fixture_ask(&f, &request, &a);
    ck_assert_int_eq(a.outcome, WORLD_UNKNOWN);
    evdns_close_server_port(dns);
}
END_TEST

/* refused.test has 127.0.0.1 and an IPv6 address that this host has no route to. */
START_TEST(an_address_that_refuses_outweighs_one_that_can_not_be_asked)
{
    struct evdns_server_port *dns;
    struct world_request request;

    if (!netns_enter(true)) {
        return;
    }
    dns = dns_up(f.base, f.world);
    request = question(WORLD_SMTP, WORLD_PLAIN);
    request.u.mail.host = "refused.test";
    request.u.mail.port = port_closed();
    fixture_ask(&f, &request, &a);
    says(WORLD_FAIL, -1, "connection refused");
    evdns_close_server_port(dns);
}
END_TEST

START_TEST(a_cancelled_probe_closes_its_connection_and_is_not_answered)
{
    struct world_request request;
    uint64_t id;

    server_up(&server, f.base, &deaf);
    request = question(WORLD_SMTP, WORLD_PLAIN);
    id = world_start(f.world, &request, answer_keep, &a);
    fixture_turn(&f);
    ck_assert_int_eq(server.n_connections, 1);
    world_cancel(f.world, id);
    fixture_turn(&f);
    ck_assert_int_eq(server.n_closed, 1);
    ck_assert_int_eq(a.count, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mail");
    TCase *tests = tcase_create("mail");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, up, down);
    tcase_add_test(tests, an_smtp_server_is_greeted_and_left_politely);
    tcase_add_test(tests, smtp_goes_on_within_tls_after_starttls);
    tcase_add_test(tests, smtp_within_tls_from_the_start);
    tcase_add_test(tests, a_server_without_starttls_has_failed);
    tcase_add_test(tests, a_certificate_is_checked_where_that_is_asked_for);
    tcase_add_test(tests, tls_with_a_server_that_speaks_none_has_failed);
    tcase_add_test(tests, a_banner_that_refuses_has_failed_and_is_quoted);
    tcase_add_test(tests, a_server_of_another_protocol_has_failed);
    tcase_add_test(tests, silence_has_failed_and_says_where);
    tcase_add_test(tests, a_closed_port_has_failed);
    tcase_add_test(tests, no_route_of_our_own_is_unknown);
    tcase_add_test(tests, no_descriptor_left_is_unknown);
    tcase_add_test(tests, a_refused_greeting_has_failed);
    tcase_add_test(tests, a_server_that_shuts_down_after_the_greeting_has_failed);
    tcase_add_test(tests, a_server_that_never_answers_quit_is_ok_and_does_not_hold_the_loop_up);
    tcase_add_test(tests, an_imap_server_is_greeted_without_a_login);
    tcase_add_test(tests, a_pop3_server_is_greeted_without_a_login);
    tcase_add_test(tests, names_are_resolved_and_those_that_are_not_are_unknown);
    tcase_add_test(tests, an_address_that_refuses_outweighs_one_that_can_not_be_asked);
    tcase_add_test(tests, a_cancelled_probe_closes_its_connection_and_is_not_answered);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
