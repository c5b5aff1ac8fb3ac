#include "live_fixture.h"
#include "live_server.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/dns.h>
#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct fixture f;
static struct answer a;
static struct evhttp *http;
static int port;
static int n_asked;
static char heard[2048]; /* "METHOD host uri|header: value|…|body" of the last request */
static struct server server;
static char url[128];

static void note(struct evhttp_request *request)
{
    static const char *const methods[] = {"GET", "POST", "HEAD", "PUT", "DELETE"};
    struct evbuffer *in = evhttp_request_get_input_buffer(request);
    const char *names[] = {"Authorization", "X-One", "Expect", "User-Agent"};
    size_t used = 0, i = 0;
    int kind = (int)evhttp_request_get_command(request);

    n_asked++;
    while (kind > 1) {
        kind >>= 1;
        i++;
    }
    used += (size_t)snprintf(
        heard, sizeof heard, "%s %s %s|", i < 5 ? methods[i] : "?",
        evhttp_request_get_host(request), evhttp_request_get_uri(request));
    for (i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = evhttp_find_header(evhttp_request_get_input_headers(request), names[i]);

        if (value != NULL) {
            used += (size_t)snprintf(heard + used, sizeof heard - used, "%s: %s|", names[i], value);
        }
    }
    snprintf(
        heard + used, sizeof heard - used, "%.*s", (int)evbuffer_get_length(in),
        (const char *)evbuffer_pullup(in, -1));
}

static void on_request(struct evhttp_request *request, void *arg)
{
    const char *path = evhttp_request_get_uri(request);
    struct evbuffer *out = evhttp_request_get_output_buffer(request);
    int status = 200;

    (void)arg;
    note(request);
    if (strncmp(path, "/status/", 8) == 0) {
        status = (int)strtol(path + 8, NULL, 10);
    }
    if (strcmp(path, "/moved") == 0) {
        status = 302;
        evhttp_add_header(evhttp_request_get_output_headers(request), "Location", "/healthy");
    }
    if (strcmp(path, "/long") == 0) {
        for (int i = 0; i < 20000; i++) {
            evbuffer_add(out, "0123456789", 10);
        }
    } else {
        evbuffer_add_printf(out, "all is well");
    }
    evhttp_send_reply(request, status, NULL, out);
}

static void up(void)
{
    struct evhttp_bound_socket *bound;
    struct sockaddr_in address = {0};
    socklen_t len = sizeof address;

    fixture_up(&f);
    http = evhttp_new(f.base);
    evhttp_set_gencb(http, on_request, NULL);
    bound = evhttp_bind_socket_with_handle(http, "127.0.0.1", 0);
    ck_assert_ptr_nonnull(bound);
    getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&address, &len);
    port = ntohs(address.sin_port);
}

static void down(void)
{
    answer_fini(&a);
    fixture_turn(&f);
    evhttp_free(http);
    server_down(&server);
    fixture_down(&f);
}

