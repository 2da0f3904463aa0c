/* What the simulated client sends, and what it takes of what it gets. */
#include <string.h>
#include "rtp/rtx.h"
#include "rtp/twcc.h"
#include "tests/sim/client.h"

/*
 * Payload: VP8 descriptor (video only), the head of a VP8 key frame of 320x240
 * (bit 0: inter frame), publisher id, counter (frame or audio packet), index,
 * when it was sent, filler that follows from the counter.
 */
enum {
	AT_ID = CLIENT_AT_ID,
	AT_COUNTER = CLIENT_AT_COUNTER,
	AT_INDEX = CLIENT_AT_INDEX,
	AT_SENT = CLIENT_AT_SENT,
	STAMP = CLIENT_STAMP
};

static void put32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

/* The number of a packet as it leaves, in the first extension element. */
enum { AT_TWCC = RTP_HEADER_LEN + 4 + 1 };

static void seal_and_send(struct client *c, uint8_t *buf, size_t len, bool rtcp)
{
	if (!rtcp && c->cfg.twcc) {
		/* Two bytes of head where an element is long. */
		unsigned at = AT_TWCC + (buf[RTP_HEADER_LEN] == 0x10);
		buf[at] = (uint8_t)(c->twcc_seq >> 8);
		buf[at + 1] = (uint8_t)c->twcc_seq++;
	}
	int err = rtcp ? crypt_seal_rtcp(c->crypt, buf, &len)
		       : crypt_seal_rtp(c->crypt, buf, &len);
	if (!err)
		c->out->send(c->out, buf, len);
}

void client_media_seal(struct client *c, uint8_t *buf, size_t len)
{
	seal_and_send(c, buf, len, false);
}

size_t client_media_stamp(struct client *c, const struct client_send *s,
	uint8_t *p, bool key, unsigned index, size_t len)
{
	static const uint8_t head[AT_ID] = { 0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x40,
		0x01, 0xf0, 0x00 };
	memcpy(p, head, sizeof(head));
	p[0] |= !key;
	if (s->height) {
		p[8] = (uint8_t)s->height;
		p[9] = (uint8_t)(s->height >> 8);
	}
	put32(p + AT_ID, c->cfg.id);
	put32(p + AT_COUNTER, s->counter);
	p[AT_INDEX] = (uint8_t)index;
	put32(p + AT_SENT, (uint32_t)(c->now_us >> 32));
	put32(p + AT_SENT + 4, (uint32_t)c->now_us);
	if (len < STAMP)
		len = STAMP;
	memset(p + STAMP, (int)(s->counter & 0xff), len - STAMP);
	return len;
}

/* Parameter sets begin a key frame; the rest says little. */
uint8_t client_h264_nal(bool key, unsigned index)
{
	return key && index == 0 ? 0x67 : 0x41;
}

/* RFC 7741 4.2, with all there is: X; I, L, T, K; PictureID of 15 bits,
 * TL0PICIDX, TID and KEYIDX. */
static size_t layered_descriptor(
	const struct client_send *s, uint8_t *p, unsigned index)
{
	p[0] = 0x80 | (index == 0 ? 0x10 : 0);
	p[1] = 0xf0;
	p[2] = (uint8_t)(0x80 | s->picture >> 8);
	p[3] = (uint8_t)s->picture;
	p[4] = s->tl0;
	/* A picture of layer 1 uses one of layer 0 alone (Y). */
	p[5] = s->counter % 2 ? 0x60 : 0x00;
	return CLIENT_LAYERED;
}

static size_t descriptor(struct client *c, const struct client_send *s,
	uint8_t *p, bool key, unsigned index)
{
	if (s->height)
		return layered_descriptor(s, p, index);
	p[0] = c->cfg.sends_h264 ? client_h264_nal(key, index)
	       : index == 0      ? 0x10
				 : 0x00;
	return 1;
}

static const char *rid_of(uint16_t height)
{
	return height == 720 ? "f" : height == 360 ? "h" : "q";
}

