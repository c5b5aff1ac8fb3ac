/* SHA-256 (FIPS 180-4), in pieces. */
#ifndef BATON_REWRITE_SHA256_H
#define BATON_REWRITE_SHA256_H

#include <stddef.h>
#include <stdint.h>

struct sha256 {
    uint32_t state[8];
    uint64_t bytes;
    uint8_t block[64];
};

void sha256_init(struct sha256 *sha);
void sha256_add(struct sha256 *sha, const void *bytes, size_t len);
/* 64 small hex digits. The state is used up. */
void sha256_end(struct sha256 *sha, char hex[65]);

#endif
