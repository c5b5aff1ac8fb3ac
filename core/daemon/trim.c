#include "daemon/trim.h"

#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
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
    unsigned long long from, to;
    const char *rights, *inode;
    char *end;

    from = strtoull(line, &end, 16);
    if (*end != '-') {
        return false;
    }
    to = strtoull(end + 1, &end, 16);
    if (*end != ' ' || strlen(end) < 7) {
        return false;
    }
    rights = end + 1;               /* four letters, then the offset in the file */
    strtoull(rights + 5, &end, 16); /* which is not asked for */
    inode = *end == ' ' ? strchr(end + 1, ' ') : NULL; /* behind the device */
    if (inode == NULL) {
        return false;
    }
    mapping->from = (uintptr_t)from;
    mapping->to = (uintptr_t)to;
    mapping->from_file =
        strtoull(inode, NULL, 10) != 0 && rights[0] == 'r' && rights[1] == '-' && rights[3] == 'p';
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
    static const char anonymous[] = "Anonymous:";
    FILE *smaps;
    struct mapping mapping = {0};
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
        if (mapping.from_file && strncmp(line, anonymous, sizeof anonymous - 1) == 0 &&
            strtoul(line + sizeof anonymous - 1, NULL, 10) == 0) {
            dropped += drop(&mapping);
            mapping.from_file = false;
        }
    }
    fclose(smaps);
    return dropped;
}
