#include "sfu/subscription.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "sfu/participant.h"
#include "sfu/subscription_private.h"

static uint32_t clock_of(enum sdp_kind kind)
{
	return kind == SDP_AUDIO ? 48000 : 90000;
}

int subscription_new(struct subscription **ret, struct participant *to,
	struct track *track, enum sdp_kind kind, uint32_t ssrc,
	const uint8_t random[8])
{
	uint16_t seq;
	uint32_t ts;
	struct subscription *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	memcpy(&seq, random, sizeof(seq));
	memcpy(&ts, random + 4, sizeof(ts));
	memcpy(&s->rtx_seq, random + 2, sizeof(s->rtx_seq));
	s->rtx_seq &= 0x7fff;
	s->to = to;
	s->kind = kind;
	s->ssrc = ssrc;
	s->waiting = true;
	s->switched = !track;
	/* The upper half of the number space is left to wrap into later, so
	 * that a receiver that joins SRTP late does not guess a roll-over. */
	rewrite_init(&s->rewrite, clock_of(kind), seq & 0x7fff, ts);
	send_init(&s->send, ssrc, clock_of(kind));
	memset(s->pt_map, SUBSCRIPTION_NO_PT, sizeof(s->pt_map));
	if (track && track_attach(track, s)) {
		free(s);
		return -ENOMEM;
	}
	s->track = track;
	*ret = s;
	return 0;
}

struct subscription *subscription_free(struct subscription *s)
{
	if (!s)
		return NULL;
	if (s->track)
		track_detach(s->track, s);
	free(s);
	return NULL;
}

int subscription_retarget(
	struct subscription *s, struct track *track, uint64_t now_us)
{
	if (s->track == track)
		return 0;
	if (track && track_attach(track, s))
		return -ENOMEM;
	if (s->track)
		track_detach(s->track, s);
	s->track = track;
	s->waiting = true;
	if (track)
		encoding_want_keyframe(track->encoding[0], now_us);
	return 0;
}

static void map_codecs(struct subscription *s, const struct transceiver *from,
	const struct transceiver *to)
{
	memset(s->pt_map, SUBSCRIPTION_NO_PT, sizeof(s->pt_map));
	for (unsigned i = 0; i < from->n_codecs; i++) {
		if (subscription_pt_at(from->codec[i]->pt) ==
			SUBSCRIPTION_PTS - 1)
			continue;
		for (unsigned k = 0; k < to->n_codecs; k++) {
			if (negotiate_codec_equal(
				    from->codec[i], to->codec[k])) {
				s->pt_map[subscription_pt_at(
					from->codec[i]->pt)] = to->codec[k]->pt;
				break;
			}
		}
	}
}

static const enum negotiate_ext forwarded[] = { EXT_AUDIO_LEVEL,
	EXT_ORIENTATION, EXT_PLAYOUT_DELAY, EXT_COLOR, EXT_ABS_CAPTURE_TIME,
	EXT_DEPENDENCY };
enum { FORWARDED = sizeof(forwarded) / sizeof(forwarded[0]) };

static bool is_forwarded(const struct negotiation *from, uint8_t id)
{
	for (unsigned i = 0; i < FORWARDED; i++)
		if (negotiation_ext(from, forwarded[i]) == id)
			return true;
	return false;
}

void subscription_keep_extensions(
	const struct negotiation *from, struct rtp_packet *pkt)
{
	unsigned n = 0;
	for (unsigned i = 0; i < pkt->n_ext; i++)
		if (is_forwarded(from, pkt->ext[i].id))
			pkt->ext[n++] = pkt->ext[i];
	pkt->n_ext = n;
}

static void map_extensions(struct subscription *s)
{
	const struct negotiation *from = s->track->owner->negotiation;
	memset(s->ext_map, 0, sizeof(s->ext_map));
	for (unsigned i = 0; i < FORWARDED; i++) {
		uint8_t in = negotiation_ext(from, forwarded[i]);
		if (in && in < SUBSCRIPTION_EXTS)
			s->ext_map[in] = negotiation_ext(
				s->to->negotiation, forwarded[i]);
	}
}

