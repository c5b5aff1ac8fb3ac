/* The lines of the timeline and the spans of its lanes. Texts lie in chunks that grow, so that
 * a line is one pointer and none is ever moved. */
#include "base/memory.h"
#include "parts.h"

#include <string.h>

#define CHUNK_LEAST 4096
#define CHUNK_MOST  ((size_t)1 << 20)

void timeline_init(struct timeline *timeline, bool keep)
{
    int i;

    memset(timeline, 0, sizeof *timeline);
    timeline->keep = keep;
    for (i = 0; i < GROUP_NODES_MAX; i++) {
        timeline->open_span[i] = -1;
    }
}

void timeline_free(struct timeline *timeline)
{
    while (timeline->chunk != NULL) {
        struct timeline_chunk *chunk = timeline->chunk;

        timeline->chunk = chunk->next;
        memory_free(chunk);
    }
    memory_free(timeline->entry);
    memory_free(timeline->span);
}

/* A copy that lives as long as the timeline; NULL: no memory. */
static const char *keep(struct timeline *timeline, const char *text)
{
    size_t len = strlen(text) + 1;
    struct timeline_chunk *chunk = timeline->chunk;
    char *made;

    if (len == 1) {
        return "";
    }
    if (chunk == NULL || chunk->size - chunk->used < len) {
        size_t size = chunk == NULL ? CHUNK_LEAST : chunk->size * 2;

        size = size > CHUNK_MOST ? CHUNK_MOST : size;
        size = size < len ? len : size;
        chunk = memory_zeroed(1, sizeof *chunk + size);
        if (chunk == NULL) {
            timeline->no_memory = true;
            return NULL;
        }
        chunk->size = size;
        chunk->next = timeline->chunk;
        timeline->chunk = chunk;
    }
    made = chunk->text + chunk->used;
    chunk->used += len;
    return memcpy(made, text, len);
}

/* Room for one more in an array that doubles. False: no memory. */
static bool grow(struct timeline *timeline, void **array, int count, int *size, size_t each)
{
    int more = *size == 0 ? 64 : *size * 2;
    void *made;

    if (count < *size) {
        return true;
    }
    made = memory_resize(*array, (size_t)more * each);
    if (made == NULL) {
        timeline->no_memory = true;
        return false;
    }
    *array = made;
    *size = more;
    return true;
}

int timeline_add(struct timeline *timeline, const struct run_entry *entry)
{
    void *array = timeline->entry;
    struct run_entry made = *entry;

    if (!timeline->keep ||
        !grow(timeline, &array, timeline->n_entries, &timeline->size_entries, sizeof made)) {
        return -1;
    }
    timeline->entry = array;
    made.text = keep(timeline, entry->text);
    made.name = keep(timeline, entry->name);
    if (made.text == NULL || made.name == NULL) {
        return -1;
    }
    timeline->entry[timeline->n_entries] = made;
    return timeline->n_entries++;
}

void timeline_retell(struct timeline *timeline, int entry, const char *text)
{
    const char *made = keep(timeline, text);

    if (made != NULL) {
        timeline->entry[entry].text = made;
    }
}

/* A lane goes on with another colour. A span that had no length is forgotten. */
static void begin_span(struct timeline *timeline, const struct run_span *span)
{
    void *array = timeline->span;
    int *open = &timeline->open_span[span->node];

    if (*open >= 0) {
        struct run_span *last = &timeline->span[*open];

        if (last->state == span->state && last->holds == span->holds &&
            last->serves == span->serves) {
            return;
        }
        last->to_ms = span->from_ms;
        if (last->from_ms == last->to_ms) {
            *last = *span;
            return;
        }
    }
    if (grow(timeline, &array, timeline->n_spans, &timeline->size_spans, sizeof *span)) {
        timeline->span = array;
        timeline->span[timeline->n_spans] = *span;
        *open = timeline->n_spans++;
    }
}

void timeline_span(
    struct timeline *timeline, int64_t now_ms, const struct moment *moment, bool last)
{
    int node;

    for (node = 0; timeline->keep && node < moment->n_nodes; node++) {
        struct run_span span = {
            .from_ms = now_ms,
            .to_ms = now_ms,
            .node = node,
            .state = moment->state[node],
            .holds = moment->holder == node,
            .serves = (moment->serves & 1u << node) != 0,
        };

        begin_span(timeline, &span);
        if (last && timeline->open_span[node] >= 0) {
            timeline->span[timeline->open_span[node]].to_ms = now_ms;
        }
    }
}