unsigned client_media_name(
	const struct client *c, const struct client_send *s, struct rtp_ext *v)
{
	const char *mid = c->media[c->cfg.audio].mid;
	if (!s->height || c->cfg.simulcast != CLIENT_RIDS)
		return 0;
	v[0] = (struct rtp_ext){ .id = CLIENT_MID_EXT,
		.len = (uint8_t)strlen(mid),
		.data = (const uint8_t *)mid };
	v[1] = (struct rtp_ext){ .id = CLIENT_RID_EXT,
		.len = 1,
		.data = (const uint8_t *)rid_of(s->height) };
	return 2;
}

static void send_rtp(struct client *c, struct client_send *s, bool key,
	bool marker, unsigned index, size_t payload_len)
{
	const bool audio = s == &c->send[CLIENT_AUDIO];
	uint8_t buf[RTP_PACKET_MAX + CRYPT_TRAILER];
	struct rtp_ext ext[3];
	const uint8_t level = 0x80 | 30, number[2] = { 0 };
	struct rtp_header h = { .pt = audio               ? 111
				      : c->cfg.sends_h264 ? CLIENT_H264_PT
							  : 96,
		.marker = marker,
		.seq = s->seq,
		.ts = s->ts,
		.ssrc = s->ssrc,
		.ext = ext };
	if (c->cfg.twcc)
		ext[h.n_ext++] = (struct rtp_ext){
			.id = CLIENT_TWCC_EXT, .len = 2, .data = number
		};
	if (audio)
		ext[h.n_ext++] =
			(struct rtp_ext){ .id = 1, .len = 1, .data = &level };
	else
		h.n_ext += client_media_name(c, s, ext + h.n_ext);
	size_t n = rtp_write_header(buf, &h), body = n;
	if (!audio)
		body += descriptor(c, s, buf + body, key, index);
	/* RED of the primary alone: its header is one byte. */
	if (audio && c->cfg.red) {
		buf[1] = (uint8_t)((buf[1] & 0x80) | CLIENT_RED_PT);
		buf[body++] = 111;
	}
	size_t len = body + client_media_stamp(
				    c, s, buf + body, key, index, payload_len);
	history_add(s->history, s->unwrapped++, buf, len);
	s->seq++;
	s->packets++;
	s->octets += len - n;
	seal_and_send(c, buf, len, false);
}

static void send_audio(struct client *c)
{
	struct client_send *s = &c->send[CLIENT_AUDIO];
	unsigned ms = c->cfg.audio_ms ? c->cfg.audio_ms : 20;
	send_rtp(c, s, false, false, 0, 80);
	s->counter++;
	s->ts += 48 * ms;
	s->next_us += ms * 1000;
}

static void send_frame(struct client *c, struct client_send *s)
{
	unsigned fps = c->cfg.fps ? c->cfg.fps : 30;
	unsigned n = c->cfg.packets_per_frame ? c->cfg.packets_per_frame : 2;
	size_t bytes = c->cfg.packet_bytes ? c->cfg.packet_bytes : 1000;
	/* Key pictures are of temporal layer 0. */
	bool key = s->want_key && c->now_us >= s->key_us && !s->mute &&
		   !(s->height && s->counter % 2);
	/* Half the lines are a quarter of the picture. */
	if (s->height) {
		bytes = bytes * s->height / 720;
		n = n * s->height / 720 ? n * s->height / 720 : 1;
	}
	s->want_key = s->want_key && !key;
	s->keyframes += key;
	s->picture = (s->picture + !s->mute) & 0x7fff;
	s->tl0 = (uint8_t)(s->tl0 + (s->counter % 2 == 0 && !s->mute));
	for (unsigned i = 0; i < n && !s->mute; i++)
		send_rtp(c, s, key, i == n - 1, i, bytes);
	s->counter++;
	s->ts += 90000 / fps;
	s->next_us += 1000000 / fps;
}

