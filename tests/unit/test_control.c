/* The control socket over scripted controllers: protocol, rights, bounds, its file. */
#include "fake_daemon.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static struct event_base *base;
static struct fake *fake;
static char folder[64], path[100];

static void set_up(void)
{
    snprintf(folder, sizeof folder, "/tmp/baton-control-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/run/control.sock", folder);
    base = event_base_new();
    fake = fake_new(base, path);
}

static void tear_down(void)
{
    char sub[128];

    if (fake != NULL) {
        fake_free(fake);
    }
    event_base_free(base);
    ck_assert_msg(access(path, F_OK) != 0, "the socket file is still there");
    snprintf(sub, sizeof sub, "%s/run", folder);
    rmdir(sub);
    rmdir(folder);
}

static int dial(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

static void put(int fd, const char *text)
{
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

/* One line, running the loop until it has come; NULL when the peer has closed. */
static json_t *get(int fd)
{
    static char line[2 << 20];
    size_t used = 0;

    for (;;) {
        ssize_t n = read(fd, line + used, 1);

        if (n == 1 && line[used] == '\n') {
            json_t *json = json_loadb(line, used, 0, NULL);

            ck_assert_msg(json != NULL, "no JSON: %.*s", (int)used, line);
            return json;
        }
        if (n == 1) {
            used++;
        } else if (n == 0 || (n < 0 && errno != EAGAIN)) {
            return NULL;
        } else {
            event_base_loop(base, EVLOOP_ONCE);
        }
        ck_assert_uint_lt(used, sizeof line);
    }
}

static json_t *ask(const char *request)
{
    int fd = dial();
    json_t *answer;

    put(fd, request);
    put(fd, "\n");
    answer = get(fd);
    close(fd);
    ck_assert_ptr_nonnull(answer);
    return answer;
}

static const char *text_of(const json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));

    return text == NULL ? "" : text;
}

static void assert_error(const char *request, const char *code, const char *part)
{
    json_t *answer = ask(request);
    json_t *error = json_object_get(answer, "error");

    ck_assert_msg(json_is_false(json_object_get(answer, "ok")), "%s: not refused", request);
    ck_assert_str_eq(text_of(error, "code"), code);
    ck_assert_msg(
        strstr(text_of(error, "text"), part) != NULL, "%s: \"%s\" does not say \"%s\"", request,
        text_of(error, "text"), part);
    json_decref(answer);
}

START_TEST(status_tells_the_group_with_stable_names)
{
    json_t *answer = ask("{\"do\":\"status\",\"group\":\"mail\",\"id\":5}");
    json_t *group = json_array_get(json_object_get(answer, "groups"), 0);
    json_t *node = json_array_get(json_object_get(group, "nodes"), 0);
    json_t *probe = json_array_get(json_object_get(node, "probes"), 0);

    ck_assert(json_is_true(json_object_get(answer, "ok")));
    ck_assert_int_eq(json_integer_value(json_object_get(answer, "id")), 5);
    ck_assert_int_eq((int)json_array_size(json_object_get(answer, "groups")), 1);
    ck_assert_str_eq(text_of(group, "name"), "mail");
    ck_assert_str_eq(text_of(group, "holder"), "server01");
    ck_assert_int_eq(json_integer_value(json_object_get(group, "epoch")), 7);
    ck_assert(json_is_null(json_object_get(group, "hold")));
    ck_assert_str_eq(text_of(node, "state"), "Active");
    ck_assert_str_eq(text_of(node, "fit"), "yes");
    ck_assert_str_eq(text_of(node, "since"), "2025-11-24T21:59:00.000Z");
    ck_assert_str_eq(text_of(probe, "detail"), "220 ?? mail");
    ck_assert_int_eq(json_integer_value(json_object_get(probe, "age_ms")), 400);
    json_decref(answer);
}
END_TEST

START_TEST(a_hold_is_told_with_name_reason_and_age)
{
    json_t *answer = ask("{\"do\":\"why\",\"group\":\"empty\"}");
    json_t *hold = json_object_get(json_object_get(answer, "group"), "hold");

    ck_assert_str_eq(text_of(hold, "name"), group_hold_name(GROUP_HOLD_UNCONFIRMED));
    ck_assert_int_eq(json_integer_value(json_object_get(hold, "for_ms")), 90000);
    json_decref(answer);
}
END_TEST

