/* What must never be, what must be in the end, and when a run is at rest. */
#include "parts.h"

#include <string.h>

#define REST_LEAST_MS 2000

static void fail(
    struct player *player, struct verdict *verdict, enum explore_failure_kind kind,
    const char *format, ...) __attribute__((format(printf, 4, 5)));

static void fail(
    struct player *player, struct verdict *verdict, enum explore_failure_kind kind,
    const char *format, ...)
{
    va_list args;

    verdict->end = PLAY_FAILED;
    verdict->kind = kind;
    va_start(args, format);
    vsnprintf(verdict->text, sizeof verdict->text, format, args);
    va_end(args);
    if (player->story != NULL) {
        player->story->end_ms = run_now_ms(player->run);
    }
}

/* NULL while it is down. */
static const struct group *group_at(const struct run *run, int seat)
{
    struct controller *controller = run_controller_at(run, seat);

    return controller == NULL ? NULL : controller_group(controller);
}

static double seconds(int64_t ms)
{
    return (double)ms / 1000;
}

static bool two_serve(struct player *player, struct verdict *verdict)
{
    struct sim *sim = run_sim(player->run);
    char names[GROUP_TEXT_MAX] = "";
    size_t used = 0;
    int i;

    if (sim->count.serving < 2) {
        return false;
    }
    sim_account(sim);
    if (sim->count.two_blamed_ms == 0) {
        return false;
    }
    for (i = 0; i < sim->n_nodes; i++) {
        if (sim_serves(sim, i) && used < sizeof names - GROUP_NAME_MAX - 8) {
            used += (size_t)snprintf(
                names + used, sizeof names - used, "%s%.64s", used > 0 ? " and " : "",
                sim->node[i].name);
        }
    }
    fail(
        player, verdict, EXPLORE_TWO_SERVE, "two nodes serve: %s, at %.3f s", names,
        seconds(run_now_ms(player->run)));
    return true;
}

/* Each grant has a higher epoch than all before it, but where the store itself was set back. */
static bool fallen(struct player *player, struct verdict *verdict)
{
    struct course *course = &player->course;
    int64_t epoch, before = course->epoch;

    run_holder(player->run, &epoch);
    course->epoch = epoch;
    if (player->setup->run.peers == NULL || epoch >= before ||
        run_now_ms(player->run) == course->fault_ms) {
        return false;
    }
    fail(
        player, verdict, EXPLORE_FROZEN, "the epoch fell from %lld to %lld at %.3f s",
        (long long)before, (long long)epoch, seconds(run_now_ms(player->run)));
    return true;
}

int judge_moves(const struct scenario_deed *deed)
{
    return deed->kind == SCENARIO_FAULT && deed->fault.kind == SIM_LOSSY ? 4 : 2;
}

unsigned judge_strikes(const struct scenario_deed *deed)
{
    const struct sim_fault *fault = &deed->fault;

    if (deed->kind == SCENARIO_COMMAND) {
        return 0;
    }
    if (deed->kind != SCENARIO_FAULT && deed->at != GROUP_NOBODY) {
        return 1u << deed->at;
    }
    if (deed->kind != SCENARIO_FAULT || fault->kind == SIM_BRING_UP) {
        return ~0u; /* an address that two nodes have may lead to either */
    }
    if (fault->place >= SIM_NODE && fault->other < SIM_NODE) {
        return 1u << (fault->place - SIM_NODE);
    }
    if (fault->other >= SIM_NODE && fault->place < SIM_NODE) {
        return 1u << (fault->other - SIM_NODE);
    }
    return ~0u;
}

/* Where nothing was ever wrong with the taker, the next move to it fails as well. */
static bool failed_move(struct player *player, struct verdict *verdict)
{
    struct sim *sim = run_sim(player->run);
    int node = player->failed;

    player->failed = GROUP_NOBODY;
    if (node == GROUP_NOBODY || player->course.struck & 1u << node || !sim->node[node].on) {
        return false;
    }
    fail(
        player, verdict, EXPLORE_FAILED_MOVE,
        "a move to %s failed and was undone at %.3f s, though nothing was wrong with it",
        sim->node[node].name, seconds(run_now_ms(player->run)));
    return true;
}

/* Holds that are a verdict on the policy, or on Baton. */
static bool bad_hold(struct player *player, struct verdict *verdict, const struct group *group)
{
    double now = seconds(run_now_ms(player->run));

    switch (group->hold) {
    case GROUP_HOLD_FROZEN:
        fail(
            player, verdict, EXPLORE_FROZEN, "an invariant is broken at %.3f s: %s", now,
            group->hold_why);
        return true;
    case GROUP_HOLD_POLICY:
        fail(
            player, verdict, EXPLORE_BROKEN, "the policy broke a rule at %.3f s: %s", now,
            group->hold_why);
        return true;
    case GROUP_HOLD_MOVES:
        if (player->course.faults + 1 < group->rules.max_moves) {
            fail(
                player, verdict,
                player->course.unserved_ms < 0 ? EXPLORE_RESTLESS : EXPLORE_NOT_SERVED,
                "on hold at %.3f s after only %d fault%s: %s", now, player->course.faults,
                player->course.faults == 1 ? "" : "s", group->hold_why);
            return true;
        }
        return false;
    default:
        return false;
    }
}

