/* baton policy check: load a policy as the daemon would, say what is in it, what is odd about
 * it, and what a short exploration found. */
#include "baton.h"
#include "site.h"

#include "daemon/loader.h"
#include "daemon/rehearse.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Where it would run ---------------------------------------------------------------- */

static const struct config_group *find_group(const struct args *args, const struct config *config)
{
    char file[4096], other[4096];
    int i;

    for (i = 0; i < config->n_groups; i++) {
        const struct config_group *group = &config->group[i];

        if (args->group != NULL) {
            if (strcmp(group->name, args->group) == 0) {
                return group;
            }
        } else if (
            realpath(group->policy_file, file) != NULL && realpath(args->word[0], other) != NULL &&
            strcmp(file, other) == 0) {
            return group;
        }
    }
    return args->group == NULL && config->n_groups > 0 ? &config->group[0] : NULL;
}

static bool takes_address(const struct policy *policy)
{
    int i;

    for (i = 0; i < policy_table(policy)->rules.list[GROUP_LIST_START].count; i++) {
        const char *effect = policy_effect(policy, POLICY_START, i);

        if (effect == NULL || strncmp(effect, "address.", strlen("address.")) == 0) {
            return true;
        }
    }
    return false;
}

/* The example has all that a policy may use. One that takes no floating address along is meant
 * for a group without one. */
static void narrow_example(const struct args *args, const char *lua, struct policy_site *site)
{
    struct policy_site narrow = *site;
    struct loader_want want = {
        .file = args->word[0], .lua_directory = lua, .site = site, .world = loader_world()};
    struct policy *policy = NULL;

    if (loader_policy(&want, &policy, NULL) != BATON_OK || takes_address(policy)) {
        policy_free(policy);
        return;
    }
    policy_free(policy);
    narrow.floating = narrow.interface = NULL;
    want.site = &narrow;
    if (loader_policy(&want, &policy, NULL) == BATON_OK) {
        policy_free(policy);
        *site = narrow;
    }
}

/* ---- What is in it --------------------------------------------------------------------- */

static json_t *action_json(const struct group_action_rules *action)
{
    return json_pack(
        "{s:s,s:I,s:i,s:I,s:b}", "name", action->name, "deadline_ms",
        (json_int_t)action->deadline_ms, "attempts", action->attempts, "retry_ms",
        (json_int_t)action->retry_ms, "undo", action->has_undo);
}

static json_t *policy_json(const struct policy *policy)
{
    static const char *const lists[GROUP_LISTS] = {"stop", "start", "fence", "verify"};
    const struct policy_table *table = policy_table(policy);
    json_t *object = json_pack("{s:b,s:s}", "ok", 1, "file", policy_file(policy));
    json_t *array = json_array();
    int i, j;

    for (i = 0; i < table->rules.n_probes; i++) {
        const struct group_probe_rules *probe = &table->rules.probe[i];

        json_array_append_new(
            array,
            json_pack(
                "{s:s,s:I,s:I,s:i,s:i}", "name", probe->name, "every_ms",
                (json_int_t)table->probe[i].every_ms, "timeout_ms",
                (json_int_t)table->probe[i].timeout_ms, "rise", probe->rise, "fall", probe->fall));
    }
    json_object_set_new(object, "probes", array);
    array = json_array();
    for (i = 0; i < table->n_transitions; i++) {
        json_array_append_new(
            array, json_pack(
                       "{s:s,s:s,s:i}", "from", fsm_state_name(table->transition[i].from), "to",
                       fsm_state_name(table->transition[i].to), "line", table->transition[i].line));
    }
    json_object_set_new(object, "transitions", array);
    array = json_array();
    for (i = 0; i < table->rules.n_remedies; i++) {
        json_array_append_new(array, action_json(&table->rules.remedy[i].action));
    }
    json_object_set_new(object, "remedies", array);
    for (i = 0; i < GROUP_LISTS; i++) {
        array = json_array();
        for (j = 0; j < table->rules.list[i].count; j++) {
            json_array_append_new(array, action_json(&table->rules.list[i].action[j]));
        }
        json_object_set_new(object, lists[i], array);
    }
    json_object_set_new(
        object, "unconfirmed", json_string(table->rules.fence_unconfirmed ? "fence" : "hold"));
    json_object_set_new(object, "max_moves", json_integer(table->rules.max_moves));
    json_object_set_new(object, "window_ms", json_integer(table->rules.window_ms));
    return object;
}

