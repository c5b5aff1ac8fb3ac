#include "progress.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RATE_KEPT_MS  2300 /* what was before weighs as much as so long a time */
#define RATE_EVERY_MS 1000 /* so long a time is measured at once */
#define STALLED_MS    5000 /* nothing heard for so long: say so */
#define BAR_MAX       30
#define BAR_MIN       8

void progress_init(struct progress *progress, const char *tool, int64_t now_ms)
{
    *progress = (struct progress){
        .robocopy = strcmp(tool, "robocopy") == 0, .percent = -1, .file_part = -1};
    progress->began_ms = progress->heard_ms = now_ms;
}

/* ---- Reading ----------------------------------------------------------------------------- */

/* A number, perhaps with a sign between its thousands. `*at` goes behind it; -1: none. */
static int64_t number(const char **at)
{
    const char *c = *at;
    int64_t value = -1;

    while (*c == ' ' || *c == '\t') {
        c++;
    }
    for (; isdigit((unsigned char)*c) || (value >= 0 && (*c == ',' || *c == '.')); c++) {
        if (isdigit((unsigned char)*c) && value < INT64_MAX / 10 - 10) {
            value = (value < 0 ? 0 : value) * 10 + (*c - '0');
        }
    }
    *at = c;
    return value;
}

static void read_rsync(struct progress *progress, const char *line)
{
    const char *at = line, *sent = strstr(line, "(xfr#");
    int64_t bytes = number(&at), percent = number(&at);

    if (bytes < 0 || percent < 0 || percent > 100 || *at != '%') {
        return;
    }
    progress->bytes = bytes;
    progress->percent = (int)percent;
    progress->bytes_total = percent > 0 ? bytes / percent * 100 : 0;
    if (sent != NULL) {
        progress->files = strtoll(sent + 5, NULL, 10);
    }
}

/* What was under way is there: robocopy has gone on to the next. */
static void next_file(struct progress *progress, int64_t bytes)
{
    progress->bytes += progress->file_bytes;
    progress->files += progress->file_part < 0 ? 0 : 1;
    progress->file_bytes = bytes;
    progress->file_part = 0;
}

static void read_robocopy(struct progress *progress, const char *line)
{
    const char *at = line;
    char *end;
    double part;
    bool is_part;
    int64_t bytes;

    if (strncmp(line, "total ", 6) == 0) {
        strtoll(line + 6, &end, 10); /* files */
        progress->bytes_total = strtoll(end, NULL, 10);
        return;
    }
    while (*at == ' ' || *at == '\t') {
        at++;
    }
    part = strtod(at, &end);
    is_part = end != at && *end == '%';
    at = is_part ? end + 1 : at;
    bytes = number(&at);
    if (bytes >= 0 && (*at == ' ' || *at == '\t')) {
        next_file(progress, bytes); /* several threads name a file behind its 100 % */
    }
    if (is_part) {
        progress->file_part = part / 100;
    }
}

static int64_t bytes_now(const struct progress *progress)
{
    double part = progress->file_part > 0 ? progress->file_part : 0;

    return progress->bytes + (int64_t)((double)progress->file_bytes * part);
}

static void measure(struct progress *progress, int64_t now_ms)
{
    int64_t span_ms = now_ms - progress->heard_ms, bytes = bytes_now(progress);
    double rate, weight = (double)span_ms / (double)(span_ms + RATE_KEPT_MS);

    if (span_ms < RATE_EVERY_MS) {
        return;
    }
    if (bytes >= progress->heard_bytes) {
        rate = (double)(bytes - progress->heard_bytes) * 1000 / (double)span_ms;
        progress->rate = progress->rate > 0 ? progress->rate * (1 - weight) + rate * weight : rate;
    }
    progress->heard_ms = now_ms;
    progress->heard_bytes = bytes;
}

static void read_line(struct progress *progress)
{
    progress->line[progress->used] = '\0';
    progress->used = 0;
    if (!progress->robocopy) {
        read_rsync(progress, progress->line);
        return;
    }
    read_robocopy(progress, progress->line);
    if (progress->bytes_total > 0) {
        int64_t percent = bytes_now(progress) * 100 / progress->bytes_total;

        progress->percent = percent > 100 ? 100 : (int)percent;
    }
}

