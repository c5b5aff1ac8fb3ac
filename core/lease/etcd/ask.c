/* The bodies of the calls. 64-bit numbers are strings in the gateway's JSON. */
#include "base/base64.h"
#include "parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_MAX (ETCD_PREFIX_MAX + 2 * GROUP_NAME_MAX + 16)

static json_t *number(int64_t value)
{
    return json_sprintf("%" PRId64, value);
}

static json_t *bytes(const char *data, size_t len)
{
    char *text = base64_encode(data, len);
    json_t *string = text != NULL ? json_string(text) : NULL;

    free(text);
    return string;
}

/* PREFIX/GROUP/WHAT */
static json_t *key(const struct etcd_site *site, const char *what)
{
    char name[KEY_MAX];
    int len = snprintf(name, sizeof name, "%s/%s/%s", site->prefix, site->group, what);

    return bytes(name, (size_t)len);
}

static json_t *member_key(const struct etcd_site *site, const char *node)
{
    char name[GROUP_NAME_MAX + 8];

    snprintf(name, sizeof name, "member/%s", node);
    return key(site, name);
}

/* The first key after all that begin with PREFIX/GROUP/: '0' follows '/'. */
static json_t *end_key(const struct etcd_site *site)
{
    char name[KEY_MAX];
    int len = snprintf(name, sizeof name, "%s/%s0", site->prefix, site->group);

    return bytes(name, (size_t)len);
}

static char *body_of(json_t *object)
{
    char *text = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;

    json_decref(object);
    return text;
}

/* ---- Parts of transactions --------------------------------------------------------------- */

/* `what` of the key is `value`: CREATE, MOD, LEASE with their field. */
static json_t *is_number(json_t *name, const char *what, const char *field, int64_t value)
{
    return json_pack("{s:o, s:s, s:o}", "key", name, "target", what, field, number(value));
}

static json_t *is_text(json_t *name, const char *value)
{
    return json_pack(
        "{s:o, s:s, s:o}", "key", name, "target", "VALUE", "value", bytes(value, strlen(value)));
}

/* The last grant was that of `epoch`; 0: there has been none. */
static json_t *is_epoch(const struct etcd_site *site, int64_t epoch)
{
    char text[24];

    if (epoch == 0) {
        return is_number(key(site, "epoch"), "CREATE", "create_revision", 0);
    }
    snprintf(text, sizeof text, "%" PRId64, epoch);
    return is_text(key(site, "epoch"), text);
}

/* `lease` 0: not bound to one. */
static json_t *put(json_t *name, json_t *value, int64_t lease)
{
    char *text = value != NULL ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    json_t *data = text != NULL ? bytes(text, strlen(text)) : NULL;

    free(text);
    json_decref(value);
    return json_pack(
        "{s:{s:o, s:o, s:o}}", "request_put", "key", name, "value", data, "lease", number(lease));
}

static json_t *delete_key(json_t *name)
{
    return json_pack("{s:{s:o}}", "request_delete_range", "key", name);
}

/* If all of `compare`, then all of `success`; else read all keys of the group. */
static char *transaction(const struct etcd_site *site, json_t *compare, json_t *success)
{
    return body_of(json_pack(
        "{s:o, s:o, s:[{s:{s:o, s:o}}]}", "compare", compare, "success", success, "failure",
        "request_range", "key", key(site, ""), "range_end", end_key(site)));
}

static json_t *put_baton(const struct etcd_op *op, const char *holder, bool passed, int64_t lease)
{
    struct etcd_baton baton = {.epoch = op->epoch, .how = op->how, .passed = passed};

    snprintf(baton.holder, sizeof baton.holder, "%s", holder);
    snprintf(baton.why, sizeof baton.why, "%s", op->why);
    return put(key(op->site, "baton"), value_of_baton(&baton), lease);
}

static json_t *put_epoch(const struct etcd_op *op)
{
    return put(key(op->site, "epoch"), json_integer((json_int_t)op->epoch), 0);
}

/* ---- The calls ----------------------------------------------------------------------------- */

char *etcd_ask_token(const char *user, const char *password)
{
    return body_of(
        json_pack("{s:o, s:o}", "name", value_text(user), "password", value_text(password)));
}

char *ask_grant(int64_t lease, int64_t ttl_ms)
{
    return body_of(
        json_pack("{s:o, s:o}", "ID", number(lease), "TTL", number((ttl_ms + 999) / 1000)));
}

