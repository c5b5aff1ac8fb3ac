/* Kerberos tickets, got beforehand.
 *
 * GSSAPI, inside libcurl, would ask the KDC for a ticket while all else waits. So kinit(1) and
 * kvno(1) ask, as children: the first one gets the account's ticket, the second one that for a
 * host, both into a cache of our own in the state directory. Then GSSAPI finds all that it needs in
 * that file. Names are taken as the configuration has them, without a look into the DNS. */
#include "world/live/child.h"
#include "world/live/request.h"
#include "world/live/secret.h"
#include "world/live/winrm_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>

#define TICKET_FRESH_MS 1800000 /* until it is got anew */
#define TICKET_AGAIN_MS 5000    /* after a failure */
#define TICKET_TERM_MS  8000    /* for one program */
#define TICKET_PATH_MAX 512

struct winrm_ticket_wait {
    struct winrm_host *host;
    winrm_ticket_fn *done;
    void *arg;
    struct winrm_ticket_wait *prev, *next;
};

struct winrm_ticket {
    struct winrm *winrm;
    char cache[TICKET_PATH_MAX], config[TICKET_PATH_MAX];
    char env_cache[TICKET_PATH_MAX + 32], env_config[2 * TICKET_PATH_MAX];
    const char *env[6];
    struct winrm_ticket_wait *waiting;
    struct event *later;
    struct winrm_host *host; /* whose ticket is being got */
    struct child *child;
    int64_t got_ms;    /* the account's; 0: never */
    int64_t failed_ms; /* 0: it did not */
    bool hopeless;     /* its files can't be written: said to everybody who asks */
    char why[384];
};

static int64_t now_ms(void)
{
    return live_now_us() / 1000;
}

bool winrm_ticket_ready(const struct winrm_host *host)
{
    const struct winrm_ticket *ticket = host->winrm->ticket;

    return ticket != NULL && ticket->got_ms != 0 && host->ticket_ms >= ticket->got_ms &&
           now_ms() - ticket->got_ms < TICKET_FRESH_MS;
}

/* ---- The cache and what libkrb5 reads -------------------------------------------------------- */

static const char overlay[] = "# Written by batond; read before the machine's own krb5.conf.\n"
                              "[libdefaults]\n"
                              "    dns_canonicalize_hostname = false\n"
                              "    rdns = false\n";

static bool write_overlay(const char *path, char *why, size_t why_size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    bool good = fd >= 0 && write(fd, overlay, sizeof overlay - 1) == (ssize_t)sizeof overlay - 1;

    if (!good) {
        snprintf(why, why_size, "%.300s: %s", path, strerror(errno));
    }
    if (fd >= 0) {
        close(fd);
    }
    return good;
}

static bool prepare(struct winrm_ticket *ticket, char *why, size_t why_size)
{
    const char *state = live_config(ticket->winrm->live)->state_directory;
    const char *before = getenv("KRB5_CONFIG");
    const char *const *env = child_environment();
    size_t n = 0;

    snprintf(ticket->cache, sizeof ticket->cache, "%.400s/krb5cc", state);
    snprintf(ticket->config, sizeof ticket->config, "%.400s/krb5.conf", state);
    if (!write_overlay(ticket->config, why, why_size)) {
        return false;
    }
    snprintf(ticket->env_cache, sizeof ticket->env_cache, "KRB5CCNAME=FILE:%s", ticket->cache);
    snprintf(
        ticket->env_config, sizeof ticket->env_config, "KRB5_CONFIG=%s:%.400s", ticket->config,
        before != NULL ? before : "/etc/krb5.conf");
    for (; env[n] != NULL && n < 3; n++) {
        ticket->env[n] = env[n];
    }
    ticket->env[n++] = ticket->env_cache;
    ticket->env[n++] = ticket->env_config;
    /* For GSSAPI in this process. */
    setenv("KRB5CCNAME", ticket->env_cache + strlen("KRB5CCNAME="), 1);
    setenv("KRB5_CONFIG", ticket->env_config + strlen("KRB5_CONFIG="), 1);
    return true;
}

/* ---- Who waits --------------------------------------------------------------------------------
 */

static void get_next(struct winrm_ticket *ticket);

/* All who wait for that host (NULL: for any). */
static void tell(struct winrm_ticket *ticket, const struct winrm_host *host, const char *why)
{
    struct winrm_ticket_wait *wait, *next, *due = NULL;

    DL_FOREACH_SAFE(ticket->waiting, wait, next)
    {
        if (host == NULL || wait->host == host) {
            DL_DELETE(ticket->waiting, wait);
            DL_APPEND(due, wait);
        }
    }
    DL_FOREACH_SAFE(due, wait, next)
    {
        winrm_ticket_fn *done = wait->done;
        void *arg = wait->arg;

        DL_DELETE(due, wait);
        free(wait);
        done(arg, why);
    }
}

static void failed(struct winrm_ticket *ticket, const char *program, const char *said)
{
    snprintf(
        ticket->why, sizeof ticket->why, "no Kerberos ticket for %.64s: %s: %.220s",
        ticket->host->user, program, said);
    ticket->failed_ms = now_ms();
    ticket->host = NULL;
    tell(ticket, NULL, ticket->why);
}

/* ---- The programs
 * -------------------------------------------------------------------------------- */

