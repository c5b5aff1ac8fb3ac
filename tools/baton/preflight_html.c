/* The checklist as one page: what is to be done first, then all of it. It has no script, and asks
 * for nothing from anywhere; it can be printed, or sent. */
#include "preflight.h"
#include "report.h"

#include <stdlib.h>
#include <string.h>

/* A file of its own, for editors. */
__asm__(".section .rodata\n"
        "preflight_html_style:\n"
        ".incbin \"" BATON_PREFLIGHT_CSS "\"\n"
        ".byte 0\n"
        ".previous\n");
extern const char preflight_html_style[];

static const char *sign(const char *outcome)
{
    return strcmp(outcome, "ok") == 0 ? "✓" : strcmp(outcome, "fail") == 0 ? "✕" : "?";
}

static const char *word(const char *outcome)
{
    return strcmp(outcome, "ok") == 0     ? "✓ so"
           : strcmp(outcome, "fail") == 0 ? "✕ not so"
                                          : "? not known";
}

/* "2026-11-25 15:19 UTC", of RFC 3339. */
static void write_time(xmlTextWriter *out, const char *time)
{
    tag_open(out, "time");
    tag_set(out, "datetime", "%s", time);
    if (strlen(time) >= 16) {
        tag_text(out, "%.10s %.5s UTC", time, time + 11);
    } else {
        tag_text(out, "%s", time);
    }
    tag_close(out);
}

/* ---- What is to be done ------------------------------------------------------------------ */

static void write_item(xmlTextWriter *out, const json_t *check)
{
    const char *outcome = text_at(check, "outcome"), *node = text_at(check, "node");

    tag_open(out, "li");
    tag_set(out, "class", "%s", outcome);
    tag_open(out, "p");
    tag_set(out, "class", "title");
    tag_leaf(
        out, "span", strcmp(outcome, "fail") == 0 ? "word fail" : "word unknown", "%s",
        word(outcome));
    tag_text(out, " %s", text_at(check, "title"));
    if (node[0] != '\0') {
        tag_leaf(out, "span", "where", " on %s", node);
    }
    tag_close(out);
    tag_leaf(out, "p", "said", "%s", text_at(check, "detail"));
    if (text_at(check, "advice")[0] != '\0') {
        tag_open(out, "p");
        tag_set(out, "class", "advice");
        tag_leaf(out, "b", NULL, "Do this");
        tag_text(out, "%s", text_at(check, "advice"));
        tag_close(out);
    }
    tag_close(out);
}

/* Failed ones first. */
static void write_todo(xmlTextWriter *out, const struct preflight_grid *grid)
{
    static const char *const outcomes[] = {"fail", "unknown"};
    const json_t *check;
    size_t outcome, i;

    if (grid->fail + grid->unknown == 0) {
        return;
    }
    tag_leaf(out, "h2", NULL, "To do");
    tag_open(out, "ul");
    tag_set(out, "class", "todo");
    for (outcome = 0; outcome < 2; outcome++) {
        json_array_foreach(json_object_get(grid->group, "checks"), i, check)
        {
            if (strcmp(text_at(check, "outcome"), outcomes[outcome]) == 0 &&
                !preflight_follows(grid, check)) {
                write_item(out, check);
            }
        }
    }
    tag_close(out);
}

/* ---- All of it --------------------------------------------------------------------------- */

static void write_cell(xmlTextWriter *out, const json_t *check)
{
    const char *outcome = text_at(check, "outcome");

    if (check == NULL) {
        tag_leaf(out, "td", "sign", "%s", "");
        return;
    }
    tag_open(out, "td");
    tag_set(out, "class", "sign %s", outcome);
    tag_set(out, "title", "%s", text_at(check, "detail"));
    tag_text(out, "%s", sign(outcome));
    tag_close(out);
}

static void write_detail(
    xmlTextWriter *out, const struct preflight_grid *grid, const json_t *check, int node)
{
    const char *detail = text_at(check, "detail");

    if (check == NULL || detail[0] == '\0' || preflight_follows(grid, check)) {
        return;
    }
    tag_open(out, "span");
    tag_set(out, "class", "detail %s", text_at(check, "outcome"));
    tag_text(out, "%s%s%s", node >= 0 ? grid->node[node] : "", node >= 0 ? ": " : "", detail);
    tag_close(out);
}

