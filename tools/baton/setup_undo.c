/* The way back: what was done, in reverse order. */
#include "setup.h"

#include <stdlib.h>
#include <string.h>

struct name { /* of an entry of the record */
    char step[GROUP_NAME_MAX], node[GROUP_NAME_MAX];
};

static struct setup_unit *find_unit(struct setup *setup, const char *step, const char *node)
{
    int i;

    for (i = 0; i < setup->n_units; i++) {
        if (strcmp(setup->unit[i].step->name, step) == 0 && strcmp(setup->unit[i].on, node) == 0) {
            return &setup->unit[i];
        }
    }
    return NULL;
}

/* Nothing of it can, or need, be taken back. */
static const char *why_it_stays(const struct setup_unit *unit, enum record_state state)
{
    if (state == RECORD_ALREADY) {
        return "it was so before";
    } else if (state == RECORD_SKIPPED || state == RECORD_WAITS) {
        return "it was not done";
    } else if (unit->step->human != NULL) {
        return "done by hand: undo it by hand, if you want that";
    } else if (!unit->step->has_undo) {
        return "nothing of it is taken back";
    }
    return NULL;
}

static bool put_undone(struct setup *setup, struct setup_unit *unit, const char *detail)
{
    struct baton_error error = {0};

    if (record_put(
            setup->record, unit->step->name, unit->on, RECORD_UNDONE, NULL, detail, &error) !=
        BATON_OK) {
        tell_end(setup, unit, "failed", error.text, NULL);
        return false;
    }
    return true;
}

static bool undo(struct setup *setup, struct setup_unit *unit)
{
    struct baton_error error = {0};
    struct setup_end end;
    bool ok = false;

    if (!setup_remember(setup, unit, &error) || setup_may_act(setup, &error) != BATON_OK) {
        tell_end(setup, unit, "failed", error.text, NULL);
        return false;
    }
    setup_task(setup, unit, POLICY_STEP_UNDO, &end);
    if (end.outcome == GROUP_OK) {
        ok = put_undone(setup, unit, end.detail != NULL ? end.detail : "");
    }
    if (end.outcome != GROUP_OK || ok) {
        tell_end(
            setup, unit,
            ok            ? "undone"
            : end.stopped ? "stopped"
                          : "failed",
            end.detail != NULL ? end.detail : "", NULL);
    }
    setup->done += ok;
    setup_end_fini(&end);
    return ok;
}

/* False: it ends here. */
static bool take_back(struct setup *setup, const char *step, const char *node)
{
    struct setup_unit *unit = find_unit(setup, step, node);
    enum record_state state = record_state(setup->record, step, node);
    const char *why;

    if (state == RECORD_UNDONE) {
        return true;
    }
    if (unit == NULL) {
        tell(
            setup, "  the policy has no step %s%s%s any more: it stays", step,
            node[0] != '\0' ? " on " : "", node);
        return true;
    }
    unit->began_ms = tell_now_ms();
    unit->copied[0] = '\0';
    why = why_it_stays(unit, state);
    if (why != NULL) {
        tell_end(setup, unit, "stays", why, NULL);
        return setup->args->dry_run || put_undone(setup, unit, why);
    }
    if (setup->args->dry_run) {
        tell_end(setup, unit, "plan", "would be undone", NULL);
        return true;
    }
    tell_begin(setup, unit);
    return undo(setup, unit);
}

int setup_undo(struct setup *setup)
{
    int count = record_count(setup->record), i;
    struct name *names = calloc((size_t)count + 1, sizeof *names);
    struct baton_error error = {0};
    bool ok = names != NULL;

    for (i = 0; i < count && ok; i++) { /* the order is taken now: the record may change it */
        const char *step, *node;

        record_at(setup->record, i, &step, &node);
        snprintf(names[i].step, sizeof names[i].step, "%s", step);
        snprintf(names[i].node, sizeof names[i].node, "%s", node);
    }
    for (i = count - 1; i >= 0 && ok && !setup->stopped; i--) {
        ok = take_back(setup, names[i].step, names[i].node);
    }
    free(names);
    if (!ok || setup->stopped) {
        return tell_last(
            setup, BATON_NO, "refused", "not all is taken back. To go on: baton %s %s --undo",
            setup->name, setup->group->name);
    }
    if (setup->args->dry_run) {
        return tell_last(setup, BATON_DONE, "", "Nothing was changed.");
    }
    if (record_retire(setup->record, "undone", &error) != BATON_OK) {
        return tell_last(setup, BATON_NO, baton_err_name(error.code), "%s", error.text);
    }
    return tell_last(
        setup, BATON_DONE, "",
        "All that can be is taken back; data that was copied stays where "
        "it is.");
}
