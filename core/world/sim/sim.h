/* The simulated world: a virtual clock and a model of nodes behind the one door.
 *
 * Nothing here happens by itself. `sim_step` takes what is due next, in the order of its
 * time and then of its making, so the same seed and the same faults give the same bytes.
 *
 * The model. A *place* is the controller, the client, the gateway, the share's server, the
 * lease store or a node; between each two of them is a link, one for each direction. A node
 * is on, hung or off, has a clock, and has *things*: "address", "service" (or, where there
 * are several, "service:postfix"), "share", or whatever a policy names. An exec or address
 * request says in `effect` ("service:postfix.start", "address.delete") what it changes, and
 * in `asks` ("service.running", "address.up") what it wants to know; the part before the
 * last dot is the thing. Probes are answered by what the model says: a node that is off or
 * hung is silent, a service that is down refuses, one that hangs says nothing, the floating
 * address leads to the node that took it last.
 *
 * A command takes effect at its end, and then its answer sets out: where only the way back is
 * cut it is done and nobody hears of it. It runs on when nobody waits any more, but as in the
 * live world no longer than its timeout, counted from when it came to the node. On a node
 * that hangs it ends when that goes on; a later one on the same thing takes its place.
 *
 * A node *serves* when it is on and not hung, its address is up (where the group has one)
 * and its services run (hung ones too: they may wake up). The *client* is served when it
 * gets an answer over its link: that is what outage means.
 *
 * Among peers there is a Baton on every node: each has a door of its own (`sim_door`), whose
 * requests set out from its node, whose clock is that node's and drifts with it, and which hangs
 * or is killed by itself. The lease store is a place with a clock that is right; what is asked of
 * it goes over the link there, is done, and its answer sets out: so it may be done and nobody hears
 * of it. What the Batons ask each other goes over the links between their nodes. Each node has a
 * memory for the mark of a grant, which survives all but being forgotten.
 *
 * A guardian lives on each node beside its Baton and outlives it. At the moment until which it was
 * armed last it begins to bring down all that moves with the baton, whatever refuses to stop, takes
 * `guard_ms` for it, and ends what was still under way there on those things. It hangs with its
 * node, and what was due then is due at once when that goes on. Where there is a watchdog, a node
 * that hangs is off so long after the guardian fed it last, as the real one would.
 *
 * The honest limit without a watchdog: a node that hangs for longer than its lease and then goes on
 * serves again until its guardian, due at once, is through; nothing that runs on a node can stop
 * that node from waking up. Where another one has taken over meanwhile, after the guardian was
 * due, two serve for those `guard_ms`. That is counted in two_woken_ms, and not blamed; everything
 * beyond it is.
 *
 * Faults are data: one row for each kind says how it is written in a scenario, what lifts
 * it and what it does, so the scenarios, the explorer and the manual all have the same.
 */
#ifndef BATON_WORLD_SIM_SIM_H
#define BATON_WORLD_SIM_SIM_H

#include "base/error.h"
#include "lease/lease.h"
#include "world/world.h"

#define SIM_NODES_MAX  GROUP_NODES_MAX
#define SIM_THINGS_MAX 8
#define SIM_NAME_MAX   64
#define SIM_HAND_MS    60000 /* so long what comes from outside goes unseen by who is awake */

/* ---- Places and links ------------------------------------------------------------------ */

enum sim_place {
    SIM_NOWHERE = -1,
    SIM_CONTROLLER = 0,
    SIM_CLIENT,
    SIM_GATEWAY, /* and all that lies behind it: witnesses, names that are no node's */
    SIM_SHARE,   /* the server of the shared directory */
    SIM_STORE,   /* the lease store */
    SIM_NODE,    /* node i is place SIM_NODE + i */
};
#define SIM_PLACES (SIM_NODE + SIM_NODES_MAX)

struct sim_link { /* one direction */
    bool cut;
    double loss;      /* 0 to 1: a packet's chance; a lost one comes again a second later */
    int64_t delay_ms; /* more than usual */
};

