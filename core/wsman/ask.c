#include "names.h"
#include "wsman/wsman.h"

#include "base/base64.h"

#include <libxml/xmlwriter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name, *uri;
} actions[] = {
    [WSMAN_CREATE] = {"Create", TRANSFER "Create"},
    [WSMAN_COMMAND] = {"Command", NS_SHELL "/Command"},
    [WSMAN_SEND] = {"Send", NS_SHELL "/Send"},
    [WSMAN_RECEIVE] = {"Receive", NS_SHELL "/Receive"},
    [WSMAN_SIGNAL] = {"Signal", NS_SHELL "/Signal"},
    [WSMAN_DELETE] = {"Delete", TRANSFER "Delete"},
};

const char *wsman_action_name(enum wsman_action action)
{
    return actions[action].name;
}

/* ---- Pieces: `w` is the writer; libxml2 escapes every text ------------------------------- */

static void open_element(xmlTextWriter *w, const char *name)
{
    xmlTextWriterStartElement(w, BAD_CAST name);
}

static void attribute(xmlTextWriter *w, const char *name, const char *value)
{
    xmlTextWriterWriteAttribute(w, BAD_CAST name, BAD_CAST value);
}

static void close_element(xmlTextWriter *w)
{
    xmlTextWriterEndElement(w);
}

static void element(xmlTextWriter *w, const char *name, const char *text)
{
    xmlTextWriterWriteElement(w, BAD_CAST name, BAD_CAST text);
}

/* One that the host must understand, or refuse the message (DSP0226, 5.2). */
static void must(xmlTextWriter *w, const char *name, const char *text)
{
    open_element(w, name);
    attribute(w, "s:mustUnderstand", "true");
    xmlTextWriterWriteString(w, BAD_CAST text);
    close_element(w);
}

static void locale(xmlTextWriter *w, const char *name)
{
    open_element(w, name);
    attribute(w, "s:mustUnderstand", "false");
    attribute(w, "xml:lang", "en-US"); /* faults in words that we know */
    close_element(w);
}

static void option(xmlTextWriter *w, const char *name, const char *value)
{
    open_element(w, "w:Option");
    attribute(w, "Name", name);
    xmlTextWriterWriteString(w, BAD_CAST value);
    close_element(w);
}

/* xs:duration of XML Schema part 2, 3.2.6. */
static const char *duration(int64_t ms, char *text, size_t size)
{
    snprintf(text, size, "PT%lld.%03dS", (long long)(ms / 1000), (int)(ms % 1000));
    return text;
}

/* ---- Header -------------------------------------------------------------------------------- */

static void options(xmlTextWriter *w, const struct wsman_ask *ask)
{
    enum wsman_action action = ask->action;

    if (action != WSMAN_CREATE && action != WSMAN_COMMAND && action != WSMAN_RECEIVE) {
        return;
    }
    open_element(w, "w:OptionSet");
    attribute(w, "s:mustUnderstand", "true");
    if (action == WSMAN_CREATE) {
        option(w, "WINRS_NOPROFILE", "TRUE");
        option(w, "WINRS_CODEPAGE", "65001"); /* UTF-8 */
    } else if (action == WSMAN_COMMAND) {
        option(w, "WINRS_CONSOLEMODE_STDIN", ask->console ? "TRUE" : "FALSE");
        option(w, "WINRS_SKIP_CMD_SHELL", "FALSE");
    } else {
        option(w, "WSMAN_CMDSHELL_OPTION_KEEPALIVE", "TRUE");
    }
    close_element(w);
}

