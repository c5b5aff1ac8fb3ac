/* The commands that act: failover, failback, pause, resume, confirm-out, reload. */
#include "baton.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What batond itself gives two checks of a large configuration, and some more. */
#define RELOAD_MS (10 * 60 * 1000)

static json_t *act(const struct args *args, const char *verb)
{
    json_t *request = json_pack("{s:s}", "do", verb);
    const char *by = getenv("SUDO_USER");

    if (args->n_words > 0) {
        json_object_set_new(request, "group", json_string(args->word[0]));
    }
    if (args->reason != NULL) {
        json_object_set_new(request, "reason", json_string(args->reason));
    }
    if (by != NULL && by[0] != '\0') { /* root's account is shared; say who it is */
        json_object_set_new(request, "by", json_string(by));
    }
    return request;
}

/* ---- A move, step by step -------------------------------------------------------------- */

static const char *sign(const char *status)
{
    static const struct {
        const char *status, *fancy, *plain;
    } signs[] = {
        {"done", "✓", "done   "},    {"failed", "✗", "failed "},  {"skipped", "·", "skipped"},
        {"resting", "…", "again  "}, {"running", "▸", "running"}, {"", "▸", "       "},
    };
    size_t i = 0;

    while (signs[i].status[0] != '\0' && strcmp(signs[i].status, status) != 0) {
        i++;
    }
    return print_fancy() ? signs[i].fancy : signs[i].plain;
}

static void print_step(const json_t *step)
{
    const char *status = text_at(step, "status");
    bool running = strcmp(status, "running") == 0;
    char age[64], words[192];

    /* On a terminal the line of a running step is replaced by that of its end. */
    printf("%s", print_fancy() ? "\r\033[K" : "");
    printf(
        "  %s%s%s %lld/%lld %s on %s", print_colour(status), sign(status), print_plain(),
        (long long)int_at(step, "step") + 1, (long long)int_at(step, "steps"),
        print_step_words(step, words, sizeof words), text_at(step, "node"));
    if (int_at(step, "attempt") > 1) {
        printf(
            ", attempt %lld of %lld", (long long)int_at(step, "attempt"),
            (long long)int_at(step, "attempts"));
    }
    if (!running && json_object_get(step, "took_ms") != NULL) {
        printf(", %s", print_age(int_at(step, "took_ms"), age, sizeof age));
    }
    if (strcmp(status, "failed") == 0 || strcmp(status, "resting") == 0) {
        printf(": %s", text_at(step, "text"));
    }
    if (!running || !print_fancy()) {
        putchar('\n');
    }
    fflush(stdout);
}

static void print_move_event(const json_t *line)
{
    const char *event = text_at(line, "event");
    const char *taker = text_at(line, "taker");

    if (strcmp(event, "plan") == 0) {
        printf("%s of %s", text_at(line, "kind"), text_at(line, "group"));
        if (text_at(line, "from")[0] != '\0') {
            printf(" from %s", text_at(line, "from"));
        }
        printf(" to %s\n", taker[0] != '\0' ? taker : "nobody");
        fflush(stdout);
    } else if (strcmp(event, "passed-on") == 0) {
        peers_print_passed(line, "move", text_at(line, "group"));
        printf("\n");
        fflush(stdout);
    } else if (strcmp(event, "answer") == 0) {
        printf("  answer: %s\n", text_at(line, "text"));
        fflush(stdout);
    } else if (strcmp(event, "step") == 0) {
        print_step(line);
    } else if (strcmp(text_at(line, "notice"), "transition") != 0) {
        printf(
            "%s  %s: %s\n", print_fancy() ? "\r\033[K" : "", text_at(line, "notice"),
            text_at(line, "text"));
        fflush(stdout);
    }
}

static int print_verdict(const struct args *args, const json_t *line)
{
    char age[64];

    if (!bool_at(line, "ok")) {
        return client_refused(args, line);
    }
    if (args->json) {
        print_json_line(line);
    } else {
        printf(
            "%s holds %s%s%s now, epoch %lld, after %s\n",
            text_at(line, "holder")[0] != '\0' ? text_at(line, "holder") : "nobody", print_bold(),
            args->word[0], print_plain(), (long long)int_at(line, "epoch"),
            print_age(int_at(line, "took_ms"), age, sizeof age));
    }
    return BATON_DONE;
}

