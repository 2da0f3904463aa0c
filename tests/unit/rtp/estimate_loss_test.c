#include "check.h"
#include "rtp/estimate_loss.h"

enum { MS = 1000, RTT_US = 50000 };

static struct estimate_loss loss;
static uint64_t now_us, random_state;
static bool spare;
static const struct loss_view nothing = { .rtt_us = RTT_US };

static int setup(void **state)
{
	(void)state;
	estimate_loss_init(&loss);
	now_us = 1000 * MS;
	random_state = 88172645463325252u;
	spare = false;
	return 0;
}

/* 50 ms with ten packets. */
static enum loss_verdict step(unsigned percent, bool congested)
{
	for (unsigned i = 0; i < 10; i++) {
		bool lost = next_random(&random_state) % 100 < percent;

		estimate_loss_packet(&loss, now_us, lost);
	}
	now_us += 50 * MS;
	const struct loss_view v = {
		.rtt_us = RTT_US, .queue = congested, .spare = spare
	};

	return estimate_loss_update(&loss, now_us, &v);
}

/* Until a verdict, or for so many steps. */
static enum loss_verdict run(unsigned percent, bool congested, unsigned steps)
{
	enum loss_verdict v = LOSS_NOTHING;

	while (steps-- && v == LOSS_NOTHING)
		v = step(percent, congested);
	return v;
}

static void a_little_is_nothing(void **state)
{
	(void)state;
	assert_int_equal(run(0, false, 100), LOSS_NOTHING);
	assert_int_equal(run(1, false, 400), LOSS_NOTHING);
	assert_true(loss.inherent > 0 && loss.inherent < 0.03);
}

static void random_loss_is_found_out_once(void **state)
{
	(void)state;
	run(0, false, 20);
	assert_int_equal(run(10, false, 40), LOSS_TRY);
	/* As much is lost although we send less. */
	assert_int_equal(run(10, false, 40), LOSS_RANDOM);
	assert_in_range(loss.inherent * 100, 5, 20);
	/* From now on it is known. */
	assert_int_equal(run(10, false, 1000), LOSS_NOTHING);
	/* And forgotten when it is gone. */
	run(0, false, 200);
	assert_true(loss.inherent < 0.01);
}

static void our_own_loss_goes_when_we_send_less(void **state)
{
	(void)state;
	assert_int_equal(run(15, false, 40), LOSS_TRY);
	assert_int_equal(run(0, false, 40), LOSS_OURS);
	assert_true(loss.inherent < 0.05);
}

static void what_a_path_with_room_loses_is_believed_once(void **state)
{
	(void)state;
	run(0, false, 20);
	spare = true;
	assert_int_equal(run(10, false, 1000), LOSS_NOTHING);
	assert_in_range(loss.inherent * 100, 5, 20);
	/* It was proven since, and may be believed again. */
	assert_int_equal(run(20, false, 1000), LOSS_NOTHING);
	assert_in_range(loss.inherent * 100, 12, 28);
}

static void what_grows_was_ours(void **state)
{
	(void)state;
	spare = true;
	assert_int_equal(run(10, false, 32), LOSS_NOTHING);
	assert_in_range(loss.inherent * 100, 5, 20);
	assert_int_equal(run(25, false, 40), LOSS_TRY);
	assert_int_equal(run(0, false, 40), LOSS_OURS);
	assert_true(loss.inherent < 0.05);
}

static void nobody_believes_half(void **state)
{
	(void)state;
	spare = true;
	assert_int_equal(run(45, false, 40), LOSS_TRY);
}

static void one_burst_is_nothing(void **state)
{
	(void)state;
	run(0, false, 16);
	assert_int_equal(run(80, false, 4), LOSS_NOTHING);
	assert_int_equal(run(0, false, 100), LOSS_NOTHING);
}

static void with_a_queue_it_needs_no_trial(void **state)
{
	(void)state;
	assert_int_equal(run(0, true, 40), LOSS_NOTHING);
	assert_int_equal(run(15, true, 40), LOSS_QUEUE);
	assert_int_equal(loss.phase, LOSS_CALM);
	/* Loss of a queue is not learnt as the path's own. */
	assert_true(loss.inherent < 0.01);
}

static void few_packets_are_waited_for(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 30; i++) {
		estimate_loss_packet(&loss, now_us, i % 2);
		now_us += 100 * MS;
		assert_int_equal(estimate_loss_update(&loss, now_us, &nothing),
			LOSS_NOTHING);
	}
	assert_true(loss.last > 0.4);
}

static void revived_packets_are_not_lost(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		for (unsigned k = 0; k < 10; k++)
			estimate_loss_packet(&loss, now_us, 1);
		for (unsigned k = 0; k < 10; k++)
			estimate_loss_packet(&loss, now_us, -1);
		now_us += 50 * MS;
		assert_int_equal(estimate_loss_update(&loss, now_us, &nothing),
			LOSS_NOTHING);
	}
}

static void an_outage_says_nothing(void **state)
{
	(void)state;
	run(0, false, 16);
	run(100, false, 12);
	estimate_loss_restart(&loss, now_us);
	for (unsigned i = 0; i < 100; i++)
		estimate_loss_packet(&loss, now_us - 1, 1);
	assert_int_equal(run(0, false, 100), LOSS_NOTHING);
	assert_true(loss.inherent < 0.01);
}

static void reports_count_as_packets(void **state)
{
	(void)state;
	estimate_loss_report(&loss, 100, 64);
	now_us += 1000 * MS;
	estimate_loss_update(&loss, now_us, &nothing);
	assert_true(loss.last == 0.25);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_little_is_nothing, setup),
		cmocka_unit_test_setup(random_loss_is_found_out_once, setup),
		cmocka_unit_test_setup(
			our_own_loss_goes_when_we_send_less, setup),
		cmocka_unit_test_setup(one_burst_is_nothing, setup),
		cmocka_unit_test_setup(
			what_a_path_with_room_loses_is_believed_once, setup),
		cmocka_unit_test_setup(what_grows_was_ours, setup),
		cmocka_unit_test_setup(nobody_believes_half, setup),
		cmocka_unit_test_setup(with_a_queue_it_needs_no_trial, setup),
		cmocka_unit_test_setup(few_packets_are_waited_for, setup),
		cmocka_unit_test_setup(revived_packets_are_not_lost, setup),
		cmocka_unit_test_setup(an_outage_says_nothing, setup),
		cmocka_unit_test_setup(reports_count_as_packets, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
