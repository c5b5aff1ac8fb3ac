/* baton status, baton why: how a group is, in words for the middle of the night. */
#include "baton.h"

#include <libsmartcols.h>
#include <stdlib.h>
#include <string.h>

static json_t *request_for(const char *verb, const struct args *args)
{
    json_t *request = json_pack("{s:s}", "do", verb);

    if (args->n_words > 0) {
        json_object_set_new(request, "group", json_string(args->word[0]));
    }
    return request;
}

/* ---- The table of nodes --------------------------------------------------------------- */

enum {
    NODE,
    STATE,
    SINCE,
    FIT,
    SERVING,
    BATON, /* among peers */
    PROBES,
    REASON,
    COLUMNS
};

static void set_cell(struct libscols_line *line, int column, const char *text, const char *colour)
{
    struct libscols_cell *cell = scols_line_get_cell(line, (size_t)column);

    scols_line_set_data(line, (size_t)column, text);
    if (cell != NULL && colour[0] != '\0') {
        scols_cell_set_color(cell, colour);
    }
}

/* Only what is not well is named; all well is one word. */
static const char *sum_up_probes(const json_t *node, char *text, size_t size)
{
    const json_t *probes = json_object_get(node, "probes"), *probe;
    size_t i, used = 0;
    int ok = 0, resting = 0;

    text[0] = '\0';
    json_array_foreach(probes, i, probe)
    {
        const char *status = text_at(probe, "status");

        if (bool_at(probe, "resting")) {
            resting++;
        } else if (strcmp(status, "ok") == 0) {
            ok++;
        } else if (used < size) {
            used += (size_t)snprintf(
                text + used, size - used, "%s%s %s", used > 0 ? ", " : "", text_at(probe, "name"),
                status);
        }
    }
    if (used == 0) {
        snprintf(text, size, ok > 0 ? "%d ok" : resting > 0 ? "resting" : "none", ok);
    }
    return text;
}

static void add_node(struct libscols_table *table, const json_t *node)
{
    struct libscols_line *line = scols_table_new_line(table, NULL);
    const char *state = text_at(node, "state");
    char name[128], age[64], probes[512], own[96];

    if (line == NULL) {
        return;
    }
    snprintf(
        name, sizeof name, "%s %s", bool_at(node, "holder") ? "*" : " ", text_at(node, "name"));
    set_cell(line, NODE, name, bool_at(node, "holder") ? print_bold() : "");
    set_cell(line, STATE, state, print_colour(state));
    set_cell(line, SINCE, print_age(int_at(node, "for_ms"), age, sizeof age), "");
    set_cell(line, FIT, text_at(node, "fit"), print_colour(text_at(node, "fit")));
    set_cell(line, SERVING, text_at(node, "serving"), "");
    set_cell(
        line, BATON, peers_node(node, own, sizeof own),
        bool_at(node, "alive") ? "" : print_colour("fail"));
    set_cell(line, PROBES, sum_up_probes(node, probes, sizeof probes), "");
    set_cell(line, REASON, text_at(node, "fit_why"), "");
}

static void print_nodes(FILE *out, const json_t *group)
{
    static const char *const heads[COLUMNS] = {"  NODE",  "STATE", "FOR",    "FIT",
                                               "SERVING", "BATON", "PROBES", "WHY"};
    const json_t *nodes = json_object_get(group, "nodes");
    bool peers = json_is_object(json_object_get(group, "peers"));
    struct libscols_table *table = scols_new_table();
    const json_t *node;
    size_t i;

    if (table == NULL) {
        return;
    }
    for (i = 0; i < COLUMNS; i++) {
        scols_table_new_column(
            table, heads[i], i == REASON ? 0.4 : 0.1,
            i == BATON && !peers                               ? SCOLS_FL_HIDDEN
            : print_terminal() && (i == REASON || i == PROBES) ? SCOLS_FL_WRAP
                                                               : 0);
    }
    scols_table_set_column_separator(table, "  ");
    scols_table_enable_colors(table, print_fancy());
    scols_table_set_stream(table, out);
    json_array_foreach(nodes, i, node)
    {
        add_node(table, node);
    }
    scols_print_table(table);
    scols_unref_table(table);
}

/* ---- The head of a group --------------------------------------------------------------- */

static const json_t *holder_node(const json_t *group)
{
    const json_t *node;
    size_t i;

    json_array_foreach(json_object_get(group, "nodes"), i, node)
    {
        if (bool_at(node, "holder")) {
            return node;
        }
    }
    return NULL;
}

static void print_head(FILE *out, const json_t *group)
{
    const json_t *holder = holder_node(group);
    char age[64];

    fprintf(out, "%s%s%s  ", print_bold(), text_at(group, "name"), print_plain());
    if (holder == NULL) {
        fprintf(out, "%sheld by nobody%s", print_colour("fail"), print_plain());
    } else {
        fprintf(
            out, "held by %s%s%s, %s%s%s for %s", print_bold(), text_at(holder, "name"),
            print_plain(), print_colour(text_at(holder, "state")), text_at(holder, "state"),
            print_plain(), print_age(int_at(holder, "for_ms"), age, sizeof age));
    }
    fprintf(out, ", epoch %lld", (long long)int_at(group, "epoch"));
    if (strcmp(text_at(group, "phase"), "settling") == 0) {
        fprintf(out, ", settling after the start: looks before it acts");
    }
    fputc('\n', out);
}

