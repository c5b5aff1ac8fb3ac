/* Processes: each has a region of memory of its own for its runs. They are told through a
 * pipe that there is work, take the next unit from a number that they share, and write what
 * came of it into another pipe. */
#include "parts.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define JOBS_MAX 256
#define TICK_MS  200

struct shared { /* between the parent and all workers */
    atomic_llong next, last, runs;
    struct unit_trial trial[JOBS_MAX];
};

struct hand { /* a worker, as the parent knows it */
    pid_t pid;
    int orders, answers;
    char *bytes; /* of an answer that is not all there yet */
    size_t n_bytes, size;
    bool busy;
};

struct crew {
    const struct work *work;
    struct shared *shared;
    int n;
    struct hand hand[];
};

struct parcel {   /* heads an answer */
    int64_t unit; /* -1: there is no more for this worker */
    size_t len;   /* of what follows */
};

int64_t crew_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- In the worker ---------------------------------------------------------------------- */

static void put(int fd, const void *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            _exit(1); /* the parent is gone */
        }
        bytes = (const char *)bytes + n;
        len -= (size_t)n;
    }
}

static void send_result(int fd, int64_t unit, struct unit_result *result)
{
    struct parcel parcel = {unit, sizeof *result};
    int i;

    parcel.len += (size_t)result->n_keys * sizeof result->key[0];
    for (i = 0; i < result->n_leaves; i++) {
        parcel.len += sizeof result->leaf[0];
        parcel.len += (size_t)result->leaf[i].n_places * sizeof result->leaf[i].place_ms[0];
    }
    put(fd, &parcel, sizeof parcel);
    put(fd, result, sizeof *result);
    put(fd, result->key, (size_t)result->n_keys * sizeof result->key[0]);
    put(fd, result->leaf, (size_t)result->n_leaves * sizeof result->leaf[0]);
    for (i = 0; i < result->n_leaves; i++) {
        put(fd, result->leaf[i].place_ms,
            (size_t)result->leaf[i].n_places * sizeof result->leaf[i].place_ms[0]);
    }
}

static void work_on(struct crew *crew, int number, int orders, int answers)
{
    struct unit_place *place = calloc(1, sizeof *place);
    const struct work *work = crew->work;
    struct baton_error error;
    struct parcel end = {-1, 0};
    char order;

    if (place == NULL ||
        player_init(&place->player, work->setup, work->bound_ms, &error) != BATON_OK) {
        _exit(1);
    }
    place->work = work;
    place->story = calloc(1, sizeof *place->story);
    if (place->story == NULL) {
        _exit(1);
    }
    place->runs = &crew->shared->runs;
    place->trial = &crew->shared->trial[number];
    if (work->stem != NULL && !work->setup->unpruned) {
        place->player.seen = work->seen;
        place->player.own = seen_new();
    }
    while (read(orders, &order, 1) == 1) {
        for (;;) {
            int64_t unit = atomic_fetch_add(&crew->shared->next, 1);
            struct unit_result result = {0};

            if (unit >= atomic_load(&crew->shared->last)) {
                break;
            }
            unit_do(place, unit, &result);
            send_result(answers, unit, &result);
            unit_result_fini(&result);
        }
        put(answers, &end, sizeof end);
    }
    _exit(0);
}

/* ---- In the parent ------------------------------------------------------------------------ */

static bool start_hand(struct crew *crew, struct hand *hand)
{
    int orders[2], answers[2];
    pid_t parent = getpid();

    if (pipe2(orders, O_CLOEXEC) != 0) {
        return false;
    }
    if (pipe2(answers, O_CLOEXEC) != 0) {
        close(orders[0]);
        close(orders[1]);
        return false;
    }
    hand->pid = fork();
    if (hand->pid == 0) {
        child_begin(parent);
        close(orders[1]);
        close(answers[0]);
        work_on(crew, (int)(hand - crew->hand), orders[0], answers[1]);
    }
    close(orders[0]);
    close(answers[1]);
    if (hand->pid < 0) {
        close(orders[1]);
        close(answers[0]);
        return false;
    }
    hand->orders = orders[1];
    hand->answers = answers[0];
    return true;
}

