/* A journal in a directory of its own, with a loop and a group of two nodes. */
#ifndef BATON_TESTS_JOURNAL_BENCH_H
#define BATON_TESTS_JOURNAL_BENCH_H

#include "journal/journal.h"

#include <event2/event.h>

#define BENCH_WALL_MS 1795521600250 /* 2026-11-24T12:00:00.250Z */
#define BENCH_ACKS    1000

struct bench {
    char directory[500], file[520];
    struct event_base *base;
    struct journal *journal;
    struct group group;
    struct group_node node[2];
    int64_t seq, wall_ms, keep_ms;
    int n_acked; /* completions, good or bad */
    int64_t acked[BENCH_ACKS];
    struct baton_error failed; /* of the last one */
    json_t *rows;
};

void bench_start(struct bench *b);
void bench_end(struct bench *b); /* closes, removes the directory */
void bench_open(struct bench *b);
void bench_close(struct bench *b);
void bench_reopen(struct bench *b);

/* A record of the next number that means nothing yet. */
struct group_record bench_record(struct bench *b, enum group_record_kind kind);

/* Give records; give and wait; wait until `n` completions have come. */
void bench_give(struct bench *b, const struct group_record *r, int count);
enum baton_err bench_write(struct bench *b, const struct group_record *r, int count);
void bench_wait(struct bench *b, int n);

json_t *bench_history(struct bench *b, const struct journal_query *query);
const char *bench_ids(json_t *rows); /* "1 2 3"; takes the rows */

char *bench_slurp(const char *file, size_t *len);
void bench_spill(const char *file, const char *bytes, size_t len);

#endif
