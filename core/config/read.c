/* From the document to struct config. Reads on after an error, so that all are found. */
#include "config/read.h"

#include "config/peers.h"
#include "config/take.h"
#include "config/value.h"
#include "config/winrm.h"
#include "config/xml.h"
#include "world/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INSTRUCTIONS_MIN 1000
#define INSTRUCTIONS_MAX 1000000000
#define GROUPS_MAX       64
#define SECRETS_MAX      64
#define PARAMS_MAX       64

/* ---- A node ---- */

static void read_ssh(const struct reader *r, const xmlNode *node, struct config_node *to)
{
    to->transport = CONFIG_SSH;
    take_replace(&to->ssh.user, take_by(r, node, "user", value_user));
    to->ssh.port = (int)take_number(r, node, "port", 1, 65535, 0);
    take_replace(&to->ssh.identity, take_file(r, node, "identity", FILES_SECRET));
    take_replace(&to->ssh.known_hosts, take_file(r, node, "known-hosts", FILES_TRUSTED));
    take_replace(&to->ssh.config, take_file(r, node, "config", FILES_TRUSTED));
    take_replace(&to->ssh.host, take_by(r, node, "host", value_host));
}

static void read_node(const struct reader *r, const xmlNode *node, struct config_group *group)
{
    struct config_node *to;
    const xmlNode *child;
    int transports = 0;

    if (group->n_nodes == GROUP_NODES_MAX) {
        report_add(
            r->report, BATON_LIMIT, r->file, xml_line(node), "more than %d <node>: remove some",
            GROUP_NODES_MAX);
        return;
    }
    to = &group->node[group->n_nodes++];
    to->line = xml_line(node);
    to->name = take_by(r, node, "name", value_name);
    to->address = take_by(r, node, "address", value_address);
    to->priority = (int)take_number(r, node, "priority", 1, 1000, 0);
    for (child = take_next(node->children); child != NULL; child = take_next(child->next)) {
        if (take_is(child, "ssh")) {
            read_ssh(r, child, to);
            transports++;
        } else if (take_is(child, "winrm")) {
            winrm_read(r, child, to);
            transports++;
        } else if (take_is(child, "local")) {
            transports++;
        }
    }
    if (r->peers) {
        to->transport = CONFIG_PEER;
    }
    if (r->peers && transports > 0) {
        report_add(
            r->report, BATON_INVALID, r->file, to->line,
            "<node> \"%s\": with <peers> its own Baton acts there, and no other: remove <ssh/>, "
            "<winrm/> and <local/>",
            to->name != NULL ? to->name : "?");
    } else if (!r->peers && transports != 1) {
        report_add(
            r->report, BATON_INVALID, r->file, to->line,
            "<node> \"%s\" needs one way to reach it, <ssh/>, <winrm/> or <local/>, and has %s",
            to->name != NULL ? to->name : "?", transports == 0 ? "none" : "more than one");
    }
}

/* ---- A group ---- */

static void read_witness(const struct reader *r, const xmlNode *node, struct config_group *group)
{
    char *address = take_by(r, node, "address", value_address), *witness = NULL;
    int port = (int)take_number(r, node, "port", 1, 65535, 0);

    if (group->n_witnesses == POLICY_WITNESSES_MAX) {
        report_add(
            r->report, BATON_LIMIT, r->file, xml_line(node), "more than %d <witness>: remove some",
            POLICY_WITNESSES_MAX);
    } else if (address != NULL && port != 0) {
        witness = malloc(strlen(address) + 16);
        if (witness != NULL) {
            snprintf(
                witness, strlen(address) + 16, strchr(address, ':') != NULL ? "[%s]:%d" : "%s:%d",
                address, port);
            group->witness[group->n_witnesses++] = witness;
        }
    }
    free(address);
}

static void read_set(const struct reader *r, const xmlNode *node, struct config_group *group)
{
    struct world_pair *pair,
        *more =
            take_room(r, node, group->param, group->n_params, PARAMS_MAX, sizeof group->param[0]);
    char *value;
    int i;

    if (more == NULL) {
        return;
    }
    group->param = more;
    pair = &group->param[group->n_params++];
    pair->name = take_by(r, node, "name", value_word);
    value = xml_attribute(node, "value"); /* an empty one means something to a policy */
    pair->value = value;
    for (i = 0; i < group->n_params - 1; i++) {
        if (pair->name != NULL && group->param[i].name != NULL &&
            strcmp(group->param[i].name, pair->name) == 0) {
            report_add(
                r->report, BATON_INVALID, r->file, xml_line(node),
                "<set>: \"%s\" is set twice: keep one", pair->name);
        }
    }
}

