/* The socket and its clients: who they are, what is read, what is bounded. */
#include "control/client.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <utlist.h>

/* A client that neither asks nor watches, or that does not read, is let go after this. */
static const struct timeval read_timeout = {120, 0};
static const struct timeval write_timeout = {30, 0};
static const struct timeval breath = {1, 0};

/* ---- Clients -------------------------------------------------------------------------- */

static void client_free(struct control_client *client)
{
    struct control *control = client->control;

    control_wait_end(client);
    if (client->question != NULL) {
        client->question->client = NULL;
    }
    json_decref(client->id);
    bufferevent_free(client->stream);
    DL_DELETE(control->clients, client);
    control->n_clients--;
    free(client);
}

bool control_busy(const struct control_client *client)
{
    return client->wait.controller != NULL || client->question != NULL;
}

static void say(struct control *control, enum world_level level, const char *text)
{
    struct world_log line = {.level = level, .event = "control", .text = text};

    control->setup.world->ops->log(control->setup.world, &line);
}

static void drop(struct control_client *client, const char *why)
{
    if (client->dropped) {
        return;
    }
    client->dropped = true;
    say(client->control, WORLD_WARNING, why);
    bufferevent_trigger_event(client->stream, BEV_EVENT_ERROR, BEV_TRIG_DEFER_CALLBACKS);
}

void control_send(struct control_client *client, json_t *line)
{
    struct evbuffer *output = bufferevent_get_output(client->stream);
    char *text;

    if (client->dropped) {
        json_decref(line);
        return;
    }
    if (client->id != NULL && line != NULL && !client->watching) {
        json_object_set(line, "id", client->id);
    }
    text = line == NULL ? NULL : json_dumps(line, JSON_COMPACT);
    json_decref(line);
    if (text == NULL) {
        drop(client, "no memory for an answer: the client is dropped");
        return;
    }
    if (evbuffer_get_length(output) > CONTROL_UNSENT_MAX) {
        drop(client, "a client does not read what it asked for: dropped");
    } else {
        evbuffer_add_printf(output, "%s\n", text);
    }
    free(text);
}

void control_send_ok(struct control_client *client, json_t *line)
{
    json_t *answer = json_pack("{s:b}", "ok", 1);

    if (line != NULL) {
        json_object_update(answer, line);
        json_decref(line);
    }
    control_send(client, answer);
}

void control_send_error(struct control_client *client, const char *code, const char *text)
{
    control_send(
        client,
        json_pack(
            "{s:b,s:{s:s,s:o}}", "ok", 0, "error", "code", code, "text", control_json_text(text)));
}

void control_send_failed(struct control_client *client, const struct baton_error *error)
{
    control_send_error(client, baton_err_name(error->code), error->text);
}

void control_next(struct control_client *client)
{
    bufferevent_trigger(
        client->stream, EV_READ, BEV_TRIG_DEFER_CALLBACKS | BEV_TRIG_IGNORE_WATERMARKS);
}

/* Let go of a client that has had everything. */
static bool finish(struct control_client *client)
{
    if (client->heard && !control_busy(client)) {
        client->ending = true;
    }
    if (!client->ending || evbuffer_get_length(bufferevent_get_output(client->stream)) > 0) {
        return false;
    }
    client_free(client);
    return true;
}

static void on_read(struct bufferevent *stream, void *arg)
{
    struct control_client *client = arg;
    struct evbuffer *input = bufferevent_get_input(stream);
    size_t len;
    char *line;

    while (!client->ending && !control_busy(client) && !client->dropped &&
           (line = evbuffer_readln(input, &len, EVBUFFER_EOL_LF)) != NULL) {
        control_command(client, line, len);
        free(line);
    }
    if (!client->ending && !control_busy(client) &&
        evbuffer_get_length(input) >= CONTROL_LINE_MAX) {
        control_send_error(
            client, baton_err_name(BATON_LIMIT), "a request has at most 64 KiB; good bye");
        client->ending = true;
        bufferevent_disable(stream, EV_READ);
    }
    finish(client);
}

static void on_write(struct bufferevent *stream, void *arg)
{
    (void)stream;
    finish(arg);
}

static void on_event(struct bufferevent *stream, short what, void *arg)
{
    struct control_client *client = arg;

    if ((what & BEV_EVENT_TIMEOUT) != 0 && (what & BEV_EVENT_READING) != 0 &&
        (client->watching || control_busy(client))) {
        bufferevent_enable(stream, EV_READ);
    } else if ((what & BEV_EVENT_EOF) != 0) {
        client->heard = true;
        on_read(stream, client);
    } else {
        client_free(client);
    }
}

