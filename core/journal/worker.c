/* The worker: one thread, and all that is done with the store while it runs. */
#include "parts.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <utlist.h>

#define BATCH_MS    1000  /* … or so long after the first */
#define RETRY_MS    5000  /* a batch that failed is written again */
#define PRUNE_MS    60000 /* between two looks for old observations */
#define PRUNE_SLICE 200   /* rows; a record waits no longer than for one slice */
#define STACK_SIZE  (256 * 1024)

int64_t worker_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void write_batch(struct journal *j)
{
    if (store_write_observations(j->store, j->writing.row, j->writing.count, NULL) != BATON_OK) {
        j->retry_ms = worker_now_ms() + RETRY_MS;
        return;
    }
    j->newest_wall_ms = j->writing.row[j->writing.count - 1].wall_ms;
    j->writing.count = 0;
    j->retry_ms = 0;
    j->pruning = j->pruning || worker_now_ms() - j->pruned_ms >= PRUNE_MS;
}

void worker_flush(struct journal *j)
{
    if (j->writing.count > 0) {
        write_batch(j);
    }
    if (j->writing.count > 0) {
        return; /* the older ones first */
    }
    pthread_mutex_lock(&j->mutex);
    if (j->waiting.count > 0) {
        struct batch empty = j->writing;

        j->writing = j->waiting;
        j->waiting = empty;
    }
    pthread_mutex_unlock(&j->mutex);
    if (j->writing.count > 0) {
        write_batch(j);
    }
}

/* One slice: a record that comes meanwhile waits for this and no more. */
static void prune(struct journal *j)
{
    int removed = 0;

    if (store_prune(j->store, j->newest_wall_ms - j->keep_ms, PRUNE_SLICE, &removed, NULL) !=
            BATON_OK ||
        removed < PRUNE_SLICE) {
        j->pruning = false;
        j->pruned_ms = worker_now_ms();
    }
}

static void run_job(struct journal *j, struct job *job)
{
    struct recall *r = job->recall;

    switch (job->kind) {
    case JOB_RECORD:
        job->err = store_write_records(j->store, job->record, job->count, &job->error);
        break;
    case JOB_HISTORY:
        if (job->query.observations) {
            worker_flush(j);
        }
        job->err = store_history(j->store, &job->query, &job->rows, &job->error);
        break;
    case JOB_RECALL:
        job->err = store_recall(
            j->store, r->group, r->node_names, r->n_nodes, r->wall_ms, r->memory, &job->error);
        break;
    }
}

void worker_hand_back(struct journal *j, struct job *job)
{
    uint64_t one = 1;
    ssize_t written;

    pthread_mutex_lock(&j->mutex);
    if (job->kind == JOB_RECALL) {
        job->recall->done = true;
        pthread_cond_broadcast(&j->recalled);
    } else {
        DL_APPEND(j->done, job);
    }
    pthread_mutex_unlock(&j->mutex);
    written = write(j->wake_fd, &one, sizeof one);
    assert(written == sizeof one || errno == EAGAIN); /* EAGAIN: it is readable already */
}

/* When the observations are due, INT64_MAX while there are none. With the mutex. */
static int64_t flush_due_ms(const struct journal *j)
{
    if (j->writing.count > 0) {
        return j->retry_ms;
    }
    if (j->waiting.count == 0) {
        return INT64_MAX;
    }
    return j->waiting.count >= WORKER_BATCH ? 0 : j->first_ms + BATCH_MS;
}

/* Wait until there is something to do. With the mutex. */
static void rest(struct journal *j)
{
    int64_t due_ms = flush_due_ms(j);
    struct timespec until = {due_ms / 1000, due_ms % 1000 * 1000000};

    if (due_ms == INT64_MAX) {
        pthread_cond_wait(&j->given, &j->mutex);
    } else {
        pthread_cond_timedwait(&j->given, &j->mutex, &until);
    }
}

bool worker_work(struct journal *j)
{
    struct job *job = j->jobs;
    bool due = flush_due_ms(j) <= worker_now_ms();

    if (job != NULL) {
        DL_DELETE(j->jobs, job);
        j->n_jobs--;
    } else if (!due && !j->pruning) {
        return false;
    }
    pthread_mutex_unlock(&j->mutex);
    if (job != NULL) {
        run_job(j, job);
        worker_hand_back(j, job);
    }
    if (due) {
        worker_flush(j);
    } else if (job == NULL) {
        prune(j);
    }
    pthread_mutex_lock(&j->mutex);
    return true;
}

static void *worker(void *arg)
{
    struct journal *j = arg;

    pthread_mutex_lock(&j->mutex);
    while (!j->stop || j->jobs != NULL) {
        if (!worker_work(j) && !j->stop) {
            rest(j);
        }
    }
    pthread_mutex_unlock(&j->mutex);
    return NULL;
}

enum baton_err worker_start(struct journal *j, struct baton_error *error)
{
    pthread_attr_t attr;
    sigset_t all, before;
    int failed;

    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_SIZE);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the main thread's */
    failed = pthread_create(&j->thread, &attr, worker, j);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return failed == 0
               ? BATON_OK
               : baton_fail(
                     error, BATON_NOMEM, "journal: no thread can be started: %s", strerror(failed));
}

void worker_stop(struct journal *j)
{
    pthread_mutex_lock(&j->mutex);
    j->stop = true;
    pthread_cond_signal(&j->given);
    pthread_mutex_unlock(&j->mutex);
    pthread_join(j->thread, NULL);
}
