#include "world/live/hooks.h"

#include "group/group.h"
#include "world/live/child.h"
#include "world/live/request.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define HOOKS_BEFORE_MOVE "before-move" /* the one event whose hooks can say no */
#define HOOKS_SETPRIV     "/usr/bin/setpriv"
#define HOOKS_WORDS       8

struct text { /* bounded */
    size_t len;
    char at[HOOKS_OUTPUT_MAX];
};

struct hook {
    struct live_request head;
    struct hooks_user user;
    struct event *limit; /* of the program that runs now */
    struct child *child;
    char *directory, *json;
    char event[64], reuid[96], regid[32];
    int n, next;
    char *name[HOOKS_MAX];
    int n_env;
    char *env[HOOKS_FACTS_MAX + 9];
    int64_t limit_ms, limit_max_ms;
    int ok, no, unsaid, no_code;
    bool cut;
    struct text said, out, err;
};

/* ---- Who runs them ------------------------------------------------------------------- */

enum baton_err hooks_user_find(const char *name, struct hooks_user *user, struct baton_error *error)
{
    char buffer[4096];
    struct passwd entry, *found = NULL;

    *user = (struct hooks_user){.uid = geteuid()};
    if (name == NULL) {
        return BATON_OK;
    }
    snprintf(user->name, sizeof user->name, "%s", name);
    if (getpwnam_r(name, &entry, buffer, sizeof buffer, &found) != 0 || found == NULL) {
        snprintf(user->problem, sizeof user->problem, "there is no user %s to run hooks", name);
        return baton_fail(
            error, BATON_INVALID, "%s; make it, or correct the user of hooks in the configuration",
            user->problem);
    }
    user->gid = entry.pw_gid;
    snprintf(user->home, sizeof user->home, "%s", entry.pw_dir);
    user->other = entry.pw_uid != geteuid();
    user->uid = entry.pw_uid;
    if (user->other && geteuid() != 0) {
        snprintf(
            user->problem, sizeof user->problem, "only root can run hooks as another user (%s)",
            name);
        return baton_fail(error, BATON_INVALID, "%s", user->problem);
    }
    return BATON_OK;
}

/* ---- What is gathered ---------------------------------------------------------------- */

static bool text_add(struct text *text, const char *piece, size_t len)
{
    size_t room = sizeof text->at - 1 - text->len;
    size_t keep = len < room ? len : room;

    memcpy(text->at + text->len, piece, keep);
    text->len += keep;
    text->at[text->len] = 0;
    return keep == len;
}

/* "10-mail: exit 1: no route; 20-web: no end within 5 s" */
static void say(struct hook *hook, const char *name, const char *what)
{
    if (hook->said.len > 0) {
        text_add(&hook->said, "; ", 2);
    }
    text_add(&hook->said, name, strlen(name));
    text_add(&hook->said, ": ", 2);
    text_add(&hook->said, what, strlen(what));
}

static void could_not_say(struct hook *hook, const char *name, const char *why)
{
    hook->unsaid++;
    say(hook, name, why);
}

/* ---- Which programs ------------------------------------------------------------------ */

