#include "policy_fake.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fake fake;
struct policy *fake_policy;
struct group *fake_group;
struct baton_error fake_error;
bool fake_checks;

static const char *const secrets[] = {"token"};
static const struct world_pair params[] = {
    {"tries", "5"}, {"verbose", "true"}, {"unit", "postfix"}};
static const struct policy_site site = {
    .group = "mail",
    .floating = "10.9.0.100/24",
    .interface = "eth0",
    .share = "/srv/mail",
    .gateway = "10.9.0.1",
    .n_witnesses = 1,
    .witness = {"10.9.0.2:22"},
    .n_nodes = 2,
    .node = {{"server01", "10.9.0.11", "ssh", 1}, {"server02", "fd00::12", "ssh", 2}},
    .n_params = 3,
    .param = params,
    .n_secrets = 1,
    .secret = secrets,
};

/* ---- The world -------------------------------------------------------------------------- */

static int64_t now_ms(struct world *world)
{
    (void)world;
    return fake.now_ms;
}

static int64_t wall_ms(struct world *world)
{
    (void)world;
    return 1700000000000 + fake.now_ms;
}

static uint64_t next_random(struct world *world)
{
    (void)world;
    return 0x9e3779b97f4a7c15u;
}

static void answer(const struct world_request *wanted, struct fake_request *request)
{
    const char *const *argv = wanted->kind == WORLD_EXEC ? wanted->u.exec.argv : NULL;

    request->outcome = WORLD_OK;
    request->due_ms = fake.now_ms + (wanted->kind == WORLD_SLEEP ? wanted->timeout_ms : 10);
    if (wanted->kind == WORLD_TCP && wanted->u.tcp.port == 1) {
        request->outcome = WORLD_FAIL;
        snprintf(request->detail, sizeof request->detail, "connection refused");
    }
    if (argv == NULL || argv[0] == NULL) {
        return;
    }
    for (int i = 0; argv[i] != NULL; i++) {
        size_t len = strlen(fake.last_words);

        snprintf(
            fake.last_words + len, sizeof fake.last_words - len, "%s%s", i > 0 ? " " : "", argv[i]);
    }
    if (strcmp(argv[0], "fail") == 0) {
        request->outcome = WORLD_FAIL;
        request->code = 1;
        snprintf(request->detail, sizeof request->detail, "exit code 1");
    } else if (strcmp(argv[0], "say") == 0) {
        snprintf(request->out, sizeof request->out, "%s", argv[1]);
    } else if (strcmp(argv[0], "move") == 0) {
        request->outcome = WORLD_UNKNOWN;
        request->shadowed = true;
        snprintf(request->detail, sizeof request->detail, "would run move");
    } else if (strcmp(argv[0], "hang") == 0) {
        request->outcome = WORLD_UNKNOWN;
        request->due_ms = fake.now_ms + wanted->timeout_ms;
        snprintf(request->detail, sizeof request->detail, "no end");
    }
}

static uint64_t start(
    struct world *world, const struct world_request *wanted, world_done_fn *done, void *arg)
{
    (void)world;
    for (int i = 0; i < FAKE_REQUESTS_MAX; i++) {
        struct fake_request *request = &fake.request[i];

        if (request->id == 0) {
            *request = (struct fake_request){.id = ++fake.last_id, .kind = wanted->kind};
            request->done = done;
            request->arg = arg;
            fake.started++;
            fake.last = *wanted;
            fake.last_words[0] = '\0';
            answer(wanted, request);
            return request->id;
        }
    }
    ck_abort_msg("more than %d requests at once", FAKE_REQUESTS_MAX);
    return 0;
}

static void cancel(struct world *world, uint64_t id)
{
    (void)world;
    for (int i = 0; i < FAKE_REQUESTS_MAX; i++) {
        if (fake.request[i].id == id) {
            fake.request[i].id = 0;
            fake.cancelled++;
        }
    }
}

static void write_log(struct world *world, const struct world_log *line)
{
    (void)world;
    snprintf(
        fake.log, sizeof fake.log, "%s %s: %s", line->group, line->node ? line->node : "-",
        line->text);
}

static const struct world_ops ops = {
    .now_ms = now_ms,
    .wall_ms = wall_ms,
    .random = next_random,
    .start = start,
    .cancel = cancel,
    .log = write_log,
};

int fake_running(void)
{
    int count = 0;

    for (int i = 0; i < FAKE_REQUESTS_MAX; i++) {
        count += fake.request[i].id != 0;
    }
    return count;
}

static bool step(int64_t until_ms)
{
    struct fake_request *next = NULL, done;
    struct world_result result = {.latency_us = 10000};

    for (int i = 0; i < FAKE_REQUESTS_MAX; i++) {
        struct fake_request *request = &fake.request[i];

        if (request->id != 0 && request->due_ms <= until_ms &&
            (next == NULL || request->due_ms < next->due_ms ||
             (request->due_ms == next->due_ms && request->id < next->id))) {
            next = request;
        }
    }
    if (next == NULL) {
        return false;
    }
    done = *next;
    next->id = 0;
    fake.now_ms = done.due_ms;
    if (fake_group != NULL) {
        fake_group->now_ms = fake.now_ms;
    }
    result.outcome = done.outcome;
    result.shadowed = done.shadowed;
    result.code = done.code;
    result.detail = done.detail;
    result.out = done.out;
    result.out_len = strlen(done.out);
    result.err = "";
    done.done(done.arg, done.id, &result);
    return true;
}

