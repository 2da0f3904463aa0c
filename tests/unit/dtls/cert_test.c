#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <mbedtls/x509_crt.h>
#include "dtls/fingerprint.h"
#include "dtls/mbed.h"

enum { NOW_S = 1795500000 }; /* 2026-11-24 06:00 UTC */

static void is_p256_and_signed_by_itself(void **state)
{
	struct cert *c = cert_new(NOW_S);
	uint32_t flags = 0;

	(void)state;
	assert_non_null(c);
	assert_int_equal(mbedtls_pk_get_type(&c->crt.pk), MBEDTLS_PK_ECKEY);
	assert_int_equal(mbedtls_pk_get_bitlen(&c->crt.pk), 256);
	/* The clock of the machine is not NOW_S: dates are looked at below. */
	mbedtls_x509_crt_verify(
		&c->crt, &c->crt, NULL, NULL, &flags, NULL, NULL);
	assert_int_equal(flags & ~(uint32_t)(MBEDTLS_X509_BADCERT_EXPIRED |
					     MBEDTLS_X509_BADCERT_FUTURE),
		0);
	cert_free(c);
}

/* RFC 5758 section 3.2: "the AlgorithmIdentifier MUST omit the parameters". */
static void signature_algorithm_has_no_parameters(void **state)
{
	static const uint8_t oid[] = { 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03,
		0x02 };
	struct cert *c = cert_new(NOW_S);
	const uint8_t *at = c->crt.raw.p, *end = at + c->crt.raw.len;
	unsigned found = 0;

	(void)state;
	while ((at = memmem(at, (size_t)(end - at), oid, sizeof(oid)))) {
		/* SEQUENCE of just this OBJECT IDENTIFIER */
		assert_memory_equal(at - 4, "\x30\x0a\x06\x08", 4);
		at += sizeof(oid);
		found++;
	}
	assert_int_equal(found, 2);
	cert_free(c);
}

static void has_the_dates(void **state)
{
	struct cert *c = cert_new(NOW_S);

	(void)state;
	assert_int_equal(c->crt.valid_from.year, 2026);
	assert_int_equal(c->crt.valid_from.mon, 11);
	assert_int_equal(c->crt.valid_from.day, 23);
	assert_int_equal(c->crt.valid_from.hour, 6);
	assert_int_equal(c->crt.valid_to.year, 2027);
	assert_int_equal(c->crt.valid_to.mon, 11);
	assert_int_equal(c->crt.valid_to.day, 24);
	cert_free(c);
	c = cert_new(0); /* a machine without a clock */
	assert_non_null(c);
	assert_int_equal(c->crt.valid_from.year, 1970);
	cert_free(c);
	assert_null(cert_new(UINT64_MAX / 2));
}

static void fingerprint_is_its_own(void **state)
{
	struct cert *a = cert_new(NOW_S), *b = cert_new(NOW_S);
	struct fingerprint f;

	(void)state;
	assert_int_equal(strlen(cert_fingerprint(a)), 95);
	assert_int_equal(
		fingerprint_parse(&f, "sha-256", cert_fingerprint(a)), 0);
	assert_true(fingerprint_matches(&f, a->crt.raw.p, a->crt.raw.len));
	assert_false(fingerprint_matches(&f, b->crt.raw.p, b->crt.raw.len));
	assert_string_not_equal(cert_fingerprint(a), cert_fingerprint(b));
	cert_free(a);
	cert_free(b);
}

static void random_fills_all(void **state)
{
	static uint8_t a[5000], b[5000];
	struct cert *c = cert_new(NOW_S);
	unsigned ones = 0;

	(void)state;
	assert_int_equal(cert_random(c, a, sizeof(a)), 0);
	assert_int_equal(cert_random(c, b, sizeof(b)), 0);
	assert_memory_not_equal(a, b, sizeof(a));
	assert_memory_not_equal(a + 4984, b + 4984, 16);
	for (size_t i = 0; i < sizeof(a); i++)
		ones += (unsigned)__builtin_popcount(a[i]);
	assert_in_range(ones, 19000, 21000); /* 10 deviations of 100 */
	cert_free(c);
}

static void free_takes_null(void **state)
{
	(void)state;
	assert_null(cert_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_p256_and_signed_by_itself),
		cmocka_unit_test(signature_algorithm_has_no_parameters),
		cmocka_unit_test(has_the_dates),
		cmocka_unit_test(fingerprint_is_its_own),
		cmocka_unit_test(random_fills_all),
		cmocka_unit_test(free_takes_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
