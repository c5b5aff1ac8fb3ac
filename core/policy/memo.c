#include "base/memory.h"
#include "policy/host.h"

#include <assert.h>
#include <string.h>

/* ---- What a field of group, node or probe is worth now ------------------------------------ */

static uint64_t of_text(const char *text) /* FNV-1a */
{
    uint64_t hash = 0xcbf29ce484222325u;

    for (; *text != '\0'; text++) {
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
    }
    return hash;
}

static uint64_t of_number(double number)
{
    uint64_t bits;

    memcpy(&bits, &number, sizeof bits);
    return bits;
}

static uint64_t of_moves(const struct group *group)
{
    uint64_t hash = (uint64_t)group->n_moves;

    for (int i = 0; i < group->n_moves; i++) {
        hash = (hash ^ (uint64_t)(group->now_ms - group->move_ms[i])) * 0x100000001b3u;
    }
    return hash;
}

static uint64_t of_health(const struct group *group, const struct host_read *read)
{
    const struct group_health *health = &group->node[read->node].health[read->probe];

    switch ((enum host_what)read->what) {
    case READ_STATUS:
        return (uint64_t)health->status << 1 | health->resting;
    case READ_LATENCY:
        return (uint64_t)health->latency_us;
    case READ_VALUE:
        return of_number(health->value);
    case READ_DETAIL:
        return of_text(health->detail);
    case READ_RUN:
        return (uint64_t)health->run;
    case READ_SINCE_AGE:
        return (uint64_t)(group->now_ms - health->since_ms);
    case READ_SEEN_AGE:
        return health->seen_ms == 0 ? UINT64_MAX : (uint64_t)(group->now_ms - health->seen_ms);
    case READ_LAST:
        return health->last;
    default:
        assert(!"no field of a probe");
        return 0;
    }
}

static uint64_t worth(const struct group *group, const struct host_read *read)
{
    const struct group_node *node = &group->node[read->node];

    switch ((enum host_what)read->what) {
    case READ_NOW:
        return (uint64_t)group->now_ms;
    case READ_HOLDER:
        return (uint64_t)group->holder;
    case READ_EPOCH:
        return (uint64_t)group->epoch;
    case READ_PAUSED:
        return group->paused;
    case READ_MOVES:
        return of_moves(group);
    case READ_STATE:
        return node->state;
    case READ_STATE_WHY:
        return of_text(node->state_why);
    case READ_STATE_AGE:
        return (uint64_t)(group->now_ms - node->state_since_ms);
    case READ_FIT:
        return node->fit;
    case READ_FIT_WHY:
        return of_text(node->fit_why);
    case READ_FIT_AGE:
        return (uint64_t)(group->now_ms - node->fit_since_ms);
    case READ_SERVING:
        return node->serving;
    case READ_SERVING_WHY:
        return of_text(node->serving_why);
    case READ_OUT:
        return node->out;
    default:
        return of_health(group, read);
    }
}

/* ---- Notes of a verdict that runs ---------------------------------------------------------- */

void memo_note(struct policy *policy, enum host_what what, int node, int probe)
{
    struct host_notes *notes = &policy->notes;
    struct host_read read = {.what = (uint8_t)what, .node = (uint8_t)node, .probe = (uint8_t)probe};

    if (!notes->open || what == READ_CONSTANT) {
        return;
    }
    for (int i = 0; i < notes->count; i++) {
        const struct host_read *old = &notes->read[i];

        if (old->what == read.what && old->node == read.node && old->probe == read.probe) {
            return;
        }
    }
    if (notes->count == HOST_READS_MAX) {
        notes->lasting = false;
        return;
    }
    read.value = worth(policy->group, &read);
    notes->read[notes->count++] = read;
}

void memo_never(struct policy *policy)
{
    policy->notes.lasting = false;
}

/* ---- Verdicts that are kept ------------------------------------------------------------------ */

enum baton_err memo_start(struct policy *policy)
{
    int verdicts = 1 + policy->table.n_transitions + policy->table.rules.n_remedies;

    policy->memo =
        memory_zeroed((size_t)verdicts * (size_t)policy->site->n_nodes, sizeof policy->memo[0]);
    return policy->memo != NULL ? BATON_OK : BATON_NOMEM;
}

void memo_stop(struct policy *policy)
{
    int verdicts = 1 + policy->table.n_transitions + policy->table.rules.n_remedies;

    for (int i = 0; policy->memo != NULL && i < verdicts * policy->site->n_nodes; i++) {
        memory_free(policy->memo[i].read);
    }
    memory_free(policy->memo);
}

struct host_memo *memo_of(struct policy *policy, enum host_verdict verdict, int index, int node)
{
    int row = 0;

    switch (verdict) {
    case HOST_FIT_VERDICT:
        break;
    case HOST_GUARD_VERDICT:
        row = 1 + index;
        break;
    case HOST_WHEN_VERDICT:
        row = 1 + policy->table.n_transitions + index;
        break;
    }
    return &policy->memo[row * policy->site->n_nodes + node];
}

bool memo_recall(
    const struct policy *policy, const struct host_memo *memo, struct policy_verdict *verdict)
{
    if (!memo->kept || memo->age != policy->memo_age) {
        return false;
    }
    for (int i = 0; i < memo->count; i++) {
        if (worth(policy->group, &memo->read[i]) != memo->read[i].value) {
            return false;
        }
    }
    *verdict = memo->verdict;
    return true;
}

void memo_begin(struct policy *policy)
{
    policy->notes.open = policy->notes.lasting = true;
    policy->notes.count = 0;
}

void memo_keep(struct policy *policy, struct host_memo *memo, const struct policy_verdict *verdict)
{
    struct host_notes *notes = &policy->notes;
    size_t size = (size_t)notes->count * sizeof notes->read[0];

    notes->open = false;
    memo->kept = false;
    if (verdict == NULL || !notes->lasting) {
        return;
    }
    if (notes->count > memo->size) {
        struct host_read *more = memory_resize(memo->read, size);

        if (more == NULL) {
            return;
        }
        memo->read = more;
        memo->size = notes->count;
    }
    if (size > 0) {
        memcpy(memo->read, notes->read, size);
    }
    memo->count = notes->count;
    memo->age = policy->memo_age;
    memo->verdict = *verdict;
    memo->kept = true;
}
