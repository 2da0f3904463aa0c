#include "http/sign.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <mbedtls/md.h>

enum { SHA256_BYTES = 32 };

static int run(mbedtls_md_context_t *md, const void *key, size_t key_len,
	const struct sign_part *part, unsigned n_parts,
	unsigned char ret[SHA256_BYTES])
{
	const mbedtls_md_info_t *sha256 =
		mbedtls_md_info_from_type(MBEDTLS_MD_SHA256);
	bool good = sha256 && mbedtls_md_setup(md, sha256, 1) == 0 &&
		    mbedtls_md_hmac_starts(md, key, key_len) == 0;

	for (unsigned i = 0; good && i < n_parts; i++)
		good = mbedtls_md_hmac_update(md, part[i].data, part[i].len) ==
		       0;
	return good && mbedtls_md_hmac_finish(md, ret) == 0 ? 0 : -ENOMEM;
}

int sign_hex(const void *key, size_t key_len, const struct sign_part *part,
	unsigned n_parts, char ret[SIGN_HEX + 1])
{
	unsigned char mac[SHA256_BYTES];
	mbedtls_md_context_t md;
	int err;

	mbedtls_md_init(&md);
	err = run(&md, key, key_len, part, n_parts, mac);
	mbedtls_md_free(&md);
	for (unsigned i = 0; !err && i < SHA256_BYTES; i++)
		snprintf(ret + 2 * (size_t)i, 3, "%02x", mac[i]);
	return err;
}

bool sign_same(const char *given, const char *expected)
{
	size_t n = strlen(expected);
	/* Compilers must not end the loop at the first difference. */
	volatile unsigned char different = strlen(given) != n;

	for (size_t i = 0; given[i]; i++)
		different |=
			(unsigned char)(given[i] ^ expected[n ? i % n : 0]);
	return !different;
}