static void print_shadow(FILE *out, const json_t *group)
{
    const json_t *would = json_object_get(group, "would");
    char age[64];

    if (!bool_at(group, "shadow")) {
        return;
    }
    fprintf(out, "  %sSHADOW%s  takes no action", print_colour("paused"), print_plain());
    if (!json_is_object(would)) {
        fputs("; nothing yet that it would have done\n", out);
        return;
    }
    fprintf(
        out, "; %s ago it %s\n", print_age(int_at(would, "for_ms"), age, sizeof age),
        text_at(would, "text"));
    if (text_at(would, "ended")[0] != '\0') {
        fprintf(out, "    ended at: %s\n", text_at(would, "ended"));
    }
}

static void print_hold_advice(FILE *out, const json_t *group)
{
    const char *name = text_at(group, "name");
    const char *hold = text_at(json_object_get(group, "hold"), "name");
    const char *node = text_at(json_object_get(group, "hold"), "node");

    if (strcmp(hold, "unconfirmed") == 0) {
        fprintf(
            out,
            "    to do: make sure that %s is off or does not serve, then\n"
            "           baton confirm-out %s %s --reason \"how I know\"\n"
            "           or, when it answers again: baton resume %s\n",
            node[0] != '\0' ? node : "the node", name, node[0] != '\0' ? node : "NODE", name);
    } else if (strcmp(hold, "two-serve") == 0) {
        fprintf(
            out,
            "    to do: stop the service on the node that should not serve, then baton resume %s\n",
            name);
    } else if (strcmp(hold, "moves") == 0) {
        fprintf(
            out,
            "    to do: find out why it moved so often (baton history %s --since 2h), then\n"
            "           baton resume %s\n",
            name, name);
    } else if (strcmp(hold, "policy") == 0) {
        fprintf(
            out, "    to do: correct %s, then baton reload and baton resume %s\n",
            text_at(json_object_get(group, "policy"), "file"), name);
    } else if (strcmp(hold, "epoch") == 0) {
        fprintf(
            out,
            "    to do: find out who else grants (another controller, a store put back from a\n"
            "           backup), end that, then baton resume %s\n",
            name);
    } else if (strcmp(hold, "journal") == 0) {
        fprintf(
            out, "    to do: make room on the disk of the state directory; it clears by itself\n");
    } else {
        fprintf(
            out,
            "    to do: this is a bug; keep the log and the journal and report it, then\n"
            "           baton resume %s\n",
            name);
    }
}

static void print_stops(FILE *out, const json_t *group)
{
    const json_t *hold = json_object_get(group, "hold");
    char age[64];

    if (bool_at(group, "paused")) {
        fprintf(
            out, "  %sPAUSED%s  %s\n    to do: baton resume %s, when the work is done\n",
            print_colour("paused"), print_plain(), text_at(group, "paused_why"),
            text_at(group, "name"));
    }
    if (json_is_object(hold)) {
        fprintf(
            out, "  %sHOLD%s for %s  %s\n", print_colour("hold"), print_plain(),
            print_age(int_at(hold, "for_ms"), age, sizeof age), text_at(hold, "why"));
        print_hold_advice(out, group);
    }
}

/* ---- What runs, and why nothing moves -------------------------------------------------- */

static void print_plan(FILE *out, const json_t *plan)
{
    const json_t *steps = json_object_get(plan, "steps");
    const json_t *step = json_array_get(steps, (size_t)int_at(plan, "step"));
    char age[64], words[192];

    fprintf(out, "  %snow%s  %s", print_colour("running"), print_plain(), text_at(plan, "kind"));
    if (text_at(plan, "from")[0] != '\0') {
        fprintf(out, " from %s", text_at(plan, "from"));
    }
    if (text_at(plan, "taker")[0] != '\0') {
        fprintf(out, " to %s", text_at(plan, "taker"));
    }
    fprintf(out, " for %s", print_age(int_at(plan, "for_ms"), age, sizeof age));
    if (step != NULL) {
        fprintf(
            out, ", step %lld of %zu: %s on %s, %s (attempt %lld of %lld)",
            (long long)int_at(plan, "step") + 1, json_array_size(steps),
            print_step_words(step, words, sizeof words), text_at(step, "node"),
            text_at(step, "status"), (long long)int_at(step, "attempt"),
            (long long)int_at(step, "attempts"));
    }
    fprintf(out, "\n    why: %s\n", text_at(plan, "why"));
}