static int follow_move(const struct args *args, json_t *request)
{
    struct client *client = client_open(args);
    int code = -1;

    if (client == NULL) {
        json_decref(request);
        return BATON_UNREACHABLE;
    }
    client_send(client, request);
    while (code < 0) {
        bool gone;
        json_t *line = client_next(client, CLIENT_FOR_EVER, &gone);

        if (line == NULL && gone) {
            code = print_error(
                args, BATON_UNREACHABLE, "unreachable",
                "batond ended while the move was under way. Nothing is lost: it is resumed or "
                "undone when batond starts again; see baton status %s",
                args->word[0]);
        } else if (json_object_get(line, "ok") != NULL) {
            code = print_verdict(args, line);
        } else if (line != NULL && args->json) {
            print_json_line(line);
        } else if (line != NULL) {
            print_move_event(line);
        }
        json_decref(line);
    }
    client_close(client);
    return code;
}

static int move(const struct args *args, json_t *request)
{
    json_t *answer;
    int code;

    if (args->wait) {
        json_object_set_new(request, "wait", json_true());
        return follow_move(args, request);
    }
    answer = client_ask(args, request, &code);
    if (answer == NULL) {
        return code;
    }
    if (args->json) {
        print_json(answer);
    } else if (bool_at(answer, "passed_on")) {
        peers_print_passed(answer, "move", args->word[0]);
        printf("; follow it with: baton status %s --watch\n", args->word[0]);
    } else {
        printf(
            "the %s of %s has begun; follow it with: baton status %s --watch\n",
            text_at(answer, "kind"), args->word[0], args->word[0]);
    }
    json_decref(answer);
    return BATON_DONE;
}

int command_failover(const struct args *args)
{
    json_t *request;

    if (args->force && args->reason == NULL) {
        return print_error(
            args, BATON_USAGE, "usage",
            "--force moves to a node that is not fit: name the risk with --reason TEXT");
    }
    request = act(args, "failover");
    if (args->to != NULL) {
        json_object_set_new(request, "to", json_string(args->to));
    }
    if (args->force) {
        json_object_set_new(request, "force", json_true());
    }
    return move(args, request);
}

int command_failback(const struct args *args)
{
    return move(args, act(args, "failback"));
}

/* ---- The short ones -------------------------------------------------------------------- */

static int simple(const struct args *args, json_t *request, const char *what, const char *done)
{
    int code;
    json_t *answer = client_ask(args, request, &code);

    if (answer == NULL) {
        return code;
    }
    if (args->json) {
        print_json(answer);
    } else if (bool_at(answer, "passed_on")) {
        peers_print_passed(answer, what, args->word[0]);
        printf("; see: baton status %s\n", args->word[0]);
    } else {
        printf(
            "%s%s%s\n", args->n_words > 0 ? args->word[0] : "", args->n_words > 0 ? ": " : "",
            done);
    }
    json_decref(answer);
    return BATON_DONE;
}

int command_pause(const struct args *args)
{
    return simple(
        args, act(args, "pause"), "pause",
        "paused: it observes, but makes no move; the service stays where it is");
}

int command_resume(const struct args *args)
{
    return simple(
        args, act(args, "resume"), "resume", "resumed: it moves again when its policy says so");
}

int command_confirm_out(const struct args *args)
{
    json_t *request;

    if (args->reason == NULL) {
        return print_error(
            args, BATON_USAGE, "usage",
            "confirm-out needs --reason TEXT: say how you know that %s does not serve. If it "
            "does, two nodes will serve",
            args->word[1]);
    }
    request = act(args, "confirm-out");
    json_object_set_new(request, "node", json_string(args->word[1]));
    return simple(args, request, "confirmation", "noted: the node counts as confirmed out");
}

int command_reload(const struct args *args)
{
    int code;
    json_t *answer = client_ask_within(args, act(args, "reload"), RELOAD_MS, &code), *warning;
    size_t i;

    if (answer == NULL) {
        return code;
    }
    if (args->json) {
        print_json(answer);
    } else {
        json_array_foreach(json_object_get(answer, "warnings"), i, warning)
        {
            printf("%s\n", json_string_value(warning));
        }
        printf("reloaded: the configuration's policies are in use\n");
    }
    json_decref(answer);
    return BATON_DONE;
}
