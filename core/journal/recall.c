/* What the records say of a group: who holds the baton, what was under way. */
#include "journal/store.h"

#include <stdio.h>
#include <string.h>

#define DAY_MS (24 * 3600 * (int64_t)1000)

/* One row of one statement with the group as ?1 and a number as ?2. SQLITE_ROW, SQLITE_DONE
 * or an error. */
static enum baton_err ask(
    struct store *store, const char *sql, const char *group, int64_t number, sqlite3_stmt **stmt,
    int *rc, struct baton_error *error)
{
    enum baton_err err = store_prepare(store, sql, stmt, error);

    if (err != BATON_OK) {
        return err;
    }
    sqlite3_bind_text(*stmt, 1, group, -1, SQLITE_STATIC);
    if (sqlite3_bind_parameter_count(*stmt) > 1) {
        sqlite3_bind_int64(*stmt, 2, number);
    }
    *rc = sqlite3_step(*stmt);
    return *rc == SQLITE_ROW || *rc == SQLITE_DONE ? BATON_OK : store_fail(store, "read", error);
}

static int node_index(const char *const *names, int n_nodes, const char *name)
{
    int i;

    for (i = 0; i < n_nodes && name != NULL; i++) {
        if (strcmp(names[i], name) == 0) {
            return i;
        }
    }
    return GROUP_NOBODY;
}

static int plan_kind(const char *name)
{
    int kind;

    for (kind = GROUP_PLAN_NONE; name != NULL && kind <= GROUP_PLAN_START; kind++) {
        if (strcmp(group_plan_name((enum group_plan_kind)kind), name) == 0) {
            return kind;
        }
    }
    return GROUP_PLAN_NONE;
}

static enum baton_err recall_numbers(
    struct store *store, const char *group, struct group_memory *m, struct baton_error *error)
{
    static const char sql[] = "SELECT count(*), max(seq), max(plan),"
                              " max(CASE kind WHEN 'grant' THEN epoch END)"
                              " FROM record WHERE grp = ?1";
    sqlite3_stmt *stmt = NULL;
    int rc = 0;
    enum baton_err err = ask(store, sql, group, 0, &stmt, &rc, error);

    if (err == BATON_OK && rc == SQLITE_ROW) {
        m->known = sqlite3_column_int64(stmt, 0) > 0;
        m->seq_max = sqlite3_column_int64(stmt, 1);
        m->plan_id_max = sqlite3_column_int64(stmt, 2);
        m->epoch = sqlite3_column_int64(stmt, 3);
    }
    sqlite3_finalize(stmt);
    return err;
}

static enum baton_err recall_holder(
    struct store *store, const char *group, const char *const *names, int n_nodes,
    struct group_memory *m, char *stranger, size_t size, struct baton_error *error)
{
    static const char sql[] = "SELECT kind = 'grant', node FROM record WHERE grp = ?1"
                              " AND kind IN ('grant', 'release') ORDER BY seq DESC LIMIT 1";
    sqlite3_stmt *stmt = NULL;
    int rc = 0;
    enum baton_err err = ask(store, sql, group, 0, &stmt, &rc, error);

    if (err == BATON_OK && rc == SQLITE_ROW && sqlite3_column_int(stmt, 0) != 0) {
        const char *name = (const char *)sqlite3_column_text(stmt, 1);

        m->holder = node_index(names, n_nodes, name);
        if (m->holder == GROUP_NOBODY) {
            snprintf(stranger, size, "%s", name != NULL ? name : "?");
        }
    }
    sqlite3_finalize(stmt);
    return err;
}

static enum baton_err recall_pause(
    struct store *store, const char *group, struct group_memory *m, struct baton_error *error)
{
    static const char sql[] = "SELECT kind = 'pause' FROM record WHERE grp = ?1"
                              " AND kind IN ('pause', 'resume') ORDER BY seq DESC LIMIT 1";
    sqlite3_stmt *stmt = NULL;
    int rc = 0;
    enum baton_err err = ask(store, sql, group, 0, &stmt, &rc, error);

    m->paused = err == BATON_OK && rc == SQLITE_ROW && sqlite3_column_int(stmt, 0) != 0;
    sqlite3_finalize(stmt);
    return err;
}

/* The grant of the highest epoch; of two with one epoch the later one. */
static enum baton_err recall_token(
    struct store *store, const char *group, struct group_memory *m, struct baton_error *error)
{
    static const char sql[] = "SELECT name FROM record WHERE grp = ?1 AND kind = 'grant'"
                              " ORDER BY epoch DESC, seq DESC LIMIT 1";
    sqlite3_stmt *stmt = NULL;
    int rc = 0;
    enum baton_err err = ask(store, sql, group, 0, &stmt, &rc, error);

