/* What no node can say of a group, for `baton preflight` and the daemon's readiness. Blocks, but
 * reads small files only. */
#ifndef BATON_DAEMON_FACTS_H
#define BATON_DAEMON_FACTS_H

#include "controller/readiness.h"
#include "policy/policy.h"

/* READINESS_FENCE: is there something that fences, where the policy wants that? */
void facts_fence(
    const char *hooks_directory, const struct policy *policy, struct readiness_word *word);

/* READINESS_EXPLORED, of a policy and its site, by what explored.h keeps. `config_file` is for the
 * advice. */
void facts_explored(
    const char *state_directory, const char *config_file, const struct policy *policy,
    const struct policy_site *site, struct readiness_word *word);

#endif
