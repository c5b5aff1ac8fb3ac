/* A child for one thing each: so that this process keeps its memory as it is, whatever a run
 * does with the child's. */
#include "parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

void child_begin(pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) {
        _exit(1);
    }
    signal(SIGINT, SIG_IGN); /* the keys of its terminal are the parent's business */
    signal(SIGPIPE, SIG_IGN);
}

/* ---- What there is to try ----------------------------------------------------------------- */

struct scouted {
    struct menu menu; /* first: what the caller has is this */
    int64_t bound_ms;
    enum baton_err err;
    struct baton_error error;
};

static enum baton_err end_of(pid_t pid, struct baton_error *error)
{
    int status = 0;

    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return BATON_OK;
    }
    return baton_fail(
        error, BATON_BUG, "a child was ended: %s",
        WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "no memory");
}

static void scout_in_child(const struct explore_setup *setup, struct scouted *scouted)
{
    struct player *player = calloc(1, sizeof *player);

    if (player == NULL) {
        _exit(1);
    }
    scouted->err = player_init(player, setup, INT64_MAX / 4, &scouted->error);
    if (scouted->err == BATON_OK) {
        player_begin(player, STORY_ONE);
        scouted->bound_ms = setup->bound_ms > 0
                                ? setup->bound_ms
                                : explore_bound_ms(
                                      policy_table(controller_policy(run_controller(player->run))),
                                      setup->run.peers);
        player->bound_ms = scouted->bound_ms;
        scouted->err = menu_fill(&scouted->menu, player, &scouted->error);
    }
    _exit(0);
}

enum baton_err child_scout(
    const struct explore_setup *setup, struct menu **menu, int64_t *bound_ms,
    struct baton_error *error)
{
    struct scouted *scouted = pages_new(sizeof *scouted, true);
    pid_t parent = getpid(), pid;
    enum baton_err err;

    if (scouted == NULL) {
        return baton_fail(error, BATON_NOMEM, "no memory for the faults to try");
    }
    pid = fork();
    if (pid == 0) {
        child_begin(parent);
        scout_in_child(setup, scouted);
    }
    err = pid < 0 ? baton_fail(error, BATON_IO, "can't fork: %s", strerror(errno))
                  : end_of(pid, error);
    if (err == BATON_OK && scouted->err != BATON_OK) {
        err = baton_fail(error, scouted->err, "%s", scouted->error.text);
    }
    if (err != BATON_OK) {
        pages_free(scouted, sizeof *scouted);
        return err;
    }
    *bound_ms = scouted->bound_ms;
    *menu = &scouted->menu;
    return BATON_OK;
}

void child_forget(struct menu *menu)
{
    pages_free((struct scouted *)(void *)menu, sizeof(struct scouted));
}

/* ---- What was found ----------------------------------------------------------------------- */

#define SCENARIO_TEXT_MAX (64 * 1024)

struct told { /* by the child that writes the scenario */
    struct explore_failure failure;
    struct baton_error error;
    char text[SCENARIO_TEXT_MAX];
};

static void report_in_child(const struct work *work, struct unit_result *found, struct told *told)
{
    struct player *player = calloc(1, sizeof *player);
    char *text = NULL;

    if (player == NULL ||
        player_init(player, work->setup, work->bound_ms, &told->error) != BATON_OK) {
        _exit(1);
    }
    shrink(player, &found->story, &found->verdict);
    text = write_scenario(player, &found->story, &found->verdict, found->seed);
    if (text == NULL || strlen(text) >= sizeof told->text) {
        _exit(1);
    }
    told->failure.kind = found->verdict.kind;
    memcpy(told->failure.text, found->verdict.text, sizeof told->failure.text);
    told->failure.faults = found->story.n;
    memcpy(told->text, text, strlen(text) + 1);
    told->failure.replays = write_replays(player, text, &found->verdict, &told->error);
    _exit(0);
}

enum baton_err child_report(
    const struct work *work, struct unit_result *found, struct explore_failure *failure,
    struct baton_error *error)
{
    struct told *told = pages_new(sizeof *told, true);
    pid_t parent = getpid(), pid;
    enum baton_err err;

    if (told == NULL) {
        return baton_fail(error, BATON_NOMEM, "no memory for the scenario");
    }
    pid = fork();
    if (pid == 0) {
        child_begin(parent);
        report_in_child(work, found, told);
    }
    err = pid < 0 ? baton_fail(error, BATON_IO, "can't fork: %s", strerror(errno))
                  : end_of(pid, error);
    if (err == BATON_OK) {
        *failure = told->failure;
        failure->seed = found->seed;
        failure->scenario = strdup(told->text);
        if (failure->scenario == NULL) {
            err = baton_fail(error, BATON_NOMEM, "no memory for the scenario");
        }
    }
    pages_free(told, sizeof *told);
    return err;
}
