/* The journal: what it keeps, what it remembers, and what it survives. */
#include "group/memory.h"
#include "journal/journal.h"
#include "journal_bench.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct bench bench;

static void setup(void)
{
    bench_start(&bench);
}

static void teardown(void)
{
    bench_end(&bench);
}

static const char *const nodes[] = {"server01", "server02"};

static enum baton_err recall(struct group_memory *memory, struct baton_error *error)
{
    return journal_recall(bench.journal, "mail", nodes, 2, BENCH_WALL_MS, memory, error);
}

/* ---- What it keeps ---- */

START_TEST(a_record_is_kept_with_names_not_numbers)
{
    struct group_record r[3];
    json_t *rows;
    char *text;

    bench_open(&bench);
    r[0] = bench_record(&bench, GROUP_REC_PLAN_BEGIN);
    r[0].plan_id = 7;
    r[0].plan_kind = GROUP_PLAN_FAILOVER;
    r[0].node = r[0].to = 1;
    r[0].from = 0;
    r[1] = bench_record(&bench, GROUP_REC_STEP_END);
    r[1].plan_id = 7;
    r[1].node = 0;
    r[1].step = 2;
    r[1].attempt = 1;
    r[1].outcome = GROUP_FAIL;
    snprintf(r[1].name, sizeof r[1].name, "stop smtp");
    snprintf(r[1].text, sizeof r[1].text, "no answer within 3 s");
    r[2] = bench_record(&bench, GROUP_REC_TRANSITION);
    r[2].node = 1;
    r[2].from = FSM_STANDBY;
    r[2].to = FSM_FAILING_OVER;
    r[2].row = 20;
    ck_assert_int_eq(bench_write(&bench, r, 3), BATON_OK);
    rows = bench_history(&bench, &(struct journal_query){.group = "mail"});
    ck_assert_int_eq(json_array_size(rows), 3);
    text = json_dumps(json_array_get(rows, 0), 0);
    ck_assert_str_eq(
        text, "{\"id\": 1, \"time\": \"2026-11-24T12:00:00.250Z\", \"wall_ms\": 1795521600250, "
              "\"group\": \"mail\", \"kind\": \"plan-begin\", \"epoch\": 0, \"plan\": 7, "
              "\"plan_kind\": \"failover\", \"node\": \"server02\", \"from\": \"server01\", "
              "\"to\": \"server02\"}");
    free(text);
    text = json_dumps(json_array_get(rows, 1), 0);
    ck_assert_str_eq(
        text, "{\"id\": 2, \"time\": \"2026-11-24T12:00:00.250Z\", \"wall_ms\": 1795521600250, "
              "\"group\": \"mail\", \"kind\": \"step-end\", \"epoch\": 0, \"plan\": 7, \"node\": "
              "\"server01\", \"step\": 2, \"attempt\": 1, \"name\": \"stop smtp\", \"outcome\": "
              "\"fail\", \"text\": \"no answer within 3 s\"}");
    free(text);
    text = json_dumps(json_array_get(rows, 2), 0);
    ck_assert_str_eq(
        text, "{\"id\": 3, \"time\": \"2026-11-24T12:00:00.250Z\", \"wall_ms\": 1795521600250, "
              "\"group\": \"mail\", \"kind\": \"transition\", \"epoch\": 0, \"node\": "
              "\"server02\", \"from\": \"Standby\", \"to\": \"FailingOver\", \"row\": 20}");
    free(text);
    json_decref(rows);
}
END_TEST

START_TEST(history_is_chosen_by_group_time_id_and_number)
{
    json_t *rows;
    int i;

    bench_open(&bench);
    for (i = 0; i < 10; i++) {
        struct group_record r = bench_record(&bench, GROUP_REC_NOTE);

        bench.wall_ms = BENCH_WALL_MS + i * 1000;
        ck_assert_int_eq(bench_write(&bench, &r, 1), BATON_OK);
    }
    rows = bench_history(&bench, &(struct journal_query){.group = "web"});
    ck_assert_int_eq(json_array_size(rows), 0);
    json_decref(rows);
    rows = bench_history(&bench, &(struct journal_query){.limit = 3});
    ck_assert_str_eq(bench_ids(rows), "8 9 10");
    rows = bench_history(&bench, &(struct journal_query){.after_id = 7});
    ck_assert_str_eq(bench_ids(rows), "8 9 10");
    rows = bench_history(
        &bench, &(struct journal_query){
                    .since_ms = BENCH_WALL_MS + 2000, .until_ms = BENCH_WALL_MS + 4000});
    ck_assert_str_eq(bench_ids(rows), "3 4 5");
}
END_TEST

