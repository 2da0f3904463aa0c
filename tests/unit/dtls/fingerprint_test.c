#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "dtls/fingerprint.h"

/* SHA-256 of "abc" (FIPS 180-2 appendix B.1). */
#define ABC                                                                    \
	"BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:5D:AE:22:23:"                     \
	"B0:03:61:A3:96:17:7A:9C:B4:10:FF:61:F2:00:15:A"
#define X16 "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff"

static void parses_table(void **state)
{
	static const struct {
		const char *name, *hex;
		int want;
		size_t len;
	} rows[] = {
		{ "sha-256", ABC "D", 0, 32 },
		{ "SHA-256", ABC "d", 0, 32 },
		{ "sha-384", X16 ":" X16 ":" X16, 0, 48 },
		{ "sha-512", X16 ":" X16 ":" X16 ":" X16, 0, 64 },
		{ "sha-1",
			"00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:"
			"00:11:22:33",
			-ENOTSUP, 0 },
		{ "sha-224", ABC "D", -ENOTSUP, 0 },
		{ "md5", X16, -ENOTSUP, 0 },
		{ "", ABC "D", -ENOTSUP, 0 },
		{ "sha-256 ", ABC "D", -ENOTSUP, 0 },
		{ "sha-256", ABC, -EINVAL, 0 },
		{ "sha-256", ABC "D:", -EINVAL, 0 },
		{ "sha-256", ABC "G", -EINVAL, 0 },
		{ "sha-256", "", -EINVAL, 0 },
		{ "sha-512", ABC "D", -EINVAL, 0 },
		{ "sha-256", X16 "-" X16, -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fingerprint f = { .len = 0 };

		assert_int_equal(
			fingerprint_parse(&f, rows[i].name, rows[i].hex),
			rows[i].want);
		assert_int_equal(f.len, rows[i].len);
	}
}

static void matches(void **state)
{
	struct fingerprint f;

	(void)state;
	assert_int_equal(fingerprint_parse(&f, "sha-256", ABC "D"), 0);
	assert_true(fingerprint_matches(&f, (const uint8_t *)"abc", 3));
	assert_false(fingerprint_matches(&f, (const uint8_t *)"abd", 3));
	assert_false(fingerprint_matches(&f, (const uint8_t *)"abc", 2));
	f.hash[31] ^= 1; /* the last byte counts */
	assert_false(fingerprint_matches(&f, (const uint8_t *)"abc", 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_table),
		cmocka_unit_test(matches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
