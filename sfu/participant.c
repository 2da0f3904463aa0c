#include "sfu/participant.h"
#include <stdlib.h>
#include <string.h>
#include "sfu/conference_private.h"
#include "sfu/message.h"

/* All but its transport. */
static struct participant *new_seat(
	struct conference *c, uint64_t now_us, sfu_id id, const char *label)
{
	struct participant *p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->id = id;
	strncpy(p->label, label, SFU_LABEL_MAX);
	p->conference = c;
	p->offer_at_us = UINT64_MAX;
	p->deadline_us = UINT64_MAX;
	p->rtcp_ssrc = conference_random32(c);
	p->report_us = now_us + PARTICIPANT_REPORT_US;
	p->negotiation = negotiation_new(c->env->codecs,
		((uint64_t)conference_random32(c) << 16) | 1,
		c->env->limits.media_lines);
	p->farewell = calloc(1, sizeof(*p->farewell));
	if (p->negotiation && p->farewell)
		return p;
	negotiation_free(p->negotiation);
	free(p->farewell);
	free(p);
	return NULL;
}

struct participant *participant_new(struct conference *c, uint64_t now_us,
	sfu_id id, const char *label, const struct sfu_join_options *opt)
{
	struct participant *p = new_seat(c, now_us, id, label);
	if (!p)
		return NULL;
	p->opt = *opt;
	if (peer_init(&p->peer, c->env, now_us)) {
		negotiation_free(p->negotiation);
		free(p->farewell);
		free(p);
		return NULL;
	}
	return p;
}

struct participant *participant_new_plain(struct conference *c, uint64_t now_us,
	sfu_id id, const char *label, const struct sfu_plug_options *opt)
{
	struct participant *p = new_seat(c, now_us, id, label);
	if (!p)
		return NULL;
	p->opt.renegotiate = true;
	p->plain = true;
	negotiation_make_plain(p->negotiation, opt->listen, opt->publish);
	peer_init_plain(&p->peer, c->env, now_us, id);
	return p;
}

struct participant *participant_free(struct participant *p)
{
	if (!p)
		return NULL;
	while (p->n_subs)
		participant_unsubscribe(p, p->n_subs - 1, 0);
	while (p->n_tracks)
		participant_end_track(p, p->n_tracks - 1, 0);
	peer_done(&p->peer);
	negotiation_free(p->negotiation);
	conference_event_free(p->farewell);
	free(p->track);
	free(p->sub);
	free(p);
	return NULL;
}

bool participant_ready(const struct participant *p)
{
	return !p->gone && p->peer.state == PEER_CONNECTED;
}

void participant_due(struct participant *p, uint64_t at_us)
{
	if (at_us < p->deadline_us)
		p->deadline_us = at_us;
	if (at_us < p->conference->deadline_us)
		p->conference->deadline_us = at_us;
}

uint64_t participant_deadline(const struct participant *p)
{
	if (p->gone)
		return UINT64_MAX;
	if (p->starved)
		return 0;
	uint64_t at = peer_deadline(&p->peer);
	uint64_t o = participant_offer_deadline(p);
	uint64_t f = participant_feedback_deadline(p);
	at = o < at ? o : at;
	return f < at ? f : at;
}

void participant_leave(
	struct participant *p, uint64_t now_us, enum sfu_reason reason)
{
	struct conference *c = p->conference;
	if (p->gone)
		return;
	p->gone = true;
	c->leaves++;
	if (reason == SFU_DTLS_FAILED)
		c->dtls_failed++;
	while (p->n_subs)
		participant_unsubscribe(p, p->n_subs - 1, now_us);
	while (p->n_tracks)
		participant_end_track(p, p->n_tracks - 1, now_us);
	p->n_sources = 0;
	message_leave(p);
	peer_done(&p->peer);
	conference_emit_left(c, p, reason);
	conference_tracks_changed(c, p, now_us);
}

void participant_starve(struct participant *p)
{
	p->starved = true;
	participant_due(p, 0);
}

