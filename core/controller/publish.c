/* What this node's Baton says of it, published for the others: at once where they act on it, and
 * that it was looked at afresh with each renewal. */
#include "parts.h"

#include <stdio.h>
#include <string.h>

static void describe_probe(
    struct group_member_probe *probe, const char *name, const struct group_health *health)
{
    snprintf(probe->name, sizeof probe->name, "%s", name);
    probe->status = health->status;
    probe->last = health->last;
    probe->resting = health->resting;
    probe->run = health->run;
    probe->latency_us = health->latency_us;
    probe->value = health->value;
    snprintf(probe->detail, sizeof probe->detail, "%s", health->detail);
}

static void describe(const struct controller *c, struct group_member *member)
{
    const struct group *g = c->group;
    const struct group_node *n = &g->node[c->keeper->self];
    int i;

    memset(member, 0, sizeof *member);
    member->node = c->keeper->self;
    member->state = n->state;
    member->serving = n->serving;
    member->fit = n->fit;
    snprintf(member->state_why, sizeof member->state_why, "%s", n->state_why);
    snprintf(member->fit_why, sizeof member->fit_why, "%s", n->fit_why);
    snprintf(member->serving_why, sizeof member->serving_why, "%s", n->serving_why);
    member->rests = n->start_fails > 0 && world_now_ms(c->world) < n->start_rest_ms;
    member->hold = (int)g->hold;
    member->policy = policy_digest(c->policy);
    member->n_probes = g->rules.n_probes;
    for (i = 0; i < g->rules.n_probes; i++) {
        describe_probe(&member->probe[i], g->rules.probe[i].name, &n->health[i]);
    }
}

/* Do the others act on the difference? */
static bool matters(const struct group_member *now, const struct group_member *then)
{
    int i;

    if (now->state != then->state || now->serving != then->serving || now->fit != then->fit ||
        now->rests != then->rests || now->hold != then->hold || now->policy != then->policy ||
        now->n_probes != then->n_probes) {
        return true;
    }
    for (i = 0; i < now->n_probes; i++) {
        if (now->probe[i].status != then->probe[i].status ||
            now->probe[i].resting != then->probe[i].resting ||
            strcmp(now->probe[i].name, then->probe[i].name) != 0) {
            return true;
        }
    }
    return false;
}

static void answered(void *arg, uint64_t request, const struct world_result *result)
{
    struct controller *c = arg;
    struct keeper_publication *p = &c->keeper->publication;

    (void)request;
    p->request = 0;
    if (result->outcome != WORLD_OK) {
        p->made = false;
        p->next_ms = world_now_ms(c->world) + c->keeper->times.renew_ms;
    }
    publish_review(c);
}

static void waited(void *arg, uint64_t request, const struct world_result *result)
{
    struct controller *c = arg;

    (void)request;
    (void)result;
    c->keeper->publication.timer = 0;
    publish_review(c);
}

static void publish(struct controller *c, const struct group_member *member)
{
    struct keeper_publication *p = &c->keeper->publication;
    struct world_request request = keeper_request(c, WORLD_LEASE, c->keeper->times.renew_ms);

    keeper_drop(c, &p->timer);
    memcpy(&p->last, member, sizeof p->last);
    p->made = true;
    p->made_ms = world_now_ms(c->world);
    p->next_ms = 0;
    request.u.lease.op = WORLD_LEASE_PUBLISH;
    request.u.lease.member = &p->last;
    p->request = world_start(c->world, &request, answered, c);
}

void publish_review(struct controller *c)
{
    struct keeper *k = c->keeper;
    struct keeper_publication *p = &k->publication;
    struct group_member now;
    int64_t at_ms = p->next_ms;

    if (!k->lease.ours || p->request != 0) {
        return;
    }
    describe(c, &now);
    if (p->made) {
        if (memcmp(&now, &p->last, sizeof now) == 0) {
            return;
        }
        at_ms = p->made_ms + (matters(&now, &p->last) ? KEEPER_SOON_MS : k->times.renew_ms);
    }
    if (at_ms <= world_now_ms(c->world)) {
        publish(c, &now);
        return;
    }
    if (p->timer == 0 || p->timer_ms != at_ms) {
        keeper_drop(c, &p->timer);
        p->timer = keeper_sleep(c, at_ms, waited);
        p->timer_ms = at_ms;
    }
}

/* What was published was bound to a lease that is gone. */
void publish_afresh(struct controller *c)
{
    c->keeper->publication.made = false;
    c->keeper->publication.next_ms = 0;
}

void publish_stop(struct controller *c)
{
    keeper_drop(c, &c->keeper->publication.request);
    keeper_drop(c, &c->keeper->publication.timer);
}