static void print_actions(const json_t *object, const char *key)
{
    const json_t *array = json_object_get(object, key), *action;
    char age[64];
    size_t i;

    if (json_array_size(array) == 0) {
        return;
    }
    printf("  %s\n", key);
    json_array_foreach(array, i, action)
    {
        printf(
            "    %zu. %s, within %s", i + 1, text_at(action, "name"),
            print_age(int_at(action, "deadline_ms"), age, sizeof age));
        if (int_at(action, "attempts") > 1) {
            printf(
                ", up to %lld times, %s apart", (long long)int_at(action, "attempts"),
                print_age(int_at(action, "retry_ms"), age, sizeof age));
        }
        printf("%s\n", bool_at(action, "undo") ? ", can be undone" : "");
    }
}

static void print_policy(const json_t *object, const char *how)
{
    const json_t *item;
    char every[64], timeout[64];
    size_t i;

    printf("%s: %s\n  probes\n", text_at(object, "file"), how);
    json_array_foreach(json_object_get(object, "probes"), i, item)
    {
        printf(
            "    %s every %s, waits %s; fails after %lld in a row, well after %lld\n",
            text_at(item, "name"), print_age(int_at(item, "every_ms"), every, sizeof every),
            print_age(int_at(item, "timeout_ms"), timeout, sizeof timeout),
            (long long)int_at(item, "fall"), (long long)int_at(item, "rise"));
    }
    if (json_array_size(json_object_get(object, "transitions")) > 0) {
        printf("  transitions\n");
    }
    json_array_foreach(json_object_get(object, "transitions"), i, item)
    {
        printf(
            "    %s -> %s (line %lld)\n", text_at(item, "from"), text_at(item, "to"),
            (long long)int_at(item, "line"));
    }
    print_actions(object, "remedies");
    print_actions(object, "stop");
    print_actions(object, "start");
    print_actions(object, "verify");
    print_actions(object, "fence");
    printf(
        "  a node that can't be confirmed out: %s\n  at most %lld unplanned moves in %s\n",
        text_at(object, "unconfirmed"), (long long)int_at(object, "max_moves"),
        print_age(int_at(object, "window_ms"), every, sizeof every));
}

/* ---- What is odd, and what was found --------------------------------------------------- */

struct checking {
    const struct args *args;
    json_t *warnings;
    bool progress;
};

static void clear_progress(const struct checking *checking)
{
    if (checking->progress) {
        fputs("\r\033[K", stderr);
    }
}

static void on_found(void *arg, const char *file, int line, const char *text)
{
    struct checking *checking = arg;

    json_array_append_new(
        checking->warnings, json_pack("{s:s,s:i,s:s}", "file", file, "line", line, "text", text));
}

static void on_progress(void *arg, const struct explore_progress *progress)
{
    clear_progress(arg);
    fprintf(stderr, "%lld runs, %.0f a second", (long long)progress->runs, progress->runs_a_second);
}

static json_t *exploration_json(const struct rehearsal *rehearsal)
{
    const struct explore_result *result = &rehearsal->result;
    json_t *found = json_null();

    if (!rehearsal->explored) {
        return json_null();
    }
    if (result->failed) {
        found = json_pack(
            "{s:s,s:s,s:s*}", "kind", explore_failure_name(result->failure.kind), "text",
            result->failure.text, "scenario", result->failure.scenario);
    }
    return json_pack(
        "{s:i,s:I,s:I,s:b,s:o}", "faults", rehearsal->faults, "runs", (json_int_t)result->done.runs,
        "took_ms", (json_int_t)result->took_ms, "complete", result->complete, "found", found);
}

static void print_findings(
    const struct args *args, const json_t *warnings, const struct rehearsal *rehearsal)
{
    const json_t *warning;
    char text[256];
    size_t i;

    if (json_array_size(warnings) > 0) {
        printf("  warnings\n");
    }
    json_array_foreach(warnings, i, warning)
    {
        printf(
            "    %s:%lld: warning: %s\n", text_at(warning, "file"),
            (long long)int_at(warning, "line"), text_at(warning, "text"));
    }
    rehearsal_say(rehearsal, text, sizeof text);
    printf("  exploration\n    %s\n", text);
    if (!rehearsal->explored || !rehearsal->result.failed) {
        return;
    }
    printf("    found: %s\n", rehearsal->result.failure.text);
    if (args->out != NULL) {
        printf("    the scenario is in %s; play it with baton simulate\n", args->out);
    } else {
        printf("    the scenario that shows it is written by --out FILE\n");
    }
    fflush(stdout);
}

/* The scenario of what was found, to where it was asked for. */
static enum baton_err write_scenario(
    const struct args *args, const struct rehearsal *rehearsal, struct baton_error *error)
{
    const char *text = rehearsal->result.failure.scenario;

    if (args->out == NULL || text == NULL) {
        return BATON_OK;
    }
    if (!save_file(args->out, text, strlen(text))) {
        return baton_fail(error, BATON_IO, "%s: can't be written: %s", args->out, strerror(errno));
    }
    return BATON_OK;
}

