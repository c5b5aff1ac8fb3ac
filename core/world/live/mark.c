/* What a node remembers of the last epoch that anybody granted: a small file there, read and
 * written by a script over the node's transport, like any command: of the shell, and on Windows of
 * PowerShell (mark_windows.c).
 *
 * The script holds a lock, compares, writes a new file beside the old one, has it on the disk
 * and puts it in place. What is there and can't be understood is left as it is. */
#include "world/live/mark_windows.h"
#include "world/live/parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARK_NEWER 3 /* how the script ends where the node knows better */

struct mark {
    struct live_request head;
    uint64_t exec; /* the command's request; 0: none */
    char node[GROUP_NAME_MAX];
};

/* $1 directory, $2 file in it, $3 epoch (0: only read), $4 token. Says "EPOCH TOKEN". */
static const char script[] =
    "umask 077\n"
    "if [ \"$3\" = 0 ] && [ ! -e \"$1/$2\" ]; then echo 0 0; exit 0; fi\n"
    "mkdir -p -- \"$1\" && exec 8>\"$1/$2.lock\" && flock -w 2 8 || exit 9\n"
    "epoch=0 token=0\n"
    "if [ -e \"$1/$2\" ]; then read -r epoch token <\"$1/$2\" || exit 9; fi\n"
    "case $epoch in '' | *[!0-9]*) echo \"$1/$2 does not begin with a number\" >&2; exit 9 ;; "
    "esac\n"
    "if [ \"$3\" = 0 ]; then echo \"$epoch $token\"; exit 0; fi\n"
    "if [ \"$epoch\" -gt \"$3\" ] || { [ \"$epoch\" -eq \"$3\" ] && [ \"$token\" != \"$4\" ]; }; "
    "then\n"
    "    echo \"$epoch $token\"; exit 3\n"
    "fi\n"
    "if [ \"$epoch\" -ne \"$3\" ]; then\n"
    "    echo \"$3 $4\" >\"$1/$2.new\" && sync -- \"$1/$2.new\" && mv -f -- \"$1/$2.new\" "
    "\"$1/$2\" &&\n"
    "        sync -- \"$1\" || exit 9\n"
    "fi\n"
    "echo \"$3 $4\"\n";

static bool read_mark(const char *text, struct world_mark *mark)
{
    int end = 0;

    return sscanf(text, "%" SCNd64 " %" SCNx64 " %n", &mark->epoch, &mark->token, &end) == 2 &&
           text[end] == '\0' && mark->epoch >= 0;
}

static void on_ended(void *arg, uint64_t request, const struct world_result *said)
{
    struct mark *mark = arg;
    struct world_result result = {.outcome = WORLD_UNKNOWN, .code = said->code};
    char text[GROUP_TEXT_MAX];

    (void)request;
    mark->exec = 0;
    result.detail = text;
    if ((said->outcome != WORLD_OK && said->code != MARK_NEWER) ||
        !read_mark(said->out, &result.mark)) {
        snprintf(
            text, sizeof text, "%s: the mark of the last epoch can't be kept: %s", mark->node,
            said->outcome == WORLD_OK ? "what is there is no mark" : said->detail);
    } else if (said->outcome == WORLD_OK) {
        result.outcome = WORLD_OK;
        snprintf(text, sizeof text, "epoch %" PRId64, result.mark.epoch);
    } else {
        result.outcome = WORLD_FAIL;
        snprintf(
            text, sizeof text, "%s was given epoch %" PRId64 " by somebody else", mark->node,
            result.mark.epoch);
    }
    live_request_end(&mark->head, &result);
}

/* False: none are kept. */
static bool directory_of(
    struct live *live, const char *group, const char *node, char *out, size_t size)
{
    const struct config *config = live_config(live);
    const struct config_node *at = live_node(live, node);
    const char *marks = NULL;
    bool found = false;

    for (int i = 0; i < config->n_groups; i++) {
        if (strcmp(config->group[i].name, group) == 0) {
            found = true;
            marks = config->group[i].marks;
        }
    }
    if (marks == NULL && at != NULL && at->transport == CONFIG_LOCAL) {
        snprintf(out, size, "%s/marks", config->state_directory);
    } else if (marks == NULL && at != NULL && at->transport == CONFIG_WINRM) {
        snprintf(out, size, "%s", MARK_WINDOWS_DIRECTORY);
    } else {
        snprintf(out, size, "%s", marks != NULL ? marks : CONFIG_MARKS);
    }
    return found && out[0] != 0;
}

static void ask_shell(
    struct mark *mark, struct world_request *exec, const char *directory, const char *file,
    const char *epoch, const char *token)
{
    const char *argv[] = {"sh", "-c", script, "sh", directory, file, epoch, token, NULL};

    exec->u.exec.argv = argv;
    mark->exec = world_start(live_world(mark->head.live), exec, on_ended, mark);
}

static bool ask_powershell(
    struct mark *mark, struct world_request *exec, const char *directory, const char *file,
    int64_t epoch, const char *token)
{
    char *command = mark_windows_command();
    char *input = mark_windows_input(directory, file, epoch, token);
    const char *argv[] = {"powershell.exe",  "-NoProfile", "-NonInteractive",
                          "-EncodedCommand", command,      NULL};
    bool good = command != NULL && input != NULL;

    if (good) {
        exec->u.exec.argv = argv;
        exec->u.exec.input = input;
        exec->u.exec.input_len = strlen(input);
        mark->exec = world_start(live_world(mark->head.live), exec, on_ended, mark);
    }
    free(command);
    free(input);
    return good;
}

static bool start(
    struct live_request *request, const struct world_request *wanted, char *why, size_t why_size)
{
    struct mark *mark = (struct mark *)request;
    char directory[512];
    bool write = wanted->u.mark.op == WORLD_MARK_WRITE;
    const struct config_node *node = live_node(request->live, wanted->u.mark.node);
    int64_t epoch = write ? wanted->u.mark.epoch : 0;
    char file[GROUP_NAME_MAX * 2 + 2], number[24], token[24];
    struct world_request exec = {.kind = WORLD_EXEC, .timeout_ms = request->timeout_ms};

    if (!directory_of(
            request->live, wanted->group, wanted->u.mark.node, directory, sizeof directory)) {
        snprintf(why, why_size, "group %s keeps no marks", wanted->group);
        return false;
    }
    snprintf(mark->node, sizeof mark->node, "%s", wanted->u.mark.node);
    snprintf(file, sizeof file, "%s@%s", wanted->group, wanted->u.mark.node);
    snprintf(number, sizeof number, "%" PRId64, epoch);
    snprintf(token, sizeof token, "%016" PRIx64, wanted->u.mark.token);
    exec.group = wanted->group;
    exec.u.exec.node = mark->node;
    exec.u.exec.output_max = 1024;
    if (node == NULL || node->transport != CONFIG_WINRM) {
        ask_shell(mark, &exec, directory, file, number, token);
    } else if (!ask_powershell(mark, &exec, directory, file, epoch, token)) {
        snprintf(why, why_size, "no memory for the mark of %s", mark->node);
        return false;
    }
    return true;
}

static void stop(struct live_request *request)
{
    struct mark *mark = (struct mark *)request;

    if (mark->exec != 0) {
        world_cancel(live_world(request->live), mark->exec);
    }
}

const struct live_kind live_kind_mark = {
    .name = "mark",
    .size = sizeof(struct mark),
    .start = start,
    .stop = stop,
    .on_deadline = WORLD_UNKNOWN,
};
