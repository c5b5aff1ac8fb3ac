/* XML 1.0, a character at a time: what is well-formed goes on; text, CDATA and attributes are
 * values. There is no DOCTYPE, so no entities but the five, and nothing to expand or to fetch. */
#include "xml_parts.h"

#include <string.h>

/* ---- Characters -------------------------------------------------------------------------- */

/* 2.3; of what is not ASCII more is let through than there */
static bool starts_name(uint32_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':' ||
           (c >= 0xC0 && c != 0xD7 && c != 0xF7);
}

static bool continues_name(uint32_t c)
{
    return starts_name(c) || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == 0xB7;
}

/* ---- Names ------------------------------------------------------------------------------- */

static void name_char(struct xml *xml, uint32_t c)
{
    static const struct charset utf8 = {.kind = CHARSET_UTF8};
    uint8_t bytes[4];
    int len;

    xml->name = (xml->name ^ c) * XML_NAME_PRIME;
    if (xml->watch != NULL) {
        len = charset_encode(&utf8, c, bytes);
        if (xml->n_tag + len < (int)sizeof xml->tag) {
            memcpy(xml->tag + xml->n_tag, bytes, (size_t)len);
            xml->n_tag += len;
        }
        xml->tag[xml->n_tag] = '\0';
    }
}

static void name_begin(struct xml *xml, uint32_t c)
{
    xml->name = XML_NAME_START;
    xml->n_tag = 0;
    name_char(xml, c);
}

/* ---- Elements ---------------------------------------------------------------------------- */

static bool element_open(struct rewrite *rewrite, bool empty, size_t len)
{
    struct xml *xml = &rewrite->xml;

    if (xml->watch != NULL) {
        xml->watch->open(
            xml->watch->arg, xml->tag, rewrite->offset + (int64_t)len, empty ? xml->slash_at : -1);
    }
    xml->state = IN_TEXT;
    if (empty) {
        if (xml->watch != NULL) {
            xml->watch->close(xml->watch->arg, -1);
        }
        xml->depth--;
    }
    xml->brackets = 0;
    prefix_open(rewrite, VALUE_XML);
    return true;
}

/* The name of a start tag is complete. */
static bool element_named(struct rewrite *rewrite)
{
    struct xml *xml = &rewrite->xml;

    if (xml->depth == DEPTH_MAX) {
        return rewrite_fail(rewrite, "more than %d elements, one in another", DEPTH_MAX);
    }
    xml->open[xml->depth++] = xml->name;
    xml->rooted = true;
    xml->n_attributes = 0;
    return true;
}

static bool element_close(struct rewrite *rewrite)
{
    struct xml *xml = &rewrite->xml;

    if (xml->depth == 0 || xml->open[xml->depth - 1] != xml->name) {
        return rewrite_fail(rewrite, "not well-formed: an end tag that is not that of the element");
    }
    xml->depth--;
    if (xml->watch != NULL) {
        xml->watch->close(xml->watch->arg, xml->tag_at);
    }
    xml->state = IN_TEXT;
    xml->brackets = 0;
    prefix_open(rewrite, VALUE_XML);
    return true;
}

static bool attribute_named(struct rewrite *rewrite)
{
    struct xml *xml = &rewrite->xml;
    int i;

    for (i = 0; i < xml->n_attributes; i++) {
        if (xml->attribute[i] == xml->name) {
            return rewrite_fail(rewrite, "not well-formed: an attribute that is there twice");
        }
    }
    if (xml->n_attributes == ATTRIBUTES_MAX) {
        return rewrite_fail(rewrite, "an element with more than %d attributes", ATTRIBUTES_MAX);
    }
    xml->attribute[xml->n_attributes++] = xml->name;
    return true;
}

/* ---- Tags -------------------------------------------------------------------------------- */

static bool in_tag(struct rewrite *rewrite, uint32_t c, size_t len)
{
    struct xml *xml = &rewrite->xml;

    if (is_blank(c)) {
        xml->state = IN_TAG;
        return true;
    }
    if (c == '/') {
        xml->state = AFTER_SLASH;
        xml->slash_at = rewrite->offset;
        return true;
    }
    if (c == '>') {
        return element_open(rewrite, false, len);
    }
    if (xml->state != IN_TAG || !starts_name(c)) {
        return xml_unexpected(rewrite, c, "in a tag");
    }
    xml->state = IN_ATTRIBUTE;
    xml->name = (XML_NAME_START ^ c) * XML_NAME_PRIME;
    return true;
}

