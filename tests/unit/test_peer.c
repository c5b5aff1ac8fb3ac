/* Two worlds on one loop: server01 asks, server02 has the door. And whoever else comes to it. */
#include "live_fixture.h"
#include "live_server.h"
#include "world/live/peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct fixture f; /* its world is that of server01 */
static struct world *far;
static struct config far_config;
static struct config_peers near_peers, far_peers;
static struct config_group group;
static char name[3][16] = {"server01", "server02", "server03"}, mail[] = "mail";
static char local[] = "127.0.0.1";
static char file[16][96];

struct asked { /* what a LISTEN brought */
    int count;
    enum world_outcome outcome;
    struct world_question question;
    char holder[GROUP_NAME_MAX], detail[256];
};

/* ---- Around it --------------------------------------------------------------------------- */

static void sh(const char *format, const char *arg, const char *other)
{
    char command[1024];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(command, sizeof command, format, f.dir, arg, other);
#pragma GCC diagnostic pop
    ck_assert_int_eq(system(command), 0); /* NOLINT(bugprone-command-processor,cert-env33-c) */
}

static char *in_dir(const char *what, const char *ending)
{
    static int turn;
    char *path = file[turn++ % 16];

    snprintf(path, sizeof file[0], "%s/%s.%s", f.dir, what, ending);
    return path;
}

static void make_ca(const char *ca)
{
    sh("cd %s && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
       "-subj /CN=%s -keyout %s.key -out ca.tmp 2>/dev/null",
       ca, ca);
    sh("cd %s && mv ca.tmp %s.pem # %s", ca, "");
}

static void make_certificate(const char *who, const char *ca)
{
    char subject[64];

    snprintf(subject, sizeof subject, "%s", who);
    sh("cd %s && openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
       "-subj /CN=%s -keyout %s.key -out request.tmp 2>/dev/null",
       subject, who);
    sh("cd %s && openssl x509 -req -in request.tmp -CA %s.pem -CAkey %s.key -CAcreateserial "
       "-days 2 -out certificate.tmp 2>/dev/null",
       ca, ca);
    sh("cd %s && mv certificate.tmp %s.pem # %s", who, "");
}

static void use(struct config_peers *peers, const char *who, const char *ca)
{
    peers->failsafe_ca = in_dir(ca, "pem");
    peers->failsafe_certificate = in_dir(who, "pem");
    peers->failsafe_key = in_dir(who, "key");
}

static void begin_far(void)
{
    struct live_setup setup = {.base = f.base, .config = &far_config};
    struct baton_error error;

    ck_assert_msg(live_new(&setup, &far, &error) == BATON_OK, "%s", error.text);
}

static void setup(void)
{
    fixture_prepare(&f);
    f.config.log_level = WORLD_ALERT + 1;
    make_ca("ca");
    make_certificate("server01", "ca");
    make_certificate("server02", "ca");
    group = (struct config_group){.name = mail, .n_nodes = 2};
    for (int i = 0; i < 2; i++) {
        group.node[i].name = name[i];
        group.node[i].address = local;
    }
    near_peers =
        (struct config_peers){.self = name[0], .failsafe = true, .failsafe_port = port_closed()};
    far_peers = near_peers;
    far_peers.self = name[1];
    use(&near_peers, "server01", "ca");
    use(&far_peers, "server02", "ca");
    f.config.n_groups = 1;
    f.config.group = &group;
    f.config.peers = &near_peers;
    far_config = f.config;
    far_config.peers = &far_peers;
    fixture_begin(&f);
    begin_far();
}

static void teardown(void)
{
    live_free(far);
    fixture_down(&f);
}

static void keep_asked(void *arg, uint64_t request, const struct world_result *result)
{
    struct asked *asked = arg;

    (void)request;
    asked->count++;
    asked->outcome = result->outcome;
    snprintf(asked->detail, sizeof asked->detail, "%s", result->detail);
    if (result->question != NULL) {
        asked->question = *result->question;
        snprintf(asked->holder, sizeof asked->holder, "%s", result->question->holder);
    }
}

