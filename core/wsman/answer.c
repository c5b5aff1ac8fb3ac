#include "names.h"
#include "wsman/wsman.h"

#include "base/base64.h"

#include <errno.h>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- The tree ------------------------------------------------------------------------------ */

static bool is(const xmlNode *node, const char *ns, const char *name)
{
    return node->type == XML_ELEMENT_NODE && node->ns != NULL && node->ns->href != NULL &&
           strcmp((const char *)node->ns->href, ns) == 0 &&
           strcmp((const char *)node->name, name) == 0;
}

static xmlNode *child(const xmlNode *parent, const char *ns, const char *name)
{
    for (xmlNode *node = parent != NULL ? parent->children : NULL; node != NULL;
         node = node->next) {
        if (is(node, ns, name)) {
            return node;
        }
    }
    return NULL;
}

/* The first one of that name below `node`; answers nest no deeper than libxml2 lets them. */
static xmlNode *find(xmlNode *node, const char *ns, const char *name)
{
    for (xmlNode *at = node != NULL ? node->children : NULL; at != NULL; at = at->next) {
        xmlNode *found = is(at, ns, name) ? at : find(at, ns, name);

        if (found != NULL) {
            return found;
        }
    }
    return NULL;
}

/* Its text without blanks around it; false where it has none or it does not fit. */
static bool text_of(const xmlNode *node, char *out, size_t size)
{
    xmlChar *text = node != NULL ? xmlNodeGetContent(node) : NULL;
    const char *from = text != NULL ? (const char *)text : "";
    size_t len;

    from += strspn(from, " \t\r\n");
    len = strlen(from);
    while (len > 0 && strchr(" \t\r\n", from[len - 1]) != NULL) {
        len--;
    }
    snprintf(out, size, "%.*s", (int)(len < size ? len : size - 1), from);
    xmlFree(text);
    return len > 0 && len < size;
}

static bool attribute(xmlNode *node, const char *name, char *out, size_t size)
{
    xmlChar *text = xmlGetNoNsProp(node, BAD_CAST name);
    bool fits = text != NULL && strlen((const char *)text) < size;

    snprintf(out, size, "%s", fits ? (const char *)text : "");
    xmlFree(text);
    return fits;
}

/* ---- Faults -----------------------------------------------------------------------------------
 */

/* SOAP 1.2 part 1, 5.4; in its Detail the WSManFault of MS-WSMV. */
static void read_fault(xmlNode *fault, struct wsman_answer *answer)
{
    xmlNode *detail = find(fault, NS_FAULT, "WSManFault");
    char code[16], text[256];
    const char *known;

    answer->faulty = true;
    if (detail != NULL && attribute(detail, "Code", code, sizeof code)) {
        answer->code = (uint32_t)strtoul(code, NULL, 10);
    }
    answer->fault = wsman_fault_kind(answer->code);
    known = wsman_fault_words(answer->code);
    if (!text_of(find(fault, NS_FAULT, "Message"), text, sizeof text)) {
        text_of(find(fault, NS_SOAP, "Text"), text, sizeof text);
    }
    for (char *at = text; *at != '\0'; at++) {
        *at = (unsigned char)*at < 32 ? ' ' : *at;
    }
    if (known != NULL) {
        snprintf(answer->why, sizeof answer->why, "%s", known);
    } else if (answer->code != 0) {
        snprintf(
            answer->why, sizeof answer->why, "fault %u: %s", (unsigned)answer->code,
            text[0] != '\0' ? text : "the host gives no reason");
    } else {
        snprintf(
            answer->why, sizeof answer->why, "%s",
            text[0] != '\0' ? text : "a fault of which the host gives no reason");
    }
}

/* ---- Receive -----------------------------------------------------------------------------------
 */

static enum baton_err add_stream(
    struct wsman_stream *stream, xmlNode *node, struct baton_error *error)
{
    xmlChar *text = xmlNodeGetContent(node);
    size_t len = 0;
    char *data, *more;

    if (text != NULL) { /* libxml2's; blanks may stand in it */
        char *to = (char *)text;

        for (const char *from = to; *from != '\0'; from++) {
            if (strchr(" \t\r\n", *from) == NULL) {
                *to++ = *from;
            }
        }
        *to = '\0';
    }
    data = text != NULL ? base64_decode((const char *)text, &len) : NULL;
    xmlFree(text);
    if (data == NULL) {
        return baton_fail(error, BATON_INVALID, "a stream of the answer is no base64");
    }
    more = realloc(stream->text, stream->len + len + 1);
    if (more == NULL) {
        free(data);
        return baton_fail(error, BATON_NOMEM, "no memory for the command's output");
    }
    memcpy(more + stream->len, data, len + 1);
    stream->text = more;
    stream->len += len;
    free(data);
    return BATON_OK;
}

/* MS-WSMV: ReceiveResponse, with Stream and CommandState. */
static enum baton_err read_received(
    const struct wsman_ask *ask, xmlNode *body, struct wsman_answer *answer,
    struct baton_error *error)
{
    xmlNode *response = child(body, NS_SHELL, "ReceiveResponse");
    char text[128], *end;

