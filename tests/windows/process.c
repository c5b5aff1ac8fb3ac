/* A command that runs is a coroutine: it writes, sleeps, reads what comes on standard input, and
 * returns its exit code. */
#include "lab.h"

#include <event2/buffer.h>
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct process {
    struct host *host;
    lua_State *co;
    int ref;
    struct evbuffer *out[2], *input;
    bool begun, input_ended, waits_for_input, ended;
    long long code;
    struct event *timer;
    process_news_fn *news;
    void *arg;
};

static void resume(struct process *process, int nargs);

static struct process *self(lua_State *L)
{
    struct process *process;

    lua_rawgetp(L, LUA_REGISTRYINDEX, L);
    process = lua_touserdata(L, -1);
    lua_pop(L, 1);
    if (process == NULL) {
        luaL_error(L, "this is not called by a command");
    }
    return process;
}

/* lab_write("out"|"err", text) */
static int lab_write(lua_State *L)
{
    struct process *process = self(L);
    bool err = strcmp(luaL_checkstring(L, 1), "err") == 0;
    size_t len;
    const char *text = luaL_checklstring(L, 2, &len);

    evbuffer_add(process->out[err ? 1 : 0], text, len);
    return 0;
}

/* lab_sleep(seconds): waits; lab_sleep(): for ever */
static int lab_sleep(lua_State *L)
{
    struct process *process = self(L);
    double seconds = luaL_optnumber(L, 1, -1);
    struct timeval wait = {
        (time_t)seconds, (suseconds_t)((seconds - (double)(time_t)seconds) * 1e6)};

    if (seconds >= 0) {
        event_add(process->timer, &wait);
    }
    return lua_yield(L, 0);
}

static int read_on(lua_State *L, int status, lua_KContext context)
{
    struct process *process = self(L);
    size_t len = evbuffer_get_length(process->input);

    (void)status;
    (void)context;
    if (!process->input_ended) {
        process->waits_for_input = true;
        return lua_yieldk(L, 0, 0, read_on);
    }
    lua_pushlstring(L, len > 0 ? (const char *)evbuffer_pullup(process->input, -1) : "", len);
    evbuffer_drain(process->input, len);
    return 1;
}

/* lab_read(): all of standard input; waits */
static int lab_read(lua_State *L)
{
    return read_on(L, LUA_OK, 0);
}

void process_open(lua_State *L)
{
    lua_register(L, "lab_write", lab_write);
    lua_register(L, "lab_sleep", lab_sleep);
    lua_register(L, "lab_read", lab_read);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct process *process = arg;

    (void)fd;
    (void)what;
    resume(process, process->begun ? 0 : 2);
}

static void resume(struct process *process, int nargs)
{
    int nresults = 0, status;

    process->begun = true;
    status = lua_resume(process->co, process->host->lab->L, nargs, &nresults);

    if (status == LUA_YIELD) {
        lua_pop(process->co, nresults);
    } else {
        process->ended = true;
        if (status == LUA_OK) {
            process->code = nresults > 0 ? (long long)lua_tointeger(process->co, -nresults) : 0;
        } else { /* the model itself is wrong: the test must see it */
            luaL_traceback(process->co, process->co, lua_tostring(process->co, -1), 0);
            fprintf(stderr, "windows_lab: %s\n", lua_tostring(process->co, -1));
            evbuffer_add_printf(
                process->out[1], "windows_lab: %s\n", lua_tostring(process->co, -1));
            process->code = 99;
        }
    }
    process->news(process->arg);
}

struct process *process_start(struct host *host, const char *line, process_news_fn *news, void *arg)
{
    struct process *process = calloc(1, sizeof *process);
    lua_State *L = host->lab->L;

    process->host = host;
    process->news = news;
    process->arg = arg;
    process->out[0] = evbuffer_new();
    process->out[1] = evbuffer_new();
    process->input = evbuffer_new();
    process->timer = event_new(host->lab->base, -1, 0, on_timer, process);
    process->co = lua_newthread(L);
    process->ref = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_pushlightuserdata(process->co, process);
    lua_rawsetp(process->co, LUA_REGISTRYINDEX, process->co);
    lua_getfield(process->co, LUA_REGISTRYINDEX, "lab");
    lua_getfield(process->co, -1, "run");
    lua_remove(process->co, -2);
    lua_pushstring(process->co, host->name);
    lua_pushstring(process->co, line);
    event_add(process->timer, &(struct timeval){0, 0}); /* from the loop */
    return process;
}

void process_stop(struct process *process)
{
    if (process == NULL) {
        return;
    }
    lua_pushnil(process->host->lab->L);
    lua_rawsetp(process->host->lab->L, LUA_REGISTRYINDEX, process->co);
    luaL_unref(process->host->lab->L, LUA_REGISTRYINDEX, process->ref);
    event_free(process->timer);
    evbuffer_free(process->out[0]);
    evbuffer_free(process->out[1]);
    evbuffer_free(process->input);
    free(process);
}

void process_input(struct process *process, const char *text, size_t len, bool end)
{
    evbuffer_add(process->input, text, len);
    process->input_ended = process->input_ended || end;
    if (process->waits_for_input && process->input_ended) {
        process->waits_for_input = false;
        resume(process, 0);
    }
}

char *process_take(struct process *process, int stream, size_t max, size_t *len)
{
    size_t there = evbuffer_get_length(process->out[stream]);
    char *text;

    *len = there < max ? there : max;
    if (*len == 0) {
        return NULL;
    }
    text = malloc(*len);
    evbuffer_remove(process->out[stream], text, *len);
    return text;
}

bool process_has_output(const struct process *process)
{
    return evbuffer_get_length(process->out[0]) > 0 || evbuffer_get_length(process->out[1]) > 0;
}

bool process_ended(const struct process *process, long long *code)
{
    *code = process->code;
    return process->ended;
}
