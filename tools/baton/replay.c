#include "baton.h"

int command_replay(const struct args *args)
{
    return print_error(args, BATON_NO, "refused", "not built yet");
}
