/* Private to core/config: <winrm>, how a Windows node is reached. */
#ifndef BATON_CONFIG_WINRM_H
#define BATON_CONFIG_WINRM_H

#include "config/take.h"

void winrm_read(const struct reader *r, const xmlNode *node, struct config_node *to);
/* What only the whole configuration tells: secrets that exist, one account for Kerberos. */
void winrm_check(const struct config *config, struct report *report);
void winrm_fini(struct config_node *node);

#endif
