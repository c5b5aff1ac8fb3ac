/* What stands in a scenario: scenario, at, step, set, serving, ends. */
#include "words.h"
#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NESTED_MAX 16 /* lists in lists */

static char *copy(lua_State *L, const char *text)
{
    size_t size = strlen(text) + 1;
    char *made = memory_zeroed(size, 1);

    if (made == NULL) {
        words_reading(L)->no_memory = true;
        luaL_error(L, "no memory");
        return NULL;
    }
    return memcpy(made, text, size);
}

/* ---- at, step ---------------------------------------------------------------------------- */

/* at(TIME or step(…), deed, …) */
static int at(lua_State *L)
{
    const struct words_item *when = words_item(L, 1);
    int count = lua_gettop(L) - 1;
    struct scenario_event first = {.when = SCENARIO_AT, .step_node = GROUP_NOBODY};
    struct words_events *events;
    int i;

    if (count < 1) {
        return luaL_error(L, "at(…) takes a time or a step, and what happens then");
    }
    if (when != NULL && when->kind == ITEM_STEP) {
        first = ((const struct words_events *)when)->event[0];
    } else {
        first.at_ms = words_seconds(L, 1, "at");
    }
    for (i = 0; i < count; i++) {
        const struct words_item *deed = words_item(L, i + 2);

        if (deed == NULL || deed->kind != ITEM_DEED) {
            return luaL_error(
                L, "at(…): its argument %d is no fault and no command but a %s", i + 2,
                deed != NULL ? "part of the scenario" : luaL_typename(L, i + 2));
        }
    }
    events =
        words_make(L, ITEM_EVENTS, sizeof *events + (size_t)count * sizeof events->event[0], 0);
    events->count = count;
    for (i = 0; i < count; i++) {
        events->event[i] = first;
        events->event[i].line = events->item.line;
        events->event[i].deed = ((const struct words_deed *)words_item(L, i + 2))->deed;
    }
    return 1;
}

/* step("start postfix"[, { on =, nth =, ends =, after = }]) */
static int step(lua_State *L)
{
    static const char *const keys[] = {"on", "nth", "ends", "after", NULL};
    struct scenario_event event = {
        .when = SCENARIO_STEP_BEGINS, .step_node = GROUP_NOBODY, .nth = 1};
    struct words_events *made;

    words_count(L, "step", 1, 2);
    snprintf(
        event.step, sizeof event.step, "%s",
        words_text(L, 1, "step", "its name", sizeof event.step));
    words_options(L, 2, "step", keys);
    if (words_option(L, 2, "on")) {
        event.step_node = words_node(L, -1, "step: on");
    }
    if (words_option(L, 2, "nth")) {
        event.nth = (int)words_number(L, -1, "step: nth", 1, 1000000);
    }
    if (words_option(L, 2, "ends")) {
        event.when = lua_toboolean(L, -1) ? SCENARIO_STEP_ENDS : SCENARIO_STEP_BEGINS;
    }
    if (words_option(L, 2, "after")) {
        event.at_ms = words_seconds(L, -1, "after");
    }
    made = words_make(L, ITEM_STEP, sizeof *made + sizeof made->event[0], 0);
    made->count = 1;
    made->event[0] = event;
    return 1;
}

/* ---- set, serving, ends ---------------------------------------------------------------------- */

static int set(lua_State *L)
{
    words_count(L, "set", 1, 1);
    if (!lua_istable(L, 1)) {
        return luaL_error(L, "set { NAME = VALUE, … } takes a list, not a %s", luaL_typename(L, 1));
    }
    words_make(L, ITEM_SET, sizeof(struct words_set), 1);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 1);
    return 1;
}

static int serving(lua_State *L)
{
    struct words_serving *made;
    int i, n;

    words_count(L, "serving", 1, 1);
    if (!lua_istable(L, 1)) {
        return luaL_error(L, "serving { NODE, … } takes a list, not a %s", luaL_typename(L, 1));
    }
    made = words_make(L, ITEM_SERVING, sizeof *made, 0);
    n = (int)lua_rawlen(L, 1);
    for (i = 1; i <= n; i++) {
        lua_rawgeti(L, 1, i);
        made->node[words_node(L, lua_gettop(L), "serving")] = true;
        lua_pop(L, 1);
    }
    return 1;
}

static int ends(lua_State *L)
{
    struct words_ends *made;
    int64_t at_ms;

    words_count(L, "ends", 1, 1);
    at_ms = words_seconds(L, 1, "ends");
    made = words_make(L, ITEM_ENDS, sizeof *made, 0);
    made->at_ms = at_ms;
    return 1;
}

/* ---- The list ------------------------------------------------------------------------------- */

