/* What must hold in a scenario, as it is written; check.c watches it, verdict.c says it. */
#include "words.h"

#include <stdio.h>
#include <string.h>

const char *const scenario_never[SCENARIO_NEVERS] = {
    [SCENARIO_NEVER_TWO_SERVE] = "two nodes serve",
    [SCENARIO_NEVER_NOBODY] = "nobody serves",
    [SCENARIO_NEVER_MOVE] = "a move",
    [SCENARIO_NEVER_FAILOVER] = "a failover",
    [SCENARIO_NEVER_FAILBACK] = "a failback",
    [SCENARIO_NEVER_FAILED] = "a failed move",
    [SCENARIO_NEVER_FENCE] = "a fence",
    [SCENARIO_NEVER_HOLD] = "a hold",
    [SCENARIO_NEVER_COMMAND] = "a command",
};

static struct scenario_expect blank(enum scenario_expect_kind kind)
{
    return (struct scenario_expect){
        .kind = kind,
        .node = GROUP_NOBODY,
        .hold = GROUP_HOLD_NONE,
        .from_ms = -1,
        .to_ms = -1,
        .by_ms = -1,
        .at_most_ms = -1,
        .least = -1,
        .most = -1,
    };
}

static int make(lua_State *L, const struct scenario_expect *expect)
{
    struct words_expect *made = words_make(L, ITEM_EXPECT, sizeof *made, 0);

    made->expect = *expect;
    return 1;
}

/* The time of that option, -1 where it is not given. */
static int64_t time_of(lua_State *L, int index, const char *key)
{
    int64_t ms = -1;

    if (words_option(L, index, key)) {
        ms = words_seconds(L, -1, key);
        lua_pop(L, 1);
    }
    return ms;
}

/* { from =, to = }, { by = }, { at = } or nothing. */
static void read_span(lua_State *L, int index, struct scenario_expect *expect)
{
    int64_t at_ms = time_of(L, index, "at");
    char text[2][SCENARIO_TIME_MAX];

    expect->from_ms = time_of(L, index, "from");
    expect->to_ms = time_of(L, index, "to");
    expect->by_ms = time_of(L, index, "by");
    if ((expect->from_ms >= 0 || expect->to_ms >= 0) + (expect->by_ms >= 0) + (at_ms >= 0) > 1) {
        luaL_error(L, "a span is { from =, to = }, { by = } or { at = }, not two of them");
    }
    if (expect->to_ms >= 0 && expect->to_ms < expect->from_ms) {
        luaL_error(
            L, "to = %s lies before from = %s", scenario_number(expect->to_ms, text[0]),
            scenario_number(expect->from_ms, text[1]));
    }
    if (at_ms >= 0) {
        expect->from_ms = expect->to_ms = at_ms;
    } else if (expect->to_ms >= 0 && expect->from_ms < 0) {
        expect->from_ms = 0;
    }
}

static void span(lua_State *L, const char *word, struct scenario_expect *expect)
{
    static const char *const keys[] = {"at", "by", "from", "to", NULL};

    words_count(L, word, 1, 2);
    words_options(L, 2, word, keys);
    read_span(L, 2, expect);
}

/* upvalue: the state. expect.active("server02"[, span]) */
static int state(lua_State *L)
{
    struct scenario_expect expect = blank(SCENARIO_EXPECT_STATE);

    expect.state = (enum fsm_state)lua_tointeger(L, lua_upvalueindex(1));
    span(L, "this expectation", &expect);
    expect.node = words_node(L, 1, "this expectation");
    return make(L, &expect);
}

static int node_or_nobody(lua_State *L, const char *word)
{
    if (lua_type(L, 1) == LUA_TSTRING && strcmp(lua_tostring(L, 1), "nobody") == 0) {
        return GROUP_NOBODY;
    }
    return words_node(L, 1, word);
}

static int holder(lua_State *L)
{
    struct scenario_expect expect = blank(SCENARIO_EXPECT_HOLDER);

    span(L, "expect.holder", &expect);
    expect.node = node_or_nobody(L, "expect.holder");
    return make(L, &expect);
}

