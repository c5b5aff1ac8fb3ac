#include "policy/host.h"

#include <assert.h>
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

/* ---- Reasons made of the probes that were read ------------------------------------------ */

struct tally {
    int failed, unknown;
    char words[GROUP_TEXT_MAX];
};

static void append(char *buffer, size_t size, const char *word)
{
    size_t len = strlen(buffer);

    snprintf(buffer + len, size - len, "%s%s", len > 0 ? "; " : "", word);
}

static void describe(
    const struct group_health *health, const struct group_probe_rules *rules, char *buffer,
    size_t size)
{
    bool is_fail = health->status == GROUP_FAIL;
    int len = snprintf(buffer, size, "%s %s", rules->name, is_fail ? "failed" : "unknown");

    if (len < 0 || (size_t)len >= size) {
        return;
    }
    if (health->last != health->status) {
        snprintf(
            buffer + len, size - (size_t)len, ", then %s %d/%d",
            health->last == GROUP_OK ? "ok" : group_outcome_name(health->last), health->run,
            health->last == GROUP_OK ? rules->rise : rules->fall);
    } else if (health->run > 0) {
        int run = health->run < rules->fall ? health->run : rules->fall;

        snprintf(
            buffer + len, size - (size_t)len, " %d/%d%s%s", run, rules->fall,
            health->detail[0] != '\0' ? ": " : "", health->detail);
    } else {
        snprintf(buffer + len, size - (size_t)len, ": not asked yet");
    }
}

/* The reason is made of these, so they count as read. */
static void note_described(struct policy *policy, int node, int probe)
{
    const struct group_health *health = &policy->group->node[node].health[probe];

    memo_note(policy, READ_STATUS, node, probe);
    if (!health->resting && health->status != GROUP_OK) {
        memo_note(policy, READ_LAST, node, probe);
        memo_note(policy, READ_RUN, node, probe);
        memo_note(policy, READ_DETAIL, node, probe);
    }
}

/* What the verdict rests on. An unknown probe that the policy asked about by name
 * (.unknown, .status) is no excuse. */
static void take_tally(struct policy *policy, int judged, struct tally *tally)
{
    const struct group *group = policy->group;
    int n_probes = policy->table.rules.n_probes;
    char failed[GROUP_TEXT_MAX] = "", unknown[GROUP_TEXT_MAX] = "", word[GROUP_TEXT_MAX];

    *tally = (struct tally){0};
    for (int n = 0; n < group->n_nodes; n++) {
        for (int p = 0; policy->read[n] != 0 && p < n_probes; p++) {
            const struct group_health *health = &group->node[n].health[p];
            bool asked = policy->asked[n] >> p & 1;
            size_t skip = 0;

            if (!(policy->read[n] >> p & 1)) {
                continue;
            }
            note_described(policy, n, p);
            if (health->resting || health->status == GROUP_OK) {
                continue;
            }
            if (n != judged) {
                skip = (size_t)snprintf(word, sizeof word, "%s: ", group->node[n].name);
            }
            describe(health, &policy->table.rules.probe[p], word + skip, sizeof word - skip);
            if (health->status == GROUP_FAIL) {
                tally->failed++;
                append(failed, sizeof failed, word);
            } else {
                tally->unknown += !asked;
                append(unknown, sizeof unknown, word);
            }
        }
    }
    append(tally->words, sizeof tally->words, failed);
    if (unknown[0] != '\0') {
        append(tally->words, sizeof tally->words, unknown);
    }
}

/* ---- The call ------------------------------------------------------------------------------ */

static int make_thread(lua_State *L)
{
    struct policy *policy = lua_touserdata(L, 1);

    policy->verdict_co = lua_newthread(L);
    lua_rawgeti(L, LUA_REGISTRYINDEX, policy->tasks_ref);
    lua_insert(L, -2);
    lua_rawseti(L, -2, POLICY_TASKS_MAX + 1);
    return 0;
}

void verdict_drop(struct policy *policy)
{
    policy->verdict_co = NULL;
    lua_rawgeti(policy->L, LUA_REGISTRYINDEX, policy->tasks_ref);
    lua_pushboolean(policy->L, 0);
    lua_rawseti(policy->L, -2, POLICY_TASKS_MAX + 1);
    lua_pop(policy->L, 1);
}

