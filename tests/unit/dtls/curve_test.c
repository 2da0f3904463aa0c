#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/ecp.h>
#include <mbedtls/entropy.h>
#include "dtls/curve.h"

enum { ROUNDS = 100 };

static mbedtls_entropy_context entropy;
static mbedtls_ctr_drbg_context drbg;
static mbedtls_ecp_group grp;

static int set_up(void **state)
{
	(void)state;
	mbedtls_entropy_init(&entropy);
	mbedtls_ctr_drbg_init(&drbg);
	mbedtls_ecp_group_init(&grp);
	return mbedtls_ctr_drbg_seed(
		       &drbg, mbedtls_entropy_func, &entropy, NULL, 0) ||
	       mbedtls_ecp_group_load(&grp, MBEDTLS_ECP_DP_CURVE25519);
}

static int tear_down(void **state)
{
	(void)state;
	mbedtls_ecp_group_free(&grp);
	mbedtls_ctr_drbg_free(&drbg);
	mbedtls_entropy_free(&entropy);
	return 0;
}

static void from_hex(uint8_t ret[CURVE_LEN], const char *hex)
{
	assert_int_equal(strlen(hex), 2 * CURVE_LEN);
	for (unsigned i = 0; i < CURVE_LEN; i++) {
		unsigned byte;

		assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
		ret[i] = (uint8_t)byte;
	}
}

static void expect(const char *scalar, const char *point, const char *result)
{
	uint8_t k[CURVE_LEN], u[CURVE_LEN], want[CURVE_LEN], got[CURVE_LEN];

	from_hex(k, scalar);
	from_hex(u, point);
	from_hex(want, result);
	assert_true(curve_x25519(got, k, u));
	assert_memory_equal(got, want, sizeof(got));
}

/* RFC 7748 section 5.2. */
static void vectors(void **state)
{
	(void)state;
	expect("a546e36bf0527c9d3b16154b82465edd"
	       "62144c0ac1fc5a18506a2244ba449ac4",
		"e6db6867583030db3594c1a424b15f7c"
		"726624ec26b3353b10a903a6d0ab1c4c",
		"c3da55379de9c6908e94ea4df28d084f"
		"32eccf03491c71f754b4075577a28552");
	expect("4b66e9d4d1b4673c5ad22691957d6af5"
	       "c11b6421e0ea01d42ca4169e7918ba0d",
		"e5210f12786811d3f4b7959d0538ae2c"
		"31dbe7106fc03c3efc4cd549c715a493",
		"95cbde9476e8907d7aade45cb4b873f8"
		"8b595a68799fa152e6f8f7647aac7957");
}

/* The same section: each result is the next scalar, each scalar the next point.
 */
static void iterated(void **state)
{
	uint8_t k[CURVE_LEN] = { 9 }, u[CURVE_LEN] = { 9 };
	uint8_t once[CURVE_LEN], often[CURVE_LEN], r[CURVE_LEN];

	(void)state;
	from_hex(once, "422c8e7a6227d7bca1350b3e2bb7279f"
		       "7897b87bb6854b783c60e80311ae3079");
	from_hex(often, "684cf59ba83309552800ef566f2f4d3c"
			"1c3887c49360e3875f2eb94d99532c51");
	for (unsigned i = 0; i < 1000; i++) {
		assert_true(curve_x25519(r, k, u));
		memcpy(u, k, sizeof(u));
		memcpy(k, r, sizeof(k));
		if (i == 0)
			assert_memory_equal(k, once, sizeof(k));
	}
	assert_memory_equal(k, often, sizeof(k));
}

/* mbedTLS's result. False: it does not take the point. */
static bool oracle(uint8_t ret[CURVE_LEN], const uint8_t scalar[CURVE_LEN],
	const uint8_t point[CURVE_LEN])
{
	uint8_t k[CURVE_LEN];
	mbedtls_ecp_point p, q;
	mbedtls_mpi d;
	size_t len;
	int err;

	memcpy(k, scalar, sizeof(k));
	k[0] &= 248;
	k[31] = (k[31] & 127) | 64;
	mbedtls_ecp_point_init(&p);
	mbedtls_ecp_point_init(&q);
	mbedtls_mpi_init(&d);
	err = mbedtls_mpi_read_binary_le(&d, k, sizeof(k));
	if (err == 0)
		err = mbedtls_ecp_point_read_binary(&grp, &p, point, CURVE_LEN);
	if (err == 0)
		err = mbedtls_ecp_mul(
			&grp, &q, &d, &p, mbedtls_ctr_drbg_random, &drbg);
	if (err == 0)
		err = mbedtls_ecp_point_write_binary(&grp, &q,
			MBEDTLS_ECP_PF_UNCOMPRESSED, &len, ret, CURVE_LEN);
	mbedtls_ecp_point_free(&p);
	mbedtls_ecp_point_free(&q);
	mbedtls_mpi_free(&d);
	return err == 0;
}

static void compare(const uint8_t k[CURVE_LEN], const uint8_t u[CURVE_LEN])
{
	uint8_t want[CURVE_LEN], got[CURVE_LEN];

	assert_true(curve_x25519(got, k, u));
	assert_true(oracle(want, k, u));
	assert_memory_equal(got, want, sizeof(got));
}

