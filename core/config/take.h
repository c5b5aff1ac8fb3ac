/* Private to core/config: one attribute, one element, taken out of the document. What can't be
 * taken is reported with its line, and the reading goes on, so that all errors are found. */
#ifndef BATON_CONFIG_TAKE_H
#define BATON_CONFIG_TAKE_H

#include "config/read.h"

struct reader {
    const char *file;
    struct config *config;
    struct report *report;
    bool peers; /* there is a <peers>: each node's own Baton acts there */
};

typedef bool take_rule_fn(const char *text, const char **wants); /* as in value.h */

/* Say that an attribute's value is none. */
void take_wrong(
    const struct reader *r, const xmlNode *node, const char *name, const char *value,
    const char *wants);

/* The value, owned by the caller; NULL where it isn't there (the schema tells) or bad. */
char *take_text(const struct reader *r, const xmlNode *node, const char *name);
char *take_by(const struct reader *r, const xmlNode *node, const char *name, take_rule_fn *rule);
char *take_path(const struct reader *r, const xmlNode *node, const char *name);
char *take_file(
    const struct reader *r, const xmlNode *node, const char *name, enum files_rule rule);

/* Left as it is where the attribute isn't there, or bad. */
void take_duration(const struct reader *r, const xmlNode *node, const char *name, int64_t *ms);
int64_t take_number(
    const struct reader *r, const xmlNode *node, const char *name, int64_t min, int64_t max,
    int64_t fallback);
size_t take_memory(const struct reader *r, const xmlNode *node); /* 0: the default */

/* Index of the word, -1 where it isn't there; an unknown one is the schema's to tell. */
int take_word(const xmlNode *node, const char *name, const char *const *words, int count);
bool take_flag(const xmlNode *node, const char *name, bool fallback); /* yes or no */

/* Replace a default, where the file says something: takes `value`. */
void take_replace(char **field, char *value);

/* This node or the next one that is an element; NULL: no more. */
const xmlNode *take_next(const xmlNode *node);
bool take_is(const xmlNode *node, const char *name);

/* Room for one more in an array, zeroed; NULL, reported, where there is none. */
void *take_room(
    const struct reader *r, const xmlNode *node, void *array, int count, int max, size_t size);

#endif
