/* A Baton on every node: the store, the lease, the guardian, and which node this one is. */
#include "config/peers.h"

#include "config/value.h"
#include "config/xml.h"
#include "lease/guardian/protocol.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#define ENDPOINTS_MAX 16

/* ---- The store -------------------------------------------------------------------------- */

static void read_endpoint(const struct reader *r, const xmlNode *node)
{
    struct config_peers *peers = r->config->peers;
    char *url = take_by(r, node, "url", value_endpoint), **more;
    int i;

    for (i = 0; url != NULL && i < peers->n_endpoints; i++) {
        if (strcmp(url, peers->endpoint[i]) == 0) {
            report_add(
                r->report, BATON_INVALID, r->file, xml_line(node),
                "<endpoint>: %s is there twice: keep one", url);
        }
    }
    more = url == NULL ? NULL
                       : take_room(
                             r, node, peers->endpoint, peers->n_endpoints, ENDPOINTS_MAX,
                             sizeof peers->endpoint[0]);
    if (more == NULL) {
        free(url);
        return;
    }
    peers->endpoint = more;
    peers->endpoint[peers->n_endpoints++] = url;
}

static bool is_plain(const char *url)
{
    return strncmp(url, "http://", 7) == 0;
}

/* Who can change what the store says decides who serves. */
static void check_plain(const struct reader *r, const xmlNode *node)
{
    const struct config_peers *peers = r->config->peers;
    bool allowed = take_flag(node, "allow-plain", false);
    int i;

    for (i = 0; i < peers->n_endpoints; i++) {
        const char *url = peers->endpoint[i];

        if (is_plain(url) && peers->password_secret != NULL) {
            report_add(
                r->report, BATON_INVALID, r->file, xml_line(node),
                "<etcd>: the password would go to %s for all to read: use https", url);
        } else if (is_plain(url) && !value_is_loopback(url) && !allowed) {
            report_add(
                r->report, BATON_INVALID, r->file, xml_line(node),
                "<etcd>: on the way to %s anybody can read and change who holds the baton: use "
                "https, or say allow-plain=\"yes\" where nobody else is on that network",
                url);
        }
    }
}

/* A file without its other half. */
static void check_pair(
    const struct reader *r, const xmlNode *node, const char *one, const char *other,
    const char *name_one, const char *name_other)
{
    if ((one == NULL) != (other == NULL)) {
        report_add(
            r->report, BATON_INVALID, r->file, xml_line(node),
            "<%s> has a %s but no %s: name both, or none", node->name,
            one != NULL ? name_one : name_other, one != NULL ? name_other : name_one);
    }
}

static void read_etcd(const struct reader *r, const xmlNode *node)
{
    struct config_peers *peers = r->config->peers;
    const xmlNode *child;

    peers->etcd_line = xml_line(node);
    take_replace(&peers->prefix, take_by(r, node, "prefix", value_prefix));
    take_replace(&peers->ca_file, take_file(r, node, "ca", FILES_TRUSTED));
    take_replace(&peers->certificate_file, take_file(r, node, "certificate", FILES_TRUSTED));
    take_replace(&peers->key_file, take_file(r, node, "key", FILES_SECRET));
    take_replace(&peers->user, take_by(r, node, "user", value_user));
    take_replace(&peers->password_secret, take_by(r, node, "password", value_name));
    for (child = take_next(node->children); child != NULL; child = take_next(child->next)) {
        if (take_is(child, "endpoint")) {
            read_endpoint(r, child);
        }
    }
    check_pair(r, node, peers->certificate_file, peers->key_file, "certificate", "key");
    check_pair(r, node, peers->user, peers->password_secret, "user", "password");
    check_plain(r, node);
}

/* ---- Times, guardian, failsafe ---------------------------------------------------------- */

static void read_lease(const struct reader *r, const xmlNode *node)
{
    struct lease_times *times = &r->config->peers->times;

    take_duration(r, node, "ttl", &times->ttl_ms);
    take_duration(r, node, "renew", &times->renew_ms);
    take_duration(r, node, "stop", &times->stop_ms);
    take_duration(r, node, "guardian", &times->guardian_ms);
    take_duration(r, node, "margin", &times->margin_ms);
}

