/* `baton preflight`: preflight.c asks, preflight_text.c and preflight_html.c print what it came to.
 *
 * Both print from the JSON that --json gives: {"ok","groups":[{"group","ok","at","checks":[…]}]},
 * see control_json_readiness.
 */
#ifndef BATON_TOOLS_PREFLIGHT_H
#define BATON_TOOLS_PREFLIGHT_H

#include "baton.h"

#include <stddef.h>

#define PREFLIGHT_NODES_MAX 16

/* A group's checks as a table: rows in their order, a column for each node. */
struct preflight_grid {
    const json_t *group;
    int n_nodes;
    const char *node[PREFLIGHT_NODES_MAX];
    int count, ok, fail, unknown;
};

void preflight_grid(struct preflight_grid *grid, const json_t *group);
/* The check of this name on node `node`; -1: that of the group. NULL: there is none. */
const json_t *preflight_cell(const struct preflight_grid *grid, const char *name, int node);
/* Is it the first of its name? */
bool preflight_leads(const struct preflight_grid *grid, size_t index);
/* Can it not be found out because its node is not reached, which another check says? */
bool preflight_follows(const struct preflight_grid *grid, const json_t *check);
/* "22 of 24 are so, 1 is not, 1 can't be found out". Returns `text`. */
const char *preflight_sum(const struct preflight_grid *grid, char *text, size_t size);

void preflight_text(const json_t *result);
/* The page, malloc'd; NULL: no memory. */
char *preflight_html(const json_t *result, size_t *len);

#endif