void status_print_reasons(FILE *out, const json_t *group, const char *indent)
{
    const json_t *why;
    size_t i;

    json_array_foreach(json_object_get(group, "why"), i, why)
    {
        char age[64];

        fprintf(
            out, "%s%s %s %s: %s", indent, text_at(why, "node"), print_fancy() ? "→" : "->",
            text_at(why, "to"), text_at(why, "reason"));
        if (json_object_get(why, "again_in_ms") != NULL) {
            fprintf(
                out, " (looked at again in %s)",
                print_age(int_at(why, "again_in_ms"), age, sizeof age));
        }
        if (text_at(why, "illegal")[0] != '\0') {
            fprintf(out, "; not allowed now: %s", text_at(why, "illegal"));
        }
        fputc('\n', out);
    }
}

/* One line: how many checks are so, and the first that is not. */
static void print_readiness(FILE *out, const json_t *group)
{
    const json_t *readiness = json_object_get(group, "readiness"), *check, *first = NULL;
    int count = 0, asked = 0, ok = 0;
    char age[64];
    size_t i;

    json_array_foreach(json_object_get(readiness, "checks"), i, check)
    {
        const char *outcome = text_at(check, "outcome");
        bool is_asked = json_is_string(json_object_get(check, "since"));

        count++;
        asked += is_asked;
        ok += strcmp(outcome, "ok") == 0;
        if (is_asked && strcmp(outcome, "ok") != 0 &&
            (first == NULL ||
             (strcmp(text_at(first, "outcome"), "fail") != 0 && strcmp(outcome, "fail") == 0))) {
            first = check;
        }
    }
    if (count == 0 || asked == 0) {
        return;
    }
    fprintf(
        out, "  %s%s%s  %d of %d checks are so",
        print_colour(first == NULL ? "ok" : text_at(first, "outcome")),
        first == NULL                                    ? asked == count ? "ready" : "ready so far"
        : strcmp(text_at(first, "outcome"), "fail") == 0 ? "NOT READY"
                                                         : "not known to be ready",
        print_plain(), ok, count);
    if (asked < count) {
        fprintf(out, ", %d not made yet", count - asked);
    }
    if (first != NULL) {
        fprintf(
            out, "; %s%s%s: %s, for %s. See baton preflight %s", text_at(first, "node"),
            text_at(first, "node")[0] != '\0' ? ": " : "", text_at(first, "title"),
            text_at(first, "detail"), print_age(int_at(first, "for_ms"), age, sizeof age),
            text_at(group, "name"));
    }
    fputc('\n', out);
}

static void print_group(FILE *out, const json_t *group)
{
    const json_t *plans = json_object_get(group, "plans"), *plan;
    const json_t *moves = json_object_get(group, "moves");
    char age[64];
    size_t i;

    print_head(out, group);
    print_shadow(out, group);
    print_stops(out, group);
    peers_print(out, group);
    print_nodes(out, group);
    json_array_foreach(plans, i, plan)
    {
        print_plan(out, plan);
    }
    if (json_array_size(plans) == 0 && json_array_size(json_object_get(group, "why")) > 0) {
        fprintf(out, "  why it stays\n");
        status_print_reasons(out, group, "    ");
    }
    print_readiness(out, group);
    if (int_at(moves, "count") > 0) {
        fprintf(
            out, "  %lld of %lld unplanned moves allowed in %s are used\n",
            (long long)int_at(moves, "count"), (long long)int_at(moves, "max"),
            print_age(int_at(moves, "window_ms"), age, sizeof age));
    }
}

void status_print(FILE *out, const json_t *status)
{
    const json_t *groups = json_object_get(status, "groups"), *group;
    size_t i;

    json_array_foreach(groups, i, group)
    {
        if (i > 0) {
            fputc('\n', out);
        }
        print_group(out, group);
    }
    if (json_array_size(groups) == 0) {
        fputs("batond runs, but watches no group: its configuration has none enabled\n", out);
    }
}

int command_status(const struct args *args)
{
    json_t *answer;
    int code;

    if (args->watch) {
        return status_watch(args);
    }
    answer = client_ask(args, request_for("status", args), &code);
    if (answer == NULL) {
        return code;
    }
    if (args->json) {
        print_json(answer);
    } else {
        status_print(stdout, answer);
    }
    json_decref(answer);
    return BATON_DONE;
}

int command_why(const struct args *args)
{
    json_t *answer;
    const json_t *group;
    int code;

    answer = client_ask(args, request_for("why", args), &code);
    if (answer == NULL) {
        return code;
    }
    group = json_object_get(answer, "group");
    if (args->json) {
        print_json(answer);
    } else {
        const json_t *plan;
        size_t i;

        print_head(stdout, group);
        print_shadow(stdout, group);
        print_stops(stdout, group);
        peers_print(stdout, group);
        json_array_foreach(json_object_get(group, "plans"), i, plan)
        {
            print_plan(stdout, plan);
        }
        if (json_array_size(json_object_get(group, "why")) == 0) {
            printf("  the policy has not been asked yet; ask again in a moment\n");
        }
        status_print_reasons(stdout, group, "  ");
    }
    json_decref(answer);
    return BATON_DONE;
}
