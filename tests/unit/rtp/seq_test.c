#include "check.h"
#include "rtp/seq.h"

static void compares_modulo(void **state)
{
	static const struct {
		uint16_t a, b;
		bool newer;
	} t[] = {
		{ 1, 0, true },
		{ 0, 1, false },
		{ 5, 5, false },
		{ 0, 65535, true },
		{ 65535, 0, false },
		{ 32767, 0, true },
		{ 32768, 0, false }, /* exactly half: nobody is newer */
		{ 0, 32768, false },
		{ 32769, 0, false },
		{ 100, 65500, true },
	};

	(void)state;
	for (unsigned i = 0; i < COUNT(t); i++)
		assert_int_equal(seq_newer(t[i].a, t[i].b), t[i].newer);
}

static void unwraps_to_nearest(void **state)
{
	static const struct {
		uint64_t last;
		uint16_t seq;
		uint64_t want;
	} t[] = {
		{ 65536, 0, 65536 },
		{ 65536, 1, 65537 },
		{ 65536, 65535, 65535 },
		{ 131071, 0, 131072 },
		{ 131072, 65535, 131071 },
		{ 65536, 32767, 65536 + 32767 },
		{ 65536, 32768, 32768 },
		{ UINT64_C(1) << 48, 65535, (UINT64_C(1) << 48) - 1 },
	};

	(void)state;
	for (unsigned i = 0; i < COUNT(t); i++)
		assert_int_equal(seq_unwrap(t[i].last, t[i].seq), t[i].want);
}

static void unwraps_a_long_stream(void **state)
{
	uint64_t last = 65536 + 65533;

	(void)state;
	for (unsigned i = 0; i < 300000; i++) {
		uint64_t next = seq_unwrap(last, (uint16_t)(65534 + i));

		assert_int_equal(next, last + 1);
		last = next;
	}
}

static void unwraps_timestamps(void **state)
{
	uint64_t circle = UINT64_C(1) << 32;

	(void)state;
	assert_int_equal(ts_unwrap(circle, 0xffffffff), circle - 1);
	assert_int_equal(ts_unwrap(2 * circle - 1, 0), 2 * circle);
	assert_int_equal(ts_unwrap(circle + 5, 5), circle + 5);
	assert_int_equal(ts_unwrap(circle, 0x7fffffff), circle + 0x7fffffff);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compares_modulo),
		cmocka_unit_test(unwraps_to_nearest),
		cmocka_unit_test(unwraps_a_long_stream),
		cmocka_unit_test(unwraps_timestamps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
