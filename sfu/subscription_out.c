/* How the packets of a subscription go out: headers, numbers, streams. */
#include <string.h>
#include "rtp/dependency.h"
#include "rtp/red.h"
#include "rtp/rtx.h"
#include "sfu/participant.h"
#include "sfu/subscription_private.h"

/* Elements of a packet that goes out: the publisher's by the receiver's ids,
 * and the transport-wide number. */
struct elements {
	unsigned n;
	struct rtp_ext v[RTP_EXT_MAX];
	uint8_t number[2];
	bool numbered;
	uint8_t descriptor[UINT8_MAX + DEPENDENCY_GROWS];
};

/* A descriptor's frame number goes on over switches, as picture ids do, and it
 * tells what is left of the layers. */
static void describe(struct subscription *s, const struct rtp_packet *pkt,
	const struct layer_info *layer, struct rtp_ext *ext, uint8_t *copy)
{
	if (!layer || ext->id != s->layers->dependency_id || ext->len < 3)
		return;
	ext->len = layers_describe(s->layers, layer, pkt->ts, ext, copy);
	ext->data = copy;
}

static void map_elements(struct subscription *s, const struct rtp_packet *pkt,
	const struct layer_info *layer, struct elements *e)
{
	const struct downlink *down = s->to->down;
	e->n = 0;
	e->numbered = s->twcc_id && down;
	if (e->numbered) {
		uint16_t number = downlink_number(down);
		e->number[0] = (uint8_t)(number >> 8);
		e->number[1] = (uint8_t)number;
		e->v[e->n++] = (struct rtp_ext){
			.id = s->twcc_id, .len = 2, .data = e->number
		};
	}
	for (unsigned i = 0; i < pkt->n_ext && e->n < RTP_EXT_MAX; i++) {
		uint8_t in = pkt->ext[i].id;
		uint8_t id = in < SUBSCRIPTION_EXTS ? s->ext_map[in] : 0;
		if (!id)
			continue;
		e->v[e->n] = pkt->ext[i];
		describe(s, pkt, layer, &e->v[e->n], e->descriptor);
		e->v[e->n++].id = id;
	}
}

static struct rtp_header header_of(struct subscription *s,
	const struct rtp_packet *pkt, const struct outgoing *o)
{
	struct rtp_header h = { .pt = subscription_pt(s, pkt->pt),
		.marker = pkt->marker || o->ends,
		.seq = o->seq,
		.ts = o->ts,
		.ssrc = s->ssrc };
	if (o->red_pt)
		h.pt = o->red_pt;
	if (o->rtx_pt) {
		h.pt = o->rtx_pt;
		h.seq = s->rtx_seq++;
		h.ssrc = s->rtx_ssrc;
	}
	return h;
}

static size_t write_red(uint8_t *ret, struct subscription *s,
	const struct rtp_packet *pkt, const struct outgoing *o)
{
	struct red_source older[RED_LEVELS];
	unsigned n = red_older(subscription_encoding(s)->history, o->in_seq,
		pkt->pt, 0, older);
	s->was_red = true;
	s->to->stats.red_out++;
	return red_build(ret, RTP_PACKET_MAX, subscription_pt(s, pkt->pt),
		pkt->ts, older, n, pkt->payload, pkt->payload_len);
}

static size_t write_payload(uint8_t *ret, struct subscription *s,
	const struct rtp_packet *pkt, const struct outgoing *o)
{
	size_t len = pkt->payload_len;
	if (o->red_pt)
		return write_red(ret, s, pkt, o);
	if (o->rtx_pt)
		len = rtx_wrap(ret, o->seq, pkt->payload, pkt->payload_len);
	else
		memcpy(ret, pkt->payload, len);
	if (o->head)
		memcpy(ret + len - pkt->payload_len, o->head,
			pkt->payload_len < LAYERS_HEAD ? pkt->payload_len
						       : LAYERS_HEAD);
	return len;
}

