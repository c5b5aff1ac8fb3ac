#include "config/schema.h"

#include "config/config.h"
#include "config/xml.h"

#include <assert.h>
#include <libxml/parser.h>
#include <libxml/relaxng.h>
#include <libxml/xmlschemastypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The file itself, so that what is shipped for editors is what validates. */
__asm__(".section .rodata\n"
        "config_schema_text:\n"
        ".incbin \"" BATON_SCHEMA "\"\n"
        "config_schema_end:\n"
        ".byte 0\n"
        ".balign 8\n"
        "config_schema_len:\n"
        ".quad config_schema_end - config_schema_text\n"
        ".previous\n");
extern const char config_schema_text[];
extern const uint64_t config_schema_len;

const char *config_schema(size_t *len)
{
    *len = (size_t)config_schema_len;
    return config_schema_text;
}

/* ---- What is allowed where ---- */

#define ALLOWED_MAX 32

struct allowed { /* one attribute or element that a schema element may hold */
    char name[32];
    const xmlNode *is; /* its <attribute> or <element> in the schema */
    bool element, required, many;
};

struct content {
    int count;
    struct allowed item[ALLOWED_MAX];
};

static bool is_called(const xmlNode *node, const char *name)
{
    return node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, name) == 0;
}

static const xmlNode *definition(const xmlNode *ref)
{
    char *name = xml_attribute(ref, "name");
    const xmlNode *node = xmlDocGetRootElement(ref->doc)->children;

    for (; node != NULL; node = node->next) {
        if (is_called(node, "define")) {
            char *defined = xml_attribute(node, "name");
            bool found = name != NULL && defined != NULL && strcmp(defined, name) == 0;

            free(defined);
            if (found) {
                break;
            }
        }
    }
    free(name);
    assert(node != NULL); /* the schema is ours */
    return node;
}

static void collect(const xmlNode *pattern, bool required, bool many, struct content *content);

static void collect_one(const xmlNode *node, bool required, bool many, struct content *content)
{
    if (is_called(node, "element") || is_called(node, "attribute")) {
        struct allowed *item = &content->item[content->count++];
        char *name = xml_attribute(node, "name");

        assert(content->count <= ALLOWED_MAX && name != NULL);
        snprintf(item->name, sizeof item->name, "%s", name);
        free(name);
        item->is = node;
        item->element = is_called(node, "element");
        item->required = required;
        item->many = many;
    } else if (is_called(node, "ref")) {
        collect(definition(node), required, many, content);
    } else if (is_called(node, "optional") || is_called(node, "choice")) {
        collect(node, false, many, content);
    } else if (is_called(node, "zeroOrMore")) {
        collect(node, false, true, content);
    } else if (is_called(node, "oneOrMore")) {
        collect(node, required, true, content);
    } else if (is_called(node, "interleave") || is_called(node, "group")) {
        collect(node, required, many, content);
    }
}

static void collect(const xmlNode *pattern, bool required, bool many, struct content *content)
{
    const xmlNode *node;

    for (node = pattern->children; node != NULL; node = node->next) {
        if (node->type == XML_ELEMENT_NODE) {
            collect_one(node, required, many, content);
        }
    }
}

static const struct allowed *find(const struct content *content, bool element, const xmlChar *name)
{
    int i;

    for (i = 0; i < content->count; i++) {
        if (content->item[i].element == element &&
            strcmp(content->item[i].name, (const char *)name) == 0) {
            return &content->item[i];
        }
    }
    return NULL;
}

static const char *list_of(const struct content *content, bool element, char *text, size_t size)
{
    size_t at = 0;
    int i;

    snprintf(text, size, "nothing");
    for (i = 0; i < content->count && at < size; i++) {
        if (content->item[i].element == element) {
            at += (size_t)snprintf(
                text + at, size - at, element ? "%s<%s>" : "%s%s", at > 0 ? ", " : "",
                content->item[i].name);
        }
    }
    return text;
}