static int serves(lua_State *L)
{
    struct scenario_expect expect = blank(SCENARIO_EXPECT_SERVES);

    span(L, "expect.serves", &expect);
    expect.node = node_or_nobody(L, "expect.serves");
    return make(L, &expect);
}

static int hold(lua_State *L)
{
    struct scenario_expect expect = blank(SCENARIO_EXPECT_HOLD);
    const char *name;
    luaL_Buffer there_are;
    int i;

    span(L, "expect.hold", &expect);
    name = words_text(L, 1, "expect.hold", "a hold", GROUP_NAME_MAX);
    expect.hold = SCENARIO_HOLD_ANY;
    for (i = GROUP_HOLD_NONE; i <= GROUP_HOLD_EPOCH; i++) {
        if (strcmp(name, group_hold_name((enum group_hold)i)) == 0) {
            expect.hold = i;
            return make(L, &expect);
        }
    }
    if (strcmp(name, "any") == 0) {
        return make(L, &expect);
    }
    luaL_buffinit(L, &there_are);
    for (i = GROUP_HOLD_NONE; i <= GROUP_HOLD_EPOCH; i++) {
        luaL_addstring(&there_are, group_hold_name((enum group_hold)i));
        luaL_addstring(&there_are, ", ");
    }
    luaL_addstring(&there_are, "any");
    luaL_pushresult(&there_are);
    return words_unknown(L, "hold", name, lua_tostring(L, -1));
}

/* expect.outage { at_most = 12[, from =, to =] } */
static int outage(lua_State *L)
{
    static const char *const keys[] = {"at_most", "from", "to", NULL};
    struct scenario_expect expect = blank(SCENARIO_EXPECT_OUTAGE);

    words_count(L, "expect.outage", 1, 1);
    words_options(L, 1, "expect.outage", keys);
    expect.at_most_ms = time_of(L, 1, "at_most");
    if (expect.at_most_ms < 0) {
        return luaL_error(L, "expect.outage { at_most = SECONDS } says how long at most");
    }
    read_span(L, 1, &expect);
    return make(L, &expect);
}

static int count_of(lua_State *L, const char *key)
{
    int n = -1;

    if (words_option(L, 1, key)) {
        n = (int)words_number(L, -1, key, 0, 1000000);
        lua_pop(L, 1);
    }
    return n;
}

/* expect.moves { exactly = 1 } or at_most, at_least */
static int moves(lua_State *L)
{
    static const char *const keys[] = {"at_least", "at_most", "exactly", NULL};
    struct scenario_expect expect = blank(SCENARIO_EXPECT_MOVES);
    int exactly;

    words_count(L, "expect.moves", 1, 1);
    words_options(L, 1, "expect.moves", keys);
    exactly = count_of(L, "exactly");
    expect.least = count_of(L, "at_least");
    expect.most = count_of(L, "at_most");
    if (exactly >= 0) {
        if (expect.least >= 0 || expect.most >= 0) {
            return luaL_error(L, "expect.moves: exactly stands alone");
        }
        expect.least = expect.most = exactly;
    }
    if (expect.least < 0 && expect.most < 0) {
        return luaL_error(L, "expect.moves { exactly = N } says how many");
    }
    return make(L, &expect);
}

static int never(lua_State *L)
{
    struct scenario_expect expect = blank(SCENARIO_EXPECT_NEVER);
    const char *name;
    luaL_Buffer there_are;
    int i;

    words_count(L, "expect.never", 1, 1);
    name = words_text(L, 1, "expect.never", "it", sizeof expect.text);
    for (i = 0; i < SCENARIO_NEVERS; i++) {
        if (strcmp(name, scenario_never[i]) == 0) {
            expect.never = (enum scenario_never)i;
            snprintf(expect.text, sizeof expect.text, "%s", name);
            return make(L, &expect);
        }
    }
    luaL_buffinit(L, &there_are);
    for (i = 0; i < SCENARIO_NEVERS; i++) {
        luaL_addstring(&there_are, i > 0 ? ", " : "");
        luaL_addstring(&there_are, scenario_never[i]);
    }
    luaL_pushresult(&there_are);
    return words_unknown(L, "expect.never", name, lua_tostring(L, -1));
}

