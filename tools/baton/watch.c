/* baton status --watch: drawn anew on a terminal, one line for each event in a pipe. */
#include "baton.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define REDRAW_MS 1000 /* ages grow even where nothing happens */

static volatile sig_atomic_t leave;

static void on_signal(int number)
{
    (void)number;
    leave = 1;
}

static bool begin_watch(const struct args *args, struct client *client, int *code)
{
    json_t *request = json_pack("{s:s}", "do", "watch"), *answer;
    bool gone, good;

    if (args->n_words > 0) {
        json_object_set_new(request, "group", json_string(args->word[0]));
    }
    client_send(client, request);
    answer = client_next(client, 10000, &gone);
    good = bool_at(answer, "ok");
    if (answer == NULL) {
        *code = client_silent(args, gone);
    } else if (!good) {
        *code = client_refused(args, answer);
    }
    json_decref(answer);
    return good;
}

/* ---- In a pipe -------------------------------------------------------------------------- */

static void print_event(const struct args *args, const json_t *line)
{
    const char *word = text_at(line, "notice");

    if (args->json) {
        print_json_line(line);
        return;
    }
    printf(
        "%s %s %s%s%s: %s\n", text_at(line, "time"), text_at(line, "group"),
        word[0] != '\0' ? word : text_at(line, "event"),
        text_at(line, "node")[0] != '\0' ? " " : "", text_at(line, "node"), text_at(line, "text"));
    fflush(stdout);
}

static int stream(const struct args *args, struct client *client)
{
    while (!leave && ferror(stdout) == 0) {
        bool gone;
        json_t *line = client_next(client, CLIENT_FOR_EVER, &gone);

        if (line == NULL && gone) {
            return print_error(
                args, BATON_UNREACHABLE, "unreachable", "batond has ended; the service has not");
        }
        if (line != NULL) {
            print_event(args, line);
        }
        json_decref(line);
    }
    return BATON_DONE;
}

/* ---- On a terminal ---------------------------------------------------------------------- */

static void draw(const json_t *status)
{
    char *text = NULL, *line, *next;
    size_t size = 0;
    FILE *memory = open_memstream(&text, &size);

    if (memory == NULL) {
        return;
    }
    status_print(memory, status);
    fclose(memory);
    fputs("\033[H", stdout);
    for (line = text; line != NULL && *line != '\0'; line = next) {
        next = strchr(line, '\n');
        if (next != NULL) {
            *next++ = '\0';
        }
        printf("%s\033[K\r\n", line);
    }
    printf(
        "\033[K\r\n%s%s · q leaves%s\033[K\033[J", print_dim(), text_at(status, "time"),
        print_plain());
    fflush(stdout);
    free(text);
}

static bool ask_status(const struct args *args, struct client *client)
{
    json_t *request = json_pack("{s:s}", "do", "status");

    if (args->n_words > 0) {
        json_object_set_new(request, "group", json_string(args->word[0]));
    }
    return client_send(client, request);
}

static bool wants_to_leave(int wait_ms, struct client *client)
{
    struct pollfd wait[2] = {
        {.fd = STDIN_FILENO, .events = POLLIN}, {.fd = client_fd(client), .events = POLLIN}};
    char key;

    if (poll(wait, 2, wait_ms) > 0 && (wait[0].revents & (POLLIN | POLLHUP)) != 0) {
        ssize_t n = read(STDIN_FILENO, &key, 1);

        return n <= 0 || key == 'q' || key == 'Q' || key == 3 || key == 27;
    }
    return leave != 0;
}

static int screen(const struct args *args, struct client *client)
{
    bool asked = ask_status(args, client), gone = false;

    while (!leave) {
        json_t *line = client_next(client, 0, &gone);

        if (gone) {
            return BATON_UNREACHABLE;
        }
        if (json_object_get(line, "groups") != NULL) {
            draw(line);
            asked = false;
        } else if (line != NULL && json_object_get(line, "event") != NULL && !asked) {
            asked = ask_status(args, client);
        } else if (line == NULL) {
            if (wants_to_leave(REDRAW_MS, client)) {
                break;
            }
            asked = asked || ask_status(args, client);
        }
        json_decref(line);
    }
    return BATON_DONE;
}

static int run_screen(const struct args *args, struct client *client)
{
    struct termios before, raw;
    bool keys = tcgetattr(STDIN_FILENO, &before) == 0;
    int code;

    if (keys) {
        raw = before;
        raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
    fputs("\033[?1049h\033[?25l\033[2J", stdout); /* the other screen, no cursor */
    code = screen(args, client);
    fputs("\033[?25h\033[?1049l", stdout);
    fflush(stdout);
    if (keys) {
        tcsetattr(STDIN_FILENO, TCSANOW, &before);
    }
    if (code == BATON_UNREACHABLE) {
        print_error(args, code, "unreachable", "batond has ended; the service has not");
    }
    return code;
}

int status_watch(const struct args *args)
{
    struct sigaction action = {.sa_handler = on_signal}; /* no restart: poll ends */
    struct client *client = client_open(args);
    int code = BATON_DONE;

    if (client == NULL) {
        return BATON_UNREACHABLE;
    }
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    if (begin_watch(args, client, &code)) {
        code = print_terminal() && !args->json ? run_screen(args, client) : stream(args, client);
    }
    client_close(client);
    return code;
}
