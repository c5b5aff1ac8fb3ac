/* baton, the command line: what its files share.
 *
 * main.c reads the arguments and picks the command; each command is one function. Text
 * is for people; `--json` is stable and what scripts read. Exit codes: 0 done, 1 refused
 * or not true, 2 usage, 3 can't reach the daemon.
 */
#ifndef BATON_TOOLS_BATON_H
#define BATON_TOOLS_BATON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum {
    BATON_DONE = 0,
    BATON_NO = 1,
    BATON_USAGE = 2,
    BATON_UNREACHABLE = 3
};

#define SOCKET_DEFAULT "/run/baton/control.sock"

#define ARGS_SETS_MAX  64
#define ARGS_WORDS_MAX 4096

struct args {
    const char *socket; /* never NULL: given, of the environment, or SOCKET_DEFAULT */
    bool json, watch, wait, force, observations, follow, all, strict, dry_run, yes, undo, again;
    const char *to, *reason, *since, *until, *journal, *format, *config, *lua, *group, *policy;
    const char *junit, *html, *out;
    int64_t limit; /* 0: not given, as the others here */
    int64_t seed, faults, depth, seeds, jobs, time_s;
    int n_sets;
    struct {
        const char *name, *value;
    } set[ARGS_SETS_MAX];
    int n_words;
    char **word; /* what is not an option: GROUP, NODE, FILE */
};

/* ---- commands, one file each or a few alike ------------------------------------------- */

int command_status(const struct args *args);
int command_why(const struct args *args);
int command_failover(const struct args *args);
int command_failback(const struct args *args);
int command_pause(const struct args *args);
int command_resume(const struct args *args);
int command_confirm_out(const struct args *args);
int command_reload(const struct args *args);
int command_history(const struct args *args);
int command_fsm(const struct args *args);
int command_policy_check(const struct args *args);
int command_simulate(const struct args *args);
int command_explore(const struct args *args);
int command_replay(const struct args *args);
int command_init(const struct args *args);
int command_migrate(const struct args *args);
int command_rewrite(const struct args *args);
int command_preflight(const struct args *args);
int command_cluster(const struct args *args);

int status_watch(const struct args *args);          /* watch.c */
void status_print(FILE *out, const json_t *status); /* status.c: an answer to "status" */
void status_print_reasons(FILE *out, const json_t *group, const char *indent);

/* peers.c: nothing where the group has none. */
void peers_print(FILE *out, const json_t *group);
const char *peers_node(const json_t *node, char *text, size_t size); /* "silent, on hold (moves)" */
/* An answer with "passed_on", without a line's end: "the pause of mail is passed on to …". */
void peers_print_passed(const json_t *answer, const char *what, const char *group);

/* ---- client.c: the daemon's socket ---------------------------------------------------- */

struct client;

#define CLIENT_FOR_EVER (-1)

/* Connect. NULL where nobody answers: that has been said then, with what to do. */
struct client *client_open(const struct args *args);
void client_close(struct client *client);
int client_fd(const struct client *client);

/* Send a request (takes the reference). False where the daemon has gone; said. */
bool client_send(struct client *client, json_t *request);

/* The next line; waits `timeout_ms` at most. NULL: nothing came, and `*gone` says whether
 * the daemon has closed. */
json_t *client_next(struct client *client, int timeout_ms, bool *gone);

/* One request, one answer: sends and waits 10 s. On an error the words are printed, or
 * the answer with --json; then NULL and `*code` is the exit code. */
json_t *client_ask(const struct args *args, json_t *request, int *code);
json_t *client_ask_within(const struct args *args, json_t *request, int timeout_ms, int *code);

/* Print an answer's error, or with --json the answer. Returns the exit code. */
int client_refused(const struct args *args, const json_t *answer);
/* A daemon that says nothing, or stopped in the middle. Returns the exit code. */
int client_silent(const struct args *args, bool gone);

/* ---- print.c -------------------------------------------------------------------------- */

/* May colours and signs be used on standard output? A terminal, and no NO_COLOR. */
bool print_fancy(void);
bool print_terminal(void);
/* SGR sequence for a word like "Active", "fail", "done"; "" where none or not fancy. */
const char *print_colour(const char *word);
const char *print_bold(void);
const char *print_dim(void);
const char *print_plain(void);
/* "850 ms", "12 s", "3 min 20 s", "5 h 12 min", "3 d 4 h". */
const char *print_age(int64_t ms, char *text, size_t size);
/* "grant", "start: add the floating address"; a kind that its action's name says, once. */
const char *print_step_words(const json_t *step, char *text, size_t size);
void print_json(const json_t *json);
void print_json_line(const json_t *json); /* and flush: for streams */
/* To standard error; with --json as an object on standard output. Returns `code`. */
int print_error(const struct args *args, int code, const char *word, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

const char *text_at(const json_t *object, const char *key); /* "" if missing */
int64_t int_at(const json_t *object, const char *key);      /* 0 if missing */
bool bool_at(const json_t *object, const char *key);

/* ---- when.c --------------------------------------------------------------------------- */

/* save.c: complete or not at all, written beside it, then renamed; an existing file keeps its
 * mode. What is no plain file, such as /dev/stdout, is written to. False: errno says why. */
bool save_file(const char *file, const char *text, size_t len);
bool save_same(const char *file, const char *other); /* plain files: are they one? */

/* "2h", "30m", "45s", "3d" ago, or a time of RFC 3339 ("2026-11-24T21:59:00Z", date alone,
 * or without zone: local time), as ms since 1970. False where it is neither. */
bool when_parse(const char *text, int64_t now_ms, int64_t *wall_ms);
int64_t when_now(void);

#endif
