#include "explore/explore.h"

#include <assert.h>
#include <stddef.h>

enum baton_err explore(
    const struct explore_setup *setup, struct explore_result *result, struct baton_error *error)
{
    (void)setup;
    (void)result;
    (void)error;
    assert(!"not built yet");
    return (enum baton_err){0};
}

void explore_result_fini(struct explore_result *result)
{
    (void)result;
    assert(!"not built yet");
}

const char *explore_failure_name(enum explore_failure_kind kind)
{
    (void)kind;
    assert(!"not built yet");
    return NULL;
}

int64_t explore_bound_ms(const struct policy_table *table)
{
    (void)table;
    assert(!"not built yet");
    return (int64_t){0};
}
