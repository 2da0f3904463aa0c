#include "check.h"
#include "rtp/estimate_control.h"

enum { MS = 1000, KBIT = 1000 };

static struct estimate_control control;
static struct control_view view;

static int setup(void **state)
{
	(void)state;
	view = (struct control_view){ .now_us = 10000 * MS, .rtt_us = 50 * MS };
	control_init(
		&control, view.now_us, 1000 * KBIT, 50 * KBIT, 20000 * KBIT);
	return 0;
}

/* A free path for a while, a feedback each 50 ms; share of the rate arrives. */
static bool run_free(uint64_t for_us, double share)
{
	bool stays = false;

	for (uint64_t end_us = view.now_us + for_us; view.now_us < end_us;) {
		view.now_us += 50 * MS;
		view.acked_bps = (uint64_t)((double)control.bps * share);
		stays |= control_free(&control, &view);
	}
	return stays;
}

static void grows_only_into_what_is_used(void **state)
{
	(void)state;
	run_free(10000 * MS, 0.5);
	assert_int_equal(control.bps, 1000 * KBIT);
	run_free(1000 * MS, 0.9);
	assert_in_range(control.bps, 1100 * KBIT, 1150 * KBIT);
	run_free(60000 * MS, 0.9);
	assert_int_equal(control.bps, 20000 * KBIT);
}

static void falls_to_what_arrives_and_returns(void **state)
{
	(void)state;
	view.acked_bps = 800 * KBIT;
	view.queue_us = 40 * MS;
	control_overuse(&control, &view);
	assert_int_equal(control.phase, CONTROL_DRAIN);
	assert_int_equal(control.bps, 720 * KBIT);
	/* Once per round trip. */
	view.now_us += 50 * MS;
	view.acked_bps = 100 * KBIT;
	view.queue_us = 100 * MS;
	control_overuse(&control, &view);
	assert_int_equal(control.bps, 720 * KBIT);
	view.queue_us = 5 * MS;
	assert_false(run_free(50 * MS, 1));
	assert_int_equal(control.phase, CONTROL_GROW);
	assert_int_equal(control.bps, 760 * KBIT);
	/* Near the capacity it grows by a packet a response time at most. */
	run_free(1000 * MS, 1);
	assert_in_range(control.bps, 790 * KBIT, 810 * KBIT);
}

static void a_long_queue_asks_for_a_deep_cut(void **state)
{
	(void)state;
	view.acked_bps = 800 * KBIT;
	view.queue_us = 160 * MS;
	control_overuse(&control, &view);
	assert_int_equal(control.bps, 480 * KBIT);
	setup(state);
	view.acked_bps = 800 * KBIT;
	view.queue_us = 1000 * MS;
	control_overuse(&control, &view);
	assert_int_equal(control.bps, 400 * KBIT);
	/* What is in flight is known before it has come through. */
	setup(state);
	view.acked_bps = 800 * KBIT;
	view.queue_us = 70 * MS;
	view.backlog_us = 900 * MS;
	control_overuse(&control, &view);
	assert_int_equal(control.bps, 160 * KBIT);
}

static void a_queue_that_stays_is_not_ours(void **state)
{
	(void)state;
	view.acked_bps = 800 * KBIT;
	view.queue_us = 100 * MS;
	control_overuse(&control, &view);
	assert_true(run_free(1500 * MS, 1));
	assert_int_equal(control.phase, CONTROL_GROW);
	assert_true(control.bps >= 760 * KBIT);
	view.competing = true;
	run_free(1000 * MS, 1);
	assert_true(control.bps >= 800 * KBIT);
	/* Beside a competitor: gently, and without a drain. */
	view.now_us += 1000 * MS;
	view.acked_bps = 800 * KBIT;
	control_overuse(&control, &view);
	assert_int_equal(control.bps, 680 * KBIT);
	assert_int_equal(control.phase, CONTROL_GROW);
}

