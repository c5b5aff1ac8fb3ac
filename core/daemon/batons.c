/* A Baton on every node: what that is to the daemon. */
#include "daemon/parts.h"

#include <string.h>

static bool same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same_store(const struct config_peers *a, const struct config_peers *b)
{
    int i;

    for (i = 0; i < a->n_endpoints && i < b->n_endpoints; i++) {
        if (!same(a->endpoint[i], b->endpoint[i])) {
            return false;
        }
    }
    return a->n_endpoints == b->n_endpoints && same(a->prefix, b->prefix) &&
           same(a->ca_file, b->ca_file) && same(a->certificate_file, b->certificate_file) &&
           same(a->key_file, b->key_file) && same(a->user, b->user) &&
           same(a->password_secret, b->password_secret);
}

static bool same_times(const struct lease_times *a, const struct lease_times *b)
{
    return a->ttl_ms == b->ttl_ms && a->renew_ms == b->renew_ms && a->stop_ms == b->stop_ms &&
           a->guardian_ms == b->guardian_ms && a->watchdog_ms == b->watchdog_ms &&
           a->margin_ms == b->margin_ms;
}

bool batons_same(const struct config_peers *a, const struct config_peers *b)
{
    if (a == NULL || b == NULL) {
        return a == b;
    }
    return same(a->self, b->self) && same_store(a, b) && same_times(&a->times, &b->times) &&
           a->guardian == b->guardian && same(a->guardian_socket, b->guardian_socket) &&
           same(a->watchdog, b->watchdog) && a->failsafe == b->failsafe &&
           a->failsafe_port == b->failsafe_port && same(a->failsafe_ca, b->failsafe_ca) &&
           same(a->failsafe_certificate, b->failsafe_certificate) &&
           same(a->failsafe_key, b->failsafe_key);
}

enum baton_err batons_check(const struct daemon *daemon, struct baton_error *error)
{
    const struct config *config = daemon->config->config;

    if (config->peers != NULL && daemon->setup.shadow) {
        return baton_fail(
            error, BATON_INVALID,
            "%s:%d: with <peers> there is no shadow, because it takes no baton: run the shadow of "
            "a "
            "configuration without <peers>, which reaches the nodes by <ssh>",
            config->file, config->peers->line);
    }
    return BATON_OK;
}

void batons_tell(struct daemon *daemon)
{
    const struct config_peers *peers = daemon->config->config->peers;

    if (peers == NULL) {
        return;
    }
    daemon_log(
        daemon, WORLD_INFO, NULL, "this is %s, one of several Batons; the baton is in etcd at %s%s",
        peers->self, peers->endpoint[0], peers->n_endpoints > 1 ? " and others" : "");
    if (!peers->guardian) {
        daemon_log(
            daemon, WORLD_WARNING, NULL,
            "there is no guardian: if batond ends or hangs, what it serves runs on without a "
            "baton, "
            "and a second node will serve it too");
    }
}

void batons_setup(
    const struct config *config, const struct config_group *group, struct controller_setup *setup)
{
    setup->marks = config->peers == NULL && (group->marks == NULL || group->marks[0] != 0);
    setup->peers = config->peers != NULL;
    if (setup->peers) {
        setup->self = group->self;
        setup->times = config->peers->times;
        setup->failsafe = config->peers->failsafe;
        setup->guardian = config->peers->guardian;
    }
}

void batons_tell_end(struct daemon *daemon)
{
    int64_t now_ms = world_now_ms(daemon->world);
    int i;

    for (i = 0; i < daemon->n_groups; i++) {
        const struct group *group = controller_group(daemon->controller[i]);
        int64_t left_ms = group->peers != NULL ? group->peers->stop_at_ms - now_ms : 0;

        if (group->peers != NULL && group->holder == group->peers->self && left_ms > 0) {
            daemon_log(
                daemon, WORLD_WARNING, group->name,
                "nobody renews its lease from now on: it is stopped here by the guardian unless "
                "batond is back within %.1f s. Next time: `baton failover %s --wait` first",
                (double)left_ms / 1000, group->name);
        }
    }
}
