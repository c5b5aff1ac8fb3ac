/* One node's lane: the baton, its states, whether it serves in truth, probes that were not well,
 * and the steps that were done on it. */
#include "draw.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define STEP_FONT 10.0

/* ---- Gathering ------------------------------------------------------------------------- */

static struct draw_step *find_step(const struct drawing *d, const struct run_entry *entry)
{
    int i;

    for (i = d->n_steps - 1; i >= 0; i--) {
        struct draw_step *step = &d->step[i];

        if (step->open && step->node == entry->node && strcmp(step->name, entry->name) == 0) {
            return step;
        }
    }
    return NULL;
}

static void take_step(struct drawing *d, const struct run_entry *entry)
{
    struct draw_step *step = find_step(d, entry);

    if (entry->begins) {
        d->step[d->n_steps++] = (struct draw_step){
            .node = entry->node,
            .from_ms = entry->at_ms,
            .to_ms = d->story->end_ms,
            .open = true,
            .name = entry->name,
            .text = entry->text};
    } else if (step != NULL) {
        step->open = false;
        step->to_ms = entry->at_ms;
        step->well = entry->level < WORLD_WARNING; /* a look is well where it sees nothing */
        step->text = entry->text;
    }
}

static struct draw_bad *find_bad(const struct drawing *d, const struct run_entry *entry)
{
    int i;

    for (i = d->n_bads - 1; i >= 0; i--) {
        struct draw_bad *bad = &d->bad[i];

        assert(bad->name != NULL);
        if (bad->node == entry->node && strcmp(bad->name, entry->name) == 0) {
            return bad->to_ms < 0 ? bad : NULL;
        }
    }
    return NULL;
}

static void take_probe(struct drawing *d, const struct run_entry *entry)
{
    struct draw_bad *bad = find_bad(d, entry);

    if (bad != NULL) {
        bad->to_ms = entry->at_ms;
    }
    if (entry->outcome != GROUP_OK) {
        d->bad[d->n_bads++] = (struct draw_bad){
            .node = entry->node,
            .from_ms = entry->at_ms,
            .to_ms = -1,
            .outcome = entry->outcome,
            .name = entry->name,
            .text = entry->text};
    }
}

/* A daemon that is killed knows nothing any more, among peers of its own node; so does the end
 * of the story. */
static void end_all(struct drawing *d, int node, int64_t at_ms)
{
    int i;

    for (i = 0; i < d->n_bads; i++) {
        if (d->bad[i].to_ms < 0 && (node == GROUP_NOBODY || d->bad[i].node == node)) {
            d->bad[i].to_ms = at_ms;
        }
    }
    for (i = 0; i < d->n_steps; i++) {
        if (d->step[i].open && d->step[i].to_ms > at_ms &&
            (node == GROUP_NOBODY || d->step[i].node == node)) {
            d->step[i].to_ms = at_ms;
        }
    }
}

static int64_t epoch_before(const struct story *story, int node, int64_t before_ms)
{
    int64_t epoch = 0;
    int i;

    for (i = 0; i < story->n_entries && story->entry[i].at_ms < before_ms; i++) {
        if (story->entry[i].kind == RUN_GRANT && story->entry[i].node == node) {
            epoch = story->entry[i].epoch;
        }
    }
    return epoch;
}

static int by_from(const void *left, const void *right)
{
    const struct draw_hold *a = left, *b = right;

    return (a->from_ms > b->from_ms) - (a->from_ms < b->from_ms);
}

static void take_holds(struct drawing *d)
{
    int node, i;

    for (node = 0; node < d->story->n_nodes; node++) {
        struct draw_hold *last = NULL;

        for (i = 0; i < d->story->n_spans; i++) {
            const struct run_span *span = &d->story->span[i];

            if (span->node != node || !span->holds) {
                continue;
            }
            if (last != NULL && last->to_ms == span->from_ms) {
                last->to_ms = span->to_ms;
            } else {
                last = &d->hold[d->n_holds++];
                *last = (struct draw_hold){node, span->from_ms, span->to_ms, 0};
            }
        }
    }
    for (i = 0; i < d->n_holds; i++) { /* it is told once it is recorded, a moment later */
        d->hold[i].epoch = epoch_before(d->story, d->hold[i].node, d->hold[i].to_ms);
    }
    qsort(d->hold, (size_t)d->n_holds, sizeof *d->hold, by_from);
}

