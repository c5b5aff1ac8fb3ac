/* The Batons of other nodes, asked and answered over mutual TLS. */
#include "world/live/request.h"

#include <stdio.h>

static bool start(
    struct live_request *request, const struct world_request *wanted, char *why, size_t why_size)
{
    (void)request;
    (void)wanted;
    snprintf(why, why_size, "not built in");
    return false;
}

static void stop(struct live_request *request)
{
    (void)request;
}

const struct live_kind live_kind_peer = {
    .name = "peer",
    .size = sizeof(struct live_request),
    .start = start,
    .stop = stop,
    .on_deadline = WORLD_UNKNOWN,
};
