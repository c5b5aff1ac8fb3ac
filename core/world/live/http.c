#include "world/live/request.h"

#include <stdio.h>

struct http {
    struct live_request head;
};

static bool start(struct live_request *request, const struct world_request *wanted, char *why,
                  size_t why_size)
{
    (void)request;
    (void)wanted;
    snprintf(why, why_size, "this build has no http requests");
    return false;
}

static void stop(struct live_request *request)
{
    (void)request;
}

const struct live_kind live_kind_http = {
    .name = "http",
    .size = sizeof(struct http),
    .start = start,
    .stop = stop,
    .on_deadline = WORLD_FAIL,
};
