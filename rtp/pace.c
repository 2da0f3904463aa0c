#include "rtp/pace.h"

#include <string.h>

#define PS UINT64_C(1000000) /* picoseconds in a microsecond */

enum { RATE_MIN_BPS = 10000 };

static void take_rate(struct pace *p, uint64_t rate_bps)
{
	uint64_t bytes;

	if (rate_bps < RATE_MIN_BPS)
		rate_bps = RATE_MIN_BPS;
	p->rate_bps = rate_bps;
	p->ps_per_byte = 8 * PS * PS / rate_bps;
	bytes = rate_bps * PACE_BURST_US / 8000000;
	if (bytes > PACE_BURST_BYTES)
		bytes = PACE_BURST_BYTES;
	if (bytes < PACE_BURST_MIN)
		bytes = PACE_BURST_MIN;
	p->burst_ns = bytes * p->ps_per_byte / 1000;
}

void pace_init(struct pace *p, uint64_t rate_bps)
{
	memset(p, 0, sizeof(*p));
	take_rate(p, rate_bps);
}

static uint64_t debt_at(const struct pace *p, uint64_t now_us)
{
	uint64_t past_us = now_us > p->at_us ? now_us - p->at_us : 0;
	uint64_t past_ns = past_us * 1000;

	return p->debt_ns > past_ns ? p->debt_ns - past_ns : 0;
}

void pace_set_rate(struct pace *p, uint64_t now_us, uint64_t rate_bps)
{
	uint64_t old_bps = p->rate_bps;

	if (rate_bps == old_bps)
		return;
	take_rate(p, rate_bps);
	/* The debt is of bytes. */
	p->debt_ns =
		debt_at(p, now_us) * (old_bps / 1000) / (p->rate_bps / 1000);
	p->at_us = now_us;
}

void pace_stall(struct pace *p, uint64_t gap_us)
{
	p->stalled_us = gap_us;
}

bool pace_may_send(const struct pace *p, uint64_t now_us, enum pace_kind kind)
{
	if (kind == PACE_AUDIO)
		return true;
	if (p->stalled_us && now_us < p->last_us + p->stalled_us)
		return false;
	if (kind == PACE_PADDING)
		return debt_at(p, now_us) == 0;
	return debt_at(p, now_us) < p->burst_ns;
}

void pace_sent(struct pace *p, uint64_t now_us, size_t bytes)
{
	p->debt_ns = debt_at(p, now_us) + bytes * p->ps_per_byte / 1000;
	p->at_us = p->last_us = now_us;
}

uint64_t pace_deadline(const struct pace *p)
{
	uint64_t at_us = p->at_us;

	if (p->debt_ns >= p->burst_ns)
		at_us += (p->debt_ns - p->burst_ns) / 1000 + 1;
	if (p->stalled_us && at_us < p->last_us + p->stalled_us)
		at_us = p->last_us + p->stalled_us;
	return at_us;
}

void pace_queue_init(struct pace_queue *q)
{
	memset(q, 0, sizeof(*q));
}

bool pace_queue_push(struct pace_queue *q, uint64_t now_us, enum pace_kind kind,
	uint32_t handle, uint64_t seq, size_t bytes)
{
	struct pace_ring *r = kind == PACE_RTX ? &q->rtx : &q->video;

	if (kind != PACE_RTX && kind != PACE_VIDEO)
		return false;
	if (r->n == PACE_QUEUE || bytes > UINT16_MAX) {
		q->full++;
		return false;
	}
	r->ref[(r->head + r->n++) % PACE_QUEUE] = (struct pace_ref){
		.seq = seq,
		.handle = handle,
		.bytes = (uint16_t)bytes,
		.since_ms = (uint16_t)(now_us / 1000),
	};
	r->bytes += bytes;
	return true;
}

static bool too_old(const struct pace_ref *ref, uint64_t now_us)
{
	return (uint16_t)((uint16_t)(now_us / 1000) - ref->since_ms) >
	       PACE_WAIT_US / 1000;
}

static struct pace_ref pop(struct pace_ring *r)
{
	struct pace_ref ref = r->ref[r->head];

	r->head = (r->head + 1) % PACE_QUEUE;
	r->n--;
	r->bytes -= ref.bytes;
	return ref;
}

static unsigned forget(struct pace_ring *r, uint32_t handle)
{
	unsigned n = r->n;

	for (unsigned i = 0; i < n; i++) {
		struct pace_ref ref = pop(r);

		if (ref.handle == handle)
			continue;
		r->ref[(r->head + r->n++) % PACE_QUEUE] = ref;
		r->bytes += ref.bytes;
	}
	return n - r->n;
}

void pace_queue_forget(struct pace_queue *q, uint32_t handle)
{
	forget(&q->rtx, handle);
	forget(&q->video, handle);
}

enum pace_next pace_queue_next(
	struct pace_queue *q, uint64_t now_us, struct pace_ref *ret)
{
	while (q->rtx.n) {
		*ret = pop(&q->rtx);
		if (!too_old(ret, now_us))
			return PACE_SEND;
		q->stale++;
	}
	if (q->video.n == 0)
		return PACE_EMPTY;
	*ret = pop(&q->video);
	if (!too_old(ret, now_us))
		return PACE_SEND;
	q->stale += 1 + forget(&q->video, ret->handle);
	return PACE_STALE;
}
