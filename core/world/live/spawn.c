#include "world/live/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const *child_environment(void)
{
    static char home[300], zone[100];
    static const char *env[8];
    const char *value;
    int n = 0;

    env[n++] = "PATH=" CHILD_PATH;
    env[n++] = "LANG=C.UTF-8";
    value = getenv("HOME");
    snprintf(home, sizeof home, "HOME=%s", value != NULL ? value : "/");
    env[n++] = home;
    value = getenv("TZ");
    if (value != NULL) {
        snprintf(zone, sizeof zone, "TZ=%s", value);
        env[n++] = zone;
    }
    env[n] = NULL;
    return env;
}

/* A descriptor above 2, so that dup2 to 0, 1, 2 in the child can't overwrite one that is
 * still needed; the daemon may have been started with those closed. */
static int above_stdio(int fd)
{
    int moved;

    if (fd < 0 || fd > STDERR_FILENO) {
        return fd;
    }
    moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    close(fd);
    return moved;
}

/* `ours` is the end that we keep. */
static bool pipe_make(int pair[2], int ours)
{
    if (pipe2(pair, O_CLOEXEC) != 0) {
        pair[0] = pair[1] = -1;
        return false;
    }
    pair[0] = above_stdio(pair[0]);
    pair[1] = above_stdio(pair[1]);
    return pair[0] >= 0 && pair[1] >= 0 && fcntl(pair[ours], F_SETFL, O_NONBLOCK) == 0;
}

static void close_if(int fd)
{
    if (fd >= 0) {
        close(fd);
    }
}

void spawn_pipes_close(struct spawn_pipes *pipes)
{
    close_if(pipes->in[0]);
    close_if(pipes->in[1]);
    close_if(pipes->out[0]);
    close_if(pipes->out[1]);
    close_if(pipes->err[0]);
    close_if(pipes->err[1]);
}

bool spawn_pipes_make(struct spawn_pipes *pipes, bool input)
{
    *pipes = (struct spawn_pipes){{-1, -1}, {-1, -1}, {-1, -1}};
    if (input ? !pipe_make(pipes->in, 1)
              : (pipes->in[0] = above_stdio(open("/dev/null", O_RDONLY | O_CLOEXEC))) < 0) {
        return false;
    }
    return pipe_make(pipes->out, 0) && pipe_make(pipes->err, 0);
}

/* A program that may lie on a share is started by way of a shell: posix_spawn returns only
 * when the kernel has opened the file, and a dead NFS server would hold up the loop. */
static const char *const *by_way_of_shell(const char *const *argv, const char **words)
{
    static const char *const near[] = {"/usr/", "/bin/", "/sbin/", "/lib"};
    size_t i;

    for (i = 0; i < sizeof near / sizeof near[0]; i++) {
        if (strncmp(argv[0], near[i], strlen(near[i])) == 0) {
            return argv;
        }
    }
    if (strchr(argv[0], '/') == NULL) {
        return argv;
    }
    words[0] = "/bin/sh";
    words[1] = "-c";
    words[2] = "exec \"$0\" \"$@\"";
    for (i = 0; argv[i] != NULL; i++) {
        words[3 + i] = argv[i];
    }
    words[3 + i] = NULL;
    return words;
}

int spawn_program(const struct child_setup *setup, const struct spawn_pipes *pipes, pid_t *pid)
{
    const char *words[SPAWN_WORDS_MAX + 4];
    const char *const *argv = by_way_of_shell(setup->argv, words);
    const char *const *env = setup->env != NULL ? setup->env : child_environment();
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    int failed;

    sigemptyset(&none);
    sigfillset(&all);
    failed = posix_spawn_file_actions_init(&actions);
    if (failed != 0) {
        return failed;
    }
    failed = posix_spawnattr_init(&attributes);
    if (failed != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return failed;
    }
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(
        &attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    if ((failed = posix_spawn_file_actions_adddup2(&actions, pipes->in[0], 0)) == 0 &&
        (failed = posix_spawn_file_actions_adddup2(&actions, pipes->out[1], 1)) == 0 &&
        (failed = posix_spawn_file_actions_adddup2(&actions, pipes->err[1], 2)) == 0 &&
        (failed = posix_spawn_file_actions_addclosefrom_np(&actions, 3)) == 0 &&
        (failed = posix_spawn_file_actions_addchdir_np(&actions, "/")) == 0) {
        failed = posix_spawnp(
            pid, argv[0], &actions, &attributes, (char *const *)argv, (char *const *)env);
    }
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return failed;
}
