/* How far a copy is, read from what the copying program says.
 *
 *   rsync --info=progress2 --no-human-readable
 *       "  1234567  45%   12.34MB/s    0:01:23 (xfr#12, ir-chk=1000/2000)", again and again
 *   robocopy /BYTES /NDL /NJH /NC
 *       a line for each file, size and name, when it begins, and " 45.3%" while a large one is
 *       under way; before it "total FILES BYTES", where the script counted first
 *
 * Lines end with CR or LF, and come in pieces. Reads and draws text; makes no system call.
 */
#ifndef BATON_TOOLS_PROGRESS_H
#define BATON_TOOLS_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROGRESS_LINE_MAX 512 /* of a longer line the start is read */

struct progress {
    bool robocopy;
    char line[PROGRESS_LINE_MAX];
    size_t used;
    int64_t bytes, files; /* that are copied */
    int64_t bytes_total;  /* 0: not known */
    int64_t file_bytes;   /* robocopy: size of the file that is under way */
    double file_part;     /* … and how much of it, 0 to 1; -1: none is */
    int percent;          /* of all; -1: not known */
    int64_t began_ms, heard_ms, heard_bytes;
    double rate; /* bytes a second, of the last while; 0: not known */
};

/* `tool` as world.h has it: "rsync" or "robocopy". */
void progress_init(struct progress *progress, const char *tool, int64_t now_ms);
void progress_feed(struct progress *progress, const char *out, size_t len, int64_t now_ms);

/* "42 %, 1.2 GB, 10,234 files, 34 MB/s, 2 min left", as far as that is known. */
void progress_words(const struct progress *progress, int64_t now_ms, char *text, size_t size);
/* The same after a bar, in at most `columns` columns: for a terminal. `text` is UTF-8. */
void progress_bar(
    const struct progress *progress, int64_t now_ms, int columns, char *text, size_t size);
/* At the end: "1.2 GB in 10,234 files, 34 MB/s". "" where nothing was copied. */
void progress_sum(const struct progress *progress, int64_t now_ms, char *text, size_t size);

#endif
