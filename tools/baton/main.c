/* Arguments, help, and the choice of a command. */
#include "commands.h"

#include <errno.h>
#include <getopt.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const struct option options[] = {
    {"socket", required_argument, NULL, 'S'},  {"json", no_argument, NULL, 'J'},
    {"help", no_argument, NULL, 'h'},          {"watch", no_argument, NULL, 'w'},
    {"wait", no_argument, NULL, 'W'},          {"to", required_argument, NULL, 't'},
    {"force", no_argument, NULL, 'f'},         {"reason", required_argument, NULL, 'r'},
    {"since", required_argument, NULL, 's'},   {"limit", required_argument, NULL, 'n'},
    {"observations", no_argument, NULL, 'o'},  {"follow", no_argument, NULL, 'F'},
    {"journal", required_argument, NULL, 'j'}, {"format", required_argument, NULL, 'm'},
    {"config", required_argument, NULL, 'c'},  {"group", required_argument, NULL, 'g'},
    {"lua", required_argument, NULL, 'l'},     {"set", required_argument, NULL, 'e'},
    {"seed", required_argument, NULL, 'd'},    {"all", no_argument, NULL, 'a'},
    {"junit", required_argument, NULL, 'x'},   {"html", required_argument, NULL, 'H'},
    {"faults", required_argument, NULL, 'k'},  {"depth", required_argument, NULL, 'D'},
    {"seeds", required_argument, NULL, 'N'},   {"jobs", required_argument, NULL, 'P'},
    {"time", required_argument, NULL, 'T'},    {"out", required_argument, NULL, 'O'},
    {"policy", required_argument, NULL, 'p'},  {"until", required_argument, NULL, 'U'},
    {"strict", no_argument, NULL, 'R'},        {"dry-run", no_argument, NULL, 'q'},
    {"yes", no_argument, NULL, 'Y'},           {"undo", no_argument, NULL, 'u'},
    {"again", no_argument, NULL, 'A'},         {NULL, 0, NULL, 0},
};

static void print_usage(FILE *out)
{
    size_t i;

    fprintf(out, "usage: baton COMMAND [ARGUMENTS]\n\n");
    for (i = 0; i < n_commands; i++) {
        fprintf(out, "  %-13s %s\n", commands[i].name, commands[i].about);
    }
    fprintf(
        out, "\nOf every command:\n"
             "  --json          print JSON, whose names are stable\n"
             "  --socket PATH   of batond; else $BATON_SOCKET, else " SOCKET_DEFAULT "\n"
             "  --help          what it does, with examples\n"
             "\n"
             "Exit codes: 0 done, 1 refused or not true, 2 usage, 3 can't reach batond.\n");
}

static void print_help(const struct command *command)
{
    printf(
        "usage: baton %s %s\n\n%c%s.\n\n%s", command->name, command->arguments,
        command->about[0] - 'a' + 'A', command->about + 1, command->help);
}

static int misused(const struct args *args, const struct command *command, const char *what)
{
    return print_error(
        args, BATON_USAGE, "usage", "%s\nusage: baton %s %s\nTry: baton %s --help", what,
        command->name, command->arguments, command->name);
}

static const struct command *find_command(int argc, char **argv, int *used)
{
    char two[64] = "";
    size_t i;

    if (argc > 2) {
        snprintf(two, sizeof two, "%.30s %.30s", argv[1], argv[2]);
    }
    for (i = 0; i < n_commands; i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            *used = 1;
            return &commands[i];
        }
        if (strcmp(two, commands[i].name) == 0) {
            *used = 2;
            return &commands[i];
        }
    }
    return NULL;
}

/* The options that take a number. */
static const struct number {
    int option;
    int64_t least, most;
    size_t at; /* in struct args, an int64_t */
    const char *wrong;
} numbers[] = {
    {'n', 1, 5000, offsetof(struct args, limit), "--limit takes a number from 1 to 5000"},
    {'d', 0, INT64_MAX, offsetof(struct args, seed), "--seed takes a number from 0 on"},
    {'k', 1, 4, offsetof(struct args, faults), "--faults takes a number from 1 to 4"},
    {'D', 1, 10000, offsetof(struct args, depth), "--depth takes a number from 1 to 10000"},
    {'N', 0, INT64_MAX, offsetof(struct args, seeds), "--seeds takes a number from 0 on"},
    {'P', 1, 256, offsetof(struct args, jobs), "--jobs takes a number from 1 to 256"},
    {'T', 1, 7 * 24 * 3600, offsetof(struct args, time_s),
     "--time takes seconds, from 1 to a week"},
};

static const struct number *find_number(int option)
{
    size_t i;

    for (i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (numbers[i].option == option) {
            return &numbers[i];
        }
    }
    return NULL;
}

static bool take_number(struct args *args, const struct number *number)
{
    char *end;
    long long value;

    errno = 0;
    value = strtoll(optarg, &end, 10);
    if (end == optarg || *end != '\0' || errno != 0 || value < number->least ||
        value > number->most) {
        return false;
    }
    *(int64_t *)((char *)args + number->at) = value;
    return true;
}

static bool take_set(struct args *args)
{
    char *equals = strchr(optarg, '=');

    if (args->n_sets == ARGS_SETS_MAX || equals == NULL || equals == optarg) {
        return false;
    }
    *equals = '\0';
    args->set[args->n_sets].name = optarg;
    args->set[args->n_sets].value = equals + 1;
    args->n_sets++;
    return true;
}

