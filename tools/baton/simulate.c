/* baton simulate: scenarios in virtual time, and what came of them. */
#include "report.h"

#include "daemon/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FILE_MAX ((size_t)4 << 20) /* of a scenario, in bytes */

struct simulation {
    const struct args *args;
    struct stage *stage;
    char **text; /* of each scenario file, read before the first is run */
    size_t *len;
    json_t *json;
    struct report_junit *junit;
    struct report_html *html;
    int passed, total;
    char first[BATON_ERROR_TEXT_MAX]; /* that broke */
};

/* ---- Files ----------------------------------------------------------------------------- */

/* All of it; the caller frees. A pipe is fine. */
static char *read_text(const char *file, size_t *len, struct baton_error *error)
{
    char *text = malloc(FILE_MAX + 1), *less;
    int fd = text != NULL ? open(file, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t n = -1;

    *len = 0;
    while (fd >= 0 && *len < FILE_MAX && (n = read(fd, text + *len, FILE_MAX - *len)) > 0) {
        *len += (size_t)n;
    }
    if (n != 0) {
        if (text == NULL) {
            baton_fail(error, BATON_NOMEM, "%s: no memory", file);
        } else if (*len == FILE_MAX) {
            baton_fail(error, BATON_LIMIT, "%s: is larger than 4 MiB: is it a scenario?", file);
        } else {
            baton_fail(error, BATON_IO, "%s: can't be read: %s", file, strerror(errno));
        }
        free(text);
        text = NULL;
    }
    if (fd >= 0) {
        close(fd);
    }
    less = text != NULL ? realloc(text, *len + 1) : NULL; /* there may be thousands */
    return less != NULL ? less : text;
}

/* ---- One scenario ---------------------------------------------------------------------- */

/* The errors that scenarios have, one a line. */
static enum baton_err check_all(struct simulation *sim, struct baton_error *error)
{
    const struct args *args = sim->args;
    int count = args->n_words - 1, wrong = 0, i;
    size_t used = 0;

    sim->text = calloc((size_t)count, sizeof *sim->text);
    sim->len = calloc((size_t)count, sizeof *sim->len);
    if (sim->text == NULL || sim->len == NULL) {
        return baton_fail(error, BATON_NOMEM, "no memory");
    }
    for (i = 0; i < count; i++) {
        struct baton_error own = {0};
        struct scenario *scenario = NULL;
        const char *file = args->word[i + 1];

        sim->text[i] = read_text(file, &sim->len[i], &own);
        if (sim->text[i] == NULL ||
            scenario_read(file, sim->text[i], sim->len[i], &sim->stage->site, &scenario, &own) !=
                BATON_OK) {
            wrong++;
            if (used < sizeof error->text) {
                used += (size_t)snprintf(
                    error->text + used, sizeof error->text - used, "%s%s", wrong > 1 ? "\n" : "",
                    own.text);
            }
            error->code = wrong > 1 ? error->code : own.code;
        }
        scenario_free(scenario);
    }
    return error->code;
}

static void keep_first(struct simulation *sim, const struct story *story)
{
    if (!story->passed && sim->first[0] == '\0') {
        snprintf(sim->first, sizeof sim->first, "%s", story->why);
    }
}

static enum baton_err tell(
    struct simulation *sim, const struct story *story, struct baton_error *error)
{
    const struct args *args = sim->args;
    bool alone = args->n_words == 2, ok = true;

    keep_first(sim, story);
    sim->passed += story->passed;
    sim->total++;
    if (sim->json != NULL) {
        ok = report_json_add(sim->json, story);
    } else {
        if (alone || args->all || !story->passed) {
            report_text_timeline(story);
        }
        report_text_verdict(story, alone || args->all || !story->passed);
        if (!alone && (args->all || !story->passed)) {
            putchar('\n');
        }
    }
    ok = (sim->junit == NULL || report_junit_add(sim->junit, story)) && ok;
    ok = (sim->html == NULL || report_html_add(sim->html, story)) && ok;
    return ok ? BATON_OK : baton_fail(error, BATON_NOMEM, "no memory for the report");
}

/* BATON_OK also where an expectation broke: that is told, not an error. */
static enum baton_err play(
    struct simulation *sim, const struct scenario *scenario, struct baton_error *error)
{
    struct run_setup setup = {
        .scenario = scenario,
        .seed = (uint64_t)sim->args->seed,
        .questions = sim->args->all,
    };
    struct run *run = NULL;
    struct story story;
    struct baton_error broken = {0};
    enum baton_err code;

    stage_setup(sim->stage, &setup);
    code = run_new(&setup, &run, error);
    if (code != BATON_OK) {
        return code;
    }
    code = run_scenario(run, &broken);
    code = code == BATON_NOMEM ? baton_fail(error, code, "%s", broken.text)
                               : story_take(&story, run, code, &broken);
    if (code == BATON_OK) {
        code = tell(sim, &story, error);
        story_fini(&story);
    } else if (error->text[0] == '\0') {
        baton_fail(error, code, "%s: no memory for its story", scenario->file);
    }
    run_free(run);
    return code;
}

/* ---- All of them ----------------------------------------------------------------------- */

static void show_progress(int done, int total, const char *file)
{
    if (total > 1 && isatty(STDERR_FILENO) == 1 && !print_terminal()) {
        fprintf(stderr, "\r\033[K%d of %d  %.60s", done, total, file);
        if (done == total) {
            fputs("\r\033[K", stderr);
        }
    }
}

static enum baton_err play_all(struct simulation *sim, struct baton_error *error)
{
    int count = sim->args->n_words - 1, i;
    enum baton_err code = BATON_OK;

    for (i = 0; i < count && code == BATON_OK; i++) {
        const char *file = sim->args->word[i + 1];
        struct scenario *scenario = NULL;

        show_progress(i, count, file);
        code = scenario_read(file, sim->text[i], sim->len[i], &sim->stage->site, &scenario, error);
        if (code == BATON_OK) {
            code = play(sim, scenario, error);
        }
        scenario_free(scenario);
    }
    show_progress(count, count, "");
    return code;
}

static enum baton_err write_report(
    const char *file, const char *text, size_t len, struct baton_error *error)
{
    if (text == NULL) {
        return baton_fail(error, BATON_NOMEM, "%s: no memory for the report", file);
    }
    if (!save_file(file, text, len)) {
        return baton_fail(error, BATON_IO, "%s: can't be written: %s", file, strerror(errno));
    }
    return BATON_OK;
}

static enum baton_err write_reports(struct simulation *sim, struct baton_error *error)
{
    enum baton_err code = BATON_OK;
    const char *text;
    size_t len;

    if (sim->junit != NULL) {
        text = report_junit_end(sim->junit, &len);
        code = write_report(sim->args->junit, text, len, error);
    }
    if (sim->html != NULL && code == BATON_OK) {
        text = report_html_end(sim->html, &len);
        code = write_report(sim->args->html, text, len, error);
    }
    return code;
}

/* A report that was asked for in the place of what is read, as by a forgotten name. */
static enum baton_err check_reports(const struct args *args, struct baton_error *error)
{
    const char *report[] = {args->junit, args->html};
    int i, k;

    for (i = 0; i < 2; i++) {
        for (k = 0; report[i] != NULL && k < args->n_words; k++) {
            if (save_same(report[i], args->word[k])) {
                return baton_fail(
                    error, BATON_INVALID, "%s is read: name another file for the report",
                    report[i]);
            }
        }
    }
    return BATON_OK;
}

static enum baton_err simulate(struct simulation *sim, struct baton_error *error)
{
    const struct args *args = sim->args;
    enum baton_err code = check_reports(args, error);

    code = code != BATON_OK ? code
                            : stage_open(args->word[0], args->group, args->lua, &sim->stage, error);
    if (code != BATON_OK) {
        return code;
    }
    sim->json = args->json ? report_json_open() : NULL;
    sim->junit = args->junit != NULL ? report_junit_open() : NULL;
    sim->html = args->html != NULL ? report_html_open(args->n_words == 2) : NULL;
    if ((args->json && sim->json == NULL) || (args->junit != NULL && sim->junit == NULL) ||
        (args->html != NULL && sim->html == NULL)) {
        return baton_fail(error, BATON_NOMEM, "no memory for the report");
    }
    code = check_all(sim, error);
    code = code == BATON_OK ? play_all(sim, error) : code;
    return code == BATON_OK ? write_reports(sim, error) : code;
}

static void free_all(struct simulation *sim)
{
    int i;

    for (i = 0; sim->text != NULL && i < sim->args->n_words - 1; i++) {
        free(sim->text[i]);
    }
    free(sim->text);
    free(sim->len);
    json_decref(sim->json);
    report_junit_free(sim->junit);
    report_html_free(sim->html);
    stage_close(sim->stage);
}

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int command_simulate(const struct args *args)
{
    struct simulation sim = {.args = args};
    struct baton_error error = {0};
    double begun = seconds();
    enum baton_err code = simulate(&sim, &error);

    if (code != BATON_OK) {
        free_all(&sim);
        return print_error(args, BATON_NO, baton_err_name(code), "%s", error.text);
    }
    if (sim.json != NULL) {
        report_json_print(sim.json);
    } else if (sim.total > 1) {
        report_text_summary(sim.passed, sim.total);
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        code = BATON_IO; /* a full disk, say: what was written is not all */
        baton_fail(&error, code, "the output can't be written: %s", strerror(errno));
    }
    if (isatty(STDERR_FILENO) == 1) { /* for people only: it is never the same */
        fprintf(stderr, "took %.2f s\n", seconds() - begun);
    }
    if (sim.first[0] != '\0') {
        fprintf(stderr, "baton: %s\n", sim.first);
    }
    free_all(&sim);
    if (code != BATON_OK) {
        return print_error(NULL, BATON_NO, baton_err_name(code), "%s", error.text);
    }
    return sim.passed == sim.total ? BATON_DONE : BATON_NO;
}
