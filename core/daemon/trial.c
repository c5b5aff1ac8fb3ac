/* A reload is tried out first, in a child process: this very program checks the
 * configuration while the loop goes on. Only what passed is taken (reload.c).
 *
 * Reloads that are asked for while one is tried are tried together when it is over: the files
 * may have changed since it read them. */
#include "daemon/check.h"
#include "daemon/notify.h"
#include "daemon/parts.h"
#include "world/live/child.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#define TRIAL_OUTPUT_MAX (64 * 1024)
#define TRIAL_PATIENCE_S 60  /* the deadline: so long for loading … */
#define TRIAL_GROUP_S    5   /* … and so long for each group more */
#define TRIAL_END_MS     500 /* to wait for the child when the daemon ends */
#define TRIAL_PATH_MAX   4096
#define TRIAL_WARNING    ": warning: "
#define TRIAL_PROGRAM    "batond: " /* before its own words on standard error */

struct trial_waiter {
    control_reloaded_fn *done;
    void *arg;
    struct trial_waiter *next;
};

struct trial {
    struct daemon *daemon;
    struct children *children;
    struct child *child; /* NULL: none runs */
    struct event *deadline;
    struct trial_waiter *now, *then; /* who waits for this trial, and for the next one */
    bool again;                      /* another one was asked for meanwhile */
};

static void begin(struct trial *trial);

/* ---- Its end ------------------------------------------------------------------------- */

static void answer(
    struct trial_waiter **list, const struct baton_error *failed, const char *warnings)
{
    struct trial_waiter *waiter, *next;

    LL_FOREACH_SAFE(*list, waiter, next)
    {
        LL_DELETE(*list, waiter);
        waiter->done(waiter->arg, failed, warnings);
        free(waiter);
    }
}

/* `failed`: NULL where the new policies are in use. */
static void end(struct trial *trial, const struct baton_error *failed, const char *warnings)
{
    struct daemon *daemon = trial->daemon;

    if (failed == NULL) {
        daemon_log(daemon, WORLD_INFO, NULL, "reloaded %s", daemon->config->config->file);
    } else {
        daemon_log(
            daemon, WORLD_ALERT, NULL, "not reloaded, all goes on as it was: %s", failed->text);
    }
    notify_send("READY=1");
    daemon_trim_soon(daemon);
    answer(&trial->now, failed, warnings);
    trial->now = trial->then;
    trial->then = NULL;
    if (trial->again) {
        trial->again = false;
        begin(trial);
    }
}

/* One line of what it said, without its newline; its end goes to `*next`. */
static bool take_line(const char **next, char *line, size_t size)
{
    size_t len = strcspn(*next, "\n");

    if (**next == '\0') {
        return false;
    }
    snprintf(line, size, "%.*s", (int)len, *next);
    *next += len + ((*next)[len] == '\n');
    return true;
}

static void append(char *text, size_t size, const char *line)
{
    size_t used = strlen(text);

    snprintf(text + used, size - used, "%s%s", used > 0 ? "\n" : "", line);
}

/* What it wrote to standard error: warnings, and if it failed the reason. */
static void read_words(
    struct trial *trial, const char *said, char *warnings, size_t size, struct baton_error *error)
{
    char line[BATON_ERROR_TEXT_MAX];

    error->text[0] = warnings[0] = '\0';
    while (take_line(&said, line, sizeof line)) {
        size_t skip =
            strncmp(line, TRIAL_PROGRAM, strlen(TRIAL_PROGRAM)) == 0 ? strlen(TRIAL_PROGRAM) : 0;

        if (strstr(line, TRIAL_WARNING) != NULL) {
            daemon_log(trial->daemon, WORLD_WARNING, NULL, "%s", line);
            append(warnings, size, line);
        } else {
            append(error->text, sizeof error->text, line + skip);
        }
    }
}

static void on_checked(void *arg, const struct child_result *result)
{
    struct trial *trial = arg;
    struct baton_error error = {BATON_INVALID, ""};
    const char *digest = strstr(result->out, CHECK_DIGEST);
    char warnings[BATON_ERROR_TEXT_MAX * 4];

    trial->child = NULL;
    evtimer_del(trial->deadline);
    read_words(trial, result->err, warnings, sizeof warnings, &error);
    if (result->code != 0 || digest == NULL) {
        if (error.text[0] == '\0' || result->code < 0) {
            char how[200];

            child_say(result, how, sizeof how);
            baton_fail(&error, BATON_IO, "the check of the new policies failed: %s", how);
        }
        end(trial, &error, "");
        return;
    }
    if (reload_take(trial->daemon, strtoull(digest + strlen(CHECK_DIGEST), NULL, 16), &error) !=
        BATON_OK) {
        end(trial, &error, "");
        return;
    }
    end(trial, NULL, warnings);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    struct trial *trial = arg;
    struct baton_error error;

    (void)fd;
    (void)what;
    child_stop(trial->child);
    trial->child = NULL;
    baton_fail(
        &error, BATON_TIMEOUT, "the check of the new policies did not end within %d s",
        TRIAL_PATIENCE_S + TRIAL_GROUP_S * trial->daemon->n_groups);
    end(trial, &error, "");
}

