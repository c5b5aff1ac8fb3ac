#include "world/sim/sim.h"

#include <assert.h>
#include <stddef.h>

const struct sim_fault_row *sim_fault_row(enum sim_fault_kind kind)
{
    (void)kind;
    assert(!"not built yet");
    return NULL;
}

enum baton_err sim_new(uint64_t seed, struct sim **out, struct baton_error *error)
{
    (void)seed;
    (void)out;
    (void)error;
    assert(!"not built yet");
    return (enum baton_err){0};
}

void sim_free(struct sim *sim)
{
    (void)sim;
    assert(!"not built yet");
}

struct sim_node *sim_add_node(struct sim *sim, const char *name, const char *address)
{
    (void)sim;
    (void)name;
    (void)address;
    assert(!"not built yet");
    return NULL;
}

struct sim_thing *sim_thing(struct sim_node *node, const char *name)
{
    (void)node;
    (void)name;
    assert(!"not built yet");
    return NULL;
}

void sim_changed(struct sim *sim)
{
    (void)sim;
    assert(!"not built yet");
}

void sim_moves_with_baton(struct sim *sim, const char *thing)
{
    (void)sim;
    (void)thing;
    assert(!"not built yet");
}

void sim_serves_at_start(struct sim *sim, int node)
{
    (void)sim;
    (void)node;
    assert(!"not built yet");
}

int sim_find_place(const struct sim *sim, const char *name)
{
    (void)sim;
    (void)name;
    assert(!"not built yet");
    return (int){0};
}

const char *sim_place_name(const struct sim *sim, int place)
{
    (void)sim;
    (void)place;
    assert(!"not built yet");
    return NULL;
}

enum baton_err sim_inject(struct sim *sim, const struct sim_fault *fault, struct baton_error *error)
{
    (void)sim;
    (void)fault;
    (void)error;
    assert(!"not built yet");
    return (enum baton_err){0};
}

void sim_fault_print(const struct sim *sim, const struct sim_fault *fault, char *text, size_t size)
{
    (void)sim;
    (void)fault;
    (void)text;
    (void)size;
    assert(!"not built yet");
}

void sim_fault_say(const struct sim *sim, const struct sim_fault *fault, char *text, size_t size)
{
    (void)sim;
    (void)fault;
    (void)text;
    (void)size;
    assert(!"not built yet");
}

int64_t sim_due_ms(const struct sim *sim)
{
    (void)sim;
    assert(!"not built yet");
    return (int64_t){0};
}

bool sim_step(struct sim *sim, int64_t until_ms)
{
    (void)sim;
    (void)until_ms;
    assert(!"not built yet");
    return (bool){0};
}

void sim_run(struct sim *sim, int64_t until_ms)
{
    (void)sim;
    (void)until_ms;
    assert(!"not built yet");
}

void sim_account(struct sim *sim)
{
    (void)sim;
    assert(!"not built yet");
}

void sim_account_from(struct sim *sim)
{
    (void)sim;
    assert(!"not built yet");
}

bool sim_serves(const struct sim *sim, int node)
{
    (void)sim;
    (void)node;
    assert(!"not built yet");
    return (bool){0};
}

void sim_kill(struct sim *sim, bool keep_records)
{
    (void)sim;
    (void)keep_records;
    assert(!"not built yet");
}

uint64_t sim_digest(const struct sim *sim)
{
    (void)sim;
    assert(!"not built yet");
    return (uint64_t){0};
}

void sim_say(struct sim *sim, const char *format, ...)
{
    (void)sim;
    (void)format;
    assert(!"not built yet");
}
