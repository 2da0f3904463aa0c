/*
 * Keys with which mbedTLS 2.28 is quicker at ECDSA over P-256, for the same
 * results. It computes a table of the curve's base point for each key of type
 * "EC key" anew, at each signature; a key of type "ECDSA" keeps its table, and
 * here all share one. Saves a fifth of a handshake. mbedTLS 3 has the table
 * built in: nothing is done there. Not for use outside this folder.
 */
#ifndef HEARTH_DTLS_QUICK_H
#define HEARTH_DTLS_QUICK_H

#include "dtls/mbed.h"

/* Makes c->signer of c->key, with its table. 0, or -1 when memory is lacking or
 * the key is not sound. */
int quick_own(struct cert *c);

/* Exchanges the key of a peer's certificate, which is left as it was if it is
 * of another curve or memory is lacking. c's table is copied. */
void quick_peer(const struct cert *c, mbedtls_x509_crt *crt);

#endif
