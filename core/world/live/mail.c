#include "world/live/request.h"

#include <stdio.h>

struct mail {
    struct live_request head;
};

static bool start(struct live_request *request, const struct world_request *wanted, char *why,
                  size_t why_size)
{
    (void)request;
    (void)wanted;
    snprintf(why, why_size, "this build has no mail requests");
    return false;
}

static void stop(struct live_request *request)
{
    (void)request;
}

const struct live_kind live_kind_mail = {
    .name = "mail",
    .size = sizeof(struct mail),
    .start = start,
    .stop = stop,
    .on_deadline = WORLD_FAIL,
};