/* ---- The walk ---- */

struct walk {
    const char *file;
    struct report *report;
};

/* The words that a <choice> of <value>s allows; 0 where it is no such choice. */
static int words_of(
    const xmlNode *attribute, const char *value, bool *found, char *text, size_t size)
{
    const xmlNode *node = attribute->children, *word;
    size_t at = 0;
    int count = 0;

    *found = false;
    while (node != NULL && !is_called(node, "choice")) {
        node = is_called(node, "ref") ? definition(node)->children : node->next;
    }
    for (word = node != NULL ? node->children : NULL; word != NULL; word = word->next) {
        if (is_called(word, "value") && at < size) {
            const char *allowed = (const char *)word->children->content;

            at += (size_t)snprintf(text + at, size - at, "%s%s", count > 0 ? ", " : "", allowed);
            *found = *found || strcmp(allowed, value) == 0;
            count++;
        }
    }
    return count;
}

static void walk_attribute(
    const struct walk *w, const xmlNode *node, const xmlAttr *attr, const struct content *content)
{
    const struct allowed *allowed = find(content, false, attr->name);
    char text[512], *value;
    bool found;

    if (allowed == NULL || attr->ns != NULL) {
        report_add(
            w->report, BATON_INVALID, w->file, xml_line(node),
            "unknown attribute \"%s\" of <%s>; it may have: %s", attr->name, node->name,
            list_of(content, false, text, sizeof text));
        return;
    }
    value = xml_attribute(node, allowed->name);
    if (value != NULL && words_of(allowed->is, value, &found, text, sizeof text) > 0 && !found) {
        report_add(
            w->report, BATON_INVALID, w->file, xml_line(node),
            "<%s>: %s=\"%s\" isn't known; it may be: %s", node->name, attr->name, value, text);
    }
    free(value);
}

static void walk_element(const struct walk *w, const xmlNode *node, const xmlNode *is, int depth);

static void walk_child(
    const struct walk *w, const xmlNode *node, const xmlNode *child, const struct content *content,
    bool seen[ALLOWED_MAX], int depth)
{
    const struct allowed *allowed = find(content, true, child->name);
    char text[512];

    if (allowed == NULL || child->ns != NULL) {
        report_add(
            w->report, BATON_INVALID, w->file, xml_line(child),
            "unknown element <%s> in <%s>; allowed there: %s", child->name, node->name,
            list_of(content, true, text, sizeof text));
        return;
    }
    if (seen[allowed - content->item] && !allowed->many) {
        report_add(
            w->report, BATON_INVALID, w->file, xml_line(child),
            "<%s> is there twice in <%s>: keep one", child->name, node->name);
    }
    seen[allowed - content->item] = true;
    walk_element(w, child, allowed->is, depth + 1);
}

static void walk_missing(
    const struct walk *w, const xmlNode *node, const struct content *content,
    const bool seen[ALLOWED_MAX])
{
    int i;

    for (i = 0; i < content->count; i++) {
        const struct allowed *item = &content->item[i];

        if (!item->required || seen[i]) {
            continue;
        }
        if (item->element) {
            report_add(
                w->report, BATON_INVALID, w->file, xml_line(node), "<%s> needs a <%s>: add it",
                node->name, item->name);
        } else if (xmlHasProp((xmlNode *)(uintptr_t)node, (const xmlChar *)item->name) == NULL) {
            report_add(
                w->report, BATON_INVALID, w->file, xml_line(node),
                "<%s> needs the attribute \"%s\": add it", node->name, item->name);
        }
    }
}

/* libxml2 knows the line where a text ends. */
static void walk_text(const struct walk *w, const xmlNode *node, const xmlNode *text)
{
    const char *content = text->content != NULL ? (const char *)text->content : "", *at;
    int line = xml_line(text);

    content += strspn(content, " \t\r\n");
    for (at = content; *at != '\0'; at++) {
        line -= *at == '\n';
    }
    report_add(
        w->report, BATON_INVALID, w->file, line,
        "there is text in <%s>, \"%.*s\": remove it, or make it a comment", node->name,
        (int)(strcspn(content, "\n") < 40 ? strcspn(content, "\n") : 40), content);
}

