#include "witness.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ROUND_MS 2
#define PULSE_US 20000

static volatile sig_atomic_t ending;
static int home = -1; /* the witness's own network namespace, set once */

int64_t witness_now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_BOOTTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int witness_socket(const struct witness_host *host, int family, int type, int protocol)
{
    if (setns(host->net, CLONE_NEWNET) != 0)
        return -1;
    int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
    int error = errno;
    if (setns(home, CLONE_NEWNET) != 0)
        abort(); /* or the next socket would be in a wrong place */
    errno = error;
    return fd;
}

static void on_signal(int number)
{
    (void)number;
    ending = 1;
}

static FILE *open_log(const char *directory, const char *name)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "we");
    if (file == NULL)
        perror(path);
    else
        setvbuf(file, NULL, _IOLBF, 0);
    return file;
}

/* NAME=NAMESPACE, the namespace being a file. */
static bool add_host(struct witness *w, const char *text, bool server)
{
    const char *path = strchr(text, '=');
    if (path == NULL || w->n_hosts == WITNESS_HOSTS_MAX ||
        (size_t)(path - text) >= WITNESS_NAME_MAX)
        return false;
    struct witness_host *host = &w->host[w->n_hosts++];
    *host = (struct witness_host){.server = server, .route = -1, .diag = -1, .arp = -1};
    memcpy(host->name, text, (size_t)(path - text));
    for (int i = 0; i < WITNESS_ASKS_MAX; i++)
        host->ask[i].fd = -1;
    host->net = open(path + 1, O_RDONLY | O_CLOEXEC);
    if (host->net < 0) {
        perror(path + 1);
        return false;
    }
    return true;
}

static void watch(struct witness *w)
{
    int64_t before_us = witness_now_us();
    while (!ending) {
        for (int i = 0; i < w->n_hosts; i++) {
            if (w->host[i].server)
                kernel_turn(w, &w->host[i]);
            ask_turn(w, &w->host[i]);
        }
        int64_t now_us = witness_now_us();
        if (now_us - before_us > PULSE_US)
            fprintf(w->pulse, "%lld %lld\n", (long long)before_us, (long long)now_us);
        before_us = now_us;
        poll(NULL, 0, ROUND_MS);
    }
}

static int usage(FILE *out, int code)
{
    fputs(
        "usage: witness --address ADDRESS --interface NAME --out DIRECTORY\n"
        "               --server NAME=NAMESPACE... --client NAME=NAMESPACE...\n"
        "\n"
        "Writes until SIGTERM who has ADDRESS and who answers for it: addresses, listens, answers\n"
        "and pulse in DIRECTORY. A NAMESPACE is a file like /run/netns/x.\n",
        out);
    return code;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"address", required_argument, NULL, 'a'},
        {"interface", required_argument, NULL, 'i'},
        {"out", required_argument, NULL, 'o'},
        {"server", required_argument, NULL, 's'},
        {"client", required_argument, NULL, 'c'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    static struct witness w = {.port = 25};
    const char *out = NULL;
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'a' && inet_pton(AF_INET, optarg, &w.floating) == 1)
            continue;
        if (option == 'i')
            w.interface = optarg;
        else if (option == 'o')
            out = optarg;
        else if (option == 'h')
            return usage(stdout, 0);
        else if ((option != 's' && option != 'c') || !add_host(&w, optarg, option == 's'))
            return usage(stderr, 2);
    }
    home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (home < 0 || out == NULL || w.interface == NULL || w.floating.s_addr == 0)
        return usage(stderr, 2);
    w.addresses = open_log(out, "addresses");
    w.listens = open_log(out, "listens");
    w.answers = open_log(out, "answers");
    w.pulse = open_log(out, "pulse");
    if (w.addresses == NULL || w.listens == NULL || w.answers == NULL || w.pulse == NULL)
        return 1;
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    for (int i = 0; i < w.n_hosts; i++) {
        if (!ask_open(&w, &w.host[i]) || (w.host[i].server && !kernel_open(&w, &w.host[i]))) {
            perror(w.host[i].name);
            return 1;
        }
    }
    watch(&w);
    return fclose(w.addresses) | fclose(w.listens) | fclose(w.answers) | fclose(w.pulse) ? 1 : 0;
}
