#include "live_fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WAIT_MAX_S 30

int descriptors_open(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int n = 0;

    ck_assert_ptr_nonnull(folder);
    while (readdir(folder) != NULL) {
        n++;
    }
    closedir(folder);
    return n;
}

void fixture_prepare(struct fixture *f)
{
    const char *tmp = getenv("TMPDIR");

    memset(f, 0, sizeof *f);
    f->n_descriptors = descriptors_open();
    snprintf(f->dir, sizeof f->dir, "%.40s/baton-XXXXXX", tmp != NULL ? tmp : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(f->dir));
    snprintf(f->hooks, sizeof f->hooks, "%s/hooks", f->dir);
    ck_assert_int_eq(mkdir(f->hooks, 0755), 0);
    f->config.state_directory = f->dir;
    f->config.hooks_directory = f->hooks;
    f->config.hooks_deadline_ms = 10000;
    f->config.log_to = CONFIG_LOG_STDERR;
    f->config.log_level = WORLD_ALERT;
}

void fixture_begin(struct fixture *f)
{
    struct live_setup setup;
    struct baton_error error = {BATON_OK, ""};

    f->base = event_base_new();
    ck_assert_ptr_nonnull(f->base);
    setup = (struct live_setup){.base = f->base, .config = &f->config};
    ck_assert_msg(live_new(&setup, &f->world, &error) == BATON_OK, "%s", error.text);
}

void fixture_up(struct fixture *f)
{
    fixture_prepare(f);
    fixture_begin(f);
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *at)
{
    (void)info;
    (void)kind;
    (void)at;
    return remove(path);
}

void fixture_down(struct fixture *f)
{
    siginfo_t info;

    live_free(f->world);
    if (f->base != NULL) {
        event_base_free(f->base);
    }
    memset(&info, 0, sizeof info);
    ck_assert_msg(
        waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 && errno == ECHILD,
        "a child was left behind: %d", (int)info.si_pid);
    ck_assert_int_eq(nftw(f->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
    ck_assert_int_eq(descriptors_open(), f->n_descriptors);
}

static char *keep(const char *text, size_t len)
{
    char *copy = malloc(len + 1);

    ck_assert_ptr_nonnull(copy);
    memcpy(copy, text, len);
    copy[len] = 0;
    return copy;
}

void answer_keep(void *arg, uint64_t request, const struct world_result *result)
{
    struct answer *answer = arg;

    ck_assert_ptr_nonnull(result->detail);
    ck_assert_ptr_nonnull(result->out);
    ck_assert_ptr_nonnull(result->err);
    answer_fini(answer);
    answer->count++;
    answer->request = request;
    answer->outcome = result->outcome;
    answer->code = result->code;
    answer->latency_us = result->latency_us;
    answer->cut = result->cut;
    snprintf(answer->detail, sizeof answer->detail, "%s", result->detail);
    answer->out_len = result->out_len;
    answer->err_len = result->err_len;
    answer->out = keep(result->out, result->out_len);
    answer->err = keep(result->err, result->err_len);
}

void answer_fini(struct answer *answer)
{
    free(answer->out);
    free(answer->err);
    answer->out = answer->err = NULL;
}

static void nothing(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)arg;
}

void fixture_until(struct fixture *f, bool (*is_true)(void *arg), void *arg)
{
    struct event *tick = event_new(f->base, -1, EV_PERSIST, nothing, NULL);
    time_t give_up = time(NULL) + WAIT_MAX_S;

    event_add(tick, &(struct timeval){0, 5000});
    while (!is_true(arg)) {
        ck_assert_msg(time(NULL) < give_up, "what was waited for did not come to be");
        event_base_loop(f->base, EVLOOP_ONCE);
    }
    event_free(tick);
}

static bool is_answered(void *arg)
{
    return ((const struct answer *)arg)->count > 0;
}

void fixture_wait(struct fixture *f, const struct answer *answer)
{
    fixture_until(f, is_answered, (void *)answer);
}

void fixture_turn(struct fixture *f)
{
    int i;

    for (i = 0; i < 20; i++) {
        event_base_loop(f->base, EVLOOP_NONBLOCK);
    }
}

void fixture_ask(struct fixture *f, const struct world_request *request, struct answer *answer)
{
    uint64_t id;

    answer_fini(answer);
    memset(answer, 0, sizeof *answer);
    id = world_start(f->world, request, answer_keep, answer);
    ck_assert_uint_ne(id, 0);
    ck_assert_msg(answer->count == 0, "done was called from within start");
    fixture_wait(f, answer);
    ck_assert_int_eq(answer->count, 1);
    ck_assert_uint_eq(answer->request, id);
}

void fixture_sh(struct fixture *f, const char *script, int64_t timeout_ms, struct answer *answer)
{
    const char *argv[] = {"/bin/sh", "-c", script, NULL};
    struct world_request request = {.kind = WORLD_EXEC, .timeout_ms = timeout_ms};

    request.u.exec.argv = argv;
    request.u.exec.output_max = 4096;
    fixture_ask(f, &request, answer);
}

static void path_of(const struct fixture *f, const char *name, char *path, size_t size)
{
    snprintf(path, size, "%s/%s", f->dir, name);
}

void fixture_file(struct fixture *f, const char *name, int mode, const char *text)
{
    char path[256];
    FILE *file;

    path_of(f, name, path, sizeof path);
    file = fopen(path, "we");
    ck_assert_msg(file != NULL, "%s: %s", path, strerror(errno));
    fputs(text, file);
    fclose(file);
    ck_assert_int_eq(chmod(path, (mode_t)mode), 0);
}

const char *fixture_text(struct fixture *f, const char *name)
{
    static char text[4096];
    char path[256];
    FILE *file;
    size_t n = 0;

    path_of(f, name, path, sizeof path);
    file = fopen(path, "re");
    if (file != NULL) {
        n = fread(text, 1, sizeof text - 1, file);
        fclose(file);
    }
    text[n] = 0;
    return text;
}

bool fixture_has(struct fixture *f, const char *name)
{
    char path[256];

    path_of(f, name, path, sizeof path);
    return access(path, F_OK) == 0;
}

bool process_is_gone(long pid)
{
    char path[64], state = 'X';
    FILE *file;

    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    file = fopen(path, "re");
    if (file == NULL) {
        return true;
    }
    if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1) {
        state = 'X';
    }
    fclose(file);
    return state == 'Z' || state == 'X';
}
