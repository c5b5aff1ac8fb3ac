/* The story drawn as inline SVG: a lane for each node, the client's beneath, and through all of
 * them what happened to the world (flag.c). Beside it, in a drawing of their own that stays in
 * sight when the other is scrolled, the names. */
#include "draw.h"

#include <stdlib.h>
#include <string.h>

#define AXIS_ROW 24
#define LANE_GAP 6
#define CLIENT   44

/* ---- What the files share -------------------------------------------------------------- */

void draw_px(xmlTextWriter *out, const char *name, double value)
{
    long long hundredths = (long long)(value * 100 + (value < 0 ? -0.5 : 0.5));
    long long rest = hundredths < 0 ? -hundredths : hundredths;

    tag_set(out, name, "%s%lld.%02lld", hundredths < 0 ? "-" : "", rest / 100, rest % 100);
}

void draw_bar(
    const struct drawing *d, const char *name, int64_t from_ms, int64_t to_ms, int y, int height,
    double least)
{
    double x = axis_x(&d->axis, from_ms), width = axis_x(&d->axis, to_ms) - x;

    tag_open(d->out, "rect");
    if (name != NULL) {
        tag_set(d->out, "class", "%s", name);
    }
    draw_px(d->out, "x", x);
    tag_set(d->out, "y", "%d", y);
    draw_px(d->out, "width", width < least ? least : width);
    tag_set(d->out, "height", "%d", height);
}

void draw_text(const struct drawing *d, const char *name, double x, int y, const char *text)
{
    tag_open(d->out, "text");
    tag_set(d->out, "class", "%s", name);
    draw_px(d->out, "x", x);
    tag_set(d->out, "y", "%d", y);
    tag_text(d->out, "%s", text);
    tag_close(d->out);
}

void draw_title(
    const struct drawing *d, const char *what, const char *more, int64_t from_ms, int64_t to_ms)
{
    char from[48], to[48], age[48];

    story_time(from_ms, d->story->end_ms, from, sizeof from);
    story_time(to_ms, d->story->end_ms, to, sizeof to);
    tag_leaf(
        d->out, "title", NULL, "%s: %s\n%s to %s (%s)", what, more, from + strspn(from, " "),
        to + strspn(to, " "), story_span(to_ms - from_ms, age, sizeof age));
}

