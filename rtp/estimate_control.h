/*
 * The rate out of the signals: grows while the path is free, falls to what the
 * path carries when it is not. Part of estimate.h. After
 * draft-ietf-rmcat-gcc-02, 5.5, with two differences: a decrease goes as deep
 * as the queue asks and, once it is drained, returns to nearly what the path
 * was seen to carry; and what a probe found is taken at once.
 */
#ifndef HEARTH_RTP_ESTIMATE_CONTROL_H
#define HEARTH_RTP_ESTIMATE_CONTROL_H

#include <stdbool.h>
#include <stdint.h>
#include "rtp/probe.h"

enum control_phase {
	CONTROL_GROW,
	CONTROL_DRAIN, /* below the capacity until the queue is gone */
	CONTROL_HOLD,  /* somebody else decides: a trial of loss, a silence */
};

struct estimate_control {
	enum control_phase phase;
	uint64_t bps, min_bps, max_bps;
	uint64_t capacity_bps;   /* last seen; 0: unknown */
	uint64_t drain_bps;      /* the capacity when a drain began */
	uint64_t drain_sent_bps; /* what left us then */
	uint64_t drain_queue_us;
	uint64_t phase_us, updated_us;
	uint64_t decreased_us;
	/* A probe that raises the rate wrongly is followed by over-use: then
	 * the next one waits longer. */
	uint64_t raised_us, raised_bps, probed_us, probe_gap_us;
	unsigned void_probes; /* in a row: nothing could be measured */
	uint64_t best_bps;    /* of late: 2 % a second less worth */
	uint64_t before_bps;  /* a hold */
};

/* What is known at one moment. */
struct control_view {
	uint64_t now_us, rtt_us;
	uint64_t acked_bps; /* arriving, corrected by inherent loss; 0: unknown
			     */
	/* The same for as long only as the queue has lasted: what comes out of
	 * a queue does so at the path's own rate, however little it is on
	 * average. */
	uint64_t busy_bps;
	uint64_t sent_bps; /* that left a moment ago */
	uint64_t queue_us;
	/* What is in flight beyond the usual, at acked_bps: the queue as it is,
	 * not as it was when the last packet came through. */
	uint64_t backlog_us;
	bool competing; /* a queue that is not ours */
};

void control_init(struct estimate_control *c, uint64_t now_us,
	uint64_t start_bps, uint64_t min_bps, uint64_t max_bps);
/* Over-use, by delay or by a full queue's loss. */
void control_overuse(struct estimate_control *c, const struct control_view *v);
/* No over-use. Returns true when a drain ended without the queue having gone:
 * estimate_delay_compete. */
bool control_free(struct estimate_control *c, const struct control_view *v);
/* Whether a queue that has not moved for still_us cannot be ours: a drain sends
 * less than what would have filled it. */
bool control_foreign(const struct estimate_control *c,
	const struct control_view *v, uint64_t still_us);
/* There was no queue to drain: the rate before is as good as it was. */
void control_undo(struct estimate_control *c, uint64_t now_us);
/* A probe's result. Returns the rate of the probe that should follow at once,
 * or 0. */
uint64_t control_probed(struct estimate_control *c,
	const struct control_view *v, const struct probe_result *r);
/* The rate to probe at now, or 0: not now. wanted_bps: what could be used. */
uint64_t control_probe_wish(struct estimate_control *c,
	const struct control_view *v, uint64_t wanted_bps);

/* Takes bps for the time being and remembers the rate before. */
void control_hold(struct estimate_control *c, uint64_t now_us, uint64_t bps);
/* Ends it with bps. */
void control_release(struct estimate_control *c, uint64_t now_us, uint64_t bps);

#endif
