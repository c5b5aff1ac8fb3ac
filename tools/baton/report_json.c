/* One JSON document for all scenarios of a run. Times are whole ms of virtual time. */
#include "report.h"

#include <string.h>

static json_t *node_json(const struct story *story, int node)
{
    const char *name = story_node(story, node);

    return name[0] != '\0' ? json_string(name) : json_null();
}

static void set_text(json_t *object, const char *key, const char *text)
{
    if (text[0] != '\0') {
        json_object_set_new(object, key, json_string(text));
    }
}

static const char *level_name(enum world_level level)
{
    static const char *const names[] = {"debug", "info", "warning", "alert"};

    return names[(unsigned)level < 4 ? (unsigned)level : 1];
}

static json_t *entry_json(const struct story *story, const struct run_entry *entry)
{
    json_t *object = json_pack(
        "{s:I,s:s,s:o,s:s,s:s}", "at_ms", (json_int_t)entry->at_ms, "kind",
        run_kind_name(entry->kind), "node", node_json(story, entry->node), "text", entry->text,
        "level", level_name(entry->level));

    set_text(object, "name", entry->name);
    set_text(object, "baton", story_node(story, entry->baton));
    switch (entry->kind) {
    case RUN_STATE:
        json_object_set_new(object, "from", json_string(fsm_state_name(entry->from)));
        json_object_set_new(object, "to", json_string(fsm_state_name(entry->to)));
        break;
    case RUN_STEP:
        json_object_set_new(object, "plan", json_integer(entry->plan_slot));
        json_object_set_new(object, "epoch", json_integer(entry->epoch));
        break;
    case RUN_GRANT:
        json_object_set_new(object, "epoch", json_integer(entry->epoch));
        break;
    default:
        break;
    }
    if (entry->kind == RUN_STEP || entry->kind == RUN_OUTAGE) {
        json_object_set_new(object, "begins", json_boolean(entry->begins));
    }
    if ((entry->kind == RUN_STEP && !entry->begins) || entry->kind == RUN_PROBE ||
        entry->kind == RUN_COMMAND || entry->kind == RUN_QUESTION) {
        set_text(object, "outcome", group_outcome_name(entry->outcome));
    }
    return object;
}

static json_t *span_json(const struct story *story, const struct run_span *span)
{
    return json_pack(
        "{s:o,s:I,s:I,s:s,s:b,s:b}", "node", node_json(story, span->node), "from_ms",
        (json_int_t)span->from_ms, "to_ms", (json_int_t)span->to_ms, "state",
        fsm_state_name(span->state), "holds", span->holds, "serves", span->serves);
}

static json_t *verdict_json(const struct run_verdict *verdict)
{
    json_t *object = json_pack(
        "{s:o,s:s,s:b}", "line",
        verdict->expect != NULL ? json_integer(verdict->expect->line) : json_null(), "text",
        verdict->text, "held", verdict->held);

    set_text(object, "why", verdict->why);
    return object;
}

static json_t *intervals_json(const struct story_interval *interval, int n)
{
    json_t *array = json_array();
    int i;

    for (i = 0; i < n; i++) {
        json_array_append_new(
            array, json_pack(
                       "{s:I,s:I}", "from_ms", (json_int_t)interval[i].from_ms, "to_ms",
                       (json_int_t)interval[i].to_ms));
    }
    return array;
}

static json_t *figures_json(const struct run_figures *figures)
{
    return json_pack(
        "{s:I,s:I,s:I,s:i,s:i,s:I,s:I,s:I}", "outage_ms", (json_int_t)figures->outage_ms,
        "outage_longest_ms", (json_int_t)figures->outage_longest_ms, "two_serve_ms",
        (json_int_t)figures->two_ms, "moves", figures->moves, "grants", figures->grants, "probes",
        (json_int_t)figures->probes, "requests", (json_int_t)figures->requests, "events",
        (json_int_t)figures->events);
}

json_t *report_json_open(void)
{
    return json_pack("{s:i,s:i,s:[]}", "passed", 0, "failed", 0, "scenarios");
}

bool report_json_add(json_t *document, const struct story *story)
{
    const char *count = story->passed ? "passed" : "failed";
    json_t *object, *nodes = json_array(), *timeline = json_array(), *spans = json_array();
    json_t *verdicts = json_array();
    int i;

    for (i = 0; i < story->n_nodes; i++) {
        json_array_append_new(nodes, json_string(story->node[i]));
    }
    for (i = 0; i < story->n_entries; i++) {
        json_array_append_new(timeline, entry_json(story, &story->entry[i]));
    }
    for (i = 0; i < story->n_spans; i++) {
        json_array_append_new(spans, span_json(story, &story->span[i]));
    }
    for (i = 0; i < story->n_verdicts; i++) {
        json_array_append_new(verdicts, verdict_json(&story->verdict[i]));
    }
    object = json_pack(
        "{s:s,s:s,s:s,s:I,s:b,s:I,s:o,s:o,s:o,s:o,s:o,s:o}", "name", story->name, "file",
        story->file, "group", story->group, "seed", (json_int_t)story->seed, "passed",
        story->passed, "end_ms", (json_int_t)story->end_ms, "nodes", nodes, "figures",
        figures_json(&story->figures), "verdicts", verdicts, "timeline", timeline, "spans", spans,
        "outages", intervals_json(story->outage, story->n_outages));
    if (object == NULL) {
        return false;
    }
    set_text(object, "why", story->why);
    json_object_set_new(
        document, count, json_integer(json_integer_value(json_object_get(document, count)) + 1));
    return json_array_append_new(json_object_get(document, "scenarios"), object) == 0;
}

void report_json_print(json_t *document)
{
    print_json(document);
}
