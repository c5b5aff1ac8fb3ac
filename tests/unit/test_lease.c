/* The lease store, live: a real etcd, one member or three, on loopback. */
#include "live_fixture.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MEMBERS_MAX 3
#define TTL_MS      2000
#define A           "server01"
#define B           "server02"

extern char **environ;

static struct fixture f;
static struct config_peers peers;
static struct config_group group;
static char url[MEMBERS_MAX][64], *endpoint[MEMBERS_MAX];
static int client_port[MEMBERS_MAX], peer_port[MEMBERS_MAX], n_members;
static pid_t member[MEMBERS_MAX];
static char cluster[512];

static struct {
    bool ended;
    enum world_outcome outcome;
    int code;
    int64_t value;
    bool has_word;
    char detail[1024];
} a;
static struct lease_word word;

/* ---- etcd --------------------------------------------------------------------------------- */

static int free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    getsockname(fd, (struct sockaddr *)&at, &len);
    close(fd);
    return ntohs(at.sin_port);
}

static void start_member(int i)
{
    char name[16], data[128], peer[64], log[128];
    char *argv[] = {
        (char *)"etcd",
        (char *)"--name",
        name,
        (char *)"--data-dir",
        data,
        (char *)"--listen-client-urls",
        url[i],
        (char *)"--advertise-client-urls",
        url[i],
        (char *)"--listen-peer-urls",
        peer,
        (char *)"--initial-advertise-peer-urls",
        peer,
        (char *)"--initial-cluster",
        cluster,
        (char *)"--heartbeat-interval",
        (char *)"50",
        (char *)"--election-timeout",
        (char *)"500",
        (char *)"--log-outputs",
        log,
        (char *)"--logger",
        (char *)"zap",
        NULL,
    };

    snprintf(name, sizeof name, "m%d", i);
    snprintf(data, sizeof data, "%s/m%d", f.dir, i);
    snprintf(log, sizeof log, "%s/m%d.log", f.dir, i);
    snprintf(peer, sizeof peer, "http://127.0.0.1:%d", peer_port[i]);
    ck_assert_int_eq(posix_spawnp(&member[i], "etcd", NULL, NULL, argv, environ), 0);
}

static void end_members(void)
{
    for (int i = 0; i < n_members; i++) {
        if (member[i] > 0) {
            kill(member[i], SIGKILL);
            waitpid(member[i], NULL, 0);
        }
        member[i] = 0;
    }
}

/* ---- Questions --------------------------------------------------------------------------------
 */

static void keep(void *arg, uint64_t request, const struct world_result *result)
{
    (void)arg;
    (void)request;
    a.ended = true;
    a.outcome = result->outcome;
    a.code = result->code;
    a.value = result->value;
    a.has_word = result->word != NULL;
    if (result->word != NULL) {
        word = *result->word;
    }
    snprintf(a.detail, sizeof a.detail, "%s", result->detail);
}

static bool has_ended(void *arg)
{
    (void)arg;
    return a.ended;
}

static struct world_request question(enum world_lease_op op, const char *node)
{
    struct world_request request = {.kind = WORLD_LEASE, .timeout_ms = 10000, .group = "mail"};

    request.u.lease.op = op;
    request.u.lease.node = node;
    request.u.lease.ttl_ms = TTL_MS;
    request.u.lease.why = "a test";
    request.u.lease.how = GROUP_PLAN_FAILOVER;
    return request;
}

static void ask(const struct world_request *request)
{
    memset(&a, 0, sizeof a);
    world_start(f.world, request, keep, NULL);
    fixture_until(&f, has_ended, NULL);
}

static void do_it(enum world_lease_op op, const char *node, int64_t epoch, const char *to)
{
    struct world_request request = question(op, node);

    request.u.lease.epoch = epoch;
    request.u.lease.to = to;
    ask(&request);
}

static enum fsm_state member_state = FSM_STANDBY;

