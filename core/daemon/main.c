/* batond: arguments, the process's own limits, and the way in. */
#include "daemon/check.h"
#include "daemon/daemon.h"
#include "daemon/trim.h"

#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    DONE = 0,
    REFUSED = 1,
    USAGE = 2
};

#define DESCRIPTORS_MIN 4096

static const char usage[] =
    "usage: batond --config FILE [--node NAME] [--shadow] [--check]\n"
    "\n"
    "Keeps one service alive on exactly one of several servers.\n"
    "\n"
    "  -c, --config FILE   the configuration\n"
    "      --node NAME     with <peers>: which of the nodes this is, if the file does not say\n"
    "                      so and the machine has another name\n"
    "      --shadow        take no action: watch, and say what it would do\n"
    "      --check         load it and all its policies, play single faults in a simulated\n"
    "                      world for some seconds, say what is wrong, and end\n"
    "  -V, --version       print the version and end\n"
    "  -h, --help          print this and end\n"
    "\n"
    "It stays in the foreground and ends on SIGTERM; the service stays where it is.\n"
    "SIGHUP loads the configuration and its policies anew. See batond(8), baton(1).\n";

static void prepare_process(void)
{
    struct rlimit limit;

    trim_start();
    umask(077);
    signal(SIGPIPE, SIG_IGN);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < DESCRIPTORS_MIN) {
        limit.rlim_cur = limit.rlim_max < DESCRIPTORS_MIN ? limit.rlim_max : DESCRIPTORS_MIN;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int fail(const struct baton_error *error)
{
    fprintf(stderr, "batond: %s\n", error->text);
    return REFUSED;
}

static void on_term(int number)
{
    (void)number;
    kill(0, SIGKILL); /* the explorer's workers too: this process leads a group of its own */
}

/* A daemon waits for this in its loop: end with it, and leave nothing. */
static void follow_daemon(pid_t daemon)
{
    if (getpgrp() == getpid()) {
        signal(SIGTERM, on_term);
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() != daemon) { /* it has died before */
            raise(SIGTERM);
        }
    }
}

static int check(const struct daemon_setup *setup, pid_t daemon)
{
    struct baton_error error = {0};

    if (daemon > 0) {
        follow_daemon(daemon);
    }
    if (check_run(setup->config_file, setup->node, daemon > 0, &error) != BATON_OK) {
        return fail(&error);
    }
    if (daemon == 0) {
        printf("%s: good\n", setup->config_file);
    }
    return DONE;
}

static int run(const struct daemon_setup *setup)
{
    struct baton_error error = {0};
    struct daemon *daemon = NULL;
    enum baton_err err;

    if (daemon_new(setup, &daemon, &error) != BATON_OK) {
        return fail(&error);
    }
    err = daemon_run(daemon, &error);
    daemon_free(daemon);
    return err == BATON_OK ? DONE : fail(&error);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"node", required_argument, NULL, 'n'},
        {"shadow", no_argument, NULL, 's'},
        {"check", no_argument, NULL, 'k'},
        {"for-reload", required_argument, NULL, 'r'},
        {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct daemon_setup setup = {0};
    bool only_check = false;
    pid_t daemon = 0; /* that has itself checked */
    int option;

    while ((option = getopt_long(argc, argv, "c:Vh", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            setup.config_file = optarg;
            break;
        case 'n':
            setup.node = optarg;
            break;
        case 's':
            setup.shadow = true;
            break;
        case 'k':
            only_check = true;
            break;
        case 'r': /* for the daemon's own use, see trial.c */
            daemon = (pid_t)strtol(optarg, NULL, 10);
            break;
        case 'V':
            printf("batond %s\n", BATON_VERSION);
            return DONE;
        case 'h':
            fputs(usage, stdout);
            return DONE;
        default:
            fputs("Try `batond --help`.\n", stderr);
            return USAGE;
        }
    }
    if (setup.config_file == NULL || optind != argc) {
        fputs(
            setup.config_file == NULL ? "batond: which configuration? Name it with --config FILE\n"
                                      : "batond: there are no arguments but options\n",
            stderr);
        fputs("Try `batond --help`.\n", stderr);
        return USAGE;
    }
    prepare_process();
    return only_check ? check(&setup, daemon) : run(&setup);
}
