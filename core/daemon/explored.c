#include "daemon/explored.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXPLORED_PATH_MAX 4096

static bool path_of(
    const char *state_directory, const char *group, const char *end, char *path, size_t size)
{
    return snprintf(path, size, "%s/explored/%s%s", state_directory, group, end) < (int)size;
}

enum baton_err explored_write(
    const char *state_directory, const char *group, const struct explored *explored,
    struct baton_error *error)
{
    char path[EXPLORED_PATH_MAX], beside[EXPLORED_PATH_MAX], digest[32];
    json_t *object;
    bool ok;

    snprintf(path, sizeof path, "%s/explored", state_directory);
    if (mkdir(path, 0755) != 0 && errno != EEXIST) {
        return baton_fail(error, BATON_IO, "%s: can't be made: %s", path, strerror(errno));
    }
    if (!path_of(state_directory, group, ".json", path, sizeof path) ||
        !path_of(state_directory, group, ".new", beside, sizeof beside)) {
        return baton_fail(error, BATON_LIMIT, "%s: this folder's name is too long", path);
    }
    snprintf(digest, sizeof digest, "%016" PRIx64, explored->digest);
    object = json_pack(
        "{s:s,s:I,s:b,s:b,s:i,s:I,s:s}", "digest", digest, "wall_ms", (json_int_t)explored->wall_ms,
        "complete", explored->complete, "failed", explored->failed, "faults", explored->faults,
        "runs", (json_int_t)explored->runs, "text", explored->text);
    ok = object != NULL && json_dump_file(object, beside, JSON_INDENT(2)) == 0 &&
         rename(beside, path) == 0;
    json_decref(object);
    if (!ok) {
        baton_fail(error, BATON_IO, "%s: can't be written: %s", path, strerror(errno));
        unlink(beside);
        return BATON_IO;
    }
    return BATON_OK;
}

enum baton_err explored_read(
    const char *state_directory, const char *group, struct explored *explored,
    struct baton_error *error)
{
    char path[EXPLORED_PATH_MAX];
    const char *digest = NULL, *text = NULL;
    json_int_t wall_ms = 0, runs = 0;
    int complete = 0, failed = 0;
    json_error_t wrong;
    json_t *object;
    enum baton_err err = BATON_OK;

    memset(explored, 0, sizeof *explored);
    if (!path_of(state_directory, group, ".json", path, sizeof path)) {
        return baton_fail(error, BATON_LIMIT, "%s: this folder's name is too long", path);
    }
    if (access(path, R_OK) != 0) {
        return baton_fail(
            error, errno == ENOENT ? BATON_NOT_FOUND : BATON_IO, "%s: %s", path, strerror(errno));
    }
    object = json_load_file(path, 0, &wrong);
    if (json_unpack(
            object, "{s:s,s:I,s:b,s:b,s:i,s:I,s:s}", "digest", &digest, "wall_ms", &wall_ms,
            "complete", &complete, "failed", &failed, "faults", &explored->faults, "runs", &runs,
            "text", &text) != 0) {
        err = baton_fail(error, BATON_INVALID, "%s: it can't be understood", path);
    } else {
        explored->digest = strtoull(digest, NULL, 16);
        explored->wall_ms = wall_ms;
        explored->complete = complete != 0;
        explored->failed = failed != 0;
        explored->runs = runs;
        snprintf(explored->text, sizeof explored->text, "%s", text);
    }
    json_decref(object);
    return err;
}
