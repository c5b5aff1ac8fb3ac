/* Faults as a scenario writes them, and in words. */
#include "parts.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct writer {
    char *text;
    size_t size, len;
};

static void put(struct writer *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct writer *w, const char *format, ...)
{
    va_list args;
    int len;

    if (w->len + 1 >= w->size) {
        return;
    }
    va_start(args, format);
    len = vsnprintf(w->text + w->len, w->size - w->len, format, args);
    va_end(args);
    w->len += len > 0 ? (size_t)len : 0;
    if (w->len >= w->size) {
        w->len = w->size - 1;
    }
}

static void put_quoted(struct writer *w, const char *text)
{
    put(w, "\"");
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') {
            put(w, "\\%c", *text);
        } else if ((unsigned char)*text < ' ' || *text == 127) {
            put(w, "\\%03d", *text);
        } else {
            put(w, "%c", *text);
        }
    }
    put(w, "\"");
}

/* With a point whatever the locale, and no more digits than it has. */
static void put_micro(struct writer *w, int64_t micro)
{
    unsigned long long whole, part;
    int digits = 6;

    put(w, "%s", micro < 0 ? "-" : "");
    whole = (unsigned long long)(micro < 0 ? -micro : micro);
    part = whole % 1000000;
    whole /= 1000000;
    put(w, "%llu", whole);
    while (part != 0 && part % 10 == 0) {
        part /= 10;
        digits--;
    }
    if (part != 0) {
        put(w, ".%0*llu", digits, part);
    }
}

static int64_t micro_of(const struct sim_fault *fault)
{
    return sim_fault_row(fault->kind)->in_ms ? fault->ms * 1000
                                             : (int64_t)llround(fault->value * 1e6);
}

static const char *service_of(const struct sim_fault *fault)
{
    const char *what = fault->what;

    return strncmp(what, "service:", 8) == 0 ? what + 8 : strcmp(what, "service") == 0 ? "" : what;
}

/* ---- As it is written ------------------------------------------------------------------------ */

static void put_options(struct writer *w, const struct sim *sim, const struct sim_fault *fault)
{
    bool on = fault->place != SIM_NOWHERE, times = fault->times > 0;

    if (!on && !times) {
        return;
    }
    put(w, ", { ");
    if (on) {
        put(w, "on = ");
        put_quoted(w, sim_place_name(sim, fault->place));
    }
    put(w, "%s", on && times ? ", " : "");
    if (times) {
        put(w, "times = %d", fault->times);
    }
    put(w, " }");
}

static void put_arguments(struct writer *w, const struct sim *sim, const struct sim_fault *fault)
{
    enum sim_shape shape = sim_fault_row(fault->kind)->shape;
    const char *place = sim_place_name(sim, fault->place);

    switch (shape) {
    case SIM_SHAPE_NONE:
    case SIM_SHAPE_NODE:
    case SIM_SHAPE_SHARE:
    case SIM_SHAPE_JOURNAL:
        break;
    case SIM_SHAPE_SERVICE:
    case SIM_SHAPE_THING:
        put_quoted(w, place);
        if (service_of(fault)[0] != '\0' || shape == SIM_SHAPE_THING) {
            put(w, ", ");
            put_quoted(w, shape == SIM_SHAPE_THING ? fault->what : service_of(fault));
        }
        break;
    case SIM_SHAPE_LINK:
    case SIM_SHAPE_LINK_VALUE:
        put_quoted(w, place);
        put(w, ", ");
        put_quoted(w, sim_place_name(sim, fault->other));
        if (shape == SIM_SHAPE_LINK_VALUE) {
            put(w, ", ");
            put_micro(w, micro_of(fault));
        }
        put(w, "%s", fault->one_way ? ", { one_way = true }" : "");
        break;
    case SIM_SHAPE_CLOCK:
        put_quoted(w, place);
        put(w, ", ");
        put_micro(w, micro_of(fault));
        break;
    case SIM_SHAPE_ACTION:
    case SIM_SHAPE_ACTION_TIME:
        put_quoted(w, fault->what);
        if (shape == SIM_SHAPE_ACTION_TIME) {
            put(w, ", ");
            put_micro(w, micro_of(fault));
        }
        put_options(w, sim, fault);
        break;
    case SIM_SHAPE_TIME:
        put_micro(w, micro_of(fault));
        break;
    }
}

