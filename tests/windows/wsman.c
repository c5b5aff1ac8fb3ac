/* WS-Management from the host's side (MS-WSMV, DSP0226). */
#include "lab.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <lauxlib.h>
#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <libxml/xpathInternals.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <utlist.h>

#define S            "http://www.w3.org/2003/05/soap-envelope"
#define A            "http://schemas.xmlsoap.org/ws/2004/08/addressing"
#define W            "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
#define R            "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
#define CMD          R "/cmd"
#define XFER         "http://schemas.xmlsoap.org/ws/2004/09/transfer/"
#define FAULT        "http://schemas.dmtf.org/wbem/wsman/1/wsman/fault"

#define SHELLS_MAX   5    /* MaxShellsPerUser of older hosts */
#define COMMANDS_MAX 1    /* of one shell at once: stricter than most */
#define LINE_MAX_CMD 8191 /* of cmd.exe */
#define PIECE_MAX    (32 << 10)

struct command {
    struct shell *shell;
    char id[40];
    struct process *process;
    struct receive *receive; /* one that waits; NULL: none */
    struct command *prev, *next;
};

struct shell {
    struct host *host;
    char id[40];
    struct command *commands;
    struct shell *prev, *next;
};

struct asked { /* of one message */
    struct evhttp_request *request;
    struct host *host;
    char action[160], message_id[128], resource[160], shell[64], command[64], to[256];
    double timeout_s;
    xmlDoc *doc;
    xmlXPathContext *xpath;
};

struct receive {
    struct asked *asked;
    struct command *command;
    struct event *timer;
};

/* ---- Reading --------------------------------------------------------------------------------- */

static char *value(const struct asked *asked, const char *path)
{
    xmlXPathObject *found = xmlXPathEvalExpression(BAD_CAST path, asked->xpath);
    char *text = found != NULL ? (char *)xmlXPathCastToString(found) : NULL;

    xmlXPathFreeObject(found);
    return text != NULL ? text : strdup("");
}

static void take(const struct asked *asked, const char *path, char *out, size_t size)
{
    char *text = value(asked, path);

    snprintf(out, size, "%s", text);
    free(text);
}

static double duration(const char *text)
{
    double seconds = 60;

    return sscanf(text, "PT%lfS", &seconds) == 1 ? seconds : 60;
}

static void asked_free(struct asked *asked)
{
    xmlXPathFreeContext(asked->xpath);
    xmlFreeDoc(asked->doc);
    free(asked);
}

static struct asked *asked_read(struct host *host, struct evhttp_request *request)
{
    struct evbuffer *body = evhttp_request_get_input_buffer(request);
    size_t len = evbuffer_get_length(body);
    struct asked *asked = calloc(1, sizeof *asked);
    char text[64];

