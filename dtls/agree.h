/*
 * Which groups a handshake may agree on a key by (RFC 8422), best first:
 * X25519, P-256, P-384. And X25519 by curve.h in the place of mbedTLS's own:
 * agree.c has the two functions that mbedTLS lets be exchanged when it is built
 * (MBEDTLS_ECDH_GEN_PUBLIC_ALT, MBEDTLS_ECDH_COMPUTE_SHARED_ALT), under their
 * names, and the program's are found before those of the shared library. Linked
 * statically, or where mbedTLS has been built to use PSA, its own stay in use.
 * Not for use outside this folder.
 */
#ifndef HEARTH_DTLS_AGREE_H
#define HEARTH_DTLS_AGREE_H

#include <mbedtls/ssl.h>

/* Sets these groups. */
void agree_conf(mbedtls_ssl_config *conf);

#endif
