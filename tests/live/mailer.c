#include "mailer.h"

#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static volatile sig_atomic_t ending;

static int64_t clock_ms(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t mailer_now_ms(void)
{
    return clock_ms(CLOCK_MONOTONIC);
}

int64_t mailer_wall_ms(void)
{
    return clock_ms(CLOCK_REALTIME);
}

void mailer_server_name(const char *line, size_t len, char name[static MAILER_SERVER_MAX])
{
    if (len < 5 || strncmp(line, "220 ", 4) != 0)
        return;
    size_t n = 0;
    while (4 + n < len && n < MAILER_SERVER_MAX - 1 && strchr(". \r\n", line[4 + n]) == NULL)
        n++;
    memcpy(name, line + 4, n);
    name[n] = '\0';
}

static void on_signal(int number)
{
    (void)number;
    ending = 1;
}

static void finish_transfers(CURLM *multi)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE)
            continue;
        struct mailer_transfer *transfer = NULL;
        CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
        curl_multi_remove_handle(multi, message->easy_handle);
        transfer->done(transfer, code);
    }
}

static int write_summary(
    const struct mailer_setup *setup, const struct mailer_meter *meter,
    const struct mailer_post *post)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/summary", setup->directory);
    FILE *out = fopen(path, "we");
    if (out == NULL) {
        perror(path);
        return 1;
    }
    mailer_post_summary(post, out);
    mailer_meter_summary(meter, out);
    return fclose(out) == 0 ? 0 : 1;
}

/* Until a signal, and then until all that was written is accepted or wait_ms is over. */
static int mailer_send(const struct mailer_setup *setup)
{
    CURLM *multi = curl_multi_init();
    struct mailer_meter *meter = mailer_meter_new(setup, multi);
    struct mailer_post *post = mailer_post_new(setup, multi);
    if (multi == NULL || meter == NULL || post == NULL)
        return 1;
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);

    int64_t end_ms = 0;
    for (;;) {
        int64_t now_ms = mailer_now_ms();
        if (ending && end_ms == 0)
            end_ms = now_ms + setup->wait_ms;
        if (end_ms != 0 && (mailer_post_idle(post) || now_ms >= end_ms))
            break;
        int64_t meter_ms = mailer_meter_turn(meter, now_ms);
        int64_t post_ms = mailer_post_turn(post, now_ms, end_ms != 0);
        int64_t wait_ms = (meter_ms < post_ms ? meter_ms : post_ms) - mailer_now_ms();
        int running;
        curl_multi_perform(multi, &running);
        curl_multi_poll(multi, NULL, 0, wait_ms > 0 ? (int)wait_ms : 0, NULL);
        curl_multi_perform(multi, &running);
        finish_transfers(multi);
    }
    int result = write_summary(setup, meter, post);
    if (!mailer_post_idle(post))
        result = 1;
    mailer_post_free(post);
    mailer_meter_free(meter);
    curl_multi_cleanup(multi);
    return result;
}

static int usage(FILE *out, int code)
{
    fputs(
        "usage: mailer send|count --host ADDRESS --directory DIR [options]\n"
        "\n"
        "send posts numbered mail until SIGTERM, count looks for it over IMAP. Files in DIR:\n"
        "accepted, outages, summary.\n"
        "\n"
        "  --to ADDRESS        recipient (post@baton.test)\n"
        "  --run NAME          part of each Message-ID, to know one run from another\n"
        "  --user, --password  of the mailbox, for count\n"
        "  --every MS          between two mails (100)\n"
        "  --meter MS          between two connections of the meter (10)\n"
        "  --timeout MS        of one such connection (500)\n"
        "  --wait MS           for what is still due at the end (20000)\n",
        out);
    return code;
}

static bool read_options(int argc, char **argv, struct mailer_setup *setup)
{
    static const struct option options[] = {
        {"host", required_argument, NULL, 'h'},    {"directory", required_argument, NULL, 'd'},
        {"to", required_argument, NULL, 't'},      {"run", required_argument, NULL, 'r'},
        {"user", required_argument, NULL, 'u'},    {"password", required_argument, NULL, 'p'},
        {"every", required_argument, NULL, 'e'},   {"meter", required_argument, NULL, 'm'},
        {"timeout", required_argument, NULL, 'o'}, {"wait", required_argument, NULL, 'w'},
        {"gap", required_argument, NULL, 'g'},     {NULL, 0, NULL, 0},
    };
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'h':
            setup->host = optarg;
            break;
        case 'd':
            setup->directory = optarg;
            break;
        case 't':
            setup->to = optarg;
            break;
        case 'r':
            setup->run = optarg;
            break;
        case 'u':
            setup->user = optarg;
            break;
        case 'p':
            setup->password = optarg;
            break;
        case 'e':
            setup->every_ms = atoi(optarg);
            break;
        case 'm':
            setup->meter_ms = atoi(optarg);
            break;
        case 'o':
            setup->timeout_ms = atoi(optarg);
            break;
        case 'g':
            setup->gap_ms = atoi(optarg);
            break;
        case 'w':
            setup->wait_ms = atoi(optarg);
            break;
        default:
            return false;
        }
    }
    return setup->host != NULL && setup->directory != NULL && setup->every_ms > 0 &&
           setup->meter_ms > 0 && setup->timeout_ms > 0 && setup->gap_ms > 0 && setup->wait_ms >= 0;
}

int main(int argc, char **argv)
{
    struct mailer_setup setup = {
        .to = "post@baton.test",
        .run = "run",
        .user = "post",
        .password = "",
        .every_ms = 100,
        .meter_ms = 10,
        .timeout_ms = 500,
        .gap_ms = 100,
        .wait_ms = 20000,
    };
    if (argc > 1 && strcmp(argv[1], "--help") == 0)
        return usage(stdout, 0);
    if (argc < 2 || !read_options(argc - 1, argv + 1, &setup))
        return usage(stderr, 2);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    int result;
    if (strcmp(argv[1], "send") == 0)
        result = mailer_send(&setup);
    else if (strcmp(argv[1], "count") == 0)
        result = mailer_count(&setup);
    else
        result = usage(stderr, 2);
    curl_global_cleanup();
    return result;
}