    asked->host = host;
    asked->request = request;
    asked->doc = xmlReadMemory(
        (const char *)evbuffer_pullup(body, -1), (int)len, NULL, NULL,
        XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    asked->xpath = asked->doc != NULL ? xmlXPathNewContext(asked->doc) : NULL;
    if (asked->xpath == NULL) {
        asked_free(asked);
        return NULL;
    }
    xmlXPathRegisterNs(asked->xpath, BAD_CAST "s", BAD_CAST S);
    xmlXPathRegisterNs(asked->xpath, BAD_CAST "a", BAD_CAST A);
    xmlXPathRegisterNs(asked->xpath, BAD_CAST "w", BAD_CAST W);
    xmlXPathRegisterNs(asked->xpath, BAD_CAST "r", BAD_CAST R);
    take(asked, "/s:Envelope/s:Header/a:Action", asked->action, sizeof asked->action);
    take(asked, "/s:Envelope/s:Header/a:MessageID", asked->message_id, sizeof asked->message_id);
    take(asked, "/s:Envelope/s:Header/a:To", asked->to, sizeof asked->to);
    take(asked, "/s:Envelope/s:Header/w:ResourceURI", asked->resource, sizeof asked->resource);
    take(
        asked, "/s:Envelope/s:Header/w:SelectorSet/w:Selector[@Name='ShellId']", asked->shell,
        sizeof asked->shell);
    take(asked, "//@CommandId", asked->command, sizeof asked->command);
    take(asked, "/s:Envelope/s:Header/w:OperationTimeout", text, sizeof text);
    asked->timeout_s = duration(text);
    return asked;
}

/* ---- Answering ------------------------------------------------------------------------------- */

static void new_id(char out[40])
{
    unsigned char r[16];

    (void)!getrandom(r, sizeof r, 0);
    snprintf(
        out, 40, "%02X%02X%02X%02X-%02X%02X-%02X%02X-%02X%02X-%02X%02X%02X%02X%02X%02X", r[0], r[1],
        r[2], r[3], r[4], r[5], r[6], r[7], r[8], r[9], r[10], r[11], r[12], r[13], r[14], r[15]);
}

static void send_text(struct evhttp_request *request, int status, struct evbuffer *body)
{
    evhttp_add_header(
        evhttp_request_get_output_headers(request), "Content-Type",
        "application/soap+xml;charset=UTF-8");
    evhttp_add_header(
        evhttp_request_get_output_headers(request), "Server", "Microsoft-HTTPAPI/2.0");
    evhttp_send_reply(request, status, status == 200 ? "" : "Internal Server Error", body);
    evbuffer_free(body);
}

/* Is there a fault of that name at this host? Leaves its value in `text`. */
static bool misbehaves(struct host *host, const char *name, char *text, size_t size)
{
    lua_State *L = host->lab->L;
    bool is;

    lua_pushstring(L, host->name);
    lua_pushstring(L, name);
    if (!lab_call(L, "misbehaves", 2, 1)) {
        fprintf(stderr, "windows_lab: %s\n", lua_tostring(L, -1));
        abort();
    }
    is = lua_toboolean(L, -1);
    snprintf(text, size, "%s", is ? luaL_tolstring(L, -1, NULL) : "");
    lua_settop(L, 0);
    return is;
}

static struct evbuffer *begin(const struct asked *asked, const char *action)
{
    struct evbuffer *out = evbuffer_new();
    char id[40], text[8];
    bool wrong = misbehaves(asked->host, "relates", text, sizeof text);

    new_id(id);
    evbuffer_add_printf(
        out,
        "<s:Envelope xml:lang=\"en-US\" xmlns:s=\"" S "\" xmlns:a=\"" A "\" xmlns:x=\"" XFER
        "\" xmlns:w=\"" W "\" xmlns:rsp=\"" R "\"><s:Header><a:Action>%s</a:Action><a:MessageID>"
        "uuid:%s</a:MessageID><a:To>" A "/role/anonymous</a:To><a:RelatesTo>%s</a:RelatesTo>"
        "</s:Header><s:Body>",
        action, id, wrong ? "uuid:00000000-0000-0000-0000-000000000000" : asked->message_id);
    return out;
}

static void finish(struct asked *asked, struct evbuffer *out)
{
    char text[64];

    evbuffer_add_printf(out, "</s:Body></s:Envelope>");
    if (misbehaves(asked->host, "garbage", text, sizeof text)) {
        evbuffer_drain(out, evbuffer_get_length(out) / 2);
    }
    send_text(asked->request, 200, out);
    asked_free(asked);
}

/* SOAP 1.2, 5.4, with a WSManFault in its Detail. */
static void fault(struct asked *asked, const char *subcode, unsigned code, const char *words)
{
    struct evbuffer *out = begin(asked, FAULT);

    evbuffer_add_printf(
        out,
        "<s:Fault><s:Code><s:Value>s:Receiver</s:Value><s:Subcode><s:Value>%s</s:Value>"
        "</s:Subcode></s:Code><s:Reason><s:Text xml:lang=\"en-US\">%s</s:Text></s:Reason>"
        "<s:Detail><f:WSManFault xmlns:f=\"http://schemas.microsoft.com/wbem/wsman/1/wsmanfault\" "
        "Code=\"%u\" Machine=\"%s\"><f:Message>%s</f:Message></f:WSManFault></s:Detail></s:Fault>"
        "</s:Body></s:Envelope>",
        subcode, words, code, asked->host->name, words);
    send_text(asked->request, 500, out);
    asked_free(asked);
}

/* ---- Shells and commands ----------------------------------------------------------------------
 */

static struct shell *find_shell(const struct asked *asked)
{
    struct shell *shell;

