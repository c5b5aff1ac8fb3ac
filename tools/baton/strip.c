/* The smallest drawing of a story, for the index: who serves, and outage, in true proportion. */
#include "draw.h"

#define STRIP_WIDTH  160
#define STRIP_HEIGHT 12

static void add_bar(
    xmlTextWriter *out, const struct story *story, const char *name, int64_t from_ms, int64_t to_ms,
    int y, int height)
{
    double scale = STRIP_WIDTH / (double)(story->end_ms > 0 ? story->end_ms : 1);
    double width = (double)(to_ms - from_ms) * scale;

    tag_open(out, "g");
    tag_set(out, "class", "%s", name);
    tag_open(out, "rect");
    draw_px(out, "x", (double)from_ms * scale);
    tag_set(out, "y", "%d", y);
    draw_px(out, "width", width < 1 ? 1 : width);
    tag_set(out, "height", "%d", height);
    tag_close(out);
    tag_close(out);
}

void report_draw_strip(xmlTextWriter *out, const struct story *story)
{
    int row = STRIP_HEIGHT / (story->n_nodes > 0 ? story->n_nodes : 1), i;

    row = row < 3 ? 3 : row;
    tag_open(out, "svg");
    tag_set(out, "class", "strip");
    tag_set(out, "width", "%d", STRIP_WIDTH);
    tag_set(out, "height", "%d", row * story->n_nodes);
    tag_set(out, "role", "img");
    tag_set(
        out, "aria-label", "%d outage%s, %d move%s", story->n_outages,
        story->n_outages == 1 ? "" : "s", story->figures.moves,
        story->figures.moves == 1 ? "" : "s");
    add_bar(out, story, "idle", 0, story->end_ms, 0, row * story->n_nodes);
    for (i = 0; i < story->n_spans; i++) {
        const struct run_span *span = &story->span[i];

        if (span->serves) {
            add_bar(out, story, "active", span->from_ms, span->to_ms, span->node * row, row);
        }
    }
    for (i = 0; i < story->n_outages; i++) {
        add_bar(
            out, story, "down", story->outage[i].from_ms, story->outage[i].to_ms, 0,
            row * story->n_nodes);
    }
    tag_close(out);
}