START_TEST(bad_requests_are_told_what_is_wrong)
{
    assert_error("{", "invalid", "no JSON");
    assert_error("[1]", "invalid", "JSON object");
    assert_error("{}", "invalid", "\"do\" is missing");
    assert_error("{\"do\":\"dance\"}", "invalid", "ping, status");
    assert_error("{\"do\":\"ping\",\"do\":\"ping\"}", "invalid", "duplicate");
    assert_error("{\"do\":\"status\",\"gruop\":\"mail\"}", "invalid", "unknown key \"gruop\"");
    assert_error("{\"do\":\"failover\",\"group\":3}", "invalid", "must be a string");
    assert_error("{\"do\":\"failover\"}", "invalid", "needs a \"group\"");
    assert_error("{\"do\":\"pause\",\"group\":\"x\"}", "not-found", "there is: mail, empty");
    assert_error(
        "{\"do\":\"failover\",\"group\":\"mail\",\"to\":\"x\"}", "not-found",
        "it has: server01, server02");
    assert_error(
        "{\"do\":\"failover\",\"group\":\"mail\",\"force\":true}", "invalid", "needs a reason");
    assert_error("{\"do\":\"confirm-out\",\"group\":\"mail\"}", "invalid", "\"node\"");
}
END_TEST

START_TEST(a_command_reaches_the_group_with_who_and_why)
{
    json_decref(ask("{\"do\":\"confirm-out\",\"group\":\"mail\",\"node\":\"server02\","
                    "\"reason\":\"unplugged\",\"by\":\"alice\"}"));
    ck_assert_msg(
        strstr(fake_last(fake), "confirm-out mail server02 by alice (") == fake_last(fake), "%s",
        fake_last(fake));
    ck_assert_ptr_nonnull(strstr(fake_last(fake), "via socket: unplugged"));
    assert_error(
        "{\"do\":\"failover\",\"group\":\"mail\",\"to\":\"server01\"}", "refused",
        "holds the baton already");
}
END_TEST

static json_t *wait_for_end(int fd, char *story, size_t size)
{
    for (;;) {
        json_t *line = get(fd);

        ck_assert_ptr_nonnull(line);
        if (json_object_get(line, "ok") != NULL) {
            return line;
        }
        snprintf(
            story + strlen(story), size - strlen(story), "%s %s%s;", text_of(line, "event"),
            text_of(line, "what"), text_of(line, "status"));
        json_decref(line);
    }
}

START_TEST(a_move_that_is_waited_for_tells_its_steps_and_its_end)
{
    char story[512] = "";
    int fd = dial();
    json_t *end;

    put(fd, "{\"do\":\"failover\",\"group\":\"mail\",\"to\":\"server02\",\"wait\":true}\n"
            "{\"do\":\"ping\"}\n");
    end = wait_for_end(fd, story, sizeof story);
    ck_assert_str_eq(
        story, "plan ;step stoprunning;step stopdone;step grantdone;step startrunning;step "
               "startdone;notice ;");
    ck_assert(json_is_true(json_object_get(end, "ok")));
    ck_assert_str_eq(text_of(end, "holder"), "server02");
    json_decref(end);
    end = get(fd); /* the ping waited its turn */
    ck_assert_str_ne(text_of(end, "version"), "");
    json_decref(end);
    close(fd);
}
END_TEST

START_TEST(a_move_that_comes_to_nothing_says_why)
{
    char story[512] = "";
    int fd = dial();
    json_t *end;

    put(fd, "{\"do\":\"failover\",\"group\":\"mail\",\"reason\":\"break\",\"wait\":true}\n");
    end = wait_for_end(fd, story, sizeof story);
    ck_assert(json_is_false(json_object_get(end, "ok")));
    ck_assert_ptr_nonnull(
        strstr(text_of(json_object_get(end, "error"), "text"), "stop smtpd on server01 failed"));
    json_decref(end);
    close(fd);
}
END_TEST

