/* What happens in a scenario: faults, as the simulated world lists them, kills and commands.
 * How a fault is written follows from the shape in its row. */
#include "words.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static struct words_deed *make(lua_State *L, enum scenario_deed_kind kind)
{
    struct words_deed *made = words_make(L, ITEM_DEED, sizeof *made, 0);

    made->deed.kind = kind;
    made->deed.at = made->deed.node = GROUP_NOBODY;
    made->deed.restart_ms = -1;
    made->deed.fault.place = made->deed.fault.other = SIM_NOWHERE;
    return made;
}

/* ---- Places ------------------------------------------------------------------------------- */

/* Among peers there is no controller. */
static bool among_peers(lua_State *L)
{
    return words_reading(L)->site->self != NULL;
}

static int find_place(lua_State *L, const char *name)
{
    const struct policy_site *site = words_reading(L)->site;
    int i;

    for (i = among_peers(L) ? SIM_CONTROLLER + 1 : 0; i < SIM_NODE; i++) {
        if (strcmp(scenario_place_name[i], name) == 0) {
            return i;
        }
    }
    for (i = 0; i < site->n_nodes; i++) {
        if (strcmp(site->node[i].name, name) == 0) {
            return SIM_NODE + i;
        }
    }
    return SIM_NOWHERE;
}

/* Any place, or only a node, or also the controller. */
enum range {
    ANY_PLACE,
    NODES,
    NODES_AND_CONTROLLER
};

static int place(lua_State *L, int index, const char *word, enum range range)
{
    const struct policy_site *site = words_reading(L)->site;
    const char *name =
        words_text(L, index, word, range == ANY_PLACE ? "a place" : "a node", GROUP_NAME_MAX);
    int found = find_place(L, name);
    luaL_Buffer there_are;
    int i;

    if (found >= SIM_NODE || (found == SIM_CONTROLLER && range == NODES_AND_CONTROLLER) ||
        (found != SIM_NOWHERE && range == ANY_PLACE)) {
        return found;
    }
    luaL_buffinit(L, &there_are);
    for (i = among_peers(L) ? SIM_CONTROLLER + 1 : 0;
         range != NODES && i < (range == ANY_PLACE ? (int)SIM_NODE : 1); i++) {
        luaL_addstring(&there_are, scenario_place_name[i]);
        luaL_addstring(&there_are, ", ");
    }
    for (i = 0; i < site->n_nodes; i++) {
        luaL_addstring(&there_are, i > 0 ? ", " : "");
        luaL_addstring(&there_are, site->node[i].name);
    }
    luaL_pushresult(&there_are);
    return words_unknown(L, range == ANY_PLACE ? "place" : "node", name, lua_tostring(L, -1));
}

static bool is_home(lua_State *L, int at)
{
    const struct policy_site *site = words_reading(L)->site;

    return at >= SIM_NODE && !among_peers(L) &&
           strcmp(site->node[at - SIM_NODE].transport, "local") == 0;
}

/* ---- Faults ---------------------------------------------------------------------------------- */

static void read_link(
    lua_State *L, const struct sim_fault_row *row, struct sim_fault *fault, bool has_value)
{
    static const char *const keys[] = {"one_way", NULL};
    int options = has_value ? 4 : 3;

    words_count(L, row->name, options - 1, options);
    fault->place = place(L, 1, row->name, ANY_PLACE);
    fault->other = place(L, 2, row->name, ANY_PLACE);
    if (fault->place == fault->other) {
        luaL_error(L, "%s: a link has two ends", row->name);
    }
    if ((fault->place == SIM_CONTROLLER && is_home(L, fault->other)) ||
        (fault->other == SIM_CONTROLLER && is_home(L, fault->place))) {
        luaL_error(L, "%s: the controller runs on that node, no link is between them", row->name);
    }
    words_options(L, options, row->name, keys);
    if (words_option(L, options, "one_way")) {
        fault->one_way = lua_toboolean(L, -1);
        lua_pop(L, 1);
    }
}

