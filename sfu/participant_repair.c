/* What a participant sends again in RTX streams (RFC 4588): whose, and made
 * into the packets that were lost. */
#include <errno.h>
#include <string.h>
#include "rtp/red.h"
#include "rtp/rtx.h"
#include "sfu/participant.h"

static const struct negotiate_codec *codec_of_rtx(
	const struct transceiver *tr, uint8_t rtx_pt)
{
	/* 0 stands for none. */
	for (unsigned i = 0; rtx_pt && i < tr->n_codecs; i++)
		if (transceiver_rtx_pt(tr, tr->codec[i]) == rtx_pt)
			return tr->codec[i];
	return NULL;
}

/* Which of the m-line's streams its FID group names; -1: none does. */
static int by_group(const struct transceiver *tr, uint32_t rtx_ssrc)
{
	for (unsigned i = 0; i < tr->n_recv_ssrc; i++)
		if (tr->recv_rtx_ssrc[i] == rtx_ssrc)
			return (int)i;
	return -1;
}

/* By its group, or the rid of what it repairs. */
static bool find_repaired(struct participant *p, const struct track *t,
	const struct rtp_packet *pkt, uint8_t *ret)
{
	const struct transceiver *tr =
		negotiation_at(p->negotiation, t->transceiver);
	int group = by_group(tr, pkt->ssrc);
	int rid = participant_rid(tr,
		rtp_ext_find(pkt, negotiation_ext(p->negotiation, EXT_RRID)));
	*ret = 0;
	if (!t->simulcast)
		return true;
	for (uint8_t i = 0; group >= 0 && i < TRACK_ENCODINGS; i++)
		if (t->encoding[i] && t->encoding[i]->started &&
			t->encoding[i]->ssrc == tr->recv_ssrc[group]) {
			*ret = i;
			return true;
		}
	if (rid >= 0)
		*ret = (uint8_t)rid;
	return rid >= 0;
}

struct track *participant_repaired(struct participant *p,
	const struct rtp_packet *pkt, uint8_t *ret_encoding)
{
	const struct rtp_ext *mid =
		rtp_ext_find(pkt, negotiation_ext(p->negotiation, EXT_MID));
	struct track *by_pt = NULL;
	unsigned n = 0;
	for (unsigned i = 0; i < p->n_tracks; i++) {
		struct track *t = p->track[i];
		const struct transceiver *tr =
			negotiation_at(p->negotiation, t->transceiver);
		if (!codec_of_rtx(tr, pkt->pt))
			continue;
		if (by_group(tr, pkt->ssrc) >= 0 ||
			(mid && participant_is_source(tr, 0, mid)))
			return find_repaired(p, t, pkt, ret_encoding) ? t
								      : NULL;
		by_pt = t;
		n++;
	}
	return n == 1 && !mid && find_repaired(p, by_pt, pkt, ret_encoding)
		       ? by_pt
		       : NULL;
}

bool participant_unwrap(
	struct participant *p, const struct source *s, struct rtp_packet *pkt)
{
	const struct transceiver *tr =
		negotiation_at(p->negotiation, s->track->transceiver);
	const struct negotiate_codec *codec = codec_of_rtx(tr, pkt->pt);
	const struct encoding *e = s->track->encoding[s->encoding];
	int group = by_group(tr, pkt->ssrc);
	uint8_t *buf;
	size_t len;
	p->stats.rtx_in++;
	if (!codec) {
		peer_drop(&p->peer, DROP_UNKNOWN_PT);
		return false;
	}
	/* A stream that is not the track's any more must not become it again.
	 */
	if (!e || !e->started ||
		(group >= 0 && tr->recv_ssrc[group] != e->ssrc)) {
		peer_drop(&p->peer, DROP_UNKNOWN_SSRC);
		return false;
	}
	int err =
		rtx_unwrap(pkt->buf, pkt->len, codec->pt, e->ssrc, &buf, &len);
	if (!err)
		err = rtp_parse(pkt, buf, len);
	if (err && err != -ENODATA)
		peer_drop(&p->peer, DROP_MALFORMED);
	return !err;
}

bool participant_strip_red(
	struct participant *p, const struct track *t, struct rtp_packet *pkt)
{
	const struct transceiver *tr =
		negotiation_at(p->negotiation, t->transceiver);
	const struct negotiate_codec *codec = NULL;
	const uint8_t *primary;
	size_t len;
	for (unsigned i = 0; pkt->pt && i < tr->n_codecs; i++)
		if (transceiver_red_pt(tr, tr->codec[i]) == pkt->pt)
			codec = tr->codec[i];
	if (!codec || red_primary(pkt->payload, pkt->payload_len, codec->pt,
			      &primary, &len))
		return false;
	memmove(pkt->payload, primary, len);
	pkt->pt = codec->pt;
	pkt->payload_len = len;
	pkt->padding = 0;
	pkt->len = (size_t)(pkt->payload - pkt->buf) + len;
	pkt->buf[0] &= (uint8_t)~0x20;
	pkt->buf[1] = (uint8_t)((pkt->buf[1] & 0x80) | codec->pt);
	return true;
}
