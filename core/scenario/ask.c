/* Requests in the timeline: a command that changes something has its line as it is given, a
 * question only where its answer is another than before. */
#include "base/memory.h"
#include "parts.h"

#include <stdio.h>
#include <string.h>

/* Does it change something? */
bool ask_changes(const struct world_request *asked)
{
    if (world_effect(asked) != NULL) {
        return true;
    }
    switch (asked->kind) {
    case WORLD_EXEC:
        return asked->acts && asked->u.exec.asks == NULL;
    case WORLD_ADDRESS:
        return asked->u.address.op != WORLD_ADDRESS_PRESENT;
    case WORLD_HTTP:
        return asked->u.http.asks == NULL && strcmp(asked->u.http.method, "GET") != 0 &&
               strcmp(asked->u.http.method, "HEAD") != 0;
    default:
        return false;
    }
}

static const char *effect_of(const struct world_request *asked)
{
    if (world_effect(asked) != NULL) {
        return world_effect(asked);
    }
    if (asked->kind == WORLD_ADDRESS && asked->u.address.op == WORLD_ADDRESS_ADD) {
        return "address.add";
    }
    if (asked->kind == WORLD_ADDRESS && asked->u.address.op == WORLD_ADDRESS_DELETE) {
        return "address.delete";
    }
    return "";
}

