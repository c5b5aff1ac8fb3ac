/* Checking and building the messages of the guardian: see protocol.h. */
#include "lease/guardian/protocol.h"

#include <arpa/inet.h>
#include <string.h>

#define GUARDIAN_TIME_MAX_MS 3600000 /* no budget or deadline is longer */

size_t guardian_request_size(int op)
{
    switch (op) {
    case GUARDIAN_HELLO:
    case GUARDIAN_WATCHDOG:
    case GUARDIAN_ARM:
    case GUARDIAN_DISARM:
    case GUARDIAN_ASK:
        return offsetof(struct guardian_request, command);
    case GUARDIAN_SETUP:
        return sizeof(struct guardian_request);
    default:
        return 0;
    }
}

static bool ends(const char *text, size_t size)
{
    return memchr(text, 0, size) != NULL;
}

static bool command_is_sound(const struct guardian_command *command)
{
    size_t at = 0;

    if (command->deadline_ms < 0 || command->deadline_ms > GUARDIAN_TIME_MAX_MS ||
        command->n_words < 1 || command->n_words > GUARDIAN_WORDS_MAX || command->text[0] == 0) {
        return false;
    }
    for (int i = 0; i < command->n_words; i++) {
        const char *end = memchr(command->text + at, 0, sizeof command->text - at);

        if (end == NULL) {
            return false;
        }
        at = (size_t)(end - command->text) + 1;
        if (at == sizeof command->text && i + 1 < command->n_words) {
            return false;
        }
    }
    return true;
}

static const char *setup_check(const struct guardian_request *request)
{
    unsigned char bytes[16];
    int family, prefix_len;

    if (request->budget_ms < 1 || request->budget_ms > GUARDIAN_TIME_MAX_MS) {
        return "a budget is 1 ms to an hour";
    }
    if (request->n_commands < 0 || request->n_commands > GUARDIAN_COMMANDS_MAX) {
        return "too many commands";
    }
    for (int i = 0; i < request->n_commands; i++) {
        if (!command_is_sound(&request->command[i])) {
            return "a command without words, or with an end that is missing";
        }
    }
    if ((request->path[0] == 0) != (request->interface[0] == 0)) {
        return "an address needs an interface";
    }
    if (request->path[0] != 0 &&
        !guardian_address_parse(request->path, &family, bytes, &prefix_len)) {
        return "the floating address is not an address with a prefix length";
    }
    return NULL;
}

const char *guardian_request_check(const void *message, size_t size)
{
    const struct guardian_request *request = message;

    if (size < sizeof request->head || request->head.magic != GUARDIAN_MAGIC) {
        return "not a message for a guardian";
    }
    if (request->head.version != GUARDIAN_VERSION) {
        return "a message of another version of Baton";
    }
    if (size == 0 || size != guardian_request_size(request->head.op)) {
        return "an operation that is not known, or of another size";
    }
    if (!ends(request->group, sizeof request->group) ||
        !ends(request->path, sizeof request->path) ||
        !ends(request->interface, sizeof request->interface)) {
        return "a text without an end";
    }
    switch (request->head.op) {
    case GUARDIAN_HELLO:
        return NULL;
    case GUARDIAN_WATCHDOG:
        return request->path[0] != 0 &&
                       (request->budget_ms < 1 || request->budget_ms > GUARDIAN_TIME_MAX_MS)
                   ? "a watchdog's time is 1 ms to an hour"
                   : NULL;
    default:
        break;
    }
    if (request->group[0] == 0) {
        return "no group is named";
    }
    if (request->until_ms < 0 || request->until_ms > INT64_MAX / 4) {
        return "a time that no clock shows";
    }
    return request->head.op == GUARDIAN_SETUP ? setup_check(request) : NULL;
}

const char *guardian_answer_check(const void *message, size_t size)
{
    const struct guardian_answer *answer = message;

    if (size < sizeof answer->head || answer->head.magic != GUARDIAN_MAGIC) {
        return "not an answer of a guardian";
    }
    if (answer->head.version != GUARDIAN_VERSION) {
        return "a guardian of another version of Baton; end it, and the daemon starts its own";
    }
    if (size != sizeof *answer) {
        return "an answer of another size";
    }
    if (!ends(answer->text, sizeof answer->text)) {
        return "an answer without an end";
    }
    return NULL;
}

bool guardian_request_begin(
    struct guardian_request *request, enum guardian_op op, uint64_t number, const char *group)
{
    size_t len = strlen(group);

    memset(request, 0, sizeof *request);
    request->head = (struct guardian_head){GUARDIAN_MAGIC, GUARDIAN_VERSION, (uint16_t)op, number};
    if (len >= sizeof request->group) {
        return false;
    }
    memcpy(request->group, group, len + 1);
    return true;
}

bool guardian_request_command(
    struct guardian_request *request, const char *const *argv, int32_t deadline_ms)
{
    struct guardian_command *command;
    size_t at = 0;
    int n;

    if (request->n_commands >= GUARDIAN_COMMANDS_MAX) {
        return false;
    }
    command = &request->command[request->n_commands];
    for (n = 0; argv[n] != NULL; n++) {
        size_t size = strlen(argv[n]) + 1;

        if (n >= GUARDIAN_WORDS_MAX || size > sizeof command->text - at) {
            return false;
        }
        memcpy(command->text + at, argv[n], size);
        at += size;
    }
    command->n_words = n;
    command->deadline_ms = deadline_ms;
    request->n_commands++;
    return n > 0;
}

bool guardian_address_parse(const char *text, int *family, unsigned char bytes[16], int *prefix_len)
{
    const char *slash = strchr(text, '/');
    size_t len = slash != NULL ? (size_t)(slash - text) : 0;
    char number[INET6_ADDRSTRLEN];
    int value = 0, most;

    if (slash == NULL || len >= sizeof number || slash[1] == 0 || strlen(slash + 1) > 3) {
        return false;
    }
    memcpy(number, text, len);
    number[len] = 0;
    *family = strchr(number, ':') != NULL ? AF_INET6 : AF_INET;
    if (inet_pton(*family, number, bytes) != 1) {
        return false;
    }
    for (const char *digit = slash + 1; *digit != 0; digit++) {
        if (*digit < '0' || *digit > '9') {
            return false;
        }
        value = value * 10 + (*digit - '0');
    }
    most = *family == AF_INET6 ? 128 : 32;
    *prefix_len = value;
    return value >= 1 && value <= most;
}

const char *guardian_state_name(int state)
{
    static const char *const names[] = {
        [GUARDIAN_NONE] = "unknown", [GUARDIAN_DISARMED] = "disarmed",
        [GUARDIAN_ARMED] = "armed",  [GUARDIAN_FIRING] = "firing",
        [GUARDIAN_FIRED] = "fired",  [GUARDIAN_FAILED] = "failed"};

    return state >= 0 && state < (int)(sizeof names / sizeof names[0]) ? names[state] : "?";
}
