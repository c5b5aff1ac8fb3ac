/* Filling the list of effects. */
#include "parts.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static struct group_effect *append(struct group_effects *fx, enum group_effect_kind kind)
{
    struct group_effect *effect;

    assert(fx->count < GROUP_EFFECTS_MAX);
    effect = &fx->effect[fx->count++];
    memset(effect, 0, sizeof *effect);
    effect->kind = kind;
    return effect;
}

void effects_copy(char *to, size_t size, const char *text)
{
    size_t len = strnlen(text, size - 1);

    memmove(to, text, len); /* a reason may be copied from itself */
    to[len] = '\0';
}

void effects_text(char *to, size_t size, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(to, size, format, args);
    va_end(args);
}

struct group_record *effects_record(
    struct group *g, struct group_effects *fx, enum group_record_kind kind, const char *text)
{
    struct group_record *record = &append(fx, GROUP_DO_RECORD)->u.record;

    record->seq = ++g->seq;
    record->kind = kind;
    record->epoch = g->epoch;
    record->node = GROUP_NOBODY;
    record->step = record->attempt = -1;
    record->from = record->to = -1;
    effects_copy(record->text, sizeof record->text, text);
    return record;
}

void effects_notice(
    struct group_effects *fx, enum group_notice notice, int node, const char *format, ...)
{
    struct group_effect *effect = append(fx, GROUP_DO_NOTICE);
    va_list args;

    effect->u.notice.notice = notice;
    effect->u.notice.node = node;
    va_start(args, format);
    vsnprintf(effect->u.notice.text, sizeof effect->u.notice.text, format, args);
    va_end(args);
}

void effects_transition(
    struct group_effects *fx, int node, const struct fsm_row *row, enum fsm_state from,
    const char *text)
{
    struct group_effect *effect = append(fx, GROUP_DO_NOTICE);

    effect->u.notice.notice = GROUP_NOTICE_TRANSITION;
    effect->u.notice.node = node;
    effect->u.notice.row = row->id;
    effect->u.notice.from = from;
    effect->u.notice.to = row->to;
    effects_copy(effect->u.notice.text, sizeof effect->u.notice.text, text);
}

void effects_run(
    struct group_effects *fx, enum group_effect_kind kind, const struct group_step_ref *ref,
    const struct group_step_state *step)
{
    struct group_effect *effect = append(fx, kind);

    effect->u.run.ref = *ref;
    effect->u.run.kind = step->kind;
    effect->u.run.node = step->node;
    effect->u.run.action = step->action;
    effect->u.run.deadline_ms = step->due_ms;
}

void effects_look(struct group_effects *fx, int node)
{
    append(fx, GROUP_DO_LOOK)->u.look.node = node;
}
