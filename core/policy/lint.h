/* Lint: what is legal in a policy, and surely a mistake all the same.
 *
 * The table's figures are looked at, and the verdicts are asked on a stage of their own: a
 * group whose probes are set to ok, failed and unknown in turn. What a policy does when
 * things go wrong one after the other is the explorer's business (core/explore).
 */
#ifndef BATON_POLICY_LINT_H
#define BATON_POLICY_LINT_H

#include "policy/policy.h"

/* One finding: what is odd, and what to do about it. `text` ends without a full stop and
 * is valid during the call, `file` as long as the policy. */
typedef void lint_found_fn(void *arg, const char *file, int line, const char *text);

/* Look at a policy that was just loaded and is bound to no group; it should not be run
 * afterwards, as its verdicts were asked. Findings come in the order of the table, the same
 * in every run. `*count` is how many; BATON_NOMEM where there is no memory to look. */
enum baton_err lint_policy(
    struct policy *policy, lint_found_fn *found, void *arg, int *count, struct baton_error *error);

#endif
