#include "world/live/announce.h"
#include "world/live/request.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event_struct.h>
#include <linux/if_addr.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ADDRESS_FOUND_MAX 8 /* the same address with other prefix lengths */

/* Every operation looks first: what is there, whatever its prefix length. An address that
 * someone added as /32 is an address that serves, and deleting it as /24 would not find it. */
enum stage {
    STAGE_LOOK,
    STAGE_ACT
};

struct address {
    struct live_request head;
    enum world_address_op op;
    enum stage stage;
    int index;
    int family, prefix_len;
    struct sockaddr_storage where;
    char text[INET6_ADDRSTRLEN];
    char interface[IF_NAMESIZE];
    struct nl_sock *socket;
    struct event event;
    bool listening;
    bool over; /* of this exchange: the kernel has said all */
    int error; /* errno of the kernel's answer */
    int n_found;
    int found_len[ADDRESS_FOUND_MAX];
    unsigned found_flags[ADDRESS_FOUND_MAX];
    int n_deleted;
};

static struct address *address_of(struct live_request *request)
{
    return (struct address *)request;
}

/* ---- What libnl calls ----------------------------------------------------------------- */

static int on_finish(struct nl_msg *message, void *arg)
{
    (void)message;
    ((struct address *)arg)->over = true;
    return NL_OK;
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *error, void *arg)
{
    struct address *address = arg;

    (void)from;
    address->over = true;
    address->error = -error->error;
    return NL_STOP;
}

static void on_object(struct nl_object *object, void *arg)
{
    struct address *address = arg;
    struct rtnl_addr *each = (struct rtnl_addr *)object;
    struct nl_addr *local = rtnl_addr_get_local(each);
    const void *wanted = address->family == AF_INET
                             ? (const void *)&((struct sockaddr_in *)&address->where)->sin_addr
                             : (const void *)&((struct sockaddr_in6 *)&address->where)->sin6_addr;

    if (local == NULL || rtnl_addr_get_ifindex(each) != address->index ||
        nl_addr_get_family(local) != address->family ||
        memcmp(nl_addr_get_binary_addr(local), wanted, nl_addr_get_len(local)) != 0 ||
        address->n_found == ADDRESS_FOUND_MAX) {
        return;
    }
    address->found_len[address->n_found] = rtnl_addr_get_prefixlen(each);
    address->found_flags[address->n_found] = rtnl_addr_get_flags(each);
    address->n_found++;
}

static int on_message(struct nl_msg *message, void *arg)
{
    nl_msg_parse(message, on_object, arg);
    return NL_OK;
}

/* ---- One exchange with the kernel ----------------------------------------------------- */

static void send_message(struct address *address, struct nl_msg *message)
{
    int sent;

    address->over = false;
    address->error = 0;
    sent = nl_send_auto(address->socket, message);
    nlmsg_free(message);
    if (sent < 0) {
        address->over = true;
        address->error = EIO;
    }
}

static void ask_look(struct address *address)
{
    struct nl_msg *message = nlmsg_alloc_simple(RTM_GETADDR, NLM_F_DUMP);
    struct ifaddrmsg body = {.ifa_family = (unsigned char)address->family};

    address->stage = STAGE_LOOK;
    address->n_found = 0;
    if (message == NULL || nlmsg_append(message, &body, sizeof body, NLMSG_ALIGNTO) != 0) {
        nlmsg_free(message);
        address->over = true;
        address->error = ENOMEM;
        return;
    }
    send_message(address, message);
}

static struct rtnl_addr *address_object(const struct address *address, int prefix_len)
{
    const struct sockaddr_in *in = (const struct sockaddr_in *)&address->where;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&address->where;
    struct nl_addr *local = address->family == AF_INET
                                ? nl_addr_build(AF_INET, &in->sin_addr, sizeof in->sin_addr)
                                : nl_addr_build(AF_INET6, &in6->sin6_addr, sizeof in6->sin6_addr);
    struct rtnl_addr *object = rtnl_addr_alloc();

    if (local == NULL || object == NULL || rtnl_addr_set_local(object, local) != 0) {
        nl_addr_put(local);
        rtnl_addr_put(object);
        return NULL;
    }
    nl_addr_put(local);
    rtnl_addr_set_ifindex(object, address->index);
    rtnl_addr_set_prefixlen(object, prefix_len);
    if (address->family == AF_INET6) {
        /* The old holder is proven out before this one starts, and duplicate address
         * detection would keep the address unusable for a second or more. */
        rtnl_addr_set_flags(object, IFA_F_NODAD);
    }
    return object;
}

