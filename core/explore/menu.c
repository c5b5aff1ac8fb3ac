/* What might go wrong, for one group: every kind of fault of the simulated world for each
 * node, thing, link and effect that the policy can notice, kills of the daemon, and the
 * operator's commands. */
#include "parts.h"

#include <stdlib.h>
#include <string.h>

/* Each kind with the sizes that are tried; in this order. A lying fence is left out: what a
 * fence reports is what confirms a node out. */
static const struct menu_portion portions[] = {
    {SIM_CRASH, 0},
    {SIM_HANG, 0},
    {SIM_CRASH_SERVICE, 0},
    {SIM_HANG_SERVICE, 0},
    {SIM_BRING_DOWN, 0},
    {SIM_BRING_UP, 0},
    {SIM_CUT, 0},
    {SIM_REFUSE_STOP, 0},
    {SIM_REFUSE_START, 0},
    {SIM_ACTION_FAILS, 0},
    {SIM_ACTION_LIES, 0},
    {SIM_ACTION_DENIES, 0},
    {SIM_ACTION_SLOW, 6},
    {SIM_ACTION_SLOW, 20},
    {SIM_FENCE_FAILS, 0},
    {SIM_LOSSY, 0.3},
    {SIM_SLOW, 0.8},
    {SIM_LOSE_SHARE, 0},
    {SIM_READ_ONLY_SHARE, 0},
    {SIM_JUMP_CLOCK, -3600},
    {SIM_DRIFT_CLOCK, 50000},
    {SIM_VETO, 0},
    {SIM_FILL_DISK, 0},
    {SIM_POSTPONE, 1.5},
    {SIM_POSTPONE, 12},
};
#define N_PORTIONS (sizeof portions / sizeof portions[0])

#define POWER      ".power" /* the thing that a fence switches off */

/* ---- One deed after another -------------------------------------------------------------- */

static int find(const struct menu *menu, const struct scenario_deed *deed)
{
    int i;

    for (i = 0; i < menu->n; i++) {
        if (menu_same(&menu->item[i].deed, deed)) {
            return i;
        }
    }
    return -1;
}

void menu_add(struct menu *menu, const struct scenario_deed *deed, bool lifts)
{
    if (menu->n < MENU_MAX && find(menu, deed) < 0) {
        struct menu_item *item = &menu->item[menu->n++];

        memset(item, 0, sizeof *item);
        item->deed = *deed;
        item->lifts = lifts;
        item->lift = -1;
    }
}

struct scenario_deed *menu_blank(struct scenario_deed *deed, enum scenario_deed_kind kind)
{
    memset(deed, 0, sizeof *deed);
    deed->kind = kind;
    deed->at = deed->node = GROUP_NOBODY;
    deed->fault.place = deed->fault.other = SIM_NOWHERE;
    return deed;
}

static struct scenario_deed *a_fault(struct scenario_deed *deed, const struct menu_portion *portion)
{
    const struct sim_fault_row *row = sim_fault_row(portion->kind);

    menu_blank(deed, SCENARIO_FAULT);
    deed->fault.kind = portion->kind;
    if (row->in_ms) {
        deed->fault.ms = (int64_t)(portion->size * 1000);
    } else {
        deed->fault.value = portion->size;
    }
    return deed;
}

static bool is_service(const char *thing)
{
    return strcmp(thing, "service") == 0 || strncmp(thing, "service:", 8) == 0;
}

/* Of each node in turn: the node itself, its services, its other things. */
static void add_of_nodes(
    struct menu *menu, const struct sim *sim, const struct menu_portion *portion)
{
    enum sim_shape shape = sim_fault_row(portion->kind)->shape;
    struct scenario_deed deed;
    int i, j;

    for (i = 0; i < sim->n_nodes; i++) {
        a_fault(&deed, portion)->fault.place = SIM_NODE + i;
        if (shape == SIM_SHAPE_NODE || shape == SIM_SHAPE_CLOCK || shape == SIM_SHAPE_SHARE) {
            menu_add(menu, &deed, false);
            continue;
        }
        for (j = 0; j < sim->node[i].n_things; j++) {
            const char *thing = sim->node[i].thing[j].name;

            a_fault(&deed, portion)->fault.place = SIM_NODE + i;
            if (is_service(thing) && shape == SIM_SHAPE_SERVICE) {
                snprintf(
                    deed.fault.what, sizeof deed.fault.what, "%s",
                    thing[7] == ':' ? thing + 8 : "");
                menu_add(menu, &deed, false);
            } else if (shape == SIM_SHAPE_THING) {
                snprintf(deed.fault.what, sizeof deed.fault.what, "%s", thing);
                menu_add(menu, &deed, false);
            }
        }
    }
}

