/* The one table of faults, and what each does. */
#include "parts.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* clang-format off */
static const struct sim_fault_row rows[SIM_FAULTS] = {
    { SIM_CRASH, "crash", SIM_SHAPE_NODE, false, SIM_RECOVER, false, 0, 0,
      "a node is off at once, and all that it ran is gone" },
    { SIM_HANG, "hang", SIM_SHAPE_NODE, false, SIM_RECOVER, false, 0, 0,
      "a node or the controller says nothing and does nothing, and keeps all that it has" },
    { SIM_RECOVER, "recover", SIM_SHAPE_NODE, true, SIM_RECOVER, false, 0, 0,
      "a node boots, or goes on where it hung, as does the controller" },
    { SIM_CRASH_SERVICE, "crash_service", SIM_SHAPE_SERVICE, false, SIM_RECOVER_SERVICE, false, 0, 0,
      "a service of a node dies, or all of them" },
    { SIM_HANG_SERVICE, "hang_service", SIM_SHAPE_SERVICE, false, SIM_RECOVER_SERVICE, false, 0, 0,
      "a service runs and takes connections, and answers nothing" },
    { SIM_RECOVER_SERVICE, "recover_service", SIM_SHAPE_SERVICE, true, SIM_RECOVER_SERVICE, false, 0, 0,
      "a service that crashed runs again, one that hung goes on" },
    { SIM_REFUSE_STOP, "refuse_stop", SIM_SHAPE_SERVICE, false, SIM_OBEY, false, 0, 0,
      "a service can't be stopped: that fails, and it goes on running" },
    { SIM_REFUSE_START, "refuse_start", SIM_SHAPE_SERVICE, false, SIM_OBEY, false, 0, 0,
      "a service can't be started" },
    { SIM_OBEY, "obey", SIM_SHAPE_SERVICE, true, SIM_OBEY, false, 0, 0,
      "a service can be stopped and started again" },
    { SIM_BRING_UP, "bring_up", SIM_SHAPE_THING, false, SIM_BRING_UP, false, 0, 0,
      "somebody's hand, or another program, brings a thing up on a node" },
    { SIM_BRING_DOWN, "bring_down", SIM_SHAPE_THING, false, SIM_BRING_DOWN, false, 0, 0,
      "somebody's hand, or another program, takes a thing down on a node" },
    { SIM_CUT, "cut", SIM_SHAPE_LINK, false, SIM_MEND, false, 0, 0,
      "nothing comes through between two places" },
    { SIM_LOSSY, "lossy", SIM_SHAPE_LINK_VALUE, false, SIM_MEND, false, 0, 1,
      "a part of the packets is lost, and sent again a second later" },
    { SIM_SLOW, "slow", SIM_SHAPE_LINK_VALUE, false, SIM_MEND, true, 0, 3600,
      "all that goes from one place to the other takes so many seconds longer" },
    { SIM_MEND, "mend", SIM_SHAPE_LINK, true, SIM_MEND, false, 0, 0,
      "a link is as it should be" },
    { SIM_LOSE_SHARE, "lose_share", SIM_SHAPE_SHARE, false, SIM_RESTORE_SHARE, false, 0, 0,
      "the share is gone, on one node or for all" },
    { SIM_READ_ONLY_SHARE, "read_only_share", SIM_SHAPE_SHARE, false, SIM_RESTORE_SHARE, false, 0, 0,
      "the share can be read only, on one node or for all" },
    { SIM_RESTORE_SHARE, "restore_share", SIM_SHAPE_SHARE, true, SIM_RESTORE_SHARE, false, 0, 0,
      "the share is there again and can be written" },
    { SIM_JUMP_CLOCK, "jump_clock", SIM_SHAPE_CLOCK, false, SIM_JUMP_CLOCK, true, -3e8, 3e8,
      "the clock of a node or of the controller jumps by so many seconds" },
    { SIM_DRIFT_CLOCK, "drift_clock", SIM_SHAPE_CLOCK, false, SIM_DRIFT_CLOCK, false, -1e5, 1e5,
      "the clock of a node or of the controller runs ahead by so many parts per million" },
    { SIM_ACTION_FAILS, "action_fails", SIM_SHAPE_ACTION, false, SIM_ACTION_WORKS, false, 0, 0,
      "an action does nothing and fails" },
    { SIM_ACTION_SLOW, "action_slow", SIM_SHAPE_ACTION_TIME, false, SIM_ACTION_WORKS, true, 0, 86400,
      "an action takes so many seconds longer; one that does not end in time is ended, undone" },
    { SIM_ACTION_LIES, "action_lies", SIM_SHAPE_ACTION, false, SIM_ACTION_WORKS, false, 0, 0,
      "an action does nothing and reports success" },
    { SIM_ACTION_DENIES, "action_denies", SIM_SHAPE_ACTION, false, SIM_ACTION_WORKS, false, 0, 0,
      "an action does what it should and reports failure" },
    { SIM_ACTION_WORKS, "action_works", SIM_SHAPE_ACTION, true, SIM_ACTION_WORKS, false, 0, 0,
      "an action works again" },
    { SIM_FENCE_FAILS, "fence_fails", SIM_SHAPE_NONE, false, SIM_FENCE_WORKS, false, 0, 0,
      "fencing fails, and the node goes on" },
    { SIM_FENCE_LIES, "fence_lies", SIM_SHAPE_NONE, false, SIM_FENCE_WORKS, false, 0, 0,
      "fencing reports success, and the node goes on" },
    { SIM_FENCE_WORKS, "fence_works", SIM_SHAPE_NONE, true, SIM_FENCE_WORKS, false, 0, 0,
      "fencing powers the node off again" },
    { SIM_VETO, "veto", SIM_SHAPE_NONE, false, SIM_NO_VETO, false, 0, 0,
      "a before-move hook says no to planned moves" },
    { SIM_NO_VETO, "no_veto", SIM_SHAPE_NONE, true, SIM_NO_VETO, false, 0, 0,
      "no hook says no any more" },
    { SIM_FILL_DISK, "fill_disk", SIM_SHAPE_JOURNAL, false, SIM_FREE_DISK, false, 0, 0,
      "the journal's disk is full: no record can be written" },
    { SIM_FREE_DISK, "free_disk", SIM_SHAPE_JOURNAL, true, SIM_FREE_DISK, false, 0, 0,
      "the journal's disk has room again" },
    { SIM_POSTPONE, "postpone", SIM_SHAPE_TIME, false, SIM_POSTPONE, true, 0, 3600,
      "the answer that is due next comes so many seconds later" },
    { SIM_HANG_BATON, "hang_baton", SIM_SHAPE_NODE, false, SIM_RECOVER_BATON, false, 0, 0,
      "the Baton of a node is stopped by a signal, and all else there goes on" },
    { SIM_RECOVER_BATON, "recover_baton", SIM_SHAPE_NODE, true, SIM_RECOVER_BATON, false, 0, 0,
      "the Baton of a node goes on where it was stopped" },
    { SIM_KILL_GUARDIAN, "kill_guardian", SIM_SHAPE_NODE, false, SIM_KILL_GUARDIAN, false, 0, 0,
      "the guardian of a node is gone, until its Baton wants something of one" },
    { SIM_LOSE_STORE, "lose_store", SIM_SHAPE_NONE, false, SIM_RESTORE_STORE, false, 0, 0,
      "the lease store answers nobody, as without a leader; what it has it keeps" },
    { SIM_RESTORE_STORE, "restore_store", SIM_SHAPE_NONE, true, SIM_RESTORE_STORE, false, 0, 0,
      "the lease store is there again, and each lease has its whole time anew" },
    { SIM_RESTORE_STORE_LATE, "restore_store_late", SIM_SHAPE_NONE, true, SIM_RESTORE_STORE_LATE, false, 0, 0,
      "the lease store is there again, and leases whose time is over are gone at once" },
    { SIM_ROLL_BACK_STORE, "roll_back_store", SIM_SHAPE_NONE, false, SIM_ROLL_BACK_STORE, false, 0, 0,
      "the lease store is again what it was before the last grant, as by an old copy of it" },
    { SIM_FORGET_MARK, "forget_mark", SIM_SHAPE_NODE, false, SIM_FORGET_MARK, false, 0, 0,
      "a node has lost the mark that the last grant left there" },
};
/* clang-format on */

