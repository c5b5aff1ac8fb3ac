#include "world/live/request.h"

#include <stdlib.h>

struct live_curl {
    struct event_base *base;
};

enum baton_err live_curl_new(struct event_base *base, struct live_curl **out,
                             struct baton_error *error)
{
    struct live_curl *curl = calloc(1, sizeof *curl);
    if (curl == NULL)
        return baton_fail(error, BATON_NOMEM, "no memory for libcurl");
    curl->base = base;
    *out = curl;
    return BATON_OK;
}

void live_curl_free(struct live_curl *curl)
{
    free(curl);
}