/* ---- Faults ------------------------------------------------------------------------------ */

enum sim_fault_kind {
    SIM_CRASH = 0, /* of a node: off at once, all it ran is gone */
    SIM_HANG,      /* of a node or the controller: silent, keeps all it has */
    SIM_RECOVER,   /* boots, or goes on where it hung */
    SIM_CRASH_SERVICE,
    SIM_HANG_SERVICE, /* runs, takes connections, answers nothing */
    SIM_RECOVER_SERVICE,
    SIM_REFUSE_STOP, /* its stop fails and it goes on running */
    SIM_REFUSE_START,
    SIM_OBEY,
    SIM_BRING_UP, /* somebody's hand, or another program: a thing is up … */
    SIM_BRING_DOWN,
    SIM_CUT, /* a link */
    SIM_LOSSY,
    SIM_SLOW,
    SIM_MEND,
    SIM_LOSE_SHARE, /* on one node or, with SIM_NOWHERE, for all */
    SIM_READ_ONLY_SHARE,
    SIM_RESTORE_SHARE,
    SIM_JUMP_CLOCK,   /* of a node or the controller, by `ms` */
    SIM_DRIFT_CLOCK,  /* by `value` parts per million from now on */
    SIM_ACTION_FAILS, /* requests with this effect do nothing and fail */
    SIM_ACTION_SLOW,
    SIM_ACTION_LIES,   /* reports success, does nothing */
    SIM_ACTION_DENIES, /* does it, reports failure */
    SIM_ACTION_WORKS,
    SIM_FENCE_FAILS,
    SIM_FENCE_LIES, /* reports success, the node goes on */
    SIM_FENCE_WORKS,
    SIM_VETO, /* a before-move hook says no */
    SIM_NO_VETO,
    SIM_FILL_DISK, /* of the journal; of one node or, with SIM_NOWHERE, of all */
    SIM_FREE_DISK,
    SIM_POSTPONE, /* the answer that is due next comes `ms` later */
    /* among peers */
    SIM_HANG_BATON, /* of a node: its daemon is stopped by a signal, all else there goes on */
    SIM_RECOVER_BATON,
    SIM_KILL_GUARDIAN,      /* it is there again when its Baton wants something of it */
    SIM_LOSE_STORE,         /* it answers nobody; no lease runs out */
    SIM_RESTORE_STORE,      /* each lease has its whole time again, as after a new leader */
    SIM_RESTORE_STORE_LATE, /* or its time went on, and what is over is gone at once */
    SIM_ROLL_BACK_STORE,    /* to what it was before the last grant */
    SIM_FORGET_MARK,
};
#define SIM_FAULTS 41

struct sim_fault {
    enum sim_fault_kind kind;
    int place, other;        /* SIM_NOWHERE where there is none; LINK: both */
    bool one_way;            /* LINK: from `place` to `other` only */
    char what[SIM_NAME_MAX]; /* a thing, or an effect; "" for the only or any service */
    int times;               /* ACTION: so many requests; 0: all until it is lifted */
    int64_t ms;
    double value;
};

enum sim_shape {           /* how the fault is written: what it takes */
    SIM_SHAPE_NONE = 0,    /* veto() */
    SIM_SHAPE_NODE,        /* crash "server01" */
    SIM_SHAPE_SERVICE,     /* crash_service("server01"[, "postfix"]) */
    SIM_SHAPE_THING,       /* bring_up("server02", "address") */
    SIM_SHAPE_LINK,        /* cut("controller", "server01"[, { one_way = true }]) */
    SIM_SHAPE_LINK_VALUE,  /* lossy("client", "server01", 0.3[, { one_way = true }]) */
    SIM_SHAPE_SHARE,       /* lose_share() or lose_share "server01" */
    SIM_SHAPE_CLOCK,       /* jump_clock("server01", -3600) */
    SIM_SHAPE_ACTION,      /* action_fails("address.add"[, { on = "server02", times = 3 }]) */
    SIM_SHAPE_ACTION_TIME, /* action_slow("service.start", 20[, { on = …, times = … }]) */
    SIM_SHAPE_TIME,        /* postpone(1.5) */
    SIM_SHAPE_JOURNAL,     /* fill_disk() or, among peers, fill_disk "server01" */
};

