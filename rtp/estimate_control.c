#include "rtp/estimate_control.h"

#include <string.h>

enum {
	DRAIN_US = 400000,       /* a queue should be gone after that */
	DRAIN_FRESH_US = 300000, /* what is acked was sent since */
	STILL_US = 400000,       /* and a round trip: no queue that drains */
	DRAIN_MAX_US = 800000,   /* and two round trips: it is not ours */
	QUEUE_NONE_US = 10000,
	QUEUE_SMALL_US = 20000,
	QUEUE_DEEP_US = 60000,
	BACKLOG_LONG_US = 500000,
	REACT_US = 50000, /* and a round trip: the last decrease shows */
	PROBE_GAP_US = 2000000,
	PROBE_GAP_MAX_US = 8000000,
	PROBE_GAP_LOW_US = 800000, /* far below the best */
	PROBE_QUIET_US = 1000000,  /* after a decrease */
	PROBE_BLAME_US = 3000000,
	PROBE_AGAIN_US = 300000, /* where one has told nothing */
	PROBE_AGAIN = 3,
	PACKET_BITS = 1200 * 8,
};
#define GROWTH_A_SECOND  0.12
#define GROWTH_COMPETING 0.08
#define ADDITIVE_MIN     0.01 /* a second, of the rate */
#define ADDITIVE_MAX     0.06
#define KEEP_MAX         0.90
#define KEEP_MIN         0.5
#define KEEP_LONG        0.2
#define RETURN           0.95 /* of the capacity, once drained */
#define BLAMED           0.8  /* of what a probe found is less: it was wrong */
#define LOW              0.6  /* of the best of late is far below it */
#define BEST_DECAY       0.02 /* a second */
#define GENTLE           0.85
#define SHRUNK           0.8 /* of a queue is left: it drains */
#define PASSED           1.05
#define FLOWS            0.8  /* of what arrives: no measure of the path */
#define APP_LIMITED      0.65 /* of the rate is used: less is "limited" */
#define LESS             0.8  /* of what was sent lets a queue shrink */
#define STEP_MIN         0.4  /* of what was sent a moment ago */

static uint64_t scaled(uint64_t bps, double by)
{
	return (uint64_t)((double)bps * by);
}

static void set_rate(struct estimate_control *c, uint64_t bps)
{
	if (bps > c->max_bps)
		bps = c->max_bps;
	if (bps < c->min_bps)
		bps = c->min_bps;
	c->bps = bps;
}

static void enter(
	struct estimate_control *c, enum control_phase phase, uint64_t now_us)
{
	c->phase = phase;
	c->phase_us = now_us;
}

void control_init(struct estimate_control *c, uint64_t now_us,
	uint64_t start_bps, uint64_t min_bps, uint64_t max_bps)
{
	memset(c, 0, sizeof(*c));
	c->min_bps = min_bps;
	c->max_bps = max_bps;
	set_rate(c, start_bps);
	c->updated_us = c->phase_us = c->probed_us = now_us;
	c->probe_gap_us = PROBE_GAP_US;
}

static void blame_probe(
	struct estimate_control *c, uint64_t now_us, uint64_t found_bps)
{
	if (c->raised_us && now_us - c->raised_us < PROBE_BLAME_US &&
		found_bps < scaled(c->raised_bps, BLAMED) &&
		c->probe_gap_us < PROBE_GAP_MAX_US)
		c->probe_gap_us *= 2;
	c->raised_us = 0;
}

/* The share of the capacity to keep while the queue drains. What is in flight
 * tells of a deep buffer before its delay does; lost feedback looks like that
 * as well, but not like a queue. */
static double keep_of(const struct control_view *v)
{
	double keep = 1 - (double)v->queue_us / DRAIN_US;

	if (v->queue_us > QUEUE_DEEP_US && v->backlog_us > BACKLOG_LONG_US)
		return KEEP_LONG;
	if (keep > KEEP_MAX)
		return KEEP_MAX;
	return keep < KEEP_MIN ? KEEP_MIN : keep;
}

/* What the path carries, by one moment. A receiver whose program is not run for
 * some moments looks like one whose path breaks down; where it did, the next
 * signals say so. */
static uint64_t carried(
	const struct estimate_control *c, const struct control_view *v)
{
	uint64_t least = scaled(v->sent_bps, STEP_MIN);
	uint64_t bps = v->busy_bps < c->bps ? v->busy_bps : c->bps;

	if (bps < v->acked_bps)
		bps = v->acked_bps;
	return bps > least ? bps : least;
}

