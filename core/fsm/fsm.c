#include "fsm.h"

#include <stdio.h>
#include <string.h>

#define UNKNOWN      FSM_BIT(FSM_UNKNOWN)
#define STANDBY      FSM_BIT(FSM_STANDBY)
#define ACTIVE       FSM_BIT(FSM_ACTIVE)
#define DEGRADED     FSM_BIT(FSM_DEGRADED)
#define FAILING_OVER FSM_BIT(FSM_FAILING_OVER)
#define FAILING_BACK FSM_BIT(FSM_FAILING_BACK)

/* The whole truth. Numbers are stable and leave gaps; no two rows open from one state on
 * one event under the same facts (tests/unit/test_fsm.c tries every combination). */
static const struct fsm_row rows[] = {
    /* clang-format off */
    /* id  from                    on             needs                                  bars           to                 why */
    { 10, UNKNOWN,                 FSM_FIT,       0,                                     FSM_HOLDS,     FSM_STANDBY,       "first seen: fit and not serving" },
    { 12, UNKNOWN,                 FSM_UNFIT,     0,                                     FSM_HOLDS,     FSM_DEGRADED,      "first seen: not fit" },
    { 14, UNKNOWN,                 FSM_ADOPTED,   FSM_HOLDS | FSM_VERIFIED,              0,             FSM_ACTIVE,        "it serves already: the holder is taken as found" },
    { 16, UNKNOWN,                 FSM_ADOPTED,   FSM_HOLDS,                             FSM_VERIFIED,  FSM_DEGRADED,      "the record names it as holder, but it is not seen to serve" },
    { 18, UNKNOWN,                 FSM_RESUMED,   FSM_HOLDS,                             FSM_PLANNED_BACK, FSM_FAILING_OVER, "a failover to it was interrupted after the grant and goes on" },
    { 20, UNKNOWN,                 FSM_RESUMED,   FSM_HOLDS | FSM_PLANNED_BACK,          0,             FSM_FAILING_BACK,  "a failback to it was interrupted after the grant and goes on" },
    { 22, UNKNOWN,                 FSM_PROMOTE,   FSM_IDLE | FSM_HOLDER_GONE | FSM_FORCED, 0,           FSM_FAILING_OVER,  "an operator insists on a node that was not seen yet" },
    { 30, STANDBY,                 FSM_UNFIT,     0,                                     0,             FSM_DEGRADED,      "a node that can't serve is no candidate" },
    { 32, STANDBY,                 FSM_PROMOTE,   FSM_IDLE | FSM_HOLDER_GONE,            0,             FSM_FAILING_OVER,  "the holder is given up, this one takes over" },
    { 34, STANDBY,                 FSM_RECLAIM,   FSM_IDLE | FSM_PREFERRED | FSM_REACHABLE, 0,          FSM_FAILING_BACK,  "the preferred node is well again and takes back" },
    { 40, ACTIVE,                  FSM_UNFIT,     FSM_HOLDS,                             0,             FSM_DEGRADED,      "impaired, but still the one allowed to serve" },
    { 42, ACTIVE,                  FSM_RELEASED,  FSM_OUT,                               FSM_HOLDS,     FSM_STANDBY,       "it stopped in order and gave the baton up" },
    { 44, ACTIVE,                  FSM_LOST,      0,                                     FSM_HOLDS,     FSM_DEGRADED,      "the baton was taken from it" },
    { 50, DEGRADED,                FSM_FIT,       0,                                     FSM_HOLDS,     FSM_STANDBY,       "fit again, ready to take over" },
    { 52, DEGRADED,                FSM_RECOVERED, FSM_HOLDS | FSM_VERIFIED,              0,             FSM_ACTIVE,        "the holder is fit again and serves" },
    { 54, DEGRADED,                FSM_RELEASED,  FSM_OUT,                               FSM_HOLDS,     FSM_DEGRADED,      "it is confirmed out and gave the baton up" },
    { 56, DEGRADED,                FSM_LOST,      0,                                     FSM_HOLDS,     FSM_DEGRADED,      "the baton was taken from it" },
    { 58, DEGRADED,                FSM_PROMOTE,   FSM_IDLE | FSM_HOLDER_GONE | FSM_FORCED, 0,           FSM_FAILING_OVER,  "an operator insists on a node that is not fit" },
    { 60, FAILING_OVER | FAILING_BACK, FSM_COMPLETED, FSM_HOLDS | FSM_VERIFIED,          0,             FSM_ACTIVE,        "all steps are done, it serves through the floating address" },
    { 62, FAILING_OVER | FAILING_BACK, FSM_CANCELLED, 0,                                 FSM_HOLDS,     FSM_STANDBY,       "ended before the grant: it never had the baton" },
    { 64, FAILING_OVER | FAILING_BACK, FSM_FAILED, FSM_OUT,                              FSM_HOLDS,     FSM_DEGRADED,      "its start is undone and confirmed, the baton is free" },
    { 66, FAILING_OVER | FAILING_BACK, FSM_FAILED, FSM_HOLDS,                            FSM_OUT,       FSM_DEGRADED,      "its start can't be confirmed undone: it keeps the baton, so nobody else starts" },
    { 68, FAILING_OVER | FAILING_BACK, FSM_LOST,   0,                                    FSM_HOLDS,     FSM_DEGRADED,      "the baton was taken from it" },
    { 70, STANDBY | ACTIVE | DEGRADED, FSM_FORGOTTEN, FSM_IDLE,                          0,             FSM_UNKNOWN,       "an operator had the group in hand: it is looked at afresh" },
    /* clang-format on */
};

#define N_ROWS (sizeof rows / sizeof rows[0])

