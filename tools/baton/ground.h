/* The groups of a configuration with their policies and a live world, for commands that look at
 * the nodes themselves, without a daemon: `baton preflight` and `baton cluster`.
 *
 * Nothing is written to the state directory: what a transport keeps for itself goes to a folder of
 * this run alone, which goes with it.
 */
#ifndef BATON_TOOLS_GROUND_H
#define BATON_TOOLS_GROUND_H

#include "baton.h"

#include "config/config.h"
#include "policy/policy.h"
#include "world/world.h"

struct event;
struct event_base;

#define GROUND_CONFIG "/etc/baton/baton.xml"

struct ground_group {
    const struct config_group *config;
    struct policy_site site;
    struct policy *policy;
    struct group *state; /* the policy wants one to look at: nothing is known in it */
    int self;            /* among peers: the one node that can be entered; else GROUP_NOBODY */
};

struct ground {
    struct config *config;
    char *state; /* the configured state directory */
    char folder[64];
    struct event_base *base;
    struct event *signals[2], *tick;
    struct world *world;
    bool stopped; /* by a signal */
    int n_groups;
    struct ground_group *group;
};

/* `name` NULL: all groups that are enabled, and among peers ours. `ground` is for ground_close also
 * where it fails. */
enum baton_err ground_open(
    struct ground *ground, const char *file, const char *name, struct baton_error *error);
void ground_close(struct ground *ground);

/* Wait for something to happen; not for ever, so that progress can be drawn. */
void ground_turn(struct ground *ground);

#endif