enum baton_err crew_new(const struct work *work, struct crew **out, struct baton_error *error)
{
    int jobs = work->jobs;
    struct crew *crew;
    int i;

    jobs = jobs > JOBS_MAX ? JOBS_MAX : jobs;
    jobs = jobs > work->n_units ? (int)work->n_units : jobs;
    crew = calloc(1, sizeof *crew + (size_t)jobs * sizeof crew->hand[0]);
    if (crew == NULL) {
        return baton_fail(error, BATON_NOMEM, "no memory for workers");
    }
    crew->work = work;
    crew->shared = pages_new(sizeof *crew->shared, true);
    if (crew->shared == NULL) {
        free(crew);
        return baton_fail(error, BATON_NOMEM, "no memory for workers");
    }
    for (i = 0; i < jobs; i++) {
        if (!start_hand(crew, &crew->hand[crew->n])) {
            break;
        }
        crew->n++;
    }
    if (crew->n == 0 && jobs > 0) {
        crew_free(crew);
        return baton_fail(error, BATON_IO, "no worker can be started: %s", strerror(errno));
    }
    *out = crew;
    return BATON_OK;
}

void crew_free(struct crew *crew)
{
    int i;

    if (crew == NULL) {
        return;
    }
    for (i = 0; i < crew->n; i++) {
        if (crew->hand[i].pid > 0) {
            kill(crew->hand[i].pid, SIGKILL);
            waitpid(crew->hand[i].pid, NULL, 0);
        }
        close(crew->hand[i].orders);
        close(crew->hand[i].answers);
        free(crew->hand[i].bytes);
    }
    pages_free(crew->shared, sizeof *crew->shared);
    free(crew);
}

static void take_bytes(void *to, const char **from, size_t len)
{
    if (len > 0) {
        memcpy(to, *from, len);
    }
    *from += len;
}

/* An answer that is complete becomes a result. */
static bool unpack(const char *bytes, struct unit_result *result)
{
    size_t len;
    int i;

    take_bytes(result, &bytes, sizeof *result);
    result->key = NULL;
    result->leaf = NULL;
    len = (size_t)result->n_keys * sizeof result->key[0];
    result->key = malloc(len + 1);
    if (result->key == NULL) {
        return false;
    }
    take_bytes(result->key, &bytes, len);
    len = (size_t)result->n_leaves * sizeof result->leaf[0];
    result->leaf = calloc(1, len + 1);
    if (result->leaf == NULL) {
        return false;
    }
    take_bytes(result->leaf, &bytes, len);
    for (i = 0; i < result->n_leaves; i++) {
        struct leaf *leaf = &result->leaf[i];

        len = (size_t)leaf->n_places * sizeof leaf->place_ms[0];
        leaf->place_ms = malloc(len + 1);
        if (leaf->place_ms == NULL) {
            result->n_leaves = i;
            return false;
        }
        take_bytes(leaf->place_ms, &bytes, len);
    }
    return true;
}

/* Read what is there. False where the worker has ended. */
static bool hear(struct hand *hand)
{
    ssize_t n;

    if (hand->size - hand->n_bytes < 65536) {
        size_t size = hand->size * 2 + 131072;
        char *bytes = realloc(hand->bytes, size);

        if (bytes == NULL) {
            return false;
        }
        hand->bytes = bytes;
        hand->size = size;
    }
    n = read(hand->answers, hand->bytes + hand->n_bytes, hand->size - hand->n_bytes);
    if (n < 0) {
        return errno == EINTR;
    }
    hand->n_bytes += (size_t)n;
    return n > 0;
}

