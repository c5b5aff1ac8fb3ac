/* The peers' door: what OpenSSL is asked for. */
#ifndef BATON_WORLD_LIVE_PEER_TLS_H
#define BATON_WORLD_LIVE_PEER_TLS_H

#include "config/config.h"

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

/* TLS 1.2 or later, our certificate, and a must of one of the CA from the other side. NULL with
 * the sentence, which names the file. */
SSL_CTX *peer_tls_new(const struct config_peers *peers, char *why, size_t size);

/* Is the (verified) certificate of the other side made out to `name`: DNS name, IP address, or
 * the CN where it has no name else (RFC 6125, 6.4; no wildcards)? */
bool peer_tls_is(SSL *ssl, const char *name);

/* OpenSSL's words for its error, and no error is left in its queue. */
void peer_tls_say(unsigned long error, char *text, size_t size);

#endif
