/* What the files of core/lease/etcd share. */
#ifndef BATON_LEASE_ETCD_PARTS_H
#define BATON_LEASE_ETCD_PARTS_H

#include "lease/etcd/etcd.h"

#include <jansson.h>

#define ETCD_VERSION 1 /* of the values that are put */

/* ---- value.c: the values of the keys, as JSON objects ----------------------------------- */

struct etcd_baton {
    char holder[GROUP_NAME_MAX];
    int64_t epoch;
    enum group_plan_kind how;
    bool passed;
    char why[GROUP_TEXT_MAX];
};

/* New references; NULL: no memory. */
json_t *value_of_baton(const struct etcd_baton *baton);
json_t *value_of_member(const struct group_member *member);
json_t *value_of_pause(bool paused, const char *why);
json_t *value_of_wish(const struct etcd_site *site, const struct lease_wish *wish, uint64_t nonce);
json_t *value_of_answer(const struct lease_answer *answer);

/* Read a value of `len` bytes. False, with the sentence: not JSON, another version, not ours.
 * `member->node` is the caller's to set. */
bool value_to_baton(const char *text, size_t len, struct etcd_baton *baton, char *why, size_t size);
bool value_to_member(
    const char *text, size_t len, struct group_member *member, char *why, size_t size);
bool value_to_pause(
    const char *text, size_t len, bool *paused, char text_out[GROUP_TEXT_MAX], char *why,
    size_t size);
bool value_to_wish(
    const struct etcd_site *site, const char *text, size_t len, struct lease_wish *wish,
    uint64_t *nonce, char *why, size_t size);
bool value_to_answer(
    const char *text, size_t len, struct lease_answer *answer, char *why, size_t size);

/* A string that need not be UTF-8. */
json_t *value_text(const char *text);

/* ---- ask.c: bodies of calls --------------------------------------------------------------- */

char *ask_grant(int64_t lease, int64_t ttl_ms);
char *ask_keep(int64_t lease);
char *ask_all(const struct etcd_site *site, bool keys_only);
char *ask_proof(const struct etcd_site *site);
char *ask_watch(const struct etcd_site *site, int64_t from);
char *ask_acquire(const struct etcd_op *op);
char *ask_pass(const struct etcd_op *op);
char *ask_release(const struct etcd_op *op);
char *ask_publish(const struct etcd_op *op);
char *ask_pause(const struct etcd_op *op);
char *ask_wish(const struct etcd_op *op);
char *ask_answer(const struct etcd_op *op, bool wish_is_there);
/* Bind the baton, or the member, to another lease. */
char *ask_rebind(const struct etcd_op *op, bool baton);

/* ---- answer.c ------------------------------------------------------------------------------- */

/* A number that may be a string, as 64-bit ones are; 0 where it isn't there (the gateway
 * leaves out what is 0). */
int64_t answer_number(const json_t *object, const char *key);

/* The lease's time to live in seconds and the answering server's term, by the answer of
 * /lease/keepalive. A ttl of 0: the lease is gone. */
bool answer_kept(const char *body, int64_t *ttl_s, int64_t *term, char *why, size_t size);

#endif