/* RFC 4588 4: the same packet under another number, SSRC and payload type, its
 * own number before its payload, and its rid as the one that it repairs. */
static size_t wrap(struct client_send *s, uint8_t *buf, size_t len)
{
	struct rtp_packet pkt;
	uint8_t payload[RTP_PACKET_MAX];
	if (!s->rtx_ssrc || (buf[1] & 0x7f) != 96 || rtp_parse(&pkt, buf, len))
		return len;
	for (unsigned i = 0; i < pkt.n_ext; i++)
		if (pkt.ext[i].id == CLIENT_RID_EXT)
			buf[pkt.ext[i].data - buf - 1] =
				(uint8_t)(CLIENT_RRID_EXT << 4 |
					  (pkt.ext[i].len - 1));
	memcpy(payload, pkt.payload, pkt.payload_len);
	len = (size_t)(pkt.payload - buf) +
	      rtx_wrap(pkt.payload, pkt.seq, payload, pkt.payload_len);
	buf[1] = (uint8_t)((buf[1] & 0x80) | CLIENT_RTX_PT);
	buf[2] = (uint8_t)(s->rtx_seq >> 8);
	buf[3] = (uint8_t)s->rtx_seq++;
	put32(buf + 8, s->rtx_ssrc);
	return len;
}

struct client_send *client_send_at(struct client *c, unsigned i)
{
	return i < 2 ? &c->send[i] : &c->lower[i - 2];
}

static void want_key(struct client *c, uint32_t media)
{
	for (unsigned k = CLIENT_VIDEO; k < CLIENT_SENDS; k++) {
		struct client_send *s = client_send_at(c, k);
		if (c->cfg.simulcast && s->ssrc != media)
			continue;
		if (!s->want_key)
			s->key_us = c->now_us + c->cfg.key_delay_us;
		s->want_key = true;
	}
}

static void resend(struct client *c, uint32_t ssrc, uint16_t seq)
{
	for (unsigned k = 0; k < CLIENT_SENDS; k++) {
		struct client_send *s = client_send_at(c, k);
		uint8_t buf[RTP_PACKET_MAX + CRYPT_TRAILER];
		size_t len;
		if (!s->on || s->ssrc != ssrc)
			continue;
		uint64_t full =
			s->unwrapped - (uint16_t)((uint16_t)s->unwrapped - seq);
		const uint8_t *old = history_get(s->history, full, &len);
		if (!old)
			continue;
		memcpy(buf, old, len);
		len = wrap(s, buf, len);
		s->resent++;
		seal_and_send(c, buf, len, false);
	}
}

static void read_feedback(struct client *c, const struct rtcp_item *item)
{
	struct twcc_walk walk;
	struct twcc_status status;
	if (twcc_walk_init(&walk, item->body, item->body_len)) {
		c->count.bad++;
		return;
	}
	c->count.feedbacks++;
	while (twcc_next(&walk, &status))
		c->count.told += status.received;
}

void client_media_rtcp(struct client *c, const uint8_t *buf, size_t len)
{
	struct rtcp_walk walk;
	struct rtcp_item item;
	if (rtcp_walk_init(&walk, buf, len)) {
		c->count.bad++;
		return;
	}
	while (rtcp_next(&walk, &item)) {
		if (item.type == RTCP_PLI || item.type == RTCP_FIR) {
			c->count.plis++;
			want_key(c, item.media);
		} else if (item.type == RTCP_NACK) {
			c->count.nacks_got++;
			for (unsigned i = 0; i < item.n_nack; i++)
				resend(c, item.media, item.nack[i]);
		} else if (item.type == RTCP_REMB) {
			c->remb_bps = item.remb_bps;
		} else if (item.type == RTCP_TWCC) {
			read_feedback(c, &item);
		} else if (item.type == RTCP_SR) {
			struct client_stream *s =
				client_stream_find(c, item.sender);
			if (s) {
				s->sr_ntp = item.ntp;
				s->sr_ts = item.rtp_ts;
				receive_sr(&s->receive, c->now_us, item.ntp,
					item.rtp_ts);
			}
		}
	}
}

