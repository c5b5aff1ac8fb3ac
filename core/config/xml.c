#include "config/xml.h"

#include <errno.h>
#include <fcntl.h>
#include <libxml/parser.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What the parser's callbacks share; hangs on its `_private`. */
struct reading {
    const char *file;
    struct report *report;
    bool told; /* the first error says it; those that follow from it don't */
};

/* Stops before anything of a DOCTYPE is looked at. */
static void on_doctype(
    void *arg, const xmlChar *name, const xmlChar *external_id, const xmlChar *system_id)
{
    xmlParserCtxt *parser = arg;
    struct reading *reading = parser->_private;

    (void)name;
    (void)external_id;
    (void)system_id;
    if (!reading->told) {
        report_add(
            reading->report, BATON_INVALID, reading->file, xmlSAX2GetLineNumber(parser),
            "a DOCTYPE isn't allowed (it could pull in other files): remove it");
    }
    reading->told = true;
    xmlStopParser(parser);
}

static const char *advice(int code)
{
    switch (code) {
    case XML_ERR_INVALID_CHAR:
    case XML_ERR_INVALID_ENCODING:
    case XML_ERR_UNSUPPORTED_ENCODING:
    case XML_ERR_UNKNOWN_ENCODING:
    case XML_I18N_CONV_FAILED:
        return "save the file as UTF-8, or name its encoding in the first line";
    case XML_ERR_DOCUMENT_EMPTY:
    case XML_ERR_DOCUMENT_END:
    case XML_ERR_TAG_NOT_FINISHED:
        return "is it written to the end?";
    case XML_ERR_UNDECLARED_ENTITY:
    case XML_ERR_NAME_REQUIRED:
    case XML_ERR_ENTITYREF_SEMICOL_MISSING:
        return "write & as &amp; and < as &lt;";
    default:
        return "correct it; xmllint shows more";
    }
}

static void on_error(void *arg, xmlErrorPtr found)
{
    xmlParserCtxt *parser = arg;
    struct reading *reading = parser->_private;
    size_t len = found->message != NULL ? strlen(found->message) : 0;

    if (reading->told || found->level < XML_ERR_ERROR) {
        return;
    }
    reading->told = true;
    while (len > 0 && strchr("\n !", found->message[len - 1]) != NULL) {
        len--;
    }
    report_add(
        reading->report, BATON_INVALID, reading->file, found->line, "not well-formed XML: %.*s; %s",
        (int)len, found->message, advice(found->code));
}

static xmlDoc *parse(const char *text, size_t len, const char *file, struct report *report)
{
    struct reading reading = {file, report, false};
    xmlParserCtxt *parser = xmlNewParserCtxt();
    xmlDoc *doc = NULL;

    if (parser != NULL) {
        parser->_private = &reading;
        parser->sax->serror = on_error;
        parser->sax->internalSubset = on_doctype;
        doc = xmlCtxtReadMemory(
            parser, text, (int)len, NULL, NULL, XML_PARSE_NONET | XML_PARSE_BIG_LINES);
    }
    if ((doc == NULL || reading.told) && !reading.told) {
        report_add(report, BATON_NOMEM, file, 0, "no memory to read it");
    }
    if (reading.told) {
        xmlFreeDoc(doc);
        doc = NULL;
    }
    xmlFreeParserCtxt(parser);
    return doc;
}

static char *slurp(int fd, const char *file, size_t *len, struct report *report)
{
    char *text = malloc(XML_SIZE_MAX + 1);
    ssize_t got = 0;

    *len = 0;
    while (text != NULL && *len <= XML_SIZE_MAX &&
           (got = read(fd, text + *len, XML_SIZE_MAX + 1 - *len)) > 0) {
        *len += (size_t)got;
    }
    if (text == NULL) {
        report_add(report, BATON_NOMEM, file, 0, "no memory to read it");
        return NULL;
    }
    if (got < 0) {
        report_add(report, BATON_IO, file, 0, "can't be read: %s", strerror(errno));
    } else if (*len > XML_SIZE_MAX) {
        report_add(
            report, BATON_LIMIT, file, 0, "larger than 1 MiB: this is no configuration of Baton");
    } else if (*len == 0) {
        report_add(report, BATON_INVALID, file, 0, "is empty; is it written to the end?");
    } else {
        return text;
    }
    free(text);
    return NULL;
}

xmlDoc *xml_read(const char *file, struct report *report)
{
    xmlDoc *doc = NULL;
    struct stat st;
    char *text;
    size_t len;
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not hold us */

    if (fd < 0) {
        report_add(
            report, errno == ENOENT ? BATON_NOT_FOUND : BATON_IO, file, 0,
            "can't be opened: %s; check the name and who may read it", strerror(errno));
        return NULL;
    }
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        report_add(
            report, BATON_INVALID, file, 0, "is %s; name the XML file",
            S_ISDIR(st.st_mode) ? "a directory" : "no regular file");
    } else if ((text = slurp(fd, file, &len, report)) != NULL) {
        doc = parse(text, len, file, report);
        free(text);
    }
    close(fd);
    return doc;
}

char *xml_attribute(const xmlNode *node, const char *name)
{
    xmlChar *value = xmlGetNoNsProp((xmlNode *)(uintptr_t)node, (const xmlChar *)name);
    char *copy = value != NULL ? strdup((char *)value) : NULL;

    xmlFree(value);
    return copy;
}

int xml_line(const xmlNode *node)
{
    return (int)xmlGetLineNo((xmlNode *)(uintptr_t)node);
}
