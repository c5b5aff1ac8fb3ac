/* The table as text for people and as a graph. */
#include "fsm.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct out {
    char *buffer;
    size_t size, used; /* `used` counts on where the buffer is full */
};

static void put(struct out *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct out *out, const char *format, ...)
{
    size_t room = out->used < out->size ? out->size - out->used : 0;
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(room > 0 ? out->buffer + out->used : NULL, room, format, args);
    va_end(args);
    out->used += n > 0 ? (size_t)n : 0;
}

static const char *const fact_words[FSM_FACTS] = {
    "holds",         "idle",   "holder-gone", "preferred", "reachable",
    "confirmed-out", "serves", "forced",      "failback",
};

static void put_conditions(struct out *out, const struct fsm_row *row, const char *separator)
{
    const char *before = "";
    unsigned i;

    for (i = 0; i < FSM_FACTS; i++) {
        unsigned bit = 1u << i;

        if (((row->needs | row->bars) & bit) != 0) {
            put(out, "%s%s%s", before, (row->bars & bit) != 0 ? "not " : "", fact_words[i]);
            before = separator;
        }
    }
}

size_t fsm_print_text(char *buffer, size_t size)
{
    struct out out = {buffer, size, 0};
    const struct fsm_row *rows;
    size_t count, i;
    int state;

    rows = fsm_rows(&count);
    put(&out, "%3s  %-12s %-10s %-12s %s\n", "row", "from", "event", "to", "why [if]");
    for (i = 0; i < count; i++) {
        for (state = 0; state < FSM_STATES; state++) {
            if ((rows[i].from & FSM_BIT(state)) == 0) {
                continue;
            }
            put(&out, "%3d  %-12s %-10s %-12s %s", rows[i].id,
                fsm_state_name((enum fsm_state)state), fsm_event_name(rows[i].on),
                fsm_state_name(rows[i].to), rows[i].why);
            if ((rows[i].needs | rows[i].bars) != 0) {
                put(&out, " [");
                put_conditions(&out, &rows[i], ", ");
                put(&out, "]");
            }
            put(&out, "\n");
        }
    }
    return out.used;
}

size_t fsm_print_dot(char *buffer, size_t size)
{
    static const char *const fill[FSM_STATES] = {"white",   "#dbeafe", "#bbf7d0",
                                                 "#fde68a", "#fecaca", "#ddd6fe"};
    struct out out = {buffer, size, 0};
    const struct fsm_row *rows;
    size_t count, i;
    int state;

    rows = fsm_rows(&count);
    put(&out, "digraph baton {\n  rankdir=LR;\n"
              "  node [shape=box, style=\"rounded,filled\", fontname=\"sans-serif\"];\n"
              "  edge [fontname=\"sans-serif\", fontsize=10];\n");
    for (state = 0; state < FSM_STATES; state++) {
        put(&out, "  %s [fillcolor=\"%s\"%s];\n", fsm_state_name((enum fsm_state)state),
            fill[state], state == FSM_UNKNOWN ? ", style=\"rounded,dashed\"" : "");
    }
    for (i = 0; i < count; i++) {
        for (state = 0; state < FSM_STATES; state++) {
            if ((rows[i].from & FSM_BIT(state)) == 0) {
                continue;
            }
            put(&out, "  %s -> %s [label=\"%s\", tooltip=\"%d: %s\"%s];\n",
                fsm_state_name((enum fsm_state)state), fsm_state_name(rows[i].to),
                fsm_event_name(rows[i].on), rows[i].id, rows[i].why,
                rows[i].on == FSM_PROMOTE || rows[i].on == FSM_RECLAIM ? ", penwidth=2" : "");
        }
    }
    put(&out, "}\n");
    return out.used;
}
