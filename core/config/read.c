/* From the document to struct config. Reads on after an error, so that all are found. */
#include "config/read.h"

#include "config/value.h"
#include "config/xml.h"
#include "world/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMORY_MIN       (256 << 10)
#define MEMORY_MAX       ((int64_t)1 << 30)
#define INSTRUCTIONS_MIN 1000
#define INSTRUCTIONS_MAX 1000000000
#define GROUPS_MAX       64
#define SECRETS_MAX      64
#define PARAMS_MAX       64
#define VALUE_MAX        4096

struct reader {
    const char *file;
    struct config *config;
    struct report *report;
};

/* ---- One attribute ---- */

static void wrong(
    const struct reader *r, const xmlNode *node, const char *name, const char *value,
    const char *wants)
{
    report_add(
        r->report, BATON_INVALID, r->file, xml_line(node), "<%s>: %s=\"%.200s\" must be %s",
        node->name, name, value, wants);
}

/* The value, owned by the caller; NULL where it isn't there (the schema tells) or bad. */
static char *take(const struct reader *r, const xmlNode *node, const char *name)
{
    char *value = xml_attribute(node, name);
    size_t i;

    if (value == NULL) {
        return NULL;
    }
    for (i = 0; value[i] != '\0' && (unsigned char)value[i] >= ' '; i++) {
    }
    if (i == 0 || value[i] != '\0' || i > VALUE_MAX) {
        report_add(
            r->report, BATON_INVALID, r->file, xml_line(node), "<%s>: %s %s", node->name, name,
            i == 0             ? "is empty: say what, or leave it out"
            : value[i] != '\0' ? "has a line break or a control character: remove it"
                               : "is longer than 4096 characters: shorten it");
        free(value);
        return NULL;
    }
    return value;
}

typedef bool rule_fn(const char *text, const char **wants);

static char *take_by(const struct reader *r, const xmlNode *node, const char *name, rule_fn *rule)
{
    char *value = take(r, node, name);
    const char *wants = "";

    if (value != NULL && !rule(value, &wants)) {
        wrong(r, node, name, value, wants);
        free(value);
        return NULL;
    }
    return value;
}

static char *take_path(const struct reader *r, const xmlNode *node, const char *name)
{
    char *value = take(r, node, name), *path = NULL;

    if (value != NULL) {
        path = files_resolve(r->file, value);
        free(value);
    }
    return path;
}

/* Replace a default, where the file says something. */
static void replace(char **field, char *value)
{
    if (value != NULL) {
        free(*field);
        *field = value;
    }
}

static void take_duration(
    const struct reader *r, const xmlNode *node, const char *name, int64_t *ms)
{
    char *value = take(r, node, name);
    const char *wants;
    int64_t read_ms;

    if (value != NULL && value_duration(value, &read_ms, &wants)) {
        *ms = read_ms;
    } else if (value != NULL) {
        wrong(r, node, name, value, wants);
    }
    free(value);
}

/* `fallback` where it isn't there, or bad. */
static int64_t take_number(
    const struct reader *r, const xmlNode *node, const char *name, int64_t min, int64_t max,
    int64_t fallback)
{
    char *value = take(r, node, name), wants[80];
    int64_t number = fallback;

    if (value != NULL && !value_number(value, min, max, &number)) {
        snprintf(wants, sizeof wants, "a number from %lld to %lld", (long long)min, (long long)max);
        wrong(r, node, name, value, wants);
        number = fallback;
    }
    free(value);
    return number;
}

static size_t take_memory(const struct reader *r, const xmlNode *node)
{
    char *value = take(r, node, "memory");
    const char *wants;
    int64_t bytes = 0;

    if (value != NULL && !value_size(value, &bytes, &wants)) {
        wrong(r, node, "memory", value, wants);
        bytes = 0;
    } else if (value != NULL && (bytes < MEMORY_MIN || bytes > MEMORY_MAX)) {
        wrong(r, node, "memory", value, "from 256K to 1G");
        bytes = 0;
    }
    free(value);
    return (size_t)bytes;
}

/* Index of the word, -1 where it isn't there; an unknown one is the schema's to tell. */
static int take_word(const xmlNode *node, const char *name, const char *const *words, int count)
{
    char *value = xml_attribute(node, name);
    int i, found = -1;

    for (i = 0; value != NULL && i < count; i++) {
        found = strcmp(value, words[i]) == 0 ? i : found;
    }
    free(value);
    return found;
}

static const xmlNode *next_element(const xmlNode *node)
{
    while (node != NULL && node->type != XML_ELEMENT_NODE) {
        node = node->next;
    }
    return node;
}

static bool is_called(const xmlNode *node, const char *name)
{
    return strcmp((const char *)node->name, name) == 0;
}

/* Room for one more in an array; NULL, reported, where there is none. */
static void *one_more(
    const struct reader *r, const xmlNode *node, void *array, int count, int max, size_t size)
{
    char *more = NULL;

    if (count == max) {
        report_add(
            r->report, BATON_LIMIT, r->file, xml_line(node), "more than %d <%s>: remove some", max,
            node->name);
        return NULL;
    }
    more = realloc(array, (size_t)(count + 1) * size);
    if (more == NULL) {
        report_add(r->report, BATON_NOMEM, r->file, xml_line(node), "no memory");
        return NULL;
    }
    memset(more + (size_t)count * size, 0, size);
    return more;
}

/* ---- A node ---- */