void sim_fault_print(const struct sim *sim, const struct sim_fault *fault, char *text, size_t size)
{
    const struct sim_fault_row *row = sim_fault_row(fault->kind);
    struct writer w = {text, size, 0};

    if (row->shape == SIM_SHAPE_NODE ||
        (row->shape == SIM_SHAPE_SHARE && fault->place != SIM_NOWHERE) ||
        (row->shape == SIM_SHAPE_JOURNAL && fault->place >= SIM_NODE) ||
        (row->shape == SIM_SHAPE_SERVICE && service_of(fault)[0] == '\0')) {
        put(&w, "%s ", row->name);
        put_quoted(&w, sim_place_name(sim, fault->place));
        return;
    }
    put(&w, "%s(", row->name);
    put_arguments(&w, sim, fault);
    put(&w, ")");
}

/* ---- In words -------------------------------------------------------------------------------- */

static void say_service(struct writer *w, const struct sim *sim, const struct sim_fault *fault)
{
    static const struct {
        enum sim_fault_kind kind;
        const char *one, *all; /* what happens to it, to them */
    } words[] = {
        {SIM_CRASH_SERVICE, "crashes", "crash"},
        {SIM_HANG_SERVICE, "hangs", "hang"},
        {SIM_RECOVER_SERVICE, "is well again", "are well again"},
        {SIM_REFUSE_STOP, "refuses to stop", "refuse to stop"},
        {SIM_REFUSE_START, "refuses to start", "refuse to start"},
        {SIM_OBEY, "can be stopped and started again", "can be stopped and started again"},
    };
    const char *service = service_of(fault);
    size_t i = 0;

    while (words[i].kind != fault->kind) {
        i++;
    }
    put(w, "%s on %s %s", service[0] != '\0' ? service : "the services",
        sim_place_name(sim, fault->place), service[0] != '\0' ? words[i].one : words[i].all);
}

static void say_link(struct writer *w, const struct sim *sim, const struct sim_fault *fault)
{
    put(w, "the link %s %s %s %s ", fault->one_way ? "from" : "between",
        sim_place_name(sim, fault->place), fault->one_way ? "to" : "and",
        sim_place_name(sim, fault->other));
    if (fault->kind == SIM_CUT) {
        put(w, "is cut");
    } else if (fault->kind == SIM_MEND) {
        put(w, "is mended");
    } else if (fault->kind == SIM_LOSSY) {
        put(w, "loses ");
        put_micro(w, micro_of(fault) * 100);
        put(w, " %% of its packets");
    } else {
        put(w, "is slower by ");
        put_micro(w, micro_of(fault));
        put(w, " s");
    }
}

static void say_share(struct writer *w, const struct sim *sim, const struct sim_fault *fault)
{
    const char *what = fault->kind == SIM_LOSE_SHARE        ? "is gone"
                       : fault->kind == SIM_READ_ONLY_SHARE ? "can only be read"
                                                            : "is there again";

    put(w, "the share %s %s%s", what, fault->place == SIM_NOWHERE ? "everywhere" : "on ",
        fault->place == SIM_NOWHERE ? "" : sim_place_name(sim, fault->place));
}

static void say_clock(struct writer *w, const struct sim *sim, const struct sim_fault *fault)
{
    put(w, "the clock of %s %s ", sim_place_name(sim, fault->place),
        fault->kind == SIM_JUMP_CLOCK ? "jumps by" : "drifts by");
    put_micro(w, micro_of(fault));
    put(w, fault->kind == SIM_JUMP_CLOCK ? " s" : " ppm");
}

static void say_action(struct writer *w, const struct sim *sim, const struct sim_fault *fault)
{
    put(w, "%s ", fault->what);
    if (fault->kind == SIM_ACTION_FAILS) {
        put(w, "fails");
    } else if (fault->kind == SIM_ACTION_LIES) {
        put(w, "does nothing and reports success");
    } else if (fault->kind == SIM_ACTION_DENIES) {
        put(w, "reports failure though it works");
    } else if (fault->kind == SIM_ACTION_WORKS) {
        put(w, "works again");
    } else {
        put(w, "takes ");
        put_micro(w, micro_of(fault));
        put(w, " s longer");
    }
    if (fault->place != SIM_NOWHERE) {
        put(w, " on %s", sim_place_name(sim, fault->place));
    }
    if (fault->times > 0) {
        put(w, ", %d time%s", fault->times, fault->times == 1 ? "" : "s");
    }
}

