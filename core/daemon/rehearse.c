#include "daemon/rehearse.h"

#include "daemon/loader.h"

#include <stdio.h>
#include <string.h>

/* Start actions that do not say what they move: how many, and the first one. */
static int count_mute(const struct policy *policy, const char **first)
{
    const struct group_list_rules *start = &policy_table(policy)->rules.list[GROUP_LIST_START];
    int i, count = 0;

    for (i = start->count - 1; i >= 0; i--) {
        if (policy_effect(policy, POLICY_START, i) == NULL) {
            *first = start->action[i].name;
            count++;
        }
    }
    return count;
}

enum baton_err rehearse(
    const struct rehearsal_setup *setup, struct rehearsal *out, struct baton_error *error)
{
    struct explore_setup how = {
        .faults = setup->faults > 0 ? setup->faults : 1,
        .jobs = setup->jobs,
        .time_ms = setup->time_ms > 0 ? setup->time_ms : REHEARSE_TIME_MS,
        .progress = setup->progress,
        .progress_arg = setup->arg,
    };
    const char *mute;
    enum baton_err err;

    memset(out, 0, sizeof *out);
    out->faults = how.faults;
    err = stage_open_policy(
        setup->file, setup->lua_directory, setup->limits, setup->site, &out->stage, error);
    if (err != BATON_OK) {
        return err;
    }
    stage_setup(out->stage, &how.run);
    err = how.run.load(
        how.run.load_arg, loader_world(), NULL, &out->stage->site, &out->policy, error);
    if (err == BATON_OK) {
        err = lint_policy(out->policy, setup->found, setup->arg, &out->warnings, error);
    }
    if (err != BATON_OK) {
        return err;
    }
    if (count_mute(out->policy, &mute) ==
        policy_table(out->policy)->rules.list[GROUP_LIST_START].count) {
        setup->found(
            setup->arg, policy_file(out->policy), policy_line(out->policy),
            "it is not explored, as no start action declares an effect: nobody has seen what it "
            "does when things go wrong");
        out->warnings++;
        return BATON_OK;
    }
    err = explore(&how, &out->result, error);
    out->explored = err == BATON_OK;
    return err;
}

void rehearsal_fini(struct rehearsal *rehearsal)
{
    if (rehearsal->explored) {
        explore_result_fini(&rehearsal->result);
    }
    policy_free(rehearsal->policy);
    stage_close(rehearsal->stage);
}

enum baton_err rehearsal_verdict(const struct rehearsal *rehearsal, struct baton_error *error)
{
    const struct policy *policy = rehearsal->policy;
    const char *mute = NULL;
    char hint[GROUP_NAME_MAX * 2] = "";

    if (!rehearsal->explored || !rehearsal->result.failed) {
        return BATON_OK;
    }
    if (count_mute(policy, &mute) > 0) {
        snprintf(hint, sizeof hint, " (start action %s declares no effect)", mute);
    }
    return baton_fail(
        error, BATON_INVALID, "%s:%d: exploration: %s%s", policy_file(policy), policy_line(policy),
        rehearsal->result.failure.text, hint);
}

void rehearsal_say(const struct rehearsal *rehearsal, char *text, size_t size)
{
    const struct explore_result *result = &rehearsal->result;
    char what[64] = "single faults";

    if (!rehearsal->explored) {
        snprintf(text, size, "not explored");
        return;
    }
    if (rehearsal->faults > 1) {
        snprintf(what, sizeof what, "faults, up to %d at once,", rehearsal->faults);
    }
    snprintf(
        text, size, "%lld runs in %lld.%lld s: %s%s at each decision%s",
        (long long)result->done.runs, (long long)(result->took_ms / 1000),
        (long long)(result->took_ms % 1000 / 100),
        result->failed     ? ""
        : result->complete ? "all "
                           : "the first ",
        what,
        result->failed     ? ", until one failed"
        : result->complete ? ""
                           : "; not all of them in this time");
}

/* ---- What was rehearsed ---------------------------------------------------------------- */

static uint64_t add_text(uint64_t hash, const char *text)
{
    for (; text != NULL && *text != '\0'; text++) { /* FNV-1a */
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
    }
    return (hash ^ (text == NULL ? 2u : 1u)) * 0x100000001b3u;
}

uint64_t rehearsal_digest(const struct policy *policy, const struct policy_site *site)
{
    uint64_t hash = policy_digest(policy);
    int i;

    hash = add_text(hash, site->group);
    hash = add_text(hash, site->floating);
    hash = add_text(hash, site->interface);
    hash = add_text(hash, site->share);
    hash = add_text(hash, site->gateway);
    for (i = 0; i < site->n_witnesses; i++) {
        hash = add_text(hash, site->witness[i]);
    }
    for (i = 0; i < site->n_nodes; i++) {
        hash = add_text(hash, site->node[i].name);
        hash = add_text(hash, site->node[i].address);
        hash = add_text(hash, site->node[i].transport) + (uint64_t)site->node[i].priority;
    }
    for (i = 0; i < site->n_params; i++) {
        hash = add_text(hash, site->param[i].name);
        hash = add_text(hash, site->param[i].value);
    }
    for (i = 0; i < site->n_secrets; i++) {
        hash = add_text(hash, site->secret[i]);
    }
    return hash;
}