static char *take_file(
    const struct reader *r, const xmlNode *node, const char *name, enum files_rule rule)
{
    char *path = take_path(r, node, name), what[80];

    if (path != NULL) {
        snprintf(what, sizeof what, "<%s>: %s", node->name, name);
        files_check(rule, what, path, r->file, xml_line(node), r->report);
    }
    return path;
}

static void read_ssh(const struct reader *r, const xmlNode *node, struct config_node *to)
{
    to->transport = CONFIG_SSH;
    replace(&to->ssh.user, take_by(r, node, "user", value_user));
    to->ssh.port = (int)take_number(r, node, "port", 1, 65535, 0);
    replace(&to->ssh.identity, take_file(r, node, "identity", FILES_SECRET));
    replace(&to->ssh.known_hosts, take_file(r, node, "known-hosts", FILES_TRUSTED));
    replace(&to->ssh.config, take_file(r, node, "config", FILES_TRUSTED));
    replace(&to->ssh.host, take_by(r, node, "host", value_host));
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
    for (child = next_element(node->children); child != NULL; child = next_element(child->next)) {
        if (is_called(child, "ssh")) {
            read_ssh(r, child, to);
            transports++;
        } else if (is_called(child, "local")) {
            transports++;
        }
    }
    if (transports != 1) {
        report_add(
            r->report, BATON_INVALID, r->file, to->line,
            "<node> \"%s\" needs one way to reach it, <ssh/> or <local/>, and has %s",
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
            one_more(r, node, group->param, group->n_params, PARAMS_MAX, sizeof group->param[0]);
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
    char *file = take(r, node, "file");
    const xmlNode *child;

    if (file != NULL) {
        replace(&group->policy_file, files_policy(r->file, file, xml_line(node), r->report));
        free(file);
    }
    group->memory_max = take_memory(r, node);
    group->instructions_max =
        (int)take_number(r, node, "instructions", INSTRUCTIONS_MIN, INSTRUCTIONS_MAX, 0);
    for (child = next_element(node->children); child != NULL; child = next_element(child->next)) {
        if (is_called(child, "set")) {
            read_set(r, child, group);
        }
    }
}

static void read_share(const struct reader *r, const xmlNode *node, struct config_group *group)
{
    char *path = take(r, node, "path");

    if (path != NULL && path[0] != '/' && strncmp(path, "\\\\", 2) != 0) {
        wrong(
            r, node, "path", path,
            "an absolute path on the nodes, like /srv/mail or \\\\NAS\\mail");
    }
    replace(&group->share, path);
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

static void read_group_child(
    const struct reader *r, const xmlNode *node, struct config_group *group)
{
    if (is_called(node, "address")) {
        replace(&group->floating, take_by(r, node, "ip", value_prefixed));
        replace(&group->interface, take_by(r, node, "interface", value_interface));
    } else if (is_called(node, "share")) {
        read_share(r, node, group);
    } else if (is_called(node, "gateway")) {
        replace(&group->gateway, take_by(r, node, "address", value_address));
    } else if (is_called(node, "witness")) {
        read_witness(r, node, group);
    } else if (is_called(node, "policy")) {
        read_policy(r, node, group);
    } else if (is_called(node, "node")) {
        read_node(r, node, group);
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
        *more =
            one_more(r, node, config->group, config->n_groups, GROUPS_MAX, sizeof config->group[0]);
    const xmlNode *child;

    if (more == NULL) {
        return;
    }
    config->group = more;
    group = &config->group[config->n_groups++];
    group->line = xml_line(node);
    group->enabled = true;
    group->name = take_by(r, node, "name", value_name);
    for (child = next_element(node->children); child != NULL; child = next_element(child->next)) {
        read_group_child(r, child, group);
    }
    for (child = next_element(node->children); child != NULL; child = next_element(child->next)) {
        if (is_called(child, "smartermail")) {
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
        *more = one_more(
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

    if (is_called(node, "state")) {
        replace(&config->state_directory, take_path(r, node, "directory"));
        take_duration(r, node, "keep", &config->keep_ms);
    } else if (is_called(node, "control")) {
        replace(&config->control_socket, take_path(r, node, "socket"));
    } else if (is_called(node, "log")) {
        read_log(node, config);
    } else if (is_called(node, "lua")) {
        replace(&config->lua_directory, take_file(r, node, "directory", FILES_FOLDER));
    } else if (is_called(node, "hooks")) {
        replace(&config->hooks_directory, take_file(r, node, "directory", FILES_FOLDER));
        replace(&config->hooks_user, take_by(r, node, "user", value_user));
        take_duration(r, node, "deadline", &config->hooks_deadline_ms);
    } else if (is_called(node, "secret")) {
        read_secret(r, node);
    } else if (is_called(node, "group")) {
        read_group(r, node);
    }
}

void read_config(const xmlDoc *doc, const char *file, struct config *config, struct report *report)
{
    const struct reader r = {file, config, report};
    const xmlNode *root = xmlDocGetRootElement((xmlDoc *)(uintptr_t)doc), *node;
    int i;

    for (node = next_element(root->children); node != NULL; node = next_element(node->next)) {
        read_child(&r, node);
    }
    config->secret_name = calloc((size_t)config->n_secrets + 1, sizeof config->secret_name[0]);
    for (i = 0; config->secret_name != NULL && i < config->n_secrets; i++) {
        config->secret_name[i] = config->secret[i].name;
    }
}
