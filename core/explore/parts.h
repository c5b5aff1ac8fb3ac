/* What the explorer's files share. */
#ifndef BATON_EXPLORE_PARTS_H
#define BATON_EXPLORE_PARTS_H

#include "explore/explore.h"

#include <stdatomic.h>
#include <stdio.h>
#include <sys/types.h>

/* ---- pages.c -------------------------------------------------------------------------------- */

/* `shared` also with children. NULL where there is no room. */
void *pages_new(size_t size, bool shared);
void pages_free(void *pages, size_t size); /* NULL is fine */

/* ---- menu.c: the deeds that are worth trying ------------------------------------------ */

#define MENU_MAX         512
#define MENU_EFFECTS_MAX 32

struct menu_item {
    struct scenario_deed deed;
    bool lifts; /* tried only where what it lifts was done before */
    int lift;   /* item that lifts this one, or -1 */
};

struct menu {
    int n;
    struct menu_item item[MENU_MAX];
};

/* Each kind of fault with the sizes that are tried. */
struct menu_portion {
    enum sim_fault_kind kind;
    double size; /* seconds, parts per million or share lost; 0 where it has none */
};
void menu_add(struct menu *menu, const struct scenario_deed *deed, bool lifts);
struct scenario_deed *menu_blank(struct scenario_deed *deed, enum scenario_deed_kind kind);
void menu_add_link(
    struct menu *menu, const struct menu_portion *portion, int place, int other, bool one_way);

/* menu_peers.c: what there is instead among peers. */
/* A Baton and its guardian are not both out of action: who kills both leaves nothing that could
 * stop the service in time, but a watchdog. And a store is not set back to before what nobody has
 * heard of yet. */
bool menu_peers_sensible(const struct run *run, const struct scenario_deed *deed);
const struct menu_portion *menu_peer_portions(int *n);
void menu_add_peer_links(
    struct menu *menu, const struct sim *sim, const struct policy_site *site,
    const struct menu_portion *portion);

struct player;
/* For the group of this player: what there is, and what its policy is seen to do. */
enum baton_err menu_fill(struct menu *menu, struct player *player, struct baton_error *error);
/* The deed that ends what `deed` began; false where it ends by itself. */
bool menu_lift(const struct scenario_deed *deed, struct scenario_deed *lift);
bool menu_same(const struct scenario_deed *a, const struct scenario_deed *b);
/* Same deed, another size: for random runs. `draw` is uniform from 0 to 1. */
void menu_vary(struct scenario_deed *deed, double draw);
/* May it be done now? What nobody would do, and no one could survive, may not. */
bool menu_sensible(
    const struct explore_setup *setup, const struct run *run, const struct scenario_deed *deed);

/* ---- story.c: what happens in one run -------------------------------------------------- */

enum story_start {
    STORY_ONE = 0, /* the first node serves */
    STORY_NONE,
    STORY_TWO,
};
#define STORY_STARTS    3
#define STORY_DEEDS_MAX 40

struct story {
    enum story_start start;
    int n;
    struct {
        int64_t at_ms; /* rising; the world's own events of that moment come first */
        bool repair;   /* one of the repairs at the end */
        struct scenario_deed deed;
    } step[STORY_DEEDS_MAX];
    int64_t repaired_ms; /* when all was repaired; -1: not yet */
    int64_t end_ms;      /* when it was found to fail */
};

/* The same for the systematic levels, small: a fault is an item of the menu. */
struct stem {
    enum story_start start;
    int n;
    struct {
        int32_t at_ms;
        int32_t item;
        int32_t repaired_ms; /* all was repaired then, before the next one; -1: not */
    } step[EXPLORE_FAULTS_MAX];
    int n_places;
    int32_t *place_ms; /* rising; owned */
};

/* Insert in order of time, behind those of the same moment. False: it is full. */
bool story_add(struct story *story, int64_t at_ms, const struct scenario_deed *deed, bool repair);
void story_remove(struct story *story, int index);
/* Random, by this seed. */
void story_random(const struct menu *menu, uint64_t seed, struct story *story);

/* ---- seen.c: states from which it has been gone on -------------------------------------- */

