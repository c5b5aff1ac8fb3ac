/* Load a policy as the daemon would and print its table, or the error.
 *
 *   policy_driver [-l LUA_DIRECTORY] POLICY.lua [name=value …]
 *
 * The site is a fake one of two nodes; name=value sets parameters. Exit code 0: it loads.
 */
#include "policy/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARAMS_MAX 32

static char *slurp(const char *file, size_t *len)
{
    FILE *f = fopen(file, "rb");
    char *text = NULL;
    long size;

    if (f == NULL) {
        return NULL;
    }
    if (fseek(f, 0, SEEK_END) == 0 && (size = ftell(f)) >= 0 && fseek(f, 0, SEEK_SET) == 0) {
        text = malloc((size_t)size + 1);
        if (text != NULL) {
            *len = fread(text, 1, (size_t)size, f);
            text[*len] = '\0';
        }
    }
    fclose(f);
    return text;
}

static enum baton_err read_module(
    void *arg, const char *name, char **text, size_t *len, char *file, size_t file_size,
    struct baton_error *error)
{
    snprintf(file, file_size, "%s/%s.lua", (const char *)arg, name);
    *text = slurp(file, len);
    return *text != NULL ? BATON_OK : baton_fail(error, BATON_NOT_FOUND, "there is no %s", file);
}

static int64_t no_time(struct world *world)
{
    (void)world;
    return 1000;
}

static uint64_t no_random(struct world *world)
{
    (void)world;
    return 4;
}

static void write_log(struct world *world, const struct world_log *line)
{
    (void)world;
    printf("log: %s\n", line->text);
}

static void print_probes(const struct policy *policy)
{
    static const char *const kinds[] = {"sleep", "tcp", "mail", "http", "exec", "address", "hook"};
    static const char *const on[] = {"all", "holder", "others"};
    const struct policy_table *table = policy_table(policy);

    for (int i = 0; i < table->rules.n_probes; i++) {
        const struct group_probe_rules *rules = &table->rules.probe[i];
        const struct policy_probe *probe = &table->probe[i];

        printf(
            "probe %s: %s, every %.3f s, timeout %.3f s, fall %d, rise %d, on %s%s\n", rules->name,
            probe->scripted ? "scripted" : kinds[probe->request.kind],
            (double)probe->every_ms / 1000, (double)probe->timeout_ms / 1000, rules->fall,
            rules->rise, on[rules->on], probe->floating ? ", via floating" : "");
        if (!probe->scripted && probe->request.kind == WORLD_EXEC) {
            struct world_request request = policy_probe_request(policy, i, 0);

            printf("  on %s:", request.u.exec.node != NULL ? request.u.exec.node : "controller");
            for (int w = 0; request.u.exec.argv[w] != NULL; w++) {
                printf(" '%s'", request.u.exec.argv[w]);
            }
            printf("\n");
        }
    }
}

static void print_table(const struct policy *policy)
{
    static const char *const lists[] = {"stop", "start", "fence", "verify"};
    const struct policy_table *table = policy_table(policy);
    const struct group_rules *rules = &table->rules;
    struct policy_usage usage = policy_usage(policy);

    print_probes(policy);
    for (int list = 0; list < GROUP_LISTS; list++) {
        for (int i = 0; i < rules->list[list].count; i++) {
            const struct group_action_rules *action = &rules->list[list].action[i];

            printf(
                "%s %s: deadline %.3f s, attempts %d, retry %.3f s%s\n", lists[list], action->name,
                (double)action->deadline_ms / 1000, action->attempts,
                (double)action->retry_ms / 1000, action->has_undo ? ", undo" : "");
        }
    }
    for (int i = 0; i < rules->n_remedies; i++) {
        printf(
            "remedy %s: attempts %d within %.3f s, on %s\n", rules->remedy[i].action.name,
            rules->remedy[i].attempts_max, (double)rules->remedy[i].within_ms / 1000,
            rules->remedy[i].on_any ? "any" : "holder");
    }
    for (int i = 0; i < table->n_transitions; i++) {
        printf(
            "transition %s to %s: line %d\n", fsm_state_name(table->transition[i].from),
            fsm_state_name(table->transition[i].to), table->transition[i].line);
    }
    printf(
        "look every %.3f s, deadline %.3f s, fall %d; settle %.3f s; %d moves in %.0f s; "
        "unconfirmed: %s\n",
        (double)table->look_every_ms / 1000, (double)rules->look_deadline_ms / 1000,
        rules->look_fall, (double)rules->settle_ms / 1000, rules->max_moves,
        (double)rules->window_ms / 1000, rules->fence_unconfirmed ? "fence" : "hold");
    printf(
        "memory %zu of %zu bytes, %lld instructions\n", usage.memory, usage.memory_max,
        (long long)usage.instructions);
}

int main(int argc, char **argv)
{
    static const struct world_ops ops = {
        .now_ms = no_time,
        .wall_ms = no_time,
        .random = no_random,
        .log = write_log,
    };
    static const char *const secrets[] = {"api"};
    struct world world = {.ops = &ops};
    struct world_pair params[PARAMS_MAX];
    struct policy_site site = {
        .group = "mail",
        .floating = "10.9.0.100/24",
        .interface = "eth0",
        .share = "/srv/mail",
        .gateway = "10.9.0.1",
        .n_witnesses = 1,
        .witness = {"10.9.0.2:22"},
        .n_nodes = 2,
        .node = {{"server01", "10.9.0.11", "ssh", 1}, {"server02", "10.9.0.12", "ssh", 2}},
        .param = params,
        .n_secrets = 1,
        .secret = secrets,
    };
    char directory[512] = SOURCE_DIR "/lua";
    struct policy_source source = {.read = read_module, .read_arg = directory};
    struct policy *policy;
    struct baton_error error = {0};
    char *text;
    int at = 1;

    if (argc > 2 && strcmp(argv[1], "-l") == 0) {
        snprintf(directory, sizeof directory, "%s", argv[2]);
        at = 3;
    }
    if (at >= argc) {
        fprintf(stderr, "usage: policy_driver [-l LUA_DIRECTORY] POLICY.lua [name=value …]\n");
        return 2;
    }
    source.file = argv[at++];
    for (; at < argc && site.n_params < PARAMS_MAX; at++) {
        char *equals = strchr(argv[at], '=');

        if (equals != NULL) {
            *equals = '\0';
            params[site.n_params++] = (struct world_pair){argv[at], equals + 1};
        }
    }
    text = slurp(source.file, &source.len);
    if (text == NULL) {
        fprintf(stderr, "can't read %s\n", source.file);
        return 2;
    }
    source.text = text;
    if (policy_new(&source, &site, NULL, &world, &policy, &error) != BATON_OK) {
        printf("%s: %s\n", baton_err_name(error.code), error.text);
        free(text);
        return 1;
    }
    print_table(policy);
    policy_free(policy);
    free(text);
    return 0;
}