START_TEST(a_half_closed_client_still_gets_its_answer)
{
    int fd = dial();
    json_t *answer;

    fake_hold_journal(fake);
    put(fd, "{\"do\":\"history\"}\n");
    shutdown(fd, SHUT_WR);
    event_base_loop(base, EVLOOP_ONCE);
    event_base_loop(base, EVLOOP_NONBLOCK);
    event_base_loop(base, EVLOOP_NONBLOCK);
    fake_answer(fake);
    answer = get(fd);
    ck_assert_int_eq((int)json_array_size(json_object_get(answer, "rows")), 1);
    json_decref(answer);
    ck_assert_ptr_null(get(fd));
    close(fd);
}
END_TEST

START_TEST(an_answer_for_a_client_that_has_gone_is_thrown_away)
{
    int fd = dial();

    fake_hold_journal(fake);
    put(fd, "{\"do\":\"history\"}\n");
    event_base_loop(base, EVLOOP_ONCE);
    event_base_loop(base, EVLOOP_NONBLOCK);
    close(fd);
    fake_free(fake); /* the daemon ends, then the journal answers what was due */
    fake = NULL;
    ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

START_TEST(a_watcher_hears_of_its_group_only)
{
    int mail = dial(), empty = dial();
    json_t *line;

    put(mail, "{\"do\":\"watch\",\"group\":\"mail\"}\n");
    json_decref(get(mail));
    put(empty, "{\"do\":\"watch\",\"group\":\"empty\"}\n");
    json_decref(get(empty));
    fake_tell(fake, "smtp ok → fail: refused");
    line = get(mail);
    ck_assert_str_eq(text_of(line, "event"), "status");
    ck_assert_str_eq(text_of(line, "node"), "server01");
    json_decref(line);
    put(empty, "{\"do\":\"ping\"}\n");
    line = get(empty);
    ck_assert_ptr_null(json_object_get(line, "event"));
    json_decref(line);
    close(mail);
    close(empty);
}
END_TEST

START_TEST(a_watcher_that_does_not_read_is_dropped)
{
    static char big[4000];
    int fd = dial(), i;

    memset(big, 'x', sizeof big - 1);
    put(fd, "{\"do\":\"watch\"}\n");
    json_decref(get(fd));
    for (i = 0; i < 1000; i++) {
        fake_tell(fake, big);
        event_base_loop(base, EVLOOP_NONBLOCK);
    }
    for (i = 0; i < 1000; i++) {
        json_t *line;
        char byte;
        ssize_t n = recv(fd, &byte, 1, MSG_PEEK);

        if (n == 0) {
            break;
        }
        ck_assert_int_eq(n, 1);
        line = NULL;
        while (n == 1 && byte != '\n') {
            n = read(fd, &byte, 1);
        }
        if (n != 1) {
            break; /* cut in the middle of a line: dropped */
        }
        json_decref(line);
    }
    ck_assert_msg(i < 600, "%d lines of 4 kB were kept for a client that reads none", i);
    close(fd);
}
END_TEST

START_TEST(a_line_without_end_is_refused)
{
    static char much[CONTROL_LINE_MAX + 1];
    int fd = dial();
    json_t *answer;

    memset(much, ' ', sizeof much - 1);
    put(fd, much);
    answer = get(fd);
    ck_assert_str_eq(text_of(json_object_get(answer, "error"), "code"), "limit");
    json_decref(answer);
    ck_assert_ptr_null(get(fd));
    close(fd);
}
END_TEST

START_TEST(one_client_too_many_is_turned_away)
{
    int fd[CONTROL_CLIENTS_MAX + 1], i;
    json_t *answer;

    for (i = 0; i <= CONTROL_CLIENTS_MAX; i++) {
        fd[i] = dial();
        if (i < CONTROL_CLIENTS_MAX) {
            put(fd[i], "{\"do\":\"ping\"}\n");
            json_decref(get(fd[i]));
        }
    }
    answer = get(fd[CONTROL_CLIENTS_MAX]);
    ck_assert_str_eq(text_of(json_object_get(answer, "error"), "code"), "limit");
    json_decref(answer);
    for (i = 0; i <= CONTROL_CLIENTS_MAX; i++) {
        close(fd[i]);
    }
}
END_TEST

START_TEST(reload_says_what_is_wrong_with_the_policy)
{
    json_t *answer = ask("{\"do\":\"reload\"}");

    ck_assert(json_is_true(json_object_get(answer, "ok")));
    json_decref(answer);
    fake_refuse_reload(fake);
    assert_error("{\"do\":\"reload\"}", "invalid", "mail.lua:3:");
    ck_assert_int_eq(fake_reloads(fake), 2);
}
END_TEST

START_TEST(a_reload_that_is_taken_says_what_is_odd)
{
    json_t *answer = ask("{\"do\":\"reload\"}"), *warnings;

    ck_assert_ptr_null(json_object_get(answer, "warnings"));
    json_decref(answer);
    answer = ask("{\"do\":\"reload\"}");
    warnings = json_object_get(answer, "warnings");
    ck_assert(json_is_true(json_object_get(answer, "ok")));
    ck_assert_int_eq((int)json_array_size(warnings), 2);
    ck_assert_str_eq(json_string_value(json_array_get(warnings, 1)), "mail.lua:9: warning: odd");
    json_decref(answer);
}
END_TEST

START_TEST(a_reload_is_answered_when_it_is_over_and_nobody_else_waits)
{
    int fd = dial();
    json_t *answer;

    fake_hold_reload(fake);
    put(fd, "{\"do\":\"reload\",\"id\":7}\n{\"do\":\"ping\",\"id\":8}\n");
    json_decref(ask("{\"do\":\"ping\"}"));
    ck_assert_int_eq(fake_reloads(fake), 1);
    fake_end_reload(fake);
    answer = get(fd);
    ck_assert(json_is_true(json_object_get(answer, "ok")));
    ck_assert_int_eq((int)json_integer_value(json_object_get(answer, "id")), 7);
    json_decref(answer);
    answer = get(fd); /* in their order */
    ck_assert_int_eq((int)json_integer_value(json_object_get(answer, "id")), 8);
    json_decref(answer);
    close(fd);
}
END_TEST

START_TEST(a_reload_outlives_the_client_that_asked_for_it)
{
    int fd = dial();

    fake_hold_reload(fake);
    put(fd, "{\"do\":\"reload\"}\n");
    json_decref(ask("{\"do\":\"ping\"}"));
    ck_assert_int_eq(fake_reloads(fake), 1);
    close(fd);
    json_decref(ask("{\"do\":\"ping\"}"));
    fake_free(fake); /* the daemon ends, and says so to whoever waits */
    fake = NULL;
    ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

START_TEST(the_socket_is_for_owner_and_group)
{
    struct stat status;

    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_int_eq((int)(status.st_mode & 07777), 0660);
}
END_TEST

static enum baton_err listen_at(const char *where, struct baton_error *error)
{
    struct control_setup setup = {.socket = where, .base = base};
    struct control *control = NULL;
    enum baton_err err = control_new(&setup, &control, error);

    control_free(control);
    return err;
}

START_TEST(a_live_socket_is_refused_and_left_alone)
{
    struct baton_error error = {0};

    ck_assert_int_eq(listen_at(path, &error), BATON_REFUSED);
    ck_assert_ptr_nonnull(strstr(error.text, "another daemon answers"));
    json_decref(ask("{\"do\":\"ping\"}"));
}
END_TEST

START_TEST(a_stale_socket_is_replaced_and_a_file_is_not)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct baton_error error = {0};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    char file[160];

    snprintf(address.sun_path, sizeof address.sun_path, "%s/stale.sock", folder);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd);
    ck_assert_int_eq(listen_at(address.sun_path, &error), BATON_OK);
    ck_assert_int_ne(access(address.sun_path, F_OK), 0);
    snprintf(file, sizeof file, "%s/file", folder);
    fd = open(file, O_CREAT | O_WRONLY, 0600);
    close(fd);
    ck_assert_int_eq(listen_at(file, &error), BATON_REFUSED);
    ck_assert_ptr_nonnull(strstr(error.text, "no socket"));
    ck_assert_int_eq(unlink(file), 0);
}
END_TEST