static bool in_name(struct rewrite *rewrite, uint32_t c, size_t len)
{
    struct xml *xml = &rewrite->xml;

    if (continues_name(c)) {
        name_char(xml, c);
        return true;
    }
    if (!element_named(rewrite)) {
        return false;
    }
    xml->state = AFTER_VALUE; /* what may come is the same */
    return in_tag(rewrite, c, len);
}

static bool in_attribute(struct rewrite *rewrite, uint32_t c)
{
    struct xml *xml = &rewrite->xml;

    if (xml->state == IN_ATTRIBUTE && continues_name(c)) {
        xml->name = (xml->name ^ c) * XML_NAME_PRIME;
        return true;
    }
    if (xml->state == IN_ATTRIBUTE && !attribute_named(rewrite)) {
        return false;
    }
    xml->state = c == '=' ? WANT_QUOTE : AFTER_ATTRIBUTE;
    return c == '=' || is_blank(c) || xml_unexpected(rewrite, c, "after the name of an attribute");
}

static bool want_quote(struct rewrite *rewrite, uint32_t c)
{
    if (is_blank(c)) {
        return true;
    }
    if (c != '"' && c != '\'') {
        return xml_unexpected(rewrite, c, "where the quotes of an attribute begin");
    }
    rewrite->xml.quote = c;
    rewrite->xml.state = IN_VALUE;
    prefix_open(rewrite, VALUE_XML);
    return true;
}

static bool in_end_tag(struct rewrite *rewrite, uint32_t c)
{
    struct xml *xml = &rewrite->xml;

    if (xml->state == IN_END_NAME && xml->n_tag < 0 && starts_name(c)) {
        name_begin(xml, c);
        return true;
    }
    if (xml->state == IN_END_NAME && xml->n_tag >= 0 && continues_name(c)) {
        name_char(xml, c);
        return true;
    }
    if (xml->n_tag >= 0 && is_blank(c)) {
        xml->state = AFTER_END_NAME;
        return true;
    }
    return c == '>' && xml->n_tag >= 0 ? element_close(rewrite)
                                       : xml_unexpected(rewrite, c, "in an end tag");
}

/* ---- "<" and what it begins -------------------------------------------------------------- */

static bool after_less(struct rewrite *rewrite, uint32_t c)
{
    struct xml *xml = &rewrite->xml;

    if (c == '!') {
        xml->state = IN_DECLARATION;
        xml->word = 0;
        return true;
    }
    if (c == '?') {
        xml->state = IN_TARGET;
        xml->n_target = 0;
        return true;
    }
    if (c == '/') {
        xml->state = IN_END_NAME;
        xml->n_tag = -1; /* no character of it yet */
        return true;
    }
    if (!starts_name(c)) {
        return xml_unexpected(rewrite, c, "after \"<\"");
    }
    if (xml->depth == 0 && xml->rooted) {
        return rewrite_fail(rewrite, "not well-formed: a second root element");
    }
    xml->state = IN_NAME;
    name_begin(xml, c);
    return true;
}

static void tell_other(struct xml *xml)
{
    if (xml->watch != NULL) {
        xml->watch->other(xml->watch->arg);
    }
}

static bool in_declaration(struct rewrite *rewrite, uint32_t c)
{
    static const char *const words[] = {"--", "[CDATA["};
    struct xml *xml = &rewrite->xml;
    const char *word;

    if (xml->word == 0 && c == 'D') {
        return rewrite_fail(
            rewrite, "it has a DOCTYPE, whose entities could stand for anything: it is refused");
    }
    if (xml->word == 0) {
        xml->word = c == '[' ? 100 : 0; /* 100 and up: in the second */
    }
    word = words[xml->word >= 100] + xml->word % 100;
    if (c != (uint32_t)*word || (xml->word >= 100 && xml->depth == 0)) {
        return xml_unexpected(rewrite, c, "after \"<!\"");
    }
    xml->word++;
    if (word[1] == '\0') {
        tell_other(xml);
        xml->state = xml->word >= 100 ? IN_CDATA : IN_COMMENT;
        xml->dashes = xml->brackets = 0;
        prefix_open(rewrite, VALUE_CDATA);
    }
    return true;
}