    if (err == BATON_OK && rc == SQLITE_ROW && sqlite3_column_text(stmt, 0) != NULL) {
        m->token = group_token((const char *)sqlite3_column_text(stmt, 0));
    }
    sqlite3_finalize(stmt);
    return err;
}

/* Handovers only: a restore, remedy or eviction that was cut off leaves nothing between
 * and is decided anew from what is seen. */
static enum baton_err recall_plan(
    struct store *store, const char *group, const char *const *names, int n_nodes,
    struct group_memory *m, struct baton_error *error)
{
    static const char sql[] =
        "SELECT b.plan, b.plan_kind, b.node, EXISTS(SELECT 1 FROM record g WHERE g.grp = ?1"
        "  AND g.kind = 'grant' AND g.plan = b.plan)"
        " FROM record b WHERE b.grp = ?1 AND b.kind = 'plan-begin'"
        " AND b.plan_kind IN ('failover', 'failback', 'move', 'start')"
        " AND NOT EXISTS(SELECT 1 FROM record e WHERE e.grp = ?1 AND e.kind = 'plan-end'"
        "  AND e.plan = b.plan) ORDER BY b.seq DESC LIMIT 1";
    sqlite3_stmt *stmt = NULL;
    int rc = 0;
    enum baton_err err = ask(store, sql, group, 0, &stmt, &rc, error);

    m->open_taker = GROUP_NOBODY;
    if (err == BATON_OK && rc == SQLITE_ROW) {
        m->open = true;
        m->open_id = sqlite3_column_int64(stmt, 0);
        m->open_kind = plan_kind((const char *)sqlite3_column_text(stmt, 1));
        m->open_taker = node_index(names, n_nodes, (const char *)sqlite3_column_text(stmt, 2));
        m->open_granted = sqlite3_column_int(stmt, 3) != 0;
    }
    sqlite3_finalize(stmt);
    return err;
}

/* Newest first. A move from the future (the clock was set back) counts as one of now. */
static enum baton_err recall_moves(
    struct store *store, const char *group, int64_t wall_ms, struct group_memory *m,
    struct baton_error *error)
{
    static const char sql[] = "SELECT wall_ms FROM record WHERE grp = ?1 AND kind = 'plan-begin'"
                              " AND plan_kind = 'failover' AND wall_ms > ?2 ORDER BY seq DESC";
    sqlite3_stmt *stmt = NULL;
    int rc = 0;
    enum baton_err err = ask(store, sql, group, wall_ms - DAY_MS, &stmt, &rc, error);

    while (err == BATON_OK && rc == SQLITE_ROW && m->n_moves < GROUP_MOVES_MAX) {
        int64_t ago_ms = wall_ms - sqlite3_column_int64(stmt, 0);

        m->moves_ago_ms[m->n_moves++] = ago_ms > 0 ? ago_ms : 0;
        rc = sqlite3_step(stmt);
        if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
            err = store_fail(store, "read", error);
        }
    }
    sqlite3_finalize(stmt);
    return err;
}

enum baton_err store_recall(
    struct store *store, const char *group, const char *const *node_names, int n_nodes,
    int64_t wall_ms, struct group_memory *memory, struct baton_error *error)
{
    char stranger[GROUP_NAME_MAX] = "";
    enum baton_err err;

    memset(memory, 0, sizeof *memory);
    memory->holder = memory->open_taker = GROUP_NOBODY;
    err = recall_numbers(store, group, memory, error);
    if (err == BATON_OK) {
        err = recall_holder(
            store, group, node_names, n_nodes, memory, stranger, sizeof stranger, error);
    }
    if (err == BATON_OK) {
        err = recall_token(store, group, memory, error);
    }
    if (err == BATON_OK) {
        err = recall_pause(store, group, memory, error);
    }
    if (err == BATON_OK) {
        err = recall_plan(store, group, node_names, n_nodes, memory, error);
    }
    if (err == BATON_OK) {
        err = recall_moves(store, group, wall_ms, memory, error);
    }
    if (err == BATON_OK && stranger[0] != '\0') {
        err = baton_fail(
            error, BATON_INVALID,
            "journal %s: group %s: by the record %s holds the baton with epoch %lld, but the "
            "configuration has no such node: put it back, or make sure that it doesn't serve and "
            "accept that the record is set aside",
            store->file, group, stranger, (long long)memory->epoch);
    }
    return err;
}