static const char *plain(enum sim_fault_kind kind)
{
    switch (kind) {
    case SIM_FENCE_FAILS:
        return "fencing fails";
    case SIM_FENCE_LIES:
        return "fencing reports success and does nothing";
    case SIM_FENCE_WORKS:
        return "fencing works";
    case SIM_VETO:
        return "a hook says no to planned moves";
    case SIM_NO_VETO:
        return "no hook says no any more";
    case SIM_LOSE_STORE:
        return "the lease store answers nobody";
    case SIM_RESTORE_STORE:
        return "the lease store is there again, and leases have their whole time anew";
    case SIM_RESTORE_STORE_LATE:
        return "the lease store is there again, and what ran out meanwhile is gone";
    case SIM_ROLL_BACK_STORE:
        return "the lease store is put back to what it was before the last grant";
    case SIM_FILL_DISK:
        return "the journal's disk is full";
    default:
        return "the journal's disk has room again";
    }
}

static const char *node_words(const struct sim *sim, const struct sim_fault *fault)
{
    int node = fault->place - SIM_NODE;

    if (fault->kind == SIM_CRASH) {
        return "crashes";
    }
    if (fault->kind == SIM_HANG) {
        return "hangs";
    }
    return node >= 0 && node < sim->n_nodes && !sim->node[node].on ? "boots" : "goes on";
}

/* False: it is none of a Baton's. */
static bool say_baton(struct writer *w, const char *place, enum sim_fault_kind kind)
{
    switch (kind) {
    case SIM_HANG_BATON:
        put(w, "the Baton of %s hangs", place);
        return true;
    case SIM_RECOVER_BATON:
        put(w, "the Baton of %s goes on", place);
        return true;
    case SIM_KILL_GUARDIAN:
        put(w, "the guardian of %s is killed", place);
        return true;
    case SIM_FORGET_MARK:
        put(w, "%s forgets the mark of the last grant", place);
        return true;
    default:
        return false;
    }
}

void sim_fault_say(const struct sim *sim, const struct sim_fault *fault, char *text, size_t size)
{
    const char *place = sim_place_name(sim, fault->place);
    struct writer w = {text, size, 0};

    if (say_baton(&w, place, fault->kind)) {
        return;
    }
    switch (sim_fault_row(fault->kind)->shape) {
    case SIM_SHAPE_NONE:
        put(&w, "%s", plain(fault->kind));
        break;
    case SIM_SHAPE_JOURNAL:
        put(&w, "%s", plain(fault->kind));
        if (fault->place >= SIM_NODE) {
            put(&w, " on %s", place);
        }
        break;
    case SIM_SHAPE_NODE:
        put(&w, "%s%s %s", fault->place == SIM_CONTROLLER ? "the " : "", place,
            node_words(sim, fault));
        break;
    case SIM_SHAPE_SERVICE:
        say_service(&w, sim, fault);
        break;
    case SIM_SHAPE_THING:
        put(&w, "somebody %s %s %s on %s", fault->kind == SIM_BRING_UP ? "brings" : "takes",
            fault->what, fault->kind == SIM_BRING_UP ? "up" : "down", place);
        break;
    case SIM_SHAPE_LINK:
    case SIM_SHAPE_LINK_VALUE:
        say_link(&w, sim, fault);
        break;
    case SIM_SHAPE_SHARE:
        say_share(&w, sim, fault);
        break;
    case SIM_SHAPE_CLOCK:
        say_clock(&w, sim, fault);
        break;
    case SIM_SHAPE_ACTION:
    case SIM_SHAPE_ACTION_TIME:
        say_action(&w, sim, fault);
        break;
    case SIM_SHAPE_TIME:
        put(&w, "the answer that is due next comes ");
        put_micro(&w, micro_of(fault));
        put(&w, " s later");
        break;
    }
}