/* Who is it? The kernel says, not the client. */
static bool identify(struct control_client *client, int fd)
{
    struct ucred peer;
    socklen_t len = sizeof peer;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0) {
        return false;
    }
    client->may_act = peer.uid == 0 || peer.uid == geteuid();
    if (peer.uid == 0) {
        snprintf(client->who, sizeof client->who, "root");
    } else {
        snprintf(client->who, sizeof client->who, "uid %u", (unsigned)peer.uid);
    }
    return true;
}

static void turn_away(int fd)
{
    static const char text[] =
        "{\"ok\":false,\"error\":{\"code\":\"limit\",\"text\":\"too many clients at once (64); "
        "close one, or try again\"}}\n";
    ssize_t n = send(fd, text, sizeof text - 1, MSG_DONTWAIT | MSG_NOSIGNAL);

    (void)n;
    close(fd);
}

static void on_accept(
    struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address, int len,
    void *arg)
{
    struct control *control = arg;
    struct control_client *client;

    (void)listener;
    (void)address;
    (void)len;
    if (control->n_clients >= CONTROL_CLIENTS_MAX) {
        turn_away(fd);
        return;
    }
    client = calloc(1, sizeof *client);
    if (client == NULL || !identify(client, fd)) {
        free(client);
        close(fd);
        return;
    }
    client->control = control;
    client->stream = bufferevent_socket_new(control->setup.base, fd, BEV_OPT_CLOSE_ON_FREE);
    if (client->stream == NULL) {
        free(client);
        close(fd);
        return;
    }
    DL_APPEND(control->clients, client);
    control->n_clients++;
    bufferevent_setcb(client->stream, on_read, on_write, on_event, client);
    bufferevent_setwatermark(client->stream, EV_READ, 0, CONTROL_LINE_MAX);
    bufferevent_set_timeouts(client->stream, &read_timeout, &write_timeout);
    bufferevent_enable(client->stream, EV_READ | EV_WRITE);
}

/* Descriptors ran out: the listening socket stays readable, so don't spin on it. */
static void on_accept_error(struct evconnlistener *listener, void *arg)
{
    struct control *control = arg;

    evconnlistener_disable(listener);
    evtimer_add(control->breath, &breath);
    say(control, WORLD_WARNING, "can't accept a client on the control socket; trying again in 1 s");
}

static void on_breath(evutil_socket_t fd, short what, void *arg)
{
    struct control *control = arg;

    (void)fd;
    (void)what;
    evconnlistener_enable(control->listener);
}

/* ---- The socket file ------------------------------------------------------------------ */

/* Make the folder that the socket lies in; only its last part. */
static enum baton_err make_folder(const char *socket_path, struct baton_error *error)
{
    char folder[sizeof((struct sockaddr_un *)0)->sun_path];
    char *slash;

    snprintf(folder, sizeof folder, "%s", socket_path);
    slash = strrchr(folder, '/');
    if (slash == NULL || slash == folder) {
        return BATON_OK;
    }
    *slash = '\0';
    if (mkdir(folder, 0755) == 0) {
        /* The daemon's umask is stricter; who may look must be able to get here. */
        if (chmod(folder, 0755) != 0) {
            return baton_fail(error, BATON_IO, "%s: %s", folder, strerror(errno));
        }
        return BATON_OK;
    }
    if (errno != EEXIST) {
        return baton_fail(
            error, BATON_IO, "%s: can't make this folder for the control socket: %s", folder,
            strerror(errno));
    }
    return BATON_OK;
}

/* Out of the way with a socket file that nobody answers on, and with nothing else. */
static enum baton_err clear_path(const struct sockaddr_un *address, struct baton_error *error)
{
    struct stat status;
    int fd, failed;

    if (lstat(address->sun_path, &status) != 0) {
        return BATON_OK;
    }
    if (!S_ISSOCK(status.st_mode)) {
        return baton_fail(
            error, BATON_REFUSED, "%s: exists and is no socket; move it away or name another path",
            address->sun_path);
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return baton_fail(error, BATON_IO, "no socket: %s", strerror(errno));
    }
    failed = connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 ? 0 : errno;
    close(fd);
    if (failed != ECONNREFUSED) {
        return baton_fail(
            error, BATON_REFUSED, "%s: another daemon answers on it; stop that one first",
            address->sun_path);
    }
    if (unlink(address->sun_path) != 0 && errno != ENOENT) {
        return baton_fail(
            error, BATON_IO, "%s: can't remove the stale socket: %s", address->sun_path,
            strerror(errno));
    }
    return BATON_OK;
}

