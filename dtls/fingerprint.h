/*
 * The fingerprint of a certificate as SDP writes it (RFC 8122 section 5).
 * SHA-256 and stronger. Not for use outside this folder.
 */
#ifndef HEARTH_DTLS_FINGERPRINT_H
#define HEARTH_DTLS_FINGERPRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <mbedtls/md.h>

struct fingerprint {
	mbedtls_md_type_t md;
	size_t len; /* bytes of hash */
	uint8_t hash[64];
};

/* name: "sha-256", "sha-384" or "sha-512" in any case; hex: "AB:CD:...", any
 * case. 0; -ENOTSUP: another hash; -EINVAL: not of that hash's form. *ret is
 * untouched then. */
int fingerprint_parse(
	struct fingerprint *ret, const char *name, const char *hex);

/* True when the certificate (DER, len bytes) has that fingerprint. */
bool fingerprint_matches(
	const struct fingerprint *f, const uint8_t *der, size_t len);

#endif