START_TEST(observations_are_merged_in_the_order_they_were_made)
{
    struct group_record r = bench_record(&bench, GROUP_REC_NOTE);
    json_t *rows, *row;

    bench_open(&bench);
    journal_observe(
        bench.journal, "mail", "server01", "smtp", GROUP_FAIL, 1500, "refused", 1, BENCH_WALL_MS);
    ck_assert_int_eq(bench_write(&bench, &r, 1), BATON_OK);
    journal_observe(
        bench.journal, "mail", "server02", "smtp", GROUP_OK, 900, "220 hello", 2, BENCH_WALL_MS);
    rows = bench_history(&bench, &(struct journal_query){.observations = true});
    ck_assert_int_eq(json_array_size(rows), 3);
    row = json_array_get(rows, 0);
    ck_assert_str_eq(json_string_value(json_object_get(row, "kind")), "observation");
    ck_assert_str_eq(json_string_value(json_object_get(row, "name")), "smtp");
    ck_assert_str_eq(json_string_value(json_object_get(row, "outcome")), "fail");
    ck_assert_int_eq(json_integer_value(json_object_get(row, "latency_us")), 1500);
    ck_assert_str_eq(bench_ids(rows), "1 2 3");
    rows = bench_history(&bench, &(struct journal_query){0});
    ck_assert_str_eq(bench_ids(rows), "2");
}
END_TEST

static int walked[8], n_walked, enough_at;

static bool on_row(void *arg, const struct journal_row *row)
{
    ck_assert_ptr_null(arg);
    walked[n_walked++] = row->observation ? -(int)row->id : (int)row->id;
    if (row->observation) {
        ck_assert_str_eq(row->name, "smtp");
        ck_assert_ptr_null(row->kind);
    } else {
        ck_assert_str_eq(row->kind, "note");
    }
    return n_walked != enough_at;
}

static void on_part(void *arg, const struct journal_part *part)
{
    char *text = arg;
    size_t used = strlen(text);

    snprintf(
        text + used, 500 - used, "%s %s %s %lld %lld\n", part->group,
        part->node != NULL ? part->node : "-", part->probe != NULL ? part->probe : "-",
        (long long)part->count, (long long)(part->last_ms - part->first_ms));
}

START_TEST(a_whole_history_is_walked_oldest_first_and_outlined)
{
    static const struct journal_query all = {.group = "mail", .limit = 1, .observations = true};
    static const int order[] = {-1, 2, -3, 4};
    struct baton_error error;
    char text[500] = "";
    int i;

    bench_open(&bench);
    for (i = 0; i < 2; i++) {
        struct group_record r = bench_record(&bench, GROUP_REC_NOTE);

        bench.wall_ms = BENCH_WALL_MS + i * 1000;
        journal_observe(
            bench.journal, "mail", "server01", "smtp", GROUP_OK, 1, "", 1, bench.wall_ms);
        ck_assert_int_eq(bench_write(&bench, &r, 1), BATON_OK);
    }
    bench_close(&bench);
    n_walked = 0;
    ck_assert_int_eq(journal_walk(bench.file, &all, on_row, NULL, &error), BATON_OK);
    ck_assert_int_eq(n_walked, 4); /* no limit */
    ck_assert_int_eq(memcmp(walked, order, sizeof order), 0);
    enough_at = 2;
    n_walked = 0;
    ck_assert_int_eq(journal_walk(bench.file, &all, on_row, NULL, &error), BATON_OK);
    ck_assert_int_eq(n_walked, 2);
    enough_at = n_walked = 0;
    ck_assert_int_eq(
        journal_walk(
            bench.file, &(struct journal_query){.since_ms = BENCH_WALL_MS + 1}, on_row, NULL,
            &error),
        BATON_OK);
    ck_assert_int_eq(n_walked, 1);
    ck_assert_int_eq(walked[0], 4);
    ck_assert_int_eq(journal_outline(bench.file, on_part, text, &error), BATON_OK);
    ck_assert_str_eq(text, "mail - - 2 1000\nmail server01 smtp 2 1000\n");
    ck_assert_int_eq(journal_walk("/nowhere", &all, on_row, NULL, &error), BATON_NOT_FOUND);
    ck_assert_int_eq(journal_outline("/nowhere", on_part, text, &error), BATON_NOT_FOUND);
}
END_TEST

