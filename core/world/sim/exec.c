/* What a command, an address request or a hook does to a node, and what a question finds. */
#include "parts.h"

#include <stdio.h>
#include <string.h>

const char *exec_split(const char *words, char thing[SIM_NAME_MAX])
{
    const char *dot = strrchr(words, '.');

    if (dot == NULL || dot - words >= SIM_NAME_MAX) {
        return NULL;
    }
    memcpy(thing, words, (size_t)(dot - words));
    thing[dot - words] = '\0';
    return dot + 1;
}

/* "server01.address": the part after the first dot. NULL: there is none. */
static const char *exec_split_first(const char *words, char name[SIM_NAME_MAX])
{
    const char *dot = strchr(words, '.');

    if (dot == NULL || dot - words >= SIM_NAME_MAX) {
        return NULL;
    }
    memcpy(name, words, (size_t)(dot - words));
    name[dot - words] = '\0';
    return dot + 1;
}

static bool is_one_of(const char *const *words, const char *word)
{
    for (; *words != NULL; words++) {
        if (strcmp(*words, word) == 0) {
            return true;
        }
    }
    return false;
}

static bool takes_down(const char *verb)
{
    static const char *const down[] = {"stop", "down", "delete", "remove", "off", NULL};

    return is_one_of(down, verb);
}

/* ---- Spells ------------------------------------------------------------------------------ */

static bool concerns(const struct sim_spell *spell, const struct event *event)
{
    char wanted[SIM_NAME_MAX], thing[SIM_NAME_MAX];
    const char *wanted_verb = exec_split(spell->effect, wanted);
    const char *verb = exec_split(event->more->words, thing);

    if (spell->node != GROUP_NOBODY && spell->node != event->node) {
        return false;
    }
    if (wanted_verb == NULL || verb == NULL) {
        return strcmp(spell->effect, event->more->words) == 0;
    }
    return strcmp(wanted_verb, verb) == 0 && model_means(wanted, thing);
}

int64_t exec_spells(struct sim *sim, struct event *event)
{
    int64_t longer_ms = 0;
    int i = 0;

    while (i < sim->n_spells) {
        struct sim_spell *spell = &sim->spells[i];

        if (!concerns(spell, event)) {
            i++;
            continue;
        }
        if (spell->kind == SIM_ACTION_SLOW) {
            longer_ms += spell->ms;
        } else {
            event->spell = (uint8_t)spell->kind;
        }
        if (spell->times > 0 && --spell->times == 0) {
            memmove(spell, spell + 1, (size_t)(--sim->n_spells - i) * sizeof *spell);
        } else {
            i++;
        }
    }
    return longer_ms;
}

/* ---- Effects ----------------------------------------------------------------------------- */

/* A later command on the same thing takes the place of one that is still under way there,
 * as the jobs of a service manager do. */
void exec_replace(struct sim *sim, int node, const char *thing, uint64_t number)
{
    int i;

    for (i = 0; i < sim->queue->n_events; i++) {
        struct event *other = &sim->queue->event[i];
        char its[SIM_NAME_MAX];

        if (other->phase == PHASE_WORKS && other->effect &&
            (other->kind == EVENT_EXEC || other->kind == EVENT_PROBE) && other->node == node &&
            other->number < number && exec_split(other->more->words, its) != NULL &&
            model_means(thing, its)) {
            other->effect = false;
            if (other->u.done == NULL) {
                queue_free(sim, other);
            }
        }
    }
}

/* True where the thing does not refuse. */
static bool change(struct sim *sim, int node, struct sim_thing *thing, const char *verb)
{
    bool restart = strcmp(verb, "restart") == 0;

    if ((restart || takes_down(verb)) && thing->up && thing->keeps_up) {
        return false;
    }
    if (takes_down(verb)) {
        model_set(sim, node, thing, false);
        return true;
    }
    if (thing->keeps_down && (restart || !thing->up)) {
        model_set(sim, node, thing, false);
        return false;
    }
    if (!thing->up || restart || strcmp(thing->name, "address") == 0) {
        model_set(sim, node, thing, true);
    }
    return true;
}

