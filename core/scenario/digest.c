/* A hash of all that decides how a run goes on. Times are taken relative to now, epochs and
 * numbers are left out: what happened before is in it only as far as it still matters. */
#include "parts.h"

#define AGE_STEP_MS 100
#define AGE_MAX_MS  60000 /* what is older is old; a guard that waits longer has its timer */

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 29;
}

static uint64_t mix_age(uint64_t hash, int64_t now_ms, int64_t then_ms)
{
    int64_t age_ms = now_ms - then_ms;

    age_ms = age_ms < 0 ? 0 : age_ms > AGE_MAX_MS ? AGE_MAX_MS : age_ms;
    return mix(hash, (uint64_t)(age_ms / AGE_STEP_MS));
}

/* How long until then, 0 where it is over. */
static uint64_t mix_left(uint64_t hash, int64_t now_ms, int64_t until_ms)
{
    return mix(hash, until_ms > now_ms ? (uint64_t)(until_ms - now_ms) : 0);
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

static uint64_t mix_health(uint64_t hash, const struct group *g, int node, int64_t now_ms)
{
    int i;

    for (i = 0; i < g->rules.n_probes; i++) {
        const struct group_health *h = &g->node[node].health[i];
        const struct group_probe_rules *rules = &g->rules.probe[i];
        int enough = rules->rise > rules->fall ? rules->rise : rules->fall;

        hash = mix(hash, (uint64_t)h->status << 4 | (uint64_t)h->last << 2 | h->resting);
        hash = mix(hash, (uint64_t)least(h->run, enough) << 1 | (h->seen_ms > 0));
        hash = mix_age(hash, now_ms, h->since_ms);
    }
    return hash;
}

static uint64_t mix_node(uint64_t hash, const struct group *g, int node, int64_t now_ms)
{
    const struct group_node *n = &g->node[node];
    int i;

    hash = mix(hash, (uint64_t)n->state << 8 | (uint64_t)n->verdict << 4 | (uint64_t)n->fit);
    hash = mix_age(hash, now_ms, n->state_since_ms);
    hash = mix_age(hash, now_ms, n->fit_since_ms);
    hash = mix(hash, (uint64_t)n->serving << 8 | (n->serving_seen_ms > 0));
    hash = mix(hash, (uint64_t)least(n->serving_run, g->rules.look_fall));
    hash =
        mix(hash, (uint64_t)n->out | (uint64_t)n->may_serve << 1 | (uint64_t)n->rogue_told << 2 |
                      (uint64_t)n->restore_owed << 3 | (uint64_t)n->restore_tries << 4);
    if (n->serving == GROUP_NO && node == g->holder) {
        hash = mix_age(hash, now_ms, n->serving_since_ms);
    }
    hash = mix_left(hash, now_ms, n->retry_after_ms);
    hash = mix(hash, (uint64_t)n->start_fails);
    hash = mix_left(hash, now_ms, n->start_rest_ms);
    hash = mix_age(hash, now_ms, n->role_ms);
    for (i = 0; i < g->rules.n_remedies; i++) {
        hash = mix(hash, (uint64_t)n->remedy_tries[i]);
        if (n->remedy_tries[i] > 0) {
            hash = mix_age(hash, now_ms, n->remedy_first_ms[i]);
        }
    }
    return mix_health(hash, g, node, now_ms);
}

static uint64_t mix_plan(uint64_t hash, const struct group_plan *plan)
{
    int i;

    hash = mix(hash, (uint64_t)plan->kind);
    if (plan->kind == GROUP_PLAN_NONE) {
        return hash;
    }
    hash = mix(hash, (uint64_t)(plan->from + 1) << 8 | (uint64_t)(plan->taker + 1));
    hash =
        mix(hash, (uint64_t)plan->granted | (uint64_t)plan->undoing << 1 |
                      (uint64_t)plan->by_operator << 2 | (uint64_t)plan->step << 3 |
                      (uint64_t)plan->n_steps << 32);
    for (i = 0; i < plan->n_steps; i++) {
        const struct group_step_state *step = &plan->steps[i];

        hash =
            mix(hash, (uint64_t)step->kind | (uint64_t)step->status << 4 |
                          (uint64_t)(step->node + 1) << 8 | (uint64_t)step->action << 16 |
                          (uint64_t)step->attempt << 32 | (uint64_t)step->unasked << 60);
    }
    return hash;
}

static uint64_t mix_group(uint64_t hash, const struct group *g, int64_t now_ms)
{
    int i;

    hash = mix(hash, (uint64_t)g->phase << 8 | (uint64_t)(g->holder + 1));
    hash = mix(hash, (uint64_t)g->paused << 8 | (uint64_t)g->hold);
    hash = mix(hash, (uint64_t)(g->hold_node + 1) << 8 | (uint64_t)g->hold_serving);
    hash = mix(hash, (uint64_t)(g->seq - g->recorded_seq));
    hash = mix(hash, (uint64_t)(g->forced + 1) << 32 | g->forced_failed);
    hash = mix_left(hash, now_ms, g->rest_until_ms);
    if (g->phase == GROUP_SETTLING) {
        hash = mix_age(hash, now_ms, g->born_ms);
        hash = mix(hash, (uint64_t)(g->memory.holder + 1) << 1 | g->memory.open);
    }
    for (i = 0; i < g->n_moves; i++) {
        hash = mix_left(hash, now_ms, g->move_ms[i] + g->rules.window_ms);
    }
    for (i = 0; i < g->n_nodes; i++) {
        hash = mix_node(hash, g, i, now_ms);
    }
    for (i = 0; i < GROUP_PLANS; i++) {
        hash = mix_plan(hash, &g->plan[i]);
    }
    return hash;
}

/* Times are of the node's own clock. */
static uint64_t mix_peers(uint64_t hash, const struct group *g, int64_t now_ms)
{
    const struct group_peers *p = g->peers;
    int i;

    hash = mix(hash, (uint64_t)p->told << 8 | (uint64_t)(p->holder + 2) << 1 | p->mine);
    hash = mix(hash, (uint64_t)p->failsafe);
    hash = mix_left(hash, now_ms, p->stop_at_ms);
    hash = mix_left(hash, now_ms, p->promised_ms);
    if (p->holder == GROUP_NOBODY) {
        hash = mix_age(hash, now_ms, p->free_since_ms);
    }
    for (i = 0; i < g->n_nodes; i++) {
        hash = mix(hash, (uint64_t)p->alive[i] << 1 | p->rests[i]);
    }
    return hash;
}

/* What a daemon that starts now would know. */
static uint64_t mix_recall(uint64_t hash, const struct group_recall *recall)
{
    int i;

    hash = mix(hash, (uint64_t)(recall->holder + 1) << 8 | recall->paused);
    for (i = 0; i < recall->n_open; i++) {
        hash =
            mix(hash, (uint64_t)recall->open[i].kind << 16 |
                          (uint64_t)(recall->open[i].taker + 1) << 8 | recall->open[i].granted);
    }
    return hash;
}

static uint64_t mix_seat(uint64_t hash, const struct run *run, int index)
{
    const struct run_seat *seat = &run->seat[index];
    int64_t now_ms = world_now_ms(sim_door(run->sim, seat->place));

    hash = mix(hash, (uint64_t)(seat->controller != NULL) << 1 | seat->home_down);
    hash = mix_recall(hash, &seat->recall);
    if (seat->controller != NULL) {
        const struct group *g = controller_group(seat->controller);

        hash = mix_group(hash, g, now_ms);
        hash = g->peers != NULL ? mix_peers(hash, g, now_ms) : hash;
    }
    return hash;
}

uint64_t run_digest(const struct run *run)
{
    uint64_t hash = sim_digest(run->sim);
    int i;

    for (i = 0; i < run->n_seats; i++) {
        hash = mix_seat(hash, run, i);
    }
    hash = mix(hash, (uint64_t)run->next_at);
    for (i = 0; i < run->n_pending; i++) {
        hash = mix(hash, (uint64_t)run->pending[i].event);
        hash = mix_left(hash, run->sim->now_ms, run->pending[i].at_ms);
    }
    return hash;
}