static struct world_request get(const char *path)
{
    struct world_request request = {.kind = WORLD_HTTP, .timeout_ms = 10000};

    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", port, path);
    request.u.http.url = url;
    return request;
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

START_TEST(a_page_that_is_there_is_ok_and_brings_its_body)
{
    struct world_request request = get("/healthy");

    fixture_ask(&f, &request, &a);
    says(WORLD_OK, 200, "HTTP status 200");
    ck_assert_str_eq(a.out, "all is well");
    ck_assert_uint_eq(a.out_len, 11);
    ck_assert(!a.cut);
    ck_assert_str_eq(heard, "GET 127.0.0.1 /healthy|User-Agent: baton|");
}
END_TEST

START_TEST(the_status_is_judged)
{
    struct world_request request = get("/status/503");

    fixture_ask(&f, &request, &a);
    says(WORLD_FAIL, 503, "HTTP status 503");
    ck_assert_str_eq(a.out, "all is well");
    request.u.http.expect = 503;
    fixture_ask(&f, &request, &a);
    says(WORLD_OK, 503, "HTTP status 503");
    request = get("/healthy");
    request.u.http.expect = 204;
    fixture_ask(&f, &request, &a);
    says(WORLD_FAIL, 200, "HTTP status 200 instead of 204");
}
END_TEST

START_TEST(the_body_is_searched)
{
    struct world_request request = get("/healthy");

    request.u.http.match = "is well";
    fixture_ask(&f, &request, &a);
    says(WORLD_OK, 200, "HTTP status 200");
    request.u.http.match = "is ill";
    fixture_ask(&f, &request, &a);
    says(WORLD_FAIL, 200, "HTTP status 200, but \"is ill\" is not in the body");
}
END_TEST

START_TEST(redirects_are_not_followed)
{
    struct world_request request = get("/moved");

    fixture_ask(&f, &request, &a);
    says(WORLD_OK, 302, "HTTP status 302");
    ck_assert_int_eq(n_asked, 1);
}
END_TEST

START_TEST(a_long_body_is_cut_and_marked)
{
    struct world_request request = get("/long");

    request.u.http.body_max = 5000;
    fixture_ask(&f, &request, &a);
    says(WORLD_OK, 200, "HTTP status 200");
    ck_assert_uint_eq(a.out_len, 5000);
    ck_assert(a.cut);
    request.u.http.match = "never there";
    fixture_ask(&f, &request, &a);
    says_some(WORLD_FAIL, "is not in the first part of the body");
}
END_TEST

START_TEST(method_headers_and_body_are_sent_as_given)
{
    struct world_request request = get("/api");
    struct world_pair header[] = {{"X-One", "1 and 2"}};

    request.u.http.method = "PUT";
    request.u.http.header = header;
    request.u.http.n_headers = 1;
    request.u.http.body = "{\"a\":1}";
    request.u.http.body_len = 7;
    fixture_ask(&f, &request, &a);
    ck_assert_int_eq(a.outcome, WORLD_OK);
    ck_assert_str_eq(heard, "PUT 127.0.0.1 /api|X-One: 1 and 2|User-Agent: baton|{\"a\":1}");
    request = get("/api");
    request.u.http.method = "POST";
    fixture_ask(&f, &request, &a);
    ck_assert_str_eq(heard, "POST 127.0.0.1 /api|User-Agent: baton|");
    request.u.http.method = "HEAD";
    fixture_ask(&f, &request, &a);
    says(WORLD_OK, 200, "HTTP status 200");
    ck_assert_str_eq(heard, "HEAD 127.0.0.1 /api|User-Agent: baton|");
}
END_TEST

START_TEST(what_would_smuggle_another_header_is_not_sent)
{
    struct world_request request = get("/");
    struct world_pair header[] = {{"X-One", "1\r\nX-Two: 2"}};

    request.u.http.header = header;
    request.u.http.n_headers = 1;
    fixture_ask(&f, &request, &a);
    says_some(WORLD_UNKNOWN, "can't be sent");
    request = get("/");
    request.u.http.method = "GET / HTTP/1.1\r\nX: ";
    fixture_ask(&f, &request, &a);
    says_some(WORLD_UNKNOWN, "can't be sent");
    ck_assert_int_eq(n_asked, 0);
}
END_TEST

START_TEST(only_http_is_spoken)
{
    static const char *const bad[] = {
        "file:///etc/passwd", "ftp://127.0.0.1/", "smtp://127.0.0.1/", "not a url",
        "http://user:pw@127.0.0.1/"};
    struct world_request request = get("/");

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        request.u.http.url = bad[i];
        fixture_ask(&f, &request, &a);
        ck_assert_msg(a.outcome == WORLD_UNKNOWN, "%s: %s", bad[i], a.detail);
    }
}
END_TEST

START_TEST(another_host_is_connected_to_under_the_urls_name)
{
    struct evdns_server_port *dns = dns_up(f.base, f.world);
    struct world_request request = get("/");

    snprintf(url, sizeof url, "http://www.example.org:%d/", port);
    request.u.http.connect_to = "127.0.0.1";
    fixture_ask(&f, &request, &a);
    says(WORLD_OK, 200, "HTTP status 200");
    ck_assert_str_eq(heard, "GET www.example.org /|User-Agent: baton|");
    request.u.http.connect_to = "web.test";
    fixture_ask(&f, &request, &a);
    says(WORLD_OK, 200, "HTTP status 200");
    evdns_close_server_port(dns);
}
END_TEST

