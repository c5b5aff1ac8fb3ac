#include "sha256.h"

#include <openssl/evp.h>
#include <stdio.h>

/* A context of theirs under a name of ours. */
static EVP_MD_CTX *context(struct sha256 *sha)
{
    return (EVP_MD_CTX *)sha;
}

struct sha256 *sha256_new(void)
{
    EVP_MD_CTX *made = EVP_MD_CTX_new();

    if (made != NULL && EVP_DigestInit_ex(made, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(made);
        made = NULL;
    }
    return (struct sha256 *)made;
}

void sha256_free(struct sha256 *sha)
{
    EVP_MD_CTX_free(context(sha));
}

void sha256_add(struct sha256 *sha, const void *bytes, size_t len)
{
    EVP_DigestUpdate(context(sha), bytes, len);
}

void sha256_end(struct sha256 *sha, char hex[65])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int len = 0, i;

    hex[0] = '\0'; /* of no file */
    if (EVP_DigestFinal_ex(context(sha), digest, &len) == 1 && len == 32) {
        for (i = 0; i < len; i++) {
            snprintf(hex + (size_t)2 * i, 3, "%02x", digest[i]);
        }
    }
}