static uint64_t listen_to(struct asked *asked, int timeout_ms)
{
    struct world_request request = {.kind = WORLD_PEER, .timeout_ms = timeout_ms, .group = "mail"};

    memset(asked, 0, sizeof *asked);
    request.u.peer.op = WORLD_PEER_LISTEN;
    return world_start(far, &request, keep_asked, asked);
}

static bool is_asked(void *arg)
{
    return ((struct asked *)arg)->count > 0;
}

static void answer_with(uint64_t ticket, bool yes, const char *why, struct answer *answer)
{
    struct world_request request = {.kind = WORLD_PEER, .timeout_ms = 1000, .group = "mail"};

    memset(answer, 0, sizeof *answer);
    request.u.peer.op = WORLD_PEER_ANSWER;
    request.u.peer.ticket = ticket;
    request.u.peer.yes = yes;
    request.u.peer.why = why;
    world_start(far, &request, answer_keep, answer);
    fixture_wait(&f, answer);
    answer_fini(answer);
}

static void begin_ask_of(
    const char *of, const char *holder, const char *to_group, int64_t epoch, struct answer *answer)
{
    struct world_request request = {.kind = WORLD_PEER, .timeout_ms = 20000, .group = to_group};

    memset(answer, 0, sizeof *answer);
    request.u.peer.op = WORLD_PEER_ASK;
    request.u.peer.node = of;
    request.u.peer.holder = holder;
    request.u.peer.epoch = epoch;
    request.u.peer.hold_ms = 10000;
    world_start(f.world, &request, answer_keep, answer);
}

static void begin_ask(int64_t epoch, struct answer *answer)
{
    begin_ask_of("server02", "server01", "mail", epoch, answer);
}

/* Asks, is let in and answered; the door is as it should be. */
static void ask_and_hear(bool yes)
{
    struct answer answer, done;
    struct asked asked;

    listen_to(&asked, 20000);
    begin_ask(5, &answer);
    fixture_until(&f, is_asked, &asked);
    ck_assert_int_eq(asked.outcome, WORLD_OK);
    ck_assert_str_eq(asked.holder, "server01");
    ck_assert_int_eq(asked.question.epoch, 5);
    ck_assert_int_eq(asked.question.hold_ms, 10000);
    answer_with(asked.question.ticket, yes, "because", &done);
    ck_assert_int_eq(done.outcome, WORLD_OK);
    fixture_wait(&f, &answer);
    ck_assert_msg(answer.outcome == (yes ? WORLD_OK : WORLD_FAIL), "%s", answer.detail);
    ck_assert_str_eq(
        answer.detail, yes ? "server02 says yes: because" : "server02 says no: because");
    answer_fini(&answer);
}

/* An ask that is refused with that status (-1: no answer at all) and never heard. */
static void ask_in_vain(const char *holder, const char *to_group, int status, const char *words)
{
    struct answer answer;
    struct asked asked;
    uint64_t waits = listen_to(&asked, 20000);

    begin_ask_of("server02", holder, to_group, 5, &answer);
    fixture_wait(&f, &answer);
    ck_assert_int_eq(answer.outcome, WORLD_UNKNOWN);
    ck_assert_msg(answer.code == status, "%d: %s", answer.code, answer.detail);
    ck_assert_msg(strstr(answer.detail, words) != NULL, "%s", answer.detail);
    ck_assert_int_eq(asked.count, 0);
    world_cancel(far, waits);
    answer_fini(&answer);
}

/* ---- Asked and answered ------------------------------------------------------------------- */

START_TEST(yes_is_yes_and_no_is_no)
{
    ask_and_hear(true);
    ask_and_hear(false);
}
END_TEST

