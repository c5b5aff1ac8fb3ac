#include "lab.h"

#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <getopt.h>
#include <lauxlib.h>
#include <lualib.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define HOSTS_MAX 4

static struct lab lab;
static struct host hosts[HOSTS_MAX];
static int n_hosts;

static void die(const char *what)
{
    fprintf(stderr, "windows_lab: %s\n", what);
    exit(1);
}

/* ---- Lua ------------------------------------------------------------------------------------ */

bool lab_call(lua_State *L, const char *name, int nargs, int nresults)
{
    lua_getfield(L, LUA_REGISTRYINDEX, "lab");
    lua_getfield(L, -1, name);
    lua_remove(L, -2);
    lua_insert(L, -(nargs + 1));
    return lua_pcall(L, nargs, nresults, 0) == LUA_OK;
}

/* lab_ticks(): 100 ns since 1970 */
static int lab_ticks(lua_State *L)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    lua_pushinteger(L, (lua_Integer)now.tv_sec * 10000000 + now.tv_nsec / 100);
    return 1;
}

/* lab_counts(host): what is open there */
static int lab_counts(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);

    for (int i = 0; i < n_hosts; i++) {
        if (strcmp(hosts[i].name, name) == 0) {
            wsman_push_counts(L, &hosts[i]);
            return 1;
        }
    }
    return luaL_error(L, "there is no host %s", name);
}

static void load_lua(void)
{
    lua_State *L = luaL_newstate();
    char path[512];

    luaL_openlibs(L);
    lua_register(L, "lab_parse", tree_parse);
    lua_register(L, "lab_counts", lab_counts);
    lua_register(L, "lab_ticks", lab_ticks);
    lua_register(L, "lab_base64", bytes_to_base64);
    lua_register(L, "lab_unbase64", bytes_from_base64);
    lua_register(L, "lab_sha256", bytes_sha256);
    process_open(L);
    lab.L = L;
    snprintf(path, sizeof path, "%s/?.lua", WINDOWS_DIR);
    lua_getglobal(L, "package");
    lua_pushstring(L, path);
    lua_setfield(L, -2, "path");
    lua_settop(L, 0);
    snprintf(path, sizeof path, "%s/lab.lua", WINDOWS_DIR);
    if (luaL_dofile(L, path) != LUA_OK) {
        die(lua_tostring(L, -1));
    }
    lua_pushvalue(L, -1);
    lua_setfield(L, LUA_REGISTRYINDEX, "lab");
    lua_setglobal(L, "lab");
}

/* ---- Listeners --------------------------------------------------------------------------------
 */

static struct bufferevent *tls_bev(struct event_base *base, void *arg)
{
    return bufferevent_openssl_socket_new(
        base, -1, SSL_new(arg), BUFFEREVENT_SSL_ACCEPTING,
        BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
}

static SSL_CTX *tls_context(const char *cert, const char *key)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());

    if (context == NULL || SSL_CTX_use_certificate_chain_file(context, cert) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1) {
        die(ERR_error_string(ERR_get_error(), NULL));
    }
    return context;
}

/* "10.0.0.1:5986"; says what it got. */
static struct evhttp *listen_on(const char *name, const char *place, SSL_CTX *tls)
{
    struct evhttp *http = evhttp_new(lab.base);
    const char *colon = strrchr(place, ':');
    struct evhttp_bound_socket *bound;
    struct sockaddr_in address = {0};
    socklen_t len = sizeof address;
    char ip[64] = "", text[64];
    int port = 0, yes = 1;

    if (colon == NULL) {
        die("a place is ADDRESS:PORT");
    }
    snprintf(ip, sizeof ip, "%.*s", (int)(colon - place), place);
    bound = evhttp_bind_socket_with_handle(http, ip, (ev_uint16_t)strtol(colon + 1, NULL, 10));
    if (bound == NULL ||
        getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&address, &len) != 0) {
        perror(place);
        exit(1);
    }
    /* What it accepts inherits this: else each answer waits 40 ms for the acknowledgment of its
     * head. */
    setsockopt(
        evhttp_bound_socket_get_fd(bound), IPPROTO_TCP, TCP_NODELAY, &yes, (socklen_t)sizeof yes);
    if (tls != NULL) {
        evhttp_set_bevcb(http, tls_bev, tls);
    }
    evhttp_set_allowed_methods(http, EVHTTP_REQ_POST);
    evhttp_set_max_body_size(http, 4 << 20);
    evutil_inet_ntop(AF_INET, &address.sin_addr, text, (ev_uint32_t)sizeof text);
    port = ntohs(address.sin_port);
    printf("%s %s %d\n", name, text, port);
    return http;
}

/* ---- The control: a Lua chunk, run with `lab` in scope ----------------------------------------
 */

static void on_control(struct evhttp_request *request, void *arg)
{
    struct evbuffer *body = evhttp_request_get_input_buffer(request), *out = evbuffer_new();
    size_t len = evbuffer_get_length(body);
    lua_State *L = lab.L;
    bool good =
        luaL_loadbuffer(L, (const char *)evbuffer_pullup(body, -1), len, "=control") == LUA_OK &&
        lua_pcall(L, 0, 1, 0) == LUA_OK;

    (void)arg;
    evbuffer_add_printf(out, "%s\n", luaL_tolstring(L, -1, NULL));
    lua_settop(L, 0);
    evhttp_send_reply(request, good ? 200 : 500, good ? "OK" : "Error", out);
    evbuffer_free(out);
}

