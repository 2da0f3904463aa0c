/*
 * A publisher on a virtual clock: an NTP clock and two devices, each with its
 * own drift; packets and reports reach us with delay and jitter. What is
 * measured: where a moment of the real world ends up.
 */
#ifndef HEARTH_TESTS_RECORD_WORLD_H
#define HEARTH_TESTS_RECORD_WORLD_H

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

static inline int64_t chance(struct world *w, int64_t most)
{
	return most > 0 ? (int64_t)(next_random(&w->random) % (uint64_t)most)
			: 0;
}

/* The publisher's clocks at a real time. */
static inline int64_t ntp_of(const struct world *w, int64_t us)
{
	return us + (int64_t)((double)us * w->ntp_ppm / 1e6) + w->ntp_step_us;
}

static inline uint32_t ts_of(
	const struct world *w, const struct device *d, int64_t us)
{
	double on_ntp = (double)us * (1 + w->ntp_ppm / 1e6);
	double units = on_ntp * (1 + d->drift_ppm / 1e6) * d->clock_hz / 1e6;

	return d->first_ts + (uint32_t)(uint64_t)units;
}

static inline void device_init(struct device *d, struct world *w,
	uint32_t clock_hz, int64_t frame_us, double drift_ppm)
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

static inline void world_init(struct world *w, double ntp_ppm, double audio_ppm)
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

static inline void world_done(struct world *w)
{
	w->clock = take_clock_free(w->clock);
}

static inline uint64_t to_ntp(int64_t us)
{
	uint64_t s = (uint64_t)(us / SECOND_US) + 3000000000u;
	uint64_t rest = (uint64_t)(us % SECOND_US);

	return s << 32 | (rest << 32) / 1000000;
}

static inline void publisher_report(struct world *w, struct device *d)
{
	int64_t jitter = w->report_jitter_us;

	d->sr_us = w->now_us;
	d->sr_arrival_us = w->now_us + w->delay_us + chance(w, w->jitter_us);
	d->sr_ntp_us = ntp_of(w, w->now_us) + chance(w, jitter) - jitter / 2;
	d->sr_ts = ts_of(w, d, w->now_us);
}

static inline bool report(struct world *w, struct device *d)
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

static inline void frame(struct world *w, struct device *d)
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

static inline void run(struct world *w, int64_t us)
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

static inline void measure_anew(struct world *w)
{
	w->measure = true;
	w->most_apart_us = 0;
	w->audio.most_jitter_us = w->video.most_jitter_us = 0;
}

#endif
