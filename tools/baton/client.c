#include "baton.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_MS 10000

struct client {
    const struct args *args;
    int fd;
    char *line;
    size_t used, size;
};

static int unreachable(const struct args *args, int why)
{
    const char *what = strerror(why);

    if (why == EACCES) {
        return print_error(
            args, BATON_UNREACHABLE, "unreachable",
            "may not use %s: run it as root (sudo baton …), or join the socket's group to look",
            args->socket);
    }
    return print_error(
        args, BATON_UNREACHABLE, "unreachable",
        "can't reach batond at %s: %s.\n"
        "Is it running?        systemctl status batond\n"
        "Another socket?       baton --socket PATH …, or set BATON_SOCKET\n"
        "The service itself is not affected: without batond it stays where it is.",
        args->socket, why == ENOENT ? "there is no such socket" : what);
}

struct client *client_open(const struct args *args)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct client *client;
    int fd;

    if (strlen(args->socket) >= sizeof address.sun_path) {
        unreachable(args, ENAMETOOLONG);
        return NULL;
    }
    memcpy(address.sun_path, args->socket, strlen(args->socket));
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        unreachable(args, errno);
        if (fd >= 0) {
            close(fd);
        }
        return NULL;
    }
    client = calloc(1, sizeof *client);
    if (client == NULL) {
        close(fd);
        return NULL;
    }
    client->args = args;
    client->fd = fd;
    return client;
}

void client_close(struct client *client)
{
    if (client != NULL) {
        close(client->fd);
        free(client->line);
        free(client);
    }
}

int client_fd(const struct client *client)
{
    return client->fd;
}

bool client_send(struct client *client, json_t *request)
{
    char *text = json_dumps(request, JSON_COMPACT);
    size_t len, sent = 0;
    char *line;

    json_decref(request);
    len = text == NULL ? 0 : strlen(text);
    line = text == NULL ? NULL : realloc(text, len + 2);
    if (line == NULL) {
        free(text);
        return false;
    }
    line[len++] = '\n';
    while (sent < len) {
        ssize_t n = send(client->fd, line + sent, len - sent, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            break;
        }
        sent += (size_t)n;
    }
    free(line);
    return sent == len;
}

/* Cut the first line out of what has been read. */
static json_t *take_line(struct client *client)
{
    char *end = client->used == 0 ? NULL : memchr(client->line, '\n', client->used);
    json_t *json;
    size_t len;

    if (end == NULL) {
        return NULL;
    }
    len = (size_t)(end - client->line);
    json = json_loadb(client->line, len, 0, NULL);
    client->used -= len + 1;
    memmove(client->line, end + 1, client->used);
    return json == NULL ? json_object() : json;
}

static bool read_more(struct client *client)
{
    ssize_t n;

    if (client->size - client->used < 4096) {
        size_t size = client->size == 0 ? 16384 : client->size * 2;
        char *line = realloc(client->line, size);

        if (line == NULL) {
            return false;
        }
        client->line = line;
        client->size = size;
    }
    n = read(client->fd, client->line + client->used, client->size - client->used);
    if (n <= 0) {
        return n < 0 && errno == EINTR;
    }
    client->used += (size_t)n;
    return true;
}

static int64_t steady_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

json_t *client_next(struct client *client, int timeout_ms, bool *gone)
{
    int64_t end_ms = steady_ms() + timeout_ms;
    json_t *line;

    *gone = false;
    while ((line = take_line(client)) == NULL) {
        struct pollfd wait = {.fd = client->fd, .events = POLLIN};
        int64_t left_ms = end_ms - steady_ms();
        int n;

        if (timeout_ms == CLIENT_FOR_EVER) {
            left_ms = -1;
        } else if (left_ms < 0) {
            left_ms = 0;
        }
        n = poll(&wait, 1, (int)left_ms);
        if (n == 0 || (n < 0 && errno == EINTR)) {
            return NULL;
        }
        if (n < 0 || !read_more(client)) {
            *gone = true;
            return NULL;
        }
    }
    return line;
}

int client_refused(const struct args *args, const json_t *answer)
{
    const json_t *error = json_object_get(answer, "error");

    if (args->json) {
        print_json_line(answer);
    } else {
        fprintf(stderr, "baton: %s: %s\n", text_at(error, "code"), text_at(error, "text"));
    }
    return BATON_NO;
}

int client_silent(const struct args *args, bool gone)
{
    return print_error(
        args, BATON_UNREACHABLE, "unreachable",
        gone ? "batond closed the connection before it answered; did it end? See: "
               "journalctl -u batond"
             : "batond at the socket does not answer in time; see: journalctl -u batond");
}

json_t *client_ask(const struct args *args, json_t *request, int *code)
{
    return client_ask_within(args, request, ANSWER_MS, code);
}

json_t *client_ask_within(const struct args *args, json_t *request, int timeout_ms, int *code)
{
    struct client *client = client_open(args);
    json_t *answer = NULL;
    bool gone = true;

    if (client == NULL) {
        json_decref(request);
        *code = BATON_UNREACHABLE;
        return NULL;
    }
    /* A daemon that turns this client away answers before it is asked. */
    client_send(client, request);
    answer = client_next(client, timeout_ms, &gone);
    client_close(client);
    if (answer == NULL) {
        *code = client_silent(args, gone);
        return NULL;
    }
    if (!bool_at(answer, "ok")) {
        *code = client_refused(args, answer);
        json_decref(answer);
        return NULL;
    }
    *code = BATON_DONE;
    return answer;
}
