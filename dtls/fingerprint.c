#include "dtls/fingerprint.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int fingerprint_parse(
	struct fingerprint *ret, const char *name, const char *hex)
{
	struct fingerprint f;
	static const struct {
		const char *name;
		mbedtls_md_type_t md;
		size_t len;
	} hashes[] = { { "sha-256", MBEDTLS_MD_SHA256, 32 },
		{ "sha-384", MBEDTLS_MD_SHA384, 48 },
		{ "sha-512", MBEDTLS_MD_SHA512, 64 } };
	size_t i = 0, n;

	while (i < 3 && strcasecmp(name, hashes[i].name) != 0)
		i++;
	if (i == 3)
		return -ENOTSUP;
	f.md = hashes[i].md;
	f.len = hashes[i].len;
	if (strlen(hex) != f.len * 3 - 1)
		return -EINVAL;
	for (n = 0; n < f.len; n++, hex += 3) {
		int high = hex_digit(hex[0]), low = hex_digit(hex[1]);

		if (high < 0 || low < 0 ||
			hex[2] != (n + 1 < f.len ? ':' : '\0'))
			return -EINVAL;
		f.hash[n] = (uint8_t)(high << 4 | low);
	}
	*ret = f;
	return 0;
}

bool fingerprint_matches(
	const struct fingerprint *f, const uint8_t *der, size_t len)
{
	uint8_t hash[MBEDTLS_MD_MAX_SIZE];

	if (mbedtls_md(mbedtls_md_info_from_type(f->md), der, len, hash) != 0)
		return false;
	return memcmp(hash, f->hash, f->len) == 0;
}