struct client_stream *client_stream_find(struct client *c, uint32_t ssrc)
{
	for (unsigned i = 0; i < CLIENT_STREAMS; i++)
		if (c->stream_ssrc[i] == ssrc && c->stream[i].used)
			return &c->stream[i];
	return NULL;
}

/* What those of that payload type repair; 0: nothing. */
static uint8_t rtx_of_pt(const struct client *c, uint8_t pt)
{
	if (pt == CLIENT_RTX_PT)
		return (uint8_t)c->video_pt;
	return pt == CLIENT_VP9_PT + 1 || pt == CLIENT_AV1_PT + 1
		       ? (uint8_t)(pt - 1)
		       : 0;
}

/* What an RTX packet brings again, in place of it; NULL: it is none, or brings
 * nothing. */
static struct client_stream *unwrap(
	struct client *c, struct rtp_packet *pkt, uint8_t **buf, size_t *len)
{
	struct client_stream *s = NULL;
	for (unsigned i = 0; i < CLIENT_STREAMS && !s; i++)
		if (c->stream_ssrc[i] && c->stream[i].rtx_ssrc == pkt->ssrc)
			s = &c->stream[i];
	uint8_t pt = rtx_of_pt(c, pkt->pt);
	if (!s || !pt)
		return NULL;
	c->count.rtx++;
	if (rtx_unwrap(*buf, *len, pt, s->ssrc, buf, len) ||
		rtp_parse(pkt, *buf, *len))
		return NULL;
	return s;
}

static void note_arrival(struct client *c, const struct rtp_packet *pkt)
{
	const struct rtp_ext *ext = rtp_ext_find(pkt, CLIENT_TWCC_EXT);
	if (c->cfg.twcc && ext && ext->len == 2)
		arrival_note(&c->arrival, c->now_us,
			(uint16_t)(ext->data[0] << 8 | ext->data[1]),
			pkt->len + 38);
}

void client_media_packet(struct client *c, uint8_t *buf, size_t len)
{
	struct rtp_packet pkt;
	uint64_t seq;
	if (rtp_parse(&pkt, buf, len)) {
		c->count.bad++;
		return;
	}
	note_arrival(c, &pkt);
	bool again = false;
	struct client_stream *s = client_stream_find(c, pkt.ssrc);
	if (!s) {
		uint64_t before = c->count.rtx;
		s = unwrap(c, &pkt, &buf, &len);
		again = c->count.rtx > before;
	}
	if (!s && again) {
		c->count.rtx_padding++;
		return;
	}
	if (!s) {
		c->count.foreign_ssrc++;
		return;
	}
	enum receive_got got = receive_packet(
		&s->receive, c->now_us, pkt.seq, pkt.ts, len, &seq);
	c->count.rtx_padding += again && got == RECEIVE_DUPLICATE;
	if (got == RECEIVE_DUPLICATE || got == RECEIVE_OLD ||
		client_is_padded(buf))
		return;
	s->packets++;
	s->bytes += len;
	s->last_us = c->now_us;
	if (s->receive.n_missing) {
		uint64_t d = receive_deadline(&s->receive);
		c->nack_us = d < c->nack_us ? d : c->nack_us;
	}
	if (pkt.pt == CLIENT_RED_PT)
		client_judge_red(c, s, &pkt);
	client_judge_heard(s, pkt.payload, pkt.payload_len);
	s->pt = pkt.pt;
	client_judge(c, s, &pkt);
}

static void send_nacks(struct client *c, struct client_stream *s)
{
	uint16_t seq[RECEIVE_NACK_MAX];
	uint8_t buf[RTCP_PACKET_MAX + CRYPT_TRAILER];
	struct rtcp_build b;
	unsigned n =
		receive_nacks(&s->receive, c->now_us, seq, RECEIVE_NACK_MAX);
	if (!n)
		return;
	rtcp_build_init(&b, buf, RTCP_PACKET_MAX);
	rtcp_add_rr(&b, c->rtcp_ssrc, NULL, 0);
	rtcp_add_nack(&b, c->rtcp_ssrc, s->ssrc, seq, n);
	c->count.nacks_sent++;
	seal_and_send(c, buf, b.len, true);
}

