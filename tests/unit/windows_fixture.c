#include "windows_fixture.h"

#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void read_places(struct windows *windows, FILE *said)
{
    char line[128], name[32], address[32];
    int port;

    while (fgets(line, sizeof line, said) != NULL && strcmp(line, "ready\n") != 0) {
        ck_assert_int_eq(sscanf(line, "%31s %31s %d", name, address, &port), 3);
        if (strcmp(name, "control") == 0) {
            windows->control = port;
        } else {
            windows->port[name[strlen(name) - 1] - '1'] = port;
        }
    }
    ck_assert_int_ne(windows->control, 0);
}

void windows_up(struct windows *windows, const char *dir)
{
    char cert[128], key[128], password[128];
    /* Not a child of ours: the tests look for those that are left. */
    const char *argv[] = {
        "/bin/sh",
        "-c",
        "exec 3<&0; \"$@\" <&3 3<&- & exit 0",
        "sh",
        WINDOWS_LAB,
        "--cert",
        cert,
        "--key",
        key,
        "--user",
        "baton",
        "--password-file",
        password,
        "--host",
        "server01=127.0.0.1:0",
        "--host",
        "server02=127.0.0.1:0",
        "--control",
        "127.0.0.1:0",
        NULL};
    posix_spawn_file_actions_t actions;
    int in[2], out[2], status;
    FILE *said;
    pid_t pid;

    snprintf(cert, sizeof cert, "%s/cert.pem", dir);
    snprintf(key, sizeof key, "%s/key.pem", dir);
    snprintf(password, sizeof password, "%s/password", dir);
    ck_assert_int_eq(pipe2(in, 02000000 /* O_CLOEXEC */), 0);
    ck_assert_int_eq(pipe2(out, 02000000), 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    ck_assert_int_eq(posix_spawn(&pid, argv[0], &actions, NULL, (char *const *)argv, environ), 0);
    waitpid(pid, &status, 0);
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    windows->keep = in[1];
    said = fdopen(out[0], "r");
    read_places(windows, said);
    fclose(said);
}

void windows_down(struct windows *windows)
{
    close(windows->keep);
}

const char *windows_lua(struct windows *windows, const char *chunk)
{
    static char text[16384];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    size_t len = 0;
    ssize_t n;
    char *body;

    address.sin_port = htons((uint16_t)windows->control);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    dprintf(
        fd, "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s",
        strlen(chunk), chunk);
    while ((n = read(fd, text + len, sizeof text - 1 - len)) > 0) {
        len += (size_t)n;
    }
    close(fd);
    text[len] = '\0';
    ck_assert_msg(strncmp(text, "HTTP/1.1 200", 12) == 0, "%s: %s", chunk, text);
    body = strstr(text, "\r\n\r\n") + 4;
    body[strcspn(body, "\n")] = '\0';
    return body;
}

void windows_fingerprint(const char *dir, char fingerprint[65])
{
    char command[256], text[256] = "";
    FILE *pipe;

    snprintf(command, sizeof command, "openssl x509 -in %s/cert.pem -outform DER | sha256sum", dir);
    pipe = popen(command, "r"); /* NOLINT(cert-env33-c): the test's own folder */
    ck_assert_ptr_nonnull(fgets(text, sizeof text, pipe));
    pclose(pipe);
    snprintf(fingerprint, 65, "%.64s", text);
}
