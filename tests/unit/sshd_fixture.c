#include "sshd_fixture.h"

#include <arpa/inet.h>
#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SSHD        "/usr/sbin/sshd"
#define SSHD_FOLDER "/run/sshd" /* sshd insists on it; Debian's unit makes it as well */
#define SSHD_TRIES  5
#define PROCESSES   1024

const char *sshd_missing(void)
{
    if (geteuid() != 0) {
        return "only root can run sshd";
    }
    return access(SSHD, X_OK) == 0 ? NULL : "there is no " SSHD " (package openssh-server)";
}

void sshd_run(const char *const *argv)
{
    int status = -1;
    pid_t pid;

    ck_assert_int_eq(posix_spawnp(&pid, argv[0], NULL, NULL, (char *const *)argv, environ), 0);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(status == 0, "%s ended with %d", argv[0], status);
}

static void make_key(const char *dir, const char *name)
{
    char path[256];
    const char *argv[] = {"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path, NULL};

    snprintf(path, sizeof path, "%s/%s", dir, name);
    sshd_run(argv);
}

void sshd_keys(struct sshd *sshd, const char *dir)
{
    *sshd = (struct sshd){.dir = dir};
    make_key(dir, "host");
    make_key(dir, "host-other");
    make_key(dir, "client");
    make_key(dir, "client-other");
}

static int free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    close(fd);
    return ntohs(address.sin_port);
}

static void write_files(const struct sshd *sshd, const char *host_key)
{
    char path[256], key[512];
    FILE *file;

    snprintf(path, sizeof path, "%s/sshd_config", sshd->dir);
    file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    fprintf(
        file,
        "Port %d\nListenAddress 127.0.0.1\nHostKey %s/%s\nAuthorizedKeysFile %s/client.pub\n"
        "StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
        "PermitRootLogin yes\nPidFile none\nUseDNS no\nPrintMotd no\nMaxStartups 100\n"
        "SetEnv HOME=%s\n", /* not the start-up files of whoever runs the tests */
        sshd->port, sshd->dir, host_key, sshd->dir, sshd->dir);
    fclose(file);
    snprintf(path, sizeof path, "%s/host.pub", sshd->dir);
    file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    ck_assert_ptr_nonnull(fgets(key, sizeof key, file));
    fclose(file);
    snprintf(path, sizeof path, "%s/known_hosts", sshd->dir);
    file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    fprintf(file, "[127.0.0.1]:%d %s", sshd->port, key);
    fclose(file);
}

/* True as soon as it says that it listens; false where it ends. */
static bool start(struct sshd *sshd)
{
    char config[256], line[512];
    const char *argv[] = {SSHD, "-D", "-e", "-f", config, NULL};
    posix_spawn_file_actions_t actions;
    bool listens = false;
    int ends[2];
    FILE *said;

    snprintf(config, sizeof config, "%s/sshd_config", sshd->dir);
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
    ck_assert_int_eq(
        posix_spawn(&sshd->pid, SSHD, &actions, NULL, (char *const *)argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    said = fdopen(ends[0], "r");
    ck_assert_ptr_nonnull(said);
    while (!listens && fgets(line, sizeof line, said) != NULL) {
        listens = strstr(line, "Server listening") != NULL;
    }
    fclose(said);
    if (!listens) {
        waitpid(sshd->pid, NULL, 0);
        sshd->pid = 0;
    }
    return listens;
}

void sshd_begin(struct sshd *sshd, const char *host_key)
{
    bool again = sshd->port != 0;
    int i;

    mkdir(SSHD_FOLDER, 0755);
    for (i = 0; i < SSHD_TRIES; i++) {
        sshd->port = again ? sshd->port : free_port();
        write_files(sshd, host_key);
        if (start(sshd)) {
            return;
        }
    }
    ck_abort_msg("sshd does not start on port %d", sshd->port);
}

static pid_t parent_of(pid_t pid)
{
    char path[64], text[512];
    const char *state;
    FILE *file;
    size_t n;

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    file = fopen(path, "re");
    if (file == NULL) {
        return 0;
    }
    n = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[n] = 0;
    state = strrchr(text, ')'); /* "1 (name) S 0 …" */
    return state != NULL && strlen(state) > 4 ? (pid_t)strtol(state + 4, NULL, 10) : 0;
}

static bool is_below(pid_t pid, pid_t top)
{
    for (; pid > 1; pid = parent_of(pid)) {
        if (pid == top) {
            return true;
        }
    }
    return false;
}

static void signal_tree(pid_t top, int number)
{
    static pid_t found[PROCESSES];
    const struct dirent *entry;
    DIR *folder = opendir("/proc");
    int n = 0;

    ck_assert_ptr_nonnull(folder);
    while ((entry = readdir(folder)) != NULL && n < PROCESSES) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

        if (pid > 1 && is_below(pid, top)) {
            found[n++] = pid;
        }
    }
    closedir(folder);
    while (n > 0) {
        kill(found[--n], number);
    }
}

void sshd_kill(struct sshd *sshd)
{
    if (sshd->pid > 0) {
        signal_tree(sshd->pid, SIGSTOP); /* first, so that none is born meanwhile */
        signal_tree(sshd->pid, SIGKILL);
        waitpid(sshd->pid, NULL, 0);
        sshd->pid = 0;
    }
}

void sshd_freeze(struct sshd *sshd)
{
    signal_tree(sshd->pid, SIGSTOP);
}

void sshd_thaw(struct sshd *sshd)
{
    signal_tree(sshd->pid, SIGCONT);
}
