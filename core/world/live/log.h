/* Where log lines go: stderr, syslog or journald, by a thread of their own.
 *
 * A terminal that is stopped or a disk that hangs never blocks the loop: lines wait in a
 * bounded queue, and where it is full they are dropped, counted, and the count is written
 * once there is room. One line an event, logfmt:
 *
 *   time=2026-11-24T22:22:11.123Z level=info group=mail node=server01 event=step text="…"
 *
 * syslog and journald bring their own time, so it is left out there. Control characters
 * are escaped: what a server says can't forge a line.
 */
#ifndef BATON_WORLD_LIVE_LOG_H
#define BATON_WORLD_LIVE_LOG_H

#include "base/error.h"
#include "config/config.h"
#include "world/world.h"

struct log;

#define LOG_QUEUE_LINES 1024
#define LOG_LINE_MAX    4096 /* bytes; a longer line is cut and marked with … */

/* Lines below `level` are not written. `fd` is written to unless `to` is syslog; it is
 * borrowed. */
enum baton_err log_new(
    enum config_log_to to, enum world_level level, int fd, struct log **out,
    struct baton_error *error);

/* Writes what waits, for at most `patience_ms`; then gives up on it. */
void log_free(struct log *log, int patience_ms);

/* Never blocks. */
void log_write(struct log *log, const struct world_log *line);

void log_set_level(struct log *log, enum world_level level);

/* How many lines were dropped since the start. */
long log_dropped(struct log *log);

/* The text of one line without its end, as written: for the writer and its test. Returns
 * its length. */
size_t log_format(
    enum config_log_to to, int64_t wall_ms, const struct world_log *line, char *text, size_t size);

#endif
