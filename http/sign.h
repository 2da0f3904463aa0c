/*
 * Signatures by a shared secret, for links and webhooks: HMAC-SHA256 (RFC 2104,
 * FIPS 180-4), as hex text. The only file beside dtls/ that names mbedTLS.
 */
#ifndef HEARTH_HTTP_SIGN_H
#define HEARTH_HTTP_SIGN_H

#include <stdbool.h>
#include <stddef.h>

enum { SIGN_HEX = 64 };

struct sign_part {
	const void *data;
	size_t len;
};

/* The signature of the parts, one after the other as if they were one text, as
 * lower-case hex with NUL. The parts are not told apart: a caller whose parts
 * vary in length puts something between them. 0; -ENOMEM (also where the
 * library has no SHA-256): ret stays untouched. */
int sign_hex(const void *key, size_t key_len, const struct sign_part *part,
	unsigned n_parts, char ret[SIGN_HEX + 1]);

/* True when both texts are the same; the time it takes depends on the length of
 * given alone. */
bool sign_same(const char *given, const char *expected);

#endif
