#include "mailer.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct look {
    struct mailer_transfer transfer; /* first member */
    struct mailer_meter *meter;
    char server[MAILER_SERVER_MAX];
    struct look *prev, *next;
};

struct mailer_meter {
    const struct mailer_setup *setup;
    CURLM *multi;
    FILE *outages;
    struct look *looks; /* under way */
    int64_t next_ms;
    int64_t last_ok_ms; /* when the last good greeting was complete; 0: none yet */
    char last_server[MAILER_SERVER_MAX];
    long made, good;
    int n_outages;
    int64_t longest_ms;
};

struct mailer_meter *mailer_meter_new(const struct mailer_setup *setup, CURLM *multi)
{
    struct mailer_meter *meter = calloc(1, sizeof *meter);
    if (meter == NULL)
        return NULL;
    meter->setup = setup;
    meter->multi = multi;
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/outages", setup->directory);
    meter->outages = fopen(path, "we");
    if (meter->outages == NULL) {
        perror(path);
        free(meter);
        return NULL;
    }
    setvbuf(meter->outages, NULL, _IOLBF, 0);
    return meter;
}

static void look_free(struct look *look)
{
    if (look->prev != NULL)
        look->prev->next = look->next;
    else
        look->meter->looks = look->next;
    if (look->next != NULL)
        look->next->prev = look->prev;
    curl_easy_cleanup(look->transfer.easy);
    free(look);
}

static void outage_over(struct mailer_meter *meter, const struct look *look, int64_t now_ms)
{
    int64_t length_ms = now_ms - meter->last_ok_ms;
    fprintf(
        meter->outages, "%lld %lld %s %s\n", (long long)(mailer_wall_ms() - length_ms),
        (long long)length_ms, meter->last_server, look->server);
    meter->n_outages++;
    if (length_ms > meter->longest_ms)
        meter->longest_ms = length_ms;
}

static void look_done(struct mailer_transfer *transfer, CURLcode code)
{
    struct look *look = (struct look *)transfer;
    struct mailer_meter *meter = look->meter;
    int64_t now_ms = mailer_now_ms();
    /* What counts is the time without a good greeting, not which connection fails when: one
     * that began in a short gap hangs until its timeout, long after the gap is over. */
    if (code == CURLE_OK) {
        meter->good++;
        if (meter->last_ok_ms != 0 && now_ms - meter->last_ok_ms >= meter->setup->gap_ms)
            outage_over(meter, look, now_ms);
        meter->last_ok_ms = now_ms;
        memcpy(meter->last_server, look->server, sizeof meter->last_server);
    }
    look_free(look);
}

static size_t on_header(char *line, size_t size, size_t count, void *arg)
{
    struct look *look = arg;
    mailer_server_name(line, size * count, look->server);
    return size * count;
}

static void look_start(struct mailer_meter *meter, int64_t now_ms)
{
    struct look *look = calloc(1, sizeof *look);
    CURL *easy = curl_easy_init();
    if (look == NULL || easy == NULL)
        abort();
    look->meter = meter;
    look->transfer = (struct mailer_transfer){look_done, easy, now_ms};
    strcpy(look->server, "?");
    char url[256];
    snprintf(url, sizeof url, "smtp://%s/meter", meter->setup->host);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, look);
    /* Connect, banner, EHLO, and no more: a complete greeting. */
    curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)meter->setup->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, look);
    look->next = meter->looks;
    if (meter->looks != NULL)
        meter->looks->prev = look;
    meter->looks = look;
    meter->made++;
    curl_multi_add_handle(meter->multi, easy);
}

int64_t mailer_meter_turn(struct mailer_meter *meter, int64_t now_ms)
{
    if (now_ms >= meter->next_ms) {
        look_start(meter, now_ms);
        meter->next_ms = now_ms + meter->setup->meter_ms;
    }
    return meter->next_ms;
}

void mailer_meter_summary(const struct mailer_meter *meter, FILE *out)
{
    fprintf(
        out, "looks %ld\ngood %ld\noutages %d\nlongest_ms %lld\n", meter->made, meter->good,
        meter->n_outages, (long long)meter->longest_ms);
}

void mailer_meter_free(struct mailer_meter *meter)
{
    if (meter == NULL)
        return;
    while (meter->looks != NULL) {
        curl_multi_remove_handle(meter->multi, meter->looks->transfer.easy);
        look_free(meter->looks);
    }
    fclose(meter->outages);
    free(meter);
}
