/* baton replay: what would another policy have decided from what was observed? */
#include "replay.h"
#include "site.h"

#include "journal/journal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* As diff(1): 0 the same, 1 different, 2 trouble. */
enum {
    SAME = 0,
    DIFFERENT = 1,
    TROUBLE = 2
};

/* ---- What there is ------------------------------------------------------------------------ */

static void find_file(struct replaying *r)
{
    const char *word = r->args->word[0];
    struct stat status;

    if (stat(word, &status) == 0 && S_ISDIR(status.st_mode)) {
        snprintf(r->file, sizeof r->file, "%s/" JOURNAL_FILE, word);
    } else {
        snprintf(r->file, sizeof r->file, "%s", word);
    }
}

static json_t *child(json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);

    if (value == NULL) {
        value = json_object();
        json_object_set_new(object, key, value);
    }
    return value;
}

static void add_part(void *arg, const struct journal_part *part)
{
    struct replaying *r = arg;
    json_t *group = child(r->outline, part->group);

    if (part->node != NULL && part->probe != NULL) {
        json_object_set_new(
            child(group, part->node), part->probe,
            json_pack(
                "{s:I,s:I,s:I}", "count", (json_int_t)part->count, "first_ms",
                (json_int_t)part->first_ms, "last_ms", (json_int_t)part->last_ms));
    }
    if (r->group != NULL && strcmp(r->group, part->group) == 0) {
        r->rows_all += part->count;
    }
}

/* "mail, web" */
static const char *list_keys(json_t *object, char *text, size_t size)
{
    const char *key;
    json_t *value;
    size_t used = 0;

    text[0] = '\0';
    json_object_foreach(object, key, value)
    {
        if (used < size) {
            used += (size_t)snprintf(text + used, size - used, "%s%s", used > 0 ? ", " : "", key);
        }
    }
    return text;
}

static enum baton_err choose_group(struct replaying *r)
{
    const char *key = NULL;
    char known[512];
    void *first = json_object_iter(r->outline);

    if (first == NULL) {
        return baton_fail(&r->error, BATON_NOT_FOUND, "%s: nothing is recorded in it yet", r->file);
    }
    if (r->args->group == NULL && json_object_size(r->outline) > 1) {
        return baton_fail(
            &r->error, BATON_INVALID, "%s has several groups; say which with --group: %s", r->file,
            list_keys(r->outline, known, sizeof known));
    }
    key = r->args->group != NULL ? r->args->group : json_object_iter_key(first);
    if (json_object_get(r->outline, key) == NULL) {
        return baton_fail(
            &r->error, BATON_NOT_FOUND, "%s: nothing is recorded of group %s; there is: %s",
            r->file, key, list_keys(r->outline, known, sizeof known));
    }
    r->group = key;
    return BATON_OK;
}

static enum baton_err read_outline(struct replaying *r)
{
    enum baton_err err;

    r->outline = json_object();
    r->group = r->args->group;
    err = journal_outline(r->file, add_part, r, &r->error);
    r->group = NULL;
    return err == BATON_OK ? choose_group(r) : err;
}

/* ---- Where the policy runs ---------------------------------------------------------------- */

static enum baton_err site_from_config(struct replaying *r)
{
    int i;

    if (config_load(r->args->config, &r->config, &r->error) != BATON_OK) {
        return r->error.code;
    }
    if (r->config->peers != NULL) {
        return baton_fail(
            &r->error, BATON_INVALID,
            "%s has <peers>: each node's journal has its own half of a story, which can't be "
            "replayed; tell it as a scenario and play that with baton simulate",
            r->args->config);
    }
    for (i = 0; i < r->config->n_groups; i++) {
        const struct config_group *group = &r->config->group[i];

        if (strcmp(group->name, r->group) == 0) {
            config_site(r->config, group, &r->site);
            r->want.limits = (struct policy_limits){group->memory_max, group->instructions_max};
            r->want.lua_directory = r->args->lua != NULL ? r->args->lua : r->config->lua_directory;
            return BATON_OK;
        }
    }
    return baton_fail(&r->error, BATON_NOT_FOUND, "%s has no group %s", r->args->config, r->group);
}

