#include "check.h"
#include "rtp/estimate_delay.h"
#include "rtp/estimate_rate.h"

enum { MS = 1000, S = 1000000 };

static struct estimate_delay delay;
static uint64_t now_us, random_state;

/* Packets every 10 ms for a while, whose way takes 30 ms, what the queue adds
 * (growing by slope_us a packet), and up to jitter_us. A feedback is read every
 * fifth. Returns how often over-use was told. */
static unsigned run(
	uint64_t for_us, int64_t *queue_us, int slope_us, unsigned jitter_us)
{
	unsigned overuses = 0;

	for (uint64_t end_us = now_us + for_us; now_us < end_us;) {
		for (unsigned i = 0; i < 5; i++, now_us += 10 * MS) {
			uint64_t jitter =
				jitter_us
					? next_random(&random_state) % jitter_us
					: 0;

			*queue_us += slope_us;
			if (*queue_us < 0)
				*queue_us = 0;
			estimate_delay_packet(&delay, now_us,
				now_us + 30 * MS + (uint64_t)*queue_us + jitter,
				false);
		}
		overuses +=
			estimate_delay_signal(&delay, now_us) == DELAY_OVERUSE;
	}
	return overuses;
}

static int setup(void **state)
{
	(void)state;
	estimate_delay_init(&delay);
	now_us = 100 * S;
	random_state = 88172645463325252u;
	return 0;
}

static void a_steady_path_is_normal(void **state)
{
	int64_t queue_us = 0;

	(void)state;
	assert_int_equal(run(20 * S, &queue_us, 0, 0), 0);
	assert_int_equal(delay.queue_us, 0);
}

static void jitter_is_hardly_ever_overuse(void **state)
{
	int64_t queue_us = 0;

	(void)state;
	assert_in_range(run(30 * S, &queue_us, 0, 30 * MS), 0, 6);
	assert_true(delay.queue_us < 20 * MS);
}

static void a_growing_queue_is_seen_early(void **state)
{
	int64_t queue_us = 0;

	(void)state;
	run(2 * S, &queue_us, 0, 0);
	/* A tenth too much. */
	while (run(50 * MS, &queue_us, 1 * MS, 0) == 0)
		assert_true(queue_us < 60 * MS);
	assert_true(delay.queue_us >= 15 * MS);
}

static void a_standing_queue_is_seen_without_a_trend(void **state)
{
	int64_t queue_us = 0;

	(void)state;
	run(2 * S, &queue_us, 0, 0);
	/* So slowly that the threshold follows. */
	run(25 * S, &queue_us, 50, 0);
	assert_true(queue_us > 100 * MS);
	assert_true(run(1 * S, &queue_us, 0, 0) > 5);
}

/* All at one time, and the next only when the receiver's program is run
 * again. */
static void what_is_read_late_is_no_queue(void **state)
{
	int64_t queue_us = 0;
	unsigned overuses = 0;

	(void)state;
	run(2 * S, &queue_us, 0, 0);
	for (unsigned nap = 0; nap < 20; nap++) {
		uint64_t wakes_us = now_us + 230 * MS;

		for (unsigned i = 0; i < 5; i++, now_us += 20 * MS)
			estimate_delay_packet(&delay, now_us, wakes_us, false);
		now_us = wakes_us;
		overuses +=
			estimate_delay_signal(&delay, now_us) == DELAY_OVERUSE;
		assert_true(delay.queue_us >= 100 * MS);
		overuses += run(400 * MS, &queue_us, 0, 0);
	}
	assert_int_equal(overuses, 0);
}

static void a_competitor_moves_the_limit(void **state)
{
	int64_t queue_us = 0;
	uint64_t limit_us;

	(void)state;
	run(1 * S, &queue_us, 0, 0);
	queue_us = 150 * MS;
	assert_true(run(1 * S, &queue_us, 0, 0) > 5);
	estimate_delay_compete(&delay);
	limit_us = delay.limit_us;
	assert_in_range(limit_us, 200 * MS, 250 * MS);
	assert_int_equal(run(2 * S, &queue_us, 0, 0), 0);
	/* Its own trend is not ours. */
	assert_int_equal(run(300 * MS, &queue_us, 1 * MS, 0), 0);
	/* Gone: back to normal. */
	queue_us = 0;
	run(5 * S, &queue_us, 0, 0);
	assert_int_equal(delay.limit_us, DELAY_QUEUE_MIN_US);
}

static void a_longer_route_is_learnt_in_half_a_minute(void **state)
{
	int64_t queue_us = 0;

	(void)state;
	run(5 * S, &queue_us, 0, 0);
	queue_us = 100 * MS;
	run(5 * S, &queue_us, 0, 0);
	assert_int_equal(delay.queue_us, 100 * MS);
	run(35 * S, &queue_us, 0, 0);
	assert_int_equal(delay.queue_us, 0);
}

