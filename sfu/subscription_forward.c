/* What a subscription does with the packets of its track, and with what its
 * receiver says of them. */
#include <string.h>
#include "sfu/participant.h"
#include "sfu/subscription_private.h"

static enum sent_kind kind_of(const struct subscription *s)
{
	return s->kind == SDP_AUDIO ? SENT_AUDIO : SENT_VIDEO;
}

/* True when the gate lets this packet through; opens it if it may. */
static bool pass_gate(
	struct subscription *s, uint64_t now_us, const struct track_packet *p)
{
	if (!s->waiting)
		return true;
	if (p->seq <= s->floor || !p->key)
		return false;
	/* What waits is of before. */
	if (s->to->down)
		downlink_forget(s->to->down, s->ssrc);
	rewrite_switch(&s->rewrite, now_us, p->seq, p->view.ts);
	s->waiting = false;
	return true;
}

static bool must_wait(const struct subscription *s, uint64_t now_us)
{
	return s->kind == SDP_VIDEO && s->to->down &&
	       !downlink_may_pass(s->to->down, now_us);
}

/* It waits for its turn (participant_downlink.c); its numbers are given then.
 */
static enum conference_drop enqueue(
	struct subscription *s, uint64_t now_us, const struct track_packet *p)
{
	struct downlink *d = s->to->down;
	if (!pace_queue_push(&d->queue, now_us, PACE_VIDEO, s->ssrc, p->seq,
		    p->view.len + DOWNLINK_OVERHEAD)) {
		subscription_stale(s, now_us);
		return DROP_PACED;
	}
	participant_due(s->to, downlink_deadline(d));
	return CONFERENCE_DROPS;
}

static enum conference_drop forward_layered(struct subscription *s,
	uint64_t now_us, const struct track_packet *p, struct outgoing *o)
{
	uint8_t head[LAYERS_HEAD];
	bool first = s->layers->last == LAYER_NONE;
	enum layer_verdict v =
		layers_judge(s->layers, &s->rewrite, now_us, s->track, p);
	s->to->stats.layer_switches += v == LAYER_SWITCH && !first;
	if (v == LAYER_IGNORE)
		return CONFERENCE_DROPS;
	/* What waits is of another encoding, or of before. */
	if (v == LAYER_SWITCH && s->to->down)
		downlink_forget(s->to->down, s->ssrc);
	s->waiting = false;
	if (v != LAYER_DROP && must_wait(s, now_us))
		return enqueue(s, now_us, p);
	o->head = head;
	o->layer = &p->layer;
	o->ends = layers_marker(s->layers, &p->layer, &p->view);
	if (v == LAYER_DROP ||
		!layers_patch(s->layers, &p->layer, &p->view, head))
		rewrite_drop(&s->rewrite, p->seq);
	else if (rewrite_packet(&s->rewrite, now_us, p->seq, p->view.ts,
			 &o->seq, &o->ts))
		subscription_emit(s, now_us, &p->view, o);
	return CONFERENCE_DROPS;
}

static bool is_fed(const struct subscription *s, const struct track_packet *p)
{
	return subscription_encoding(s) == s->track->encoding[p->encoding];
}

enum conference_drop subscription_forward_one(
	struct subscription *s, uint64_t now_us, const struct track_packet *p)
{
	const struct rtp_packet *pkt = &p->view;
	struct outgoing o = {
		.kind = kind_of(s), .in_seq = p->seq, .lent = p->lent
	};
	bool taken = subscription_pt(s, pkt->pt) != SUBSCRIPTION_NO_PT;
	bool fits = pkt->payload_len + RTP_HEADER_MAX <=
		    OUTBOX_SLOT - CRYPT_TRAILER;
	/* Padding alone (a probe of the publisher's) is not worth a packet. */
	if (!taken || !fits || pkt->payload_len == 0) {
		/* The receiver must not take it for a loss and ask for it. */
		if (!s->waiting && is_fed(s, p))
			rewrite_drop(&s->rewrite, p->seq);
		return !taken  ? DROP_CODEC
		       : !fits ? DROP_TOO_LONG
			       : CONFERENCE_DROPS;
	}
	if (s->layers)
		return forward_layered(s, now_us, p, &o);
	if (!pass_gate(s, now_us, p))
		return DROP_NOT_KEYFRAME;
	if (s->red && pkt->payload_len <= SUBSCRIPTION_RED_MAX)
		o.red_pt = subscription_red_pt(s, subscription_pt(s, pkt->pt));
	if (must_wait(s, now_us))
		return enqueue(s, now_us, p);
	if (rewrite_packet(&s->rewrite, now_us, p->seq, pkt->ts, &o.seq, &o.ts))
		subscription_emit(s, now_us, pkt, &o);
	return CONFERENCE_DROPS;
}

bool subscription_recall(
	const struct subscription *s, struct track_packet *p, uint8_t *copy)
{
	const struct track *t = s->track;
	size_t len;
	const uint8_t *buf =
		history_get(t->encoding[p->encoding]->history, p->seq, &len);
	if (!buf)
		return false;
	memcpy(copy, buf, len);
	if (rtp_parse(&p->view, copy, len) || !t->codec_of_pt[p->view.pt])
		return false;
	p->codec = t->codec_of_pt[p->view.pt];
	track_read_packet(t, &p->view, p);
	return true;
}

static bool is_among(const struct track_packet *p, uint64_t seq,
	const struct track_packet *const *v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (v[i]->seq == seq && v[i]->encoding == p->encoding)
			return true;
	return false;
}

/* A key frame whose first packet came late has opened the gate: what came in
 * between stands in the history. Others ask for it by NACK, but a local program
 * is promised everything. rest: what is about to be forwarded anyway. */
