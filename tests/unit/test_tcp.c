#include "live_fixture.h"
#include "live_server.h"

#include <arpa/inet.h>
#include <event2/dns.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static struct fixture f;
static struct answer a;
static struct server server;

static const struct server_script smtp = {.banner = "220 mail.test ESMTP ready\r\n"};
static const struct server_script busy = {.banner = "554 no service here\r\n"};
static const struct server_script mute = {.banner = NULL};
static const struct server_script hung_up = {.banner = NULL, .then = SERVER_CLOSE};
static const struct server_script cut = {.banner = "220 ma", .then = SERVER_CLOSE};

static const struct server_script no_line = {.banner = "220 mail.test"};
static const struct server_script half = {.banner = "22"};
static const struct server_script rude = {.banner = "554 \x1b[2J\xff\xfe no\r\n"};

static void up(void)
{
    fixture_up(&f);
}

static void down(void)
{
    server_down(&server);
    answer_fini(&a);
    fixture_turn(&f);
    fixture_down(&f);
}

static void ask(const char *host, int port, const char *expect, int64_t timeout_ms)
{
    struct world_request request = {.kind = WORLD_TCP, .timeout_ms = timeout_ms};

    request.u.tcp.host = host;
    request.u.tcp.port = port;
    request.u.tcp.expect = expect;
    fixture_ask(&f, &request, &a);
}

static void says(enum world_outcome outcome, const char *detail)
{
    ck_assert_str_eq(a.detail, detail);
    ck_assert_int_eq(a.outcome, outcome);
    ck_assert_int_eq(a.code, -1);
}

START_TEST(a_listening_port_is_ok)
{
    server_up(&server, f.base, &mute);
    ask("127.0.0.1", server.port, NULL, 5000);
    says(WORLD_OK, "connected");
    ck_assert_int_gt(a.latency_us, 0);
}
END_TEST

START_TEST(an_ipv6_address_is_asked_likewise)
{
    if (!netns_enter(true)) {
        return;
    }
    server_up_six(&server, f.base, &mute);
    ask("::1", server.port, NULL, 5000);
    says(WORLD_OK, "connected");
    ask("::1%lo", server.port, NULL, 5000);
    says(WORLD_OK, "connected");
}
END_TEST

START_TEST(a_closed_port_has_failed)
{
    ask("127.0.0.1", port_closed(), NULL, 5000);
    says(WORLD_FAIL, "connection refused");
}
END_TEST

START_TEST(the_right_banner_is_ok)
{
    server_up(&server, f.base, &smtp);
    ask("127.0.0.1", server.port, "220", 5000);
    says(WORLD_OK, "connected, banner \"220 mail.test ESMTP ready\"");
}
END_TEST

START_TEST(another_banner_has_failed_and_is_quoted)
{
    server_up(&server, f.base, &busy);
    ask("127.0.0.1", server.port, "220", 5000);
    says(WORLD_FAIL, "banner \"554 no service here\" instead of \"220\"");
}
END_TEST

START_TEST(no_banner_in_time_has_failed)
{
    server_up(&server, f.base, &mute);
    ask("127.0.0.1", server.port, "220", 1000);
    says(WORLD_FAIL, "connected, but no banner within 1 s");
}
END_TEST

START_TEST(a_connection_closed_without_a_banner_has_failed)
{
    server_up(&server, f.base, &hung_up);
    ask("127.0.0.1", server.port, "220", 5000);
    says(WORLD_FAIL, "closed without a banner");
}
END_TEST

START_TEST(a_banner_that_ends_with_the_connection_is_judged_as_it_stands)
{
    server_up(&server, f.base, &cut);
    ask("127.0.0.1", server.port, "220 mail", 5000);
    says(WORLD_FAIL, "banner \"220 ma\" instead of \"220 mail\"");
}
END_TEST

START_TEST(a_banner_without_a_line_break_is_judged_as_soon_as_it_can_be)
{
    server_up(&server, f.base, &no_line);
    ask("127.0.0.1", server.port, "220", 5000);
    says(WORLD_OK, "connected, banner \"220 mail.test\"");
    server_down(&server);
    server_up(&server, f.base, &half);
    ask("127.0.0.1", server.port, "220", 1000);
    says(WORLD_FAIL, "only \"22\" of a banner within 1 s");
}
END_TEST

START_TEST(what_is_not_printable_does_not_get_into_the_sentence)
{
    server_up(&server, f.base, &rude);
    ask("127.0.0.1", server.port, "220", 5000);
    says(WORLD_FAIL, "banner \"554 ?[2J?? no\" instead of \"220\"");
}
END_TEST

/* A listener whose queue is full drops what comes: nobody answers. */
START_TEST(silence_until_the_deadline_has_failed)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0), queued[4], i;

    ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(listen(listener, 0), 0);
    getsockname(listener, (struct sockaddr *)&address, &len);
    for (i = 0; i < 4; i++) {
        queued[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(queued[i], (struct sockaddr *)&address, sizeof address);
    }
    ask("127.0.0.1", ntohs(address.sin_port), NULL, 150);
    says(WORLD_FAIL, "no answer within 0.15 s");
    for (i = 0; i < 4; i++) {
        close(queued[i]);
    }
    close(listener);
}
END_TEST

