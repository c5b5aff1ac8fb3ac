/* What the files that read a scenario know of one another; nobody else includes it.
 *
 *   read.c         the closed Lua state: its limits, its errors
 *   environment.c  what is in it
 *   words.c        what stands in a scenario: scenario, at, step, set, serving, ends
 *   deed.c         what happens: faults, kills, commands
 *   expect.c       what must hold
 *
 * Each word makes an item: a userdata that remembers its line, so that a mistake which shows
 * only later is told where it was written. All functions here may throw, and are called from
 * Lua only; memory that is no Lua's is in `reading` and freed by scenario_read.
 */
#ifndef BATON_SCENARIO_WORDS_H
#define BATON_SCENARIO_WORDS_H

#include "scenario/scenario.h"

#include <lauxlib.h>
#include <lua.h>

#define WORDS_MEMORY_MAX       ((size_t)32 << 20) /* bytes, while a scenario is read */
#define WORDS_INSTRUCTIONS_MAX 5000000            /* of Lua, likewise */
#define WORDS_SELF             "\1"               /* the file's name, within Lua: any length fits */

enum words_item_kind {
    ITEM_DEED = 0,
    ITEM_STEP,   /* step(…), as the first argument of at */
    ITEM_EVENTS, /* at(…) */
    ITEM_EXPECT,
    ITEM_SET,
    ITEM_SERVING,
    ITEM_ENDS,
    ITEM_SCENARIO,
};

struct words_item {
    enum words_item_kind kind;
    int line;
};

struct words_deed {
    struct words_item item;
    struct scenario_deed deed;
};

struct words_events { /* all deeds of one `at`; a `step` has one event without a deed */
    struct words_item item;
    int count;
    struct scenario_event event[];
};

struct words_expect {
    struct words_item item;
    struct scenario_expect expect;
};

struct words_set { /* the table is its user value */
    struct words_item item;
};

struct words_serving {
    struct words_item item;
    bool node[GROUP_NODES_MAX];
};

struct words_ends {
    struct words_item item;
    int64_t at_ms;
};

struct reading {
    const char *file;
    const struct policy_site *site;
    lua_State *L;
    struct scenario *scenario; /* that is being filled; NULL before it */
    bool filled;               /* its list was read to the end */
    int ends_line;             /* of `ends`, 0: none */
    int64_t at_last_ms;        /* time of the last `at`, and its line */
    int at_line;
    int64_t named_ms;    /* the last time that anything names */
    int64_t promised_ms; /* … that an expectation names, and its line */
    int promised_line;
    size_t memory;
    bool no_memory; /* the machine's, not the cap */
    int memory_line;
    int instructions;
};

/* read.c */
struct reading *words_reading(lua_State *L); /* [-0, +0] */
/* A new item of that kind with the caller's line. [-0, +1] */
void *words_make(lua_State *L, enum words_item_kind kind, size_t size, int user_values);
/* The item at `index`, NULL where it is none. [-0, +0] */
struct words_item *words_item(lua_State *L, int index);
/* An error at a line of the scenario, not at the caller's. */
int words_blame(lua_State *L, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* "there is no node 'x'; there are: a, b" */
int words_unknown(lua_State *L, const char *what, const char *name, const char *there_are);

/* Arguments. `word` is the function that they belong to, for messages. [-0, +0] each */
const char *words_text(lua_State *L, int index, const char *word, const char *what, size_t max);
double words_number(lua_State *L, int index, const char *word, double least, double most);
int64_t words_seconds(lua_State *L, int index, const char *word);
int words_node(lua_State *L, int index, const char *word);
void words_count(lua_State *L, const char *word, int least, int most);
/* An optional table of options with no other keys than these (NULL at the end). False where
 * it is not there. */
bool words_options(lua_State *L, int index, const char *word, const char *const *keys);
/* Is the option given? Then it is on the stack. [-0, +1 or +0] */
bool words_option(lua_State *L, int index, const char *key);

/* environment.c: a table with all that a scenario sees. [-0, +1] */
void environment_open(lua_State *L);

/* words.c, deed.c, expect.c: put their words into the table on the top. [-0, +0] */
void words_open(lua_State *L);
void deed_open(lua_State *L);
void expect_open(lua_State *L);
/* Read the list at `index` into the scenario. */
void words_fill(lua_State *L, int index);

#endif