/* Leaves up to three results on verdict_co, from index 1 on. */
static enum baton_err call(
    struct policy *policy, int function_ref, int node, struct baton_error *error)
{
    struct run_failure failure = {.code = BATON_OK};
    lua_State *co;
    int nresults;
    enum baton_err err;

    assert(policy->group != NULL);
    assert(node >= 0 && node < policy->group->n_nodes);
    limits_refill(policy);
    if (policy->verdict_co == NULL) {
        err = run_protected(policy, make_thread, policy, error);
        if (err != BATON_OK) {
            return err;
        }
    }
    co = policy->verdict_co;
    lua_settop(co, 0);
    lua_rawgeti(co, LUA_REGISTRYINDEX, function_ref);
    lua_rawgeti(co, LUA_REGISTRYINDEX, policy->node_ref[node]);
    lua_rawgeti(co, LUA_REGISTRYINDEX, policy->group_ref);
    memset(policy->read, 0, sizeof policy->read);
    memset(policy->asked, 0, sizeof policy->asked);
    switch (run_enter(policy, co, 2, &nresults, &failure)) {
    case RUN_DONE:
        if (lua_checkstack(co, 3)) {
            lua_settop(co, 3);
        }
        return BATON_OK;
    case RUN_WAITS:
        assert(!"a verdict can't wait: the primitives refuse");
        return BATON_BUG;
    case RUN_FAILED:
        break;
    }
    verdict_drop(policy);
    return baton_fail(error, failure.code, "%s", failure.text);
}

static void take_reason(const struct policy *policy, struct policy_verdict *verdict)
{
    lua_State *co = policy->verdict_co;

    if (lua_type(co, 2) == LUA_TSTRING) {
        snprintf(verdict->why, sizeof verdict->why, "%s", lua_tostring(co, 2));
    }
}

/* Read the first result as an answer. */
static enum baton_err take_answer(
    const struct policy *policy, const char *what, struct policy_verdict *verdict,
    struct baton_error *error)
{
    lua_State *co = policy->verdict_co;

    switch (lua_type(co, 1)) {
    case LUA_TBOOLEAN:
        verdict->answer = lua_toboolean(co, 1) ? GROUP_YES : GROUP_NO;
        return BATON_OK;
    case LUA_TNIL:
        verdict->answer = GROUP_UNSURE;
        return BATON_OK;
    default:
        return baton_fail(
            error, BATON_INVALID, "%s:%d: %s must return true, false or nil, not a %s",
            policy->file[1], policy->table_line, what, lua_typename(co, lua_type(co, 1)));
    }
}

static void again(struct policy *policy, struct policy_verdict *verdict)
{
    lua_State *co = policy->verdict_co;
    lua_Number seconds = lua_type(co, 3) == LUA_TNUMBER ? lua_tonumber(co, 3) : -1;

    verdict->again_ms = GROUP_NEVER_MS;
    if (seconds >= 0 && seconds < 1e9) {
        int64_t ms = (int64_t)(seconds * 1000);

        /* Rounded up, and never "at once": that would be asked without end. */
        ms += (lua_Number)ms < seconds * 1000;
        verdict->again_ms = policy->group->now_ms + (ms > 0 ? ms : 1);
        memo_note(policy, READ_NOW, 0, 0);
    }
}

static void say_reason(
    struct policy *policy, int node, const char *yes, const char *no,
    struct policy_verdict *verdict)
{
    struct tally tally;

    if (verdict->why[0] != '\0') {
        return;
    }
    take_tally(policy, node, &tally);
    snprintf(
        verdict->why, sizeof verdict->why, "%s",
        tally.words[0] != '\0' && verdict->answer != GROUP_YES ? tally.words
        : verdict->answer == GROUP_YES                         ? yes
        : verdict->answer == GROUP_NO                          ? no
                                                               : "the policy can't say");
}

static enum baton_err ask_fit(
    struct policy *policy, int node, struct policy_verdict *verdict, struct baton_error *error)
{
    struct tally tally = {0};
    enum baton_err err;