START_TEST(a_question_waits_a_moment_for_its_listener)
{
    struct answer answer, done;
    struct asked asked;

    world_cancel(far, listen_to(&asked, 20000)); /* opens the door */
    begin_ask(5, &answer);
    for (int i = 0; i < 50; i++) {
        event_base_loop(f.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
    }
    listen_to(&asked, 20000);
    fixture_until(&f, is_asked, &asked);
    answer_with(asked.question.ticket, true, "late but well", &done);
    fixture_wait(&f, &answer);
    ck_assert_int_eq(answer.outcome, WORLD_OK);
    answer_fini(&answer);
}
END_TEST

START_TEST(nobody_listens_or_answers_is_no_answer)
{
    struct answer answer, done;
    struct asked asked;

    world_cancel(far, listen_to(&asked, 20000));
    begin_ask(5, &answer);
    fixture_wait(&f, &answer);
    ck_assert_int_eq(answer.outcome, WORLD_UNKNOWN);
    ck_assert_int_eq(answer.code, 503);
    answer_fini(&answer);
    listen_to(&asked, 20000);
    begin_ask(5, &answer);
    fixture_wait(&f, &answer);
    ck_assert_int_eq(answer.code, 503);
    answer_fini(&answer);
    ck_assert_int_eq(asked.count, 1);
    answer_with(asked.question.ticket, true, "too late", &done);
    ck_assert_int_eq(done.outcome, WORLD_FAIL);
}
END_TEST

START_TEST(two_at_once_get_each_their_own)
{
    struct answer answer[2], done;
    struct asked asked[2];

    listen_to(&asked[0], 20000);
    listen_to(&asked[1], 20000);
    begin_ask(1, &answer[0]);
    begin_ask(2, &answer[1]);
    fixture_until(&f, is_asked, &asked[0]);
    fixture_until(&f, is_asked, &asked[1]);
    ck_assert_int_ne(asked[0].question.epoch, asked[1].question.epoch);
    for (int i = 0; i < 2; i++) {
        answer_with(asked[i].question.ticket, asked[i].question.epoch == 1, "", &done);
    }
    fixture_wait(&f, &answer[0]);
    fixture_wait(&f, &answer[1]);
    ck_assert_int_eq(answer[0].outcome, WORLD_OK);
    ck_assert_int_eq(answer[1].outcome, WORLD_FAIL);
    answer_fini(&answer[0]);
    answer_fini(&answer[1]);
}
END_TEST

START_TEST(a_listener_ends_at_its_deadline)
{
    struct asked asked;

    listen_to(&asked, 50);
    fixture_until(&f, is_asked, &asked);
    ck_assert_int_eq(asked.outcome, WORLD_UNKNOWN);
    ck_assert_ptr_nonnull(strstr(asked.detail, "no end within"));
}
END_TEST

START_TEST(no_door_is_no_answer)
{
    struct answer answer;

    begin_ask(5, &answer);
    fixture_wait(&f, &answer);
    ck_assert_int_eq(answer.outcome, WORLD_UNKNOWN);
    ck_assert_ptr_nonnull(strstr(answer.detail, "server02: connection refused"));
    answer_fini(&answer);
}
END_TEST

START_TEST(a_port_that_is_taken_is_named_and_tried_again)
{
    struct sockaddr_in6 to = {
        .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)far_peers.failsafe_port)};
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    struct asked asked;

    ck_assert_int_eq(bind(fd, (struct sockaddr *)&to, sizeof to), 0);
    ck_assert_int_eq(listen(fd, 1), 0);
    listen_to(&asked, 50);
    fixture_until(&f, is_asked, &asked);
    ck_assert_int_eq(asked.outcome, WORLD_UNKNOWN);
    ck_assert_ptr_nonnull(strstr(asked.detail, "Address already in use"));
    close(fd);
    ask_and_hear(true);
}
END_TEST

/* ---- Who is let in ------------------------------------------------------------------------ */

START_TEST(a_group_that_is_not_there_is_not_found)
{
    ask_in_vain("server01", "files", 404, "no such group");
}
END_TEST

START_TEST(the_holder_must_be_who_the_certificate_says)
{
    ask_in_vain("server02", "mail", 403, "not that of the holder");
    ask_in_vain("server03", "mail", 403, "not that of the holder");
}
END_TEST

