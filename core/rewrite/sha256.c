#include "sha256.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

/* FIPS 180-4, 4.2.2. */
static const uint32_t k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t turn(uint32_t x, int n)
{
    return x >> n | x << (32 - n);
}

/* Eight rounds; the variables change places instead of being moved, and are back after eight. */
static void rounds(uint32_t v[8], const uint32_t *w, const uint32_t *add)
{
    int t;

    for (t = 0; t < 8; t++) {
        uint32_t a = v[-t & 7], b = v[(1 - t) & 7], c = v[(2 - t) & 7], e = v[(4 - t) & 7];
        uint32_t f = v[(5 - t) & 7], g = v[(6 - t) & 7], h = v[(7 - t) & 7];
        uint32_t one =
            h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + add[t] + w[t];
        uint32_t two = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));

        v[(3 - t) & 7] += one;
        v[(7 - t) & 7] = one + two;
    }
}

/* 6.2.2, for each of `count` blocks. */
static void blocks_plain(uint32_t state[8], const uint8_t *at, size_t count)
{
    uint32_t w[64], v[8];
    int t;

    for (; count > 0; count--, at += 64) {
        for (t = 0; t < 16; t++) {
            w[t] = (uint32_t)at[4 * t] << 24 | (uint32_t)at[4 * t + 1] << 16 |
                   (uint32_t)at[4 * t + 2] << 8 | at[4 * t + 3];
        }
        for (; t < 64; t++) {
            uint32_t a = w[t - 15], b = w[t - 2];

            w[t] = w[t - 16] + (turn(a, 7) ^ turn(a, 18) ^ a >> 3) + w[t - 7] +
                   (turn(b, 17) ^ turn(b, 19) ^ b >> 10);
        }
        memcpy(v, state, sizeof v);
        for (t = 0; t < 64; t += 8) {
            rounds(v, w + t, k + t);
        }
        for (t = 0; t < 8; t++) {
            state[t] += v[t];
        }
    }
}

#if defined(__x86_64__)
/* The same by the processor's own instructions: 64 rounds as 16 times four. */
__attribute__((target("sha,sse4.1"))) static void blocks_fast(
    uint32_t state[8], const uint8_t *at, size_t count)
{
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    __m128i low = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)state), 0xB1);
    __m128i high = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(state + 4)), 0x1B);
    __m128i abef = _mm_alignr_epi8(low, high, 8), cdgh = _mm_blend_epi16(high, low, 0xF0);

    for (; count > 0; count--, at += 64) {
        __m128i abef_before = abef, cdgh_before = cdgh, m[4];
        int i;

        for (i = 0; i < 4; i++) {
            m[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(at + 16 * i)), swap);
        }
        for (i = 0; i < 16; i++) {
            __m128i w = m[i & 3];
            __m128i sum = _mm_add_epi32(w, _mm_loadu_si128((const __m128i *)(k + 4 * i)));

            cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
            abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0E));
            /* The words that this round's place has four rounds on. */
            w = _mm_sha256msg1_epu32(w, m[(i + 1) & 3]);
            w = _mm_add_epi32(w, _mm_alignr_epi8(m[(i + 3) & 3], m[(i + 2) & 3], 4));
            m[i & 3] = _mm_sha256msg2_epu32(w, m[(i + 3) & 3]);
        }
        abef = _mm_add_epi32(abef, abef_before);
        cdgh = _mm_add_epi32(cdgh, cdgh_before);
    }
    low = _mm_shuffle_epi32(abef, 0x1B);
    high = _mm_shuffle_epi32(cdgh, 0xB1);
    _mm_storeu_si128((__m128i *)state, _mm_blend_epi16(low, high, 0xF0));
    _mm_storeu_si128((__m128i *)(state + 4), _mm_alignr_epi8(high, low, 8));
}

static bool is_fast(void)
{
    unsigned a, b = 0, c = 0, d, a7, b7 = 0;

    return __get_cpuid(1, &a, &a7, &c, &d) != 0 && (c & bit_SSE4_1) != 0 && (c & bit_SSSE3) != 0 &&
           __get_cpuid_count(7, 0, &a, &b7, &b, &d) != 0 && (b7 & bit_SHA) != 0;
}
#endif

static void blocks(uint32_t state[8], const uint8_t *at, size_t count)
{
#if defined(__x86_64__)
    static int fast = -1;

    if (fast < 0) {
        fast = is_fast();
    }
    if (fast) {
        blocks_fast(state, at, count);
        return;
    }
#endif
    blocks_plain(state, at, count);
}

void sha256_init(struct sha256 *sha)
{
    static const uint32_t start[8] = {
        0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
    };

    memcpy(sha->state, start, sizeof start);
    sha->bytes = 0;
}

void sha256_add(struct sha256 *sha, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    size_t used = sha->bytes % 64, some = 64 - used;

    sha->bytes += len;
    if (used > 0) {
        some = some < len ? some : len;
        memcpy(sha->block + used, at, some);
        at += some;
        len -= some;
        if (used + some < 64) {
            return;
        }
        blocks(sha->state, sha->block, 1);
    }
    blocks(sha->state, at, len / 64);
    if (len % 64 > 0) {
        memcpy(sha->block, at + len / 64 * 64, len % 64);
    }
}

void sha256_end(struct sha256 *sha, char hex[65])
{
    static const uint8_t one[64] = {0x80};
    uint64_t bits = sha->bytes * 8;
    size_t used = sha->bytes % 64;
    uint8_t length[8];
    int i;

    for (i = 0; i < 8; i++) {
        length[i] = (uint8_t)(bits >> (56 - 8 * i));
    }
    sha256_add(sha, one, used < 56 ? 56 - used : 120 - used);
    sha256_add(sha, length, 8);
    for (i = 0; i < 8; i++) {
        snprintf(hex + 8 * i, 9, "%08x", sha->state[i]);
    }
}
