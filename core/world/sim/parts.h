/* What the files of core/world/sim know of one another; nobody else includes it.
 *
 *   sim.c     life and time
 *   door.c    the doors: a struct world's calls; each one's clock, hanging and being killed
 *   queue.c   what is due, by time and then by number
 *   model.c   places, links, nodes and their things
 *   serve.c   who serves, and for how long nobody or too many did
 *   ask.c     a request is made: where it goes, and what it finds there
 *   answer.c  what it meets on its way, and what its answer says
 *   exec.c    what a command, an address request or a hook does to a node
 *   fault.c   the one table of faults; is one possible here and now?
 *   strike.c  what each does
 *   print.c   faults as a scenario writes them and in words
 *   digest.c  a hash of all that decides how it goes on
 */
#ifndef BATON_WORLD_SIM_PARTS_H
#define BATON_WORLD_SIM_PARTS_H

#include "world/sim/sim.h"

#define SIM_WORDS_MAX  96 /* "service:postfix.start" */
#define SIM_SPELLS_MAX 32
#define SIM_MOVES_MAX  (SIM_THINGS_MAX * 2)
#define SIM_WALL_MS    INT64_C(1767225600000) /* 2026-01-01T00:00:00Z, at time 0 */

/* ---- queue.c ----------------------------------------------------------------------------- */

enum event_kind {
    EVENT_SLEEP = 0,
    EVENT_PROBE, /* tcp, mail, http */
    EVENT_EXEC,
    EVENT_ADDRESS,
    EVENT_HOOK,
    EVENT_RECORD,
};

enum event_phase {
    PHASE_FREE = 0,
    PHASE_WORKS,   /* due: it does what it does, and the answer sets out */
    PHASE_ANSWERS, /* due: the answer is there */
};

/* How it ends. Texts are made of it when they are wanted. */
enum event_end {
    END_DONE = 0,
    END_ANSWERED,
    END_STATUS,  /* an HTTP status, in `code` */
    END_REFUSED, /* nobody listens at the port */
    END_SILENT,  /* no answer until the deadline */
    END_LATE,    /* it came too late */
    END_NO,      /* what was asked is not so */
    END_REFUSES, /* the thing refuses to stop or start */
    END_FAILS,   /* a spell */
    END_CLOCK,   /* the node's clock, in `value` */
    END_VETO,
    END_UNFENCED,
    END_THERE, /* an address */
    END_NOT_THERE,
    END_NOT_OURS, /* among peers: of another node */
};

/* What only few events carry. */
struct event_more {
    char words[SIM_WORDS_MAX]; /* effect or question */
    char *text;                /* HTTP: the body; ADDRESS: "10.9.0.100/24 … eth0" */
    struct group_record *record;
    int n_records;
    int64_t seq;
};

struct event {
    uint64_t number; /* of the request; its low bits are the place in the table */
    int64_t at_ms, began_ms, deadline_ms;
    union {
        world_done_fn *done;
        world_recorded_fn *recorded;
    } u;
    void *arg;
    struct event_more *more;
    int64_t value;
    int64_t late_ms; /* POSTPONE: the answer sets out so much later */
    int heap_at;     /* -1: not in the heap */
    int next;        /* free: the next free one */
    int16_t code;    /* exit code, status; -1: none */
    int8_t seat;     /* whose request or records it is: its place in sim->seat */
    int8_t from;     /* the place that asked */
    int8_t to;       /* the place that is asked */
    int8_t node;     /* the node that it is about, or GROUP_NOBODY */
    uint8_t kind, phase, end;
    uint8_t spell; /* enum sim_fault_kind of it, or 0 for none: SIM_CRASH is no spell */
    uint8_t op;    /* ADDRESS: enum world_address_op; HOOK: enum event_hook */
    bool asks;     /* EXEC: `words` is a question */
    bool effect;   /* something is still to be changed on the node */
    bool applied;  /* … and was; RECORD: is durable */
    bool lost;     /* RECORD: not written, the daemon was killed */
    bool held;     /* due while its Baton hung: waits until that goes on */
    bool parked;   /* likewise, its node */
};

