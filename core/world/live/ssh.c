#include "world/live/ssh.h"

#include "world/live/request.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>

/* sun_path holds 107 bytes; ssh makes the socket under this name with ".", 16 random
 * characters behind it, and renames it. */
#define SSH_SOCKET_PATH_MAX 88
#define SSH_TEXT_MAX        512
#define SSH_USERS_MAX       8 /* at once by one master; sshd allows 10 by default (MaxSessions) */
#define SSH_AGAIN_US        (SSH_AGAIN_MS * INT64_C(1000))
#define SSH_PATIENCE_US     (SSH_PATIENCE_MS * INT64_C(1000))
#define SSH_PORT            22
#define SSH_SETPRIV         "/usr/bin/setpriv"

struct master {
    struct ssh *ssh;
    char *key; /* the words that lead to the node: the same words, the same connection */
    char path[SSH_SOCKET_PATH_MAX + 1];
    struct child *child; /* NULL: has ended */
    int users;
    bool retired;     /* no new users */
    int64_t ok_us;    /* a call by it succeeded last */
    int64_t ended_us; /* it ended, or was started in vain */
    struct master *prev, *next;
};

struct ssh {
    struct children *children;
    char directory[SSH_SOCKET_PATH_MAX + 1]; /* "": no place for sockets */
    bool own_directory;
    int n_masters, last_socket;
    struct master *masters;
};

struct ssh_call {
    struct ssh *ssh;
    struct master *master; /* NULL: there is no room for another */
    bool by_master;        /* else it connects by itself */
    int64_t began_us;
    char *name, *host, *known_hosts, *identity;
    int port;
    int n_way; /* the first words: what leads to the node, without its name */
    int n_words;
    char *word[SSH_WORDS_MAX + 1]; /* owned; ends with NULL */
};

/* ---- Words --------------------------------------------------------------------------- */

/* The only two characters that mean something within single quotes and after them. */
char *ssh_quote(const char *const *argv)
{
    size_t size = 1;
    char *line, *at;
    const char *c;
    int i;

    for (i = 0; argv[i] != NULL; i++) {
        size += 3;
        for (c = argv[i]; *c != 0; c++) {
            size += *c == '\'' ? 4 : 1;
        }
    }
    line = at = malloc(size);
    if (line == NULL) {
        return NULL;
    }
    for (i = 0; argv[i] != NULL; i++) {
        if (i > 0) {
            *at++ = ' ';
        }
        /* cppcheck-suppress uninitdata ; this is where it is written */
        *at++ = '\'';
        for (c = argv[i]; *c != 0; c++) {
            if (*c == '\'') {
                at = stpcpy(at, "'\\''");
            } else {
                *at++ = *c;
            }
        }
        *at++ = '\'';
    }
    *at = 0;
    return line;
}

static bool add(struct ssh_call *call, const char *word)
{
    assert(call->n_words < SSH_WORDS_MAX);
    call->word[call->n_words] = strdup(word);
    return call->word[call->n_words++] != NULL;
}

static bool add_option(struct ssh_call *call, const char *option)
{
    return add(call, "-o") && add(call, option);
}

/* A file as the value of an option: ssh splits values at blanks and expands "%". */
static bool add_file(struct ssh_call *call, const char *option, const char *file)
{
    char text[SSH_TEXT_MAX * 2];
    size_t n = (size_t)snprintf(text, sizeof text, "%s=\"", option);

    for (; *file != 0 && n + 4 < sizeof text; file++) {
        if (*file == '%') {
            text[n++] = '%';
        } else if (*file == '"' || *file == '\\') {
            text[n++] = '\\';
        }
        text[n++] = *file;
    }
    text[n++] = '"';
    text[n] = 0;
    return add_option(call, text);
}

