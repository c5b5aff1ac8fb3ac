/* Kerberos tickets, got beforehand.
 *
 * GSSAPI, inside libcurl, would ask the KDC for a ticket while all else waits. So kinit(1) and
 * kvno(1) ask, as children: the first one gets the account's ticket, the second one that for a
 * host, both into a cache of our own in the state directory. One that gets old is renewed beside
 * it, and stays where that fails: a KDC that is down takes nothing away. Then GSSAPI finds all that
 * it needs in that file. Names are taken as the configuration has them, without a look into the
 * DNS. */
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

#ifndef TICKET_FRESH_MS         /* a test has tickets grow old at once */
#define TICKET_FRESH_MS 1800000 /* until it is got anew */
#endif
#define TICKET_AGAIN_MS 5000 /* after a failure */
#define TICKET_TERM_MS  8000 /* for one program */
#define TICKET_PATH_MAX 512

struct winrm_ticket_wait {
    struct winrm_host *host;
    winrm_ticket_fn *done;
    void *arg;
    struct winrm_ticket_wait *prev, *next;
};

struct winrm_ticket {
    struct winrm *winrm;
    char cache[TICKET_PATH_MAX], next[TICKET_PATH_MAX], config[TICKET_PATH_MAX];
    char env_cache[TICKET_PATH_MAX + 32], env_config[2 * TICKET_PATH_MAX];
    const char *env[6];
    struct winrm_ticket_wait *waiting;
    struct event *later;
    struct winrm_host *host; /* whose ticket is being got */
    struct child *child;
    char *user;        /* whose ticket there is; NULL: none yet */
    int64_t got_ms;    /* when: the cache was written anew then, and has hosts' tickets since */
    int64_t failed_ms; /* 0: it did not */
    bool stale;        /* a host did not take it */
    bool renews;       /* `next` is being filled: it takes the cache's place when it is whole */
    bool hopeless;     /* its files can't be written: said to everybody who asks */
    char why[384];
};

static int64_t now_ms(void)
{
    return live_now_us() / 1000;
}

static bool is_fresh(const struct winrm_ticket *ticket, const struct winrm_host *host)
{
    return ticket != NULL && ticket->user != NULL && !ticket->stale &&
           strcmp(ticket->user, host->user) == 0 && now_ms() - ticket->got_ms < TICKET_FRESH_MS;
}

/* The cache has one for the host, of the account that is asked for. */
static bool has_ticket(const struct winrm_ticket *ticket, const struct winrm_host *host)
{
    return ticket->user != NULL && strcmp(ticket->user, host->user) == 0 && host->ticket_ms != 0 &&
           host->ticket_ms >= ticket->got_ms;
}

bool winrm_ticket_ready(const struct winrm_host *host)
{
    const struct winrm_ticket *ticket = host->winrm->ticket;

    return is_fresh(ticket, host) && has_ticket(ticket, host);
}

bool winrm_ticket_busy(const struct winrm_host *host)
{
    return host->winrm->ticket != NULL && host->winrm->ticket->host == host;
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
    snprintf(ticket->next, sizeof ticket->next, "%.400s/krb5cc.new", state);
    snprintf(ticket->config, sizeof ticket->config, "%.400s/krb5.conf", state);
    if (!write_overlay(ticket->config, why, why_size)) {
        return false;
    }
    snprintf(ticket->env_cache, sizeof ticket->env_cache, "KRB5CCNAME=FILE:%s", ticket->cache);
    snprintf(
        ticket->env_config, sizeof ticket->env_config, "KRB5_CONFIG=%s:%.400s", ticket->config,
        before != NULL ? before : "/etc/krb5.conf");
    for (; n < 3 && env[n] != NULL; n++) {
        ticket->env[n] = env[n];
    }
    ticket->env[n++] = ticket->env_cache;
    ticket->env[n++] = ticket->env_config;
    /* For GSSAPI in this process. */
    setenv("KRB5CCNAME", ticket->env_cache + strlen("KRB5CCNAME="), 1);
    setenv("KRB5_CONFIG", ticket->env_config + strlen("KRB5_CONFIG="), 1);
    return true;
}

/* ---- In words ---------------------------------------------------------------------------------
 */

/* Messages of MIT's libkrb5 (krb5_err.et, kdc5_err.et), and what to do about them. */
static const struct {
    bool by_host; /* of kvno, about a host */
    const char *said, *words;
} advice[] = {
    {false, "Clock skew too great",
     "the clocks here and on the KDC differ too much: synchronize both"},
    {true, "Clock skew too great",
     "the clocks here and on the KDC differ too much: synchronize both"},
    {false, "Password incorrect", "wrong password: correct the file of its <secret>"},
    {false, "Preauthentication failed",
     "wrong password or an old keytab: correct the <secret>, or make the keytab anew"},
    {false, "not found in Kerberos database",
     "the domain has no such account: check user= of its <winrm>"},
    {true, "not found in Kerberos database",
     "the domain has no such host: check host= of its <winrm>, and setspn -L there"},
    {false, "no suitable keys", "the keytab has no key of this account: make it anew"},
    {false, "credentials have been revoked", "the account is disabled, locked or expired"},
    {false, "Password has expired", "its password has expired: set a new one"},
    {false, "Cannot contact any KDC", "no KDC answers: check krb5.conf, and port 88 there"},
    {true, "Cannot contact any KDC", "no KDC answers: check krb5.conf, and port 88 there"},
    {false, "Cannot find KDC", "no KDC is known: name one for the realm in krb5.conf"},
    {true, "Cannot find KDC", "no KDC is known: name one for the realm in krb5.conf"},
    {true, "Ticket expired", "the account's ticket has expired"},
};
#define N_ADVICE (sizeof advice / sizeof advice[0])