/* Of a packet as it came, in a buffer that stands, the header is all. */
static size_t finish(struct subscription *s, struct packet *out, size_t head,
	const struct rtp_packet *pkt, const struct outgoing *o)
{
	bool same = o->lent && !o->red_pt && !o->rtx_pt && !o->head;
	if (same && outbox_lend(s->to->peer.env->out, out, head, pkt->payload))
		return head + pkt->payload_len;
	return head + write_payload(out->data + head, s, pkt, o);
}

static void count_sent(struct subscription *s, uint64_t now_us, size_t len,
	const struct outgoing *o, bool numbered)
{
	struct participant *to = s->to;
	if (numbered || (to->down && !to->down->estimate.twcc))
		downlink_sent(to->down, now_us, len, o->kind);
	to->stats.rtp_out++;
	to->stats.rtp_out_bytes += len;
	to->stats.rtx_out += o->rtx_pt != 0;
}

void subscription_emit(struct subscription *s, uint64_t now_us,
	const struct rtp_packet *pkt, const struct outgoing *o)
{
	struct elements e;
	struct packet *out = peer_packet(&s->to->peer, false);
	if (!out)
		return;
	struct rtp_header h = header_of(s, pkt, o);
	map_elements(s, pkt, o->layer, &e);
	h.ext = e.v;
	h.n_ext = e.n;
	size_t n = rtp_write_header(out->data, &h);
	out->len = (uint16_t)finish(s, out, n, pkt, o);
	if (!o->rtx_pt)
		send_packet(&s->send, pkt->payload_len);
	count_sent(s, now_us, out->len, o, e.numbered);
	if (o->kind == SENT_VIDEO && h.marker)
		subscription_guard(s, now_us, o->in_seq);
}

uint8_t subscription_red_pt(const struct subscription *s, uint8_t pt)
{
	const struct transceiver *to =
		negotiation_at(s->to->negotiation, s->transceiver);
	for (unsigned i = 0; s->red && i < to->n_codecs; i++)
		if (to->codec[i]->pt == pt)
			return transceiver_red_pt(to, to->codec[i]);
	return 0;
}

uint8_t subscription_rtx_pt(const struct subscription *s, uint8_t pt)
{
	const struct transceiver *to =
		negotiation_at(s->to->negotiation, s->transceiver);
	if (!s->rtx_ssrc || to->send_rtx_ssrc != s->rtx_ssrc)
		return 0;
	for (unsigned i = 0; i < to->n_codecs; i++)
		if (to->codec[i]->pt == pt)
			return transceiver_rtx_pt(to, to->codec[i]);
	return 0;
}

const uint8_t *subscription_kept(
	const struct subscription *s, uint64_t in_seq, size_t *ret_len)
{
	const struct encoding *e = subscription_encoding(s);
	return e ? history_get(e->history, in_seq, ret_len) : NULL;
}

/* A packet of the history as it goes out. */
struct kept {
	uint8_t copy[HISTORY_SLOT], head[LAYERS_HEAD];
	struct rtp_packet pkt;
	struct layer_info layer;
};

static bool patch(struct subscription *s, struct kept *k, struct outgoing *o)
{
	struct track_packet p = { .codec = s->track->codec_of_pt[k->pkt.pt],
		.encoding = s->layers->choice.encoding };
	if (!p.codec)
		return false;
	track_read_packet(s->track, &k->pkt, &p);
	k->layer = p.layer;
	o->layer = &k->layer;
	o->head = k->head;
	o->ends = layers_marker(s->layers, &p.layer, &k->pkt);
	return layers_patch(s->layers, &p.layer, &k->pkt, k->head);
}

/* False: it is no codec of the receiver's, or not of the present stretch. */
static bool take_out(struct subscription *s, uint64_t now_us, struct kept *k,
	const uint8_t *buf, size_t len, uint64_t in_seq, struct outgoing *o)
{
	memcpy(k->copy, buf, len);
	if (rtp_parse(&k->pkt, k->copy, len) ||
		subscription_pt(s, k->pkt.pt) == SUBSCRIPTION_NO_PT ||
		(s->layers && !patch(s, k, o)) ||
		!rewrite_packet(&s->rewrite, now_us, in_seq, k->pkt.ts, &o->seq,
			&o->ts))
		return false;
	return true;
}

