/* What is armed, and stopping it when its time has come. */
#include "lease/guardian/parts.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>

#define WARD_ADDRESS_MS 100 /* of the budget, kept for the address */

struct ward *ward_find(struct guardian *g, const char *name)
{
    for (int i = 0; i < g->n_wards; i++) {
        if (strcmp(g->ward[i].setup.group, name) == 0) {
            return &g->ward[i];
        }
    }
    return NULL;
}

static bool is_quiet(const struct ward *ward)
{
    return ward->state == GUARDIAN_DISARMED || ward->state == GUARDIAN_FIRED;
}

bool ward_any_armed(const struct guardian *g)
{
    for (int i = 0; i < g->n_wards; i++) {
        if (!is_quiet(&g->ward[i])) {
            return true;
        }
    }
    return false;
}

/* ---- Requests ------------------------------------------------------------------------- */

/* A free place, or that of a group which the present daemon does not have any more. */
static struct ward *ward_new(struct guardian *g)
{
    if (g->n_wards < GUARDIAN_GROUPS_MAX) {
        return &g->ward[g->n_wards++];
    }
    for (int i = 0; i < g->n_wards; i++) {
        if (g->ward[i].connection != g->connection && is_quiet(&g->ward[i])) {
            return &g->ward[i];
        }
    }
    return NULL;
}

const char *ward_setup(struct guardian *g, const struct guardian_request *request)
{
    struct ward *ward = ward_find(g, request->group);

    if (ward == NULL) {
        ward = ward_new(g);
        if (ward == NULL) {
            return "too many groups for one guardian";
        }
        *ward = (struct ward){.state = GUARDIAN_DISARMED};
    } else if (ward->state == GUARDIAN_FIRING) {
        return "it is stopping the service by what it was told before; say it again later";
    }
    ward->setup = *request;
    ward->connection = g->connection;
    return NULL;
}

const char *ward_arm(struct guardian *g, const struct guardian_request *request, int64_t now_ms)
{
    struct ward *ward = ward_find(g, request->group);

    if (ward == NULL) {
        return "it was not told how to stop this group";
    }
    if (ward->state == GUARDIAN_FIRING) {
        return "too late: it is stopping the service";
    }
    ward->state = GUARDIAN_ARMED;
    ward->until_ms = request->until_ms;
    ward->epoch = request->epoch;
    ward->fired_ms = ward->over_ms = 0;
    return request->until_ms <= now_ms ? "too late: it stops the service now" : NULL;
}

const char *ward_disarm(struct guardian *g, const struct guardian_request *request)
{
    struct ward *ward = ward_find(g, request->group);

    if (ward == NULL) {
        return "it was not told of this group";
    }
    if (ward->state == GUARDIAN_FIRING) {
        return "too late: it is stopping the service";
    }
    if (ward->state != GUARDIAN_FIRED) { /* that it did so remains to be asked for */
        ward->state = GUARDIAN_DISARMED;
    }
    return NULL;
}

/* ---- Stopping it ---------------------------------------------------------------------- */

static void take_address(struct guardian *g, struct ward *ward)
{
    const char *name = ward->setup.group, *address = ward->setup.path;
    bool removed = false;
    int failed;

    if (address[0] == 0) {
        return;
    }
    failed = address_remove(address, ward->setup.interface, &removed);
    if (failed != 0) {
        ward->n_failed++;
        say(g, LOG_ALERT, "group %s: %s can't be removed from %s: %s", name, address,
            ward->setup.interface, strerrordesc_np(failed));
    } else {
        say(g, LOG_ALERT, "group %s: %s %s %s", name, address,
            removed ? "removed from" : "was not on", ward->setup.interface);
    }
}

static void finish(struct guardian *g, struct ward *ward, int64_t now_ms)
{
    int left = ward->setup.n_commands - ward->command;

    if (left > 0) {
        ward->n_failed += left;
        say(g, LOG_ALERT, "group %s: no time is left for %d of %d commands", ward->setup.group,
            left, ward->setup.n_commands);
    }
    take_address(g, ward);
    ward->over_ms = now_ms;
    if (ward->n_failed == 0) {
        ward->state = GUARDIAN_FIRED;
        say(g, LOG_ALERT, "group %s: the service is stopped, after %" PRId64 " ms",
            ward->setup.group, now_ms - ward->fired_ms);
        return;
    }
    ward->state = GUARDIAN_FAILED;
    ward->again_ms = now_ms + GUARDIAN_AGAIN_MS;
    say(g, LOG_ALERT,
        "group %s: %d of its stops failed, the service may still run; tried again in %d s%s",
        ward->setup.group, ward->n_failed, GUARDIAN_AGAIN_MS / 1000,
        g->dog.fd >= 0 ? ", and the hardware watchdog is not fed until it succeeds" : "");
}

