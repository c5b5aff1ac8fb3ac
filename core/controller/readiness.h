/* The checks of a policy over the nodes of a group: asked, and what they said last.
 *
 * Used by `baton preflight`, which asks all at once, and by the controller, which asks one after
 * another all the time (ready.c). It decides nothing, and nothing is decided by it.
 *
 * A check of the policy runs as a task of it, like a look. What no node can say (facts: what
 * becomes of a server that is out of reach, was the policy explored, when was the last drill) its
 * owner says.
 */
#ifndef BATON_CONTROLLER_READINESS_H
#define BATON_CONTROLLER_READINESS_H

#include "base/error.h"
#include "policy/policy.h"
#include "world/world.h"

#define READINESS_ADVICE_MAX 512
#define READINESS_DRILL_MS   ((int64_t)90 * 24 * 3600 * 1000) /* a drill is not older than this */

struct readiness;

struct readiness_item {       /* one check on one node, or for the group */
    const char *name, *title; /* borrowed, of the policy or static */
    int node;                 /* or GROUP_NOBODY: it is for the group */
    bool asked;               /* it was, at least once; else nothing below means anything */
    bool busy;                /* it is, now */
    enum group_outcome outcome;
    int64_t since_ms; /* of the world's clock: its outcome has been this since */
    int64_t at_ms;    /* … and it was asked last */
    char detail[GROUP_TEXT_MAX];
    char advice[READINESS_ADVICE_MAX]; /* "" where it is ok, or nobody knows one */
};

enum readiness_fact {
    READINESS_FENCE = 0, /* "fence" */
    READINESS_EXPLORED,  /* "explored" */
    READINESS_DRILL,     /* "drill" */
    READINESS_FACTS,
};

struct readiness_word { /* what the owner says of a fact */
    enum group_outcome outcome;
    char detail[GROUP_TEXT_MAX], advice[READINESS_ADVICE_MAX];
};

typedef void readiness_fact_fn(void *arg, enum readiness_fact fact, struct readiness_word *word);
/* An item was asked and has answered, never from within readiness_ask. `before`: as it was. */
typedef void readiness_told_fn(
    void *arg, const struct readiness_item *item, const struct readiness_item *before);

struct readiness_setup {
    struct policy *policy; /* borrowed; it must be bound to a group */
    struct world *world;
    int n_nodes;
    int self;                /* among peers: the one node that may be asked; else GROUP_NOBODY */
    readiness_fact_fn *fact; /* NULL: there are no facts */
    readiness_told_fn *told; /* may be NULL */
    void *arg;
};

/* BATON_NOMEM */
enum baton_err readiness_new(
    const struct readiness_setup *setup, struct readiness **out, struct baton_error *error);
/* What is being asked is cancelled. Before the policy is freed. NULL is fine. */
void readiness_free(struct readiness *readiness);

int readiness_count(const struct readiness *readiness);
const struct readiness_item *readiness_item(const struct readiness *readiness, int index);

/* Ask this one, where it is not being asked already. */
void readiness_ask(struct readiness *readiness, int index);
/* Ask all, at most so many at once on a node; of the group one at once. */
void readiness_ask_all(struct readiness *readiness, int at_once);

/* The fact READINESS_DRILL: the last planned move of `group` that ended well was at `drilled_ms`
 * (wall time; 0: none is known), and it is `wall_ms` now. */
void readiness_drill(
    const char *group, int64_t drilled_ms, int64_t wall_ms, struct readiness_word *word);

struct readiness_sum {
    int count, asked, ok, fail, unknown; /* ok, fail and unknown are of those that were asked */
    int first; /* index of the first that is not ok, failed ones before unknown ones; -1: none */
};
struct readiness_sum readiness_sum(const struct readiness *readiness);

#endif