START_TEST(the_holder_must_be_another_node_of_the_group)
{
    make_certificate("server03", "ca");
    use(&near_peers, "server03", "ca");
    ask_in_vain("server03", "mail", 403, "not another node");
    use(&near_peers, "server02", "ca");
    ask_in_vain("server02", "mail", 403, "not another node");
}
END_TEST

START_TEST(a_certificate_of_another_ca_is_not_let_in)
{
    make_ca("other");
    make_certificate("server01", "other");
    ask_in_vain("server01", "mail", -1, "server02: ");
}
END_TEST

START_TEST(a_door_with_a_certificate_of_another_ca_is_not_believed)
{
    make_ca("other");
    use(&near_peers, "server01", "other");
    ask_in_vain("server01", "mail", -1, "certificate refused");
}
END_TEST

START_TEST(a_door_with_another_name_is_not_believed)
{
    make_certificate("server03", "ca");
    use(&far_peers, "server03", "ca");
    ask_in_vain("server01", "mail", -1, "certificate refused");
}
END_TEST

/* curl's exit code and the status, from the command line. */
static void curl(const char *more, struct answer *answer)
{
    char script[1024];

    snprintf(
        script, sizeof script,
        "cd %s && curl -s -m 20 --cacert ca.pem -o said -w '%%{http_code}' --connect-to "
        "::127.0.0.1:%d %s; echo \" $?\"",
        f.dir, far_peers.failsafe_port, more);
    memset(answer, 0, sizeof *answer);
    fixture_sh(&f, script, 25000, answer);
}

static void curl_says(const char *more, const char *wanted)
{
    struct answer answer;

    curl(more, &answer);
    ck_assert_msg(strcmp(answer.out, wanted) == 0, "%s: %s", more, answer.out);
    answer_fini(&answer);
}

#define AS_SERVER01 "--cert server01.pem --key server01.key "
#define QUESTION    "-d '{\"holder\":\"server01\",\"epoch\":1,\"hold_ms\":1}' "
#define DOOR        "https://server02/v1/peer/mail "

START_TEST(without_a_certificate_nobody_is_let_in)
{
    struct answer answer;
    struct asked asked;
    uint64_t waits = listen_to(&asked, 60000);

    curl(QUESTION DOOR, &answer);
    ck_assert_msg(strncmp(answer.out, "000 ", 4) == 0 && answer.out[4] != '0', "%s", answer.out);
    answer_fini(&answer);
    curl("-X POST -d x http://server02/v1/peer/mail", &answer); /* no TLS */
    ck_assert_msg(strncmp(answer.out, "000 ", 4) == 0 && answer.out[4] != '0', "%s", answer.out);
    answer_fini(&answer);
    ck_assert_int_eq(asked.count, 0);
    world_cancel(far, waits);
    ask_and_hear(true);
}
END_TEST

START_TEST(what_is_no_question_is_refused)
{
    struct asked asked;
    uint64_t waits = listen_to(&asked, 60000);

    curl_says(AS_SERVER01 DOOR, "404 0\n"); /* GET */
    curl_says(AS_SERVER01 "-d nonsense " DOOR, "400 0\n");
    curl_says(AS_SERVER01 "-d '{}' " DOOR, "400 0\n");
    curl_says(AS_SERVER01 QUESTION "https://server02/v1/other", "404 0\n");
    curl_says(AS_SERVER01 QUESTION "-H 'Transfer-Encoding: chunked' " DOOR, "400 0\n");
    curl_says(AS_SERVER01 "-d \"$(head -c 5000 /dev/zero | tr '\\0' x)\" " DOOR, "413 0\n");
    curl_says(
        AS_SERVER01 QUESTION "-H \"X: $(head -c 5000 /dev/zero | tr '\\0' x)\" " DOOR, "413 0\n");
    ck_assert_int_eq(asked.count, 0);
    world_cancel(far, waits);
    ask_and_hear(true);
}
END_TEST

/* ---- Who wants to hold it up ---------------------------------------------------------------- */