START_TEST(old_observations_go_records_stay)
{
    struct group_record r = bench_record(&bench, GROUP_REC_NOTE);
    json_t *rows;
    int i, left = 0;

    bench.keep_ms = 3600 * 1000;
    bench.wall_ms = BENCH_WALL_MS - 7200 * 1000;
    bench_open(&bench);
    ck_assert_int_eq(bench_write(&bench, &r, 1), BATON_OK);
    for (i = 0; i < 900; i++) {
        journal_observe(
            bench.journal, "mail", "server01", "smtp", GROUP_OK, 1, "", i,
            BENCH_WALL_MS - 7200 * 1000);
    }
    bench_reopen(&bench); /* which is when it looks for old ones at once */
    journal_observe(bench.journal, "mail", "server01", "smtp", GROUP_OK, 1, "", i, BENCH_WALL_MS);
    for (i = 0; i < 1000 && left != 2; i++) { /* each query lets one more slice go */
        rows = bench_history(&bench, &(struct journal_query){.observations = true});
        left = (int)json_array_size(rows);
        json_decref(rows);
    }
    ck_assert_msg(left == 2, "%d rows are left, not the record and the young observation", left);
}
END_TEST

/* ---- What it remembers ---- */

static struct group_record plan_record(
    enum group_record_kind kind, int64_t id, enum group_plan_kind plan, int64_t epoch, int node)
{
    struct group_record r = bench_record(&bench, kind);

    r.plan_id = id;
    r.plan_kind = (int)plan;
    r.epoch = epoch;
    r.node = r.to = node;
    return r;
}

static void tell(const struct group_record *r)
{
    ck_assert_int_eq(bench_write(&bench, r, 1), BATON_OK);
}

static void tell_plan(
    enum group_record_kind kind, int64_t id, enum group_plan_kind plan, int64_t epoch, int node)
{
    struct group_record r = plan_record(kind, id, plan, epoch, node);

    tell(&r);
}

START_TEST(a_new_journal_remembers_nothing)
{
    struct group_memory m = {0};

    bench_open(&bench);
    ck_assert_int_eq(recall(&m, NULL), BATON_OK);
    ck_assert(!m.known && !m.paused && !m.open);
    ck_assert_int_eq(m.holder, GROUP_NOBODY);
    ck_assert_int_eq(m.epoch, 0);
    ck_assert_int_eq(m.n_moves, 0);
}
END_TEST

START_TEST(the_last_grant_names_holder_and_epoch)
{
    struct group_memory m = {0};

    bench_open(&bench);
    tell_plan(GROUP_REC_GRANT, 1, GROUP_PLAN_START, 1, 0);
    tell_plan(GROUP_REC_GRANT, 2, GROUP_PLAN_FAILOVER, 2, 1);
    bench_reopen(&bench);
    ck_assert_int_eq(recall(&m, NULL), BATON_OK);
    ck_assert(m.known);
    ck_assert_int_eq(m.holder, 1);
    ck_assert_int_eq(m.epoch, 2);
    ck_assert_int_eq(m.seq_max, 2);
    ck_assert_int_eq(m.plan_id_max, 2);
    tell_plan(GROUP_REC_RELEASE, 2, GROUP_PLAN_NONE, 2, 1);
    ck_assert_int_eq(recall(&m, NULL), BATON_OK);
    ck_assert_int_eq(m.holder, GROUP_NOBODY);
    ck_assert_int_eq(m.epoch, 2);
}
END_TEST

