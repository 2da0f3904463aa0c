#include "sfu/downlink.h"
#include <stdlib.h>

struct downlink *downlink_new(uint64_t now_us, bool twcc)
{
	const struct estimate_config cfg = { .twcc = twcc };
	struct downlink *d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	if (estimate_init(&d->estimate, now_us, &cfg)) {
		free(d);
		return NULL;
	}
	pace_init(&d->pace, estimate_pace_bps(&d->estimate, now_us));
	pace_queue_init(&d->queue);
	d->wanted_us = d->again_us = now_us;
	d->next_us = d->budget_us = d->excess_us = now_us;
	return d;
}

struct downlink *downlink_free(struct downlink *d)
{
	if (!d)
		return NULL;
	estimate_done(&d->estimate);
	free(d);
	return NULL;
}

void downlink_sent(
	struct downlink *d, uint64_t now_us, size_t len, enum sent_kind kind)
{
	size_t bytes = len + DOWNLINK_OVERHEAD;
	estimate_sent(&d->estimate, now_us, bytes, kind);
	d->sent_bytes += bytes;
	pace_sent(&d->pace, now_us, bytes);
}

void downlink_late(struct downlink *d, uint64_t now_us, uint64_t by_us)
{
	estimate_late(&d->estimate, now_us, by_us);
}

/* --- what comes back -------------------------------------------------------
 */

/* The estimate, but while a queue drains at least half of what the path was
 * seen to carry: the picture goes on, if smaller, and the queue goes all the
 * same. */
static uint64_t carries(const struct downlink *d, uint64_t now_us)
{
	const struct estimate_control *c = &d->estimate.control;
	uint64_t bps = estimate_bps(&d->estimate, now_us);
	uint64_t half = c->phase == CONTROL_DRAIN ? c->capacity_bps / 2 : 0;
	return bps > half ? bps : half;
}

uint64_t downlink_hold_bps(const struct downlink *d, uint64_t now_us)
{
	const struct estimate *e = &d->estimate;
	const struct estimate_control *c = &e->control;
	uint64_t bps = c->phase == CONTROL_DRAIN ? c->drain_bps : 0;
	/* A browser that has just begun is busy with that, and its reports say
	 * little of the path. */
	if (now_us - e->start_us < DOWNLINK_YOUNG_US &&
		bps < DOWNLINK_YOUNG_BPS)
		bps = DOWNLINK_YOUNG_BPS;
	return bps;
}

double downlink_loss(const struct downlink *d)
{
	return d->estimate.loss.recent;
}

double downlink_inherent_loss(const struct downlink *d)
{
	return d->estimate.loss.inherent;
}

bool downlink_was_full(const struct downlink *d)
{
	const struct estimate *e = &d->estimate;
	return !e->twcc || e->control.decreased_us || e->control.capacity_bps ||
	       e->loss.phase != LOSS_CALM || e->stalls;
}

static void set_rate(struct downlink *d, uint64_t now_us)
{
	uint64_t bps = carries(d, now_us);
	uint64_t fast_bps = estimate_pace_bps(&d->estimate, now_us);
	uint64_t probe_bps = probe_rate(&d->estimate.probe);
	bool spent = d->excess_bytes > bps * DOWNLINK_BURST_US / 8000000;
	if (!downlink_was_full(d) && fast_bps < DOWNLINK_HOPE_BPS)
		fast_bps = DOWNLINK_HOPE_BPS;
	if (spent && downlink_was_full(d))
		fast_bps = bps > probe_bps ? bps : probe_bps;
	pace_set_rate(&d->pace, now_us, fast_bps > bps ? fast_bps : bps);
	pace_stall(&d->pace, estimate_stall_us(&d->estimate));
}

int downlink_feedback(
	struct downlink *d, uint64_t now_us, const uint8_t *body, size_t len)
{
	int err = estimate_feedback(&d->estimate, now_us, body, len);
	if (err)
		return err;
	set_rate(d, now_us);
	/* What a probe wants need not wait for the next tick. */
	if (d->estimate.probe.n_wishes)
		d->next_us = now_us;
	return 0;
}

