/* Records and observations written, old observations removed. */
#include "journal/store.h"

#include <stdbool.h>
#include <stdio.h>

static const char insert_record[] =
    "INSERT INTO record(id, wall_ms, boot_ms, grp, seq, kind, epoch, plan, plan_kind, node,"
    " step, attempt, name, from_, to_, row, outcome, text)"
    " VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18)"
    " ON CONFLICT(grp, seq) DO NOTHING";

static const char same_record[] =
    "SELECT 1 FROM record WHERE grp = ?4 AND seq = ?5 AND kind = ?6 AND epoch = ?7"
    " AND plan IS ?8 AND plan_kind IS ?9 AND node IS ?10 AND step IS ?11 AND attempt IS ?12"
    " AND name IS ?13 AND from_ IS ?14 AND to_ IS ?15 AND row IS ?16 AND outcome IS ?17"
    " AND text IS ?18 AND ?1 + ?2 + ?3 IS NOT NULL";

static const char insert_observation[] =
    "INSERT INTO observation(id, wall_ms, boot_ms, grp, node, name, outcome, latency_us, text)"
    " VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9)";

enum baton_err store_prepare_writes(struct store *store, struct baton_error *error)
{
    enum baton_err err = store_prepare(store, insert_record, &store->insert_record, error);

    if (err == BATON_OK) {
        err = store_prepare(store, same_record, &store->same_record, error);
    }
    if (err == BATON_OK) {
        err = store_prepare(store, insert_observation, &store->insert_observation, error);
    }
    return err;
}

static void bind_text(sqlite3_stmt *stmt, int at, const char *text)
{
    if (text == NULL || text[0] == '\0') {
        sqlite3_bind_null(stmt, at);
    } else {
        sqlite3_bind_text(stmt, at, text, -1, SQLITE_STATIC);
    }
}

static void bind_number(sqlite3_stmt *stmt, int at, int64_t value, int64_t none)
{
    if (value == none) {
        sqlite3_bind_null(stmt, at);
    } else {
        sqlite3_bind_int64(stmt, at, value);
    }
}

static void bind_record(sqlite3_stmt *stmt, const struct store_record *r)
{
    sqlite3_bind_int64(stmt, 1, r->id);
    sqlite3_bind_int64(stmt, 2, r->wall_ms);
    sqlite3_bind_int64(stmt, 3, r->boot_ms);
    bind_text(stmt, 4, r->group);
    sqlite3_bind_int64(stmt, 5, r->seq);
    bind_text(stmt, 6, r->kind);
    sqlite3_bind_int64(stmt, 7, r->epoch);
    bind_number(stmt, 8, r->plan, 0);
    bind_text(stmt, 9, r->plan_kind);
    bind_text(stmt, 10, r->node);
    bind_number(stmt, 11, r->step, -1);
    bind_number(stmt, 12, r->attempt, -1);
    bind_text(stmt, 13, r->name);
    bind_text(stmt, 14, r->from);
    bind_text(stmt, 15, r->to);
    bind_number(stmt, 16, r->row, 0);
    bind_text(stmt, 17, r->outcome);
    bind_text(stmt, 18, r->text);
}

static enum baton_err write_record(
    struct store *store, const struct store_record *r, struct baton_error *error)
{
    enum baton_err err = BATON_OK;
    bool same;

    bind_record(store->insert_record, r);
    if (sqlite3_step(store->insert_record) != SQLITE_DONE) {
        err = store_fail(store, "write", error);
    }
    sqlite3_reset(store->insert_record);
    if (err != BATON_OK || sqlite3_changes(store->db) == 1) {
        return err;
    }
    bind_record(store->same_record, r);
    same = sqlite3_step(store->same_record) == SQLITE_ROW;
    sqlite3_reset(store->same_record);
    return same ? BATON_OK
                : baton_fail(
                      error, BATON_BUG,
                      "journal %s: group %s has another record number %lld already: two writers, "
                      "or a journal of an older time was put back; restart batond",
                      store->file, r->group, (long long)r->seq);
}

static enum baton_err write_observation(
    struct store *store, const struct store_observation *o, struct baton_error *error)
{
    sqlite3_stmt *stmt = store->insert_observation;
    enum baton_err err = BATON_OK;

    sqlite3_bind_int64(stmt, 1, o->id);
    sqlite3_bind_int64(stmt, 2, o->wall_ms);
    sqlite3_bind_int64(stmt, 3, o->boot_ms);
    bind_text(stmt, 4, o->group);
    bind_text(stmt, 5, o->node);
    bind_text(stmt, 6, o->probe);
    bind_text(stmt, 7, o->outcome);
    sqlite3_bind_int64(stmt, 8, o->latency_us);
    bind_text(stmt, 9, o->detail);
    if (sqlite3_step(stmt) != SQLITE_DONE) {
        err = store_fail(store, "write", error);
    }
    sqlite3_reset(stmt);
    return err;
}

static enum baton_err end_transaction(
    struct store *store, enum baton_err err, struct baton_error *error)
{
    if (err == BATON_OK) {
        err = store_run(store, "COMMIT", "write", error);
    }
    if (!sqlite3_get_autocommit(store->db)) {
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    }
    return err;
}

enum baton_err store_write_records(
    struct store *store, const struct store_record *record, int count, struct baton_error *error)
{
    enum baton_err err = store_run(store, "BEGIN IMMEDIATE", "write", error);
    int i;

    if (err != BATON_OK) {
        return err;
    }
    for (i = 0; i < count && err == BATON_OK; i++) {
        err = write_record(store, &record[i], error);
    }
    return end_transaction(store, err, error);
}

/* Without its own fsync: the next record's covers it. What a power cut can take are the
 * last few observations, never a record. */
enum baton_err store_write_observations(
    struct store *store, const struct store_observation *observation, int count,
    struct baton_error *error)
{
    enum baton_err err =
        store_run(store, "PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE", "write", error);
    int i;

    if (err == BATON_OK) {
        for (i = 0; i < count && err == BATON_OK; i++) {
            err = write_observation(store, &observation[i], error);
        }
        err = end_transaction(store, err, error);
    }
    sqlite3_exec(store->db, "PRAGMA synchronous = FULL", NULL, NULL, NULL);
    return err;
}

enum baton_err store_prune(
    struct store *store, int64_t before_ms, int max, int *removed, struct baton_error *error)
{
    char sql[256];
    enum baton_err err;

    snprintf(
        sql, sizeof sql,
        "PRAGMA synchronous = NORMAL; DELETE FROM observation WHERE id IN (SELECT id FROM "
        "observation WHERE wall_ms < %lld ORDER BY wall_ms LIMIT %d)",
        (long long)before_ms, max);
    *removed = 0;
    err = store_run(store, sql, "remove old observations", error);
    if (err == BATON_OK) {
        *removed = sqlite3_changes(store->db);
    }
    sqlite3_exec(store->db, "PRAGMA synchronous = FULL", NULL, NULL, NULL);
    return err;
}
