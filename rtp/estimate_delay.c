#include "rtp/estimate_delay.h"

#include <string.h>

#define SMOOTHING        0.9
#define GAIN             4.0
#define DELTAS_MAX       60
#define THRESHOLD_MS     12.5
#define THRESHOLD_MIN_MS 6.0
#define THRESHOLD_MAX_MS 600.0
/* How fast the threshold follows the trend, per millisecond; slower upward, so
 * that a queue is seen before it is taken for normal. */
#define THRESHOLD_UP      0.0087
#define THRESHOLD_DOWN    0.039
#define THRESHOLD_SKIP_MS 15.0
#define OVERUSE_MS        10.0

enum { GROUP_US = 5000, QUEUE_NOISE_US = 15000, STILL_US = 12000 };
/* A queue lasts that long; of the time from one packet to the next no more than
 * a step counts. */
enum { OVER_LONG_US = 20000, OVER_STEP_US = 15000 };
enum { CALM_US = 1000000 }; /* still for that long before a leap */

void estimate_delay_init(struct estimate_delay *d)
{
	memset(d, 0, sizeof(*d));
	d->threshold = THRESHOLD_MS;
	d->batch_us = INT64_MAX;
	d->limit_us = DELAY_QUEUE_MIN_US;
}

void estimate_delay_restart(struct estimate_delay *d)
{
	d->now.first_us = d->last.first_us = 0;
	d->n = d->at = d->n_deltas = 0;
	d->smoothed_ms = d->total_ms = d->trend = d->last_slope = 0;
	d->over_ms = 0;
	d->n_over = 0;
	d->origin_us = 0;
	d->over_us = d->over_last_us = 0;
	d->threshold = THRESHOLD_MS;
	d->signal = DELAY_NORMAL;
}

/* Least squares through the smoothed delays. */
static double slope_of(const struct estimate_delay *d)
{
	double mean_x = 0, mean_y = 0, above = 0, below = 0;

	for (unsigned i = 0; i < d->n; i++) {
		mean_x += d->x_ms[i];
		mean_y += d->y_ms[i];
	}
	mean_x /= d->n;
	mean_y /= d->n;
	for (unsigned i = 0; i < d->n; i++) {
		double x = d->x_ms[i] - mean_x;

		above += x * (d->y_ms[i] - mean_y);
		below += x * x;
	}
	return below > 0 ? above / below : 0;
}

static void adapt_threshold(struct estimate_delay *d, double trend, double ms)
{
	double size = trend < 0 ? -trend : trend;
	double k = size < d->threshold ? THRESHOLD_DOWN : THRESHOLD_UP;

	/* A leap is a change of the route, not a measure of noise. */
	if (size > d->threshold + THRESHOLD_SKIP_MS)
		return;
	if (ms > 100)
		ms = 100;
	d->threshold += k * (size - d->threshold) * ms;
	if (d->threshold < THRESHOLD_MIN_MS)
		d->threshold = THRESHOLD_MIN_MS;
	if (d->threshold > THRESHOLD_MAX_MS)
		d->threshold = THRESHOLD_MAX_MS;
}

static void detect(struct estimate_delay *d, double slope, double ms)
{
	unsigned n = d->n_deltas < DELTAS_MAX ? d->n_deltas : DELTAS_MAX;

	d->trend = n * slope * GAIN;
	if (d->trend > d->threshold) {
		d->over_ms += ms;
		d->n_over++;
		if (d->over_ms > OVERUSE_MS && d->n_over > 1 &&
			slope >= d->last_slope) {
			d->over_ms = 0;
			d->n_over = 0;
			d->signal = DELAY_OVERUSE;
		}
	} else {
		d->over_ms = 0;
		d->n_over = 0;
		d->signal = d->trend < -d->threshold ? DELAY_UNDERUSE
						     : DELAY_NORMAL;
	}
	d->last_slope = slope;
	adapt_threshold(d, d->trend, ms);
}

