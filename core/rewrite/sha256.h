/* SHA-256 in pieces, by OpenSSL's libcrypto. */
#ifndef BATON_REWRITE_SHA256_H
#define BATON_REWRITE_SHA256_H

#include <stdbool.h>
#include <stddef.h>

struct sha256;

/* NULL: no memory, or a library without it. */
struct sha256 *sha256_new(void);
void sha256_free(struct sha256 *sha);
void sha256_add(struct sha256 *sha, const void *bytes, size_t len);
/* 64 small hex digits. Nothing may be added then. */
void sha256_end(struct sha256 *sha, char hex[65]);

#endif