static void ask_act(struct address *address, int prefix_len)
{
    struct rtnl_addr *object = address_object(address, prefix_len);
    struct nl_msg *message = NULL;

    address->stage = STAGE_ACT;
    if (object == NULL ||
        (address->op == WORLD_ADDRESS_ADD
             ? rtnl_addr_build_add_request(object, NLM_F_CREATE | NLM_F_EXCL, &message)
             : rtnl_addr_build_delete_request(object, 0, &message)) != 0) {
        address->over = true;
        address->error = ENOMEM;
    } else {
        nlmsg_hdr(message)->nlmsg_flags |= NLM_F_ACK;
        send_message(address, message);
    }
    rtnl_addr_put(object);
}

/* ---- What the answers mean ------------------------------------------------------------ */

static void end_error(struct address *address)
{
    const char *verb = address->stage == STAGE_LOOK          ? "looked for"
                       : address->op == WORLD_ADDRESS_DELETE ? "removed"
                                                             : "added";

    live_request_say(
        &address->head, address->stage == STAGE_LOOK ? WORLD_UNKNOWN : WORLD_FAIL, -1,
        "%s could not be %s on %s: %s%s", address->text, verb, address->interface,
        strerror(address->error), address->error == EPERM ? " (needs CAP_NET_ADMIN)" : "");
}

static void end_announced(struct address *address, const char *what)
{
    char why[160];
    bool sent = announce(
        live_announcer(address->head.live), address->index, &address->where, why, sizeof why);
    bool only = address->op == WORLD_ADDRESS_ANNOUNCE;

    live_request_say(
        &address->head, sent || !only ? WORLD_OK : WORLD_FAIL, -1, "%s %s on %s%s%s", address->text,
        what, address->interface, sent ? "" : ", but ", sent ? "" : why);
}

static bool usable(const struct address *address)
{
    for (int i = 0; i < address->n_found; i++) {
        if ((address->found_flags[i] & IFA_F_DADFAILED) == 0) {
            return true;
        }
    }
    return false;
}

static void end_present(struct address *address)
{
    if (address->n_found == 0) {
        live_request_say(
            &address->head, WORLD_FAIL, -1, "%s is not on %s", address->text, address->interface);
    } else {
        live_request_say(
            &address->head, WORLD_OK, -1, "%s is on %s%s", address->text, address->interface,
            usable(address) ? "" : ", unusable: another host has it (dadfailed)");
    }
}

static void end_absent(struct address *address)
{
    if (address->n_found != 0) { /* only after a fresh look */
        live_request_say(
            &address->head, WORLD_FAIL, -1, "%s is still on %s", address->text, address->interface);
    } else {
        live_request_say(
            &address->head, WORLD_OK, -1, "%s %s %s", address->text,
            address->n_deleted > 0 ? "removed from" : "was not on", address->interface);
    }
}

/* Both return true where another exchange has begun; false: the request has ended. */
static bool after_look(struct address *address)
{
    if (address->error != 0) {
        end_error(address);
        return false;
    }
    switch (address->op) {
    case WORLD_ADDRESS_ADD:
        if (!usable(address)) {
            ask_act(address, address->prefix_len);
            return true;
        }
        end_announced(address, "was there already");
        break;
    case WORLD_ADDRESS_DELETE:
        if (address->n_found > 0 && address->n_deleted < ADDRESS_FOUND_MAX) {
            ask_act(address, address->found_len[0]);
            return true;
        }
        end_absent(address);
        break;
    case WORLD_ADDRESS_PRESENT:
        end_present(address);
        break;
    case WORLD_ADDRESS_ANNOUNCE:
        if (address->n_found == 0) {
            end_present(address);
        } else {
            end_announced(address, "announced");
        }
        break;
    }
    return false;
}

static bool after_act(struct address *address)
{
    bool fine = address->error == 0 ||
                (address->op == WORLD_ADDRESS_ADD && address->error == EEXIST) ||
                (address->op == WORLD_ADDRESS_DELETE && address->error == EADDRNOTAVAIL);

    if (!fine) {
        end_error(address);
    } else if (address->op == WORLD_ADDRESS_ADD) {
        end_announced(address, address->error == EEXIST ? "was there already" : "added");
    } else {
        address->n_deleted++;
        ask_look(address);
        return true;
    }
    return false;
}

/* The kernel answers within sendmsg, so its answer is there already but for long lists:
 * those come as the socket becomes readable. */