/* ---- A Baton on every node ---- */

static void send_move(int fd, const char *more)
{
    char request[200];

    snprintf(request, sizeof request, "{\"do\":\"failover\",\"group\":\"mail\"%s}\n", more);
    put(fd, request);
}

static void assert_event(int fd, const char *event)
{
    json_t *line = get(fd);

    ck_assert_str_eq(text_of(line, "event"), event);
    json_decref(line);
}

/* The last word of a move that was waited for. */
static void assert_end(int fd, bool ok, const char *part)
{
    json_t *line = get(fd);
    const json_t *error = json_object_get(line, "error");

    ck_assert_int_eq(json_is_true(json_object_get(line, "ok")), ok);
    ck_assert_msg(
        strstr(text_of(ok ? line : error, "text"), part) != NULL, "\"%s\" does not say \"%s\"",
        text_of(ok ? line : error, "text"), part);
    json_decref(line);
}

START_TEST(status_tells_how_the_lease_stands)
{
    json_t *answer, *group, *peers, *one;

    fake_share(fake);
    answer = ask("{\"do\":\"status\",\"group\":\"mail\"}");
    group = json_array_get(json_object_get(answer, "groups"), 0);
    peers = json_object_get(group, "peers");
    ck_assert_str_eq(text_of(peers, "self"), "server02");
    ck_assert_str_eq(text_of(peers, "decides"), "server01");
    ck_assert(json_is_false(json_object_get(peers, "stranger")));
    ck_assert_int_eq((int)json_array_size(json_object_get(peers, "alive")), 2);
    one = json_object_get(peers, "lease");
    ck_assert_int_eq(json_integer_value(json_object_get(one, "proven_for_ms")), 5900);
    ck_assert_int_eq(json_integer_value(json_object_get(one, "renewed_ago_ms")), 1100);
    ck_assert_int_eq(json_integer_value(json_object_get(one, "renewals")), 1204);
    ck_assert_str_eq(text_of(one, "store"), "https://10.9.0.11:2379");
    ck_assert(json_is_null(json_object_get(one, "error")));
    one = json_object_get(peers, "guardian");
    ck_assert(json_is_true(json_object_get(one, "armed")));
    ck_assert_int_eq(json_integer_value(json_object_get(one, "stops_in_ms")), 8900);
    one = json_object_get(peers, "failsafe");
    ck_assert(json_is_false(json_object_get(one, "serves")));
    ck_assert(json_is_null(json_object_get(one, "vouched_ago_ms")));
    one = json_array_get(json_object_get(group, "nodes"), 0);
    ck_assert(json_is_true(json_object_get(one, "alive")));
    ck_assert_str_eq(text_of(one, "own_hold"), "moves");
    json_decref(answer);

    answer = ask("{\"do\":\"status\",\"group\":\"empty\"}");
    group = json_array_get(json_object_get(answer, "groups"), 0);
    ck_assert(json_is_null(json_object_get(group, "peers")));
    json_decref(answer);
}
END_TEST

