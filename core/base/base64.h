/* base64: RFC 4648, section 4, with padding. */
#ifndef BATON_BASE_BASE64_H
#define BATON_BASE_BASE64_H

#include <stddef.h>

/* malloc'd; NULL: no memory. */
char *base64_encode(const char *data, size_t len);
/* As above, terminated; its length in `len`. NULL also where it isn't base64. */
char *base64_decode(const char *text, size_t *len);

/* Characters that encode_into writes for so many bytes; no zero behind them. */
#define BASE64_SIZE(len) (((len) + 2) / 3 * 4)

/* Into `text`, which has room for BASE64_SIZE(len). */
void base64_encode_into(char *text, const char *data, size_t len);
/* Into `data`, which has room for len / 4 * 3; how many bytes it are. SIZE_MAX: it isn't base64. */
size_t base64_decode_into(char *data, const char *text, size_t len);

#endif