static void group_done(struct estimate_delay *d)
{
	double sent_ms, arrived_ms;

	if (d->last.first_us == 0) {
		d->origin_us = d->now.arrival_us;
		return;
	}
	sent_ms = (double)(d->now.last_us - d->last.last_us) / 1000;
	arrived_ms = (double)(int64_t)(d->now.arrival_us - d->last.arrival_us) /
		     1000;
	d->n_deltas++;
	d->total_ms += arrived_ms - sent_ms;
	d->smoothed_ms =
		SMOOTHING * d->smoothed_ms + (1 - SMOOTHING) * d->total_ms;
	d->x_ms[d->at] =
		(double)(int64_t)(d->now.arrival_us - d->origin_us) / 1000;
	d->y_ms[d->at] = d->smoothed_ms;
	d->at = (d->at + 1) % DELAY_GROUPS;
	if (d->n < DELAY_GROUPS)
		d->n++;
	detect(d, d->n == DELAY_GROUPS ? slope_of(d) : d->last_slope, sent_ms);
}

/* Packets sent within 5 ms, or that left the path's queue in one burst, are one
 * group. */
static bool same_group(
	const struct estimate_delay *d, uint64_t sent_us, uint64_t arrival_us)
{
	int64_t gap_us = (int64_t)(arrival_us - d->now.arrival_us);

	if (sent_us < d->now.first_us + GROUP_US)
		return true;
	return gap_us <= GROUP_US &&
	       gap_us < (int64_t)(sent_us - d->now.last_us) &&
	       sent_us < d->now.first_us + 20 * GROUP_US;
}

static void into_group(
	struct estimate_delay *d, uint64_t sent_us, uint64_t arrival_us)
{
	if (d->now.first_us && sent_us < d->now.first_us)
		return; /* a revived one, of a group that is closed */
	if (d->now.first_us && !same_group(d, sent_us, arrival_us)) {
		group_done(d);
		d->last = d->now;
		d->now.first_us = 0;
	}
	if (d->now.first_us == 0) {
		d->now = (struct delay_group){ sent_us, sent_us, arrival_us };
		return;
	}
	if (sent_us > d->now.last_us)
		d->now.last_us = sent_us;
	if (arrival_us > d->now.arrival_us)
		d->now.arrival_us = arrival_us;
}

static void note_base(struct estimate_delay *d, uint64_t now_us)
{
	if (d->n_bases == 0 || now_us - d->base_since_us > DELAY_BASE_US) {
		for (unsigned i = DELAY_BASES - 1; i > 0; i--)
			d->base_us[i] = d->base_us[i - 1];
		d->base_us[0] = d->batch_us;
		d->base_since_us = now_us;
		if (d->n_bases < DELAY_BASES)
			d->n_bases++;
	}
	if (d->batch_us < d->base_us[0])
		d->base_us[0] = d->batch_us;
}

static int64_t base_of(const struct estimate_delay *d)
{
	int64_t base_us = d->base_us[0];

	for (unsigned i = 1; i < d->n_bases; i++)
		if (d->base_us[i] < base_us)
			base_us = d->base_us[i];
	return base_us;
}

static void note_over(
	struct estimate_delay *d, uint64_t arrival_us, int64_t way_us)
{
	uint64_t past_us = arrival_us - d->over_last_us;

	if (!d->n_bases || way_us - base_of(d) <= (int64_t)d->limit_us) {
		d->over_us = d->over_last_us = 0;
		return;
	}
	if (d->over_last_us && arrival_us > d->over_last_us)
		d->over_us += past_us < OVER_STEP_US ? past_us : OVER_STEP_US;
	if (arrival_us > d->over_last_us)
		d->over_last_us = arrival_us;
}

void estimate_delay_packet(struct estimate_delay *d, uint64_t sent_us,
	uint64_t arrival_us, bool probe)
{
	int64_t way_us = (int64_t)(arrival_us - sent_us);

	if (way_us < d->batch_us)
		d->batch_us = way_us;
	note_over(d, arrival_us, way_us);
	if (!probe)
		into_group(d, sent_us, arrival_us);
}

