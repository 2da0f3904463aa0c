#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <mbedtls/asn1write.h>
#include <mbedtls/ecp.h>
#include <mbedtls/version.h>
#include "dtls/quick.h"

enum { NOW_S = 1795500000, SIGNATURE = 128 };

static const uint8_t hash[32] = { 1, 2, 3 }, other_hash[32] = { 1, 2, 4 };

static struct cert *ours, *theirs;

static int set_up(void **state)
{
	(void)state;
	ours = cert_new(NOW_S);
	theirs = cert_new(NOW_S);
	return ours && theirs ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	cert_free(ours);
	cert_free(theirs);
	return 0;
}

static size_t sign(struct cert *c, mbedtls_pk_context *key, uint8_t *ret)
{
	size_t len = 0;

#if MBEDTLS_VERSION_NUMBER < 0x03000000
	assert_int_equal(
		mbedtls_pk_sign(key, MBEDTLS_MD_SHA256, hash, 32, ret, &len,
			mbedtls_ctr_drbg_random, &c->sessions.drbg),
		0);
#else
	assert_int_equal(mbedtls_pk_sign(key, MBEDTLS_MD_SHA256, hash, 32, ret,
				 SIGNATURE, &len, mbedtls_ctr_drbg_random,
				 &c->sessions.drbg),
		0);
#endif
	return len;
}

static bool verifies(mbedtls_pk_context *key, const uint8_t *of,
	const uint8_t *signature, size_t len)
{
	return mbedtls_pk_verify(
		       key, MBEDTLS_MD_SHA256, of, 32, signature, len) == 0;
}

/* What the one signs the other accepts, and nothing else. */
static void own_key_is_the_same(void **state)
{
	uint8_t a[SIGNATURE], b[SIGNATURE];
	size_t a_len = sign(ours, &ours->signer, a);
	size_t b_len = sign(ours, &ours->key, b);

	(void)state;
	assert_true(verifies(&ours->key, hash, a, a_len));
	assert_true(verifies(&ours->crt.pk, hash, a, a_len));
	assert_true(verifies(&ours->signer, hash, b, b_len));
	assert_false(verifies(&ours->crt.pk, other_hash, a, a_len));
	assert_false(verifies(&theirs->crt.pk, hash, a, a_len));
	assert_true(mbedtls_pk_can_do(&ours->signer, MBEDTLS_PK_ECDSA));
}

static void peer_is_verified_as_before(void **state)
{
	uint8_t s[SIGNATURE];
	size_t len = sign(theirs, &theirs->key, s);

	(void)state;
	quick_peer(&theirs->crt);
	assert_true(mbedtls_pk_can_do(&theirs->crt.pk, MBEDTLS_PK_ECDSA));
	for (unsigned i = 0; i < 2; i++)
		assert_true(verifies(&theirs->crt.pk, hash, s, len));
	assert_false(verifies(&theirs->crt.pk, other_hash, s, len));
	s[len - 1] ^= 1;
	assert_false(verifies(&theirs->crt.pk, hash, s, len));
	len = sign(ours, &ours->signer, s);
	assert_false(verifies(&theirs->crt.pk, hash, s, len));
}

/* A certificate need not be an honest one of P-256. */
static void other_keys_are_left_alone(void **state)
{
	const mbedtls_pk_info_t *info =
		mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY);
	mbedtls_x509_crt crt;

	(void)state;
	mbedtls_x509_crt_init(&crt);
	quick_peer(&crt); /* no key at all */
	assert_int_equal(mbedtls_pk_get_type(&crt.pk), MBEDTLS_PK_NONE);
	assert_int_equal(mbedtls_pk_setup(&crt.pk, info), 0);
	assert_int_equal(mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP384R1,
				 mbedtls_pk_ec(crt.pk), mbedtls_ctr_drbg_random,
				 &ours->sessions.drbg),
		0);
	quick_peer(&crt);
	assert_int_equal(mbedtls_pk_get_type(&crt.pk), MBEDTLS_PK_ECKEY);
	mbedtls_x509_crt_free(&crt);
}