bool lane_gather(struct drawing *d)
{
    const struct story *story = d->story;
    int i;

    d->step = calloc((size_t)story->n_entries + 1, sizeof *d->step);
    d->bad = calloc((size_t)story->n_entries + 1, sizeof *d->bad);
    d->hold = calloc((size_t)story->n_spans + 1, sizeof *d->hold);
    if (d->step == NULL || d->bad == NULL || d->hold == NULL) {
        return false;
    }
    for (i = 0; i < story->n_entries; i++) {
        const struct run_entry *entry = &story->entry[i];

        if (entry->kind == RUN_STEP && entry->node >= 0) {
            take_step(d, entry);
        } else if (entry->kind == RUN_PROBE && entry->node >= 0) {
            take_probe(d, entry);
        } else if (entry->kind == RUN_DAEMON) {
            end_all(d, story->peers ? entry->node : GROUP_NOBODY, entry->at_ms);
        }
    }
    end_all(d, GROUP_NOBODY, story->end_ms);
    take_holds(d);
    return true;
}

/* ---- Rows ------------------------------------------------------------------------------ */

static int probe_row(struct draw_lane *lane, const char *name)
{
    int i = 0;

    while (i < lane->n_probes && strcmp(lane->probe[i], name) != 0) {
        i++;
    }
    if (i == DRAW_PROBES_MAX) {
        lane->probe[i - 1] = "others";
        return i - 1;
    }
    if (i == lane->n_probes) {
        lane->probe[lane->n_probes++] = name;
    }
    return i;
}

/* What it is, and how it ended where that was not well. */
static const char *step_label(const struct draw_step *step, char *text, size_t size)
{
    snprintf(text, size, "%s%s", step->name, step->well ? "" : step->open ? " …" : " ✕");
    return text;
}

static double step_label_px(const struct draw_step *step)
{
    char label[GROUP_TEXT_MAX];

    /* What failed is bold. */
    return draw_text_px(step_label(step, label, sizeof label), STEP_FONT) * (step->well ? 1 : 1.1) +
           5;
}

/* The first row that is free there, with room for its name; like stairs for one after another. */
static void place_step(const struct drawing *d, struct draw_step *step, double *ends, int *rows)
{
    double x = axis_x(&d->axis, step->from_ms), to = axis_x(&d->axis, step->to_ms);
    double with_name;
    int row = 0;

    to = to < x + 3 ? x + 3 : to;
    with_name = to + step_label_px(step);
    if (with_name > d->axis.width) { /* its name stands before it */
        x -= step_label_px(step);
        with_name = to;
    }
    while (row < DRAW_STEPS_MAX - 1 && ends[row] > x) {
        row++;
    }
    step->bare = row == DRAW_STEPS_MAX - 1;
    step->row = row;
    ends[row] = with_name + 4;
    *rows = row + 1 > *rows ? row + 1 : *rows;
}

void lane_place(struct drawing *d, int node)
{
    struct draw_lane *lane = &d->lane[node];
    double ends[DRAW_STEPS_MAX] = {0};
    int i;

    for (i = 0; i < d->n_bads; i++) {
        if (d->bad[i].node == node) {
            d->bad[i].row = probe_row(lane, d->bad[i].name);
        }
    }
    for (i = 0; i < d->n_steps; i++) {
        if (d->step[i].node == node) {
            place_step(d, &d->step[i], ends, &lane->n_steps);
        }
    }
    lane->height = LANE_ROWS + lane->n_probes * LANE_PROBE + lane->n_steps * LANE_STEP + LANE_FOOT;
}

/* ---- Drawing --------------------------------------------------------------------------- */

static const char *state_class(enum fsm_state state)
{
    static const char *const classes[FSM_STATES] = {"unknown",  "standby",      "active",
                                                    "degraded", "failing-over", "failing-back"};

    return classes[(unsigned)state < FSM_STATES ? state : 0];
}

