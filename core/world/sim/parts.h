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
 *   keys.c    the lease store: its keys and leases, and what a request does to them
 *   ttl.c     … how its leases run out, and what becomes of it when it is lost
 *   hear.c    … what it says of them, and who waits for that
 *   vouch.c   what the Batons of the nodes ask each other
 *   warden.c  the guardian and the watchdog of each node, and the mark it keeps
 *   print.c   faults as a scenario writes them and in words
 *   digest.c  a hash of all that decides how it goes on
 *   summary.c … and of what there is among peers only
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
    EVENT_LEASE,
    EVENT_PEER,
    EVENT_MARK,
    EVENT_GUARD,
    /* no requests: */
    EVENT_EXPIRE,   /* a lease in the store runs out */
    EVENT_GUARDIAN, /* a guardian begins to stop the service, or is through */
    EVENT_DOG,      /* a watchdog was not fed */
};

enum event_phase {
    PHASE_FREE = 0,
    PHASE_WORKS,   /* due: it does what it does, and the answer sets out */
    PHASE_ANSWERS, /* due: the answer is there */
    PHASE_WAITS,   /* for what others do; due: its time is up */
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
    END_SAID,     /* the detail is its text; it is so … */
    END_SAID_NO,  /* … or is not */
    END_UNASKED,  /* … or it could not be asked */
};