START_TEST(an_interrupted_handover_is_remembered_with_its_grant)
{
    struct group_memory m = {0};

    bench_open(&bench);
    tell_plan(GROUP_REC_PLAN_BEGIN, 1, GROUP_PLAN_FAILBACK, 0, 0);
    tell_plan(GROUP_REC_PLAN_END, 1, GROUP_PLAN_FAILBACK, 1, 0);
    tell_plan(GROUP_REC_PLAN_BEGIN, 2, GROUP_PLAN_REMEDY, 1, 0);
    ck_assert_int_eq(recall(&m, NULL), BATON_OK);
    ck_assert_msg(!m.open, "a plan that ended, or a remedy, is no open handover");
    tell_plan(GROUP_REC_PLAN_BEGIN, 3, GROUP_PLAN_FAILOVER, 1, 1);
    ck_assert_int_eq(recall(&m, NULL), BATON_OK);
    ck_assert(m.open && !m.open_granted);
    ck_assert_int_eq(m.open_id, 3);
    ck_assert_int_eq(m.open_kind, GROUP_PLAN_FAILOVER);
    ck_assert_int_eq(m.open_taker, 1);
    tell_plan(GROUP_REC_GRANT, 3, GROUP_PLAN_FAILOVER, 2, 1);
    bench_reopen(&bench);
    ck_assert_int_eq(recall(&m, NULL), BATON_OK);
    ck_assert(m.open && m.open_granted);
    ck_assert_int_eq(m.holder, 1);
    tell_plan(GROUP_REC_PLAN_END, 3, GROUP_PLAN_FAILOVER, 2, 1);
    ck_assert_int_eq(recall(&m, NULL), BATON_OK);
    ck_assert(!m.open);
}
END_TEST

START_TEST(a_pause_outlives_a_restart)
{
    struct group_memory m = {0};
    struct group_record r;

    bench_open(&bench);
    r = bench_record(&bench, GROUP_REC_PAUSE);
    tell(&r);
    bench_reopen(&bench);
    ck_assert_int_eq(recall(&m, NULL), BATON_OK);
    ck_assert(m.paused);
    r = bench_record(&bench, GROUP_REC_RESUME);
    tell(&r);
    ck_assert_int_eq(recall(&m, NULL), BATON_OK);
    ck_assert(!m.paused);
}
END_TEST

START_TEST(unplanned_moves_of_a_day_are_remembered_newest_first)
{
    struct group_memory m = {0};
    int64_t hour = 3600 * 1000;

    bench_open(&bench);
    bench.wall_ms = BENCH_WALL_MS - 25 * hour;
    tell_plan(GROUP_REC_PLAN_BEGIN, 1, GROUP_PLAN_FAILOVER, 0, 0);
    bench.wall_ms = BENCH_WALL_MS - 23 * hour;
    tell_plan(GROUP_REC_PLAN_BEGIN, 2, GROUP_PLAN_FAILOVER, 0, 0);
    bench.wall_ms = BENCH_WALL_MS - 2 * hour;
    tell_plan(GROUP_REC_PLAN_BEGIN, 3, GROUP_PLAN_FAILBACK, 0, 0);
    bench.wall_ms = BENCH_WALL_MS - hour;
    tell_plan(GROUP_REC_PLAN_BEGIN, 4, GROUP_PLAN_FAILOVER, 0, 0);
    bench.wall_ms = BENCH_WALL_MS + hour;
    tell_plan(GROUP_REC_PLAN_BEGIN, 5, GROUP_PLAN_FAILOVER, 0, 0);
    ck_assert_int_eq(recall(&m, NULL), BATON_OK);
    ck_assert_int_eq(m.n_moves, 3);
    ck_assert_int_eq(m.moves_ago_ms[0], 0); /* the clock was set back since */
    ck_assert_int_eq(m.moves_ago_ms[1], hour);
    ck_assert_int_eq(m.moves_ago_ms[2], 23 * hour);
}
END_TEST