static enum baton_err open_socket(struct control *control, int *out, struct baton_error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = control->setup.socket;
    struct stat status;
    enum baton_err err;
    mode_t mask;
    int fd, bound;

    if (strlen(path) >= sizeof address.sun_path) {
        return baton_fail(
            error, BATON_INVALID, "%s: a socket's path has at most %zu bytes", path,
            sizeof address.sun_path - 1);
    }
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    err = make_folder(path, error);
    if (err == BATON_OK) {
        err = clear_path(&address, error);
    }
    if (err != BATON_OK) {
        return err;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return baton_fail(error, BATON_IO, "no socket: %s", strerror(errno));
    }
    mask = umask(0117); /* 0660 from its first moment */
    bound = bind(fd, (struct sockaddr *)&address, sizeof address);
    umask(mask);
    if (bound != 0 || lstat(path, &status) != 0) {
        baton_fail(error, BATON_IO, "%s: can't make the control socket: %s", path, strerror(errno));
        close(fd);
        return BATON_IO;
    }
    control->made = true;
    control->device = status.st_dev;
    control->inode = status.st_ino;
    *out = fd;
    return BATON_OK;
}

static void remove_socket(const struct control *control)
{
    struct stat status;

    if (control->made && lstat(control->setup.socket, &status) == 0 &&
        status.st_dev == control->device && status.st_ino == control->inode) {
        unlink(control->setup.socket);
    }
}

/* ---- The calls ------------------------------------------------------------------------ */

enum baton_err control_new(
    const struct control_setup *setup, struct control **out, struct baton_error *error)
{
    struct control *control = calloc(1, sizeof *control);
    enum baton_err err;
    int fd = -1;

    if (control == NULL) {
        return baton_fail(error, BATON_NOMEM, "no memory for the control socket");
    }
    control->setup = *setup;
    control->setup.socket = strdup(setup->socket); /* a reload frees the configuration's own */
    if (control->setup.socket == NULL) {
        free(control);
        return baton_fail(error, BATON_NOMEM, "no memory for the control socket");
    }
    err = open_socket(control, &fd, error);
    if (err != BATON_OK) {
        goto out;
    }
    control->breath = evtimer_new(setup->base, on_breath, control);
    control->listener = evconnlistener_new(
        setup->base, on_accept, control, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 16, fd);
    if (control->listener == NULL || control->breath == NULL) {
        err = baton_fail(error, BATON_IO, "%s: can't listen: %s", setup->socket, strerror(errno));
        goto out;
    }
    fd = -1;
    evconnlistener_set_error_cb(control->listener, on_accept_error);
    *out = control;
    return BATON_OK;
out:
    if (fd >= 0 && control->listener == NULL) {
        close(fd);
    }
    control_free(control);
    return err;
}

void control_free(struct control *control)
{
    struct control_client *client, *next;

    if (control == NULL) {
        return;
    }
    DL_FOREACH_SAFE(control->clients, client, next)
    {
        client_free(client);
    }
    if (control->listener != NULL) {
        evconnlistener_free(control->listener);
    }
    if (control->breath != NULL) {
        event_free(control->breath);
    }
    remove_socket(control);
    free((char *)control->setup.socket);
    free(control);
}

static bool watches(const struct control_client *client, const char *group)
{
    return client->watching && (client->watched[0] == '\0' || strcmp(client->watched, group) == 0);
}

void control_news(
    struct control *control, const struct controller *controller,
    const struct controller_news *news)
{
    const char *group = controller_group(controller)->name;
    struct control_client *client;
    json_t *line = NULL;

    DL_FOREACH(control->clients, client)
    {
        bool follows = client->wait.controller == controller;

        if (!follows && !watches(client, group)) {
            continue;
        }
        if (line == NULL) {
            line = control_json_news(controller, control->setup.world, news);
        }
        if (follows) {
            control_wait_news(client, controller, news, line);
        } else {
            control_send(client, json_copy(line));
        }
    }
    json_decref(line);
}