char *ask_keep(int64_t lease)
{
    return body_of(json_pack("{s:o}", "ID", number(lease)));
}

char *ask_all(const struct etcd_site *site, bool keys_only)
{
    return body_of(json_pack(
        "{s:o, s:o, s:b}", "key", key(site, ""), "range_end", end_key(site), "keys_only",
        (int)keys_only));
}

char *ask_proof(const struct etcd_site *site)
{
    return body_of(json_pack("{s:o, s:b}", "key", key(site, "epoch"), "keys_only", 1));
}

char *ask_watch(const struct etcd_site *site, int64_t from)
{
    return body_of(json_pack(
        "{s:{s:o, s:o, s:o}}", "create_request", "key", key(site, ""), "range_end", end_key(site),
        "start_revision", number(from)));
}

char *ask_acquire(const struct etcd_op *op)
{
    const struct etcd_site *site = op->site;

    return transaction(
        site,
        json_pack(
            "[o, o]", is_number(key(site, "baton"), "CREATE", "create_revision", 0),
            is_epoch(site, op->epoch - 1)),
        json_pack("[o, o]", put_baton(op, site->self, false, op->lease), put_epoch(op)));
}

char *ask_pass(const struct etcd_op *op)
{
    const struct etcd_site *site = op->site;
    const char *to = site->node[op->to];

    return transaction(
        site,
        json_pack(
            "[o, o, o]", is_number(key(site, "baton"), "LEASE", "lease", op->lease),
            is_epoch(site, op->epoch - 1),
            is_number(member_key(site, to), "LEASE", "lease", op->to_lease)),
        json_pack("[o, o]", put_baton(op, to, true, op->to_lease), put_epoch(op)));
}

char *ask_release(const struct etcd_op *op)
{
    const struct etcd_site *site = op->site;

    return transaction(
        site,
        json_pack(
            "[o, o]", is_number(key(site, "baton"), "LEASE", "lease", op->lease),
            is_epoch(site, op->epoch)),
        json_pack("[o]", delete_key(key(site, "baton"))));
}

char *ask_publish(const struct etcd_op *op)
{
    const struct etcd_site *site = op->site;

    return transaction(
        site,
        json_pack(
            "[o]",
            is_number(
                member_key(site, site->self), "MOD", "mod_revision", op->memory->member_revision)),
        json_pack(
            "[o]", put(member_key(site, site->self), value_of_member(&op->member), op->lease)));
}

char *ask_pause(const struct etcd_op *op)
{
    const struct etcd_site *site = op->site;

    return transaction(
        site,
        json_pack(
            "[o]", is_number(key(site, "pause"), "MOD", "mod_revision", op->view.pause_revision)),
        json_pack("[o]", put(key(site, "pause"), value_of_pause(op->paused, op->why), 0)));
}

char *ask_wish(const struct etcd_op *op)
{
    const struct etcd_site *site = op->site;

    return transaction(
        site,
        json_pack(
            "[o, o]", is_number(key(site, "wish"), "MOD", "mod_revision", op->view.wish_revision),
            is_number(key(site, "answer"), "MOD", "mod_revision", op->answer_revision)),
        json_pack("[o]", put(key(site, "wish"), value_of_wish(site, &op->wish, op->random), 0)));
}

char *ask_answer(const struct etcd_op *op, bool wish_is_there)
{
    const struct etcd_site *site = op->site;
    json_t *compare =
        wish_is_there
            ? is_number(key(site, "wish"), "MOD", "mod_revision", op->answer.id)
            : is_number(key(site, "answer"), "MOD", "mod_revision", op->view.answer_revision);
    json_t *success = json_pack("[o]", put(key(site, "answer"), value_of_answer(&op->answer), 0));

    if (wish_is_there) {
        json_array_append_new(success, delete_key(key(site, "wish")));
    }
    return transaction(site, json_pack("[o]", compare), success);
}

char *ask_rebind(const struct etcd_op *op, bool baton)
{
    const struct etcd_site *site = op->site;
    json_t *name = baton ? key(site, "baton") : member_key(site, site->self);

    return transaction(
        site, json_pack("[o]", is_number(json_incref(name), "LEASE", "lease", op->lease)),
        json_pack(
            "[{s:{s:o, s:b, s:o}}]", "request_put", "key", name, "ignore_value", 1, "lease",
            number((int64_t)op->random)));
}
