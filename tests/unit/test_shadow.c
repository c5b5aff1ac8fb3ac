/* The shadow world: no request that acts gets through, and all that looks does. */
#include "world/shadow/shadow.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* ---- A world behind that only counts ----------------------------------------------------- */

static struct {
    struct world world;
    int started, cancelled, recorded, observed, logged;
    struct world_request last;
    world_done_fn *done;
    void *arg;
    uint64_t id;
    char line[SHADOW_TEXT_MAX];
} behind;

static int64_t back_now(struct world *world)
{
    (void)world;
    return 1234;
}

static int64_t back_wall(struct world *world)
{
    (void)world;
    return 99;
}

static uint64_t back_random(struct world *world)
{
    (void)world;
    return 4;
}

static uint64_t back_start(
    struct world *world, const struct world_request *request, world_done_fn *done, void *arg)
{
    (void)world;
    behind.started++;
    behind.last = *request;
    behind.done = done;
    behind.arg = arg;
    return ++behind.id;
}

static void back_cancel(struct world *world, uint64_t request)
{
    (void)world;
    (void)request;
    behind.cancelled++;
}

static void back_record(
    struct world *world, const char *group, const struct group *names,
    const struct group_record *records, int count, world_recorded_fn *done, void *arg)
{
    (void)world;
    (void)group;
    (void)names;
    (void)records;
    (void)done;
    (void)arg;
    behind.recorded += count;
}

static void back_observe(
    struct world *world, const char *group, const char *node, const char *probe,
    enum group_outcome outcome, int64_t latency_us, const char *detail)
{
    (void)world;
    (void)group;
    (void)node;
    (void)probe;
    (void)outcome;
    (void)latency_us;
    (void)detail;
    behind.observed++;
}

static void back_log(struct world *world, const struct world_log *line)
{
    (void)world;
    behind.logged++;
    strncpy(behind.line, line->text, sizeof behind.line - 1);
}

static const struct world_ops ops = {
    .now_ms = back_now,
    .wall_ms = back_wall,
    .random = back_random,
    .start = back_start,
    .cancel = back_cancel,
    .record = back_record,
    .observe = back_observe,
    .log = back_log,
};

static struct world *shadow;
static struct {
    int calls;
    uint64_t request;
    enum world_outcome outcome;
    bool shadowed;
    char detail[SHADOW_TEXT_MAX];
} heard;

static void on_done(void *arg, uint64_t request, const struct world_result *result)
{
    ck_assert_ptr_eq(arg, &heard);
    heard.calls++;
    heard.request = request;
    heard.outcome = result->outcome;
    heard.shadowed = result->shadowed;
    strncpy(heard.detail, result->detail, sizeof heard.detail - 1);
}

static void set_up(void)
{
    struct baton_error error;

    memset(&behind, 0, sizeof behind);
    memset(&heard, 0, sizeof heard);
    behind.world.ops = &ops;
    ck_assert_int_eq(shadow_new(&behind.world, &shadow, &error), BATON_OK);
}

static void tear_down(void)
{
    shadow_free(shadow);
}

static void end_behind(void)
{
    struct world_result result = {.outcome = WORLD_OK, .detail = "ok", .out = "", .err = ""};

    behind.done(behind.arg, behind.id, &result);
}

/* ---- Tests ------------------------------------------------------------------------------- */

static const char *const command[] = {"ip", "address", "add", "10.0.0.9/24", NULL};

#define EXEC(...)                                                                                  \
    {                                                                                              \
        .kind = WORLD_EXEC, .timeout_ms = 1000, .u.exec.node = "server01", .u.exec.argv = command, \
        __VA_ARGS__                                                                                \
    }
#define HTTP(...)                                                                                  \
    {                                                                                              \
        .kind = WORLD_HTTP, .timeout_ms = 1000, .u.http.url = "http://cloud/move", __VA_ARGS__     \
    }
#define ADDRESS(what)                                                                              \
    {                                                                                              \
        .kind = WORLD_ADDRESS, .timeout_ms = 1000, .u.address.op = (what),                         \
        .u.address.node = "server01", .u.address.interface = "eth0",                               \
        .u.address.address = "10.0.0.9/24"                                                         \
    }

