/* Policies and modules, from their files. */
#include "daemon/loader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Files ---------------------------------------------------------------------------- */

static enum baton_err check_file(
    const char *file, const struct stat *status, struct baton_error *error)
{
    if (!S_ISREG(status->st_mode)) {
        return baton_fail(error, BATON_INVALID, "%s: is no regular file", file);
    }
    if ((status->st_mode & S_IWOTH) != 0) {
        return baton_fail(
            error, BATON_INVALID,
            "%s: everybody may write it, and whoever does commands the nodes; chmod o-w it", file);
    }
    if (status->st_size > LOADER_FILE_MAX) {
        return baton_fail(
            error, BATON_LIMIT, "%s: has %lld bytes, a policy has at most %d", file,
            (long long)status->st_size, LOADER_FILE_MAX);
    }
    return BATON_OK;
}

/* Read all; one byte more than the size says, so that a file that grows is noticed. */
static enum baton_err read_all(
    int fd, const char *file, size_t size, char **text, size_t *len, struct baton_error *error)
{
    char *buffer = malloc(size + 1);
    size_t used = 0;
    ssize_t n = 0;

    if (buffer == NULL) {
        return baton_fail(error, BATON_NOMEM, "%s: no memory to read it", file);
    }
    while (used <= size && (n = read(fd, buffer + used, size + 1 - used)) > 0) {
        used += (size_t)n;
    }
    if (n < 0 || used > size) {
        free(buffer);
        return baton_fail(
            error, BATON_IO, "%s: %s", file, n < 0 ? strerror(errno) : "changes while it is read");
    }
    buffer[used] = '\0';
    *text = buffer;
    *len = used;
    return BATON_OK;
}

enum baton_err loader_read(const char *file, char **text, size_t *len, struct baton_error *error)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat status;
    enum baton_err err;

    if (fd < 0) {
        return baton_fail(
            error, errno == ENOENT ? BATON_NOT_FOUND : BATON_IO, "%s: %s", file, strerror(errno));
    }
    if (fstat(fd, &status) != 0) {
        err = baton_fail(error, BATON_IO, "%s: %s", file, strerror(errno));
        goto out;
    }
    err = check_file(file, &status, error);
    if (err == BATON_OK) {
        err = read_all(fd, file, (size_t)status.st_size, text, len, error);
    }
out:
    close(fd);
    return err;
}

static bool is_module_name(const char *name)
{
    return name[0] >= 'a' && name[0] <= 'z' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name);
}

enum baton_err loader_read_module(
    void *arg, const char *name, char **text, size_t *len, char *file, size_t file_size,
    struct baton_error *error)
{
    const struct loader_want *want = arg;
    int n;

    if (!is_module_name(name)) {
        return baton_fail(error, BATON_INVALID, "\"%.64s\" is no name of a module", name);
    }
    n = snprintf(file, file_size, "%s/%s.lua", want->lua_directory, name);
    if (n < 0 || (size_t)n >= file_size) {
        return baton_fail(
            error, BATON_LIMIT, "%s: this folder's name is too long", want->lua_directory);
    }
    return loader_read(file, text, len, error);
}

/* ---- The world in which nothing happens ------------------------------------------------ */

static int64_t still_time(struct world *world)
{
    (void)world;
    return 1;
}

static uint64_t still_random(struct world *world)
{
    (void)world;
    return 4;
}

static uint64_t still_start(
    struct world *world, const struct world_request *request, world_done_fn *done, void *arg)
{
    (void)world;
    (void)request;
    (void)done;
    (void)arg;
    return 1; /* and never ends */
}

static void still_cancel(struct world *world, uint64_t request)
{
    (void)world;
    (void)request;
}

static void still_record(
    struct world *world, const char *group, const struct group *names,
    const struct group_record *records, int count, world_recorded_fn *done, void *arg)
{
    (void)world;
    (void)group;
    (void)names;
    (void)records;
    (void)count;
    (void)done;
    (void)arg;
}

static void still_observe(
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
}

static void still_log(struct world *world, const struct world_log *line)
{
    (void)world;
    (void)line;
}

struct world *loader_world(void)
{
    static const struct world_ops ops = {
        .now_ms = still_time,
        .wall_ms = still_time,
        .random = still_random,
        .start = still_start,
        .cancel = still_cancel,
        .record = still_record,
        .observe = still_observe,
        .log = still_log,
    };
    static struct world world = {&ops};

    return &world;
}

/* ---- Loading -------------------------------------------------------------------------- */

/* What the group will say to these rules, said now. */
static enum baton_err check_rules(
    const struct loader_want *want, const struct policy *policy, struct baton_error *error)
{
    struct group_setup setup = {
        .name = want->site->group,
        .n_nodes = want->site->n_nodes,
        .rules = &policy_table(policy)->rules,
        .memory = {.holder = GROUP_NOBODY},
        .now_ms = 1,
    };
    struct baton_error inner = {0};
    struct group *group = NULL;
    enum baton_err err;
    int i;

    for (i = 0; i < setup.n_nodes; i++) {
        snprintf(setup.node[i].name, sizeof setup.node[i].name, "%s", want->site->node[i].name);
        setup.node[i].priority = want->site->node[i].priority;
    }
    err = group_new(&setup, &group, &inner);
    group_free(group);
    if (err != BATON_OK) {
        return baton_fail(error, err, "%s: %.900s", want->file, inner.text);
    }
    return BATON_OK;
}

enum baton_err loader_source(
    const struct loader_want *want, const struct policy_source *source, struct policy **out,
    struct baton_error *error)
{
    enum baton_err err = policy_new(source, want->site, &want->limits, want->world, out, error);

    if (err != BATON_OK) {
        *out = NULL;
        return err;
    }
    err = check_rules(want, *out, error);
    if (err != BATON_OK) {
        policy_free(*out);
        *out = NULL;
    }
    return err;
}

enum baton_err loader_policy(
    const struct loader_want *want, struct policy **out, struct baton_error *error)
{
    struct loader_want reading = *want;
    struct policy_source source = {
        .file = want->file,
        .read = loader_read_module,
        .read_arg = &reading,
        .checks = want->checks,
    };
    char *text = NULL;
    enum baton_err err = loader_read(want->file, &text, &source.len, error);

    *out = NULL;
    if (err != BATON_OK) {
        return err;
    }
    source.text = text;
    err = loader_source(want, &source, out, error);
    free(text);
    return err;
}

enum baton_err loader_group(
    const struct config *config, const struct config_group *group, struct world *world,
    struct policy_site *site, struct policy **out, struct baton_error *error)
{
    struct loader_want want = {
        .file = group->policy_file,
        .lua_directory = config->lua_directory,
        .site = site,
        .limits = {group->memory_max, group->instructions_max},
        .world = world,
        .checks = true,
    };

    memset(site, 0, sizeof *site);
    config_site(config, group, site);
    return loader_policy(&want, out, error);
}