bool hooks_name_is_backup(const char *name)
{
    static const char *const ends[] = {"~",     ".bak", ".orig", ".rej",     ".old",
                                       ".save", ".swp", ".tmp",  ".disabled"};
    size_t len = strlen(name), i;

    if (name[0] == '.' || name[0] == '#' || strstr(name, ".dpkg-") != NULL ||
        strstr(name, ".ucf-") != NULL || strstr(name, ".rpm") != NULL) {
        return true;
    }
    for (i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        size_t end = strlen(ends[i]);

        if (len >= end && strcmp(name + len - end, ends[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Who may write it decides what the daemon runs: root and the daemon's own user only. */
static const char *unsafe(const struct stat *info)
{
    if (info->st_uid != 0 && info->st_uid != geteuid()) {
        return "refused: it belongs to somebody else than root; chown root";
    }
    if ((info->st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        return "refused: others may write it; chmod go-w";
    }
    return NULL;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void refuse(struct hook *hook, const char *name, const char *why)
{
    char text[512];

    could_not_say(hook, name, why);
    snprintf(text, sizeof text, "%s/%s %s", hook->directory, name, why);
    live_world(hook->head.live)
        ->ops->log(
            live_world(hook->head.live),
            &(struct world_log){.level = WORLD_WARNING, .event = "hook", .text = text});
}

static void take(struct hook *hook, int folder, const char *name)
{
    struct stat info;
    const char *why;

    if (hooks_name_is_backup(name) || fstatat(folder, name, &info, 0) != 0 ||
        !S_ISREG(info.st_mode) || (info.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) == 0) {
        return;
    }
    why = unsafe(&info);
    if (why == NULL && hook->n == HOOKS_MAX) {
        why = "refused: there are too many hooks";
    }
    if (why != NULL) {
        refuse(hook, name, why);
        return;
    }
    hook->name[hook->n] = strdup(name);
    hook->n += hook->name[hook->n] != NULL;
}

static void scan(struct hook *hook)
{
    DIR *folder = opendir(hook->directory);
    const struct dirent *entry;
    struct stat info;
    const char *why;

    if (folder == NULL) {
        if (errno != ENOENT) {
            could_not_say(hook, hook->directory, strerror(errno));
        }
        return;
    }
    why = fstat(dirfd(folder), &info) == 0 ? unsafe(&info) : "can't be looked at";
    if (why != NULL) {
        refuse(hook, "", why);
    }
    while (why == NULL && (entry = readdir(folder)) != NULL) {
        take(hook, dirfd(folder), entry->d_name);
    }
    closedir(folder);
    qsort(hook->name, (size_t)hook->n, sizeof hook->name[0], by_name);
}

/* ---- What they are told -------------------------------------------------------------- */

static void env_add(struct hook *hook, const char *name, const char *value)
{
    if (hook->n_env < HOOKS_FACTS_MAX + 8 &&
        asprintf(&hook->env[hook->n_env], "%s%s", name, value) >= 0) {
        hook->n_env++;
    }
}

static const char *when_text(int64_t wall_ms, char *text, size_t size)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm utc;

    if (gmtime_r(&seconds, &utc) == NULL || strftime(text, size, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0) {
        text[0] = '\0';
    }
    return text;
}

static void make_env(struct hook *hook, const struct world_request *wanted)
{
    const struct hooks_user *user = &hook->user;
    const char *const *common = child_environment();
    char name[80], when[40];
    int i;

    for (i = 0; common[i] != NULL; i++) {
        if (!user->other || strncmp(common[i], "HOME=", 5) != 0) {
            env_add(hook, "", common[i]);
        }
    }
    if (user->other) {
        env_add(hook, "HOME=", user->home);
        env_add(hook, "USER=", user->name);
    }
    env_add(hook, "BATON_EVENT=", hook->event);
    env_add(hook, "BATON_TIME=", when_text(wanted->u.hook.wall_ms, when, sizeof when));
    for (i = 0; i < wanted->u.hook.n_facts; i++) {
        const struct world_pair *fact = &wanted->u.hook.fact[i];

        if (strcmp(fact->name, "EVENT") != 0) {
            snprintf(name, sizeof name, "BATON_%s=", fact->name);
            env_add(hook, name, fact->value != NULL ? fact->value : "");
        }
    }
}

/* Where the caller has no JSON of its own, the facts make it: {"event":"hold",…}. */
static char *make_json(const struct hook *hook, const struct world_request *wanted)
{
    json_t *facts = json_object();
    char name[64], when[40], *text;
    int i;
    size_t c;

    json_object_set_new(facts, "event", json_string(hook->event));
    json_object_set_new(
        facts, "time", json_string(when_text(wanted->u.hook.wall_ms, when, sizeof when)));
    for (i = 0; i < wanted->u.hook.n_facts; i++) {
        const struct world_pair *fact = &wanted->u.hook.fact[i];

        for (c = 0; fact->name[c] != 0 && c + 1 < sizeof name; c++) {
            name[c] =
                (char)(fact->name[c] >= 'A' && fact->name[c] <= 'Z' ? fact->name[c] + 32 : fact->name[c]);
        }
        name[c] = 0;
        /* Text that is not UTF-8 has no place in JSON; it is in the environment. */
        json_object_set_new(facts, name, json_string(fact->value != NULL ? fact->value : ""));
    }
    text = json_dumps(facts, JSON_COMPACT);
    json_decref(facts);
    return text;
}

/* ---- One after another --------------------------------------------------------------- */

static bool needs_a_hook(const char *event)
{
    int i;

    if (strcmp(event, HOOKS_BEFORE_MOVE) == 0) {
        return false;
    }
    for (i = 0; i < GROUP_NOTICES; i++) {
        if (strcmp(event, group_notice_name((enum group_notice)i)) == 0) {
            return false;
        }
    }
    return true; /* a policy counts on it ("fence"): success must not be invented */
}

static void all_over(struct hook *hook)
{
    bool needed = needs_a_hook(hook->event);
    char text[128];
    struct world_result result = {
        .outcome = WORLD_OK,
        .code = hook->no > 0   ? hook->no_code
                : hook->ok > 0 ? 0
                               : -1,
        .detail = hook->said.at,
        .out = hook->out.at,
        .out_len = hook->out.len,
        .err = hook->err.at,
        .err_len = hook->err.len,
        .cut = hook->cut,
    };

    if (hook->no > 0) {
        result.outcome = WORLD_FAIL;
    } else if (hook->unsaid > 0 && (needed || hook->ok == 0)) {
        result.outcome = WORLD_UNKNOWN;
    } else if (needed && hook->ok == 0) {
        result.outcome = WORLD_UNKNOWN;
        say(hook, hook->directory, "there is no hook to run");
    } else if (hook->unsaid == 0) {
        snprintf(text, sizeof text, "%d hooks of %s ran", hook->ok, hook->event);
        result.detail = text;
    }
    live_request_end(&hook->head, &result);
}

static void run_next(struct hook *hook);

static void on_ended(void *arg, const struct child_result *child)
{
    struct hook *hook = arg;
    const char *name = hook->name[hook->next - 1];
    char text[256];

    hook->child = NULL;
    event_del(hook->limit);
    hook->cut = !text_add(&hook->out, child->out, child->out_len) || hook->cut || child->cut;
    hook->cut = !text_add(&hook->err, child->err, child->err_len) || hook->cut;
    child_say(child, text, sizeof text);
    if (child->termed) {
        snprintf(text, sizeof text, "no end within %.6g s", (double)hook->limit_ms / 1000);
        could_not_say(hook, name, text);
    } else if (child->code < 0 || CHILD_CODE_NOT_RUN(child->code)) {
        could_not_say(hook, name, text);
    } else if (child->code != 0) {
        hook->no_code = hook->no == 0 ? child->code : hook->no_code;
        hook->no++;
        say(hook, name, text);
        if (strcmp(hook->event, HOOKS_BEFORE_MOVE) == 0) {
            all_over(hook); /* what comes after would prepare a move that is not made */
            return;
        }
    } else {
        hook->ok++;
    }
    run_next(hook);
}

static void on_limit(evutil_socket_t fd, short what, void *arg)
{
    struct hook *hook = arg;
    char text[64];

    (void)fd;
    (void)what;
    child_stop(hook->child);
    hook->child = NULL;
    snprintf(text, sizeof text, "no end within %.6g s, killed", (double)hook->limit_ms / 1000);
    could_not_say(hook, hook->name[hook->next - 1], text);
    run_next(hook);
}

/* Each program gets an equal share of the time that is left, so that one that hangs does
 * not eat the time of those behind it; a little is kept back to tell the result. */
static void set_limit(struct hook *hook)
{
    int64_t left_ms = hook->head.timeout_ms - (live_now_us() - hook->head.began_us) / 1000;
    struct timeval limit;

    hook->limit_ms = (left_ms - left_ms / 20) / (hook->n - hook->next);
    if (hook->limit_max_ms > 0 && hook->limit_ms > hook->limit_max_ms) {
        hook->limit_ms = hook->limit_max_ms;
    }
    hook->limit_ms = hook->limit_ms < 1 ? 1 : hook->limit_ms;
    limit = (struct timeval){hook->limit_ms / 1000, hook->limit_ms % 1000 * 1000};
    event_add(hook->limit, &limit);
}

static bool run_one(struct hook *hook, const char *name)
{
    const struct hooks_user *user = &hook->user;
    char path[4096], why[256];
    const char *words[HOOKS_WORDS];
    struct child_setup setup = {
        .argv = words,
        .env = (const char *const *)hook->env,
        .input = hook->json,
        .input_len = strlen(hook->json),
        .output_max = HOOKS_OUTPUT_MAX,
        .term_ms = hook->limit_ms - hook->limit_ms / 10,
        .sweep = true,
        .done = on_ended,
        .arg = hook,
    };
    int n = 0;

    snprintf(path, sizeof path, "%s/%s", hook->directory, name);
    if (user->other) {
        words[n++] = HOOKS_SETPRIV;
        words[n++] = hook->reuid;
        words[n++] = hook->regid;
        words[n++] = "--init-groups";
        words[n++] = "--";
    }
    words[n++] = path;
    words[n] = NULL;
    hook->child = child_start(live_children(hook->head.live), &setup, why, sizeof why);
    if (hook->child == NULL) {
        could_not_say(hook, name, why);
    }
    return hook->child != NULL;
}

static void run_next(struct hook *hook)
{
    while (hook->next < hook->n) {
        const char *name = hook->name[hook->next];

        set_limit(hook);
        hook->next++;
        if (run_one(hook, name)) {
            return;
        }
        event_del(hook->limit);
    }
    all_over(hook);
}

/* ---- The kind ------------------------------------------------------------------------ */

static bool hook_start(
    struct live_request *request, const struct world_request *wanted, char *why, size_t why_size)
{
    struct hook *hook = (struct hook *)request;
    const struct config *config = live_config(request->live);
    const char *event = wanted->u.hook.event;

    if (event == NULL || event[0] == 0 || event[0] == '.' || strchr(event, '/') != NULL ||
        strlen(event) >= sizeof hook->event) {
        snprintf(why, why_size, "no name of an event: %.80s", event != NULL ? event : "");
        return false;
    }
    snprintf(hook->event, sizeof hook->event, "%s", event);
    /* The policy's own hooks have the policy's deadline. */
    hook->limit_max_ms = needs_a_hook(event) ? 0 : config->hooks_deadline_ms;
    hook->user = *live_hooks_user(request->live);
    hook->limit = event_new(live_base(request->live), -1, 0, on_limit, hook);
    if (hook->limit == NULL ||
        asprintf(
            &hook->directory, "%s/%s.d",
            config->hooks_directory != NULL ? config->hooks_directory : "", event) < 0) {
        snprintf(why, why_size, "no memory for hooks of %s", event);
        return false;
    }
    if (config->hooks_directory != NULL) {
        scan(hook);
    }
    if (hook->n > 0 && hook->user.problem[0] != 0) {
        snprintf(why, why_size, "%s", hook->user.problem);
        return false;
    }
    snprintf(hook->reuid, sizeof hook->reuid, "--reuid=%s", hook->user.name);
    snprintf(hook->regid, sizeof hook->regid, "--regid=%u", (unsigned)hook->user.gid);
    make_env(hook, wanted);
    hook->json =
        wanted->u.hook.json != NULL ? strdup(wanted->u.hook.json) : make_json(hook, wanted);
    if (hook->json == NULL) {
        snprintf(why, why_size, "no memory for hooks of %s", event);
        return false;
    }
    run_next(hook);
    return true;
}

static void hook_at_deadline(struct live_request *request, struct world_result *result)
{
    struct hook *hook = (struct hook *)request;

    if (hook->next > 0) {
        say(hook, hook->name[hook->next - 1], "no end in time, killed");
    }
    /* One said no: that stands, whatever the others would have said. */
    result->outcome = hook->no > 0 ? WORLD_FAIL : result->outcome;
    result->code = hook->no > 0 ? hook->no_code : -1;
    result->detail = hook->said.at;
    result->out = hook->out.at;
    result->out_len = hook->out.len;
    result->err = hook->err.at;
    result->err_len = hook->err.len;
    result->cut = hook->cut;
}

static void hook_stop(struct live_request *request)
{
    struct hook *hook = (struct hook *)request;
    int i;

    child_stop(hook->child);
    if (hook->limit != NULL) {
        event_free(hook->limit);
    }
    for (i = 0; i < hook->n; i++) {
        free(hook->name[i]);
    }
    for (i = 0; i < hook->n_env; i++) {
        free(hook->env[i]);
    }
    free(hook->directory);
    free(hook->json);
}

const struct live_kind live_kind_hook = {
    .name = "hook",
    .size = sizeof(struct hook),
    .start = hook_start,
    .stop = hook_stop,
    .on_deadline = WORLD_UNKNOWN,
    .at_deadline = hook_at_deadline,
};
