/* Where a policy would run: for commands that load one without a daemon. */
#ifndef BATON_TOOLS_SITE_H
#define BATON_TOOLS_SITE_H

#include "baton.h"
#include "policy/policy.h"

/* Two nodes that stand for any, where no configuration is named. */
void site_example(struct policy_site *site);

/* --lua, else the folder beside the program's build tree, else the installed one. `path` is
 * room for it; what is returned may be something else. */
const char *site_find_lua(const struct args *args, char *path, size_t size);

/* --set over what the configuration sets, as it would. `pair` is kept by the site. */
void site_add_sets(
    const struct args *args, struct policy_site *site, struct world_pair *pair, size_t max);

#endif
