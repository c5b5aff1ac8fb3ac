/* Private to core/config: <peers>, and what of it stands in a group. */
#ifndef BATON_CONFIG_PEERS_H
#define BATON_CONFIG_PEERS_H

#include "config/take.h"

/* Fill in `config->peers`. */
void peers_read(const struct reader *r, const xmlNode *node);

/* The <guardian> of a group: how the guardian stops it. */
void guardian_read(const struct reader *r, const xmlNode *node, struct config_group *group);

/* What <peers> and the groups say together. */
void peers_check(const struct config *config, struct report *report);

/* Which node is this one? `self` as in config_load_as; not `here`: none. Sets `self` of peers and
 * groups, and the transport of its nodes. */
void peers_settle(struct config *config, bool here, const char *self, struct report *report);

void peers_free(struct config_peers *peers);
void guardian_free(struct config_group *group);

#endif
