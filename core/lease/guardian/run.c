/* A stop command as a child. */
#include "lease/guardian/parts.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void exec_in(const char *directory, char *const *argv, char *const *env)
{
    char path[GUARDIAN_TEXT_MAX + 32];

    snprintf(path, sizeof path, "%s%s", directory, argv[0]);
    execve(path, argv, env);
}

/* The guardian is not to be killed for want of memory; what it runs may be. */
static void become_killable(void)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

    if (fd >= 0) {
        if (write(fd, "0", 1) != 1) {
            errno = 0; /* it stays as it is */
        }
        close(fd);
    }
}

/* In the child. */
static void become(int null, char *const *argv, char *const *env)
{
    static const char *const path[] = {"/usr/local/sbin/", "/usr/local/bin/", "/usr/sbin/",
                                       "/usr/bin/",        "/sbin/",          "/bin/"};
    sigset_t none;

    setpgid(0, 0);
    for (int number = 1; number < NSIG; number++) {
        signal(number, SIG_DFL);
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (dup2(null, 0) != 0 || dup2(null, 1) != 1 || dup2(null, 2) != 2 || chdir("/") != 0) {
        _exit(127);
    }
    /* Before exec, which a dead disk may hold for ever: none must keep the socket and its lock. */
    close_range(3, ~0U, 0);
    become_killable();
    if (strchr(argv[0], '/') != NULL) {
        exec_in("", argv, env);
    } else {
        for (size_t i = 0; i < sizeof path / sizeof path[0]; i++) {
            exec_in(path[i], argv, env);
        }
    }
    _exit(errno == ENOENT ? 127 : 126);
}

pid_t run_command(
    struct guardian *g, const struct ward *ward, const struct guardian_command *command)
{
    char group[sizeof "BATON_GROUP=" + GUARDIAN_NAME_MAX], epoch[64];
    char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    char language[] = "LANG=C.UTF-8";
    char *const env[] = {path, language, group, epoch, NULL};
    char *argv[GUARDIAN_WORDS_MAX + 1];
    const char *word = command->text;
    pid_t pid;

    for (int i = 0; i < command->n_words; i++) {
        argv[i] = (char *)(uintptr_t)word;
        word += strlen(word) + 1;
    }
    argv[command->n_words] = NULL;
    snprintf(group, sizeof group, "BATON_GROUP=%s", ward->setup.group);
    snprintf(epoch, sizeof epoch, "BATON_EPOCH=%" PRId64, ward->epoch);
    pid = fork();
    if (pid == 0) {
        become(g->null, argv, env);
    }
    if (pid > 0) {
        setpgid(pid, pid); /* whoever of the two is first */
    }
    return pid;
}
