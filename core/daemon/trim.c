#include "daemon/trim.h"

#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

struct mapping {
    uintptr_t from, to;
    bool from_file; /* not writable, of a file: nothing in it can be lost … */
};

void trim_start(void)
{
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_TRIM_THRESHOLD, 64 * 1024);
    mallopt(M_MMAP_THRESHOLD, 64 * 1024);
}

/* The first line of a mapping in /proc/self/smaps (proc(5)). */
static bool read_header(const char *line, struct mapping *mapping)
{
    unsigned long long from, to, offset, inode;
    char rights[8], device[16];

    if (sscanf(line, "%llx-%llx %7s %llx %15s %llu", &from, &to, rights, &offset, device, &inode) !=
        6) {
        return false;
    }
    mapping->from = (uintptr_t)from;
    mapping->to = (uintptr_t)to;
    mapping->from_file = inode != 0 && rights[0] == 'r' && rights[1] == '-' && rights[3] == 'p';
    return true;
}

static size_t drop(const struct mapping *mapping)
{
    size_t size = mapping->to - mapping->from;
    /* The kernel gave the address as text. */
    void *start = (void *)mapping->from; /* NOLINT(performance-no-int-to-ptr) */

    return madvise(start, size, MADV_DONTNEED) == 0 ? size : 0;
}

size_t trim_now(void)
{
    FILE *smaps;
    struct mapping mapping = {0};
    unsigned long anonymous_kb;
    size_t dropped = 0;
    char line[512];

    malloc_trim(0);
    smaps = fopen("/proc/self/smaps", "re");
    if (smaps == NULL) {
        return 0;
    }
    while (fgets(line, sizeof line, smaps) != NULL) {
        if (read_header(line, &mapping)) {
            continue;
        }
        /* … unless a page of it was written: relocations, before it was made read-only. */
        if (sscanf(line, "Anonymous: %lu kB", &anonymous_kb) == 1 && anonymous_kb == 0 &&
            mapping.from_file) {
            dropped += drop(&mapping);
            mapping.from_file = false;
        }
    }
    fclose(smaps);
    return dropped;
}
