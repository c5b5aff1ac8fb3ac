#include "live_fixture.h"

#include "world/live/hooks.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct fixture f;
static struct answer a;

static void up(void)
{
    umask(022);
    fixture_up(&f);
}

static void down(void)
{
    answer_fini(&a);
    fixture_down(&f);
}

static void folder(const char *event)
{
    char path[192];

    snprintf(path, sizeof path, "%s/%s.d", f.hooks, event);
    ck_assert_int_eq(mkdir(path, 0755), 0);
}

/* A hook that runs `script` in the fixture's folder. */
static void hook(const char *event, const char *name, const char *script)
{
    char path[128], text[1024];

    snprintf(path, sizeof path, "hooks/%s.d/%s", event, name);
    snprintf(text, sizeof text, "#!/bin/sh\ncd %s\n%s\n", f.dir, script);
    fixture_file(&f, path, 0755, text);
}

static void ring_within(const char *event, int64_t timeout_ms)
{
    const struct world_pair facts[] = {
        {"EVENT", event}, {"GROUP", "mail"}, {"NODE", "server02"}, {"WHY", "two\nlines \"x\""}};
    struct world_request request = {.kind = WORLD_HOOK, .timeout_ms = timeout_ms};

    request.u.hook.event = event;
    request.u.hook.wall_ms = 1767225661500;
    request.u.hook.fact = facts;
    request.u.hook.n_facts = 4;
    fixture_ask(&f, &request, &a);
}

static void ring(const char *event)
{
    ring_within(event, 20000);
}

START_TEST(programs_run_in_the_order_of_their_names)
{
    folder("hold");
    hook("hold", "20-b", "echo b >>order");
    hook("hold", "10-a", "sleep 0.1; echo a >>order");
    hook("hold", "9-z", "echo z >>order");
    ring("hold");
    ck_assert_int_eq(a.outcome, WORLD_OK);
    ck_assert_str_eq(a.detail, "3 hooks of hold ran");
    ck_assert_str_eq(fixture_text(&f, "order"), "a\nb\nz\n");
}
END_TEST

START_TEST(facts_are_in_the_environment)
{
    folder("hold");
    hook("hold", "10-a", "env | grep ^BATON_ | sort; printf '%s' \"$BATON_WHY\" >why");
    ring("hold");
    ck_assert_ptr_nonnull(
        strstr(a.out, "BATON_EVENT=hold\nBATON_GROUP=mail\nBATON_NODE=server02\n"));
    ck_assert_ptr_nonnull(strstr(a.out, "BATON_TIME=2026-01-01T00:01:01Z\n"));
    ck_assert_str_eq(fixture_text(&f, "why"), "two\nlines \"x\"");
}
END_TEST

START_TEST(facts_are_json_on_standard_input)
{
    json_t *facts;

    folder("hold");
    hook("hold", "10-a", "cat");
    hook("hold", "20-b", "cat >again");
    ring("hold");
    facts = json_loads(a.out, 0, NULL);
    ck_assert_ptr_nonnull(facts);
    ck_assert_str_eq(json_string_value(json_object_get(facts, "event")), "hold");
    ck_assert_str_eq(json_string_value(json_object_get(facts, "group")), "mail");
    ck_assert_str_eq(json_string_value(json_object_get(facts, "time")), "2026-01-01T00:01:01Z");
    ck_assert_str_eq(json_string_value(json_object_get(facts, "why")), "two\nlines \"x\"");
    json_decref(facts);
    ck_assert_str_eq(fixture_text(&f, "again"), a.out);
}
END_TEST

START_TEST(json_of_the_caller_is_passed_as_it_is)
{
    struct world_request request = {.kind = WORLD_HOOK, .timeout_ms = 20000};

    folder("hold");
    hook("hold", "10-a", "cat");
    request.u.hook.event = "hold";
    request.u.hook.json = "{\"a\": 1}";
    fixture_ask(&f, &request, &a);
    ck_assert_str_eq(a.out, "{\"a\": 1}");
}
END_TEST

