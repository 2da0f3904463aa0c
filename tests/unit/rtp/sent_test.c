#include "check.h"
#include "rtp/sent.h"

enum { MS = 1000 };

static struct sent sent;
static uint8_t buf[1200];

static int setup(void **state)
{
	(void)state;
	return sent_init(&sent, 100);
}

static int teardown(void **state)
{
	(void)state;
	sent_done(&sent);
	return 0;
}

static size_t tell(uint16_t base, const uint64_t *at_us, unsigned n)
{
	unsigned told;
	size_t len =
		twcc_build(buf, sizeof(buf), 1, 2, 0, base, at_us, n, &told);

	assert_int_equal(told, n);
	return len;
}

/* Sends n packets of 1,000 bytes, one a millisecond; returns the first
 * number. */
static uint16_t send_some(uint64_t from_us, unsigned n)
{
	uint16_t first = 0;

	for (unsigned i = 0; i < n; i++) {
		uint16_t seq =
			sent_add(&sent, from_us + i * MS, 1000, SENT_VIDEO, 0);

		if (i == 0)
			first = seq;
		assert_int_equal(seq, (uint16_t)(first + i));
	}
	return first;
}

static void fates_and_round_trip(void **state)
{
	const uint64_t at_us[] = { 500 * MS, 0, 502 * MS, 503 * MS };
	struct sent_walk w;
	struct sent_fate f;
	uint16_t first = send_some(100 * MS, 5);
	size_t len = tell(first, at_us, 4);

	(void)state;
	assert_int_equal(sent.in_flight, 5000);
	assert_int_equal(sent_feedback(&sent, 153 * MS, buf, len, &w), 0);
	for (unsigned i = 0; i < 4; i++) {
		assert_true(sent_next(&w, &f));
		assert_int_equal(f.packet.sent_us, (100 + i) * MS);
		assert_int_equal(f.arrived, i != 1);
		assert_false(f.revived);
		if (i == 3)
			assert_int_equal(
				f.arrival_us % (64 * MS), 503 * MS % (64 * MS));
	}
	assert_false(sent_next(&w, &f));
	assert_int_equal(sent.in_flight, 1000);
	assert_int_equal(sent.rtt_us, 50 * MS);
	assert_int_equal(sent.min_rtt_us, 50 * MS);
	assert_int_equal(sent_oldest_us(&sent), 104 * MS);
}

static void what_left_late_was_sent_late(void **state)
{
	const uint64_t at_us[] = { 500 * MS, 520 * MS, 520 * MS };
	const uint64_t sent_us[] = { 100 * MS, 121 * MS, 121 * MS };
	struct sent_walk w;
	struct sent_fate f;
	uint16_t first = send_some(100 * MS, 2);
	size_t len = tell(first, at_us, 3);

	(void)state;
	sent_add(&sent, 101 * MS, 1000, SENT_VIDEO, 0);
	sent_late(&sent, 101 * MS, 20 * MS);
	/* Of another turn. */
	sent_late(&sent, 102 * MS, 30 * MS);
	assert_int_equal(sent_feedback(&sent, 150 * MS, buf, len, &w), 0);
	for (unsigned i = 0; i < 3; i++) {
		assert_true(sent_next(&w, &f));
		assert_int_equal(f.packet.sent_us, sent_us[i]);
	}
	assert_int_equal(sent.last_sent_us, 121 * MS);
	/* What was told of stays as it is. */
	sent_late(&sent, 121 * MS, 20 * MS);
	assert_int_equal(sent.last_sent_us, 121 * MS);
}

static void told_again_only_news_count(void **state)
{
	const uint64_t before[] = { 500 * MS, 0, 502 * MS };
	const uint64_t after[] = { 510 * MS, 502 * MS, 503 * MS };
	struct sent_walk w;
	struct sent_fate f;
	uint16_t first = send_some(100 * MS, 4);
	size_t len = tell(first, before, 3);

	(void)state;
	sent_feedback(&sent, 150 * MS, buf, len, &w);
	while (sent_next(&w, &f))
		;
	len = tell((uint16_t)(first + 1), after, 3);
	sent_feedback(&sent, 160 * MS, buf, len, &w);
	assert_true(sent_next(&w, &f));
	assert_true(f.arrived && f.revived);
	assert_true(sent_next(&w, &f));
	assert_true(f.arrived && !f.revived);
	assert_int_equal(f.packet.sent_us, 103 * MS);
	assert_false(sent_next(&w, &f));
	assert_int_equal(sent.in_flight, 0);
	assert_int_equal(sent_oldest_us(&sent), UINT64_MAX);
}

