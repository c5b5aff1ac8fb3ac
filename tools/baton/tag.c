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
