/* Timestamps of one rewriter. */
#include "check.h"
#include "rtp/rewrite.h"

enum { BASE = 100000 }; /* where sources start */

static uint32_t send_one(
	struct rewrite *r, uint64_t now_us, uint64_t in, uint32_t in_ts)
{
	uint16_t seq;
	uint32_t ts = 0;

	assert_true(rewrite_packet(r, now_us, in, in_ts, &seq, &ts));
	return ts;
}

static void timestamps_start_as_told(void **state)
{
	struct rewrite r;

	(void)state;
	rewrite_init(&r, 90000, 10, 4000000000u);
	assert_int_equal(send_one(&r, 5000000, BASE, 123), 4000000000u);
	/* Afterwards they follow the source, not the clock. */
	assert_int_equal(
		send_one(&r, 9000000, BASE + 1, 123 + 3000), 4000003000u);
	assert_int_equal(r.ts_offset, 4000000000u - 123);
}

static void timestamps_cross_a_switch_by_wall_time(void **state)
{
	static const struct {
		uint32_t clock_hz;
		uint64_t us;
		uint32_t advance;
	} t[] = {
		{ 90000, 33333, 2999 },
		{ 90000, 1000000, 90000 },
		{ 48000, 20000, 960 },
		{ 90000, 11, 1 }, /* less than a unit */
		{ 90000, 0, 1 },
		{ 8000, 125, 1 },
		{ 90000, UINT64_C(3600000000), 324000000 },
		/* Seven hours of 90 kHz are more than half the circle. */
		{ 90000, UINT64_C(25200000000), INT32_MAX },
		{ 90000, UINT64_MAX / 2, INT32_MAX },
		{ 0, 1000000, 1 },
	};

	(void)state;
	for (unsigned i = 0; i < COUNT(t); i++) {
		struct rewrite r;
		uint32_t before, after;

		rewrite_init(&r, t[i].clock_hz, 10, UINT32_MAX);
		before = send_one(&r, 7000, BASE, 0xfffffff0);
		rewrite_switch(&r, 7000 + t[i].us, 5 * BASE, 12);
		after = send_one(&r, 7000 + t[i].us, 5 * BASE, 12);
		assert_int_equal(after - before, t[i].advance);
		assert_int_equal(send_one(&r, 7000 + t[i].us, 5 * BASE + 1, 22),
			after + 10);
	}
}

static void a_clock_that_goes_back_advances_by_one(void **state)
{
	struct rewrite r;
	uint32_t ts;

	(void)state;
	rewrite_init(&r, 90000, 10, 0);
	ts = send_one(&r, 1000000, BASE, 500);
	rewrite_switch(&r, 10, BASE, 900);
	assert_int_equal(send_one(&r, 10, BASE, 900), ts + 1);
}

/* A picture's packets leave over some time; its timestamp is from the first. */
static void wall_time_counts_from_the_picture(void **state)
{
	struct rewrite r;
	uint32_t ts;

	(void)state;
	rewrite_init(&r, 90000, 10, 0);
	send_one(&r, 1000000, BASE, 500);
	ts = send_one(&r, 1030000, BASE + 1, 3500);
	send_one(&r, 1040000, BASE + 2, 3500);
	rewrite_switch(&r, 1060000, 7, 0);
	assert_int_equal(send_one(&r, 1060000, 7, 0), ts + 2700);
}

/* A late packet must not turn back what the next switch starts from. */
static void late_packets_do_not_turn_time_back(void **state)
{
	struct rewrite r;
	uint32_t ts;

	(void)state;
	rewrite_init(&r, 90000, 10, 0);
	send_one(&r, 1000000, BASE, 500);
	ts = send_one(&r, 1010000, BASE + 5, 9500);
	assert_int_equal(send_one(&r, 1015000, BASE + 2, 3500), ts - 6000);
	rewrite_switch(&r, 1020000, 7, 0);
	assert_int_equal(send_one(&r, 1020000, 7, 0), ts + 900);
}

/* Attack 46: passed on as it came, and the next switch goes on from there. */
/* What is past is drawn together, the same however often it is asked for and
 * whatever is dropped; what comes then is not. */
