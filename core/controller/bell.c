/* Hooks of notices: one after another, in the order in which things happened. What they
 * say is logged and changes nothing; only `before-move` is asked (act.c). */
#include "base/memory.h"
#include "parts.h"

#include <stdio.h>
#include <string.h>

static void ring_next(struct controller *c);

static void rung(void *arg, uint64_t request, const struct world_result *result)
{
    struct controller *c = arg;
    struct bell *bell = &c->bell;
    const struct bell_ring *ring = bell->ring;

    (void)request;
    if (result->outcome != WORLD_OK) {
        controller_log(
            c, WORLD_WARNING, ring->node, "hook", "%s hooks: %s", group_notice_name(ring->notice),
            result->detail);
    }
    bell->count--;
    memmove(bell->ring, bell->ring + 1, (size_t)bell->count * sizeof bell->ring[0]);
    bell->request = 0;
    ring_next(c);
}

int bell_facts(
    struct controller *c, const struct bell_ring *ring, const char *event, struct world_pair *fact,
    char *epoch, size_t epoch_size)
{
    int n = 0;

    snprintf(epoch, epoch_size, "%lld", (long long)ring->epoch);
    fact[n++] = (struct world_pair){"EVENT", event};
    fact[n++] = (struct world_pair){"GROUP", c->group->name};
    fact[n++] = (struct world_pair){
        "NODE", ring->node == GROUP_NOBODY ? "" : group_node_name(c->group, ring->node)};
    fact[n++] = (struct world_pair){
        "HOLDER", ring->holder == GROUP_NOBODY ? "" : group_node_name(c->group, ring->holder)};
    fact[n++] = (struct world_pair){"EPOCH", epoch};
    fact[n++] = (struct world_pair){"FROM", ring->moved ? fsm_state_name(ring->from) : ""};
    fact[n++] = (struct world_pair){"TO", ring->moved ? fsm_state_name(ring->to) : ""};
    fact[n++] = (struct world_pair){"PLAN", ring->plan};
    fact[n++] = (struct world_pair){"WHY", ring->text};
    return n;
}

static void ring_next(struct controller *c)
{
    struct bell *bell = &c->bell;
    struct world_request request = {.kind = WORLD_HOOK, .timeout_ms = CONTROLLER_HOOK_MS};
    struct world_pair fact[BELL_FACTS];
    const struct bell_ring *ring = bell->ring;
    char epoch[24];

    if (bell->count == 0 || bell->request != 0) {
        return;
    }
    request.group = c->group->name;
    request.u.hook.event = group_notice_name(ring->notice);
    request.u.hook.wall_ms = ring->wall_ms;
    request.u.hook.fact = fact;
    request.u.hook.n_facts = bell_facts(c, ring, request.u.hook.event, fact, epoch, sizeof epoch);
    bell->request = world_start(c->world, &request, rung, c);
}

static bool make_room(struct bell *bell)
{
    int size = bell->size == 0 ? 4 : bell->size * 2;
    struct bell_ring *more;

    if (bell->count < bell->size) {
        return true;
    }
    if (size > CONTROLLER_HOOKS_MAX) {
        return false;
    }
    more = memory_resize(bell->ring, (size_t)size * sizeof bell->ring[0]);
    if (more == NULL) {
        return false;
    }
    bell->ring = more;
    bell->size = size;
    return true;
}

void bell_add(struct controller *c, const struct bell_ring *ring)
{
    struct bell *bell = &c->bell;

    if (!make_room(bell)) {
        bell->dropped++;
        controller_log(
            c, WORLD_WARNING, ring->node, "hook",
            "%d notices wait for their hooks already; no hook for %s: %s", bell->count,
            group_notice_name(ring->notice), ring->text);
        return;
    }
    bell->ring[bell->count++] = *ring;
    ring_next(c);
}

void bell_stop(struct controller *c)
{
    if (c->bell.request != 0) {
        world_cancel(c->world, c->bell.request);
    }
    memory_free(c->bell.ring);
}
