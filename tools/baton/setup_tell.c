/* What `baton init` and `baton migrate` say. */
#include "setup.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define DRAW_EVERY_MS 200
#define TELL_PERCENT  10 /* in a pipe a line for each so much */

int64_t tell_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

json_t *tell_text(const char *text)
{
    json_t *json = json_string(text);
    char *clean, *c;

    if (json != NULL) {
        return json;
    }
    clean = strdup(text);
    for (c = clean; c != NULL && *c != '\0'; c++) {
        if ((unsigned char)*c >= 0x80) {
            *c = '?';
        }
    }
    json = json_string(clean != NULL ? clean : "");
    free(clean);
    return json;
}

static int columns(void)
{
    struct winsize size;

    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/* ---- A step ------------------------------------------------------------------------------ */

static const struct sign {
    const char *outcome, *fancy, *plain, *colour, *words;
} signs[] = {
    {"done", "✓", "done", "done", ""},
    {"already", "✓", "already so", "done", "already so"},
    {"before", "✓", "done before", "done", "done before"},
    {"failed", "✗", "failed", "failed", ""},
    {"unknown", "✗", "unknown", "unknown", "it can't be found out"},
    {"stopped", "✗", "stopped", "failed", ""},
    {"waits", "▸", "waits", "running", ""},
    {"skipped", "–", "skipped", "", "skipped"},
    {"undone", "✓", "undone", "done", "undone"},
    {"stays", "·", "stays", "", ""},
    {"plan", "▸", "would run", "running", ""},
    {"", "·", "", "", ""},
};

static const struct sign *sign_of(const char *outcome)
{
    const struct sign *sign = signs;

    while (sign->outcome[0] != '\0' && strcmp(sign->outcome, outcome) != 0) {
        sign++;
    }
    return sign;
}

static void print_head(const struct setup *setup, const struct setup_unit *unit, const char *sign)
{
    printf(
        "%s %2d/%d %s%s%s", sign, unit->number, setup->n_units, unit->step->title,
        unit->on[0] != '\0' ? ", " : "", unit->on);
}

void tell_begin(struct setup *setup, const struct setup_unit *unit)
{
    setup->told_percent = 0;
    setup->drawn_ms = 0;
    if (setup->args->json || !print_fancy()) {
        return;
    }
    printf("\r\033[K%s", print_colour("running"));
    print_head(setup, unit, "▸");
    printf("%s …", print_plain());
    fflush(stdout);
}

static json_t *lines_json(const char *more)
{
    json_t *lines = json_array();
    const char *end;
    char *line;

    for (; more != NULL && *more != '\0'; more = *end == '\n' ? end + 1 : end) {
        end = strchrnul(more, '\n');
        line = strndup(more, (size_t)(end - more));
        json_array_append_new(lines, tell_text(line != NULL ? line : ""));
        free(line);
    }
    return lines;
}

static void end_as_json(
    const struct setup *setup, const struct setup_unit *unit, const char *outcome,
    const char *detail, const char *more)
{
    json_t *object = json_object();

    json_object_set_new(object, "step", tell_text(unit->step->name));
    json_object_set_new(object, "title", tell_text(unit->step->title));
    json_object_set_new(object, "node", unit->on[0] != '\0' ? tell_text(unit->on) : json_null());
    json_object_set_new(object, "number", json_integer(unit->number));
    json_object_set_new(object, "of", json_integer(setup->n_units));
    json_object_set_new(object, "outcome", json_string(outcome));
    json_object_set_new(object, "detail", tell_text(detail));
    json_object_set_new(object, "took_ms", json_integer(tell_now_ms() - unit->began_ms));
    if (more != NULL) {
        json_object_set_new(
            object, strcmp(outcome, "plan") == 0 ? "plan" : "human", lines_json(more));
    }
    print_json_line(object);
    json_decref(object);
}

static void print_lines(const char *text)
{
    const char *end;

    for (; text != NULL && *text != '\0'; text = *end == '\n' ? end + 1 : end) {
        end = strchrnul(text, '\n');
        printf("        %.*s\n", (int)(end - text), text);
    }
}

/* What a task says that has nothing to say. */
static bool says_something(const char *detail)
{
    return detail[0] != '\0' && strcmp(detail, "yes") != 0 && strcmp(detail, "done") != 0 &&
           strcmp(detail, "exit 0") != 0;
}

void tell_end(
    struct setup *setup, const struct setup_unit *unit, const char *outcome, const char *detail,
    const char *more)
{
    const struct sign *sign = sign_of(outcome);
    int64_t took_ms = tell_now_ms() - unit->began_ms;
    const char *words = sign->words;
    char age[64];

    if (setup->args->json) {
        end_as_json(setup, unit, outcome, detail, more);
        return;
    }
    if (print_fancy()) {
        printf("\r\033[K%s", print_colour(sign->colour));
        print_head(setup, unit, sign->fancy);
        printf("%s", print_plain());
    } else {
        char plain[16];

        words = "";
        snprintf(plain, sizeof plain, "%-11s", sign->plain);
        print_head(setup, unit, plain);
    }
    if (words[0] != '\0') {
        printf(": %s", words);
    }
    if (says_something(detail)) {
        printf("%s%s", words[0] != '\0' ? ", " : ": ", detail);
    }
    if (unit->copied[0] != '\0') {
        printf(", %s", unit->copied);
    }
    if (took_ms >= 1000 && strcmp(outcome, "waits") != 0) {
        printf(" (%s)", print_age(took_ms, age, sizeof age));
    }
    putchar('\n');
    print_lines(more);
    fflush(stdout);
}

/* ---- A copy ------------------------------------------------------------------------------ */

static void draw(struct setup *setup, const char *node, const struct progress *progress)
{
    int64_t now_ms = tell_now_ms();
    char head[64], bar[512];

    if (now_ms - setup->drawn_ms < DRAW_EVERY_MS) {
        return;
    }
    setup->drawn_ms = now_ms;
    snprintf(head, sizeof head, "▸ %2d/%d %.40s ", setup->now->number, setup->n_units, node);
    progress_bar(progress, now_ms, columns() - (int)strlen(head), bar, sizeof bar);
    printf("\r\033[K%s%s", head, bar);
    fflush(stdout);
}

static void tell_percent(struct setup *setup, const char *node, const struct progress *progress)
{
    char words[160];

    if (progress->percent / TELL_PERCENT > setup->told_percent / TELL_PERCENT) {
        setup->told_percent = progress->percent;
        progress_words(progress, tell_now_ms(), words, sizeof words);
        printf("            %s%s%s\n", node, node[0] != '\0' ? ": " : "", words);
        fflush(stdout);
    }
}

void tell_progress(void *arg, const char *node, const struct progress *progress)
{
    struct setup *setup = arg;

    setup->shown = progress;
    setup->shown_node = node;
    if (setup->now == NULL || progress == NULL) {
        return;
    }
    progress_sum(progress, tell_now_ms(), setup->now->copied, sizeof setup->now->copied);
    if (setup->args->json) {
        return;
    }
    if (print_fancy()) {
        draw(setup, node, progress);
    } else {
        tell_percent(setup, node, progress);
    }
}

void tell_tick(struct setup *setup)
{
    if (setup->shown != NULL && setup->now != NULL && !setup->args->json && print_fancy()) {
        draw(setup, setup->shown_node, setup->shown);
    }
}

/* ---- Of the run -------------------------------------------------------------------------- */

void tell(const struct setup *setup, const char *format, ...)
{
    va_list list;

    if (setup->args->json) {
        return;
    }
    va_start(list, format);
    vprintf(format, list);
    va_end(list);
    putchar('\n');
    fflush(stdout);
}

int tell_last(struct setup *setup, int code, const char *word, const char *format, ...)
{
    char text[BATON_ERROR_TEXT_MAX + 256];
    va_list list;
    json_t *object;

    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    if (!setup->args->json) {
        fflush(stdout);
        if (code == BATON_DONE) {
            printf("%s\n", text);
        } else {
            fprintf(stderr, "baton: %s\n", text);
        }
        return code;
    }
    object = json_pack(
        "{s:b,s:s,s:s,s:i,s:i,s:i}", "ok", code == BATON_DONE, "setup", setup->name, "group",
        setup->group->name, "steps", setup->n_units, "done", setup->done, "already",
        setup->already);
    if (code == BATON_DONE) {
        json_object_set_new(object, "text", tell_text(text));
    } else {
        json_t *error = json_pack("{s:s}", "code", word);

        json_object_set_new(error, "text", tell_text(text));
        json_object_set_new(object, "error", error);
    }
    print_json_line(object);
    json_decref(object);
    return code;
}
