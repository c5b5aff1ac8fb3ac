/* The states from which a run went on before: a hash table with open addressing, in memory
 * that the workers share with the parent. */
#include "parts.h"

#include <stdlib.h>
#include <string.h>

#define SEEN_FIRST (1 << 12)
#define SEEN_MOST  (1 << 25) /* then no more are taken in: less is pruned */

struct seen {
    size_t size; /* slots in use, a power of two */
    int64_t count;
    struct seen_entry entry[]; /* key 0: empty */
};

static size_t room(void)
{
    return sizeof(struct seen) + (size_t)SEEN_MOST * sizeof(struct seen_entry);
}

struct seen *seen_new(void)
{
    struct seen *seen = pages_new(room(), true);

    if (seen == NULL) {
        return NULL;
    }
    seen->size = SEEN_FIRST;
    return seen;
}

void seen_free(struct seen *seen)
{
    pages_free(seen, room());
}

static size_t slot_of(const struct seen *seen, uint64_t key)
{
    size_t at = (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (seen->size - 1);

    while (seen->entry[at].key != 0 && seen->entry[at].key != key) {
        at = (at + 1) & (seen->size - 1);
    }
    return at;
}

bool seen_find(const struct seen *seen, uint64_t key, int32_t *takes_ms)
{
    const struct seen_entry *entry;

    if (seen == NULL || key == 0) {
        return false;
    }
    entry = &seen->entry[slot_of(seen, key)];
    *takes_ms = entry->takes_ms;
    return entry->key != 0;
}

static bool grow(struct seen *seen)
{
    size_t old = seen->size, i;
    struct seen_entry *copy;

    if (old * 2 > SEEN_MOST) {
        return false;
    }
    copy = malloc(old * sizeof *copy);
    if (copy == NULL) {
        return false;
    }
    memcpy(copy, seen->entry, old * sizeof *copy);
    memset(seen->entry, 0, old * sizeof *copy);
    seen->size = old * 2;
    for (i = 0; i < old; i++) {
        if (copy[i].key != 0) {
            seen->entry[slot_of(seen, copy[i].key)] = copy[i];
        }
    }
    free(copy);
    return true;
}

void seen_add(struct seen *seen, uint64_t key, int32_t takes_ms)
{
    struct seen_entry *entry;

    if (seen == NULL || key == 0) {
        return;
    }
    entry = &seen->entry[slot_of(seen, key)];
    if (entry->key != 0) {
        entry->takes_ms = takes_ms > entry->takes_ms ? takes_ms : entry->takes_ms;
        return;
    }
    if ((size_t)seen->count >= seen->size / 4 * 3) {
        if (!grow(seen)) {
            return;
        }
        entry = &seen->entry[slot_of(seen, key)];
    }
    *entry = (struct seen_entry){key, takes_ms};
    seen->count++;
}

void seen_clear(struct seen *seen)
{
    if (seen->count > 0) {
        memset(seen->entry, 0, seen->size * sizeof seen->entry[0]);
    }
    seen->size = SEEN_FIRST;
    seen->count = 0;
}

int64_t seen_count(const struct seen *seen)
{
    return seen->count;
}