static void publish(const char *node, const char *why)
{
    struct world_request request = question(WORLD_LEASE_PUBLISH, node);
    static struct group_member m;

    memset(&m, 0, sizeof m);
    m.state = member_state;
    m.fit = GROUP_YES;
    snprintf(m.fit_why, sizeof m.fit_why, "%s", why);
    m.n_probes = 1;
    snprintf(m.probe[0].name, sizeof m.probe[0].name, "smtp");
    snprintf(m.probe[0].detail, sizeof m.probe[0].detail, "220 caf\xe9 \"mail\"");
    request.u.lease.member = &m;
    ask(&request);
}

#define ck_outcome(wanted)                                                                         \
    ck_assert_msg(a.outcome == (wanted), "outcome %d: %s", (int)a.outcome, a.detail)

/* What the store says now. */
static void look(const char *node)
{
    struct world_request request = question(WORLD_LEASE_WATCH, node);

    ask(&request);
    ck_outcome(WORLD_OK);
    ck_assert(a.has_word);
}

static void renew(const char *node, enum world_outcome outcome)
{
    do_it(WORLD_LEASE_RENEW, node, 0, NULL);
    ck_outcome(outcome);
}

/* ---- Set-up ------------------------------------------------------------------------------------
 */

static void begin(int n, bool blackhole)
{
    size_t used = 0;

    fixture_prepare(&f);
    n_members = n;
    memset(&peers, 0, sizeof peers);
    memset(&group, 0, sizeof group);
    for (int i = 0; i < n; i++) {
        client_port[i] = free_port();
        peer_port[i] = free_port();
        snprintf(url[i], sizeof url[i], "http://127.0.0.1:%d", client_port[i]);
        used += (size_t)snprintf(
            cluster + used, sizeof cluster - used, "%sm%d=http://127.0.0.1:%d", i > 0 ? "," : "", i,
            peer_port[i]);
        endpoint[i] = url[i];
    }
    for (int i = 0; i < n; i++) {
        start_member(i);
    }
    if (blackhole) {
        endpoint[0] = (char *)"http://192.0.2.1:2379"; /* RFC 5737: nobody is there */
    }
    peers.n_endpoints = n;
    peers.endpoint = endpoint;
    peers.prefix = (char *)"/baton";
    peers.self = (char *)A;
    group.name = (char *)"mail";
    group.n_nodes = 2;
    group.node[0].name = (char *)A;
    group.node[0].address = (char *)"127.0.0.1";
    group.node[1].name = (char *)B;
    group.node[1].address = (char *)"127.0.0.2";
    f.config.peers = &peers;
    f.config.n_groups = 1;
    f.config.group = &group;
    fixture_begin(&f);
}

static void up(void)
{
    begin(1, false);
}

static void up_three(void)
{
    begin(3, false);
}

static void down(void)
{
    end_members();
    fixture_down(&f);
}

/* ---- One member
 * ----------------------------------------------------------------------------------- */

START_TEST(an_empty_store_has_no_holder_and_epoch_0)
{
    look(A);
    ck_assert_int_eq(word.holder, GROUP_NOBODY);
    ck_assert_int_eq(word.epoch, 0);
    ck_assert_int_eq(word.n_members, 0);
    ck_assert(!word.mine);
}
END_TEST

START_TEST(the_baton_is_taken_once_and_names_its_holder)
{
    renew(A, WORLD_OK);
    renew(B, WORLD_OK);
    do_it(WORLD_LEASE_ACQUIRE, A, 1, NULL);
    ck_outcome(WORLD_OK);
    do_it(WORLD_LEASE_ACQUIRE, A, 1, NULL); /* as after an answer that was lost */
    ck_outcome(WORLD_OK);
    do_it(WORLD_LEASE_ACQUIRE, B, 1, NULL);
    ck_outcome(WORLD_FAIL);
    ck_assert_ptr_nonnull(strstr(a.detail, "server01 has the baton with epoch 1"));
    look(A);
    ck_assert(word.mine && word.holder == 0 && word.epoch == 1 && !word.passed);
    ck_assert_int_eq(word.how, GROUP_PLAN_FAILOVER);
    ck_assert_str_eq(word.why, "a test");
    look(B);
    ck_assert(!word.mine && word.holder == 0);
}
END_TEST