const struct sim_fault_row *sim_fault_row(enum sim_fault_kind kind)
{
    assert(kind >= 0);
    assert(kind < SIM_FAULTS);
    assert(rows[kind].kind == kind);
    return &rows[kind];
}

bool sim_fault_wants_peers(enum sim_fault_kind kind)
{
    return kind >= SIM_HANG_BATON;
}

/* ---- Is it possible? ------------------------------------------------------------------------- */

static void list_nodes(const struct sim *sim, char *text, size_t size)
{
    size_t len = 0;
    int i;

    text[0] = '\0';
    for (i = 0; i < sim->n_nodes && len < size; i++) {
        len +=
            (size_t)snprintf(text + len, size - len, "%s%s", i > 0 ? ", " : "", sim->node[i].name);
    }
}

static bool is_node(const struct sim *sim, int place)
{
    return place >= SIM_NODE && place < SIM_NODE + sim->n_nodes;
}

static enum baton_err check_node(
    const struct sim *sim, const struct sim_fault *fault, struct baton_error *error)
{
    const char *name = sim_fault_row(fault->kind)->name;
    bool controller = fault->kind == SIM_HANG || fault->kind == SIM_RECOVER ||
                      fault->kind == SIM_JUMP_CLOCK || fault->kind == SIM_DRIFT_CLOCK;
    char nodes[512];

    if (is_node(sim, fault->place) || (controller && fault->place == SIM_CONTROLLER)) {
        return BATON_OK;
    }
    list_nodes(sim, nodes, sizeof nodes);
    return baton_fail(
        error, BATON_INVALID, "%s wants a node, not %s; there are: %s%s", name,
        sim_place_name(sim, fault->place), nodes, controller ? ", controller" : "");
}