static const struct {
    struct world_request request;
    const char *would; /* NULL: it looks, and goes through */
} all[] = {
    {{.kind = WORLD_SLEEP, .timeout_ms = 5}, NULL},
    {{.kind = WORLD_SLEEP, .timeout_ms = 5, .acts = true}, NULL},
    {{.kind = WORLD_TCP, .timeout_ms = 5}, NULL},
    {{.kind = WORLD_TCP, .timeout_ms = 5, .acts = true}, NULL},
    {{.kind = WORLD_MAIL, .timeout_ms = 5}, NULL},
    {{.kind = WORLD_MAIL, .timeout_ms = 5, .acts = true}, NULL},
    {HTTP(.acts = false), NULL},
    {HTTP(.u.http.method = "GET"), NULL},
    {HTTP(.u.http.method = "HEAD"), NULL},
    {HTTP(.u.http.method = "get"), "would send get http://cloud/move"},
    {HTTP(.u.http.method = "POST"), "would send POST http://cloud/move"},
    {HTTP(.u.http.method = "PUT"), "would send PUT http://cloud/move"},
    {HTTP(.u.http.method = "DELETE"), "would send DELETE http://cloud/move"},
    {HTTP(.acts = true), "would send GET http://cloud/move"},
    {HTTP(.acts = true, .u.http.method = "HEAD"), "would send HEAD http://cloud/move"},
    {HTTP(.u.http.method = "POST", .u.http.asks = "api.up"), NULL},
    {HTTP(.acts = true, .u.http.asks = "server01.power.off"), NULL},
    {HTTP(.u.http.effect = "server01.power.off"), "would send GET http://cloud/move"},
    {HTTP(.u.http.effect = "server01.power.off", .u.http.asks = "api.up"),
     "would send GET http://cloud/move"},
    {EXEC(.acts = false), NULL},
    {EXEC(.u.exec.asks = "service.running"), NULL},
    {EXEC(.acts = true, .u.exec.asks = "service.running"), NULL},
    {EXEC(.acts = true), "would run on server01: ip address add 10.0.0.9/24"},
    {EXEC(.u.exec.effect = "address.add"),
     "would run on server01 (address.add): ip address add 10.0.0.9/24"},
    {EXEC(.u.exec.effect = "address.add", .u.exec.asks = "address.up"),
     "would run on server01 (address.add): ip address add 10.0.0.9/24"},
    {EXEC(.acts = true, .u.exec.effect = "address.add"),
     "would run on server01 (address.add): ip address add 10.0.0.9/24"},
    {ADDRESS(WORLD_ADDRESS_PRESENT), NULL},
    {ADDRESS(WORLD_ADDRESS_ADD), "would add 10.0.0.9/24 on eth0 of server01"},
    {ADDRESS(WORLD_ADDRESS_DELETE), "would remove 10.0.0.9/24 on eth0 of server01"},
    {ADDRESS(WORLD_ADDRESS_ANNOUNCE), "would announce 10.0.0.9/24 on eth0 of server01"},
    {{.kind = WORLD_HOOK, .timeout_ms = 5, .u.hook.event = "fence"}, "would run the fence hooks"},
    {{.kind = WORLD_HOOK, .timeout_ms = 5, .acts = true, .u.hook.event = "failover"},
     "would run the failover hooks"},
    {{.kind = WORLD_LEASE, .timeout_ms = 5, .u.lease = {.op = WORLD_LEASE_WATCH}}, NULL},
    {{.kind = WORLD_LEASE,
      .timeout_ms = 5,
      .u.lease = {.op = WORLD_LEASE_RENEW, .node = "server01"}},
     "would renew the lease of server01 in the store"},
    {{.kind = WORLD_LEASE,
      .timeout_ms = 5,
      .u.lease = {.op = WORLD_LEASE_ACQUIRE, .node = "server01", .epoch = 8}},
     "would take the baton for server01 in the store, epoch 8"},
    {{.kind = WORLD_LEASE,
      .timeout_ms = 5,
      .u.lease = {.op = WORLD_LEASE_PASS, .node = "server01", .to = "server02", .epoch = 8}},
     "would pass the baton from server01 to server02 in the store, epoch 8"},
    {{.kind = WORLD_LEASE,
      .timeout_ms = 5,
      .u.lease = {.op = WORLD_LEASE_RELEASE, .node = "server01"}},
     "would give the baton of server01 back to the store"},
    {{.kind = WORLD_LEASE,
      .timeout_ms = 5,
      .u.lease = {.op = WORLD_LEASE_PAUSE, .node = "server01", .why = "a new switch"}},
     "would pause the group in the store, for all nodes"},
    {{.kind = WORLD_PEER,
      .timeout_ms = 5,
      .u.peer = {.op = WORLD_PEER_ASK, .node = "server02", .holder = "server01", .hold_ms = 10000}},
     "would ask the Baton of server02 to leave server01 the baton for 10 s"},
    {{.kind = WORLD_GUARD, .timeout_ms = 5, .u.guard = {.op = WORLD_GUARD_ASK}}, NULL},
    {{.kind = WORLD_GUARD, .timeout_ms = 5, .u.guard = {.op = WORLD_GUARD_ARM}},
     "would arm the guardian"},
    {{.kind = WORLD_MARK,
      .timeout_ms = 5,
      .u.mark = {.op = WORLD_MARK_WRITE, .node = "server01", .epoch = 8}},
     "would mark server01 with epoch 8"},
    {{.kind = (enum world_kind)(WORLD_MARK + 1), .timeout_ms = 5},
     "would do what a shadow does not know"},
};