START_TEST(without_a_lease_nothing_is_taken)
{
    do_it(WORLD_LEASE_ACQUIRE, A, 1, NULL);
    ck_outcome(WORLD_UNKNOWN);
    ck_assert_ptr_nonnull(strstr(a.detail, "no lease in the store yet"));
}
END_TEST

START_TEST(an_epoch_is_granted_once_and_they_rise_by_one)
{
    renew(A, WORLD_OK);
    do_it(WORLD_LEASE_ACQUIRE, A, 3, NULL);
    ck_outcome(WORLD_FAIL);
    do_it(WORLD_LEASE_ACQUIRE, A, 1, NULL);
    do_it(WORLD_LEASE_RELEASE, A, 1, NULL);
    ck_outcome(WORLD_OK);
    do_it(WORLD_LEASE_RELEASE, A, 1, NULL);
    ck_outcome(WORLD_OK);
    do_it(WORLD_LEASE_ACQUIRE, A, 1, NULL);
    ck_outcome(WORLD_FAIL);
    do_it(WORLD_LEASE_ACQUIRE, A, 2, NULL);
    ck_outcome(WORLD_OK);
}
END_TEST

START_TEST(it_is_passed_to_a_node_that_lives_in_one_transaction)
{
    renew(A, WORLD_OK);
    do_it(WORLD_LEASE_ACQUIRE, A, 1, NULL);
    do_it(WORLD_LEASE_PASS, A, 2, B);
    ck_outcome(WORLD_FAIL);
    ck_assert_ptr_nonnull(strstr(a.detail, "the Baton of server02 has no live lease"));
    renew(B, WORLD_OK);
    publish(B, "all well");
    ck_outcome(WORLD_OK);
    do_it(WORLD_LEASE_PASS, A, 2, B);
    ck_outcome(WORLD_OK);
    do_it(WORLD_LEASE_PASS, A, 2, B);
    ck_outcome(WORLD_OK);
    look(B);
    ck_assert(word.mine && word.holder == 1 && word.epoch == 2 && word.passed);
    do_it(WORLD_LEASE_PASS, A, 3, B);
    ck_outcome(WORLD_FAIL);
}
END_TEST

START_TEST(what_is_published_is_read_by_the_others_as_it_was)
{
    renew(A, WORLD_OK);
    member_state = FSM_UNKNOWN; /* as it is at first */
    publish(A, "all well");
    look(B);
    ck_assert_int_eq(word.n_members, 1);
    ck_assert_int_eq(word.member[0].state, FSM_UNKNOWN);
    member_state = FSM_STANDBY;
    publish(A, "share failed 3/3");
    look(B);
    ck_assert_int_eq(word.n_members, 1);
    ck_assert_int_eq(word.member[0].node, 0);
    ck_assert_int_eq(word.member[0].state, FSM_STANDBY);
    ck_assert_str_eq(word.member[0].fit_why, "share failed 3/3");
    ck_assert_str_eq(word.member[0].probe[0].detail, "220 caf? \"mail\"");
}
END_TEST

START_TEST(a_lease_that_is_not_renewed_runs_out_and_all_that_hung_on_it)
{
    struct world_request request = question(WORLD_LEASE_WATCH, B);

    renew(A, WORLD_OK);
    publish(A, "all well");
    do_it(WORLD_LEASE_ACQUIRE, A, 1, NULL);
    look(B);
    while (word.holder != GROUP_NOBODY || word.n_members > 0) {
        request.u.lease.seen = word.revision;
        ask(&request);
        ck_outcome(WORLD_OK);
    }
    ck_assert_int_eq(word.epoch, 1);
    renew(A, WORLD_FAIL); /* gone; there is a new one */
    ck_assert_ptr_nonnull(strstr(a.detail, "the lease was gone"));
    renew(A, WORLD_OK);
    look(A);
    ck_assert(!word.mine);
    do_it(WORLD_LEASE_ACQUIRE, A, 2, NULL);
    ck_outcome(WORLD_OK);
}
END_TEST

