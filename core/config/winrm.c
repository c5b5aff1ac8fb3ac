#include "config/winrm.h"

#include "config/value.h"
#include "config/xml.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define FINGERPRINT_DIGITS 64 /* SHA-256 */

/* With or without colons, in either case; as 64 small digits. NULL, reported, where it is none. */
static char *take_fingerprint(const struct reader *r, const xmlNode *node)
{
    char *text = take_text(r, node, "fingerprint"), *to = text;
    const char *from = text;

    if (text == NULL) {
        return NULL;
    }
    for (; *from != '\0' && (isxdigit((unsigned char)*from) != 0 || *from == ':'); from++) {
        if (*from != ':') {
            *to++ = (char)tolower((unsigned char)*from);
        }
    }
    if (*from != '\0' || to - text != FINGERPRINT_DIGITS) {
        take_wrong(
            r, node, "fingerprint", from,
            "the SHA-256 of the certificate, 64 hexadecimal digits (openssl x509 -noout -sha256 "
            "-fingerprint)");
        free(text);
        return NULL;
    }
    *to = '\0';
    return text;
}

static void check_auth(const struct reader *r, const struct config_node *node, const char *name)
{
    const char *wrong = NULL;

    if (node->winrm.auth == CONFIG_BASIC && node->winrm.plain) {
        wrong = "auth=\"basic\" would send the password over http for all to read: use https";
    } else if (node->winrm.auth == CONFIG_BASIC && node->winrm.secret == NULL) {
        wrong = "auth=\"basic\" needs password=\"…\", the name of a <secret>";
    } else if (node->winrm.auth == CONFIG_BASIC && node->winrm.keytab != NULL) {
        wrong = "a keytab is for auth=\"negotiate\"";
    } else if (
        node->winrm.auth == CONFIG_NEGOTIATE &&
        (node->winrm.secret == NULL) == (node->winrm.keytab == NULL)) {
        wrong = "auth=\"negotiate\" needs one of password=\"…\" (a <secret>) and keytab=\"…\"";
    } else if (
        node->winrm.plain && (node->winrm.ca_file != NULL || node->winrm.fingerprint != NULL)) {
        wrong = "with allow-plain=\"yes\" there is no certificate: remove ca and fingerprint";
    } else if (node->winrm.ca_file != NULL && node->winrm.fingerprint != NULL) {
        wrong = "ca and fingerprint both say whom to trust: keep one";
    }
    if (wrong != NULL) {
        report_add(
            r->report, BATON_INVALID, r->file, node->line, "<winrm> of node \"%s\": %s", name,
            wrong);
    }
}

void winrm_read(const struct reader *r, const xmlNode *node, struct config_node *to)
{
    static const char *const auth[] = {"negotiate", "basic"};
    int word = take_word(node, "auth", auth, 2);

    to->transport = CONFIG_WINRM;
    to->winrm.auth = word == 1 ? CONFIG_BASIC : CONFIG_NEGOTIATE;
    to->winrm.user = take_text(r, node, "user");
    to->winrm.secret = take_by(r, node, "password", value_name);
    to->winrm.keytab = take_file(r, node, "keytab", FILES_SECRET);
    to->winrm.port = (int)take_number(r, node, "port", 1, 65535, 0);
    to->winrm.ca_file = take_file(r, node, "ca", FILES_TRUSTED);
    to->winrm.fingerprint = take_fingerprint(r, node);
    to->winrm.plain = take_flag(node, "allow-plain", false);
    to->winrm.host = take_by(r, node, "host", value_host);
    check_auth(r, to, to->name != NULL ? to->name : "?");
}

static bool has_secret(const struct config *config, const char *name)
{
    for (int i = 0; i < config->n_secrets; i++) {
        if (config->secret[i].name != NULL && strcmp(config->secret[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

void winrm_check(const struct config *config, struct report *report)
{
    const struct config_node *first = NULL;

    for (int g = 0; g < config->n_groups; g++) {
        for (int n = 0; n < config->group[g].n_nodes; n++) {
            const struct config_node *node = &config->group[g].node[n];
            const char *name = node->name != NULL ? node->name : "?";

            if (node->transport != CONFIG_WINRM) {
                continue;
            }
            if (node->winrm.secret != NULL && !has_secret(config, node->winrm.secret)) {
                report_add(
                    report, BATON_INVALID, config->file, node->line,
                    "<winrm> of node \"%s\": there is no <secret name=\"%s\">: add it, it names "
                    "the "
                    "file with the password",
                    name, node->winrm.secret);
            }
            if (node->winrm.auth != CONFIG_NEGOTIATE) {
                continue;
            }
            if (first == NULL) {
                first = node;
            } else if (
                !same(first->winrm.user, node->winrm.user) ||
                !same(first->winrm.keytab, node->winrm.keytab)) {
                report_add(
                    report, BATON_INVALID, config->file, node->line,
                    "<winrm> of node \"%s\": another user or keytab than on line %d: Kerberos "
                    "tickets are for one account of the whole configuration",
                    name, first->line);
            }
        }
    }
}

void winrm_fini(struct config_node *node)
{
    free(node->winrm.user);
    free(node->winrm.secret);
    free(node->winrm.keytab);
    free(node->winrm.ca_file);
    free(node->winrm.fingerprint);
    free(node->winrm.host);
}