/* Start the next command that can be started, or finish. */
static void go_on(struct guardian *g, struct ward *ward, int64_t now_ms)
{
    while (ward->command < ward->setup.n_commands && now_ms < ward->budget_due_ms) {
        const struct guardian_command *command = &ward->setup.command[ward->command];
        int64_t left_ms = ward->budget_due_ms - now_ms;
        int64_t share_ms = left_ms / (ward->setup.n_commands - ward->command);

        if (command->deadline_ms > 0) {
            share_ms = command->deadline_ms < left_ms ? command->deadline_ms : left_ms;
        }
        ward->pid = run_command(g, ward, command);
        if (ward->pid > 0) {
            ward->began_ms = now_ms;
            ward->command_due_ms = now_ms + share_ms;
            return;
        }
        ward->pid = 0;
        ward->n_failed++;
        say(g, LOG_ALERT, "group %s: %.200s can't be started: %s", ward->setup.group, command->text,
            strerrordesc_np(errno));
        ward->command++;
    }
    finish(g, ward, now_ms);
}

static void fire(struct guardian *g, struct ward *ward, int64_t now_ms)
{
    int64_t budget_ms = ward->setup.budget_ms;
    int64_t kept_ms = budget_ms / 10 < WARD_ADDRESS_MS ? budget_ms / 10 : WARD_ADDRESS_MS;

    if (ward->state == GUARDIAN_ARMED) {
        ward->fired_ms = now_ms;
        say(g, LOG_ALERT,
            "group %s: no word of the daemon for longer than its lease allows (epoch %" PRId64
            ", %" PRId64 " ms past), so the guardian stops the service",
            ward->setup.group, ward->epoch, now_ms - ward->until_ms);
    }
    ward->state = GUARDIAN_FIRING;
    ward->n_failed = 0;
    ward->command = 0;
    ward->budget_due_ms = now_ms + budget_ms - kept_ms;
    go_on(g, ward, now_ms);
}

int64_t ward_due_ms(const struct ward *ward)
{
    switch (ward->state) {
    case GUARDIAN_ARMED:
        return ward->until_ms;
    case GUARDIAN_FIRING:
        return ward->command_due_ms;
    case GUARDIAN_FAILED:
        return ward->again_ms;
    default:
        return GUARDIAN_NEVER_MS;
    }
}

void ward_tick(struct guardian *g, struct ward *ward, int64_t now_ms)
{
    if (now_ms < ward_due_ms(ward)) {
        return;
    }
    if (ward->state != GUARDIAN_FIRING) {
        fire(g, ward, now_ms);
        return;
    }
    /* Not waited for: one that hangs in the kernel does not die by this. */
    kill(-ward->pid, SIGKILL);
    ward->pid = 0;
    ward->n_failed++;
    say(g, LOG_ALERT, "group %s: %.200s was killed after %" PRId64 " ms", ward->setup.group,
        ward->setup.command[ward->command].text, now_ms - ward->began_ms);
    ward->command++;
    go_on(g, ward, now_ms);
}

static void ended(struct guardian *g, struct ward *ward, int status, int64_t now_ms)
{
    const char *text = ward->setup.command[ward->command].text;
    int64_t took_ms = now_ms - ward->began_ms;

    ward->pid = 0;
    ward->n_failed += status != 0;
    if (WIFSIGNALED(status)) {
        say(g, LOG_ALERT, "group %s: %.200s died of signal %d after %" PRId64 " ms",
            ward->setup.group, text, WTERMSIG(status), took_ms);
    } else {
        say(g, LOG_ALERT, "group %s: %.200s ended with %d after %" PRId64 " ms", ward->setup.group,
            text, WEXITSTATUS(status), took_ms);
    }
    ward->command++;
    go_on(g, ward, now_ms);
}

void ward_reaped(struct guardian *g, pid_t pid, int status, int64_t now_ms)
{
    for (int i = 0; i < g->n_wards; i++) {
        if (g->ward[i].state == GUARDIAN_FIRING && g->ward[i].pid == pid) {
            ended(g, &g->ward[i], status, now_ms);
            return;
        }
    }
}
