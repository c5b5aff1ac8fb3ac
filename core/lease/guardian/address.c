/* Taking the floating address away, by rtnetlink itself (rtnetlink(7), RTM_DELADDR). */
#include "lease/guardian/parts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ADDRESS_SAME_MAX  8   /* an address may be there with several prefixes */
#define ADDRESS_ANSWER_MS 500 /* the kernel answers at once, or its network part hangs */

struct delete_address {
    struct nlmsghdr head;
    struct ifaddrmsg address;
    struct rtattr attribute;
    unsigned char bytes[16];
};

static int answer_of(int fd)
{
    struct {
        struct nlmsghdr head;
        struct nlmsgerr error;
        char rest[512];
    } answer;
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    ssize_t n;

    if (poll(&ready, 1, ADDRESS_ANSWER_MS) != 1) {
        return ETIMEDOUT;
    }
    n = recv(fd, &answer, sizeof answer, MSG_DONTWAIT | MSG_TRUNC);
    if (n < 0) {
        return errno;
    }
    if (n < (ssize_t)NLMSG_LENGTH(sizeof answer.error) || answer.head.nlmsg_type != NLMSG_ERROR) {
        return EBADMSG;
    }
    return -answer.error.error;
}

/* Without a prefix length IPv4 addresses are found by themselves; IPv6 ones need theirs. */
static int delete_one(int fd, unsigned index, int family, const unsigned char *bytes, int prefix)
{
    size_t len = family == AF_INET6 ? 16 : 4;
    struct delete_address message = {
        .head =
            {.nlmsg_len = (uint32_t)(offsetof(struct delete_address, bytes) + len),
             .nlmsg_type = RTM_DELADDR,
             .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
        .address =
            {.ifa_family = (uint8_t)family, .ifa_prefixlen = (uint8_t)prefix, .ifa_index = index},
        .attribute = {.rta_len = (unsigned short)RTA_LENGTH(len), .rta_type = IFA_LOCAL},
    };

    memcpy(message.bytes, bytes, len);
    if (send(fd, &message, message.head.nlmsg_len, MSG_DONTWAIT) < 0) {
        return errno;
    }
    return answer_of(fd);
}

static int delete_all(int fd, unsigned index, const char *address, bool *removed)
{
    unsigned char bytes[16];
    int family, prefix, failed = EADDRNOTAVAIL;

    if (!guardian_address_parse(address, &family, bytes, &prefix)) {
        return EINVAL;
    }
    for (int i = 0; i < ADDRESS_SAME_MAX; i++) {
        const int tried[] = {prefix, 128, 64};

        for (int t = 0; t < (family == AF_INET6 ? 3 : 1); t++) {
            failed = delete_one(fd, index, family, bytes, tried[t]);
            if (failed != EADDRNOTAVAIL) {
                break;
            }
        }
        if (failed != 0) {
            break;
        }
        *removed = true;
    }
    return failed == EADDRNOTAVAIL || failed == ENODEV ? 0 : failed;
}

int address_remove(const char *address, const char *interface, bool *removed)
{
    unsigned index = if_nametoindex(interface);
    int fd, failed;

    *removed = false;
    if (index == 0) {
        return errno == ENODEV || errno == ENXIO ? 0 : errno;
    }
    fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    if (fd < 0) {
        return errno;
    }
    failed = delete_all(fd, index, address, removed);
    close(fd);
    return failed;
}