enum event_hook {
    HOOK_OTHER = 0,
    HOOK_VETO,
    HOOK_FENCE
};

struct due {
    int64_t at_ms;
    uint64_t order;
    int event;
};

struct sim_queue {
    struct due *heap;
    struct event *event;
    int n_due, n_events, size;
    int free; /* the first free event; -1: none */
    uint64_t made, order;
};

enum baton_err queue_start(struct sim *sim);
void queue_stop(struct sim *sim);
/* A new event, all zero but its number; it is not due before `queue_put`. The pointer holds
 * until the next one is made. NULL: no memory. */
struct event *queue_new(struct sim *sim);
void queue_put(struct sim *sim, struct event *event, int64_t at_ms);
void queue_take(struct sim *sim, struct event *event); /* out of the heap again */
void queue_free(struct sim *sim, struct event *event); /* with all it has */
struct event *queue_find(struct sim *sim, uint64_t number);
struct event *queue_first(const struct sim *sim); /* NULL: nothing is due */
struct event_more *queue_more(struct event *event, const char *words);

/* ---- model.c ----------------------------------------------------------------------------- */

enum serve_cause { /* of a change */
    SERVE_BY_START = 0,
    SERVE_BY_FAULT, /* or what lifts one */
    SERVE_BY_HAND,
    SERVE_BY_COMMAND,
};

struct sim_spell { /* an ACTION fault that is in force */
    enum sim_fault_kind kind;
    int node; /* or GROUP_NOBODY: any */
    int times;
    int64_t ms;
    char effect[SIM_WORDS_MAX];
};

struct sim_inside {
    int n_moves;
    char moves[SIM_MOVES_MAX][SIM_NAME_MAX]; /* things that go where the baton goes */
    bool starts[SIM_NODES_MAX];              /* who serves at the start */
    bool several;                            /* … and there were more than one */
    bool had_all[SIM_NODES_MAX];             /* all that serving takes … */
    enum serve_cause cause[SIM_NODES_MAX];   /* … since then, by this */
    int64_t cause_ms[SIM_NODES_MAX];
    bool blamed[SIM_NODES_MAX][SIM_NODES_MAX]; /* both have all, and one must not */
    bool two_blamed;                           /* the overlap that there is now */
    bool sight[SIM_NODES_MAX];                 /* whoever acts there could look … */
    int64_t sight_ms[SIM_NODES_MAX];           /* … for so long in all, while it ran */
    bool serving_known[SIM_NODES_MAX];
    uint64_t loss_state; /* random, for lost packets only */
};

bool model_is_service(const char *thing);
/* Does the thing go where the baton goes? */
bool model_moves(const struct sim *sim, const char *thing);
/* Does `name`, where it may be the bare "service", mean this thing? */
bool model_means(const char *name, const char *thing);
/* The thing of that name, made as it would be on that node now. NULL: too many things. */
struct sim_thing *model_thing(struct sim *sim, int node, const char *name);
void model_set(struct sim *sim, int node, struct sim_thing *thing, bool up);
void model_power_off(struct sim *sim, int node);
void model_boot(struct sim *sim, int node);
int model_find_node(const struct sim *sim, const char *name);
/* The controller's is that of its node, where it has one. */
int model_real_place(const struct sim *sim, int place);
/* A node's monotonic clock at a true time: it drifts, and does not jump. */
int64_t model_clock_ms(const struct sim *sim, int node, int64_t true_ms);
/* A node that is off or hangs. */
bool model_is_silent(const struct sim *sim, int place);
/* Nothing is cut, either way. */
bool model_open(const struct sim *sim, int a, int b);
bool model_share_ok(const struct sim *sim, int node);
int64_t model_wall_ms(const struct sim *sim, int node); /* GROUP_NOBODY: the controller's */
uint64_t model_random(uint64_t *state);
/* Does a packet come through, and how much later? Draws random where the link is lossy. */
bool model_passes(struct sim *sim, int from, int to, int64_t *delay_ms);