/* The name of the state, as much of it as there is room for. */
static const char *state_label(enum fsm_state state, double width)
{
    static const char *const letters[FSM_STATES] = {"?", "S", "A", "D", "O", "B"};
    const char *name = state == FSM_UNKNOWN ? "not seen yet" : fsm_state_name(state);

    if (draw_text_px(name, 12) + 10 <= width) {
        return name;
    }
    return width >= 10 ? letters[(unsigned)state < FSM_STATES ? state : 0] : "";
}

static void draw_state(
    const struct drawing *d, int node, enum fsm_state state, int64_t from_ms, int64_t to_ms)
{
    double x = axis_x(&d->axis, from_ms), width = axis_x(&d->axis, to_ms) - x;
    int y = d->lane[node].y + LANE_STATE;
    const char *label = state_label(state, width);

    tag_open(d->out, "g");
    tag_set(d->out, "class", "state %s", state_class(state));
    tag_set(d->out, "data-state", "%s", fsm_state_name(state));
    tag_set(d->out, "data-from", "%lld", (long long)from_ms);
    tag_set(d->out, "data-to", "%lld", (long long)to_ms);
    draw_bar(d, NULL, from_ms, to_ms, y, LANE_STATES, 1);
    draw_title(d, d->story->node[node], fsm_state_name(state), from_ms, to_ms);
    tag_close(d->out);
    if (label[0] != '\0') {
        bool letter = width < draw_text_px(label, 12) + 10;

        draw_text(
            d, letter ? "name middle" : "name", letter ? x + width / 2 : x + 7, y + 16, label);
    }
    tag_close(d->out);
}

/* Spans follow one another whenever anything of them changes: one bar for each state. */
static void draw_states(const struct drawing *d, int node)
{
    int64_t from_ms = -1, to_ms = 0;
    enum fsm_state state = FSM_UNKNOWN;
    int i;

    for (i = 0; i < d->story->n_spans; i++) {
        const struct run_span *span = &d->story->span[i];

        if (span->node != node || span->to_ms <= span->from_ms) {
            continue;
        }
        if (from_ms >= 0 && (span->state != state || span->from_ms != to_ms)) {
            draw_state(d, node, state, from_ms, to_ms);
            from_ms = -1;
        }
        from_ms = from_ms < 0 ? span->from_ms : from_ms;
        to_ms = span->to_ms;
        state = span->state;
    }
    if (from_ms >= 0) {
        draw_state(d, node, state, from_ms, to_ms);
    }
}

static void draw_truth(const struct drawing *d, int node, int64_t from_ms, int64_t to_ms)
{
    int y = d->lane[node].y + LANE_TRUTH;
    double x = axis_x(&d->axis, from_ms);

    tag_open(d->out, "g");
    tag_set(d->out, "class", "truth");
    draw_bar(d, NULL, from_ms, to_ms, y, LANE_TRUTHS, 1);
    draw_title(d, d->story->node[node], "serves in truth", from_ms, to_ms);
    tag_close(d->out);
    if (axis_x(&d->axis, to_ms) - x > 42) {
        draw_text(d, "small", x + 7, y + 9, "serves");
    }
    tag_close(d->out);
}

static void draw_truths(const struct drawing *d, int node)
{
    int64_t from_ms = -1, to_ms = 0;
    int i;

    for (i = 0; i < d->story->n_spans; i++) {
        const struct run_span *span = &d->story->span[i];

        if (span->node != node || !span->serves) {
            continue;
        }
        if (from_ms >= 0 && span->from_ms != to_ms) {
            draw_truth(d, node, from_ms, to_ms);
            from_ms = -1;
        }
        from_ms = from_ms < 0 ? span->from_ms : from_ms;
        to_ms = span->to_ms;
    }
    if (from_ms >= 0) {
        draw_truth(d, node, from_ms, to_ms);
    }
}

