/*
 * The time of a take, on a virtual clock. A publisher has an NTP clock and two
 * devices, each with its own drift; its packets and reports reach us with delay
 * and jitter. What is measured: where a moment of the real world ends up.
 */
#include "packets.h"

#include "record/clock_line.h"
#include "record/take.h"

#define SECOND_US INT64_C(1000000)
#define HOUR_US   (3600 * SECOND_US)

/* A device of the publisher and the line that follows it. */
struct device {
	uint32_t clock_hz;
	int64_t frame_us; /* between frames */
	double drift_ppm; /* against the publisher's NTP clock */
	uint32_t first_ts;
	int64_t encode_us; /* capture to leaving */
	/* The publisher's last report, which hearth carries forward: by its
	 * own clock and the nominal rate. */
	int64_t sr_us, sr_arrival_us, sr_ntp_us;
	uint32_t sr_ts;
	struct line line;
	int64_t next_us; /* real time of the next frame */
	int64_t last_us; /* what came out last, and for when */
	int64_t last_real_us;
	int64_t error_us; /* time given out - real time */
	int64_t most_jitter_us;
};

struct world {
	struct take_clock *clock;
	struct device audio, video;
	double ntp_ppm; /* drift of the publisher's clock against ours */
	int64_t ntp_step_us;
	int64_t delay_us, jitter_us; /* of the network */
	int64_t report_jitter_us;    /* of the NTP time in reports */
	int64_t report_us;           /* next report of hearth's */
	int64_t sr_every_us;         /* between the publisher's */
	uint64_t random;
	int64_t now_us;
	int64_t most_apart_us; /* audio against video, since measured */
	bool reports, measure;
	bool silent; /* the audio device reports no more: hearth's go on */
};

static int64_t chance(struct world *w, int64_t most)
{
	return most > 0 ? (int64_t)(next_random(&w->random) % (uint64_t)most)
			: 0;
}

/* The publisher's clocks at a real time. */
static int64_t ntp_of(const struct world *w, int64_t us)
{
	return us + (int64_t)((double)us * w->ntp_ppm / 1e6) + w->ntp_step_us;
}

static uint32_t ts_of(const struct world *w, const struct device *d, int64_t us)
{
	double on_ntp = (double)us * (1 + w->ntp_ppm / 1e6);
	double units = on_ntp * (1 + d->drift_ppm / 1e6) * d->clock_hz / 1e6;

	return d->first_ts + (uint32_t)(uint64_t)units;
}

static void device_init(struct device *d, struct world *w, uint32_t clock_hz,
	int64_t frame_us, double drift_ppm)
{
	*d = (struct device){ .clock_hz = clock_hz,
		.frame_us = frame_us,
		.drift_ppm = drift_ppm,
		.first_ts = 0xfffff000,
		.encode_us = frame_us / 2,
		.last_us = INT64_MIN };
	d->next_us = w->now_us;
	line_init(&d->line, clock_hz, w->clock);
}

static void world_init(struct world *w, double ntp_ppm, double audio_ppm)
{
	memset(w, 0, sizeof(*w));
	w->clock = take_clock_new();
	assert_non_null(w->clock);
	w->ntp_ppm = ntp_ppm;
	w->delay_us = 40000;
	w->jitter_us = 15000;
	w->report_jitter_us = 6000;
	w->random = 99;
	w->now_us = 1000 * SECOND_US;
	w->report_us = w->now_us + SECOND_US / 2;
	w->reports = true;
	w->sr_every_us = 900000;
	device_init(&w->audio, w, 48000, 20000, audio_ppm);
	device_init(&w->video, w, 90000, 33333, 0);
}

static void world_done(struct world *w)
{
	w->clock = take_clock_free(w->clock);
}

static uint64_t to_ntp(int64_t us)
{
	uint64_t s = (uint64_t)(us / SECOND_US) + 3000000000u;
	uint64_t rest = (uint64_t)(us % SECOND_US);

	return s << 32 | (rest << 32) / 1000000;
}

static void publisher_report(struct world *w, struct device *d)
{
	int64_t jitter = w->report_jitter_us;

	d->sr_us = w->now_us;
	d->sr_arrival_us = w->now_us + w->delay_us + chance(w, w->jitter_us);
	d->sr_ntp_us = ntp_of(w, w->now_us) + chance(w, jitter) - jitter / 2;
	d->sr_ts = ts_of(w, d, w->now_us);
}

static bool report(struct world *w, struct device *d)
{
	int64_t now_us = w->now_us + w->delay_us + w->jitter_us;
	int64_t since_us;

	bool due = d->sr_us == 0 || w->now_us - d->sr_us >= w->sr_every_us;

	if (due && !(w->silent && d == &w->audio))
		publisher_report(w, d);
	since_us = now_us - d->sr_arrival_us;
	return line_report(&d->line, (uint64_t)now_us,
		to_ntp(d->sr_ntp_us + since_us),
		d->sr_ts + (uint32_t)(since_us * d->clock_hz / SECOND_US));
}

static void frame(struct world *w, struct device *d)
{
	int64_t us = d->next_us, was_us = d->error_us, out;
	uint64_t arrival = (uint64_t)(us + d->encode_us + w->delay_us +
				      chance(w, w->jitter_us));

	line_packet(&d->line, arrival, ts_of(w, d, us));
	out = line_time(&d->line, ts_of(w, d, us));
	assert_true(out > d->last_us);
	d->error_us = out - us;
	if (w->measure && llabs(d->error_us - was_us) > d->most_jitter_us)
		d->most_jitter_us = llabs(d->error_us - was_us);
	d->last_us = out;
	d->last_real_us = us;
	d->next_us += d->frame_us;
}

static void run(struct world *w, int64_t us)
{
	int64_t end = w->now_us + us;

	while (w->now_us < end) {
		bool audio = w->audio.next_us <= w->video.next_us;
		struct device *d = audio ? &w->audio : &w->video;
		int64_t apart;

		w->now_us = d->next_us;
		if (w->reports && w->now_us >= w->report_us) {
			report(w, &w->audio);
			report(w, &w->video);
			w->report_us += SECOND_US;
		}
		frame(w, d);
		apart = llabs(w->audio.error_us - w->video.error_us);
		if (w->measure && apart > w->most_apart_us)
			w->most_apart_us = apart;
	}
}

static void measure_anew(struct world *w)
{
	w->measure = true;
	w->most_apart_us = 0;
	w->audio.most_jitter_us = w->video.most_jitter_us = 0;
}

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
		cmocka_unit_test(test_timestamps_anew),
		cmocka_unit_test(test_pause),
		cmocka_unit_test(test_mute),
		cmocka_unit_test(test_wrap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
