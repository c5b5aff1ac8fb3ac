/* A group put on stage: what the configuration and its policy file say, made ready to run in
 * the simulated world. `baton simulate`, `explore` and `policy check`, `batond --check` and
 * the benchmarks begin here. Reads files; blocks; for command lines and child processes.
 */
#ifndef BATON_DAEMON_STAGE_H
#define BATON_DAEMON_STAGE_H

#include "base/error.h"
#include "config/config.h"
#include "policy/policy.h"
#include "scenario/run.h"

struct stage {
    struct config *config;            /* NULL where there is none */
    const struct config_group *group; /* NULL likewise */
    const char *policy_file, *lua_directory;
    struct policy_limits limits;
    struct policy_site site;
    struct run_peers peers; /* all zero where there are none */
    char *policy_text;      /* read once, so that a thousand runs read no file */
    size_t policy_len;
    struct stage_module *modules; /* likewise, when they are asked for first */
};

/* From a configuration file; `group` NULL: its first that is enabled; `lua_directory` NULL:
 * the configuration's. BATON_NOT_FOUND names the groups there are. */
enum baton_err stage_open(
    const char *config_file, const char *group, const char *lua_directory, struct stage **out,
    struct baton_error *error);
/* One policy file for a site that the caller made, and keeps. */
enum baton_err stage_open_policy(
    const char *policy_file, const char *lua_directory, const struct policy_limits *limits,
    const struct policy_site *site, struct stage **out, struct baton_error *error);
void stage_close(struct stage *stage);

/* Fill in group, site, peers, load and load_arg of a run's set-up. */
void stage_setup(struct stage *stage, struct run_setup *setup);

#endif