static size_t characters(const char *text)
{
    size_t n = 0;

    for (; *text != '\0'; text++) {
        n += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return n;
}

double draw_text_px(const char *text, double font_px)
{
    return (double)characters(text) * font_px * 0.56;
}

const char *draw_clip(const char *text, int max, char *clipped, size_t size)
{
    int len = (int)characters(text), n = 0;
    size_t at = 0;

    if (len <= max) {
        return text;
    }
    while (text[at] != '\0' && at + 5 < size) {
        if (((unsigned char)text[at] & 0xc0) != 0x80 && n++ == max - 1) {
            break;
        }
        at++;
    }
    snprintf(clipped, size, "%.*s…", (int)at, text);
    return clipped;
}

/* ---- The axis -------------------------------------------------------------------------- */

/* Its words end before `until`, the edge of what is left out next. */
static void draw_tick(const struct drawing *d, int64_t at_ms, double until, double *free_from)
{
    double x = axis_x(&d->axis, at_ms), half;
    int y = d->top - AXIS_ROW;
    char label[32];

    axis_label(&d->axis, at_ms, label, sizeof label);
    half = draw_text_px(label, 10) / 2;
    tag_open(d->out, "rect");
    tag_set(d->out, "class", "grid");
    draw_px(d->out, "x", x - 0.5);
    tag_set(d->out, "y", "%d", d->top - 5);
    tag_set(d->out, "width", "1");
    tag_set(d->out, "height", "%d", d->bottom - d->top + 5);
    tag_close(d->out);
    if (x <= half && 2 * half <= until) { /* at the edge */
        draw_text(d, "tick", 0, y + 13, label);
        *free_from = 2 * half + 8;
    } else if (x - half >= *free_from && x + half <= until + 1) {
        draw_text(d, "tick middle", x, y + 13, label);
        *free_from = x + half + 8;
    }
}

static void draw_axis(const struct drawing *d)
{
    double free_from = 0;
    int i;

    for (i = 0; i < d->axis.n; i++) {
        const struct axis_piece *piece = &d->axis.piece[i];
        int64_t tick = d->axis.tick_ms, at_ms = (piece->from_ms + tick - 1) / tick * tick;

        if (piece->skipped) {
            free_from = piece->x + piece->width;
            continue;
        }
        for (; at_ms <= piece->to_ms; at_ms += tick) {
            draw_tick(d, at_ms, piece->x + piece->width, &free_from);
        }
    }
}

static void draw_skip(const struct drawing *d, const struct axis_piece *piece)
{
    char age[48];

    tag_open(d->out, "g");
    tag_set(d->out, "class", "skip");
    tag_open(d->out, "rect");
    draw_px(d->out, "x", piece->x);
    tag_set(d->out, "y", "%d", d->top - AXIS_ROW + 2);
    draw_px(d->out, "width", piece->width);
    tag_set(d->out, "height", "%d", d->bottom - d->top + AXIS_ROW - 2);
    draw_title(d, "left out", "nothing happens", piece->from_ms, piece->to_ms);
    tag_close(d->out);
    story_span(piece->to_ms - piece->from_ms, age, sizeof age);
    draw_text(
        d, "tick middle", piece->x + piece->width / 2, d->top - AXIS_ROW + 13,
        draw_text_px(age, 10) < piece->width ? age : "⋯");
    tag_close(d->out);
}

/* ---- Through all lanes ----------------------------------------------------------------- */

static void draw_bands(const struct drawing *d)
{
    int i;

    for (i = 0; i < d->story->n_outages; i++) {
        const struct story_interval *outage = &d->story->outage[i];

        tag_open(d->out, "g");
        tag_set(d->out, "class", "outage");
        tag_set(d->out, "data-from", "%lld", (long long)outage->from_ms);
        tag_set(d->out, "data-to", "%lld", (long long)outage->to_ms);
        draw_bar(d, NULL, outage->from_ms, outage->to_ms, d->top, d->bottom - d->top, 1);
        draw_title(d, "outage", "the client is not served", outage->from_ms, outage->to_ms);
        tag_close(d->out);
        tag_close(d->out);
    }
    for (i = 0; i < d->story->n_doubles; i++) {
        const struct story_interval *doubles = &d->story->doubles[i];

        tag_open(d->out, "g");
        tag_set(d->out, "class", "doubles");
        draw_bar(d, NULL, doubles->from_ms, doubles->to_ms, d->top, d->bottom - d->top, 2);
        draw_title(d, "two serve", "in truth", doubles->from_ms, doubles->to_ms);
        tag_close(d->out);
        tag_close(d->out);
    }
}

/* The baton goes from hand to hand. */
static void draw_passes(const struct drawing *d)
{
    int i;

    for (i = 1; i < d->n_holds; i++) {
        const struct draw_hold *from = &d->hold[i - 1], *to = &d->hold[i];
        double x0 = axis_x(&d->axis, from->to_ms), x1 = axis_x(&d->axis, to->from_ms);
        int y0 = d->lane[from->node].y + LANE_ROD + 2, y1 = d->lane[to->node].y + LANE_ROD + 2;
        int middle = (y0 + y1) / 2;

        if (from->node == to->node) {
            continue;
        }
        tag_open(d->out, "path");
        tag_set(d->out, "class", "pass");
        tag_set(
            d->out, "d", "M%lld,%d C%lld,%d %lld,%d %lld,%d", (long long)x0, y0, (long long)x0,
            middle, (long long)x1, middle, (long long)x1, y1);
        tag_close(d->out);
    }
}

/* What the client's lane says of an interval: what, how long, or as much as there is room for. */
static void draw_client_bar(
    const struct drawing *d, const char *kind, const char *what, const struct story_interval *at)
{
    double x = axis_x(&d->axis, at->from_ms), width = axis_x(&d->axis, at->to_ms) - x;
    int y = d->bottom - CLIENT + 10;
    char label[128], age[48];

    story_span(at->to_ms - at->from_ms, age, sizeof age);
    snprintf(label, sizeof label, "%s %s", what, age);
    if (strcmp(kind, "served") == 0) { /* how long is no news */
        snprintf(label, sizeof label, "%s", what);
    }
    tag_open(d->out, "g");
    tag_set(d->out, "class", "%s", kind);
    draw_bar(d, NULL, at->from_ms, at->to_ms, y, 24, 2);
    draw_title(d, "client", what, at->from_ms, at->to_ms);
    tag_close(d->out);
    if (draw_text_px(label, 12) + 8 <= width) {
        draw_text(d, "name", x + 7, y + 16, label);
    } else if (draw_text_px(what, 12) + 8 <= width) {
        draw_text(d, "name", x + 7, y + 16, what);
    } else if (draw_text_px(age, 10) + 4 <= width) {
        draw_text(d, "small middle", x + width / 2, y + 15, age);
    }
    tag_close(d->out);
}

static void draw_client(const struct drawing *d)
{
    int node, i;

    for (node = 0; node < d->story->n_nodes; node++) {
        struct story_interval at = {-1, -1};

        for (i = 0; i <= d->story->n_spans; i++) {
            const struct run_span *span = i < d->story->n_spans ? &d->story->span[i] : NULL;

            if (span != NULL && (span->node != node || !span->serves)) {
                continue;
            }
            if (at.from_ms >= 0 && (span == NULL || span->from_ms != at.to_ms)) {
                draw_client_bar(d, "served", d->story->node[node], &at);
                at.from_ms = -1;
            }
            if (span != NULL) {
                at.from_ms = at.from_ms < 0 ? span->from_ms : at.from_ms;
                at.to_ms = span->to_ms;
            }
        }
    }
    for (i = 0; i < d->story->n_outages; i++) {
        draw_client_bar(d, "down", "outage", &d->story->outage[i]);
    }
    for (i = 0; i < d->story->n_doubles; i++) {
        draw_client_bar(d, "both", "two serve", &d->story->doubles[i]);
    }
}

/* ---- The whole ------------------------------------------------------------------------- */

/* Around what is drawn: what is only told in the table may lie in a stretch that is left out. */
static bool lay_axis(struct drawing *d)
{
    const struct story *story = d->story;
    size_t room = (size_t)(story->n_entries + story->n_spans + d->n_steps + d->n_bads) * 2 + 1;
    int64_t *times = calloc(room, sizeof *times);
    int i, n = 0;

    if (times == NULL) {
        return false;
    }
    for (i = 0; i < story->n_entries; i++) {
        if (flag_is(&story->entry[i]) || story->entry[i].kind == RUN_OUTAGE) {
            times[n++] = story->entry[i].at_ms;
        }
    }
    for (i = 0; i < story->n_spans; i++) {
        times[n++] = story->span[i].from_ms;
    }
    for (i = 0; i < d->n_steps; i++) {
        times[n++] = d->step[i].from_ms;
        times[n++] = d->step[i].to_ms;
    }
    for (i = 0; i < d->n_bads; i++) {
        times[n++] = d->bad[i].from_ms;
        times[n++] = d->bad[i].to_ms;
    }
    axis_lay(&d->axis, times, n, story->end_ms);
    free(times);
    return true;
}

static bool lay_out(struct drawing *d)
{
    double widest = 60;
    int node;

    if (!lane_gather(d) || !lay_axis(d) || !flag_gather(d)) {
        return false;
    }
    d->top = d->flag_rows * DRAW_FLAG + AXIS_ROW;
    d->bottom = d->top;
    for (node = 0; node < d->story->n_nodes; node++) {
        double width = draw_text_px(d->story->node[node], 13);

        lane_place(d, node);
        d->lane[node].y = d->bottom;
        d->bottom += d->lane[node].height + LANE_GAP;
        widest = width > widest ? width : widest;
    }
    d->bottom += CLIENT;
    d->names_width = (int)(widest > 150 ? 150 : widest) + 26;
    return true;
}

static void open_svg(const struct drawing *d, const char *name, int width)
{
    tag_open(d->out, "svg");
    tag_set(d->out, "class", "%s", name);
    tag_set(d->out, "width", "%d", width);
    tag_set(d->out, "height", "%d", d->bottom + 2);
    tag_set(d->out, "viewBox", "0 0 %d %d", width, d->bottom + 2);
}

static void draw_names(const struct drawing *d)
{
    int node;

    open_svg(d, "names", d->names_width);
    tag_set(d->out, "aria-hidden", "true");
    for (node = 0; node < d->story->n_nodes; node++) {
        lane_draw_name(d, node);
    }
    draw_text(d, "node end", d->names_width - 12, d->bottom - CLIENT + 26, "client");
    tag_close(d->out);
}

static void draw_lanes(const struct drawing *d)
{
    int i;

    open_svg(d, "lanes", (int)d->axis.width + 3);
    tag_set(d->out, "role", "img");
    tag_set(
        d->out, "aria-label", "Timeline of %s; the table below says the same in words",
        d->story->name);
    for (i = 0; i < d->story->n_nodes; i++) {
        tag_open(d->out, "rect");
        tag_set(d->out, "class", "ground");
        tag_set(d->out, "x", "0");
        tag_set(d->out, "y", "%d", d->lane[i].y);
        tag_set(d->out, "width", "%d", (int)d->axis.width);
        tag_set(d->out, "height", "%d", d->lane[i].height);
        tag_close(d->out);
    }
    for (i = 0; i < d->axis.n; i++) {
        if (d->axis.piece[i].skipped) {
            draw_skip(d, &d->axis.piece[i]);
        }
    }
    draw_axis(d);
    draw_bands(d);
    for (i = 0; i < d->n_flags; i++) {
        flag_draw(d, &d->flag[i]);
    }
    draw_passes(d);
    for (i = 0; i < d->story->n_nodes; i++) {
        lane_draw(d, i);
    }
    draw_client(d);
    tag_close(d->out);
}

bool report_draw(xmlTextWriter *out, const struct story *story)
{
    struct drawing d = {.out = out, .story = story};
    bool ok = lay_out(&d);

    if (ok) {
        tag_open(out, "div");
        tag_set(out, "class", "drawing");
        tag_set(out, "tabindex", "0");
        draw_names(&d);
        draw_lanes(&d);
        tag_close(out);
    }
    free(d.step);
    free(d.bad);
    free(d.hold);
    free(d.flag);
    return ok;
}
