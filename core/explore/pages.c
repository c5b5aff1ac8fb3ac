/* Memory by the page, all zero: what nobody touches costs nothing. */
#include "parts.h"

#include <sys/mman.h>

void *pages_new(size_t size, bool shared)
{
    int flags = (shared ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS | MAP_NORESERVE;
    /* cppcheck-suppress invalidFunctionArg ; no file is behind it */
    void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, -1, 0);

    /* cppcheck-suppress memleak ; it is the caller's */
    return pages == MAP_FAILED ? NULL : pages;
}

void pages_free(void *pages, size_t size)
{
    if (pages != NULL) {
        munmap(pages, size);
    }
}
