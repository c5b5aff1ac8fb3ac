/* What xml.c, the markup, and xml_text.c, the values, share. */
#ifndef BATON_REWRITE_XML_PARTS_H
#define BATON_REWRITE_XML_PARTS_H

#include "parts.h"

enum xml_state {
    IN_TEXT = 0,
    AFTER_LESS,
    IN_DECLARATION, /* after "<!" */
    IN_COMMENT,
    IN_TARGET, /* after "<?" */
    IN_INSTRUCTION,
    IN_CDATA,
    IN_NAME,
    IN_TAG, /* after its name, or a blank */
    IN_ATTRIBUTE,
    AFTER_ATTRIBUTE,
    WANT_QUOTE,
    IN_VALUE,
    AFTER_VALUE,
    AFTER_SLASH,
    IN_END_NAME,
    AFTER_END_NAME,
    IN_REFERENCE,
};

static inline bool is_blank(uint32_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Names are compared by a hash, FNV-1a. */
#define XML_NAME_START UINT64_C(0xcbf29ce484222325)
#define XML_NAME_PRIME UINT64_C(0x100000001b3)

bool xml_is_char(uint32_t c);
/* Fails, with the character and where it is. */
bool xml_unexpected(struct rewrite *rewrite, uint32_t c, const char *where);

/* A character in the state of that name. */
bool xml_text(struct rewrite *rewrite, uint32_t c, const uint8_t *raw, size_t len);
bool xml_value(struct rewrite *rewrite, uint32_t c, const uint8_t *raw, size_t len);
bool xml_cdata(struct rewrite *rewrite, uint32_t c, const uint8_t *raw, size_t len);
bool xml_reference(struct rewrite *rewrite, uint32_t c, const uint8_t *raw, size_t len);

#endif
