#include "world/live/guard.h"

#include "world/live/child.h"
#include "world/live/parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utlist.h>

#define LINK_AGAIN_MS     100  /* until the next try to connect */
#define LINK_SENT_AWAY_MS 2000 /* … where it does not want us */
#define LINK_START_MS     1000 /* between two starts of a guardian */
#define LINK_READS        64   /* in one turn of the loop */

enum link_phase {
    LINK_AWAY = 0,
    LINK_TELLING, /* connected; not all of the configuration is answered yet */
    LINK_UP,
};

struct armed { /* what the guardian was armed with last */
    char group[GUARDIAN_NAME_MAX];
    int64_t until_ms, epoch;
};

struct guard_link {
    struct live *live;
    enum link_phase phase;
    int fd;
    struct event *readable, *again;
    uint64_t number, told_number; /* last that was sent; last of the configuration */
    uint64_t instance;            /* of the guardian that was there last; 0: none */
    int64_t told_fired_ms;        /* the last time it did its work that the log has */
    bool owes_setup;              /* it could not take all just now */
    struct child *starter;
    int64_t started_ms;
    struct guard_call *calls;
    int n_armed;
    struct armed armed[GUARDIAN_GROUPS_MAX];
    char unwatched[256];
    char why[256]; /* what is wrong now, said once */
};

/* ---- What is wrong ----------------------------------------------------------------------- */

static void tell_log(struct guard_link *link, enum world_level level, const char *text)
{
    struct world *world = live_world(link->live);

    world->ops->log(world, &(struct world_log){.level = level, .event = "guardian", .text = text});
}

__attribute__((format(printf, 2, 3))) static void complain(
    struct guard_link *link, const char *format, ...)
{
    char text[sizeof link->why];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (strcmp(text, link->why) != 0) {
        memcpy(link->why, text, sizeof text);
        tell_log(link, WORLD_ALERT, text);
    }
}

static void try_later(struct guard_link *link, int delay_ms)
{
    event_add(link->again, &(struct timeval){delay_ms / 1000, delay_ms % 1000 * 1000});
}

static void hang_up(struct guard_link *link)
{
    struct guard_call *call;

    if (link->fd >= 0) {
        event_del(link->readable);
        close(link->fd);
        link->fd = -1;
    }
    link->phase = LINK_AWAY;
    DL_FOREACH(link->calls, call)
    {
        call->sent = false;
    }
    try_later(link, LINK_AGAIN_MS);
}

/* ---- Sending ----------------------------------------------------------------------------- */

static bool send_request(struct guard_link *link, struct guardian_request *request)
{
    size_t size = guardian_request_size(request->head.op);

    request->head.number = ++link->number;
    if (send(link->fd, request, size, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)size) {
        return true;
    }
    if (errno != EAGAIN) {
        hang_up(link);
    }
    return false;
}

static void send_calls(struct guard_link *link)
{
    struct guard_call *call;

    DL_FOREACH(link->calls, call)
    {
        if (link->phase != LINK_UP) {
            return;
        }
        if (!call->sent) {
            call->sent = send_request(link, &call->request);
            if (!call->sent) { /* its queue is full: it is stopped, or very busy */
                try_later(link, LINK_AGAIN_MS);
                return;
            }
        }
    }
}

static bool fill_setup(
    const struct config *config, const struct config_group *group, struct guardian_request *request)
{
    if (!guardian_request_begin(request, GUARDIAN_SETUP, 0, group->name)) {
        return false;
    }
    request->budget_ms = (int32_t)config->peers->times.guardian_ms;
    if (group->floating != NULL && group->interface != NULL) {
        snprintf(request->path, sizeof request->path, "%s", group->floating);
        snprintf(request->interface, sizeof request->interface, "%s", group->interface);
    }
    for (int i = 0; i < group->n_guardian; i++) {
        if (!guardian_request_command(
                request, (const char *const *)group->guardian[i].argv,
                (int32_t)group->guardian[i].deadline_ms)) {
            return false;
        }
    }
    return guardian_request_check(request, sizeof *request) == NULL;
}

