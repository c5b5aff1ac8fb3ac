/* The <guardian> of a group: what stops it where the daemon can't. */
#include "config/peers.h"

#include "config/value.h"
#include "config/xml.h"
#include "lease/guardian/protocol.h"

#include <stdlib.h>
#include <string.h>

static bool add_word(struct config_command *command, int *n_words, const char *word, size_t len)
{
    char **more = realloc(command->argv, (size_t)(*n_words + 2) * sizeof command->argv[0]);

    if (more == NULL) {
        return false;
    }
    command->argv = more;
    more[*n_words] = strndup(word, len);
    more[*n_words + 1] = NULL;
    return more[(*n_words)++] != NULL;
}

/* The words of `command`, split at blanks, then each <arg> as one more. */
static int read_words(const struct reader *r, const xmlNode *node, struct config_command *command)
{
    char *text = take_by(r, node, "command", value_command);
    const char *at = text != NULL ? text : "";
    const xmlNode *child;
    int n_words = 0;

    while (at += strspn(at, " "), *at != '\0') {
        size_t len = strcspn(at, " ");

        if (!add_word(command, &n_words, at, len)) {
            break;
        }
        at += len;
    }
    free(text);
    for (child = take_next(node->children); child != NULL; child = take_next(child->next)) {
        char *value = take_is(child, "arg") ? xml_attribute(child, "value") : NULL;

        if (value != NULL && n_words > 0) {
            add_word(command, &n_words, value, strlen(value));
        }
        free(value);
    }
    return n_words;
}

static void read_stop(const struct reader *r, const xmlNode *node, struct config_group *group)
{
    struct config_command *command, *more = take_room(
                                        r, node, group->guardian, group->n_guardian,
                                        GUARDIAN_COMMANDS_MAX, sizeof group->guardian[0]);
    size_t bytes = 0;
    int i, n_words;

    if (more == NULL) {
        return;
    }
    group->guardian = more;
    command = &group->guardian[group->n_guardian++];
    n_words = read_words(r, node, command);
    take_duration(r, node, "deadline", &command->deadline_ms);
    command->effect = take_text(r, node, "effect");
    for (i = 0; i < n_words; i++) {
        bytes += strlen(command->argv[i]) + 1;
    }
    if (n_words > GUARDIAN_WORDS_MAX || bytes > GUARDIAN_TEXT_MAX) {
        report_add(
            r->report, BATON_LIMIT, r->file, xml_line(node),
            "<stop>: a command has at most %d words and %d bytes, this one has %d and %zu: put it "
            "into a script, and name that",
            GUARDIAN_WORDS_MAX, GUARDIAN_TEXT_MAX, n_words, bytes);
    }
}

void guardian_read(const struct reader *r, const xmlNode *node, struct config_group *group)
{
    const xmlNode *child;

    if (!r->peers) {
        report_add(
            r->report, BATON_INVALID, r->file, xml_line(node),
            "<guardian>: it guards a lease, and there is none without <peers>: add that, or remove "
            "this");
    }
    for (child = take_next(node->children); child != NULL; child = take_next(child->next)) {
        if (take_is(child, "stop")) {
            read_stop(r, child, group);
        }
    }
}

void guardian_free(struct config_group *group)
{
    int i, j;

    for (i = 0; i < group->n_guardian; i++) {
        for (j = 0; group->guardian[i].argv != NULL && group->guardian[i].argv[j] != NULL; j++) {
            free(group->guardian[i].argv[j]);
        }
        free(group->guardian[i].argv);
        free(group->guardian[i].effect);
    }
    free(group->guardian);
}