struct sim_fault_row {
    enum sim_fault_kind kind;
    const char *name; /* in scenarios: "crash_service" */
    enum sim_shape shape;
    bool lifts;                    /* ends a fault and is none itself */
    enum sim_fault_kind lifted_by; /* of a fault: what ends it; its own kind: it is over as
                                      soon as it has happened */
    bool in_ms;                    /* its number is seconds, kept in `ms`; else in `value` */
    double least, most;            /* of its number, in the scenario's unit */
    const char *about;             /* one sentence, for people */
};
const struct sim_fault_row *sim_fault_row(enum sim_fault_kind kind);
/* Possible among peers only? */
bool sim_fault_wants_peers(enum sim_fault_kind kind);

/* ---- The world --------------------------------------------------------------------------- */

struct sim_thing {
    char name[SIM_NAME_MAX];
    bool up, hung;
    bool crashed;              /* down by a fault: it comes up again when that is lifted */
    bool keeps_up, keeps_down; /* refuses to stop, to start */
    int64_t taken_ms;          /* when it came up last */
};

enum sim_share {
    SIM_SHARE_OK = 0,
    SIM_SHARE_READ_ONLY,
    SIM_SHARE_GONE
};

struct sim_node {
    char name[GROUP_NAME_MAX], address[GROUP_NAME_MAX];
    bool on, hung;
    enum sim_share share;
    int64_t clock_ms; /* ahead of true time, as of clock_at_ms */
    int64_t clock_at_ms;
    double drift_ppm;
    struct world_mark mark;
    int64_t jumped_ms; /* what its clock has jumped by, in all: its monotonic clock has not */
    int n_things;
    struct sim_thing thing[SIM_THINGS_MAX];
};

/* What happened in the world, for whoever writes it down. Valid during the call. A sleep, a
 * WATCH and a LISTEN are no requests here. Whoever is told changes nothing in the world. */
enum sim_told_kind {
    SIM_TOLD_LOG = 0, /* a line of the daemon's log */
    SIM_TOLD_REQUEST, /* a request was made … */
    SIM_TOLD_ANSWER,  /* … and ended, with what came of it */
    SIM_TOLD_OBSERVED,
    SIM_TOLD_RECORD, /* records became durable */
    SIM_TOLD_FAULT,
    SIM_TOLD_CHANGE, /* a thing of a node came up or went down, by whatever cause */
    SIM_TOLD_SERVED, /* who serves, or whether the client is served, is not as before */
    SIM_TOLD_STORE,  /* the baton in the store is not as before: see sim_holder */
    SIM_TOLD_GUARD,  /* the guardian of the node begins to stop it (`up`), or is through */
    SIM_TOLD_RESET,  /* the watchdog has switched the node off: whoever drives the world kills its
                        Baton before the next step */
};
struct sim_told {
    enum sim_told_kind kind;
    int place; /* LOG, REQUEST, ANSWER, OBSERVED, RECORD: of the Baton whose it is; as for sim_door
                */
    int node;  /* or GROUP_NOBODY */
    const struct world_log *log;       /* LOG */
    uint64_t request;                  /* REQUEST, ANSWER: its number */
    const struct world_request *asked; /* REQUEST */
    const struct world_result *answer; /* ANSWER */
    const char *effect;                /* ANSWER: what it changed, whatever it says of itself;
                                          NULL: nothing */
    const char *probe;                 /* OBSERVED */
    enum group_outcome outcome;        /* OBSERVED */
    const char *detail;                /* OBSERVED */
    const struct group_record *record; /* RECORD */
    int n_records;                     /* RECORD */
    const struct sim_fault *fault;     /* FAULT */
    const char *thing;                 /* CHANGE */
    bool up;                           /* CHANGE */
};
typedef void sim_told_fn(void *arg, const struct sim_told *told);

