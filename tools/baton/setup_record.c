/* What has been done of a set-up, in a file. */
#include "setup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct record {
    char directory[PATH_MAX], file[PATH_MAX];
    int lock;
    json_t *all, *steps; /* `steps` is in `all` */
};

static const char *const state_names[] = {
    [RECORD_NONE] = "none",       [RECORD_RUNNING] = "running", [RECORD_DONE] = "done",
    [RECORD_ALREADY] = "already", [RECORD_FAILED] = "failed",   [RECORD_WAITS] = "waits",
    [RECORD_SKIPPED] = "skipped", [RECORD_UNDONE] = "undone",
};

/* ---- Steps ------------------------------------------------------------------------------- */

static json_t *find(const struct record *record, const char *step, const char *node)
{
    json_t *one;
    size_t i;

    json_array_foreach(record->steps, i, one)
    {
        if (strcmp(text_at(one, "step"), step) == 0 && strcmp(text_at(one, "node"), node) == 0) {
            return one;
        }
    }
    return NULL;
}

enum record_state record_state(const struct record *record, const char *step, const char *node)
{
    const char *name = text_at(find(record, step, node), "state");
    size_t i;

    for (i = 0; i < sizeof state_names / sizeof state_names[0]; i++) {
        if (strcmp(state_names[i], name) == 0) {
            return (enum record_state)i;
        }
    }
    return RECORD_NONE;
}

const char *record_memo(const struct record *record, const char *step, const char *node)
{
    return json_string_value(json_object_get(find(record, step, node), "memo"));
}

const char *record_time(const struct record *record, const char *step, const char *node)
{
    return text_at(find(record, step, node), "time");
}

bool record_is_empty(const struct record *record)
{
    return json_array_size(record->steps) == 0;
}

int record_count(const struct record *record)
{
    return (int)json_array_size(record->steps);
}

void record_at(const struct record *record, int index, const char **step, const char **node)
{
    const json_t *one = json_array_get(record->steps, (size_t)index);

    *step = text_at(one, "step");
    *node = text_at(one, "node");
}

/* ---- The file ---------------------------------------------------------------------------- */

static bool write_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, text, len);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        text += n;
        len -= (size_t)n;
    }
    return true;
}

static bool sync_directory(const char *directory)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;

    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

static enum baton_err save(struct record *record, struct baton_error *error)
{
    char *text = json_dumps(record->all, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
    char beside[PATH_MAX + 8];
    bool ok = false;
    int fd, why;

    if (text == NULL) {
        return baton_fail(error, BATON_NOMEM, "%s: no memory to write it", record->file);
    }
    snprintf(beside, sizeof beside, "%s.new", record->file);
    fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0) {
        ok = write_all(fd, text, strlen(text)) && write_all(fd, "\n", 1) && fsync(fd) == 0;
        why = errno;
        ok = close(fd) == 0 && ok;
        errno = why;
    }
    ok = ok && rename(beside, record->file) == 0 && sync_directory(record->directory);
    free(text);
    if (!ok) {
        why = errno;
        unlink(beside);
        return baton_fail(
            error, BATON_IO, "%s: what has been done can't be written down: %s", record->file,
            strerror(why));
    }
    return BATON_OK;
}

static json_t *time_now(void)
{
    time_t now = time(NULL);
    struct tm utc;
    char text[32];

    gmtime_r(&now, &utc);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    return json_string(text);
}

/* --undo goes by the order of the begins. */
static void begin_anew(struct record *record, json_t *one)
{
    size_t at = 0;

    while (json_array_get(record->steps, at) != one) {
        at++;
    }
    json_incref(one);
    json_array_remove(record->steps, at);
    json_object_del(one, "memo");
    json_array_append_new(record->steps, one);
}