static bool bad_holds(struct player *player, struct verdict *verdict)
{
    int i;

    for (i = 0; i < run_seats(player->run); i++) {
        const struct group *group = group_at(player->run, i);

        if (group != NULL && bad_hold(player, verdict, group)) {
            return true;
        }
    }
    return false;
}

/* What a group may wait for an operator for although nothing is broken. A node that couldn't be
 * seen out can be seen now: that is no reason any more why nobody serves. A pause that is still
 * there was not ended because the daemon was down when it should have been. */
static bool good_hold(const struct player *player, const struct group *group)
{
    switch (group->hold) {
    case GROUP_HOLD_UNCONFIRMED:
        return group->paused || player->course.unserved_ms < 0;
    case GROUP_HOLD_TWO_SERVE:
    case GROUP_HOLD_MOVES:
        return true;
    case GROUP_HOLD_EPOCH: /* whether the store is the right one is not ours to say */
        return true;
    case GROUP_HOLD_JOURNAL:
        return player->course.filled;
    default:
        return group->paused;
    }
}

/* Among peers one that waits is enough: it may be the one that has the baton. */
static bool waits_well(const struct player *player)
{
    int i;

    for (i = 0; i < run_seats(player->run); i++) {
        const struct group *group = group_at(player->run, i);

        if (group != NULL && good_hold(player, group)) {
            return true;
        }
    }
    return false;
}

static bool not_served(struct player *player, struct verdict *verdict)
{
    const struct course *course = &player->course;
    int64_t now = run_now_ms(player->run);
    int64_t since = course->unserved_ms;

    if (course->repaired_ms < 0 || since < 0) {
        return false;
    }
    since = since > course->repaired_ms ? since : course->repaired_ms;
    if (now - since <= player->bound_ms || waits_well(player)) {
        return false;
    }
    fail(
        player, verdict, EXPLORE_NOT_SERVED,
        "nobody serves for %.3f s, from %.3f s on, though all faults are over since %.3f s",
        seconds(now - since), seconds(since), seconds(course->repaired_ms));
    return true;
}

bool judge_now(struct player *player, struct verdict *verdict)
{
    const struct course *course = &player->course;

    if (two_serve(player, verdict) || bad_holds(player, verdict) || fallen(player, verdict) ||
        failed_move(player, verdict)) {
        return true;
    }
    if (player->wrong[0] != '\0') {
        fail(player, verdict, EXPLORE_LOST_DATA, "%s", player->wrong);
        return true;
    }
    if (course->moves > course->moves_max) {
        fail(
            player, verdict, EXPLORE_RESTLESS, "the baton moved %d times for %d fault%s, at %.3f s",
            course->moves, course->faults, course->faults == 1 ? "" : "s",
            seconds(run_now_ms(player->run)));
        return true;
    }
    return not_served(player, verdict);
}

/* ---- Rest -------------------------------------------------------------------------------- */

static bool in_doubt(const struct player *player, int seat, int node)
{
    const struct controller *controller = run_controller_at(player->run, seat);
    const struct policy_table *table = policy_table(controller_policy(controller));
    const struct group *group = controller_group(controller);
    const struct group_node *n = &group->node[node];
    int i;

    for (i = 0; i < group->rules.n_probes; i++) {
        const struct group_health *health = &n->health[i];

        if (health->resting || table->probe[i].every_ms > EXPLORE_PATIENCE_MS) {
            continue;
        }
        if (health->seen_ms <= player->course.place_ms || health->last != health->status) {
            return true;
        }
    }
    if (table->look_every_ms > EXPLORE_PATIENCE_MS) {
        return false;
    }
    return n->serving_seen_ms <= player->course.place_ms ||
           (node == group->holder && n->serving == GROUP_NO &&
            n->serving_run < group->rules.look_fall);
}

/* Does a guard wait for a time that comes soon? */
static bool guard_waits(const struct player *player, int seat)
{
    struct controller_why why[16];
    const struct controller *controller = run_controller_at(player->run, seat);
    int n = controller_why(controller, why, 16), i;
    int64_t soon = controller_group(controller)->now_ms + EXPLORE_PATIENCE_MS;

    for (i = 0; i < n && i < 16; i++) {
        if (why[i].answer != GROUP_YES && why[i].again_ms < soon) {
            return true;
        }
    }
    return false;
}

/* Among peers a node's own Baton is asked of it, and the time at which a lease that is renewed
 * every few seconds would be over is no time that anything waits for. */
