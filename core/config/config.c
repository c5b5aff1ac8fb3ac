#include "config/config.h"

#include "config/peers.h"
#include "config/read.h"
#include "config/schema.h"
#include "config/winrm.h"
#include "config/xml.h"
#include "world/world.h"

#include <libxml/parser.h>
#include <stdlib.h>
#include <string.h>

static struct config *with_defaults(const char *file)
{
    struct config *config = calloc(1, sizeof *config);

    if (config == NULL) {
        return NULL;
    }
    config->file = strdup(file);
    config->state_directory = strdup("/var/lib/baton");
    config->control_socket = strdup("/run/baton/control.sock");
    config->lua_directory = strdup(BATON_DATA_DIR "/lua");
    config->hooks_directory = strdup("/etc/baton/hooks");
    config->hooks_deadline_ms = 10000;
    config->log_level = WORLD_INFO;
    config->keep_ms = 7 * INT64_C(86400000);
    if (config->file == NULL || config->state_directory == NULL || config->control_socket == NULL ||
        config->lua_directory == NULL || config->hooks_directory == NULL) {
        config_free(config);
        return NULL;
    }
    return config;
}

/* It lies where the journal does, if nobody says another place. */
static void place_guardian(struct config *config)
{
    struct config_peers *peers = config->peers;

    if (peers != NULL && peers->guardian_socket == NULL &&
        asprintf(&peers->guardian_socket, "%s/guardian.sock", config->state_directory) < 0) {
        peers->guardian_socket = NULL;
    }
}

static enum baton_err load(
    const char *file, bool here, const char *self, struct config **out, struct baton_error *error)
{
    struct report report = {0};
    struct config *config = with_defaults(file);
    xmlDoc *doc = NULL;
    enum baton_err err;

    *out = NULL;
    if (config == NULL) {
        return baton_fail(error, BATON_NOMEM, "%s: no memory", file);
    }
    doc = xml_read(file, &report);
    if (doc != NULL) {
        /* Who can write it decides what runs as root on every node. */
        files_check(FILES_READABLE, "this file", file, file, 0, &report);
        schema_explain(doc, file, &report);
        read_config(doc, file, config, &report);
        place_guardian(config);
        peers_settle(config, here, self, &report);
        check_config(config, &report);
        schema_validate(doc, file, &report);
    }
    xmlFreeDoc(doc);
    err = report_end(&report, error);
    report_fini(&report);
    if (err != BATON_OK) {
        config_free(config);
        return err;
    }
    *out = config;
    return BATON_OK;
}

enum baton_err config_load(const char *file, struct config **out, struct baton_error *error)
{
    return load(file, false, NULL, out, error);
}

enum baton_err config_load_as(
    const char *file, const char *self, struct config **out, struct baton_error *error)
{
    return load(file, true, self, out, error);
}

static void node_fini(struct config_node *node)
{
    free(node->name);
    free(node->address);
    free(node->ssh.user);
    free(node->ssh.identity);
    free(node->ssh.known_hosts);
    free(node->ssh.config);
    free(node->ssh.host);
    winrm_fini(node);
}

static void group_fini(struct config_group *group)
{
    int i;

    for (i = 0; i < group->n_nodes; i++) {
        node_fini(&group->node[i]);
    }
    for (i = 0; i < group->n_witnesses; i++) {
        free(group->witness[i]);
    }
    for (i = 0; i < group->n_params; i++) {
        free((char *)(uintptr_t)group->param[i].name);
        free((char *)(uintptr_t)group->param[i].value);
    }
    free(group->param);
    free(group->name);
    free(group->floating);
    free(group->interface);
    free(group->share);
    free(group->marks);
    free(group->gateway);
    free(group->policy_file);
    guardian_free(group);
}

void config_free(struct config *config)
{
    int i;

    if (config == NULL) {
        return;
    }
    for (i = 0; i < config->n_groups; i++) {
        group_fini(&config->group[i]);
    }
    for (i = 0; i < config->n_secrets; i++) {
        free(config->secret[i].name);
        free(config->secret[i].file);
    }
    peers_free(config->peers);
    free(config->group);
    free(config->secret);
    free(config->secret_name);
    free(config->file);
    free(config->state_directory);
    free(config->control_socket);
    free(config->lua_directory);
    free(config->hooks_directory);
    free(config->hooks_user);
    free(config);
}

bool config_is_ours(const struct config *config, const struct config_group *group)
{
    return group->enabled && (config->peers == NULL || group->self != GROUP_NOBODY);
}

void config_site(
    const struct config *config, const struct config_group *group, struct policy_site *site)
{
    static const char *const transport[] = {
        [CONFIG_LOCAL] = "local",
        [CONFIG_SSH] = "ssh",
        [CONFIG_PEER] = "peer",
        [CONFIG_WINRM] = "winrm"};
    int i;

    memset(site, 0, sizeof *site);
    site->group = group->name;
    if (config->peers != NULL && group->n_nodes > 0) {
        site->self = group->node[group->self != GROUP_NOBODY ? group->self : 0].name;
    }
    site->floating = group->floating;
    site->interface = group->interface;
    site->share = group->share;
    site->gateway = group->gateway;
    site->n_witnesses = group->n_witnesses;
    for (i = 0; i < group->n_witnesses; i++) {
        site->witness[i] = group->witness[i];
    }
    site->n_nodes = group->n_nodes;
    for (i = 0; i < group->n_nodes; i++) {
        const struct config_node *node = &group->node[i];

        site->node[i].name = node->name;
        site->node[i].address = node->address;
        site->node[i].priority = node->priority;
        site->node[i].transport = transport[node->transport];
    }
    site->n_params = group->n_params;
    site->param = group->param;
    site->n_secrets = config->n_secrets;
    site->secret = config->secret_name;
}
