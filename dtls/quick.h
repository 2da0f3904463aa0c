/*
 * Keys with which mbedTLS 2.28 is quicker at ECDSA over P-256, for the same
 * results: ours signs and a peer's verifies by curve.h. A key of mbedTLS 2.28
 * has its functions in a table that others may be put into; mbedTLS 3 does not
 * let them be exchanged: nothing is done there. Not for use outside this
 * folder.
 */
#ifndef HEARTH_DTLS_QUICK_H
#define HEARTH_DTLS_QUICK_H

#include "dtls/mbed.h"

/* Makes c->signer of c->key. 0, or -1 when memory is lacking or libcrypto does
 * not do what it is asked (curve_check). */
int quick_own(struct cert *c);

/* Exchanges the key of a peer's certificate, which is left as it was if it is
 * of another curve, no point of it, or memory is lacking. Some cert_new came
 * before. */
void quick_peer(mbedtls_x509_crt *crt);

#endif
