/* What ends the faults of a run: each thing that was broken is whole again, each clock right,
 * each node on. */
#include "parts.h"

#include <string.h>

static void repair_one(
    struct player *player, const struct scenario_deed *deed, struct verdict *verdict)
{
    uint64_t before = run_digest(player->run);

    player_do(player, deed, true, verdict);
    if (player->story != NULL && !verdict_is_final(verdict) && run_digest(player->run) != before) {
        story_add(player->story, run_now_ms(player->run), deed, true);
    }
}

/* Was what this step began ended already? A clock that jumped back would jump again. */
static bool is_lifted(const struct story *story, int step, const struct scenario_deed *lift)
{
    int i;

    for (i = step + 1; i < story->n; i++) {
        if (menu_same(&story->step[i].deed, lift)) {
            return true;
        }
    }
    return false;
}

/* Of the story's deeds those that are faults, or those that are commands. */
static void repair_deeds(struct player *player, bool commands, struct verdict *verdict)
{
    const struct story *story = player->story;
    struct scenario_deed deed;
    int i, n = story->n;

    for (i = 0; i < n && !verdict_is_final(verdict); i++) {
        if (!story->step[i].repair && menu_lift(&story->step[i].deed, &deed) &&
            commands == (deed.kind == SCENARIO_COMMAND) && !is_lifted(story, i, &deed)) {
            repair_one(player, &deed, verdict);
        }
    }
}

/* A clock that drifted is wrong also when it drifts no more. */
static void set_clock(
    struct player *player, int place, const int64_t *ahead_ms, const double *drift_ppm,
    struct verdict *verdict)
{
    struct scenario_deed deed;

    memset(&deed, 0, sizeof deed);
    deed.at = deed.node = GROUP_NOBODY;
    deed.fault.place = place;
    deed.fault.other = SIM_NOWHERE;
    if (*drift_ppm != 0 && !verdict_is_final(verdict)) {
        deed.fault.kind = SIM_DRIFT_CLOCK;
        repair_one(player, &deed, verdict);
    }
    if (*ahead_ms != 0 && !verdict_is_final(verdict)) { /* as of now, where it does not drift */
        deed.fault.kind = SIM_JUMP_CLOCK;
        deed.fault.ms = -*ahead_ms;
        repair_one(player, &deed, verdict);
    }
}

void player_repair(struct player *player, struct verdict *verdict)
{
    const struct sim *sim = run_sim(player->run);
    struct scenario_deed deed;
    int i;

    repair_deeds(player, false, verdict);
    memset(&deed, 0, sizeof deed);
    deed.at = deed.node = GROUP_NOBODY;
    for (i = 0; i < sim->n_nodes && !verdict_is_final(verdict); i++) {
        if (!sim->node[i].on || sim->node[i].hung) { /* a fence may have switched it off */
            deed.fault.kind = SIM_RECOVER;
            deed.fault.place = SIM_NODE + i;
            deed.fault.other = SIM_NOWHERE;
            repair_one(player, &deed, verdict);
        }
    }
    for (i = 0; i < sim->n_nodes; i++) {
        set_clock(player, SIM_NODE + i, &sim->node[i].clock_ms, &sim->node[i].drift_ppm, verdict);
    }
    if (sim->home == GROUP_NOBODY) {
        set_clock(player, SIM_CONTROLLER, &sim->clock_ms, &sim->drift_ppm, verdict);
    }
    repair_deeds(player, true, verdict); /* a daemon that hung hears them now */
    player->course.repaired_ms = player->course.place_ms = run_now_ms(player->run);
}