/* ---- Main ---------------------------------------------------------------------------------------
 */

static void on_end(evutil_socket_t fd, short what, void *arg)
{
    char byte;

    (void)arg;
    if ((what & EV_SIGNAL) != 0 || read(fd, &byte, 1) <= 0) {
        event_base_loopbreak(lab.base);
    }
}

static char *read_password(const char *file)
{
    static char password[128];
    FILE *in = fopen(file, "r");

    if (in == NULL || fgets(password, sizeof password, in) == NULL) {
        die("no password file");
    }
    fclose(in);
    password[strcspn(password, "\r\n")] = '\0';
    return password;
}

static void add_host(const char *text)
{
    const char *equals = strchr(text, '=');

    if (equals == NULL || n_hosts == HOSTS_MAX) {
        die("--host NAME=ADDRESS:PORT");
    }
    snprintf(hosts[n_hosts].name, sizeof hosts[n_hosts].name, "%.*s", (int)(equals - text), text);
    hosts[n_hosts].lab = &lab;
    hosts[n_hosts].http = (void *)(equals + 1); /* its place, until it listens */
    n_hosts++;
}

/* --parse FILE…: does each file hold PowerShell? */
static int parse_files(char **file, int count)
{
    int failed = 0;

    for (int i = 0; i < count; i++) {
        lua_getglobal(lab.L, "lab_parse");
        lua_getglobal(lab.L, "lab");
        lua_getfield(lab.L, -1, "slurp");
        lua_remove(lab.L, -2);
        lua_pushstring(lab.L, file[i]);
        lua_call(lab.L, 1, 1);
        lua_call(lab.L, 1, 2);
        if (lua_isnil(lab.L, -2)) {
            printf("%s: %s\n", file[i], lua_tostring(lab.L, -1));
            failed = 1;
        }
        lua_settop(lab.L, 0);
    }
    return failed;
}

static int to_stdout(lua_State *L)
{
    fputs(luaL_checkstring(L, 2), strcmp(luaL_checkstring(L, 1), "err") == 0 ? stderr : stdout);
    return 0;
}

/* --run FILE: the script, on a host of its own. */
static int run_file(const char *file)
{
    lua_State *L = lab.L;
    long long code;

    lua_register(L, "lab_write", to_stdout);
    lua_pushstring(L, file);
    if (!lab_call(L, "run_file", 1, 1)) {
        die(lua_tostring(L, -1));
    }
    code = lua_tointeger(L, -1);
    return (int)code;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"cert", required_argument, NULL, 'c'}, {"key", required_argument, NULL, 'k'},
        {"user", required_argument, NULL, 'u'}, {"password-file", required_argument, NULL, 'p'},
        {"host", required_argument, NULL, 'h'}, {"control", required_argument, NULL, 'C'},
        {"plain", no_argument, NULL, 'P'},      {"parse", no_argument, NULL, 'x'},
        {"run", required_argument, NULL, 'r'},  {NULL, 0, NULL, 0},
    };
    const char *cert = NULL, *key = NULL, *control = NULL, *run = NULL;
    bool plain = false, parse = false;
    SSL_CTX *tls;
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            cert = optarg;
            break;
        case 'k':
            key = optarg;
            break;
        case 'u':
            lab.user = optarg;
            break;
        case 'p':
            lab.password = read_password(optarg);
            break;
        case 'h':
            add_host(optarg);
            break;
        case 'C':
            control = optarg;
            break;
        case 'P':
            plain = true;
            break;
        case 'x':
            parse = true;
            break;
        case 'r':
            run = optarg;
            break;
        default:
            die("see main.c for the options");
        }
    }
    signal(SIGPIPE, SIG_IGN);
    load_lua();
    if (run != NULL) {
        return run_file(run);
    }
    if (parse) {
        return parse_files(argv + optind, argc - optind);
    }
    if (lab.user == NULL || lab.password == NULL || (!plain && (cert == NULL || key == NULL))) {
        die("--user, --password-file and --cert, --key or --plain are needed");
    }
    lab.base = event_base_new();
    tls = plain ? NULL : tls_context(cert, key);
    for (int i = 0; i < n_hosts; i++) {
        const char *place = (const char *)hosts[i].http;

        hosts[i].http = listen_on(hosts[i].name, place, tls);
        evhttp_set_gencb(hosts[i].http, wsman_request, &hosts[i]);
        lua_pushstring(lab.L, hosts[i].name);
        if (!lab_call(lab.L, "add_host", 1, 0)) {
            die(lua_tostring(lab.L, -1));
        }
    }
    if (control != NULL) {
        evhttp_set_gencb(listen_on("control", control, NULL), on_control, NULL);
    }
    event_add(event_new(lab.base, STDIN_FILENO, EV_READ | EV_PERSIST, on_end, NULL), NULL);
    event_add(event_new(lab.base, SIGTERM, EV_SIGNAL, on_end, NULL), NULL);
    printf("ready\n");
    fflush(stdout);
    event_base_dispatch(lab.base);
    return 0;
}