static void read_own_guardian(const struct reader *r, const xmlNode *node)
{
    struct config_peers *peers = r->config->peers;

    peers->guardian = take_flag(node, "enabled", true);
    take_replace(&peers->guardian_socket, take_path(r, node, "socket"));
    take_replace(&peers->watchdog, take_path(r, node, "watchdog"));
    take_duration(r, node, "watchdog-timeout", &peers->times.watchdog_ms);
    if (peers->watchdog != NULL &&
        xmlHasProp((xmlNode *)(uintptr_t)node, (const xmlChar *)"watchdog-timeout") == NULL) {
        report_add(
            r->report, BATON_INVALID, r->file, xml_line(node),
            "<guardian>: after how long does %s reset the machine? Add watchdog-timeout, like "
            "\"5s\"; the ttl of the lease has to hold it",
            peers->watchdog);
    } else if (peers->watchdog == NULL && peers->times.watchdog_ms > 0) {
        report_add(
            r->report, BATON_INVALID, r->file, xml_line(node),
            "<guardian> has a watchdog-timeout but no watchdog: name its device, like "
            "/dev/watchdog");
    } else if (peers->times.watchdog_ms % 1000 != 0) {
        report_add(
            r->report, BATON_INVALID, r->file, xml_line(node),
            "<guardian>: a watchdog counts whole seconds: watchdog-timeout can't be %lld ms",
            (long long)peers->times.watchdog_ms);
    }
    if (!peers->guardian && peers->watchdog != NULL) {
        report_add(
            r->report, BATON_INVALID, r->file, xml_line(node),
            "<guardian>: it is what feeds the watchdog: enable it, or remove the watchdog");
    }
}

static void read_failsafe(const struct reader *r, const xmlNode *node)
{
    struct config_peers *peers = r->config->peers;

    peers->failsafe = true;
    peers->failsafe_port = (int)take_number(r, node, "port", 1, 65535, peers->failsafe_port);
    peers->failsafe_ca = take_file(r, node, "ca", FILES_TRUSTED);
    peers->failsafe_certificate = take_file(r, node, "certificate", FILES_TRUSTED);
    peers->failsafe_key = take_file(r, node, "key", FILES_SECRET);
}

void peers_read(const struct reader *r, const xmlNode *node)
{
    struct config_peers *peers = calloc(1, sizeof *peers);
    const xmlNode *child, *lease = NULL;
    struct baton_error error;

    if (peers == NULL || r->config->peers != NULL) { /* twice: the schema tells */
        free(peers);
        return;
    }
    r->config->peers = peers;
    peers->line = xml_line(node);
    peers->self = take_by(r, node, "self", value_name);
    peers->prefix = strdup("/baton");
    peers->times = lease_times_default();
    peers->guardian = true;
    peers->failsafe_port = 7400;
    for (child = take_next(node->children); child != NULL; child = take_next(child->next)) {
        if (take_is(child, "etcd")) {
            read_etcd(r, child);
        } else if (take_is(child, "lease")) {
            lease = child;
            read_lease(r, child);
        } else if (take_is(child, "guardian")) {
            read_own_guardian(r, child);
        } else if (take_is(child, "failsafe")) {
            read_failsafe(r, child);
        }
    }
    if (lease_check_times(&peers->times, &error) != BATON_OK) {
        report_add(
            r->report, BATON_INVALID, r->file, xml_line(lease != NULL ? lease : node),
            "<lease>: %s", error.text);
    }
}

/* ---- Together --------------------------------------------------------------------------- */

static void check_secret(const struct config *config, struct report *report)
{
    const struct config_peers *peers = config->peers;
    int i;

    for (i = 0; peers->password_secret != NULL && i < config->n_secrets; i++) {
        if (config->secret[i].name != NULL &&
            strcmp(config->secret[i].name, peers->password_secret) == 0) {
            return;
        }
    }
    if (peers->password_secret != NULL) {
        report_add(
            report, BATON_INVALID, config->file, peers->etcd_line,
            "<etcd>: there is no <secret name=\"%s\">: add it, it names the file with the password",
            peers->password_secret);
    }
}

static void check_stops(const struct config *config, struct report *report)
{
    int i, j;

    if (config->n_groups > GUARDIAN_GROUPS_MAX) {
        report_add(
            report, BATON_LIMIT, config->file, config->peers->line,
            "a guardian has at most %d groups, and here are %d: remove some", GUARDIAN_GROUPS_MAX,
            config->n_groups);
    }
    for (i = 0; i < config->n_groups; i++) {
        const struct config_group *group = &config->group[i];
        int64_t sum_ms = 0;

        if (group->n_guardian == 0 && (group->floating == NULL || group->interface == NULL)) {
            report_add(
                report, BATON_INVALID, config->file, group->line,
                "group \"%s\": how does the guardian stop it? Add <guardian><stop "
                "command=\"systemctl stop …\"/></guardian>, or an <address> with its interface, "
                "which it takes away",
                group->name != NULL ? group->name : "?");
        }
        for (j = 0; j < group->n_guardian; j++) {
            sum_ms += group->guardian[j].deadline_ms;
        }
        if (sum_ms > config->peers->times.guardian_ms) {
            report_add(
                report, BATON_INVALID, config->file, group->line,
                "group \"%s\": the deadlines of its <stop>s make %g s, more than the %g s that the "
                "<lease> leaves the guardian: make them shorter, or that longer",
                group->name != NULL ? group->name : "?", (double)sum_ms / 1000,
                (double)config->peers->times.guardian_ms / 1000);
        }
    }
}

