/* Sees from outside who has the floating address, on one clock for all hosts.
 *
 * One process with sockets in the network namespaces of all hosts, so that all times are of one
 * CLOCK_BOOTTIME and of one thread. Nothing it writes is later than it was or earlier: a thing is
 * known to have happened between two moments, when it was looked at in vain and when it was
 * seen, and both are written. A process that gets no processor for a while only widens them.
 *
 *   addresses   EARLIEST LATEST HOST up|down         the kernel of HOST said so (rtnetlink(7))
 *   listens     EARLIEST LATEST HOST up|down         its mail service listens (sock_diag(7))
 *   answers     EARLIEST LATEST FROM arp|smtp HOST   HOST answered for the address: to a probe
 *               that was sent at EARLIEST (RFC 5227, 2.1.1), or to a connection begun then, which
 *               stood at LATEST; its greeting came later and told the name
 *   pulse       EARLIEST LATEST                      a time in which the witness saw nothing,
 *               because it did not run; written where longer than 20 ms
 *
 * In microseconds. Lines are written as things happen, in no other order.
 */
#ifndef BATON_TESTS_LIVE_PEERS_WITNESS_H
#define BATON_TESTS_LIVE_PEERS_WITNESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define WITNESS_HOSTS_MAX 8
#define WITNESS_ASKS_MAX  64 /* connections of one host that are open at once */
#define WITNESS_NAME_MAX  32

struct witness_ask { /* one connection to the floating address */
    int fd;          /* -1: free */
    int64_t began_us, connected_us;
};

struct witness_host {
    char name[WITNESS_NAME_MAX];
    int net;     /* its network namespace */
    bool server; /* may have the address */
    int route;   /* rtnetlink, for changes of addresses */
    int diag;    /* sock_diag */
    int arp;     /* AF_PACKET; -1 for all but the client */
    int index;   /* of its interface */
    uint8_t mac[6];
    bool up, listens;
    int64_t looked_us, listened_us; /* last time it was seen that nothing had changed */
    int64_t asked_us, probed_us;    /* when it began */
    struct witness_ask ask[WITNESS_ASKS_MAX];
};

struct witness {
    struct in_addr floating;
    int port;
    const char *interface;
    FILE *addresses, *listens, *answers, *pulse;
    int n_hosts;
    struct witness_host host[WITNESS_HOSTS_MAX];
};

int64_t witness_now_us(void);

/* A socket in the namespace of `host`; the caller's own is as before. -1 with errno. */
int witness_socket(const struct witness_host *host, int family, int type, int protocol);

/* ---- witness_kernel.c: what the kernel of a host says ------------------------------------ */

bool kernel_open(struct witness *w, struct witness_host *host);
/* Read what has changed; then see whether the service listens. */
void kernel_turn(struct witness *w, struct witness_host *host);

/* ---- witness_ask.c: who answers ----------------------------------------------------------- */

bool ask_open(struct witness *w, struct witness_host *host);
void ask_turn(struct witness *w, struct witness_host *host);

#endif
