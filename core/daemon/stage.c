#include "daemon/stage.h"

#include <assert.h>
#include <stddef.h>

enum baton_err stage_open(
    const char *config_file, const char *group, const char *lua_directory, struct stage **out,
    struct baton_error *error)
{
    (void)config_file;
    (void)group;
    (void)lua_directory;
    (void)out;
    (void)error;
    assert(!"not built yet");
    return (enum baton_err){0};
}

enum baton_err stage_open_policy(
    const char *policy_file, const char *lua_directory, const struct policy_limits *limits,
    const struct policy_site *site, struct stage **out, struct baton_error *error)
{
    (void)policy_file;
    (void)lua_directory;
    (void)limits;
    (void)site;
    (void)out;
    (void)error;
    assert(!"not built yet");
    return (enum baton_err){0};
}

void stage_close(struct stage *stage)
{
    (void)stage;
    assert(!"not built yet");
}

void stage_setup(struct stage *stage, struct run_setup *setup)
{
    (void)stage;
    (void)setup;
    assert(!"not built yet");
}