static void lost_feedback_leaves_nothing_in_flight(void **state)
{
	const uint64_t at_us[] = { 500 * MS, 501 * MS };
	struct sent_walk w;
	struct sent_fate f;
	uint16_t first = send_some(100 * MS, 6);
	size_t len = tell((uint16_t)(first + 4), at_us, 2);

	(void)state;
	assert_int_equal(sent_feedback(&sent, 150 * MS, buf, len, &w), 0);
	assert_int_equal(w.untold_bytes, 4000);
	while (sent_next(&w, &f))
		assert_false(f.untold);
	assert_int_equal(sent.in_flight, 0);
	/* It was only late. */
	len = tell(first, at_us, 2);
	assert_int_equal(sent_feedback(&sent, 160 * MS, buf, len, &w), 0);
	assert_int_equal(w.untold_bytes, 0);
	assert_true(sent_next(&w, &f));
	assert_true(f.arrived && f.untold && !f.revived);
}

static void refuses_what_was_not_sent(void **state)
{
	const uint64_t at_us[] = { 500 * MS, 501 * MS };
	struct sent_walk w;
	uint16_t first = send_some(100 * MS, 1);
	size_t len = tell(first, at_us, 2);

	(void)state;
	assert_int_equal(
		sent_feedback(&sent, 150 * MS, buf, len, &w), -EBADMSG);
	assert_int_equal(sent_feedback(&sent, 150 * MS, buf, 10, &w), -EBADMSG);
	assert_int_equal(sent.in_flight, 1000);
	assert_int_equal(sent.rtt_us, 0);
}

static void forgets_what_is_too_old(void **state)
{
	const uint64_t at_us[] = { 500 * MS, 501 * MS };
	struct sent_walk w;
	struct sent_fate f;
	uint16_t first = send_some(100 * MS, 1000);
	size_t len = tell(first, at_us, 2);

	(void)state;
	/* 100 are rounded up to 128. */
	assert_int_equal(sent.in_flight, 128000);
	assert_int_equal(sent_oldest_us(&sent), (100 + 872) * MS);
	assert_int_equal(sent_feedback(&sent, 1200 * MS, buf, len, &w), 0);
	assert_false(sent_next(&w, &f));
	assert_int_equal(sent.in_flight, 128000);
}

static void numbers_wrap(void **state)
{
	const uint64_t at_us[] = { 500 * MS, 501 * MS };
	struct sent_walk w;
	struct sent_fate f;

	(void)state;
	for (unsigned round = 0; round < 700; round++) {
		uint64_t now_us = (1000 + round * 1000) * UINT64_C(1000);
		uint16_t first = send_some(now_us, 100);
		size_t len = tell((uint16_t)(first + 98), at_us, 2);

		assert_int_equal(
			sent_feedback(&sent, now_us + 120 * MS, buf, len, &w),
			0);
		assert_true(sent_next(&w, &f));
		assert_true(f.arrived);
		assert_int_equal(f.packet.seq, (uint16_t)(first + 98));
		assert_true(sent_next(&w, &f));
		assert_int_equal(sent.in_flight, 0);
	}
}

static void sizes_are_bounded(void **state)
{
	struct sent s = { 0 };

	(void)state;
	assert_int_equal(sent_init(&s, SENT_MAX + 1), -EINVAL);
	sent_done(&s);
	assert_int_equal(sizeof(struct sent_packet), 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			fates_and_round_trip, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_left_late_was_sent_late, setup, teardown),
		cmocka_unit_test_setup_teardown(
			told_again_only_news_count, setup, teardown),
		cmocka_unit_test_setup_teardown(
			lost_feedback_leaves_nothing_in_flight, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			refuses_what_was_not_sent, setup, teardown),
		cmocka_unit_test_setup_teardown(
			forgets_what_is_too_old, setup, teardown),
		cmocka_unit_test_setup_teardown(numbers_wrap, setup, teardown),
		cmocka_unit_test(sizes_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