static int text(lua_State *L, const char *word, enum scenario_expect_kind kind)
{
    struct scenario_expect expect = blank(kind);

    span(L, word, &expect);
    snprintf(
        expect.text, sizeof expect.text, "%s",
        words_text(L, 1, word, "the text", sizeof expect.text));
    return make(L, &expect);
}

/* expect.said { "one", "two"[, …] }: kept one on a line. */
static int said_in_order(lua_State *L)
{
    struct scenario_expect expect = blank(SCENARIO_EXPECT_SAID);
    int n = (int)lua_rawlen(L, 1), i;
    size_t used = 0;

    span(L, "expect.said", &expect);
    for (i = 1; i <= n; i++) {
        const char *one = lua_rawgeti(L, 1, i) == LUA_TSTRING ? lua_tostring(L, -1) : "";
        size_t len = strlen(one);

        if (len == 0 || strchr(one, '\n') != NULL) {
            return luaL_error(L, "expect.said: text %d of the list is no line of text", i);
        }
        if (used + len + 2 > sizeof expect.text) {
            return luaL_error(
                L, "expect.said: these texts are longer than %d bytes", (int)sizeof expect.text);
        }
        used += (size_t)snprintf(
            expect.text + used, sizeof expect.text - used, "%s%s", i > 1 ? "\n" : "", one);
        lua_pop(L, 1);
    }
    if (n == 0) {
        return luaL_error(L, "expect.said { \"one\", \"two\" } says what in which order");
    }
    return make(L, &expect);
}

static int said(lua_State *L)
{
    return lua_istable(L, 1) ? said_in_order(L) : text(L, "expect.said", SCENARIO_EXPECT_SAID);
}

static int not_said(lua_State *L)
{
    return text(L, "expect.not_said", SCENARIO_EXPECT_NOT_SAID);
}

/* ---- Registered --------------------------------------------------------------------------- */

static const struct {
    const char *name;
    enum fsm_state state;
} states[] = {
    {"active", FSM_ACTIVE},
    {"degraded", FSM_DEGRADED},
    {"failing_back", FSM_FAILING_BACK},
    {"failing_over", FSM_FAILING_OVER},
    {"standby", FSM_STANDBY},
};
#define STATES (int)(sizeof states / sizeof states[0])

static const luaL_Reg others[] = {
    {"hold", hold},   {"holder", holder},     {"moves", moves},
    {"never", never}, {"not_said", not_said}, {"outage", outage},
    {"said", said},   {"serves", serves},     {NULL, NULL},
};

static int no_expectation(lua_State *L)
{
    const char *name = luaL_tolstring(L, 2, NULL);
    luaL_Buffer list;
    int i;

    luaL_buffinit(L, &list);
    for (i = 0; i < STATES; i++) {
        luaL_addstring(&list, states[i].name);
        luaL_addstring(&list, ", ");
    }
    for (i = 0; others[i].name != NULL; i++) {
        luaL_addstring(&list, i > 0 ? ", " : "");
        luaL_addstring(&list, others[i].name);
    }
    luaL_pushresult(&list);
    return words_unknown(L, "expectation", name, lua_tostring(L, -1));
}

void expect_open(lua_State *L)
{
    int i;

    lua_newtable(L);
    luaL_setfuncs(L, others, 0);
    for (i = 0; i < STATES; i++) {
        lua_pushinteger(L, states[i].state);
        lua_pushcclosure(L, state, 1);
        lua_setfield(L, -2, states[i].name);
    }
    lua_newtable(L);
    lua_pushcfunction(L, no_expectation);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
    lua_setfield(L, -2, "expect");
}
