#include "journal_bench.h"

#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void bench_start(struct bench *b)
{
    const char *tmp = getenv("TMPDIR");

    memset(b, 0, sizeof *b);
    snprintf(
        b->directory, sizeof b->directory, "%s/baton-journal-XXXXXX", tmp != NULL ? tmp : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(b->directory));
    snprintf(b->file, sizeof b->file, "%s/%s", b->directory, JOURNAL_FILE);
    b->base = event_base_new();
    b->wall_ms = BENCH_WALL_MS;
    b->keep_ms = 7 * 24 * 3600 * (int64_t)1000;
    snprintf(b->group.name, sizeof b->group.name, "mail");
    b->group.n_nodes = 2;
    b->group.node = b->node;
    snprintf(b->node[0].name, sizeof b->node[0].name, "server01");
    snprintf(b->node[1].name, sizeof b->node[1].name, "server02");
}

void bench_end(struct bench *b)
{
    DIR *directory;
    const struct dirent *entry;
    char path[800];

    bench_close(b);
    event_base_free(b->base);
    directory = opendir(b->directory);
    ck_assert_ptr_nonnull(directory);
    while ((entry = readdir(directory)) != NULL) {
        snprintf(path, sizeof path, "%s/%s", b->directory, entry->d_name);
        unlink(path);
    }
    closedir(directory);
    rmdir(b->directory);
}

void bench_open(struct bench *b)
{
    struct journal_setup setup = {b->directory, b->base, b->keep_ms};
    struct baton_error error = {0};

    ck_assert_msg(journal_open(&setup, &b->journal, &error) == BATON_OK, "%s", error.text);
}

void bench_close(struct bench *b)
{
    journal_close(b->journal);
    b->journal = NULL;
}

void bench_reopen(struct bench *b)
{
    bench_close(b);
    bench_open(b);
}

struct group_record bench_record(struct bench *b, enum group_record_kind kind)
{
    struct group_record r = {.seq = ++b->seq, .kind = kind, .node = GROUP_NOBODY};

    r.step = r.attempt = r.from = r.to = -1;
    return r;
}

static void on_written(void *arg, int64_t seq, const struct baton_error *failed)
{
    struct bench *b = arg;

    ck_assert_int_lt(b->n_acked, BENCH_ACKS);
    b->acked[b->n_acked++] = seq;
    memset(&b->failed, 0, sizeof b->failed);
    if (failed != NULL) {
        b->failed = *failed;
    }
}

void bench_give(struct bench *b, const struct group_record *r, int count)
{
    journal_record(b->journal, "mail", &b->group, r, count, 5000, b->wall_ms, on_written, b);
}

void bench_wait(struct bench *b, int n)
{
    while (b->n_acked < n) {
        ck_assert_int_eq(event_base_loop(b->base, EVLOOP_ONCE), 0);
    }
}

enum baton_err bench_write(struct bench *b, const struct group_record *r, int count)
{
    b->n_acked = 0;
    bench_give(b, r, count);
    bench_wait(b, 1);
    ck_assert_int_eq(b->acked[0], r[count - 1].seq);
    return b->failed.code;
}

static void on_rows(void *arg, json_t *rows, const struct baton_error *failed)
{
    struct bench *b = arg;

    ck_assert_msg(failed == NULL, "%s", failed != NULL ? failed->text : "");
    b->rows = rows;
}

json_t *bench_history(struct bench *b, const struct journal_query *query)
{
    b->rows = NULL;
    journal_history(b->journal, query, on_rows, b);
    while (b->rows == NULL) {
        ck_assert_int_eq(event_base_loop(b->base, EVLOOP_ONCE), 0);
    }
    return b->rows;
}

const char *bench_ids(json_t *rows)
{
    static char ids[1000];
    size_t i, at = 0;
    json_t *row;

    ids[0] = '\0';
    json_array_foreach(rows, i, row)
    {
        at += (size_t)snprintf(
            ids + at, sizeof ids - at, "%s%lld", i > 0 ? " " : "",
            (long long)json_integer_value(json_object_get(row, "id")));
        ck_assert_uint_lt(at, sizeof ids);
    }
    json_decref(rows);
    return ids;
}

char *bench_slurp(const char *file, size_t *len)
{
    FILE *in = fopen(file, "rb");
    char *bytes;

    ck_assert_ptr_nonnull(in);
    fseek(in, 0, SEEK_END);
    *len = (size_t)ftell(in);
    rewind(in);
    bytes = malloc(*len + 1);
    ck_assert_uint_eq(fread(bytes, 1, *len, in), *len);
    fclose(in);
    return bytes;
}

void bench_spill(const char *file, const char *bytes, size_t len)
{
    FILE *out = fopen(file, "wb");

    ck_assert_ptr_nonnull(out);
    ck_assert_uint_eq(fwrite(bytes, 1, len, out), len);
    fclose(out);
}