/* Hello, the watchdog, each group: what a guardian must know before it can be armed. */
static bool send_configuration(struct guard_link *link)
{
    const struct config *config = live_config(link->live);
    struct guardian_request request;
    bool good;

    link->owes_setup = false;
    guardian_request_begin(&request, GUARDIAN_HELLO, 0, "");
    good = send_request(link, &request);
    guardian_request_begin(&request, GUARDIAN_WATCHDOG, 0, "");
    if (config->peers->watchdog != NULL) {
        snprintf(request.path, sizeof request.path, "%s", config->peers->watchdog);
        request.budget_ms = (int32_t)config->peers->times.watchdog_ms;
    }
    good = good && send_request(link, &request);
    for (int i = 0; good && i < config->n_groups; i++) {
        if (fill_setup(config, &config->group[i], &request)) {
            good = send_request(link, &request);
        } else {
            complain(
                link,
                "group %s: its stops can't be given to the guardian, they are too many or too "
                "long; make a script of them",
                config->group[i].name);
        }
    }
    link->told_number = link->number;
    return good;
}

/* ---- Its answers ------------------------------------------------------------------------- */

static void remember(struct guard_link *link, const struct guardian_request *request)
{
    struct armed *armed = NULL;

    for (int i = 0; i < link->n_armed; i++) {
        if (strcmp(link->armed[i].group, request->group) == 0) {
            armed = &link->armed[i];
        }
    }
    if (request->head.op == GUARDIAN_DISARM && armed != NULL) {
        *armed = link->armed[--link->n_armed];
    } else if (request->head.op == GUARDIAN_ARM) {
        if (armed == NULL && link->n_armed < GUARDIAN_GROUPS_MAX) {
            armed = &link->armed[link->n_armed++];
        }
        if (armed != NULL) {
            memcpy(armed->group, request->group, sizeof armed->group);
            armed->until_ms = request->until_ms;
            armed->epoch = request->epoch;
        }
    }
}

/* Its predecessor has died: this one goes on for it, too late or not. */
static void arm_again(struct guard_link *link)
{
    for (int i = 0; i < link->n_armed && link->fd >= 0; i++) {
        struct guardian_request request;

        guardian_request_begin(&request, GUARDIAN_ARM, 0, link->armed[i].group);
        request.until_ms = link->armed[i].until_ms;
        request.epoch = link->armed[i].epoch;
        send_request(link, &request);
    }
}

static void take_call(struct guard_link *link, const struct guardian_answer *answer)
{
    struct guard_call *call;

    DL_FOREACH(link->calls, call)
    {
        if (call->sent && call->request.head.number == answer->head.number) {
            if (answer->word == GUARDIAN_DONE) {
                remember(link, &call->request);
            }
            guard_forget(call);
            call->answered(call->arg, answer, link->unwatched);
            return;
        }
    }
}

static void take_told(struct guard_link *link, const struct guardian_answer *answer)
{
    bool refused = answer->word == GUARDIAN_REFUSED;

    if (answer->head.op == GUARDIAN_WATCHDOG) {
        snprintf(link->unwatched, sizeof link->unwatched, "%s", refused ? answer->text : "");
        if (answer->text[0] != 0) {
            complain(link, "hardware watchdog: %s", answer->text);
        }
    } else if (answer->head.op == GUARDIAN_SETUP && refused) {
        if (answer->state == GUARDIAN_FIRING) {
            link->owes_setup = true; /* told again with the next call */
        } else {
            complain(link, "the guardian does not take the stops of a group: %s", answer->text);
        }
    }
    if (answer->head.number == link->told_number && link->phase == LINK_TELLING) {
        bool new = link->instance != answer->instance;

        link->phase = LINK_UP;
        link->why[0] = 0;
        link->instance = answer->instance;
        if (new) {
            tell_log(link, WORLD_INFO, "connected to a guardian that was not there before");
            arm_again(link);
        }
        send_calls(link);
    }
}

