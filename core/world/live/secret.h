/* A configured secret, read when it is needed and forgotten after.
 *
 * Its file must be a regular one, belong to root or to the daemon's own user, and be closed
 * to everyone else. The sentence of a refusal names the secret and its file, never its
 * content.
 */
#ifndef BATON_WORLD_LIVE_SECRET_H
#define BATON_WORLD_LIVE_SECRET_H

#include "config/config.h"

#include <stdbool.h>
#include <stddef.h>

#define SECRET_MAX 4096

/* The first line of the file, terminated. The caller wipes `out` with explicit_bzero. */
bool secret_read(
    const struct config *config, const char *name, char out[SECRET_MAX + 1], char *why,
    size_t why_size);

#endif