static void on_kvno(void *arg, const struct child_result *child)
{
    struct winrm_ticket *ticket = arg;
    struct winrm_host *host = ticket->host;
    char said[256];

    ticket->child = NULL;
    if (child->code != 0) {
        child_say(child, said, sizeof said);
        failed(ticket, "kvno", said);
        return;
    }
    host->ticket_ms = now_ms();
    ticket->host = NULL;
    tell(ticket, host, NULL);
    get_next(ticket);
}

static bool run(
    struct winrm_ticket *ticket, const char *const *argv, const char *input, child_done_fn *done)
{
    struct child_setup setup = {
        .argv = argv,
        .env = ticket->env,
        .input = input,
        .input_len = input != NULL ? strlen(input) : 0,
        .output_max = 2048,
        .errors_min = 2048,
        .term_ms = TICKET_TERM_MS,
        .done = done,
        .arg = ticket,
    };
    char why[256];

    ticket->child = child_start(live_children(ticket->winrm->live), &setup, why, sizeof why);
    if (ticket->child == NULL) {
        failed(ticket, argv[0], why);
    }
    return ticket->child != NULL;
}

static void get_service(struct winrm_ticket *ticket)
{
    char service[300];
    const char *argv[] = {"kvno", "-c", ticket->cache, service, NULL};

    snprintf(service, sizeof service, "HTTP/%.255s", ticket->host->realm_name);
    run(ticket, argv, NULL, on_kvno);
}

static void on_kinit(void *arg, const struct child_result *child)
{
    struct winrm_ticket *ticket = arg;
    char said[256];

    ticket->child = NULL;
    if (child->code != 0) {
        child_say(child, said, sizeof said);
        failed(ticket, "kinit", said);
        return;
    }
    ticket->got_ms = now_ms();
    get_service(ticket);
}

static void get_account(struct winrm_ticket *ticket)
{
    const struct winrm_host *host = ticket->host;
    const char *by_keytab[] = {"kinit", "-c",         ticket->cache, "-k",
                               "-t",    host->keytab, host->user,    NULL};
    const char *by_password[] = {"kinit", "-c", ticket->cache, host->user, NULL};
    char secret[SECRET_MAX + 1], why[256];

    if (host->keytab != NULL) {
        run(ticket, by_keytab, NULL, on_kinit);
    } else if (!secret_read(
                   live_config(ticket->winrm->live), host->secret, secret, why, sizeof why)) {
        failed(ticket, "password", why);
    } else {
        run(ticket, by_password, secret, on_kinit);
    }
    explicit_bzero(secret, sizeof secret);
}

static void get_next(struct winrm_ticket *ticket)
{
    if (ticket->host != NULL || ticket->waiting == NULL) {
        return;
    }
    ticket->host = ticket->waiting->host;
    if (ticket->hopeless ||
        (ticket->failed_ms != 0 && now_ms() - ticket->failed_ms < TICKET_AGAIN_MS)) {
        ticket->host = NULL;
        tell(ticket, NULL, ticket->why);
    } else if (ticket->got_ms != 0 && now_ms() - ticket->got_ms < TICKET_FRESH_MS) {
        get_service(ticket);
    } else {
        get_account(ticket);
    }
}

static void on_later(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    get_next(arg);
}

/* ---- For the calls
 * --------------------------------------------------------------------------------- */

static struct winrm_ticket *ticket_new(struct winrm *winrm)
{
    struct winrm_ticket *ticket = calloc(1, sizeof *ticket);

    if (ticket == NULL) {
        return NULL;
    }
    ticket->winrm = winrm;
    ticket->later = event_new(live_base(winrm->live), -1, 0, on_later, ticket);
    if (ticket->later == NULL) {
        free(ticket);
        return NULL;
    }
    if (!prepare(ticket, ticket->why, sizeof ticket->why)) {
        ticket->hopeless = true;
    }
    return ticket;
}

struct winrm_ticket_wait *winrm_ticket_want(
    struct winrm_host *host, winrm_ticket_fn *done, void *arg)
{
    struct winrm *winrm = host->winrm;
    struct winrm_ticket_wait *wait = calloc(1, sizeof *wait);

    if (winrm->ticket == NULL) {
        winrm->ticket = ticket_new(winrm);
    }
    if (wait == NULL || winrm->ticket == NULL) {
        free(wait);
        return NULL;
    }
    wait->host = host;
    wait->done = done;
    wait->arg = arg;
    DL_APPEND(winrm->ticket->waiting, wait);
    event_add(winrm->ticket->later, &(struct timeval){0, 0});
    return wait;
}

void winrm_ticket_want_no_more(struct winrm_host *host, struct winrm_ticket_wait *wait)
{
    DL_DELETE(host->winrm->ticket->waiting, wait);
    free(wait);
}

void winrm_ticket_refused(struct winrm_host *host)
{
    host->ticket_ms = 0;
    if (host->winrm->ticket != NULL) {
        host->winrm->ticket->got_ms = 0;
    }
}

void winrm_ticket_free(struct winrm_ticket *ticket)
{
    if (ticket == NULL) {
        return;
    }
    child_stop(ticket->child);
    event_free(ticket->later);
    unlink(ticket->cache);
    free(ticket);
}
