/* The nodes, addresses, parameters and modules of a policy that runs without a daemon. */
#include "site.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

void site_example(struct policy_site *site)
{
    memset(site, 0, sizeof *site);
    site->group = "example";
    site->floating = "192.0.2.100/24"; /* RFC 5737: documentation */
    site->interface = "eth0";
    site->share = "/srv/share";
    site->gateway = "192.0.2.1";
    site->n_nodes = 2;
    site->node[0] = (struct policy_node_site){"server01", "192.0.2.11", "ssh", 1};
    site->node[1] = (struct policy_node_site){"server02", "192.0.2.12", "ssh", 2};
}

/* A folder with Baton's modules, not anything else of that name (such as /usr/bin/lua). */
static bool has_modules(const char *path)
{
    char file[4096];
    int n = snprintf(file, sizeof file, "%s/prelude.lua", path);

    return n > 0 && (size_t)n < sizeof file && access(file, R_OK) == 0;
}

const char *site_find_lua(const struct args *args, char *path, size_t size)
{
    char *slash;
    ssize_t n;
    int up;

    if (args->lua != NULL) {
        return args->lua;
    }
    n = readlink("/proc/self/exe", path, size - 8);
    for (up = 0; n > 0 && up < 5; up++) {
        path[n] = '\0';
        slash = strrchr(path, '/');
        if (slash == NULL) {
            break;
        }
        memcpy(slash, "/lua", 5);
        if (has_modules(path)) {
            return path;
        }
        n = slash - path;
    }
    return BATON_LUA_DIRECTORY;
}

void site_add_sets(
    const struct args *args, struct policy_site *site, struct world_pair *pair, size_t max)
{
    size_t n = 0, i;

    for (i = 0; i < (size_t)site->n_params && n < max; i++) {
        pair[n++] = site->param[i];
    }
    for (i = 0; i < (size_t)args->n_sets && n < max; i++) {
        size_t at = 0;

        while (at < n && strcmp(pair[at].name, args->set[i].name) != 0) {
            at++;
        }
        pair[at] = (struct world_pair){args->set[i].name, args->set[i].value};
        n = at == n ? n + 1 : n;
    }
    site->param = pair;
    site->n_params = (int)n;
}