static int dial(void)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        .sin_port = htons((uint16_t)far_peers.failsafe_port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static bool is_closed(void *arg)
{
    char byte;
    ssize_t n = recv(*(int *)arg, &byte, 1, MSG_DONTWAIT);

    return n == 0 || (n < 0 && errno != EAGAIN);
}

START_TEST(who_says_nothing_is_shown_out_and_takes_no_more_than_his_places)
{
    int fd[PEER_SAME_MAX], more;
    struct asked asked;
    uint64_t waits = listen_to(&asked, 60000);

    for (int i = 0; i < PEER_SAME_MAX; i++) {
        fd[i] = dial();
    }
    fixture_turn(&f);
    more = dial();
    fixture_until(&f, is_closed, &more);
    ck_assert(!is_closed(&fd[0]));
    for (int i = 0; i < PEER_SAME_MAX; i++) {
        fixture_until(&f, is_closed, &fd[i]);
        close(fd[i]);
    }
    close(more);
    world_cancel(far, waits);
    ask_and_hear(true);
}
END_TEST

START_TEST(who_says_all_but_the_end_is_shown_out)
{
    struct asked asked;
    uint64_t waits = listen_to(&asked, 60000);

    /* A line of its head each half second, over TLS, for ever. */
    fixture_file(
        &f, "slow", 0755,
        "#!/bin/sh\ncd \"$(dirname \"$0\")\"\n"
        "{ printf 'POST /v1/peer/mail HTTP/1.1\\r\\n'; while printf 'X: y\\r\\n'; do sleep 0.5; "
        "done; } |\n"
        "openssl s_client -quiet -connect 127.0.0.1:$1 -CAfile ca.pem -cert server01.pem "
        "-key server01.key 2>/dev/null\n"
        "echo over\n");
    {
        struct answer answer = {0};
        char script[128];

        snprintf(script, sizeof script, "exec %s/slow %d", f.dir, far_peers.failsafe_port);
        fixture_sh(&f, script, 25000, &answer);
        ck_assert_msg(strstr(answer.out, "over") != NULL, "%s", answer.detail);
        answer_fini(&answer);
    }
    ck_assert_int_eq(asked.count, 0);
    world_cancel(far, waits);
    ask_and_hear(true);
}
END_TEST

START_TEST(the_world_ends_while_somebody_is_in)
{
    struct answer answer;
    struct asked asked;

    listen_to(&asked, 20000);
    begin_ask(5, &answer);
    fixture_until(&f, is_asked, &asked);
    live_free(far);
    fixture_wait(&f, &answer);
    ck_assert_int_eq(answer.outcome, WORLD_UNKNOWN);
    answer_fini(&answer);
    begin_far();
    ask_and_hear(true);
    live_set_config(far, &far_config); /* opened anew */
    ask_and_hear(true);
}
END_TEST

/* ---- The parser ---------------------------------------------------------------------------- */

static int parse(const char *text)
{
    struct peer_request request;
    size_t len = strlen(text);
    char *exactly = malloc(len > 0 ? len : 1); /* for the sanitizer */
    int status;

    ck_assert_ptr_nonnull(exactly);
    for (size_t i = 0; i < len; i++) {
        exactly[i] = text[i];
    }
    status = peer_parse(exactly, len, &request);
    free(exactly);
    return status;
}

#define HEAD "POST /v1/peer/mail HTTP/1.1\r\n"
#define BODY "{\"holder\":\"s\",\"epoch\":1,\"hold_ms\":1}"

START_TEST(only_the_one_request_is_understood)
{
    ck_assert_int_eq(parse(HEAD "Content-Length: 36\r\n\r\n" BODY), 200);
    ck_assert_int_eq(parse(HEAD "content-length:36 \r\nX: y\r\n\r\n" BODY), 200);
    ck_assert_int_eq(parse(HEAD "Content-Length: 37\r\n\r\n" BODY), 0);
    ck_assert_int_eq(parse(HEAD "Content-Length: 36\r\n"), 0);
    ck_assert_int_eq(parse(""), 0);
    ck_assert_int_eq(parse(HEAD "\r\n" BODY), 411);
    ck_assert_int_eq(parse(HEAD "Content-Length: -1\r\n\r\n"), 400);
    ck_assert_int_eq(parse(HEAD "Content-Length: 99999999999\r\n\r\n"), 400);
    ck_assert_int_eq(parse(HEAD "Content-Length: 36\r\nContent-Length: 36\r\n\r\n" BODY), 400);
    ck_assert_int_eq(parse(HEAD "Content-Length: 5000\r\n\r\n"), 413);
    ck_assert_int_eq(parse("GET /v1/peer/mail HTTP/1.1\r\n\r\n"), 404);
    ck_assert_int_eq(parse("POST /v1/peer/ HTTP/1.1\r\n\r\n"), 404);
    ck_assert_int_eq(parse("POST /v1/peer/mail HTTP/2\r\n\r\n"), 400);
    ck_assert_int_eq(parse("\r\n\r\n"), 400);
    ck_assert_int_eq(parse(HEAD "Content-Length: 2\r\n\r\n{}"), 400);
    ck_assert_int_eq(
        parse(HEAD "Content-Length: 37\r\n\r\n{\"holder\":\"s\",\"epoch\":-1,\"hold_ms\":1}"), 400);
    ck_assert_int_eq(
        parse(HEAD "Content-Length: 36\r\n\r\n{\"holder\":\"s\",\"epoch\":1,\"hold_ms\":0}"), 400);
}
END_TEST

START_TEST(noise_is_parsed_without_reading_beyond_it)
{
    static const char good[] = HEAD "Content-Length: 36\r\n\r\n" BODY;
    uint64_t state = 88172645463325252ULL;

    for (int i = 0; i < 100000; i++) {
        struct peer_request request;
        size_t len = sizeof good - 1;
        char text[sizeof good], *exactly;

        memcpy(text, good, sizeof good);
        for (int n = 0; n < 3; n++) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            text[state % len] = (char)(state >> 32);
        }
        len -= state >> 60;
        exactly = malloc(len);
        ck_assert_ptr_nonnull(exactly);
        memcpy(exactly, text, len);
        peer_parse(exactly, len, &request);
        free(exactly);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("peer");
    TCase *tests = tcase_create("door"), *words = tcase_create("words");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tests, 90);
    tcase_set_timeout(words, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, yes_is_yes_and_no_is_no);
    tcase_add_test(tests, a_question_waits_a_moment_for_its_listener);
    tcase_add_test(tests, nobody_listens_or_answers_is_no_answer);
    tcase_add_test(tests, two_at_once_get_each_their_own);
    tcase_add_test(tests, a_listener_ends_at_its_deadline);
    tcase_add_test(tests, no_door_is_no_answer);
    tcase_add_test(tests, a_port_that_is_taken_is_named_and_tried_again);
    tcase_add_test(tests, a_group_that_is_not_there_is_not_found);
    tcase_add_test(tests, the_holder_must_be_who_the_certificate_says);
    tcase_add_test(tests, the_holder_must_be_another_node_of_the_group);
    tcase_add_test(tests, a_certificate_of_another_ca_is_not_let_in);
    tcase_add_test(tests, a_door_with_a_certificate_of_another_ca_is_not_believed);
    tcase_add_test(tests, a_door_with_another_name_is_not_believed);
    tcase_add_test(tests, without_a_certificate_nobody_is_let_in);
    tcase_add_test(tests, what_is_no_question_is_refused);
    tcase_add_test(tests, who_says_nothing_is_shown_out_and_takes_no_more_than_his_places);
    tcase_add_test(tests, who_says_all_but_the_end_is_shown_out);
    tcase_add_test(tests, the_world_ends_while_somebody_is_in);
    tcase_add_test(words, only_the_one_request_is_understood);
    tcase_add_test(words, noise_is_parsed_without_reading_beyond_it);
    suite_add_tcase(suite, tests);
    suite_add_tcase(suite, words);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
