/* The journal's calls: taking jobs, handing back what is done, on the loop. */
#include "journal/journal.h"

#include "journal/directory.h"
#include "parts.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <utlist.h>

#define JOBS_MAX         1024 /* that wait; more are refused */
#define OBSERVATIONS_MAX 4096 /* that wait; newer ones are dropped */
#define CLOSE_ROUNDS     16   /* completions of the end may give more, so many times over */

static void job_free(struct job *job)
{
    if (job == NULL) {
        return;
    }
    free(job->record);
    free((char *)(uintptr_t)job->query.group);
    json_decref(job->rows);
    free(job);
}

/* ---- Completions, on the loop ---- */

static struct job *take_done(struct journal *j)
{
    struct job *job;

    pthread_mutex_lock(&j->mutex);
    job = j->done;
    if (job != NULL) {
        DL_DELETE(j->done, job);
    }
    pthread_mutex_unlock(&j->mutex);
    return job;
}

static void deliver(struct journal *j)
{
    struct job *job;

    while ((job = take_done(j)) != NULL) {
        const struct baton_error *failed = job->err != BATON_OK ? &job->error : NULL;

        if (job->kind == JOB_RECORD && job->recorded != NULL) {
            job->recorded(job->arg, job->seq, failed);
        } else if (job->kind == JOB_HISTORY) {
            json_t *rows = job->rows;

            job->rows = NULL;
            job->answered(job->arg, rows, failed);
        }
        job_free(job);
    }
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    uint64_t count;

    (void)what;
    if (read(fd, &count, sizeof count) == sizeof count) {
        deliver(arg);
    }
}

/* ---- Open and close ---- */

static enum baton_err listen_on(
    struct journal *j, struct event_base *base, struct baton_error *error)
{
    j->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (j->wake_fd >= 0) {
        j->wake = event_new(base, j->wake_fd, EV_READ | EV_PERSIST, on_wake, j);
    }
    if (j->wake == NULL || event_add(j->wake, NULL) != 0) {
        return baton_fail(error, BATON_NOMEM, "journal: no event: %s", strerror(errno));
    }
    return BATON_OK;
}

static void journal_free(struct journal *j)
{
    if (j->wake != NULL) {
        event_free(j->wake);
    }
    if (j->wake_fd >= 0) {
        close(j->wake_fd);
    }
    store_close(j->store);
    if (j->lock >= 0) {
        directory_unlock(j->lock);
    }
    free(j->waiting.row);
    free(j->writing.row);
    pthread_cond_destroy(&j->given);
    pthread_cond_destroy(&j->recalled);
    pthread_mutex_destroy(&j->mutex);
    free(j);
}

static struct journal *journal_new(void)
{
    struct journal *j = calloc(1, sizeof *j);
    pthread_condattr_t attr;

    if (j == NULL) {
        return NULL;
    }
    j->lock = j->wake_fd = -1;
    j->pruned_ms = INT64_MIN / 2; /* the first batch brings the first look */
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&j->mutex, NULL);
    pthread_cond_init(&j->given, &attr);
    pthread_cond_init(&j->recalled, &attr);
    pthread_condattr_destroy(&attr);
    return j;
}

enum baton_err journal_open(
    const struct journal_setup *setup, struct journal **out, struct baton_error *error)
{
    struct journal *j = journal_new();
    char file[PATH_MAX];
    enum baton_err err;

    if (j == NULL) {
        return baton_fail(error, BATON_NOMEM, "journal: no memory");
    }
    j->keep_ms = setup->keep_ms;
    err = directory_lock(setup->directory, &j->lock, error);
    if (err == BATON_OK) {
        snprintf(file, sizeof file, "%s/%s", setup->directory, JOURNAL_FILE);
        err = store_open(file, &j->store, error);
    }
    if (err == BATON_OK) {
        err = store_last_id(j->store, &j->last_id, error);
    }
    if (err == BATON_OK) {
        err = listen_on(j, setup->base, error);
    }
    if (err == BATON_OK) {
        err = worker_start(j, error);
    }
    if (err != BATON_OK) {
        journal_free(j);
        return err;
    }
    *out = j;
    return BATON_OK;
}

