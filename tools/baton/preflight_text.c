/* The checklist as text: a table over the nodes, and under each thing that is not so what it says
 * and what to do. */
#include "preflight.h"

#include <string.h>

/* ---- The grid ---------------------------------------------------------------------------- */

void preflight_grid(struct preflight_grid *grid, const json_t *group)
{
    const json_t *check;
    size_t i;

    memset(grid, 0, sizeof *grid);
    grid->group = group;
    json_array_foreach(json_object_get(group, "checks"), i, check)
    {
        const char *node = text_at(check, "node"), *outcome = text_at(check, "outcome");
        int at = 0;

        grid->count++;
        grid->ok += strcmp(outcome, "ok") == 0;
        grid->fail += strcmp(outcome, "fail") == 0;
        grid->unknown += strcmp(outcome, "unknown") == 0;
        while (at < grid->n_nodes && strcmp(grid->node[at], node) != 0) {
            at++;
        }
        if (node[0] != '\0' && at == grid->n_nodes && at < PREFLIGHT_NODES_MAX) {
            grid->node[grid->n_nodes++] = node;
        }
    }
}

const json_t *preflight_cell(const struct preflight_grid *grid, const char *name, int node)
{
    const json_t *check;
    size_t i;

    json_array_foreach(json_object_get(grid->group, "checks"), i, check)
    {
        if (strcmp(text_at(check, "name"), name) == 0 &&
            strcmp(text_at(check, "node"), node >= 0 ? grid->node[node] : "") == 0) {
            return check;
        }
    }
    return NULL;
}

bool preflight_leads(const struct preflight_grid *grid, size_t index)
{
    const json_t *checks = json_object_get(grid->group, "checks");
    const char *name = text_at(json_array_get(checks, index), "name");
    size_t i;

    for (i = 0; i < index; i++) {
        if (strcmp(text_at(json_array_get(checks, i), "name"), name) == 0) {
            return false;
        }
    }
    return true;
}

bool preflight_follows(const struct preflight_grid *grid, const json_t *check)
{
    const json_t *other;
    size_t i;

    if (strcmp(text_at(check, "outcome"), "unknown") != 0 || text_at(check, "node")[0] == '\0') {
        return false;
    }
    json_array_foreach(json_object_get(grid->group, "checks"), i, other)
    {
        if (other != check && strcmp(text_at(other, "name"), "reached") == 0 &&
            strcmp(text_at(other, "node"), text_at(check, "node")) == 0) {
            return strcmp(text_at(other, "outcome"), "ok") != 0;
        }
    }
    return false;
}

const char *preflight_sum(const struct preflight_grid *grid, char *text, size_t size)
{
    size_t used = (size_t)snprintf(
        text, size, "%d of %d %s so", grid->ok, grid->count, grid->ok == 1 ? "is" : "are");

    if (grid->fail > 0 && used < size) {
        used += (size_t)snprintf(
            text + used, size - used, ", %d %s not", grid->fail, grid->fail == 1 ? "is" : "are");
    }
    if (grid->unknown > 0 && used < size) {
        snprintf(text + used, size - used, ", %d can't be found out", grid->unknown);
    }
    return text;
}

/* ---- The table --------------------------------------------------------------------------- */

#define GROUP_HEAD "group"
#define SIGN_MAX   3 /* columns of the longest sign */

/* All signs are as wide, whatever they take in UTF-8. */
static const char *sign(const json_t *check)
{
    const char *outcome = text_at(check, "outcome");

    if (check == NULL) {
        return "   ";
    }
    if (strcmp(outcome, "ok") == 0) {
        return print_fancy() ? " ✓ " : "ok ";
    }
    if (strcmp(outcome, "fail") == 0) {
        return print_fancy() ? " ✗ " : "NO ";
    }
    return " ? ";
}

static int width_of(const char *head)
{
    int width = (int)strlen(head);

    return width > SIGN_MAX ? width : SIGN_MAX;
}