void downlink_remb(struct downlink *d, uint64_t now_us, uint64_t bps)
{
	estimate_remb(&d->estimate, now_us, bps);
	set_rate(d, now_us);
}

void downlink_report(struct downlink *d, uint64_t now_us, unsigned n,
	uint8_t fraction_lost, uint64_t rtt_us)
{
	estimate_report(&d->estimate, now_us, n, fraction_lost, rtt_us);
	set_rate(d, now_us);
}

uint64_t downlink_rtt_us(const struct downlink *d)
{
	uint64_t us = d->estimate.sent.rtt_us ? d->estimate.sent.rtt_us
					      : d->estimate.rtt_us;
	if (!us)
		return DOWNLINK_RTT_US;
	return us < DOWNLINK_RTT_MIN_US ? DOWNLINK_RTT_MIN_US : us;
}

/* --- what there is to spend --------------------------------------------------
 */

void downlink_want(struct downlink *d, uint64_t now_us, uint64_t bps)
{
	uint64_t seconds = (now_us - d->wanted_us) / 1000000;
	for (uint64_t i = 0; i < seconds && i < 64; i++)
		d->want_bps -= d->want_bps / 16;
	d->wanted_us += seconds * 1000000;
	if (d->want_bps < bps)
		d->want_bps = bps;
	estimate_want(&d->estimate,
		(d->want_bps + d->again_bps) / 100 * DOWNLINK_WANT_PERCENT);
}

uint64_t downlink_bps(const struct downlink *d, uint64_t now_us)
{
	const struct estimate *e = &d->estimate;
	uint64_t bps = carries(d, now_us);
	/* Nothing of what is decided would be seen, and every key frame asked
	 * for lost. */
	if (e->stalled && e->control.before_bps > bps)
		bps = e->control.before_bps;
	if (!downlink_paces(d))
		return UINT64_MAX;
	if (!downlink_was_full(d) && bps < DOWNLINK_HOPE_BPS)
		return DOWNLINK_HOPE_BPS;
	return bps - (d->again_bps < bps / 2 ? d->again_bps : bps / 2);
}

uint64_t downlink_spend(struct downlink *d, uint64_t now_us)
{
	d->spent_bps = downlink_bps(d, now_us);
	return d->spent_bps;
}

bool downlink_moved(const struct downlink *d, uint64_t now_us)
{
	uint64_t bps = downlink_bps(d, now_us), was = d->spent_bps;
	return bps > was ? bps - was > was / 16 : was - bps > was / 16;
}

bool downlink_takes(
	const struct downlink *d, uint64_t now_us, size_t bytes, size_t extra)
{
	uint64_t bps = carries(d, now_us), all = bytes;
	if (!downlink_was_full(d) && bps < DOWNLINK_YOUNG_BPS)
		bps = DOWNLINK_YOUNG_BPS;
	all += pace_queue_bytes(&d->queue);
	return !d->estimate.stalled &&
	       all <= d->pace.rate_bps * DOWNLINK_PAST_US / 8000000 &&
	       extra <= bps * DOWNLINK_EXTRA_US / 8000000;
}

/* --- retransmissions -------------------------------------------------------
 */

static uint64_t resend_bps(
	const struct downlink *d, uint64_t now_us, uint64_t max_bps)
{
	uint64_t bps = estimate_bps(&d->estimate, now_us) / 100 *
		       DOWNLINK_RESEND_PERCENT;
	if (bps < DOWNLINK_RESEND_MIN_BPS)
		bps = DOWNLINK_RESEND_MIN_BPS;
	return bps < max_bps ? bps : max_bps;
}

