/* Names for logs, JSON and hooks: stable, lower case, one word. */
#include "parts.h"

#include <string.h>

#define NAME(names, value)                                                                         \
    ((unsigned)(value) < sizeof(names) / sizeof((names)[0]) ? (names)[(unsigned)(value)] : "?")

const char *group_plan_name(enum group_plan_kind kind)
{
    static const char *const names[] = {
        [GROUP_PLAN_NONE] = "none",         [GROUP_PLAN_FAILOVER] = "failover",
        [GROUP_PLAN_FAILBACK] = "failback", [GROUP_PLAN_MOVE] = "move",
        [GROUP_PLAN_RESTORE] = "restore",   [GROUP_PLAN_REMEDY] = "remedy",
        [GROUP_PLAN_EVICT] = "evict",       [GROUP_PLAN_START] = "start",
    };

    return NAME(names, kind);
}

const char *group_step_name(enum group_step_kind kind)
{
    static const char *const names[] = {
        [GROUP_STEP_ASK] = "ask",       [GROUP_STEP_STOP] = "stop",
        [GROUP_STEP_LOOK] = "look",     [GROUP_STEP_FENCE] = "fence",
        [GROUP_STEP_GRANT] = "grant",   [GROUP_STEP_START] = "start",
        [GROUP_STEP_VERIFY] = "verify", [GROUP_STEP_UNDO] = "undo",
        [GROUP_STEP_REMEDY] = "remedy", [GROUP_STEP_RELEASE] = "release",
    };

    return NAME(names, kind);
}

const char *group_step_words(
    const struct group *group, enum group_step_kind kind, int action, char *text, size_t size)
{
    const struct group_action_rules *rules = group_step_action(group, kind, action);
    const char *name = group_step_name(kind);
    size_t len = strlen(name);

    if (rules == NULL) {
        effects_text(text, size, "%s", name);
    } else if (strncmp(rules->name, name, len) == 0 && rules->name[len] == ' ') {
        effects_text(text, size, "%s", rules->name);
    } else {
        effects_text(text, size, "%s: %s", name, rules->name);
    }
    return text;
}

const char *group_step_status_name(enum group_step_status status)
{
    static const char *const names[] = {
        [GROUP_STEP_PENDING] = "pending", [GROUP_STEP_RECORDING] = "recording",
        [GROUP_STEP_RUNNING] = "running", [GROUP_STEP_RESTING] = "resting",
        [GROUP_STEP_DONE] = "done",       [GROUP_STEP_FAILED] = "failed",
        [GROUP_STEP_SKIPPED] = "skipped",
    };

    return NAME(names, status);
}

const char *group_outcome_name(enum group_outcome outcome)
{
    static const char *const names[] = {"unknown", "ok", "fail"};

    return NAME(names, outcome);
}

const char *group_answer_name(enum group_answer answer)
{
    static const char *const names[] = {"unsure", "yes", "no"};

    return NAME(names, answer);
}

const char *group_hold_name(enum group_hold hold)
{
    static const char *const names[] = {
        [GROUP_HOLD_NONE] = "none",
        [GROUP_HOLD_TWO_SERVE] = "two-serve",
        [GROUP_HOLD_UNCONFIRMED] = "unconfirmed",
        [GROUP_HOLD_MOVES] = "moves",
        [GROUP_HOLD_POLICY] = "policy",
        [GROUP_HOLD_JOURNAL] = "journal",
        [GROUP_HOLD_FROZEN] = "frozen",
        [GROUP_HOLD_EPOCH] = "epoch",
    };

    return NAME(names, hold);
}

const char *group_notice_name(enum group_notice notice)
{
    static const char *const names[] = {
        [GROUP_NOTICE_TRANSITION] = "transition",
        [GROUP_NOTICE_FAILOVER] = "failover",
        [GROUP_NOTICE_FAILBACK] = "failback",
        [GROUP_NOTICE_COMPLETED] = "completed",
        [GROUP_NOTICE_CANCELLED] = "cancelled",
        [GROUP_NOTICE_FAILED] = "failed",
        [GROUP_NOTICE_ROGUE] = "rogue",
        [GROUP_NOTICE_REMEDY] = "remedy",
        [GROUP_NOTICE_HOLD] = "hold",
        [GROUP_NOTICE_PAUSED] = "paused",
        [GROUP_NOTICE_RESUMED] = "resumed",
        [GROUP_NOTICE_ADOPTED] = "adopted",
        [GROUP_NOTICE_STALE] = "stale",
        [GROUP_NOTICE_LEASE] = "lease",
        [GROUP_NOTICE_UNREADY] = "unready",
        [GROUP_NOTICE_READY] = "ready",
        [GROUP_NOTICE_SHADOWED] = "shadowed",
    };

    return NAME(names, notice);
}

const char *group_record_name(enum group_record_kind kind)
{
    static const char *const names[] = {
        [GROUP_REC_TRANSITION] = "transition",
        [GROUP_REC_PLAN_BEGIN] = "plan-begin",
        [GROUP_REC_STEP_BEGIN] = "step-begin",
        [GROUP_REC_STEP_END] = "step-end",
        [GROUP_REC_GRANT] = "grant",
        [GROUP_REC_RELEASE] = "release",
        [GROUP_REC_PLAN_END] = "plan-end",
        [GROUP_REC_PAUSE] = "pause",
        [GROUP_REC_RESUME] = "resume",
        [GROUP_REC_HOLD] = "hold",
        [GROUP_REC_NOTE] = "note",
    };

    return NAME(names, kind);
}

const char *group_command_name(enum group_command command)
{
    static const char *const names[] = {
        [GROUP_CMD_FAILOVER] = "failover",
        [GROUP_CMD_FAILBACK] = "failback",
        [GROUP_CMD_PAUSE] = "pause",
        [GROUP_CMD_RESUME] = "resume",
        [GROUP_CMD_CONFIRM_OUT] = "confirm-out",
    };

    return NAME(names, command);
}

const char *group_node_name(const struct group *group, int node)
{
    return node >= 0 && node < group->n_nodes ? group->node[node].name : "nobody";
}