/* A second daemon of the same node: what the first one had is in the store only. */
START_TEST(a_daemon_that_starts_again_takes_up_the_lease_of_its_baton)
{
    struct world *first;
    struct live_setup setup = {.base = f.base, .config = &f.config};

    renew(A, WORLD_OK);
    do_it(WORLD_LEASE_ACQUIRE, A, 1, NULL);
    first = f.world;
    ck_assert_int_eq(live_new(&setup, &f.world, NULL), BATON_OK);
    renew(A, WORLD_OK);
    look(A);
    ck_assert(word.mine);
    ck_assert_int_eq(word.epoch, 1);
    live_free(first);
}
END_TEST

static struct lease_word heard;
static bool is_heard;

static void hear(void *arg, uint64_t request, const struct world_result *result)
{
    (void)arg;
    (void)request;
    is_heard = result->outcome == WORLD_OK && result->word != NULL;
    if (is_heard) {
        heard = *result->word;
    }
}

static bool was_heard(void *arg)
{
    (void)arg;
    return is_heard;
}

START_TEST(who_watches_hears_of_a_change_when_it_is_made)
{
    struct world_request request = question(WORLD_LEASE_WATCH, B);

    renew(A, WORLD_OK);
    look(B);
    request.timeout_ms = 30000;
    request.u.lease.seen = word.revision;
    is_heard = false;
    world_start(f.world, &request, hear, NULL);
    do_it(WORLD_LEASE_ACQUIRE, A, 1, NULL);
    fixture_until(&f, was_heard, NULL);
    ck_assert_int_eq(heard.holder, 0);
    ck_assert_int_eq(heard.epoch, 1);
}
END_TEST

START_TEST(a_watch_without_news_ends_at_its_deadline_and_says_that_the_store_answers)
{
    struct world_request request = question(WORLD_LEASE_WATCH, B);

    renew(A, WORLD_OK);
    look(B);
    request.timeout_ms = 300;
    request.u.lease.seen = word.revision;
    ask(&request);
    ck_outcome(WORLD_UNKNOWN);
    ck_assert_int_eq(a.code, 0);
}
END_TEST

START_TEST(a_pause_a_wish_and_its_answer_are_heard_by_all)
{
    struct lease_wish wish = {
        .command = GROUP_CMD_FAILOVER, .node = 1, .force = true, .by = "root", .reason = "why not"};
    struct lease_answer answer = {.refused = true, .text = "not now"};
    struct world_request request = question(WORLD_LEASE_PAUSE, A);

    ask(&request);
    ck_outcome(WORLD_OK);
    look(B);
    ck_assert(word.paused);
    ck_assert_str_eq(word.paused_why, "a test");
    request.u.lease.why = NULL;
    ask(&request);
    look(B);
    ck_assert(!word.paused);

    request = question(WORLD_LEASE_WISH, A);
    request.u.lease.wish = &wish;
    ask(&request);
    ck_outcome(WORLD_OK);
    look(B);
    ck_assert_int_eq(word.wish.id, a.has_word ? word.wish.id : 0);
    ck_assert(word.wish.id > 0 && word.wish.node == 1 && word.wish.force);
    ck_assert_str_eq(word.wish.reason, "why not");

    answer.id = word.wish.id;
    request = question(WORLD_LEASE_ANSWER, B);
    request.u.lease.answer = &answer;
    ask(&request);
    ck_outcome(WORLD_OK);
    look(A);
    ck_assert_int_eq(word.wish.id, 0);
    ck_assert_int_eq(word.answer.id, answer.id);
    ck_assert(word.answer.refused);
    ck_assert_str_eq(word.answer.text, "not now");
}
END_TEST

static int n_over, n_won;

static void race_over(void *arg, uint64_t request, const struct world_result *result)
{
    (void)arg;
    (void)request;
    n_over++;
    n_won += result->outcome == WORLD_OK;
}

static bool both_over(void *arg)
{
    (void)arg;
    return n_over == 2;
}