void control_overuse(struct estimate_control *c, const struct control_view *v)
{
	bool limited = v->acked_bps < scaled(c->bps, APP_LIMITED);
	uint64_t carried_bps = carried(c, v), bps;

	c->updated_us = v->now_us;
	if (c->phase == CONTROL_HOLD || v->acked_bps == 0)
		return;
	if (c->decreased_us &&
		v->now_us - c->decreased_us < v->rtt_us + REACT_US)
		return;
	/* What is sent during a drain is no measure of the capacity. */
	if (c->phase == CONTROL_DRAIN && v->queue_us < QUEUE_DEEP_US)
		return;
	blame_probe(c, v->now_us, v->acked_bps);
	c->decreased_us = v->now_us;
	if (limited && v->queue_us < QUEUE_DEEP_US) {
		/* The rate is not what fills the queue, if anything does. */
		bps = scaled(c->bps, GENTLE);
		set_rate(c, bps > v->acked_bps ? bps : v->acked_bps);
		return;
	}
	c->capacity_bps = carried_bps;
	if (v->competing) {
		/* Backing off further would leave the path to the other. */
		bps = scaled(carried_bps, GENTLE);
		set_rate(c, bps < c->bps ? bps : c->bps);
		return;
	}
	bps = scaled(carried_bps, keep_of(v));
	set_rate(c, bps < c->bps ? bps : c->bps);
	if (c->phase == CONTROL_DRAIN)
		return;
	c->drain_bps = carried_bps;
	c->drain_sent_bps = v->sent_bps;
	c->drain_queue_us = v->queue_us;
	enter(c, CONTROL_DRAIN, v->now_us);
}

/* Grown by what the time since the last update allows. */
static void grow(struct estimate_control *c, const struct control_view *v)
{
	uint64_t past_us = v->now_us - c->updated_us;
	double s = (double)(past_us > 500000 ? 500000 : past_us) / 1e6;
	double by = (double)c->bps * GROWTH_A_SECOND * s;

	/* Of a path that was never full what arrives is proof enough. */
	if (!c->decreased_us && !c->capacity_bps && c->bps < v->acked_bps &&
		v->queue_us < QUEUE_SMALL_US)
		set_rate(c, v->acked_bps);
	/* What is not used proves nothing. */
	if (c->bps > v->acked_bps + v->acked_bps / 2)
		return;
	/* Past it without a queue: it is more by now. */
	if (c->capacity_bps && v->queue_us < QUEUE_NONE_US &&
		c->bps > scaled(c->capacity_bps, PASSED))
		c->capacity_bps = 0;
	if (c->capacity_bps && c->bps > scaled(c->capacity_bps, 0.7)) {
		double packet =
			PACKET_BITS * s * 1e6 / (double)(v->rtt_us + 100000);
		double least = (double)c->bps * ADDITIVE_MIN * s;
		double most = (double)c->bps * ADDITIVE_MAX * s;

		by = packet < least ? least : packet > most ? most : packet;
	}
	if (v->competing)
		by = (double)c->bps * GROWTH_COMPETING * s;
	else if (v->queue_us > QUEUE_DEEP_US / 2)
		by = 0;
	set_rate(c, c->bps + (uint64_t)(by + 0.5));
}

static bool drain(struct estimate_control *c, const struct control_view *v)
{
	bool gone = v->queue_us < QUEUE_SMALL_US;
	uint64_t bps;

	if (v->queue_us > c->drain_queue_us)
		c->drain_queue_us = v->queue_us;
	/* A queue that drains does so at the path's own rate. Only after a deep
	 * fall: beside another flow it would keep the share of the moment. */
	if (v->now_us - c->decreased_us > DRAIN_FRESH_US &&
		c->capacity_bps < scaled(c->drain_bps, LOW) &&
		v->acked_bps > c->capacity_bps)
		c->capacity_bps = v->acked_bps;
	bps = scaled(gone ? c->capacity_bps : c->drain_bps, RETURN);

	if (!gone && v->now_us - c->phase_us < DRAIN_MAX_US + 2 * v->rtt_us)
		return false;
	/* It goes, but is long: ours, in a deep buffer. */
	if (!gone && v->queue_us < scaled(c->drain_queue_us, SHRUNK)) {
		c->drain_queue_us = v->queue_us;
		c->phase_us = v->now_us;
		return false;
	}
	set_rate(c, bps > c->bps ? bps : c->bps);
	enter(c, CONTROL_GROW, v->now_us);
	return !gone;
}

