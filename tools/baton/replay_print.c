/* The decisions of a replay side by side, as text and as JSON. */
#include "replay.h"

#include <libsmartcols.h>
#include <string.h>
#include <time.h>

/* ---- Words ---------------------------------------------------------------------------------- */

static const char *node_name(const struct replaying *r, int node)
{
    return node == GROUP_NOBODY ? "nobody" : r->site.node[node].name;
}

static const char *decision_words(
    const struct replaying *r, const struct replay_decision *d, char *text, size_t size)
{
    const char *kind = group_plan_name(d->kind), *taker = node_name(r, d->taker);

    if (d->kind == GROUP_PLAN_REMEDY || d->kind == GROUP_PLAN_RESTORE) {
        snprintf(text, size, "%s on %s", kind, taker);
    } else if (d->from == GROUP_NOBODY) {
        snprintf(text, size, "start on %s", taker);
    } else {
        snprintf(
            text, size, "%s %s %s %s", kind, node_name(r, d->from), print_fancy() ? "→" : "->",
            taker);
    }
    return text;
}

static const char *local_time(int64_t wall_ms, char *text, size_t size)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm local;
    size_t used;

    if (localtime_r(&seconds, &local) == NULL) {
        return "?";
    }
    used = strftime(text, size, "%Y-%m-%d %H:%M:%S", &local);
    snprintf(text + used, size - used, ".%03d", (int)(wall_ms % 1000));
    return text;
}

/* "24 s later" */
static const char *shift_words(const struct replay_row *row, char *text, size_t size)
{
    int64_t later = row->new->wall_ms - row->old->wall_ms;
    char age[64];

    snprintf(
        text, size, "%s %s", print_age(later < 0 ? -later : later, age, sizeof age),
        later < 0 ? "earlier" : "later");
    return text;
}

static int64_t row_ms(const struct replay_row *row)
{
    if (row->old == NULL || (row->new != NULL && row->new->wall_ms < row->old->wall_ms)) {
        return row->new->wall_ms;
    }
    return row->old->wall_ms;
}

static const struct replay_row *first_difference(const struct replay_row *rows, int n)
{
    int i;

    for (i = 0; i < n; i++) {
        if (!rows[i].same) {
            return &rows[i];
        }
    }
    return NULL;
}

/* ---- The table ---------------------------------------------------------------------------------
 */

enum {
    TIME,
    OLD,
    NEW,
    MARK,
    COLUMNS
};

static void add_row(
    const struct replaying *r, struct libscols_table *table, const struct replay_row *row,
    bool first)
{
    struct libscols_line *line = scols_table_new_line(table, NULL);
    char text[256], words[192], shift[96];

    if (line == NULL) {
        return;
    }
    scols_line_set_data(line, TIME, local_time(row_ms(row), text, sizeof text));
    scols_line_set_data(
        line, OLD, row->old == NULL ? "-" : decision_words(r, row->old, text, sizeof text));
    if (row->new == NULL) {
        snprintf(text, sizeof text, "-");
    } else if (row->old != NULL && !row->same) {
        snprintf(
            text, sizeof text, "%s, %s", decision_words(r, row->new, words, sizeof words),
            shift_words(row, shift, sizeof shift));
    } else {
        decision_words(r, row->new, text, sizeof text);
    }
    scols_line_set_data(line, NEW, text);
    scols_line_set_data(
        line, MARK,
        first                                       ? "<- first difference"
        : !row->same                                ? "<- differs"
        : row->old != NULL && row->old->by_operator ? "an operator's command"
                                                    : "");
}

static void print_table(const struct replaying *r, const struct replay_row *rows, int n)
{
    static const char *const heads[COLUMNS] = {"TIME", "OLD", "NEW", ""};
    struct libscols_table *table = scols_new_table();
    const struct replay_row *first = first_difference(rows, n);
    int i;

    if (table == NULL || n == 0) {
        scols_unref_table(table);
        return;
    }
    for (i = 0; i < COLUMNS; i++) {
        scols_table_new_column(table, heads[i], 0.1, 0);
    }
    scols_table_set_column_separator(table, "  ");
    for (i = 0; i < n; i++) {
        add_row(r, table, &rows[i], &rows[i] == first);
    }
    scols_print_table(table);
    scols_unref_table(table);
}

