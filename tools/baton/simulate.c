#include "baton.h"

int command_simulate(const struct args *args)
{
    return print_error(args, BATON_NO, "refused", "not built yet");
}
