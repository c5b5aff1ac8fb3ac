/* Giving memory back that only the start needed.
 *
 * Most of what is resident after the start is code and data of libraries that ran once:
 * the schema, the first connection, the policy's parser. Clean pages of files can be
 * dropped at any time; what is needed again comes back from the page cache.
 */
#ifndef BATON_DAEMON_TRIM_H
#define BATON_DAEMON_TRIM_H

#include <stddef.h>

/* Fewer arenas and early returns to the kernel. Before the first thread. */
void trim_start(void);

/* Drop the clean file-backed pages of this process, and the heap's free ends. Returns
 * the bytes of the mappings that were dropped; 0 where /proc can't be read. */
size_t trim_now(void);

#endif
