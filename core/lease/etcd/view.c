/* All keys of a group, read at one revision. */
#include "base/base64.h"
#include "parts.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One key, decoded. */
struct pair {
    const char *key; /* after PREFIX/GROUP/ */
    const char *value;
    size_t len;
    int64_t revision, lease;
};

static void skip(struct etcd_view *view, const char *key, const char *why)
{
    size_t used = strlen(view->skipped);

    snprintf(
        view->skipped + used, sizeof view->skipped - used, "%s%.80s: %.160s", used > 0 ? "; " : "",
        key, why);
}

static int node_of(const struct etcd_site *site, const char *name)
{
    for (int i = 0; i < site->n_nodes; i++) {
        if (strcmp(site->node[i], name) == 0) {
            return i;
        }
    }
    return GROUP_STRANGER;
}

/* ---- The keys ------------------------------------------------------------------------------ */

static void on_baton(const struct etcd_site *site, struct etcd_view *view, const struct pair *pair)
{
    struct lease_word *word = &view->word;
    struct etcd_baton baton;
    char why[GROUP_TEXT_MAX];

    view->baton_lease = pair->lease;
    word->holder = GROUP_STRANGER;
    if (!value_to_baton(pair->value, pair->len, &baton, why, sizeof why)) {
        skip(view, pair->key, why);
        return;
    }
    snprintf(view->holder, sizeof view->holder, "%s", baton.holder);
    word->holder = node_of(site, baton.holder);
    if (word->holder == GROUP_STRANGER) {
        snprintf(why, sizeof why, "%.64s is not a node of the configuration", baton.holder);
        skip(view, pair->key, why);
    }
    word->how = baton.how;
    word->passed = baton.passed;
    snprintf(word->why, sizeof word->why, "%s", baton.why);
    if (baton.epoch > word->epoch) {
        word->epoch = baton.epoch;
    }
}

/* An epoch that can't be read: nobody can tell who comes next, so nobody does. */
static void on_epoch(struct etcd_view *view, const struct pair *pair)
{
    char *end = NULL;
    int64_t epoch = strtoll(pair->value, &end, 10);

    view->word.granted_at = pair->revision;
    if (pair->len == 0 || *end != 0 || epoch < 1) {
        skip(view, pair->key, "it is no epoch");
        view->word.holder = GROUP_STRANGER;
    } else if (epoch > view->word.epoch) {
        view->word.epoch = epoch;
    }
}

static void on_member(const struct etcd_site *site, struct etcd_view *view, const struct pair *pair)
{
    struct lease_word *word = &view->word;
    int node = node_of(site, pair->key + strlen("member/"));
    char why[GROUP_TEXT_MAX];

    if (node < 0) {
        skip(view, pair->key, "not a node of the configuration");
        return;
    }
    view->member_revision[node] = pair->revision;
    if (pair->lease == 0) {
        skip(view, pair->key, "it is bound to no lease");
        return;
    }
    view->member_lease[node] = pair->lease;
    if (word->n_members == GROUP_NODES_MAX ||
        !value_to_member(pair->value, pair->len, &word->member[word->n_members], why, sizeof why)) {
        skip(view, pair->key, why);
        return;
    }
    word->member[word->n_members++].node = node;
}

static void on_pause(struct etcd_view *view, const struct pair *pair)
{
    struct lease_word *word = &view->word;
    char why[GROUP_TEXT_MAX];

    view->pause_revision = pair->revision;
    if (!value_to_pause(pair->value, pair->len, &word->paused, word->paused_why, why, sizeof why)) {
        skip(view, pair->key, why);
        word->paused = true;
        snprintf(word->paused_why, sizeof word->paused_why, "a pause that can't be read");
    }
}

static void on_wish(const struct etcd_site *site, struct etcd_view *view, const struct pair *pair)
{
    char why[GROUP_TEXT_MAX];

    view->wish_revision = pair->revision;
    if (value_to_wish(
            site, pair->value, pair->len, &view->word.wish, &view->wish_nonce, why, sizeof why)) {
        view->word.wish.id = pair->revision;
    } else {
        skip(view, pair->key, why);
    }
}

static void on_answer(struct etcd_view *view, const struct pair *pair)
{
    char why[GROUP_TEXT_MAX];

    view->answer_revision = pair->revision;
    if (!value_to_answer(pair->value, pair->len, &view->word.answer, why, sizeof why)) {
        skip(view, pair->key, why);
    }
}

static void on_pair(const struct etcd_site *site, struct etcd_view *view, const struct pair *pair)
{
    if (strcmp(pair->key, "baton") == 0) {
        on_baton(site, view, pair);
    } else if (strcmp(pair->key, "epoch") == 0) {
        on_epoch(view, pair);
    } else if (strncmp(pair->key, "member/", 7) == 0) {
        on_member(site, view, pair);
    } else if (strcmp(pair->key, "pause") == 0) {
        on_pause(view, pair);
    } else if (strcmp(pair->key, "wish") == 0) {
        on_wish(site, view, pair);
    } else if (strcmp(pair->key, "answer") == 0) {
        on_answer(view, pair);
    }
}

/* ---- The answer -------------------------------------------------------------------------------
 */

static void read_pair(
    const struct etcd_site *site, const json_t *kv, bool values, struct etcd_view *view)
{
    const char *key64 = json_string_value(json_object_get(kv, "key"));
    const char *value64 = json_string_value(json_object_get(kv, "value"));
    size_t key_len = 0, value_len = 0, skip_len = strlen(site->prefix) + strlen(site->group) + 2;
    char *key = base64_decode(key64 != NULL ? key64 : "", &key_len);
    char *value = base64_decode(value64 != NULL ? value64 : "", &value_len);
    int64_t revision = answer_number(kv, "mod_revision");

    view->n_keys++;
    view->newest = revision > view->newest ? revision : view->newest;
    if (values && key != NULL && key_len >= skip_len) {
        on_pair(
            site, view,
            &(struct pair){
                .key = key + skip_len,
                .value = value != NULL ? value : "",
                .len = value_len,
                .revision = revision,
                .lease = answer_number(kv, "lease")});
    }
    free(key);
    free(value);
}

/* The range in an answer: the answer itself, or the first response of a transaction. */
static const json_t *range_of(const json_t *answer)
{
    const json_t *responses = json_object_get(answer, "responses");

    return responses != NULL ? json_object_get(json_array_get(responses, 0), "response_range")
                             : answer;
}

bool etcd_view_read(
    const struct etcd_site *site, const char *body, bool values, struct etcd_view *view, char *why,
    size_t size)
{
    json_error_t error;
    json_t *answer = json_loads(body, 0, &error);
    const json_t *header = json_object_get(answer, "header"), *kv;
    const json_t *kvs = json_object_get(range_of(answer), "kvs");
    size_t i;

    memset(view, 0, sizeof *view);
    view->word.holder = GROUP_NOBODY;
    if (!json_is_object(header) || answer_number(header, "revision") <= 0) {
        snprintf(
            why, size, "an answer that can't be read: %.100s",
            answer == NULL ? error.text : "it has no revision");
        json_decref(answer);
        return false;
    }
    view->word.revision = answer_number(header, "revision");
    view->term = answer_number(header, "raft_term");
    view->done = json_is_true(json_object_get(answer, "succeeded"));
    json_array_foreach(kvs, i, kv)
    {
        read_pair(site, kv, values, view);
    }
    if (view->baton_lease == 0 && view->holder[0] == 0 && view->word.holder == GROUP_NOBODY) {
        view->word.granted_at = 0; /* the epoch's alone */
    }
    json_decref(answer);
    return true;
}