/* Whatever mbedTLS says to a signature, changed in a bit or cut somewhere, is
 * said here too. */
static void changed_signatures(void **state)
{
	mbedtls_pk_context *plain = &theirs->key, *quick = &theirs->crt.pk;
	uint8_t s[SIGNATURE], changed[SIGNATURE];
	size_t len = sign(theirs, &theirs->key, s);

	(void)state;
	quick_peer(&theirs->crt);
	for (size_t bit = 0; bit < 8 * len; bit += 3) {
		memcpy(changed, s, len);
		changed[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(verifies(quick, hash, changed, len));
		assert_false(verifies(plain, hash, changed, len));
	}
	for (size_t cut = 0; cut < len; cut++)
		assert_false(verifies(quick, hash, s, cut));
	memset(s + len, 0, sizeof(s) - len);
	assert_false(verifies(quick, hash, s, len + 1));
	assert_true(verifies(quick, hash, s, len));
}

/* DER of r and s. */
static size_t signature(
	uint8_t ret[SIGNATURE], const mbedtls_mpi *r, const mbedtls_mpi *s)
{
	unsigned char buf[SIGNATURE], *at = buf + sizeof(buf);
	int len = mbedtls_asn1_write_mpi(&at, buf, s);

	assert_true(len > 0);
	len += mbedtls_asn1_write_mpi(&at, buf, r);
	len += mbedtls_asn1_write_len(&at, buf, (size_t)len);
	len += mbedtls_asn1_write_tag(
		&at, buf, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE);
	memcpy(ret, at, (size_t)len);
	return (size_t)len;
}

/* 0, the order, and what is the same number modulo the order. */
static void numbers_out_of_range(void **state)
{
	mbedtls_ecp_group grp;
	mbedtls_mpi r, s, none;
	uint8_t text[SIGNATURE], own[SIGNATURE];
	size_t len, own_len = sign(theirs, &theirs->key, own);
	unsigned char *at = own + 2;

	(void)state;
	quick_peer(&theirs->crt);
	mbedtls_ecp_group_init(&grp);
	mbedtls_mpi_init(&r);
	mbedtls_mpi_init(&s);
	mbedtls_mpi_init(&none);
	assert_int_equal(
		mbedtls_ecp_group_load(&grp, MBEDTLS_ECP_DP_SECP256R1), 0);
	assert_int_equal(mbedtls_asn1_get_mpi(&at, own + own_len, &r), 0);
	assert_int_equal(mbedtls_asn1_get_mpi(&at, own + own_len, &s), 0);
	len = signature(text, &r, &s);
	assert_true(verifies(&theirs->crt.pk, hash, text, len));
	len = signature(text, &none, &s);
	assert_false(verifies(&theirs->crt.pk, hash, text, len));
	len = signature(text, &r, &none);
	assert_false(verifies(&theirs->crt.pk, hash, text, len));
	len = signature(text, &grp.N, &grp.N);
	assert_false(verifies(&theirs->crt.pk, hash, text, len));
	assert_int_equal(mbedtls_mpi_add_mpi(&r, &r, &grp.N), 0);
	len = signature(text, &r, &s);
	assert_false(verifies(&theirs->crt.pk, hash, text, len));
	mbedtls_mpi_free(&r);
	mbedtls_mpi_free(&s);
	mbedtls_mpi_free(&none);
	mbedtls_ecp_group_free(&grp);
}

/* By any key, of anything. */
static void many_signatures(void **state)
{
	uint8_t s[SIGNATURE];

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		struct cert *c = cert_new(NOW_S);
		size_t len = sign(c, &c->key, s);

		assert_non_null(c);
		quick_peer(&c->crt);
		assert_true(verifies(&c->crt.pk, hash, s, len));
		assert_false(verifies(&c->crt.pk, other_hash, s, len));
		assert_false(verifies(&theirs->crt.pk, hash, s, len));
		cert_free(c);
	}
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(own_key_is_the_same),
		CASE(peer_is_verified_as_before),
		CASE(other_keys_are_left_alone),
		CASE(changed_signatures),
		CASE(numbers_out_of_range),
		CASE(many_signatures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