static void walk_element(const struct walk *w, const xmlNode *node, const xmlNode *is, int depth)
{
    struct content content = {0};
    bool seen[ALLOWED_MAX] = {false};
    const xmlAttr *attr;
    const xmlNode *child;

    assert(depth < 8); /* the schema is no deeper */
    collect(is, true, false, &content);
    for (attr = node->properties; attr != NULL; attr = attr->next) {
        walk_attribute(w, node, attr, &content);
    }
    for (child = node->children; child != NULL; child = child->next) {
        if (child->type == XML_ELEMENT_NODE) {
            walk_child(w, node, child, &content, seen, depth);
        } else if (
            child->type != XML_COMMENT_NODE && child->type != XML_PI_NODE &&
            !xmlIsBlankNode(child)) {
            walk_text(w, node, child);
        }
    }
    walk_missing(w, node, &content, seen);
}

void schema_explain(const xmlDoc *doc, const char *file, struct report *report)
{
    const struct walk walk = {file, report};
    const xmlNode *root = xmlDocGetRootElement((xmlDoc *)(uintptr_t)doc), *start;
    struct content content = {0};
    xmlDoc *schema;
    size_t len;
    const char *text = config_schema(&len);

    schema = xmlReadMemory(text, (int)len, NULL, NULL, XML_PARSE_NONET);
    if (schema == NULL) {
        report_add(report, BATON_NOMEM, file, 0, "no memory for the schema");
        return;
    }
    start = xmlDocGetRootElement(schema)->children;
    while (!is_called(start, "start")) {
        start = start->next;
    }
    collect(start, true, false, &content);
    if (find(&content, true, root->name) == NULL || root->ns != NULL) {
        report_add(
            report, BATON_INVALID, file, xml_line(root),
            "the outermost element is <%s>%s, not <baton>: is this Baton's configuration?",
            root->name, root->ns != NULL ? " of a namespace" : "");
    } else {
        walk_element(&walk, root, content.item[0].is, 0);
    }
    xmlFreeDoc(schema);
}

/* ---- The validator ---- */

static void on_invalid(void *arg, xmlErrorPtr found)
{
    const struct walk *w = arg;
    size_t len = found->message != NULL ? strcspn(found->message, "\n") : 0;

    report_add(
        w->report, BATON_INVALID, w->file, found->line, "against the schema: %.*s", (int)len,
        found->message);
}

void schema_validate(xmlDoc *doc, const char *file, struct report *report)
{
    struct report own = {0};
    struct walk walk = {file, report->code == BATON_OK ? report : &own};
    size_t len;
    const char *text = config_schema(&len);
    xmlRelaxNGParserCtxt *parser = xmlRelaxNGNewMemParserCtxt(text, (int)len);
    xmlRelaxNG *schema = parser != NULL ? xmlRelaxNGParse(parser) : NULL;
    xmlRelaxNGValidCtxt *valid = schema != NULL ? xmlRelaxNGNewValidCtxt(schema) : NULL;

    if (valid == NULL) {
        report_add(report, BATON_NOMEM, file, 0, "no memory for the schema");
    } else {
        xmlRelaxNGSetValidStructuredErrors(valid, on_invalid, &walk);
        if (xmlRelaxNGValidateDoc(valid, doc) != 0 && walk.report->code == BATON_OK) {
            report_add(report, BATON_INVALID, file, 0, "is not valid by the schema (baton.rng)");
        }
    }
    xmlRelaxNGFreeValidCtxt(valid);
    xmlRelaxNGFree(schema);
    xmlRelaxNGFreeParserCtxt(parser);
    xmlRelaxNGCleanupTypes(); /* some 200 KiB that are of no use until the next reload */
    report_fini(&own);
}