static void a_long_queue_that_shrinks_is_ours(void **state)
{
	(void)state;
	view.acked_bps = 800 * KBIT;
	view.queue_us = 70 * MS;
	control_overuse(&control, &view);
	/* It becomes visible only now. */
	view.queue_us = 1500 * MS;
	assert_false(run_free(800 * MS, 1));
	view.queue_us = 1000 * MS;
	assert_false(run_free(800 * MS, 1));
	assert_int_equal(control.phase, CONTROL_DRAIN);
	view.queue_us = 950 * MS;
	assert_true(run_free(1800 * MS, 1));
	assert_int_equal(control.phase, CONTROL_GROW);
}

static void what_is_not_used_is_kept(void **state)
{
	(void)state;
	view.acked_bps = 300 * KBIT;
	view.queue_us = 30 * MS;
	control_overuse(&control, &view);
	assert_int_equal(control.bps, 850 * KBIT);
	assert_int_equal(control.phase, CONTROL_GROW);
	/* But not in the face of a real queue. */
	view.now_us += 1000 * MS;
	view.queue_us = 80 * MS;
	control_overuse(&control, &view);
	assert_true(control.bps <= 300 * KBIT);
	/* Without any measure nothing is done. */
	setup(state);
	view.queue_us = 80 * MS;
	control_overuse(&control, &view);
	assert_int_equal(control.bps, 1000 * KBIT);
}

static void probes_raise_it_at_once(void **state)
{
	struct probe_result r = { .rate_bps = 3000 * KBIT, .bps = 2900 * KBIT };

	(void)state;
	assert_int_equal(control_probed(&control, &view, &r), 5800 * KBIT);
	assert_int_equal(control.bps, 2900 * KBIT);
	r = (struct probe_result){
		.rate_bps = 5800 * KBIT, .bps = 4000 * KBIT, .full = true
	};
	assert_int_equal(control_probed(&control, &view, &r), 0);
	assert_int_equal(control.bps, 3800 * KBIT);
	assert_int_equal(control.capacity_bps, 4000 * KBIT);
	/* One that found less changes nothing. */
	r.bps = 1000 * KBIT;
	control_probed(&control, &view, &r);
	assert_int_equal(control.bps, 3800 * KBIT);
	/* Nor does one that comes back into a drain. */
	view.acked_bps = 3000 * KBIT;
	view.queue_us = 80 * MS;
	control_overuse(&control, &view);
	r.bps = 9000 * KBIT;
	control_probed(&control, &view, &r);
	assert_true(control.bps < 3000 * KBIT);
}

/* How long until the next wish, in ms, at most ten seconds. */
static unsigned wish_after(uint64_t wanted_bps, uint64_t *ret)
{
	unsigned ms = 0;

	while ((*ret = control_probe_wish(&control, &view, wanted_bps)) == 0 &&
		ms < 10000) {
		ms += 50;
		run_free(50 * MS, 0.4);
	}
	return ms;
}

static void probes_come_in_their_time(void **state)
{
	uint64_t bps;

	(void)state;
	assert_in_range(wish_after(UINT64_MAX, &bps), 1950, 2050);
	assert_int_equal(bps, 2000 * KBIT);
	/* Nobody wants more. */
	assert_int_equal(wish_after(1000 * KBIT, &bps), 10000);
	/* Far below the best of late they come sooner. */
	run_free(50 * MS, 0.4);
	view.acked_bps = 200 * KBIT;
	view.queue_us = 100 * MS;
	control_overuse(&control, &view);
	view.queue_us = 0;
	assert_in_range(wish_after(UINT64_MAX, &bps), 700, 900);
}

static void a_probe_that_was_wrong_delays_the_next(void **state)
{
	const struct probe_result r = { .rate_bps = 4000 * KBIT,
		.bps = 4000 * KBIT };
	uint64_t bps;

	(void)state;
	control_probed(&control, &view, &r);
	view.now_us += 500 * MS;
	view.acked_bps = 2800 * KBIT;
	view.queue_us = 80 * MS;
	control_overuse(&control, &view);
	view.queue_us = 0;
	run_free(50 * MS, 1);
	assert_int_equal(control.probe_gap_us, 4000 * MS);
	assert_in_range(wish_after(UINT64_MAX, &bps), 3300, 4050);
}