static void catch_up(struct subscription *s, uint64_t now_us,
	const struct track_packet *first,
	const struct track_packet *const *rest, unsigned n_rest)
{
	uint64_t newest = encoding_newest(subscription_encoding(s));
	uint8_t copy[HISTORY_SLOT];
	for (uint64_t seq = first->seq + 1; seq <= newest; seq++) {
		struct track_packet p = { .encoding = first->encoding,
			.seq = seq };
		if (!is_among(&p, seq, rest, n_rest) &&
			subscription_recall(s, &p, copy))
			subscription_forward_one(s, now_us, &p);
	}
}

/* Its turn to make the publisher send a key frame, or what made it stale is
 * over. */
static bool may_ask(const struct subscription *s, uint64_t now_us)
{
	return now_us >= s->ask_us ||
	       (s->to->down && downlink_fits(s->to->down, now_us));
}

static const struct encoding *fed_from(const struct subscription *s)
{
	return s->waiting ? NULL : subscription_encoding(s);
}

bool subscription_forward(struct subscription *s, uint64_t now_us,
	const struct track_packet *const *v, unsigned n)
{
	bool unmet = false, plain = s->to->plain;
	if (!s->active || s->paused)
		return false;
	for (unsigned i = 0; i < n; i++) {
		const struct encoding *before = plain ? fed_from(s) : NULL;
		enum conference_drop why =
			subscription_forward_one(s, now_us, v[i]);
		unmet = why == DROP_NOT_KEYFRAME && may_ask(s, now_us);
		if (why != CONFERENCE_DROPS)
			peer_drop(&s->to->peer, why);
		if (plain && fed_from(s) && fed_from(s) != before)
			catch_up(s, now_us, v[i], v + i + 1, n - i - 1);
	}
	if (s->waiting && s->tries && subscription_replay(s, now_us))
		unmet = false;
	if (s->layers)
		subscription_seek(s, now_us);
	return unmet;
}

static bool may_resend(struct subscription *s, uint64_t now_us, uint64_t in_seq,
	size_t len, uint64_t rate_bps)
{
	struct participant *to = s->to;
	if (!to->down)
		return send_may_resend(&s->send, now_us, len, rate_bps);
	return downlink_may_resend(
		to->down, now_us, s->ssrc, in_seq, len, rate_bps * to->n_subs);
}

/* Behind what is sent again already. Where there is no room it is not: it will
 * be asked for again. */
static bool queue_again(
	struct subscription *s, uint64_t now_us, uint64_t in_seq, size_t len)
{
	struct downlink *d = s->to->down;
	if (!pace_queue_push(&d->queue, now_us, PACE_RTX, s->ssrc, in_seq,
		    len + DOWNLINK_OVERHEAD))
		return false;
	participant_due(s->to, downlink_deadline(d));
	return true;
}

static bool send_again(struct subscription *s, uint64_t now_us,
	const uint8_t *buf, size_t len, uint64_t in_seq)
{
	struct downlink *d = s->to->down;
	if (d && s->kind == SDP_VIDEO && !downlink_may_pass(d, now_us))
		return queue_again(s, now_us, in_seq, len);
	return subscription_emit_again(s, now_us, buf, len, in_seq);
}

static bool loses_many(const struct downlink *d)
{
	return downlink_inherent_loss(d) * 256 >= SUBSCRIPTION_TWICE;
}

static bool is_wanted_twice(
	const struct subscription *s, uint64_t now_us, size_t len, uint64_t bps)
{
	struct downlink *d = s->to->down;
	return d && s->kind == SDP_VIDEO && loses_many(d) &&
	       (downlink_may_pass(d, now_us) || downlink_has_room(d, now_us)) &&
	       downlink_may_repeat(d, now_us, len, bps);
}

void subscription_guard(
	struct subscription *s, uint64_t now_us, uint64_t in_seq)
{
	struct downlink *d = s->to->down;
	size_t len;
	if (!d || !s->rtx_ssrc || !loses_many(d) ||
		!downlink_has_room(d, now_us))
		return;
	const uint8_t *buf = subscription_kept(s, in_seq, &len);
	if (buf && subscription_rtx_pt(s, subscription_pt(s, buf[1] & 0x7f)) &&
		downlink_may_repeat(d, now_us, len, UINT64_MAX))
		send_again(s, now_us, buf, len, in_seq);
}

bool subscription_resend(struct subscription *s, uint64_t now_us,
	uint16_t out_seq, uint64_t rate_bps)
{
	uint64_t in_seq;
	size_t len;
	s->send.nacks++;
	/* While it waits, the track may be another than the one whose numbers
	 * the rewriter still has. */
	/* What went out with redundancy would be another text under its number
	 * without it, and give both away. */
	if (s->was_red || !s->active || s->waiting || s->paused ||
		!rewrite_source(&s->rewrite, out_seq, &in_seq))
		return false;
	const uint8_t *buf = subscription_kept(s, in_seq, &len);
	if (!buf || !may_resend(s, now_us, in_seq, len, rate_bps))
		return false;
	bool sent = send_again(s, now_us, buf, len, in_seq);
	if (sent && is_wanted_twice(s, now_us, len, rate_bps * s->to->n_subs))
		send_again(s, now_us, buf, len, in_seq);
	s->send.nack_hits += sent;
	return sent;
}

void subscription_path_lost(struct subscription *s, double loss)
{
	if (s->kind == SDP_AUDIO && loss * 256 >= SUBSCRIPTION_RED_ON)
		s->red = true;
}

void subscription_reported(struct subscription *s)
{
	if (s->kind != SDP_AUDIO)
		return;
	if (s->send.fraction_lost >= SUBSCRIPTION_RED_ON)
		s->red = true;
	else if (s->send.fraction_lost <= SUBSCRIPTION_RED_OFF)
		s->red = false;
}
