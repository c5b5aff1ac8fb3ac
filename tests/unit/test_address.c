/* All in network namespaces of the test's own: "own" is the test process itself, "far" a
 * child that only waits. A veth pair, va and vb, joins them. */
#include "live_fixture.h"
#include "live_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define FOUR      "10.9.0.100/24"
#define SIX       "fd00:9::100/64"
#define OTHER_MAC "02:00:00:00:00:01"

static struct fixture f;
static struct answer a;
static bool skipped;
static pid_t far;
static int far_hold;

static int run(const char *format, ...) __attribute__((format(printf, 1, 2)));
static const char *output(const char *format, ...) __attribute__((format(printf, 1, 2)));

static int run(const char *format, ...)
{
    char command[512];
    va_list args;

    va_start(args, format);
    vsnprintf(command, sizeof command, format, args);
    va_end(args);
    return system(command); /* NOLINT(bugprone-command-processor,cert-env33-c) */
}

static const char *output(const char *format, ...)
{
    static char text[4096];
    char command[512];
    va_list args;
    FILE *pipe;

    va_start(args, format);
    vsnprintf(command, sizeof command, format, args);
    va_end(args);
    pipe = popen(command, "r"); /* NOLINT(bugprone-command-processor,cert-env33-c) */
    ck_assert_ptr_nonnull(pipe);
    text[fread(text, 1, sizeof text - 1, pipe)] = 0;
    pclose(pipe);
    return text;
}

/* A process that holds a network namespace until `far_hold` is closed. */
static void far_up(void)
{
    int ready[2], hold[2];
    char byte;

    ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
    ck_assert_int_eq(pipe2(hold, O_CLOEXEC), 0);
    far = fork();
    ck_assert_int_ge(far, 0);
    if (far == 0) {
        close(hold[1]);
        if (unshare(CLONE_NEWNET) == 0 && write(ready[1], "x", 1) == 1) {
            byte = 0;
            while (read(hold[0], &byte, 1) > 0) {
            }
        }
        _exit(0);
    }
    close(ready[1]);
    close(hold[0]);
    far_hold = hold[1];
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    close(ready[0]);
}

static void up(void)
{
    fixture_prepare(&f);
    skipped = !netns_enter(true);
    if (!skipped) {
        far_up();
        ck_assert_int_eq(run("ip link add va type veth peer name vb netns %d", (int)far), 0);
        ck_assert_int_eq(run("ip link set va up"), 0);
        ck_assert_int_eq(
            run("nsenter -t %d -n sh -c 'ip link set vb up; ip addr add 10.9.0.1/24 dev vb; "
                "ip addr add fd00:9::1/64 dev vb nodad'",
                (int)far),
            0);
    }
    fixture_begin(&f);
}

static void down(void)
{
    answer_fini(&a);
    if (!skipped) {
        close(far_hold);
        waitpid(far, NULL, 0);
    }
    fixture_down(&f);
}

static struct world_request question(
    enum world_address_op op, const char *interface, const char *address)
{
    struct world_request request = {.kind = WORLD_ADDRESS, .timeout_ms = 10000};

    request.u.address.op = op;
    request.u.address.interface = interface;
    request.u.address.address = address;
    return request;
}

static void ask(enum world_address_op op, const char *address)
{
    struct world_request request = question(op, "va", address);

    fixture_ask(&f, &request, &a);
}

static void says(enum world_outcome outcome, const char *detail)
{
    ck_assert_str_eq(a.detail, detail);
    ck_assert_int_eq(a.outcome, outcome);
}

static bool is_there(const char *address)
{
    return strstr(output("ip -o addr show dev va"), address) != NULL;
}

