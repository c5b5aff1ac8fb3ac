#include "mailer.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define IN_FLIGHT_MAX 16
#define PAUSE_MS      100  /* before a refused mail is tried again */
#define CONNECT_MS    300  /* to a server that is there: a few */
#define TRANSFER_MS   3000 /* a mail under way on a server that dies hangs this long */

struct mail {
    struct mailer_transfer transfer; /* first member */
    struct mailer_post *post;
    struct curl_slist *to;
    int number, attempts;
    int64_t next_ms;
    size_t sent;
    size_t text_len;
    char text[512];
    char server[MAILER_SERVER_MAX];
    struct mail *next; /* of those that wait */
};

struct mailer_post {
    const struct mailer_setup *setup;
    CURLM *multi;
    FILE *accepted;
    struct mail *waiting; /* in order of next_ms */
    struct mail *flying[IN_FLIGHT_MAX];
    int written, n_flying, n_accepted, n_again;
    int64_t next_ms; /* when the next mail is written */
};

struct mailer_post *mailer_post_new(const struct mailer_setup *setup, CURLM *multi)
{
    struct mailer_post *post = calloc(1, sizeof *post);
    if (post == NULL)
        return NULL;
    post->setup = setup;
    post->multi = multi;
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/accepted", setup->directory);
    post->accepted = fopen(path, "we");
    if (post->accepted == NULL) {
        perror(path);
        free(post);
        return NULL;
    }
    setvbuf(post->accepted, NULL, _IOLBF, 0);
    return post;
}

static void mail_free(struct mail *mail)
{
    curl_slist_free_all(mail->to);
    free(mail);
}

static void wait_again(struct mailer_post *post, struct mail *mail)
{
    struct mail **at = &post->waiting;
    while (*at != NULL && (*at)->next_ms <= mail->next_ms)
        at = &(*at)->next;
    mail->next = *at;
    *at = mail;
}

static void mail_done(struct mailer_transfer *transfer, CURLcode code)
{
    struct mail *mail = (struct mail *)transfer;
    struct mailer_post *post = mail->post;
    curl_easy_cleanup(transfer->easy);
    transfer->easy = NULL;
    for (int i = 0; i < IN_FLIGHT_MAX; i++) {
        if (post->flying[i] == mail)
            post->flying[i] = NULL;
    }
    post->n_flying--;
    if (code == CURLE_OK) {
        fprintf(
            post->accepted, "%d %d %lld %s\n", mail->number, mail->attempts,
            (long long)mailer_wall_ms(), mail->server);
        post->n_accepted++;
        mail_free(mail);
        return;
    }
    post->n_again++;
    mail->next_ms = mailer_now_ms() + PAUSE_MS;
    wait_again(post, mail);
}

static size_t on_read(char *buffer, size_t size, size_t count, void *arg)
{
    struct mail *mail = arg;
    size_t left = mail->text_len - mail->sent;
    size_t n = size * count < left ? size * count : left;
    memcpy(buffer, mail->text + mail->sent, n);
    mail->sent += n;
    return n;
}

static size_t on_header(char *line, size_t size, size_t count, void *arg)
{
    struct mail *mail = arg;
    mailer_server_name(line, size * count, mail->server);
    return size * count;
}

static void mail_start(struct mailer_post *post, struct mail *mail, int64_t now_ms)
{
    CURL *easy = curl_easy_init();
    if (easy == NULL)
        abort();
    mail->transfer = (struct mailer_transfer){mail_done, easy, now_ms};
    mail->attempts++;
    mail->sent = 0;
    char url[256];
    snprintf(url, sizeof url, "smtp://%s/client", post->setup->host);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, mail);
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)TRANSFER_MS);
    curl_easy_setopt(easy, CURLOPT_MAIL_FROM, "<client@baton.test>");
    curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, mail->to);
    curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(easy, CURLOPT_READDATA, mail);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, mail);
    for (int i = 0; i < IN_FLIGHT_MAX; i++) {
        if (post->flying[i] == NULL) {
            post->flying[i] = mail;
            break;
        }
    }
    post->n_flying++;
    curl_multi_add_handle(post->multi, easy);
}

static struct mail *mail_new(struct mailer_post *post, int64_t now_ms)
{
    struct mail *mail = calloc(1, sizeof *mail);
    if (mail == NULL)
        abort();
    mail->post = post;
    mail->number = ++post->written;
    mail->next_ms = now_ms;
    strcpy(mail->server, "?");
    mail->to = curl_slist_append(NULL, post->setup->to);
    char date[64];
    time_t now = time(NULL);
    struct tm tm;
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S +0000", gmtime_r(&now, &tm));
    mail->text_len = (size_t)snprintf(
        mail->text, sizeof mail->text,
        "From: <client@baton.test>\r\nTo: <%s>\r\nDate: %s\r\n"
        "Message-ID: <%d.%s@client.baton.test>\r\n"
        "Subject: Number %d\r\n\r\nMail number %d.\r\n",
        post->setup->to, date, mail->number, post->setup->run, mail->number, mail->number);
    return mail;
}

int64_t mailer_post_turn(struct mailer_post *post, int64_t now_ms, bool ending)
{
    if (!ending && now_ms >= post->next_ms && post->written < MAILER_MAILS_MAX) {
        wait_again(post, mail_new(post, now_ms));
        post->next_ms = now_ms + post->setup->every_ms;
    }
    while (post->waiting != NULL && post->waiting->next_ms <= now_ms &&
           post->n_flying < IN_FLIGHT_MAX) {
        struct mail *mail = post->waiting;
        post->waiting = mail->next;
        mail_start(post, mail, now_ms);
    }
    if (ending)
        return now_ms + PAUSE_MS / 4;
    if (post->waiting != NULL && post->n_flying < IN_FLIGHT_MAX &&
        post->waiting->next_ms < post->next_ms)
        return post->waiting->next_ms;
    return post->next_ms;
}

bool mailer_post_idle(const struct mailer_post *post)
{
    return post->waiting == NULL && post->n_flying == 0;
}

void mailer_post_summary(const struct mailer_post *post, FILE *out)
{
    fprintf(
        out, "written %d\naccepted %d\nagain %d\n", post->written, post->n_accepted, post->n_again);
}

void mailer_post_free(struct mailer_post *post)
{
    if (post == NULL)
        return;
    for (int i = 0; i < IN_FLIGHT_MAX; i++) {
        if (post->flying[i] == NULL)
            continue;
        curl_multi_remove_handle(post->multi, post->flying[i]->transfer.easy);
        curl_easy_cleanup(post->flying[i]->transfer.easy);
        mail_free(post->flying[i]);
    }
    while (post->waiting != NULL) {
        struct mail *mail = post->waiting;
        post->waiting = mail->next;
        mail_free(mail);
    }
    fclose(post->accepted);
    free(post);
}
