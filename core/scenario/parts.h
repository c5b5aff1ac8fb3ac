/* What the files of core/scenario know of one another; nobody else includes it. For those
 * that read a scenario's file see words.h.
 *
 *   run.c       life of a run: the world, the Batons, the scenario's clock
 *   seat.c      the Batons: started, killed, down with their machine
 *   build.c     the world of a run
 *   happen.c    deeds done: faults, kills, commands; steps that are waited for
 *   told.c      what the world says: points, counts, lines of the timeline
 *   news.c      … and the controller
 *   timeline.c  entries, spans and the pool of their texts
 *   ask.c       requests in the timeline
 *   command.c   a request as it would be typed
 *   check.c     what a scenario expects, watched while the run goes on
 *   verdict.c   … and said in words when it is over
 *   digest.c    a hash of all that decides how it goes on
 */
#ifndef BATON_SCENARIO_PARTS_H
#define BATON_SCENARIO_PARTS_H

#include "group/memory.h"
#include "scenario/run.h"

#define RUN_PENDING_MAX 64  /* deeds that wait for their time: after a step, restarts */
#define RUN_ASKED_MAX   64  /* requests under way that the timeline tells of */
#define RUN_ANSWERS_MAX 128 /* questions whose last answer is remembered */
#define RUN_STRIP_MAX   480 /* bytes of a command in the timeline */

/* ---- What is seen of the group and the world at one moment -------------------------------- */

struct moment {
    int n_nodes;
    unsigned up; /* set of seats whose Baton runs; while it is down no node is in any state, among
                    peers its own */
    enum fsm_state state[GROUP_NODES_MAX];
    enum group_answer fit[GROUP_NODES_MAX];
    int holder; /* by the controller, among peers by the lease store */
    int64_t epoch;
    enum group_hold hold; /* among peers the holder's, or of the first Baton that has one */
    int hold_seat;
    unsigned serves; /* set of nodes, in truth */
    bool client;
};

struct watch { /* of one expectation */
    bool broken, met;
    int64_t at_ms;        /* when it was broken first, or met; MOVES: the last */
    struct moment was;    /* then */
    int64_t gap_ms;       /* OUTAGE: the one under way began then; -1: none */
    int64_t longest_ms;   /* … the longest */
    int64_t longest_from; /* … and when that began */
    int moves;
    size_t said; /* SAID: so much of its text, whole lines of it */
};

/* ---- Timeline -------------------------------------------------------------------------------- */

struct timeline_chunk {
    struct timeline_chunk *next;
    size_t used, size;
    char text[];
};

struct timeline {
    bool keep;
    struct run_entry *entry;
    int n_entries, size_entries;
    struct run_span *span;
    int n_spans, size_spans;
    int open_span[GROUP_NODES_MAX]; /* the one that still goes on; -1: none */
    struct timeline_chunk *chunk;   /* the newest */
    bool no_memory;
};

void timeline_init(struct timeline *timeline, bool keep);
void timeline_free(struct timeline *timeline);
/* A line; `text` is copied. Returns its index, -1 where none is kept. */
int timeline_add(struct timeline *timeline, const struct run_entry *entry);
/* Another text for a line that is there already. */
void timeline_retell(struct timeline *timeline, int entry, const char *text);
void timeline_span(
    struct timeline *timeline, int64_t now_ms, const struct moment *moment, bool last);

/* ---- A run --------------------------------------------------------------------------------------
 */

struct run_pending { /* a deed whose time is known now */
    int64_t at_ms;
    int event; /* of the scenario; -1 - i: the Baton of seat i starts again */
};

struct run_asked { /* a request under way: where its end belongs */
    uint64_t request;
    int seat;           /* whose it is */
    enum run_kind kind; /* COMMAND, QUESTION, HOOK */
    int entry;          /* -1: none */
    int node;
    bool claims;                    /* COMMAND: it says that it changes something */
    uint64_t question;              /* QUESTION: hash of who is asked what */
    char effect[SIM_NAME_MAX + 32]; /* or what it asks */
    char *text;                     /* its line, owned; NULL: no memory */
};

struct run_answer {
    uint64_t question;
    enum world_outcome outcome;
    int code;
};

struct run_asking {
    int n_asked;
    struct run_asked asked[RUN_ASKED_MAX];
    int n_answers, next_answer;
    struct run_answer answer[RUN_ANSWERS_MAX];
};

struct run_point { /* the last one; in words when they are asked for */
    enum run_kind kind;
    int node;
    bool begins;
    char copy[GROUP_NAME_MAX * 2];
    char words[GROUP_NAME_MAX * 4];
};

struct run_seat { /* of a Baton: the one controller, or among peers the one on a node */
    struct run *run;
    int place;                     /* its door: SIM_CONTROLLER or SIM_NODE + i */
    int node;                      /* among peers; else GROUP_NOBODY */
    struct policy_site site;       /* as it sees it */
    struct controller *controller; /* NULL: the daemon is down */
    struct group_recall recall;    /* what its journal knows */
    bool home_down;                /* it is down because its machine is */
};

