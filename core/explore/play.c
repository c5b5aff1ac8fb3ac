/* One run: from a copy of memory, through its faults, the repairs and what follows, to rest. */
#include "base/memory.h"
#include "parts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define REGION_SIZE ((size_t)512 << 20) /* of addresses; only what is used is memory */

/* ---- Copies of memory ------------------------------------------------------------------- */

bool image_keep(struct player *player, struct image *image)
{
    size_t used = memory_used(player->region);

    if (image->room < used) {
        void *bytes = realloc(image->bytes, used + used / 8);

        if (bytes == NULL) {
            return false;
        }
        image->bytes = bytes;
        image->room = used + used / 8;
    }
    memcpy(image->bytes, player->region, used);
    image->used = used;
    image->digest = run_digest(player->run);
    image->course = player->course;
    return true;
}

void image_restore(struct player *player, const struct image *image)
{
    memcpy(player->region, image->bytes, image->used);
    memory_use(player->region, 0);
    player->course = image->course;
    player->wrong[0] = '\0';
    player->failed = GROUP_NOBODY;
    player->n_places = player->n_before = player->n_keys = 0;
}

/* ---- Time 0 ------------------------------------------------------------------------------- */

static void told(void *arg, const struct sim_told *what)
{
    struct player *player = arg;

    if (what->kind == SIM_TOLD_REQUEST) {
        judge_request(player, what->place, what->asked);
    } else if (
        what->kind == SIM_TOLD_LOG &&
        strcmp(what->log->event, group_notice_name(GROUP_NOTICE_FAILED)) == 0) {
        player->failed = what->node;
    }
    if (player->told != NULL) {
        player->told(player->told_arg, what);
    }
}

static enum baton_err make_start(
    struct player *player, enum story_start start, struct baton_error *error)
{
    struct scenario *scenario = &player->scenario[start];
    struct run_setup setup = player->setup->run;
    struct sim *sim;
    enum baton_err err;

    scenario->file = scenario->name = (char *)(uintptr_t) "explore";
    scenario->serving_given = start != STORY_ONE;
    scenario->serves[0] = start != STORY_NONE;
    scenario->serves[1] = start == STORY_TWO;
    scenario->end_ms = SCENARIO_END_MAX_MS;
    setup.scenario = scenario;
    setup.seed = 1;
    setup.quiet = true;
    setup.questions = false;
    memory_use(player->region, player->region_size);
    err = run_new(&setup, &player->run, error);
    if (err != BATON_OK) {
        return err;
    }
    sim = run_sim(player->run);
    player->told = sim->told;
    player->told_arg = sim->told_arg;
    sim->told = told;
    sim->told_arg = player;
    player->start_run[start] = player->run;
    player->course = (struct course){
        .repaired_ms = -1,
        .unserved_ms = sim->count.serving > 0 ? -1 : 0,
        .faults = start != STORY_ONE,
        .moves_max = EXPLORE_MOVES_SPARE + (start != STORY_ONE ? 2 : 0),
        .struck = start == STORY_TWO ? ~0u : 0,
        .holder = GROUP_NOBODY};
    if (!image_keep(player, &player->start[start])) {
        return baton_fail(error, BATON_NOMEM, "no memory for a copy of the run");
    }
    return BATON_OK;
}

enum baton_err player_init(
    struct player *player, const struct explore_setup *setup, int64_t bound_ms,
    struct baton_error *error)
{
    enum baton_err err = BATON_OK;
    int i;

    memset(player, 0, sizeof *player);
    player->setup = setup;
    player->bound_ms = bound_ms;
    player->region_size = REGION_SIZE;
    player->region = pages_new(player->region_size, false);
    if (player->region == NULL) {
        return baton_fail(error, BATON_NOMEM, "no room for a run's memory");
    }
    for (i = 0; i < STORY_STARTS && err == BATON_OK; i++) {
        if (i != STORY_TWO || setup->run.site->n_nodes > 1) {
            err = make_start(player, (enum story_start)i, error);
        }
    }
    return err;
}

void player_fini(struct player *player)
{
    int i;

    memory_use(NULL, 0);
    for (i = 0; i < STORY_STARTS; i++) {
        free(player->start[i].bytes);
    }
    pages_free(player->region, player->region_size);
}

void player_begin(struct player *player, enum story_start start)
{
    assert(player->start[start].bytes != NULL);
    image_restore(player, &player->start[start]);
    player->run = player->start_run[start];
}