/* Lies in shared memory; only the parent writes, and only while no worker reads. */
struct seen;
struct seen *seen_new(void);
void seen_free(struct seen *seen);
/* Is it there, and how long did it take from there until it was served again? */
bool seen_find(const struct seen *seen, uint64_t key, int32_t *takes_ms);
/* The longer time stays. */
void seen_add(struct seen *seen, uint64_t key, int32_t takes_ms);
void seen_clear(struct seen *seen);
int64_t seen_count(const struct seen *seen);
struct seen_entry {
    uint64_t key;
    int32_t takes_ms;
};

/* ---- play.c: one run, from a copy of memory to its end ---------------------------------- */

#define PLAY_PLACES_MAX 512
#define PLAY_KEYS_MAX   1024

/* How a run has gone so far. A copy of memory has its own. */
struct course {
    int64_t points;      /* seen */
    int64_t place_ms;    /* of the last point or deed */
    int64_t fault_ms;    /* of the last fault */
    int64_t repaired_ms; /* -1: not yet */
    int64_t epoch;       /* of the last grant */
    int64_t unserved_ms; /* nobody serves since; -1: somebody does */
    int faults, moves, moves_max, holder;
    unsigned struck; /* set of nodes that a fault may have harmed, be it over or not */
    bool filled;     /* the journal's disk was full at some time */
};

enum play_end {
    PLAY_OK = 0,
    PLAY_WAITS,   /* on hold for an operator */
    PLAY_SAME,    /* came to a state that was seen before */
    PLAY_NOTHING, /* the deed changed nothing, or can't be done now */
    PLAY_FAILED,
    PLAY_ERROR, /* could not be played: see the error */
};

struct verdict {
    enum play_end end;
    enum explore_failure_kind kind; /* FAILED */
    char text[GROUP_TEXT_MAX * 2];
};

static inline bool verdict_is_final(const struct verdict *verdict)
{
    return verdict->end == PLAY_FAILED || verdict->end == PLAY_ERROR;
}

struct image { /* a copy of memory at one moment of a run */
    void *bytes;
    size_t used, room;
    uint64_t digest;
    struct course course;
};

struct player {
    const struct explore_setup *setup;
    int64_t bound_ms;
    void *region;
    size_t region_size;
    struct scenario scenario[STORY_STARTS];
    struct run *run; /* in the region */
    struct course course;
    struct image start[STORY_STARTS];
    struct run *start_run[STORY_STARTS];
    const struct seen *seen;      /* what all have seen; NULL: nobody prunes */
    struct seen *own;             /* what this unit has; NULL likewise */
    struct story *story;          /* being played: repairs are written into it */
    char (*effect)[SIM_NAME_MAX]; /* [MENU_EFFECTS_MAX] that were seen; NULL: not wanted */
    int n_effects;
    char wrong[GROUP_TEXT_MAX]; /* a command that hit the wrong node; "": none did */
    int failed;                 /* node to which a move just failed; or GROUP_NOBODY */
    sim_told_fn *told;          /* of the run */
    void *told_arg;
    int n_places, n_before; /* n_before: of them, those before the repairs */
    int32_t place_ms[PLAY_PLACES_MAX];
    int n_keys;
    struct {
        uint64_t key;
        int64_t at_ms;
        int32_t takes_ms;
    } key[PLAY_KEYS_MAX];
    int64_t points, runs;
};

/* Takes the region and makes the runs at time 0. */
enum baton_err player_init(
    struct player *player, const struct explore_setup *setup, int64_t bound_ms,
    struct baton_error *error);
void player_fini(struct player *player);
/* Back to time 0 of a run that starts like this. */
void player_begin(struct player *player, enum story_start start);
bool image_keep(struct player *player, struct image *image);
void image_restore(struct player *player, const struct image *image);

/* All events up to this moment. */
void player_go(struct player *player, int64_t until_ms, struct verdict *verdict);
void player_do(
    struct player *player, const struct scenario_deed *deed, bool repair, struct verdict *verdict);
/* A place on the way. True where a run went on from the same state before. */
bool player_seen(struct player *player);
/* From after the last fault to the end. */
void player_finish(struct player *player, bool places, struct verdict *verdict);
/* A whole story from time 0. Its repairs are made when they are due in it, or by the rule
 * where it has none. */
void player_play(struct player *player, struct story *story, struct verdict *verdict);

/* ---- repair.c ----------------------------------------------------------------------------- */

/* End what the story began, switch on what is off. What that changed is in the story then. */
void player_repair(struct player *player, struct verdict *verdict);

/* ---- judge.c: what is wrong, and when is it at rest -------------------------------------- */

