#include "base/memory.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Blocks have one of a few sizes: multiples of 16 up to 512 bytes, then four steps to each
 * doubling. A freed block waits in the list of its size for the next of that size. */

#define STEP    16
#define SMALL   512
#define CLASSES (SMALL / STEP + 4 * 32)

struct head {
    uint32_t class;
    uint32_t unused[3];
};

struct free_block {
    struct free_block *next;
};

/* At the start of the region, so that a copy of the region has it too. */
struct arena {
    size_t size, used;
    struct free_block *waiting[CLASSES];
};

static struct arena *arena; /* the region, once there was one */
static bool in_use;

static size_t class_of(size_t size, size_t *rounded)
{
    size_t base = SMALL, class = SMALL / STEP;
    size_t step;

    if (size <= SMALL) {
        class = size == 0 ? 0 : (size - 1) / STEP;
        *rounded = (class + 1) * STEP;
        return class;
    }
    while (size > base * 2) {
        base *= 2;
        class += 4;
    }
    step = (size - base + base / 4 - 1) / (base / 4);
    *rounded = base + step * (base / 4);
    return class + step - 1;
}

static bool is_inside(const void *block)
{
    return arena != NULL && (const char *)block >= (const char *)arena &&
           (const char *)block < (const char *)arena + arena->size;
}

static void *take(size_t size)
{
    size_t rounded, class;
    struct head *head;

    if (size > arena->size) {
        return NULL;
    }
    class = class_of(size, &rounded);
    if (arena->waiting[class] != NULL) {
        void *block = arena->waiting[class];

        arena->waiting[class] = arena->waiting[class]->next;
        return block;
    }
    if (arena->size - arena->used < rounded + sizeof *head) {
        return NULL;
    }
    head = (struct head *)((char *)arena + arena->used);
    head->class = (uint32_t) class;
    arena->used += rounded + sizeof *head;
    return head + 1;
}

static size_t room_of(const void *block)
{
    size_t class = ((const struct head *)block - 1)->class;
    size_t over = class - SMALL / STEP;

    if (class < SMALL / STEP) {
        return (class + 1) * STEP;
    }
    return ((size_t)SMALL << (over / 4)) / 4 * (4 + over % 4 + 1);
}

void *memory_zeroed(size_t count, size_t size)
{
    void *block;

    if (!in_use) {
        return calloc(count, size);
    }
    if (size != 0 && count > SIZE_MAX / size) {
        return NULL;
    }
    block = take(count * size);
    return block == NULL ? NULL : memset(block, 0, count * size);
}

void *memory_resize(void *block, size_t size)
{
    void *made;

    if (block == NULL ? !in_use : !is_inside(block)) {
        return realloc(block, size);
    }
    if (block != NULL && size <= room_of(block)) {
        return block;
    }
    made = take(size);
    if (made != NULL && block != NULL) {
        memcpy(made, block, room_of(block));
        memory_free(block);
    }
    return made;
}

void memory_free(void *block)
{
    struct free_block *freed = block;
    size_t class;

    if (!is_inside(block)) {
        free(block);
        return;
    }
    class = ((struct head *)block - 1)->class;
    freed->next = arena->waiting[class];
    arena->waiting[class] = freed;
}

void memory_use(void *region, size_t size)
{
    in_use = region != NULL;
    if (region == NULL) {
        return;
    }
    assert((uintptr_t)region % STEP == 0);
    arena = region;
    if (size > 0) {
        assert(size > sizeof *arena);
        memset(arena, 0, sizeof *arena);
        arena->size = size;
        arena->used = (sizeof *arena + STEP - 1) / STEP * STEP;
    }
}

size_t memory_used(const void *region)
{
    return ((const struct arena *)region)->used;
}