/* ---- The first difference
 * ------------------------------------------------------------------------ */

static void explain(const struct replaying *r, const struct replay_row *row)
{
    char when[64], words[192];

    printf(
        "\n%sFirst difference%s, %s\n", print_bold(), print_plain(),
        local_time(row_ms(row), when, sizeof when));
    if (row->old != NULL) {
        printf(
            "  old  %s  %s: %s\n", local_time(row->old->wall_ms, when, sizeof when),
            decision_words(r, row->old, words, sizeof words), row->old->why);
    } else {
        printf(
            "  old  nothing then%s%s\n", row->new->other[0] != '\0' ? ": " : "",
            row->new->other[0] != '\0' ? row->new->other : "; why not is not in the history");
    }
    if (row->old != NULL && row->old->other[0] != '\0') {
        printf(
            "  new  %s  nothing yet: %s\n", local_time(row->old->wall_ms, when, sizeof when),
            row->old->other);
    } else if (row->new == NULL) {
        printf("  new  nothing then\n");
    }
    if (row->new != NULL) {
        printf(
            "  new  %s  %s: %s\n", local_time(row->new->wall_ms, when, sizeof when),
            decision_words(r, row->new, words, sizeof words), row->new->why);
    }
}

/* ---- What to know of it
 * ---------------------------------------------------------------------------- */

/* Between two observations of a probe, on the node where most were made; 0: not recorded. */
static int64_t recorded_every_ms(const struct replaying *r, const char *probe)
{
    json_t *nodes = json_object_get(r->outline, r->group), *node;
    const char *name;
    int64_t most = 1, every_ms = 0;

    json_object_foreach(nodes, name, node)
    {
        const json_t *part = json_object_get(node, probe);

        if (int_at(part, "count") > most) {
            most = int_at(part, "count");
            every_ms = (int_at(part, "last_ms") - int_at(part, "first_ms")) / (most - 1);
        }
    }
    return every_ms;
}

/* Notes in words, also for JSON. */
static json_t *notes(const struct replaying *r)
{
    const struct policy_table *table = replay_table(r->replay);
    struct replay_sum sum = replay_sum(r->replay);
    json_t *list = json_array(), *value;
    const char *key;
    char one[64], two[64];
    int i;

    if (sum.broken[0] != '\0') {
        json_array_append_new(
            list, json_sprintf(
                      "the new policy broke a rule at %s and decided nothing from then on: %s",
                      local_time(sum.broken_ms, one, sizeof one), sum.broken));
    }
    for (i = 0; i < table->rules.n_probes; i++) {
        const char *name = table->rules.probe[i].name;
        int64_t every_ms = recorded_every_ms(r, name);

        if (!r->seen[i]) {
            json_array_append_new(
                list, json_sprintf("%s is not recorded: to the new policy it is unknown", name));
        } else if (every_ms > table->probe[i].every_ms + table->probe[i].every_ms / 2) {
            json_array_append_new(
                list,
                json_sprintf(
                    "%s is recorded every %s, and asked every %s by the new policy: it would have "
                    "seen more",
                    name, print_age(every_ms, one, sizeof one),
                    print_age(table->probe[i].every_ms, two, sizeof two)));
        }
    }
    json_object_foreach(r->unasked, key, value)
    {
        json_array_append_new(
            list, json_sprintf("%s is recorded, and not asked by the new policy", key));
    }
    json_object_foreach(r->strangers, key, value)
    {
        json_array_append_new(
            list, json_sprintf("%s is recorded, and no node of this group: left out", key));
    }
    if (r->config == NULL) {
        json_array_append_new(
            list, json_sprintf(
                      "nodes are taken from the history, the first by name preferred (%s); "
                      "--config says more",
                      node_name(r, 0)));
    }
    if (sum.gaps > 0) {
        json_array_append_new(
            list, json_sprintf(
                      "nothing was recorded for minutes, %d time%s: looked at afresh after it",
                      sum.gaps, sum.gaps == 1 ? "" : "s"));
    }
    if (sum.left_out > 0) {
        json_array_append_new(
            list, json_sprintf(
                      "%lld observations came sooner than the new policy would ask: left out",
                      (long long)sum.left_out));
    }
    return list;
}

