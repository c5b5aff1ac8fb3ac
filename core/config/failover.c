/* SmarterMail's failoverConfig.xml. Its root, nesting and namespace are not known: three
 * elements are found by their local names, wherever they are. */
#include "config/read.h"

#include "config/value.h"
#include "config/xml.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum setting {
    SHARED = 0,
    ADDRESS,
    ENABLED,
    SETTINGS
};

struct found {
    char *value[SETTINGS]; /* trimmed; NULL: not there */
    int line[SETTINGS];
};

static const char *const names[SETTINGS] = {
    "SharedSystemFilesPath", "FailoverIPAddress", "IsEnabled"};

static char *trimmed(const xmlNode *node)
{
    xmlChar *content = xmlNodeGetContent(node);
    const char *text = content != NULL ? (const char *)content : "";
    size_t len;
    char *copy;

    text += strspn(text, " \t\r\n");
    len = strlen(text);
    while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL) {
        len--;
    }
    copy = strndup(text, len);
    xmlFree(content);
    return copy;
}

static void take(const xmlNode *node, const char *file, struct found *found, struct report *report)
{
    int i;

    for (i = 0; i < SETTINGS; i++) {
        if (strcmp((const char *)node->name, names[i]) != 0) {
            continue;
        }
        if (found->line[i] != 0) {
            report_add(
                report, BATON_INVALID, file, xml_line(node),
                "<%s> is there twice (first in line %d): which one counts is not known, keep one",
                names[i], found->line[i]);
            return;
        }
        found->line[i] = xml_line(node);
        found->value[i] = trimmed(node);
    }
}

/* In the order of the document, without recursion: its depth is not ours. */
static void search(const xmlDoc *doc, const char *file, struct found *found, struct report *report)
{
    const xmlNode *node = xmlDocGetRootElement((xmlDoc *)(uintptr_t)doc);

    while (node != NULL) {
        if (node->type == XML_ELEMENT_NODE) {
            take(node, file, found, report);
        }
        if (node->type == XML_ELEMENT_NODE && node->children != NULL) {
            node = node->children;
            continue;
        }
        while (node != NULL && node->next == NULL) {
            node = node->parent != NULL && node->parent->type == XML_ELEMENT_NODE ? node->parent
                                                                                  : NULL;
        }
        node = node != NULL ? node->next : NULL;
    }
}

static bool is_set(const struct found *found, enum setting setting)
{
    return found->value[setting] != NULL && found->value[setting][0] != '\0';
}

bool failover_read(const char *file, struct config_failover *out, struct report *report)
{
    struct found found = {{NULL}, {0}};
    xmlDoc *doc = xml_read(file, report);
    int before = report->count + report->more;
    const char *wants;
    int i;

    memset(out, 0, sizeof *out);
    if (doc == NULL) {
        return false;
    }
    search(doc, file, &found, report);
    xmlFreeDoc(doc);
    if (found.line[SHARED] == 0 && found.line[ADDRESS] == 0 && found.line[ENABLED] == 0) {
        report_add(
            report, BATON_INVALID, file, 0,
            "has no SharedSystemFilesPath, FailoverIPAddress or IsEnabled: is it SmarterMail's "
            "failoverConfig.xml?");
    }
    if (is_set(&found, ADDRESS) && !value_address(found.value[ADDRESS], &wants)) {
        report_add(
            report, BATON_INVALID, file, found.line[ADDRESS], "FailoverIPAddress \"%s\" must be %s",
            found.value[ADDRESS], wants);
    }
    out->is_enabled = true;
    if (is_set(&found, ENABLED)) {
        out->is_enabled = strcasecmp(found.value[ENABLED], "true") == 0;
        if (!out->is_enabled && strcasecmp(found.value[ENABLED], "false") != 0) {
            report_add(
                report, BATON_INVALID, file, found.line[ENABLED],
                "IsEnabled \"%s\" must be True or False", found.value[ENABLED]);
        }
    }
    if (is_set(&found, SHARED)) {
        out->shared_system_files_path = strdup(found.value[SHARED]);
    }
    if (is_set(&found, ADDRESS)) {
        out->failover_ip_address = strdup(found.value[ADDRESS]);
    }
    for (i = 0; i < SETTINGS; i++) {
        free(found.value[i]);
    }
    if (report->count + report->more != before) {
        failover_fini(out);
        return false;
    }
    return true;
}

void failover_fini(struct config_failover *failover)
{
    free(failover->shared_system_files_path);
    free(failover->failover_ip_address);
    memset(failover, 0, sizeof *failover);
}

enum baton_err config_read_failover(
    const char *file, struct config_failover *out, struct baton_error *error)
{
    struct report report = {0};
    enum baton_err err;

    failover_read(file, out, &report);
    err = report_end(&report, error);
    report_fini(&report);
    return err;
}