void journal_close(struct journal *journal)
{
    struct journal *j = journal;
    int round;

    if (j == NULL) {
        return;
    }
    worker_stop(j);
    for (round = 0; round < CLOSE_ROUNDS && (j->done != NULL || j->jobs != NULL); round++) {
        deliver(j);
        pthread_mutex_lock(&j->mutex);
        while (j->jobs != NULL) {
            worker_work(j);
        }
        pthread_mutex_unlock(&j->mutex);
    }
    worker_flush(j);
    while (j->done != NULL) {
        struct job *job = take_done(j);

        job_free(job);
    }
    journal_free(j);
}

/* ---- Giving jobs ---- */

/* A job that can't be taken is answered all the same, at once. */
static void give(struct journal *j, struct job *job)
{
    bool full;

    pthread_mutex_lock(&j->mutex);
    full = j->n_jobs >= JOBS_MAX;
    if (!full) {
        DL_APPEND(j->jobs, job);
        j->n_jobs++;
        pthread_cond_signal(&j->given);
    }
    pthread_mutex_unlock(&j->mutex);
    if (full) {
        job->err = baton_fail(
            &job->error, BATON_LIMIT,
            "journal: %d jobs wait already: the disk is too slow or hangs; look at its load",
            JOBS_MAX);
        worker_hand_back(j, job);
    }
}

static void copy(char *to, size_t size, const char *text)
{
    snprintf(to, size, "%s", text != NULL ? text : "");
}

static const char *outcome_of(const struct group_record *record)
{
    bool ends = record->kind == GROUP_REC_STEP_END || record->kind == GROUP_REC_PLAN_END;

    return ends ? group_outcome_name((enum group_outcome)record->outcome) : NULL;
}

/* Numbers mean something to this process and this configuration only: keep names. */
static void name_ends(
    struct store_record *to, const struct group *group, const struct group_record *record)
{
    if (record->kind == GROUP_REC_TRANSITION) {
        copy(to->from, sizeof to->from, fsm_state_name((enum fsm_state)record->from));
        copy(to->to, sizeof to->to, fsm_state_name((enum fsm_state)record->to));
        to->row = record->row;
    } else if (record->kind == GROUP_REC_PLAN_BEGIN) {
        if (record->from != GROUP_NOBODY) {
            copy(to->from, sizeof to->from, group_node_name(group, record->from));
        }
        if (record->to != GROUP_NOBODY) {
            copy(to->to, sizeof to->to, group_node_name(group, record->to));
        }
    }
}

static void fill_record(
    struct store_record *to, const char *name, const struct group *group,
    const struct group_record *record)
{
    copy(to->group, sizeof to->group, name);
    to->seq = record->seq;
    to->epoch = record->epoch;
    to->plan = record->plan_id;
    to->kind = group_record_name(record->kind);
    if (record->plan_kind != GROUP_PLAN_NONE) {
        to->plan_kind = group_plan_name((enum group_plan_kind)record->plan_kind);
    }
    to->outcome = outcome_of(record);
    to->step = record->step;
    to->attempt = record->attempt;
    if (record->node != GROUP_NOBODY) {
        copy(to->node, sizeof to->node, group_node_name(group, record->node));
    }
    name_ends(to, group, record);
    copy(to->name, sizeof to->name, record->name);
    copy(to->text, sizeof to->text, record->text);
}

