/* A story as a scenario that `baton simulate` replays to the same failure. */
#include "base/memory.h"
#include "parts.h"

#include <stdlib.h>
#include <string.h>

#define TAIL_MS 5000 /* after the failure, so that it is seen */

static void put_time(FILE *out, int64_t ms)
{
    if (ms % 1000 == 0) {
        fprintf(out, "%lld", (long long)(ms / 1000));
    } else {
        char text[32];
        int n = snprintf(
            text, sizeof text, "%lld.%03lld", (long long)(ms / 1000), (long long)(ms % 1000));

        while (text[n - 1] == '0') {
            text[--n] = '\0';
        }
        fputs(text, out);
    }
}

static void put_quoted(FILE *out, const char *text, size_t most)
{
    size_t i;

    fputc('"', out);
    for (i = 0; i < most && text[i] != '\0'; i++) {
        if (text[i] == '"' || text[i] == '\\') {
            fputc('\\', out);
        }
        if ((unsigned char)text[i] < ' ') {
            fprintf(out, "\\%03d", (unsigned char)text[i]);
        } else {
            fputc(text[i], out);
        }
    }
    fputc('"', out);
}

/* For a comment: one line. */
static void put_line(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        fputc((unsigned char)*text < ' ' ? ' ' : *text, out);
    }
    fputc('\n', out);
}

static void put_text_option(FILE *out, const char *key, const char *text, size_t most)
{
    fprintf(out, "%s = ", key);
    put_quoted(out, text, most);
}

/* { to = …, force = true, at = …, reason = … } */
static void put_options(FILE *out, const struct sim *sim, const struct scenario_deed *deed)
{
    bool to = deed->command == GROUP_CMD_FAILOVER && deed->node != GROUP_NOBODY;

    fputs("{ ", out);
    if (to) {
        put_text_option(out, "to", sim->node[deed->node].name, SIM_NAME_MAX);
        fputs(", ", out);
    }
    if (deed->force) {
        fputs("force = true, ", out);
    }
    if (deed->at != GROUP_NOBODY) {
        put_text_option(out, "at", sim->node[deed->at].name, SIM_NAME_MAX);
        fputs(", ", out);
    }
    put_text_option(out, "reason", deed->reason, GROUP_TEXT_MAX);
    fputs(" }", out);
}

static void put_command(FILE *out, const struct sim *sim, const struct scenario_deed *deed)
{
    static const char *const words[] = {
        [GROUP_CMD_FAILOVER] = "failover ",
        [GROUP_CMD_FAILBACK] = "failback ",
        [GROUP_CMD_PAUSE] = "pause ",
        [GROUP_CMD_RESUME] = "resume ",
    };

    if (deed->command == GROUP_CMD_CONFIRM_OUT) {
        fputs("confirm_out(", out);
        put_quoted(out, deed->node < 0 ? "" : sim->node[deed->node].name, SIM_NAME_MAX);
        fputs(", ", out);
        put_options(out, sim, deed);
        fputs(")", out);
        return;
    }
    fputs(words[deed->command], out);
    put_options(out, sim, deed);
}

static void put_deed(FILE *out, const struct sim *sim, const struct scenario_deed *deed)
{
    char text[GROUP_TEXT_MAX];

    switch (deed->kind) {
    case SCENARIO_FAULT:
        sim_fault_print(sim, &deed->fault, text, sizeof text);
        fputs(text, out);
        break;
    case SCENARIO_KILL:
        if (deed->at != GROUP_NOBODY) {
            fputs("kill_daemon(", out);
            put_quoted(out, sim->node[deed->at].name, SIM_NAME_MAX);
            fputs(", { ", out);
        } else {
            fputs("kill_daemon { ", out);
        }
        if (deed->restart_ms >= 0) {
            fputs("restart = ", out);
            put_time(out, deed->restart_ms);
            fputs(", ", out);
        }
        fprintf(
            out, "records = \"%s\" }%s", deed->keep_records ? "kept" : "lost",
            deed->at != GROUP_NOBODY ? ")" : "");
        break;
    case SCENARIO_START:
        if (deed->at != GROUP_NOBODY) {
            fputs("start_daemon ", out);
            put_quoted(out, sim->node[deed->at].name, SIM_NAME_MAX);
        } else {
            fputs("start_daemon()", out);
        }
        break;
    case SCENARIO_COMMAND:
        put_command(out, sim, deed);
        break;
    }
}

