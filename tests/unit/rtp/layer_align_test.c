#include "check.h"
#include "rtp/layer_align.h"
#include "rtp/rewrite.h"

static const uint64_t second = UINT64_C(1) << 32;

static uint32_t align(uint32_t ts, struct layer_report from,
	struct layer_report to, uint32_t clock_hz)
{
	uint32_t ret = 77;

	assert_true(layer_align(ts, &from, &to, clock_hz, &ret));
	return ret;
}

static void table(void **state)
{
	const uint64_t t = UINT64_C(3900000000) << 32;
	static const struct {
		int64_t apart; /* sixteenths of a second that `from` is later */
		uint32_t from_ts, to_ts, ts, want, clock_hz;
	} rows[] = {
		{ 0, 1000, 5000, 1000, 5000, 90000 },
		{ 0, 1000, 5000, 4000, 8000, 90000 },
		{ 0, 1000, 5000, 900, 4900, 90000 },
		{ 16, 1000, 5000, 1000, 95000, 90000 },
		{ -16, 1000, 500000, 1000, 410000, 90000 },
		{ 8, 0xfffffff0, 16, 0, 45032, 90000 },
		{ -1, 7, 0, 7, UINT32_MAX - 5624, 90000 },
		{ 16, 0, 0, 0, 48000, 48000 },
		{ 14399, 0, 0, 0, 80994375, 90000 },
		{ -14399, 0, 80994375, 0, 0, 90000 },
	};

	(void)state;
	for (unsigned i = 0; i < COUNT(rows); i++) {
		uint64_t apart =
			(uint64_t)(rows[i].apart * (int64_t)second / 16);
		struct layer_report from = { t + apart, rows[i].from_ts };
		struct layer_report to = { t, rows[i].to_ts };

		assert_int_equal(align(rows[i].ts, from, to, rows[i].clock_hz),
			rows[i].want);
	}
}

/* There and back again, wherever the clocks began. */
static void both_ways(void **state)
{
	uint64_t seed = 5;

	(void)state;
	for (unsigned i = 0; i < 100000; i++) {
		struct layer_report a = { next_random(&seed) | 1,
			(uint32_t)next_random(&seed) };
		struct layer_report b = { a.ntp, (uint32_t)next_random(&seed) };
		uint64_t apart = next_random(&seed) % (900 * second);
		uint32_t ts = (uint32_t)next_random(&seed);
		bool later = apart & 1;

		if (later ? a.ntp > UINT64_MAX - apart : a.ntp <= apart)
			continue;
		b.ntp = later ? a.ntp + apart : a.ntp - apart;
		assert_int_equal(
			align(align(ts, a, b, 90000), b, a, 90000), ts);
	}
}

static void not_without_reports(void **state)
{
	static const struct layer_report none, some = { 1000, 5 };
	struct layer_report far = { 1000 + 900 * (UINT64_C(1) << 32), 5 };
	uint32_t ret = 77;

	(void)state;
	assert_false(layer_align(1, &none, &some, 90000, &ret));
	assert_false(layer_align(1, &some, &none, 90000, &ret));
	assert_false(layer_align(1, &some, &far, 90000, &ret));
	assert_false(layer_align(1, &far, &some, 90000, &ret));
	assert_int_equal(ret, 77);
	far.ntp--;
	assert_true(layer_align(1, &far, &some, 90000, &ret));
}

/* Two layers of one camera, 30 pictures a second, whose packets come with
 * jitter: over the switch the pictures keep their distance. */
static void a_switch_keeps_the_distance(void **state)
{
	static const struct {
		uint32_t old_ts, new_ts; /* of pictures, in ticks of capture */
		uint64_t us;             /* between their arrivals */
		uint32_t want;
	} t[] = {
		{ 3000, 6000, 33333, 3000 },
		{ 3000, 6000, 90000, 3000 },
		{ 3000, 6000, 0, 3000 },
		{ 3000, 9000, 1000, 6000 },
		/* Both layers have it, or the new one is a little behind. */
		{ 6000, 6000, 1000, 1 },
		{ 6000, 3000, 1000, 1 },
		/* Reports that cannot be right: wall time. */
		{ 3000, 96000, 10000, 900 },
		{ 96000, 3000, 10000, 900 },
		{ 3000, 93000, 10000, 90000 },
	};
	const struct layer_report a = { 77 * second, 1000 };
	const struct layer_report b = { 78 * second, 4000000000u };

	(void)state;
	for (unsigned i = 0; i < COUNT(t); i++) {
		uint32_t from = a.ts + t[i].old_ts, first, out, aligned;
		uint32_t to = b.ts - 90000 + t[i].new_ts;
		struct rewrite r;
		uint16_t seq;

		rewrite_init(&r, 90000, 5, 0xfffffff0);
		assert_true(rewrite_packet(&r, 1000, 9, from, &seq, &first));
		aligned = align(to, b, a, 90000) + r.ts_offset;
		rewrite_switch_at(&r, 1000 + t[i].us, 500, to, aligned);
		assert_true(rewrite_packet(
			&r, 1000 + t[i].us, 500, to, &seq, &out));
		assert_int_equal(seq, 6);
		if (out - first != t[i].want)
			fail_msg("row %u: %u", i, out - first);
	}
}

/* Nothing has gone out yet: the random start stays. */
static void a_first_switch(void **state)
{
	struct rewrite r;
	uint16_t seq;
	uint32_t ts;

	(void)state;
	rewrite_init(&r, 90000, 5, 1234);
	rewrite_switch_at(&r, 1000, 500, 77, 99);
	assert_true(rewrite_packet(&r, 1000, 500, 77, &seq, &ts));
	assert_int_equal(ts, 1234);
	assert_int_equal(seq, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(both_ways),
		cmocka_unit_test(not_without_reports),
		cmocka_unit_test(a_switch_keeps_the_distance),
		cmocka_unit_test(a_first_switch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