/* What leads to the node. The command line wins over any ssh_config. */
static bool add_way(struct ssh_call *call, const struct config_node *node)
{
    static const char *const always[] = {
        "BatchMode=yes",         "StrictHostKeyChecking=yes",
        "ServerAliveInterval=2", "ServerAliveCountMax=3",
        "LogLevel=ERROR",        "ForwardAgent=no",
        "ForwardX11=no",         "ClearAllForwardings=yes",
        "PermitLocalCommand=no", "UpdateHostKeys=no",
        "RequestTTY=no",         "RemoteCommand=none",
        "EscapeChar=none",       "ControlPersist=no",
    };
    char port[32];
    bool ok = true;
    size_t i;

    for (i = 0; i < sizeof always / sizeof always[0]; i++) {
        ok = ok && add_option(call, always[i]);
    }
    if (node->ssh.config != NULL) {
        ok = ok && add(call, "-F") && add(call, node->ssh.config);
    }
    if (node->ssh.identity != NULL) {
        ok = ok && add_file(call, "IdentityFile", node->ssh.identity) &&
             add_option(call, "IdentitiesOnly=yes");
    }
    if (node->ssh.known_hosts != NULL) {
        ok = ok && add_file(call, "UserKnownHostsFile", node->ssh.known_hosts) &&
             add_option(call, "GlobalKnownHostsFile=/dev/null");
    }
    if (node->ssh.port > 0) {
        snprintf(port, sizeof port, "%d", node->ssh.port);
        ok = ok && add(call, "-p") && add(call, port);
    }
    if (node->ssh.user != NULL) {
        ok = ok && add(call, "-l") && add(call, node->ssh.user);
    }
    return ok;
}

static bool add_connect_timeout(struct ssh_call *call, int64_t timeout_ms)
{
    int64_t seconds = (timeout_ms + 999) / 1000;
    char text[64];

    seconds = seconds < 1 ? 1 : seconds > SSH_CONNECT_S ? SSH_CONNECT_S : seconds;
    snprintf(text, sizeof text, "ConnectTimeout=%d", (int)seconds);
    return add_option(call, text);
}

static bool add_command(
    struct ssh_call *call, const char *const *argv, int64_t term_ms, int64_t timeout_ms)
{
    static const char script[] = "if command -v timeout >/dev/null 2>&1; then "
                                 "exec timeout -k %.6g %.6g \"$@\"; else exec \"$@\"; fi";
    char filled[sizeof script + 64];
    const char *shell[] = {"sh", "-c", filled, "sh", NULL};
    char *head, *tail, *line = NULL;
    bool ok;

    snprintf(
        filled, sizeof filled, script, (double)(timeout_ms - term_ms) / 1000,
        (double)term_ms / 1000);
    head = ssh_quote(shell);
    tail = ssh_quote(argv);
    ok = head != NULL && tail != NULL && asprintf(&line, "exec %s %s", head, tail) >= 0 &&
         add(call, line);
    free(head);
    free(tail);
    free(line);
    return ok;
}

/* ---- Masters ------------------------------------------------------------------------- */

static void master_free(struct master *master)
{
    child_stop(master->child);
    unlink(master->path);
    DL_DELETE(master->ssh->masters, master);
    master->ssh->n_masters--;
    free(master->key);
    free(master);
}

static void master_retire(struct master *master)
{
    master->retired = true;
    unlink(master->path);
    if (master->users == 0) {
        master_free(master);
    }
}

static void master_ended(void *arg, const struct child_result *result)
{
    struct master *master = arg;

    (void)result; /* the commands that connect by themselves say what is wrong */
    master->child = NULL;
    master->ended_us = live_now_us();
    unlink(master->path);
    if (master->retired && master->users == 0) {
        master_free(master);
    }
}

/* By the way of a call that has succeeded. The master dies with us, also when we are
 * killed: nobody would end it then. */
static void master_start(struct master *master, const struct ssh_call *way)
{
    const char *words[SSH_WORDS_MAX + 16];
    struct child_setup setup = {
        .argv = words, .env = ssh_call_env(), .done = master_ended, .arg = master};
    char path[sizeof master->path + 16], why[128];
    int n = 0, i;

    if (access(SSH_SETPRIV, X_OK) == 0) {
        words[n++] = SSH_SETPRIV;
        words[n++] = "--pdeathsig";
        words[n++] = "KILL";
        words[n++] = "--";
    }
    snprintf(path, sizeof path, "ControlPath=\"%s\"", master->path);
    for (i = 0; i < way->n_way; i++) {
        words[n++] = way->word[i];
    }
    words[n++] = "-o";
    words[n++] = path;
    words[n++] = "-M";
    words[n++] = "-N";
    words[n++] = "--";
    words[n++] = way->host;
    words[n] = NULL;
    unlink(master->path); /* of a daemon that was killed */
    master->ended_us = live_now_us();
    master->child = child_start(master->ssh->children, &setup, why, sizeof why);
}