static void read_policy(const struct reader *r, const xmlNode *node, struct config_group *group)
{
    char *file = take_text(r, node, "file");
    const xmlNode *child;

    if (file != NULL) {
        take_replace(&group->policy_file, files_policy(r->file, file, xml_line(node), r->report));
        free(file);
    }
    group->memory_max = take_memory(r, node);
    group->instructions_max =
        (int)take_number(r, node, "instructions", INSTRUCTIONS_MIN, INSTRUCTIONS_MAX, 0);
    for (child = take_next(node->children); child != NULL; child = take_next(child->next)) {
        if (take_is(child, "set")) {
            read_set(r, child, group);
        }
    }
}

static void read_share(const struct reader *r, const xmlNode *node, struct config_group *group)
{
    char *path = take_text(r, node, "path");

    if (path != NULL && path[0] != '/' && strncmp(path, "\\\\", 2) != 0) {
        take_wrong(
            r, node, "path", path,
            "an absolute path on the nodes, like /srv/mail or \\\\NAS\\mail");
    }
    take_replace(&group->share, path);
}

/* What the group says itself comes first; where both say something else, nobody knows
 * which is meant. */
static void read_smartermail(
    const struct reader *r, const xmlNode *node, struct config_group *group)
{
    char *file = take_path(r, node, "failover-config");
    struct config_failover failover;
    const char *ip;

    if (file == NULL || !failover_read(file, &failover, r->report)) {
        free(file);
        return;
    }
    ip = failover.failover_ip_address;
    group->enabled = failover.is_enabled;
    if (ip != NULL && group->floating == NULL) {
        char whole[64];

        snprintf(whole, sizeof whole, "%s/%d", ip, strchr(ip, ':') != NULL ? 128 : 32);
        group->floating = strdup(whole);
    } else if (ip != NULL && !value_same_address(ip, group->floating)) {
        report_add(
            r->report, BATON_INVALID, r->file, xml_line(node),
            "group \"%s\": <address> says %s, but FailoverIPAddress in %s says %s: make them equal",
            group->name != NULL ? group->name : "?", group->floating, file, ip);
    }
    if (group->share == NULL && failover.shared_system_files_path != NULL) {
        group->share = strdup(failover.shared_system_files_path);
    }
    failover_fini(&failover);
    free(file);
}

static void read_marks(const struct reader *r, const xmlNode *node, struct config_group *group)
{
    char *directory = take_flag(node, "keep", true) ? take_text(r, node, "directory") : strdup("");

    if (directory != NULL && directory[0] != 0 && directory[0] != '/' &&
        strncmp(directory + 1, ":\\", 2) != 0) {
        take_wrong(
            r, node, "directory", directory,
            "an absolute path on the nodes, like /var/lib/marks or C:\\Baton\\marks");
    }
    take_replace(&group->marks, directory);
}

static void read_group_child(
    const struct reader *r, const xmlNode *node, struct config_group *group)
{
    if (take_is(node, "address")) {
        take_replace(&group->floating, take_by(r, node, "ip", value_prefixed));
        take_replace(&group->interface, take_by(r, node, "interface", value_interface));
    } else if (take_is(node, "share")) {
        read_share(r, node, group);
    } else if (take_is(node, "marks")) {
        read_marks(r, node, group);
    } else if (take_is(node, "readiness")) {
        take_duration(r, node, "every", &group->ready_every_ms);
        group->ready_every_ms = take_flag(node, "enabled", true) ? group->ready_every_ms : 0;
    } else if (take_is(node, "gateway")) {
        take_replace(&group->gateway, take_by(r, node, "address", value_address));
    } else if (take_is(node, "witness")) {
        read_witness(r, node, group);
    } else if (take_is(node, "policy")) {
        read_policy(r, node, group);
    } else if (take_is(node, "node")) {
        read_node(r, node, group);
    } else if (take_is(node, "guardian")) {
        guardian_read(r, node, group);
    }
}

static int by_priority(const void *a, const void *b)
{
    const struct config_node *x = a, *y = b;

    return x->priority != y->priority ? x->priority - y->priority : x->line - y->line;
}

