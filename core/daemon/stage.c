/* A group put on stage. Files are read once, into memory of libc's: the pure parts' memory may
 * be taken back to an earlier moment, what was read must not go with it. */
#include "daemon/stage.h"
#include "daemon/loader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct stage_module {
    struct stage_module *next;
    char *name, *text;
    size_t len;
    char file[]; /* its name for messages */
};

/* ---- Reading ------------------------------------------------------------------------------ */

/* A copy for the policy host, which frees it. */
static enum baton_err give(
    const struct stage_module *module, char **text, size_t *len, char *file, size_t file_size,
    struct baton_error *error)
{
    *text = malloc(module->len + 1);
    if (*text == NULL) {
        return baton_fail(error, BATON_NOMEM, "%s: no memory to read it", module->file);
    }
    memcpy(*text, module->text, module->len + 1);
    *len = module->len;
    snprintf(file, file_size, "%s", module->file);
    return BATON_OK;
}

static enum baton_err read_module(
    void *arg, const char *name, char **text, size_t *len, char *file, size_t file_size,
    struct baton_error *error)
{
    struct stage *stage = arg;
    struct loader_want want = {.lua_directory = stage->lua_directory};
    struct stage_module *module;
    size_t room;
    enum baton_err err;

    for (module = stage->modules; module != NULL; module = module->next) {
        if (strcmp(module->name, name) == 0) {
            return give(module, text, len, file, file_size, error);
        }
    }
    err = loader_read_module(&want, name, text, len, file, file_size, error);
    if (err != BATON_OK) {
        return err;
    }
    room = strlen(file) + 1;
    module = calloc(1, sizeof *module + room);
    if (module == NULL || (module->name = strdup(name)) == NULL) {
        free(module);
        return BATON_OK; /* it is read again then */
    }
    memcpy(module->file, file, room);
    module->text = *text;
    module->len = *len;
    module->next = stage->modules;
    stage->modules = module;
    return give(module, text, len, file, file_size, error);
}

/* See run.h. */
static enum baton_err load(
    void *arg, struct world *world, const struct scenario *scenario, struct policy_site *site,
    struct policy **out, struct baton_error *error)
{
    struct stage *stage = arg;
    struct loader_want want = {
        .file = stage->policy_file, .site = site, .limits = stage->limits, .world = world};
    struct policy_source source = {
        .file = stage->policy_file,
        .text = stage->policy_text,
        .len = stage->policy_len,
        .read = read_module,
        .read_arg = stage,
    };

    (void)scenario;
    return loader_source(&want, &source, out, error);
}

void stage_setup(struct stage *stage, struct run_setup *setup)
{
    setup->group = stage->site.group;
    setup->site = &stage->site;
    setup->peers = stage->peers.times.ttl_ms > 0 ? &stage->peers : NULL;
    setup->load = load;
    setup->load_arg = stage;
}

/* ---- Life ----------------------------------------------------------------------------------- */

void stage_close(struct stage *stage)
{
    if (stage == NULL) {
        return;
    }
    while (stage->modules != NULL) {
        struct stage_module *module = stage->modules;

        stage->modules = module->next;
        free(module->name);
        free(module->text);
        free(module);
    }
    free(stage->policy_text);
    config_free(stage->config);
    free(stage);
}

static enum baton_err no_group(
    const struct config *config, const char *group, struct baton_error *error)
{
    char names[BATON_ERROR_TEXT_MAX / 2] = "none";
    size_t used = 0;
    int i;

    for (i = 0; i < config->n_groups && used < sizeof names; i++) {
        used += (size_t)snprintf(
            names + used, sizeof names - used, "%s%s", i > 0 ? ", " : "", config->group[i].name);
    }
    if (group == NULL) {
        return baton_fail(
            error, BATON_NOT_FOUND, "%s: no group is enabled; there are: %s", config->file, names);
    }
    return baton_fail(
        error, BATON_NOT_FOUND, "%s: there is no group %s; there are: %s", config->file, group,
        names);
}

static enum baton_err find_group(struct stage *stage, const char *group, struct baton_error *error)
{
    int i;

    for (i = 0; i < stage->config->n_groups; i++) {
        const struct config_group *one = &stage->config->group[i];

        if (group != NULL ? strcmp(one->name, group) == 0 : one->enabled) {
            stage->group = one;
            return BATON_OK;
        }
    }
    return no_group(stage->config, group, error);
}

static void see_peers(struct stage *stage)
{
    const struct config_peers *peers = stage->config->peers;

    if (peers != NULL) {
        stage->peers = (struct run_peers){
            .times = peers->times, .guardian = peers->guardian, .failsafe = peers->failsafe};
    }
}

enum baton_err stage_open(
    const char *config_file, const char *group, const char *lua_directory, struct stage **out,
    struct baton_error *error)
{
    struct stage *stage = calloc(1, sizeof *stage);
    enum baton_err err;

    *out = NULL;
    if (stage == NULL) {
        return baton_fail(error, BATON_NOMEM, "%s: no memory to read it", config_file);
    }
    err = config_load(config_file, &stage->config, error);
    if (err == BATON_OK) {
        err = find_group(stage, group, error);
    }
    if (err == BATON_OK) {
        stage->policy_file = stage->group->policy_file;
        stage->lua_directory = lua_directory != NULL ? lua_directory : stage->config->lua_directory;
        stage->limits =
            (struct policy_limits){stage->group->memory_max, stage->group->instructions_max};
        config_site(stage->config, stage->group, &stage->site);
        see_peers(stage);
        err = loader_read(stage->policy_file, &stage->policy_text, &stage->policy_len, error);
    }
    if (err != BATON_OK) {
        stage_close(stage);
        return err;
    }
    *out = stage;
    return BATON_OK;
}

enum baton_err stage_open_policy(
    const char *policy_file, const char *lua_directory, const struct policy_limits *limits,
    const struct policy_site *site, struct stage **out, struct baton_error *error)
{
    struct stage *stage = calloc(1, sizeof *stage);
    enum baton_err err;

    *out = NULL;
    if (stage == NULL) {
        return baton_fail(error, BATON_NOMEM, "%s: no memory to read it", policy_file);
    }
    stage->policy_file = policy_file;
    stage->lua_directory = lua_directory;
    stage->limits = *limits;
    stage->site = *site;
    err = loader_read(policy_file, &stage->policy_text, &stage->policy_len, error);
    if (err != BATON_OK) {
        stage_close(stage);
        return err;
    }
    *out = stage;
    return BATON_OK;
}
