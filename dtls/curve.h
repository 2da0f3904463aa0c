/*
 * The arithmetic of elliptic curves that a handshake is made of, by OpenSSL's
 * libcrypto: mbedTLS 2.28 takes ten to twenty times as long for the same
 * numbers. mbedTLS speaks DTLS, and is told these results (agree.c, quick.c).
 * Keys may be used by several threads at a time. Not for use outside this
 * folder.
 */
#ifndef HEARTH_DTLS_CURVE_H
#define HEARTH_DTLS_CURVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	CURVE_LEN = 32,       /* a number, of either curve */
	CURVE_POINT = 65,     /* of P-256: 4, x, y */
	CURVE_SIGNATURE = 72, /* of P-256, in DER: at most */
};

/* X25519 (RFC 7748 section 5), little-endian. False: out of memory, or the
 * point is of low order and no secret comes of it (section 6.1). */
bool curve_x25519(uint8_t ret[CURVE_LEN], const uint8_t scalar[CURVE_LEN],
	const uint8_t point[CURVE_LEN]);
/* The same of the base point: the public key. */
bool curve_x25519_public(
	uint8_t ret[CURVE_LEN], const uint8_t scalar[CURVE_LEN]);

/* A key of P-256 (FIPS 186-4): its point, and its number (big-endian) where it
 * is ours, else NULL. NULL: it is not on the curve, or out of memory. */
struct curve_key;
struct curve_key *curve_key_new(
	const uint8_t point[CURVE_POINT], const uint8_t number[CURVE_LEN]);
struct curve_key *curve_key_free(struct curve_key *k); /* NULL is fine; NULL */

/* ECDSA of a hash; the signature is DER of RFC 3279 section 2.2.3. */
bool curve_verify(struct curve_key *k, const uint8_t *hash, size_t hash_len,
	const uint8_t *signature, size_t len);
bool curve_sign(struct curve_key *k, const uint8_t *hash, size_t hash_len,
	uint8_t ret[CURVE_SIGNATURE], size_t *ret_len);

/* Does all of it once, with a key of ours: libcrypto looks for what it needs at
 * first use, and keeps that. False: it lacks something, the key is none, or it
 * does not agree with itself. */
bool curve_check(struct curve_key *own);

#endif
