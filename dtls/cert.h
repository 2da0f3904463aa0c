/*
 * The worker's certificate: a self-made P-256 key and its SHA-256 fingerprint
 * (RFC 8122, RFC 8827 section 6.5). Lives as long as the worker. mbedTLS's
 * random generators of the worker live here too: one for cert_random, another
 * for sessions, so that sessions that shake hands may be on one thread and
 * cert_random be called on another.
 */
#ifndef HEARTH_DTLS_CERT_H
#define HEARTH_DTLS_CERT_H

#include <stddef.h>
#include <stdint.h>

enum { CERT_FINGERPRINT_MAX = 3 * 64 }; /* "AB:CD:…" of SHA-512, with NUL */

struct cert;

/* Makes key and certificate, valid from now_s - 1 day for a year (seconds since
 * 1970, the caller's clock). NULL when memory or entropy is lacking. */
struct cert *cert_new(uint64_t now_s);
struct cert *cert_free(struct cert *); /* returns NULL */

/* "sha-256" fingerprint as SDP writes it: "AB:CD:…". Owned by cert. */
const char *cert_fingerprint(const struct cert *);

/* Fills ret with cryptographically random bytes: the worker's one source for
 * ICE credentials, SSRCs and ids. 0 or -EIO. */
int cert_random(struct cert *, void *ret, size_t len);

#endif