/* What only few events carry. */
struct event_more {
    char words[SIM_WORDS_MAX]; /* effect or question */
    char *text;                /* HTTP: the body; ADDRESS: "10.9.0.100/24 … eth0" */
    struct group_record *record;
    int n_records;
    int64_t seq;
    struct store_ask *ask;   /* LEASE: what it asks for */
    struct store_word *word; /* LEASE WATCH: what it has heard */
    struct peer_talk *talk;  /* PEER */
    struct world_mark mark;  /* MARK */
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
    int8_t seat;     /* whose request or records it is: its place in sim->seat. Of no request: of
                        which node's clock it is, or 0 */
    int8_t from;     /* the place that asked */
    int8_t to;       /* the place that is asked */
    int8_t node;     /* the node that it is about, or GROUP_NOBODY */
    uint8_t kind, phase, end;
    uint8_t spell; /* enum sim_fault_kind of it, or 0 for none: SIM_CRASH is no spell */
    uint8_t op;    /* of the kind: enum world_address_op, event_hook, world_lease_op … */
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
void queue_drop_more(struct event *event); /* and all that hangs on it */
/* Nobody's request, and not freed with a Baton. */
static inline bool queue_is_nobodys(const struct event *event)
{
    return event->kind >= EVENT_EXPIRE;
}

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

enum serve_blame {
    BLAME_NONE = 0,
    BLAME_UNLESS_WOKEN, /* … and one hung, its guardian overdue, when the other took over */
    BLAME_ALWAYS        /* … and one must not */
};

struct sim_guard { /* of a node */
    bool there, armed, firing;
    bool killed;      /* and not armed again since */
    bool woken;       /* its node went on when it was overdue, and it is not through yet */
    int64_t until_ms; /* of the node's clock */
    int64_t epoch;
    uint64_t timer; /* the number of its event; 0: none */
    uint64_t dog;   /* likewise, of the watchdog */
};

struct sim_inside {
    int n_moves;
    char moves[SIM_MOVES_MAX][SIM_NAME_MAX]; /* things that go where the baton goes */
    bool starts[SIM_NODES_MAX];              /* who serves at the start */
    bool several;                            /* … and there were more than one */
    bool had_all[SIM_NODES_MAX];             /* all that serving takes … */
    enum serve_cause cause[SIM_NODES_MAX];   /* … since then, by this */
    int64_t cause_ms[SIM_NODES_MAX];
    uint8_t blamed[SIM_NODES_MAX][SIM_NODES_MAX]; /* enum serve_blame: both have all … */
    bool two_blamed, two_woken;                   /* the overlap that there is now */
    struct sim_peers setup;
    struct sim_guard guard[SIM_NODES_MAX];
    bool sight[SIM_NODES_MAX];       /* whoever acts there could look … */
    int64_t sight_ms[SIM_NODES_MAX]; /* … for so long in all, while it ran */
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
/* It waits for news, and is no request for whoever writes things down. */
bool ask_is_patient(const struct event *event);
uint64_t ask_start(
    struct sim_seat *seat, const struct world_request *request, world_done_fn *done, void *arg);

/* ---- answer.c ---------------------------------------------------------------------------- */

/* It will have been done at `at_ms`, or be too late then. */
void answer_set_out(struct sim *sim, struct event *event, int64_t at_ms);
/* It ends by this sentence: END_SAID, END_SAID_NO or END_UNASKED. */
void answer_says(struct event *event, enum event_end end, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Its answer sets out to who asked. */
void answer_back(struct sim *sim, struct event *event);
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
/* Commands under way on that thing of a node, made before `number`, come to nothing. */
void exec_replace(struct sim *sim, int node, const char *thing, uint64_t number);

/* ---- keys.c ------------------------------------------------------------------------------- */

struct store_lease {
    int64_t id; /* 0: free */
    int node;   /* whose Baton made it */
    int64_t ttl_ms;
    int64_t until_ms; /* true time */
    uint64_t timer;
};

struct store_keys { /* all but the members, and what a roll-back brings back */
    int64_t revision, epoch;
    int holder; /* node or GROUP_NOBODY */
    int64_t holder_lease, granted_at;
    enum group_plan_kind how;
    bool passed, paused;
    char why[GROUP_TEXT_MAX], paused_why[GROUP_TEXT_MAX];
    struct lease_wish wish;
    struct lease_answer answer;
};

struct store_word {
    int refs;
    struct lease_word word; /* all but `mine` */
    int64_t holder_lease;
};

struct sim_store {
    bool lost;
    struct store_keys now, before; /* … the last grant */
    int64_t member_lease[SIM_NODES_MAX];
    struct group_member *member[SIM_NODES_MAX]; /* NULL: none published */
    int n_leases, n_before;
    struct store_lease *lease;
    struct store_lease *lease_before; /* … the last grant */
    int64_t leases_made;
    struct store_word *word; /* of revision now.revision; NULL: not made yet */
    struct {                 /* what each Baton knows of its own lease; of a run */
        int64_t lease;
        bool known, gone;
    } seat[1 + SIM_NODES_MAX];
};

struct store_ask {
    int64_t ttl_ms, seen, epoch, lease;
    bool known;
    int to;
    enum group_plan_kind how;
    bool pauses;
    char why[GROUP_TEXT_MAX];
    struct group_member *member;
    struct lease_wish wish;
    struct lease_answer answer;
};

enum baton_err keys_new(struct sim *sim);
void keys_free(struct sim *sim);
void keys_ask_free(struct store_ask *ask);
/* A request of kind WORLD_LEASE sets out; it has come there; it waits for news and its time is
 * up. */
void keys_start(struct sim *sim, struct event *event, const struct world_request *request);
void keys_work(struct sim *sim, struct event *event);
void keys_late(struct sim *sim, struct event *event);
/* A Baton is gone, and with it what it knew of its lease. */
void keys_forget(struct sim *sim, const struct sim_seat *seat);
int64_t keys_changed(struct sim *sim); /* it is another revision now: which */
void keys_tell_baton(struct sim *sim);
void keys_free_baton(struct sim *sim);
void keys_drop_member(struct sim_store *store, int node);

/* ---- ttl.c ------------------------------------------------------------------------------- */

struct store_lease *ttl_find(struct sim_store *store, int64_t id); /* NULL: it is gone */
struct store_lease *ttl_new(struct sim *sim, int node, int64_t ttl_ms);
void ttl_keep_alive(struct sim *sim, struct store_lease *lease);
/* An event by its number: it comes no more, and the number is 0. */
void ttl_stop_timer(struct sim *sim, uint64_t *timer);
void ttl_expire(struct sim *sim, struct event *event);
/* The store is lost, restored or rolled back. */
void ttl_strike(struct sim *sim, enum sim_fault_kind kind);

/* ---- hear.c ------------------------------------------------------------------------------ */

/* Whoever waits for news and can be reached gets what there is. */
void hear_spread(struct sim *sim);
/* Has the one who asks not heard that yet? Then its answer sets out. */
bool hear_tell(struct sim *sim, struct event *event);
/* What whoever asked the store hears. */
void hear_result(struct sim *sim, const struct event *event, struct world_result *result);
void hear_release(struct store_word *word);

/* ---- vouch.c ----------------------------------------------------------------------------- */

struct peer_talk {
    char holder[GROUP_NAME_MAX];
    int64_t epoch, hold_ms;
    uint64_t ticket;
    bool asked; /* ASK: a LISTEN has taken it */
};

void vouch_start(struct sim *sim, struct event *event, const struct world_request *request);
void vouch_work(struct sim *sim, struct event *event);
void vouch_late(struct sim *sim, struct event *event);
/* What whoever asked or listened hears; `question` is the caller's, to point to. */
void vouch_result(
    const struct event *event, struct world_result *result, struct world_question *question);
/* Those whom this Baton asked, or that asked it, hear no more of it. */
void vouch_forget(struct sim *sim, const struct sim_seat *seat);

/* ---- warden.c ---------------------------------------------------------------------------- */

void warden_start(struct sim *sim, struct event *event, const struct world_request *request);
void warden_work(struct sim *sim, struct event *event);
void warden_due(struct sim *sim, struct event *event); /* the guardian's own, or the watchdog's */
void warden_kill(struct sim *sim, int node);
void warden_node_hangs(struct sim *sim, int node);
void warden_node_goes_on(struct sim *sim, int node);
void warden_node_off(struct sim *sim, int node);
void warden_node_boots(struct sim *sim, int node);
/* It should have stopped the service by now, and its node hangs. */
bool warden_overdue(const struct sim *sim, int node);

void warden_mark_work(struct sim *sim, struct event *event);

/* ---- fault.c, strike.c --------------------------------------------------------------------- */

/* The name of the thing that a fault's `what` means on its node. */
void fault_thing(const struct sim *sim, const struct sim_fault *fault, char name[SIM_NAME_MAX]);
void strike_fault(struct sim *sim, const struct sim_fault *fault);

/* ---- digest.c, summary.c ------------------------------------------------------------------- */

uint64_t digest_mix(uint64_t hash, uint64_t value);
uint64_t digest_mix_text(uint64_t hash, const char *text);
uint64_t digest_mix_double(uint64_t hash, double value);
/* The store, guardians and marks. */
uint64_t summary_mix(uint64_t hash, const struct sim *sim);
/* What a request to the store or to another Baton carries. */
uint64_t summary_mix_event(uint64_t hash, const struct sim *sim, const struct event *event);

#endif