static void header(xmlTextWriter *w, const struct wsman_ask *ask)
{
    char text[64], size[16];

    snprintf(size, sizeof size, "%d", WSMAN_ENVELOPE_MAX);
    open_element(w, "s:Header");
    must(w, "a:Action", actions[ask->action].uri);
    locale(w, "p:DataLocale");
    locale(w, "w:Locale");
    must(w, "w:MaxEnvelopeSize", size);
    element(w, "a:MessageID", ask->message_id);
    element(w, "w:OperationTimeout", duration(ask->timeout_ms, text, sizeof text));
    open_element(w, "a:ReplyTo");
    must(w, "a:Address", ANONYMOUS);
    close_element(w);
    must(w, "w:ResourceURI", RESOURCE_CMD);
    element(w, "a:To", ask->to);
    options(w, ask);
    if (ask->shell != NULL) {
        open_element(w, "w:SelectorSet");
        open_element(w, "w:Selector");
        attribute(w, "Name", "ShellId");
        xmlTextWriterWriteString(w, BAD_CAST ask->shell);
        close_element(w);
        close_element(w);
    }
    close_element(w);
}

/* ---- Body ----------------------------------------------------------------------------------- */

static bool body_of_send(xmlTextWriter *w, const struct wsman_ask *ask)
{
    char *data = base64_encode(ask->input != NULL ? ask->input : "", ask->input_len);

    if (data == NULL) {
        return false;
    }
    open_element(w, "r:Send");
    open_element(w, "r:Stream");
    attribute(w, "Name", "stdin");
    attribute(w, "CommandId", ask->command);
    if (ask->end) {
        attribute(w, "End", "true");
    }
    xmlTextWriterWriteString(w, BAD_CAST data);
    close_element(w);
    close_element(w);
    free(data);
    return true;
}

static bool body(xmlTextWriter *w, const struct wsman_ask *ask)
{
    char text[64];

    switch (ask->action) {
    case WSMAN_CREATE:
        open_element(w, "r:Shell");
        element(w, "r:IdleTimeOut", duration(ask->idle_ms, text, sizeof text));
        element(w, "r:InputStreams", "stdin");
        element(w, "r:OutputStreams", "stdout stderr");
        close_element(w);
        break;
    case WSMAN_COMMAND:
        open_element(w, "r:CommandLine");
        element(w, "r:Command", ask->line);
        close_element(w);
        break;
    case WSMAN_SEND:
        return body_of_send(w, ask);
    case WSMAN_RECEIVE:
        open_element(w, "r:Receive");
        open_element(w, "r:DesiredStream");
        attribute(w, "CommandId", ask->command);
        xmlTextWriterWriteString(w, BAD_CAST "stdout stderr");
        close_element(w);
        close_element(w);
        break;
    case WSMAN_SIGNAL:
        open_element(w, "r:Signal");
        attribute(w, "CommandId", ask->command);
        element(w, "r:Code", TERMINATE);
        close_element(w);
        break;
    case WSMAN_DELETE:
        break;
    }
    return true;
}

enum baton_err wsman_envelope(
    const struct wsman_ask *ask, char **out, size_t *len, struct baton_error *error)
{
    xmlBuffer *buffer = xmlBufferCreate();
    xmlTextWriter *w = buffer != NULL ? xmlNewTextWriterMemory(buffer, 0) : NULL;
    bool good = w != NULL;

    *out = NULL;
    if (good) {
        open_element(w, "s:Envelope");
        attribute(w, "xmlns:s", NS_SOAP);
        attribute(w, "xmlns:a", NS_ADDR);
        attribute(w, "xmlns:w", NS_WSMAN);
        attribute(w, "xmlns:p", NS_WSMV);
        attribute(w, "xmlns:r", NS_SHELL);
        header(w, ask);
        open_element(w, "s:Body");
        good = body(w, ask);
        close_element(w);
        close_element(w);
        good = xmlTextWriterFlush(w) >= 0 && good;
        xmlFreeTextWriter(w);
    }
    if (good) {
        *len = (size_t)xmlBufferLength(buffer);
        *out = strdup((const char *)xmlBufferContent(buffer));
    }
    xmlBufferFree(buffer);
    return *out != NULL ? BATON_OK
                        : baton_fail(error, BATON_NOMEM, "no memory for a message to the host");
}