static void read_group(const struct reader *r, const xmlNode *node)
{
    struct config *config = r->config;
    struct config_group *group,
        *more = take_room(
            r, node, config->group, config->n_groups, GROUPS_MAX, sizeof config->group[0]);
    const xmlNode *child;

    if (more == NULL) {
        return;
    }
    config->group = more;
    group = &config->group[config->n_groups++];
    group->line = xml_line(node);
    group->enabled = true;
    group->ready_every_ms = CONFIG_READY_MS;
    group->name = take_by(r, node, "name", value_name);
    for (child = take_next(node->children); child != NULL; child = take_next(child->next)) {
        read_group_child(r, child, group);
    }
    for (child = take_next(node->children); child != NULL; child = take_next(child->next)) {
        if (take_is(child, "smartermail")) {
            read_smartermail(r, child, group);
        }
    }
    qsort(group->node, (size_t)group->n_nodes, sizeof group->node[0], by_priority);
}

/* ---- The whole ---- */

static void read_secret(const struct reader *r, const xmlNode *node)
{
    struct config *config = r->config;
    struct config_secret *secret,
        *more = take_room(
            r, node, config->secret, config->n_secrets, SECRETS_MAX, sizeof config->secret[0]);
    int i;

    if (more == NULL) {
        return;
    }
    config->secret = more;
    secret = &config->secret[config->n_secrets++];
    secret->name = take_by(r, node, "name", value_name);
    secret->file = take_file(r, node, "file", FILES_SECRET);
    for (i = 0; i < config->n_secrets - 1; i++) {
        if (secret->name != NULL && config->secret[i].name != NULL &&
            strcmp(config->secret[i].name, secret->name) == 0) {
            report_add(
                r->report, BATON_INVALID, r->file, xml_line(node),
                "<secret>: two are named \"%s\": rename one", secret->name);
        }
    }
}

static void read_log(const xmlNode *node, struct config *config)
{
    static const char *const to[] = {"stderr", "syslog", "journald"};
    static const char *const levels[] = {"debug", "info", "warning", "alert"};
    int word = take_word(node, "to", to, 3);

    config->log_to = word >= 0 ? (enum config_log_to)word : config->log_to;
    word = take_word(node, "level", levels, 4);
    config->log_level = word >= 0 ? word : config->log_level;
}

static void read_child(const struct reader *r, const xmlNode *node)
{
    struct config *config = r->config;

    if (take_is(node, "state")) {
        take_replace(&config->state_directory, take_path(r, node, "directory"));
        take_duration(r, node, "keep", &config->keep_ms);
    } else if (take_is(node, "control")) {
        take_replace(&config->control_socket, take_path(r, node, "socket"));
    } else if (take_is(node, "log")) {
        read_log(node, config);
    } else if (take_is(node, "lua")) {
        take_replace(&config->lua_directory, take_file(r, node, "directory", FILES_FOLDER));
    } else if (take_is(node, "hooks")) {
        take_replace(&config->hooks_directory, take_file(r, node, "directory", FILES_FOLDER));
        take_replace(&config->hooks_user, take_by(r, node, "user", value_user));
        take_duration(r, node, "deadline", &config->hooks_deadline_ms);
    } else if (take_is(node, "secret")) {
        read_secret(r, node);
    } else if (take_is(node, "peers")) {
        peers_read(r, node);
    } else if (take_is(node, "group")) {
        read_group(r, node);
    }
}

static bool has_peers(const xmlNode *root)
{
    const xmlNode *node = take_next(root->children);

    while (node != NULL && !take_is(node, "peers")) {
        node = take_next(node->next);
    }
    return node != NULL;
}

void read_config(const xmlDoc *doc, const char *file, struct config *config, struct report *report)
{
    const xmlNode *root = xmlDocGetRootElement((xmlDoc *)(uintptr_t)doc), *node;
    const struct reader r = {file, config, report, has_peers(root)};
    int i;

    for (node = take_next(root->children); node != NULL; node = take_next(node->next)) {
        read_child(&r, node);
    }
    config->secret_name = calloc((size_t)config->n_secrets + 1, sizeof config->secret_name[0]);
    for (i = 0; config->secret_name != NULL && i < config->n_secrets; i++) {
        config->secret_name[i] = config->secret[i].name;
    }
}
