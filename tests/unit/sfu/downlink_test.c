#include "sfu/downlink.h"
#include "tests/sim/cmocka_sim.h"
#include "rtp/arrival.h"

static uint64_t now_us;
static struct downlink *down;

static int setup(void **state)
{
	(void)state;
	now_us = 5000000;
	down = downlink_new(now_us, true);
	return !down;
}

static int teardown(void **state)
{
	(void)state;
	down = downlink_free(down);
	return 0;
}

/* n packets of len bytes leave, one per gap_us; the far end tells of each. */
static void travel(unsigned n, size_t len, uint64_t gap_us)
{
	static struct arrival far;
	uint8_t buf[1200];
	arrival_init(&far);
	for (unsigned i = 0; i < n; i++) {
		arrival_note(&far, now_us, downlink_number(down),
			len + DOWNLINK_OVERHEAD);
		downlink_sent(down, now_us, len, SENT_VIDEO);
		now_us += gap_us;
		size_t size =
			arrival_feedback(&far, now_us, 1, 2, buf, sizeof(buf));
		if (size)
			assert_int_equal(
				downlink_feedback(down, now_us, buf, size), 0);
		if (downlink_deadline(down) <= now_us) {
			downlink_tick(down, now_us);
			downlink_rest(down, now_us);
		}
	}
}

static void numbers_go_up_by_one(void **state)
{
	(void)state;
	uint16_t first = downlink_number(down);
	downlink_sent(down, now_us, 1000, SENT_AUDIO);
	downlink_sent(down, now_us, 1000, SENT_RTX);
	assert_int_equal(downlink_number(down), (uint16_t)(first + 2));
	/* As on the wire. */
	assert_int_equal(
		down->estimate.sent.in_flight, 2 * (1000 + DOWNLINK_OVERHEAD));
}

/* Pictures of the past: what a path takes that nothing is known of, and less
 * where something waits; more where it carries more, nothing into silence. */
static void the_past_takes_its_share(void **state)
{
	(void)state;
	size_t extra =
		DOWNLINK_YOUNG_BPS / 8 * (DOWNLINK_EXTRA_US / 1000) / 1000;
	size_t all = DOWNLINK_HOPE_BPS / 8 * (DOWNLINK_PAST_US / 1000) / 1000;
	downlink_tick(down, now_us);
	assert_true(downlink_takes(down, now_us, all, extra));
	assert_false(downlink_takes(down, now_us, all + 1, 0));
	assert_false(downlink_takes(down, now_us, all, extra + 1));
	pace_queue_push(&down->queue, now_us, PACE_VIDEO, 1, 1, 1000);
	assert_true(downlink_takes(down, now_us, all - 1000, extra));
	assert_false(downlink_takes(down, now_us, all - 999, extra));
	down->estimate.stalled = true;
	assert_false(downlink_takes(down, now_us, 1, 0));
	down->estimate.stalled = false;
	/* It was full: what it was seen to carry counts. */
	down->estimate.control.decreased_us = 1;
	down->estimate.control.bps = 200000;
	downlink_tick(down, now_us);
	extra = 200000 / 8 * (DOWNLINK_EXTRA_US / 1000) / 1000;
	assert_true(downlink_takes(down, now_us, 2 * extra, extra));
	assert_false(downlink_takes(down, now_us, 2 * extra, extra + 1));
	assert_false(downlink_takes(down, now_us, 5 * extra, extra));
}

static void feedback_makes_the_estimate_grow(void **state)
{
	(void)state;
	uint64_t before = down->estimate.control.bps;
	travel(3000, 1000, 4000); /* 2 Mbit/s */
	assert_true(down->estimate.control.bps > 3 * before);
	assert_true(
		down->pace.rate_bps >= estimate_bps(&down->estimate, now_us));
}

static void a_burst_may_be_faster_than_a_stream(void **state)
{
	(void)state;
	probe_init(&down->estimate.probe);
	downlink_tick(down, now_us);
	uint64_t bps = estimate_bps(&down->estimate, now_us);
	/* Not while nobody knows what the path carries. */
	downlink_sent(down, now_us, bps, SENT_VIDEO);
	downlink_tick(down, now_us);
	assert_int_equal(down->pace.rate_bps, DOWNLINK_HOPE_BPS);
	now_us += 10000000;
	downlink_tick(down, now_us);
	down->estimate.control.capacity_bps = bps;
	/* 50 ms of the rate at once. */
	downlink_sent(down, now_us, bps / 8 / 20, SENT_VIDEO);
	downlink_tick(down, now_us);
	assert_int_equal(down->pace.rate_bps, bps * 5 / 2);
	/* As much again, twice: it has gone ahead of the path. */
	downlink_sent(down, now_us, bps / 8 / 20, SENT_VIDEO);
	downlink_sent(down, now_us, bps / 8 / 20, SENT_VIDEO);
	downlink_tick(down, now_us);
	assert_int_equal(down->pace.rate_bps, bps);
	now_us += 100000;
	downlink_tick(down, now_us);
	assert_int_equal(down->pace.rate_bps, bps * 5 / 2);
}