    if (policy->fit_ref == LUA_NOREF) { /* by default all probes count */
        memset(policy->read, 0, sizeof policy->read);
        memset(policy->asked, 0, sizeof policy->asked);
        policy->read[node] = ~(uint32_t)0;
        take_tally(policy, node, &tally);
        verdict->answer = tally.failed + tally.unknown > 0 ? GROUP_NO : GROUP_YES;
    } else {
        err = call(policy, policy->fit_ref, node, error);
        if (err == BATON_OK) {
            err = take_answer(policy, "fit", verdict, error);
        }
        if (err != BATON_OK) {
            return err;
        }
        take_reason(policy, verdict);
        again(policy, verdict);
        if (verdict->answer == GROUP_NO) {
            take_tally(policy, node, &tally);
        }
    }
    if (verdict->answer == GROUP_NO && tally.failed == 0 && tally.unknown > 0) {
        verdict->answer = GROUP_UNSURE;
    }
    say_reason(policy, node, "all that was asked is ok", "the policy says no", verdict);
    return BATON_OK;
}

static enum baton_err ask_guard(
    struct policy *policy, int index, int node, struct policy_verdict *verdict,
    struct baton_error *error)
{
    enum baton_err err = call(policy, policy->guard_ref[index], node, error);

    if (err == BATON_OK) {
        err = take_answer(policy, "when of a transition", verdict, error);
    }
    if (err != BATON_OK) {
        return err;
    }
    take_reason(policy, verdict);
    again(policy, verdict);
    say_reason(policy, node, "the guard holds", "the guard does not hold", verdict);
    return BATON_OK;
}

static enum baton_err ask_when(
    struct policy *policy, int index, int node, struct policy_verdict *verdict,
    struct baton_error *error)
{
    enum baton_err err = call(policy, policy->remedy_when_ref[index], node, error);

    if (err == BATON_OK) {
        err = take_answer(policy, "when of a remedy", verdict, error);
    }
    if (err != BATON_OK) {
        return err;
    }
    take_reason(policy, verdict);
    again(policy, verdict);
    if (verdict->answer == GROUP_YES && verdict->why[0] == '\0') {
        struct tally tally;

        take_tally(policy, node, &tally);
        snprintf(verdict->why, sizeof verdict->why, "%s", tally.words);
    }
    say_reason(policy, node, "the remedy is called for", "no need of it", verdict);
    return BATON_OK;
}

/* What was said last, or the policy asked anew. */
static enum baton_err ask(
    struct policy *policy, enum host_verdict kind, int index, int node,
    struct policy_verdict *verdict, struct baton_error *error)
{
    struct host_memo *memo = memo_of(policy, kind, index, node);
    enum baton_err err = BATON_BUG;

    if (memo_recall(policy, memo, verdict)) {
        return BATON_OK;
    }
    verdict->answer = GROUP_UNSURE;
    verdict->again_ms = GROUP_NEVER_MS;
    verdict->why[0] = '\0';
    memo_begin(policy);
    switch (kind) {
    case HOST_FIT_VERDICT:
        err = ask_fit(policy, node, verdict, error);
        break;
    case HOST_GUARD_VERDICT:
        err = ask_guard(policy, index, node, verdict, error);
        break;
    case HOST_WHEN_VERDICT:
        err = ask_when(policy, index, node, verdict, error);
        break;
    }
    memo_keep(policy, memo, err == BATON_OK ? verdict : NULL);
    return err;
}

enum baton_err policy_fit(
    struct policy *policy, int node, struct policy_verdict *verdict, struct baton_error *error)
{
    return ask(policy, HOST_FIT_VERDICT, 0, node, verdict, error);
}

enum baton_err policy_guard(
    struct policy *policy, int index, int node, struct policy_verdict *verdict,
    struct baton_error *error)
{
    assert(index >= 0 && index < policy->table.n_transitions);
    return ask(policy, HOST_GUARD_VERDICT, index, node, verdict, error);
}

enum baton_err policy_remedy_when(
    struct policy *policy, int index, int node, struct policy_verdict *verdict,
    struct baton_error *error)
{
    assert(index >= 0 && index < policy->table.rules.n_remedies);
    return ask(policy, HOST_WHEN_VERDICT, index, node, verdict, error);
}
