/* A piece of work: all faults at all places of one stem, or some random runs. */
#include "parts.h"

#include <stdlib.h>
#include <string.h>

void unit_result_fini(struct unit_result *result)
{
    int i;

    for (i = 0; i < result->n_leaves; i++) {
        free(result->leaf[i].place_ms);
    }
    free(result->leaf);
    free(result->key);
    memset(result, 0, sizeof *result);
}

static bool must_stop(const struct work *work)
{
    return work->stop_at_ms > 0 && crew_now_ms() >= work->stop_at_ms;
}

/* A copy one larger, now and then, of an array that grows. */
static void *grown(void *array, int count, size_t size)
{
    if (count < 16 ? count == 0 : (count & (count - 1)) == 0) {
        array = realloc(array, size * (size_t)(count < 16 ? 16 : count * 2));
        if (array == NULL) {
            abort(); /* a worker without memory: the parent sees it end */
        }
    }
    return array;
}

static void keep_keys(struct player *player, struct unit_result *result)
{
    int i;

    for (i = 0; i < player->n_keys; i++) {
        struct seen_entry entry = {
            player->key[i].key, player->key[i].takes_ms < 0 ? 0 : player->key[i].takes_ms};

        seen_add(player->own, entry.key, entry.takes_ms);
        result->key = grown(result->key, result->n_keys, sizeof entry);
        result->key[result->n_keys++] = entry;
    }
}

static void keep_places(
    const struct player *player, int from, int to, struct leaf leaf, struct unit_result *result)
{
    leaf.n_places = to - from;
    if (leaf.n_places <= 0) {
        return;
    }
    leaf.place_ms = malloc(sizeof leaf.place_ms[0] * (size_t)leaf.n_places);
    if (leaf.place_ms == NULL) {
        abort();
    }
    memcpy(leaf.place_ms, &player->place_ms[from], sizeof leaf.place_ms[0] * (size_t)leaf.n_places);
    result->leaf = grown(result->leaf, result->n_leaves, sizeof leaf);
    result->leaf[result->n_leaves++] = leaf;
}

/* Where the next level's faults strike after this one: before and after its repairs. */
static void keep_leaf(
    const struct player *player, int32_t at_ms, int32_t item, struct unit_result *result)
{
    struct leaf leaf = {.at_ms = at_ms, .item = item, .repaired_ms = -1};

    keep_places(player, 0, player->n_before, leaf, result);
    leaf.repaired_ms = (int32_t)player->course.repaired_ms;
    if (item >= 0) {
        keep_places(player, player->n_before, player->n_places, leaf, result);
    }
}

/* What a run came to. False where the unit ends with it. */
static bool keep_run(
    struct unit_place *place, const struct verdict *verdict, const struct story *story,
    struct unit_result *result)
{
    result->runs++;
    atomic_fetch_add_explicit(place->runs, 1, memory_order_relaxed);
    switch (verdict->end) {
    case PLAY_FAILED:
    case PLAY_ERROR:
        result->failed = verdict->end == PLAY_FAILED;
        result->broken = !result->failed;
        result->verdict = *verdict;
        result->story = *story;
        return false;
    case PLAY_WAITS:
        result->waits++;
        break;
    case PLAY_SAME:
        result->pruned++;
        break;
    default:
        break;
    }
    return true;
}

/* Is this one worth trying after these? */
static bool is_due(const struct menu *menu, const struct stem *stem, int item)
{
    int i;

    if (!menu->item[item].lifts) {
        return true;
    }
    for (i = 0; i < stem->n; i++) {
        if (menu->item[stem->step[i].item].lift == item) {
            return true;
        }
    }
    return false;
}

/* One fault from one copy. False where the unit ends. */
static bool try_one(
    struct unit_place *place, const struct stem *stem, int at, int item, const struct story *before,
    struct unit_result *result)
{
    struct story *story = place->story;
    struct player *player = &place->player;
    const struct work *work = place->work;
    const struct scenario_deed *deed = &work->menu->item[item].deed;
    struct verdict verdict;

    verdict.end = PLAY_OK;
    atomic_store_explicit(&place->trial->at_ms, stem->place_ms[at], memory_order_relaxed);
    atomic_store_explicit(&place->trial->item, item, memory_order_relaxed);
    image_restore(player, &place->image[at]);
    player->story = NULL;
    player_do(player, deed, false, &verdict);
    if (verdict.end == PLAY_NOTHING ||
        (verdict.end == PLAY_OK && run_digest(player->run) == place->image[at].digest)) {
        return true;
    }
    *story = *before;
    story_add(story, stem->place_ms[at], deed, false);
    player->story = story;
    story->end_ms = run_now_ms(player->run);
    if (verdict.end == PLAY_OK) {
        if (player_seen(player)) {
            verdict.end = PLAY_SAME;
        } else {
            player_finish(player, work->places, &verdict);
            story->repaired_ms = player->course.repaired_ms;
        }
    }
    if (!keep_run(place, &verdict, story, result)) {
        return false;
    }
    keep_keys(player, result);
    if (work->places) {
        keep_leaf(player, stem->place_ms[at], item, result);
    }
    return true;
}

