#include "scenario/scenario.h"

#include <assert.h>
#include <stddef.h>

enum baton_err scenario_read(
    const char *file, const char *text, size_t len, const struct policy_site *site,
    struct scenario **out, struct baton_error *error)
{
    (void)file;
    (void)text;
    (void)len;
    (void)site;
    (void)out;
    (void)error;
    assert(!"not built yet");
    return (enum baton_err){0};
}

void scenario_free(struct scenario *scenario)
{
    (void)scenario;
    assert(!"not built yet");
}

const char *const *scenario_words(void)
{
    assert(!"not built yet");
    return NULL;
}
