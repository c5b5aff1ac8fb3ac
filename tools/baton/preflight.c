/* baton preflight: is all as it must be, before it is needed? */
#include "preflight.h"

#include "control/client.h"
#include "controller/readiness.h"
#include "daemon/facts.h"
#include "ground.h"
#include "journal/journal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define AT_ONCE 4 /* on one node */

struct preflight {
    const struct args *args;
    struct ground ground;
    struct run *run; /* of each group */
    int total, done;
    char last[GROUP_TEXT_MAX]; /* what answered last, in words */
};

struct run {
    struct preflight *preflight;
    struct ground_group *group;
    struct readiness *readiness;
};

/* ---- What no node can say ---------------------------------------------------------------- */

static void say_drill(const struct run *run, struct readiness_word *word)
{
    const struct ground *ground = &run->preflight->ground;
    struct baton_error error = {0};
    int64_t drilled_ms = 0;
    enum baton_err err = BATON_NOMEM;
    char *file = NULL;

    if (asprintf(&file, "%s/" JOURNAL_FILE, ground->state) >= 0) {
        err = journal_last_drill(file, run->group->config->name, &drilled_ms, &error);
        free(file);
    }
    readiness_drill(
        run->group->config->name, drilled_ms, ground->world->ops->wall_ms(ground->world), word);
    if (err != BATON_OK && err != BATON_NOT_FOUND) {
        snprintf(word->detail, sizeof word->detail, "%.*s", GROUP_TEXT_MAX - 1, error.text);
    }
}

static void say_fact(void *arg, enum readiness_fact fact, struct readiness_word *word)
{
    const struct run *run = arg;
    const struct ground *ground = &run->preflight->ground;

    switch (fact) {
    case READINESS_FENCE:
        facts_fence(ground->config->hooks_directory, run->group->policy, word);
        return;
    case READINESS_DRILL:
        say_drill(run, word);
        return;
    default:
        facts_explored(
            ground->state, ground->config->file, run->group->policy, &run->group->site, word);
    }
}

/* ---- While it asks ----------------------------------------------------------------------- */

static bool shows(const struct preflight *preflight)
{
    return !preflight->args->json && print_fancy();
}

static void on_told(
    void *arg, const struct readiness_item *item, const struct readiness_item *before)
{
    struct run *run = arg;
    struct preflight *preflight = run->preflight;

    (void)before;
    preflight->done++;
    snprintf(
        preflight->last, sizeof preflight->last, "%s%s%s",
        item->node != GROUP_NOBODY ? group_node_name(run->group->state, item->node) : "",
        item->node != GROUP_NOBODY ? ": " : "", item->title);
    if (shows(preflight)) {
        printf(
            "\r\033[K%s▸%s %d of %d  %.60s", print_colour("running"), print_plain(),
            preflight->done, preflight->total, preflight->last);
        fflush(stdout);
    }
}

static enum baton_err begin(struct preflight *preflight, struct baton_error *error)
{
    struct ground *ground = &preflight->ground;
    enum baton_err err = BATON_OK;
    int i;

    preflight->run = calloc((size_t)ground->n_groups, sizeof *preflight->run);
    if (preflight->run == NULL) {
        return baton_fail(error, BATON_NOMEM, "no memory for the checks");
    }
    for (i = 0; i < ground->n_groups && err == BATON_OK; i++) {
        struct run *run = &preflight->run[i];
        struct readiness_setup setup = {
            .policy = ground->group[i].policy,
            .world = ground->world,
            .n_nodes = ground->group[i].config->n_nodes,
            .self = ground->group[i].self,
            .fact = say_fact,
            .told = on_told,
            .arg = run,
        };

        run->preflight = preflight;
        run->group = &ground->group[i];
        err = readiness_new(&setup, &run->readiness, error);
        preflight->total += err == BATON_OK ? readiness_count(run->readiness) : 0;
    }
    for (i = 0; i < ground->n_groups && err == BATON_OK; i++) {
        readiness_ask_all(preflight->run[i].readiness, AT_ONCE);
    }
    return err;
}

static void end(struct preflight *preflight)
{
    int i;

    for (i = 0; preflight->run != NULL && i < preflight->ground.n_groups; i++) {
        readiness_free(preflight->run[i].readiness);
    }
    free(preflight->run);
    ground_close(&preflight->ground);
}

/* ---- What it came to --------------------------------------------------------------------- */

static json_t *result_of(const struct preflight *preflight)
{
    json_t *groups = json_array();
    bool ok = true;
    int i;

    for (i = 0; i < preflight->ground.n_groups; i++) {
        const struct run *run = &preflight->run[i];
        json_t *group = json_pack("{s:s}", "group", run->group->config->name);
        json_t *checks =
            control_json_readiness(run->readiness, run->group->state, preflight->ground.world);

        ok = ok && bool_at(checks, "ok");
        json_object_update(group, checks);
        json_decref(checks);
        json_array_append_new(groups, group);
    }
    return json_pack("{s:b,s:o}", "ok", ok, "groups", groups);
}

static bool save_page(const struct args *args, const json_t *result)
{
    size_t len = 0;
    char *page = preflight_html(result, &len);
    bool ok = page != NULL && save_file(args->html, page, len);

    if (!ok) {
        print_error(
            args, BATON_NO, "io", "%s: can't be written: %s", args->html,
            page == NULL ? "no memory" : strerror(errno));
    }
    free(page);
    return ok;
}

static int finish(struct preflight *preflight)
{
    const struct args *args = preflight->args;
    json_t *result;
    int code;

    if (shows(preflight)) {
        printf("\r\033[K");
    }
    if (preflight->ground.stopped) {
        return print_error(
            args, BATON_NO, "stopped", "stopped after %d of %d", preflight->done, preflight->total);
    }
    result = result_of(preflight);
    code = bool_at(result, "ok") ? BATON_DONE : BATON_NO;
    if (args->html != NULL && !save_page(args, result)) {
        code = BATON_NO;
    } else if (args->json) {
        print_json(result);
    } else {
        preflight_text(result);
    }
    json_decref(result);
    return code;
}

int command_preflight(const struct args *args)
{
    struct preflight preflight = {.args = args};
    struct baton_error error = {0};
    const char *name = args->n_words > 0 ? args->word[0] : NULL;
    enum baton_err err = ground_open(&preflight.ground, args->config, name, &error);
    int code;

    if (err == BATON_OK) {
        err = begin(&preflight, &error);
    }
    if (err != BATON_OK) {
        code = print_error(args, BATON_USAGE, baton_err_name(error.code), "%s", error.text);
    } else {
        while (preflight.done < preflight.total && !preflight.ground.stopped) {
            ground_turn(&preflight.ground);
        }
        code = finish(&preflight);
    }
    end(&preflight);
    return code;
}