/* From the base, or from where an earlier leap has come to rest: a way that has
 * become a little longer is not noticed else, until the bases are forgotten. */
static bool is_leap(const struct estimate_delay *d, uint64_t now_us)
{
	return d->still_since_us && d->n_bases > 0 &&
	       now_us - d->still_since_us > CALM_US &&
	       (d->leapt || d->still_low_us < base_of(d) + QUEUE_NOISE_US) &&
	       d->batch_us > d->still_high_us + QUEUE_NOISE_US;
}

static void note_still(struct estimate_delay *d, uint64_t now_us)
{
	int64_t low_us = d->still_low_us, high_us = d->still_high_us;

	if (d->batch_us < low_us)
		low_us = d->batch_us;
	if (d->batch_us > high_us)
		high_us = d->batch_us;
	if (d->still_since_us == 0 || high_us - low_us > STILL_US) {
		d->leapt = is_leap(d, now_us);
		d->still_since_us = now_us;
		low_us = high_us = d->batch_us;
	}
	d->still_low_us = low_us;
	d->still_high_us = high_us;
}

uint64_t estimate_delay_still_us(
	const struct estimate_delay *d, uint64_t now_us)
{
	return d->leapt ? now_us - d->still_since_us : 0;
}

void estimate_delay_rebase(struct estimate_delay *d, uint64_t now_us)
{
	d->n_bases = 1;
	d->base_us[0] = d->still_low_us;
	d->base_since_us = now_us;
	d->queue_us = d->last_queue_us = 0;
	d->leapt = false;
	d->limit_us = DELAY_QUEUE_MIN_US;
	estimate_delay_restart(d);
}

static void set_limit(struct estimate_delay *d, uint64_t us)
{
	d->limit_us = us < DELAY_QUEUE_MIN_US   ? DELAY_QUEUE_MIN_US
		      : us > DELAY_QUEUE_MAX_US ? DELAY_QUEUE_MAX_US
						: us;
}

static void note_queue(struct estimate_delay *d)
{
	d->last_queue_us = d->queue_us;
	d->queue_us = (uint64_t)(d->batch_us - base_of(d));
	/* The competitor is gone. */
	if (d->queue_us < d->limit_us / 2)
		set_limit(d, d->limit_us - d->limit_us / 32);
	else
		set_limit(d, d->limit_us - d->limit_us / 2048);
}

enum delay_signal estimate_delay_signal(
	struct estimate_delay *d, uint64_t now_us)
{
	enum delay_signal signal = d->signal;

	if (d->batch_us != INT64_MAX) {
		note_still(d, now_us);
		note_base(d, now_us);
		note_queue(d);
		d->batch_us = INT64_MAX;
	}
	/* A signal holds until the next group says otherwise; over-use is
	 * told once. */
	if (d->signal == DELAY_OVERUSE)
		d->signal = DELAY_NORMAL;
	/* All of it was read late, and at once. */
	if (d->queue_us > d->limit_us && d->over_us < OVER_LONG_US)
		return DELAY_NORMAL;
	if (d->queue_us > d->limit_us && d->queue_us >= d->last_queue_us) {
		if (d->limit_us > DELAY_QUEUE_MIN_US)
			set_limit(d, d->queue_us + d->queue_us / 12);
		return DELAY_OVERUSE;
	}
	/* Beside a competitor the trend is his: loss and the limit remain. And
	 * a trend without a queue is noise. */
	if (signal == DELAY_OVERUSE && (d->limit_us > DELAY_QUEUE_MIN_US ||
					       d->queue_us < QUEUE_NOISE_US))
		return DELAY_NORMAL;
	return signal;
}

void estimate_delay_compete(struct estimate_delay *d)
{
	set_limit(d, d->queue_us + d->queue_us / 2);
}
