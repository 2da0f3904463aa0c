/* What a participant publishes, packet by packet: whose track, what it means
 * for that, and into the fan-out. */
#include <string.h>
#include "sfu/conference_private.h"
#include "sfu/participant.h"
#include "sfu/quality.h"
#include "rtp/layer_rates.h"

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

int participant_rid(const struct transceiver *tr, const struct rtp_ext *rid)
{
	for (unsigned i = 0; rid && i < tr->n_recv_rids; i++)
		if (strlen(tr->recv_rid[i]) == rid->len &&
			memcmp(tr->recv_rid[i], rid->data, rid->len) == 0)
			return (int)i;
	return -1;
}

/* Which of the layers of its m-line a packet is of: its rid says so, or its
 * SSRC's place in the SIM group. False: it is of none, or repairs one. */
static bool find_encoding(struct participant *p, const struct track *t,
	const struct rtp_packet *pkt, uint8_t *ret)
{
	const struct transceiver *tr =
		negotiation_at(p->negotiation, t->transceiver);
	int rid = participant_rid(tr,
		rtp_ext_find(pkt, negotiation_ext(p->negotiation, EXT_RID)));
	*ret = 0;
	if (!t->simulcast)
		return true;
	for (uint8_t i = 0; tr->recv_sim && i < tr->n_recv_ssrc; i++)
		if (tr->recv_ssrc[i] == pkt->ssrc) {
			*ret = i;
			return true;
		}
	if (rid >= 0)
		*ret = (uint8_t)rid;
	return rid >= 0;
}

static struct encoding *encoding_of(const struct source *s)
{
	return s->track->encoding[s->encoding];
}