    if (response == NULL) {
        return baton_fail(error, BATON_INVALID, "the answer to Receive has no ReceiveResponse");
    }
    for (xmlNode *node = response->children; node != NULL; node = node->next) {
        enum baton_err err = BATON_OK;

        if (!is(node, NS_SHELL, "Stream") && !is(node, NS_SHELL, "CommandState")) {
            continue;
        }
        if (attribute(node, "CommandId", text, sizeof text) &&
            strcasecmp(text, ask->command) != 0) {
            return baton_fail(error, BATON_INVALID, "the answer is about another command");
        }
        if (is(node, NS_SHELL, "Stream")) {
            attribute(node, "Name", text, sizeof text);
            err =
                add_stream(strcmp(text, "stderr") == 0 ? &answer->err : &answer->out, node, error);
        } else if (attribute(node, "State", text, sizeof text)) {
            answer->done = strcmp(text, STATE_DONE) == 0;
            answer->has_exit = text_of(child(node, NS_SHELL, "ExitCode"), text, sizeof text);
            errno = 0;
            answer->exit_code = answer->has_exit ? strtoll(text, &end, 10) : 0;
            if (answer->has_exit && (errno != 0 || *end != '\0')) {
                return baton_fail(error, BATON_INVALID, "the exit code \"%s\" is no number", text);
            }
        }
        if (err != BATON_OK) {
            return err;
        }
    }
    return BATON_OK;
}

/* ---- All
 * ------------------------------------------------------------------------------------------ */

static enum baton_err read_created(
    xmlNode *body, struct wsman_answer *answer, struct baton_error *error)
{
    xmlNode *id = find(body, NS_SHELL, "ShellId");
    char name[32];

    if (id == NULL) { /* some say it in the selector of WS-Transfer's ResourceCreated only */
        id = find(body, NS_WSMAN, "Selector");
        if (id != NULL &&
            (!attribute(id, "Name", name, sizeof name) || strcmp(name, "ShellId") != 0)) {
            id = NULL;
        }
    }
    return text_of(id, answer->shell, sizeof answer->shell)
               ? BATON_OK
               : baton_fail(error, BATON_INVALID, "the answer to Create names no shell");
}

static enum baton_err read_body(
    const struct wsman_ask *ask, xmlNode *body, struct wsman_answer *answer,
    struct baton_error *error)
{
    xmlNode *response;

    switch (ask->action) {
    case WSMAN_CREATE:
        return read_created(body, answer, error);
    case WSMAN_COMMAND:
        response = child(body, NS_SHELL, "CommandResponse");
        if (!text_of(
                child(response, NS_SHELL, "CommandId"), answer->command, sizeof answer->command)) {
            return baton_fail(error, BATON_INVALID, "the answer to Command names no command");
        }
        break;
    case WSMAN_RECEIVE:
        return read_received(ask, body, answer, error);
    case WSMAN_SEND:
    case WSMAN_SIGNAL:
    case WSMAN_DELETE:
        break;
    }
    return BATON_OK;
}

static enum baton_err read_envelope(
    const struct wsman_ask *ask, const xmlDoc *doc, struct wsman_answer *answer,
    struct baton_error *error)
{
    xmlNode *root = xmlDocGetRootElement(doc), *header, *body, *fault;
    char relates[WSMAN_ID_MAX * 2];

    if (doc->intSubset != NULL) {
        return baton_fail(error, BATON_INVALID, "the answer has a document type: refused");
    }
    if (root == NULL || !is(root, NS_SOAP, "Envelope")) {
        return baton_fail(error, BATON_INVALID, "the answer is no SOAP envelope");
    }
    header = child(root, NS_SOAP, "Header");
    body = child(root, NS_SOAP, "Body");
    if (body == NULL) {
        return baton_fail(error, BATON_INVALID, "the answer has no body");
    }
    fault = child(body, NS_SOAP, "Fault");
    text_of(child(header, NS_ADDR, "RelatesTo"), relates, sizeof relates);
    /* A message that could not be read is answered by a fault that relates to nothing. */
    if (strcasecmp(relates, ask->message_id) != 0 && (fault == NULL || relates[0] != '\0')) {
        return baton_fail(error, BATON_INVALID, "the answer relates to another message");
    }
    if (fault != NULL) {
        read_fault(fault, answer);
        return BATON_OK;
    }
    return read_body(ask, body, answer, error);
}

enum baton_err wsman_read(
    const struct wsman_ask *ask, const char *text, size_t len, struct wsman_answer *answer,
    struct baton_error *error)
{
    int flags = XML_PARSE_NONET | XML_PARSE_NOCDATA | XML_PARSE_NOERROR | XML_PARSE_NOWARNING;
    enum baton_err err;
    xmlDoc *doc;

    memset(answer, 0, sizeof *answer);
    if (len > WSMAN_ANSWER_MAX) {
        return baton_fail(
            error, BATON_LIMIT, "the answer is longer than %d bytes", WSMAN_ANSWER_MAX);
    }
    doc = xmlReadMemory(text, (int)len, NULL, NULL, flags);
    if (doc == NULL) {
        return baton_fail(error, BATON_INVALID, "the answer is no XML, or cut off");
    }
    err = read_envelope(ask, doc, answer, error);
    xmlFreeDoc(doc);
    return err;
}

void wsman_answer_fini(struct wsman_answer *answer)
{
    free(answer->out.text);
    free(answer->err.text);
    memset(answer, 0, sizeof *answer);
}
