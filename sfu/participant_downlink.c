/* What goes to one participant: its estimate's beginning and its turns. */
#include "sfu/participant.h"
#include "sfu/quality.h"

void participant_downlink(struct participant *p, uint64_t now_us, bool twcc)
{
	if (p->down || p->plain)
		return;
	p->down = downlink_new(now_us, twcc);
	if (p->down)
		participant_due(p, now_us);
}

static void send_waiting(struct participant *p, uint64_t now_us)
{
	struct downlink *d = p->down;
	struct pace_ref ref;
	while (!pace_queue_empty(&d->queue) &&
		pace_may_send(&d->pace, now_us, PACE_VIDEO)) {
		unsigned n = d->queue.video.n;
		enum pace_next next = pace_queue_next(&d->queue, now_us, &ref);
		bool rtx = d->queue.video.n == n;
		struct subscription *s =
			next == PACE_EMPTY
				? NULL
				: participant_sub_by_ssrc(p, ref.handle);
		if (!s)
			continue;
		if (next == PACE_STALE)
			subscription_stale(s, now_us);
		else
			subscription_send_queued(s, now_us, rtx, ref.seq);
	}
}

/* One packet that its receiver has had; false: there is none. Later ones go
 * back further, so that not one alone is repeated. */
static bool pad(struct participant *p, uint64_t now_us)
{
	struct downlink *d = p->down;
	for (unsigned i = 0; i < p->n_subs; i++) {
		unsigned back = d->padded % DOWNLINK_PADDING;
		if (!subscription_pad(p->sub[i], now_us, back))
			continue;
		d->padded++;
		p->stats.padding_out++;
		return true;
	}
	return false;
}

static void send_padding(struct participant *p, uint64_t now_us)
{
	struct downlink *d = p->down;
	while (estimate_padding(&d->estimate, now_us) && pad(p, now_us))
		;
	/* Into the silence, to hear when the path is back. */
	if (estimate_stall_us(&d->estimate) && pace_queue_empty(&d->queue) &&
		pace_may_send(&d->pace, now_us, PACE_PADDING))
		pad(p, now_us);
}

void participant_downlink_run(struct participant *p, uint64_t now_us)
{
	if (!p->down || downlink_deadline(p->down) > now_us)
		return;
	downlink_tick(p->down, now_us);
	if (downlink_moved(p->down, now_us))
		quality_changed(p, now_us);
	send_waiting(p, now_us);
	send_padding(p, now_us);
	downlink_rest(p->down, now_us);
}
