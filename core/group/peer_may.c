/* Among peers: whose Baton decides, and what stands against a move that is this one's to make. */
#include "parts.h"

/* Where another node's Baton decides. BATON_OK where it is this one's business. */
enum baton_err peer_decides(const struct group *g, int node, struct baton_error *error)
{
    const struct group_peers *p = g->peers;

    if (!p->told) {
        return baton_fail(
            error, BATON_REFUSED, "the lease store has said nothing yet: who holds is not known");
    }
    if (p->holder == GROUP_STRANGER) {
        return baton_fail(
            error, BATON_REFUSED,
            "the baton is held by a node that is not in this configuration: its own Baton decides");
    }
    if (p->holder >= 0 && p->holder != p->self) {
        return baton_fail(
            error, BATON_REFUSED, "%s holds the baton: its own Baton decides",
            g->node[p->holder].name);
    }
    if (p->holder == p->self && g->holder != p->self) {
        return baton_fail(
            error, BATON_REFUSED, "the store names %s as holder, and it is not taken up yet",
            g->node[p->self].name);
    }
    if (p->holder == GROUP_NOBODY && g->holder == GROUP_NOBODY && node != p->self && node >= 0) {
        return baton_fail(
            error, BATON_REFUSED, "nobody holds the baton: %s can only be started by its own Baton",
            group_node_name(g, node));
    }
    return BATON_OK;
}

static enum baton_err may_pass(const struct group *g, int node, struct baton_error *error)
{
    const struct group_peers *p = g->peers;
    const char *name = g->node[node].name;
    int hold = p->hold[node];

    if (!p->mine || g->now_ms >= p->lease_ms) {
        return baton_fail(
            error, BATON_REFUSED, "the lease store is out of reach: nothing can be passed on");
    }
    if (!p->alive[node]) {
        return baton_fail(
            error, BATON_REFUSED, "the Baton of %s is not heard of: nobody would start it there",
            name);
    }
    if (hold == GROUP_HOLD_FROZEN || hold == GROUP_HOLD_POLICY || hold == GROUP_HOLD_JOURNAL ||
        hold == GROUP_HOLD_EPOCH) {
        return baton_fail(
            error, BATON_REFUSED, "the Baton of %s is on hold (%s)", name,
            group_hold_name((enum group_hold)hold));
    }
    return BATON_OK;
}

/* Can this node's Baton do it now, apart from whether it should? */
enum baton_err peer_can_move(const struct group *g, int node, struct baton_error *error)
{
    const struct group_peers *p = g->peers;

    if (node != p->self) {
        return may_pass(g, node, error);
    }
    if (g->now_ms >= p->lease_ms) {
        return baton_fail(
            error, BATON_REFUSED, "the lease of %s in the store is not proven: it takes nothing",
            g->node[node].name);
    }
    if (peer_free_ms(g) > g->now_ms) {
        return baton_fail(
            error, BATON_REFUSED,
            "%s leaves the baton to whoever holds it, or may hold it, for %lld s more",
            g->node[node].name, (long long)((peer_free_ms(g) - g->now_ms + 999) / 1000));
    }
    if (g->now_ms < p->retry_ms) {
        return baton_fail(
            error, BATON_REFUSED, "the store has refused it a moment ago, or did not answer");
    }
    return BATON_OK;
}

/* As the policy wishes: in its turn. */
enum baton_err peer_may(const struct group *g, int node, struct baton_error *error)
{
    const struct group_peers *p = g->peers;
    enum baton_err err = peer_can_move(g, node, error);

    if (err == BATON_OK && node != p->self && p->rests[node]) {
        err = baton_fail(
            error, BATON_REFUSED, "%s rests: a start there failed a moment ago",
            g->node[node].name);
    } else if (err == BATON_OK && node == p->self && peer_turn_ms(g) > g->now_ms) {
        err = baton_fail(
            error, BATON_REFUSED, "better nodes go first: it is the turn of %s in %lld ms",
            g->node[node].name, (long long)(peer_turn_ms(g) - g->now_ms));
    }
    return err;
}