/* What it had to do, for whoever reads the daemon's log only. */
static void tell_fired(struct guard_link *link, const struct guardian_answer *answer)
{
    bool fired = answer->state == GUARDIAN_FIRED || answer->state == GUARDIAN_FAILED;

    if (answer->word == GUARDIAN_DONE && fired && answer->fired_ms > link->told_fired_ms) {
        link->told_fired_ms = answer->fired_ms;
        tell_log(link, WORLD_ALERT, answer->text);
    }
}

static void take_answer(struct guard_link *link, const void *message, size_t size)
{
    const struct guardian_answer *answer = message;
    const char *wrong = guardian_answer_check(message, size);

    if (wrong != NULL) {
        complain(link, "%s", wrong);
        hang_up(link);
        try_later(link, LINK_SENT_AWAY_MS);
        return;
    }
    if (answer->word == GUARDIAN_BUSY || answer->word == GUARDIAN_STRANGE) {
        complain(link, "the guardian: %s", answer->text);
        hang_up(link);
        try_later(link, LINK_SENT_AWAY_MS);
        return;
    }
    tell_fired(link, answer);
    if (answer->head.op == GUARDIAN_HELLO || answer->head.op == GUARDIAN_WATCHDOG ||
        answer->head.op == GUARDIAN_SETUP) {
        take_told(link, answer);
    } else {
        take_call(link, answer);
    }
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct guard_link *link = arg;
    struct guardian_answer answer;

    (void)what;
    for (int i = 0; i < LINK_READS && link->fd == fd; i++) {
        ssize_t n = recv(fd, &answer, sizeof answer, MSG_DONTWAIT | MSG_TRUNC);

        if (n > 0) {
            take_answer(link, &answer, (size_t)n);
        } else if (n == 0 || errno != EAGAIN) {
            complain(link, "the guardian has gone");
            hang_up(link);
            event_active(link->again, EV_TIMEOUT, 0);
        } else {
            return;
        }
    }
}

/* ---- Starting one ------------------------------------------------------------------------ */

/* Where the guardian's program is: beside the daemon's, or where it is installed. */
static void find_program(char *path, size_t size)
{
    const char *named = getenv("BATON_GUARDIAN");
    ssize_t len = readlink("/proc/self/exe", path, size - 1);
    char *slash;

    if (named != NULL && named[0] == '/') {
        snprintf(path, size, "%s", named);
        return;
    }
    path[len > 0 ? len : 0] = 0;
    slash = strrchr(path, '/');
    if (slash != NULL) {
        snprintf(slash + 1, size - (size_t)(slash + 1 - path), "baton-guardian");
        if (access(path, X_OK) == 0) {
            return;
        }
    }
    snprintf(path, size, "%s", BATON_GUARDIAN_PATH);
}

static bool socket_path(struct guard_link *link, char *path, size_t size)
{
    const struct config *config = live_config(link->live);
    int len = config->peers->guardian_socket != NULL
                  ? snprintf(path, size, "%s", config->peers->guardian_socket)
                  : snprintf(path, size, "%s/guardian.sock", config->state_directory);

    return len > 0 && (size_t)len < size;
}

static void on_started(void *arg, const struct child_result *result)
{
    struct guard_link *link = arg;
    char text[200];

    link->starter = NULL;
    if (result->code != 0) {
        child_say(result, text, sizeof text);
        complain(link, "no guardian could be started: %s", text);
    }
    event_active(link->again, EV_TIMEOUT, 0);
}

static void start_one(struct guard_link *link)
{
    char program[512], log[512], to[sizeof((struct sockaddr_un *)NULL)->sun_path];
    const char *argv[] = {program, "--detach", "--socket", to, "--log", log, NULL};
    struct child_setup setup = {
        .argv = argv, .output_max = 1024, .errors_min = 512, .done = on_started, .arg = link};
    int64_t now_ms = live_now_us() / 1000;
    char why[200] = "";

    if (link->starter != NULL || now_ms - link->started_ms < LINK_START_MS ||
        !socket_path(link, to, sizeof to)) {
        return;
    }
    link->started_ms = now_ms;
    find_program(program, sizeof program);
    snprintf(log, sizeof log, "%s/guardian.log", live_config(link->live)->state_directory);
    link->starter = child_start(live_children(link->live), &setup, why, sizeof why);
    if (link->starter == NULL) {
        complain(link, "no guardian could be started: %s", why);
    }
}