    DL_FOREACH(asked->host->shells, shell)
    {
        if (strcasecmp(shell->id, asked->shell) == 0) {
            return shell;
        }
    }
    return NULL;
}

static struct command *find_command(struct shell *shell, const char *id)
{
    struct command *command;

    DL_FOREACH(shell->commands, command)
    {
        if (strcasecmp(command->id, id) == 0) {
            return command;
        }
    }
    return NULL;
}

static void receive_free(struct receive *receive)
{
    receive->command->receive = NULL;
    event_free(receive->timer);
    free(receive);
}

static void command_free(struct command *command)
{
    if (command->receive != NULL) {
        struct asked *asked = command->receive->asked;

        receive_free(command->receive);
        fault(asked, "w:InternalError", 995, "The I/O operation has been aborted.");
    }
    process_stop(command->process);
    DL_DELETE(command->shell->commands, command);
    free(command);
}

static void shell_free(struct shell *shell)
{
    while (shell->commands != NULL) {
        command_free(shell->commands);
    }
    DL_DELETE(shell->host->shells, shell);
    shell->host->n_shells--;
    free(shell);
}

static void on_create(struct asked *asked)
{
    struct evbuffer *out;
    struct shell *shell;

    if (asked->host->n_shells >= SHELLS_MAX) {
        fault(
            asked, "w:QuotaLimit", 2150859173u,
            "The maximum number of concurrent shells for this user has been exceeded.");
        return;
    }
    shell = calloc(1, sizeof *shell);
    shell->host = asked->host;
    new_id(shell->id);
    DL_APPEND(asked->host->shells, shell);
    asked->host->n_shells++;
    out = begin(asked, XFER "CreateResponse");
    evbuffer_add_printf(
        out,
        "<x:ResourceCreated><a:Address>%s</a:Address><a:ReferenceParameters><w:ResourceURI>" CMD
        "</w:ResourceURI><w:SelectorSet><w:Selector Name=\"ShellId\">%s</w:Selector>"
        "</w:SelectorSet></a:ReferenceParameters></x:ResourceCreated><rsp:Shell><rsp:ShellId>%s"
        "</rsp:ShellId><rsp:InputStreams>stdin</rsp:InputStreams><rsp:OutputStreams>stdout stderr"
        "</rsp:OutputStreams></rsp:Shell>",
        asked->to, shell->id, shell->id);
    finish(asked, out);
}

static void answer_receive(struct receive *receive);

static void on_news(void *arg)
{
    struct command *command = arg;
    long long code;

    if (command->receive != NULL &&
        (process_has_output(command->process) || process_ended(command->process, &code))) {
        answer_receive(command->receive);
    }
}

static char *line_of(const struct asked *asked)
{
    xmlXPathObject *found =
        xmlXPathEvalExpression(BAD_CAST "//r:CommandLine/r:Arguments", asked->xpath);
    char *line = value(asked, "//r:CommandLine/r:Command");
    int count = found != NULL && found->nodesetval != NULL ? found->nodesetval->nodeNr : 0;

    for (int i = 0; i < count; i++) {
        char *word = (char *)xmlNodeGetContent(found->nodesetval->nodeTab[i]);
        size_t size = strlen(line) + strlen(word) + 2;
        char *longer = malloc(size);

        snprintf(longer, size, "%s %s", line, word);
        free(line);
        free(word);
        line = longer;
    }
    xmlXPathFreeObject(found);
    return line;
}

static void on_command(struct asked *asked, struct shell *shell)
{
    char *line = line_of(asked), skip[8];
    struct command *command, *other;
    struct evbuffer *out;
    int count = 0;

    take(asked, "//w:Option[@Name='WINRS_SKIP_CMD_SHELL']", skip, sizeof skip);
    DL_COUNT(shell->commands, other, count);
    if (strcasecmp(skip, "true") != 0 && strlen(line) > LINE_MAX_CMD) {
        free(line);
        fault(asked, "w:InternalError", 2147942606u, "The filename or extension is too long.");
        return;
    }
    if (count >= COMMANDS_MAX) {
        free(line);
        fault(
            asked, "w:QuotaLimit", 2150859174u,
            "The maximum number of concurrent operations for this user has been exceeded.");
        return;
    }
    command = calloc(1, sizeof *command);
    command->shell = shell;
    new_id(command->id);
    DL_APPEND(shell->commands, command);
    command->process = process_start(asked->host, line, on_news, command);
    free(line);
    out = begin(asked, R "/CommandResponse");
    evbuffer_add_printf(
        out, "<rsp:CommandResponse><rsp:CommandId>%s</rsp:CommandId></rsp:CommandResponse>",
        command->id);
    finish(asked, out);
}

static void on_send(struct asked *asked, struct command *command)
{
    char *data = value(asked, "//r:Send/r:Stream"), end[8];
    size_t len = strlen(data);
    unsigned char *bytes = malloc(len + 1);
    int used = 0, got = 0;
    EVP_ENCODE_CTX *decoder = EVP_ENCODE_CTX_new();
    struct evbuffer *out;

    take(asked, "//r:Send/r:Stream/@End", end, sizeof end);
    EVP_DecodeInit(decoder);
    EVP_DecodeUpdate(decoder, bytes, &used, (unsigned char *)data, (int)len);
    EVP_DecodeFinal(decoder, bytes + used, &got);
    EVP_ENCODE_CTX_free(decoder);
    out = begin(asked, R "/SendResponse");
    evbuffer_add_printf(out, "<rsp:SendResponse/>");
    finish(asked, out);
    process_input(
        command->process, (char *)bytes, (size_t)used + (size_t)got, strcasecmp(end, "true") == 0);
    free(bytes);
    free(data);
}

/* ---- Receive
 * ------------------------------------------------------------------------------------- */

static void add_stream(struct evbuffer *out, struct command *command, int stream, size_t max)
{
    static const char *const names[] = {"stdout", "stderr"};
    size_t len;
    char *text;

    while ((text = process_take(command->process, stream, max, &len)) != NULL) {
        unsigned char *coded = malloc(len * 2 + 16);

        EVP_EncodeBlock(coded, (unsigned char *)text, (int)len);
        evbuffer_add_printf(
            out, "<rsp:Stream Name=\"%s\" CommandId=\"%s\">%s</rsp:Stream>", names[stream],
            command->id, (char *)coded);
        free(coded);
        free(text);
        if (max < PIECE_MAX) {
            return; /* the rest with the next Receive */
        }
    }
}

static void answer_receive(struct receive *receive)
{
    struct command *command = receive->command;
    struct asked *asked = receive->asked;
    struct evbuffer *out = begin(asked, R "/ReceiveResponse");
    char text[16];
    size_t max = misbehaves(asked->host, "tiny", text, sizeof text) ? 3 : PIECE_MAX;
    long long code;
    bool ended = process_ended(command->process, &code);

    receive_free(receive);
    evbuffer_add_printf(out, "<rsp:ReceiveResponse>");
    add_stream(out, command, 0, max);
    add_stream(out, command, 1, max);
    if (ended && !process_has_output(command->process)) {
        evbuffer_add_printf(
            out,
            "<rsp:Stream Name=\"stdout\" CommandId=\"%s\" End=\"true\"></rsp:Stream>"
            "<rsp:Stream Name=\"stderr\" CommandId=\"%s\" End=\"true\"></rsp:Stream>"
            "<rsp:CommandState CommandId=\"%s\" State=\"" R "/CommandState/Done\"><rsp:ExitCode>"
            "%lld</rsp:ExitCode></rsp:CommandState>",
            command->id, command->id, command->id, code);
    } else {
        evbuffer_add_printf(
            out, "<rsp:CommandState CommandId=\"%s\" State=\"" R "/CommandState/Running\"/>",
            command->id);
    }
    evbuffer_add_printf(out, "</rsp:ReceiveResponse>");
    finish(asked, out);
}

static void on_late(evutil_socket_t fd, short what, void *arg)
{
    struct receive *receive = arg;
    struct asked *asked = receive->asked;

    (void)fd;
    (void)what;
    receive_free(receive);
    fault(
        asked, "w:TimedOut", 2150858793u,
        "The WS-Management service cannot complete the operation within the time specified in "
        "OperationTimeout.");
}

/* The client has gone. */
static void on_gone(struct evhttp_connection *connection, void *arg)
{
    struct host *host = arg;
    struct shell *shell;
    struct command *command;

    negotiate_gone(connection);
    DL_FOREACH(host->shells, shell)
    {
        DL_FOREACH(shell->commands, command)
        {
            if (command->receive != NULL &&
                evhttp_request_get_connection(command->receive->asked->request) == connection) {
                asked_free(command->receive->asked);
                receive_free(command->receive);
            }
        }
    }
}

static void on_receive(struct asked *asked, struct command *command)
{
    struct receive *receive = calloc(1, sizeof *receive);
    long long code;
    struct timeval wait = {
        (time_t)asked->timeout_s,
        (suseconds_t)((asked->timeout_s - (double)(time_t)asked->timeout_s) * 1e6)};

    receive->asked = asked;
    receive->command = command;
    receive->timer = event_new(asked->host->lab->base, -1, 0, on_late, receive);
    command->receive = receive;
    if (process_has_output(command->process) || process_ended(command->process, &code)) {
        answer_receive(receive);
        return;
    }
    evhttp_connection_set_closecb(
        evhttp_request_get_connection(asked->request), on_gone, asked->host);
    event_add(receive->timer, &wait);
}

/* ---- All
 * ----------------------------------------------------------------------------------------- */

static void on_signal(struct asked *asked, struct command *command)
{
    struct evbuffer *out = begin(asked, R "/SignalResponse");

    evbuffer_add_printf(out, "<rsp:SignalResponse/>");
    finish(asked, out);
    command_free(command);
}

static void on_delete(struct asked *asked, struct shell *shell)
{
    shell_free(shell);
    finish(asked, begin(asked, XFER "DeleteResponse"));
}

static void in_shell(struct asked *asked)
{
    struct shell *shell = find_shell(asked);
    struct command *command;
    char text[16];

    if (shell != NULL && misbehaves(asked->host, "forgets_shells", text, sizeof text)) {
        shell_free(shell);
        shell = NULL;
    }
    if (shell == NULL) {
        fault(
            asked, "w:InvalidSelectors", 2150858843u,
            "The request for the Windows Remote Shell failed because the shell was not found.");
        return;
    }
    if (strcmp(asked->action, XFER "Delete") == 0) {
        on_delete(asked, shell);
        return;
    }
    if (strcmp(asked->action, R "/Command") == 0) {
        on_command(asked, shell);
        return;
    }
    command = find_command(shell, asked->command);
    if (command == NULL) {
        fault(asked, "w:InvalidParameter", 2150858843u, "The command was not found.");
    } else if (strcmp(asked->action, R "/Send") == 0) {
        on_send(asked, command);
    } else if (strcmp(asked->action, R "/Receive") == 0) {
        on_receive(asked, command);
    } else if (strcmp(asked->action, R "/Signal") == 0) {
        on_signal(asked, command);
    } else {
        fault(asked, "a:ActionNotSupported", 2150858778u, "The action is not supported.");
    }
}

/* The host is off: what was open there is gone, and nobody is told. */
static void lose_all(struct host *host)
{
    struct command *command;

    while (host->shells != NULL) {
        DL_FOREACH(host->shells->commands, command)
        {
            if (command->receive != NULL) {
                struct evhttp_connection *connection =
                    evhttp_request_get_connection(command->receive->asked->request);

                asked_free(command->receive->asked);
                receive_free(command->receive);
                negotiate_gone(connection);
                evhttp_connection_set_closecb(connection, NULL, NULL);
                evhttp_connection_free(connection);
            }
        }
        shell_free(host->shells);
    }
}

static bool is_allowed(struct host *host, struct evhttp_request *request)
{
    const char *header =
        evhttp_find_header(evhttp_request_get_input_headers(request), "Authorization");
    char plain[256], wanted[512] = "Basic ";

    snprintf(plain, sizeof plain, "%s:%s", host->lab->user, host->lab->password);
    EVP_EncodeBlock((unsigned char *)wanted + 6, (unsigned char *)plain, (int)strlen(plain));
    if (header != NULL && strcmp(header, wanted) == 0) {
        return true;
    }
    evhttp_connection_set_closecb(evhttp_request_get_connection(request), on_gone, host);
    return negotiate_allows(request);
}

static void refuse(struct evhttp_request *request)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);

    evhttp_add_header(headers, "WWW-Authenticate", "Negotiate");
    evhttp_add_header(headers, "WWW-Authenticate", "Basic realm=\"WSMAN\"");
    evhttp_send_reply(request, 401, "Unauthorized", NULL);
}