static struct master *master_new(struct ssh *ssh, char *key)
{
    struct master *master = calloc(1, sizeof *master);

    if (master == NULL) {
        return NULL;
    }
    master->ssh = ssh;
    master->key = key;
    snprintf(
        master->path, sizeof master->path, "%.*s/ssh-%d", SSH_SOCKET_PATH_MAX - 16, ssh->directory,
        ++ssh->last_socket);
    DL_APPEND(ssh->masters, master);
    ssh->n_masters++;
    return master;
}

/* The master for that way, running or not; NULL: there can be none. */
static struct master *master_get(struct ssh *ssh, const struct ssh_call *way)
{
    char *words = ssh->directory[0] != 0 ? ssh_quote((const char *const *)way->word) : NULL;
    struct master *master;
    char *key;

    if (words == NULL) {
        return NULL;
    }
    if (asprintf(&key, "%s %s", words, way->host) < 0) {
        key = NULL;
    }
    free(words);
    if (key == NULL) {
        return NULL;
    }
    DL_FOREACH(ssh->masters, master)
    {
        if (!master->retired && strcmp(master->key, key) == 0) {
            break;
        }
    }
    if (master == NULL && ssh->n_masters < SSH_MASTERS_MAX) {
        master = master_new(ssh, key);
        key = master != NULL ? NULL : key;
    }
    free(key);
    return master;
}

/* ---- Calls --------------------------------------------------------------------------- */

static void call_free(struct ssh_call *call)
{
    int i;

    for (i = 0; i < call->n_words; i++) {
        free(call->word[i]);
    }
    free(call->name);
    free(call->host);
    free(call->known_hosts);
    free(call->identity);
    free(call);
}

static char *copy_or_null(const char *text)
{
    return text != NULL ? strdup(text) : NULL;
}

static bool add_master(struct ssh_call *call)
{
    char path[SSH_SOCKET_PATH_MAX + 32];

    call->n_way = call->n_words;
    call->master = master_get(call->ssh, call);
    if (call->master == NULL) {
        return add_option(call, "ControlPath=none");
    }
    call->by_master = call->master->child != NULL && call->master->users < SSH_USERS_MAX;
    call->master->users++;
    if (!call->by_master) {
        return add_option(call, "ControlPath=none");
    }
    snprintf(path, sizeof path, "ControlPath=\"%s\"", call->master->path);
    return add_option(call, "ControlMaster=no") && add_option(call, path);
}

struct ssh_call *ssh_call_new(
    struct ssh *ssh, const struct config_node *node, const char *const *argv, int64_t term_ms,
    int64_t timeout_ms)
{
    struct ssh_call *call = calloc(1, sizeof *call);
    const char *host = node->ssh.host != NULL ? node->ssh.host : node->address;
    bool ok;

    if (call == NULL) {
        return NULL;
    }
    call->ssh = ssh;
    call->began_us = live_now_us();
    call->port = node->ssh.port;
    call->name = strdup(node->name);
    call->host = strdup(host);
    call->known_hosts = copy_or_null(node->ssh.known_hosts);
    call->identity = copy_or_null(node->ssh.identity);
    ok = call->name != NULL && call->host != NULL && add(call, "ssh") && add_way(call, node) &&
         add_master(call) && add_connect_timeout(call, timeout_ms) && add(call, "--") &&
         add(call, host) && add_command(call, argv, term_ms, timeout_ms);
    if (!ok) {
        ssh_call_free(call, false);
        return NULL;
    }
    return call;
}

/* One call less. A master is started when a call has shown that the way is good, so that a
 * node that is down or refuses us is not asked twice. It is given up when a call by it got
 * stuck and none has come back since. */
