/* The state directory and its lock: one controller at a time. */
#ifndef BATON_JOURNAL_DIRECTORY_H
#define BATON_JOURNAL_DIRECTORY_H

#include "base/error.h"

/* Make the directory where it isn't there (mode 0700), check that it is fit, and lock it
 * with flock. On BATON_OK `*fd` is the lock; directory_unlock ends it. BATON_REFUSED, with
 * the process number where it is known, while somebody else has it. */
enum baton_err directory_lock(const char *path, int *fd, struct baton_error *error);
void directory_unlock(int fd);

#endif
