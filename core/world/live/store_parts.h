/* What store.c, store_call.c and store_stream.c share. */
#ifndef BATON_WORLD_LIVE_STORE_PARTS_H
#define BATON_WORLD_LIVE_STORE_PARTS_H

#include "world/live/parts.h"
#include "world/live/store.h"

#define STORE_HOST_MAX 256

struct store_endpoint {
    char url[STORE_HOST_MAX + 32], host[STORE_HOST_MAX];
    int port;
    const char *gateway; /* "/v3"; NULL: not asked yet */
};

struct store {
    struct live *live;
    int n_endpoints, good; /* the one that answered last */
    struct store_endpoint endpoint[STORE_ENDPOINTS_MAX];
    char token[ETCD_TOKEN_MAX]; /* "": none yet */
    bool no_users;              /* the store wants none */
    struct store_group *groups;
};

/* One POST or GET to one server, with what the store wants of all. */
struct store_transfer {
    struct curl_transfer transfer; /* first */
    struct curl_slist *headers;
    char *body;
    size_t len, size;
};

/* `post` NULL: GET. False: it can't be sent, with the sentence. */
bool store_transfer_run(
    struct store *store, struct store_transfer *transfer, int endpoint, const char *path,
    const char *post, curl_done_fn *done, curl_write_callback on_data, void *arg, char *why,
    size_t why_size);
void store_transfer_fini(struct store_transfer *transfer);
/* CURLOPT_WRITEFUNCTION for answers that are kept whole, `arg` is the transfer. */
size_t store_transfer_keep(char *data, size_t one, size_t len, void *arg);

#endif
