/* The store: one SQLite connection and what it can be asked. No thread, no queue, no
 * loop: journal.c gives it to one thread at a time.
 *
 * Errors name the file and say what to do.
 */
#ifndef BATON_JOURNAL_STORE_H
#define BATON_JOURNAL_STORE_H

#include "base/error.h"
#include "group/group.h"
#include "journal/journal.h"

#include <jansson.h>
#include <sqlite3.h>
#include <stdint.h>

#define STORE_VERSION     1          /* of the schema; a newer one is refused */
#define STORE_APPLICATION 0x4241544e /* "BATN": this is a journal, no other database */

/* A record with names instead of numbers. An empty string and a NULL are kept as NULL. */
struct store_record {
    int64_t id; /* one sequence for records and observations */
    int64_t wall_ms, boot_ms;
    int64_t seq, epoch, plan;               /* plan 0: none */
    const char *kind, *plan_kind, *outcome; /* static strings; NULL: none */
    int step, attempt;                      /* -1: none */
    int row;                                /* 0: none */
    char group[GROUP_NAME_MAX], node[GROUP_NAME_MAX];
    char from[GROUP_NAME_MAX], to[GROUP_NAME_MAX];
    char name[GROUP_NAME_MAX], text[GROUP_TEXT_MAX];
};

struct store_observation {
    int64_t id;
    int64_t wall_ms, boot_ms, latency_us;
    const char *outcome; /* static */
    char group[GROUP_NAME_MAX], node[GROUP_NAME_MAX], probe[GROUP_NAME_MAX];
    char detail[GROUP_TEXT_MAX / 2];
};

struct store {
    sqlite3 *db;
    char *file;
    sqlite3_stmt *insert_record, *same_record, *insert_observation;
};

/* Open the database, make it where it isn't there. What is newer, damaged or no journal
 * at all is refused and left as it is. */
enum baton_err store_open(const char *file, struct store **out, struct baton_error *error);

/* Open for reading only, beside a running daemon. */
enum baton_err store_open_read(const char *file, struct store **out, struct baton_error *error);
void store_close(struct store *store);

/* Write all or none, on disk when it returns. A record that is there already, word for
 * word, is fine: so a caller that doesn't know may write again. */
enum baton_err store_write_records(
    struct store *store, const struct store_record *record, int count, struct baton_error *error);

/* Write all or none; on disk with the next record, or a little later. */
enum baton_err store_write_observations(
    struct store *store, const struct store_observation *observation, int count,
    struct baton_error *error);

/* Remove at most `max` observations older than `before_ms` (wall). */
enum baton_err store_prune(
    struct store *store, int64_t before_ms, int max, int *removed, struct baton_error *error);

/* The highest id in use, 0 where nothing is there. */
enum baton_err store_last_id(struct store *store, int64_t *id, struct baton_error *error);

/* See journal_recall and journal_history. */
enum baton_err store_recall(
    struct store *store, const char *group, const char *const *node_names, int n_nodes,
    int64_t wall_ms, struct group_memory *memory, struct baton_error *error);
enum baton_err store_history(
    struct store *store, const struct journal_query *query, json_t **rows,
    struct baton_error *error);

/* The words for what SQLite answered. `what` is what was tried ("write", "read"). */
enum baton_err store_fail(const struct store *store, const char *what, struct baton_error *error);

/* Statements without rows; `what` as in store_fail. */
enum baton_err store_run(
    struct store *store, const char *sql, const char *what, struct baton_error *error);

/* The statements that stay with the store. */
enum baton_err store_prepare_writes(struct store *store, struct baton_error *error);

/* A statement of one use. */
enum baton_err store_prepare(
    struct store *store, const char *sql, sqlite3_stmt **out, struct baton_error *error);

#endif