START_TEST(an_ipv4_address_comes_and_goes_and_each_may_be_asked_for_twice)
{
    if (skipped) {
        return;
    }
    ask(WORLD_ADDRESS_PRESENT, FOUR);
    says(WORLD_FAIL, "10.9.0.100 is not on va");
    ask(WORLD_ADDRESS_ADD, FOUR);
    says(WORLD_OK, "10.9.0.100 added on va");
    ck_assert(is_there("inet " FOUR));
    ask(WORLD_ADDRESS_ADD, FOUR);
    says(WORLD_OK, "10.9.0.100 was there already on va");
    ask(WORLD_ADDRESS_PRESENT, FOUR);
    says(WORLD_OK, "10.9.0.100 is on va");
    ask(WORLD_ADDRESS_DELETE, FOUR);
    says(WORLD_OK, "10.9.0.100 removed from va");
    ck_assert(!is_there("10.9.0.100"));
    ask(WORLD_ADDRESS_DELETE, FOUR);
    says(WORLD_OK, "10.9.0.100 was not on va");
}
END_TEST

START_TEST(an_ipv6_address_is_usable_at_once_and_goes)
{
    if (skipped) {
        return;
    }
    ask(WORLD_ADDRESS_ADD, SIX);
    says(WORLD_OK, "fd00:9::100 added on va");
    ck_assert(is_there("inet6 " SIX));
    ck_assert_ptr_null(strstr(output("ip -o addr show dev va to " SIX), "tentative"));
    ask(WORLD_ADDRESS_ADD, SIX);
    says(WORLD_OK, "fd00:9::100 was there already on va");
    ask(WORLD_ADDRESS_PRESENT, SIX);
    says(WORLD_OK, "fd00:9::100 is on va");
    ask(WORLD_ADDRESS_DELETE, SIX);
    says(WORLD_OK, "fd00:9::100 removed from va");
    ck_assert(!is_there("fd00:9::100"));
}
END_TEST

START_TEST(an_address_is_found_and_removed_whatever_its_prefix_length)
{
    if (skipped) {
        return;
    }
    run("ip addr add 10.9.0.100/32 dev va; ip addr add 10.9.0.100/16 dev va");
    ask(WORLD_ADDRESS_PRESENT, FOUR);
    says(WORLD_OK, "10.9.0.100 is on va");
    ask(WORLD_ADDRESS_DELETE, FOUR);
    says(WORLD_OK, "10.9.0.100 removed from va");
    ck_assert(!is_there("10.9.0.100"));
}
END_TEST

START_TEST(only_the_address_asked_for_is_removed)
{
    if (skipped) {
        return;
    }
    run("ip addr add 10.9.0.7/24 dev va");
    ask(WORLD_ADDRESS_ADD, FOUR);
    ask(WORLD_ADDRESS_DELETE, FOUR);
    says(WORLD_OK, "10.9.0.100 removed from va");
    ck_assert(is_there("10.9.0.7/24"));
}
END_TEST

START_TEST(an_address_among_very_many_is_found)
{
    if (skipped) {
        return;
    }
    run("seq 1 250 | sed 's|.*|addr add 10.8.1.&/16 dev va\\naddr add 10.8.2.&/16 dev va|' | "
        "ip -batch -");
    ask(WORLD_ADDRESS_PRESENT, "10.8.2.250/16");
    says(WORLD_OK, "10.8.2.250 is on va");
    ask(WORLD_ADDRESS_PRESENT, "10.8.3.1/16");
    says(WORLD_FAIL, "10.8.3.1 is not on va");
}
END_TEST