/* In the middle below its head. */
static void print_sign(const json_t *check, const char *head)
{
    int width = width_of(head), before = (width - SIGN_MAX) / 2;

    printf(
        "%*s%s%s%s%*s  ", before, "", check != NULL ? print_colour(text_at(check, "outcome")) : "",
        sign(check), check != NULL ? print_plain() : "", width - SIGN_MAX - before, "");
}

static int indent_of(const struct preflight_grid *grid)
{
    int indent = width_of(GROUP_HEAD) + 2, node;

    for (node = 0; node < grid->n_nodes; node++) {
        indent += width_of(grid->node[node]) + 2;
    }
    return indent;
}

static bool is_ok(const json_t *check)
{
    return check == NULL || strcmp(text_at(check, "outcome"), "ok") == 0;
}

/* The detail that stands behind the title: of what is so, where all nodes say the same. */
static const char *common_detail(const struct preflight_grid *grid, const char *name)
{
    const char *detail = NULL;
    int node;

    for (node = -1; node < grid->n_nodes; node++) {
        const json_t *check = preflight_cell(grid, name, node);

        if (!is_ok(check) ||
            (check != NULL && detail != NULL && strcmp(text_at(check, "detail"), detail) != 0)) {
            return "";
        }
        detail = check != NULL ? text_at(check, "detail") : detail;
    }
    return detail != NULL ? detail : "";
}

static void print_row(const struct preflight_grid *grid, const json_t *check)
{
    const char *name = text_at(check, "name"), *detail = common_detail(grid, name);
    int node;

    print_sign(preflight_cell(grid, name, -1), GROUP_HEAD);
    for (node = 0; node < grid->n_nodes; node++) {
        print_sign(preflight_cell(grid, name, node), grid->node[node]);
    }
    printf("%s", text_at(check, "title"));
    if (detail[0] != '\0') {
        printf("%s: %s%s", print_dim(), detail, print_plain());
    }
    putchar('\n');
}

/* What is not so, and what to do: a line that can be copied is not wrapped. */
static void print_trouble(const struct preflight_grid *grid, const char *name, int indent)
{
    const char *said = "";
    int node;

    for (node = -1; node < grid->n_nodes; node++) {
        const json_t *check = preflight_cell(grid, name, node);
        const char *advice = text_at(check, "advice");

        if (is_ok(check) || preflight_follows(grid, check)) {
            continue;
        }
        printf(
            "%*s%s%s%s%s%s\n", indent, "", print_colour(text_at(check, "outcome")),
            node >= 0 ? grid->node[node] : "", node >= 0 ? ": " : "", text_at(check, "detail"),
            print_plain());
        if (advice[0] != '\0' && strcmp(advice, said) != 0) {
            printf("%*sdo this: %s\n", indent, "", advice);
            said = advice;
        }
    }
}

static void print_group(const json_t *group)
{
    const json_t *check, *checks = json_object_get(group, "checks");
    struct preflight_grid grid;
    char sum[128];
    size_t i;
    int node;

    preflight_grid(&grid, group);
    printf(
        "%s%s%s  %s\n\n%s", print_bold(), text_at(group, "group"), print_plain(),
        preflight_sum(&grid, sum, sizeof sum), GROUP_HEAD "  ");
    for (node = 0; node < grid.n_nodes; node++) {
        printf("%-*s  ", width_of(grid.node[node]), grid.node[node]);
    }
    printf("\n");
    json_array_foreach(checks, i, check)
    {
        if (preflight_leads(&grid, i)) {
            print_row(&grid, check);
            print_trouble(&grid, text_at(check, "name"), indent_of(&grid));
        }
    }
}

void preflight_text(const json_t *result)
{
    const json_t *groups = json_object_get(result, "groups"), *group;
    size_t i;

    json_array_foreach(groups, i, group)
    {
        if (i > 0) {
            putchar('\n');
        }
        print_group(group);
    }
}