static void fill_events(lua_State *L, struct reading *reading, const struct words_events *events)
{
    struct scenario *scenario = reading->scenario;
    char text[2][SCENARIO_TIME_MAX];
    int line = events->item.line;
    int i;

    if (scenario->n_events + events->count > SCENARIO_EVENTS_MAX) {
        words_blame(L, line, "a scenario has at most %d deeds", SCENARIO_EVENTS_MAX);
    }
    if (events->event[0].when == SCENARIO_AT) {
        int64_t at_ms = events->event[0].at_ms;

        if (at_ms < reading->at_last_ms) {
            words_blame(
                L, line, "at(%s) lies in the past: the line above is at %s",
                scenario_number(at_ms, text[0]), scenario_time(reading->at_last_ms, text[1]));
        }
        reading->at_last_ms = at_ms;
        reading->at_line = line;
    }
    for (i = 0; i < events->count; i++) {
        const struct scenario_event *event = &events->event[i];
        int64_t until_ms = event->when == SCENARIO_AT ? event->at_ms : reading->at_last_ms;

        if (event->deed.kind == SCENARIO_KILL && event->deed.restart_ms > 0) {
            until_ms += event->deed.restart_ms;
        }
        reading->named_ms = until_ms > reading->named_ms ? until_ms : reading->named_ms;
        scenario->event[scenario->n_events++] = *event;
    }
}

static void fill_expect(lua_State *L, struct reading *reading, const struct words_expect *item)
{
    struct scenario *scenario = reading->scenario;
    const int64_t times[] = {item->expect.from_ms, item->expect.to_ms, item->expect.by_ms};
    int i;

    if (scenario->n_expects == SCENARIO_EXPECTS_MAX) {
        words_blame(
            L, item->item.line, "a scenario has at most %d expectations", SCENARIO_EXPECTS_MAX);
    }
    for (i = 0; i < 3; i++) {
        if (times[i] > reading->promised_ms) {
            reading->promised_ms = times[i];
            reading->promised_line = item->item.line;
        }
    }
    scenario->expect[scenario->n_expects] = item->expect;
    scenario->expect[scenario->n_expects++].line = item->item.line;
}

static int by_name(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* [-0, +0] The table on the top, in the order of its names. */
static void fill_set(lua_State *L, struct reading *reading, int line)
{
    struct scenario *scenario = reading->scenario;
    const char *name[SCENARIO_SETS_MAX] = {NULL};
    int table = lua_gettop(L), n = 0, i;

    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING) {
            words_blame(L, line, "set { NAME = VALUE, … } has a value without a name");
        }
        if (n + scenario->n_sets == SCENARIO_SETS_MAX) {
            words_blame(L, line, "a scenario sets at most %d values", SCENARIO_SETS_MAX);
        }
        name[n++] = lua_tostring(L, -2); /* the table keeps it */
    }
    qsort(name, (size_t)n, sizeof name[0], by_name);
    for (i = 0; i < n; i++) {
        int type = lua_getfield(L, table, name[i]);

        if (type != LUA_TSTRING && type != LUA_TNUMBER && type != LUA_TBOOLEAN) {
            words_blame(
                L, line, "set: %s is a text, a number or a truth, not a %s", name[i],
                lua_typename(L, type));
        }
        scenario->set_line[scenario->n_sets] = line;
        scenario->set_name[scenario->n_sets] = copy(L, name[i]);
        scenario->n_sets++;
        scenario->set_value[scenario->n_sets - 1] = copy(L, luaL_tolstring(L, -1, NULL));
        lua_pop(L, 2);
    }
}

static void fill_serving(lua_State *L, struct reading *reading, const struct words_serving *item)
{
    if (reading->scenario->serving_given) {
        words_blame(L, item->item.line, "serving { … } stands here a second time");
    }
    reading->scenario->serving_given = true;
    memcpy(reading->scenario->serves, item->node, sizeof item->node);
}

static void fill_item(lua_State *L, struct reading *reading, struct words_item *item)
{
    switch (item->kind) {
    case ITEM_EVENTS:
        fill_events(L, reading, (const struct words_events *)item);
        return;
    case ITEM_EXPECT:
        fill_expect(L, reading, (const struct words_expect *)item);
        return;
    case ITEM_SET:
        lua_getiuservalue(L, -1, 1);
        fill_set(L, reading, item->line);
        lua_pop(L, 1);
        return;
    case ITEM_SERVING:
        fill_serving(L, reading, (const struct words_serving *)item);
        return;
    case ITEM_ENDS:
        if (reading->ends_line != 0) {
            words_blame(L, item->line, "ends(…) stands here a second time");
        }
        reading->ends_line = item->line;
        reading->scenario->end_ms = ((const struct words_ends *)item)->at_ms;
        return;
    case ITEM_DEED:
        words_blame(L, item->line, "this happens at no time: put it into at(TIME, …)");
        return;
    case ITEM_STEP:
        words_blame(L, item->line, "nothing happens at this step: put it into at(step(…), …)");
        return;
    case ITEM_SCENARIO:
        words_blame(L, item->line, "a scenario is no part of another");
        return;
    }
}