void menu_add_link(
    struct menu *menu, const struct menu_portion *portion, int place, int other, bool one_way)
{
    struct scenario_deed deed;

    a_fault(&deed, portion);
    deed.fault.place = place;
    deed.fault.other = other;
    deed.fault.one_way = one_way;
    menu_add(menu, &deed, false);
}

/* Links that the controller's requests go over, and the nodes' to the share. */
static void add_links(
    struct menu *menu, const struct sim *sim, const struct policy_site *site,
    const struct menu_portion *portion)
{
    bool ways = portion->kind == SIM_CUT;
    int i;

    if (site->self != NULL) {
        menu_add_peer_links(menu, sim, site, portion);
        return;
    }
    for (i = 0; i < sim->n_nodes; i++) {
        menu_add_link(menu, portion, SIM_CONTROLLER, SIM_NODE + i, false);
        if (ways) {
            menu_add_link(menu, portion, SIM_CONTROLLER, SIM_NODE + i, true);
            menu_add_link(menu, portion, SIM_NODE + i, SIM_CONTROLLER, true);
        }
        if (site->share != NULL && ways) {
            menu_add_link(menu, portion, SIM_NODE + i, SIM_SHARE, false);
        }
    }
    if (site->gateway != NULL || site->n_witnesses > 0) {
        menu_add_link(menu, portion, SIM_CONTROLLER, SIM_GATEWAY, false);
    }
}

static void add_portion(
    struct menu *menu, const struct player *player, const struct menu_portion *portion)
{
    const struct sim *sim = run_sim(player->run);
    const struct policy_site *site = player->setup->run.site;
    struct scenario_deed deed;
    int i;

    switch (sim_fault_row(portion->kind)->shape) {
    case SIM_SHAPE_JOURNAL:
        for (i = 0; site->self != NULL && i < sim->n_nodes; i++) {
            a_fault(&deed, portion)->fault.place = SIM_NODE + i;
            menu_add(menu, &deed, false);
        }
        if (site->self == NULL) {
            menu_add(menu, a_fault(&deed, portion), false);
        }
        break;
    case SIM_SHAPE_NONE:
    case SIM_SHAPE_TIME:
        menu_add(menu, a_fault(&deed, portion), false);
        break;
    case SIM_SHAPE_LINK:
    case SIM_SHAPE_LINK_VALUE:
        add_links(menu, sim, site, portion);
        break;
    case SIM_SHAPE_ACTION:
    case SIM_SHAPE_ACTION_TIME:
        for (i = 0; i < player->n_effects; i++) {
            if (strstr(player->effect[i], POWER) == NULL || portion->kind != SIM_ACTION_LIES) {
                a_fault(&deed, portion);
                memcpy(deed.fault.what, player->effect[i], SIM_NAME_MAX);
                menu_add(menu, &deed, false);
            }
        }
        break;
    case SIM_SHAPE_SHARE:
        if (site->share == NULL) {
            break;
        }
        menu_add(menu, a_fault(&deed, portion), false);
        add_of_nodes(menu, sim, portion);
        break;
    default:
        if (site->self == NULL && (portion->kind == SIM_HANG || portion->kind == SIM_JUMP_CLOCK)) {
            a_fault(&deed, portion)->fault.place = SIM_CONTROLLER;
            menu_add(menu, &deed, false);
        }
        add_of_nodes(menu, sim, portion);
        break;
    }
}

static void add_daemon(struct menu *menu, int at)
{
    static const struct {
        int64_t restart_ms;
        bool kept;
    } kills[] = {{5000, true}, {5000, false}, {30000, true}};
    struct scenario_deed deed;
    size_t i;

    for (i = 0; i < sizeof kills / sizeof kills[0]; i++) {
        menu_blank(&deed, SCENARIO_KILL)->restart_ms = kills[i].restart_ms;
        deed.keep_records = kills[i].kept;
        deed.at = at;
        menu_add(menu, &deed, false);
    }
}