struct encoding *subscription_encoding(const struct subscription *s)
{
	return s->track ? s->track->encoding[0] : NULL;
}

bool subscription_holds_line(const struct subscription *s)
{
	const struct transceiver *to =
		negotiation_at(s->to->negotiation, s->transceiver);
	return to && to->want_send && to->send_ssrc == s->ssrc;
}

void subscription_update(struct subscription *s, uint64_t now_us, bool ready)
{
	const struct transceiver *to =
		negotiation_at(s->to->negotiation, s->transceiver);
	bool was = s->active;
	s->active = ready && s->track && subscription_holds_line(s) &&
		    to->sending && to->peer_receives;
	if (!s->track || !to)
		return;
	map_codecs(s,
		negotiation_at(
			s->track->owner->negotiation, s->track->transceiver),
		to);
	map_extensions(s);
	s->twcc_id = to->send_twcc ? negotiation_ext(s->to->negotiation,
					     EXT_TRANSPORT_CC)
				   : 0;
	if (s->active && !was) {
		s->waiting = true;
		if (s->to->plain)
			s->floor = encoding_newest(s->track->encoding[0]);
		encoding_want_keyframe(s->track->encoding[0], now_us);
	}
	if (s->active && s->kind == SDP_VIDEO && s->twcc_id && !s->to->down)
		participant_downlink(s->to, now_us, true);
}

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

/* Why it was not sent, if that is to be counted; else CONFERENCE_DROPS. */
static enum conference_drop forward_one(
	struct subscription *s, uint64_t now_us, const struct track_packet *p)
{
	const struct rtp_packet *pkt = &p->view;
	struct outgoing o = { .kind = kind_of(s) };
	bool taken = subscription_pt(s, pkt->pt) != SUBSCRIPTION_NO_PT;
	bool fits = pkt->payload_len + RTP_HEADER_MAX <=
		    OUTBOX_SLOT - CRYPT_TRAILER;
	/* Padding alone (a probe of the publisher's) is not worth a packet. */
	if (!taken || !fits || pkt->payload_len == 0) {
		/* The receiver must not take it for a loss and ask for it. */
		if (!s->waiting)
			rewrite_drop(&s->rewrite, p->seq);
		return !taken  ? DROP_CODEC
		       : !fits ? DROP_TOO_LONG
			       : CONFERENCE_DROPS;
	}
	if (!pass_gate(s, now_us, p))
		return DROP_NOT_KEYFRAME;
	if (s->red && pkt->payload_len <= SUBSCRIPTION_RED_MAX)
		o.red_pt = subscription_red_pt(s, subscription_pt(s, pkt->pt));
	o.in_seq = p->seq;
	if (s->kind == SDP_VIDEO && s->to->down &&
		!downlink_may_pass(s->to->down, now_us))
		return enqueue(s, now_us, p);
	if (rewrite_packet(&s->rewrite, now_us, p->seq, pkt->ts, &o.seq, &o.ts))
		subscription_emit(s, now_us, pkt, &o);
	return CONFERENCE_DROPS;
}

static bool is_among(
	uint64_t seq, const struct track_packet *const *v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (v[i]->seq == seq)
			return true;
	return false;
}

/* A key frame whose first packet came late has opened the gate: what came in
 * between stands in the history. Others ask for it by NACK, but a local program
 * is promised everything. rest: what is about to be forwarded anyway. */