static enum baton_err check_link(
    const struct sim *sim, const struct sim_fault *fault, struct baton_error *error)
{
    const char *name = sim_fault_row(fault->kind)->name;
    char nodes[512];
    int place[2] = {fault->place, fault->other}, i;

    for (i = 0; i < 2; i++) {
        if ((place[i] < 0 || place[i] >= SIM_NODE) && !is_node(sim, place[i])) {
            list_nodes(sim, nodes, sizeof nodes);
            return baton_fail(
                error, BATON_INVALID,
                "%s wants two places; there are: controller, client, gateway, share, store, %s",
                name, nodes);
        }
    }
    if (place[0] == place[1]) {
        return baton_fail(
            error, BATON_INVALID, "%s: there is no link from %s to itself", name,
            sim_place_name(sim, place[0]));
    }
    if (model_real_place(sim, place[0]) == model_real_place(sim, place[1])) {
        return baton_fail(
            error, BATON_INVALID, "%s: the controller runs on %s, there is no link between them",
            name, sim->node[sim->home].name);
    }
    return BATON_OK;
}

static enum baton_err check_number(
    const struct sim_fault_row *row, const struct sim_fault *fault, struct baton_error *error)
{
    double number = row->in_ms ? (double)fault->ms / 1000 : fault->value;

    if (row->least == row->most || (number >= row->least && number <= row->most)) {
        return BATON_OK;
    }
    return baton_fail(
        error, BATON_INVALID, "%s wants a number from %.10g to %.10g", row->name, row->least,
        row->most);
}

/* Leases are safe as long as clocks differ by no more: outside that nothing is promised. */
static enum baton_err check_drift(
    const struct sim *sim, const struct sim_fault *fault, struct baton_error *error)
{
    if (fault->kind == SIM_DRIFT_CLOCK && sim->peers &&
        (fault->value < -LEASE_DRIFT_PPM || fault->value > LEASE_DRIFT_PPM)) {
        return baton_fail(
            error, BATON_INVALID, "drift_clock wants a number from %d to %d among peers",
            -LEASE_DRIFT_PPM, LEASE_DRIFT_PPM);
    }
    return BATON_OK;
}

static enum baton_err check_action(
    const struct sim *sim, const struct sim_fault *fault, struct baton_error *error)
{
    const char *name = sim_fault_row(fault->kind)->name;
    char thing[SIM_NAME_MAX];
    const char *verb = exec_split(fault->what, thing);

    if (verb == NULL || thing[0] == '\0' || verb[0] == '\0') {
        return baton_fail(
            error, BATON_INVALID, "%s wants an effect like \"service.start\", not \"%s\"", name,
            fault->what);
    }
    if (fault->place != SIM_NOWHERE && !is_node(sim, fault->place)) {
        return check_node(sim, fault, error);
    }
    if (fault->kind != SIM_ACTION_WORKS && sim->n_spells == SIM_SPELLS_MAX) {
        return baton_fail(
            error, BATON_INVALID, "%s: there are %d such faults already; lift some by action_works",
            name, SIM_SPELLS_MAX);
    }
    return BATON_OK;
}

void fault_thing(const struct sim *sim, const struct sim_fault *fault, char name[SIM_NAME_MAX])
{
    const struct sim_node *node = &sim->node[fault->place - SIM_NODE];
    bool service = sim_fault_row(fault->kind)->shape == SIM_SHAPE_SERVICE;
    char full[SIM_NAME_MAX];
    int i;

    snprintf(name, SIM_NAME_MAX, "%s", fault->what[0] == '\0' ? "service" : fault->what);
    snprintf(full, sizeof full, "service:%.*s", SIM_NAME_MAX - 9, name);
    if (model_is_service(name)) {
        return;
    }
    for (i = 0; i < node->n_things; i++) {
        if (strcmp(node->thing[i].name, name) == 0) {
            return;
        }
        service = service || strcmp(node->thing[i].name, full) == 0;
    }
    if (service) {
        snprintf(name, SIM_NAME_MAX, "%s", full);
    }
}