void progress_feed(struct progress *progress, const char *out, size_t len, int64_t now_ms)
{
    size_t i;

    for (i = 0; i < len; i++) {
        if (out[i] == '\r' || out[i] == '\n') {
            read_line(progress);
        } else if (progress->used + 1 < sizeof progress->line) {
            progress->line[progress->used++] = out[i];
        }
    }
    measure(progress, now_ms);
}

/* ---- Words ------------------------------------------------------------------------------- */

static const char *size_words(double bytes, char *text, size_t size)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    size_t unit = 0;

    while (bytes >= 999.5 && unit + 1 < sizeof units / sizeof units[0]) {
        bytes /= 1000;
        unit++;
    }
    snprintf(text, size, bytes < 9.95 && unit > 0 ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
    return text;
}

static const char *count_words(int64_t count, char *text, size_t size)
{
    char digits[32];
    int n = snprintf(digits, sizeof digits, "%lld", (long long)count);
    size_t used = 0;
    int i;

    for (i = 0; i < n && used + 2 < size; i++) {
        if (i > 0 && (n - i) % 3 == 0) {
            text[used++] = ',';
        }
        text[used++] = digits[i];
    }
    text[used] = '\0';
    return text;
}

static const char *time_words(double seconds, char *text, size_t size)
{
    if (seconds < 90) {
        snprintf(text, size, "%.0f s", seconds);
    } else if (seconds < 90 * 60) {
        snprintf(text, size, "%.0f min", seconds / 60);
    } else {
        snprintf(text, size, "%.1f h", seconds / 3600);
    }
    return text;
}

static void join(char *text, size_t size, const char *piece, const char *tail)
{
    size_t used = strlen(text);

    if (used < size) {
        snprintf(text + used, size - used, "%s%s%s", used > 0 ? ", " : "", piece, tail);
    }
}

void progress_words(const struct progress *progress, int64_t now_ms, char *text, size_t size)
{
    int64_t bytes = bytes_now(progress), quiet_ms = now_ms - progress->heard_ms;
    char word[64];

    text[0] = '\0';
    if (progress->percent >= 0) {
        snprintf(word, sizeof word, "%d", progress->percent);
        join(text, size, word, " %");
    }
    join(text, size, size_words((double)bytes, word, sizeof word), "");
    if (progress->files > 0) {
        join(
            text, size, count_words(progress->files, word, sizeof word),
            progress->files == 1 ? " file" : " files");
    }
    if (quiet_ms >= STALLED_MS) {
        join(text, size, "nothing for ", time_words((double)quiet_ms / 1000, word, sizeof word));
        return;
    }
    if (progress->rate >= 1) {
        join(text, size, size_words(progress->rate, word, sizeof word), "/s");
        if (progress->bytes_total > bytes) {
            double left = (double)(progress->bytes_total - bytes) / progress->rate;

            join(text, size, time_words(left, word, sizeof word), " left");
        }
    }
}

void progress_bar(
    const struct progress *progress, int64_t now_ms, int columns, char *text, size_t size)
{
    char words[160];
    size_t used = 0;
    int width, full, i;

    progress_words(progress, now_ms, words, sizeof words);
    width = columns - (int)strlen(words) - 1;
    width = width > BAR_MAX ? BAR_MAX : width;
    if (progress->percent < 0 || width < BAR_MIN) {
        snprintf(text, size, "%.*s", columns > 0 ? columns : 0, words);
        return;
    }
    full = width * progress->percent / 100;
    for (i = 0; i < width && used + 4 < size; i++) {
        used += (size_t)snprintf(text + used, size - used, "%s", i < full ? "█" : "░");
    }
    snprintf(text + used, size - used, " %s", words);
}

void progress_sum(const struct progress *progress, int64_t now_ms, char *text, size_t size)
{
    int64_t bytes = progress->bytes + progress->file_bytes;
    int64_t files = progress->files + (progress->robocopy && progress->file_part >= 0 ? 1 : 0);
    double seconds = (double)(now_ms - progress->began_ms) / 1000;
    char word[64];

    text[0] = '\0';
    if (files == 0) {
        return;
    }
    join(text, size, size_words((double)bytes, word, sizeof word), " in ");
    count_words(files, word, sizeof word);
    snprintf(text + strlen(text), size - strlen(text), "%s file%s", word, files == 1 ? "" : "s");
    if (seconds >= 0.5) {
        join(text, size, size_words((double)bytes / seconds, word, sizeof word), "/s");
    }
}