static bool take_budget(
	struct downlink *d, uint64_t now_us, size_t bytes, uint64_t rate_bps)
{
	uint64_t most = rate_bps * DOWNLINK_RESEND_BURST_US / 8000000;
	uint64_t past_us = now_us - d->budget_us;
	/* Longer than that fills it anyway. */
	if (past_us > DOWNLINK_RESEND_BURST_US)
		past_us = DOWNLINK_RESEND_BURST_US;
	uint64_t left = d->budget_bytes + rate_bps * past_us / 8000000;
	left = left < most ? left : most;
	if (left < bytes)
		return false;
	d->budget_bytes = left - bytes;
	d->budget_us = now_us;
	return true;
}

bool downlink_may_resend(struct downlink *d, uint64_t now_us, uint32_t ssrc,
	uint64_t seq, size_t len, uint64_t max_bps)
{
	struct downlink_resent *r = &d->resent[(ssrc + seq) % DOWNLINK_RESENT];
	uint32_t now_ms = (uint32_t)(now_us / 1000);
	if (r->ssrc == ssrc && r->seq == seq &&
		now_ms - r->at_ms < downlink_rtt_us(d) / 1000 *
					    DOWNLINK_REPEAT_PERCENT / 100)
		return false;
	if (!downlink_may_repeat(d, now_us, len, max_bps))
		return false;
	*r = (struct downlink_resent){ ssrc, now_ms, seq };
	return true;
}

bool downlink_may_repeat(
	struct downlink *d, uint64_t now_us, size_t len, uint64_t max_bps)
{
	if (!take_budget(d, now_us, len + DOWNLINK_OVERHEAD,
		    resend_bps(d, now_us, max_bps)))
		return false;
	d->again_bytes += len + DOWNLINK_OVERHEAD;
	return true;
}

bool downlink_has_room(const struct downlink *d, uint64_t now_us)
{
	uint64_t bps = d->want_bps / 100 * DOWNLINK_ROOM_PERCENT + d->again_bps;
	return downlink_fits(d, now_us) &&
	       bps < estimate_bps(&d->estimate, now_us);
}

/* --- time ------------------------------------------------------------------
 */

static void measure_excess(struct downlink *d, uint64_t now_us)
{
	uint64_t bps = carries(d, now_us);
	uint64_t past_us = now_us - d->excess_us;
	/* Longer than that there is nothing left of it. */
	if (past_us > 10000000)
		past_us = 10000000;
	uint64_t fits = bps * past_us / 8000000;
	uint64_t all = d->excess_bytes + d->sent_bytes;
	d->excess_bytes = all > fits ? all - fits : 0;
	d->excess_us = now_us;
	d->sent_bytes = 0;
}

static void measure_again(struct downlink *d, uint64_t now_us)
{
	uint64_t past_us = now_us - d->again_us;
	if (past_us < 1000000)
		return;
	d->again_bps = (d->again_bps + d->again_bytes * 8000000 / past_us) / 2;
	d->again_bytes = 0;
	d->again_us = now_us;
}

void downlink_tick(struct downlink *d, uint64_t now_us)
{
	measure_again(d, now_us);
	measure_excess(d, now_us);
	estimate_tick(&d->estimate, now_us);
	set_rate(d, now_us);
}

void downlink_rest(struct downlink *d, uint64_t now_us)
{
	const struct probe *probe = &d->estimate.probe;
	d->next_us = now_us + DOWNLINK_TICK_US;
	if (!probe_rate(probe) && !probe->n_wishes && !d->estimate.stalled)
		return;
	d->next_us = estimate_deadline(&d->estimate, now_us);
	if (d->next_us <= now_us)
		d->next_us = now_us + DOWNLINK_PROBE_US;
}

uint64_t downlink_deadline(const struct downlink *d)
{
	uint64_t at_us = d->next_us;
	if (!pace_queue_empty(&d->queue)) {
		uint64_t p = pace_deadline(&d->pace);
		at_us = p < at_us ? p : at_us;
	}
	return at_us;
}