static bool in_comment(struct rewrite *rewrite, uint32_t c)
{
    struct xml *xml = &rewrite->xml;

    if (xml->dashes == 2) {
        xml->state = IN_TEXT;
        xml->brackets = 0;
        prefix_open(rewrite, VALUE_XML);
        return c == '>' || xml_unexpected(rewrite, c, "after \"--\" in a comment");
    }
    xml->dashes = c == '-' ? xml->dashes + 1 : 0;
    return true;
}

static bool in_target(struct rewrite *rewrite, uint32_t c)
{
    struct xml *xml = &rewrite->xml;

    if (xml->n_target == 0 ? starts_name(c) : continues_name(c)) {
        if (xml->n_target < 4) {
            xml->target[xml->n_target++] = (char)(c < 0x80 ? c : 'X');
        }
        return true;
    }
    if (xml->n_target == 0 || (!is_blank(c) && c != '?')) {
        return xml_unexpected(rewrite, c, "after \"<?\"");
    }
    if (xml->n_target == 3 && strncasecmp(xml->target, "xml", 3) == 0 && !xml->declared) {
        return rewrite_fail(rewrite, "not well-formed: <?xml is not at the very start");
    }
    if (xml->n_target != 3 || strncasecmp(xml->target, "xml", 3) != 0) {
        tell_other(xml);
    }
    xml->state = IN_INSTRUCTION;
    xml->dashes = xml->word = c == '?'; /* word: without a blank before it nothing may follow */
    return true;
}

static bool in_instruction(struct rewrite *rewrite, uint32_t c)
{
    struct xml *xml = &rewrite->xml;

    if (xml->word > 0 && c != '>') {
        return xml_unexpected(rewrite, c, "after \"?\"");
    }
    xml->word = 0;
    if (c == '>' && xml->dashes > 0) {
        xml->state = IN_TEXT;
        xml->brackets = 0;
        prefix_open(rewrite, VALUE_XML);
    }
    xml->dashes = c == '?';
    return true;
}

/* ---- All of it --------------------------------------------------------------------------- */

static bool markup(struct rewrite *rewrite, uint32_t c, size_t len)
{
    struct xml *xml = &rewrite->xml;

    switch (xml->state) {
    case AFTER_LESS:
        return after_less(rewrite, c);
    case IN_DECLARATION:
        return in_declaration(rewrite, c);
    case IN_COMMENT:
        return in_comment(rewrite, c);
    case IN_TARGET:
        return in_target(rewrite, c);
    case IN_INSTRUCTION:
        return in_instruction(rewrite, c);
    case IN_NAME:
        return in_name(rewrite, c, len);
    case IN_TAG:
    case AFTER_VALUE:
        return in_tag(rewrite, c, len);
    case IN_ATTRIBUTE:
    case AFTER_ATTRIBUTE:
        return in_attribute(rewrite, c);
    case WANT_QUOTE:
        return want_quote(rewrite, c);
    case AFTER_SLASH:
        return c == '>' ? element_open(rewrite, true, len)
                        : xml_unexpected(rewrite, c, "after \"/\"");
    default:
        return in_end_tag(rewrite, c);
    }
}

bool xml_char(struct rewrite *rewrite, uint32_t c, const uint8_t *raw, size_t len)
{
    if (!xml_is_char(c)) {
        return rewrite_fail(rewrite, "a character that XML does not have: U+%04X", (unsigned)c);
    }
    switch (rewrite->xml.state) {
    case IN_TEXT:
        return xml_text(rewrite, c, raw, len);
    case IN_VALUE:
        return xml_value(rewrite, c, raw, len);
    case IN_CDATA:
        return xml_cdata(rewrite, c, raw, len);
    case IN_REFERENCE:
        return xml_reference(rewrite, c, raw, len);
    default:
        return markup(rewrite, c, len) && rewrite_out(rewrite, raw, len);
    }
}

bool xml_end(struct rewrite *rewrite)
{
    const struct xml *xml = &rewrite->xml;

    if (xml->state != IN_TEXT || xml->depth > 0 || !xml->rooted) {
        return rewrite_fail(
            rewrite, "%s", xml->rooted ? "it ends in the middle" : "it has no root element");
    }
    return true;
}
