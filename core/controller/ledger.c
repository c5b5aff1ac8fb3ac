/* Records on their way to the journal: in order, all of them, again where it failed. */
#include "base/memory.h"
#include "parts.h"

#include <string.h>

static void written(void *arg, int64_t seq, const struct baton_error *failed);

enum baton_err ledger_start(struct controller *c)
{
    c->ledger.ticket = memory_zeroed(1, sizeof *c->ledger.ticket);
    if (c->ledger.ticket == NULL) {
        return BATON_NOMEM;
    }
    c->ledger.ticket->controller = c;
    return BATON_OK;
}

static void write_from(struct controller *c, int first)
{
    struct ledger *ledger = &c->ledger;

    ledger->writing = ledger->count;
    ledger->ticket->under_way++;
    c->world->ops->record(
        c->world, c->group->name, c->group, ledger->record + first, ledger->count - first, written,
        ledger->ticket);
}

void ledger_write(struct controller *c)
{
    struct ledger *ledger = &c->ledger;

    if (ledger->writing == 0 && ledger->count > 0 && ledger->timer == 0) {
        write_from(c, 0);
    }
}

void ledger_add(struct controller *c, const struct group_record *record)
{
    struct ledger *ledger = &c->ledger;

    if (ledger->count == ledger->size) {
        int size = ledger->size == 0 ? 16 : ledger->size * 2;
        struct group_record *more = NULL;

        if (size <= CONTROLLER_RECORDS_MAX) {
            more = memory_resize(ledger->record, (size_t)size * sizeof ledger->record[0]);
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

static void not_written(struct controller *c, const struct baton_error *failed)
{
    struct world_request wait = {.kind = WORLD_SLEEP, .timeout_ms = CONTROLLER_REWRITE_MS};
    struct group_event event = controller_event(c, GROUP_EV_UNRECORDED);

    if (!c->ledger.failed) {
        controller_log(c, WORLD_ALERT, GROUP_NOBODY, "journal", "%s", failed->text);
    }
    c->ledger.failed = true;
    c->ledger.writing = 0;
    c->ledger.timer = world_start(c->world, &wait, try_again, c);
    event.u.recorded.why = failed->text;
    controller_feed(c, &event, NULL);
}

static void written(void *arg, int64_t seq, const struct baton_error *failed)
{
    struct ledger_ticket *ticket = arg;
    struct controller *c = ticket->controller;
    struct ledger *ledger;
    struct group_event event;

    ticket->under_way--;
    if (c == NULL) {
        if (ticket->under_way == 0) {
            memory_free(ticket);
        }
        return;
    }
    if (failed != NULL) {
        not_written(c, failed);
        return;
    }
    ledger = &c->ledger;
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

/* What was not given to the journal yet is given now: it is written before it closes. */
void ledger_stop(struct controller *c)
{
    struct ledger *ledger = &c->ledger;

    if (ledger->timer != 0) {
        world_cancel(c->world, ledger->timer);
    }
    if (ledger->ticket != NULL) {
        if (ledger->count > ledger->writing) {
            write_from(c, ledger->writing);
        }
        ledger->ticket->controller = NULL;
        if (ledger->ticket->under_way == 0) {
            memory_free(ledger->ticket);
        }
    }
    memory_free(ledger->record);
}