static void begin_story(struct story *story, const struct stem *stem)
{
    memset(story, 0, sizeof *story);
    story->start = stem->start;
    story->repaired_ms = -1;
}

/* What the stem did, and what was repaired after it. */
static void play_stem(
    struct unit_place *place, const struct stem *stem, struct story *story, struct verdict *verdict)
{
    struct player *player = &place->player;
    int i;

    begin_story(story, stem);
    player->story = story;
    player_begin(player, stem->start);
    for (i = 0; i < stem->n && verdict->end == PLAY_OK; i++) {
        const struct scenario_deed *deed = &place->work->menu->item[stem->step[i].item].deed;

        player_go(player, stem->step[i].at_ms, verdict);
        if (verdict->end == PLAY_OK) {
            player_do(player, deed, false, verdict);
            story_add(story, stem->step[i].at_ms, deed, false);
        }
        if (verdict->end == PLAY_OK && stem->step[i].repaired_ms >= 0) {
            player_go(player, stem->step[i].repaired_ms, verdict);
        }
        if (verdict->end == PLAY_OK && stem->step[i].repaired_ms >= 0) {
            player_repair(player, verdict);
        }
    }
}

/* Play the stem, and keep a copy at each of its places. */
static bool copy_places(
    struct unit_place *place, const struct stem *stem, struct story *story,
    struct unit_result *result)
{
    struct verdict verdict;
    int i;

    verdict.end = PLAY_OK;
    play_stem(place, stem, story, &verdict);
    for (i = 0; i < stem->n_places && verdict.end == PLAY_OK; i++) {
        player_go(&place->player, stem->place_ms[i], &verdict);
        if (verdict.end == PLAY_OK && !image_keep(&place->player, &place->image[i])) {
            abort();
        }
    }
    return verdict.end == PLAY_OK || keep_run(place, &verdict, story, result);
}

static void do_stem(
    struct unit_place *place, const struct stem *stem, struct story *story,
    struct unit_result *result)
{
    const struct menu *menu = place->work->menu;
    int at, item;

    if (!copy_places(place, stem, story, result)) {
        return;
    }
    /* From the last place to the first: a fault that does nothing for a while comes to the
     * next place in a state from which it was gone on already. */
    for (at = stem->n_places - 1; at >= 0; at--) {
        for (item = 0; item < menu->n; item++) {
            if (must_stop(place->work)) {
                result->stopped = true;
                return;
            }
            if (is_due(menu, stem, item) && !try_one(place, stem, at, item, story, result)) {
                return;
            }
        }
    }
}

/* The stem as it is: what happens without any further fault? */
static void do_bare(
    struct unit_place *place, const struct stem *stem, struct story *story,
    struct unit_result *result)
{
    struct player *player = &place->player;
    struct verdict verdict;

    memset(&verdict, 0, sizeof verdict);
    begin_story(story, stem);
    player->story = story;
    player_begin(player, stem->start);
    player_finish(player, place->work->places, &verdict);
    story->repaired_ms = player->course.repaired_ms;
    if (keep_run(place, &verdict, story, result)) {
        keep_keys(player, result);
        keep_leaf(player, 0, -1, result);
    }
}

static void do_seeds(
    struct unit_place *place, int64_t unit, struct story *story, struct unit_result *result)
{
    const struct explore_setup *setup = place->work->setup;
    int64_t i = unit * UNIT_SEEDS;
    struct verdict verdict;

    for (; i < (unit + 1) * UNIT_SEEDS && i < setup->seeds; i++) {
        result->seed = setup->first_seed + (uint64_t)i;
        atomic_store_explicit(&place->trial->seed, (long long)result->seed, memory_order_relaxed);
        if (must_stop(place->work)) {
            result->stopped = true;
            return;
        }
        story_random(place->work->menu, result->seed, story);
        if (setup->run.site->n_nodes == 1 && story->start == STORY_TWO) {
            story->start = STORY_ONE;
        }
        player_play(&place->player, story, &verdict);
        if (!keep_run(place, &verdict, story, result)) {
            return;
        }
    }
}

void unit_do(struct unit_place *place, int64_t unit, struct unit_result *result)
{
    const struct work *work = place->work;
    struct player *player = &place->player;
    struct story *story = calloc(1, sizeof *story);

    if (story == NULL) {
        abort();
    }
    if (player->own != NULL) {
        seen_clear(player->own);
    }
    player->points = 0;
    if (work->stem == NULL) {
        do_seeds(place, unit, story, result);
    } else if (work->bare) {
        do_bare(place, &work->stem[unit], story, result);
    } else {
        do_stem(place, &work->stem[unit], story, result);
    }
    result->points = player->points;
    player->story = NULL;
    free(story);
}