static void nack_all(struct client *c)
{
	c->nack_us = UINT64_MAX;
	for (unsigned i = 0; i < CLIENT_STREAMS; i++) {
		struct client_stream *s = &c->stream[i];
		if (!c->stream_ssrc[i] || !s->started)
			continue;
		if (receive_deadline(&s->receive) <= c->now_us)
			send_nacks(c, s);
		uint64_t d = receive_deadline(&s->receive);
		c->nack_us = d < c->nack_us ? d : c->nack_us;
	}
}

static void send_reports(struct client *c)
{
	uint8_t buf[RTCP_PACKET_MAX + CRYPT_TRAILER];
	struct rtcp_build b;
	struct rtcp_block block[RTCP_BLOCKS_MAX];
	unsigned n = 0;
	memset(block, 0, sizeof(block));
	for (unsigned i = 0; i < CLIENT_STREAMS && n < RTCP_BLOCKS_MAX; i++)
		if (c->stream[i].used && c->stream[i].started)
			receive_report(
				&c->stream[i].receive, c->now_us, &block[n++]);
	rtcp_build_init(&b, buf, RTCP_PACKET_MAX);
	for (unsigned k = 0; k < CLIENT_SENDS; k++) {
		struct client_send *s = client_send_at(c, k);
		if (s->on && !s->mute)
			rtcp_add_sr(&b, s->ssrc, rtcp_ntp(c->now_us), s->ts,
				(uint32_t)s->packets, (uint32_t)s->octets, NULL,
				0);
	}
	rtcp_add_rr(&b, c->rtcp_ssrc, block, n);
	rtcp_add_cname(&b, c->rtcp_ssrc, "client");
	seal_and_send(c, buf, b.len, true);
	c->report_us = c->now_us + 1000000;
}

static void tell_arrivals(struct client *c)
{
	uint8_t buf[RTCP_PACKET_MAX + CRYPT_TRAILER];
	struct rtcp_build b;
	size_t n;
	do {
		rtcp_build_init(&b, buf, RTCP_PACKET_MAX);
		rtcp_add_rr(&b, c->rtcp_ssrc, NULL, 0);
		n = arrival_feedback(&c->arrival, c->now_us, c->rtcp_ssrc, 1,
			buf + b.len, RTCP_PACKET_MAX - b.len);
		if (n)
			seal_and_send(c, buf, b.len + n, true);
	} while (n);
}

void client_media_tick(struct client *c)
{
	struct client_send *a = &c->send[CLIENT_AUDIO];
	if (a->on && a->next_us <= c->now_us)
		send_audio(c);
	for (unsigned k = CLIENT_VIDEO; k < CLIENT_SENDS; k++) {
		struct client_send *v = client_send_at(c, k);
		if (!v->on || v->next_us > c->now_us)
			continue;
		if (c->cfg.svc)
			client_svc_send(c, v);
		else
			send_frame(c, v);
	}
	if (c->nack_us <= c->now_us)
		nack_all(c);
	if (c->report_us <= c->now_us)
		send_reports(c);
	if (arrival_deadline(&c->arrival) <= c->now_us)
		tell_arrivals(c);
}

uint64_t client_media_deadline(const struct client *c)
{
	uint64_t at = c->report_us;
	for (unsigned k = 0; k < CLIENT_SENDS; k++) {
		const struct client_send *s =
			k < 2 ? &c->send[k] : &c->lower[k - 2];
		if (s->on && s->next_us < at)
			at = s->next_us;
	}
	uint64_t told = arrival_deadline(&c->arrival);
	at = told < at ? told : at;
	return c->nack_us < at ? c->nack_us : at;
}