static void master_leave(struct master *master, const struct ssh_call *call, bool ended)
{
    int64_t now_us = live_now_us();

    assert(master->users > 0);
    master->users--;
    if (master->retired) {
        if (master->users == 0) {
            master_free(master);
        }
    } else if (ended) {
        master->ok_us = now_us;
        if (master->child == NULL &&
            (master->ended_us == 0 || now_us - master->ended_us >= SSH_AGAIN_US)) {
            master_start(master, call);
        }
    } else if (
        call->by_master && master->ok_us < call->began_us &&
        now_us - call->began_us >= SSH_PATIENCE_US) {
        master_retire(master);
    }
}

void ssh_call_free(struct ssh_call *call, bool ended)
{
    if (call != NULL) {
        if (call->master != NULL) {
            master_leave(call->master, call, ended);
        }
        call_free(call);
    }
}

const char *const *ssh_call_argv(const struct ssh_call *call)
{
    return (const char *const *)call->word;
}

/* ssh's environment: the default one and, where there is one, the agent. */
const char *const *ssh_call_env(void)
{
    static char agent[256];
    static const char *env[16];
    const char *const *common = child_environment();
    const char *socket = getenv("SSH_AUTH_SOCK");
    int n;

    for (n = 0; common[n] != NULL; n++) {
        env[n] = common[n];
    }
    if (socket != NULL) {
        snprintf(agent, sizeof agent, "SSH_AUTH_SOCK=%s", socket);
        env[n++] = agent;
    }
    env[n] = NULL;
    return env;
}

void ssh_call_explain(
    const struct ssh_call *call, const char *err, size_t err_len, char *text, size_t size)
{
    const char *known = call->known_hosts != NULL ? call->known_hosts : "~/.ssh/known_hosts";
    char line[200], host[300];

    child_last_line(err, err_len, line, sizeof line);
    /* As known_hosts names it. */
    if (call->port > 0 && call->port != SSH_PORT) {
        snprintf(host, sizeof host, "[%s]:%d", call->host, call->port);
    } else {
        snprintf(host, sizeof host, "%s", call->host);
    }
    if (strstr(err, "REMOTE HOST IDENTIFICATION HAS CHANGED") != NULL) {
        snprintf(
            text, size,
            "host key of %s has changed: it was reinstalled, or somebody is in between; when you "
            "know which, fix known_hosts %s (ssh-keygen -R %s -f %s)",
            call->name, known, host, known);
    } else if (strstr(err, "Host key verification failed") != NULL) {
        snprintf(
            text, size, "host key of %s is not known; check it and add it to known_hosts %s",
            call->name, known);
    } else if (strstr(err, "Permission denied (") != NULL) {
        snprintf(
            text, size, "%s refused the login: %s; check user, identity %s and authorized_keys",
            call->name, line, call->identity != NULL ? call->identity : "(ssh's default)");
    } else if (line[0] != 0) {
        snprintf(text, size, "ssh to %s failed: %s", call->name, line);
    } else {
        snprintf(text, size, "ssh to %s failed, or the command ended with 255", call->name);
    }
}

/* ---- All of it ----------------------------------------------------------------------- */

struct ssh *ssh_new(struct children *children, const char *directory)
{
    struct ssh *ssh = calloc(1, sizeof *ssh);
    char own[] = "/tmp/baton-XXXXXX";
    struct stat info;

    if (ssh == NULL) {
        return NULL;
    }
    ssh->children = children;
    if (directory != NULL && strlen(directory) <= SSH_SOCKET_PATH_MAX - 16 &&
        strchr(directory, '%') == NULL && stat(directory, &info) == 0 && S_ISDIR(info.st_mode)) {
        snprintf(ssh->directory, sizeof ssh->directory, "%s", directory);
    } else if (mkdtemp(own) != NULL) {
        snprintf(ssh->directory, sizeof ssh->directory, "%s", own);
        ssh->own_directory = true;
    }
    return ssh;
}

void ssh_forget(struct ssh *ssh)
{
    struct master *master, *next;

    DL_FOREACH_SAFE(ssh->masters, master, next)
    {
        if (!master->retired) {
            master_retire(master);
        }
    }
}

void ssh_free(struct ssh *ssh)
{
    struct master *master, *next;

    if (ssh == NULL) {
        return;
    }
    DL_FOREACH_SAFE(ssh->masters, master, next)
    {
        assert(master->users == 0);
        master_free(master);
    }
    if (ssh->own_directory) {
        rmdir(ssh->directory);
    }
    free(ssh);
}