START_TEST(what_acts_is_answered_and_not_made)
{
    const struct world_request *request = &all[_i].request;
    uint64_t id = world_start(shadow, request, on_done, &heard);

    ck_assert_uint_ne(id, 0);
    ck_assert_int_eq(heard.calls, 0); /* never from within start */
    ck_assert_int_eq(behind.started, 1);
    if (all[_i].would == NULL) {
        ck_assert(!shadow_stops(request));
        ck_assert_int_eq(behind.last.kind, request->kind);
        ck_assert_ptr_eq(behind.arg, &heard);
        return;
    }
    ck_assert(shadow_stops(request));
    ck_assert_int_eq(behind.last.kind, WORLD_SLEEP); /* and nothing else */
    end_behind();
    ck_assert_int_eq(heard.calls, 1);
    ck_assert_uint_eq(heard.request, id);
    ck_assert_int_eq(heard.outcome, WORLD_UNKNOWN);
    ck_assert(heard.shadowed);
    ck_assert_str_eq(heard.detail, all[_i].would);
    ck_assert_str_eq(behind.line, all[_i].would);
}
END_TEST

START_TEST(one_that_is_cancelled_is_never_answered)
{
    struct world_request request = EXEC(.acts = true);
    uint64_t id = world_start(shadow, &request, on_done, &heard);

    world_cancel(shadow, id);
    ck_assert_int_eq(behind.cancelled, 1);
    world_cancel(shadow, 4711); /* not running any more: passed on */
    ck_assert_int_eq(behind.cancelled, 2);
    ck_assert_int_eq(heard.calls, 0);
}
END_TEST

START_TEST(the_end_of_the_shadow_lets_go_of_what_is_under_way)
{
    struct world_request request = EXEC(.acts = true);

    world_start(shadow, &request, on_done, &heard);
    world_start(shadow, &request, on_done, &heard);
    shadow_free(shadow);
    shadow = NULL;
    ck_assert_int_eq(behind.cancelled, 2);
    ck_assert_int_eq(heard.calls, 0);
}
END_TEST

START_TEST(clocks_journal_and_log_go_through)
{
    struct group_record records[2] = {{.seq = 1}, {.seq = 2}};

    ck_assert_int_eq(world_now_ms(shadow), 1234);
    ck_assert_int_eq(shadow->ops->wall_ms(shadow), 99);
    ck_assert_uint_eq(shadow->ops->random(shadow), 4);
    shadow->ops->record(shadow, "mail", NULL, records, 2, NULL, NULL);
    shadow->ops->observe(shadow, "mail", "server01", "smtp", GROUP_OK, 5, "");
    shadow->ops->log(shadow, &(struct world_log){.text = "so"});
    ck_assert_int_eq(behind.recorded, 2);
    ck_assert_int_eq(behind.observed, 1);
    ck_assert_str_eq(behind.line, "so");
}
END_TEST

START_TEST(a_script_of_several_lines_is_said_in_one)
{
    static const char *const argv[] = {"sh", "-c", "a &&\n\tb", "sh", "", NULL};
    struct world_request request = EXEC(.acts = true);
    char text[64];

    request.u.exec.node = NULL;
    request.u.exec.argv = argv;
    shadow_say(&request, text, sizeof text);
    ck_assert_str_eq(text, "would run on the controller: sh -c 'a &&  b' sh ''");
    shadow_say(&request, text, 30);
    ck_assert_str_eq(text, "would run on the controller: ");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("shadow world");
    TCase *tcase = tcase_create("shadow");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(
        tcase, what_acts_is_answered_and_not_made, 0, (int)(sizeof all / sizeof all[0]));
    tcase_add_test(tcase, one_that_is_cancelled_is_never_answered);
    tcase_add_test(tcase, the_end_of_the_shadow_lets_go_of_what_is_under_way);
    tcase_add_test(tcase, clocks_journal_and_log_go_through);
    tcase_add_test(tcase, a_script_of_several_lines_is_said_in_one);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
