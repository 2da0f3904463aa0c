/* The time of a take, on a virtual clock. */
#include "world.h"

/* The demand: 40 ms after two hours, whichever way the clocks drift. */
static void test_two_hours(void **state)
{
	static const struct {
		double ntp_ppm, audio_ppm;
	} rows[] = { { 50, 200 }, { 50, -200 }, { -50, 200 }, { -50, -200 },
		{ 0, 0 } };

	(void)state;
	for (unsigned i = 0; i < COUNT(rows); i++) {
		struct world w;

		world_init(&w, rows[i].ntp_ppm, rows[i].audio_ppm);
		run(&w, 120 * SECOND_US);
		measure_anew(&w);
		run(&w, 2 * HOUR_US);
		print_message("%+.0f %+.0f ppm: apart %d us, jitter %d %d us, "
			      "late %d us\n",
			rows[i].ntp_ppm, rows[i].audio_ppm,
			(int)w.most_apart_us, (int)w.audio.most_jitter_us,
			(int)w.video.most_jitter_us, (int)w.video.error_us);
		assert_true(w.most_apart_us < 10000);
		assert_true(w.audio.most_jitter_us < 2000);
		assert_true(w.video.most_jitter_us < 2000);
		/* Late by the least delay, and no more than the window's drift
		 * behind. */
		assert_in_range(w.video.error_us, 30000, 60000);
		world_done(&w);
	}
}

/* Browsers report on sound every five seconds. */
static void test_rare_reports(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 50, 200);
	w.sr_every_us = 5 * SECOND_US;
	run(&w, 120 * SECOND_US);
	measure_anew(&w);
	run(&w, HOUR_US);
	print_message("apart %d us, jitter %d %d us\n", (int)w.most_apart_us,
		(int)w.audio.most_jitter_us, (int)w.video.most_jitter_us);
	assert_true(w.most_apart_us < 10000);
	assert_true(w.audio.most_jitter_us < 2000);
	assert_true(w.video.most_jitter_us < 2000);
	world_done(&w);
}

/* From the first second on they are together, and nothing jumps. */
static void test_beginning(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 50, 200);
	measure_anew(&w);
	run(&w, 600000);
	measure_anew(&w);
	run(&w, 120 * SECOND_US);
	print_message("apart %d us\n", (int)w.most_apart_us);
	assert_true(w.most_apart_us < 40000);
	world_done(&w);
}

static void test_no_reports(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 50, 200);
	w.reports = false;
	run(&w, 60 * SECOND_US);
	measure_anew(&w);
	run(&w, HOUR_US);
	/* By arrival: as far apart as encoding takes, and the window's drift.
	 */
	assert_true(w.most_apart_us < 25000);
	assert_true(w.audio.most_jitter_us < 2000);
	assert_in_range(w.audio.error_us, 45000, 75000);
	world_done(&w);
}

/* The first report comes late: slowly corrected, without a step. */
static void test_late_report(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 0, 0);
	w.video.encode_us = 130000;
	w.reports = false;
	run(&w, 10 * SECOND_US);
	assert_true(w.video.error_us - w.audio.error_us > 90000);
	w.reports = true;
	w.report_us = w.now_us;
	measure_anew(&w);
	run(&w, 20 * SECOND_US);
	assert_true(w.video.most_jitter_us < 2000);
	measure_anew(&w);
	run(&w, 20 * SECOND_US);
	assert_true(w.most_apart_us < 10000);
	world_done(&w);
}

/* More than LINE_STEP_US is made good at once; ahead by a step, back at half
 * the pace. */
static void test_step(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 0, 0);
	w.video.encode_us = 430000;
	w.reports = false;
	run(&w, 10 * SECOND_US);
	w.reports = true;
	w.report_us = w.now_us;
	measure_anew(&w);
	run(&w, 2 * SECOND_US);
	/* Half of a frame's length at a time. */
	assert_in_range(w.video.most_jitter_us, 16000, 17500);
	measure_anew(&w);
	run(&w, 10 * SECOND_US);
	assert_true(w.most_apart_us < 10000);
	world_done(&w);
}

