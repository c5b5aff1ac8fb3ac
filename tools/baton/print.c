#include "baton.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool print_terminal(void)
{
    return isatty(STDOUT_FILENO) == 1;
}

bool print_fancy(void)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

    return print_terminal() && (no == NULL || no[0] == '\0') &&
           (term == NULL || strcmp(term, "dumb") != 0);
}

const char *print_bold(void)
{
    return print_fancy() ? "\033[1m" : "";
}

const char *print_dim(void)
{
    return print_fancy() ? "\033[2m" : "";
}

const char *print_plain(void)
{
    return print_fancy() ? "\033[0m" : "";
}

const char *print_colour(const char *word)
{
    static const struct {
        const char *word, *sequence;
    } colours[] = {
        {"Active", "\033[32m"},      {"Standby", "\033[36m"},     {"Degraded", "\033[31m"},
        {"FailingOver", "\033[33m"}, {"FailingBack", "\033[33m"}, {"done", "\033[32m"},
        {"ok", "\033[32m"},          {"failed", "\033[31m"},      {"fail", "\033[31m"},
        {"no", "\033[31m"},          {"unknown", "\033[33m"},     {"unsure", "\033[33m"},
        {"hold", "\033[31m"},        {"paused", "\033[33m"},      {"running", "\033[33m"},
        {"resting", "\033[33m"},
    };
    size_t i;

    for (i = 0; print_fancy() && i < sizeof colours / sizeof colours[0]; i++) {
        if (strcmp(colours[i].word, word) == 0) {
            return colours[i].sequence;
        }
    }
    return "";
}

static void two_units(
    char *text, size_t size, long long large, const char *unit, long long small,
    const char *small_unit)
{
    if (small == 0) {
        snprintf(text, size, "%lld %s", large, unit);
    } else {
        snprintf(text, size, "%lld %s %lld %s", large, unit, small, small_unit);
    }
}

const char *print_age(int64_t ms, char *text, size_t size)
{
    long long s = ms / 1000;

    if (ms < 1000) {
        snprintf(text, size, "%lld ms", (long long)ms);
    } else if (s < 10 && ms % 1000 >= 100) {
        snprintf(text, size, "%lld.%lld s", s, (long long)(ms % 1000 / 100));
    } else if (s < 60) {
        snprintf(text, size, "%lld s", s);
    } else if (s < 3600) {
        two_units(text, size, s / 60, "min", s % 60, "s");
    } else if (s < 86400) {
        two_units(text, size, s / 3600, "h", s % 3600 / 60, "min");
    } else {
        two_units(text, size, s / 86400, "d", s % 86400 / 3600, "h");
    }
    return text;
}

const char *print_step_words(const json_t *step, char *text, size_t size)
{
    const char *what = text_at(step, "what"), *action = text_at(step, "action");

    if (action[0] == '\0') {
        snprintf(text, size, "%s", what);
    } else if (strncmp(action, what, strlen(what)) == 0) {
        snprintf(text, size, "%s", action);
    } else {
        snprintf(text, size, "%s: %s", what, action);
    }
    return text;
}

void print_json(const json_t *json)
{
    json_dumpf(json, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    putchar('\n');
}

void print_json_line(const json_t *json)
{
    json_dumpf(json, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
    putchar('\n');
    fflush(stdout);
}

int print_error(const struct args *args, int code, const char *word, const char *format, ...)
{
    char text[2048];
    va_list list;

    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    if (args != NULL && args->json) {
        json_t *object =
            json_pack("{s:b,s:{s:s,s:s}}", "ok", 0, "error", "code", word, "text", text);

        print_json_line(object);
        json_decref(object);
    } else {
        fprintf(stderr, "baton: %s\n", text);
    }
    return code;
}

const char *text_at(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text == NULL ? "" : text;
}

int64_t int_at(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

bool bool_at(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}
