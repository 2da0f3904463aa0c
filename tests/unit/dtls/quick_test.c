#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
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
	quick_peer(ours, &theirs->crt);
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
	quick_peer(ours, &crt); /* no key at all */
	assert_int_equal(mbedtls_pk_get_type(&crt.pk), MBEDTLS_PK_NONE);
	assert_int_equal(mbedtls_pk_setup(&crt.pk, info), 0);
	assert_int_equal(mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP384R1,
				 mbedtls_pk_ec(crt.pk), mbedtls_ctr_drbg_random,
				 &ours->sessions.drbg),
		0);
	quick_peer(ours, &crt);
	assert_int_equal(mbedtls_pk_get_type(&crt.pk), MBEDTLS_PK_ECKEY);
	mbedtls_x509_crt_free(&crt);
}

#if MBEDTLS_VERSION_NUMBER < 0x03000000

/* The shared table is the one mbedTLS would have made, and a copy. */
static void the_table_is_right(void **state)
{
	mbedtls_ecp_keypair *fresh, *quick;
	uint8_t s[SIGNATURE];
	size_t len = sign(theirs, &theirs->signer, s);

	(void)state;
	quick_peer(ours, &theirs->crt);
	quick = mbedtls_pk_ec(theirs->crt.pk);
	assert_true(verifies(&theirs->crt.pk, hash, s, len));
	fresh = mbedtls_pk_ec(theirs->signer);
	assert_true(quick->grp.T_size > 0);
	assert_int_equal(quick->grp.T_size, fresh->grp.T_size);
	assert_ptr_not_equal(quick->grp.T, mbedtls_pk_ec(ours->signer)->grp.T);
	for (size_t i = 0; i < fresh->grp.T_size; i++)
		assert_int_equal(mbedtls_ecp_point_cmp(
					 &quick->grp.T[i], &fresh->grp.T[i]),
			0);
}

#endif

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(own_key_is_the_same),
		CASE(peer_is_verified_as_before),
		CASE(other_keys_are_left_alone),
#if MBEDTLS_VERSION_NUMBER < 0x03000000
		CASE(the_table_is_right),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