START_TEST(what_can_not_be_asked_is_unknown)
{
    struct config_group group = {.name = (char *)"mail", .n_nodes = 1};
    struct world_request request = question(WORLD_ADDRESS_PRESENT, "lo", "127.0.0.1/8");

    group.node[0].name = (char *)"server01";
    group.node[0].transport = CONFIG_SSH;
    f.config.group = &group;
    f.config.n_groups = 1;
    request.u.address.node = "server01";
    fixture_ask(&f, &request, &a);
    says(WORLD_UNKNOWN, "node server01 is not this host: use a command there for its address");
    group.node[0].transport = CONFIG_LOCAL;
    fixture_ask(&f, &request, &a);
    says(WORLD_OK, "127.0.0.1 is on lo");
    request.u.address.node = "server02";
    fixture_ask(&f, &request, &a);
    says(WORLD_UNKNOWN, "no node server02 in the configuration");
    request = question(WORLD_ADDRESS_DELETE, "nowhere0", FOUR);
    fixture_ask(&f, &request, &a);
    says(WORLD_UNKNOWN, "this host has no interface nowhere0");
    request = question(WORLD_ADDRESS_ADD, "lo", "10.9.0.300/24");
    fixture_ask(&f, &request, &a);
    says(WORLD_UNKNOWN, "\"10.9.0.300/24\" is no address");
    fixture_turn(&f);
    f.config.n_groups = 0;
}
END_TEST

START_TEST(an_address_that_may_not_be_added_has_failed)
{
    if (skipped) {
        return;
    }
    ck_assert_int_eq(seteuid(65534), 0);
    ask(WORLD_ADDRESS_ADD, FOUR);
    ck_assert_int_eq(seteuid(0), 0);
    says(
        WORLD_FAIL, "10.9.0.100 could not be added on va: Operation not permitted "
                    "(needs CAP_NET_ADMIN)");
}
END_TEST

START_TEST(an_address_that_is_not_there_is_not_announced)
{
    if (skipped) {
        return;
    }
    ask(WORLD_ADDRESS_ANNOUNCE, FOUR);
    says(WORLD_FAIL, "10.9.0.100 is not on va");
}
END_TEST

/* ---- What the neighbours make of it ------------------------------------------------------ */

struct wanted {
    const char *address;
    char mac[32];
};

static bool neighbour_knows(void *arg)
{
    const struct wanted *wanted = arg;

    return strstr(
               output("nsenter -t %d -n ip neigh show %s dev vb", (int)far, wanted->address),
               wanted->mac) != NULL;
}

static struct wanted neighbour_of(const char *address)
{
    struct wanted wanted = {.address = address};

    snprintf(
        wanted.mac, sizeof wanted.mac, "%s",
        output("ip -o link show dev va | sed 's/.*link.ether \\([^ ]*\\).*/\\1/' | tr -d '\\n'"));
    ck_assert_uint_eq(strlen(wanted.mac), 17);
    return wanted;
}

static void neighbour_believes(const char *address)
{
    ck_assert_int_eq(
        run("nsenter -t %d -n ip neigh replace %s lladdr " OTHER_MAC " nud reachable dev vb",
            (int)far, address),
        0);
}

START_TEST(neighbours_learn_an_ipv4_address_by_arp)
{
    struct wanted wanted;

    if (skipped) {
        return;
    }
    wanted = neighbour_of("10.9.0.100");
    neighbour_believes("10.9.0.100");
    ask(WORLD_ADDRESS_ADD, FOUR);
    fixture_until(&f, neighbour_knows, &wanted);
    neighbour_believes("10.9.0.100");
    ask(WORLD_ADDRESS_ANNOUNCE, FOUR);
    says(WORLD_OK, "10.9.0.100 announced on va");
    fixture_until(&f, neighbour_knows, &wanted);
}
END_TEST

START_TEST(neighbours_learn_an_ipv6_address_by_advertisement)
{
    struct wanted wanted;

    if (skipped) {
        return;
    }
    wanted = neighbour_of("fd00:9::100");
    neighbour_believes("fd00:9::100");
    ask(WORLD_ADDRESS_ADD, SIX);
    fixture_until(&f, neighbour_knows, &wanted);
    neighbour_believes("fd00:9::100");
    ask(WORLD_ADDRESS_ANNOUNCE, SIX);
    says(WORLD_OK, "fd00:9::100 announced on va");
    fixture_until(&f, neighbour_knows, &wanted);
}
END_TEST

