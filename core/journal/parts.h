/* Private to core/journal: the queue between the loop and the worker.
 *
 * The loop's thread numbers what it is given (so that ids follow the order of the calls),
 * copies it and wakes the worker. The worker does job after job and hands each back through
 * a list and an eventfd. It sleeps without a time limit while nothing waits.
 */
#ifndef BATON_JOURNAL_PARTS_H
#define BATON_JOURNAL_PARTS_H

#include "journal/journal.h"
#include "journal/store.h"

#include <pthread.h>
#include <stdbool.h>

#define WORKER_BATCH 512 /* observations that are written at once */

enum job_kind {
    JOB_RECORD = 0,
    JOB_HISTORY,
    JOB_RECALL
};

struct recall { /* on the stack of the one who waits */
    const char *group;
    const char *const *node_names;
    int n_nodes;
    int64_t wall_ms;
    struct group_memory *memory;
    bool done;
};

struct job {
    enum job_kind kind;
    struct job *prev, *next;
    enum baton_err err;
    struct baton_error error;
    void *arg;
    /* RECORD */
    journal_done_fn *recorded;
    int64_t seq;
    int count;
    struct store_record *record;
    /* HISTORY */
    journal_rows_fn *answered;
    struct journal_query query; /* its group is owned */
    json_t *rows;
    /* RECALL */
    struct recall *recall;
};

struct batch {
    int count, size;
    struct store_observation *row;
};

struct journal {
    struct store *store; /* the worker's, while it runs */
    int lock;
    int64_t keep_ms;
    int wake_fd; /* eventfd: something is done */
    struct event *wake;
    pthread_t thread;
    pthread_mutex_t mutex; /* for what follows, up to `stop` */
    pthread_cond_t given, recalled;
    struct job *jobs, *done;
    int n_jobs;
    struct batch waiting;
    int64_t first_ms; /* when the oldest in `waiting` came */
    bool stop;
    int64_t last_id; /* the loop's */
    /* The worker's. */
    struct batch writing; /* swapped with `waiting`; kept while it can't be written */
    int64_t retry_ms, pruned_ms, newest_wall_ms;
    bool pruning;
};

/* Milliseconds of the clock that the worker waits by. */
int64_t worker_now_ms(void);

enum baton_err worker_start(struct journal *j, struct baton_error *error);

/* Let the worker finish what was given, and end it. */
void worker_stop(struct journal *j);

/* Do the next thing; false where there is none. Records go first. Called with the mutex,
 * which is let go meanwhile; by the worker, or when it has ended. */
bool worker_work(struct journal *j);

/* Write all that is observed by now. Without the mutex; by the worker, or when it has
 * ended. */
void worker_flush(struct journal *j);

/* The job is over: to the list of the done, and wake the loop. Without the mutex. */
void worker_hand_back(struct journal *j, struct job *job);

#endif
