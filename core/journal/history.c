/* Rows of the history as JSON. */
#include "journal/store.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define ROWS_DEFAULT 1000
#define ROWS_MAX     100000

/* The columns of both tables, in the order of the keys. */
#define RECORD_COLUMNS                                                                             \
    "id, wall_ms, grp, kind, epoch, plan, plan_kind, node, step, attempt, name, from_, to_, row,"  \
    " outcome, NULL AS latency_us, text"
#define OBSERVATION_COLUMNS                                                                        \
    "id, wall_ms, grp, 'observation' AS kind, NULL, NULL, NULL, node, NULL, NULL, name, NULL,"     \
    " NULL, NULL, outcome, latency_us, text"
#define WHERE                                                                                      \
    " WHERE (?1 IS NULL OR grp = ?1) AND wall_ms >= ?2 AND wall_ms <= ?3 AND id > ?4"              \
    " ORDER BY id DESC LIMIT ?5"

static const char records_only[] =
    "SELECT * FROM (SELECT " RECORD_COLUMNS " FROM record" WHERE ") ORDER BY id";
static const char with_observations[] =
    "SELECT * FROM (SELECT * FROM (SELECT " RECORD_COLUMNS " FROM record" WHERE ")"
    " UNION ALL SELECT * FROM (SELECT " OBSERVATION_COLUMNS " FROM observation" WHERE ")"
    " ORDER BY id DESC LIMIT ?5) ORDER BY id";

static const char *const keys[] = {"id",        "wall_ms", "group",   "kind",       "epoch", "plan",
                                   "plan_kind", "node",    "step",    "attempt",    "name",  "from",
                                   "to",        "row",     "outcome", "latency_us", "text"};
#define KEYS ((int)(sizeof keys / sizeof keys[0]))

static json_t *time_of(int64_t wall_ms)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    char date[32], text[48];
    struct tm tm;

    if (gmtime_r(&seconds, &tm) == NULL || strftime(date, sizeof date, "%FT%T", &tm) == 0) {
        return json_string("?");
    }
    snprintf(text, sizeof text, "%s.%03dZ", date, (int)(wall_ms % 1000));
    return json_string(text);
}

static json_t *value_of(sqlite3_stmt *stmt, int column)
{
    const char *text;
    json_t *value;

    if (sqlite3_column_type(stmt, column) == SQLITE_INTEGER) {
        return json_integer(sqlite3_column_int64(stmt, column));
    }
    text = (const char *)sqlite3_column_text(stmt, column);
    value = json_string(text);
    return value != NULL ? value : json_string("(not UTF-8)");
}

static json_t *row_of(sqlite3_stmt *stmt)
{
    json_t *row = json_object();
    int i;

    for (i = 0; i < KEYS; i++) {
        if (sqlite3_column_type(stmt, i) != SQLITE_NULL) {
            json_object_set_new(row, keys[i], value_of(stmt, i));
        }
        if (i == 0) {
            json_object_set_new(row, "time", time_of(sqlite3_column_int64(stmt, 1)));
        }
    }
    return row;
}

static enum baton_err collect(
    struct store *store, sqlite3_stmt *stmt, json_t **out, struct baton_error *error)
{
    json_t *rows = json_array();
    int rc = SQLITE_NOMEM;

    while (rows != NULL && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        if (json_array_append_new(rows, row_of(stmt)) != 0) {
            rc = SQLITE_NOMEM;
            break;
        }
    }
    if (rc == SQLITE_DONE) {
        *out = rows;
        return BATON_OK;
    }
    json_decref(rows);
    return rc == SQLITE_NOMEM
               ? baton_fail(error, BATON_NOMEM, "journal %s: no memory for the rows", store->file)
               : store_fail(store, "read", error);
}

enum baton_err store_history(
    struct store *store, const struct journal_query *query, json_t **rows,
    struct baton_error *error)
{
    int limit = query->limit > 0 ? query->limit : ROWS_DEFAULT;
    sqlite3_stmt *stmt = NULL;
    enum baton_err err =
        store_prepare(store, query->observations ? with_observations : records_only, &stmt, error);

    if (err == BATON_OK) {
        if (query->group != NULL) {
            sqlite3_bind_text(stmt, 1, query->group, -1, SQLITE_STATIC);
        }
        sqlite3_bind_int64(stmt, 2, query->since_ms > 0 ? query->since_ms : 0);
        sqlite3_bind_int64(stmt, 3, query->until_ms > 0 ? query->until_ms : INT64_MAX);
        sqlite3_bind_int64(stmt, 4, query->after_id);
        sqlite3_bind_int(stmt, 5, limit < ROWS_MAX ? limit : ROWS_MAX);
        err = collect(store, stmt, rows, error);
    }
    sqlite3_finalize(stmt);
    return err;
}

json_t *journal_read(const char *file, const struct journal_query *query, struct baton_error *error)
{
    struct store *store = NULL;
    json_t *rows = NULL;

    if (store_open_read(file, &store, error) == BATON_OK) {
        store_history(store, query, &rows, error);
    }
    store_close(store);
    return rows;
}

enum baton_err journal_last_drill(
    const char *file, const char *group, int64_t *wall_ms, struct baton_error *error)
{
    static const char sql[] =
        "SELECT wall_ms FROM record WHERE grp = ?1 AND kind = 'plan-end'"
        " AND plan_kind IN ('failback', 'move') AND outcome = 'ok' ORDER BY seq DESC LIMIT 1";
    struct store *store = NULL;
    sqlite3_stmt *stmt = NULL;
    enum baton_err err = store_open_read(file, &store, error);
    int rc;

    *wall_ms = 0;
    if (err == BATON_OK) {
        err = store_prepare(store, sql, &stmt, error);
    }
    if (err == BATON_OK) {
        sqlite3_bind_text(stmt, 1, group, -1, SQLITE_STATIC);
        rc = sqlite3_step(stmt);
        if (rc == SQLITE_ROW) {
            *wall_ms = sqlite3_column_int64(stmt, 0);
        } else if (rc != SQLITE_DONE) {
            err = store_fail(store, "read", error);
        }
    }
    sqlite3_finalize(stmt);
    store_close(store);
    return err;
}