static void clocks_may_differ_and_wrap(void **state)
{
	(void)state;
	/* The far clock is behind ours, and drifts by 100 ppm. */
	for (unsigned i = 0; i < 6000; i++, now_us += 10 * MS) {
		estimate_delay_packet(&delay, now_us,
			now_us - 99 * S + now_us / 10000, false);
		if (i % 5 == 4)
			assert_int_not_equal(
				estimate_delay_signal(&delay, now_us),
				DELAY_OVERUSE);
	}
	assert_true(delay.queue_us < 5 * MS);
}

static void probes_are_no_trend(void **state)
{
	int64_t queue_us = 0;

	(void)state;
	run(2 * S, &queue_us, 0, 0);
	for (unsigned i = 0; i < 40; i++)
		estimate_delay_packet(&delay, now_us + i * MS,
			now_us + 30 * MS + i * 2 * MS, true);
	assert_int_equal(estimate_delay_signal(&delay, now_us), DELAY_NORMAL);
}

static void rate_over_a_window(void **state)
{
	struct estimate_rate r;
	uint64_t us = 100 * S;

	(void)state;
	estimate_rate_init(&r);
	assert_int_equal(estimate_rate_bps(&r, 250 * MS), 0);
	for (unsigned i = 0; i < 200; i++, us += 5 * MS)
		estimate_rate_add(&r, us, 1000);
	assert_in_range(estimate_rate_bps(&r, 250 * MS), 1590 * MS, 1610 * MS);
	/* Half as much for as long as the window is. */
	for (unsigned i = 0; i < 30; i++, us += 10 * MS)
		estimate_rate_add(&r, us, 1000);
	assert_in_range(estimate_rate_bps(&r, 250 * MS), 790 * MS, 810 * MS);
	assert_true(estimate_rate_bps(&r, 1000 * MS) > 1200 * MS);
	/* A silence is not zero, it begins anew. */
	us += 10 * S;
	estimate_rate_add(&r, us, 1000);
	assert_int_equal(estimate_rate_bps(&r, 250 * MS), 0);
	/* Late ones count where they belong; far too late ones do not. */
	estimate_rate_add(&r, us + 50 * MS, 1000);
	estimate_rate_add(&r, us + 20 * MS, 1000);
	estimate_rate_add(&r, us - 5 * S, 100000);
	assert_int_equal(estimate_rate_bps(&r, 50 * MS), 320000);
}

static void a_leap_is_told_from_a_queue(void **state)
{
	int64_t queue_us = 0;

	(void)state;
	run(5 * S, &queue_us, 0, 0);
	assert_int_equal(estimate_delay_still_us(&delay, now_us), 0);
	queue_us = 120 * MS;
	run(1 * S, &queue_us, 0, 0);
	assert_in_range(
		estimate_delay_still_us(&delay, now_us), 900 * MS, 1000 * MS);
	estimate_delay_rebase(&delay, now_us);
	assert_int_equal(delay.queue_us, 0);
	run(1 * S, &queue_us, 0, 0);
	assert_int_equal(delay.queue_us, 0);
	/* From there a queue is what it always is. */
	assert_true(run(1 * S, &queue_us, 1 * MS, 0) > 0);
	run(1 * S, &queue_us, 0, 0);
	assert_int_equal(estimate_delay_still_us(&delay, now_us), 0);
}

/* The first is too small to be acted on, and is no base yet. */
static void a_leap_may_follow_another(void **state)
{
	int64_t queue_us = 0;

	(void)state;
	run(5 * S, &queue_us, 0, 1000);
	queue_us = 25 * MS;
	run(5 * S, &queue_us, 0, 1000);
	assert_in_range(delay.queue_us, 20 * MS, 30 * MS);
	queue_us = 150 * MS;
	run(1 * S, &queue_us, 0, 1000);
	assert_in_range(
		estimate_delay_still_us(&delay, now_us), 900 * MS, 1000 * MS);
	/* What grows from there is a queue. */
	run(5 * S, &queue_us, 500, 1000);
	assert_int_equal(estimate_delay_still_us(&delay, now_us), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_steady_path_is_normal, setup),
		cmocka_unit_test_setup(jitter_is_hardly_ever_overuse, setup),
		cmocka_unit_test_setup(a_growing_queue_is_seen_early, setup),
		cmocka_unit_test_setup(
			a_standing_queue_is_seen_without_a_trend, setup),
		cmocka_unit_test_setup(what_is_read_late_is_no_queue, setup),
		cmocka_unit_test_setup(a_competitor_moves_the_limit, setup),
		cmocka_unit_test_setup(
			a_longer_route_is_learnt_in_half_a_minute, setup),
		cmocka_unit_test_setup(a_leap_is_told_from_a_queue, setup),
		cmocka_unit_test_setup(a_leap_may_follow_another, setup),
		cmocka_unit_test_setup(clocks_may_differ_and_wrap, setup),
		cmocka_unit_test_setup(probes_are_no_trend, setup),
		cmocka_unit_test(rate_over_a_window),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
