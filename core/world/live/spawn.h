/* The start of a child process: its pipes and posix_spawn. For child.c only. */
#ifndef BATON_WORLD_LIVE_SPAWN_H
#define BATON_WORLD_LIVE_SPAWN_H

#include "world/live/child.h"

#include <sys/types.h>

#define SPAWN_WORDS_MAX 256 /* in a command */

struct spawn_pipes { /* [0] is read, [1] written; -1: none */
    int in[2], out[2], err[2];
};

/* All are closed on exec and above 2; our ends don't block. Without `input` in[0] is
 * /dev/null. False with errno; spawn_pipes_close in any case. */
bool spawn_pipes_make(struct spawn_pipes *pipes, bool input);
void spawn_pipes_close(struct spawn_pipes *pipes);

/* Returns 0 or the error's number. */
int spawn_program(const struct child_setup *setup, const struct spawn_pipes *pipes, pid_t *pid);

#endif