START_TEST(no_route_of_our_own_is_unknown)
{
    if (!netns_enter(false)) {
        return;
    }
    ask("192.0.2.1", 25, NULL, 5000);
    says(WORLD_UNKNOWN, "this host has no route there");
}
END_TEST

START_TEST(no_descriptor_left_is_unknown)
{
    struct rlimit before, none;

    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 0;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    ask("127.0.0.1", 25, NULL, 5000);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    says(WORLD_UNKNOWN, "this host has no file descriptor left");
}
END_TEST

START_TEST(a_port_that_is_none_is_unknown)
{
    ask("127.0.0.1", 65536, NULL, 5000);
    says(WORLD_UNKNOWN, "no host, or port 65536 is none");
}
END_TEST

START_TEST(names_are_resolved_and_each_address_is_tried)
{
    struct evdns_server_port *dns = dns_up(f.base, f.world);

    server_up(&server, f.base, &smtp);
    ask("mail.test", server.port, "220", 5000);
    says(WORLD_OK, "connected, banner \"220 mail.test ESMTP ready\"");
    ask("many.test", server.port, "220", 5000);
    says(WORLD_OK, "connected, banner \"220 mail.test ESMTP ready\"");
    ask("mail.test", port_closed(), NULL, 5000);
    says(WORLD_FAIL, "connection refused");
    evdns_close_server_port(dns);
}
END_TEST

/* refused.test has 127.0.0.1 and an IPv6 address that this host has no route to. */
START_TEST(an_address_that_refuses_outweighs_one_that_can_not_be_asked)
{
    struct evdns_server_port *dns;

    if (!netns_enter(true)) {
        return;
    }
    dns = dns_up(f.base, f.world);
    ask("refused.test", port_closed(), NULL, 5000);
    says(WORLD_FAIL, "connection refused");
    evdns_close_server_port(dns);
}
END_TEST

START_TEST(a_name_that_does_not_exist_is_unknown)
{
    struct evdns_server_port *dns = dns_up(f.base, f.world);

    ask("none.test", 25, NULL, 5000);
    ck_assert_int_eq(a.outcome, WORLD_UNKNOWN);
    ck_assert_msg(
        strstr(a.detail, "name none.test not resolved: ") == a.detail, "says: %s", a.detail);
    evdns_close_server_port(dns);
}
END_TEST

START_TEST(a_name_that_is_not_resolved_in_time_is_unknown)
{
    struct evdns_server_port *dns = dns_up(f.base, f.world);

    ask("silent.test", 25, NULL, 100);
    says(WORLD_UNKNOWN, "name not resolved within 0.1 s");
    evdns_close_server_port(dns);
}
END_TEST

START_TEST(a_cancelled_probe_closes_its_connection_and_is_not_answered)
{
    struct world_request request = {.kind = WORLD_TCP, .timeout_ms = 5000};
    uint64_t id;

    server_up(&server, f.base, &mute);
    request.u.tcp.host = "127.0.0.1";
    request.u.tcp.port = server.port;
    request.u.tcp.expect = "220";
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
    Suite *suite = suite_create("tcp");
    TCase *tests = tcase_create("tcp");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, up, down);
    tcase_add_test(tests, a_listening_port_is_ok);
    tcase_add_test(tests, an_ipv6_address_is_asked_likewise);
    tcase_add_test(tests, a_closed_port_has_failed);
    tcase_add_test(tests, the_right_banner_is_ok);
    tcase_add_test(tests, another_banner_has_failed_and_is_quoted);
    tcase_add_test(tests, no_banner_in_time_has_failed);
    tcase_add_test(tests, a_connection_closed_without_a_banner_has_failed);
    tcase_add_test(tests, a_banner_that_ends_with_the_connection_is_judged_as_it_stands);
    tcase_add_test(tests, a_banner_without_a_line_break_is_judged_as_soon_as_it_can_be);
    tcase_add_test(tests, what_is_not_printable_does_not_get_into_the_sentence);
    tcase_add_test(tests, silence_until_the_deadline_has_failed);
    tcase_add_test(tests, no_route_of_our_own_is_unknown);
    tcase_add_test(tests, no_descriptor_left_is_unknown);
    tcase_add_test(tests, a_port_that_is_none_is_unknown);
    tcase_add_test(tests, names_are_resolved_and_each_address_is_tried);
    tcase_add_test(tests, an_address_that_refuses_outweighs_one_that_can_not_be_asked);
    tcase_add_test(tests, a_name_that_does_not_exist_is_unknown);
    tcase_add_test(tests, a_name_that_is_not_resolved_in_time_is_unknown);
    tcase_add_test(tests, a_cancelled_probe_closes_its_connection_and_is_not_answered);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
