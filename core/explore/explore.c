#include "explore/explore.h"

#include "parts.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BATCH 32 /* units between two times that all learn what all have seen */

struct list {
    struct stem *stem;
    int64_t n, size;
};

struct search {
    const struct explore_setup *setup;
    struct explore_result *result;
    struct work work;
    struct menu *menu;
    struct seen *seen;
    struct list cost[EXPLORE_FAULTS_MAX + 1]; /* stems by how many faults they have */
    int64_t began_ms, level_ms;
    int64_t runs_before; /* of this crew */
};

const char *explore_failure_name(enum explore_failure_kind kind)
{
    static const char *const names[] = {
        [EXPLORE_TWO_SERVE] = "two-serve",     [EXPLORE_FROZEN] = "frozen",
        [EXPLORE_NOT_SERVED] = "not-served",   [EXPLORE_RESTLESS] = "restless",
        [EXPLORE_LOST_DATA] = "lost-data",     [EXPLORE_BROKEN] = "broken",
        [EXPLORE_FAILED_MOVE] = "failed-move",
    };

    return names[kind];
}

/* ---- The bound ---------------------------------------------------------------------------- */

static int64_t action_ms(const struct group_action_rules *action)
{
    return action->attempts * action->deadline_ms + (action->attempts - 1) * action->retry_ms;
}

int64_t explore_bound_ms(const struct policy_table *table, const struct run_peers *peers)
{
    const struct group_rules *rules = &table->rules;
    int64_t notice = 0, act = 0, remedy = 0;
    int i, j;

    for (i = 0; i < rules->n_probes; i++) {
        const struct group_probe_rules *probe = &rules->probe[i];
        int64_t times = (probe->fall > probe->rise ? probe->fall : probe->rise) + 1;
        int64_t ms = table->probe[i].every_ms * times + table->probe[i].timeout_ms;

        notice = ms > notice ? ms : notice;
    }
    notice += table->look_every_ms * (rules->look_fall + 1) + rules->look_deadline_ms;
    act = rules->look_deadline_ms * 3;
    for (i = 0; i < GROUP_LISTS; i++) {
        for (j = 0; j < rules->list[i].count; j++) {
            act += action_ms(&rules->list[i].action[j]);
        }
    }
    for (i = 0; i < rules->n_remedies; i++) {
        remedy += rules->remedy[i].attempts_max * action_ms(&rules->remedy[i].action);
    }
    return notice + 2 * rules->settle_ms + 2 * act + remedy +
           group_start_rest_ms(rules->max_moves) + 30000 +
           (peers != NULL ? 2 * peers->times.ttl_ms : 0);
}

/* ---- Stems ---------------------------------------------------------------------------------- */

static bool list_add(struct list *list, const struct stem *stem)
{
    if (list->n == list->size) {
        int64_t size = list->size == 0 ? 64 : list->size * 2;
        struct stem *grown = realloc(list->stem, sizeof *grown * (size_t)size);

        if (grown == NULL) {
            return false;
        }
        list->stem = grown;
        list->size = size;
    }
    list->stem[list->n++] = *stem;
    return true;
}

static void list_free(struct list *list)
{
    int64_t i;

    for (i = 0; i < list->n; i++) {
        free(list->stem[i].place_ms);
    }
    free(list->stem);
    memset(list, 0, sizeof *list);
}

static int cost_of(const struct stem *stem)
{
    return stem->n + (stem->start != STORY_ONE);
}

/* What a unit found on its way is where the next level begins. */
static bool take_leaves(struct search *search, const struct stem *from, struct unit_result *result)
{
    int i;

    for (i = 0; i < result->n_leaves; i++) {
        struct leaf *leaf = &result->leaf[i];
        struct stem stem = *from;
        int cost;

        if (leaf->item >= 0) {
            stem.step[stem.n].at_ms = leaf->at_ms;
            stem.step[stem.n].repaired_ms = leaf->repaired_ms;
            stem.step[stem.n++].item = leaf->item;
        }
        stem.n_places = leaf->n_places;
        stem.place_ms = leaf->place_ms;
        cost = cost_of(&stem);
        if (cost >= search->setup->faults) {
            continue;
        }
        if (!list_add(&search->cost[cost], &stem)) {
            return false;
        }
        leaf->place_ms = NULL; /* now the stem's */
    }
    return true;
}