START_TEST(of_two_that_want_it_at_once_exactly_one_gets_it)
{
    struct world_request one = question(WORLD_LEASE_ACQUIRE, A);
    struct world_request two = question(WORLD_LEASE_ACQUIRE, B);
    int64_t epoch;

    renew(A, WORLD_OK);
    renew(B, WORLD_OK);
    for (epoch = 1; epoch <= 40; epoch++) {
        n_over = n_won = 0;
        one.u.lease.epoch = two.u.lease.epoch = epoch;
        world_start(f.world, epoch % 2 ? &one : &two, race_over, NULL);
        world_start(f.world, epoch % 2 ? &two : &one, race_over, NULL);
        fixture_until(&f, both_over, NULL);
        ck_assert_int_eq(n_won, 1);
        renew(A, WORLD_OK);
        renew(B, WORLD_OK);
        look(A);
        do_it(WORLD_LEASE_RELEASE, word.holder == 0 ? A : B, epoch, NULL);
        ck_outcome(WORLD_OK);
    }
}
END_TEST

/* ---- Three members
 * ------------------------------------------------------------------------------- */

/* It answers with what a majority knows: it has caught up, and the next one may be lost. */
static void wait_for_member(int i)
{
    char command[256];

    snprintf(
        command, sizeof command,
        "ETCDCTL_API=3 etcdctl --endpoints=%s --dial-timeout=30s --command-timeout=30s get x "
        ">/dev/null 2>&1",
        url[i]);
    ck_assert_msg(
        system(command) == 0, "%s", command); /* NOLINT(bugprone-command-processor,cert-env33-c) */
}

START_TEST(the_loss_of_one_member_of_three_is_not_noticed)
{
    struct world_request request = question(WORLD_LEASE_RENEW, A);
    int dead, i;

    renew(A, WORLD_OK);
    do_it(WORLD_LEASE_ACQUIRE, A, 1, NULL);
    for (dead = 0; dead < 3; dead++) {
        kill(member[dead], SIGKILL);
        waitpid(member[dead], NULL, 0);
        request.timeout_ms = 10000; /* a new leader may have to be found */
        for (i = 0; i < 5; i++) {
            ask(&request);
            ck_outcome(WORLD_OK);
        }
        look(A);
        ck_assert(word.mine);
        start_member(dead);
        wait_for_member(dead);
        ask(&request);
    }
}
END_TEST

START_TEST(a_member_that_hangs_is_passed_over)
{
    struct world_request request = question(WORLD_LEASE_RENEW, A);
    int hung;

    renew(A, WORLD_OK);
    do_it(WORLD_LEASE_ACQUIRE, A, 1, NULL);
    for (hung = 0; hung < 3; hung++) {
        kill(member[hung], SIGSTOP);
        request.timeout_ms = TTL_MS;
        ask(&request);
        ck_outcome(WORLD_OK);
        kill(member[hung], SIGCONT);
        renew(A, WORLD_OK);
    }
    look(A);
    ck_assert(word.mine);
}
END_TEST

START_TEST(a_minority_of_the_store_takes_no_renewal)
{
    struct world_request request = question(WORLD_LEASE_RENEW, A);

    renew(A, WORLD_OK);
    kill(member[0], SIGSTOP);
    kill(member[1], SIGSTOP);
    request.timeout_ms = 1000;
    ask(&request);
    ck_outcome(WORLD_UNKNOWN);
    ck_assert_ptr_nonnull(strstr(a.detail, "no answer of the store within 1 s"));
    kill(member[0], SIGCONT);
    kill(member[1], SIGCONT);
    request.timeout_ms = 10000;
    ask(&request); /* it may have run out meanwhile */
    ck_assert_int_ne(a.outcome, WORLD_UNKNOWN);
}
END_TEST

START_TEST(an_endpoint_where_nobody_is_costs_a_quarter_of_a_second)
{
    struct world_request request = question(WORLD_LEASE_RENEW, A);

    begin(2, true); /* the first endpoint leads nowhere; both members run */
    renew(A, WORLD_OK);
    request.timeout_ms = TTL_MS;
    ask(&request);
    ck_outcome(WORLD_OK);
    down();
}
END_TEST

/* ---- Users
 * -------------------------------------------------------------------------------------------- */