/* The options that take nothing, and those that take any text. */
static const struct plain_option {
    int option;
    size_t at; /* in struct args, a bool or a const char * */
} flags[] =
    {
        {'J', offsetof(struct args, json)},    {'w', offsetof(struct args, watch)},
        {'W', offsetof(struct args, wait)},    {'f', offsetof(struct args, force)},
        {'a', offsetof(struct args, all)},     {'R', offsetof(struct args, strict)},
        {'F', offsetof(struct args, follow)},  {'o', offsetof(struct args, observations)},
        {'q', offsetof(struct args, dry_run)}, {'Y', offsetof(struct args, yes)},
        {'u', offsetof(struct args, undo)},    {'A', offsetof(struct args, again)},
},
  texts[] = {
      {'S', offsetof(struct args, socket)}, {'t', offsetof(struct args, to)},
      {'r', offsetof(struct args, reason)}, {'s', offsetof(struct args, since)},
      {'x', offsetof(struct args, junit)},  {'H', offsetof(struct args, html)},
      {'O', offsetof(struct args, out)},    {'p', offsetof(struct args, policy)},
      {'U', offsetof(struct args, until)},  {'j', offsetof(struct args, journal)},
      {'m', offsetof(struct args, format)}, {'c', offsetof(struct args, config)},
      {'g', offsetof(struct args, group)},  {'l', offsetof(struct args, lua)},
};

/* One option of this command. False where its value is wrong. */
static bool take_option(struct args *args, int option)
{
    const struct number *number = find_number(option);
    size_t i;

    if (number != NULL) {
        return take_number(args, number);
    }
    for (i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (flags[i].option == option) {
            *(bool *)((char *)args + flags[i].at) = true;
            return true;
        }
    }
    for (i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (texts[i].option == option) {
            *(const char **)((char *)args + texts[i].at) = optarg;
            return true;
        }
    }
    return take_set(args);
}

/* True where the arguments are good; else `*code` is the exit code and all is said. */
static bool read_args(
    const struct command *command, int argc, char **argv, struct args *args, int *code)
{
    char what[192];
    int option, index = 0, i;

    for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        args->json = args->json || strcmp(argv[i], "--json") == 0; /* errors are JSON then, too */
    }
    opterr = 0;
    while ((option = getopt_long(argc, argv, "h", options, &index)) != -1) {
        if (option == 'h') {
            print_help(command);
            *code = BATON_DONE;
            return false;
        }
        if (option == '?') {
            snprintf(
                what, sizeof what, "%.80s: there is no such option, or its value is missing",
                argv[optind - 1]);
            *code = misused(args, command, what);
            return false;
        }
        if (strchr("SJ", option) == NULL && strchr(command->options, option) == NULL) {
            snprintf(
                what, sizeof what, "--%s is no option of baton %s", options[index].name,
                command->name);
            *code = misused(args, command, what);
            return false;
        }
        if (!take_option(args, option)) {
            const struct number *number = find_number(option);

            *code = misused(
                args, command,
                number != NULL ? number->wrong : "--set takes NAME=VALUE, 64 times at most");
            return false;
        }
    }
    args->n_words = argc - optind;
    args->word = argv + optind;
    if (args->n_words < command->words_min || args->n_words > command->words_max) {
        snprintf(
            what, sizeof what, "baton %s: too %s arguments", command->name,
            args->n_words < command->words_min ? "few" : "many");
        *code = misused(args, command, what);
        return false;
    }
    return true;
}

static void prepare(struct args *args)
{
    setlocale(LC_ALL, "");
    if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0) {
        setlocale(LC_CTYPE, "C.UTF-8"); /* what batond says is UTF-8 */
    }
    signal(SIGPIPE, SIG_DFL);
    args->socket = getenv("BATON_SOCKET");
    if (args->socket == NULL || args->socket[0] == '\0') {
        args->socket = SOCKET_DEFAULT;
    }
}

/* Options of every command may stand before it, too: they are taken behind it. Returns how
 * many words there were. */
static int move_behind(int argc, char **argv)
{
    int words = 0, i;

    while (words + 1 < argc) {
        const char *word = argv[words + 1];

        if (strcmp(word, "--json") == 0 || strncmp(word, "--socket=", 9) == 0) {
            words++;
        } else if (strcmp(word, "--socket") == 0 && words + 2 < argc) {
            words += 2;
        } else {
            break;
        }
    }
    for (i = 0; i < words; i++) {
        char *first = argv[1];

        memmove(argv + 1, argv + 2, (size_t)(argc - 2) * sizeof argv[0]);
        argv[argc - 1] = first;
    }
    return words;
}

int main(int argc, char **argv)
{
    const struct command *command;
    struct args args = {.seed = 1, .faults = 2, .seeds = 1000};
    int used = 0, code = BATON_USAGE;

    prepare(&args);
    if (argc - move_behind(argc, argv) < 2) {
        print_usage(stderr);
        return BATON_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_usage(stdout);
        return BATON_DONE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("baton %s\n", BATON_VERSION);
        return BATON_DONE;
    }
    command = find_command(argc, argv, &used);
    if (command == NULL) {
        return print_error(
            NULL, BATON_USAGE, "usage", "there is no command \"%s\"; see: baton --help", argv[1]);
    }
    if (command->run == command_policy_check) {
        args.faults = 1; /* the short exploration */
    }
    if (!read_args(command, argc - used, argv + used, &args, &code)) {
        return code;
    }
    return command->run(&args);
}