void fake_until(int64_t ms)
{
    while (step(ms)) {
    }
    fake.now_ms = ms;
    if (fake_group != NULL) {
        fake_group->now_ms = ms;
    }
}

void fake_idle(void)
{
    for (int i = 0; i < 200000; i++) {
        if (!step(INT64_MAX - 1)) {
            return;
        }
    }
    ck_abort_msg("the world never comes to rest");
}

/* ---- Policy and group --------------------------------------------------------------------------
 */

static enum baton_err read_module(
    void *arg, const char *name, char **text, size_t *len, char *file, size_t file_size,
    struct baton_error *error)
{
    static const char endless[] = "local x = 1\nwhile true do x = x + 1 end\n";
    static const char again[] = "return require 'again'\n";
    const char *built = strcmp(name, "endless") == 0 ? endless
                        : strcmp(name, "again") == 0 ? again
                                                     : NULL;
    char path[512];
    FILE *f;

    (void)arg;
    snprintf(file, file_size, "lua/%s.lua", name);
    if (built != NULL) {
        *text = strdup(built);
        *len = strlen(built);
        return BATON_OK;
    }
    snprintf(path, sizeof path, SOURCE_DIR "/lua/%s.lua", name);
    f = fopen(path, "rb");
    if (f == NULL) {
        return baton_fail(error, BATON_NOT_FOUND, "there is no %s", file);
    }
    *text = malloc(1 << 16);
    *len = fread(*text, 1, 1 << 16, f);
    fclose(f);
    return BATON_OK;
}

void fake_start(void)
{
    memset(&fake, 0, sizeof fake);
    memset(&fake_error, 0, sizeof fake_error);
    fake.world.ops = &ops;
    fake.now_ms = 1000;
}

void fake_stop(void)
{
    fake_checks = false;
    policy_free(fake_policy);
    group_free(fake_group);
    fake_policy = NULL;
    fake_group = NULL;
    ck_assert_int_eq(fake_running(), 0);
}

enum baton_err fake_try(const char *text, size_t len, size_t memory_max, int instructions_max)
{
    struct policy_source source = {
        .file = "test.lua", .text = text, .len = len, .read = read_module, .checks = fake_checks};
    struct policy_limits limits = {.memory_max = memory_max, .instructions_max = instructions_max};

    return policy_new(&source, &site, &limits, &fake.world, &fake_policy, &fake_error);
}

void fake_load(const char *text)
{
    struct group_setup setup = {.name = "mail", .n_nodes = 2, .now_ms = fake.now_ms};

    ck_assert_msg(fake_try(text, strlen(text), 0, 0) == BATON_OK, "%s", fake_error.text);
    snprintf(setup.node[0].name, sizeof setup.node[0].name, "server01");
    snprintf(setup.node[1].name, sizeof setup.node[1].name, "server02");
    setup.node[0].priority = 1;
    setup.node[1].priority = 2;
    setup.rules = &policy_table(fake_policy)->rules;
    setup.memory.holder = GROUP_NOBODY;
    ck_assert_msg(group_new(&setup, &fake_group, &fake_error) == BATON_OK, "%s", fake_error.text);
    policy_bind(fake_policy, fake_group);
}

const char *fake_with(const char *keys)
{
    static char text[8192];

    snprintf(
        text, sizeof text,
        "local nothing = action { run = function() end }\n"
        "return policy { serving = function() return true end, stop = { nothing },\n"
        "%s%s }\n",
        strstr(keys, "start =") == NULL ? "start = { nothing },\n" : "\n", keys);
    return text;
}

void fake_probe(int node, int probe, enum group_outcome status, int run, const char *detail)
{
    struct group_health *health = &fake_group->node[node].health[probe];

    health->status = health->last = status;
    health->run = run;
    snprintf(health->detail, sizeof health->detail, "%s", detail);
}

void fake_done(void *arg, const struct policy_result *result)
{
    struct fake_end *end = arg;

    end->count++;
    end->result = *result;
    end->at_ms = fake.now_ms;
    snprintf(end->detail, sizeof end->detail, "%s", result->detail);
    end->result.detail = end->detail;
}

struct fake_end fake_task(enum policy_entry entry, int index, int node, int64_t span_ms)
{
    static struct fake_end end;

    memset(&end, 0, sizeof end);
    ck_assert_msg(
        policy_run(
            fake_policy, entry, index, node, fake.now_ms + span_ms, fake_done, &end, &fake_error) !=
            NULL,
        "%s", fake_error.text);
    ck_assert_int_eq(end.count, 0); /* never from within policy_run */
    fake_idle();
    ck_assert_int_eq(end.count, 1);
    ck_assert_int_eq(policy_usage(fake_policy).tasks, 0);
    return end;
}