static bool seat_rests(const struct player *player, int seat)
{
    const struct group *group = group_at(player->run, seat);
    bool peers = group != NULL && group->peers != NULL;
    int64_t wake_ms;
    int i;

    if (group == NULL) {
        return false;
    }
    for (i = 0; i < GROUP_PLANS; i++) {
        if (group->plan[i].kind != GROUP_PLAN_NONE) {
            return false;
        }
    }
    for (i = 0; i < group->n_nodes; i++) {
        if ((!peers || i == seat) && in_doubt(player, seat, i)) {
            return false;
        }
    }
    wake_ms = group_wake_ms(group);
    return (wake_ms > group->now_ms + EXPLORE_PATIENCE_MS ||
            (peers && wake_ms == group->peers->stop_at_ms)) &&
           !guard_waits(player, seat);
}

bool judge_rests(const struct player *player)
{
    int i;

    if (run_now_ms(player->run) - player->course.place_ms < REST_LEAST_MS) {
        return false;
    }
    for (i = 0; i < run_seats(player->run); i++) {
        if (!seat_rests(player, i)) {
            return false;
        }
    }
    return true;
}

bool judge_done(struct player *player, struct verdict *verdict)
{
    int holder = run_holder(player->run, NULL), i;

    for (i = 0; i < run_seats(player->run); i++) {
        const struct group *group = group_at(player->run, i);

        if (group == NULL) {
            return false;
        }
        if (group->hold != GROUP_HOLD_NONE || group->paused) {
            verdict->end = PLAY_WAITS;
            return waits_well(player);
        }
    }
    verdict->end = PLAY_OK;
    return holder >= 0 && sim_serves(run_sim(player->run), holder);
}

/* ---- Commands on the wrong node -------------------------------------------------------------- */

static bool takes_down(const char *effect)
{
    static const char *const verbs[] = {"stop", "down", "delete", "remove", "off"};
    const char *verb = strrchr(effect, '.');
    size_t i;

    for (i = 0; verb != NULL && i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(verb + 1, verbs[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Which node would lose something by it; GROUP_NOBODY: none. */
static int victim(const struct group *group, const struct world_request *request, char *what)
{
    const char *effect = world_effect(request);
    int i;

    if (effect != NULL && takes_down(effect)) {
        snprintf(what, SIM_NAME_MAX, "%s", effect);
        for (i = 0; i < group->n_nodes; i++) { /* done for another one: "server01.power.off" */
            size_t len = strlen(group->node[i].name);

            if (strncmp(what, group->node[i].name, len) == 0 && what[len] == '.') {
                return i;
            }
        }
        return request->kind == WORLD_EXEC && request->u.exec.node != NULL
                   ? group_find_node(group, request->u.exec.node)
                   : GROUP_NOBODY;
    } else if (request->kind == WORLD_ADDRESS && request->u.address.op == WORLD_ADDRESS_DELETE) {
        snprintf(what, SIM_NAME_MAX, "address.delete");
        return group_find_node(group, request->u.address.node);
    } else if (request->kind == WORLD_HOOK && strcmp(request->u.hook.event, "fence") == 0) {
        snprintf(what, SIM_NAME_MAX, "hook fence");
        for (i = 0; i < request->u.hook.n_facts; i++) {
            if (strcmp(request->u.hook.fact[i].name, "NODE") == 0) {
                return group_find_node(group, request->u.hook.fact[i].value);
            }
        }
    }
    return GROUP_NOBODY;
}

/* The menu has faults for each effect that was ever asked for. */
static void note_effect(struct player *player, const struct world_request *request)
{
    const char *effect = world_effect(request);
    int i;

    if (player->effect == NULL || effect == NULL || player->n_effects == MENU_EFFECTS_MAX ||
        strlen(effect) >= SIM_NAME_MAX) {
        return;
    }
    for (i = 0; i < player->n_effects; i++) {
        if (strcmp(player->effect[i], effect) == 0) {
            return;
        }
    }
    snprintf(player->effect[player->n_effects++], SIM_NAME_MAX, "%s", effect);
}

void judge_request(struct player *player, int place, const struct world_request *request)
{
    const struct group *group =
        group_at(player->run, place == SIM_CONTROLLER ? 0 : place - SIM_NODE);
    char what[SIM_NAME_MAX];
    int node, i;

    note_effect(player, request);
    if (group == NULL) {
        return;
    }
    node = victim(group, request, what);
    if (node == GROUP_NOBODY) {
        return;
    }
    for (i = 0; i < GROUP_PLANS; i++) {
        const struct group_plan *plan = &group->plan[i];

        if (plan->kind != GROUP_PLAN_NONE && plan->step < plan->n_steps &&
            plan->steps[plan->step].node == node) {
            return;
        }
    }
    snprintf(
        player->wrong, sizeof player->wrong,
        "%s was done to %s at %.3f s, though no step of a plan concerns that node", what,
        group->node[node].name, seconds(run_now_ms(player->run)));
}
