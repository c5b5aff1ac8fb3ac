#include "world/live/announce.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event_struct.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/if_ether.h>
#include <netpacket/packet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <utlist.h>

static const int gaps_ms[] = {50, 200, 1000, 3000};

#define ANNOUNCE_REPEATS ((int)(sizeof gaps_ms / sizeof gaps_ms[0]))

struct announcement {
    struct announcer *announcer;
    int index;
    struct sockaddr_storage address;
    int sent; /* repeats so far */
    struct event timer;
    struct announcement *prev, *next;
};

struct announcer {
    struct event_base *base;
    struct announcement *running;
};

struct hardware {
    unsigned char address[ETH_ALEN];
};

static socklen_t address_len(const struct sockaddr_storage *address)
{
    return address->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

static bool address_same(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    if (a->ss_family != b->ss_family) {
        return false;
    }
    if (a->ss_family == AF_INET) {
        return ((const struct sockaddr_in *)a)->sin_addr.s_addr ==
               ((const struct sockaddr_in *)b)->sin_addr.s_addr;
    }
    return IN6_ARE_ADDR_EQUAL(
        &((const struct sockaddr_in6 *)a)->sin6_addr, &((const struct sockaddr_in6 *)b)->sin6_addr);
}

/* Only an address of our own can be bound to. */
static bool address_ours(const struct sockaddr_storage *address)
{
    int fd = socket(address->ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool ours;

    if (fd < 0) {
        return true;
    }
    ours = bind(fd, (const struct sockaddr *)address, address_len(address)) == 0 ||
           errno != EADDRNOTAVAIL;
    close(fd);
    return ours;
}

static bool hardware_of(int fd, int index, struct hardware *out)
{
    struct ifreq request = {0};

    if (if_indextoname((unsigned)index, request.ifr_name) == NULL ||
        ioctl(fd, SIOCGIFHWADDR, &request) != 0) {
        return false;
    }
    if (request.ifr_hwaddr.sa_family != ARPHRD_ETHER) {
        errno = EPROTOTYPE;
        return false;
    }
    memcpy(out->address, request.ifr_hwaddr.sa_data, ETH_ALEN);
    return true;
}

/* RFC 5227, 2.3: a request in which the sender's and the target's address are the same. */
static bool send_arp(int index, const struct sockaddr_in *address)
{
    struct sockaddr_ll to = {
        .sll_family = AF_PACKET,
        .sll_protocol = htons(ETH_P_ARP),
        .sll_ifindex = index,
        .sll_hatype = ARPHRD_ETHER,
        .sll_halen = ETH_ALEN,
        .sll_addr = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
    };
    struct ether_arp arp = {
        .ea_hdr =
            {
                .ar_hrd = htons(ARPHRD_ETHER),
                .ar_pro = htons(ETH_P_IP),
                .ar_hln = ETH_ALEN,
                .ar_pln = sizeof address->sin_addr,
                .ar_op = htons(ARPOP_REQUEST),
            },
    };
    struct hardware own;
    /* Protocol 0: nothing is to be received. */
    int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool sent = false;

    if (fd < 0) {
        return false;
    }
    if (hardware_of(fd, index, &own)) {
        memcpy(arp.arp_sha, own.address, sizeof arp.arp_sha);
        memcpy(arp.arp_spa, &address->sin_addr, sizeof arp.arp_spa);
        memcpy(arp.arp_tpa, &address->sin_addr, sizeof arp.arp_tpa);
        sent = sendto(fd, &arp, sizeof arp, 0, (struct sockaddr *)&to, sizeof to) ==
               (ssize_t)sizeof arp;
    }
    close(fd);
    return sent;
}

/* A router that advertises itself without the router flag is dropped from its neighbours'
 * list of default routers (RFC 4861, 7.2.5). */
static bool forwards(int index)
{
    char path[96], name[IF_NAMESIZE];
    FILE *file;
    int value;

    if (if_indextoname((unsigned)index, name) == NULL) {
        return false;
    }
    snprintf(path, sizeof path, "/proc/sys/net/ipv6/conf/%s/forwarding", name);
    file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    value = fgetc(file);
    fclose(file);
    return value != EOF && value != '0';
}

static bool prepare_icmp6(int fd, int index, const struct in6_addr *address)
{
    struct sockaddr_in6 from = {.sin6_family = AF_INET6, .sin6_addr = *address};
    struct icmp6_filter nothing;
    int hops = 255; /* RFC 4861, 7.1.2: anything less is dropped */

    ICMP6_FILTER_SETBLOCKALL(&nothing);
    return setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &nothing, sizeof nothing) == 0 &&
           setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof hops) == 0 &&
           setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &index, sizeof index) == 0 &&
           bind(fd, (struct sockaddr *)&from, sizeof from) == 0;
}