START_TEST(names_are_resolved_and_those_that_are_not_are_unknown)
{
    struct evdns_server_port *dns = dns_up(f.base, f.world);
    struct world_request request = get("/");

    snprintf(url, sizeof url, "http://many.test:%d/", port);
    fixture_ask(&f, &request, &a);
    says(WORLD_OK, 200, "HTTP status 200");
    snprintf(url, sizeof url, "http://none.test:%d/", port);
    fixture_ask(&f, &request, &a);
    says_some(WORLD_UNKNOWN, "name none.test not resolved: ");
    snprintf(url, sizeof url, "http://silent.test:%d/", port);
    request.timeout_ms = 100;
    fixture_ask(&f, &request, &a);
    says(WORLD_UNKNOWN, -1, "name not resolved within 0.1 s");
    evdns_close_server_port(dns);
}
END_TEST

START_TEST(a_closed_port_has_failed_and_a_missing_route_is_unknown)
{
    struct world_request request = get("/");

    snprintf(url, sizeof url, "http://127.0.0.1:%d/", port_closed());
    fixture_ask(&f, &request, &a);
    says(WORLD_FAIL, -1, "connection refused");
    if (netns_enter(false)) {
        request.u.http.url = "http://192.0.2.1/";
        fixture_ask(&f, &request, &a);
        says(WORLD_UNKNOWN, -1, "this host has no route there");
    }
}
END_TEST

START_TEST(silence_and_a_broken_answer_have_failed)
{
    static const struct server_script mute = {.banner = NULL};
    static const struct server_script hung_up = {
        .banner = NULL, .line = {{"GET", "", SERVER_CLOSE}}};
    struct world_request request = get("/");

    server_up(&server, f.base, &mute);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", server.port);
    request.timeout_ms = 1000;
    fixture_ask(&f, &request, &a);
    says(WORLD_FAIL, -1, "connected, but no whole answer within 1 s");
    server_down(&server);
    server_up(&server, f.base, &hung_up);
    request.timeout_ms = 10000;
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", server.port);
    fixture_ask(&f, &request, &a);
    says_some(WORLD_FAIL, "connection broken: ");
}
END_TEST

START_TEST(the_environments_proxy_is_not_used)
{
    struct world_request request = get("/healthy");

    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    fixture_ask(&f, &request, &a);
    says(WORLD_OK, 200, "HTTP status 200");
}
END_TEST

START_TEST(a_certificate_is_checked_where_that_is_asked_for)
{
    static const struct server_script page = {
        .tls = true,
        .line = {{"GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", SERVER_GO_ON}}};
    char certificate[96], key[96];
    struct world_request request = get("/");

    server_certificate(f.dir, "web.test");
    snprintf(certificate, sizeof certificate, "%s/cert.pem", f.dir);
    snprintf(key, sizeof key, "%s/key.pem", f.dir);
    server.certificate = certificate;
    server.key = key;
    server_up(&server, f.base, &page);
    snprintf(url, sizeof url, "https://web.test:%d/", server.port);
    request.u.http.connect_to = "127.0.0.1";
    fixture_ask(&f, &request, &a);
    says(WORLD_OK, 200, "HTTP status 200");
    request.u.http.verify = true;
    fixture_ask(&f, &request, &a);
    says_some(WORLD_FAIL, "certificate refused: ");
    request.u.http.ca_file = certificate;
    fixture_ask(&f, &request, &a);
    says(WORLD_OK, 200, "HTTP status 200");
    snprintf(url, sizeof url, "https://other.test:%d/", server.port);
    fixture_ask(&f, &request, &a);
    says_some(WORLD_FAIL, "certificate refused: ");
}
END_TEST

