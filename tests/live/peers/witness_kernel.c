#include "witness.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define LISTEN_US 10000 /* between two looks at who listens */

/* Ask for all addresses; the answers come among the changes. */
static bool ask_addresses(const struct witness_host *host)
{
    struct {
        struct nlmsghdr head;
        struct ifaddrmsg body;
    } request = {
        {.nlmsg_len = sizeof request,
         .nlmsg_type = RTM_GETADDR,
         .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
        {.ifa_family = AF_INET},
    };
    return send(host->route, &request, sizeof request, 0) == (ssize_t)sizeof request;
}

bool kernel_open(struct witness *w, struct witness_host *host)
{
    (void)w;
    struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_IPV4_IFADDR};
    int size = 1 << 20;
    host->route = witness_socket(host, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    host->diag = witness_socket(host, AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG);
    if (host->route < 0 || host->diag < 0 ||
        bind(host->route, (struct sockaddr *)&address, sizeof address) != 0)
        return false;
    setsockopt(host->route, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    host->looked_us = host->listened_us = witness_now_us();
    return ask_addresses(host);
}

static void note(
    FILE *out, const struct witness_host *host, int64_t earliest_us, int64_t latest_us, bool up)
{
    fprintf(
        out, "%lld %lld %s %s\n", (long long)earliest_us, (long long)latest_us, host->name,
        up ? "up" : "down");
}

static void see_address(
    struct witness *w, struct witness_host *host, struct nlmsghdr *head, int64_t now_us)
{
    struct ifaddrmsg *body = NLMSG_DATA(head);
    int len = (int)IFA_PAYLOAD(head);
    for (struct rtattr *at = IFA_RTA(body); RTA_OK(at, len); at = RTA_NEXT(at, len)) {
        bool up = head->nlmsg_type == RTM_NEWADDR;
        if (at->rta_type != IFA_LOCAL || memcmp(RTA_DATA(at), &w->floating, 4) != 0 ||
            up == host->up)
            continue;
        host->up = up;
        note(w->addresses, host, host->looked_us, now_us, up);
    }
}

static void read_changes(struct witness *w, struct witness_host *host)
{
    _Alignas(struct nlmsghdr) char buffer[16384];
    for (;;) {
        int64_t now_us;
        ssize_t n = recv(host->route, buffer, sizeof buffer, 0);
        now_us = witness_now_us();
        if (n < 0 && errno == ENOBUFS) {
            fprintf(stderr, "witness: changes on %s were lost, this proves nothing\n", host->name);
            abort();
        }
        if (n <= 0)
            break;
        unsigned int len = n > 0 ? (unsigned int)n : 0;
        for (struct nlmsghdr *head = (struct nlmsghdr *)buffer; NLMSG_OK(head, len);
             head = NLMSG_NEXT(head, len)) {
            if (head->nlmsg_type == RTM_NEWADDR || head->nlmsg_type == RTM_DELADDR)
                see_address(w, host, head, now_us);
        }
    }
}

/* Does anything listen on the port? True and false are certain; else `known` is false. */
static bool port_listens(struct witness *w, struct witness_host *host, bool *known)
{
    struct {
        struct nlmsghdr head;
        struct inet_diag_req_v2 body;
    } request = {
        {.nlmsg_len = sizeof request,
         .nlmsg_type = SOCK_DIAG_BY_FAMILY,
         .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
        {.sdiag_family = AF_INET, .sdiag_protocol = IPPROTO_TCP, .idiag_states = 1u << TCP_LISTEN},
    };
    _Alignas(struct nlmsghdr) char buffer[16384];
    bool found = false;
    *known = send(host->diag, &request, sizeof request, 0) == (ssize_t)sizeof request;
    while (*known) {
        ssize_t n = recv(host->diag, buffer, sizeof buffer, 0);
        unsigned int len = n > 0 ? (unsigned int)n : 0;
        *known = n > 0;
        for (struct nlmsghdr *head = (struct nlmsghdr *)buffer; n > 0 && NLMSG_OK(head, len);
             head = NLMSG_NEXT(head, len)) {
            if (head->nlmsg_type == NLMSG_DONE)
                return found;
            struct inet_diag_msg *body = NLMSG_DATA(head);
            found |=
                head->nlmsg_type == SOCK_DIAG_BY_FAMILY && ntohs(body->id.idiag_sport) == w->port;
        }
    }
    return found;
}

void kernel_turn(struct witness *w, struct witness_host *host)
{
    /* What comes after this moment is in the next turn, so its earliest time is this. */
    int64_t now_us = witness_now_us();
    read_changes(w, host);
    host->looked_us = now_us;
    if (now_us - host->listened_us < LISTEN_US)
        return;
    bool known, listens = port_listens(w, host, &known);
    if (known && listens != host->listens) {
        host->listens = listens;
        note(w->listens, host, host->listened_us, witness_now_us(), listens);
    }
    if (known)
        host->listened_us = now_us;
}
