/* The store's servers, and what every transfer to one of them has. */
#include "world/live/store_parts.h"

#include "world/live/resolve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Life ---------------------------------------------------------------------------------- */

static bool part(CURLU *url, CURLUPart what, unsigned flags, char *out, size_t size)
{
    char *text = NULL;
    bool fits = false;

    if (curl_url_get(url, what, &text, flags) == CURLUE_OK) {
        fits = snprintf(out, size, "%s", text) < (int)size;
        curl_free(text);
    }
    return fits;
}

static bool read_endpoint(struct store_endpoint *endpoint, const char *text)
{
    CURLU *url = curl_url();
    char port[8] = "";
    size_t len;
    bool good =
        url != NULL && curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK &&
        part(url, CURLUPART_HOST, 0, endpoint->host, sizeof endpoint->host) &&
        part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT, port, sizeof port) &&
        snprintf(endpoint->url, sizeof endpoint->url, "%s", text) < (int)sizeof endpoint->url;

    curl_url_cleanup(url);
    endpoint->port = (int)strtol(port, NULL, 10);
    len = strlen(endpoint->host);
    if (good && endpoint->host[0] == '[') { /* IPv6 */
        memmove(endpoint->host, endpoint->host + 1, len - 2);
        endpoint->host[len - 2] = 0;
    }
    len = strlen(endpoint->url);
    while (len > 0 && endpoint->url[len - 1] == '/') {
        endpoint->url[--len] = 0;
    }
    return good;
}

struct store *store_new(struct live *live, char *why, size_t why_size)
{
    const struct config_peers *peers = live_config(live)->peers;
    struct store *store;

    if (peers == NULL) {
        snprintf(why, why_size, "the configuration has no lease store");
        return NULL;
    }
    store = calloc(1, sizeof *store);
    if (store == NULL) {
        snprintf(why, why_size, "no memory for the lease store");
        return NULL;
    }
    store->live = live;
    for (int i = 0; i < peers->n_endpoints && store->n_endpoints < STORE_ENDPOINTS_MAX; i++) {
        if (!read_endpoint(&store->endpoint[store->n_endpoints], peers->endpoint[i])) {
            snprintf(why, why_size, "\"%.200s\" is no URL of a store", peers->endpoint[i]);
            store_free(store);
            return NULL;
        }
        store->n_endpoints++;
    }
    store->no_users = peers->user == NULL;
    return store;
}

void store_free(struct store *store)
{
    if (store == NULL) {
        return;
    }
    while (store->groups != NULL) {
        struct store_group *group = store->groups;

        store->groups = group->next;
        free(group);
    }
    explicit_bzero(store->token, sizeof store->token);
    free(store);
}

/* ---- Groups -------------------------------------------------------------------------------- */

static bool describe(
    struct store *store, const char *name, const char *self, struct etcd_site *site)
{
    const struct config *config = live_config(store->live);
    const struct config_group *group = NULL;

    for (int i = 0; i < config->n_groups; i++) {
        group = strcmp(config->group[i].name, name) == 0 ? &config->group[i] : group;
    }
    if (group == NULL) {
        return false;
    }
    snprintf(site->prefix, sizeof site->prefix, "%s", config->peers->prefix);
    snprintf(site->group, sizeof site->group, "%s", name);
    snprintf(site->self, sizeof site->self, "%s", self);
    site->n_nodes = group->n_nodes;
    for (int i = 0; i < group->n_nodes; i++) {
        snprintf(site->node[i], sizeof site->node[i], "%s", group->node[i].name);
    }
    return true;
}

struct store_group *store_group(
    struct store *store, const char *group, const char *self, char *why, size_t why_size)
{
    struct store_group *found = store->groups;

    while (found != NULL &&
           (strcmp(found->site.group, group) != 0 || strcmp(found->site.self, self) != 0)) {
        found = found->next;
    }
    if (found != NULL) {
        return found;
    }
    found = calloc(1, sizeof *found);
    if (found == NULL || !describe(store, group, self, &found->site)) {
        snprintf(
            why, why_size, "%s",
            found == NULL ? "no memory for a group in the store" : "no such group");
        free(found);
        return NULL;
    }
    found->next = store->groups;
    store->groups = found;
    return found;
}

/* ---- Transfers ------------------------------------------------------------------------------ */

size_t store_transfer_keep(char *data, size_t one, size_t len, void *arg)
{
    struct store_transfer *transfer = arg;
    size_t wanted = transfer->len + len + 1;

    if (wanted > STORE_BODY_MAX) {
        return CURL_WRITEFUNC_ERROR;
    }
    if (wanted > transfer->size) {
        size_t size = wanted < 4096 ? 4096 : wanted * 2;
        char *body = realloc(transfer->body, size);

        if (body == NULL) {
            return CURL_WRITEFUNC_ERROR;
        }
        transfer->body = body;
        transfer->size = size;
    }
    memcpy(transfer->body + transfer->len, data, len);
    transfer->len += len;
    transfer->body[transfer->len] = 0;
    return one * len;
}

static bool add_header(struct store_transfer *transfer, const char *line)
{
    struct curl_slist *more = curl_slist_append(transfer->headers, line);

    transfer->headers = more != NULL ? more : transfer->headers;
    return more != NULL;
}

static bool set_headers(struct store *store, struct store_transfer *transfer, bool post)
{
    char line[ETCD_TOKEN_MAX + 32];
    bool good = add_header(transfer, "Expect:");

    if (post) {
        good = good && add_header(transfer, "Content-Type: application/json");
    }
    if (store->token[0] != 0) {
        snprintf(line, sizeof line, "Authorization: %s", store->token);
        good = good && add_header(transfer, line);
        explicit_bzero(line, sizeof line);
    }
    curl_easy_setopt(transfer->transfer.easy, CURLOPT_HTTPHEADER, transfer->headers);
    return good;
}

bool store_transfer_run(
    struct store *store, struct store_transfer *transfer, int endpoint, const char *path,
    const char *post, curl_done_fn *done, curl_write_callback on_data, void *arg, char *why,
    size_t why_size)
{
    const struct config_peers *peers = live_config(store->live)->peers;
    const struct store_endpoint *to = &store->endpoint[endpoint];
    char url[sizeof to->url + 64];
    CURL *easy;

    if (!curl_transfer_init(&transfer->transfer, store->live, done, why, why_size)) {
        return false;
    }
    easy = transfer->transfer.easy;
    snprintf(url, sizeof url, "%s%s", to->url, path);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "baton");
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 0L);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, arg);
    curl_transfer_trust(&transfer->transfer, true, peers->ca_file);
    if (peers->certificate_file != NULL) {
        curl_easy_setopt(easy, CURLOPT_SSLCERT, peers->certificate_file);
        curl_easy_setopt(easy, CURLOPT_SSLKEY, peers->key_file);
    }
    if (post != NULL) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)strlen(post));
        curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, post);
    }
    if (!set_headers(store, transfer, post != NULL)) {
        snprintf(why, why_size, "no memory for a call to the store");
        return false;
    }
    return curl_transfer_run(&transfer->transfer, to->host, to->port, false, why, why_size);
}

void store_transfer_fini(struct store_transfer *transfer)
{
    curl_transfer_fini(&transfer->transfer);
    curl_slist_free_all(transfer->headers);
    free(transfer->body);
    memset(transfer, 0, sizeof *transfer);
}