void peers_check(const struct config *config, struct report *report)
{
    size_t socket_max = sizeof((struct sockaddr_un *)NULL)->sun_path - 1;
    const struct config_peers *peers = config->peers;

    if (peers == NULL) {
        return;
    }
    if (peers->guardian_socket != NULL && strlen(peers->guardian_socket) > socket_max) {
        report_add(
            report, BATON_INVALID, config->file, peers->line,
            "<guardian>: socket %s is longer than %zu characters, which is all that a UNIX socket "
            "can have: name a shorter path with socket=",
            peers->guardian_socket, socket_max);
    }
    check_secret(config, report);
    if (peers->guardian) {
        check_stops(config, report);
    }
}

/* ---- Which node is this one? ------------------------------------------------------------ */

static int find(const struct config_group *group, const char *name)
{
    int i;

    for (i = 0; i < group->n_nodes; i++) {
        if (group->node[i].name != NULL && strcmp(group->node[i].name, name) == 0) {
            return i;
        }
    }
    return GROUP_NOBODY;
}

static bool is_known(const struct config *config, const char *name)
{
    int i;

    for (i = 0; i < config->n_groups; i++) {
        if (find(&config->group[i], name) != GROUP_NOBODY) {
            return true;
        }
    }
    return false;
}

/* The machine's name, or its first label where only that is a node's. */
static char *host_name(const struct config *config)
{
    char name[256] = "";
    size_t len;

    if (gethostname(name, sizeof name - 1) != 0 || name[0] == '\0') {
        return NULL;
    }
    len = strcspn(name, ".");
    if (!is_known(config, name) && name[len] == '.') {
        name[len] = '\0';
    }
    return strdup(name);
}

static const char *list_nodes(const struct config *config, char *text, size_t size)
{
    size_t used = 0;
    int i, j;

    text[0] = '\0';
    for (i = 0; i < config->n_groups; i++) {
        for (j = 0; j < config->group[i].n_nodes && used < size; j++) {
            const char *name = config->group[i].node[j].name;
            const struct config one_less = {.n_groups = i, .group = config->group};

            if (name != NULL && !is_known(&one_less, name)) {
                used +=
                    (size_t)snprintf(text + used, size - used, "%s%s", used > 0 ? ", " : "", name);
            }
        }
    }
    return text;
}

void peers_settle(struct config *config, bool here, const char *self, struct report *report)
{
    struct config_peers *peers = config->peers;
    const char *from = self != NULL ? "--node" : "self=";
    char text[512];
    int i;

    for (i = 0; i < config->n_groups; i++) {
        config->group[i].self = GROUP_NOBODY;
    }
    if (peers == NULL && self != NULL) {
        report_add(
            report, BATON_INVALID, config->file, 0,
            "there is no <peers>, so no node is this one: leave out --node %s", self);
    }
    if (peers == NULL) {
        return;
    }
    if (!here || self != NULL) {
        free(peers->self);
        peers->self = self != NULL ? strdup(self) : NULL;
    }
    if (!here) {
        return;
    }
    if (peers->self == NULL) {
        from = "the name of this machine,";
        peers->self = host_name(config);
    }
    if (peers->self == NULL || !is_known(config, peers->self)) {
        report_add(
            report, BATON_INVALID, config->file, peers->line,
            "<peers>: which node is this one? %s %s is none of them (%s): say self=\"NODE\" here, "
            "or "
            "batond --node NODE",
            from, peers->self != NULL ? peers->self : "?", list_nodes(config, text, sizeof text));
        return;
    }
    for (i = 0; i < config->n_groups; i++) {
        struct config_group *group = &config->group[i];

        group->self = find(group, peers->self);
        if (group->self != GROUP_NOBODY) {
            group->node[group->self].transport = CONFIG_LOCAL;
        }
    }
}

void peers_free(struct config_peers *peers)
{
    int i;

    if (peers == NULL) {
        return;
    }
    for (i = 0; i < peers->n_endpoints; i++) {
        free(peers->endpoint[i]);
    }
    free(peers->endpoint);
    free(peers->self);
    free(peers->prefix);
    free(peers->ca_file);
    free(peers->certificate_file);
    free(peers->key_file);
    free(peers->user);
    free(peers->password_secret);
    free(peers->guardian_socket);
    free(peers->watchdog);
    free(peers->failsafe_ca);
    free(peers->failsafe_certificate);
    free(peers->failsafe_key);
    free(peers);
}
