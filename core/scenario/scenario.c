/* A scenario in memory, and the words that are the same wherever one is spoken of. */
#include "scenario/scenario.h"
#include "base/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *const scenario_place_name[SIM_NODE] = {
    [SIM_CONTROLLER] = "controller", [SIM_CLIENT] = "client", [SIM_GATEWAY] = "gateway",
    [SIM_SHARE] = "share",           [SIM_STORE] = "store",
};

const char *const *scenario_words(void)
{
    static const char *const words[] = {
        "at",       "confirm_out", "ends",         "expect", "failback",
        "failover", "kill_daemon", "pause",        "resume", "scenario",
        "serving",  "set",         "start_daemon", "step",   NULL,
    };

    return words;
}

void scenario_free(struct scenario *scenario)
{
    int i;

    if (scenario == NULL) {
        return;
    }
    for (i = 0; i < scenario->n_sets; i++) {
        memory_free(scenario->set_name[i]);
        memory_free(scenario->set_value[i]);
    }
    memory_free(scenario->file);
    memory_free(scenario->name);
    memory_free(scenario);
}

/* As short as it is exact: "75", "60.25". */
const char *scenario_number(int64_t ms, char *text)
{
    int64_t rest = ms % 1000 < 0 ? -(ms % 1000) : ms % 1000;
    int n =
        snprintf(text, SCENARIO_TIME_MAX, "%s%" PRId64, ms < 0 && ms > -1000 ? "-" : "", ms / 1000);

    if (rest != 0) {
        n += snprintf(text + n, SCENARIO_TIME_MAX - (size_t)n, ".%03" PRId64, rest);
        while (text[n - 1] == '0') {
            text[--n] = '\0';
        }
    }
    return text;
}

const char *scenario_time(int64_t ms, char *text)
{
    size_t len = strlen(scenario_number(ms, text));

    snprintf(text + len, SCENARIO_TIME_MAX - len, " s");
    return text;
}