START_TEST(a_veto_stops_what_comes_after_it)
{
    folder("before-move");
    hook("before-move", "10-yes", "exit 0");
    hook("before-move", "20-no", "echo 'backup is running' >&2; exit 7");
    hook("before-move", "30-after", "touch after");
    ring("before-move");
    ck_assert_int_eq(a.outcome, WORLD_FAIL);
    ck_assert_int_eq(a.code, 7);
    ck_assert_str_eq(a.detail, "20-no: exit 7: backup is running");
    ck_assert(!fixture_has(&f, "after"));
}
END_TEST

START_TEST(a_notice_reaches_all_even_where_one_fails)
{
    folder("failover");
    hook("failover", "10-mail", "exit 1");
    hook("failover", "20-web", "touch web");
    ring("failover");
    ck_assert_int_eq(a.outcome, WORLD_FAIL);
    ck_assert_str_eq(a.detail, "10-mail: exit 1");
    ck_assert(fixture_has(&f, "web"));
}
END_TEST

START_TEST(one_that_hangs_is_killed_and_leaves_time_for_the_others)
{
    folder("failover");
    hook("failover", "10-hangs", "trap '' TERM; while :; do sleep 600; done");
    hook("failover", "20-web", "touch web");
    ring_within("failover", 8000);
    ck_assert_int_eq(a.outcome, WORLD_OK);
    ck_assert_ptr_nonnull(strstr(a.detail, "10-hangs: no end within "));
    ck_assert_ptr_nonnull(strstr(a.detail, " s, killed"));
    ck_assert_ptr_null(strstr(a.detail, "20-web"));
    ck_assert(fixture_has(&f, "web"));
}
END_TEST

START_TEST(where_all_hang_it_is_unknown)
{
    folder("before-move");
    hook("before-move", "10-hangs", "sleep 600");
    ring_within("before-move", 1000);
    ck_assert_int_eq(a.outcome, WORLD_UNKNOWN);
    ck_assert_ptr_nonnull(strstr(a.detail, "10-hangs: no end within"));
}
END_TEST

START_TEST(a_flood_of_output_is_cut)
{
    folder("hold");
    hook("hold", "10-flood", "head -c 5000000 /dev/zero | tr '\\0' x; yes >&2 | head -c 1");
    ring_within("hold", 2000);
    ck_assert_uint_le(a.out_len, HOOKS_OUTPUT_MAX);
    ck_assert_uint_ge(a.out_len, HOOKS_OUTPUT_MAX - 1);
    ck_assert(a.cut);
    ck_assert_int_eq(a.outcome, WORLD_UNKNOWN);
}
END_TEST

static bool is_gone(void *arg)
{
    return process_is_gone(*(const long *)arg);
}

START_TEST(what_a_hook_leaves_behind_is_killed)
{
    long pid;

    folder("hold");
    hook("hold", "10-forks", "sleep 600 & echo $!");
    ring("hold");
    ck_assert_int_eq(a.outcome, WORLD_OK);
    pid = strtol(a.out, NULL, 10);
    ck_assert_int_gt(pid, 1);
    fixture_until(&f, is_gone, &pid);
}
END_TEST

START_TEST(death_by_a_signal_says_nothing)
{
    folder("before-move");
    hook("before-move", "10-dies", "kill -KILL $$");
    ring("before-move");
    ck_assert_int_eq(a.outcome, WORLD_UNKNOWN);
    ck_assert_str_eq(a.detail, "10-dies: killed by signal 9 (Killed)");
}
END_TEST

START_TEST(a_hook_whose_interpreter_is_missing_is_no_veto)
{
    folder("before-move");
    fixture_file(&f, "hooks/before-move.d/10-x", 0755, "#!/no/such/interpreter\n");
    ring("before-move");
    ck_assert_int_eq(a.outcome, WORLD_UNKNOWN);
    ck_assert_int_eq(strncmp(a.detail, "10-x: exit 12", 13), 0);
}
END_TEST