/* A Baton in this world: the one controller, or among peers the one on a node. */
struct sim_seat {
    struct world world; /* first: a struct world * is a struct sim_seat * */
    struct sim *sim;
    int place;       /* SIM_CONTROLLER, or SIM_NODE + i: the Baton of node i */
    bool hung;       /* its machine is: answers wait until it goes on */
    bool stopped;    /* it alone is, by a signal: likewise; what it has begun runs on */
    bool killed;     /* and no new daemon has asked for anything */
    bool disk_full;  /* of its journal */
    int64_t away_ms; /* since when it is hung or stopped, or among peers killed, if it is */
    int64_t records; /* written */
};

struct sim {
    int64_t now_ms; /* true time; what a seat calls now is world_now_ms of its door */
    struct sim_seat seat[1 + SIM_NODES_MAX]; /* the controller's, and one for each node */
    bool peers;                              /* the seats of the nodes are taken … */
    int64_t guard_ms; /* … and a guardian takes so long; sim_set_peers sets it to the most it may */
    int n_nodes;
    struct sim_node node[SIM_NODES_MAX];
    struct sim_link link[SIM_PLACES][SIM_PLACES]; /* [from][to] */
    int home;                      /* node on which the controller runs; GROUP_NOBODY: its own.
                                      Who drives the world kills the daemon when it is off. */
    char floating[GROUP_NAME_MAX]; /* without prefix length; "": the group has none */
    char gateway[GROUP_NAME_MAX];
    int ssh_port;                         /* what answers there is the node, not a service; 22 */
    int64_t exec_ms, probe_ms, record_ms; /* how long things take when nothing is wrong */
    int64_t clock_ms, clock_at_ms;        /* the controller's own clock, as a node's */
    double drift_ppm;
    bool veto;
    enum sim_fault_kind fence; /* SIM_FENCE_WORKS, _FAILS or _LIES */
    sim_told_fn *told;         /* may be NULL */
    void *told_arg;
    struct {         /* kept at every change of the model; `sim_account` brings it up to now */
        int serving; /* nodes that serve now */
        bool client; /* is the client served? */
        int64_t since_ms;
        int64_t outage_ms, outage_longest_ms; /* since sim_account_from */
        int64_t two_ms;                       /* two nodes or more served at once, in all */
        int64_t two_blamed_ms; /* … by a command, and not beside what a hand or the start had
                                  just brought up */
        int64_t two_woken_ms;  /* two served because one woke up after its lease, until its guardian
                                  was through: see above. Neither blamed nor avoidable */
        int64_t two_first_ms;  /* when that first began; -1: never */
        int64_t unserved_ms;   /* since when the client is not served, if it isn't */
    } count;
    struct sim_queue *queue;   /* what is due */
    struct sim_store *store;   /* NULL: not among peers */
    struct sim_inside *inside; /* what is nobody else's */
    struct sim_spell *spells;  /* ACTION faults that are in force */
    int n_spells;
    uint64_t random_state;
    int64_t steps; /* events taken, in all */
    int64_t stuck; /* events taken since the clock last moved */
    /* For tests: lines of log with virtual time. Not kept unless trace_on. */
    bool trace_on;
    char *trace;
    size_t trace_len, trace_size;
    enum world_level trace_level; /* lines below it are not kept */
};

enum baton_err sim_new(uint64_t seed, struct sim **out, struct baton_error *error);
void sim_free(struct sim *sim);

/* NULL where there are too many. Names are copied. */
struct sim_node *sim_add_node(struct sim *sim, const char *name, const char *address);

/* The thing of that name; made (down) if the node doesn't have it yet. NULL: too many.
 * Who changes it calls sim_changed after. */
struct sim_thing *sim_thing(struct sim_node *node, const char *name);
/* The model was changed from outside: count anew who serves. */
void sim_changed(struct sim *sim);

