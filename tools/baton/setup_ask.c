/* Questions to the person at the terminal. The loop goes on meanwhile, so that a signal ends it. */
#include "setup.h"

#include <event2/event.h>
#include <string.h>
#include <unistd.h>

bool setup_can_ask(const struct setup *setup)
{
    return !setup->args->json && isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    *(bool *)arg = true;
}

bool setup_ask(struct setup *setup, const char *question, char *line, size_t size)
{
    bool readable = false;
    struct event *event =
        event_new(setup->base, STDIN_FILENO, EV_READ | EV_PERSIST, on_readable, &readable);
    ssize_t got = -1;

    printf("%s", question);
    fflush(stdout);
    if (event != NULL && event_add(event, NULL) == 0) {
        while (!readable && !setup->stopped) {
            event_base_loop(setup->base, EVLOOP_ONCE);
        }
        /* A terminal gives whole lines. */
        got = readable ? read(STDIN_FILENO, line, size - 1) : -1;
    }
    if (event != NULL) {
        event_free(event);
    }
    if (got <= 0) {
        printf("\n");
        return false;
    }
    line[got] = '\0';
    line[strcspn(line, "\r\n")] = '\0';
    return true;
}