START_TEST(backups_and_files_that_are_not_programs_are_left_alone)
{
    folder("hold");
    hook("hold", "10-a", "touch ran-a");
    hook("hold", "10-a~", "touch ran");
    hook("hold", "10-a.bak", "touch ran");
    hook("hold", "10-a.dpkg-old", "touch ran");
    hook("hold", ".10-a.swp", "touch ran");
    fixture_file(&f, "hooks/hold.d/README", 0644, "touch ran\n");
    folder("hold.d/sub");
    ring("hold");
    ck_assert_int_eq(a.outcome, WORLD_OK);
    ck_assert_str_eq(a.detail, "1 hooks of hold ran");
    ck_assert(fixture_has(&f, "ran-a"));
    ck_assert(!fixture_has(&f, "ran"));
}
END_TEST

START_TEST(a_hook_that_others_may_write_is_refused)
{
    char path[192];

    folder("hold");
    hook("hold", "10-open", "touch ran");
    snprintf(path, sizeof path, "%s/hold.d/10-open", f.hooks);
    ck_assert_int_eq(chmod(path, 0757), 0);
    ring("hold");
    ck_assert_int_eq(a.outcome, WORLD_UNKNOWN);
    ck_assert_str_eq(a.detail, "10-open: refused: others may write it; chmod go-w");
    ck_assert(!fixture_has(&f, "ran"));
}
END_TEST

START_TEST(a_folder_that_others_may_write_is_refused_whole)
{
    char path[192];

    folder("hold");
    hook("hold", "10-a", "touch ran");
    snprintf(path, sizeof path, "%s/hold.d", f.hooks);
    ck_assert_int_eq(chmod(path, 0777), 0);
    ring("hold");
    ck_assert_int_eq(a.outcome, WORLD_UNKNOWN);
    ck_assert(!fixture_has(&f, "ran"));
}
END_TEST

START_TEST(no_hooks_are_fine_for_notices_and_before_a_move)
{
    ring("before-move");
    ck_assert_int_eq(a.outcome, WORLD_OK);
    ring("rogue");
    ck_assert_int_eq(a.outcome, WORLD_OK);
}
END_TEST

START_TEST(a_fence_without_hooks_is_no_success)
{
    ring("fence");
    ck_assert_int_eq(a.outcome, WORLD_UNKNOWN);
    ck_assert_ptr_nonnull(strstr(a.detail, "fence.d: there is no hook to run"));
    folder("fence");
    ring("fence");
    ck_assert_int_eq(a.outcome, WORLD_UNKNOWN);
    hook("fence", "10-power", "kill -KILL $$");
    hook("fence", "20-tell", "exit 0");
    ring("fence");
    ck_assert_int_eq(a.outcome, WORLD_UNKNOWN);
    hook("fence", "10-power", "exit 0");
    ring("fence");
    ck_assert_int_eq(a.outcome, WORLD_OK);
}
END_TEST

START_TEST(the_configured_deadline_is_for_notices_the_policy_has_its_own)
{
    folder("hold");
    folder("fence");
    hook("hold", "10-slow", "sleep 1; exit 0");
    hook("fence", "10-slow", "sleep 1; exit 0");
    f.config.hooks_deadline_ms = 200;
    ring("hold");
    ck_assert_int_eq(a.outcome, WORLD_UNKNOWN);
    ring("fence");
    ck_assert_int_eq(a.outcome, WORLD_OK);
}
END_TEST

START_TEST(an_event_is_a_name_and_no_path)
{
    ring("../etc");
    ck_assert_int_eq(a.outcome, WORLD_UNKNOWN);
    ring("");
    ck_assert_int_eq(a.outcome, WORLD_UNKNOWN);
    ring("..");
    ck_assert_int_eq(a.outcome, WORLD_UNKNOWN);
}
END_TEST

static bool has_pid(void *arg)
{
    (void)arg;
    return fixture_has(&f, "pid");
}

