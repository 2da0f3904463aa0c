#include "http/sign.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

/* RFC 4231, test cases 1, 2, 3, 6. */
static void test_vectors(void **state)
{
	unsigned char aa[131], dd[50], b[20];
	char got[SIGN_HEX + 1];
	const char *six = "Test Using Larger Than Block-Size Key - Hash Key "
			  "First";

	(void)state;
	memset(aa, 0xaa, sizeof(aa));
	memset(dd, 0xdd, sizeof(dd));
	memset(b, 0x0b, sizeof(b));
	assert_int_equal(sign_hex(b, sizeof(b),
				 &(struct sign_part){ "Hi There", 8 }, 1, got),
		0);
	assert_string_equal(got, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833"
				 "da726e9376c2e32cff7");
	assert_int_equal(sign_hex("Jefe", 4,
				 &(struct sign_part){
					 "what do ya want for nothing?", 28 },
				 1, got),
		0);
	assert_string_equal(got, "5bdcc146bf60754e6a042426089575c75a003f089d273"
				 "9839dec58b964ec3843");
	assert_int_equal(
		sign_hex(aa, 20, &(struct sign_part){ dd, sizeof(dd) }, 1, got),
		0);
	assert_string_equal(got, "773ea91e36800e46854db8ebd09181a72959098b3ef8c"
				 "122d9635514ced565fe");
	assert_int_equal(
		sign_hex(aa, sizeof(aa),
			&(struct sign_part){ six, strlen(six) }, 1, got),
		0);
	assert_string_equal(got, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c"
				 "5140546040f0ee37f54");
}

static void test_parts_are_one_text(void **state)
{
	const struct sign_part one = { "1795000000.{}", 13 };
	const struct sign_part three[] = { { "1795000000", 10 }, { ".", 1 },
		{ "{}", 2 } };
	char a[SIGN_HEX + 1], b[SIGN_HEX + 1];

	(void)state;
	assert_int_equal(sign_hex("k", 1, &one, 1, a), 0);
	assert_int_equal(sign_hex("k", 1, three, 3, b), 0);
	assert_string_equal(a, b);
	assert_int_equal(sign_hex("l", 1, three, 3, b), 0);
	assert_string_not_equal(a, b);
}

static void test_same(void **state)
{
	(void)state;
	assert_true(sign_same("abc", "abc"));
	assert_true(sign_same("", ""));
	assert_false(sign_same("abd", "abc"));
	assert_false(sign_same("ab", "abc"));
	assert_false(sign_same("abca", "abc"));
	assert_false(sign_same("abcabc", "abc"));
	assert_false(sign_same("", "abc"));
	assert_false(sign_same("abc", ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_parts_are_one_text),
		cmocka_unit_test(test_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