/* ---- Progress -------------------------------------------------------------------------------- */

static bool tick(void *arg, int64_t runs, int64_t units)
{
    struct search *search = arg;
    const struct explore_setup *setup = search->setup;
    struct explore_progress *done = &search->result->done;
    int64_t now = crew_now_ms();
    double level_s = (double)(now - search->level_ms) / 1000;
    double all_s = (double)(now - search->began_ms) / 1000;

    done->runs = search->runs_before + runs;
    done->tasks_done = units;
    done->runs_a_second = all_s > 0 ? (double)done->runs / all_s : 0;
    done->left_s = units > 0 ? level_s * (double)(done->tasks - units) / (double)units : 0;
    if (setup->progress != NULL) {
        setup->progress(setup->progress_arg, done);
    }
    return setup->stop == NULL || !*setup->stop;
}

/* ---- A level -----------------------------------------------------------------------------------
 */

/* The results of a batch, in the order of the units. False where the search is over. */
static bool take_results(
    struct search *search, int64_t first, int64_t n, struct unit_result *results,
    struct unit_result *found, enum baton_err *err)
{
    struct explore_result *all = search->result;
    int64_t i;
    int k;

    for (i = 0; i < n; i++) {
        struct unit_result *result = &results[i];

        all->waits += result->waits;
        all->points += result->points;
        all->done.pruned += result->pruned;
        for (k = 0; k < result->n_keys; k++) {
            seen_add(search->seen, result->key[k].key, result->key[k].takes_ms);
        }
        if (search->work.stem != NULL &&
            !take_leaves(search, &search->work.stem[first + i], result)) {
            *err = BATON_NOMEM;
            return false;
        }
        if (result->failed || result->broken) {
            *found = *result;
            found->key = NULL;
            found->leaf = NULL;
            found->n_leaves = found->n_keys = 0;
            return false;
        }
        if (result->stopped) {
            all->complete = false;
            return false;
        }
    }
    all->done.states = seen_count(search->seen);
    return true;
}

/* All units of search->work. `found` is set where one failed. */
static enum baton_err run_level(
    struct search *search, struct unit_result *found, struct baton_error *error)
{
    struct work *work = &search->work;
    struct unit_result *results = calloc(BATCH, sizeof *results);
    struct crew *crew = NULL;
    enum baton_err err;
    int64_t first = 0, i;
    bool more = true;

    if (results == NULL) {
        return baton_fail(error, BATON_NOMEM, "no memory for results");
    }
    search->level_ms = crew_now_ms();
    search->runs_before = search->result->done.runs;
    search->result->done.tasks = work->n_units;
    search->result->done.tasks_done = 0;
    err = crew_new(work, &crew, error);
    while (err == BATON_OK && more && first < work->n_units) {
        int64_t n = work->n_units - first < BATCH ? work->n_units - first : BATCH;

        err = crew_do(crew, first, first + n, results, tick, search, error);
        if (err == BATON_OK) {
            more = take_results(search, first, n, results, found, &err);
        }
        for (i = 0; i < n; i++) {
            unit_result_fini(&results[i]);
        }
        first += n;
    }
    if (err == BATON_REFUSED) {
        search->result->interrupted = true;
        search->result->complete = false;
        err = BATON_OK;
    }
    if (err == BATON_OK && first < work->n_units) {
        search->result->complete = false;
    }
    tick(search, crew == NULL ? 0 : search->result->done.runs - search->runs_before, first);
    crew_free(crew);
    free(results);
    return err;
}