static void print_text(const struct replaying *r, const struct replay_row *rows, int n)
{
    struct replay_sum sum = replay_sum(r->replay);
    const struct replay_row *first = first_difference(rows, n);
    json_t *list = notes(r), *note;
    char from[64], to[64];
    size_t i;

    print_table(r, rows, n);
    if (first != NULL) {
        explain(r, first);
    }
    printf(
        "%s%s, %s to %s: %lld observations; decisions: old %d, new %d, the same %d\n",
        n > 0 ? "\n" : "", r->group, local_time(r->first_ms, from, sizeof from),
        local_time(r->last_ms, to, sizeof to), (long long)sum.observations, sum.old, sum.new,
        sum.same);
    json_array_foreach(list, i, note)
    {
        printf("  note: %s\n", json_string_value(note));
    }
    json_decref(list);
}

/* ---- JSON
 * ------------------------------------------------------------------------------------------- */

static json_t *time_json(int64_t wall_ms)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    char text[32];
    struct tm utc;

    if (gmtime_r(&seconds, &utc) == NULL || strftime(text, sizeof text, "%FT%T", &utc) == 0) {
        return json_null();
    }
    return json_sprintf("%s.%03dZ", text, (int)(wall_ms % 1000));
}

static json_t *node_json(const struct replaying *r, int node)
{
    return node == GROUP_NOBODY ? json_null() : json_string(node_name(r, node));
}

static json_t *decision_json(const struct replaying *r, const struct replay_decision *d)
{
    if (d == NULL) {
        return json_null();
    }
    return json_pack(
        "{s:o,s:s,s:o,s:o,s:b,s:s,s:s}", "time", time_json(d->wall_ms), "kind",
        group_plan_name(d->kind), "from", node_json(r, d->from), "taker", node_json(r, d->taker),
        "by_operator", d->by_operator, "why", d->why, "other", d->other);
}

static void print_as_json(const struct replaying *r, const struct replay_row *rows, int n)
{
    struct replay_sum sum = replay_sum(r->replay);
    const struct replay_row *first = first_difference(rows, n);
    json_t *list = json_array(), *object;
    int i;

    for (i = 0; i < n; i++) {
        json_array_append_new(
            list,
            json_pack(
                "{s:o,s:b,s:o,s:o}", "time", time_json(row_ms(&rows[i])), "same", rows[i].same,
                "old", decision_json(r, rows[i].old), "new", decision_json(r, rows[i].new)));
    }
    object = json_pack(
        "{s:b,s:b,s:s,s:s,s:o,s:o,s:I,s:I,s:i,s:i,s:i,s:i,s:o,s:o,s:o}", "ok", 1, "same",
        first == NULL, "group", r->group, "policy", r->args->policy, "from", time_json(r->first_ms),
        "to", time_json(r->last_ms), "observations", (json_int_t)sum.observations, "left_out",
        (json_int_t)sum.left_out, "gaps", sum.gaps, "old", sum.old, "new", sum.new, "both",
        sum.same, "first", first == NULL ? json_null() : json_integer(first - rows), "rows", list,
        "notes", notes(r));
    print_json(object);
    json_decref(object);
}

bool replay_print(const struct replaying *r)
{
    const struct replay_row *rows;
    int n = replay_rows(r->replay, &rows);

    if (r->args->json) {
        print_as_json(r, rows, n);
    } else {
        print_text(r, rows, n);
    }
    return first_difference(rows, n) == NULL;
}
