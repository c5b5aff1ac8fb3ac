/* The database file: opened, made, checked; errors in words. */
#include "journal/store.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUSY_MS 2000 /* somebody else has it locked: an administrator's sqlite3, a backup */

static const char schema[] =
    "CREATE TABLE record("
    " id INTEGER PRIMARY KEY, wall_ms INTEGER NOT NULL, boot_ms INTEGER NOT NULL,"
    " grp TEXT NOT NULL, seq INTEGER NOT NULL, kind TEXT NOT NULL, epoch INTEGER NOT NULL,"
    " plan INTEGER, plan_kind TEXT, node TEXT, step INTEGER, attempt INTEGER, name TEXT,"
    " from_ TEXT, to_ TEXT, row INTEGER, outcome TEXT, text TEXT, UNIQUE(grp, seq));"
    "CREATE INDEX record_kind ON record(grp, kind, seq);"
    "CREATE INDEX record_plan ON record(grp, kind, plan);"
    "CREATE TABLE observation("
    " id INTEGER PRIMARY KEY, wall_ms INTEGER NOT NULL, boot_ms INTEGER NOT NULL,"
    " grp TEXT NOT NULL, node TEXT, name TEXT NOT NULL, outcome TEXT NOT NULL,"
    " latency_us INTEGER NOT NULL, text TEXT);"
    "CREATE INDEX observation_time ON observation(wall_ms);";

/* ---- Errors ---- */

static enum baton_err damaged(const char *file, const char *why, struct baton_error *error)
{
    return baton_fail(
        error, BATON_IO,
        "journal %s is damaged: %s; it is left as it is. Keep a copy of it with its -wal file, "
        "then restore a backup, or save what can be read with `sqlite3 %s .recover`; without it "
        "Baton doesn't know who held the baton: move it away only when you have seen that at "
        "most one node serves",
        file, why, file);
}

enum baton_err store_fail(const struct store *store, const char *what, struct baton_error *error)
{
    const char *file = store->file;
    int rc = sqlite3_errcode(store->db) & 0xff;
    int os = sqlite3_system_errno(store->db);
    const char *why = sqlite3_errmsg(store->db);

    if (rc == SQLITE_CORRUPT || rc == SQLITE_NOTADB) {
        return damaged(file, why, error);
    }
    if (rc == SQLITE_FULL || (rc == SQLITE_IOERR && (os == ENOSPC || os == EDQUOT))) {
        return baton_fail(
            error, BATON_IO,
            "journal %s: can't %s: no space left on its file system; free some (df -h %s). What "
            "was recorded before is safe",
            file, what, file);
    }
    if (rc == SQLITE_NOMEM) {
        return baton_fail(error, BATON_NOMEM, "journal %s: can't %s: no memory", file, what);
    }
    if (rc == SQLITE_BUSY || rc == SQLITE_LOCKED) {
        return baton_fail(
            error, BATON_TIMEOUT,
            "journal %s: can't %s: another program has had it locked for %d ms; find it with "
            "`fuser %s` and end it",
            file, what, BUSY_MS, file);
    }
    if (rc == SQLITE_READONLY || rc == SQLITE_CANTOPEN || rc == SQLITE_PERM) {
        return baton_fail(
            error, BATON_IO,
            "journal %s: can't %s: %s; check that the file and its directory can be read and "
            "written, and that the file system isn't mounted read-only",
            file, what, why);
    }
    return baton_fail(
        error, BATON_IO, "journal %s: can't %s: %s%s%s; look for disk errors in the system log",
        file, what, why, os != 0 ? ": " : "", os != 0 ? strerror(os) : "");
}

enum baton_err store_prepare(
    struct store *store, const char *sql, sqlite3_stmt **out, struct baton_error *error)
{
    if (sqlite3_prepare_v2(store->db, sql, -1, out, NULL) != SQLITE_OK) {
        return store_fail(store, "read", error);
    }
    return BATON_OK;
}

enum baton_err store_run(
    struct store *store, const char *sql, const char *what, struct baton_error *error)
{
    if (sqlite3_exec(store->db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        return store_fail(store, what, error);
    }
    return BATON_OK;
}

static enum baton_err read_int(
    struct store *store, const char *sql, int64_t *value, struct baton_error *error)
{
    sqlite3_stmt *stmt = NULL;
    enum baton_err err = store_prepare(store, sql, &stmt, error);

