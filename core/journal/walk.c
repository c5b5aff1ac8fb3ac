/* All of a history, row by row, for who reads it from end to end. */
#include "journal/store.h"

#include <string.h>

/* "+wall_ms": in the order of the ids, not by the index on time, so that nothing is sorted. */
#define WHERE " WHERE (?1 IS NULL OR grp = ?1) AND +wall_ms >= ?2 AND +wall_ms <= ?3 AND id > ?4"

static const char rows[] =
    "SELECT id, wall_ms, 0, 0, kind, plan_kind, node, name, from_, to_, outcome, text"
    " FROM record" WHERE " UNION ALL"
    " SELECT id, wall_ms, latency_us, 1, NULL, NULL, node, name, NULL, NULL, outcome, text"
    " FROM observation" WHERE " AND ?5 ORDER BY 1";

static const char parts[] =
    "SELECT grp, NULL, NULL, count(*), min(wall_ms), max(wall_ms) FROM record GROUP BY 1"
    " UNION ALL"
    " SELECT grp, node, name, count(*), min(wall_ms), max(wall_ms) FROM observation"
    " GROUP BY 1, 2, 3 ORDER BY 1, 2, 3";

static const char *text_at(sqlite3_stmt *stmt, int column)
{
    return (const char *)sqlite3_column_text(stmt, column);
}

static void bind(sqlite3_stmt *stmt, const struct journal_query *query)
{
    if (query->group != NULL) {
        sqlite3_bind_text(stmt, 1, query->group, -1, SQLITE_STATIC);
    }
    sqlite3_bind_int64(stmt, 2, query->since_ms > 0 ? query->since_ms : 0);
    sqlite3_bind_int64(stmt, 3, query->until_ms > 0 ? query->until_ms : INT64_MAX);
    sqlite3_bind_int64(stmt, 4, query->after_id);
    sqlite3_bind_int(stmt, 5, query->observations);
}

static enum baton_err walk(
    struct store *store, sqlite3_stmt *stmt, journal_row_fn *each, void *arg,
    struct baton_error *error)
{
    int rc;

    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct journal_row row = {
            .id = sqlite3_column_int64(stmt, 0),
            .wall_ms = sqlite3_column_int64(stmt, 1),
            .latency_us = sqlite3_column_int64(stmt, 2),
            .observation = sqlite3_column_int(stmt, 3) != 0,
            .kind = text_at(stmt, 4),
            .plan_kind = text_at(stmt, 5),
            .node = text_at(stmt, 6),
            .name = text_at(stmt, 7),
            .from = text_at(stmt, 8),
            .to = text_at(stmt, 9),
            .outcome = text_at(stmt, 10),
            .text = text_at(stmt, 11),
        };

        if (!each(arg, &row)) {
            return BATON_OK;
        }
    }
    return rc == SQLITE_DONE ? BATON_OK : store_fail(store, "read", error);
}

enum baton_err journal_walk(
    const char *file, const struct journal_query *query, journal_row_fn *each, void *arg,
    struct baton_error *error)
{
    struct store *store = NULL;
    sqlite3_stmt *stmt = NULL;
    enum baton_err err = store_open_read(file, &store, error);

    if (err == BATON_OK) {
        err = store_prepare(store, rows, &stmt, error);
    }
    if (err == BATON_OK) {
        bind(stmt, query);
        err = walk(store, stmt, each, arg, error);
    }
    sqlite3_finalize(stmt);
    store_close(store);
    return err;
}

enum baton_err journal_outline(
    const char *file, journal_part_fn *each, void *arg, struct baton_error *error)
{
    struct store *store = NULL;
    sqlite3_stmt *stmt = NULL;
    enum baton_err err = store_open_read(file, &store, error);
    int rc = SQLITE_DONE;

    if (err == BATON_OK) {
        err = store_prepare(store, parts, &stmt, error);
    }
    while (err == BATON_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct journal_part part = {
            .group = text_at(stmt, 0),
            .node = text_at(stmt, 1),
            .probe = text_at(stmt, 2),
            .count = sqlite3_column_int64(stmt, 3),
            .first_ms = sqlite3_column_int64(stmt, 4),
            .last_ms = sqlite3_column_int64(stmt, 5),
        };

        each(arg, &part);
    }
    if (err == BATON_OK && rc != SQLITE_DONE) {
        err = store_fail(store, "read", error);
    }
    sqlite3_finalize(stmt);
    store_close(store);
    return err;
}