START_TEST(a_holder_that_is_configured_no_more_is_named)
{
    static const char *const others[] = {"server02", "server03"};
    struct group_memory m = {0};
    struct baton_error error;

    bench_open(&bench);
    tell_plan(GROUP_REC_GRANT, 1, GROUP_PLAN_START, 5, 0);
    ck_assert_int_eq(
        journal_recall(bench.journal, "mail", others, 2, BENCH_WALL_MS, &m, &error), BATON_INVALID);
    ck_assert_int_eq(m.holder, GROUP_NOBODY);
    ck_assert_int_eq(m.epoch, 5);
    ck_assert_ptr_nonnull(strstr(error.text, "server01"));
}
END_TEST

/* Records as a group might write them, in no sensible order. */
static struct group_record any_record(uint64_t *random, int64_t *plan_id)
{
    static const enum group_record_kind kinds[] = {
        GROUP_REC_PLAN_BEGIN, GROUP_REC_PLAN_END, GROUP_REC_PLAN_END, GROUP_REC_GRANT,
        GROUP_REC_RELEASE,    GROUP_REC_PAUSE,    GROUP_REC_RESUME,   GROUP_REC_NOTE,
        GROUP_REC_TRANSITION, GROUP_REC_HOLD,     GROUP_REC_STEP_END,
    };
    struct group_record r;

    *random = *random * 6364136223846793005u + 1442695040888963407u;
    r = bench_record(&bench, kinds[(*random >> 33) % (sizeof kinds / sizeof kinds[0])]);
    r.node = (int)(*random >> 40) % 2;
    r.epoch = (int64_t)(*random >> 44) % 50;
    r.plan_kind = GROUP_PLAN_FAILOVER + (int)(*random >> 50) % 7;
    if (r.kind == GROUP_REC_PLAN_BEGIN) {
        r.plan_id = ++*plan_id;
    } else if ((*random >> 54) % 4 > 0) { /* else it belongs to none */
        r.plan_id = *plan_id - (int64_t)(*random >> 56) % 3;
    }
    r.plan_id = r.plan_id < 0 ? 0 : r.plan_id;
    bench.wall_ms += (int64_t)(*random >> 36) % 3600000;
    return r;
}

START_TEST(the_fold_of_the_same_records_remembers_the_same)
{
    struct group_recall fold;
    struct group_memory folded = {0}, recalled = {0};
    uint64_t random = (uint64_t)_i + 1;
    int64_t plan_id = 0, wall_ms;
    int i;

    bench_open(&bench);
    bench.wall_ms = BENCH_WALL_MS - 40 * 3600 * INT64_C(1000);
    group_memory_init(&fold);
    for (i = 0; i < 120; i++) {
        struct group_record r = any_record(&random, &plan_id);

        ck_assert_int_eq(bench_write(&bench, &r, 1), BATON_OK);
        group_memory_take(&fold, &r, bench.wall_ms);
        group_memory_take(&fold, &r, bench.wall_ms + 1); /* given again */
        wall_ms = bench.wall_ms + (i % 3 - 1) * 1800000;
        ck_assert_int_eq(
            journal_recall(bench.journal, "mail", nodes, 2, wall_ms, &recalled, NULL), BATON_OK);
        group_memory_now(&fold, wall_ms, &folded);
        ck_assert_int_eq(folded.known, recalled.known);
        ck_assert_int_eq(folded.seq_max, recalled.seq_max);
        ck_assert_int_eq(folded.plan_id_max, recalled.plan_id_max);
        ck_assert_int_eq(folded.epoch, recalled.epoch);
        ck_assert_int_eq(folded.holder, recalled.holder);
        ck_assert_int_eq(folded.paused, recalled.paused);
        ck_assert_int_eq(folded.open, recalled.open);
        ck_assert_int_eq(folded.open_id, recalled.open_id);
        ck_assert_int_eq(folded.n_moves, recalled.n_moves);
        ck_assert_msg(
            memcmp(&folded, &recalled, sizeof folded) == 0,
            "after record %d of seed %d they differ in the handover or the age of moves", i, _i);
    }
}
END_TEST