/* The publisher's clock is set, by an hour: nobody sees it. */
static void test_ntp_step(void **state)
{
	static const int64_t steps[] = { HOUR_US, -HOUR_US, 2 * SECOND_US,
		-2 * SECOND_US };

	(void)state;
	for (unsigned i = 0; i < COUNT(steps); i++) {
		struct world w;

		world_init(&w, 50, 200);
		run(&w, 120 * SECOND_US);
		measure_anew(&w);
		w.ntp_step_us = steps[i];
		run(&w, 300 * SECOND_US);
		assert_true(w.most_apart_us < 20000);
		assert_true(w.audio.most_jitter_us < 2000);
		assert_in_range(w.video.error_us, 20000, 80000);
		world_done(&w);
	}
}

/* Of three reports that are an hour off none is believed before the third, and
 * one alone never. */
static void test_not_believed(void **state)
{
	struct world w;
	struct device *d;

	(void)state;
	world_init(&w, 0, 0);
	w.sr_every_us = 0;
	d = &w.video;
	run(&w, 60 * SECOND_US);
	w.ntp_step_us = HOUR_US;
	assert_false(report(&w, d));
	w.ntp_step_us = 0;
	assert_true(report(&w, d));
	w.ntp_step_us = HOUR_US;
	assert_false(report(&w, d));
	assert_false(report(&w, d));
	assert_true(report(&w, d));
	assert_true(report(&w, d));
	world_done(&w);
}

/* A report about the wrong timestamps: not believed; persistent, believed
 * within reason, never beyond. */
static void test_wrong_timestamps(void **state)
{
	struct world w;
	struct device *d;

	(void)state;
	world_init(&w, 0, 0);
	w.sr_every_us = 0;
	d = &w.video;
	run(&w, 60 * SECOND_US);
	d->first_ts += 90000;
	assert_false(report(&w, d));
	d->first_ts -= 90000;
	assert_true(report(&w, d));
	d->first_ts += 90000;
	assert_false(report(&w, d));
	assert_false(report(&w, d));
	assert_true(report(&w, d));
	d->first_ts += 90000 * 60;
	for (unsigned i = 0; i < 10; i++)
		assert_false(report(&w, d));
	world_done(&w);
}

/* A microphone on a machine that has no time for it loses 60 ms every two
 * seconds, 18 s of ten minutes, and reports every five: sound and picture are
 * never further apart than what was lost since the last report, and together
 * again with it. The picture does not move. */
static void test_stalls(void **state)
{
	enum { LOST_US = 60000 };
	struct world w;

	(void)state;
	world_init(&w, 50, 200);
	w.sr_every_us = 5 * SECOND_US;
	run(&w, 60 * SECOND_US);
	for (unsigned i = 0; i < 300; i++) {
		measure_anew(&w);
		w.audio.first_ts -= 48 * LOST_US / 1000;
		run(&w, 2 * SECOND_US);
		assert_true(w.most_apart_us < 3 * LOST_US + 30000);
		assert_true(w.video.most_jitter_us < 2000);
	}
	run(&w, 6 * SECOND_US);
	measure_anew(&w);
	run(&w, 60 * SECOND_US);
	assert_true(w.most_apart_us < 30000);
	assert_true(w.audio.most_jitter_us < 2000);
	world_done(&w);
}

/* A report that says the device stood still, where packets arrive as ever, is
 * not believed at once. */
static void test_no_stall(void **state)
{
	struct world w;
	int64_t error_us;

	(void)state;
	world_init(&w, 0, 0);
	w.sr_every_us = 0;
	run(&w, 60 * SECOND_US);
	error_us = w.audio.error_us;
	w.audio.first_ts -= 48 * 100;
	assert_false(report(&w, &w.audio));
	w.audio.first_ts += 48 * 100;
	run(&w, SECOND_US / 2);
	assert_true(llabs(w.audio.error_us - error_us) < 5000);
	world_done(&w);
}

/* Timestamps begin anew (another encoder): time goes on, together with the
 * other device's. */
static void test_timestamps_anew(void **state)
{
	static const uint32_t jumps[] = { 90000 * 3600u, (uint32_t)-90000 * 50,
		0x7fffffff, 90000 * 2 };

	(void)state;
	for (unsigned i = 0; i < COUNT(jumps); i++) {
		struct world w;

		world_init(&w, 50, 200);
		run(&w, 60 * SECOND_US);
		measure_anew(&w);
		w.video.first_ts += jumps[i];
		run(&w, 60 * SECOND_US);
		assert_true(w.most_apart_us < 40000);
		assert_in_range(w.video.error_us, 20000, 80000);
		world_done(&w);
	}
}

