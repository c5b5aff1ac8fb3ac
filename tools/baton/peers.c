/* A Baton on every node, in words: whose Baton decides, and how the lease stands. */
#include "baton.h"

#include <string.h>

static const json_t *part(const json_t *group, const char *name)
{
    return json_object_get(json_object_get(group, "peers"), name);
}

static void print_who(FILE *out, const json_t *group)
{
    const json_t *peers = json_object_get(group, "peers");

    fprintf(out, "  this is %s; ", text_at(peers, "self"));
    if (bool_at(peers, "stranger")) {
        fprintf(
            out, "%sthe store names a holder that is not configured here%s: nobody takes it\n",
            print_colour("fail"), print_plain());
    } else if (!bool_at(peers, "told")) {
        fprintf(
            out, "%sthe store has said nothing yet%s\n", print_colour("unknown"), print_plain());
    } else if (text_at(peers, "decides")[0] == '\0') {
        fputs("the baton is free: each Baton decides for its own node\n", out);
    } else if (strcmp(text_at(peers, "decides"), text_at(peers, "self")) == 0) {
        fputs("its own Baton decides\n", out);
    } else {
        fprintf(out, "the Baton of %s decides\n", text_at(peers, "decides"));
    }
}

static void print_lease(FILE *out, const json_t *group)
{
    const json_t *lease = part(group, "lease");
    bool mine = bool_at(json_object_get(group, "peers"), "mine");
    char text[64];

    fputs("    lease     ", out);
    if (mine && json_is_integer(json_object_get(lease, "proven_for_ms"))) {
        fprintf(
            out, "proven for %s more; ",
            print_age(int_at(lease, "proven_for_ms"), text, sizeof text));
    } else if (mine) {
        fprintf(out, "%snot proven any more%s; ", print_colour("fail"), print_plain());
    }
    if (json_is_integer(json_object_get(lease, "renewed_ago_ms"))) {
        fprintf(
            out, "renewed %s ago", print_age(int_at(lease, "renewed_ago_ms"), text, sizeof text));
    } else {
        fputs("not renewed yet", out);
    }
    if (text_at(lease, "store")[0] != '\0') {
        fprintf(out, " at %s", text_at(lease, "store"));
    }
    fprintf(
        out, ", %lld times and %lld failed\n", (long long)int_at(lease, "renewals"),
        (long long)int_at(lease, "failures"));
    if (text_at(lease, "error")[0] != '\0') {
        fprintf(
            out, "              %s%s%s\n", print_colour("fail"), text_at(lease, "error"),
            print_plain());
    }
}

static void print_guardian(FILE *out, const json_t *group)
{
    const json_t *guardian = part(group, "guardian");
    char text[64];

    if (text_at(guardian, "error")[0] != '\0') {
        fprintf(
            out, "    guardian  %snone%s: %s\n", print_colour("fail"), print_plain(),
            text_at(guardian, "error"));
    } else if (bool_at(guardian, "armed")) {
        fprintf(
            out, "    guardian  armed, stops it in %s unless told otherwise\n",
            print_age(int_at(guardian, "stops_in_ms"), text, sizeof text));
    }
}

static void print_failsafe(FILE *out, const json_t *group)
{
    const json_t *failsafe = part(group, "failsafe");
    char text[64];

    if (bool_at(failsafe, "serves")) {
        fprintf(
            out, "    failsafe  %sthe store is out of reach%s; all other nodes vouched %s ago\n",
            print_colour("unknown"), print_plain(),
            print_age(int_at(failsafe, "vouched_ago_ms"), text, sizeof text));
    } else if (bool_at(failsafe, "asks")) {
        fprintf(
            out, "    failsafe  %sthe store is out of reach%s; asks the other nodes\n",
            print_colour("unknown"), print_plain());
    }
    if (text_at(failsafe, "error")[0] != '\0') {
        fprintf(out, "              %s\n", text_at(failsafe, "error"));
    }
}

void peers_print(FILE *out, const json_t *group)
{
    const json_t *peers = json_object_get(group, "peers");
    char text[64];

    if (!json_is_object(peers)) {
        return;
    }
    print_who(out, group);
    print_lease(out, group);
    print_guardian(out, group);
    print_failsafe(out, group);
    if (json_is_integer(json_object_get(peers, "promised_for_ms"))) {
        fprintf(
            out, "    promised  takes no baton for %s\n",
            print_age(int_at(peers, "promised_for_ms"), text, sizeof text));
    }
}

const char *peers_node(const json_t *node, char *text, size_t size)
{
    const char *hold = text_at(node, "own_hold");

    snprintf(
        text, size, "%s%s%s%s", bool_at(node, "alive") ? "alive" : "silent",
        hold[0] != '\0' ? ", on hold (" : "", hold, hold[0] != '\0' ? ")" : "");
    return text;
}

void peers_print_passed(const json_t *answer, const char *what, const char *group)
{
    const char *decides = text_at(answer, "decides");

    if (decides[0] != '\0') {
        printf("the %s of %s is passed on to the Baton of %s", what, group, decides);
    } else {
        printf("the %s of %s is passed on to all Batons", what, group);
    }
}