struct run {
    struct run_setup setup;
    const struct scenario *scenario;
    struct policy_site site;
    struct world_pair *param;
    struct sim *sim;
    int n_seats;
    struct run_seat *seat; /* [n_seats] */
    int speaker;           /* node whose Baton says what is told now; or GROUP_NOBODY */
    bool staged;           /* it is said what goes where the baton goes */
    bool texts;            /* lines are made, if only to look for words in them */
    int next_at, n_at;     /* of the `at`s, in order of time */
    int *order;
    int n_steps; /* events that wait for a step … */
    int *seen;   /* … and how often it came; both as many as the scenario has events */
    int n_pending;
    struct run_pending pending[RUN_PENDING_MAX];
    struct run_asking *asking; /* NULL where no lines are made */
    struct timeline timeline;
    struct moment moment; /* as of the last event */
    int64_t moment_ms;    /* it is so since then */
    bool served_stale;    /* who serves is to be asked anew */
    bool served_once;     /* the client was, at some time */
    int64_t outage_from_ms;
    int64_t first_ms[SCENARIO_NEVERS]; /* when it happened first; -1: never */
    int last_holder;                   /* by the last grant */
    struct watch *watch;               /* [scenario->n_expects] */
    struct run_verdict *verdict;       /* made at the end */
    int n_verdicts;
    int64_t effect_ms; /* something was changed then, and has its line */
    int state_line;    /* the last line of a node's state, -1: none, and the reason in it */
    char state_why[GROUP_TEXT_MAX];
    enum world_level level;       /* of the last line of the log */
    int64_t frozen_ms, broken_ms; /* -1: never */
    int64_t fallen_ms;            /* the store's epoch fell; likewise */
    char frozen[GROUP_TEXT_MAX], broken[GROUP_TEXT_MAX];
    int64_t points;
    struct run_point *point;
    struct run_figures figures;
    struct baton_error failed; /* what went wrong where nothing can be returned */
};

static inline bool run_among_peers(const struct run *run)
{
    return run->setup.peers != NULL;
}

/* seat.c */
enum baton_err seat_init(struct run *run, struct baton_error *error);
void seat_fini(struct run *run);
enum baton_err seat_start(struct run *run, int seat, struct baton_error *error);
void seat_kill(struct run *run, int seat, bool keep_records);
/* The one that a deed or a command is for: of that node, or, where it names none, the first
 * whose Baton runs and answers; the first one where there is none. */
int seat_find(const struct run *run, int node);
/* Of a place of the world; told of what no Baton does: -1. */
int seat_at(const struct run *run, int place);
/* Its machine is off. */
bool seat_is_off(const struct run *run, int seat);
/* A machine went off, or is on again. */
enum baton_err seat_follow_machines(struct run *run, struct baton_error *error);
/* "the daemon", or "the Baton of server01". Returns `text`. */
const char *seat_words(const struct run *run, int seat, char *text, size_t size);

/* run.c */
const char *run_node_name(const struct run *run, int node);
/* Look at what an event changed. */
void run_look(struct run *run);

/* build.c */
enum baton_err build_world(struct run *run, struct baton_error *error);
/* What the policy says of the world, before anything is asked of it. */
void build_on_stage(struct run *run, const struct policy *policy);

/* happen.c */
int64_t happen_due_ms(const struct run *run); /* GROUP_NEVER_MS: nothing */
enum baton_err happen_next(struct run *run, struct baton_error *error);
void happen_step(struct run *run, const char *name, int node, bool begins);

/* told.c */
void told_world(void *arg, const struct sim_told *told);
/* A line of the timeline; its time is now. Returns its index, -1 where none is kept. */
int told_line(struct run *run, const struct run_entry *entry, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* More is known of a line that is there. */
void told_more(struct run *run, int line, enum group_outcome outcome, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* What changed from run->moment to this one. */
void told_moment(struct run *run, const struct moment *now);

/* A decision was made or begun; `text` is copied, NULL where it needs none. */
void told_point(struct run *run, enum run_kind kind, int node, bool begins, const char *text);
/* It happened, maybe for the first time. */
void told_first(struct run *run, enum scenario_never what);

/* news.c; `arg` is the seat */
void news_told(void *arg, const struct controller *controller, const struct controller_news *news);

/* ask.c */
bool ask_changes(const struct world_request *asked);
void ask_begins(struct run *run, const struct sim_told *told);
void ask_ends(struct run *run, const struct sim_told *told);
bool ask_changing(const struct run *run, int node, const char *thing);
void ask_forget(struct run *run, int seat);

/* command.c */
void command_print(const struct world_request *request, char *text, size_t size);
uint64_t command_hash(const struct world_request *request, int node);

/* check.c */
void check_init(struct run *run);
/* All was as `run->moment` says from … until …; the end itself counts where `last`. */
void check_span(struct run *run, int64_t from_ms, int64_t to_ms, bool last);
void check_said(struct run *run, const char *text);
void check_moved(struct run *run);

/* verdict.c */
enum baton_err verdict_make(struct run *run, struct baton_error *error);

#endif