static void put_start(FILE *out, const struct sim *sim, enum story_start start)
{
    if (start == STORY_NONE) {
        fputs("  serving {},\n", out);
    } else if (start == STORY_TWO) {
        fputs("  serving { ", out);
        put_quoted(out, sim->node[0].name, SIM_NAME_MAX);
        fputs(", ", out);
        put_quoted(out, sim->node[1].name, SIM_NAME_MAX);
        fputs(" },\n", out);
    }
}

/* A hand that brought something up may be the first to let two serve; that is no one's fault. */
static bool by_hand(const struct story *story)
{
    int i;

    for (i = 0; i < story->n; i++) {
        if (story->step[i].deed.kind == SCENARIO_FAULT &&
            story->step[i].deed.fault.kind == SIM_BRING_UP) {
            return true;
        }
    }
    return story->start == STORY_TWO;
}

static void put_expectation(
    FILE *out, const struct player *player, const struct story *story,
    const struct verdict *verdict, const char *said)
{
    switch (verdict->kind) {
    case EXPLORE_TWO_SERVE:
        if (!by_hand(story)) {
            fputs("  expect.never \"two nodes serve\",\n", out);
        }
        break;
    case EXPLORE_NOT_SERVED:
        if (strncmp(verdict->text, "on hold", 7) == 0) {
            fputs("  expect.hold(\"none\"),\n", out);
            break;
        }
        fputs("  expect.outage { at_most = ", out);
        put_time(out, player->bound_ms);
        fputs(", from = ", out);
        put_time(out, story->repaired_ms);
        fputs(", to = ", out);
        put_time(out, story->end_ms + TAIL_MS);
        fputs(" },\n", out);
        break;
    case EXPLORE_RESTLESS:
        if (strncmp(verdict->text, "on hold", 7) == 0) {
            fputs("  expect.hold(\"none\"),\n", out);
        } else {
            int i, most = EXPLORE_MOVES_SPARE + (story->start != STORY_ONE ? 2 : 0);

            for (i = 0; i < story->n; i++) {
                most += story->step[i].repair ? 0 : judge_moves(&story->step[i].deed);
            }
            fprintf(out, "  expect.moves { at_most = %d },\n", most);
        }
        break;
    case EXPLORE_LOST_DATA:
        if (said != NULL) {
            fputs("  expect.not_said(", out);
            put_quoted(out, said, 60);
            fputs(", { from = ", out);
            put_time(out, story->end_ms);
            fputs(", to = ", out);
            put_time(out, story->end_ms);
            fputs(" }),\n", out);
        }
        break;
    case EXPLORE_FAILED_MOVE:
        fputs("  expect.never \"a failed move\",\n", out);
        break;
    case EXPLORE_FROZEN:
    case EXPLORE_BROKEN:
        fputs("  -- Every run fails by this, whatever it expects.\n", out);
        break;
    }
}

