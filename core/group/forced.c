/* What an operator chose by force, knowing that it is not fit, stays where it was put, or the
 * policy would undo it in the same moment: as long as it serves, until it is fit, and while
 * nothing fails there but what had failed already. */
#include "parts.h"

static uint32_t failed_probes(const struct group *g, int node)
{
    uint32_t failed = 0;
    int i;

    for (i = 0; i < g->rules.n_probes; i++) {
        const struct group_health *health = &g->node[node].health[i];

        failed |= !health->resting && health->status == GROUP_FAIL ? UINT32_C(1) << i : 0;
    }
    return failed;
}

/* An operator moves it there. */
void forced_take(struct group *g, int node)
{
    g->forced = g->node[node].fit != GROUP_YES ? node : GROUP_NOBODY;
    g->forced_failed = failed_probes(g, node);
}

bool forced_stays(const struct group *g)
{
    return g->holder != GROUP_NOBODY && g->forced == g->holder &&
           g->node[g->holder].serving == GROUP_YES &&
           (failed_probes(g, g->holder) & ~g->forced_failed) == 0;
}

/* It is over when it is fit, or when another one holds the baton. */
void forced_review(struct group *g)
{
    if (g->forced != GROUP_NOBODY && g->plan[0].kind == GROUP_PLAN_NONE &&
        (g->holder != g->forced || g->node[g->forced].fit == GROUP_YES)) {
        g->forced = GROUP_NOBODY;
    }
}