/* ---- Its beginning ------------------------------------------------------------------- */

/* The child starts in another folder. */
static bool full_path(const char *file, char *path, size_t size)
{
    char here[TRIAL_PATH_MAX];

    if (file[0] == '/') {
        return snprintf(path, size, "%s", file) < (int)size;
    }
    return getcwd(here, sizeof here) != NULL &&
           snprintf(path, size, "%s/%s", here, file) < (int)size;
}

static enum baton_err start_child(struct trial *trial, struct baton_error *error)
{
    struct timeval patience = {TRIAL_PATIENCE_S + TRIAL_GROUP_S * trial->daemon->n_groups, 0};
    const char *file = trial->daemon->config->config->file;
    char config[TRIAL_PATH_MAX * 2], program[64], daemon[32], why[200];
    char node[GROUP_NAME_MAX + 8];
    /* Not /proc/self/exe: it may be a shell that looks there. This is the very program that
     * runs, also where another one has been installed over it. */
    const char *argv[] = {program,        "--config", config, "--check",
                          "--for-reload", daemon,     node,   NULL};
    struct child_setup setup = {
        .argv = argv,
        .output_max = TRIAL_OUTPUT_MAX,
        .sweep = true,
        .done = on_checked,
        .arg = trial,
    };

    snprintf(daemon, sizeof daemon, "%ld", (long)getpid());
    snprintf(program, sizeof program, "/proc/%ld/exe", (long)getpid());
    snprintf(
        node, sizeof node, "--node=%s",
        trial->daemon->setup.node != NULL ? trial->daemon->setup.node : "");
    argv[6] = trial->daemon->setup.node != NULL ? node : NULL;
    if (!full_path(file, config, sizeof config)) {
        return baton_fail(error, BATON_IO, "%s: can't say in which folder this is", file);
    }
    trial->child = child_start(trial->children, &setup, why, sizeof why);
    if (trial->child == NULL) {
        return baton_fail(error, BATON_IO, "can't check the new policies: %s", why);
    }
    evtimer_add(trial->deadline, &patience);
    return BATON_OK;
}

static void begin(struct trial *trial)
{
    struct baton_error error = {0};

    notify_reloading();
    /* What can't be taken need not be tried, and a handover wants the machine for itself. */
    if (reload_may(trial->daemon, &error) != BATON_OK || start_child(trial, &error) != BATON_OK) {
        end(trial, &error, "");
    }
}

void daemon_reload(void *arg, control_reloaded_fn *done, void *done_arg)
{
    struct trial *trial = ((struct daemon *)arg)->trial;
    struct trial_waiter *waiter = done == NULL ? NULL : calloc(1, sizeof *waiter);

    if (waiter != NULL) {
        waiter->done = done;
        waiter->arg = done_arg;
    } else if (done != NULL) {
        struct baton_error error;

        baton_fail(&error, BATON_NOMEM, "no memory to reload");
        done(done_arg, &error, "");
        return;
    }
    if (trial->child != NULL) {
        trial->again = true;
        if (waiter != NULL) {
            LL_APPEND(trial->then, waiter);
        }
        return;
    }
    if (waiter != NULL) {
        LL_APPEND(trial->now, waiter);
    }
    begin(trial);
}

/* ---- Life ------------------------------------------------------------------------------ */

enum baton_err trial_new(struct daemon *daemon, struct trial **out, struct baton_error *error)
{
    struct trial *trial = calloc(1, sizeof *trial);

    if (trial != NULL) {
        trial->daemon = daemon;
        trial->children = children_new(daemon->base);
        trial->deadline = evtimer_new(daemon->base, on_deadline, trial);
    }
    *out = trial;
    if (trial == NULL || trial->children == NULL || trial->deadline == NULL) {
        return baton_fail(error, BATON_NOMEM, "no memory for reloads");
    }
    return BATON_OK;
}

void trial_free(struct trial *trial)
{
    struct baton_error error;

    if (trial == NULL) {
        return;
    }
    baton_fail(&error, BATON_REFUSED, "batond ends");
    answer(&trial->now, &error, "");
    answer(&trial->then, &error, "");
    if (trial->deadline != NULL) {
        event_free(trial->deadline);
    }
    children_free(trial->children, TRIAL_END_MS);
    free(trial);
}
