/* The values of XML: text, CDATA, attributes, and the references in them. */
#include "xml_parts.h"

#include <stdio.h>
#include <string.h>

/* 2.2 */
bool xml_is_char(uint32_t c)
{
    return c >= 0x20 ? c != 0xFFFE && c != 0xFFFF && !(c >= 0xD800 && c < 0xE000) && c <= 0x10FFFF
                     : is_blank(c) && c != 0;
}

bool xml_unexpected(struct rewrite *rewrite, uint32_t c, const char *where)
{
    char name[16];

    return rewrite_fail(rewrite, "not well-formed: %s %s", rewrite_name(c, name), where);
}

/* "]]" may be the end of it, and is none of the value then. */
bool xml_cdata(struct rewrite *rewrite, uint32_t c, const uint8_t *raw, size_t len)
{
    struct xml *xml = &rewrite->xml;
    struct unit *held = &xml->held;
    size_t one = xml->brackets > 0 ? held->len / (size_t)xml->brackets : 0;

    if (c == '>' && xml->brackets == 2) {
        xml->state = IN_TEXT;
        xml->brackets = 0;
        if (!prefix_close(rewrite) || !rewrite_out(rewrite, held->raw, held->len)) {
            return false;
        }
        prefix_open(rewrite, VALUE_XML);
        return rewrite_out(rewrite, raw, len);
    }
    while (xml->brackets > (c == ']')) { /* of three the first is text */
        if (!prefix_char(rewrite, ']', held->raw, one)) {
            return false;
        }
        xml->brackets--;
    }
    if (c != ']') {
        held->len = 0;
        return prefix_char(rewrite, c, raw, len);
    }
    held->len = (uint8_t)(one * (size_t)xml->brackets);
    memcpy(held->raw + held->len, raw, len);
    held->len = (uint8_t)(held->len + len);
    xml->brackets++;
    return true;
}

static bool begin_reference(struct rewrite *rewrite, const uint8_t *raw, size_t len)
{
    struct xml *xml = &rewrite->xml;

    xml->back = xml->state;
    xml->state = IN_REFERENCE;
    xml->n_reference = 0;
    memcpy(xml->held.raw, raw, len);
    xml->held.len = (uint8_t)len;
    return true;
}

bool xml_text(struct rewrite *rewrite, uint32_t c, const uint8_t *raw, size_t len)
{
    struct xml *xml = &rewrite->xml;

    if (c == '<') {
        xml->state = AFTER_LESS;
        xml->tag_at = rewrite->offset;
        return prefix_close(rewrite) && rewrite_out(rewrite, raw, len);
    }
    if (xml->depth == 0) {
        return is_blank(c) ? rewrite_out(rewrite, raw, len)
                           : xml_unexpected(rewrite, c, "outside of the root element");
    }
    if (c == '&') {
        xml->brackets = 0;
        return begin_reference(rewrite, raw, len);
    }
    if (c == '>' && xml->brackets >= 2) {
        return rewrite_fail(rewrite, "not well-formed: \"]]>\" in text");
    }
    xml->brackets = c == ']' ? xml->brackets + 1 : 0;
    return prefix_char(rewrite, c, raw, len);
}

bool xml_value(struct rewrite *rewrite, uint32_t c, const uint8_t *raw, size_t len)
{
    struct xml *xml = &rewrite->xml;

    if (c == xml->quote) {
        xml->state = AFTER_VALUE;
        return prefix_close(rewrite) && rewrite_out(rewrite, raw, len);
    }
    if (c == '<') {
        return xml_unexpected(rewrite, c, "in an attribute");
    }
    return c == '&' ? begin_reference(rewrite, raw, len) : prefix_char(rewrite, c, raw, len);
}

/* What a reference stands for; 0: nothing. */
static uint32_t referred(const char *name)
{
    static const struct {
        const char *name;
        uint32_t c;
    } five[] = {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};
    bool hex = name[0] == '#' && name[1] == 'x';
    uint32_t c = 0;
    size_t i;

    for (i = 0; i < sizeof five / sizeof five[0]; i++) {
        if (strcmp(five[i].name, name) == 0) {
            return five[i].c;
        }
    }
    if (name[0] != '#') {
        return 0;
    }
    for (name += hex ? 2 : 1; *name != '\0' && c <= 0x10FFFF; name++) {
        char letter = (char)(*name | 0x20);

        if (*name >= '0' && *name <= '9') {
            c = c * (hex ? 16 : 10) + (uint32_t)(*name - '0');
        } else if (hex && letter >= 'a' && letter <= 'f') {
            c = c * 16 + (uint32_t)(letter - 'a' + 10);
        } else {
            return 0;
        }
    }
    return xml_is_char(c) ? c : 0;
}

bool xml_reference(struct rewrite *rewrite, uint32_t c, const uint8_t *raw, size_t len)
{
    struct xml *xml = &rewrite->xml;
    uint32_t meant;

    memcpy(xml->held.raw + xml->held.len, raw, len);
    xml->held.len = (uint8_t)(xml->held.len + len);
    if (c != ';') {
        if (c <= 0x20 || c >= 0x7F || xml->n_reference + 1 == (int)sizeof xml->reference) {
            return rewrite_fail(rewrite, "not well-formed: a \"&\" that begins no reference");
        }
        xml->reference[xml->n_reference++] = (char)c;
        return true;
    }
    xml->reference[xml->n_reference] = '\0';
    meant = referred(xml->reference);
    if (meant == 0) {
        return rewrite_fail(rewrite, "&%s; stands for nothing here", xml->reference);
    }
    xml->state = xml->back;
    return prefix_char(rewrite, meant, xml->held.raw, xml->held.len);
}

/* The same for a name, which is hashed. */
static const uint8_t *name_run(struct rewrite *rewrite, const uint8_t *at, const uint8_t *end)
{
    const uint8_t *from = at;
    uint64_t name = rewrite->xml.name;

    while (at < end && (byte_kinds[*at] & BYTE_NAME) != 0) {
        name = (name ^ *at++) * XML_NAME_PRIME;
    }
    rewrite->xml.name = name;
    return at == from || rewrite_out(rewrite, from, (size_t)(at - from)) ? at : NULL;
}

const uint8_t *xml_run(struct rewrite *rewrite, const uint8_t *at, const uint8_t *end)
{
    const struct xml *xml = &rewrite->xml;

    switch (xml->state) {
    case IN_TEXT:
        return xml->depth > 0 && xml->brackets == 0 ? prefix_run(rewrite, at, end, BYTE_XML) : at;
    case IN_VALUE:
        return prefix_run(rewrite, at, end, BYTE_XML | BYTE_QUOTE);
    case IN_NAME:
    case IN_ATTRIBUTE:
        return xml->watch == NULL ? name_run(rewrite, at, end) : at;
    case IN_END_NAME:
        return xml->watch == NULL && xml->n_tag >= 0 ? name_run(rewrite, at, end) : at;
    default:
        return at;
    }
}