static bool is_over(const struct search *search, const struct unit_result *found)
{
    return found->failed || found->broken || search->result->interrupted ||
           !search->result->complete;
}

static enum baton_err run_levels(
    struct search *search, struct unit_result *found, struct baton_error *error)
{
    const struct explore_setup *setup = search->setup;
    struct stem bare[STORY_STARTS] = {
        {.start = STORY_ONE}, {.start = STORY_NONE}, {.start = STORY_TWO}};
    enum baton_err err;
    int level;

    search->work.stem = bare;
    search->work.n_units = setup->run.site->n_nodes > 1 ? STORY_STARTS : STORY_STARTS - 1;
    search->work.bare = search->work.places = true;
    err = run_level(search, found, error);
    search->work.bare = false;
    for (level = 1; level <= setup->faults && err == BATON_OK && !is_over(search, found); level++) {
        struct list *stems = &search->cost[level - 1];

        search->result->done.level = level;
        search->work.stem = stems->stem;
        search->work.n_units = stems->n;
        search->work.places = level < setup->faults;
        err = run_level(search, found, error);
        list_free(stems);
    }
    search->work.stem = NULL;
    return err;
}

static enum baton_err run_seeds(
    struct search *search, struct unit_result *found, struct baton_error *error)
{
    search->result->done.level = 0;
    search->result->done.random = true;
    search->work.stem = NULL;
    search->work.n_units = (search->setup->seeds + UNIT_SEEDS - 1) / UNIT_SEEDS;
    return run_level(search, found, error);
}

/* ---- All of it
 * ------------------------------------------------------------------------------------ */

static void prepare(struct search *search, const struct explore_setup *setup)
{
    search->setup = setup;
    search->began_ms = crew_now_ms();
    search->work.setup = setup;
    search->work.jobs = setup->jobs;
    if (setup->jobs <= 0) {
        long cores = sysconf(_SC_NPROCESSORS_ONLN);

        search->work.jobs = cores > 0 ? (int)cores : 1;
    }
    search->work.stop_at_ms = setup->time_ms > 0 ? search->began_ms + setup->time_ms : 0;
}

static enum baton_err report(
    struct search *search, struct unit_result *found, struct baton_error *error)
{
    if (found->broken) {
        return baton_fail(error, BATON_BUG, "a run could not be played: %s", found->verdict.text);
    }
    search->result->failed = found->failed;
    return found->failed ? child_report(&search->work, found, &search->result->failure, error)
                         : BATON_OK;
}

enum baton_err explore(
    const struct explore_setup *setup, struct explore_result *result, struct baton_error *error)
{
    struct search search = {0};
    struct unit_result *found = calloc(1, sizeof *found);
    enum baton_err err;
    int i;

    memset(result, 0, sizeof *result);
    result->complete = true;
    search.result = result;
    prepare(&search, setup);
    search.seen = seen_new();
    if (search.seen == NULL || found == NULL) {
        err = baton_fail(error, BATON_NOMEM, "no memory for the states");
        goto out;
    }
    err = child_scout(setup, &search.menu, &search.work.bound_ms, error);
    if (err != BATON_OK) {
        goto out;
    }
    result->bound_ms = search.work.bound_ms;
    search.work.menu = search.menu;
    search.work.seen = search.seen;
    err = setup->faults > 0 ? run_levels(&search, found, error) : BATON_OK;
    if (err == BATON_OK && !is_over(&search, found) && setup->seeds > 0) {
        err = run_seeds(&search, found, error);
    }
    if (err == BATON_OK) {
        err = report(&search, found, error);
    }
out:
    result->took_ms = crew_now_ms() - search.began_ms;
    for (i = 0; i <= EXPLORE_FAULTS_MAX; i++) {
        list_free(&search.cost[i]);
    }
    child_forget(search.menu);
    seen_free(search.seen);
    free(found);
    return err;
}

void explore_result_fini(struct explore_result *result)
{
    free(result->failure.scenario);
    memset(result, 0, sizeof *result);
}