/* What becomes of the node's things of that name. */
static void change_all(struct sim *sim, struct event *event, const char *name, const char *verb)
{
    struct sim_node *node = &sim->node[event->node];
    struct sim_thing *thing;
    bool done = true, found = false;
    int i;

    for (i = 0; i < node->n_things; i++) {
        if (model_means(name, node->thing[i].name)) {
            found = true;
            done = change(sim, event->node, &node->thing[i], verb) && done;
        }
    }
    thing = found ? NULL : model_thing(sim, event->node, name);
    if (thing != NULL) {
        done = change(sim, event->node, thing, verb);
    }
    serve_count(sim, SERVE_BY_COMMAND);
    event->applied = done;
    if (!done) {
        event->end = END_REFUSES;
        event->code = 1;
    }
}

static void fence(struct sim *sim, struct event *event, int node)
{
    if (sim->fence == SIM_FENCE_FAILS) {
        event->end = END_UNFENCED;
        event->code = 1;
    } else if (sim->fence != SIM_FENCE_LIES && node != GROUP_NOBODY) {
        model_power_off(sim, node);
        serve_count(sim, SERVE_BY_COMMAND);
        event->applied = true;
    }
}

/* "server01.power.off", said by the controller to a power switch. */
static bool power(struct sim *sim, struct event *event, const char *thing, const char *verb)
{
    char name[SIM_NAME_MAX];
    const char *what = exec_split(thing, name);
    int node = what != NULL ? model_find_node(sim, name) : GROUP_NOBODY;

    if (node == GROUP_NOBODY || strcmp(what, "power") != 0) {
        return false;
    }
    if (takes_down(verb)) {
        fence(sim, event, node);
    } else if (!sim->node[node].on) {
        model_boot(sim, node);
        serve_count(sim, SERVE_BY_COMMAND);
        event->applied = true;
    }
    return true;
}

/* Can whoever does it reach that node, and does that answer? */
static bool reaches(struct sim *sim, const struct event *event, int node)
{
    int64_t delay_ms = 0;

    return !model_is_silent(sim, SIM_NODE + node) &&
           model_passes(sim, event->to, SIM_NODE + node, &delay_ms) &&
           model_passes(sim, SIM_NODE + node, event->to, &delay_ms);
}

/* The node that "server01.address" begins with, or GROUP_NOBODY. */
static int named_node(const struct sim *sim, const char *thing, const char **what)
{
    char name[SIM_NAME_MAX];

    *what = exec_split_first(thing, name);
    return *what != NULL ? model_find_node(sim, name) : GROUP_NOBODY;
}

/* "server01.address.delete", said by another node: it takes effect where that one can be reached
 * from there and does what it is told; else it fails. */
static bool elsewhere(struct sim *sim, struct event *event, const char *thing, const char *verb)
{
    const char *what;
    int node = named_node(sim, thing, &what);
    int8_t from = event->node;

    if (node == GROUP_NOBODY) {
        return false;
    }
    if (!reaches(sim, event, node)) {
        event->end = END_FAILS;
        event->code = 1;
        return true;
    }
    exec_replace(sim, node, what, event->number);
    event->node = (int8_t)node;
    change_all(sim, event, what, verb);
    event->node = from;
    return true;
}

static void affect(struct sim *sim, struct event *event)
{
    char thing[SIM_NAME_MAX];
    const char *verb = exec_split(event->more->words, thing);

    event->effect = false;
    if (event->spell == SIM_ACTION_FAILS || event->spell == SIM_ACTION_DENIES) {
        event->end = END_FAILS;
        event->code = 1;
    }
    if (event->spell == SIM_ACTION_FAILS || event->spell == SIM_ACTION_LIES || verb == NULL) {
        return;
    }
    if (power(sim, event, thing, verb) || elsewhere(sim, event, thing, verb) ||
        event->node == GROUP_NOBODY) {
        return;
    }
    exec_replace(sim, event->node, thing, event->number);
    if (strcmp(thing, "power") == 0 && takes_down(verb)) {
        model_power_off(sim, event->node);
        serve_count(sim, SERVE_BY_COMMAND);
        event->applied = true;
        return;
    }
    change_all(sim, event, thing, verb);
    if (event->spell == SIM_ACTION_DENIES && event->end == END_REFUSES) {
        event->end = END_FAILS;
    }
}

/* ---- Questions --------------------------------------------------------------------------- */

static bool is_up(struct sim *sim, int node, const char *name)
{
    struct sim_node *at = &sim->node[node];
    struct sim_thing *thing;
    bool found = false, up = true;
    int i;

    for (i = 0; i < at->n_things; i++) {
        if (model_means(name, at->thing[i].name)) {
            found = true;
            up = up && at->thing[i].up;
        }
    }
    if (found) {
        return up;
    }
    thing = model_thing(sim, node, name);
    serve_count(sim, SERVE_BY_COMMAND);
    return thing == NULL || thing->up;
}

