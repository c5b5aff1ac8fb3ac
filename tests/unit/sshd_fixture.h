/* A real OpenSSH server on a high port of the loopback, with keys of its own. */
#ifndef SSHD_FIXTURE_H
#define SSHD_FIXTURE_H

#include <stdbool.h>
#include <sys/types.h>

struct sshd {
    const char *dir; /* for keys and configuration; borrowed */
    pid_t pid;
    int port;
};

/* Why there can't be one here (not root, no sshd), or NULL. */
const char *sshd_missing(void);

/* Make host key, client key and known_hosts in `dir`. */
void sshd_keys(struct sshd *sshd, const char *dir);
/* Start it on a free port (or again on `port`, if that isn't 0) with the host key
 * DIR/`host_key`; returns when it listens. */
void sshd_begin(struct sshd *sshd, const char *host_key);
/* Kill it with all its connections, as a crash of the machine would. */
void sshd_kill(struct sshd *sshd);
/* Stop and continue all its processes: a network that swallows everything. */
void sshd_freeze(struct sshd *sshd);
void sshd_thaw(struct sshd *sshd);

/* Run a program to its end; fails if it fails. */
void sshd_run(const char *const *argv);

#endif
