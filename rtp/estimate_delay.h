/*
 * Does a queue build up on the way to a receiver? Reads send and arrival times
 * of packets; part of estimate.h.
 *
 * Two measures. The trend (draft-ietf-rmcat-gcc-02, 5.2 to 5.4, with a line
 * through the last groups' delays instead of a Kalman filter): grows the delay
 * from group to group? And the queue: how far is the delay above the least of
 * the last half minute? The trend sees a queue begin, the queue one that stays.
 */
#ifndef HEARTH_RTP_ESTIMATE_DELAY_H
#define HEARTH_RTP_ESTIMATE_DELAY_H

#include <stdbool.h>
#include <stdint.h>

enum {
	DELAY_GROUPS = 20, /* the line goes through so many */
	DELAY_BASES = 3,   /* windows of DELAY_BASE_US */
	DELAY_BASE_US = 10000000,
	DELAY_QUEUE_MIN_US = 60000, /* a queue below is never too long */
	DELAY_QUEUE_MAX_US = 600000,
};

enum delay_signal { DELAY_NORMAL, DELAY_OVERUSE, DELAY_UNDERUSE };

struct delay_group {
	uint64_t first_us, last_us, arrival_us; /* sent, sent, last arrival */
};

struct estimate_delay {
	struct delay_group now, last; /* first_us 0: none */
	double smoothed_ms, total_ms;
	double x_ms[DELAY_GROUPS], y_ms[DELAY_GROUPS];
	unsigned n, at, n_deltas;
	uint64_t origin_us; /* arrival of the first group */
	double trend, threshold, last_slope, over_ms;
	unsigned n_over;
	enum delay_signal signal;
	/* One-way delays, plus a constant of the two clocks. */
	int64_t base_us[DELAY_BASES];
	unsigned n_bases;
	uint64_t base_since_us;
	int64_t batch_us; /* least of this feedback; INT64_MAX: none */
	/* The delay has stayed between these two since then. */
	int64_t still_low_us, still_high_us;
	uint64_t still_since_us;
	bool leapt; /* to there, at once, from where there was no queue */
	uint64_t queue_us, last_queue_us;
	/* For how long, by the receiver's clock, packets have come that waited
	 * too long; the newest of them. What a program reads late that was not
	 * run comes all at one time. */
	uint64_t over_us, over_last_us;
	/* What is too long: more where somebody else keeps the queue full. */
	uint64_t limit_us;
};

void estimate_delay_init(struct estimate_delay *d);
/* A packet arrived, in order of sending within one feedback. probe: it may
 * queue behind its own burst, so that it is no trend. */
void estimate_delay_packet(struct estimate_delay *d, uint64_t sent_us,
	uint64_t arrival_us, bool probe);
/* The feedback is read to its end: updates queue_us. Returns whether the path
 * is over-used. */
enum delay_signal estimate_delay_signal(
	struct estimate_delay *d, uint64_t now_us);
/* The queue stays although we have backed off: somebody else fills it, so that
 * it is measured from where it is. */
void estimate_delay_compete(struct estimate_delay *d);
/* For how long the delay has hardly moved since it leapt from one feedback to
 * the next, which a queue that fills does not; 0: it did not. And a queue of
 * ours would move, once less is sent. */
uint64_t estimate_delay_still_us(
	const struct estimate_delay *d, uint64_t now_us);
/* It is the way that has become longer: what is measured now is no queue. */
void estimate_delay_rebase(struct estimate_delay *d, uint64_t now_us);
/* Forgets the groups, not the bases: after a silence. */
void estimate_delay_restart(struct estimate_delay *d);

#endif
