/* Host names to addresses, on the loop.
 *
 * evdns asks; nothing here blocks or makes a thread. Literal addresses need none of it:
 * they are answered by resolve_literal, at once.
 */
#ifndef BATON_WORLD_LIVE_RESOLVE_H
#define BATON_WORLD_LIVE_RESOLVE_H

#include <event2/util.h>
#include <stdbool.h>
#include <sys/socket.h>

struct live;
struct resolve;

/* `found` is the callee's to free with evutil_freeaddrinfo; NULL: there is none, `why` is
 * the sentence. The query itself is gone when this is called. */
typedef void resolve_done_fn(void *arg, struct evutil_addrinfo *found, const char *why);

/* An IPv4 or IPv6 address, IPv6 also with %interface. False: it is a name. */
bool resolve_literal(const char *host, int port, struct sockaddr_storage *out, socklen_t *len);

/* Ask for a name. `done` may be called before this returns; then, and where there is no
 * memory or no resolver (`done` is called with the sentence), NULL is returned. There is no
 * deadline here: the caller has one and calls resolve_cancel. */
struct resolve *resolve_start(
    struct live *live, const char *host, int port, resolve_done_fn *done, void *arg);

/* `done` will not be called. NULL is fine. */
void resolve_cancel(struct resolve *resolve);

#endif
