#include "mailer.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define AGAIN_MS 500
#define AT_ONCE  25 /* mails in one answer */
#define NAMED    10 /* missing ones that are named */

struct answer {
    char *text;
    size_t len;
};

struct tally {
    unsigned char accepted[MAILER_MAILS_MAX + 1]; /* 0 or 1 */
    unsigned char found[MAILER_MAILS_MAX + 1];    /* how often, up to 255 */
    int n_accepted, n_found, n_missing, n_twice;
};

static size_t on_write(char *data, size_t size, size_t count, void *arg)
{
    struct answer *answer = arg;
    char *text = realloc(answer->text, answer->len + size * count + 1);
    if (text == NULL)
        return 0;
    memcpy(text + answer->len, data, size * count);
    answer->text = text;
    answer->len += size * count;
    text[answer->len] = '\0';
    return size * count;
}

/* One request on a connection of its own. libcurl stops at 300 KiB of answers on one, and some
 * versions count each line once more for every line that came with it: hence AT_ONCE. */
static CURLcode ask(const struct mailer_setup *setup, const char *request, struct answer *answer)
{
    CURL *easy = curl_easy_init();
    if (easy == NULL)
        return CURLE_OUT_OF_MEMORY;
    char url[256];
    snprintf(url, sizeof url, "imap://%s/INBOX", setup->host);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_USERNAME, setup->user);
    curl_easy_setopt(easy, CURLOPT_PASSWORD, setup->password);
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request);
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 10000L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_write);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, answer);
    CURLcode code = curl_easy_perform(easy);
    curl_easy_cleanup(easy);
    return code;
}

static CURLcode count_messages(const struct mailer_setup *setup, long *n)
{
    struct answer answer = {0};
    CURLcode code = ask(setup, "STATUS INBOX (MESSAGES)", &answer);
    const char *at = answer.text != NULL ? strstr(answer.text, "(MESSAGES ") : NULL;
    *n = at != NULL ? strtol(at + strlen("(MESSAGES "), NULL, 10) : 0;
    free(answer.text);
    return code;
}

/* The Message-IDs of all mail in the box, as the server puts them into ENVELOPE. */
static CURLcode fetch(const struct mailer_setup *setup, struct answer *answer)
{
    char request[64];
    long n;
    CURLcode code = count_messages(setup, &n);
    for (long from = 1; code == CURLE_OK && from <= n; from += AT_ONCE) {
        long to = from + AT_ONCE - 1 < n ? from + AT_ONCE - 1 : n;
        snprintf(request, sizeof request, "FETCH %ld:%ld ENVELOPE", from, to);
        code = ask(setup, request, answer);
    }
    return code;
}

static bool read_accepted(const struct mailer_setup *setup, struct tally *tally)
{
    char path[PATH_MAX], line[256];
    snprintf(path, sizeof path, "%s/accepted", setup->directory);
    FILE *in = fopen(path, "re");
    if (in == NULL) {
        perror(path);
        return false;
    }
    while (fgets(line, sizeof line, in) != NULL) {
        long number = strtol(line, NULL, 10);
        if (number < 1 || number > MAILER_MAILS_MAX || tally->accepted[number])
            continue;
        tally->accepted[number] = 1;
        tally->n_accepted++;
    }
    fclose(in);
    return true;
}

static void compare(const struct mailer_setup *setup, const char *text, struct tally *tally)
{
    char mark[256];
    int mark_len = snprintf(mark, sizeof mark, ".%s@client.baton.test>", setup->run);
    memset(tally->found, 0, sizeof tally->found);
    for (const char *at = text; (at = strchr(at, '<')) != NULL; at++) {
        char *end;
        long number = strtol(at + 1, &end, 10);
        if (end == at + 1 || strncmp(end, mark, (size_t)mark_len) != 0)
            continue;
        if (number >= 1 && number <= MAILER_MAILS_MAX && tally->found[number] < 255)
            tally->found[number]++;
    }
    tally->n_found = tally->n_missing = tally->n_twice = 0;
    for (int i = 1; i <= MAILER_MAILS_MAX; i++) {
        tally->n_found += tally->found[i] > 0;
        tally->n_twice += tally->found[i] > 1;
        tally->n_missing += tally->accepted[i] && tally->found[i] == 0;
    }
}

static void print(const struct tally *tally, const char *trouble)
{
    printf(
        "accepted %d\nfound %d\ntwice %d\nmissing %d\n", tally->n_accepted, tally->n_found,
        tally->n_twice, tally->n_missing);
    int named = 0;
    for (int i = 1; i <= MAILER_MAILS_MAX && named < NAMED; i++) {
        if (tally->accepted[i] && tally->found[i] == 0) {
            fprintf(stderr, "mailer: number %d was accepted and is not in the mailbox\n", i);
            named++;
        }
    }
    if (trouble != NULL)
        fprintf(stderr, "mailer: the mailbox could not be read: %s\n", trouble);
}

int mailer_count(const struct mailer_setup *setup)
{
    struct tally *tally = calloc(1, sizeof *tally);
    if (tally == NULL || !read_accepted(setup, tally)) {
        free(tally);
        return 1;
    }
    int64_t end_ms = mailer_now_ms() + setup->wait_ms;
    const char *trouble;
    for (;;) {
        struct answer answer = {0};
        CURLcode code = fetch(setup, &answer);
        trouble = code == CURLE_OK ? NULL : curl_easy_strerror(code);
        compare(setup, answer.text != NULL ? answer.text : "", tally);
        free(answer.text);
        if ((trouble == NULL && tally->n_missing == 0) || mailer_now_ms() >= end_ms)
            break;
        nanosleep(&(struct timespec){.tv_nsec = AGAIN_MS * 1000000L}, NULL);
    }
    print(tally, trouble);
    bool all = trouble == NULL && tally->n_missing == 0 && tally->n_accepted > 0;
    free(tally);
    return all ? 0 : 1;
}
