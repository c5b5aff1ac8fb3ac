#include "world/live/peer_tls.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>

void peer_tls_say(unsigned long error, char *text, size_t size)
{
    const char *reason = error != 0 ? ERR_reason_error_string(error) : NULL;

    ERR_clear_error();
    snprintf(text, size, "%s", reason != NULL ? reason : "no TLS");
}

static bool refuse_file(const char *what, const char *file, char *why, size_t size)
{
    char reason[128];

    peer_tls_say(ERR_peek_last_error(), reason, sizeof reason);
    snprintf(why, size, "failsafe: %s %s can't be used: %s", what, file, reason);
    return false;
}

static bool load(SSL_CTX *tls, const struct config_peers *peers, char *why, size_t size)
{
    if (SSL_CTX_use_certificate_chain_file(tls, peers->failsafe_certificate) != 1) {
        return refuse_file("certificate", peers->failsafe_certificate, why, size);
    }
    if (SSL_CTX_use_PrivateKey_file(tls, peers->failsafe_key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(tls) != 1) {
        return refuse_file("key", peers->failsafe_key, why, size);
    }
    if (SSL_CTX_load_verify_file(tls, peers->failsafe_ca) != 1) {
        return refuse_file("CA", peers->failsafe_ca, why, size);
    }
    SSL_CTX_set_client_CA_list(tls, SSL_load_client_CA_file(peers->failsafe_ca));
    return true;
}

SSL_CTX *peer_tls_new(const struct config_peers *peers, char *why, size_t size)
{
    SSL_CTX *tls;

    if (peers->failsafe_ca == NULL || peers->failsafe_certificate == NULL ||
        peers->failsafe_key == NULL) {
        snprintf(why, size, "failsafe needs a CA, a certificate and a key");
        return NULL;
    }
    tls = SSL_CTX_new(TLS_server_method());
    if (tls == NULL || SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION) != 1) {
        snprintf(why, size, "no memory for TLS");
        SSL_CTX_free(tls);
        return NULL;
    }
    SSL_CTX_set_options(tls, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    if (!load(tls, peers, why, size)) {
        SSL_CTX_free(tls);
        return NULL;
    }
    return tls;
}

bool peer_tls_is(SSL *ssl, const char *name)
{
    X509 *certificate = SSL_get1_peer_certificate(ssl);
    bool is;

    if (certificate == NULL || SSL_get_verify_result(ssl) != X509_V_OK) {
        X509_free(certificate);
        return false;
    }
    is = X509_check_host(certificate, name, 0, X509_CHECK_FLAG_NO_WILDCARDS, NULL) == 1 ||
         X509_check_ip_asc(certificate, name, 0) == 1;
    X509_free(certificate);
    return is;
}
