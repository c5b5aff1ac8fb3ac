/* Transfers by libcurl's multi interface, on the loop.
 *
 * All of the world's HTTP and mail goes through one multi handle. libcurl says which
 * sockets and which moment it waits for; what is over is handed to the transfer's `done`
 * from the loop, never from within a call into libcurl.
 *
 * A probe asks anew: each transfer has its own connection, which is closed after it. No
 * proxy or .netrc of the daemon's environment, no redirects, no protocols but HTTP and
 * mail, no signals. Names are resolved by evdns and handed to libcurl: its own resolver
 * would make a thread for each and could make its caller wait for it.
 */
#ifndef BATON_WORLD_LIVE_CURL_H
#define BATON_WORLD_LIVE_CURL_H

#include "world/world.h"

#include <curl/curl.h>
#include <stdbool.h>

struct live;
struct resolve;
struct curl_transfer;

/* libcurl is done with it; the easy handle can still be asked. May end the request. */
typedef void curl_done_fn(struct curl_transfer *transfer, CURLcode code);

/* Lives in the request's own struct. */
struct curl_transfer {
    struct live *live;
    CURL *easy;
    curl_done_fn *done;
    struct resolve *resolve;
    struct curl_slist *addresses, *connect_to;
    char *host; /* whose name is resolved */
    int port;
    bool added;
    int socket_error; /* errno where no socket could be made; libcurl doesn't tell */
    char error[CURL_ERROR_SIZE];
};

/* An easy handle with what is common to all. False: no memory, with the sentence. */
bool curl_transfer_init(
    struct curl_transfer *transfer, struct live *live, curl_done_fn *done, char *why,
    size_t why_size);

/* Check the certificate against `ca_file` (NULL: the system's), or not at all. */
void curl_transfer_trust(struct curl_transfer *transfer, bool verify, const char *ca_file);

/* Begin: `host` and `port` are those of the URL, or those that are connected to instead of
 * them. IPv6 addresses without brackets. False: it can't, with the sentence. */
bool curl_transfer_run(
    struct curl_transfer *transfer, const char *host, int port, bool instead, char *why,
    size_t why_size);

/* Close and free all; a zeroed transfer is fine. Never blocks. */
void curl_transfer_fini(struct curl_transfer *transfer);

/* What a failed transfer says, and its sentence. */
enum world_outcome curl_transfer_judge(
    struct curl_transfer *transfer, CURLcode code, char *text, size_t size);

/* Still before the first packet: the name is being looked up. */
bool curl_transfer_resolving(const struct curl_transfer *transfer);

#endif
