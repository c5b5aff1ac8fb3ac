/* The values of the keys: JSON objects, each with the version of its form. */
#include "parts.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Texts and names ------------------------------------------------------------------------ */

json_t *value_text(const char *text)
{
    json_t *string = json_string(text);
    char plain[GROUP_TEXT_MAX];
    size_t i;

    if (string != NULL) {
        return string;
    }
    /* What a server says in its banner need not be UTF-8, and a cut may go through a letter. */
    for (i = 0; i + 1 < sizeof plain && text[i] != 0; i++) {
        plain[i] = (char)((unsigned char)text[i] < 0x80 ? text[i] : '?');
    }
    plain[i] = 0;
    return json_string(plain);
}

typedef const char *name_fn(int value);

static const char *name_of_plan(int value)
{
    return group_plan_name((enum group_plan_kind)value);
}

static const char *name_of_answer(int value)
{
    return group_answer_name((enum group_answer)value);
}

static const char *name_of_outcome(int value)
{
    return group_outcome_name((enum group_outcome)value);
}

static const char *name_of_hold(int value)
{
    return group_hold_name((enum group_hold)value);
}

static const char *name_of_command(int value)
{
    return group_command_name((enum group_command)value);
}

/* The names end with "?". -1: there is none such. */
static int by_name(name_fn *names, const char *name)
{
    for (int i = 0; strcmp(names(i), "?") != 0; i++) {
        if (strcmp(names(i), name) == 0) {
            return i;
        }
    }
    return -1;
}

#define COPY(to, from) snprintf((to), sizeof(to), "%s", (from))

/* An object of our version, to be freed with json_decref. */
static json_t *load(const char *text, size_t len, char *why, size_t size)
{
    json_error_t error;
    json_t *value = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    int version = 0;

    if (value == NULL) {
        snprintf(why, size, "no JSON: %.100s", error.text);
    } else if (json_unpack(value, "{s:i}", "version", &version) != 0) {
        snprintf(why, size, "no version");
    } else if (version != ETCD_VERSION) {
        snprintf(
            why, size, "version %d, and this Baton knows version %d: run the same on all nodes",
            version, ETCD_VERSION);
    } else {
        return value;
    }
    json_decref(value);
    return NULL;
}

/* ---- The baton --------------------------------------------------------------------------------
 */

json_t *value_of_baton(const struct etcd_baton *baton)
{
    return json_pack(
        "{s:i, s:o, s:I, s:s, s:b, s:o}", "version", ETCD_VERSION, "holder",
        value_text(baton->holder), "epoch", (json_int_t)baton->epoch, "how",
        group_plan_name(baton->how), "passed", (int)baton->passed, "why", value_text(baton->why));
}

bool value_to_baton(const char *text, size_t len, struct etcd_baton *baton, char *why, size_t size)
{
    const char *holder, *how, *reason;
    json_t *value = load(text, len, why, size);
    json_error_t error;
    json_int_t epoch;
    int passed, kind;
    bool good = false;

    if (value == NULL) {
        return false;
    }
    if (json_unpack_ex(
            value, &error, 0, "{s:s, s:I, s:s, s:b, s:s}", "holder", &holder, "epoch", &epoch,
            "how", &how, "passed", &passed, "why", &reason) != 0) {
        snprintf(why, size, "%.100s", error.text);
    } else if ((kind = by_name(name_of_plan, how)) < 0) {
        snprintf(why, size, "\"%.32s\" is no kind of a move", how);
    } else {
        *baton = (struct etcd_baton){
            .epoch = epoch, .how = (enum group_plan_kind)kind, .passed = passed != 0};
        COPY(baton->holder, holder);
        COPY(baton->why, reason);
        good = true;
    }
    json_decref(value);
    return good;
}

/* ---- A member ----------------------------------------------------------------------------------
 */

static json_t *value_of_probe(const struct group_member_probe *probe)
{
    return json_pack(
        "{s:o, s:s, s:s, s:b, s:i, s:I, s:f, s:o}", "name", value_text(probe->name), "status",
        group_outcome_name(probe->status), "last", group_outcome_name(probe->last), "resting",
        (int)probe->resting, "run", probe->run, "latency_us", (json_int_t)probe->latency_us,
        "value", isfinite(probe->value) ? probe->value : 0.0, "detail", value_text(probe->detail));
}

