/* base64: RFC 4648, section 4, with padding. */
#ifndef BATON_BASE_BASE64_H
#define BATON_BASE_BASE64_H

#include <stddef.h>

/* malloc'd; NULL: no memory. */
char *base64_encode(const char *data, size_t len);
/* As above, terminated; its length in `len`. NULL also where it isn't base64. */
char *base64_decode(const char *text, size_t *len);

#endif
