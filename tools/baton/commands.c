#include "commands.h"

#define SETUP_HELP                                                                                 \
    "Needs no batond, and refuses while one controls the group and is not paused. The steps are\n" \
    "the policy's. What has been done is written down: a run that was stopped goes on where it\n"  \
    "was. Ends with 1 where a step fails, or waits for a person and there is no terminal.\n"       \
    "\n"                                                                                           \
    "  --config FILE   of batond (/etc/baton/baton.xml)\n"                                         \
    "  --dry-run       print exactly what would change, and change nothing\n"                      \
    "  --yes           begin without asking; what a person does is asked for all the same\n"       \
    "  --undo          take back what was done, in reverse order; copied data stays\n"             \
    "  --again         look at each step anew; what is as it should be is left\n"                  \
    "\n"

const struct command commands[] = {
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
    {"preflight", "[GROUP] [--config FILE] [--html FILE]", "cH", 0, 1, command_preflight,
     "check that all is as it must be, on every server, before it is needed",
     "Needs no batond. It looks only: nothing is changed, but that a file is written to the share\n"
     "and removed again. Ends with 0 where all is so, 1 where something is not or can't be found\n"
     "out, 2 where the configuration can't be used.\n"
     "\n"
     "  --config FILE   of batond (/etc/baton/baton.xml)\n"
     "  --html FILE     one page of it, too\n"
     "\n"
     "Examples:\n"
     "  baton preflight\n"
     "  baton preflight mail --html mail.html\n"
     "  baton preflight --json | jq -r '.groups[].checks[] | select(.outcome != \"ok\") | "
     ".title'\n"},
    {"cluster", "[GROUP] [--config FILE]", "c", 0, 1, command_cluster,
     "show the servers: address, priority, role, and what runs on each",
     "The roles are those that batond says, where it runs; else those of the configuration.\n"
     "Ends with 2 where the configuration can't be used.\n"
     "\n"
     "  --config FILE   of batond (/etc/baton/baton.xml)\n"
     "\n"
     "Examples:\n"
     "  baton cluster mail\n"
     "  baton cluster --json | jq -r '.groups[].servers[] | [.name, .role] | @tsv'\n"},
    {"init", "GROUP [--config FILE] [--dry-run] [--yes] [--undo] [--again]", "cqYuA", 1, 1,
     command_init, "prepare the servers of a fresh installation, step by step",
     SETUP_HELP "Examples:\n"
                "  baton init mail --dry-run\n"
                "  baton init mail\n"},
    {"migrate", "GROUP [--config FILE] [--dry-run] [--yes] [--undo] [--again]", "cqYuA", 1, 1,
     command_migrate, "bring an existing installation onto the share, step by step",
     SETUP_HELP "Examples:\n"
                "  baton migrate mail --dry-run\n"
                "  baton migrate mail --config /etc/baton/baton.xml\n"
                "  baton migrate mail --undo\n"},
    {"rewrite", "FILE OLD... --to NEW [--dry-run] | FILE --undo", "tqu", 1, 17, command_rewrite,
     "put a new path in the place of old ones, in one XML or JSON file",
     "Whole components of paths, in text and attributes, or strings: with either slash, in any\n"
     "case. All else in the file stays byte for byte. What is written is read back before it "
     "takes\n"
     "the file's place; the original stays as FILE.before-baton. Needs no batond.\n"
     "\n"
     "  --to NEW    what stands in the place of each OLD then\n"
     "  --dry-run   say how many would be, and change nothing\n"
     "  --undo      put the original back\n"
     "\n"
     "Examples:\n"
     "  baton rewrite domainlist.xml 'C:\\SmarterMail' --to '\\\\NAS01\\SmarterMail'\n"
     "  baton rewrite domainlist.xml --undo\n"},
    {"reload", "", "", 0, 0, command_reload,
     "load configuration and policies anew; on any error all stays as it was",
     "Example:\n"
     "  baton reload\n"},
};
const size_t n_commands = sizeof commands / sizeof commands[0];
