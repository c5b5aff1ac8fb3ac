/* The check of a whole configuration: load, lint and explore the policy of every group.
 *
 * `batond --check` does this, and a reload does it in a child process. Blocks, for some
 * seconds a group.
 */
#ifndef BATON_DAEMON_CHECK_H
#define BATON_DAEMON_CHECK_H

#include "base/error.h"

#include <stdbool.h>

#define CHECK_TIME_MS     3000  /* to explore one group in */
#define CHECK_TIME_ALL_MS 30000 /* … all of them, however many there are */

/* What to begin the line with that says what was checked; a number of 16 digits follows. */
#define CHECK_DIGEST "digest "

/* Warnings go to standard error, what was tried to standard output. Starts nothing. The error
 * has one line for each thing that is wrong, each with file and, where there is one, line.
 *
 * `for_reload`: a daemon waits for this and goes on with its work meanwhile: on one core only
 * and with the least priority, and instead of what was tried a line with CHECK_DIGEST.
 * `node`: as in config_load_as. */
enum baton_err check_run(
    const char *file, const char *node, bool for_reload, struct baton_error *error);

#endif
