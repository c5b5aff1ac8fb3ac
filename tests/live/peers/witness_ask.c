#include "witness.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/if_ether.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define PROBE_US  5000    /* between two ARP probes */
#define ASK_US    50000   /* between two connections */
#define ASKING_US 1500000 /* then it is given up */

bool ask_open(struct witness *w, struct witness_host *host)
{
    struct ifreq request = {0};
    int fd = witness_socket(host, AF_INET, SOCK_DGRAM, 0);
    strncpy(request.ifr_name, w->interface, IFNAMSIZ - 1);
    if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &request) != 0)
        return false;
    memcpy(host->mac, request.ifr_hwaddr.sa_data, 6);
    if (ioctl(fd, SIOCGIFINDEX, &request) != 0)
        return false;
    host->index = request.ifr_ifindex;
    close(fd);
    if (host->server)
        return true;
    struct sockaddr_ll address = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ARP), .sll_ifindex = host->index};
    host->arp = witness_socket(host, AF_PACKET, SOCK_DGRAM, htons(ETH_P_ARP));
    return host->arp >= 0 && bind(host->arp, (struct sockaddr *)&address, sizeof address) == 0;
}

static void note(
    struct witness *w, const struct witness_host *from, const char *how, int64_t earliest_us,
    int64_t latest_us, const char *name)
{
    fprintf(
        w->answers, "%lld %lld %s %s %s\n", (long long)earliest_us, (long long)latest_us,
        from->name, how, name);
}

/* ---- ARP --------------------------------------------------------------------------------- */

/* From nobody, so that no neighbour learns anything of it. */
static void probe(struct witness *w, struct witness_host *host)
{
    struct ether_arp packet = {
        .ea_hdr = {htons(ARPHRD_ETHER), htons(ETH_P_IP), 6, 4, htons(ARPOP_REQUEST)}};
    struct sockaddr_ll to = {
        .sll_family = AF_PACKET,
        .sll_protocol = htons(ETH_P_ARP),
        .sll_ifindex = host->index,
        .sll_halen = 6,
        .sll_addr = {255, 255, 255, 255, 255, 255}};
    memcpy(packet.arp_sha, host->mac, 6);
    memcpy(packet.arp_tpa, &w->floating, 4);
    sendto(host->arp, &packet, sizeof packet, 0, (struct sockaddr *)&to, sizeof to);
}

static void hear_probes(struct witness *w, struct witness_host *host)
{
    struct ether_arp packet;
    for (;;) {
        ssize_t n = recv(host->arp, &packet, sizeof packet, 0);
        int64_t now_us = witness_now_us();
        if (n < 0)
            break;
        if (n < (ssize_t)sizeof packet || packet.ea_hdr.ar_op != htons(ARPOP_REPLY) ||
            memcmp(packet.arp_spa, &w->floating, 4) != 0)
            continue;
        const char *name = "?";
        for (int i = 0; i < w->n_hosts; i++) {
            if (memcmp(w->host[i].mac, packet.arp_sha, 6) == 0)
                name = w->host[i].name;
        }
        /* An answer is read in the turn after its probe; one that was late is of the last. */
        note(w, host, "arp", host->probed_us - PROBE_US, now_us, name);
    }
}

/* ---- SMTP -------------------------------------------------------------------------------- */

static void begin(struct witness *w, struct witness_host *host, int64_t now_us)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)w->port), .sin_addr = w->floating};
    for (int i = 0; i < WITNESS_ASKS_MAX; i++) {
        struct witness_ask *ask = &host->ask[i];
        if (ask->fd >= 0)
            continue;
        ask->fd = witness_socket(host, AF_INET, SOCK_STREAM, 0);
        ask->began_us = now_us;
        ask->connected_us = 0;
        if (ask->fd >= 0 && connect(ask->fd, (struct sockaddr *)&to, sizeof to) != 0 &&
            errno != EINPROGRESS) {
            close(ask->fd);
            ask->fd = -1;
        }
        return;
    }
}

static bool is_connected(int fd)
{
    struct sockaddr_in peer;
    socklen_t size = sizeof peer;
    return getpeername(fd, (struct sockaddr *)&peer, &size) == 0;
}

/* "220 server01.baton.test ESMTP" */
static void hear(struct witness *w, struct witness_host *host, struct witness_ask *ask)
{
    char line[256] = "", name[WITNESS_NAME_MAX] = "";
    int64_t now_us = witness_now_us();
    if (ask->connected_us == 0 && is_connected(ask->fd))
        ask->connected_us = now_us;
    ssize_t n = recv(ask->fd, line, sizeof line - 1, 0);
    if (n < 0 && (errno == EAGAIN || errno == ENOTCONN) && now_us - ask->began_us < ASKING_US)
        return;
    if (n > 0 && sscanf(line, "220 %31[^. \r\n]", name) == 1)
        note(
            w, host, "smtp", ask->began_us, ask->connected_us != 0 ? ask->connected_us : now_us,
            name);
    if (n > 0)
        (void)!send(ask->fd, "QUIT\r\n", 6, MSG_NOSIGNAL); /* out of courtesy */
    close(ask->fd);
    ask->fd = -1;
}

void ask_turn(struct witness *w, struct witness_host *host)
{
    int64_t now_us = witness_now_us();
    if (host->arp >= 0) {
        hear_probes(w, host);
        if (now_us - host->probed_us >= PROBE_US) {
            host->probed_us = now_us;
            probe(w, host);
        }
    }
    for (int i = 0; i < WITNESS_ASKS_MAX; i++) {
        if (host->ask[i].fd >= 0)
            hear(w, host, &host->ask[i]);
    }
    if (now_us - host->asked_us >= ASK_US) {
        host->asked_us = now_us;
        begin(w, host, now_us);
    }
}