void journal_record(
    struct journal *journal, const char *name, const struct group *group,
    const struct group_record *records, int count, int64_t boot_ms, int64_t wall_ms,
    journal_done_fn *done, void *arg)
{
    struct job *job = calloc(1, sizeof *job);
    struct baton_error failed;
    int i;

    assert(count > 0);
    if (job != NULL) {
        job->record = calloc((size_t)count, sizeof job->record[0]);
    }
    if (job == NULL || job->record == NULL) {
        job_free(job);
        baton_fail(&failed, BATON_NOMEM, "journal: group %s: no memory for records", name);
        done(arg, records[count - 1].seq, &failed);
        return;
    }
    for (i = 0; i < count; i++) {
        fill_record(&job->record[i], name, group, &records[i]);
        job->record[i].id = ++journal->last_id;
        job->record[i].boot_ms = boot_ms;
        job->record[i].wall_ms = wall_ms;
    }
    job->kind = JOB_RECORD;
    job->count = count;
    job->seq = records[count - 1].seq;
    job->recorded = done;
    job->arg = arg;
    give(journal, job);
}

void journal_history(
    struct journal *journal, const struct journal_query *query, journal_rows_fn *done, void *arg)
{
    struct job *job = calloc(1, sizeof *job);
    struct baton_error failed;

    if (job != NULL) {
        job->query = *query;
        job->query.group = query->group != NULL ? strdup(query->group) : NULL;
    }
    if (job == NULL || (query->group != NULL && job->query.group == NULL)) {
        job_free(job);
        baton_fail(&failed, BATON_NOMEM, "journal: no memory for a query");
        done(arg, NULL, &failed);
        return;
    }
    job->kind = JOB_HISTORY;
    job->answered = done;
    job->arg = arg;
    give(journal, job);
}

enum baton_err journal_recall(
    struct journal *journal, const char *group, const char *const *node_names, int n_nodes,
    int64_t wall_ms, struct group_memory *memory, struct baton_error *error)
{
    struct recall recall = {group, node_names, n_nodes, wall_ms, memory, false};
    struct job *job = calloc(1, sizeof *job);
    enum baton_err err;

    if (job == NULL) {
        return baton_fail(error, BATON_NOMEM, "journal: no memory");
    }
    job->kind = JOB_RECALL;
    job->recall = &recall;
    give(journal, job);
    pthread_mutex_lock(&journal->mutex);
    while (!recall.done) {
        pthread_cond_wait(&journal->recalled, &journal->mutex);
    }
    pthread_mutex_unlock(&journal->mutex);
    err = job->err;
    if (err != BATON_OK && error != NULL) {
        *error = job->error;
    }
    job_free(job);
    return err;
}

/* ---- Observations ---- */

static struct store_observation *next_observation(struct journal *j)
{
    struct batch *b = &j->waiting;

    if (b->count == b->size) {
        int size = b->size == 0 ? 32 : b->size * 2;
        struct store_observation *more;

        more = size <= OBSERVATIONS_MAX ? realloc(b->row, (size_t)size * sizeof b->row[0]) : NULL;
        if (more == NULL) {
            return NULL;
        }
        b->row = more;
        b->size = size;
    }
    return &b->row[b->count++];
}

void journal_observe(
    struct journal *journal, const char *group, const char *node, const char *probe,
    enum group_outcome outcome, int64_t latency_us, const char *detail, int64_t boot_ms,
    int64_t wall_ms)
{
    struct store_observation *o;
    int count;

    pthread_mutex_lock(&journal->mutex);
    o = next_observation(journal);
    count = journal->waiting.count;
    if (o != NULL) {
        o->id = ++journal->last_id;
        o->wall_ms = wall_ms;
        o->boot_ms = boot_ms;
        o->latency_us = latency_us;
        o->outcome = group_outcome_name(outcome);
        copy(o->group, sizeof o->group, group);
        copy(o->node, sizeof o->node, node);
        copy(o->probe, sizeof o->probe, probe);
        copy(o->detail, sizeof o->detail, detail);
        if (count == 1) {
            journal->first_ms = worker_now_ms();
        }
        if (count == 1 || count == WORKER_BATCH) {
            pthread_cond_signal(&journal->given);
        }
    }
    pthread_mutex_unlock(&journal->mutex);
}
