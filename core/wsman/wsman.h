/* WS-Management as Windows speaks it (MS-WSMV over DSP0226): what is asked of a remote shell, and
 * what the answers mean. No I/O here: core/world/live/winrm sends it.
 *
 * A command runs in a shell: Create, then for each command Command, Send (its standard input),
 * Receive until it is done, Signal (MS-WSMV 3.1.4.14: must be sent, or the host keeps the command),
 * and Delete at last. An answer is read by namespace and local name, whatever its prefixes are; a
 * document type is refused, so entities of its own don't exist; `RelatesTo` must be the MessageID
 * that was asked with (DSP0226, 5.1).
 */
#ifndef BATON_WSMAN_WSMAN_H
#define BATON_WSMAN_WSMAN_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WSMAN_ID_MAX       64         /* bytes of a message's, shell's or command's id */
#define WSMAN_ENVELOPE_MAX 153600     /* bytes of an answer that are asked for */
#define WSMAN_ANSWER_MAX   (1 << 20)  /* bytes of an answer that are read */
#define WSMAN_LINE_MAX     8000       /* bytes of a command line; cmd.exe takes 8191 characters */
#define WSMAN_INPUT_MAX    (64 << 10) /* bytes of standard input in one Send */

enum wsman_action {
    WSMAN_CREATE = 0, /* a shell; wst:Create of WS-Transfer */
    WSMAN_COMMAND,
    WSMAN_SEND,
    WSMAN_RECEIVE,
    WSMAN_SIGNAL, /* terminate: MS-WSMV 3.1.4.14 */
    WSMAN_DELETE, /* the shell; wst:Delete */
};

struct wsman_ask {
    enum wsman_action action;
    const char *to;         /* "https://server01:5986/wsman" */
    const char *message_id; /* "uuid:…", of this message alone */
    int64_t timeout_ms;     /* OperationTimeout: the host answers within it */
    const char *shell;      /* all but CREATE */
    const char *command;    /* SEND, RECEIVE, SIGNAL: its id */
    int64_t idle_ms;        /* CREATE: a shell of which nothing is heard so long is deleted there */
    const char *line;       /* COMMAND: the whole command line, wsman_line */
    bool console;           /* COMMAND: standard input is a console, not a pipe that ends */
    const char *input;      /* SEND */
    size_t input_len;
    bool end; /* SEND: no more comes */
};

/* The envelope, malloc'd. BATON_NOMEM */
enum baton_err wsman_envelope(
    const struct wsman_ask *ask, char **out, size_t *len, struct baton_error *error);
const char *wsman_action_name(enum wsman_action action); /* "Create" */

/* What a fault asks for. */
enum wsman_fault {
    WSMAN_FAULT_OTHER = 0,
    WSMAN_FAULT_AGAIN, /* no output yet: receive again */
    WSMAN_FAULT_GONE,  /* the shell or command is not there (any more) */
    WSMAN_FAULT_FULL,  /* too many shells, commands or operations */
};

struct wsman_stream { /* bytes that came with one answer, malloc'd; NULL: none */
    char *text;
    size_t len;
};

struct wsman_answer {
    bool faulty;
    enum wsman_fault fault;
    uint32_t code;            /* of the fault; 0: it names none */
    char why[512];            /* of the fault, in words, with what to do */
    char shell[WSMAN_ID_MAX]; /* of CREATE */
    char command[WSMAN_ID_MAX];
    struct wsman_stream out, err; /* of RECEIVE */
    bool done;                    /* the command has ended … */
    bool has_exit;
    int64_t exit_code; /* … with this */
};

/* Read the answer to `ask`. BATON_INVALID: it is none, with what is wrong; BATON_LIMIT: too
 * long. A fault is an answer. wsman_answer_fini is always due after. */
enum baton_err wsman_read(
    const struct wsman_ask *ask, const char *text, size_t len, struct wsman_answer *answer,
    struct baton_error *error);
void wsman_answer_fini(struct wsman_answer *answer);

/* In words what a fault means and what to do: "too many shells are open there: …". NULL: it is not
 * known here. */
const char *wsman_fault_words(uint32_t code);
enum wsman_fault wsman_fault_kind(uint32_t code);

/* The words of a command as a line that both cmd.exe and the program that it starts take apart into
 * just these words (CommandLineToArgvW). malloc'd. BATON_INVALID: a word that cmd.exe would
 * change (", %, line breaks); BATON_LIMIT: longer than WSMAN_LINE_MAX. The error says what to do.
 */
enum baton_err wsman_line(const char *const *argv, char **out, struct baton_error *error);

/* PowerShell's -EncodedCommand: base64 of UTF-16LE, of a script in ASCII. malloc'd; NULL: no
 * memory. */
char *wsman_encoded(const char *script);

#endif