static enum baton_err check_thing(
    const struct sim *sim, const struct sim_fault *fault, struct baton_error *error)
{
    const struct sim_node *node = &sim->node[fault->place - SIM_NODE];
    char known[512] = "", name[SIM_NAME_MAX];
    size_t len = 0;
    int i;

    fault_thing(sim, fault, name);
    if (fault->kind == SIM_BRING_UP && (!node->on || node->hung)) {
        return baton_fail(
            error, BATON_INVALID, "nothing can be brought up on %s: it %s", node->name,
            node->on ? "hangs" : "is off");
    }
    /* Where the policy names its services at once, there are no others. */
    for (i = 0; i < sim->inside->n_moves && len < sizeof known; i++) {
        if (strncmp(sim->inside->moves[i], "service:", 8) == 0) {
            len += (size_t)snprintf(
                known + len, sizeof known - len, "%s%s", len > 0 ? ", " : "",
                sim->inside->moves[i] + 8);
        }
    }
    for (i = 0; i < node->n_things; i++) {
        if (model_means(name, node->thing[i].name)) {
            return BATON_OK;
        }
    }
    if (strncmp(name, "service:", 8) == 0 && known[0] != '\0') {
        return baton_fail(
            error, BATON_INVALID, "%s has no service %s; there are: %s", node->name, name + 8,
            known);
    }
    if (node->n_things == SIM_THINGS_MAX) {
        return baton_fail(
            error, BATON_INVALID, "%s has %d things already, no %s among them", node->name,
            node->n_things, name);
    }
    return BATON_OK;
}

static enum baton_err check(
    struct sim *sim, const struct sim_fault *fault, struct baton_error *error)
{
    const struct sim_fault_row *row = sim_fault_row(fault->kind);

    if (sim_fault_wants_peers(row->kind) && !sim->peers) {
        return baton_fail(
            error, BATON_INVALID, "%s: there is one controller, and no Baton on each node",
            row->name);
    }
    if (check_number(row, fault, error) != BATON_OK || check_drift(sim, fault, error) != BATON_OK) {
        return BATON_INVALID;
    }
    switch (row->shape) {
    case SIM_SHAPE_NODE:
    case SIM_SHAPE_CLOCK:
        return check_node(sim, fault, error);
    case SIM_SHAPE_SERVICE:
    case SIM_SHAPE_THING:
        return check_node(sim, fault, error) != BATON_OK ? BATON_INVALID
                                                         : check_thing(sim, fault, error);
    case SIM_SHAPE_SHARE:
        return fault->place == SIM_NOWHERE ? BATON_OK : check_node(sim, fault, error);
    case SIM_SHAPE_LINK:
    case SIM_SHAPE_LINK_VALUE:
        return check_link(sim, fault, error);
    case SIM_SHAPE_ACTION:
    case SIM_SHAPE_ACTION_TIME:
        return check_action(sim, fault, error);
    case SIM_SHAPE_TIME:
        if (answer_next(sim) == NULL) {
            return baton_fail(
                error, BATON_INVALID, "nothing is under way whose answer could come later");
        }
        break;
    case SIM_SHAPE_JOURNAL:
        if (fault->place >= SIM_NODE && !sim->peers) {
            return baton_fail(
                error, BATON_INVALID, "%s: there is one journal, the controller's; name no node",
                row->name);
        }
        return fault->place < SIM_NODE ? BATON_OK : check_node(sim, fault, error);
    case SIM_SHAPE_NONE:
        if (fault->kind == SIM_ROLL_BACK_STORE && sim->store->lease_before == NULL) {
            return baton_fail(
                error, BATON_INVALID, "%s: there was no grant to go back behind", row->name);
        }
        break;
    }
    return BATON_OK;
}

/* ---- All ----------------------------------------------------------------------------------- */

/* A service that had crashed and comes up again by itself is like one that a hand starts: it
 * was seen stopped, and nobody could know. But where there is an address to take away too, one
 * that was left is nobody's hand. */
static bool is_hands_doing(const struct sim *sim, const struct sim_fault *fault)
{
    return fault->kind == SIM_BRING_UP ||
           (fault->kind == SIM_RECOVER_SERVICE && sim->floating[0] == '\0');
}

enum baton_err sim_inject(struct sim *sim, const struct sim_fault *fault, struct baton_error *error)
{
    struct sim_told told = {.kind = SIM_TOLD_FAULT, .node = GROUP_NOBODY, .fault = fault};
    enum baton_err err = check(sim, fault, error);

    if (err != BATON_OK) {
        return err;
    }
    if (sim->told != NULL) {
        told.node = is_node(sim, fault->place) ? fault->place - SIM_NODE : GROUP_NOBODY;
        sim->told(sim->told_arg, &told);
    }
    strike_fault(sim, fault);
    serve_count(sim, is_hands_doing(sim, fault) ? SERVE_BY_HAND : SERVE_BY_FAULT);
    return BATON_OK;
}
