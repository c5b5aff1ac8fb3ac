/* The client of the live lab: what a mail user sees of a failover, in numbers.
 *
 * `mailer send` posts numbered mail through the floating address all the time and tries
 * again what was refused; beside it a meter opens a new SMTP connection every few
 * milliseconds and writes down each time in which none got a complete greeting.
 * `mailer count` reads the mailbox over IMAP and says which accepted mail is missing.
 *
 * Both loops share one libcurl multi handle and one thread. The meter's connections
 * overlap: one that hangs does not keep the next from being tried, so an outage is known
 * to about the meter's interval.
 */
#ifndef BATON_TESTS_LIVE_MAILER_H
#define BATON_TESTS_LIVE_MAILER_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define MAILER_MAILS_MAX  100000
#define MAILER_SERVER_MAX 64

struct mailer_setup {
    const char *host; /* the floating address */
    const char *to, *run;
    const char *user, *password; /* of the mailbox, for count */
    const char *directory;       /* where the files below are written */
    int every_ms;                /* between two mails */
    int meter_ms;                /* between two connections of the meter */
    int timeout_ms;              /* of one connection of the meter */
    int gap_ms;                  /* so long without a greeting is an outage */
    int wait_ms;                 /* for what is still due at the end */
};

/* One transfer of the multi handle; embedded at the start of a meter's or a mail's. */
struct mailer_transfer {
    void (*done)(struct mailer_transfer *transfer, CURLcode code);
    CURL *easy;
    int64_t began_ms;
};

int64_t mailer_now_ms(void);  /* monotonic */
int64_t mailer_wall_ms(void); /* since 1970, UTC */

/* Writes the name that a greeting ("220 NAME ESMTP …") gives, without its domain. */
void mailer_server_name(const char *line, size_t len, char name[static MAILER_SERVER_MAX]);

/* ---- mailer_meter.c: file outages, one line each: WALL_MS LENGTH_MS FROM TO -------------- */

struct mailer_meter;
struct mailer_meter *mailer_meter_new(const struct mailer_setup *setup, CURLM *multi);
/* Start what is due; returns when it next wants to be called. */
int64_t mailer_meter_turn(struct mailer_meter *meter, int64_t now_ms);
void mailer_meter_summary(const struct mailer_meter *meter, FILE *out);
void mailer_meter_free(struct mailer_meter *meter);

/* ---- mailer_post.c: file accepted, one line each: NUMBER ATTEMPTS WALL_MS SERVER -------- */

struct mailer_post;
struct mailer_post *mailer_post_new(const struct mailer_setup *setup, CURLM *multi);
/* With `ending` no new mail is written, only the old is tried again. */
int64_t mailer_post_turn(struct mailer_post *post, int64_t now_ms, bool ending);
bool mailer_post_idle(const struct mailer_post *post);
void mailer_post_summary(const struct mailer_post *post, FILE *out);
void mailer_post_free(struct mailer_post *post);

/* ---- mailer_count.c ------------------------------------------------------------------- */

/* Count until everything accepted is found or wait_ms is over. Returns the exit code. */
int mailer_count(const struct mailer_setup *setup);

#endif
