#include "policy/pattern.h"

#include <assert.h>
#include <lauxlib.h>
#include <string.h>

#define CHARGE_STEPS 256 /* that are counted together */

struct run {
    lua_State *L;
    struct pattern *pattern;
    const char *subject;
    size_t len;
    size_t steps; /* not yet charged */
};

static void charge(struct run *run)
{
    limits_charge(run->L, (lua_Integer)run->steps);
    run->steps = 0;
}

static void count(struct run *run, size_t steps)
{
    run->steps += steps;
    if (run->steps >= CHARGE_STEPS) {
        charge(run);
    }
}

/* Before the beginning and after the end there is a zero. */
static uint8_t byte_at(const struct run *run, size_t at)
{
    return at < run->len ? (uint8_t)run->subject[at] : 0;
}

static bool has(const struct pattern_set *set, uint8_t byte)
{
    return (set->bits[byte / 32] >> (byte % 32)) & 1;
}

static bool fits(const struct run *run, const struct pattern_item *item, size_t at)
{
    uint8_t byte;

    if (at >= run->len) {
        return false;
    }
    byte = (uint8_t)run->subject[at];
    switch (item->kind) {
    case ITEM_BYTE:
        return byte == item->byte;
    case ITEM_CLASS:
        return pattern_class_has(item->byte, byte);
    case ITEM_SET:
        return has(&run->pattern->set[item->index], byte);
    default:
        return true;
    }
}

static void leave_choice(struct run *run, const struct pattern_item *item, size_t least, size_t at)
{
    struct pattern *pattern = run->pattern;

    assert(pattern->n_choices < pattern->choices_max);
    pattern->choice[pattern->n_choices++] =
        (struct pattern_choice){.item = (uint32_t)(item - pattern->item), .least = least, .at = at};
}

/* One byte, or as many as the item's repeat says at first. */
static bool take(struct run *run, const struct pattern_item *item, size_t *at)
{
    size_t least = *at, most = *at;

    if (item->repeat == REPEAT_ONCE) {
        *at += 1;
        return fits(run, item, *at - 1);
    }
    if (item->repeat == REPEAT_FEW) {
        leave_choice(run, item, least, most);
        return true;
    }
    while (fits(run, item, most) && !(item->repeat == REPEAT_MAYBE && most > least)) {
        most++;
        count(run, 1);
    }
    if (item->repeat == REPEAT_SOME && most == least++) {
        return false;
    }
    if (most > least) {
        leave_choice(run, item, least, most);
    }
    *at = most;
    return true;
}

static bool take_balance(struct run *run, const struct pattern_item *item, size_t *at)
{
    size_t depth = 1;

    if (*at >= run->len || byte_at(run, *at) != item->byte) {
        return false;
    }
    for (size_t i = *at + 1; i < run->len; i++) {
        count(run, 1);
        if (byte_at(run, i) == item->closer) {
            depth--;
        } else if (byte_at(run, i) == item->byte) {
            depth++;
        }
        if (depth == 0) {
            *at = i + 1;
            return true;
        }
    }
    return false;
}

static bool take_again(struct run *run, const struct pattern_item *item, size_t *at)
{
    const struct pattern_capture *capture = &run->pattern->capture[item->index];
    size_t len = capture->to - capture->from;

    count(run, len / 16);
    if (len > run->len - *at ||
        memcmp(run->subject + capture->from, run->subject + *at, len) != 0) {
        return false;
    }
    *at += len;
    return true;
}

static bool at_frontier(const struct run *run, const struct pattern_item *item, size_t at)
{
    const struct pattern_set *set = &run->pattern->set[item->index];

    return !has(set, at > 0 ? byte_at(run, at - 1) : 0) && has(set, byte_at(run, at));
}

static bool pass(struct run *run, const struct pattern_item *item, size_t *at)
{
    struct pattern_capture *capture = run->pattern->capture;

    switch (item->kind) {
    case ITEM_OPEN:
    case ITEM_POSITION:
        capture[item->index].from = *at;
        return true;
    case ITEM_CLOSE:
        capture[item->index].to = *at;
        return true;
    case ITEM_BALANCE:
        return take_balance(run, item, at);
    case ITEM_FRONTIER:
        return at_frontier(run, item, *at);
    case ITEM_AGAIN:
        return take_again(run, item, at);
    case ITEM_NEVER:
        return false;
    case ITEM_LAST:
        return *at == run->len;
    case ITEM_WRONG:
        charge(run);
        luaL_error(run->L, "%s", run->pattern->wrong);
        return false;
    default:
        return take(run, item, at);
    }
}

/* To the last choice that is left: a byte less, or with '-' one more. NULL: there is none. */
static const struct pattern_item *go_back(struct run *run, size_t *at)
{
    struct pattern *pattern = run->pattern;

    while (pattern->n_choices > 0) {
        struct pattern_choice *choice = &pattern->choice[pattern->n_choices - 1];
        const struct pattern_item *item = &pattern->item[choice->item];

        count(run, 1);
        if (item->repeat == REPEAT_FEW && fits(run, item, choice->at)) {
            *at = ++choice->at;
            return item;
        }
        if (item->repeat != REPEAT_FEW && choice->at > choice->least) {
            *at = --choice->at;
            return item;
        }
        pattern->n_choices--;
    }
    return NULL;
}

static bool match_at(struct run *run, size_t from, size_t *to)
{
    const struct pattern_item *item = run->pattern->item;
    size_t at = from;

    run->pattern->n_choices = 0;
    while (item->kind != ITEM_DONE) {
        count(run, 1);
        if (!pass(run, item, &at)) {
            item = go_back(run, &at);
            if (item == NULL) {
                return false;
            }
        }
        item++;
    }
    *to = at;
    return true;
}

bool search_find(lua_State *L, struct search *search, size_t start, size_t not_to)
{
    struct run run = {
        .L = L, .pattern = search->pattern, .subject = search->subject, .len = search->len};
    bool found = false;

    for (; start <= search->len && !found; start++) {
        count(&run, 1);
        if (match_at(&run, start, &search->to) && search->to != not_to) {
            search->from = start;
            found = true;
        }
        if (search->pattern->anchored) {
            break;
        }
    }
    charge(&run);
    return found;
}

/* ---- Captures ------------------------------------------------------------------------------ */

void search_push_capture(lua_State *L, const struct search *search, int index)
{
    const struct pattern *pattern = search->pattern;
    const struct pattern_capture *capture = &pattern->capture[index];

    if (index == 0 && pattern->n_captures == 0) {
        lua_pushlstring(L, search->subject + search->from, search->to - search->from);
    } else if (index >= pattern->n_captures) {
        luaL_error(L, "invalid capture index %%%d", index + 1);
    } else if (capture->kind == CAPTURE_OPEN) {
        luaL_error(L, "unfinished capture");
    } else if (capture->kind == CAPTURE_POSITION) {
        lua_pushinteger(L, (lua_Integer)capture->from + 1);
    } else {
        lua_pushlstring(L, search->subject + capture->from, capture->to - capture->from);
    }
}

int search_push_captures(lua_State *L, const struct search *search)
{
    int n = search->pattern->n_captures > 0 ? search->pattern->n_captures : 1;

    luaL_checkstack(L, n, "too many captures");
    for (int i = 0; i < n; i++) {
        search_push_capture(L, search, i);
    }
    return n;
}
