/* A small world in virtual time, and a group of two nodes, for the tests of the policy host.
 *
 * Requests are answered by what they ask: a command `ok` succeeds, `fail` ends with 1,
 * `say WORD` prints it, `hang` never ends by itself, `move` is not made, as in shadow; port 1
 * refuses; the rest succeeds. An answer takes 10 ms. Nothing happens but in fake_until and
 * fake_idle.
 */
#ifndef POLICY_FAKE_H
#define POLICY_FAKE_H

#include "policy/policy.h"

#define FAKE_REQUESTS_MAX 512

struct fake_request {
    uint64_t id; /* 0: free */
    int64_t due_ms;
    enum world_kind kind;
    enum world_outcome outcome;
    bool shadowed;
    int code;
    char detail[64], out[64];
    world_done_fn *done;
    void *arg;
};

struct fake {
    struct world world;
    int64_t now_ms;
    uint64_t last_id;
    struct fake_request request[FAKE_REQUESTS_MAX];
    int started, cancelled;
    struct world_request last; /* the last one started; its strings are gone */
    char last_words[512];      /* of its command, one space between */
    char log[512];
};

struct fake_end { /* of a task */
    int count;
    struct policy_result result;
    char detail[BATON_ERROR_TEXT_MAX];
    int64_t at_ms;
};

extern struct fake fake;
extern struct policy *fake_policy;
extern struct group *fake_group;
extern struct baton_error fake_error;
extern bool fake_checks; /* the next policy gets those of every policy, too; fake_stop clears it */

void fake_start(void);
void fake_stop(void); /* frees what the test has left */

/* Load a policy from text, as "test.lua", and bind it to a group made after its rules. The
 * second form only tries, with its own caps. */
void fake_load(const char *text);
enum baton_err fake_try(const char *text, size_t len, size_t memory_max, int instructions_max);

/* A policy around some of its keys: a look, and one stop and start action. */
const char *fake_with(const char *keys);

int fake_running(void); /* requests in the world */
void fake_until(int64_t ms);
void fake_idle(void); /* until no request is left; a test fails that never gets there */

void fake_probe(int node, int probe, enum group_outcome status, int run, const char *detail);

void fake_done(void *arg, const struct policy_result *result);
/* Start and run to the end. */
struct fake_end fake_task(enum policy_entry entry, int index, int node, int64_t span_ms);

#endif