static void ctl(const char *words)
{
    char command[512];

    snprintf(
        command, sizeof command,
        "ETCDCTL_API=3 timeout 10 etcdctl --endpoints=%s %s >/dev/null 2>&1", url[0], words);
    ck_assert_msg(
        system(command) == 0, "%s", command); /* NOLINT(bugprone-command-processor,cert-env33-c) */
}

static struct config_secret secret;
static char secret_file[128];

static void with_users(const char *password)
{
    renew(A, WORLD_OK); /* it runs */
    ctl("user add root:top");
    ctl("user grant-role root root");
    ctl("user add baton:sesame");
    ctl("role add baton");
    ctl("role grant-permission baton --prefix=true readwrite /baton/");
    ctl("user grant-role baton baton");
    ctl("auth enable");
    fixture_file(&f, "password", 0600, password);
    snprintf(secret_file, sizeof secret_file, "%s/password", f.dir);
    secret.name = (char *)"store";
    secret.file = secret_file;
    f.config.n_secrets = 1;
    f.config.secret = &secret;
    peers.user = (char *)"baton";
    peers.password_secret = (char *)"store";
}

START_TEST(it_says_who_it_is_where_the_store_asks)
{
    with_users("sesame\n");
    renew(A, WORLD_OK);
    do_it(WORLD_LEASE_ACQUIRE, A, 1, NULL);
    ck_outcome(WORLD_OK);
    look(A);
    ck_assert(word.mine);
}
END_TEST

START_TEST(a_wrong_password_is_named)
{
    struct world_request request = question(WORLD_LEASE_RENEW, A);

    with_users("wrong\n");
    request.timeout_ms = 1000;
    ask(&request);
    ck_outcome(WORLD_UNKNOWN);
    ck_assert_msg(strstr(a.detail, "invalid user ID or password") != NULL, "%s", a.detail);
    ck_assert_msg(strstr(a.detail, url[0]) != NULL, "%s", a.detail);
    ck_assert_ptr_null(strstr(a.detail, "wrong"));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lease");
    TCase *one = tcase_create("one"), *three = tcase_create("three"), *own = tcase_create("own");
    SRunner *runner;
    int failed;

    if (system("command -v etcd etcdctl >/dev/null") != 0) { /* NOLINT */
        puts("skipped: etcd is not installed");
        return 77;
    }
    tcase_add_checked_fixture(one, up, down);
    tcase_add_checked_fixture(three, up_three, down);
    tcase_set_timeout(one, 60);
    tcase_set_timeout(three, 120);
    tcase_set_timeout(own, 60);
    tcase_add_test(one, an_empty_store_has_no_holder_and_epoch_0);
    tcase_add_test(one, the_baton_is_taken_once_and_names_its_holder);
    tcase_add_test(one, without_a_lease_nothing_is_taken);
    tcase_add_test(one, an_epoch_is_granted_once_and_they_rise_by_one);
    tcase_add_test(one, it_is_passed_to_a_node_that_lives_in_one_transaction);
    tcase_add_test(one, what_is_published_is_read_by_the_others_as_it_was);
    tcase_add_test(one, a_lease_that_is_not_renewed_runs_out_and_all_that_hung_on_it);
    tcase_add_test(one, a_daemon_that_starts_again_takes_up_the_lease_of_its_baton);
    tcase_add_test(one, who_watches_hears_of_a_change_when_it_is_made);
    tcase_add_test(one, a_watch_without_news_ends_at_its_deadline_and_says_that_the_store_answers);
    tcase_add_test(one, a_pause_a_wish_and_its_answer_are_heard_by_all);
    tcase_add_test(one, of_two_that_want_it_at_once_exactly_one_gets_it);
    tcase_add_test(one, it_says_who_it_is_where_the_store_asks);
    tcase_add_test(one, a_wrong_password_is_named);
    tcase_add_test(three, the_loss_of_one_member_of_three_is_not_noticed);
    tcase_add_test(three, a_member_that_hangs_is_passed_over);
    tcase_add_test(three, a_minority_of_the_store_takes_no_renewal);
    tcase_add_test(own, an_endpoint_where_nobody_is_costs_a_quarter_of_a_second);
    suite_add_tcase(s, one);
    suite_add_tcase(s, three);
    suite_add_tcase(s, own);
    runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