START_TEST(what_was_passed_on_is_said_with_whose_baton_decides)
{
    static const char *const requests[] = {
        "{\"do\":\"failover\",\"group\":\"mail\",\"to\":\"server02\"}",
        "{\"do\":\"failback\",\"group\":\"mail\"}", "{\"do\":\"pause\",\"group\":\"mail\"}"};
    size_t i;

    fake_share(fake);
    for (i = 0; i < 3; i++) {
        json_t *answer = ask(requests[i]);

        ck_assert_msg(json_is_true(json_object_get(answer, "passed_on")), "%s", requests[i]);
        ck_assert_str_eq(text_of(answer, "decides"), "server01");
        json_decref(answer);
    }
}
END_TEST

START_TEST(a_move_that_was_passed_on_ends_when_the_node_is_active)
{
    int fd = dial();

    fake_share(fake);
    send_move(fd, ",\"to\":\"server02\",\"wait\":true");
    assert_event(fd, "passed-on");
    fake_answer_wish(fake, false, "begun");
    assert_event(fd, "answer");
    fake_moved(fake, 1, 8, FSM_FAILING_OVER); /* it has the baton, but does not serve yet */
    fake_answer_wish(fake, false, "begun");
    assert_event(fd, "answer");
    fake_answer_wish(fake, false, "begun"); /* still heard: it waits on */
    assert_event(fd, "answer");
    fake_moved(fake, 1, 8, FSM_ACTIVE); /* nothing tells of it: it is looked for */
    assert_end(fd, true, "server02 holds it and is active");
    put(fd, "{\"do\":\"ping\"}\n");
    json_decref(get(fd));
    close(fd);
}
END_TEST

