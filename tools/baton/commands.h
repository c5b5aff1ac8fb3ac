/* What commands there are: names, options, help. main.c reads the arguments by it. */
#ifndef BATON_TOOLS_COMMANDS_H
#define BATON_TOOLS_COMMANDS_H

#include "baton.h"

#include <stddef.h>

struct command {
    const char *name;
    const char *arguments; /* as the help shows them */
    const char *options;   /* letters of the options it takes, besides those of all */
    int words_min, words_max;
    int (*run)(const struct args *args);
    const char *about; /* one line */
    const char *help;  /* what its options do, and examples */
};

extern const struct command commands[];
extern const size_t n_commands;

#endif
