/* Records on their way to the journal: in order, all of them, again where it failed. */
#include "parts.h"

#include <stdlib.h>
#include <string.h>

static void written(void *arg, int64_t seq, const struct baton_error *failed);

void ledger_write(struct controller *c)
{
    struct ledger *ledger = &c->ledger;

    if (ledger->writing > 0 || ledger->count == 0 || ledger->timer != 0) {
        return;
    }
    ledger->writing = ledger->count;
    c->world->ops->record(
        c->world, c->group->name, c->group, ledger->record, ledger->writing, written, c);
}

void ledger_add(struct controller *c, const struct group_record *record)
{
    struct ledger *ledger = &c->ledger;

    if (ledger->count == ledger->size) {
        int size = ledger->size == 0 ? 16 : ledger->size * 2;
        struct group_record *more = NULL;

        if (size <= CONTROLLER_RECORDS_MAX) {
            more = realloc(ledger->record, (size_t)size * sizeof ledger->record[0]);
        }
        if (more == NULL) {
            controller_log(
                c, WORLD_ALERT, record->node, "journal",
                "a record is lost, %d wait already: %s: %s", ledger->count,
                group_record_name(record->kind), record->text);
            return;
        }
        ledger->record = more;
        ledger->size = size;
    }
    ledger->record[ledger->count++] = *record;
}

static void try_again(void *arg, uint64_t request, const struct world_result *result)
{
    struct controller *c = arg;

    (void)request;
    (void)result;
    c->ledger.timer = 0;
    ledger_write(c);
}

static void written(void *arg, int64_t seq, const struct baton_error *failed)
{
    struct controller *c = arg;
    struct ledger *ledger = &c->ledger;
    struct world_request wait = {.kind = WORLD_SLEEP, .timeout_ms = CONTROLLER_REWRITE_MS};
    struct group_event event;

    if (failed != NULL) {
        if (!ledger->failed) {
            controller_log(c, WORLD_ALERT, GROUP_NOBODY, "journal", "%s", failed->text);
        }
        ledger->failed = true;
        ledger->writing = 0;
        ledger->timer = world_start(c->world, &wait, try_again, c);
        event = controller_event(c, GROUP_EV_UNRECORDED);
        event.u.recorded.why = failed->text;
        controller_feed(c, &event, NULL);
        return;
    }
    ledger->failed = false;
    memmove(
        ledger->record, ledger->record + ledger->writing,
        (size_t)(ledger->count - ledger->writing) * sizeof ledger->record[0]);
    ledger->count -= ledger->writing;
    ledger->writing = 0;
    event = controller_event(c, GROUP_EV_RECORDED);
    event.u.recorded.seq = seq;
    controller_feed(c, &event, NULL);
    ledger_write(c);
}

void ledger_stop(struct controller *c)
{
    if (c->ledger.timer != 0) {
        world_cancel(c->world, c->ledger.timer);
    }
    free(c->ledger.record);
}