static void read_action(
    lua_State *L, const struct sim_fault_row *row, struct sim_fault *fault, bool has_value)
{
    static const char *const keys[] = {"on", "times", NULL};
    int options = has_value ? 3 : 2;
    const char *effect, *dot;

    words_count(L, row->name, options - 1, options);
    effect = words_text(L, 1, row->name, "an effect", sizeof fault->what);
    dot = strrchr(effect, '.');
    if (dot == NULL || dot == effect || dot[1] == '\0') {
        luaL_error(
            L, "%s: '%s' is no effect; one is THING.VERB: \"address.add\"", row->name, effect);
    }
    snprintf(fault->what, sizeof fault->what, "%s", effect);
    words_options(L, options, row->name, keys);
    if (words_option(L, options, "on")) {
        fault->place = place(L, lua_gettop(L), row->name, NODES);
        lua_pop(L, 1);
    }
    if (words_option(L, options, "times")) {
        fault->times = (int)words_number(L, -1, "times", 1, 1000000);
        lua_pop(L, 1);
    }
}

static void read_number(
    lua_State *L, int index, const struct sim_fault_row *row, struct sim_fault *fault)
{
    double number = words_number(L, index, row->name, row->least, row->most);

    if (row->in_ms) {
        fault->ms = (int64_t)floor(number * 1000 + 0.5);
    } else {
        fault->value = number;
    }
}

static void read_what(
    lua_State *L, const struct sim_fault_row *row, struct sim_fault *fault, const char *what)
{
    snprintf(
        fault->what, sizeof fault->what, "%s",
        words_text(L, 2, row->name, what, sizeof fault->what));
}

/* upvalue: the kind of fault */
static int fault(lua_State *L)
{
    const struct sim_fault_row *row =
        sim_fault_row((enum sim_fault_kind)lua_tointeger(L, lua_upvalueindex(1)));
    struct sim_fault read = {.kind = row->kind, .place = SIM_NOWHERE, .other = SIM_NOWHERE};
    bool of_controller = row->kind == SIM_HANG || row->kind == SIM_RECOVER;

    if (sim_fault_wants_peers(row->kind) && !among_peers(L)) {
        return luaL_error(L, "%s: only where each node has a Baton", row->name);
    }
    switch (row->shape) {
    case SIM_SHAPE_NONE:
        words_count(L, row->name, 0, 0);
        break;
    case SIM_SHAPE_NODE:
        words_count(L, row->name, 1, 1);
        read.place = place(L, 1, row->name, of_controller ? NODES_AND_CONTROLLER : NODES);
        break;
    case SIM_SHAPE_SERVICE:
        words_count(L, row->name, 1, 2);
        read.place = place(L, 1, row->name, NODES);
        if (!lua_isnil(L, 2)) {
            read_what(L, row, &read, "a service");
        }
        break;
    case SIM_SHAPE_THING:
        words_count(L, row->name, 2, 2);
        read.place = place(L, 1, row->name, NODES);
        read_what(L, row, &read, "a thing");
        break;
    case SIM_SHAPE_LINK:
        read_link(L, row, &read, false);
        break;
    case SIM_SHAPE_LINK_VALUE:
        read_link(L, row, &read, true);
        read_number(L, 3, row, &read);
        break;
    case SIM_SHAPE_SHARE:
    case SIM_SHAPE_JOURNAL:
        words_count(L, row->name, 0, 1);
        read.place = lua_isnil(L, 1) ? SIM_NOWHERE : place(L, 1, row->name, NODES);
        break;
    case SIM_SHAPE_CLOCK:
        words_count(L, row->name, 2, 2);
        read.place = place(L, 1, row->name, NODES_AND_CONTROLLER);
        read_number(L, 2, row, &read);
        break;
    case SIM_SHAPE_ACTION:
        read_action(L, row, &read, false);
        break;
    case SIM_SHAPE_ACTION_TIME:
        read_action(L, row, &read, true);
        read_number(L, 2, row, &read);
        break;
    case SIM_SHAPE_TIME:
        words_count(L, row->name, 1, 1);
        read_number(L, 1, row, &read);
        break;
    }
    make(L, SCENARIO_FAULT)->deed.fault = read;
    return 1;
}

/* ---- The daemon --------------------------------------------------------------------------------
 */

/* Whose: among peers the first argument says it. Returns where the options are. */
static int whose(lua_State *L, const char *word, int options, int *at)
{
    *at = GROUP_NOBODY;
    if (!among_peers(L)) {
        words_count(L, word, 0, options);
        return 1;
    }
    if (lua_type(L, 1) != LUA_TSTRING) {
        luaL_error(L, "%s: there is a Baton on every node: %s \"NODE\" says whose", word, word);
    }
    words_count(L, word, 1, 1 + options);
    *at = words_node(L, 1, word);
    return 2;
}

/* kill_daemon { restart = 5, records = "kept" or "lost" }; among peers
 * kill_daemon("server01"[, { … }]) */
