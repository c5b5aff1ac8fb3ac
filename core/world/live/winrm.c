/* Windows hosts, and the life of the transport. */
#include "world/live/winrm_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define PORT_TLS   5986
#define PORT_PLAIN 5985

static char *copy(const char *text)
{
    return text != NULL ? strdup(text) : NULL;
}

static void host_free(struct winrm_host *host)
{
    free(host->name);
    free(host->address);
    free(host->url);
    free(host->realm_name);
    free(host->user);
    free(host->secret);
    free(host->keytab);
    free(host->ca_file);
    free(host->fingerprint);
    free(host);
}

static bool set_url(struct winrm_host *host, const struct config_node *node)
{
    bool six = strchr(host->realm_name, ':') != NULL;
    char text[512];

    host->port = node->winrm.port != 0 ? node->winrm.port
                 : node->winrm.plain   ? PORT_PLAIN
                                       : PORT_TLS;
    snprintf(
        text, sizeof text, "%s://%s%.255s%s:%d/wsman", node->winrm.plain ? "http" : "https",
        six ? "[" : "", host->realm_name, six ? "]" : "", host->port);
    host->url = strdup(text);
    return host->url != NULL;
}

/* Kerberos knows a host by its name alone: a new configuration does not make its ticket worse. */
static void inherit_ticket(struct winrm_host *host)
{
    const struct winrm_host *other;

    DL_FOREACH(host->winrm->hosts, other)
    {
        if (strcmp(other->realm_name, host->realm_name) == 0 &&
            other->ticket_ms > host->ticket_ms) {
            host->ticket_ms = other->ticket_ms;
        }
    }
}

static struct winrm_host *host_new(struct winrm *winrm, const struct config_node *node)
{
    struct winrm_host *host = calloc(1, sizeof *host);

    if (host == NULL) {
        return NULL;
    }
    host->winrm = winrm;
    host->name = strdup(node->name);
    host->address = strdup(node->address);
    host->realm_name = strdup(node->winrm.host != NULL ? node->winrm.host : node->address);
    host->user = copy(node->winrm.user);
    host->secret = copy(node->winrm.secret);
    host->keytab = copy(node->winrm.keytab);
    host->ca_file = copy(node->winrm.ca_file);
    host->fingerprint = copy(node->winrm.fingerprint);
    host->auth = node->winrm.auth;
    if (host->name == NULL || host->address == NULL || host->realm_name == NULL ||
        host->user == NULL || !set_url(host, node)) {
        host_free(host);
        return NULL;
    }
    inherit_ticket(host);
    DL_APPEND(winrm->hosts, host);
    return host;
}

/* Old ones go when nobody uses them any more. */
static void sweep(struct winrm *winrm)
{
    struct winrm_host *host, *next;

    DL_FOREACH_SAFE(winrm->hosts, host, next)
    {
        if (host->old && host->calls == 0 && host->runs == 0 && host->shells == NULL &&
            !winrm_ticket_busy(host)) {
            DL_DELETE(winrm->hosts, host);
            host_free(host);
        }
    }
}

struct winrm_host *winrm_host_of(struct winrm *winrm, const struct config_node *node)
{
    struct winrm_host *host;

    if (winrm == NULL) {
        return NULL;
    }
    DL_FOREACH(winrm->hosts, host)
    {
        if (!host->old && strcmp(host->name, node->name) == 0) {
            return host;
        }
    }
    host = host_new(winrm, node);
    sweep(winrm);
    return host;
}

struct winrm *winrm_new(struct live *live)
{
    struct winrm *winrm = calloc(1, sizeof *winrm);

    if (winrm != NULL) {
        winrm->live = live;
    }
    return winrm;
}

void winrm_forget(struct winrm *winrm)
{
    struct winrm_host *host;

    if (winrm == NULL) {
        return;
    }
    DL_FOREACH(winrm->hosts, host)
    {
        host->old = true;
        winrm_shell_condemn(host);
    }
}

void winrm_free(struct winrm *winrm, int patience_ms)
{
    struct winrm_host *host, *next;
    struct winrm_shell *shell, *next_shell;

    if (winrm == NULL) {
        return;
    }
    winrm_farewell(winrm, patience_ms);
    DL_FOREACH_SAFE(winrm->hosts, host, next)
    {
        DL_FOREACH_SAFE(host->shells, shell, next_shell)
        {
            DL_DELETE(host->shells, shell);
            winrm_shell_free(shell);
        }
        DL_DELETE(winrm->hosts, host);
        host_free(host);
    }
    winrm_ticket_free(winrm->ticket);
    free(winrm);
}