/* The receiver was not run, or half of it came to one that was not. */
static void a_probe_that_told_nothing_is_soon_repeated(void **state)
{
	const struct probe_result nothing[] = {
		{ .rate_bps = 2000 * KBIT },
		{ .rate_bps = 2000 * KBIT, .bps = 500 * KBIT, .full = true },
		{ .rate_bps = 2000 * KBIT },
		{ .rate_bps = 2000 * KBIT },
	};
	uint64_t bps = control.bps, wish;

	(void)state;
	wish_after(UINT64_MAX, &wish);
	for (unsigned i = 0; i < 3; i++) {
		view.acked_bps = 900 * KBIT;
		assert_int_equal(
			control_probed(&control, &view, &nothing[i]), 0);
		assert_int_equal(control.bps, bps);
		assert_in_range(wish_after(UINT64_MAX, &wish), 250, 350);
	}
	/* Not for ever. */
	control_probed(&control, &view, &nothing[3]);
	assert_in_range(wish_after(UINT64_MAX, &wish), 1950, 2050);
}

static void a_hold_ends_as_told(void **state)
{
	(void)state;
	control_hold(&control, view.now_us, 2000 * KBIT);
	assert_int_equal(control.bps, 1000 * KBIT);
	control_hold(&control, view.now_us, 700 * KBIT);
	control_hold(&control, view.now_us, 10 * KBIT);
	assert_int_equal(control.bps, 50 * KBIT);
	assert_int_equal(control.before_bps, 1000 * KBIT);
	/* Nothing moves it. */
	run_free(5000 * MS, 1);
	view.acked_bps = 60 * KBIT;
	view.queue_us = 500 * MS;
	control_overuse(&control, &view);
	assert_int_equal(control.bps, 50 * KBIT);
	control_release(&control, view.now_us, 750 * KBIT);
	assert_int_equal(control.bps, 750 * KBIT);
	assert_int_equal(control.phase, CONTROL_GROW);
	control_release(&control, view.now_us, UINT64_MAX);
	assert_int_equal(control.bps, 20000 * KBIT);
}

static void what_does_not_drain_is_foreign(void **state)
{
	(void)state;
	view.acked_bps = view.sent_bps = 800 * KBIT;
	view.queue_us = 120 * MS;
	assert_false(control_foreign(&control, &view, 1000 * MS));
	control_overuse(&control, &view);
	/* As much is sent as before: nothing is proven. */
	assert_false(control_foreign(&control, &view, 1000 * MS));
	view.sent_bps = 500 * KBIT;
	assert_false(control_foreign(&control, &view, 440 * MS));
	assert_true(control_foreign(&control, &view, 460 * MS));
	control_undo(&control, view.now_us);
	assert_int_equal(control.phase, CONTROL_GROW);
	assert_int_equal(control.bps, 800 * KBIT);
	/* And a probe may say at once what there is. */
	assert_int_equal(
		control_probe_wish(&control,
			&(struct control_view){ .now_us = view.now_us + 50 * MS,
				.rtt_us = 50 * MS },
			5000 * KBIT),
		1600 * KBIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(grows_only_into_what_is_used, setup),
		cmocka_unit_test_setup(
			falls_to_what_arrives_and_returns, setup),
		cmocka_unit_test_setup(a_long_queue_asks_for_a_deep_cut, setup),
		cmocka_unit_test_setup(a_queue_that_stays_is_not_ours, setup),
		cmocka_unit_test_setup(
			a_long_queue_that_shrinks_is_ours, setup),
		cmocka_unit_test_setup(what_does_not_drain_is_foreign, setup),
		cmocka_unit_test_setup(what_is_not_used_is_kept, setup),
		cmocka_unit_test_setup(probes_raise_it_at_once, setup),
		cmocka_unit_test_setup(probes_come_in_their_time, setup),
		cmocka_unit_test_setup(
			a_probe_that_was_wrong_delays_the_next, setup),
		cmocka_unit_test_setup(
			a_probe_that_told_nothing_is_soon_repeated, setup),
		cmocka_unit_test_setup(a_hold_ends_as_told, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