static void advance(struct address *address)
{
    bool more = true;

    while (more) {
        int received = address->over ? 0 : nl_recvmsgs_default(address->socket);

        if (received == -NLE_AGAIN) {
            return;
        }
        if (received < 0 && !address->over) {
            address->over = true;
            address->error = received == -NLE_DUMP_INTR ? EAGAIN : EIO;
        }
        if (address->over) {
            more = address->stage == STAGE_LOOK ? after_look(address) : after_act(address);
        }
    }
}

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
    struct address *address = arg;

    (void)fd;
    (void)what;
    if (!address->head.ended) {
        advance(address);
    }
}

/* ---- Begin and stop ------------------------------------------------------------------- */

/* "10.0.0.9/24"; without a length, that of a host. */
static bool parse(struct address *address, const char *text)
{
    struct nl_addr *parsed = NULL;

    if (nl_addr_parse(text, AF_UNSPEC, &parsed) != 0) {
        return false;
    }
    address->family = nl_addr_get_family(parsed);
    address->prefix_len = (int)nl_addr_get_prefixlen(parsed);
    if (address->family == AF_INET) {
        struct sockaddr_in *in = (struct sockaddr_in *)&address->where;

        in->sin_family = AF_INET;
        memcpy(&in->sin_addr, nl_addr_get_binary_addr(parsed), sizeof in->sin_addr);
        inet_ntop(AF_INET, &in->sin_addr, address->text, sizeof address->text);
    } else if (address->family == AF_INET6) {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&address->where;

        in6->sin6_family = AF_INET6;
        memcpy(&in6->sin6_addr, nl_addr_get_binary_addr(parsed), sizeof in6->sin6_addr);
        inet_ntop(AF_INET6, &in6->sin6_addr, address->text, sizeof address->text);
    }
    nl_addr_put(parsed);
    return address->family == AF_INET || address->family == AF_INET6;
}

static bool connect_kernel(struct address *address)
{
    struct nl_sock *sock = address->socket = nl_socket_alloc();

    if (sock == NULL) {
        return false;
    }
    nl_socket_disable_auto_ack(sock);
    if (nl_connect(sock, NETLINK_ROUTE) != 0 || nl_socket_set_nonblocking(sock) != 0) {
        return false;
    }
    nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, on_message, address);
    nl_socket_modify_cb(sock, NL_CB_FINISH, NL_CB_CUSTOM, on_finish, address);
    nl_socket_modify_cb(sock, NL_CB_ACK, NL_CB_CUSTOM, on_finish, address);
    nl_socket_modify_err_cb(sock, NL_CB_CUSTOM, on_error, address);
    event_assign(
        &address->event, live_base(address->head.live), nl_socket_get_fd(sock),
        EV_READ | EV_PERSIST, on_socket, address);
    event_add(&address->event, NULL);
    address->listening = true;
    return true;
}

static bool start(
    struct live_request *request, const struct world_request *wanted, char *why, size_t why_size)
{
    struct address *address = address_of(request);
    const char *name = wanted->u.address.node;
    const char *interface = wanted->u.address.interface;
    const char *text = wanted->u.address.address;
    const struct config_node *node = name != NULL ? live_node(request->live, name) : NULL;

    if (name != NULL && node == NULL) {
        snprintf(why, why_size, "no node %.100s in the configuration", name);
        return false;
    }
    if (node != NULL && node->transport != CONFIG_LOCAL) {
        snprintf(
            why, why_size, "node %.100s is not this host: use a command there for its address",
            name);
        return false;
    }
    if (text == NULL || !parse(address, text)) {
        snprintf(why, why_size, "\"%.100s\" is no address", text != NULL ? text : "");
        return false;
    }
    address->index = interface != NULL ? (int)if_nametoindex(interface) : 0;
    if (address->index == 0) {
        snprintf(
            why, why_size, "this host has no interface %.100s", interface != NULL ? interface : "");
        return false;
    }
    snprintf(address->interface, sizeof address->interface, "%s", interface);
    address->op = wanted->u.address.op;
    if (!connect_kernel(address)) {
        snprintf(why, why_size, "no netlink socket: %s", strerror(errno));
        return false;
    }
    if (address->op == WORLD_ADDRESS_DELETE) {
        announce_stop(live_announcer(request->live), address->index, &address->where);
    }
    ask_look(address);
    advance(address);
    return true;
}

static void stop(struct live_request *request)
{
    struct address *address = address_of(request);

    if (address->listening) {
        event_del(&address->event);
    }
    if (address->socket != NULL) {
        nl_socket_free(address->socket);
    }
}

const struct live_kind live_kind_address = {
    .name = "address",
    .size = sizeof(struct address),
    .start = start,
    .stop = stop,
    .on_deadline = WORLD_UNKNOWN,
};
