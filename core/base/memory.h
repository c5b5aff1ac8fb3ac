/* Memory of the pure parts: group, policy, controller, simulated world.
 *
 * It comes from libc, but where somebody lays all of it into one region (`memory_use`): then
 * what these parts know is what the region holds, and copying the region's used bytes
 * away and back takes everything back to that moment. The explorer does so to try what
 * might come next again and again. One region a process, and no threads while it is in use.
 *
 * A region is never enlarged: when it is full, the calls return NULL as malloc would.
 */
#ifndef BATON_BASE_MEMORY_H
#define BATON_BASE_MEMORY_H

#include <stddef.h>

/* `count` times `size` bytes, all zero; NULL where there is no memory. Freed with
 * memory_free. */
void *memory_zeroed(size_t count, size_t size);

/* As realloc: `block` may be NULL; on NULL the old block is still there. */
void *memory_resize(void *block, size_t size);

/* NULL is fine. A block goes back to where it came from, whatever is in use now. */
void memory_free(void *block);

/* From now on take memory from `region`, `size` bytes at an address that is a multiple of
 * 16; it is the caller's and must outlive what is made in it. NULL: from libc again. The
 * same region with `size` 0 goes on where it was. */
void memory_use(void *region, size_t size);

/* How many bytes of the region, from its start, hold all that is known. */
size_t memory_used(const void *region);

#endif
