/* The configuration: one XML file, validated against the shipped RELAX NG schema.
 *
 * Read with libxml2 without network, without external entities, with bounded expansion
 * and size. Every error names file and line. What the schema can't say (addresses that
 * parse, names that are unique, files that exist and are safe) is checked after it, all
 * errors are collected, not only the first.
 *
 * Secrets are never in the file: <secret name= file=/> names a file that nobody but its
 * owner (root or the daemon's user) may read or write, or it is refused.
 */
#ifndef BATON_CONFIG_CONFIG_H
#define BATON_CONFIG_CONFIG_H

#include "base/error.h"
#include "group/group.h"
#include "lease/lease.h"
#include "policy/policy.h"

#define CONFIG_READY_MS ((int64_t)600000)
#define CONFIG_MARKS    "/var/lib/baton/marks"

enum config_transport {
    CONFIG_LOCAL = 0,
    CONFIG_SSH,
    CONFIG_PEER,  /* among peers, all nodes but this one */
    CONFIG_WINRM, /* WS-Management: a Windows node, on which nothing is installed */
};

enum config_winrm_auth {
    CONFIG_NEGOTIATE = 0, /* Kerberos */
    CONFIG_BASIC
};

struct config_node {
    char *name, *address;
    int priority;
    int line;
    enum config_transport transport;
    struct {
        char *user;        /* NULL: ssh's own default */
        int port;          /* 0: ssh's own default */
        char *identity;    /* NULL or a file */
        char *known_hosts; /* NULL or a file */
        char *config;      /* NULL or an ssh_config file (ssh -F) */
        char *host;        /* NULL: the node's address; else where ssh connects to */
    } ssh;
    struct {
        char *user;   /* BASIC: a local account; NEGOTIATE: a principal, "baton@EXAMPLE.ORG" */
        char *secret; /* BASIC: name of the password's <secret>; NEGOTIATE: likewise, or NULL */
        char *keytab; /* NEGOTIATE: instead of a password; NULL: none */
        enum config_winrm_auth auth;
        int port;          /* 0: 5986, or 5985 where it is plain */
        char *ca_file;     /* NULL: the system's */
        char *fingerprint; /* NULL, or SHA-256 of the node's certificate, 64 small hex digits:
                              then nothing else of the certificate is looked at */
        bool plain;        /* http; NEGOTIATE only */
        char *host;        /* NULL: the node's address; else its name in the certificate and in
                              Kerberos. The connection goes to the node's address */
    } winrm;
};

struct config_group {
    char *name;
    int line;
    char *floating, *interface; /* "10.9.0.100/24"; NULL if none */
    char *share, *gateway;
    char *marks; /* directory on the nodes for marks of epochs (world.h); NULL: CONFIG_MARKS, and
                    for a node whose transport is local "marks" in the state directory; "": none */
    int n_witnesses;
    char *witness[POLICY_WITNESSES_MAX];
    int64_t
        ready_every_ms; /* all checks of readiness are made within that, default 10 min; 0: none */
    char *policy_file;
    size_t memory_max;
    int instructions_max;
    int n_params;
    struct world_pair *param;
    int n_nodes; /* in order of priority, then of the file */
    struct config_node node[GROUP_NODES_MAX];
    bool enabled;   /* IsEnabled of a failoverConfig.xml, where one is named */
    int self;       /* among peers: which of the nodes this is, or GROUP_NOBODY: the group is none
                       of this node's business */
    int n_guardian; /* among peers: how the guardian stops the service, in order; … */
    struct config_command *guardian; /* … then it removes the floating address itself */
};

/* One <stop>: what the guardian runs, without a policy and without a shell. */
struct config_command {
    char **argv;         /* ends with NULL; the first is a path, or a name to be looked for */
    int64_t deadline_ms; /* 0: its share of the guardian's time */
    char *effect; /* what it changes, for the simulator; NULL: all that moves with the baton */
};

struct config_secret {
    char *name, *file;
};

/* <peers>: a Baton on every node, the baton in etcd. */
struct config_peers {
    int line, etcd_line;
    char *self; /* name of this node; NULL where config_load was not told */
    int n_endpoints;
    char **endpoint;                             /* "https://10.0.0.1:2379" */
    char *prefix;                                /* of all keys; default "/baton" */
    char *ca_file, *certificate_file, *key_file; /* of the store; NULL: none */
    char *user, *password_secret;                /* NULL: no authentication */
    struct lease_times times;
    bool guardian;         /* default true; tests and simulator may do without */
    char *guardian_socket; /* default STATE/guardian.sock */
    char *watchdog;        /* device file, NULL: none; its time is times.watchdog_ms */
    bool failsafe;         /* <failsafe>: the rest is for it */
    int failsafe_port;     /* 7400 */
    char *failsafe_ca, *failsafe_certificate, *failsafe_key;
};

enum config_log_to {
    CONFIG_LOG_STDERR = 0,
    CONFIG_LOG_SYSLOG,
    CONFIG_LOG_JOURNALD
};

struct config {
    char *file;
    char *state_directory;     /* default /var/lib/baton */
    char *control_socket;      /* default /run/baton/control.sock */
    char *lua_directory;       /* default: where Baton is installed */
    char *hooks_directory;     /* default /etc/baton/hooks */
    char *hooks_user;          /* NULL: hooks run as the daemon's own user */
    int64_t hooks_deadline_ms; /* default 10000 */
    enum config_log_to log_to;
    int log_level;   /* enum world_level */
    int64_t keep_ms; /* observations in the journal, default 7 days */
    int n_secrets;
    struct config_secret *secret;
    const char **secret_name;   /* [n_secrets], for policy_site; borrows from `secret` */
    struct config_peers *peers; /* NULL: one controller, the baton in its journal */
    int n_groups;
    struct config_group *group;
};

/* Read and check `file`. On error nothing is returned and the error has one line for
 * each thing wrong, "file:line: what; what to do", as many as it can hold. Relative paths
 * in it are relative to the file; a policy that isn't there is looked for among the
 * shipped ones too. Blocks; for start and reload only. */
enum baton_err config_load(const char *file, struct config **out, struct baton_error *error);

/* The same on one of the nodes. Among peers that is the node `self`; NULL: the one that the
 * file says, or else the one with the name of this machine, whole or up to its first dot. One
 * that no group has is refused. Without <peers> a `self` is refused.
 *
 * config_load asks for none, so that a configuration can be checked and simulated anywhere: then
 * all nodes are CONFIG_PEER, and a site's `self` is the group's first node. */
enum baton_err config_load_as(
    const char *file, const char *self, struct config **out, struct baton_error *error);
void config_free(struct config *config);

/* Is it a group that the Baton here has to care for: enabled, and among peers of this node? */
bool config_is_ours(const struct config *config, const struct config_group *group);

/* What a policy may see of a group. Borrows from `config`. `secrets` gets the names. */
void config_site(
    const struct config *config, const struct config_group *group, struct policy_site *site);

/* The three settings of a SmarterMail failoverConfig.xml, found by local name at any
 * depth; a setting that is there twice is refused. Strings are owned by the caller, NULL
 * where the file doesn't have them; `is_enabled` is false only where it says False. */
struct config_failover {
    char *shared_system_files_path, *failover_ip_address;
    bool is_enabled;
};
enum baton_err config_read_failover(
    const char *file, struct config_failover *out, struct baton_error *error);

/* The shipped schema, built into the program. */
const char *config_schema(size_t *len);

#endif
