/* The mark of the last epoch on a Windows node: the script that keeps it, and what it is told. */
#ifndef BATON_WORLD_LIVE_MARK_WINDOWS_H
#define BATON_WORLD_LIVE_MARK_WINDOWS_H

#include <stdint.h>

#define MARK_WINDOWS_DIRECTORY "C:\\ProgramData\\Baton\\marks" /* where the group names none */

/* The whole script as -EncodedCommand takes it. malloc'd; NULL: no memory. */
char *mark_windows_command(void);

/* What the script reads on its standard input. `epoch` 0: only read. malloc'd; NULL: no memory. */
char *mark_windows_input(const char *directory, const char *file, int64_t epoch, const char *token);

#endif