/* ---- Step by step ------------------------------------------------------------------------- */

/* What the last event changed, for the course; and is anything wrong? */
static bool note(struct player *player, struct verdict *verdict)
{
    struct course *course = &player->course;
    struct run *run = player->run;
    const struct sim *sim = run_sim(run);
    int holder, i;

    if (run_points(run) != course->points) {
        player->points += run_points(run) - course->points;
        course->points = run_points(run);
        course->place_ms = run_now_ms(run);
    }
    if (sim->count.serving > 0) {
        course->unserved_ms = -1;
    } else if (course->unserved_ms < 0) {
        course->unserved_ms = run_now_ms(run);
    }
    for (i = 0; i <= run_seats(run); i++) {
        course->filled = course->filled || sim->seat[i].disk_full;
    }
    holder = run_holder(run, NULL);
    if (holder >= 0 && holder != course->holder) {
        course->moves += course->holder != GROUP_NOBODY;
        course->holder = holder;
    }
    return judge_now(player, verdict);
}

/* One event. False where none was due until then, or the run is over. */
static bool step(struct player *player, int64_t until_ms, struct verdict *verdict)
{
    struct baton_error error = {0};
    bool more = false;
    enum baton_err err = run_step(player->run, until_ms, &more, &error);

    if (err != BATON_OK) {
        verdict->end = err == BATON_LIMIT ? PLAY_FAILED : PLAY_ERROR;
        verdict->kind = EXPLORE_BROKEN;
        snprintf(verdict->text, sizeof verdict->text, "%.500s", error.text);
        if (player->story != NULL) {
            player->story->end_ms = run_now_ms(player->run);
        }
        return false;
    }
    return !note(player, verdict) && more;
}

void player_go(struct player *player, int64_t until_ms, struct verdict *verdict)
{
    while (step(player, until_ms, verdict)) {
    }
}

void player_do(
    struct player *player, const struct scenario_deed *deed, bool repair, struct verdict *verdict)
{
    struct baton_error error = {0};

    if (!repair && !menu_sensible(player->setup, player->run, deed)) {
        verdict->end = PLAY_NOTHING;
        return;
    }
    player->course.struck |= judge_strikes(deed);
    if (run_do(player->run, deed, &error) != BATON_OK) {
        verdict->end = repair ? PLAY_ERROR : PLAY_NOTHING;
        snprintf(verdict->text, sizeof verdict->text, "%.500s", error.text);
        return;
    }
    if (!repair) {
        player->course.faults++;
        player->course.moves_max += judge_moves(deed);
        player->course.fault_ms = run_now_ms(player->run);
        player->course.repaired_ms = -1;
    }
    player->course.place_ms = run_now_ms(player->run);
    note(player, verdict);
}

/* ---- Places --------------------------------------------------------------------------------- */

static uint64_t key_of(uint64_t digest, bool repaired)
{
    uint64_t key = digest ^ (repaired ? UINT64_C(0x5bf03635f0a31e4d) : 0);

    key = (key ^ key >> 31) * UINT64_C(0x7fb5d329728ea185);
    return key ^ key >> 29;
}

/* Nobody serves since, as far as it counts. */
static int64_t waited_ms(const struct player *player)
{
    const struct course *course = &player->course;
    int64_t since = course->unserved_ms;

    if (since < 0 || course->repaired_ms < 0) {
        return 0;
    }
    return run_now_ms(player->run) - (since > course->repaired_ms ? since : course->repaired_ms);
}

/* The states on the way that waited for service got it now (or in `more` ms). */
static void served(struct player *player, int64_t more_ms)
{
    int i;

    for (i = 0; i < player->n_keys; i++) {
        if (player->key[i].takes_ms < 0) {
            player->key[i].takes_ms =
                (int32_t)(run_now_ms(player->run) + more_ms - player->key[i].at_ms);
        }
    }
}

/* A place on the way. True where a run went on from the same state before. */
bool player_seen(struct player *player)
{
    bool repaired = player->course.repaired_ms >= 0;
    int64_t waited = waited_ms(player), now = run_now_ms(player->run);
    bool unserved = repaired && player->course.unserved_ms >= 0;
    uint64_t key;
    int32_t takes = 0;

    if (player->own == NULL) {
        return false;
    }
    key = key_of(run_digest(player->run), repaired);
    if (!unserved) {
        served(player, 0);
    }
    if (seen_find(player->own, key, &takes) || seen_find(player->seen, key, &takes)) {
        if (waited + takes <= player->bound_ms) {
            served(player, takes);
            return true;
        }
        return false;
    }
    if (player->n_keys < PLAY_KEYS_MAX) {
        player->key[player->n_keys].key = key;
        player->key[player->n_keys].at_ms = now;
        player->key[player->n_keys].takes_ms = unserved ? -1 : 0;
        player->n_keys++;
    }
    return false;
}

