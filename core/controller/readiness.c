/* Checks as items: one for each node, or one for the group. */
#include "controller/readiness.h"

#include "base/memory.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

struct entry {
    struct readiness *readiness;
    struct readiness_item item;
    int check; /* of the policy, or -1 - fact */
    bool due;  /* asked when there is room on its node */
    struct policy_task *task;
    uint64_t timer; /* a fact ends no sooner than a task would */
};

struct readiness {
    struct readiness_setup setup;
    int at_once; /* of readiness_ask_all */
    int count;
    struct entry *entry;
};

static const struct {
    const char *name, *title;
} facts[READINESS_FACTS] = {
    [READINESS_FENCE] = {"fence", "it is decided what happens to a server that is out of reach"},
    [READINESS_EXPLORED] = {"explored", "the policy was explored as it is now"},
    [READINESS_DRILL] = {"drill", "a planned move was tried not long ago"},
};

static void ask_more(struct readiness *readiness);

/* ---- One answer -------------------------------------------------------------------------- */

static void copy_text(char *to, size_t size, const char *text)
{
    snprintf(to, size, "%s", text != NULL ? text : "");
    for (; *to != '\0'; to++) { /* one line */
        if (*to == '\n' || *to == '\r' || *to == '\t') {
            *to = ' ';
        }
    }
}

static void answer(
    struct entry *entry, enum group_outcome outcome, const char *detail, const char *advice)
{
    struct readiness *readiness = entry->readiness;
    struct readiness_item before = entry->item, *item = &entry->item;
    int64_t now_ms = world_now_ms(readiness->setup.world);

    item->busy = false;
    if (!item->asked || item->outcome != outcome) {
        item->since_ms = now_ms;
    }
    item->asked = true;
    item->at_ms = now_ms;
    item->outcome = outcome;
    copy_text(item->detail, sizeof item->detail, detail);
    copy_text(item->advice, sizeof item->advice, outcome == GROUP_OK ? "" : advice);
    ask_more(readiness);
    if (readiness->setup.told != NULL) {
        readiness->setup.told(readiness->setup.arg, item, &before);
    }
}

static void on_task(void *arg, const struct policy_result *result)
{
    struct entry *entry = arg;
    const char *advice = result->more;
    int count;
    const struct policy_check *check =
        &policy_checks(entry->readiness->setup.policy, &count)[entry->check];

    entry->task = NULL;
    if (result->broken) {
        advice = "correct the check: this is a mistake in its script";
    } else if (advice == NULL) {
        advice = check->advice;
    }
    answer(entry, result->broken ? GROUP_UNKNOWN : result->outcome, result->detail, advice);
}

static void on_fact(void *arg, uint64_t request, const struct world_result *result)
{
    struct entry *entry = arg;
    struct readiness_word word = {.outcome = GROUP_UNKNOWN};

    (void)request;
    (void)result;
    entry->timer = 0;
    entry->readiness->setup.fact(
        entry->readiness->setup.arg, (enum readiness_fact)(-1 - entry->check), &word);
    answer(entry, word.outcome, word.detail, word.advice);
}

static void on_no_room(void *arg, uint64_t request, const struct world_result *result)
{
    struct entry *entry = arg;

    (void)request;
    (void)result;
    entry->timer = 0;
    answer(entry, GROUP_UNKNOWN, "it could not be asked: too much is asked at once", "");
}

/* ---- Asking ------------------------------------------------------------------------------ */

static void start(struct entry *entry)
{
    struct readiness *readiness = entry->readiness;
    struct world_request moment = {.kind = WORLD_SLEEP};
    int node = entry->item.node, count;
    const struct policy_check *checks = policy_checks(readiness->setup.policy, &count);
    struct baton_error error;

    entry->due = false;
    entry->item.busy = true;
    if (entry->check < 0) {
        entry->timer = world_start(readiness->setup.world, &moment, on_fact, entry);
        return;
    }
    if (node == GROUP_NOBODY) {
        node = readiness->setup.self != GROUP_NOBODY ? readiness->setup.self : 0;
    }
    entry->task = policy_run(
        readiness->setup.policy, POLICY_CHECK, entry->check, node,
        world_now_ms(readiness->setup.world) + checks[entry->check].timeout_ms, on_task, entry,
        &error);
    if (entry->task == NULL) {
        entry->timer = world_start(readiness->setup.world, &moment, on_no_room, entry);
    }
}

static int busy_on(const struct readiness *readiness, int node)
{
    int i, busy = 0;

    for (i = 0; i < readiness->count; i++) {
        busy += readiness->entry[i].item.busy && readiness->entry[i].item.node == node;
    }
    return busy;
}

static void ask_more(struct readiness *readiness)
{
    int i;

    for (i = 0; i < readiness->count; i++) {
        struct entry *entry = &readiness->entry[i];
        int room = entry->item.node == GROUP_NOBODY ? 1 : readiness->at_once;

        if (entry->due && !entry->item.busy && busy_on(readiness, entry->item.node) < room) {
            start(entry);
        }
    }
}

