#include "daemon/check.h"

#include "config/config.h"
#include "daemon/loader.h"
#include "daemon/rehearse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define CHECK_TIME_MIN_MS 500

struct check {
    const struct config *config;
    const struct config_group *group;
    bool for_reload, terminal;
    int n_enabled;
    uint64_t digest; /* of all that are enabled, in whatever order */
};

/* One more line. */
static void add_line(struct baton_error *all, const struct baton_error *one)
{
    size_t used = strlen(all->text);

    all->code = one->code;
    snprintf(all->text + used, sizeof all->text - used, "%s%s", used > 0 ? "\n" : "", one->text);
}

static void clear_progress(const struct check *check)
{
    if (check->terminal) {
        fputs("\r\033[K", stderr);
    }
}

static void on_found(void *arg, const char *file, int line, const char *text)
{
    clear_progress(arg);
    fprintf(stderr, "%s:%d: warning: %s\n", file, line, text);
}

static void on_progress(void *arg, const struct explore_progress *progress)
{
    const struct check *check = arg;

    clear_progress(check);
    fprintf(
        stderr, "%s: %lld runs, %.0f a second", check->group->name, (long long)progress->runs,
        progress->runs_a_second);
}

/* All that does not even load is said at once, before anything is explored. */
static enum baton_err load_all(const struct config *config, struct baton_error *error)
{
    struct baton_error one;
    int i;

    for (i = 0; i < config->n_groups; i++) {
        struct policy *policy = NULL;
        struct policy_site site;

        if (loader_group(config, &config->group[i], loader_world(), &site, &policy, &one) !=
            BATON_OK) {
            add_line(error, &one);
        }
        policy_free(policy);
    }
    return error->code;
}

static enum baton_err check_group(struct check *check, struct baton_error *error)
{
    const struct config_group *group = check->group;
    struct policy_limits limits = {group->memory_max, group->instructions_max};
    struct policy_site site = {0};
    int64_t share_ms = CHECK_TIME_ALL_MS / check->n_enabled;
    struct rehearsal_setup setup = {
        .file = group->policy_file,
        .lua_directory = check->config->lua_directory,
        .limits = &limits,
        .site = &site,
        .time_ms = share_ms < CHECK_TIME_MS ? share_ms : CHECK_TIME_MS,
        .jobs = check->for_reload ? 1 : 0,
        .found = on_found,
        .progress = check->terminal ? on_progress : NULL,
        .arg = check,
    };
    struct rehearsal rehearsal;
    char text[256];
    enum baton_err err;

    if (setup.time_ms < CHECK_TIME_MIN_MS) {
        setup.time_ms = CHECK_TIME_MIN_MS;
    }
    config_site(check->config, group, &site);
    err = rehearse(&setup, &rehearsal, error);
    clear_progress(check);
    if (err == BATON_OK) {
        check->digest += rehearsal_digest(rehearsal.policy, &site);
        rehearsal_say(&rehearsal, text, sizeof text);
        if (!check->for_reload) {
            printf("%s: %s\n", group->name, text);
            fflush(stdout); /* the next one forks */
        }
        err = rehearsal_verdict(&rehearsal, error);
    }
    if (err != BATON_OK && rehearsal.explored) {
        size_t used = strlen(error->text);

        snprintf(
            error->text + used, sizeof error->text - used,
            " (to see it: baton policy check %s --config %s --group %s --out FILE)",
            group->policy_file, check->config->file, group->name);
    }
    rehearsal_fini(&rehearsal);
    return err;
}

/* A daemon that reloads asks of its own groups only. */
static bool is_wanted(const struct check *check, const struct config_group *group)
{
    return check->for_reload ? config_is_ours(check->config, group) : group->enabled;
}

enum baton_err check_run(
    const char *file, const char *node, bool for_reload, struct baton_error *error)
{
    struct check check = {.for_reload = for_reload};
    struct config *config = NULL;
    struct baton_error one;
    enum baton_err err = config_load_as(file, node, &config, error);
    int i;

    if (err != BATON_OK) {
        return err;
    }
    if (for_reload) {
        setpriority(PRIO_PROCESS, 0, 19);
    }
    check.config = config;
    check.terminal = !for_reload && isatty(STDERR_FILENO);
    for (i = 0; i < config->n_groups; i++) {
        check.n_enabled += is_wanted(&check, &config->group[i]);
    }
    *error = (struct baton_error){0};
    err = load_all(config, error);
    for (i = 0; err == BATON_OK && i < config->n_groups; i++) {
        check.group = &config->group[i];
        if (is_wanted(&check, check.group) && check_group(&check, &one) != BATON_OK) {
            add_line(error, &one);
        }
    }
    if (for_reload) {
        printf(CHECK_DIGEST "%016llx\n", (unsigned long long)check.digest);
    }
    config_free(config);
    return error->code;
}