/* ---- serve.c ----------------------------------------------------------------------------- */

/* Count anew after a change. */
void serve_count(struct sim *sim, enum serve_cause cause);
/* What a hand has just brought up on a node, so long ago for a controller that was awake; or the
 * start, where several served, in the time that one could look there. -1: nothing, or there
 * was time enough to see it. */
int64_t serve_outside_ms(const struct sim *sim, int node);
void serve_wakes(struct sim *sim, const struct sim_seat *seat); /* its Baton goes on */
/* The node that the floating address leads to, or GROUP_NOBODY. */
int serve_floating(const struct sim *sim);

/* ---- door.c ------------------------------------------------------------------------------ */

void door_open(struct sim *sim);
static inline struct sim_seat *door_of(struct sim *sim, const struct event *event)
{
    return &sim->seat[event->seat];
}
/* Whose Baton looks after this node. */
static inline const struct sim_seat *door_at(const struct sim *sim, int node)
{
    return &sim->seat[sim->peers ? 1 + node : 0];
}
static inline bool door_waits(const struct sim_seat *seat)
{
    return seat->hung || seat->stopped;
}
/* Where its requests set out from. */
int door_place(const struct sim_seat *seat);
/* When its clock shows that. */
int64_t door_true_ms(const struct sim_seat *seat, int64_t its_ms);
/* Its machine, or it alone, hangs or goes on. */
void door_hang(struct sim_seat *seat, bool hung, bool stopped);
/* Of a node, whose clock went by `before` until now: what waits for a time of it is due anew. */
void door_clock_changed(struct sim *sim, int node, const struct sim_node *before);
/* Whoever waits for a record frees what it holds when it hears that nothing comes of it. */
void door_end_records(struct sim *sim);

/* ---- ask.c ------------------------------------------------------------------------------ */

/* Take a request. Returns its number. */
uint64_t ask_start(
    struct sim_seat *seat, const struct world_request *request, world_done_fn *done, void *arg);

/* ---- answer.c ---------------------------------------------------------------------------- */

/* It will have been done at `at_ms`, or be too late then. */
void answer_set_out(struct sim *sim, struct event *event, int64_t at_ms);
/* It ends now: nothing sets out. */
void answer_no(struct sim *sim, struct event *event, enum event_end end);
/* It ends at its deadline. */
void answer_at_deadline(struct sim *sim, struct event *event, enum event_end end);
/* The event is due. */
void answer_due(struct sim *sim, struct event *event);
/* Records are written, or not. */
void answer_written(struct sim *sim, struct event *event);
/* A Baton or a node goes on where it hung, and with it what waited for it. */
void answer_resume(struct sim *sim, const struct sim_seat *seat);
void answer_unpark(struct sim *sim, int node);
/* The answer that is due next, of a request that somebody waits for; NULL: none. */
struct event *answer_next(struct sim *sim);
void answer_postpone(struct sim *sim, struct event *event, int64_t ms);

/* ---- exec.c ------------------------------------------------------------------------------ */

/* How much longer than usual it takes, by the spells on what it changes. */
int64_t exec_spells(struct sim *sim, struct event *event);
/* The thing of "service:postfix.start" and, returned, its verb. NULL: there is no dot. */
const char *exec_split(const char *words, char thing[SIM_NAME_MAX]);
/* It runs on its node now: change the model, or answer from it. */
void exec_work(struct sim *sim, struct event *event);

/* ---- fault.c, strike.c --------------------------------------------------------------------- */

/* The name of the thing that a fault's `what` means on its node. */
void fault_thing(const struct sim *sim, const struct sim_fault *fault, char name[SIM_NAME_MAX]);
void strike_fault(struct sim *sim, const struct sim_fault *fault);

#endif