/* A thing that a policy's start brings up ("address", "service:postfix"): it is up where the
 * service is, and down on a node that booted. All others are up on every node, and come up
 * with it. To be said before the first request; a thing that no one named is made then. */
void sim_moves_with_baton(struct sim *sim, const char *thing);
/* … and where it is at the start. More than one call: several serve. */
void sim_serves_at_start(struct sim *sim, int node);

/* Among peers: the times that the store and the guardians go by. To be said before the first
 * request. The store's own clock is true time. */
struct sim_peers {
    struct lease_times times;
    bool guardian; /* there is one on each node */
    bool failsafe; /* the Batons answer each other */
};
/* BATON_NOMEM. The times are taken as they are, checked or not. */
enum baton_err sim_set_peers(struct sim *sim, const struct sim_peers *peers);
/* The door of a daemon: SIM_CONTROLLER, or among peers SIM_NODE + i. Its requests set out from
 * there; among peers it acts on its own node only, and all its times are of that node's clock. */
struct world *sim_door(struct sim *sim, int place);
/* Does the Baton there hang, alone or with its machine? Then it answers nobody. */
bool sim_hangs(const struct sim *sim, int place);

/* Place of that name: "controller", "client", "gateway", "share", "store" or a node's;
 * SIM_NOWHERE if there is none. And the other way round. */
int sim_find_place(const struct sim *sim, const char *name);
const char *sim_place_name(const struct sim *sim, int place);

/* Let a fault happen, or lift one, now. BATON_INVALID where it can't be: says what there
 * is instead. */
enum baton_err sim_inject(
    struct sim *sim, const struct sim_fault *fault, struct baton_error *error);
/* As a scenario writes it: `cut("controller", "server01", { one_way = true })`. */
void sim_fault_print(const struct sim *sim, const struct sim_fault *fault, char *text, size_t size);
/* In words: "the link from controller to server01 is cut". */
void sim_fault_say(const struct sim *sim, const struct sim_fault *fault, char *text, size_t size);

/* When the next event is due, GROUP_NEVER_MS if nothing is. */
int64_t sim_due_ms(const struct sim *sim);
/* Let the clock go to the next event and take it. False, and nothing done, where there is
 * none before or at `until_ms`. */
bool sim_step(struct sim *sim, int64_t until_ms);
/* All of them, and then the clock to `until_ms`. */
void sim_run(struct sim *sim, int64_t until_ms);

/* Bring the counts up to now. sim_account_from forgets outage until now: start-up, during
 * which nobody expects service, is not counted. */
void sim_account(struct sim *sim);
void sim_account_from(struct sim *sim);
/* Does this node serve, in truth? */
bool sim_serves(const struct sim *sim, int node);
/* Among peers: the guardian of this node was killed, and no other one is armed yet: until then
 * nothing stops the service where its Baton can't. */
bool sim_guardian_is_dead(const struct sim *sim, int node);
/* Among peers: whom the lease store names as the holder now, in truth, whoever can reach it; and
 * the epoch of the last grant in it, which may be NULL. GROUP_NOBODY where nobody has the baton or
 * all in the store is lost. */
int sim_holder(const struct sim *sim, int64_t *epoch);

/* The daemon is killed: nothing that it waits for is answered any more. Requests under way
 * take effect on the nodes all the same; records not durable yet are lost, unless
 * `keep_records`: then they are durable now. The caller frees the controller before the next
 * sim_step, and what that still hands to the journal is lost too; the next request is the
 * new daemon's. What waits for a record hears at the next step, or by sim_free, that it
 * failed, and can free what it holds. */
void sim_kill(struct sim *sim, int place, bool keep_records);

/* A hash of the model without the clock: what a node is and has, links, faults in force, and
 * what is under way, by how long it still takes. Equal for worlds that go on alike. */
uint64_t sim_digest(const struct sim *sim);

/* Add a line of the story to the trace. */
void sim_say(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
