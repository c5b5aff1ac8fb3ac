/* The journal: what happened, durable, in SQLite (WAL, synchronous FULL).
 *
 * One worker thread owns the database, so that no fsync ever blocks the loop. Jobs are
 * done in the order they were given. Records of moves are one transaction each job and
 * acknowledged when they are on disk; observations are batched (once a second, or 512)
 * and not acknowledged. History survives kill -9 at any instant.
 *
 * The state directory is locked (flock) for the life of the journal: a second controller
 * on it is refused. A journal written by a newer schema is refused, never altered.
 */
#ifndef BATON_JOURNAL_JOURNAL_H
#define BATON_JOURNAL_JOURNAL_H

#include "base/error.h"
#include "group/group.h"

#include <jansson.h>
#include <stdint.h>

#define JOURNAL_FILE "journal.db" /* in the state directory */

struct journal;
struct event_base;

struct journal_setup {
    const char *directory;   /* of the state; made with mode 0700 if it isn't there */
    struct event_base *base; /* completions are called on this loop */
    int64_t keep_ms;         /* observations older than this are removed now and then */
};

typedef void journal_done_fn(void *arg, int64_t seq, const struct baton_error *failed);
/* `rows` is a JSON array, owned by the callee; NULL with `failed` on error. */
typedef void journal_rows_fn(void *arg, json_t *rows, const struct baton_error *failed);

enum baton_err journal_open(
    const struct journal_setup *setup, struct journal **out, struct baton_error *error);

/* Finishes what was given, then closes. Completions of this time are still called, on the
 * calling thread: close it before what their `arg` points to is freed. NULL is fine. */
void journal_close(struct journal *journal);

/* What it remembers of a group. Blocks; for the start only. Nodes that the journal names
 * and the configuration no longer has: the holder becomes GROUP_NOBODY with an error
 * BATON_INVALID that says so (the caller decides). `wall_ms` is now, for the age of moves. */
enum baton_err journal_recall(
    struct journal *journal, const char *group, const char *const *node_names, int n_nodes,
    int64_t wall_ms, struct group_memory *memory, struct baton_error *error);

/* Write records durably, all or none; `group` gives the names of nodes and steps.
 * `boot_ms` and `wall_ms` are the clocks now. Everything is copied. Completions come in the
 * order of the calls, from the loop; only where there is no memory for the job `done` is
 * called at once. Records that failed may be given again, also where some are there. */
void journal_record(
    struct journal *journal, const char *name, const struct group *group,
    const struct group_record *records, int count, int64_t boot_ms, int64_t wall_ms,
    journal_done_fn *done, void *arg);

void journal_observe(
    struct journal *journal, const char *group, const char *node, const char *probe,
    enum group_outcome outcome, int64_t latency_us, const char *detail, int64_t boot_ms,
    int64_t wall_ms);

/* Rows of the history, oldest first, at most `limit` newest ones. NULL group: all. With
 * `observations` they are merged in. Each row: {"id","time" (RFC 3339, UTC),"wall_ms",
 * "group","kind","epoch","plan","plan_kind","node","step","attempt","name","from","to",
 * "row","outcome","text"}; keys that mean nothing for a kind are left out. */
struct journal_query {
    const char *group;
    int64_t since_ms, until_ms; /* wall; 0: no bound */
    int64_t after_id;           /* 0: from the start */
    int limit;                  /* 0: 1000 */
    bool observations;
};
void journal_history(
    struct journal *journal, const struct journal_query *query, journal_rows_fn *done, void *arg);

/* The same from a file, read-only, without a daemon; blocks. NULL with an error. */
json_t *journal_read(
    const char *file, const struct journal_query *query, struct baton_error *error);

/* All rows from a file, oldest first and one at a time, however many there are. Text is valid
 * during the call and NULL where a row has none. */
struct journal_row {
    int64_t id, wall_ms, latency_us;
    bool observation;      /* `name` is the probe; else a record */
    const char *kind;      /* of a record: group_record_name */
    const char *plan_kind; /* group_plan_name */
    const char *node, *name, *from, *to, *outcome, *text;
};
typedef bool journal_row_fn(void *arg, const struct journal_row *row); /* false: enough */

/* `query->limit` is not heeded. Blocks, and keeps what is read from being taken out of the
 * log of a running daemon meanwhile. BATON_OK also where `each` had enough. */
enum baton_err journal_walk(
    const char *file, const struct journal_query *query, journal_row_fn *each, void *arg,
    struct baton_error *error);

/* When the last planned move of a group (a failback, or a move by an operator) ended well, as the
 * file says; 0: never. Read-only, one row by an index, without a daemon; blocks. */
enum baton_err journal_last_drill(
    const char *file, const char *group, int64_t *wall_ms, struct baton_error *error);

/* What there is in a file: a part for each probe on each node of each group, and one with
 * neither for the records of a group. Groups, nodes and probes come in the order of their
 * names. Blocks, and reads all. */
struct journal_part {
    const char *group, *node, *probe;
    int64_t count, first_ms, last_ms; /* wall */
};
typedef void journal_part_fn(void *arg, const struct journal_part *part);
enum baton_err journal_outline(
    const char *file, journal_part_fn *each, void *arg, struct baton_error *error);

#endif