/* The oldest that no track is fed from; there are fewer tracks than entries. */
static unsigned stalest_source(const struct participant *p)
{
	for (unsigned i = 0; i < p->n_sources; i++)
		if (!p->source[i].track ||
			(!p->source[i].repair &&
				encoding_of(&p->source[i])->ssrc !=
					p->source[i].ssrc))
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

static const struct source *learn_source(
	struct participant *p, const struct rtp_packet *pkt)
{
	struct track *t = find_track(p, pkt);
	uint8_t encoding;
	if (!t || !find_encoding(p, t, pkt, &encoding) ||
		!track_open_encoding(t, encoding))
		return NULL;
	struct source *s = source_of_ssrc(p, pkt->ssrc);
	if (!s)
		s = add_source(p, pkt->ssrc);
	s->track = t;
	s->encoding = encoding;
	s->repair = false;
	return s;
}

/* What that SSRC is known as: from now on, if it repairs a track. */
static const struct source *learn_repair(
	struct participant *p, const struct rtp_packet *pkt)
{
	struct source *s = source_of_ssrc(p, pkt->ssrc);
	uint8_t encoding;
	struct track *t = participant_repaired(p, pkt, &encoding);
	if (!t)
		return s;
	if (!s)
		s = add_source(p, pkt->ssrc);
	s->track = t;
	s->encoding = encoding;
	s->repair = true;
	return s;
}

static bool wants_nack(struct participant *p, const struct track *t, uint8_t pt)
{
	/* Its own worker asks, and sends on what it gets. */
	if (p->far)
		return false;
	const struct transceiver *tr =
		negotiation_at(p->negotiation, t->transceiver);
	for (unsigned i = 0; i < tr->n_codecs; i++)
		if (tr->codec[i]->pt == pt)
			return tr->codec[i]->nack;
	return false;
}

/* The encoding now comes from another SSRC or began anew: what went out stays
 * one stream, what comes in is counted afresh. */
static void begin_source(struct participant *p, const struct source *s,
	const struct rtp_packet *pkt, const struct codec *codec,
	uint64_t now_us)
{
	struct track *t = s->track;
	struct encoding *e = encoding_of(s);
	bool first = !e->started;
	/* What waits is of the source before. */
	conference_forward(p->conference, now_us);
	encoding_begin(
		e, pkt->ssrc, codec->clock_hz, wants_nack(p, t, pkt->pt));
	for (unsigned i = 0; i < t->n_subs; i++)
		subscription_restart(t->sub[i], now_us, s->encoding);
	if (!t->simulcast && (!first || t->n_subs))
		encoding_want_keyframe(e, now_us);
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

/* Lines of the picture that this packet begins; 0: it does not tell. */
static uint16_t lines_of(const struct layer_info *i)
{
	const uint16_t *lines = i->dependency ? i->dependency->lines : i->lines;
	unsigned n = LAYER_SIZES;
	/* What a structure said holds until the publisher says otherwise. */
	if (i->height || !i->key || !i->start)
		return i->height;
	while (n > 1 && !lines[n - 1])
		n--;
	return lines[n - 1];
}

/* Sizes, out of the picture or by the publisher's word; how much comes; and
 * that there is such an encoding at all. */
static void note_layer(struct participant *p, const struct source *s,
	uint64_t now_us, const struct rtp_packet *pkt,
	const struct track_packet *packet)
{
	struct encoding *e = encoding_of(s);
	struct layer_rates rates;
	const struct rtp_ext *told = rtp_ext_find(
		pkt, negotiation_ext(p->negotiation, EXT_VIDEO_LAYERS));
	uint16_t lines = lines_of(&packet->layer);
	if (lines)
		e->height = lines;
	if (told && layer_rates_read(&rates, told->data, told->len))
		for (unsigned i = 0; i < rates.n; i++)
			if (rates.layer[i].stream == rates.stream &&
				rates.layer[i].height)
				e->height = rates.layer[i].height;
	encoding_count(e, now_us, packet->layer.temporal,
		pkt->len + DOWNLINK_OVERHEAD);
	if (!e->live)
		quality_encoding_began(s->track, now_us, s->encoding);
}

/* By the publisher's word; a stream may have told it itself. */
static void note_lines(struct participant *p, struct encoding_layers *l,
	const struct rtp_packet *pkt)
{
	struct layer_rates rates;
	const struct rtp_ext *told = rtp_ext_find(
		pkt, negotiation_ext(p->negotiation, EXT_VIDEO_LAYERS));
	if (!told || !layer_rates_read(&rates, told->data, told->len))
		return;
	for (unsigned i = 0; i < rates.n; i++)
		if (rates.layer[i].stream == rates.stream &&
			rates.layer[i].height &&
			rates.layer[i].spatial < ENCODING_LAYERS_SPATIAL)
			l->lines[rates.layer[i].spatial] =
				rates.layer[i].height;
}

static void note_single(struct participant *p, struct encoding *e,
	uint64_t now_us, const struct rtp_packet *pkt)
{
	encoding_count(e, now_us, 0, pkt->len + DOWNLINK_OVERHEAD);
	if (e->layers)
		note_lines(p, e->layers, pkt);
}

static void gather(struct participant *p, const struct source *s,
	uint64_t now_us, struct rtp_packet *pkt, uint64_t seq,
	const struct codec *codec)
{
	struct conference *c = p->conference;
	struct track_packet packet = { .seq = seq,
		.codec = codec,
		.encoding = s->encoding,
		.lent = true };
	track_take_packet(s->track, pkt, &packet);
	if (s->track->simulcast)
		note_layer(p, s, now_us, pkt, &packet);
	else
		note_single(p, encoding_of(s), now_us, pkt);
	if (packet.key)
		encoding_note_key(encoding_of(s), now_us, seq, pkt->ts);
	if (!s->track->n_subs) {
		if (packet.key)
			encoding_keyframe_seen(encoding_of(s));
		return;
	}
	subscription_keep_extensions(p->negotiation, pkt);
	packet.view = *pkt;
	fanout_add(c->fanout, now_us, s->track, &packet, c->env->out);
}

static void source_rtp(struct participant *p, const struct source *s,
	uint64_t now_us, struct rtp_packet *pkt)
{
	uint64_t seq;
	struct track *t = s->track;
	struct encoding *e = encoding_of(s);
	const struct codec *codec = t->codec_of_pt[pkt->pt];
	if (!codec && participant_strip_red(p, t, pkt))
		codec = t->codec_of_pt[pkt->pt];
	if (!codec) {
		peer_drop(&p->peer, DROP_UNKNOWN_PT);
		return;
	}
	if (!e->started || e->ssrc != pkt->ssrc)
		begin_source(p, s, pkt, codec, now_us);
	enum receive_got got = receive_packet(
		&e->receive, now_us, pkt->seq, pkt->ts, pkt->len, &seq);
	if (got == RECEIVE_DUPLICATE || got == RECEIVE_OLD) {
		peer_drop(&p->peer, DROP_DUPLICATE);
		return;
	}
	if (got == RECEIVE_RESET) {
		begin_source(p, s, pkt, codec, now_us);
		receive_packet(
			&e->receive, now_us, pkt->seq, pkt->ts, pkt->len, &seq);
	}
	if (e->receive.n_missing)
		participant_due(p, receive_deadline(&e->receive));
	seq += e->seq_base;
	history_add(e->history, seq, pkt->buf, pkt->len);
	if (relay_wanted(p))
		relay_packet(p, false, pkt->buf, pkt->len);
	if (t->kind == SDP_AUDIO)
		note_level(p, t, now_us, pkt);
	gather(p, s, now_us, pkt, seq, codec);
}

/* Its transport-wide number, of whatever stream it is. */
static void note_arrival(
	struct participant *p, uint64_t at_us, const struct rtp_packet *pkt)
{
	const struct rtp_ext *ext = rtp_ext_find(
		pkt, negotiation_ext(p->negotiation, EXT_TRANSPORT_CC));
	if (!ext || ext->len < 2)
		return;
	arrival_note(p->arrival, at_us,
		(uint16_t)(ext->data[0] << 8 | ext->data[1]),
		pkt->len + DOWNLINK_OVERHEAD);
	participant_due(p, arrival_deadline(p->arrival));
}

void participant_rtp(struct participant *p, uint64_t now_us, uint64_t at_us,
	uint8_t *buf, size_t len)
{
	struct rtp_packet pkt;
	p->stats.rtp_in++;
	p->stats.rtp_in_bytes += len;
	if (rtp_parse(&pkt, buf, len)) {
		peer_drop(&p->peer, DROP_MALFORMED);
		return;
	}
	if (p->arrival)
		note_arrival(p, at_us, &pkt);
	const struct source *s = source_of_ssrc(p, pkt.ssrc);
	if (!s || !s->track)
		s = learn_repair(p, &pkt);
	if (s && s->track && s->repair && !participant_unwrap(p, s, &pkt))
		return;
	if (!s || !s->track)
		s = learn_source(p, &pkt);
	if (!s && participant_heard(p, now_us, &pkt))
		s = learn_source(p, &pkt);
	if (!s) {
		peer_drop(&p->peer, DROP_UNKNOWN_SSRC);
		return;
	}
	source_rtp(p, s, now_us, &pkt);
}