static void catch_up(struct subscription *s, uint64_t now_us, uint64_t seq,
	const struct track_packet *const *rest, unsigned n_rest)
{
	const struct encoding *e = subscription_encoding(s);
	uint64_t newest = encoding_newest(e);
	uint8_t copy[HISTORY_SLOT];
	struct track_packet p = { .key = false };
	size_t len;
	while (++seq <= newest) {
		const uint8_t *buf = history_get(e->history, seq, &len);
		if (!buf || is_among(seq, rest, n_rest))
			continue;
		memcpy(copy, buf, len);
		p.seq = seq;
		if (rtp_parse(&p.view, copy, len) == 0 &&
			s->track->codec_of_pt[p.view.pt])
			forward_one(s, now_us, &p);
	}
}

/* Its turn to make the publisher send a key frame, or what made it stale is
 * over. */
static bool may_ask(const struct subscription *s, uint64_t now_us)
{
	return now_us >= s->ask_us ||
	       (s->to->down && downlink_fits(s->to->down, now_us));
}

bool subscription_forward(struct subscription *s, uint64_t now_us,
	const struct track_packet *const *v, unsigned n)
{
	bool unmet = false;
	if (!s->active)
		return false;
	for (unsigned i = 0; i < n && s->to->down; i++)
		downlink_offer(s->to->down, v[i]->view.len);
	for (unsigned i = 0; i < n; i++) {
		bool was_waiting = s->waiting;
		enum conference_drop why = forward_one(s, now_us, v[i]);
		unmet = why == DROP_NOT_KEYFRAME && may_ask(s, now_us);
		if (why != CONFERENCE_DROPS)
			peer_drop(&s->to->peer, why);
		if (was_waiting && !s->waiting && s->to->plain)
			catch_up(s, now_us, v[i]->seq, v + i + 1, n - i - 1);
	}
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

bool subscription_resend(struct subscription *s, uint64_t now_us,
	uint16_t out_seq, uint64_t rate_bps)
{
	struct downlink *d = s->to->down;
	uint64_t in_seq;
	size_t len;
	s->send.nacks++;
	/* While it waits, the track may be another than the one whose numbers
	 * the rewriter still has. */
	/* What went out with redundancy would be another text under its number
	 * without it, and give both away. */
	if (s->was_red || !s->active || s->waiting ||
		!rewrite_source(&s->rewrite, out_seq, &in_seq))
		return false;
	const struct encoding *e = subscription_encoding(s);
	const uint8_t *buf = history_get(e->history, in_seq, &len);
	if (!buf || !may_resend(s, now_us, in_seq, len, rate_bps))
		return false;
	bool sent =
		d && s->kind == SDP_VIDEO && !downlink_may_pass(d, now_us)
			? queue_again(s, now_us, in_seq, len)
			: subscription_emit_again(s, now_us, buf, len, in_seq);
	s->send.nack_hits += sent;
	return sent;
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

static uint64_t ask_gap_us(const struct subscription *s)
{
	return (uint64_t)SUBSCRIPTION_ASK_US << s->asks;
}

/* Its next turn is later by one step, or earlier by those it has been quiet. */
static void take_turn(struct subscription *s, uint64_t now_us, uint8_t most)
{
	uint64_t quiet_us = now_us > s->ask_us ? now_us - s->ask_us : 0;
	uint64_t steps = quiet_us / SUBSCRIPTION_QUIET_US;
	if (s->ask_us && steps == 0 && s->asks < most)
		s->asks++;
	s->asks = steps < s->asks ? (uint8_t)(s->asks - steps) : 0;
	s->ask_us = now_us + ask_gap_us(s);
}

bool subscription_asks(struct subscription *s, uint64_t now_us)
{
	if (now_us < s->ask_us)
		return false;
	take_turn(s, now_us, SUBSCRIPTION_ASKS_MAX);
	return true;
}

void subscription_stale(struct subscription *s, uint64_t now_us)
{
	if (s->to->down)
		downlink_forget(s->to->down, s->ssrc);
	if (s->waiting)
		return;
	s->waiting = true;
	/* Not at once: what made it wait is still there. */
	take_turn(s, now_us, SUBSCRIPTION_STALE_MAX);
}