START_TEST(a_move_that_another_baton_refuses_says_why)
{
    int fd = dial();

    fake_share(fake);
    send_move(fd, ",\"wait\":true");
    assert_event(fd, "passed-on");
    fake_answer_wish(fake, true, "server02 is not fit: smtp fail");
    assert_end(fd, false, "server02 is not fit: smtp fail");
    close(fd);
}
END_TEST

START_TEST(a_passed_on_move_that_ends_elsewhere_has_failed)
{
    int fd = dial();

    fake_share(fake);
    send_move(fd, ",\"to\":\"server02\",\"wait\":true");
    assert_event(fd, "passed-on");
    fake_moved(fake, 0, 9, FSM_ACTIVE); /* server02 had 8, and could not start */
    assert_end(fd, false, "server01 holds it instead");
    close(fd);
}
END_TEST

START_TEST(who_waits_for_a_baton_that_never_answers_is_told_so)
{
    int fd = dial();

    fake_share(fake);
    send_move(fd, ",\"wait\":true");
    assert_event(fd, "passed-on");
    fake_wait_ms(fake, 600000);
    assert_end(fd, false, "no Baton has answered");
    close(fd);
}
END_TEST

START_TEST(a_watcher_hears_the_answer)
{
    int fd = dial();
    json_t *line;

    fake_share(fake);
    put(fd, "{\"do\":\"watch\"}\n");
    json_decref(get(fd));
    fake_answer_wish(fake, true, "no node is fit");
    line = get(fd);
    ck_assert_str_eq(text_of(line, "event"), "answer");
    ck_assert(json_is_true(json_object_get(line, "refused")));
    ck_assert_str_eq(text_of(line, "text"), "no node is fit");
    json_decref(line);
    close(fd);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("control");
    TCase *tcase = tcase_create("socket");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, status_tells_the_group_with_stable_names);
    tcase_add_test(tcase, a_hold_is_told_with_name_reason_and_age);
    tcase_add_test(tcase, bad_requests_are_told_what_is_wrong);
    tcase_add_test(tcase, a_command_reaches_the_group_with_who_and_why);
    tcase_add_test(tcase, a_move_that_is_waited_for_tells_its_steps_and_its_end);
    tcase_add_test(tcase, a_move_that_comes_to_nothing_says_why);
    tcase_add_test(tcase, status_tells_how_the_lease_stands);
    tcase_add_test(tcase, what_was_passed_on_is_said_with_whose_baton_decides);
    tcase_add_test(tcase, a_move_that_was_passed_on_ends_when_the_node_is_active);
    tcase_add_test(tcase, a_move_that_another_baton_refuses_says_why);
    tcase_add_test(tcase, a_passed_on_move_that_ends_elsewhere_has_failed);
    tcase_add_test(tcase, who_waits_for_a_baton_that_never_answers_is_told_so);
    tcase_add_test(tcase, a_watcher_hears_the_answer);
    tcase_add_test(tcase, a_half_closed_client_still_gets_its_answer);
    tcase_add_test(tcase, an_answer_for_a_client_that_has_gone_is_thrown_away);
    tcase_add_test(tcase, a_watcher_hears_of_its_group_only);
    tcase_add_test(tcase, a_watcher_that_does_not_read_is_dropped);
    tcase_add_test(tcase, a_line_without_end_is_refused);
    tcase_add_test(tcase, one_client_too_many_is_turned_away);
    tcase_add_test(tcase, reload_says_what_is_wrong_with_the_policy);
    tcase_add_test(tcase, a_reload_that_is_taken_says_what_is_odd);
    tcase_add_test(tcase, a_reload_is_answered_when_it_is_over_and_nobody_else_waits);
    tcase_add_test(tcase, a_reload_outlives_the_client_that_asked_for_it);
    tcase_add_test(tcase, the_socket_is_for_owner_and_group);
    tcase_add_test(tcase, a_live_socket_is_refused_and_left_alone);
    tcase_add_test(tcase, a_stale_socket_is_replaced_and_a_file_is_not);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
