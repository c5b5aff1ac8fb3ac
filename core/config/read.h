/* Private to core/config: from the document to struct config, and what must be true. */
#ifndef BATON_CONFIG_READ_H
#define BATON_CONFIG_READ_H

#include "config/config.h"
#include "config/report.h"

#include <libxml/tree.h>
#include <stdbool.h>

/* Fill `config` from the document, as far as it can be read; what can't is reported. */
void read_config(const xmlDoc *doc, const char *file, struct config *config, struct report *report);

/* What one element can't say: what is there twice, what contradicts, what is missing. */
void check_config(const struct config *config, struct report *report);

/* `path` as seen from the folder of `file`, absolute; owned by the caller, NULL without
 * memory. */
char *files_resolve(const char *file, const char *path);

/* May we rely on this file? Each reports with the line where it is named. */
enum files_rule {
    FILES_READABLE = 0, /* a file that can be read and that not everybody may write */
    FILES_TRUSTED,      /* … and only its owner, root or us, may write */
    FILES_SECRET,       /* … and only its owner may read */
    FILES_FOLDER,       /* a folder that only its owner, root or us, may write */
};
bool files_check(
    enum files_rule rule, const char *what, const char *path, const char *file, int line,
    struct report *report);

/* The file of a policy: beside the configuration, or shipped. Reports where there is none. */
char *files_policy(const char *file, const char *policy, int line, struct report *report);

/* A failoverConfig.xml, with what is wrong in `report`; false then. */
bool failover_read(const char *file, struct config_failover *out, struct report *report);
void failover_fini(struct config_failover *failover);

#endif