static void on_connected(struct participant *p, uint64_t now_us)
{
	p->connected_told = true;
	p->connected_us = now_us;
	p->report_us = now_us;
	conference_emit(
		p->conference, &(struct sfu_event){ .type = SFU_EV_CONNECTED,
				       .participant = p->id });
	/* It has no other way to learn who spoke before it came. */
	if (p->plain && p->conference->speaker.current)
		conference_emit(p->conference,
			&(struct sfu_event){ .type = SFU_EV_SPEAKER,
				.participant = p->id,
				.speaker = p->conference->speaker.current });
	participant_refresh(p, now_us);
	participant_due(p, p->report_us);
	if (negotiation_needed(p->negotiation))
		participant_renegotiate(p, now_us);
	/* A wish from before had to wait for the transport. */
	participant_due(p, participant_offer_deadline(p));
}

void participant_settle(struct participant *p, uint64_t now_us)
{
	if (p->gone)
		return;
	if (p->peer.state == PEER_DEAD) {
		participant_leave(p, now_us, p->peer.reason);
		return;
	}
	if (p->peer.state == PEER_CONNECTED && !p->connected_told)
		on_connected(p, now_us);
	if (p->peer.channels)
		participant_channels(p, now_us);
	participant_due(p, peer_deadline(&p->peer));
}

void participant_tick(struct participant *p, uint64_t now_us)
{
	if (p->starved) {
		participant_leave(p, now_us, SFU_FULL);
		return;
	}
	peer_tick(&p->peer, now_us);
	participant_settle(p, now_us);
	if (p->gone)
		return;
	participant_offer_tick(p, now_us);
	if (participant_ready(p))
		participant_feedback(p, now_us);
}

/* --- incoming RTP ----------------------------------------------------------
 */

static bool mid_is(const struct transceiver *t, const struct rtp_ext *mid)
{
	return strlen(t->mid) == mid->len &&
	       memcmp(t->mid, mid->data, mid->len) == 0;
}

static bool names_ssrc(const struct transceiver *t, uint32_t ssrc)
{
	for (unsigned i = 0; i < t->n_recv_ssrc; i++)
		if (t->recv_ssrc[i] == ssrc)
			return true;
	return false;
}

bool participant_is_source(
	const struct transceiver *tr, uint32_t ssrc, const struct rtp_ext *mid)
{
	return names_ssrc(tr, ssrc) || (mid && mid_is(tr, mid));
}

/* Which m-line an unknown SSRC belongs to: the one whose SDP names it, the one
 * whose mid it carries, or the only one that knows its payload type
 * (RFC 8843 9.2). */
static struct track *find_track(
	struct participant *p, const struct rtp_packet *pkt)
{
	const struct rtp_ext *mid =
		rtp_ext_find(pkt, negotiation_ext(p->negotiation, EXT_MID));
	struct track *by_pt = NULL;
	unsigned n_by_pt = 0;
	for (unsigned i = 0; i < p->n_tracks; i++) {
		struct track *t = p->track[i];
		const struct transceiver *tr =
			negotiation_at(p->negotiation, t->transceiver);
		if (participant_is_source(tr, pkt->ssrc, mid))
			return t;
		if (t->codec_of_pt[pkt->pt]) {
			by_pt = t;
			n_by_pt++;
		}
	}
	return n_by_pt == 1 && !mid ? by_pt : NULL;
}

static struct source *source_of_ssrc(struct participant *p, uint32_t ssrc)
{
	for (unsigned i = 0; i < p->n_sources; i++)
		if (p->source[i].ssrc == ssrc)
			return &p->source[i];
	return NULL;
}

/* The oldest that no track is fed from; there are fewer tracks than entries. */
static unsigned stalest_source(const struct participant *p)
{
	for (unsigned i = 0; i < p->n_sources; i++)
		if (!p->source[i].track ||
			p->source[i].track->ssrc != p->source[i].ssrc)
			return i;
	return 0;
}

/* An SSRC that ended is remembered as long as there is room: SRTP must know its
 * roll-over counter when it comes back, after hold for instance. */
static struct source *add_source(struct participant *p, uint32_t ssrc)
{
	if (p->n_sources == PARTICIPANT_SOURCES) {
		unsigned i = stalest_source(p);
		if (p->peer.crypt)
			crypt_forget(p->peer.crypt, p->source[i].ssrc);
		memmove(p->source + i, p->source + i + 1,
			(--p->n_sources - i) * sizeof(p->source[0]));
	}
	p->source[p->n_sources] = (struct source){ .ssrc = ssrc };
	return &p->source[p->n_sources++];
}

static struct track *learn_source(
	struct participant *p, const struct rtp_packet *pkt)
{
	struct track *t = find_track(p, pkt);
	if (!t)
		return NULL;
	struct source *s = source_of_ssrc(p, pkt->ssrc);
	if (!s)
		s = add_source(p, pkt->ssrc);
	s->track = t;
	return t;
}