START_TEST(a_secret_is_sent_as_a_bearer_token_and_never_shown)
{
    char file[96];
    struct config_secret secret = {.name = (char *)"api", .file = file};
    struct world_request request = get("/");

    snprintf(file, sizeof file, "%s/token", f.dir);
    fixture_file(&f, "token", 0600, "s3cr3t\n");
    f.config.secret = &secret;
    f.config.n_secrets = 1;
    request.u.http.secret = "api";
    fixture_ask(&f, &request, &a);
    says(WORLD_OK, 200, "HTTP status 200");
    ck_assert_str_eq(heard, "GET 127.0.0.1 /|Authorization: Bearer s3cr3t|User-Agent: baton|");
    /* The handle is used again: nothing of the secret may be left in it. */
    request.u.http.secret = NULL;
    fixture_ask(&f, &request, &a);
    ck_assert_str_eq(heard, "GET 127.0.0.1 /|User-Agent: baton|");
}
END_TEST

START_TEST(a_secret_that_others_can_read_is_not_used)
{
    char file[96];
    struct config_secret secret = {.name = (char *)"api", .file = file};
    struct world_request request = get("/");

    snprintf(file, sizeof file, "%s/token", f.dir);
    fixture_file(&f, "token", 0640, "s3cr3t\n");
    f.config.secret = &secret;
    f.config.n_secrets = 1;
    request.u.http.secret = "api";
    fixture_ask(&f, &request, &a);
    says_some(WORLD_UNKNOWN, "is open to others (mode 0640); chmod 600");
    ck_assert_ptr_null(strstr(a.detail, "s3cr3t"));
    fixture_file(&f, "token", 0600, "");
    chmod(file, 0600);
    fixture_ask(&f, &request, &a);
    says_some(WORLD_UNKNOWN, "has no text in its first line");
    unlink(file);
    fixture_ask(&f, &request, &a);
    says_some(WORLD_UNKNOWN, "No such file");
    request.u.http.secret = "other";
    fixture_ask(&f, &request, &a);
    says_some(WORLD_UNKNOWN, "no secret other in the configuration");
    ck_assert_int_eq(n_asked, 0);
}
END_TEST

START_TEST(a_secret_is_not_sent_in_clear_over_a_network)
{
    char file[96];
    struct config_secret secret = {.name = (char *)"api", .file = file};
    struct world_request request = get("/");

    snprintf(file, sizeof file, "%s/token", f.dir);
    fixture_file(&f, "token", 0600, "s3cr3t\n");
    f.config.secret = &secret;
    f.config.n_secrets = 1;
    request.u.http.secret = "api";
    request.u.http.url = "http://192.0.2.1/";
    fixture_ask(&f, &request, &a);
    says(WORLD_UNKNOWN, -1, "secret api is sent over https only");
}
END_TEST

static struct world_request log_in(const char *secret, const char *content)
{
    static char file[96];
    static struct config_secret known;
    struct world_request request = get("/");

    snprintf(file, sizeof file, "%s/password", f.dir);
    fixture_file(&f, "password", 0600, content);
    known = (struct config_secret){.name = (char *)"admin", .file = file};
    f.config.secret = &known;
    f.config.n_secrets = 1;
    request.u.http.method = "POST";
    request.u.http.body = "{\"user\":\"a\",\"password\":\"{{secret}}\"}";
    request.u.http.body_len = strlen(request.u.http.body);
    request.u.http.body_secret = secret;
    return request;
}

START_TEST(a_secret_takes_its_place_in_a_body)
{
    struct world_request request = log_in("admin", "s3 cr3t\n");

    fixture_ask(&f, &request, &a);
    says(WORLD_OK, 200, "HTTP status 200");
    ck_assert_str_eq(
        heard, "POST 127.0.0.1 /|User-Agent: baton|{\"user\":\"a\",\"password\":\"s3 cr3t\"}");
    ck_assert_str_eq(request.u.http.body, "{\"user\":\"a\",\"password\":\"{{secret}}\"}");
    request.u.http.body = "{{secret}}{{secret}}, {{secret";
    request.u.http.body_len = strlen(request.u.http.body);
    fixture_ask(&f, &request, &a);
    ck_assert_str_eq(heard, "POST 127.0.0.1 /|User-Agent: baton|s3 cr3ts3 cr3t, {{secret");
    /* The handle is used again: nothing of the secret may be left in it. */
    request = get("/");
    fixture_ask(&f, &request, &a);
    ck_assert_str_eq(heard, "GET 127.0.0.1 /|User-Agent: baton|");
}
END_TEST