    if (err == BATON_OK && sqlite3_step(stmt) != SQLITE_ROW) {
        err = store_fail(store, "read", error);
    }
    if (err == BATON_OK) {
        *value = sqlite3_column_int64(stmt, 0);
    }
    sqlite3_finalize(stmt);
    return err;
}

/* ---- Open and close ---- */

static enum baton_err connect_to(
    const char *file, int flags, struct store **out, struct baton_error *error)
{
    struct store *store = calloc(1, sizeof *store);
    enum baton_err err = BATON_OK;

    if (store == NULL || (store->file = strdup(file)) == NULL) {
        free(store);
        return baton_fail(error, BATON_NOMEM, "journal %s: no memory", file);
    }
    if (sqlite3_open_v2(file, &store->db, flags | SQLITE_OPEN_URI, NULL) != SQLITE_OK) {
        err = store->db != NULL ? store_fail(store, "open", error)
                                : baton_fail(error, BATON_NOMEM, "journal %s: no memory", file);
        store_close(store);
        assert(err != BATON_OK);
        return err;
    }
    sqlite3_extended_result_codes(store->db, 1);
    sqlite3_busy_timeout(store->db, BUSY_MS);
    *out = store;
    return BATON_OK;
}

void store_close(struct store *store)
{
    if (store == NULL) {
        return;
    }
    sqlite3_finalize(store->insert_record);
    sqlite3_finalize(store->same_record);
    sqlite3_finalize(store->insert_observation);
    sqlite3_close(store->db);
    free(store->file);
    free(store);
}

static enum baton_err check_pages(struct store *store, struct baton_error *error)
{
    sqlite3_stmt *stmt = NULL;
    enum baton_err err = store_prepare(store, "PRAGMA quick_check('record')", &stmt, error);

    if (err == BATON_OK) {
        if (sqlite3_step(stmt) != SQLITE_ROW) {
            err = store_fail(store, "read", error);
        } else if (strcmp((const char *)sqlite3_column_text(stmt, 0), "ok") != 0) {
            err = damaged(store->file, (const char *)sqlite3_column_text(stmt, 0), error);
        }
    }
    sqlite3_finalize(stmt);
    return err;
}

/* Is it ours, and can we read it? Reads only. */
static enum baton_err check_file(struct store *store, bool thorough, struct baton_error *error)
{
    int64_t application = 0, version = 0;
    enum baton_err err = read_int(store, "PRAGMA application_id", &application, error);

    if (err == BATON_OK) {
        err = read_int(store, "PRAGMA user_version", &version, error);
    }
    if (err != BATON_OK) {
        return err;
    }
    if (application != STORE_APPLICATION) {
        return baton_fail(
            error, BATON_INVALID,
            "%s is a database, but no journal of Baton: name another state directory", store->file);
    }
    if (version > STORE_VERSION) {
        return baton_fail(
            error, BATON_REFUSED,
            "journal %s was written by a newer Baton (schema %lld, this one knows %d): it is left "
            "as it is; install that version, or restore the backup made before the upgrade",
            store->file, (long long)version, STORE_VERSION);
    }
    if (version != STORE_VERSION) {
        return damaged(store->file, "its schema has no version", error);
    }
    return thorough ? check_pages(store, error) : BATON_OK;
}

static enum baton_err sync_directory_of(const char *file, struct baton_error *error)
{
    char path[PATH_MAX];
    int fd, failed;