START_TEST(a_cancel_ends_the_run)
{
    struct world_request request = {.kind = WORLD_HOOK, .timeout_ms = 600000};
    uint64_t id;
    long pid;

    folder("hold");
    hook("hold", "10-a", "echo $$ >pid.new; mv pid.new pid; sleep 600");
    hook("hold", "20-b", "touch ran");
    request.u.hook.event = "hold";
    id = world_start(f.world, &request, answer_keep, &a);
    fixture_until(&f, has_pid, NULL);
    pid = strtol(fixture_text(&f, "pid"), NULL, 10);
    world_cancel(f.world, id);
    fixture_until(&f, is_gone, &pid);
    ck_assert_int_eq(a.count, 0);
    ck_assert(!fixture_has(&f, "ran"));
}
END_TEST

START_TEST(hooks_run_as_the_configured_user)
{
    struct config other = f.config;

    if (geteuid() != 0) {
        puts("skipped: only root can run hooks as another user");
        return;
    }
    ck_assert_int_eq(chmod(f.dir, 0755), 0);
    folder("hold");
    hook("hold", "10-who", "id -un; echo $HOME $USER; id -G");
    other.hooks_user = (char[]){"nobody"};
    live_set_config(f.world, &other);
    ring("hold");
    ck_assert_msg(a.outcome == WORLD_OK, "%s", a.detail);
    ck_assert_str_eq(a.out, "nobody\n/nonexistent nobody\n65534\n");
    live_set_config(f.world, &f.config);
}
END_TEST

START_TEST(a_user_that_does_not_exist_is_said)
{
    struct config other = f.config;
    struct hooks_user user;
    struct baton_error error;

    ck_assert_int_eq(hooks_user_find("no-such-user", &user, &error), BATON_INVALID);
    ck_assert_ptr_nonnull(strstr(error.text, "there is no user no-such-user to run hooks"));
    folder("before-move");
    hook("before-move", "10-a", "touch ran");
    other.log_level = WORLD_ALERT + 1;
    other.hooks_user = (char[]){"no-such-user"};
    live_set_config(f.world, &other);
    ring("before-move");
    ck_assert_int_eq(a.outcome, WORLD_UNKNOWN);
    ck_assert_str_eq(a.detail, "there is no user no-such-user to run hooks");
    ck_assert(!fixture_has(&f, "ran"));
    live_set_config(f.world, &f.config);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("hooks");
    TCase *c = tcase_create("hooks");

    tcase_add_checked_fixture(c, up, down);
    tcase_set_timeout(c, 60);
    tcase_add_test(c, programs_run_in_the_order_of_their_names);
    tcase_add_test(c, facts_are_in_the_environment);
    tcase_add_test(c, facts_are_json_on_standard_input);
    tcase_add_test(c, json_of_the_caller_is_passed_as_it_is);
    tcase_add_test(c, a_veto_stops_what_comes_after_it);
    tcase_add_test(c, a_notice_reaches_all_even_where_one_fails);
    tcase_add_test(c, one_that_hangs_is_killed_and_leaves_time_for_the_others);
    tcase_add_test(c, where_all_hang_it_is_unknown);
    tcase_add_test(c, a_flood_of_output_is_cut);
    tcase_add_test(c, what_a_hook_leaves_behind_is_killed);
    tcase_add_test(c, death_by_a_signal_says_nothing);
    tcase_add_test(c, a_hook_whose_interpreter_is_missing_is_no_veto);
    tcase_add_test(c, backups_and_files_that_are_not_programs_are_left_alone);
    tcase_add_test(c, a_hook_that_others_may_write_is_refused);
    tcase_add_test(c, a_folder_that_others_may_write_is_refused_whole);
    tcase_add_test(c, no_hooks_are_fine_for_notices_and_before_a_move);
    tcase_add_test(c, a_fence_without_hooks_is_no_success);
    tcase_add_test(c, the_configured_deadline_is_for_notices_the_policy_has_its_own);
    tcase_add_test(c, an_event_is_a_name_and_no_path);
    tcase_add_test(c, a_cancel_ends_the_run);
    tcase_add_test(c, hooks_run_as_the_configured_user);
    tcase_add_test(c, a_user_that_does_not_exist_is_said);
    suite_add_tcase(s, c);
    return s;
}

int main(void)
{
    SRunner *runner = srunner_create(suite());
    int failed;

    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