void wsman_request(struct evhttp_request *request, void *arg)
{
    struct host *host = arg;
    struct asked *asked;
    char text[64];

    if (misbehaves(host, "down", text, sizeof text)) {
        lose_all(host);
        evhttp_connection_free(evhttp_request_get_connection(request));
        return;
    }
    if (misbehaves(host, "status", text, sizeof text)) {
        evhttp_send_reply(request, atoi(text), "Trouble", NULL);
        return;
    }
    if (misbehaves(host, "denied", text, sizeof text) || !is_allowed(host, request)) {
        refuse(request);
        return;
    }
    asked = asked_read(host, request);
    if (asked == NULL) {
        evhttp_send_reply(request, 400, "Bad Request", NULL);
    } else if (
        asked->message_id[0] == '\0' || strcmp(asked->resource, CMD) != 0 || asked->to[0] == '\0') {
        fault(asked, "w:InvalidResourceURI", 2150858778u, "The request is not as it must be.");
    } else if (misbehaves(host, "fault", text, sizeof text)) {
        fault(asked, "w:InternalError", (unsigned)strtoul(text, NULL, 10), "It is told to fail.");
    } else if (strcmp(asked->action, XFER "Create") == 0) {
        on_create(asked);
    } else {
        in_shell(asked);
    }
}

void wsman_push_counts(lua_State *L, const struct host *host)
{
    struct shell *shell;
    struct command *command;
    int commands = 0;

    DL_FOREACH(host->shells, shell)
    {
        DL_FOREACH(shell->commands, command)
        {
            commands++;
        }
    }
    lua_createtable(L, 0, 2);
    lua_pushinteger(L, host->n_shells);
    lua_setfield(L, -2, "shells");
    lua_pushinteger(L, commands);
    lua_setfield(L, -2, "commands");
}