/* Hooks of notices say nothing that the notice didn't. */
static bool is_notice(const char *event)
{
    int i;

    for (i = 0; i < GROUP_NOTICES; i++) {
        if (strcmp(event, group_notice_name((enum group_notice)i)) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_told(const struct world_request *asked)
{
    return asked->kind == WORLD_EXEC || asked->kind == WORLD_ADDRESS ||
           (asked->kind == WORLD_HOOK && !is_notice(asked->u.hook.event)) ||
           world_asks(asked) != NULL || ask_changes(asked);
}

static void forget(struct run *run, int i)
{
    memory_free(run->asking->asked[i].text);
    run->asking->asked[i] = run->asking->asked[--run->asking->n_asked];
}

static char *copy(const char *text)
{
    size_t size = strlen(text) + 1;
    char *made = memory_zeroed(size, 1);

    return made != NULL ? memcpy(made, text, size) : NULL;
}

void ask_begins(struct run *run, const struct sim_told *told)
{
    const struct world_request *asked = told->asked;
    char line[RUN_STRIP_MAX], text[RUN_STRIP_MAX + GROUP_NAME_MAX];
    struct run_asked *slot;
    struct run_entry entry = {.node = told->node, .level = WORLD_INFO};

    if (!is_told(asked)) {
        return;
    }
    if (run->asking->n_asked == RUN_ASKED_MAX) {
        forget(run, 0); /* its end will not be told */
    }
    slot = &run->asking->asked[run->asking->n_asked++];
    memset(slot, 0, sizeof *slot);
    slot->request = told->request;
    slot->seat = seat_at(run, told->place);
    slot->node = told->node;
    slot->entry = -1;
    slot->kind = ask_changes(asked)          ? RUN_COMMAND
                 : asked->kind == WORLD_HOOK ? RUN_HOOK
                                             : RUN_QUESTION;
    command_print(asked, line, sizeof line);
    snprintf(
        text, sizeof text, "%s: %s",
        told->node != GROUP_NOBODY && asked->kind != WORLD_HOOK ? run_node_name(run, told->node)
        : run->speaker != GROUP_NOBODY                          ? run_node_name(run, run->speaker)
                                                                : "controller",
        line);
    slot->text = copy(text);
    if (slot->kind == RUN_QUESTION) {
        slot->question = command_hash(asked, told->node);
        if (world_asks(asked) != NULL) {
            snprintf(slot->effect, sizeof slot->effect, "%s", world_asks(asked));
        }
        return;
    }
    entry.kind = slot->kind;
    entry.name = asked->kind == WORLD_HOOK ? asked->u.hook.event : effect_of(asked);
    slot->claims = entry.name[0] != '\0' && slot->kind == RUN_COMMAND;
    snprintf(slot->effect, sizeof slot->effect, "%s", entry.name);
    slot->entry = told_line(run, &entry, "%s", text);
}

/* Is it another answer than the last time? Remembers it. */
static bool is_new(struct run *run, uint64_t question, const struct world_result *answer)
{
    struct run_answer *slot = NULL;
    int i;

    for (i = 0; i < run->asking->n_answers && slot == NULL; i++) {
        slot = run->asking->answer[i].question == question ? &run->asking->answer[i] : NULL;
    }
    if (slot != NULL && slot->outcome == answer->outcome && slot->code == answer->code) {
        return run->setup.questions;
    }
    if (slot == NULL) {
        slot = &run->asking->answer[run->asking->next_answer];
        run->asking->next_answer = (run->asking->next_answer + 1) % RUN_ANSWERS_MAX;
        run->asking->n_answers += run->asking->n_answers < RUN_ANSWERS_MAX;
    }
    *slot = (struct run_answer){question, answer->outcome, answer->code};
    return true;
}

static void question_ends(
    struct run *run, const struct run_asked *slot, const struct sim_told *told)
{
    struct run_entry entry = {.kind = RUN_QUESTION, .node = slot->node, .level = WORLD_INFO};

    if (is_new(run, slot->question, told->answer)) {
        bool yes = told->answer->outcome == WORLD_OK && slot->effect[0] != '\0';

        entry.outcome = (enum group_outcome)told->answer->outcome;
        entry.name = slot->effect;
        told_line(
            run, &entry, "%s: %s%s", slot->text != NULL ? slot->text : "",
            yes ? slot->effect : told->answer->detail, yes ? ": yes" : "");
    }
}

static void command_ends(struct run *run, const struct run_asked *slot, const struct sim_told *told)
{
    bool ok = told->answer->outcome == WORLD_OK;
    bool did = told->effect != NULL;
    enum group_outcome outcome = (enum group_outcome)told->answer->outcome;

    if (ok && (did || !slot->claims)) {
        if (slot->entry >= 0) {
            run->timeline.entry[slot->entry].outcome = outcome;
        }
        return;
    }
    told_more(
        run, slot->entry, outcome, "%s: %s%s", slot->text != NULL ? slot->text : "",
        told->answer->detail,
        ok    ? ", but nothing was done"
        : did ? ", but it was done"
              : "");
}

void ask_ends(struct run *run, const struct sim_told *told)
{
    int i;

    for (i = 0; i < run->asking->n_asked; i++) {
        if (run->asking->asked[i].request == told->request &&
            run->asking->asked[i].seat == seat_at(run, told->place)) {
            if (run->asking->asked[i].kind == RUN_QUESTION) {
                question_ends(run, &run->asking->asked[i], told);
            } else {
                command_ends(run, &run->asking->asked[i], told);
            }
            forget(run, i);
            return;
        }
    }
}

/* Is a command under way that says it changes this thing? */
bool ask_changing(const struct run *run, int node, const char *thing)
{
    size_t len = strlen(thing);
    int i;

    for (i = 0; i < run->asking->n_asked; i++) {
        const struct run_asked *slot = &run->asking->asked[i];

        if (slot->node == node && slot->claims && strncmp(slot->effect, thing, len) == 0 &&
            slot->effect[len] == '.') {
            return true;
        }
    }
    return false;
}

/* Nothing is answered any more to the Baton of this seat; -1: to anybody. */
void ask_forget(struct run *run, int seat)
{
    int i;

    for (i = run->asking != NULL ? run->asking->n_asked - 1 : -1; i >= 0; i--) {
        if (seat < 0 || run->asking->asked[i].seat == seat) {
            forget(run, i);
        }
    }
}