static bool send_advertisement(int index, const struct sockaddr_in6 *address)
{
    struct {
        struct nd_neighbor_advert advert;
        struct nd_opt_hdr option;
        struct hardware own;
    } message = {
        .advert.nd_na_type = ND_NEIGHBOR_ADVERT,
        .advert.nd_na_flags_reserved = ND_NA_FLAG_OVERRIDE,
        .advert.nd_na_target = address->sin6_addr,
        .option = {.nd_opt_type = ND_OPT_TARGET_LINKADDR, .nd_opt_len = 1},
    };
    struct sockaddr_in6 all_nodes = {.sin6_family = AF_INET6, .sin6_scope_id = (uint32_t)index};
    int fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMPV6);
    bool sent = false;

    if (fd < 0) {
        return false;
    }
    inet_pton(AF_INET6, "ff02::1", &all_nodes.sin6_addr);
    if (forwards(index)) {
        message.advert.nd_na_flags_reserved |= ND_NA_FLAG_ROUTER;
    }
    if (hardware_of(fd, index, &message.own) && prepare_icmp6(fd, index, &address->sin6_addr)) {
        sent = sendto(
                   fd, &message, sizeof message, 0, (struct sockaddr *)&all_nodes,
                   sizeof all_nodes) == (ssize_t)sizeof message;
    }
    close(fd);
    return sent;
}

static bool send_one(int index, const struct sockaddr_storage *address)
{
    return address->ss_family == AF_INET
               ? send_arp(index, (const struct sockaddr_in *)address)
               : send_advertisement(index, (const struct sockaddr_in6 *)address);
}

static void announcement_free(struct announcement *announcement)
{
    event_del(&announcement->timer);
    DL_DELETE(announcement->announcer->running, announcement);
    free(announcement);
}

static void arm(struct announcement *announcement)
{
    int gap_ms = gaps_ms[announcement->sent];
    struct timeval gap = {gap_ms / 1000, gap_ms % 1000 * 1000};

    event_add(&announcement->timer, &gap);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct announcement *announcement = arg;

    (void)fd;
    (void)what;
    if (!address_ours(&announcement->address)) {
        announcement_free(announcement);
        return;
    }
    send_one(announcement->index, &announcement->address);
    if (++announcement->sent == ANNOUNCE_REPEATS) {
        announcement_free(announcement);
    } else {
        arm(announcement);
    }
}

static struct announcement *find(
    struct announcer *announcer, int index, const struct sockaddr_storage *address)
{
    struct announcement *each;

    DL_FOREACH(announcer->running, each)
    {
        if (each->index == index && address_same(&each->address, address)) {
            return each;
        }
    }
    return NULL;
}

bool announce(
    struct announcer *announcer, int index, const struct sockaddr_storage *address, char *why,
    size_t why_size)
{
    struct announcement *announcement = find(announcer, index, address);
    bool sent;

    if (!address_ours(address)) {
        snprintf(why, why_size, "the address is not on this host");
        return false;
    }
    sent = send_one(index, address);
    if (!sent) {
        snprintf(
            why, why_size, "not announced: %s",
            errno == EPROTOTYPE ? "no Ethernet there" : strerror(errno));
    }
    if (announcement == NULL) {
        announcement = calloc(1, sizeof *announcement);
        if (announcement == NULL) {
            return sent;
        }
        announcement->announcer = announcer;
        announcement->index = index;
        announcement->address = *address;
        event_assign(&announcement->timer, announcer->base, -1, 0, on_timer, announcement);
        DL_APPEND(announcer->running, announcement);
    }
    announcement->sent = 0;
    arm(announcement);
    return sent;
}

void announce_stop(struct announcer *announcer, int index, const struct sockaddr_storage *address)
{
    struct announcement *announcement = find(announcer, index, address);

    if (announcement != NULL) {
        announcement_free(announcement);
    }
}

struct announcer *announcer_new(struct event_base *base)
{
    struct announcer *announcer = calloc(1, sizeof *announcer);

    if (announcer != NULL) {
        announcer->base = base;
    }
    return announcer;
}

void announcer_free(struct announcer *announcer)
{
    struct announcement *each, *next;

    if (announcer == NULL) {
        return;
    }
    DL_FOREACH_SAFE(announcer->running, each, next)
    {
        announcement_free(each);
    }
    free(announcer);
}
