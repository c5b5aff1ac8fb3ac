#include "base/base64.h"

#include <stdlib.h>
#include <string.h>

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_encode(const char *data, size_t len)
{
    const unsigned char *in = (const unsigned char *)data;
    char *text = malloc((len + 2) / 3 * 4 + 1), *at = text;

    for (size_t i = 0; text != NULL && i < len; i += 3) {
        unsigned three = (unsigned)in[i] << 16;

        three |= i + 1 < len ? (unsigned)in[i + 1] << 8 : 0;
        three |= i + 2 < len ? (unsigned)in[i + 2] : 0;
        *at++ = letters[three >> 18];
        *at++ = letters[three >> 12 & 63];
        *at++ = i + 1 < len ? letters[three >> 6 & 63] : '=';
        *at++ = i + 2 < len ? letters[three & 63] : '=';
    }
    if (text != NULL) {
        *at = 0;
    }
    return text;
}

char *base64_decode(const char *text, size_t *len)
{
    size_t n = strlen(text), used = 0;
    char *data = n % 4 == 0 ? malloc(n / 4 * 3 + 1) : NULL;
    unsigned bits = 0;

    n -= n > 0 && text[n - 1] == '=' ? 1 : 0;
    n -= n > 0 && text[n - 1] == '=' ? 1 : 0;
    for (size_t i = 0; data != NULL && i < n; i++) {
        const char *letter = memchr(letters, text[i], 64);

        if (letter == NULL) {
            free(data);
            return NULL;
        }
        bits = bits << 6 | (unsigned)(letter - letters);
        if (i % 4 != 0) {
            data[used++] = (char)(bits >> (6 - i % 4 * 2) & 255);
        }
    }
    if (data != NULL) {
        data[used] = 0;
        *len = used;
    }
    return data;
}
