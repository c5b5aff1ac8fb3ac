/* Negotiate (RFC 4559): a connection that has logged in stays so. The keys are in KRB5_KTNAME. */
#include "lab.h"

#include <event2/http_struct.h>
#include <gssapi/gssapi.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define TOKEN_MAX 65536

struct login {
    const struct evhttp_connection *connection;
    gss_ctx_id_t context;
    bool done;
    struct login *prev, *next;
};

static struct login *logins;

static struct login *find(const struct evhttp_connection *connection)
{
    struct login *login;

    DL_FOREACH(logins, login)
    {
        if (login->connection == connection) {
            return login;
        }
    }
    return NULL;
}

void negotiate_gone(const struct evhttp_connection *connection)
{
    struct login *login = find(connection);
    OM_uint32 minor;

    if (login != NULL) {
        gss_delete_sec_context(&minor, &login->context, GSS_C_NO_BUFFER);
        DL_DELETE(logins, login);
        free(login);
    }
}

static void answer(struct evhttp_request *request, const gss_buffer_desc *token)
{
    size_t size = token->length * 2 + 32;
    char *text = malloc(size);

    snprintf(text, size, "Negotiate ");
    EVP_EncodeBlock((unsigned char *)text + 10, token->value, (int)token->length);
    evhttp_add_header(evhttp_request_get_output_headers(request), "WWW-Authenticate", text);
    free(text);
}

/* GSSAPI's reason, for who reads the test's output. */
static void complain(OM_uint32 status, OM_uint32 minor)
{
    OM_uint32 more = 0, ignored;
    gss_buffer_desc text;

    (void)status;
    gss_display_status(&ignored, minor, GSS_C_MECH_CODE, GSS_C_NO_OID, &more, &text);
    fprintf(stderr, "windows_lab: %.*s\n", (int)text.length, (char *)text.value);
    gss_release_buffer(&ignored, &text);
}

static bool take(struct login *login, struct evhttp_request *request, const char *coded)
{
    size_t len = strlen(coded);
    unsigned char *bytes = len < TOKEN_MAX ? malloc(len + 1) : NULL;
    int got = bytes != NULL ? EVP_DecodeBlock(bytes, (const unsigned char *)coded, (int)len) : -1;
    gss_buffer_desc in = {.value = bytes}, out = GSS_C_EMPTY_BUFFER;
    OM_uint32 status, minor;

    if (got < 0) {
        free(bytes);
        return false;
    }
    in.length =
        (size_t)got - (len > 0 && coded[len - 1] == '=') - (len > 1 && coded[len - 2] == '=');
    status = gss_accept_sec_context(
        &minor, &login->context, GSS_C_NO_CREDENTIAL, &in, GSS_C_NO_CHANNEL_BINDINGS, NULL, NULL,
        &out, NULL, NULL, NULL);
    free(bytes);
    if (out.length > 0 && !GSS_ERROR(status)) {
        answer(request, &out);
    }
    gss_release_buffer(&(OM_uint32){0}, &out);
    if (GSS_ERROR(status)) {
        complain(status, minor);
    }
    return status == GSS_S_COMPLETE;
}

bool negotiate_allows(struct evhttp_request *request)
{
    const struct evhttp_connection *connection = evhttp_request_get_connection(request);
    const char *header =
        evhttp_find_header(evhttp_request_get_input_headers(request), "Authorization");
    struct login *login = find(connection);

    if (header == NULL || strncmp(header, "Negotiate ", 10) != 0) {
        return login != NULL && login->done;
    }
    negotiate_gone(connection);
    login = calloc(1, sizeof *login);
    login->connection = connection;
    DL_APPEND(logins, login);
    login->done = take(login, request, header + 10);
    return login->done;
}