static const char *const state_names[FSM_STATES] = {
    [FSM_UNKNOWN] = "Unknown",
    [FSM_STANDBY] = "Standby",
    [FSM_ACTIVE] = "Active",
    [FSM_DEGRADED] = "Degraded",
    [FSM_FAILING_OVER] = "FailingOver",
    [FSM_FAILING_BACK] = "FailingBack",
};

static const char *const event_names[FSM_EVENTS] = {
    [FSM_FIT] = "fit",
    [FSM_UNFIT] = "unfit",
    [FSM_ADOPTED] = "adopted",
    [FSM_RESUMED] = "resumed",
    [FSM_PROMOTE] = "promote",
    [FSM_RECLAIM] = "reclaim",
    [FSM_COMPLETED] = "completed",
    [FSM_CANCELLED] = "cancelled",
    [FSM_FAILED] = "failed",
    [FSM_RECOVERED] = "recovered",
    [FSM_RELEASED] = "released",
    [FSM_LOST] = "lost",
    [FSM_FORGOTTEN] = "forgotten",
};

/* In the words of a refusal: "… needs X". */
static const char *const fact_names[FSM_FACTS] = {
    "it holds the baton",
    "no other handover runs",
    "the holder is gone or given up",
    "it is preferred over the holder",
    "the holder is reachable",
    "it is confirmed out",
    "it is seen to serve",
    "an operator forces it",
    "the handover is a failback",
};

const struct fsm_row *fsm_rows(size_t *count)
{
    *count = N_ROWS;
    return rows;
}

const char *fsm_state_name(enum fsm_state state)
{
    return (unsigned)state < FSM_STATES ? state_names[state] : "no state";
}

const char *fsm_event_name(enum fsm_event event)
{
    return (unsigned)event < FSM_EVENTS ? event_names[event] : "no event";
}

const char *fsm_fact_name(enum fsm_fact fact)
{
    unsigned i;

    for (i = 0; i < FSM_FACTS; i++) {
        if ((unsigned)fact == 1u << i) {
            return fact_names[i];
        }
    }
    return "no single fact";
}

enum baton_err fsm_state_parse(const char *name, enum fsm_state *state, struct baton_error *error)
{
    int i;

    for (i = FSM_STANDBY; i < FSM_STATES; i++) {
        if (strcmp(name, state_names[i]) == 0) {
            *state = (enum fsm_state)i;
            return BATON_OK;
        }
    }
    return baton_fail(
        error, BATON_NOT_FOUND,
        "there is no state \"%s\"; the states are Standby, Active, Degraded, FailingOver, "
        "FailingBack",
        name);
}

static size_t append(char *text, size_t size, size_t used, const char *word)
{
    if (used < size) {
        used += (size_t)snprintf(text + used, size - used, "%s", word);
    }
    return used;
}

/* "no other handover runs and it is preferred over the holder" */
static void facts_text(char *text, size_t size, unsigned facts)
{
    size_t used = 0;
    unsigned i;

    text[0] = '\0';
    for (i = 0; i < FSM_FACTS; i++) {
        if ((facts & (1u << i)) != 0) {
            used = append(text, size, used, used > 0 ? " and " : "");
            used = append(text, size, used, fact_names[i]);
        }
    }
}

static enum baton_err refuse(
    enum fsm_state state, enum fsm_event event, unsigned facts, const struct fsm_row *near,
    struct baton_error *error)
{
    char missing[BATON_ERROR_TEXT_MAX / 2];
    char barred[BATON_ERROR_TEXT_MAX / 4];

    if (near == NULL) {
        return baton_fail(
            error, BATON_REFUSED, "%s has no edge for \"%s\"", fsm_state_name(state),
            fsm_event_name(event));
    }
    facts_text(missing, sizeof missing, near->needs & ~facts);
    facts_text(barred, sizeof barred, near->bars & facts);
    return baton_fail(
        error, BATON_REFUSED, "%s → %s on \"%s\" needs that %s%s%s%s", fsm_state_name(state),
        fsm_state_name(near->to), fsm_event_name(event), missing,
        missing[0] != '\0' && barred[0] != '\0' ? ", and " : "",
        barred[0] != '\0' ? "not that " : "", barred);
}

enum baton_err fsm_step(
    enum fsm_state state, enum fsm_event event, unsigned facts, const struct fsm_row **taken,
    struct baton_error *error)
{
    const struct fsm_row *near = NULL;
    size_t i;

    for (i = 0; i < N_ROWS; i++) {
        const struct fsm_row *row = &rows[i];

        if ((row->from & FSM_BIT(state)) == 0 || row->on != event) {
            continue;
        }
        if ((facts & row->needs) == row->needs && (facts & row->bars) == 0) {
            *taken = row;
            return BATON_OK;
        }
        near = row;
    }
    return refuse(state, event, facts, near, error);
}

int fsm_edge_exists(enum fsm_state from, enum fsm_state to)
{
    size_t i;

    for (i = 0; i < N_ROWS; i++) {
        if ((rows[i].from & FSM_BIT(from)) != 0 && rows[i].to == to) {
            return 1;
        }
    }
    return 0;
}

enum baton_err fsm_policy_event(
    enum fsm_state from, enum fsm_state to, enum fsm_event *event, struct baton_error *error)
{
    if (from == FSM_STANDBY && to == FSM_FAILING_OVER) {
        *event = FSM_PROMOTE;
        return BATON_OK;
    }
    if (from == FSM_STANDBY && to == FSM_FAILING_BACK) {
        *event = FSM_RECLAIM;
        return BATON_OK;
    }
    return baton_fail(
        error, BATON_REFUSED,
        "%s → %s is %s; a policy can ask for Standby → FailingOver and Standby → FailingBack",
        fsm_state_name(from), fsm_state_name(to),
        fsm_edge_exists(from, to) ? "an edge that C takes by itself" : "no edge of the machine");
}