static void write_row(xmlTextWriter *out, const struct preflight_grid *grid, const json_t *check)
{
    const char *name = text_at(check, "name");
    int node;

    tag_open(out, "tr");
    write_cell(out, preflight_cell(grid, name, -1));
    for (node = 0; node < grid->n_nodes; node++) {
        write_cell(out, preflight_cell(grid, name, node));
    }
    tag_open(out, "td");
    tag_set(out, "class", "what");
    tag_text(out, "%s", text_at(check, "title"));
    for (node = -1; node < grid->n_nodes; node++) {
        write_detail(out, grid, preflight_cell(grid, name, node), node);
    }
    tag_close(out);
    tag_close(out);
}

static void write_list(xmlTextWriter *out, const struct preflight_grid *grid)
{
    const json_t *check;
    size_t i;
    int node;

    tag_leaf(out, "h2", NULL, "The checklist");
    tag_open(out, "div");
    tag_set(out, "class", "list");
    tag_open(out, "table");
    tag_open(out, "thead");
    tag_open(out, "tr");
    tag_leaf(out, "th", "node", "group");
    for (node = 0; node < grid->n_nodes; node++) {
        tag_leaf(out, "th", "node", "%s", grid->node[node]);
    }
    tag_leaf(out, "th", NULL, "what must be so");
    tag_close(out);
    tag_close(out);
    tag_open(out, "tbody");
    json_array_foreach(json_object_get(grid->group, "checks"), i, check)
    {
        if (preflight_leads(grid, i)) {
            write_row(out, grid, check);
        }
    }
    tag_close(out);
    tag_close(out);
    tag_close(out);
}

static void write_group(xmlTextWriter *out, const json_t *group)
{
    struct preflight_grid grid;
    char sum[128];

    preflight_grid(&grid, group);
    tag_open(out, "section");
    tag_set(out, "class", "group");
    tag_leaf(out, "h1", NULL, "Preflight of %s", text_at(group, "group"));
    tag_open(out, "p");
    tag_set(out, "class", "about");
    if (bool_at(group, "ok")) {
        tag_leaf(out, "span", "word ok", "✓ ready");
    } else {
        tag_leaf(out, "span", "word fail", "✕ not ready");
    }
    tag_text(out, "%s. Looked at on ", preflight_sum(&grid, sum, sizeof sum));
    write_time(out, text_at(group, "at"));
    tag_close(out);
    write_todo(out, &grid);
    write_list(out, &grid);
    tag_close(out);
}

/* ---- The page ---------------------------------------------------------------------------- */

static bool write_page(xmlTextWriter *out, const json_t *result)
{
    const json_t *groups = json_object_get(result, "groups"), *group;
    char title[256];
    size_t i;

    snprintf(
        title, sizeof title, "Preflight%s%s: %s", json_array_size(groups) == 1 ? " of " : "",
        json_array_size(groups) == 1 ? text_at(json_array_get(groups, 0), "group") : "",
        bool_at(result, "ok") ? "ready" : "not ready");
    tag_page(out, "baton preflight", title, preflight_html_style);
    tag_open(out, "body");
    tag_open(out, "main");
    json_array_foreach(groups, i, group)
    {
        write_group(out, group);
    }
    tag_close(out);
    xmlTextWriterWriteRaw(out, (const xmlChar *)"\n");
    return xmlTextWriterEndDocument(out) >= 0 && xmlTextWriterFlush(out) >= 0;
}

char *preflight_html(const json_t *result, size_t *len)
{
    xmlBuffer *page = xmlBufferCreate();
    xmlTextWriter *out = page != NULL ? xmlNewTextWriterMemory(page, 0) : NULL;
    char *text = NULL;

    if (out != NULL && write_page(out, result)) {
        *len = (size_t)xmlBufferLength(page);
        text = malloc(*len + 1);
        if (text != NULL) {
            memcpy(text, xmlBufferContent(page), *len + 1);
        }
    }
    if (out != NULL) {
        xmlFreeTextWriter(out);
    }
    xmlBufferFree(page);
    return text;
}
