/* What one element alone can't say. */
#include "config/read.h"

#include "config/peers.h"
#include "config/value.h"
#include "config/winrm.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

static bool equal(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

static bool same_address(const char *a, const char *b)
{
    return a != NULL && b != NULL && value_same_address(a, b);
}

static void check_pair(
    const struct config *config, const struct config_group *group, const struct config_node *a,
    const struct config_node *b, struct report *report)
{
    int line = a->line > b->line ? a->line : b->line;

    if (equal(a->name, b->name)) {
        report_add(
            report, BATON_INVALID, config->file, line,
            "group \"%s\": two nodes are named \"%s\": rename one", group->name, a->name);
    }
    if (a->priority != 0 && a->priority == b->priority) {
        report_add(
            report, BATON_INVALID, config->file, line,
            "group \"%s\": two nodes have priority %d: which one is preferred? Give each its own",
            group->name, a->priority);
    }
    if (same_address(a->address, b->address)) {
        report_add(
            report, BATON_INVALID, config->file, line,
            "group \"%s\": two nodes have the address %s: correct one", group->name, a->address);
    }
}

static void check_group(
    const struct config *config, const struct config_group *group, struct report *report)
{
    int i, j, locals = 0;

    /* An ip that was refused is missing here too: that has been said. */
    if (group->interface != NULL && group->floating == NULL && report->count == 0) {
        report_add(
            report, BATON_INVALID, config->file, group->line,
            "group \"%s\": <address> has an interface but no ip: add it",
            group->name != NULL ? group->name : "?");
    }
    for (i = 0; i < group->n_nodes; i++) {
        const struct config_node *node = &group->node[i];

        for (j = 0; j < i; j++) {
            check_pair(config, group, &group->node[j], node, report);
        }
        if (same_address(node->address, group->floating)) {
            report_add(
                report, BATON_INVALID, config->file, node->line,
                "node \"%s\" has the floating address %s as its own: a node needs an address that "
                "stays with it",
                node->name != NULL ? node->name : "?", node->address);
        }
        locals += node->transport == CONFIG_LOCAL;
        if (node->transport == CONFIG_LOCAL && locals == 2) {
            report_add(
                report, BATON_INVALID, config->file, node->line,
                "group \"%s\": two nodes are <local/>: this machine can be only one of them",
                group->name != NULL ? group->name : "?");
        }
    }
}

/* A server that is in two groups is one server: its name leads to one address, one way. */
static void check_same_node(
    const struct config *config, const struct config_group *a, const struct config_group *b,
    struct report *report)
{
    int i, j;

    for (i = 0; i < a->n_nodes; i++) {
        for (j = 0; j < b->n_nodes; j++) {
            const struct config_node *one = &a->node[i], *two = &b->node[j];

            if (equal(one->name, two->name) && one->address != NULL && two->address != NULL &&
                (!same_address(one->address, two->address) || one->transport != two->transport)) {
                report_add(
                    report, BATON_INVALID, config->file, two->line,
                    "node \"%s\" is another server in group \"%s\" (line %d): one name, one "
                    "address and one way to reach it",
                    two->name, a->name != NULL ? a->name : "?", one->line);
            }
        }
    }
}

static void check_groups(const struct config *config, struct report *report)
{
    int i, j;

    for (i = 0; i < config->n_groups; i++) {
        const struct config_group *group = &config->group[i];

        check_group(config, group, report);
        for (j = 0; j < i; j++) {
            if (equal(config->group[j].name, group->name)) {
                report_add(
                    report, BATON_INVALID, config->file, group->line,
                    "two groups are named \"%s\": rename one", group->name);
            }
            if (same_address(config->group[j].floating, group->floating)) {
                report_add(
                    report, BATON_INVALID, config->file, group->line,
                    "two groups have the floating address %s: each needs its own", group->floating);
            }
            check_same_node(config, &config->group[j], group, report);
        }
    }
}

static bool user_exists(const char *name)
{
    struct passwd entry, *found = NULL;
    char buffer[4096];

    return getpwnam_r(name, &entry, buffer, sizeof buffer, &found) != 0 || found != NULL;
}

void check_config(const struct config *config, struct report *report)
{
    size_t socket_max = sizeof((struct sockaddr_un *)NULL)->sun_path - 1;

    if (strlen(config->control_socket) > socket_max) {
        report_add(
            report, BATON_INVALID, config->file, 0,
            "<control>: socket %s is longer than %zu characters, which is all that a UNIX socket "
            "can have: choose a shorter path",
            config->control_socket, socket_max);
    }
    if (config->hooks_user != NULL && !user_exists(config->hooks_user)) {
        report_add(
            report, BATON_INVALID, config->file, 0,
            "<hooks>: there is no user \"%s\": make it, or name another", config->hooks_user);
    }
    check_groups(config, report);
    winrm_check(config, report);
    peers_check(config, report);
}