START_TEST(a_secret_in_a_body_is_escaped_as_json)
{
    struct world_request request = log_in("admin", "\"},{\\\t\001\037{{secret}}\xc3\xa4\x7f\n");

    fixture_ask(&f, &request, &a);
    says(WORLD_OK, 200, "HTTP status 200");
    ck_assert_str_eq(
        heard, "POST 127.0.0.1 /|User-Agent: baton|{\"user\":\"a\",\"password\":\""
               "\\\"},{\\\\\\u0009\\u0001\\u001f{{secret}}\xc3\xa4\x7f\"}");
}
END_TEST

START_TEST(a_secret_in_a_body_goes_over_https_only_and_into_a_hole)
{
    struct world_request request = log_in("admin", "s3cr3t\n");

    request.u.http.url = "http://192.0.2.1/";
    fixture_ask(&f, &request, &a);
    says(WORLD_UNKNOWN, -1, "secret admin is sent over https only");
    /* What counts is where it goes, not what the address says. */
    request.u.http.url = "http://127.0.0.1/";
    request.u.http.connect_to = "192.0.2.1";
    fixture_ask(&f, &request, &a);
    says(WORLD_UNKNOWN, -1, "secret admin is sent over https only");
    request = log_in("admin", "s3cr3t\n");
    request.u.http.body = "{}";
    request.u.http.body_len = 2;
    fixture_ask(&f, &request, &a);
    says(WORLD_UNKNOWN, -1, "secret admin: the body has no {{secret}}, or no memory");
    request.u.http.body = NULL;
    fixture_ask(&f, &request, &a);
    says(WORLD_UNKNOWN, -1, "secret admin: the body has no {{secret}}, or no memory");
    request = log_in("other", "s3cr3t\n");
    fixture_ask(&f, &request, &a);
    says_some(WORLD_UNKNOWN, "no secret other in the configuration");
    ck_assert_int_eq(n_asked, 0);
}
END_TEST

START_TEST(a_cancelled_request_closes_its_connection_and_is_not_answered)
{
    static const struct server_script mute = {.banner = NULL};
    struct world_request request = get("/");
    uint64_t id;

    server_up(&server, f.base, &mute);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", server.port);
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
    Suite *suite = suite_create("http");
    TCase *tests = tcase_create("http");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, up, down);
    tcase_add_test(tests, a_page_that_is_there_is_ok_and_brings_its_body);
    tcase_add_test(tests, the_status_is_judged);
    tcase_add_test(tests, the_body_is_searched);
    tcase_add_test(tests, redirects_are_not_followed);
    tcase_add_test(tests, a_long_body_is_cut_and_marked);
    tcase_add_test(tests, method_headers_and_body_are_sent_as_given);
    tcase_add_test(tests, what_would_smuggle_another_header_is_not_sent);
    tcase_add_test(tests, only_http_is_spoken);
    tcase_add_test(tests, another_host_is_connected_to_under_the_urls_name);
    tcase_add_test(tests, names_are_resolved_and_those_that_are_not_are_unknown);
    tcase_add_test(tests, a_closed_port_has_failed_and_a_missing_route_is_unknown);
    tcase_add_test(tests, silence_and_a_broken_answer_have_failed);
    tcase_add_test(tests, the_environments_proxy_is_not_used);
    tcase_add_test(tests, a_certificate_is_checked_where_that_is_asked_for);
    tcase_add_test(tests, a_secret_is_sent_as_a_bearer_token_and_never_shown);
    tcase_add_test(tests, a_secret_that_others_can_read_is_not_used);
    tcase_add_test(tests, a_secret_is_not_sent_in_clear_over_a_network);
    tcase_add_test(tests, a_secret_takes_its_place_in_a_body);
    tcase_add_test(tests, a_secret_in_a_body_is_escaped_as_json);
    tcase_add_test(tests, a_secret_in_a_body_goes_over_https_only_and_into_a_hole);
    tcase_add_test(tests, a_cancelled_request_closes_its_connection_and_is_not_answered);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