static void add_place(struct player *player)
{
    int depth = player->setup->depth > 0 ? player->setup->depth : EXPLORE_DEPTH;

    if (player->n_places < depth && player->n_places < PLAY_PLACES_MAX) {
        player->place_ms[player->n_places++] = (int32_t)run_now_ms(player->run);
    }
}

/* To rest, or to `until_ms`. Each place on the way is looked at; false where the run ends. */
static bool go_to_rest(
    struct player *player, int64_t until_ms, bool places, struct verdict *verdict)
{
    for (;;) {
        int64_t points = player->course.points;
        bool more = step(player, until_ms, verdict);

        if (verdict_is_final(verdict)) {
            return false;
        }
        if (player->course.points != points) {
            player_go(player, run_now_ms(player->run), verdict);
            if (verdict_is_final(verdict)) {
                return false;
            }
            if (player_seen(player)) {
                verdict->end = PLAY_SAME;
                return false;
            }
            if (places) {
                add_place(player);
            }
        } else if (judge_rests(player)) {
            player_go(player, run_now_ms(player->run), verdict);
            if (verdict_is_final(verdict) || judge_rests(player)) {
                return !verdict_is_final(verdict);
            }
        }
        if (!more && run_now_ms(player->run) >= until_ms) {
            return true;
        }
    }
}

/* ---- To the end ------------------------------------------------------------------------------ */

void player_finish(struct player *player, bool places, struct verdict *verdict)
{
    struct course *course = &player->course;
    int64_t last_ms;

    verdict->end = PLAY_OK;
    player->runs++;
    if (course->repaired_ms < 0) {
        if (!go_to_rest(player, course->fault_ms + EXPLORE_FAULT_MAX_MS, places, verdict)) {
            player->n_before = player->n_places;
            return;
        }
        if (player_seen(player)) {
            player->n_before = player->n_places;
            verdict->end = PLAY_SAME;
            return;
        }
        if (places) {
            add_place(player);
        }
        player->n_before = player->n_places;
        player_repair(player, verdict);
        if (verdict_is_final(verdict)) {
            return;
        }
        if (player_seen(player)) {
            verdict->end = PLAY_SAME;
            return;
        }
    }
    last_ms = course->repaired_ms + player->bound_ms + EXPLORE_FAULT_MAX_MS;
    for (;;) {
        if (!go_to_rest(player, last_ms, places, verdict) || judge_done(player, verdict)) {
            served(player, 0);
            return;
        }
        if (run_now_ms(player->run) >= last_ms) {
            break;
        }
        /* At rest, and nobody serves: something may come of it within the bound. */
        course->place_ms = run_now_ms(player->run);
    }
    if (course->unserved_ms < 0) {
        verdict->end = PLAY_OK; /* it serves, and goes on being busy without a move */
        served(player, 0);
        return;
    }
    verdict->end = PLAY_WAITS;
}

void player_play(struct player *player, struct story *story, struct verdict *verdict)
{
    const struct explore_setup *setup = player->setup;
    int i;

    memset(verdict, 0, sizeof *verdict);
    player->story = story;
    player_begin(player, story->start);
    for (i = 0; i < story->n; i++) {
        player_go(player, story->step[i].at_ms, verdict);
        if (verdict_is_final(verdict)) {
            return;
        }
        player_do(player, &story->step[i].deed, story->step[i].repair, verdict);
        if (verdict_is_final(verdict)) {
            return;
        }
        if (verdict->end == PLAY_NOTHING) {
            story_remove(story, i--);
        }
        verdict->end = PLAY_OK;
    }
    if (story->repaired_ms >= 0) {
        player_go(player, story->repaired_ms, verdict);
        player->course.repaired_ms = player->course.place_ms = run_now_ms(player->run);
    }
    if (!verdict_is_final(verdict) && (setup->stop == NULL || !*setup->stop)) {
        player_finish(player, false, verdict);
        story->repaired_ms = player->course.repaired_ms;
    }
}