/* One packet there and one back: a ping sends none again. */
static bool pings(struct sim *sim, struct event *event)
{
    int64_t delay_ms = 0;
    bool there = model_passes(sim, event->to, SIM_GATEWAY, &delay_ms) &&
                 model_passes(sim, SIM_GATEWAY, event->to, &delay_ms);

    event->late_ms += delay_ms;
    return there && sim->now_ms + delay_ms <= event->deadline_ms;
}

/* "server01.power.off", asked of who switches it, or "server01.address.up", of another node. */
static bool ask_of_other(
    struct sim *sim, struct event *event, const char *thing, const char *verb, bool *yes)
{
    const char *what;
    int node = named_node(sim, thing, &what);

    if (node == GROUP_NOBODY) {
        return false;
    }
    event->code = 1;
    if (strcmp(what, "power") == 0) {
        *yes = sim->node[node].on == (strcmp(verb, "off") != 0);
    } else if (reaches(sim, event, node)) {
        *yes = is_up(sim, node, what);
        event->code = 3; /* as that node itself would say it */
    } else {
        event->end = END_FAILS;
    }
    return true;
}

static void answer_question(struct sim *sim, struct event *event)
{
    static const char *const reversed[] = {"stopped", "down", "gone", NULL};
    char thing[SIM_NAME_MAX];
    const char *verb = exec_split(event->more->words, thing);
    bool yes = true;

    if (strcmp(event->more->words, "clock") == 0) {
        event->end = END_CLOCK;
        event->value = model_wall_ms(sim, event->node);
        return;
    }
    if (verb == NULL) {
        return;
    }
    if (ask_of_other(sim, event, thing, verb, &yes)) {
        if (event->end == END_FAILS) {
            return;
        }
    } else if (strcmp(thing, "gateway") == 0) {
        yes = pings(sim, event);
        event->code = 1;
    } else if (event->node != GROUP_NOBODY && strcmp(thing, "share") == 0) {
        yes = model_share_ok(sim, event->node);
        event->code = 1;
    } else if (event->node != GROUP_NOBODY) {
        yes = is_up(sim, event->node, thing);
        event->code = 3; /* LSB: not running */
    }
    if (yes != is_one_of(reversed, verb)) {
        event->code = 0;
    } else {
        event->end = END_NO;
    }
}

/* ---- Addresses --------------------------------------------------------------------------- */

static void work_address(struct sim *sim, struct event *event)
{
    struct sim_thing *thing = model_thing(sim, event->node, "address");

    event->code = -1; /* as in the live world */
    if (event->effect) {
        affect(sim, event);
        event->code = -1;
    } else if (thing == NULL || !thing->up) {
        event->end = END_NOT_THERE;
    } else {
        event->end = END_THERE;
        if (event->op == WORLD_ADDRESS_ANNOUNCE) {
            thing->taken_ms = sim->now_ms;
            serve_count(sim, SERVE_BY_COMMAND);
        }
    }
}

/* ---- HTTP -------------------------------------------------------------------------------- */

static void work_http(struct sim *sim, struct event *event, int16_t status)
{
    if (event->effect) {
        affect(sim, event);
    } else {
        answer_question(sim, event);
    }
    if (event->end == END_DONE || event->end == END_CLOCK) {
        event->end = END_STATUS;
    }
    event->code = 500;
    if (event->end == END_STATUS || event->end == END_NO) {
        event->code = status;
    }
}

/* ---- All ----------------------------------------------------------------------------------- */

void exec_work(struct sim *sim, struct event *event)
{
    int16_t status = event->code;

    event->end = END_DONE;
    event->code = 0;
    if (event->kind == EVENT_ADDRESS) {
        work_address(sim, event);
    } else if (event->kind == EVENT_PROBE) {
        work_http(sim, event, status);
    } else if (event->kind == EVENT_HOOK) {
        if (event->op == HOOK_VETO && sim->veto) {
            event->end = END_VETO;
            event->code = 1;
        } else if (event->op == HOOK_FENCE) {
            event->effect = false;
            fence(sim, event, event->node);
        }
    } else if (event->effect) {
        affect(sim, event);
    } else if (event->asks) {
        answer_question(sim, event);
    }
}
