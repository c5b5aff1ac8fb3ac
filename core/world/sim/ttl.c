/* The leases of the store: how they run out, and what of them is left when the store was lost or
 * rolled back. */
#include "base/memory.h"
#include "parts.h"

#include <assert.h>
#include <string.h>

/* ---- Leases ---------------------------------------------------------------------------------- */

struct store_lease *ttl_find(struct sim_store *store, int64_t id)
{
    int i;

    for (i = 0; id != 0 && i < store->n_leases; i++) {
        if (store->lease[i].id == id) {
            return &store->lease[i];
        }
    }
    return NULL;
}

void ttl_stop_timer(struct sim *sim, uint64_t *timer)
{
    struct event *event = queue_find(sim, *timer);

    if (*timer != 0 && event != NULL) {
        queue_free(sim, event);
    }
    *timer = 0;
}

/* Its whole time from now on. */
void ttl_keep_alive(struct sim *sim, struct store_lease *lease)
{
    struct event *event = queue_find(sim, lease->timer);

    lease->until_ms = sim->now_ms + lease->ttl_ms;
    if (sim->store->lost) {
        return;
    }
    if (lease->timer == 0) {
        event = queue_new(sim);
        assert(event != NULL);
        event->kind = EVENT_EXPIRE;
        event->phase = PHASE_ANSWERS;
        lease->timer = event->number;
    }
    event->value = lease->id;
    event->node = (int8_t)lease->node;
    event->deadline_ms = lease->until_ms;
    queue_take(sim, event);
    queue_put(sim, event, lease->until_ms);
}

struct store_lease *ttl_new(struct sim *sim, int node, int64_t ttl_ms)
{
    struct sim_store *store = sim->store;
    struct store_lease *lease = NULL;
    int i;

    for (i = 0; i < store->n_leases && lease == NULL; i++) {
        lease = store->lease[i].id == 0 ? &store->lease[i] : NULL;
    }
    if (lease == NULL) {
        lease = memory_resize(store->lease, (size_t)(store->n_leases + 1) * sizeof *lease);
        assert(lease != NULL);
        store->lease = lease;
        lease += store->n_leases++;
    }
    memset(lease, 0, sizeof *lease);
    lease->id = ++store->leases_made;
    lease->node = node;
    lease->ttl_ms = ttl_ms;
    ttl_keep_alive(sim, lease);
    return lease;
}

/* What is bound to it goes with it. */
static void end_lease(struct sim *sim, struct store_lease *lease)
{
    struct sim_store *store = sim->store;
    int64_t id = lease->id;
    bool any = store->now.holder_lease == id;
    int i;

    ttl_stop_timer(sim, &lease->timer);
    lease->id = 0;
    for (i = 0; i < SIM_NODES_MAX; i++) {
        any = any || store->member_lease[i] == id;
    }
    if (any) {
        keys_changed(sim);
    }
    for (i = 0; i < SIM_NODES_MAX; i++) {
        if (store->member_lease[i] == id) {
            keys_drop_member(store, i);
        }
    }
    if (store->now.holder_lease == id) {
        keys_free_baton(sim);
    }
}

void ttl_expire(struct sim *sim, struct event *event)
{
    struct store_lease *lease = ttl_find(sim->store, event->value);

    assert(lease != NULL);
    assert(lease->timer == event->number);
    end_lease(sim, lease);
    hear_spread(sim);
}

/* ---- Lost, restored, rolled back ---------------------------------------------------------------
 */

/* All leases that there were, each with its whole time, as where a copy is put back. */
static void roll_back(struct sim *sim)
{
    struct sim_store *store = sim->store;
    int i, j;

    keys_changed(sim);
    store->now = store->before;
    for (i = 0; i < store->n_leases; i++) {
        bool was = false;

        for (j = 0; j < store->n_before; j++) {
            was = was || store->lease_before[j].id == store->lease[i].id;
        }
        if (store->lease[i].id != 0 && !was) {
            ttl_stop_timer(sim, &store->lease[i].timer);
            store->lease[i].id = 0;
        }
    }
    for (j = 0; j < store->n_before; j++) {
        int64_t id = store->lease_before[j].id;
        struct store_lease *lease = ttl_find(store, id);

        if (id != 0 && lease == NULL) {
            lease = ttl_new(sim, store->lease_before[j].node, store->lease_before[j].ttl_ms);
            lease->id = id;
            ttl_keep_alive(sim, lease);
        } else if (lease != NULL) {
            ttl_keep_alive(sim, lease);
        }
    }
    for (i = 0; i < SIM_NODES_MAX; i++) {
        if (store->member[i] != NULL && ttl_find(store, store->member_lease[i]) == NULL) {
            keys_drop_member(store, i);
        }
    }
    keys_tell_baton(sim);
}

void ttl_strike(struct sim *sim, enum sim_fault_kind kind)
{
    struct sim_store *store = sim->store;
    bool was_lost = store->lost;
    int i;

    store->lost = kind == SIM_LOSE_STORE || (was_lost && kind == SIM_ROLL_BACK_STORE);
    if (kind == SIM_ROLL_BACK_STORE) {
        roll_back(sim);
    }
    for (i = 0; i < store->n_leases && kind != SIM_ROLL_BACK_STORE; i++) {
        struct store_lease *lease = &store->lease[i];
        int64_t until_ms = lease->until_ms;

        if (lease->id == 0 || store->lost == was_lost) {
            continue;
        }
        if (store->lost) {
            ttl_stop_timer(sim, &lease->timer);
            continue;
        }
        ttl_keep_alive(sim, lease);
        if (kind == SIM_RESTORE_STORE_LATE) {
            lease->until_ms = until_ms > sim->now_ms ? until_ms : sim->now_ms;
            queue_take(sim, queue_find(sim, lease->timer));
            queue_put(sim, queue_find(sim, lease->timer), lease->until_ms);
        }
    }
    hear_spread(sim);
}
