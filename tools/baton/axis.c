/* The time axis of the drawing. A story is long stretches of nothing with seconds of much in
 * between, so it is drawn in one scale where something happens, and stretches in which
 * nothing does are left out, each in the same width with its length written on it. */
#include "report.h"

#include <stdlib.h>
#include <string.h>

#define WIDTH       1060.0 /* that fits a page … */
#define WIDTH_MAX   2400.0 /* … and that may be scrolled, where a second were too short else */
#define SCALE_LEAST 0.009  /* px a ms: less needs a wider page … */
#define SCALE_GOOD  0.012  /* … with that much */
#define SCALE_FINE  0.025  /* leave out no more than this takes */
#define SCALE_MAX   0.08
#define TICK_PX     58.0 /* room for a label */

static int by_value(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;

    return (a > b) - (a < b);
}

static void add_piece(struct axis *axis, int64_t from_ms, int64_t to_ms, bool skipped)
{
    if (to_ms > from_ms && axis->n < AXIS_PIECES_MAX) {
        axis->piece[axis->n++] = (struct axis_piece){from_ms, to_ms, 0, 0, skipped};
    }
}

/* Leave out what is longer than `quiet_ms`, but for some room beside what happens. Returns the
 * scale with which that fits into `width`; 0: it does not. */
static double cut(
    struct axis *axis, const int64_t *times, int n, int64_t end_ms, int64_t quiet_ms, double width)
{
    int64_t room_ms = quiet_ms / 10, from_ms = 0, last_ms = 0, shown_ms = 0;
    int i, skips = 0;

    axis->n = 0;
    for (i = 0; i <= n; i++) {
        int64_t at_ms = i < n ? times[i] : end_ms;

        if (at_ms < 0 || at_ms > end_ms) {
            continue;
        }
        if (at_ms - last_ms > quiet_ms) {
            if (skips == AXIS_PIECES_MAX / 2) {
                return 0;
            }
            add_piece(axis, from_ms, last_ms + room_ms, false);
            add_piece(axis, last_ms + room_ms, at_ms - room_ms, true);
            from_ms = at_ms - room_ms;
            skips++;
        }
        last_ms = at_ms;
    }
    add_piece(axis, from_ms, end_ms, false);
    for (i = 0; i < axis->n; i++) {
        shown_ms += axis->piece[i].skipped ? 0 : axis->piece[i].to_ms - axis->piece[i].from_ms;
    }
    width -= skips * AXIS_SKIP;
    return width <= 0 || shown_ms == 0 ? 0 : width / (double)shown_ms;
}

/* Of all lengths that could be called quiet, the longest with a `good` scale, else the one that
 * shows most. */
static int64_t choose_quiet(
    struct axis *axis, const int64_t *times, int n, int64_t end_ms, double width, double good,
    double *scale)
{
    static const int64_t quiets_s[] = {1000000000, 86400, 21600, 7200, 3600, 1800,
                                       600,        300,   120,   60,   30,   20};
    int64_t best_ms = quiets_s[0] * 1000;
    size_t i;

    *scale = 0;
    for (i = 0; i < sizeof quiets_s / sizeof quiets_s[0] && *scale < good; i++) {
        double this_one = cut(axis, times, n, end_ms, quiets_s[i] * 1000, width);

        if (this_one > *scale * 1.3) {
            *scale = this_one;
            best_ms = quiets_s[i] * 1000;
        }
    }
    return best_ms;
}

static int64_t choose_tick(double scale)
{
    static const int64_t ticks_ms[] = {500,     1000,    2000,    5000,     10000,    15000,
                                       30000,   60000,   120000,  300000,   600000,   900000,
                                       1800000, 3600000, 7200000, 10800000, 21600000, 43200000};
    size_t i;

    for (i = 0; i < sizeof ticks_ms / sizeof ticks_ms[0]; i++) {
        if ((double)ticks_ms[i] * scale >= TICK_PX) {
            return ticks_ms[i];
        }
    }
    return (int64_t)(TICK_PX / scale / 86400000 + 1) * 86400000;
}

void axis_lay(struct axis *axis, int64_t *times, int n, int64_t end_ms)
{
    double scale, x = 0;
    int64_t quiet_ms;
    int i;

    memset(axis, 0, sizeof *axis);
    end_ms = end_ms > 0 ? end_ms : 1;
    qsort(times, (size_t)n, sizeof *times, by_value);
    quiet_ms = choose_quiet(axis, times, n, end_ms, WIDTH, SCALE_FINE, &scale);
    if (scale < SCALE_LEAST) {
        quiet_ms = choose_quiet(axis, times, n, end_ms, WIDTH_MAX, SCALE_MAX, &scale);
        scale = scale > SCALE_GOOD ? SCALE_GOOD : scale;
    }
    cut(axis, times, n, end_ms, quiet_ms, WIDTH_MAX);
    scale = scale > SCALE_MAX ? SCALE_MAX : scale;
    axis->px_per_ms = scale;
    axis->tick_ms = choose_tick(scale);
    for (i = 0; i < axis->n; i++) {
        struct axis_piece *piece = &axis->piece[i];

        piece->x = x;
        piece->width = piece->skipped ? AXIS_SKIP : (double)(piece->to_ms - piece->from_ms) * scale;
        x += piece->width;
    }
    axis->width = x;
}

double axis_x(const struct axis *axis, int64_t ms)
{
    const struct axis_piece *piece = axis->piece;
    int i = 0;

    while (i + 1 < axis->n && ms >= piece[i].to_ms) {
        i++;
    }
    if (ms <= piece[i].from_ms) {
        return piece[i].x;
    }
    if (ms >= piece[i].to_ms) {
        return piece[i].x + piece[i].width;
    }
    return piece[i].x + piece[i].width * (double)(ms - piece[i].from_ms) /
                            (double)(piece[i].to_ms - piece[i].from_ms);
}

const char *axis_label(const struct axis *axis, int64_t ms, char *text, size_t size)
{
    long long s = ms / 1000, end_s = axis->n > 0 ? axis->piece[axis->n - 1].to_ms / 1000 : 0;

    if (end_s < 3600) {
        snprintf(text, size, "%lld:%02lld", s / 60, s % 60);
    } else if (s >= 86400 * 3LL && s % 86400 == 0) {
        snprintf(text, size, "%lld d", s / 86400);
    } else {
        snprintf(text, size, "%lld:%02lld:%02lld", s / 3600, s % 3600 / 60, s % 60);
    }
    if (axis->tick_ms < 1000) {
        size_t len = strlen(text);

        snprintf(text + len, size - len, ".%lld", (long long)(ms % 1000 / 100));
    }
    return text;
}
