/* baton history: the journal's rows, from the daemon or straight from its file. */
#include "baton.h"

#include "journal/journal.h"

#include <string.h>
#include <time.h>

#define LIMIT_DEFAULT 100
#define FOLLOW_MS     1000

static void append(char *text, size_t size, const char *before, const char *word)
{
    size_t used = strlen(text);

    if (word[0] != '\0' && used < size) {
        snprintf(text + used, size - used, "%s%s", used > 0 ? before : "", word);
    }
}

/* A look answers a question: "fail" is its word for "it does not serve". */
static const char *outcome_word(const json_t *row)
{
    const char *outcome = text_at(row, "outcome");

    if (strcmp(text_at(row, "name"), "look") != 0 || outcome[0] == '\0') {
        return outcome;
    }
    return strcmp(outcome, "ok") == 0     ? "serves"
           : strcmp(outcome, "fail") == 0 ? "does not serve"
                                          : "can't say";
}

/* What the row says besides time, group, kind and node. */
static void row_words(const json_t *row, char *text, size_t size)
{
    char step[96];

    text[0] = '\0';
    if (json_object_get(row, "to") != NULL) {
        append(text, size, " ", text_at(row, "from"));
        append(text, size, " -> ", text_at(row, "to"));
    }
    append(text, size, " ", text_at(row, "step"));
    append(text, size, " ", text_at(row, "name"));
    append(text, size, " ", text_at(row, "probe"));
    if (int_at(row, "attempt") > 1) {
        snprintf(step, sizeof step, "(attempt %lld)", (long long)int_at(row, "attempt"));
        append(text, size, " ", step);
    }
    append(text, size, " ", outcome_word(row));
    if (strcmp(text_at(row, "kind"), "grant") == 0) {
        snprintf(step, sizeof step, "epoch %lld", (long long)int_at(row, "epoch"));
        append(text, size, " ", step);
    }
    append(text, size, text[0] != '\0' ? ": " : "", text_at(row, "text"));
}

/* The journal's times are UTC; people read their own. */
static const char *local_time(const json_t *row, char *text, size_t size)
{
    time_t seconds = (time_t)(int_at(row, "wall_ms") / 1000);
    struct tm local;
    size_t used;

    if (int_at(row, "wall_ms") == 0 || localtime_r(&seconds, &local) == NULL) {
        return text_at(row, "time");
    }
    used = strftime(text, size, "%Y-%m-%d %H:%M:%S", &local);
    snprintf(text + used, size - used, ".%03d", (int)(int_at(row, "wall_ms") % 1000));
    return text;
}

static void print_row(const json_t *row)
{
    char words[1024], when[64];
    const char *outcome = text_at(row, "outcome");

    row_words(row, words, sizeof words);
    printf(
        "%s%s%s  %-12s %-11s %-14s %s%s%s\n", print_dim(), local_time(row, when, sizeof when),
        print_plain(), text_at(row, "group"), text_at(row, "kind"), text_at(row, "node"),
        strcmp(outcome, "fail") == 0 && strcmp(outcome_word(row), "fail") == 0
            ? print_colour("fail")
            : "",
        words, print_plain());
}

static int64_t print_rows(const struct args *args, const json_t *rows, int64_t last)
{
    const json_t *row;
    size_t i;

    json_array_foreach(rows, i, row)
    {
        if (int_at(row, "id") > last) {
            last = int_at(row, "id");
        }
        if (args->json && args->follow) {
            print_json_line(row);
        } else if (!args->json) {
            print_row(row);
        }
    }
    if (args->json && !args->follow) {
        print_json(rows);
    }
    fflush(stdout);
    return last;
}

static int read_journal(const struct args *args, int64_t since_ms)
{
    struct journal_query query = {
        .group = args->n_words > 0 ? args->word[0] : NULL,
        .since_ms = since_ms,
        .limit = args->limit == 0 ? LIMIT_DEFAULT : (int)args->limit,
        .observations = args->observations,
    };
    struct baton_error error = {0};
    json_t *rows = journal_read(args->journal, &query, &error);

    if (rows == NULL) {
        return print_error(args, BATON_NO, baton_err_name(error.code), "%s", error.text);
    }
    print_rows(args, rows, 0);
    if (json_array_size(rows) == 0 && !args->json) {
        fputs("nothing recorded\n", stderr);
    }
    json_decref(rows);
    return BATON_DONE;
}

static json_t *history_request(const struct args *args, int64_t since_ms, int64_t after)
{
    json_t *request = json_pack(
        "{s:s,s:I,s:b}", "do", "history", "limit",
        (json_int_t)(args->limit == 0 ? LIMIT_DEFAULT : args->limit), "observations",
        args->observations);

    if (args->n_words > 0) {
        json_object_set_new(request, "group", json_string(args->word[0]));
    }
    if (since_ms != 0) {
        json_object_set_new(request, "since_ms", json_integer(since_ms));
    }
    if (after != 0) {
        json_object_set_new(request, "after", json_integer(after));
    }
    return request;
}

/* New rows as they come, until the reader has had enough. */
static int follow(const struct args *args, int64_t last)
{
    struct client *client = client_open(args);
    bool gone = false;

    if (client == NULL) {
        return BATON_UNREACHABLE;
    }
    while (!gone && ferror(stdout) == 0) {
        json_t *answer;

        if (!client_send(client, history_request(args, 0, last))) {
            break;
        }
        answer = client_next(client, 10000, &gone);
        if (answer != NULL) {
            last = print_rows(args, json_object_get(answer, "rows"), last);
            json_decref(answer);
        }
        json_decref(client_next(client, FOLLOW_MS, &gone)); /* nothing comes: a pause */
    }
    client_close(client);
    return print_error(
        args, BATON_UNREACHABLE, "unreachable", "batond has ended; the service has not");
}

int command_history(const struct args *args)
{
    int64_t since_ms = 0, last;
    json_t *answer;
    int code;

    if (args->since != NULL && !when_parse(args->since, when_now(), &since_ms)) {
        return print_error(
            args, BATON_USAGE, "usage",
            "--since %s: say how long ago (30m, 2h, 3d) or when (2026-11-24T21:59:00Z, "
            "\"2026-11-24 21:59\")",
            args->since);
    }
    if (args->journal != NULL) {
        return read_journal(args, since_ms);
    }
    answer = client_ask(args, history_request(args, since_ms, 0), &code);
    if (answer == NULL) {
        return code;
    }
    last = print_rows(args, json_object_get(answer, "rows"), 0);
    if (json_array_size(json_object_get(answer, "rows")) == 0 && !args->json) {
        fputs("nothing recorded\n", stderr);
    }
    json_decref(answer);
    return args->follow ? follow(args, last) : BATON_DONE;
}