json_t *value_of_member(const struct group_member *member)
{
    json_t *probes = json_array();
    char policy[24];

    for (int i = 0; i < member->n_probes; i++) {
        json_array_append_new(probes, value_of_probe(&member->probe[i]));
    }
    snprintf(policy, sizeof policy, "%016" PRIx64, member->policy);
    return json_pack(
        "{s:i, s:s, s:o, s:s, s:o, s:s, s:o, s:b, s:s, s:s, s:o}", "version", ETCD_VERSION, "state",
        fsm_state_name(member->state), "state_why", value_text(member->state_why), "serving",
        group_answer_name(member->serving), "serving_why", value_text(member->serving_why), "fit",
        group_answer_name(member->fit), "fit_why", value_text(member->fit_why), "rests",
        (int)member->rests, "hold", group_hold_name((enum group_hold)member->hold), "policy",
        policy, "probes", probes);
}

static bool to_probe(json_t *value, struct group_member_probe *probe, char *why, size_t size)
{
    const char *name, *status, *last, *detail;
    json_int_t latency_us;
    json_error_t error;
    int resting, status_is, last_is;

    if (json_unpack_ex(
            value, &error, 0, "{s:s, s:s, s:s, s:b, s:i, s:I, s:F, s:s}", "name", &name, "status",
            &status, "last", &last, "resting", &resting, "run", &probe->run, "latency_us",
            &latency_us, "value", &probe->value, "detail", &detail) != 0) {
        snprintf(why, size, "%.100s", error.text);
        return false;
    }
    status_is = by_name(name_of_outcome, status);
    last_is = by_name(name_of_outcome, last);
    if (status_is < 0 || last_is < 0) {
        snprintf(why, size, "\"%.32s\" is no outcome", status_is < 0 ? status : last);
        return false;
    }
    COPY(probe->name, name);
    COPY(probe->detail, detail);
    probe->status = (enum group_outcome)status_is;
    probe->last = (enum group_outcome)last_is;
    probe->resting = resting != 0;
    probe->latency_us = latency_us;
    return true;
}

static bool to_probes(json_t *probes, struct group_member *member, char *why, size_t size)
{
    json_t *probe;
    size_t i;

    if (json_array_size(probes) > GROUP_PROBES_MAX) {
        snprintf(why, size, "more than %d probes", GROUP_PROBES_MAX);
        return false;
    }
    json_array_foreach(probes, i, probe)
    {
        if (!to_probe(probe, &member->probe[i], why, size)) {
            return false;
        }
    }
    member->n_probes = (int)json_array_size(probes);
    return true;
}

/* The words of a member's value, still in it. */
struct member_words {
    const char *state, *state_why, *serving, *serving_why, *fit, *fit_why, *hold, *policy;
};

static bool to_member(
    const struct member_words *words, struct group_member *member, char *why, size_t size)
{
    struct baton_error error;
    int serving = by_name(name_of_answer, words->serving);
    int fit = by_name(name_of_answer, words->fit);

    if (serving < 0 || fit < 0) {
        snprintf(why, size, "\"%.32s\" is no answer", serving < 0 ? words->serving : words->fit);
        return false;
    }
    if (strcmp(words->state, fsm_state_name(FSM_UNKNOWN)) == 0) {
        member->state = FSM_UNKNOWN; /* the way in, and no state of the machine */
    } else if (fsm_state_parse(words->state, &member->state, &error) != BATON_OK) {
        snprintf(why, size, "%.150s", error.text);
        return false;
    }
    member->hold = by_name(name_of_hold, words->hold);
    if (member->hold < 0) {
        snprintf(why, size, "\"%.32s\" is no hold", words->hold);
        return false;
    }
    member->serving = (enum group_answer)serving;
    member->fit = (enum group_answer)fit;
    member->policy = strtoull(words->policy, NULL, 16);
    COPY(member->state_why, words->state_why);
    COPY(member->serving_why, words->serving_why);
    COPY(member->fit_why, words->fit_why);
    return true;
}

bool value_to_member(
    const char *text, size_t len, struct group_member *member, char *why, size_t size)
{
    json_t *value = load(text, len, why, size), *probes;
    struct member_words words;
    json_error_t error;
    int rests;
    bool good = false;

    if (value == NULL) {
        return false;
    }
    memset(member, 0, sizeof *member);
    if (json_unpack_ex(
            value, &error, 0, "{s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:s, s:s, s:o}", "state",
            &words.state, "state_why", &words.state_why, "serving", &words.serving, "serving_why",
            &words.serving_why, "fit", &words.fit, "fit_why", &words.fit_why, "rests", &rests,
            "hold", &words.hold, "policy", &words.policy, "probes", &probes) != 0) {
        snprintf(why, size, "%.100s", error.text);
    } else {
        member->rests = rests != 0;
        good = to_member(&words, member, why, size) && to_probes(probes, member, why, size);
    }
    json_decref(value);
    return good;
}