void readiness_ask(struct readiness *readiness, int index)
{
    assert(index >= 0 && index < readiness->count);
    if (!readiness->entry[index].item.busy) {
        start(&readiness->entry[index]);
    }
}

void readiness_ask_all(struct readiness *readiness, int at_once)
{
    int i;

    assert(at_once > 0);
    readiness->at_once = at_once;
    for (i = 0; i < readiness->count; i++) {
        readiness->entry[i].due = true;
    }
    ask_more(readiness);
}

/* ---- The drill ---------------------------------------------------------------------------- */

void readiness_drill(
    const char *group, int64_t drilled_ms, int64_t wall_ms, struct readiness_word *word)
{
    int64_t age_ms = wall_ms > drilled_ms ? wall_ms - drilled_ms : 0;
    long long hours = (long long)(age_ms / 3600000);

    snprintf(
        word->advice, sizeof word->advice,
        "at a quiet hour: baton failover %s --wait, then baton failback %s --wait", group, group);
    if (drilled_ms <= 0) {
        word->outcome = GROUP_UNKNOWN;
        snprintf(word->detail, sizeof word->detail, "no planned move is in the journal");
        return;
    }
    word->outcome = age_ms <= READINESS_DRILL_MS ? GROUP_OK : GROUP_FAIL;
    if (hours < 48) {
        snprintf(word->detail, sizeof word->detail, "%lld h ago", hours);
    } else {
        snprintf(word->detail, sizeof word->detail, "%lld days ago", hours / 24);
    }
}

/* ---- Life -------------------------------------------------------------------------------- */

static void add(
    struct readiness *readiness, const char *name, const char *title, int check, int node)
{
    struct entry *entry = &readiness->entry[readiness->count++];

    entry->readiness = readiness;
    entry->check = check;
    entry->item.name = name;
    entry->item.title = title;
    entry->item.node = node;
    entry->item.outcome = GROUP_UNKNOWN;
}

static void add_check(struct readiness *readiness, const struct policy_check *check, int index)
{
    int self = readiness->setup.self, node;

    if (check->on == POLICY_ON_GROUP) {
        add(readiness, check->name, check->title, index, GROUP_NOBODY);
        return;
    }
    for (node = 0; node < readiness->setup.n_nodes; node++) {
        if (self == GROUP_NOBODY || self == node) {
            add(readiness, check->name, check->title, index, node);
        }
    }
}

enum baton_err readiness_new(
    const struct readiness_setup *setup, struct readiness **out, struct baton_error *error)
{
    struct readiness *readiness = memory_zeroed(1, sizeof *readiness);
    int n_checks, i;
    const struct policy_check *checks = policy_checks(setup->policy, &n_checks);
    size_t room = (size_t)n_checks * (size_t)setup->n_nodes + READINESS_FACTS;

    *out = NULL;
    if (readiness != NULL) {
        readiness->entry = memory_zeroed(room, sizeof readiness->entry[0]);
    }
    if (readiness == NULL || readiness->entry == NULL) {
        memory_free(readiness);
        return baton_fail(error, BATON_NOMEM, "no memory for the checks");
    }
    readiness->setup = *setup;
    readiness->at_once = 1;
    for (i = 0; i < n_checks; i++) {
        add_check(readiness, &checks[i], i);
    }
    for (i = 0; setup->fact != NULL && i < READINESS_FACTS; i++) {
        add(readiness, facts[i].name, facts[i].title, -1 - i, GROUP_NOBODY);
    }
    *out = readiness;
    return BATON_OK;
}

void readiness_free(struct readiness *readiness)
{
    int i;

    if (readiness == NULL) {
        return;
    }
    for (i = 0; i < readiness->count; i++) {
        struct entry *entry = &readiness->entry[i];

        if (entry->task != NULL) {
            policy_cancel(entry->task);
        }
        if (entry->timer != 0) {
            world_cancel(readiness->setup.world, entry->timer);
        }
    }
    memory_free(readiness->entry);
    memory_free(readiness);
}

/* ---- What they said ---------------------------------------------------------------------- */

int readiness_count(const struct readiness *readiness)
{
    return readiness->count;
}

const struct readiness_item *readiness_item(const struct readiness *readiness, int index)
{
    assert(index >= 0 && index < readiness->count);
    return &readiness->entry[index].item;
}

struct readiness_sum readiness_sum(const struct readiness *readiness)
{
    struct readiness_sum sum = {.count = readiness->count, .first = -1};
    int i;

    for (i = 0; i < readiness->count; i++) {
        const struct readiness_item *item = &readiness->entry[i].item;

        if (!item->asked) {
            continue;
        }
        sum.asked++;
        sum.ok += item->outcome == GROUP_OK;
        sum.unknown += item->outcome == GROUP_UNKNOWN;
        if (item->outcome == GROUP_FAIL) {
            sum.first = sum.fail == 0 ? i : sum.first;
            sum.fail++;
        } else if (item->outcome == GROUP_UNKNOWN && sum.first < 0) {
            sum.first = i;
        }
    }
    return sum;
}
