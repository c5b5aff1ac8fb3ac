/* Flags above the lanes: faults, commands, the daemon, and notices after which nothing goes on as
 * it should. Each has a pole through all lanes. */
#include "draw.h"

#include <stdlib.h>
#include <string.h>

#define FLAG_FONT 12.4 /* bold is wider */

/* Notices after which nothing goes on as it should. */
static const char *flag_word(const struct run_entry *entry)
{
    static const char *const words[] = {"cancelled", "failed", "hold", "rogue"};
    size_t i;

    for (i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(entry->name, words[i]) == 0 && entry->level >= WORLD_WARNING) {
            return words[i];
        }
    }
    return NULL;
}

bool flag_is(const struct run_entry *entry)
{
    return entry->kind == RUN_FAULT || entry->kind == RUN_OPERATOR ||
           (entry->kind == RUN_DAEMON && entry->at_ms > 0) ||
           (entry->kind == RUN_NOTICE && flag_word(entry) != NULL);
}

static void place_flag(struct drawing *d, struct draw_flag *flag, double *ends)
{
    double x = axis_x(&d->axis, flag->entry->at_ms);
    double width = draw_text_px(flag->words, FLAG_FONT) + 14;

    flag->before = x + width > d->axis.width && x > width;
    x = flag->before ? x - width : x;
    while (flag->row < DRAW_FLAGS_MAX - 1 && ends[flag->row] > x) {
        flag->row++;
    }
    flag->bare = flag->row == DRAW_FLAGS_MAX - 1;
    if (!flag->bare) {
        ends[flag->row] = x + width + (flag->before ? 4 : 0);
    }
    d->flag_rows = flag->row + 1 > d->flag_rows ? flag->row + 1 : d->flag_rows;
}

static void set_words(struct draw_flag *flag)
{
    const char *word = flag->entry->kind == RUN_NOTICE ? flag_word(flag->entry) : NULL;
    char clipped[192];

    if (word != NULL && strstr(flag->entry->text, word) != NULL) {
        word = NULL; /* it says so itself */
    }
    snprintf(
        flag->words, sizeof flag->words, "%s%s%s", word != NULL ? word : "",
        word != NULL ? ": " : "", draw_clip(flag->entry->text, 46, clipped, sizeof clipped));
}

bool flag_gather(struct drawing *d)
{
    double ends[DRAW_FLAGS_MAX] = {0};
    int i;

    d->flag = calloc((size_t)d->story->n_entries + 1, sizeof *d->flag);
    for (i = 0; d->flag != NULL && i < d->story->n_entries; i++) {
        struct draw_flag *flag = &d->flag[d->n_flags];

        if (flag_is(&d->story->entry[i])) {
            flag->entry = &d->story->entry[i];
            set_words(flag);
            place_flag(d, flag, ends);
            d->n_flags++;
        }
    }
    return d->flag != NULL;
}

void flag_draw(const struct drawing *d, const struct draw_flag *flag)
{
    static const char *const kinds[] = {
        [RUN_FAULT] = "fault",
        [RUN_OPERATOR] = "operator",
        [RUN_DAEMON] = "daemon",
        [RUN_NOTICE] = "notice",
    };
    bool lifts = flag->entry->kind == RUN_FAULT && !flag->entry->begins;
    double x = axis_x(&d->axis, flag->entry->at_ms);
    int y = flag->row * DRAW_FLAG;
    char time[48];

    tag_open(d->out, "g");
    tag_set(d->out, "class", "flag %s%s", kinds[flag->entry->kind], lifts ? " lifted" : "");
    tag_set(d->out, "data-at", "%lld", (long long)flag->entry->at_ms);
    tag_open(d->out, "rect");
    draw_px(d->out, "x", x - 0.5);
    tag_set(d->out, "y", "%d", y + 3);
    tag_set(d->out, "width", "1");
    tag_set(d->out, "height", "%d", d->bottom - y - 3);
    tag_close(d->out);
    tag_open(d->out, "circle");
    draw_px(d->out, "cx", x);
    tag_set(d->out, "cy", "%d", y + 8);
    tag_set(d->out, "r", "4");
    story_time(flag->entry->at_ms, d->story->end_ms, time, sizeof time);
    tag_leaf(d->out, "title", NULL, "%s\n%s", flag->entry->text, time + strspn(time, " "));
    tag_close(d->out);
    if (!flag->bare) {
        draw_text(
            d, flag->before ? "words end" : "words", flag->before ? x - 8 : x + 8, y + 12,
            flag->words);
    }
    tag_close(d->out);
}
