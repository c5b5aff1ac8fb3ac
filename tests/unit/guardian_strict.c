/* Linked to the guardian: memory may be asked for before its start and never after. Whoever asks
 * later ends the process by SIGABRT, and the tests fail. */
#include "lease/guardian/parts.h"

#include <stdlib.h>

void *__libc_malloc(size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_calloc(size_t count, size_t size);

static bool started;

void guardian_started(void)
{
    started = true;
}

static void judge(void)
{
    if (started) {
        abort();
    }
}

void *malloc(size_t size)
{
    judge();
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    judge();
    return __libc_calloc(count, size);
}

void *realloc(void *block, size_t size)
{
    judge();
    return __libc_realloc(block, size);
}