/* Take all answers that are complete. Returns how many units; -1: no memory. */
static int take_answers(struct hand *hand, int64_t first, struct unit_result *results)
{
    struct parcel parcel;
    size_t at = 0;
    int units = 0;

    while (hand->n_bytes - at >= sizeof parcel) {
        memcpy(&parcel, hand->bytes + at, sizeof parcel);
        if (hand->n_bytes - at - sizeof parcel < parcel.len) {
            break;
        }
        if (parcel.unit < 0) {
            hand->busy = false;
        } else if (!unpack(hand->bytes + at + sizeof parcel, &results[parcel.unit - first])) {
            return -1;
        } else {
            units++;
        }
        at += sizeof parcel + parcel.len;
    }
    memmove(hand->bytes, hand->bytes + at, hand->n_bytes - at);
    hand->n_bytes -= at;
    return units;
}

/* "crash at 12.3 s", or the seed that does it again. */
static void say_trial(const struct crew *crew, const struct hand *hand, char *text, size_t size)
{
    struct unit_trial *trial = &crew->shared->trial[hand - crew->hand];
    const struct scenario_deed *deed = &crew->work->menu->item[atomic_load(&trial->item)].deed;
    double at_s = (double)atomic_load(&trial->at_ms) / 1000;

    if (crew->work->stem == NULL) {
        snprintf(text, size, "--seeds 1 --seed %lld", (long long)atomic_load(&trial->seed));
    } else if (deed->kind == SCENARIO_FAULT) {
        snprintf(text, size, "%s at %.3f s", sim_fault_row(deed->fault.kind)->name, at_s);
    } else {
        snprintf(
            text, size, "%s at %.3f s",
            deed->kind == SCENARIO_COMMAND ? group_command_name(deed->command) : "kill_daemon",
            at_s);
    }
}

static enum baton_err died(const struct crew *crew, struct hand *hand, struct baton_error *error)
{
    char trial[GROUP_TEXT_MAX];
    int status = 0;

    kill(hand->pid, SIGKILL);
    waitpid(hand->pid, &status, 0);
    hand->pid = 0; /* it may be another one's from now on */
    if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL) {
        say_trial(crew, hand, trial, sizeof trial);
        return baton_fail(
            error, BATON_BUG, "a worker was ended by a signal: %s; it tried %s",
            strsignal(WTERMSIG(status)), trial);
    }
    return baton_fail(error, BATON_IO, "a worker ended: no memory, or the policy can't be loaded");
}

static int busy_hands(const struct crew *crew, struct pollfd *fds)
{
    int n = 0, i;

    for (i = 0; i < crew->n; i++) {
        fds[i] = (struct pollfd){
            .fd = crew->hand[i].busy ? crew->hand[i].answers : -1, .events = POLLIN};
        n += crew->hand[i].busy;
    }
    return n;
}

enum baton_err crew_do(
    struct crew *crew, int64_t first, int64_t last, struct unit_result *results, crew_tick_fn *tick,
    void *arg, struct baton_error *error)
{
    struct pollfd fds[JOBS_MAX];
    int64_t units = first;
    int i;

    atomic_store(&crew->shared->next, first);
    atomic_store(&crew->shared->last, last);
    for (i = 0; i < crew->n; i++) {
        crew->hand[i].busy = write(crew->hand[i].orders, "g", 1) == 1;
    }
    while (busy_hands(crew, fds) > 0) {
        int n = poll(fds, (nfds_t)crew->n, TICK_MS);

        if (!tick(arg, atomic_load(&crew->shared->runs), units)) {
            return BATON_REFUSED;
        }
        for (i = 0; i < crew->n && n > 0; i++) {
            int taken;

            if (fds[i].revents == 0) {
                continue;
            }
            if (!hear(&crew->hand[i])) {
                return died(crew, &crew->hand[i], error);
            }
            taken = take_answers(&crew->hand[i], first, results);
            if (taken < 0) {
                return baton_fail(error, BATON_NOMEM, "no memory for what the workers found");
            }
            units += taken;
        }
    }
    return BATON_OK;
}