/* All that is known of the nodes is their names; the first by name is preferred. */
static enum baton_err site_from_history(struct replaying *r)
{
    json_t *nodes = json_object_get(r->outline, r->group), *value;
    const char *name;
    int n = 0;

    site_example(&r->site);
    r->site.group = r->group;
    json_object_foreach(nodes, name, value)
    {
        if (n == GROUP_NODES_MAX) {
            return baton_fail(
                &r->error, BATON_LIMIT, "%s: more than %d nodes of group %s; name them by --config",
                r->file, GROUP_NODES_MAX, r->group);
        }
        r->site.node[n] = (struct policy_node_site){name, name, "ssh", n + 1};
        n++;
    }
    r->site.n_nodes = n;
    r->want.lua_directory = site_find_lua(r->args, r->lua, sizeof r->lua);
    return n > 0 ? BATON_OK
                 : baton_fail(
                       &r->error, BATON_NOT_FOUND,
                       "%s: no observation of group %s is kept: there is nothing to replay",
                       r->file, r->group);
}

static enum baton_err load(
    void *arg, struct world *world, struct policy **out, struct baton_error *error)
{
    struct replaying *r = arg;

    r->want.world = world;
    return loader_policy(&r->want, out, error);
}

static enum baton_err open_replay(struct replaying *r)
{
    struct replay_setup setup = {.group = r->group, .load = load, .load_arg = r};
    enum baton_err err = r->args->config != NULL ? site_from_config(r) : site_from_history(r);
    int i;

    if (err != BATON_OK) {
        return err;
    }
    site_add_sets(r->args, &r->site, r->pair, ARGS_SETS_MAX * 2);
    r->want.file = r->args->policy;
    r->want.site = &r->site;
    setup.n_nodes = r->site.n_nodes;
    for (i = 0; i < setup.n_nodes; i++) {
        snprintf(setup.node[i].name, sizeof setup.node[i].name, "%s", r->site.node[i].name);
        setup.node[i].priority = r->site.node[i].priority;
    }
    return replay_new(&setup, &r->replay, &r->error);
}

/* ---- Feeding ------------------------------------------------------------------------------ */

static int find_node(struct replaying *r, const char *name)
{
    int i;

    for (i = 0; name != NULL && i < r->site.n_nodes; i++) {
        if (strcmp(r->site.node[i].name, name) == 0) {
            return i;
        }
    }
    if (name != NULL) {
        json_object_set_new(r->strangers, name, json_true());
    }
    return GROUP_NOBODY;
}

static const char *or_empty(const char *text)
{
    return text != NULL ? text : "";
}

static enum group_outcome outcome_of(const char *name)
{
    return strcmp(or_empty(name), "ok") == 0     ? GROUP_OK
           : strcmp(or_empty(name), "fail") == 0 ? GROUP_FAIL
                                                 : GROUP_UNKNOWN;
}

/* Which probes are recorded, which are asked? */
static void note_probe(struct replaying *r, const char *name)
{
    const struct group_rules *rules = &replay_table(r->replay)->rules;
    int i;

    if (strcmp(name, CONTROLLER_SERVING) == 0) {
        r->looked = true;
        return;
    }
    for (i = 0; i < rules->n_probes; i++) {
        if (strcmp(rules->probe[i].name, name) == 0) {
            r->seen[i] = true;
            return;
        }
    }
    json_object_set_new(r->unasked, name, json_true());
}

static enum baton_err feed_observation(struct replaying *r, const struct journal_row *row)
{
    struct replay_observation observation = {
        .wall_ms = row->wall_ms,
        .node = find_node(r, row->node),
        .probe = or_empty(row->name),
        .outcome = outcome_of(row->outcome),
        .latency_us = row->latency_us,
        .detail = or_empty(row->text),
    };

    if (observation.node == GROUP_NOBODY) {
        return BATON_OK;
    }
    note_probe(r, observation.probe);
    r->first_ms = r->first_ms == 0 ? row->wall_ms : r->first_ms;
    r->last_ms = row->wall_ms;
    return replay_observed(r->replay, &observation, &r->error);
}

