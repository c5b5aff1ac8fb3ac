/* The guardian's own parts. Protocol.h says what it is for.
 *
 * One thread, one loop. After the start it allocates nothing, and never waits for a disk, a child
 * or the daemon: a line of its log goes to a process of its own that may wait, a command is
 * forked (a vfork would hold it until a disk that hangs has given the program), sockets don't
 * block. The clock is CLOCK_BOOTTIME in ms: a machine that slept has let its leases run out.
 */
#ifndef BATON_LEASE_GUARDIAN_PARTS_H
#define BATON_LEASE_GUARDIAN_PARTS_H

#include "lease/guardian/protocol.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define GUARDIAN_NEVER_MS INT64_MAX
#define GUARDIAN_AGAIN_MS 3000 /* a stop that failed is tried again after that */

struct guardian;

/* One group that is watched over. */
struct ward {
    struct guardian_request setup; /* the last SETUP; its group is the ward's name */
    unsigned connection;           /* … and by which connection */
    enum guardian_state state;
    int64_t until_ms, epoch;
    int64_t fired_ms, over_ms;
    int64_t again_ms; /* FAILED */
    /* While it fires: */
    int command;            /* that runs */
    pid_t pid;              /* its process and process group; 0: none */
    int64_t began_ms;       /* the command */
    int64_t command_due_ms; /* killed then */
    int64_t budget_due_ms;  /* the address goes then at the latest */
    int n_failed;
};

struct dog { /* the hardware watchdog */
    int fd;  /* -1: none */
    char path[GUARDIAN_PATH_MAX];
    int64_t promised_ms; /* what the daemon reckons with */
    int64_t timeout_ms;  /* what the device does; not more */
    int64_t fed_ms;      /* last */
    bool told;           /* that it can't be fed */
};

struct guardian {
    uint64_t instance;
    const char *socket_path;
    int lock, listener, daemon, timer, signals, null, log; /* descriptors; -1: none */
    unsigned connection;                                   /* counts them */
    pid_t logger;                                          /* 0: it has died */
    const char *log_path;
    int64_t logger_ms; /* when it was started last */
    bool leaving;      /* asked to end: as soon as nothing is armed */
    struct dog dog;
    int n_wards;
    struct ward ward[GUARDIAN_GROUPS_MAX];
};

int64_t guardian_now_ms(void); /* CLOCK_BOOTTIME */

/* ---- ward.c: what is armed, and stopping it ---- */

struct ward *ward_find(struct guardian *g, const char *name);
/* These carry out a request that was checked. NULL, or why not. */
const char *ward_setup(struct guardian *g, const struct guardian_request *request);
const char *ward_arm(struct guardian *g, const struct guardian_request *request, int64_t now_ms);
const char *ward_disarm(struct guardian *g, const struct guardian_request *request);
/* When ward_tick wants to be called next. */
int64_t ward_due_ms(const struct ward *ward);
void ward_tick(struct guardian *g, struct ward *ward, int64_t now_ms);
/* A child has ended; one that is nobody's (any more) is fine. */
void ward_reaped(struct guardian *g, pid_t pid, int status, int64_t now_ms);
/* Is there anything that the guardian must stay for? */
bool ward_any_armed(const struct guardian *g);

/* ---- run.c ---- */

/* Start a command in a process group of its own, as any process of root: default signals, normal
 * priority, killable for want of memory, no input or output. -1 with errno. Doesn't block. */
pid_t run_command(
    struct guardian *g, const struct ward *ward, const struct guardian_command *command);

/* ---- address.c ---- */

/* Take the address off its interface, whatever its prefix there. 0 (also where it was not
 * there, or the interface is not), or an errno. `removed` says whether it was there. */
int address_remove(const char *address, const char *interface, bool *removed);

/* ---- dog.c: the hardware watchdog ---- */

/* `path` "": none any more. NULL, or why not: then it is as before, or there is none. */
const char *dog_set(struct guardian *g, const char *path, int64_t timeout_ms, int64_t now_ms);
/* The last moment at which it may be fed. */
int64_t dog_last_ms(const struct guardian *g);
int64_t dog_due_ms(const struct guardian *g, int64_t now_ms);
void dog_tick(struct guardian *g, int64_t now_ms);
/* At the end: with the magic close where nothing is armed. */
void dog_close(struct guardian *g);

/* ---- say.c: the log ---- */

/* Starts the process that writes: to g->log_path (NULL: stderr) and to syslog. False with errno. */
bool say_start(struct guardian *g);
/* It has died, and is started again by the next line. */
void say_died(struct guardian *g);
/* One line; `priority` as syslog's. Never blocks: where the log can't keep up, it is lost. */
void say(struct guardian *g, int priority, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- loop.c ---- */

/* Until it may end. */
void guardian_loop(struct guardian *g);

/* main.c: nothing is allocated from here on. Tests replace it, to see that this is true. */
void guardian_started(void);

#endif
