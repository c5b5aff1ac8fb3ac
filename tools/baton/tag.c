/* Elements, attributes and text through libxml2's writer, which escapes. */
#include "report.h"

#include <stdarg.h>

#define X(text) ((const xmlChar *)(text))

void tag_open(xmlTextWriter *out, const char *element)
{
    xmlTextWriterStartElement(out, X(element));
}

void tag_close(xmlTextWriter *out)
{
    xmlTextWriterFullEndElement(out);
}

void tag_set(xmlTextWriter *out, const char *name, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    xmlTextWriterWriteVFormatAttribute(out, X(name), format, list);
    va_end(list);
}

void tag_text(xmlTextWriter *out, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    xmlTextWriterWriteVFormatString(out, format, list);
    va_end(list);
}

void tag_leaf(xmlTextWriter *out, const char *element, const char *name, const char *format, ...)
{
    va_list list;

    tag_open(out, element);
    if (name != NULL) {
        tag_set(out, "class", "%s", name);
    }
    va_start(list, format);
    xmlTextWriterWriteVFormatString(out, format, list);
    va_end(list);
    tag_close(out);
}

static void write_meta(xmlTextWriter *out, const char *key, const char *value, const char *content)
{
    tag_open(out, "meta");
    tag_set(out, key, "%s", value);
    tag_set(out, "content", "%s", content);
    xmlTextWriterEndElement(out);
}

void tag_page(xmlTextWriter *out, const char *generator, const char *title, const char *style)
{
    xmlTextWriterWriteRaw(out, X("<!DOCTYPE html>\n"));
    tag_open(out, "html");
    tag_set(out, "lang", "en");
    tag_open(out, "head");
    tag_open(out, "meta");
    tag_set(out, "charset", "utf-8");
    xmlTextWriterEndElement(out);
    write_meta(
        out, "http-equiv", "Content-Security-Policy",
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'");
    write_meta(out, "name", "viewport", "width=device-width, initial-scale=1");
    write_meta(out, "name", "generator", generator);
    tag_leaf(out, "title", NULL, "%s", title);
    tag_open(out, "style");
    xmlTextWriterWriteRaw(out, X(style));
    tag_close(out);
    tag_close(out);
}