const char *winrm_ticket_words(bool by_host, const char *said)
{
    for (size_t i = 0; i < N_ADVICE; i++) {
        if (advice[i].by_host == by_host && strstr(said, advice[i].said) != NULL) {
            return advice[i].words;
        }
    }
    return NULL;
}

/* ---- Who waits --------------------------------------------------------------------------------
 */

static void get_next(struct winrm_ticket *ticket);

/* With the ticket that is there. */
static void go_on(struct winrm_ticket_wait *wait)
{
    winrm_ticket_fn *done = wait->done;
    void *arg = wait->arg;

    free(wait);
    done(arg, NULL);
}

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

/* "… (kinit: exit 1: kinit: Password incorrect while getting initial credentials)" */
static void say(
    const struct winrm_host *host, bool by_host, const char *program, const char *said, char *why,
    size_t size)
{
    const char *words = winrm_ticket_words(by_host, said);

    snprintf(
        why, size, "no Kerberos ticket %s%.100s: %s%s%s: %.170s%s", by_host ? "for HTTP/" : "of ",
        by_host ? host->realm_name : host->user, words != NULL ? words : "",
        words != NULL ? " (" : "", program, said, words != NULL ? ")" : "");
}

/* Nobody gets one. But those that are there are good for hours, and if they are not,
 * GSSAPI says so by itself, without a KDC. */
static void no_account(struct winrm_ticket *ticket)
{
    struct winrm_ticket_wait *wait, *next;

    ticket->host = NULL;
    ticket->renews = false;
    DL_FOREACH_SAFE(ticket->waiting, wait, next)
    {
        if (has_ticket(ticket, wait->host)) {
            DL_DELETE(ticket->waiting, wait);
            go_on(wait);
        }
    }
    tell(ticket, NULL, ticket->why);
}

static void failed(struct winrm_ticket *ticket, const char *program, const char *said)
{
    say(ticket->host, false, program, said, ticket->why, sizeof ticket->why);
    ticket->failed_ms = now_ms();
    no_account(ticket);
}

/* ---- The programs
 * -------------------------------------------------------------------------------- */

/* The new cache has the account's ticket and the first host's; the others' come when they ask. */
static bool put_in_place(struct winrm_ticket *ticket, const struct winrm_host *host)
{
    char *user = strdup(host->user);

    ticket->renews = false;
    if (user == NULL || rename(ticket->next, ticket->cache) != 0) {
        free(user);
        return false;
    }
    free(ticket->user);
    ticket->user = user;
    ticket->got_ms = now_ms();
    ticket->failed_ms = 0;
    ticket->stale = false;
    return true;
}

/* That host's: others have theirs. */
static void on_kvno(void *arg, const struct child_result *child)
{
    struct winrm_ticket *ticket = arg;
    struct winrm_host *host = ticket->host;
    char said[256], why[384];

    ticket->child = NULL;
    ticket->host = NULL;
    child_say(child, said, sizeof said);
    if (child->code == 0 && ticket->renews && !put_in_place(ticket, host)) {
        snprintf(why, sizeof why, "%.300s: %s", ticket->cache, strerror(errno));
        tell(ticket, host, why);
    } else if (child->code == 0) {
        host->ticket_ms = now_ms();
        tell(ticket, host, NULL);
    } else if (has_ticket(ticket, host)) {
        tell(ticket, host, NULL);
    } else {
        say(host, true, "kvno", said, why, sizeof why);
        tell(ticket, host, why);
    }
    ticket->renews = false;
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
    const char *argv[] = {
        "kvno", "-c", ticket->renews ? ticket->next : ticket->cache, service, NULL};

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
    ticket->renews = true;
    get_service(ticket);
}

static void get_account(struct winrm_ticket *ticket)
{
    const struct winrm_host *host = ticket->host;
    const char *by_keytab[] = {"kinit", "-c",         ticket->next, "-k",
                               "-t",    host->keytab, host->user,   NULL};
    const char *by_password[] = {"kinit", "-c", ticket->next, host->user, NULL};
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
        no_account(ticket);
    } else if (is_fresh(ticket, ticket->host)) {
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
        host->winrm->ticket->stale = true;
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
    unlink(ticket->next);
    unlink(ticket->config);
    free(ticket->user);
    free(ticket);
}