static void sound_goes_before_what_waits(void **state)
{
	(void)state;
	probe_init(&down->estimate.probe);
	downlink_tick(down, now_us);
	assert_true(downlink_may_pass(down, now_us));
	while (downlink_may_pass(down, now_us))
		downlink_sent(down, now_us, 1000, SENT_VIDEO);
	assert_true(pace_may_send(&down->pace, now_us, PACE_AUDIO));
	/* Once something waits nothing of video passes it. */
	assert_true(pace_queue_push(
		&down->queue, now_us, PACE_VIDEO, 7, 100, 1000));
	assert_true(downlink_deadline(down) <= now_us + 100000);
	assert_false(downlink_may_pass(down, now_us + 1000000));
	assert_false(downlink_fits(down, now_us + 1000000));
	downlink_forget(down, 7);
	assert_true(downlink_may_pass(down, now_us + 1000000));
}

static void feedback_that_lies_is_counted(void **state)
{
	(void)state;
	const uint8_t lie[8] = { 0x8f, 205, 0, 1 };
	assert_true(downlink_feedback(down, now_us, lie, sizeof(lie)) < 0);
	assert_int_equal(down->estimate.bad_feedbacks, 1);
}

static void once_within_a_round_trip(void **state)
{
	(void)state;
	now_us += 1000000;
	assert_true(downlink_may_resend(down, now_us, 7, 100, 500, 4000000));
	assert_false(downlink_may_resend(
		down, now_us + 50000, 7, 100, 500, 4000000));
	/* Another number, another stream. */
	assert_true(downlink_may_resend(down, now_us, 7, 101, 500, 4000000));
	assert_true(downlink_may_resend(down, now_us, 8, 100, 500, 4000000));
	assert_true(downlink_may_resend(
		down, now_us + DOWNLINK_RTT_US + 1000, 7, 100, 500, 4000000));
}

static uint64_t storm(uint64_t max_bps)
{
	uint64_t bytes = 0, seq = 0;
	for (unsigned ms = 0; ms < 10000; ms++)
		for (unsigned i = 0; i < 10; i++)
			if (downlink_may_resend(down, now_us + ms * 1000, 7,
				    ++seq, 1000, max_bps))
				bytes += 1000 + DOWNLINK_OVERHEAD;
	now_us += 10000000;
	return bytes * 8 / 10;
}

static void a_storm_gets_its_share(void **state)
{
	(void)state;
	uint64_t share = ESTIMATE_START_BPS * DOWNLINK_RESEND_PERCENT / 100;
	uint64_t got = storm(UINT64_MAX);
	assert_in_range(got, share * 9 / 10, share * 11 / 10);
	got = storm(80000);
	assert_in_range(got, 72000, 88000);
}

static void a_peak_of_wishes_fades(void **state)
{
	(void)state;
	downlink_want(down, now_us, 2000000);
	assert_int_equal(down->estimate.wanted_bps, 2600000);
	now_us += 500000;
	downlink_want(down, now_us, 500000);
	assert_int_equal(down->want_bps, 2000000);
	/* A peak is held, and fades. */
	now_us += 4500000;
	downlink_want(down, now_us, 500000);
	assert_in_range(down->want_bps, 1400000, 1500000);
	now_us += 60000000;
	downlink_want(down, now_us, 500000);
	assert_int_equal(down->want_bps, 500000);
}

static void without_feedback_a_remb_says_it(void **state)
{
	(void)state;
	downlink_free(down);
	down = downlink_new(now_us, false);
	assert_non_null(down);
	assert_false(downlink_paces(down));
	downlink_remb(down, now_us, 800000);
	assert_true(downlink_paces(down));
	assert_int_equal(estimate_bps(&down->estimate, now_us), 800000);
	assert_int_equal(down->pace.rate_bps, 2000000);
}

static void it_is_due_now_and_then(void **state)
{
	(void)state;
	travel(500, 1000, 4000);
	downlink_tick(down, now_us);
	downlink_rest(down, now_us);
	assert_true(downlink_deadline(down) > now_us);
	assert_true(downlink_deadline(down) <= now_us + DOWNLINK_TICK_US);
}

static void what_it_holds_is_for_the_young_and_for_drains(void **state)
{
	(void)state;
	assert_int_equal(downlink_hold_bps(down, now_us), DOWNLINK_YOUNG_BPS);
	now_us += DOWNLINK_YOUNG_US;
	assert_int_equal(downlink_hold_bps(down, now_us), 0);
	down->estimate.control.phase = CONTROL_DRAIN;
	down->estimate.control.drain_bps = 250000;
	assert_int_equal(downlink_hold_bps(down, now_us), 250000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			the_past_takes_its_share, setup, teardown),
		cmocka_unit_test_setup_teardown(
			numbers_go_up_by_one, setup, teardown),
		cmocka_unit_test_setup_teardown(
			feedback_makes_the_estimate_grow, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_burst_may_be_faster_than_a_stream, setup, teardown),
		cmocka_unit_test_setup_teardown(
			sound_goes_before_what_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(
			feedback_that_lies_is_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(
			once_within_a_round_trip, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_storm_gets_its_share, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_peak_of_wishes_fades, setup, teardown),
		cmocka_unit_test_setup_teardown(
			without_feedback_a_remb_says_it, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_it_holds_is_for_the_young_and_for_drains, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			it_is_due_now_and_then, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
