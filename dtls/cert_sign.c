#include <errno.h>
#include <string.h>

#include <mbedtls/asn1write.h>
#include <mbedtls/md.h>

#include "dtls/mbed.h"

enum { DER_MAX = 1024, SIGNATURE_MAX = 128, SHA256_LEN = 32 };

/* AlgorithmIdentifier of ecdsa-with-SHA256: as RFC 5758 section 3.2 wants it,
 * and as mbedTLS 2.28 writes it. */
static const uint8_t plain[] = { 0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
	0x3d, 0x04, 0x03, 0x02 };
static const uint8_t with_null[] = { 0x30, 0x0c, 0x06, 0x08, 0x2a, 0x86, 0x48,
	0xce, 0x3d, 0x04, 0x03, 0x02, 0x05, 0x00 };

static int write_header(uint8_t **p, uint8_t *start, size_t len)
{
	int ret, n = 0;

	MBEDTLS_ASN1_CHK_ADD(n, mbedtls_asn1_write_len(p, start, len));
	MBEDTLS_ASN1_CHK_ADD(
		n, mbedtls_asn1_write_tag(p, start,
			   MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE));
	return n;
}

/* The body of the old one, with `plain` instead of what is at `alg`. */
static int write_tbs(uint8_t **p, uint8_t *start, const uint8_t *body,
	const uint8_t *end, const uint8_t *alg)
{
	const uint8_t *rest = alg + sizeof(with_null);
	int ret, n = 0;

	MBEDTLS_ASN1_CHK_ADD(n, mbedtls_asn1_write_raw_buffer(
					p, start, rest, (size_t)(end - rest)));
	MBEDTLS_ASN1_CHK_ADD(n,
		mbedtls_asn1_write_raw_buffer(p, start, plain, sizeof(plain)));
	MBEDTLS_ASN1_CHK_ADD(n, mbedtls_asn1_write_raw_buffer(
					p, start, body, (size_t)(alg - body)));
	MBEDTLS_ASN1_CHK_ADD(n, write_header(p, start, (size_t)n));
	return n;
}

static int write_signed(struct cert *c, uint8_t **p, uint8_t *start,
	const uint8_t *tbs, size_t tbs_len)
{
	const mbedtls_md_info_t *sha256 =
		mbedtls_md_info_from_type(MBEDTLS_MD_SHA256);
	uint8_t hash[SHA256_LEN], sig[SIGNATURE_MAX];
	size_t sig_len;
	int ret, n = 0;

	if (mbedtls_md(sha256, tbs, tbs_len, hash) != 0 ||
		mbed_sign_sha256(c, hash, sig, sizeof(sig), &sig_len) != 0)
		return -1;
	MBEDTLS_ASN1_CHK_ADD(
		n, mbedtls_asn1_write_bitstring(p, start, sig, sig_len * 8));
	MBEDTLS_ASN1_CHK_ADD(n,
		mbedtls_asn1_write_raw_buffer(p, start, plain, sizeof(plain)));
	MBEDTLS_ASN1_CHK_ADD(
		n, mbedtls_asn1_write_raw_buffer(p, start, tbs, tbs_len));
	MBEDTLS_ASN1_CHK_ADD(n, write_header(p, start, (size_t)n));
	return n;
}

int cert_sign_anew(struct cert *c)
{
	uint8_t tbs[DER_MAX], der[DER_MAX];
	uint8_t *p = tbs + sizeof(tbs), *q = der + sizeof(der);
	uint8_t *body = c->crt.tbs.p, *end = body + c->crt.tbs.len;
	const uint8_t *alg;
	size_t len;
	int n;

	if (mbedtls_asn1_get_tag(&body, end, &len,
		    MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE) != 0)
		return -EINVAL;
	alg = memmem(body, len, with_null, sizeof(with_null));
	if (alg == NULL)
		return 0;
	n = write_tbs(&p, tbs, body, end, alg);
	if (n > 0)
		n = write_signed(c, &q, der, p, (size_t)n);
	if (n <= 0)
		return -EINVAL;
	mbedtls_x509_crt_free(&c->crt);
	mbedtls_x509_crt_init(&c->crt);
	return mbedtls_x509_crt_parse_der(&c->crt, q, (size_t)n) == 0 ? 0
								      : -EINVAL;
}