enum baton_err record_put(
    struct record *record, const char *step, const char *node, enum record_state state,
    const char *memo, const char *detail, struct baton_error *error)
{
    json_t *one = find(record, step, node), *old;
    json_t *memo_text = memo != NULL ? json_string(memo) : NULL;
    enum baton_err err;

    if (memo != NULL && memo_text == NULL) {
        return baton_fail(error, BATON_INVALID, "step %s: what its undo needs is no UTF-8", step);
    }
    old = json_deep_copy(record->steps);
    if (one == NULL) {
        one = json_pack("{s:s,s:s}", "step", step, "node", node);
        json_array_append_new(record->steps, one);
    } else if (state == RECORD_RUNNING && record_state(record, step, node) == RECORD_UNDONE) {
        begin_anew(record, one);
    }
    json_object_set_new(one, "state", json_string(state_names[state]));
    if (memo_text != NULL) {
        json_object_set_new(one, "memo", memo_text);
    }
    json_object_set_new(one, "detail", tell_text(detail != NULL ? detail : ""));
    json_object_set_new(one, "time", time_now());
    err = save(record, error);
    if (err != BATON_OK) { /* what is in memory is what is in the file */
        json_object_set(record->all, "steps", old);
        record->steps = json_object_get(record->all, "steps");
    }
    json_decref(old);
    return err;
}

enum baton_err record_retire(struct record *record, const char *word, struct baton_error *error)
{
    char aside[PATH_MAX + 32];

    snprintf(
        aside, sizeof aside, "%.*s.%s.json", (int)(strlen(record->file) - strlen(".json")),
        record->file, word);
    if ((rename(record->file, aside) != 0 && errno != ENOENT) ||
        !sync_directory(record->directory)) {
        return baton_fail(
            error, BATON_IO, "%s: can't be put aside: %s", record->file, strerror(errno));
    }
    json_array_clear(record->steps);
    return BATON_OK;
}

/* ---- Open and close ---------------------------------------------------------------------- */

static enum baton_err lock(struct record *record, struct baton_error *error)
{
    char path[PATH_MAX + 8];

    snprintf(path, sizeof path, "%s/lock", record->directory);
    record->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (record->lock < 0) {
        return baton_fail(error, BATON_IO, "%s: %s", path, strerror(errno));
    }
    if (flock(record->lock, LOCK_EX | LOCK_NB) != 0) {
        return baton_fail(
            error, BATON_REFUSED,
            "another baton init or migrate runs on this machine (it holds %s); wait for its end",
            path);
    }
    return BATON_OK;
}

static enum baton_err read_file(
    struct record *record, const char *group, const char *setup, struct baton_error *error)
{
    json_error_t why;
    FILE *file = fopen(record->file, "re");

    if (file == NULL && errno != ENOENT && errno != ENOTDIR) {
        return baton_fail(error, BATON_IO, "%s: %s", record->file, strerror(errno));
    }
    if (file == NULL) {
        record->all = json_pack("{s:s,s:s,s:[]}", "group", group, "setup", setup, "steps");
    } else {
        record->all = json_loadf(file, 0, &why);
        fclose(file);
        if (record->all == NULL) {
            return baton_fail(
                error, BATON_INVALID,
                "%s:%d: %s. It says what has been done: mend it, or put it aside to begin anew",
                record->file, why.line, why.text);
        }
    }
    record->steps = json_object_get(record->all, "steps");
    if (!json_is_array(record->steps) || strcmp(text_at(record->all, "setup"), setup) != 0) {
        return baton_fail(
            error, BATON_INVALID, "%s: is no record of baton %s; put it aside to begin anew",
            record->file, setup);
    }
    return BATON_OK;
}

enum baton_err record_open(
    const char *directory, const char *group, const char *setup, bool only_look,
    struct record **out, struct baton_error *error)
{
    struct record *record = calloc(1, sizeof *record);
    enum baton_err err;
    size_t n;

    if (record == NULL) {
        return baton_fail(error, BATON_NOMEM, "no memory for the record");
    }
    record->lock = -1;
    snprintf(record->directory, sizeof record->directory, "%s", directory);
    n = (size_t)snprintf(
        record->file, sizeof record->file, "%s/%s-%s.json", directory, group, setup);
    if (n >= sizeof record->file) {
        err = baton_fail(error, BATON_LIMIT, "%s: this folder's name is too long", directory);
    } else {
        err = only_look ? BATON_OK : lock(record, error);
    }
    if (err == BATON_OK) {
        err = read_file(record, group, setup, error);
    }
    if (err != BATON_OK) {
        record_close(record);
        return err;
    }
    *out = record;
    return BATON_OK;
}

void record_close(struct record *record)
{
    if (record == NULL) {
        return;
    }
    if (record->lock >= 0) {
        close(record->lock);
    }
    json_decref(record->all);
    free(record);
}

const char *record_file(const struct record *record)
{
    return record->file;
}