/* Anything that must not be, now. True where there is: then the verdict says it. */
bool judge_now(struct player *player, struct verdict *verdict);
/* Nothing under way, nothing in doubt. */
bool judge_rests(const struct player *player);
/* At rest after the repairs: is it well, or does it wait as it should? False: neither yet. */
bool judge_done(struct player *player, struct verdict *verdict);
/* So many moves more it may cause: there and back. A line that loses packets is a fault again
 * and again. */
int judge_moves(const struct scenario_deed *deed);
/* Which nodes may this deed harm? What concerns more than one node harms all. */
unsigned judge_strikes(const struct scenario_deed *deed);
/* Sees every request go by, of the Baton at this place. */
void judge_request(struct player *player, int place, const struct world_request *request);

/* ---- shrink.c, write.c -------------------------------------------------------------------- */

/* Make a story that fails shorter, as long as it fails in the same way. */
void shrink(struct player *player, struct story *story, struct verdict *verdict);

/* Lua text for it, to be freed with free(). */
char *write_scenario(
    struct player *player, const struct story *story, const struct verdict *verdict, uint64_t seed);
/* Does `baton simulate` fail by this text as it should? */
bool write_replays(
    struct player *player, const char *text, const struct verdict *verdict,
    struct baton_error *error);

/* ---- unit.c: a piece of work that is done in one go ------------------------------------- */

#define UNIT_SEEDS 8 /* random runs in one unit */

struct leaf {
    int32_t at_ms, item; /* the stem's next step; item -1: none */
    int32_t repaired_ms; /* the places are after that; -1: before the repairs */
    int n_places;
    int32_t *place_ms;
};
struct unit_result {
    int n_leaves, n_keys;
    struct leaf *leaf; /* those that have places for the next level */
    struct seen_entry *key;
    int64_t runs, pruned, points, waits;
    bool failed, stopped, broken; /* broken: a run could not be played, `verdict` says why */
    uint64_t seed;
    struct verdict verdict; /* of the first failure */
    struct story story;     /* … and what was played */
};

struct work {
    const struct explore_setup *setup;
    int64_t bound_ms;
    const struct menu *menu; /* in shared memory: child_scout */
    const struct seen *seen;
    const struct stem *stem; /* NULL: units are seeds */
    int64_t n_units;
    bool bare;   /* play the stems as they are, with no further fault */
    bool places; /* of leaves are wanted, for the next level */
    int jobs;
    int64_t stop_at_ms; /* monotonic; 0: never */
};

struct unit_trial { /* what a worker tries now, for the parent to see should it die of it */
    atomic_llong seed;
    atomic_int at_ms, item;
};

struct unit_place { /* where a worker's runs begin */
    struct player player;
    struct image image[PLAY_PLACES_MAX];
    struct story *story; /* of the run that is made */
    const struct work *work;
    atomic_llong *runs; /* made so far, for all to see */
    struct unit_trial *trial;
};
/* `result` is all zero before. */
void unit_do(struct unit_place *place, int64_t unit, struct unit_result *result);
void unit_result_fini(struct unit_result *result);

/* ---- worker.c: processes ------------------------------------------------------------------ */

struct crew;
/* Fork the workers for these units. */
enum baton_err crew_new(const struct work *work, struct crew **out, struct baton_error *error);
/* Do units from `first` to before `last`; `results` has one for each, all zero. `tick` is
 * called a few times a second with what was done so far; false ends it, with BATON_REFUSED. */
typedef bool crew_tick_fn(void *arg, int64_t runs, int64_t units);
enum baton_err crew_do(
    struct crew *crew, int64_t first, int64_t last, struct unit_result *results, crew_tick_fn *tick,
    void *arg, struct baton_error *error);
void crew_free(struct crew *crew); /* also kills them */
int64_t crew_now_ms(void);

/* ---- child.c -------------------------------------------------------------------------------- */

/* Of every child, first of all: end with the parent. */
void child_begin(pid_t parent);

/* Fill the menu and compute the bound. */
enum baton_err child_scout(
    const struct explore_setup *setup, struct menu **menu, int64_t *bound_ms,
    struct baton_error *error);
void child_forget(struct menu *menu);

/* Shorten the story, write it, and see that it replays. */
enum baton_err child_report(
    const struct work *work, struct unit_result *found, struct explore_failure *failure,
    struct baton_error *error);

#endif
