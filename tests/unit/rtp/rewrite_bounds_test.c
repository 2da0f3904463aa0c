/* What one rewriter remembers, and for how long. */
#include "check.h"
#include "rtp/rewrite.h"

enum { BASE = 100000 }; /* where sources start */

/* Every second packet dropped for ever: still gapless, memory bounded, and the
 * numbers asked for are right for as long as they are remembered. */
static void drops_without_end(void **state)
{
	const uint64_t known = REWRITE_DROPS - 1;
	struct rewrite r;
	uint16_t seq, want = 65500;
	uint32_t ts;
	uint64_t in;

	(void)state;
	rewrite_init(&r, 90000, want, 0);
	for (uint64_t i = BASE; i < BASE + 200000; i += 2, want++) {
		assert_true(rewrite_packet(&r, 0, i, 0, &seq, &ts));
		assert_int_equal(seq, want);
		assert_true(r.n_drops <= REWRITE_DROPS);
		if (i >= BASE + 2 * known) {
			assert_true(rewrite_source(
				&r, (uint16_t)(want - known), &in));
			assert_int_equal(in, i - 2 * known);
		}
		if (i >= BASE + 2 * (known + 3))
			assert_false(rewrite_source(
				&r, (uint16_t)(want - known - 3), &in));
		rewrite_drop(&r, i + 1);
	}
	/* The forgotten are not mapped to a wrong number, but not at all. */
	assert_false(rewrite_packet(&r, 0, BASE + 150000, 0, &seq, &ts));
}

/* A paused stream: hours of one run, which costs one entry. */
static void one_long_run(void **state)
{
	struct rewrite r;
	uint16_t seq;
	uint32_t ts;
	uint64_t in;

	(void)state;
	rewrite_init(&r, 90000, 10, 0);
	assert_true(rewrite_packet(&r, 0, BASE, 0, &seq, &ts));
	for (uint64_t i = 1; i <= 1000000; i++)
		rewrite_drop(&r, BASE + i);
	assert_int_equal(r.n_drops, 1);
	assert_true(rewrite_packet(&r, 0, BASE + 1000001, 0, &seq, &ts));
	assert_int_equal(seq, 11);
	assert_true(rewrite_source(&r, 10, &in));
	assert_int_equal(in, BASE);
}

/* A stretch of weeks between two drops: the older one is let go, nothing is
 * mapped to a wrong number. */
static void drops_are_weeks_apart(void **state)
{
	const uint64_t weeks = UINT64_C(1) << 32;
	struct rewrite r;
	uint16_t seq;
	uint32_t ts;
	uint64_t in;

	(void)state;
	rewrite_init(&r, 90000, 10, 0);
	assert_true(rewrite_packet(&r, 0, BASE, 0, &seq, &ts));
	rewrite_drop(&r, BASE + 1);
	assert_true(rewrite_packet(&r, 0, BASE + 2, 0, &seq, &ts));
	assert_int_equal(seq, 11);
	/* As if as many had been sent; a multiple of 2^16. */
	r.in_next += weeks;
	r.out_highest += weeks;
	for (uint64_t i = 0; i < 2; i++) {
		uint64_t at = BASE + 3 + weeks + 2 * i;

		rewrite_drop(&r, at);
		assert_int_equal(r.n_drops, 1 + i);
		assert_true(rewrite_packet(&r, 0, at + 1, 0, &seq, &ts));
		assert_int_equal(seq, 12 + i);
		assert_false(rewrite_packet(&r, 0, at, 0, &seq, &ts));
		assert_true(rewrite_source(&r, (uint16_t)(12 + i), &in));
		assert_int_equal(in, at + 1);
	}
	assert_true(rewrite_source(&r, 11, &in));
	assert_int_equal(in, BASE + 2 + weeks);
	assert_false(rewrite_packet(&r, 0, BASE + 2, 0, &seq, &ts));
}

/* Drops announced far ahead of everything sent fill the list too. */
static void drops_ahead_of_all(void **state)
{
	struct rewrite r;
	uint16_t seq;
	uint32_t ts;

	(void)state;
	rewrite_init(&r, 90000, 10, 0);
	assert_true(rewrite_packet(&r, 0, BASE, 0, &seq, &ts));
	for (uint64_t i = 2; i < 2 * 300; i += 2)
		rewrite_drop(&r, BASE + i);
	assert_int_equal(r.n_drops, REWRITE_DROPS);
	assert_true(rewrite_packet(&r, 0, BASE + 599, 0, &seq, &ts));
	assert_int_equal(seq, 10 + 300);
	assert_true(rewrite_packet(&r, 0, BASE + 597, 0, &seq, &ts));
	assert_int_equal(seq, 10 + 299);
	assert_false(rewrite_packet(&r, 0, BASE + 1, 0, &seq, &ts));
}

static void numbers_at_the_ends_of_64_bits(void **state)
{
	struct rewrite r;
	uint16_t seq;
	uint32_t ts;
	uint64_t in;

	(void)state;
	rewrite_init(&r, 90000, 0, 0);
	assert_true(rewrite_packet(&r, 0, 0, 0, &seq, &ts));
	assert_int_equal(seq, 0);
	assert_false(rewrite_source(&r, 65535, &in));
	assert_true(rewrite_packet(&r, 0, 1, 0, &seq, &ts));
	assert_int_equal(seq, 1);
	assert_true(rewrite_packet(&r, 0, UINT64_MAX - 1, 0, &seq, &ts));
	assert_int_equal(seq, 2);
	assert_true(rewrite_source(&r, 2, &in));
	assert_int_equal(in, UINT64_MAX - 1);
}

static void nothing_before_the_start(void **state)
{
	struct rewrite r;
	uint64_t in = 5;

	(void)state;
	rewrite_init(&r, 90000, 10, 0);
	assert_false(rewrite_source(&r, 10, &in));
	assert_false(rewrite_source(&r, 9, &in));
	assert_int_equal(in, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(drops_without_end),
		cmocka_unit_test(one_long_run),
		cmocka_unit_test(drops_are_weeks_apart),
		cmocka_unit_test(drops_ahead_of_all),
		cmocka_unit_test(numbers_at_the_ends_of_64_bits),
		cmocka_unit_test(nothing_before_the_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