    snprintf(path, sizeof path, "%s", file);
    fd = open(dirname(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    failed = fd < 0 || fsync(fd) != 0;
    if (fd >= 0) {
        close(fd);
    }
    return failed ? baton_fail(
                        error, BATON_IO, "journal %s: can't make its directory durable: %s", file,
                        strerror(errno))
                  : BATON_OK;
}

static void remove_files(const char *file)
{
    static const char *const tails[] = {"", "-journal", "-wal", "-shm"};
    char path[PATH_MAX];
    size_t i;

    for (i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        snprintf(path, sizeof path, "%s%s", file, tails[i]);
        unlink(path);
    }
}

/* Made under another name and put in place when it is whole and in WAL mode already: an
 * empty or half-made file under the journal's name is damage, never a new journal, and
 * whoever reads it never meets a rollback journal. */
static enum baton_err make_file(const char *file, struct baton_error *error)
{
    char temporary[PATH_MAX], sql[sizeof schema + 256];
    struct store *store = NULL;
    enum baton_err err;
    int fd;

    snprintf(temporary, sizeof temporary, "%s.new", file);
    remove_files(temporary);
    fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600); /* the log inherits it */
    if (fd < 0) {
        return baton_fail(
            error, BATON_IO, "journal %s: can't be made: %s; check its directory", file,
            strerror(errno));
    }
    close(fd);
    err = connect_to(temporary, SQLITE_OPEN_READWRITE, &store, error);
    if (err == BATON_OK) {
        snprintf(
            sql, sizeof sql,
            "BEGIN; %s PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT;"
            " PRAGMA journal_mode = WAL",
            schema, STORE_APPLICATION, STORE_VERSION);
        err = store_run(store, sql, "make it", error);
    }
    store_close(store);
    if (err == BATON_OK && rename(temporary, file) != 0) {
        err = baton_fail(
            error, BATON_IO, "journal %s: can't put it in place: %s", file, strerror(errno));
    }
    if (err != BATON_OK) {
        remove_files(temporary);
        return err;
    }
    return sync_directory_of(file, error);
}

static enum baton_err look_at_file(const char *file, bool *exists, struct baton_error *error)
{
    char wal[PATH_MAX];
    struct stat st;

    *exists = stat(file, &st) == 0;
    if (!*exists && errno != ENOENT) {
        return baton_fail(error, BATON_IO, "journal %s: %s", file, strerror(errno));
    }
    if (*exists && !S_ISREG(st.st_mode)) {
        return baton_fail(
            error, BATON_INVALID, "journal %s is no regular file: move it away", file);
    }
    if (*exists && st.st_size == 0) {
        return damaged(file, "it is empty", error);
    }
    snprintf(wal, sizeof wal, "%s-wal", file);
    if (!*exists && stat(wal, &st) == 0) {
        return damaged(file, "it is gone, but its -wal file is there", error);
    }
    return BATON_OK;
}

enum baton_err store_open(const char *file, struct store **out, struct baton_error *error)
{
    static const char set_up[] =
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -256;"
        "PRAGMA wal_autocheckpoint = 256; PRAGMA journal_size_limit = 1048576;"
        "PRAGMA temp_store = MEMORY; PRAGMA secure_delete = OFF; PRAGMA trusted_schema = OFF";
    struct store *store = NULL;
    bool exists;
    enum baton_err err = look_at_file(file, &exists, error);

    if (err == BATON_OK && !exists) {
        err = make_file(file, error);
    }
    if (err == BATON_OK) {
        err = connect_to(file, SQLITE_OPEN_READWRITE, &store, error);
    }
    if (err == BATON_OK) { /* what is refused must stay untouched, so no checkpoint then */
        sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        err = check_file(store, true, error);
    }
    if (err == BATON_OK) {
        sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
        err = store_run(store, set_up, "open", error);
    }
    if (err == BATON_OK) {
        err = store_prepare_writes(store, error);
    }
    if (err != BATON_OK) {
        store_close(store);
        return err;
    }
    *out = store;
    return BATON_OK;
}

enum baton_err store_open_read(const char *file, struct store **out, struct baton_error *error)
{
    struct store *store = NULL;
    bool exists;
    enum baton_err err = look_at_file(file, &exists, error);

    if (err == BATON_OK && !exists) {
        return baton_fail(
            error, BATON_NOT_FOUND, "journal %s: there is none; name the state directory", file);
    }
    if (err == BATON_OK) {
        err = connect_to(file, SQLITE_OPEN_READONLY, &store, error);
    }
    if (err == BATON_OK) {
        err = check_file(store, false, error);
    }
    if (err != BATON_OK) {
        store_close(store);
        return err;
    }
    *out = store;
    return BATON_OK;
}

enum baton_err store_last_id(struct store *store, int64_t *id, struct baton_error *error)
{
    return read_int(
        store,
        "SELECT max(coalesce((SELECT max(id) FROM record), 0),"
        " coalesce((SELECT max(id) FROM observation), 0))",
        id, error);
}
