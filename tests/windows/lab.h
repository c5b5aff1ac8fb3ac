/* windows_lab: a WinRM server with a small model of Windows hosts, for tests.
 *
 *   main.c     command line, listeners, the control
 *   wsman.c    the protocol, from the host's side: shells, commands, their streams
 *   negotiate.c  who logs in by Kerberos
 *   process.c  one command that runs: a coroutine in Lua
 *   tree.c     PowerShell parsed by tree-sitter, as Lua tables
 *   bytes.c    base64 and sums
 *   *.lua      what the hosts are and do
 *
 * It shares no code with Baton's client: what it understands was written after MS-WSMV and
 * recordings of real hosts, and an independent client is tried on it, too.
 */
#ifndef WINDOWS_LAB_H
#define WINDOWS_LAB_H

#include <event2/event.h>
#include <event2/http.h>
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

struct process;

struct lab {
    struct event_base *base;
    lua_State *L; /* registry "lab": the table that lab.lua returns */
    const char *user, *password;
};

struct host {
    struct lab *lab;
    char name[64];
    struct evhttp *http;
    struct shell *shells;
    int n_shells;
};

/* ---- wsman.c ---- */
void wsman_request(struct evhttp_request *request, void *host);
void wsman_push_counts(lua_State *L, const struct host *host); /* { shells, commands } */

/* ---- negotiate.c ---- */
bool negotiate_allows(struct evhttp_request *request);
void negotiate_gone(const struct evhttp_connection *connection);

/* ---- process.c ---- */

typedef void process_news_fn(void *arg);

/* `line` as the host's cmd.exe gets it. `news` is called when there is output or an end. */
struct process *process_start(
    struct host *host, const char *line, process_news_fn *news, void *arg);
void process_stop(struct process *process); /* NULL is fine */
void process_input(struct process *process, const char *text, size_t len, bool end);
/* Takes at most `max` bytes of stream 0 (output) or 1 (errors); NULL: there are none. free(). */
char *process_take(struct process *process, int stream, size_t max, size_t *len);
bool process_has_output(const struct process *process);
bool process_ended(const struct process *process, long long *code);
void process_open(lua_State *L); /* lab_write, lab_sleep, lab_read for coroutines */

/* ---- tree.c ---- */
int tree_parse(lua_State *L); /* (script) → tree, or nil and what is wrong where */

/* ---- bytes.c ---- */
int bytes_to_base64(lua_State *L);
int bytes_from_base64(lua_State *L);
int bytes_sha256(lua_State *L);

/* Call lab[name](...): the arguments are the top `nargs`; false: an error, which is on the top. */
bool lab_call(lua_State *L, const char *name, int nargs, int nresults);

#endif
