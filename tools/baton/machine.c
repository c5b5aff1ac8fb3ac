/* baton fsm: the machine of the daemon's own table. */
#include "baton.h"

#include "fsm/fsm.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static char *print_whole(size_t (*print)(char *, size_t))
{
    size_t size = print(NULL, 0) + 1;
    char *text = malloc(size);

    if (text != NULL) {
        print(text, size);
    }
    return text;
}

static bool write_all(int fd, const char *text)
{
    size_t len = strlen(text), sent = 0;

    while (sent < len) {
        ssize_t n = write(fd, text + sent, len - sent);

        if (n < 0 && errno != EINTR) {
            return false;
        }
        sent += n > 0 ? (size_t)n : 0;
    }
    return true;
}

/* The graph through Graphviz' dot, from its standard input to ours. */
static int draw_svg(const struct args *args, const char *graph)
{
    char *const argv[] = {(char *)"dot", (char *)"-Tsvg", NULL};
    posix_spawn_file_actions_t actions;
    int pipe_fd[2], status = 0, failed;
    bool written;
    pid_t pid;

    if (pipe2(pipe_fd, O_CLOEXEC) != 0) {
        return print_error(args, BATON_NO, "io", "no pipe: %s", strerror(errno));
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipe_fd[0], STDIN_FILENO);
    failed = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(pipe_fd[0]);
    if (failed != 0) {
        close(pipe_fd[1]);
        return print_error(
            args, BATON_NO, "not-found",
            "svg is drawn by Graphviz, and `dot` can't be run (%s): apt install graphviz, or take "
            "--format dot and draw it elsewhere",
            strerror(failed));
    }
    written = write_all(pipe_fd[1], graph);
    close(pipe_fd[1]);
    if (waitpid(pid, &status, 0) != pid || status != 0 || !written) {
        return print_error(args, BATON_NO, "io", "`dot -Tsvg` failed");
    }
    return BATON_DONE;
}

static json_t *states_of(unsigned set)
{
    json_t *array = json_array();
    unsigned state;

    for (state = 0; state < FSM_STATES; state++) {
        if ((set & FSM_BIT(state)) != 0) {
            json_array_append_new(array, json_string(fsm_state_name((enum fsm_state)state)));
        }
    }
    return array;
}

static json_t *facts_of(unsigned set)
{
    json_t *array = json_array();
    unsigned bit;

    for (bit = 0; bit < 16; bit++) {
        if ((set & (1u << bit)) != 0) {
            json_array_append_new(array, json_string(fsm_fact_name((enum fsm_fact)(1u << bit))));
        }
    }
    return array;
}

static void print_rows_json(void)
{
    json_t *array = json_array();
    const struct fsm_row *rows;
    size_t i, count;

    rows = fsm_rows(&count);
    for (i = 0; i < count; i++) {
        json_array_append_new(
            array,
            json_pack(
                "{s:i,s:o,s:s,s:o,s:o,s:s,s:s}", "id", rows[i].id, "from", states_of(rows[i].from),
                "event", fsm_event_name(rows[i].on), "needs", facts_of(rows[i].needs), "bars",
                facts_of(rows[i].bars), "to", fsm_state_name(rows[i].to), "why", rows[i].why));
    }
    print_json(array);
    json_decref(array);
}

int command_fsm(const struct args *args)
{
    const char *format = args->format == NULL ? "text" : args->format;
    int code = BATON_DONE;
    char *text;

    if (args->json) {
        print_rows_json();
        return BATON_DONE;
    }
    if (strcmp(format, "text") != 0 && strcmp(format, "dot") != 0 && strcmp(format, "svg") != 0) {
        return print_error(
            args, BATON_USAGE, "usage", "--format %s: there is text, dot and svg", format);
    }
    text = print_whole(strcmp(format, "text") == 0 ? fsm_print_text : fsm_print_dot);
    if (text == NULL) {
        return print_error(args, BATON_NO, "no-memory", "no memory");
    }
    if (strcmp(format, "svg") == 0) {
        code = draw_svg(args, text);
    } else {
        fputs(text, stdout);
    }
    free(text);
    return code;
}