bool control_free(struct estimate_control *c, const struct control_view *v)
{
	double s = (double)(v->now_us - c->updated_us) / 1e6;
	bool stays = false;

	c->best_bps -=
		(uint64_t)((double)c->best_bps * BEST_DECAY * (s < 1 ? s : 1));
	if (c->bps > c->best_bps)
		c->best_bps = c->bps;
	if (c->phase == CONTROL_DRAIN)
		stays = drain(c, v);
	else if (c->phase == CONTROL_GROW)
		grow(c, v);
	c->updated_us = v->now_us;
	return stays;
}

/* A receiver that was not run meanwhile reads all of it at once, or half of it
 * later. */
static bool tells_nothing(
	const struct control_view *v, const struct probe_result *r)
{
	return !r->bps || (r->full && r->bps < scaled(v->acked_bps, FLOWS));
}

static void probe_again(struct estimate_control *c)
{
	if (c->void_probes++ < PROBE_AGAIN)
		c->probed_us -= c->probe_gap_us - PROBE_AGAIN_US;
}

uint64_t control_probed(struct estimate_control *c,
	const struct control_view *v, const struct probe_result *r)
{
	uint64_t bps = r->full ? scaled(r->bps, RETURN) : r->bps;

	if (c->phase != CONTROL_GROW)
		return 0;
	if (tells_nothing(v, r)) {
		probe_again(c);
		return 0;
	}
	c->void_probes = 0;
	if (bps > scaled(c->bps, 1.05)) {
		set_rate(c, bps);
		c->raised_us = v->now_us;
		c->raised_bps = c->bps;
		c->capacity_bps = r->full ? r->bps : 0;
	} else if (r->full && !c->capacity_bps) {
		c->capacity_bps = r->bps;
	}
	if (r->full || r->bps * 10 < r->rate_bps * 7 || c->bps == c->max_bps)
		return 0;
	c->probed_us = v->now_us;
	return 2 * r->bps;
}

bool control_foreign(const struct estimate_control *c,
	const struct control_view *v, uint64_t still_us)
{
	return c->phase == CONTROL_DRAIN && still_us > STILL_US + v->rtt_us &&
	       v->sent_bps < scaled(c->drain_sent_bps, LESS);
}

void control_undo(struct estimate_control *c, uint64_t now_us)
{
	uint64_t bps = c->drain_sent_bps;

	if (c->drain_bps > bps)
		bps = c->drain_bps;
	c->capacity_bps = c->decreased_us = 0;
	/* How much more there is must be seen anew. */
	c->probed_us = 0;
	control_release(c, now_us, bps > c->bps ? bps : c->bps);
}

/* Whether it is time for a probe. Far below the best of late it is sooner. */
static bool probe_is_due(
	const struct estimate_control *c, const struct control_view *v)
{
	bool low = c->bps < scaled(c->best_bps, LOW);
	uint64_t gap_us = low ? PROBE_GAP_LOW_US : c->probe_gap_us;
	uint64_t quiet_us = low ? PROBE_GAP_LOW_US : PROBE_QUIET_US;

	if (v->now_us - c->probed_us < gap_us)
		return false;
	return !c->decreased_us || v->now_us - c->decreased_us >= quiet_us;
}

uint64_t control_probe_wish(struct estimate_control *c,
	const struct control_view *v, uint64_t wanted_bps)
{
	if (c->phase != CONTROL_GROW || c->bps >= wanted_bps ||
		c->bps >= c->max_bps || v->queue_us > QUEUE_DEEP_US / 2)
		return 0;
	if (!probe_is_due(c, v))
		return 0;
	/* It held for long enough: no false raise. */
	if (c->raised_us && v->now_us - c->raised_us > PROBE_BLAME_US)
		c->probe_gap_us = PROBE_GAP_US;
	c->probed_us = v->now_us;
	return 2 * c->bps;
}

void control_hold(struct estimate_control *c, uint64_t now_us, uint64_t bps)
{
	if (c->phase != CONTROL_HOLD)
		c->before_bps = c->bps;
	enter(c, CONTROL_HOLD, now_us);
	set_rate(c, bps < c->bps ? bps : c->bps);
}

void control_release(struct estimate_control *c, uint64_t now_us, uint64_t bps)
{
	enter(c, CONTROL_GROW, now_us);
	set_rate(c, bps);
	c->updated_us = now_us;
}