/* ---- Pause, wish, answer ------------------------------------------------------------------------
 */

json_t *value_of_pause(bool paused, const char *why)
{
    return json_pack(
        "{s:i, s:b, s:o}", "version", ETCD_VERSION, "paused", (int)paused, "why", value_text(why));
}

bool value_to_pause(
    const char *text, size_t len, bool *paused, char text_out[GROUP_TEXT_MAX], char *why,
    size_t size)
{
    json_t *value = load(text, len, why, size);
    json_error_t error;
    const char *reason;
    int is;
    bool good = false;

    if (value == NULL) {
        return false;
    }
    if (json_unpack_ex(value, &error, 0, "{s:b, s:s}", "paused", &is, "why", &reason) != 0) {
        snprintf(why, size, "%.100s", error.text);
    } else {
        *paused = is != 0;
        snprintf(text_out, GROUP_TEXT_MAX, "%s", reason);
        good = true;
    }
    json_decref(value);
    return good;
}

json_t *value_of_wish(const struct etcd_site *site, const struct lease_wish *wish, uint64_t nonce)
{
    bool named = wish->node >= 0 && wish->node < site->n_nodes;
    char text[24];

    snprintf(text, sizeof text, "%016" PRIx64, nonce);
    return json_pack(
        "{s:i, s:s, s:o, s:b, s:o, s:o, s:s}", "version", ETCD_VERSION, "command",
        group_command_name(wish->command), "node",
        named ? value_text(site->node[wish->node]) : json_null(), "force", (int)wish->force, "by",
        value_text(wish->by), "reason", value_text(wish->reason), "nonce", text);
}

/* The node that a wish names, GROUP_NOBODY for null, GROUP_STRANGER for one that isn't ours. */
static int wished_node(const struct etcd_site *site, const json_t *node)
{
    for (int i = 0; json_is_string(node) && i < site->n_nodes; i++) {
        if (strcmp(site->node[i], json_string_value(node)) == 0) {
            return i;
        }
    }
    return json_is_null(node) ? GROUP_NOBODY : GROUP_STRANGER;
}

bool value_to_wish(
    const struct etcd_site *site, const char *text, size_t len, struct lease_wish *wish,
    uint64_t *nonce, char *why, size_t size)
{
    json_t *value = load(text, len, why, size), *node;
    const char *command, *by, *reason, *once;
    json_error_t error;
    int force, command_is;
    bool good = false;

    if (value == NULL) {
        return false;
    }
    if (json_unpack_ex(
            value, &error, 0, "{s:s, s:o, s:b, s:s, s:s, s:s}", "command", &command, "node", &node,
            "force", &force, "by", &by, "reason", &reason, "nonce", &once) != 0) {
        snprintf(why, size, "%.100s", error.text);
    } else if (
        (command_is = by_name(name_of_command, command)) != GROUP_CMD_FAILOVER &&
        command_is != GROUP_CMD_FAILBACK) {
        snprintf(why, size, "\"%.32s\" is nothing that can be wished", command);
    } else if ((wish->node = wished_node(site, node)) == GROUP_STRANGER) {
        snprintf(why, size, "it names a node that is not in the configuration");
    } else {
        wish->command = (enum group_command)command_is;
        wish->force = force != 0;
        COPY(wish->by, by);
        COPY(wish->reason, reason);
        *nonce = strtoull(once, NULL, 16);
        good = true;
    }
    json_decref(value);
    return good;
}

json_t *value_of_answer(const struct lease_answer *answer)
{
    return json_pack(
        "{s:i, s:I, s:b, s:o}", "version", ETCD_VERSION, "id", (json_int_t)answer->id, "refused",
        (int)answer->refused, "text", value_text(answer->text));
}

bool value_to_answer(
    const char *text, size_t len, struct lease_answer *answer, char *why, size_t size)
{
    json_t *value = load(text, len, why, size);
    json_error_t error;
    json_int_t id;
    const char *words;
    int refused;
    bool good = false;

    if (value == NULL) {
        return false;
    }
    if (json_unpack_ex(
            value, &error, 0, "{s:I, s:b, s:s}", "id", &id, "refused", &refused, "text", &words) !=
        0) {
        snprintf(why, size, "%.100s", error.text);
    } else {
        *answer = (struct lease_answer){.id = id, .refused = refused != 0};
        COPY(answer->text, words);
        good = true;
    }
    json_decref(value);
    return good;
}
