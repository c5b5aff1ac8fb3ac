/* Checks, columns of `baton cluster` and the steps of init and migrate: read, and run as tasks. */
#include "policy/host.h"

const struct policy_check *policy_checks(const struct policy *policy, int *count)
{
    (void)policy;
    *count = 0;
    return NULL;
}

const struct policy_check *policy_columns(const struct policy *policy, int *count)
{
    (void)policy;
    *count = 0;
    return NULL;
}

const struct policy_step *policy_steps(
    const struct policy *policy, enum policy_setup setup, int *count)
{
    (void)policy;
    (void)setup;
    *count = 0;
    return NULL;
}

enum baton_err policy_remember(
    struct policy *policy, int step_index, int node, const char *memo, struct baton_error *error)
{
    (void)step_index;
    (void)node;
    (void)memo;
    return baton_fail(error, BATON_NOT_FOUND, "%s has no such step", policy_file(policy));
}

int setup_item(
    const struct policy *policy, enum policy_entry entry, int index, enum host_function *function)
{
    (void)policy;
    (void)entry;
    (void)index;
    *function = HOST_PROBE;
    return 0;
}
