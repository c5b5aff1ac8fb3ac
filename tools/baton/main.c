/* Arguments, help, and the choice of a command. */
#include "baton.h"

#include <errno.h>
#include <getopt.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define SOCKET_DEFAULT "/run/baton/control.sock"

struct command {
    const char *name;
    const char *arguments; /* as the help shows them */
    const char *options;   /* letters of the options it takes, besides those of all */
    int words_min, words_max;
    int (*run)(const struct args *args);
    const char *about; /* one line */
    const char *help;  /* what its options do, and examples */
};

static const struct command commands[] = {
    {"status", "[GROUP] [--watch]", "w", 0, 1, command_status,
     "who holds what, how the nodes are, what runs and why nothing moves",
     "  --watch   stay, and show what changes: drawn anew on a terminal ('q' leaves),\n"
     "            one line for each event in a pipe\n"
     "\n"
     "Examples:\n"
     "  baton status\n"
     "  baton status mail --watch\n"
     "  baton status --json | jq -r '.groups[] | [.name, .holder] | @tsv'\n"},
    {"why", "GROUP", "", 1, 1, command_why, "what blocks a failover or failback now",
     "Example:\n"
     "  baton why mail\n"},
    {"failover", "GROUP [--to NODE] [--wait] [--force --reason TEXT]", "tWfr", 1, 1,
     command_failover, "move the service to another node",
     "  --to NODE       where to; without it the best fit node\n"
     "  --wait          stay until it is done, and show each step\n"
     "  --force         also to a node that is not fit; needs --reason, which is recorded\n"
     "  --reason TEXT   why\n"
     "\n"
     "Examples:\n"
     "  baton failover mail --wait\n"
     "  baton failover mail --to server02 --reason \"kernel update on server01\"\n"},
    {"failback", "GROUP [--wait]", "Wr", 1, 1, command_failback,
     "move it back to the preferred node that is fit",
     "  --wait          stay until it is done, and show each step\n"
     "  --reason TEXT   why\n"
     "\n"
     "Example:\n"
     "  baton failback mail --wait\n"},
    {"pause", "GROUP [--reason TEXT]", "r", 1, 1, command_pause,
     "make no move until resumed; go on observing",
     "  --reason TEXT   shown in the status until somebody resumes\n"
     "\n"
     "Example:\n"
     "  baton pause mail --reason \"storage maintenance until 6:00\"\n"},
    {"resume", "GROUP [--reason TEXT]", "r", 1, 1, command_resume, "end a pause, and clear a hold",
     "  --reason TEXT   why\n"
     "\n"
     "Example:\n"
     "  baton resume mail\n"},
    {"confirm-out", "GROUP NODE --reason TEXT", "r", 2, 2, command_confirm_out,
     "vouch that a node is off and does not serve",
     "You vouch for it: if the node does serve, two nodes will. The reason is recorded.\n"
     "\n"
     "Example:\n"
     "  baton confirm-out mail server01 --reason \"switched off at the PDU, 3:12\"\n"},
    {"history", "[GROUP] [--since TIME] [--limit N] [--observations] [--follow]", "snoFj", 0, 1,
     command_history, "what happened, from the journal",
     "  --since TIME      30m, 2h, 3d ago, or 2026-11-24T21:59:00Z\n"
     "  --limit N         at most the N newest rows; 100 without it\n"
     "  --observations    what the probes saw, too\n"
     "  --follow          stay, and show new rows as they come\n"
     "  --journal FILE    read this journal.db itself, without batond\n"
     "\n"
     "Examples:\n"
     "  baton history mail --since 2h\n"
     "  baton history --journal /var/lib/baton/journal.db --limit 20\n"},
    {"fsm", "[--format text|dot|svg]", "m", 0, 0, command_fsm,
     "the machine that every node goes through; needs no batond",
     "Examples:\n"
     "  baton fsm\n"
     "  baton fsm --format svg > machine.svg\n"},
    {"policy check",
     "FILE [--set NAME=VALUE]… [--config FILE] [--group GROUP] [--lua DIRECTORY] [--faults N] "
     "[--time SECONDS] [--out FILE] [--strict]",
     "cglekTOR", 1, 1, command_policy_check,
     "load a policy as batond would, warn of what is odd, play faults; needs no batond",
     "  --set NAME=VALUE  as <set> in the configuration would; may come again\n"
     "  --config FILE     for the nodes, addresses and parameters of this configuration\n"
     "  --group GROUP     … of this group in it; else the one that names the policy\n"
     "  --lua DIRECTORY   where `require` looks\n"
     "  --faults N        so many at once, 1 to 4, in a simulated world (1)\n"
     "  --time SECONDS    stop that after so long, and say so (3)\n"
     "  --out FILE        write the scenario of what it found\n"
     "  --strict          end with 1 where there are warnings\n"
     "\n"
     "Examples:\n"
     "  baton policy check mail.lua\n"
     "  baton policy check generic-service.lua --set unit=postgresql.service --set port=5432\n"
     "  baton policy check mail.lua --config /etc/baton/baton.xml\n"},
    {"simulate", "CONFIG SCENARIO… [--group GROUP] [--seed N] [--all] [--junit FILE] [--html FILE]",
     "gdaxHl", 2, ARGS_WORDS_MAX, command_simulate,
     "play scenarios in virtual time, and check what they expect",
     "Needs no batond. Ends with 1 at the first expectation that does not hold.\n"
     "\n"
     "  --group GROUP     of the configuration; else its first\n"
     "  --seed N          for what is random in the simulated world (1)\n"
     "  --all             also the questions and probes whose answers stay the same\n"
     "  --junit FILE      the verdicts as JUnit XML\n"
     "  --html FILE       one page with the timeline drawn\n"
     "  --lua DIRECTORY   where `require` looks\n"
     "\n"
     "Examples:\n"
     "  baton simulate /etc/baton/baton.xml lunch.lua\n"
     "  baton simulate /etc/baton/baton.xml scenarios/*.lua --junit report.xml\n"
     "  baton simulate /etc/baton/baton.xml lunch.lua --html lunch.html\n"},
    {"explore",
     "CONFIG [--group GROUP] [--faults N] [--depth N] [--seeds N] [--jobs N] [--time SECONDS] "
     "[--out FILE]",
     "gkDNPTOdl", 1, 1, command_explore,
     "look for faults that a policy does not survive, and write down the shortest",
     "Needs no batond. Ends with 1 where it finds one.\n"
     "\n"
     "  --group GROUP     of the configuration; else its first\n"
     "  --faults N        so many at once, 1 to 4 (2)\n"
     "  --depth N         decisions of one run that faults are tried at (64)\n"
     "  --seeds N         then so many random runs (1000)\n"
     "  --seed N          the first of them (1)\n"
     "  --jobs N          processes; else one for each core\n"
     "  --time SECONDS    stop after so long, and say so\n"
     "  --out FILE        where the scenario goes (failure.lua)\n"
     "  --lua DIRECTORY   where `require` looks\n"
     "\n"
     "Examples:\n"
     "  baton explore /etc/baton/baton.xml\n"
     "  baton explore /etc/baton/baton.xml --faults 1 --seeds 100000 --jobs 8\n"},
    {"replay",
     "HISTORY --policy FILE [--config FILE] [--group GROUP] [--since TIME] [--until TIME]",
     "pcgsUle", 1, 1, command_replay,
     "say what another policy would have decided from what was observed",
     "Needs no batond. HISTORY is a journal.db, or a folder that has one. Ends with 0 where\n"
     "both decide the same, 1 where they differ, 2 where it can't be replayed.\n"
     "\n"
     "  --policy FILE     the other policy\n"
     "  --config FILE     for nodes, addresses and parameters\n"
     "  --group GROUP     of the history; else its only one\n"
     "  --since TIME, --until TIME\n"
     "                    30m, 2h, 3d ago, or 2026-11-24T21:59:00Z\n"
     "  --set NAME=VALUE  as <set> in the configuration would; may come again\n"
     "  --lua DIRECTORY   where `require` looks\n"
     "\n"
     "Example:\n"
     "  baton replay /var/lib/baton/journal.db --policy new.lua --config /etc/baton/baton.xml\n"},
    {"reload", "", "", 0, 0, command_reload,
     "load configuration and policies anew; on any error all stays as it was",
     "Example:\n"
     "  baton reload\n"},
};
#define N_COMMANDS (sizeof commands / sizeof commands[0])

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
    {"strict", no_argument, NULL, 'R'},        {NULL, 0, NULL, 0},
};