static void draw_bads(const struct drawing *d, int node)
{
    int i;

    for (i = 0; i < d->n_bads; i++) {
        const struct draw_bad *bad = &d->bad[i];
        int y = d->lane[node].y + LANE_ROWS + bad->row * LANE_PROBE;
        double x = axis_x(&d->axis, bad->from_ms);

        if (bad->node != node) {
            continue;
        }
        tag_open(d->out, "g");
        tag_set(d->out, "class", bad->outcome == GROUP_FAIL ? "probe fail" : "probe unsure");
        draw_bar(d, NULL, bad->from_ms, bad->to_ms, y + 3, 5, 2);
        draw_title(
            d, bad->name, bad->outcome == GROUP_FAIL ? "failed" : "unknown", bad->from_ms,
            bad->to_ms);
        tag_close(d->out);
        draw_text(d, "sign", x < 6 ? x + 1 : x - 5, y + 9, bad->outcome == GROUP_FAIL ? "✕" : "?");
        tag_close(d->out);
    }
}

static void draw_step(const struct drawing *d, const struct draw_step *step)
{
    const struct draw_lane *lane = &d->lane[step->node];
    int y = lane->y + LANE_ROWS + lane->n_probes * LANE_PROBE + step->row * LANE_STEP;
    double x = axis_x(&d->axis, step->from_ms), to = axis_x(&d->axis, step->to_ms);
    bool well = step->well;
    char label[GROUP_TEXT_MAX];

    to = to < x + 3 ? x + 3 : to;
    step_label(step, label, sizeof label);
    tag_open(d->out, "g");
    tag_set(d->out, "class", well ? "step" : "step fail");
    tag_set(d->out, "data-step", "%s", step->name);
    draw_bar(d, NULL, step->from_ms, step->to_ms, y + 4, 8, 3);
    draw_title(d, step->name, step->text, step->from_ms, step->to_ms);
    tag_close(d->out);
    if (!step->bare && to + step_label_px(step) > d->axis.width) {
        draw_text(d, "small end", x - 4, y + 11, label);
    } else if (!step->bare) {
        draw_text(d, "small", to + 4, y + 11, label);
    }
    tag_close(d->out);
}

static void draw_rods(const struct drawing *d, int node)
{
    int y = d->lane[node].y, i;

    for (i = 0; i < d->n_holds; i++) {
        const struct draw_hold *hold = &d->hold[i];
        double x = axis_x(&d->axis, hold->from_ms), width = axis_x(&d->axis, hold->to_ms) - x;
        char label[48];

        if (hold->node != node) {
            continue;
        }
        snprintf(label, sizeof label, "baton, epoch %lld", (long long)hold->epoch);
        tag_open(d->out, "g");
        tag_set(d->out, "class", "baton");
        draw_bar(d, NULL, hold->from_ms, hold->to_ms, y + LANE_ROD, 4, 3);
        draw_title(d, d->story->node[node], label, hold->from_ms, hold->to_ms);
        tag_close(d->out);
        label[hold->epoch > 0 ? strlen(label) : 5] = '\0';
        if (draw_text_px(label, 10) + 4 < width) {
            draw_text(d, "small", x + 1, y + LANE_ROD - 4, label);
        }
        tag_close(d->out);
    }
}

void lane_draw(const struct drawing *d, int node)
{
    int i;

    tag_open(d->out, "g");
    tag_set(d->out, "class", "lane");
    tag_set(d->out, "data-node", "%s", d->story->node[node]);
    draw_rods(d, node);
    draw_states(d, node);
    draw_truths(d, node);
    draw_bads(d, node);
    for (i = 0; i < d->n_steps; i++) {
        if (d->step[i].node == node) {
            draw_step(d, &d->step[i]);
        }
    }
    tag_close(d->out);
}

void lane_draw_name(const struct drawing *d, int node)
{
    const struct draw_lane *lane = &d->lane[node];
    double x = d->names_width - 12;
    char clipped[128];
    int i;

    draw_text(
        d, "node end", x, lane->y + LANE_STATE + 16,
        draw_clip(d->story->node[node], 20, clipped, sizeof clipped));
    draw_text(d, "small end", x, lane->y + LANE_TRUTH + 9, "in truth");
    for (i = 0; i < lane->n_probes; i++) {
        draw_text(
            d, "small end", x, lane->y + LANE_ROWS + i * LANE_PROBE + 9,
            draw_clip(lane->probe[i], 18, clipped, sizeof clipped));
    }
    if (lane->n_steps > 0) {
        draw_text(
            d, "small end", x, lane->y + LANE_ROWS + lane->n_probes * LANE_PROBE + 11, "steps");
    }
}
