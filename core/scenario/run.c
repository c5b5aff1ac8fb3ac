#include "scenario/run.h"

#include <assert.h>
#include <stddef.h>

const char *run_kind_name(enum run_kind kind)
{
    (void)kind;
    assert(!"not built yet");
    return NULL;
}

enum baton_err run_new(const struct run_setup *setup, struct run **out, struct baton_error *error)
{
    (void)setup;
    (void)out;
    (void)error;
    assert(!"not built yet");
    return (enum baton_err){0};
}

void run_free(struct run *run)
{
    (void)run;
    assert(!"not built yet");
}

enum baton_err run_step(struct run *run, int64_t until_ms, bool *more, struct baton_error *error)
{
    (void)run;
    (void)until_ms;
    (void)more;
    (void)error;
    assert(!"not built yet");
    return (enum baton_err){0};
}

enum baton_err run_do(struct run *run, const struct scenario_deed *deed, struct baton_error *error)
{
    (void)run;
    (void)deed;
    (void)error;
    assert(!"not built yet");
    return (enum baton_err){0};
}

enum baton_err run_scenario(struct run *run, struct baton_error *error)
{
    (void)run;
    (void)error;
    assert(!"not built yet");
    return (enum baton_err){0};
}

int64_t run_points(const struct run *run)
{
    (void)run;
    assert(!"not built yet");
    return (int64_t){0};
}

const char *run_point(const struct run *run)
{
    (void)run;
    assert(!"not built yet");
    return NULL;
}

int64_t run_now_ms(const struct run *run)
{
    (void)run;
    assert(!"not built yet");
    return (int64_t){0};
}

struct sim *run_sim(const struct run *run)
{
    (void)run;
    assert(!"not built yet");
    return NULL;
}

struct controller *run_controller(const struct run *run)
{
    (void)run;
    assert(!"not built yet");
    return NULL;
}

const struct run_setup *run_setup(const struct run *run)
{
    (void)run;
    assert(!"not built yet");
    return NULL;
}

int run_entries(const struct run *run, const struct run_entry **entry)
{
    (void)run;
    (void)entry;
    assert(!"not built yet");
    return (int){0};
}

int run_spans(const struct run *run, const struct run_span **span)
{
    (void)run;
    (void)span;
    assert(!"not built yet");
    return (int){0};
}

int run_verdicts(const struct run *run, const struct run_verdict **verdict)
{
    (void)run;
    (void)verdict;
    assert(!"not built yet");
    return (int){0};
}

struct run_figures run_figures(struct run *run)
{
    (void)run;
    assert(!"not built yet");
    return (struct run_figures){0};
}

uint64_t run_digest(const struct run *run)
{
    (void)run;
    assert(!"not built yet");
    return (uint64_t){0};
}
