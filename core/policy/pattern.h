/* Patterns of the Lua reference manual (§6.4.1), matched in steps that count.
 *
 * A pattern is compiled into a row of items and lives in one userdata, with all the room that
 * a search needs: nothing is allocated then and no function calls itself. A match goes along
 * the row from left to right. An item that could take more or less of the subject leaves a
 * choice behind; after a mismatch, the match goes on from the last choice. Choices are one
 * item's each and die when the match goes back beyond them, so there are never more than
 * there are repeated items, and the captures before one are as they were when it was made.
 *
 * As in Lua's own library, what is wrong with a pattern is raised when a match gets there.
 * Positions count from 0. Functions are marked as in host.h.
 */
#ifndef BATON_POLICY_PATTERN_H
#define BATON_POLICY_PATTERN_H

#include "policy/host.h"

#define PATTERN_CAPTURES_MAX 32

enum pattern_kind {
    ITEM_BYTE, /* these four take one byte, and may be repeated */
    ITEM_ANY,
    ITEM_CLASS,
    ITEM_SET,
    ITEM_BALANCE,
    ITEM_FRONTIER,
    ITEM_AGAIN, /* what a capture took */
    ITEM_NEVER, /* matches nothing */
    ITEM_OPEN,
    ITEM_CLOSE,
    ITEM_POSITION,
    ITEM_LAST, /* the end of the subject */
    ITEM_WRONG,
    ITEM_DONE,
};

enum pattern_repeat {
    REPEAT_ONCE,
    REPEAT_MAYBE, /* ? */
    REPEAT_ANY,   /* * */
    REPEAT_SOME,  /* + */
    REPEAT_FEW,   /* - */
};

struct pattern_item {
    uint8_t kind, repeat;
    uint8_t byte, closer; /* BYTE, BALANCE; the letter of a CLASS */
    uint32_t index;       /* of a set or a capture */
};

struct pattern_set {
    uint32_t bits[8];
};

struct pattern_choice {
    uint32_t item;
    size_t least, at; /* what the item has taken ends at `at`, and could at `least` */
};

struct pattern_capture {
    enum {
        CAPTURE_OPEN,
        CAPTURE_SPAN,
        CAPTURE_POSITION
    } kind;
    size_t from, to;
};

struct pattern {
    bool anchored;
    int n_captures;
    uint32_t n_items, n_sets, n_choices;
    uint32_t items_max, sets_max, choices_max;
    struct pattern_item *item; /* these three in the same userdata */
    struct pattern_set *set;
    struct pattern_choice *choice;
    char wrong[48]; /* said at ITEM_WRONG */
    struct pattern_capture capture[PATTERN_CAPTURES_MAX];
};

/* ---- pattern.c --------------------------------------------------------------------------- */

/* Compile. A '^' at the beginning is an anchor if `anchors`, else a byte like others. The
 * text is not needed afterwards. [-0, +1] MAY_THROW */
struct pattern *pattern_push(lua_State *L, const char *text, size_t len, bool anchors);
/* Is the byte in the class `%letter`? The machine's locale has no say. `%z`, the zero, is not
 * in the manual any more, but stock Lua has it still. */
bool pattern_class_has(uint8_t letter, uint8_t byte);

/* ---- search.c ---------------------------------------------------------------------------- */

#define SEARCH_NOWHERE SIZE_MAX

struct search {
    struct pattern *pattern;
    const char *subject; /* both of the caller, who keeps them alive */
    size_t len;
    size_t from, to; /* of the match that was found last */
};

/* The first match that begins at `start` or later (there only, if anchored) and does not end
 * at `not_to`; SEARCH_NOWHERE: it may end anywhere. [-0, +0] MAY_THROW */
bool search_find(lua_State *L, struct search *search, size_t start, size_t not_to);
/* A capture of the match, from 0; the first is the whole match if there are none.
 * [-0, +1] MAY_THROW */
void search_push_capture(lua_State *L, const struct search *search, int index);
/* All of them: how many. [-0, +result] MAY_THROW */
int search_push_captures(lua_State *L, const struct search *search);

#endif