bool subscription_emit_again(struct subscription *s, uint64_t now_us,
	const uint8_t *buf, size_t len, uint64_t in_seq)
{
	struct outgoing o = { .kind = SENT_RTX };
	struct kept k;
	if (!take_out(s, now_us, &k, buf, len, in_seq, &o))
		return false;
	o.rtx_pt = subscription_rtx_pt(s, subscription_pt(s, k.pkt.pt));
	subscription_emit(s, now_us, &k.pkt, &o);
	return true;
}

/* --- the receiver's queue --------------------------------------------------
 */

static void send_first(struct subscription *s, uint64_t now_us,
	const uint8_t *buf, size_t len, uint64_t in_seq)
{
	struct outgoing o = { .kind = SENT_VIDEO, .in_seq = in_seq };
	struct kept k;
	if (take_out(s, now_us, &k, buf, len, in_seq, &o))
		subscription_emit(s, now_us, &k.pkt, &o);
	else
		rewrite_drop(&s->rewrite, in_seq);
}

void subscription_send_queued(
	struct subscription *s, uint64_t now_us, bool rtx, uint64_t seq)
{
	size_t len;
	if (!s->active || s->waiting || s->paused)
		return;
	const uint8_t *buf = subscription_kept(s, seq, &len);
	if (buf && rtx)
		subscription_emit_again(s, now_us, buf, len, seq);
	else if (buf)
		send_first(s, now_us, buf, len, seq);
	else if (!rtx)
		subscription_stale(s, now_us);
}

/* In the RTX stream, whose numbers are no media's, so that nobody asks for it
 * again. Without one it is between the media, while none comes. */
static bool padding_header(struct subscription *s, struct rtp_header *ret)
{
	const struct transceiver *to =
		negotiation_at(s->to->negotiation, s->transceiver);
	const struct rtp_packet nothing = { .n_ext = 0 };
	struct outgoing o = { .kind = SENT_PADDING, .ts = s->rewrite.out_ts };
	for (unsigned i = 0; i < to->n_codecs && !o.rtx_pt; i++)
		o.rtx_pt = subscription_rtx_pt(s, to->codec[i]->pt);
	bool quiet = s->paused || s->waiting;
	if (!o.rtx_pt && (!quiet || to->n_codecs == 0 ||
				 !rewrite_pad(&s->rewrite, &o.seq, &o.ts)))
		return false;
	*ret = header_of(s, &nothing, &o);
	if (!o.rtx_pt)
		ret->pt = to->codec[0]->pt;
	return true;
}

/* Nothing but padding (RFC 3550 5.1). */
static bool emit_padding(struct subscription *s, uint64_t now_us)
{
	enum { LEN = 255 };
	const struct rtp_packet nothing = { .n_ext = 0 };
	struct outgoing o = { .kind = SENT_PADDING };
	struct rtp_header h;
	struct elements e;
	struct packet *out =
		padding_header(s, &h) ? peer_packet(&s->to->peer, false) : NULL;
	if (!out)
		return false;
	o.rtx_pt = h.ssrc == s->rtx_ssrc ? h.pt : 0;
	map_elements(s, &nothing, NULL, &e);
	h.ext = e.v;
	h.n_ext = e.n;
	size_t n = rtp_write_header(out->data, &h);
	out->data[0] |= 0x20;
	memset(out->data + n, 0, LEN - 1);
	out->data[n + LEN - 1] = LEN;
	out->len = (uint16_t)(n + LEN);
	count_sent(s, now_us, out->len, &o, e.numbered);
	return true;
}

bool subscription_pad(struct subscription *s, uint64_t now_us, unsigned back)
{
	uint64_t next = s->rewrite.in_next, seq = next - 1 - back;
	size_t len;
	if (!s->active || !s->rtx_ssrc)
		return false;
	/* Something it has had and may have lost is better than nothing. */
	if (!s->waiting && !s->paused && next > s->rewrite.in_floor + back) {
		const uint8_t *buf = subscription_kept(s, seq, &len);
		if (buf &&
			subscription_rtx_pt(
				s, subscription_pt(s, buf[1] & 0x7f)) &&
			subscription_emit_again(s, now_us, buf, len, seq))
			return true;
	}
	return emit_padding(s, now_us);
}
