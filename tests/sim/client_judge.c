/* How the simulated client judges what it gets. */
#include <string.h>
#include "rtp/red.h"
#include "tests/sim/client.h"

enum {
	AT_ID = CLIENT_AT_ID,
	AT_COUNTER = CLIENT_AT_COUNTER,
	AT_INDEX = CLIENT_AT_INDEX,
	AT_SENT = CLIENT_AT_SENT,
	STAMP = CLIENT_STAMP
};

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

void client_judge_heard(struct client_stream *s, const uint8_t *p, size_t len)
{
	if (s->kind != CLIENT_AUDIO || len < STAMP)
		return;
	uint32_t counter = get32(p + AT_COUNTER);
	int32_t ahead = (int32_t)(counter - s->heard_top);
	if (!s->heard) {
		s->heard_first = counter;
		s->heard_bits = 0;
		ahead = 1;
	}
	if (ahead > 0) {
		s->heard_bits = ahead > 63 ? 0 : s->heard_bits << ahead;
		s->heard_top = counter;
		ahead = 0;
	}
	if (ahead <= -64 || (s->heard_bits >> -ahead & 1))
		return;
	s->heard_bits |= UINT64_C(1) << -ahead;
	s->heard++;
}

/* All blocks are heard; the primary is what the packet is. */
void client_judge_red(
	struct client *c, struct client_stream *s, struct rtp_packet *pkt)
{
	struct red_block block[RED_BLOCKS];
	int n = red_parse(pkt->payload, pkt->payload_len, block);
	if (n < 0) {
		c->count.corrupt++;
		return;
	}
	c->count.red++;
	for (int i = 0; i < n - 1; i++)
		client_judge_heard(s, block[i].data, block[i].len);
	pkt->pt = block[n - 1].pt;
	pkt->payload += block[n - 1].data - pkt->payload;
	pkt->payload_len = block[n - 1].len;
}

/* Picture ids go up by one with each picture, TL0PICIDX with each of layer 0;
 * times go up too. Where packets are lost or late the test must know. */
static void judge_numbers(
	struct client_stream *s, uint32_t ts, const uint8_t *p)
{
	uint16_t picture = (uint16_t)((p[2] & 0x7f) << 8 | p[3]);
	uint16_t height =
		(uint16_t)(p[CLIENT_LAYERED + 8] | p[CLIENT_LAYERED + 9] << 8);
	if (s->started && ts != s->ts) {
		bool base = p[5] >> 6 == 0;
		s->numbering += picture != ((s->picture + 1) & 0x7fff) ||
				p[4] != (uint8_t)(s->tl0 + base) ||
				(int32_t)(ts - s->ts) <= 0;
	} else if (s->started) {
		s->numbering += picture != s->picture || p[4] != s->tl0;
	}
	s->heights += s->started && height != s->height;
	s->height = height;
	s->picture = picture;
	s->tl0 = p[4];
	s->ts = ts;
}

void client_judge(
	struct client *c, struct client_stream *s, const struct rtp_packet *pkt)
{
	bool first = true;
	uint8_t pt = pkt->pt;
	uint32_t ts = pkt->ts;
	const uint8_t *p = pkt->payload;
	size_t len = pkt->payload_len, svc = 0;
	if (s->kind == CLIENT_VIDEO && c->judge)
		svc = client_svc_take(c->judge, pkt, CLIENT_DD_EXT);
	if (svc) {
		p += svc;
		len -= svc;
		first = p[AT_INDEX] == 0;
	} else if (s->kind == CLIENT_VIDEO) {
		first = len > 0 &&
			(pt == CLIENT_H264_PT ? p[0] == client_h264_nal(true, 0)
					      : p[0] & 0x10);
		unsigned n = pt != CLIENT_H264_PT && p[0] & 0x80
				     ? CLIENT_LAYERED
				     : 1;
		if (n == CLIENT_LAYERED && len > CLIENT_LAYERED + STAMP)
			judge_numbers(s, ts, p);
		p += n;
		len -= n < len ? n : len;
	}
	if (len < STAMP) {
		c->count.corrupt++;
		return;
	}
	uint32_t from = get32(p + AT_ID), counter = get32(p + AT_COUNTER);
	bool key = !(p[0] & 1);
	for (size_t i = STAMP; i < len; i++) {
		if (p[i] != (uint8_t)counter) {
			c->count.corrupt++;
			break;
		}
	}
	if (!s->started && s->kind == CLIENT_VIDEO && !(key && first))
		s->before_key++;
	s->keyframes += key && first && s->kind == CLIENT_VIDEO;
	if (!s->started)
		s->first_us = c->now_us;
	s->started = true;
	if (s->from && s->from != from)
		s->foreign++;
	s->from = from;
	s->last_counter = counter;
	if (c->on_packet)
		c->on_packet(c, s,
			(uint64_t)get32(p + AT_SENT) << 32 |
				get32(p + AT_SENT + 4));
}
