/* Another configuration for the same groups and nodes, without losing their state. */
#include "daemon/loader.h"
#include "daemon/parts.h"
#include "daemon/rehearse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a group gets; both NULL once it has got it. */
struct fresh {
    struct policy *policy;
    struct policy_site *site;
};

static const struct config_group *find_group(const struct config *config, const char *name)
{
    int i;

    for (i = 0; i < config->n_groups; i++) {
        if (config_is_ours(config, &config->group[i]) && strcmp(config->group[i].name, name) == 0) {
            return &config->group[i];
        }
    }
    return NULL;
}

static enum baton_err check_plans(const struct group *group, struct baton_error *error)
{
    int i;

    for (i = 0; i < GROUP_PLANS; i++) {
        if (group->plan[i].kind != GROUP_PLAN_NONE) {
            return baton_fail(
                error, BATON_REFUSED, "group %s: a %s is under way; reload when it is over",
                group->name, group_plan_name(group->plan[i].kind));
        }
    }
    return BATON_OK;
}

enum baton_err reload_may(const struct daemon *daemon, struct baton_error *error)
{
    enum baton_err err = BATON_OK;
    int i;

    for (i = 0; i < daemon->n_groups && err == BATON_OK; i++) {
        err = check_plans(controller_group(daemon->controller[i]), error);
    }
    return err;
}

/* The group must have the same nodes in the same order, and nothing under way. */
static enum baton_err check_group(
    const struct config *config, const struct group *group, struct baton_error *error)
{
    const struct config_group *wanted = find_group(config, group->name);
    int i;

    if (wanted == NULL) {
        return baton_fail(
            error, BATON_REFUSED, "%s: group %s is gone; that takes a restart", config->file,
            group->name);
    }
    for (i = 0; i < group->n_nodes && i < wanted->n_nodes; i++) {
        if (strcmp(group->node[i].name, wanted->node[i].name) != 0 ||
            group->node[i].priority != wanted->node[i].priority) {
            break;
        }
    }
    if (i != group->n_nodes || i != wanted->n_nodes) {
        return baton_fail(
            error, BATON_REFUSED,
            "%s:%d: the nodes of group %s, or their order, are others; that takes a restart",
            config->file, wanted->line, group->name);
    }
    return check_plans(group, error);
}

static enum baton_err check_all(
    const struct daemon *daemon, const struct config *config, struct baton_error *error)
{
    const struct config *old = daemon->config->config;
    enum baton_err err = BATON_OK;
    int i;

    if (strcmp(old->state_directory, config->state_directory) != 0 ||
        strcmp(old->control_socket, config->control_socket) != 0) {
        return baton_fail(
            error, BATON_REFUSED, "%s: another state directory or control socket takes a restart",
            config->file);
    }
    if (!batons_same(old->peers, config->peers)) {
        return baton_fail(
            error, BATON_REFUSED,
            "%s:%d: <peers> is another one (store, lease, guardian, failsafe or which node this "
            "is); "
            "that takes a restart: of one node after the other, each within its lease",
            config->file, config->peers != NULL ? config->peers->line : 1);
    }
    for (i = 0; i < config->n_groups; i++) {
        int j;

        for (j = 0; j < daemon->n_groups; j++) {
            if (strcmp(controller_group(daemon->controller[j])->name, config->group[i].name) == 0) {
                break;
            }
        }
        if (j == daemon->n_groups && config_is_ours(config, &config->group[i])) {
            return baton_fail(
                error, BATON_REFUSED, "%s:%d: group %s is new; that takes a restart", config->file,
                config->group[i].line, config->group[i].name);
        }
    }
    for (i = 0; i < daemon->n_groups && err == BATON_OK; i++) {
        err = check_group(config, controller_group(daemon->controller[i]), error);
    }
    return err;
}

static enum baton_err load_policies(
    struct daemon *daemon, const struct config *config, struct fresh *fresh,
    struct baton_error *error)
{
    enum baton_err err = BATON_OK;
    int i;

    for (i = 0; i < daemon->n_groups && err == BATON_OK; i++) {
        const char *name = controller_group(daemon->controller[i])->name;

        fresh[i].site = calloc(1, sizeof *fresh[i].site);
        if (fresh[i].site == NULL) {
            return baton_fail(error, BATON_NOMEM, "group %s: no memory to reload", name);
        }
        err = loader_group(
            config, find_group(config, name), daemon->world, fresh[i].site, &fresh[i].policy,
            error);
    }
    return err;
}

/* Are these what was checked? An editor may have written in between. */
static enum baton_err check_digest(
    const struct daemon *daemon, const struct fresh *fresh, uint64_t digest,
    struct baton_error *error)
{
    uint64_t sum = 0;
    int i;

    for (i = 0; i < daemon->n_groups; i++) {
        sum += rehearsal_digest(fresh[i].policy, fresh[i].site);
    }
    if (sum != digest) {
        return baton_fail(
            error, BATON_REFUSED,
            "%s: the configuration or a policy has changed while it was checked; reload again",
            daemon->config->config->file);
    }
    return BATON_OK;
}

/* The new policies, one group after the other. What could refuse was asked before. */
static enum baton_err take_policies(
    struct daemon *daemon, struct daemon_config *config, struct fresh *fresh,
    struct baton_error *error)
{
    int i;

    for (i = 0; i < daemon->n_groups; i++) {
        struct daemon_group *group = &daemon->group[i];
        enum baton_err err = controller_reload(group->controller, fresh[i].policy, error);

        /* On an error too the controller may have taken it; then it is the owner. */
        if (controller_policy(group->controller) == fresh[i].policy) {
            free(group->site);
            group->site = fresh[i].site;
            fresh[i] = (struct fresh){NULL, NULL};
            daemon_config_drop(group->config);
            group->config = daemon_config_use(config);
            controller_ready_every(
                group->controller,
                find_group(config->config, controller_group(group->controller)->name)
                    ->ready_every_ms);
        }
        if (err != BATON_OK) {
            return err;
        }
    }
    return BATON_OK;
}

enum baton_err reload_take(struct daemon *daemon, uint64_t digest, struct baton_error *error)
{
    struct fresh *fresh = calloc((size_t)daemon->n_groups + 1, sizeof *fresh);
    struct daemon_config *config = NULL;
    enum baton_err err;
    int i;

    if (fresh == NULL) {
        return baton_fail(error, BATON_NOMEM, "no memory to reload");
    }
    err = daemon_config_load(&daemon->setup, &config, error);
    if (err == BATON_OK) {
        err = check_all(daemon, config->config, error);
    }
    if (err == BATON_OK) {
        err = load_policies(daemon, config->config, fresh, error);
    }
    if (err == BATON_OK) {
        err = check_digest(daemon, fresh, digest, error);
    }
    if (err == BATON_OK) {
        err = take_policies(daemon, config, fresh, error);
    }
    if (err == BATON_OK) {
        live_set_config(daemon->live, config->config);
        daemon_config_drop(daemon->config);
        daemon->config = daemon_config_use(config);
    }
    for (i = 0; i < daemon->n_groups; i++) {
        policy_free(fresh[i].policy);
        free(fresh[i].site);
    }
    free(fresh);
    daemon_config_drop(config);
    return err;
}
