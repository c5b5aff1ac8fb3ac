/* The drawing of a story: what its files share. draw.c lays it out and draws what goes through
 * all lanes; lane.c draws one node, flag.c the flags above.
 *
 * Numbers are written without the C library's %f: its decimal point is the locale's. */
#ifndef BATON_TOOLS_BATON_DRAW_H
#define BATON_TOOLS_BATON_DRAW_H

#include "report.h"

#define DRAW_PROBES_MAX 6 /* rows of probes in a lane; the last has all others */
#define DRAW_STEPS_MAX  9 /* rows of steps; the last is for those without room for a name */
#define DRAW_FLAGS_MAX  6 /* likewise of flags */

#define DRAW_FLAG       17 /* height of a row of flags */

#define LANE_ROD        17 /* of a lane, from its top: the baton, … */
#define LANE_STATE      23
#define LANE_STATES     24 /* … and how high that bar is */
#define LANE_TRUTH      50
#define LANE_TRUTHS     11
#define LANE_ROWS       67 /* probes, then steps */
#define LANE_PROBE      12
#define LANE_STEP       16
#define LANE_FOOT       8

struct draw_step {
    int node, row;
    int64_t from_ms, to_ms;
    bool open; /* did not end */
    bool bare; /* no room for its name */
    bool well;
    const char *name, *text;
};

struct draw_bad { /* a probe was not well */
    int node, row;
    int64_t from_ms, to_ms;
    enum group_outcome outcome;
    const char *name, *text;
};

struct draw_hold { /* a node had the baton */
    int node;
    int64_t from_ms, to_ms, epoch;
};

struct draw_flag {
    const struct run_entry *entry;
    int row;
    bool bare, before; /* no room for its words; they stand before the pole */
    char words[208];
};

struct draw_lane {
    int y, height;
    int n_probes, n_steps; /* rows */
    const char *probe[DRAW_PROBES_MAX];
};

struct drawing {
    xmlTextWriter *out;
    const struct story *story;
    struct axis axis;
    struct draw_lane lane[GROUP_NODES_MAX];
    int names_width, top, bottom; /* lanes from … to …: the client's is the last */
    int n_steps, n_bads, n_holds, n_flags;
    struct draw_step *step;
    struct draw_bad *bad;
    struct draw_hold *hold; /* in order of time */
    struct draw_flag *flag;
    int flag_rows;
};

/* Does that line have a flag? */
bool flag_is(const struct run_entry *entry);
/* Gather the flags, and how many rows they take; needs the axis. False: no memory. */
bool flag_gather(struct drawing *d);
void flag_draw(const struct drawing *d, const struct draw_flag *flag);

/* Gather what the lanes show. False: no memory. */
bool lane_gather(struct drawing *d);
/* Which row each of it takes in one lane, and how high that is; needs the axis. */
void lane_place(struct drawing *d, int node);
void lane_draw(const struct drawing *d, int node);
/* What stands beside it. */
void lane_draw_name(const struct drawing *d, int node);

/* x="12.34" */
void draw_px(xmlTextWriter *out, const char *name, double value);
/* A rectangle from … to …, at least `least` px wide; its element stays open, for a title. */
void draw_bar(
    const struct drawing *d, const char *name, int64_t from_ms, int64_t to_ms, int y, int height,
    double least);
void draw_text(const struct drawing *d, const char *name, double x, int y, const char *text);
/* <title>, what a pointer shows: "what, 1:04.250 to 15:01.100 (13 min 57 s)". */
void draw_title(
    const struct drawing *d, const char *what, const char *more, int64_t from_ms, int64_t to_ms);
/* How wide that text is, about: nobody measures fonts here. */
double draw_text_px(const char *text, double font_px);
/* As much of it as `max` characters; "…" at its end where it was cut. */
const char *draw_clip(const char *text, int max, char *clipped, size_t size);

#endif