/* Timestamps that stand still while nothing is sent: the pause is there. */
static void test_pause(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 0, 0);
	run(&w, 60 * SECOND_US);
	w.video.next_us += 600 * SECOND_US;
	w.video.first_ts -= 90000 * 600u;
	run(&w, 601 * SECOND_US);
	assert_in_range(w.video.error_us, 20000, 90000);
	run(&w, 60 * SECOND_US);
	measure_anew(&w);
	run(&w, 10 * SECOND_US);
	assert_true(w.most_apart_us < 10000);
	world_done(&w);
}

/* Muted for ten minutes while the clock drifts, with timestamps that went on.
 */
static void test_mute(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 50, -200);
	run(&w, 120 * SECOND_US);
	w.audio.next_us += 600 * SECOND_US;
	w.silent = true;
	run(&w, 600 * SECOND_US);
	w.silent = false;
	run(&w, SECOND_US / 2);
	measure_anew(&w);
	run(&w, 60 * SECOND_US);
	print_message("apart %d us\n", (int)w.most_apart_us);
	assert_true(w.most_apart_us < 40000);
	world_done(&w);
}

/* A few reports, then none for ten minutes: what drifted meanwhile is made good
 * as fast as may be. */
static void test_few_and_old(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 0, 200);
	run(&w, 5 * SECOND_US);
	w.audio.next_us += 600 * SECOND_US;
	w.reports = false;
	run(&w, 600 * SECOND_US);
	w.reports = true;
	w.report_us = w.now_us;
	run(&w, 10 * SECOND_US);
	measure_anew(&w);
	run(&w, 60 * SECOND_US);
	assert_true(w.most_apart_us < 20000);
	world_done(&w);
}

/* Timestamps that begin anew among the packets that wait for the start. */
static void test_anew_at_start(void **state)
{
	struct take_clock *clock = take_clock_new();
	struct line l;
	int64_t first_us, us;

	(void)state;
	line_init(&l, 90000, clock);
	line_first(&l, 7000000, 5);
	line_first(&l, 7033000, 5 + 90000 * 3600);
	line_packet(&l, 7000000, 5);
	first_us = line_time(&l, 5);
	assert_true(first_us == 7000000);
	line_packet(&l, 7033000, 5 + 90000 * 3600);
	us = line_time(&l, 5 + 90000 * 3600);
	assert_true(us == 7033000);
	take_clock_free(clock);
}

/* A day: timestamps wrap, 90 kHz after 13 hours, 48 kHz after 25. */
static void test_wrap(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 20, 30);
	w.video.frame_us = 200000;
	w.audio.frame_us = 200000;
	run(&w, 60 * SECOND_US);
	measure_anew(&w);
	run(&w, 26 * HOUR_US);
	assert_true(w.most_apart_us < 10000);
	assert_true(w.video.most_jitter_us < 2000);
	world_done(&w);
}

static void test_least(void **state)
{
	struct clock_least l = { 0 };

	(void)state;
	clock_least_add(&l, 0, 50);
	clock_least_add(&l, 1, 20);
	clock_least_add(&l, 2, 70);
	assert_int_equal(clock_least(&l), 20);
	clock_least_add(&l, CLOCK_WINDOW_US, 60);
	assert_int_equal(clock_least(&l), 20);
	clock_least_add(&l, 2 * CLOCK_WINDOW_US, 80);
	assert_int_equal(clock_least(&l), 60);
	clock_least_add(&l, 2 * CLOCK_WINDOW_US + 1, 5);
	assert_int_equal(clock_least(&l), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_least),
		cmocka_unit_test(test_two_hours),
		cmocka_unit_test(test_rare_reports),
		cmocka_unit_test(test_beginning),
		cmocka_unit_test(test_no_reports),
		cmocka_unit_test(test_late_report),
		cmocka_unit_test(test_step),
		cmocka_unit_test(test_ntp_step),
		cmocka_unit_test(test_not_believed),
		cmocka_unit_test(test_wrong_timestamps),
		cmocka_unit_test(test_stalls),
		cmocka_unit_test(test_no_stall),
		cmocka_unit_test(test_timestamps_anew),
		cmocka_unit_test(test_pause),
		cmocka_unit_test(test_mute),
		cmocka_unit_test(test_few_and_old),
		cmocka_unit_test(test_anew_at_start),
		cmocka_unit_test(test_wrap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