static void what_hurries_is_drawn_together(void **state)
{
	struct rewrite r;
	uint32_t first, last, sent[20];
	uint32_t in_ts = 0xffffff00;

	(void)state;
	rewrite_init(&r, 90000, 10, 1000);
	first = send_one(&r, 1000000, BASE, in_ts);
	rewrite_switch(&r, 2000000, 5 * BASE, in_ts);
	sent[0] = send_one(&r, 2000000, 5 * BASE, in_ts);
	assert_int_equal(sent[0] - first, 90000);
	rewrite_hurry(&r, in_ts, 5 * BASE + 19, in_ts + 19 * 3200);
	for (unsigned i = 1; i < 20; i++) {
		sent[i] = send_one(&r, 2000000, 5 * BASE + i, in_ts + i * 3200);
		assert_int_equal(sent[i] - sent[0], i * 100);
	}
	/* Of the last picture, and the next. */
	last = send_one(&r, 2000000, 5 * BASE + 20, in_ts + 19 * 3200);
	assert_int_equal(last, sent[19]);
	last = send_one(&r, 2040000, 5 * BASE + 21, in_ts + 20 * 3200);
	assert_int_equal(last - sent[19], 3200);
	assert_int_equal(r.ts_offset, last - (in_ts + 20 * 3200));
	/* Enough runs of drops that the oldest are forgotten. */
	for (unsigned i = 0; i < REWRITE_DROPS + 4; i++) {
		rewrite_drop(&r, 5 * BASE + 30 + 2 * i);
		send_one(&r, 2040000, 5 * BASE + 31 + 2 * i, in_ts + 64000);
	}
	assert_int_equal(r.hurry, 0);
	last = send_one(&r, 2050000, 5 * BASE + 200, in_ts + 64000);
	assert_int_equal(last - sent[19], 3200);
	for (unsigned i = 0; i < 20; i++)
		assert_true(sent[i] - sent[0] == i * 100);
}

static void what_hurries_is_mapped_again(void **state)
{
	struct rewrite r;
	uint32_t at;

	(void)state;
	rewrite_init(&r, 90000, 10, 1000);
	send_one(&r, 1000000, BASE, 0);
	rewrite_hurry(&r, 0, BASE + 9, 9 * 3200);
	for (unsigned round = 0; round < 2; round++)
		for (unsigned i = 0; i < 10; i++) {
			at = send_one(&r, 1000000, BASE + i, i * 3200);
			assert_int_equal(at, 1000 + i * 100);
		}
	/* Another stretch knows nothing of it. */
	rewrite_switch(&r, 2000000, BASE + 3, 3 * 3200);
	at = send_one(&r, 2000000, BASE + 3, 3 * 3200);
	assert_int_equal(send_one(&r, 2000000, BASE + 4, 4 * 3200) - at, 3200);
	/* Nor one of no length. */
	rewrite_hurry(&r, 5, BASE + 9, 5);
	assert_int_equal(r.hurry, 0);
}

static void jumps_of_the_timestamp(void **state)
{
	static const uint32_t jumps[] = { 0x7fffffff, 0x80000000, 0xffffffff, 1,
		0xc0000000 };

	(void)state;
	for (unsigned i = 0; i < COUNT(jumps); i++) {
		struct rewrite r;
		uint32_t ts;

		rewrite_init(&r, 90000, 10, 33);
		ts = send_one(&r, 0, BASE, 500);
		assert_int_equal(send_one(&r, 0, BASE + 1, 500 + jumps[i]),
			(uint32_t)(ts + jumps[i]));
		ts += jumps[i];
		rewrite_switch(&r, 10000, 9, 4000);
		assert_int_equal(
			send_one(&r, 10000, 9, 4000), (uint32_t)(ts + 900));
	}
}

static void a_jump_of_numbers_takes_wall_time(void **state)
{
	struct rewrite r;
	uint32_t ts;

	(void)state;
	rewrite_init(&r, 90000, 10, 33);
	ts = send_one(&r, 0, BASE, 500);
	assert_int_equal(
		send_one(&r, 1000000, BASE + 30000, 0xdeadbeef), ts + 90000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timestamps_start_as_told),
		cmocka_unit_test(timestamps_cross_a_switch_by_wall_time),
		cmocka_unit_test(a_clock_that_goes_back_advances_by_one),
		cmocka_unit_test(wall_time_counts_from_the_picture),
		cmocka_unit_test(late_packets_do_not_turn_time_back),
		cmocka_unit_test(what_hurries_is_drawn_together),
		cmocka_unit_test(what_hurries_is_mapped_again),
		cmocka_unit_test(jumps_of_the_timestamp),
		cmocka_unit_test(a_jump_of_numbers_takes_wall_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