static enum baton_err feed_record(struct replaying *r, const struct journal_row *row)
{
    struct replay_record record = {
        .wall_ms = row->wall_ms,
        .kind = or_empty(row->kind),
        .plan_kind = or_empty(row->plan_kind),
        .node = find_node(r, row->node),
        .from = GROUP_NOBODY,
        .text = or_empty(row->text),
    };

    if (strcmp(record.kind, group_record_name(GROUP_REC_PLAN_BEGIN)) == 0) {
        record.from = find_node(r, row->from);
    }
    return replay_recorded(r->replay, &record, &r->error);
}

static void show_progress(struct replaying *r)
{
    int percent = r->rows_all > 0 ? (int)(r->rows * 100 / r->rows_all) : 0;

    if (r->progress && percent != r->percent) {
        r->percent = percent;
        fprintf(stderr, "\rreplaying, %d %%", percent);
        fflush(stderr);
    }
}

static bool feed(void *arg, const struct journal_row *row)
{
    struct replaying *r = arg;

    r->rows++;
    show_progress(r);
    return (row->observation ? feed_observation(r, row) : feed_record(r, row)) == BATON_OK;
}

static enum baton_err feed_all(struct replaying *r)
{
    struct journal_query query = {
        .group = r->group,
        .since_ms = r->since_ms,
        .until_ms = r->until_ms,
        .observations = true,
    };
    enum baton_err err;

    r->strangers = json_object();
    r->unasked = json_object();
    r->progress = !r->args->json && isatty(STDERR_FILENO) != 0;
    err = journal_walk(r->file, &query, feed, r, &r->error);
    if (r->progress) {
        fputs("\r                    \r", stderr);
    }
    if (err != BATON_OK || r->error.code != BATON_OK) {
        return r->error.code;
    }
    if (r->first_ms == 0) {
        return baton_fail(
            &r->error, BATON_NOT_FOUND, "%s: nothing was observed of group %s in this time",
            r->file, r->group);
    }
    if (!r->looked) {
        return baton_fail(
            &r->error, BATON_NOT_FOUND,
            "%s: who served is not recorded (the observation \"%s\"), so nothing can be decided",
            r->file, CONTROLLER_SERVING);
    }
    return replay_end(r->replay, &r->error);
}

/* ---- The command ---------------------------------------------------------------------------- */

static enum baton_err read_time(
    struct replaying *r, const char *option, const char *text, int64_t *wall_ms)
{
    if (text == NULL || when_parse(text, when_now(), wall_ms)) {
        return BATON_OK;
    }
    return baton_fail(
        &r->error, BATON_INVALID,
        "%s %s: say how long ago (30m, 2h, 3d) or when (2026-11-24T21:59:00Z, "
        "\"2026-11-24 21:59\")",
        option, text);
}

static enum baton_err run(struct replaying *r)
{
    enum baton_err err = read_time(r, "--since", r->args->since, &r->since_ms);

    if (err == BATON_OK) {
        err = read_time(r, "--until", r->args->until, &r->until_ms);
    }
    if (err == BATON_OK) {
        find_file(r);
        err = read_outline(r);
    }
    if (err == BATON_OK) {
        err = open_replay(r);
    }
    return err == BATON_OK ? feed_all(r) : err;
}

int command_replay(const struct args *args)
{
    struct replaying *r;
    int code = SAME;

    if (args->policy == NULL) {
        return print_error(
            args, TROUBLE, "usage",
            "which policy? Name it with --policy FILE\nTry: baton replay --help");
    }
    r = calloc(1, sizeof *r);
    if (r == NULL) {
        return print_error(args, TROUBLE, "no-memory", "no memory to replay");
    }
    r->args = args;
    if (run(r) != BATON_OK) {
        code = print_error(args, TROUBLE, baton_err_name(r->error.code), "%s", r->error.text);
    } else if (!replay_print(r)) {
        code = DIFFERENT;
    }
    replay_free(r->replay);
    config_free(r->config);
    json_decref(r->outline);
    json_decref(r->strangers);
    json_decref(r->unasked);
    free(r);
    return code;
}