/* ---- How it writes ---- */

START_TEST(completions_come_in_the_order_of_the_calls)
{
    int i;

    bench_open(&bench);
    for (i = 0; i < 50; i++) {
        struct group_record r = bench_record(&bench, GROUP_REC_NOTE);

        bench_give(&bench, &r, 1);
    }
    bench_wait(&bench, 50);
    for (i = 0; i < 50; i++) {
        ck_assert_int_eq(bench.acked[i], i + 1);
    }
}
END_TEST

START_TEST(records_given_again_are_fine_others_of_their_number_are_not)
{
    struct group_record r = bench_record(&bench, GROUP_REC_NOTE);
    json_t *rows;

    bench_open(&bench);
    ck_assert_int_eq(bench_write(&bench, &r, 1), BATON_OK);
    bench.wall_ms++;
    ck_assert_int_eq(bench_write(&bench, &r, 1), BATON_OK);
    snprintf(r.text, sizeof r.text, "something else");
    ck_assert_int_eq(bench_write(&bench, &r, 1), BATON_BUG);
    ck_assert_ptr_nonnull(strstr(bench.failed.text, "number 1"));
    rows = bench_history(&bench, &(struct journal_query){0});
    ck_assert_int_eq(json_array_size(rows), 1);
    json_decref(rows);
}
END_TEST

START_TEST(all_records_of_a_call_are_written_or_none)
{
    struct group_record r[2];
    json_t *rows;

    bench_open(&bench);
    r[0] = bench_record(&bench, GROUP_REC_NOTE);
    ck_assert_int_eq(bench_write(&bench, r, 1), BATON_OK);
    r[1] = r[0];
    r[0] = bench_record(&bench, GROUP_REC_NOTE);
    r[1].epoch = 99; /* clashes with the first */
    ck_assert_int_eq(bench_write(&bench, r, 2), BATON_BUG);
    rows = bench_history(&bench, &(struct journal_query){0});
    ck_assert_int_eq(json_array_size(rows), 1);
    json_decref(rows);
}
END_TEST

static void give_one_more(void *arg, int64_t seq, const struct baton_error *failed)
{
    struct bench *b = arg;
    struct group_record r;

    ck_assert_ptr_null(failed);
    b->acked[b->n_acked++] = seq;
    if (seq == 20) {
        r = bench_record(b, GROUP_REC_NOTE);
        bench_give(b, &r, 1);
    }
}

START_TEST(closing_finishes_what_was_given)
{
    struct group_memory m = {0};
    json_t *rows;
    int i;

    bench_open(&bench);
    for (i = 0; i < 20; i++) {
        struct group_record r = bench_record(&bench, GROUP_REC_NOTE);

        journal_record(
            bench.journal, "mail", &bench.group, &r, 1, 0, BENCH_WALL_MS, give_one_more, &bench);
    }
    journal_observe(bench.journal, "mail", "server01", "smtp", GROUP_OK, 1, "", 1, BENCH_WALL_MS);
    journal_close(bench.journal);
    bench.journal = NULL;
    ck_assert_int_eq(bench.n_acked, 21);
    bench_open(&bench);
    ck_assert_int_eq(recall(&m, NULL), BATON_OK);
    ck_assert_int_eq(m.seq_max, 21);
    rows = bench_history(&bench, &(struct journal_query){.observations = true});
    ck_assert_int_eq(json_array_size(rows), 22);
    json_decref(rows);
}
END_TEST

START_TEST(it_can_be_read_while_it_is_written)
{
    struct group_record r = bench_record(&bench, GROUP_REC_NOTE);
    struct baton_error error;
    json_t *rows;

    bench_open(&bench);
    ck_assert_int_eq(bench_write(&bench, &r, 1), BATON_OK);
    rows = journal_read(bench.file, &(struct journal_query){0}, &error);
    ck_assert_msg(rows != NULL, "%s", error.text);
    ck_assert_int_eq(json_array_size(rows), 1);
    json_decref(rows);
    r = bench_record(&bench, GROUP_REC_NOTE);
    ck_assert_int_eq(bench_write(&bench, &r, 1), BATON_OK);
    bench_close(&bench);
    rows = journal_read(bench.file, &(struct journal_query){0}, &error);
    ck_assert_int_eq(json_array_size(rows), 2);
    json_decref(rows);
    ck_assert_ptr_null(journal_read("/nowhere/journal.db", &(struct journal_query){0}, &error));
    ck_assert_int_eq(error.code, BATON_NOT_FOUND);
}
END_TEST