static void add_command(struct menu *menu, int at, enum group_command command, int node)
{
    struct scenario_deed deed;

    menu_blank(&deed, SCENARIO_COMMAND)->command = command;
    deed.at = at;
    deed.node = node;
    snprintf(deed.reason, sizeof deed.reason, "explored");
    menu_add(menu, &deed, false);
}

static void add_operator(struct menu *menu, int at, int n_nodes)
{
    int i;

    for (i = 0; i < n_nodes; i++) {
        add_command(menu, at, GROUP_CMD_FAILOVER, i);
    }
    add_command(menu, at, GROUP_CMD_FAILBACK, GROUP_NOBODY);
    add_command(menu, at, GROUP_CMD_PAUSE, GROUP_NOBODY);
    for (i = 0; i < n_nodes; i++) {
        add_command(menu, at, GROUP_CMD_CONFIRM_OUT, i);
    }
}

/* Behind all faults: what lifts them. */
static void add_lifts(struct menu *menu)
{
    struct scenario_deed deed;
    int i, n = menu->n;

    for (i = 0; i < n; i++) {
        if (menu_lift(&menu->item[i].deed, &deed)) {
            menu_add(menu, &deed, true);
            menu->item[i].lift = find(menu, &deed);
        }
    }
}

/* ---- What the policy does ------------------------------------------------------------------ */

static void scout_one(
    struct player *player, enum story_start start, const struct scenario_deed *deed)
{
    struct story *story = calloc(1, sizeof *story);
    struct verdict verdict;

    if (story != NULL) {
        story->start = start;
        story->repaired_ms = -1;
        if (deed != NULL) {
            story_add(story, 30000, deed, false);
        }
        player_play(player, story, &verdict);
        free(story);
    }
    player->story = NULL;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Which effects are there? Those that the policy asks for when each thing that can go down
 * does. */
static void scout(struct menu *menu, struct player *player)
{
    int i;

    scout_one(player, STORY_NONE, NULL);
    for (i = 0; i < menu->n; i++) {
        const struct scenario_deed *deed = &menu->item[i].deed;

        if (deed->kind == SCENARIO_COMMAND ||
            (deed->kind == SCENARIO_FAULT &&
             (deed->fault.kind == SIM_CRASH || deed->fault.kind == SIM_CRASH_SERVICE ||
              deed->fault.kind == SIM_BRING_DOWN || deed->fault.kind == SIM_BRING_UP))) {
            scout_one(player, STORY_ONE, deed);
        }
    }
    qsort(player->effect, (size_t)player->n_effects, sizeof player->effect[0], by_name);
}

/* Among peers each Baton may be killed, and each is asked. */
static void fill(struct menu *menu, const struct player *player)
{
    bool peers = player->setup->run.peers != NULL;
    int n_nodes = run_sim(player->run)->n_nodes, n = (int)N_PORTIONS, i;
    const struct menu_portion *portion = peers ? menu_peer_portions(&n) : portions;

    menu->n = 0;
    for (i = 0; i < n; i++) {
        add_portion(menu, player, &portion[i]);
    }
    for (i = peers ? 0 : GROUP_NOBODY; i < (peers ? n_nodes : GROUP_NOBODY + 1); i++) {
        add_daemon(menu, i);
    }
    for (i = peers ? 0 : GROUP_NOBODY; i < (peers ? n_nodes : GROUP_NOBODY + 1); i++) {
        add_operator(menu, i, n_nodes);
    }
}

/* What can't be at all (a cut between a node and the daemon that runs on it) is left out. */
static void drop_impossible(struct menu *menu, struct player *player)
{
    struct baton_error error;
    struct image image = {0};
    int i, n = 0;

    scout_one(player, STORY_ONE, NULL);
    if (!image_keep(player, &image)) {
        return;
    }
    for (i = 0; i < menu->n; i++) {
        image_restore(player, &image);
        if (menu->item[i].deed.kind != SCENARIO_FAULT ||
            run_do(player->run, &menu->item[i].deed, &error) == BATON_OK) {
            memmove(&menu->item[n++], &menu->item[i], sizeof menu->item[0]);
        }
    }
    menu->n = n;
    free(image.bytes);
}

enum baton_err menu_fill(struct menu *menu, struct player *player, struct baton_error *error)
{
    char effect[MENU_EFFECTS_MAX][SIM_NAME_MAX] = {{0}};