/* ---- The command ------------------------------------------------------------------------ */

static const char *verdict_words(const struct rehearsal *rehearsal, char *text, size_t size)
{
    if (rehearsal->explored && rehearsal->result.failed) {
        return "loads, but fails when it is explored";
    }
    if (rehearsal->warnings == 0) {
        return "good";
    }
    snprintf(
        text, size, "good, with %d warning%s", rehearsal->warnings,
        rehearsal->warnings == 1 ? "" : "s");
    return text;
}

/* Print it. Returns the exit code. */
static int tell(
    const struct args *args, const struct checking *checking, const struct rehearsal *rehearsal)
{
    struct baton_error error = {0};
    enum baton_err err = rehearsal_verdict(rehearsal, &error);
    json_t *object = policy_json(rehearsal->policy);
    char words[64];

    if (err != BATON_OK && write_scenario(args, rehearsal, &error) != BATON_OK) {
        err = error.code;
    }
    if (err == BATON_OK && args->strict && rehearsal->warnings > 0) {
        err = baton_fail(
            &error, BATON_REFUSED, "%s: %d warning%s, and --strict is given",
            policy_file(rehearsal->policy), rehearsal->warnings,
            rehearsal->warnings == 1 ? "" : "s");
    }
    json_object_set(object, "warnings", checking->warnings);
    json_object_set_new(object, "exploration", exploration_json(rehearsal));
    if (args->json && err != BATON_OK) {
        json_object_set_new(object, "ok", json_false());
        json_object_set_new(
            object, "error",
            json_pack("{s:s,s:s}", "code", baton_err_name(err), "text", error.text));
    }
    if (args->json) {
        print_json(object);
    } else {
        print_policy(object, verdict_words(rehearsal, words, sizeof words));
        print_findings(args, checking->warnings, rehearsal);
    }
    json_decref(object);
    if (err != BATON_OK && !args->json) {
        return print_error(args, BATON_NO, baton_err_name(err), "%s", error.text);
    }
    return err == BATON_OK ? BATON_DONE : BATON_NO;
}

static int check(
    const struct args *args, const char *lua, const struct policy_limits *limits,
    const struct policy_site *site)
{
    struct checking checking = {
        .args = args,
        .warnings = json_array(),
        .progress = !args->json && isatty(STDERR_FILENO),
    };
    struct rehearsal_setup setup = {
        .file = args->word[0],
        .lua_directory = lua,
        .limits = limits,
        .site = site,
        .faults = (int)args->faults,
        .time_ms = args->time_s * 1000,
        .found = on_found,
        .progress = checking.progress ? on_progress : NULL,
        .arg = &checking,
    };
    struct baton_error error = {0};
    struct rehearsal rehearsal;
    enum baton_err err = rehearse(&setup, &rehearsal, &error);
    int code;

    clear_progress(&checking);
    code = err == BATON_OK
               ? tell(args, &checking, &rehearsal)
               : print_error(args, BATON_NO, baton_err_name(error.code), "%s", error.text);
    rehearsal_fini(&rehearsal);
    json_decref(checking.warnings);
    return code;
}

int command_policy_check(const struct args *args)
{
    struct policy_limits limits = {0};
    struct policy_site site;
    const struct config_group *group;
    struct config *config = NULL;
    struct baton_error error = {0};
    struct world_pair pair[ARGS_SETS_MAX * 2];
    const char *folder;
    char lua[4096];
    int code;

    if (args->config == NULL) {
        site_example(&site);
        site_add_sets(args, &site, pair, ARGS_SETS_MAX * 2);
        folder = site_find_lua(args, lua, sizeof lua);
        narrow_example(args, folder, &site);
        return check(args, folder, &limits, &site);
    }
    if (config_load(args->config, &config, &error) != BATON_OK) {
        return print_error(args, BATON_NO, baton_err_name(error.code), "%s", error.text);
    }
    group = find_group(args, config);
    if (group == NULL) {
        code = print_error(
            args, BATON_NO, "not-found", "%s has no group %s", args->config,
            args->group == NULL ? "at all" : args->group);
    } else {
        config_site(config, group, &site);
        site_add_sets(args, &site, pair, ARGS_SETS_MAX * 2);
        limits = (struct policy_limits){group->memory_max, group->instructions_max};
        code = check(args, args->lua != NULL ? args->lua : config->lua_directory, &limits, &site);
    }
    config_free(config);
    return code;
}