static void fill_list(lua_State *L, struct reading *reading, int index, int depth)
{
    int n = (int)lua_rawlen(L, index);
    int line = reading->scenario->line;
    int i;

    luaL_checkstack(L, 8, "lists in lists");
    if (depth > NESTED_MAX) {
        words_blame(L, line, "lists stand in lists more than %d deep", NESTED_MAX);
    }
    for (i = 1; i <= n; i++) {
        struct words_item *item;

        lua_rawgeti(L, index, i);
        item = words_item(L, -1);
        if (item != NULL) {
            line = item->line;
            fill_item(L, reading, item);
        } else if (lua_istable(L, -1)) {
            fill_list(L, reading, lua_gettop(L), depth + 1);
        } else {
            words_blame(
                L, line, "what comes after this line is no part of a scenario but a %s",
                luaL_typename(L, -1));
        }
        lua_pop(L, 1);
    }
}

/* When is it over? */
static void fill_end(lua_State *L, struct reading *reading)
{
    struct scenario *scenario = reading->scenario;
    int64_t named_ms = reading->named_ms;
    char text[2][SCENARIO_TIME_MAX];

    if (reading->ends_line == 0) {
        named_ms = reading->promised_ms > named_ms ? reading->promised_ms : named_ms;
        scenario->end_ms = named_ms + SCENARIO_TAIL_MS;
        return;
    }
    if (scenario->end_ms < reading->at_last_ms) {
        words_blame(
            L, reading->ends_line, "ends(%s) lies before at(%s) of line %d",
            scenario_number(scenario->end_ms, text[0]),
            scenario_number(reading->at_last_ms, text[1]), reading->at_line);
    }
    if (scenario->end_ms < reading->promised_ms) {
        words_blame(
            L, reading->promised_line, "%s lies after the end of the scenario at %s",
            scenario_time(reading->promised_ms, text[0]), scenario_time(scenario->end_ms, text[1]));
    }
}

void words_fill(lua_State *L, int index)
{
    struct reading *reading = words_reading(L);
    const char *strange = NULL;

    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        if (lua_type(L, -2) == LUA_TSTRING &&
            (strange == NULL || strcmp(lua_tostring(L, -2), strange) < 0)) {
            strange = lua_tostring(L, -2);
        }
    }
    if (strange != NULL) {
        words_blame(
            L, reading->scenario->line,
            "the list of a scenario has no names: '%s' belongs into set", strange);
    }
    fill_list(L, reading, index, 0);
    if (!reading->scenario->serving_given) {
        reading->scenario->serves[0] = true; /* the preferred node */
    }
    fill_end(L, reading);
    reading->filled = true;
}

/* upvalue: the scenario. What `scenario "NAME"` returns is called with the list. */
static int fill(lua_State *L)
{
    lua_settop(L, 1);
    if (!lua_istable(L, 1)) {
        return luaL_error(L, "scenario \"NAME\" { … } takes a list, not a %s", luaL_typename(L, 1));
    }
    if (words_reading(L)->filled) {
        return luaL_error(L, "a file has one scenario, and this one has its list already");
    }
    words_fill(L, 1);
    lua_pushvalue(L, lua_upvalueindex(1));
    return 1;
}

static int scenario(lua_State *L)
{
    struct reading *reading = words_reading(L);
    const char *name;
    struct words_item *item;

    words_count(L, "scenario", 1, 1);
    name = words_text(L, 1, "scenario", "its name", GROUP_TEXT_MAX);
    if (reading->scenario != NULL) {
        return luaL_error(
            L, "a file has one scenario: the other is on line %d", reading->scenario->line);
    }
    reading->scenario = memory_zeroed(1, sizeof *reading->scenario);
    if (reading->scenario == NULL) {
        reading->no_memory = true;
        return luaL_error(L, "no memory");
    }
    reading->scenario->name = copy(L, name);
    reading->scenario->file = copy(L, reading->file);
    item = words_make(L, ITEM_SCENARIO, sizeof *item, 0);
    reading->scenario->line = item->line;
    lua_pushcclosure(L, fill, 1);
    return 1;
}

void words_open(lua_State *L)
{
    static const luaL_Reg words[] = {
        {"at", at},   {"ends", ends}, {"scenario", scenario}, {"serving", serving},
        {"set", set}, {"step", step}, {NULL, NULL},
    };

    luaL_setfuncs(L, words, 0);
}
