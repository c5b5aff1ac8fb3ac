#include "base/base64.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode_into(char *text, const char *data, size_t len)
{
    const unsigned char *in = (const unsigned char *)data;

    for (size_t i = 0; i < len; i += 3) {
        unsigned three = (unsigned)in[i] << 16;

        three |= i + 1 < len ? (unsigned)in[i + 1] << 8 : 0;
        three |= i + 2 < len ? (unsigned)in[i + 2] : 0;
        *text++ = letters[three >> 18];
        *text++ = letters[three >> 12 & 63];
        *text++ = (char)(i + 1 < len ? letters[three >> 6 & 63] : '=');
        *text++ = (char)(i + 2 < len ? letters[three & 63] : '=');
    }
}

static int value_of(char letter)
{
    if (letter >= 'A' && letter <= 'Z') {
        return letter - 'A';
    }
    if (letter >= 'a' && letter <= 'z') {
        return letter - 'a' + 26;
    }
    if (letter >= '0' && letter <= '9') {
        return letter - '0' + 52;
    }
    return letter == '+' ? 62 : letter == '/' ? 63 : -1;
}

size_t base64_decode_into(char *data, const char *text, size_t len)
{
    size_t used = 0, n = len;
    unsigned bits = 0;

    if (len % 4 != 0) {
        return SIZE_MAX;
    }
    n -= n > 0 && text[n - 1] == '=' ? 1 : 0;
    n -= n > 0 && text[n - 1] == '=' ? 1 : 0;
    for (size_t i = 0; i < n; i++) {
        int value = value_of(text[i]);

        if (value < 0) {
            return SIZE_MAX;
        }
        bits = bits << 6 | (unsigned)value;
        if (i % 4 != 0) {
            data[used++] = (char)(bits >> (6 - i % 4 * 2) & 255);
        }
    }
    return used;
}

char *base64_encode(const char *data, size_t len)
{
    char *text = malloc(BASE64_SIZE(len) + 1);

    if (text != NULL) {
        base64_encode_into(text, data, len);
        text[BASE64_SIZE(len)] = 0;
    }
    return text;
}

char *base64_decode(const char *text, size_t *len)
{
    size_t n = strlen(text), used = SIZE_MAX;
    char *data = malloc(n / 4 * 3 + 1);

    if (data != NULL) {
        used = base64_decode_into(data, text, n);
    }
    if (used == SIZE_MAX) {
        free(data);
        return NULL;
    }
    data[used] = 0;
    *len = used;
    return data;
}