/* ---- What it refuses ---- */

START_TEST(only_its_owner_can_read_it)
{
    static const char *const tails[] = {"", "-wal", "-shm"};
    struct stat st;
    char path[600];
    size_t i;

    ck_assert_int_eq(chmod(bench.directory, 0755), 0);
    bench_open(&bench);
    for (i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        snprintf(path, sizeof path, "%s%s", bench.file, tails[i]);
        ck_assert_int_eq(stat(path, &st), 0);
        ck_assert_msg((st.st_mode & 077) == 0, "%s has mode %o", path, st.st_mode & 0777);
    }
}
END_TEST

START_TEST(a_second_controller_is_refused_with_the_number_of_the_first)
{
    struct journal_setup two = {bench.directory, bench.base, 1000};
    struct journal *journal = NULL;
    struct baton_error error;
    char pid[32];

    bench_open(&bench);
    snprintf(pid, sizeof pid, "process %ld:", (long)getpid());
    ck_assert_int_eq(journal_open(&two, &journal, &error), BATON_REFUSED);
    ck_assert_msg(strstr(error.text, pid) != NULL, "%s", error.text);
    bench_close(&bench);
    bench_open(&bench);
}
END_TEST

static void run_sql(const char *sql)
{
    sqlite3 *db;

    ck_assert_int_eq(sqlite3_open(bench.file, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

/* Opening fails so, says so, and leaves each byte as it was. */
static void refused(enum baton_err code, const char *says)
{
    size_t before_len, after_len;
    char *before = bench_slurp(bench.file, &before_len), *after;
    struct journal_setup again = {bench.directory, bench.base, 1000};
    struct baton_error error = {0};

    ck_assert_int_eq(journal_open(&again, &bench.journal, &error), code);
    ck_assert_msg(strstr(error.text, says) != NULL, "no \"%s\" in: %s", says, error.text);
    ck_assert_ptr_nonnull(strstr(error.text, bench.file));
    after = bench_slurp(bench.file, &after_len);
    ck_assert_msg(
        before_len == after_len && memcmp(before, after, after_len) == 0, "the file was altered");
    free(before);
    free(after);
    ck_assert_ptr_null(journal_read(bench.file, &(struct journal_query){0}, &error));
    ck_assert_ptr_nonnull(strstr(error.text, bench.file));
}

static void write_some_and_close(void)
{
    int i;

    bench_open(&bench);
    for (i = 0; i < 100; i++) {
        struct group_record r = bench_record(&bench, GROUP_REC_NOTE);

        snprintf(r.text, sizeof r.text, "%0200d", i);
        ck_assert_int_eq(bench_write(&bench, &r, 1), BATON_OK);
    }
    bench_close(&bench);
}

START_TEST(a_journal_of_a_newer_schema_is_refused_and_left_alone)
{
    write_some_and_close();
    run_sql("PRAGMA user_version = 2");
    refused(BATON_REFUSED, "newer Baton (schema 2");
}
END_TEST

START_TEST(another_database_is_refused_and_left_alone)
{
    run_sql("CREATE TABLE a(b); INSERT INTO a VALUES(1)");
    refused(BATON_INVALID, "no journal of Baton");
}
END_TEST

START_TEST(an_empty_or_overwritten_file_is_damage_not_a_new_journal)
{
    bench_spill(bench.file, "", 0);
    refused(BATON_IO, "damaged");
    bench_spill(bench.file, "Dear diary, today nothing failed.\n", 34);
    refused(BATON_IO, "damaged");
}
END_TEST

START_TEST(damaged_pages_are_found_at_the_start)
{
    size_t len;
    char *bytes;

    write_some_and_close();
    bytes = bench_slurp(bench.file, &len);
    ck_assert_uint_gt(len, 6 * 4096);
    memset(bytes + len / 2, 0x5a, 8192);
    bench_spill(bench.file, bytes, len);
    free(bytes);
    ck_assert_int_eq(
        journal_open(
            &(struct journal_setup){bench.directory, bench.base, 1000}, &bench.journal,
            &bench.failed),
        BATON_IO);
    ck_assert_msg(strstr(bench.failed.text, "damaged") != NULL, "%s", bench.failed.text);
    ck_assert_ptr_nonnull(strstr(bench.failed.text, ".recover"));
}
END_TEST

START_TEST(a_log_without_its_database_is_damage)
{
    char wal[600];

    snprintf(wal, sizeof wal, "%s-wal", bench.file);
    bench_spill(wal, "x", 1);
    ck_assert_int_eq(
        journal_open(
            &(struct journal_setup){bench.directory, bench.base, 1000}, &bench.journal,
            &bench.failed),
        BATON_IO);
    ck_assert_ptr_nonnull(strstr(bench.failed.text, "-wal"));
    ck_assert_int_eq(access(bench.file, F_OK), -1);
}
END_TEST

START_TEST(a_directory_that_cannot_be_used_is_named)
{
    static const struct {
        const char *path, *says;
        mode_t mode;
    } bad[] = {
        {"/proc/nothing/here", "/proc/nothing/here", 0},
        {"/dev/null", "no directory", 0},
        {NULL, "by everybody", 0777}};
    struct baton_error error;
    size_t i;

    for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct journal_setup setup = {
            bad[i].path != NULL ? bad[i].path : bench.directory, bench.base, 1000};

        if (bad[i].mode != 0) {
            ck_assert_int_eq(chmod(bench.directory, bad[i].mode), 0);
        }
        ck_assert_int_ne(journal_open(&setup, &bench.journal, &error), BATON_OK);
        ck_assert_msg(strstr(error.text, bad[i].says) != NULL, "%s", error.text);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("journal");
    TCase *tc = tcase_create("journal");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_record_is_kept_with_names_not_numbers);
    tcase_add_test(tc, history_is_chosen_by_group_time_id_and_number);
    tcase_add_test(tc, observations_are_merged_in_the_order_they_were_made);
    tcase_add_test(tc, a_whole_history_is_walked_oldest_first_and_outlined);
    tcase_add_test(tc, old_observations_go_records_stay);
    tcase_add_test(tc, a_new_journal_remembers_nothing);
    tcase_add_test(tc, the_last_grant_names_holder_and_epoch);
    tcase_add_test(tc, an_interrupted_handover_is_remembered_with_its_grant);
    tcase_add_test(tc, a_pause_outlives_a_restart);
    tcase_add_test(tc, unplanned_moves_of_a_day_are_remembered_newest_first);
    tcase_add_loop_test(tc, the_fold_of_the_same_records_remembers_the_same, 0, 4);
    tcase_add_test(tc, a_holder_that_is_configured_no_more_is_named);
    tcase_add_test(tc, completions_come_in_the_order_of_the_calls);
    tcase_add_test(tc, records_given_again_are_fine_others_of_their_number_are_not);
    tcase_add_test(tc, all_records_of_a_call_are_written_or_none);
    tcase_add_test(tc, closing_finishes_what_was_given);
    tcase_add_test(tc, it_can_be_read_while_it_is_written);
    tcase_add_test(tc, only_its_owner_can_read_it);
    tcase_add_test(tc, a_second_controller_is_refused_with_the_number_of_the_first);
    tcase_add_test(tc, a_journal_of_a_newer_schema_is_refused_and_left_alone);
    tcase_add_test(tc, another_database_is_refused_and_left_alone);
    tcase_add_test(tc, an_empty_or_overwritten_file_is_damage_not_a_new_journal);
    tcase_add_test(tc, damaged_pages_are_found_at_the_start);
    tcase_add_test(tc, a_log_without_its_database_is_damage);
    tcase_add_test(tc, a_directory_that_cannot_be_used_is_named);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