    player->effect = effect;
    player->n_effects = 0;
    scout_one(player, STORY_ONE, NULL); /* the world learns of things when it is asked for them */
    fill(menu, player);
    scout(menu, player);
    fill(menu, player);
    player->effect = NULL;
    drop_impossible(menu, player);
    add_lifts(menu);
    if (menu->n == MENU_MAX) {
        return baton_fail(
            error, BATON_LIMIT, "there are more than %d faults to try for this group", MENU_MAX);
    }
    return BATON_OK;
}

/* ---- What goes with a deed ------------------------------------------------------------------- */

bool menu_lift(const struct scenario_deed *deed, struct scenario_deed *lift)
{
    const struct sim_fault_row *row;

    *lift = *deed;
    if (deed->kind == SCENARIO_COMMAND) {
        lift->command = GROUP_CMD_RESUME;
        return deed->command == GROUP_CMD_PAUSE;
    }
    if (deed->kind != SCENARIO_FAULT) {
        return false; /* a daemon that was killed is started again by itself */
    }
    row = sim_fault_row(deed->fault.kind);
    if (deed->fault.kind == SIM_JUMP_CLOCK) {
        lift->fault.ms = -deed->fault.ms; /* it is set right again */
        return true;
    }
    if (deed->fault.kind == SIM_DRIFT_CLOCK) {
        lift->fault.value = 0;
        return deed->fault.value != 0;
    }
    lift->fault.kind = row->lifted_by;
    lift->fault.ms = 0;
    lift->fault.value = 0;
    lift->fault.times = 0;
    /* A hand that takes back what it did is another hand: the group may have moved meanwhile. */
    return !row->lifts && row->lifted_by != deed->fault.kind && deed->fault.kind != SIM_BRING_UP &&
           deed->fault.kind != SIM_BRING_DOWN;
}

bool menu_same(const struct scenario_deed *a, const struct scenario_deed *b)
{
    const struct sim_fault *f = &a->fault, *g = &b->fault;

    if (a->kind != b->kind) {
        return false;
    }
    switch (a->kind) {
    case SCENARIO_FAULT:
        return f->kind == g->kind && f->place == g->place && f->other == g->other &&
               f->one_way == g->one_way && f->times == g->times && f->ms == g->ms &&
               f->value == g->value && strcmp(f->what, g->what) == 0;
    case SCENARIO_KILL:
        return a->at == b->at && a->restart_ms == b->restart_ms &&
               a->keep_records == b->keep_records;
    case SCENARIO_COMMAND:
        return a->command == b->command && a->at == b->at && a->node == b->node &&
               a->force == b->force;
    default:
        return true;
    }
}

void menu_vary(struct scenario_deed *deed, double draw)
{
    if (deed->kind == SCENARIO_KILL) {
        deed->restart_ms = (int64_t)(draw * draw * 40000);
        return;
    }
    if (deed->kind != SCENARIO_FAULT) {
        return;
    }
    switch (deed->fault.kind) {
    case SIM_LOSSY:
        deed->fault.value = (double)(int)(5 + draw * 90) / 100;
        break;
    case SIM_SLOW:
        deed->fault.ms = 50 + (int64_t)(draw * draw * 4000);
        break;
    case SIM_ACTION_SLOW:
        deed->fault.ms = 500 + (int64_t)(draw * draw * 40000);
        break;
    case SIM_JUMP_CLOCK:
        deed->fault.ms = (int64_t)((draw - 0.5) * 7200000);
        break;
    case SIM_POSTPONE:
        deed->fault.ms = 100 + (int64_t)(draw * draw * 20000);
        break;
    default:
        break;
    }
}

bool menu_sensible(
    const struct explore_setup *setup, const struct run *run, const struct scenario_deed *deed)
{
    const struct sim *sim = run_sim(run);

    if (deed->kind == SCENARIO_COMMAND && deed->command == GROUP_CMD_CONFIRM_OUT) {
        return !sim->node[deed->node].on; /* nobody vouches for what isn't so */
    }
    return setup->run.peers == NULL || menu_peers_sensible(run, deed);
}
