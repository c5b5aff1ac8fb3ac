#include "policy/host.h"

#include <assert.h>
#include <lauxlib.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TRACEBACK_LEVELS 8

struct sentence { /* a text that is built piece by piece and cut when full */
    char *buffer;
    size_t size, len;
};

__attribute__((format(printf, 2, 3))) static void say(
    struct sentence *sentence, const char *format, ...)
{
    va_list args;
    int written;

    va_start(args, format);
    written =
        vsnprintf(sentence->buffer + sentence->len, sentence->size - sentence->len, format, args);
    va_end(args);
    if (written > 0) {
        sentence->len += (size_t)written;
        if (sentence->len >= sentence->size) {
            sentence->len = sentence->size - 1;
        }
    }
}

static const char *source_name(const lua_Debug *ar)
{
    return ar->source[0] == '@' ? ar->source + 1 : ar->short_src;
}

void run_where(lua_State *L, bool outside, char *buffer, size_t size)
{
    const struct policy *policy = host_policy(L);
    lua_Debug ar;

    for (int level = 0; lua_getstack(L, level, &ar); level++) {
        lua_getinfo(L, "Sl", &ar);
        if (ar.currentline > 0 && !(outside && strcmp(source_name(&ar), policy->file[0]) == 0)) {
            snprintf(buffer, size, "%s:%d", source_name(&ar), ar.currentline);
            return;
        }
    }
    snprintf(
        buffer, size, "%s:%d", policy->file[1],
        policy->blame_line > 0   ? policy->blame_line
        : policy->table_line > 0 ? policy->table_line
                                 : 1);
}

int run_blame(lua_State *L, const char *format, ...)
{
    char where[HOST_FILE_MAX + 16], text[BATON_ERROR_TEXT_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    run_where(L, true, where, sizeof where);
    lua_pushfstring(L, "%s: %s", where, text);
    return lua_error(L);
}

/* Where a text begins with the name of one of the policy's files and a line ("x.lua:12:
 * …"), that file; `*rest` is what follows the name. Lua shortens long names to "...tail". */
static const char *placed_in(const struct policy *policy, const char *text, const char **rest)
{
    for (int i = 0; i < policy->n_files; i++) {
        const char *file = policy->file[i], *name = text;
        size_t len = strlen(file);

        if (strncmp(text, "...", 3) == 0) {
            name = text + 3;
            len = strcspn(name, ":");
            if (len > strlen(file)) {
                continue;
            }
            file += strlen(file) - len;
        }
        if (len > 0 && strncmp(name, file, len) == 0 && name[len] == ':' &&
            strspn(name + len + 1, "0123456789") > 0) {
            *rest = name + len;
            return policy->file[i];
        }
    }
    return NULL;
}

static void trace(lua_State *co, struct sentence *sentence)
{
    lua_Debug ar;
    int shown = 0, more = 0;

    for (int level = 0; lua_getstack(co, level, &ar); level++) {
        lua_getinfo(co, "nSl", &ar);
        if (ar.currentline <= 0) {
            continue;
        }
        if (shown == TRACEBACK_LEVELS) {
            more++;
            continue;
        }
        shown++;
        say(sentence, "\n  %s:%d", source_name(&ar), ar.currentline);
        if (ar.name != NULL) {
            say(sentence, ": in %s '%s'", ar.namewhat, ar.name);
        } else if (*ar.what == 'L') {
            say(sentence, ": in a function from line %d", ar.linedefined);
        }
    }
    if (more > 0) {
        say(sentence, "\n  … and %d more", more);
    }
}

/* What was thrown, with its place before it, without running any script. */
static void say_thrown(
    const struct policy *policy, lua_State *co, const char *where, struct sentence *sentence)
{
    const char *text, *file, *rest;

    switch (lua_gettop(co) > 0 ? lua_type(co, -1) : LUA_TNONE) {
    case LUA_TSTRING:
        text = lua_tostring(co, -1);
        file = placed_in(policy, text, &rest);
        if (file != NULL) {
            say(sentence, "%s%s", file, rest);
        } else if (where != NULL) {
            say(sentence, "%s: %s", where, text);
        } else {
            say(sentence, "%s", text);
        }
        break;
    case LUA_TNUMBER:
        say(sentence, "%s: %.14g", where, (double)lua_tonumber(co, -1));
        break;
    case LUA_TNONE:
        say(sentence, "%s: failed without a word", where);
        break;
    default:
        say(sentence, "%s: an error was raised that is no text but a %s", where,
            lua_typename(co, lua_type(co, -1)));
    }
}

/* The stack of a dead coroutine is still there, so its lines can be read without
 * allocating anything; the memory cap may be what it died of. */
static void explain(struct policy *policy, lua_State *co, int status, struct run_failure *failure)
{
    struct host_limits *limits = &policy->limits;
    struct sentence sentence = {.buffer = failure->text, .size = sizeof failure->text};
    char where[HOST_FILE_MAX + 16];

    failure->text[0] = '\0';
    failure->deliberate = false;
    failure->code = BATON_INVALID;
    run_where(co, true, where, sizeof where);
    if (limits->broken) {
        failure->code = BATON_LIMIT;
        say(&sentence, "%s", limits->why);
    } else if (status == LUA_ERRMEM) {
        failure->code = limits->refused ? BATON_LIMIT : BATON_NOMEM;
        say(&sentence, "%s: ", where);
        if (limits->refused) {
            say(&sentence, "reached its memory cap of %zu bytes", limits->memory_max);
        } else {
            say(&sentence, "the machine has no memory left");
        }
        limits->broken = true;
        snprintf(limits->why, sizeof limits->why, "%s", failure->text);
    } else {
        failure->deliberate = sandbox_deliberate(co, 0);
        if (failure->deliberate && policy->current != NULL && lua_type(co, -1) == LUA_TSTRING) {
            /* A task failed in the policy's own words; they are all there is to say. */
            say_thrown(policy, co, NULL, &sentence);
            return;
        }
        say_thrown(policy, co, where, &sentence);
    }
    trace(co, &sentence);
}

enum run_end run_enter(
    struct policy *policy, lua_State *co, int nargs, int *nresults, struct run_failure *failure)
{
    int status;

    assert(policy->running == NULL);
    policy->running = co;
    status = lua_resume(co, policy->L, nargs, nresults);
    policy->running = NULL;
    if (status == LUA_OK && !policy->limits.broken) {
        return RUN_DONE;
    }
    if (status == LUA_YIELD) {
        return RUN_WAITS;
    }
    explain(policy, co, status, failure);
    return RUN_FAILED;
}

enum baton_err run_protected(
    struct policy *policy, lua_CFunction function, void *arg, struct baton_error *error)
{
    lua_State *L = policy->L;
    int top = lua_gettop(L), status;
    enum baton_err err = BATON_OK;

    lua_pushcfunction(L, function);
    lua_pushlightuserdata(L, arg);
    status = lua_pcall(L, 1, 0, 0);
    if (status == LUA_ERRMEM) {
        err =
            policy->limits.refused
                ? baton_fail(
                      error, BATON_LIMIT, "%s:1: reached its memory cap of %zu bytes",
                      policy->file[1], policy->limits.memory_max)
                : baton_fail(
                      error, BATON_NOMEM, "%s:1: the machine has no memory left", policy->file[1]);
    } else if (status != LUA_OK) {
        err = baton_fail(
            error, BATON_INVALID, "%s:1: %s", policy->file[1],
            lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "failed without a word");
    }
    lua_settop(L, top);
    return err;
}
