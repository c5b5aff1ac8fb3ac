#include "config/take.h"

#include "config/value.h"
#include "config/xml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMORY_MIN (256 << 10)
#define MEMORY_MAX ((int64_t)1 << 30)
#define VALUE_MAX  4096

void take_wrong(
    const struct reader *r, const xmlNode *node, const char *name, const char *value,
    const char *wants)
{
    report_add(
        r->report, BATON_INVALID, r->file, xml_line(node), "<%s>: %s=\"%.200s\" must be %s",
        node->name, name, value, wants);
}

char *take_text(const struct reader *r, const xmlNode *node, const char *name)
{
    char *value = xml_attribute(node, name);
    size_t i;

    if (value == NULL) {
        return NULL;
    }
    for (i = 0; value[i] != '\0' && (unsigned char)value[i] >= ' '; i++) {
    }
    if (i == 0 || value[i] != '\0' || i > VALUE_MAX) {
        report_add(
            r->report, BATON_INVALID, r->file, xml_line(node), "<%s>: %s %s", node->name, name,
            i == 0             ? "is empty: say what, or leave it out"
            : value[i] != '\0' ? "has a line break or a control character: remove it"
                               : "is longer than 4096 characters: shorten it");
        free(value);
        return NULL;
    }
    return value;
}

char *take_by(const struct reader *r, const xmlNode *node, const char *name, take_rule_fn *rule)
{
    char *value = take_text(r, node, name);
    const char *wants = "";

    if (value != NULL && !rule(value, &wants)) {
        take_wrong(r, node, name, value, wants);
        free(value);
        return NULL;
    }
    return value;
}

char *take_path(const struct reader *r, const xmlNode *node, const char *name)
{
    char *value = take_text(r, node, name), *path = NULL;

    if (value != NULL) {
        path = files_resolve(r->file, value);
        free(value);
    }
    return path;
}

void take_replace(char **field, char *value)
{
    if (value != NULL) {
        free(*field);
        *field = value;
    }
}

void take_duration(const struct reader *r, const xmlNode *node, const char *name, int64_t *ms)
{
    char *value = take_text(r, node, name);
    const char *wants;
    int64_t read_ms;

    if (value != NULL && value_duration(value, &read_ms, &wants)) {
        *ms = read_ms;
    } else if (value != NULL) {
        take_wrong(r, node, name, value, wants);
    }
    free(value);
}

int64_t take_number(
    const struct reader *r, const xmlNode *node, const char *name, int64_t min, int64_t max,
    int64_t fallback)
{
    char *value = take_text(r, node, name), wants[80];
    int64_t number = fallback;

    if (value != NULL && !value_number(value, min, max, &number)) {
        snprintf(wants, sizeof wants, "a number from %lld to %lld", (long long)min, (long long)max);
        take_wrong(r, node, name, value, wants);
        number = fallback;
    }
    free(value);
    return number;
}

size_t take_memory(const struct reader *r, const xmlNode *node)
{
    char *value = take_text(r, node, "memory");
    const char *wants;
    int64_t bytes = 0;

    if (value != NULL && !value_size(value, &bytes, &wants)) {
        take_wrong(r, node, "memory", value, wants);
        bytes = 0;
    } else if (value != NULL && (bytes < MEMORY_MIN || bytes > MEMORY_MAX)) {
        take_wrong(r, node, "memory", value, "from 256K to 1G");
        bytes = 0;
    }
    free(value);
    return (size_t)bytes;
}

int take_word(const xmlNode *node, const char *name, const char *const *words, int count)
{
    char *value = xml_attribute(node, name);
    int i, found = -1;

    for (i = 0; value != NULL && i < count; i++) {
        found = strcmp(value, words[i]) == 0 ? i : found;
    }
    free(value);
    return found;
}

const xmlNode *take_next(const xmlNode *node)
{
    while (node != NULL && node->type != XML_ELEMENT_NODE) {
        node = node->next;
    }
    return node;
}

bool take_is(const xmlNode *node, const char *name)
{
    return strcmp((const char *)node->name, name) == 0;
}

void *take_room(
    const struct reader *r, const xmlNode *node, void *array, int count, int max, size_t size)
{
    char *more = NULL;

    if (count == max) {
        report_add(
            r->report, BATON_LIMIT, r->file, xml_line(node), "more than %d <%s>: remove some", max,
            node->name);
        return NULL;
    }
    more = realloc(array, (size_t)(count + 1) * size);
    if (more == NULL) {
        report_add(r->report, BATON_NOMEM, r->file, xml_line(node), "no memory");
        return NULL;
    }
    memset(more + (size_t)count * size, 0, size);
    return more;
}

char *take_file(const struct reader *r, const xmlNode *node, const char *name, enum files_rule rule)
{
    char *path = take_path(r, node, name), what[80];

    if (path != NULL) {
        snprintf(what, sizeof what, "<%s>: %s", node->name, name);
        files_check(rule, what, path, r->file, xml_line(node), r->report);
    }
    return path;
}

bool take_flag(const xmlNode *node, const char *name, bool fallback)
{
    static const char *const words[] = {"no", "yes"};
    int word = take_word(node, name, words, 2);

    return word >= 0 ? word == 1 : fallback;
}
