#include "daemon/facts.h"

#include "daemon/explored.h"
#include "daemon/rehearse.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* ---- A server that is out of reach -------------------------------------------------------- */

/* Programs in HOOKS/fence.d. */
static int count_hooks(const char *hooks_directory)
{
    char path[4096];
    struct dirent *entry;
    struct stat status;
    DIR *directory;
    int count = 0;

    snprintf(path, sizeof path, "%s/fence.d", hooks_directory);
    directory = opendir(path);
    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        count += fstatat(dirfd(directory), entry->d_name, &status, 0) == 0 &&
                 S_ISREG(status.st_mode) && (status.st_mode & 0111) != 0;
    }
    if (directory != NULL) {
        closedir(directory);
    }
    return count;
}

void facts_fence(
    const char *hooks_directory, const struct policy *policy, struct readiness_word *word)
{
    const struct group_rules *rules = &policy_table(policy)->rules;
    const struct group_list_rules *fence = &rules->list[GROUP_LIST_FENCE];
    bool hooks = false;
    int i, others = 0;

    word->outcome = GROUP_OK;
    if (!rules->fence_unconfirmed) {
        snprintf(
            word->detail, sizeof word->detail,
            "hold: nothing moves by itself until you have seen to it (baton confirm-out)");
        return;
    }
    for (i = 0; i < fence->count; i++) {
        hooks = hooks || strcmp(fence->action[i].name, "hook fence") == 0;
        others += strcmp(fence->action[i].name, "hook fence") != 0;
    }
    if (hooks && others == 0 && count_hooks(hooks_directory) == 0) {
        word->outcome = GROUP_FAIL;
        snprintf(
            word->detail, sizeof word->detail, "fence: but there is no program in %.150s/fence.d",
            hooks_directory);
        snprintf(
            word->advice, sizeof word->advice,
            "put a program that switches the server off into %.150s/fence.d, or set unconfirmed to "
            "\"hold\"; see baton-hooks(7)",
            hooks_directory);
        return;
    }
    snprintf(
        word->detail, sizeof word->detail, "fence, then it moves: %s%s",
        fence->count > 0 ? fence->action[0].name : "", fence->count > 1 ? ", …" : "");
}

/* ---- Was it explored? ---------------------------------------------------------------------- */

static void date_of(int64_t wall_ms, char *text, size_t size)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;

    if (gmtime_r(&seconds, &tm) == NULL || strftime(text, size, "%Y-%m-%d", &tm) == 0) {
        snprintf(text, size, "some day");
    }
}

static void say(const struct explored *explored, bool same, struct readiness_word *word)
{
    char date[32];

    date_of(explored->wall_ms, date, sizeof date);
    if (!same) {
        word->outcome = GROUP_FAIL;
        snprintf(
            word->detail, sizeof word->detail,
            "policy or group have changed since they were explored on %s", date);
    } else if (explored->failed) {
        word->outcome = GROUP_FAIL;
        snprintf(
            word->detail, sizeof word->detail, "explored on %s, and it failed: %.180s", date,
            explored->text);
    } else {
        word->outcome = GROUP_OK;
        snprintf(
            word->detail, sizeof word->detail, "on %s, %lld runs, up to %d fault%s at once%s", date,
            (long long)explored->runs, explored->faults, explored->faults == 1 ? "" : "s",
            explored->complete ? "" : ", not to the end");
    }
}

/* `baton explore` is none of the nodes: among peers each is another one's to it. */
static struct policy_site as_explored(const struct policy_site *site)
{
    struct policy_site seen = *site;
    int i;

    for (i = 0; site->self != NULL && i < seen.n_nodes; i++) {
        seen.node[i].transport = "peer";
    }
    return seen;
}

void facts_explored(
    const char *state_directory, const char *config_file, const struct policy *policy,
    const struct policy_site *site, struct readiness_word *word)
{
    struct policy_site seen = as_explored(site);
    struct baton_error error = {0};
    struct explored explored;
    enum baton_err err = explored_read(state_directory, site->group, &explored, &error);

    word->outcome = GROUP_UNKNOWN;
    if (err == BATON_NOT_FOUND) {
        snprintf(word->detail, sizeof word->detail, "it never was, as far as is known here");
    } else if (err != BATON_OK) {
        snprintf(word->detail, sizeof word->detail, "%.*s", GROUP_TEXT_MAX - 1, error.text);
    } else {
        say(&explored, explored.digest == rehearsal_digest(policy, &seen), word);
    }
    snprintf(
        word->advice, sizeof word->advice,
        "baton explore %s --group %s, as a user that may write %s", config_file, site->group,
        state_directory);
}