static void print_usage(FILE *out)
{
    size_t i;

    fprintf(out, "usage: baton COMMAND [ARGUMENTS]\n\n");
    for (i = 0; i < N_COMMANDS; i++) {
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
    for (i = 0; i < N_COMMANDS; i++) {
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

/* One option of this command. False where its value is wrong. */
static bool take_option(struct args *args, int option)
{
    const struct number *number = find_number(option);

    if (number != NULL) {
        return take_number(args, number);
    }
    switch (option) {
    case 'S':
        args->socket = optarg;
        return true;
    case 'J':
        args->json = true;
        return true;
    case 'w':
        args->watch = true;
        return true;
    case 'W':
        args->wait = true;
        return true;
    case 't':
        args->to = optarg;
        return true;
    case 'f':
        args->force = true;
        return true;
    case 'r':
        args->reason = optarg;
        return true;
    case 's':
        args->since = optarg;
        return true;
    case 'a':
        args->all = true;
        return true;
    case 'R':
        args->strict = true;
        return true;
    case 'x':
        args->junit = optarg;
        return true;
    case 'H':
        args->html = optarg;
        return true;
    case 'O':
        args->out = optarg;
        return true;
    case 'p':
        args->policy = optarg;
        return true;
    case 'U':
        args->until = optarg;
        return true;
    case 'o':
        args->observations = true;
        return true;
    case 'F':
        args->follow = true;
        return true;
    case 'j':
        args->journal = optarg;
        return true;
    case 'm':
        args->format = optarg;
        return true;
    case 'c':
        args->config = optarg;
        return true;
    case 'g':
        args->group = optarg;
        return true;
    case 'e':
        return take_set(args);
    default:
        args->lua = optarg;
        return true;
    }
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