static bool wants_nack(struct participant *p, const struct track *t, uint8_t pt)
{
	const struct transceiver *tr =
		negotiation_at(p->negotiation, t->transceiver);
	for (unsigned i = 0; i < tr->n_codecs; i++)
		if (tr->codec[i]->pt == pt)
			return tr->codec[i]->nack;
	return false;
}

/* The track now comes from another SSRC or began anew: what went out stays one
 * stream, what comes in is counted afresh. */
static void begin_source(struct participant *p, struct track *t,
	const struct rtp_packet *pkt, const struct codec *codec,
	uint64_t now_us)
{
	bool first = !t->started;
	track_set_ssrc(
		t, pkt->ssrc, codec->clock_hz, wants_nack(p, t, pkt->pt));
	for (unsigned i = 0; i < t->n_subs; i++)
		t->sub[i]->waiting = true;
	if (!first || t->n_subs)
		track_want_keyframe(t, now_us);
}

static void note_level(struct participant *p, struct track *t, uint64_t now_us,
	const struct rtp_packet *pkt)
{
	bool voice;
	int level = rtp_audio_level(
		rtp_ext_find(
			pkt, negotiation_ext(p->negotiation, EXT_AUDIO_LEVEL)),
		&voice);
	if (level < 0)
		return;
	t->loudness = speaker_smooth(t->loudness, level);
	t->loud_us = now_us;
	participant_due(p, p->conference->speaker.next_us);
}

static void fan_out(struct participant *p, struct track *t, uint64_t now_us,
	const struct rtp_packet *pkt, uint64_t seq, const struct codec *codec)
{
	for (unsigned i = 0; i < t->n_subs; i++) {
		enum conference_drop why = subscription_forward(
			t->sub[i], now_us, pkt, seq, codec);
		if (why != CONFERENCE_DROPS)
			peer_drop(&t->sub[i]->to->peer, why);
	}
	if (codec->is_keyframe &&
		codec->is_keyframe(pkt->payload, pkt->payload_len))
		track_keyframe_seen(t);
	if (t->pli_wanted_us)
		participant_due(p, track_keyframe_deadline(t));
}

static void track_rtp(struct participant *p, struct track *t, uint64_t now_us,
	struct rtp_packet *pkt)
{
	uint64_t seq;
	const struct codec *codec = t->codec_of_pt[pkt->pt];
	if (!codec) {
		peer_drop(&p->peer, DROP_UNKNOWN_PT);
		return;
	}
	if (!t->started || t->ssrc != pkt->ssrc)
		begin_source(p, t, pkt, codec, now_us);
	enum receive_got got = receive_packet(
		&t->receive, now_us, pkt->seq, pkt->ts, pkt->len, &seq);
	if (got == RECEIVE_DUPLICATE || got == RECEIVE_OLD) {
		peer_drop(&p->peer, DROP_DUPLICATE);
		return;
	}
	if (got == RECEIVE_RESET) {
		begin_source(p, t, pkt, codec, now_us);
		receive_packet(
			&t->receive, now_us, pkt->seq, pkt->ts, pkt->len, &seq);
	}
	if (t->receive.n_missing)
		participant_due(p, receive_deadline(&t->receive));
	seq += t->seq_base;
	history_add(t->history, seq, pkt->buf, pkt->len);
	if (t->kind == SDP_AUDIO)
		note_level(p, t, now_us, pkt);
	fan_out(p, t, now_us, pkt, seq, codec);
}

void participant_rtp(
	struct participant *p, uint64_t now_us, uint8_t *buf, size_t len)
{
	struct rtp_packet pkt;
	p->stats.rtp_in++;
	p->stats.rtp_in_bytes += len;
	if (rtp_parse(&pkt, buf, len)) {
		peer_drop(&p->peer, DROP_MALFORMED);
		return;
	}
	const struct source *s = source_of_ssrc(p, pkt.ssrc);
	struct track *t = s && s->track ? s->track : learn_source(p, &pkt);
	if (!t && participant_heard(p, now_us, &pkt))
		t = learn_source(p, &pkt);
	if (!t) {
		peer_drop(&p->peer, DROP_UNKNOWN_SSRC);
		return;
	}
	track_rtp(p, t, now_us, &pkt);
}
