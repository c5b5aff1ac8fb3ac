/* The live world on a loop of its own, with a configuration made by hand and a fresh
 * folder, for the tests of core/world/live. */
#ifndef LIVE_FIXTURE_H
#define LIVE_FIXTURE_H

#include "world/live/live.h"

#include <check.h>
#include <event2/event.h>

struct fixture {
    char dir[64]; /* removed with all in it by fixture_down */
    char hooks[96];
    struct event_base *base;
    struct world *world;
    struct config config; /* log to stderr, alerts only */
    int n_descriptors;    /* open when it was made */
};

struct answer { /* what `done` brought, copied */
    int count;
    uint64_t request;
    enum world_outcome outcome;
    int code;
    int64_t latency_us;
    bool cut;
    char detail[2048];
    size_t out_len, err_len;
    char *out, *err; /* malloc'd; answer_fini */
};

void fixture_up(struct fixture *f);
/* As fixture_up, but without the world: for a configuration that is changed first. */
void fixture_prepare(struct fixture *f);
void fixture_begin(struct fixture *f);
/* Frees the world, and fails if a child, a descriptor or a file was left behind. */
void fixture_down(struct fixture *f);

/* A world_done_fn; `arg` is a struct answer. */
void answer_keep(void *arg, uint64_t request, const struct world_result *result);
void answer_fini(struct answer *answer);

/* Run the loop until the request is answered, or until `is_true`. Fails after 30 s. */
void fixture_wait(struct fixture *f, const struct answer *answer);
void fixture_until(struct fixture *f, bool (*is_true)(void *arg), void *arg);
/* Some turns of the loop. */
void fixture_turn(struct fixture *f);

/* Start a request and wait for its end. */
void fixture_ask(struct fixture *f, const struct world_request *request, struct answer *answer);
/* Run `/bin/sh -c SCRIPT` on the controller. */
void fixture_sh(struct fixture *f, const char *script, int64_t timeout_ms, struct answer *answer);

/* Write a file below the fixture's folder, with this mode. */
void fixture_file(struct fixture *f, const char *name, int mode, const char *text);
/* Text of such a file, "" if there is none; valid until the next call. */
const char *fixture_text(struct fixture *f, const char *name);
bool fixture_has(struct fixture *f, const char *name);

/* No such process any more, or nothing but its zombie. */
bool process_is_gone(long pid);
int descriptors_open(void);

#endif