static char *write_text(
    const struct player *player, const struct story *story, const struct verdict *verdict,
    uint64_t seed, const char *said)
{
    const struct sim *sim = run_sim(player->run);
    const struct controller *controller = run_controller(player->run);
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    int i;

    if (out == NULL) {
        return NULL;
    }
    fputs("-- Found by `baton explore`: ", out);
    put_line(out, verdict->text);
    fputs("-- Policy: ", out);
    put_line(out, controller == NULL ? "" : policy_file(controller_policy(controller)));
    if (seed != 0) {
        fprintf(out, "-- Again: baton explore … --seeds 1 --seed %llu\n", (unsigned long long)seed);
    }
    fprintf(out, "return scenario \"explored: %s\" {\n", explore_failure_name(verdict->kind));
    put_start(out, sim, story->start);
    for (i = 0; i < story->n; i++) {
        if (story->step[i].repair && (i == 0 || !story->step[i - 1].repair)) {
            fputs("  -- Repaired:\n", out);
        }
        fputs("  at(", out);
        put_time(out, story->step[i].at_ms);
        fputs(", ", out);
        put_deed(out, sim, &story->step[i].deed);
        fputs("),\n", out);
    }
    put_expectation(out, player, story, verdict, said);
    fputs("  ends(", out);
    put_time(out, story->end_ms + TAIL_MS);
    fputs("),\n}\n", out);
    return fclose(out) == 0 ? text : NULL;
}

/* A run of the text, from its beginning to its end. */
static enum baton_err play_text(
    struct player *player, const char *text, bool quiet, struct scenario **scenario,
    struct run **run, struct baton_error *error)
{
    struct run_setup setup = player->setup->run;
    enum baton_err err;

    memory_use(NULL, 0);
    err = scenario_read("explored.lua", text, strlen(text), setup.site, scenario, error);
    if (err != BATON_OK) {
        return err;
    }
    setup.scenario = *scenario;
    setup.seed = 1;
    setup.quiet = quiet;
    memory_use(player->region, player->region_size);
    err = run_new(&setup, run, error);
    return err == BATON_OK ? run_scenario(*run, error) : err;
}

/* The line of the timeline that says what was done to the wrong node. */
static char *line_said(struct player *player, const char *text, int64_t at_ms)
{
    struct scenario *scenario = NULL;
    struct run *run = NULL;
    const struct run_entry *entry;
    struct baton_error error;
    char *said = NULL;
    int n, i;

    play_text(player, text, false, &scenario, &run, &error);
    n = run == NULL ? 0 : run_entries(run, &entry);
    for (i = 0; i < n && said == NULL; i++) {
        if (entry[i].at_ms == at_ms &&
            (entry[i].kind == RUN_COMMAND || entry[i].kind == RUN_HOOK)) {
            said = strdup(entry[i].text);
        }
    }
    memory_use(NULL, 0);
    scenario_free(scenario);
    player_begin(player, STORY_ONE);
    return said;
}

char *write_scenario(
    struct player *player, const struct story *story, const struct verdict *verdict, uint64_t seed)
{
    char *text, *said;

    player_begin(player, STORY_ONE);
    text = write_text(player, story, verdict, seed, NULL);
    if (text != NULL && verdict->kind == EXPLORE_LOST_DATA) {
        said = line_said(player, text, story->end_ms);
        free(text);
        text = write_text(player, story, verdict, seed, said);
        free(said);
    }
    return text;
}

static bool holds(const struct run *run, enum group_hold hold)
{
    int i;

    for (i = 0; i < run_seats(run); i++) {
        const struct controller *controller = run_controller_at(run, i);

        if (controller != NULL && controller_group(controller)->hold == hold) {
            return true;
        }
    }
    return false;
}

bool write_replays(
    struct player *player, const char *text, const struct verdict *verdict,
    struct baton_error *error)
{
    struct scenario *scenario = NULL;
    struct run *run = NULL;
    enum baton_err err = play_text(player, text, true, &scenario, &run, error);
    bool same = run != NULL && err == BATON_REFUSED;

    switch (verdict->kind) {
    case EXPLORE_TWO_SERVE:
        same = same && run_sim(run)->count.two_blamed_ms > 0;
        break;
    case EXPLORE_FROZEN:
        same = same && (holds(run, GROUP_HOLD_FROZEN) || player->setup->run.peers != NULL);
        break;
    case EXPLORE_BROKEN:
        same = err == BATON_LIMIT || (same && holds(run, GROUP_HOLD_POLICY));
        break;
    default:
        break;
    }
    memory_use(NULL, 0);
    scenario_free(scenario);
    return same;
}
