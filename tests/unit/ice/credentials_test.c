#include "ice/credentials.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_make(void **state)
{
	struct ice_credentials c;
	uint8_t random[24] = { 0 };

	(void)state;
	ice_credentials_make(&c, random);
	assert_string_equal(c.ufrag, "AAAAAAAA");
	assert_string_equal(c.pwd, "AAAAAAAAAAAAAAAAAAAAAAAA");
	memset(random, 0xff, 6);
	ice_credentials_make(&c, random);
	assert_string_equal(c.ufrag, "////////");
	/* The alphabet is base64's: its test vector. */
	memcpy(random + 6, "foobarfoobarfoobar", 18);
	ice_credentials_make(&c, random);
	assert_string_equal(c.pwd, "Zm9vYmFyZm9vYmFyZm9vYmFy");
}

/* Each of the 24 bytes matters, and own credentials pass the peer's check. */
static void test_make_uses_all(void **state)
{
	struct ice_credentials plain, other;
	struct ice_remote taken, before = { 0, 0 };
	uint8_t random[24] = { 0 };

	(void)state;
	ice_credentials_make(&plain, random);
	for (unsigned i = 0; i < sizeof(random); i++) {
		random[i] = (uint8_t)(i + 1);
		ice_credentials_make(&other, random);
		assert_memory_not_equal(&plain, &other, sizeof(plain));
		assert_int_equal(
			ice_credentials_take(&taken, other.ufrag, other.pwd),
			0);
		assert_int_equal(taken.ufrag_len, ICE_UFRAG_LEN);
		if (i < 6)
			assert_true(taken.ufrag_mark != before.ufrag_mark);
		before = taken;
		random[i] = 0;
	}
}

static void test_fit(void **state)
{
	static const struct {
		const char *local, *remote, *username;
		bool fits;
	} table[] = {
		{ "abcd", "efgh", "abcd:efgh", true },
		{ "abcd", "efgh", "abcd:efgx", false },
		{ "abcd", "efgh", "abcd:efghi", false },
		{ "abcd", "efgh", "abcd:efg", false },
		{ "abcd", "efgh", "abcd:", false },
		{ "abcd", "efgh", "abcd", false },
		{ "abcd", "efgh", "abcx:efgh", false },
		{ "abcd", "efgh", "abcdefgh", false },
		{ "abcd", "efgh", "efgh:abcd", false },
		{ "abcd", "efgh", "", false },
		{ "abcd", "", "abcd:anything", true },
		{ "abcd", "", "abcd:", false },
		{ "", "", ":x", false },
		{ "", "efgh", ":efgh", false },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct ice_credentials local = { 0 };
		struct ice_remote remote = { 0, 0 };
		bool fits;

		strcpy(local.ufrag, table[i].local);
		if (*table[i].remote)
			assert_int_equal(
				ice_credentials_take(&remote, table[i].remote,
					"passwordpasswordpassword"),
				0);
		fits = ice_credentials_fit(&local, &remote,
			(const uint8_t *)table[i].username,
			strlen(table[i].username));
		if (fits != table[i].fits)
			fail_msg("%s", table[i].username);
	}
}

static void test_mark(void **state)
{
	(void)state;
	/* FNV-1a, 32 bits: its published values for "" and "a". */
	assert_true(
		ice_credentials_mark((const uint8_t *)"", 0) == 0x811c9dc5u);
	assert_true(
		ice_credentials_mark((const uint8_t *)"a", 1) == 0xe40c292cu);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_make),
		cmocka_unit_test(test_make_uses_all),
		cmocka_unit_test(test_fit),
		cmocka_unit_test(test_mark),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
