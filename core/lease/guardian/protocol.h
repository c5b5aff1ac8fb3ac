/* What the daemon and the guardian of its node say to each other.
 *
 * The guardian is a small program of its own that stops the service when the daemon can't: it
 * is dead, stopped, hangs, or has no memory left. All that it believes is the last message it
 * got. Each group is armed until a moment, and unless a newer message moves that moment or
 * disarms the group, the guardian then stops the service by the commands that it was told
 * before, and at last takes the floating address away itself.
 *
 * Over a UNIX socket of SOCK_SEQPACKET: one message a packet, one answer to each request, in
 * order. A request is a struct guardian_request, cut behind its head where the operation needs
 * no more (guardian_request_size), so that each operation has one size. An answer is a struct
 * guardian_answer. The head of both is the same in all versions: a daemon and a guardian of
 * different versions can tell each other so. Both are of one machine: native byte order.
 *
 * One daemon at a time. A second one is answered GUARDIAN_BUSY and its connection is closed. A
 * connection that ends changes nothing: what is armed stays armed, a daemon that comes back in
 * time goes on. Only root and the guardian's own user are listened to.
 *
 *   HELLO      first; the answer says which guardian it is (`instance`)
 *   WATCHDOG   the hardware watchdog to feed from now on; "" for none. While a group is armed
 *              it stays the one it is: DONE, and the text says so. REFUSED: there is none
 *   SETUP      how to stop one group. Takes the place of what was said before
 *   ARM        stop it at `until_ms`, unless told otherwise before. In the past: at once. An
 *              end that is before the one it has is taken too: the newest word counts
 *   DISARM     the service does not run here any more
 *   ASK        what is it up to; the answer has it, as that to any other does
 *
 * Pure: no I/O. protocol.c checks and builds messages, for both sides.
 */
#ifndef BATON_LEASE_GUARDIAN_PROTOCOL_H
#define BATON_LEASE_GUARDIAN_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GUARDIAN_MAGIC        UINT32_C(0x42474431) /* "BGD1" */
#define GUARDIAN_VERSION      1
#define GUARDIAN_GROUPS_MAX   32
#define GUARDIAN_COMMANDS_MAX 8   /* of one group */
#define GUARDIAN_WORDS_MAX    32  /* of one command */
#define GUARDIAN_TEXT_MAX     512 /* all words of a command, each with its 0 */
#define GUARDIAN_NAME_MAX     64
#define GUARDIAN_PATH_MAX     108

enum guardian_op {
    GUARDIAN_HELLO = 1,
    GUARDIAN_WATCHDOG,
    GUARDIAN_SETUP,
    GUARDIAN_ARM,
    GUARDIAN_DISARM,
    GUARDIAN_ASK,
};

struct guardian_head {
    uint32_t magic;
    uint16_t version, op;
    uint64_t number; /* of the request; its answer has the same */
};

struct guardian_command {
    int32_t deadline_ms; /* 0: a fair share of what is left of the budget */
    int32_t n_words;
    char text[GUARDIAN_TEXT_MAX]; /* the words, each ends with 0; the first is an absolute path or
                                     a name that is looked for where the system's programs are */
};

struct guardian_request {
    struct guardian_head head;
    char group[GUARDIAN_NAME_MAX]; /* ends with 0; "" for HELLO and WATCHDOG */
    int64_t until_ms;              /* ARM: CLOCK_BOOTTIME */
    int64_t epoch;                 /* ARM: for the log */
    int32_t budget_ms;             /* SETUP: all commands and the address, lease_times.guardian_ms;
                                      WATCHDOG: so long after it was fed last it resets the machine */
    int32_t n_commands;            /* SETUP */
    char path[GUARDIAN_PATH_MAX];  /* WATCHDOG: the device; SETUP: the address, "10.9.0.100/24" */
    char interface[16];            /* SETUP: … and where it is; "" for both: none */
    /* The other operations end here. */
    struct guardian_command command[GUARDIAN_COMMANDS_MAX]; /* SETUP */
};

enum guardian_word {
    GUARDIAN_DONE = 1, /* so it is */
    GUARDIAN_REFUSED,  /* no; `text` says why */
    GUARDIAN_BUSY,     /* another daemon is connected */
    GUARDIAN_STRANGE,  /* another version, or not understood; the connection is closed */
};

enum guardian_state {
    GUARDIAN_NONE = 0, /* no such group */
    GUARDIAN_DISARMED, /* … and never fired, since it was armed first */
    GUARDIAN_ARMED,
    GUARDIAN_FIRING, /* it is stopping the service */
    GUARDIAN_FIRED,  /* it has stopped the service, all that it tried succeeded */
    GUARDIAN_FAILED, /* not all of it succeeded; it tries again until it does or is told otherwise
                      */
};

struct guardian_answer {
    struct guardian_head head; /* op and number of the request */
    int32_t word;              /* enum guardian_word */
    int32_t state;             /* enum guardian_state of the group */
    uint64_t instance;         /* another one is another guardian, that knows nothing */
    int64_t until_ms, epoch;   /* ARMED and after: of the last ARM */
    int64_t fired_ms, over_ms; /* FIRED, FAILED: when it began to stop the service, and was over */
    char text[256]; /* why not, or of FIRED and FAILED what happened, or ""; ends with 0 */
};

/* Of a request of that operation; 0: there is no such operation. */
size_t guardian_request_size(int op);

/* Is this a whole request of this version that can be carried out as it stands: lengths, ends of
 * texts, counts, an address that parses? NULL, or what is wrong with it in a sentence that lasts
 * for ever. Nothing is read beyond `size`. */
const char *guardian_request_check(const void *message, size_t size);

/* The same for an answer. */
const char *guardian_answer_check(const void *message, size_t size);

/* Begin a request: zeroed, head and group filled in. False: the name is too long. */
bool guardian_request_begin(
    struct guardian_request *request, enum guardian_op op, uint64_t number, const char *group);

/* One more command of a SETUP; argv ends with NULL. False: too many commands, words or bytes. */
bool guardian_request_command(
    struct guardian_request *request, const char *const *argv, int32_t deadline_ms);

/* "10.9.0.100/24" or "fd00::9/64": AF_INET or AF_INET6, 4 or 16 bytes, and the prefix's length.
 * False: it is no such thing. */
bool guardian_address_parse(
    const char *text, int *family, unsigned char bytes[16], int *prefix_len);

const char *guardian_state_name(int state); /* "armed"; never NULL */

#endif
