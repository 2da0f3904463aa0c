#include "check.h"
#include "rtp/arrival.h"
#include "rtp/twcc.h"

enum { MS = 1000 };

static struct arrival arrival;
static uint8_t buf[1200];

/* Reads one feedback; returns how many of it arrived. */
static unsigned read(size_t len, uint16_t *ret_base, unsigned *ret_count)
{
	struct twcc_walk w;
	struct twcc_status s;
	unsigned n = 0;

	assert_int_equal(twcc_walk_init(&w, buf, len), 0);
	*ret_base = w.base;
	*ret_count = w.count;
	while (twcc_next(&w, &s))
		n += s.received;
	return n;
}

static void tells_at_its_interval(void **state)
{
	uint16_t base;
	unsigned count;
	size_t len;

	(void)state;
	arrival_init(&arrival);
	assert_int_equal(arrival_deadline(&arrival), UINT64_MAX);
	assert_int_equal(arrival_feedback(&arrival, 1, 1, 2, buf, 1200), 0);
	arrival_note(&arrival, 1000 * MS, 65535, 1200);
	assert_int_equal(arrival_deadline(&arrival), 1000 * MS);
	len = arrival_feedback(&arrival, 1000 * MS, 1, 2, buf, 1200);
	assert_int_equal(read(len, &base, &count), 1);
	assert_int_equal(base, 65535);
	assert_int_equal(arrival_deadline(&arrival), UINT64_MAX);
	/* The second is not due before the first's rate is known. */
	arrival_note(&arrival, 1001 * MS, 0, 1200);
	arrival_note(&arrival, 1002 * MS, 3, 1200);
	assert_int_equal(arrival_deadline(&arrival), 1250 * MS);
	assert_int_equal(
		arrival_feedback(&arrival, 1249 * MS, 1, 2, buf, 1200), 0);
	len = arrival_feedback(&arrival, 1250 * MS, 1, 2, buf, 1200);
	assert_int_equal(read(len, &base, &count), 2);
	assert_int_equal(base, 0);
	assert_int_equal(count, 4);
}

static void late_ones_are_told_again(void **state)
{
	uint16_t base;
	unsigned count;
	size_t len;

	(void)state;
	arrival_init(&arrival);
	for (uint16_t seq = 10; seq < 20; seq++)
		if (seq != 15)
			arrival_note(&arrival, 1000 * MS + seq, seq, 1200);
	len = arrival_feedback(&arrival, 1100 * MS, 1, 2, buf, 1200);
	assert_int_equal(read(len, &base, &count), 9);
	arrival_note(&arrival, 1101 * MS, 15, 1200);
	/* A duplicate of what was told changes nothing. */
	arrival_note(&arrival, 1102 * MS, 12, 1200);
	len = arrival_feedback(&arrival, 2000 * MS, 1, 2, buf, 1200);
	assert_int_equal(read(len, &base, &count), 5);
	assert_int_equal(base, 15);
	assert_int_equal(count, 5);
	assert_int_equal(arrival.late, 2);
}

static void jumps_and_old_numbers_are_bounded(void **state)
{
	uint16_t base;
	unsigned count;
	size_t len;

	(void)state;
	arrival_init(&arrival);
	arrival_note(&arrival, 1000 * MS, 100, 1200);
	arrival_note(&arrival, 1001 * MS, 100 + 2000, 1200);
	assert_int_equal(arrival.jumps, 1);
	len = arrival_feedback(&arrival, 1100 * MS, 1, 2, buf, 1200);
	assert_int_equal(read(len, &base, &count), 1);
	assert_int_equal(base, 2100);
	arrival_note(&arrival, 1101 * MS, 900, 1200);
	assert_int_equal(arrival.late, 1);
	assert_int_equal(arrival_deadline(&arrival), UINT64_MAX);
	/* Within the ring but more than was told: only the ring is. */
	arrival_note(&arrival, 1200 * MS, 2100 + 1000, 1200);
	arrival_note(&arrival, 1200 * MS, 2100 + 2000, 1200);
	len = arrival_feedback(&arrival, 1500 * MS, 1, 2, buf, 1200);
	assert_int_equal(read(len, &base, &count), 2);
	assert_int_equal(count, ARRIVAL_RING);
}

/* Bytes of feedback to bytes of media over ten seconds. */
static double share(uint64_t bps, size_t size)
{
	uint64_t got = 0, told = 0, gap_us = size * 8000000 / bps;
	uint16_t seq = 0;
	size_t len;

	arrival_init(&arrival);
	for (uint64_t us = 1000 * MS; us < 11000 * MS; us += gap_us) {
		arrival_note(&arrival, us, seq++, size);
		got += size;
		while ((len = arrival_feedback(
				&arrival, us, 1, 2, buf, sizeof(buf))) > 0)
			told += len + 42;
	}
	return (double)told / (double)got;
}

static void stays_within_its_share(void **state)
{
	(void)state;
	assert_true(share(300000, 1200) < 0.05);
	assert_true(share(1000000, 1200) < 0.05);
	assert_true(share(10000000, 1200) < 0.02);
	/* Audio alone: as seldom as allowed. */
	assert_true(share(40000, 120) < 0.08);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_at_its_interval),
		cmocka_unit_test(late_ones_are_told_again),
		cmocka_unit_test(jumps_and_old_numbers_are_bounded),
		cmocka_unit_test(stays_within_its_share),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