struct ear { /* hears ARP where the neighbour is */
    int fd, heard, wanted;
};

static void ear_up(struct ear *ear)
{
    char path[64];
    int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), there;

    snprintf(path, sizeof path, "/proc/%d/ns/net", (int)far);
    there = open(path, O_RDONLY | O_CLOEXEC);
    ck_assert_int_eq(setns(there, CLONE_NEWNET), 0);
    ear->fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(ETH_P_ARP));
    ck_assert_int_eq(setns(own, CLONE_NEWNET), 0);
    ck_assert_int_ge(ear->fd, 0);
    close(own);
    close(there);
}

/* Announcements only (RFC 5227, 2.3): the sender's and the target's address are the same. */
static bool has_heard(void *arg)
{
    struct ear *ear = arg;
    unsigned char arp[64];
    ssize_t len;

    for (;;) {
        len = recv(ear->fd, arp, sizeof arp, 0);
        if (len < 28) {
            break;
        }
        ear->heard += arp[7] == 1 && memcmp(arp + 14, arp + 24, 4) == 0;
    }
    return ear->heard >= ear->wanted;
}

static void pass(int64_t ms)
{
    struct world_request request = {.kind = WORLD_SLEEP, .timeout_ms = ms};

    fixture_ask(&f, &request, &a);
}

START_TEST(an_address_is_announced_several_times)
{
    struct ear ear = {.wanted = 3};

    if (skipped) {
        return;
    }
    ear_up(&ear);
    ask(WORLD_ADDRESS_ADD, FOUR);
    fixture_until(&f, has_heard, &ear);
    close(ear.fd);
}
END_TEST

START_TEST(a_removed_address_is_not_announced_any_more)
{
    struct ear ear = {.wanted = 1};

    if (skipped) {
        return;
    }
    /* Where any address can be bound to, only the removal itself tells. */
    ck_assert_int_eq(run("echo 1 >/proc/sys/net/ipv4/ip_nonlocal_bind"), 0);
    ear_up(&ear);
    ask(WORLD_ADDRESS_ADD, FOUR);
    ask(WORLD_ADDRESS_DELETE, FOUR);
    pass(150);
    has_heard(&ear);
    ck_assert_int_eq(ear.heard, 1);
    close(ear.fd);
}
END_TEST

START_TEST(an_address_that_somebody_else_removed_is_not_announced_any_more)
{
    struct ear ear = {.wanted = 1};

    if (skipped) {
        return;
    }
    ear_up(&ear);
    ask(WORLD_ADDRESS_ADD, FOUR);
    run("ip addr del " FOUR " dev va");
    pass(150);
    has_heard(&ear);
    ck_assert_int_eq(ear.heard, 1);
    close(ear.fd);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("address");
    TCase *tests = tcase_create("address");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, up, down);
    tcase_add_test(tests, an_ipv4_address_comes_and_goes_and_each_may_be_asked_for_twice);
    tcase_add_test(tests, an_ipv6_address_is_usable_at_once_and_goes);
    tcase_add_test(tests, an_address_is_found_and_removed_whatever_its_prefix_length);
    tcase_add_test(tests, only_the_address_asked_for_is_removed);
    tcase_add_test(tests, an_address_among_very_many_is_found);
    tcase_add_test(tests, what_can_not_be_asked_is_unknown);
    tcase_add_test(tests, an_address_that_may_not_be_added_has_failed);
    tcase_add_test(tests, an_address_that_is_not_there_is_not_announced);
    tcase_add_test(tests, neighbours_learn_an_ipv4_address_by_arp);
    tcase_add_test(tests, neighbours_learn_an_ipv6_address_by_advertisement);
    tcase_add_test(tests, an_address_is_announced_several_times);
    tcase_add_test(tests, a_removed_address_is_not_announced_any_more);
    tcase_add_test(tests, an_address_that_somebody_else_removed_is_not_announced_any_more);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