/* ---- Connecting -------------------------------------------------------------------------- */

static bool connect_to(struct guard_link *link)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};

    if (!socket_path(link, to.sun_path, sizeof to.sun_path)) {
        complain(link, "the guardian's socket has a path that is too long; set a shorter one");
        return false;
    }
    link->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (link->fd >= 0 && connect(link->fd, (struct sockaddr *)&to, sizeof to) == 0) {
        return event_assign(
                   link->readable, live_base(link->live), link->fd, EV_READ | EV_PERSIST,
                   on_readable, link) == 0 &&
               event_add(link->readable, NULL) == 0;
    }
    if (errno == ENOENT || errno == ECONNREFUSED) {
        start_one(link);
    } else {
        complain(link, "the guardian can't be reached by %s: %s", to.sun_path, strerror(errno));
    }
    return false;
}

static void try_to_connect(struct guard_link *link)
{
    if (live_config(link->live)->peers == NULL) {
        return;
    }
    if (!connect_to(link)) {
        if (link->fd >= 0) {
            close(link->fd);
            link->fd = -1;
        }
        try_later(link, LINK_AGAIN_MS);
        return;
    }
    link->phase = LINK_TELLING;
    if (!send_configuration(link) && link->fd >= 0) {
        hang_up(link);
    }
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
    struct guard_link *link = arg;

    (void)fd;
    (void)what;
    if (link->phase == LINK_AWAY) {
        try_to_connect(link);
    } else {
        send_calls(link);
    }
}

/* ---- For others -------------------------------------------------------------------------- */

struct guard_link *guard_link_new(struct live *live)
{
    struct guard_link *link = calloc(1, sizeof *link);

    if (link == NULL) {
        return NULL;
    }
    link->live = live;
    link->fd = -1;
    link->started_ms = INT64_MIN / 2;
    link->readable = event_new(live_base(live), -1, EV_READ, on_readable, link);
    link->again = event_new(live_base(live), -1, 0, on_again, link);
    if (link->readable == NULL || link->again == NULL) {
        guard_link_free(link);
        return NULL;
    }
    return link;
}

void guard_link_free(struct guard_link *link)
{
    if (link == NULL) {
        return;
    }
    while (link->calls != NULL) {
        guard_forget(link->calls);
    }
    child_stop(link->starter);
    if (link->readable != NULL) {
        event_free(link->readable);
    }
    if (link->again != NULL) {
        event_free(link->again);
    }
    if (link->fd >= 0) {
        close(link->fd);
    }
    free(link);
}

void guard_link_tell(struct guard_link *link)
{
    if (link->phase == LINK_AWAY) {
        return; /* it is told when it is there */
    }
    link->phase = LINK_TELLING;
    if (!send_configuration(link) && link->fd >= 0) {
        hang_up(link);
    }
}

void guard_call(struct guard_link *link, struct guard_call *call)
{
    call->link = link;
    call->sent = false;
    DL_APPEND(link->calls, call);
    if (link->phase == LINK_UP && link->owes_setup) {
        guard_link_tell(link);
    }
    if (link->phase == LINK_UP) {
        send_calls(link);
    } else if (link->phase == LINK_AWAY && !event_pending(link->again, EV_TIMEOUT, NULL)) {
        try_to_connect(link);
    }
}

void guard_forget(struct guard_call *call)
{
    if (call->link != NULL) {
        DL_DELETE(call->link->calls, call);
        call->link = NULL;
    }
}

const char *guard_link_why(const struct guard_link *link)
{
    return link->why;
}