static int kill_daemon(lua_State *L)
{
    static const char *const keys[] = {"restart", "records", NULL};
    struct scenario_deed deed = {.restart_ms = -1};
    struct words_deed *made;
    int options = whose(L, "kill_daemon", 1, &deed.at);

    words_options(L, options, "kill_daemon", keys);
    if (words_option(L, options, "restart")) {
        deed.restart_ms = words_seconds(L, -1, "restart");
    }
    if (words_option(L, options, "records")) {
        const char *records = words_text(L, -1, "kill_daemon", "records", GROUP_NAME_MAX);

        if (strcmp(records, "kept") != 0 && strcmp(records, "lost") != 0) {
            return words_unknown(L, "fate of records", records, "kept, lost");
        }
        deed.keep_records = strcmp(records, "kept") == 0;
    }
    made = make(L, SCENARIO_KILL);
    made->deed.at = deed.at;
    made->deed.restart_ms = deed.restart_ms;
    made->deed.keep_records = deed.keep_records;
    return 1;
}

/* start_daemon(); among peers start_daemon "server01" */
static int start_daemon(lua_State *L)
{
    int at;

    whose(L, "start_daemon", 0, &at);
    make(L, SCENARIO_START)->deed.at = at;
    return 1;
}

/* ---- Commands
 * ------------------------------------------------------------------------------------ */

static int command(lua_State *L, enum group_command which, int node, int options)
{
    struct words_deed *made = make(L, SCENARIO_COMMAND);

    made->deed.command = which;
    made->deed.node = node;
    if (words_option(L, options, "to")) {
        made->deed.node = words_node(L, lua_gettop(L), "to");
        lua_pop(L, 1);
    }
    if (words_option(L, options, "force")) {
        made->deed.force = lua_toboolean(L, -1);
        lua_pop(L, 1);
    }
    if (words_option(L, options, "at")) {
        made->deed.at = words_node(L, lua_gettop(L), "at");
        lua_pop(L, 1);
        if (!among_peers(L)) {
            return luaL_error(L, "at: one controller takes all commands, not one on each node");
        }
    }
    if (words_option(L, options, "reason")) {
        snprintf(
            made->deed.reason, sizeof made->deed.reason, "%s",
            words_text(L, -1, "reason", "it", sizeof made->deed.reason));
        lua_pop(L, 1);
    }
    return 1;
}

static int failover(lua_State *L)
{
    static const char *const keys[] = {"at", "to", "force", "reason", NULL};

    words_count(L, "failover", 0, 1);
    words_options(L, 1, "failover", keys);
    return command(L, GROUP_CMD_FAILOVER, GROUP_NOBODY, 1);
}

static int failback(lua_State *L)
{
    static const char *const keys[] = {"at", "reason", NULL};

    words_count(L, "failback", 0, 1);
    words_options(L, 1, "failback", keys);
    return command(L, GROUP_CMD_FAILBACK, GROUP_NOBODY, 1);
}

static int pause_group(lua_State *L)
{
    static const char *const keys[] = {"at", "reason", NULL};

    words_count(L, "pause", 0, 1);
    words_options(L, 1, "pause", keys);
    return command(L, GROUP_CMD_PAUSE, GROUP_NOBODY, 1);
}

static int resume_group(lua_State *L)
{
    static const char *const keys[] = {"at", "reason", NULL};

    words_count(L, "resume", 0, 1);
    words_options(L, 1, "resume", keys);
    return command(L, GROUP_CMD_RESUME, GROUP_NOBODY, 1);
}

static int confirm_out(lua_State *L)
{
    static const char *const keys[] = {"at", "reason", NULL};
    int node;

    words_count(L, "confirm_out", 1, 2);
    node = words_node(L, 1, "confirm_out");
    words_options(L, 2, "confirm_out", keys);
    return command(L, GROUP_CMD_CONFIRM_OUT, node, 2);
}

void deed_open(lua_State *L)
{
    static const luaL_Reg words[] = {
        {"kill_daemon", kill_daemon}, {"start_daemon", start_daemon},
        {"failover", failover},       {"failback", failback},
        {"pause", pause_group},       {"resume", resume_group},
        {"confirm_out", confirm_out}, {NULL, NULL},
    };
    int i;

    luaL_setfuncs(L, words, 0);
    for (i = 0; i < SIM_FAULTS; i++) {
        const struct sim_fault_row *row = sim_fault_row((enum sim_fault_kind)i);

        lua_pushinteger(L, i);
        lua_pushcclosure(L, fault, 1);
        lua_setfield(L, -2, row->name);
    }
}