static void same_as_mbedtls(void **state)
{
	static const uint8_t nine[CURVE_LEN] = { 9 };
	uint8_t k[CURVE_LEN], u[CURVE_LEN], got[CURVE_LEN];

	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		mbedtls_ctr_drbg_random(&drbg, k, sizeof(k));
		mbedtls_ctr_drbg_random(&drbg, u, sizeof(u));
		compare(k, u);
		compare(k, nine);
		assert_true(curve_x25519_public(got, k));
		assert_true(curve_x25519(u, k, nine));
		assert_memory_equal(got, u, sizeof(got));
	}
}

/* The point's highest bit does not count, and p + n is n. */
static void names_of_a_point(void **state)
{
	uint8_t k[CURVE_LEN] = { 77 }, u[CURVE_LEN] = { 9 };
	uint8_t a[CURVE_LEN], b[CURVE_LEN];

	(void)state;
	assert_true(curve_x25519(a, k, u));
	u[31] |= 0x80;
	assert_true(curve_x25519(b, k, u));
	assert_memory_equal(a, b, sizeof(a));
	memset(u, 0xff, sizeof(u));
	u[0] = 0xed + 9;
	u[31] = 0x7f;
	assert_true(curve_x25519(b, k, u));
	assert_memory_equal(a, b, sizeof(a));
}

static void low_order_gives_no_secret(void **state)
{
	static const char *const points[] = {
		"00000000000000000000000000000000"
		"00000000000000000000000000000000",
		"01000000000000000000000000000000"
		"00000000000000000000000000000000",
		"e0eb7a7c3b41b8ae1656e3faf19fc46a"
		"da098deb9c32b1fd866205165f49b800",
		"5f9c95bca3508c24b1d0b1559c83ef5b"
		"04445cc4581c8e86d8224eddd09f1157",
		"ecffffffffffffffffffffffffffffff"
		"ffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffff"
		"ffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffff"
		"ffffffffffffffffffffffffffffff7f",
	};
	uint8_t k[CURVE_LEN], u[CURVE_LEN], r[CURVE_LEN];

	(void)state;
	for (unsigned i = 0; i < sizeof(points) / sizeof(*points); i++) {
		mbedtls_ctr_drbg_random(&drbg, k, sizeof(k));
		from_hex(u, points[i]);
		assert_false(curve_x25519(r, k, u));
	}
}

/* The base point, as FIPS 186-4 D.1.2.3 has it; its number is 1. */
static const uint8_t base[CURVE_POINT] = { 0x04, 0x6b, 0x17, 0xd1, 0xf2, 0xe1,
	0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77,
	0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8,
	0x98, 0xc2, 0x96, 0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e,
	0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33, 0x57, 0x6b,
	0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5 };
static const uint8_t one[CURVE_LEN] = { [CURVE_LEN - 1] = 1 };

static void is_all_there(void **state)
{
	struct curve_key *own = curve_key_new(base, one);
	struct curve_key *peer = curve_key_new(base, NULL);

	(void)state;
	assert_true(curve_check(own));
	/* That is no key of ours. */
	assert_false(curve_check(peer));
	curve_key_free(own);
	curve_key_free(peer);
}

static void signs_and_verifies(void **state)
{
	uint8_t hash[32] = { 1 }, sig[CURVE_SIGNATURE];
	struct curve_key *own = curve_key_new(base, one);
	struct curve_key *peer = curve_key_new(base, NULL);
	size_t len = 0;

	(void)state;
	assert_non_null(own);
	assert_non_null(peer);
	for (unsigned i = 0; i < 200; i++) {
		hash[1] = (uint8_t)i;
		assert_true(curve_sign(own, hash, 32, sig, &len));
		assert_in_range(len, 8, CURVE_SIGNATURE);
		assert_true(curve_verify(peer, hash, 32, sig, len));
		hash[2] ^= 1;
		assert_false(curve_verify(peer, hash, 32, sig, len));
	}
	/* Without its number nobody signs. */
	assert_false(curve_sign(peer, hash, 32, sig, &len));
	curve_key_free(own);
	curve_key_free(peer);
}

/* Attack: a point elsewhere, where secrets and signatures prove nothing. */
static void points_off_the_curve_are_refused(void **state)
{
	uint8_t point[CURVE_POINT];

	(void)state;
	for (unsigned i = 0; i < CURVE_POINT; i++) {
		memcpy(point, base, sizeof(point));
		point[i] ^= 1;
		assert_null(curve_key_new(point, NULL));
	}
	memset(point + 1, 0, sizeof(point) - 1);
	assert_null(curve_key_new(point, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors),
		cmocka_unit_test(iterated),
		cmocka_unit_test(same_as_mbedtls),
		cmocka_unit_test(names_of_a_point),
		cmocka_unit_test(low_order_gives_no_secret),
		cmocka_unit_test(is_all_there),
		cmocka_unit_test(signs_and_verifies),
		cmocka_unit_test(points_off_the_curve_are_refused),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
