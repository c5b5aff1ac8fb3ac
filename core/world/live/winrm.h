/* Programs on Windows nodes by WS-Management, on the loop (core/wsman says what is asked).
 *
 * A host has up to WINRM_SHELLS_MAX shells; a shell runs one command after the other. A shell that
 * is free is used again, so that the steps of a move cost no log-in and no new shell; after
 * WINRM_IDLE_MS unused it is deleted. A command that ended is signalled, one that was stopped too,
 * and then its shell is deleted: what runs on there ends with it. All of that goes on behind
 * the back of who asked, bounded in time; what gets lost (the host is down) ends by the
 * shell's own idle time there.
 */
#ifndef BATON_WORLD_LIVE_WINRM_H
#define BATON_WORLD_LIVE_WINRM_H

#include "config/config.h"
#include "world/world.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct live;
struct winrm;
struct winrm_run;

#define WINRM_SHELLS_MAX 4
#define WINRM_IDLE_MS    60000  /* until a shell that nobody uses is deleted */
#define WINRM_LOST_MS    180000 /* … and until the host does it by itself */
#define WINRM_TIDY_MS    10000  /* for one message that only tidies up */
#define WINRM_RECEIVE_MS 20000  /* the host says at the latest then that there is no output yet */

/* NULL: no memory. */
struct winrm *winrm_new(struct live *live);
/* Deletes all shells, for `patience_ms` at most. NULL is fine. */
void winrm_free(struct winrm *winrm, int patience_ms);
/* The configuration has changed: shells that are there get no new commands. NULL is fine. */
void winrm_forget(struct winrm *winrm);

struct winrm_ended { /* valid during the call; texts are never NULL */
    enum world_outcome outcome;
    int code; /* exit code, or -1 */
    const char *detail, *out, *err;
    size_t out_len, err_len;
    bool cut;
};
typedef void winrm_ended_fn(void *arg, const struct winrm_ended *ended);

struct winrm_setup {
    const char *const *argv;
    const char *input;
    size_t input_len;
    size_t output_max;     /* of each stream */
    int64_t timeout_ms;    /* when the caller stops it anyway */
    world_heard_fn *heard; /* may be NULL */
    void *heard_arg;
    winrm_ended_fn *done; /* once, never from within winrm_start; not after winrm_stop */
    void *arg;
};

/* Copies what it keeps. NULL, with the sentence, where it can't even be tried. */
struct winrm_run *winrm_start(
    struct winrm *winrm, const struct config_node *node, const struct winrm_setup *setup, char *why,
    size_t why_size);
/* NULL is fine. After `done` it is due, too. */
void winrm_stop(struct winrm_run *run);
/* What it has said so far. */
void winrm_peek(const struct winrm_run *run, struct winrm_ended *ended);

#endif
